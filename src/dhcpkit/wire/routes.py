"""Routes with a prefix length: option 121 (RFC 3442), in text `10.0.0.0/8 - 192.0.2.1`.

This module does not know which option hides which.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped, Row, Sized
from dhcpkit.wire.json_form import by_name
from dhcpkit.wire.kinds import IPV4, Kind, list_of, octets_for_bits, scalar

__all__ = ["ROUTES", "Route"]


@attrs.frozen
class Route:
    """Where a network is reached. RFC 3442: router 0.0.0.0 says that it is on the client's own link."""

    destination: IPv4Network
    router: IPv4Address


def _decode(destination: tuple[int, bytes], router: bytes) -> Route:
    bits, octets = destination
    # RFC 3442: a client masks the octets, whose bits behind the prefix may therefore be anything.
    return Route(IPv4Network((octets.ljust(4, b"\0"), bits), strict=False), IPv4Address(router))


def _encode(route: Route) -> tuple[tuple[int, bytes], bytes]:
    bits = route.destination.prefixlen
    octets = route.destination.network_address.packed[: octets_for_bits(bits)]
    return (bits, octets), route.router.packed


def _parse_field(field: str) -> Route:
    destination, _, router = field.partition("-")
    network, slash, bits = destination.strip().partition("/")
    try:
        return Route(
            IPv4Network(f"{network}/{int(bits) if slash else bits}", strict=False), IPv4Address(router.strip())
        )
    except ValueError:
        raise ValueError(f"{field!r} is not a route such as 10.0.0.0/8 - 192.0.2.1") from None


def _network(field: str) -> IPv4Network:
    try:
        return IPv4Network(field)
    except ValueError:
        raise ValueError(f"{field!r} is not a network such as 10.0.0.0/8") from None


_NETWORK: Final[Kind[IPv4Network]] = scalar(  # as JSON has it; the descriptor of an option holds the router, too
    "internal",
    Mapped(
        Sized(c.Int8ub, octets_for_bits),
        lambda found: IPv4Network((found[1].ljust(4, b"\0"), found[0])),
        lambda network: (network.prefixlen, network.network_address.packed[: octets_for_bits(network.prefixlen)]),
    ),
    _network,
    str,
    "a network: 10.0.0.0/8",
)

# RFC 3442, "destination descriptor": the width of the subnet mask, as many octets as have bits of it, the router
_ROUTE: Final = c.Struct("destination" / Sized(c.Int8ub, octets_for_bits), "router" / c.Bytes(4))
_ONE: Final = scalar(
    "internal",
    Row(_ROUTE, _decode, _encode),
    _parse_field,
    lambda route: f"{route.destination} - {route.router}",
    "a network and its router: 10.0.0.0/8 - 192.0.2.1",
    by_name(Route, {"destination": _NETWORK, "router": IPV4}),
)
ROUTES: Final[Kind[tuple[Route, ...]]] = attrs.evolve(list_of(_ONE), nothing=None)  # Kea takes no empty text here
