"""Control sockets, the DNS server, and other keys that mean something together: the verdicts of Kea 2.2 and 3.0.

tests/vectors/configurations-contacts.jsonl holds, for each configuration, what either said with -t, and nothing where
it was accepted. Keys that Kea 2.2 does not know it refuses; then the verdict of 3.0 counts.
"""

import json
from pathlib import Path

import pytest

from dhcpkit.config import ConfigError, parse4, parse6
from dhcpkit.config.contacts import links_named
from dhcpkit.wire.named_kinds import kind_named

CASES = {
    case["name"]: case
    for case in map(
        json.loads,
        (Path(__file__).parent.parent / "vectors" / "configurations-contacts.jsonl").read_text().splitlines(),
    )
}
# Refused here although Kea 3 accepts it, and why.
STRICTER = {
    "logger no name": "Kea fails when it opens the log",
    "output no output": "Kea fails when it opens the log",
    "4o6 slash 129": "no prefix is longer than 128 bits",
    "4o6 v4": "an IPv4 prefix, where an IPv6 prefix is asked for",
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_that_of_kea_3(name):
    case = CASES[name]
    parse = parse4 if case["server"] == "dhcp4" else parse6
    if not case["kea-3.0"] and name not in STRICTER:
        parse(json.dumps(case["config"]))
        return
    assert bool(case["kea-3.0"]) is (name not in STRICTER)
    with pytest.raises(ConfigError):
        parse(json.dumps(case["config"]))


def problems_of(**keys):
    with pytest.raises(ConfigError) as caught:
        parse4(json.dumps({"Dhcp4": {key.replace("_", "-"): value for key, value in keys.items()}}))
    return [(problem.path, problem.message) for problem in caught.value.errors]


def test_every_mistake_of_a_socket_is_told_at_its_place():
    sockets = [
        {"socket-type": "unix"},
        {"socket-type": "http", "socket-address": "nowhere", "cert-file": "a"},
        {"socket-type": "http", "authentication": {"type": "basic", "clients": [{"user": "a:b"}]}},
    ]
    assert [path for path, _ in problems_of(control_sockets=sockets)] == [
        "Dhcp4.control-sockets[0]",
        "Dhcp4.control-sockets[1]",
        "Dhcp4.control-sockets[1].socket-address",
        "Dhcp4.control-sockets[2].authentication.clients[0].user",
    ]


def test_subnets_of_a_link_agree_about_old_addresses():
    subnets = [{"id": 1, "subnet": "192.0.2.0/25"}, {"id": 2, "subnet": "192.0.2.128/25", "authoritative": True}]
    [(path, message)] = problems_of(shared_networks=[{"name": "n", "subnet4": subnets}])
    assert path == "Dhcp4.shared-networks[0].subnet4[1].authoritative"
    assert message.startswith("Subnet 192.0.2.128/25 has different authoritative setting true")


def test_links_are_named_where_they_are_written():
    text = {
        "subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "interface": "a0"}, {"id": 2, "subnet": "198.51.100.0/24"}],
        "shared-networks": [
            {"name": "n", "interface": "b0", "subnet4": [{"id": 3, "subnet": "203.0.113.0/24", "interface": "b0"}]}
        ],
    }
    found = list(links_named(parse4(json.dumps({"Dhcp4": text})).doc))
    assert [(name, message.removesuffix(" is not present in the system")) for _, name, message in found] == [
        ("b0", "Specified network interface name b0 for shared network n"),
        ("b0", "subnet configuration failed: Specified network interface name b0 for subnet 203.0.113.0/24"),
        ("a0", "subnet configuration failed: Specified network interface name a0 for subnet 192.0.2.0/24"),
    ]
    assert [steps for steps, *_ in found] == [
        ("Dhcp4", "shared-networks", 0, "interface"),
        ("Dhcp4", "shared-networks", 0, "subnet4", 0, "interface"),
        ("Dhcp4", "subnet4", 0, "interface"),
    ]


def test_a_text_of_type_internal_is_kept_whole():
    kind = kind_named("internal")
    assert kind.show_text(kind.parse_text("10.0.0.0/8 - 10.0.0.1,  2")) == "10.0.0.0/8 - 10.0.0.1,  2"
    definition = {"name": "x", "code": 230, "type": "internal"}
    for entry, payload in (
        ({"name": "x", "data": "one, two"}, b"one, two"),
        ({"name": "x", "data": "00ff", "csv-format": False}, b"\0\xff"),
    ):
        network = parse4(json.dumps({"Dhcp4": {"option-def": [definition], "option-data": [entry]}})).network
        assert network.options.get(230).payload == payload
