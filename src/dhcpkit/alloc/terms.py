"""What class expressions are made of: frozen nodes, booleans and strings apart. Equal nodes mean the same.

`expressions` reads them from a text, `evaluate` and `compiled` say what they mean. This module does not know packets.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

__all__ = [
    "Boolean",
    "Const",
    "Equal",
    "Exists",
    "Expression",
    "Field",
    "Form",
    "Join",
    "Logic",
    "LogicKind",
    "Matches",
    "Member",
    "Not",
    "Path",
    "Present",
    "Read",
    "Root",
    "Select",
    "Split",
    "Substring",
    "Text",
    "ToText",
    "VendorField",
    "members_of",
]


class Root(enum.Enum):
    """Where a path of options begins."""

    OPTION = "option"
    RELAY4 = "relay4"
    RELAY6 = "relay6"
    VENDOR = "vendor"


class Form(enum.Enum):
    """How an option becomes a string: its octets, or its text as Kea shows it."""

    HEX = "hex"
    TEXT = "text"


class LogicKind(enum.Enum):
    """How truths are joined. The strict ones look at every operand, and fail where one fails."""

    AND = "and"
    OR = "or"
    SAND = "sand"
    SOR = "sor"


@attrs.frozen
class Path:
    """An option, or one within another. `level` is the relay's (from the server's side; negative from the client's).

    `enterprise` is the vendor's, 0 for any.
    """

    root: Root
    codes: tuple[int, ...]
    level: int = 0
    enterprise: int = 0


# Strings.


@attrs.frozen
class Const:
    """Octets written in the expression."""

    value: bytes


@attrs.frozen
class Read:
    """The value of an option; empty where it is absent."""

    path: Path
    form: Form


@attrs.frozen
class Field:
    """A field of the packet: `pkt.len`, `pkt4.mac`, `relay6.peeraddr` with its level."""

    name: str
    level: int = 0


@attrs.frozen
class VendorField:
    """`vendor.enterprise`, `vendor-class.enterprise`, or `vendor-class[e].data[i]` with both of its numbers."""

    name: str
    enterprise: int = 0
    index: int = 0


@attrs.frozen
class Join:
    """One string behind another: `concat` and `+`."""

    parts: tuple[Text, ...]


@attrs.frozen
class Substring:
    """Some octets of a string. `length` None is `all`; negative numbers count from the end, or backwards."""

    of: Text
    start: int
    length: int | None


@attrs.frozen
class Split:
    """One field of a string (the first is 1), apart by any of the delimiters' octets."""

    of: Text
    delimiters: Text
    field: int


@attrs.frozen
class ToText:
    """A string made of another by name: lcase, ucase, addrtotext, int8totext ... uint32totext, hexstring."""

    function: str
    of: Text
    separator: Text | None = None


@attrs.frozen
class Select:
    """`ifelse`, or strict `sifelse`, which evaluates both."""

    test: Boolean
    yes: Text
    no: Text
    strict: bool = False


# Booleans.


@attrs.frozen
class Equal:
    """The same octets."""

    left: Text
    right: Text


@attrs.frozen
class Exists:
    """An option is there."""

    path: Path


@attrs.frozen
class Present:
    """A vendor option or vendor class option of this enterprise (0: any) is there."""

    name: str
    enterprise: int


@attrs.frozen
class Member:
    """The packet is in a class by now."""

    name: str


@attrs.frozen
class Matches:
    """A regular expression (C++'s ECMAScript in Kea) matches the whole string."""

    pattern: str
    of: Text


@attrs.frozen
class Not:
    """The contrary."""

    of: Boolean


@attrs.frozen
class Logic:
    """Two or more truths joined."""

    kind: LogicKind
    operands: tuple[Boolean, ...]


Text = Const | Read | Field | VendorField | Join | Substring | Split | ToText | Select
Boolean = Equal | Exists | Present | Member | Matches | Not | Logic
Expression = Text | Boolean


def members_of(expression: Expression) -> frozenset[str]:
    """The classes an expression refers to."""
    found: set[str] = set()
    waiting: list[Any] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Member):
            found.add(node.name)
        elif attrs.has(type(node)):
            waiting += [getattr(node, field.name) for field in attrs.fields(type(node))]
        elif isinstance(node, tuple):
            waiting += node
    return frozenset(found)
