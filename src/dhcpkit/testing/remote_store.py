"""A lease store at the other end of a slow and unreliable line, as databases are; for tests, with or without a clock.

Several `RemoteStore`s on one `Truth` are several servers on one database; `RemoteStore6`s on one `Truth6` those of
DHCPv6. Every wait is an `asyncio.sleep`, every
chance comes from the given `Random`: under virtual time the same seed gives the same run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Sequence
from random import Random
from typing import Any, Final, Generic, Protocol, TypeVar

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.view import Key, NotLoaded, Sweep, Unit
from dhcpkit.alloc.view6 import ADDRESS_BITS, Key6, Span6, Sweep6, Unit6, span_of
from dhcpkit.backends.index import AnyLease, Index, Swap
from dhcpkit.backends.memory import Leases4
from dhcpkit.backends.memory6 import Leases6
from dhcpkit.backends.protocols import EVERYTHING, StoreUnavailable, Where

__all__ = [
    "Line",
    "PartialView4",
    "RemoteStore",
    "RemoteStore6",
    "RemoteStoreOf",
    "RemoteView6",
    "Truth",
    "Truth6",
]

CHUNK_MAX: Final = 64  # candidates asked for at once, at most: chunks double up to this
READS_MAX: Final = 3  # attempts to find out what became of a commit

Truth = Leases4  # what is stored, for every server that asks
Truth6 = Leases6

L = TypeVar("L", bound=AnyLease)
Turns = dict[tuple[int, int, int], int]  # of ranges, by first and last address and step


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


class _Partial(Generic[L]):
    """What was loaded of a truth, as it was then. Asking for anything else raises NotLoaded with the keys to load."""

    def __init__(self, turns: Turns) -> None:
        self._leases: dict[int, L | None] = {}
        self._by: dict[object, tuple[int, ...]] = {}  # addresses by the key of an identifier
        self._turns = turns
        self._chunk = 1

    def learn_address(self, address: int, lease: L | None) -> None:
        """Takes over what the truth holds at an address."""
        self._leases[address] = lease

    def learn_identifier(self, key: object, found: Sequence[L]) -> None:
        """Takes over which leases an identifier leads to, and these."""
        self._by[key] = tuple(lease.address for lease in found)
        self._leases.update((lease.address, lease) for lease in found)

    def by_address(self, address: int, /) -> L | None:
        """As the view."""
        try:
            return self._leases[address]
        except KeyError:
            raise NotLoaded(("address", address)) from None

    def of(self, key: Any, field: str) -> Sequence[L]:
        """The leases that an identifier leads to, where they are still its own."""
        if key not in self._by:
            raise NotLoaded(key)
        found = (self._leases[address] for address in self._by[key])
        return [lease for lease in found if lease is not None and getattr(lease, field) == key[1]]

    def first_free(
        self, order: Iterable[int], now: int, /, busy: Container[int] = (), spans: Sequence[tuple[int, int]] = ()
    ) -> int | None:
        """As the view; candidates are asked for in chunks that double."""
        missing: list[tuple[str, int]] = []
        for address in self._in_turn(order):
            if address in busy:
                continue
            if address not in self._leases:
                missing.append(("address", address))
                if len(missing) >= self._chunk:
                    break
            elif not missing:
                lease = self._leases[address]
                if (lease is None or lease.expired(now)) and not self._in_the_way(order, address, now, spans):
                    return address
        if missing:
            self._chunk = min(self._chunk * 2, CHUNK_MAX)
            raise NotLoaded(*missing)  # type: ignore[arg-type]  # a key of either family
        return None

    def _in_the_way(self, _order: Iterable[int], _address: int, _now: int, _spans: Sequence[tuple[int, int]]) -> bool:
        return False

    def _in_turn(self, order: Iterable[int]) -> Iterator[int]:
        if not isinstance(order, Sweep | Sweep6):
            yield from order
            return
        step = 1 << order.shift if isinstance(order, Sweep6) else 1
        turn = self._turns.setdefault((order.first, order.last, step), order.first)
        yield from _steps(turn, order.last, step)
        yield from _steps(order.first, turn - 1, step)

    def handed_out(self, address: int, /) -> None:
        """As the view."""
        for first, last, step in self._turns:
            if first <= address <= last and (address - first) % step == 0:
                self._turns[first, last, step] = address + step if address + step <= last else first


def _steps(first: int, last: int, step: int) -> Iterator[int]:
    """As `range`, for ranges of any size."""
    while first <= last:
        yield first
        first += step


class PartialView4(_Partial[Lease4]):
    """As LeaseView4: what was loaded."""

    def by_client_id(self, client_id: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        return self.of(("client-id", client_id), "client_id")

    def by_hwaddr(self, hwaddr: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        return self.of(("hw-address", hwaddr), "hwaddr")

    def learn(self, truth: Leases4, keys: Iterable[Key]) -> None:
        """Takes over what the truth holds for these keys now."""
        for key in keys:
            if key[0] == "address":
                self.learn_address(key[1], truth.by_address(key[1]))
            elif key[0] == "client-id":
                self.learn_identifier(key, truth.by_client_id(key[1]))
            else:
                self.learn_identifier(key, truth.by_hwaddr(key[1]))


class RemoteView6(_Partial[Lease6]):
    """As LeaseView6: what was loaded."""

    def by_duid(self, duid: bytes, /) -> Sequence[Lease6]:
        """As LeaseView6."""
        return self.of(("duid", duid), "duid")

    def learn(self, truth: Leases6, keys: Iterable[Key6]) -> None:
        """Takes over what the truth holds for these keys now."""
        for key in keys:
            if key[0] == "address":
                self.learn_address(key[1], truth.by_address(key[1]))
            elif key[0] == "overlap":
                self.learn_identifier(key, list(truth.overlapping(*key[1:])))
            else:
                self.learn_identifier(key, truth.by_duid(key[1]))

    def overlapping(self, address: int, prefix_len: int, /) -> Sequence[Lease6]:
        """As LeaseView6."""
        key = ("overlap", address, prefix_len)
        if key not in self._by:
            raise NotLoaded(key)  # type: ignore[arg-type]  # a key of either family
        found = (self._leases[each] for each in self._by[key])
        return [lease for lease in found if lease is not None]

    def _in_the_way(self, order: Iterable[int], address: int, now: int, spans: Sequence[Span6]) -> bool:
        if not isinstance(order, Sweep6) or not order.prefixes:
            return False
        length = ADDRESS_BITS - order.shift
        first, last = span_of(address, length)
        if any(low <= last and first <= high for low, high in spans):
            return True
        return any(not lease.expired(now) for lease in self.overlapping(address, length))


class _Learns(Protocol):
    """A view that learns what a truth holds."""

    def learn(self, truth: Any, keys: Iterable[Any], /) -> None:
        """Takes over what the truth holds for these keys now."""
        ...


P = TypeVar("P", bound=_Learns)


class RemoteStoreOf(Generic[L, P]):
    """One server's connection to a truth. `interfere` is called right before a commit takes effect: another server."""

    local = False

    def __init__(
        self,
        truth: Index[L, object],
        view: Callable[[Turns], P],
        rng: Random,
        line: Line,
        interfere: Callable[[Sequence[Any]], None] | None,
    ) -> None:
        self.truth = truth
        self.line = line
        self.round_trips = 0
        self._view = view
        self._rng = rng
        self._interfere = interfere
        self._turns: Turns = {}
        self._order = asyncio.Lock()  # commits take effect in the order of the calls: there is one connection for them

    async def load(self, keys: Iterable[Any], view: Any = None) -> P:
        """As LeaseStore: all keys in one round trip."""
        wanted = list(keys)
        partial: P = self._view(self._turns) if view is None else view
        if wanted:
            await self._ask(lambda: partial.learn(self.truth, wanted))
        return partial

    async def commit(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
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

    async def _find_out(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """Which units are what is stored now. One that is not is as good as refused: it is planned again."""
        for _ in range(READS_MAX):
            stored: list[bool] = []

            def read(into: list[bool] = stored) -> None:
                into[:] = (all(map(self._holds, unit)) for unit in units)

            try:
                await self._call(read)
            except (_Lost, StoreUnavailable):
                continue
            return stored
        raise self._unavailable("the connection was lost, and what became of the last commit cannot be found out")

    def _holds(self, change: Swap[L]) -> bool:
        before, after = change
        lease = before if after is None else after
        return lease is None or self.truth.by_address(lease.address) == after

    async def expired(self, before: int, limit: int) -> Sequence[L]:
        """As LeaseStore."""
        found: list[L] = []
        await self._ask(lambda: found.extend(self.truth.expired(before, limit)))
        return found

    async def pages(self, where: Where = EVERYTHING, size: int = 1000) -> AsyncIterator[Sequence[L]]:
        """As LeaseStore: one round trip a page."""
        after = where.after
        while True:
            page: list[L] = []

            def read(start: int = after + 1, into: list[L] = page) -> None:
                into[:] = self._page(start, where, size)

            await self._ask(read)
            if not page:
                return
            yield page
            after = page[-1].address

    def _page(self, start: int, where: Where, size: int) -> list[L]:
        page: list[L] = []
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


class RemoteStore(RemoteStoreOf[Lease4, PartialView4]):
    """A server's connection to a truth of DHCPv4 leases."""

    def __init__(
        self,
        truth: Truth,
        rng: Random,
        line: Line = Line(),  # a value
        interfere: Callable[[Sequence[Unit]], None] | None = None,
    ) -> None:
        super().__init__(truth, PartialView4, rng, line, interfere)


class RemoteStore6(RemoteStoreOf[Lease6, RemoteView6]):
    """A server's connection to a truth of DHCPv6 leases."""

    def __init__(
        self,
        truth: Truth6,
        rng: Random,
        line: Line = Line(),  # a value
        interfere: Callable[[Sequence[Unit6]], None] | None = None,
    ) -> None:
        super().__init__(truth, RemoteView6, rng, line, interfere)
