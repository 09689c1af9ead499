"""The code in the documentation runs: what a reader copies from there works."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpkit.config import load4

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "examples"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

ON_LEASE = """#!/bin/sh
[ "$1" = bound ] && echo "bound $ip router $router"
exit 0
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, env={**os.environ, "PATH": PATH})


@pytest.fixture
def link():
    """Two network namespaces joined by a cable: `lab0` with 192.0.2.1 on the server's side, `client0` on the other."""
    server, client = f"dkx{os.getpid()}s", f"dkx{os.getpid()}c"
    for name in (server, client):
        ip("netns", "add", name)
    try:
        ip("link", "add", "lab0", "netns", server, "type", "veth", "peer", "name", "client0", "netns", client)
        ip("-n", server, "addr", "add", "192.0.2.1/24", "dev", "lab0")
        ip("-n", server, "link", "set", "lab0", "up")
        ip("-n", client, "link", "set", "client0", "up")
        yield server, client
    finally:
        for name in (server, client):
            ip("netns", "del", name)


@pytest.mark.privileged
@pytest.mark.needs("ip", "udhcpc")
def test_server_in_15_lines(link, tmp_path):
    server, client = link
    script = tmp_path / "on-lease"
    script.write_text(ON_LEASE)
    script.chmod(0o755)

    def lease(hostname, tries):
        """What a real client prints when it asks so often, a second apart."""
        command = ["udhcpc", "-i", "client0", "-n", "-q", "-f", "-t", str(tries), "-T", "1", "-s", script]
        done = subprocess.run(
            ["ip", "netns", "exec", client, *command, "-x", f"hostname:{hostname}"],
            check=False, capture_output=True, text=True, timeout=100, env={**os.environ, "PATH": PATH},
        )  # fmt: skip
        return done.stdout

    program = [sys.executable, EXAMPLES / "server_15_lines.py"]
    running = subprocess.Popen(["ip", "netns", "exec", server, *program], env={**os.environ, "PATH": PATH})
    try:
        assert re.search(r"bound 192\.0\.2\.\d+ router 192\.0\.2\.1\n", lease("lab-7", 40))
        assert "bound" not in lease("printer-7", 2)
        assert running.poll() is None
    finally:
        running.terminate()
        running.wait(20)


@pytest.mark.parametrize(("name", "tests"), [("property_test_10_lines", 1), ("fuzz_your_own", 3)])
def test_property_tests(name, tests):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, f"{name}.py"],
        check=False, capture_output=True, text=True, cwd=EXAMPLES,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES), "CI": "true"},  # hypothesis minds no slow machine then
    )  # fmt: skip
    assert f"{tests} passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["read_a_packet", "parse_and_inspect", "build_an_exchange"])
def test_messages(name):
    runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_configuration():
    loaded = load4(EXAMPLES / "kea-dhcp4.conf")
    assert [str(subnet.prefix) for subnet in loaded.network.subnets] == ["192.0.2.0/24"]
    assert len(loaded.network.hosts) == 1


@pytest.mark.needs("kea-dhcp4")
def test_real_kea_takes_the_same_configuration(tmp_path):
    text = (EXAMPLES / "kea-dhcp4.conf").read_text()
    (tmp_path / "kea.conf").write_text(text.replace('"eth0"', '"lo"').replace('"raw"', '"udp"'))
    kea = shutil.which("kea-dhcp4", path=PATH)
    done = subprocess.run([kea, "-t", tmp_path / "kea.conf"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
