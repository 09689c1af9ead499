"""Which addresses and prefixes a client gets for an identity association. Pure; the order of preference is Kea's.

Reservation, what the client has, what it asks for, pools. What it has and cannot keep (reserved for another, in no pool
open to it) is taken back; a client may get an address of another subnet of its shared network. A prefix of another
length than asked for is given where there is none of that length: a larger one first. Every choice and refusal is noted
in the trace. Leases are made, and kept track of, in `desk6`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import attrs

from dhcpkit.alloc.classify import allowed
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6, Granted6
from dhcpkit.alloc.desk6 import Desk6, Holding6
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease import GIVEN_BACK
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network import REMEMBERED_MAX
from dhcpkit.alloc.network6 import PdPool, Pool6, Subnet6
from dhcpkit.alloc.pick6 import Match
from dhcpkit.alloc.query6 import Asked6, Hint6
from dhcpkit.alloc.times6 import tee_times6
from dhcpkit.alloc.tried import tried
from dhcpkit.alloc.view6 import Sweep6
from dhcpkit.wire.identity6 import StatusCode, StatusCode6

__all__ = ["assign6", "extend6", "none_available", "remember"]

IA_NA, IA_PD = LeaseType.IA_NA, LeaseType.IA_PD
ADDRESS_LEN: Final = 128
RECENT_MAX: Final = 4096  # remembered places; clients' classes are part of their names, so it must not grow with them


@attrs.define
class _Chosen:
    """Leases for an identity association: those the client has and keeps, a new one, and those it loses."""

    kept: list[Lease6]
    fresh: Holding6 | None = None
    lost: list[Lease6] = attrs.field(factory=list)


def assign6(desk: Desk6, asked: Asked6) -> Answered6:
    """The answer to an identity association of a SOLICIT or REQUEST (RFC 8415 18.3.1, 18.3.2)."""
    chosen = _choose(desk, asked)
    for lease in chosen.lost:
        desk.remove(lease)
    holdings = [desk.keep(asked, lease) for lease in chosen.kept]
    if chosen.fresh is not None:
        holdings.append(chosen.fresh)
    if not holdings:
        return none_available(asked, "no address is free" if asked.type == IA_NA else "no prefix is free")
    if asked.type == IA_NA:
        holdings = holdings[:1]  # Kea: one address for each identity association
    return _granted(desk, asked, holdings)


def extend6(desk: Desk6, asked: Asked6) -> Answered6:
    """The answer to an identity association of a RENEW or REBIND (RFC 8415 18.3.4, 18.3.5).

    A client without binding gets one. What it has to give up, and what it asks about that nobody knows, comes back with
    lifetimes of 0.
    """
    chosen = _choose(desk, asked)
    holdings = []
    lost = list(chosen.lost)
    for lease in chosen.kept:
        extended = desk.extend(asked, lease)
        if extended is None:
            lost.append(lease)
        else:
            holdings.append(extended)
    for lease in lost:
        desk.remove(lease)
    if chosen.fresh is not None:
        holdings.append(chosen.fresh)
    told = {(each.lease.address, each.lease.prefix_len) for each in holdings}
    over = []
    for address, prefix_len in [
        *((lease.address, lease.prefix_len) for lease in lost),
        *((hint.address, hint.prefix_len) for hint in asked.hints if hint.address or asked.type == IA_NA),
    ]:
        if (address, prefix_len) not in told:
            told.add((address, prefix_len))
            over.append(Granted6(address, prefix_len, 0, 0))
    if holdings:
        answer = _granted(desk, asked, holdings)
        return answer._replace(granted=(*answer.granted, *over)) if over else answer
    nothing = "no address can be given now" if asked.type == IA_NA else "no prefix can be given now"
    return none_available(asked, nothing)._replace(granted=tuple(over))


def none_available(asked: Asked6, because: str) -> Answered6:
    """Nothing for an identity association, and the status that says so."""
    code = StatusCode.NO_ADDRS_AVAIL if asked.type == IA_NA else StatusCode.NO_PREFIX_AVAIL
    return Answered6(asked.type, asked.iaid, status=StatusCode6(int(code), because))


def _granted(desk: Desk6, asked: Asked6, holdings: Sequence[Holding6]) -> Answered6:
    subnet, host = desk.subnet, desk.host()
    granted = tuple(_grant(each, subnet, host) for each in holdings)
    shortest = min((each.preferred for each in holdings if each.preferred), default=holdings[0].preferred)
    t1, t2 = tee_times6(subnet, shortest)
    if desk.query.trace:
        for each in holdings:
            told = f"preferred for {each.preferred} s, valid for {each.valid} s; T1 {t1} s, T2 {t2} s"
            desk.note(each.lease.address, "granted", told, subnet.where)
    return Answered6(asked.type, asked.iaid, t1, t2, granted)


def _grant(holding: Holding6, subnet: Subnet6, host: Host6 | None) -> Granted6:
    lease = holding.lease
    address, length = lease.address, lease.prefix_len
    pool: Pool6 | PdPool | None
    excluded = excluded_len = 0
    if lease.type == IA_NA.value:
        pool = subnet.pool_at(address)
    else:
        pool = pd_pool = subnet.pd_pool_at(address)
        reserved = None if host is None else next((p for p in host.prefixes if p[:2] == (address, length)), None)
        if reserved is not None:
            excluded, excluded_len = reserved.excluded, reserved.excluded_len
        elif pd_pool is not None:
            excluded, excluded_len = pd_pool.excluded, pd_pool.excluded_len
    return Granted6(address, length, holding.preferred, holding.valid, pool, excluded, excluded_len)


# Which leases.


def _choose(desk: Desk6, asked: Asked6) -> _Chosen:
    chosen = _Chosen(desk.own(asked))
    if desk.found:
        chosen.fresh = _from_reservation(desk, asked, chosen.kept)
    for lease in list(chosen.kept):
        if not _may_keep(desk, asked, lease):
            chosen.kept.remove(lease)
            chosen.lost.append(lease)
    if desk.found:
        _prefer_reserved(desk, chosen)
    if not chosen.kept and chosen.fresh is None:
        chosen.fresh = _from_hint_or_pools(desk, asked)
    return chosen


def _may_keep(desk: Desk6, asked: Asked6, lease: Lease6) -> bool:
    """Whether a lease is the client's by reservation, or in a pool open to it and nobody else's."""
    if asked.type == IA_PD and lease.expired(desk.now) and desk.overlapped(lease.address, lease.prefix_len):
        desk.note(lease.address, "taken back", "it is over, and somebody has a prefix now that overlaps it")
        return False
    if desk.is_reserved(lease):
        return True
    subnet = desk.query.network.by_id[lease.subnet_id]
    in_pool = next(desk.pools_at(asked.type, lease.address), None) is not None
    other = desk.reserved_for_other(subnet, lease.address, in_pool=in_pool)
    if other is not None:
        desk.note(lease.address, "taken back", f"it is reserved for {other}", other.where)
        return False
    if not in_pool:
        desk.note(lease.address, "taken back", "it is in no pool open to the client")
    return in_pool


def _prefer_reserved(desk: Desk6, chosen: _Chosen) -> None:
    """Kea: what is not reserved goes as long as something else remains."""
    total = len(chosen.kept) + (chosen.fresh is not None)
    for lease in list(chosen.kept):
        if total <= 1:
            return
        if not desk.is_reserved(lease):
            desk.note(lease.address, "taken back", "the client has a reservation instead")
            chosen.kept.remove(lease)
            chosen.lost.append(lease)
            total -= 1


# Reservations.


def _from_reservation(desk: Desk6, asked: Asked6, kept: Sequence[Lease6]) -> Holding6 | None:
    """A new lease for something reserved that none of the client's identity associations has yet; None for none."""
    network, found = desk.query.network, desk.found
    for lease in kept:
        host = found.get(lease.subnet_id)
        usable = lease.valid_lifetime or lease.state in GIVEN_BACK
        if usable and host is not None and host.has(lease.address, lease.prefix_len):
            where = network.by_id[lease.subnet_id]
            if desk.host_subnet is None and where is not desk.subnet:
                desk.subnet = where
                desk.take_up(host, where)
            return None
    places = [network.by_id[place] for place in found if place]
    if len(places) > 1:
        at, size = network.position(desk.subnet), len(desk.query.siblings)
        places.sort(key=lambda subnet: (network.position(subnet) - at) % size)
    for subnet in places:
        if not network.open_to(subnet, desk.classes):
            continue
        host = found[subnet.id]
        if not host.addresses and not host.prefixes:
            desk.subnet = subnet
            desk.take_up(host, subnet)
            return None
        for address, length in _reserved(host, asked):
            holding = _reserve(desk, asked, subnet, address, length, host)
            if holding is not None:
                return holding
    everywhere = desk.global_host()
    if everywhere is None or any(desk.is_reserved_globally(lease) for lease in kept):
        return None
    for address, length in _reserved(everywhere, asked):
        there = _where(desk, address) if asked.type == IA_NA else desk.subnet
        if there is None:
            desk.note(address, "reservation passed over", "no subnet of this network holds it", everywhere.where)
            continue
        holding = _reserve(desk, asked, there, address, length, everywhere)
        if holding is not None:
            return holding
    return None


def _reserved(host: Host6, asked: Asked6) -> list[tuple[int, int]]:
    if asked.type == IA_NA:
        return [(address, ADDRESS_LEN) for address in host.addresses]
    return [(each.prefix, each.length) for each in host.prefixes]


def _where(desk: Desk6, address: int) -> Subnet6 | None:
    network, start = desk.query.network, desk.query.siblings[0]
    return next((subnet for subnet in network.holding(address) if network.one_link(start, subnet)), None)


def _reserve(  # noqa: PLR0913, PLR0917  # a reservation's every part
    desk: Desk6, asked: Asked6, subnet: Subnet6, address: int, length: int, host: Host6
) -> Holding6 | None:
    if (address, length) in desk.allocated:
        return None
    pool = subnet.pool_at(address) if asked.type == IA_NA else subnet.pd_pool_at(address)
    if host.subnet_id and subnet.reservations_out_of_pool and pool is not None:
        desk.note(address, "reservation passed over", "it is in a pool, and reservations are out of pools", host.where)
        return None
    lease = desk.lease_at(address)
    if lease is not None and not lease.expired(desk.now):
        mine = lease.duid == desk.query.duid
        why = "it is leased for another identity association" if mine else "it is leased to another client"
        desk.note(address, "reservation passed over", why, host.where)
        return None
    if asked.type == IA_PD and desk.overlapped(address, length):
        desk.note(address, "reservation passed over", "a prefix that overlaps it is leased", host.where)
        return None
    desk.note(address, "chosen", "it is reserved for the client", host.where)
    if host.subnet_id and desk.host_subnet is None:
        desk.take_up(host, subnet)
    return desk.create(asked, subnet, address, length)


# Hints and pools.


def _from_hint_or_pools(desk: Desk6, asked: Asked6) -> Holding6 | None:
    hint = asked.hints[0] if asked.hints else None  # Kea: the first is the one that counts
    length = hint.prefix_len if hint is not None and hint.prefix_len != ADDRESS_LEN else 0
    by_length = asked.type != IA_NA and length
    tried = 0
    for match in (Match.EQUAL, Match.SHORTER, Match.LONGER) if by_length else (Match.ANY,):
        if hint is not None and hint.address:
            found = _from_hint(desk, asked, hint, match)
            if found is not None:
                return found
        picked = _pick(desk, asked, match, length)
        if not isinstance(picked, int):
            return desk.create(asked, *picked, in_turn=True)
        tried += picked
    desk.events.append(Event.FULL if tried else Event.NO_POOL)
    return None


def _from_hint(desk: Desk6, asked: Asked6, hint: Hint6, match: Match) -> Holding6 | None:
    """What the client asks for, where it is in a pool open to it and nobody has it."""
    known = False
    for subnet, pool in desk.pools_at(asked.type, hint.address):
        known = True
        address, length = hint.address, ADDRESS_LEN
        if isinstance(pool, PdPool):
            length = pool.delegated_len
            if not match.takes(length, hint.prefix_len):
                continue
            address = pool.part_of(address)
        lease = desk.lease_at(address)
        if (lease is not None and not lease.expired(desk.now)) or (address, length) in desk.allocated:
            desk.note(address, "passed over", "the client asks for it, and it is taken")
            continue
        if isinstance(pool, PdPool) and desk.overlapped(address, length):
            desk.note(address, "passed over", "the client asks for it, and a prefix that overlaps it is taken")
            continue
        other = desk.reserved_for_other(subnet, address, in_pool=True)
        if other is not None:
            desk.note(address, "passed over", f"the client asks for it, and it is reserved for {other}", other.where)
            continue
        desk.note(address, "chosen", "the client asks for it and it is free", pool.where)
        return desk.create(asked, subnet, address, length)
    if not known:
        desk.note(hint.address, "passed over", "the client asks for it, and it is in no pool open to it")
    return None


def _pick(desk: Desk6, asked: Asked6, match: Match, length: int) -> tuple[Subnet6, int, int] | int:
    """The next free one, from the subnet and the pool on that gave something last (Kea: the preferred subnet).

    It comes with its subnet and the length of its prefix. Where there is none: how many pools are full.
    """
    query, classes = desk.query, desk.classes
    network, link = query.network, query.siblings
    start = _preferred(desk, asked) if len(link) > 1 else 0
    trace = bool(query.trace)  # what notes say is not put together for nobody
    tried = 0
    for step in range(len(link)):
        subnet = link[(start + step) % len(link)]
        if not network.open_to(subnet, classes):
            if trace:
                desk.note(subnet.prefix, "passed over", "it is not open to the client's classes", subnet.where)
            continue
        pools = subnet.pools if asked.type == IA_NA else subnet.pd_pools_for(match, length)
        key = (subnet.id, asked.type, match, length, classes)
        first = _start(desk, key, network.recent_pool) if len(pools) > 1 else 0
        for number in range(len(pools)):
            at = (first + number) % len(pools)
            pool = pools[at]
            if not allowed(pool.client_classes, classes):
                if trace:
                    wanted = " or ".join(pool.client_classes)
                    desk.note(f"pool {pool}", "passed over", f"the client is not in {wanted}", pool.where)
                continue
            tried += 1
            address = _first_free(desk, subnet, pool, asked)
            if address is None:
                if trace:
                    desk.note(f"pool {pool}", "passed over", "it is full", pool.where)
                continue
            short = len(desk.query.packet.data) <= REMEMBERED_MAX
            if short and len(pools) > 1:
                remember(network.recent_pool, key, at)
            if short and len(link) > 1:
                remember(network.recent, _place(desk, subnet, asked), network.position(subnet))
            if trace:
                desk.note(address, "chosen", f"the next free one of pool {pool}", pool.where)
            return subnet, address, pool.delegated_len if isinstance(pool, PdPool) else ADDRESS_LEN
    return tried


def _preferred(desk: Desk6, asked: Asked6) -> int:
    """The number of the subnet to begin with: the one of the same guards that gave something last (Kea).

    Without it a shared network full of full subnets would cost a look at each of them, for every client.
    """
    network, link = desk.query.network, desk.query.siblings
    here = network.position(desk.subnet)
    found = _start(desk, _place(desk, desk.subnet, asked), network.recent, here)
    return (found - network.position(link[0])) % len(link)


def _place(desk: Desk6, subnet: Subnet6, asked: Asked6) -> tuple[object, ...]:
    network = desk.query.network.shared_network(subnet)
    assert network is not None, "several subnets are a shared network"
    return network.name, asked.type, desk.query.network.guards(subnet)


def _start(desk: Desk6, key: tuple[object, ...], recent: dict[tuple[object, ...], int], otherwise: int = 0) -> int:
    """Where a search begins; planning again begins there again, whatever happened since."""
    starts = desk.query.starts
    if key not in starts:
        starts[key] = recent.get(key, otherwise)
    return starts[key]


def remember(recent: dict[tuple[object, ...], int], key: tuple[object, ...], at: int) -> None:
    """Keeps in one of a network's memos where something was found last."""
    if len(recent) >= RECENT_MAX and key not in recent:
        recent.clear()
    recent[key] = at


def _first_free(desk: Desk6, subnet: Subnet6, pool: Pool6 | PdPool, asked: Asked6) -> int | None:
    allocator = subnet.allocator if asked.type == IA_NA else subnet.pd_allocator
    busy = desk.busy(subnet)
    delegated = pool.delegated_len if isinstance(pool, PdPool) else 0
    for each in allocator.orders(pool.sweep, desk.chance()):
        order = each if not delegated or type(each) is Sweep6 else _Apart(each, desk, delegated)
        address = desk.leases.first_free(order, desk.now, busy, desk.spans)
        if desk.query.trace:
            for passed, because in tried(each, address, partial(_why_not, desk, busy, delegated)):
                desk.note(passed, "passed over", because)
        if address is not None:
            return address
    return None


@attrs.frozen
class _Apart:
    """Those of an order of prefixes that do not overlap what somebody holds; of a sweep the view knows them."""

    order: Iterable[int]
    desk: Desk6
    length: int

    def __iter__(self) -> Iterator[int]:
        return (address for address in self.order if not self.desk.overlapped(address, self.length))


def _why_not(desk: Desk6, busy: Container[int], delegated: int, address: int) -> str:
    """Why an address or prefix of a pool is not given to anybody; "" where it is free."""
    lease = desk.leases.by_address(address)
    if lease is not None and not lease.expired(desk.now):
        return "it is declined" if lease.state else f"it is leased to {lease.duid.hex(':')}"
    if delegated and desk.overlapped(address, delegated):
        return "a prefix that overlaps it is leased"
    return "it is reserved for another client" if address in busy else ""
