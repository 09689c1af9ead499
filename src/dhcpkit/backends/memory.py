"""A store of DHCPv4 leases that is nothing but its index, and what any store in memory is.

This module does not know files, nor what time it is.
"""

from __future__ import annotations

from array import array
from binascii import unhexlify
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.sanity import Places
from dhcpkit.alloc.view import Sweep
from dhcpkit.backends.expiry import Bucket, addresses4
from dhcpkit.backends.free import FreeAddresses
from dhcpkit.backends.identifiers import ENTRY4, Identifiers
from dhcpkit.backends.index import GIVEN_BACK, AnyLease, Index, Leases, Read, Replaced, Swap, pages_of
from dhcpkit.backends.protocols import EVERYTHING, Census, StoreUnavailable, Where
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.suspects import suspects

__all__ = ["Leases4", "MemoryStore", "MemoryStoreOf"]

_encode: Final = ROWS4.encode
_GIVEN_BACK: Final = tuple(b"%d" % state for state in GIVEN_BACK)
_EXPIRES: Final = (LeaseState.DEFAULT.value, LeaseState.DECLINED.value)
_EXPIRING: Final = tuple(b"%d" % state for state in _EXPIRES)
_FILLED: Final = 4096  # rows of a file taken over at a time: as many identifiers are in memory besides

L = TypeVar("L", bound=AnyLease)
C = TypeVar("C")
I = TypeVar("I", bound=Index[Any, Any])  # noqa: E741  # the index


_identifiers_of: Callable[[Lease4], tuple[bytes, ...]] = itemgetter(slice(1, 3))  # hwaddr and client_id


class MemoryStoreOf(Generic[L, C, I]):
    """A lease store that forgets everything when the process ends, with the index of one family.

    Kea's memfile with `persist: false`. `leases` are there from the start: ValueError where two have one address.
    """

    local = True

    def __init__(self, index: I, leases: Iterable[L] = ()) -> None:
        self.view: I = index
        self._leases: Index[L, C] = index
        for lease in leases:
            kept = self.append([((None, lease),)])
            if not kept[0]:
                raise ValueError(f"there are two leases for address {lease.address:#010x}")

    def census(self) -> C:
        """As LocalLeaseStore."""
        return self._leases.census()

    def suspects(self, network: Places | None, *, contexts: bool) -> Iterator[Sequence[L]]:
        """As LocalLeaseStore."""
        return suspects(self._leases, network, contexts=contexts)

    def amend(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """As LocalLeaseStore."""
        return self._leases.apply(units)[0]

    def append(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """As LocalLeaseStore."""
        return self._leases.apply(units)[0]

    def when_synced(self, callback: Callable[[StoreUnavailable | None], None], /) -> None:
        """As LocalLeaseStore: at once."""
        callback(None)

    async def load(self, _keys: Iterable[object], _view: object = None) -> I:
        """As LeaseStore: the live view."""
        return self.view

    async def commit(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """As LeaseStore."""
        return self._leases.apply(units)[0]

    async def expired(self, before: int, limit: int) -> Sequence[L]:
        """As LeaseStore."""
        return self._leases.expired(before, limit)

    def pages(self, where: Where = EVERYTHING, size: int = 1000) -> AsyncIterator[Sequence[L]]:
        """As LeaseStore."""
        return pages_of(self._leases, where, size)

    async def close(self) -> None:
        """As LeaseStore."""


class Leases4(Leases[Lease4, Sweep]):
    """All DHCPv4 leases, indexed. It is its own live view: what the engine reads is what is stored at that moment."""

    def __init__(self) -> None:
        self._by_hwaddr = Identifiers(ENTRY4)
        self._by_client_id = Identifiers(ENTRY4)
        self._addresses = FreeAddresses()
        super().__init__(
            ROWS4,
            identify=_identifiers_of,
            identifiers=(self._by_hwaddr, self._by_client_id),
            free=self._addresses,
            sweep=Sweep,
            new_bucket=addresses4,
            expires=_EXPIRES,
        )

    def by_client_id(self, client_id: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        found = self._by_client_id.get(client_id)
        return [x for a in found if (x := self.by_address(a)) and x.client_id == client_id] if found else ()

    def by_hwaddr(self, hwaddr: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        found = self._by_hwaddr.get(hwaddr)
        return [x for a in found if (x := self.by_address(a)) and x.hwaddr == hwaddr] if found else ()

    def knows(self, client_id: bytes, hwaddr: bytes, /) -> bool:
        """Whether a lease may have either identifier: False is certain, and found out faster than by reading leases."""
        return bool(client_id and client_id in self._by_client_id) or hwaddr in self._by_hwaddr

    def knows_one(self, client_id: bytes, hwaddr: bytes, /) -> bool:
        """As LiveView4."""
        return len(self._by_client_id.get(client_id) if client_id else self._by_hwaddr.get(hwaddr)) == 1

    def taken_of(self, order: Sweep, /) -> int:
        """As LeaseView4."""
        return self._addresses.count(order.first, order.last)

    def _add(self, lease: Lease4, undo: list[Replaced], lines: list[bytes]) -> bool:
        """`_change` of nothing into a lease, unrolled."""
        address, hwaddr, client_id, valid, cltt, *_, state, _, _ = lease
        if address in self.rows:
            return False
        if state or valid in (0, INFINITE):
            return self._change((None, lease), undo, lines)
        row = _encode(lease)
        undo.append((address, None))
        lines.append(row)
        self.rows[address] = row
        if client_id:
            self._by_client_id.add(client_id, address)
        if hwaddr:
            self._by_hwaddr.add(hwaddr, address)
        self._addresses.take(address)
        self._expiry.changed(address, None, cltt + valid)
        return True

    def fill(self, rows: dict[int, bytes]) -> None:
        """Takes over the rows of a file that was just read. Only an empty index is filled."""
        assert not self.rows, "only an empty index is filled"
        self.rows = rows
        ends: dict[bytes, Bucket] = {}
        alike: dict[tuple[bytes, bytes, bytes], array[int]] = {}  # by subnet, pool and state
        infinite = b"%d" % INFINITE
        contexts = False
        every = iter(rows.items())
        while some := list(islice(every, _FILLED)):
            by_client_id, by_hwaddr = [], []
            for address, row in some:
                _, hwaddr, client_id, valid, end, subnet, _, _, _, state, rest = row.split(b",", 10)
                if client_id:
                    by_client_id.append((client_id.replace(b":", b""), address))
                if hwaddr:
                    by_hwaddr.append((hwaddr.replace(b":", b""), address))
                if rest[:1] != b",":
                    contexts = True
                    rest = rest[rest.rindex(b",") :]
                try:
                    alike[subnet, rest, state].append(address)
                except KeyError:
                    alike[subnet, rest, state] = array("I", (address,))
                if valid != infinite and state in _EXPIRING:
                    try:
                        ends[end].append(address)
                    except KeyError:
                        ends[end] = array("I", (address,))
            self._by_client_id.add_all((unhexlify(digits), address) for digits, address in by_client_id)
            self._by_hwaddr.add_all((unhexlify(digits), address) for digits, address in by_hwaddr)
        self._begin(alike, contexts=contexts)
        self._expiry.begin({int(end): addresses for end, addresses in ends.items()})

    def _begin(self, alike: Mapping[tuple[bytes, bytes, bytes], array[int]], *, contexts: bool) -> None:
        """Which addresses are held, and what is known of all leases together."""
        counts: dict[tuple[int, int, int], int] = {}
        extents: dict[int, tuple[int, int]] = {}
        reclaimed: list[int] = []
        for (subnet, pool, state), addresses in alike.items():
            place, held = int(subnet), int(state) not in GIVEN_BACK
            counts[place, int(pool[1:]), int(state)] = len(addresses)
            low, high = min(addresses), max(addresses)
            first, last = extents.get(place, (low, high))
            extents[place] = min(first, low), max(last, high)
            if held:
                self._addresses.take_all(addresses)
            else:
                reclaimed += addresses
                for address in addresses:
                    self._addresses.give(address)
        self._read = Read(Census(counts, reclaimed), extents, contexts)

    @property
    def read(self) -> Read[Census] | None:
        """As Index."""
        known: Read[Census] | None = self._read
        return known

    def census(self) -> Census:
        """As LocalLeaseStore."""
        if self.read is not None:
            return self.read.census
        found: dict[tuple[bytes, bytes, bytes], int] = {}
        reclaimed: list[int] = []
        for address, row in self.rows.items():
            _, _, _, _, _, subnet, _, _, _, state, rest = row.split(b",", 10)
            pool = rest[1:] if rest[:1] == b"," else rest[rest.rindex(b",") + 1 :]
            key = (subnet, pool, state)
            found[key] = found.get(key, 0) + 1
            if state in _GIVEN_BACK:
                reclaimed.append(address)
        return Census({(int(s), int(p), int(t)): count for (s, p, t), count in found.items()}, reclaimed)


class MemoryStore(MemoryStoreOf[Lease4, Census, Leases4]):
    """DHCPv4 leases in memory: `MemoryStore()`."""

    def __init__(self, leases: Iterable[Lease4] = ()) -> None:
        super().__init__(Leases4(), leases)
