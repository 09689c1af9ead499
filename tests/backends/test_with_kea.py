"""Real Kea 2.2 loads what is written here, at any moment, and what it writes loads here."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpkit.alloc import INFINITE, Change, Lease4
from dhcpkit.backends import Memfile
from dhcpkit.testing.leases import in_kea_words

KEA = shutil.which("kea-dhcp4", path="/usr/sbin:/usr/local/sbin:/usr/bin")
HOOK = next(Path("/usr/lib").glob("*/kea/hooks/libdhcp_lease_cmds.so"), None)
PATIENCE = 20.0  # seconds; decides nothing but when to give up

pytestmark = pytest.mark.skipif(KEA is None or HOOK is None, reason="needs kea-dhcp4 with the lease_cmds hook")

NOW = 1_795_430_813
LEASES = [
    Lease4(0x0A350101, bytes.fromhex("020000000001"), b"", 3600, NOW, 1),
    Lease4(0x0A350102, bytes.fromhex("020000000002"), b"\1\2\3\4", 3600, NOW, 1, True, True, "host.example.org"),
    Lease4(0x0A350103, b"", bytes(range(128)), 7200, NOW - 100_000, 1, hostname="a,b&c&#x2cd\te\"f'g"),
    Lease4(0x0A350104, bytes(20), b"\0\0", INFINITE, NOW, 4294967294, hostname="h\xf6st"),
    Lease4(0x0A350105, b"", b"", 86400, NOW, 1, state=1),
    Lease4(0x0A350106, b"\2", b"", 1, 0, 1, state=2),
    Lease4(0x0A350107, b"\2", b"", 1, -5, 1, user_context='{ "a": "1,2&3\\n", "b": [ 1, { "c": null } ] }'),
    Lease4(0x0A350108, b"\2", b"", 3600, NOW, 1, pool_id=7),
    Lease4(0xFFFFFFFE, b"\2\3", b"", 3600, NOW, 1, user_context="{}"),
]


class Kea:
    """A kea-dhcp4 with these lease files; it listens on no interface."""

    def __init__(self, path, folder):
        self.socket = folder / "socket"
        config = {
            "Dhcp4": {
                "interfaces-config": {"interfaces": []},
                "lease-database": {"type": "memfile", "name": str(path), "lfc-interval": 0},
                "control-socket": {"socket-type": "unix", "socket-name": str(self.socket)},
                "hooks-libraries": [{"library": str(HOOK)}],
                "subnet4": [],
            }
        }
        (folder / "kea.json").write_text(json.dumps(config))
        self.log = folder / "kea.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [KEA, "-c", folder / "kea.json"], stdout=log, stderr=log,
                env={**os.environ, "KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": "none"},
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, command):
        began = time.monotonic()
        while True:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - began < PATIENCE
            with socket.socket(socket.AF_UNIX) as line:
                try:
                    line.connect(str(self.socket))
                except (FileNotFoundError, ConnectionRefusedError):
                    time.sleep(0.02)
                    continue
                line.sendall(json.dumps({"command": command}).encode())
                answer = b""
                while part := line.recv(65536):
                    answer += part
            return json.loads(answer)

    def leases(self):
        answer = self.ask("lease4-get-all")
        assert answer["result"] in (0, 3), answer
        assert "ROW_ERROR" not in self.log.read_text()
        return sorted(answer.get("arguments", {}).get("leases", []), key=lambda x: IPv4Address(x["ip-address"]))


def written(path, leases):
    async def write():
        store = Memfile(path)
        assert all(await store.commit([(Change(None, lease),) for lease in leases]))
        return store

    return asyncio.run(write())


def read(path):
    store = Memfile(path)
    assert store.report.problem_count == 0
    leases = [store.view.by_address(address) for address in sorted(store.view.rows)]
    asyncio.run(store.close())
    return leases


def test_kea_reads_what_is_written_here_and_what_it_makes_of_it_is_read_here(tmp_path):
    path = tmp_path / "leases4.csv"
    gone = Lease4(0x0A350201, b"\2", b"", 3600, NOW, 1)
    store = written(path, [*LEASES, gone])
    asyncio.run(store.commit([(Change(gone, None),), (Change(LEASES[0], LEASES[0]._replace(cltt=NOW + 5)),)]))
    asyncio.run(store.close())
    expected = [LEASES[0]._replace(cltt=NOW + 5), *LEASES[1:]]
    with Kea(path, tmp_path) as kea:
        assert kea.leases() == [in_kea_words(lease) for lease in expected]
        # Kea converts the file to the columns of its own version: pool_id is not among them.
        began = time.monotonic()
        while (tmp_path / "leases4.csv.1").exists() or not (tmp_path / "leases4.csv.2").exists():
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.02)
    without = [lease._replace(pool_id=0) for lease in expected]
    assert [in_kea_words(lease) for lease in read(path)] == [in_kea_words(lease) for lease in without]
    again = Memfile(path)
    assert again.wants_clean_up
    assert asyncio.run(again.clean_up())
    asyncio.run(again.close())
    assert [in_kea_words(lease) for lease in read(path)] == [in_kea_words(lease) for lease in without]


def test_kea_takes_over_at_any_step_of_a_clean_up(tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    store = written(live / "leases4.csv", LEASES)
    states = []

    def step(name):
        number = len(states)
        store.append([(Change(None, Lease4(0x0A350300 + number, b"\2", b"", 3600, NOW, 1)),)])
        store.append([(Change(None, Lease4(0x0A350400 + number, b"\2", b"", 3600, NOW, 1)),)])
        store.append([(Change(Lease4(0x0A350400 + number, b"\2", b"", 3600, NOW, 1), None),)])
        folder = tmp_path / f"{number}"
        shutil.copytree(live, folder)
        states.append((name, folder, [store.view.by_address(address) for address in sorted(store.view.rows)]))

    assert asyncio.run(store.clean_up(step))
    asyncio.run(store.close())
    assert len(states) == 8
    for name, folder, expected in states:
        with Kea(folder / "leases4.csv", folder) as kea:
            assert kea.leases() == [in_kea_words(lease) for lease in expected], name
