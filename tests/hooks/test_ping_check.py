"""ping_check: which addresses are asked for, what answers mean, and a server in a network with an address in use."""

import asyncio
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dhcpkit.config.load import parse4
from dhcpkit.hooks.libraries import ping_check
from dhcpkit.hooks.libraries.ping_check import PingCheckParameters, PingError, echo_request, told_of

spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
hooked = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hooked)
FIRST = 0x0A350100
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root opens sockets for ICMP")


def config(context=None, lifetime=4000, reservation=None, **parameters):
    subnet = {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.9"}]}
    if context is not None:
        subnet["user-context"] = {"ping-check": context}
    if reservation is not None:
        subnet["reservations"] = [reservation]
    library = {"library": "libdhcp_ping_check.so", "parameters": parameters}
    return {"Dhcp4": {"valid-lifetime": lifetime, "subnet4": [subnet], "hooks-libraries": [library]}}


def discover(client, xid=1):
    head = b"\1\1\6\0" + xid.to_bytes(4, "big") + bytes(4 + 16) + b"\2\0\0\0\0" + bytes((client,)) + bytes(10 + 192)
    return head + b"\x63\x82\x53\x63\x35\1\1\xff"


class Fake:
    """A socket for ICMP of a network where some addresses answer."""

    def __init__(self, library, used=(), unreachable=()):
        self.library, self.used, self.unreachable = library, used, unreachable
        self.sent = []
        self.inbox = []
        library._socket.close()
        library._socket = self

    def sendto(self, packet, to):
        address = int.from_bytes(bytes(map(int, to[0].split("."))), "big")
        self.sent.append(address)
        body = packet[1:]
        header = bytes((0x45,)) + bytes(11)
        if address in self.used:
            self.inbox.append(header + address.to_bytes(4, "big") + bytes(4) + b"\0" + body)
        if address in self.unreachable:
            inner = header + bytes(4) + address.to_bytes(4, "big") + packet
            self.inbox.append(header + bytes(8) + b"\3\1" + bytes(6) + inner)
        asyncio.get_running_loop().call_soon(self.library._read)

    def recv(self, _size):
        if not self.inbox:
            raise BlockingIOError
        return self.inbox.pop(0)

    def close(self):
        pass


@pytest.fixture
def world():
    made = []

    def make(used=(), unreachable=(), **told):
        parameters = {"reply-timeout": 5, **told.pop("parameters", {})}
        server = hooked.Hooked(config(**told, **parameters))
        library = server.libraries[0]

        async def swap():
            asyncio.get_running_loop().remove_reader(library._socket)
            return Fake(library, used, unreachable)

        server.wire = server.run(swap())
        server.served.server.batches.callouts.commit = server.served.server.commit
        made.append((server, library))
        return server

    yield make
    for server, library in made:
        library.unload = nothing
        server.close()


async def nothing():
    pass


def offered(server, client, xid=1):
    """What a client is offered, 0 for nothing."""
    answers = server.take(discover(client, xid))
    return int.from_bytes(answers[0][16:20], "big") if answers else 0


def test_an_address_in_use_is_declined_and_the_next_one_offered(world):
    """As recorded from Kea 3.0.4: no answer to the first DHCPDISCOVER, another address for the second."""
    server = world(used={FIRST})
    assert offered(server, 1) == 0
    assert server.counted("declined-addresses") == 1
    assert server.counted("assigned-addresses") == 1
    assert offered(server, 1, 2) == FIRST + 1
    assert offered(server, 2) == FIRST + 2
    assert server.wire.sent == [FIRST, FIRST + 1, FIRST + 2]


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_requests_as_told_without_an_answer(world, count):
    server = world(parameters={"min-ping-requests": count})
    assert offered(server, 1) == FIRST
    assert server.wire.sent == [FIRST] * count


def test_what_cannot_be_reached_is_free(world):
    server = world(unreachable={FIRST}, parameters={"min-ping-requests": 5})
    assert offered(server, 1) == FIRST
    assert server.wire.sent == [FIRST], "one answer is enough"


def test_a_clients_own_lease_is_not_asked_for(world):
    server = world(used={FIRST})
    server.libraries[0].told = server.libraries[0].told.evolve(enable_ping_check=False)
    assert offered(server, 1) == FIRST
    server.libraries[0].told = server.libraries[0].told.evolve(enable_ping_check=True)
    request = discover(1, 3)[:-4] + b"\x35\1\3\x32\4" + FIRST.to_bytes(4, "big") + b"\x36\4\x0a\x35\0\1\xff"
    assert len(server.take(request)) == 1
    assert offered(server, 1, 4) == FIRST
    assert server.wire.sent == []
    server.now_s += 4000 + 61
    assert offered(server, 1, 5) == 0, "its lease is over, and it said nothing for a while"
    assert server.wire.sent == [FIRST]


@pytest.mark.parametrize(("later", "asked"), [(59, False), (60, True)])
def test_an_address_that_the_client_had_until_recently_is_not_asked_for(world, later, asked):
    server = world(used={FIRST}, lifetime=10)
    server.libraries[0].told = server.libraries[0].told.evolve(enable_ping_check=False)
    server.take(discover(1))
    server.take(discover(1, 3)[:-4] + b"\x35\1\3\x32\4" + FIRST.to_bytes(4, "big") + b"\x36\4\x0a\x35\0\1\xff")
    server.libraries[0].told = server.libraries[0].told.evolve(enable_ping_check=True)
    server.now_s += later
    assert offered(server, 1, 4) == (0 if asked else FIRST)
    assert bool(server.wire.sent) is asked


def test_a_reserved_address_is_not_asked_for(world):
    reserved = FIRST + 0x500
    server = world(used={reserved}, reservation={"hw-address": "02:00:00:00:00:01", "ip-address": "10.53.6.0"})
    assert offered(server, 1) == reserved
    assert server.wire.sent == []


def test_a_subnet_may_say_otherwise(world):
    assert offered(world(used={FIRST}, context={"enable-ping-check": False}), 1) == FIRST
    server = world(context={"min-ping-requests": 4})
    offered(server, 1)
    assert len(server.wire.sent) == 4


@pytest.mark.parametrize(
    "context", [7, {"min-ping-requests": 0}, {"reply-timeout": "x"}, {"reply-timeout": 0}, {"unknown": 1}]
)
def test_what_makes_no_sense_is_refused(context):
    with pytest.raises(PingError, match="subnet 7"):
        told_of(context, PingCheckParameters(), 7)
    if not isinstance(context, dict):
        return
    with pytest.raises(AssertionError):
        hooked.Hooked(config(**context))


def test_a_configuration_with_such_a_subnet_is_refused(world):
    library = world().libraries[0]
    for context, told in (({"min-ping-requests": 0}, "subnet 1"), ({"min-ping-requests": 9}, "")):
        loaded = parse4(json.dumps(config(context)))
        point = hooked.points.Dhcp4SrvConfigured(loaded.doc, loaded.network, {})
        library.judge(point)
        assert (told in point.error) if told else not point.error


def test_two_clients_are_not_offered_one_address_while_it_is_asked_for(world):
    server = world(parameters={"reply-timeout": 50})
    batches = server.served.server.batches
    same = [discover(1), discover(2)]

    async def both():
        library = server.libraries[0]
        library._asked[FIRST + 1] = asyncio.get_running_loop().create_future()
        batches.take([(each, server.arrival(each)) for each in same])
        await batches.drained()

    server.run(both())
    assert server.counted("pkt4-duplicate") == 1
    assert server.counted("pkt4-receive-drop") == 1


def test_the_checksum_is_right():
    request = echo_request(0x1234, 7)
    assert ping_check._checksum(request) == 0
    assert struct.unpack("!BBHHH", request[:8])[3:] == (0x1234, 7)


def test_octets_of_any_kind_are_no_answer(world):
    library = world().libraries[0]
    for junk in (b"", b"\x45", bytes(20), b"\x4f" + bytes(30), b"\x45" + bytes(19) + b"\3" + bytes(40), os.urandom(90)):
        assert ping_check._answer(junk, library._id) in (None, (0, False))


# A server in a network of its own.

CLIENT = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("10.53.0.9", 67))
sock.settimeout(1.5)
relay = bytes((10, 53, 0, 9))
for xid in range(3):
    head = b"\\1\\1\\6\\1" + xid.to_bytes(4, "big") + bytes(16) + relay + b"\\2\\0\\0\\0\\0\\1" + bytes(10 + 192)
    sock.sendto(head + b"\\x63\\x82\\x53\\x63\\x35\\1\\1\\xff", ("10.53.0.1", 67))
    try:
        print(socket.inet_ntoa(sock.recv(1500)[16:20]))
    except TimeoutError:
        print("nothing")
"""


@pytest.mark.skipif(shutil.which("ip") is None, reason="namespaces are made with ip")
def test_in_a_network_where_an_address_is_in_use(tmp_path):
    mine, theirs = f"dkp{os.getpid()}a", f"dkp{os.getpid()}b"

    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    config4 = config(**{"reply-timeout": 200})
    config4["Dhcp4"] |= {
        "interfaces-config": {"interfaces": ["v0"], "dhcp-socket-type": "udp"},
        "lease-database": {"type": "memfile", "name": str(tmp_path / "leases.csv")},
    }
    file = tmp_path / "kea-dhcp4.conf"
    file.write_text(json.dumps(config4))
    server = None
    try:
        for name in (mine, theirs):
            ip("netns", "add", name)
        ip("link", "add", "v0", "netns", mine, "type", "veth", "peer", "name", "v1", "netns", theirs)
        for name, link, addresses in ((mine, "v0", ["10.53.0.1/16"]), (theirs, "v1", ["10.53.0.9/16", "10.53.1.0/16"])):
            for address in addresses:
                ip("-n", name, "address", "add", address, "dev", link)
            ip("-n", name, "link", "set", link, "up")
        program = "import sys; from dhcpkit.server.main import main; sys.exit(main())"
        log = tmp_path / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                ["ip", "netns", "exec", mine, sys.executable, "-c", program, "-c", str(file)],
                stdout=out,
                stderr=out,
                env={**os.environ, "KEA_PIDFILE_DIR": str(tmp_path)},
            )
        end = time.monotonic() + 20
        while "DHCP4_STARTED" not in log.read_text():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        client = ["ip", "netns", "exec", theirs, sys.executable, "-c", CLIENT]
        told = subprocess.run(client, check=True, capture_output=True, text=True).stdout.split()
        assert told == ["nothing", "10.53.1.1", "10.53.1.2"], log.read_text()
        assert "DHCP4_SERVER_INITIATED_DECLINE" in log.read_text()
    finally:
        if server is not None:
            server.kill()
            server.wait()
        for name in (mine, theirs):
            subprocess.run(["ip", "netns", "delete", name], check=False)


def test_parameters_are_kea_s():
    parse4(json.dumps(config(**{"ping-channel-threads": 4, "ping-cltt-secs": 0})))
    assert set(PingCheckParameters.by_key) == {
        "enable-ping-check", "min-ping-requests", "reply-timeout", "ping-cltt-secs", "ping-channel-threads"
    }  # fmt: skip
