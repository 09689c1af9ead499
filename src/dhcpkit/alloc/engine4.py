"""What a DHCPv4 server decides. Pure: leases, hosts, time and chance are arguments; a decision is a value.

`plan4` looks at one opened message and says what is answered and which leases change; nothing is changed here. It may
raise `NotLoaded` from a partial view and is then called again (docs/why/batches.md). Which address a client gets is
decided in `assign4`; how the answer looks in bytes in `answer`. This module does not know sockets, stores or clocks.
"""

from __future__ import annotations

from copy import copy
from random import Random
from typing import Final

import attrs

from dhcpkit.alloc.assign4 import assign4, with_reservations
from dhcpkit.alloc.classify import DROP, STASHED, classify
from dhcpkit.alloc.decision import Decision4, Event, Reply4, silent
from dhcpkit.alloc.extended4 import recalled
from dhcpkit.alloc.grant4 import final_classes
from dhcpkit.alloc.host import HostView
from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.name_change import forgotten
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.points import Consult, Lease4Decline, Lease4Release, NextStep
from dhcpkit.alloc.query import DECLINE, INFORM, RELEASE, REQUEST, Dropped, Query4, open4, query_of
from dhcpkit.alloc.reserved import host_in
from dhcpkit.alloc.view import Change, LeaseView4
from dhcpkit.wire.dhcp4 import MessageType

__all__ = ["Decision4", "Dropped", "Event", "Query4", "Reply4", "declined4", "open4", "plan4", "reclaim4", "repeat4"]

ACK: Final = MessageType.ACK.value
RELAY: Final = 82


def plan4(  # noqa: PLR0913, PLR0917  # the engine's whole world, each an argument
    query: Query4, leases: LeaseView4, hosts: HostView, now: int, rng: Random, consult: Consult | None = None
) -> Decision4:
    """Decides about one message at `now` (seconds). Raises NotLoaded where a partial view must learn more first."""
    kind = query.type
    if kind == RELEASE:
        return _release(query, leases, consult)
    if kind == DECLINE:
        return _decline(query, leases, now, consult)
    if kind == INFORM:
        return _inform(query, hosts, consult)
    if query.network.stash_agent_options and kind == REQUEST:
        seen = _recovered(query, leases, hosts, now, consult)
        if isinstance(seen, Dropped):
            return silent(query, seen.because, reason=seen.reason)
        if seen is not None:
            decision = assign4(seen, leases, hosts, now, rng, consult)
            decision.query = query  # which has no option 82, so that the answer gets none
            return decision
    return assign4(query, leases, hosts, now, rng, consult)


def _recovered(
    query: Query4, leases: LeaseView4, hosts: HostView, now: int, consult: Consult | None
) -> Query4 | Dropped | None:
    """A renewal with what the relay agent said when the lease was given (Kea: `stash-agent-options`); None: no such.

    A client renews past its relay, whose information may be what tells its classes, subnet and reservation.
    """
    packet = query.packet
    if not packet.ciaddr or packet.giaddr or packet.options.get(RELAY):
        return None
    lease = leases.by_address(packet.ciaddr)
    if lease is None or lease.expired(now) or not lease.belongs_to(query.client_id, query.hwaddr):
        return None
    relay = recalled(lease.user_context)
    if relay is None:
        return None
    seen = copy(packet)
    seen.options = packet.options | {RELAY: relay}
    network, trace = query.network, query.trace
    if trace:
        trace.note("classes", STASHED, "member", "the lease has what the relay agent said")
    classes = classify(seen, network.classifier, trace, STASHED)
    if DROP in classes:
        return Dropped("admin-filtered", "the client is in class DROP")
    again = query_of(seen, network, consult, trace, classes, hosts)
    if isinstance(again, Query4):
        again.seed = query.seed
    return again


def repeat4(query: Query4, leases: LeaseView4, hosts: HostView, now: int, rng: Random) -> Decision4:
    """What can be said while nothing can be written: what is already promised, for the time that remains.

    A holder gets its lease's remaining lifetime; whatever would change a lease gets silence, and nobody a DHCPNAK for
    the store's trouble (docs/why/durability.md).
    """
    decision = plan4(query, leases, hosts, now, rng)
    if not decision.unit:
        return decision
    reply = decision.reply
    own = decision.unit[0].before if len(decision.unit) == 1 else None
    if (
        reply is None
        or own is None
        or reply.yiaddr != own.address
        or own.state != LeaseState.DEFAULT
        or own.expired(now)
        or not own.belongs_to(query.client_id, query.hwaddr)
    ):
        return silent(query, "the lease store cannot be written")
    remaining = INFINITE if own.valid_lifetime == INFINITE else own.expire - now
    if remaining <= 0:
        return silent(query, "the lease store cannot be written, and the lease ends now")
    kept = attrs.evolve(reply, lifetime=remaining)
    return Decision4(query, Event.REUSE, own, (), None, kept, "the store cannot be written: what is promised stays")


def _release(query: Query4, leases: LeaseView4, consult: Consult | None) -> Decision4:
    """RFC 2131 4.3.4. The lease is found by ciaddr alone and must be the client's (Kea)."""
    ciaddr = query.packet.ciaddr
    lease = leases.by_address(ciaddr) if ciaddr else None
    if lease is None:
        return silent(query, "no lease at ciaddr to release")
    if not lease.belongs_to(query.client_id, query.hwaddr):
        return silent(query, "the lease at ciaddr belongs to another client")
    if lease.state != LeaseState.DEFAULT:
        return silent(query, "the lease at ciaddr is not in use")
    if consult is not None and consult(Lease4Release(query.packet, lease)) in (NextStep.SKIP, NextStep.DROP):
        return silent(query, "a callout of lease4_release kept the lease")
    network = query.network
    if network.keep_released and lease.valid_lifetime != INFINITE:
        kept = lease._replace(valid_lifetime=0, state=LeaseState.RELEASED.value)
        if query.trace:
            query.trace.note("release", query.packet, "lease kept for its client", "it is the client's", "")
        return Decision4(query, Event.RELEASE, lease, (Change(lease, kept),), None, None, "released by its client")
    if query.trace:
        query.trace.note("release", query.packet, "lease removed", "it is the client's", "")
    names = forgotten(lease, network)
    return Decision4(query, Event.RELEASE, lease, (Change(lease, None),), None, None, "released by its client", names)


def _decline(query: Query4, leases: LeaseView4, now: int, consult: Consult | None) -> Decision4:
    """RFC 2131 4.3.3. Only the holder may decline; the address rests for the probation period without an owner."""
    if not query.requested:
        return silent(query, "a DHCPDECLINE without requested address (50)")
    lease = leases.by_address(query.requested)
    if lease is None:
        return silent(query, "no lease at the declined address")
    if lease.state != LeaseState.DEFAULT or lease.expired(now):
        return silent(query, "the lease at the declined address is not in use")
    if not lease.belongs_to(query.client_id, query.hwaddr):
        return silent(query, "the declined address is leased to another client")
    if consult is not None and consult(Lease4Decline(query.packet, lease)) in (NextStep.SKIP, NextStep.DROP):
        return silent(query, "a callout of lease4_decline kept the lease")
    resting = declined4(lease, query.network, now)
    if query.trace:
        query.trace.note("decline", query.packet, "address on probation", "its holder found it in use")
    names = forgotten(lease, query.network)
    unit = (Change(lease, resting),)
    return Decision4(query, Event.DECLINE, resting, unit, None, None, "declined by its holder", names)


def declined4(lease: Lease4, network: Network, now: int) -> Lease4:
    """The lease of an address that is in use by somebody unknown: without an owner, for the probation period."""
    return Lease4(
        lease.address,
        b"",
        b"",
        network.decline_probation_period,
        now,
        lease.subnet_id,
        state=LeaseState.DECLINED.value,
        pool_id=lease.pool_id,
    )


def _inform(query: Query4, hosts: HostView, consult: Consult | None) -> Decision4:
    """RFC 2131 4.3.5: options only; no lease is read or written, yiaddr and lease times stay out."""
    found, classes = with_reservations(query, hosts, consult)
    if DROP in classes:
        return silent(query, "the client is in class DROP", reason="admin-filtered")
    host = host_in(query.subnet, found) if query.subnet is not None else None
    reply = Reply4(ACK, query.subnet, classes, host=host, ciaddr=query.packet.ciaddr)
    if query.subnet is not None:
        reply.classes = final_classes(query, classes, query.subnet, None, host)
    return Decision4(query, Event.INFORM, None, (), None, reply, "options only")


def reclaim4(lease: Lease4, now: int, *, hold: bool) -> Change:
    """What becomes of a lease whose time is over: with `hold` it is kept as expired-reclaimed, else it is removed.

    A declined lease has no owner to come back and is always removed (Kea).
    """
    assert lease.expired(now), "only what has expired is reclaimed"
    if not hold or lease.state != LeaseState.DEFAULT:
        return Change(lease, None)
    kept = lease._replace(state=LeaseState.EXPIRED_RECLAIMED.value, hostname="", fqdn_fwd=False, fqdn_rev=False)
    return Change(lease, kept)
