"""Leases counted by subnet: what the counters hide, and which subnets are meant.

What Kea answers is replayed in test_lease_cmds_replay.py.
"""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

spec = importlib.util.spec_from_file_location("commanded", Path(__file__).with_name("commanded.py"))
commanded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(commanded)


@pytest.fixture(params=[4, 6])
def server(request, tmp_path):
    return commanded.Commanded(tmp_path, request.param)


def add(server, number, **more):
    if server.family == 4:
        said = {"ip-address": f"10.53.1.{number}", "hw-address": f"02:00:00:00:00:{number:02x}"}
    else:
        said = {"ip-address": f"2001:db8:53::1:{number:x}", "duid": f"00:03:00:01:{number:02x}", "iaid": 1}
    assert server.ask(f"lease{server.family}-add", said | more)["result"] == 0


def rows(server, **arguments):
    said = {key.replace("_", "-"): value for key, value in arguments.items()} or None
    answer = server.ask(f"stat-lease{server.family}-get", said)
    assert answer["result"] == 0, answer
    table = answer["arguments"]["result-set"]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def test_a_counter_that_was_reset_hides_nothing(server):
    name = "assigned-addresses" if server.family == 4 else "assigned-nas"
    for number in range(1, 4):
        add(server, number, state=int(number == 1))
    before = rows(server)
    assert (before[0][name], before[0]["declined-addresses"]) == (2, 1)
    assert server.statistics.reset(f"subnet[1].{name}")
    assert rows(server) == before


def test_prefixes_are_counted_apart(tmp_path):
    server = commanded.Commanded(tmp_path, 6)
    add(server, 1)
    for number in (1, 2):
        address = f"3000:53:{number:x}00::"
        said = {"type": "IA_PD", "ip-address": address, "prefix-len": 56, "duid": "00:01:02", "iaid": 1, "subnet-id": 1}
        assert server.ask("lease6-add", said)["result"] == 0
    [row, _] = rows(server)
    assert (row["assigned-nas"], row["assigned-pds"]) == (1, 2)
    assert (row["total-nas"], row["total-pds"]) == (65536, 65536)


@settings(deadline=None, max_examples=40)
@given(first=st.integers(1, 5), last=st.integers(1, 5), family=st.sampled_from((4, 6)))
def test_a_range_is_the_subnets_in_it(tmp_path_factory, first, last, family):
    server = commanded.Commanded(tmp_path_factory.mktemp("range"), family)
    said = {"subnet-range": {"first-subnet-id": first, "last-subnet-id": last}}
    answer = server.ask(f"stat-lease{family}-get", said)
    if last < first:
        assert answer["result"] == 1
        return
    meant = [number for number in (1, 2) if first <= number <= last]
    assert answer["result"] == (0 if meant else 3)
    found = answer["arguments"].get("result-set", {"rows": []})["rows"]
    assert [row[0] for row in found] == meant
    assert meant == [row["subnet-id"] for row in rows(server) if first <= row["subnet-id"] <= last]


def test_a_lease_of_a_subnet_that_is_gone_is_in_no_row(server):
    add(server, 1)
    lease = server.all_leases()[0]
    server.store.append([((lease, lease._replace(subnet_id=99)),)])
    assert [row["subnet-id"] for row in rows(server)] == [1, 2]
    assert all(row["declined-addresses"] == 0 for row in rows(server))
    assert sum(row.get("assigned-addresses", 0) + row.get("assigned-nas", 0) for row in rows(server)) == 0
