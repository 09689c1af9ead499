"""Hook libraries of a server that runs as a process: found, loaded, kept, let go; and refused where they are unsafe."""

import importlib.util
import os
import textwrap
from pathlib import Path

import pytest

from dhcpkit.hooks import loading

spec = importlib.util.spec_from_file_location("control_process", Path(__file__).with_name("test_control.py"))
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)

LIBRARY = textwrap.dedent(
    '''
    """Counts what it sees."""

    from dhcpkit.config.param import Document, document, param
    from dhcpkit.hooks import Library, Pkt4Receive, on
    from dhcpkit.hooks.commands import Access, Answer, command


    @document("parameters")
    class CounterParameters(Document):
        """What the counter is told."""

        start: int = param(default=0, low=0, high=1000, doc="Where it begins.")


    class Counter(Library):
        """Counts questions."""

        name = "counter"
        parameters = CounterParameters

        async def load(self):
            self.count = self.told.start
            self.reloads = 0
            if self.count == 13:
                raise ValueError("an unlucky number")

        async def configured(self):
            self.reloads += 1

        @command("counter-next", Access.WRITE, since="0.1")
        def next(self) -> Answer:
            """Tells the next number."""
            self.count += 1
            subnets = len(self.operated.network.subnets)
            return Answer(arguments={"count": self.count, "configured": self.reloads, "subnets": subnets})

        @on(Pkt4Receive)
        def look(self, point):
            self.count += 100
    '''
)


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "hooks"
    folder.mkdir(mode=0o755)
    file = folder / "counter.py"
    file.write_text(LIBRARY)
    file.chmod(0o644)
    return file


def entry(library, **parameters):
    return {"library": str(library), "parameters": parameters}


@pytest.fixture(params=[4, 6])
def running(tmp_path, library, request):
    made = control.Running(tmp_path, request.param, **{"hooks-libraries": [entry(library, start=5)]})
    yield made
    made.end()


def test_a_library_in_one_file(running, library):
    assert "counter-next" in running.ask("list-commands")["arguments"]
    assert running.ask("counter-next")["arguments"] == {"count": 6, "configured": 1, "subnets": 1}
    running.ask("config-reload")
    assert running.ask("counter-next")["arguments"] == {"count": 7, "configured": 2, "subnets": 1}, "it lives on"
    running.write(running.config | {"hooks-libraries": [entry(library, start=50)]})
    assert running.ask("config-reload")["result"] == 0
    assert running.ask("counter-next")["arguments"]["count"] == 51, "told otherwise, it is another one"
    running.write({key: value for key, value in running.config.items() if key != "hooks-libraries"})
    assert running.ask("config-reload")["result"] == 0
    assert "counter-next" not in running.ask("list-commands")["arguments"]
    assert "HOOKS_LIBRARY_UNLOADED" in running.log.read_text()


def test_what_cannot_be_loaded_changes_nothing(running, library):
    for wrong, told in (
        ([entry(library, start=13)], "unlucky number"),
        ([entry(library, start=5000)], "out of range"),
        ([entry(library, strat=5)], "strat"),
        ([entry(library.with_name("nothing.py"))], "No such file"),
        ([entry(library, start=5), entry(library, start=6)], "counter-next is a command of"),
        ([entry("libdhcp_nobody_has.so")], "no hook library of the name"),
    ):
        running.write(running.config | {"hooks-libraries": wrong})
        answer = running.ask("config-reload")
        assert answer["result"] == 1
        assert told in answer["text"]
    assert running.ask("counter-next")["arguments"]["count"] == 6
    assert running.ask("counter-next")["arguments"]["configured"] == 1


def test_a_command_does_not_load_code(running, library):
    other = library.with_name("other.py")
    other.write_text(LIBRARY.replace('"counter', '"other'))
    for foreign in (str(other), "antigravity"):
        config = running.config | {"hooks-libraries": [entry(foreign)]}
        answer = running.ask("config-set", arguments={running.root: config})
        assert answer["result"] == 1
    assert running.ask("config-set", arguments={running.root: running.config})["result"] == 0
    assert running.ask("counter-next")["arguments"]["count"] == 6


def test_one_of_kea_that_is_not_there_yet_is_named(running):
    running.write(running.config | {"hooks-libraries": [{"library": "/usr/lib/kea/hooks/libdhcp_radius.so"}]})
    assert running.ask("config-reload")["result"] == 0
    assert "libdhcp_radius.so is accepted but has no effect yet" in running.log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("which", ["file", "folder"])
def test_code_that_others_could_have_written(library, which):
    each = library if which == "file" else library.parent
    assert loading.find_library(str(library)).name == "counter"
    for spoil, mend in (
        (lambda: each.chmod(0o777), lambda: each.chmod(0o755)),
        (lambda: os.chown(each, 12345, 0), lambda: os.chown(each, 0, 0)),
    ):
        spoil()
        with pytest.raises(loading.LibraryError, match=f"the {which}"):
            loading.find_library(str(library))
        mend()
    assert loading.find_library(str(library)).name == "counter"
