"""Packet4: what it reads, what leaves it, and what it writes."""

import ipaddress
import uuid
from ipaddress import IPv4Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dhcpkit.wire
from dhcpkit.testing.strategies import malformed, option_values, options, packets4
from dhcpkit.wire import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4, Space, WireError
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import COOKIE, HEADER, join_options, reply_header4
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options4 import (
    DHCP4,
    DHCP_AGENT_OPTIONS,
    DHCP_LEASE_TIME,
    DHCP_MESSAGE_TYPE,
    DOMAIN_NAME_SERVERS,
    HOST_NAME,
    RELAY_AGENT,
    RELAY_CIRCUIT_ID,
    RELAY_REMOTE_ID,
    ROUTERS,
    VIVSO_SUBOPTIONS,
)
from dhcpkit.wire.options6 import DOCSIS3_V6

HEAD = build_packet4(None, xid=7, chaddr=b"\2\0\0\0\0\1")[:240]
DISCOVER = HEAD + b"\x35\1\1"
ANYTHING = st.one_of(st.binary(max_size=400), st.binary(max_size=200).map(lambda tail: HEAD + tail), malformed())


def outcome(function, *arguments):
    """What a decoder returns, or the WireError that it raises."""
    try:
        return function(*arguments)
    except WireError as error:
        return error


@given(ANYTHING)
def test_nothing_but_wire_error_leaves_a_decoder(data):
    packet = outcome(Packet4.parse, data)
    if isinstance(packet, WireError):
        assert 0 <= packet.offset <= len(data)
        assert not str(packet).endswith(".")
        return
    for option in DHCP4:
        value = outcome(packet.get, option)
        if isinstance(value, WireError):
            assert 240 <= value.offset < len(data)
        else:
            assert (value is None) == (option.code not in packet.options)
    assert all(240 <= offset <= len(data) for offset, _ in packet.flaws)
    repr(packet)
    packet.without_overload()


@given(ANYTHING)
def test_what_was_not_changed_is_written_as_it_came(data):
    packet = outcome(Packet4.parse, data)
    assume(not isinstance(packet, WireError))
    assert bytes(packet) == data
    assert as_python(packet) == packet


def as_python(value):
    return eval(repr(value), {**vars(dhcpkit.wire), **vars(ipaddress), "UUID": uuid.UUID})


@given(ANYTHING, st.data())
def test_a_changed_packet_is_read_back_with_the_same_options(data, draw):
    packet = outcome(Packet4.parse, data)
    assume(not isinstance(packet, WireError))
    option = draw.draw(options(DHCP4).filter(lambda option: option.code != 53))
    value = draw.draw(option_values(option))
    packet[option] = value
    again = Packet4.parse(bytes(packet))
    assert again.options == packet.options
    assert again[option] == value
    assert again.data[:240] == data[:240]
    assert not [what for _, what in again.flaws if what != "option 53 more than once"]
    del again[option]
    assert option not in Packet4.parse(bytes(again))


@given(packets4())
def test_the_header_is_what_the_declaration_says(packet):
    header = HEADER.parse(packet.data)
    for name in ("op", "htype", "hlen", "hops", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr"):
        assert getattr(packet, name) == header[name]
    assert packet.chaddr == header.chaddr[: packet.hlen]
    assert packet.type == packet.options[53][0]
    assert packet.broadcast_flag == (packet.flags >= 0x8000)
    assert packet.flaws == ()


@given(packets4(), st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=16))
def test_assigned_fields_of_the_header_are_written(packet, address, chaddr):
    rest = packet.data[44:]
    packet.yiaddr, packet.chaddr, packet.hlen = address, chaddr, len(chaddr)
    again = Packet4.parse(bytes(packet))
    assert (again.yiaddr, again.chaddr, again.data[44:]) == (address, chaddr, rest)


@given(packets4(), st.integers(0, 2**32 - 1), st.none() | st.integers(0, 0xFFFF), st.binary(max_size=70))
def test_reply_header(query, address, flags, name):
    data = reply_header4(query, ciaddr=1, yiaddr=address, siaddr=3, flags=flags, sname=name, file=name * 2)
    assert len(data) == 240
    assert data[236:] == COOKIE
    reply = Packet4.parse(data + b"\xff")
    same = ("htype", "hlen", "hops", "xid", "giaddr", "chaddr")
    assert [getattr(reply, field) for field in same] == [getattr(query, field) for field in same]
    assert data[28:44] == query.data[28:44]
    assert (reply.op, reply.secs, reply.ciaddr, reply.yiaddr, reply.siaddr) == (Op.REPLY, 0, 1, address, 3)
    assert reply.flags == (query.flags if flags is None else flags)
    assert data[44:108].rstrip(b"\0") == name[:64].rstrip(b"\0")
    assert data[108:236].rstrip(b"\0") == (name * 2)[:128].rstrip(b"\0")


def test_instances_of_an_option_are_one_value():
    packet = Packet4.parse(DISCOVER + b"\x06\2\x0a\0\x0c\1a\x06\2\0\1\x0c\1b\xff")
    assert packet[HOST_NAME] == "ab"
    assert [str(address) for address in packet[DOMAIN_NAME_SERVERS]] == ["10.0.0.1"]
    assert packet.offset(6) == 243


def test_long_values_are_split_and_joined():
    packet = Packet4.parse(DISCOVER + b"\xff")
    packet[HOST_NAME] = "x" * 600
    assert bytes(packet).endswith(
        b"\x0c\xff" + b"x" * 255 + b"\x0c\xff" + b"x" * 255 + b"\x0c\x5a" + b"x" * 90 + b"\xff"
    )
    assert Packet4.parse(bytes(packet))[HOST_NAME] == "x" * 600


def test_absent_and_broken_options():
    packet = Packet4.parse(DISCOVER + b"\x03\3abc\xff")
    assert packet.get(HOST_NAME) is None
    assert HOST_NAME not in packet
    assert ROUTERS in packet
    assert list(packet) == [53, 3]
    with pytest.raises(KeyError):
        packet[HOST_NAME]
    with pytest.raises(WireError, match=r"octet 243: option routers \(3\)"):
        packet[ROUTERS]
    with pytest.raises(ValueError, match=r"out of range|int|format"):
        packet[DHCP_LEASE_TIME] = -1


@pytest.mark.parametrize(
    ("tail", "type_", "flaw"),
    [
        (b"\x35\1\1\xff", 1, None),
        (b"\x35\1\1", 1, (243, "no END option")),
        (b"\x35\1\1\0\0\0", 1, (246, "no END option")),
        (b"", 0, (240, "no END option")),
        (b"\xff\x35\1\1", 0, None),
        (b"\x35\1\1\x0c", 1, (243, "option 12 has no length")),
        (b"\x35\1\1\x0c\5ab", 1, (243, "option 12 runs past the end")),
        (b"\x35\1\1\x35\1\3\xff", 0, (240, "option 53 more than once")),
        (b"\x35\0\xff", 0, None),
    ],
)
def test_ends_of_the_option_field(tail, type_, flaw):
    packet = Packet4.parse(HEAD + tail)
    assert packet.type == type_
    assert packet.flaws == ((flaw,) if flaw else ())


@pytest.mark.parametrize("size", [0, 1, 235, 236, 239])
def test_too_short(size):
    with pytest.raises(WireError, match=r"header|cookie"):
        Packet4.parse(HEAD[:size])


def test_no_cookie():
    with pytest.raises(WireError, match="cookie") as caught:
        Packet4.parse(HEAD[:236] + b"\x63\x82\x53\x64\xff")
    assert caught.value.offset == 236


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_buffers_are_copied(kind):
    buffer = bytearray(DISCOVER + b"\xff")
    packet = Packet4.parse(kind(buffer))
    buffer[242] = 99
    assert packet.type == MessageType.DISCOVER
    assert bytes(packet) == DISCOVER + b"\xff"


@pytest.mark.parametrize("hlen", [0, 6, 16, 17, 255])
def test_hardware_address_lengths(hlen):
    data = bytearray(DISCOVER + b"\xff")
    data[2] = hlen
    packet = Packet4.parse(bytes(data))
    assert packet.hlen == hlen
    assert packet.chaddr == bytes(data[28 : 28 + min(hlen, 16)])
    assert bytes(packet) == data


def test_where_it_came_from():
    assert Packet4.parse(DISCOVER).arrival is ARRIVAL_UNKNOWN
    arrival = Arrival("eth0", 2, source=1, port=67, local=3)
    assert Packet4.parse(DISCOVER, arrival).arrival is arrival


@pytest.mark.parametrize("piece", [b"\x0c\1a", b"\x0c\0", b"\x0c\xff" + b"a" * 255])
def test_thousands_of_instances_are_one_value(piece):
    count = 64000 // len(piece)
    packet = Packet4.parse(DISCOVER + piece * count + b"\xff")
    assert packet.options[12] == piece[2:] * count
    assert SubOptions(piece * count).options[12] == piece[2:] * count


def test_options_in_file_and_sname_are_read_on_request():
    data = build_packet4(
        MessageType.OFFER, {52: b"\3", 12: b"one"}, op=Op.REPLY, xid=1, chaddr=b"\2\0\0\0\0\1",
        file=b"\x0c\4-two\0\x03\4\1\2\3\4\xff\x0c\1x", sname=b"\x0c\6-three\xff",
    )  # fmt: skip
    packet = Packet4.parse(data)
    assert packet[HOST_NAME] == "one"
    whole = packet.without_overload()
    assert whole[HOST_NAME] == "one-two-three"
    assert whole.get(ROUTERS) is not None
    assert 52 not in whole.options
    assert whole.file == whole.sname == b""
    assert whole.without_overload() is whole
    assert Packet4.parse(bytes(whole)).options == whole.options


@pytest.mark.parametrize(("where", "name"), [(b"\1", "file"), (b"\2", "sname"), (b"\4", None), (b"", None)])
def test_overload_touches_only_the_field_it_names(where, name):
    data = build_packet4(
        MessageType.OFFER, {52: where}, xid=1, chaddr=b"\2\0\0\0\0\1", file=b"\x0c\4file\xff", sname=b"\x0c\5sname\xff"
    )
    packet = Packet4.parse(data).without_overload()
    assert packet.get(HOST_NAME) == name


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=600), max_size=6))
def test_options_joined_are_read_back(values):
    packet = Packet4.parse(HEAD + join_options(values))
    assert packet.options == values
    assert packet.flaws == ()


@given(st.binary(max_size=60))
def test_sub_options_keep_their_octets_and_never_fail(octets):
    assume(octets)
    packet = Packet4.parse(DISCOVER + bytes((82, len(octets))) + octets + b"\xff")
    relay = packet[DHCP_AGENT_OPTIONS]
    assert relay.octets == octets
    assert DHCP_AGENT_OPTIONS.build(relay) == octets
    packet[DHCP_AGENT_OPTIONS] = relay
    assert bytes(packet) == packet.data


def test_an_option_of_dhcpv6_is_refused_when_it_is_set():
    packet = Packet4(MessageType.DISCOVER, xid=1, chaddr=b"\2\0\0\0\0\1")
    with pytest.raises(ValueError, match="1026"):
        packet[DOCSIS3_V6.by_code(1026)] = b"octets"
    assert 1026 not in packet.options


def test_sub_options():
    relay = SubOptions.of({RELAY_CIRCUIT_ID: b"port7", 2: b"mac"})
    assert relay.octets == b"\1\5port7\2\3mac"
    assert relay[RELAY_CIRCUIT_ID] == b"port7"
    assert relay.get(RELAY_REMOTE_ID) == b"mac"
    assert RELAY_REMOTE_ID not in relay.without(RELAY_REMOTE_ID)
    assert relay.replacing(RELAY_CIRCUIT_ID, b"x").octets == b"\1\1x\2\3mac"
    assert relay == SubOptions(relay.octets)
    assert hash(relay) == hash(SubOptions(relay.octets))
    assert SubOptions.of({RELAY_CIRCUIT_ID: b"x" * 300})[RELAY_CIRCUIT_ID] == b"x" * 300
    assert SubOptions(b"\1\1a\2\5b").flaws == ((3, "sub-option 2 runs past the end"),)
    assert SubOptions(b"\1\1a\2").flaws == ((3, "sub-option 2 runs past the end"),)
    assert dict(SubOptions(b"\0\1\1a\xff\2", padded=True).options) == {1: b"a"}
    with pytest.raises(TypeError):
        relay.options[1] = b""


MAC = b"\2\0\0\0\0\1"


def test_options_by_declaration_code_and_name():
    packet = Packet4(MessageType.ACK, {HOST_NAME: "x", 61: b"\1\2", "domain-name": "example.org"}, xid=7, chaddr=MAC)
    assert packet.options == {53: b"\5", 12: b"x", 61: b"\1\2", 15: b"example.org"}
    assert (packet.type, packet.op, packet.xid, packet.chaddr, packet.flaws) == (5, Op.REPLY, 7, MAC, ())
    assert packet == Packet4.parse(build_packet4(5, {12: b"x", 61: b"\1\2", 15: b"example.org"}, xid=7, chaddr=MAC))
    mine = Space("mine", extends=DHCP4)
    extra = mine.define(224, "extra", HOST_NAME.kind)
    assert Packet4(1, {"extra": "a", "host-name": "b"}, space=mine)[extra] == "a"
    arrival = Arrival("eth0")
    assert Packet4(None, arrival=arrival).arrival is arrival
    assert Packet4(None).type == 0


@pytest.mark.parametrize(
    "wrong", [{"nonsense": 1}, {12: "text"}, {ROUTERS: "text"}, {256: b""}, {ROUTERS: ()}], ids=str
)
def test_options_without_a_form_are_refused(wrong):
    with pytest.raises(ValueError, match="option"):
        Packet4(1, wrong)


def test_equal_and_shown():
    packet = Packet4(MessageType.DISCOVER, {HOST_NAME: "x", 61: b"\1"}, xid=7, chaddr=MAC, broadcast=True, pad_to=300)
    assert packet == Packet4.parse(bytes(packet), Arrival("eth0"))
    assert packet != Packet4(MessageType.DISCOVER)
    assert packet != bytes(packet)
    with pytest.raises(TypeError, match="unhashable"):
        hash(packet)
    assert str(packet) == "DISCOVER xid=0x00000007 02:00:00:00:00:01, 3 options"
    packet.giaddr = 1
    assert str(packet) == "DISCOVER xid=0x00000007 02:00:00:00:00:01 via 0.0.0.1, 3 options"
    assert repr(packet) == (
        "Packet4(MessageType.DISCOVER, {'host-name': 'x', 'dhcp-client-identifier': b'\\x01'}, xid=0x00000007, "
        "flags=0x8000, giaddr=IPv4Address('0.0.0.1'), chaddr=bytes.fromhex('02 00 00 00 00 01'), pad_to=300)"
    )
    assert str(Packet4(None)) == "BOOTP xid=0x00000000, 0 options"
    assert repr(Packet4(None)) == "Packet4(None)"
    assert str(Packet4(200)).startswith("type 200 ")
    assert repr(Packet4(200, op=7)) == "Packet4(200, op=7)"
    assert repr(Packet4(1, chaddr=bytes(3))) == "Packet4(MessageType.DISCOVER, chaddr=bytes.fromhex('00 00 00'))"
    longer = "Packet4(MessageType.DISCOVER, hlen=1, chaddr=bytes.fromhex('02 00 03'))"
    assert repr(Packet4(1, chaddr=b"\2\0\3", hlen=1)) == longer
    assert repr(Packet4(None, {12: b"x", 53: b"\1"})) == "Packet4(None, {'host-name': 'x', 'dhcp-message-type': 1})"


@pytest.mark.parametrize(
    "octets",
    [DISCOVER, DISCOVER + b"\xffx", DISCOVER + b"\0\xff", DISCOVER + b"\x0c\1a\x0c\1b\xff", HEAD + b"\x35\0\xff",
     HEAD[:2] + b"\x20" + HEAD[3:28] + bytes(range(16)) + HEAD[44:] + b"\xff", DISCOVER + b"\x03\3abc\xff"],
)  # fmt: skip
def test_whatever_it_is_its_repr_makes_it(octets):
    packet = Packet4.parse(octets)
    assert as_python(packet) == packet
    packet[HOST_NAME] = "changed"
    assert as_python(packet) == packet


def test_sname_and_file_can_be_assigned():
    packet = Packet4(2, {HOST_NAME: "x"}, sname=b"one", file=b"two")
    packet.sname, packet.file = b"three", bytes(127) + b"x"
    again = Packet4.parse(bytes(packet))
    assert (again.sname, again.file, again.data[108:236]) == (b"three", b"", bytes(127) + b"x")
    assert again[HOST_NAME] == "x"
    for name, size in (("sname", 65), ("file", 129)):
        with pytest.raises(ValueError, match=name):
            setattr(packet, name, bytes(size))


def test_the_type_follows_its_option():
    packet = Packet4(1, {HOST_NAME: "x"})
    packet[DHCP_MESSAGE_TYPE] = 3
    assert packet.type == Packet4.parse(bytes(packet)).type == 3
    del packet[DHCP_MESSAGE_TYPE]
    assert packet.type == Packet4.parse(bytes(packet)).type == 0


def test_the_order_of_options_can_be_changed():
    packet = Packet4(1, {82: b"\1\1x", 12: b"x"})
    packet.options[82] = packet.options.pop(82)
    assert list(Packet4.parse(bytes(packet)).options) == [53, 12, 82]


def test_sub_options_show_names_where_they_know_their_space():
    named = SubOptions.of({RELAY_CIRCUIT_ID: b"x", "link-selection": IPv4Address(1)}, RELAY_AGENT)
    assert repr(named) == ("SubOptions.of({'circuit-id': b'x', 'link-selection': IPv4Address('0.0.0.1')}, RELAY_AGENT)")
    assert repr(SubOptions.of({RELAY_CIRCUIT_ID: b"x"})) == "SubOptions.of({'circuit-id': b'x'}, RELAY_AGENT)"
    assert repr(SubOptions(b"\1\1x")) == "SubOptions.of({1: b'x'})"
    assert repr(SubOptions(b"\1\1x\xff", padded=True)) == "SubOptions(bytes.fromhex('01 01 78 ff'), padded=True)"
    assert repr(SubOptions(padded=True)) == "SubOptions(padded=True)"
    assert repr(SubOptions(b"\1\5x")) == "SubOptions(bytes.fromhex('01 05 78'))"
    vendors = Packet4(1, {125: bytes.fromhex("0000118b 03 010102 00000009 03 0101ff")})
    shown = repr(vendors[VIVSO_SUBOPTIONS])
    assert "SubOptions.of({'oro': (2,)}, DOCSIS3)" in shown
    assert "VendorOptions(enterprise=9, options=SubOptions.of({1: b'\\xff'}))" in shown
    with pytest.raises(ValueError, match="names need a space"):
        SubOptions.of({"circuit-id": b"x"})
