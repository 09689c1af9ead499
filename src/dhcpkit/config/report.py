"""Where problems are collected while a configuration is read, checked and compiled, and get their places.

This module does not know what is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.trace import Place
from dhcpkit.config import codes
from dhcpkit.config.codes import Code
from dhcpkit.config.errors import ConfigError, Problem, Related
from dhcpkit.config.json_text import Source, SourcePlace, Steps, Wrong, path_text

__all__ = ["Report"]

ERRORS_MAX: Final = 200  # errors that are kept; a generated file can have one in every subnet, and the rest is counted
WARNINGS_MAX: Final = 20  # warnings of one code that are kept, for the same reason


class Report:
    """Collects problems and gives them their places."""

    def __init__(self, source: Source | None = None) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.unshown = 0
        self.documents: Sequence[Any] = ()
        """The documents of this kind of configuration: where a key may belong that is unknown where it was found."""
        self._errors = 0
        self._warnings: dict[Code, int] = {}
        self._idle: dict[tuple[str, str], tuple[Steps, int, bool]] = {}
        self._muted = 0

    def add(  # noqa: PLR0913  # one argument for each part of a problem
        self,
        code: Code,
        steps: Steps,
        message: str,
        *,
        key: bool = False,
        within: tuple[int, int] | None = None,
        expected: str = "",
        suggestion: str = "",
        hint: str = "",
        related: Sequence[tuple[str, Steps]] = (),
    ) -> None:
        """Notes a problem at a value, at its key, or at the characters `within` a string value."""
        if not self._kept(code):
            return
        others = tuple(
            Related(text, path_text(at), self.source.value(at) if self.source is not None else None)
            for text, at in related
        )
        found = Problem(
            code, message, code.severity, path_text(steps), None, "", expected, suggestion, hint, related=others
        )
        if self.source is not None:
            start, end = self.source.inside_string(steps, *within) if within else self.source.range(steps, key=key)
            span = self.source.span(start, end)
            found = attrs.evolve(found, span=span, source_line=self.source.line(span))
        self.problems.append(found)

    def _kept(self, code: Code) -> bool:
        """Counts a problem; False where there are so many that it is not to be kept."""
        if code.severity == "error":
            self._errors += 1
            self.unshown += self._errors > ERRORS_MAX
            return self._errors <= ERRORS_MAX
        if code.severity == "warning":
            self._warnings[code] = self._warnings.get(code, 0) + 1
            return self._warnings[code] <= WARNINGS_MAX
        return True

    def add_wrong(self, wrong: Wrong) -> None:
        """Notes what was wrong with the text itself."""
        assert self.source is not None, "only a text is read"
        if not self._kept(wrong.code):
            return
        line = self.source.line(wrong.span) if wrong.span else ""
        self.problems.append(
            Problem(wrong.code, wrong.message, wrong.code.severity, "", wrong.span, line, hint=wrong.hint)
        )

    def idle(self, key: str, map_name: str, steps: Steps, *, grave: bool) -> None:
        """Notes that a key which has no effect yet was given, unless it is inside the value of such a key."""
        if not self._muted:
            first, count, _ = self._idle.get((map_name, key), (steps, 0, grave))
            self._idle[map_name, key] = (first, count + 1, grave)

    def mute(self, by: int) -> None:
        """Stops (1) and resumes (-1) noting idle keys, around the value of one that is noted."""
        self._muted += by

    def notice_idle(self) -> None:
        """Makes a notice of each idle key, once, at its first place."""
        for (map_name, key), (steps, count, grave) in self._idle.items():
            more = f" ({count} places, here the first)" if count > 1 else ""
            message = f"{key} in {map_name} map is accepted but has no effect yet{more}"
            self.add(codes.MISSED if grave else codes.NO_EFFECT, steps, message, key=True)

    def place(self, steps: Steps) -> Place:
        """The place of a value, for whoever explains a decision."""
        return SourcePlace(self.source, steps) if self.source is not None else Place(path=path_text(steps))

    @property
    def failed(self) -> bool:
        """Whether an error was found; warnings do not count."""
        return any(problem.severity == "error" for problem in self.problems)

    def error(self) -> ConfigError:
        """What to raise when it failed."""
        return ConfigError(self.sorted(), self.unshown)

    def sorted(self) -> tuple[Problem, ...]:
        """The errors in the order of the text, then warnings and notices."""
        rank = {"error": 0, "warning": 1, "notice": 2}
        return tuple(sorted(self.problems, key=lambda p: (rank[p.severity], p.line, p.column)))
