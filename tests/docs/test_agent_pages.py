"""What the pages about shell, agent and roles show is taken, and does what they say."""

import importlib.util
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from dhcpkit.cli import main
from dhcpkit.config.agent import parse_agent
from dhcpkit.config.json_text import Source
from dhcpkit.config.param import read
from dhcpkit.config.report import Report
from dhcpkit.hooks.loading import find_library

HERE = Path(__file__).resolve()
DOCS = HERE.parent.parent.parent / "docs"
spec = importlib.util.spec_from_file_location("living", HERE.parent.parent / "api" / "living.py")
living = importlib.util.module_from_spec(spec)
spec.loader.exec_module(living)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = living.Living(tmp_path_factory.mktemp("pages"), 4)
    yield made
    made.end()


def maps(name):
    """The JSON maps on a page."""
    page = (DOCS / "how-to" / name).read_text()
    blocks = re.findall(r"(?:^    .*\n)+", page, re.MULTILINE)
    return [json.loads(block) for block in blocks if block.lstrip().startswith("{")]


def test_the_agent_s_configuration_is_one():
    configuration, _ = maps("run-an-agent.md")
    loaded = parse_agent(json.dumps(configuration))
    assert loaded.doc.services == {"dhcp4": "/run/kea/kea4-ctrl-socket", "dhcp6": "/run/kea/kea6-ctrl-socket"}
    assert loaded.doc.socket.socket_type == "https"


def test_the_roles_are_roles():
    _, entry = maps("run-an-agent.md")
    library = find_library(entry["library"])
    report = Report(Source("page", lambda _: "{}"))
    made = library(None, read(library.parameters, entry["parameters"], (), report))
    assert not report.failed
    assert set(made._roles) == {"monitoring", "helpdesk", "admin"}


def test_what_is_typed_into_a_shell(server, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    page = (DOCS / "how-to" / "use-the-shell.md").read_text()
    lines = re.findall(r"^    dhcpkit (shell -s .*)$", page, re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        words = [word.replace("/run/kea/kea4-ctrl-socket", str(server.unix)) for word in shlex.split(line)]
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert not stopped.value.code, line
        assert capsys.readouterr().out


def test_every_switch_on_the_page_is_one(capsys):
    page = (DOCS / "how-to" / "use-the-shell.md").read_text()
    for words in (["--help"], ["shell", "--help"]):
        with pytest.raises(SystemExit):
            main(words)
    known = capsys.readouterr().out
    for switch in set(re.findall(r"--[a-z-]+", page)) - {"--api"}:
        assert switch in known


def test_the_example(server, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ask_a_server.py", str(server.unix)])
    runpy.run_path(str(DOCS / "examples" / "ask_a_server.py"))
    assert capsys.readouterr().out == "subnet[1]: 0 of 90 addresses are assigned\n"
    monkeypatch.setattr(sys, "argv", ["ask_a_server.py", "/nowhere"])
    with pytest.raises(SystemExit, match="/nowhere: No such file or directory"):
        runpy.run_path(str(DOCS / "examples" / "ask_a_server.py"))
