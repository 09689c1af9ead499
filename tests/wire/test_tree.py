"""Messages in words: every message has a tree, plain and for rich, and none moves a terminal's cursor."""

import io
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import malformed, packets4, packets6
from dhcpkit.wire import Packet4, Packet6, WireError, from_json, to_json
from dhcpkit.wire.tree import Line, outline, plain, printable, tree

BRANCHES = "│├└─ \xa0"  # what draws the tree


def lines(packet):
    return list(plain(outline(to_json(packet))))


def rich_lines(packet):
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=10_000, color_system=None)
    console.print(tree(packet))
    return [line.lstrip(BRANCHES) for line in console.file.getvalue().splitlines()]


@given(st.one_of(malformed(packets4()), packets4().map(bytes), malformed(packets6()), packets6().map(bytes)))
def test_any_message_has_words(data):
    for parse in (Packet4.parse, Packet6.parse):
        try:
            packet = parse(data)
        except WireError:
            continue
        shown = lines(packet)
        assert all(line.isprintable() for line in shown)
        assert rich_lines(packet)[1:] == [line.lstrip(BRANCHES) for line in shown]
        told = [line for line in shown if line.startswith("! ")]
        assert [f"! octet {offset}: {what}" for offset, what in packet.flaws] == told


def test_relays_and_what_lies_in_options():
    packet = from_json({"type": "REPLY", "xid": "0x1", "relays": [{"peer": "fe80::1", "options": [
        {"name": "interface-id", "value": "01"}]}], "options": [
        {"name": "ia-na", "value": {"iaid": 1, "options": [
            {"name": "iaaddr", "value": {"address": "2001:db8::1", "options": [
                {"name": "status-code", "value": {"code": 2, "message": "none"}}]}}]}},
        {"name": "oro", "value": [23, 60000]}, {"code": 60001, "octets": "00" * 70}]})  # fmt: skip
    assert lines(packet) == [
        "relay RELAY-REPL  hops 0  link ::  peer fe80::1",
        "  interface-id (18) 01",
        "  relay-msg (9)",
        "xid 0x000001",
        "options",
        "  ia-na (3) iaid 1  t1 0  t2 0",
        "    iaaddr (5) address 2001:db8::1  preferred 0  valid 0",
        "      status-code (13) NO-ADDRS-AVAIL: none",
        "  oro (6) dns-servers, 60000",
        f"  option 60001 {'00 ' * 64}... 70 octets",
    ]
    assert rich_lines(packet)[0] == "DHCPv6 REPLY"


def test_values_with_several_parts():
    packet = from_json({"type": "BOOTP", "options": [
        {"name": "classless-static-route", "value": [{"destination": "0.0.0.0/0", "router": "10.0.0.1"}] * 2},
        {"name": "slp-directory-agent", "value": [True, ["10.0.0.1", "10.0.0.2"]]},
        {"name": "vivso-suboptions", "value": [{"enterprise": 1, "options": [{"code": 1, "octets": "ff"}]},
                                               {"enterprise": 2, "options": []}]},
        {"name": "rapid-commit"}]})  # fmt: skip
    assert lines(packet)[2:] == [
        "options",
        "  classless-static-route (121)",
        "    destination 0.0.0.0/0  router 10.0.0.1",
        "    destination 0.0.0.0/0  router 10.0.0.1",
        "  slp-directory-agent (78) true, 10.0.0.1, 10.0.0.2",
        "  vivso-suboptions (125)",
        "    enterprise 1",
        "      option 1 ff",
        "    enterprise 2",
        "  rapid-commit (80)",
    ]


def test_long_values():
    packet = Packet4(1, {61: bytes(100), 12: b"x" * 200})
    assert lines(packet)[-2:] == [
        f"  dhcp-client-identifier (61) {'00' * 64} ... 100 octets {to_json(packet)['options'][1]['says']}",
        f"  host-name (12) {'x' * 200}",
    ]


def test_a_message_within_a_message():
    shown = to_json(Packet4(1)) | {"options": [{"code": 1, "name": "carried", "value": to_json(Packet6(1, xid=1))}]}
    assert list(plain(outline(json.loads(json.dumps(shown)))))[-2:] == ["  carried (1) SOLICIT", "    xid 0x000001"]


@given(st.text())
def test_nothing_moves_the_terminals_cursor(text):
    assert printable(text).isprintable()
    assert str(Line(text, text, text)).isprintable()


def test_what_is_printed_of_what_is_not_printable():
    assert printable("\x1b\udcff\u2028é\U000e0001") == "\\x1b\\xff\\u2028é\\U000e0001"


def test_rich_is_not_needed_for_the_rest():
    program = "import sys, dhcpkit.wire, dhcpkit.wire.tree; print([name for name in sys.modules if name[:4] == 'rich'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
