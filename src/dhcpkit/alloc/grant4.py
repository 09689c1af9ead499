"""The lease a client gets once its address is chosen: how long, under which name, with what is remembered of its relay.

Pure, as the choice of the address is (`assign4`); this module does not know packets' bytes, sockets or databases.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from random import Random
from typing import Final, NamedTuple

import attrs

from dhcpkit.alloc.classify import BOOTP, STASHED, allowed, once_found, with_additional
from dhcpkit.alloc.decision import Decision4, Event, Reply4, silent
from dhcpkit.alloc.extended4 import remembered
from dhcpkit.alloc.host import GLOBAL, Host, HostView
from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.name_change import NameChange, changes, naming_of_lease, removal
from dhcpkit.alloc.names import NO_NAME, Name, choose_name
from dhcpkit.alloc.naming import Naming
from dhcpkit.alloc.network import Lifetimes, Network, Pool4, Subnet4
from dhcpkit.alloc.pick import Queue4
from dhcpkit.alloc.points import Consult, Ddns4Update, Lease4Renew, Lease4Select, NextStep
from dhcpkit.alloc.query import DISCOVER, Query4
from dhcpkit.alloc.reserved import Found, host_in
from dhcpkit.alloc.times import remaining_of_cached
from dhcpkit.alloc.view import Change, LeaseView4, Unit, holds
from dhcpkit.wire.client_fqdn import CLIENT_FQDN
from dhcpkit.wire.dhcp4 import MessageType

__all__ = ["Desk4", "final_classes", "grant", "lifetimes_of"]

OFFER: Final = MessageType.OFFER.value
ACK: Final = MessageType.ACK.value
NAK: Final = MessageType.NAK.value
DEFAULT: Final = LeaseState.DEFAULT.value
OFFERED, ALLOCATED, RENEWED, REUSED = Event.OFFER, Event.ALLOC, Event.RENEW, Event.REUSE  # an enum's attribute costs
HOST_NAME, FQDN, RELAY = 12, 81, 82


class Desk4(NamedTuple):
    """One client's assignment: the arguments of the engine, and what was found out before an address is chosen."""

    query: Query4
    leases: LeaseView4
    hosts: HostView
    now: int
    rng: Random
    consult: Consult | None
    found: Found
    classes: tuple[str, ...]


def final_classes(
    query: Query4, classes: tuple[str, ...], subnet: Subnet4, pool: Pool4 | None, host: Host | None
) -> tuple[str, ...]:
    """The classes of an answer: a shared network's reservation adds its own now, and additional ones come last."""
    network = query.network
    shared = network.shared_network(subnet)
    if shared is not None and host is not None and host.subnet_id != GLOBAL and host.client_classes:
        classes = once_found(classes, host)
    wanted = (
        *(pool.additional_classes if pool is not None else ()),
        *subnet.additional_classes,
        *(shared.additional_classes if shared is not None else ()),
    )
    return with_additional(query.packet, classes, wanted, network.classifier, query.trace) if wanted else classes


def grant(  # noqa: PLR0913  # the address, and what is known about it
    desk: Desk4,
    subnet: Subnet4,
    address: int,
    before: Lease4 | None,
    *,
    replaces: Lease4 | None = None,
    mine: bool = False,
    in_turn: bool = False,
) -> Decision4:
    """The client gets the address. `before` is the lease there now, which is this client's if `mine`.

    `replaces` is the lease it gives up for this one; `in_turn` says that the address came from a pool in its turn.
    """
    query, now, consult = desk.query, desk.now, desk.consult
    network = query.network
    pool = subnet.pool_at(address)
    host = host_in(subnet, desk.found)
    naming = subnet.naming if pool is None or pool.naming is None else pool.naming
    name = NO_NAME
    options = query.packet.options
    if HOST_NAME in options or FQDN in options or host is not None or consult is not None or naming.makes_missing:
        name = _name(desk, subnet, host, naming, address)
    own = before if mine else None
    offer = query.type == DISCOVER
    told = _lifetime(desk, subnet, address, own)
    kept = _offer_lifetime(desk, subnet) if offer and (subnet.offer_lifetime or network.classes) else 0
    if kept and own is not None and now + kept < _end(own):
        kept = 0  # Kea: its own lease lasts longer than the offer would
    lease = Lease4(
        address,
        query.hwaddr,
        query.client_id if subnet.match_client_id else b"",
        kept or told,
        now,
        subnet.id,
        name.forward,
        name.reverse,
        name.hostname,
        DEFAULT,
        _context(desk, subnet, before) if before is not None or subnet.store_extended_info else "",
        pool.pool_id if pool is not None else 0,
    )
    remaining = remaining_of_cached(subnet, own, lease, now) if own is not None and not kept else None
    if remaining is not None:
        told = remaining
    if consult is not None:
        agreed = _agreed(desk, subnet, lease, own, kept)
        if agreed is None:
            return _refused(desk, subnet, offer=offer)
        if agreed is own:  # Kea repeats the whole lifetime, although the lease in its store ends earlier
            told = remaining = INFINITE if own.valid_lifetime == INFINITE else own.expire - now
        elif agreed is not lease:
            lease, remaining, told = agreed, None, agreed.valid_lifetime
    reply = _reply(desk, subnet, pool, host, lease, told, name)
    if query.trace:
        _explain(desk, subnet, pool, lease, before, told, cached=remaining is not None, mine=mine, kept=kept)
    picked = address if in_turn else None
    unit: Unit = (Change(before, lease),)
    if offer:
        had = before if before is not None and before.belongs_to(query.client_id, query.hwaddr) else own
        return Decision4(query, OFFERED, lease, unit if kept else (), picked, reply, own=had)
    if remaining is not None:
        return Decision4(query, REUSED, before, (), None, reply)
    if replaces is not None and replaces.address != address:
        unit = (*unit, Change(replaces, None))
    decision = Decision4(query, RENEWED if mine else ALLOCATED, lease, unit, picked, reply)
    if naming.enabled:
        decision.names = _name_changes(network, lease, before, replaces, naming, mine=mine)
    return decision


def _agreed(desk: Desk4, subnet: Subnet4, lease: Lease4, own: Lease4 | None, kept: int) -> Lease4 | None:
    """The lease that callouts agree to; None: the client gets nothing. `own` itself: it stays as the store has it."""
    query, consult = desk.query, desk.consult
    assert consult is not None, "only callouts agree"
    offer = query.type == DISCOVER
    if own is not None and not offer:
        renewal = Lease4Renew(query.packet, lease, subnet, query.client_id, query.hwaddr, desk.classes)
        return own if consult(renewal) is NextStep.SKIP else renewal.lease
    choice = Lease4Select(query.packet, lease, offer, subnet, kept, desk.classes)
    return None if consult(choice) in (NextStep.SKIP, NextStep.DROP) else choice.lease


def _refused(desk: Desk4, subnet: Subnet4, *, offer: bool) -> Decision4:
    """A callout would not have the lease: as if nothing were free, and whoever asks for an address hears so (Kea)."""
    because = "a callout refused the lease"
    if offer:
        return silent(desk.query, because, Event.FULL)
    return Decision4(desk.query, Event.NAK, None, (), None, Reply4(NAK, subnet, desk.classes), because)


def _reply(  # noqa: PLR0913, PLR0917  # what an answer is made of
    desk: Desk4, subnet: Subnet4, pool: Pool4 | None, host: Host | None, lease: Lease4, told: int, name: Name
) -> Reply4:
    query, classes = desk.query, desk.classes
    if host is not None or query.network.classes:
        classes = final_classes(query, classes, subnet, pool, host)
    offer = query.type == DISCOVER
    return Reply4(
        OFFER if offer else ACK,
        subnet,
        classes,
        pool,
        host,
        lease.address,
        0 if offer else query.packet.ciaddr,
        told,
        name.host_name,
        name.fqdn,
    )


def _context(desk: Desk4, subnet: Subnet4, before: Lease4 | None) -> str:
    """The user context: what the client's lease has or had, and what the relay agent says now where that is kept."""
    context = ""
    if before is not None and before.user_context:
        client_id = desk.query.client_id if subnet.match_client_id else b""
        context = before.user_context if before.belongs_to(client_id, desk.query.hwaddr) else ""
    if subnet.store_extended_info and STASHED not in desk.classes:
        relay = desk.query.packet.options.get(RELAY)
        if relay:
            return remembered(relay, context)
    return context


def _end(lease: Lease4) -> float:
    return float("inf") if lease.valid_lifetime == INFINITE else lease.expire


# Lifetimes.


def lifetimes_of(query: Query4, classes: tuple[str, ...], subnet: Subnet4) -> Lifetimes:
    """The first class that sets lifetimes, else the subnet's (Kea)."""
    known = query.network.classes
    if known:
        for name in classes:
            found = known.get(name)
            if found is not None and found.lifetimes is not None:
                return found.lifetimes
    return subnet.lifetimes


def _lifetime(desk: Desk4, subnet: Subnet4, address: int, own: Lease4 | None) -> int:
    """Seconds the lease is valid for, as the client asked and as is allowed."""
    query, classes = desk.query, desk.classes
    if BOOTP in classes:
        return INFINITE
    lifetimes = lifetimes_of(query, classes, subnet) if query.network.classes else subnet.lifetimes
    threshold = subnet.adaptive_lease_time_threshold
    if threshold is not None and threshold < 1 and _occupancy(desk, subnet, address, own) >= threshold:
        remaining = max(_end(own) - desk.now, 0) if own is not None else 0
        return int(min(max(lifetimes.minimum, remaining), INFINITE))
    asked = query.asked_lifetime
    return lifetimes.granted(asked) if asked else lifetimes.default


def _occupancy(desk: Desk4, subnet: Subnet4, address: int, own: Lease4 | None) -> float:
    """Which part of the pools that are open to the client is in use, with this address; 0 outside of them.

    Kea: 0 for other allocators than `flq`, which do not count. So it is where a view does not.
    """
    if type(subnet.allocator) is not Queue4:
        return 0.0
    pools = [pool for pool in subnet.pools if allowed(pool.client_classes, desk.classes)]
    if not any(address in pool for pool in pools):
        return 0.0
    counts = [desk.leases.taken_of(pool.sweep) for pool in pools]
    taken = sum(count for count in counts if count is not None) + (not holds(own))
    return taken / sum(map(len, pools)) if None not in counts else 0.0


def _offer_lifetime(desk: Desk4, subnet: Subnet4) -> int:
    """Seconds an offered address is kept for the client: the first class's that says so, else the subnet's; 0: not."""
    if BOOTP in desk.classes:
        return 0
    known = desk.query.network.classes
    if known:
        for name in desk.classes:
            found = known.get(name)
            if found is not None and found.offer_lifetime is not None:
                return found.offer_lifetime
    return subnet.offer_lifetime or 0


# Names.


def _name(desk: Desk4, subnet: Subnet4, host: Host | None, naming: Naming, address: int) -> Name:
    query, consult = desk.query, desk.consult
    options = query.packet.options
    named = HOST_NAME in options or FQDN in options or host is not None or naming.makes_missing
    name = choose_name(query.packet, naming, host, address) if named else NO_NAME
    if consult is None:
        return name
    point = Ddns4Update(query.packet, subnet, name.hostname, name.forward, name.reverse, naming, desk.classes)
    consult(point)
    if (point.hostname, point.forward, point.reverse) == (name.hostname, name.forward, name.reverse):
        return name
    host_name = point.hostname.encode() if name.host_name is not None else None
    fqdn = name.fqdn
    if fqdn is not None:  # Kea: where a callout changed anything, option 81 says that DNS is not told
        whole = f"{point.hostname.removesuffix('.')}." if point.hostname else ""
        value = CLIENT_FQDN.parse(fqdn)
        fqdn = CLIENT_FQDN.build(attrs.evolve(value, name=whole, server_updates=False, no_updates=True))
    return Name(point.hostname, host_name, fqdn, point.forward, point.reverse)


def _name_changes(  # noqa: PLR0913  # every lease that has to do with it
    network: Network, lease: Lease4, before: Lease4 | None, replaces: Lease4 | None, naming: Naming, *, mine: bool
) -> tuple[NameChange, ...]:
    told: list[NameChange] = []
    if before is not None and not mine and before.hostname:  # somebody's lease that is over is taken back by the way
        told += removal(before, naming_of_lease(before, network))
    old = before if mine else replaces
    was = naming_of_lease(old, network) if old is not None and old.hostname else None
    told += changes(lease, old, naming, was)
    return tuple(told)


# Explanations.


def _explain(  # noqa: PLR0913, PLR0917  # what there is to say
    desk: Desk4,
    subnet: Subnet4,
    pool: Pool4 | None,
    lease: Lease4,
    before: Lease4 | None,
    told: int,
    *,
    cached: bool,
    mine: bool,
    kept: int,
) -> None:
    query, trace = desk.query, desk.query.trace
    where = pool.where if pool is not None else subnet.where
    reserved = next((host for host in desk.found.hosts.values() if host.address == lease.address), None)
    if reserved is not None:
        because, where = "it is reserved for the client", reserved.where
    elif mine:
        because, where = "it is the client's lease", None
    elif before is not None:
        because = "the earlier lease is over"
    elif lease.address == (query.requested or query.packet.ciaddr):
        because = "the client asked for it and it is free"
    else:
        because = f"the next free one of pool {pool}"
    trace.note("address", IPv4Address(lease.address), "chosen", because, where)
    if cached:
        trace.note("lifetime", f"{told} s", "remaining", "the lease is young enough to be repeated unchanged")
        return
    length = "infinite" if told == INFINITE else f"{told} s"
    asked = query.asked_lifetime
    because = f"the client asked for {asked} s" if asked else "the default"
    trace.note("lifetime", length, "granted", because, subnet.where)
    if kept:
        trace.note("lifetime", f"{kept} s", "kept", "an offer is kept for its client so long", subnet.where)
