"""The form that every construct node is compiled to: closures that read and write.

This module does not know construct; `shapes` and `rows` make the closures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

__all__ = ["Item", "Reader", "Shape", "Writer", "from_read", "from_whole", "wrong_size"]

Reader = Callable[[bytes, int, int], "tuple[Any, int]"]  # (data, start, end) -> (value, next offset)
Writer = Callable[[Any], bytes]  # value -> octets


@attrs.frozen
class Item:
    """How `struct` reads a node of fixed size as one item, and what is to be done with that item.

    `encode` prepares a value; for octets it also checks their number, since `struct` cuts and fills in silence.
    """

    format: str
    decode: Callable[[Any], Any] | None = None
    encode: Callable[[Any], Any] | None = None


@attrs.frozen
class Shape:
    """What one construct node compiles to.

    `read` finds a value among other octets, `whole` takes all the octets there are and refuses those left over.
    `least` is the smallest number of octets that it reads. `greedy` says that `read` never leaves any: it is `whole` of
    all that follows. `item` is there for a node of fixed size.
    """

    read: Reader
    whole: Callable[[bytes], Any]
    write: Writer
    least: int
    greedy: bool = False
    item: Item | None = None


def from_read(read: Reader, write: Writer, least: int) -> Shape:
    """The shape of a node that is read among other octets in one way only."""

    def whole(data: bytes) -> Any:
        end = len(data)
        value, stop = read(data, 0, end)
        if stop != end:
            raise ValueError(f"{end - stop} octets left over")
        return value

    return Shape(read, whole, write, least)


def from_whole(whole: Callable[[bytes], Any], write: Writer, least: int = 0) -> Shape:
    """The shape of a node that takes all the octets there are."""

    def read(data: bytes, start: int, end: int) -> tuple[Any, int]:
        return whole(data[start:end]), end

    return Shape(read, whole, write, least, greedy=True)


def wrong_size(size: int, found: int) -> ValueError:
    """What is wrong with so many octets where another number was expected."""
    if found > size:
        return ValueError(f"{found - size} octets left over")
    return ValueError(f"{size} octets expected, {found} left")
