"""A lease store at the other end of a slow and unreliable line, as databases are; for tests, with or without a clock.

Several `RemoteStore`s on one `Truth` are several servers on one database. Every wait is an `asyncio.sleep`, every
chance comes from the given `Random`: under virtual time the same seed gives the same run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Sequence
from random import Random
from typing import Final

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.view import Key, LeaseView4, NotLoaded, Sweep, Unit
from dhcpkit.backends.memory import Leases4
from dhcpkit.backends.protocols import EVERYTHING, StoreUnavailable, Where

__all__ = ["Line", "PartialView4", "RemoteStore", "Truth"]

CHUNK_MAX: Final = 64  # candidates asked for at once, at most: chunks double up to this
READS_MAX: Final = 3  # attempts to find out what became of a commit

Truth = Leases4  # what is stored, for every server that asks


@attrs.frozen
class Line:
    """How the line behaves. Times in seconds; chances from 0 to 1, per call.

    `down` is the chance that a call fails before it arrives, `lost` that an answer is lost although it took effect.
    """

    delay: float = 0.0005
    jitter: float = 0.0005
    down: float = 0.0
    lost: float = 0.0


class _Lost(Exception):  # what happened, within this module
    """The connection broke; whether the call took effect is not known."""


class PartialView4:
    """What was loaded of a truth, as it was then. Asking for anything else raises NotLoaded with the keys to load."""

    def __init__(self, turns: dict[tuple[int, int], int]) -> None:
        self._leases: dict[int, Lease4 | None] = {}
        self._by_client_id: dict[bytes, tuple[int, ...]] = {}
        self._by_hwaddr: dict[bytes, tuple[int, ...]] = {}
        self._turns = turns
        self._chunk = 1

    def learn(self, truth: Truth, keys: Iterable[Key]) -> None:
        """Takes over what the truth holds for these keys now, and the leases an identifier leads to."""
        for key in keys:
            if key[0] == "address":
                self._leases[key[1]] = truth.by_address(key[1])
                continue
            known, found = (
                (self._by_client_id, truth.by_client_id(key[1]))
                if key[0] == "client-id"
                else (self._by_hwaddr, truth.by_hwaddr(key[1]))
            )
            known[key[1]] = tuple(lease.address for lease in found)
            self._leases.update((lease.address, lease) for lease in found)

    def by_address(self, address: int, /) -> Lease4 | None:
        """As LeaseView4."""
        try:
            return self._leases[address]
        except KeyError:
            raise NotLoaded(("address", address)) from None

    def by_client_id(self, client_id: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        if client_id not in self._by_client_id:
            raise NotLoaded(("client-id", client_id))
        found = (self._leases[address] for address in self._by_client_id[client_id])
        return [lease for lease in found if lease is not None and lease.client_id == client_id]

    def by_hwaddr(self, hwaddr: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        if hwaddr not in self._by_hwaddr:
            raise NotLoaded(("hw-address", hwaddr))
        found = (self._leases[address] for address in self._by_hwaddr[hwaddr])
        return [lease for lease in found if lease is not None and lease.hwaddr == hwaddr]

    def first_free(self, order: Iterable[int], now: int, /, busy: Container[int] = ()) -> int | None:
        """As LeaseView4; candidates are asked for in chunks that double."""
        missing: list[Key] = []
        for address in self._in_turn(order):
            if address in busy:
                continue
            if address not in self._leases:
                missing.append(("address", address))
                if len(missing) >= self._chunk:
                    break
            elif not missing:
                lease = self._leases[address]
                if lease is None or lease.expired(now):
                    return address
        if missing:
            self._chunk = min(self._chunk * 2, CHUNK_MAX)
            raise NotLoaded(*missing)
        return None

    def _in_turn(self, order: Iterable[int]) -> Iterator[int]:
        if not isinstance(order, Sweep):
            yield from order
            return
        turn = self._turns.setdefault((order.first, order.last), order.first)
        yield from range(turn, order.last + 1)
        yield from range(order.first, turn)

    def handed_out(self, address: int, /) -> None:
        """As LeaseView4."""
        for first, last in self._turns:
            if first <= address <= last:
                self._turns[first, last] = address + 1 if address < last else first


class RemoteStore:
    """One server's connection to a truth. `interfere` is called right before a commit takes effect: another server."""

    local = False

    def __init__(
        self,
        truth: Truth,
        rng: Random,
        line: Line = Line(),  # a value
        interfere: Callable[[Sequence[Unit]], None] | None = None,
    ) -> None:
        self.truth = truth
        self.line = line
        self.round_trips = 0
        self._rng = rng
        self._interfere = interfere
        self._turns: dict[tuple[int, int], int] = {}
        self._order = asyncio.Lock()  # commits take effect in the order of the calls: there is one connection for them

    async def load(self, keys: Iterable[Key], view: LeaseView4 | None = None) -> LeaseView4:
        """As LeaseStore: all keys in one round trip."""
        wanted = list(keys)
        partial = view if isinstance(view, PartialView4) else PartialView4(self._turns)
        if wanted:
            await self._ask(lambda: partial.learn(self.truth, wanted))
        return partial

    async def commit(self, units: Sequence[Unit]) -> Sequence[bool]:
        """As LeaseStore. Where the answer is lost, the leases are read again to find out what became of it."""
        kept: list[bool] = []

        def take_effect() -> None:
            if self._interfere is not None:
                self._interfere(units)
            kept[:] = self.truth.apply(units)[0]

        async with self._order:
            try:
                await self._call(take_effect)
            except _Lost:
                return await self._find_out(units)
        return kept

    async def _find_out(self, units: Sequence[Unit]) -> Sequence[bool]:
        """Which units are what is stored now. One that is not is as good as refused: it is planned again."""
        for _ in range(READS_MAX):
            stored: list[bool] = []

            def read(into: list[bool] = stored) -> None:
                into[:] = (all(self._holds(change.address, change.after) for change in unit) for unit in units)

            try:
                await self._call(read)
            except (_Lost, StoreUnavailable):
                continue
            return stored
        raise self._unavailable("the connection was lost, and what became of the last commit cannot be found out")

    def _holds(self, address: int, lease: Lease4 | None) -> bool:
        return self.truth.by_address(address) == lease

    async def expired(self, before: int, limit: int) -> Sequence[Lease4]:
        """As LeaseStore."""
        found: list[Lease4] = []
        await self._ask(lambda: found.extend(self.truth.expired(before, limit)))
        return found

    async def pages(self, where: Where = EVERYTHING, size: int = 1000) -> AsyncIterator[Sequence[Lease4]]:
        """As LeaseStore: one round trip a page."""
        after = where.after
        while True:
            page: list[Lease4] = []

            def read(start: int = after + 1, into: list[Lease4] = page) -> None:
                into[:] = self._page(start, where, size)

            await self._ask(read)
            if not page:
                return
            yield page
            after = page[-1].address

    def _page(self, start: int, where: Where, size: int) -> list[Lease4]:
        page: list[Lease4] = []
        while len(page) < size and (found := self.truth.block_from(start)) is not None:
            addresses, start = found
            for address in addresses:
                lease = self.truth.by_address(address)
                if (
                    lease is not None
                    and where.subnet_id in (None, lease.subnet_id)
                    and where.state in (None, lease.state)
                ):
                    page.append(lease)
        return page[:size]

    async def close(self) -> None:
        """As LeaseStore."""

    async def _ask(self, take_effect: Callable[[], None]) -> None:
        """A call that changes nothing: when its answer is lost it has just failed."""
        try:
            await self._call(take_effect)
        except _Lost:
            raise self._unavailable("the connection was lost") from None

    async def _call(self, take_effect: Callable[[], None]) -> None:
        """One round trip: there, the effect at one moment, and back."""
        line, rng = self.line, self._rng
        self.round_trips += 1
        down, lost = rng.random() < line.down, rng.random() < line.lost
        there, back = ((line.delay + rng.random() * line.jitter) / 2 for _ in range(2))
        await asyncio.sleep(there)
        if down:
            raise self._unavailable("the connection is down")
        take_effect()
        await asyncio.sleep(back)
        if lost:
            raise _Lost

    @staticmethod
    def _unavailable(why: str) -> StoreUnavailable:
        return StoreUnavailable("simulated database", why)
