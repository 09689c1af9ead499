"""Callouts around the engine: what comes in, what became of it, what goes out; and exchanges that wait for them.

A decision is final once its leases are stored. Who listens is told then; where a callout waits, the answer waits with
it (Kea's parking), while other exchanges go on, and so many wait at most as the configuration says. This module knows
neither packets nor sockets; what is a family's own is in its `Family`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Protocol, cast

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.points import NextStep, Point
from dhcpkit.backends.protocols import LeaseStoreOf
from dhcpkit.hooks import Exchange, Hooks
from dhcpkit.hooks.catalogue import Both, Room
from dhcpkit.server.account import Account
from dhcpkit.server.family import Family, Outcome
from dhcpkit.wire.errors import WireError

__all__ = ["PARKED_MAX", "Callouts", "Commit", "Exchanges", "NotHeard", "Work"]

PARKED_MAX: Final = 256  # exchanges at one hook point: Kea's parked-packet-limit
ENDED: Final = (LeaseState.DEFAULT.value, LeaseState.DECLINED.value)  # states of leases that nobody took back yet

HOOK_PARKING_LOT_FULL: Final = Both("hooks").debug(
    "DHCP#_HOOK_PARKING_LOT_FULL",
    15,
    "{client}: {count} exchanges wait at {point} already, which is the limit; it is not answered",
    "dhcpkit's own. As many answers wait for callouts of this hook point as parked-packet-limit allows. What was "
    "stored for this client stays stored. It is counted as pkt#-queue-full and pkt#-receive-drop.",
)
DHCP4_SERVER_INITIATED_DECLINE: Final = Room("leases", 4).info(
    "DHCP4_SERVER_INITIATED_DECLINE",
    "{client}: address {address} is in use by somebody else and is declined for {seconds} s",
    "A callout of lease4_offer found the address in use that was about to be offered. It is on probation now, and its "
    "client will be offered another one when it asks again.",
)

AnyStore = LeaseStoreOf[Any, Any, Any, Any]
Work = Callable[[], Coroutine[Any, Any, None]]
Commit = Callable[[Sequence[Sequence[Any]]], Awaitable[Sequence[bool]]]


class NotHeard(Exception):
    """A datagram is as if it had not come."""


class Exchanges(Protocol):
    """The exchanges that are told of: what the loop does with them."""

    network: Any
    store: AnyStore

    def now(self) -> int:
        """The engine's time."""
        ...

    def parked(self, outcome: Any, /) -> None:
        """The answer waits; everything else about it is over."""
        ...

    def released(self, outcome: Any, /) -> None:
        """An answer that waited may go; `sent` is None where it may not."""
        ...

    def serve_again(self, packet: Any, /) -> None:
        """What callouts say is known: the engine may go on."""
        ...

    def failed(self, packet: Any, error: Exception, /) -> None:
        """An answer that waited is lost by a fault of ours."""
        ...


class Callouts:
    """The callouts as a server's loop meets them. At most `limit` exchanges wait at each hook point; 0: no limit."""

    def __init__(self, family: Family[Any], hooks: Hooks, account: Account, exchanges: Exchanges) -> None:
        self.limit = PARKED_MAX
        self.count = 0
        """How many exchanges wait."""
        self.commit: Commit = _nobody_commits
        """Changes leases, durably and counted."""
        self._family, self._hooks, self._account, self._exchanges = family, hooks, account, exchanges
        self._lots: Counter[type[Point]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: dict[int, Exchange] = {}  # by the `id` of the packet, which lives as long
        hooks.family = family.number
        account.statistics.gathers(self._count)

    def _count(self) -> None:
        tally = self._hooks.tally
        if tally:
            self._account.statistics.add(tally)
            tally.clear()

    # Exchanges.

    def of(self, packet: Any) -> Exchange:
        """The callouts as the exchange of a message sees them."""
        try:
            return self._known[id(packet)]
        except KeyError:
            made = self._known[id(packet)] = Exchange(self._hooks)
            return made

    def get(self, packet: Any) -> Exchange | None:
        """The same, None where nobody listened to this message yet."""
        return self._known.get(id(packet)) if self._known else None

    def _join(self, point: Point, packet: Any) -> None:
        """Shows a point's callouts what earlier ones of the exchange left."""
        known = self._known.get(id(packet))
        if known is not None:
            point.context = known.context

    def _part(self, point: Point, packet: Any) -> None:
        """Keeps what they left for later ones."""
        if point.shared and id(packet) not in self._known:
            self.of(packet).context = point.shared

    def replaced(self, packet: Any, by: Any) -> None:
        """A callout put another message in its place."""
        self._known[id(by)] = self._known.pop(id(packet))

    def forget(self, packets: Iterable[Any]) -> None:
        """These exchanges are over."""
        known = self._known
        if known:
            for packet in packets:
                known.pop(id(packet), None)

    def keep(self, packets: Sequence[Any], heard: Sequence[Any]) -> None:
        """Of what was heard, the exchanges of these go on."""
        if self._known and len(packets) < len(heard):
            kept = set(map(id, packets))
            self.forget(packet for packet in heard if id(packet) not in kept)

    # What comes in and goes out.

    def heard(self, data: bytes, arrival: Any) -> Any:
        """The message of the datagram that the callouts of buffer4_receive, buffer6_receive leave.

        Raises WireError where it is none, and NotHeard where they drop it.
        """
        point = self._family.points.buffer_receive(data, arrival)
        exchange = Exchange(self._hooks)
        point.context = exchange.context
        try:
            step = self._hooks.consult(point)
        except WireError:
            raise
        except Exception as error:
            self._account.broken(arrival, error)
            raise NotHeard from error
        if step is NextStep.DROP:
            raise NotHeard
        packet = point.query if point.query is not None else self._family.parse(point.data, arrival)
        if exchange.context:
            self._known[id(packet)] = exchange
        return packet

    def leaving(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Outcomes with the answers that the callouts of pktN_send and bufferN_send leave."""
        points = self._family.points
        for name, make in (("send", points.send), ("buffer_send", points.buffer_send)):
            if self._hooks.listens(points.kind(name)):
                outcomes = [self._offered(outcome, make) for outcome in outcomes]
        return outcomes

    def _offered(self, outcome: Outcome, make: Callable[[Any, bytes], Any]) -> Outcome:
        sent = outcome.sent
        if sent is None:
            return outcome
        point = make(outcome, sent.data)
        self._join(point, outcome.packet)
        try:
            step = self._hooks.consult(point)
            self._part(point, outcome.packet)
            left = None if step in (NextStep.SKIP, NextStep.DROP) else sent._replace(data=point.data)
        except Exception as error:  # noqa: BLE001  # a fault in one answer must not keep back the others
            self._account.fault(outcome.packet, error)
            left = None
        return cast("Outcome", cast("Any", outcome)._replace(sent=left))

    # Those that wait.

    def ask(self, packet: Any, point: Point) -> bool:
        """Asks callouts that wait about a point inside the engine; the message is served again then. False: no room."""
        return self.begin(packet, type(point), partial(self._ask, packet, point))

    async def _ask(self, packet: Any, point: Point) -> None:
        try:
            await self.of(packet).wait(point)
        except Exception as error:  # noqa: BLE001  # as in _offered
            self._account.fault(packet, error)
            self.forget((packet,))
        else:
            self._exchanges.serve_again(packet)

    def begin(self, packet: Any, kind: type[Point], work: Work) -> bool:
        """Lets an exchange wait while some work is done, which does not fail; False where there is no room."""
        if self.limit and self._lots[kind] >= self.limit:
            self._account.lost("queue-full")
            message = HOOK_PARKING_LOT_FULL.of(self._family.number)
            if message.on:
                message.log(client=self._account.words.client(packet), count=self.limit, point=kind.kea_name)
            return False
        self._lots[kind] += 1
        self.count += 1
        task = asyncio.create_task(self._wait(packet, kind, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _wait(self, packet: Any, kind: type[Point], work: Work) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # a fault in one exchange must not end the service
            self._exchanges.failed(packet, error)
        finally:
            self._lots[kind] -= 1
            self.count -= 1

    async def drained(self) -> None:
        """Waits until none waits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def told(self, outcomes: Sequence[Outcome], now: int) -> Sequence[Outcome]:
        """Tells whoever listens of outcomes that are final; returns those that can be answered at once."""
        hooks, points = self._hooks, self._family.points
        if hooks.listens(points.kind("expire")):
            for lease in _ended(outcomes, now):
                hooks.tell(points.expire(lease))
        if not any(hooks.listens(kind) for kind in points.finals):
            return outcomes
        return [left for outcome in outcomes if (left := self._told(outcome)) is not None]

    def _told(self, outcome: Outcome) -> Outcome | None:
        """An outcome as it can be answered now; None where that waits."""
        hooks, exchanges = self._hooks, self._exchanges
        packet = outcome.packet
        point = self._family.points.final(outcome, hooks.listens)
        if point is None:
            return outcome
        if not hooks.waits(type(point)):
            self._join(point, packet)
            step = hooks.tell(point)
            self._part(point, packet)
            if not getattr(point, "offer_address_in_use", False):
                return _dropped(outcome) if step is NextStep.DROP else outcome
            work = partial(self._decline, outcome)
        else:
            point.context = self.of(packet).context
            work = partial(self._park, outcome, point)
        if not self.begin(packet, type(point), work):
            return _dropped(outcome)
        exchanges.parked(outcome)
        return None

    async def _park(self, outcome: Outcome, point: Point) -> None:
        step = await self._hooks.wait(point)
        if getattr(point, "offer_address_in_use", False):
            await self._decline(outcome)
        else:
            self._exchanges.released(_dropped(outcome) if step is NextStep.DROP else outcome)

    async def _decline(self, outcome: Outcome) -> None:
        """The address on offer is in use by somebody unknown: it rests, and nobody is offered anything (Kea)."""
        decline, points = self._family.decline, self._family.points
        assert decline is not None, "only DHCPv4 has lease4_offer"
        assert points.server_declined is not None, "who declines tells of it"
        exchanges = self._exchanges
        view = await exchanges.store.load([("address", cast("Any", outcome).lease.address)])
        unit = decline(outcome, view, exchanges.network, exchanges.now())
        if unit and all(await self.commit([unit])):
            lease = unit[0].after
            words = self._account.words
            DHCP4_SERVER_INITIATED_DECLINE.log(
                client=words.client(outcome.packet), address=words.address(lease.address), seconds=lease.valid_lifetime
            )
            point = points.server_declined(outcome.packet, lease)
            point.context = self.of(outcome.packet).context
            await self._hooks.wait(point)
        self._exchanges.released(_dropped(outcome))


def _dropped(outcome: Outcome) -> Outcome:
    return cast("Outcome", cast("Any", outcome)._replace(sent=None))


def _ended(outcomes: Iterable[Outcome], now: int) -> Iterator[Any]:
    """The leases that were over and not taken back yet, whose addresses somebody has now."""
    for outcome in outcomes:
        for change in outcome.unit:
            before = change.before
            if before is not None and before.state in ENDED and change.after is not None and before.expired(now):
                yield before


async def _nobody_commits(_units: Sequence[Sequence[Any]]) -> Sequence[bool]:
    raise AssertionError("a server that declines addresses can change leases")
