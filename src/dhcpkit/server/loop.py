"""The batch loop: datagrams become decisions, decisions are committed together, and only then answered.

What has arrived is one batch: parse all, plan all on one overlay, commit once, answer all (docs/why/event-loop.md). A
local store needs no task for that; while it makes one batch durable the next one is already planned. Nothing is
acknowledged before it is committed. This module does not know sockets: a `Transport` sends, and whoever owns the
sockets calls `Batches.take`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from functools import partial
from random import Random
from typing import Final, Protocol, cast

from dhcpkit.alloc.answer import Outcome4, Outgoing4, outcome4
from dhcpkit.alloc.decision import Decision4, silent
from dhcpkit.alloc.engine4 import plan4, repeat4
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.query import Dropped, Query4, open4
from dhcpkit.alloc.quick4 import quick4
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view import Key, LeaseView4, LiveView4, NotLoaded, Overlay4
from dhcpkit.backends.protocols import LeaseStore, LocalLeaseStore, StoreUnavailable
from dhcpkit.hooks import Exchange, Hooks, Pkt4Receive, Pkt4Send
from dhcpkit.server import messages as m
from dhcpkit.server.account import Account
from dhcpkit.server.statistics import Statistics
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.errors import WireError

__all__ = ["BATCH_MAX", "PLAN_AGAIN_MAX", "WAITING_MAX", "Batches", "Clock4", "Transport"]

BATCH_MAX: Final = 64  # datagrams; a batch of 64 costs one database round trip or one sync (docs/why/batches.md)
WAITING_MAX: Final = 256  # exchanges that wait before sockets are left unread: Kea's parked-packet-limit
PLAN_AGAIN_MAX: Final = 5  # lost races before a client is left to ask again
LOADS_MAX: Final = 64  # times a partial view learns more for one batch; each doubles what it knows of a pool


class Clock4(Protocol):
    """The engine's time."""

    def now(self) -> int:
        """Whole seconds."""
        ...


class Transport(Protocol):
    """What sends answers, and stops listening while too many exchanges wait."""

    own_addresses: frozenset[int]
    """The server's addresses: a client may name any of them as its server."""

    def send(self, answers: Sequence[tuple[Outgoing4, Arrival]], /) -> Sequence[tuple[int, OSError]]:
        """Sends a batch's answers, each to a message that came by its arrival; returns which failed, and why.

        One call for all, so that nothing is done between two of them: whoever is woken by the first finds the rest.
        Failures are pairs of an index and its error.
        """
        ...

    def pause(self) -> None:
        """Leaves what arrives in the sockets until `resume`."""
        ...

    def resume(self) -> None:
        """Listens again."""
        ...


class Batches:
    """Serves batches with one network and one store. The network may be replaced between two batches."""

    def __init__(  # noqa: PLR0913  # a server's parts, each replaceable in a test
        self,
        network: Network,
        store: LeaseStore,
        transport: Transport,
        *,
        clock: Clock4,
        statistics: Statistics | None = None,
        hooks: Hooks | None = None,
        rng: Random | None = None,
    ) -> None:
        self.network = network
        self.transport = transport
        self.statistics = statistics if statistics is not None else Statistics()
        self.hooks = hooks if hooks is not None else Hooks()
        self.rng = rng if rng is not None else Random()
        self.serving = True
        self.unavailable_since: float | None = None
        self._clock = clock
        self._busy: dict[bytes, Packet4] = {}  # the client's message that is not answered yet; WAITING_MAX bounds it
        self._next: dict[bytes, Packet4] = {}  # what the same client sent meanwhile, the newest
        self._revived: list[Packet4] = []
        self._consults: dict[int, Exchange] = {}  # by the `id` of the packet, which lives as long
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False
        self._account = Account(self.statistics)
        self.use_store(store)

    def use_store(self, store: LeaseStore) -> None:
        """Serves from another store; nothing may be in progress."""
        assert not self._busy, "exchanges end with the store they began with"
        self.store = store
        self._local = cast("LocalLeaseStore", store) if store.local else None

    @property
    def waiting(self) -> int:
        """Exchanges that are not answered yet."""
        return len(self._busy)

    def take(self, datagrams: Sequence[tuple[bytes, Arrival]]) -> None:
        """Serves what has arrived together."""
        account = self._account
        packets = []
        for data, arrival in datagrams:
            try:
                packets.append(Packet4.parse(data, arrival))
            except WireError as error:
                account.unreadable(arrival, error)
        account.received(len(datagrams), packets)
        if self.hooks.listens(Pkt4Receive):
            shown = map(self._shown_to_callouts, packets)
            packets = [packet for packet in shown if packet is not None]
        if self.serving:
            self._serve(packets)
        else:
            account.disabled(len(packets))

    async def drained(self) -> None:
        """Waits until every exchange that was begun is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        while self._local is not None and self._busy:
            await _synced(self._local)

    def _shown_to_callouts(self, packet: Packet4) -> Packet4 | None:
        """The packet that the callouts of pkt4_receive leave, None where they drop it."""
        point = Pkt4Receive(packet)
        try:
            if self.hooks.consult(point) is not NextStep.DROP:
                return point.query
            self._account.dropped(packet, Dropped("admin-filtered", "a callout of pkt4_receive dropped it"))
        except Exception as error:  # noqa: BLE001  # as in _open
            self._account.fault(packet, error)
        return None

    # From packets to decisions.

    def _serve(self, packets: Sequence[Packet4]) -> None:
        """Serves packets, and after them what their clients sent meanwhile."""
        while packets:
            if self._local is not None:
                try:
                    self._serve_local(packets, self._local)
                except Exception as error:  # noqa: BLE001  # as in _open: a fault of a store
                    self._give_up(packets, error)
            else:
                queries = self._open(packets)
                if queries:
                    task = asyncio.create_task(self._serve_remote(queries))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            packets, self._revived = self._revived, []
        if len(self._busy) >= WAITING_MAX and not self._paused:
            self._paused = True
            self.transport.pause()

    def _serve_local(self, packets: Sequence[Packet4], store: LocalLeaseStore) -> None:
        """One batch with a store that never waits: no task, and the sync overlaps with the next batch.

        What is plain goes the quick way first; the rest of the batch is planned on top of that. Nobody else writes to
        the store, so a unit that was planned on its view is never refused.
        """
        now = self._clock.now()
        view = store.view
        quick: list[Outcome4] = []
        rest: Sequence[Packet4] = packets
        if not self.hooks:  # callouts are consulted by the engine only
            rest = self._take_quick(packets, view, now, quick)
        slow: list[Decision4] = []
        if rest:
            batch = Overlay4(view)
            for outcome in quick:
                batch.record(outcome.unit)
                self._busy[outcome.identity] = outcome.packet
            slow, _, _ = self._plan(self._open(rest), batch, now)
        outcomes = [*quick, *(self._answered(decision) for decision in slow)] if slow else quick
        changing = [outcome for outcome in outcomes if outcome.unit]
        if len(changing) < len(outcomes):
            self._finish([outcome for outcome in outcomes if not outcome.unit] if changing else outcomes)
        if not changing:
            return
        try:
            kept = store.append([outcome.unit for outcome in changing])
        except StoreUnavailable as error:
            self._unavailable([outcome.packet for outcome in changing], view, error)
            return
        assert all(kept), "a store with one writer keeps what was planned on its view"
        for outcome in changing:
            self._busy[outcome.identity] = outcome.packet
        store.when_synced(partial(self._synced, changing))

    def _take_quick(self, packets: Sequence[Packet4], view: LiveView4, now: int, done: list[Outcome4]) -> list[Packet4]:
        """Decides about the plain messages of a batch into `done`, and returns the others."""
        rest: list[Packet4] = []
        network, busy = self.network, self._busy
        hosts = network.hosts
        taken: set[int] = set()
        seen: set[bytes] = set()
        for packet in packets:
            hwaddr = packet.chaddr
            identity = packet.options.get(61) or hwaddr
            if identity in busy or identity in seen or hwaddr in seen:
                rest.append(packet)  # its client has something going on, perhaps under another identifier
                continue
            try:
                outcome = quick4(packet, network, view, hosts, now, taken)
            except Exception as error:  # noqa: BLE001  # as in _open
                self._account.fault(packet, error)
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
        if done:
            self._account.opened(outcome.packet for outcome in done)
        return rest

    def _open(self, packets: Iterable[Packet4]) -> list[Query4]:
        queries = []
        network, busy, own = self.network, self._busy, self.transport.own_addresses
        hooked = bool(self.hooks)
        consult: Consult | None = None
        for packet in packets:
            try:
                if hooked:
                    consult = self._consults[id(packet)] = Exchange(self.hooks)
                query = open4(packet, network, consult, NO_TRACE, own)
                if isinstance(query, Dropped):
                    self._account.dropped(packet, query)
                elif query.identity in busy:
                    self._hold_back(query.identity, packet)
                else:
                    busy[query.identity] = packet
                    queries.append(query)
                    continue
            except Exception as error:  # noqa: BLE001  # a fault in one packet's processing must not end the service
                self._account.fault(packet, error)
            if hooked:
                self._consults.pop(id(packet), None)
        self._account.opened(query.packet for query in queries)
        return queries

    def _plan(
        self, queries: Iterable[Query4], batch: Overlay4, now: int
    ) -> tuple[list[Decision4], list[Query4], list[Key]]:
        """Decisions, and where the view is partial: which queries must be planned again once which keys are loaded."""
        decisions: list[Decision4] = []
        again: list[Query4] = []
        missing: list[Key] = []
        rng, consults = self.rng, self._consults
        for query in queries:
            consult = consults.get(id(query.packet)) if consults else None
            try:
                decision = plan4(query, batch, query.network.hosts, now, rng, consult)
                batch.record(decision.unit, decision.offered)
                decisions.append(decision)
            except NotLoaded as more:
                again.append(query)
                missing += more.keys
            except Exception as error:  # noqa: BLE001  # as in _open
                self._account.fault(query.packet, error)
                self._done(query.identity, query.packet)
        return decisions, again, missing

    def _synced(self, changed: list[Outcome4], error: StoreUnavailable | None) -> None:
        """What was appended is durable and can be answered; or it never happened."""
        if error is None:
            self._available()
            self._finish(changed)
        else:
            assert self._local is not None, "only local stores sync"
            self._unavailable([outcome.packet for outcome in changed], self._local.view, error)
        self._wake()

    async def _serve_remote(self, queries: list[Query4]) -> None:
        """One batch with a store that waits: what is missing is loaded together, and planned again."""
        begun = [query.packet for query in queries]
        try:
            await self._rounds(queries)
        except StoreUnavailable as error:
            self._unavailable([query.packet for query in queries], None, error)
        except Exception as error:  # noqa: BLE001  # as in _open: a fault of a store
            self._give_up(begun, error)
        self._wake()

    async def _rounds(self, queries: list[Query4]) -> None:
        for _ in range(PLAN_AGAIN_MAX + 1):
            view = await self.store.load([key for query in queries for key in query.wants()])
            now = self._clock.now()
            decisions = await self._planned(queries, view, now)
            changing = [decision for decision in decisions if decision.unit]
            try:
                kept = await self.store.commit([decision.unit for decision in changing]) if changing else ()
            except StoreUnavailable as error:
                self._unavailable([decision.query.packet for decision in changing], view, error)
                changing, kept = [], ()
            else:
                self._available()
            final = [decision for decision in decisions if not decision.unit]
            queries[:] = []
            for decision, ok in zip(changing, kept, strict=True):
                if ok:
                    final.append(decision)
                else:
                    queries.append(decision.query)
            self._finish([self._answered(decision) for decision in final])
            if not queries:
                return
        self._finish([outcome4(silent(query, "lost too many races for an address")) for query in queries])

    async def _planned(self, queries: list[Query4], view: LeaseView4, now: int) -> list[Decision4]:
        """Plans until the view knows everything that is asked of it."""
        batch = Overlay4(view)
        decisions: list[Decision4] = []
        todo = queries
        for _ in range(LOADS_MAX):
            planned, todo, missing = self._plan(todo, batch, now)
            decisions += planned
            if not todo:
                return decisions
            await self.store.load(missing, view)
        return decisions + [silent(query, "its leases could not all be read") for query in todo]

    def _give_up(self, packets: Iterable[Packet4], error: Exception) -> None:
        """Lets those of a batch go that were not answered when something failed that must not."""
        begun = {id(packet) for packet in packets}
        for identity, packet in list(self._busy.items()):
            if id(packet) in begun:
                self._account.fault(packet, error)
                self._done(identity, packet)

    # From decisions to answers.

    def _answered(self, decision: Decision4) -> Outcome4:
        try:
            return outcome4(decision)
        except Exception as error:  # noqa: BLE001  # as in _open
            query = decision.query
            self._account.fault(query.packet, error)
            event, lease, unit, offered = decision.event, decision.lease, decision.unit, decision.offered
            return Outcome4(query.packet, query.identity, event, lease, unit, offered, 0, query.subnet, None)

    def _finish(self, outcomes: Sequence[Outcome4]) -> None:
        """Decisions are final: send what they answer, count and tell what happened, let clients' next messages in."""
        if self.hooks and self.hooks.listens(Pkt4Send):
            outcomes = [self._offered_to_callouts(outcome) for outcome in outcomes]
        answers = [(outcome.sent, outcome.packet.arrival) for outcome in outcomes if outcome.sent is not None]
        unsent = self.transport.send(answers) if answers else ()
        account = self._account
        if unsent:
            failed = {index for index, _ in unsent}
            for index, error in unsent:
                account.unsent(answers[index][1], answers[index][0], error)
            answers = [answer for index, answer in enumerate(answers) if index not in failed]
        account.sent(answers)
        account.settled(outcomes)
        busy, waiting, consults = self._busy, self._next, self._consults
        if busy:
            for outcome in outcomes:
                identity = outcome.identity
                if busy.get(identity) is outcome.packet:
                    del busy[identity]
                if waiting and identity in waiting:
                    self._revived.append(waiting.pop(identity))
        if consults:
            for outcome in outcomes:
                consults.pop(id(outcome.packet), None)

    def _offered_to_callouts(self, outcome: Outcome4) -> Outcome4:
        """An outcome with the answer that the callouts of pkt4_send leave, without where they keep it back."""
        if outcome.sent is None:
            return outcome
        point = Pkt4Send(outcome, outcome.sent.data)
        try:
            if self.hooks.consult(point) in (NextStep.SKIP, NextStep.DROP):
                return outcome._replace(sent=None)
        except Exception as error:  # noqa: BLE001  # as in _open
            self._account.fault(outcome.packet, error)
            return outcome._replace(sent=None)
        return outcome._replace(sent=outcome.sent._replace(data=point.data))

    def _done(self, identity: bytes, packet: Packet4) -> None:
        if self._busy.get(identity) is packet:
            del self._busy[identity]
        if self._consults:
            self._consults.pop(id(packet), None)
        if self._next and identity in self._next:
            self._revived.append(self._next.pop(identity))

    def _wake(self) -> None:
        """After answers that were waited for: serve what their clients sent meanwhile, and listen again."""
        if self._revived:
            packets, self._revived = self._revived, []
            self._serve(packets)
        if self._paused and len(self._busy) < WAITING_MAX:
            self._paused = False
            self.transport.resume()

    # What goes otherwise.

    def _hold_back(self, identity: bytes, packet: Packet4) -> None:
        """A client whose exchange is in progress: the same again is dropped, of anything newer the newest waits."""
        earlier = self._busy[identity]
        again = earlier.xid == packet.xid and earlier.type == packet.type
        self._account.held_back(packet, again=again, replaces=not again and identity in self._next)
        if not again:
            self._next[identity] = packet

    def _unavailable(self, packets: list[Packet4], view: LeaseView4 | None, error: StoreUnavailable) -> None:
        """Nothing can be written: what is promised already is said again, for the time that remains (no lease changes).

        Without a view there is nothing to repeat, and silence is left.
        """
        if self.unavailable_since is None:
            self.unavailable_since = time.monotonic()
            m.DHCPSRV_LEASE_STORE_UNAVAILABLE.log(reason=error)
        now = self._clock.now()
        own = self.transport.own_addresses
        outcomes = []
        for packet in packets:
            try:
                opened = open4(packet, self.network, None, NO_TRACE, own)
                assert isinstance(opened, Query4), "what was decided about is not dropped"
                query = opened
                if view is None:
                    decision = silent(query, "the lease store cannot be reached")
                else:
                    decision = repeat4(query, view, query.network.hosts, now, self.rng)
                outcomes.append(outcome4(decision))
            except NotLoaded:
                outcomes.append(outcome4(silent(query, "the lease store cannot be reached")))
            except Exception as fault:  # noqa: BLE001  # as in _open
                self._give_up([packet], fault)
        self._finish(outcomes)

    def _available(self) -> None:
        if self.unavailable_since is not None:
            m.DHCPSRV_LEASE_STORE_AVAILABLE.log(seconds=int(time.monotonic() - self.unavailable_since))
            self.unavailable_since = None


async def _synced(store: LocalLeaseStore) -> None:
    """Waits until everything appended to a local store is durable."""
    done = asyncio.get_running_loop().create_future()
    store.when_synced(lambda error: None if done.done() else done.set_result(error))
    await done
