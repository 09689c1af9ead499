"""`dhcpkit leases`: what is found in a file and in a server that runs, how it is shown, and what changed."""

import csv
import importlib.util
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.api import Client
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.cli import main
from dhcpkit.cli.leases import changes
from dhcpkit.cli.leases_found import Refusal, Wanted, of_server

SPEC = importlib.util.spec_from_file_location("running", Path(__file__).parent.parent / "server" / "test_control.py")
control = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(control)

NOW = 4_000_000_000  # far ahead: nothing ends while a test runs
FOUR = [
    Lease4(
        0xC0000200 + number,
        bytes([2, 0, 0, 0, 0, number]),
        b"\1" + bytes([number]) if number % 2 else b"",
        600,
        NOW,
        1,
        hostname=f"host-{number}.example.org",
        state=1 if number == 7 else 0,
    )
    for number in range(1, 31)
]
SIX = [
    Lease6((0x20010DB8 << 96) + (1 << 64) + number, bytes([0, 3, 0, 1, number]), 600, NOW, 1, 300, 0, number)
    for number in range(1, 31)
]


def write(path, form, leases):
    path.write_bytes(b"\n".join([form.header, *map(form.encode, leases)]) + b"\n")
    return path


@pytest.fixture
def run(capsys):
    def go(*words):
        with pytest.raises(SystemExit) as stopped:
            main(["leases", *words])
        return stopped.value.code or 0, capsys.readouterr().out

    return go


TERMS = [
    (["--address", "192.0.2.9"], [9]),
    (["--hw-address", "02-00-00-00-00-0A"], [10]),
    (["--client-id", "0105"], [5]),
    (["--hostname", "HOST-1?.example.org."], list(range(10, 20))),
    (["--subnet", "192.0.2.16/30"], [16, 17, 18, 19]),
    (["--subnet", "1", "--state", "declined"], [7]),
    (["--subnet", "2"], []),
    ([], list(range(1, 31))),
]


@pytest.mark.parametrize(("terms", "numbers"), TERMS, ids=lambda each: " ".join(map(str, each))[:40])
def test_search_in_a_file(terms, numbers, run, tmp_path):
    file = write(tmp_path / "leases.csv", ROWS4, FOUR)
    status, out = run("--file", str(file), "--json", *terms)
    found = [json.loads(line) for line in out.splitlines()]
    assert [int(each["ip-address"].split(".")[3]) for each in found] == numbers
    assert status == (0 if numbers else 1)
    assert len(run("--file", str(file), *terms)[1].splitlines()) == len(numbers) + bool(numbers)
    table = list(csv.DictReader(io.StringIO(run("--file", str(file), "--csv", *terms)[1])))
    assert [each["hw-address"] for each in table] == [each["hw-address"] for each in found]


@pytest.mark.parametrize("family", [4, 6])
def test_a_server_that_runs_tells_what_its_file_holds(family, run, tmp_path):
    file = write(tmp_path / "leases.csv", ROWS4 if family == 4 else ROWS6, FOUR if family == 4 else SIX)
    server = control.Running(tmp_path, family, **{"hooks-libraries": [{"library": "libdhcp_lease_cmds.so"}]})
    try:
        place = str(server.socket)
        told = run("--socket", place, "--json")
        assert told == run("--file", str(file), "--json")
        assert len(told[1].splitlines()) == 30
        for page in (1, 7, 30, 31):
            assert len(list(of_server(Client(place), Wanted(), page=page))) == 30, "no lease twice, none missing"
        at = "192.0.2.9" if family == 4 else "2001:0db8:0:1:0::9"
        assert len(run("--socket", place, "--json", "--address", at)[1].splitlines()) == 1
        assert run("--socket", place, "--json", "--address", "10.0.0.1") == (1, "")
        assert run("--socket", f"{place}-none")[0] == 69
    finally:
        server.end()


def test_a_server_without_lease_commands_is_told_apart(tmp_path):
    server = control.Running(tmp_path, 4)
    try:
        with pytest.raises(Refusal, match="libdhcp_lease_cmds"):
            list(of_server(Client(str(server.socket)), Wanted()))
    finally:
        server.end()


@pytest.mark.parametrize(
    "words",
    [[], ["--socket", "a", "--file", "b"], ["--file", "x", "--state", "odd"], ["--file", "x", "--subnet", "y"],
     ["--file", "x", "--hw-address", "zz"], ["--file", "x", "--address", "1"]],
)  # fmt: skip
def test_what_makes_no_sense_is_a_matter_of_usage(words, run):
    assert run(*words)[0] == 2


def test_there_is_no_such_file(run, tmp_path):
    assert run("--file", str(tmp_path / "none.csv")) == (1, "")


def test_names_do_not_reach_a_terminal_as_they_are(run, tmp_path):
    file = write(tmp_path / "l.csv", ROWS4, [FOUR[0]._replace(hostname="\x1b[2Jx")])
    assert "\x1b" not in run("--file", str(file))[1]


MAPS = st.dictionaries(st.sampled_from("abcdef"), st.fixed_dictionaries({"cltt": st.integers(0, 2)}))


@given(MAPS, MAPS)
def test_changes_lead_from_before_to_after(before, after):
    named = {id(lease): key for leases in (before, after) for key, lease in leases.items()}
    now = dict(before)
    for what, lease in changes(before, after):
        key = named[id(lease)]
        if what == "gone":
            del now[key]
        else:
            assert (what == "new") is (key not in before)
            now[key] = lease
    assert now == after
