"""Texts of DHCPv6 options: what Kea 3.0 made of them when they stood in its configuration."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dhcpkit.testing.declared import spaces
from dhcpkit.testing.strategies import option_values
from dhcpkit.testing.wire_checks import text_holds
from dhcpkit.wire.options6 import DHCP6, VENDORS6

# Each line: an option and the space it is in, its text, and the payload Kea sent, null: it refused.
VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "vectors" / "option-text6.jsonl").read_text().splitlines()
]
SPACES = {space.name: space for space in spaces(DHCP6)} | {
    f"vendor-{enterprise}": space for enterprise, space in VENDORS6.vendors.items()
}
EVERY_OPTION = [option for space in spaces(DHCP6) for option in space]

HEXADECIMAL = "Kea takes letters for hexadecimal digits without 0x"
UTF8 = "Kea's JSON makes ISO 8859-1 of it, dhcpkit UTF-8"
ROOT = "Kea sends no octets for the root or refuses it, dhcpkit sends its empty label"
NAME = "Kea refuses the text, dhcpkit sends the name"
BEHIND = "Kea passes over what is behind the fields, dhcpkit reads options there, as hexadecimal digits"
PAYLOAD = "dhcpkit takes the payload, for people's tests"
NUMBERS = "Kea refuses a list of numbers without any, dhcpkit sends it, as Kea does other lists"
PARAMETERS = "Kea refuses parameters that it does not know, or that need another, dhcpkit sends them"
RESOLVER = "10, dot.example.org., 2001:db8::1,"

# Where dhcpkit does something else, on purpose.
BETTER = {
    ("preference", "a"): HEXADECIMAL,
    ("preference", "ff"): HEXADECIMAL,
    ("reconf-msg", "a"): HEXADECIMAL,
    ("reconf-msg", "ff"): HEXADECIMAL,
    ("oro", "a"): HEXADECIMAL,
    ("oro", ""): NUMBERS,
    ("ia-na", "1, 2, 3, 4"): BEHIND,
    ("ia-ta", "1, 2"): BEHIND,
    ("lq-query", "1, 2001:db8::1, 2"): BEHIND,
    ("s46-rule", "1, 0, 24, 192.0.2.0, 2001:db8::/64, 1"): BEHIND,
    ("vendor-opts", "4491, 00010001aa"): BEHIND,
    ("client-data", "00010001aa"): PAYLOAD,
    ("ntp-server", "01"): PAYLOAD,
    ("rsoo", "01"): PAYLOAD,
    ("s46-cont-mape", "01"): PAYLOAD,
    ("iaprefix", "1, 2, 64, 2001:db8::1"): "Kea clears the bits behind the prefix, dhcpkit keeps a client's hint",
    ("sip-server-dns", "."): ROOT,
    ("domain-search", "."): ROOT,
    ("v6-lost", "."): ROOT,
    ("rdnss-selection", "2001:db8::1, 1, ."): ROOT,
    ("v6-lost", "a\\.b.org"): NAME,
    ("v6-lost", "a\\\\046b.org"): NAME,
    ("new-posix-timezone", "é"): UTF8,
    ("bootfile-url", "é"): UTF8,
    ("bootfile-param", "é"): UTF8,
    ("v6-captive-portal", "é"): UTF8,
    ("v6-sztp-redirect", "é"): UTF8,
    ("v6-dnr", f"{RESOLVER} alpn=dot ech=00"): PARAMETERS,
    ("v6-dnr", f"{RESOLVER} alpn=dot key7=00"): PARAMETERS,
    ("v6-dnr", f"{RESOLVER} alpn=h2"): PARAMETERS,
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['space']}.{v['name']} {v['text'][:40]!r}")
def test_texts_mean_what_they_mean_to_kea(vector):
    option = SPACES[vector["space"]].by_name(vector["name"])
    assert option is not None
    assert option.code == vector["code"]
    try:
        ours = option.build_text(vector["text"]).hex()
    except ValueError:
        ours = None
    if (vector["name"], vector["text"]) in BETTER:
        assert ours != vector["wire"], "no deviation any more: take it off the list"
    else:
        assert ours == vector["wire"]


def test_the_list_of_deviations_is_about_recorded_texts():
    assert set(BETTER) <= {(vector["name"], vector["text"]) for vector in VECTORS}


def test_every_option_of_keas_has_recorded_texts():
    table = json.loads((Path(__file__).parent.parent / "vectors" / "kea-options6.json").read_text())
    spaces_of_kea = {"docsis3-v6": "vendor-4491", "4o6": "vendor-2495"}
    declared = {(spaces_of_kea.get(row["space"], row["space"]), row["name"]) for row in table}
    # A server fills its own identifier in, and its clients'.
    assert declared - {(vector["space"], vector["name"]) for vector in VECTORS} == {
        ("dhcp6", "clientid"),
        ("dhcp6", "serverid"),
    }


@pytest.mark.parametrize("option", EVERY_OPTION, ids=repr)
@settings(max_examples=15)
@given(data=st.data())
def test_a_shown_value_is_read_back(option, data):
    value = data.draw(option_values(option))
    assume(text_holds(option.kind, value))
    assert option.kind.parse_text(option.kind.show_text(value)) == value


def test_every_option_of_keas_example_is_known(shared):
    """Kea's own example of all options: names, codes, and texts that our kinds take."""
    text = (shared / "kea" / "configs" / "kea6" / "all-options.json").read_text()
    document = json.loads(without_comments(text))["Dhcp6"]
    seen = 0
    for data in [*document["option-data"], *document["subnet6"][0]["option-data"]]:
        space = SPACES.get(data.get("space", "dhcp6"))
        if space is None:
            assert data["space"].startswith("my-")
            continue
        option = space.by_code(data["code"]) if "code" in data else space.by_name(data["name"])
        assert option is not None, data
        assert option.name == data["name"]
        payload = option.build_text(data.get("data", ""))
        if option.kind.plain is None:  # elsewhere a configuration may say what no value is
            assert option.kind.parse(payload) == option.kind.parse_text(data.get("data", ""))
        seen += 1
    assert seen > 60


def without_comments(text):
    lines, inside = [], False
    for line in text.splitlines():
        bare = line.strip()
        inside = inside or bare.startswith("/*")
        if not inside and not bare.startswith("//"):
            lines.append(line)
        inside = inside and not bare.endswith("*/")
    return "\n".join(lines)
