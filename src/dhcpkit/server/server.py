"""A server assembled from its parts: sockets, batches, timers, statistics. Which family it serves is a `Family`.

This module does not know configuration files, processes or signals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import attrs

from dhcpkit.alloc.lease import GIVEN_BACK
from dhcpkit.alloc.name_change import Names, forgotten
from dhcpkit.alloc.sanity import Places
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.hooks import Hooks
from dhcpkit.server import messages as m
from dhcpkit.server.clock import Clock
from dhcpkit.server.expiry import Reclaimer, Reclaiming
from dhcpkit.server.family import Family
from dhcpkit.server.interfaces import InterfaceSpec
from dhcpkit.server.listening import Receive, ServiceUnavailable
from dhcpkit.server.log import end_periods
from dhcpkit.server.loop import AnyLocalStore, AnyStore, Batches, Transport
from dhcpkit.server.name_changes import NameChanges
from dhcpkit.server.queueing import Queue
from dhcpkit.server.sanity import SanityChecks, check_leases
from dhcpkit.server.statistics import AnyNetwork, Statistics

__all__ = ["Listening", "ServerOf", "ServiceSockets"]

CLOCK_WATCH: Final = 5.0  # seconds between two looks at the wall clock
CLEAN_UP_WAIT: Final = 1.0  # seconds a clean-up wanted at the start waits: clients that waited for the start go first
STOP_MAX: Final = 5.0  # seconds a stop waits for commits that are under way

N = TypeVar("N", bound=AnyNetwork)


@attrs.frozen(init=False)
class Listening:
    """Where a server listens and how: Kea's `interfaces-config`. ValueError where an interface is misspelt.

    `raw` is DHCPv4's, and so is `routed`: answers to relay agents leave as the kernel's routes say, where sockets are
    not raw. `retry_wait` is seconds; a `patient` server starts although no socket can be opened, and waits for an
    interface. Without `redetect` it is only those there are at the start.
    """

    interfaces: tuple[InterfaceSpec, ...]
    raw: bool
    max_retries: int
    retry_wait: float
    require_all: bool
    patient: bool
    routed: bool = False
    redetect: bool = True

    def __init__(  # noqa: PLR0913  # Kea's keys
        self,
        interfaces: Iterable[str | InterfaceSpec] = (),
        *,
        raw: bool = True,
        max_retries: int = 0,
        retry_wait: float = 5.0,
        require_all: bool = False,
        patient: bool = False,
        routed: bool = False,
        redetect: bool = True,
        family: int = 4,
    ) -> None:
        """`family` says how an interface's address is written."""
        specs = tuple(
            each if isinstance(each, InterfaceSpec) else InterfaceSpec.parse(each, family) for each in interfaces
        )
        self.__attrs_init__(specs, raw, max_retries, retry_wait, require_all, patient, routed, redetect)


class ServiceSockets(Transport, Protocol):
    """The service sockets of a family: a transport that opens and closes."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be opened, and why."""
        ...

    @property
    def trouble_code(self) -> int:
        """The system's reason of the first failure, 0 where it had none."""
        ...

    @property
    def open_count(self) -> int:
        """How many addresses are served."""
        ...

    def start(self, loop: asyncio.AbstractEventLoop, /) -> None:
        """Opens what can be opened, and follows the machine's interfaces from then on."""
        ...

    def reconfigure(self, specs: Iterable[InterfaceSpec], /, *, raw: bool, routed: bool, redetect: bool) -> None:
        """Serves other interfaces, or in another way."""
        ...

    def refresh(self) -> None:
        """Looks again."""
        ...

    def close(self) -> None:
        """Closes everything."""
        ...


class ServerOf(Generic[N]):
    """Serves one network from one store until `stop` is called or its task is cancelled.

    `open_sockets` makes the service sockets, given what is to hear of datagrams.
    """

    def __init__(  # noqa: PLR0913  # a server's parts
        self,
        family: Family[N],
        network: N,
        store: AnyStore,
        open_sockets: Callable[[Listening, Receive], ServiceSockets],
        *,
        interfaces: Iterable[str] | Listening = (),
        hooks: Hooks | None = None,
        reclaiming: Reclaiming | None = None,
        lfc_interval: int = 0,
        sanity: SanityChecks | None = None,
        clock: Clock | None = None,
        rng: Random | None = None,
        names: NameChanges | None = None,
    ) -> None:
        self.family = family
        self.listening = (
            interfaces if isinstance(interfaces, Listening) else Listening(interfaces, family=family.number)
        )
        self.clock = clock if clock is not None else Clock()
        self.statistics = Statistics(family.words.names)
        self.lfc_interval = lfc_interval
        self.sanity = sanity if sanity is not None else SanityChecks()
        self.queue = Queue(self._take, family.rank, self._shed, ready=self._ready)
        self.sockets = open_sockets(self.listening, self.queue.receive)
        self.batches = Batches(
            family,
            network,
            store,
            self.sockets,
            clock=self.clock,
            statistics=self.statistics,
            hooks=hooks,
            rng=rng,
            names=names,
        )
        self.reclaimer = Reclaimer(
            family, store, self.clock, self.statistics, reclaiming, self.batches.hooks, self._forget_names
        )
        self.batches.account.released = self.reclaimer.release
        self.batches.resumed = self.queue.go_on
        self.batches.callouts.commit = self.commit
        self._suspended = False
        self.hooks = self.batches.hooks
        self._store = store
        self._ending: asyncio.Event | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._checking: asyncio.Task[None] | None = None
        self._recalling: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._retries = 0

    @property
    def store(self) -> AnyStore:
        """The store that leases are in now."""
        return self._store

    @property
    def network(self) -> N:
        """The network that is served now."""
        return self.batches.network

    async def serve(self) -> None:
        """Serves until `stop`. Raises ServiceUnavailable where no socket can be opened, unless it is to be patient."""
        await self.start()
        try:
            await self.ended()
        finally:
            await self.end()

    def stop(self) -> None:
        """Asks `serve` to end; it answers what it has begun before it does."""
        if self._ending is not None:
            self._ending.set()

    async def start(self) -> None:
        """Opens the sockets, and from then on serves while the event loop runs."""
        self._ending = asyncio.Event()
        await self._check_leases()
        await self.recount()
        self.sockets.start(asyncio.get_running_loop())
        try:
            self._require_sockets()
        except ServiceUnavailable:
            self.sockets.close()
            raise
        self._retry_later()
        self._start_timers()

    async def ended(self) -> None:
        """Waits until `stop` is called."""
        assert self._ending is not None, "only what was started ends"
        await self._ending.wait()

    async def end(self) -> None:
        """Stops listening, finishes and answers what was begun, and lets go of sockets and timers. Not of the store."""
        self.sockets.pause()
        self.queue.forget()
        self.reclaimer.stop()
        self._stop_timers()
        for task in (self._checking, self._recalling):
            if task is not None:
                task.cancel()
        if self._retry is not None:
            self._retry.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.batches.drained(), STOP_MAX)
        self.sockets.close()

    async def suspend(self) -> None:
        """Serves nobody until `go_on`: what was begun is answered, what arrives waits in the sockets."""
        self.sockets.pause()
        self._suspended = True
        self.reclaimer.stop()
        if self._checking is not None:
            self._checking.cancel()
        await self.batches.drained()

    async def go_on(self, store: AnyStore, network: N | None = None, sanity: SanityChecks | None = None) -> None:
        """Serves again, from this store, and with another network where one is given."""
        self._store = store
        if network is not None:
            self.batches.network = network
        if sanity is not None:
            self.sanity = sanity
        self.batches.use_store(store)
        self.reclaimer.use_store(store)
        await self._check_leases()
        await self.recount()
        self._start_timers()
        self._suspended = False
        self.sockets.resume()
        self.queue.go_on()

    def reconfigure(
        self,
        network: N,
        listening: Listening | None = None,
        reclaiming: Reclaiming | None = None,
        lfc_interval: int | None = None,
        sanity: SanityChecks | None = None,
    ) -> None:
        """Serves another network, from the next batch on; what else is given changes too.

        Leases are held against it meanwhile, a few at a time.
        """
        known = network is self.network
        counted = cast("Any", self.network).protection.counts_leases
        self.batches.network = network
        if not counted and cast("Any", network).protection.counts_leases:
            self._recalling = asyncio.create_task(self._recall())
        if sanity is not None:
            self.sanity = sanity
        if not known:
            self.statistics.network(network)
            if self._checking is not None:
                self._checking.cancel()
            self._checking = asyncio.create_task(self._check_leases())
        if listening is not None and listening != self.listening:
            self.listening = listening
            self.sockets.reconfigure(
                listening.interfaces, raw=listening.raw, routed=listening.routed, redetect=listening.redetect
            )
            self._retries = 0
            self._retry_later()
        if reclaiming is not None and reclaiming != self.reclaimer.settings:
            self.reclaimer.settings = reclaiming
            self.reclaimer.start()
        if lfc_interval is not None and lfc_interval != self.lfc_interval:
            self.lfc_interval = lfc_interval
            self._start_timers()

    async def commit(self, units: Sequence[Sequence[Any]]) -> Sequence[bool]:
        """Changes leases for whoever is not a client. As `dhcpkit.hooks.operated.Operated`. Raises StoreUnavailable."""
        kept = await self._store.commit(units)
        tally = self.family.tally()
        guard = self.batches.guarding.guard
        counts = cast("Any", self.network).protection.counts_leases
        for change in (change for unit, ok in zip(units, kept, strict=True) if ok for change in unit):
            tally.changed(change.before, change.after)
            if change.after is not None and change.after.state in GIVEN_BACK:
                self.reclaimer.hold((change.after.address,))
            if counts and change.after is not None:
                guard.recall(change.after)
        self.statistics.add_leases(tally)
        return kept

    async def recount(self) -> None:
        """Counts the leases in use anew, from the store."""
        self.statistics.network(self.network)
        await self._recall()
        totals = self.statistics.no_leases()
        if self._store.local:
            census = cast("AnyLocalStore", self._store).census()
            self.reclaimer.hold(census.reclaimed)
            self.statistics.put(totals | self.family.count(census.counts))
            return
        with suppress(StoreUnavailable):  # counters begin at 0 then; the store's trouble is told where it matters
            async for page in self._store.pages():
                for name, count in self.family.totals(page).items():
                    totals[name] = totals.get(name, 0) + count
                self.reclaimer.hold([lease.address for lease in page if lease.state in GIVEN_BACK])
        self.statistics.put(totals)

    async def _recall(self) -> None:
        """Tells the guard what leases of earlier runs say about who holds them, where a limit is about that."""
        if cast("Any", self.network).protection.counts_leases:
            guard = self.batches.guarding.guard
            with suppress(StoreUnavailable):  # they are counted as they are renewed, then
                async for page in self._store.pages():
                    for lease in page:
                        guard.recall(lease)
                    await asyncio.sleep(0)

    async def _check_leases(self) -> None:
        await check_leases(self.family, self._store, cast("Places", self.network), self.sanity, self.statistics)

    def _forget_names(self, leases: Sequence[Any]) -> None:
        """Leases are no more: DNS is to hear of their names."""
        network = cast("Names", self.network)
        names = [change for lease in leases for change in forgotten(lease, network)]
        if names:
            self.batches.names.put(names)

    def _take(self, datagrams: Sequence[tuple[bytes, Any]]) -> None:
        self.batches.take(datagrams)

    def _shed(self, count: int) -> None:
        """There was no room for messages."""
        self.batches.account.lost("queue-full", count)

    def _ready(self) -> bool:
        return not self._suspended and not self.batches.full

    def _require_sockets(self) -> None:
        sockets, listening = self.sockets, self.listening
        told = sockets.troubles or ("no interface is configured to listen on",)
        if listening.require_all and sockets.troubles:
            raise ServiceUnavailable(told, sockets.trouble_code)
        if not sockets.open_count:
            if not listening.patient:
                raise ServiceUnavailable(told, sockets.trouble_code)
            m.DHCPSRV_NO_SOCKETS_OPEN.of(self.family.number).log()

    def _retry_later(self) -> None:
        """Tries again to open what could not be opened, as often as the configuration says."""
        if not self.sockets.troubles:
            return
        if self._retries >= self.listening.max_retries:
            m.DHCP_OPEN_SOCKETS_FAILED.of(self.family.number).log(attempts=self.listening.max_retries)
            return
        self._retries += 1
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(self.listening.retry_wait, self._retry_now)

    def _retry_now(self) -> None:
        self.sockets.refresh()
        self._retry_later()

    def _start_timers(self) -> None:
        self._stop_timers()
        self.reclaimer.start()
        self._tasks = [asyncio.create_task(self._watch_clock())]
        clean_up = getattr(self._store, "clean_up", None)
        if clean_up is not None and (self.lfc_interval or getattr(self._store, "wants_clean_up", False)):
            self._tasks.append(asyncio.create_task(self._clean_up_files(clean_up)))

    def _stop_timers(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_WATCH)
            end_periods()
            self.look_at_clock()

    def look_at_clock(self) -> None:
        """Tells where the wall clock was set since the last look; leases do not end by it (`clock`)."""
        step = self.clock.step()
        if step:
            self.batches.account.tally["dhcpkit-clock-steps"] += 1
            m.DHCP_CLOCK_STEP.of(self.family.number).log(seconds=round(step))

    async def _clean_up_files(self, clean_up: Callable[[], Awaitable[object]]) -> None:
        """Every `lfc_interval`, and at once where files of an older form or of a clean-up that was cut short wait."""
        wanted = getattr(self._store, "wants_clean_up", False)
        while wanted or self.lfc_interval:
            await asyncio.sleep(CLEAN_UP_WAIT if wanted else self.lfc_interval)
            wanted = False
            m.DHCPSRV_MEMFILE_LFC_START.of(self.family.number).log()
            try:
                await clean_up()
            except (StoreUnavailable, OSError) as error:
                m.DHCPSRV_MEMFILE_LFC_FAIL.of(self.family.number).log(reason=error)
