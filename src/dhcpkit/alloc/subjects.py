"""What expressions may ask of a packet: options by path, fields by name. Pure; nothing here fails.

Values are octets; None says that there is no such thing. Numbers are four octets in network order, addresses four or
sixteen, as in Kea. This module does not know expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

__all__ = [
    "FAMILY4",
    "FAMILY6",
    "FIELDS",
    "Family",
    "Packet",
    "option_text",
    "options_within",
    "relay_field",
    "relay_options",
    "vendor_classes",
    "vendor_enterprise",
    "vendor_options",
    "vendor_space",
]

Packet = Packet4 | Packet6


@attrs.frozen
class Family:
    """DHCPv4 or DHCPv6, with the option space that names and inner options are found in."""

    version: int
    space: Space


FAMILY4: Final = Family(4, DHCP4)
FAMILY6: Final = Family(6, DHCP6)

VENDOR_CLASS4, VENDOR_OPTIONS4 = 124, 125
VENDOR_CLASS6, VENDOR_OPTIONS6 = 16, 17
RELAY_AGENT4: Final = 82
ENTERPRISE_SIZE: Final = 4  # octets of an enterprise number


def _four(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "big")


def _address(packet: Packet, address: int) -> bytes:
    return address.to_bytes(4 if isinstance(packet, Packet4) else 16, "big")


FIELDS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "pkt.iface": lambda packet: packet.arrival.interface.encode(),
    "pkt.src": lambda packet: _address(packet, packet.arrival.source),
    "pkt.dst": lambda packet: _address(packet, packet.arrival.local),
    "pkt.len": lambda packet: _four(len(packet.data)),
    "pkt4.mac": lambda packet: packet.chaddr,
    "pkt4.hlen": lambda packet: _four(packet.hlen),
    "pkt4.htype": lambda packet: _four(packet.htype),
    "pkt4.ciaddr": lambda packet: _four(packet.ciaddr),
    "pkt4.giaddr": lambda packet: _four(packet.giaddr),
    "pkt4.yiaddr": lambda packet: _four(packet.yiaddr),
    "pkt4.siaddr": lambda packet: _four(packet.siaddr),
    "pkt4.msgtype": lambda packet: _four(packet.type),
    "pkt4.transid": lambda packet: _four(packet.xid),
    "pkt6.msgtype": lambda packet: _four(packet.type),
    "pkt6.transid": lambda packet: _four(packet.xid),
}


def _first_payload(packet: Packet, code: int) -> bytes | None:
    """The payload of an option of the message; of its first instance in DHCPv6."""
    return packet.options.get(code) if isinstance(packet, Packet4) else packet.options.first.get(code)


def relay_options(packet: Packet6, level: int) -> Mapping[int, bytes]:
    """The options that a relay added; level 0 is the server's neighbour, -1 the client's."""
    relays = packet.relays
    return relays[level].options.first if -len(relays) <= level < len(relays) else {}


def relay_field(packet: Packet6, level: int, name: str) -> bytes:
    """`relay6.peeraddr` or `relay6.linkaddr` of a relay; empty where there is no such relay."""
    relays = packet.relays
    if not -len(relays) <= level < len(relays):
        return b""
    relay = relays[level]
    return (relay.peer if name == "relay6.peeraddr" else relay.link).to_bytes(16, "big")


def vendor_options(packet: Packet, enterprise: int) -> Mapping[int, bytes]:
    """The options of a vendor (125, or 17 in DHCPv6); enterprise 0 is any. Only the first instance counts."""
    block = _vendor_block(packet)
    if block is None or (enterprise and block[0] != enterprise):
        return {}
    return dict(reversed(_items(block[1], wide=isinstance(packet, Packet6))))


def vendor_space(packet: Packet, space: Space) -> Space | None:
    """What is known of the options of the vendor whose the first vendor option is."""
    option = space.by_code(VENDOR_OPTIONS4 if isinstance(packet, Packet4) else VENDOR_OPTIONS6)
    vendor = vendor_enterprise(packet, "vendor")
    if option is None or option.encapsulates is None or vendor is None:
        return None
    return option.encapsulates.vendors.get(vendor)


def vendor_enterprise(packet: Packet, name: str) -> int | None:
    """The enterprise of the first `vendor` option (125, 17) or `vendor-class` option (124, 16)."""
    four = isinstance(packet, Packet4)
    code = {
        "vendor": VENDOR_OPTIONS4 if four else VENDOR_OPTIONS6,
        "vendor-class": VENDOR_CLASS4 if four else VENDOR_CLASS6,
    }[name]
    payload = _first_payload(packet, code)
    return None if payload is None or len(payload) < ENTERPRISE_SIZE else int.from_bytes(payload[:4], "big")


def vendor_classes(packet: Packet, enterprise: int) -> Sequence[bytes]:
    """The strings of the first vendor class option (124, 16 in DHCPv6), if it is this enterprise's (0: anybody's)."""
    found = vendor_enterprise(packet, "vendor-class")
    if found is None or (enterprise and found != enterprise):
        return ()
    if isinstance(packet, Packet4):
        payload = packet.options[VENDOR_CLASS4]
        size = payload[4] if len(payload) > ENTERPRISE_SIZE else 0
        return _tuples(payload[5 : 5 + size], 1)
    return _tuples(packet.options.first[VENDOR_CLASS6][ENTERPRISE_SIZE:], 2)


def option_text(payload: bytes, codes: Sequence[int], space: Space) -> bytes:
    """An option's text as expressions know it: a string's own, else what Kea's log shows of it."""
    option = space.by_code(codes[0])
    for code in codes[1:]:
        option = option.encapsulates.by_code(code) if option is not None and option.encapsulates is not None else None
    head = f"type={codes[-1]:0{5 if space.wide else 3}}, len={len(payload):0{5 if space.wide else 3}}: "
    if option is not None and option.kind.name == "string" and not option.kind.array:
        return payload.rstrip(b"\0")
    return head.encode() + payload.hex(":").encode()


def options_within(payload: bytes, codes: Sequence[int], space: Space) -> Mapping[int, bytes]:
    """The options within one that has this payload and lies at the end of a path of codes; the first of each code."""
    option: Option[Any] | None = space.by_code(codes[0])
    for code in codes[1:]:
        option = None if option is None or option.encapsulates is None else option.encapsulates.by_code(code)
    if option is None or option.kind.inner is None:
        return {}
    try:
        value = option.parse(payload)
    except ValueError:
        return {}
    found: dict[int, bytes] = {}
    for _, options in option.kind.inner(value, len(payload)):
        for code, each in options.items():
            found.setdefault(code, each)
    return found


def _vendor_block(packet: Packet) -> tuple[int, bytes] | None:
    """Enterprise and options of the first block of the first vendor option."""
    enterprise = vendor_enterprise(packet, "vendor")
    if enterprise is None:
        return None
    if isinstance(packet, Packet6):
        return enterprise, packet.options.first[VENDOR_OPTIONS6][ENTERPRISE_SIZE:]
    payload = packet.options[VENDOR_OPTIONS4]
    size = payload[4] if len(payload) > ENTERPRISE_SIZE else 0
    return enterprise, payload[5 : 5 + size]


def _items(octets: bytes, *, wide: bool) -> list[tuple[int, bytes]]:
    """Codes and payloads of options in a row, up to the first that runs past the end."""
    size, found, at = 2 if wide else 1, [], 0
    while at + 2 * size <= len(octets):
        start = at + 2 * size
        stop = start + int.from_bytes(octets[at + size : start], "big")
        if stop > len(octets):
            break
        found.append((int.from_bytes(octets[at : at + size], "big"), octets[start:stop]))
        at = stop
    return found


def _tuples(octets: bytes, size: int) -> list[bytes]:
    """Strings with their length before them, up to the first that runs past the end."""
    found, at = [], 0
    while at + size <= len(octets):
        start = at + size
        at = start + int.from_bytes(octets[at:start], "big")
        if at > len(octets):
            break
        found.append(octets[start:at])
    return found
