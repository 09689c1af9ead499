"""The plainest store that keeps every promise, whatever its family: a dict, and loops over it.

`reference_store.py` and `reference_store6.py` say how leases are looked up; the rest is here. This module does not know
what a lease is but for its address and its end.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from dhcpkit.alloc.view import NotLoaded

__all__ = ["AnyLease", "Keyhole", "PlainStore", "Range"]


class AnyLease(Protocol):
    """What is looked at in a lease."""

    @property
    def address(self) -> int:
        """What it is known by."""
        ...

    def expired(self, now: int, /) -> bool:
        """Whether it no longer binds its address."""
        ...


class Range(Protocol):
    """A sweep of either family."""

    @property
    def first(self) -> int:
        """Where it begins."""
        ...

    @property
    def last(self) -> int:
        """Where it ends."""
        ...

    def __contains__(self, address: object, /) -> bool: ...


L = TypeVar("L", bound=AnyLease)
O = TypeVar("O", bound=Range)  # noqa: E741  # an order, as the engine calls it
K = TypeVar("K", bound=tuple[Any, ...])  # what can be looked up


class PlainStore(Generic[L, O]):
    """Leases in a dict. `sweep` is the order in which addresses are tried in turn, `step` how wide one's steps are."""

    def __init__(self, leases: Iterable[L], sweep: type[O], step: Callable[[O], int]) -> None:
        self.leases = {lease.address: lease for lease in leases}
        self.turns: dict[O, int] = {}
        self._sweep = sweep
        self._step = step

    def append(self, units: Sequence[Sequence[tuple[L | None, L | None]]]) -> list[bool]:
        """Applies each unit whose every `before` is what is held."""
        kept = []
        for unit in units:
            changes = [(_address(before, after), before, after) for before, after in unit]
            fits = all(self.leases.get(address) == before for address, before, _ in changes)
            kept.append(fits)
            for address, _, after in changes if fits else ():
                if after is None:
                    self.leases.pop(address, None)
                else:
                    self.leases[address] = after
        return kept

    def by_address(self, address: int) -> L | None:
        """As a view."""
        return self.leases.get(address)

    def in_turn(self, order: Iterable[int]) -> Iterator[int]:
        """A sweep's members from where its turn stands, then around; any other order as it is."""
        swept: Any = order
        if not isinstance(swept, self._sweep):
            return iter(order)
        turn, step = self.turns.setdefault(swept, swept.first), self._step(swept)
        return chain(range(turn, swept.last + 1, step), range(swept.first, turn, step))

    def first_free(
        self, order: Iterable[int], now: int, busy: Container[int] = (), spans: Sequence[tuple[int, int]] = ()
    ) -> int | None:
        """As a view."""
        for address in self.in_turn(order):
            lease = self.leases.get(address)
            gone = address not in busy and (lease is None or lease.expired(now))
            if gone and not self.in_the_way(order, address, now, spans):
                return address
        return None

    def in_the_way(self, _order: Iterable[int], _address: int, _now: int, _spans: Sequence[tuple[int, int]]) -> bool:
        """Whether what lies around an address, or in it, is why it is not free."""
        return False

    def handed_out(self, address: int) -> None:
        """As a view."""
        for order in self.turns:
            if address in order:
                self.turns[order] = address + self._step(order) if address < order.last else order.first


class Keyhole(Generic[K]):
    """What was loaded of a store: asking for anything else raises NotLoaded with the keys to load.

    `named` gives the leases that a key names, where it is not an address.
    """

    CHUNK_MAX = 64  # candidates loaded at once, at most: chunks double up to this

    def __init__(
        self, store: PlainStore[Any, Any], named: Callable[[K], Iterable[AnyLease]], keys: Iterable[K]
    ) -> None:
        self.known: set[tuple[Any, ...]] = set()
        self._plain = store
        self._named = named
        self._chunk = 1
        self.load(keys)

    def load(self, keys: Iterable[K]) -> None:
        """Learns keys, and with them the addresses of the leases found."""
        for key in keys:
            self.known.add(key)
            if key[0] != "address":
                self.known.update(("address", lease.address) for lease in self._named(key))

    def first_free(
        self, order: Iterable[int], now: int, busy: Container[int] = (), spans: Sequence[tuple[int, int]] = ()
    ) -> int | None:
        """As a view; candidates are loaded in chunks that double."""
        missing: list[Any] = []
        for address in self._plain.in_turn(order):
            if address in busy:
                continue
            if ("address", address) not in self.known:
                missing.append(("address", address))
                if len(missing) >= self._chunk:
                    break
                continue
            lease = self._plain.by_address(address)
            gone = not missing and (lease is None or lease.expired(now))
            if gone and not self._plain.in_the_way(order, address, now, spans):
                return address
        if missing:
            self._chunk = min(self._chunk * 2, self.CHUNK_MAX)
            raise NotLoaded(*missing)
        return None

    def handed_out(self, address: int) -> None:
        """As a view."""
        self._plain.handed_out(address)

    def _need(self, key: Any) -> None:
        if key not in self.known:
            raise NotLoaded(key)


def _address(before: AnyLease | None, after: AnyLease | None) -> int:
    lease = after if after is not None else before
    assert lease is not None, "a change has a lease before or after it"
    return lease.address
