"""Roles: which commands an access list matches, what a role makes of it, and that nobody gets around it over HTTP."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.api import Basic, Client, Denied, HttpSocket, Request, UnixSocket
from dhcpkit.config.json_text import Source
from dhcpkit.config.param import read
from dhcpkit.config.report import Report
from dhcpkit.hooks.commands import Access, Answer, Caller, Commands, Forbidden, command
from dhcpkit.hooks.libraries.rbac import Rbac, RbacError, RbacParameters
from dhcpkit.hooks.libraries.rbac_rules import Facts, Role, WrongRule, named_lists, read_list
from dhcpkit.server.control import Control
from dhcpkit.testing.answering import answering
from dhcpkit.testing.documents import json_values

FACTS = [
    Facts("config-get", Access.READ),
    Facts("config-set", Access.WRITE),
    Facts("lease4-get", Access.READ, "lease_cmds"),
    Facts("lease4-add", Access.WRITE, "lease_cmds"),
    Facts("no-such"),
]


class Own:
    @command("list-commands", Access.READ, since="1")
    def list_commands(self):
        """Lists."""
        return Answer(arguments=["config-get", "config-set", "list-commands"])

    @command("config-get", Access.READ, since="1")
    def config_get(self):
        """Tells."""
        return Answer(text="secret")

    @command("config-set", Access.WRITE, since="1")
    def config_set(self):
        """Sets."""
        return Answer(text="set")


class Operated:
    family = 4

    def __init__(self):
        self.commands = Commands("dhcp4")
        self.commands.add(Own())


def library(**parameters):
    report = Report(Source("test", lambda _: "{}"))
    told = read(RbacParameters, {key.replace("_", "-"): value for key, value in parameters.items()}, (), report)
    assert not report.failed, report.problems
    operated = Operated()
    made = Rbac(operated, told)
    asyncio.run(made.load())
    operated.commands.add(made)
    asyncio.run(made.configured())
    return made, operated.commands


def allowed(commands, caller):
    """The commands that a caller may run."""

    def may(name):
        try:
            asyncio.run(commands.ask(name, None, caller))
        except Forbidden:
            return False
        return True

    return {name for name in ("list-commands", "config-get", "config-set", "no-such") if may(name)}


# Access lists of any depth, and what they match by another way of saying it: the sets of what they match.
_simple = st.one_of(
    st.sampled_from(["ALL", "NONE", "READ", "WRITE"]),
    st.sampled_from(["read", "write"]).map(lambda access: {"access": access}),
    st.sampled_from(["", "lease_cmds", "x"]).map(lambda hook: {"hook": hook}),
    st.lists(st.sampled_from([each.name for each in FACTS])).map(lambda names: {"commands": names}),
)
specs = st.recursive(
    _simple,
    lambda inner: st.one_of(
        inner.map(lambda one: {"not": one}),
        st.lists(inner, max_size=3).map(lambda some: {"and": some}),
        st.lists(inner, max_size=3).map(lambda some: {"or": some}),
    ),
    max_leaves=6,
)


def matched(spec):
    """The names that a list matches, by the algebra of sets."""
    every = {each.name for each in FACTS}
    if isinstance(spec, str):
        wanted = {"ALL": every, "NONE": set()}.get(spec)
        return matched({"access": spec.lower()}) if wanted is None else wanted
    ((kind, value),) = spec.items()
    if kind == "not":
        return every - matched(value)
    if kind == "and":
        return every.intersection(*map(matched, value))
    if kind == "or":
        return set().union(*map(matched, value))
    if kind == "commands":
        return set(value)
    known = [each for each in FACTS if each.access]
    return {each.name for each in known if (each.access.value if kind == "access" else each.hook) == value}


@given(specs)
def test_a_list_matches_what_the_algebra_of_sets_says(spec):
    matches = read_list(spec, named_lists([]))
    assert {each.name for each in FACTS if matches(each)} == matched(spec)


@given(specs | st.none(), specs | st.none(), st.booleans(), st.booleans())
def test_a_role_goes_by_the_first_list_that_matches(accept, reject, others, accept_first):
    lists = named_lists([])
    role = Role(*(None if each is None else read_list(each, lists) for each in (accept, reject)), others, accept_first)
    accepted, rejected = (set() if each is None else matched(each) for each in (accept, reject))
    for facts in FACTS:
        name = facts.name
        wanted = (
            (name in accepted or (others and name not in rejected))
            if accept_first
            else (name not in rejected and (name in accepted or others))
        )
        assert role.admits(facts) == wanted


KINDS = st.sampled_from(["not", "and", "or", "commands", "access", "hook"])


@given(json_values() | st.dictionaries(KINDS, json_values()))
def test_what_is_no_list_is_refused(spec):
    with suppress(WrongRule):  # and nothing else is raised
        read_list(spec, named_lists([]))(FACTS[0])


def test_lists_are_not_nested_without_end():
    spec = "ALL"
    for _ in range(5000):
        spec = {"not": spec}
    with pytest.raises(WrongRule, match="nested"):
        read_list(spec, named_lists([]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"assign_role_method": "remote-address", "roles": [{"name": "a", "accept-commands": "NOSUCH"}]},
        {"assign_role_method": "remote-address", "roles": [{"name": "a"}, {"name": "a"}]},
        {"assign_role_method": "remote-address", "access_control_lists": [{"ALL": "NONE"}]},
        {"assign_role_method": "remote-address", "access_control_lists": [{"a": "b"}, {"b": "ALL"}]},
        {"assign_role_method": "remote-address", "access_control_lists": [{"a": "ALL", "b": "ALL"}]},
        {"assign_role_method": "remote-address", "roles": [{"name": "a", "accept-commands": {"commands": 5}}]},
    ],
)
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(RbacError):
        library(**wrong)


ROLES = [
    {
        "name": "reader",
        "accept-commands": {"and": ["READ", {"not": {"commands": ["config-get"]}}]},
        "response-filters": ["list-commands"],
    },
    {"name": "admin", "accept-commands": "ALL"},
]


def test_a_role_has_what_its_lists_say_and_strangers_nothing():
    unknown = {"accept-commands": "READ"}
    _, commands = library(assign_role_method="basic-authentication", roles=ROLES, unknown_role=unknown)
    assert allowed(commands, Caller("http", user="reader")) == {"list-commands"}
    assert allowed(commands, Caller("http", user="admin")) == {"list-commands", "config-get", "config-set", "no-such"}
    assert allowed(commands, Caller("http", user="other")) == {"list-commands", "config-get"}
    assert allowed(commands, Caller("http")) == set()
    assert allowed(commands, Caller("unix")) == {"list-commands", "config-get", "config-set", "no-such"}
    shown = asyncio.run(commands.ask("list-commands", None, Caller("http", user="reader")))
    assert shown.arguments == ["list-commands"]


def test_certificates_mean_tls():
    _, commands = library(assign_role_method="cert-subject", roles=ROLES)
    with pytest.raises(Forbidden) as refused:
        asyncio.run(commands.ask("config-get", None, Caller("http", subject="admin")))
    assert refused.value.status == 401
    assert "config-set" in allowed(commands, Caller("https", subject="admin", user="x"))
    assert allowed(commands, Caller("https", user="admin")) == set()
    _, issued = library(assign_role_method="cert-issuer", roles=ROLES, require_tls=False)
    assert "config-set" in allowed(issued, Caller("https", issuer="admin"))


def test_files_and_parameters_say_otherwise_than_declarations(tmp_path):
    (tmp_path / "config-get.json").write_text('{"name": "config-get", "access": "write", "hook": "x"}')
    (tmp_path / "config-set.json").write_text('{"name": "config-set", "access": "write"}')
    for number, text in enumerate(("{", "[]", "{}", '{"name": 1, "access": "x"}')):
        (tmp_path / f"{number}.json").write_text(text)
    told = [{"name": "config-set", "access": "read"}]
    roles = [{"name": "192.0.2.1", "accept-commands": "READ"}]
    parameters = {"assign_role_method": "remote-address", "roles": roles, "commands": told}
    _, commands = library(api_files=str(tmp_path), **parameters)
    assert allowed(commands, Caller("http", "192.0.2.1")) == {"list-commands", "config-set"}
    _, commands = library(api_files=str(tmp_path / "none"), **parameters)
    assert allowed(commands, Caller("http", "192.0.2.1")) == {"list-commands", "config-get", "config-set"}


def test_a_typing_error_is_told(caplog):
    roles = [{"name": "a", "reject-commands": {"or": ["WRITE", {"commands": ["confg-get", "config-set"]}]}}]
    library(assign_role_method="remote-address", roles=roles)
    assert "RBAC_UNKNOWN_COMMANDS access lists name commands that this server does not have: confg-get" in caplog.text


def test_a_guard_that_fails_lets_nobody_through():
    made, commands = library(assign_role_method="basic-authentication", roles=ROLES)
    made._roles = None
    control = Control(commands, 4)

    async def ask():
        return await control.ask(Request("config-set"), Caller("http", user="admin"))

    answer = asyncio.run(ask())
    assert (answer.result, "internal error" in answer.text) == (1, True)


def test_over_sockets(tmp_path):
    _, commands = library(assign_role_method="basic-authentication", roles=ROLES)
    control = Control(commands, 4)
    unix = UnixSocket(tmp_path / "control", control.ask)
    http = HttpSocket("127.0.0.1", 0, control.ask, basic=Basic({"reader": "r", "admin": "a"}, lambda: 0.0))
    with answering(unix, http):
        place = f"http://127.0.0.1:{http.port}/"
        assert Client(place, user="admin", password="a").ask("config-set")[0].text == "set"
        reader = Client(place, user="reader", password="r")
        assert reader.ask("list-commands")[0].arguments == ["list-commands"]
        for name in ("config-set", "config-get", "no-such"):
            with pytest.raises(Denied) as refused:
                reader.ask(name)
            assert refused.value.status == 403
        assert Client(str(tmp_path / "control")).ask("config-set")[0].text == "set"
