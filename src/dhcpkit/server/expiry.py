"""Leases whose time is over: taken back in rounds, kept a while, removed. Off the packet path, a few at a time.

An address whose lease is over can be given to another client at once; what happens here is tidying, with Kea's limits.
Either family's leases are tidied so; what is theirs is in a `Family`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Final

import attrs

from dhcpkit.alloc.lease import GIVEN_BACK, LeaseState
from dhcpkit.alloc.points import NextStep
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.hooks import Hooks
from dhcpkit.server import messages as m
from dhcpkit.server.family import Family
from dhcpkit.server.loop import AnyStore, Time
from dhcpkit.server.statistics import Statistics

__all__ = ["Reclaimer", "Reclaiming"]

RELEASED: Final = LeaseState.RELEASED.value
DECLINED: Final = LeaseState.DECLINED.value
STALE_MAX: Final = 1024  # entries of a heap that say nothing any more, besides as many as there are others
SLICE: Final = 32  # leases between two turns of the loop: well under a millisecond


@attrs.frozen
class Reclaiming:
    """Kea's `expired-leases-processing`. Times are seconds, but for `max_reclaim_time` in milliseconds; 0: no limit.

    A wait of 0 switches a timer off.
    """

    reclaim_timer_wait_time: int = 10
    flush_reclaimed_timer_wait_time: int = 25
    hold_reclaimed_time: int = 3600
    max_reclaim_leases: int = 100
    max_reclaim_time: int = 250
    unwarned_reclaim_cycles: int = 5


class Reclaimer:
    """The two timers of one server."""

    def __init__(  # noqa: PLR0913, PLR0917  # what it works on, and how
        self,
        family: Family[Any],
        store: AnyStore,
        clock: Time,
        statistics: Statistics,
        settings: Reclaiming | None = None,
        hooks: Hooks | None = None,
        ended: Callable[[Sequence[Any]], None] | None = None,
    ) -> None:
        """`ended` is told of leases that were taken back or removed, as they were, once that is stored."""
        self.family = family
        self.settings = settings if settings is not None else Reclaiming()
        self._store = store
        self._clock = clock
        self._statistics = statistics
        self._hooks = hooks if hooks is not None else Hooks()
        self._ended = ended
        self._held: dict[int, int | None] = {}  # addresses of leases given back: their end, None before it is looked up
        self._unseen: dict[int, None] = {}  # of those, where it is not looked up yet
        self._ends: list[tuple[int, int]] = []  # a heap of the others; what `_held` does not say any more is stale
        self._released: dict[int, None] = {}  # where clients may have given back what was not taken back yet
        self._unfinished = 0
        self._tasks: list[asyncio.Task[None]] = []

    def use_store(self, store: AnyStore) -> None:
        """Tidies another store from now on."""
        self._store = store
        for known in (self._held, self._unseen, self._ends, self._released):
            known.clear()

    def start(self) -> None:
        """Starts the timers, or starts them anew with changed settings."""
        self.stop()
        for wait, work in (
            (self.settings.reclaim_timer_wait_time, self.reclaim),
            (self.settings.flush_reclaimed_timer_wait_time, self.flush),
        ):
            if wait:
                self._tasks.append(asyncio.create_task(self._every(wait, work)))

    def stop(self) -> None:
        """Stops the timers; a round in progress ends at its next wait, and what it committed stays."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def hold(self, addresses: Iterable[int]) -> None:
        """Remembers where leases are reclaimed or released already, and must be removed one day.

        The next round takes back those that clients released, as those that were not when the server ended (Kea).
        """
        given = tuple(addresses)
        self._remember(given)
        self._released.update(dict.fromkeys(given))

    release = hold

    def _remember(self, addresses: Iterable[int]) -> None:
        for address in addresses:
            self._held[address] = None
            self._unseen[address] = None

    async def reclaim(self, settings: Reclaiming | None = None) -> int:
        """One round: takes back expired leases up to the limits, or to those of other settings; how many."""
        settings = settings if settings is not None else self.settings
        now = self._clock.now()
        started = time.monotonic()
        left = settings.max_reclaim_leases or 1 << 62
        done = skipped = 0
        while left > 0:
            leases = list(await self._store.expired(now, min(SLICE, left) + skipped))[skipped:]
            if not leases:
                self._unfinished = 0
                break
            reclaim, hold = self.family.reclaim, settings.hold_reclaimed_time > 0
            changes = [reclaim(lease, now, hold=hold) for lease in leases if self._may(lease, not hold)]
            skipped += len(leases) - len(changes)
            done += await self._commit(changes)
            left -= len(leases)
            if settings.max_reclaim_time and (time.monotonic() - started) * 1000 >= settings.max_reclaim_time:
                break
            await asyncio.sleep(0)
        else:
            await self._unfinished_round(now, skipped)
        if done:
            spent = int((time.monotonic() - started) * 1000)
            told = m.ALLOC_ENGINE_LEASES_RECLAMATION_COMPLETE.of(self.family.number)
            told.log(count=done, milliseconds=spent)
        await self._take_back_released(left)
        return done

    async def reclaim_all(self, *, remove: bool) -> int:
        """Takes back every expired lease, whatever the limits; with `remove` none is kept. How many."""
        settings = self.settings
        hold = 0 if remove else max(settings.hold_reclaimed_time, 1)
        return await self.reclaim(
            attrs.evolve(settings, max_reclaim_leases=0, max_reclaim_time=0, hold_reclaimed_time=hold)
        )

    async def _take_back_released(self, limit: int) -> None:
        """Takes the names of released leases back, at most so many leases; they stay their clients' otherwise.

        A callout hears of each, once in the life of a server, and may put it off to the next round (Kea).
        """
        for number, address in enumerate(list(self._released)):
            if limit <= 0:
                return
            lease = (await self._store.load([("address", address)])).by_address(address)
            done = True
            if lease is not None and lease.state == RELEASED:
                limit -= 1
                done = self._may(lease)
                if done and (lease.fqdn_fwd or lease.fqdn_rev):
                    nameless = lease._replace(hostname="", fqdn_fwd=False, fqdn_rev=False)
                    done = all(await self._store.commit([(self.family.change(lease, nameless),)]))
                    if done:
                        self._tell([lease])
            if done:
                self._released.pop(address, None)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)

    def _tell(self, leases: Sequence[Any]) -> None:
        if leases and self._ended is not None:
            self._ended(leases)

    async def flush(self) -> int:
        """Removes reclaimed and released leases that were kept long enough; how many.

        In order of their ends, so that one that ends far off, by a clock that went wrong, is in no other's way.
        """
        now = self._clock.now()
        limit = now - self.settings.hold_reclaimed_time
        await self._look_up()
        done = 0
        for number in range(len(self._ends)):
            if not self._ends or self._ends[0][0] >= limit:
                break
            end, address = heappop(self._ends)
            if self._held.get(address) != end:
                continue  # it was given back once more meanwhile
            lease = (await self._store.load([("address", address)])).by_address(address)
            if lease is not None and lease.state in GIVEN_BACK:
                if lease.expire >= limit or (address in self._released and not self._may_released(lease)):
                    self._remember((address,))
                    continue
                if all(await self._store.commit([(self.family.reclaim(lease, now, hold=False),)])):
                    done += 1
                    self._tell([lease])
            if self._held.get(address) == end:
                del self._held[address]
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        return done

    async def _look_up(self) -> None:
        """Finds out when the leases end that were given back since the last time."""
        for number, address in enumerate(list(self._unseen)):
            lease = (await self._store.load([("address", address)])).by_address(address)
            if self._unseen.pop(address, address) is None:
                if lease is not None and lease.state in GIVEN_BACK:
                    self._held[address] = lease.expire
                    heappush(self._ends, (lease.expire, address))
                else:
                    self._held.pop(address, None)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if len(self._ends) > 2 * len(self._held) + STALE_MAX:
            self._ends = [(end, address) for address, end in self._held.items() if end is not None]
            heapify(self._ends)

    def _may_released(self, lease: Any) -> bool:
        """Whether a lease may be removed that was released and not taken back yet."""
        if lease.state == RELEASED and not self._may(lease):
            return False
        self._released.pop(lease.address, None)
        return True

    def _may(self, lease: Any, remove: bool = False) -> bool:  # noqa: FBT001, FBT002  # as the point is told
        """Whether callouts let a lease be taken back; one of an address on probation has a point of its own besides."""
        family, points, hooks = self.family, self.family.points, self._hooks
        message = m.ALLOC_ENGINE_LEASE_RECLAIM.of(family.number)
        if message.on:
            message.log(address=family.words.address(lease.address))
        if hooks.listens(points.kind("expire")) and hooks.tell(points.expire(lease, remove)) is NextStep.SKIP:
            return False
        if lease.state != DECLINED or not hooks.listens(points.kind("recover")):
            return True
        return hooks.tell(points.recover(lease)) is not NextStep.SKIP

    async def _commit(self, changes: list[Any]) -> int:
        kept = await self._store.commit([(change,) for change in changes])
        tally = self.family.tally()
        for change, ok in zip(changes, kept, strict=True):
            if ok:
                tally.changed(change.before, change.after, reclaimed=True)
                if change.after is not None:
                    self._remember((change.address,))
        self._statistics.add_leases(tally)
        self._tell([change.before for change, ok in zip(changes, kept, strict=True) if ok])
        return sum(kept)

    async def _unfinished_round(self, now: int, skipped: int) -> None:
        """The limit of leases ended a round; warns when that happens round after round."""
        if len(await self._store.expired(now, skipped + 1)) <= skipped:
            self._unfinished = 0
            return
        self._unfinished += 1
        if self._unfinished > self.settings.unwarned_reclaim_cycles > 0:
            m.ALLOC_ENGINE_LEASES_RECLAMATION_SLOW.of(self.family.number).log(cycles=self._unfinished)
            self._unfinished = 0

    async def _every(self, wait: float, work: Callable[[], Awaitable[object]]) -> None:
        """Does some work again and again, so many seconds after it was done the last time."""
        while True:
            await asyncio.sleep(wait)
            try:
                await work()
            except StoreUnavailable as error:
                m.DHCPSRV_LEASE_STORE_UNAVAILABLE.of(self.family.number).log(reason=error)
