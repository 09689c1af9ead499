"""Reservations in memory: a host store without a file, and the indices of those that have one.

This module does not know where reservations come from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

import attrs
from sortedcontainers import SortedDict

from dhcpkit.backends.hosts import (
    ANYWHERE,
    PAGE,
    AddressReserved,
    ClientReserved,
    HostFilter,
    HostKey,
    Reservation,
)

__all__ = ["HostIndex", "MemoryHostStore", "pages_of"]


class HostIndex:
    """Reservations by everything that is looked up. Look-ups do not grow with their number."""

    def __init__(self) -> None:
        self.last_id = 0
        self._by_id: SortedDict[int, Reservation] = SortedDict()
        self._by_key: dict[tuple[int, str, bytes], Reservation] = {}
        self._by_client: dict[tuple[str, bytes], dict[int, Reservation]] = {}
        self._by_address: dict[tuple[int, int], dict[int, Reservation]] = {}

    def add(self, reservation: Reservation) -> None:
        """Adds one that has an id. There must be none for its identifier in its subnet."""
        assert reservation.id, "a store gives ids"
        assert reservation.key not in self._by_key, "an identifier has one reservation in a subnet"
        self.last_id = max(self.last_id, reservation.id)
        self._by_id[reservation.id] = self._by_key[reservation.key] = reservation
        self._by_client.setdefault(reservation.key[1:], {})[reservation.id] = reservation
        for address in reservation.addresses:
            self._by_address.setdefault((reservation.subnet_id, address), {})[reservation.id] = reservation

    def remove(self, reservation: Reservation) -> None:
        """Takes away one that is there."""
        del self._by_id[reservation.id], self._by_key[reservation.key]
        _take(self._by_client, reservation.key[1:], reservation.id)
        for address in set(reservation.addresses):
            _take(self._by_address, (reservation.subnet_id, address), reservation.id)

    def get(self, key: tuple[int, str, bytes]) -> Reservation | None:
        """The reservation of an identifier in a subnet."""
        return self._by_key.get(key)

    def check(self, reservation: Reservation, before: Reservation | None, *, unique: bool) -> None:
        """Raises HostClash where one cannot be there, in the place of `before` if it is given."""
        other = self._by_key.get(reservation.key)
        if other is not None and other is not before:
            raise ClientReserved(reservation, other)
        if unique:
            for address in reservation.addresses:
                for other in self._by_address.get((reservation.subnet_id, address), {}).values():
                    if other is not before:
                        raise AddressReserved(reservation, other)

    def under(self, keys: Iterable[HostKey]) -> list[Reservation]:
        """As HostStore.load."""
        found: dict[int, Reservation] = {}
        for key in keys:
            if key[0] == "identifier":
                one = self._by_key.get(key[1:])
                if one is not None:
                    found[one.id] = one
            elif key[0] == "address":
                found |= self._by_address.get((key[1], key[2]), {})
            else:
                found |= self._by_client.get((key[1], key[2]), {})
        return list(found.values())

    def wanted(self, where: HostFilter, after: int = 0) -> Iterator[Reservation]:
        """Those that a filter wants, in order of their ids, from the first id behind `after` on."""
        if where.identifier is not None:
            few = self._by_client.get(where.identifier, {})
        elif where.address is not None and where.subnet_id is not None:
            few = self._by_address.get((where.subnet_id, where.address), {})
        else:
            yield from (one for number in self._by_id.irange(after + 1) if where.fits(one := self._by_id[number]))
            return
        yield from (few[number] for number in sorted(few) if number > after and where.fits(few[number]))

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)


def _take(
    index: dict[tuple[str, bytes], dict[int, Reservation]] | dict[tuple[int, int], dict[int, Reservation]],
    key: object,
    number: int,
) -> None:
    found = index[key]  # type: ignore[index]  # a key of either index
    del found[number]
    if not found:
        del index[key]  # type: ignore[arg-type]  # as above


class MemoryHostStore:
    """Reservations in memory only. As LocalHostStore."""

    local = True

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self._index = HostIndex()

    async def load(self, keys: Iterable[HostKey]) -> Sequence[Reservation]:
        """As HostStore."""
        return self._index.under(keys)

    async def put(self, reservation: Reservation, *, replace: bool = False, unique: bool = True) -> Reservation | None:
        """As HostStore."""
        before = self._index.get(reservation.key) if replace else None
        if replace and before is None:
            return None
        self._index.check(reservation, before, unique=unique)
        made = attrs.evolve(reservation, id=self._index.last_id + 1)
        if before is not None:
            self._index.remove(before)
        self._index.add(made)
        return made

    async def remove(self, subnet_id: int, kind: str, octets: bytes) -> Reservation | None:
        """As HostStore."""
        found = self._index.get((subnet_id, kind, octets))
        if found is not None:
            self._index.remove(found)
        return found

    async def pages(
        self, where: HostFilter = ANYWHERE, size: int = PAGE, after: int = 0
    ) -> AsyncIterator[Sequence[Reservation]]:
        """As HostStore."""
        async for page in pages_of(self._index, where, size, after):
            yield page

    async def close(self) -> None:
        """As HostStore."""

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


async def pages_of(index: HostIndex, where: HostFilter, size: int, after: int) -> AsyncIterator[Sequence[Reservation]]:
    """The pages of an index. Between two of them others work, and it may change."""
    while True:
        page: list[Reservation] = []
        for one in index.wanted(where, after):
            page.append(one)
            if len(page) == size:
                break
        if not page:
            return
        after = page[-1].id
        yield page
        await asyncio.sleep(0)
