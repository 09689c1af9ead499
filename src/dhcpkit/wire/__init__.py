"""Bytes and typed values of DHCP. Pure: no sockets, no clock, no server.

Start with `Packet4.parse(data)` and the options in `dhcpkit.wire.options4`.
"""

from dhcpkit.wire.dhcp4 import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.options import Option, Space

__all__ = ["ARRIVAL_UNKNOWN", "Arrival", "Kind", "MessageType", "Op", "Option", "Packet4", "Space", "WireError"]
