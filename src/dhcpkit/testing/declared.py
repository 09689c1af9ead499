"""What is declared: every space, every kind of an option in it, the classes of values.

Tests that hold for all options go through here, so that a new option is held to them by being declared. This module
does not know hypothesis.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import attrs

from dhcpkit.wire import options4, options6
from dhcpkit.wire.derive import Mapped, Row
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

__all__ = ["kinds", "spaces", "value_classes"]


def spaces(*tops: Space) -> list[Space]:
    """The spaces given, or else those of both families, and every one that options in them encapsulate.

    Where none is given, those of `options4` and `options6` that a space of your own would encapsulate, too.
    """
    found: dict[Space, None] = {}
    waiting = list(tops or (DHCP4, DHCP6))
    if not tops:
        tables = (*vars(options4).values(), *vars(options6).values())
        waiting += [each for each in tables if isinstance(each, Space)]
    while waiting:
        space = waiting.pop(0)
        if space not in found:
            found[space] = None
            waiting += [option.encapsulates for option in space if option.encapsulates is not None]
            waiting += [*space.vendors.values(), *([space.extends] if space.extends else [])]
    return list(found)


def kinds(*tops: Space) -> Iterator[tuple[Kind[Any], Space | None]]:
    """Every kind of an option in these spaces, and every part of one; with the space of the options in its values."""
    for space in spaces(*tops):
        for option in space:
            for kind in _parts(option.kind):
                yield kind, option.encapsulates


def value_classes(kind: Kind[Any]) -> Iterator[type]:
    """The attrs class that values of a kind are of, where its declaration tells: by `made`, or by what decodes."""
    con = kind.con
    makes = {kind.made, con.decode if isinstance(con, Mapped) else None, con.make if isinstance(con, Row) else None}
    for made in makes:
        found = made if inspect.isclass(made) else _returned(made)
        if inspect.isclass(found) and attrs.has(found):
            yield found


def _parts(kind: Kind[Any]) -> Iterator[Kind[Any]]:
    yield kind
    for part in (*([kind.element] if kind.element else []), *kind.fields, *kind.members.values()):
        yield from _parts(part)


def _returned(function: Any) -> Any:
    """What a function says it returns."""
    try:
        return inspect.get_annotations(function, eval_str=True).get("return")
    except (NameError, TypeError):  # nothing that has annotations, or they name what is imported elsewhere
        return None
