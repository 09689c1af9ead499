"""`dhcpkit decode` and what it prints: messages in words, from every kind of source."""

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.cli import main
from dhcpkit.testing.strategies import malformed, packets4
from dhcpkit.wire import MessageType, Packet4, WireError
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.describe import describe4, printable
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
        145: b"\1",
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
    dhcp-client-identifier (61) hardware address 02:00:00:00:00:10 of type 1
    host-name (12) lab\x1b[31m
    dhcp-parameter-request-list (55) subnet-mask, routers, 200
    user-class (77) 'iPXE'
    fqdn (81) 'lab.' SE
    routers (3) ! 4 octets expected, 3 left: 61 62 63
    option 145 01
    dhcp-agent-options (82)
      circuit-id (1) 65746831 'eth1'
      link-selection (5) 10.0.0.1
      ! octet 12 of the payload: sub-option 2 runs past the end
    vivso-suboptions (125)
      enterprise 4491: oro (1) 2
"""


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["decode", *arguments])
    return stopped.value.code


def test_a_message_as_a_tree(capsys):
    assert run(DISCOVER.hex()) == 0
    assert capsys.readouterr().out == TREE + "\n"


@pytest.mark.parametrize("separator", [":", " ", "-", ", 0x"])
def test_digits_may_be_separated(separator, capsys):
    assert run(DISCOVER.hex(" ").replace(" ", separator)) == 0
    assert "DISCOVER" in capsys.readouterr().out


def test_json_has_every_octet(capsys):
    assert run("--json", DISCOVER.hex()) == 0
    described = json.loads(capsys.readouterr().out)
    assert (described["type"], described["xid"], described["size"]) == ("DISCOVER", "0xe75aed64", len(DISCOVER))
    found = {option["code"]: option for option in described["options"]}
    assert {code: bytes.fromhex(option["octets"]) for code, option in found.items()} == Packet4.parse(DISCOVER).options
    assert found[3]["error"] == "4 octets expected, 3 left"
    assert found[145] == {"code": 145, "name": None, "octets": "01"}
    assert found[82]["options"][1]["value"] == "10.0.0.1"


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
    assert "#2  not DHCPv4" in shown
    assert "! octet 8: a DHCPv4 header has 236 octets, not 8" in shown
    assert "#3  DISCOVER" in shown
    assert "#4" not in shown
    assert run("--json", str(path)) == 0
    assert [json.loads(line).get("type") for line in capsys.readouterr().out.splitlines()] == [
        "DISCOVER",
        None,
        "DISCOVER",
    ]


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
        ("00", 1, "a DHCPv4 header has 236 octets"),
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


@given(st.one_of(malformed(), packets4().map(bytes)))
def test_any_message_can_be_described(data):
    try:
        packet = Packet4.parse(data)
    except WireError:
        return
    described = describe4(packet)
    json.dumps(described)
    assert len(described["options"]) == len(packet.options)
    assert [flaw["offset"] for flaw in described["flaws"]] == [offset for offset, _ in packet.flaws]


@given(st.text())
def test_nothing_moves_the_terminals_cursor(text):
    assert printable(text).isprintable()
    assert printable("\x1b\udcff\u2028é") == "\\x1b\\xff\\u2028é"
