"""`dhcpkit decode` and what it prints: messages in words, from every kind of source."""

import gzip
import io
import json
import struct
from ipaddress import IPv6Address

import pytest

from dhcpkit.cli import main
from dhcpkit.wire import MessageType, Packet4, from_json
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.capture import Datagram, write_capture
from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options4 import (
    DHCP_AGENT_OPTIONS,
    DHCP_CLIENT_IDENTIFIER,
    DHCP_PARAMETER_REQUEST_LIST,
    DOCSIS3_ORO,
    FQDN_OPTION,
    HOST_NAME,
    USER_CLASS,
    VIVSO_SUBOPTIONS,
)
from dhcpkit.wire.vendor import VendorOptions

MAC = bytes.fromhex("020000000010")
DISCOVER = build_packet4(
    MessageType.DISCOVER,
    {
        DHCP_CLIENT_IDENTIFIER: b"\1" + MAC,
        HOST_NAME: "lab\x1b[31m",
        DHCP_PARAMETER_REQUEST_LIST: (1, 3, 200),
        USER_CLASS: b"iPXE",
        FQDN_OPTION: ClientFqdn("lab.", server_updates=True),
        3: b"abc",
        224: b"\1",
        DHCP_AGENT_OPTIONS: SubOptions(b"\1\4eth1\x05\4\x0a\0\0\1\2\x09x"),
        VIVSO_SUBOPTIONS: (VendorOptions(4491, SubOptions.of({DOCSIS3_ORO: (2,)})),),
    },
    xid=0xE75AED64,
    chaddr=MAC,
    broadcast=True,
    ciaddr=0x0A000005,
)

TREE = r"""#1  DISCOVER  319 octets
  op REQUEST  htype 1  hlen 6  hops 0  xid 0xe75aed64  secs 0  flags 0x8000 broadcast
  chaddr 02:00:00:00:00:10
  ciaddr 10.0.0.5
  options
    dhcp-message-type (53) DISCOVER
    dhcp-client-identifier (61) 01020000000010 hardware address 02:00:00:00:00:10 of type 1
    host-name (12) lab\x1b[31m
    dhcp-parameter-request-list (55) subnet-mask, routers, 200
    user-class (77) 69505845 'iPXE'
    fqdn (81) 'lab.' SE
    routers (3) ! 4 octets expected, 3 left: 61 62 63
    option 224 01
    dhcp-agent-options (82)
      circuit-id (1) 65746831 'eth1'
      link-selection (5) 10.0.0.1
      ! octet 12 of the payload: sub-option 2 runs past the end
    vivso-suboptions (125) enterprise 4491
      oro (1) tftp-servers
"""

SOLICIT = bytes.fromhex("010e03310003000c000000010000000000000000")
TREE6 = """#1  SOLICIT  20 octets
  xid 0x0e0331
  options
    ia-na (3) iaid 1  t1 0  t2 0
"""


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["decode", *arguments])
    return stopped.value.code


def test_a_message_as_a_tree(capsys):
    assert run(DISCOVER.hex()) == 0
    assert capsys.readouterr().out == TREE + "\n"


def test_a_message_of_dhcpv6(capsys):
    assert run(SOLICIT.hex()) == 0
    assert capsys.readouterr().out == TREE6 + "\n"


def test_the_family_may_be_forced(capsys):
    assert run("-6", DISCOVER.hex()) == 0
    assert "SOLICIT" in capsys.readouterr().out
    assert run("-4", SOLICIT.hex()) == 1
    assert "not DHCPv4" in capsys.readouterr().out
    assert run("-4", "-6", SOLICIT.hex()) == 2


@pytest.mark.parametrize("separator", [":", " ", "-", ", 0x"])
def test_digits_may_be_separated(separator, capsys):
    assert run(DISCOVER.hex(" ").replace(" ", separator)) == 0
    assert "DISCOVER" in capsys.readouterr().out


def test_json_is_what_the_library_reads(capsys):
    assert run("--json", DISCOVER.hex()) == 0
    described = json.loads(capsys.readouterr().out)
    assert (described["type"], described["xid"], described["size"]) == ("DISCOVER", "0xe75aed64", len(DISCOVER))
    found = {option["code"]: option for option in described["options"]}
    assert list(found) == list(Packet4.parse(DISCOVER).options)
    assert found[224] == {"code": 224, "octets": "01"}
    assert found[82]["value"][1]["value"] == "10.0.0.1"
    assert bytes(from_json(described)) == DISCOVER


def test_standard_input_and_files(tmp_path, capsys, monkeypatch):
    text = f"{DISCOVER.hex(' ')}\n\n{DISCOVER.hex()}\n"
    (tmp_path / "two.txt").write_text(text)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run() == 0
    from_stdin = capsys.readouterr().out
    assert [line.split()[:2] for line in from_stdin.splitlines() if "#" in line] == [
        ["#1", "DISCOVER"],
        ["#2", "DISCOVER"],
    ]
    assert run(str(tmp_path / "two.txt")) == 0
    assert capsys.readouterr().out == from_stdin


def capture(*payloads, port=68):
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for payload in payloads:
        udp = struct.pack(">HHHH", port, 67 if port else 53, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
        data += struct.pack("<IIII", 86400, 5, 20 + len(udp), 20 + len(udp)) + ip + udp
    return data


def test_captures(tmp_path, capsys):
    path = tmp_path / "capture.pcap"
    path.write_bytes(capture(DISCOVER, b"not DHCP", DISCOVER) + capture(DISCOVER, port=0)[24:])
    assert run(str(path)) == 0
    shown = capsys.readouterr().out
    assert "#1  DISCOVER  1970-01-02T00:00:00.000005+00:00  0.0.0.0:68 > 255.255.255.255:67" in shown
    assert "#2  not DHCPv4  1970" in shown
    assert "! octet 8: a DHCPv4 header has 236 octets, not 8" in shown
    assert "#3  DISCOVER" in shown
    assert "#4" not in shown
    assert run("--json", str(path)) == 0
    assert [json.loads(line).get("type") for line in capsys.readouterr().out.splitlines()] == [
        "DISCOVER",
        None,
        "DISCOVER",
    ]


@pytest.mark.parametrize(("port", "dport"), [(546, 547), (40000, 547), (547, 40000)])
def test_captures_of_dhcpv6(port, dport, tmp_path, capsys):
    ends = IPv6Address("fe80::1"), IPv6Address("ff02::1:2")
    path = tmp_path / "capture.pcap.gz"
    datagrams = [Datagram(86400.0, ends[0], each, ends[1], dport, SOLICIT) for each in (port, port)]
    path.write_bytes(gzip.compress(write_capture(datagrams)))
    assert run(str(path)) == 0
    shown = capsys.readouterr().out
    assert f"#2  SOLICIT  1970-01-02T00:00:00.000000+00:00  [fe80::1]:{port} > [ff02::1:2]:{dport}  20 octets" in shown
    assert run("-4", str(path)) == 1
    assert run("--json", "-6", str(path)) == 0
    described = json.loads(capsys.readouterr().out.splitlines()[0])
    assert described["datagram"]["destination"] == "ff02::1:2"
    assert bytes(from_json(described)) == SOLICIT


def test_relays_of_dhcpv4_may_use_any_port(tmp_path, capsys):
    path = tmp_path / "capture.pcap"
    path.write_bytes(capture(DISCOVER, port=40000))
    assert run(str(path)) == 0
    assert "0.0.0.0:40000 > 255.255.255.255:67" in capsys.readouterr().out


def test_a_time_that_no_calendar_has(tmp_path, capsys):
    blocks = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    blocks += struct.pack("<IIHHIHHB3xI", 1, 28, 101, 0, 0, 9, 1, 0, 28)  # whole seconds
    frame = capture(DISCOVER)[40:]
    frame += bytes(-len(frame) % 4)
    size = 32 + len(frame)
    blocks += (
        struct.pack("<IIIIIII", 6, size, 0, 0xFFFFFFFF, 0, len(frame), len(frame)) + frame + struct.pack("<I", size)
    )
    path = tmp_path / "capture.pcapng"
    path.write_bytes(blocks)
    assert run(str(path)) == 0
    assert "#1  DISCOVER  18446744069414584320.000000  0.0.0.0:68" in capsys.readouterr().out


def test_a_damaged_capture_shows_what_came_before(tmp_path, capsys):
    path = tmp_path / "capture.pcap"
    path.write_bytes(capture(DISCOVER, DISCOVER)[:-9])
    assert run(str(path)) == 1
    printed = capsys.readouterr()
    assert printed.out.count("#") == 1
    assert "cut off" in printed.err


@pytest.mark.parametrize(
    ("argument", "status", "told"),
    [
        ("00", 1, "the header of this DHCPv6 message has 4 octets"),
        ("abc", 2, "neither hexadecimal digits"),
        ("nosuch.pcap", 1, "No such file"),
    ],
)
def test_what_cannot_be_shown(argument, status, told, capsys):
    assert run(argument) == status
    printed = capsys.readouterr()
    assert told in " ".join((printed.out + printed.err).replace("│", " ").split())


def test_options_in_file_and_sname(capsys):
    data = build_packet4(5, {52: b"\3"}, xid=1, chaddr=MAC, file=b"\x0c\1a\xff", sname=b"\x42\1b\xff")
    assert run(data.hex()) == 0
    shown = capsys.readouterr().out
    assert "dhcp-option-overload (52) file and sname" in shown
    assert "  options in file\n    host-name (12) a\n" in shown
    assert "  options in sname\n    tftp-server-name (66) b\n" in shown
