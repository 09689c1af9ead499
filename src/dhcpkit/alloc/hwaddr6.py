"""A DHCPv6 client's hardware address, which its messages do not have: where Kea's `mac-sources` finds one.

Pure: a message in, an address with its type and source out. This module does not know reservations or leases.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.duid import DuidType
from dhcpkit.wire.nested6 import Options6

__all__ = ["NO_HWADDR", "HwAddr6", "HwSource", "find_hwaddr"]

ETHERNET: Final = 1
UNSPECIFIED: Final = 0  # the type of an address that came without one (Kea)
HWADDR_MAX: Final = 20  # octets: the longest address there is, InfiniBand's
CLIENT_ID, VENDOR_OPTIONS, REMOTE_ID, CLIENT_LINKLAYER = 1, 17, 37, 79
CABLE_LABS: Final = 4491
ANY: Final = ("any",)
DEVICE_ID, CMTS_CM_MAC = 36, 1026  # options of CableLabs


class HwSource(enum.IntEnum):
    """Where an address came from; the numbers are Kea's (`hwaddr_source` column)."""

    UNKNOWN = 0
    RAW = 0x01
    DUID = 0x02
    IPV6_LINK_LOCAL = 0x04
    CLIENT_LINK_ADDR_OPTION = 0x08
    REMOTE_ID = 0x10
    SUBSCRIBER_ID = 0x20
    DOCSIS_CMTS = 0x40
    DOCSIS_MODEM = 0x80


class HwAddr6(NamedTuple):
    """A hardware address; empty where none was found."""

    octets: bytes
    type: int
    source: int


# What a named tuple's own constructor does, in half the time.
_made: Final[Callable[[tuple[bytes, int, int]], HwAddr6]] = partial(tuple.__new__, HwAddr6)
DUID_SOURCE: Final = HwSource.DUID.value  # an enumeration's attribute costs
UNIVERSAL: Final = 0x03  # of a modified EUI-64's first octet: its bits for universal (turned over), and for groups
UNIVERSAL_ONE: Final = 0x02
_LINK_LAYER_AT: Final = {DuidType.LLT.to_bytes(2, "big"): 8, DuidType.LL.to_bytes(2, "big"): 4}
NO_HWADDR: Final = HwAddr6(b"", UNSPECIFIED, HwSource.UNKNOWN.value)


def find_hwaddr(packet: Packet6, sources: Sequence[str]) -> HwAddr6:
    """The address of the first source that has one; the names of sources are Kea's."""
    if sources == ANY and not packet.relays and not packet.arrival.source_mac:
        found = _duid(packet)  # nothing that comes before it has anything to look at
        if found is not None:
            return found
    for source in sources:
        for find in _FINDERS[source]:
            found = find(packet)
            if found is not None:
                return found
    return NO_HWADDR


def _raw(packet: Packet6) -> HwAddr6 | None:
    """The frame's source: the client's where no relay is between."""
    octets = packet.arrival.source_mac
    return HwAddr6(octets, ETHERNET, HwSource.RAW.value) if octets and not packet.relays else None


def _duid(packet: Packet6) -> HwAddr6 | None:
    """DUID-LL and DUID-LLT are made of a link-layer address (RFC 8415 11.2, 11.4), though it may be another's now."""
    duid = packet.options.first.get(CLIENT_ID, b"")  # taken apart here: `Duid` is three times slower
    start = _LINK_LAYER_AT.get(duid[:2])
    if start is None or len(duid) <= start:
        return None
    return _made((duid[start : start + HWADDR_MAX], int.from_bytes(duid[2:4], "big"), DUID_SOURCE))


def _link_local(packet: Packet6) -> HwAddr6 | None:
    """A link-local address whose interface identifier is a modified EUI-64 (RFC 4291 2.5.1)."""
    address = packet.relays[-1].peer if packet.relays else packet.arrival.source
    if address >> 118 != 0xFE80 >> 6 or address >> 24 & 0xFFFF != 0xFFFE:
        return None
    octets = (address & (1 << 64) - 1).to_bytes(8, "big")
    if octets[0] & UNIVERSAL != UNIVERSAL_ONE:
        return None  # Kea: only of addresses that are globally unique, and one station's
    return HwAddr6(bytes((octets[0] ^ 0x02,)) + octets[1:3] + octets[5:], ETHERNET, HwSource.IPV6_LINK_LOCAL.value)


def _client_link_layer(packet: Packet6) -> HwAddr6 | None:
    """RFC 6939: the relay next to the client says it in option 79, a type of two octets before the address."""
    octets = _of_nearest_relay(packet, CLIENT_LINKLAYER)
    if octets is None or len(octets) < 3:
        return None
    return HwAddr6(
        octets[2 : 2 + HWADDR_MAX], int.from_bytes(octets[:2], "big"), HwSource.CLIENT_LINK_ADDR_OPTION.value
    )


def _remote_id(packet: Packet6) -> HwAddr6 | None:
    """Option 37 (RFC 4649) holds what the relay likes behind an enterprise number: with some the address."""
    octets = _of_nearest_relay(packet, REMOTE_ID)
    if octets is None or len(octets) < 5:
        return None
    return HwAddr6(octets[4 : 4 + HWADDR_MAX], ETHERNET, HwSource.REMOTE_ID.value)


def _docsis_cmts(packet: Packet6) -> HwAddr6 | None:
    """A cable modem's address, as the CMTS relaying for it says."""
    for relay in reversed(packet.relays):
        for block in _cable_labs(relay.options):
            if octets := block.first.get(CMTS_CM_MAC):
                return HwAddr6(octets, UNSPECIFIED, HwSource.DOCSIS_CMTS.value)
    return None


def _docsis_modem(packet: Packet6) -> HwAddr6 | None:
    """A cable modem's own word for its address."""
    for block in _cable_labs(packet.options):
        if octets := block.first.get(DEVICE_ID):
            return HwAddr6(octets, UNSPECIFIED, HwSource.DOCSIS_MODEM.value)
    return None


def _of_nearest_relay(packet: Packet6, code: int) -> bytes | None:
    return packet.relays[-1].options.first.get(code) if packet.relays else None


def _cable_labs(options: Options6) -> Iterator[Options6]:
    for payload in options.payloads(VENDOR_OPTIONS):
        if payload[:4] == CABLE_LABS.to_bytes(4, "big"):
            yield Options6(payload[4:])


Finder = Callable[[Packet6], HwAddr6 | None]

_EACH: Final[Mapping[str, Finder | None]] = {  # in the order in which `any` tries them (Kea)
    "raw": _raw,
    "client-link-addr-option": _client_link_layer,
    "duid": _duid,
    "ipv6-link-local": _link_local,
    "remote-id": _remote_id,
    "subscriber-id": None,  # Kea takes the name, and finds nothing: RFC 4580 gives the option no form
    "docsis-cmts": _docsis_cmts,
    "docsis-modem": _docsis_modem,
}
_FINDERS: Final[Mapping[str, Sequence[Finder]]] = {
    **{name: () if finder is None else (finder,) for name, finder in _EACH.items()},
    "any": tuple(finder for finder in _EACH.values() if finder is not None),
    "rfc6939": (_client_link_layer,),
    "rfc4649": (_remote_id,),
    "rfc4580": (),
}
