"""Reads lease files, whole or damaged: every row that can still be read counts, whatever lies around it.

What power loss, full disks and other programs do to such a file: a last line without its end, the next row glued to
it, runs of NUL octets, foreign line ends, a header that is missing or of another version, octets that changed. A
damaged line costs what was on it and nothing else; it is counted and reported with its place.

This module does not know which files there are (`memfile.py`), nor what a row means (`rows.py`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

import attrs

from dhcpkit.backends.rows import Entry, RowError, RowForm

__all__ = ["LoadReport", "Problem", "read_file"]

_CHUNK: Final = 1 << 20  # octets read at a time: a file of any size is never held as a whole
_LINE_MAX: Final = (
    1 << 20
)  # octets of a line; user contexts are what could be long, a megabyte without an end is damage
_PROBLEMS_MAX: Final = 100  # kept with place and reason; all are counted
_GLUED_MAX: Final = 64  # rows looked for on one damaged line
_ADDRESS_MAX: Final = 45  # octets of the longest way to write an address

Form = RowForm[Any]


@attrs.frozen
class Problem:
    """A line that could not be read as it stands: file, line (1-based), what is wrong, and how many rows were saved."""

    file: str
    line: int
    what: str
    saved: int = 0

    def __str__(self) -> str:
        saved = f"; {self.saved} of its rows saved" if self.saved else ""
        return f"{self.file}:{self.line}: {self.what}{saved}"


@attrs.define
class LoadReport:
    """What was found in the files of a store."""

    files: list[str] = attrs.Factory(list)
    lines: int = 0
    leases: int = 0
    dropped: int = 0
    problem_count: int = 0
    problems: list[Problem] = attrs.Factory(list)
    old_header: bool = False

    def add(self, problem: Problem) -> None:
        """Counts a problem, and keeps it while there is room."""
        self.problem_count += 1
        if len(self.problems) < _PROBLEMS_MAX:
            self.problems.append(problem)


def read_file(file: BinaryIO, name: str, rows: dict[int, bytes], report: LoadReport, form: Form) -> int:
    """Brings `rows` to the state after the file's last line; the latest row of an address wins.

    Returns how many octets at the end of the file are an unfinished line that holds nothing.
    """
    report.files.append(name)
    reading = _Reading(name, rows, report, form)
    rest = b""
    while chunk := file.read(_CHUNK):
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        if lines:
            reading.take(lines)
        if len(rest) > _LINE_MAX:
            reading.take([rest])
            rest = b""
    if not rest:
        return 0
    dropped = report.dropped
    reading.take([rest])
    return len(rest) if report.dropped > dropped and not reading.saved else 0


class _Reading:
    """One file on its way into `rows`: where it is, and the columns that its header has announced."""

    def __init__(self, name: str, rows: dict[int, bytes], report: LoadReport, form: Form) -> None:
        self.name = name
        self.rows = rows
        self.report = report
        self.form = form
        self.damage = _Damage(form)
        self.columns: Sequence[str] = form.columns
        self.number = 0  # of the line before the next
        self.saved = 0
        self.near: int | None = None  # address of the row before

    def take(self, lines: list[bytes]) -> None:
        """Reads lines. A million of them are a start of some seconds: the usual line goes through here in 1.3 us."""
        rows = self.rows
        if self.number == 0:
            self._header(lines)
        newest, read_usual = self.form.columns, self.form.read_usual
        usual = self.columns is newest
        for at, line in enumerate(lines):
            found = read_usual(line) if usual else None
            if found is None:
                self._unusual(line, at)
                usual = self.columns is newest
                continue
            address, row = found
            self.near = address
            if row is not None:
                rows[address] = row
            else:
                rows.pop(address, None)
        self.number += len(lines)
        self.report.lines += len(lines)

    def _header(self, lines: list[bytes]) -> None:
        """Reads the first line: it stays among `lines` where it is not a header but a row."""
        first = lines[0].removeprefix(b"\xef\xbb\xbf").rstrip(b"\r")
        if self._announces(first):
            lines[0] = b""
            return
        known = max((header for header in self.form.versions if first.startswith(header)), key=len, default=b"")
        if known and not first.startswith(b",", len(known)):
            self._announces(known)
            lines[0] = first[len(known) :]  # a row that is glued to it, or whatever is left of one
            return
        self.report.old_header = True
        if next(self.damage.addresses(first), None):
            self.report.add(Problem(self.name, 1, "there is no header; Kea 3.0's columns are assumed"))
        elif first.strip(b"\0"):
            lines[0] = b""
            self.report.dropped += 1
            self.report.add(Problem(self.name, 1, "this is no header of a lease file; Kea 3.0's columns are assumed"))

    def _announces(self, line: bytes) -> bool:
        """Whether a line is a header; if so, its columns hold from here on."""
        form = self.form
        if line in form.versions:
            count = line.count(b",") + 1
            self.columns = form.columns[:count] if count < form.full else form.columns
        else:
            names = tuple(line.decode("latin-1").split(","))
            if not set(form.columns[: form.least]).issubset(names) or not all(name.isidentifier() for name in names):
                return False
            self.columns = names
        if line != form.header:
            self.report.old_header = True
        return True

    def _unusual(self, line: bytes, at: int) -> None:
        self.saved = 0
        line = line.strip(b"\r\0")
        if not line or self._announces(line):  # blank lines are allowed; a header further on: files put together
            return
        complaint = ""
        for found in self.damage.read(line, self.columns, self.near):
            if isinstance(found, RowError):
                complaint = str(found)
                continue
            address, row = found
            self.near = address
            self.saved += 1
            if row is not None:
                self.rows[address] = row
            else:
                self.rows.pop(address, None)
        if complaint:
            self.report.dropped += 1
            self.report.add(Problem(self.name, self.number + at + 1, complaint, self.saved))


class _Damage:
    """How the rows of one form are found on a line that may be damaged."""

    def __init__(self, form: Form) -> None:
        self.form = form
        # As many octets that addresses are made of as there are, before a comma: one place to begin in each run.
        self._run = re.compile(rb"(?<![%b])([%b]++)," % (form.address_octets, form.address_octets))
        # In a column that should be a number, the beginning of something else.
        self._odd = re.compile(rb"[%b\0\r]" % form.address_sign[0])

    def addresses(self, line: bytes) -> Iterator[re.Match[bytes]]:
        """Where addresses may be: each within a run of octets that they are made of, and up to its end."""
        sign, least = self.form.address_sign
        return (match for match in self._run.finditer(line) if match[1].count(sign) >= least)

    def read(self, line: bytes, columns: Sequence[str], near: int | None) -> Iterator[Entry | RowError]:
        """Every row on a line, and a RowError where something on it is lost.

        `near` is the address of the row before, which helps to tell where a row begins whose line end is lost.
        """
        complaint = RowError("more columns than a row has")
        if not self._may_be_glued(line, columns):
            try:
                yield self.form.read_loosely(line, columns)
            except RowError as error:
                complaint = error
            else:
                return
        parts = [part for part in re.split(rb"[\0\r]+", line) if part]
        if parts and parts != [line]:
            for part in parts:
                yield from self.read(part, columns, near)
            if len(parts) == 1:
                yield complaint
        else:
            yield from self._glued(line, columns, near, complaint)

    def _may_be_glued(self, line: bytes, columns: Sequence[str]) -> bool:
        """Whether what follows the last column may be another row, which Kea would pass over without a word."""
        newest = self.form.columns
        fields = line.split(b",", len(newest))
        full = tuple(columns) == newest[: len(columns)]
        return full and (
            len(fields) > len(newest) or (len(fields) == len(newest) and self._odd.search(fields[-1]) is not None)
        )

    def _glued(
        self, line: bytes, columns: Sequence[str], near: int | None, complaint: RowError
    ) -> Iterator[Entry | RowError]:
        """The rows of a line that lost line ends, found from its end on: what stands from an address on may be one."""
        found: list[Entry] = []
        rest = line
        with contextlib.suppress(RowError):
            near = self.form.address_of(line.split(b",", 1)[0])  # no octet before it can belong to it
        while rest and len(found) < _GLUED_MAX:
            last = self._last_row(rest, columns, near)
            if last is None:
                break
            found.append(last[0])
            rest = rest[: last[1]]
        if rest and not found:
            try:
                yield self.form.read_loosely(line, columns)  # with columns nobody knows behind it, as Kea takes it
            except RowError:
                yield complaint
            return
        yield from reversed(found)
        if rest:
            yield complaint

    def _last_row(self, line: bytes, columns: Sequence[str], near: int | None) -> tuple[Entry, int] | None:
        """The row that ends a line and where it begins.

        Digits before an address may belong to it or to the row before: `,0,,110.0.0.1,` is a pool_id 1 and 10.0.0.1, or
        11 and 0.0.0.1. That reading is taken which leaves a row before it, and of several the one whose address is
        nearest to that row's, then to that of the line before: a file is of one network more often than of two.
        """

        def rank(candidate: tuple[Entry, int]) -> tuple[bool, int, int, int]:
            (address, _), at = candidate
            reference = address if near is None else near
            before = [entry[0] for entry, _ in self._candidates(line[:at], columns)]
            distance = min(abs(address - other) for other in before or [reference])
            return at > 0 and not before, distance, abs(address - reference), at

        return min(self._candidates(line, columns), key=rank, default=None)

    def _candidates(self, line: bytes, columns: Sequence[str]) -> list[tuple[Entry, int]]:
        """The rows that may end a line, by where they begin: all at the end of one run of an address's octets."""
        found: list[tuple[Entry, int]] = []
        for match in reversed(list(self.addresses(line))):
            if found or self._may_be_glued(line[match.end(1) :], columns):
                break
            for at in range(max(match.start(1), match.end(1) - _ADDRESS_MAX), match.end(1)):
                with contextlib.suppress(RowError):
                    found.append((self.form.read_loosely(line[at:], columns), at))
        return found
