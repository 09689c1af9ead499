"""Host reservations as values, and what the engine may ask about them.

This module does not know where reservations are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import attrs

from dhcpkit.alloc.options import NO_OPTIONS, OptionValues
from dhcpkit.alloc.trace import Place

__all__ = ["GLOBAL", "NO_HOSTS", "Host", "HostView", "Hosts", "IdentifierType"]

GLOBAL: Final = 0  # the subnet id of a reservation that holds in every subnet (Kea)

IdentifierType = str  # "hw-address", "client-id", "duid", "circuit-id", "flex-id"


@attrs.frozen
class Host:
    """One reservation: who (identifier), where (`subnet_id`, 0 for everywhere) and what is reserved.

    `address` is 0 where no address is reserved; `next_server` 0 and empty fields mean "not set here".
    """

    identifier_type: IdentifierType
    identifier: bytes
    subnet_id: int
    address: int = 0
    hostname: str = ""
    next_server: int = 0
    server_hostname: str = ""
    boot_file_name: str = ""
    client_classes: tuple[str, ...] = ()
    options: OptionValues = NO_OPTIONS
    where: Place | None = None


class HostView(Protocol):
    """What the engine may ask about reservations."""

    def by_identifier(self, subnet_id: int, kind: IdentifierType, identifier: bytes, /) -> Host | None:
        """The reservation for this identifier in this subnet (0: the global ones)."""
        ...

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Host]:
        """Who has this address reserved in this subnet."""
        ...

    def any_in(self, subnet_id: int, /) -> bool:
        """Whether a subnet has reservations at all; False lets the engine skip every look-up."""
        ...


class Hosts:
    """Reservations in memory, of the configuration or of a store. Look-ups do not grow with their number."""

    def __init__(self, hosts: Iterable[Host] = ()) -> None:
        self._by_identifier: dict[tuple[int, str, bytes], Host] = {}
        self._by_address: dict[tuple[int, int], list[Host]] = {}
        self._subnets: dict[int, int] = {}  # how many there are in each
        for host in hosts:
            self.add(host)

    def add(self, host: Host) -> None:
        """Adds one. ValueError where its identifier already has a reservation in that subnet."""
        key = (host.subnet_id, host.identifier_type, host.identifier)
        if key in self._by_identifier:
            raise ValueError(f"{host.identifier_type} {host.identifier.hex(':')} is already reserved in this subnet")
        self._by_identifier[key] = host
        self._subnets[host.subnet_id] = self._subnets.get(host.subnet_id, 0) + 1
        if host.address:
            self._by_address.setdefault((host.subnet_id, host.address), []).append(host)

    def remove(self, subnet_id: int, kind: IdentifierType, identifier: bytes, /) -> Host | None:
        """Takes the reservation of an identifier in a subnet away; the one that was there."""
        host = self._by_identifier.pop((subnet_id, kind, identifier), None)
        if host is None:
            return None
        self._subnets[subnet_id] -= 1
        if not self._subnets[subnet_id]:
            del self._subnets[subnet_id]
        if host.address:
            place = subnet_id, host.address
            others = [each for each in self._by_address[place] if each is not host]
            if others:
                self._by_address[place] = others
            else:
                del self._by_address[place]
        return host

    def by_identifier(self, subnet_id: int, kind: IdentifierType, identifier: bytes, /) -> Host | None:
        """As HostView."""
        return self._by_identifier.get((subnet_id, kind, identifier))

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Host]:
        """As HostView."""
        return self._by_address.get((subnet_id, address), ())

    def any_in(self, subnet_id: int, /) -> bool:
        """As HostView."""
        return subnet_id in self._subnets

    def __iter__(self) -> Iterator[Host]:
        return iter(self._by_identifier.values())

    def __len__(self) -> int:
        return len(self._by_identifier)


NO_HOSTS: Final = Hosts()
