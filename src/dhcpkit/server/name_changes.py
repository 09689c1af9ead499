"""Where changes of names go once the leases they are about are stored: a `NameChanges`, and one that keeps the newest.

Whoever sends them to a DDNS server takes them from there. This module knows no sockets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from dhcpkit.alloc.name_change import NameChange

__all__ = ["WAITING_NAMES_MAX", "NameChanges", "WaitingNames"]

WAITING_NAMES_MAX: Final = 1024  # Kea's `max-queue-size` of `dhcp-ddns`


class NameChanges(Protocol):
    """What hears of changes of names, in the order in which they happened."""

    def put(self, changes: Sequence[NameChange], /) -> None:
        """The leases of these are stored. It neither waits nor fails: a client's lease does not depend on DNS."""
        ...


class WaitingNames:
    """Changes that wait for whoever takes them, so many at most. Those for which there is no room are counted."""

    def __init__(self, most: int = WAITING_NAMES_MAX) -> None:
        self.most = most
        self.dropped = 0
        self._waiting: deque[NameChange] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, changes: Sequence[NameChange], /) -> None:
        """As NameChanges."""
        room = self.most - len(self._waiting)
        self._waiting.extend(changes[:room])
        self.dropped += max(len(changes) - room, 0)

    def take(self) -> list[NameChange]:
        """All that wait, the earliest first; they do not wait any more."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
