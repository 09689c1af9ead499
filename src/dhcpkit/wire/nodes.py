"""Nodes of our own among construct's: what DHCP's declarations need and construct lacks.

Each runs with construct like any other, and `shapes` knows each. This module does not know options or packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import construct as c

__all__ = ["Mapped", "Row", "Sized", "Whole"]


class Mapped(c.Adapter):  # type: ignore[type-arg]  # construct is untyped at run time
    """A subcon whose value passes through two plain functions: `decode` after parsing, `encode` before building.

    Both may raise ValueError for a value that is not allowed. Being plain functions, they can be called without
    construct's context machinery.
    """

    def __init__(self, subcon: Any, decode: Callable[[Any], Any], encode: Callable[[Any], Any]) -> None:
        super().__init__(subcon)
        self.decode = decode
        self.encode = encode

    def _decode(self, obj: Any, context: Any, path: Any) -> Any:
        return self.decode(obj)

    def _encode(self, obj: Any, context: Any, path: Any) -> Any:
        return self.encode(obj)


class Row(Mapped):
    """A Struct whose members' values, in their order, are the arguments of `make`, and what `take` gives back.

    As Mapped, without the detour through a mapping of names, which costs more than the members themselves.
    """

    def __init__(self, struct: Any, make: Callable[..., Any], take: Callable[[Any], Iterable[Any]]) -> None:
        names = [member.name for member in struct.subcons]
        if not all(names):
            raise TypeError("every member of a row has a name")
        super().__init__(
            struct,
            lambda found: make(*(found[name] for name in names)),
            lambda value: dict(zip(names, take(value), strict=True)),
        )
        self.members = struct.subcons
        self.make = make
        self.take = take


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
