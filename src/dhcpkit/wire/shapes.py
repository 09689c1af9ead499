"""What each construct node compiles to: closures that read and write, composed of small ones.

Two things make them fast: members of fixed size that follow each other are one `struct` call (`rows`), and a payload
that is read whole needs no offsets.

This module does not know options or packets, and what a codec promises its callers is `derive`'s affair: a closure
here may raise anything.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import chain
from typing import Any, Final

import construct as c

from dhcpkit.wire.nodes import Mapped, Row, Sized, Whole
from dhcpkit.wire.rows import row_shape
from dhcpkit.wire.shape import Item, Shape, Writer, from_read, from_whole, wrong_size

__all__ = ["FORMATS", "bare", "shape_of"]

FORMATS: Final = frozenset("BHLQbhlq")  # behind ">": 1, 2, 4 and 8 octets


def shape_of(con: Any) -> Shape | None:
    """The compiled form of one node, or None where it, or something below it, is not known."""
    con = bare(con)
    compiler = _COMPILERS.get(type(con))
    if compiler is None:
        compiler = _mapped if isinstance(con, Mapped) else None  # classes of users, derived from it
    return None if compiler is None else compiler(con)


def bare(con: Any) -> Any:
    """A node without the names around it."""
    while isinstance(con, c.Renamed):
        con = con.subcon
    return con


def _octets(value: Any) -> bytes:
    """As construct: octets only, though `bytes` would make some of an integer or a list."""
    if type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError(f"octets expected, not {type(value).__name__}")


def _number(con: Any) -> Shape | None:
    if con.fmtstr[0] != ">" or con.fmtstr[1] not in FORMATS:
        return None
    packed = struct.Struct(con.fmtstr)
    size, unpack, unpack_from = packed.size, packed.unpack, packed.unpack_from

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        stop = start + size
        if stop > end:
            raise wrong_size(size, end - start)
        return unpack_from(data, start)[0], stop

    def whole(data: bytes) -> Any:
        if len(data) != size:
            raise wrong_size(size, len(data))
        return unpack(data)[0]

    return Shape(read, whole, packed.pack, size, item=Item(con.fmtstr[1]))


def _bytes(con: Any) -> Shape | None:
    size = con.length
    if not isinstance(size, int):
        return None

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        stop = start + size
        if stop > end:
            raise wrong_size(size, end - start)
        return data[start:stop], stop

    def whole(data: bytes) -> bytes:
        if len(data) != size:
            raise wrong_size(size, len(data))
        return data

    def write(value: Any) -> bytes:
        if type(value) is bytes and len(value) == size:
            return value
        octets = value.to_bytes(size, "big") if isinstance(value, int) and size else _octets(value)
        if len(octets) != size:
            raise ValueError(f"{size} octets expected, not {len(octets)}")
        return octets

    return Shape(read, whole, write, size, item=Item(f"{size}s", encode=write) if size else None)


def _greedy_bytes(_con: Any) -> Shape:
    return from_whole(lambda data: data, _octets)


def _sized(con: Sized) -> Shape | None:
    number = shape_of(con.number)
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

    return from_read(read, write, number.least)


def _prefixed(con: Any) -> Shape | None:
    length, inner = shape_of(con.lengthfield), shape_of(con.subcon)
    if length is None or inner is None or con.includelength:
        return None
    read_length, write_length = length.read, length.write
    read_inner, write_inner, whole_inner, greedy = inner.read, inner.write, inner.whole, inner.greedy

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        size, begin = read_length(data, start, end)
        stop = begin + size
        if size < 0 or stop > end:
            raise ValueError(f"{size} octets announced, {end - begin} left")
        if greedy:
            return whole_inner(data[begin:stop]), stop
        # construct hands the inner parser a stream of its own and does not look at what it left there (see Whole)
        return read_inner(data, begin, stop)[0], stop

    def read_behind_number(data: bytes, start: int, end: int) -> tuple[Any, int]:
        begin = start + number.size
        stop = begin + unpack_number(data, start)[0] if begin <= end else begin
        if stop > end:
            raise ValueError(f"{stop - start} octets expected, {end - start} left")
        return whole_inner(data[begin:stop]), stop

    def write(value: Any) -> bytes:
        octets = write_inner(value)
        return write_length(len(octets)) + octets

    # The usual case, in one call less: an unsigned number, and all that it announces.
    usual = greedy and length.item in _UNSIGNED
    number = struct.Struct(">" + length.item.format if usual and length.item is not None else "B")
    unpack_number = number.unpack_from
    return from_read(read_behind_number if usual else read, write, length.least)


_UNSIGNED: Final = [Item(format_) for format_ in "BHL"]


def _whole(con: Whole) -> Shape | None:
    inner = shape_of(con.subcon)
    return None if inner is None else from_whole(inner.whole, inner.write, inner.least)


def _greedy_range(con: Any) -> Shape | None:
    inner = shape_of(con.subcon)
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

    if inner.item is None:
        return from_read(read, write, 0)
    whole_items, write_items = _items(inner.item, write)
    return Shape(read, whole_items, write_items, 0)


def _items(item: Item, write: Writer) -> tuple[Callable[[bytes], list[Any]], Writer]:
    """Reads all octets as items of one format, and writes a row of them."""
    decode, encode, format_ = item.decode, item.encode, item.format
    packed = struct.Struct(">" + format_)
    size, iter_unpack, unpack, pack = packed.size, packed.iter_unpack, struct.unpack, struct.pack

    def read_octets(data: bytes) -> list[Any]:
        if over := len(data) % size:
            raise wrong_size(size, over)
        return list(chain.from_iterable(iter_unpack(data)))

    def read_numbers(data: bytes) -> list[Any]:
        count, over = divmod(len(data), size)
        if over:
            raise wrong_size(size, over)
        return list(unpack(f">{count}{format_}", data))

    def write_numbers(value: Any) -> bytes:
        values = tuple(value)
        return pack(f">{len(values)}{format_}", *values)

    def write_octets(value: Any) -> bytes:
        assert encode is not None, "the number of octets is checked by it"
        return b"".join(map(encode, value))

    read = read_numbers if format_ in FORMATS else read_octets
    return (
        read if decode is None else (lambda data: list(map(decode, read(data)))),
        write_octets if format_ not in FORMATS else write_numbers if encode is None else write,
    )


def _repeat_until(con: Any) -> Shape | None:
    inner = shape_of(con.subcon)
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

    return from_read(read, write, inner.least)


def _struct(con: Any) -> Shape | None:
    members = [shape_of(member) for member in con.subcons]
    if None in members:
        return None
    row = row_shape([member for member in members if member is not None])
    names = [member.name for member in con.subcons]
    constants = [isinstance(bare(member), c.Const) for member in con.subcons]
    whole_row, read_row, write_row = row.whole, row.read, row.write

    def named(values: list[Any]) -> dict[str, Any]:
        found: dict[str, Any] = c.Container()
        for name, value in zip(names, values, strict=True):
            if name is not None:
                found[name] = value  # noqa: PERF403  # construct makes a Container of pairs much more slowly
        return found

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        values, stop = read_row(data, start, end)
        return named(values), stop

    def write(value: Any) -> bytes:
        if value is None:  # as construct, for a Struct of nothing but Const
            value = {}
        if not names:
            c.Container().update(value)  # refuses what construct refuses
        return write_row(
            [
                (value.get(name) if name is not None else None) if constant else value[name]
                for name, constant in zip(names, constants, strict=True)
            ]
        )

    return Shape(read, lambda data: named(whole_row(data)), write, row.least)


def _row(con: Row) -> Shape | None:
    members = [shape_of(member) for member in con.members]
    if None in members:
        return None
    row = row_shape([member for member in members if member is not None])
    make, take, count = con.make, con.take, len(members)
    whole_row, read_row, write_row = row.whole, row.read, row.write

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        values, stop = read_row(data, start, end)
        return make(*values), stop

    def write(value: Any) -> bytes:
        values = list(take(value))
        if len(values) != count:
            raise ValueError(f"{count} values expected, not {len(values)}")
        return write_row(values)

    return Shape(read, lambda data: make(*whole_row(data)), write, row.least)


def _const(con: Any) -> Shape | None:
    inner = shape_of(con.subcon)
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

    return from_read(read, write, inner.least)


def _mapped(con: Mapped) -> Shape | None:
    inner = shape_of(con.subcon)
    if inner is None:
        return None
    read_inner, write_inner, whole_inner, decode, encode = inner.read, inner.write, inner.whole, con.decode, con.encode
    item = None if inner.item is None else _mapped_item(inner.item, con)

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        value, stop = read_inner(data, start, end)
        return decode(value), stop

    def write(value: Any) -> bytes:
        return write_inner(encode(value))

    def whole(data: bytes) -> Any:
        return decode(whole_inner(data))

    takes_all = isinstance(bare(con.subcon), type(c.GreedyBytes))  # its `whole` does nothing but give the octets back
    return Shape(read, decode if takes_all else whole, write, inner.least, inner.greedy, item)


def _mapped_item(item: Item, con: Mapped) -> Item:
    decode, encode, first, then = con.decode, con.encode, item.decode, item.encode
    return Item(
        item.format,
        decode if first is None else lambda found: decode(first(found)),
        encode if then is None else lambda value: then(encode(value)),
    )


_COMPILERS: Final[dict[type, Callable[[Any], Shape | None]]] = {
    c.FormatField: _number,
    c.Bytes: _bytes,
    type(c.GreedyBytes): _greedy_bytes,
    Sized: _sized,
    Row: _row,
    Whole: _whole,
    c.Prefixed: _prefixed,
    c.GreedyRange: _greedy_range,
    c.RepeatUntil: _repeat_until,
    c.Struct: _struct,
    c.Const: _const,
    Mapped: _mapped,
}
