"""When leases end: entries in buckets of one second, moved only when their second has come.

A renewal does not touch the buckets. The entry stays where it is, and when its second comes and the lease lives
longer, it moves on; so a lease has at least one entry, in a bucket not later than its end. This module does not know
leases: it asks `end_of` when an address's lease ends, and is told of every change.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final, Protocol

from sortedcontainers import SortedDict

__all__ = ["Addresses6", "Bucket", "Expiry", "addresses4"]

_SPARE: Final = 4096  # entries beyond two per lease before they are tidied
_TIDY_STEPS: Final = (
    16  # entries looked at for each one added beyond that; half of them are superfluous, so it suffices
)
NEVER: Final = 1 << 62  # seconds


class Bucket(Protocol):
    """Addresses in no particular order, packed: a million of them are nothing the garbage collector has to look at."""

    def append(self, address: int, /) -> None:
        """One more."""
        ...

    def pop(self) -> int:
        """Takes out the last one."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, at: int, /) -> int: ...

    def __setitem__(self, at: int, address: int, /) -> None: ...


def addresses4() -> array[int]:
    """A bucket of IPv4 addresses."""
    return array("I")


class Addresses6:
    """A bucket of IPv6 addresses: 16 octets each."""

    __slots__ = ("_octets",)

    def __init__(self, addresses: Iterable[int] = ()) -> None:
        self._octets = bytearray().join([address.to_bytes(16, "big") for address in addresses])

    def append(self, address: int, /) -> None:
        """One more."""
        self._octets += address.to_bytes(16, "big")

    def pop(self) -> int:
        """Takes out the last one."""
        address = int.from_bytes(self._octets[-16:], "big")
        del self._octets[-16:]
        return address

    def __len__(self) -> int:
        return len(self._octets) >> 4

    def __getitem__(self, at: int, /) -> int:
        if at >= len(self):
            raise IndexError(at)
        return int.from_bytes(self._octets[at << 4 : (at << 4) + 16], "big")

    def __setitem__(self, at: int, address: int, /) -> None:
        self._octets[at << 4 : (at << 4) + 16] = address.to_bytes(16, "big")


class Expiry:
    """Ends of leases. `waiting` holds entries until their second comes; `due` is exactly what has ended since."""

    def __init__(self, end_of: Callable[[int], int | None], new_bucket: Callable[[], Bucket] = addresses4) -> None:
        self._end_of = end_of
        self._new_bucket = new_bucket
        self._waiting: dict[int, Bucket] = {}
        self._seconds: list[int] = []  # of `waiting`, a heap
        self._due: SortedDict[int, set[int]] = SortedDict()
        self._live = 0
        self._entries = 0  # in `waiting`
        self._round: Iterator[int] = iter(())
        self._second = 0
        self._at = 0
        self._seen: set[int] = set()

    def changed(self, address: int, old: int | None, new: int | None) -> bool:
        """A lease that ended at `old` now ends at `new`; None where it had or has no end, or is no more.

        Returns whether it was due.
        """
        if old is not None and new is not None and new >= old and old not in self._due:
            return False  # a renewal, as most changes are: the entry stays where it is
        was_due = False
        if old is not None:
            self._live -= 1
            due = self._due.get(old)
            if due is not None and address in due:
                due.remove(address)
                if not due:
                    del self._due[old]
                old = None
                was_due = True
        if new is not None:
            self._live += 1
            if old is None or new < old:
                self._entries += 1
                self._put(address, new)
                if self._entries > 2 * self._live + _SPARE:
                    self._tidy(_TIDY_STEPS)
        return was_due

    def begin(self, waiting: dict[int, Bucket]) -> None:
        """Takes over the ends of leases that were just read: addresses by second, each once."""
        assert not self._live, "only an empty one begins"
        self._waiting = waiting
        self._seconds = sorted(waiting)  # which is a heap
        self._live = self._entries = sum(map(len, waiting.values()))

    def _put(self, address: int, second: int) -> None:
        try:
            self._waiting[second].append(address)
        except KeyError:
            bucket = self._waiting[second] = self._new_bucket()
            bucket.append(address)
            heappush(self._seconds, second)

    def advance(self, before: int, steps: int) -> list[int] | None:
        """Looks at up to `steps` entries of seconds before `before`; which addresses are now due. None: all is done."""
        if not self._seconds or self._seconds[0] >= before:
            return None
        moved = []
        while steps and self._seconds and self._seconds[0] < before:
            second = self._seconds[0]
            bucket = self._waiting[second]
            while bucket and steps:
                steps -= 1
                address = bucket.pop()
                end = self._end_of(address)
                if end is not None and end > second:
                    self._put(address, end)
                    continue
                self._entries -= 1
                if end == second:
                    due = self._due.setdefault(second, set())
                    if address not in due:
                        due.add(address)
                        moved.append(address)
            if not bucket:
                heappop(self._seconds)
                del self._waiting[second]
        return moved

    @property
    def next_end(self) -> int:
        """No lease that is not due ends before this second; far away where none ends at all."""
        return self._seconds[0] if self._seconds else NEVER

    def due(self, before: int) -> Iterator[int]:
        """Addresses whose leases ended before `before`, earliest first, among those that `advance` has moved."""
        for second, addresses in self._due.items():
            if second >= before:
                return
            yield from sorted(addresses)

    def _tidy(self, steps: int) -> None:
        """Takes out entries that are not needed: a client that takes and gives back an address leaves one each time."""
        for _ in range(steps):
            bucket = self._waiting.get(self._second)
            if bucket is None or self._at >= len(bucket):
                self._at = 0
                self._seen.clear()
                second = next(self._round, None)
                if second is None:
                    self._round = iter(list(self._waiting))
                else:
                    self._second = second
                continue
            address = bucket[self._at]
            end = self._end_of(address)
            if end == self._second and address not in self._seen:
                self._seen.add(address)
                self._at += 1
                continue
            last = bucket.pop()
            if self._at < len(bucket):
                bucket[self._at] = last
            if end is not None and end > self._second:
                self._put(address, end)
            else:
                self._entries -= 1

    def check(self, ends: dict[int, int]) -> None:
        """Raises AssertionError where an invariant does not hold; `ends` is every lease's end."""
        assert self._live == len(ends), "leases with an end are counted"
        assert self._entries == sum(map(len, self._waiting.values())), "entries are counted"
        assert sorted(self._seconds) == sorted(self._waiting), "the heap holds the seconds that have a bucket"
        earliest: dict[int, int] = {}
        for second in sorted(self._waiting, reverse=True):
            bucket = self._waiting[second]
            earliest.update(dict.fromkeys([bucket[at] for at in range(len(bucket))], second))
        due = {address: second for second, addresses in self._due.items() for address in addresses}
        assert sum(map(len, self._due.values())) == len(due), "a lease is due once"
        assert all(self._due.values()), "a second without due leases is forgotten"
        for address, second in due.items():
            assert ends.get(address) == second, "what is due has ended then"
        for address, end in ends.items():
            assert address in due or earliest.get(address, end + 1) <= end, "every lease has an entry not after its end"
