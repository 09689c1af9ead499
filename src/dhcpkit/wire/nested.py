"""Options inside an option: a relay agent's (82), a vendor's (43, 125).

The value is a `SubOptions`: the payload's very octets and an index of what lies in them, decoded on access as in a
packet. This module does not know which sub-options exist; they are declared in spaces like any option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.json_form import Inside, Json, JsonForm
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.options import Option, Space, built, space_of
from dhcpkit.wire.paste import container_text
from dhcpkit.wire.places import Place, read_option
from dhcpkit.wire.text import parse_digits, show_hex

__all__ = ["HEAD", "SUB_OPTIONS", "VENDOR_SUB_OPTIONS", "SubOptions", "Values", "options_octets"]

T = TypeVar("T")

# Options by declaration or name, with values of their kinds, or by code, with octets.
Values = Mapping[Option[Any], Any] | Mapping[int, bytes] | Mapping[str, Any] | Mapping[Option[Any] | int | str, Any]

OPTION_MAX: Final = 255  # octets one instance can hold, its length being one octet; longer values are split (RFC 3396)
HEAD: Final = 2  # octets of an option's code and length
PAD: Final = 0
END: Final = 255


class SubOptions:
    """The options inside an option. Immutable; `octets` is the payload as it came, `options` maps code to joined value.

    Reading never fails, as in Kea: a sub-option that runs past the end is left out with all behind it, and `flaws`
    says so as (offset in the payload, what). With `padded`, codes 0 and 255 are PAD and END.
    """

    __slots__ = ("flaws", "octets", "options", "padded", "place")

    head = HEAD
    octets: bytes
    padded: bool
    place: Place | None
    options: Mapping[int, bytes]
    flaws: tuple[tuple[int, str], ...]

    def __init__(self, octets: bytes = b"", *, padded: bool = False) -> None:
        self.octets = octets
        self.padded = padded
        self.place = None
        found, self.flaws = _index(octets, padded=padded)
        self.options = MappingProxyType(found)

    @classmethod
    def of(cls, values: Values, space: Space | None = None, *, padded: bool = False) -> SubOptions:
        """From options and their values, names in `space` and values, or codes and octets.

        ValueError where an option has no form for its value.
        """
        made = cls(options_octets(values, space), padded=padded)
        made.place = Place(space=space_of(values) if space is None else space)
        return made

    @property
    def is_plain(self) -> bool:
        """Whether its options, written one after the other, are these octets: no padding, flaws or unusual parts."""
        return options_octets(self.options) == self.octets

    def items(self) -> Iterator[tuple[int, bytes]]:
        """Code and joined payload of each option, in the order they came."""
        return iter(self.options.items())

    def offset(self, code: int, number: int = 0) -> int:
        """Where an instance of a sub-option starts in `octets`; their end where there is none."""
        for at, found in starts(self.octets, 0, padded=self.padded):
            if found == code:
                if not number:
                    return at
                number -= 1
        return len(self.octets)

    def parts(self, code: int, at: int) -> Sequence[tuple[int, int]]:
        """Of a sub-option that starts there: offsets in its joined payload, and where in `octets` its parts lie."""
        return parts_of(self.octets, at, code, padded=self.padded)

    def placed(self) -> Iterator[tuple[int, int, bytes]]:
        """Where each option's first instance starts, its code and joined payload."""
        first = first_starts(self.octets, 0, padded=self.padded)
        return ((first[code], code, payload) for code, payload in self.options.items())

    def __getitem__(self, option: Option[T]) -> T:
        """The sub-option's value. KeyError where it is absent, WireError where it is not of its kind."""
        return read_option(self, option, self.options[option.code])

    def get(self, option: Option[T]) -> T | None:
        """The sub-option's value, or None where it is absent. WireError where its octets are not of its kind."""
        return self[option] if option.code in self.options else None

    def all(self, option: Option[T]) -> tuple[T, ...]:
        """As for DHCPv6: the values of all instances, which are parts of one here (RFC 3396). WireError as above."""
        return (self[option],) if option.code in self.options else ()

    def replacing(self, option: Option[T], value: T) -> SubOptions:
        """A copy in which the sub-option has this value, where it stood or at the end."""
        return self._with(dict(self.options) | {option.code: option.build(value)})

    def without(self, option: Option[Any]) -> SubOptions:
        """A copy in which the sub-option is absent."""
        return self._with({code: payload for code, payload in self.options.items() if code != option.code})

    def _with(self, options: dict[int, bytes]) -> SubOptions:
        made = SubOptions(options_octets(options), padded=self.padded)
        made.place = self.place
        return made

    def __contains__(self, option: object) -> bool:
        return isinstance(option, Option) and option.code in self.options

    def __iter__(self) -> Iterator[int]:
        return iter(self.options)

    def __len__(self) -> int:
        return len(self.options)

    def __eq__(self, other: object) -> bool:
        return self.octets == other.octets if isinstance(other, SubOptions) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.octets)

    def __bytes__(self) -> bytes:
        return self.octets

    def __repr__(self) -> str:
        extra = "padded=True" if self.padded else ""
        return container_text(self, self.octets, self.items() if self.is_plain else None, extra)


def options_octets(values: Values, space: Space | None = None) -> bytes:
    """Options one after the other, in the mapping's order, split where longer than 255 octets (RFC 3396); no END.

    ValueError where an option has no form for its value, or no option has a name in `space`.
    """
    parts: list[bytes] = []
    for option, value in values.items():
        if type(option) is int and type(value) is bytes:
            code, payload = option, value
        else:
            code, payload = built(option, value, space)
        size = len(payload)
        if not 0 <= code <= 0xFF:
            raise ValueError(f"an option's code is 0 to 255, not {code}")
        if size <= OPTION_MAX:
            parts += (bytes((code, size)), payload)
        else:
            for start in range(0, size, OPTION_MAX):
                piece = payload[start : start + OPTION_MAX]
                parts += (bytes((code, len(piece))), piece)
    return b"".join(parts)


def starts(octets: bytes, at: int, *, padded: bool) -> Iterator[tuple[int, int]]:
    """Where options start and their codes, each instance, from an offset on; one that is cut off among them."""
    end = len(octets)
    while at + 1 < end:
        code = octets[at]
        if padded and code == END:
            return
        if padded and code == PAD:
            at += 1
            continue
        yield at, code
        at += HEAD + octets[at + 1]


def first_starts(octets: bytes, at: int, *, padded: bool) -> dict[int, int]:
    """Where the first instance of each code starts."""
    first: dict[int, int] = {}
    for start, code in starts(octets, at, padded=padded):
        first.setdefault(code, start)
    return first


def parts_of(octets: bytes, at: int, code: int, *, padded: bool) -> Sequence[tuple[int, int]]:
    """Offsets in the joined payload of a code, and where the octets from there on lie: RFC 3396's parts."""
    found, size = [], 0
    for start, other in starts(octets, at, padded=padded):
        if other == code:
            found.append((size, start + HEAD))
            size += octets[start + 1]
    return found or ((0, len(octets)),)


def _index(octets: bytes, *, padded: bool) -> tuple[dict[int, bytes], tuple[tuple[int, str], ...]]:
    options: dict[int, bytes] = {}
    more: dict[int, list[bytes]] = {}  # instances behind the first, joined once: `+=` on each would cost quadratic time
    at, end = 0, len(octets)
    flaws: tuple[tuple[int, str], ...] = ()
    while at < end:
        code = octets[at]
        if padded and code == PAD:
            at += 1
            continue
        if padded and code == END:
            break
        start = at + 2
        stop = start + octets[at + 1] if start <= end else end + 1
        if stop > end:
            flaws = ((at, f"sub-option {code} runs past the end"),)
            break
        if code in options:
            more.setdefault(code, []).append(octets[start:stop])
        else:
            options[code] = octets[start:stop]
        at = stop
    for code, parts in more.items():
        options[code] = b"".join((options[code], *parts))
    return options, flaws


def _parse_fields(fields: Sequence[str]) -> SubOptions:
    return SubOptions(parse_digits(fields[0]) if fields else b"")


def _parse_padded(fields: Sequence[str]) -> SubOptions:
    return SubOptions(parse_digits(fields[0]) if fields else b"", padded=True)


def _show_fields(value: SubOptions) -> Sequence[str]:
    return (show_hex(value.octets),) if value.octets else ()


def _show_json(value: SubOptions, inside: Inside) -> Json:
    return inside.show(value.items())


def _read_json(found: Json, inside: Inside) -> SubOptions:
    return SubOptions(options_octets(_joined(inside.read(found))))


def _read_padded_json(found: Json, inside: Inside) -> SubOptions:
    return SubOptions(options_octets(_joined(inside.read(found))), padded=True)


def _joined(found: list[tuple[int, bytes]]) -> dict[int, bytes]:
    parts: dict[int, list[bytes]] = {}
    for code, payload in found:
        parts.setdefault(code, []).append(payload)
    return {code: b"".join(payloads) for code, payloads in parts.items()}


# Kea's type for both is `empty`: a configuration gives no data, but options in the space they encapsulate. Their text
# here is nothing, or for people's eyes the payload in hexadecimal digits.
SUB_OPTIONS: Final[Kind[SubOptions]] = Kind(
    "empty",
    Mapped(c.GreedyBytes, SubOptions, bytes),
    _parse_fields,
    _show_fields,
    "hexadecimal digits or nothing",
    json=JsonForm(_show_json, _read_json),
    inner=lambda value, _: ((0, value),),
)
VENDOR_SUB_OPTIONS: Final[Kind[SubOptions]] = Kind(  # RFC 2132 8.4 lets option 43 be padded and ended
    "empty",
    Mapped(c.GreedyBytes, lambda octets: SubOptions(octets, padded=True), bytes),
    _parse_padded,
    _show_fields,
    "hexadecimal digits or nothing",
    json=JsonForm(_show_json, _read_padded_json),
    inner=lambda value, _: ((0, value),),
)
