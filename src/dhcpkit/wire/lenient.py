"""Payloads that are not of their kind, mended as far as what was meant can be told (Kea: `lenient-option-parsing`).

A string that claims more octets than there are has those there are; octets behind a single number or address are cut
off; of a domain name that is none nothing can be told, and its option is passed over. This module does not know
packets; what a list or record is made of it asks of its kind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import construct as c

from dhcpkit.wire.client_fqdn import CLIENT_FQDN, CLIENT_FQDN6, N6, N, S
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.names import LABEL_MAX, NAME_MAX

__all__ = ["mended", "mended_fqdn", "mended_strings"]

FIXED: Final = frozenset(
    ("boolean", "int8", "int16", "int32", "uint8", "uint16", "uint32", "ipv4-address", "ipv6-address")
)


class _Beyond(Exception):
    """Octets of which nothing can be told."""


def mended(kind: Kind[Any], payload: bytes, *, wide: bool) -> bytes | None:
    """A payload as its kind would have it, where that can be told; None where the option is to be passed over.

    `wide` is for DHCPv6, where a string's length has two octets. What is too short stays as it is.
    """
    try:
        piece, rest = _mended(kind, payload, 2 if wide else 1)
    except _Beyond:
        return None
    return payload if piece == payload or (rest and not piece) else piece


def mended_strings(octets: bytes, width: int) -> bytes:
    """Strings with their length before them, as long as they can be; what is too short for a length stays."""
    made, rest = b"", octets
    while rest:
        piece, rest = _string(rest, width)
        made += piece
    return made


def mended_fqdn(payload: bytes, *, wide: bool) -> bytes | None:
    """The same of options 81 and, `wide`, 39. Of the flags N and S, which exclude each other, N is taken back.

    None where the name is none; what is too short for the fields before it stays as it is.
    """
    kind: Kind[Any] = CLIENT_FQDN6 if wide else CLIENT_FQDN
    before, none = (1, N6) if wide else (3, N)
    if len(payload) < before:
        return payload
    flags = payload[0]
    made = bytes((flags & ~none,)) + payload[1:] if flags & none and flags & S else payload
    try:
        kind.parse(made)
    except ValueError:
        return None
    return made


def _mended(kind: Kind[Any], octets: bytes, width: int) -> tuple[bytes, bytes]:
    """What the kind takes of some octets, mended, and what it leaves. _Beyond where it cannot be mended."""
    if kind.fields:
        made = b""
        for field in kind.fields:
            piece, octets = _mended(field, octets, width)
            made += piece
        return made, octets
    if kind.array:
        return _several(kind, octets, width), b""
    if kind.name == "fqdn":
        end = _name_end(octets)
        return octets[:end], octets[end:]
    if kind.name == "tuple":
        return _string(octets, width)
    size = _size(kind) if kind.name in FIXED else 0
    return (octets[:size], octets[size:]) if size else (octets, b"")


def _several(kind: Kind[Any], octets: bytes, width: int) -> bytes:
    if kind.name == "tuple":
        return mended_strings(octets, width)
    if kind.name == "fqdn":
        try:
            kind.parse(octets)
        except ValueError:
            raise _Beyond from None
    return octets


def _string(octets: bytes, width: int) -> tuple[bytes, bytes]:
    size, there = int.from_bytes(octets[:width], "big"), len(octets) - width
    if there < 0:
        return octets, b""
    if size > there:
        return there.to_bytes(width, "big") + octets[width:], b""
    return octets[: width + size], octets[width + size :]


def _name_end(octets: bytes) -> int:
    """Where a domain name ends. Names alone in an option are not compressed."""
    at = 0
    while at < len(octets):
        size = octets[at]
        if not size:
            return at + 1
        at += 1 + size
        if size > LABEL_MAX or at >= NAME_MAX:
            break
    raise _Beyond


@lru_cache(1024)  # a kind's declaration does not change; there are about as many as options
def _size(kind: Kind[Any]) -> int:
    """How many octets a value has; 0 where that varies."""
    try:
        return int(kind.con.sizeof())
    except c.ConstructError:
        return 0
