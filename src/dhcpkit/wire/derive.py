"""Turns a construct declaration into fast, checked code that accepts and refuses the very same bytes.

construct is the declaration and the oracle (docs/why/derived-codecs.md); walking its tree for every packet
costs 20 to 60 times what straight code costs. `derive` knows the shapes that DHCP is made of and compiles them
into closures; a shape it does not know runs through construct itself, so nothing is ever declared twice.

This module does not know options, packets or text forms. It never calls `construct.compile()`, which accepts
truncated data.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import attrs
import construct as c

__all__ = ["Codec", "Mapped", "Shape", "by_construct", "derive", "fixed_format"]

T = TypeVar("T")

Reader = Callable[[bytes, int, int], "tuple[Any, int]"]  # (data, start, end) -> (value, next offset); ValueError
Writer = Callable[[Any], bytes]  # value -> octets; ValueError, TypeError


class Mapped(c.Adapter):  # type: ignore[type-arg]  # construct is untyped at run time
    """A subcon whose value passes through two plain functions: `decode` after parsing, `encode` before building.

    Both may raise ValueError for a value that is not allowed. Being plain functions, `derive` can call them
    without construct's context machinery.
    """

    def __init__(self, subcon: Any, decode: Callable[[Any], Any], encode: Callable[[Any], Any]) -> None:
        super().__init__(subcon)
        self.decode = decode
        self.encode = encode

    def _decode(self, obj: Any, context: Any, path: Any) -> Any:
        return self.decode(obj)

    def _encode(self, obj: Any, context: Any, path: Any) -> Any:
        return self.encode(obj)


@attrs.frozen
class Codec(Generic[T]):
    """Octets to value and back. Both raise ValueError and nothing else for what the declaration refuses."""

    parse: Callable[[bytes], T]
    build: Callable[[T], bytes]
    derived: bool


@attrs.frozen
class Shape:
    """What one construct node compiles to. `size` is its fixed length in octets, None where it varies."""

    read: Reader
    write: Writer
    size: int | None


FORMATS: Final = frozenset("BHLQbhlq")  # behind ">": 1, 2, 4 and 8 octets


def derive(con: Any) -> Codec[Any]:
    """The codec of `con`: derived where every node is known, else construct's own behind the same contract.

    A payload must be consumed whole: octets left over are refused.
    """
    shape = _shape(con)
    return by_construct(con) if shape is None else _whole(shape)


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
        inner = _bare(member)
        if isinstance(inner, c.FormatField) and inner.fmtstr[0] == ">" and inner.fmtstr[1] in FORMATS:
            parts.append(inner.fmtstr[1])
        elif isinstance(inner, c.Bytes) and isinstance(inner.length, int):
            parts.append(f"{inner.length}s")
        else:
            raise TypeError(f"{member} has no fixed format")
    return struct.Struct("".join(parts))


def _whole(shape: Shape) -> Codec[Any]:
    read, write = shape.read, shape.write

    def parse(data: bytes) -> Any:
        end = len(data)
        value, stop = read(data, 0, end)
        if stop != end:
            raise ValueError(f"{end - stop} octets left over")
        return value

    def build(value: Any) -> bytes:
        try:
            return write(value)
        except ValueError:
            raise
        except (TypeError, AttributeError, struct.error, OverflowError, LookupError) as error:
            raise ValueError(_first_line(error)) from error

    return Codec(parse, build, derived=True)


def _shape(con: Any) -> Shape | None:
    """The compiled form of one node, or None where it, or something below it, is not known."""
    con = _bare(con)
    if isinstance(con, Mapped):
        return _mapped(con)
    for kind, compiler in _COMPILERS:
        if type(con) is kind:
            return compiler(con)
    return None


def _bare(con: Any) -> Any:
    while isinstance(con, c.Renamed):
        con = con.subcon
    return con


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _describe(con: Any) -> str:
    return getattr(con, "name", None) or type(con).__name__


def _number(con: Any) -> Shape | None:
    if con.fmtstr[0] != ">" or con.fmtstr[1] not in FORMATS:
        return None
    packed = struct.Struct(con.fmtstr)
    size = packed.size
    unpack_from, pack = packed.unpack_from, packed.pack

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        stop = start + size
        if stop > end:
            raise ValueError(f"{size} octets expected, {end - start} left")
        return unpack_from(data, start)[0], stop

    return Shape(read, pack, size)


def _bytes(con: Any) -> Shape | None:
    size = con.length
    if not isinstance(size, int):
        return None

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        stop = start + size
        if stop > end:
            raise ValueError(f"{size} octets expected, {end - start} left")
        return data[start:stop], stop

    def write(value: Any) -> bytes:
        octets = value.to_bytes(size, "big") if isinstance(value, int) else bytes(value)
        if len(octets) != size:
            raise ValueError(f"{size} octets expected, not {len(octets)}")
        return octets

    return Shape(read, write, size)


def _greedy_bytes(_con: Any) -> Shape:
    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        return data[start:end], end

    return Shape(read, bytes, None)


def _prefixed(con: Any) -> Shape | None:
    length, inner = _shape(con.lengthfield), _shape(con.subcon)
    if length is None or inner is None or con.includelength:
        return None
    read_length, write_length = length.read, length.write
    read_inner, write_inner = inner.read, inner.write

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        size, begin = read_length(data, start, end)
        stop = begin + size
        if stop > end:
            raise ValueError(f"{size} octets announced, {end - begin} left")
        # construct hands the inner parser a stream of its own and does not look at what it left there
        return read_inner(data, begin, stop)[0], stop

    def write(value: Any) -> bytes:
        octets = write_inner(value)
        return write_length(len(octets)) + octets

    return Shape(read, write, None)


def _greedy_range(con: Any) -> Shape | None:
    inner = _shape(con.subcon)
    if inner is None or inner.size == 0 or con.discard:
        return None
    read_inner, write_inner = inner.read, inner.write

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        items: list[Any] = []
        while start < end:
            try:
                item, start = read_inner(data, start, end)
            except ValueError:
                break  # as construct: the range ends before the first item that does not parse
            items.append(item)
        return items, start

    def write(value: Any) -> bytes:
        return b"".join(map(write_inner, value))

    return Shape(read, write, None)


def _struct(con: Any) -> Shape | None:
    members: list[tuple[str | None, Shape]] = []
    for member in con.subcons:
        shape = _shape(member)
        if shape is None:
            return None
        members.append((member.name, shape))
    readers = [(name, shape.read) for name, shape in members]
    writers = [(name, shape.write, _bare(member)) for (name, shape), member in zip(members, con.subcons, strict=True)]
    sizes = [shape.size for _, shape in members]
    size = sum(s for s in sizes if s is not None) if None not in sizes else None

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value: dict[str, Any] = c.Container()
        for name, read_member in readers:
            item, start = read_member(data, start, end)
            if name is not None:
                value[name] = item
        return value, start

    def write(value: Any) -> bytes:
        parts = []
        for name, write_member, member in writers:
            given = value.get(name) if name is not None and isinstance(member, c.Const) else None
            parts.append(write_member(given) if isinstance(member, c.Const) else write_member(value[name]))
        return b"".join(parts)

    return Shape(read, write, size)


def _const(con: Any) -> Shape | None:
    inner = _shape(con.subcon)
    if inner is None:
        return None
    expected, read_inner = con.value, inner.read
    octets = inner.write(expected)

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value, stop = read_inner(data, start, end)
        if value != expected:
            raise ValueError(f"{expected!r} expected, not {value!r}")
        return value, stop

    def write(value: Any) -> bytes:
        if value not in (None, expected):
            raise ValueError(f"{expected!r} expected, not {value!r}")
        return octets

    return Shape(read, write, inner.size)


def _mapped(con: Mapped) -> Shape | None:
    inner = _shape(con.subcon)
    if inner is None:
        return None
    read_inner, write_inner, decode, encode = inner.read, inner.write, con.decode, con.encode

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value, stop = read_inner(data, start, end)
        return decode(value), stop

    def write(value: Any) -> bytes:
        return write_inner(encode(value))

    return Shape(read, write, inner.size)


_COMPILERS: Final[tuple[tuple[type, Callable[[Any], Shape | None]], ...]] = (
    (c.FormatField, _number),
    (c.Bytes, _bytes),
    (type(c.GreedyBytes), _greedy_bytes),
    (c.Prefixed, _prefixed),
    (c.GreedyRange, _greedy_range),
    (c.Struct, _struct),
    (c.Const, _const),
)
