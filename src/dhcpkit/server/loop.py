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

from dhcpkit.alloc.answer import Outgoing4, answer4
from dhcpkit.alloc.decision import Decision4, silent
from dhcpkit.alloc.engine4 import plan4, repeat4
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.query import Dropped, Query4, open4
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view import Key, LeaseView4, NotLoaded, Overlay4
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

Committed = tuple[Decision4, Outgoing4 | None]


class Clock4(Protocol):
    """The engine's time."""

    def now(self) -> int:
        """Whole seconds."""
        ...


class Transport(Protocol):
    """What sends answers, and stops listening while too many exchanges wait."""

    own_addresses: frozenset[int]
    """The server's addresses: a client may name any of them as its server."""

    def send(self, outgoing: Outgoing4, arrival: Arrival) -> None:
        """Sends one answer to a message that came by `arrival`. Raises OSError."""
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
        self._busy: dict[bytes, Query4] = {}  # the client's exchange that is not answered yet; WAITING_MAX bounds it
        self._next: dict[bytes, Packet4] = {}  # what the same client sent meanwhile, the newest
        self._revived: list[Packet4] = []
        self._consults: dict[Query4, Exchange] = {}
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
        account.begin(self._clock.now())
        account.tally["pkt4-received"] += len(datagrams)
        packets = []
        listening = self.hooks.listens(Pkt4Receive)
        for data, arrival in datagrams:
            try:
                packet = Packet4.parse(data, arrival)
            except WireError as error:
                account.unreadable(arrival, error)
                continue
            account.parsed(packet)
            shown = self._shown_to_callouts(packet) if listening else packet
            if shown is not None:
                packets.append(shown)
        if self.serving:
            self._serve(packets)
        else:
            account.disabled(len(packets))
        account.close()

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

    def _serve(self, packets: Iterable[Packet4]) -> None:
        """Opens and serves packets, and after them what their clients sent meanwhile."""
        while True:
            queries = self._open(packets)
            if queries:
                if self._local is not None:
                    try:
                        self._serve_local(queries, self._local)
                    except Exception as error:  # noqa: BLE001  # as in _open: a fault of a store
                        self._give_up(queries, error)
                else:
                    task = asyncio.create_task(self._serve_remote(queries))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            if not self._revived:
                break
            packets, self._revived = self._revived, []
        if len(self._busy) >= WAITING_MAX and not self._paused:
            self._paused = True
            self.transport.pause()

    def _open(self, packets: Iterable[Packet4]) -> list[Query4]:
        queries = []
        network, busy, own = self.network, self._busy, self.transport.own_addresses
        hooked = bool(self.hooks)
        consult: Consult | None = None
        for packet in packets:
            try:
                if hooked:
                    consult = Exchange(self.hooks)
                query = open4(packet, network, consult, NO_TRACE, own)
                if isinstance(query, Dropped):
                    self._account.dropped(packet, query)
                    continue
                key = query.client_id or query.hwaddr
                if key in busy:
                    self._hold_back(key, query)
                    continue
                busy[key] = query
                if consult is not None:
                    self._consults[query] = cast("Exchange", consult)
                queries.append(query)
            except Exception as error:  # noqa: BLE001  # a fault in one packet's processing must not end the service
                self._account.fault(packet, error)
        self._account.opened(queries)
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
            try:
                decision = plan4(query, batch, query.network.hosts, now, rng, consults.get(query) if consults else None)
                batch.record(decision.unit, decision.offered)
                decisions.append(decision)
            except NotLoaded as more:
                again.append(query)
                missing += more.keys
            except Exception as error:  # noqa: BLE001  # as in _open
                self._account.fault(query.packet, error)
                self._done(query)
        return decisions, again, missing

    def _serve_local(self, queries: list[Query4], store: LocalLeaseStore) -> None:
        """One batch with a store that never waits: no task, and the sync overlaps with the next batch."""
        now = self._clock.now()
        committed: list[Committed] = []
        view = store.view
        for _ in range(PLAN_AGAIN_MAX + 1):
            decisions, _, _ = self._plan(queries, Overlay4(view), now)
            changing = [decision for decision in decisions if decision.unit]
            kept: Sequence[bool] = ()
            if changing:
                try:
                    kept = store.append([decision.unit for decision in changing])
                except StoreUnavailable as error:
                    self._unavailable([decision.query for decision in changing], view, error)
                    changing = []
            for decision in decisions:
                if not decision.unit:
                    self._finish(decision, self._answer(decision))
            queries = []
            for decision, ok in zip(changing, kept, strict=True):
                if ok:
                    committed.append((decision, self._answer(decision)))
                else:
                    queries.append(decision.query)
            if not queries:
                break
        for query in queries:
            self._finish(silent(query, "lost too many races for an address"), None)
        if committed:
            store.when_synced(partial(self._synced, committed))

    def _synced(self, committed: list[Committed], error: StoreUnavailable | None) -> None:
        """What was appended is durable and can be answered; or it never happened."""
        if error is None:
            self._available()
            for decision, outgoing in committed:
                self._finish(decision, outgoing)
        else:
            assert self._local is not None, "only local stores sync"
            self._unavailable([decision.query for decision, _ in committed], self._local.view, error)
        self._wake()

    async def _serve_remote(self, queries: list[Query4]) -> None:
        """One batch with a store that waits: what is missing is loaded together, and planned again."""
        begun = list(queries)
        try:
            await self._rounds(queries)
        except StoreUnavailable as error:
            self._unavailable(queries, None, error)
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
                self._unavailable([decision.query for decision in changing], view, error)
                changing, kept = [], ()
            else:
                self._available()
            for decision in decisions:
                if not decision.unit:
                    self._finish(decision, self._answer(decision))
            queries[:] = []
            for decision, ok in zip(changing, kept, strict=True):
                if ok:
                    self._finish(decision, self._answer(decision))
                else:
                    queries.append(decision.query)
            if not queries:
                return
        for query in queries:
            self._finish(silent(query, "lost too many races for an address"), None)

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

    def _give_up(self, queries: Iterable[Query4], error: Exception) -> None:
        """Lets those of a batch go that were not answered when something failed that must not."""
        for query in queries:
            if self._busy.get(query.identity) is query:
                self._account.fault(query.packet, error)
                self._done(query)

    # From decisions to answers.

    def _answer(self, decision: Decision4) -> Outgoing4 | None:
        try:
            return answer4(decision)
        except Exception as error:  # noqa: BLE001  # as in _open
            self._account.fault(decision.query.packet, error)
            return None

    def _finish(self, decision: Decision4, outgoing: Outgoing4 | None) -> None:
        """A decision is final: send what it answers, count and tell what happened, let the client's next message in."""
        query = decision.query
        try:
            if outgoing is not None and self.hooks and self.hooks.listens(Pkt4Send):
                outgoing = self._offered_to_callouts(decision, outgoing)
            if outgoing is not None:
                self.transport.send(outgoing, query.packet.arrival)
                self._account.sent(query, outgoing)
        except OSError as error:
            self._account.unsent(query, error)
        except Exception as error:  # noqa: BLE001  # as in _open
            self._account.fault(query.packet, error)
        self._account.settled(decision)
        self._done(query)

    def _offered_to_callouts(self, decision: Decision4, outgoing: Outgoing4) -> Outgoing4 | None:
        point = Pkt4Send(decision, outgoing.data)
        if self.hooks.consult(point) in (NextStep.SKIP, NextStep.DROP):
            return None
        return outgoing._replace(data=point.data)

    def _done(self, query: Query4) -> None:
        key = query.client_id or query.hwaddr
        if self._busy.get(key) is query:
            del self._busy[key]
        if self._consults:
            self._consults.pop(query, None)
        if self._next and key in self._next:
            self._revived.append(self._next.pop(key))

    def _wake(self) -> None:
        """After answers that were waited for: serve what their clients sent meanwhile, and listen again."""
        if self._revived:
            packets, self._revived = self._revived, []
            self._serve(packets)
        if self._paused and len(self._busy) < WAITING_MAX:
            self._paused = False
            self.transport.resume()
        self._account.close()

    # What goes otherwise.

    def _hold_back(self, key: bytes, query: Query4) -> None:
        """A client whose exchange is in progress: the same again is dropped, of anything newer the newest waits."""
        earlier, packet = self._busy[key], query.packet
        again = earlier.packet.xid == packet.xid and earlier.type == query.type
        self._account.held_back(query, again=again, replaces=not again and key in self._next)
        if not again:
            self._next[key] = packet

    def _unavailable(self, queries: list[Query4], view: LeaseView4 | None, error: StoreUnavailable) -> None:
        """Nothing can be written: what is promised already is said again, for the time that remains (no lease changes).

        Without a view there is nothing to repeat, and silence is left.
        """
        if self.unavailable_since is None:
            self.unavailable_since = time.monotonic()
            m.DHCPSRV_LEASE_STORE_UNAVAILABLE.log(reason=error)
        now = self._clock.now()
        for query in queries:
            try:
                if view is None:
                    decision = silent(query, "the lease store cannot be reached")
                else:
                    decision = repeat4(query, view, query.network.hosts, now, self.rng)
                self._finish(decision, answer4(decision))
            except NotLoaded:
                self._finish(silent(query, "the lease store cannot be reached"), None)
            except Exception as fault:  # noqa: BLE001  # as in _open
                self._account.fault(query.packet, fault)
                self._done(query)

    def _available(self) -> None:
        if self.unavailable_since is not None:
            m.DHCPSRV_LEASE_STORE_AVAILABLE.log(seconds=int(time.monotonic() - self.unavailable_since))
            self.unavailable_since = None


async def _synced(store: LocalLeaseStore) -> None:
    """Waits until everything appended to a local store is durable."""
    done = asyncio.get_running_loop().create_future()
    store.when_synced(lambda error: None if done.done() else done.set_result(error))
    await done
