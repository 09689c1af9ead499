"""How urgent a message is, read from octets before anything is parsed: for the order of serving under a flood.

This module does not know queues or sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

__all__ = ["RANKS", "RENEWING", "REQUESTING", "SEEKING", "Rank", "rank4", "rank6"]

RENEWING, REQUESTING, SEEKING = RANKS = (0, 1, 2)

Rank = Callable[[bytes, Any], tuple[int, Hashable]]
"""How urgent a datagram is, and whose turn it takes."""

# DHCPv4: RFC 2131 4.3. DHCPv6: RFC 8415 7.3.
DISCOVER4, REQUEST4, DECLINE4, RELEASE4, INFORM4 = 1, 3, 4, 7, 8
OPTIONS_AT: Final = 240
TYPE_FIRST: Final = b"\x35\x01"  # nearly every client begins with its message type
NOWHERE: Final = bytes(4)
RELAY_FORW, RELAY_MSG = 12, 9
RELAY_OPTIONS_AT: Final = 34
RANKS6: Final = {5: RENEWING, 6: RENEWING, 8: RENEWING, 9: RENEWING, 3: REQUESTING, 4: REQUESTING}


def rank4(data: bytes, arrival: Any) -> tuple[int, Hashable]:
    """A DHCPREQUEST with ciaddr extends a lease; DHCPRELEASE and DHCPDECLINE make room. By giaddr, else interface."""
    kind = data[242] if data[240:242] == TYPE_FIRST and len(data) > 242 else _type4(data)
    if kind == REQUEST4:
        rank = RENEWING if data[12:16] != NOWHERE else REQUESTING
    elif kind in (RELEASE4, DECLINE4):
        rank = RENEWING
    else:
        rank = REQUESTING if kind == INFORM4 else SEEKING
    relay = data[24:28]
    return rank, relay if relay != NOWHERE else arrival.interface


def _type4(data: bytes) -> int:
    """The message type, wherever it is; 0 where there is none."""
    at, size = OPTIONS_AT, len(data)
    while at + 1 < size:
        code = data[at]
        if code == 0:
            at += 1
        elif code == TYPE_FIRST[0] and at + 2 < size:
            return data[at + 2]
        elif code == 0xFF:
            break
        else:
            at += 2 + data[at + 1]
    return 0


def rank6(data: bytes, arrival: Any) -> tuple[int, Hashable]:
    """RENEW, REBIND, RELEASE, DECLINE; REQUEST, CONFIRM; the rest. By the relay that sent it, else by interface."""
    at, end = 0, len(data)
    relayed = end > 0 and data[0] == RELAY_FORW
    while at < end and data[at] == RELAY_FORW:
        at += RELAY_OPTIONS_AT
        while at + 4 <= end:
            code, size = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
            at += 4
            if code == RELAY_MSG:
                end = min(end, at + size)
                break
            at += size
        else:
            at = end
    rank = RANKS6.get(data[at], SEEKING) if at < end else SEEKING
    return rank, arrival.source if relayed else arrival.interface
