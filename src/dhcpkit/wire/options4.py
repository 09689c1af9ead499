"""The options of DHCPv4, one line each: RFC 2132 unless said otherwise, under Kea's names.

This is a table. A new option is one `DHCP4.define(...)` line here, or in a module of your own.
"""

from typing import Final

from dhcpkit.wire.kinds import BINARY, IPV4, TEXT, UINT8, UINT32, list_of
from dhcpkit.wire.options import Space

DHCP4: Final = Space("dhcp4")

SUBNET_MASK: Final = DHCP4.define(1, "subnet-mask", IPV4, rfc="RFC 2132 3.3")
ROUTERS: Final = DHCP4.define(3, "routers", list_of(IPV4), rfc="RFC 2132 3.5")
DOMAIN_NAME_SERVERS: Final = DHCP4.define(6, "domain-name-servers", list_of(IPV4), rfc="RFC 2132 3.8")
HOST_NAME: Final = DHCP4.define(12, "host-name", TEXT, rfc="RFC 2132 3.14")
DOMAIN_NAME: Final = DHCP4.define(15, "domain-name", TEXT, rfc="RFC 2132 3.17")
DHCP_REQUESTED_ADDRESS: Final = DHCP4.define(50, "dhcp-requested-address", IPV4, rfc="RFC 2132 9.1")
DHCP_LEASE_TIME: Final = DHCP4.define(51, "dhcp-lease-time", UINT32, rfc="RFC 2132 9.2")
DHCP_MESSAGE_TYPE: Final = DHCP4.define(53, "dhcp-message-type", UINT8, rfc="RFC 2132 9.6")
DHCP_SERVER_IDENTIFIER: Final = DHCP4.define(54, "dhcp-server-identifier", IPV4, rfc="RFC 2132 9.7")
DHCP_PARAMETER_REQUEST_LIST: Final = DHCP4.define(
    55, "dhcp-parameter-request-list", list_of(UINT8), rfc="RFC 2132 9.8"
)
DHCP_CLIENT_IDENTIFIER: Final = DHCP4.define(61, "dhcp-client-identifier", BINARY, rfc="RFC 2132 9.14, RFC 4361")
