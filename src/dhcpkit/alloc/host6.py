"""Host reservations of DHCPv6 as values, and what the engine may ask about them.

This module does not know where reservations are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import attrs

from dhcpkit.alloc.options import NO_OPTIONS, OptionValues
from dhcpkit.alloc.trace import Place

__all__ = ["NO_HOSTS6", "Host6", "Host6View", "Hosts6", "ReservedPrefix"]

K = TypeVar("K", bound=tuple[object, ...])
ADDRESS_LEN: Final = 128  # the prefix length of an address


class ReservedPrefix(NamedTuple):
    """A reserved prefix, and what its client must leave out of it (RFC 6603; `excluded_len` 0: nothing)."""

    prefix: int
    length: int
    excluded: int = 0
    excluded_len: int = 0


@attrs.frozen
class Host6:
    """One reservation: who (identifier), where (`subnet_id`, 0 for everywhere) and what is reserved.

    `identifier_type` is "duid", "hw-address" or "flex-id".
    """

    identifier_type: str
    identifier: bytes
    subnet_id: int
    addresses: tuple[int, ...] = ()
    prefixes: tuple[ReservedPrefix, ...] = ()
    hostname: str = ""
    client_classes: tuple[str, ...] = ()
    options: OptionValues = NO_OPTIONS
    where: Place | None = None

    def has(self, address: int, prefix_len: int) -> bool:
        """Whether it reserves this address (length 128), or this prefix, which may have that length, too."""
        if prefix_len == ADDRESS_LEN and address in self.addresses:
            return True
        return any(each.prefix == address and each.length == prefix_len for each in self.prefixes)

    @property
    def starts(self) -> tuple[int, ...]:
        """Its addresses, and those that its prefixes begin with."""
        return (*self.addresses, *(prefix.prefix for prefix in self.prefixes))

    def __str__(self) -> str:
        return f"{self.identifier_type} {self.identifier.hex(':')}"


class Host6View(Protocol):
    """What the engine may ask about reservations."""

    def by_identifier(self, subnet_id: int, kind: str, identifier: bytes, /) -> Host6 | None:
        """The reservation for this identifier in this subnet (0: the global ones)."""
        ...

    def by_client(self, kind: str, identifier: bytes, /) -> Sequence[Host6]:
        """The reservations for this identifier in all subnets, the global one among them."""
        ...

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Host6]:
        """Who has this address, or a prefix that starts with it, reserved in this subnet."""
        ...

    def any_in(self, subnet_id: int, /) -> bool:
        """Whether a subnet has reservations at all; False lets the engine skip every look-up."""
        ...


class Hosts6:
    """Reservations in memory, of the configuration or of a store. Look-ups do not grow with their number."""

    def __init__(self, hosts: Iterable[Host6] = ()) -> None:
        self._by_identifier: dict[tuple[int, str, bytes], Host6] = {}
        self._by_client: dict[tuple[str, bytes], list[Host6]] = {}
        self._by_address: dict[tuple[int, int], list[Host6]] = {}
        self._subnets: dict[int, int] = {}  # how many there are in each
        for host in hosts:
            self.add(host)

    def add(self, host: Host6) -> None:
        """Adds one. ValueError where its identifier already has a reservation in that subnet."""
        key = (host.subnet_id, host.identifier_type, host.identifier)
        if key in self._by_identifier:
            raise ValueError(f"{host.identifier_type} {host.identifier.hex(':')} is already reserved in this subnet")
        self._by_identifier[key] = host
        self._by_client.setdefault(key[1:], []).append(host)
        self._subnets[host.subnet_id] = self._subnets.get(host.subnet_id, 0) + 1
        for address in host.starts:
            self._by_address.setdefault((host.subnet_id, address), []).append(host)

    def remove(self, subnet_id: int, kind: str, identifier: bytes, /) -> Host6 | None:
        """Takes the reservation of an identifier in a subnet away; the one that was there."""
        host = self._by_identifier.pop((subnet_id, kind, identifier), None)
        if host is None:
            return None
        self._subnets[subnet_id] -= 1
        if not self._subnets[subnet_id]:
            del self._subnets[subnet_id]
        _take(self._by_client, (kind, identifier), host)
        for address in set(host.starts):
            _take(self._by_address, (subnet_id, address), host)
        return host

    def by_identifier(self, subnet_id: int, kind: str, identifier: bytes, /) -> Host6 | None:
        """As Host6View."""
        return self._by_identifier.get((subnet_id, kind, identifier))

    def by_client(self, kind: str, identifier: bytes, /) -> Sequence[Host6]:
        """As Host6View."""
        return self._by_client.get((kind, identifier), ())

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Host6]:
        """As Host6View."""
        return self._by_address.get((subnet_id, address), ())

    def any_in(self, subnet_id: int, /) -> bool:
        """As Host6View."""
        return subnet_id in self._subnets

    def __iter__(self) -> Iterator[Host6]:
        return iter(self._by_identifier.values())

    def __len__(self) -> int:
        return len(self._by_identifier)


def _take(index: dict[K, list[Host6]], key: K, host: Host6) -> None:
    others = [each for each in index[key] if each is not host]
    if others:
        index[key] = others
    else:
        del index[key]


NO_HOSTS6: Final = Hosts6()
