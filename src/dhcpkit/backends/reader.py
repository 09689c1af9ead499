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
from typing import BinaryIO, Final

import attrs

from dhcpkit.backends.rows import COLUMNS, HEADER, HEADERS, Entry, RowError, address_of, read_loosely, read_usual

__all__ = ["LoadReport", "Problem", "read_damaged", "read_file"]

_CHUNK: Final = 1 << 20  # octets read at a time: a file of any size is never held as a whole
_LINE_MAX: Final = (
    1 << 20
)  # octets of a line; user contexts are what could be long, a megabyte without an end is damage
_PROBLEMS_MAX: Final = 100  # kept with place and reason; all are counted
_GLUED_MAX: Final = 64  # rows looked for on one damaged line


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


def read_file(file: BinaryIO, name: str, rows: dict[int, bytes], report: LoadReport) -> int:
    """Brings `rows` to the state after the file's last line; the latest row of an address wins.

    Returns how many octets at the end of the file are an unfinished line that holds nothing.
    """
    report.files.append(name)
    reading = _Reading(name, rows, report)
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

    def __init__(self, name: str, rows: dict[int, bytes], report: LoadReport) -> None:
        self.name = name
        self.rows = rows
        self.report = report
        self.columns: Sequence[str] = COLUMNS
        self.number = 0  # of the line before the next
        self.saved = 0
        self.near: int | None = None  # address of the row before

    def take(self, lines: list[bytes]) -> None:
        """Reads lines. A million of them are a start of some seconds: the usual line goes through here in 1.3 us."""
        rows = self.rows
        if self.number == 0:
            self._header(lines)
        usual = self.columns is COLUMNS
        for at, line in enumerate(lines):
            found = read_usual(line) if usual else None
            if found is None:
                self._unusual(line, at)
                usual = self.columns is COLUMNS
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
        known = max((header for header in HEADERS if first.startswith(header)), key=len, default=b"")
        if known and not first.startswith(b",", len(known)):
            self._announces(known)
            lines[0] = first[len(known) :]  # a row that is glued to it, or whatever is left of one
            return
        self.report.old_header = True
        if _ADDRESS.search(first):
            self.report.add(Problem(self.name, 1, "there is no header; Kea 3.0's columns are assumed"))
        elif first.strip(b"\0"):
            lines[0] = b""
            self.report.dropped += 1
            self.report.add(Problem(self.name, 1, "this is no header of a lease file; Kea 3.0's columns are assumed"))

    def _announces(self, line: bytes) -> bool:
        """Whether a line is a header; if so, its columns hold from here on."""
        if line in HEADERS:
            known = COLUMNS[: line.count(b",") + 1]
            self.columns = known if len(known) < len(COLUMNS) - 1 else COLUMNS
        else:
            names = tuple(line.decode("latin-1").split(","))
            if not set(COLUMNS[:9]).issubset(names) or not all(name.isidentifier() for name in names):
                return False
            self.columns = names
        if line != HEADER:
            self.report.old_header = True
        return True

    def _unusual(self, line: bytes, at: int) -> None:
        self.saved = 0
        line = line.strip(b"\r\0")
        if not line or self._announces(line):  # blank lines are allowed; a header further on: files put together
            return
        complaint = ""
        for found in read_damaged(line, self.columns, self.near):
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


_ODD: Final = re.compile(rb"[.\0\r]")  # in a column that should be a number: the beginning of something else
_ADDRESS: Final = re.compile(rb"(?=([0-9]{1,3}(?:\.[0-9]{1,3}){3},))")  # overlapping: a digit before may belong to it


def read_damaged(line: bytes, columns: Sequence[str] = COLUMNS, near: int | None = None) -> Iterator[Entry | RowError]:
    """Every row on a line that may be damaged, and a RowError where something on it is lost.

    `near` is the address of the row before, which helps to tell where a row begins whose line end is lost.
    """
    complaint = RowError("more columns than a row has")
    if not _may_be_glued(line, columns):
        try:
            yield read_loosely(line, columns)
        except RowError as error:
            complaint = error
        else:
            return
    parts = [part for part in re.split(rb"[\0\r]+", line) if part]
    if parts and parts != [line]:
        for part in parts:
            yield from read_damaged(part, columns, near)
        if len(parts) == 1:
            yield complaint
    else:
        yield from _glued(line, columns, near, complaint)


def _may_be_glued(line: bytes, columns: Sequence[str]) -> bool:
    """Whether what follows the last column may be another row, which Kea would pass over without a word."""
    fields = line.split(b",", len(COLUMNS))
    full = tuple(columns) == COLUMNS[: len(columns)]
    return full and (
        len(fields) > len(COLUMNS) or (len(fields) == len(COLUMNS) and _ODD.search(fields[-1]) is not None)
    )


def _glued(line: bytes, columns: Sequence[str], near: int | None, complaint: RowError) -> Iterator[Entry | RowError]:
    """The rows of a line that lost line ends, found from its end on: what stands from an address on may be a row."""
    found: list[Entry] = []
    rest = line
    if first := _ADDRESS.match(line):
        with contextlib.suppress(RowError):
            near = address_of(first[1][:-1])  # no digit before it can belong to it
    while rest and len(found) < _GLUED_MAX:
        last = _last_row(rest, columns, near)
        if last is None:
            break
        found.append(last[0])
        rest = rest[: last[1]]
    if rest and not found:
        try:
            yield read_loosely(line, columns)  # with columns nobody knows behind it, as Kea takes it
        except RowError:
            yield complaint
        return
    yield from reversed(found)
    if rest:
        yield complaint


def _last_row(line: bytes, columns: Sequence[str], near: int | None) -> tuple[Entry, int] | None:
    """The row that ends a line and where it begins.

    Digits before an address may belong to it or to the row before: `,0,,110.0.0.1,` is a pool_id 1 and 10.0.0.1, or 11
    and 0.0.0.1. That reading is taken which leaves a row before it, and of several the one whose address is nearest to
    that row's, then to that of the line before: a file is of one network more often than of two.
    """

    def rank(candidate: tuple[Entry, int]) -> tuple[bool, int, int, int]:
        (address, _), at = candidate
        reference = address if near is None else near
        before = [entry[0] for entry, _ in _candidates(line[:at], columns)]
        distance = min(abs(address - other) for other in before or [reference])
        return at > 0 and not before, distance, abs(address - reference), at

    return min(_candidates(line, columns), key=rank, default=None)


def _candidates(line: bytes, columns: Sequence[str]) -> list[tuple[Entry, int]]:
    """The rows that may end a line, by where they begin: within the first digits of one address."""
    found: list[tuple[Entry, int]] = []
    for match in reversed(list(_ADDRESS.finditer(line))):
        at = match.start()
        tail = line[at:]
        if _may_be_glued(tail, columns) or (found and found[-1][1] != at + 1):
            break
        with contextlib.suppress(RowError):
            found.append((read_loosely(tail, columns), at))
    return found
