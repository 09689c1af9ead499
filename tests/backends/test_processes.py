"""Real processes and real disks: kill -9 at any moment, and a disk that is full, lose nothing that was acknowledged."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dhcpkit.backends import Memfile, Memfile6
from dhcpkit.testing.store_family import ADDRESSES6, LEASES4, PREFIXES6

DRIVER = Path(__file__).parent / "driver.py"
FAMILIES = {"v4": (Memfile, (LEASES4,)), "v6": (Memfile6, (ADDRESSES6, PREFIXES6))}  # as the driver's
PATIENCE = 20.0  # seconds; decides nothing but when to give up
STEPS = [
    "rename the file",
    "write the leases",
    "wait for the disk",
    "complete the output",
    "remove the copy",
    "remove the old output",
    "put the output in its place",
    "done",
]


class Driver:
    """The driver's process, and what it has said."""

    def __init__(self, family, path, *words, before=()):
        self.process = subprocess.Popen(
            [*before, sys.executable, DRIVER, family, path, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip
        assert self.read() == ["ready"]

    def read(self):
        return self.process.stdout.readline().split()

    def go(self, rounds):
        os.write(self.process.stdin.fileno(), b"\n" * rounds)  # nothing stays behind for a process that is no more

    def end(self):
        """Kills it; what it has said until then, line by line."""
        self.process.kill()
        words = [line.split() for line in self.process.stdout if line.endswith("\n")]
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        return words


class Expected:
    """What each client's lease may be, from what a driver wanted and what was acknowledged."""

    def __init__(self, family):
        self.store, self.kinds = FAMILIES[family]
        self.versions = {}  # of each number, from the one acknowledged last on

    def hear(self, lines):
        for kind, *rest in lines:
            if kind == "want":
                self.versions.setdefault(int(rest[0]), [0]).append(int(rest[1]))
            elif kind == "ack":
                number, version = map(int, rest)
                del self.versions[number][: self.versions[number].index(version)]
            elif kind == "failed":
                self.versions[int(rest[0])].remove(int(rest[1]))

    def check(self, path):
        store = self.store(path, "os")
        store.view.check()
        assert store.report.problem_count <= 1, store.report.problems
        for number, versions in self.versions.items():
            kind = self.kinds[number % len(self.kinds)]
            lease = store.view.by_address(kind.address(number))
            assert (lease.cltt if lease else None) in [v if v > 0 else None for v in versions], (number, versions)
            self.versions[number] = [lease.cltt if lease else 0]
        asyncio.run(store.close())


@pytest.mark.parametrize("durability", ["fsync", "os"])
@pytest.mark.parametrize("family", FAMILIES)
def test_kill_9_at_any_moment(family, durability, tmp_path):
    expected = Expected(family)
    path = tmp_path / "leases.csv"
    rng = random.Random(durability)
    for _ in range(4):
        driver = Driver(family, path, durability)
        driver.go(1000)
        time.sleep(rng.random() * 0.4)
        lines = driver.end()
        expected.hear(lines)
        expected.check(path)
    assert sum(versions != [0] for versions in expected.versions.values()) > 100, "something was acknowledged"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("family", FAMILIES)
def test_kill_9_at_each_step_of_a_clean_up(family, step, tmp_path):
    expected = Expected(family)
    path = tmp_path / "leases.csv"
    driver = Driver(family, path, "fsync")
    driver.go(2)  # so that there is something to clean up, and an older output
    lines = [driver.read() for _ in range(400)]
    lines += driver.end()
    expected.hear(lines)
    expected.check(path)
    driver = Driver(family, path, "fsync", step)
    with suppress(BrokenPipeError):  # it may have come to its end before it reads any of this
        driver.go(1000)
    lines = [line.split() for line in driver.process.stdout if line.endswith("\n")]  # until it kills itself
    lines += driver.end()
    assert [word[1] for word in lines if word[0] == "step"][-1] == step.replace(" ", "-")
    expected.hear(lines)
    expected.check(path)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts a file system: needs root")
@pytest.mark.parametrize(("family", "durability"), [("v4", "fsync"), ("v4", "os"), ("v6", "fsync")])
def test_a_full_disk(family, durability, tmp_path):
    """64 kB of disk: when it is full nothing is acknowledged, and when there is room again the store goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=64k none "{disk}" && head -c 16384 /dev/zero > "{disk}/other" && exec "$0" "$@"'
    driver = Driver(
        family, disk / "leases.csv", durability, before=["unshare", "-m", "--propagation", "private", "sh", "-c", mount]
    )
    inside = Path(f"/proc/{driver.process.pid}/root{disk}")
    lines = []
    try:
        driver.go(1000)
        while sum(line[0] == "failed" for line in lines[-50:]) < 20:
            lines.append(driver.read())
        (inside / "other").unlink()
        room = time.monotonic()
        while lines[-1][0] != "ack":
            lines.append(driver.read())
            assert time.monotonic() - room < PATIENCE, "it heals by itself"
        lines += [driver.read() for _ in range(100)]
        copy = tmp_path / "copy"
        driver.process.send_signal(19)  # SIGSTOP: the files as they are at one moment
        shutil.copytree(inside, copy)
    finally:
        lines += driver.end()
    expected = Expected(family)
    expected.hear(lines)
    expected.check(copy / "leases.csv")
