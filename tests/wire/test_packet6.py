"""Packet6 and Options6: what they read, what leaves them, and what they write."""

import ipaddress
import json
import uuid
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dhcpkit.wire
from dhcpkit.testing.strategies import malformed, option_values, options, packets6, relayed
from dhcpkit.wire import (
    ARRIVAL6_UNKNOWN,
    DHCP6,
    Arrival6,
    IdentityAssociation,
    LeasedAddress,
    MessageType6,
    Options6,
    Packet6,
    Relay6,
    Space,
    WireError,
)
from dhcpkit.wire.dhcp6 import HEADER, RELAY_HEADER, RELAYS_MAX
from dhcpkit.wire.options6 import (
    ELAPSED_TIME,
    IA_NA,
    IAADDR,
    INTERFACE_ID,
    ORO,
    PREFERENCE,
    RAPID_COMMIT,
    RELAY_MSG,
    STATUS_CODE,
)
from dhcpkit.wire.problems import problems

VECTORS = Path(__file__).parent.parent / "vectors"
NAMES = {**vars(dhcpkit.wire), **vars(ipaddress), "UUID": uuid.UUID}
OCTETS = st.one_of(st.binary(max_size=200), malformed(packets6(least=1)), malformed(relayed(packets6())))
LINK = IPv6Address("2001:db8::1")


def as_python(value):
    return eval(repr(value), NAMES)


def read(data):
    try:
        return Packet6.parse(data)
    except WireError:
        assume(False)


@given(OCTETS)
def test_what_was_not_changed_is_written_as_it_came(data):
    packet = read(data)
    assert bytes(packet) == data
    again = as_python(packet)
    assert again == packet
    assert again.relays == packet.relays
    assert (again.type, again.xid, again.hops) == (packet.type, packet.xid, packet.hops)


@given(packets6())
def test_the_header_is_what_the_declaration_says(packet):
    if packet.type in (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL):
        header = RELAY_HEADER.parse(packet.data)
        assert (packet.hops, packet.xid) == (header.hops, 0)
        assert (packet.link, packet.peer) == (int.from_bytes(header.link, "big"), int.from_bytes(header.peer, "big"))
    else:
        header = HEADER.parse(packet.data)
        assert packet.xid == int.from_bytes(header.xid, "big")
    assert packet.type == header.type


@given(OCTETS, st.data())
def test_a_changed_packet_is_read_back_with_the_same_options(data, draw):
    packet = read(data)
    option = draw.draw(options(DHCP6).filter(lambda option: option is not RELAY_MSG))
    value = draw.draw(option_values(option))
    before = list(packet.options.items())
    packet[option] = value
    again = Packet6.parse(bytes(packet))
    assert again.all(option) == (value,)
    assert [(relay.hops, relay.link, relay.peer) for relay in again.relays] == [
        (relay.hops, relay.link, relay.peer) for relay in packet.relays
    ]
    others = [(code, payload) for code, payload in before if code != option.code]
    assert [(code, payload) for code, payload in again.options.items() if code != option.code] == others
    assert again.options.flaws == ()
    again.add(option, value)
    twice = Packet6.parse(bytes(again))
    assert twice.all(option) == (value, value)
    del twice[option]
    assert option not in Packet6.parse(bytes(twice))
    with pytest.raises(KeyError):
        del twice[option]


def test_options_by_declaration_code_and_name():
    values = {ORO: (23, 24), 7: b"\xff", "elapsed-time": 5}
    packet = Packet6(MessageType6.SOLICIT, values, xid=0x123456)
    assert packet.data == bytes.fromhex("01123456 0006 0004 0017 0018 0007 0001 ff 0008 0002 0005")
    assert Packet6(1, list(values.items()), xid=0x123456) == packet
    pairs = Packet6(1, [("preference", 1), (PREFERENCE, 2), (7, b"\3")])
    assert pairs.all(PREFERENCE) == (1, 2, 3)
    assert pairs[PREFERENCE] == 1
    assert Packet6(1, Options6(b"\0")).options.octets == b"\0"
    mine = Space("mine", extends=DHCP6)
    extra = mine.define(60001, "extra", PREFERENCE.kind)
    assert Packet6(1, {"extra": 5, "preference": 6}, space=mine)[extra] == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": 256}, {"type": -1}, {"xid": 1 << 24}, {"xid": -1}, {"options": {"nonsense": 1}},
        {"options": {65536: b""}}, {"options": {-1: b""}}, {"options": {7: 5}}, {"options": {7: "x"}},
        {"options": {PREFERENCE: 256}}, {"options": {1: bytes(65536)}}, {"relays": [Relay6(12)] * (RELAYS_MAX + 1)},
        {"type": 12, "hops": 256}, {"type": 12, "link": 1 << 128}, {"type": 13, "peer": -1},
    ],
    ids=str,
)  # fmt: skip
def test_what_has_no_form_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        Packet6(**{"type": 1} | wrong)


@pytest.mark.parametrize("wrong", [{"type": 1}, {"hops": -1}, {"link": -1}, {"options": {"nonsense": 1}}], ids=str)
def test_relays_without_a_form_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        Relay6(**{"type": 12} | wrong)


def test_relays_hold_the_message():
    relays = [
        Relay6(12, hops=1, link=LINK, peer=1, options={RELAY_MSG: b"stale", INTERFACE_ID: b"x"}),
        Relay6(12, options={"interface-id": b"y"}),
    ]
    packet = Packet6(1, {ELAPSED_TIME: 0}, xid=9, relays=relays)
    assert packet.data == Packet6.parse(packet.data).data == bytes(packet)
    assert (packet.type, packet.xid, len(packet.relays)) == (1, 9, 2)
    outer, inner = packet.relays
    assert list(outer.options) == [9, 18]
    assert list(inner.options) == [18, 9]
    assert outer[RELAY_MSG] == bytes(inner)
    assert inner[RELAY_MSG] == packet.message()
    assert (outer.link, outer.peer, outer.hops) == (int(LINK), 1, 1)
    packet[ELAPSED_TIME] = 7
    assert Packet6.parse(bytes(packet))[ELAPSED_TIME] == 7
    assert Packet6.parse(bytes(packet)).relays[0][INTERFACE_ID] == b"x"


def test_what_was_made_is_what_would_be_read():
    inside = Packet6(1, xid=5)
    packet = Packet6(MessageType6.RELAY_FORW, {RELAY_MSG: bytes(inside)}, hops=3, link=LINK, peer=2)
    assert (packet.type, packet.xid, len(packet.relays)) == (1, 5, 1)
    assert (packet.relays[0].hops, packet.relays[0].link) == (3, int(LINK))


def test_a_relay_message_without_a_message():
    packet = Packet6.parse(bytes.fromhex("0d05") + LINK.packed + bytes(15) + b"\2" + b"\0\x12\0\1x")
    assert (packet.type, packet.hops, packet.link, packet.peer, packet.xid) == (13, 5, int(LINK), 2, 0)
    assert packet[INTERFACE_ID] == b"x"
    assert packet.flaws == ((34, "a relay message without the message it relays (option 9)"),)
    packet[INTERFACE_ID] = b"y"
    assert bytes(packet)[-1:] == b"y"


def test_of_two_messages_in_a_relay_the_last_counts():
    """As in Kea 2.2 and 3.0.4; which of them is meant nobody knows."""
    octets = bytes(Relay6(12, options=[(9, b"\1\0\0\5"), (18, b"x"), (9, b"no"), (9, b"\3\0\0\6\0\6\0\1z")]))
    packet = Packet6.parse(octets)
    assert (packet.type, packet.xid, bytes(packet)) == (3, 6, octets)
    assert packet.relays[0].message == b"\3\0\0\6\0\6\0\1z"
    assert as_python(packet) == packet
    at = len(octets) - 5
    assert [error.offset for error in problems(packet)] == [at]
    with pytest.raises(WireError, match=f"octet {at}: option relay-msg"):
        packet[ORO]
    del packet[ORO]
    assert bytes(packet) == bytes(Relay6(12, options=[(9, b"\3\0\0\6"), (18, b"x")]))


def nested(depth, message=b"\1\0\0\7"):
    for _ in range(depth):
        message = b"\x0c" + bytes(33) + b"\0\x09" + len(message).to_bytes(2, "big") + message
    return message


def test_relays_have_an_end():
    most = Packet6.parse(nested(RELAYS_MAX))
    assert (most.type, most.xid, len(most.relays), most.flaws) == (1, 7, RELAYS_MAX, ())
    more = Packet6.parse(nested(RELAYS_MAX + 3))
    assert (more.type, len(more.relays)) == (12, RELAYS_MAX)
    assert more.flaws == (
        (38 * RELAYS_MAX + 34, f"more than {RELAYS_MAX} relays: what lies in this one is not looked at"),
    )
    assert bytes(more) == nested(RELAYS_MAX + 3)
    assert as_python(more) == more


@pytest.mark.parametrize("size", range(4))
def test_too_short(size):
    with pytest.raises(WireError, match="header of this DHCPv6 message has 4 octets") as caught:
        Packet6.parse(b"\1\2\3\4"[:size])
    assert caught.value.offset == size
    short = Packet6.parse(b"\x0c" + bytes(33) + b"\0\x09" + bytes((0, size)) + b"\1\2\3"[:size])
    assert (short.type, short.relays) == (12, ())
    assert short.flaws == ((34, f"the header of this DHCPv6 message has 4 octets, not {size}"),)


@pytest.mark.parametrize("size", [1, 4, 33])
def test_relay_headers_too_short(size):
    with pytest.raises(WireError, match="34 octets"):
        Packet6.parse((b"\x0d" + bytes(33))[:size])


def test_flaws_lie_in_the_datagram():
    inner = b"\1\0\0\7" + b"\0\x08\0\2\0\0" + b"\0\x17\0\x20ab"
    octets = b"\x0c" + bytes(33) + b"\0\x12\0\1x" + b"\0\x09" + bytes((0, len(inner))) + inner + b"\0"
    packet = Packet6.parse(octets)
    assert packet.flaws == (
        (len(octets) - 1, "an option's code and length need 4 octets, 1 left"),
        (34 + 5 + 4 + 4 + 6, "option 23 runs past the end: 32 octets announced, 2 left"),
    )
    assert packet[ELAPSED_TIME] == 0


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_buffers_are_copied(kind):
    buffer = bytearray(b"\1\0\0\7\0\x08\0\2\0\5")
    packet = Packet6.parse(kind(buffer))
    buffer[9] = 9
    assert packet[ELAPSED_TIME] == 5


def test_where_it_came_from():
    arrival = Arrival6("eth0", 2, source=1, multicast=True)
    assert Packet6.parse(b"\1\0\0\7").arrival is ARRIVAL6_UNKNOWN
    assert Packet6.parse(b"\1\0\0\7", arrival).arrival is arrival
    assert Packet6(1, arrival=arrival).arrival is arrival


def test_equal_and_shown():
    address = LeasedAddress(LINK, 5, 6, Options6.of({STATUS_CODE: dhcpkit.wire.StatusCode6(0, "fine")}))
    packet = Packet6(
        1, {1: b"\0\3\0\1ab", IA_NA: IdentityAssociation(1, options=Options6.of({IAADDR: address}))}, xid=7
    )
    assert packet == Packet6.parse(bytes(packet))
    assert packet != Packet6(1, xid=7)
    assert packet != bytes(packet)
    with pytest.raises(TypeError, match="unhashable"):
        hash(packet)
    assert str(packet) == "SOLICIT xid=0x000007 00:03:00:01:61:62, 2 options"
    assert "'iaaddr': LeasedAddress(address=IPv6Address('2001:db8::1')" in repr(packet)
    assert "'status-code': StatusCode6(code=0, message='fine')" in repr(packet)
    through = Packet6(200, relays=[Relay6(12, link=LINK)])
    assert str(through) == "type 200 xid=0x000000 via 2001:db8::1, 0 options"
    assert repr(through) == ("Packet6(200, relays=[Relay6(MessageType6.RELAY_FORW, link=IPv6Address('2001:db8::1'))])")
    assert as_python(through) == through


# Options6 by themselves.


@given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=20)), max_size=8))
def test_rows_of_options(pairs):
    options = Options6.of(pairs)
    assert list(options.items()) == pairs
    assert options.is_plain
    assert as_python(options) == options
    assert hash(options) == hash(Options6(options.octets))
    assert len(options) == len(options.first) == len({code for code, _ in pairs})
    for code in dict(pairs):
        found = [payload for other, payload in pairs if other == code]
        assert list(options.payloads(code)) == found
        for number, payload in enumerate(found):
            at = options.offset(code, number)
            assert options.octets[at + 4 : at + 4 + len(payload)] == payload
    assert options.payloads(65536) == ()
    assert [at for at, _, _ in options.placed()] == sorted({at for at, _, _ in options.placed()})


@given(st.binary(max_size=40))
def test_any_octets_are_a_row_of_options(octets):
    options = Options6(octets)
    assert bytes(options) == octets
    assert as_python(options) == options
    assert options.is_plain == (Options6.of(options.items()).octets == octets) == (not options.flaws)
    for offset, _ in options.flaws:
        assert 0 <= offset < len(octets)


def test_options_are_replaced_where_they_stood():
    options = Options6.of([(7, b"\1"), (8, b"\0\0"), (7, b"\2")])
    assert list(options.replacing(PREFERENCE, 5).items()) == [(7, b"\5"), (8, b"\0\0")]
    assert list(options.replacing(PREFERENCE, 5, 6).items()) == [(7, b"\5"), (7, b"\6"), (8, b"\0\0")]
    assert list(options.adding(RAPID_COMMIT, b"").items())[-1] == (14, b"")
    assert list(options.without(PREFERENCE).items()) == [(8, b"\0\0")]
    assert options.get(ORO) is None
    assert options.all(ORO) == ()
    with pytest.raises(KeyError):
        options[ORO]


def test_rows_show_names_where_they_know_their_space():
    assert repr(Options6()) == "Options6()"
    assert repr(Options6.of({7: b"\1"})) == "Options6.of({7: b'\\x01'})"
    assert repr(Options6.of({PREFERENCE: 1})) == "Options6.of({'preference': 1}, DHCP6)"
    assert repr(Options6.of({"preference": 1}, DHCP6)) == "Options6.of({'preference': 1}, DHCP6)"
    twice = Options6.of([(PREFERENCE, 1), (7, b"xx")])
    assert repr(twice) == "Options6.of([('preference', 1), (7, b'xx')], DHCP6)"
    mine = Space("mine", wide=True)
    mine.define(7, "seven", PREFERENCE.kind)
    assert repr(Options6.of({"seven": 1}, mine)) == "Options6.of({7: b'\\x01'})"


@pytest.mark.parametrize("depth", [1, 15, 40, 300])
def test_any_depth_is_shown(depth):
    octets = b"\0\7\0\1\5"
    for _ in range(depth):
        octets = Options6.of([(3, bytes(12) + octets)]).octets
    packet = Packet6(1, Options6(octets))
    assert as_python(packet) == packet
    assert ("preference" in repr(packet)) == (depth < 16)


@pytest.mark.parametrize("name", ["clients6", "raw-v6"])
def test_recordings_are_written_as_they_came(name):
    for line in (VECTORS / f"{name}.jsonl").read_text().splitlines():
        vector = json.loads(line)
        found = [vector["payload"]] if "payload" in vector else [vector["sent"]]
        for octets in [*found, *(reply["payload"] for reply in vector.get("replies", ()))]:
            packet = Packet6.parse(bytes.fromhex(octets))
            assert bytes(packet).hex() == octets
            assert as_python(packet) == packet
