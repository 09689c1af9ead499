"""What flex_option is told, made ready: entries with their expressions compiled, in the order they are carried out.

This module does not know servers or callouts.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.expressions import Holds, Language, Value
from dhcpkit.wire.options import Option

__all__ = [
    "QUERY",
    "Action",
    "Entry",
    "EntryError",
    "FlexOptionEntry",
    "FlexOptionParameters",
    "Inside",
    "SubOptionEntry",
    "entries_of",
]

QUERY: Final = "query"
RESPONSE: Final = "response"
TOP: Final = {4: "dhcp4", 6: "dhcp6"}
VENDOR_OPTIONS: Final = {4: 125, 6: 17}  # what holds options by enterprise (RFC 3925 4, RFC 8415 21.17)
NO_CODES: Final = {4: frozenset((0, 255)), 6: frozenset((0,))}  # PAD and END, and what DHCPv6 reserves
VENDOR_SPACE: Final = "vendor-"


class EntryError(DhcpkitError):
    """An entry makes no sense: the operator is at fault."""


class Action(enum.Enum):
    """What is done to an option."""

    ADD = "add"
    SUPERSEDE = "supersede"
    REMOVE = "remove"


@document("sub-options")
class SubOptionEntry(Document):
    """What is done to an option inside another one."""

    code: int | None = param(default=None, low=0, high=65535, doc="The option's code.")
    name: str = param(default="", doc="The option's name, in place of its code or beside it.")
    space: str = param(default="", doc="Where the name is looked for; else in what the option around it holds.")
    csv_format: bool = param(default=False, doc="The value is text as in `option-data`, not the payload itself.")
    add: str = param(default="", doc="An expression: the value, where the option is not there.")
    supersede: str = param(default="", doc="An expression: the value, whether the option is there or not.")
    remove: str = param(default="", doc="An expression, true or false: whether the option is taken out.")
    container_add: bool = param(default=True, doc="The option around it is made where it is not there.")
    container_remove: bool = param(default=True, doc="The option around it goes with the last option in it.")
    client_class: str = param(default="", doc="Only for clients in this class.")
    comment: str = param(default="", doc="For people.")


@document("options")
class FlexOptionEntry(Document):
    """What is done to an option."""

    code: int | None = param(default=None, low=0, high=65535, doc="The option's code.")
    name: str = param(default="", doc="The option's name, in place of its code or beside it.")
    space: str = param(default="", doc="Where the name is looked for, if not among the family's own options.")
    csv_format: bool = param(default=False, doc="The value is text as in `option-data`, not the payload itself.")
    add: str = param(default="", doc="An expression: the value, where the option is not there.")
    supersede: str = param(default="", doc="An expression: the value, whether the option is there or not.")
    remove: str = param(default="", doc="An expression, true or false: whether the option is taken out.")
    sub_options: tuple[SubOptionEntry, ...] = param(default=(), doc="In place of an action: of options inside it.")
    client_class: str = param(default="", doc="Only for clients in this class.")
    source: str = param(
        default=QUERY, choices=(QUERY, RESPONSE), doc="The message that expressions are about.", since="3.3"
    )
    destination: str = param(
        default=RESPONSE, choices=(QUERY, RESPONSE), doc="The message that is changed.", since="3.3"
    )
    comment: str = param(default="", doc="For people.")


@document("parameters")
class FlexOptionParameters(Document):
    """What is done to options."""

    options: tuple[FlexOptionEntry, ...] = param(doc="What is done, to one option each.")


@attrs.frozen(eq=False)
class Inside:
    """Where an entry's option lies: in that of `code`, and there in the part of `enterprise` (0: in the whole).

    `guard` is the class that the entry around it is for. `follows`: the option around it comes and goes with it.
    """

    code: int
    enterprise: int
    guard: str
    follows: bool


@attrs.frozen(eq=False)
class Entry:
    """One action. `value` makes the option of `add` and `supersede`, `holds` tells whether one is to be removed.

    `option` turns text into a payload, None where the value is the payload. `asks_query`: expressions are about the
    query; else about the answer. `changes_query`: so is what is changed.
    """

    code: int
    action: Action
    value: Value | None
    holds: Holds | None
    option: Option[Any] | None
    guard: str
    asks_query: bool
    changes_query: bool
    inside: Inside | None = None


def entries_of(told: FlexOptionParameters, language: Language, family: int) -> tuple[Entry, ...]:
    """The entries in the order Kea carries them out: by code, those of options inside others last.

    Raises EntryError, ExpressionError.
    """
    made = [each for document in told.options for each in _entries(document, language, family)]
    inside: set[tuple[int, int]] = set()
    for each in made:
        if each.inside is not None:
            place = each.inside.code, each.code
            if place in inside:
                raise EntryError(f"sub-option {each.code} of option {each.inside.code} was already specified")
            inside.add(place)
    return tuple(
        sorted(made, key=lambda each: (each.inside is not None, each.inside.code if each.inside else 0, each.code))
    )


def _entries(told: FlexOptionEntry, language: Language, family: int) -> Iterator[Entry]:
    space = told.space or TOP[family]
    code, option = _found(told, space, language, family)
    if space == TOP[family] and code in NO_CODES[family]:
        raise EntryError(f"invalid 'code' value {code}: reserved")
    asks, changes = told.source == QUERY, told.destination == QUERY
    if changes and not asks:
        raise EntryError("destination 'query' requires source 'query'")
    if "sub_options" not in told.written:
        yield _entry(told, code, option, language, told.client_class, asks=asks, changes=changes)
        return
    wrong = [action.value for action in Action if action.value in told.written]
    if wrong:
        raise EntryError(f"'sub-options' and '{wrong[0]}' are incompatible in the same entry")
    for sub in told.sub_options:
        where = sub.space or _space_inside(option, code)
        sub_code, sub_option = _found(sub, where, language, family)
        enterprise = _enterprise(where) if code == VENDOR_OPTIONS[family] else 0
        follows = sub.container_remove if "remove" in sub.written else sub.container_add
        yield attrs.evolve(
            _entry(sub, sub_code, sub_option, language, sub.client_class, asks=asks, changes=changes),
            inside=Inside(code, enterprise, told.client_class, follows),
        )


def _entry(  # noqa: PLR0913  # what there is to say
    told: FlexOptionEntry | SubOptionEntry,
    code: int,
    option: Option[Any] | None,
    language: Language,
    guard: str,
    *,
    asks: bool,
    changes: bool,
) -> Entry:
    written: Sequence[Action] = [action for action in Action if action.value in told.written]
    if len(written) != 1:
        raise EntryError(f"option {code}: {'multiple actions' if written else 'no action'}")
    [action] = written
    expression = str(getattr(told, action.value))
    if not expression:
        raise EntryError(f"option {code}: '{action.value}' must not be empty")
    if told.csv_format and option is None:
        raise EntryError(f"no known option with code '{code}' in '{told.space}' space")
    removes = action is Action.REMOVE
    return Entry(
        code,
        action,
        None if removes else language.text(expression),
        language.test(expression) if removes else None,
        option if told.csv_format else None,
        guard,
        asks,
        changes,
    )


def _found(
    told: FlexOptionEntry | SubOptionEntry, space_name: str, language: Language, family: int
) -> tuple[int, Option[Any] | None]:
    """An entry's code, and its definition where there is one."""
    space = language.spaces.get(space_name)
    if told.name:
        option = space.by_name(told.name) if space is not None else None
        if option is None:
            raise EntryError(f"no known '{told.name}' option in '{space_name}' space")
        if told.code is not None and told.code != option.code:
            raise EntryError(
                f"option '{told.name}' is defined as code: {option.code}, not the specified code: {told.code}"
            )
        return option.code, option
    if told.code is None:
        raise EntryError("'code' or 'name' must be specified")
    code_max = 255 if family == 4 else 65535
    if told.code > code_max:
        raise EntryError(f"invalid 'code' value {told.code} not in [0..{code_max}]")
    return told.code, space.by_code(told.code) if space is not None else None


def _space_inside(option: Option[Any] | None, code: int) -> str:
    if option is None:
        raise EntryError(f"option {code} is not defined: can't get the space of its sub-options")
    if option.encapsulates is None:
        raise EntryError(f"option {code} does not encapsulate a space")
    return option.encapsulates.name


def _enterprise(space: str) -> int:
    number = space.removeprefix(VENDOR_SPACE)
    return int(number) if space.startswith(VENDOR_SPACE) and number.isdecimal() else 0
