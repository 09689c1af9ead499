"""Options defined at run time: what an `option-def` of Kea's says, as options like those of the tables.

    definitions = Definitions(DHCP4)
    color = definitions.add(Definition("color", 224, "string"))
    packet[color]                                   # as any option
    to_json(packet, space=definitions.space)        # names it, and decodes it

A message needs no other reading for it: octets are decoded when an option is asked for, so that options 43 and 224 to
254 wait until their meaning is known. This module does not know configuration files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.errors import DhcpkitError
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.named_kinds import kind_named
from dhcpkit.wire.options import Option, Space

__all__ = ["Definition", "DefinitionError", "DefinitionTaken", "Definitions"]

VENDOR: Final = re.compile(r"vendor-([0-9]{1,10})")
NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")  # of an option or a space, as Kea has them


@attrs.frozen
class Definition:
    """What is said of an option: Kea's words, its types among them. Without a `space` it is one of the family's own."""

    name: str
    code: int
    type: str
    space: str = ""
    array: bool = False
    record_types: Sequence[str] = ()
    encapsulate: str = ""


class DefinitionError(DhcpkitError, ValueError):
    """A definition that cannot be. `part` is the member of `Definition` at fault, `what` a sentence in Kea's words."""

    def __init__(self, definition: Definition, part: str, what: str, hint: str = "") -> None:
        super().__init__(definition, part, what, hint)
        self.definition = definition
        self.part = part
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"option {self.definition.name!r}: {self.part}: {self.what}"


class DefinitionTaken(DefinitionError):
    """Its code or its name belongs to another option."""


class Definitions:
    """Option spaces to which definitions are added: those of a family, and new ones.

    The spaces given are never changed. With the first definition each of them is extended, and what encapsulates one
    leads to its extension, so that `space` leads to all there is. `inner` makes definitions for somebody alone, which
    add to these.
    """

    def __init__(self, top: Space, outer: Definitions | None = None) -> None:
        self._top = top
        self._outer = outer
        self._given: dict[str, Space] = {} if outer is not None else {space.name: space for space in _reached(top)}
        self._own: dict[str, Space] = {}  # the same and new ones, once anything is defined

    def inner(self) -> Definitions:
        """Definitions to which more can be added without changing these."""
        return Definitions(self._top, self)

    @property
    def space(self) -> Space:
        """The family's own options, and all that lie in them."""
        return self.get(self._top.name) or self._top

    def get(self, name: str) -> Space | None:
        """The space of this name, if anybody knows it. `vendor-4491` is the space of enterprise 4491."""
        known = self._own or self._given
        if name in known:
            return known[name]
        if self._outer is not None:
            return self._outer.get(name)
        enterprise = _enterprise(name)
        return next((space.vendors[enterprise] for space in known.values() if enterprise in space.vendors), None)

    def names(self) -> list[str]:
        """The names of all spaces."""
        known = dict.fromkeys(self._own or self._given)
        return [*known] if self._outer is None else [*known | dict.fromkeys(self._outer.names())]

    def add(self, definition: Definition) -> Option[Any]:
        """Adds an option. DefinitionError where it cannot be; nothing is changed then."""
        where, code, name = definition.space or self._top.name, definition.code, definition.name
        self._check_names(definition, where)
        self._check_code(definition, where)
        if definition.encapsulate == where:
            what = f"option '{where}.{name}' may not encapsulate the option space it belongs to"
            raise DefinitionError(definition, "encapsulate", what)
        kind = self._kind(definition)
        if any(code == other.code or name == other.name for other in self._own.get(where, ())):
            what = f"option definition with code '{code}' already exists in option space '{where}'"
            raise DefinitionTaken(definition, "", what, "its name or its code is taken")
        if not self._own:
            self._own = _extended({name: space for name in self.names() if (space := self.get(name)) is not None})
        encapsulated = self._space_for(definition.encapsulate) if definition.encapsulate else None
        return self._space_for(where).define(code, name, kind, encapsulates=encapsulated)

    def _kind(self, definition: Definition) -> Kind[Any]:
        try:
            return kind_named(
                definition.type,
                array=definition.array,
                record_types=definition.record_types,
                encapsulates=bool(definition.encapsulate),
                wide=self._top.wide,
            )
        except ValueError as refused:
            part = "record_types" if definition.type == "record" and definition.record_types else "type"
            raise DefinitionError(definition, part, str(refused)) from None

    def _check_names(self, definition: Definition, where: str) -> None:
        if not NAME.fullmatch(definition.name):
            raise DefinitionError(definition, "name", f"invalid option name '{definition.name}'")
        if not NAME.fullmatch(where):
            raise DefinitionError(definition, "space", f"invalid option space name '{where}'")
        if definition.encapsulate and not NAME.fullmatch(definition.encapsulate):
            what = f"invalid encapsulated option space name: '{definition.encapsulate}'"
            raise DefinitionError(definition, "encapsulate", what)

    def _check_code(self, definition: Definition, where: str) -> None:
        code, name, code_max = definition.code, definition.name, self._top.code_max
        if not 0 <= code <= code_max:
            what = f"invalid option code '{code}', it must not be greater than '{code_max}'"
            raise DefinitionError(definition, "code", what)
        standard = self._given.get(where)  # there is none in definitions for a class of clients, as in Kea
        if standard is not None:
            for part, told, taken in (("code", code, standard.by_code(code)), ("name", name, standard.by_name(name))):
                if taken is not None and not taken.redefinable:
                    what = f"unable to override definition of option '{told}' in standard option space '{where}'"
                    raise DefinitionTaken(definition, part, what, f"code {taken.code} is {taken.name}")
        if where == self._top.name and (code == 0 or (code == code_max and not self._top.wide)):
            told = "reserved" if self._top.wide else "reserved for PAD and END"
            raise DefinitionError(definition, "code", f"invalid option code '{code}': {told} in option space '{where}'")

    def _space_for(self, name: str) -> Space:
        """The space to define options in."""
        space = self._own.get(name)
        if space is None:
            space = self._own[name] = Space(name, self.get(name), wide=self._top.wide)
            enterprise = _enterprise(name)
            for holder in self._own.values():
                if enterprise is not None and holder.vendors:
                    holder.vendors[enterprise] = space
        return space


def _enterprise(name: str) -> int | None:
    """The number of the enterprise whose space has this name."""
    found = VENDOR.fullmatch(name)
    return int(found[1]) if found else None


def _reached(top: Space) -> Iterator[Space]:
    """A space, those that options in it encapsulate, those of vendors, and so on: each once."""
    seen: dict[str, Space] = {}
    waiting = [top]
    while waiting:
        space = waiting.pop(0)
        if space.name not in seen:
            seen[space.name] = space
            waiting += [option.encapsulates for option in _options(space) if option.encapsulates is not None]
            waiting += space.vendors.values()
    return iter(seen.values())


def _options(space: Space) -> list[Option[Any]]:
    """The options of a space, and of those that it extends."""
    found: dict[int, Option[Any]] = {}
    level: Space | None = space
    while level is not None:
        found = {option.code: option for option in level} | found
        level = level.extends
    return list(found.values())


def _extended(spaces: Mapping[str, Space]) -> dict[str, Space]:
    """Spaces that extend these.

    Between a space and its extension lies one that has the options which encapsulate a space once more, leading to that
    one's extension, so that they do not hinder a definition.
    """
    own = {name: Space(name, Space(name, space)) for name, space in spaces.items()}
    for name, space in spaces.items():
        links = own[name].extends
        assert links is not None, "made above"
        links.vendors = own[name].vendors = {n: own.get(each.name, each) for n, each in space.vendors.items()}
        for option in _options(space):
            inside = own.get(option.encapsulates.name) if option.encapsulates is not None else None
            if inside is not None:
                links.define(
                    option.code,
                    option.name,
                    option.kind,
                    rfc=option.rfc,
                    note=option.note,
                    encapsulates=inside,
                    redefinable=option.redefinable,
                    says=option.says,
                )
    return own
