"""Reservations during a DHCPv6 decision: which of a client's identifiers has one, and which addresses are spoken for.

This module does not know where reservations come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dhcpkit.alloc.host import GLOBAL
from dhcpkit.alloc.host6 import Host6, Host6View
from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.points6 import Host6Identifier
from dhcpkit.alloc.query6 import Query6
from dhcpkit.wire.dhcp6 import Packet6

__all__ = ["Found6", "Reserved6", "find_hosts6", "global_host6", "host_in"]

Found6 = Mapping[int, Host6]  # by the subnet it is in; GLOBAL for the global one

NOTHING: Final[Found6] = {}


def global_host6(  # noqa: PLR0913, PLR0917  # who asks, and where to look
    packet: Packet6, duid: bytes, hwaddr: bytes, network: Network6, hosts: Host6View, consult: Consult | None
) -> Host6 | None:
    """The client's global reservation."""
    if not hosts.any_in(GLOBAL):
        return None
    for kind, value in _identifiers(packet, duid, hwaddr, network.host_identifiers, consult):
        host = hosts.by_identifier(GLOBAL, kind, value)
        if host is not None:
            return host
    return None


def find_hosts6(query: Query6, hosts: Host6View, consult: Consult | None) -> Found6:
    """Every reservation of this client that can matter: in the subnets of its network, and the global one."""
    subnet = query.subnet
    if subnet is None:
        return NOTHING if query.early is None else {GLOBAL: query.early}
    network, link = query.network, query.siblings
    found: dict[int, Host6] = {} if query.early is None else {GLOBAL: query.early}
    want_global = subnet.reservations_global and query.early is None
    if query.early is not None and not subnet.reservations_in_subnet:
        return found
    if len(link) == 1:
        here = subnet.reservations_in_subnet and hosts.any_in(subnet.id)
        if not here and not (want_global and hosts.any_in(GLOBAL)):
            return found or NOTHING
    looked = list(_identifiers(query.packet, query.duid, query.hwaddr, network.host_identifiers, consult))
    if len(link) == 1:
        places = [subnet.id] if subnet.reservations_in_subnet else []
        for place in [*([GLOBAL] if want_global else []), *places]:
            for kind, value in looked:
                host = hosts.by_identifier(place, kind, value)
                if host is not None:
                    found[place] = host
                    break
    else:
        _across(query, subnet, looked, hosts, found, want_global=want_global)
    if query.trace:
        _explain(query, looked, found)
    return found


def _across(  # noqa: PLR0913
    query: Query6,
    subnet: Subnet6,
    looked: Sequence[tuple[str, bytes]],
    hosts: Host6View,
    found: dict[int, Host6],
    *,
    want_global: bool,
) -> None:
    """A shared network's subnets: all of a client's reservations at once, since there may be many subnets (Kea)."""
    network = query.network
    for kind, value in looked:
        for host in hosts.by_client(kind, value):
            place = host.subnet_id
            if place in found:
                continue
            if place == GLOBAL:
                if want_global:
                    found[place] = host
                continue
            where = network.by_id.get(place)
            if (
                where is not None
                and network.one_link(subnet, where)
                and where.reservations_in_subnet
                and network.open_to(where, query.classes)
            ):
                found[place] = host


def _identifiers(
    packet: Packet6, duid: bytes, hwaddr: bytes, kinds: Sequence[str], consult: Consult | None
) -> Iterator[tuple[str, bytes]]:
    """A client's identifiers in the order reservations are searched (Kea: `host-reservation-identifiers`)."""
    for kind in kinds:
        if kind == "duid":
            value = duid
        elif kind == "hw-address":
            value = hwaddr
        elif kind == "flex-id" and consult is not None:
            point = Host6Identifier(packet, kind, b"")
            value = b"" if consult(point) in (NextStep.SKIP, NextStep.DROP) else point.identifier
        else:
            continue
        if value:
            yield kind, value


def _explain(query: Query6, looked: Sequence[tuple[str, bytes]], found: Found6) -> None:
    for kind, value in looked:
        if not any(host.identifier_type == kind for host in found.values()):
            query.trace.note("reservation", f"{kind} {value.hex(':')}", "none")
    for place, host in found.items():
        where = "global" if place == GLOBAL else f"subnet {query.network.by_id[place].prefix}"
        query.trace.note("reservation", host, "found", where, host.where)


def host_in(subnet: Subnet6 | None, found: Found6) -> Host6 | None:
    """The reservation that holds in one subnet: its own, else the global one (Kea)."""
    if subnet is None or not found:
        return None
    if subnet.reservations_in_subnet and subnet.id in found:
        return found[subnet.id]
    return found.get(GLOBAL) if subnet.reservations_global else None


class Reserved6:
    """Membership: whether an address, or the prefix that starts with it, is reserved for somebody else.

    Asked for every candidate of a pool.
    """

    __slots__ = ("hosts", "mine", "subnet_id")

    def __init__(self, hosts: Host6View, subnet_id: int, mine: Found6) -> None:
        self.hosts, self.subnet_id, self.mine = hosts, subnet_id, mine

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.by_whom(address) is not None

    def by_whom(self, address: int) -> Host6 | None:
        """The other client's reservation, None where there is none."""
        for host in self.hosts.by_address(self.subnet_id, address):
            if all(host is not own and not _same_client(host, own) for own in self.mine.values()):
                return host
        return None


def _same_client(host: Host6, own: Host6) -> bool:
    """Whether two are for one identifier: in the configuration and in a store, say, of which the first one counts."""
    return host.identifier == own.identifier and host.identifier_type == own.identifier_type
