"""The text of a configuration: files joined by their includes, comments blanked; and what stands where.

Comments are blanked in place, so that offsets stay and stdlib json reads what is left (`json_dialect.py`). Places are
searched only when somebody asks for one. Files are read through a function that is passed in. This module does not
know what the keys mean.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from dhcpkit.alloc.trace import Place
from dhcpkit.config import codes
from dhcpkit.config.codes import Code
from dhcpkit.config.errors import Span

__all__ = ["FileName", "Read", "Source", "SourcePlace", "Steps", "Wrong", "path_text", "read_file"]

Steps = tuple[str | int, ...]  # ("Dhcp4", "subnet4", 0, "pools", 1)
FileName = str | Path
Read = Callable[[str], str]  # a file's name to its text

INCLUDES_MAX: Final = 10  # files inside one another; Kea's MAX_INCLUDE_DEPTH
# Everything up to the next comment, include or broken string, in one run of the regex engine.
# Unrolled, where a possessive group would read better: PyPy 7.3 ends such a group too early.
_PLAIN: Final = re.compile(r'[^"#/<]*(?:"[^"\\\n]*(?:\\.[^"\\\n]*)*"[^"#/<]*)*')
_INCLUDE: Final = re.compile(r'<\?include\s*"([^"\n]+)"\s*\?>')
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_STEP: Final = re.compile(r'\.?([A-Za-z0-9_-]+)|\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]')
_PATH: Final = re.compile(rf"[A-Za-z0-9_-]+(?:{_STEP.pattern})*\Z")
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def read_file(name: str) -> str:
    """The text of a file. Octets that are not UTF-8 pass through unchanged, as Kea lets them."""
    return Path(name).read_bytes().decode("utf-8-sig", "surrogateescape")


def path_text(steps: Steps) -> str:
    """Steps as one writes them: `Dhcp4.subnet4[0].pools[1]`; keys with other characters are quoted."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.match(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text


def _steps(path: str) -> Steps | None:
    """The inverse of `path_text`; None for what is no path."""
    if not _PATH.match(path):
        return None
    return tuple(int(m[2]) if m[2] else json.loads(m[3]) if m[3] else m[1] for m in _STEP.finditer(path))


class Wrong(Exception):
    """The text is not JSON: what and where, as offsets in the joined text (negative: nowhere)."""

    def __init__(self, code: Code, message: str, start: int, end: int, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.start, self.end, self.hint = code, message, start, end, hint
        self.span: Span | None = None

    def placed(self, source: Source) -> Wrong:
        """With its place looked up: mending the text moves offsets, places stay."""
        self.span = source.span(self.start, self.end) if self.start >= 0 else None
        return self


@attrs.frozen
class _Piece:
    start: int  # where it begins in the joined text
    file: str
    offset: int  # where it begins in that file


@attrs.frozen
class Member:
    key: str | int
    key_start: int
    key_end: int
    start: int
    end: int


class Source:
    """The text a configuration was read from, and the answer to "where is this?".

    `text` is plain JSON, joined from all files; its pieces remember where they come from. `aliases` are other
    spellings of keys, tried where a path names a key that is not there.
    """

    def __init__(self, file: str, read: Read = read_file, aliases: Mapping[str, Sequence[str]] | None = None) -> None:
        self.file = file
        self.files: dict[str, str] = {}
        self.text = ""
        self._aliases = aliases or {}
        self._read = read
        self._pieces: list[_Piece] = []
        self._line_starts: dict[str, list[int]] = {}
        self._containers: dict[int, list[Member]] = {}
        self._decoder = json.JSONDecoder()

    # Reading: files to one text.

    def gather(self) -> None:
        """Reads the file and what it includes, comments blanked. Wrong where a file cannot be read."""
        parts: list[str] = []
        self._gather(self.file, (), parts, 0)
        self.text = "".join(parts)

    def _gather(self, file: str, above: tuple[str, ...], parts: list[str], at: int, width: int = 1) -> int:
        try:
            text = self.files.get(file) or self._read(file)
        except OSError as error:
            hint = error.strerror or str(error)
            if not above:
                raise Wrong(codes.UNREADABLE, f"Unable to open file {file}", -1, -1, hint) from None
            raise Wrong(codes.UNREADABLE, f"Can't open include file {file}", at, at + width, hint) from None
        self.files[file] = text
        position = 0
        self._pieces.append(_Piece(at, file, 0))
        while True:
            match = _PLAIN.match(text, position)
            assert match is not None, "the pattern matches the empty string"
            end = match.end()
            parts.append(text[position:end])
            at += end - position
            if end == len(text):
                return at
            include = _INCLUDE.match(text, end)
            if include:
                at = self._included(include, (*above, file), parts, at)
                position = include.end()
                self._pieces.append(_Piece(at, file, position))
                continue
            position = _comment_end(text, end)
            if position < 0:
                line = text.count("\n", 0, end) + 1
                raise Wrong(codes.BAD_SYNTAX, f"Comment not closed. (/* in line {line}", at, at + 2)
            if position == end:  # not a comment: a broken string, or a character json will refuse
                stop = len(text) if text[end] == '"' else end + 1
                parts.append(text[end:stop])
                position = stop
            else:
                parts.append(" " * (position - end))
            at += position - end

    def _included(self, include: re.Match[str], above: tuple[str, ...], parts: list[str], at: int) -> int:
        file, width = include[1], len(include[0])
        if file in above:
            circle = " -> ".join([*above, file])
            raise Wrong(codes.BAD_INCLUDE, "Too many nested include.", at, at + width, f"it includes itself: {circle}")
        if len(above) > INCLUDES_MAX:
            hint = f"at most {INCLUDES_MAX} files inside one another"
            raise Wrong(codes.BAD_INCLUDE, "Too many nested include.", at, at + width, hint)
        return self._gather(file, above, parts, at, width)

    def mend(self, edits: Sequence[tuple[int, int, str]]) -> None:
        """Replaces ranges of the joined text, given in their order; places behind them still point where they did."""
        parts, pieces, at, shift = [], list[_Piece](), 0, 0
        old = iter([*self._pieces, _Piece(len(self.text) + 1, "", 0)])
        piece = next(old)
        for start, end, text in edits:
            while piece.start < end:
                pieces.append(attrs.evolve(piece, start=piece.start + shift))
                piece = next(old)
            parts += [self.text[at:start], text]
            shift += len(text) - (end - start)
            at = end
            if len(text) != end - start:
                origin = self._piece(end)
                pieces.append(_Piece(end + shift, origin.file, origin.offset + end - origin.start))
        pieces += [attrs.evolve(p, start=p.start + shift) for p in (piece, *old) if p.file]
        self.text = "".join([*parts, self.text[at:]])
        self._pieces = pieces

    # Finding: offsets and paths to places.

    def _piece(self, offset: int) -> _Piece:
        return self._pieces[bisect_right(self._pieces, offset, key=lambda p: p.start) - 1]

    def _spot(self, offset: int) -> tuple[str, int, int]:
        piece = self._piece(offset) if self._pieces else _Piece(0, self.file, 0)
        at = piece.offset + offset - piece.start
        starts = self._starts_of(piece.file)
        line = bisect_right(starts, at)
        return piece.file, line, at - starts[line - 1] + 1

    def _starts_of(self, file: str) -> list[int]:
        starts = self._line_starts.get(file)
        if starts is None:
            starts = [0, *(match.end() for match in re.finditer("\n", self.files.get(file, "")))]
            self._line_starts[file] = starts
        return starts

    def span(self, start: int, end: int) -> Span:
        """The place of a range of the joined text. A range that leaves its file is cut to its first character."""
        file, line, column = self._spot(start)
        end_file, end_line, end_column = self._spot(end)
        if (end_file, end_line) == (file, line) and end_column > column:
            return Span(file, line, column, line, end_column - 1)
        end_file, end_line, end_column = self._spot(max(start, end - 1))
        if end_file == file:
            return Span(file, line, column, end_line, end_column)
        return Span(file, line, column, line, column)

    def line(self, span: Span) -> str:
        """The source line a place starts in, without its end."""
        text, starts = self.files.get(span.file, ""), self._starts_of(span.file)
        end = starts[span.line] if span.line < len(starts) else len(text)
        return text[starts[span.line - 1] : end].rstrip("\r\n")

    def value(self, steps: Steps) -> Span:
        """Where the value at a path stands; the nearest map or list around it where it is absent."""
        start, end = self.range(steps)
        return self.span(start, end)

    def place(self, path: str) -> Place:
        """The place of a path as text (`Dhcp4.subnet4[0]`). What is no path of this text stays as it is."""
        steps = _steps(path)
        return SourcePlace(self, steps) if steps is not None else Place(path=path)

    def range(self, steps: Steps, *, key: bool = False) -> tuple[int, int]:
        """The range of a value (or of its key) in the joined text; of the nearest map or list around it if absent."""
        start = skip_space(self.text, 0)
        end = len(self.text)
        found: Member | None = None
        for step in steps:
            member = self._member(start, step)
            if member is None:
                return start, end
            found, start, end = member, member.start, member.end
        return (found.key_start, found.key_end) if key and found else (start, end)

    def inside_string(self, steps: Steps, first: int, last: int) -> tuple[int, int]:
        """The range of the characters `first` to `last` (exclusive) of a string value, escapes counted right."""
        start, end = self.range(steps)
        spots = [
            start + 1 + m.start() for m in re.finditer(r"\\u....|\\.|.", self.text[start + 1 : end - 1], re.DOTALL)
        ]
        spots.append(end - 1)
        return spots[min(first, len(spots) - 1)], spots[min(last, len(spots) - 1)]

    def _member(self, start: int, step: str | int) -> Member | None:
        if start >= len(self.text) or self.text[start] not in "{[":
            return None
        members = self.members(start)
        if isinstance(step, int):
            return members[step] if self.text[start] == "[" and step < len(members) else None
        for name in (step, *self._aliases.get(step, ())):
            # The last of two equal keys is the one json keeps.
            found = next((member for member in reversed(members) if member.key == name), None)
            if found:
                return found
        return None

    def members(self, start: int) -> list[Member]:
        """Keys and ranges of the map or list that starts here; remembered, since one error often leads to the next."""
        known = self._containers.get(start)
        if known is None:
            known = self._containers[start] = list(self._read_members(start))
        return known

    def _read_members(self, start: int) -> Iterator[Member]:
        text = self.text
        is_map = text[start] == "{"
        at = skip_space(text, start + 1)
        index = 0
        while text[at] not in "}]":
            key: str | int = index
            key_start = key_end = at
            if is_map:
                key, key_end = self._decoder.raw_decode(text, at)
                at = skip_space(text, skip_space(text, key_end) + 1)
            _, end = self._decoder.raw_decode(text, at)
            yield Member(key, key_start, key_end, at, end) if is_map else Member(key, at, end, at, end)
            index += 1
            at = skip_space(text, end)
            if text[at] == ",":
                at = skip_space(text, at + 1)


def skip_space(text: str, at: int) -> int:
    """The first character from `at` on that is no space."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _comment_end(text: str, start: int) -> int:
    """Where the comment that starts here ends; `start` if none does, -1 if it is never closed."""
    if text[start] == "#" or text.startswith("//", start):
        end = text.find("\n", start)
        return len(text) if end < 0 else end
    if text.startswith("/*", start):
        end = text.find("*/", start + 2)
        return end + 2 if end >= 0 else -1
    return start


class SourcePlace(Place):
    """A place whose line and column are looked up only when somebody reads them."""

    __slots__ = ("_source", "_steps")
    _source: Source
    _steps: Steps

    def __init__(self, source: Source, steps: Steps) -> None:
        object.__setattr__(self, "_source", source)
        object.__setattr__(self, "_steps", steps)

    @property
    def file(self) -> str:
        """The file it is in."""
        return self._source.value(self._steps).file

    @property
    def line(self) -> int:
        """Its line, from 1."""
        return self._source.value(self._steps).line

    @property
    def column(self) -> int:
        """Its column, from 1."""
        return self._source.value(self._steps).column

    @property
    def path(self) -> str:
        """Its path by keys."""
        return path_text(self._steps)
