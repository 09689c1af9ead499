"""Whether a server serves, and who said that it should not: every origin that disabled it must enable it again (Kea).

Timers are made by a function that is passed in. This module does not know commands or packets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

__all__ = ["DB_CONNECTION", "HA_LOCAL", "HA_REMOTE", "USER", "ServiceState", "Timer"]

USER: Final = 1  # origins are numbers; these begin their ranges
HA_LOCAL: Final = 1000
HA_REMOTE: Final = 2000
DB_CONNECTION: Final = 1_000_000


class Timer(Protocol):
    """Something that happens later, unless it is cancelled."""

    def cancel(self) -> None:
        """It does not happen."""
        ...


class ServiceState:
    """The origins that keep a server from serving. `changed` is told whether it serves, at each change."""

    def __init__(self, changed: Callable[[bool], None], later: Callable[[float, Callable[[], None]], Timer]) -> None:
        """`later` calls a function after so many seconds."""
        self._changed = changed
        self._later = later
        self._origins: dict[int, Timer | None] = {}

    @property
    def enabled(self) -> bool:
        """Whether nobody keeps the server from serving."""
        return not self._origins

    def disable(self, origin: int, period: float | None = None) -> None:
        """Keeps it from serving until this origin enables it again, or for so many seconds at most."""
        before = self._origins.pop(origin, None)
        if before is not None:
            before.cancel()
        self._origins[origin] = None if period is None else self._later(period, lambda: self.enable(origin))
        self._changed(False)  # noqa: FBT003  # what it is told is the one thing it can be told

    def enable(self, origin: int) -> None:
        """Takes an origin's objection back."""
        if origin not in self._origins:
            return
        timer = self._origins.pop(origin)
        if timer is not None:
            timer.cancel()
        if self.enabled:
            self._changed(True)  # noqa: FBT003  # as in disable

    def as_json(self) -> dict[str, Any]:
        """What `status-get` says of it."""
        origins = sorted(self._origins)
        return {
            "disabled-by-db-connection": [each for each in origins if each >= DB_CONNECTION],
            "disabled-by-local-command": [each for each in origins if HA_LOCAL <= each < HA_REMOTE],
            "disabled-by-remote-command": [each for each in origins if HA_REMOTE <= each < DB_CONNECTION],
            "disabled-by-user": USER in self._origins,
            "globally-disabled": not self.enabled,
        }
