"""Which addresses belong to an identifier: buckets of octets, a sixth of what a dict would take.

An entry is 32 bits of the identifier's hash and the address, as one number: 8 octets for an IPv4 address, 20 for an
IPv6 address. The hash also picks one of many buckets, a `bytes` of entries that is searched with `find`. At a million
entries a bucket has 15 of them, a look-up takes 0.5 us (a dict 0.4), and nothing ever has to be rebuilt. Two
identifiers with the same 48 bits are not told apart here: whoever asks compares with the lease. This module does not
know leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Final

import attrs

__all__ = ["ENTRY4", "ENTRY6", "EntryForm", "Identifiers"]

_BUCKET_BITS: Final = 16
_BUCKET_MASK: Final = (1 << _BUCKET_BITS) - 1
_PART_BITS: Final = 32
_PART_MASK: Final = (1 << _PART_BITS) - 1


@attrs.frozen(eq=False)
class EntryForm:
    """How many octets an entry has, and how the address in it is read, as a sequence of one."""

    size: int
    read: Callable[[bytes, int], Sequence[int]]


_ADDRESS6: Final = Struct("<QQ")


def _read6(bucket: bytes, at: int) -> Sequence[int]:
    low, high = _ADDRESS6.unpack_from(bucket, at)
    return (high << 64 | low,)


ENTRY4: Final = EntryForm(8, Struct("<I").unpack_from)
ENTRY6: Final = EntryForm(20, _read6)


class Identifiers:
    """Addresses by identifier. An address is added once for an identifier."""

    __slots__ = ("_buckets", "_read", "_size")

    def __init__(self, form: EntryForm = ENTRY4) -> None:
        self._buckets = [b""] * (_BUCKET_MASK + 1)
        self._size = form.size
        self._read = form.read

    def get(self, identifier: bytes) -> Sequence[int]:
        """The addresses of an identifier, and perhaps of another one with the same hash."""
        key = hash(identifier)
        bucket = self._buckets[key & _BUCKET_MASK]
        part = (key >> _BUCKET_BITS & _PART_MASK).to_bytes(4, "little")
        at = bucket.find(part)
        if at < 0:
            return ()
        if at % self._size == 0 and bucket.find(part, at + 4) < 0:
            return self._read(bucket, at + 4)
        return self._all(bucket, part, at)

    def _all(self, bucket: bytes, part: bytes, at: int) -> Sequence[int]:
        found: list[int] = []
        while at >= 0:
            if at % self._size == 0:  # otherwise these octets are not the hash of an entry
                found += self._read(bucket, at + 4)
                at += 3
            at = bucket.find(part, at + 1)
        return found

    def __contains__(self, identifier: bytes) -> bool:
        """Whether there may be addresses of an identifier; False is certain."""
        key = hash(identifier)
        return (key >> _BUCKET_BITS & _PART_MASK).to_bytes(4, "little") in self._buckets[key & _BUCKET_MASK]

    def add(self, identifier: bytes, address: int) -> None:
        """One more address of an identifier."""
        key = hash(identifier)
        entry = (address << _PART_BITS | key >> _BUCKET_BITS & _PART_MASK).to_bytes(self._size, "little")
        self._buckets[key & _BUCKET_MASK] += entry

    def add_all(self, found: Iterable[tuple[bytes, int]]) -> None:
        """The same for many at once, each with its identifier: a third of the time."""
        buckets, size = self._buckets, self._size
        for identifier, address in found:
            key = hash(identifier)
            entry = (address << _PART_BITS | key >> _BUCKET_BITS & _PART_MASK).to_bytes(size, "little")
            buckets[key & _BUCKET_MASK] += entry

    def remove(self, identifier: bytes, address: int) -> None:
        """An address that was added for this identifier no longer belongs to it."""
        key = hash(identifier)
        number = key & _BUCKET_MASK
        bucket = self._buckets[number]
        entry = (address << _PART_BITS | key >> _BUCKET_BITS & _PART_MASK).to_bytes(self._size, "little")
        at = bucket.find(entry)
        while at % self._size:
            assert at >= 0, "only what was added is removed"
            at = bucket.find(entry, at + 1)
        self._buckets[number] = bucket[:at] + bucket[at + self._size :]

    def check(self, expected: Iterable[tuple[bytes, int]]) -> None:
        """Raises AssertionError where an invariant does not hold; `expected` is all that was added and not removed."""
        pairs = list(expected)
        lengths = list(map(len, self._buckets))
        assert all(length % self._size == 0 for length in set(lengths)), "a bucket holds whole entries"
        assert sum(lengths) == len(pairs) * self._size, "there is an entry for each address and no other"
        for identifier, address in pairs:
            assert address in self.get(identifier), "an address is found by its identifier"
