"""Small DHCPv6 configurations and the verdicts of Kea 2.2 and 3.0 on each: dhcpkit says as one of them.

tests/vectors/configurations6.jsonl holds, for each, the keys and what either Kea said; nothing where it was accepted.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dhcpkit.config import ConfigError, parse6

# Refused here although both accept it, and why.
STRICTER = {
    "pd delegated 129": "no prefix is longer than 128 bits",
    "preferred negative": "Kea makes another number of it without a word",
    "preferred big": "Kea makes another number of it without a word",
}
# Accepted here although both refuse it, and why.
NEWER = {
    "allow-address-registration": "a key of Kea 3.1",
    "adaptive": "a key of Kea 3.1",
    "flq network without subnets": "it has no meaning until there is a subnet, which is then refused",
}
SAME_WORDS = 105  # refusals that are told in Kea's very words; the others say more, or name the very value
LAN = {"subnet": "2001:db8:1::/64", "id": 1}
PD = {"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 56}
VECTORS = Path(__file__).parent.parent / "vectors" / "configurations6.jsonl"
CASES = {case["name"]: case for case in map(json.loads, VECTORS.read_text().splitlines())}


def config_of(keys):
    return {
        "Dhcp6": {"interfaces-config": {"interfaces": []}, "lease-database": {"type": "memfile", "persist": False}}
        | keys
    }


def refusal(case):
    try:
        parse6(json.dumps(config_of(case["keys"])), "F")
    except ConfigError as error:
        return error
    return None


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_that_of_a_kea(name):
    case = CASES[name]
    error = refusal(case)
    verdicts = {bool(case["kea-2.2"]), bool(case["kea-3.0"])}
    if name in STRICTER:
        assert error is not None
        assert verdicts == {False}
    elif name in NEWER:
        assert error is None
        assert verdicts == {True}
    else:
        assert (error is not None) in verdicts
    if error is not None:
        for problem in error.errors:
            assert problem.span is not None
            assert problem.path.startswith("Dhcp6")


def sentence(text):
    """Without places, which Kea often gives as that of the whole map."""
    return re.sub(r"\s*\(F:[0-9:]+\)|F:[0-9.:-]+: ?| at \(F[0-9:]*\)", "", text).strip()


def test_refusals_stay_in_kea_s_words():
    same = 0
    for case in CASES.values():
        error = refusal(case)
        said = [sentence(case[kea]) for kea in ("kea-2.2", "kea-3.0") if case[kea]]
        if error is not None and said:
            same += sentence(error.like_kea()) in said
    assert same >= SAME_WORDS


@pytest.mark.needs("kea-dhcp6")
def test_kea_still_says_so(tmp_path):
    """Every twelfth of what is written down about Kea 2.2 is asked again."""
    program = shutil.which("kea-dhcp6", path=os.environ.get("PATH", "") + ":/usr/sbin")
    path = tmp_path / "kea.conf"
    for case in list(CASES.values())[::12]:
        path.write_text(json.dumps(config_of(case["keys"])))
        done = subprocess.run([program, "-t", path], check=False, capture_output=True, text=True, timeout=20)
        assert bool(done.returncode) == bool(case["kea-2.2"]), case["name"]


OLD_AND_NEW = [
    ({"subnet6": [LAN | {"require-client-classes": ["a"]}]},
     {"subnet6": [LAN | {"evaluate-additional-classes": ["a"]}]}),
    ({"client-classes": [{"name": "a", "only-if-required": True}]},
     {"client-classes": [{"name": "a", "only-in-additional-list": True}]}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), OLD_AND_NEW)
def test_a_key_s_old_name_is_the_same_key(old, new):
    assert parse6(json.dumps(config_of(old))).doc == parse6(json.dumps(config_of(new))).doc


@pytest.mark.parametrize("level", ["subnet", "pool", "pd-pool", "network"])
def test_the_one_class_of_older_files_is_a_class(level):
    keys = {"client-class": "phones"}
    subnet = LAN | {"pools": [{"pool": "2001:db8:1::/80"}], "pd-pools": [PD]}
    if level == "pool":
        subnet = subnet | {"pools": [{"pool": "2001:db8:1::/80"} | keys]}
    elif level == "pd-pool":
        subnet = subnet | {"pd-pools": [PD | keys]}
    elif level == "subnet":
        subnet = subnet | keys
    shared = {"shared-networks": [{"name": "n", "subnet6": [subnet]} | (keys if level == "network" else {})]}
    network = parse6(json.dumps(config_of(shared))).network
    (made,) = network.subnets
    found = {
        "subnet": made, "pool": made.pools[0], "pd-pool": made.pd_pools[0], "network": network.shared_networks[0],
    }  # fmt: skip
    assert {name: each.client_classes for name, each in found.items()} == {
        name: ("phones",) if name == level else () for name in found
    }
