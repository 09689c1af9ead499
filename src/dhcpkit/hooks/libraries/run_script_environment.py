"""What a script is told: messages, leases and subnets as environment variables, under Kea's names.

An octet string is written as `02:00:5e` there, an option as `0x0102`, a truth as `true`; what is not there is empty.
This module runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network import Subnet4
from dhcpkit.wire.dhcp4 import MessageType, Packet4
from dhcpkit.wire.dhcp6 import MessageType6, Packet6

__all__ = ["Variables", "association6", "lease4", "lease6", "leases", "query4", "query6", "subnet4", "truth"]

Variables = Iterator[tuple[str, str]]
STATES: Final = {
    LeaseState.DEFAULT: "default",
    LeaseState.DECLINED: "declined",
    LeaseState.EXPIRED_RECLAIMED: "expired-reclaimed",
    LeaseState.RELEASED: "released",
    LeaseState.REGISTERED: "registered",
}
ETHERNET: Final = 1
RELAY, CIRCUIT_ID, REMOTE_ID = 82, 1, 2
SERVER_PORT: Final = 67
CLIENT_ID: Final = 1
TOLD_OF_RELAYS: Final = (18, 37, 38)  # interface-id, remote-id, subscriber-id
ALL_RELAYS_AND_SERVERS: Final = "ff02::1:2"
EVERYBODY: Final = b"\xff" * 6
NOBODY: Final = "00:00:00"  # how Kea writes the DUID of a lease that has none


def truth(name: str, value: bool) -> Variables:  # noqa: FBT001  # a value, no switch
    """A truth."""
    yield name, "true" if value else "false"


def _hwaddr(name: str, value: bytes, hwtype: int | None = ETHERNET) -> Variables:
    yield name, value.hex(":")
    yield f"{name}_TYPE", "" if hwtype is None else str(hwtype)


def query4(packet: Packet4) -> Variables:
    """A DHCPv4 message, and how it came."""
    arrival, options = packet.arrival, packet.options
    local = IPv4Address(0xFFFFFFFF if arrival.broadcast else arrival.local)
    try:
        kind = f"DHCP{MessageType(packet.type).name}"
    except ValueError:
        kind = "UNKNOWN"
    name = "QUERY4"
    yield f"{name}_TYPE", kind
    yield f"{name}_TXID", str(packet.xid)
    yield f"{name}_LOCAL_ADDR", str(local)
    yield f"{name}_LOCAL_PORT", str(SERVER_PORT)
    yield f"{name}_REMOTE_ADDR", str(IPv4Address(arrival.source))
    yield f"{name}_REMOTE_PORT", str(arrival.port)
    yield f"{name}_IFACE_INDEX", str(arrival.ifindex)
    yield f"{name}_IFACE_NAME", arrival.interface
    for field in ("hops", "secs", "flags"):
        yield f"{name}_{field.upper()}", str(getattr(packet, field))
    for field in ("ciaddr", "siaddr", "yiaddr", "giaddr"):
        yield f"{name}_{field.upper()}", str(IPv4Address(getattr(packet, field)))
    yield from truth(f"{name}_RELAYED", packet.giaddr != 0)
    yield from _hwaddr(f"{name}_HWADDR", packet.chaddr, packet.htype)
    yield from _hwaddr(f"{name}_LOCAL_HWADDR", EVERYBODY if arrival.broadcast else b"")
    yield from _hwaddr(f"{name}_REMOTE_HWADDR", arrival.source_mac)
    relay = options.get(RELAY)
    if relay is not None:
        yield f"{name}_OPTION_{RELAY}", _option(relay)
        for code in (CIRCUIT_ID, REMOTE_ID):
            inner = _suboption(relay, code)
            if inner is not None:
                yield f"{name}_OPTION_{RELAY}_SUB_OPTION_{code}", _option(inner)


def query6(packet: Packet6) -> Variables:
    """A DHCPv6 message, and how it came."""
    arrival = packet.arrival
    try:
        kind = MessageType6(packet.type).name.replace("_", "-")
    except ValueError:
        kind = "UNKNOWN"
    name = "QUERY6"
    yield f"{name}_TYPE", kind
    yield f"{name}_TXID", str(packet.xid)
    yield f"{name}_LOCAL_ADDR", ALL_RELAYS_AND_SERVERS if arrival.multicast else str(IPv6Address(arrival.local))
    yield f"{name}_LOCAL_PORT", "0"  # Kea does not know it
    yield f"{name}_REMOTE_ADDR", str(IPv6Address(arrival.source))
    yield f"{name}_REMOTE_PORT", str(arrival.port)
    yield f"{name}_IFACE_INDEX", str(arrival.ifindex)
    yield f"{name}_IFACE_NAME", arrival.interface
    yield from _hwaddr(f"{name}_REMOTE_HWADDR", arrival.source_mac, ETHERNET if arrival.source_mac else None)
    yield f"{name}_PROTO", "UDP"
    yield f"{name}_CLIENT_ID", packet.options.first.get(CLIENT_ID, b"").hex(":")
    for code in TOLD_OF_RELAYS:
        for relay in reversed(packet.relays):  # the one nearest to the client first
            if code in relay.options.first:
                yield f"{name}_OPTION_{code}", _option(relay.options.first[code])
                break


def _option(payload: bytes) -> str:
    return f"0x{payload.hex().upper()}"


def _suboption(relay: bytes, code: int) -> bytes | None:
    at = 0
    while at + 1 < len(relay):
        size = relay[at + 1]
        if relay[at] == code:
            return relay[at + 2 : at + 2 + size]
        at += 2 + size
    return None


def subnet4(name: str, subnet: Subnet4 | None) -> Variables:
    """A subnet."""
    prefix = subnet.prefix if subnet is not None else None
    yield f"{name}_ID", str(subnet.id) if subnet is not None else ""
    yield f"{name}_NAME", str(prefix or "")
    yield f"{name}_PREFIX", str(prefix.network_address) if prefix is not None else ""
    yield f"{name}_PREFIX_LEN", str(prefix.prefixlen) if prefix is not None else ""


def lease4(name: str, lease: Lease4) -> Variables:
    """A DHCPv4 lease."""
    yield f"{name}_ADDRESS", str(IPv4Address(lease.address))
    yield f"{name}_CLTT", str(lease.cltt)
    yield f"{name}_HOSTNAME", lease.hostname
    yield from _hwaddr(f"{name}_HWADDR", lease.hwaddr)
    yield f"{name}_STATE", STATES[LeaseState(lease.state)]
    yield f"{name}_SUBNET_ID", str(lease.subnet_id)
    yield f"{name}_VALID_LIFETIME", str(lease.valid_lifetime)
    yield f"{name}_CLIENT_ID", lease.client_id.hex(":")


def lease6(name: str, lease: Lease6 | None) -> Variables:
    """A DHCPv6 lease; None: nothing of it."""
    if lease is None:
        return
    yield f"{name}_ADDRESS", str(IPv6Address(lease.address))
    yield f"{name}_CLTT", str(lease.cltt)
    yield f"{name}_HOSTNAME", lease.hostname
    yield from _hwaddr(f"{name}_HWADDR", lease.hwaddr, (lease.hwtype or ETHERNET) if lease.hwaddr else None)
    yield f"{name}_STATE", STATES[LeaseState(lease.state)]
    yield f"{name}_SUBNET_ID", str(lease.subnet_id)
    yield f"{name}_VALID_LIFETIME", str(lease.valid_lifetime)
    yield f"{name}_DUID", lease.duid.hex(":") if lease.duid else NOBODY
    yield f"{name}_IAID", str(lease.iaid)
    yield f"{name}_PREFERRED_LIFETIME", str(lease.preferred_lifetime)
    yield f"{name}_PREFIX_LEN", str(lease.prefix_len)
    yield f"{name}_TYPE", LeaseType(lease.type).name


def association6(lease: Lease6) -> Variables:
    """The identity association of a lease that is extended. Its times are not known yet, and Kea says 0, too."""
    yield "PKT6_IA_IAID", str(lease.iaid)
    yield "PKT6_IA_IA_TYPE", "25" if lease.type == LeaseType.IA_PD else "3"
    yield "PKT6_IA_IA_T1", "0"
    yield "PKT6_IA_IA_T2", "0"


def leases(name: str, found: Sequence[Any]) -> Variables:
    """Several leases of either family."""
    yield f"{name}_SIZE", str(len(found))
    for number, lease in enumerate(found):
        told = f"{name}_AT{number}"
        yield from lease4(told, lease) if isinstance(lease, Lease4) else lease6(told, lease)
