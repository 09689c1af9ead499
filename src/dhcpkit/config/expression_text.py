"""A first look at the text of class expressions: characters, quotes, brackets, and names of classes.

It finds what cannot be an expression. What an expression means is not known here, nor what it is tested on.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Final

import attrs

from dhcpkit.config import codes
from dhcpkit.config.codes import Code

__all__ = ["BUILT_IN", "Flaw", "flaws"]

BUILT_IN: Final = frozenset(("ALL", "KNOWN", "UNKNOWN", "BOOTP", "DROP", "SKIP_DDNS", "STASH_AGENT_OPTIONS"))
CLOSES: Final = {")": "(", "]": "["}
PREFIXES: Final = ("VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_", "SPAWN_")  # names of classes that others assign

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<text>'[^'\n]*')
    |(?P<open>'[^'\n]*\Z)
    |(?P<address>[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)
    |(?P<number>0[xX][0-9A-Fa-f]+|[0-9]+)
    |(?P<word>[A-Za-z][A-Za-z0-9_-]*)
    |(?P<compare>==)
    |(?P<sign>[()\[\].,*+-])""",
    re.VERBOSE,
)
_JOINING: Final = frozenset(("==", "and", "or", "not", ",", ".", "+", "("))  # something must follow these


@attrs.frozen
class Flaw:
    """What is wrong with an expression, and at which of its characters."""

    code: Code
    message: str
    start: int
    end: int
    hint: str = ""


def flaws(text: str, known: Container[str]) -> Iterator[Flaw]:
    """What cannot be right in an expression. `known` are the classes that it may refer to."""
    said = f"expression: [{text}] error: <string>"
    tokens, broken = _tokens(text)
    for start, end, hint in broken:
        yield Flaw(codes.BAD_EXPRESSION, f"{said}:1.{start + 1}: Invalid character: {text[start]}", start, end, hint)
    if broken:
        return
    if not tokens:
        yield Flaw(codes.BAD_EXPRESSION, f"{said}:1.1: syntax error, unexpected end of file", 0, len(text))
        return
    yield from _brackets(tokens, said)
    last, start, end = tokens[-1]
    if last in _JOINING:
        message = f"{said}:1.{end + 1}: syntax error, unexpected end of file"
        yield Flaw(codes.BAD_EXPRESSION, message, start, end, f"something must follow {last}")
    yield from _classes(tokens, known, said)


def _tokens(text: str) -> tuple[list[tuple[str, int, int]], list[tuple[int, int, str]]]:
    tokens, broken = [], []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            hint = "comparison is written ==" if text[at] == "=" else ""
            broken.append((at, at + 1, hint))
            at += 1
            continue
        if match.lastgroup == "open":
            broken.append((at, match.end(), "the text has no closing quote"))
        elif match.lastgroup != "space":
            tokens.append((match[0], at, match.end()))
        at = match.end()
    return tokens, broken


def _brackets(tokens: list[tuple[str, int, int]], said: str) -> Iterator[Flaw]:
    waiting: list[tuple[str, int, int]] = []
    for token, start, end in tokens:
        if token in CLOSES.values():
            waiting.append((token, start, end))
        elif token in CLOSES and (not waiting or waiting.pop()[0] != CLOSES[token]):
            message = f"{said}:1.{start + 1}: syntax error, unexpected {token}"
            yield Flaw(codes.BAD_EXPRESSION, message, start, end, "nothing opens it")
            return
    for bracket, start, end in waiting[:1]:
        last = tokens[-1][2]
        closing = next(token for token, opening in CLOSES.items() if opening == bracket)
        message = f"{said}:1.{last + 1}: syntax error, unexpected end of file, expecting {closing}"
        yield Flaw(codes.BAD_EXPRESSION, message, start, end, "nothing closes it")


def _classes(tokens: list[tuple[str, int, int]], known: Container[str], said: str) -> Iterator[Flaw]:
    for before, bracket, (name, start, end) in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if before[0] == "member" and bracket[0] == "(" and name.startswith("'"):
            bare = name[1:-1]
            if bare not in known and bare not in BUILT_IN and not bare.startswith(PREFIXES):
                message = f"{said}:1.{start + 1}-{end}: Not defined client class '{bare}'"
                yield Flaw(codes.UNKNOWN_CLASS, message, start + 1, end - 1, "a class is defined before it is used")
