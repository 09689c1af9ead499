"""Shows packets and what lies in them as Python that makes them again: `eval(repr(packet)) == packet`.

The names are those that `dhcpkit.wire` exports, with `ipaddress` and `uuid`. An option is shown by its name and value
where that gives the same octets back, else by its code and octets. This module does not know which packets there are.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dhcpkit.wire.json_form import NESTING_MAX
from dhcpkit.wire.options import Space
from dhcpkit.wire.places import Holder, located

__all__ = ["call_text", "container_text", "depth_of", "octets_text", "options_text", "space_text"]

Options = Iterable[tuple[int, bytes]]


def octets_text(octets: bytes) -> str:
    """Octets that are no text to anybody, as an expression."""
    return f"bytes.fromhex({octets.hex(' ')!r})"


def call_text(
    name: str, positional: Iterable[str], fields: Mapping[str, Any], shown: Mapping[str, Callable[[Any], str]]
) -> str:
    """A call with arguments by name, each shown by its own function in `shown` or by `repr`."""
    named = (f"{field}={shown.get(field, repr)(value)}" for field, value in fields.items())
    return f"{name}({', '.join((*positional, *named))})"


def options_text(holder: Holder, options: Options, space: Space | None) -> str:
    """Options as a dict, or as a list of pairs where a code occurs more than once."""
    counts: dict[int, int] = {}
    entries = []
    for code, payload in options:
        counts[code] = number = counts.get(code, -1) + 1
        entries.append(_entry(holder, space, code, payload, number))
    if any(counts.values()):
        return f"[{', '.join(f'({key}, {value})' for key, value in entries)}]"
    return f"{{{', '.join(f'{key}: {value}' for key, value in entries)}}}"


def container_text(holder: Holder, octets: bytes, options: Options | None, extra: str = "") -> str:
    """Options in an option as a call of their class. `options` is None where they would not give `octets` again."""
    name = type(holder).__name__
    if not octets:
        return f"{name}({extra})"
    if options is None or depth_of(holder) > NESTING_MAX:
        return f"{name}({', '.join(filter(None, (octets_text(octets), extra)))})"
    space = None if holder.place is None else holder.place.space
    told = None if space is None else space_text(space)
    text = options_text(holder, options, None if told is None else space)
    return f"{name}.of({', '.join(filter(None, (text, told, extra)))})"


def depth_of(holder: Holder) -> int:
    """In how many options a holder lies, counted no further than matters."""
    depth, place = 0, holder.place
    while place is not None and place.holder is not None and depth <= NESTING_MAX:
        depth += 1
        place = place.holder.place
    return depth


def space_text(space: Space) -> str | None:
    """The expression for a space; None where it has no name in `dhcpkit.wire`."""
    exported = vars(importlib.import_module("dhcpkit.wire"))
    for name in exported["__all__"]:
        found = exported[name]
        if found is space:
            return str(name)
        for number, vendor in found.vendors.items() if isinstance(found, Space) else ():
            if vendor is space:
                return f"{name}.vendors[{number}]"
    return None


def _entry(holder: Holder, space: Space | None, code: int, payload: bytes, number: int) -> tuple[str, str]:
    option = None if space is None else space.by_code(code)
    if option is not None:
        try:
            value = option.parse(payload)
            same = option.build(value) == payload
        except ValueError:
            same = False
        if same:
            return repr(option.name), repr(located(holder, option, value, payload, number))
    return str(int(code)), repr(payload)
