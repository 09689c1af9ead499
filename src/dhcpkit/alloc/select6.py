"""Which subnet a DHCPv6 client is on (Kea's order; RFC 8415 13.1). Pure: message and network in.

A relayed message: the subnet that names the interface-id (18) of the relay next to the client; else a subnet that lists
the address of the relay, or holds it, where that is the relay's nearest to the client whose link-address says where it
is: one that is unspecified (a lightweight relay, RFC 6221) or link-local does not. Where no relay says it, the client
is on the server's own link: the subnet bound to the interface, else the one that holds the source address. A subnet
that the client's classes do not open is passed over.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from ipaddress import IPv6Address
from typing import Final

from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.alloc.trace import Trace
from dhcpkit.wire.dhcp6 import Packet6

__all__ = ["LINK_LOCAL", "link_address", "select_subnet6"]

INTERFACE_ID: Final = 18
LINK_LOCAL: Final = 0xFE80 >> 6  # the first ten bits of an address (RFC 4291 2.5.6)
NOT_THE_PREFIX: Final = 118  # bits behind those


def link_address(packet: Packet6) -> int:
    """Where the client is, as the relay says that is nearest to it and says so at all; 0 for nobody does."""
    for relay in reversed(packet.relays):
        if relay.link and relay.link >> NOT_THE_PREFIX != LINK_LOCAL:
            return relay.link
    return 0


def select_subnet6(packet: Packet6, network: Network6, classes: Container[str], trace: Trace) -> Subnet6 | None:
    """The subnet of a client, or None. Later stages may move it within its shared network only."""
    relays = packet.relays
    link = link_address(packet) if relays else 0
    interface_id = relays[-1].options.first.get(INTERFACE_ID) if relays else None
    if interface_id is not None:
        why = f"interface-id {interface_id.hex(':')}" if trace else ""
        found = _first(network.by_interface_id(interface_id), network, classes, why, trace)
        if found is not None:
            return found
    if link:
        why = f"relay {IPv6Address(link)}" if trace else ""
        listed = network.by_relay(link)
        found = _first(listed, network, classes, f"{why} is listed", trace) if listed else None
        return found if found is not None else _first(network.holding(link), network, classes, why, trace)
    # Deviation from Kea 3.3, with Kea 3.0: an interface-id that nobody knows hides nothing that is known besides.
    return _direct(packet, network, classes, trace)


def _direct(packet: Packet6, network: Network6, classes: Container[str], trace: Trace) -> Subnet6 | None:
    arrival = packet.arrival
    bound = network.by_interface(arrival.interface) if arrival.interface else ()
    if bound:
        found = _first(bound, network, classes, f"interface {arrival.interface}", trace)
        if found is not None:
            return found
    if not arrival.source:
        return None
    why = f"source address {IPv6Address(arrival.source)}" if trace else ""
    return _first(network.holding(arrival.source), network, classes, why, trace)


def _first(
    subnets: Iterable[Subnet6], network: Network6, classes: Container[str], why: str, trace: Trace
) -> Subnet6 | None:
    for subnet in subnets:
        if network.open_to(subnet, classes):
            if trace:
                trace.note("subnet", subnet.prefix, "selected", why, subnet.where)
            return subnet
        if trace:
            trace.note("subnet", subnet.prefix, "passed over", "the client's classes do not open it", subnet.where)
    if trace:
        trace.note("subnet", "", "none", f"no subnet for {why}" if why else "")
    return None
