"""Whole numbers in order, each once, at 8 octets each: what is next, and where the first gap is.

Numbers have up to 128 bits. They lie in parts: arrays of the lower 64 bits, in order, of a few hundred numbers with the
same upper 64 bits. A part without a gap is recognised by its ends, and where it has one the first is found by halving;
so a search for a gap among a million numbers looks at no more than a thousand of them, and usually at ten. To the
garbage collector a part is one object. This module does not know what the numbers mean.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["Ordered"]

_FULL: Final = 2048  # numbers in a part: inserting moves half of them, a search for a gap passes a million in 0.2 ms
_LOW: Final = (1 << 64) - 1


class Ordered:
    """A set of numbers in order. Numbers with upper bits of their own cost a part of their own, some 180 octets."""

    __slots__ = ("_parts", "_starts")

    def __init__(self, numbers: Sequence[int] = ()) -> None:
        """`numbers` are in order, each once."""
        self._starts: list[int] = []  # of each part: it holds the numbers from here to the start of the next part
        self._parts: list[array[int]] = []
        at = 0
        while at < len(numbers):
            block = numbers[at] & ~_LOW
            end = bisect_right(numbers, block | _LOW, at)
            while at < end:
                some = numbers[at : min(at + _FULL, end)]
                # The first part of a block begins with the block: whatever comes before its numbers finds room in it.
                self._starts.append(some[0] if self._starts and self._starts[-1] >= block else block)
                self._parts.append(array("Q", [number & _LOW for number in some]))
                at += len(some)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __contains__(self, number: int) -> bool:
        k = bisect_right(self._starts, number) - 1
        if k < 0 or (self._starts[k] ^ number) > _LOW:
            return False
        part = self._parts[k]
        low = number & _LOW
        at = bisect_left(part, low)
        return at < len(part) and part[at] == low

    def add(self, number: int) -> None:
        """One more number, which is not there yet."""
        starts = self._starts
        k = bisect_right(starts, number) - 1
        if k < 0 or (starts[k] ^ number) > _LOW:
            starts.insert(k + 1, number & ~_LOW)
            self._parts.insert(k + 1, array("Q", (number & _LOW,)))
            return
        part = self._parts[k]
        low = number & _LOW
        last = k + 1 == len(starts) or (starts[k + 1] ^ number) > _LOW
        if last and len(part) == _FULL and low > part[-1]:
            later = array("Q", (low,))  # what comes in order leaves full parts behind
        else:
            insort(part, low)
            if len(part) <= _FULL:
                return
            later = part[_FULL // 2 :]
            del part[_FULL // 2 :]
        starts.insert(k + 1, number & ~_LOW | later[0])
        self._parts.insert(k + 1, later)

    def discard(self, number: int) -> bool:
        """Takes a number out; whether it was there."""
        k = bisect_right(self._starts, number) - 1
        if k < 0 or (self._starts[k] ^ number) > _LOW:
            return False
        part = self._parts[k]
        low = number & _LOW
        at = bisect_left(part, low)
        if at == len(part) or part[at] != low:
            return False
        del part[at]
        if not part:
            del self._parts[k], self._starts[k]
        return True

    def some_from(self, number: int, most: int) -> list[int]:
        """The next numbers from this one on, in order, at most so many."""
        found: list[int] = []
        k = max(bisect_right(self._starts, number) - 1, 0)
        while k < len(self._parts) and len(found) < most:
            block = self._starts[k] & ~_LOW
            part = self._parts[k]
            at = bisect_left(part, number - block) if number > block else 0
            found += [block | low for low in part[at : at + most - len(found)]]
            k += 1
        return found

    def count(self, first: int, last: int) -> int:
        """How many of the numbers from `first` to `last` are there."""
        starts, parts = self._starts, self._parts
        found = 0
        for k in range(max(bisect_right(starts, first) - 1, 0), bisect_right(starts, last)):
            block, part = starts[k] & ~_LOW, parts[k]
            low = bisect_left(part, first - block) if first > block else 0
            high = bisect_right(part, last - block) if last - block <= _LOW else len(part)
            found += max(high - low, 0)
        return found

    def gaps(self, first: int, last: int) -> Iterator[int]:
        """The numbers from `first` to `last` that are not there, in order. Nothing may change meanwhile."""
        number = first
        while (gap := self._gap(number, last)) is not None:
            stop = min(next(iter(self.some_from(gap, 1)), last + 1), last + 1)
            yield from range(gap, stop)
            number = stop

    def _gap(self, number: int, last: int) -> int | None:
        """The first number from this one on that is not there."""
        starts, parts = self._starts, self._parts
        k = bisect_right(starts, number) - 1
        if k < 0 or (starts[k] ^ number) > _LOW:
            return number if number <= last else None
        part = parts[k]
        at = bisect_left(part, number & _LOW)
        while number <= last:
            if at == len(part) or part[at] != number & _LOW:
                return number
            run = len(part) - at
            if part[-1] - part[at] != run - 1:
                excess = part[at] - at  # what a number is ahead of its place grows with each gap
                number += bisect_right(range(at, len(part)), excess, key=lambda i, p=part: p[i] - i)  # type: ignore[misc]
                return number if number <= last else None
            number += run
            k += 1
            if k == len(parts) or (starts[k] ^ number) > _LOW:
                break
            part = parts[k]
            at = 0
        return number if number <= last else None

    def check(self) -> None:
        """Raises AssertionError where an invariant does not hold."""
        assert self._starts == sorted(set(self._starts)), "parts are in order"
        assert len(self._starts) == len(self._parts), "every part has a start"
        for k, (start, part) in enumerate(zip(self._starts, self._parts, strict=True)):
            assert 0 < len(part) <= _FULL, "a part is neither empty nor large"
            assert list(part) == sorted(set(part)), "a part is in order"
            assert (start & ~_LOW | part[0]) >= start, "a part begins at its start or later"
            block = self._starts[k - 1] & ~_LOW if k else -1
            if start & ~_LOW == block:
                assert self._parts[k - 1][-1] < start & _LOW, "a part ends before the next one starts"
