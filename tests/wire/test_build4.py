"""Messages written by declaration: every field lands where it belongs, and options find room."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import hwaddrs, option_values, options
from dhcpkit.wire.build4 import BOOTP_MIN, MESSAGE_SIZE, build_packet4
from dhcpkit.wire.dhcp4 import MessageType, Op, Packet4
from dhcpkit.wire.options4 import DHCP4, DHCP_SERVER_IDENTIFIER, HOST_NAME, ROUTERS

MAC = b"\2\0\0\0\0\1"
SMALL = 440  # octets: six options of 62 fit with what file and sname hold, however they fall


@given(st.data(), hwaddrs(), st.integers(0, 2**32 - 1))
def test_what_is_built_is_read_back(data, chaddr, xid):
    chosen = data.draw(st.lists(options(DHCP4).filter(lambda o: o.code != 53), unique_by=lambda o: o.code, max_size=5))
    values = {option: data.draw(option_values(option)) for option in chosen}
    address = IPv4Address(data.draw(st.integers(0, 2**32 - 1)))
    octets = build_packet4(
        MessageType.REQUEST, values, xid=xid, chaddr=chaddr, secs=5, broadcast=True, ciaddr=address,
        yiaddr=int(address), giaddr=address, sname=b"s", file=b"f",
    )  # fmt: skip
    packet = Packet4.parse(octets)
    assert list(packet) == [53, *(option.code for option in values)]
    for option, value in values.items():
        assert packet[option] == value
    assert (packet.op, packet.xid, packet.chaddr, packet.secs, packet.flags) == (Op.REQUEST, xid, chaddr, 5, 0x8000)
    assert packet.ciaddr == packet.yiaddr == packet.giaddr == int(address)
    assert (packet.sname, packet.file) == (b"s", b"f")


def test_padding_only_on_request():
    bare = build_packet4(MessageType.DISCOVER, xid=1, chaddr=MAC)
    assert len(bare) == 244
    padded = build_packet4(MessageType.DISCOVER, xid=1, chaddr=MAC, pad_to=BOOTP_MIN)
    assert padded == bare + bytes(56)
    assert build_packet4(None, xid=1, chaddr=MAC)[240:] == b"\xff"


@given(st.dictionaries(st.integers(1, 254).filter(lambda c: c not in (52, 53)), st.binary(max_size=60), max_size=6))
def test_overload_keeps_every_option_and_the_size(values):
    octets = build_packet4(MessageType.OFFER, values, xid=1, chaddr=MAC, overload_beyond=SMALL)
    assert len(octets) <= SMALL
    packet = Packet4.parse(octets)
    whole = packet.without_overload()
    assert whole.options == {53: b"\2", **values}
    assert packet.flaws == whole.flaws == ()


def test_overload_fills_file_before_sname():
    values = {100 + number: bytes(60) for number in range(7)}
    packet = Packet4.parse(build_packet4(2, values, xid=1, chaddr=MAC, overload_beyond=MESSAGE_SIZE))
    assert packet.options[52] == b"\3"
    assert [code for code in packet if code > 99] == [100, 101, 102, 103]
    assert packet.data[108] == 104
    assert packet.data[44] == 106


@pytest.mark.parametrize(
    "wrong",
    [
        {"chaddr": bytes(17)}, {"sname": bytes(65)}, {"file": bytes(129)}, {"xid": 2**32}, {"hops": 256}, {"secs": -1},
        {"ciaddr": -1}, {"options": {256: b""}}, {"options": {-1: b""}}, {"options": {HOST_NAME: 5}},
        {"options": {ROUTERS: ()}}, {"kind": 256}, {"sname": b"x", "options": {9: bytes(99)}, "overload_beyond": 300},
        {"options": {9: bytes(255), 10: bytes(255)}, "overload_beyond": 300},
    ],
    ids=str,
)  # fmt: skip
def test_what_has_no_form_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        build_packet4(**{"kind": 1, "xid": 1, "chaddr": MAC} | wrong)


@given(
    st.dictionaries(st.integers(1, 254).filter(lambda c: c not in (52, 53)), st.binary(max_size=400), max_size=5),
    st.integers(300, 700),
)
def test_long_options_move_in_parts(values, beyond):
    """RFC 3396: what no field holds whole goes into two; nothing is lost, and there is room if there are octets."""
    parts = sum(2 * max(1, -(-len(payload) // 255)) + len(payload) for payload in values.values())
    room = beyond - 240 - 3 - 1 - 3 + 127 + 63  # the option field less 53, END and 52; file and sname less END
    try:
        packet = Packet4.parse(build_packet4(2, values, xid=1, chaddr=MAC, overload_beyond=beyond))
    except ValueError:
        assert parts > room - 2 * 2 - 2 * 2  # two cuts cost two octets each, and up to two more are too few for a part
        return
    assert len(packet.data) <= beyond
    assert packet.without_overload().options == {53: b"\2", **values}
    assert packet.flaws == ()


def test_an_option_that_no_field_holds_is_cut():
    values = {100: bytes(200), 101: b"x"}
    packet = Packet4.parse(build_packet4(2, values, xid=1, chaddr=MAC, overload_beyond=340))
    assert list(packet.options) == [53, 52, 100]
    assert packet.options[52] == b"\1"
    assert len(packet.options[100]) == 340 - 240 - 3 - 1 - 3 - 2
    assert packet.data[108:110] == bytes((100, 200 - len(packet.options[100])))
    assert packet.without_overload().options == {53: b"\2", **values}


@pytest.mark.parametrize("beyond", [0, 200, 243, 246, 100])
def test_no_room_for_anything(beyond):
    with pytest.raises(ValueError, match="do not fit"):
        build_packet4(2, {9: b"x"}, xid=1, chaddr=MAC, overload_beyond=beyond)


def test_options_without_octets_move_too():
    values = {100: bytes(90), 80: b"", 101: bytes(120), 102: b""}
    packet = Packet4.parse(build_packet4(2, values, xid=1, chaddr=MAC, overload_beyond=340))
    assert list(packet.options) == [53, 52, 100]
    assert packet.without_overload().options == {53: b"\2", **values}


def test_flags_and_the_one_bit_that_has_a_name():
    assert Packet4(1, flags=1, broadcast=True).flags == 0x8001
    assert Packet4(1, flags=1).flags == 1


def test_who_speaks():
    for kind in MessageType:
        from_server = kind.name in ("OFFER", "ACK", "NAK", "FORCERENEW", "LEASEACTIVE") or kind in (11, 12, 15, 17)
        assert build_packet4(kind)[0] == (Op.REPLY if from_server else Op.REQUEST)
    assert build_packet4(2, op=1)[0] == 1
    assert build_packet4(None)[0] == 1


def test_options_by_code_and_by_declaration():
    octets = build_packet4(5, {DHCP_SERVER_IDENTIFIER: IPv4Address("192.0.2.1"), 12: b"pc"}, xid=1, chaddr=MAC, op=2)
    assert octets[240:] == b"\x35\1\5\x36\4\xc0\0\2\1\x0c\2pc\xff"
