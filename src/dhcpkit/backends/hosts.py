"""What a store of host reservations must do: four methods. One module with a `HostStore` is a backend for hosts.

A reservation is kept as the JSON that a configuration would have for it, without its subnet; identifier, addresses and
host name stand beside it to be looked up. `dhcpkit.testing.HostStoreContract` holds any implementation to the promises
made here. This module does not know files, SQL or what the engine makes of a reservation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Literal, Protocol, runtime_checkable

import attrs

from dhcpkit.config.checks import identifier
from dhcpkit.config.reserving import identifiers_of
from dhcpkit.errors import DhcpkitError

__all__ = [
    "ANYWHERE",
    "PAGE",
    "AddressReserved",
    "ClientReserved",
    "HostClash",
    "HostFilter",
    "HostKey",
    "HostStore",
    "LocalHostStore",
    "Reservation",
    "address_key",
    "client_key",
    "identifier_key",
    "reservation_of",
]

PAGE: Final = 1000  # reservations read at a time, where nobody says otherwise

HostKey = (
    tuple[Literal["identifier"], int, str, bytes]
    | tuple[Literal["address"], int, int]
    | tuple[Literal["client"], str, bytes]
)
"""What can be looked up: an identifier in a subnet, an address in a subnet, or an identifier in all subnets."""


@attrs.frozen
class Reservation:
    """A reservation as it is kept: `written` is its JSON in a configuration, without `subnet-id`.

    `addresses` are what it reserves, prefixes by the address they begin with. `id` is given by the store, 0 before; it
    grows, and a reservation that was changed has another one.
    """

    subnet_id: int
    identifier_type: str
    identifier: bytes
    addresses: tuple[int, ...]
    hostname: str
    written: Mapping[str, Any]
    id: int = 0

    @property
    def key(self) -> tuple[int, str, bytes]:
        """Which reservation it is: there is one for an identifier in a subnet."""
        return self.subnet_id, self.identifier_type, self.identifier


def reservation_of(family: int, subnet_id: int, written: Mapping[str, Any], number: int = 0) -> Reservation:
    """A reservation from its JSON, which was checked before. ValueError, TypeError or DhcpkitError where it is none."""
    kind = next((each for each in identifiers_of(family) if each in written), None)
    if kind is None:
        raise ValueError("a reservation is for somebody: there is no identifier")
    addresses: list[int] = []
    if family == 4:
        if written.get("ip-address"):
            addresses.append(int(IPv4Address(written["ip-address"])))
    else:
        addresses += (int(IPv6Address(each)) for each in written.get("ip-addresses", ()))
        addresses += (int(IPv6Address(each.partition("/")[0])) for each in written.get("prefixes", ()))
    hostname = written.get("hostname", "")
    return Reservation(subnet_id, kind, identifier(written[kind]), tuple(addresses), hostname, written, number)


class HostClash(DhcpkitError):
    """A reservation is at odds with one that is there: nothing has changed."""

    def __init__(self, reservation: Reservation, other: Reservation | None = None) -> None:
        super().__init__(f"{type(self).__name__}: {reservation.identifier_type} {reservation.identifier.hex(':')}")
        self.reservation = reservation
        self.other = other


class ClientReserved(HostClash):
    """There is a reservation for this identifier in this subnet."""


class AddressReserved(HostClash):
    """One of its addresses is reserved for another client in this subnet."""


def identifier_key(subnet_id: int, kind: str, octets: bytes) -> HostKey:
    """The key of an identifier's reservation in a subnet."""
    return "identifier", subnet_id, kind, octets


def address_key(subnet_id: int, address: int) -> HostKey:
    """The key of whoever has an address, or a prefix that begins with it, reserved in a subnet."""
    return "address", subnet_id, address


def client_key(kind: str, octets: bytes) -> HostKey:
    """The key of an identifier's reservations in all subnets."""
    return "client", kind, octets


@attrs.frozen
class HostFilter:
    """Which reservations are wanted: those for which all that is set holds. Host names are compared without case."""

    subnet_id: int | None = None
    hostname: str | None = None
    identifier: tuple[str, bytes] | None = None
    address: int | None = None

    def fits(self, host: Reservation) -> bool:
        """Whether a reservation is wanted."""
        return (
            (self.subnet_id is None or host.subnet_id == self.subnet_id)
            and (self.hostname is None or host.hostname.lower() == self.hostname.lower())
            and (self.identifier is None or (host.identifier_type, host.identifier) == self.identifier)
            and (self.address is None or self.address in host.addresses)
        )


ANYWHERE: Final = HostFilter()


class HostStore(Protocol):
    """Reservations of one family. All methods may be called concurrently; changes take effect in call order."""

    local: bool
    """True where everything is in memory (a LocalHostStore): the server then never waits for a look-up."""

    @property
    def name(self) -> str:
        """What operators call it: its file, its database."""
        ...

    async def load(self, keys: Iterable[HostKey]) -> Sequence[Reservation]:
        """The reservations under any of these keys, each once. Raises StoreUnavailable."""
        ...

    async def put(self, reservation: Reservation, *, replace: bool = False, unique: bool = True) -> Reservation | None:
        """Keeps a new reservation; with `replace`, in the place of the one for its identifier in its subnet.

        Durable on return, which is the reservation with its new id; None where there is none to replace. With
        `unique`, no address may be reserved twice in a subnet. Raises HostClash or StoreUnavailable, and then nothing
        has changed: what was to be replaced is still there.
        """
        ...

    async def remove(self, subnet_id: int, kind: str, octets: bytes) -> Reservation | None:
        """Takes away an identifier's reservation in a subnet: durable on return. None where there is none.

        Raises StoreUnavailable: then it is still there.
        """
        ...

    def pages(
        self, where: HostFilter = ANYWHERE, size: int = PAGE, after: int = 0
    ) -> AsyncIterator[Sequence[Reservation]]:
        """Reservations in order of their ids, at most `size` at a time, from the first id behind `after` on.

        Raises StoreUnavailable.
        """
        ...

    async def close(self) -> None:
        """Lets go of everything; what was kept is safe already."""
        ...


@runtime_checkable
class LocalHostStore(HostStore, Protocol):
    """A host store whose reservations are all in memory, which nobody else changes (`local` is True)."""

    def __iter__(self) -> Iterator[Reservation]:
        """All of them, in order of their ids."""
        ...

    def __len__(self) -> int:
        """How many there are."""
        ...
