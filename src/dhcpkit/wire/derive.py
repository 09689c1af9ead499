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

__all__ = ["Codec", "Mapped", "Shape", "Sized", "Whole", "by_construct", "derive", "fixed_format"]

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


class Whole(c.Subconstruct):  # type: ignore[type-arg]  # as Mapped
    """A subcon that must use up all the octets it is given: inside a Prefixed, what it leaves over is refused.

    construct's own Prefixed passes over such octets in silence, and a GreedyRange in it over items it cannot read.
    """

    def _parse(self, stream: Any, context: Any, path: Any) -> Any:
        value = self.subcon._parsereport(stream, context, path)  # noqa: SLF001  # construct's way to nest
        if stream.read(1):
            raise c.TerminatedError("octets left over", path=path)
        return value


class Sized(c.Construct):  # type: ignore[type-arg]  # as Mapped
    """A number and then as many octets as `octets_of` makes of it; the value is a pair. A network of 13 bits is one."""

    def __init__(self, number: Any, octets_of: Callable[[int], int]) -> None:
        super().__init__()
        self.number = number
        self.octets_of = octets_of

    def _parse(self, stream: Any, context: Any, path: Any) -> tuple[int, bytes]:
        number = self.number._parsereport(stream, context, path)  # noqa: SLF001  # as Whole
        return number, c.stream_read(stream, self.octets_of(number), path)

    def _build(self, obj: Any, stream: Any, context: Any, path: Any) -> Any:
        number, octets = obj
        self.number._build(number, stream, context, path)  # noqa: SLF001  # as Whole
        c.stream_write(stream, octets, self.octets_of(number), path)
        return obj


@attrs.frozen
class Codec(Generic[T]):
    """Octets to value and back. Both raise ValueError and nothing else for what the declaration refuses."""

    parse: Callable[[bytes], T]
    build: Callable[[T], bytes]
    derived: bool


@attrs.frozen
class Shape:
    """What one construct node compiles to. `least` is the smallest number of octets that it reads."""

    read: Reader
    write: Writer
    least: int


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
        try:
            value, stop = read(data, 0, end)
        except ValueError:
            raise
        except Exception as error:  # from a function of a Mapped, which may be a user's
            raise ValueError(_first_line(error)) from error
        if stop != end:
            raise ValueError(f"{end - stop} octets left over")
        return value

    def build(value: Any) -> bytes:
        try:
            return write(value)
        except ValueError:
            raise
        except Exception as error:  # a value of another type than declared fails in many ways
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


def _octets(value: Any) -> bytes:
    """As construct: octets only, though `bytes` would make some of an integer or a list."""
    if type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError(f"octets expected, not {type(value).__name__}")


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
        octets = value.to_bytes(size, "big") if isinstance(value, int) and size else _octets(value)
        if len(octets) != size:
            raise ValueError(f"{size} octets expected, not {len(octets)}")
        return octets

    return Shape(read, write, size)


def _greedy_bytes(_con: Any) -> Shape:
    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        return data[start:end], end

    return Shape(read, _octets, 0)


def _sized(con: Sized) -> Shape | None:
    number = _shape(con.number)
    if number is None:
        return None
    read_number, write_number, octets_of = number.read, number.write, con.octets_of

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value, begin = read_number(data, start, end)
        size = octets_of(value)
        stop = begin + size
        if size < 0 or stop > end:
            raise ValueError(f"{size} octets expected, {end - begin} left")
        return (value, data[begin:stop]), stop

    def write(value: Any) -> bytes:
        count, given = value
        octets, size = _octets(given), octets_of(count)
        if len(octets) != size:
            raise ValueError(f"{size} octets expected, not {len(octets)}")
        return write_number(count) + octets

    return Shape(read, write, number.least)


def _prefixed(con: Any) -> Shape | None:
    length, inner = _shape(con.lengthfield), _shape(con.subcon)
    if length is None or inner is None or con.includelength:
        return None
    read_length, write_length = length.read, length.write
    read_inner, write_inner = inner.read, inner.write

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        size, begin = read_length(data, start, end)
        stop = begin + size
        if size < 0 or stop > end:
            raise ValueError(f"{size} octets announced, {end - begin} left")
        # construct hands the inner parser a stream of its own and does not look at what it left there (see Whole)
        return read_inner(data, begin, stop)[0], stop

    def write(value: Any) -> bytes:
        octets = write_inner(value)
        return write_length(len(octets)) + octets

    return Shape(read, write, length.least)


def _whole_shape(con: Whole) -> Shape | None:
    inner = _shape(con.subcon)
    if inner is None:
        return None
    read_inner = inner.read

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value, stop = read_inner(data, start, end)
        if stop != end:
            raise ValueError(f"{end - stop} octets left over")
        return value, stop

    return Shape(read, inner.write, inner.least)


def _greedy_range(con: Any) -> Shape | None:
    inner = _shape(con.subcon)
    if inner is None or con.discard:
        return None
    if not inner.least:
        raise TypeError("a GreedyRange of what may have no octets never ends")
    read_inner, write_inner = inner.read, inner.write

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        items: list[Any] = []
        while start < end:
            try:
                item, start = read_inner(data, start, end)
            except Exception:  # noqa: BLE001  # as construct: the range ends before the first item that does not parse
                break
            items.append(item)
        return items, start

    def write(value: Any) -> bytes:
        return b"".join(map(write_inner, value))

    return Shape(read, write, 0)


def _repeat_until(con: Any) -> Shape | None:
    inner = _shape(con.subcon)
    if inner is None or con.discard or not callable(con.predicate):
        return None
    if not inner.least:
        raise TypeError("a RepeatUntil of what may have no octets may never end")
    read_inner, write_inner, is_last = inner.read, inner.write, con.predicate

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        items: list[Any] = []
        while True:
            item, start = read_inner(data, start, end)
            items.append(item)
            if is_last(item, items, None):
                return items, start

    def write(value: Any) -> bytes:
        parts, written = [], list[Any]()
        for item in value:
            parts.append(write_inner(item))
            written.append(item)
            if is_last(item, written, None):
                return b"".join(parts)
        raise ValueError("no item is the last one")

    return Shape(read, write, inner.least)


def _struct(con: Any) -> Shape | None:
    members: list[tuple[str | None, Shape]] = []
    for member in con.subcons:
        shape = _shape(member)
        if shape is None:
            return None
        members.append((member.name, shape))
    readers = [(name, shape.read) for name, shape in members]
    writers = [(name, shape.write, _bare(member)) for (name, shape), member in zip(members, con.subcons, strict=True)]
    least = sum(shape.least for _, shape in members)

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value: dict[str, Any] = c.Container()
        for name, read_member in readers:
            item, start = read_member(data, start, end)
            if name is not None:
                value[name] = item
        return value, start

    def write(value: Any) -> bytes:
        if value is None:  # as construct, for a Struct of nothing but Const
            value = {}
        if not writers:
            c.Container().update(value)  # refuses what construct refuses
        parts = []
        for name, write_member, member in writers:
            given = value.get(name) if name is not None and isinstance(member, c.Const) else None
            parts.append(write_member(given) if isinstance(member, c.Const) else write_member(value[name]))
        return b"".join(parts)

    return Shape(read, write, least)


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

    return Shape(read, write, inner.least)


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

    return Shape(read, write, inner.least)


_COMPILERS: Final[tuple[tuple[type, Callable[[Any], Shape | None]], ...]] = (
    (c.FormatField, _number),
    (c.Bytes, _bytes),
    (type(c.GreedyBytes), _greedy_bytes),
    (Sized, _sized),
    (Whole, _whole_shape),
    (c.Prefixed, _prefixed),
    (c.GreedyRange, _greedy_range),
    (c.RepeatUntil, _repeat_until),
    (c.Struct, _struct),
    (c.Const, _const),
)
