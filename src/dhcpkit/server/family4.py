"""DHCPv4 as the loop serves it: the engine, its quick way, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Final

from dhcpkit.alloc.answer import Outcome4, outcome4
from dhcpkit.alloc.decision import Decision4, silent
from dhcpkit.alloc.engine4 import plan4, reclaim4, repeat4
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.points import Consult, Lease4Expire
from dhcpkit.alloc.query import Dropped, Query4, open4
from dhcpkit.alloc.quick4 import quick4
from dhcpkit.alloc.sights import SIGHT4
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view import Change, LiveView4, Overlay4
from dhcpkit.hooks import Buffer4Receive, Buffer4Send, Pkt4Send
from dhcpkit.server.account4 import WORDS4
from dhcpkit.server.family import Family, Points
from dhcpkit.server.ranks import rank4
from dhcpkit.server.statistics import LeaseTally, count_totals, lease_totals
from dhcpkit.wire.dhcp4 import Packet4
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


FAMILY4: Final[Family[Network]] = Family(
    number=4,
    words=WORDS4,
    points=Points(Buffer4Receive, Pkt4Send, Buffer4Send, Lease4Expire),
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
)
