"""Options as JSON: what any kind's value looks like there, and how options within options are shown and read.

An option is an object: `{"code": 3, "name": "routers", "value": ["192.0.2.1"]}`. `octets` (hexadecimal digits) stands
beside it where the value alone would not give the same payload back, or where there is no value: an option nobody
declared, or one whose payload is refused (`error` says why). `says` tells people what a value means, and `flaws` what
is odd about the options within. What is read needs `code` or `name`, and one of `octets`, `value` and `text` (Kea's
text form), which count in this order. This module does not know packets or which options exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from dhcpkit.wire.errors import JsonError
from dhcpkit.wire.text import parse_hex

if TYPE_CHECKING:
    from dhcpkit.wire.kinds import Kind
    from dhcpkit.wire.options import Option, Space

__all__ = [
    "NESTING_MAX",
    "NOTHING",
    "NOWHERE",
    "OCTETS",
    "Inside",
    "Json",
    "JsonForm",
    "Says",
    "at",
    "by_name",
    "quoted",
    "read_octets",
    "refuse_others",
    "say_letters",
]

T = TypeVar("T")
Json = Any  # what the module `json` reads and writes

NESTING_MAX: Final = 16  # options within options, and messages within them: RFCs need 6; Python's stack holds some 100
QUOTED_MAX: Final = 60  # characters of what was found in a message: enough to find it again
MEMBERS: Final = ("code", "name", "value", "text", "octets", "says", "flaws", "error")  # of an option
CONTENT: Final = frozenset({"value", "text", "octets"})


@attrs.frozen
class JsonForm(Generic[T]):
    """How a kind's values look in JSON, where that is not their text. Both get the options the value may hold."""

    show: Callable[[T, Inside], Json]
    read: Callable[[Json, Inside], T]


@attrs.frozen
class Inside:
    """Where the options that a value holds are declared, and how deep it lies itself."""

    space: Space | None = None
    depth: int = 0

    def vendor(self, enterprise: int) -> Inside:
        """The same for what an enterprise put there."""
        return Inside(None if self.space is None else self.space.vendors.get(enterprise), self.depth)

    def option(self, code: int) -> Option[Any] | None:
        """The option with this code here."""
        return None if self.space is None else self.space.by_code(code)

    def named(self, code: int) -> str:
        """The name of the option with this code, or the code."""
        option = self.option(code)
        return str(code) if option is None else option.name

    def show(
        self, options: Iterable[tuple[int, bytes]], elsewhere: Mapping[int, bytes] | None = None
    ) -> list[dict[str, Json]]:
        """Options by code and payload. Never fails for octets that a peer chose.

        Of those whose payload is shown `elsewhere` the first instance has no value: it says where the option stands.
        """
        if self.depth > NESTING_MAX:
            return [{"code": code, "octets": payload.hex()} for code, payload in options]
        told = dict(elsewhere or {})
        shown = []
        for code, payload in options:
            each = self._show(code, payload)
            if told.pop(code, None) == payload:
                each = {key: kept for key, kept in each.items() if key not in CONTENT}
            shown.append(each)
        return shown

    def read(self, found: Json, elsewhere: Mapping[int, bytes] | None = None) -> list[tuple[int, bytes]]:
        """The inverse of `show`: codes and payloads. JsonError where it is not of that form."""
        if isinstance(found, str) or not isinstance(found, Sequence):
            raise JsonError(f"a list of options expected, not {quoted(found)}")
        if self.depth > NESTING_MAX:
            raise JsonError(f"options lie more than {NESTING_MAX} deep in each other here")
        told = dict(elsewhere or {})
        read = []
        for number, each in enumerate(found):
            with at(number):
                read.append(self._read(each, told))
        return read

    def _show(self, code: int, payload: bytes) -> dict[str, Json]:
        option = self.option(code)
        if option is None:
            return {"code": code, "octets": payload.hex()}
        shown: dict[str, Json] = {"code": code, "name": option.name}
        kind = option.kind
        try:
            value = option.parse(payload)
            again = option.build(value)
        except ValueError as error:
            return shown | {"octets": payload.hex(), "error": str(error)}
        shown["value"] = kind.to_json(value, self._within(option))
        says = option.says or kind.says
        told = says(value, self) if says is not None else ""
        if told:
            shown["says"] = told
        holders = () if kind.inner is None else tuple(kind.inner(value, len(payload)))
        if again != payload or not all(holder.is_plain for _, holder in holders):
            shown["octets"] = payload.hex()
        flaws = [{"offset": skip + offset, "what": what} for skip, holder in holders for offset, what in holder.flaws]
        if flaws:
            shown["flaws"] = flaws
        return shown

    def _within(self, option: Option[Any]) -> Inside:
        """Options of this very space lie in some of its options: there, too, what a user added to the space counts."""
        space = option.encapsulates
        above = self.space
        while above is not None and space is not None:
            if above is space:
                space = self.space
                break
            above = above.extends
        return Inside(space, self.depth + 1)

    def _read(self, found: Json, told: dict[int, bytes]) -> tuple[int, bytes]:
        if not isinstance(found, dict):
            raise JsonError(f"an object with code or name expected, not {quoted(found)}")
        refuse_others(found, MEMBERS)
        code, option = self._find(found)
        payload = told.pop(code, None)
        if payload is None:
            return code, self._payload(found, option)
        if not CONTENT.isdisjoint(found) and self._payload(found, option) != payload:
            raise JsonError("this is not what the message's own fields say: leave it out here, or there")
        return code, payload

    def _payload(self, found: dict[str, Json], option: Option[Any] | None) -> bytes:
        if "octets" in found:
            with at("octets"):
                return read_octets(found["octets"])
        if option is None:
            raise JsonError(f"option {found.get('code')} is not declared here: its octets expected")
        if "value" in found:
            with at("value"):
                return option.build(option.kind.from_json(found["value"], self._within(option)))
        if "text" in found:
            with at("text"):
                if not isinstance(found["text"], str):
                    raise JsonError(f"{option.kind.text_form} expected in text, not {quoted(found['text'])}")
                return option.build_text(found["text"])
        if option.kind.name == "empty":  # it may well have no payload: options, or nothing at all
            return b""
        raise JsonError(f"value, text or octets of option {option.name} expected")

    def _find(self, found: dict[str, Json]) -> tuple[int, Option[Any] | None]:
        code, name = found.get("code"), found.get("name")
        if code is None and name is None:
            raise JsonError("code or name expected")
        named = self.space.by_name(name) if self.space is not None and isinstance(name, str) else None
        if code is None:
            if named is None:
                raise JsonError(f"no option has this name here: {quoted(name)}", ("name",))
            return named.code, named
        code_max = 0xFFFF if self.space is None else self.space.code_max
        if type(code) is not int or not 0 <= code <= code_max:
            raise JsonError(f"a number from 0 to {code_max} expected, not {quoted(code)}", ("code",))
        if named is not None and named.code != code:
            raise JsonError(f"{named.name} is option {named.code}, not {code}", ("name",))
        return code, self.option(code)


NOWHERE: Final = Inside()

# What a value means, in words for people: of the value, and of where it stands (for the names of other options).
# Nothing where there is nothing to say. Never fails for a value that was parsed.
Says = Callable[[T, Inside], str]


@contextmanager
def at(*steps: str | int) -> Iterator[None]:
    """Every ValueError in here becomes a JsonError that lies so many steps further in."""
    try:
        yield
    except JsonError as error:
        raise JsonError(error.what, (*steps, *error.path)) from None
    except ValueError as error:
        raise JsonError(str(error), steps) from None


def by_name(made: Callable[..., T], members: Mapping[str, Kind[Any]]) -> JsonForm[T]:
    """An object with these members, in JSON as in Python; those that `made` has a default for may be left out."""
    needed = {name for name, each in signature(made).parameters.items() if each.default is each.empty}

    def show(value: T, inside: Inside) -> Json:
        return {name: kind.to_json(getattr(value, name), inside) for name, kind in members.items()}

    def read(found: Json, inside: Inside) -> T:
        if not isinstance(found, dict):
            raise JsonError(f"an object with {', '.join(members)} expected, not {quoted(found)}")
        refuse_others(found, members)
        missing = [name for name in members if name not in found and name in needed]
        if missing:
            raise JsonError(f"{', '.join(missing)} missing")
        values = {}
        for name, each in found.items():
            with at(name):
                values[name] = members[name].from_json(each, inside)
        return made(**values)

    return JsonForm(show, read)


def read_octets(found: Json) -> bytes:
    """Octets written as hexadecimal digits: `0a0b`, `0x0A0B`, `0a:0b`, `0a 0b`. JsonError for anything else."""
    if not isinstance(found, str) or "'" in found:
        raise JsonError(f"hexadecimal digits expected, not {quoted(found)}")
    digits = found.removeprefix("0x")
    if len(digits) % 2 and digits.isalnum():
        raise JsonError(f"pairs of hexadecimal digits expected, not {quoted(found)}")
    try:
        return parse_hex(found)
    except ValueError:
        raise JsonError(f"hexadecimal digits expected, not {quoted(found)}") from None


def refuse_others(found: dict[Any, Json], members: Iterable[str]) -> None:
    """JsonError for a member that none of these is."""
    known = tuple(members)
    for name in found:
        if name not in known:
            raise JsonError(f"no such member here: {', '.join(known)} are", (str(name),))


def quoted(found: Json) -> str:
    """What was found, as short as a message wants it."""
    try:
        text = repr(found)
    except RecursionError:
        return "something that is nested very deeply"
    return text if len(text) <= QUOTED_MAX else f"{text[:QUOTED_MAX]}..."


def say_letters(octets: bytes, _: Inside) -> str:
    """Octets as text (a `Says`), where they are letters that anybody can read."""
    text = octets.decode("ascii", "replace")
    return repr(text) if text and text.isascii() and text.isprintable() else ""


def _read_nothing(found: Json, _: Inside) -> bytes:
    if found not in (None, "", []):
        raise JsonError(f"null expected, as there is nothing to say, not {quoted(found)}")
    return b""


NOTHING: Final[JsonForm[bytes]] = JsonForm(lambda _, __: None, _read_nothing)
OCTETS: Final[JsonForm[bytes]] = JsonForm(lambda value, _: value.hex(), lambda found, _: read_octets(found))
