"""legal_log: entries as recorded from Kea 3.0.4, files by time, formats of one's own; what clients cannot do to it."""

import importlib.util
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.hooks import CommandProcessed
from dhcpkit.hooks.commands import Answer, Result
from dhcpkit.hooks.libraries import legal_log
from dhcpkit.hooks.libraries.legal_log_entries import about_command, duration
from dhcpkit.hooks.libraries.legal_log_file import RotatingFile

spec = importlib.util.spec_from_file_location("run_script_world", Path(__file__).with_name("test_run_script.py"))
worlds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worlds)
VECTORS = Path(__file__).parents[1] / "vectors" / "legal-log-30.jsonl"
RECORDED = {line["name"]: line for line in map(json.loads, VECTORS.read_text().splitlines())}
# Kea writes that a declined address was assigned to a device without DUID. It was not, and in v4 Kea says so.
UNTRUE = "Address: 2001:db8:53::1:1 has been assigned for 1 days 0 hrs 0 mins 0 secs to a device with DUID: 00:00:00"
TRUE = (
    "Address: 2001:db8:53::1:1 has been released from a device with DUID: 00:03:00:01:02:00:00:00:10:02 and hardware "
    "address: hwtype=1 02:00:00:00:10:02 (from DUID)"
)


def world(name, folder, change=None, **parameters):
    config = json.loads(json.dumps(RECORDED[name]["config"]))
    (top,) = config
    told = config[top]["hooks-libraries"][0]["parameters"]
    config[top]["hooks-libraries"][0]["parameters"] = {**told, "path": str(folder), **parameters}
    if top == "Dhcp6":
        config[top]["server-id"] = {"type": "LL", "identifier": "020000000001", "persist": False}
    if change is not None:
        change(config[top])
    return worlds.World(config)


def lines(folder):
    return [line for file in sorted(folder.glob("*.txt")) for line in file.read_text().splitlines()]


def play(server, name):
    for sent in RECORDED[name]["sent"]:
        server.now_s += 1
        server.take(bytes.fromhex(sent))
    for command, told, result in RECORDED[name]["commands"]:
        server.run(server.hooks.wait(CommandProcessed(command, told, Answer(Result(result)))))


@pytest.mark.parametrize("name", RECORDED)
def test_entries_are_kea_s(name, tmp_path):
    with world(name, tmp_path) as server:
        play(server, name)
    size = len("T326 ") if name == "v4-custom2" else len("2026-11-22 09:32:00 UTC ")
    expected = [TRUE if line == UNTRUE else line for line in RECORDED[name]["lines"]]
    assert [line[size:] for line in lines(tmp_path)] == expected
    [file] = tmp_path.glob("*.txt")
    base = RECORDED[name]["config"][f"Dhcp{name[1]}"]["hooks-libraries"][0]["parameters"]["base-name"]
    assert file.name == f"{base}.{time.strftime('%Y%m%d')}.txt"
    assert file.stat().st_mode & 0o777 == 0o640


def test_times_are_written_as_told(tmp_path):
    with world("v4-default", tmp_path, **{"timestamp-format": "<%Y>"}) as server:
        play(server, "v4-default")
    assert all(line.startswith(f"<{time.strftime('%Y')}> ") for line in lines(tmp_path))


def test_a_subnet_may_want_no_log(tmp_path):
    def silent(config):
        config["subnet4"][0]["user-context"] = {"legal-logging": False}

    with world("v4-default", tmp_path, silent) as server:
        play(server, "v4-default")
    assert all("Administrator" in line for line in lines(tmp_path))


def test_what_a_client_sends_makes_no_second_line(tmp_path):
    with world("v4-default", tmp_path, **{"request-parser-format": "option[12].hex"}) as server:
        request = bytes.fromhex(RECORDED["v4-default"]["sent"][1])
        name = b"a\n2026-01-01 00:00:00 UTC Address: 10.0.0.1 has been assigned\x1b[2J"
        server.take(request[:-1] + bytes((12, len(name))) + name + b"\xff")
    [line] = lines(tmp_path)
    assert "\\x0a2026" in line
    assert "\x1b" not in line


def test_a_format_that_cannot_be_told_gives_the_usual_sentence(tmp_path, caplog):
    with world("v4-default", tmp_path, **{"request-parser-format": "addrtotext(option[12].hex)"}) as server:
        request = bytes.fromhex(RECORDED["v4-default"]["sent"][1])
        server.take(request[:-1] + b"\x0c\3abc\xff")
    [line] = lines(tmp_path)
    assert "has been assigned" in line
    assert "LEGAL_LOG_EXPRESSION_FAILED" in caplog.text


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"path": "/no/such/folder"}, "no folder"), ({"path": "relative"}, "no folder"),
        ({"base-name": "../x"}, "name"), ({"base-name": ""}, "name"), ({"prerotate": "/no/such/script"}, "not found"),
        ({"request-parser-format": "option[12"}, "no expression"),
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(tmp_path, parameters, reason):
    with pytest.raises(Exception, match=reason):
        world("v4-default", tmp_path, **parameters)


def test_a_full_disk_is_told_and_clients_are_served(tmp_path, monkeypatch, caplog):
    with world("v4-default", tmp_path) as server:
        write = os.write

        def full(_file, octets):
            return write(_file, octets[:10])

        monkeypatch.setattr(os, "write", full)
        answers = [len(server.take(bytes.fromhex(sent))) for sent in RECORDED["v4-default"]["sent"][:2]]
        monkeypatch.undo()
        assert answers == [1, 1]
        assert server.counted("dhcpkit-legal-log-lost") == 1
        assert "LEGAL_LOG_LEASE4_WRITE_ERROR" in caplog.text
        assert lines(tmp_path) == [], "nothing half written stays"
        server.take(bytes.fromhex(RECORDED["v4-default"]["sent"][5]))
    assert len(lines(tmp_path)) == 1, "the file is opened anew"


def test_a_command_may_not_put_it_elsewhere(tmp_path):
    def doc(**told):
        config = json.loads(json.dumps(RECORDED["v4-default"]["config"]))
        config["Dhcp4"]["hooks-libraries"][0]["parameters"] |= told
        return worlds.hooked.parse4(json.dumps(config)).doc

    before = doc()
    assert worlds.outside(doc(path="/var/log/kea"), before) == ""
    assert "'legal_log.path'" in worlds.outside(doc(path="/etc"), before)
    assert "'legal_log.prerotate'" in worlds.outside(doc(prerotate="/bin/sh"), before)


# Files by time.


@pytest.mark.parametrize(
    ("unit", "count", "within", "beyond"),
    [
        ("second", 10, 9, 10), ("day", 1, 11 * 3600, 12 * 3600 + 1), ("day", 3, 2 * 86400, 3 * 86400),
        ("month", 1, 10 * 86400, 31 * 86400), ("year", 1, 200 * 86400, 366 * 86400), ("day", 0, 86400, None),
    ],
)  # fmt: skip
def test_files_are_turned(tmp_path, unit, count, within, beyond):
    turned = []
    noon = time.mktime((2026, 11, 1, 12, 0, 0, 0, 0, -1))
    file = RotatingFile(tmp_path, "log", unit, count, lambda *names: turned.append(names))
    file.write("one", noon)
    file.write("two", noon + within)
    assert len(turned) == 1
    again = RotatingFile(tmp_path, "log", unit, count, lambda *names: turned.append(names))
    again.write("three", noon + within)
    assert turned[1] == ("", file.name), "what is there is used again"
    assert Path(file.name).read_text() == "one\ntwo\nthree\n"
    if beyond is not None:
        file.write("four", noon + beyond)
        assert turned[2][0] == turned[0][1] != turned[2][1]
        assert len(list(tmp_path.iterdir())) == 2
    file.close()
    again.close()


def test_a_link_in_its_place_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("")
    now = time.time()
    (tmp_path / f"log.{time.strftime('%Y%m%d', time.localtime(now))}.txt").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        RotatingFile(tmp_path, "log", "day", 1, lambda *_: None).write("x", now)
    assert target.read_text() == ""


def test_scripts_are_run_when_files_are_turned(tmp_path, monkeypatch):
    folder, script = tmp_path / "log", tmp_path / "turn.sh"
    folder.mkdir()
    script.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/out\n')
    script.chmod(0o755)
    tmp_path.chmod(0o755)
    scripts = {"prerotate": str(script), "postrotate": str(script), "time-unit": "second", "count": 1}
    now = [time.time()]
    with world("v4-default", folder, **scripts) as server:
        monkeypatch.setattr(legal_log.time, "time", lambda: now[0])
        library = server.libraries[0]

        async def turn():
            library._write("one")
            now[0] += 2
            library._write("two")
            await worlds.asyncio.wait(library._tasks)

        server.run(turn())
    names = (tmp_path / "out").read_text().split()
    assert names == sorted(map(str, folder.iterdir()))
    assert len(names) == 2


# Words.


def test_durations():
    assert duration(4000) == "1 hrs 6 mins 40 secs"
    assert duration(86400) == "1 days 0 hrs 0 mins 0 secs"
    assert duration(0xFFFFFFFF) == "infinite duration"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ip-address", "type", "origin", "leases", "deleted-leases", "valid-lft", "failed-leases"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["lease4-add", "lease4-del", "lease6-update", "lease6-bulk-apply", "lease4-get", "x"]), JSON, JSON
)
def test_whatever_commands_are_told_is_written_or_passed_over(name, told, answered):
    for address, text in about_command(name, told, answered):
        assert isinstance(address, str)
        assert text.startswith(("Administrator ", "HA partner "))
