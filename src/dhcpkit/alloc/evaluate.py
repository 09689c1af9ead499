"""What an expression says of a packet, told plainly: the meaning that compiled expressions are held to.

Strings are octets and booleans are booleans; what Kea fails on at run time (a number of the wrong size, an address
that is none) is an `Unfit`, after which a class is not added. Use `dhcpkit.alloc.compiled` where it must be fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dhcpkit.alloc.subjects import (
    FIELDS,
    Packet,
    option_text,
    options_within,
    relay_field,
    relay_options,
    vendor_classes,
    vendor_enterprise,
    vendor_options,
    vendor_space,
)
from dhcpkit.alloc.terms import (
    Boolean,
    Const,
    Equal,
    Exists,
    Field,
    Form,
    Join,
    Logic,
    LogicKind,
    Matches,
    Member,
    Not,
    Path,
    Present,
    Read,
    Root,
    Select,
    Split,
    Substring,
    Text,
    ToText,
    VendorField,
)
from dhcpkit.errors import DhcpkitError
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4

__all__ = ["CONVERSIONS", "Unfit", "evaluate", "evaluate_text", "full_match", "read_path", "split", "substring"]

RELAY_AGENT: Final = 82
ADDRESSES: Final = {4: IPv4Address, 16: IPv6Address}


class Unfit(DhcpkitError):
    """A value that a function of the expression has no use for: the class is not added."""


def evaluate(test: Boolean, packet: Packet, classes: Container[str] = (), space: Space = DHCP4) -> bool:
    """Whether a test holds for a packet that is in these classes by now. Unfit where it cannot be told."""
    match test:
        case Equal(left, right):
            return evaluate_text(left, packet, classes, space) == evaluate_text(right, packet, classes, space)
        case Exists(path):
            return read_path(path, packet, space) is not None
        case Present(name, enterprise):
            found = vendor_enterprise(packet, name)
            return found is not None and enterprise in (0, found)
        case Member(name):
            return name in classes
        case Matches(pattern, of):
            return full_match(pattern, evaluate_text(of, packet, classes, space))
        case Not(of):
            return not evaluate(of, packet, classes, space)
        case Logic(kind, operands):
            truths: Iterator[bool] = (evaluate(each, packet, classes, space) for each in operands)
            if kind in (LogicKind.SAND, LogicKind.SOR):
                truths = iter([*truths])
            return all(truths) if kind in (LogicKind.AND, LogicKind.SAND) else any(truths)


def evaluate_text(text: Text, packet: Packet, classes: Container[str] = (), space: Space = DHCP4) -> bytes:
    """The value of a string expression. Unfit where it has none."""

    def value(of: Text) -> bytes:
        return evaluate_text(of, packet, classes, space)

    match text:
        case Const(octets):
            return octets
        case Read(path, form):
            payload = read_path(path, packet, space)
            if payload is None:
                return b""
            return payload if form is Form.HEX else shown(path, payload, packet, space)
        case Field(name, level):
            if name in FIELDS:
                return FIELDS[name](packet)
            return b"" if isinstance(packet, Packet4) else relay_field(packet, level, name)
        case VendorField(name, enterprise, index):
            return vendor_field(packet, name, enterprise, index)
        case Join(parts):
            return b"".join([value(part) for part in parts])
        case Substring(of, start, length):
            return substring(value(of), start, length)
        case Split(of, delimiters, field):
            return split(value(of), value(delimiters), field)
        case ToText(function, of, separator):
            if separator is not None:
                return hexstring(value(of), value(separator))
            return CONVERSIONS[function](value(of))
        case Select(test, yes, no, strict):
            truth = evaluate(test, packet, classes, space)
            if strict:
                both = value(yes), value(no)
                return both[0] if truth else both[1]
            return value(yes if truth else no)


def read_path(path: Path, packet: Packet, space: Space) -> bytes | None:
    """The payload at the end of a path; None where there is none."""
    return read_around(path, packet, space).get(path.codes[-1])


def read_around(path: Path, packet: Packet, space: Space) -> Mapping[int, bytes]:
    """The options among which a path's last code is looked for; the first of each code."""
    *around, _ = path.codes
    options = packet.options if isinstance(packet, Packet4) else packet.options.first
    within: Space | None = space
    match path.root:
        case Root.VENDOR:
            options, within = vendor_options(packet, path.enterprise), vendor_space(packet, space)
        case Root.RELAY4:
            around = [RELAY_AGENT, *around]
            options = options if isinstance(packet, Packet4) else {}
        case Root.RELAY6:
            options = {} if isinstance(packet, Packet4) else relay_options(packet, path.level)
    if not around:
        return options
    for depth, code in enumerate(around, 1):
        payload = options.get(code)
        if payload is None or within is None:
            return {}
        options = options_within(payload, around[:depth], within)
    return options


def shown(path: Path, payload: bytes, packet: Packet, space: Space) -> bytes:
    """The text of the option at the end of a path."""
    codes = path.codes
    if path.root is Root.RELAY4:
        codes = (RELAY_AGENT, *codes)
    elif path.root is Root.VENDOR:
        codes = (125 if isinstance(packet, Packet4) else 17, *codes)
    return option_text(payload, codes, space)


def vendor_field(packet: Packet, name: str, enterprise: int, index: int) -> bytes:
    """`vendor.enterprise`, `vendor-class.enterprise` or `vendor-class[enterprise].data[index]`; empty where absent."""
    if name == "vendor-class.data":
        found = vendor_classes(packet, enterprise)
        return found[index] if index < len(found) else b""
    number = vendor_enterprise(packet, name.removesuffix(".enterprise"))
    return b"" if number is None else number.to_bytes(4, "big")


def substring(octets: bytes, start: int, length: int | None) -> bytes:
    """Kea's substring: a negative start counts from the end, a negative length takes what stands before the start."""
    size = len(octets)
    if not -size <= start < size:
        return b""
    at = start + size if start < 0 else start
    if length is None:
        return octets[at:]
    return octets[at : at + length] if length >= 0 else octets[max(0, at + length) : at]


def split(octets: bytes, delimiters: bytes, field: int) -> bytes:
    """The field of this number, the first being 1; empty where there is none. Without delimiters all is one field."""
    if not octets or not delimiters:
        return octets
    fields = _delimited(delimiters).split(octets)
    return fields[field - 1] if 0 < field <= len(fields) else b""


@lru_cache(maxsize=256)
def _delimited(delimiters: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape(delimiters) + b"]")


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode())


def full_match(pattern: str, octets: bytes) -> bool:
    """Whether a regular expression matches the whole string."""
    return _regex(pattern).fullmatch(octets) is not None


def hexstring(octets: bytes, separator: bytes) -> bytes:
    """Lower-case hexadecimal digits, two for each octet, the separator between them."""
    return separator.join(b"%02x" % octet for octet in octets)


def _address_text(octets: bytes) -> bytes:
    """An address as text."""
    if not octets:
        return b""
    if len(octets) not in ADDRESSES:
        raise Unfit(f"addrtotext wants 4 or 16 octets, not {len(octets)}")
    return str(ADDRESSES[len(octets)](octets)).encode()


def _number_text(size: int, *, signed: bool) -> Callable[[bytes], bytes]:
    def convert(octets: bytes) -> bytes:
        if not octets:
            return b""
        if len(octets) != size:
            raise Unfit(f"{size} octets expected, not {len(octets)}")
        return b"%d" % int.from_bytes(octets, "big", signed=signed)

    return convert


CONVERSIONS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "lcase": bytes.lower,
    "ucase": bytes.upper,
    "addrtotext": _address_text,
    **{f"{sign}int{8 * n}totext": _number_text(n, signed=not sign) for sign in ("", "u") for n in (1, 2, 4)},
}
