"""The normal form of configurations: as Kea 3.0.4 tells them, with its hash, and the same again when it is read."""

import json
import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings

from dhcpkit.config import parse4, parse6
from dhcpkit.config.normal import class_form, hash_of, kea_text, network_form, normal, subnet_form
from dhcpkit.config.param import unparse
from dhcpkit.testing.documents import configurations, configurations6

VECTORS = Path(__file__).parent.parent / "vectors" / "config-get-30.jsonl"
RECORDED = [json.loads(line) for line in VECTORS.read_text().splitlines()]
PAGE = Path(__file__).parent.parent.parent / "docs" / "why" / "normal-form.md"
DIFFERENCES = {  # a recorded file, and the place in it where we tell something else: why
    ("kea4-dhcpv4-over-dhcpv6", "Dhcp4.loggers[0].output-options[0].output"): (
        "A log file without a folder: Kea shows where its build puts it, we show what was written."
    ),
}


def parse(text, root):
    return (parse4 if root == "Dhcp4" else parse6)(text)


def places(ours, theirs, at):
    """Where two JSON values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from places(ours.get(key, KeyError), theirs.get(key, KeyError), f"{at}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from places(one, other, f"{at}[{index}]")
    elif ours != theirs or type(ours) is not type(theirs):
        yield at


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each["name"])
def test_it_is_what_kea_tells_of_the_same_file(recorded):
    [(root, told)] = recorded["told"].items()
    made = normal(parse(json.dumps(recorded["input"]), root).doc)
    if "hash" not in recorded:  # of these only some keys were recorded
        made = {key: value for key, value in made.items() if key in told}
    known = {place for name, place in DIFFERENCES if name == recorded["name"]}
    assert set(places(made, told, root)) == known
    if "hash" in recorded and not known:
        assert hash_of({root: made}) == recorded["hash"]


def test_the_page_has_every_difference_and_no_other():
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert {(name, place): reason for name, place, reason in rows} == DIFFERENCES


@pytest.mark.parametrize("recorded", [each for each in RECORDED if "hash" in each], ids=lambda each: each["name"])
def test_what_is_told_can_be_read_and_means_the_same(recorded):
    [(root, _)] = recorded["told"].items()
    first = parse(json.dumps(recorded["input"]), root)
    made = normal(first.doc)
    again = parse(json.dumps({root: made}), root)
    assert normal(again.doc) == made
    assert meaning(again.network) == meaning(first.network)


def meaning(network):
    """Whom and what a network serves, without the places of it in a text."""
    return {
        subnet.id: (
            {
                field.name: value
                for field in attrs.fields(type(subnet))
                if isinstance(value := getattr(subnet, field.name), int | str | float | frozenset | None)
                and not field.name.startswith("_")
                and not (field.name == "relays" and subnet.shared_network)  # those of the network are its own, too
            },
            [str(getattr(subnet, name, "")) for name in ("lifetimes", "valid", "preferred")],
            sorted((pool.first, pool.last) for pool in subnet.pools),
            [
                sorted((code, level.options.get(code).payload) for code in range(1, 255) if level.options.get(code))
                for level in subnet.levels
            ],
        )
        for subnet in network.subnets
    }


def check_again(doc, root):
    """A document's form, read again, is the form; and means what the document means."""
    made = normal(doc)
    again = parse(json.dumps({root: made}), root)
    assert normal(again.doc) == made
    assert list(made) == sorted(made)
    assert meaning(again.network) == meaning(parse(json.dumps({root: unparse(doc)}), root).network)


@given(configurations())
@settings(max_examples=60)
def test_any_configuration_reads_the_same_again(doc):
    check_again(doc, "Dhcp4")


@given(configurations6())
@settings(max_examples=60)
def test_any_dhcpv6_configuration_reads_the_same_again(doc):
    check_again(doc, "Dhcp6")


def test_parts_are_as_they_are_in_the_whole():
    seen = 0
    for recorded in RECORDED:
        [(root, _)] = recorded["told"].items()
        doc = parse(json.dumps(recorded["input"]), root).doc
        whole = normal(doc)
        key = root.replace("Dhcp", "subnet")
        groups = [(None, whole), *((each["name"], each) for each in whole["shared-networks"])]
        for name, group in groups:
            for subnet in group[key]:
                assert subnet_form(doc, subnet["id"]) == subnet | {"shared-network-name": name}
                seen += 1
        for network in whole["shared-networks"]:
            assert network_form(doc, network["name"]) == network
        for each in whole.get("client-classes", ()):
            assert class_form(doc, each["name"]) == each
        assert subnet_form(doc, 4_000_000_000) is network_form(doc, "nobody") is class_form(doc, "nobody") is None
    assert seen > 50


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"reservation-mode": "global"}, {"reservations-global": True, "reservations-in-subnet": False}),
        ({"ddns-use-conflict-resolution": False}, {"ddns-conflict-resolution-mode": "no-check-with-dhcid"}),
        ({"dhcp-ddns": {"enable-updates": False, "qualifying-suffix": "x."}}, {"ddns-qualifying-suffix": "x."}),
        ({"comment": "mine"}, {"user-context": {"comment": "mine"}}),
        (
            {"control-socket": {"socket-type": "unix", "socket-name": "/tmp/s"}},
            {"control-sockets": [{"socket-type": "unix", "socket-name": "/tmp/s"}]},
        ),
        ({"subnet4": [{"subnet": "10.0.0.0/8", "client-class": "a"}]}, {"id": 1, "client-classes": ["a"]}),
        (
            {"subnet4": [{"id": 7, "subnet": "10.0.0.0/8", "relay": {"ip-address": "192.0.2.1"}}]},
            {"relay": {"ip-addresses": ["192.0.2.1"]}},
        ),
    ],
    ids=str,
)
def test_older_forms_are_shown_as_what_they_mean(written, shown):
    made = normal(parse4(json.dumps({"Dhcp4": written})).doc)
    part = made["subnet4"][0] if "subnet4" in written else made
    assert {key: part[key] for key in shown} == shown
    assert not made.keys() & {"reservation-mode", "ddns-use-conflict-resolution", "comment", "control-socket"}


def test_the_text_that_is_hashed():
    value = {"b": [1, 0.5, 2.0, 0.333333333, True, None, 'a/"\\\x7f\t\xfc'], "a": {}}
    shown = '[ 1, 0.5, 2.0, 0.333333, true, null, "a/\\"\\\\\\u007f\\t\\u00c3\\u00bc" ]'
    assert kea_text(value) == f'{{ "a": {{  }}, "b": {shown} }}'
