"""Reads and writes capture files: pcap and pcapng octets in, UDP datagrams out, and back as pcap.

Pure: whoever calls has read the file. This module does not know DHCP beyond `Datagram.arrival`, checks no checksums
and joins no IP fragments (only a first fragment that is the whole datagram is taken). Frames that are no UDP over
IPv4 or IPv6 are passed over in silence; a file that is no capture, or ends within a record, is a WireError, raised
after everything before the damage was given out. A file compressed with gzip is read as what is in it, and offsets in
errors are those of what is in it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import attrs

from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import Arrival6
from dhcpkit.wire.errors import WireError

__all__ = ["Datagram", "is_capture", "read_capture", "write_capture"]


@attrs.frozen
class Datagram:
    """One captured UDP datagram. `time` is in seconds since 1970; the MACs are empty where the link does not tell.

    `missing` counts octets of the payload that the capture cut off.
    """

    time: float
    source: IPv4Address | IPv6Address
    port: int
    destination: IPv4Address | IPv6Address
    dport: int
    payload: bytes
    source_mac: bytes = b""
    destination_mac: bytes = b""
    missing: int = 0

    def arrival(self, interface: str = "") -> Arrival:
        """How a server that sent or received this datagram would have seen it come; ValueError for IPv6."""
        if isinstance(self.source, IPv6Address) or isinstance(self.destination, IPv6Address):
            raise ValueError(f"{self.source} is not an IPv4 address")  # noqa: TRY004  # a value, not a type, to callers
        broadcast = self.destination == BROADCAST
        return Arrival(
            interface,
            source=int(self.source),
            port=self.port,
            local=0 if broadcast else int(self.destination),
            broadcast=broadcast,
            source_mac=self.source_mac,
        )

    def arrival6(self, interface: str = "") -> Arrival6:
        """The same for DHCPv6; ValueError for IPv4."""
        if isinstance(self.source, IPv4Address) or isinstance(self.destination, IPv4Address):
            raise ValueError(f"{self.source} is not an IPv6 address")  # noqa: TRY004  # a value, not a type, to callers
        return Arrival6(
            interface,
            source=int(self.source),
            port=self.port,
            local=int(self.destination),
            multicast=self.destination.is_multicast,
            source_mac=self.source_mac,
        )


BROADCAST: Final = IPv4Address("255.255.255.255")
Frame = tuple[float, int, bytes]  # seconds since 1970, link type, octets

# pcap: magic number -> byte order and time units per second (draft-ietf-opsawg-pcap 4)
PCAP: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1e6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\x3c\x4d": (">", 1e9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e9),
}
PCAP_HEADER: Final = 24
PCAP_RECORD: Final = 16
LINK_MASK: Final = 0x0FFFFFFF  # the upper bits of pcap's link type tell of frame check sequences

GZIP: Final = b"\x1f\x8b"  # RFC 1952 2.3.1
WITH_GZIP_HEADER: Final = 31  # what zlib calls that form
UNPACKED_MAX: Final = 1 << 30  # octets of a compressed capture: more is no capture of DHCP, but a trap
CHUNK: Final = 1 << 16  # octets unpacked at once, so that what comes before damage is not lost

# pcapng blocks (draft-ietf-opsawg-pcapng 4)
SECTION: Final = 0x0A0D0D0A
SECTION_START: Final = b"\n\r\r\n"
ORDER_MAGIC: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
INTERFACE_BLOCK: Final = 1
SIMPLE_BLOCK: Final = 3
ENHANCED_BLOCK: Final = 6
BLOCK_MIN: Final = 12
TIME_RESOLUTION: Final = 9  # option if_tsresol
MICROSECONDS: Final = 1e6  # the resolution where that option is absent

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_IPV6: Final = 0x86DD
VLAN_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})  # IEEE 802.1Q, 802.1ad, and what came before it
VLAN_MAX: Final = 4  # tags on one frame; nobody stacks more than two
ETHERNET_HEADER: Final = 14
MAC_SIZE: Final = 6
UDP: Final = 17
UDP_HEADER: Final = 8
IPV4_HEADER: Final = 20
IPV6_HEADER: Final = 40
HOPS: Final = 64  # the time to live, or hop limit, of what is written: RFC 1700's recommendation
PACKET_MAX: Final = 0xFFFF  # octets: the length fields of IPv4, of an IPv6 payload and of UDP have two
IPV6_EXTENSIONS: Final = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options (RFC 8200 4)
IPV6_EXTENSIONS_MAX: Final = 8  # headers before UDP: each kind may occur once, destination options twice (RFC 8200 4.1)


def is_capture(data: bytes) -> bool:
    """Whether these octets begin like a pcap or pcapng file, compressed or not."""
    start = data[:4]
    if start[:2] == GZIP:
        try:
            start = zlib.decompressobj(WITH_GZIP_HEADER).decompress(data[:CHUNK], 4)
        except zlib.error:
            return False
    return start in PCAP or start == SECTION_START


def read_capture(data: bytes) -> Iterator[Datagram]:
    """Every UDP datagram of a capture file, in the file's order. WireError where the file is damaged."""
    damage = ""
    if data[:2] == GZIP:
        data, damage = _unpacked(data)
    try:
        for time, link, frame in _pcapng(data) if data[:4] == SECTION_START else _pcap(data):
            found = _LINKS[link](frame) if link in _LINKS else None
            if found is not None:
                source_mac, destination_mac, packet = found
                datagram = _udp(time, source_mac, destination_mac, packet)
                if datagram is not None:
                    yield datagram
    except WireError:
        if not damage:
            raise
    if damage:
        raise WireError(len(data), damage)


def write_capture(datagrams: Iterable[Datagram]) -> bytes:
    """A pcap file of Ethernet frames with these datagrams; of bare IP packets where none of them has a MAC.

    `missing` is not written. ValueError where one has no form: addresses of two families, a payload that is too long.
    """
    found = list(datagrams)
    ethernet = any(each.source_mac or each.destination_mac for each in found)
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1 if ethernet else 101)]
    for each in found:
        frame = _ip(each)
        if ethernet:
            macs = each.destination_mac.ljust(MAC_SIZE, b"\0"), each.source_mac.ljust(MAC_SIZE, b"\0")
            if any(len(mac) != MAC_SIZE for mac in macs):
                raise ValueError(f"a hardware address of Ethernet has {MAC_SIZE} octets")
            kind = ETHERTYPE_IPV4 if frame[0] >> 4 == 4 else ETHERTYPE_IPV6
            frame = b"".join(macs) + kind.to_bytes(2, "big") + frame
        seconds, micros = divmod(round(each.time * MICROSECONDS), int(MICROSECONDS))
        if not 0 <= seconds < 1 << 32:
            raise ValueError(f"a pcap file cannot tell the time {each.time}")
        parts += [struct.pack("<IIII", seconds, micros, len(frame), len(frame)), frame]
    return b"".join(parts)


def _unpacked(data: bytes) -> tuple[bytes, str]:
    """What is in a gzip file, all its members one after the other, and what was wrong with it."""
    found, size = [], 0
    unpacker = zlib.decompressobj(WITH_GZIP_HEADER)
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        while chunk:
            if unpacker.eof:
                unpacker = zlib.decompressobj(WITH_GZIP_HEADER)
            try:
                found.append(unpacker.decompress(chunk))
            except zlib.error as error:
                return b"".join(found), f"the compressed file is damaged here: {error}"
            size += len(found[-1])
            if size > UNPACKED_MAX:
                return b"".join(found), f"more than {UNPACKED_MAX} octets in the compressed file"
            chunk = unpacker.unused_data
    return b"".join(found), "" if unpacker.eof else "the compressed file is cut off"


def _pcap(data: bytes) -> Iterator[Frame]:
    if data[:4] not in PCAP:
        raise WireError(0, "neither a pcap nor a pcapng file")
    if len(data) < PCAP_HEADER:
        raise WireError(len(data), "the pcap file header is cut off")
    order, units = PCAP[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0] & LINK_MASK
    record = struct.Struct(order + "IIII")
    at = PCAP_HEADER
    while at < len(data):
        start = at + PCAP_RECORD
        if start > len(data):
            raise WireError(at, "the last record's header is cut off")
        seconds, fraction, kept, _ = record.unpack_from(data, at)
        at = start + kept
        if at > len(data):
            raise WireError(start, f"the last frame is cut off: {kept} octets announced, {len(data) - start} left")
        yield (seconds * int(units) + fraction) / units, link, data[start:at]


def _pcapng(data: bytes) -> Iterator[Frame]:
    interfaces: list[tuple[int, float]] = []  # link type, time units per second
    for at, order, kind, body in _blocks(data):
        try:
            if kind == SECTION:
                interfaces = []
            elif kind == INTERFACE_BLOCK:
                interfaces.append(_interface(order, body))
            elif kind == ENHANCED_BLOCK:
                number, high, low, kept = struct.unpack_from(order + "IIII", body)
                link, units = interfaces[number]
                yield (high << 32 | low) / units, link, body[20 : 20 + kept]
            elif kind == SIMPLE_BLOCK:
                link, _ = interfaces[0]
                yield 0.0, link, body[4 : 4 + struct.unpack_from(order + "I", body)[0]]
        except (struct.error, IndexError):
            raise WireError(at, "a block that is too short, or of an interface not described before") from None


def _blocks(data: bytes) -> Iterator[tuple[int, str, int, bytes]]:
    """Offset, byte order, type and body of every block of a pcapng file."""
    order = ">"
    at = 0
    while at < len(data):
        if at + BLOCK_MIN > len(data):
            raise WireError(at, "the last block's header is cut off")
        if data[at : at + 4] == SECTION_START:
            magic = data[at + 8 : at + 12]
            if magic not in ORDER_MAGIC:
                raise WireError(at + 8, f"{magic.hex()} is no byte order of a section")
            order = ORDER_MAGIC[magic]
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < BLOCK_MIN or size % 4:
            raise WireError(at + 4, f"a block cannot have {size} octets")
        if at + size > len(data):
            raise WireError(at, f"the last block is cut off: {size} octets announced, {len(data) - at} left")
        yield at, order, kind, data[at + 8 : at + size - 4]
        at += size


def _interface(order: str, body: bytes) -> tuple[int, float]:
    link = struct.unpack_from(order + "H", body)[0]
    units, at = MICROSECONDS, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == TIME_RESOLUTION and size == 1:
            exponent = body[at + 4]
            units = float(2 ** (exponent & 0x7F) if exponent & 0x80 else 10 ** min(exponent, 30))
        at += 4 + size + -size % 4
    return link, units


Link = Callable[[bytes], "tuple[bytes, bytes, bytes] | None"]  # frame -> source MAC, destination MAC, IP packet


def _ethernet(frame: bytes) -> tuple[bytes, bytes, bytes] | None:
    packet = _behind_ethertype(frame, ETHERNET_HEADER - 2)
    return None if packet is None else (frame[6:12], frame[:6], packet)


def _behind_ethertype(frame: bytes, at: int) -> bytes | None:
    """The IP packet behind the EtherType at `at` and the VLAN tags that may precede the real one."""
    for _ in range(VLAN_MAX + 1):
        ethertype = int.from_bytes(frame[at : at + 2], "big")
        if ethertype not in VLAN_TAGS:
            return frame[at + 2 :] if ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6) else None
        at += 4
    return None


def _cooked(frame: bytes) -> tuple[bytes, bytes, bytes] | None:  # LINKTYPE_LINUX_SLL
    packet = _behind_ethertype(frame, 14)
    return None if packet is None else (_cooked_mac(frame[4:6], frame[6:14]), b"", packet)


def _cooked2(frame: bytes) -> tuple[bytes, bytes, bytes] | None:  # LINKTYPE_LINUX_SLL2
    ethertype = int.from_bytes(frame[:2], "big")
    if ethertype in VLAN_TAGS:
        packet = _behind_ethertype(frame, 22)
    else:
        packet = frame[20:] if ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6) else None
    return None if packet is None else (_cooked_mac(b"\0" + frame[11:12], frame[12:20]), b"", packet)


def _cooked_mac(size: bytes, field: bytes) -> bytes:
    return field[: int.from_bytes(size, "big")]


def _raw(frame: bytes) -> tuple[bytes, bytes, bytes]:
    return b"", b"", frame


def _loopback(frame: bytes) -> tuple[bytes, bytes, bytes]:
    return b"", b"", frame[4:]  # behind the address family, whose value differs from system to system


_LINKS: Final[dict[int, Link]] = {  # www.tcpdump.org/linktypes.html
    0: _loopback,
    1: _ethernet,
    12: _raw,
    101: _raw,
    108: _loopback,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked2,
}


def _udp(time: float, source_mac: bytes, destination_mac: bytes, packet: bytes) -> Datagram | None:
    version = packet[0] >> 4 if packet else 0
    found = _ipv4(packet) if version == 4 else _ipv6(packet) if version == 6 else None
    if found is None:
        return None
    source, destination, segment = found
    if len(segment) < UDP_HEADER:
        return None
    port, dport, size = struct.unpack_from(">HHH", segment)
    if size < UDP_HEADER:
        return None
    payload = segment[UDP_HEADER:size]
    missing = size - UDP_HEADER - len(payload)
    return Datagram(time, source, port, destination, dport, payload, source_mac, destination_mac, missing)


def _ipv4(packet: bytes) -> tuple[IPv4Address, IPv4Address, bytes] | None:
    header = (packet[0] & 0x0F) * 4
    if len(packet) < max(header, IPV4_HEADER) or header < IPV4_HEADER or packet[9] != UDP:
        return None
    size, _, fragment = struct.unpack_from(">HHH", packet, 2)
    if fragment & 0x3FFF:  # more fragments follow, or this is not the first one
        return None
    # A total length of 0 is what a network card that segments by itself leaves behind.
    segment = packet[header:size] if size else packet[header:]
    return IPv4Address(packet[12:16]), IPv4Address(packet[16:20]), segment


def _ipv6(packet: bytes) -> tuple[IPv6Address, IPv6Address, bytes] | None:
    if len(packet) < IPV6_HEADER:
        return None
    following, at = packet[6], IPV6_HEADER
    for _ in range(IPV6_EXTENSIONS_MAX):
        if following == UDP:
            return IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), packet[at:]
        if following not in IPV6_EXTENSIONS or at + 2 > len(packet):
            return None
        following, at = packet[at], at + 8 + 8 * packet[at + 1]
    return None


def _ip(datagram: Datagram) -> bytes:
    """The IP packet of a datagram."""
    source, destination, payload = datagram.source, datagram.destination, datagram.payload
    size = UDP_HEADER + len(payload)
    if source.version != destination.version:
        raise ValueError(f"{source} and {destination} are of two families")
    if size + (IPV4_HEADER if source.version == 4 else 0) > PACKET_MAX:
        raise ValueError(f"a datagram cannot have {len(payload)} octets")
    ends = source.packed + destination.packed
    udp = struct.pack(">HHH", datagram.port, datagram.dport, size)
    checksum = _checksum(ends + struct.pack(">HH", UDP, size) + udp + b"\0\0" + payload) or 0xFFFF  # RFC 768: 0 is none
    segment = udp + checksum.to_bytes(2, "big") + payload
    if source.version == 6:
        return struct.pack(">IHBB", 0x60000000, size, UDP, HOPS) + ends + segment
    head = struct.pack(">BBHHHBB", 0x45, 0, IPV4_HEADER + size, 0, 0, HOPS, UDP)
    return head + _checksum(head + b"\0\0" + ends).to_bytes(2, "big") + ends + segment


def _checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    even = octets + b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f">{len(even) // 2}H", even))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
