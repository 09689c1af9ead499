r"""The grammar of option values written as text: Kea's `option-data` with `csv-format` true, and its hexadecimal forms.

A text is a row of fields separated by commas. `\,` is a comma inside a field and `\\` a backslash; before any other
character a backslash is itself. Blanks around a field and empty fields are dropped. This module does not know kinds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["join_text", "parse_digits", "parse_hex", "parse_number", "show_hex", "split_text"]

BLANKS: Final = " \t\r\n"
ESCAPE: Final = re.compile(r"\\[\\,]|,")
NUMBER: Final = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f]+|[0-9]+)")
HEX: Final = re.compile(r"(?:(?:0x)?[0-9A-Fa-f]+|[0-9A-Fa-f]{1,2}(?:([: ])[0-9A-Fa-f]{1,2})(?:\1[0-9A-Fa-f]{1,2})*)?")
QUOTES: Final = 2  # characters of 'text' that are not text; Kea knows no empty one


def split_text(text: str) -> list[str]:
    r"""The fields of a text, as Kea's parser finds them: `a\,b , ,c` is `a,b` and `c`."""
    fields, field, at = [], "", 0
    for found in ESCAPE.finditer(text):
        field += text[at : found.start()]
        at = found.end()
        if found[0] == ",":
            fields.append(field)
            field = ""
        else:
            field += found[0][1]
    fields.append(field + text[at:])
    # Kea drops what is empty between commas before it trims: a field of blanks alone stays, and is the kind's to refuse
    return [field.strip(BLANKS) for field in fields if field]


def join_text(fields: Sequence[str]) -> str:
    r"""The text of these fields. What a field cannot hold (blanks at its ends) is lost on the way back."""
    return ", ".join(field.replace("\\", "\\\\").replace(",", "\\,") for field in fields)


def parse_number(field: str, low: int, high: int) -> int:
    """A whole number, decimal or hexadecimal with 0x. ValueError where it is none or out of range."""
    if not NUMBER.fullmatch(field):
        raise ValueError(f"{field!r} is not a whole number")
    value = int(field, 16 if "x" in field.lower() else 10)
    if not low <= value <= high:
        raise ValueError(f"{field} is out of range {low} to {high}")
    return value


def parse_digits(field: str) -> bytes:
    """Octets in a field of text: pairs of hexadecimal digits with or without blanks between them, nothing else."""
    digits = re.sub(r"\s+", "", field, flags=re.ASCII)
    if len(digits) % 2:
        raise ValueError(f"{field!r} has an odd number of hexadecimal digits")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"{field!r} is not a string of hexadecimal digits") from None


def parse_hex(text: str) -> bytes:
    """Kea's forms with `csv-format` false: `0A0B`, `0x0a0b`, `0a:0b`, `0a 0b`, `a:b`, and `'text'` in single quotes."""
    word = text.strip(BLANKS)
    if len(word) > QUOTES and word[0] == word[-1] == "'":
        return word[1:-1].encode()
    if not HEX.fullmatch(text):
        raise ValueError(f"{text!r} is not a string of hexadecimal digits")
    if ":" in text or " " in text:
        return bytes(int(part, 16) for part in re.split("[: ]", text))
    digits = text.removeprefix("0x")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def show_hex(octets: bytes) -> str:
    """Octets as upper-case hexadecimal digits without separators, as Kea shows binary options."""
    return octets.hex().upper()
