"""Lease commands: whatever is sent, leases, counters and files are what the answers say."""

import asyncio
import fcntl
import importlib.util
import json
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dhcpkit.alloc.lease import INFINITE, Lease4
from dhcpkit.alloc.view import Change
from dhcpkit.backends import Memfile, StoreUnavailable
from dhcpkit.backends.memfile import read_leases, read_leases6
from dhcpkit.hooks.commands import Result, declared_commands
from dhcpkit.hooks.libraries.lease_cmds import LeaseCmds
from dhcpkit.hooks.libraries.stat_cmds import StatCmds
from dhcpkit.server.statistics import lease_totals, lease_totals6

spec = importlib.util.spec_from_file_location("commanded", Path(__file__).with_name("commanded.py"))
commanded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(commanded)

U32 = 0xFFFFFFFF
NAMES = sorted(found.name for library in (LeaseCmds, StatCmds) for _, found in declared_commands(library))
DECLARED = {found.name: found for library in (LeaseCmds, StatCmds) for _, found in declared_commands(library)}


@pytest.fixture(params=[4, 6])
def server(request, tmp_path):
    return commanded.Commanded(tmp_path, request.param)


def lease_of(family, number, **more):
    """The arguments of a lease, one of a few: a number says which address, and whose."""
    if family == 4:
        made = {"ip-address": f"10.53.1.{number}", "hw-address": f"02:00:00:00:00:{number % 3:02x}"}
    else:
        made = {
            "ip-address": f"2001:db8:53::1:{number:x}",
            "duid": f"00:03:00:01:02:00:00:00:00:{number % 3:02x}",
            "iaid": number % 2,
        }
    return made | {key.replace("_", "-"): value for key, value in more.items()}


# What changes leases, and what counts them.

numbers = st.integers(1, 8)
more = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from((0, 1, 2, 3, 4)),
        "valid_lft": st.sampled_from((0, 1, 4000, U32)),
        "pool_id": st.sampled_from((0, 7)),
        "hostname": st.sampled_from(("Some.Name", "h")),
        "user_context": st.just({"a": [1]}),
    },
)
changes = st.one_of(
    st.tuples(st.just("add"), numbers, more),
    st.tuples(st.just("update"), numbers, more),
    st.tuples(st.just("force"), numbers, more),
    st.tuples(st.just("del"), numbers, st.just({})),
    st.tuples(st.just("wipe"), st.sampled_from((0, 1, 2)), st.just({})),
    st.tuples(st.just("bulk"), st.lists(st.tuples(numbers, more), max_size=4), st.lists(numbers, max_size=3)),
)


def request_of(family, change):
    kind, number, rest = change
    name = f"lease{family}"
    if kind == "add":
        return f"{name}-add", lease_of(family, number, **rest)
    if kind in {"update", "force"}:
        return f"{name}-update", lease_of(family, number, force_create=kind == "force", **rest)
    if kind == "del":
        return f"{name}-del", {"ip-address": lease_of(family, number)["ip-address"]}
    if kind == "wipe":
        return f"{name}-wipe", {"subnet-id": number}
    return "lease6-bulk-apply", {
        "leases": [lease_of(6, each, **its) for each, its in number],
        "deleted-leases": [{"ip-address": lease_of(6, each)["ip-address"]} for each in rest],
    }


@pytest.mark.parametrize("family", [4, 6])
@settings(deadline=None, max_examples=60)
@given(st.lists(changes, max_size=12))
def test_counters_are_a_recount_and_answers_are_true(family, tmp_path_factory, steps):
    server = commanded.Commanded(tmp_path_factory.mktemp("counted"), family)
    there = set()  # addresses that have a lease, as the answers have it
    for step in steps:
        name, arguments = request_of(family, step)
        answer = server.ask(name, arguments)
        result = answer["result"]
        address = arguments.get("ip-address")
        if name == "lease6-bulk-apply":
            if family == 4:
                assert result in {1, 3}
                continue
            failed = Counter(each["ip-address"] for each in answer.get("arguments", {}).get("failed-leases", []))
            there -= {each["ip-address"] for each in arguments["deleted-leases"]}
            there |= set(Counter(each["ip-address"] for each in arguments["leases"]) - failed)
            continue
        if name.endswith("-add"):
            assert result == (4 if address in there else 0), answer
            there.add(address)
        elif name.endswith("-update"):
            if result == 0:
                assert answer["text"].endswith("updated." if address in there else "added.")
                there.add(address)
            else:  # registered, or nothing there and not to be made
                assert result == 1 or (address not in there and not arguments["force-create"])
        elif name.endswith("-del"):
            assert result == (0 if address in there else 3)
            there.discard(address)
        else:
            assert result == (0 if there and arguments["subnet-id"] != 2 else 3), answer
            assert answer["text"].startswith(f"Deleted {0 if arguments['subnet-id'] == 2 else len(there)} ")
            there = there if arguments["subnet-id"] == 2 else set()
    leases = server.all_leases()
    assert {str(ip_address(lease.address)) for lease in leases} == there
    totals = (lease_totals if family == 4 else lease_totals6)(leases)
    current = {name: server.statistics.value(name) for name in server.statistics.no_leases()}
    assert {name: count for name, count in current.items() if count} == {k: v for k, v in totals.items() if v}
    server.store.view.check()
    rows = server.ask(f"stat-lease{family}-get")["arguments"]["result-set"]["rows"]
    assert rows[0][4] == sum(lease.state == 1 for lease in leases)
    assert rows[0][3] == sum(lease.state == 0 for lease in leases)
    if family == 4:  # what is stored is what a restart finds
        folder = tmp_path_factory.mktemp("kept")
        assert server.ask("lease4-write", {"filename": "all.csv"})["result"] == 0
        assert list(read_leases(server.data_directory / "all.csv")) == leases
        assert folder.exists()


@given(
    family=st.sampled_from((4, 6)),
    valid=st.integers(0, U32),
    expire=st.one_of(st.none(), st.integers(1, 99_999_999_999)),
    state=st.sampled_from((0, 2, 3)),
)
@example(family=4, valid=0, expire=5000, state=0)
@example(family=6, valid=0, expire=5000, state=3)
@example(family=4, valid=5000, expire=5000, state=0)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_end_of_a_lease_is_the_one_that_was_said(tmp_path, family, valid, expire, state):
    server = commanded.Commanded(tmp_path, family)
    said = lease_of(family, 1, valid_lft=valid, state=state) | ({} if expire is None else {"expire": expire})
    answer = server.ask(f"lease{family}-add", said)
    if expire is not None and expire < valid:
        assert answer["result"] == 1
        return
    assert answer["result"] == 0, answer
    shown = server.ask(f"lease{family}-get", {"ip-address": said["ip-address"]})["arguments"]
    end = expire if expire is not None else server.now() + valid
    assert abs(shown["cltt"] + shown["valid-lft"] - end) <= (0 if expire is not None else 1)
    assert shown["valid-lft"] == (valid or (0 if state == 3 else 1)), "a lease is not gone because it is over"
    [lease] = server.all_leases()
    assert (valid == INFINITE) <= (not lease.expired(1 << 60) or state in {2, 3})


def test_a_lease_of_no_time_is_there_until_it_is_reclaimed(server):
    said = lease_of(server.family, 1, valid_lft=0, expire=server.now() - 5)
    name = f"lease{server.family}"
    server.ask(f"{name}-add", lease_of(server.family, 1))
    assert server.ask(f"{name}-update", said)["result"] == 0
    shown = server.ask(f"{name}-get", {"ip-address": said["ip-address"]})
    assert shown["arguments"]["valid-lft"] == 1
    assert shown["arguments"]["cltt"] < server.now()
    asyncio.run(server.server.reclaimer.reclaim_all(remove=True))
    assert server.ask(f"{name}-get", {"ip-address": said["ip-address"]})["result"] == 3


def test_a_prefix_is_not_added_into_another_one(tmp_path):
    server = commanded.Commanded(tmp_path, 6)
    prefix = {"type": "IA_PD", "duid": "00:03:00:01:02", "iaid": 1, "subnet-id": 1}
    assert server.ask("lease6-add", prefix | {"ip-address": "3000:53:100::", "prefix-len": 56})["result"] == 0
    for address, length, result in (("3000:53:100::", 60, 4), ("3000:53:100:10::", 60, 4), ("3000:53::", 32, 4)):
        answer = server.ask("lease6-add", prefix | {"ip-address": address, "prefix-len": length})
        assert answer["result"] == result, answer
        assert "already exists" in answer["text"]
    assert server.ask("lease6-add", prefix | {"ip-address": "3000:53:200::", "prefix-len": 56})["result"] == 0
    # Another server is believed: what it says its clients have, they have.
    there = {"leases": [prefix | {"ip-address": "3000:53:100:10::", "prefix-len": 60}]}
    assert server.ask("lease6-bulk-apply", there)["result"] == 0


def test_what_a_file_could_not_hold_is_refused(server):
    """Kea takes these, and has lost them after a restart, or keeps them in memory however large they are."""
    name = f"lease{server.family}-add"
    nobody = {"hw-address": ""} if server.family == 4 else {"duid": "00:00:00"}
    for wrong in (nobody, {"hostname": "x" * 256}, {"hostname": "\ud800"}, {"user-context": {"a": "x" * 66_000}}):
        answer = server.ask(name, lease_of(server.family, 1) | wrong)
        assert answer["result"] == 1, wrong
    assert server.all_leases() == []
    assert server.ask(name, lease_of(server.family, 1, state=1) | nobody)["result"] == 0, "declined leases are nobody's"
    server.store.view.check()


def test_what_relay_agents_said_is_held_to_its_form(server):
    key, old, new = (
        ("relay-agent-info", "0x0104AABBCCDD", {"sub-options": "0x0104AABBCCDD"})
        if server.family == 4
        else ("relay-info", [5], None)
    )
    said = lease_of(server.family, 1, user_context={"ISC": {key: old}, "mine": 1})
    assert server.ask(f"lease{server.family}-add", said)["result"] == 0
    shown = server.ask(f"lease{server.family}-get", {"ip-address": said["ip-address"]})["arguments"]
    assert shown["user-context"] == ({"ISC": {key: new}, "mine": 1} if new else {"mine": 1})


def test_a_prefix_does_not_take_the_place_of_an_address(tmp_path):
    """Kea 3.0.4 ends."""
    server = commanded.Commanded(tmp_path, 6)
    said = lease_of(6, 1)
    assert server.ask("lease6-add", said)["result"] == 0
    prefix = said | {"type": "IA_PD", "prefix-len": 128, "subnet-id": 1}
    for force in (False, True):
        assert server.ask("lease6-update", prefix | {"force-create": force})["result"] == 4
    at = {"ip-address": said["ip-address"]}
    for kind, result in (("IA_NA", 0), ("0", 0), ("IA_TA", 3), ("IA_PD", 3), ("V4", 3), ("IA_X", 1)):
        assert server.ask("lease6-get", at | {"type": kind})["result"] == result
    assert server.ask("lease6-del", at | {"type": "IA_PD"})["result"] == 3
    for wrong in ({"update-ddns": 5}, {"type": "IA_X"}):
        assert server.ask("lease6-bulk-apply", {"deleted-leases": [at | wrong]})["result"] == 1
    assert len(server.all_leases()) == 1


# Whatever is sent.

odd = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(allow_nan=False), st.text(max_size=6),
    st.sampled_from(("", "start", "::", "0.0.0.0", "10.53.1.1", "2001:db8:53::1:1", "02:00", "\ud800", "\0",
                     "é" * 300)),
)  # fmt: skip
anything = st.recursive(
    odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def requests(draw):
    """A command with arguments that are nearly right, or anything."""
    name = draw(st.sampled_from(NAMES))
    document = DECLARED[name].arguments
    if document is None or draw(st.integers(0, 5)) == 0:
        return name, draw(anything)
    family = 6 if name.startswith(("lease6", "stat-lease6")) else 4
    said = lease_of(family, draw(numbers)) | {
        "from": "start", "limit": 5, "subnets": [1], "identifier-type": "duid", "identifier": "01:02:03",
        "hostname": "h", "state": 1, "filename": "x.csv", "subnet-id": 1, "leases": [lease_of(6, 1)], "type": "IA_NA",
        "deleted-leases": [{"ip-address": "2001:db8:53::1:1"}], "client-id": "01:02:03", "valid-lft": 10,
        "user-context": {}, "prefix-len": 56, "subnet-range": {"first-subnet-id": 1, "last-subnet-id": 2},
    }  # fmt: skip
    said = {key: value for key, value in said.items() if key in document.by_key}
    for key in draw(st.lists(st.sampled_from(sorted(document.by_key)), max_size=2)):
        said[key] = draw(anything)
    for key in draw(st.lists(st.sampled_from(sorted(document.by_key)), max_size=1)):
        said.pop(key, None)
    return name, said


@settings(deadline=None, max_examples=150)
@given(family=st.sampled_from((4, 6)), sent=st.lists(requests(), max_size=6))
def test_every_command_survives_whatever_is_sent(family, tmp_path_factory, sent):
    server = commanded.Commanded(tmp_path_factory.mktemp("odd"), family)
    for name, arguments in sent:
        declared = DECLARED[name]
        answer = server.ask(name, arguments)
        assert Result(answer["result"]) in declared.results, (name, arguments, answer)
        assert json.loads(json.dumps(answer)) == answer
        if answer["result"] == 1:
            assert answer["text"]
        required = {each.key for each in declared.arguments.required} if declared.arguments else set()
        if isinstance(arguments, dict) and required - arguments.keys():
            assert answer["result"] != 0, (name, arguments)
    assert {path.name for path in server.data_directory.iterdir()} <= {f"dhcp{family}.conf", "x.csv"} | {
        str(arguments.get("filename")) for name, arguments in sent if isinstance(arguments, dict)
    }
    server.store.view.check()


def test_what_is_not_there_yet_says_so(server):
    queues = [name for name in NAMES if name.startswith("sflq")]
    assert len(queues) == 10
    for name in queues:
        assert server.ask(name, {"subnet-id": 1, "start-address": "::", "end-address": "::1"})["result"] == 2


def test_a_server_has_the_other_family_s_commands_and_none_of_its_leases(server):
    other = 10 - server.family
    server.ask(f"lease{server.family}-add", lease_of(server.family, 1))
    assert server.ask(f"lease{other}-get-all")["result"] == 3
    assert server.ask(f"lease{other}-update", lease_of(other, 1, force_create=True))["result"] == 4
    assert server.ask(f"lease{other}-wipe")["result"] == 3
    assert server.ask(f"stat-lease{other}-get")["result"] == 3
    assert len(server.all_leases()) == 1


# Found by this and that.


def test_leases_are_found_by_what_they_have(server):
    family = server.family
    name = f"lease{family}"
    hwaddr = "0a:0b:0c:0d:0e:0f"
    server.ask(f"{name}-add", lease_of(family, 1, hw_address=hwaddr, hostname="Host.Example", state=1))
    server.ask(f"{name}-add", lease_of(family, 2, hostname="host.example.org"))

    def addresses(command, **arguments):
        answer = server.ask(f"{name}-{command}", {key.replace("_", "-"): value for key, value in arguments.items()})
        leases = answer["arguments"]["leases"]
        assert answer["result"] == (0 if leases else 3)
        return [lease["ip-address"] for lease in leases]

    one, two = lease_of(family, 1)["ip-address"], lease_of(family, 2)["ip-address"]
    assert addresses("get-by-hw-address", hw_address=hwaddr) == [one]
    assert addresses("get-by-hw-address", hw_address="0a:0b:0c:0d:0e") == []
    assert addresses("get-by-hostname", hostname="HOST.example") == [one]
    assert addresses("get-by-hostname", hostname="ost.example") == []
    assert addresses("get-by-state", state=1) == addresses("get-by-state", state="declined", subnet_id=1) == [one]
    assert addresses("get-by-state", state="assigned") == addresses("get-by-state", state="default") == [two]
    assert addresses("get-by-state", state=1, subnet_id=2) == addresses("get-by-state", state=99) == []
    told = server.ask(f"{name}-get-by-state", {"state": "declined", "subnet-id": 1})["text"]
    assert told == f"1 IPv{family} lease(s) found with state declined (1) in subnet 1."


@settings(deadline=None, max_examples=20)
@given(family=st.sampled_from((4, 6)), chosen=st.sets(st.integers(0, 250), max_size=40), limit=st.integers(1, 9))
def test_pages_are_all_leases_in_order(family, tmp_path_factory, chosen, limit):
    server = commanded.Commanded(tmp_path_factory.mktemp("pages"), family)
    for number in chosen:
        assert server.ask(f"lease{family}-add", lease_of(family, number))["result"] == 0
    found, last = [], "start"
    while True:
        answer = server.ask(f"lease{family}-get-page", {"from": last, "limit": limit})
        page = [lease["ip-address"] for lease in answer["arguments"]["leases"]]
        assert answer["arguments"]["count"] == len(page) <= limit
        assert answer["result"] == (0 if page else 3)
        if not page:
            break
        found += page
        assert len(found) <= len(chosen)
        last = page[-1]
    assert found == [lease_of(family, number)["ip-address"] for number in sorted(chosen)]
    every = server.ask(f"lease{family}-get-all")["arguments"]["leases"]
    assert [lease["ip-address"] for lease in every] == found


def test_everybody_has_a_turn_while_a_large_answer_is_made(tmp_path):
    server = commanded.Commanded(tmp_path, 4)
    leases = [Lease4(0x0A350000 + n, b"\2\0\0\0" + n.to_bytes(2, "big"), b"", 4000, 1, 1) for n in range(5000)]

    async def ask():
        for lease in leases:
            await server.store.commit([((None, lease),)])
        turns = 0
        done = False

        async def other():
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        watching = asyncio.create_task(other())
        answer = await server.commands.run("lease4-get-all")
        sizes = []
        async for piece in answer.pieces():
            sizes.append(len(piece))
            if len(sizes) == 3:  # a client's exchange comes between
                await server.commit([(Change(leases[-1], None),)])
        done = True
        await watching
        return sizes, turns

    sizes, turns = asyncio.run(ask())
    assert turns >= 5000 // 128
    assert max(sizes) < 50_000
    assert len(server.ask("lease4-get-all")["arguments"]["leases"]) == 4999


# Whoever else changes leases.


class Contested:
    """A store in which somebody else is first, so many times, before a command's change gets through."""

    def __init__(self, server, times):
        self.server, self.left, self.commit_before = server, times, server.server.commit
        server.server.commit = self.commit

    async def commit(self, units):
        if self.left:
            self.left -= 1
            for unit in units:
                before = unit[0].before
                if before is not None:
                    other = before._replace(cltt=before.cltt + 1)
                    assert await self.commit_before([(type(unit[0])(before, other),)]) == [True]
        return await self.commit_before(units)


@pytest.mark.parametrize(("times", "result"), [(4, 0), (5, 4)])
def test_a_change_is_tried_again_where_a_client_was_first(server, times, result):
    name, said = f"lease{server.family}", lease_of(server.family, 1)
    at = {"ip-address": said["ip-address"]}
    commands = [("update", said | {"hostname": "other"}), ("del", at)]
    if server.family == 6:
        commands.insert(0, ("bulk-apply", {"leases": [said | {"hostname": "more"}]}))
    for command, arguments in commands:
        server.ask(f"{name}-update", said | {"force-create": True})
        contested = Contested(server, times)
        answer = server.ask(f"{name}-{command}", arguments)
        server.server.commit = contested.commit_before
        if command == "bulk-apply" and result:
            assert answer["result"] == 3
            assert answer["arguments"]["failed-leases"][0]["result"] == 4
        else:
            assert answer["result"] == result, answer
    assert bool(server.all_leases()) == bool(result)


def test_a_wipe_takes_what_changes_meanwhile(server):
    for number in range(1, 6):
        server.ask(f"lease{server.family}-add", lease_of(server.family, number))
    Contested(server, 1)
    assert server.ask(f"lease{server.family}-wipe", {"subnet-id": 1})["text"].startswith("Deleted 5 ")
    assert server.all_leases() == []


def test_leases_out_of_reach_are_an_answer(server):
    async def fail(*_):
        raise StoreUnavailable("leases", "the disk is full")

    server.server.commit = fail
    answer = server.ask(f"lease{server.family}-add", lease_of(server.family, 1))
    assert (answer["result"], answer["text"]) == (1, "leases are out of reach: leases: the disk is full")
    server.store.load = fail
    assert (
        server.ask(f"lease{server.family}-get", {"ip-address": lease_of(server.family, 1)["ip-address"]})["result"] == 1
    )


def test_what_is_changed_is_there_after_a_restart(tmp_path):
    server = commanded.in_file(tmp_path, 4)

    async def change():
        for number in range(1, 5):
            await server.answer("lease4-add", lease_of(4, number, user_context={"a": "ü"}, hostname="Ü.x"))
        await server.answer("lease4-del", {"ip-address": "10.53.1.1"})
        await server.answer("lease4-update", lease_of(4, 2, state=3, valid_lft=0))
        await server.answer("lease4-update", lease_of(4, 3, valid_lft=0))
        before = await server.leases()
        await server.store.close()
        return before

    before = asyncio.run(change())
    assert len(before) == 3
    again = Memfile(tmp_path / "leases4.csv")
    assert [again.view.by_address(lease.address) for lease in before] == before
    asyncio.run(again.close())


# Files.


def test_leases_are_written_where_they_may_be_and_nowhere_else(server, tmp_path):
    family = server.family
    read = read_leases if family == 4 else read_leases6
    name = f"lease{family}-write"
    for number in range(1, 4):
        server.ask(f"lease{family}-add", lease_of(family, number, hostname="a,b"))
    for target in ("a.csv", str(tmp_path / "b.csv")):
        answer = server.ask(name, {"filename": target})
        assert answer == {"result": 0, "text": f"IPv{family} lease database into '{tmp_path / Path(target).name}'."}
        assert list(read(tmp_path / Path(target).name)) == server.all_leases()
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "link").symlink_to(outside / "x")
    (tmp_path / "text").write_text("something else\n")
    (tmp_path / "folder").mkdir()
    for wrong in (
        *("", ".", "..", "a/", "../x", str(outside / "x"), "outside/x", "link", "text", "folder", "a\0b", "a\nb"),
        *("x" * 300, f"dhcp{family}.conf", "\ud800", "/etc/passwd"),
    ):
        answer = server.ask(name, {"filename": wrong})
        assert answer["result"] == 1, wrong
        assert answer["text"]
    assert list(outside.iterdir()) == []
    assert (tmp_path / "text").read_text() == "something else\n"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_files_of_servers_are_not_written_over(server, tmp_path):
    name = f"lease{server.family}-write"
    server.ask(name, {"filename": "other.csv"})
    with (tmp_path / "other.csv").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "a server keeps its leases there" in server.ask(name, {"filename": "other.csv"})["text"]
    assert server.ask(name, {"filename": "other.csv"})["result"] == 0
    assert server.ask(f"lease{10 - server.family}-write", {"filename": "other.csv"})["result"] == 1
    (tmp_path / "way").symlink_to(tmp_path)
    server.store.path = tmp_path / "way" / "own.csv"
    for own in ("own.csv", "own.csv.2", "own.csv.completed", str(tmp_path / "own.csv.1")):
        assert "the server keeps its leases" in server.ask(name, {"filename": own})["text"]


# Which lease is meant.


def test_a_client_is_looked_up_in_one_subnet(server):
    family, name = server.family, f"lease{server.family}"
    other = {"ip-address": "10.60.0.11" if family == 4 else "2001:db8:60::11"}
    kind, key = ("hw-address", "hw-address") if family == 4 else ("duid", "duid")
    said = lease_of(family, 1)
    assert server.ask(f"{name}-add", said)["result"] == 0
    assert server.ask(f"{name}-add", said | other)["result"] == 0
    asked = {"identifier-type": kind, "identifier": said[key], "iaid": said.get("iaid", 0)}
    for subnet, address in ((1, said["ip-address"]), (2, other["ip-address"])):
        found = server.ask(f"{name}-get", asked | {"subnet-id": subnet})["arguments"]
        assert (found["ip-address"], found["subnet-id"]) == (address, subnet)
    assert server.ask(f"{name}-get", asked | {"subnet-id": 3})["result"] == 3
    if family == 6:
        assert server.ask(f"{name}-get", asked | {"subnet-id": 1, "iaid": 77})["result"] == 3
        assert server.ask(f"{name}-get", asked | {"subnet-id": 1, "type": "IA_PD"})["result"] == 3
    assert server.ask(f"{name}-del", asked | {"subnet-id": 2})["result"] == 0
    assert [lease.subnet_id for lease in server.all_leases()] == [1]


def test_a_wipe_leaves_subnets_alone_that_it_is_not_about(server):
    family, name = server.family, f"lease{server.family}"
    other = {"ip-address": "10.60.0.11" if family == 4 else "2001:db8:60::11"}
    for number in (1, 2):
        server.ask(f"{name}-add", lease_of(family, number))
    server.ask(f"{name}-add", lease_of(family, 3) | other)
    lost = server.all_leases()[0]
    server.store.append([((lost, lost._replace(subnet_id=99)),)])
    assert server.ask(f"{name}-wipe", {"subnet-id": 1})["text"] == f"Deleted 1 IPv{family} lease(s) from subnet(s) 1"
    assert server.ask(f"{name}-wipe")["text"] == f"Deleted 1 IPv{family} lease(s) from subnet(s) 1 2"
    assert [lease.subnet_id for lease in server.all_leases()] == [99], "a subnet that is gone is not meant by all"
    assert server.ask(f"{name}-wipe", {"subnet-id": 99})["result"] == 0
    assert server.all_leases() == []


def test_one_address_may_come_several_times_in_a_bulk(tmp_path):
    server = commanded.Commanded(tmp_path, 6)
    leases = [lease_of(6, 1, hostname=f"h{number}") for number in range(9)]
    at = {"ip-address": leases[0]["ip-address"]}
    answer = server.ask("lease6-bulk-apply", {"leases": leases})
    assert answer == {"result": 0, "text": "Bulk apply of 9 IPv6 leases completed."}
    assert [lease.hostname for lease in server.all_leases()] == ["h8"]
    answer = server.ask("lease6-bulk-apply", {"deleted-leases": [at] * 8, "leases": leases[:7]})
    assert answer["text"] == "Bulk apply of 8 IPv6 leases completed."
    assert [each["result"] for each in answer["arguments"]["failed-deleted-leases"]] == [3] * 7
    assert [lease.hostname for lease in server.all_leases()] == ["h6"]
    totals = lease_totals6(server.all_leases())
    assert all(server.statistics.value(key) == count for key, count in totals.items())


def test_many_leases_in_a_bulk(tmp_path):
    server = commanded.Commanded(tmp_path, 6)
    leases = [lease_of(6, number) for number in range(1, 701)]
    assert server.ask("lease6-bulk-apply", {"leases": leases})["text"].startswith("Bulk apply of 700 ")
    assert len(server.all_leases()) == 700
    page = server.ask("lease6-get-page", {"from": "start", "limit": 650})["arguments"]
    assert (page["count"], len(page["leases"])) == (650, 650)
    gone = [{"ip-address": each["ip-address"]} for each in leases]
    assert server.ask("lease6-bulk-apply", {"deleted-leases": gone})["text"].startswith("Bulk apply of 700 ")
    assert server.all_leases() == []


def test_what_a_client_made_itself_is_not_leased_and_the_other_way_round(tmp_path):
    server = commanded.Commanded(tmp_path, 6)
    server.ask("lease6-add", lease_of(6, 1, state=4))
    server.ask("lease6-add", lease_of(6, 2))
    answer = server.ask("lease6-update", lease_of(6, 1))
    assert (answer["result"], answer["text"]) == (1, "illegal reuse of registered address 2001:db8:53::1:1")
    answer = server.ask("lease6-update", lease_of(6, 2, state=4))
    assert (answer["result"], answer["text"]) == (1, "address in use: 2001:db8:53::1:2 can't be registered")
    assert server.ask("lease6-update", lease_of(6, 1, state=4, hostname="h"))["result"] == 0
    failed = server.ask("lease6-bulk-apply", {"leases": [lease_of(6, 1)]})
    assert failed["result"] == 3
    assert failed["arguments"]["failed-leases"][0]["result"] == 1


@pytest.mark.parametrize(
    ("key", "text", "result"),
    [
        ("hw-address", "02:0", 0), ("hw-address", "0200", 1), ("hw-address", "02 00", 1), ("hw-address", "2:0", 0),
        ("hw-address", "02:0:", 1),
        ("hw-address", ":".join(["02"] * 20), 0), ("hw-address", ":".join(["02"] * 21), 1), ("hw-address", "é", 1),
        ("client-id", "01:02", 0), ("client-id", "0102", 0), ("client-id", "0x0102", 0), ("client-id", "01", 1),
        ("client-id", ":".join(["02"] * 255), 0), ("client-id", ":".join(["02"] * 256), 1), ("client-id", "١٢", 1),
        ("client-id", "01:02 03", 1), ("client-id", "0x", 1), ("client-id", "1:2", 0),
        ("ip-address", "10.53.1.01", 1), ("ip-address", " 10.53.1.1", 1), ("ip-address", "10.53.1.1\0", 1),
    ],
)  # fmt: skip
def test_identifiers_are_hexadecimal_and_addresses_are_addresses(tmp_path, key, text, result):
    server = commanded.Commanded(tmp_path, 4)
    assert server.ask("lease4-add", lease_of(4, 1) | {key: text})["result"] == result


def test_the_log_hears_of_changes_and_of_what_failed(server, caplog):
    caplog.set_level(1)

    def heard():
        return [each.message_id for each in caplog.records if each.name.startswith("kea")]

    family, name = server.family, f"lease{server.family}"
    said = lease_of(family, 1)
    at = {"ip-address": said["ip-address"]}
    asked = [
        ("add", said, "ADD", ""), ("add", said, "ADD", "_CONFLICT"), ("add", {}, "ADD", "_FAILED"),
        ("update", said, "UPDATE", ""), ("update", lease_of(family, 2), "UPDATE", "_CONFLICT"),
        ("update", 5, "UPDATE", "_FAILED"), ("resend-ddns", at, "RESEND_DDNS", "_FAILED"), ("del", at, "DEL", ""),
        ("del", {}, "DEL", "_FAILED"), ("add", said, "ADD", ""), ("wipe", None, "WIPE", ""),
        ("wipe", {"subnet-id": "x"}, "WIPE", "_FAILED"),
    ]  # fmt: skip
    for verb, arguments, message, end in asked:
        caplog.clear()
        answer = server.ask(f"{name}-{verb}", arguments)
        assert heard() == [f"LEASE_CMDS_{message}{family}{end}"]
        assert not end or answer["text"] in caplog.text
    caplog.clear()
    server.ask(f"{name}-del", at)
    server.ask(f"lease{10 - family}-add", lease_of(10 - family, 1))
    server.ask(f"{name}-get", {})
    assert heard() == []


def test_a_copy_that_fails_leaves_nothing_behind(server, tmp_path, monkeypatch):
    async def fail(*_):
        yield []
        raise StoreUnavailable("leases", "the line broke")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("dhcpkit.hooks.libraries.lease_cmds_answers.slices", fail)
    answer = server.ask(f"lease{server.family}-write", {"filename": "copy.csv"})
    assert (answer["result"], answer["text"]) == (1, "leases are out of reach: leases: the line broke")
    assert sorted(tmp_path.iterdir()) == before
