"""The page about expressions: every word of the language with an example, and the value it has for a sample message.

The values are stated here and computed again whenever the page is made. This module does not know Sphinx.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dhcpkit.alloc.evaluate import evaluate, evaluate_text
from dhcpkit.alloc.expressions import parse, parse_text
from dhcpkit.alloc.subjects import FAMILY4, FAMILY6, FIELDS, Packet
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6, Relay6
from dhcpkit.wire.nested6 import Options6

CLASSES: Final = ("ALL", "KNOWN", "VENDOR_CLASS_MSFT 5.0")  # what both sample clients are in

# Family, expression, its value for the sample message, and what is to be said of it.
Row = tuple[int, str, str, str]
TRUTHS: Final[list[Row]] = [
    (
        4,
        "option[60].hex == 'MSFT 5.0'",
        "true",
        "Octets are compared one by one; only `==` compares, `not` turns it round.",
    ),
    (4, "option[host-name].exists", "true", "Whether the message has an option, by code or by name."),
    (4, "relay4[1].exists", "true", "Whether the relay agent added a sub-option of option 82."),
    (
        6,
        "relay6[0].option[18].exists",
        "true",
        "The same of a relay agent: 0 is next to the server, -1 next to the client.",
    ),
    (4, "option[82].option[1].exists", "true", "The same of an option inside an option, as deep as they go."),
    (4, "vendor[4491].option[2].exists", "true", "The same of an option of an enterprise."),
    (4, "vendor[4491].exists", "true", "Whether option 125 (17 in DHCPv6) is of this enterprise; `*` of any."),
    (6, "vendor-class[*].exists", "true", "The same of option 124 (16 in DHCPv6)."),
    (4, "member('KNOWN')", "true", "Whether the client is in a class already; it is defined before, or built in."),
    (4, "match('^prn.*', option[12].hex)", "false", "Whether a regular expression fits the whole value."),
    (4, "not member('ALL')", "false", "The opposite."),
    (4, "member('ALL') and option[12].exists", "true", "Both; what is on the right is looked at only if it matters."),
    (4, "member('DROP') or member('ALL')", "true", "One of both; as `and`."),
    (4, "member('ALL') sand option[12].exists", "true", "As `and`, and both sides are always looked at."),
    (4, "member('DROP') sor member('ALL')", "true", "As `or`, and both sides are always looked at."),
]
TEXTS: Final[list[Row]] = [
    (4, "'printer'", "'printer'", "A text; there is no way to write a quote in it."),
    (4, "0x0a0B", "0x0a0b", "Octets in hexadecimal digits."),
    (4, "192.0.2.1", "0xc0000201", "An address: four octets, or sixteen."),
    (4, "7", "0x00000007", "A number: four octets, so it compares with fields of the header."),
    (4, "option[12].hex", "'printer-7'", "An option's octets; nothing where it is absent."),
    (4, "option[12].text", "'printer-7'", "An option as a text."),
    (4, "option[82].option[1].hex", "'port3'", "An option inside an option; inner ones by code."),
    (4, "relay4[1].hex", "'port3'", "A sub-option of option 82."),
    (4, "relay4[1].text", "'type=001, len=005: 70:6f:72:74:33'", "The same as Kea shows it."),
    (6, "relay6[0].option[18].hex", "'port3'", "An option that a relay agent added."),
    (
        6,
        "relay6[-1].option[18].hex",
        "'port3'",
        "The relay agent next to the client; one that is not there has nothing.",
    ),
    (6, "relay6[1].option[18].hex", "''", "There is one relay agent only, number 0."),
    (6, "addrtotext(relay6[0].peeraddr)", "'fe80::7'", "Where the relay agent had the message from."),
    (6, "addrtotext(relay6[0].linkaddr)", "'2001:db8:1::1'", "The link it names."),
    (4, "vendor.enterprise", "0x0000118b", "The enterprise of option 125 (17 in DHCPv6)."),
    (4, "vendor[4491].option[2].hex", "'ab'", "An option of this enterprise in it."),
    (4, "vendor-class.enterprise", "0x0000118b", "The enterprise of option 124 (16 in DHCPv6)."),
    (4, "vendor-class[4491].data", "'docsis3.0'", "The first piece of data in it."),
    (6, "vendor-class[4491].data[1]", "'second'", "Another piece, the first being 0."),
    (
        4,
        "substring(option[12].hex, 0, 7)",
        "'printer'",
        "So many octets from a place; a negative place counts from the end.",
    ),
    (4, "substring(option[12].hex, -1, all)", "'7'", "`all` takes the rest."),
    (4, "substring(option[12].hex, 7, -3)", "'ter'", "A negative length takes what is before the place."),
    (4, "substring(option[12].hex, 20, 3)", "''", "Behind the end there is nothing."),
    (4, "split(option[12].hex, '-', 2)", "'7'", "The second of the fields between these characters."),
    (4, "split(option[12].hex, '-', 5)", "''", "There is no fifth."),
    (4, "concat('room ', option[12].hex)", "'room printer-7'", "One behind the other; `+` means the same."),
    (4, "'a' + 'b'", "'ab'", "See `concat`."),
    (4, "ifelse(member('KNOWN'), 'known', 'new')", "'known'", "One of two values; the other is not looked at."),
    (4, "sifelse(member('KNOWN'), 'known', 'new')", "'known'", "As `ifelse`, and both are always looked at."),
    (4, "lcase('Ab')", "'ab'", "In small letters."),
    (4, "ucase('Ab')", "'AB'", "In capital letters."),
    (4, "hexstring(pkt4.mac, ':')", "'02:00:00:00:00:07'", "Octets as digits with something between them."),
    (4, "addrtotext(pkt4.giaddr)", "'192.0.2.1'", "Four or sixteen octets as an address is written."),
    (4, "int8totext(0xff)", "'-1'", "One octet as a number with a sign."),
    (4, "int16totext(0xfffe)", "'-2'", "Two octets, likewise."),
    (4, "int32totext(0xfffffffd)", "'-3'", "Four octets, likewise."),
    (4, "uint8totext(0xff)", "'255'", "One octet as a number without a sign."),
    (4, "uint16totext(0x0100)", "'256'", "Two octets, likewise."),
    (4, "uint32totext(pkt4.msgtype)", "'1'", "Four octets, likewise: every field of the header that is a number."),
]
SAID: Final = {
    "pkt.iface": "the interface it came in on",
    "pkt.src": "the address it came from",
    "pkt.dst": "the address it came to",
    "pkt.len": "its length in octets",
    "pkt4.mac": "the client's hardware address",
    "pkt4.hlen": "the length of the hardware address",
    "pkt4.htype": "the type of the hardware",
    "pkt4.ciaddr": "the address the client has",
    "pkt4.giaddr": "the relay agent",
    "pkt4.yiaddr": "the address the client is given",
    "pkt4.siaddr": "the next server",
    "pkt4.msgtype": "the kind of message: 1 is a DHCPDISCOVER",
    "pkt4.transid": "the transaction's number",
    "pkt6.msgtype": "the kind of message: 1 is a SOLICIT",
    "pkt6.transid": "the transaction's number",
}


BUILT_IN_CLASSES: Final = {
    "ALL": "every client",
    "KNOWN": "clients with a reservation",
    "UNKNOWN": "clients without one",
    "VENDOR_CLASS_...": "clients that call themselves so: option 60, or the first text of option 16 in DHCPv6",
    "SPAWN_..._...": "clients of a `template-test`: the name of its class, and the value",
    "BOOTP": "clients that speak BOOTP",
    "HA_..., AFTER_..., EXTERNAL_...": "those whom hook libraries put into them",
}


def sample(version: int) -> Packet:
    """The message of a client named printer-7 behind a relay agent."""
    if version == 4:
        options = {
            12: b"printer-7", 60: b"MSFT 5.0", 82: b"\1\5port3", 124: bytes.fromhex("0000118b0a09") + b"docsis3.0",
            125: bytes.fromhex("0000118b040202") + b"ab",
        }  # fmt: skip
        data = build_packet4(1, options, xid=7, chaddr=b"\2\0\0\0\0\7", giaddr=0xC0000201, hops=1)
        return Packet4.parse(data, Arrival("eth0", 1, 0xC0000201, 67, 0xC0000202))
    inner = {1: bytes.fromhex("00030001020000000007"), 16: bytes.fromhex("0000118b0009") + b"docsis3.0\0\6second"}
    relay = Relay6(12, 0, 0x20010DB8000100000000000000000001, (0xFE80 << 112) + 7, Options6.of({18: b"port3"}))
    made = bytes(Packet6(1, inner, xid=7, relays=[relay]))
    return Packet6.parse(made, Arrival6("eth0", 1, (0xFE80 << 112) + 1, 547, (0x20010DB8 << 96) + 1))


def value_of(row: Row) -> str:
    """The value an example has today, written as in an expression."""
    family = FAMILY4 if row[0] == 4 else FAMILY6
    packet = sample(row[0])
    if row in TRUTHS:
        return str(evaluate(parse(row[1], family), packet, CLASSES, family.space)).lower()
    octets = evaluate_text(parse_text(row[1], family), packet, CLASSES, family.space)
    return f"'{octets.decode()}'" if re.fullmatch(rb"[ -~]*", octets) else f"0x{octets.hex()}"


def page() -> str:
    """The page, in Markdown."""
    from generate import code, table

    def rows(found: Iterable[Row]) -> Iterable[tuple[str, str, str]]:
        for row in found:
            assert value_of(row) == row[2], f"{row[1]} is {value_of(row)}"
            yield code(row[1]) + (" (DHCPv6)" if row[0] == 6 else ""), code(row[2]), row[3]

    fields = ((code(name), SAID[name]) for name in FIELDS)
    return "\n".join(
        [
            "# Expressions of client classes\n",
            (
                "A class's `test` is an expression that is true or false of a message; a `template-test` is one whose"
                " value names a class. The language is Kea's. The examples are about a client that calls itself"
                " `printer-7`, sits behind a relay agent, and is `KNOWN`.\n"
            ),
            "## True or false\n",
            table(("expression", "value", "meaning"), rows(TRUTHS)),
            (
                "They bind in this order, the strongest first: `not`, `and`, `sand`, `or`, `sor`. Brackets say it"
                " otherwise.\n"
            ),
            "## Values\n",
            table(("expression", "value", "meaning"), rows(TEXTS)),
            (
                "A value that is absent is empty. Where a function has no use for a value (`addrtotext` of three"
                " octets), the client is not put into the class, and the log says so.\n"
            ),
            "## Classes that are there\n",
            (
                "`member` may ask for any class that is defined before, and for these. `DROP`, `REJECT` and `SKIP_DDNS`"
                " mean something by their name, and are defined like others.\n"
            ),
            table(("class", "who is in it"), ((code(name), who) for name, who in BUILT_IN_CLASSES.items())),
            "## Fields of a message\n",
            "Numbers are four octets, addresses four or sixteen.\n",
            table(("field", "what it is"), fields),
        ]
    )
