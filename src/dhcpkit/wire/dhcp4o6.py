"""DHCPv4 messages in DHCPv6 (RFC 7341): option 87 holds one, as a `Packet4`.

This module does not know who sends them.
"""

from __future__ import annotations

from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.errors import JsonError
from dhcpkit.wire.json_form import Inside, Json, JsonForm, quoted
from dhcpkit.wire.kinds import BINARY, Kind, in_digits, scalar

__all__ = ["PACKET4"]


def _show(packet: Packet4, _: Inside) -> Json:
    from dhcpkit.wire.packet_json import to_json  # noqa: PLC0415  # it knows messages of DHCPv6, which know this option

    return to_json(packet)


def _read(found: Json, _: Inside) -> Packet4:
    from dhcpkit.wire.packet_json import from_json  # noqa: PLC0415  # as above

    packet = from_json(found, family=4)
    if not isinstance(packet, Packet4):
        raise JsonError(f"a message of DHCPv4 expected, not {quoted(found)}")
    return packet


def _say(packet: Packet4, _: Inside) -> str:
    return str(packet)


PACKET4: Final[Kind[Packet4]] = attrs.evolve(
    in_digits(
        scalar(
            "binary",
            Mapped(c.GreedyBytes, Packet4.parse, bytes),
            lambda field: Packet4.parse(BINARY.parse_fields([field])),
            lambda packet: BINARY.show_fields(bytes(packet))[0],
            "hexadecimal digits",
        )
    ),
    json=JsonForm(_show, _read),
    says=_say,
)
