"""What an option's payload is: a construct declaration, its derived codec and its text form in one value.

A `Kind` is all that is ever said about a form of payload; options only name one. The text forms are Kea's
(`option-data` with `csv-format` true, see `text.py`). This module does not know options or packets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, overload

import attrs
import construct as c

from dhcpkit.wire.derive import Codec, Mapped, Row, Sized, derive
from dhcpkit.wire.json_form import NOTHING, NOWHERE, OCTETS, Inside, Json, JsonForm, Says, at, by_name, say_letters
from dhcpkit.wire.text import join_text, parse_digits, parse_hex, parse_number, show_hex, split_text

__all__ = [
    "BINARY",
    "BOOLEAN",
    "EMPTY",
    "INT8",
    "INT16",
    "INT32",
    "IPV4",
    "IPV6",
    "IPV6_PREFIX",
    "LONG_TUPLE",
    "PSID",
    "TEXT",
    "TUPLE",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "Kind",
    "composed",
    "in_digits",
    "list_of",
    "octets_for_bits",
    "parse_hex",
    "record",
    "scalar",
    "show_hex",
    "split_text",
]

BLANKS: Final = re.compile(r"[ \t]")

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@attrs.frozen(eq=False)
class Kind(Generic[T]):
    """A form of payload. `name` is Kea's type name where Kea has one (`ipv4-address`, `uint16`, `record` ...).

    `parse_fields` makes a value of the fields of a text and raises ValueError with a sentence that says what was
    expected; `show_fields` is its inverse; `text_form` shows the form in one line, for the reference and for error
    messages. `array` and `element` describe lists, `fields` records, and `members` the fields of what `made` makes of
    them by name, to whoever derives from kinds. `nothing` is the payload of a text without fields, where there may be
    one. `json` is the form in JSON where that is not the text, and `says` tells people what a value means where that
    does not. `width` is how many fields the text of a value has, or at least has. `inner` finds the options in a value
    whose payload has so many octets: each with its offset in the payload. `plain` is Kea's own kind where that takes
    more than this one: what a configuration gives is held to it alone.
    """

    name: str
    con: Any = attrs.field(repr=False)
    parse_fields: Callable[[Sequence[str]], T] = attrs.field(repr=False)
    show_fields: Callable[[T], Sequence[str]] = attrs.field(repr=False)
    text_form: str = attrs.field(repr=False)
    width: int = 1
    array: bool = False
    element: Kind[Any] | None = attrs.field(default=None, repr=False)
    fields: tuple[Kind[Any], ...] = attrs.field(default=(), repr=False)
    nothing: bytes | None = attrs.field(default=None, repr=False)
    json: JsonForm[T] | None = attrs.field(default=None, repr=False)
    says: Says[T] | None = attrs.field(default=None, repr=False)
    members: Mapping[str, Kind[Any]] = attrs.field(factory=dict, repr=False)
    made: Callable[..., T] | None = attrs.field(default=None, repr=False)
    inner: Callable[[T, int], Iterable[tuple[int, Any]]] | None = attrs.field(default=None, repr=False)
    plain: Kind[Any] | None = attrs.field(default=None, repr=False)
    codec: Codec[T] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "codec", derive(self.con))

    def parse(self, data: bytes) -> T:
        """Octets of a whole payload to its value; ValueError where the declaration refuses them."""
        return self.codec.parse(data)

    def build(self, value: T) -> bytes:
        """Value to octets; ValueError where the declaration has no form for it."""
        return self.codec.build(value)

    def parse_text(self, text: str) -> T:
        """The value of a text; ValueError where it is not of the kind's form.

        As in Kea, fields behind those that the kind needs are passed over: of `a, b` a string is `a`.
        """
        return self.parse_fields(split_text(text))

    def show_text(self, value: T) -> str:
        """The text of a value."""
        return join_text(self.show_fields(value))

    def build_text(self, text: str) -> bytes:
        """The payload that Kea makes of a text; a list may be given no values there, and is sent without octets."""
        if self.plain is not None:
            return self.plain.build_text(text)
        fields = split_text(text)
        return self.build(self.parse_fields(fields)) if fields or self.nothing is None else self.nothing

    def to_json(self, value: T, inside: Inside = NOWHERE) -> Json:
        """The value as JSON holds it; the options in it are those `inside` declares."""
        if self.json is not None:
            return self.json.show(value, inside)
        fields = list(self.show_fields(value))
        return fields if self.array or len(fields) != 1 else fields[0]

    def from_json(self, found: Json, inside: Inside = NOWHERE) -> T:
        """The inverse of `to_json`. ValueError that names the place and says what was expected there."""
        if self.json is not None:
            return self.json.read(found, inside)
        fields = [found] if isinstance(found, str) else found
        if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
            raise ValueError(f"{self.text_form} expected, not {found!r}")
        return self.parse_fields(fields)


def scalar(  # noqa: PLR0913, PLR0917  # the two directions of two forms
    name: str,
    con: Any,
    parse_field: Callable[[str], T],
    show_field: Callable[[T], str],
    text_form: str,
    json: JsonForm[T] | None = None,
    says: Says[T] | None = None,
) -> Kind[T]:
    """A kind whose text is one field."""

    def parse_fields(fields: Sequence[str]) -> T:
        if not fields:
            raise ValueError(f"no value given: {text_form} expected")
        return parse_field(fields[0])

    return Kind(name, con, parse_fields, lambda value: (show_field(value),), text_form, json=json, says=says)


def list_of(element: Kind[T], *, least: int = 1) -> Kind[tuple[T, ...]]:
    """One or more values of `element`, one after the other; in text separated by commas. With `least` 0 maybe none."""
    enough = _at_least_one if least else tuple

    def parse_fields(fields: Sequence[str]) -> tuple[T, ...]:
        starts = range(0, len(fields), element.width)
        return enough([element.parse_fields(fields[start : start + element.width]) for start in starts])

    def show_fields(values: tuple[T, ...]) -> Sequence[str]:
        return [field for value in values for field in element.show_fields(value)]

    con = Mapped(c.GreedyRange(element.con), enough, lambda values: list(enough(tuple(values))))

    def show(values: tuple[T, ...], inside: Inside) -> Json:
        return [element.to_json(value, inside) for value in values]

    def read(found: Json, inside: Inside) -> tuple[T, ...]:
        return enough([_at(n, element, each, inside) for n, each in enumerate(_json_list(found))])

    return Kind(
        element.name,
        con,
        parse_fields,
        show_fields,
        f"{element.text_form}, several separated by commas",
        array=True,
        element=element,
        nothing=b"",
        json=JsonForm(show, read),
    )


@overload
def record(a: Kind[A], b: Kind[B], /) -> Kind[tuple[A, B]]: ...
@overload
def record(a: Kind[A], b: Kind[B], c: Kind[C], /) -> Kind[tuple[A, B, C]]: ...
@overload
def record(a: Kind[A], b: Kind[B], c: Kind[C], d: Kind[D], /) -> Kind[tuple[A, B, C, D]]: ...
@overload
def record(*kinds: Kind[Any]) -> Kind[Any]: ...
def record(*kinds: Kind[Any]) -> Kind[Any]:
    """Values of several kinds, one after the other, as a tuple. Where the last is a list it takes all that is left.

    Where the last holds options, they are the value's.
    """

    def show_fields(values: tuple[Any, ...]) -> Sequence[str]:
        return [field for kind, value in zip(kinds, values, strict=True) for field in kind.show_fields(value)]

    def show(values: tuple[Any, ...], inside: Inside) -> Json:
        return [kind.to_json(value, inside) for kind, value in zip(kinds, values, strict=True)]

    def read(found: Json, inside: Inside) -> tuple[Any, ...]:
        if len(_json_list(found)) != len(kinds):
            raise ValueError(f"a list of {len(kinds)} values expected, not of {len(found)}")
        pairs = zip(kinds, found, strict=True)
        return tuple(_at(number, kind, each, inside) for number, (kind, each) in enumerate(pairs))

    def inner(values: tuple[Any, ...], size: int) -> Iterable[tuple[int, Any]]:
        return ((size - len(values[-1].octets), values[-1]),)

    members = [str(number) / kind.con for number, kind in enumerate(kinds)]
    con = Row(c.Struct(*members), lambda *values: values, lambda values: values)
    return Kind(
        "record",
        con,
        lambda fields: _fields_of(kinds, fields),
        show_fields,
        ", ".join(kind.text_form for kind in kinds),
        width=sum(kind.width for kind in kinds),
        fields=kinds,
        json=JsonForm(show, read),
        inner=inner if kinds and kinds[-1].inner is not None else None,
    )


def composed(made: Callable[..., T], /, **members: Kind[Any]) -> Kind[T]:
    """Values of several kinds, one after the other, as an object that `made` makes of them by name.

    The object has an attribute for each member. In JSON it is an object too; in text the members stand in a row, the
    last of them taking all that is left. Where the last holds options, they are the value's.
    """
    kinds = tuple(members.values())
    names = tuple(members)

    def show_fields(value: T) -> Sequence[str]:
        return [field for name, kind in members.items() for field in kind.show_fields(getattr(value, name))]

    last = names[-1]

    def inner(value: T, size: int) -> Iterable[tuple[int, Any]]:
        options = getattr(value, last)
        return ((size - len(options.octets), options),)

    several = attrgetter(*names)
    attributes = several if len(names) > 1 else lambda value: (several(value),)
    return Kind(
        "record",
        Row(c.Struct(*(name / kind.con for name, kind in members.items())), _by_position(made, names), attributes),
        lambda fields: made(**dict(zip(names, _fields_of(kinds, fields), strict=True))),
        show_fields,
        ", ".join(f"{name}: {kind.text_form}" for name, kind in members.items()),
        width=sum(kind.width for kind in kinds),
        json=by_name(made, members),
        members=members,
        made=made,
        inner=None if kinds[-1].inner is None else inner,
    )


def _by_position(made: Callable[..., T], names: Sequence[str]) -> Callable[..., T]:
    """`made`, to be called with values in the order of these names: itself where that is its own order, too."""
    own = list(signature(made).parameters.values())[: len(names)]
    if [each.name for each in own] == list(names) and all(each.kind is each.POSITIONAL_OR_KEYWORD for each in own):
        return made
    return lambda *values: made(**dict(zip(names, values, strict=True)))


def _fields_of(kinds: Sequence[Kind[Any]], fields: Sequence[str]) -> tuple[Any, ...]:
    """The values of kinds in a row of fields: each as many as it needs, the last kind takes all that is left."""
    needed = sum(kind.width for kind in kinds) - (kinds[-1].inner is not None)  # options may be absent
    if len(fields) < needed:
        raise ValueError(f"{needed} values separated by commas expected, not {len(fields)}")
    values, at = [], 0
    for kind in kinds[:-1]:
        values.append(kind.parse_fields(fields[at : at + kind.width]))
        at += kind.width
    return (*values, kinds[-1].parse_fields(fields[at:]))


def _at(number: int, kind: Kind[T], found: Json, inside: Inside) -> T:
    with at(number):
        return kind.from_json(found, inside)


def _json_list(found: Json) -> list[Json]:
    if not isinstance(found, list):
        raise ValueError(f"a list expected, not {found!r}")  # noqa: TRY004  # a value, not a type, to callers
    return found


def in_digits(kind: Kind[T]) -> Kind[T]:
    """The same values where Kea knows only `binary`: their text is their payload in hexadecimal digits.

    A configuration may give any digits, as in Kea.
    """
    return attrs.evolve(
        kind,
        name="binary",
        parse_fields=lambda fields: kind.parse(BINARY.parse_fields(fields)),
        show_fields=lambda value: (show_hex(kind.build(value)),),
        text_form=BINARY.text_form,
        width=1,
        array=False,
        plain=BINARY,
    )


def octets_for_bits(bits: int) -> int:
    """How many octets hold so many bits."""
    return (bits + 7) // 8


def _number(name: str, con: Any, low: int, high: int) -> Kind[int]:
    text_form = f"a whole number from {low} to {high}"

    def read(found: Json, _: Inside) -> int:
        if type(found) is not int or not low <= found <= high:
            raise ValueError(f"{text_form} expected, not {found!r}")
        return found

    return scalar(
        name, con, lambda field: parse_number(field, low, high), str, text_form, JsonForm(lambda value, _: value, read)
    )


def _json_text(found: Json, _: Inside) -> str:
    if not isinstance(found, str):
        raise ValueError(f"text expected, not {found!r}")  # noqa: TRY004  # a value, not a type, to callers
    return found


def _json_truth(found: Json, _: Inside) -> bool:
    if not isinstance(found, bool):
        raise ValueError(f"true or false expected, not {found!r}")  # noqa: TRY004  # a value, not a type, to callers
    return found


_AS_TEXT: Final[JsonForm[str]] = JsonForm(lambda value, _: value, _json_text)


def _address(field: str) -> IPv4Address:
    try:
        return IPv4Address(field)
    except ValueError:
        raise ValueError(f"{field!r} is not an IPv4 address") from None


def _address6(field: str) -> IPv6Address:
    try:
        return IPv6Address(field)
    except ValueError:
        raise ValueError(f"{field!r} is not an IPv6 address") from None


def _prefix6(field: str) -> IPv6Network:
    address, _, bits = re.sub(BLANKS, "", field).partition("/")  # as Kea, which clears the bits behind the prefix, too
    try:
        return IPv6Network((int(IPv6Address(address)), parse_number(bits, 0, 128)), strict=False)
    except ValueError:
        raise ValueError(f"{field!r} is not an IPv6 prefix such as 2001:db8::/48") from None


def _prefix6_decode(found: tuple[int, bytes]) -> IPv6Network:
    bits, octets = found
    # RFC 7598 4.1, as elsewhere: bits behind the prefix, up to the octet's end, count for nothing
    return IPv6Network((octets.ljust(16, b"\0"), bits), strict=False)


def _prefix6_encode(prefix: IPv6Network) -> tuple[int, bytes]:
    return prefix.prefixlen, prefix.network_address.packed[: octets_for_bits(prefix.prefixlen)]


def _psid(field: str) -> tuple[int, int]:
    value, slash, bits = re.sub(BLANKS, "", field).partition("/")
    if not slash:
        raise ValueError(f"{field!r} is not a port set such as 3/4 (PSID and its length in bits)")
    return _check_psid(parse_number(value, 0, 2**16 - 1), parse_number(bits, 0, 16))


def _check_psid(value: int, bits: int) -> tuple[int, int]:
    if not 0 <= bits <= 16:
        raise ValueError(f"a PSID has 0 to 16 bits, not {bits}")
    if value >> bits:
        raise ValueError(f"PSID {value} does not fit into {bits} bits")
    return value, bits


def _psid_decode(bits: int, value: int) -> tuple[int, int]:
    # RFC 7618 3: the PSID stands left-aligned in 16 bits; what follows it counts for nothing
    return _check_psid(value >> (16 - bits) if bits <= 16 else 0, bits)


def _psid_encode(psid: tuple[int, int]) -> tuple[int, int]:
    value, bits = _check_psid(*psid)
    return bits, value << (16 - bits)


def _no_text(fields: Sequence[str]) -> bytes:
    if fields:
        raise ValueError(f"no value expected, not {fields[0]!r}")
    return b""


def _no_octets(octets: bytes) -> bytes:
    if octets:
        raise ValueError(f"no octets expected, not {len(octets)}")
    return octets


def _truth(octet: int) -> bool:
    if octet > 1:
        raise ValueError(f"0 or 1 expected, not {octet}")
    return octet == 1


def _truth_number(value: bool) -> int:  # noqa: FBT001  # a value, not a switch
    if value not in (True, False):
        raise ValueError(f"true or false expected, not {value!r}")
    return int(value)


def _truth_text(field: str) -> bool:
    word = field.lower()
    if word not in ("true", "1", "false", "0"):
        raise ValueError(f"true or false expected, not {field!r}")
    return word in ("true", "1")


def _text_decode(octets: bytes) -> str:
    # RFC 2132 2: options containing NVT ASCII data should not include a trailing NULL, but receivers must cope.
    return octets.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _text_encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _some_text(field: str) -> str:
    if not field:
        raise ValueError("no text given")
    return field


def _tuple(length: Any, octets_max: int) -> Kind[str]:
    """Text behind its length. Kea's `tuple` of DHCPv4 has one octet of length, that of RFC 8572 has two."""
    con = Mapped(c.Prefixed(length, c.GreedyBytes), _text_decode, _text_encode)
    return scalar("tuple", con, _some_text, lambda text: text, f"text of at most {octets_max} octets", _AS_TEXT)


def _at_least_one(values: Sequence[Any]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("at least one value expected")
    return tuple(values)


UINT8: Final = _number("uint8", c.Int8ub, 0, 255)
UINT16: Final = _number("uint16", c.Int16ub, 0, 65535)
UINT32: Final = _number("uint32", c.Int32ub, 0, 2**32 - 1)
UINT64: Final = _number("uint64", c.Int64ub, 0, 2**64 - 1)  # not a type of Kea's
INT8: Final = _number("int8", c.Int8sb, -128, 127)
INT16: Final = _number("int16", c.Int16sb, -32768, 32767)
INT32: Final = _number("int32", c.Int32sb, -(2**31), 2**31 - 1)
IPV4: Final[Kind[IPv4Address]] = scalar(
    "ipv4-address", Mapped(c.Bytes(4), IPv4Address, lambda a: a.packed), _address, str, "an IPv4 address"
)
IPV6: Final[Kind[IPv6Address]] = scalar(
    "ipv6-address", Mapped(c.Bytes(16), IPv6Address, lambda a: a.packed), _address6, str, "an IPv6 address"
)
IPV6_PREFIX: Final[Kind[IPv6Network]] = scalar(
    "ipv6-prefix",
    Mapped(Sized(c.Int8ub, octets_for_bits), _prefix6_decode, _prefix6_encode),
    _prefix6,
    str,
    "an IPv6 prefix",
)
PSID: Final[Kind[tuple[int, int]]] = scalar(
    "psid",
    Row(c.Struct("bits" / c.Int8ub, "value" / c.Int16ub), _psid_decode, _psid_encode),
    _psid,
    lambda psid: f"{psid[0]}/{psid[1]}",
    "a port set: PSID/length",
)
BOOLEAN: Final[Kind[bool]] = scalar(
    "boolean",
    Mapped(c.Int8ub, _truth, _truth_number),
    _truth_text,
    lambda value: "true" if value else "false",
    "true or false",
    JsonForm(lambda value, _: value, _json_truth),
)
TEXT: Final[Kind[str]] = scalar(
    "string", Mapped(c.GreedyBytes, _text_decode, _text_encode), _some_text, lambda text: text, "text", _AS_TEXT
)
TUPLE: Final = _tuple(c.Int8ub, 255)
LONG_TUPLE: Final = _tuple(c.Int16ub, 65535)
BINARY: Final[Kind[bytes]] = scalar(
    "binary", c.GreedyBytes, parse_digits, show_hex, "hexadecimal digits", OCTETS, say_letters
)
EMPTY: Final[Kind[bytes]] = Kind(
    "empty",
    Mapped(c.GreedyBytes, _no_octets, _no_octets),
    _no_text,
    lambda _: (),
    "nothing",
    json=NOTHING,
)
