r"""Domain names in wire form (RFC 1035 3.1, 4.1.4) and as text, one by one and in compressed lists.

A name is text as DNS zone files write it: `example.org.` with a dot at its end when it is complete, `\.` for a dot
inside a label and `\032` for octets that are no visible ASCII. Letters keep their case. Reading costs time linear in
the octets read, whatever they say: each label is read once, and a pointer may only name a place where a name, or the
rest of one, began before. This module does not know options.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.kinds import Kind, list_of, scalar

__all__ = [
    "FQDN",
    "FQDNS",
    "FQDNS6",
    "is_complete",
    "join_labels",
    "read_labels",
    "read_names",
    "split_name",
    "wire_labels",
    "write_names",
]

NAME_MAX: Final = 255  # octets of a name in wire form, RFC 1035 2.3.4
LABEL_MAX: Final = 63  # octets of a label, RFC 1035 2.3.4
JUMPS_MAX: Final = 10  # pointers followed for one name: a list compressed by any known writer needs 1 or 2
LENGTHS: Final = [bytes((size,)) for size in range(LABEL_MAX + 1)]  # the octet before a label
POINTER: Final = 0xC0  # the two bits that tell a pointer from a label, RFC 1035 4.1.4
POINTER_REACH: Final = 0x3FFF
OPTION_MAX: Final = 255  # octets of one instance of a DHCPv4 option
PLAIN: Final = bytes(octet for octet in range(0x21, 0x7F) if octet not in b".\\")  # written as themselves
PLAIN_AND_DOT: Final = PLAIN + b"."
PIECE: Final = re.compile(r"\\([0-9]{3})|\\([!-/:-~])|([!-\[\]-~])")
NAME: Final = re.compile(rf"(?:{PIECE.pattern})+")
PLAIN_NAME: Final = re.compile(r"[!-\[\]-~]+")
OCTET_MAX: Final = 255  # what \DDD can mean


def join_labels(labels: Sequence[bytes], *, complete: bool = True) -> str:
    """The text of a name's labels, without the empty one at its end; that is what `complete` says."""
    octets = b".".join(labels)
    if octets.count(b".") + 1 == len(labels) and not octets.translate(None, PLAIN_AND_DOT):
        text = octets.decode("ascii")
    else:
        text = ".".join(map(_label_text, labels))
    return text + "." if complete else text


def is_complete(name: str) -> bool:
    """Whether the name ends in the root: in a dot that is not part of its last label."""
    before = name[:-1]
    return name.endswith(".") and (len(before) - len(before.rstrip("\\"))) % 2 == 0


def split_name(name: str) -> list[bytes]:
    """The labels of a name, without the empty one at its end. ValueError where DNS has no such name."""
    if PLAIN_NAME.fullmatch(name):  # as nearly all are: what follows would take ten times as long
        octets = [] if name == "." else name.encode("ascii").removesuffix(b".").split(b".")
        wire_labels(octets)
        return octets
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no domain name: ASCII without blanks expected, \\DDD for any other octet")
    labels = [bytearray()]
    for number, escaped, plain in PIECE.findall(name):
        if plain == ".":
            labels.append(bytearray())
        elif number:
            if int(number) > OCTET_MAX:
                raise ValueError(f"\\{number} in {name!r} is no octet")
            labels[-1].append(int(number))
        else:
            labels[-1] += (escaped or plain).encode("ascii")
    if not labels[-1]:
        labels.pop()  # what stands behind the dot at the end of a complete name
    octets = [] if name == "." else [bytes(label) for label in labels]
    wire_labels(octets)
    return octets


def read_labels(data: bytes) -> tuple[list[bytes], bool]:
    """The labels of one name without pointers, and whether it is complete: ends in the empty label.

    A partial name (RFC 4702 2.3.1) ends with the data. What follows a complete one is passed over, as in Kea.
    """
    labels: list[bytes] = []
    at, end, complete = 0, len(data), False
    while at < end and not complete:
        start, size = at + 1, data[at]
        at = start + size
        if at > end:
            raise ValueError("a label runs past the end")
        if size > LABEL_MAX:
            raise ValueError(f"a label of {size} octets: 1 to {LABEL_MAX} expected")
        if size:
            labels.append(data[start:at])
        else:
            complete = True
    if at + (not complete) > NAME_MAX:
        raise ValueError(f"a domain name longer than {NAME_MAX} octets")
    return labels, complete


def read_names(data: bytes) -> tuple[str, ...]:
    """All names of a payload, compressed or not (RFC 3397). ValueError where it is no list of names."""
    names: list[str] = []
    known: dict[int, _Rest] = {}  # what began at an offset, of the names read so far
    at, end = 0, len(data)
    if not end:
        raise ValueError("at least one domain name expected")
    while at < end:
        starts: list[tuple[int, bytes]] = []  # the labels before the end or the pointer, with where they began
        while True:
            if at >= end:
                raise ValueError("a domain name without its end")
            size = data[at]
            if not size or size >= POINTER:
                break
            if size > LABEL_MAX:
                raise ValueError(f"{size:#04x} begins neither a label nor a pointer")
            if at + 1 + size > end:
                raise ValueError("a label runs past the end")
            starts.append((at, data[at + 1 : at + 1 + size]))
            at += 1 + size
        rest, at = _tail(data, at, end, known)
        for start, label in reversed(starts):
            rest = _Rest(_label_text(label) + "." + rest.text.removeprefix("."), rest.size + 1 + len(label), rest.jumps)
            if rest.size > NAME_MAX:
                raise ValueError(f"a domain name longer than {NAME_MAX} octets")
            known[start] = rest
        names.append(rest.text)
    return tuple(names)


def write_names(names: Sequence[str], *, compress: bool | None = None) -> bytes:
    """The payload of a list of names. ValueError where one is none.

    RFC 3397 2 wants pointers for ends that were written before. Kea never writes any, and not every client reads them,
    so they are used only where the list would otherwise not fit into one option; `compress` decides it either way.
    """
    rows = [split_name(name) for name in names]
    if not rows:
        raise ValueError("at least one domain name expected")
    plain = b"".join(wire_labels(labels) + b"\0" for labels in rows)
    if compress is None:
        compress = len(plain) > OPTION_MAX
    return _compressed(rows) if compress else plain


def wire_labels(labels: Sequence[bytes]) -> bytes:
    """Labels in wire form, without the empty one at the end. ValueError where they are no name of DNS."""
    parts: list[bytes] = []
    for label in labels:
        size = len(label)
        if not 0 < size <= LABEL_MAX:
            raise ValueError(f"a label of {size} octets: 1 to {LABEL_MAX} expected")
        parts += (LENGTHS[size], label)
    octets = b"".join(parts)
    if len(octets) + 1 > NAME_MAX:
        raise ValueError(f"a domain name longer than {NAME_MAX} octets")
    return octets


class _Rest:
    """A name, or its rest from some label on: text, octets in wire form, and the longest chain of pointers in it."""

    __slots__ = ("jumps", "size", "text")

    def __init__(self, text: str, size: int, jumps: int) -> None:
        self.text = text
        self.size = size
        self.jumps = jumps


ROOT: Final = _Rest(".", 1, 0)


def _tail(data: bytes, at: int, end: int, known: dict[int, _Rest]) -> tuple[_Rest, int]:
    """What stands at `at`, the end of a name or a pointer, and the offset behind it."""
    if not data[at]:
        known[at] = ROOT
        return ROOT, at + 1
    if at + 2 > end:
        raise ValueError("a pointer is cut off")
    target = int.from_bytes(data[at : at + 2], "big") & POINTER_REACH
    aim = known.get(target)
    if aim is None:
        raise ValueError(f"a pointer to octet {target}, where no name began before")
    if aim.jumps >= JUMPS_MAX:
        raise ValueError(f"a domain name of more than {JUMPS_MAX} pointers")
    rest = known[at] = _Rest(aim.text, aim.size, aim.jumps + 1)
    return rest, at + 2


def _compressed(rows: Sequence[Sequence[bytes]]) -> bytes:
    written = bytearray()
    known: dict[tuple[bytes, ...], int] = {}  # ends written so far, in lower case as DNS compares them
    for labels in rows:
        for number, label in enumerate(labels):
            rest = tuple(part.lower() for part in labels[number:])
            if rest in known:
                written += (POINTER << 8 | known[rest]).to_bytes(2, "big")
                break
            if len(written) <= POINTER_REACH:
                known[rest] = len(written)
            written += bytes((len(label),)) + label
        else:
            written.append(0)
    return bytes(written)


def _label_text(label: bytes) -> str:
    if not label.translate(None, PLAIN):
        return label.decode("ascii")
    return "".join(_octet_text(octet) for octet in label)


def _octet_text(octet: int) -> str:
    if octet in PLAIN:
        return chr(octet)
    return "\\" + chr(octet) if octet in b".\\" else f"\\{octet:03}"


def _decode(labels: Sequence[bytes]) -> str:
    wire_labels(labels[:-1])
    return join_labels(labels[:-1])


def _ends(label: bytes, _labels: Sequence[bytes], _context: object) -> bool:
    return not label


FQDN: Final[Kind[str]] = scalar(  # RFC 1035 3.1: labels up to the empty one
    "fqdn",
    Mapped(c.RepeatUntil(_ends, c.Prefixed(c.Int8ub, c.GreedyBytes)), _decode, lambda name: [*split_name(name), b""]),
    lambda field: join_labels(split_name(field)),
    lambda name: name,
    "a domain name",
)


def _parse_fields(fields: Sequence[str]) -> tuple[str, ...]:
    if not fields:
        raise ValueError("at least one domain name expected")
    return tuple(FQDN.parse_fields([field]) for field in fields)


FQDNS: Final[Kind[tuple[str, ...]]] = Kind(
    "fqdn",
    Mapped(c.GreedyBytes, read_names, write_names),
    _parse_fields,
    tuple,
    "domain names separated by commas",
    array=True,
    element=FQDN,
)
FQDNS6: Final[Kind[tuple[str, ...]]] = list_of(FQDN)  # RFC 8415 10: names are never compressed in DHCPv6
