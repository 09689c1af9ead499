"""Kinds by Kea's type names: what `type`, `array` and `record-types` of an `option-def` mean in DHCPv4.

This module does not know configuration files; a refusal is a ValueError in Kea's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

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

__all__ = ["TYPES", "kind_named"]

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
RECORD_MIN: Final = 2
BAD_RECORD: Final = "invalid record type values specified for the option definition"


def kind_named(
    name: str, *, array: bool = False, record_types: Sequence[str] = (), encapsulates: bool = False
) -> Kind[Any]:
    """The kind of an `option-def`. In an array of a record the last of its types repeats."""
    if name == "record":
        return _record(record_types, array=array, encapsulates=encapsulates)
    if record_types:
        raise ValueError(
            f"{BAD_RECORD}: 'record' option type must be used instead of {name!r} to add data fields to the record"
        )
    if name not in TYPES:
        raise ValueError(f"option type {name!r} not supported")
    if array:
        return _array(name, encapsulates=encapsulates)
    return SUB_OPTIONS if encapsulates and name == "empty" else TYPES[name]


def _array(name: str, *, encapsulates: bool) -> Kind[Any]:
    if name in NEVER_IN_ARRAYS:
        raise ValueError(f"array of {NEVER_IN_ARRAYS[name]} is not a valid option definition.")
    if encapsulates:
        raise ValueError("comprising an array of data fields may not encapsulate any option space")
    return FQDNS if name == "fqdn" else list_of(TYPES[name])


def _record(names: Sequence[str], *, array: bool, encapsulates: bool) -> Kind[Any]:
    if len(names) < RECORD_MIN:
        raise ValueError(
            f"invalid number of data fields: {len(names)} specified for the option of type 'record'."
            f" Expected at least {RECORD_MIN} fields."
        )
    for name in names:
        if name not in TYPES or name == "empty":
            told = name if name in ("empty", "record") else "unknown"
            raise ValueError(f"{BAD_RECORD}: attempted to add invalid data type {told!r} to the record.")
    *first, last = names
    for name in first:
        if name in ("string", "binary"):
            raise ValueError(f"{name} data field can't be laid before data fields of other types.")
    return record(*(TYPES[name] for name in first), _array(last, encapsulates=encapsulates) if array else TYPES[last])
