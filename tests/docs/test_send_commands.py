"""What the page about commands tells to send is what a server takes."""

import importlib.util
import json
import re
import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
DOCS = HERE.parent.parent.parent / "docs"
spec = importlib.util.spec_from_file_location("control_process", HERE.parent.parent / "server" / "test_control.py")
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)


@pytest.fixture
def running(tmp_path):
    libraries = [{"library": f"libdhcp_{name}.so"} for name in ("lease_cmds", "stat_cmds")]
    made = control.Running(tmp_path, 4, **{"hooks-libraries": libraries})
    yield made
    made.end()


def test_every_command_about_leases_can_be_sent(running):
    page = (DOCS / "how-to" / "send-commands.md").read_text().partition("## Look at leases")[2]
    sent = [json.loads(each) for each in re.findall(r"^    echo '(.*?)' \| socat", page, re.MULTILINE)]
    assert len(sent) == 7
    for each in sent:
        answer = running.ask(each["command"], arguments=each["arguments"])
        assert answer["result"] == 0, answer
    assert (running.folder / "copy.csv").exists()


def test_pages_are_walked_over(running):
    example = runpy.run_path(str(DOCS / "examples" / "leases_by_command.py"))
    path = str(running.socket)
    assert list(example["all_leases"](path)) == []
    for number in range(1, 8):
        said = {"ip-address": f"192.0.2.{number}", "hw-address": f"02:00:00:00:00:{number:02x}"}
        assert example["ask"](path, "lease4-add", **said)["result"] == 0
    assert [each["ip-address"][-1] for each in example["all_leases"](path, 3)] == list("1234567")
    with pytest.raises(RuntimeError, match="page size"):
        list(example["all_leases"](path, 0))
