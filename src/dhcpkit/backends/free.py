"""Which addresses nobody holds, found without walking over those that somebody does.

One octet per address, in blocks that exist only where there are leases: 1 is taken, 0 is free. A search is `memchr`
over the blocks of a range (0.1 ms for a million addresses of which none is free, and then it is known to be full), so
there is nothing that has to be learnt about a range first, no queue that could grow, and every range sees what any
other has taken.

Each range also has a turn: the address its next sweep starts from. This module does not know leases or time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.view import Sweep

__all__ = ["BLOCK", "FreeAddresses"]

_SHIFT: Final = 12
BLOCK: Final = 1 << _SHIFT  # addresses; smaller ones are more steps in a large range, larger ones memory for a small
_MASK: Final = BLOCK - 1
_WIDE: Final = 1 << 24  # a range of more addresses is not listed under its blocks: there would be too many
_TURNS_MAX: Final = 65_536  # ranges; more than pools in any configuration, but not those of all there ever were


class _Turn:
    """The address that a range's next sweep starts from, and whether there is known to be no free one at all."""

    __slots__ = ("first", "full", "last", "start")

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self.start = first
        self.full = False


class FreeAddresses:
    """Taken and free addresses, and the turn of each range that was asked for."""

    __slots__ = ("_blocks", "_keys", "_turns", "_turns_at", "_wide")

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._keys: list[int] = []  # of the blocks, in order
        self._turns: dict[tuple[int, int], _Turn] = {}
        self._turns_at: dict[int, list[_Turn]] = {}  # by block
        self._wide: list[_Turn] = []

    def take(self, address: int, _lease: Lease4 | None = None) -> None:
        """Somebody holds it."""
        try:
            self._blocks[address >> _SHIFT][address & _MASK] = 1
        except KeyError:
            self._open(address >> _SHIFT)[address & _MASK] = 1

    def take_all(self, addresses: Iterable[int]) -> None:
        """Somebody holds each of them."""
        blocks = self._blocks
        for address in addresses:
            try:
                blocks[address >> _SHIFT][address & _MASK] = 1
            except KeyError:
                self._open(address >> _SHIFT)[address & _MASK] = 1

    def give(self, address: int, _lease: Lease4 | None = None) -> None:
        """Nobody holds it."""
        try:
            self._blocks[address >> _SHIFT][address & _MASK] = 0
        except KeyError:  # its block is wanted nonetheless: an address may have a lease that does not bind
            self._open(address >> _SHIFT)
        for turn in self._turns_at.get(address >> _SHIFT, ()):
            turn.full = False
        for turn in self._wide:
            turn.full = False

    remove = give  # what matters is that nobody holds it

    def _open(self, key: int) -> bytearray:
        block = self._blocks[key] = bytearray(BLOCK)
        insort(self._keys, key)
        return block

    def taken(self, address: int) -> bool:
        """Whether somebody holds it."""
        block = self._blocks.get(address >> _SHIFT)
        return block is not None and block[address & _MASK] == 1

    def block_from(self, address: int, rows: Container[int], most: int) -> tuple[list[int], int] | None:
        """Which of the next addresses are in `rows`: at most so many, and where to go on. None at the end."""
        index = bisect_left(self._keys, address >> _SHIFT)
        if index == len(self._keys):
            return None
        start = self._keys[index] << _SHIFT
        some = range(max(start, address), start + BLOCK)[:most]
        return [a for a in some if a in rows], some.stop

    def first(self, order: Sweep) -> int | None:
        """The first free address of a range from its turn on, if the turn's own block has one: nearly always."""
        turn = self._turns.get((order.first, order.last)) or self._learn(order.first, order.last)
        start = turn.start
        block = self._blocks.get(start >> _SHIFT)
        if block is None:
            return start
        at = block.find(0, start & _MASK)
        address = (start & ~_MASK) + at
        return address if at >= 0 and address <= turn.last else None

    def sweep(self, order: Sweep, _spans: Sequence[tuple[int, int]] = ()) -> Iterator[int]:
        """The free addresses of a range, from its turn on and then around. Nothing may be taken or given meanwhile.

        There are no prefixes in DHCPv4 that could lie in each other's way.
        """
        first, last = order.first, order.last
        turn = self._turns.get((first, last)) or self._learn(first, last)
        if turn.full:
            return
        start = turn.start
        address = None
        for address in self._walk(start, last):
            yield address
        for address in self._walk(first, start - 1):
            yield address
        turn.full = address is None

    def _walk(self, low: int, high: int) -> Iterator[int]:
        blocks = self._blocks
        while low <= high:
            key = low >> _SHIFT
            base = key << _SHIFT
            stop = min(high - base + 1, BLOCK)
            block = blocks.get(key)
            if block is None:
                yield from range(low, base + stop)
            else:
                at = block.find(0, low - base, stop)
                while at >= 0:
                    yield base + at
                    at = block.find(0, at + 1, stop)
            low = base + BLOCK

    def _learn(self, first: int, last: int) -> _Turn:
        if len(self._turns) >= _TURNS_MAX:  # forgetting a turn is harmless: its range starts from the front again
            self._turns.clear()
            self._turns_at.clear()
            self._wide.clear()
        turn = self._turns[first, last] = _Turn(first, last)
        if last - first >= _WIDE:
            self._wide.append(turn)
        else:
            for key in range(first >> _SHIFT, (last >> _SHIFT) + 1):
                self._turns_at.setdefault(key, []).append(turn)
        return turn

    def count(self, first: int, last: int) -> int:
        """How many addresses of a range somebody holds: 0.1 ms for 100,000."""
        found = 0
        for key in self._keys[bisect_left(self._keys, first >> _SHIFT) : bisect_left(self._keys, (last >> _SHIFT) + 1)]:
            base = key << _SHIFT
            found += self._blocks[key].count(1, max(first - base, 0), min(last - base + 1, BLOCK))
        return found

    def handed_out(self, address: int) -> None:
        """The next sweep over each range that holds the address starts behind it."""
        for turn in self._turns_at.get(address >> _SHIFT, ()):
            if turn.first <= address <= turn.last:
                turn.start = address + 1 if address < turn.last else turn.first
        for turn in self._wide:
            if turn.first <= address <= turn.last:
                turn.start = address + 1 if address < turn.last else turn.first

    def check(self, leases: Mapping[int, bytes]) -> None:
        """Raises AssertionError where an invariant does not hold; `leases` has every address with a lease."""
        assert all(address >> _SHIFT in self._blocks for address in leases), "there is a block for every lease"
        assert self._keys == sorted(self._blocks), "the keys are those of the blocks, in order"
        for block in self._blocks.values():
            assert len(block) == BLOCK, "every block is whole"
            assert not block.strip(b"\0\1"), "an address is taken or free"
        for (first, last), turn in self._turns.items():
            assert (turn.first, turn.last) == (first, last), "a turn is filed under its own range"
            assert first <= turn.start <= last, "a turn is inside its range"
            assert not turn.full or next(self._walk(first, last), None) is None, "a full range has no free address"
