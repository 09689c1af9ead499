"""What is wrong with a configuration, as data: every problem with its place, and two ways to show them.

This module does not know how problems are found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import attrs

from dhcpkit.config.codes import MISSING_KEY, Code, Severity
from dhcpkit.errors import DhcpkitError

__all__ = ["ConfigError", "Problem", "Related", "Span", "render_json", "render_text"]

SOURCE_WIDTH: Final = 160  # columns of a source line that are shown; generated files put everything on one line


@attrs.frozen(order=True)
class Span:
    """A range in a file: lines and columns from 1, the last column included, as Kea counts."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def like_kea(self) -> str:
        """The range as Kea's parser writes it: `kea.conf:9.9-22`."""
        if self.end_line != self.line:
            return f"{self.file}:{self.line}.{self.column}-{self.end_line}.{self.end_column}"
        end = f"-{self.end_column}" if self.end_column > self.column else ""
        return f"{self.file}:{self.line}.{self.column}{end}"


@attrs.frozen
class Related:
    """A second place that belongs to a problem, and what it has to do with it (`first declared here`)."""

    message: str
    path: str = ""
    span: Span | None = None


@attrs.frozen
class Problem:
    """One problem. `message` has Kea's wording where Kea has one; `path` is the place by keys, `span` by lines.

    `expected` says what would have been right, `suggestion` is a word that was probably meant, `hint` anything else.
    """

    code: Code
    message: str
    severity: Severity = "error"
    path: str = ""
    span: Span | None = None
    source_line: str = ""
    expected: str = ""
    suggestion: str = ""
    hint: str = ""
    related: tuple[Related, ...] = ()

    @property
    def file(self) -> str:
        """The file it is in, "" where there is none."""
        return self.span.file if self.span else ""

    @property
    def line(self) -> int:
        """The line it starts in, 0 where unknown."""
        return self.span.line if self.span else 0

    @property
    def column(self) -> int:
        """The column it starts in, 0 where unknown."""
        return self.span.column if self.span else 0

    def like_kea(self) -> str:
        """The first line `kea-dhcp4 -t` prints for it."""
        if self.code.syntax:
            if self.code is MISSING_KEY:
                return f"Syntax check failed with: {self.message}" + (f" ({self.span})" if self.span else "")
            where = f"{self.span.like_kea()}: " if self.span else ""
            return f"Syntax check failed with: {where}{self.message}"
        return f"Error encountered: {self.message}" + (f" ({self.span})" if self.span else "")

    def to_json(self) -> dict[str, Any]:
        """It as JSON for other programs: every field by name, those without a value left out."""
        shown: dict[str, Any] = {"code": self.code.id, "severity": self.severity, "message": self.message}
        if self.span:
            shown |= {
                "file": self.span.file,
                "line": self.span.line,
                "column": self.span.column,
                "end-line": self.span.end_line,
                "end-column": self.span.end_column,
            }
        for name in ("path", "source_line", "expected", "suggestion", "hint"):
            if getattr(self, name):
                shown[name.replace("_", "-")] = getattr(self, name)
        if self.related:
            shown["related"] = [_related_json(related) for related in self.related]
        return shown

    def __str__(self) -> str:
        return _text(self)


def _related_json(related: Related) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": related.message, "path": related.path}
    if related.span:
        shown |= {"file": related.span.file, "line": related.span.line, "column": related.span.column}
    return shown


class ConfigError(DhcpkitError):
    """A configuration that cannot be used. The operator is at fault; `problems` holds everything that was found.

    The errors come first, in the order of the file; warnings follow. `unshown` counts errors beyond the limit.
    """

    def __init__(self, problems: Iterable[Problem], unshown: int = 0) -> None:
        self.problems = tuple(problems)
        self.unshown = unshown
        super().__init__(self.problems, unshown)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that make it unusable, without warnings."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    def like_kea(self) -> str:
        """The one line Kea would print: what it finds while reading comes before what it finds afterwards."""
        return min(self.errors, key=lambda problem: not problem.code.syntax).like_kea()

    def __str__(self) -> str:
        return render_text(self.problems, self.unshown)


def render_text(problems: Iterable[Problem], unshown: int = 0) -> str:
    """Problems for people: place, message, source line with a caret below the range, and what may help."""
    told = tuple(problems)
    parts = [_text(problem) for problem in told if problem.severity != "notice"]
    if unshown:
        parts.append(f"... and {unshown} errors more.")
    notices = [_text(problem) for problem in told if problem.severity == "notice"]
    return "\n\n".join([*parts, "\n".join(notices)] if notices else parts)


def _text(problem: Problem) -> str:
    start = f"{problem.span}: " if problem.span else ""
    lines = [f"{start}{problem.severity}[{problem.code}]: {problem.message}"]
    if problem.severity == "notice":  # there may be many, and none needs doing anything about
        return lines[0]
    if problem.span and problem.source_line:
        lines += _caret(problem.span, problem.source_line)
    if problem.path:
        lines.append(f"    at {problem.path}")
    if problem.expected:
        lines.append(f"    expected: {problem.expected}")
    if problem.suggestion:
        lines.append(f"    did you mean `{problem.suggestion}`?")
    if problem.hint:
        lines.append(f"    {problem.hint}")
    for related in problem.related:
        place = " at ".join(filter(None, [str(related.span or ""), related.path]))
        lines.append(f"    {related.message}: {place}")
    return "\n".join(lines)


def _caret(span: Span, source_line: str) -> list[str]:
    first = span.column - 1
    last = span.end_column if span.end_line == span.line else len(source_line.rstrip())
    cut = max(0, first - SOURCE_WIDTH // 2) if len(source_line) > SOURCE_WIDTH else 0
    shown = source_line[cut : cut + SOURCE_WIDTH].rstrip()
    last = max(first + 1, min(last, cut + len(shown)))
    margin = str(span.line).rjust(5)
    # A tab stays a tab below itself, so that the caret stands where the terminal puts the text above it.
    blank = "".join("\t" if char == "\t" else " " for char in source_line[cut:first])
    return [f"{margin} | {shown}", f"{' ' * 5} | {blank}^{'~' * (last - first - 1)}"]


def render_json(problems: Iterable[Problem], unshown: int = 0) -> str:
    """Problems for programs: one JSON document with the list of them."""
    shown = [problem.to_json() for problem in problems]
    return json.dumps({"problems": shown, "unshown": unshown}, indent=2, ensure_ascii=False)
