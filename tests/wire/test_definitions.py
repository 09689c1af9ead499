"""Options defined at run time: what real Kea 3.0.4 made of the same definitions, and messages read before they came."""

import json
from ipaddress import IPv4Address
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import option_values
from dhcpkit.wire import Packet4, Packet6, SubOptions, to_json
from dhcpkit.wire.definitions import Definition, DefinitionError, Definitions, DefinitionTaken
from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.named_kinds import TYPES
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS, DOCSIS3, RELAY_AGENT, ROUTERS, VIVSO_SUBOPTIONS
from dhcpkit.wire.options6 import DHCP6, IA_NA

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "vectors" / "definitions4.jsonl").read_text().splitlines()
]
INNER = Definition("inner", 1, "uint16", "a")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['definition']['type']} {v['text']!r} {v['inner']}")
def test_definitions_mean_what_they_mean_to_kea(vector):
    definitions = Definitions(DHCP4)
    option = definitions.add(Definition(**vector["definition"]))
    inner = definitions.add(INNER)
    payload = option.build_text(vector["text"])
    holds = vector["inner"] is not None and option.kind.inner is not None
    if holds:
        payload += SubOptions.of({inner: int(vector["inner"])}).octets
    assert payload.hex() == vector["wire"].removesuffix("01020201" if vector["inner"] and not holds else "-")
    value = option.parse(payload)
    assert option.build(value) == payload
    if holds:
        ((_, options),) = option.kind.inner(value, len(payload))
        assert options[inner] == 513
    found = Inside(definitions.space).read(Inside(definitions.space).show([(224, payload)]))
    assert found == [(224, payload)]


# A definition, what is refused in it, and Kea's words for it.
REFUSED = [
    (Definition("x", 1, "uint8"), "code", "unable to override definition of option '1' in standard option space"),
    (Definition("x", 1, "uint8", "docsis3-v4"), "code", "unable to override definition of option '1'"),
    (Definition("routers", 224, "uint8"), "name", "unable to override definition of option 'routers'"),
    (Definition("x", 256, "uint8", "mine"), "code", "invalid option code '256', it must not be greater than '255'"),
    (Definition("x", -1, "uint8", "mine"), "code", "invalid option code"),
    (Definition("x", 0, "uint8"), "code", "invalid option code '0': reserved for PAD"),
    (Definition("x", 255, "uint8"), "code", "invalid option code '255': reserved for PAD"),
    (Definition("x y", 224, "uint8"), "name", "invalid option name 'x y'"),
    (Definition("-x", 224, "uint8"), "name", "invalid option name '-x'"),
    (Definition("", 224, "uint8"), "name", "invalid option name ''"),
    (Definition("x", 224, "uint8", "a.b"), "space", "invalid option space name 'a.b'"),
    (Definition("x", 224, "uint8", encapsulate="dhcp4"), "encapsulate", "may not encapsulate the option space"),
    (Definition("x", 224, "uint8", encapsulate="a.b"), "encapsulate", "invalid encapsulated option space name"),
    (Definition("x", 224, "uint8", array=True, encapsulate="a"), "type", "comprising an array of data fields"),
    (Definition("x", 224, "int64"), "type", "option type 'int64' not supported"),
    (Definition("x", 224, "record", record_types=("uint8",)), "record_types", "Expected at least 2 fields"),
    (Definition("x", 224, "record", record_types=("string", "uint8")), "record_types", "can't be laid before"),
    (Definition("x", 224, "string", array=True), "type", "array of strings is not a valid option definition"),
]


@pytest.mark.parametrize(("definition", "part", "words"), REFUSED, ids=str)
def test_definitions_that_cannot_be(definition, part, words):
    definitions = Definitions(DHCP4)
    with pytest.raises(DefinitionError) as caught:
        definitions.add(definition)
    assert (caught.value.definition, caught.value.part) == (definition, part)
    assert words in caught.value.what
    assert caught.value.what in str(caught.value)
    assert definitions.space is DHCP4, "nothing was changed"
    assert definitions.get("a") is None


ACCEPTED = [  # what Kea takes, too
    Definition("x", 100, "uint8", "dhcp-agent-options-space"),
    Definition("x", 1, "uint8", "vendor-4491"),
    Definition("x", 3, "uint8", "cablelabs-client-conf"),
    Definition("x", 255, "uint8", "mine"),
    Definition("x", 0, "uint8", "mine"),
    Definition("x", 95, "uint8"),
    Definition("x", 43, "uint8"),
    Definition("ldap", 224, "uint8"),
    Definition("x", 224, "string", encapsulate="a"),
    Definition("x", 224, "record", array=True, record_types=("uint8", "fqdn")),
    Definition("x", 224, "record", record_types=("fqdn", "uint8")),
    Definition("x", 224, "uint8", "dhcp6"),
]


@pytest.mark.parametrize("definition", ACCEPTED, ids=str)
def test_definitions_that_can_be(definition):
    definitions = Definitions(DHCP4)
    option = definitions.add(definition)
    where = definition.space or "dhcp4"
    assert definitions.get(where).by_code(definition.code) is option
    assert definitions.get(where).by_name(definition.name) is option
    for again in (definition, attrs.evolve(definition, name="y"), attrs.evolve(definition, code=230)):
        with pytest.raises(DefinitionTaken, match="already exists"):
            definitions.add(again)


class TestLate:
    """A message is read once; what its options 43 and 224 to 254 mean may be said afterwards."""

    PACKET = Packet4.parse(
        bytes(Packet4(1, {43: bytes.fromhex("0104c0000201"), 224: b"blue", 240: b"\0\1\0\2"}, xid=1))
    )

    def defined(self):
        definitions = Definitions(DHCP4)
        vendor = definitions.add(Definition("server", 1, "ipv4-address", "vendor-encapsulated-options-space"))
        color = definitions.add(Definition("color", 224, "string"))
        numbers = definitions.add(Definition("numbers", 240, "uint16", array=True))
        return definitions, vendor, color, numbers

    def test_typed_access(self):
        definitions, vendor, color, numbers = self.defined()
        assert self.PACKET[color] == "blue"
        assert self.PACKET[numbers] == (1, 2)
        assert self.PACKET[definitions.space.by_code(43)][vendor] == IPv4Address("192.0.2.1")

    def test_json(self):
        before = {each["code"]: each for each in to_json(self.PACKET)["options"]}
        assert before[43]["value"] == [{"code": 1, "octets": "c0000201"}]
        assert before[224] == {"code": 224, "octets": b"blue".hex()}
        definitions, *_ = self.defined()
        after = {each["code"]: each for each in to_json(self.PACKET, definitions.space)["options"]}
        assert after[43]["value"] == [{"code": 1, "name": "server", "value": "192.0.2.1"}]
        assert after[224] == {"code": 224, "name": "color", "value": "blue"}
        assert after[240] == {"code": 240, "name": "numbers", "value": [1, 2]}

    def test_text(self):
        definitions, _, color, numbers = self.defined()
        shown = {code: definitions.space.by_code(code).kind for code in (224, 240)}
        assert shown[224].show_text(self.PACKET[color]) == "blue"
        assert shown[240].show_text(self.PACKET[numbers]) == "1, 2"

    def test_option_43_itself_may_be_another(self):
        definitions = Definitions(DHCP4)
        own = definitions.add(Definition("vendor-encapsulated-options", 43, "binary"))
        assert self.PACKET[own] == bytes.fromhex("0104c0000201")
        assert definitions.space.by_name("vendor-encapsulated-options") is own


class TestSpaces:
    def test_the_standard_spaces_stay_as_they_are(self):
        definitions = Definitions(DHCP4)
        definitions.add(Definition("x", 100, "uint8", "dhcp-agent-options-space"))
        definitions.add(Definition("y", 7, "uint8", "vendor-4491"))
        definitions.add(Definition("z", 7, "uint8", "vendor-99"))
        assert RELAY_AGENT.by_code(100) is None
        assert DOCSIS3.by_code(7) is None
        assert 99 not in VIVSO_SUBOPTIONS.encapsulates.vendors
        assert VIVSO_SUBOPTIONS.encapsulates.vendors[4491] is DOCSIS3
        assert Definitions(DHCP4).get("vendor-99") is None

    def test_what_is_defined_elsewhere_is_reached_though_the_top_gets_nothing(self):
        definitions = Definitions(DHCP4)
        definitions.add(Definition("x", 100, "uint8", "dhcp-agent-options-space"))
        assert definitions.space.by_code(82).encapsulates.by_name("x").code == 100

    def test_what_is_not_defined_is_the_standard(self):
        definitions = Definitions(DHCP4)
        assert definitions.space is DHCP4
        definitions.add(Definition("color", 224, "string"))
        assert definitions.space.by_name("routers") is ROUTERS
        assert "mine" not in definitions.names()
        assert {"dhcp4", "dhcp-agent-options-space", "docsis3-v4"} <= set(definitions.names())

    def test_the_space_leads_to_what_was_defined_anywhere(self):
        definitions = Definitions(DHCP4)
        inner = definitions.add(Definition("deep", 2, "string", "b"))
        middle = definitions.add(Definition("middle", 1, "empty", "a", encapsulate="b"))
        definitions.add(Definition("outer", 224, "uint8", encapsulate="a"))
        relay = definitions.add(Definition("site", 200, "string", "dhcp-agent-options-space"))
        vendor = definitions.add(Definition("mode", 3, "uint8", "vendor-25506"))
        packet = Packet4(
            1,
            {
                224: b"\7" + SubOptions.of({middle: SubOptions.of({inner: "x"})}).octets,
                DHCP_AGENT_OPTIONS: SubOptions.of({relay: "here", 1: b"c"}),
                125: bytes.fromhex("000063a2" + "03" + "030105"),
            },
        )
        shown = {each["code"]: each for each in to_json(packet, definitions.space)["options"]}
        assert shown[224]["value"] == [
            7,
            [{"code": 1, "name": "middle", "value": [{"code": 2, "name": "deep", "value": "x"}]}],
        ]
        assert shown[82]["value"][0] == {"code": 200, "name": "site", "value": "here"}
        assert shown[82]["value"][1]["name"] == "circuit-id"
        assert shown[125]["value"][0]["options"] == [{"code": 3, "name": "mode", "value": 5}]
        assert definitions.get("vendor-25506").by_code(3) is vendor

    def test_inner_definitions_are_for_somebody_alone(self):
        definitions = Definitions(DHCP4)
        color = definitions.add(Definition("color", 224, "string"))
        inner = definitions.inner()
        assert inner.space is definitions.space
        own = inner.add(Definition("number", 224, "uint8"))
        assert inner.space.by_code(224) is own
        assert definitions.space.by_code(224) is color
        assert inner.space.by_name("color") is color
        assert inner.get("dhcp-agent-options-space").by_name("circuit-id") is not None


class TestFamily6:
    def test_codes_and_lengths_are_wide(self):
        definitions = Definitions(DHCP6)
        inner = definitions.add(Definition("inner", 4000, "tuple", "mine"))
        outer = definitions.add(Definition("outer", 40000, "uint8", encapsulate="mine"))
        value = (7, Options6.of({inner: "text"}))
        assert outer.build(value).hex() == "07" + "0fa00006" + "0004" + b"text".hex()
        packet = Packet6.parse(bytes(Packet6(1, {outer: value})))
        assert packet[outer] == value
        assert packet[outer][1][inner] == "text"
        with pytest.raises(DefinitionError, match="65535"):
            definitions.add(Definition("x", 65536, "uint8"))
        with pytest.raises(DefinitionError, match="reserved"):
            definitions.add(Definition("x", 0, "uint8"))
        assert definitions.add(Definition("y", 65535, "uint8")).code == 65535

    def test_what_is_defined_counts_within_options_of_the_same_space(self):
        definitions = Definitions(DHCP6)
        color = definitions.add(Definition("color", 40000, "string"))
        association = definitions.space.by_code(IA_NA.code)
        packet = Packet6(1, {40000: b"red", 3: bytes(12) + Options6.of({color: "blue"}).octets})
        shown = {each["code"]: each for each in to_json(packet, definitions.space)["options"]}
        assert shown[40000]["value"] == "red"
        assert shown[3]["value"]["options"] == [{"code": 40000, "name": "color", "value": "blue"}]
        assert packet[association].options[color] == "blue"

    def test_vendors(self):
        definitions = Definitions(DHCP6)
        mode = definitions.add(Definition("mode", 300, "uint8", "vendor-25506"))
        packet = Packet6(1, {17: bytes.fromhex("000063a2" + "012c0001" + "05")})
        (shown,) = to_json(packet, definitions.space)["options"]
        assert "mode" in json.dumps(shown)
        assert definitions.get("vendor-25506").by_code(300) is mode
        assert definitions.get("vendor-4491").by_name("tftp-servers") is not None


@st.composite
def definitions_of(draw):
    """A definition of any type that can be."""
    name = draw(st.sampled_from(["record", *sorted(TYPES)]))
    fields = st.sampled_from(sorted(set(TYPES) - {"empty"}))
    return Definition(
        "x",
        draw(st.integers(224, 254)),
        name,
        array=draw(st.booleans()),
        record_types=draw(st.lists(fields, min_size=2, max_size=4)) if name == "record" else (),
        encapsulate=draw(st.sampled_from(["", "a"])),
    )


@pytest.mark.parametrize("top", [DHCP4, DHCP6], ids=repr)
@given(definition=definitions_of(), data=st.data())
def test_what_is_defined_is_an_option_like_any_other(top, definition, data):
    definitions = Definitions(top)
    try:
        option = definitions.add(definition)
    except DefinitionError:
        return
    definitions.add(INNER)
    value = data.draw(option_values(option))
    octets = option.build(value)
    assert option.parse(octets) == value
    inside = Inside(definitions.space)
    assert inside.read(inside.show([(option.code, octets)])) == [(option.code, octets)]
