"""Which subnet a client is on (Kea's order; RFC 3527, RFC 3011, RFC 2131 4.3.1). Pure: packet and network in.

1. Relay agent information 5 (link selection) or option 118 (subnet selection): the prefix that holds that address,
   and nothing else. 2. A subnet that lists the relay's address. 3. The prefix that holds giaddr, else ciaddr, else the
   source address; for a client without any, the subnet bound to the interface, else the one of the interface's address.
A subnet the client's classes do not open is passed over. This module does not know leases or reservations.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final

from dhcpkit.alloc.classify import allowed
from dhcpkit.alloc.network import Network, Subnet4
from dhcpkit.alloc.trace import Trace
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["select_subnet4", "suboption"]

SELECTED_MAX: Final = 4096  # remembered links; anybody can write any giaddr, so it must not grow with them


def suboption(relay_information: bytes, code: int) -> bytes | None:
    """A sub-option of option 82, or None; what is cut off ends the search (Kea reads it so)."""
    at, end = 0, len(relay_information)
    while at + 1 < end:
        stop = at + 2 + relay_information[at + 1]
        if relay_information[at] == code:
            return relay_information[at + 2 : stop] if stop <= end else None
        at = stop
    return None


def select_subnet4(packet: Packet4, network: Network, classes: tuple[str, ...], trace: Trace) -> Subnet4 | None:
    """The subnet of a client, or None. Later stages may move it within its shared network only."""
    options = packet.options
    if network.guarded or trace or 82 in options or 118 in options:
        return _select(packet, network, classes, trace)
    # Without guards and options only the link decides, and its clients have that in common: remember it.
    key: object = packet.giaddr
    if not key:
        arrival = packet.arrival
        if not arrival.broadcast and (packet.ciaddr or arrival.source):
            return _select(packet, network, classes, trace)
        key = (arrival.interface, arrival.local)
    try:
        return network.selected[key]
    except KeyError:
        if len(network.selected) >= SELECTED_MAX:
            network.selected.clear()
        found = network.selected[key] = _select(packet, network, classes, trace)
        return found


def _select(packet: Packet4, network: Network, classes: tuple[str, ...], trace: Trace) -> Subnet4 | None:
    chosen = _chosen_by_option(packet, network)
    if chosen is not None:
        address, reason = chosen
        return _first(network.holding(address), network, classes, f"{reason} {IPv4Address(address)}", trace)
    if packet.giaddr:
        listed = network.by_relay(packet.giaddr)
        if listed:
            found = _first(listed, network, classes, f"relay {IPv4Address(packet.giaddr)} is listed", trace)
            if found is not None:
                return found
        return _by_address(packet.giaddr, "giaddr", network, classes, trace)
    arrival = packet.arrival
    if packet.ciaddr and not arrival.broadcast:
        return _by_address(packet.ciaddr, "ciaddr", network, classes, trace)
    if arrival.source and not arrival.broadcast:
        return _by_address(arrival.source, "source address", network, classes, trace)
    bound = network.by_interface(arrival.interface)
    if bound:
        found = _first(bound, network, classes, f"interface {arrival.interface}", trace)
        if found is not None:
            return found
    return _by_address(arrival.local, "interface address", network, classes, trace)


def _chosen_by_option(packet: Packet4, network: Network) -> tuple[int, str] | None:
    options = packet.options
    relay = options.get(82)
    if relay and not network.ignore_rai_link_selection:
        link = suboption(relay, 5)
        if link is not None and len(link) == 4:
            return int.from_bytes(link, "big"), "link selection (82.5)"
    selection = options.get(118)
    if selection is not None and len(selection) == 4:
        return int.from_bytes(selection, "big"), "subnet selection (118)"
    return None


def _by_address(address: int, what: str, network: Network, classes: tuple[str, ...], trace: Trace) -> Subnet4 | None:
    why = f"{what} {IPv4Address(address)}" if trace else ""
    return _first(network.holding(address), network, classes, why, trace)


def _first(
    subnets: Iterable[Subnet4], network: Network, classes: tuple[str, ...], why: str, trace: Trace
) -> Subnet4 | None:
    for subnet in subnets:
        if network.open_to(subnet, classes):
            if trace:
                trace.note("subnet", subnet.prefix, "selected", why, subnet.where)
            return subnet
        if trace:
            shared = network.shared_network(subnet)
            guards = subnet.client_classes
            if allowed(guards, classes) and shared is not None:
                guards = shared.client_classes
            trace.note(
                "subnet", subnet.prefix, "passed over", f"the client is not in {' or '.join(guards)}", subnet.where
            )
    if trace:
        trace.note("subnet", "", "none", f"no subnet for {why}" if why else "")
    return None
