"""Where a JSON text ends, found while its octets arrive, and the limits it must keep before anybody parses it.

A control socket has no frames: a command ends where its outermost bracket closes (Kea). `Feed` follows brackets,
strings and comments only; json reads what it found. This module does not know sockets or commands.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import attrs

from dhcpkit.errors import DhcpkitError
from dhcpkit.reading_json import loads

__all__ = ["Feed", "Limits", "NotJson", "parse_text"]


@attrs.frozen
class Limits:
    """What a text may have at most: octets, maps and lists inside one another, values in all of them."""

    octets: int = 4 << 20
    depth: int = 64
    items: int = 100_000


class NotJson(DhcpkitError):
    """What a caller sent is no JSON, or more of it than is taken. `octets` were looked at."""


_PLAIN: Final = re.compile(rb'[^"\[\]{},#/]*+')  # nothing that matters here
_STRING: Final = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)  # the rest of a string, without its end
_OUTSIDE, _IN_STRING, _IN_LINE, _IN_BLOCK = range(4)
_BLANK: Final = re.compile(rb'("(?:[^"\\]|\\.)*+")|#[^\n]*+|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/', re.DOTALL)


class Feed:
    """Takes octets as they come until a whole JSON map or list is there; raises NotJson as soon as none can be."""

    __slots__ = ("_at", "_depth", "_items", "_limits", "_octets", "_start", "_state")

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits if limits is not None else Limits()
        self._octets = bytearray()
        self._at = 0  # what is before it was looked at
        self._state = _OUTSIDE
        self._start = -1
        self._depth = 0
        self._items = 0

    def __len__(self) -> int:
        return len(self._octets)

    def push(self, octets: bytes) -> bytes | None:
        """The text, once it is whole: what stands behind it is dropped. NotJson where it breaks a limit."""
        if len(self._octets) + len(octets) > self._limits.octets:
            raise NotJson(f"a command has at most {self._limits.octets} octets")
        self._octets += octets
        data, size = self._octets, len(self._octets)
        while self._at < size:
            before = self._at
            if self._state != _OUTSIDE:
                self._go_on()
            elif self._look():
                return bytes(data[self._start : self._at])
            if self._at == before:
                return None  # a lone slash, backslash or asterisk: what it means is still to come
        return None

    def _go_on(self) -> None:
        """Passes over what a string or a comment still has."""
        data = self._octets
        if self._state == _IN_STRING:
            match = _STRING.match(data, self._at)
            assert match is not None, "the pattern matches the empty string"
            self._at = match.end()
            if data[self._at : self._at + 1] == b'"':
                self._at += 1
                self._state = _OUTSIDE
            return
        end = b"\n" if self._state == _IN_LINE else b"*/"
        found = data.find(end, self._at)
        if found >= 0:
            self._at, self._state = found + len(end), _OUTSIDE
        else:
            self._at = max(self._at, len(data) - len(end) + 1)

    def _look(self) -> bool:
        """Looks at one thing outside of strings and comments; whether the text ends with it."""
        match = _PLAIN.match(self._octets, self._at)
        assert match is not None, "the pattern matches the empty string"
        self._begin(match[0])
        self._at = match.end()
        mark = bytes(self._octets[self._at : self._at + 2])
        if mark[:1] in (b"#", b"/"):
            if mark != b"/":
                self._comment(mark)
            return False
        if not mark:
            return False
        self._begin(mark[:1])
        if self._start < 0:
            self._start = self._at
        self._at += 1
        if mark[:1] == b'"':
            self._state = _IN_STRING
        elif mark[:1] in (b"{", b"["):
            self._depth += 1
            self._count()
            if self._depth > self._limits.depth:
                raise NotJson(f"maps and lists are nested more than {self._limits.depth} deep")
        elif mark[:1] == b",":
            self._count()
        else:
            self._depth -= 1
            return not self._depth
        return False

    def _comment(self, mark: bytes) -> None:
        if mark[:1] == b"/" and mark not in (b"//", b"/*"):
            raise NotJson("invalid character /")
        self._state = _IN_BLOCK if mark == b"/*" else _IN_LINE
        self._at += 1 if mark[:1] == b"#" else 2

    def _begin(self, found: bytes) -> None:
        """Blanks and comments may stand before the first bracket, and nothing else."""
        first = found.strip()[:1]
        if self._start < 0 and first and first not in (b"{", b"["):
            raise NotJson(f"invalid first character {first.decode('latin-1')}")

    def _count(self) -> None:
        self._items += 1
        if self._items > self._limits.items:
            raise NotJson(f"a command has at most {self._limits.items} values")


def parse_text(text: bytes, name: str = "<wire>") -> Any:
    """The value of a whole text; comments count as blanks. NotJson names line and column where it is broken."""
    blanked = _BLANK.sub(lambda match: match[1] if match[1] is not None else b" " * len(match[0]), text)
    try:
        return loads(blanked, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} in {name}:{error.lineno}:{error.colno}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise NotJson(f"{error} in {name}") from None


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")
