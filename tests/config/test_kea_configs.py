"""Kea's own example configurations, read unchanged and written back; and Kea's verdict on 120 mutated ones."""

import json
import re

import pytest

from dhcpkit.config import ConfigError, load4, parse4, unparse
from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import Source

NAMES = [
    "advanced", "all-keys", "all-keys-netconf", "all-options", "backends", "classify", "classify2", "comments",
    "config-backend", "dhcpv4-over-dhcpv6", "global-reservations", "ha-load-balancing-server1-mt-with-tls",
    "ha-load-balancing-server2-mt", "hooks", "hooks-radius", "hooks-rbac", "leases-expiration", "multiple-options",
    "mysql-reservations", "pgsql-reservations", "reservations", "several-subnets", "shared-network", "single-subnet",
    "vendor-specific", "vivso", "with-ddns",
]  # fmt: skip


def example(shared, name):
    return shared / "kea" / "configs" / "kea4" / f"{name}.json"


def test_no_example_is_left_out(shared):
    assert sorted(path.stem for path in (shared / "kea" / "configs" / "kea4").glob("*.json")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_read_and_written_back(shared, name):
    path = example(shared, name)
    loaded = load4(path)
    value, _ = parse_json(Source(str(path)))
    assert unparse(loaded.doc) == value["Dhcp4"]
    subnets = [*loaded.doc.subnet4, *(s for network in loaded.doc.shared_networks for s in network.subnet4)]
    assert len(loaded.network.subnets) == len(subnets)


PLACE = re.compile(r"test\.json:([0-9]+)[.:]([0-9]+)")

# Where our verdict differs from Kea 2.2's, and why.
DEVIATIONS = {
    "valid-lifetime too big": "Kea makes 0 of 2^32 without a word; nobody means that",
    "server-hostname too long": "Kea checks it only where a subnet is configured with it, and then refuses it",
    "next-server bad": "Kea checks it only where a subnet is configured with it, and then refuses it",
    "dhcp-ddns bad port": "Kea takes port 70000 while updates are off, and fails once they are on",
    "interfaces unknown": "a configuration may be checked on another machine: `check --here` and -t look",
    "hooks library absent": "Kea's libraries are not loaded, so that their files need not be there",
}


def cases(shared):
    with (shared / "kea" / "captures" / "config-errors.jsonl").open() as lines:
        found = [json.loads(line) for line in lines]
    return [case for case in found if case["server"] == "dhcp4"]


def ours(case):
    config = case["config"]
    try:
        parse4(config if isinstance(config, str) else json.dumps(config, indent=1), "/etc/kea/test.json")
    except ConfigError as error:
        return 1, error
    return 0, None


def test_verdicts_are_kea_s(shared):
    tried = cases(shared)
    assert len(tried) == 120
    different = {case["name"] for case in tried if ours(case)[0] != case["exit"]}
    assert different == set(DEVIATIONS)


# Where Kea's range begins elsewhere, and why.
CLOSED = "Kea's parser stops at the bracket that closes the map; the map itself lacks something"
EMPTY = "Kea stops at the empty Dhcp4 map, which is no mistake here; the next one is told"
PLACED_OTHERWISE = {
    "pool empty map": CLOSED,
    "shared network no name": CLOSED,
    "logger output missing": CLOSED,
    "lease database without type": "Kea tells the place of the key of the map that lacks something",
    "relay bad": "Kea stops at the comma; the key that says it again is told",
    "syntax: unclosed": "Kea tells the place behind the last character, which is on no line one could show",
    "syntax: two tops": EMPTY,
    "syntax: two tops unknown": EMPTY,
    "syntax: text after": EMPTY,
    "syntax: bad escape": "Kea tells the place of the string; the escape in it is told",
}


def test_what_kea_calls_a_syntax_error_stands_where_kea_says(shared):
    """Line and first column of Kea's ranges, where both refuse a text while reading it."""
    compared, otherwise = 0, set()
    for case in cases(shared):
        found = PLACE.search(case["stderr"])
        verdict, error = ours(case)
        if case["stderr"].startswith("Syntax") and verdict and found:
            compared += 1
            place = PLACE.search(error.like_kea())
            if place is None or place.groups() != found.groups():
                otherwise.add(case["name"])
    assert otherwise == set(PLACED_OTHERWISE)
    assert compared > 30
