"""Messages of DHCPv6 exchanges: what RFC 8415, relay agents and leasequery want in each of them."""

from ipaddress import IPv6Address

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import packets6
from dhcpkit.wire import (
    DelegatedPrefix,
    Duid,
    IdentityAssociation,
    LeasedAddress,
    MessageType6,
    Options6,
    Packet6,
    Relay6,
    StatusCode,
    StatusCode6,
    TemporaryAssociation,
)
from dhcpkit.wire.auth import Authentication, is_signed6, signed6
from dhcpkit.wire.dhcp6 import RELAYS_MAX
from dhcpkit.wire.messages4 import discover4
from dhcpkit.wire.messages6 import (
    HOP_COUNT_LIMIT,
    addr_reg_inform6,
    addr_reg_reply6,
    advertise6,
    confirm6,
    decline6,
    dhcpv4_query6,
    dhcpv4_response6,
    information_request6,
    rebind6,
    reconfigure6,
    relay_forward6,
    relay_reply6,
    release6,
    renew6,
    reply6,
    request6,
    solicit6,
    unrelay6,
)
from dhcpkit.wire.options6 import (
    DHCP6,
    ELAPSED_TIME,
    IA_NA,
    IA_PD,
    IA_TA,
    IAADDR,
    IAPREFIX,
    INTERFACE_ID,
    ORO,
    PREFERENCE,
    RELAY_MSG,
    STATUS_CODE,
)
from dhcpkit.wire.problems import problems
from dhcpkit.wire.queries6 import (
    active_leasequery6,
    client_data6,
    leasequery6,
    leasequery_data6,
    leasequery_done6,
    leasequery_reply6,
    start_tls6,
)

CLIENT = Duid.of_link_layer(b"\2\0\0\0\0\1")
SERVER = Duid.of_link_layer(b"\2\0\0\0\0\2", time=5)
ADDRESS = IPv6Address("2001:db8::77")
FE80 = IPv6Address("fe80::1")
LINK = IPv6Address("2001:db8::1")
ASKED = [(IA_NA, IdentityAssociation(1)), (IA_TA, TemporaryAssociation(2)), (IA_PD, IdentityAssociation(3))]

NA = IdentityAssociation(
    1, 10, 20,
    Options6.of([(IAADDR, LeasedAddress(ADDRESS, 30, 40)), (STATUS_CODE, StatusCode6(0, "good"))]),
)  # fmt: skip
TA = TemporaryAssociation(2, Options6.of({IAADDR: LeasedAddress(LINK, 5, 6)}))
PD = IdentityAssociation(3, 10, 20, Options6.of({IAPREFIX: DelegatedPrefix(30, 40, 56, IPv6Address("2001:db8:1::"))}))
LEASES = [(IA_NA, NA), (IA_TA, TA), (IA_PD, PD)]

SOLICIT = solicit6(CLIENT, ASKED, xid=5, asks=[23, 24], elapsed=100)
ADVERTISE = advertise6(SOLICIT, LEASES, server_id=SERVER, preference=255)
REQUEST = request6(ADVERTISE, xid=6)
REPLY = reply6(REQUEST, LEASES, server_id=SERVER)


def codes(packet):
    return [code for code, _ in packet.options.items()]


def identifiers(packet):
    return packet.options.first.get(1), packet.options.first.get(2)


def test_solicit():
    assert (SOLICIT.type, SOLICIT.xid) == (MessageType6.SOLICIT, 5)
    assert codes(SOLICIT) == [1, 6, 8, 3, 4, 25]
    assert identifiers(SOLICIT) == (CLIENT.octets, None)
    assert (SOLICIT[ORO], SOLICIT[ELAPSED_TIME]) == ((82, 23, 24), 100)
    assert codes(solicit6(CLIENT.octets, xid=1, rapid_commit=True)) == [1, 6, 8, 14]


def test_advertise():
    assert (ADVERTISE.type, ADVERTISE.xid) == (MessageType6.ADVERTISE, 5)
    assert identifiers(ADVERTISE) == (CLIENT.octets, SERVER.octets)
    assert ADVERTISE[PREFERENCE] == 255
    assert ADVERTISE[IA_NA] == NA
    assert 7 not in advertise6(SOLICIT, server_id=SERVER).options.first


SENT_NA = IdentityAssociation(1, 0, 0, Options6.of({IAADDR: LeasedAddress(ADDRESS)}))
SENT_TA = TemporaryAssociation(2, Options6.of({IAADDR: LeasedAddress(LINK)}))
SENT_PD = IdentityAssociation(3, 0, 0, Options6.of({IAPREFIX: DelegatedPrefix(0, 0, 56, IPv6Address("2001:db8:1::"))}))


@pytest.mark.parametrize(
    ("packet", "kind", "server_id", "oro", "prefixes"),
    [
        (REQUEST, MessageType6.REQUEST, SERVER.octets, (82,), True),
        (renew6(REPLY, xid=6, asks=[23]), MessageType6.RENEW, SERVER.octets, (82, 23), True),
        (rebind6(REPLY, xid=6), MessageType6.REBIND, None, (82,), True),
        (confirm6(REPLY, xid=6), MessageType6.CONFIRM, None, None, False),
        (release6(REPLY, xid=6), MessageType6.RELEASE, SERVER.octets, None, True),
        (decline6(REPLY, xid=6), MessageType6.DECLINE, SERVER.octets, None, False),
    ],
    ids=lambda value: value.name if isinstance(value, MessageType6) else "",
)
def test_what_clients_say_of_their_leases(packet, kind, server_id, oro, prefixes):
    """RFC 8415 21.4, 21.6: a client says no times; appendix B: which options are in which message."""
    assert (packet.type, packet.xid) == (kind, 6)
    assert identifiers(packet) == (CLIENT.octets, server_id)
    assert packet.get(ORO) == oro
    assert packet[ELAPSED_TIME] == 0
    assert packet.all(IA_NA) == (SENT_NA,)
    assert packet.all(IA_TA) == (SENT_TA,)
    assert packet.all(IA_PD) == ((SENT_PD,) if prefixes else ())


def test_several_associations_keep_their_order():
    leases = [(IA_NA, attrs.evolve(NA, iaid=number)) for number in (9, 3, 7)]
    answer = advertise6(SOLICIT, leases, server_id=SERVER)
    assert [each.iaid for each in request6(answer, xid=1).all(IA_NA)] == [9, 3, 7]


def test_reply():
    assert identifiers(REPLY) == (CLIENT.octets, SERVER.octets)
    assert (REPLY.type, REPLY.xid, 14 in REPLY.options.first) == (MessageType6.REPLY, 6, False)
    rapid = reply6(SOLICIT, LEASES, server_id=SERVER)
    assert (rapid.xid, rapid.options.first[14]) == (5, b"")
    gone = reply6(release6(REPLY, xid=8), server_id=SERVER, status=StatusCode6(StatusCode.NO_BINDING, "who?"))
    assert gone[STATUS_CODE] == StatusCode6(3, "who?")


def test_information_request():
    packet = information_request6(CLIENT, xid=1, asks=[23])
    assert (identifiers(packet), packet[ORO]) == ((CLIENT.octets, None), (32, 83, 23))
    nameless = information_request6(None, xid=1)
    assert codes(nameless) == [6, 8]
    assert codes(reply6(nameless, server_id=SERVER)) == [2]


def test_reconfigure_signed_with_its_key():
    packet = reconfigure6(CLIENT, SERVER, Authentication.reconfigure(5), wanted=MessageType6.INFORMATION_REQUEST)
    assert (packet.xid, identifiers(packet), packet.options.first[19]) == (0, (CLIENT.octets, SERVER.octets), b"\x0b")
    key = bytes(range(16))
    assert is_signed6(signed6(bytes(packet), key), key)


def test_what_a_server_left_out_is_missed():
    for then in (request6, renew6, release6, decline6):
        with pytest.raises(ValueError, match="server identifier"):
            then(Packet6(MessageType6.REPLY), xid=1)


def test_options_take_the_place_of_what_would_be_put_in():
    packet = solicit6(CLIENT, {8: b"\0\1", "oro": None, "clientid": Duid(b"\0\1x")}, xid=1)
    assert list(packet.options.items()) == [(8, b"\0\1"), (1, b"\0\1x")]
    twice = solicit6(CLIENT, [(1, b"\0\1a"), (1, b"\0\1b")], xid=1)
    assert twice.options.payloads(1) == (b"\0\1a", b"\0\1b")
    with pytest.raises(ValueError, match="no such option"):
        solicit6(CLIENT, {"nonsense": 1}, xid=1)


def relayed(packet, depth):
    for number in range(depth):
        packet = relay_forward6(packet, {37: b"\0\0\0\x09x"}, link=LINK, peer=FE80, interface_id=b"if%d" % number)
    return packet


def test_relay_agents_wrap_and_unwrap():
    through = relayed(SOLICIT, 3)
    assert [relay.hops for relay in through.relays] == [2, 1, 0]
    assert {(relay.type, relay.link, relay.peer) for relay in through.relays} == {(12, int(LINK), int(FE80))}
    assert [relay[INTERFACE_ID] for relay in through.relays] == [b"if2", b"if1", b"if0"]
    assert through.message() == bytes(SOLICIT)
    answer = advertise6(through, LEASES, server_id=SERVER)
    assert [(relay.type, relay.hops, relay.link, relay.peer) for relay in answer.relays] == [
        (13, relay.hops, relay.link, relay.peer) for relay in through.relays
    ]
    assert [list(relay.options) for relay in answer.relays] == [[18, 9]] * 3
    assert answer.message() == bytes(advertise6(SOLICIT, LEASES, server_id=SERVER))
    for _ in range(3):
        answer = unrelay6(answer)
    assert answer == advertise6(SOLICIT, LEASES, server_id=SERVER)
    with pytest.raises(ValueError, match="no relay message"):
        unrelay6(answer)


def test_what_relay_agents_have_echoed():
    """RFC 4994: what option 43 asks for; RFC 8357: the relay port."""
    asked = {43: b"\0\x25\0\x12", 37: b"\0\0\0\x09x", 135: b"\0\0", 79: b"\0\1abcdef"}
    through = relay_forward6(SOLICIT, asked, link=LINK, peer=FE80, interface_id=b"eth0")
    answer = reply6(through, server_id=SERVER)
    assert list(answer.relays[0].options) == [18, 37, 135, 9]
    assert answer.relays[0].options.first[37] == b"\0\0\0\x09x"
    options = [(43, b"\0\x09\0"), (9, b""), (0, b"x"), (18, b"eth0")]
    greedy = Packet6(1, SOLICIT.options, relays=[Relay6(12, options=options)])
    assert list(reply6(greedy, server_id=SERVER).relays[0].options) == [18, 9]


def test_what_relay_agents_discard():
    through = relayed(SOLICIT, HOP_COUNT_LIMIT + 1)
    assert through.relays[0].hops == HOP_COUNT_LIMIT
    with pytest.raises(ValueError, match="relay agents"):
        relayed(through, 1)
    assert relay_forward6(through, link=LINK, peer=FE80, hop_count_limit=32).relays[0].hops == 9
    empty = Packet6(MessageType6.RELAY_FORW, hops=4)
    assert relay_forward6(empty, link=LINK, peer=FE80).relays[0].hops == 5


@given(packets6().filter(lambda packet: packet.type not in (12, 13)), st.integers(1, RELAYS_MAX))
def test_answers_follow_any_chain_back(packet, depth):
    through = packet
    for _ in range(depth):
        through = relay_forward6(through, link=LINK, peer=FE80, hop_count_limit=RELAYS_MAX)
    assert through.message() == bytes(packet)
    answer = relay_reply6(Packet6(MessageType6.REPLY, {1: b"x"}, xid=1), through)
    for _ in range(depth):
        assert answer.relays[0].type == MessageType6.RELAY_REPL
        answer = unrelay6(answer)
    assert answer == Packet6(MessageType6.REPLY, {1: b"x"}, xid=1)


def test_dhcpv4_over_dhcpv6():
    message = discover4(b"\2\0\0\0\0\1", xid=1)
    query = dhcpv4_query6(message)
    assert (query.type, query.xid, query.options.first[87]) == (20, 0, bytes(message))
    assert bytes(dhcpv4_query6(message, unicast=True))[:4] == b"\x14\x80\0\0"
    answer = dhcpv4_response6(relay_forward6(query, link=LINK, peer=FE80), message)
    assert (answer.type, answer.xid, len(answer.relays)) == (21, 0, 1)


def test_registered_addresses():
    inform = addr_reg_inform6(CLIENT, ADDRESS, xid=1, preferred=5, valid=6)
    assert (codes(inform), inform[IAADDR]) == ([1, 5], LeasedAddress(ADDRESS, 5, 6))
    answer = addr_reg_reply6(inform, server_id=SERVER)
    assert (answer.type, answer.xid, answer[IAADDR]) == (37, 1, inform[IAADDR])


def test_leasequery():
    ways = {
        "address": (ADDRESS, 1, (5, ADDRESS.packed + bytes(8))),
        "duid": (CLIENT, 2, (1, CLIENT.octets)),
        "relay_id": (SERVER, 3, (53, SERVER.octets)),
        "remote_id": (b"\0\0\0\x09x", 5, (37, b"\0\0\0\x09x")),
    }
    for name, (value, kind, option) in ways.items():
        query = leasequery6(CLIENT, xid=1, link=LINK, **{name: value})
        payload = query.options.first[44]
        assert (query.type, codes(query), payload[0], payload[1:17]) == (14, [1, 44], kind, LINK.packed)
        assert list(Options6(payload[17:]).items()) == [option]
    assert leasequery6(CLIENT, xid=1, link=LINK, asks=[3]).options.first[44] == b"\4" + LINK.packed + b"\0\6\0\2\0\3"
    for wrong in ({}, {"address": ADDRESS, "duid": CLIENT}):
        with pytest.raises(ValueError, match="one thing"):
            leasequery6(CLIENT, xid=1, **wrong)


def test_answers_to_leasequery():
    query = relay_forward6(leasequery6(SERVER, xid=3, duid=CLIENT), link=LINK, peer=FE80)
    data = client_data6(CLIENT, [LeasedAddress(ADDRESS, 5, 6), DelegatedPrefix(1, 2, 56, LINK)], last_transaction=9)
    assert [code for code, _ in data.items()] == [1, 5, 26, 46]
    answer = leasequery_reply6(query, server_id=CLIENT, data=data, links=[LINK, ADDRESS])
    assert (answer.type, answer.xid, len(answer.relays)) == (15, 3, 1)
    assert codes(answer) == [1, 2, 45, 48]
    assert answer.options.first[48] == LINK.packed + ADDRESS.packed
    refused = leasequery_reply6(query, server_id=CLIENT, status=StatusCode6(StatusCode.NOT_CONFIGURED))
    assert codes(refused) == [1, 2, 13]
    bulk = leasequery6(SERVER, xid=3, link=LINK)
    assert codes(leasequery_data6(bulk, data)) == [45]
    assert (codes(leasequery_done6(bulk)), leasequery_done6(bulk).xid) == ([], 3)
    assert active_leasequery6(SERVER, xid=4, start_time=7).options.first[101] == b"\0\0\0\7"
    assert (start_tls6(xid=5).type, bytes(start_tls6(xid=5))[1:]) == (23, b"\0\0\5")


ALL = [
    SOLICIT, ADVERTISE, REQUEST, REPLY, renew6(REPLY, xid=6), rebind6(REPLY, xid=6), confirm6(REPLY, xid=6),
    release6(REPLY, xid=6), decline6(REPLY, xid=6), information_request6(CLIENT, xid=1), relayed(SOLICIT, 2),
    advertise6(relayed(SOLICIT, 2), LEASES, server_id=SERVER),
    addr_reg_inform6(CLIENT, ADDRESS, xid=1, preferred=5, valid=6),
    leasequery6(SERVER, xid=3, link=LINK), active_leasequery6(SERVER, xid=4, start_time=7), start_tls6(xid=5),
    dhcpv4_query6(discover4(b"\2\0\0\0\0\1", xid=1)),
]  # fmt: skip


@pytest.mark.parametrize("packet", ALL, ids=str)
def test_nothing_is_wrong_with_any(packet):
    assert packet.flaws == problems(packet) == ()
    for code in codes(packet):
        assert DHCP6.by_code(code) is not None
    assert Packet6.parse(bytes(packet)) == packet
    assert isinstance(packet.relays, tuple)
    assert all(isinstance(relay, Relay6) and RELAY_MSG in relay for relay in packet.relays)
