"""Messages of DHCPv4 exchanges: what RFC 2131's tables, relay agents and leasequery want in each of them."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import packets4
from dhcpkit.wire import MessageType, Op, Packet4, SubOptions
from dhcpkit.wire.auth import Authentication, is_signed4, signed4
from dhcpkit.wire.messages4 import (
    HOPS_MAX,
    ack4,
    ack_inform4,
    bootp_reply4,
    bootp_request4,
    decline4,
    discover4,
    forcerenew4,
    inform4,
    nak4,
    offer4,
    rebind4,
    reboot4,
    relay4,
    release4,
    renew4,
    request4,
    unrelay4,
)
from dhcpkit.wire.options4 import (
    DHCP4,
    DHCP_AGENT_OPTIONS,
    DHCP_CLIENT_IDENTIFIER,
    DHCP_LEASE_TIME,
    DHCP_MESSAGE,
    DHCP_REQUESTED_ADDRESS,
    DHCP_SERVER_IDENTIFIER,
    HOST_NAME,
    RELAY_CIRCUIT_ID,
    RELAY_REMOTE_ID,
    ROUTERS,
)
from dhcpkit.wire.problems import problems
from dhcpkit.wire.queries4 import (
    active_leasequery4,
    bulk_leasequery4,
    lease_active4,
    lease_unassigned4,
    lease_unknown4,
    leasequery4,
    leasequery_done4,
    leasequery_status4,
    tls4,
    tls_reply4,
)

MAC = b"\2\0\0\0\0\1"
SERVER = IPv4Address("192.0.2.1")
ADDRESS = IPv4Address("192.0.2.77")
CLIENT = b"\1" + MAC
FIELDS = ("op", "htype", "hlen", "hops", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr")


def header(packet, **others):
    """Every field of the header that is not 0, but what the client's hardware address makes it."""
    found = {name: getattr(packet, name) for name in FIELDS}
    usual = {"htype": 1, "hlen": 6, "chaddr": MAC}
    return {name: value for name, value in found.items() if value != usual.get(name, 0)}


def codes(packet):
    return list(packet.options)


DISCOVER = discover4(MAC, {HOST_NAME: "pc"}, xid=7, client_id=CLIENT, secs=3, broadcast=True)
OFFER = offer4(DISCOVER, ADDRESS, {ROUTERS: (SERVER,)}, server_id=SERVER, lifetime=3600, siaddr=SERVER, file=b"boot")
REQUEST = request4(OFFER, secs=3)
ACK = ack4(REQUEST, ADDRESS, server_id=SERVER, lifetime=3600)


def test_discover():
    assert DISCOVER.type == MessageType.DISCOVER
    assert header(DISCOVER) == {"op": 1, "xid": 7, "secs": 3, "flags": 0x8000}
    assert codes(DISCOVER) == [53, 61, 12]
    wish = discover4(MAC, xid=1, address=ADDRESS)
    assert wish[DHCP_REQUESTED_ADDRESS] == ADDRESS
    assert codes(wish) == [53, 50]


def test_offer():
    """RFC 2131 table 3, and RFC 6842 for the client's identifier."""
    assert header(OFFER) == {
        "op": 2, "xid": 7, "flags": 0x8000, "yiaddr": int(ADDRESS), "siaddr": int(SERVER),
    }  # fmt: skip
    assert OFFER.file == b"boot"
    assert codes(OFFER) == [53, 54, 51, 61, 3]
    assert (OFFER[DHCP_SERVER_IDENTIFIER], OFFER[DHCP_LEASE_TIME]) == (SERVER, 3600)
    assert OFFER[DHCP_CLIENT_IDENTIFIER] == DISCOVER[DHCP_CLIENT_IDENTIFIER]


# RFC 2131 4.3.2: what tells the four states apart. ciaddr, server identifier, requested address.
STATES = {
    "selecting": (REQUEST, 0, SERVER, ADDRESS),
    "init-reboot": (reboot4(MAC, ADDRESS, xid=1), 0, None, ADDRESS),
    "renewing": (renew4(ACK, xid=1), int(ADDRESS), None, None),
    "rebinding": (rebind4(ACK, xid=1), int(ADDRESS), None, None),
}


@pytest.mark.parametrize("state", STATES)
def test_requests_of_the_four_states(state):
    packet, ciaddr, server_id, wanted = STATES[state]
    assert (packet.type, packet.op, packet.chaddr) == (MessageType.REQUEST, Op.REQUEST, MAC)
    assert packet.ciaddr == ciaddr
    assert packet.get(DHCP_SERVER_IDENTIFIER) == server_id
    assert packet.get(DHCP_REQUESTED_ADDRESS) == wanted
    assert packet.yiaddr == packet.siaddr == packet.giaddr == packet.hops == 0


def test_a_request_goes_on_from_the_offer():
    assert (REQUEST.xid, REQUEST.flags, REQUEST.secs) == (7, 0x8000, 3)
    assert REQUEST.options[61] == CLIENT
    assert request4(OFFER, client_id=b"\0me").options[61] == b"\0me"


def test_acks():
    assert header(ACK) == {"op": 2, "xid": 7, "flags": 0x8000, "yiaddr": int(ADDRESS)}
    assert codes(ACK) == [53, 54, 51, 61]
    renewed = ack4(renew4(ACK, xid=9), ADDRESS, server_id=SERVER, lifetime=60)
    assert header(renewed) == {"op": 2, "xid": 9, "ciaddr": int(ADDRESS), "yiaddr": int(ADDRESS)}
    rapid = ack4(DISCOVER, ADDRESS, server_id=SERVER, lifetime=60)
    assert rapid.options[80] == b""


def test_inform_and_its_ack():
    inform = inform4(MAC, ADDRESS, xid=5)
    assert header(inform) == {"op": 1, "xid": 5, "ciaddr": int(ADDRESS)}
    answer = ack_inform4(inform, {ROUTERS: (SERVER,)}, server_id=SERVER)
    assert header(answer) == {"op": 2, "xid": 5, "ciaddr": int(ADDRESS)}
    assert codes(answer) == [53, 54, 3]


def test_nak():
    through = relay4(reboot4(MAC, ADDRESS, xid=1), SERVER)
    nak = nak4(through, server_id=SERVER, message="no")
    assert header(nak) == {"op": 2, "xid": 1, "flags": 0x8000, "giaddr": int(SERVER)}
    assert codes(nak) == [53, 54, 56]
    assert nak4(REQUEST, server_id=SERVER).flags == REQUEST.flags
    assert nak4(STATES["renewing"][0], server_id=SERVER).flags == 0


def test_decline_and_release():
    decline = decline4(ACK, xid=2, message="in use")
    assert header(decline) == {"op": 1, "xid": 2}
    assert (decline[DHCP_REQUESTED_ADDRESS], decline[DHCP_SERVER_IDENTIFIER]) == (ADDRESS, SERVER)
    assert (decline[DHCP_MESSAGE], decline.options[61]) == ("in use", CLIENT)
    release = release4(ACK, xid=3)
    assert header(release) == {"op": 1, "xid": 3, "ciaddr": int(ADDRESS)}
    assert codes(release) == [53, 54, 61]


def test_what_a_server_left_out_is_missed():
    for then in (request4, lambda answer: release4(answer, xid=1), lambda answer: decline4(answer, xid=1)):
        with pytest.raises(ValueError, match="server identifier"):
            then(Packet4(MessageType.OFFER, xid=1, chaddr=MAC))


def test_forcerenew_signed_with_a_nonce():
    """RFC 6704 3.1.2."""
    packet = forcerenew4(MAC, ADDRESS, Authentication.reconfigure(5), xid=1, server_id=SERVER)
    assert header(packet) == {"op": 2, "xid": 1, "ciaddr": int(ADDRESS)}
    assert codes(packet) == [53, 54, 90]
    key = bytes(range(16))
    assert is_signed4(signed4(bytes(packet), key), key)
    assert not is_signed4(bytes(packet), key)


def test_options_take_the_place_of_what_would_be_put_in():
    packet = discover4(MAC, {61: b"\0x", "dhcp-requested-address": ADDRESS}, xid=1, client_id=CLIENT)
    assert packet.options == {53: b"\1", 61: b"\0x", 50: ADDRESS.packed}
    less = offer4(DISCOVER, ADDRESS, {"dhcp-lease-time": None, 61: None, 82: b"\1\1x"}, server_id=SERVER, lifetime=1)
    assert codes(less) == [53, 54, 82]
    with pytest.raises(ValueError, match="no such option"):
        discover4(MAC, {"dhcp-nonsense": 1}, xid=1)
    assert codes(discover4(MAC, {"dhcp-nonsense": None}, xid=1)) == [53]


def test_relay_agents():
    first = relay4(DISCOVER, SERVER, {RELAY_CIRCUIT_ID: b"port7", 2: b"mac"})
    assert header(first) == header(DISCOVER) | {"hops": 1, "giaddr": int(SERVER)}
    assert codes(first) == [*codes(DISCOVER), 82]
    relay = first[DHCP_AGENT_OPTIONS]
    assert (relay[RELAY_CIRCUIT_ID], relay[RELAY_REMOTE_ID]) == (b"port7", b"mac")
    second = relay4(first, 5, {RELAY_CIRCUIT_ID: b"other"})
    assert header(second) == header(first) | {"hops": 2}
    assert second.options == first.options
    assert DHCP_AGENT_OPTIONS not in relay4(DISCOVER, SERVER)
    answer = offer4(second, ADDRESS, server_id=SERVER, lifetime=1)
    assert (answer.hops, answer.giaddr) == (0, int(SERVER))
    assert codes(answer)[-1] == 82
    assert answer.options[82] == first.options[82]
    assert codes(unrelay4(answer)) == codes(answer)[:-1]
    assert DISCOVER.hops == DISCOVER.giaddr == 0


def test_what_relay_agents_discard():
    tired = discover4(MAC, xid=1)
    tired.hops = HOPS_MAX
    assert relay4(tired, 1).hops == HOPS_MAX + 1
    with pytest.raises(ValueError, match="17 relay agents"):
        relay4(relay4(tired, 1), 1)
    forged = discover4(MAC, {82: b"\1\1x"}, xid=1)
    with pytest.raises(ValueError, match="option 82"):
        relay4(forged, SERVER, {1: b"y"})
    assert relay4(forged, SERVER, {1: b"y"}, trusted=True).options[82] == b"\1\1x"


@given(packets4().filter(lambda packet: not packet.giaddr and packet.hops <= HOPS_MAX), st.binary(max_size=600))
def test_what_a_relay_agent_adds_is_last_and_all(packet, circuit):
    packet.options.pop(82, None)
    size = len(bytes(packet))
    relayed = relay4(packet, SERVER, {RELAY_CIRCUIT_ID: circuit})
    assert list(relayed.options.items())[:-1] == list(packet.options.items())
    assert relayed[DHCP_AGENT_OPTIONS] == SubOptions.of({RELAY_CIRCUIT_ID: circuit})
    assert relayed.data[44:240] == packet.data[44:240]
    assert len(relayed.data) >= min(size, 300)
    back = unrelay4(relayed)
    assert list(back.options.items()) == list(packet.options.items())


def test_bootp():
    request = bootp_request4(MAC, {1: b"\xff\xff\0\0"}, xid=1, file=b"unix", sname=b"srv")
    assert (request.type, len(request.data), request.file, request.sname) == (0, 300, b"unix", b"srv")
    assert header(request) == {"op": 1, "xid": 1}
    reply = bootp_reply4(request, ADDRESS, siaddr=SERVER, file=b"/boot/unix")
    assert header(reply) == {"op": 2, "xid": 1, "yiaddr": int(ADDRESS), "siaddr": int(SERVER)}
    assert (reply.type, len(reply.data), codes(reply)) == (0, 300, [])


ONE = leasequery4(SERVER, xid=4, address=ADDRESS, asks=[51, 82])


def test_leasequery_asks_for_one_thing():
    assert header(ONE) == {
        "op": 1, "xid": 4, "htype": 0, "hlen": 0, "chaddr": b"", "ciaddr": int(ADDRESS), "giaddr": int(SERVER),
    }  # fmt: skip
    assert ONE.options == {53: b"\x0a", 55: b"\x33\x52"}
    mac = leasequery4(SERVER, xid=4, chaddr=MAC)
    assert header(mac) == {"op": 1, "xid": 4, "giaddr": int(SERVER)}
    client = leasequery4(SERVER, xid=4, client_id=CLIENT)
    assert (client.htype, client.hlen, client.ciaddr, client.options[61]) == (0, 0, 0, CLIENT)
    for wrong in ({}, {"address": ADDRESS, "chaddr": MAC}, {"chaddr": MAC, "client_id": CLIENT}):
        with pytest.raises(ValueError, match="an address, a MAC address or a client"):
            leasequery4(SERVER, xid=1, **wrong)


def test_answers_to_leasequery():
    active = lease_active4(
        ONE, ADDRESS, server_id=SERVER, chaddr=MAC, client_id=CLIENT, lifetime=60, last_transaction=5,
        associated=[SERVER], relay_information=SubOptions.of({RELAY_CIRCUIT_ID: b"x"}),
    )  # fmt: skip
    assert header(active) == {"op": 2, "xid": 4, "ciaddr": int(ADDRESS), "giaddr": int(SERVER)}
    assert codes(active) == [53, 54, 61, 51, 91, 92, 82]
    unassigned = lease_unassigned4(ONE)
    assert (unassigned.ciaddr, codes(unassigned)) == (int(ADDRESS), [53])
    unknown = lease_unknown4(leasequery4(SERVER, xid=4, chaddr=MAC), server_id=SERVER)
    assert (unknown.chaddr, codes(unknown)) == (MAC, [53, 54])


def test_bulk_and_active_leasequery():
    by_relay = bulk_leasequery4(xid=1, relay_id=b"\0\3abc", start_time=5, end_time=6, asks=[152])
    assert header(by_relay) == {"op": 1, "xid": 1, "htype": 0, "hlen": 0, "chaddr": b""}
    assert by_relay.options == {
        53: b"\x0e", 55: b"\x98", 154: b"\0\0\0\5", 155: b"\0\0\0\6", 82: b"\x0c\5\0\3abc",
    }  # fmt: skip
    assert bulk_leasequery4(xid=1, remote_id=b"x").options[82] == b"\2\1x"
    assert bulk_leasequery4(xid=1, chaddr=MAC).chaddr == MAC
    assert codes(bulk_leasequery4(xid=1)) == [53]
    with pytest.raises(ValueError, match="one thing"):
        bulk_leasequery4(xid=1, chaddr=MAC, remote_id=b"x")
    active = active_leasequery4(xid=2, start_time=9)
    assert (active.type, active.htype, active.options[154]) == (MessageType.ACTIVELEASEQUERY, 0, b"\0\0\0\x09")
    done = leasequery_done4(by_relay, status=1, message="oh")
    assert (done.op, done.xid, done.options) == (2, 1, {53: b"\x0f", 151: b"\1oh"})
    assert codes(leasequery_done4(by_relay)) == [53]
    status = leasequery_status4(active, status=6, base_time=10)
    assert (status.xid, status.options) == (2, {53: b"\x11", 151: b"\6", 152: b"\0\0\0\x0a"})
    assert (tls4(xid=3).op, tls4(xid=3).options) == (1, {53: b"\x12"})
    assert (tls_reply4(tls4(xid=3)).op, tls_reply4(tls4(xid=3)).xid) == (2, 3)
    assert tls_reply4(tls4(xid=3), status=8).options[151] == b"\x08"


ALL = [
    DISCOVER, OFFER, ACK, ONE, *(packet for packet, *_ in STATES.values()), relay4(DISCOVER, SERVER, {1: b"x"}),
    nak4(REQUEST, server_id=1), decline4(ACK, xid=2), release4(ACK, xid=3), bootp_request4(MAC, xid=1),
    bulk_leasequery4(xid=1, relay_id=b"\0\3abc"), active_leasequery4(xid=2, start_time=9), tls4(xid=1),
    leasequery_done4(ONE, status=1), leasequery_status4(ONE, status=6, base_time=10),
]  # fmt: skip


@pytest.mark.parametrize("packet", ALL, ids=str)
def test_nothing_is_wrong_with_any(packet):
    assert packet.flaws == problems(packet) == ()
    for code in packet.options:
        assert DHCP4.by_code(code) is not None
    assert Packet4.parse(bytes(packet)) == packet
