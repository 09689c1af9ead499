"""Which of several networks with the same addresses a client belongs to: virtual subnet selection (RFC 6607).

Alike in both families. This module does not know option codes.
"""

from __future__ import annotations

from typing import Final

import attrs

from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.kinds import BINARY, UINT8, Kind, composed, in_digits

__all__ = ["VIRTUAL_SUBNET", "VirtualSubnet"]

NAMED: Final = 0  # types of virtual subnets, RFC 6607 3.5
GLOBAL: Final = 255


@attrs.frozen
class VirtualSubnet:
    """The type says what `information` is: 0 a VPN's name, 1 a VPN-ID (RFC 2685), 255 nothing, the global VPN."""

    type: int
    information: bytes = b""

    @classmethod
    def named(cls, name: str) -> VirtualSubnet:
        """A VPN by its name, in NVT ASCII."""
        return cls(NAMED, name.encode("ascii"))


def _say(value: VirtualSubnet, _: Inside) -> str:
    if value.type == NAMED:
        return repr(value.information.decode("ascii", "replace"))
    return "the global VPN" if value.type == GLOBAL else f"type {value.type}"


VIRTUAL_SUBNET: Final[Kind[VirtualSubnet]] = attrs.evolve(
    in_digits(composed(VirtualSubnet, type=UINT8, information=BINARY)), says=_say
)
