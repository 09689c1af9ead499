"""The options of DHCPv6, one line each: RFC 8415 unless said otherwise, under Kea's names.

All that IANA has assigned (1 to 150) are here; those that Kea does not know have their registered names in Kea's style.
This is a table. A new option is one `DHCP6.define(...)` line here, or in a module of your own.
"""

from typing import Final

from dhcpkit.wire.auth import AUTHENTICATION
from dhcpkit.wire.client_fqdn import CLIENT_FQDN6
from dhcpkit.wire.dhcp4o6 import PACKET4
from dhcpkit.wire.dnr import RESOLVER6
from dhcpkit.wire.duid import DUID
from dhcpkit.wire.identity6 import (
    ADDRESS,
    ASSOCIATION,
    LINK_LAYER_BLOCK,
    PREFIX,
    QUADRANTS,
    STATUS,
    TEMPORARY,
)
from dhcpkit.wire.kinds import (
    BINARY,
    EMPTY,
    INT32,
    IPV6,
    IPV6_PREFIX,
    LONG_TUPLE,
    TEXT,
    UINT8,
    UINT16,
    UINT32,
    list_of,
)
from dhcpkit.wire.leasequery6 import (
    LEASE_QUERY,
    PROTOCOL_VERSION,
    RECONFIGURE_DATA,
    RELAY_DATA,
    BindingStatus,
    ServerState,
)
from dhcpkit.wire.location import CIVIC_LOCATION, COORDINATES
from dhcpkit.wire.names import FQDN, FQDNS6
from dhcpkit.wire.nested6 import OPTIONS6
from dhcpkit.wire.options import Space
from dhcpkit.wire.radius import RADIUS_ATTRIBUTES
from dhcpkit.wire.says import bits_named, number_named, say_codes, say_duid
from dhcpkit.wire.services6 import (
    ADDRESS_POLICY,
    ADDRESS_SELECTION,
    DISTRIBUTION_MANAGER,
    HOME_PREFIX,
    KERBEROS_SERVER,
    LINK_LAYER_ADDRESS,
    MULTICAST_PARAMETERS,
    NETWORK_INTERFACE,
    NO_OR_MORE_ADDRESSES,
    NO_OR_MORE_NAMES,
    RESOLVER_SELECTION,
)
from dhcpkit.wire.softwires import (
    BINDING,
    EXCLUDED_PREFIX,
    MAPPING_RULE,
    MAPPING_RULE_4RD,
    MULTICAST_PREFIXES,
    PORT_PARAMETERS,
    TUNNEL_4RD,
)
from dhcpkit.wire.vendor6 import REMOTE_IDENTIFIER, USER_CLASSES, VENDOR_CLASS6, VENDOR_OPTIONS6
from dhcpkit.wire.vss import VIRTUAL_SUBNET

# Spaces of options within options. Where they are Kea's they have its names.

DHCP6: Final = Space("dhcp6", wide=True)
RSOO_OPTIONS: Final = Space("rsoo-opts", extends=DHCP6)  # what a relay supplies (RFC 6422): options of DHCP6
S46_CONT_MAPE_OPTIONS: Final = Space("s46-cont-mape-options", wide=True)
S46_CONT_MAPT_OPTIONS: Final = Space("s46-cont-mapt-options", wide=True)
S46_CONT_LW_OPTIONS: Final = Space("s46-cont-lw-options", wide=True)
S46_RULE_OPTIONS: Final = Space("s46-rule-options", wide=True)
S46_V4V6BIND_OPTIONS: Final = Space("s46-v4v6bind-options", wide=True)
NTP_OPTIONS: Final = Space("v6-ntp-server-suboptions", wide=True)
MOS_ADDRESS_OPTIONS: Final = Space("ipv6-address-mos-options", wide=True)
MOS_FQDN_OPTIONS: Final = Space("ipv6-fqdn-mos-options", wide=True)
DOCSIS3_V6: Final = Space("docsis3-v6", wide=True)  # CableLabs' options inside option 17, CL-SP-CANN-DHCP-Reg
ISC_V6: Final = Space("4o6", wide=True)  # ISC's, from a Kea to another of the other family
VENDORS6: Final = Space("vendors6", wide=True)  # what option 17 encapsulates: by enterprise number (Kea: `vendor-4491`)
VENDORS6.vendors[4491] = DOCSIS3_V6
VENDORS6.vendors[2495] = ISC_V6

CLIENT_ID: Final = DHCP6.define(1, "clientid", DUID, rfc="RFC 8415 21.2", says=say_duid)
SERVER_ID: Final = DHCP6.define(2, "serverid", DUID, rfc="RFC 8415 21.3", says=say_duid)
IA_NA: Final = DHCP6.define(3, "ia-na", ASSOCIATION, rfc="RFC 8415 21.4", encapsulates=DHCP6)
IA_TA: Final = DHCP6.define(4, "ia-ta", TEMPORARY, rfc="RFC 8415 21.5", encapsulates=DHCP6, note="obsolete")
IAADDR: Final = DHCP6.define(5, "iaaddr", ADDRESS, rfc="RFC 8415 21.6", encapsulates=DHCP6)
ORO: Final = DHCP6.define(6, "oro", list_of(UINT16), rfc="RFC 8415 21.7", says=say_codes)
PREFERENCE: Final = DHCP6.define(7, "preference", UINT8, rfc="RFC 8415 21.8")
ELAPSED_TIME: Final = DHCP6.define(8, "elapsed-time", UINT16, rfc="RFC 8415 21.9", note="hundredths of a second")
RELAY_MSG: Final = DHCP6.define(9, "relay-msg", BINARY, rfc="RFC 8415 21.10", note="a message: Packet6.parse reads it")
AUTH: Final = DHCP6.define(11, "auth", AUTHENTICATION, rfc="RFC 8415 21.11")
UNICAST: Final = DHCP6.define(12, "unicast", IPV6, rfc="RFC 8415 21.12", note="obsolete")
STATUS_CODE: Final = DHCP6.define(13, "status-code", STATUS, rfc="RFC 8415 21.13")
RAPID_COMMIT: Final = DHCP6.define(14, "rapid-commit", EMPTY, rfc="RFC 8415 21.14")
USER_CLASS: Final = DHCP6.define(15, "user-class", USER_CLASSES, rfc="RFC 8415 21.15")
VENDOR_CLASS: Final = DHCP6.define(16, "vendor-class", VENDOR_CLASS6, rfc="RFC 8415 21.16")
VENDOR_OPTS: Final = DHCP6.define(17, "vendor-opts", VENDOR_OPTIONS6, rfc="RFC 8415 21.17", encapsulates=VENDORS6)
INTERFACE_ID: Final = DHCP6.define(18, "interface-id", BINARY, rfc="RFC 8415 21.18")
RECONF_MSG: Final = DHCP6.define(19, "reconf-msg", UINT8, rfc="RFC 8415 21.19", note="5 Renew, 6 Rebind, 11 Inf-req")
RECONF_ACCEPT: Final = DHCP6.define(20, "reconf-accept", EMPTY, rfc="RFC 8415 21.20")
SIP_SERVER_DNS: Final = DHCP6.define(21, "sip-server-dns", FQDNS6, rfc="RFC 3319 3.1")
SIP_SERVER_ADDR: Final = DHCP6.define(22, "sip-server-addr", list_of(IPV6), rfc="RFC 3319 3.2")
DNS_SERVERS: Final = DHCP6.define(23, "dns-servers", list_of(IPV6), rfc="RFC 3646 3")
DOMAIN_SEARCH: Final = DHCP6.define(24, "domain-search", FQDNS6, rfc="RFC 3646 4")
IA_PD: Final = DHCP6.define(25, "ia-pd", ASSOCIATION, rfc="RFC 8415 21.21", encapsulates=DHCP6)
IAPREFIX: Final = DHCP6.define(26, "iaprefix", PREFIX, rfc="RFC 8415 21.22", encapsulates=DHCP6)
NIS_SERVERS: Final = DHCP6.define(27, "nis-servers", list_of(IPV6), rfc="RFC 3898 3")
NISP_SERVERS: Final = DHCP6.define(28, "nisp-servers", list_of(IPV6), rfc="RFC 3898 4")
NIS_DOMAIN_NAME: Final = DHCP6.define(29, "nis-domain-name", FQDNS6, rfc="RFC 3898 5")
NISP_DOMAIN_NAME: Final = DHCP6.define(30, "nisp-domain-name", FQDNS6, rfc="RFC 3898 6")
SNTP_SERVERS: Final = DHCP6.define(31, "sntp-servers", list_of(IPV6), rfc="RFC 4075 4", note="replaced by 56")
INFORMATION_REFRESH_TIME: Final = DHCP6.define(
    32, "information-refresh-time", UINT32, rfc="RFC 8415 21.23", note="seconds"
)
BCMCS_SERVER_DNS: Final = DHCP6.define(33, "bcmcs-server-dns", FQDNS6, rfc="RFC 4280 4.4")
BCMCS_SERVER_ADDR: Final = DHCP6.define(34, "bcmcs-server-addr", list_of(IPV6), rfc="RFC 4280 4.2")
GEOCONF_CIVIC: Final = DHCP6.define(36, "geoconf-civic", CIVIC_LOCATION, rfc="RFC 4776 3.2")
REMOTE_ID: Final = DHCP6.define(37, "remote-id", REMOTE_IDENTIFIER, rfc="RFC 4649 3")
SUBSCRIBER_ID: Final = DHCP6.define(38, "subscriber-id", BINARY, rfc="RFC 4580 2")
CLIENT_FQDN: Final = DHCP6.define(39, "client-fqdn", CLIENT_FQDN6, rfc="RFC 4704 4")
PANA_AGENT: Final = DHCP6.define(40, "pana-agent", list_of(IPV6), rfc="RFC 5192 3.2")
NEW_POSIX_TIMEZONE: Final = DHCP6.define(
    41, "new-posix-timezone", TEXT, rfc="RFC 4833 3", note="a time zone as POSIX writes it"
)
NEW_TZDB_TIMEZONE: Final = DHCP6.define(42, "new-tzdb-timezone", TEXT, rfc="RFC 4833 3", note="a time zone by its name")
ERO: Final = DHCP6.define(43, "ero", list_of(UINT16), rfc="RFC 4994 4", says=say_codes)
LQ_QUERY: Final = DHCP6.define(44, "lq-query", LEASE_QUERY, rfc="RFC 5007 4.1.2.1", encapsulates=DHCP6)
CLIENT_DATA: Final = DHCP6.define(45, "client-data", OPTIONS6, rfc="RFC 5007 4.1.2.2", encapsulates=DHCP6)
CLT_TIME: Final = DHCP6.define(46, "clt-time", UINT32, rfc="RFC 5007 4.1.2.3", note="seconds since the last exchange")
LQ_RELAY_DATA: Final = DHCP6.define(47, "lq-relay-data", RELAY_DATA, rfc="RFC 5007 4.1.2.4")
LQ_CLIENT_LINK: Final = DHCP6.define(48, "lq-client-link", list_of(IPV6), rfc="RFC 5007 4.1.2.5")
MIP6_HNIDF: Final = DHCP6.define(49, "mip6-hnidf", FQDN, rfc="RFC 6610 3.1", redefinable=True)
MIP6_VDINF: Final = DHCP6.define(50, "mip6-vdinf", OPTIONS6, rfc="RFC 6610 3.2.1", encapsulates=DHCP6, redefinable=True)
V6_LOST: Final = DHCP6.define(51, "v6-lost", FQDN, rfc="RFC 5223 4")
CAPWAP_AC_V6: Final = DHCP6.define(52, "capwap-ac-v6", list_of(IPV6), rfc="RFC 5417 3")
RELAY_ID: Final = DHCP6.define(53, "relay-id", DUID, rfc="RFC 5460 5.4.1", says=say_duid)
IPV6_ADDRESS_MOS: Final = DHCP6.define(
    54, "ipv6-address-mos", OPTIONS6, rfc="RFC 5678 4", encapsulates=MOS_ADDRESS_OPTIONS, redefinable=True
)
IPV6_FQDN_MOS: Final = DHCP6.define(
    55, "ipv6-fqdn-mos", OPTIONS6, rfc="RFC 5678 5", encapsulates=MOS_FQDN_OPTIONS, redefinable=True
)
NTP_SERVER: Final = DHCP6.define(
    56, "ntp-server", OPTIONS6, rfc="RFC 5908 4", encapsulates=NTP_OPTIONS, redefinable=True
)
V6_ACCESS_DOMAIN: Final = DHCP6.define(57, "v6-access-domain", FQDN, rfc="RFC 5986 3.3")
SIP_UA_CS_LIST: Final = DHCP6.define(58, "sip-ua-cs-list", FQDNS6, rfc="RFC 6011 4.2")
BOOTFILE_URL: Final = DHCP6.define(59, "bootfile-url", TEXT, rfc="RFC 5970 3.1")
BOOTFILE_PARAM: Final = DHCP6.define(60, "bootfile-param", list_of(LONG_TUPLE), rfc="RFC 5970 3.2")
CLIENT_ARCH_TYPE: Final = DHCP6.define(
    61, "client-arch-type", list_of(UINT16), rfc="RFC 5970 3.3", note="0 BIOS, 7 EFI, 16 EFI over HTTP"
)
NII: Final = DHCP6.define(62, "nii", NETWORK_INTERFACE, rfc="RFC 5970 3.4")
GEOLOCATION: Final = DHCP6.define(63, "geolocation", COORDINATES, rfc="RFC 6225 2.1", redefinable=True)
AFTR_NAME: Final = DHCP6.define(64, "aftr-name", FQDN, rfc="RFC 6334 3")
ERP_LOCAL_DOMAIN_NAME: Final = DHCP6.define(65, "erp-local-domain-name", FQDN, rfc="RFC 6440 3.1")
RSOO: Final = DHCP6.define(66, "rsoo", OPTIONS6, rfc="RFC 6422 4", encapsulates=RSOO_OPTIONS)
PD_EXCLUDE: Final = DHCP6.define(67, "pd-exclude", EXCLUDED_PREFIX, rfc="RFC 6603 4.2")
VSS: Final = DHCP6.define(68, "vss", VIRTUAL_SUBNET, rfc="RFC 6607 3.4", redefinable=True)
MIP6_IDINF: Final = DHCP6.define(69, "mip6-idinf", OPTIONS6, rfc="RFC 6610 3.2.2", encapsulates=DHCP6, redefinable=True)
MIP6_UDINF: Final = DHCP6.define(70, "mip6-udinf", OPTIONS6, rfc="RFC 6610 3.2.3", encapsulates=DHCP6, redefinable=True)
MIP6_HNP: Final = DHCP6.define(71, "mip6-hnp", HOME_PREFIX, rfc="RFC 6610 3.3", redefinable=True)
MIP6_HAA: Final = DHCP6.define(72, "mip6-haa", IPV6, rfc="RFC 6610 3.4", redefinable=True)
MIP6_HAF: Final = DHCP6.define(73, "mip6-haf", FQDN, rfc="RFC 6610 3.5", redefinable=True)
RDNSS_SELECTION: Final = DHCP6.define(74, "rdnss-selection", RESOLVER_SELECTION, rfc="RFC 6731 4.2")
KRB_PRINCIPAL_NAME: Final = DHCP6.define(
    75, "krb-principal-name", BINARY, rfc="RFC 6784 3.1", note="PrincipalName of RFC 4120", redefinable=True
)
KRB_REALM_NAME: Final = DHCP6.define(76, "krb-realm-name", TEXT, rfc="RFC 6784 3.2", redefinable=True)
KRB_DEFAULT_REALM_NAME: Final = DHCP6.define(77, "krb-default-realm-name", TEXT, rfc="RFC 6784 3.3", redefinable=True)
KRB_KDC: Final = DHCP6.define(78, "krb-kdc", KERBEROS_SERVER, rfc="RFC 6784 3.4", redefinable=True)
CLIENT_LINKLAYER_ADDR: Final = DHCP6.define(79, "client-linklayer-addr", LINK_LAYER_ADDRESS, rfc="RFC 6939 4")
LINK_ADDRESS: Final = DHCP6.define(80, "link-address", IPV6, rfc="RFC 6977 5")
RADIUS: Final = DHCP6.define(81, "radius", RADIUS_ATTRIBUTES, rfc="RFC 7037 4", redefinable=True)
SOLMAX_RT: Final = DHCP6.define(82, "solmax-rt", UINT32, rfc="RFC 8415 21.24", note="seconds")
INF_MAX_RT: Final = DHCP6.define(83, "inf-max-rt", UINT32, rfc="RFC 8415 21.25", note="seconds")
ADDRSEL: Final = DHCP6.define(84, "addrsel", ADDRESS_SELECTION, rfc="RFC 7078 2", encapsulates=DHCP6, redefinable=True)
ADDRSEL_TABLE: Final = DHCP6.define(85, "addrsel-table", ADDRESS_POLICY, rfc="RFC 7078 2", redefinable=True)
V6_PCP_SERVER: Final = DHCP6.define(86, "v6-pcp-server", list_of(IPV6), rfc="RFC 7291 3", redefinable=True)
DHCPV4_MESSAGE: Final = DHCP6.define(87, "dhcpv4-message", PACKET4, rfc="RFC 7341 7.1")
DHCP4O6_SERVER_ADDR: Final = DHCP6.define(88, "dhcp4o6-server-addr", list_of(IPV6), rfc="RFC 7341 7.2")
S46_RULE: Final = DHCP6.define(
    89, "s46-rule", MAPPING_RULE, rfc="RFC 7598 4.1", encapsulates=S46_RULE_OPTIONS, redefinable=True
)
S46_BR: Final = DHCP6.define(90, "s46-br", IPV6, rfc="RFC 7598 4.2, RFC 8539 6.1", redefinable=True)
S46_DMR: Final = DHCP6.define(91, "s46-dmr", IPV6_PREFIX, rfc="RFC 7598 4.3", redefinable=True)
S46_V4V6BIND: Final = DHCP6.define(
    92, "s46-v4v6bind", BINDING, rfc="RFC 7598 4.4", encapsulates=S46_V4V6BIND_OPTIONS, redefinable=True
)
S46_PORTPARAMS: Final = DHCP6.define(93, "s46-portparams", PORT_PARAMETERS, rfc="RFC 7598 4.5", redefinable=True)
S46_CONT_MAPE: Final = DHCP6.define(
    94, "s46-cont-mape", OPTIONS6, rfc="RFC 7598 5.1", encapsulates=S46_CONT_MAPE_OPTIONS
)
S46_CONT_MAPT: Final = DHCP6.define(
    95, "s46-cont-mapt", OPTIONS6, rfc="RFC 7598 5.2", encapsulates=S46_CONT_MAPT_OPTIONS
)
S46_CONT_LW: Final = DHCP6.define(96, "s46-cont-lw", OPTIONS6, rfc="RFC 7598 5.3", encapsulates=S46_CONT_LW_OPTIONS)
OPTION_4RD: Final = DHCP6.define(97, "4rd", OPTIONS6, rfc="RFC 7600 4.9", encapsulates=DHCP6, redefinable=True)
OPTION_4RD_MAP_RULE: Final = DHCP6.define(98, "4rd-map-rule", MAPPING_RULE_4RD, rfc="RFC 7600 4.9", redefinable=True)
OPTION_4RD_NON_MAP_RULE: Final = DHCP6.define(99, "4rd-non-map-rule", TUNNEL_4RD, rfc="RFC 7600 4.9", redefinable=True)
LQ_BASE_TIME: Final = DHCP6.define(
    100, "lq-base-time", UINT32, rfc="RFC 7653 6.3.1", note="seconds since 2000", redefinable=True
)
LQ_START_TIME: Final = DHCP6.define(101, "lq-start-time", UINT32, rfc="RFC 7653 6.3.2", redefinable=True)
LQ_END_TIME: Final = DHCP6.define(102, "lq-end-time", UINT32, rfc="RFC 7653 6.3.3", redefinable=True)
V6_CAPTIVE_PORTAL: Final = DHCP6.define(103, "v6-captive-portal", TEXT, rfc="RFC 8910 2.2")
MPL_PARAMETERS: Final = DHCP6.define(104, "mpl-parameters", MULTICAST_PARAMETERS, rfc="RFC 7774 2.1", redefinable=True)
ANI_ATT: Final = DHCP6.define(
    105, "ani-att", UINT16, rfc="RFC 7839 5.1", note="the access technology, as in RFC 5213", redefinable=True
)
ANI_NETWORK_NAME: Final = DHCP6.define(106, "ani-network-name", TEXT, rfc="RFC 7839 5.2.1", redefinable=True)
ANI_AP_NAME: Final = DHCP6.define(107, "ani-ap-name", TEXT, rfc="RFC 7839 5.2.2", redefinable=True)
ANI_AP_BSSID: Final = DHCP6.define(108, "ani-ap-bssid", BINARY, rfc="RFC 7839 5.2.3", redefinable=True)
ANI_OPERATOR_ID: Final = DHCP6.define(
    109, "ani-operator-id", UINT32, rfc="RFC 7839 5.3.1", note="an enterprise number", redefinable=True
)
ANI_OPERATOR_REALM: Final = DHCP6.define(110, "ani-operator-realm", TEXT, rfc="RFC 7839 5.3.2", redefinable=True)
S46_PRIORITY: Final = DHCP6.define(
    111, "s46-priority", list_of(UINT16), rfc="RFC 8026 1.4.1", says=say_codes, redefinable=True
)
MUD_URL_V6: Final = DHCP6.define(112, "mud-url-v6", TEXT, rfc="RFC 8520 10.2", redefinable=True)
V6_PREFIX64: Final = DHCP6.define(113, "v6-prefix64", MULTICAST_PREFIXES, rfc="RFC 8115 3", redefinable=True)
F_BINDING_STATUS: Final = DHCP6.define(
    114, "f-binding-status", UINT8, rfc="RFC 8156 5.5.1", says=number_named(BindingStatus), redefinable=True
)
F_CONNECT_FLAGS: Final = DHCP6.define(
    115, "f-connect-flags", UINT16, rfc="RFC 8156 5.5.2", says=bits_named({1: "fixed PD length"}), redefinable=True
)
F_DNS_REMOVAL_INFO: Final = DHCP6.define(
    116, "f-dns-removal-info", OPTIONS6, rfc="RFC 8156 5.5.3", encapsulates=DHCP6, redefinable=True
)
F_DNS_HOST_NAME: Final = DHCP6.define(117, "f-dns-host-name", FQDN, rfc="RFC 8156 5.5.4", redefinable=True)
F_DNS_ZONE_NAME: Final = DHCP6.define(118, "f-dns-zone-name", FQDN, rfc="RFC 8156 5.5.5", redefinable=True)
F_DNS_FLAGS: Final = DHCP6.define(
    119,
    "f-dns-flags",
    UINT16,
    rfc="RFC 8156 5.5.6",
    says=bits_named({1: "forward up to date", 2: "reverse up to date", 4: "synthesized name", 8: "requested name"}),
    redefinable=True,
)
F_EXPIRATION_TIME: Final = DHCP6.define(120, "f-expiration-time", UINT32, rfc="RFC 8156 5.5.7", redefinable=True)
F_MAX_UNACKED_BNDUPD: Final = DHCP6.define(121, "f-max-unacked-bndupd", UINT32, rfc="RFC 8156 5.5.8", redefinable=True)
F_MCLT: Final = DHCP6.define(122, "f-mclt", UINT32, rfc="RFC 8156 5.5.9", note="seconds", redefinable=True)
F_PARTNER_LIFETIME: Final = DHCP6.define(123, "f-partner-lifetime", UINT32, rfc="RFC 8156 5.5.10", redefinable=True)
F_PARTNER_LIFETIME_SENT: Final = DHCP6.define(
    124, "f-partner-lifetime-sent", UINT32, rfc="RFC 8156 5.5.11", redefinable=True
)
F_PARTNER_DOWN_TIME: Final = DHCP6.define(125, "f-partner-down-time", UINT32, rfc="RFC 8156 5.5.12", redefinable=True)
F_PARTNER_RAW_CLT_TIME: Final = DHCP6.define(
    126, "f-partner-raw-clt-time", UINT32, rfc="RFC 8156 5.5.13", redefinable=True
)
F_PROTOCOL_VERSION: Final = DHCP6.define(
    127, "f-protocol-version", PROTOCOL_VERSION, rfc="RFC 8156 5.5.14", redefinable=True
)
F_KEEPALIVE_TIME: Final = DHCP6.define(
    128, "f-keepalive-time", UINT32, rfc="RFC 8156 5.5.15", note="seconds", redefinable=True
)
F_RECONFIGURE_DATA: Final = DHCP6.define(
    129, "f-reconfigure-data", RECONFIGURE_DATA, rfc="RFC 8156 5.5.16", redefinable=True
)
F_RELATIONSHIP_NAME: Final = DHCP6.define(130, "f-relationship-name", TEXT, rfc="RFC 8156 5.5.17", redefinable=True)
F_SERVER_FLAGS: Final = DHCP6.define(
    131,
    "f-server-flags",
    UINT8,
    rfc="RFC 8156 5.5.18",
    says=bits_named({1: "communicated", 2: "startup", 4: "acknowledges startup"}),
    redefinable=True,
)
F_SERVER_STATE: Final = DHCP6.define(
    132, "f-server-state", UINT8, rfc="RFC 8156 5.5.19", says=number_named(ServerState), redefinable=True
)
F_START_TIME_OF_STATE: Final = DHCP6.define(
    133, "f-start-time-of-state", UINT32, rfc="RFC 8156 5.5.20", redefinable=True
)
F_STATE_EXPIRATION_TIME: Final = DHCP6.define(
    134, "f-state-expiration-time", UINT32, rfc="RFC 8156 5.5.21", redefinable=True
)
RELAY_SOURCE_PORT: Final = DHCP6.define(
    135, "relay-source-port", UINT16, rfc="RFC 8357 4.2", note="reply to the port it came from"
)
V6_SZTP_REDIRECT: Final = DHCP6.define(
    136, "v6-sztp-redirect", list_of(LONG_TUPLE), rfc="RFC 8572 8.2", redefinable=True
)
S46_BIND_IPV6_PREFIX: Final = DHCP6.define(
    137, "s46-bind-ipv6-prefix", IPV6_PREFIX, rfc="RFC 8539 6.2", redefinable=True
)
IA_LL: Final = DHCP6.define(138, "ia-ll", ASSOCIATION, rfc="RFC 8947 11.1", encapsulates=DHCP6, redefinable=True)
LLADDR: Final = DHCP6.define(139, "lladdr", LINK_LAYER_BLOCK, rfc="RFC 8947 11.2", encapsulates=DHCP6, redefinable=True)
SLAP_QUAD: Final = DHCP6.define(140, "slap-quad", QUADRANTS, rfc="RFC 8948 4.1", redefinable=True)
V6_DOTS_RI: Final = DHCP6.define(141, "v6-dots-ri", FQDN, rfc="RFC 8973 5.1.1", redefinable=True)
V6_DOTS_ADDRESS: Final = DHCP6.define(142, "v6-dots-address", list_of(IPV6), rfc="RFC 8973 5.1.2", redefinable=True)
IPV6_ADDRESS_ANDSF: Final = DHCP6.define(143, "ipv6-address-andsf", list_of(IPV6), rfc="RFC 6153 3")
V6_DNR: Final = DHCP6.define(144, "v6-dnr", RESOLVER6, rfc="RFC 9463 4.1", redefinable=True)
REGISTERED_DOMAIN: Final = DHCP6.define(145, "registered-domain", FQDN, rfc="RFC 9527 4.1", redefinable=True)
FORWARD_DIST_MANAGER: Final = DHCP6.define(
    146, "forward-dist-manager", DISTRIBUTION_MANAGER, rfc="RFC 9527 4.2", redefinable=True
)
REVERSE_DIST_MANAGER: Final = DHCP6.define(
    147, "reverse-dist-manager", DISTRIBUTION_MANAGER, rfc="RFC 9527 4.3", redefinable=True
)
ADDR_REG_ENABLE: Final = DHCP6.define(148, "addr-reg-enable", EMPTY, rfc="RFC 9686 4.1", redefinable=True)
IA_SRV6_LOCATOR: Final = DHCP6.define(
    149,
    "ia-srv6-locator",
    ASSOCIATION,
    rfc="draft-ietf-spring-dhc-distribute-srv6-locator-dhcp",
    encapsulates=DHCP6,
    redefinable=True,
)
IALOCATOR: Final = DHCP6.define(
    150,
    "ialocator",
    BINARY,
    rfc="draft-ietf-spring-dhc-distribute-srv6-locator-dhcp",
    note="no RFC yet",
    redefinable=True,
)

# MAP-E, MAP-T and lightweight 4over6 (RFC 7598). The codes are those of DHCP6.
MAPE_RULE: Final = S46_CONT_MAPE_OPTIONS.define(
    89, "s46-rule", MAPPING_RULE, rfc="RFC 7598 4.1", encapsulates=S46_RULE_OPTIONS
)
MAPE_BR: Final = S46_CONT_MAPE_OPTIONS.define(90, "s46-br", IPV6, rfc="RFC 7598 4.2")
MAPT_RULE: Final = S46_CONT_MAPT_OPTIONS.define(
    89, "s46-rule", MAPPING_RULE, rfc="RFC 7598 4.1", encapsulates=S46_RULE_OPTIONS
)
MAPT_DMR: Final = S46_CONT_MAPT_OPTIONS.define(91, "s46-dmr", IPV6_PREFIX, rfc="RFC 7598 4.3")
LW_BR: Final = S46_CONT_LW_OPTIONS.define(90, "s46-br", IPV6, rfc="RFC 7598 4.2")
LW_V4V6BIND: Final = S46_CONT_LW_OPTIONS.define(
    92, "s46-v4v6bind", BINDING, rfc="RFC 7598 4.4", encapsulates=S46_V4V6BIND_OPTIONS
)
RULE_PORTPARAMS: Final = S46_RULE_OPTIONS.define(93, "s46-portparams", PORT_PARAMETERS, rfc="RFC 7598 4.5")
V4V6BIND_PORTPARAMS: Final = S46_V4V6BIND_OPTIONS.define(93, "s46-portparams", PORT_PARAMETERS, rfc="RFC 7598 4.5")

NTP_SERVER_ADDRESS: Final = NTP_OPTIONS.define(1, "ntp-server-address", IPV6, rfc="RFC 5908 4.1")
NTP_SERVER_MULTICAST: Final = NTP_OPTIONS.define(2, "ntp-server-multicast", IPV6, rfc="RFC 5908 4.2")
NTP_SERVER_FQDN: Final = NTP_OPTIONS.define(3, "ntp-server-fqdn", FQDN, rfc="RFC 5908 4.3")

# Servers of IEEE 802.21: for information, commands and events.
MOS_ADDRESS_IS: Final = MOS_ADDRESS_OPTIONS.define(1, "is", NO_OR_MORE_ADDRESSES, rfc="RFC 5678 4")
MOS_ADDRESS_CS: Final = MOS_ADDRESS_OPTIONS.define(2, "cs", NO_OR_MORE_ADDRESSES, rfc="RFC 5678 4")
MOS_ADDRESS_ES: Final = MOS_ADDRESS_OPTIONS.define(3, "es", NO_OR_MORE_ADDRESSES, rfc="RFC 5678 4")
MOS_FQDN_IS: Final = MOS_FQDN_OPTIONS.define(1, "is", NO_OR_MORE_NAMES, rfc="RFC 5678 5")
MOS_FQDN_CS: Final = MOS_FQDN_OPTIONS.define(2, "cs", NO_OR_MORE_NAMES, rfc="RFC 5678 5")
MOS_FQDN_ES: Final = MOS_FQDN_OPTIONS.define(3, "es", NO_OR_MORE_NAMES, rfc="RFC 5678 5")

DOCSIS3_V6_ORO: Final = DOCSIS3_V6.define(1, "oro", list_of(UINT16), says=say_codes)
DOCSIS3_V6_DEVICE_TYPE: Final = DOCSIS3_V6.define(2, "device-type", TEXT)
DOCSIS3_V6_VENDOR_TYPE: Final = DOCSIS3_V6.define(10, "vendor-type", TEXT)
DOCSIS3_V6_TFTP_SERVERS: Final = DOCSIS3_V6.define(32, "tftp-servers", list_of(IPV6))
DOCSIS3_V6_CONFIG_FILE: Final = DOCSIS3_V6.define(33, "config-file", TEXT)
DOCSIS3_V6_SYSLOG_SERVERS: Final = DOCSIS3_V6.define(34, "syslog-servers", list_of(IPV6))
DOCSIS3_V6_DEVICE_ID: Final = DOCSIS3_V6.define(36, "device-id", BINARY)
DOCSIS3_V6_TIME_SERVERS: Final = DOCSIS3_V6.define(37, "time-servers", list_of(IPV6))
DOCSIS3_V6_TIME_OFFSET: Final = DOCSIS3_V6.define(38, "time-offset", INT32, note="seconds east of Greenwich")
DOCSIS3_V6_CMTS_CM_MAC: Final = DOCSIS3_V6.define(1026, "cmts-cm-mac", BINARY)

ISC_4O6_INTERFACE: Final = ISC_V6.define(60000, "4o6-interface", TEXT)
ISC_4O6_SOURCE_ADDRESS: Final = ISC_V6.define(60001, "4o6-source-address", IPV6)
ISC_4O6_SOURCE_PORT: Final = ISC_V6.define(60002, "4o6-source-port", UINT16)
