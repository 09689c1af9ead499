"""The options of DHCPv6, one line each: RFC 8415 unless said otherwise, under Kea's names.

This is a table. A new option is one `DHCP6.define(...)` line here, or in a module of your own.
"""

from typing import Final

from dhcpkit.wire.identity6 import ADDRESS, ASSOCIATION, PREFIX, STATUS, TEMPORARY
from dhcpkit.wire.kinds import BINARY, EMPTY, IPV6, UINT8, UINT16, UINT32, list_of
from dhcpkit.wire.names import FQDNS
from dhcpkit.wire.nested6 import OPTIONS6
from dhcpkit.wire.options import Space
from dhcpkit.wire.says import say_codes, say_duid

DHCP6: Final = Space("dhcp6", wide=True)

CLIENT_ID: Final = DHCP6.define(1, "clientid", BINARY, rfc="RFC 8415 21.2", says=say_duid)
SERVER_ID: Final = DHCP6.define(2, "serverid", BINARY, rfc="RFC 8415 21.3", says=say_duid)
IA_NA: Final = DHCP6.define(3, "ia-na", ASSOCIATION, rfc="RFC 8415 21.4", encapsulates=DHCP6)
IA_TA: Final = DHCP6.define(4, "ia-ta", TEMPORARY, rfc="RFC 8415 21.5", encapsulates=DHCP6)
IAADDR: Final = DHCP6.define(5, "iaaddr", ADDRESS, rfc="RFC 8415 21.6", encapsulates=DHCP6)
ORO: Final = DHCP6.define(6, "oro", list_of(UINT16), rfc="RFC 8415 21.7", says=say_codes)
PREFERENCE: Final = DHCP6.define(7, "preference", UINT8, rfc="RFC 8415 21.8")
ELAPSED_TIME: Final = DHCP6.define(8, "elapsed-time", UINT16, rfc="RFC 8415 21.9", note="hundredths of a second")
RELAY_MSG: Final = DHCP6.define(9, "relay-msg", BINARY, rfc="RFC 8415 21.10", note="a message: Packet6.parse reads it")
STATUS_CODE: Final = DHCP6.define(13, "status-code", STATUS, rfc="RFC 8415 21.13")
RAPID_COMMIT: Final = DHCP6.define(14, "rapid-commit", EMPTY, rfc="RFC 8415 21.14")
INTERFACE_ID: Final = DHCP6.define(18, "interface-id", BINARY, rfc="RFC 8415 21.18")
NAME_SERVERS: Final = DHCP6.define(23, "dns-servers", list_of(IPV6), rfc="RFC 3646 3")
DOMAIN_SEARCH: Final = DHCP6.define(24, "domain-search", FQDNS, rfc="RFC 3646 4")
IA_PD: Final = DHCP6.define(25, "ia-pd", ASSOCIATION, rfc="RFC 8415 21.21", encapsulates=DHCP6)
IAPREFIX: Final = DHCP6.define(26, "iaprefix", PREFIX, rfc="RFC 8415 21.22", encapsulates=DHCP6)
INFORMATION_REFRESH_TIME: Final = DHCP6.define(
    32, "information-refresh-time", UINT32, rfc="RFC 8415 21.23", note="seconds"
)
RSOO: Final = DHCP6.define(66, "rsoo", OPTIONS6, rfc="RFC 6422 4", encapsulates=DHCP6)
