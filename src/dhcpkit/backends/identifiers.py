"""Which addresses belong to an identifier: buckets of octets, a sixth of what a dict would take.

An entry is 8 octets: 32 bits of the identifier's hash and the address. The hash also picks one of many buckets, a
`bytes` of entries that is searched with `find`. At a million entries a bucket has 15 of them, a look-up takes 0.5 us
(a dict 0.4), and nothing ever has to be rebuilt. Two identifiers with the same 48 bits are not told apart here:
whoever asks compares with the lease. This module does not know leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Final

__all__ = ["Identifiers"]

_BUCKET_BITS: Final = 16
_BUCKET_MASK: Final = (1 << _BUCKET_BITS) - 1
_PART_MASK: Final = 0xFFFFFFFF
_ENTRY: Final = Struct("<II")
_ADDRESS: Final = Struct("<I")
_SIZE: Final = _ENTRY.size


class Identifiers:
    """Addresses by identifier. An address is added once for an identifier."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets = [b""] * (_BUCKET_MASK + 1)

    def get(self, identifier: bytes) -> Sequence[int]:
        """The addresses of an identifier, and perhaps of another one with the same hash."""
        key = hash(identifier)
        bucket = self._buckets[key & _BUCKET_MASK]
        part = (key >> _BUCKET_BITS & _PART_MASK).to_bytes(4, "little")
        at = bucket.find(part)
        if at < 0:
            return ()
        if at & 7 == 0 and bucket.find(part, at + 4) < 0:
            return _ADDRESS.unpack_from(bucket, at + 4)
        return _all(bucket, part, at)

    def __contains__(self, identifier: bytes) -> bool:
        """Whether there may be addresses of an identifier; False is certain."""
        key = hash(identifier)
        return (key >> _BUCKET_BITS & _PART_MASK).to_bytes(4, "little") in self._buckets[key & _BUCKET_MASK]

    def add(self, identifier: bytes, address: int, pack: Callable[[int, int], bytes] = _ENTRY.pack) -> None:
        """One more address of an identifier."""
        key = hash(identifier)
        self._buckets[key & _BUCKET_MASK] += pack(key >> _BUCKET_BITS & _PART_MASK, address)

    def remove(self, identifier: bytes, address: int) -> None:
        """An address that was added for this identifier no longer belongs to it."""
        key = hash(identifier)
        number = key & _BUCKET_MASK
        bucket = self._buckets[number]
        entry = _ENTRY.pack(key >> _BUCKET_BITS & _PART_MASK, address)
        at = bucket.find(entry)
        while at % _SIZE:
            assert at >= 0, "only what was added is removed"
            at = bucket.find(entry, at + 1)
        self._buckets[number] = bucket[:at] + bucket[at + _SIZE :]

    def check(self, expected: Iterable[tuple[bytes, int]]) -> None:
        """Raises AssertionError where an invariant does not hold; `expected` is all that was added and not removed."""
        pairs = list(expected)
        lengths = list(map(len, self._buckets))
        assert all(length % _SIZE == 0 for length in set(lengths)), "a bucket holds whole entries"
        assert sum(lengths) == len(pairs) * _SIZE, "there is an entry for each address and no other"
        for identifier, address in pairs:
            assert address in self.get(identifier), "an address is found by its identifier"


def _all(bucket: bytes, part: bytes, at: int) -> Sequence[int]:
    found: list[int] = []
    while at >= 0:
        if at % _SIZE == 0:  # otherwise these octets are not the hash of an entry
            found += _ADDRESS.unpack_from(bucket, at + 4)
            at += 3
        at = bucket.find(part, at + 1)
    return found
