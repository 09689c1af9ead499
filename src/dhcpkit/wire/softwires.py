"""IPv4 over an IPv6 network: how a customer's router maps one to the other (RFC 7598, RFC 7600, RFC 8115, RFC 6603).

MAP-E, MAP-T and lightweight 4over6 (`s46-*`), 4rd, multicast prefixes, and the part of a delegated prefix that is not
the customer's. Each is declared once, as the class of its value and the kinds of its fields. This module does not know
option codes, nor which of the options within are where.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped, Row
from dhcpkit.wire.json_form import by_name
from dhcpkit.wire.kinds import (
    BINARY,
    IPV4,
    IPV6_PREFIX,
    PSID,
    UINT8,
    UINT16,
    Kind,
    composed,
    octets_for_bits,
    scalar,
)
from dhcpkit.wire.nested6 import OPTIONS6, Options6
from dhcpkit.wire.text import parse_digits, show_hex

__all__ = [
    "BINDING",
    "EXCLUDED_PREFIX",
    "MAPPING_RULE",
    "MAPPING_RULE_4RD",
    "MULTICAST_PREFIXES",
    "PORT_PARAMETERS",
    "TUNNEL_4RD",
    "ExcludedPrefix",
    "MappingRule",
    "MappingRule4rd",
    "MulticastPrefixes",
    "PortParameters",
    "SoftwireBinding",
    "Tunnel4rd",
]

FORWARDING: Final = 0x01  # flag F of a rule, RFC 7598 4.1
WELL_KNOWN_PORTS: Final = 0x80  # flag W, RFC 7600 4.9
HUB_AND_SPOKE: Final = 0x80  # flags H and T, RFC 7600 4.9
TRAFFIC_CLASS: Final = 0x01
PREFIX_4RD_SIZE: Final = 12  # octets of a rule's IPv6 prefix, RFC 7600 4.9: the option has 20
EXCLUDED_MIN: Final = 2  # octets: a length and at least one of the subnet's number, RFC 6603 4.2
IPV6_BITS: Final = 128


@attrs.frozen
class MappingRule:
    """S46_RULE (RFC 7598 4.1): which IPv4 prefix lies in which IPv6 prefix; `ea_length` bits are a node's own."""

    flags: int
    ea_length: int
    prefix4_length: int
    prefix4: IPv4Address
    prefix6: IPv6Network
    options: Options6 = attrs.field(factory=Options6)

    @property
    def forwards(self) -> bool:
        """Flag F: nodes may send to each other by this rule, not through the border relay only."""
        return bool(self.flags & FORWARDING)

    @property
    def network4(self) -> IPv4Network:
        """The IPv4 prefix. ValueError where its length is more than 32."""
        return IPv4Network((int(self.prefix4), self.prefix4_length), strict=False)


@attrs.frozen
class SoftwireBinding:
    """S46_V4V6BIND (RFC 7598 4.4): a lightweight 4over6 client's IPv4 address and the prefix it is bound to."""

    address: IPv4Address
    prefix: IPv6Network
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class PortParameters:
    """S46_PORTPARAMS (RFC 7598 4.5): `psid` is a port set's number and its length in bits."""

    offset: int
    psid: tuple[int, int]


@attrs.frozen
class MappingRule4rd:
    """4RD_MAP_RULE (RFC 7600 4.9): lengths in bits; addresses may have bits behind them."""

    prefix4_length: int
    prefix6_length: int
    ea_length: int
    flags: int
    prefix4: IPv4Address
    prefix6: IPv6Address

    @property
    def well_known_ports(self) -> bool:
        """Flag W: well-known ports may be used, too."""
        return bool(self.flags & WELL_KNOWN_PORTS)


@attrs.frozen
class Tunnel4rd:
    """4RD_NON_MAP_RULE (RFC 7600 4.9): what else nodes of a domain have to know."""

    flags: int
    traffic_class: int
    domain_pmtu: int

    @property
    def hub_and_spoke(self) -> bool:
        """Flag H."""
        return bool(self.flags & HUB_AND_SPOKE)

    @property
    def has_traffic_class(self) -> bool:
        """Flag T: `traffic_class` is to be used."""
        return bool(self.flags & TRAFFIC_CLASS)


@attrs.frozen
class MulticastPrefixes:
    """V6_PREFIX64 (RFC 8115 3): what IPv4 addresses are put behind, in any-source and source-specific multicast."""

    any_source: IPv6Network
    source_specific: IPv6Network
    unicast: IPv6Network


@attrs.frozen
class ExcludedPrefix:
    """PD_EXCLUDE (RFC 6603 4.2): a prefix's `length`, and the bits of it that lie behind the delegated prefix.

    `subnet` holds them from the left, in as many octets as they need; `of` makes them, and `within` is the inverse.
    """

    length: int
    subnet: bytes

    @classmethod
    def of(cls, delegated: IPv6Network, excluded: IPv6Network) -> ExcludedPrefix:
        """ValueError where `excluded` is no part of `delegated`."""
        bits = excluded.prefixlen - delegated.prefixlen
        if bits <= 0 or not excluded.subnet_of(delegated):
            raise ValueError(f"{excluded} is not a part of {delegated}")
        behind = (int(excluded.network_address) << delegated.prefixlen) & ((1 << IPV6_BITS) - 1)
        return cls(excluded.prefixlen, behind.to_bytes(16, "big")[: octets_for_bits(bits)])

    def within(self, delegated: IPv6Network) -> IPv6Network:
        """The prefix that a delegated prefix is not to be used for. ValueError where it cannot be a part of that."""
        bits = self.length - delegated.prefixlen
        if bits <= 0 or self.length > IPV6_BITS or octets_for_bits(bits) != len(self.subnet):
            raise ValueError(f"a prefix of {self.length} bits with {len(self.subnet)} octets is no part of {delegated}")
        behind = int.from_bytes(self.subnet.ljust(16, b"\0"), "big") >> delegated.prefixlen
        return IPv6Network((int(delegated.network_address) | behind, self.length), strict=False)


MAPPING_RULE: Final[Kind[MappingRule]] = composed(
    MappingRule,
    flags=UINT8,
    ea_length=UINT8,
    prefix4_length=UINT8,
    prefix4=IPV4,
    prefix6=IPV6_PREFIX,
    options=OPTIONS6,
)
BINDING: Final[Kind[SoftwireBinding]] = composed(SoftwireBinding, address=IPV4, prefix=IPV6_PREFIX, options=OPTIONS6)
PORT_PARAMETERS: Final[Kind[PortParameters]] = composed(PortParameters, offset=UINT8, psid=PSID)
MULTICAST_PREFIXES: Final[Kind[MulticastPrefixes]] = composed(
    MulticastPrefixes, any_source=IPV6_PREFIX, source_specific=IPV6_PREFIX, unicast=IPV6_PREFIX
)


def _left_part(address: IPv6Address) -> bytes:
    octets = address.packed
    if any(octets[PREFIX_4RD_SIZE:]):
        raise ValueError(f"at most {8 * PREFIX_4RD_SIZE} bits expected of {address}")
    return octets[:PREFIX_4RD_SIZE]


_LEFT_PART: Final[Kind[IPv6Address]] = scalar(
    "ipv6-address",
    Mapped(c.Bytes(PREFIX_4RD_SIZE), lambda octets: IPv6Address(octets.ljust(16, b"\0")), _left_part),
    IPv6Address,
    str,
    "an IPv6 address of at most 96 bits",
)
MAPPING_RULE_4RD: Final[Kind[MappingRule4rd]] = composed(
    MappingRule4rd,
    prefix4_length=UINT8,
    prefix6_length=UINT8,
    ea_length=UINT8,
    flags=UINT8,
    prefix4=IPV4,
    prefix6=_LEFT_PART,
)
TUNNEL_4RD: Final[Kind[Tunnel4rd]] = composed(Tunnel4rd, flags=UINT8, traffic_class=UINT8, domain_pmtu=UINT16)


def _excluded(length: int, subnet: bytes) -> ExcludedPrefix:
    if not 0 < length <= IPV6_BITS or not 0 < len(subnet) <= octets_for_bits(length):
        raise ValueError(f"an excluded prefix of {length} bits with {len(subnet)} octets")
    return ExcludedPrefix(length, subnet)


def _parse_excluded(fields: Sequence[str]) -> ExcludedPrefix:
    if not fields:
        raise ValueError("no value given: an IPv6 prefix or hexadecimal digits expected")
    if "/" not in fields[0]:
        octets = parse_digits(fields[0])
        return _excluded(octets[0] if octets else 0, octets[1:])
    # As in Kea, which sends the whole prefix here, though RFC 6603 wants only what lies behind the delegated one.
    octets = IPV6_PREFIX.build(IPV6_PREFIX.parse_fields(fields))
    return _excluded(octets[0], octets[1:])


def _show_excluded(value: ExcludedPrefix) -> Sequence[str]:
    octets = bytes((value.length,)) + value.subnet
    if len(value.subnet) == octets_for_bits(value.length):
        prefix = IPV6_PREFIX.parse(octets)
        if IPV6_PREFIX.build(prefix) == octets:
            return (str(prefix),)
    return (show_hex(octets),)


EXCLUDED_PREFIX: Final[Kind[ExcludedPrefix]] = Kind(
    "ipv6-prefix",
    Row(c.Struct("length" / c.Int8ub, "subnet" / c.GreedyBytes), _excluded, lambda value: (value.length, value.subnet)),
    _parse_excluded,
    _show_excluded,
    "a length and octets in hexadecimal digits, or an IPv6 prefix, of which all octets are sent",
    json=by_name(ExcludedPrefix, {"length": UINT8, "subnet": BINARY}),
)
