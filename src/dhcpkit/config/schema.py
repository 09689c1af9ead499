"""JSON Schema of the configurations, made of the documents: editors complete and check with it (`dhcpkit schema`).

A schema knows keys, types, bounds and choices; what values mean together, only `load4` and `load6` know. This module
does not know Kea's keys.
"""

from __future__ import annotations

from typing import Any, Final

from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc
from dhcpkit.config.param import AnyShape, Document, DocumentShape, ListShape, Param, Shape, walk

__all__ = ["DIALECT", "map_schema", "schema4", "schema6", "schema_of"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object"}


def schema4() -> dict[str, Any]:
    """The schema of a file that begins with `Dhcp4`."""
    return schema_of(Dhcp4Doc, "Dhcp4")


def schema6() -> dict[str, Any]:
    """The schema of a file that begins with `Dhcp6`."""
    return schema_of(Dhcp6Doc, "Dhcp6")


def schema_of(document: type[Document], root: str) -> dict[str, Any]:
    """The schema of a file that has one map at its top."""
    return {
        "$schema": DIALECT,
        "title": f"Configuration of a {'DHCPv4' if root == 'Dhcp4' else 'DHCPv6'} server",
        "type": "object",
        "properties": {root: _reference(document)},
        "required": [root],
        "additionalProperties": False,
        "$defs": {each.__name__: map_schema(each) for each in walk(document)},
    }


def _reference(document: type[Document]) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{document.__name__}"}


def map_schema(document: type[Document]) -> dict[str, Any]:
    """The schema of one map; those of maps inside it are referred to in `$defs`."""
    properties: dict[str, Any] = {}
    for declared in document.params.values():
        properties[declared.key] = _property(declared)
        for alias in declared.aliases:
            properties[alias] = {
                **_property(declared),
                "deprecated": True,
                "description": f"Old name of {declared.key}.",
            }
    made = {
        "title": document.map_name,
        "description": (document.__doc__ or "").strip().partition("\n")[0],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    required = [declared.key for declared in document.required]
    return made | {"required": required} if required else made


def _property(declared: Param) -> dict[str, Any]:
    made = _value(declared.shape, declared)
    told = declared.doc + (" (No effect yet.)" if declared.idle else "")
    default = declared.inherit if declared.default is None else declared.default
    if not declared.required and isinstance(default, str | int | float) and default != "":
        made["default"] = default
    if declared.doc.startswith("Old form of"):
        made["deprecated"] = True
    return {"description": told, **made}


def _value(shape: Shape, declared: Param) -> dict[str, Any]:
    if isinstance(shape, ListShape):
        return {"type": "array", "items": _value(shape.item, declared)}
    if isinstance(shape, DocumentShape):
        return _reference(shape.document)
    if isinstance(shape, AnyShape):
        return {}
    made: dict[str, Any] = {"type": TYPES[shape.python]}
    if declared.choices:
        made["enum"] = list(declared.choices)
    if declared.low is not None and declared.high is not None:
        made |= {"minimum": declared.low, "maximum": declared.high}
    return made
