"""Texts of options: what Kea 2.2 and 3.0.4 made of them when they stood in their configuration, and back."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dhcpkit.testing.declared import spaces
from dhcpkit.testing.strategies import option_values
from dhcpkit.wire.kinds import TEXT, TUPLE
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS, DOCSIS3, FQDN_OPTION, RELAY_AGENT
from dhcpkit.wire.text import join_text, parse_hex, split_text

# Each line: an option, its text (or `hex`: data with csv-format false), and the payload Kea sent, null: it refused.
VECTORS = [
    json.loads(line)
    for name in ("option-text4.jsonl", "option-text4-30.jsonl")
    for line in (Path(__file__).parent.parent / "vectors" / name).read_text().splitlines()
]

# Where dhcpkit does something else, on purpose.
BETTER = {
    ("swap-server", "2001:db8::1"): "Kea sends the first four octets of an IPv6 address",
    ("domain-name", "é"): "Kea's JSON makes ISO 8859-1 of it, dhcpkit UTF-8",
    ("auto-config", "0b1"): "Kea takes the digits behind 0 for hexadecimal ones",
    ("bcms-controller-names", "."): "Kea sends no octets for the root, dhcpkit its empty label",
    ("bcms-controller-names", "a b.org"): "Kea sends no octets, dhcpkit refuses the text",
    ("bcms-controller-names", "é.org"): "Kea sends no octets, dhcpkit refuses the text",
    ("bcms-controller-names", "a\\.b.org"): "Kea sends no octets, dhcpkit the name",
    ("bcms-controller-names", "a@b.org"): "Kea sends no octets, dhcpkit the name",
    ("vivso-suboptions", "4491, 01"): "Kea passes over what is behind the number, dhcpkit reads options there",
    ("vendor-encapsulated-options", "0102"): "dhcpkit takes the payload, for people's tests",
    ("dhcp-agent-options", "0102"): "dhcpkit takes the payload, for people's tests",
    ("fqdn", "1, 0, 0, example.org"): "Kea writes the octets of the wire form as escaped text",
    ("fqdn", "0, 255, 255, example.org."): "Kea writes the octets of the wire form as escaped text",
    ("fqdn", "1,0,0,"): "dhcpkit takes an empty name, as a client sends it",
    ("fqdn", "4,0,0,example.org"): "to dhcpkit a name without a dot at its end is a partial one",
    ("v4-dnr", "200, Resolver.Example"): "Kea writes the name in lower case",
    ("v4-dnr", "-1, a."): "Kea makes 65535 of it",
    ("v4-dnr", "0x10, a."): "a number may be hexadecimal here as elsewhere",
    ("v4-dnr", "1, a., 10.0.0.1, alpn=h2"): "what needs a dohpath is the operator's affair",
    ("v4-dnr", "1, a., 10.0.0.1, alpn=h2 dohpath=/x"): "what a template holds is the operator's affair",
    ("v4-dnr", "1, a., 10.0.0.1, alpn=nonsense"): "Kea takes the protocols only that it knows",
    ("v4-dnr", "1, a., 10.0.0.1, ech=aa"): "Kea takes alpn, port and dohpath only",
    ("v4-dnr", "1, a., 10.0.0.1, mandatory=alpn"): "Kea takes alpn, port and dohpath only",
    ("v4-dnr", "1, a., 10.0.0.1, key9=aa"): "Kea takes alpn, port and dohpath only",
    ("v4-dnr", "1, a b."): "Kea sends a name with a blank in it",
    ("v4-dnr", "1, a. | "): "Kea refuses a resolver of blanks, dhcpkit passes it over",
    ("v4-dnr", "1, a., 10.0.0.1, alpn=dot\\,"): "Kea passes over a protocol without a name",
    ("status-code", "0, "): "Kea takes a field of blanks for a text, dhcpkit refuses it",
}


SPACES = {space.name: space for space in spaces(DHCP4)}


def option_of(vector):
    return SPACES[vector.get("space", "dhcp4")].by_name(vector["name"])


def octets_of(vector):
    option = option_of(vector)
    if "text" in vector:
        return option.build_text(vector["text"])
    octets = parse_hex(vector["hex"])
    if not octets and option.kind is TEXT:
        raise ValueError("Kea refuses a string without octets; that is the configuration's rule, not the kind's")
    kind = option.kind.plain or option.kind
    if octets or kind.nothing is None:
        kind.parse(octets)
    return octets


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['name']} {v.get('text', v.get('hex'))!r}")
def test_texts_mean_what_they_mean_to_kea(vector):
    option = option_of(vector)
    assert option is not None
    assert option.code == vector["code"]
    try:
        ours = octets_of(vector).hex()
    except ValueError:
        ours = None
    if (vector["name"], vector.get("text")) in BETTER:
        assert ours != vector["wire"], "no deviation any more: take it off the list"
    else:
        assert ours == vector["wire"]


def test_the_list_of_deviations_is_about_recorded_texts():
    assert set(BETTER) <= {(vector["name"], vector.get("text")) for vector in VECTORS}


@pytest.mark.parametrize("option", [*DHCP4, *RELAY_AGENT, *DOCSIS3], ids=repr)
@settings(max_examples=15)
@given(data=st.data())
def test_a_shown_value_is_read_back(option, data):
    value = data.draw(option_values(option))
    if option not in (FQDN_OPTION, DHCP_AGENT_OPTIONS):
        # the grammar has no way to write an empty field, or blanks at its ends
        assume(all(field and field == field.strip() for field in option.kind.show_fields(value)))
    assert option.kind.parse_text(option.kind.show_text(value)) == value


def test_kinds_of_text_are_read_back():
    for kind in (TEXT, TUPLE):
        assert kind.parse_text(kind.show_text("a, b\\ c")) == "a, b\\ c"


@given(st.lists(st.text("a,\\ b", min_size=1).filter(lambda field: field == field.strip())))
def test_fields_survive_a_text(fields):
    assert split_text(join_text(fields)) == fields


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0A0B", b"\x0a\x0b"),
        ("0x0a0b", b"\x0a\x0b"),
        ("0a:0b", b"\x0a\x0b"),
        ("0a 0b", b"\x0a\x0b"),
        ("abc", b"\x0a\xbc"),
        ("a:b", b"\x0a\x0b"),
        ("'text'", b"text"),
        ("", b""),
    ],
)
def test_hexadecimal_forms(text, octets):
    assert parse_hex(text) == octets


def test_every_option_of_keas_example_is_known(shared):
    """Kea's own example of all options: names, codes, and texts that our kinds take."""
    text = (shared / "kea" / "configs" / "kea4" / "all-options.json").read_text()
    document = json.loads(without_comments(text))["Dhcp4"]
    seen = 0
    for data in [*document["option-data"], *document["subnet4"][0]["option-data"]]:
        space = {"docsis3-v4": DOCSIS3}.get(data.get("space"), DHCP4)
        if data.get("space", "dhcp4").startswith("my-"):
            continue
        option = space.by_code(data["code"])
        assert option is not None, data
        assert option.name == data["name"]
        payload = option.build_text(data.get("data", ""))
        kind = option.kind.plain or option.kind
        assert kind.parse(payload) == kind.parse_text(data.get("data", ""))
        seen += 1
    assert seen > 95


def without_comments(text):
    lines, inside = [], False
    for line in text.splitlines():
        bare = line.strip()
        inside = inside or bare.startswith("/*")
        if not inside and not bare.startswith("//"):
            lines.append(line)
        inside = inside and not bare.endswith("*/")
    return "\n".join(lines)
