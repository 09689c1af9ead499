"""run_script: what scripts are told, as recorded from Kea 3.0.4; who waits for them; which are refused."""

import asyncio
import importlib.util
import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from dhcpkit.alloc import LeaseState
from dhcpkit.hooks.libraries import run_script
from dhcpkit.hooks.libraries.run_script import RunScript, RunScriptParameters, ScriptError
from dhcpkit.server.jail import outside
from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import Arrival6

spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
hooked = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hooked)
VECTORS = Path(__file__).parents[1] / "vectors" / "run-script-30.jsonl"
RECORDED = {line["name"]: line for line in map(json.loads, VECTORS.read_text().splitlines())}
# The script writes one line for each call: what it was told, and nothing else that the shell has.
SCRIPT = """#!/bin/sh
{ echo "== $1"; env | sort; } > "$0.$$"
cat "$0.$$" >> "$0.out"
rm "$0.$$"
"""


class World(hooked.Hooked):
    """As recorded: a raw socket, to which all comes as broadcasts."""

    def arrival(self, data):
        if self.family == 6:
            return Arrival6("eth0", 2, int(IPv6Address("fe80::ff:fe00:10")), 546, 0, multicast=True)
        relayed = any(data[24:28])
        source = int(IPv4Address("10.53.0.9")) if relayed else int.from_bytes(data[12:16], "big")
        return Arrival("eth0", 2, source, 67 if relayed else 68, hooked.SERVER4, broadcast=True, source_mac=data[28:34])


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "script.sh"
    file.write_text(SCRIPT)
    file.chmod(0o755)
    tmp_path.chmod(0o755)
    return file


def told(script):
    """What scripts were told: the point's name and the environment."""
    found = []
    for line in Path(f"{script}.out").read_text().splitlines():
        if line.startswith("== "):
            found.append((line[3:], {}))
        else:
            name, _, value = line.partition("=")
            found[-1][1][name] = value
    return found


def plain(calls):
    """Calls in an order of their own, without what the shell adds and what depends on the time."""
    return sorted(
        (point, sorted((k, v) for k, v in variables.items() if k not in ("PWD", "_", "SHLVL") and "_CLTT" not in k))
        for point, variables in calls
    )


def world(name, script, **parameters):
    config = json.loads(json.dumps(RECORDED[name]["config"]))
    (top,) = config
    config[top]["hooks-libraries"][0]["parameters"] = {
        **config[top]["hooks-libraries"][0]["parameters"], "name": str(script), **parameters
    }  # fmt: skip
    if top == "Dhcp6":
        config[top]["server-id"] = {"type": "LL", "identifier": "020000000001", "persist": False}
    return World(config)


async def ended(library):
    if library._tasks:
        await asyncio.wait(library._tasks)


@pytest.mark.parametrize("name", RECORDED)
def test_scripts_are_told_what_kea_tells_them(name, script):
    recorded = RECORDED[name]
    with world(name, script) as server:
        for sent in recorded["sent"]:
            server.take(bytes.fromhex(sent))
        server.run(ended(server.libraries[0]))
        expected = [(point, variables) for point, variables in recorded["calls"] if "expire" not in point]
        assert plain(told(script)) == plain(expected)


@pytest.mark.parametrize(("name", "family"), [("run-script-v4", 4), ("run-script-v6", 6)])
def test_scripts_hear_of_leases_that_are_over(name, family, script):
    recorded = RECORDED[name]
    with world(name, script) as server:
        for sent in recorded["sent"]:
            server.take(bytes.fromhex(sent))
        server.run(ended(server.libraries[0]))
        before = len(told(script))
        server.now_s += 1_000_000
        server.run(server.served.server.reclaimer.reclaim_all(remove=True))
        server.run(ended(server.libraries[0]))
        points = [(point, variables[f"LEASE{family}_STATE"]) for point, variables in told(script)[before:]]
        assert sorted(points) == [
            (f"lease{family}_expire", "declined"),
            *[(f"lease{family}_expire", "released")] * (1 if family == 4 else 2),
            (f"lease{family}_recover", "declined"),
        ]


def test_answers_wait_where_the_script_is_synchronous(tmp_path, script):
    gate = tmp_path / "gate"
    script.write_text(f'#!/bin/sh\ncase "$1" in *committed) while ! test -e {gate}; do sleep 0.02; done;; esac\n')
    recorded = RECORDED["run-script-v4-sync"]
    with world("run-script-v4-sync", script) as server:
        discover, request = (bytes.fromhex(sent) for sent in recorded["sent"][:2])
        assert len(server.take(discover)) == 1
        batches = server.served.server.batches
        batches_sent = []
        send = batches.transport.send
        batches.transport.send = lambda answers: (batches_sent.extend(answers), send(answers))[1]

        async def exchange():
            batches.take([(request, server.arrival(request))])
            await asyncio.sleep(0.05)
            assert not batches_sent
            gate.touch()
            await batches.drained()
            assert len(batches_sent) == 1

        server.run(exchange())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\nexit 3\n", "status 3"),
        ("#!/no/such/shell\n", "No such file"),
        ("#!/bin/sh\nkill -9 $$\n", "signal 9"),
    ],
)
def test_a_script_that_fails_is_told_and_nobody_else_suffers(script, text, reason, caplog):
    script.write_text(text)
    with world("run-script-v4", script) as server:
        answers = [len(server.take(bytes.fromhex(sent))) for sent in RECORDED["run-script-v4"]["sent"][:2]]
        server.run(ended(server.libraries[0]))
        assert answers == [1, 1]
    assert f"for leases4_committed: it ended with {reason}" in caplog.text.replace("was ended by", "ended with") or (
        reason in caplog.text
    )


def test_a_script_that_does_not_end_is_killed(script, caplog, monkeypatch):
    monkeypatch.setattr(run_script, "RUN_MAX", 0.1)
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    with world("run-script-v4", script) as server:
        server.take(bytes.fromhex(RECORDED["run-script-v4"]["sent"][1]))
        server.run(ended(server.libraries[0]))
    assert "it was killed after" in caplog.text


def test_so_many_scripts_run_and_wait_and_no_more(script, monkeypatch, caplog):
    monkeypatch.setattr(run_script, "RUNNING_MAX", 2)
    monkeypatch.setattr(run_script, "WAITING_MAX", 3)
    with world("run-script-v4", script) as server:
        library = server.libraries[0]

        async def many():
            for number in range(10):
                library._start("leases4_committed", [("NUMBER", str(number))])
            assert len(library._tasks) == 2
            await ended(library)
            library._start("leases4_committed", [("NUMBER", "last")])
            await ended(library)

        server.run(many())
    assert [variables["NUMBER"] for _, variables in sorted(told(script), key=str)] == ["0", "1", "2", "last"]
    assert "was not run 7 times" in caplog.text


def test_scripts_that_are_refused(tmp_path, script):
    class Four:
        family = 4

    def load(name):
        asyncio.run(RunScript(Four(), RunScriptParameters(name=str(name))).load())

    load(script)
    (tmp_path / "plain").write_text("")
    for wrong in ("script.sh", tmp_path / "nothing", tmp_path / "plain", tmp_path):
        with pytest.raises(ScriptError, match="Invalid 'name' parameter"):
            load(wrong)
    for each in (script, tmp_path):
        mode = each.stat().st_mode
        each.chmod(0o777)
        with pytest.raises(ScriptError, match="written by others"):
            load(script)
        each.chmod(mode)


def test_every_state_has_a_word():
    assert set(run_script.env.STATES) == set(LeaseState)


def test_a_command_names_no_script_elsewhere(script):
    config = json.loads(json.dumps(RECORDED["run-script-v4"]["config"]))

    def doc(name):
        config["Dhcp4"]["hooks-libraries"][0]["parameters"]["name"] = str(name)
        return hooked.parse4(json.dumps(config)).doc

    before = doc(script)
    assert outside(doc(script), before) == ""
    assert outside(doc(script.with_name("other.sh")), before) == ""
    assert outside(doc("/usr/share/kea/scripts/some.sh"), before) == ""
    for elsewhere in ("/bin/sh", script.parent / "deeper" / "some.sh", script.parent / ".." / "some.sh"):
        assert "'run_script.name' may not be" in outside(doc(elsewhere), before)
