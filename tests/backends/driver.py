"""A process that commits leases until it is killed, and says what it wants and what was acknowledged.

    driver.py FAMILY PATH DURABILITY [killed-at-step]

FAMILY is v4, or v6 for addresses and prefixes in turn.

Lines on standard output: `want NUMBER VERSION`, `ack NUMBER VERSION`, `failed NUMBER VERSION`, `step NAME`. A version
is a lease's cltt, negative where it is deleted (each fifth). On standard input, one line lets it do a round of
commits, the end ends it.
"""

import asyncio
import os
import random
import signal
import sys

from dhcpkit.backends import Memfile, Memfile6, StoreUnavailable
from dhcpkit.testing.store_family import ADDRESSES6, LEASES4, PREFIXES6

CLIENTS = 300
FAMILIES = {"v4": (Memfile, (LEASES4,)), "v6": (Memfile6, (ADDRESSES6, PREFIXES6))}
Store, kinds = FAMILIES[sys.argv[1]]


def lease(number, version):
    return kinds[number % len(kinds)].lease_of(number, cltt=version)


def deletes(version):
    return version % 5 == 0


async def commit(store, busy, version):
    number = random.choice([number for number in range(CLIENTS) if number not in busy])
    busy.add(number)
    before = store.view.by_address(lease(number, 0).address)
    after = None if deletes(version) and before is not None else lease(number, version)
    signed = version if after else -version
    print("want", number, signed, flush=True)
    try:
        kept = await store.commit([(kinds[0].change(before, after),)])
    except StoreUnavailable:
        print("failed", number, signed, flush=True)
    else:
        assert kept == [True]
        print("ack", number, signed, flush=True)
    busy.discard(number)


async def main(path, durability, killed_at=None):
    store = Store(path, durability)
    version = max((store.view.by_address(address).cltt for address in store.view.rows), default=0) + 1

    def step(name):
        print("step", name.replace(" ", "-"), flush=True)
        if name == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    busy = set()
    loop = asyncio.get_running_loop()
    clean_up = loop.create_task(store.clean_up(step))
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        for _ in range(20):
            await asyncio.gather(*(commit(store, busy, version + i) for i in range(10)))
            version += 10
        if clean_up.done():
            clean_up.exception()  # a full disk ends it, and it starts anew
            clean_up = loop.create_task(store.clean_up(step))
    await store.close()


asyncio.run(main(*sys.argv[2:]))
