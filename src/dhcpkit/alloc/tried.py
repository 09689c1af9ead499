"""Which addresses an allocator passed over before the one it chose, and why. For people who ask (`explain`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

__all__ = ["tried"]

TOLD_MAX: Final = 16  # a pool may have a million that are taken, and nobody reads on after the first few
WALKED_MAX: Final = 4096  # the free ones behind them: a sweep may have begun further on


def tried(order: Iterable[int], chosen: int | None, why_not: Callable[[int], str]) -> Iterator[tuple[int, str]]:
    """Addresses of an order before the chosen one that nobody could be given, each with the reason; the first few."""
    told = 0
    for address in islice(order, WALKED_MAX):
        if address == chosen or told == TOLD_MAX:
            return
        because = why_not(address)
        if because:
            told += 1
            yield address, because
