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
    "option_payload",
    "option_text",
    "relay_field",
    "relay_payload",
    "vendor_classes",
    "vendor_enterprise",
    "vendor_payload",
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


def option_payload(packet: Packet, codes: Sequence[int], space: Space) -> bytes | None:
    """The payload of an option, or of one within it."""
    payload = _first_payload(packet, codes[0])
    return payload if payload is None or len(codes) == 1 else _descend(payload, codes, space)


def relay_payload(packet: Packet6, level: int, codes: Sequence[int], space: Space) -> bytes | None:
    """The payload of an option that a relay added; level 0 is the server's neighbour, -1 the client's."""
    relays = packet.relays
    if not -len(relays) <= level < len(relays):
        return None
    payload = relays[level].options.first.get(codes[0])
    return payload if payload is None or len(codes) == 1 else _descend(payload, codes, space)


def relay_field(packet: Packet6, level: int, name: str) -> bytes:
    """`relay6.peeraddr` or `relay6.linkaddr` of a relay; empty where there is no such relay."""
    relays = packet.relays
    if not -len(relays) <= level < len(relays):
        return b""
    relay = relays[level]
    return (relay.peer if name == "relay6.peeraddr" else relay.link).to_bytes(16, "big")


def vendor_payload(packet: Packet, enterprise: int, codes: Sequence[int], space: Space) -> bytes | None:
    """The payload of a vendor's option (125, or 17 in DHCPv6); enterprise 0 is any. Only the first instance counts."""
    block = _vendor_block(packet)
    if block is None or (enterprise and block[0] != enterprise):
        return None
    vendor, option = block[0], space.by_code(VENDOR_OPTIONS4 if isinstance(packet, Packet4) else VENDOR_OPTIONS6)
    inside = None if option is None or option.encapsulates is None else option.encapsulates.vendors.get(vendor)
    payload = dict(reversed(list(_items(block[1], wide=isinstance(packet, Packet6))))).get(codes[0])
    if payload is None or len(codes) == 1:
        return payload
    return None if inside is None else _descend(payload, codes, inside)


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


def _descend(payload: bytes, codes: Sequence[int], space: Space) -> bytes | None:
    """The payload of the option at the end of a path whose first code has this payload."""
    option: Option[Any] | None = space.by_code(codes[0])
    for code in codes[1:]:
        if option is None or option.kind.inner is None:
            return None
        try:
            value = option.parse(payload)
        except ValueError:
            return None
        for _, options in option.kind.inner(value, len(payload)):
            found = next((each for found, each in options.items() if found == code), None)
            if found is not None:
                break
        else:
            return None
        payload = found
        option = None if option.encapsulates is None else option.encapsulates.by_code(code)
    return payload


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
