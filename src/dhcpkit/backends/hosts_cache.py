"""A cache of reservations in front of slow stores: so many at most, and the oldest is given up first.

What is asked for or written becomes the newest. The cache is a place of reservations like any other to the engine: the
configuration's count before it, those of the stores behind it. This module does not know stores.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from dhcpkit.alloc.host import Host, Hosts
from dhcpkit.alloc.host6 import Host6, Hosts6
from dhcpkit.backends.hosts import Reservation
from dhcpkit.config.reserving import UNUSED

__all__ = ["Cached", "HostCache"]

Key = tuple[int, str, bytes]


@attrs.frozen
class Cached:
    """An entry: the reservation, what the engine makes of it, and what only the cache's commands show.

    `host_id` and `other_subnet`, the id of a subnet of the other family, are kept as they were given.
    """

    reservation: Reservation
    host: Any
    host_id: int = 0
    other_subnet: int = UNUSED


class HostCache:
    """The entries, oldest first. As HostView or Host6View."""

    def __init__(self, family: int, maximum: int = 0) -> None:
        """`maximum` entries; 0 for no limit."""
        self.family = family
        self._maximum = maximum
        self._entries: OrderedDict[Key, Cached] = OrderedDict()
        self._hosts: Any = Hosts() if family == 4 else Hosts6()

    @property
    def maximum(self) -> int:
        """How many entries there may be; 0 for no limit."""
        return self._maximum

    @maximum.setter
    def maximum(self, maximum: int) -> None:
        self._maximum = maximum
        self._shrink()

    def insert(self, entry: Cached) -> int:
        """Adds an entry; how many gave way to it: that of its client, and those that reserve one of its addresses."""
        key = entry.reservation.key
        clashing = {key} & self._entries.keys()
        for address in entry.reservation.addresses:
            clashing |= {_key_of(host) for host in self._hosts.by_address(key[0], address)}
        for each in clashing:
            self.remove(*each)
        self._entries[key] = entry
        self._hosts.add(entry.host)
        self._shrink()
        return len(clashing)

    def replace(self, entry: Cached) -> None:
        """Puts an entry in the place of that of its client, as old as it is: what the engine takes has changed."""
        key = entry.reservation.key
        self._hosts.remove(*key)
        self._hosts.add(entry.host)
        self._entries[key] = entry

    def get(self, subnet_id: int, kind: str, octets: bytes) -> Cached | None:
        """The entry of an identifier in a subnet, which becomes the newest."""
        key = subnet_id, kind, octets
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def at(self, subnet_id: int, address: int) -> Cached | None:
        """The entry that reserves an address in a subnet; it becomes the newest."""
        hosts = self._hosts.by_address(subnet_id, address)
        return self.get(*_key_of(hosts[0])) if hosts else None

    def clashes(self, reservation: Reservation) -> bool:
        """Whether an entry is for its client, or reserves one of its addresses."""
        return reservation.key in self._entries or any(
            self._hosts.by_address(reservation.subnet_id, address) for address in reservation.addresses
        )

    def remove(self, subnet_id: int, kind: str, octets: bytes) -> bool:
        """Takes an entry away; whether there was one."""
        if self._entries.pop((subnet_id, kind, octets), None) is None:
            return False
        self._hosts.remove(subnet_id, kind, octets)
        return True

    def flush(self, count: int) -> int:
        """Takes so many of the oldest away; how many that were."""
        gone = list(self._entries)[:count]
        for key in gone:
            self.remove(*key)
        return len(gone)

    def clear(self) -> None:
        """Takes all away."""
        self.flush(len(self._entries))

    def known_by(self, kind: str, octets: bytes) -> Iterator[Cached]:
        """The entries of an identifier, in all subnets."""
        return (entry for key, entry in self._entries.items() if key[1:] == (kind, octets))

    def __iter__(self) -> Iterator[Cached]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def _shrink(self) -> None:
        if self._maximum and len(self._entries) > self._maximum:
            self.flush(len(self._entries) - self._maximum)

    # What the engine asks.

    def by_identifier(self, subnet_id: int, kind: str, identifier: bytes, /) -> Any:
        """As HostView."""
        host = self._hosts.by_identifier(subnet_id, kind, identifier)
        if host is not None:
            self._entries.move_to_end((subnet_id, kind, identifier))
        return host

    def by_client(self, kind: str, identifier: bytes, /) -> Sequence[Any]:
        """As Host6View."""
        found: Sequence[Any] = self._hosts.by_client(kind, identifier)
        return found

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Any]:
        """As HostView."""
        found: Sequence[Any] = self._hosts.by_address(subnet_id, address)
        return found

    def any_in(self, subnet_id: int, /) -> bool:
        """As HostView."""
        found: bool = self._hosts.any_in(subnet_id)
        return found


def _key_of(host: Host | Host6) -> Key:
    return host.subnet_id, host.identifier_type, host.identifier
