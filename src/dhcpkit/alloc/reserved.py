"""Reservations during a decision: which of a client's identifiers has one, and which addresses are spoken for.

This module does not know where reservations come from.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from ipaddress import IPv4Address
from typing import Final

import attrs

from dhcpkit.alloc.host import GLOBAL, Host, HostView
from dhcpkit.alloc.network import Network, Subnet4
from dhcpkit.alloc.points import Consult, Host4Identifier, NextStep
from dhcpkit.alloc.select import suboption
from dhcpkit.alloc.trace import Trace
from dhcpkit.wire.dhcp4 import Packet4

__all__ = [
    "NOTHING_FOUND", "Found", "Identity", "Reserved", "find_hosts", "global_host", "host_in", "identifiers",
    "reserved_address", "reserved_for",
]  # fmt: skip

Identity = tuple[str, bytes]  # an identifier with its type
DUID_AT: Final = 5  # a client identifier of RFC 4361 6.1 is a type of 255, four octets of IAID, and a DUID


@attrs.frozen
class Found:
    """A client's reservations that can matter, by the id of their subnet (GLOBAL for the global one), and who it is.

    `identities` is empty where no reservation was looked up.
    """

    hosts: dict[int, Host]
    identities: Container[Identity] = ()

    def __bool__(self) -> bool:
        return bool(self.hosts)


NOTHING_FOUND: Final = Found({})


def identifiers(network: Network, packet: Packet4, consult: Consult | None = None) -> Iterator[Identity]:
    """A client's identifiers in the order reservations are searched (Kea: `host-reservation-identifiers`)."""
    client_id = packet.options.get(61, b"")
    for kind in network.host_identifiers:
        if kind == "hw-address":
            value = packet.chaddr
        elif kind == "client-id":
            value = client_id
        elif kind == "duid":
            value = client_id[DUID_AT:] if client_id[:1] == b"\xff" else b""
        elif kind == "circuit-id":
            value = suboption(packet.options.get(82, b""), 1) or b""
        elif kind == "flex-id" and consult is not None:
            point = Host4Identifier(packet, kind, b"")
            value = b"" if consult(point) in (NextStep.SKIP, NextStep.DROP) else point.identifier
        else:
            continue
        if value:
            yield kind, value


def global_host(network: Network, packet: Packet4, hosts: HostView, consult: Consult | None) -> Host | None:
    """The client's global reservation."""
    return _look_up(GLOBAL, identifiers(network, packet, consult), hosts) if hosts.any_in(GLOBAL) else None


def find_hosts(  # noqa: PLR0913, PLR0917  # who asks, where, and where to look
    network: Network,
    packet: Packet4,
    link: Sequence[Subnet4],
    classes: Container[str],
    early: Host | None,
    hosts: HostView,
    consult: Consult | None,
    trace: Trace,
) -> Found:
    """Every reservation of a client that can matter: the global one, and those in the subnets of its link.

    `early` is the global one where it was looked up before (Kea: `early-global-reservations-lookup`).
    """
    found: dict[int, Host] = {} if early is None else {GLOBAL: early}
    mine: list[Identity] | None = None
    subnet = link[0] if link else None
    looked = network.early_global_reservations_lookup
    if subnet is not None and not looked and subnet.reservations_global and hosts.any_in(GLOBAL):
        mine = list(identifiers(network, packet, consult))
        host = _look_up(GLOBAL, mine, hosts)
        if host is not None:
            found[GLOBAL] = host
    if subnet is not None and not (found and not subnet.reservations_in_subnet):
        for each in link:
            if each.reservations_in_subnet and hosts.any_in(each.id):
                mine = mine if mine is not None else list(identifiers(network, packet, consult))
                host = _look_up(each.id, mine, hosts) if network.open_to(each, classes) else None
                if host is not None:
                    found[each.id] = host
    if mine is None and not found:
        return NOTHING_FOUND
    if trace:
        _explain(network, mine or [], found, trace)
    return Found(found, frozenset(mine or ()))


def _explain(network: Network, mine: Sequence[Identity], found: dict[int, Host], trace: Trace) -> None:
    for kind, value in mine:
        if not any(host.identifier_type == kind for host in found.values()):
            trace.note("reservation", f"{kind} {value.hex(':')}", "none")
    for place, host in found.items():
        where = "global" if place == GLOBAL else f"subnet {network.by_id[place].prefix}"
        trace.note("reservation", f"{host.identifier_type} {host.identifier.hex(':')}", "found", where, host.where)


def _look_up(subnet_id: int, mine: Sequence[Identity] | Iterator[Identity], hosts: HostView) -> Host | None:
    for kind, value in mine:
        host = hosts.by_identifier(subnet_id, kind, value)
        if host is not None:
            return host
    return None


def host_in(subnet: Subnet4, found: Found) -> Host | None:
    """The reservation that holds in one subnet: its own, else the global one (Kea)."""
    if found is NOTHING_FOUND:
        return None
    if subnet.reservations_in_subnet and subnet.id in found.hosts:
        return found.hosts[subnet.id]
    return found.hosts.get(GLOBAL) if subnet.reservations_global else None


def reserved_address(link: Sequence[Subnet4], found: Found) -> tuple[Subnet4 | None, int]:
    """The address reserved for a client and its subnet, of those it may use here in order; address 0: there is none.

    A reservation without address still says which subnet the client is served from, and beats a global address (Kea).
    """
    for subnet in link:
        host = found.hosts.get(subnet.id) if subnet.reservations_in_subnet else None
        if host is None:
            continue
        if not host.address:
            return subnet, 0
        if not subnet.reservations_out_of_pool or subnet.pool_at(host.address) is None:
            return subnet, host.address
    host = found.hosts.get(GLOBAL)
    if host is not None and host.address:
        for subnet in link:
            if subnet.reservations_global and host.address in subnet:
                return subnet, host.address
    return None, 0


class Reserved:
    """Membership: is this address reserved for somebody else? Asked for every candidate of a pool."""

    __slots__ = ("hosts", "mine", "subnet_id")

    def __init__(self, hosts: HostView, subnet_id: int, mine: Container[Identity]) -> None:
        self.hosts, self.subnet_id, self.mine = hosts, subnet_id, mine

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.by_whom(address) is not None

    def by_whom(self, address: int) -> Host | None:
        """Another client's reservation for this address, None where there is none, or where one is this client's."""
        found = self.hosts.by_address(self.subnet_id, address)
        if any((host.identifier_type, host.identifier) in self.mine for host in found):
            return None  # several may have it reserved, and whoever comes gets it (`ip-reservations-unique` false)
        return found[0] if found else None


def reserved_for(host: Host) -> str:
    """Who a reservation is for, for people."""
    return f"{IPv4Address(host.address)} is reserved for {host.identifier_type} {host.identifier.hex(':')}"
