"""`dhcpkit check` as a command: what it prints and what it exits with."""

import json

import pytest

from dhcpkit.cli import Status, main

GOOD = {
    "interfaces-config": {"interfaces": ["nosuch0"]},
    "subnet4": [{"subnet": "192.0.2.0/24", "id": 1}],
}


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["check", *map(str, arguments)])
    return stopped.value.code


@pytest.fixture
def conf(tmp_path):
    def write(keys):
        path = tmp_path / "kea.conf"
        path.write_text(json.dumps({"Dhcp4": keys}))
        return path

    return write


def test_a_good_configuration(conf, capsys):
    path = conf(GOOD)
    assert run(path) == Status.OK
    assert capsys.readouterr().out == f"{path}: no problems (1 subnet, 0 reservations)\n"


def test_warnings_do_not_fail(conf, capsys):
    path = conf(GOOD | {"subnet4": [{"subnet": "192.0.2.7/24"}]})
    assert run(path) == Status.OK
    shown = capsys.readouterr().out
    assert "warning[DK1210]" in shown
    assert "did you mean `192.0.2.0/24`?" in shown
    assert shown.endswith(f"{path}: 2 warnings (1 subnet, 0 reservations)\n")


def test_every_mistake_is_shown(conf, capsys):
    path = conf(GOOD | {"foo": 1, "valid-lifetime": -1})
    assert run(path) == Status.BAD_CONFIG
    shown = capsys.readouterr().out
    assert "DK1101" in shown
    assert "DK1104" in shown
    assert shown.endswith(f"{path}: 2 errors\n")


def test_a_review_is_made_when_asked(conf, capsys):
    path = conf(GOOD)
    assert run(path) == Status.OK
    assert "DK1701" not in capsys.readouterr().out
    assert run(path, "--review", "--without", "lease-cmds-presence") == Status.OK
    shown = capsys.readouterr().out
    assert "[dispensable-subnet]" in shown
    assert "lease-cmds-presence" not in shown


def test_a_checker_that_is_not_there_is_told(conf, capsys):
    assert run(conf(GOOD), "--review", "--without", "dispensable-subnets") == Status.USAGE
    assert "dispensable-subnet?" in capsys.readouterr().err


def test_for_programs(conf, capsys):
    assert run(conf(GOOD | {"foo": 1}), "--format", "json") == Status.BAD_CONFIG
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["path"] == "Dhcp4.foo"


def test_an_absent_file(tmp_path, capsys):
    assert run(tmp_path / "gone.conf") == Status.BAD_CONFIG
    assert "Unable to open file" in capsys.readouterr().out


def test_this_machine_s_interfaces_are_looked_at_when_asked(conf, capsys):
    path = conf(GOOD)
    assert run(path, "--here") == Status.BAD_CONFIG
    shown = capsys.readouterr().out
    assert "interface 'nosuch0' doesn't exist in the system" in shown
    assert "at Dhcp4.interfaces-config.interfaces" in shown


def test_the_links_of_subnets_are_looked_at_too(conf, capsys):
    subnet = GOOD["subnet4"][0] | {"interface": "lo1"}
    path = conf({"interfaces-config": {"interfaces": ["lo"]}, "subnet4": [subnet]})
    assert run(path) == Status.OK
    capsys.readouterr()
    assert run(path, "--here") == Status.BAD_CONFIG
    shown = capsys.readouterr().out
    assert "Specified network interface name lo1 for subnet 192.0.2.0/24 is not present in the system" in shown
    assert "at Dhcp4.subnet4[0].interface" in shown
    assert "did you mean `lo`?" in shown
