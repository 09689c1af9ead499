"""The simulated client against two servers: dhcpkit's engine behind a socket, and real Kea on loopback."""

import json
import os
import shutil
import socket
import subprocess
import threading
from ipaddress import IPv4Address

import pytest

from dhcpkit.alloc import Network, Pool4, Subnet4
from dhcpkit.testing.client import Client4, NoAnswer, Refused
from dhcpkit.testing.machine import Lab4
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.options4 import HOST_NAME, ROUTERS

HERE = "127.0.0.1"
FIRST = int(IPv4Address("192.0.2.10"))


class Responder(threading.Thread):
    """The engine behind a socket; `deaf` is how many datagrams it loses first."""

    def __init__(self, deaf=0):
        super().__init__(daemon=True)
        subnet = Subnet4(
            "192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.20")], relays=frozenset([int(IPv4Address(HERE))])
        )
        self.lab = Lab4(Network([subnet.with_option(ROUTERS, "192.0.2.1")]))
        self.deaf = deaf
        self.heard = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HERE, 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            data, (_, port) = self.socket.recvfrom(2048)
            if not data:
                break
            self.heard.append(Packet4.parse(data))
            if len(self.heard) > self.deaf:
                here = int(IPv4Address(HERE))
                _, outgoing = self.lab.send(data, Arrival("lo", 1, here, port, here))
                if outgoing:
                    self.socket.sendto(outgoing.data, (str(IPv4Address(outgoing.address)), outgoing.port))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", (HERE, self.port))
        self.join(10)
        self.socket.close()


def client_of(port, **settings):
    return Client4(b"\2\0\0\0\0\7", server=HERE, port=port, relay=HERE, **{"timeout": 5.0, **settings})


def live_a_life(client):
    """Everything a client does, with what must be true after it."""
    ack = client.dora(options={HOST_NAME: "printer-7"})
    assert ack.yiaddr == client.address == FIRST
    assert ack[ROUTERS] == (IPv4Address("192.0.2.1"),)
    assert client.server_id == int(IPv4Address(HERE))
    assert client.renew().yiaddr == FIRST
    assert client.reboot(FIRST).yiaddr == FIRST
    informed = client.inform()
    assert informed.yiaddr == 0
    assert informed[ROUTERS] == (IPv4Address("192.0.2.1"),)
    client.release()
    assert client.address == 0
    client.dora()
    declined = client.address
    client.decline()
    assert client.dora().yiaddr != declined
    with pytest.raises(Refused) as refused:
        client.reboot(int(IPv4Address("192.0.2.77")))
    assert "DHCPNAK" in str(refused.value)
    assert client.address == 0


def test_against_the_engine():
    with Responder() as responder, client_of(responder.port) as client:
        live_a_life(client)
        first = responder.heard[0]
        assert first.giaddr == int(IPv4Address(HERE))
        assert first[HOST_NAME] == "printer-7"


def test_it_sends_again_with_the_same_transaction():
    with Responder(deaf=2) as responder, client_of(responder.port, timeout=0.2, tries=50) as client:
        client.dora()
        assert len({packet.xid for packet in responder.heard}) == 1
        assert len(responder.heard) >= 4


def test_silence_is_an_error_that_says_what_was_asked():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind((HERE, 0))
        with client_of(nobody.getsockname()[1], timeout=0.01, tries=2) as client, pytest.raises(NoAnswer) as silence:
            client.discover()
    assert str(silence.value) == "no answer to DHCPDISCOVER, sent 2 times"


@pytest.mark.needs("kea-dhcp4")
def test_against_real_kea(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    subnet = {
        "id": 1,
        "subnet": "192.0.2.0/24",
        "relay": {"ip-addresses": [HERE]},
        "pools": [{"pool": "192.0.2.10 - 192.0.2.20"}],
        "option-data": [{"name": "routers", "data": "192.0.2.1"}],
    }
    config = {
        "interfaces-config": {"interfaces": ["lo"], "dhcp-socket-type": "udp"},
        "lease-database": {"type": "memfile", "persist": False},
        "subnet4": [subnet],
    }
    (tmp_path / "kea.conf").write_text(json.dumps({"Dhcp4": config}))
    program = shutil.which("kea-dhcp4", path=f"{os.environ['PATH']}:/usr/sbin")
    environment = {**os.environ, "KEA_LOCKFILE_DIR": "none", "KEA_PIDFILE_DIR": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        kea = subprocess.Popen(
            [program, "-c", tmp_path / "kea.conf", "-p", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        with client_of(port, timeout=0.5, tries=60) as client:
            live_a_life(client)
    finally:
        kea.terminate()
        kea.wait(20)
