"""The options of DHCPv4, one line each: RFC 2132 unless said otherwise, under Kea's names.

This is a table. A new option is one `DHCP4.define(...)` line here, or in a module of your own.
"""

from typing import Final

from dhcpkit.wire.auth import AUTHENTICATION, RELAY_AUTHENTICATION
from dhcpkit.wire.client_fqdn import CLIENT_FQDN
from dhcpkit.wire.dnr import RESOLVERS4
from dhcpkit.wire.geo import GEOCONF
from dhcpkit.wire.header4 import MessageType
from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.kinds import (
    BINARY,
    BOOLEAN,
    EMPTY,
    INT32,
    IPV4,
    IPV6,
    LONG_TUPLE,
    PSID,
    TEXT,
    UINT8,
    UINT16,
    UINT32,
    in_digits,
    list_of,
    record,
)
from dhcpkit.wire.location import CIVIC_LOCATION, COORDINATES
from dhcpkit.wire.names import FQDN, FQDNS
from dhcpkit.wire.nested import SUB_OPTIONS, VENDOR_SUB_OPTIONS
from dhcpkit.wire.options import Space
from dhcpkit.wire.radius import RADIUS_ATTRIBUTES
from dhcpkit.wire.routes import ROUTES
from dhcpkit.wire.says import number_named, say_client_id, say_codes, say_duid
from dhcpkit.wire.servers import ADDRESS_GROUPS, NAMES_OR_ADDRESSES
from dhcpkit.wire.subnet_allocation import SUBNET_ALLOCATION, SUBNET_INFORMATION, SUBNET_REQUEST
from dhcpkit.wire.vendor import RELAY_VENDOR_OPTIONS, VENDOR_CLASSES, VENDOR_OPTIONS, say_user_classes
from dhcpkit.wire.vendors4 import (
    BROADBAND_FORUM,
    CABLELABS_CLIENT,
    ETHERBOOT,
    MICROSOFT_VENDOR,
    NETWARE_IP,
    PXE_CLIENT,
)
from dhcpkit.wire.vss import VIRTUAL_SUBNET

LEASE_STATES: Final = {  # RFC 6926 6.2.7
    1: "available", 2: "active", 3: "expired", 4: "released", 5: "abandoned", 6: "reset", 7: "remote",
    8: "transitioning",
}  # fmt: skip
LEASEQUERY_STATUS: Final = {  # RFC 6926 6.2.2, RFC 7724 5.2
    0: "Success", 1: "UnspecFail", 2: "QueryTerminated", 3: "MalformedQuery", 4: "NotAllowed", 5: "DataMissing",
    6: "ConnectionActive", 7: "CatchUpComplete", 8: "TLSConnectionRefused",
}  # fmt: skip


def _say_status(value: tuple[int, str], _: Inside) -> str:
    return LEASEQUERY_STATUS.get(value[0], "")


# What relay agents add, inside option 82; Kea 2.2 has no names for these numbers.
RELAY_AGENT: Final = Space("dhcp-agent-options-space", redefinable=True)

RELAY_CIRCUIT_ID: Final = RELAY_AGENT.define(1, "circuit-id", BINARY, rfc="RFC 3046 3.1")
RELAY_REMOTE_ID: Final = RELAY_AGENT.define(2, "remote-id", BINARY, rfc="RFC 3046 3.2")
RELAY_DOCSIS_DEVICE_CLASS: Final = RELAY_AGENT.define(4, "docsis-device-class", UINT32, rfc="RFC 3256 3")
RELAY_LINK_SELECTION: Final = RELAY_AGENT.define(5, "link-selection", IPV4, rfc="RFC 3527 3")
RELAY_SUBSCRIBER_ID: Final = RELAY_AGENT.define(6, "subscriber-id", TEXT, rfc="RFC 3993 2")
RELAY_RADIUS: Final = RELAY_AGENT.define(7, "radius", RADIUS_ATTRIBUTES, rfc="RFC 4014 3")
RELAY_AUTH: Final = RELAY_AGENT.define(8, "auth", RELAY_AUTHENTICATION, rfc="RFC 4030 4")
RELAY_VENDOR_INFO: Final = RELAY_AGENT.define(9, "vendor-specific-info", RELAY_VENDOR_OPTIONS, rfc="RFC 4243 3")
RELAY_FLAGS: Final = RELAY_AGENT.define(10, "relay-flags", UINT8, rfc="RFC 5010 3", note="bit 0x80: came as unicast")
RELAY_SERVER_ID: Final = RELAY_AGENT.define(11, "server-id-override", IPV4, rfc="RFC 5107 4")
RELAY_ID: Final = RELAY_AGENT.define(12, "relay-id", BINARY, rfc="RFC 6925 3", note="a DUID", says=say_duid)
RELAY_ACCESS_TECHNO_TYPE: Final = RELAY_AGENT.define(13, "access-techno-type", UINT16, rfc="RFC 7839 4.1")
RELAY_ACCESS_NETWORK_NAME: Final = RELAY_AGENT.define(14, "access-network-name", TEXT, rfc="RFC 7839 4.2")
RELAY_ACCESS_POINT_NAME: Final = RELAY_AGENT.define(15, "access-point-name", TEXT, rfc="RFC 7839 4.3")
RELAY_ACCESS_POINT_ID: Final = RELAY_AGENT.define(16, "access-point-bssid", BINARY, rfc="RFC 7839 4.4")
RELAY_OPERATOR_ID: Final = RELAY_AGENT.define(17, "operator-id", UINT32, rfc="RFC 7839 4.5")
RELAY_OPERATOR_REALM: Final = RELAY_AGENT.define(18, "operator-realm", TEXT, rfc="RFC 7839 4.6")
RELAY_PORT: Final = RELAY_AGENT.define(  # Kea 3 says uint16, but the RFC gives the sub-option no octets
    19, "relay-port", EMPTY, rfc="RFC 8357 4.1", note="reply to the port it came from"
)
RELAY_VIRTUAL_SUBNET: Final = RELAY_AGENT.define(151, "virtual-subnet-select", VIRTUAL_SUBNET, rfc="RFC 6607 3.2")
RELAY_VIRTUAL_SUBNET_CONTROL: Final = RELAY_AGENT.define(152, "virtual-subnet-select-ctrl", EMPTY, rfc="RFC 6607 3.3")

VENDOR_ENCAPSULATED: Final = Space("vendor-encapsulated-options-space")  # inside option 43, whoever the vendor is

DOCSIS3: Final = Space("docsis3-v4")  # CableLabs' options inside option 125, CL-SP-CANN-DHCP-Reg

DOCSIS3_ORO: Final = DOCSIS3.define(1, "oro", list_of(UINT8), says=say_codes)
DOCSIS3_TFTP_SERVERS: Final = DOCSIS3.define(2, "tftp-servers", list_of(IPV4))

VENDORS: Final = Space("vendors4")  # what option 125 encapsulates: by enterprise number (Kea says `vendor-4491`)
VENDORS.vendors[4491] = DOCSIS3
VENDORS.vendors[3561] = BROADBAND_FORUM
VENDOR_SPACES: Final = VENDORS.vendors

# Inside options 139 and 140: where the IEEE 802.21 services of a network are.
MOS_ADDRESSES: Final = Space("ipv4-address-mos", redefinable=True)

MOS_ADDRESSES.define(1, "mos-is", list_of(IPV4), rfc="RFC 5678 2", note="information service")
MOS_ADDRESSES.define(2, "mos-cs", list_of(IPV4), rfc="RFC 5678 2", note="command service")
MOS_ADDRESSES.define(3, "mos-es", list_of(IPV4), rfc="RFC 5678 2", note="event service")

MOS_NAMES: Final = Space("ipv4-fqdn-mos", redefinable=True)

MOS_NAMES.define(1, "mos-is", FQDNS, rfc="RFC 5678 3", note="information service")
MOS_NAMES.define(2, "mos-cs", FQDNS, rfc="RFC 5678 3", note="command service")
MOS_NAMES.define(3, "mos-es", FQDNS, rfc="RFC 5678 3", note="event service")

SUBNET_ALLOCATION_OPTIONS: Final = Space("subnet-allocation", redefinable=True)  # inside option 220

SUBNET_ALLOCATION_OPTIONS.define(1, "subnet-request", SUBNET_REQUEST, rfc="RFC 6656 3.2.1")
SUBNET_ALLOCATION_OPTIONS.define(2, "subnet-information", SUBNET_INFORMATION, rfc="RFC 6656 3.2.2")
SUBNET_ALLOCATION_OPTIONS.define(3, "subnet-name", TEXT, rfc="RFC 6656 3.2.3")
SUBNET_ALLOCATION_OPTIONS.define(4, "suggested-lease-time", UINT32, rfc="RFC 6656 3.2.4", note="seconds")

DHCP4: Final = Space("dhcp4")

SUBNET_MASK: Final = DHCP4.define(1, "subnet-mask", IPV4, rfc="RFC 2132 3.3")
TIME_OFFSET: Final = DHCP4.define(2, "time-offset", INT32, rfc="RFC 2132 3.4", note="replaced by 100, 101")
ROUTERS: Final = DHCP4.define(3, "routers", list_of(IPV4), rfc="RFC 2132 3.5")
TIME_SERVERS: Final = DHCP4.define(4, "time-servers", list_of(IPV4), rfc="RFC 2132 3.6")
NAME_SERVERS: Final = DHCP4.define(5, "name-servers", list_of(IPV4), rfc="RFC 2132 3.7", note="IEN 116, not DNS")
DOMAIN_NAME_SERVERS: Final = DHCP4.define(6, "domain-name-servers", list_of(IPV4), rfc="RFC 2132 3.8")
LOG_SERVERS: Final = DHCP4.define(7, "log-servers", list_of(IPV4), rfc="RFC 2132 3.9")
COOKIE_SERVERS: Final = DHCP4.define(8, "cookie-servers", list_of(IPV4), rfc="RFC 2132 3.10")
LPR_SERVERS: Final = DHCP4.define(9, "lpr-servers", list_of(IPV4), rfc="RFC 2132 3.11")
IMPRESS_SERVERS: Final = DHCP4.define(10, "impress-servers", list_of(IPV4), rfc="RFC 2132 3.12")
RESOURCE_LOCATION_SERVERS: Final = DHCP4.define(11, "resource-location-servers", list_of(IPV4), rfc="RFC 2132 3.13")
HOST_NAME: Final = DHCP4.define(12, "host-name", TEXT, rfc="RFC 2132 3.14")
BOOT_SIZE: Final = DHCP4.define(13, "boot-size", UINT16, rfc="RFC 2132 3.15", note="blocks of 512 octets")
MERIT_DUMP: Final = DHCP4.define(14, "merit-dump", TEXT, rfc="RFC 2132 3.16")
DOMAIN_NAME: Final = DHCP4.define(15, "domain-name", TEXT, rfc="RFC 2132 3.17")
SWAP_SERVER: Final = DHCP4.define(16, "swap-server", IPV4, rfc="RFC 2132 3.18")
ROOT_PATH: Final = DHCP4.define(17, "root-path", TEXT, rfc="RFC 2132 3.19")
EXTENSIONS_PATH: Final = DHCP4.define(18, "extensions-path", TEXT, rfc="RFC 2132 3.20")
IP_FORWARDING: Final = DHCP4.define(19, "ip-forwarding", BOOLEAN, rfc="RFC 2132 4.1")
NON_LOCAL_SOURCE_ROUTING: Final = DHCP4.define(20, "non-local-source-routing", BOOLEAN, rfc="RFC 2132 4.2")
POLICY_FILTER: Final = DHCP4.define(21, "policy-filter", list_of(IPV4), rfc="RFC 2132 4.3", note="address, mask ...")
MAX_DGRAM_REASSEMBLY: Final = DHCP4.define(22, "max-dgram-reassembly", UINT16, rfc="RFC 2132 4.4")
DEFAULT_IP_TTL: Final = DHCP4.define(23, "default-ip-ttl", UINT8, rfc="RFC 2132 4.5")
PATH_MTU_AGING_TIMEOUT: Final = DHCP4.define(24, "path-mtu-aging-timeout", UINT32, rfc="RFC 2132 4.6")
PATH_MTU_PLATEAU_TABLE: Final = DHCP4.define(25, "path-mtu-plateau-table", list_of(UINT16), rfc="RFC 2132 4.7")
INTERFACE_MTU: Final = DHCP4.define(26, "interface-mtu", UINT16, rfc="RFC 2132 5.1")
ALL_SUBNETS_LOCAL: Final = DHCP4.define(27, "all-subnets-local", BOOLEAN, rfc="RFC 2132 5.2")
BROADCAST_ADDRESS: Final = DHCP4.define(28, "broadcast-address", IPV4, rfc="RFC 2132 5.3")
PERFORM_MASK_DISCOVERY: Final = DHCP4.define(29, "perform-mask-discovery", BOOLEAN, rfc="RFC 2132 5.4")
MASK_SUPPLIER: Final = DHCP4.define(30, "mask-supplier", BOOLEAN, rfc="RFC 2132 5.5")
ROUTER_DISCOVERY: Final = DHCP4.define(31, "router-discovery", BOOLEAN, rfc="RFC 2132 5.6")
ROUTER_SOLICITATION_ADDRESS: Final = DHCP4.define(32, "router-solicitation-address", IPV4, rfc="RFC 2132 5.7")
STATIC_ROUTES: Final = DHCP4.define(
    33, "static-routes", list_of(IPV4), rfc="RFC 2132 5.8", note="destination, router ...; replaced by 121"
)
TRAILER_ENCAPSULATION: Final = DHCP4.define(34, "trailer-encapsulation", BOOLEAN, rfc="RFC 2132 6.1")
ARP_CACHE_TIMEOUT: Final = DHCP4.define(35, "arp-cache-timeout", UINT32, rfc="RFC 2132 6.2")
IEEE802_3_ENCAPSULATION: Final = DHCP4.define(36, "ieee802-3-encapsulation", BOOLEAN, rfc="RFC 2132 6.3")
DEFAULT_TCP_TTL: Final = DHCP4.define(37, "default-tcp-ttl", UINT8, rfc="RFC 2132 7.1")
TCP_KEEPALIVE_INTERVAL: Final = DHCP4.define(38, "tcp-keepalive-interval", UINT32, rfc="RFC 2132 7.2")
TCP_KEEPALIVE_GARBAGE: Final = DHCP4.define(39, "tcp-keepalive-garbage", BOOLEAN, rfc="RFC 2132 7.3")
NIS_DOMAIN: Final = DHCP4.define(40, "nis-domain", TEXT, rfc="RFC 2132 8.1")
NIS_SERVERS: Final = DHCP4.define(41, "nis-servers", list_of(IPV4), rfc="RFC 2132 8.2")
NTP_SERVERS: Final = DHCP4.define(42, "ntp-servers", list_of(IPV4), rfc="RFC 2132 8.3")
VENDOR_ENCAPSULATED_OPTIONS: Final = DHCP4.define(
    43,
    "vendor-encapsulated-options",
    VENDOR_SUB_OPTIONS,
    rfc="RFC 2132 8.4",
    encapsulates=VENDOR_ENCAPSULATED,
    redefinable=True,
)
NETBIOS_NAME_SERVERS: Final = DHCP4.define(44, "netbios-name-servers", list_of(IPV4), rfc="RFC 2132 8.5")
NETBIOS_DD_SERVER: Final = DHCP4.define(45, "netbios-dd-server", list_of(IPV4), rfc="RFC 2132 8.6")
NETBIOS_NODE_TYPE: Final = DHCP4.define(46, "netbios-node-type", UINT8, rfc="RFC 2132 8.7", note="1 B, 2 P, 4 M, 8 H")
NETBIOS_SCOPE: Final = DHCP4.define(47, "netbios-scope", TEXT, rfc="RFC 2132 8.8")
FONT_SERVERS: Final = DHCP4.define(48, "font-servers", list_of(IPV4), rfc="RFC 2132 8.9")
X_DISPLAY_MANAGER: Final = DHCP4.define(49, "x-display-manager", list_of(IPV4), rfc="RFC 2132 8.10")
DHCP_REQUESTED_ADDRESS: Final = DHCP4.define(50, "dhcp-requested-address", IPV4, rfc="RFC 2132 9.1")
DHCP_LEASE_TIME: Final = DHCP4.define(51, "dhcp-lease-time", UINT32, rfc="RFC 2132 9.2", note="seconds")
DHCP_OPTION_OVERLOAD: Final = DHCP4.define(
    52,
    "dhcp-option-overload",
    UINT8,
    rfc="RFC 2132 9.3",
    note="options in 1 file, 2 sname, 3 both",
    says=number_named({1: "file", 2: "sname", 3: "file and sname"}),
)
DHCP_MESSAGE_TYPE: Final = DHCP4.define(
    53, "dhcp-message-type", UINT8, rfc="RFC 2132 9.6", says=number_named(MessageType)
)
DHCP_SERVER_IDENTIFIER: Final = DHCP4.define(54, "dhcp-server-identifier", IPV4, rfc="RFC 2132 9.7")
DHCP_PARAMETER_REQUEST_LIST: Final = DHCP4.define(
    55, "dhcp-parameter-request-list", list_of(UINT8), rfc="RFC 2132 9.8", says=say_codes
)
DHCP_MESSAGE: Final = DHCP4.define(56, "dhcp-message", TEXT, rfc="RFC 2132 9.9")
DHCP_MAX_MESSAGE_SIZE: Final = DHCP4.define(57, "dhcp-max-message-size", UINT16, rfc="RFC 2132 9.10")
DHCP_RENEWAL_TIME: Final = DHCP4.define(58, "dhcp-renewal-time", UINT32, rfc="RFC 2132 9.11", note="seconds, T1")
DHCP_REBINDING_TIME: Final = DHCP4.define(59, "dhcp-rebinding-time", UINT32, rfc="RFC 2132 9.12", note="seconds, T2")
VENDOR_CLASS_IDENTIFIER: Final = DHCP4.define(60, "vendor-class-identifier", TEXT, rfc="RFC 2132 9.13")
DHCP_CLIENT_IDENTIFIER: Final = DHCP4.define(
    61,
    "dhcp-client-identifier",
    BINARY,
    rfc="RFC 2132 9.14, RFC 4361",
    note="its parts: duid.ClientId",
    says=say_client_id,
)
NWIP_DOMAIN_NAME: Final = DHCP4.define(62, "nwip-domain-name", TEXT, rfc="RFC 2242 2")
NWIP_SUBOPTIONS: Final = DHCP4.define(
    63, "nwip-suboptions", in_digits(SUB_OPTIONS), rfc="RFC 2242 3", encapsulates=NETWARE_IP
)
NISPLUS_DOMAIN_NAME: Final = DHCP4.define(64, "nisplus-domain-name", TEXT, rfc="RFC 2132 8.11")
NISPLUS_SERVERS: Final = DHCP4.define(65, "nisplus-servers", list_of(IPV4), rfc="RFC 2132 8.12")
TFTP_SERVER_NAME: Final = DHCP4.define(66, "tftp-server-name", TEXT, rfc="RFC 2132 9.4")
BOOT_FILE_NAME: Final = DHCP4.define(67, "boot-file-name", TEXT, rfc="RFC 2132 9.5")
MOBILE_IP_HOME_AGENT: Final = DHCP4.define(68, "mobile-ip-home-agent", list_of(IPV4), rfc="RFC 2132 8.13")
SMTP_SERVER: Final = DHCP4.define(69, "smtp-server", list_of(IPV4), rfc="RFC 2132 8.14")
POP_SERVER: Final = DHCP4.define(70, "pop-server", list_of(IPV4), rfc="RFC 2132 8.15")
NNTP_SERVER: Final = DHCP4.define(71, "nntp-server", list_of(IPV4), rfc="RFC 2132 8.16")
WWW_SERVER: Final = DHCP4.define(72, "www-server", list_of(IPV4), rfc="RFC 2132 8.17")
FINGER_SERVER: Final = DHCP4.define(73, "finger-server", list_of(IPV4), rfc="RFC 2132 8.18")
IRC_SERVER: Final = DHCP4.define(74, "irc-server", list_of(IPV4), rfc="RFC 2132 8.19")
STREETTALK_SERVER: Final = DHCP4.define(75, "streettalk-server", list_of(IPV4), rfc="RFC 2132 8.20")
STREETTALK_DIRECTORY_ASSISTANCE_SERVER: Final = DHCP4.define(
    76, "streettalk-directory-assistance-server", list_of(IPV4), rfc="RFC 2132 8.21"
)
USER_CLASS: Final = DHCP4.define(
    77, "user-class", BINARY, rfc="RFC 3004 4", note="its parts: vendor.opaque_list", says=say_user_classes
)
SLP_DIRECTORY_AGENT: Final = DHCP4.define(78, "slp-directory-agent", record(BOOLEAN, list_of(IPV4)), rfc="RFC 2610 2")
SLP_SERVICE_SCOPE: Final = DHCP4.define(79, "slp-service-scope", record(BOOLEAN, TEXT), rfc="RFC 2610 3")
RAPID_COMMIT: Final = DHCP4.define(80, "rapid-commit", EMPTY, rfc="RFC 4039 4", redefinable=True)
FQDN_OPTION: Final = DHCP4.define(81, "fqdn", CLIENT_FQDN, rfc="RFC 4702 2", note="hides host-name (12)")
DHCP_AGENT_OPTIONS: Final = DHCP4.define(
    82, "dhcp-agent-options", SUB_OPTIONS, rfc="RFC 3046 2", encapsulates=RELAY_AGENT
)
ISNS: Final = DHCP4.define(
    83,
    "isns",
    record(UINT16, UINT16, UINT16, UINT32, list_of(IPV4)),
    rfc="RFC 4174 2",
    note="functions, access, flags and security in bits, and servers",
    redefinable=True,
)
NDS_SERVERS: Final = DHCP4.define(85, "nds-servers", list_of(IPV4), rfc="RFC 2241 2")
NDS_TREE_NAME: Final = DHCP4.define(86, "nds-tree-name", TEXT, rfc="RFC 2241 3")
NDS_CONTEXT: Final = DHCP4.define(87, "nds-context", TEXT, rfc="RFC 2241 4")
BCMS_CONTROLLER_NAMES: Final = DHCP4.define(88, "bcms-controller-names", FQDNS, rfc="RFC 4280 4.3")
BCMS_CONTROLLER_ADDRESS: Final = DHCP4.define(89, "bcms-controller-address", list_of(IPV4), rfc="RFC 4280 4.1")
AUTHENTICATE: Final = DHCP4.define(90, "authenticate", AUTHENTICATION, rfc="RFC 3118 2, RFC 6704 3.1.2")
CLIENT_LAST_TRANSACTION_TIME: Final = DHCP4.define(91, "client-last-transaction-time", UINT32, rfc="RFC 4388 6.1")
ASSOCIATED_IP: Final = DHCP4.define(92, "associated-ip", list_of(IPV4), rfc="RFC 4388 6.1")
CLIENT_SYSTEM: Final = DHCP4.define(93, "client-system", list_of(UINT16), rfc="RFC 4578 2.1", note="0 BIOS, 7 EFI")
CLIENT_NDI: Final = DHCP4.define(94, "client-ndi", record(UINT8, UINT8, UINT8), rfc="RFC 4578 2.2")
LDAP: Final = DHCP4.define(95, "ldap", TEXT, rfc="RFC 3679 3.1", note="URLs", redefinable=True)
UUID_GUID: Final = DHCP4.define(97, "uuid-guid", record(UINT8, BINARY), rfc="RFC 4578 2.3")
UAP_SERVERS: Final = DHCP4.define(98, "uap-servers", TEXT, rfc="RFC 2485 2")
GEOCONF_CIVIC: Final = DHCP4.define(99, "geoconf-civic", in_digits(CIVIC_LOCATION), rfc="RFC 4776 3.1")
PCODE: Final = DHCP4.define(100, "pcode", TEXT, rfc="RFC 4833 2", note="a time zone as POSIX writes it")
TCODE: Final = DHCP4.define(101, "tcode", TEXT, rfc="RFC 4833 2", note="a time zone by its name")
V6_ONLY_PREFERRED: Final = DHCP4.define(108, "v6-only-preferred", UINT32, rfc="RFC 8925 3.1", note="seconds")
DHCP4O6_S46_SADDR: Final = DHCP4.define(109, "dhcp4o6-s46-saddr", IPV6, rfc="RFC 8539", redefinable=True)
NETINFO_SERVER_ADDRESS: Final = DHCP4.define(112, "netinfo-server-address", list_of(IPV4), rfc="RFC 3679 3.2")
NETINFO_SERVER_TAG: Final = DHCP4.define(113, "netinfo-server-tag", TEXT, rfc="RFC 3679 3.2")
V4_CAPTIVE_PORTAL: Final = DHCP4.define(114, "v4-captive-portal", TEXT, rfc="RFC 8910 2.1")
AUTO_CONFIG: Final = DHCP4.define(116, "auto-config", UINT8, rfc="RFC 2563 2")
NAME_SERVICE_SEARCH: Final = DHCP4.define(117, "name-service-search", list_of(UINT16), rfc="RFC 2937")
SUBNET_SELECTION: Final = DHCP4.define(118, "subnet-selection", IPV4, rfc="RFC 3011 2")
DOMAIN_SEARCH: Final = DHCP4.define(119, "domain-search", FQDNS, rfc="RFC 3397 2")
SIP_SERVERS: Final = DHCP4.define(120, "sip-servers", NAMES_OR_ADDRESSES, rfc="RFC 3361 3", redefinable=True)
CLASSLESS_STATIC_ROUTE: Final = DHCP4.define(
    121, "classless-static-route", ROUTES, rfc="RFC 3442", note="hides routers (3) and static-routes", redefinable=True
)
CABLELABS_CLIENT_CONF: Final = DHCP4.define(
    122,
    "cablelabs-client-conf",
    SUB_OPTIONS,
    rfc="RFC 3495 4",
    encapsulates=CABLELABS_CLIENT,
    redefinable=True,
)
GEOCONF_OPTION: Final = DHCP4.define(123, "geoconf", GEOCONF, rfc="RFC 6225 2.2.1", redefinable=True)
VIVCO_SUBOPTIONS: Final = DHCP4.define(124, "vivco-suboptions", VENDOR_CLASSES, rfc="RFC 3925 3")
VIVSO_SUBOPTIONS: Final = DHCP4.define(125, "vivso-suboptions", VENDOR_OPTIONS, rfc="RFC 3925 4", encapsulates=VENDORS)
PXE_128: Final = DHCP4.define(128, "pxe-128", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_129: Final = DHCP4.define(129, "pxe-129", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_130: Final = DHCP4.define(130, "pxe-130", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_131: Final = DHCP4.define(131, "pxe-131", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_132: Final = DHCP4.define(132, "pxe-132", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_133: Final = DHCP4.define(133, "pxe-133", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_134: Final = DHCP4.define(134, "pxe-134", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PXE_135: Final = DHCP4.define(135, "pxe-135", BINARY, rfc="RFC 4578 2.4", redefinable=True)
PANA_AGENT: Final = DHCP4.define(136, "pana-agent", list_of(IPV4), rfc="RFC 5192 3.1")
V4_LOST: Final = DHCP4.define(137, "v4-lost", FQDN, rfc="RFC 5223 4")
CAPWAP_AC_V4: Final = DHCP4.define(138, "capwap-ac-v4", list_of(IPV4), rfc="RFC 5417 2")
IPV4_ADDRESS_MOS: Final = DHCP4.define(
    139, "ipv4-address-mos", SUB_OPTIONS, rfc="RFC 5678 2", encapsulates=MOS_ADDRESSES, redefinable=True
)
IPV4_FQDN_MOS: Final = DHCP4.define(
    140, "ipv4-fqdn-mos", SUB_OPTIONS, rfc="RFC 5678 3", encapsulates=MOS_NAMES, redefinable=True
)
SIP_UA_CS_DOMAINS: Final = DHCP4.define(141, "sip-ua-cs-domains", FQDNS, rfc="RFC 6011 4.1")
IPV4_ADDRESS_ANDSF: Final = DHCP4.define(142, "ipv4-address-andsf", list_of(IPV4), rfc="RFC 6153 2", redefinable=True)
V4_SZTP_REDIRECT: Final = DHCP4.define(
    143, "v4-sztp-redirect", list_of(LONG_TUPLE), rfc="RFC 8572 8.1", redefinable=True
)
GEOLOC: Final = DHCP4.define(144, "geoloc", COORDINATES, rfc="RFC 6225 2.2.2", redefinable=True)
FORCERENEW_NONCE_CAPABLE: Final = DHCP4.define(
    145, "forcerenew-nonce-capable", list_of(UINT8), rfc="RFC 6704 3.1.1", note="algorithms: 1", redefinable=True
)
RDNSS_SELECTION: Final = DHCP4.define(146, "rdnss-selection", record(UINT8, IPV4, IPV4, FQDNS), rfc="RFC 6731 4.3")
V4_DOTS_RI: Final = DHCP4.define(147, "v4-dots-ri", FQDN, rfc="RFC 8973", redefinable=True)
V4_DOTS_ADDRESS: Final = DHCP4.define(148, "v4-dots-address", list_of(IPV4), rfc="RFC 8973", redefinable=True)
TFTP_SERVER_ADDRESS: Final = DHCP4.define(150, "tftp-server-address", list_of(IPV4), rfc="RFC 5859 2", redefinable=True)
STATUS_CODE: Final = DHCP4.define(
    151, "status-code", record(UINT8, TEXT), rfc="RFC 6926 6.2.2", redefinable=True, says=_say_status
)
BASE_TIME: Final = DHCP4.define(
    152, "base-time", UINT32, rfc="RFC 6926 6.2", note="seconds since 1970", redefinable=True
)
START_TIME_OF_STATE: Final = DHCP4.define(
    153, "start-time-of-state", UINT32, rfc="RFC 6926 6.2", note="seconds before base-time", redefinable=True
)
QUERY_START_TIME: Final = DHCP4.define(154, "query-start-time", UINT32, rfc="RFC 6926 6.2", redefinable=True)
QUERY_END_TIME: Final = DHCP4.define(155, "query-end-time", UINT32, rfc="RFC 6926 6.2", redefinable=True)
DHCP_STATE: Final = DHCP4.define(
    156, "dhcp-state", UINT8, rfc="RFC 6926 6.2", redefinable=True, says=number_named(LEASE_STATES)
)
DATA_SOURCE: Final = DHCP4.define(
    157, "data-source", UINT8, rfc="RFC 6926 6.2", note="bit 1: from another server", redefinable=True
)
V4_PCP_SERVER: Final = DHCP4.define(158, "v4-pcp-server", ADDRESS_GROUPS, rfc="RFC 7291 4", redefinable=True)
V4_PORTPARAMS: Final = DHCP4.define(159, "v4-portparams", record(UINT8, PSID), rfc="RFC 7618 9")
MUD_URL_V4: Final = DHCP4.define(161, "mud-url-v4", TEXT, rfc="RFC 8520 10", redefinable=True)
V4_DNR: Final = DHCP4.define(162, "v4-dnr", RESOLVERS4, rfc="RFC 9463 5", redefinable=True)
ETHERBOOT_OPTIONS: Final = DHCP4.define(
    175,
    "etherboot",
    SUB_OPTIONS,
    rfc="RFC 3942",
    note="tentative: iPXE's options",
    encapsulates=ETHERBOOT,
    redefinable=True,
)
IP_TELEPHONE: Final = DHCP4.define(176, "ip-telephone", TEXT, rfc="RFC 3942", note="tentative", redefinable=True)
PACKETCABLE: Final = DHCP4.define(
    177, "packetcable", BINARY, rfc="RFC 3942", note="tentative; replaced by 122", redefinable=True
)
PXELINUX_MAGIC: Final = DHCP4.define(
    208, "pxelinux-magic", UINT32, rfc="RFC 5071 3", note="deprecated: f100747e", redefinable=True
)
PXELINUX_CONFIG_FILE: Final = DHCP4.define(209, "pxelinux-config-file", TEXT, rfc="RFC 5071 4", redefinable=True)
PXELINUX_PATH_PREFIX: Final = DHCP4.define(210, "pxelinux-path-prefix", TEXT, rfc="RFC 5071 5", redefinable=True)
PXELINUX_REBOOT_TIME: Final = DHCP4.define(211, "pxelinux-reboot-time", UINT32, rfc="RFC 5071 6", redefinable=True)
OPTION_6RD: Final = DHCP4.define(212, "option-6rd", record(UINT8, UINT8, IPV6, list_of(IPV4)), rfc="RFC 5969 7.1.1")
V4_ACCESS_DOMAIN: Final = DHCP4.define(213, "v4-access-domain", FQDN, rfc="RFC 5986 3.2")
SUBNET_ALLOCATION_OPTION: Final = DHCP4.define(
    220,
    "subnet-allocation",
    SUBNET_ALLOCATION,
    rfc="RFC 6656 3.1",
    encapsulates=SUBNET_ALLOCATION_OPTIONS,
    redefinable=True,
)
VIRTUAL_SUBNET_SELECTION: Final = DHCP4.define(
    221, "virtual-subnet-selection", VIRTUAL_SUBNET, rfc="RFC 6607 3.1", redefinable=True
)

# What clients of some vendors understand besides: the spaces to decode their messages with. Codes from 224 on belong
# to whoever runs a network (RFC 3942), so that they are declared here, not among everybody's options.
PXE4: Final = Space("dhcp4-pxe", DHCP4)

PXE_VENDOR_OPTIONS: Final = PXE4.define(
    43, "vendor-encapsulated-options", VENDOR_SUB_OPTIONS, rfc="RFC 2132 8.4", encapsulates=PXE_CLIENT
)

MICROSOFT4: Final = Space("dhcp4-msft", DHCP4)

MICROSOFT_VENDOR_OPTIONS: Final = MICROSOFT4.define(
    43, "vendor-encapsulated-options", VENDOR_SUB_OPTIONS, rfc="RFC 2132 8.4", encapsulates=MICROSOFT_VENDOR
)
MICROSOFT_CLASSLESS_ROUTE: Final = MICROSOFT4.define(
    249, "ms-classless-static-route", ROUTES, note="before 121 was understood"
)
MICROSOFT_WPAD: Final = MICROSOFT4.define(252, "wpad", TEXT, note="where the proxy's configuration is")

_OF_CLASSES: Final = (("PXEClient", PXE4), ("MSFT ", MICROSOFT4))


def space_for_class(vendor_class: str) -> Space:
    """The options as clients with this vendor class (option 60) understand them: DHCP4, or a space that extends it."""
    return next((space for start, space in _OF_CLASSES if vendor_class.startswith(start)), DHCP4)
