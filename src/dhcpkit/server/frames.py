"""Ethernet, IPv4 and UDP around a DHCP message, for packet sockets, and the filter that lets nothing else in.

A client without an address can be answered only below IP: the kernel would ask it by ARP. So frames are taken apart
and put together here. Pure: bytes in, bytes out; this module does not know sockets or DHCP.
"""

from __future__ import annotations

import struct
from typing import Final

import attrs

__all__ = ["BROADCAST_MAC", "DROP_ALL", "Datagram", "FrameError", "FrameMaker", "dhcp_filter", "parse_frame"]

BROADCAST_MAC: Final = b"\xff" * 6
ETHERNET: Final = 14  # octets of an Ethernet header
TAG: Final = 4  # octets of an 802.1Q tag
IPV4: Final = b"\x08\x00"
VLAN: Final = b"\x81\x00"
UDP: Final = 17
FRAGMENT: Final = 0x3FFF  # RFC 791 3.1: more fragments, and the offset; either makes it a piece of something
TTL: Final = 64
LOW_DELAY: Final = 0x10  # RFC 791 3.1, type of service; what DHCP servers send


class FrameError(ValueError):
    """A frame does not carry a whole UDP datagram over IPv4."""


@attrs.frozen
class Datagram:
    """What a frame carries. Addresses are integers."""

    payload: bytes
    source_mac: bytes
    destination_mac: bytes
    source: int
    destination: int
    source_port: int
    port: int


def parse_frame(frame: bytes) -> Datagram:
    """Takes a frame apart. IP options, a priority tag and padding are allowed; FrameError says what is not.

    Checksums are not verified: where the sender's interface computes them, a capture on the same machine sees them
    unfinished, and the link layer has a check of its own. A frame of another VLAN is refused.
    """
    at = ETHERNET
    kind = frame[12:14]
    if kind == VLAN:
        if (frame[14] << 8 | frame[15]) & 0xFFF if len(frame) > 15 else True:
            raise FrameError("a frame of another VLAN")
        at, kind = ETHERNET + TAG, frame[16:18]
    if kind != IPV4 or len(frame) < at + 28:
        raise FrameError("not IPv4, or cut off")
    header = (frame[at] & 0xF) * 4
    total = frame[at + 2] << 8 | frame[at + 3]
    udp = at + header
    if frame[at] >> 4 != 4 or header < 20 or total < header + 8 or len(frame) < at + total:
        raise FrameError("the IPv4 header contradicts the frame's length")
    if frame[at + 9] != UDP or (frame[at + 6] << 8 | frame[at + 7]) & FRAGMENT:
        raise FrameError("not UDP, or a fragment")
    source_port, port, size = struct.unpack_from(">HHH", frame, udp)
    if size < 8 or header + size > total:
        raise FrameError("the UDP length contradicts the IPv4 length")
    source, destination = struct.unpack_from(">II", frame, at + 12)
    return Datagram(frame[udp + 8 : udp + size], frame[6:12], frame[:6], source, destination, source_port, port)


class FrameMaker:
    """Builds frames from one interface address and port; what never changes is computed once."""

    def __init__(self, mac: bytes, address: int, port: int) -> None:
        self._mac = mac + IPV4
        self._address = address.to_bytes(4, "big")
        self._port = port
        # The ones' complement sum of 16-bit words is the number they spell modulo 0xFFFF, because 0x10000 is 1 there.
        self._ip_sum = (0x4500 | LOW_DELAY) + (TTL << 8 | UDP) + (address >> 16) + (address & 0xFFFF)
        self._udp_sum = (address >> 16) + (address & 0xFFFF) + UDP + port
        self._ident = 0

    def build(self, payload: bytes, mac: bytes, address: int, port: int) -> bytes:
        """A frame with `payload` to a link-layer and an IPv4 address and port; both checksums are filled in."""
        size = len(payload) + 8
        ident = self._ident = (self._ident + 1) & 0xFFFF
        to = (address >> 16) + (address & 0xFFFF)
        ip_sum = 0xFFFF - (self._ip_sum + size + 20 + ident + to) % 0xFFFF
        number = int.from_bytes(payload, "big") << (8 if size & 1 else 0)
        udp_sum = 0xFFFF - (self._udp_sum + to + 2 * size + port + number) % 0xFFFF
        return b"".join(
            (
                mac,
                self._mac,
                _IP_START.pack(0x45, LOW_DELAY, size + 20, ident, 0, TTL, UDP, ip_sum),
                self._address,
                _IP_END_UDP.pack(address, self._port, port, size, udp_sum),
                payload,
            )
        )


_IP_START: Final = struct.Struct(">BBHHHBBH")
_IP_END_UDP: Final = struct.Struct(">IHHHH")

# Classic BPF (Linux, Documentation/networking/filter): one instruction is code, two jumps, operand.
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_HALF_AT_X = 0x20, 0x28, 0x30, 0x48
_HEADER_TO_X, _AND, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0xB1, 0x54, 0x15, 0x45, 0x06
_ANCILLARY = 0xFFFFF000  # what is not in the frame: packet type, interface, VLAN tag
_PACKET_TYPE, _INTERFACE, _VLAN_TAG, _HAS_VLAN_TAG = (_ANCILLARY + offset for offset in (4, 8, 44, 48))
_OTHER_HOST = 3
_WHOLE = 0x40000

Instruction = tuple[int, int, int, int]


def dhcp_filter(port: int, ifindex: int) -> bytes:
    """A program for a packet socket of one Ethernet interface: whole UDP datagrams over IPv4 to `port`, for this host.

    What a VLAN or bridge on top of the interface receives belongs to its own socket, so only frames whose device is
    `ifindex` pass; tagged ones pass with VLAN 0, which is a priority and no VLAN. The kernel has taken tags out.
    """
    tests: list[
        Instruction
    ] = [  # each falls through to the next when it holds and jumps to the refusal when it does not
        (_LOAD_WORD, 0, 0, _PACKET_TYPE),
        (_JUMP_EQUAL, 1, 0, _OTHER_HOST),
        (_LOAD_WORD, 0, 0, _INTERFACE),
        (_JUMP_EQUAL, 0, 1, ifindex),
        (_LOAD_BYTE, 0, 0, _HAS_VLAN_TAG),
        (_JUMP_EQUAL, 3, 0, 0),  # untagged: three further on
        (_LOAD_WORD, 0, 0, _VLAN_TAG),
        (_AND, 0, 0, 0xFFF),
        (_JUMP_EQUAL, 0, 1, 0),
        (_LOAD_HALF, 0, 0, 12),
        (_JUMP_EQUAL, 0, 1, 0x0800),
        (_LOAD_BYTE, 0, 0, ETHERNET + 9),
        (_JUMP_EQUAL, 0, 1, UDP),
        (_LOAD_HALF, 0, 0, ETHERNET + 6),
        (_JUMP_SET, 1, 0, FRAGMENT),
        (_HEADER_TO_X, 0, 0, ETHERNET),
        (_LOAD_HALF_AT_X, 0, 0, ETHERNET + 2),
        (_JUMP_EQUAL, 0, 1, port),
        (_RETURN, 0, 0, _WHOLE),
        (_RETURN, 0, 0, 0),
    ]
    refusal = len(tests) - 1
    program: list[Instruction] = []
    for at, (code, yes, no, operand) in enumerate(tests):
        away = refusal - at - 1
        skips = yes if yes > 1 else 0
        program.append((code, away if yes == 1 else skips, away if no == 1 else 0, operand))
    return _assemble(program)


def _assemble(program: list[Instruction]) -> bytes:
    """A program in the kernel's form (`struct sock_filter`), in this machine's byte order."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


DROP_ALL: Final = _assemble([(_RETURN, 0, 0, 0)])
"""A program that refuses everything: for a socket that only holds its port and sends."""
