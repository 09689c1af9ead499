"""Allocators: in which order a pool's addresses are tried. They never look whether an address is free.

Passing your own to `Network.with_allocator` is all it takes to try another order. What a view's free lists can answer
(`Sweep`) is left to them, so that a full pool costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from dhcpkit.alloc.network import Pool4

__all__ = ["ALLOCATORS4", "Allocator", "Iterative", "Queue4", "Random4", "Shuffle", "allocator4"]

TRIES: Final = 64  # addresses at random before a view is asked what is free: 2**-64 where half are taken


class Allocator(Protocol):
    """An order of preference over a pool."""

    def candidates(self, pool: Pool4, hwaddr: bytes, client_id: bytes, rng: Random, /) -> Iterable[int]:
        """The pool's addresses, most wanted first. Lazily: a pool may hold millions.

        `rng` gives the same numbers whenever a message is planned again.
        """
        ...


@attrs.frozen
class Shuffle:
    """The addresses from `first` to `last` in an order made of two numbers, none twice; at most `most` of them.

    From `start` on in steps of `step` around the range, which share no factor with its size. Where it ends before the
    range does, the rest is for the view to answer: in a range that is nearly full it knows better what is free.
    """

    first: int
    last: int
    start: int
    step: int
    most: int

    @classmethod
    def of(cls, first: int, last: int, rng: Random, most: int | None = None) -> Shuffle:
        """One by chance. Steps are near no neighbours: few addresses know where the next one is."""
        size = last - first + 1
        step = rng.randrange(size)
        while gcd(step, size) != 1:  # of all numbers below a size at least one in seven has no factor in common
            step = rng.randrange(size)
        return cls(first, last, rng.randrange(size), step, size if most is None else min(size, most))

    def __iter__(self) -> Iterator[int]:
        size, at = self.last - self.first + 1, self.start
        for _ in range(self.most):
            yield self.first + at
            at = (at + self.step) % size

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last


@attrs.frozen
class Iterative:
    """Kea's `iterative`: the address behind the one handed out last, around the pool."""

    def candidates(self, pool: Pool4, _hwaddr: bytes, _client_id: bytes, _rng: Random) -> Iterable[int]:
        """The pool from the view's turn on."""
        return pool.sweep


@attrs.frozen
class Random4:
    """Kea's `random`: anywhere in the pool, so that nobody can tell from one address where the others are."""

    def candidates(self, pool: Pool4, _hwaddr: bytes, _client_id: bytes, rng: Random) -> Iterable[int]:
        """A permutation of the pool, the beginning of one where it is large."""
        return Shuffle.of(pool.first, pool.last, rng, TRIES)


@attrs.frozen
class Queue4:
    """Kea's `flq`: from a queue of what is free, so that what was freed last is used again last.

    The view's turn goes around the pool over what is free, and so is such a queue without being kept as one.
    """

    def candidates(self, pool: Pool4, _hwaddr: bytes, _client_id: bytes, _rng: Random) -> Iterable[int]:
        """What is free, from the view's turn on."""
        return pool.sweep


ALLOCATORS4: Final[Mapping[str, Allocator]] = {"iterative": Iterative(), "random": Random4(), "flq": Queue4()}


def allocator4(named: str | Allocator) -> Allocator:
    """The allocator of this name (Kea's), or the one given. ValueError where nobody knows the name."""
    if not isinstance(named, str):
        return named
    if named not in ALLOCATORS4:
        raise ValueError(f"there is no allocator {named!r}; known: {', '.join(ALLOCATORS4)}")
    return ALLOCATORS4[named]
