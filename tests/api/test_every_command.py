"""Every command of a running server, over both kinds of sockets, told whatever its declaration allows and what it does
not: the server lives, what it answers is an answer, and nothing is written where nothing may be."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from dhcpkit.api.openapi import argument_schema, openapi
from dhcpkit.cli import main
from dhcpkit.config.param import AnyShape
from dhcpkit.hooks.commands import Result
from dhcpkit.server.declared import declarations, every_declaration
from dhcpkit.testing.commands import fitting_arguments, odd_requests, unfit_arguments

from .living import Living

ENDING = {"shutdown", "config-set"}  # done as they should be, they end the server or close its sockets


@pytest.fixture(scope="module", params=[4, 6])
def server(request, tmp_path_factory):
    living = Living(tmp_path_factory.mktemp("every"), request.param)
    yield living
    assert living.process.poll() is None, living.log.read_text()
    assert "internal error" not in living.log.read_text()
    assert "COMMAND_FAILED" not in living.log.read_text(), living.log.read_text()
    assert sorted(each.name for each in living.folder.iterdir()) == ["inside", "log"]
    living.end()


def commands_of(server):
    """The declarations of the commands that a server has."""
    names = set(server.ask("list-commands")["arguments"])
    return [each for each in declarations(f"dhcp{server.family}") if each.name in names]


def asked(server, declaration, arguments):
    """The answer over either kind of socket; it must be one."""
    octets = json.dumps({"command": declaration.name, "arguments": arguments}).encode()
    status, (answer,) = server.over_http(octets)
    assert status == 200
    for each in (answer, server.over_unix(octets)):
        assert each["result"] in list(Result), each
        assert isinstance(each.get("text", ""), str)
        assert each.get("text") or each["result"] in (0, 3), each
        assert "internal error" not in each.get("text", ""), (declaration.name, arguments, each)
    return answer


@given(st.data())
@settings(max_examples=150)
def test_no_command_is_too_much_for_a_server(server, data):
    known = [each for each in commands_of(server) if each.name not in ENDING]
    declaration = data.draw(st.sampled_from(known), label="command")
    asked(server, declaration, data.draw(fitting_arguments(declaration), label="arguments"))


@given(st.data())
@settings(max_examples=150)
def test_nothing_is_done_without_what_is_required(server, data):
    known = [
        each
        for each in commands_of(server)
        if each.arguments is not None and any(not isinstance(one.shape, AnyShape) for one in each.arguments.required)
    ]
    declaration = data.draw(st.sampled_from(known), label="command")
    arguments = data.draw(unfit_arguments(declaration), label="arguments")
    assert asked(server, declaration, arguments)["result"] not in (0, 3)


@given(st.data())
@settings(max_examples=60)
def test_arguments_are_a_map(server, data):
    known = [each for each in commands_of(server) if each.arguments is not None and each.arguments.required]
    declaration = data.draw(st.sampled_from(known), label="command")
    value = data.draw(st.text(max_size=5) | st.integers() | st.booleans() | st.lists(st.integers(), max_size=2))
    assert asked(server, declaration, value)["result"] in (1, 2)


@given(odd_requests())
@settings(max_examples=100)
def test_what_is_hardly_a_request_is_answered_or_left(server, octets):
    answer = server.over_unix(octets)
    assert answer is None or answer["result"] in list(Result)
    status, answers = server.over_http(octets)
    assert status in (200, 400)
    assert answers["result"] == status if status == 400 else [each["result"] in list(Result) for each in answers]
    assert server.ask("version-get")["result"] == 0


def test_a_server_has_the_commands_that_are_declared(server):
    assert len(commands_of(server)) == len(server.ask("list-commands")["arguments"])


# What is written down of the commands.


def test_the_description_is_openapi_and_has_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["schema", "--api"])
    assert not stopped.value.code
    document = json.loads(capsys.readouterr().out)
    validate(document)
    assert set(document["paths"]) == {f"/{each.name}" for each in every_declaration()}


def test_the_description_is_made_of_the_declarations_alone():
    few = declarations("ca")
    document = openapi(few, "1")
    validate(document)
    (form,) = [document["paths"]["/config-set"]["post"]["requestBody"]["content"]["application/json"]["schema"]]
    assert form["required"] == ["command", "arguments"]
    assert form["properties"]["command"] == {"const": "config-set"}


@given(st.data())
def test_what_fits_a_declaration_fits_its_schema(data):
    from jsonschema import Draft202012Validator

    declaration = data.draw(st.sampled_from([each for each in declarations() if each.arguments is not None]))
    schema = argument_schema(declaration)
    Draft202012Validator.check_schema(schema)
    needed = [one for one in declaration.arguments.required if not isinstance(one.shape, AnyShape)]
    if needed:
        wrong = data.draw(unfit_arguments(declaration))
        assert not Draft202012Validator(schema).is_valid(wrong)
