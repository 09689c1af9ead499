"""Real sockets on a real link: what is heard, what is left to others, and how clients are reached."""

import json
import subprocess
import sys
import time
from ipaddress import IPv4Address

import pytest

from dhcpkit.server.frames import FrameMaker
from dhcpkit.wire import MessageType, Packet4

pytestmark = pytest.mark.privileged

# Listens on eth0 and prints what is heard as JSON lines, until it has heard the end mark.
HEAR = """
import asyncio, json, sys
from dhcpkit.server.interfaces import InterfaceSpec
from dhcpkit.server.sockets import Sockets
heard = []
async def main():
    done = asyncio.Event()
    def receive(datagrams):
        for data, arrival in datagrams:
            heard.append([data.hex(), arrival.source, arrival.port, arrival.local, arrival.broadcast,
                          arrival.source_mac.hex(":"), arrival.interface])
            if data == b"end":
                done.set()
    sockets = Sockets([InterfaceSpec.parse(text) for text in sys.argv[2:]], receive, raw=sys.argv[1] == "raw")
    sockets.start(asyncio.get_running_loop())
    print(json.dumps(sorted(sockets.troubles)), flush=True)
    await asyncio.wait_for(done.wait(), 20)
    sockets.close()
asyncio.run(main())
print(json.dumps(heard))
"""

# Sends frames, given as hexadecimal digits, from the client's eth0; then the end mark, over and over until killed.
SEND = """
import socket, sys, time
from dhcpkit.server.frames import FrameMaker
from dhcpkit.wire import MessageType, Packet4
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for frame in sys.argv[1:]:
    s.send(bytes.fromhex(frame))
maker = FrameMaker(bytes.fromhex("020000000010"), 0, 68)
while True:
    s.send(maker.build(b"end", b"\\xff" * 6, 0xFFFFFFFF, 67))
    time.sleep(0.05)
"""
SERVER, SERVER_MAC = 0x0A4D0001, bytes.fromhex("020000000001")
CLIENT = bytes.fromhex("020000000010")
BROADCAST = b"\xff" * 6


def frame(payload, *, source=0, port=68, mac=BROADCAST, address=0xFFFFFFFF, to_port=67):
    return FrameMaker(CLIENT, source, port).build(payload, mac, address, to_port)


def tagged(octets, vlan):
    return octets[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + octets[12:]


def exchange(link, tmp_path, frames, *, mode="raw", specs=("eth0",), wait=None):
    """What the server hears of frames that the client sends."""
    log = tmp_path / "hear.log"
    listener = link.start("s", sys.executable, "-c", HEAR, mode, *specs, log=log)
    while "[" not in log.read_text():
        assert listener.poll() is None, log.read_text()
        time.sleep(0.02)
    if wait is not None:
        wait()
    sender = link.start(
        "c", sys.executable, "-c", SEND, *(octets.hex() for octets in frames), log=tmp_path / "send.log"
    )
    listener.wait(30)
    sender.kill()
    sender.wait()
    troubles, heard = (line for line in log.read_text().splitlines() if line.startswith("["))
    return [(bytes.fromhex(h[0]), *h[1:]) for h in json.loads(heard) if bytes.fromhex(h[0]) != b"end"], json.loads(
        troubles
    )


def test_what_a_packet_socket_hears(link, tmp_path):
    fragment = bytearray(frame(b"fragment"))
    fragment[20] |= 0x20
    other_port = frame(b"other port", to_port=69)
    heard, troubles = exchange(
        link,
        tmp_path,
        [
            frame(b"broadcast"),
            frame(b"unicast", source=0x0A4D0909, mac=SERVER_MAC, address=SERVER),
            frame(b"other host", mac=b"\2\0\0\0\0\x99", address=SERVER),
            frame(b"other address", mac=SERVER_MAC, address=SERVER + 1),
            bytes(fragment),
            other_port,
            tagged(frame(b"vlan 7"), 7),
            tagged(frame(b"priority"), 0x6000),
            frame(b"odd port", port=12345),
        ],
    )
    mac = CLIENT.hex(":")
    assert troubles == []
    assert heard == [
        (b"broadcast", 0, 68, SERVER, True, mac, "eth0"),
        (b"unicast", 0x0A4D0909, 68, SERVER, False, mac, "eth0"),
        (b"priority", 0, 68, SERVER, True, mac, "eth0"),
        (b"odd port", 0, 12345, SERVER, True, mac, "eth0"),
    ]


def test_udp_hears_what_is_sent_to_its_address(link, tmp_path):
    link.ip("c", "addr", "add", "10.77.9.9/16", "dev", "eth0")
    unicast = frame(b"unicast", source=0x0A4D0909, mac=SERVER_MAC, address=SERVER, port=67)
    end = frame(b"end", source=0x0A4D0909, mac=SERVER_MAC, address=SERVER)
    heard, _ = exchange(link, tmp_path, [frame(b"broadcast"), unicast, end], mode="udp")
    assert heard == [(b"unicast", 0x0A4D0909, 67, SERVER, False, "", "eth0")]


def test_an_interface_that_comes_later_is_served(link, tmp_path):
    link.ip("s", "link", "set", "eth0", "name", "late0")

    def come():
        link.ip("s", "link", "set", "late0", "down")
        link.ip("s", "link", "set", "late0", "name", "eth0")
        link.ip("s", "link", "set", "eth0", "up")

    heard, troubles = exchange(link, tmp_path, [frame(b"lost")], wait=come)
    assert troubles == ["interface 'eth0' doesn't exist in the system"]
    assert all(data == b"lost" for data, *_ in heard)


def test_several_addresses_have_a_socket_each_and_one_hears_broadcasts(link, tmp_path):
    link.ip("s", "addr", "add", "10.77.0.2/16", "dev", "eth0")
    datagrams = [frame(b"broadcast"), frame(b"second", source=0x0A4D0909, mac=SERVER_MAC, address=SERVER + 1)]
    heard, _ = exchange(link, tmp_path, datagrams)
    assert [(data, local) for data, _, _, local, *_ in heard] == [(b"broadcast", SERVER), (b"second", SERVER + 1)]


def test_one_address_of_several_is_served_alone(link, tmp_path):
    link.ip("s", "addr", "add", "10.77.0.2/16", "dev", "eth0")
    datagrams = [frame(b"broadcast"), frame(b"first", source=0x0A4D0909, mac=SERVER_MAC, address=SERVER)]
    heard, _ = exchange(link, tmp_path, datagrams, specs=("eth0/10.77.0.2",))
    assert [(data, local) for data, _, _, local, *_ in heard] == [(b"broadcast", SERVER + 1)]


HOLD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.0.1", 67))
print("held", flush=True)
sys.stdin.read()
"""

OPEN = """
import asyncio, json, sys
from dhcpkit.server.interfaces import InterfaceSpec
from dhcpkit.server.sockets import Sockets
async def main():
    sockets = Sockets([InterfaceSpec("eth0")], print)
    sockets.start(asyncio.get_running_loop())
    print(json.dumps([list(sockets.troubles), sockets.open_count]))
    sockets.close()
asyncio.run(main())
"""


def test_a_port_in_use_names_its_holder(link, tmp_path):
    words = ["ip", "netns", "exec", link.names["s"], sys.executable, "-c", HOLD]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        [[trouble], count] = json.loads(link.python("s", OPEN))
        holder.communicate()
    assert count == 0
    assert "the port is in use by python" in trouble
    assert f"(process {holder.pid})" in trouble


def test_without_permission_the_line_to_run_is_shown(link):
    code = OPEN.replace("asyncio.run", "import os; os.setgid(65534); os.setuid(65534)\nasyncio.run")
    [[trouble], count] = json.loads(link.python("s", code))
    assert count == 0
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW" in trouble
    assert "setcap cap_net_bind_service,cap_net_raw+ep /" in trouble


# A client that has a UDP socket only: asks, and prints the answer and how long the frames were that it came in.
ASK = """
import json, select, socket, sys, time
source, query = sys.argv[1], bytes.fromhex(sys.argv[2])
hears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
hears.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
hears.setsockopt(socket.SOL_SOCKET, 25, b"eth0\\0")  # SO_BINDTODEVICE
hears.bind((source, 68))
hears.settimeout(10)
sees = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
sees.bind(("eth0", 0))
from dhcpkit.server.frames import FrameMaker
from dhcpkit.wire import MessageType, Packet4
for _ in range(20):
    if source:
        hears.sendto(query, ("10.77.0.1", 67))
    else:
        maker = FrameMaker(bytes.fromhex("020000000010"), 0, 68)
        sees.send(maker.build(query, b"\\xff" * 6, 0xFFFFFFFF, 67))
    if select.select([hears], (), (), 1)[0]:
        break
answer = hears.recv(65536).hex()
sees.setblocking(False)
frames = []
try:
    while True:
        frame = sees.recv(65536)
        if frame[26:30] == bytes((10, 77, 0, 1)):
            frames.append([len(frame), frame[20] << 8 | frame[21]])
except BlockingIOError:
    print(json.dumps([answer, frames]))
"""
LONG = "x" * 2000
TOO_LONG = {
    "option-def": [{"name": "long", "code": 230, "type": "string"}],
    "option-data": [{"name": "long", "data": LONG, "always-send": True}],
    "protection": {"amplification": 0},  # a short question may have this long an answer
}


@pytest.mark.parametrize("broadcast", [False, True])
@pytest.mark.parametrize("source", ["", "10.77.1.5"], ids=["without-address", "with-address"])
def test_an_answer_longer_than_a_frame_is_sent_in_pieces(link, running, source, broadcast):
    """Kea 2.2 gives up: `failed to send DHCPv4 packet, errno=90`."""
    running.write(**TOO_LONG)
    running.start()
    if source:
        link.ip("c", "addr", "add", f"{source}/16", "dev", "eth0")
    address = int(IPv4Address(source or 0))
    kind = MessageType.INFORM if source else MessageType.DISCOVER
    query = Packet4(kind, {}, xid=7, chaddr=CLIENT, broadcast=broadcast, ciaddr=address)
    octets, frames = json.loads(link.python("c", ASK, source, query.data.hex()))
    answer = Packet4.parse(bytes.fromhex(octets))
    assert answer.type == (MessageType.ACK if source else MessageType.OFFER)
    assert answer.options[230] == LONG.encode(), "the client's system has put it together"
    assert len(frames) == 2
    assert max(size for size, _ in frames) <= 1514
    assert [fragment & 0x2000 for _, fragment in frames] == [0x2000, 0]
    assert running.text().count("DHCP4_ANSWER_IN_PIECES") == 1
    assert running.stop() == 0


def test_a_frame_that_has_room_takes_it_whole(link, running):
    link.ip("s", "link", "set", "eth0", "mtu", "9000")
    link.ip("c", "link", "set", "eth0", "mtu", "9000")
    running.write(**TOO_LONG)
    running.start()
    query = Packet4(MessageType.DISCOVER, {}, xid=7, chaddr=CLIENT, broadcast=True)
    octets, frames = json.loads(link.python("c", ASK, "", query.data.hex()))
    assert Packet4.parse(bytes.fromhex(octets)).options[230] == LONG.encode()
    assert len(frames) == 1
    assert "DHCP4_ANSWER_IN_PIECES" not in running.text()
