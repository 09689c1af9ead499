"""Kea's own example configurations, read unchanged and written back; and Kea's verdict on 142 mutated ones."""

import json
import re

import pytest

from dhcpkit.config import ConfigError, load4, load6, parse4, parse6, unparse
from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import Source

NAMES = [
    "advanced", "all-keys", "all-keys-netconf", "all-options", "backends", "classify", "classify2", "comments",
    "config-backend", "dhcpv4-over-dhcpv6", "global-reservations", "ha-load-balancing-server1-mt-with-tls",
    "ha-load-balancing-server2-mt", "hooks", "hooks-radius", "hooks-rbac", "leases-expiration", "multiple-options",
    "mysql-reservations", "pgsql-reservations", "reservations", "several-subnets", "shared-network", "single-subnet",
    "vendor-specific", "vivso", "with-ddns",
]  # fmt: skip


NAMES6 = [
    "advanced", "all-keys", "all-keys-netconf", "all-options", "backends", "classify", "classify2", "comments",
    "config-backend", "dhcpv4-over-dhcpv6", "duid", "global-reservations", "ha-hot-standby-server1-with-tls",
    "ha-hot-standby-server2", "hooks", "hooks-rbac", "iPXE", "leases-expiration", "multiple-options",
    "mysql-reservations", "pgsql-reservations", "reservations", "several-subnets", "shared-network", "simple",
    "softwire46", "stateless", "tee-times", "with-ddns",
]  # fmt: skip
EXAMPLES = [*(("kea4", name) for name in NAMES), *(("kea6", name) for name in NAMES6)]


def example(shared, folder, name):
    return shared / "kea" / "configs" / folder / f"{name}.json"


def test_no_example_is_left_out(shared):
    found = [(path.parent.name, path.stem) for path in (shared / "kea" / "configs").glob("kea[46]/*.json")]
    assert sorted(found) == sorted(EXAMPLES)


@pytest.mark.parametrize(("folder", "name"), EXAMPLES)
def test_an_example_is_read_and_written_back(shared, folder, name):
    path = example(shared, folder, name)
    family = folder[-1]
    loaded = {"4": load4, "6": load6}[family](path)
    value, _ = parse_json(Source(str(path)))
    key = f"subnet{family}"
    assert unparse(loaded.doc) == value[f"Dhcp{family}"]
    shared_networks = [getattr(network, key) for network in loaded.doc.shared_networks]
    subnets = [*getattr(loaded.doc, key), *(subnet for subnets in shared_networks for subnet in subnets)]
    assert len(loaded.network.subnets) == len(subnets)
    again = {"4": parse4, "6": parse6}[family](json.dumps({f"Dhcp{family}": unparse(loaded.doc)}))
    assert again.doc == loaded.doc


PLACE = re.compile(r"test\.json:([0-9]+)[.:]([0-9]+)")

# Where our verdict differs from Kea 2.2's, and why.
DEVIATIONS = {
    "valid-lifetime too big": "Kea makes 0 of 2^32 without a word; nobody means that",
    "server-hostname too long": "Kea checks it only where a subnet is configured with it, and then refuses it",
    "next-server bad": "Kea checks it only where a subnet is configured with it, and then refuses it",
    "dhcp-ddns bad port": "Kea takes port 70000 while updates are off, and fails once they are on",
    "interfaces unknown": "a configuration may be checked on another machine: -t and `check --here` look",
    "hooks library absent": "Kea's libraries are not loaded, so that their files need not be there",
    "control socket no name": "Kea 2.2 finds it when it opens the socket, Kea 3 when it checks",
    "control socket type": "a path for an HTTP socket: Kea 2.2 finds it when it opens the socket, Kea 3 when it checks",
    "renew above rebind": "Kea 3 takes it with a warning, and so do we",
    "reservation identifier only": "Kea 3 takes it: the client is KNOWN",
    "reservation hostname empty": "Kea 3 takes it: the client is KNOWN",
}
DEVIATIONS6 = {
    "pd prefix host bits": "Kea 3 refuses it",
    "pd length 129": "no prefix is longer than 128 bits",
    "data-directory absent": "a configuration may be checked on another machine",
}
MANY = {"dhcp4": 120, "dhcp6": 22}


def cases(shared, server="dhcp4"):
    with (shared / "kea" / "captures" / "config-errors.jsonl").open() as lines:
        found = [json.loads(line) for line in lines]
    return [case for case in found if case["server"] == server]


def ours(case):
    config = case["config"]
    parse = parse4 if case["server"] == "dhcp4" else parse6
    try:
        parse(config if isinstance(config, str) else json.dumps(config, indent=1), "/etc/kea/test.json")
    except ConfigError as error:
        return 1, error
    return 0, None


@pytest.mark.parametrize(("server", "deviations"), [("dhcp4", DEVIATIONS), ("dhcp6", DEVIATIONS6)])
def test_verdicts_are_kea_s(shared, server, deviations):
    tried = cases(shared, server)
    assert len(tried) == MANY[server]
    different = {case["name"] for case in tried if ours(case)[0] != case["exit"]}
    assert different == set(deviations)


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


@pytest.mark.parametrize(("server", "least"), [("dhcp4", 30), ("dhcp6", 3)])
def test_what_kea_calls_a_syntax_error_stands_where_kea_says(shared, server, least):
    """Line and first column of Kea's ranges, where both refuse a text while reading it."""
    compared, otherwise = 0, set()
    for case in cases(shared, server):
        found = PLACE.search(case["stderr"])
        verdict, error = ours(case)
        if case["stderr"].startswith("Syntax") and verdict and found:
            compared += 1
            place = PLACE.search(error.like_kea())
            if place is None or place.groups() != found.groups():
                otherwise.add(case["name"])
    assert otherwise == (set(PLACED_OTHERWISE) if server == "dhcp4" else set())
    assert compared > least
