"""Edits of subnets and networks: whatever is sent, the configuration stays one that can be served."""

import asyncio
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.config import ConfigError, parse4, parse6
from dhcpkit.config.normal import normal
from dhcpkit.config.param import unparse
from dhcpkit.hooks.commands import Commands, Refused, declared_commands
from dhcpkit.hooks.libraries.class_cmds import ClassCmds
from dhcpkit.hooks.libraries.subnet_cmds import SubnetCmds
from dhcpkit.hooks.libraries.subnet_cmds_edits import Edited, add_to, take_from

LIBRARIES = (SubnetCmds, ClassCmds)
DECLARED = {each.name: each for library in LIBRARIES for _, each in declared_commands(library)}
PREFIX = {4: "10.{}.0.0/16", 6: "2001:db8:{}::/48"}
POOL = {4: "10.{}.0.{}-10.{}.0.{}", 6: "2001:db8:{}::{}-2001:db8:{}::{}"}


class Edits:
    """As Operated: a configuration, and edits of it that are checked."""

    def __init__(self, family, **config):
        self.family, self.root = family, f"Dhcp{family}"
        self.parse = parse4 if family == 4 else parse6
        self.commands = Commands(f"dhcp{family}")
        self.take({**config})
        for library in LIBRARIES:
            self.commands.add(library(self, library.parameters()))

    def take(self, config):
        loaded = self.parse(json.dumps({self.root: config}))
        self.doc, self.network = loaded.doc, loaded.network

    async def edit(self, change):
        edited = copy.deepcopy(unparse(self.doc))
        change(edited)
        try:
            self.take(edited)
        except ConfigError as error:
            raise Refused(str(error.errors[0].message)) from None

    def ask(self, name, arguments=None):
        return asyncio.run(self.commands.run(name, arguments)).as_json()

    def ids(self):
        found = self.ask(f"subnet{self.family}-list").get("arguments", {"subnets": []})["subnets"]
        return {each["id"]: each["shared-network-name"] for each in found}


both = pytest.mark.parametrize("family", [4, 6])


def pool(family, subnet, first, last):
    return {"pool": POOL[family].format(subnet, first, subnet, last)}


# Whatever is sent.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
KEYS = (
    "id",
    "subnet",
    "name",
    "subnet4",
    "subnet6",
    "shared-networks",
    "client-classes",
    "subnets-action",
    "pools",
    "test",
)
parts = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=3)
nearly = st.dictionaries(st.sampled_from(KEYS), json_values | st.lists(parts, max_size=1), max_size=3)


@both
@settings(max_examples=150)
@given(st.sampled_from(sorted(DECLARED)), json_values | nearly)
def test_nothing_that_is_sent_is_an_exception(family, name, sent):
    server = Edits(family)
    before = normal(server.doc)
    answer = server.ask(name, sent)
    assert answer["result"] in {0, 1, 3}
    assert answer["result"] == 0 or answer["text"]
    if answer["result"]:
        assert normal(server.doc) == before


# What is asked for is done, and nothing else.

steps = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 5)),
    st.tuples(st.just("del"), st.integers(1, 5)),
    st.tuples(st.just("update"), st.integers(1, 5)),
    st.tuples(st.just("network"), st.sampled_from("ab")),
    st.tuples(st.just("drop"), st.sampled_from("ab")),
    st.tuples(st.just("keep"), st.sampled_from("ab")),
    st.tuples(st.just("join"), st.tuples(st.sampled_from("ab"), st.integers(1, 5))),
    st.tuples(st.just("part"), st.tuples(st.sampled_from("ab"), st.integers(1, 5))),
)


def request_of(family, step):
    kind, of = step
    one = {f"subnet{family}": [{"id": of, "subnet": PREFIX[family].format(of)}]}
    return {
        "add": (f"subnet{family}-add", one),
        "del": (f"subnet{family}-del", {"id": of}),
        "update": (f"subnet{family}-update", one),
        "network": (f"network{family}-add", {"shared-networks": [{"name": of}]}),
        "drop": (f"network{family}-del", {"name": of, "subnets-action": "delete"}),
        "keep": (f"network{family}-del", {"name": of}),
        "join": (f"network{family}-subnet-add", {"name": of[0], "id": of[-1]} if isinstance(of, tuple) else None),
        "part": (f"network{family}-subnet-del", {"name": of[0], "id": of[-1]} if isinstance(of, tuple) else None),
    }[kind]


def expected(subnets, networks, step):
    """What is there after a step that is done; None where it cannot be."""
    kind, of = step
    if kind == "add" and of not in subnets:
        return subnets | {of: None}, networks
    if kind == "update" and of in subnets:
        return subnets, networks
    if kind == "del" and of in subnets:
        return {each: name for each, name in subnets.items() if each != of}, networks
    if kind == "network" and of not in networks:
        return subnets, networks | {of}
    if kind == "drop" and of in networks:
        return {each: name for each, name in subnets.items() if name != of}, networks - {of}
    if kind == "keep" and of in networks:
        return {each: None if name == of else name for each, name in subnets.items()}, networks - {of}
    if kind == "join" and of[0] in networks and of[1] in subnets and subnets[of[1]] is None:
        return subnets | {of[1]: of[0]}, networks
    if kind == "part" and of[0] in networks and subnets.get(of[1]) == of[0]:
        return subnets | {of[1]: None}, networks
    return None


@both
@settings(max_examples=60)
@given(st.lists(steps, max_size=15))
def test_subnets_are_where_the_answers_say(family, many):
    server = Edits(family)
    subnets, networks = {}, frozenset()
    for step in many:
        answer = server.ask(*request_of(family, step))
        after = expected(subnets, networks, step)
        assert (answer["result"] == 0) == (after is not None), (step, answer)
        subnets, networks = after if after is not None else (subnets, networks)
        assert server.ids() == subnets
        listed = server.ask(f"network{family}-list")["arguments"]["shared-networks"]
        assert {each["name"] for each in listed} == networks
        assert {subnet.id for subnet in server.network.subnets} == subnets.keys()


@both
def test_reservations_stay_and_numbers_do_not_move(family):
    key, prefix = f"subnet{family}", PREFIX[family]
    host = {"duid": "01:02:03", "hostname": "kept"}
    server = Edits(family, **{key: [{"subnet": prefix.format(n), "reservations": [host]} for n in (1, 2, 3)]})
    assert server.ids() == {1: None, 2: None, 3: None}
    assert server.ask(f"{key}-del", {"id": 1})["result"] == 0
    assert server.ids() == {2: None, 3: None}, "those of the others are not counted anew"
    changed = {"id": 3, "subnet": prefix.format(3), "valid-lifetime": 5}
    assert server.ask(f"{key}-update", {key: [changed]})["result"] == 0
    [subnet] = [each for each in getattr(server.doc, key) if each.id == 3]
    assert [each.hostname for each in subnet.reservations] == ["kept"]
    found = server.ask(f"{key}-get", {"subnet": prefix.format(3)})["arguments"][key][0]
    assert (found["id"], found["valid-lifetime"]) == (3, 5)
    assert "reservations" not in found


@both
def test_parts_are_added_and_taken(family):
    key, prefix = f"subnet{family}", PREFIX[family].format(1)
    server = Edits(family, **{key: [{"id": 1, "subnet": prefix, "pools": [pool(family, 1, 10, 19)]}]})

    def delta(which, **more):
        sent = {key: [{"id": 1, "subnet": prefix, **{name.replace("_", "-"): value for name, value in more.items()}}]}
        answer = server.ask(f"{key}-delta-{which}", sent)
        assert answer["result"] == 0, answer
        return server.ask(f"{key}-get", {"id": 1})["arguments"][key][0]

    spaced = {"pool": pool(family, 1, 30, 39)["pool"].replace("-", " - ")}
    assert len(delta("add", pools=[spaced])["pools"]) == 2
    made = delta("add", pools=[{**pool(family, 1, 30, 39), "pool-id": 7}], user_context={"a": {"b": 1}, "c": 2})
    assert [each.get("pool-id") for each in made["pools"]] == [None, 7], "the same pool, however it is spelt"
    assert delta("add", user_context={"a": {"d": 3}})["user-context"] == {"a": {"b": 1, "d": 3}, "c": 2}
    assert delta("add", valid_lifetime=99)["valid-lifetime"] == 99
    assert delta("del", valid_lifetime=1)["valid-lifetime"] == 7200, "whatever value is given with it"
    made = delta("del", user_context={"a": {"b": 0}}, pools=[{**pool(family, 1, 30, 39), "pool-id": 0}])
    assert made["user-context"] == {"a": {"d": 3}, "c": 2}
    assert [each.get("pool-id") for each in made["pools"]] == [None, None]
    assert len(delta("del", pools=[pool(family, 1, 30, 39)])["pools"]) == 1


entries = st.fixed_dictionaries(
    {},
    optional={
        "valid-lifetime": st.integers(0, 3),
        "user-context": st.just({"x": 1}),
        "pools": st.just([{"pool": "10.0.0.1-10.0.0.2"}]),
        "option-data": st.just([{"code": 3, "data": "1"}]),
        "relay": st.just({"ip-addresses": ["192.0.2.1"]}),
    },
)


@given(entries, entries)
def test_what_was_added_can_be_taken_away(entry, more):
    new = {key: value for key, value in more.items() if key not in entry}
    edited = copy.deepcopy(entry)
    add_to(edited, copy.deepcopy(new))
    assert edited == entry | new
    named = {key: [{"code": 3}] if key == "option-data" else value for key, value in new.items()}
    take_from(edited, named)
    assert edited == entry
    take_from(edited, named)
    assert edited == entry, "what is not there is not taken"


@both
def test_a_counter_gives_the_same_numbers_as_the_compiler(family):
    key, prefix = f"subnet{family}", PREFIX[family]
    config = {
        key: [{"subnet": prefix.format(1)}, {"id": 9, "subnet": prefix.format(2)}],
        "shared-networks": [{"name": "n", key: [{"subnet": prefix.format(3)}]}],
    }
    network = Edits(family, **copy.deepcopy(config)).network
    edited = Edited(config, family)
    assert {found.entry["subnet"]: found.entry["id"] for found in edited.subnets()} == {
        str(subnet.prefix): subnet.id for subnet in network.subnets
    }


@both
def test_classes(family):
    server = Edits(family)
    assert server.ask("class-list") == {"result": 3, "text": "0 classes found", "arguments": {"client-classes": []}}
    for name, test in (("a", "member('ALL')"), ("b", "member( 'a' ) and not member('ALL')"), ("KNOWN", "")):
        entry = {"name": name} | ({"test": test} if test else {})
        assert server.ask("class-add", {"client-classes": [entry]})["result"] == 0
    assert server.ask("class-del", {"name": "a"})["text"] == "Class 'a' is used by class 'b'"
    assert server.ask("class-update", {"client-classes": [{"name": "b"}]})["result"] == 0
    assert server.ask("class-del", {"name": "a"})["result"] == 0
    assert [each["name"] for each in server.ask("class-list")["arguments"]["client-classes"]] == ["b", "KNOWN"]
    assert server.ask("class-get", {"name": "b"})["arguments"]["client-classes"][0]["name"] == "b"
    assert server.ask("class-update", {"client-classes": [{"name": "a"}]})["result"] == 3
    assert server.ask("class-get", {"name": "a"})["result"] == server.ask("class-del", {"name": "a"})["result"] == 3
