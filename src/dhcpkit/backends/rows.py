"""Kea's lease file rows: a `Lease4` as one line of CSV, and back.

A row here is the line without its end, in bytes, in the columns of Kea 3.0 and in one spelling only (hexadecimal in
lower case, no leading zeros): equal leases have equal rows. `decode` trusts that; `read_line` takes what a file
holds, in any of Kea's versions, and either brings it into that form or says what is wrong with it.

This module does not know files, nor which row of a file is the newest.
"""

from __future__ import annotations

import json
import re
from binascii import unhexlify
from collections.abc import Sequence
from typing import Final

from dhcpkit.alloc.lease import Lease4, LeaseState

__all__ = [
    "COLUMNS",
    "HEADER",
    "HEADERS",
    "RowError",
    "address_of",
    "decode",
    "deletion",
    "encode",
    "ends",
    "is_deletion",
    "nothing_at",
    "read_line",
    "read_loosely",
    "read_usual",
]

# Kea's columns by version of the file: 1.0, 2.0, 2.1 (Kea 2.2) and 3.0 (Kea 2.4 and later, the one written here).
_COLUMNS_1_0: Final = (
    "address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev", "hostname",
)  # fmt: skip
COLUMNS: Final = (*_COLUMNS_1_0, "state", "user_context", "pool_id")
HEADER: Final = ",".join(COLUMNS).encode()
HEADERS: Final = {
    ",".join(COLUMNS[:count]).encode(): version
    for count, version in ((9, "1.0"), (10, "2.0"), (11, "2.1"), (12, "3.0"))
}

_FULL: Final = 11  # columns of a whole row: those of 2.1; a missing pool_id is 0
_RELEASED: Final = LeaseState.RELEASED.value
_DECLINED: Final = LeaseState.DECLINED.value
_U32: Final = 0xFFFFFFFF

# Octets that cannot stand in a column as they are. Kea writes `,` and `&` in this form and reads any octet in it, so
# a line end in a host name is escaped as well: it must not start a row.
_SPECIAL: Final = re.compile(rb"[,&\x00-\x1f\x7f]")
_ESCAPE: Final = re.compile(rb"&#x([0-9a-fA-F]{2})")
_PLAIN_TEXT: Final = re.compile(r"[a-z0-9._ -]*", re.ASCII)  # needs neither escapes nor lower-casing


_OCTETS: Final = tuple(map(str, range(256)))  # a number's text from here costs half of making it


class RowError(ValueError):
    """A line that is no row; the text says what is wrong with it."""


def _escape(octets: bytes) -> bytes:
    return _SPECIAL.sub(lambda match: b"&#x%02x" % match[0][0], octets)


def _unescape(octets: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), octets) if b"&#x" in octets else octets


def _octets(text: str) -> bytes:
    """Text is octets as Latin-1 (Kea keeps whatever octets a client sent); text beyond that is taken as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def encode(lease: Lease4) -> bytes:
    """The row of a lease. Host names are stored in lower case, as Kea does."""
    a, hwaddr, client_id, valid, cltt, subnet, forward, reverse, hostname, state, context, pool = lease
    o = _OCTETS
    head = (
        f"{o[a >> 24]}.{o[a >> 16 & 255]}.{o[a >> 8 & 255]}.{o[a & 255]},{hwaddr.hex(':')},{client_id.hex(':')},"
        f"{valid},{cltt + valid},{subnet},{'1' if forward else '0'},{'1' if reverse else '0'},"
    )
    if not context and (not hostname or _PLAIN_TEXT.fullmatch(hostname)):
        return f"{head}{hostname},{state:d},,{pool}".encode()
    name = _escape(_octets(hostname).lower())
    return b"%s%s,%d,%s,%d" % (head.encode(), name, state, _escape(_octets(context)), pool)


def deletion(row: bytes) -> bytes:
    """The row that removes the lease of a row: Kea's way, a lifetime of 0 that ends when the client was last seen."""
    fields = row.split(b",")
    fields[4] = b"%d" % (int(fields[4]) - int(fields[3]))
    fields[3] = b"0"
    if fields[9] == b"3":  # a released lease of no lifetime is kept: see is_deletion
        fields[9] = b"0"
    return b",".join(fields)


def nothing_at(address: int) -> bytes:
    """The row that says there is no lease at an address, whatever there was before."""
    return encode(Lease4(address, b"", b"", 0, 0, 0, state=_DECLINED))


def is_deletion(valid_lifetime: int, state: int) -> bool:
    """Whether a row with these values removes the lease.

    Kea: a lifetime of 0. But Kea since 2.7 keeps a released lease in memory with a lifetime of 0 and state 3, so that
    its client may have it back; here that survives a restart, which changes nothing about who may use the address.
    """
    return valid_lifetime == 0 and state != _RELEASED


def decode(address: int, row: bytes) -> Lease4:
    """The lease of a row that is in the form `encode` gives; whoever has a row knows its address."""
    _, hwaddr, client_id, valid, expire, subnet, forward, reverse, name, state, context, pool = row.split(b",")
    lifetime = int(valid)
    return Lease4(
        address,
        unhexlify(hwaddr.replace(b":", b"")),
        unhexlify(client_id.replace(b":", b"")),
        lifetime,
        int(expire) - lifetime,
        int(subnet),
        forward == b"1",
        reverse == b"1",
        (_unescape(name) if b"&" in name else name).decode("latin-1"),
        int(state),
        _unescape(context).decode("latin-1") if context else "",
        int(pool),
    )


def ends(row: bytes) -> tuple[int, int, int]:
    """`valid_lifetime`, `expire` and `state` of a row, for a third of what decoding it costs."""
    _, _, _, valid, expire, _, _, _, _, state, _ = row.split(b",", 10)
    return int(valid), int(expire), int(state)


_DECIMAL: Final = {b"%d" % octet: octet for octet in range(256)}


def address_of(text: bytes) -> int:
    """A dotted address as an integer. RowError where it is none."""
    try:
        a, b, c, d = text.split(b".")
        return _DECIMAL[a] << 24 | _DECIMAL[b] << 16 | _DECIMAL[c] << 8 | _DECIMAL[d]
    except (ValueError, KeyError):
        raise RowError(f"{text[:40].decode('latin-1')!r} is not an IPv4 address") from None


_HEX: Final = rb"[0-9a-f]{2}(?::[0-9a-f]{2})*"
_NUMBER: Final = rb"(?:0|[1-9][0-9]{0,9})"
_AFTER_EXPIRE: Final = _NUMBER + rb",[01],[01],[^,&A-Z\x00-\x1f\x7f]*,"  # subnet id to host name
# A line that is in the form `encode` gives and holds a lease, without user context: nearly every line of a file.
_USUAL: Final = re.compile(
    rb"([0-9.]{5,11})\.([0-9]{1,3})," + _HEX + rb",(?:" + _HEX + rb")?,"
    rb"(?:[1-9][0-9]{0,8}|4294967295),[1-9][0-9]{0,10}," + _AFTER_EXPIRE + rb"[0-9],(," + _NUMBER + rb")?"
)  # fmt: skip
# The same for a line that removes one.
_USUAL_DELETION: Final = re.compile(
    rb"([0-9.]{5,11})\.([0-9]{1,3}),(?:" + _HEX + rb")?,(?:" + _HEX + rb")?,"
    rb"0,[0-9]{1,11}," + _AFTER_EXPIRE + rb"[0-24-9],(?:," + _NUMBER + rb")?"
)  # fmt: skip
_BASES_MAX: Final = 65_536  # networks of 256 addresses
_bases: dict[bytes, int] = {}  # the first address of such a network by the first three octets' text

Entry = tuple[int, bytes | None]  # address, and its row; None: the lease is deleted


def read_usual(line: bytes) -> Entry | None:
    """Address and row of a line in the usual form, the row None for a deletion; None for any other line."""
    match = _USUAL.fullmatch(line)
    if match is None:
        gone = _USUAL_DELETION.fullmatch(line)
        if gone is None:
            return None
        head, last = gone.groups()
        row = None
    else:
        head, last, pool = match.groups()
        row = line if pool else line + b",0"  # files of Kea 2.2 have no pool_id
    try:
        return _bases[head] + _DECIMAL[last], row
    except KeyError:
        pass
    try:
        address = address_of(b"%s.%s" % (head, last))
    except RowError:
        return None
    if len(_bases) >= _BASES_MAX:
        _bases.clear()
    _bases[head] = address & ~255
    return address, row


def read_line(line: bytes) -> Entry:
    """Address and row of a line in the columns of 2.1 or 3.0, None for a deletion. RowError says what is wrong."""
    return read_usual(line) or read_loosely(line, COLUMNS)


def _unsigned(text: bytes, what: str) -> int:
    """A 32-bit number as Kea reads it: a negative one wraps."""
    number = _number(text, what)
    if not -_U32 <= number <= _U32:
        raise RowError(f"{what} {text.decode('latin-1')} is out of range")
    return number & _U32


def _number(text: bytes, what: str) -> int:
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    if not digits.isdigit() or len(digits) > 20:  # digits of 2^64
        raise RowError(f"{what} {text[:40].decode('latin-1')!r} is not a number")
    number = int(text)
    return number - (1 << 64) if number >> 63 > 0 else number  # how Kea's clean-up writes a negative one


def _flag(text: bytes, what: str) -> bool:
    if text not in (b"0", b"1"):
        raise RowError(f"{what} {text[:40].decode('latin-1')!r} is neither 0 nor 1")
    return text == b"1"


_COLONS: Final = re.compile(rb"[0-9a-fA-F]{1,2}(?:[: ][0-9a-fA-F]{1,2})*")


def _identifier(text: bytes, what: str) -> bytes:
    if not text:
        return b""
    if _COLONS.fullmatch(text):
        return bytes(int(part, 16) for part in re.split(rb"[: ]", text))
    try:
        return bytes.fromhex(text.decode())
    except ValueError:
        raise RowError(f"{what} {text[:40].decode('latin-1')!r} is not hexadecimal") from None


def _context(text: bytes) -> str:
    if not text:
        return ""
    context = _unescape(text).decode("latin-1")
    try:
        value = json.loads(context)
    except (ValueError, RecursionError) as error:
        raise RowError(f"user context is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RowError("user context is not a map")
    return context


def read_loosely(line: bytes, columns: Sequence[str]) -> Entry:
    """As `read_line`, for any columns and any spelling Kea accepts: field by field, with the exact complaint."""
    fields = line.split(b",")
    needed = min(len(columns), _FULL)
    if len(fields) < needed:
        raise RowError(f"{len(fields)} columns where {needed} are needed")
    if len(fields) >= _FULL:
        columns = COLUMNS if tuple(columns) == COLUMNS[: len(columns)] else columns  # a newer row in an older file
    value = dict(zip(columns, fields, strict=False))
    address = address_of(value["address"])
    valid = _unsigned(value["valid_lifetime"], "lifetime")
    expire = _number(value["expire"], "expiry time")
    hwaddr = _identifier(value["hwaddr"], "hardware address")
    client_id = _identifier(value["client_id"], "client identifier")
    state = _unsigned(value.get("state", b"0"), "state")
    subnet_id = _unsigned(value["subnet_id"], "subnet id")
    forward, reverse = _flag(value["fqdn_fwd"], "fqdn_fwd"), _flag(value["fqdn_rev"], "fqdn_rev")
    context = _context(value.get("user_context", b""))
    # What follows the columns of 2.1 may be a later version's pool_id or anything; Kea ignores what it does not know.
    pool = value.get("pool_id", b"")
    pool_id = int(pool) if pool.isdigit() and len(pool) <= 10 else 0  # digits of 2^32
    if is_deletion(valid, state):
        return address, None
    if not hwaddr and not client_id and state != _DECLINED:
        raise RowError("neither hardware address nor client identifier")
    hostname = _unescape(value["hostname"]).decode("latin-1")
    return address, encode(
        Lease4(
            address, hwaddr, client_id, valid, expire - valid, subnet_id, forward, reverse, hostname, state, context,
            pool_id,
        )
    )  # fmt: skip
