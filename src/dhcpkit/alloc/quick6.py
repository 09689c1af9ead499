"""The plain case of the DHCPv6 engine in one piece, for speed: `open6`, `plan6`, `answer6` without what cannot apply.

As `quick4` is for DHCPv4: most messages come from clients without a reservation, with one IA_NA, one IA_PD or one of
both, on a link with one subnet whose pools are open to all. For their SOLICIT, REQUEST, RENEW and REBIND `quick6` comes
to the very decision the engine comes to; for anything else it says None, and the engine decides. The engine is the
reference: a property test holds `quick6` to it, and whoever changes the engine changes here what that test shows
(docs/why/quick-way.md).

This module does not know what a message means beyond that; the rules and their sources stand in `assign6` and `desk6`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from dhcpkit.alloc.answer6 import (
    MEMO_MAX,
    NO_VENDORS,
    RELAY_PORT,
    RSOO,
    Outcome6,
    Outgoing6,
    Shared6,
    Vendors6,
    shared6,
    through_relays,
    vendors6,
)
from dhcpkit.alloc.assign6 import remember
from dhcpkit.alloc.classify import ALL, UNKNOWN
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6, Granted6
from dhcpkit.alloc.host import GLOBAL
from dhcpkit.alloc.host6 import Host6View
from dhcpkit.alloc.hwaddr6 import HwAddr6, find_hwaddr
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network import REMEMBERED_MAX
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, Subnet6
from dhcpkit.alloc.open6 import DUID_MAX, DUID_MIN, EMPTY_DUID, vendor_classes
from dhcpkit.alloc.pick6 import Match
from dhcpkit.alloc.query6 import Hint6
from dhcpkit.alloc.select6 import LINK_LOCAL, NOT_THE_PREFIX, select_subnet6
from dhcpkit.alloc.times6 import lifetimes6, remaining_of_cached6, tee_times6
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view6 import Change6, LiveView6
from dhcpkit.wire.dhcp6 import Packet6

__all__ = ["quick6"]

SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELAY_FORW = 1, 2, 3, 5, 6, 7, 12
CLIENT_ID, SERVER_ID, NA, ORO, ELAPSED_TIME, RAPID_COMMIT, VENDOR_CLASS, VENDOR_OPTIONS = 1, 2, 3, 6, 8, 14, 16, 17
INTERFACE_ID, PD, CLIENT_FQDN = 18, 25, 39
IA_NA, IA_PD = LeaseType.IA_NA, LeaseType.IA_PD
NA_TYPE, PD_TYPE = LeaseType.IA_NA.value, LeaseType.IA_PD.value  # an enumeration's attribute costs
FOR_US: Final = frozenset((REQUEST, RENEW))
FOR_ANYBODY: Final = frozenset((SOLICIT, REBIND))
REGISTERED: Final = LeaseState.REGISTERED.value
OFFERED, ALLOCATED, RENEWED, REUSED = Event.OFFER, Event.ALLOC, Event.RENEW, Event.REUSE
EVERYONE: Final[tuple[str, ...]] = (ALL,)
STRANGER: Final[tuple[str, ...]] = (ALL, UNKNOWN)
NOTHING: Final[frozenset[int]] = frozenset()
ADDRESS_LEN: Final = 128
CLIENT_PORT, SERVER_PORT = 546, 547
IA_EMPTY, IA_WITH_ADDRESS, IA_WITH_PREFIX = 12, 40, 41  # octets of an IA with nothing in it, or with one plain option
CLIENT_ID_CODE, ADVERTISE_TYPE, REPLY_TYPE = b"\0\1", b"\2", b"\7"
ADDRESS_HEAD, PREFIX_HEAD = b"\0\x05\0\x18", b"\0\x1a\0\x19"

_unpack_address: Final = struct.Struct(">QQII").unpack_from
_unpack_prefix: Final = struct.Struct(">IIBQQ").unpack_from
_pack_address: Final = struct.Struct(">HH4sIIHH16sII").pack
_pack_prefix: Final = struct.Struct(">HH4sIIHHIIB16s").pack
# What named tuples' own constructors do, in half the time.
_lease: Final[Callable[[tuple[Any, ...]], Lease6]] = partial(tuple.__new__, Lease6)
_granted: Final[Callable[[tuple[Any, ...]], Granted6]] = partial(tuple.__new__, Granted6)
_answered: Final[Callable[[tuple[Any, ...]], Answered6]] = partial(tuple.__new__, Answered6)
_change: Final[Callable[[tuple[Any, ...]], Change6]] = partial(tuple.__new__, Change6)
_outcome: Final[Callable[[tuple[Any, ...]], Outcome6]] = partial(tuple.__new__, Outcome6)
NOTHING_BESIDES: Final = tuple(Outcome6._field_defaults[name] for name in Outcome6._fields[8:-1])
_outgoing: Final[Callable[[tuple[Any, ...]], Outgoing6]] = partial(tuple.__new__, Outgoing6)


class _NotPlain(Exception):  # as NotLoaded, a signal
    """The engine must decide."""


class _Given(NamedTuple):
    """What one identity association gets."""

    pool: Pool6 | PdPool
    address: int
    preferred: int
    valid: int
    t1: int
    t2: int


class _Asking(NamedTuple):
    """Who asks, where, and what for; and what comes of it, association by association."""

    packet: Packet6
    kind: int
    duid: bytes
    network: Network6
    subnet: Subnet6
    classes: tuple[str, ...]
    leases: LiveView6
    mine: Sequence[Lease6]
    now: int
    taken: Container[int]
    offer: bool
    hwaddr: HwAddr6 | None
    events: list[Event]
    unit: list[Change6]
    offered: list[int]


_given: Final[Callable[[tuple[Any, ...]], _Given]] = partial(tuple.__new__, _Given)
_asking: Final[Callable[[tuple[Any, ...]], _Asking]] = partial(tuple.__new__, _Asking)


def quick6(  # noqa: PLR0913, PLR0917  # the engine's whole world
    packet: Packet6, network: Network6, leases: LiveView6, hosts: Host6View, now: int, taken: Container[int] = NOTHING
) -> Outcome6 | None:
    """The decision about a plain message; None where it is not plain, or where `taken` holds what it is about.

    `taken` are the addresses that earlier messages of the batch took, which `leases` does not show yet.
    """
    kind = packet.type
    options = packet.options
    first = options.first
    if not options.is_once or not _is_plain(packet, first, kind, network):
        return None
    classes, vendors, bare = STRANGER, NO_VENDORS, EVERYONE
    if VENDOR_CLASS in first or VENDOR_OPTIONS in first or network.classes:
        told = _classes(packet, network)
        if told is None:
            return None
        bare, classes, vendors = told
    subnet = _subnet(packet, network, bare)
    if subnet is None or subnet.id not in network.plain:
        return None
    duid = first[CLIENT_ID]
    hwaddr = None
    if hosts.any_in(subnet.id) or (subnet.reservations_global and hosts.any_in(GLOBAL)):
        hwaddr = find_hwaddr(packet, network.mac_sources)
        if _has_reservation(duid, hwaddr.octets, network, subnet, hosts):
            return None
        if subnet.reservations_in_subnet and not subnet.reservations_out_of_pool:
            taken = _TakenOrReserved(taken, hosts, subnet.id)
    rapid = kind == SOLICIT and RAPID_COMMIT in first and subnet.rapid_commit
    mine = leases.by_duid(duid) if kind >= RENEW or leases.knows(duid) else ()
    offer = kind == SOLICIT and not rapid
    asking = _asking((
        packet, kind, duid, network, subnet, classes, leases, mine, now, taken, offer, hwaddr, [], [], []
    ))  # fmt: skip
    try:
        address = _address(asking, first[NA]) if NA in first else None
        prefix = _prefix(asking, first[PD]) if PD in first else None
    except _NotPlain:
        return None
    if address is not None and prefix is not None and address.address == prefix.address:
        return None
    sent = _answer(asking, vendors, address, prefix, rapid=rapid)
    if sent is None:
        return None
    data, answered = sent
    events, unit, offered = asking.events, asking.unit, asking.offered
    outgoing = _outgoing_of(packet, ADVERTISE if offer else REPLY, data)
    return _outcome((
        packet, duid, tuple(events), tuple(unit), tuple(offered), answered, subnet, outgoing, *NOTHING_BESIDES, classes
    ))  # fmt: skip


def _is_plain(packet: Packet6, first: Mapping[int, bytes], kind: int, network: Network6) -> bool:
    """Whether a message is of a kind served here, and neither dropped by its form nor about names."""
    duid = first.get(CLIENT_ID)
    if duid is None or not DUID_MIN <= len(duid) <= DUID_MAX or duid == EMPTY_DUID or CLIENT_FQDN in first:
        return False
    if kind in FOR_US:
        if first.get(SERVER_ID) != network.server_id.octets:
            return False
    elif kind not in FOR_ANYBODY or SERVER_ID in first:
        return False
    relays = packet.relays
    if relays:
        for relay in relays:
            if relay.type != RELAY_FORW or RSOO in relay.options.first:
                return False
    elif kind in FOR_ANYBODY and packet.arrival.local and not packet.arrival.multicast:
        return False
    requested = first.get(ORO)
    if requested is not None and (not requested or len(requested) & 1):
        return False
    return (NA in first or PD in first) and len(first.get(ELAPSED_TIME, b"\0\0")) >= 2


def _classes(packet: Packet6, network: Network6) -> tuple[tuple[str, ...], tuple[str, ...], Vendors6] | None:
    """Its classes before and after reservations are looked up, and its vendors.

    None where a class that is configured is among them: what follows from that is the engine's business.
    """
    options = packet.options
    made: dict[str, None] = {ALL: None}
    vendors = NO_VENDORS
    if VENDOR_CLASS in options.first or VENDOR_OPTIONS in options.first:
        if any(len(options.first.get(code, b"four")) < 4 for code in (VENDOR_CLASS, VENDOR_OPTIONS)):
            return None
        made.update(dict.fromkeys(vendor_classes(options)))
        vendors = vendors6(packet)
    classifier = network.classes
    if not classifier:
        bare = tuple(made)
        return bare, (*bare, UNKNOWN), vendors
    classifier.first(packet, made)
    bare = tuple(made)
    made[UNKNOWN] = None
    classifier.once_known(packet, made)
    if not classifier.by_name.keys().isdisjoint(made):
        return None
    return bare, tuple(made), vendors


def _subnet(packet: Packet6, network: Network6, classes: tuple[str, ...]) -> Subnet6 | None:
    """As select6, with what many clients have in common remembered."""
    if network.guarded:
        return select_subnet6(packet, network, classes, NO_TRACE)
    relays = packet.relays
    if not relays:
        bound = network.by_interface(packet.arrival.interface)
        return bound[0] if bound else select_subnet6(packet, network, classes, NO_TRACE)
    nearest = relays[-1]
    link = nearest.link
    interface_id = nearest.options.first.get(INTERFACE_ID)
    if not link or link >> NOT_THE_PREFIX == LINK_LOCAL or (interface_id and network.by_interface_id(interface_id)):
        return select_subnet6(packet, network, classes, NO_TRACE)
    try:
        return network.selected[link]
    except KeyError:
        if len(network.selected) >= MEMO_MAX:
            network.selected.clear()
        found = network.selected[link] = select_subnet6(packet, network, classes, NO_TRACE)
        return found


def _has_reservation(duid: bytes, hwaddr: bytes, network: Network6, subnet: Subnet6, hosts: Host6View) -> bool:
    """Whether the client may have one; one that only a callout could find is none, since there are no callouts here."""
    here, everywhere = subnet.reservations_in_subnet, subnet.reservations_global
    for kind in network.host_identifiers:
        value = duid if kind == "duid" else hwaddr if kind == "hw-address" else b""
        if not value:
            continue
        if here and hosts.by_identifier(subnet.id, kind, value) is not None:
            return True
        if everywhere and hosts.by_identifier(GLOBAL, kind, value) is not None:
            return True
    return False


class _TakenOrReserved:
    """Membership in either: what the batch took, and what is reserved, for others since the client has nothing."""

    __slots__ = ("by_address", "subnet_id", "taken")

    def __init__(self, taken: Container[int], hosts: Host6View, subnet_id: int) -> None:
        self.taken, self.by_address, self.subnet_id = taken, hosts.by_address, subnet_id

    def __contains__(self, address: object) -> bool:
        return address in self.taken or bool(self.by_address(self.subnet_id, address))  # type: ignore[arg-type]


# What an identity association gets.


def _address(asking: _Asking, payload: bytes) -> _Given:
    """An address. _NotPlain where what the client has or gets is not."""
    size = len(payload)
    hint = preferred = valid = 0
    if size != IA_EMPTY:
        if size != IA_WITH_ADDRESS or payload[12:16] != ADDRESS_HEAD:
            raise _NotPlain
        high, low, preferred, valid = _unpack_address(payload, 16)
        hint = high << 64 | low
    subnet = asking.subnet
    iaid = int.from_bytes(payload[:4], "big")
    lease = _held(asking, NA_TYPE, iaid, ADDRESS_LEN) if asking.mine else None
    if lease is not None:
        pool = subnet.pool_at(lease.address)
        # Whatever else a client that extends names it is told that it cannot have.
        if pool is None or (asking.kind >= RENEW and size != IA_EMPTY and hint != lease.address):
            raise _NotPlain
        return _again(asking, lease, pool, preferred, valid)
    if asking.kind >= RENEW:
        raise _NotPlain
    leases, now, taken = asking.leases, asking.now, asking.taken
    found = subnet.pool_at(hint) if hint else None
    if found is not None and hint not in taken:
        there = leases.by_address(hint)
        if there is None or there.expired(now):
            return _fresh(asking, found, hint, there, NA_TYPE, iaid, ADDRESS_LEN, preferred, valid)
    pools = subnet.pools
    count = len(pools)
    key = (subnet.id, IA_NA, Match.ANY, 0, asking.classes)
    start = asking.network.recent_pool.get(key, 0) if count > 1 else 0
    for number in range(start, start + count):
        pool = pools[number % count]
        address = leases.first_free(pool.sweep, now, taken)
        if address is not None:
            if count > 1 and len(asking.packet.data) <= REMEMBERED_MAX:
                remember(asking.network.recent_pool, key, number % count)
            asking.offered.append(address)
            there = leases.by_address(address)
            return _fresh(asking, pool, address, there, NA_TYPE, iaid, ADDRESS_LEN, preferred, valid)
    raise _NotPlain


def _prefix(asking: _Asking, payload: bytes) -> _Given:
    """A prefix. _NotPlain where what the client has or gets is not."""
    size = len(payload)
    hint = length = preferred = valid = 0
    if len(asking.subnet.pd_pools) != 1:
        raise _NotPlain  # which of several is chosen depends on the length that is asked for
    pool = asking.subnet.pd_pools[0]
    if size != IA_EMPTY:
        if size != IA_WITH_PREFIX or payload[12:16] != PREFIX_HEAD:
            raise _NotPlain
        preferred, valid, length, high, low = _unpack_prefix(payload, 16)
        if length > ADDRESS_LEN:
            raise _NotPlain
        behind = ADDRESS_LEN - length
        hint = (high << 64 | low) >> behind << behind
    iaid = int.from_bytes(payload[:4], "big")
    delegated = pool.delegated_len
    lease = _held(asking, PD_TYPE, iaid, delegated) if asking.mine else None
    if lease is not None:
        if not pool.first <= lease.address <= pool.last:
            raise _NotPlain
        if asking.kind >= RENEW and hint and (hint != lease.address or length != delegated):
            raise _NotPlain
        return _again(asking, lease, pool, preferred, valid)
    if asking.kind >= RENEW:
        raise _NotPlain
    leases, now, taken = asking.leases, asking.now, asking.taken
    if hint and pool.first <= hint <= pool.end:
        address = pool.part_of(hint)
        there = leases.by_address(address)
        if address not in taken and (there is None or there.expired(now)):
            if any(not lease.expired(now) for lease in leases.overlapping(address, delegated)):
                raise _NotPlain
            return _fresh(asking, pool, address, there, PD_TYPE, iaid, delegated, preferred, valid)
    free = leases.first_free(pool.sweep, now, taken)
    if free is None:
        raise _NotPlain
    asking.offered.append(free)
    return _fresh(asking, pool, free, leases.by_address(free), PD_TYPE, iaid, delegated, preferred, valid)


def _held(asking: _Asking, kind: int, iaid: int, length: int) -> Lease6 | None:
    """The client's lease for an identity association, None where it has none. _NotPlain where there is more to it."""
    here = asking.subnet.id
    found = None
    for lease in asking.mine:
        if lease.iaid == iaid and lease.type == kind and lease.subnet_id == here and lease.state != REGISTERED:
            if found is not None:
                raise _NotPlain
            found = lease
    if found is not None and (
        found.state
        or found.hostname
        or found.fqdn_fwd
        or found.fqdn_rev
        or found.user_context
        or found.prefix_len != length
        or not found.valid_lifetime
        or found.address in asking.taken
        or found.expired(asking.now)
    ):
        raise _NotPlain
    return found


def _again(asking: _Asking, lease: Lease6, pool: Pool6 | PdPool, preferred: int, valid: int) -> _Given:
    """The lease that the client has, in an offer, once more, or for longer."""
    subnet, now, events = asking.subnet, asking.now, asking.events
    if asking.offer:
        events.append(OFFERED)
        preferred = lease.preferred_lifetime
        return _given((pool, lease.address, preferred, lease.valid_lifetime, *tee_times6(subnet, preferred)))
    if asking.kind < RENEW:
        fresh = lease._replace(cltt=now)
    else:
        octets, hwtype, source = asking.hwaddr or find_hwaddr(asking.packet, asking.network.mac_sources)
        preferred, valid, _, _ = _times(asking, preferred, valid)
        fresh = _lease((
            lease.address, lease.duid, valid, now, subnet.id, preferred, lease.type, lease.iaid, lease.prefix_len,
            False, False, "", octets, 0, "", hwtype, source, pool.pool_id,
        ))  # fmt: skip
    cached = remaining_of_cached6(subnet, lease, fresh, now)
    if cached is not None:
        events.append(REUSED)
        preferred, valid = cached
    else:
        events.append(RENEWED)
        preferred, valid = fresh.preferred_lifetime, fresh.valid_lifetime
        if lease != fresh:
            asking.unit.append(_change((lease, fresh)))
    return _given((pool, lease.address, preferred, valid, *tee_times6(subnet, preferred)))


def _fresh(  # noqa: PLR0913, PLR0917  # a lease's every part
    asking: _Asking,
    pool: Pool6 | PdPool,
    address: int,
    before: Lease6 | None,
    kind: int,
    iaid: int,
    length: int,
    preferred: int,
    valid: int,
) -> _Given:
    """A new lease; the lifetimes given are what the client would like."""
    preferred, valid, t1, t2 = _times(asking, preferred, valid)
    if not valid:
        raise _NotPlain
    if asking.offer:
        asking.events.append(OFFERED)
        return _given((pool, address, preferred, valid, t1, t2))
    if before is not None and before.hostname:
        raise _NotPlain  # its name is DNS's business
    octets, hwtype, source = asking.hwaddr or find_hwaddr(asking.packet, asking.network.mac_sources)
    lease = _lease((
        address, asking.duid, valid, asking.now, asking.subnet.id, preferred, kind, iaid, length,
        False, False, "", octets, 0, "", hwtype, source, pool.pool_id,
    ))  # fmt: skip
    asking.events.append(ALLOCATED)
    asking.unit.append(_change((before, lease)))
    return _given((pool, address, preferred, valid, t1, t2))


def _times(asking: _Asking, preferred: int, valid: int) -> tuple[int, int, int, int]:
    """Preferred and valid lifetime, T1 and T2 for a client that would like such lifetimes."""
    network, subnet = asking.network, asking.subnet
    key = (subnet.id, preferred, valid)
    try:
        return network.times[key]
    except KeyError:
        granted = lifetimes6(subnet, (), {}, Hint6(0, 0, preferred, valid))
        if len(network.times) >= MEMO_MAX:
            network.times.clear()
        found = network.times[key] = (*granted, *tee_times6(subnet, granted[0]))
        return found


# The answer.


def _answer(
    asking: _Asking, vendors: Vendors6, address: _Given | None, prefix: _Given | None, *, rapid: bool
) -> tuple[bytes, tuple[Answered6, ...]] | None:
    """The message to the client, and what it says; None where options stand in the way of its order."""
    packet, network, duid = asking.packet, asking.network, asking.duid
    options = packet.options
    first = options.first
    pools: tuple[Pool6 | PdPool, ...]
    if prefix is None:
        assert address is not None, "one of both is asked for"
        pools = (address[0],)
    elif address is None:
        pools = (prefix[0],)
    else:
        pools = (address[0], prefix[0]) if address[1] < prefix[1] else (prefix[0], address[0])
    key = (asking.subnet.id, pools, asking.classes, first.get(ORO), vendors, rapid)
    shared: Shared6
    try:
        shared = network.blocks[key]
    except KeyError:
        if len(network.blocks) >= MEMO_MAX:
            network.blocks.clear()
        shared = shared6(packet, network, asking.subnet, pools, asking.classes, vendors, rapid=rapid)
        if len(packet.data) <= REMEMBERED_MAX:
            network.blocks[key] = shared
    if not shared.head:
        return None
    size = len(duid)
    octets = options.octets
    parts = [
        ADVERTISE_TYPE if asking.offer else REPLY_TYPE,
        packet.xid.to_bytes(3, "big"),
        octets[: 4 + size] if octets[:2] == CLIENT_ID_CODE else b"\0\1\0%c%b" % (size, duid),
        shared.head,
    ]
    answered: tuple[Answered6, ...] = ()
    if address is not None:
        pool, number, preferred, valid, t1, t2 = address
        iaid = first[NA][:4]
        parts.append(_pack_address(NA, 40, iaid, t1, t2, 5, 24, number.to_bytes(16, "big"), preferred, valid))
        granted = _granted((number, ADDRESS_LEN, preferred, valid, pool, 0, 0))
        answered = (_answered((IA_NA, int.from_bytes(iaid, "big"), t1, t2, (granted,), None)),)
    parts.append(shared.middle)
    if prefix is not None:
        pool, number, preferred, valid, t1, t2 = prefix
        iaid = first[PD][:4]
        length = pool.delegated_len  # type: ignore[union-attr]  # a prefix is of a pool of prefixes
        parts.append(_pack_prefix(PD, 41, iaid, t1, t2, 26, 25, preferred, valid, length, number.to_bytes(16, "big")))
        granted = _granted((number, length, preferred, valid, pool, 0, 0))
        answered = (*answered, _answered((IA_PD, int.from_bytes(iaid, "big"), t1, t2, (granted,), None)))
    parts.append(shared.tail)
    return b"".join(parts), answered


def _outgoing_of(packet: Packet6, kind: int, data: bytes) -> Outgoing6:
    arrival, relays = packet.arrival, packet.relays
    port = CLIENT_PORT
    if relays:
        data = through_relays(packet, data)
        port = arrival.port if RELAY_PORT in relays[0].options.first else SERVER_PORT
    return _outgoing((data, kind, arrival.source, port, arrival.interface, arrival.ifindex))
