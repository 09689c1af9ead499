"""Allocators of DHCPv6: in which order a pool's addresses or prefixes are tried. They never look whether one is free.

A pool may hold 2**64 of them and more, so nothing here ever walks one: what a view's free lists can answer is left to
them (`Sweep6`), and the rest is a handful of tries.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Final, Protocol

import attrs

from dhcpkit.alloc.view6 import Sweep6

__all__ = ["ALLOCATORS6", "Allocator6", "Iterative6", "Match", "Queue6", "Random6", "Scatter6", "allocator6"]

TRIES: Final = 32  # random addresses before an order is asked that knows what is free: 2**-32 where half are taken


class Match(enum.Enum):
    """How the length of a pool's prefixes compares with the one a client asked for."""

    EQUAL = "equal"
    SHORTER = "shorter"  # larger prefixes
    LONGER = "longer"  # smaller ones
    ANY = "any"

    def takes(self, length: int, asked: int) -> bool:
        """Whether a length compares so with the one asked for."""
        if self is Match.EQUAL:
            return length == asked
        if self is Match.SHORTER:
            return length < asked
        return self is Match.ANY or length > asked


class Allocator6(Protocol):
    """An order of preference over a pool."""

    def orders(self, sweep: Sweep6, chance: int, /) -> Sequence[Iterable[int]]:
        """Orders to try one after the other, each lazy; `chance` is what randomness is made from."""
        ...


@attrs.frozen
class Scatter6:
    """A few members of a range, at random; the same ones for the same chance."""

    sweep: Sweep6
    chance: int

    def __iter__(self) -> Iterator[int]:
        rng = Random(self.chance)  # its seed came from the caller's source of chance
        sweep, size = self.sweep, self.sweep.size
        for _ in range(TRIES):
            yield sweep.first + (rng.randrange(size) << sweep.shift)

    def __contains__(self, address: object) -> bool:
        return address in self.sweep


@attrs.frozen
class Iterative6:
    """Kea's `iterative`: the one behind the one handed out last, around the pool."""

    def orders(self, sweep: Sweep6, _chance: int) -> Sequence[Iterable[int]]:
        """The pool from the view's turn on."""
        return (sweep,)


@attrs.frozen
class Random6:
    """Kea's `random`: anywhere in the pool, so that nobody can tell from one address where the others are."""

    def orders(self, sweep: Sweep6, chance: int) -> Sequence[Iterable[int]]:
        """A few at random; in a nearly full pool what the view knows to be free."""
        return (Scatter6(sweep, chance), sweep)


@attrs.frozen
class Queue6:
    """Kea's `flq`, for prefixes: from a queue of what is free, so that what was freed last is used again last.

    The view's turn goes around the pool over what is free, and so is such a queue without being kept as one.
    """

    def orders(self, sweep: Sweep6, _chance: int) -> Sequence[Iterable[int]]:
        """What is free, from the view's turn on."""
        return (sweep,)


ALLOCATORS6: Final[Mapping[str, Allocator6]] = {"iterative": Iterative6(), "random": Random6(), "flq": Queue6()}


def allocator6(named: str | Allocator6) -> Allocator6:
    """The allocator of this name (Kea's), or the one given. ValueError where nobody knows the name."""
    if not isinstance(named, str):
        return named
    if named not in ALLOCATORS6:
        raise ValueError(f"there is no allocator {named!r}; known: {', '.join(ALLOCATORS6)}")
    return ALLOCATORS6[named]
