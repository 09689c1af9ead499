"""A DHCPv6 decision in bytes: which options go out, in Kea's order of precedence, and where the datagram goes.

An option comes from the first level that has it: reservation, pools, subnet, shared network, classes, global. What
depends on the configuration alone is put together once per (subnet, pools, classes, requested options, vendors) and
kept in a bounded memo. Options go out in the order of their codes, as Kea's do. This module knows no sockets.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6, Decision6, Granted6, Reply6
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.name_change import NameChange
from dhcpkit.alloc.network import REMEMBERED_MAX, Level
from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.alloc.options import OptionValue, OptionValues
from dhcpkit.alloc.query6 import Query6
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.alloc.view6 import Unit6
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.identity6 import StatusCode6
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options import Space
from dhcpkit.wire.options6 import DHCP6

__all__ = [
    "NO_VENDORS", "Outcome6", "Outgoing6", "Shared6", "Vendors6", "answer6", "outcome6", "shared6",
    "through_relays", "vendors6",
]  # fmt: skip

MEMO_MAX: Final = 4096  # blocks of options; the key holds what clients ask for, so it must not grow with them
CLIENT_PORT, SERVER_PORT = 546, 547
RELAY_REPL: Final = int(MessageType6.RELAY_REPL)
CLIENT_ID, SERVER_ID, IA_NA, IAADDR, RELAY_MSG, STATUS, RAPID_COMMIT = 1, 2, 3, 5, 9, 13, 14
VENDOR_CLASS, VENDOR_OPTIONS, INTERFACE_ID, IA_PD, IAPREFIX, CLIENT_FQDN = 16, 17, 18, 25, 26, 39
ORO, RSOO, PD_EXCLUDE, RELAY_PORT = 6, 66, 67, 135
CABLE_LABS: Final = 4491
CABLE_LABS_ORO: Final = 1  # the codes a cable modem asks for
INFORMATION_REQUEST: Final = int(MessageType6.INFORMATION_REQUEST)
ADDRESS_BITS: Final = 128
ECHOED: Final = (INTERFACE_ID, RELAY_PORT)
_head = struct.Struct(">HH").pack
_relay_header = struct.Struct(">BB16s16s").pack
_association = struct.Struct(">III").pack
_lifetimes = struct.Struct(">II").pack

Encoded = tuple[int, bytes]  # an option's code, and the option as it stands in a message


class Outgoing6(NamedTuple):
    """A datagram to send: payload, destination address (integer) and port, and the interface it leaves by."""

    data: bytes
    type: int
    address: int
    port: int
    interface: str
    ifindex: int


class Outcome6(NamedTuple):
    """What became of a message: the decision about it, and its answer in bytes. `identity` says which client's it was.

    The fields mean what they mean in Decision6; `sent` is None for silence. `classes` are the client's.
    """

    packet: Packet6
    identity: bytes
    events: tuple[Event, ...]
    unit: Unit6
    offered: tuple[int, ...]
    answered: tuple[Answered6, ...]
    subnet: Subnet6 | None
    sent: Outgoing6 | None
    because: str = ""
    reason: str = ""
    names: tuple[NameChange, ...] = ()
    classes: tuple[str, ...] = ()


def outcome6(decision: Decision6) -> Outcome6:
    """A decision with its answer."""
    query, reply = decision.query, decision.reply
    return Outcome6(
        query.packet,
        query.identity,
        decision.events,
        decision.unit,
        decision.offered,
        reply.answered if reply is not None else (),
        reply.subnet if reply is not None else query.subnet,
        answer6(decision),
        decision.because,
        decision.reason,
        decision.names,
        reply.classes if reply is not None else query.classes,
    )


def answer6(decision: Decision6) -> Outgoing6 | None:
    """The datagram that a decision amounts to; None for silence."""
    reply = decision.reply
    if reply is None:
        return None
    query = decision.query
    packet = query.packet
    pieces = list(_own(query, reply))
    own = {code for code, _ in pieces}
    if reply.options:
        configured = _configured(query, reply)
        pieces += [piece for piece in configured if piece[0] not in own] if own & _codes(configured) else configured
    if packet.relays:
        own |= {code for code, _ in pieces}
        pieces += _relay_supplied(query, own)
    pieces.sort(key=_code)
    data = b"".join((bytes((reply.type,)), packet.xid.to_bytes(3, "big"), *(octets for _, octets in pieces)))
    arrival = packet.arrival
    port = CLIENT_PORT
    if packet.relays:
        data = through_relays(packet, data)
        # RFC 8357 5.2: to the port it came from, where the relay says that it listens there.
        port = arrival.port if RELAY_PORT in packet.relays[0].options.first else SERVER_PORT
    return Outgoing6(data, reply.type, arrival.source, port, arrival.interface, arrival.ifindex)


def _code(piece: Encoded) -> int:
    return piece[0]


def _codes(pieces: Iterable[Encoded]) -> set[int]:
    return {code for code, _ in pieces}


def _option(code: int, payload: bytes) -> Encoded:
    return code, _head(code, len(payload)) + payload


# What is the client's own.


def _own(query: Query6, reply: Reply6) -> Iterator[Encoded]:
    if query.duid:
        yield _option(CLIENT_ID, query.duid)
    yield _option(SERVER_ID, query.network.server_id.octets)
    excludes = PD_EXCLUDE in query.requested
    for answered in reply.answered:
        yield _answered(answered, excludes=excludes)
    if reply.registered is not None:
        yield _option(IAADDR, reply.registered)
    if reply.status is not None:
        yield STATUS, _status(reply.status)
    if reply.rapid_commit:
        yield _option(RAPID_COMMIT, b"")
    if reply.fqdn is not None:
        yield _option(CLIENT_FQDN, reply.fqdn)


def _answered(answered: Answered6, *, excludes: bool) -> Encoded:
    """An identity association (RFC 8415 21.4, 21.21)."""
    parts = [_association(answered.iaid, answered.t1, answered.t2)]
    status = b"" if answered.status is None else _status(answered.status)
    if answered.type == LeaseType.IA_NA:
        for each in answered.granted:
            payload = each.address.to_bytes(16, "big") + _lifetimes(each.preferred, each.valid)
            parts.append(_head(IAADDR, len(payload)) + payload)
        parts.append(status)  # in the order of the codes
        return _option(IA_NA, b"".join(parts))
    parts.append(status)
    for each in answered.granted:
        payload = _lifetimes(each.preferred, each.valid) + bytes((each.prefix_len,)) + each.address.to_bytes(16, "big")
        if excludes and each.excluded_len:
            left_out = _excluded(each)
            payload += _head(PD_EXCLUDE, len(left_out)) + left_out
        parts.append(_head(IAPREFIX, len(payload)) + payload)
    return _option(IA_PD, b"".join(parts))


def _excluded(granted: Granted6) -> bytes:
    """RFC 6603 4.2: the length of what is left out, and its bits behind the delegated prefix, from the left."""
    bits = granted.excluded_len - granted.prefix_len
    octets = (bits + 7) // 8
    subnet = granted.excluded >> ADDRESS_BITS - granted.excluded_len & (1 << bits) - 1
    return bytes((granted.excluded_len,)) + (subnet << 8 * octets - bits).to_bytes(octets, "big")


def _status(status: StatusCode6) -> bytes:
    message = status.message.encode()
    return _head(STATUS, 2 + len(message)) + status.code.to_bytes(2, "big") + message


# What relays say and hear.


def _relay_supplied(query: Query6, there: set[int]) -> Iterator[Encoded]:
    """RFC 6422 6: options that relays want clients to have, unless the server has its own; the client's relay first."""
    enabled = query.network.relay_supplied_options
    for relay in reversed(query.packet.relays):
        container = relay.options.first.get(RSOO)
        if container is None:
            continue
        for code, payload in Options6(container).items():
            if code in enabled and code not in there:
                there.add(code)
                if query.trace:
                    query.trace.note("option", _name(code, DHCP6), "sent", "a relay supplies it")
                yield _option(code, payload)


def through_relays(packet: Packet6, message: bytes) -> bytes:
    """RFC 8415 19.3: the answer in a relay message for each relay, with what a relay finds its way by."""
    for relay in reversed(packet.relays):
        parts = [_relay_header(RELAY_REPL, relay.hops, relay.link.to_bytes(16, "big"), relay.peer.to_bytes(16, "big"))]
        first = relay.options.first
        for code in ECHOED:
            if code in first:
                echoed = first[code]
                parts += (_head(code, len(echoed)), echoed)
        parts += (_head(RELAY_MSG, len(message)), message)
        message = b"".join(parts)
    return message


# What is configured.


def _configured(query: Query6, reply: Reply6) -> list[Encoded]:
    """What an answer shares with those to clients like this one; remembered by the network."""
    network, first, trace = query.network, query.packet.options.first, query.trace
    asked = first.get(ORO, b"")
    vendors = vendors6(query.packet) if VENDOR_CLASS in first or VENDOR_OPTIONS in first else NO_VENDORS
    pools = _pools(reply)
    host = reply.host
    if trace or (host is not None and len(host.options)) or len(query.packet.data) > REMEMBERED_MAX:
        return list(_collect(query, reply, vendors, pools))
    key = (reply.subnet, pools, reply.classes, asked, vendors)
    try:
        return network.blocks[key]  # type: ignore[no-any-return]  # the network does not know what is remembered there
    except KeyError:
        if len(network.blocks) >= MEMO_MAX:
            network.blocks.clear()
        made = network.blocks[key] = list(_collect(query, reply, vendors, pools))
        return made


class Shared6(NamedTuple):
    """Options that answers have in common, as they stand in a message.

    `head` is a server's identifier, which follows a client's; `middle` stands between an IA_NA and an IA_PD, `tail`
    behind both.
    """

    head: bytes
    middle: bytes
    tail: bytes


def shared6(  # noqa: PLR0913, PLR0917  # what the options of an answer hang on
    packet: Packet6,
    network: Network6,
    subnet: Subnet6,
    pools: Sequence[object],
    classes: tuple[str, ...],
    vendors: Vendors6,
    *,
    rapid: bool,
) -> Shared6:
    """What an answer that grants something shares with those to clients like this one, for the quick way.

    Empty where options stand in the way of the order of an answer. The network remembers it by what it hangs on.
    """
    first = packet.options.first
    requested = first.get(ORO, b"")
    codes = frozenset(int.from_bytes(requested[at : at + 2], "big") for at in range(0, len(requested), 2))
    query = Query6(
        packet, network, packet.type, b"", None, (), classes, subnet, (subnet,), b"", 0, 0, codes, rapid, NO_TRACE
    )
    own = {code for code in (IA_NA, IA_PD) if code in first} | {CLIENT_ID, SERVER_ID}
    pieces = [_option(RAPID_COMMIT, b"")] if rapid else []
    own |= _codes(pieces)
    reply = Reply6(packet.type, subnet, classes)
    pieces += [piece for piece in _collect(query, reply, vendors, pools) if piece[0] not in own]
    pieces.sort(key=_code)
    if pieces and pieces[0][0] < IA_NA:
        return NO_SHARED
    _, head = _option(SERVER_ID, network.server_id.octets)
    middle = b"".join(octets for code, octets in pieces if code < IA_PD)
    return Shared6(head, middle, b"".join(octets for code, octets in pieces if code >= IA_PD))


NO_SHARED: Final = Shared6(b"", b"", b"")


class Vendors6(NamedTuple):
    """The enterprises whose options a client may want, and the codes that a cable modem asks for."""

    enterprises: tuple[int, ...] = ()
    cable_labs: bytes = b""


NO_VENDORS: Final = Vendors6()


def vendors6(packet: Packet6) -> Vendors6:
    """What a client says of vendors."""
    asked = b""
    found: set[int] = set()
    for code in (VENDOR_OPTIONS, VENDOR_CLASS):
        for payload in packet.options.payloads(code):
            enterprise = int.from_bytes(payload[:4], "big")
            found.add(enterprise)
            if code == VENDOR_OPTIONS and enterprise == CABLE_LABS:
                asked = Options6(payload[4:]).first.get(CABLE_LABS_ORO, asked)
    return Vendors6(tuple(sorted(found)), asked)


def _pools(reply: Reply6) -> tuple[object, ...]:
    """The pools that something in the answer came from, in the order of what came."""
    if len(reply.answered) == 1 and len(reply.answered[0].granted) == 1:
        pool = reply.answered[0].granted[0].pool
        return () if pool is None else (pool,)
    granted = sorted(
        (each for answered in reply.answered for each in answered.granted if each.pool is not None and each.valid),
        key=lambda each: (each.address, each.prefix_len),
    )
    return tuple(dict.fromkeys(each.pool for each in granted))


def _levels(reply: Reply6, network: Network6, pools: Sequence[object]) -> Iterator[Level]:
    """Where options come from, nearest first (Kea)."""
    if reply.host is not None:
        yield Level(f"reservation {reply.host}", reply.host.options)
    for pool in pools:
        yield Level(f"pool {pool}", pool.options)  # type: ignore[attr-defined]  # either kind of pool has them
    if reply.subnet is not None:
        yield from reply.subnet.levels
    for name in reply.classes:
        found = network.classes.by_name.get(name)
        if found is not None:
            yield Level(f"class {name}", found.options)
    yield Level("global", network.options)


def _collect(query: Query6, reply: Reply6, vendors: Vendors6, pools: Sequence[object]) -> Iterator[Encoded]:
    """Every configured option of an answer."""
    levels = [level for level in _levels(reply, query.network, pools) if len(level.options)]
    classes, trace = reply.classes, query.trace
    wanted = set(query.requested).union(*(level.options.always for level in levels))
    wanted.difference_update(*(level.options.never for level in levels))
    given: set[int] = set()
    for code in sorted(wanted - {VENDOR_OPTIONS}):
        found = _first(code, levels, classes)
        if found is None:
            continue
        value, level = found
        given.add(code)
        yield _option(code, value.payload)
        if trace:
            _explain(value, level, levels, query.requested, trace)
    if VENDOR_CLASS in given:
        yield from _by_enterprise(levels, classes)
    yield from _vendor_options(reply, levels, vendors, containers=VENDOR_OPTIONS in wanted)
    if trace:
        missing = sorted(wanted - given - {VENDOR_OPTIONS, PD_EXCLUDE, CLIENT_FQDN})
        if missing:
            named = ", ".join(_name(code, DHCP6) for code in missing)
            trace.note("option", named, "not sent", "requested, and nowhere configured")


def _first(code: int, levels: Sequence[Level], classes: Container[str]) -> tuple[OptionValue, Level] | None:
    for level in levels:
        value = level.options.allowed(code, classes)
        if value is not None:
            return value, level
    return None


def _by_enterprise(levels: Sequence[Level], classes: Container[str]) -> Iterator[Encoded]:
    """Vendor classes of further enterprises than the first one's: one of each (Kea)."""
    found: dict[bytes, bytes] = {}
    for level in levels:
        for value in level.options.every(VENDOR_CLASS, classes):
            found.setdefault(value.payload[:4], value.payload)
    first = _first(VENDOR_CLASS, levels, classes)
    assert first is not None, "it was found before"
    found.pop(first[0].payload[:4], None)
    for payload in found.values():
        yield _option(VENDOR_CLASS, payload)


def _vendor_options(
    reply: Reply6, levels: Sequence[Level], vendors: Vendors6, *, containers: bool
) -> Iterator[Encoded]:
    """Vendor options (17): what is configured in the space of each enterprise that the client or the answer names."""
    bare: dict[int, None] = {}
    if containers:  # vendor options are wanted: those configured go out even with nothing in them (Kea)
        for level in levels:
            for value in level.options.every(VENDOR_OPTIONS, reply.classes):
                bare[int.from_bytes(value.payload[:4], "big")] = None
    named = sorted({*bare, *vendors.enterprises}) if reply.subnet is not None else bare
    for enterprise in named:
        spaces = [level.options.vendors[enterprise] for level in levels if enterprise in level.options.vendors]
        inside = options_octets6(_of_vendor(enterprise, spaces, vendors, reply)) if reply.subnet is not None else b""
        if inside or enterprise in bare:
            yield _option(VENDOR_OPTIONS, enterprise.to_bytes(4, "big") + inside)


def _of_vendor(
    enterprise: int, spaces: Sequence[OptionValues], vendors: Vendors6, reply: Reply6
) -> Iterator[tuple[int, bytes]]:
    """An enterprise's options: those always sent, and for cable modems those they ask for (Kea)."""
    wanted: set[int] = set().union(*(values.always for values in spaces))
    if enterprise == CABLE_LABS:
        asked = vendors.cable_labs
        wanted.update(int.from_bytes(asked[at : at + 2], "big") for at in range(0, len(asked) - 1, 2))
    wanted.difference_update(*(values.never for values in spaces))
    for code in sorted(wanted):
        for values in spaces:
            value = values.allowed(code, reply.classes)
            if value is not None:
                yield code, value.payload
                break


def _name(code: int, space: Space) -> str:
    option = space.by_code(code)
    return option.name if option is not None else str(code)


def _explain(
    value: OptionValue, level: Level, levels: Sequence[Level], requested: Container[int], trace: Trace
) -> None:
    option = value.option
    try:
        text = option.kind.show_text(option.parse(value.payload))
    except ValueError:
        text = value.payload.hex()
    hidden = [other.name for other in levels if other is not level and option.code in other.options]
    because = "requested" if option.code in requested else "always sent"
    because += f", from {level.name}" + (f", hides {' and '.join(hidden)}" if hidden else "")
    trace.note("option", f"{option.name} ({option.code})", text, because, value.where)
