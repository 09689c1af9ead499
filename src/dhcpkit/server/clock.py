"""The engine's time: wall clock at the start, plus what has really passed since.

A wall clock that is set (by hand, by NTP after a boot without battery) must not end leases early nor give addresses
that are still held to others: the engine never notices. The step is reported, and a restart adopts the new time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["STEP_MIN", "Clock", "since_boot"]

STEP_MIN: Final = 5  # seconds the wall clock may be off before it counts as a step; NTP slews less than that


def since_boot() -> float:
    """Seconds that have really passed, those of a suspended machine included (a lease runs out while it sleeps)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """Whole seconds for the engine, and a watch over the wall clock. Both sources are arguments."""

    def __init__(self, wall: Callable[[], float] = time.time, passed: Callable[[], float] = since_boot) -> None:
        self._wall = wall
        self._passed = passed
        self._offset = wall() - passed()
        self._seen = 0.0
        self.steps = 0

    def now(self) -> int:
        """The engine's time in seconds."""
        return int(self._offset + self._passed())

    def step(self) -> float:
        """Seconds by which the wall clock was set since the last call; 0.0 where that is within STEP_MIN."""
        off = self._wall() - self._passed() - self._offset
        moved = off - self._seen
        if abs(moved) <= STEP_MIN:
            return 0.0
        self._seen = off
        self.steps += 1
        return moved

    @property
    def off(self) -> float:
        """Seconds the wall clock is ahead of the engine's time, all steps together."""
        return self._seen
