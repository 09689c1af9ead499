"""What a DHCPv6 message says of bindings: identity associations, addresses, prefixes and status codes (RFC 8415 21).

Link-layer addresses (RFC 8947) and SRv6 locators are bound in the same way. Each is declared once, as the class of its
value and the kinds of its fields. This module does not know option codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.json_form import OCTETS, Inside
from dhcpkit.wire.kinds import IPV6, TEXT, UINT8, UINT16, UINT32, Kind, composed, in_digits, list_of, scalar
from dhcpkit.wire.nested6 import OPTIONS6, Options6
from dhcpkit.wire.numbered import Numbered
from dhcpkit.wire.says import name_of
from dhcpkit.wire.text import parse_digits, show_hex

__all__ = [
    "ADDRESS",
    "ASSOCIATION",
    "INFINITY",
    "LINK_LAYER_BLOCK",
    "PREFIX",
    "QUADRANTS",
    "STATUS",
    "TEMPORARY",
    "DelegatedPrefix",
    "IdentityAssociation",
    "LeasedAddress",
    "LinkLayerBlock",
    "QuadrantPreference",
    "StatusCode",
    "StatusCode6",
    "TemporaryAssociation",
]

INFINITY: Final = 0xFFFFFFFF  # a lifetime without an end, RFC 8415 7.7


class StatusCode(Numbered):
    """Field `status-code` of option 13 (RFC 8415 21.13, RFC 5007, RFC 5460, RFC 7653, RFC 8156)."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    NO_ADDRS_AVAIL = 2
    NO_BINDING = 3
    NOT_ON_LINK = 4
    USE_MULTICAST = 5
    NO_PREFIX_AVAIL = 6
    UNKNOWN_QUERY_TYPE = 7
    MALFORMED_QUERY = 8
    NOT_CONFIGURED = 9
    NOT_ALLOWED = 10
    QUERY_TERMINATED = 11
    DATA_MISSING = 12
    CATCH_UP_COMPLETE = 13
    NOT_SUPPORTED = 14
    TLS_CONNECTION_REFUSED = 15
    ADDRESS_IN_USE = 16
    CONFIGURATION_CONFLICT = 17
    MISSING_BINDING_INFORMATION = 18
    OUTDATED_BINDING_INFORMATION = 19
    SERVER_SHUTTING_DOWN = 20
    DNS_UPDATE_NOT_SUPPORTED = 21
    EXCESSIVE_TIME_SKEW = 22


@attrs.frozen
class IdentityAssociation:
    """IA_NA and IA_PD (RFC 8415 21.4, 21.21): T1 and T2 in seconds, addresses or prefixes among the options."""

    iaid: int
    t1: int = 0
    t2: int = 0
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class TemporaryAssociation:
    """IA_TA (RFC 8415 21.5)."""

    iaid: int
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class LeasedAddress:
    """IAADDR (RFC 8415 21.6): lifetimes in seconds, INFINITY for no end."""

    address: IPv6Address
    preferred: int = 0
    valid: int = 0
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class DelegatedPrefix:
    """IAPREFIX (RFC 8415 21.22): lifetimes in seconds; `prefix` may have bits behind its `length`."""

    preferred: int
    valid: int
    length: int
    prefix: IPv6Address
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class LinkLayerBlock:
    """LLADDR (RFC 8947 11.2): a link-layer address and so many `extra` ones behind it; lifetime in seconds."""

    hwtype: int
    address: bytes
    extra: int = 0
    valid: int = 0
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class QuadrantPreference:
    """An entry of SLAP_QUAD (RFC 8948 4.1): a quadrant (0 AAI, 1 ELI, 2 reserved, 3 SAI), and how much it is wanted."""

    quadrant: int
    preference: int


@attrs.frozen
class StatusCode6:
    """STATUS_CODE (RFC 8415 21.13): a `StatusCode` where RFCs know it, and a sentence for people."""

    code: int
    message: str = ""


def _say_status(value: StatusCode6, _: Inside) -> str:
    name = name_of(StatusCode, value.code) or f"status {value.code}"
    return f"{name}: {value.message}" if value.message else name


def _message_of(fields: Sequence[str]) -> str:
    return fields[0] if fields else ""


_MESSAGE: Final = attrs.evolve(TEXT, parse_fields=_message_of)  # which may be empty, where a string may not
_OCTETS: Final[Kind[bytes]] = scalar(
    "tuple", c.Prefixed(c.Int16ub, c.GreedyBytes), parse_digits, show_hex, "hexadecimal digits", OCTETS
)

ASSOCIATION: Final[Kind[IdentityAssociation]] = composed(
    IdentityAssociation, iaid=UINT32, t1=UINT32, t2=UINT32, options=OPTIONS6
)
TEMPORARY: Final[Kind[TemporaryAssociation]] = attrs.evolve(
    composed(TemporaryAssociation, iaid=UINT32, options=OPTIONS6), name="uint32"
)
ADDRESS: Final[Kind[LeasedAddress]] = composed(
    LeasedAddress, address=IPV6, preferred=UINT32, valid=UINT32, options=OPTIONS6
)
PREFIX: Final[Kind[DelegatedPrefix]] = composed(
    DelegatedPrefix, preferred=UINT32, valid=UINT32, length=UINT8, prefix=IPV6, options=OPTIONS6
)
STATUS: Final[Kind[StatusCode6]] = attrs.evolve(composed(StatusCode6, code=UINT16, message=_MESSAGE), says=_say_status)
LINK_LAYER_BLOCK: Final[Kind[LinkLayerBlock]] = composed(
    LinkLayerBlock, hwtype=UINT16, address=_OCTETS, extra=UINT32, valid=UINT32, options=OPTIONS6
)
QUADRANTS: Final[Kind[tuple[QuadrantPreference, ...]]] = in_digits(
    list_of(composed(QuadrantPreference, quadrant=UINT8, preference=UINT8))
)
