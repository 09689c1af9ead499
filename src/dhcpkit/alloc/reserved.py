"""Reservations during a decision: which of a client's identifiers has one, and which addresses are spoken for.

This module does not know where reservations come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dhcpkit.alloc.host import GLOBAL, Host, HostView
from dhcpkit.alloc.network import Network, Subnet4
from dhcpkit.alloc.query import Query4
from dhcpkit.alloc.select import suboption
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["Found", "Reserved", "current_host", "decides_pools", "find_hosts", "identifiers"]

Found = tuple[tuple[Subnet4 | None, Host], ...]  # a reservation and the subnet it is in; None: it is global

NOTHING: Final[Found] = ()
RFC4361_TYPE: Final = 255  # first octet of a client identifier that is IAID and DUID (RFC 4361 6.1)


def identifiers(network: Network, packet: Packet4) -> Iterator[tuple[str, bytes]]:
    """A client's identifiers in the order reservations are searched (Kea: `host-reservation-identifiers`)."""
    client_id = packet.options.get(61, b"")
    for kind in network.host_identifiers:
        if kind == "hw-address":
            value = packet.chaddr
        elif kind == "client-id":
            value = client_id
        elif kind == "duid":
            value = client_id[5:] if client_id[:1] == b"\xff" else b""
        elif kind == "circuit-id":
            value = suboption(packet.options.get(82, b""), 1) or b""
        else:
            continue  # flex-id comes from a library's callout
        if value:
            yield kind, value


def find_hosts(query: Query4, hosts: HostView) -> Found:
    """Every reservation of this client that can matter: in the subnets of its network, then the global one."""
    found: list[tuple[Subnet4 | None, Host]] = []
    mine: list[tuple[str, bytes]] | None = None
    for subnet in query.siblings:
        if subnet.reservations_in_subnet and hosts.any_in(subnet.id):
            mine = mine if mine is not None else list(identifiers(query.network, query.packet))
            host = _look_up(subnet.id, mine, hosts)
            if host is not None:
                found.append((subnet, host))
    if query.subnet is not None and query.subnet.reservations_global and hosts.any_in(GLOBAL):
        mine = mine if mine is not None else list(identifiers(query.network, query.packet))
        host = _look_up(GLOBAL, mine, hosts)
        if host is not None:
            found.append((None, host))
    if query.trace and mine is not None:
        for kind, value in mine:
            if not any(host.identifier_type == kind for _, host in found):
                query.trace.note("reservation", f"{kind} {value.hex(':')}", "none")
        for where, host in found:
            place = f"subnet {where.prefix}" if where is not None else "global"
            query.trace.note(
                "reservation", f"{host.identifier_type} {host.identifier.hex(':')}", "found", place, host.where
            )
    return tuple(found) if found else NOTHING


def _look_up(subnet_id: int, mine: list[tuple[str, bytes]], hosts: HostView) -> Host | None:
    for kind, value in mine:
        host = hosts.by_identifier(subnet_id, kind, value)
        if host is not None:
            return host
    return None


def current_host(subnet: Subnet4 | None, found: Found) -> Host | None:
    """The reservation that holds in one subnet: its own, else the global one."""
    for where, host in found:
        if where is subnet or where is None:
            return host
    return None


def decides_pools(query: Query4, host: Host) -> bool:
    """Whether a reservation's classes count for the choice of pools: it is global, or the subnet is settled (Kea)."""
    return host.subnet_id == GLOBAL or query.subnet is None or query.network.shared_network(query.subnet) is None


class Reserved:
    """Membership: is this address reserved for somebody else? Asked for every candidate of a pool."""

    __slots__ = ("hosts", "mine", "subnet_id")

    def __init__(self, hosts: HostView, subnet_id: int, mine: Found) -> None:
        self.hosts, self.subnet_id, self.mine = hosts, subnet_id, mine

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.by_whom(address) is not None

    def by_whom(self, address: int) -> Host | None:
        """The other client's reservation for this address, None where there is none."""
        for host in self.hosts.by_address(self.subnet_id, address):
            if all(host is not own for _, own in self.mine):
                return host
        return None

    def __str__(self) -> str:
        return f"reservations of subnet {self.subnet_id}"


def reserved_for(host: Host) -> str:
    """Who a reservation is for, for people."""
    return f"{IPv4Address(host.address)} is reserved for {host.identifier_type} {host.identifier.hex(':')}"
