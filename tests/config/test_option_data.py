"""Options in a configuration: what stands in `option-def` and `option-data`, for either family."""

import json

import pytest

from dhcpkit.config import ConfigError, parse4
from dhcpkit.config.dhcp4 import OptionDataDoc, OptionDefDoc
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.report import Report
from dhcpkit.wire.options6 import DHCP6


def options_of(entries, definitions=()):
    """Payloads by code, of options given to a configuration."""
    config = {"Dhcp4": {"subnet4": [], "option-def": list(definitions), "option-data": entries}}
    network = parse4(json.dumps(config), "test.json").network
    return {value.option.code: value.payload.hex() for value in network.options}


def problem_of(entries, definitions=()):
    with pytest.raises(ConfigError) as caught:
        options_of(entries, definitions)
    (found,) = caught.value.errors
    return found


def test_options_within_options_are_put_together():
    found = options_of(
        [
            {"name": "cablelabs-client-conf"},
            {"name": "tsp-primary-server", "space": "cablelabs-client-conf", "data": "192.0.2.1"},
            {"name": "tsp-provisioning-server", "space": "cablelabs-client-conf", "data": "0, a."},
        ]
    )
    assert found == {122: "0104c0000201" + "030400016100"}


def test_nothing_follows_a_string():
    """As Kea 3.0.4: what a string encapsulates is not sent."""
    definitions = [
        {"name": "mine", "code": 224, "type": "string", "encapsulate": "a"},
        {"name": "outer", "code": 225, "type": "uint8", "encapsulate": "a"},
        {"name": "inner", "code": 1, "type": "uint16", "space": "a"},
    ]
    inner = {"name": "inner", "space": "a", "data": "513"}
    assert options_of([{"name": "mine", "data": "text"}, inner], definitions) == {224: b"text".hex()}
    assert options_of([{"name": "outer", "data": "7"}, inner], definitions) == {225: "0701020201"}


def test_octets_of_options_kea_does_not_know():
    """To Kea 2.2 codes without a definition are anybody's, under any name, with any octets."""
    assert options_of([{"code": 123, "csv-format": False, "data": "0102"}]) == {123: "0102"}
    assert options_of([{"code": 120, "name": "my-sip", "csv-format": False, "data": "6869"}]) == {120: "6869"}
    assert options_of([{"name": "sip-servers", "data": "1, 192.0.2.1"}]) == {120: "01c0000201"}
    assert options_of([{"code": 148, "csv-format": False, "data": "010203"}]) == {148: "010203"}
    named = problem_of([{"name": "v4-dots-address", "csv-format": False, "data": "010203"}])
    assert "option data does not match option definition" in named.message
    mismatch = problem_of([{"code": 3, "name": "my-routers", "csv-format": False, "data": "c0000201"}])
    assert "does not match the option definition" in mismatch.message


def test_binary_options_take_any_octets():
    """Values of these are typed where octets have a meaning; a configuration may say what it likes, as to Kea."""
    assert options_of([{"name": "authenticate", "data": "0A"}]) == {90: "0a"}
    assert options_of([{"name": "geoconf-civic", "csv-format": False, "data": "02"}]) == {99: "02"}


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"name": "x y", "code": 224, "type": "uint8"}, "invalid option name 'x y'"),
        ({"name": "x", "code": 224, "type": "uint8", "space": "a b"}, "invalid option space name 'a b'"),
        ({"name": "routers", "code": 224, "type": "uint8"}, "unable to override definition of option 'routers'"),
        ({"name": "x", "code": 3, "type": "uint8"}, "unable to override definition of option '3'"),
        ({"name": "x", "code": 1, "type": "uint8", "space": "docsis3-v4"}, "unable to override definition"),
        ({"name": "x", "code": 224, "type": "int64"}, "option type 'int64' not supported"),
    ],
    ids=str,
)
def test_definitions_kea_refuses(definition, words):
    assert words in problem_of([], [definition]).message


class TestFamily6:
    def test_the_same_for_dhcpv6(self):
        report = Report()
        spaces = Spaces(report, DHCP6)
        spaces.define_all(
            [
                OptionDefDoc(name="outer", code=40000, type="uint8", space="dhcp6", encapsulate="mine"),
                OptionDefDoc(name="inner", code=4000, type="tuple", space="mine"),
            ],
            (),
        )
        values = spaces.values(
            [
                OptionDataDoc(name="outer", space="dhcp6", data="7"),
                OptionDataDoc(name="inner", space="mine", data="text"),
                OptionDataDoc(name="dns-servers", space="dhcp6", data="2001:db8::1"),
            ],
            (),
        )
        assert report.problems == []
        assert {value.option.code: value.payload.hex() for value in values} == {
            40000: "07" + "0fa00006" + "0004" + b"text".hex(),
            23: "20010db8000000000000000000000001",
        }

    def test_codes_have_two_octets(self):
        report = Report()
        Spaces(report, DHCP6).values([OptionDataDoc(code=65536, space="dhcp6", data="7")], ())
        (found,) = report.problems
        assert found.message == "invalid option code '65536', it must not be greater than '65535'"
        assert found.expected == "1 to 65535"
