"""What vendors say of themselves: vendor classes (124) and options (125) by enterprise number, and user classes (77).

RFC 3925, RFC 3004. This module does not know any vendor's options (the spaces in `options4.VENDORS` do).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import attrs
import construct as c

from dhcpkit.wire.derive import Codec, Mapped, Row, derive
from dhcpkit.wire.errors import JsonError
from dhcpkit.wire.json_form import Inside, Json, JsonForm, at, quoted, read_octets, refuse_others
from dhcpkit.wire.kinds import UINT32, Kind, in_digits
from dhcpkit.wire.nested import SUB_OPTIONS, SubOptions
from dhcpkit.wire.places import whose
from dhcpkit.wire.says import say_texts
from dhcpkit.wire.text import parse_digits, parse_number, show_hex

__all__ = [
    "RELAY_VENDOR_OPTIONS",
    "VENDOR_CLASSES",
    "VENDOR_OPTIONS",
    "VendorClass",
    "VendorOptions",
    "opaque_list",
    "say_user_classes",
    "vendor_blocks",
    "vendor_options",
]

T = TypeVar("T")

ENTERPRISE_MAX: Final = 2**32 - 1  # an enterprise number has four octets
PART_MAX: Final = 255  # octets of one of several strings, whose length has one
BLOCK_MAX: Final = 255  # octets of a block's options, its length having one octet
PIECE_MAX: Final = 253  # of them an option's payload can have, behind its code and length
BLOCK_HEAD: Final = 5  # octets of an enterprise number and of the length behind it


@attrs.frozen
class VendorClass:
    """One enterprise's description of a client (RFC 3925 3)."""

    enterprise: int
    data: bytes

    @property
    def classes(self) -> tuple[bytes, ...]:
        """The vendor classes in `data`."""
        return opaque_list(self.data)


@attrs.frozen
class VendorOptions:
    """One enterprise's options (RFC 3925 4)."""

    enterprise: int
    options: SubOptions

    def __attrs_post_init__(self) -> None:
        whose(self.options, self.enterprise)


def vendor_blocks(enterprise: int, options: SubOptions) -> tuple[VendorOptions, ...]:
    """Blocks that hold these options, a block having room for 255 octets. Only an option without room in one is cut.

    One block is the rule; RFC 3925 4 has no other way to say more than it holds than to name the enterprise again.
    """
    blocks: list[bytes] = []
    for code, payload in options.items():
        for start in range(0, len(payload) or 1, PIECE_MAX):
            piece = payload[start : start + PIECE_MAX]
            instance = bytes((code, len(piece))) + piece
            if blocks and len(blocks[-1]) + len(instance) <= BLOCK_MAX:
                blocks[-1] += instance
            else:
                blocks.append(instance)
    return tuple(VendorOptions(enterprise, SubOptions(block)) for block in blocks or [b""])


def vendor_options(values: Iterable[VendorOptions], enterprise: int) -> SubOptions:
    """The options of one enterprise, from all blocks that name it; parts of one are put together."""
    return SubOptions(b"".join(each.options.octets for each in values if each.enterprise == enterprise))


def opaque_list(octets: bytes) -> tuple[bytes, ...]:
    """Strings with an octet of length before each, or the octets as the only one where they are no such list.

    RFC 3004 wants the list in option 77, and RFC 3925 in 124; many boot loaders (iPXE, for one) send bare text, and
    Kea takes either.
    """
    found, at = [], 0
    while at < len(octets):
        start = at + 1
        at = start + octets[at]
        if at == start or at > len(octets):
            return (octets,)
        found.append(octets[start:at])
    return tuple(found)


def say_user_classes(octets: bytes, inside: Inside) -> str:
    """The user classes of option 77, or the bare text that stands for one."""
    return say_texts(opaque_list(octets), inside)


def _by_enterprise(member: str, decode: Callable[[int, bytes], T], encode: Callable[[T], tuple[int, bytes]]) -> Any:
    """Blocks of an enterprise number and octets of its own, as a tuple of values; at least one."""
    block = c.Struct("enterprise" / c.Int32ub, member / c.Prefixed(c.Int8ub, c.GreedyBytes))
    return Mapped(c.GreedyRange(Row(block, decode, encode)), lambda found: tuple(_some(found)), _some)


def _some(values: Sequence[Any]) -> Sequence[Any]:
    if not values:
        raise ValueError("at least one enterprise number expected")
    return values


def _parse_with(codec: Codec[T], bare: bytes) -> Callable[[Sequence[str]], T]:
    """Fields in pairs: an enterprise number, and the hexadecimal digits of what follows it in the payload."""

    def parse_fields(fields: Sequence[str]) -> T:
        payload = b""
        for number, field in enumerate(_some(fields)):
            if number % 2 == 0:
                payload += parse_number(field, 0, ENTERPRISE_MAX).to_bytes(4, "big")
            else:
                payload += parse_digits(field)
        return codec.parse(payload + bare if len(fields) == 1 else payload)

    return parse_fields


def _show(enterprise: int, octets: bytes) -> tuple[str, str]:
    return str(enterprise), show_hex(bytes((len(octets),)) + octets)


def _show_classes(values: Sequence[VendorClass]) -> Sequence[str]:
    return [field for value in values for field in _show(value.enterprise, value.data)]


def _show_options(values: Sequence[VendorOptions]) -> Sequence[str]:
    return [field for value in values for field in _show(value.enterprise, value.options.octets)]


_classes: Final = _by_enterprise("data", VendorClass, lambda value: (value.enterprise, value.data))
_options: Final = _by_enterprise(
    "options",
    lambda enterprise, octets: VendorOptions(enterprise, SubOptions(octets)),
    lambda value: (value.enterprise, value.options.octets),
)


def _say_classes(values: Sequence[VendorClass], inside: Inside) -> str:
    return "; ".join(f"enterprise {each.enterprise}: {say_texts(each.classes, inside)}" for each in values)


def _show_classes_json(values: Sequence[VendorClass], _: Inside) -> Json:
    return [{"enterprise": each.enterprise, **_classes_or_data(each)} for each in values]


def _classes_or_data(value: VendorClass) -> dict[str, Json]:
    """The classes as texts; the octets where they are no list of such."""
    if _opaque(value.classes) != value.data:
        return {"data": value.data.hex()}
    return {"classes": [each.decode("utf-8", "surrogateescape") for each in value.classes]}


def _read_classes_json(found: Json, _: Inside) -> tuple[VendorClass, ...]:
    return tuple(VendorClass(enterprise, data) for enterprise, data in _each(found, ("classes", "data"), _read_class))


def _read_class(member: str, told: Json) -> bytes:
    if member == "data":
        return read_octets(told)
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise JsonError(f"a list of texts expected, not {quoted(told)}")
    return _opaque([each.encode("utf-8", "surrogateescape") for each in told])


def _opaque(parts: Sequence[bytes]) -> bytes:
    for part in parts:
        if not 0 < len(part) <= PART_MAX:
            raise ValueError(f"1 to {PART_MAX} octets expected in each, not {len(part)}")
    return b"".join(bytes((len(part),)) + part for part in parts)


def _each(found: Json, members: tuple[str, ...], read: Callable[[str, Json], T]) -> Iterable[tuple[int, T]]:
    """Enterprise number and what belongs to it under one of these members, of each object in a list."""
    if not isinstance(found, list):
        raise JsonError(f"a list of enterprises expected, not {quoted(found)}")
    for number, each in enumerate(found):
        with at(number):
            if not isinstance(each, dict):
                raise JsonError(f"an object with enterprise and {members[0]} expected, not {quoted(each)}")
            refuse_others(each, ("enterprise", *members))
            given = [member for member in members if member in each]
            if "enterprise" not in each or len(given) != 1:
                raise JsonError(f"enterprise and {' or '.join(members)} expected")
            with at("enterprise"):
                enterprise = UINT32.from_json(each["enterprise"])
            with at(given[0]):
                value = read(given[0], each[given[0]])
        yield enterprise, value


VENDOR_CLASSES: Final[Kind[tuple[VendorClass, ...]]] = Kind(
    "record",
    _classes,
    _parse_with(derive(_classes), b""),
    _show_classes,
    "an enterprise number, and hexadecimal digits: an octet of length and the class's data",
    json=JsonForm(_show_classes_json, _read_classes_json),
    says=_say_classes,
)


def _inner(values: Sequence[VendorOptions], _: int) -> Iterable[tuple[int, SubOptions]]:
    at = 0
    for value in values:
        at += BLOCK_HEAD
        yield at, value.options
        at += len(value.options.octets)


def _show_json(values: Sequence[VendorOptions], inside: Inside) -> Json:
    return [
        {"enterprise": each.enterprise, "options": SUB_OPTIONS.to_json(each.options, inside.vendor(each.enterprise))}
        for each in values
    ]


def _read_json(found: Json, inside: Inside) -> tuple[VendorOptions, ...]:
    vendors = []
    for number, (enterprise, told) in enumerate(_each(found, ("options",), lambda _, told: told)):
        with at(number, "options"):
            options = SUB_OPTIONS.from_json(told, inside.vendor(enterprise))
        vendors.append(VendorOptions(enterprise, options))
    return tuple(vendors)


VENDOR_OPTIONS: Final[Kind[tuple[VendorOptions, ...]]] = Kind(  # Kea: the number alone, options come from its space
    "uint32",
    _options,
    _parse_with(derive(_options), b"\0"),
    _show_options,
    "an enterprise number, or with hexadecimal digits: an octet of length and the options",
    json=JsonForm(_show_json, _read_json),
    inner=_inner,
)
RELAY_VENDOR_OPTIONS: Final = in_digits(VENDOR_OPTIONS)  # a relay's sub-option 9 (RFC 4243 3); Kea: `binary`
