"""The JSON Schema accepts what is read, as far as a schema can tell; every recorded configuration fits it."""

import json

import pytest

from dhcpkit.config import load4, load6, unparse
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc
from dhcpkit.config.param import DocumentShape, ListShape, walk
from dhcpkit.config.schema import schema4, schema6, schema_of

FAMILIES = {"kea4": (load4, schema4, "Dhcp4"), "kea6": (load6, schema6, "Dhcp6")}


def faults(schema, value, where, definitions):
    """What a value has that its schema does not allow; the few words of JSON Schema that are used here."""
    if "$ref" in schema:
        yield from faults(definitions[schema["$ref"].removeprefix("#/$defs/")], value, where, definitions)
        return
    kind = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if not isinstance(value, kind[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        yield f"{where}: {schema['type']} expected, not {value!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        yield f"{where}: {value} is out of range"
    if schema["type"] == "array":
        for index, each in enumerate(value):
            yield from faults(schema["items"], each, f"{where}[{index}]", definitions)
    if schema["type"] == "object" and "properties" in schema:
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{where}: {key} missing"
        for key, each in value.items():
            if key not in schema["properties"]:
                yield f"{where}: {key} is unknown"
            else:
                yield from faults(schema["properties"][key], each, f"{where}.{key}", definitions)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_configuration_of_kea_s_fits(shared, family):
    load, schema, root = FAMILIES[family]
    made = schema()
    seen = 0
    for path in sorted((shared / "kea" / "configs" / family).glob("*.json")):
        data = {root: unparse(load(path).doc)}
        assert list(faults(made, data, "", made["$defs"])) == [], path.name
        seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({}, ": Dhcp4 missing"),
        ({"Dhcp4": {"valid-lifetime": -1}}, ".Dhcp4.valid-lifetime: -1 is out of range"),
        ({"Dhcp4": {"subnet4": [{"pools": []}]}}, ".Dhcp4.subnet4[0]: subnet missing"),
        ({"Dhcp4": {"allocator": "best"}}, "is none of"),
        ({"Dhcp4": {"subnet6": []}}, ".Dhcp4: subnet6 is unknown"),
    ],
)
def test_what_does_not_fit(data, fault):
    made = schema4()
    assert any(fault in each for each in faults(made, data, "", made["$defs"]))


@pytest.mark.parametrize(("document", "root"), [(Dhcp4Doc, "Dhcp4"), (Dhcp6Doc, "Dhcp6")])
def test_every_key_is_there_and_described(document, root):
    made = schema_of(document, root)
    assert json.loads(json.dumps(made)) == made
    for each in walk(document):
        properties = made["$defs"][each.__name__]["properties"]
        assert set(properties) == set(each.by_key)
        for declared in each.params.values():
            assert declared.doc in properties[declared.key]["description"]
            shape = declared.shape.item if isinstance(declared.shape, ListShape) else declared.shape
            if isinstance(shape, DocumentShape):
                assert shape.document.__name__ in json.dumps(properties[declared.key])
