"""Which interface answers leave by, and which interfaces a server knows of: `outbound-interface` and `re-detect`."""

import json
import signal
import subprocess
import sys

import attrs
import pytest

from dhcpkit.server.interfaces import Detection, Interface
from dhcpkit.wire import Packet4

# Sends a message from eth0 to the server's address there, and says at which interface its answer comes in.
ASK = """
import select, socket, sys
from dhcpkit.server.frames import FrameError, FrameMaker, parse_frame
from dhcpkit.wire.dhcp4 import Packet4
query, source, port = Packet4.parse(bytes.fromhex(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
ends = {}
for name in ("eth0", "eth1"):
    end = ends[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    end.bind((name, 0))
frame = FrameMaker(bytes.fromhex("020000000010"), source, port)
for _ in range(20):
    ends["eth0"].send(frame.build(query.data, bytes.fromhex("020000000001"), 0x0A4D0001, 67))
    for end in select.select(ends.values(), (), (), 1)[0]:
        try:
            answer = parse_frame(end.recv(65536))
        except FrameError:
            continue
        if answer.source == 0x0A4D0001 and Packet4.parse(answer.payload).xid == query.xid:
            sys.exit(print(next(name for name, each in ends.items() if each is end)))
"""
RELAY, CLIENT = 0x0A630001, 0x0A630005
DISCOVER, INFORM = 1, 8


@pytest.fixture
def two_ways(link):
    """A second cable, eth1, and two ways from the server to the clients' network, the better one by eth1."""
    names = link.names
    link.ip("s", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", names["c"])
    link.ip("s", "addr", "add", "10.88.0.1/24", "dev", "eth1")
    link.ip("c", "addr", "add", "10.88.0.2/24", "dev", "eth1")
    link.ip("c", "addr", "add", "10.77.0.16/16", "dev", "eth0")
    for where in names:
        link.ip(where, "link", "set", "eth1", "up")
    for interface in ("all", "eth0", "eth1"):
        link.sysctl("s", f"net/ipv4/conf/{interface}/rp_filter", 0)
    link.ip("s", "route", "add", "10.99.0.0/16", "via", "10.88.0.2", "dev", "eth1", "metric", "10")
    link.ip("s", "route", "add", "10.99.0.0/16", "via", "10.77.0.16", "dev", "eth0", "metric", "20")
    return link


def where_answered(link, kind, xid, *, giaddr=0, ciaddr=0):
    query = Packet4(kind, {}, xid=xid, chaddr=b"\2\0\0\0\0\x77", giaddr=giaddr, ciaddr=ciaddr)
    port = 67 if giaddr else 68
    return link.python("c", ASK, query.data.hex(), str(giaddr or ciaddr), str(port)).strip()


@pytest.mark.privileged
def test_outbound_interface(two_ways, running):
    settings = {
        "subnet4": [{"id": 1, "subnet": "10.99.0.0/16", "pools": [{"pool": "10.99.1.0 - 10.99.1.255"}]}],
        "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
    }
    running.write(**settings)
    running.start()
    assert where_answered(two_ways, DISCOVER, 1, giaddr=RELAY) == "eth0"
    assert where_answered(two_ways, INFORM, 2, ciaddr=CLIENT) == "eth0"

    settings["interfaces-config"]["outbound-interface"] = "use-routing"
    running.write(**settings)
    running.signal(signal.SIGHUP)
    running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
    assert where_answered(two_ways, DISCOVER, 3, giaddr=RELAY) == "eth1"
    assert where_answered(two_ways, INFORM, 4, ciaddr=CLIENT) == "eth0", "as in Kea only relayed traffic is routed"

    settings["interfaces-config"]["outbound-interface"] = "same-as-inbound"
    running.write(**settings)
    running.signal(signal.SIGHUP)
    running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS", 2)
    assert where_answered(two_ways, DISCOVER, 5, giaddr=RELAY) == "eth0"

    settings["interfaces-config"]["dhcp-socket-type"] = "raw"
    running.write(**settings)
    running.signal(signal.SIGHUP)
    running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS", 3)
    assert where_answered(two_ways, DISCOVER, 6, giaddr=RELAY) == "eth1", "frames are for who cannot be routed to"
    assert running.stop() == 0


@pytest.mark.privileged
@pytest.mark.parametrize("family", [4, 6])
def test_re_detect(link, family):
    """Whoever does not look again serves what was there; on being told to, all there is."""
    if family == 6:
        link.wait_link_local()
    with subprocess.Popen(
        ["ip", "netns", "exec", link.names["s"], sys.executable, "-c", SERVED, str(family)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:

        def served(*words):
            server.stdin.write(f"{' '.join(words)}\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        first = ["eth0"]
        assert served("refresh") == first
        link.ip("s", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
        link.ip("s", "addr", "add", "10.78.0.1/24", "dev", "late0")
        for name in ("late0", "late1"):
            link.ip("s", "link", "set", name, "up")
        if family == 6:
            link.wait_address("s", "late0")
        assert served("refresh") == first, "what came later is not looked at"
        assert served("reconfigure", "false") == first
        link.ip("s", "link", "set", "eth0", "down")
        assert served("refresh") == [], "what is there is looked at"
        link.ip("s", "link", "set", "eth0", "up")
        if family == 6:
            link.wait_address("s", "eth0")
        assert served("refresh") == first
        assert sorted({*served("reconfigure", "true")} & {"eth0", "late0"}) == ["eth0", "late0"]
        link.ip("s", "link", "del", "late0")
        assert served("reconfigure", "false") == first
        server.stdin.close()


# Serves on all interfaces without looking for others; does what it is told and prints which ones it serves.
SERVED = """
import asyncio, json, sys
from dhcpkit.server.interfaces import InterfaceSpec
from dhcpkit.server.sockets import Sockets
from dhcpkit.server.sockets6 import Sockets6
async def main():
    family = int(sys.argv[1])
    everywhere = [InterfaceSpec("*", 0, family)]
    sockets = (Sockets6 if family == 6 else Sockets)(everywhere, print, redetect=False)
    sockets.start(asyncio.get_running_loop())
    for line in sys.stdin:
        what, *redetect = line.split()
        if what == "refresh":
            sockets.refresh()
        else:
            sockets.reconfigure(everywhere, raw=True, redetect=redetect == ["true"])
        ports = sockets._ports if family == 6 else sockets._udp
        print(json.dumps(sorted({port.interface.name for port in ports.values()})), flush=True)
    sockets.close()
asyncio.run(main())
"""

ETH0 = Interface(
    *("eth0", 2, b"\2" * 6),
    up=True,
    loopback=False,
    ethernet=True,
    addresses=(1, 2),
    addresses6=(10,),
    tentative6=(11,),
)


def test_what_is_known_is_as_it_is_now_and_no_more():
    there = {"eth0": ETH0}
    detection = Detection(again=False, look=lambda: dict(there))
    assert detection.present() == there
    there["eth1"] = attrs.evolve(ETH0, name="eth1")
    there["eth0"] = attrs.evolve(
        ETH0, index=7, up=False, addresses=(3, 2), addresses6=(11, 12), tentative6=(10, 13), mac=b"\4" * 6
    )
    known = attrs.evolve(there["eth0"], addresses=(2,), addresses6=(11,), tentative6=(10,))
    assert detection.present() == {"eth0": known}
    assert detection.present() == {"eth0": known}, "what was there at the start counts, not at the last look"
    del there["eth0"]
    assert detection.present() == {}
    there["eth0"] = ETH0
    assert detection.present() == {"eth0": ETH0}
    detection.again = True
    assert detection.present() == there
    detection.again = False
    assert detection.present() == there, "known since the last detection"
