"""Bytes and typed values of DHCP. Pure: no sockets, no clock, no server.

Start with `Packet4.parse(data)` and the options in `dhcpkit.wire.options4`, or `Packet6.parse(data)` and
`dhcpkit.wire.options6`; `Packet4(...)` and `Packet6(...)` write messages. What is exported here is all that the `repr`
of a packet, or of anything in one, needs to be read back.
"""

from dhcpkit.wire.auth import Authentication, AuthenticationProtocol, RelayAuthentication
from dhcpkit.wire.build4 import BOOTP_MIN, MESSAGE_SIZE, build_packet4
from dhcpkit.wire.client_fqdn import (
    ClientFqdn,
    ClientFqdn6,
)
from dhcpkit.wire.dhcp4 import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4
from dhcpkit.wire.dhcp6 import ARRIVAL6_UNKNOWN, Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.dnr import Resolver, ServiceParameter
from dhcpkit.wire.duid import ClientId, Duid, DuidType
from dhcpkit.wire.errors import JsonError, WireError
from dhcpkit.wire.geo import GeoConf
from dhcpkit.wire.identity6 import (
    DelegatedPrefix,
    IdentityAssociation,
    LeasedAddress,
    LinkLayerBlock,
    QuadrantPreference,
    StatusCode,
    StatusCode6,
    TemporaryAssociation,
)
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.leasequery6 import (
    BindingStatus,
    LeaseQuery6,
    ProtocolVersion,
    QueryType,
    ReconfigureData,
    RelayData,
    ServerState,
)
from dhcpkit.wire.location import CivicElement, CivicLocation, Coordinates
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import (
    DHCP4,
    DOCSIS3,
    MICROSOFT4,
    MOS_ADDRESSES,
    MOS_NAMES,
    PXE4,
    RELAY_AGENT,
    SUBNET_ALLOCATION_OPTIONS,
    VENDOR_ENCAPSULATED,
)
from dhcpkit.wire.options4 import VENDORS as VENDORS4
from dhcpkit.wire.options6 import (
    DHCP6,
    DOCSIS3_V6,
    ISC_V6,
    MOS_ADDRESS_OPTIONS,
    MOS_FQDN_OPTIONS,
    NTP_OPTIONS,
    RSOO_OPTIONS,
    S46_CONT_LW_OPTIONS,
    S46_CONT_MAPE_OPTIONS,
    S46_CONT_MAPT_OPTIONS,
    S46_RULE_OPTIONS,
    S46_V4V6BIND_OPTIONS,
    VENDORS6,
)
from dhcpkit.wire.packet_json import from_json, to_json
from dhcpkit.wire.radius import RadiusAttribute
from dhcpkit.wire.routes import Route
from dhcpkit.wire.services6 import (
    AddressPolicy,
    AddressSelection,
    DistributionManager,
    HomePrefix,
    KerberosServer,
    LinkLayerAddress,
    MulticastParameters,
    NetworkInterface,
    ResolverSelection,
)
from dhcpkit.wire.softwires import (
    ExcludedPrefix,
    MappingRule,
    MappingRule4rd,
    MulticastPrefixes,
    PortParameters,
    SoftwireBinding,
    Tunnel4rd,
)
from dhcpkit.wire.subnet_allocation import AllocatedSubnet, SubnetAllocation, SubnetInformation, SubnetRequest
from dhcpkit.wire.vendor import VendorClass, VendorOptions
from dhcpkit.wire.vendor6 import (
    RemoteId,
    VendorClass6,
    VendorOptions6,
)
from dhcpkit.wire.vendors4 import (
    BROADBAND_FORUM,
    CABLELABS_CLIENT,
    ETHERBOOT,
    MICROSOFT_VENDOR,
    NETWARE_IP,
    PXE_CLIENT,
    BootMenuEntry,
    BootServers,
)
from dhcpkit.wire.vss import VirtualSubnet

__all__ = [
    "ARRIVAL6_UNKNOWN",
    "ARRIVAL_UNKNOWN",
    "BOOTP_MIN",
    "BROADBAND_FORUM",
    "CABLELABS_CLIENT",
    "DHCP4",
    "DHCP6",
    "DOCSIS3",
    "DOCSIS3_V6",
    "ETHERBOOT",
    "ISC_V6",
    "MESSAGE_SIZE",
    "MICROSOFT4",
    "MICROSOFT_VENDOR",
    "MOS_ADDRESSES",
    "MOS_ADDRESS_OPTIONS",
    "MOS_FQDN_OPTIONS",
    "MOS_NAMES",
    "NETWARE_IP",
    "NTP_OPTIONS",
    "PXE4",
    "PXE_CLIENT",
    "RELAY_AGENT",
    "RSOO_OPTIONS",
    "S46_CONT_LW_OPTIONS",
    "S46_CONT_MAPE_OPTIONS",
    "S46_CONT_MAPT_OPTIONS",
    "S46_RULE_OPTIONS",
    "S46_V4V6BIND_OPTIONS",
    "SUBNET_ALLOCATION_OPTIONS",
    "VENDORS4",
    "VENDORS6",
    "VENDOR_ENCAPSULATED",
    "AddressPolicy",
    "AddressSelection",
    "AllocatedSubnet",
    "Arrival",
    "Arrival6",
    "Authentication",
    "AuthenticationProtocol",
    "BindingStatus",
    "BootMenuEntry",
    "BootServers",
    "CivicElement",
    "CivicLocation",
    "ClientFqdn",
    "ClientFqdn6",
    "ClientId",
    "Coordinates",
    "DelegatedPrefix",
    "DistributionManager",
    "Duid",
    "DuidType",
    "ExcludedPrefix",
    "GeoConf",
    "HomePrefix",
    "IdentityAssociation",
    "JsonError",
    "KerberosServer",
    "Kind",
    "LeaseQuery6",
    "LeasedAddress",
    "LinkLayerAddress",
    "LinkLayerBlock",
    "MappingRule",
    "MappingRule4rd",
    "MessageType",
    "MessageType6",
    "MulticastParameters",
    "MulticastPrefixes",
    "NetworkInterface",
    "Op",
    "Option",
    "Options6",
    "Packet4",
    "Packet6",
    "PortParameters",
    "ProtocolVersion",
    "QuadrantPreference",
    "QueryType",
    "RadiusAttribute",
    "ReconfigureData",
    "Relay6",
    "RelayAuthentication",
    "RelayData",
    "RemoteId",
    "Resolver",
    "ResolverSelection",
    "Route",
    "ServerState",
    "ServiceParameter",
    "SoftwireBinding",
    "Space",
    "StatusCode",
    "StatusCode6",
    "SubOptions",
    "SubnetAllocation",
    "SubnetInformation",
    "SubnetRequest",
    "TemporaryAssociation",
    "Tunnel4rd",
    "VendorClass",
    "VendorClass6",
    "VendorOptions",
    "VendorOptions6",
    "VirtualSubnet",
    "WireError",
    "build_packet4",
    "from_json",
    "to_json",
]
