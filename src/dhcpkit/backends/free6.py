"""Which addresses and prefixes nobody holds, in ranges that may be larger than anybody could walk.

What is held is a list in order (`ordered.py`) for each step: addresses in one, prefixes of one length in another. What
is free is a gap in the list of the step that is asked for; that there is none is known for each range until something
in it is given back. A lease whose address stands for nobody any more is in a second list, for those who walk over all.

Each range also has a turn: the address its next sweep starts from. Ranges are found by what all their addresses begin
with. This module does not know time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from heapq import merge
from itertools import islice
from typing import Final

from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view6 import Sweep6
from dhcpkit.backends.ordered import Ordered

__all__ = ["FreeAddresses6", "shift_of"]

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

    __slots__ = ("first", "full", "last", "shift", "start")

    def __init__(self, first: int, last: int, shift: int) -> None:
        self.first = first
        self.last = first + (last - first >> shift << shift)  # of the step's addresses
        self.shift = shift
        self.start = first
        self.full = False

    def advance(self, address: int) -> None:
        """The next sweep starts behind this address, if the range holds it."""
        if self.first <= address <= self.last and not address - self.first & (1 << self.shift) - 1:
            self.start = address + (1 << self.shift) if address < self.last else self.first


class FreeAddresses6:
    """What is held, and the turn of each range that was asked for. An address is in one list at most.

    A lease whose length is not that of the range's prefixes is not in the range's list: whoever asks looks whether
    there is one at what is found here.
    """

    __slots__ = ("_idle", "_levels", "_taken", "_turns")

    def __init__(self) -> None:
        self._taken: defaultdict[int, Ordered] = defaultdict(Ordered)  # by shift
        self._idle: defaultdict[int, Ordered] = defaultdict(Ordered)
        self._turns: dict[tuple[int, int, int], _Turn] = {}
        self._levels: dict[int, dict[int, list[_Turn]]] = {}  # by how many low bits differ within a range, and the rest

    def take(self, address: int, lease: Lease6) -> None:
        """Somebody holds it who did not."""
        for shift, idle in self._idle.items():
            if idle and not address & (1 << shift) - 1:
                idle.discard(address >> shift)
        shift = shift_of(address, lease.type, lease.prefix_len)
        self._taken[shift].add(address >> shift)

    def give(self, address: int, lease: Lease6 | None = None) -> None:
        """Nobody holds it, but a lease is there. `lease` is given where there may have been none."""
        for shift, taken in self._taken.items():
            if not address & (1 << shift) - 1 and taken.discard(address >> shift):
                self._idle[shift].add(address >> shift)
                break
        else:
            assert lease is not None, "what was not held has a lease now"
            shift = shift_of(address, lease.type, lease.prefix_len)
            if not any(address >> s in idle for s, idle in self._idle.items() if not address & (1 << s) - 1):
                self._idle[shift].add(address >> shift)
        self._not_full(address)

    def remove(self, address: int) -> None:
        """No lease is there any more."""
        for lists in (self._taken, self._idle):
            for shift, units in lists.items():
                if not address & (1 << shift) - 1 and units.discard(address >> shift):
                    self._not_full(address)
                    return

    def begin(self, taken: dict[int, list[int]], idle: dict[int, list[int]]) -> None:
        """Takes over the addresses of leases that were just read, by their shift."""
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
        return None if turn.full else turn.start

    def sweep(self, order: Sweep6) -> Iterator[int]:
        """What nobody holds of a range, from its turn on and then around. Nothing may be taken or given meanwhile."""
        turn = self._turn(order)
        if turn.full:
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
        return self._turns.get((order.first, order.last, order.shift)) or self._learn(order)

    def _learn(self, order: Sweep6) -> _Turn:
        if len(self._turns) >= _TURNS_MAX:  # forgetting a turn is harmless: its range starts from the front again
            self._turns.clear()
            self._levels.clear()
        turn = _Turn(order.first, order.last, order.shift)
        self._turns[order.first, order.last, order.shift] = turn
        differ = (order.first ^ order.last).bit_length()
        bits = -(-differ // _LEVEL_BITS) * _LEVEL_BITS
        self._levels.setdefault(bits, {}).setdefault(order.first >> bits, []).append(turn)
        return turn

    def _not_full(self, address: int) -> None:
        for bits, turns in self._levels.items():
            for turn in turns.get(address >> bits, ()):
                turn.full = False

    def check(self, leases: Mapping[int, bytes]) -> None:
        """Raises AssertionError where an invariant does not hold; `leases` has every address with a lease."""
        listed: list[int] = []
        for lists in (self._taken, self._idle):
            for shift, units in lists.items():
                units.check()
                listed += [unit << shift for unit in units.some_from(0, len(units))]
        assert sorted(listed) == sorted(leases), "every lease is in one list"
        for (first, last, shift), turn in self._turns.items():
            assert (turn.first, turn.shift) == (first, shift), "a turn is filed under its own range"
            assert first <= turn.start <= turn.last <= last < turn.last + (1 << shift), "a turn is inside its range"
            assert not turn.start - first & (1 << shift) - 1, "a turn is at a step"
            assert not turn.full or not self._free(turn), "a full range has no free address"

    def _free(self, turn: _Turn) -> bool:
        units = self._taken.get(turn.shift)
        if units is None or turn.first & (1 << turn.shift) - 1:
            return True
        return next(units.gaps(turn.first >> turn.shift, turn.last >> turn.shift), None) is not None


_NOTHING: Final = Ordered()
