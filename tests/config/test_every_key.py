"""Every key of a configuration of each family with two dozen values that may not fit, and what Kea 3.0 said with -t.

tests/vectors/configuration-verdicts-30.json holds a configuration with every key that Kea 3.0 knows, and for each key a
row of letters: whether it was accepted (0) or refused (1) with each of the values in its place, and without it.
"""

import copy
import json
from pathlib import Path
from zlib import crc32

import pytest

from dhcpkit.config import ConfigError, parse4, parse6

RECORDED = json.loads((Path(__file__).parent.parent / "vectors" / "configuration-verdicts-30.json").read_text())
VALUES = RECORDED["values"]
ONE_IN = 16  # of the cases are tried; which of them, their names decide. All of 13,000 took two minutes
MADE_ANOTHER = "Kea makes another number of it without a word"
# Refused here and accepted by Kea: the end of the path, and why. Numbers out of range (DK1104) are refused everywhere.
STRICTER = {
    "allocator": "Kea finds it when a subnet uses it",
    "next-server": "Kea finds it when a subnet uses it, and only where a client asks",
    "option-data/0/data": "an IPv6 address where an IPv4 address is asked for: Kea sends sixteen octets",
    "t1-percent": "Kea finds it when a subnet uses it",
    "t2-percent": "Kea finds it when a subnet uses it",
    "cache-threshold": "Kea finds it when a subnet uses it",
    "loggers/0/name": "Kea fails when it opens the log",
    "output-options/0/output": "Kea fails when it opens the log",
    "server-id/identifier": "a blank is no digit",
    "max-preferred-lifetime": MADE_ANOTHER,
}
# Accepted here and refused by Kea: the end of the path, and why.
LENIENT = {
    "interfaces-config/interfaces": "a configuration may be checked on another machine: -t and `check --here` look",
    "/id": "Kea 2.2 gives a subnet without an id the next number of a counter, with a warning here",
    "data-directory": "where files are kept is for the machine to say",
}


def changed(base, path, value):
    made = copy.deepcopy(base)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    inner = made
    for step in way:
        inner = inner[step]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return made


REMOVED = object()


def cases(server):
    for path, row in RECORDED[server]["rows"].items():
        for number, (verdict, value) in enumerate(zip(row, [*VALUES, REMOVED], strict=True)):
            if verdict != ".":
                yield f"{path}#{number}", path, value, verdict == "1"


def fault_of(server, path, value):
    """The codes of what is wrong with the configuration; nothing where it is accepted."""
    try:
        (parse4 if server == "dhcp4" else parse6)(json.dumps(changed(RECORDED[server]["base"], path, value)))
    except ConfigError as error:
        return {problem.code.id for problem in error.errors}
    return set()


@pytest.mark.parametrize("server", ["dhcp4", "dhcp6"])
def test_the_configuration_itself_is_accepted(server):
    loaded = (parse4 if server == "dhcp4" else parse6)(json.dumps(RECORDED[server]["base"]))
    assert len(loaded.network.subnets) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", ["dhcp4", "dhcp6"])
def test_verdicts_are_those_of_kea_3(server):
    tried, different = 0, {}
    for name, path, value, refused in cases(server):
        if crc32(name.encode()) % ONE_IN:
            continue
        tried += 1
        fault = fault_of(server, path, value)
        table = STRICTER if fault else LENIENT
        if bool(fault) != refused and fault != {"DK1104"} and not path.endswith(tuple(table)):
            different[name] = fault or "accepted"
    assert different == {}
    assert tried > 300


@pytest.mark.parametrize("table", [STRICTER, LENIENT], ids=["stricter", "lenient"])
def test_no_difference_is_named_that_is_none(table):
    """For each entry a case is found that really differs."""
    for end in table:
        found = (
            bool(fault_of(server, path, value)) is (table is STRICTER)
            for server in ("dhcp4", "dhcp6")
            for _, path, value, refused in cases(server)
            if path.endswith(end) and refused is (table is LENIENT)
        )
        assert any(found), end
