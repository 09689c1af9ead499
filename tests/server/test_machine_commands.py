"""Interfaces and the lease file by command; the dry run of the selection, held to the selection of real messages."""

import asyncio
import json
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.backends import Memfile, MemoryStore
from dhcpkit.config import ConfigError, parse4, parse6
from dhcpkit.config.param import unparse
from dhcpkit.hooks.commands import Commands, Refused
from dhcpkit.server.interfaces import Interface
from dhcpkit.server.machine_commands import MachineCommands
from dhcpkit.server.select_commands import SelectCommands

HERE = {
    "lo": Interface("lo", 1, b"", up=True, loopback=True, ethernet=False, addresses=(0x7F000001,), hwtype=772),
    "eth0": Interface(
        "eth0", 2, b"\2\0\0\0\0\1", up=True, loopback=False, ethernet=True,
        addresses=(0x0A350001,), addresses6=(int(IPv6Address("2001:db8:53::1")),), hwtype=1,
    ),
}  # fmt: skip
CONFIGS = {
    4: {
        "subnet4": [
            {"id": 1, "subnet": "10.53.0.0/16"},
            {"id": 2, "subnet": "10.60.0.0/24", "relay": {"ip-addresses": ["192.0.2.1"]}, "client-classes": ["c1"]},
            {"id": 4, "subnet": "10.80.0.0/24", "4o6-subnet": "2001:db8:4::/48", "4o6-interface-id": "abc"},
            {"id": 5, "subnet": "10.81.0.0/24", "4o6-interface": "eth5"},
        ],
        "shared-networks": [{"name": "net1", "subnet4": [{"id": 3, "subnet": "10.70.0.0/24", "interface": "eth7"}]}],
        "client-classes": [{"name": "c1", "test": "option[60].exists"}],
    },
    6: {
        "subnet6": [
            {"id": 1, "subnet": "2001:db8:53::/64", "interface": "eth0"},
            {"id": 2, "subnet": "2001:db8:60::/64", "interface-id": "abc"},
        ],
        "shared-networks": [{"name": "net1", "subnet6": [{"id": 3, "subnet": "2001:db8:70::/64"}]}],
    },
}


class Sockets:
    def __init__(self):
        self.refreshed = 0

    def refresh(self):
        self.refreshed += 1


class Process:
    """As OwnProcess, as much of it as these commands ask for."""

    def __init__(self, family, store=None):
        self.family, self.server, self.sockets = family, self, Sockets()
        self.store = store if store is not None else MemoryStore()
        self.take(CONFIGS[family])
        self.commands = Commands(f"dhcp{family}")
        for made in (MachineCommands(self, lambda: HERE), SelectCommands(self, lambda: HERE)):
            self.commands.add(made)

    def take(self, config):
        parse = parse4 if self.family == 4 else parse6
        loaded = parse(json.dumps({f"Dhcp{self.family}": config}))
        self.doc, self.network = loaded.doc, loaded.network

    async def edit(self, change):
        edited = json.loads(json.dumps(unparse(self.doc)))
        change(edited)
        try:
            self.take(edited)
        except ConfigError as error:
            raise Refused(str(error)) from None

    async def answer(self, name, arguments=None):
        return (await self.commands.run(name, arguments)).as_json()

    def ask(self, name, arguments=None):
        return asyncio.run(self.answer(name, arguments))


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"interface": "eth0"}, "selected subnet '10.53.0.0/16' id 1"),
        ({"interface": "eth0", "classes": ["c1"]}, "selected subnet '10.53.0.0/16' id 1"),
        ({"interface": "eth7"}, "selected shared network 'net1' starting with subnet '10.70.0.0/24' id 3"),
        ({"relay": "192.0.2.1"}, ""),
        ({"relay": "192.0.2.1", "classes": ["c1"]}, "selected subnet '10.60.0.0/24' id 2"),
        ({"link": "10.60.0.9", "classes": ["c1"]}, "selected subnet '10.60.0.0/24' id 2"),
        ({"subnet": "10.80.0.0", "relay": "10.53.0.1"}, "selected subnet '10.80.0.0/24' id 4"),
        ({"address": "10.53.9.9", "interface": "eth9"}, "selected subnet '10.53.0.0/16' id 1"),
        ({"remote": "10.53.9.9"}, "selected subnet '10.53.0.0/16' id 1"),
        ({"interface": "lo"}, ""),
    ],
    ids=str,
)
def test_where_a_dhcpv4_client_would_be(sent, text):
    answer = Process(4).ask("subnet4-select-test", sent)
    assert answer == ({"result": 0, "text": text} if text else {"result": 3, "text": "no subnet selected"})


def test_an_interface_that_is_not_there():
    answer = Process(4).ask("subnet4-select-test", {"interface": "eth9"})
    assert answer["result"] == 1
    assert "eth9 doesn't exist" in answer["text"]


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ({"remote": "2001:db8:4:1::1"}, 4),
        ({"interface-id": "61:62:63"}, 4),
        ({"interface-id": "'abc'"}, 4),
        ({"interface": "eth5"}, 5),
        ({"interface": "eth6", "remote": "2001:db8:5::1", "interface-id": "01"}, 0),
    ],
    ids=str,
)
def test_where_a_client_over_dhcpv6_would_be(sent, number):
    answer = Process(4).ask("subnet4o6-select-test", sent)
    assert answer["result"] == (0 if number else 3)
    assert answer["text"].endswith(f"id {number}" if number else "no subnet selected")


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ({"interface": "eth0"}, 1),
        ({"interface-id": "0x616263"}, 2),
        ({"interface-id": "'abc'", "link": "2001:db8:53::1"}, 2),
        ({"link": "2001:db8:70::1"}, 3),
        ({"remote": "2001:db8:60::7"}, 2),
        ({"interface": "eth9"}, 0),
    ],
    ids=str,
)
def test_where_a_dhcpv6_client_would_be(sent, number):
    answer = Process(6).ask("subnet6-select-test", sent)
    assert answer["result"] == (0 if number else 3)
    assert answer["text"].endswith(f"id {number}" if number else "no subnet selected")


values = st.none() | st.integers() | st.text(max_size=4) | st.lists(st.text(max_size=3) | st.integers(), max_size=2)
keys = st.sampled_from(["interface", "address", "relay", "remote", "link", "subnet", "interface-id", "classes", "x"])


@pytest.mark.parametrize("family", [4, 6])
@given(st.data(), st.none() | st.integers() | st.dictionaries(keys, values, max_size=3))
def test_nothing_that_is_sent_is_an_exception(family, data, sent):
    names = [
        "interface-add",
        *(each.declaration.name for each in Process(family).commands if "select" in each.declaration.name),
    ]
    answer = Process(family).ask(data.draw(st.sampled_from(names)), sent)
    assert answer["result"] in {0, 1, 3}


@pytest.mark.parametrize("family", [4, 6])
def test_interfaces_are_listed_looked_for_and_added(family):
    process = Process(family)
    answer = process.ask("interface-list")
    assert answer["text"] == "2 interfaces detected."
    lo, eth0 = answer["arguments"]["interfaces"]
    assert (lo["name"], lo["flag-loopback"], lo["in-use"]) == ("lo", True, False)
    assert eth0 | {"in-use": True} == {
        "addresses": ["10.53.0.1", "2001:db8:53::1"],
        "flag-loopback": False,
        "flag-up": True,
        "in-use": True,
        "index": 2,
        "mac": "02:00:00:00:00:01",
        "name": "eth0",
        "type": 1,
    }
    process.ask("interface-redetect")
    assert process.sockets.refreshed == 1
    address = "10.53.0.1" if family == 4 else "2001:db8:53::1"
    for added in (["eth0"], ["eth0", f"eth0/{address}"], []):
        answer = process.ask("interface-add", {"interfaces": added})
        assert answer == {"result": 0, "text": "Interface configuration successfully updated."}
    assert process.doc.interfaces_config.interfaces == ("eth0", f"eth0/{address}")
    assert process.ask("interface-list")["arguments"]["interfaces"][1]["in-use"]
    for wrong in (None, [], {}, {"interfaces": "eth0"}, {"interfaces": [5]}, {"interfaces": ["eth9"]},
                  {"interfaces": ["eth0/x"]}, {"interfaces": ["eth0"], "x": 1}):  # fmt: skip
        assert process.ask("interface-add", wrong)["result"] == 1
    assert process.doc.interfaces_config.interfaces == ("eth0", f"eth0/{address}")


def test_the_lease_file_is_cleaned_up_once_at_a_time(tmp_path):
    async def clean():
        store = Memfile(tmp_path / "leases.csv")
        process = Process(4, store)
        first, second = [await process.answer("kea-lfc-start") for _ in range(2)]
        assert second == {"result": 3, "text": "kea-lfc already running"}
        while "already" in second["text"]:
            await asyncio.sleep(0)
            second = await process.answer("kea-lfc-start")
        await asyncio.sleep(0.01)
        await store.close()
        return first, second

    first, second = asyncio.run(clean())
    assert first == second == {"result": 0, "text": "kea-lfc started"}
    assert Process(4).ask("kea-lfc-start")["result"] == 2, "there is no file"


@given(st.integers(1, 2**32 - 2))
def test_a_dry_run_of_an_address_is_the_subnet_that_holds_it(address):
    process = Process(4)
    answer = process.ask("subnet4-select-test", {"relay": str(IPv4Address(address)), "classes": ["c1"]})
    holding = [subnet.id for subnet in process.network.subnets if IPv4Address(address) in subnet.prefix]
    assert answer["text"].endswith(f"id {holding[0]}" if holding else "no subnet selected") or address == 0xC0000201
