"""Messages as JSON, both ways: `to_json(packet)` is what `json.dumps` takes, `from_json` makes a packet of it.

Fields have the names of the RFCs, numbers that people know by name are names, addresses are text, and options are what
`json_form` shows. Nothing is lost: where fields and options would not give the same octets again (padding within, an
option cut off, parts of unusual size) the message's `octets` stand there too, and count before all else when it is
read. What is read may be short: `{"type": "DISCOVER", "options": [{"name": "host-name", "value": "lab"}]}` has all that
is needed, and every mistake is a JsonError with its place. This module does not know files.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeVar

from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import RELAYS_MAX, MessageType6, Packet6, Relay6
from dhcpkit.wire.errors import JsonError, WireError
from dhcpkit.wire.header4 import BROADCAST, COOKIE, FROM_SERVERS, MessageType, Op
from dhcpkit.wire.json_form import Inside, Json, at, quoted, read_octets, refuse_others
from dhcpkit.wire.kinds import IPV4, IPV6, Kind
from dhcpkit.wire.nested import SubOptions, options_octets
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6
from dhcpkit.wire.says import name_of

__all__ = ["family_of", "family_told", "from_json", "to_json"]

T = TypeVar("T")

MESSAGE_TYPE: Final = 53
OVERLOAD: Final = 52
RELAY_MSG: Final = 9
END: Final = b"\xff"
COOKIE_AT: Final = 236
FIELDS: Final = {"sname": (44, 64), "file": (108, 128)}  # where they start, and their sizes (RFC 2131 figure 1)
RELAY_TYPES: Final = (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL)
REPLIES6: Final = (MessageType6.ADVERTISE, MessageType6.REPLY, MessageType6.RECONFIGURE)  # what relays bring to clients
NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")

NUMBERS4: Final = {"htype": 8, "hlen": 8, "hops": 8, "xid": 32, "secs": 16, "flags": 16}  # with their bits
ADDRESSES4: Final = ("ciaddr", "yiaddr", "siaddr", "giaddr")
MEMBERS4: Final = (
    "family", "type", "op", *NUMBERS4, "broadcast", *ADDRESSES4, "chaddr", *FIELDS, "options", "pad_to", "octets",
)  # fmt: skip
MEMBERS6: Final = ("family", "type", "xid", "hops", "link", "peer", "options", "relays", "octets")
MEMBERS_RELAY: Final = ("type", "hops", "link", "peer", "options")
MEMBERS: Final = {4: MEMBERS4, 6: MEMBERS6}
NOTES: Final = ("number", "datagram", "size", "flaws")  # what is told of a message, and is no part of it


def to_json(packet: Packet4 | Packet6, space: Space | None = None) -> dict[str, Json]:
    """A message as JSON. Never fails for octets that a peer chose.

    `space` is where its options are declared: DHCP4 or DHCP6 where none is given. A space of your own, made with
    `Space(name, extends=DHCP4)`, may declare more options, or others: what lies in option 43, for one.
    """
    data = bytes(packet)
    if isinstance(packet, Packet4):
        shown = _show4(packet if data == packet.data else Packet4.parse(data), data, Inside(space or DHCP4))
    else:
        shown = _show6(packet if data == packet.data else Packet6.parse(data), Inside(space or DHCP6))
    try:
        same = bytes(from_json(shown, space)) == data
    except JsonError:
        same = False
    if not same:
        shown["octets"] = data.hex()
    return shown


def from_json(found: Json, space: Space | None = None, *, family: int | None = None) -> Packet4 | Packet6:
    """The message that JSON describes, the inverse of `to_json`. JsonError where it describes none.

    `type` is needed, or `octets`; all else has a default. Of a type that both families have, other members tell the
    family, or `family` there or here does.
    """
    if not isinstance(found, dict):
        raise JsonError(f"an object that describes a message expected, not {quoted(found)}")
    family = family_told(found, family)
    refuse_others(found, MEMBERS[family] + NOTES)
    if "octets" in found:
        with at("octets"):
            octets = read_octets(found["octets"])
    elif family == 4:
        octets = _read4(found, Inside(space or DHCP4))
    else:
        octets = _read6(found, Inside(space or DHCP6))
    try:
        return Packet4.parse(octets) if family == 4 else Packet6.parse(octets)
    except WireError as error:
        raise JsonError(error.what, ("octets",)) from None


def family_of(data: bytes) -> int:
    """4 or 6: a message with DHCPv4's magic cookie in its place is one, any other is DHCPv6's."""
    return 4 if data[COOKIE_AT : COOKIE_AT + len(COOKIE)] == COOKIE else 6


def _show4(packet: Packet4, data: bytes, inside: Inside) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "family": 4,
        "type": (name_of(MessageType, packet.type) or packet.type) if packet.type else "BOOTP",
        "op": name_of(Op, packet.op) or packet.op,
        "htype": packet.htype,
        "hlen": packet.hlen,
        "hops": packet.hops,
        "xid": f"{packet.xid:#010x}",
        "secs": packet.secs,
        "flags": f"{packet.flags:#06x}",
        "broadcast": packet.broadcast_flag,
        **{name: str(IPv4Address(getattr(packet, name))) for name in ADDRESSES4},
        "chaddr": packet.chaddr.hex(":"),
    }
    overload = packet.options.get(OVERLOAD, b"")[:1]
    for bit, (name, (start, size)) in zip((2, 1), FIELDS.items(), strict=True):
        octets = data[start : start + size]
        if overload and overload[0] & bit:
            shown[name] = {"options": inside.show(SubOptions(octets, padded=True).items())}
        else:
            shown[name] = octets.rstrip(b"\0").decode("utf-8", "surrogateescape")
    told = {MESSAGE_TYPE: bytes((packet.type,))} if packet.type else {}
    shown["options"] = inside.show(packet.options.items(), told)
    if data.endswith(b"\0") and data.rstrip(b"\0").endswith(END):
        shown["pad_to"] = len(data)
    return _with_flaws(shown, packet)


def _show6(packet: Packet6, inside: Inside) -> dict[str, Json]:
    shown: dict[str, Json] = {"family": 6, "type": name_of(MessageType6, packet.type) or packet.type}
    if packet.type in RELAY_TYPES:
        shown |= _relay_header(packet)
    else:
        shown["xid"] = f"{packet.xid:#08x}"
    shown["options"] = inside.show(packet.options.items())
    if packet.relays:
        shown["relays"] = [
            {
                "type": name_of(MessageType6, relay.type),
                **_relay_header(relay),
                "options": inside.show(relay.options.items(), {RELAY_MSG: relay.options.first[RELAY_MSG]}),
            }
            for relay in packet.relays
        ]
    return _with_flaws(shown, packet)


def _relay_header(message: Packet6 | Relay6) -> dict[str, Json]:
    return {"hops": message.hops, "link": str(IPv6Address(message.link)), "peer": str(IPv6Address(message.peer))}


def _with_flaws(shown: dict[str, Json], packet: Packet4 | Packet6) -> dict[str, Json]:
    flaws = [{"offset": offset, "what": what} for offset, what in packet.flaws]
    return shown | {"flaws": flaws} if flaws else shown


def family_told(found: Mapping[Any, Json], family: int | None = None) -> int:
    """The family of a message in JSON: the one told, or the only one that has its type and its members.

    JsonError where nothing tells.
    """
    told = found.get("family", family)
    if told is not None:
        if told not in (4, 6) or family not in (None, told):
            raise JsonError(f"{family or '4 or 6'} expected, not {quoted(told)}", ("family",))
        return 4 if told == 4 else 6
    if "octets" in found:
        with at("octets"):
            return family_of(read_octets(found["octets"]))
    if "type" not in found:
        raise JsonError("type missing: the name or number of a message type, or BOOTP")
    unknown = {
        each: sum(name not in members + NOTES for name in found)
        for each, members in MEMBERS.items()
        if _type(found["type"], each) is not None
    }
    if not unknown:
        raise JsonError(f"the name or number of a message type expected, not {quoted(found['type'])}", ("type",))
    best = [each for each, count in unknown.items() if count == min(unknown.values())]
    if len(best) > 1:
        raise JsonError(f"4 or 6 expected, as both have a message type {found['type']}", ("family",))
    return best[0]


def _type(found: Json, family: int) -> int | None:
    """The number of a message type, 0 for BOOTP; None where the family has none of this name."""
    if type(found) is int and 0 < found <= 0xFF:
        return found
    if not isinstance(found, str):
        return None
    word = found.upper().replace("-", "_")
    if family == 4 and word == "BOOTP":
        return 0
    names: type[enum.IntEnum] = MessageType if family == 4 else MessageType6
    each = names.__members__.get(word.removeprefix("DHCP") if family == 4 else word)
    return None if each is None else int(each)


def _read_type(found: Mapping[str, Json], family: int) -> int:
    number = _type(found.get("type"), family)
    if number is None:
        told = quoted(found["type"]) if "type" in found else "nothing"
        raise JsonError(f"the name or number of a DHCPv{family} message type expected, not {told}", ("type",))
    return number


def _read4(found: dict[str, Json], inside: Inside) -> bytes:
    kind = _read_type(found, 4)
    numbers = {name: _number(found, name, bits) for name, bits in NUMBERS4.items()}
    address = {name: _read(IPV4, found, name) for name in ADDRESSES4}
    names = {name: _field(found, name, size, inside) for name, (_, size) in FIELDS.items()}
    options = _options4(found, kind, inside)
    with at("chaddr"):
        chaddr = read_octets(found.get("chaddr") or "")
        if "hlen" in found and len(chaddr) != min(numbers["hlen"], 16):
            raise JsonError(f"{len(chaddr)} octets contradict the hlen {numbers['hlen']}")
    try:
        return build_packet4(
            None,
            options,
            xid=numbers["xid"],
            chaddr=chaddr,
            op=_read_op(found, kind),
            htype=numbers["htype"] if "htype" in found else 1,
            hlen=numbers["hlen"] if "hlen" in found else None,
            hops=numbers["hops"],
            secs=numbers["secs"],
            flags=_read_flags(found, numbers["flags"]),
            ciaddr=address["ciaddr"] or 0,
            yiaddr=address["yiaddr"] or 0,
            siaddr=address["siaddr"] or 0,
            giaddr=address["giaddr"] or 0,
            sname=names["sname"],
            file=names["file"],
            pad_to=_number(found, "pad_to", 16),
        )
    except ValueError as error:
        raise JsonError(str(error)) from None


def _options4(found: dict[str, Json], kind: int, inside: Inside) -> dict[int, bytes]:
    """The options by code, that of the message type among them: first, where the list does not say otherwise."""
    told = {MESSAGE_TYPE: bytes((kind,))} if kind else {}
    options: dict[int, bytes] = {}
    with at("options"):
        for number, (code, payload) in enumerate(inside.read(found.get("options", []), told)):
            if code in (0, 255):
                raise JsonError("codes 0 and 255 are no options: they are the padding and the end", (number,))
            options[code] = options.get(code, b"") + payload
    return options if MESSAGE_TYPE in options else told | options


def _read_op(found: dict[str, Json], kind: int) -> int:
    op = found.get("op")
    if op is None:
        return Op.REPLY if kind in FROM_SERVERS else Op.REQUEST
    named = Op.__members__.get(op.upper()) if isinstance(op, str) else None
    if named is None and (type(op) is not int or not 0 <= op <= 0xFF):
        raise JsonError(f"REQUEST, REPLY or a number expected, not {quoted(op)}", ("op",))
    return op if named is None else named


def _read_flags(found: dict[str, Json], flags: int) -> int:
    broadcast = found.get("broadcast")
    if broadcast is None:
        return flags
    if not isinstance(broadcast, bool):
        raise JsonError(f"true or false expected, not {quoted(broadcast)}", ("broadcast",))
    if "flags" in found and bool(flags & BROADCAST) is not broadcast:
        raise JsonError(f"{str(broadcast).lower()} contradicts the flags, {flags:#06x}", ("broadcast",))
    return flags | BROADCAST if broadcast else flags


def _field(found: dict[str, Json], name: str, size: int, inside: Inside) -> bytes:
    """The octets of `sname` or `file`: text, or options with their END."""
    told = found.get(name, "")
    with at(name):
        if isinstance(told, dict):
            refuse_others(told, ("options",))
            with at("options"):
                octets = options_octets(_joined(inside.read(told.get("options", [])))) + END
        elif isinstance(told, str):
            octets = _utf8(told)
        else:
            raise JsonError(f"text, or an object with options expected, not {quoted(told)}")
        if len(octets) > size:
            raise JsonError(f"{size} octets at most, not {len(octets)}")
        return octets


def _joined(options: list[tuple[int, bytes]]) -> dict[int, bytes]:
    joined: dict[int, bytes] = {}
    for code, payload in options:
        joined[code] = joined.get(code, b"") + payload
    return joined


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise JsonError(f"{quoted(text[error.start])} is no character") from None


def _read6(found: dict[str, Json], inside: Inside) -> bytes:
    kind = _read_type(found, 6)
    if kind in RELAY_TYPES:
        octets = _relay(found, kind, inside, None)
    else:
        for name in ("hops", "link", "peer"):
            if name in found:
                raise JsonError("only a relay message has this field", (name,))
        with at("options"):
            options = options_octets6(inside.read(found.get("options", [])))
        octets = bytes((kind,)) + _number(found, "xid", 24).to_bytes(3, "big") + options
    relays = found.get("relays", [])
    if not isinstance(relays, list) or len(relays) > RELAYS_MAX:
        raise JsonError(f"a list of at most {RELAYS_MAX} relay messages expected", ("relays",))
    for number, relay in reversed(list(enumerate(relays))):
        with at("relays", number):
            if not isinstance(relay, dict):
                raise JsonError(f"an object that describes a relay message expected, not {quoted(relay)}")
            refuse_others(relay, MEMBERS_RELAY)
            default = MessageType6.RELAY_REPL if kind in REPLIES6 else MessageType6.RELAY_FORW
            outer = _read_type(relay, 6) if "type" in relay else int(default)
            if outer not in RELAY_TYPES:
                raise JsonError("RELAY-FORW or RELAY-REPL expected", ("type",))
            octets = _relay(relay, outer, inside, octets)
    return octets


def _relay(found: dict[str, Json], kind: int, inside: Inside, message: bytes | None) -> bytes:
    """A relay message, around another one where there is any: at the end, where the options do not say otherwise."""
    if "xid" in found:
        raise JsonError("a relay message has none", ("xid",))
    link, peer = _read(IPV6, found, "link"), _read(IPV6, found, "peer")
    with at("options"):
        options = inside.read(found.get("options", []), {} if message is None else {RELAY_MSG: message})
        if message is not None and RELAY_MSG not in {code for code, _ in options}:
            options.append((RELAY_MSG, message))
        octets = options_octets6(options)
    return bytes(Relay6(kind, _number(found, "hops", 8), int(link or 0), int(peer or 0), Options6(octets)))


def _number(found: dict[str, Json], name: str, bits: int) -> int:
    """A number, or its text as `0x...`; 0 where there is none."""
    told = found.get(name, 0)
    number = told
    if isinstance(told, str) and NUMBER.fullmatch(told):
        number = int(told, 16)
    if type(number) is not int or not 0 <= number < 1 << bits:
        raise JsonError(
            f"a number from 0 to {(1 << bits) - 1}, or its text 0x... expected, not {quoted(told)}", (name,)
        )
    return number


def _read(kind: Kind[T], found: dict[str, Json], name: str) -> T | None:
    """A value of this kind; None where there is none."""
    with at(name):
        return kind.from_json(found[name]) if name in found else None
