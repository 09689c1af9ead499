"""What keeps a callout that is broken or slow from harming the service: it is reported, counted, and left out.

A callout that fails or is late several times in a row is left out for a while; then it is tried once, and left out
again unless that goes well. At points that guard (who may send a command) none is left out: nobody passes then. This
module does not know who calls callouts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final, Protocol

from dhcpkit.hooks.catalogue import Both

__all__ = ["COUNTED", "FAILURES_MAX", "REST", "TOLD_EVERY", "Breaker", "Told"]

FAILURES_MAX: Final = 5  # failures in a row before a callout is left out: one bad message alone does not do it
REST: Final = 60.0  # seconds it is left out
TOLD_EVERY: Final = 10.0  # seconds between two messages about one callout: clients could cause them without end
FAULTS, DELAYS, LEFT_OUT = "dhcpkit-callout-faults", "dhcpkit-callout-delays", "dhcpkit-callouts-left-out"
COUNTED: Final = (FAULTS, DELAYS, LEFT_OUT)
"""Statistics: callouts that failed, that took too long, and that were not asked because of that."""

_callouts = Both("callouts")
HOOKS_CALLOUT_EXCEPTION: Final = _callouts.error(
    "HOOKS_CALLOUT_EXCEPTION",
    "callout {callout} of {point} failed: {reason}",
    "A hook library's callout raised an exception, which is a fault of that library. Where it was about a message that "
    "was not decided yet, the message is not answered and counted as pkt#-processing-failed; what is done already "
    "stays done. There is one such message in ten seconds for each callout; dhcpkit-callout-faults counts all.",
)
HOOKS_CALLOUT_LATE: Final = _callouts.warn(
    "HOOKS_CALLOUT_LATE",
    "callout {callout} of {point} took more than {seconds} s",
    "dhcpkit's own. A hook library's callout took longer than its deadline. One that waits was cancelled, and the "
    "exchange went on without it; during one that does not, nobody was served. The deadline is callout-deadline of the "
    "library's entry in hooks-libraries.",
)
HOOKS_CALLOUT_LEFT_OUT: Final = _callouts.error(
    "HOOKS_CALLOUT_LEFT_OUT",
    "callout {callout} of {point} failed or was late {count} times in a row and is left out for {seconds} s",
    "dhcpkit's own. Clients are served as if this callout were not there. After that time it is tried once, and left "
    "out again unless it does well. dhcpkit-callouts-left-out counts how often it would have been asked.",
)
HOOKS_CALLOUT_BACK: Final = _callouts.info(
    "HOOKS_CALLOUT_BACK",
    "callout {callout} of {point} does well again",
    "dhcpkit's own. A callout that had been left out was tried, and is asked as before.",
)


class Told(Protocol):
    """Who counts, and whose log it is."""

    family: int
    tally: defaultdict[str, int]


class Breaker:
    """How one callout does. Times are seconds of a clock that only grows."""

    __slots__ = (
        "_callout",
        "_failures",
        "_never_open",
        "_out_until",
        "_point",
        "_told",
        "_told_at",
        "deadline",
        "tripped",
    )

    def __init__(self, told: Told, callout: str, point: str, deadline: float, *, never_open: bool = False) -> None:
        self.deadline = deadline
        self.tripped = False
        """Whether it failed so often that it is left out, or was and is about to be tried."""
        self._told = told
        self._callout, self._point = callout, point
        self._never_open = never_open
        self._failures = 0
        self._out_until = self._told_at = float("-inf")

    def left_out(self, now: float) -> bool:
        """Whether it is not asked now; counted."""
        out = now < self._out_until
        if out:
            self._told.tally[LEFT_OUT] += 1
        return out

    def took(self, spent: float, clock: Callable[[], float]) -> None:
        """It answered, after so long."""
        if spent > self.deadline:
            self.late(spent, clock())
        elif self._failures:
            self.well()

    def well(self) -> None:
        """It answered in time."""
        self._failures = 0
        if self.tripped:
            self.tripped = False
            HOOKS_CALLOUT_BACK.of(self._told.family).log(callout=self._callout, point=self._point)

    def failed(self, error: BaseException, now: float) -> None:
        """It raised an exception."""
        self._told.tally[FAULTS] += 1
        if self._may_tell(now):
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            place = f" ({where.tb_frame.f_code.co_filename}:{where.tb_lineno})" if where is not None else ""
            reason = f"{type(error).__name__}: {error}{place}"
            message = HOOKS_CALLOUT_EXCEPTION.of(self._told.family)
            message.log(callout=self._callout, point=self._point, reason=reason)
        self._count(now)

    def late(self, spent: float, now: float) -> None:
        """It took too long."""
        self._told.tally[DELAYS] += 1
        if self._may_tell(now):
            message = HOOKS_CALLOUT_LATE.of(self._told.family)
            message.log(callout=self._callout, point=self._point, seconds=f"{max(spent, self.deadline):.3g}")
        self._count(now)

    def _may_tell(self, now: float) -> bool:
        if now - self._told_at < TOLD_EVERY:
            return False
        self._told_at = now
        return True

    def _count(self, now: float) -> None:
        self._failures += 1
        if self._failures < FAILURES_MAX or self._never_open:
            return
        if not self.tripped:
            message = HOOKS_CALLOUT_LEFT_OUT.of(self._told.family)
            message.log(callout=self._callout, point=self._point, count=self._failures, seconds=f"{REST:g}")
        self.tripped = True
        self._out_until = now + REST
