"""Options as DHCPv6 lays them out (RFC 8415 21.1): codes and lengths of two octets, and a code may occur repeatedly.

`Options6` is what a message holds, what lies in an IA or a relay's message, and what is in a vendor's option: the very
octets and an index, made when it is first asked for. This module does not know which options exist.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.json_form import Inside, Json, JsonForm
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.options import Option, Space, built, space_of
from dhcpkit.wire.paste import container_text
from dhcpkit.wire.places import Place, read_option
from dhcpkit.wire.text import parse_digits, show_hex

__all__ = ["HEAD", "OPTIONS6", "Options6", "Values6", "options_octets6"]

T = TypeVar("T")

# Options by declaration or name, with values of their kinds, or by code, with octets; pairs where a code occurs twice.
Values6 = (
    Mapping[Option[Any], Any]
    | Mapping[int, bytes]
    | Mapping[str, Any]
    | Mapping[Option[Any] | int | str, Any]
    | Iterable[tuple[Option[Any] | int | str, Any]]
)

HEAD: Final = 4  # octets of an option's code and length
PAYLOAD_MAX: Final = 0xFFFF  # octets of one option, its length having two
_unpack_head: Final = struct.Struct(">HH").unpack_from
_pack_head: Final = struct.Struct(">HH").pack


class Options6:
    """A row of DHCPv6 options. Immutable; `octets` are as they came, so that writing them again changes nothing.

    `options[OPTION]` is the first instance's value and `all(OPTION)` every one's. Reading never fails: an option that
    runs past the end is left out with all behind it, and `flaws` says so as (offset in `octets`, what).
    """

    __slots__ = ("_first", "_flaws", "_more", "octets", "place")

    head = HEAD
    octets: bytes
    place: Place | None
    _first: dict[int, bytes] | None
    _more: dict[int, list[bytes]]
    _flaws: tuple[tuple[int, str], ...]

    def __init__(self, octets: bytes = b"") -> None:
        self.octets = octets
        self.place = None
        self._first = None

    @classmethod
    def of(cls, values: Values6, space: Space | None = None) -> Options6:
        """From options and their values, names in `space` and values, or codes and octets.

        Pairs where an option occurs more than once. ValueError where an option has no form for its value.
        """
        # asking whether a list is a Mapping costs as much as writing an option
        pairs = values if type(values) is list else list(values.items() if isinstance(values, Mapping) else values)
        made = cls(options_octets6(pairs, space))
        if space is None:
            space = space_of(option for option, _ in pairs)
        made.place = Place(space=space)
        return made

    @property
    def first(self) -> Mapping[int, bytes]:
        """The payload of each code's first instance, in the order they came."""
        return self._index() if self._first is None else self._first

    @property
    def flaws(self) -> tuple[tuple[int, str], ...]:
        """What is odd about the octets: (offset, what)."""
        if self._first is None:
            self._index()
        return self._flaws

    @property
    def is_plain(self) -> bool:
        """Whether its options are all there is in the octets."""
        return not self.flaws

    @property
    def is_once(self) -> bool:
        """Whether no code occurs more than once."""
        if self._first is None:
            self._index()
        return not self._more

    def payloads(self, code: int) -> Sequence[bytes]:
        """The payloads of all instances of a code, in the order they came."""
        first = self.first.get(code)
        if first is None:
            return ()
        more = self._more.get(code)
        return (first,) if more is None else (first, *more)

    def last(self, code: int) -> bytes | None:
        """The payload of the last instance of a code, or None where there is none."""
        first = self.first.get(code)
        more = self._more.get(code)
        return first if more is None else more[-1]

    def items(self) -> Iterator[tuple[int, bytes]]:
        """Code and payload of each option, in the order they came."""
        return ((code, payload) for _, code, payload in self.placed())

    def placed(self) -> Iterator[tuple[int, int, bytes]]:
        """Where each option starts in `octets`, its code and payload."""
        octets, at, end = self.octets, 0, len(self.octets)
        while at + HEAD <= end:
            code, size = _unpack_head(octets, at)
            start = at + HEAD
            stop = start + size
            if stop > end:
                return
            yield at, code, octets[start:stop]
            at = stop

    def offset(self, code: int, number: int = 0) -> int:
        """Where an instance of an option starts in `octets`; their end where there is none."""
        octets, at, end = self.octets, 0, len(self.octets)
        while at + HEAD <= end:
            found, size = _unpack_head(octets, at)
            if found == code:
                if not number:
                    return at
                number -= 1
            at += HEAD + size
        return end

    def parts(self, code: int, at: int) -> Sequence[tuple[int, int]]:
        """Of an option that starts there: where in `octets` its payload lies, which is in one piece here."""
        return ((0, at + HEAD),)

    def __getitem__(self, option: Option[T]) -> T:
        """The value of the first instance. KeyError where there is none, WireError where it is not of its kind."""
        first = self._index() if self._first is None else self._first  # a property costs as much as the rest
        return read_option(self, option, first[option.code])

    def get(self, option: Option[T]) -> T | None:
        """The value of the first instance, or None where there is none. WireError where it is not of its kind."""
        payload = self.first.get(option.code)
        return None if payload is None else read_option(self, option, payload)

    def all(self, option: Option[T]) -> tuple[T, ...]:
        """The values of all instances. WireError where one is not of its kind."""
        first = self.first.get(option.code)
        if first is None:
            return ()
        if option.code not in self._more:
            return (read_option(self, option, first),)
        payloads = self.payloads(option.code)
        return tuple(read_option(self, option, payload, number) for number, payload in enumerate(payloads))

    def replacing(self, option: Option[T], *values: T) -> Options6:
        """A copy in which the option has these values, where its first instance stood or at the end."""
        return self.replacing_octets(option.code, *(option.build(value) for value in values))

    def replacing_octets(self, code: int, *payloads: bytes) -> Options6:
        """As `replacing`, by code and octets."""
        made: list[tuple[int, bytes]] = []
        fresh = [(code, payload) for payload in payloads]
        for found, payload in self.items():
            if found != code:
                made.append((found, payload))
            else:
                made += fresh
                fresh = []
        return self._with(options_octets6(made + fresh))

    def adding(self, option: Option[T], value: T) -> Options6:
        """A copy with one more instance of the option, at the end."""
        return self._with(options_octets6([*self.items(), (option, value)]))

    def without(self, option: Option[Any]) -> Options6:
        """A copy in which the option is absent."""
        return self.replacing_octets(option.code)

    def __contains__(self, option: object) -> bool:
        return isinstance(option, Option) and option.code in self.first

    def __iter__(self) -> Iterator[int]:
        return iter(self.first)

    def __len__(self) -> int:
        return len(self.first)

    def __bytes__(self) -> bytes:
        return self.octets

    def __eq__(self, other: object) -> bool:
        return self.octets == other.octets if isinstance(other, Options6) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.octets)

    def __repr__(self) -> str:
        return container_text(self, self.octets, self.items() if self.is_plain else None)

    def _with(self, octets: bytes) -> Options6:
        made = Options6(octets)
        made.place = self.place
        return made

    def _index(self) -> dict[int, bytes]:
        octets, at, end = self.octets, 0, len(self.octets)
        first: dict[int, bytes] = {}
        more: dict[int, list[bytes]] = {}
        flaws: tuple[tuple[int, str], ...] = ()
        while at < end:
            start = at + HEAD
            if start > end:
                flaws = ((at, f"an option's code and length need {HEAD} octets, {end - at} left"),)
                break
            code, size = _unpack_head(octets, at)
            stop = start + size
            if stop > end:
                flaws = ((at, f"option {code} runs past the end: {size} octets announced, {end - start} left"),)
                break
            if code in first:
                more.setdefault(code, []).append(octets[start:stop])
            else:
                first[code] = octets[start:stop]
            at = stop
        self._first, self._more, self._flaws = first, more, flaws
        return first


def options_octets6(values: Values6, space: Space | None = None) -> bytes:
    """Options one after the other, in the order given. ValueError for what has no form or name, or is too long."""
    parts: list[bytes] = []
    pairs = values if type(values) is list else values.items() if isinstance(values, Mapping) else values
    for option, value in pairs:
        if type(option) is int and type(value) is bytes:
            code, payload = option, value
        else:
            code, payload = built(option, value, space)
        size = len(payload)
        if size > PAYLOAD_MAX:
            raise ValueError(f"option {code}: a payload has at most {PAYLOAD_MAX} octets, not {size}")
        if not 0 <= code <= 0xFFFF:
            raise ValueError(f"an option's code is 0 to 65535, not {code}")
        parts += (_pack_head(code, size), payload)
    return b"".join(parts)


def _parse_fields(fields: Sequence[str]) -> Options6:
    return Options6(parse_digits(fields[0]) if fields else b"")


def _show_fields(value: Options6) -> Sequence[str]:
    return (show_hex(value.octets),) if value.octets else ()


def _show_json(value: Options6, inside: Inside) -> Json:
    return inside.show(value.items())


def _read_json(found: Json, inside: Inside) -> Options6:
    return Options6(options_octets6(inside.read(found)))


# Kea's type is `empty`: a configuration gives no data, but options in the space that the option encapsulates.
OPTIONS6: Final[Kind[Options6]] = Kind(
    "empty",
    Mapped(c.GreedyBytes, Options6, bytes),
    _parse_fields,
    _show_fields,
    "hexadecimal digits or nothing",
    json=JsonForm(_show_json, _read_json),
    inner=lambda value, _: ((0, value),),
)
