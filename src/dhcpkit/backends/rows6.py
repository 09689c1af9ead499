"""Rows of Kea's file of DHCPv6 leases: a `Lease6` as one line of CSV, and back.

Hexadecimal is in lower case, numbers have no leading zeros, addresses are as `inet_ntop` writes them. A lease without
DUID has the DUID `00:00:00`, one without hardware address has no type and source of it either. `decode` trusts that;
`read_line` takes what a file holds, in any of Kea's versions, and either brings it into that form or says what is wrong
with it.

This module does not know files, nor which row of a file is the newest.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Sequence
from functools import partial
from socket import AF_INET6, inet_ntop, inet_pton
from typing import Any, Final

from dhcpkit.alloc.lease6 import Lease6, LeaseType
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

__all__ = ["ROWS6"]

# Kea's columns by version of the file: 1.0 to hostname, then one or two more each; 4.0 is that of Kea 2.2, 5.0 that of
# Kea 2.4 and later, which is written here.
_COLUMNS: Final = (
    "address", "duid", "valid_lifetime", "expire", "subnet_id", "pref_lifetime", "lease_type", "iaid", "prefix_len",
    "fqdn_fwd", "fqdn_rev", "hostname", "hwaddr", "state", "user_context", "hwtype", "hwaddr_source", "pool_id",
)  # fmt: skip
_VERSIONS: Final = {12: "1.0", 13: "2.0", 14: "3.0", 15: "3.1", 17: "4.0", 18: "5.0"}
_FULL: Final = 17  # columns of a whole row: those of 4.0; a missing pool_id is 0

# Kea's DUID of a declined lease. Up to Kea 2.6 it was `00`, which Kea 3 refuses to load; Kea 2.2 loads either.
_NOBODY: Final = b"00:00:00"
_EMPTY: Final = (b"\0", b"\0\0\0")
_ETHERNET: Final = b"1"  # the type of a hardware address where a file has none
_PD: Final = LeaseType.IA_PD.value
_FIELDS_TO_STATE: Final = 14


# What a named tuple's own constructor does, in half the time.
_lease: Final[Callable[[tuple[Any, ...]], Lease6]] = partial(tuple.__new__, Lease6)


def _encode(lease: Lease6) -> bytes:
    (
        address, duid, valid, cltt, subnet, preferred, kind, iaid, prefix_len, forward, reverse, hostname, hwaddr,
        state, context, hwtype, source, pool,
    ) = lease  # fmt: skip
    if duid and hwaddr and not hostname and not context:  # what most leases are, in the quickest way of formatting
        text = "%s,%s,%d,%d,%d,%d,%d,%d,%d,%d,%d,,%s,%d,,%d,%d,%d" % (  # noqa: UP031  # as said
            inet_ntop(AF_INET6, address.to_bytes(16, "big")), duid.hex(":"), valid, cltt + valid, subnet, preferred,
            kind, iaid, prefix_len if kind == _PD else 128, 1 if forward else 0, 1 if reverse else 0,
            hwaddr.hex(":"), state, hwtype, source, pool,
        )  # fmt: skip
        return text.encode()
    head = (
        f"{inet_ntop(AF_INET6, address.to_bytes(16, 'big'))},{duid.hex(':') if duid else '00:00:00'},"
        f"{valid},{cltt + valid},{subnet},{preferred},{kind:d},{iaid},{prefix_len if kind == _PD else 128},"
        f"{'1' if forward else '0'},{'1' if reverse else '0'},"
    )
    tail = f"{hwtype},{source},{pool}" if hwaddr else f",,{pool}"
    if not context and (not hostname or PLAIN_TEXT.fullmatch(hostname)):
        return f"{head}{hostname},{hwaddr.hex(':')},{state:d},,{tail}".encode()
    return b"%s%s,%s,%d,%s,%s" % (
        head.encode(), escape(text_of(hostname).lower()), hwaddr.hex(":").encode(), state, escape(text_of(context)),
        tail.encode(),
    )  # fmt: skip


def _deletion(row: bytes) -> bytes:
    fields = row.split(b",")
    fields[3] = b"%d" % (int(fields[3]) - int(fields[2]))
    fields[2] = fields[5] = b"0"  # Kea sets both lifetimes to 0
    if fields[13] == b"3":  # a released lease of no lifetime is kept: see is_deletion
        fields[13] = b"0"
    return b",".join(fields)


def _nothing_at(address: int) -> bytes:
    return _encode(Lease6(address, b"", 0, 0, 0, 0, 0, 0, state=DECLINED))


def _decode(address: int, row: bytes) -> Lease6:
    (
        _, duid, valid, expire, subnet, preferred, kind, iaid, prefix_len, forward, reverse, name, hwaddr, state,
        context, hwtype, source, pool,
    ) = row.split(b",")  # fmt: skip
    lifetime = int(valid)
    return _lease((
        address,
        unhexlify(duid.replace(b":", b"")) if duid != _NOBODY else b"",
        lifetime,
        int(expire) - lifetime,
        int(subnet),
        int(preferred),
        int(kind),
        int(iaid),
        int(prefix_len),
        forward == b"1",
        reverse == b"1",
        (unescape(name) if b"&" in name else name).decode("latin-1") if name else "",
        unhexlify(hwaddr.replace(b":", b"")),
        int(state),
        unescape(context).decode("latin-1") if context else "",
        int(hwtype) if hwtype else 0,
        int(source) if source else 0,
        int(pool),
    ))  # fmt: skip


def _ends(row: bytes) -> tuple[int, int, int]:
    fields = row.split(b",", _FIELDS_TO_STATE)
    return int(fields[2]), int(fields[3]), int(fields[13])


def _place(row: bytes) -> tuple[bytes, bytes]:
    fields = row.split(b",", _FIELDS_TO_STATE)
    return fields[4], fields[13]


def _roams(row: bytes) -> bool:
    return row.split(b",", 7)[6] != b"0"  # Kea holds no temporary address to its subnet either


def _address_of(text: bytes) -> int:
    try:
        return int.from_bytes(inet_pton(AF_INET6, text.decode()), "big")
    except (OSError, ValueError):
        raise RowError(f"{text[:40].decode('latin-1')!r} is not an IPv6 address") from None


_ADDRESS: Final = rb"([0-9a-f:]*:)([1-9a-f][0-9a-f]{0,3})(::)?,"
_SHORT: Final = rb"(?:0|[1-9][0-9]{0,3})"  # hardware types and sources
_SOURCE: Final = _SHORT + rb"," + _SHORT
_TO_NAME: Final = (  # from `subnet_id` on; what is no prefix has a length of 128
    rb","
    + NUMBER
    + rb","
    + NUMBER
    + rb",(?:[013-9],"
    + NUMBER
    + rb",128|2,"
    + NUMBER
    + rb",(?:0|[1-9][0-9]?|1[0-9]{2})),"
    rb"[01],[01]," + ESCAPED_TEXT + rb","
)
_POOL: Final = rb"(," + NUMBER + rb")?"
# A line that is in the form `encode` gives and holds a lease, without user context: nearly every line of a file. Kea
# after 3.0 writes zeros where there is no hardware address.
_USUAL: Final = re.compile(
    _ADDRESS + rb"(?!00(?::00:00)?,)" + HEX + rb",(?:[1-9][0-9]{0,8}|4294967295),[1-9][0-9]{0,10}" + _TO_NAME
    + rb"(?:" + HEX + rb",[0-9],," + _SOURCE + rb"|,[0-9],,(?:,|(0,0)))" + _POOL
)  # fmt: skip
# The same for a line that removes one.
_USUAL_DELETION: Final = re.compile(
    _ADDRESS + HEX + rb",0,[0-9]{1,11}" + _TO_NAME + rb"(?:" + HEX + rb")?,[0-24-9],,(?:,|" + _SOURCE + rb")"
    rb"(?:," + NUMBER + rb")?"
)  # fmt: skip
_BASES_MAX: Final = 65_536  # beginnings of addresses
# By how an address begins and whether it ends with `::`: its number but for the last group written, and where that is.
_bases: dict[bytes, tuple[int, int]] = {}


def _read_usual(line: bytes) -> Entry | None:
    match = _USUAL.fullmatch(line)
    if match is None:
        gone = _USUAL_DELETION.fullmatch(line)
        if gone is None:
            return None
        head, last, rest = gone.groups()
        row = None
    else:
        head, last, rest, zeros, pool = match.groups()
        row = line if pool else line + b",0"  # files of Kea 2.2 have no pool_id
        if zeros:
            row = line[: match.start(4)] + b"," + (pool or b",0")
    try:
        base, shift = _bases[head + rest if rest else head]
    except KeyError:
        learnt = _learn(head, last, rest or b"")
        if learnt is None:
            return None
        base, shift = learnt
    return base + (int(last, 16) << shift), row


def _learn(head: bytes, last: bytes, rest: bytes) -> tuple[int, int] | None:
    """What addresses are that begin with `head`, have one more group and end with `rest`; None where that is no way.

    Whether an address is in the one spelling depends on where its groups of zeros are, and the last one written is
    none of these: what holds for one address holds for all that begin and end like it.
    """
    text = (head + last + rest).decode()
    try:
        octets = inet_pton(AF_INET6, text)
    except OSError:
        return None
    if inet_ntop(AF_INET6, octets) != text:
        return None
    shift = (8 - head.count(b":") - 1) * 16 if rest else 0
    if len(_bases) >= _BASES_MAX:
        _bases.clear()
    learnt = int.from_bytes(octets, "big") - (int(last, 16) << shift), shift
    _bases[head + rest] = learnt
    return learnt


def _lease_number(text: bytes, what: str, largest: int) -> int:
    number = number_of(text, what)
    if not 0 <= number <= largest:
        raise RowError(f"{what} {text.decode('latin-1')} is out of range")
    return number


def _hwaddr(value: dict[str, bytes]) -> tuple[bytes, int, int]:
    """Hardware address, its type and its source. A wrong one is no reason to do without the lease (as in Kea)."""
    try:
        hwaddr = octets_of(value.get("hwaddr", b""), "hardware address")
        hwtype = _lease_number(value.get("hwtype") or _ETHERNET, "hardware type", 0xFFFF)
        source = unsigned_of(value.get("hwaddr_source") or b"0", "source of the hardware address")
    except RowError:
        return b"", 0, 0
    return (hwaddr, hwtype, source) if hwaddr else (b"", 0, 0)


def _read_loosely(line: bytes, columns: Sequence[str]) -> Entry:
    value = fields_of(line, columns, ROWS6)
    address = _address_of(value["address"])
    duid = octets_of(value["duid"], "DUID")
    if not duid:
        raise RowError("there is no DUID")
    valid = unsigned_of(value["valid_lifetime"], "lifetime")
    expire = number_of(value["expire"], "expiry time")
    subnet_id = unsigned_of(value["subnet_id"], "subnet id")
    preferred = unsigned_of(value["pref_lifetime"], "preferred lifetime")
    kind = _lease_number(value["lease_type"], "lease type", 0x7FFFFFFF)
    iaid = unsigned_of(value["iaid"], "IAID")
    prefix_len = 128
    if kind == _PD:
        prefix_len = number_of(value["prefix_len"], "prefix length") & 0xFF
    forward, reverse = flag_of(value["fqdn_fwd"], "fqdn_fwd"), flag_of(value["fqdn_rev"], "fqdn_rev")
    state = unsigned_of(value.get("state", b"0"), "state")
    context = context_of(value.get("user_context", b""))
    # What follows the columns of 4.0 may be a later version's pool_id or anything; Kea ignores what it does not know.
    pool = value.get("pool_id", b"")
    pool_id = int(pool) if pool.isdigit() and len(pool) <= 10 else 0  # digits of 2^32
    nobody = duid in _EMPTY
    if nobody and state != DECLINED:
        raise RowError(f"the DUID {duid.hex(':')} is for declined leases")
    if is_deletion(valid, state):
        return address, None
    hostname = unescape(value["hostname"]).decode("latin-1")
    hwaddr, hwtype, source = _hwaddr(value)
    return address, _encode(
        Lease6(
            address, b"" if nobody else duid, valid, expire - valid, subnet_id, preferred, kind, iaid,
            prefix_len, forward, reverse, hostname, hwaddr, state, context, hwtype, source, pool_id,
        )
    )  # fmt: skip


ROWS6: Final = RowForm[Lease6](
    columns=_COLUMNS,
    full=_FULL,
    least=12,
    versions={",".join(_COLUMNS[:count]).encode(): version for count, version in _VERSIONS.items()},
    address_octets=b"0-9a-fA-F:.",
    address_sign=(b":", 2),
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
