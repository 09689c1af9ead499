"""The batch loop: datagrams become decisions, decisions are committed together, and only then answered.

What has arrived is one batch: parse all, plan all on one overlay, commit once, answer all (docs/why/event-loop.md). A
local store needs no task for that; while it makes one batch durable the next one is already planned. Nothing is
acknowledged before it is committed. This module does not know sockets: a `Transport` sends, and whoever owns the
sockets calls `Batches.take`. Nor does it know which family it serves: that is a `Family`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from dhcpkit.alloc.guards import Protection
from dhcpkit.alloc.points import Consult
from dhcpkit.alloc.query import Dropped
from dhcpkit.alloc.view import NotLoaded
from dhcpkit.backends.protocols import LeaseStoreOf, LocalLeaseStoreOf, StoreUnavailable
from dhcpkit.hooks import Hooks
from dhcpkit.hooks.registry import Waits
from dhcpkit.server import messages as m
from dhcpkit.server.account import Account
from dhcpkit.server.callouts import Callouts, NotHeard
from dhcpkit.server.family import Decision, Family, Outcome, Overlay, Packet, Query
from dhcpkit.server.guarding import Guarding
from dhcpkit.server.name_changes import NameChanges, WaitingNames
from dhcpkit.server.statistics import Statistics
from dhcpkit.wire.errors import WireError

__all__ = ["BATCH_MAX", "PLAN_AGAIN_MAX", "WAITING_MAX", "AnyLocalStore", "AnyStore", "Batches", "Time", "Transport"]

BATCH_MAX: Final = 64  # datagrams; a batch of 64 costs one database round trip or one sync (docs/why/batches.md)
WAITING_MAX: Final = 256  # exchanges that wait before sockets are left unread: Kea's parked-packet-limit
PLAN_AGAIN_MAX: Final = 5  # lost races before a client is left to ask again
LOADS_MAX: Final = 64  # times a partial view learns more for one batch; each doubles what it knows of a pool


N = TypeVar("N")
AnyStore = LeaseStoreOf[Any, Any, Any, Any]
AnyLocalStore = LocalLeaseStoreOf[Any, Any, Any, Any, Any, Any]


class Time(Protocol):
    """The engine's time."""

    def now(self) -> int:
        """Whole seconds."""
        ...


class Transport(Protocol):
    """What sends answers, and stops listening while too many exchanges wait."""

    own_addresses: frozenset[int]
    """The server's addresses: a client may name any of them as its server."""

    def send(self, answers: Sequence[tuple[Any, Any]], /) -> Sequence[tuple[int, OSError]]:
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


class Batches(Generic[N]):
    """Serves batches with one network and one store. The network may be replaced between two batches."""

    def __init__(  # noqa: PLR0913  # a server's parts, each replaceable in a test
        self,
        family: Family[N],
        network: N,
        store: AnyStore,
        transport: Transport,
        *,
        clock: Time,
        statistics: Statistics | None = None,
        hooks: Hooks | None = None,
        rng: Random | None = None,
        names: NameChanges | None = None,
    ) -> None:
        self.family = family
        self.network = network
        self.transport = transport
        self.statistics = statistics if statistics is not None else Statistics(family.words.names)
        self.hooks = hooks if hooks is not None else Hooks()
        self.rng = rng if rng is not None else Random()
        self.names = names if names is not None else WaitingNames()
        self.serving = True
        self.unavailable_since: float | None = None
        self._clock = clock
        self._busy: dict[bytes, Packet] = {}  # the client's message that is not answered yet; WAITING_MAX bounds it
        self._next: dict[bytes, Packet] = {}  # what the same client sent meanwhile, the newest
        self._revived: list[Packet] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False
        self.resumed: Callable[[], object] = _nothing
        """Called once exchanges may begin again after `full`."""
        self.account = Account(family.words, self.statistics)
        self.guarding = Guarding(family, self.account)
        self.callouts = Callouts(family, self.hooks, self.account, self)
        self.use_store(store)

    def use_store(self, store: AnyStore) -> None:
        """Serves from another store; nothing may be in progress."""
        assert not self._busy, "exchanges end with the store they began with"
        self.store = store
        self._local = cast("AnyLocalStore", store) if store.local else None

    @property
    def _protection(self) -> Protection:
        protection: Protection = cast("Any", self.network).protection
        return protection

    @property
    def waiting(self) -> int:
        """Exchanges that are not answered yet."""
        return len(self._busy)

    @property
    def full(self) -> bool:
        """Whether so many exchanges wait that none should be begun."""
        return self._paused

    def take(self, datagrams: Sequence[tuple[bytes, Any]]) -> None:
        """Serves what has arrived together."""
        account = self.account
        hooks, parse = self.hooks, self.family.parse
        if hooks.active and hooks.listens(self.family.points.kind("buffer_receive")):
            parse = self.callouts.heard
        packets: list[Packet] = []
        count = len(datagrams)
        for data, arrival in datagrams:
            try:
                packets.append(parse(data, arrival))
            except WireError as error:
                account.unreadable(arrival, error)
            except NotHeard:
                count -= 1
        account.received(count, packets)
        if self._protection.screens:
            heard, packets = packets, list(self.guarding.screened(packets, self.network, self._clock.now()))
            self.callouts.keep(packets, heard)
        if self.serving:
            self._serve(packets)
        else:
            account.disabled(len(packets))
            self.callouts.forget(packets)

    async def drained(self) -> None:
        """Waits until every exchange that was begun is answered."""
        while True:
            if self._tasks:
                await asyncio.wait(self._tasks)
            elif self.callouts.count:
                await self.callouts.drained()
            elif self._local is not None and self._busy:
                await _synced(self._local)
            else:
                return

    # From packets to decisions.

    def _serve(self, packets: Sequence[Packet]) -> None:
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
        if len(self._busy) - self.callouts.count >= WAITING_MAX and not self._paused:
            self._paused = True
            self.transport.pause()

    def _serve_local(self, packets: Sequence[Packet], store: AnyLocalStore) -> None:
        """One batch with a store that never waits: no task, and the sync overlaps with the next batch.

        What is plain goes the quick way first; the rest of the batch is planned on top of that. Nobody else writes to
        the store, so a unit that was planned on its view is never refused.
        """
        now = self._clock.now()
        view = store.view
        quick: list[Outcome] = []
        rest: Sequence[Packet] = packets
        take_quick = self.family.quick
        if take_quick is not None and not self.hooks.guided:  # the engine alone consults callouts
            rest = take_quick(packets, self.network, view, now, self._busy, quick, self.account.fault)
            if quick:
                self.account.opened(outcome.packet for outcome in quick)
                if self._protection.judges:
                    held, find = self.guarding.held, view.by_address
                    quick = [held(outcome.packet, outcome, find, self.network, now) for outcome in quick]
        slow: list[Decision] = []
        if rest:
            batch = self.family.overlay(view)
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
            self.guarding.undo(changing)
            self._unavailable([outcome.packet for outcome in changing], view, error)
            return
        assert all(kept), "a store with one writer keeps what was planned on its view"
        for outcome in changing:
            self._busy[outcome.identity] = outcome.packet
        store.when_synced(partial(self._synced, changing))

    def _open(self, packets: Iterable[Packet]) -> list[Query]:
        queries: list[Query] = []
        network, busy, own = self.network, self._busy, self.transport.own_addresses
        open_packet = self.family.open
        hooked = self.hooks.active
        consult: Consult | None = None
        for packet in packets:
            try:
                if hooked:
                    consult = self.callouts.of(packet)
                query = open_packet(packet, network, consult, own)
                if isinstance(query, Dropped):
                    self.account.dropped(packet, query)
                elif query.identity in busy:
                    if self._hold_back(query.identity, packet):
                        continue
                else:
                    busy[query.identity] = opened = query.packet
                    queries.append(query)
                    if opened is not packet and hooked:
                        self.callouts.replaced(packet, opened)
                    continue
            except Waits as waiting:
                if self.callouts.ask(packet, waiting.point):
                    continue
            except Exception as error:  # noqa: BLE001  # a fault in one packet's processing must not end the service
                self.account.fault(packet, error)
            if hooked:
                self.callouts.forget((packet,))
        self.account.opened(query.packet for query in queries)
        return queries

    def _plan(
        self, queries: Iterable[Query], batch: Overlay, now: int
    ) -> tuple[list[Decision], list[Query], list[Any]]:
        """Decisions, and where the view is partial: which queries must be planned again once which keys are loaded."""
        decisions: list[Decision] = []
        again: list[Query] = []
        missing: list[Any] = []
        rng, plan = self.rng, self.family.plan
        exchange = self.callouts.get if self.hooks.active else None
        held = self.guarding.held if self._protection.judges else None
        for query in queries:
            try:
                consult = exchange(query.packet) if exchange is not None else None
                decision = plan(query, batch, query.network.hosts, now, rng, consult)
                if held is not None:
                    decision = held(query.packet, decision, cast("Any", batch).by_address, self.network, now)
                batch.record(decision.unit, decision.offered)
                decisions.append(decision)
            except NotLoaded as more:
                again.append(query)
                missing += more.keys
            except Exception as error:  # noqa: BLE001  # as in _open
                self.account.fault(query.packet, error)
                self._done(query.identity, query.packet)
        return decisions, again, missing

    def _synced(self, changed: list[Outcome], error: StoreUnavailable | None) -> None:
        """What was appended is durable and can be answered; or it never happened."""
        if error is None:
            self._available()
            self._finish(changed)
        else:
            assert self._local is not None, "only local stores sync"
            self.guarding.undo(changed)
            self._unavailable([outcome.packet for outcome in changed], self._local.view, error)
        self._wake()

    async def _serve_remote(self, queries: list[Query]) -> None:
        """One batch with a store that waits: what is missing is loaded together, and planned again."""
        begun = [query.packet for query in queries]
        try:
            await self._rounds(queries)
        except StoreUnavailable as error:
            self._unavailable([query.packet for query in queries], None, error)
        except Exception as error:  # noqa: BLE001  # as in _open: a fault of a store
            self._give_up(begun, error)
        self._wake()

    async def _rounds(self, queries: list[Query]) -> None:
        for _ in range(PLAN_AGAIN_MAX + 1):
            view = await self.store.load([key for query in queries for key in query.wants()])
            now = self._clock.now()
            decisions = await self._planned(queries, view, now)
            changing = [decision for decision in decisions if decision.unit]
            try:
                kept = await self.store.commit([decision.unit for decision in changing]) if changing else ()
            except StoreUnavailable as error:
                self.guarding.undo(changing)
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
                    self.guarding.undo((decision,))
                    queries.append(decision.query)
            self._finish([self._answered(decision) for decision in final])
            if not queries:
                return
        silent, outcome = self.family.silent, self.family.outcome
        self._finish([outcome(silent(query, "lost too many races for an address")) for query in queries])

    async def _planned(self, queries: list[Query], view: Any, now: int) -> list[Decision]:
        """Plans until the view knows everything that is asked of it."""
        batch = self.family.overlay(view)
        decisions: list[Decision] = []
        todo = queries
        for _ in range(LOADS_MAX):
            planned, todo, missing = self._plan(todo, batch, now)
            decisions += planned
            if not todo:
                return decisions
            await self.store.load(missing, view)
        return decisions + [self.family.silent(query, "its leases could not all be read") for query in todo]

    def _give_up(self, packets: Iterable[Packet], error: Exception) -> None:
        """Lets those of a batch go that were not answered when something failed that must not."""
        begun = {id(packet) for packet in packets}
        for identity, packet in list(self._busy.items()):
            if id(packet) in begun:
                self.account.fault(packet, error)
                self._done(identity, packet)

    # From decisions to answers.

    def _answered(self, decision: Decision) -> Outcome:
        try:
            return self.family.outcome(decision)
        except Exception as error:  # noqa: BLE001  # as in _open
            self.account.fault(decision.query.packet, error)
            return self.family.unanswered(decision)

    def _finish(self, outcomes: Sequence[Outcome]) -> None:
        """Decisions are final: tell who listens, send what they answer, count, let clients' next messages in."""
        if self.hooks.active:
            outcomes = self.callouts.told(outcomes, self._clock.now())
            if not outcomes:
                return
        self._send(outcomes)
        self._settle(outcomes)
        self._close(outcomes)

    def _send(self, outcomes: Sequence[Outcome]) -> None:
        if self.hooks.active:
            outcomes = self.callouts.leaving(outcomes)
        answers = [(outcome.sent, outcome.packet.arrival) for outcome in outcomes if outcome.sent is not None]
        if answers and max([len(sent.data) for sent, _ in answers]) > self.guarding.ample(self._protection):
            answers = self.guarding.without_long(outcomes, self.network)
        unsent = self.transport.send(answers) if answers else ()
        account = self.account
        if unsent:
            failed = {index for index, _ in unsent}
            for index, error in unsent:
                account.unsent(answers[index][1], answers[index][0], error)
            answers = [answer for index, answer in enumerate(answers) if index not in failed]
        account.sent(answers)

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        self.account.settled(outcomes)
        names = [change for outcome in outcomes if outcome.names for change in outcome.names]
        if names:
            self.names.put(names)

    def _close(self, outcomes: Sequence[Outcome]) -> None:
        busy, waiting = self._busy, self._next
        if busy:
            for outcome in outcomes:
                identity = outcome.identity
                if busy.get(identity) is outcome.packet:
                    del busy[identity]
                if waiting and identity in waiting:
                    self._revived.append(waiting.pop(identity))
        if self.hooks.active:
            self.callouts.forget(outcome.packet for outcome in outcomes)

    def _done(self, identity: bytes, packet: Packet) -> None:
        if self._busy.get(identity) is packet:
            del self._busy[identity]
        if self.hooks.active:
            self.callouts.forget((packet,))
        if self._next and identity in self._next:
            self._revived.append(self._next.pop(identity))

    def _wake(self) -> None:
        """After answers that were waited for: serve what their clients sent meanwhile, and listen again."""
        if self._revived:
            packets, self._revived = self._revived, []
            self._serve(packets)
        if self._paused and len(self._busy) - self.callouts.count < WAITING_MAX:
            self._paused = False
            self.transport.resume()
            self.resumed()

    # Exchanges that wait for callouts (`callouts.Exchanges`).
    def now(self) -> int:
        """The engine's time."""
        return self._clock.now()

    def parked(self, outcome: Any) -> None:
        """The answer waits; its leases are stored and counted."""
        self._busy[outcome.identity] = outcome.packet
        self._settle((outcome,))

    def released(self, outcome: Any) -> None:
        """An answer that waited goes."""
        self._send((outcome,))
        self._close((outcome,))
        self._wake()

    def serve_again(self, packet: Any) -> None:
        """What callouts say is known: the engine may go on."""
        self._serve([packet])
        self._wake()

    def failed(self, packet: Any, error: Exception) -> None:
        """An answer that waited is lost by a fault of ours."""
        self._give_up([packet], error)
        self._wake()

    # What goes otherwise.

    def _hold_back(self, identity: bytes, packet: Packet) -> bool:
        """Of a client whose exchange is in progress, the same again is dropped, of anything newer the newest waits."""
        earlier = self._busy[identity]
        again = earlier.xid == packet.xid and earlier.type == packet.type
        self.account.held_back(packet, again=again, replaces=not again and identity in self._next)
        if not again:
            if self.hooks.active and identity in self._next:
                self.callouts.forget((self._next[identity],))
            self._next[identity] = packet
        return not again

    def _unavailable(self, packets: Sequence[Packet], view: Any | None, error: StoreUnavailable) -> None:
        """Nothing can be written: what is promised already is said again, for the time that remains (no lease changes).

        Without a view there is nothing to repeat, and silence is left.
        """
        if self.unavailable_since is None:
            self.unavailable_since = time.monotonic()
            m.DHCPSRV_LEASE_STORE_UNAVAILABLE.of(self.family.number).log(reason=error)
        now = self._clock.now()
        own, family = self.transport.own_addresses, self.family
        outcomes = []
        for packet in packets:
            try:
                query = family.open(packet, self.network, None, own)
                assert not isinstance(query, Dropped), "what was decided about is not dropped"
                decision = self._repeated(query, view, now)
                outcomes.append(family.outcome(decision))
            except Exception as fault:  # noqa: BLE001  # as in _open
                self._give_up([packet], fault)
        self._finish(outcomes)

    def _repeated(self, query: Query, view: Any | None, now: int) -> Decision:
        family = self.family
        if view is not None:
            try:
                return family.repeat(query, view, query.network.hosts, now, self.rng)
            except NotLoaded:
                pass
        return family.silent(query, "the lease store cannot be reached")

    def _available(self) -> None:
        if self.unavailable_since is not None:
            told = m.DHCPSRV_LEASE_STORE_AVAILABLE.of(self.family.number)
            told.log(seconds=int(time.monotonic() - self.unavailable_since))
            self.unavailable_since = None


def _nothing() -> None:
    """Nobody waits."""


async def _synced(store: AnyLocalStore) -> None:
    """Waits until everything appended to a local store is durable."""
    done = asyncio.get_running_loop().create_future()
    store.when_synced(lambda error: None if done.done() else done.set_result(error))
    await done
