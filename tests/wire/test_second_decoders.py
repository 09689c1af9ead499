"""The recorded packets through two decoders that are not ours: tshark and scapy see the same options."""

import json
import struct
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpkit.wire import Packet4
from dhcpkit.wire.capture import read_capture
from dhcpkit.wire.options4 import DHCP_PARAMETER_REQUEST_LIST

VECTORS = [
    json.loads(line) for line in (Path(__file__).parent.parent / "vectors" / "clients4.jsonl").read_text().splitlines()
]


def frame(vector):
    """The recorded datagram as it was on the Ethernet."""
    payload = bytes.fromhex(vector["payload"])
    udp = struct.pack(">HHHH", vector["sport"], vector["dport"], 8 + len(payload), 0) + payload
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
        IPv4Address(vector["src"]).packed, IPv4Address(vector["dst"]).packed,
    )  # fmt: skip
    macs = bytes.fromhex((vector["ethdst"] + vector["ethsrc"]).replace(":", ""))
    return macs + b"\x08\0" + ip + udp


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """All vectors in one pcap file."""
    path = tmp_path_factory.mktemp("capture") / "clients.pcap"
    records = [struct.pack("<IIII", n, 0, len(f), len(f)) + f for n, f in enumerate(map(frame, VECTORS))]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records))
    return path


def test_our_own_reader_finds_every_datagram(capture):
    found = list(read_capture(capture.read_bytes()))
    assert [datagram.payload.hex() for datagram in found] == [vector["payload"] for vector in VECTORS]
    for datagram, vector in zip(found, VECTORS, strict=True):
        assert (str(datagram.source), datagram.port) == (vector["src"], vector["sport"])
        assert (str(datagram.destination), datagram.dport) == (vector["dst"], vector["dport"])
        assert datagram.source_mac.hex(":") == vector["ethsrc"]
        assert datagram.destination_mac.hex(":") == vector["ethdst"]


@pytest.mark.needs("tshark")
def test_tshark_sees_the_same(capture):
    fields = [
        "dhcp.option.dhcp", "dhcp.id", "dhcp.option.request_list_item",
        "dhcp.option.type", "dhcp.option.length", "dhcp.option.value",
    ]  # fmt: skip
    command = ["tshark", "-r", str(capture), "-T", "json", "--no-duplicate-keys"]
    command += [word for field in fields for word in ("-e", field)]
    rows = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert len(rows) == len(VECTORS)
    for row, vector in zip(rows, VECTORS, strict=True):
        packet = Packet4.parse(bytes.fromhex(vector["payload"]))
        type_, xid, asked, codes, lengths, values = (row["_source"]["layers"].get(field, []) for field in fields)
        assert int(type_[0]) == packet.type
        assert int(xid[0], 16) == packet.xid
        assert tuple(int(code) for code in asked) == (packet.get(DHCP_PARAMETER_REQUEST_LIST) or ())
        joined, given = {}, iter(values)
        for code, length in zip(codes, lengths, strict=False):  # END has no length
            octets = bytes.fromhex(next(given)) if int(length) else b""
            assert len(octets) == int(length)
            joined[int(code)] = joined.get(int(code), b"") + octets
        assert joined == packet.options


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['from']} {vector['type']}")
def test_scapy_sees_the_same(vector):
    dhcp = pytest.importorskip("scapy.layers.dhcp")
    data = bytes.fromhex(vector["payload"])
    packet = Packet4.parse(data)
    theirs = dhcp.BOOTP(data)
    assert (theirs.xid, theirs.op, theirs.secs) == (packet.xid, packet.op, packet.secs)
    assert int(IPv4Address(theirs.yiaddr)) == packet.yiaddr
    assert theirs.chaddr[: packet.hlen] == packet.chaddr
    found = [option for option in theirs[dhcp.DHCP].options if isinstance(option, tuple)]
    names = [option[0] for option in found]
    numbers = {name if isinstance(name, str) else name.name: code for code, name in dhcp.DHCPOptions.items()}
    theirs_codes = [name if isinstance(name, int) else numbers[name] for name in names]
    assert list(dict.fromkeys(theirs_codes)) == list(packet)
    values = {option[0]: option[1] for option in found}
    assert values["message-type"] == packet.type
    if "param_req_list" in values:
        assert list(values["param_req_list"]) == list(packet[DHCP_PARAMETER_REQUEST_LIST])
    for name, code in (("requested_addr", 50), ("server_id", 54), ("subnet_mask", 1)):
        if name in values:
            assert IPv4Address(values[name]).packed == packet.options[code]
    for name, code in (("lease_time", 51), ("renewal_time", 58), ("rebinding_time", 59)):
        if name in values:
            assert values[name].to_bytes(4, "big") == packet.options[code]
