"""Real Kea 2.2 loads what is written here, at any moment, and what it writes loads here."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import time
from ipaddress import ip_address
from pathlib import Path

import attrs
import pytest

from dhcpkit.alloc import INFINITE, Change, Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.view6 import Change6
from dhcpkit.backends import Memfile, Memfile6
from dhcpkit.testing.leases import in_kea_words, in_kea_words6

SYSTEM_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin"
HOOK = next(Path("/usr/lib").glob("*/kea/hooks/libdhcp_lease_cmds.so"), None)
PATIENCE = 20.0  # seconds; decides nothing but when to give up

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
DUID = bytes.fromhex("00030001020000000001")
NET6 = 0x20010DB8005300000000000000000000
PD = 0x20010DB8800000000000000000000000
MAC6 = {"hwaddr": bytes.fromhex("020000000001"), "hwtype": 1, "hwaddr_source": 2}
LEASES6 = sorted(
    [
        Lease6(NET6 + 1, DUID, 3600, NOW, 1, 1800, 0, 1),
        Lease6(NET6 + 2, DUID, 3600, NOW, 1, 1800, 0, 4294967295, 128, True, True, "host.example.org", **MAC6),
        Lease6(NET6 + 3, bytes(range(128)), 7200, NOW - 100_000, 1, 0, 0, 2, hostname="a,b&c&#x2cd\te\"f'g"),
        Lease6(NET6 + 4, b"\0\0\0\0", INFINITE, NOW, 4294967294, INFINITE, 1, 0, hostname="h\xf6st"),
        Lease6(NET6 + 5, b"", 86400, NOW, 1, 0, 0, 1, state=1),
        Lease6(NET6 + 6, DUID, 1, 0, 1, 1, 0, 3, state=2),
        Lease6(NET6 + 7, DUID, 3600, NOW, 1, 1, 0, 4, user_context='{ "a": "1,2&3\\n", "b": [ 1, { "c": null } ] }'),
        Lease6(NET6 + 8, DUID, 3600, NOW, 1, 1800, 0, 5, pool_id=7),
        Lease6((1 << 128) - 2, DUID, 3600, NOW, 1, 1800, 0, 6, user_context="{}"),
        Lease6(0x10002, DUID, 3600, NOW, 1, 1800, 0, 7),  # ::0.1.0.2
        Lease6(PD, DUID, 3600, NOW, 1, 1800, 2, 1, 56, **MAC6),
        Lease6(PD + (1 << 72), DUID, 3600, NOW, 1, 1800, 2, 2, 56, hostname="six.example"),
        Lease6(PD + (3 << 64) + 1, DUID, 3600, NOW, 1, 1800, 2, 3, 48),
    ]
)


@attrs.frozen(eq=False)
class Family:
    """What differs between the two: the server's program, the store, the leases, and how Kea shows them."""

    number: int
    store: object
    leases: list
    words: object
    change: object
    lease: object

    @property
    def program(self):
        return shutil.which(f"kea-dhcp{self.number}", path=SYSTEM_PATH)

    @property
    def file(self):
        return f"leases{self.number}.csv"


FAMILIES = [
    Family(4, Memfile, LEASES, in_kea_words, Change, lambda n: Lease4(0x0A350200 + n, b"\2", b"", 3600, NOW, 1)),
    Family(6, Memfile6, LEASES6, in_kea_words6, Change6, lambda n: Lease6(NET6 + 512 + n, DUID, 36, NOW, 1, 9, 0, n)),
]


@pytest.fixture(params=FAMILIES, ids=["v4", "v6"])
def family(request):
    if request.param.program is None or HOOK is None:
        pytest.skip(f"needs kea-dhcp{request.param.number} with the lease_cmds hook")
    return request.param


class Kea:
    """A Kea with these lease files; it listens on no interface."""

    def __init__(self, family, path, folder):
        self.family = family
        self.socket = folder / "socket"
        number = family.number
        identity = {} if number == 4 else {"server-id": {"type": "EN", "enterprise-id": 1, "persist": False}}
        config = {
            f"Dhcp{number}": {
                **identity,
                "interfaces-config": {"interfaces": []},
                "lease-database": {"type": "memfile", "name": str(path), "lfc-interval": 0},
                "control-socket": {"socket-type": "unix", "socket-name": str(self.socket)},
                "hooks-libraries": [{"library": str(HOOK)}],
                f"subnet{number}": [],
            }
        }
        (folder / "kea.json").write_text(json.dumps(config))
        self.log = folder / "kea.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [family.program, "-c", folder / "kea.json"], stdout=log, stderr=log,
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
        answer = self.ask(f"lease{self.family.number}-get-all")
        assert answer["result"] in (0, 3), answer
        assert "ROW_ERROR" not in self.log.read_text()
        return sorted(answer.get("arguments", {}).get("leases", []), key=lambda x: ip_address(x["ip-address"]))


def written(family, path, leases):
    async def write():
        store = family.store(path)
        assert all(await store.commit([(family.change(None, lease),) for lease in leases]))
        return store

    return asyncio.run(write())


def read(family, path):
    store = family.store(path)
    assert store.report.problem_count == 0
    leases = [store.view.by_address(address) for address in sorted(store.view.rows)]
    asyncio.run(store.close())
    return leases


def test_kea_reads_what_is_written_here_and_what_it_makes_of_it_is_read_here(family, tmp_path):
    path = tmp_path / family.file
    gone, first = family.lease(1), family.leases[0]
    store = written(family, path, [*family.leases, gone])
    renewed = first._replace(cltt=NOW + 5)
    asyncio.run(store.commit([(family.change(gone, None),), (family.change(first, renewed),)]))
    asyncio.run(store.close())
    expected = [renewed, *family.leases[1:]]
    with Kea(family, path, tmp_path) as kea:
        assert kea.leases() == [family.words(lease) for lease in expected]
        # Kea converts the file to the columns of its own version: pool_id is not among them.
        began = time.monotonic()
        while (tmp_path / f"{family.file}.1").exists() or not (tmp_path / f"{family.file}.2").exists():
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.02)
    without = [family.words(lease._replace(pool_id=0)) for lease in expected]
    assert [family.words(lease) for lease in read(family, path)] == without
    again = family.store(path)
    assert again.wants_clean_up
    assert asyncio.run(again.clean_up())
    asyncio.run(again.close())
    assert [family.words(lease) for lease in read(family, path)] == without


def test_kea_takes_over_at_any_step_of_a_clean_up(family, tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    store = written(family, live / family.file, family.leases)
    states = []

    def step(name):
        number = len(states)
        kept, passing = family.lease(256 + number), family.lease(512 + number)
        store.append([(family.change(None, kept),)])
        store.append([(family.change(None, passing),)])
        store.append([(family.change(passing, None),)])
        folder = tmp_path / f"{number}"
        shutil.copytree(live, folder)
        states.append((name, folder, [store.view.by_address(address) for address in sorted(store.view.rows)]))

    assert asyncio.run(store.clean_up(step))
    asyncio.run(store.close())
    assert len(states) == 8
    for name, folder, expected in states:
        with Kea(family, folder / family.file, folder) as kea:
            assert kea.leases() == [family.words(lease) for lease in expected], name
