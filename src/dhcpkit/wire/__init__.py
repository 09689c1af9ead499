"""Bytes and typed values of DHCP. Pure: no sockets, no clock, no server.

Start with `Packet4.parse(data)` and the options in `dhcpkit.wire.options4`; `build_packet4` writes messages.
"""

from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.dhcp4 import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4
from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.routes import Route

__all__ = [
    "ARRIVAL_UNKNOWN",
    "Arrival",
    "ClientFqdn",
    "ClientId",
    "Duid",
    "Kind",
    "MessageType",
    "Op",
    "Option",
    "Packet4",
    "Route",
    "Space",
    "SubOptions",
    "WireError",
    "build_packet4",
]
