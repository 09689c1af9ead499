"""Nobody is flooded by way of the server, and relays do not go round in circles: promises of docs/why/promises.md."""

import importlib.util
import socket
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Network, Pool4, Subnet4
from dhcpkit.alloc.answer import Outgoing4
from dhcpkit.alloc.answer6 import Outgoing6
from dhcpkit.alloc.guards import RELAY_LEVELS, Protection
from dhcpkit.alloc.network6 import Network6, Pool6, Subnet6
from dhcpkit.alloc.options import OptionValue, OptionValues
from dhcpkit.server.datagrams import Inbox
from dhcpkit.server.interfaces import Interface
from dhcpkit.server.reach import require_reachable4, require_reachable6
from dhcpkit.server.sockets import RawPort, Sockets, UdpPort
from dhcpkit.server.sockets6 import Port6, Sockets6
from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import RELAYS_MAX, Arrival6, Packet6, Relay6
from dhcpkit.wire.options4 import NTP_SERVERS
from dhcpkit.wire.options6 import SNTP_SERVERS

_spec = importlib.util.spec_from_file_location("server_relayed", Path(__file__).parent / "relayed.py")
r = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(r)

OWN = int(IPv4Address("192.0.2.1"))
OWN6 = int(IPv6Address("2001:db8::1"))
NEVER = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.255.255.255", "240.0.0.1", "192.0.2.1"]
NEVER6 = ["::", "::1", "ff02::1:2", "ff05::1:3", "2001:db8::1"]


def reachable(address, **kwargs):
    try:
        require_reachable4(address, {OWN}, loopback=False, **kwargs)
    except OSError:
        return False
    return True


@given(st.integers(0, 2**32 - 1) | st.sampled_from([int(IPv4Address(text)) for text in NEVER]))
def test_groups_loopback_and_the_server_itself_get_no_answers(address):
    shown = IPv4Address(address)
    never = shown.is_multicast or shown.is_loopback or shown.is_reserved or address >> 24 == 0 or address == OWN
    assert reachable(address) == (not never)


@given(st.integers(0, 2**128 - 1) | st.sampled_from([int(IPv6Address(text)) for text in NEVER6]))
def test_the_same_of_dhcpv6(address):
    shown = IPv6Address(address)
    never = shown.is_multicast or shown.is_loopback or shown.is_unspecified or address == OWN6
    try:
        require_reachable6(address, {OWN6}, loopback=False, client=False)
        reached = True
    except OSError:
        reached = False
    assert reached == (not never)


def test_this_machine_may_be_its_own_client_over_loopback():
    require_reachable4(int(IPv4Address("127.0.0.1")), {OWN}, loopback=True)
    require_reachable4(OWN, {OWN}, loopback=True)
    require_reachable6(1, {OWN6}, loopback=True, client=False)
    require_reachable6(OWN6, {OWN6}, loopback=False, client=True)
    for address in ("224.0.0.1", "255.255.255.255"):
        with pytest.raises(OSError, match="never answered"):
            require_reachable4(int(IPv4Address(address)), set(), loopback=True)


class Sent:
    """In the place of a socket, and of what sends by it: keeps what would be sent."""

    def __init__(self):
        self.calls = []

    def fileno(self):
        return 3

    def send(self, *arguments):
        self.calls.append(arguments)
        return ()

    sendto = sendmsg = send


def ethernet(address):
    return Interface("eth0", 2, b"\2\0\0\0\0\1", up=True, loopback=False, ethernet=True, addresses=(address,))


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "udp"])
def test_the_sockets_hold_to_it_whoever_made_the_answer(raw):
    sockets, sent = Sockets([], None), Sent()
    port = object.__new__(RawPort if raw else UdpPort)
    port.interface, port.socket = ethernet(OWN), sent
    port._names, port._answered, port._info, port._makers, port._asks = {}, set(), b"", {OWN: Maker()}, False
    port._sockaddrs, sockets._outbox = {}, sent
    port.know(frozenset((OWN,)))
    (sockets._raw if raw else sockets._udp)[2 if raw else (2, OWN)] = port
    arrival = Arrival("eth0", 2, 0x0A000005, 67, OWN)
    hwaddr = b"\2\0\0\0\0\5" if raw else b""
    answers = [(Outgoing4(bytes(300), 5, int(IPv4Address(text)), 67, hwaddr), arrival) for text in NEVER]
    good = [(Outgoing4(bytes(300), 5, 0x0A000005, 67, hwaddr), arrival)]
    for _ in range(2):
        failed = sockets.send([*answers, *good])
        assert [index for index, _ in failed] == list(range(len(NEVER)))
    assert len(sent.calls) == 2


class Maker:
    def build(self, data, mac, address, port):
        return data


def test_the_dhcpv6_sockets_hold_to_it_too():
    sockets, sent = Sockets6([], None), Sent()
    port = object.__new__(Port6)
    port.interface, port.socket, port._names = ethernet(OWN), sent, {}
    port._sockaddrs, sockets._outbox = {}, sent
    port.know(frozenset((OWN6,)))
    sockets._ports[2, OWN6] = port
    arrival = Arrival6("eth0", 2, 5, 547, OWN6)
    answers = [(Outgoing6(b"x" * 40, 7, int(IPv6Address(text)), 547, "eth0", 2), arrival) for text in NEVER6]
    good = [(Outgoing6(b"x" * 40, 7, OWN6 + 5, 547, "eth0", 2), arrival)]
    for _ in range(2):
        assert [index for index, _ in sockets.send([*answers, *good])] == list(range(len(NEVER6)))
    assert len(sent.calls) == 2


def test_ports_hear_of_the_servers_addresses():
    lo = Interface("lo", 1, b"", up=True, loopback=True, ethernet=False, addresses=(0x7F000001,))
    port = UdpPort(lo, 0x7F000001, 0, Inbox(socket.AF_INET), hears=True)
    try:
        _, arguments = port.call(b"x", 0x7F000001, 9)
        assert arguments[1] == ("127.0.0.1", 9)
        port.interface = ethernet(0x7F000001)
        port.know(frozenset((OWN,)))
        for address in (0x7F000001, OWN):
            with pytest.raises(OSError, match="never answered"):
                port.call(b"x", address, 9)
        assert port.socket.family == socket.AF_INET
    finally:
        port.socket.close()


# Amplification.


def wide4(octets, **limits):
    values = OptionValues([OptionValue.of(NTP_SERVERS, (IPv4Address("192.0.2.9"),) * (octets // 4), always_send=True)])
    subnet = Subnet4("10.0.0.0/16", id=7, pools=[Pool4("10.0.16.0/24")], options=values, interface="eth0")
    return r.World4(r.x4.Bench(net=Network([subnet], protection=Protection(**limits))))


def wide6(octets, **limits):
    values = OptionValues([OptionValue.of(SNTP_SERVERS, (IPv6Address("::9"),) * (octets // 16), always_send=True)])
    pool = Pool6(r.LINK + 0x1000, r.LINK + 0x1FFF)
    subnet = Subnet6("2001:db8::/64", id=7, pools=[pool], options=values, interface="eth0")
    net = Network6([subnet], server_id=r.x6.SERVER_ID, protection=Protection(**limits))
    return r.World6(r.x6.Bench(net=net))


wides = pytest.mark.parametrize("wide", [wide4, wide6], ids=["v4", "v6"])


@wides
def test_an_answer_is_at_most_three_times_as_long_as_its_message(wide):
    for octets in range(80, 1200, 80):
        here = wide(octets)
        asked = here.datagram("discover", 1, "1/1", 1)
        here.bench.batches.take([(asked, here.arrival(1))])
        headers = 28 if here.number == 4 else 48
        sent = [len(packet.data) + headers for packet in here.bench.wire.sent]
        assert all(size <= 3 * (len(asked) + headers) for size in sent)
        assert len(sent) + here.value("dhcpkit-amplifications") == 1
    assert here.value("dhcpkit-amplifications") == 1, "the longest was too long"
    assert here.value("pkt6-advertise-sent" if here.number == 6 else "pkt4-offer-sent") == 0


@wides
def test_a_relay_that_the_configuration_lists_is_vouched_for(wide):
    here = wide(1100, relays=frozenset((r.GIADDR + 1, r.LINK + 1)))
    assert here.get(1, "1/1", 1) is not None
    assert wide(1100, amplification=0).get(1, "1/1", 1) is not None
    assert wide(1100).get(1, "1/1", 1) is None


@wides
def test_a_client_on_the_link_cannot_aim_elsewhere(wide):
    here = wide(1100)
    assert here.get(1, "", 0) is not None


# Relays around relays.


def nested(levels, kind=None):
    inner = Packet6.parse(r.x6.message(kind or r.x6.SOLICIT, 1))
    around = [Relay6(12, levels - n - 1, r.LINK, r.LINK, [(18, b"p")]) for n in range(levels)]
    return bytes(r.attrs_of(inner, *around))


@pytest.mark.parametrize("limit", [1, 2, RELAY_LEVELS, 32])
def test_messages_that_passed_too_many_relays_are_dropped(limit):
    here = r.World6.made(relay_levels=limit)
    for levels in (*range(1, 10), 31, 32):
        answers = here.ask(nested(levels))
        assert bool(answers) == (levels <= limit), levels


def test_eight_relays_are_served_unless_told_otherwise():
    assert Protection().relay_levels == RELAY_LEVELS == 8
    assert RELAYS_MAX == 32


def test_relays_are_taken_off_without_recursion():
    """A datagram full of relay headers: no more than 32 are looked through, and it is no message then."""
    data = r.x6.message(r.x6.SOLICIT, 1)
    for _ in range(1600):
        data = b"\x0c\0" + bytes(32) + b"\0\x09" + (len(data) & 0xFFFF).to_bytes(2, "big") + data
    packet = Packet6.parse(data[:65_535])
    assert len(packet.relays) <= RELAYS_MAX
    here = r.World6.made(relay_levels=32)
    assert here.ask(data[:65_535]) == []


@pytest.mark.parametrize("kind", ["discover", "request", "renew"])
def test_hops(kind):
    """RFC 1542 4.1.1: a message that passed more than 16 relay agents goes round in circles."""
    here = r.World4.made()
    address = here.get(1, "1/1", 1)
    for hops in (0, 1, 15, 16, 17, 255):
        data = bytearray(here.datagram(kind, 1, "1/1", 1, address=address, xid=hops + 9))
        data[3] = hops
        assert bool(here.ask(bytes(data))) == (hops <= 16)
    assert here.value("pkt4-rfc-violation") == 2
