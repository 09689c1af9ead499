"""Kea's program names: written where asked, recognised again, and never over anything else."""

import subprocess
import sys
from pathlib import Path

import pytest

from dhcpkit.cli import main
from dhcpkit.cli.kea_names import PROGRAMS, script


def run(*words):
    with pytest.raises(SystemExit) as stopped:
        main(["kea-names", *words])
    return stopped.value.code


def test_what_is_installed_runs_and_is_removed(tmp_path, capsys):
    assert run("install", "--dir", str(tmp_path)) == 0
    programs = [tmp_path / name for name in PROGRAMS]
    assert capsys.readouterr().out == "".join(f"{program}\n" for program in programs)
    for program in programs:
        first = program.read_text().splitlines()[0]
        assert first == f"#!{sys.executable}", "an absolute interpreter, without switches: monitoring looks at the name"
        shown = subprocess.run([program, "-v"], check=True, capture_output=True, text=True)
        assert shown.stdout.startswith("3.0.0 (dhcpkit ")
        refused = subprocess.run([program, "--no-such"], check=False, capture_output=True, text=True)
        assert f"usage: {program.name} " in refused.stderr.lower()
    assert run("install", "--dir", str(tmp_path)) == 0, "its own it may overwrite"
    assert run("remove", "--dir", str(tmp_path)) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "#!/bin/sh\necho Kea\n", "\0\xff"])
def test_what_others_wrote_stays(tmp_path, text, capsys):
    program = tmp_path / "kea-dhcp4"
    program.write_text(text)
    assert run("install", "--dir", str(tmp_path)) == 1
    assert run("remove", "--dir", str(tmp_path)) == 1
    assert program.read_text() == text
    assert "not dhcpkit's" in capsys.readouterr().err


def test_a_link_is_not_followed(tmp_path):
    target = tmp_path / "real"
    target.write_text(script("dhcpkit.server.main", "main"))
    (tmp_path / "kea-dhcp4").symlink_to(target)
    assert run("install", "--dir", str(tmp_path)) == 1
    assert run("remove", "--dir", str(tmp_path)) == 1
    assert target.exists()


def test_no_folder(tmp_path):
    assert run("install", "--dir", str(tmp_path / "missing")) == 2


def test_an_interpreter_the_kernel_cannot_start_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/" + "long/" * 40 + "python3")
    assert run("install", "--dir", str(tmp_path)) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.privileged
def test_the_process_has_the_name(link, running, tmp_path):
    """What `ps` and monitoring see is the program's name, not the interpreter's."""
    assert run("install", "--dir", str(tmp_path)) == 0
    running.write()
    env = {"KEA_PIDFILE_DIR": str(tmp_path), "KEA_LOGGER_DESTINATION": "stdout"}
    running.process = link.start("s", str(tmp_path / "kea-dhcp4"), "-c", str(running.config), log=running.log, env=env)
    running.wait_log("DHCP4_STARTED")
    pid = int((tmp_path / "kea.kea-dhcp4.pid").read_text())
    assert pid == running.process.pid
    assert Path(f"/proc/{pid}/comm").read_text() == "kea-dhcp4\n"
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    assert (Path(words[1]).name, words[2]) == ("kea-dhcp4", "-c")
    assert running.stop() == 0
