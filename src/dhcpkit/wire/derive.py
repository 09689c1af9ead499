"""Turns a construct declaration into fast, checked code that accepts and refuses the very same bytes.

construct is the declaration and the oracle (docs/why/derived-codecs.md); walking its tree for every packet
costs 20 to 60 times what straight code costs. `derive` compiles the shapes that DHCP is made of (`shapes`) into
closures; a shape it does not know runs through construct itself, so nothing is ever declared twice.

This module does not know options, packets or text forms. It never calls `construct.compile()`, which accepts
truncated data.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import construct as c

from dhcpkit.wire.nodes import Mapped, Row, Sized, Whole
from dhcpkit.wire.shape import Shape
from dhcpkit.wire.shapes import FORMATS, bare, shape_of

__all__ = ["Codec", "Mapped", "Row", "Sized", "Whole", "by_construct", "derive", "fixed_format"]

T = TypeVar("T")


@attrs.frozen
class Codec(Generic[T]):
    """Octets to value and back. Both raise ValueError and nothing else for what the declaration refuses."""

    parse: Callable[[bytes], T]
    build: Callable[[T], bytes]
    derived: bool


def derive(con: Any) -> Codec[Any]:
    """The codec of `con`: derived where every node is known, else construct's own behind the same contract.

    A payload must be consumed whole: octets left over are refused.
    """
    shape = shape_of(con)
    return by_construct(con) if shape is None else _by_shape(shape)


def by_construct(con: Any) -> Codec[Any]:
    """The oracle: the same contract, executed by construct. Slow; used for unknown shapes and in tests."""

    def parse(data: bytes) -> Any:
        stream = io.BytesIO(data)
        try:
            value = con.parse_stream(stream)
        except Exception as error:  # construct and adapters raise many types; a decoder lets out one
            raise ValueError(f"not a valid {_describe(con)}: {_first_line(error)}") from error
        if stream.tell() != len(data):
            raise ValueError(f"{len(data) - stream.tell()} octets left over")
        return value

    def build(value: Any) -> bytes:
        try:
            return bytes(con.build(value))
        except Exception as error:
            raise ValueError(f"cannot be written as {_describe(con)}: {_first_line(error)}") from error

    return Codec(parse, build, derived=False)


def fixed_format(con: Any) -> struct.Struct:
    """The `struct` of a Struct of fixed integers and octets, for headers read on the hot path.

    Raises TypeError where a member is of another shape.
    """
    parts = [">"]
    for member in con.subcons:
        inner = bare(member)
        if isinstance(inner, c.FormatField) and inner.fmtstr[0] == ">" and inner.fmtstr[1] in FORMATS:
            parts.append(inner.fmtstr[1])
        elif isinstance(inner, c.Bytes) and isinstance(inner.length, int):
            parts.append(f"{inner.length}s")
        else:
            raise TypeError(f"{member} has no fixed format")
    return struct.Struct("".join(parts))


def _by_shape(shape: Shape) -> Codec[Any]:
    whole, write = shape.whole, shape.write

    def parse(data: bytes) -> Any:
        try:
            return whole(data)
        except ValueError:
            raise
        except Exception as error:  # from a function of a Mapped, which may be a user's
            raise ValueError(_first_line(error)) from error

    def build(value: Any) -> bytes:
        try:
            return write(value)
        except ValueError:
            raise
        except Exception as error:  # a value of another type than declared fails in many ways
            raise ValueError(_first_line(error)) from error

    return Codec(parse, build, derived=True)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _describe(con: Any) -> str:
    return getattr(con, "name", None) or type(con).__name__
