"""A whole server in a test's own event loop, on the loopback interface: start, serve, change, stop."""

import asyncio
import importlib.util
import socket
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpkit.alloc import Lease4, LeaseState, Network, Pool4, Subnet4
from dhcpkit.alloc.answer import Outgoing4
from dhcpkit.backends import MemoryStore, StoreUnavailable
from dhcpkit.server import Listening, Server4, ServiceUnavailable
from dhcpkit.server.interfaces import InterfaceSpec
from dhcpkit.server.sockets import Sockets
from dhcpkit.wire.dhcp4 import Arrival, Packet4

_spec = importlib.util.spec_from_file_location("server_exchanges", Path(__file__).parent / "exchanges.py")
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)
LO = int(IPv4Address("127.0.0.1"))
FIRST = int(IPv4Address("127.0.7.1"))


def network(pool="127.0.7.1 - 127.0.7.9"):
    return Network([Subnet4("127.0.0.0/16", id=1, pools=[Pool4(pool)])])


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


class Client:
    """A relay agent's socket that the loop waits for; the server answers to its port (RFC 8357)."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def send(self, datagram):
        relayed = datagram[:24] + LO.to_bytes(4, "big") + datagram[28:-1] + b"\x52\x02\x13\x00\xff"
        self.socket.sendto(relayed, self.server)

    async def answer(self):
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 2000), 10)
        return Packet4.parse(data)

    def waiting(self):
        try:
            return bool(self.socket.recv(2000))
        except BlockingIOError:
            return False


def serve(scenario, store=None, **kwargs):
    """Runs a scenario against a server of its own."""

    async def run():
        port = free_port()
        kwargs.setdefault("interfaces", ["lo"])
        server = Server4(network(), store if store is not None else MemoryStore(), port=port, **kwargs)
        await server.start()
        client = Client(port)
        try:
            await scenario(server, client)
        finally:
            await server.end()
            client.socket.close()

    asyncio.run(run())


def request(client, address, xid=1):
    return x.request(client, address, xid, server=LO)


def test_a_server_serves():
    async def scenario(server, client):
        client.send(x.message(x.DISCOVER, 1))
        offer = await client.answer()
        assert (offer.type, offer.yiaddr) == (x.OFFER, FIRST)
        client.send(request(1, offer.yiaddr))
        assert (await client.answer()).type == x.ACK
        assert server.statistics.value("subnet[1].assigned-addresses") == 1

    serve(scenario)


def test_another_network_is_served_from_the_next_batch_on():
    async def scenario(server, client):
        server.reconfigure(network("127.0.8.1 - 127.0.8.3"))
        client.send(x.message(x.DISCOVER, 1))
        assert str(IPv4Address((await client.answer()).yiaddr)) == "127.0.8.1"
        assert server.statistics.value("subnet[1].total-addresses") == 3

    serve(scenario)


def test_leases_of_an_earlier_run_are_counted():
    leases = [Lease4(FIRST + i, x.mac(i), b"", 0xFFFFFFFF, 1_700_000_000, 1) for i in range(3)]
    leases.append(Lease4(FIRST + 5, b"", b"", 0xFFFFFFFF, 1_700_000_000, 1, state=LeaseState.DECLINED.value))

    async def scenario(server, _client):
        assert server.statistics.value("assigned-addresses") == 4
        assert server.statistics.value("subnet[1].pool[0].assigned-addresses") == 4
        assert server.statistics.value("declined-addresses") == 1
        await server.recount()
        assert server.statistics.value("assigned-addresses") == 4

    serve(scenario, MemoryStore(leases))


class LateStore(MemoryStore):
    """Its disk takes a while."""

    def when_synced(self, callback):
        asyncio.get_running_loop().call_later(0.2, callback, None)


def test_a_stop_answers_what_was_begun():
    async def scenario(server, client):
        client.send(request(1, FIRST))
        await until(lambda: server.batches.waiting)
        assert not client.waiting()
        await server.end()
        assert (await client.answer()).type == x.ACK

    serve(scenario, LateStore())


def test_a_stop_does_not_wait_for_ever(monkeypatch):
    class DeadStore(MemoryStore):
        def when_synced(self, callback):
            pass

    async def scenario(server, client):
        client.send(request(1, FIRST))
        await until(lambda: server.batches.waiting)
        await server.end()
        assert not client.waiting()

    monkeypatch.setattr("dhcpkit.server.server.STOP_MAX", 0.2)
    serve(scenario, DeadStore())


def test_another_store_takes_over_between_two_exchanges():
    other = MemoryStore([Lease4(FIRST, x.mac(9), b"", 0xFFFFFFFF, 1_700_000_000, 1)])

    async def scenario(server, client):
        client.send(request(1, FIRST))
        suspending = asyncio.create_task(server.suspend())
        await suspending
        client.send(request(2, FIRST, xid=2))
        await server.go_on(other)
        kinds = [(await client.answer()).type for _ in range(2)]
        assert x.NAK in kinds, "the other store's leases count, also for what had waited in the socket"
        assert server.statistics.value("assigned-addresses") >= 1

    serve(scenario)


def test_a_cancelled_server_stops_in_order():
    async def run():
        port = free_port()
        server = Server4(network(), MemoryStore(), interfaces=["lo"], port=port)
        task = asyncio.create_task(server.serve())
        client = Client(port)
        await until(lambda: server.sockets.open_count)
        client.send(x.message(x.DISCOVER, 1))
        assert (await client.answer()).type == x.OFFER
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.sockets.open_count == 0
        client.socket.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("listening", "said"),
    [
        (Listening(), "no interface is configured to listen on"),
        (Listening(["nosuch0"]), "interface 'nosuch0' doesn't exist in the system"),
        (Listening(["lo", "nosuch0"], require_all=True), "interface 'nosuch0' doesn't exist in the system"),
    ],
)
def test_a_server_without_sockets_says_so(listening, said):
    async def scenario(_server, _client):
        pytest.fail("it started")

    with pytest.raises(ServiceUnavailable, match=said):
        serve(scenario, interfaces=listening)


def test_a_patient_server_waits_for_its_interface():
    async def scenario(server, _client):
        assert server.sockets.open_count == 0

    serve(scenario, interfaces=Listening(["nosuch0"], patient=True))


def test_opening_is_tried_again_as_often_as_asked(caplog):
    async def scenario(server, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            listening = Listening(["lo"], max_retries=1000, retry_wait=0.01, patient=True)
            late = Server4(network(), MemoryStore(), interfaces=listening, port=port)
            await late.start()
            assert late.sockets.open_count == 0
        await until(lambda: late.sockets.open_count)
        await late.end()
        listening = Listening(["nosuch0"], max_retries=2, retry_wait=0.001, patient=True)
        never = Server4(network(), MemoryStore(), interfaces=listening, port=port)
        await never.start()
        await until(lambda: "attempts: 2, has been exhausted" in caplog.text)
        await never.end()

    serve(scenario)


def test_the_lease_file_is_cleaned_up_now_and_then(caplog):
    class Untidy(MemoryStore):
        cleaned = 0

        async def clean_up(self):
            self.cleaned += 1
            if self.cleaned == 1:
                raise StoreUnavailable("leases.csv", "no space left on device")
            return True

    store = Untidy()

    async def scenario(_server, _client):
        await until(lambda: store.cleaned >= 2)

    serve(scenario, store, lfc_interval=0.05)
    assert "DHCPSRV_MEMFILE_LFC_FAIL" in caplog.text


def test_files_that_wait_for_a_clean_up_get_one_soon_after_the_start(monkeypatch):
    class Untidy(MemoryStore):
        wants_clean_up = True
        cleaned = 0

        async def clean_up(self):
            self.cleaned += 1
            return True

    store = Untidy()

    async def scenario(_server, _client):
        await until(lambda: store.cleaned)

    monkeypatch.setattr("dhcpkit.server.server.CLEAN_UP_WAIT", 0.01)
    serve(scenario, store, lfc_interval=0)
    assert store.cleaned == 1


def test_a_stepped_clock_is_told(monkeypatch, caplog):
    monkeypatch.setattr("dhcpkit.server.server.CLOCK_WATCH", 0.01)

    async def scenario(server, client):
        real = server.clock._wall
        server.clock._wall = lambda: real() + 7200
        await until(lambda: "the wall clock was set by 7200 seconds" in caplog.text)
        client.send(request(1, FIRST))
        assert (await client.answer()).type == x.ACK
        client.send(request(2, FIRST, xid=2))
        assert (await client.answer()).type == x.NAK, "two hours on the wall end no lease of two hours"

    serve(scenario)


def test_a_client_without_an_address_is_answered_by_broadcast_where_frames_cannot_be_made():
    """The kernel would ask for its link-layer address in vain."""
    port = free_port()

    async def run():
        sockets = Sockets([InterfaceSpec("lo")], lambda _: None, port=port, client_port=free_port())
        sockets.start(asyncio.get_running_loop())
        arrival = Arrival("lo", socket.if_nametoindex("lo"), 0, 68, LO)
        calls = []
        for source, ciaddr, address in ((0, 0, FIRST), (FIRST, 0, FIRST), (0, FIRST, FIRST)):
            header = bytes(12) + ciaddr.to_bytes(4, "big") + bytes(300)
            there = Arrival("lo", arrival.ifindex, source, 68, LO)
            calls.append(sockets._ready(Outgoing4(header, x.OFFER, address, 68, x.mac(1)), there)[1])
        sockets.close()
        return [arguments[-1][0] for arguments in calls]

    assert asyncio.run(run()) == ["255.255.255.255", "127.0.7.1", "127.0.7.1"]
