"""Numbers of the protocol that have names: message types, status codes and the like.

Every enumeration of `dhcpkit.wire` is a `Numbered`. This module does not know any of them.
"""

from __future__ import annotations

import enum

__all__ = ["Numbered"]


class Numbered(enum.IntEnum):
    """An integer with a name. Its `repr` is what one writes in Python, so that a value that holds one pastes back."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"
