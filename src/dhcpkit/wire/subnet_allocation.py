"""Subnets given to a client that hands out their addresses itself: option 220 (RFC 6656).

This module does not know option codes.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Whole
from dhcpkit.wire.kinds import IPV4, UINT8, UINT16, Kind, composed, in_digits, list_of
from dhcpkit.wire.nested import SUB_OPTIONS, SubOptions

__all__ = [
    "SUBNET_ALLOCATION",
    "SUBNET_INFORMATION",
    "SUBNET_REQUEST",
    "AllocatedSubnet",
    "SubnetAllocation",
    "SubnetInformation",
    "SubnetRequest",
]


@attrs.frozen
class SubnetAllocation:
    """A request for a subnet, or the answer, in its options (RFC 6656 3.1)."""

    flags: int = 0
    options: SubOptions = attrs.field(factory=SubOptions)


@attrs.frozen
class SubnetRequest:
    """Sub-option 1: how large a subnet is asked for (RFC 6656 3.2.1)."""

    flags: int
    prefix_length: int


@attrs.frozen
class AllocatedSubnet:
    """A subnet, with counts of its addresses: most ever in use, in use, unusable (RFC 6656 3.2.2)."""

    network: IPv4Address
    prefix_length: int
    flags: int = 0
    statistics: tuple[int, ...] = ()


@attrs.frozen
class SubnetInformation:
    """Sub-option 2: the subnets."""

    flags: int
    subnets: tuple[AllocatedSubnet, ...]


SUBNET_ALLOCATION: Final[Kind[SubnetAllocation]] = composed(SubnetAllocation, flags=UINT8, options=SUB_OPTIONS)
SUBNET_REQUEST: Final[Kind[SubnetRequest]] = composed(SubnetRequest, flags=UINT8, prefix_length=UINT8)
_COUNTS: Final = list_of(UINT16, least=0)
_STATISTICS: Final = attrs.evolve(_COUNTS, con=c.Prefixed(c.Int8ub, Whole(_COUNTS.con)))
_SUBNET: Final = composed(AllocatedSubnet, network=IPV4, prefix_length=UINT8, flags=UINT8, statistics=_STATISTICS)
SUBNET_INFORMATION: Final[Kind[SubnetInformation]] = in_digits(
    composed(SubnetInformation, flags=UINT8, subnets=list_of(_SUBNET))
)
