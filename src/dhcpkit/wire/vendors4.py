"""Options of vendors inside DHCPv4 options: cable modems (122), CPE (125), PXE and Microsoft clients (43), and others.

This is a table, as `options4.py`. What an option 43 holds depends on who sent the vendor class (60):
`options4.space_for_class` tells. This module does not know messages.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped, Sized
from dhcpkit.wire.kinds import (
    BINARY,
    BOOLEAN,
    INT8,
    IPV4,
    TEXT,
    TUPLE,
    UINT8,
    UINT16,
    UINT32,
    Kind,
    composed,
    in_digits,
    list_of,
    record,
    scalar,
)
from dhcpkit.wire.names import FQDN
from dhcpkit.wire.options import Space
from dhcpkit.wire.servers import NAME_OR_ADDRESS
from dhcpkit.wire.text import parse_number

__all__ = [
    "BROADBAND_FORUM",
    "CABLELABS_CLIENT",
    "ETHERBOOT",
    "MICROSOFT_VENDOR",
    "NETWARE_IP",
    "PXE_CLIENT",
    "BootMenuEntry",
    "BootServers",
]

ADDRESS_SIZE: Final = 4

# Inside option 122: what cable modems and telephone adapters ask for (RFC 3495, 3594, 3634), under Kea's names.
CABLELABS_CLIENT: Final = Space("cablelabs-client-conf", redefinable=True)

CABLELABS_CLIENT.define(1, "tsp-primary-server", IPV4, rfc="RFC 3495 5.1")
CABLELABS_CLIENT.define(2, "tsp-secondary-server", IPV4, rfc="RFC 3495 5.1")
CABLELABS_CLIENT.define(3, "tsp-provisioning-server", NAME_OR_ADDRESS, rfc="RFC 3495 5.2")
CABLELABS_CLIENT.define(
    4, "tsp-as-parameters", record(UINT32, UINT32, UINT32), rfc="RFC 3495 5.3", note="timeouts in ms, retries"
)
CABLELABS_CLIENT.define(
    5, "tsp-ap-parameters", record(UINT32, UINT32, UINT32), rfc="RFC 3495 5.4", note="timeouts in s, retries"
)
CABLELABS_CLIENT.define(6, "tsp-realm", FQDN, rfc="RFC 3495 5.5")
CABLELABS_CLIENT.define(7, "tsp-use-tgt", BOOLEAN, rfc="RFC 3495 5.6")
CABLELABS_CLIENT.define(8, "tsp-provisioning-timer", UINT8, rfc="RFC 3495 5.7", note="minutes")
CABLELABS_CLIENT.define(9, "tsp-sct", UINT16, rfc="RFC 3594 2", note="bits: which tickets become invalid")
CABLELABS_CLIENT.define(10, "kdc-server", list_of(IPV4), rfc="RFC 3634")

# Inside option 125, of enterprise 3561 (TR-069 3.1, TR-111): TR-069's servers, and what a device says of itself.
BROADBAND_FORUM: Final = Space("vendor-3561", redefinable=True)

BROADBAND_FORUM.define(1, "device-manufacturer-oui", TEXT)
BROADBAND_FORUM.define(2, "device-serial-number", TEXT)
BROADBAND_FORUM.define(3, "device-product-class", TEXT)
BROADBAND_FORUM.define(4, "gateway-manufacturer-oui", TEXT)
BROADBAND_FORUM.define(5, "gateway-serial-number", TEXT)
BROADBAND_FORUM.define(6, "gateway-product-class", TEXT)
BROADBAND_FORUM.define(11, "acs-url", TEXT)
BROADBAND_FORUM.define(12, "provisioning-code", TEXT)
BROADBAND_FORUM.define(13, "retry-minimum-wait-interval", TEXT, note="seconds")
BROADBAND_FORUM.define(14, "retry-interval-multiplier", TEXT, note="thousandths")

# Inside option 63 (RFC 2242): first comes one of those that say where the others are.
NETWARE_IP: Final = Space("nwip", redefinable=True)

NETWARE_IP.define(1, "nwip-does-not-exist", BINARY, rfc="RFC 2242 3.1", note="no data")
NETWARE_IP.define(2, "nwip-exist-in-options-area", BINARY, rfc="RFC 2242 3.1", note="no data")
NETWARE_IP.define(3, "nwip-exist-in-sname-file", BINARY, rfc="RFC 2242 3.1", note="no data")
NETWARE_IP.define(4, "nwip-exist-but-too-big", BINARY, rfc="RFC 2242 3.1", note="no data")
NETWARE_IP.define(5, "nsq-broadcast", BOOLEAN, rfc="RFC 2242 3.2")
NETWARE_IP.define(6, "preferred-dss", list_of(IPV4), rfc="RFC 2242 3.3")
NETWARE_IP.define(7, "nearest-nwip-server", list_of(IPV4), rfc="RFC 2242 3.4")
NETWARE_IP.define(8, "autoretries", UINT8, rfc="RFC 2242 3.5")
NETWARE_IP.define(9, "autoretry-secs", UINT8, rfc="RFC 2242 3.6", note="seconds")
NETWARE_IP.define(10, "nwip-1-1", BOOLEAN, rfc="RFC 2242 3.7")
NETWARE_IP.define(11, "primary-dss", IPV4, rfc="RFC 2242 3.8")


# Inside option 43 where the vendor class begins with PXEClient (PXE 2.1, table 2-1).


@attrs.frozen
class BootServers:
    """Where boot servers of a type are; without addresses they answer to multicast or broadcast."""

    type: int
    addresses: tuple[IPv4Address, ...] = ()


@attrs.frozen
class BootMenuEntry:
    """A type of boot servers as a person is offered it."""

    type: int
    description: str


def _addresses(counted: tuple[int, bytes]) -> tuple[IPv4Address, ...]:
    octets = counted[1]
    return tuple(IPv4Address(octets[at : at + ADDRESS_SIZE]) for at in range(0, len(octets), ADDRESS_SIZE))


def _counted(addresses: tuple[IPv4Address, ...]) -> tuple[int, bytes]:
    return len(addresses), b"".join(address.packed for address in addresses)


_PORT: Final[Kind[int]] = scalar(  # the only numbers of DHCP whose lower octet comes first
    "uint16",
    Mapped(c.Bytes(2), lambda octets: int.from_bytes(octets, "little"), lambda port: int(port).to_bytes(2, "little")),
    lambda field: parse_number(field, 0, 0xFFFF),
    str,
    UINT16.text_form,
    UINT16.json,
)
_SERVER_ADDRESSES: Final = attrs.evolve(
    list_of(IPV4, least=0), con=Mapped(Sized(c.Int8ub, lambda count: count * ADDRESS_SIZE), _addresses, _counted)
)
_BOOT_SERVERS: Final = in_digits(list_of(composed(BootServers, type=UINT16, addresses=_SERVER_ADDRESSES)))
_BOOT_MENU: Final = in_digits(list_of(composed(BootMenuEntry, type=UINT16, description=TUPLE)))

PXE_CLIENT: Final = Space("pxe-client", redefinable=True)

PXE_CLIENT.define(1, "mtftp-ip", IPV4)
PXE_CLIENT.define(2, "mtftp-cport", _PORT, note="lower octet first")
PXE_CLIENT.define(3, "mtftp-sport", _PORT, note="lower octet first")
PXE_CLIENT.define(4, "mtftp-tmout", UINT8, note="seconds")
PXE_CLIENT.define(5, "mtftp-delay", UINT8, note="seconds")
PXE_CLIENT.define(6, "discovery-control", UINT8, note="bits: 1 no broadcast, 2 no multicast, 4 servers listed only")
PXE_CLIENT.define(7, "discovery-mcast-addr", IPV4)
PXE_CLIENT.define(8, "boot-servers", _BOOT_SERVERS)
PXE_CLIENT.define(9, "boot-menu", _BOOT_MENU)
PXE_CLIENT.define(10, "menu-prompt", record(UINT8, TEXT), note="seconds, 255 for ever, and the prompt")
PXE_CLIENT.define(11, "mcast-addrs-alloc", BINARY)
PXE_CLIENT.define(12, "credential-types", list_of(UINT32))
PXE_CLIENT.define(71, "boot-item", record(UINT16, UINT16), note="type and layer")

# Inside option 43 where the vendor class begins with MSFT (MS-DHCPE 2.2).
MICROSOFT_VENDOR: Final = Space("msft", redefinable=True)

MICROSOFT_VENDOR.define(1, "disable-netbios", UINT32, note="0 as is, 1 on, 2 off")
MICROSOFT_VENDOR.define(2, "release-on-shutdown", UINT32, note="1 yes")
MICROSOFT_VENDOR.define(3, "default-router-metric-base", UINT32)

# Inside option 175: iPXE and its ancestor Etherboot.
ETHERBOOT: Final = Space("ipxe", redefinable=True)

ETHERBOOT.define(1, "priority", INT8)
ETHERBOOT.define(8, "keep-san", UINT8)
ETHERBOOT.define(9, "skip-san-boot", UINT8)
for _code, _name in enumerate(
    ("pxeext", "iscsi", "aoe", "http", "https", "tftp", "ftp", "dns", "bzimage", "multiboot", "slam", "srp"), 16
):
    ETHERBOOT.define(_code, _name, UINT8)
for _code, _name in enumerate(("nbi", "pxe", "elf", "comboot", "efi", "fcoe", "vlan", "menu", "sdi", "nfs"), 32):
    ETHERBOOT.define(_code, _name, UINT8)
ETHERBOOT.define(85, "syslogs", TEXT)
ETHERBOOT.define(91, "cert", BINARY)
ETHERBOOT.define(92, "privkey", BINARY)
ETHERBOOT.define(93, "crosscert", TEXT)
ETHERBOOT.define(176, "no-pxedhcp", UINT8)
ETHERBOOT.define(177, "bus-id", BINARY)
ETHERBOOT.define(188, "san-filename", TEXT)
ETHERBOOT.define(189, "bios-drive", UINT8)
ETHERBOOT.define(190, "username", TEXT)
ETHERBOOT.define(191, "password", TEXT)
ETHERBOOT.define(192, "reverse-username", TEXT)
ETHERBOOT.define(193, "reverse-password", TEXT)
ETHERBOOT.define(235, "version", BINARY)
