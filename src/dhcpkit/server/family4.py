"""DHCPv4 as the loop serves it: the engine, its quick way, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Final

from dhcpkit.alloc.answer import Outcome4, outcome4
from dhcpkit.alloc.decision import Decision4, Event, silent
from dhcpkit.alloc.engine4 import declined4, plan4, reclaim4, repeat4
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.points import Consult, Lease4Expire, Lease4Recover, Point
from dhcpkit.alloc.query import Dropped, Query4, open4
from dhcpkit.alloc.quick4 import quick4
from dhcpkit.alloc.sights import SIGHT4
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view import Change, LeaseView4, LiveView4, Overlay4, Unit
from dhcpkit.hooks import (
    Buffer4Receive,
    Buffer4Send,
    Dhcp4SrvConfigured,
    Lease4Offer,
    Lease4ServerDecline,
    Leases4Committed,
    Pkt4Send,
)
from dhcpkit.server.account4 import WORDS4
from dhcpkit.server.family import Family, Points
from dhcpkit.server.ranks import rank4
from dhcpkit.server.statistics import LeaseTally, count_totals, lease_totals
from dhcpkit.wire.dhcp4 import MessageType, Packet4
from dhcpkit.wire.messages4 import HOPS_MAX

__all__ = ["FAMILY4"]


def _open(packet: Packet4, network: Network, consult: Consult | None, own: frozenset[int]) -> Query4 | Dropped:
    if packet.hops > HOPS_MAX:
        return Dropped("rfc-violation", f"a message that passed {packet.hops} relay agents goes round in circles")
    return open4(packet, network, consult, NO_TRACE, own)


def _unanswered(decision: Decision4) -> Outcome4:
    query = decision.query
    event, lease, unit, offered = decision.event, decision.lease, decision.unit, decision.offered
    return Outcome4(query.packet, query.identity, event, lease, unit, offered, 0, query.subnet, None)


def _take_quick(  # noqa: PLR0913, PLR0917  # a batch's whole world
    packets: Sequence[Packet4],
    network: Network,
    view: LiveView4,
    now: int,
    busy: Container[bytes],
    done: list[Outcome4],
    fault: Callable[[Packet4, Exception], None],
) -> list[Packet4]:
    """As Quick."""
    rest: list[Packet4] = []
    hosts = network.hosts
    taken: set[int] = set()
    seen: set[bytes] = set()
    for packet in packets:
        hwaddr = packet.chaddr
        identity = packet.options.get(61) or hwaddr
        if identity in busy or identity in seen or hwaddr in seen or packet.hops > HOPS_MAX:
            rest.append(packet)  # its client has something going on, perhaps under another identifier
            continue
        try:
            outcome = quick4(packet, network, view, hosts, now, taken)
        except Exception as error:  # noqa: BLE001  # a fault in one packet's processing must not end the service
            fault(packet, error)
            continue
        if outcome is None:
            rest.append(packet)
            continue
        seen.add(hwaddr)
        if identity is not hwaddr:
            seen.add(identity)
        if outcome.unit:
            taken.add(outcome.unit[0].address)  # a plain message changes one lease
        elif outcome.offered is not None:
            view.handed_out(outcome.offered)
        done.append(outcome)
    return rest


RELEASED: Final = LeaseState.RELEASED.value
DISCOVER, REQUEST, INFORM = (int(kind) for kind in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM))


def _final(outcome: Outcome4, listens: Callable[[type[Point]], bool]) -> Point | None:
    """Who is told of an outcome, where Kea tells: of offers, and of what requests and what is given back came to."""
    packet, lease, unit = outcome.packet, outcome.lease, outcome.unit
    kind = packet.type
    if kind == DISCOVER:
        if outcome.event is not Event.OFFER or lease is None or not listens(Lease4Offer):
            return None
        kept = lease.valid_lifetime if unit else 0
        return Lease4Offer(packet, outcome, (lease,), kept, outcome.own, outcome.host)
    if kind == INFORM or not listens(Leases4Committed) or (kind == REQUEST and outcome.sent is None and not unit):
        return None
    # A lease that was given back is told as it is now, whether or not it is kept for its client (Kea).
    if len(unit) == 1 and unit[0].after is not None and unit[0].after.state != RELEASED:  # as almost always
        return Leases4Committed(packet, outcome, (unit[0].after,), ())
    given = tuple(change.after for change in unit if change.after is not None and change.after.state != RELEASED)
    gone = tuple(
        after if (after := change.after) is not None else change.before
        for change in unit
        if change.after is None or change.after.state == RELEASED
    )
    return Leases4Committed(packet, outcome, given, tuple(lease for lease in gone if lease is not None))


def _decline(outcome: Outcome4, leases: LeaseView4, network: Network, now: int) -> Unit:
    """The address that was offered rests, unless somebody else has it by now."""
    lease = outcome.lease
    assert lease is not None, "an offer has a lease"
    before = leases.by_address(lease.address)
    if before is not None and not before.expired(now) and not before.belongs_to(lease.client_id, lease.hwaddr):
        return ()
    return (Change(before, declined4(lease, network, now)),)


FAMILY4: Final[Family[Network]] = Family(
    number=4,
    words=WORDS4,
    points=Points(
        Buffer4Receive,
        Pkt4Send,
        Buffer4Send,
        Lease4Expire,
        Lease4Recover,
        (Lease4Offer, Leases4Committed),
        _final,
        Dhcp4SrvConfigured,
        Lease4ServerDecline,
    ),
    parse=Packet4.parse,
    open=_open,
    plan=plan4,
    repeat=repeat4,
    silent=silent,
    outcome=outcome4,
    unanswered=_unanswered,
    overlay=Overlay4,
    reclaim=reclaim4,
    change=Change,
    tally=LeaseTally,
    sight=SIGHT4,
    rank=rank4,
    totals=lease_totals,
    count=count_totals,
    quick=_take_quick,
    decline=_decline,
)
