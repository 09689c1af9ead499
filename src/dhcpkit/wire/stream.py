"""Messages over TCP, each behind its size in two octets: bulk and active leasequery.

RFC 5460 6.1, RFC 6926 6.1, RFC 7653 6.1 and RFC 7724 5.1 have the same form. `Inflow` takes what came from the
connection in whatever pieces, and `framed` makes what goes into it. This module does not know sockets, nor what is
asked and answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.errors import WireError

__all__ = ["SIZE_MAX", "Inflow", "framed", "inflow4", "inflow6"]

P = TypeVar("P")

SIZE_SIZE: Final = 2  # octets of `message-size`
SIZE_MAX: Final = 0xFFFF  # octets of one message: what `message-size` can say


class Inflow(Generic[P]):
    """What comes from a peer over one connection, put together to messages again.

    `size_max` refuses longer messages before they are there. No more than that waits for its rest, in `pending` octets.
    Of a connection on which something was wrong nothing more can be understood: `feed` and `close` raise the same
    WireError again, whose offset counts octets from the connection's beginning.
    """

    __slots__ = ("_buffer", "_fault", "_parse", "_taken", "size_max")

    def __init__(self, parse: Callable[[bytes], P], size_max: int = SIZE_MAX) -> None:
        self.size_max = size_max
        self._parse = parse
        self._buffer = bytearray()
        self._taken = 0
        self._fault: WireError | None = None

    @property
    def pending(self) -> int:
        """How many octets are there of a message that is not complete yet."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> list[P]:
        """The messages that these octets complete.

        WireError for the first one that is too long or cannot be read. Where others are complete before it, those are
        returned, and the next call raises.
        """
        if self._fault is not None:
            raise self._fault
        buffer = self._buffer
        buffer += octets
        messages: list[P] = []
        at, end = 0, len(buffer)
        while self._fault is None and at + SIZE_SIZE <= end:
            size = int.from_bytes(buffer[at : at + SIZE_SIZE], "big")
            start = at + SIZE_SIZE
            if size > self.size_max:
                self._fault = WireError(
                    self._taken + at, f"a message of at most {self.size_max} octets expected, not {size}"
                )
            elif start + size > end:
                break
            else:
                try:
                    messages.append(self._parse(bytes(buffer[start : start + size])))
                except WireError as error:
                    self._fault = WireError(self._taken + start + error.offset, error.what, error.path)
                else:
                    at = start + size
        self._taken += at
        del buffer[:at]
        if self._fault is not None:
            buffer.clear()
            if not messages:
                raise self._fault
        return messages

    def close(self) -> None:
        """Says that the peer has closed the connection. WireError where that was in the midst of a message."""
        if self._fault is None and self._buffer:
            self._fault = WireError(self._taken + len(self._buffer), "the connection ends in the midst of a message")
        if self._fault is not None:
            raise self._fault


def inflow4(size_max: int = SIZE_MAX) -> Inflow[Packet4]:
    """DHCPv4 messages from a connection (RFC 6926 6.1)."""
    return Inflow(Packet4.parse, size_max)


def inflow6(size_max: int = SIZE_MAX) -> Inflow[Packet6]:
    """DHCPv6 messages from a connection (RFC 5460 6.1)."""
    return Inflow(Packet6.parse, size_max)


def framed(*packets: Packet4 | Packet6) -> bytes:
    """Messages as they go over a connection. ValueError where one is too long for that."""
    parts: list[bytes] = []
    for packet in packets:
        octets = bytes(packet)
        if len(octets) > SIZE_MAX:
            raise ValueError(f"a message has at most {SIZE_MAX} octets here, not {len(octets)}")
        parts += (len(octets).to_bytes(SIZE_SIZE, "big"), octets)
    return b"".join(parts)
