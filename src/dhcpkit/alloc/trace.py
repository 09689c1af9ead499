"""Why a decision came out as it did: one note for each step, subject, verdict, reason and place.

A trace costs nothing unless somebody asks: rooms write `if trace: trace.note(...)`, and NO_TRACE is false.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

__all__ = ["NO_TRACE", "Note", "Place", "Trace"]


@attrs.frozen
class Place:
    """Where the operator wrote it: a file with line and column (1-based), and the JSON path. 0 where unknown."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.path or self.file


@attrs.frozen
class Note:
    """One step of a decision. `where` is the place in the configuration that made it so, as a string."""

    step: str
    subject: str
    verdict: str
    because: str = ""
    where: str = ""

    def __str__(self) -> str:
        text = f"{self.step}: {self.subject}: {self.verdict}" if self.subject else f"{self.step}: {self.verdict}"
        if self.because:
            text += f", {self.because}"
        return f"{text} ({self.where})" if self.where else text


class Trace:
    """Notes in the order they were made. False when it does not record, so that callers can skip the work."""

    __slots__ = ("notes",)

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, step: str, subject: object, verdict: str, because: str = "", where: object = "") -> None:
        """Adds a note; `where` is anything whose `str` names a place in the configuration."""
        self.notes.append(Note(step, str(subject), verdict, because, str(where or "")))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Note]:
        return iter(self.notes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.notes))


class _NoTrace(Trace):
    __slots__ = ()

    def note(self, step: str, subject: object, verdict: str, because: str = "", where: object = "") -> None:
        """Records nothing."""

    def __bool__(self) -> bool:
        return False


NO_TRACE: Final[Trace] = _NoTrace()
