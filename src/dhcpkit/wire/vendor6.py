"""What vendors and users say of themselves in DHCPv6: user classes (15), vendor classes (16), vendor options (17), 37.

RFC 8415 21.15 to 21.17, RFC 4649. This module does not know any vendor's options: spaces in `options6.VENDORS6` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.errors import JsonError
from dhcpkit.wire.json_form import Inside, Json, JsonForm, at, quoted, refuse_others
from dhcpkit.wire.kinds import BINARY, UINT32, Kind, composed, in_digits, list_of, scalar
from dhcpkit.wire.nested6 import OPTIONS6, Options6
from dhcpkit.wire.places import whose
from dhcpkit.wire.says import say_texts
from dhcpkit.wire.text import parse_digits, show_hex

__all__ = [
    "REMOTE_IDENTIFIER",
    "USER_CLASSES",
    "VENDOR_CLASS6",
    "VENDOR_OPTIONS6",
    "RemoteId",
    "VendorClass6",
    "VendorOptions6",
]


@attrs.frozen
class VendorClass6:
    """One enterprise's description of a client (RFC 8415 21.16)."""

    enterprise: int
    classes: tuple[bytes, ...] = ()


@attrs.frozen
class VendorOptions6:
    """One enterprise's options (RFC 8415 21.17). Those of another stand in another instance of the option."""

    enterprise: int
    options: Options6 = attrs.field(factory=Options6)

    def __attrs_post_init__(self) -> None:
        whose(self.options, self.enterprise)


@attrs.frozen
class RemoteId:
    """What a relay calls the far end of a circuit (RFC 4649 3): octets of a form that the enterprise has defined."""

    enterprise: int
    identifier: bytes


def _read_opaque(found: Json, _: Inside) -> bytes:
    if not isinstance(found, str):
        raise JsonError(f"text expected, not {quoted(found)}")
    return found.encode("utf-8", "surrogateescape")


_OPAQUE: Final[Kind[bytes]] = scalar(  # "class data", RFC 8415 21.15: mostly text, which JSON shows as such
    "tuple",
    c.Prefixed(c.Int16ub, c.GreedyBytes),
    parse_digits,
    show_hex,
    "hexadecimal digits",
    JsonForm(lambda value, _: value.decode("utf-8", "surrogateescape"), _read_opaque),
)
USER_CLASSES: Final[Kind[tuple[bytes, ...]]] = attrs.evolve(in_digits(list_of(_OPAQUE)), says=say_texts)


def _say_class(value: VendorClass6, inside: Inside) -> str:
    return f"enterprise {value.enterprise}: {say_texts(value.classes, inside)}"


VENDOR_CLASS6: Final[Kind[VendorClass6]] = attrs.evolve(
    composed(VendorClass6, enterprise=UINT32, classes=attrs.evolve(in_digits(list_of(_OPAQUE, least=0)), plain=None)),
    says=_say_class,
)


def _parse_fields(fields: Sequence[str]) -> VendorOptions6:
    enterprise = UINT32.parse_fields(fields[:1])
    return VendorOptions6(enterprise, OPTIONS6.parse_fields(fields[1:]))


def _show_json(value: VendorOptions6, inside: Inside) -> Json:
    options = OPTIONS6.to_json(value.options, inside.vendor(value.enterprise))
    return {"enterprise": value.enterprise, "options": options}


def _read_json(found: Json, inside: Inside) -> VendorOptions6:
    if not isinstance(found, dict) or "enterprise" not in found:
        raise JsonError(f"an object with enterprise and options expected, not {quoted(found)}")
    refuse_others(found, ("enterprise", "options"))
    with at("enterprise"):
        enterprise = UINT32.from_json(found["enterprise"])
    with at("options"):
        options = OPTIONS6.from_json(found.get("options", []), inside.vendor(enterprise))
    return VendorOptions6(enterprise, options)


VENDOR_OPTIONS6: Final[Kind[VendorOptions6]] = attrs.evolve(
    composed(VendorOptions6, enterprise=UINT32, options=OPTIONS6),
    name="uint32",  # Kea: the number alone, options come from the enterprise's space
    parse_fields=_parse_fields,
    text_form="an enterprise number, or with hexadecimal digits of the options behind it",
    json=JsonForm(_show_json, _read_json),
)
REMOTE_IDENTIFIER: Final[Kind[RemoteId]] = composed(RemoteId, enterprise=UINT32, identifier=BINARY)
