"""Reservations by command against a plain model, and what the next message of a client gets of them."""

import asyncio
import copy
import json
import shutil
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.alloc.answer import answer4
from dhcpkit.alloc.engine4 import open4, plan4
from dhcpkit.alloc.host import Hosts
from dhcpkit.alloc.quick4 import quick4
from dhcpkit.alloc.view import Overlay4
from dhcpkit.backends import hosts_in_force
from dhcpkit.backends.hosts_in_force import HostsInForce
from dhcpkit.config import load4, load6
from dhcpkit.config.param import unparse
from dhcpkit.hooks.commands import Commands
from dhcpkit.hooks.libraries.host_cache import HostCacheCommands, HostCacheParameters
from dhcpkit.hooks.libraries.host_cmds import HostCommands
from dhcpkit.testing.machine import Client, message4
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.wire import Arrival, MessageType, Packet4

NOW = 1_000_000
SUBNETS = (0, 1, 2)
PREFIXES = {4: ("192.0.2.0/24", "198.51.100.0/24"), 6: ("2001:db8:1::/64", "2001:db8:2::/64")}
CONFIGS = {
    4: {
        "subnet4": [
            {"id": 1, "subnet": PREFIXES[4][0], "pools": [{"pool": "192.0.2.1 - 192.0.2.9"}]},
            {"id": 2, "subnet": PREFIXES[4][1]},
        ]
    },
    6: {"subnet6": [{"id": 1, "subnet": PREFIXES[6][0]}, {"id": 2, "subnet": PREFIXES[6][1]}]},
}


class Operated:
    """As much of one as the libraries use: a configuration that commands edit, and reservations."""

    def __init__(self, folder, family, *, cache=False, **more):
        self.family, self.folder = family, Path(folder)
        self.top = f"Dhcp{family}"
        self.told = []
        self.hosts = HostsInForce(family, lambda _: self.folder, self.told.append)
        self.data_directory = self.folder
        self.commands = Commands(f"dhcp{family}")
        self.libraries = [HostCommands(self, HostCommands.parameters())]
        if cache:
            self.libraries.insert(0, HostCacheCommands(self, HostCacheParameters(maximum=3)))
        self.started = {**CONFIGS[family], **more}

    async def start(self):
        for library in self.libraries:
            await library.load()
            self.commands.add(library)
        await self.put_in_force(self.started)
        return self

    async def put_in_force(self, config):
        text = json.dumps({self.top: config})
        loaded = (load4 if self.family == 4 else load6)("kea.conf", lambda _: text)
        await self.hosts.adopt(loaded.doc, loaded.network)
        self.doc, self.network = loaded.doc, loaded.network
        for library in self.libraries:
            await library.configured()

    async def edit(self, change):
        edited = copy.deepcopy(unparse(self.doc))
        change(edited)
        await self.put_in_force(edited)

    async def ask(self, name, arguments=None):
        return (await self.commands.run(name, arguments)).as_json()


def in_folder(test):
    folder = tempfile.mkdtemp()
    try:
        asyncio.run(test(folder))
    finally:
        shutil.rmtree(folder)


def address(family, subnet_id, number):
    if family == 4:
        return f"192.0.2.{number}" if subnet_id < 2 else f"198.51.100.{number}"
    return f"2001:db8:{max(subnet_id, 1)}::{number}"


def written(family, subnet_id, client, number):
    made = {"subnet-id": subnet_id, "hw-address": f"02:00:00:00:00:0{client}"}
    if number and family == 4:
        made["ip-address"] = address(4, subnet_id, number)
    elif number:
        made["ip-addresses"] = [address(6, subnet_id, number)]
    return made


steps = st.tuples(
    st.sampled_from(["add", "add", "update", "del"]),
    st.sampled_from(["memory", "database", "database", "all"]),
    st.sampled_from(SUBNETS),
    st.integers(1, 3),
    st.integers(0, 3),
)


class Model:
    """Two plain maps, from subnet and client to the number of an address."""

    def __init__(self):
        self.memory, self.database = {}, {}

    def taken(self, kept, key, number):
        return number and any(other == number and place[0] == key[0] and place != key for place, other in kept.items())

    def step(self, what, target, key, number):
        """Does a step; the result that Kea's command has."""
        chosen = [kept for name, kept in self.named() if target in (name, "all")]
        if what == "del":
            found = [kept.pop(key, None) is not None for kept in chosen]
            return 0 if any(found) else 3
        found = False
        for kept in chosen:
            if what == "add" and (key in kept or self.taken(kept, key, number)):
                return 1
            if what == "update" and key not in kept:
                continue
            if self.taken(kept, key, number):
                return 1
            kept[key] = number
            found = True
        return 0 if found else 1

    def named(self):
        return ("memory", self.memory), ("database", self.database)

    def first(self, key):
        return self.memory.get(key, self.database.get(key))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("cache", [False, True])
@given(st.lists(steps, max_size=12))
@settings(max_examples=40, deadline=None)
def test_commands_agree_with_a_plain_model(family, cache, steps):
    async def test(folder):
        operated = await Operated(folder, family, cache=cache).start()
        model = Model()
        for what, target, subnet_id, client, number in steps:
            key = subnet_id, client
            reservation = written(family, subnet_id, client, number)
            if what == "del":
                who = {"identifier-type": "hw-address", "identifier": reservation["hw-address"]}
                arguments = {"subnet-id": subnet_id, **who, "operation-target": target}
            else:
                arguments = {"reservation": reservation, "operation-target": target}
            answer = await operated.ask(f"reservation-{what}", arguments)
            assert answer["result"] == model.step(what, target, key, number), (answer, what, arguments)
            await agrees(operated, model)
        await operated.hosts.close()
        again = await Operated(folder, family).start()
        model.memory.clear()
        await agrees(again, model)
        await again.hosts.close()

    in_folder(test)


async def agrees(operated, model):
    """Every command that looks, and the engine's look-ups, show what the model has."""
    family = operated.family
    for name, kept in model.named():
        for subnet_id in SUBNETS:
            arguments = {"subnet-id": subnet_id, "operation-target": name}
            answer = await operated.ask("reservation-get-all", arguments)
            shown = {int(host["hw-address"][-1]): numbers(family, host) for host in answer["arguments"]["hosts"]}
            assert shown == {key[1]: number for key, number in kept.items() if key[0] == subnet_id}
    for subnet_id in SUBNETS:
        for client in (1, 2, 3):
            octets = bytes((2, 0, 0, 0, 0, client))
            host = operated.network.hosts.by_identifier(subnet_id, "hw-address", octets)
            number = model.first((subnet_id, client))
            assert (host is None) is (number is None)
            if host is not None:
                assert [str(each)[-1] for each in reserved(host)] == ([str(number)] if number else [])
        whole = [kept for _, kept in model.named()]
        assert operated.network.hosts.any_in(subnet_id) is any(key[0] == subnet_id for kept in whole for key in kept)


def numbers(family, host):
    if family == 4:
        return int(host["ip-address"].rpartition(".")[2]) if "ip-address" in host else 0
    return int(host["ip-addresses"][0].rpartition(":")[2]) if host["ip-addresses"] else 0


def reserved(host):
    if hasattr(host, "addresses"):
        return [each & 0xF for each in host.addresses]
    return [host.address & 0xF] if host.address else []


def offered(network, client):
    """What a client is offered, the quick way where it is taken, which is what the engine says."""
    local = network.by_id[1].first + 250
    data = message4(MessageType.DISCOVER, Client(bytes((2, 0, 0, 0, 0, client)), b""))
    packet = Packet4.parse(data, Arrival("lab0", 1, 0, 68, local, True))
    store = ReferenceStore()
    quick = quick4(packet, network, store, network.hosts, NOW)
    decision = plan4(open4(packet, network), Overlay4(store), network.hosts, NOW, Random(0))
    if quick is not None:
        assert quick.sent == answer4(decision)
    return decision.lease.address & 0xFF


@given(st.lists(steps, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_next_message_obeys_what_was_acknowledged(steps):
    async def test(folder):
        operated = await Operated(folder, 4).start()
        model = Model()
        for what, target, _, client, number in steps:
            reservation = written(4, 1, client, number)
            arguments = {"reservation": reservation, "operation-target": target}
            if what == "del":
                who = {"identifier-type": "hw-address", "identifier": reservation["hw-address"]}
                arguments = {"subnet-id": 1, **who, "operation-target": target}
            await operated.ask(f"reservation-{what}", arguments)
            model.step(what, target, (1, client), number)
            for each in (1, 2, 3, 4):
                got, own = offered(operated.network, each), model.first((1, each))
                others = {kept[key] for _, kept in model.named() for key in kept if key != (1, each)}
                if own:  # also where another place has it reserved for somebody else: whoever comes gets it
                    assert got == own
                else:
                    assert got not in others
        await operated.hosts.close()

    in_folder(test)


def test_without_a_store_the_network_has_its_own_reservations_alone(tmp_path):
    async def test():
        operated = Operated(tmp_path, 4)
        operated.libraries = []
        await operated.start()
        assert type(operated.network.hosts) is Hosts
        await operated.hosts.close()
        assert list(tmp_path.iterdir()) == []

    asyncio.run(test())


def test_pages_have_every_reservation_once(tmp_path):
    async def test():
        operated = await Operated(tmp_path, 4, cache=True).start()
        for client in range(1, 8):
            target = "memory" if client < 4 else "database"
            arguments = {"reservation": written(4, 1 + client % 2, client, client), "operation-target": target}
            assert (await operated.ask("reservation-add", arguments))["result"] == 0
        for subnets in ({}, {"subnet-id": 1}):
            for limit in (1, 2, 3, 100):
                seen, place = [], {}
                for _ in range(20):
                    answer = await operated.ask("reservation-get-page", {"limit": limit, **subnets, **place})
                    told = answer["arguments"]
                    assert told["count"] == len(told["hosts"]) <= limit
                    if not told["count"]:
                        assert answer["result"] == 3
                        break
                    seen += [host["hw-address"] for host in told["hosts"]]
                    place = told["next"]
                assert sorted(seen) == sorted(set(seen))
                assert len(seen) == (3 if subnets else 7)
        await operated.hosts.close()

    asyncio.run(test())


def entry(number, **more):
    return {"hw-address": f"02:00:00:00:00:0{number}", "subnet-id4": 1, "ip-address": f"192.0.2.{number}", **more}


def test_a_cache_has_so_many_entries_at_most_and_gives_up_what_was_asked_for_least_lately(tmp_path):
    async def test():
        operated = await Operated(tmp_path, 4, cache=True).start()

        async def there():
            return [one["hw-address"][-1] for one in (await operated.ask("cache-get"))["arguments"]]

        await operated.ask("cache-insert", [entry(1), entry(2), entry(3)])
        assert await there() == ["1", "2", "3"]
        who = {"subnet-id": 1, "identifier-type": "hw-address", "identifier": "02:00:00:00:00:01"}
        assert (await operated.ask("reservation-get", who))["result"] == 0
        assert operated.network.hosts.by_identifier(1, "hw-address", b"\2\0\0\0\0\2").address & 0xFF == 2
        await operated.ask("cache-insert", entry(4))
        assert await there() == ["1", "2", "4"]
        assert offered(operated.network, 4) == 4
        assert (await operated.ask("cache-flush", 2))["text"] == "Cache flushed (2 entries removed)."
        assert await there() == ["4"]
        await operated.hosts.close()

    asyncio.run(test())


def test_a_list_with_a_wrong_entry_inserts_nothing(tmp_path):
    async def test():
        operated = await Operated(tmp_path, 4, cache=True).start()
        for wrong in (entry(2, bogus=1), entry(2, **{"ip-address": "x"}), {"duid": "01:02"}, 5, entry(2, hostname=5)):
            assert (await operated.ask("cache-insert", [entry(1), wrong]))["result"] == 1
        assert (await operated.ask("cache-size"))["arguments"] == {"size": 0}
        await operated.hosts.close()

    asyncio.run(test())


def test_a_written_cache_is_read_again_and_nothing_else_is_written_or_read(tmp_path):
    async def test():
        operated = await Operated(tmp_path, 4, cache=True).start()
        option = {"name": "domain-search", "data": "lab.example.org"}
        await operated.ask("cache-insert", [entry(1, **{"option-data4": [option], "user-context": {"a": 1}}), entry(2)])
        before = await operated.ask("cache-get")
        assert (await operated.ask("cache-write", "cache.json"))["result"] == 0
        assert (tmp_path / "cache.json").stat().st_mode & 0o007 == 0
        await operated.ask("cache-clear")
        assert (await operated.ask("cache-load", str(tmp_path / "cache.json")))["result"] == 0
        assert await operated.ask("cache-get") == before
        (tmp_path / "other").write_text("something else")
        for name in ("other", "dhcpkit-hosts4.sqlite"):
            octets = (tmp_path / name).read_bytes()
            assert (await operated.ask("cache-write", name))["result"] == 1
            assert (tmp_path / name).read_bytes() == octets
            assert (await operated.ask("cache-load", name))["result"] == 1
        for name in ("../x", "/etc/passwd", "", "..", "a/b", "x/"):
            for command in ("cache-write", "cache-load"):
                assert (await operated.ask(command, name))["result"] == 1
        await operated.hosts.close()
        assert sorted(each.name for each in tmp_path.iterdir()) == ["cache.json", "dhcpkit-hosts4.sqlite", "other"]

    asyncio.run(test())


def test_an_option_that_is_defined_no_longer_takes_an_entry_out_of_the_cache(tmp_path):
    definition = {"name": "vendor-x", "code": 222, "type": "uint32"}

    async def test():
        operated = await Operated(tmp_path, 4, cache=True, **{"option-def": [definition]}).start()
        option = {"name": "vendor-x", "data": "5"}
        await operated.ask("cache-insert", [entry(1, **{"option-data4": [option]}), entry(2)])
        reservation = {**written(4, 1, 3, 3), "option-data": [option]}
        assert (await operated.ask("reservation-add", {"reservation": reservation}))["result"] == 0
        await operated.put_in_force(CONFIGS[4])
        assert (await operated.ask("cache-size"))["arguments"] == {"size": 1}
        assert len(operated.told) == 1
        host = operated.network.hosts.by_identifier(1, "hw-address", b"\2\0\0\0\0\3")
        assert (host.address & 0xFF, len(list(host.options))) == (3, 0)
        await operated.hosts.close()

    asyncio.run(test())


def test_a_reload_misses_no_change_that_is_made_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(hosts_in_force, "TOGETHER", 1)
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(max(seconds, 0.02)))  # so that it takes a while

    async def test():
        operated = await Operated(tmp_path, 4).start()
        for client in range(1, 7):
            assert (await operated.ask("reservation-add", {"reservation": written(4, 1, client, client)}))[
                "result"
            ] == 0
        definition = {"name": "vendor-x", "code": 222, "type": "uint32"}
        reload = asyncio.create_task(operated.put_in_force({**CONFIGS[4], "option-def": [definition]}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not reload.done()
        who = {"subnet-id": 1, "identifier-type": "hw-address", "identifier": "02:00:00:00:00:01"}
        answers = await asyncio.gather(
            operated.ask("reservation-add", {"reservation": written(4, 1, 7, 7)}), operated.ask("reservation-del", who)
        )
        assert [answer["result"] for answer in answers] == [0, 0]
        await reload
        served = [operated.network.hosts.by_identifier(1, "hw-address", bytes((2, 0, 0, 0, 0, n))) for n in range(1, 8)]
        assert [host.address & 0xFF for host in served if host is not None] == [2, 3, 4, 5, 6, 7]
        await operated.hosts.close()

    asyncio.run(test())
