"""`--option-def`: options that a file defines have names in `decode`, and can be given to `encode`."""

import json

import pytest

from dhcpkit.cli import Status, main
from dhcpkit.wire import Packet4, Packet6

FLOOR = {"name": "floor", "code": 224, "type": "uint16"}
ROOM = {"name": "room", "code": 60000, "type": "record", "record-types": "uint8, string", "space": "dhcp6"}
BOX = {"name": "box", "code": 1, "type": "ipv4-address", "space": "vendor-encapsulated-options-space", "array": True}
DISCOVER = bytes(Packet4(1, {43: b"\1\4\x0a\0\0\1", 224: b"\0\7"}))
SOLICIT = bytes(Packet6(1, {3: bytes(12) + b"\xea\x60\0\3\1ab", 60000: b"\2c"}))


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


@pytest.fixture(
    params=[
        lambda four, six: json.dumps([*four, *six]),
        lambda four, six: json.dumps({"option-def": [*four, *six]}),
        lambda four, _six: "// a comment\n" + json.dumps({"Dhcp4": {"option-def": four, "valid-lifetime": 1}}) + "#",
        lambda four, six: json.dumps({"Dhcp4": {"option-def": four}, "Dhcp6": {"option-def": six}}),
    ],
    ids=["list", "object", "configuration", "both"],
)
def file(request, tmp_path):
    path = tmp_path / "definitions.json"
    path.write_text(request.param([FLOOR, BOX], [ROOM]))
    return path


def test_names_and_values(file, capsys):
    assert run("decode", "--option-def", file, DISCOVER.hex()) == 0
    shown = capsys.readouterr().out
    assert "    floor (224) 7\n" in shown
    assert "    vendor-encapsulated-options (43)\n      box (1) 10.0.0.1\n" in shown


def test_there_and_back(file, tmp_path, capsys):
    assert run("decode", "--json", "--option-def", file, DISCOVER.hex(), SOLICIT.hex()) == 0
    shown = capsys.readouterr().out
    assert '"name": "floor", "value": 7' in shown
    if "dhcp6" in file.read_text():
        assert shown.count('"name": "room"') == 2
    (tmp_path / "messages.json").write_text(shown)
    assert run("encode", "--option-def", file, tmp_path / "messages.json") == 0
    assert capsys.readouterr().out.split() == [DISCOVER.hex(), SOLICIT.hex()]
    assert run("encode", tmp_path / "messages.json") == Status.NEGATIVE


def test_the_family_of_definitions_without_a_space(tmp_path, capsys):
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps([FLOOR | {"code": 60000}]))
    assert run("decode", "-6", "--option-def", path, bytes(Packet6(1, {60000: b"\0\7"})).hex()) == 0
    assert "floor (60000) 7" in capsys.readouterr().out
    assert run("decode", "--option-def", path, SOLICIT.hex()) == Status.NEGATIVE


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, "option-def expected"),
        (7, "a list of definitions expected, not 7"),
        ([7], "[0]: a definition expected, not 7"),
        ([{"name": "a", "type": "string"}], "[0].code: a number expected, not None"),
        ([{"code": 224, "type": "string"}], "[0].name: text expected, not None"),
        ([FLOOR | {"type": "nonesuch"}], "[0].type: option type 'nonesuch' not supported"),
        ([FLOOR | {"tpye": 1}], "[0].tpye: no such member here"),
        ([FLOOR | {"array": "yes"}], "[0].array: true or false expected"),
        ([FLOOR | {"space": 1}], "[0].space: text expected"),
        ([FLOOR, FLOOR], "[1]: option definition with code '224' already exists"),
        ({"Dhcp4": {"option-def": [FLOOR | {"code": 3}]}}, "Dhcp4.option-def[0].code: unable to override definition"),
    ],
)
def test_mistakes(found, told, tmp_path, capsys):
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps(found))
    assert run("decode", "--option-def", path, DISCOVER.hex()) == Status.NEGATIVE
    assert told in capsys.readouterr().err


def test_what_is_no_json(tmp_path, capsys):
    path = tmp_path / "definitions.json"
    path.write_text("[\n{")
    assert run("decode", "--option-def", path, DISCOVER.hex()) == Status.BAD_CONFIG
    assert str(path) in capsys.readouterr().err
    assert run("decode", "--option-def", tmp_path / "nonesuch", DISCOVER.hex()) == Status.BAD_CONFIG
