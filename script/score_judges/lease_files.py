"""Lease files both ways: what Kea wrote or was given, read by dhcpkit; what dhcpkit wrote, read by real Kea."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Any

from verdict import Verdict, absent

from dhcpkit.alloc.lease import INFINITE, Lease4
from dhcpkit.alloc.view import Change
from dhcpkit.backends.memfile import Memfile
from dhcpkit.errors import DhcpkitError
from dhcpkit.testing.leases import in_kea_words

__all__ = ["read_by_kea", "read_ours"]

HOOKS = "/usr/lib/*-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"
START_S = 20.0  # Kea starts in a fraction of a second
WRITTEN = 300  # leases that are written, changed and partly removed


def read_ours(shared: Path) -> Verdict:
    """Lease files, sound and damaged, with which Kea started: each lease Kea loaded is loaded, field by field."""
    folder = shared / "kea" / "captures" / "memfile"
    if not folder.exists():
        return absent("no lease files")
    cases = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    cases = [case for case in cases if case["family"] == 4 and case["started"] and case["lease-database"]["persist"]]
    passed = saved = 0
    details = []
    for case in cases:
        with tempfile.TemporaryDirectory() as place:
            for sample in (folder / "samples").glob(f"{case['name']}.csv*"):
                shutil.copy(sample, Path(place) / f"leases.csv{sample.name.removeprefix(case['name'] + '.csv')}")
            try:
                ours = {lease["ip-address"]: lease for lease in loaded(Path(place) / "leases.csv")}
            except DhcpkitError as error:
                details.append(f"{case['name']}: refused: {error}")
                continue
        wrong = [lease for lease in case["leases"] if ours.get(lease["ip-address"]) != lease]
        passed += not wrong
        saved += len(ours) - len(case["leases"]) if not wrong else 0
        details += [f"{case['name']}: Kea {lease}, ours {ours.get(lease['ip-address'])}" for lease in wrong]
    note = f"{saved} leases saved that Kea drops" if saved else ""
    return Verdict(passed, len(cases), note=note, details=tuple(details))


def loaded(path: Path) -> list[dict[str, Any]]:
    """Every lease of a file and its side files, as dhcpkit's store loads it, in the form of Kea's command."""

    async def walk() -> list[dict[str, Any]]:
        store = Memfile(path, "os")
        try:
            return [in_kea_words(lease) async for page in store.pages() for lease in page]
        finally:
            await store.close()

    return asyncio.run(walk())


def read_by_kea(_shared: Path) -> Verdict:
    """A lease file of dhcpkit's (changes, removals, odd names) that real Kea loads, field by field."""
    kea = shutil.which("kea-dhcp4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    hooks = next(iter(sorted(Path("/").glob(HOOKS.removeprefix("/")))), None)
    if kea is None or hooks is None:
        return absent("kea-dhcp4 with its lease_cmds library is not installed")
    with tempfile.TemporaryDirectory(prefix="dhcpkit-") as folder:
        place = Path(folder)
        wanted = {lease["ip-address"]: lease for lease in map(in_kea_words, asyncio.run(write(place / "leases.csv")))}
        found = {lease["ip-address"]: lease for lease in ask_kea(kea, hooks, place)}
    wrong = [address for address in {*wanted, *found} if wanted.get(address) != found.get(address)]
    details = [f"{address}: ours {wanted.get(address)}, Kea {found.get(address)}" for address in wrong]
    return Verdict(len(wanted) - len(wrong), len(wanted), details=tuple(details))


async def write(path: Path) -> list[Lease4]:
    """Writes leases as a server does, a change at a time, and returns those that are left."""
    rng = Random(7)
    store = Memfile(path, "os")
    now = int(time.time())
    held: dict[int, Lease4] = {}
    names = ["", "plain.example.org", "comma,and&amp", "ünïcode", "a" * 200]
    contexts = ["", '{ "floor": 2 }', '{ "note": "a,b&c", "list": [ 1, true, null ] }']
    for number in range(WRITTEN):
        address = int(IPv4Address("10.53.1.0")) + rng.randrange(WRITTEN // 2)
        before = held.get(address)
        after = None
        if before is None or rng.random() < 0.7:
            state = rng.choice([0, 0, 0, 1])
            hwaddr = rng.randbytes(rng.choice([6, 6, 6, 20])) if state == 0 else b""
            client_id = rng.choice([b"", rng.randbytes(rng.randrange(2, 40))]) if state == 0 else b""
            after = Lease4(
                address, hwaddr, client_id, rng.choice([3600, 86400, INFINITE]), now - number, rng.choice([1, 2]),
                rng.random() < 0.5, rng.random() < 0.5, rng.choice(names), state, rng.choice(contexts),
            )  # fmt: skip
        assert (await store.commit([(Change(before, after),)]))[0], "a change of what is held is kept"
        if after is None:
            del held[address]
        else:
            held[address] = after
    await store.close()
    return list(held.values())


def ask_kea(kea: str, hooks: Path, place: Path) -> list[dict[str, Any]]:
    """Starts real Kea on the file, without interfaces, and asks it for every lease."""
    control = place / "control"
    config = {
        "interfaces-config": {"interfaces": []},
        "lease-database": {"type": "memfile", "name": str(place / "leases.csv"), "lfc-interval": 0},
        "control-socket": {"socket-type": "unix", "socket-name": str(control)},
        "hooks-libraries": [{"library": str(hooks)}],
        "expired-leases-processing": {"reclaim-timer-wait-time": 0},
        "subnet4": [{"id": 1, "subnet": "10.53.0.0/16"}, {"id": 2, "subnet": "10.54.0.0/16"}],
    }
    (place / "kea.conf").write_text(json.dumps({"Dhcp4": config}))
    environment = {**os.environ, "KEA_PIDFILE_DIR": str(place), "KEA_LOCKFILE_DIR": "none"}
    with (place / "log").open("w") as log:
        running = subprocess.Popen([kea, "-c", place / "kea.conf"], env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_S
        while not control.exists():
            if running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kea did not start: {(place / 'log').read_text()[-500:]}")
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(control))
            channel.sendall(b'{"command": "lease4-get-all"}')
            channel.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: channel.recv(65536), b""))
        return json.loads(answer)["arguments"]["leases"]
    finally:
        running.terminate()
        running.wait(20)
