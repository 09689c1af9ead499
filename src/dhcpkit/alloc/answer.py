"""A decision in bytes: which options go out, in Kea's order of precedence, and where the datagram goes.

An option comes from the first level that has it: reservation, pool, subnet, shared network, classes, global. What
depends on the configuration alone is joined once per (subnet, pool, classes, requested options, lifetime) and kept in a
bounded memo; only names, identifiers and relay information differ between clients. This module knows no sockets.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import attrs

from dhcpkit.alloc.decision import Decision4, Event, Reply4
from dhcpkit.alloc.host import Host
from dhcpkit.alloc.lease import INFINITE, Lease4
from dhcpkit.alloc.name_change import NameChange
from dhcpkit.alloc.network import REMEMBERED_MAX, Level, Network, Subnet4
from dhcpkit.alloc.options import OptionValue, OptionValues
from dhcpkit.alloc.query import INFORM
from dhcpkit.alloc.select import suboption
from dhcpkit.alloc.times import tee_times
from dhcpkit.alloc.trace import Trace
from dhcpkit.alloc.view import Unit
from dhcpkit.wire.dhcp4 import MessageType, Packet4, join_options, reply_header4
from dhcpkit.wire.options4 import DHCP4

__all__ = [
    "Outcome4",
    "Outgoing4",
    "Shared",
    "Vendors",
    "answer4",
    "levels_of",
    "option_field",
    "outcome4",
    "shared_options",
    "times_key",
    "well_formed",
]

MEMO_MAX: Final = 4096  # joined option blocks; the key holds what clients ask for, so it must not grow with them
BASIC: Final = (3, 6, 15)  # Kea sends these whenever they are configured
BROADCAST: Final = 0xFFFFFFFF
NAK: Final = MessageType.NAK.value
SERVER_PORT, CLIENT_PORT = 67, 68
OWN_CODES: Final = frozenset((12, 51, 53, 54, 58, 59, 61, 81, 82, 118))  # the server decides these itself
VENDOR_CLASS, VENDOR_OPTIONS = 124, 125  # these may be there once for each enterprise (RFC 3925)
BY_ENTERPRISE: Final = frozenset((VENDOR_CLASS, VENDOR_OPTIONS))
ENTERPRISE_SIZE: Final = 4  # octets of an enterprise number
VENDOR_DATA_MAX: Final = 0xFF  # octets of an enterprise's options that one length can count
SUBOPTION_MAX: Final = VENDOR_DATA_MAX - 2  # octets of an option among them; what is longer goes in parts (RFC 3396)
CABLE_LABS: Final = 4491
CABLE_LABS_ORO: Final = 1  # the codes a cable modem asks for
MASK, SERVER_ID, LEASE_TIME, T1, T2 = 1, 54, 51, 58, 59


class Outgoing4(NamedTuple):
    """A datagram to send: payload, destination address (integer) and port, and the link-layer destination.

    `hwaddr` is the client's where it may have no address yet; empty where the kernel can route.
    """

    data: bytes
    type: int
    address: int
    port: int
    hwaddr: bytes


class Outcome4(NamedTuple):
    """What became of a message: the decision about it, and its answer in bytes. `identity` says which client's it was.

    The fields mean what they mean in Decision4; `lifetime` is what the client is told, in seconds, 0 where it is told
    none; `sent` is None for silence; `host` is the client's reservation. `classes` are the client's, as far as they
    were told.
    """

    packet: Packet4
    identity: bytes
    event: Event
    lease: Lease4 | None
    unit: Unit
    offered: int | None
    lifetime: int
    subnet: Subnet4 | None
    sent: Outgoing4 | None
    because: str = ""
    names: tuple[NameChange, ...] = ()
    reason: str = ""
    conflict: int = 0
    own: Lease4 | None = None
    host: Host | None = None
    classes: tuple[str, ...] = ()


def outcome4(decision: Decision4) -> Outcome4:
    """A decision with its answer."""
    query, reply = decision.query, decision.reply
    return Outcome4(
        query.packet,
        query.identity,
        decision.event,
        decision.lease,
        decision.unit,
        decision.offered,
        reply.lifetime or 0 if reply is not None else 0,
        query.subnet,
        answer4(decision),
        decision.because,
        decision.names,
        decision.reason,
        decision.conflict,
        decision.own,
        reply.host if reply is not None else None,
        reply.classes if reply is not None else query.classes,
    )


def answer4(decision: Decision4) -> Outgoing4 | None:
    """The datagram that a decision amounts to; None for silence."""
    reply = decision.reply
    if reply is None:
        return None
    query = decision.query
    packet, network = query.packet, query.network
    options = packet.options
    shared = shared_options(reply, packet, network, query.trace)
    host = reply.host
    if host is None:
        siaddr, sname, file = shared.siaddr, shared.sname, shared.file
    else:
        siaddr = host.next_server or shared.siaddr
        sname = host.server_hostname.encode() or shared.sname
        file = host.boot_file_name.encode() or shared.file
    address, port, hwaddr, to_relay = _destination(packet, reply, inform=query.type == INFORM)
    # RFC 2131 4.3.2: a relay broadcasts a DHCPNAK. Kea asks for that as well where no address is known to send it to.
    broadcast = to_relay and (reply.type == NAK or query.type == INFORM)
    flags = packet.flags | 0x8000 if broadcast else packet.flags
    data = reply_header4(
        packet, ciaddr=reply.ciaddr, yiaddr=reply.yiaddr, siaddr=siaddr, flags=flags, sname=sname, file=file
    )
    if packet.giaddr and not to_relay:  # an INFORM answered past the relay it came through
        data = data[:3] + b"\0" + data[4:24] + b"\0\0\0\0" + data[28:]
    data += shared.opening(reply.host_name, reply.lifetime)
    if 61 in options and network.echo_client_id:
        data += option_field(61, options[61])
    if reply.fqdn is None and 118 not in options:
        data += shared.rest
    else:
        data += shared.to_81
        if reply.fqdn is not None:
            data += option_field(81, reply.fqdn)
        data += shared.to_118
        if 118 in options:
            data += option_field(118, options[118])
        data += shared.last
    relay = options.get(82) if to_relay or query.type != INFORM else b""  # none past the relay, as in Kea
    if relay and well_formed(relay):
        data += option_field(82, relay)  # RFC 3046 2.2: last
    return Outgoing4(data + b"\xff", reply.type, address, port, hwaddr)


def option_field(code: int, payload: bytes) -> bytes:
    """An option as it stands in a message, in several instances where it is long (RFC 3396)."""
    size = len(payload)
    return bytes((code, size)) + payload if size < 256 else join_options({code: payload})[:-1]


def well_formed(relay: bytes) -> bool:
    """Whether an option 82 consists of whole sub-options: others are not echoed."""
    at, end = 0, len(relay)
    while at + 1 < end:
        at += 2 + relay[at + 1]
    return at == end


def _destination(packet: Packet4, reply: Reply4, *, inform: bool) -> tuple[int, int, bytes, bool]:
    """Address, port, link-layer address, and whether that is the relay (RFC 2131 4.1; RFC 8357 for the port)."""
    if inform and packet.ciaddr:
        return packet.ciaddr, CLIENT_PORT, packet.chaddr, False
    if packet.giaddr:
        relay = packet.options.get(82)
        port = packet.arrival.port if relay and suboption(relay, 19) is not None else SERVER_PORT
        return packet.giaddr, port, b"", True
    if packet.ciaddr:
        return packet.ciaddr, CLIENT_PORT, packet.chaddr, False
    if reply.type == NAK:
        return BROADCAST, CLIENT_PORT, packet.chaddr, False
    if reply.yiaddr:
        return (BROADCAST if packet.flags & 0x8000 else reply.yiaddr), CLIENT_PORT, packet.chaddr, False
    return packet.arrival.source or BROADCAST, CLIENT_PORT, packet.chaddr, False


def _fixed_fields(reply: Reply4, network: Network) -> tuple[int, bytes, bytes]:
    """siaddr, sname, file: the subnet's, overridden by the first class that sets one. A reservation beats both."""
    if reply.type == NAK:
        return 0, b"", b""
    subnet = reply.subnet
    siaddr, sname, file = 0, "", ""  # Kea: without a subnet (an INFORM) it is classes alone that set them
    if subnet is not None:
        siaddr, sname, file = subnet.next_server, subnet.server_hostname, subnet.boot_file_name
    classes = [network.classes[name] for name in reply.classes if name in network.classes]
    siaddr = next((c.next_server for c in classes if c.next_server), siaddr)
    sname = next((c.server_hostname for c in classes if c.server_hostname), sname)
    file = next((c.boot_file_name for c in classes if c.boot_file_name), file)
    return siaddr, sname.encode(), file.encode()


@attrs.frozen
class Shared:
    """What such clients' answers have in common: fixed fields, and options cut where a client's own go.

    `first` is `to_12` and `to_61` in one, `rest` is `to_81`, `to_118` and `last`. They were put together for
    `lifetime`; answers for another one that has the same T1 and T2 differ in the lease time alone.
    """

    lifetime: int | None
    siaddr: int
    sname: bytes
    file: bytes
    first: bytes
    rest: bytes
    to_12: bytes
    to_61: bytes
    to_81: bytes
    to_118: bytes
    last: bytes
    time_in_first: int
    time_in_to_61: int

    def opening(self, host_name: bytes | None, lifetime: int | None) -> bytes:
        """The options before the client identifier, for a client with this name and this lease time."""
        if host_name is None:
            data, at = self.first, self.time_in_first
        else:
            head = self.to_12 + option_field(12, host_name)
            data, at = head + self.to_61, len(head) + self.time_in_to_61
        if lifetime is None or lifetime == self.lifetime:
            return data
        return data[:at] + lifetime.to_bytes(4, "big") + data[at + 4 :]


def shared_options(reply: Reply4, packet: Packet4, network: Network, trace: Trace) -> Shared:
    """What an answer shares with those to clients like this one; remembered by the network."""
    options = packet.options
    asked = options.get(55, b"")
    local = packet.arrival.local
    vendors = _vendors(options) if VENDOR_OPTIONS in options or VENDOR_CLASS in options else NO_VENDORS
    subnet, host, pool = reply.subnet, reply.host, reply.pool
    if trace or (host is not None and len(host.options)) or len(packet.data) > REMEMBERED_MAX:
        return _join(reply, network, _collect(reply, asked, vendors, local, network, trace))
    if not network.vendors:
        vendors = NO_VENDORS
    times = times_key(subnet, reply.lifetime) if subnet is not None and reply.lifetime is not None else None
    key = (reply.type, subnet, pool, reply.classes, asked, vendors, times, local)
    try:
        return network.blocks[key]  # type: ignore[no-any-return]  # the network does not know what is remembered there
    except KeyError:
        if len(network.blocks) >= MEMO_MAX:
            network.blocks.clear()
        made = network.blocks[key] = _join(reply, network, _collect(reply, asked, vendors, local, network, trace))
        return made


def times_key(subnet: Subnet4, lifetime: int) -> object:
    """What tells answers apart that differ in more than the lease time: their T1 and T2."""
    return 0 if lifetime == subnet.lifetimes.default else tee_times(subnet, lifetime)


def _join(reply: Reply4, network: Network, chosen: dict[int, bytes]) -> Shared:
    """Message type first, then by code (as Kea)."""
    pieces: list[list[bytes]] = [[option_field(53, chosen.pop(53))], [], [], [], []]
    for code in sorted(chosen):
        piece = (code > 12) + (code > 61) + (code > 81) + (code > 118)
        pieces[piece].append(chosen[code] if code in BY_ENTERPRISE else option_field(code, chosen[code]))
    to_12, to_61, to_81, to_118, last = (b"".join(piece) for piece in pieces)
    at = sum(map(len, pieces[1][: sum(code < LEASE_TIME for code in chosen if code > 12)])) + 2
    fields = _fixed_fields(reply, network)
    first, rest = to_12 + to_61, to_81 + to_118 + last
    return Shared(reply.lifetime, *fields, first, rest, to_12, to_61, to_81, to_118, last, len(to_12) + at, at)


def _collect(  # noqa: PLR0913, PLR0917  # what an answer hangs on
    reply: Reply4, asked: bytes, vendors: Vendors, local: int, network: Network, trace: Trace
) -> dict[int, bytes]:
    """Every option of an answer but the client's own, by code; those that enterprises have are whole fields already."""
    chosen: dict[int, bytes] = {53: bytes((reply.type,))}
    levels = list(levels_of(reply, network))
    server_id = _first(SERVER_ID, levels, reply.classes)
    chosen[SERVER_ID] = server_id[0].payload if server_id is not None else local.to_bytes(4, "big")
    if reply.type == NAK or reply.subnet is None:
        return chosen
    never = {code for level in levels for code in level.options.never}
    wanted = dict.fromkeys(asked)
    wanted.update(dict.fromkeys(code for level in levels for code in level.options.always))
    wanted.update(dict.fromkeys(BASIC))
    for code in wanted:
        if code in never or code in OWN_CODES or code in BY_ENTERPRISE:
            continue
        found = _first(code, levels, reply.classes)
        if found is not None:
            value, level = found
            chosen[code] = value.payload
            if trace:
                _explain(value, level, levels, asked, trace)
    for code, field in _by_enterprise(reply, levels, vendors, wanted.keys() - never):
        chosen[code] = chosen.get(code, b"") + field
    if reply.lifetime is not None:
        _lease_options(reply, chosen, never, trace)
    if trace:
        missing = [code for code in dict.fromkeys(asked) if code not in chosen and code not in OWN_CODES]
        if missing:
            trace.note("option", ", ".join(map(_name, missing)), "not sent", "requested, and nowhere configured")
    return chosen


def _lease_options(reply: Reply4, chosen: dict[int, bytes], never: set[int], trace: Trace) -> None:
    """Mask, lease time and T1, T2: what comes with an address (RFC 2131 4.3.1)."""
    subnet, lifetime = reply.subnet, reply.lifetime
    assert subnet is not None, "an address comes with a subnet"
    assert lifetime is not None, "an address comes with a lifetime"
    if MASK not in chosen and MASK not in never:
        chosen[MASK] = subnet.prefix.netmask.packed
    chosen[LEASE_TIME] = min(lifetime, INFINITE).to_bytes(4, "big")
    t1, t2 = tee_times(subnet, lifetime)
    if t1 is not None:
        chosen[T1] = t1.to_bytes(4, "big")
    if t2 is not None:
        chosen[T2] = t2.to_bytes(4, "big")
    if trace:
        told = [f"lease time {lifetime} s"] + [f"{n} {t} s" for n, t in (("T1", t1), ("T2", t2)) if t is not None]
        trace.note("option", "times", "sent", ", ".join(told), subnet.where)


# What enterprises have.


@attrs.frozen
class Vendors:
    """Whose vendor options and classes (125, 124) a client sent, and the codes it wants of CableLabs."""

    enterprises: frozenset[int] = frozenset()
    cable_labs: bytes = b""


NO_VENDORS: Final = Vendors()


def _vendors(options: Mapping[int, bytes]) -> Vendors:
    """What a client says of vendors, up to what runs past the end."""
    named: set[int] = set()
    cable_labs: bytes | None = None
    for code in (VENDOR_CLASS, VENDOR_OPTIONS):
        for enterprise, inside in _blocks(options.get(code, b"")):
            named.add(enterprise)
            if code == VENDOR_OPTIONS and enterprise == CABLE_LABS and cable_labs is None:
                cable_labs = suboption(inside, CABLE_LABS_ORO)
    return Vendors(frozenset(named), cable_labs or b"")


def _blocks(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Enterprise numbers, and what each has (RFC 3925 3, 4)."""
    at = 0
    while at + ENTERPRISE_SIZE < len(payload):
        start = at + ENTERPRISE_SIZE + 1
        stop = start + payload[start - 1]
        if stop > len(payload):
            return
        yield int.from_bytes(payload[at : at + ENTERPRISE_SIZE], "big"), payload[start:stop]
        at = stop


def _by_enterprise(
    reply: Reply4, levels: Sequence[Level], vendors: Vendors, wanted: Container[int]
) -> Iterator[tuple[int, bytes]]:
    """Options 124 and 125 as fields of a message, one of each for an enterprise (Kea)."""
    if VENDOR_CLASS in wanted:
        for payload in _first_of_each(VENDOR_CLASS, levels, reply.classes).values():
            yield VENDOR_CLASS, option_field(VENDOR_CLASS, payload)
    bare: Mapping[int, bytes] = {}
    if VENDOR_OPTIONS in wanted:  # those configured go out even with nothing in them (Kea)
        bare = _first_of_each(VENDOR_OPTIONS, levels, reply.classes)
    for enterprise in (*bare, *sorted(vendors.enterprises - bare.keys())):
        spaces = [level.options.vendors[enterprise] for level in levels if enterprise in level.options.vendors]
        inside = _of_vendor(enterprise, spaces, vendors, reply.classes) if spaces else b""
        if inside or enterprise in bare:
            head = enterprise.to_bytes(ENTERPRISE_SIZE, "big")
            # RFC 3925 4 counts what an enterprise has in one octet; what is longer goes into blocks of whole options.
            yield (
                VENDOR_OPTIONS,
                b"".join(option_field(VENDOR_OPTIONS, head + bytes((len(part),)) + part) for part in _parts(inside)),
            )


def _first_of_each(code: int, levels: Sequence[Level], classes: Container[str]) -> dict[int, bytes]:
    """The nearest value for each enterprise."""
    found: dict[int, bytes] = {}
    for level in levels:
        for value in level.options.every(code, classes):
            if len(value.payload) >= ENTERPRISE_SIZE:
                found.setdefault(int.from_bytes(value.payload[:ENTERPRISE_SIZE], "big"), value.payload)
    return found


def _of_vendor(enterprise: int, spaces: Sequence[OptionValues], vendors: Vendors, classes: Container[str]) -> bytes:
    """An enterprise's options: those always sent, and for cable modems those they ask for (Kea)."""
    wanted: set[int] = set().union(*(values.always for values in spaces))
    if enterprise == CABLE_LABS:
        wanted.update(vendors.cable_labs)
    wanted.difference_update(*(values.never for values in spaces))
    found = []
    for code in sorted(wanted):
        value = next((value for values in spaces if (value := values.allowed(code, classes)) is not None), None)
        if value is not None:
            payload = value.payload
            for at in range(0, len(payload) or 1, SUBOPTION_MAX):
                part = payload[at : at + SUBOPTION_MAX]
                found.append(bytes((code, len(part))) + part)
    return b"".join(found)


def _parts(octets: bytes) -> Iterator[bytes]:
    """Sub-options in as few parts of at most 255 octets as their order allows; one empty part for none."""
    begun = at = 0
    while at < len(octets):
        stop = at + 2 + octets[at + 1]
        if stop - begun > VENDOR_DATA_MAX:
            yield octets[begun:at]
            begun = at
        at = stop
    yield octets[begun:]


def levels_of(reply: Reply4, network: Network) -> Iterator[Level]:
    """Where options come from, nearest first: reservation, pool, subnet, shared network, classes, global (Kea)."""
    if reply.host is not None:
        yield Level(f"reservation {reply.host.identifier_type} {reply.host.identifier.hex(':')}", reply.host.options)
    if reply.pool is not None:
        yield Level(f"pool {reply.pool}", reply.pool.options)
    if reply.subnet is not None:
        yield from reply.subnet.levels
    for name in reply.classes:
        found = network.classes.get(name)
        if found is not None:
            yield Level(f"class {name}", found.options)
    yield Level("global", network.options)


def _first(code: int, levels: list[Level], classes: Sequence[str]) -> tuple[OptionValue, Level] | None:
    for level in levels:
        value = level.options.allowed(code, classes)
        if value is not None:
            return value, level
    return None


def _name(code: int) -> str:
    option = DHCP4.by_code(code)
    return option.name if option is not None else str(code)


def _explain(value: OptionValue, level: Level, levels: list[Level], asked: bytes, trace: Trace) -> None:
    option = value.option
    try:
        text = option.kind.show_text(option.parse(value.payload))
    except ValueError:
        text = value.payload.hex()
    hidden = [other.name for other in levels if other is not level and value.option.code in other.options]
    because = "requested" if option.code in asked else "always sent" if value.always_send else "sent unasked"
    because += f", from {level.name}" + (f", hides {' and '.join(hidden)}" if hidden else "")
    trace.note("option", f"{option.name} ({option.code})", text, because, value.where)
