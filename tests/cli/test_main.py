"""`dhcpkit` itself: which commands there are, what it exits with, and that help imports nothing it does not need."""

import json
import subprocess
import sys

import pytest

from dhcpkit import __version__, cli
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.cli import COMMANDS, Status, main
from dhcpkit.cli.status import status_of
from dhcpkit.config.errors import ConfigError
from dhcpkit.errors import DhcpkitError


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code


def test_help_names_every_command_and_says_what_it_does(capsys):
    assert run("--help") == Status.OK
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert command.name in shown
        assert command.help(), f"{command.module}.{command.attribute} has no docstring"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command, capsys):
    assert run(command.name, "--help") == Status.OK
    assert "Usage" in capsys.readouterr().out


def test_help_and_version_import_no_server():
    program = (
        "import sys; from dhcpkit.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "rooms = sorted(name for name in sys.modules if name.startswith('dhcpkit.') and name.count('.') == 1)\n"
        "print(rooms, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "['dhcpkit.cli', 'dhcpkit.errors']"


def test_version(capsys):
    assert run("--version") == Status.OK
    assert capsys.readouterr().out == f"dhcpkit {__version__}\n"
    assert run("version", "--json") == Status.OK
    assert json.loads(capsys.readouterr().out)["dhcpkit"] == __version__


def test_a_command_line_that_makes_no_sense(capsys):
    assert run("nonesuch") == Status.USAGE
    assert run("version", "--nonesuch") == Status.USAGE
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError(()), Status.BAD_CONFIG),
        (StoreUnavailable("memfile", "disk full"), Status.UNREACHABLE),
        (ConnectionRefusedError(), Status.UNREACHABLE),
        (PermissionError(), Status.NO_PERMISSION),
        (FileNotFoundError(), Status.NEGATIVE),
        (DhcpkitError(), Status.NEGATIVE),
    ],
)
def test_status_says_who_is_at_fault(error, status, monkeypatch):
    assert status_of(error) == status

    def fail(_words):
        raise error

    monkeypatch.setattr(cli, "application", fail)
    assert run("serve") == status


def test_control_c_is_a_status_too(monkeypatch):
    def interrupted(_words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "application", interrupted)
    assert run("serve") == Status.INTERRUPTED
