"""Attributes of RADIUS (RFC 2865 5) that a relay passes on: DHCPv6's option 81 (RFC 7037), sub-option 7 (RFC 4014).

This module does not know what an attribute means.
"""

from __future__ import annotations

from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Row, Sized
from dhcpkit.wire.kinds import BINARY, UINT8, Kind, composed, in_digits, list_of

__all__ = ["RADIUS_ATTRIBUTES", "RadiusAttribute"]

HEAD: Final = 2  # octets of an attribute's type and length, which counts them, RFC 2865 5
LENGTH_MAX: Final = 255  # what the octet of length can say


@attrs.frozen
class RadiusAttribute:
    """One attribute: its type and the octets of its value."""

    type: int
    value: bytes


def _value_size(length: int) -> int:
    if length < HEAD:
        raise ValueError(f"an attribute has at least {HEAD} octets, not {length}")
    return length - HEAD


def _take(attribute: RadiusAttribute) -> tuple[int, tuple[int, bytes]]:
    length = HEAD + len(attribute.value)
    if length > LENGTH_MAX:
        raise ValueError(f"an attribute has at most {LENGTH_MAX} octets, not {length}")
    return attribute.type, (length, attribute.value)


_ATTRIBUTE: Final[Kind[RadiusAttribute]] = attrs.evolve(
    composed(RadiusAttribute, type=UINT8, value=BINARY),
    con=Row(
        c.Struct("type" / c.Int8ub, "value" / Sized(c.Int8ub, _value_size)),
        lambda number, sized: RadiusAttribute(number, sized[1]),
        _take,
    ),
)
RADIUS_ATTRIBUTES: Final[Kind[tuple[RadiusAttribute, ...]]] = in_digits(list_of(_ATTRIBUTE))
