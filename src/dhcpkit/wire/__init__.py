"""Bytes and typed values of DHCP. Pure: no sockets, no clock, no server.

Start with `Packet4.parse(data)` and the options in `dhcpkit.wire.options4`, or `Packet6.parse(data)` and
`dhcpkit.wire.options6`; `Packet4(...)` and `Packet6(...)` write messages. What is exported here is all that the `repr`
of a packet, or of anything in one, needs to be read back.
"""

from dhcpkit.wire.build4 import BOOTP_MIN, MESSAGE_SIZE, build_packet4
from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.dhcp4 import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4
from dhcpkit.wire.dhcp6 import ARRIVAL6_UNKNOWN, Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import ClientId, Duid, DuidType
from dhcpkit.wire.errors import JsonError, WireError
from dhcpkit.wire.identity6 import (
    DelegatedPrefix,
    IdentityAssociation,
    LeasedAddress,
    StatusCode,
    StatusCode6,
    TemporaryAssociation,
)
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4, DOCSIS3, RELAY_AGENT, VENDOR_ENCAPSULATED
from dhcpkit.wire.options4 import VENDORS as VENDORS4
from dhcpkit.wire.options6 import DHCP6
from dhcpkit.wire.packet_json import from_json, to_json
from dhcpkit.wire.routes import Route
from dhcpkit.wire.vendor import VendorClass, VendorOptions

__all__ = [
    "ARRIVAL6_UNKNOWN",
    "ARRIVAL_UNKNOWN",
    "BOOTP_MIN",
    "DHCP4",
    "DHCP6",
    "DOCSIS3",
    "MESSAGE_SIZE",
    "RELAY_AGENT",
    "VENDORS4",
    "VENDOR_ENCAPSULATED",
    "Arrival",
    "Arrival6",
    "ClientFqdn",
    "ClientId",
    "DelegatedPrefix",
    "Duid",
    "DuidType",
    "IdentityAssociation",
    "JsonError",
    "Kind",
    "LeasedAddress",
    "MessageType",
    "MessageType6",
    "Op",
    "Option",
    "Options6",
    "Packet4",
    "Packet6",
    "Relay6",
    "Route",
    "Space",
    "StatusCode",
    "StatusCode6",
    "SubOptions",
    "TemporaryAssociation",
    "VendorClass",
    "VendorOptions",
    "WireError",
    "build_packet4",
    "from_json",
    "to_json",
]
