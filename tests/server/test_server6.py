"""A whole DHCPv6 server in a test's own event loop, on the loopback interface, with a relay agent in front."""

import asyncio
import importlib.util
import socket
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from dhcpkit.alloc import LeaseState
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.backends import MemoryStore6
from dhcpkit.server import Listening, Server6, ServiceUnavailable
from dhcpkit.server import sockets6 as sockets6_module
from dhcpkit.server.expiry import Reclaiming
from dhcpkit.server.interfaces import Detection, Interface
from dhcpkit.server.sockets6 import Sockets6
from dhcpkit.testing.machine6 import bindings_of
from dhcpkit.wire.dhcp6 import Packet6, Relay6

_spec = importlib.util.spec_from_file_location("server_exchanges6", Path(__file__).parent / "exchanges6.py")
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)
LINK = IPv6Address("2001:db8::9")


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return probe.getsockname()[1]


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


class Relay:
    """A relay agent's socket that the loop waits for; the server answers to its port (RFC 8357)."""

    def __init__(self, port):
        self.server = ("::1", port)
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::1", 0))
        self.socket.setblocking(False)

    def send(self, datagram):
        message = Packet6.parse(datagram)
        relay = Relay6(12, 0, LINK, IPv6Address("fe80::9"), {135: b"\0\0"})
        relayed = Packet6(message.type, message.options, xid=message.xid, relays=[relay])
        self.socket.sendto(bytes(relayed), self.server)

    async def answer(self):
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 2000), 10)
        return Packet6.parse(data)


def serve(scenario, store=None, **kwargs):
    """Runs a scenario against a server of its own."""

    async def run():
        port = free_port()
        kwargs.setdefault("interfaces", ["lo/::1"])
        server = Server6(x.network(), store if store is not None else MemoryStore6(), port=port, **kwargs)
        await server.start()
        relay = Relay(port)
        try:
            await scenario(server, relay)
        finally:
            await server.end()
            relay.socket.close()

    asyncio.run(run())


def test_a_server_serves():
    async def scenario(server, relay):
        relay.send(x.message(x.SOLICIT, 1, prefixes=(7,)))
        advertise = await relay.answer()
        offered = list(bindings_of(advertise))
        assert [each.address for each in offered] == [x.FIRST, x.PREFIX]
        relay.send(x.message(x.REQUEST, 1, offered, prefixes=(7,)))
        assert (await relay.answer()).type == x.REPLY
        assert server.statistics.value("subnet[1].assigned-nas") == 1
        assert server.statistics.value("subnet[1].assigned-pds") == 1

    serve(scenario)


def test_another_network_is_served_from_the_next_batch_on():
    async def scenario(server, relay):
        server.reconfigure(x.network("2001:db8::80 - 2001:db8::82"))
        relay.send(x.message(x.SOLICIT, 1))
        [offered] = bindings_of(await relay.answer())
        assert str(IPv6Address(offered.address)) == "2001:db8::80"
        assert server.statistics.value("subnet[1].total-nas") == 3

    serve(scenario)


def test_leases_of_an_earlier_run_are_counted_and_tidied():
    duid = x.client(1).duid
    leases = [Lease6(x.FIRST + i, duid, 0xFFFFFFFF, 1_700_000_000, 1, 600, x.NA, i) for i in range(3)]
    leases.append(Lease6(x.PREFIX, duid, 0xFFFFFFFF, 1_700_000_000, 1, 600, x.PD, 1, 56, pool_id=3))
    for number, state in enumerate((LeaseState.RELEASED, LeaseState.EXPIRED_RECLAIMED)):
        valid = 0 if state is LeaseState.RELEASED else 100
        leases.append(Lease6(x.FIRST + 5 + number, duid, valid, 1_600_000_000, 1, 0, x.NA, 9, state=state.value))
    store = MemoryStore6(leases)

    async def scenario(server, _relay):
        assert server.statistics.value("assigned-nas") == server.statistics.value("subnet[1].assigned-nas") == 3
        assert server.statistics.value("subnet[1].pd-pool[3].assigned-pds") == 1
        assert await server.reclaimer.flush() == 2, "what was given back before the restart goes too"
        await server.recount()
        assert server.statistics.value("assigned-nas") == 3

    serve(scenario, store)
    assert len(x.leases_of(store)) == 4


def test_a_released_lease_goes_one_day():
    store = MemoryStore6()

    async def scenario(server, relay):
        relay.send(x.message(x.REQUEST, 1, [x.address(x.FIRST)]))
        await relay.answer()
        relay.send(x.message(x.RELEASE, 1, [x.address(x.FIRST)], 2, empty=False))
        await relay.answer()
        assert [lease.state for lease in x.leases_of(store)] == [LeaseState.RELEASED]
        real = server.clock._passed
        server.clock._passed = lambda: real() + 3700
        assert await server.reclaimer.flush() == 1

    serve(scenario, store, reclaiming=Reclaiming(0, 0))
    assert x.leases_of(store) == []


def test_a_stop_answers_what_was_begun():
    class LateStore(MemoryStore6):
        def when_synced(self, callback):
            asyncio.get_running_loop().call_later(0.2, callback, None)

    async def scenario(server, relay):
        relay.send(x.message(x.REQUEST, 1, [x.address(x.FIRST)]))
        await until(lambda: server.batches.waiting)
        await server.end()
        assert (await relay.answer()).type == x.REPLY

    serve(scenario, LateStore())


@pytest.mark.parametrize(
    ("listening", "said"),
    [
        (Listening(family=6), "no interface is configured to listen on"),
        (Listening(["nosuch0"], family=6), "interface 'nosuch0' doesn't exist in the system"),
        (Listening(["lo"], family=6), "the interface lo has no usable link-local IPv6 address"),
        (Listening(["lo/::1", "nosuch0"], require_all=True, family=6), "interface 'nosuch0' doesn't exist"),
    ],
)
def test_a_server_without_sockets_says_so(listening, said):
    async def scenario(_server, _relay):
        pytest.fail("it started")

    with pytest.raises(ServiceUnavailable, match=said):
        serve(scenario, interfaces=listening)


def test_an_address_is_bound_when_it_comes_and_let_go_when_it_goes(monkeypatch):
    """The machine's interfaces as a test has them; the sockets are real."""
    present = {"lo": Interface("lo", socket.if_nametoindex("lo"), b"", up=True, loopback=True, ethernet=False)}
    monkeypatch.setattr(sockets6_module, "Detection", lambda again: Detection(again=again, look=lambda: present))

    async def run():
        sockets = Sockets6(Listening(["lo/::1"], family=6).interfaces, lambda _: None, port=free_port())
        sockets.start(asyncio.get_running_loop())
        seen = [(sockets.open_count, sockets.troubles)]
        for there, tested in (((), (1,)), ((1,), ()), ((1,), ()), ((), ())):
            [lo] = present.values()
            present["lo"] = Interface(
                *("lo", lo.index, b""), up=True, loopback=True, ethernet=False, addresses6=there, tentative6=tested
            )
            sockets.refresh()
            seen.append((sockets.open_count, sockets.troubles))
        sockets.close()
        return seen

    absent = "interface 'lo' doesn't have address '::1' assigned"
    tentative = "the address ::1 of interface lo is still tentative"
    assert asyncio.run(run()) == [(0, (absent,)), (0, (tentative,)), (1, ()), (1, ()), (0, (absent,))]
