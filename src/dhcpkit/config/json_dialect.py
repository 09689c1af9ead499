"""What json refuses and Kea takes: extra commas and odd numbers; and what neither takes, in the words Kea has for it.

A text is mended only after json refused it. Behind a missing comma reading goes on, so that the rest is checked too.
This module does not know files or what the keys mean.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from dhcpkit.config import codes
from dhcpkit.config.json_text import Member, Source, Wrong, skip_space
from dhcpkit.reading_json import loads

__all__ = ["parse_json"]

MENDED_MAX: Final = 20  # commas supplied before reading stops: behind so many the rest is noise

_STRING_OR: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"|'
_EXTRA_COMMA: Final = re.compile(_STRING_OR + r"(,)(?=\s*[,}\]])")
_NUMBER: Final = re.compile(
    _STRING_OR + r"(?<![\w.+-])([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![\w.+-])"
)
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_WORD: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?[0-9.]+(?:[eE][-+]?[0-9]+)?|[A-Za-z_]+|.', re.DOTALL)


class _Reading:
    """One attempt after another to make json accept a source's text, with what was wrong on the way."""

    def __init__(self, source: Source, keywords: frozenset[str]) -> None:
        self.source = source
        self.keywords = keywords
        self.wrongs: list[Wrong] = []
        self._duplicates = False

    def parse(self) -> Any:
        mended = False
        while True:
            try:
                return self._loads()
            except json.JSONDecodeError as error:
                if not mended:
                    mended = True
                    self._mend_commas()
                    self._mend_numbers()
                    continue
                self._refused(error)
            except RecursionError:
                raise Wrong(codes.BAD_SYNTAX, "maps and lists are nested too deeply", 0, 1) from None

    def _note(self, wrong: Wrong) -> None:
        self.wrongs.append(wrong.placed(self.source))

    def _loads(self) -> Any:
        value = loads(self.source.text, object_pairs_hook=self._map, parse_constant=self._constant)
        if self._duplicates:
            self._find_duplicates(skip_space(self.source.text, 0), "toplevel")
        return value

    def _map(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            self._duplicates = True
        return made

    def _constant(self, word: str) -> Any:
        for match in re.finditer(_STRING_OR + rf"({word})", self.source.text):
            if match[1]:
                raise Wrong(codes.BAD_SYNTAX, f"Invalid character: {word[0]}", match.start(1), match.end(1))
        raise AssertionError("json found a constant that is not in the text")

    def _find_duplicates(self, start: int, map_name: str) -> None:
        seen: dict[str | int, Member] = {}
        for member in self.source.members(start):
            if isinstance(member.key, str) and member.key in seen:
                first = self.source.span(seen[member.key].key_start, seen[member.key].key_end)
                message = f"duplicate {member.key} entries in {map_name} map (previous at {first})"
                self._note(Wrong(codes.DUPLICATE_KEY, message, member.key_start, member.key_end))
            seen.setdefault(member.key, member)
            if self.source.text[member.start] in "{[":
                inner = member.key if isinstance(member.key, str) else map_name
                known = inner in self.keywords and map_name != "JSON" and inner not in ("user-context", "parameters")
                self._find_duplicates(member.start, inner if known else "JSON")

    def _mend_commas(self) -> None:
        text, edits = self.source.text, []
        for match in _EXTRA_COMMA.finditer(text):
            if match[1] and _before(text, match.start(1)) not in "{[:":
                message = "Extraneous comma. A piece of configuration may have been omitted."
                self._note(Wrong(codes.EXTRA_COMMA, message, match.start(1), match.end(1)))
                edits.append((match.start(1), match.end(1), " "))
        self.source.mend(edits)

    def _mend_numbers(self) -> None:
        self.source.mend(
            [
                (match.start(1), match.end(1), _json_number(match[1]))
                for match in _NUMBER.finditer(self.source.text)
                if match[1] and not _JSON_NUMBER.match(match[1])
            ]
        )

    def _refused(self, error: json.JSONDecodeError) -> None:
        wrong = _explain(self.source.text, error, self.keywords)
        value_follows = self.source.text[error.pos : error.pos + 1] in ('"', "{", "[")
        comma_missing = value_follows and error.msg.startswith("Expecting ',' delimiter")
        if not comma_missing or sum(w.code is codes.BAD_SYNTAX for w in self.wrongs) >= MENDED_MAX:
            raise wrong
        self._note(wrong)
        self.source.mend([(error.pos, error.pos, ",")])


def _before(text: str, at: int) -> str:
    """The last character before an offset that is neither blank nor a comma."""
    while at > 0:
        at -= 1
        if text[at] not in " \t\r\n,":
            return text[at]
    return "{"


def _json_number(word: str) -> str:
    """JSON's form of what is a number to Kea: `.5`, `5.`, `+5`, `05`."""
    sign = "-" if word.startswith("-") else ""
    parts = re.match(r"[-+]?([0-9]*)(\.?)([0-9]*)(.*)", word)
    assert parts is not None, "each part may be empty"
    whole, dot, fraction, exponent = parts.groups()
    return f"{sign}{whole.lstrip('0') or '0'}{dot}{(fraction or '0') if dot else ''}{exponent}"


def _explain(text: str, error: json.JSONDecodeError, keywords: frozenset[str]) -> Wrong:
    """What json refused, in the words Kea's parser has for it."""
    at = error.pos
    if error.msg.startswith(("Unterminated", "Invalid control")):
        start = text.rfind('"', 0, at + 1) if error.msg.startswith("Invalid control") else at
        line_end = text.find("\n", start)
        end = len(text) if line_end < 0 else line_end
        if error.msg.startswith("Unterminated") or text[at : at + 1] == "\n":
            return Wrong(codes.BAD_SYNTAX, 'Invalid character: "', start, end, "the string has no closing quote")
        shown = text[start + 1 : at + 1]
        return Wrong(codes.BAD_SYNTAX, f'Invalid control in "{shown}"', at, at + 1, "write a tab as \\t")
    if error.msg.startswith("Invalid \\"):
        shown = text[text.rfind('"', 0, at) : text.find('"', at) + 1]
        return Wrong(codes.BAD_SYNTAX, f"Bad escape in {shown}", at, at + 2)
    if at >= len(text.rstrip()):
        end = len(text.rstrip())
        message = f"syntax error, unexpected end of file{_expecting(error.msg, text, at)}"
        return Wrong(codes.BAD_SYNTAX, message, max(0, end - 1), end)
    match = _WORD.match(text, at)
    word = match[0] if match else text[at]
    if word.lower() in ("true", "false", "null") and word != word.lower():
        message = f"JSON {word.lower()} reserved keyword is lower case only"
        return Wrong(codes.BAD_SYNTAX, message, at, at + len(word))
    named = _token_name(word, keywords)
    if not named:
        return Wrong(codes.BAD_SYNTAX, f"Invalid character: {word[0]}", at, at + len(word))
    message = f"syntax error, unexpected {named}{_expecting(error.msg, text, at)}"
    return Wrong(codes.BAD_SYNTAX, message, at, at + len(word))


def _expecting(msg: str, text: str, at: int) -> str:
    if msg.startswith("Expecting ','"):
        return f', expecting "," or {_closing(text, at)}'
    if msg.startswith("Expecting ':'"):
        return ", expecting :"
    if msg.startswith("Extra data"):
        return ", expecting end of file"
    return ", expecting {" if not text[:at].strip() else ""


def _closing(text: str, at: int) -> str:
    """The bracket that would close what is open at an offset."""
    open_ = []
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', text[:at]):
        if match[0] in ("{", "["):
            open_.append("}" if match[0] == "{" else "]")
        elif match[0] in ("}", "]") and open_:
            open_.pop()
    return open_[-1] if open_ else "}"


def _token_name(word: str, keywords: frozenset[str]) -> str:
    if word.startswith('"') and len(word) > 1:
        return word[1:-1] if word[1:-1] in keywords else "constant string"
    if word[0].isdigit() or (word[0] in "-." and len(word) > 1):
        return "integer" if word.lstrip("-").isdigit() else "floating point"
    if word in ("true", "false"):
        return "boolean"
    if word == "null":
        return "null"
    return {",": '","'}.get(word, word if word in "{}[]:" else "")


def parse_json(source: Source, keywords: frozenset[str] = frozenset()) -> tuple[Any, list[Wrong]]:
    """The value of a source's text, None where it has none, and what was wrong with it.

    `keywords` are keys to be called by their name in messages, as Kea's parser does.
    """
    reading = _Reading(source, keywords)
    try:
        source.gather()
        return reading.parse(), reading.wrongs
    except Wrong as last:
        return None, [*reading.wrongs, last.placed(source)]
