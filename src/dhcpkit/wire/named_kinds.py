"""Kinds by Kea's type names: what `type`, `array` and `record-types` of an `option-def` mean.

They mean the same in both families, but for the length of a `tuple`. This module does not know configuration files; a
refusal is a ValueError in Kea's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from dhcpkit.wire.kinds import (
    BINARY,
    BOOLEAN,
    EMPTY,
    INT8,
    INT16,
    INT32,
    IPV4,
    IPV6,
    IPV6_PREFIX,
    LONG_TUPLE,
    PSID,
    TEXT,
    TUPLE,
    UINT8,
    UINT16,
    UINT32,
    Kind,
    list_of,
    record,
)
from dhcpkit.wire.names import FQDN, FQDNS
from dhcpkit.wire.nested import SUB_OPTIONS
from dhcpkit.wire.nested6 import OPTIONS6

__all__ = ["TYPES", "WITHOUT_END", "kind_named"]


class _Whole(Kind[str]):
    """A text that is one field, whatever is in it."""

    def parse_text(self, text: str) -> str:
        """The text itself."""
        return self.parse_fields((text,) if text else ())

    def show_text(self, value: str) -> str:
        """The text itself."""
        return value

    def build_text(self, text: str) -> bytes:
        """The octets of the text."""
        return self.build(self.parse_text(text))


TYPES: Final[dict[str, Kind[Any]]] = {
    kind.name: kind
    for kind in (
        BINARY, BOOLEAN, EMPTY, FQDN, INT8, INT16, INT32, IPV4, IPV6, IPV6_PREFIX, PSID, TEXT, TUPLE, UINT8, UINT16,
        UINT32,
    )
}  # fmt: skip
NEVER_IN_ARRAYS: Final = {  # nothing tells where one of several would end
    "binary": "binary values",
    "empty": "empty value",
    "string": "strings",
}
WITHOUT_END: Final = ("string", "binary")  # they take all that is left, so that nothing can follow
RECORD_MIN: Final = 2  # fields: one alone is no record to Kea
# Kea 3's type for values with a notation of their own. Of an option of one's own it is a text that is kept whole,
# commas and all, or any octets.
INTERNAL: Final = _Whole("internal", TEXT.con, TEXT.parse_fields, TEXT.show_fields, "text", json=TEXT.json)
BAD_RECORD: Final = "invalid record type values specified for the option definition"


def kind_named(
    name: str,
    *,
    array: bool = False,
    record_types: Sequence[str] = (),
    encapsulates: bool = False,
    wide: bool = False,
) -> Kind[Any]:
    """The kind of an `option-def`. In an array of a record the last of its types repeats.

    Where it `encapsulates` a space, options follow the value: it is a tuple then, the options being its last. `wide`
    is for DHCPv6. ValueError for what Kea refuses.
    """
    if name == "record":
        return _record(record_types, array=array, encapsulates=encapsulates, wide=wide)
    if record_types:
        raise ValueError(
            f"{BAD_RECORD}: 'record' option type must be used instead of {name!r} to add data fields to the record"
        )
    if name == "internal":
        if array:
            raise ValueError("array of internal type value is not a valid option definition.")
        return INTERNAL
    if name not in TYPES:
        raise ValueError(f"option type {name!r} not supported")
    if array:
        return _array(name, encapsulates=encapsulates, wide=wide)
    if not encapsulates:
        return _type(name, wide=wide)
    return _options(wide=wide) if name == "empty" else _followed((name,), wide=wide)


def _type(name: str, *, wide: bool) -> Kind[Any]:
    return LONG_TUPLE if wide and name == "tuple" else TYPES[name]


def _options(*, wide: bool) -> Kind[Any]:
    return OPTIONS6 if wide else SUB_OPTIONS


def _array(name: str, *, encapsulates: bool, wide: bool) -> Kind[Any]:
    if name in NEVER_IN_ARRAYS:
        raise ValueError(f"array of {NEVER_IN_ARRAYS[name]} is not a valid option definition.")
    if encapsulates:
        raise ValueError("comprising an array of data fields may not encapsulate any option space")
    return FQDNS if name == "fqdn" else list_of(_type(name, wide=wide))


def _followed(names: Sequence[str], *, wide: bool) -> Kind[Any]:
    """The value or values, and options behind them."""
    kinds = [_type(name, wide=wide) for name in names]
    plain = kinds[0] if len(kinds) == 1 else record(*kinds)
    if names[-1] in WITHOUT_END:
        return plain
    # to a configuration it is what the definition says, its options being configured apart from it
    return attrs.evolve(record(*kinds, _options(wide=wide)), name=plain.name, text_form=plain.text_form)


def _record(names: Sequence[str], *, array: bool, encapsulates: bool, wide: bool) -> Kind[Any]:
    if len(names) < RECORD_MIN:
        raise ValueError(
            f"invalid number of data fields: {len(names)} specified for the option of type 'record'."
            f" Expected at least {RECORD_MIN} fields."
        )
    for name in names:
        if name not in TYPES or name == "empty":
            if name == "internal":
                raise ValueError("internal data type can't be stored as a field in an option record.")
            told = name if name in ("empty", "record") else "unknown"
            raise ValueError(f"{BAD_RECORD}: attempted to add invalid data type {told!r} to the record.")
    *first, last = names
    for name in first:
        if name in WITHOUT_END:
            raise ValueError(f"{name} data field can't be laid before data fields of other types.")
    if array:
        last_kind = _array(last, encapsulates=encapsulates, wide=wide)
        return record(*(_type(name, wide=wide) for name in first), last_kind)
    if encapsulates:
        return _followed(names, wide=wide)
    return record(*(_type(name, wide=wide) for name in names))
