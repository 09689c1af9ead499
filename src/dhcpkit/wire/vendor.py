"""What vendors say of themselves: vendor classes (124) and options (125) by enterprise number, and user classes (77).

RFC 3925, RFC 3004. This module does not know any vendor's options (the spaces in `options4.VENDORS` do).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import attrs
import construct as c

from dhcpkit.wire.derive import Codec, Mapped, Row, derive
from dhcpkit.wire.json_form import Inside, Json, JsonForm
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.nested import SUB_OPTIONS, SubOptions
from dhcpkit.wire.places import whose
from dhcpkit.wire.text import parse_digits, parse_number, show_hex

__all__ = ["VENDOR_CLASSES", "VENDOR_OPTIONS", "VendorClass", "VendorOptions", "opaque_list"]

T = TypeVar("T")

ENTERPRISE_MAX: Final = 2**32 - 1  # an enterprise number has four octets
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

VENDOR_CLASSES: Final[Kind[tuple[VendorClass, ...]]] = Kind(
    "record",
    _classes,
    _parse_with(derive(_classes), b""),
    _show_classes,
    "an enterprise number, and hexadecimal digits: an octet of length and the class's data",
    json=JsonForm(
        lambda values, _: [{"enterprise": each.enterprise, "data": each.data.hex()} for each in values],
        lambda found, _: tuple(VendorClass(n, bytes.fromhex(each)) for n, each in _pairs(found, "data", str)),
    ),
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
    pairs = _pairs(found, "options", list)
    return tuple(VendorOptions(n, SUB_OPTIONS.from_json(each, inside.vendor(n))) for n, each in pairs)


def _pairs(found: Json, member: str, kind: type) -> Iterable[tuple[int, Any]]:
    """Enterprise number and what belongs to it, of each object in a list."""
    if not isinstance(found, list):
        raise ValueError(f"a list of enterprises expected, not {found!r}")  # noqa: TRY004  # a value, not a type
    for number, each in enumerate(found):
        if not isinstance(each, dict) or type(each.get("enterprise")) is not int:
            raise ValueError(f"[{number}]: an object with enterprise and {member} expected, not {each!r}")
        if not isinstance(each.get(member), kind):
            raise ValueError(f"[{number}].{member}: {kind.__name__} expected, not {each.get(member)!r}")  # noqa: TRY004
        yield each["enterprise"], each[member]


VENDOR_OPTIONS: Final[Kind[tuple[VendorOptions, ...]]] = Kind(  # Kea: the number alone, options come from its space
    "uint32",
    _options,
    _parse_with(derive(_options), b"\0"),
    _show_options,
    "an enterprise number, or with hexadecimal digits: an octet of length and the options",
    json=JsonForm(_show_json, _read_json),
    inner=_inner,
)
