"""What a DISCOVER of a new client costs when every address of its pool is taken: milliseconds of CPU in the server.

bench/full_pool.py [ADDRESSES] [LABEL...]: one line for each server. Real Kea tries every address of the pool.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from ipaddress import IPv4Address
from types import ModuleType
from typing import Any

import harness

FIRST = int(IPv4Address("10.1.0.0"))
DISCOVERS = {"kea,mt=0": 1, "dhcpkit-os": 500}  # enough to see at a clock tick of 10 ms

SEND = r"""
import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.0.0.2", 67))
for i in range(int(sys.argv[1])):
    s.sendto(b"\1\1\6\1" + os.urandom(4) + bytes(16) + socket.inet_aton("10.0.0.2") + b"\2\xfe" + os.urandom(4)
             + bytes(202) + b"\x63\x82\x53\x63\x35\1\1\xff", ("10.0.0.1", 67))
    time.sleep(0.005)
"""


def discover_ms(bench: ModuleType, net: Any, label: str, addresses: int) -> float:
    """CPU milliseconds one DISCOVER costs a server whose pool of so many addresses is full."""
    folder = tempfile.mkdtemp(prefix="dhcpkit-full-pool-")
    spec = harness.ours("os") if label.startswith("dhcpkit") else label
    knobs = {"": {"preload": addresses, "pool": f"{IPv4Address(FIRST)}-{IPv4Address(FIRST + addresses - 1)}"}}
    server = bench.Server(spec, 4, net, folder, knobs, (None, None, -10))
    count = DISCOVERS[label]
    server.start()
    try:
        settle(bench, server)  # it has read its leases when it stops working
        before = bench.cpu_ticks(server.pids())
        subprocess.run(net.cli([sys.executable, "-c", SEND, str(count)]), check=True)
        settle(bench, server)
        return (bench.cpu_ticks(server.pids()) - before) / bench.CLK / count * 1e3
    finally:
        server.stop()
        shutil.rmtree(folder)


def settle(bench: ModuleType, server: Any) -> None:
    """Waits until the server is up and uses no CPU any more."""
    last = -1
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        time.sleep(1)
        used = bench.cpu_ticks(server.pids())
        if (
            used == last
            and b":67" in subprocess.run(server.net.srv(["ss", "-uHlnp"]), capture_output=True, check=True).stdout
        ):
            return
        last = used
    raise RuntimeError(f"{server.label} did not come to rest")


def measure(addresses: int, labels: list[str]) -> dict[str, float]:
    bench = harness.module()
    net = bench.Net(harness.PREFIX)
    net.up()
    try:
        return {label: discover_ms(bench, net, label, addresses) for label in labels}
    finally:
        harness.clear()


if __name__ == "__main__":
    if reason := harness.missing():
        sys.exit(reason)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 65_536
    for name, value in measure(size, sys.argv[2:] or list(DISCOVERS)).items():
        print(f"{name}: {value:.3f} ms of CPU for a DISCOVER on a full pool of {size}")
