"""The review: each checker finds what it is for, and is silent where that is not so."""

import json

import pytest

from dhcpkit.config import parse4, parse6
from dhcpkit.config.review import CHECKERS, review

LAN = {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.99"}]}
LAN6 = {"id": 1, "subnet": "2001:db8::/64", "pools": [{"pool": "2001:db8::10 - 2001:db8::99"}]}
COMMANDS = [{"library": "libdhcp_lease_cmds.so"}]
QUIET = {"hooks-libraries": COMMANDS, "decline-probation-period": 3600}


def host(address, number=1):
    return {"hw-address": f"02:00:00:00:00:{number:02x}", "ip-address": address}


def found(parse, root, **keys):
    loaded = parse(json.dumps({root: {**QUIET, **keys}}))
    return {problem.message.rpartition("[")[2].rstrip("]"): problem for problem in review(loaded)}


def in4(**keys):
    return found(parse4, "Dhcp4", **keys)


def in6(**keys):
    return found(parse6, "Dhcp6", **keys)


def lan(**keys):
    return {"subnet4": [{**LAN, **keys}]}


def ha(**keys):
    return {"library": "libdhcp_ha.so", "parameters": {"high-availability": [{"this-server-name": "a"} | keys]}}


CASES = {
    "lease-cmds-presence": (in4, {**lan(), "hooks-libraries": []}),
    "host-cmds-presence": (in4, {**lan(), "hosts-database": {"type": "mysql", "name": "kea"}}),
    "dispensable-shared-network": (in4, {"shared-networks": [{"name": "one", **lan()}]}),
    "dispensable-subnet": (in4, lan(pools=[])),
    "out-of-pool-reservation": (in4, lan(reservations=[host("192.0.2.200")])),
    "reserved-in-pool": (in4, lan(reservations=[host("192.0.2.20")], **{"reservations-out-of-pool": True})),
    "overlapping-subnet": (in4, {"subnet4": [LAN, {**LAN, "id": 2, "subnet": "192.0.2.0/25"}]}),
    "pools-exhausted-by-reservations": (
        in4, lan(pools=[{"pool": "192.0.2.10 - 192.0.2.11"}], reservations=[host("192.0.2.10"), host("192.0.2.11", 2)]),
    ),
    "pd-pools-exhausted-by-reservations": (
        in6,
        {"subnet6": [LAN6 | {
            "pd-pools": [{"prefix": "2001:db8:8::", "prefix-len": 55, "delegated-len": 56}],
            "reservations": [
                {"duid": "00:03:00:01:02:00:00:00:00:01", "prefixes": ["2001:db8:8::/56", "2001:db8:8:100::/56"]},
            ],
        }]},
    ),
    "subnet-cmds-and-cb-mutual-exclusion": (in4, {**lan(), "hooks-libraries": [
        *COMMANDS, {"library": "libdhcp_subnet_cmds.so"}, {"library": "libdhcp_cb_cmds.so"},
    ]}),
    "ha-mt-presence": (in4, {**lan(), "hooks-libraries": [
        *COMMANDS, ha(**{"multi-threading": {"enable-multi-threading": False}}),
    ]}),
    "ha-dedicated-ports": (in4, {**lan(), "hooks-libraries": [
        *COMMANDS, ha(peers=[{"name": "a", "url": "http://192.0.2.2:8000/", "role": "primary"}]),
    ]}),
    "canonical-prefix": (in4, lan(subnet="192.0.2.7/24")),
    "decline-quarantine": (in4, {**lan(), "decline-probation-period": None}),
    "udp-and-direct-clients": (in4, {**lan(), "interfaces-config": {"dhcp-socket-type": "udp"}}),
    "router-outside-subnet": (in4, lan(**{"option-data": [{"name": "routers", "data": "192.0.2.1, 198.51.100.1"}]})),
    "unused-class": (in4, {**lan(), "client-classes": [{"name": "odd", "test": "member('ALL')"}]}),
    "class-not-defined": (in4, lan(**{"client-classes": ["phones"]})),
    "agent-credentials-over-plain-http": (
        in4,
        {
            **lan(),
            "control-sockets": [
                {
                    "socket-type": "http",
                    "authentication": {"type": "basic", "clients": [{"user": "a", "password": "b"}]},
                }
            ],
        },
    ),
    "statistics-overflow": (in6, {"subnet6": [{**LAN6, "pools": [{"pool": "2001:db8::/64"}]}]}),
}  # fmt: skip


def test_there_is_a_case_for_every_checker():
    assert set(CASES) == set(CHECKERS)
    assert all(checker.what.endswith(".") for checker in CHECKERS.values())


@pytest.mark.parametrize("name", CASES)
def test_what_is_looked_for_is_found(name):
    run, keys = CASES[name]
    quiet = dict(keys)
    if quiet.get("decline-probation-period", 0) is None:
        del quiet["decline-probation-period"]
        loaded = parse4(json.dumps({"Dhcp4": {"hooks-libraries": COMMANDS, **quiet}}))
        assert [problem.code.id for problem in review(loaded)] == ["DK1701"]
        return
    problems = run(**keys)
    assert set(problems) == {name}
    assert problems[name].severity == "notice"
    assert problems[name].span is not None


PEER = ha(peers=[{"name": "a", "url": "http://192.0.2.2:8005/"}, {"name": "b", "url": "http://192.0.2.3:8000/"}])
ODD = ha(peers=["a", {"name": "a", "url": "http://x:port/"}])  # nonsense is another's affair


@pytest.mark.parametrize(
    ("run", "keys"),
    [
        (in4, lan()),
        (in6, {"subnet6": [LAN6]}),
        *((in4, {**lan(), "hooks-libraries": [*COMMANDS, library]}) for library in (PEER, ODD)),
    ],
)
def test_nothing_is_found_in_a_plain_configuration(run, keys):
    assert run(**keys) == {}


def test_a_checker_can_be_switched_off():
    loaded = parse4(json.dumps({"Dhcp4": {**QUIET, **lan(subnet="192.0.2.7/24")}}))
    assert review(loaded)
    assert review(loaded, ["canonical-prefix"]) == ()
