"""DHCPv6 as the loop serves it: the engine, its quick way, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Final

from dhcpkit.alloc.answer6 import Outcome6, outcome6
from dhcpkit.alloc.decision6 import Decision6, silent6
from dhcpkit.alloc.engine6 import open6, plan6, reclaim6, repeat6
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.network6 import Network6
from dhcpkit.alloc.points import Consult, Point
from dhcpkit.alloc.points6 import Lease6Expire, Lease6Recover
from dhcpkit.alloc.query import Dropped
from dhcpkit.alloc.query6 import Query6
from dhcpkit.alloc.quick6 import quick6
from dhcpkit.alloc.sights import SIGHT6
from dhcpkit.alloc.view6 import Change6, LiveView6, Overlay6
from dhcpkit.hooks import Buffer6Receive, Buffer6Send, Dhcp6SrvConfigured, Leases6Committed, Pkt6Send
from dhcpkit.server.account6 import WORDS6
from dhcpkit.server.family import Family, Points
from dhcpkit.server.ranks import rank6
from dhcpkit.server.statistics import Tally6, count_totals6, lease_totals6
from dhcpkit.wire.dhcp6 import MessageType6, Packet6

__all__ = ["FAMILY6"]

CLIENT_ID: Final = 1


def _open(packet: Packet6, network: Network6, consult: Consult | None, _own: frozenset[int]) -> Query6 | Dropped:
    if len(packet.relays) > network.protection.relay_levels:
        return Dropped("rfc-violation", f"{len(packet.relays)} relay agents are more than relay-levels allows")
    return open6(packet, network, consult)


def _unanswered(decision: Decision6) -> Outcome6:
    query = decision.query
    return Outcome6(
        query.packet, query.identity, decision.events, decision.unit, decision.offered, (), query.subnet, None
    )


def _take_quick(  # noqa: PLR0913, PLR0917  # a batch's whole world
    packets: Sequence[Packet6],
    network: Network6,
    view: LiveView6,
    now: int,
    busy: Container[bytes],
    done: list[Outcome6],
    fault: Callable[[Packet6, Exception], None],
) -> list[Packet6]:
    """As Quick."""
    rest: list[Packet6] = []
    hosts = network.hosts
    taken: set[int] = set()
    seen: set[bytes] = set()
    levels = network.protection.relay_levels
    for packet in packets:
        identity = packet.options.first.get(CLIENT_ID)
        if identity is None or identity in busy or identity in seen or len(packet.relays) > levels:
            rest.append(packet)  # its client has something going on, or is too far away
            continue
        try:
            outcome = quick6(packet, network, view, hosts, now, taken)
        except Exception as error:  # noqa: BLE001  # a fault in one packet's processing must not end the service
            fault(packet, error)
            continue
        if outcome is None:
            rest.append(packet)
            continue
        seen.add(identity)
        for change in outcome.unit:
            taken.add(change.address)
        for address in outcome.offered:
            view.handed_out(address)
        done.append(outcome)
    return rest


RELEASED: Final = LeaseState.RELEASED.value
UNSTORED: Final = frozenset(
    int(kind) for kind in (MessageType6.SOLICIT, MessageType6.CONFIRM, MessageType6.INFORMATION_REQUEST)
)


def _final(outcome: Outcome6, listens: Callable[[type[Point]], bool]) -> Point | None:
    """Who is told of an outcome, where Kea tells: of all that may store something. Prefixes are leases like others."""
    packet, unit = outcome.packet, outcome.unit
    if not listens(Leases6Committed) or (not unit and (packet.type in UNSTORED or outcome.sent is None)):
        return None
    given = tuple(change.after for change in unit if change.after is not None and change.after.state != RELEASED)
    gone = tuple(
        after if (after := change.after) is not None else change.before
        for change in unit
        if change.after is None or change.after.state == RELEASED
    )
    return Leases6Committed(packet, outcome, given, tuple(lease for lease in gone if lease is not None))


FAMILY6: Final[Family[Network6]] = Family(
    number=6,
    words=WORDS6,
    points=Points(
        Buffer6Receive,
        Pkt6Send,
        Buffer6Send,
        Lease6Expire,
        Lease6Recover,
        (Leases6Committed,),
        _final,
        Dhcp6SrvConfigured,
    ),
    parse=Packet6.parse,
    open=_open,
    plan=plan6,
    repeat=repeat6,
    silent=silent6,
    outcome=outcome6,
    unanswered=_unanswered,
    overlay=Overlay6,
    reclaim=reclaim6,
    change=Change6,
    tally=Tally6,
    sight=SIGHT6,
    rank=rank6,
    totals=lease_totals6,
    count=count_totals6,
    quick=_take_quick,
)
