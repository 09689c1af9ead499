"""Where an answer may go: never to a group, to nobody, to this machine's loopback, or to the server itself.

A message names where its answer goes (giaddr, ciaddr, its source), and whoever sends it can write anything there. An
answer to one of these addresses helps nobody, and may come back as a question. What arrived over the loopback interface
came from this machine and may be answered there. This module does not know sockets or messages.
"""

from __future__ import annotations

import errno
from collections.abc import Container
from ipaddress import IPv4Address, IPv6Address
from typing import Final

__all__ = ["require_reachable4", "require_reachable6"]

FIRST4, GROUPS4 = 1, 224  # the first octet: 0 is "this network" (RFC 1122 3.2.1.3), from 224 on are groups (RFC 1112)
LOOPBACK4: Final = 127
GROUP6: Final = 0xFF  # the first octet (RFC 4291 2.7)
LOOPBACK6: Final = 1


def require_reachable4(address: int, own: Container[int], *, loopback: bool) -> None:
    """Raises OSError for an address that gets no answer. `loopback`: from the interface of that name."""
    first = address >> 24
    if not FIRST4 <= first < GROUPS4 or (not loopback and (first == LOOPBACK4 or address in own)):
        raise _refused(IPv4Address(address))


def require_reachable6(address: int, own: Container[int], *, loopback: bool, client: bool) -> None:
    """The same of DHCPv6. A `client` is at a client's port, and may be this machine itself."""
    if (
        not address
        or address >> 120 == GROUP6
        or (not loopback and (address == LOOPBACK6 or (address in own and not client)))
    ):
        raise _refused(IPv6Address(address))


def _refused(address: IPv4Address | IPv6Address) -> OSError:
    return OSError(errno.EDESTADDRREQ, f"{address} is never answered: a group, loopback or the server's own address")
