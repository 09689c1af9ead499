"""What the rows of Kea's lease files have in common: escapes, numbers, and how a form of rows is described.

A row here is the line without its end, in bytes, in the columns of Kea 3.0 and in one spelling only: equal leases have
equal rows. `RowForm` is one family's form: `rows4.py` and `rows6.py` have one each, and everything that keeps rows is
written for any of them. This module does not know which columns there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import attrs

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.reading_json import loads

__all__ = [
    "DECLINED",
    "ESCAPED_TEXT",
    "HEX",
    "NUMBER",
    "PLAIN_TEXT",
    "Entry",
    "RowError",
    "RowForm",
    "context_of",
    "escape",
    "fields_of",
    "flag_of",
    "is_deletion",
    "number_of",
    "octets_of",
    "text_of",
    "unescape",
    "unsigned_of",
]

L = TypeVar("L")

Entry = tuple[int, bytes | None]  # address, and its row; None: the lease is deleted

_RELEASED: Final = LeaseState.RELEASED.value
DECLINED: Final = LeaseState.DECLINED.value
_U32: Final = 0xFFFFFFFF

# Octets that cannot stand in a column as they are. Kea writes `,` and `&` in this form and reads any octet in it, so
# a line end in a host name is escaped as well: it must not start a row.
_SPECIAL: Final = re.compile(rb"[,&\x00-\x1f\x7f]")
_ESCAPE: Final = re.compile(rb"&#x([0-9a-fA-F]{2})")
PLAIN_TEXT: Final = re.compile(r"[a-z0-9._ -]*", re.ASCII)  # needs neither escapes nor lower-casing

# Parts of the patterns for rows in the one spelling. Numbers from 4200000000 on are left to the slower reading.
HEX: Final = rb"[0-9a-f]{2}(?::[0-9a-f]{2})*"
NUMBER: Final = rb"(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4[01][0-9]{8})"
ESCAPED_TEXT: Final = rb"[^,&A-Z\x00-\x1f\x7f]*"


class RowError(ValueError):
    """A line that is no row; the text says what is wrong with it."""


@attrs.frozen(eq=False)
class RowForm(Generic[L]):
    """The form of one family's rows.

    `columns` are those of the newest version of the file; a row is whole with the first `full` of them, and a file
    has at least the first `least`. `versions` has every header that Kea has written. What an address is made of and
    how often it has which octet at least (`address_octets`, `address_sign`) finds rows within a damaged line.
    """

    columns: tuple[str, ...]
    full: int
    least: int
    versions: Mapping[bytes, str]
    address_octets: bytes
    address_sign: tuple[bytes, int]
    address_of: Callable[[bytes], int]
    """An address as an integer. RowError where it is none."""
    encode: Callable[[L], bytes]
    """The row of a lease. Host names are stored in lower case, as Kea does."""
    decode: Callable[[int, bytes], L]
    """The lease of a row that is in the form `encode` gives; whoever has a row knows its address."""
    deletion: Callable[[bytes], bytes]
    """The row that removes the lease of a row: Kea's way, a lifetime of 0 that ends when the client was last seen."""
    nothing_at: Callable[[int], bytes]
    """The row that says there is no lease at an address, whatever there was before."""
    ends: Callable[[bytes], tuple[int, int, int]]
    """`valid_lifetime`, `expire` and `state` of a row, for a third of what decoding it costs."""
    place: Callable[[bytes], tuple[bytes, bytes]]
    """Subnet id and state of a row, as they stand in it."""
    roams: Callable[[bytes], bool]
    """Whether the address of a row's lease may lie outside of its subnet: a delegated prefix."""
    read_usual: Callable[[bytes], Entry | None]
    """Address and row of a line in the usual form, the row None for a deletion; None for any other line."""
    read_loosely: Callable[[bytes, Sequence[str]], Entry]
    """For any columns and any spelling Kea accepts: field by field. RowError with the exact complaint."""
    header: bytes = attrs.field(init=False)
    subnet_at: int = attrs.field(init=False)
    """Which field of a row is the subnet id."""

    @header.default
    def _header(self) -> bytes:
        return ",".join(self.columns).encode()

    @subnet_at.default
    def _subnet_at(self) -> int:
        return self.columns.index("subnet_id")

    def read_line(self, line: bytes) -> Entry:
        """Address and row of a line in today's columns, None for a deletion. RowError says what is wrong."""
        return self.read_usual(line) or self.read_loosely(line, self.columns)


def escape(octets: bytes) -> bytes:
    """Octets as they may stand in a column."""
    return _SPECIAL.sub(lambda match: b"&#x%02x" % match[0][0], octets)


def unescape(octets: bytes) -> bytes:
    """The octets that a column's text stands for."""
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), octets) if b"&#x" in octets else octets


def text_of(text: str) -> bytes:
    """Text is octets as Latin-1 (Kea keeps whatever octets a client sent); text beyond that is taken as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def is_deletion(valid_lifetime: int, state: int) -> bool:
    """Whether a row with these values removes the lease.

    Kea: a lifetime of 0. But Kea since 2.7 keeps a released lease in memory with a lifetime of 0 and state 3, so that
    its client may have it back; here that survives a restart, which changes nothing about who may use the address.
    """
    return valid_lifetime == 0 and state != _RELEASED


def fields_of(line: bytes, columns: Sequence[str], form: RowForm[L]) -> dict[str, bytes]:
    """The fields of a line by the names of its columns. RowError where there are too few."""
    fields = line.split(b",")
    needed = min(len(columns), form.full)
    if len(fields) < needed:
        raise RowError(f"{len(fields)} columns where {needed} are needed")
    if len(fields) >= form.full and tuple(columns) == form.columns[: len(columns)]:
        columns = form.columns  # a newer row in an older file
    return dict(zip(columns, fields, strict=False))


def unsigned_of(text: bytes, what: str) -> int:
    """A 32-bit number as Kea reads it: a negative one wraps."""
    number = number_of(text, what)
    if not -_U32 <= number <= _U32:
        raise RowError(f"{what} {text.decode('latin-1')} is out of range")
    return number & _U32


def number_of(text: bytes, what: str) -> int:
    """A number. RowError where it is none."""
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    if not digits.isdigit() or len(digits) > 20:  # digits of 2^64
        raise RowError(f"{what} {text[:40].decode('latin-1')!r} is not a number")
    number = int(text)
    return number - (1 << 64) if number >> 63 > 0 else number  # how Kea's clean-up writes a negative one


def flag_of(text: bytes, what: str) -> bool:
    """A truth value. RowError where it is none."""
    if text not in (b"0", b"1"):
        raise RowError(f"{what} {text[:40].decode('latin-1')!r} is neither 0 nor 1")
    return text == b"1"


_COLONS: Final = re.compile(rb"[0-9a-fA-F]{1,2}(?:[: ][0-9a-fA-F]{1,2})*")


def octets_of(text: bytes, what: str) -> bytes:
    """Octets in hexadecimal, with or without separators. RowError where it is something else."""
    if not text:
        return b""
    if _COLONS.fullmatch(text):
        return bytes(int(part, 16) for part in re.split(rb"[: ]", text))
    try:
        return bytes.fromhex(text.decode())
    except ValueError:
        raise RowError(f"{what} {text[:40].decode('latin-1')!r} is not hexadecimal") from None


def context_of(text: bytes) -> str:
    """A user context as JSON text. RowError where it is none."""
    if not text:
        return ""
    context = unescape(text).decode("latin-1")
    try:
        value = loads(context)
    except (ValueError, RecursionError) as error:
        raise RowError(f"user context is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RowError("user context is not a map")
    return context
