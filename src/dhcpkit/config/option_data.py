"""Options of a configuration: `option-def` to option spaces, `option-data` to payloads.

What a payload looks like is the option's kind's business, and what can be defined that of `dhcpkit.wire.definitions`.
This module does not know subnets or which option a client gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.options import NO_OPTIONS, VENDOR, OptionValue, OptionValues
from dhcpkit.config import codes
from dhcpkit.config.documents import OptionDataDoc, OptionDefDoc
from dhcpkit.config.json_text import Steps
from dhcpkit.config.nearest import nearest
from dhcpkit.config.report import Report
from dhcpkit.wire.definitions import Definition, DefinitionError, Definitions, DefinitionTaken
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.named_kinds import TYPES, WITHOUT_END
from dhcpkit.wire.nested import options_octets
from dhcpkit.wire.nested6 import options_octets6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.text import parse_hex

__all__ = ["Spaces"]

IN_CLASSES: Final = frozenset((43, *range(224, 255)))  # what a class may define: 43 and the private ones (RFC 3942)


class Spaces:
    """The option spaces of a configuration: the standard ones of a family, its own, and what it adds to either.

    `inner` makes the spaces of a client class, which may add definitions that hold for itself.
    """

    def __init__(self, report: Report, top: Space = DHCP4, definitions: Definitions | None = None) -> None:
        self._report = report
        self._top = top
        self._definitions = Definitions(top) if definitions is None else definitions

    def inner(self) -> Spaces:
        """Spaces to which definitions can be added without changing these."""
        return Spaces(self._report, self._top, self._definitions.inner())

    def get(self, name: str) -> Space | None:
        """The space of this name, if anybody knows it. `vendor-4491` is the space of enterprise 4491."""
        return self._definitions.get(name)

    def _home(self, entry: OptionDataDoc | OptionDefDoc) -> str:
        """The space an entry belongs to."""
        return entry.space or self._top.name

    # Definitions.

    def define_all(self, definitions: Sequence[OptionDefDoc], steps: Steps, *, in_class: bool = False) -> None:
        """Adds definitions. What is wrong with one is reported and the others are added."""
        for index, definition in enumerate(definitions):
            if {"name", "code", "type"} <= definition.written:  # else its absence is reported already
                self._define(definition, (*steps, index), in_class=in_class)

    def _define(self, definition: OptionDefDoc, steps: Steps, *, in_class: bool) -> None:
        code, where = definition.code, self._home(definition)
        if in_class and (where != self._top.name or code not in IN_CLASSES):
            message = f"Not allowed option definition for code '{code}' in space '{where}'"
            self._report.add(
                codes.BAD_OPTION_DEF, (*steps, "code"), message, expected="code 43, or 224 to 254, in dhcp4"
            )
            return
        try:
            self._definitions.add(
                Definition(
                    definition.name,
                    code,
                    definition.type,
                    where,
                    array=definition.array,
                    record_types=[word.strip() for word in definition.record_types.split(",") if word.strip()],
                    encapsulate=definition.encapsulate,
                )
            )
        except DefinitionError as refused:
            self._bad_definition(definition, steps, refused)

    def _bad_definition(self, definition: OptionDefDoc, steps: Steps, refused: DefinitionError) -> None:
        kind = codes.DUPLICATE_OPTION_DEF if isinstance(refused, DefinitionTaken) else codes.BAD_OPTION_DEF
        at = (*steps, refused.part.replace("_", "-")) if refused.part else steps
        message, hint, expected, near = refused.what, refused.hint, "", ""
        if message.startswith("comprising"):
            message = f"option '{self._home(definition)}.{definition.name}', {message}"
        if refused.part == "type" and definition.type not in TYPES and definition.type != "record":
            near = nearest(definition.type, [*TYPES, "record"])
        if "not supported" in message:
            expected = f"one of {', '.join(sorted([*TYPES, 'record']))}"
        elif refused.part == "code" and kind is codes.BAD_OPTION_DEF:
            expected = "1 to 65535" if self._top.wide else "1 to 254"
        self._report.add(kind, at, message, expected=expected, suggestion=near, hint=hint)

    # Data.

    def values(self, entries: Sequence[OptionDataDoc], steps: Steps) -> OptionValues:
        """The options of one level. Those in the space another one encapsulates become part of its payload."""
        if not entries:
            return NO_OPTIONS
        made = [
            (self._home(entry), value)
            for index, entry in enumerate(entries)
            if (value := self._value(entry, (*steps, "option-data", index))) is not None
        ]
        top = [value for space, value in made if space == self._top.name or VENDOR.match(space)]
        if len(top) == len(made):
            return OptionValues(top)
        inside: dict[str, list[OptionValue]] = {}
        for space, value in made:
            inside.setdefault(space, []).append(value)
        self._uncarried(entries, steps, {self._top.name, *self._reached(top, inside, frozenset())})
        return OptionValues(self._filled(value, inside, frozenset()) for value in top)

    def _reached(
        self, values: Sequence[OptionValue], inside: dict[str, list[OptionValue]], above: frozenset[str]
    ) -> Iterator[str]:
        for value in values:
            space = value.option.encapsulates
            if space is not None and space.name not in above:
                yield space.name
                yield from self._reached(inside.get(space.name, ()), inside, above | {space.name})

    def _filled(self, value: OptionValue, inside: dict[str, list[OptionValue]], above: frozenset[str]) -> OptionValue:
        """A value with the options of the space it encapsulates, of the same level, behind its own payload (Kea)."""
        space = value.option.encapsulates
        if space is None or space.name in above or value.option.kind.name in WITHOUT_END:
            return value
        held = [self._filled(inner, inside, above | {space.name}) for inner in inside.get(space.name, ())]
        inside_it = {inner.option.code: inner.payload for inner in held}
        octets = options_octets6(inside_it) if space.wide else options_octets(inside_it)
        return attrs.evolve(value, payload=value.payload + octets)

    def _uncarried(self, entries: Sequence[OptionDataDoc], steps: Steps, reached: set[str]) -> None:
        for index, entry in enumerate(entries):
            where = self._home(entry)
            if where not in reached and not VENDOR.match(where):
                message = f"the option is in space '{where}', which no option of the same level carries: not sent"
                self._report.add(codes.UNCARRIED, (*steps, "option-data", index), message)

    def _value(self, entry: OptionDataDoc, steps: Steps) -> OptionValue | None:
        option = self._option(entry, steps)
        if option is None:
            return None
        payload = self._payload(entry, option, steps)
        if payload is None:
            return None
        if entry.always_send and entry.never_send:
            self._report.add(codes.SEND_CONFLICT, (*steps, "never-send"), "both always-send and never-send", key=True)
        where = self._home(entry)
        if VENDOR.match(where) and option.space != where:  # an enterprise's options are known by its number
            option = attrs.evolve(option, space=where)
        return OptionValue(
            option, payload, entry.always_send, entry.never_send, self._report.place(steps), entry.client_classes
        )

    def _option(self, entry: OptionDataDoc, steps: Steps) -> Option[Any] | None:
        """The definition an entry means; of an unknown option one that holds any octets, if the entry gives octets."""
        name, code, where = entry.name, entry.code, self._home(entry)
        written = entry.written
        if not name and "code" not in written:
            if not {"name", "code"} & written or "name" in written:
                message = "option data configuration requires one of 'code' or 'name' parameters to be specified"
                self._report.add(codes.NO_OPTION, steps, message)
            return None
        code_max = self._top.code_max
        if not 0 <= code <= code_max:
            message = f"invalid option code '{code}', it must not be greater than '{code_max}'"
            expected = "1 to 65535" if self._top.wide else "1 to 254"
            self._report.add(codes.UNKNOWN_OPTION, (*steps, "code"), message, expected=expected)
            return None
        space = self.get(where)
        option = (space.by_code(code) if "code" in written else space.by_name(name)) if space is not None else None
        octets = "code" in written and entry.csv_format is False and not self._reserved(where, code)
        if option is not None:
            if (name or "name" in written) and option.name != name:
                if octets and option.redefinable:  # to Kea 2.2 it has no name yet: any will do
                    return Option(where, code, name, BINARY)
                message = (
                    f"specified option name '{name}' does not match the option definition: '{where}.{option.name}'"
                )
                self._report.add(codes.OPTION_MISMATCH, (*steps, "name"), message, hint=f"code {code} is {option.name}")
                return None
            return option
        if octets:
            return Option(where, code, name or f"option-{code}", BINARY)
        self._unknown(entry, space, steps)
        return None

    def _reserved(self, where: str, code: int) -> bool:
        """Whether a code is none of an option: that of PAD and END, or DHCPv6's 0."""
        return where == self._top.name and (code == 0 or (code == self._top.code_max and not self._top.wide))

    def _unknown(self, entry: OptionDataDoc, space: Space | None, steps: Steps) -> None:
        code = f" having code '{entry.code}'" if "code" in entry.written else ""
        message = f"definition for the option '{self._home(entry)}.{entry.name}'{code} does not exist"
        if not entry.name:
            hint = "define it with option-def, or give its octets in hexadecimal digits with csv-format false"
            self._report.add(codes.UNKNOWN_OPTION, (*steps, "code"), message, hint=hint)
            return
        names = [option.name for level in _levels(space) for option in level]
        near = nearest(entry.name, names)
        hint = ""
        if space is None or not near:
            homes = [known.name for known in self._homes(entry.name) if known is not space]
            hint = f"{entry.name} is in space {homes[0]}" if homes else ""
        self._report.add(codes.UNKNOWN_OPTION, (*steps, "name"), message, suggestion=near, hint=hint)

    def _homes(self, name: str) -> Iterator[Space]:
        """The spaces that have an option of this name."""
        for known in self._definitions.names():
            space = self._definitions.get(known)
            if space is not None and space.by_name(name):
                yield space

    def _payload(self, entry: OptionDataDoc, option: Option[Any], steps: Steps) -> bytes | None:
        data = entry.data
        if entry.csv_format is False:
            return self._octets(data, option, steps, named=bool(entry.name))
        try:
            return option.build_text(data)
        except ValueError as refused:
            self._refused(refused, data, option, steps)
            return None

    def _octets(self, data: str, option: Option[Any], steps: Steps, *, named: bool) -> bytes | None:
        try:
            payload = parse_hex(data)
        except ValueError:
            message = f"option data is not a valid string of hexadecimal digits: {data}"
            hint = "csv-format false takes hexadecimal digits" if option.kind is not BINARY else ""
            self._report.add(codes.BAD_OPTION_VALUE, (*steps, "data"), message, hint=hint)
            return None
        kind = option.kind.plain or option.kind
        # by its code alone an option that Kea does not know is nobody's but the operator's
        unknown = option.redefinable and not named
        if (payload or kind.nothing is None) and not unknown:
            try:
                kind.parse(payload)
            except ValueError as refused:
                self._refused(refused, data, option, steps)
                return None
        return payload

    def _refused(self, refused: ValueError, data: str, option: Option[Any], steps: Steps) -> None:
        said = f"(space: {option.space}, code: {option.code})"
        message = f"option data does not match option definition {said}: {refused}"
        quoted = re.search(r"'([^']+)'", str(refused))
        at = data.find(quoted[1]) if quoted else -1
        within = (at, at + len(quoted[1])) if quoted and at >= 0 else None
        expected = f"{option.kind.text_form} ({option.name})"
        self._report.add(codes.BAD_OPTION_VALUE, (*steps, "data"), message, within=within, expected=expected)


def _levels(space: Space | None) -> Iterator[Space]:
    while space is not None:
        yield space
        space = space.extends
