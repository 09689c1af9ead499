"""Values one after the other: those of fixed size that follow each other are read and written by one `struct` call.

Half of what DHCP says is such a row: a head of fixed size, and what follows it. This module does not know construct,
and whether a row becomes a tuple or an object of a class is for `shapes`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from dhcpkit.wire.shape import Item, Shape, from_read, wrong_size

__all__ = ["row_shape"]


def row_shape(members: Sequence[Shape]) -> Shape:
    """Members one after the other as a list of values: items of fixed size together, as one or several runs."""
    parts: list[Shape] = []
    counts: list[int] = []
    at = 0
    while at < len(members):
        items = []
        while at < len(members) and (item := members[at].item) is not None:
            items.append(item)
            at += 1
        if items:
            parts.append(_run(items))
            counts.append(len(items))
        else:
            parts.append(_single(members[at]))
            counts.append(1)
            at += 1
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2 and counts[1] == 1 and members[0].item is not None:
        return _run_and_last(parts[0], [member.item for member in members[:-1] if member.item], members[-1])
    return _parts(parts, counts)


def _run(items: Sequence[Item]) -> Shape:
    """Items of fixed size, read and written by one call."""
    packed = _packed(items)
    size, unpack, unpack_from, pack = packed.size, packed.unpack, packed.unpack_from, packed.pack
    decoders = [(number, item.decode) for number, item in enumerate(items) if item.decode is not None]
    encoders = [(number, item.encode) for number, item in enumerate(items) if item.encode is not None]

    def whole(data: bytes) -> list[Any]:
        if len(data) != size:
            raise wrong_size(size, len(data))
        values = [*unpack(data)]
        for number, decode in decoders:
            values[number] = decode(values[number])
        return values

    def read(data: bytes, start: int, end: int) -> tuple[list[Any], int]:
        stop = start + size
        if stop > end:
            raise wrong_size(size, end - start)
        values = [*unpack_from(data, start)]
        for number, decode in decoders:
            values[number] = decode(values[number])
        return values, stop

    def write(values: list[Any]) -> bytes:
        for number, encode in encoders:
            values[number] = encode(values[number])
        return pack(*values)

    return Shape(read, whole, write, size)


def _packed(items: Sequence[Item]) -> struct.Struct:
    return struct.Struct(">" + "".join(item.format for item in items))


def _single(member: Shape) -> Shape:
    read_one, whole_one, write_one = member.read, member.whole, member.write

    def read(data: bytes, start: int, end: int) -> tuple[list[Any], int]:
        value, stop = read_one(data, start, end)
        return [value], stop

    def write(values: list[Any]) -> bytes:
        return write_one(values[0])

    return Shape(read, lambda data: [whole_one(data)], write, member.least)


def _run_and_last(run: Shape, items: Sequence[Item], last: Shape) -> Shape:
    """The usual record: a head of fixed size, and what follows it."""
    size, read_run, write_run = run.least, run.read, run.write
    read_last, whole_last, write_last = last.read, last.whole, last.write
    unpack_from = _packed(items).unpack_from
    decoders = [(number, item.decode) for number, item in enumerate(items) if item.decode is not None]

    def whole(data: bytes) -> list[Any]:  # as the run's own, whose call would cost as much as it does
        if len(data) < size:
            raise wrong_size(size, len(data))
        values = [*unpack_from(data), whole_last(data[size:])]
        for number, decode in decoders:
            values[number] = decode(values[number])
        return values

    def read(data: bytes, start: int, end: int) -> tuple[list[Any], int]:
        values, stop = read_run(data, start, end)
        value, stop = read_last(data, stop, end)
        values.append(value)
        return values, stop

    def write(values: list[Any]) -> bytes:
        octets = write_last(values.pop())
        return write_run(values) + octets

    return Shape(read, whole, write, size + last.least)


def _parts(parts: Sequence[Shape], counts: Sequence[int]) -> Shape:
    readers = [part.read for part in parts]
    ends = [sum(counts[: number + 1]) for number in range(len(counts))]
    writers = [(part.write, end - count, end) for part, count, end in zip(parts, counts, ends, strict=True)]

    def read(data: bytes, start: int, end: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        for reader in readers:
            found, start = reader(data, start, end)
            values += found
        return values, start

    def write(values: list[Any]) -> bytes:
        return b"".join([writer(values[first:end]) for writer, first, end in writers])

    return from_read(read, write, sum(part.least for part in parts))
