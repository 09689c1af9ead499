"""Rows of Kea's file of DHCPv4 leases: a `Lease4` as one line of CSV, and back.

Hexadecimal is in lower case and numbers have no leading zeros. `decode` trusts that; `read_line` takes what a file
holds, in any of Kea's versions, and either brings it into that form or says what is wrong with it.

This module does not know files, nor which row of a file is the newest.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from dhcpkit.alloc.lease import Lease4
from dhcpkit.backends.rows import (
    DECLINED,
    ESCAPED_TEXT,
    HEX,
    NUMBER,
    PLAIN_TEXT,
    Entry,
    RowError,
    RowForm,
    context_of,
    escape,
    fields_of,
    flag_of,
    is_deletion,
    number_of,
    octets_of,
    text_of,
    unescape,
    unsigned_of,
)

__all__ = ["ROWS4"]

# Kea's columns by version of the file: 1.0, 2.0, 2.1 (Kea 2.2) and 3.0 (Kea 2.4 and later, the one written here).
_COLUMNS: Final = (
    "address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev", "hostname",
    "state", "user_context", "pool_id",
)  # fmt: skip
_VERSIONS: Final = {9: "1.0", 10: "2.0", 11: "2.1", 12: "3.0"}
_FULL: Final = 11  # columns of a whole row: those of 2.1; a missing pool_id is 0

_OCTETS: Final = tuple(map(str, range(256)))  # a number's text from here costs half of making it
# What the named tuple's own constructor does, in half the time.
_lease: Final[Callable[[tuple[Any, ...]], Lease4]] = partial(tuple.__new__, Lease4)


def _encode(lease: Lease4) -> bytes:
    a, hwaddr, client_id, valid, cltt, subnet, forward, reverse, hostname, state, context, pool = lease
    o = _OCTETS
    head = (
        f"{o[a >> 24]}.{o[a >> 16 & 255]}.{o[a >> 8 & 255]}.{o[a & 255]},{hwaddr.hex(':')},{client_id.hex(':')},"
        f"{valid},{cltt + valid},{subnet},{'1' if forward else '0'},{'1' if reverse else '0'},"
    )
    if not context and (not hostname or PLAIN_TEXT.fullmatch(hostname)):
        return f"{head}{hostname},{state:d},,{pool}".encode()
    name = escape(text_of(hostname).lower())
    return b"%s%s,%d,%s,%d" % (head.encode(), name, state, escape(text_of(context)), pool)


def _deletion(row: bytes) -> bytes:
    fields = row.split(b",")
    fields[4] = b"%d" % (int(fields[4]) - int(fields[3]))
    fields[3] = b"0"
    if fields[9] == b"3":  # a released lease of no lifetime is kept: see is_deletion
        fields[9] = b"0"
    return b",".join(fields)


def _nothing_at(address: int) -> bytes:
    return _encode(Lease4(address, b"", b"", 0, 0, 0, state=DECLINED))


def _decode(address: int, row: bytes) -> Lease4:
    _, hwaddr, client_id, valid, expire, subnet, forward, reverse, name, state, context, pool = row.split(b",")
    lifetime = int(valid)
    return _lease((
        address,
        unhexlify(hwaddr.replace(b":", b"")),
        unhexlify(client_id.replace(b":", b"")),
        lifetime,
        int(expire) - lifetime,
        int(subnet),
        forward == b"1",
        reverse == b"1",
        (unescape(name) if b"&" in name else name).decode("latin-1"),
        int(state),
        unescape(context).decode("latin-1") if context else "",
        int(pool),
    ))  # fmt: skip


def _ends(row: bytes) -> tuple[int, int, int]:
    _, _, _, valid, expire, _, _, _, _, state, _ = row.split(b",", 10)
    return int(valid), int(expire), int(state)


def _place(row: bytes) -> tuple[bytes, bytes]:
    fields = row.split(b",", 10)
    return fields[5], fields[9]


def _roams(_row: bytes) -> bool:
    return False


_DECIMAL: Final = {b"%d" % octet: octet for octet in range(256)}


def _address_of(text: bytes) -> int:
    try:
        a, b, c, d = text.split(b".")
        return _DECIMAL[a] << 24 | _DECIMAL[b] << 16 | _DECIMAL[c] << 8 | _DECIMAL[d]
    except (ValueError, KeyError):
        raise RowError(f"{text[:40].decode('latin-1')!r} is not an IPv4 address") from None


_AFTER_EXPIRE: Final = NUMBER + rb",[01],[01]," + ESCAPED_TEXT + rb","  # subnet id to host name
# A line that is in the form `encode` gives and holds a lease, without user context: nearly every line of a file.
_USUAL: Final = re.compile(
    rb"([0-9.]{5,11})\.([0-9]{1,3})," + HEX + rb",(?:" + HEX + rb")?,"
    rb"(?:[1-9][0-9]{0,8}|4294967295),[1-9][0-9]{0,10}," + _AFTER_EXPIRE + rb"[0-9],(," + NUMBER + rb")?"
)  # fmt: skip
# The same for a line that removes one.
_USUAL_DELETION: Final = re.compile(
    rb"([0-9.]{5,11})\.([0-9]{1,3}),(?:" + HEX + rb")?,(?:" + HEX + rb")?,"
    rb"0,[0-9]{1,11}," + _AFTER_EXPIRE + rb"[0-24-9],(?:," + NUMBER + rb")?"
)  # fmt: skip
_BASES_MAX: Final = 65_536  # networks of 256 addresses
_bases: dict[bytes, int] = {}  # the first address of such a network by the first three octets' text


def _read_usual(line: bytes) -> Entry | None:
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
        address = _address_of(b"%s.%s" % (head, last))
    except RowError:
        return None
    if len(_bases) >= _BASES_MAX:
        _bases.clear()
    _bases[head] = address & ~255
    return address, row


def _read_loosely(line: bytes, columns: Sequence[str]) -> Entry:
    value = fields_of(line, columns, ROWS4)
    address = _address_of(value["address"])
    valid = unsigned_of(value["valid_lifetime"], "lifetime")
    expire = number_of(value["expire"], "expiry time")
    hwaddr = octets_of(value["hwaddr"], "hardware address")
    client_id = octets_of(value["client_id"], "client identifier")
    state = unsigned_of(value.get("state", b"0"), "state")
    subnet_id = unsigned_of(value["subnet_id"], "subnet id")
    forward, reverse = flag_of(value["fqdn_fwd"], "fqdn_fwd"), flag_of(value["fqdn_rev"], "fqdn_rev")
    context = context_of(value.get("user_context", b""))
    # What follows the columns of 2.1 may be a later version's pool_id or anything; Kea ignores what it does not know.
    pool = value.get("pool_id", b"")
    pool_id = int(pool) if pool.isdigit() and len(pool) <= 10 else 0  # digits of 2^32
    if is_deletion(valid, state):
        return address, None
    if not hwaddr and not client_id and state != DECLINED:
        raise RowError("neither hardware address nor client identifier")
    hostname = unescape(value["hostname"]).decode("latin-1")
    return address, _encode(
        Lease4(
            address, hwaddr, client_id, valid, expire - valid, subnet_id, forward, reverse, hostname, state, context,
            pool_id,
        )
    )  # fmt: skip


ROWS4: Final = RowForm[Lease4](
    columns=_COLUMNS,
    full=_FULL,
    least=9,
    versions={",".join(_COLUMNS[:count]).encode(): version for count, version in _VERSIONS.items()},
    address_octets=b"0-9.",
    address_sign=(b".", 3),
    address_of=_address_of,
    encode=_encode,
    decode=_decode,
    deletion=_deletion,
    nothing_at=_nothing_at,
    ends=_ends,
    place=_place,
    roams=_roams,
    read_usual=_read_usual,
    read_loosely=_read_loosely,
)
