"""What hostile messages do to logs, files and clocks: promises of docs/why/promises.md."""

import asyncio
import importlib.util
import re
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpkit.alloc import Network, Pool4, Subnet4
from dhcpkit.alloc.naming import KEA_NAMING
from dhcpkit.alloc.network6 import Network6, Pool6, Subnet6
from dhcpkit.backends import Memfile, Memfile6, MemoryStore, MemoryStore6
from dhcpkit.hooks.catalogue import CATALOGUE, ROOTS, Severity
from dhcpkit.server import log as log_module
from dhcpkit.server.clock import Clock
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.log import LoggerSetting, OutputSetting, configure
from dhcpkit.server.server import ServerOf

_spec = importlib.util.spec_from_file_location("server_relayed", Path(__file__).parent / "relayed.py")
r = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(r)

both = pytest.mark.parametrize("world", r.WORLDS.values(), ids=["v4", "v6"])
FIRST_MOST = 100  # messages of one kind that are written each minute
PER_PACKET = 64  # octets of log for each bad message after that
FLOOD = 1500


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    for family, root in ROOTS.items():
        configure([], LoggerSetting(root), family=family)


def log_to(folder, family, severity="INFO", debuglevel=0):
    path = folder / f"log{family}"
    configure([LoggerSetting(ROOTS[family], severity, debuglevel, (OutputSetting(str(path)),))], family=family)
    return path


# Floods of bad messages.


def garbage(here, number):
    return b"\1\2\3" * (number % 100)


def cut_off(here, number):
    return here.datagram("discover", number, "1/1", 1)[: 3 + number % 200]


def of_another_server(here, number):
    data = here.datagram("request", number, "1/1", 1, address=0x0A001000)
    return data.replace(r.x4.SERVER.to_bytes(4, "big"), b"\x0a\1\1\1") if here.number == 4 else data


def of_an_unknown_type(here, number):
    data = here.datagram("discover", number)
    return data.replace(b"\x35\x01\x01", b"\x35\x01\x63") if here.number == 4 else b"\x63" + data[1:]


def for_what_is_not_there(here, number):
    """DHCPv4: a DHCPNAK. DHCPv6: NoAddrsAvail, or a lease."""
    return here.datagram("request", number, "1/1", 1, address=0x0A00FFFF)


def for_somebody_elses(here, number):
    return here.datagram("release", number, "1/1", 1, address=0x0A001000)


def without_room(here, number):
    return here.datagram("discover", number, "1/1", 1)


KINDS = [
    garbage,
    cut_off,
    of_another_server,
    of_an_unknown_type,
    for_what_is_not_there,
    for_somebody_elses,
    without_room,
]


@both
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("trouble", ["", "fault", "network down"])
def test_bad_messages_write_little_at_info(world, folder, kind, trouble, monkeypatch):
    """After the first hundred of a minute: 64 octets each at most, and a line that says how many were left out."""
    here = world.made(size=1)
    assert here.get(9999, "1/1", 1), "so that nothing is left for others"
    if trouble == "fault":
        here.bench.batches.family = attrs.evolve(here.bench.batches.family, open=broken, quick=None)
    if trouble == "network down":
        monkeypatch.setattr(here.bench.wire, "send", unreachable)
    path = log_to(folder, here.number)
    for number in range(FIRST_MOST + 20):
        here.ask(kind(here, number), relay=1)
    first = path.stat().st_size
    for number in range(FLOOD):
        here.ask(kind(here, 1000 + number), relay=1)
    for limit in list(log_module._limits):
        limit.flush()
    written = path.read_bytes()
    assert len(written) - first <= PER_PACKET * FLOOD
    told = [line.split()[4] for line in written.decode().splitlines()]
    if any(told.count(name) > FIRST_MOST for name in set(told)):
        pytest.fail(f"more than {FIRST_MOST} of a kind: { {name: told.count(name) for name in set(told)} }")
    if trouble == "fault" and kind not in (garbage, cut_off):
        assert re.search(rb"MESSAGES_SUPPRESSED \d+ further messages DHCP\d_PACKET_PROCESS_EXCEPTION", written)


def unreachable(answers):
    return [(number, OSError(101, "Network is unreachable")) for number in range(len(answers))]


def broken(*_):
    raise RuntimeError("out of order")


def test_what_clients_can_cause_without_end_is_a_debug_message_or_limited(repo):
    """Messages about bad packets are below INFO, or are only written by way of a RateLimit."""
    named = re.compile(r"RateLimit\(\s*(?:m\.)?(\w+)")
    sources = [path.read_text() for path in (repo / "src/dhcpkit/server").glob("*.py")]
    limited = {name.replace("DHCP_", "DHCP#_") for text in sources for name in named.findall(text)}
    loud = {
        message.id
        for messages in CATALOGUE.values()
        for message in messages
        if message.logger.name.endswith(".bad-packets") and message.level >= Severity.INFO
    }
    assert loud
    for name in loud:
        assert re.sub(r"^DHCP[46]_", "DHCP#_", name) in limited


# Injection.

HOSTILE = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.sampled_from(
        [
            b"\n10.0.16.9,02:00:00:00:00:09,,3600,1,7,0,0,forged,0,,0",
            b"a,b,c\r\n",
            b"\x1b[2J\x1b]0;title\x07",
            b"=cmd|'/c calc'!A1",
            b"&#x2c,",
            b"\xe2\x80\xae\xe2\x80\xa8",
            b"2026-01-01 00:00:00.000 INFO  [kea-dhcp4.leases/1.1] DHCP4_LEASE_ALLOC forged",
        ]
    ),
)
PRINTABLE = re.compile(rb"[^\x00-\x09\x0b-\x1f\x7f]*")


def hostile4(number, name, identity):
    told = [(61, b"\0" + identity), (12, name), (60, name), (82, r.sub(1, identity) + r.sub(2, name))]
    return [
        r.x4.message(1, number, 1, options=told),
        r.x4.message(3, number, 2, options=[*told, (50, b"\x0a\0\x10\0"), (54, r.x4.SERVER.to_bytes(4, "big"))]),
        r.x4.message(3, number + 50, 2, options=[*told[1:], (81, b"\1\0\0" + name), (50, b"\x0a\0\x10\1"),
                                                 (54, r.x4.SERVER.to_bytes(4, "big"))]),
    ]  # fmt: skip


def hostile6(number, name, identity):
    told = [(39, b"\1" + bytes((len(name),)) + name + b"\0"), (16, b"\0\0\0\1" + len(name).to_bytes(2, "big") + name)]
    duid = (b"\0\2\0\0\0\x09" + identity)[:120]
    data = r.x6.message(r.x6.REQUEST, number, [r.x6.address(r.LINK + 0x1000)], options=told)
    return [data, data.replace(r.x6.client(number).duid, duid) if len(duid) == 10 else data]


@pytest.mark.parametrize("family", [4, 6])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=5))
def test_nothing_a_client_says_forges_a_line(family, names, folder):
    """Log at its most talkative and lease file: one line for each message and lease, no control octets, read back."""
    path = log_to(folder, family, "DEBUG", 99)
    path.write_bytes(b"")
    leases = folder / f"leases{family}.csv"
    leases.unlink(missing_ok=True)

    async def serve():
        if family == 4:
            subnet = Subnet4("10.0.0.0/16", id=7, pools=[Pool4("10.0.16.0/24")], interface="eth0", naming=KEA_NAMING)
            subnet = attrs.evolve(subnet, store_extended_info=True)
            store, hostile, arrival = Memfile(leases, "os"), hostile4, r.x4.ARRIVAL
            bench = r.x4.Bench(store, Network([subnet]))
        else:
            pool = Pool6(r.LINK + 0x1000, r.LINK + 0x1FFF)
            subnet = Subnet6("2001:db8::/64", id=7, pools=[pool], interface="eth0", naming=KEA_NAMING)
            store, hostile, arrival = Memfile6(leases, "os"), hostile6, r.x6.arrival()
            bench = r.x6.Bench(store, Network6([subnet], server_id=r.x6.SERVER_ID))
        for number, (name, identity) in enumerate(names):
            for datagram in hostile(number + 1, name, identity):
                bench.batches.take([(datagram, arrival)])
        await bench.batches.drained()
        before = [store.view.by_address(at) for at in sorted(store.view.rows)]
        await store.close()
        return before

    before = asyncio.run(serve())
    told = path.read_bytes()
    assert PRINTABLE.fullmatch(told)
    assert all(re.match(rb"\d{4}-\d\d-\d\d .*? \[kea-dhcp[46]\.", line) for line in told.splitlines())
    assert PRINTABLE.fullmatch(leases.read_bytes())

    async def again():
        store = (Memfile if family == 4 else Memfile6)(leases, "os")
        found = [store.view.by_address(at) for at in sorted(store.view.rows)]
        problems = store.report.problems
        await store.close()
        return found, problems

    found, problems = asyncio.run(again())
    assert not problems
    assert found == before


# Clocks.


class Times:
    def __init__(self):
        self.wall, self.passed = 1_700_000_000.0, 50.0

    def go(self, seconds):
        self.wall += seconds
        self.passed += seconds


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("step", [7200, 86_400 * 365, -86_400 * 365, 6], ids=str)
def test_a_clock_that_is_set_gives_nobodys_address_away(family, step):
    """100 held addresses, a pool of 110: whatever the clock is set to, nobody else gets one, nothing is reclaimed."""

    async def serve():
        times = Times()
        clock = Clock(lambda: times.wall, lambda: times.passed)
        world = r.WORLDS[family].made((MemoryStore if family == 4 else MemoryStore6)(), size=110)
        net = world.bench.batches.network
        server = ServerOf(
            (FAMILY4, FAMILY6)[family == 6], net, world.bench.store, lambda *_: world.bench.wire, clock=clock
        )
        world.bench.batches = server.batches
        held = {client: world.get(client, "1/1", xid=2 * client) for client in range(100)}
        assert None not in held.values()
        times.go(1000)
        times.wall += step
        server.look_at_clock()
        server.look_at_clock()
        assert server.statistics.value("dhcpkit-clock-steps") == 1
        assert await server.reclaimer.reclaim() == 0
        others = {world.get(200 + client, "1/1", xid=900 + 2 * client) for client in range(50)}
        assert len(others - {None, 0}) == 10
        assert not others & set(held.values())
        for client, address in held.items():
            renewed = world.ask(world.datagram("renew", client, "1/1", 1, address=address, xid=5000 + client))
            assert renewed == [(world.ack, address)]
        times.go(8000)
        assert await server.reclaimer.reclaim() > 0, "they end when their time has really passed"

    asyncio.run(serve())
