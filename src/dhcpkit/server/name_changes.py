"""Where changes of names go once the leases they are about are stored: a `NameChanges`, and one that keeps the newest.

Whoever sends them to a DDNS server takes them from there. Changes for which there is no room are lost to DNS, and said
to be. This module knows no sockets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from dhcpkit.alloc.name_change import NameChange
from dhcpkit.server import messages as m
from dhcpkit.server.log import RateLimit

__all__ = ["WAITING_NAMES_MAX", "NameChanges", "WaitingNames"]

WAITING_NAMES_MAX: Final = 1024  # Kea's `max-queue-size` of `dhcp-ddns`
TOLD_MAX: Final = 10  # times a minute: where nobody takes changes, every lease with a name would say so


class NameChanges(Protocol):
    """What hears of changes of names, in the order in which they happened."""

    def put(self, changes: Sequence[NameChange], /) -> None:
        """The leases of these are stored. It neither waits nor fails: a client's lease does not depend on DNS."""
        ...


class WaitingNames:
    """Changes that wait for whoever takes them, so many at most.

    Those for which there is no room are counted (`dropped`) and logged.
    """

    def __init__(self, most: int = WAITING_NAMES_MAX) -> None:
        self.most = most
        self.dropped = 0
        self._waiting: deque[NameChange] = deque()
        told = m.DHCPSRV_DHCP_DDNS_NCR_REJECTED
        self._told = {family: RateLimit(told.of(family), TOLD_MAX) for family in (4, 6)}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, changes: Sequence[NameChange], /) -> None:
        """As NameChanges."""
        room = self.most - len(self._waiting)
        self._waiting.extend(changes[:room])
        lost = changes[room:]
        if lost:
            self.dropped += len(lost)
            first = lost[0]
            others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            self._told[first.address.version].log(name=first.fqdn, address=first.address, others=others, most=self.most)

    def take(self) -> list[NameChange]:
        """All that wait, the earliest first; they do not wait any more."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
