"""Reservations from several places as one: those of the configuration first, then those of each store, in order (Kea).

Where two places have a reservation for one identifier in one subnet, the first one counts. What either of them
reserves is kept from everybody else. A look-up asks one place after the other, so it costs the same however many
reservations there are. This module does not know where reservations are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from dhcpkit.alloc.host import Host, HostView, IdentifierType
from dhcpkit.alloc.host6 import Host6, Host6View

__all__ = ["LayeredHosts", "LayeredHosts6"]


class _Owned(Protocol):
    @property
    def identifier_type(self) -> str: ...

    @property
    def identifier(self) -> bytes: ...


H = TypeVar("H", bound=_Owned)


class LayeredHosts:
    """DHCPv4 reservations of several places, the first of which counts. As HostView."""

    def __init__(self, layers: Sequence[HostView]) -> None:
        self._layers = tuple(layers)

    def by_identifier(self, subnet_id: int, kind: IdentifierType, identifier: bytes, /) -> Host | None:
        """As HostView."""
        for layer in self._layers:
            host = layer.by_identifier(subnet_id, kind, identifier)
            if host is not None:
                return host
        return None

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Host]:
        """As HostView."""
        found: Sequence[Host] = ()
        for layer in self._layers:
            more = layer.by_address(subnet_id, address)
            if more:
                found = _joined(found, more) if found else more
        return found

    def any_in(self, subnet_id: int, /) -> bool:
        """As HostView."""
        for layer in self._layers:  # noqa: SIM110  # asked for every message: `any` takes three times as long
            if layer.any_in(subnet_id):
                return True
        return False


class LayeredHosts6:
    """DHCPv6 reservations of several places, the first of which counts. As Host6View."""

    def __init__(self, layers: Sequence[Host6View]) -> None:
        self._layers = tuple(layers)

    def by_identifier(self, subnet_id: int, kind: str, identifier: bytes, /) -> Host6 | None:
        """As Host6View."""
        for layer in self._layers:
            host = layer.by_identifier(subnet_id, kind, identifier)
            if host is not None:
                return host
        return None

    def by_client(self, kind: str, identifier: bytes, /) -> Sequence[Host6]:
        """As Host6View; of one subnet the first place's only."""
        found: dict[int, Host6] = {}
        for layer in self._layers:
            for host in layer.by_client(kind, identifier):
                found.setdefault(host.subnet_id, host)
        return tuple(found.values())

    def by_address(self, subnet_id: int, address: int, /) -> Sequence[Host6]:
        """As Host6View."""
        found: Sequence[Host6] = ()
        for layer in self._layers:
            more = layer.by_address(subnet_id, address)
            if more:
                found = _joined(found, more) if found else more
        return found

    def any_in(self, subnet_id: int, /) -> bool:
        """As Host6View."""
        for layer in self._layers:  # noqa: SIM110  # asked for every message: `any` takes three times as long
            if layer.any_in(subnet_id):
                return True
        return False


def _joined(first: Sequence[H], more: Sequence[H]) -> Sequence[H]:
    """Those of the first place, and of the next what is for others than they are."""
    return tuple(_distinct([*first, *more]))


def _distinct(hosts: Sequence[H]) -> Iterator[H]:
    seen: set[tuple[str, bytes]] = set()
    for host in hosts:
        who = host.identifier_type, host.identifier
        if who not in seen:
            seen.add(who)
            yield host
