"""A store of DHCPv6 leases, addresses and prefixes, that is nothing but its index.

This module does not know files, nor what time it is.
"""

from __future__ import annotations

from binascii import unhexlify
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final

from dhcpkit.alloc.lease import INFINITE, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view6 import Sweep6
from dhcpkit.backends.expiry import Addresses6
from dhcpkit.backends.free6 import FreeAddresses6, shift_of
from dhcpkit.backends.identifiers import ENTRY6, Identifiers
from dhcpkit.backends.index import GIVEN_BACK, Leases, Read, Replaced, Swap
from dhcpkit.backends.memory import MemoryStoreOf
from dhcpkit.backends.protocols import Census6
from dhcpkit.backends.rows6 import ROWS6

__all__ = ["Leases6", "MemoryStore6"]

# A registered address (RFC 9686) ends as a leased one does; Kea takes it back then as well.
_EXPIRES: Final = (LeaseState.DEFAULT.value, LeaseState.DECLINED.value, LeaseState.REGISTERED.value)
_encode: Final = ROWS6.encode
_EXPIRING: Final = tuple(b"%d" % state for state in _EXPIRES)
_NOBODY: Final = b"00:00:00"
_FILLED: Final = 4096  # rows of a file taken over at a time: as many identifiers are in memory besides


_identifiers_of: Callable[[Lease6], tuple[bytes, ...]] = itemgetter(slice(1, 2))  # duid


class Leases6(Leases[Lease6, Sweep6]):
    """All DHCPv6 leases, indexed. It is its own live view: what the engine reads is what is stored at that moment."""

    def __init__(self) -> None:
        self._by_duid = Identifiers(ENTRY6)
        self._addresses = FreeAddresses6()
        super().__init__(
            ROWS6,
            identify=_identifiers_of,
            identifiers=(self._by_duid,),
            free=self._addresses,
            sweep=Sweep6,
            new_bucket=Addresses6,
            expires=_EXPIRES,
        )

    def by_duid(self, duid: bytes, /) -> Sequence[Lease6]:
        """As LeaseView6."""
        found = self._by_duid.get(duid)
        return [x for a in found if (x := self.by_address(a)) and x.duid == duid] if found else ()

    def knows(self, duid: bytes, /) -> bool:
        """As LiveView6: found out faster than by reading leases."""
        return duid in self._by_duid

    def overlapping(self, address: int, prefix_len: int, /) -> Iterator[Lease6]:
        """As LeaseView6."""
        return (lease for each in self._addresses.overlapping(address, prefix_len) if (lease := self.by_address(each)))

    def taken_of(self, order: Sweep6, /) -> int:
        """As LeaseView6."""
        return self._addresses.count(order)

    def _add(self, lease: Lease6, undo: list[Replaced], lines: list[bytes]) -> bool:
        """`_change` of nothing into a lease, unrolled."""
        address, duid, valid, cltt, _, _, _, _, _, _, _, _, _, state, _, _, _, _ = lease
        if address in self.rows:
            return False
        if state or not duid or valid in (0, INFINITE):
            return super()._change((None, lease), undo, lines)
        row = _encode(lease)
        undo.append((address, None))
        lines.append(row)
        self.rows[address] = row
        self._by_duid.add(duid, address)
        self._addresses.take(address, lease)
        self._expiry.changed(address, None, cltt + valid)
        return True

    def _change(self, change: Swap[Lease6], undo: list[Replaced], lines: list[bytes]) -> bool:
        before, after = change
        if before is None and after is not None:
            return self._add(after, undo, lines)  # most units have an address and a prefix
        return super()._change(change, undo, lines)

    def _put(self, address: int, before: Lease6 | None, after: Lease6, row: bytes) -> None:
        super()._put(address, before, after, row)
        if before is not None and before.prefix_len != after.prefix_len and self._addresses.taken(address):
            self._addresses.remove(address)  # it is held still, and covers something else now
            self._addresses.take(address, after)

    def fill(self, rows: dict[int, bytes]) -> None:
        """Takes over the rows of a file that was just read. Only an empty index is filled."""
        assert not self.rows, "only an empty index is filled"
        self.rows = rows
        ends: dict[bytes, list[int]] = {}
        alike: dict[
            tuple[bytes, bytes, bytes, bytes, bytes], list[int]
        ] = {}  # subnet, type, length, state, and what is behind user contexts
        infinite = b"%d" % INFINITE
        contexts = False
        every = iter(rows.items())
        while some := list(islice(every, _FILLED)):
            by_duid = []
            for address, row in some:
                _, duid, valid, end, subnet, _, kind, _, length, _, _, _, _, state, rest = row.split(b",", 14)
                if duid != _NOBODY:
                    by_duid.append((duid.replace(b":", b""), address))
                if rest[:1] != b",":
                    contexts = True
                    rest = rest[rest.rindex(b",") :]
                try:
                    alike[subnet, rest, kind, length, state].append(address)
                except KeyError:
                    alike[subnet, rest, kind, length, state] = [address]
                if valid != infinite and state in _EXPIRING:
                    try:
                        ends[end].append(address)
                    except KeyError:
                        ends[end] = [address]
            self._by_duid.add_all((unhexlify(digits), address) for digits, address in by_duid)
        self._begin(alike, contexts=contexts)
        self._expiry.begin({int(end): Addresses6(addresses) for end, addresses in ends.items()})

    def _begin(self, alike: Mapping[tuple[bytes, bytes, bytes, bytes, bytes], list[int]], *, contexts: bool) -> None:
        """Which addresses are held, and what is known of all leases together."""
        counts: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)
        extents: dict[int, tuple[int, int]] = {}
        taken: defaultdict[int, list[int]] = defaultdict(list)
        idle: defaultdict[int, list[int]] = defaultdict(list)
        reclaimed: list[int] = []
        singles: list[int] = []
        for (subnet, rest, kind, length, state), addresses in alike.items():
            place, type_ = int(subnet), int(kind)
            counts[place, int(rest[rest.rindex(b",") + 1 :]), type_, int(state)] += len(addresses)
            into = taken
            if int(state) in GIVEN_BACK:
                reclaimed += addresses
                into = idle
            if type_ != LeaseType.IA_PD:
                into[0] += addresses
            else:
                for address in addresses:
                    shift = shift_of(address, type_, int(length))
                    into[shift].append(address)
                    if not shift and into is taken:
                        singles.append(address)
            if type_ == LeaseType.IA_NA:
                low, high = min(addresses), max(addresses)
                first, last = extents.get(place, (low, high))
                extents[place] = min(first, low), max(last, high)
        self._addresses.begin(taken, idle, singles)
        self._read = Read(Census6(dict(counts), reclaimed), extents, contexts)

    @property
    def read(self) -> Read[Census6] | None:
        """As Index."""
        known: Read[Census6] | None = self._read
        return known

    def census(self) -> Census6:
        """As LocalLeaseStore6."""
        if self.read is not None:
            return self.read.census
        found: dict[tuple[bytes, bytes, bytes, bytes], int] = {}
        reclaimed: list[int] = []
        given_back = {b"%d" % state for state in GIVEN_BACK}
        for address, row in self.rows.items():
            _, _, _, _, subnet, _, kind, _, _, _, _, _, _, state, rest = row.split(b",", 14)
            key = (subnet, rest[rest.rindex(b",") + 1 :], kind, state)
            found[key] = found.get(key, 0) + 1
            if state in given_back:
                reclaimed.append(address)
        counts = {(int(s), int(p), int(k), int(t)): count for (s, p, k, t), count in found.items()}
        return Census6(counts, reclaimed)


class MemoryStore6(MemoryStoreOf[Lease6, Census6, Leases6]):
    """DHCPv6 leases in memory: `MemoryStore6()`."""

    def __init__(self, leases: Iterable[Lease6] = ()) -> None:
        super().__init__(Leases6(), leases)
