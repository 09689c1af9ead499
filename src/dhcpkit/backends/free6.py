"""Which addresses and prefixes nobody holds, in ranges that may be larger than anybody could walk.

What is held is a list in order (`ordered.py`) for each step: addresses in one, prefixes of one length in another. What
is free is a gap in the list of the step that is asked for; that there is none is known for each range until something
in it is given back. A lease whose address stands for nobody any more is in a second list, for those who walk over all.

Each range also has a turn: the address its next sweep starts from. Ranges are found by what all their addresses begin
with. A range of prefixes in which one of another length is held (its configuration cuts it otherwise than it did) is
`mixed`: only there it is looked what lies in, or around, each one that seems free. This module does not know time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Final

from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view6 import Span6, Sweep6
from dhcpkit.backends.ordered import Ordered

__all__ = ["FreeAddresses6", "shift_of"]

_TRIED_MAX: Final = 4096  # prefixes looked at in one search of a mixed range: about 10 ms, and the next goes on there
_LOOKED_AT: Final = 16  # numbers read at a time by those who want the first few
_TURNS_MAX: Final = 65_536  # ranges; more than pools in any configuration, but not those of all there ever were
_LEVEL_BITS: Final = 4  # the lengths of what addresses begin with are rounded to these: few lengths to look at
_ADDRESS_BITS: Final = 128
_PD: Final = LeaseType.IA_PD.value


def shift_of(address: int, kind: int, prefix_len: int) -> int:
    """The step in which a lease's address is counted: that of its length for a prefix, 0 for what is none."""
    if kind != _PD or not 0 < prefix_len < _ADDRESS_BITS:
        return 0
    shift = _ADDRESS_BITS - prefix_len
    return 0 if address & (1 << shift) - 1 else shift  # a prefix with host bits set, which Kea keeps


class _Turn:
    """The address that a range's next sweep starts from, and whether there is known to be no free one at all."""

    __slots__ = ("first", "full", "last", "mixed", "prefixes", "shift", "start")

    def __init__(self, first: int, last: int, shift: int, *, prefixes: bool) -> None:
        self.first = first
        self.last = first + (last - first >> shift << shift)  # of the step's addresses
        self.shift = shift
        self.start = first
        self.full = False
        self.prefixes = prefixes and not first & (1 << shift) - 1
        self.mixed = False  # prefixes of other lengths may be held that have to do with these

    @property
    def end(self) -> int:
        """The last address of all."""
        return self.last | (1 << self.shift) - 1

    def advance(self, address: int) -> None:
        """The next sweep starts behind this address, if the range holds it."""
        if self.first <= address <= self.last and not address - self.first & (1 << self.shift) - 1:
            self.start = address + (1 << self.shift) if address < self.last else self.first


class FreeAddresses6:
    """What is held, and the turn of each range that was asked for. An address is in one list at most.

    A lease whose length is not that of the range's prefixes is not in the range's list: whoever asks looks whether
    there is one at what is found here.
    """

    __slots__ = ("_by_first", "_firsts", "_idle", "_levels", "_only", "_singles", "_taken", "_turns")

    def __init__(self) -> None:
        self._singles = Ordered()  # of what is held in steps of one: prefixes
        self._only: int | None = None  # the step of all ranges of prefixes, where they have one
        self._firsts: list[int] = []  # where ranges of prefixes begin, in order
        self._by_first: dict[int, list[_Turn]] = {}
        self._taken: defaultdict[int, Ordered] = defaultdict(Ordered)  # by shift
        self._idle: defaultdict[int, Ordered] = defaultdict(Ordered)
        self._turns: dict[tuple[int, int, int, bool], _Turn] = {}
        self._levels: dict[int, dict[int, list[_Turn]]] = {}  # by how many low bits differ within a range, and the rest

    def take(self, address: int, lease: Lease6) -> None:
        """Somebody holds it who did not."""
        for shift, idle in self._idle.items():
            if idle and not address & (1 << shift) - 1:
                idle.discard(address >> shift)
        shift = shift_of(address, lease.type, lease.prefix_len)
        self._taken[shift].add(address >> shift)
        if lease.type == _PD and (shift != self._only or not shift):
            if not shift:
                self._singles.add(address)
            for turn in self._around(address, shift):
                turn.mixed = turn.mixed or turn.shift != shift

    def give(self, address: int, lease: Lease6 | None = None) -> None:
        """Nobody holds it, but a lease is there. `lease` is given where there may have been none."""
        for shift, taken in self._taken.items():
            if not address & (1 << shift) - 1 and taken.discard(address >> shift):
                self._idle[shift].add(address >> shift)
                if not shift and self._singles:
                    self._singles.discard(address)
                break
        else:
            assert lease is not None, "what was not held has a lease now"
            shift = shift_of(address, lease.type, lease.prefix_len)
            if not any(address >> s in idle for s, idle in self._idle.items() if not address & (1 << s) - 1):
                self._idle[shift].add(address >> shift)
        self._not_full(address, shift)

    def remove(self, address: int) -> None:
        """No lease is there any more."""
        for lists in (self._taken, self._idle):
            for shift, units in lists.items():
                if not address & (1 << shift) - 1 and units.discard(address >> shift):
                    if not shift and self._singles:
                        self._singles.discard(address)
                    self._not_full(address, shift)
                    return

    def begin(self, taken: dict[int, list[int]], idle: dict[int, list[int]], singles: Iterable[int] = ()) -> None:
        """Takes over the addresses of leases that were just read, by their shift; `singles` are prefixes in step 0."""
        self._singles = Ordered(sorted(singles))
        for into, found in ((self._taken, taken), (self._idle, idle)):
            for shift, addresses in found.items():
                addresses.sort()
                into[shift] = Ordered([address >> shift for address in addresses] if shift else addresses)

    def taken(self, address: int) -> bool:
        """Whether somebody holds it."""
        return any(address >> s in units for s, units in self._taken.items() if not address & (1 << s) - 1)

    def block_from(self, address: int, _rows: Container[int], most: int) -> tuple[list[int], int] | None:
        """The next addresses with a lease from this one on, at most so many, and where to go on; None at the end."""
        each = [
            [unit << shift for unit in units.some_from(address + (1 << shift) - 1 >> shift, most)]
            for lists in (self._taken, self._idle)
            for shift, units in lists.items()
        ]
        found = list(islice(merge(*each), most))
        return (found, found[-1] + 1) if found else None

    # Ranges.

    def first(self, order: Sweep6) -> int | None:
        """Where the range's turn stands, which nobody may hold: nearly always so. None where nothing is free."""
        turn = self._turn(order)
        return None if turn.full or turn.mixed else turn.start

    def sweep(self, order: Sweep6, spans: Sequence[Span6] = ()) -> Iterator[int]:
        """What nobody holds of a range, from its turn on and then around. Nothing may be taken or given meanwhile.

        Of prefixes, none overlaps one of another length that is held, nor one of `spans`.
        """
        turn = self._turn(order)
        if turn.full:
            return
        if turn.mixed or (spans and turn.prefixes):
            yield from self._apart(turn, spans)
            return
        first, shift = turn.first, turn.shift
        offset = first & (1 << shift) - 1
        units = self._taken.get(shift) if not offset else None  # leases are where steps from 0 lead to
        if units is None:
            units = _NOTHING
        start = turn.start
        address = None
        for low, high in ((start, turn.last), (first, start - 1)):
            for unit in units.gaps(low >> shift, high >> shift if high >= first else -1):
                address = (unit << shift) + offset
                if address > high:
                    break
                yield address
        turn.full = address is None

    def _apart(self, turn: _Turn, spans: Sequence[Span6]) -> Iterator[int]:
        """`sweep` where prefixes of other lengths are about."""
        others = self._others(turn.shift)
        if not self._meet(others, turn.first, turn.end):
            turn.mixed = False
        shift, units = turn.shift, self._taken.get(turn.shift, _NOTHING)
        found, tried = False, 0
        for low, high in ((turn.start, turn.last), (turn.first, turn.start - 1)):
            at = low
            while at <= high:
                unit = next(units.gaps(at >> shift, high >> shift), None)
                if unit is None:
                    break
                address = unit << shift
                end = _in_the_way(others, spans, address, address | (1 << shift) - 1)
                if end is None:
                    found = True
                    yield address
                    at = address + (1 << shift)
                    continue
                at = (end | (1 << shift) - 1) + 1
                tried += 1
                if tried == _TRIED_MAX:
                    turn.start = at if at <= turn.last else turn.first
                    return
        turn.full = not found and not spans

    def _others(self, shift: int) -> list[tuple[int, Ordered]]:
        """What is held of prefixes of other lengths, by their steps."""
        found = [(step, units) for step, units in self._taken.items() if step and step != shift and units]
        return [*found, (0, self._singles)] if shift and self._singles else found

    @staticmethod
    def _meet(others: Iterable[tuple[int, Ordered]], first: int, last: int) -> bool:
        """Whether any of these has to do with a range."""
        return any(
            each and each[0] <= last >> step for step, units in others for each in [units.some_from(first >> step, 1)]
        )

    def overlapping(self, address: int, prefix_len: int) -> Iterator[int]:
        """The first addresses of held prefixes of other lengths that contain this one, or lie in it."""
        shift = _ADDRESS_BITS - prefix_len
        last = address | (1 << shift) - 1
        for step, units in self._others(shift):
            unit = address >> step
            while some := units.some_from(unit, _LOOKED_AT):
                for unit in some:
                    if unit > last >> step:
                        break
                    yield unit << step
                else:
                    unit = some[-1] + 1
                    continue
                break

    def count(self, order: Sweep6) -> int:
        """How many of a range are held."""
        if order.first & (1 << order.shift) - 1:
            return 0
        units = self._taken.get(order.shift)
        return units.count(order.first >> order.shift, order.last >> order.shift) if units is not None else 0

    def handed_out(self, address: int) -> None:
        """The next sweep over each range that holds the address starts behind it."""
        for bits, turns in self._levels.items():
            for turn in turns.get(address >> bits, ()):
                turn.advance(address)

    def _turn(self, order: Sweep6) -> _Turn:
        return self._turns.get((order.first, order.last, order.shift, order.prefixes)) or self._learn(order)

    def _learn(self, order: Sweep6) -> _Turn:
        if len(self._turns) >= _TURNS_MAX:  # forgetting a turn is harmless: its range starts from the front again
            self._turns.clear()
            self._levels.clear()
            self._firsts.clear()
            self._by_first.clear()
        turn = _Turn(order.first, order.last, order.shift, prefixes=order.prefixes)
        self._turns[order.first, order.last, order.shift, order.prefixes] = turn
        if turn.prefixes:
            self._only = order.shift if not self._firsts or self._only == order.shift else None
            turn.mixed = self._meet(self._others(turn.shift), turn.first, turn.end)
            if turn.first not in self._by_first:
                insort(self._firsts, turn.first)
            self._by_first.setdefault(turn.first, []).append(turn)
        differ = (order.first ^ turn.end).bit_length()
        bits = -(-differ // _LEVEL_BITS) * _LEVEL_BITS
        self._levels.setdefault(bits, {}).setdefault(order.first >> bits, []).append(turn)
        return turn

    def _not_full(self, address: int, shift: int) -> None:
        for bits, turns in self._levels.items():
            for turn in turns.get(address >> bits, ()):
                turn.full = False
        if shift and shift != self._only:
            for turn in self._around(address, shift):
                turn.full = False

    def _around(self, address: int, shift: int) -> Iterator[_Turn]:
        """The ranges of prefixes that have to do with one: all that hold its address, and all that begin in it."""
        for bits, turns in self._levels.items():
            for turn in turns.get(address >> bits, ()):
                if turn.prefixes and turn.first <= address <= turn.end:
                    yield turn
        last = address | (1 << shift) - 1
        at = bisect_left(self._firsts, address)
        while at < len(self._firsts) and self._firsts[at] <= last:
            yield from self._by_first[self._firsts[at]]
            at += 1

    def check(self, leases: Mapping[int, bytes]) -> None:
        """Raises AssertionError where an invariant does not hold; `leases` has every address with a lease."""
        listed: list[int] = []
        for lists in (self._taken, self._idle):
            for shift, units in lists.items():
                units.check()
                listed += [unit << shift for unit in units.some_from(0, len(units))]
        assert sorted(listed) == sorted(leases), "every lease is in one list"
        assert all(address in self._taken[0] for address in self._singles.some_from(0, len(self._singles)))
        for (first, last, shift, _), turn in self._turns.items():
            assert (turn.first, turn.shift) == (first, shift), "a turn is filed under its own range"
            assert first <= turn.start <= turn.last <= last < turn.last + (1 << shift), "a turn is inside its range"
            assert not turn.start - first & (1 << shift) - 1, "a turn is at a step"
            strange = turn.prefixes and self._meet(self._others(shift), turn.first, turn.end)
            assert turn.mixed or not strange, "a range is mixed where prefixes of other lengths are held"
            assert not turn.full or not self._free(turn), "a full range has no free address"

    def _free(self, turn: _Turn) -> bool:
        if turn.mixed:
            others, step = self._others(turn.shift), 1 << turn.shift
            gaps = self._taken.get(turn.shift, _NOTHING).gaps(turn.first >> turn.shift, turn.last >> turn.shift)
            return any(
                _in_the_way(others, (), unit << turn.shift, (unit << turn.shift) + step - 1) is None for unit in gaps
            )
        units = self._taken.get(turn.shift)
        if units is None or turn.first & (1 << turn.shift) - 1:
            return True
        return next(units.gaps(turn.first >> turn.shift, turn.last >> turn.shift), None) is not None


def _in_the_way(others: Iterable[tuple[int, Ordered]], spans: Iterable[Span6], first: int, last: int) -> int | None:
    """Up to where nothing can be given for what overlaps a prefix; None where nothing does."""
    for step, units in others:
        some = units.some_from(first >> step, 1)
        if some and some[0] <= last >> step:
            return last | (1 << step) - 1
    for low, high in spans:
        if low <= last and first <= high:
            return max(last, high)
    return None


_NOTHING: Final = Ordered()
