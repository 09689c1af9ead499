"""The text of class expressions, as an operator would write it. `expressions` reads it again.

This module does not know packets.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.alloc.terms import (
    Const,
    Equal,
    Exists,
    Expression,
    Field,
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
    ToText,
    VendorField,
)

__all__ = ["written", "written_octets"]

WORDS: Final = {LogicKind.AND: " and ", LogicKind.OR: " or ", LogicKind.SAND: " sand ", LogicKind.SOR: " sor "}


def written(expression: Expression) -> str:
    """The text of an expression, as an operator would write it."""
    match expression:
        case Const(value):
            return written_octets(value)
        case Read(path, form):
            return f"{_path(path)}.{form.value}"
        case Field(name, level):
            return f"relay6[{level}].{name.removeprefix('relay6.')}" if name.startswith("relay6.") else name
        case VendorField("vendor-class.data", enterprise, index):
            return f"vendor-class[{enterprise}].data[{index}]"
        case VendorField(name, _, _):
            return name
        case Join(parts):
            return f"({' + '.join(map(written, parts))})"
        case Substring(of, start, length):
            return f"substring({written(of)}, {start}, {'all' if length is None else length})"
        case Split(of, delimiters, field):
            return f"split({written(of)}, {written(delimiters)}, {field})"
        case ToText(function, of, None):
            return f"{function}({written(of)})"
        case ToText(function, of, separator):
            assert separator is not None, "hexstring has one"
            return f"{function}({written(of)}, {written(separator)})"
        case Select(test, yes, no, strict):
            return f"{'s' * strict}ifelse({written(test)}, {written(yes)}, {written(no)})"
        case _:
            return _truth(expression)


def written_octets(value: bytes) -> str:
    """A constant: quoted where all of it can be read, else in hexadecimal."""
    plain = value.isascii() and value.decode("ascii").isprintable() and b"'" not in value
    return f"'{value.decode('ascii')}'" if plain else f"0x{value.hex()}"


def _truth(expression: Expression) -> str:
    match expression:
        case Equal(left, right):
            return f"{written(left)} == {written(right)}"
        case Exists(path):
            return f"{_path(path)}.exists"
        case Present(name, enterprise):
            return f"{name}[{enterprise or '*'}].exists"
        case Member(name):
            return f"member('{name}')"
        case Matches(pattern, of):
            return f"match('{pattern}', {written(of)})"
        case Not(of):
            return f"not ({written(of)})"
        case Logic(kind, operands):
            return WORDS[kind].join(f"({written(each)})" for each in operands)
        case _:
            raise AssertionError(f"{expression!r} is no truth")


def _path(path: Path) -> str:
    first, *rest = path.codes
    inner = "".join(f".option[{code}]" for code in rest)
    match path.root:
        case Root.OPTION:
            return f"option[{first}]{inner}"
        case Root.RELAY4:
            return f"relay4[{first}]{inner}"
        case Root.RELAY6:
            return f"relay6[{path.level}].option[{first}]{inner}"
        case Root.VENDOR:
            return f"vendor[{path.enterprise or '*'}].option[{first}]{inner}"
