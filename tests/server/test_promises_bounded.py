"""Nothing that clients can make grow grows without end: a promise of docs/why/promises.md.

A server is flooded by thousands of identities that never come back. Every list, dictionary, set and queue that can be
reached from it is measured before and after. Named bounds are made small for that, so that a table without one shows.
"""

import asyncio
import functools
import gc
import importlib.util
import socket
import sys
import tracemalloc
import types
from collections import deque
from pathlib import Path

import pytest

from dhcpkit.alloc import (
    Change,
    Lease4,
    Network,
    Pool4,
    Subnet4,
    answer,
    answer6,
    assign6,
    classes,
    guards,
    links,
    open6,
    quick4,
    quick6,
    select,
)
from dhcpkit.alloc.guards import Holdings, Moments, Movements, Protection
from dhcpkit.alloc.naming import KEA_NAMING
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, Subnet6
from dhcpkit.backends import MemoryStore, MemoryStore6, expiry, free, free6, index, rows4, rows6
from dhcpkit.server import listening, name_changes, queueing, sockets, sockets6
from dhcpkit.server.datagrams import Inbox
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.interfaces import Interface
from dhcpkit.server.loop import WAITING_MAX
from dhcpkit.server.server import ServerOf
from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import Packet6, Relay6

_spec = importlib.util.spec_from_file_location("server_relayed", Path(__file__).parent / "relayed.py")
r = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(r)

SMALL = 100  # what every bound is made
GROWN_MAX = 3 * SMALL  # entries: some tables hold two or three for each thing
IDENTITIES = 1500
POOL = 50

BOUNDS = [
    *((answer, "MEMO_MAX"), (answer6, "MEMO_MAX"), (select, "SELECTED_MAX"), (assign6, "RECENT_MAX")),
    *((classes, "STAGES_MAX"), (links, "ROTATIONS_MAX"), (index, "_DECODED_MAX"), (free, "_TURNS_MAX")),
    *((free6, "_TURNS_MAX"), (rows4, "_BASES_MAX"), (rows6, "_BASES_MAX"), (queueing, "QUEUE_MAX")),
    *((listening, "ARRIVALS_MAX"), (sockets, "ARRIVALS_MAX"), (sockets6, "ARRIVALS_MAX")),
    *((guards, "HOLDINGS_MAX"), (guards, "PORTS_MAX"), (guards, "CLIENTS_MAX"), (name_changes, "WAITING_NAMES_MAX")),
    (expiry, "_SPARE"),
]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for module, name in BOUNDS:
        assert isinstance(getattr(module, name), int)
        monkeypatch.setattr(module, name, SMALL)
    for module in list(sys.modules.values()):  # whoever imported a bound by its name has it, too
        for owner, name in BOUNDS:
            if getattr(module, "__name__", "").startswith("dhcpkit") and name in vars(module) and module is not owner:
                monkeypatch.setattr(module, name, SMALL)


CONTAINERS = (dict, list, set, deque)


def measured(*roots):
    """The length of every container that can be reached, by how it is reached; and of every one in a module."""
    found, seen = {}, set()
    waiting = [(type(root).__name__, root) for root in roots]
    for name, module in list(sys.modules.items()):
        if name.startswith("dhcpkit") and not name.startswith("dhcpkit.testing"):
            waiting += [(f"{name}.{key}", value) for key, value in vars(module).items() if key[:2] != "__"]
    while waiting:
        path, thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type | types.ModuleType | str | bytes | int):
            continue
        seen.add(id(thing))
        if isinstance(thing, CONTAINERS):
            found[path] = len(thing)
            inside = list(thing.values()) if isinstance(thing, dict) else list(thing)
            waiting += [(f"{path}[]", each) for each in inside[:20]]
        elif isinstance(thing, tuple):
            waiting += [(f"{path}[]", each) for each in thing[:20]]
        elif isinstance(thing, functools.partial):
            waiting += [(path, thing.func), *((path, each) for each in thing.args)]
        elif isinstance(thing, types.MethodType):
            waiting.append((path, thing.__self__))
        elif isinstance(thing, types.FunctionType):
            waiting += [(f"{path}()", cell.cell_contents) for cell in thing.__closure__ or () if not _is_empty(cell)]
        elif type(thing).__module__.startswith("dhcpkit"):
            names = [*getattr(thing, "__dict__", ())]
            names += [slot for base in type(thing).__mro__ for slot in getattr(base, "__slots__", ())]
            waiting += [(f"{path}.{name}", getattr(thing, name)) for name in names if hasattr(thing, name)]
    return found


def _is_empty(cell):
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


LIMITS = {
    "leases_per_port": 1000,
    "leases_per_relay": 1000,
    "leases_per_subnet": 100_000,
    "declines_per_port": 3,
    "probation_share": 0.9,
    "clone_alternations": 3,
    "same_relay_releases": True,
}


def server4():
    subnets = [
        Subnet4("10.0.0.0/16", id=7, pools=[Pool4(f"10.0.16.0 - 10.0.16.{POOL}")], interface="eth0", naming=KEA_NAMING),
        Subnet4("10.1.0.0/16", id=8, pools=[Pool4(f"10.1.16.0 - 10.1.16.{POOL}")]),
    ]
    network = Network(subnets, protection=Protection(**LIMITS), keep_released=True, decline_probation_period=3)
    clock = r.x4.Time()
    wire = r.x4.Wire()
    return ServerOf(FAMILY4, network, MemoryStore(), lambda *_: wire, clock=clock), clock, wire


def hostile4(number, kind, address):
    """A message of somebody who was never seen before, from where nobody ever was, with everything about it new."""
    told = number.to_bytes(4, "big")
    options = [(61, b"\0" + told), (12, b"host%d" % number), (60, b"vendor%d" % number), (77, b"\4" + told)]
    options += [(55, bytes(1 + (number >> shift) % 200 for shift in range(8)) + told), (93, b"\0\7"), (124, b"abcd\0")]
    options += [(81, b"\0\0\0name%d" % number), (51, told), (82, r.sub(1, told) + r.sub(2, told))][: number % 4]
    if kind in (3, 4):
        options += [(50, address.to_bytes(4, "big")), (54, r.x4.SERVER.to_bytes(4, "big"))]
    data = bytearray(r.x4.message(kind, number & 0xFFFF, number, ciaddr=address if kind == 7 else 0, options=options))
    data[28:34] = b"\2\1" + told
    if number % 3:
        data[24:28] = (0x0A000000 + number * 7919 % (1 << 17)).to_bytes(4, "big")
    return bytes(data)


def arrival4(number):
    return Arrival("eth0", 2, 0x0B000000 + number, 67, r.x4.SERVER)


def flood(server, clock, wire, case):
    """Every identity asks, takes, and gives back or declines; some octets are no message at all."""
    message, arrival, kinds, offered = case
    for number in range(IDENTITIES):
        came = arrival(number)
        server.batches.take([(message(number, kinds[0], 0), came)])
        got = [offered(packet) for packet in wire.sent]
        wire.sent.clear()
        address = got[0] if got and got[0] else 0x0A001000 + number % POOL
        leaves = kinds[3] if number % 5 == 0 else kinds[2]
        server.batches.take([(message(number, kinds[1], address), came)])
        server.batches.take([(message(number, leaves, address), came), (b"\1" * (number % 300), came)])
        server.batches.take([(message(number, kinds[2], address + 1), came)])
        clock.seconds += 4 * (number % 100 == 0)  # so that what rests is free again
        wire.sent.clear()


def server6():
    first = r.LINK + 0x1000
    pd = [PdPool("2001:db8:8000::/48", 56)]
    subnet = Subnet6("2001:db8::/64", id=7, pools=[Pool6(first, first + POOL)], pd_pools=pd, interface="eth0")
    other = Subnet6("2001:db8:1::/64", id=8, pools=[Pool6(first + (1 << 80), first + (1 << 80) + POOL)])
    network = Network6(
        [subnet, other],
        server_id=r.x6.SERVER_ID,
        protection=Protection(**LIMITS),
        decline_probation_period=3,
        allow_address_registration=False,
    )
    clock = r.x6.Time()
    wire = r.x6.Wire()
    return ServerOf(FAMILY6, network, MemoryStore6(), lambda *_: wire, clock=clock), clock, wire


def hostile6(number, kind, address):
    told = number.to_bytes(4, "big")
    options = [(6, b"".join((1 + (number >> shift) % 200).to_bytes(2, "big") for shift in range(8)) + told)]
    options += [(16, told + b"\0\4" + told), (15, b"\0\4" + told), (39, b"\0\4" + told)][: number % 4]
    named = [r.x6.address(address)] if address else []
    data = r.x6.message(kind, 2, named, number & 0xFFFFFF, options=options)
    packet = Packet6.parse(data.replace(r.x6.client(2).duid, b"\0\2\0\0\0\x09" + told))
    link = r.LINK + (number % 2 << 80) + number
    around = [Relay6(12, 0, link, link, [(18, told), (37, told + told)])] if number % 3 else []
    return bytes(r.attrs_of(packet, *around))


def arrival6(number):
    return r.Arrival6("eth0", 2, r.LINK + number, 547, r.x6.ALL_SERVERS, multicast=True)


def first_address(packet):
    return next((each.address for each in r.x6.bindings_of(packet)), 0)


CASES = {
    4: (server4, hostile4, arrival4, (1, 3, 7, 4), lambda packet: packet.yiaddr),
    6: (server6, hostile6, arrival6, (r.x6.SOLICIT, r.x6.REQUEST, r.x6.RELEASE, r.x6.DECLINE), first_address),
}


@pytest.mark.parametrize("family", CASES)
def test_no_table_grows_with_the_number_of_identities(family):
    make, *case = CASES[family]
    server, clock, wire = make()
    guard, server.batches.names.most = server.batches.guarding.guard, SMALL
    for table in (guard.ports, guard.relays, guard.subnets, guard.probation, guard.declines, guard.movements):
        table._most = SMALL
    asyncio.run(server.recount())
    before = measured(server)
    flood(server, clock, wire, case)
    after = measured(server)
    prefix = f"pkt{family}"
    assert server.statistics.value(f"{prefix}-received") == 5 * IDENTITIES
    assert server.statistics.value(f"{prefix}-parse-failed") > 0
    assert server.statistics.value(f"{prefix}-processing-failed") == 0
    given = server.statistics.value("cumulative-assigned-addresses" if family == 4 else "cumulative-assigned-nas")
    assert given > 3 * SMALL, "identities came and went"
    assert len(after) > 100, "the tables are seen at all"
    grown = {
        path: (before.get(path, 0), size) for path, size in after.items() if size - before.get(path, 0) > GROWN_MAX
    }
    assert grown == {}


def test_a_table_without_a_bound_is_seen():
    server, clock, wire = server4()
    server.batches.leak = leak = {}
    before = measured(server)
    leak.update(dict.fromkeys(range(IDENTITIES)))
    after = measured(server)
    [grown] = [path for path in after if after[path] - before.get(path, 0) > GROWN_MAX]
    assert grown.endswith(".leak")  # the exchanges' loop is reached in more than one way
    assert clock.now() > 0
    assert wire.sent == []


def test_the_tables_of_a_guard_are_bounded():
    for table, put in (
        (Holdings(), lambda table, n: table.put(n, n % 7, n)),
        (Moments(), lambda table, n: table.note(n, n)),
        (Movements(), lambda table, n: table.seen(b"%d" % n, n, n)),
    ):
        table._most = SMALL
        for number in range(IDENTITIES):
            put(table, number)
        sizes = measured(table)
        assert len(table) == SMALL
        assert all(size <= SMALL for path, size in sizes.items() if path.startswith(type(table).__name__))


def test_senders_are_remembered_up_to_a_bound():
    lo = Interface("lo", 1, b"", up=True, loopback=True, ethernet=False, addresses=(0x7F000001,), addresses6=(1,))
    port4, port6 = (
        sockets.UdpPort(lo, 0x7F000001, 0, Inbox(socket.AF_INET), hears=True),
        sockets6.Port6(lo, 1, 0, Inbox(socket.AF_INET6)),
    )
    try:
        for number in range(IDENTITIES):
            port4._arrival(number, 0x0B000000 + number, number)
            port4.call(b"", 0x0B000000 + number, 67)
            port4.sockaddr(0x0B000000 + number, 67)
            port6._arrival(number, 0x2001_0DB8 << 96 | number, number)
            port6.sockaddr(0x2001_0DB8 << 96 | number, 547)
        sizes = measured(port4, port6)
        assert {
            "UdpPort._arrivals",
            "UdpPort._names",
            "UdpPort._sockaddrs",
            "Port6._arrivals",
            "Port6._sockaddrs",
        } <= sizes.keys()
        assert all(size <= SMALL for path, size in sizes.items() if path.startswith(("UdpPort", "Port6")))
    finally:
        port4.socket.close()
        port6.socket.close()


def test_a_lease_that_is_given_back_again_is_held_once_and_last():
    server, clock, _ = server4()
    now, hold = clock.seconds, server.reclaimer.settings.hold_reclaimed_time
    first, second = (Lease4(0x0A001000 + n, b"mac%d" % n, b"", 0, now, 7, state=3) for n in range(2))
    again = first._replace(cltt=now + hold)
    server._store.append([(Change(None, again),), (Change(None, second),)])
    for address in (first.address, second.address, first.address):
        server.reclaimer.release([address])
    clock.seconds += hold + 10
    assert asyncio.run(server.reclaimer.flush()) == 1
    assert [lease.address for lease in r.x4.leases_of(server._store)] == [first.address]


def test_exchanges_that_wait_are_bounded():
    """A store that answers no more: sockets are left unread, so what waits is a bound's worth and one batch."""
    store = r.x4.SlowStore()
    here = r.World4.made(store)
    first = 0x0A001000
    for number in range(20 * WAITING_MAX):
        if here.bench.wire.paused:
            break
        here.ask(here.datagram("request", number, "1/1", 1, address=first + number))
        here.ask(here.datagram("discover", number, "1/1", 1, xid=7))
    assert here.bench.batches.waiting == WAITING_MAX
    assert here.bench.batches.full
    sizes = {path: size for path, size in measured(here.bench.batches).items() if path.startswith("Batches._")}
    assert max(sizes.values()) <= WAITING_MAX


def test_memos_of_functions_are_bounded():
    """What functools remembers has a size, or no argument that could differ."""
    found = [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]
    ours = [each for each in found if each.__module__.startswith("dhcpkit") and ".testing" not in each.__module__]
    assert len(ours) >= 3
    endless = [each for each in ours if each.cache_info().maxsize is None]
    assert [each.__qualname__ for each in endless if each.__wrapped__.__code__.co_argcount] == []


@pytest.mark.parametrize("family", CASES)
@pytest.mark.parametrize("bound", [True, False], ids=["bound", "without"])
def test_what_is_remembered_of_messages_is_small(family, bound, monkeypatch):
    """Memos hold parts of messages; of those that are longer than a frame they hold nothing."""
    if not bound:  # to see that what is measured here would be seen
        for module in (answer, answer6, assign6, open6, quick4, quick6):
            monkeypatch.setattr(module, "REMEMBERED_MAX", 1 << 20)
    server, _, wire = CASES[family][0]()
    came = r.x4.ARRIVAL if family == 4 else arrival6(0)
    tracemalloc.start()
    try:
        for number in range(1, 60):
            if number == 20:
                before = tracemalloc.get_traced_memory()[0]
            server.batches.take([(long_message(family, number), came)])
            assert len(wire.sent) == 1
            wire.sent.clear()
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert (kept <= 100_000) == bound, "octets of the 800,000 that came"


def long_message(family, number):
    told = number.to_bytes(4, "big") * 5000
    if family == 6:
        options = [(6, told), (16, told[:4] + (5000).to_bytes(2, "big") + told[:5000]), (15, b"\0\4" + told[:4])]
        return r.x6.message(r.x6.SOLICIT, number, xid=number, options=options)
    parts = [(55, told[:255])] * 80 + [(60, told[:255])] * 10 + [(124, b"\0\0\1\1\4" + told[:4])] * 50
    return r.x4.message(1, number, number, options=parts)
