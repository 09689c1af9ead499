"""What a DHCPv6 server tells of services, links and how to choose addresses, where that is more than one plain value.

Each is declared once, as the class of its value and the kinds of its fields. This module does not know option codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.json_form import Inside, Json, JsonForm
from dhcpkit.wire.kinds import (
    BINARY,
    IPV6,
    IPV6_PREFIX,
    TEXT,
    UINT8,
    UINT16,
    Kind,
    composed,
    in_digits,
    list_of,
)
from dhcpkit.wire.names import FQDN, FQDNS6
from dhcpkit.wire.nested6 import OPTIONS6, Options6

__all__ = [
    "ADDRESS_POLICY",
    "ADDRESS_SELECTION",
    "DISTRIBUTION_MANAGER",
    "HOME_PREFIX",
    "KERBEROS_SERVER",
    "LINK_LAYER_ADDRESS",
    "MULTICAST_PARAMETERS",
    "NETWORK_INTERFACE",
    "NO_OR_MORE_ADDRESSES",
    "NO_OR_MORE_NAMES",
    "RESOLVER_SELECTION",
    "AddressPolicy",
    "AddressSelection",
    "DistributionManager",
    "HomePrefix",
    "KerberosServer",
    "LinkLayerAddress",
    "MulticastParameters",
    "NetworkInterface",
    "ResolverSelection",
]

AUTOMATIC_ROWS: Final = 0x02  # flags A and P, RFC 7078 2
PRIVACY: Final = 0x01
PROACTIVE: Final = 0x80  # flag P, RFC 7774 2.1
DNS_OVER_TLS: Final = 0x0001  # the only bit that is assigned, RFC 9527 4.4


@attrs.frozen
class NetworkInterface:
    """NII (RFC 5970 3.4): a boot interface's type (1 is UNDI) and version."""

    type: int
    major: int
    minor: int


@attrs.frozen
class ResolverSelection:
    """RDNSS_SELECTION (RFC 6731 4.2): which names to ask a resolver for. `preference` is in the two low bits."""

    resolver: IPv6Address
    preference: int
    domains: tuple[str, ...]


@attrs.frozen
class LinkLayerAddress:
    """CLIENT_LINKLAYER_ADDR (RFC 6939 4): a hardware type (1 is Ethernet) and an address."""

    hwtype: int
    address: bytes


@attrs.frozen
class AddressSelection:
    """ADDRSEL (RFC 7078 2): the rows of the policy table are among the options."""

    flags: int
    options: Options6 = attrs.field(factory=Options6)

    @property
    def automatic_rows(self) -> bool:
        """Flag A: hosts may add rows of their own."""
        return bool(self.flags & AUTOMATIC_ROWS)

    @property
    def prefers_temporary(self) -> bool:
        """Flag P: hosts prefer temporary addresses."""
        return bool(self.flags & PRIVACY)


@attrs.frozen
class AddressPolicy:
    """ADDRSEL_TABLE (RFC 7078 2): a row of the policy table (RFC 6724 2.1)."""

    label: int
    precedence: int
    prefix: IPv6Network


@attrs.frozen
class HomePrefix:
    """MIP6_HNP (RFC 6610 3.3): a mobile node's home network."""

    length: int
    prefix: IPv6Address


@attrs.frozen
class KerberosServer:
    """KRB_KDC (RFC 6784 3.4): `transport` is 1 for UDP, 2 TCP, 3 TLS."""

    priority: int
    weight: int
    transport: int
    port: int
    address: IPv6Address
    realm: str


@attrs.frozen
class MulticastParameters:
    """MPL_PARAMETERS (RFC 7774 2.1), of one MPL domain, or of all where there is no `domain`.

    Times are in units of `time_unit` milliseconds, and the maxima are numbers of doublings of the minima.
    """

    flags: int
    time_unit: int
    seed_set_lifetime: int
    data_k: int
    data_minimum: int
    data_maximum: int
    data_expirations: int
    control_k: int
    control_minimum: int
    control_maximum: int
    control_expirations: int
    domain: IPv6Address | None = None

    @property
    def forwards_proactively(self) -> bool:
        """Flag P."""
        return bool(self.flags & PROACTIVE)


@attrs.frozen
class DistributionManager:
    """FORWARD_DIST_MANAGER and REVERSE_DIST_MANAGER (RFC 9527 4.2, 4.3): `transports` are bits, 1 is DNS over TLS."""

    transports: int
    name: str

    @property
    def over_tls(self) -> bool:
        """Whether DNS over mutually authenticated TLS is supported."""
        return bool(self.transports & DNS_OVER_TLS)


NETWORK_INTERFACE: Final[Kind[NetworkInterface]] = composed(NetworkInterface, type=UINT8, major=UINT8, minor=UINT8)
RESOLVER_SELECTION: Final[Kind[ResolverSelection]] = composed(
    ResolverSelection, resolver=IPV6, preference=UINT8, domains=FQDNS6
)


def _say_link_layer(value: LinkLayerAddress, _: Inside) -> str:
    return value.address.hex(":") + ("" if value.hwtype == 1 else f", hardware type {value.hwtype}")


LINK_LAYER_ADDRESS: Final[Kind[LinkLayerAddress]] = attrs.evolve(
    in_digits(composed(LinkLayerAddress, hwtype=UINT16, address=BINARY)), says=_say_link_layer
)
ADDRESS_SELECTION: Final[Kind[AddressSelection]] = composed(AddressSelection, flags=UINT8, options=OPTIONS6)
ADDRESS_POLICY: Final[Kind[AddressPolicy]] = composed(AddressPolicy, label=UINT8, precedence=UINT8, prefix=IPV6_PREFIX)
HOME_PREFIX: Final[Kind[HomePrefix]] = composed(HomePrefix, length=UINT8, prefix=IPV6)
KERBEROS_SERVER: Final[Kind[KerberosServer]] = composed(
    KerberosServer, priority=UINT16, weight=UINT16, transport=UINT8, port=UINT16, address=IPV6, realm=TEXT
)
DISTRIBUTION_MANAGER: Final[Kind[DistributionManager]] = composed(DistributionManager, transports=UINT16, name=FQDN)


def _one_or_none(addresses: Sequence[IPv6Address]) -> IPv6Address | None:
    if len(addresses) > 1:
        raise ValueError(f"at most one address expected, not {len(addresses)}")
    return addresses[0] if addresses else None


def _read_address(found: Json, inside: Inside) -> IPv6Address | None:
    return None if found is None else IPV6.from_json(found, inside)


_MAYBE_ADDRESS: Final[Kind[IPv6Address | None]] = Kind(
    "ipv6-address",
    Mapped(c.GreedyRange(IPV6.con), _one_or_none, lambda address: [] if address is None else [address]),
    lambda fields: IPV6.parse_fields(fields) if fields else None,
    lambda address: () if address is None else (str(address),),
    "an IPv6 address, or nothing",
    json=JsonForm(lambda address, _: None if address is None else str(address), _read_address),
)
MULTICAST_PARAMETERS: Final[Kind[MulticastParameters]] = in_digits(
    composed(
        MulticastParameters,
        flags=UINT8,
        time_unit=UINT8,
        seed_set_lifetime=UINT16,
        data_k=UINT8,
        data_minimum=UINT16,
        data_maximum=UINT8,
        data_expirations=UINT16,
        control_k=UINT8,
        control_minimum=UINT16,
        control_maximum=UINT8,
        control_expirations=UINT16,
        domain=_MAYBE_ADDRESS,
    )
)
NO_OR_MORE_ADDRESSES: Final[Kind[tuple[IPv6Address, ...]]] = list_of(IPV6, least=0)  # RFC 5678 4: none is an answer
NO_OR_MORE_NAMES: Final[Kind[tuple[str, ...]]] = list_of(FQDN, least=0)
