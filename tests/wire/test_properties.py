"""What holds for every message and every option of both families, whatever octets come (testing/wire_checks.py)."""

import ipaddress
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dhcpkit.wire
from dhcpkit.testing.codec_oracle import check_build, check_parse
from dhcpkit.testing.fuzz_targets import TARGETS, every_option
from dhcpkit.testing.strategies import (
    malformed,
    option_data,
    option_values,
    packets4,
    packets6,
    relayed,
    relays6,
)
from dhcpkit.testing.wire_checks import (
    check_json,
    check_octets4,
    check_octets6,
    check_packet_json,
    check_payload,
    check_text,
    check_value,
)
from dhcpkit.wire import MessageType, MessageType6, Packet4, Packet6
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.options import Option
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS
from dhcpkit.wire.options6 import DHCP6, RELAY_MSG

RELAYS = (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL)
HEAD = build_packet4(None, xid=7, chaddr=b"\2\0\0\0\0\1")[:240]
EVERY_OPTION = every_option()
each_option = pytest.mark.parametrize("option", EVERY_OPTION, ids=repr)
# There are hundreds of options: a tenth of the examples for each.
few = settings(max_examples=max(5, settings().max_examples // 10))

PACKETS4 = st.one_of(packets4(), packets4(overloaded=True), packets4(types=st.none()), relayed(packets4()))
PACKETS6 = st.one_of(packets6(), packets6(least=3), relayed(packets6()))
OCTETS4 = st.one_of(st.binary(max_size=400), st.binary(max_size=200).map(lambda tail: HEAD + tail), malformed(PACKETS4))
OCTETS6 = st.one_of(st.binary(max_size=200), malformed(packets6(least=1)), malformed(relayed(packets6())))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["0a", "1.2.3.4"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)


@given(OCTETS4)
def test_any_octets_are_read_or_refused_as_dhcpv4(data):
    check_octets4(data)


@given(OCTETS6)
def test_any_octets_are_read_or_refused_as_dhcpv6(data):
    check_octets6(data)


@given(PACKETS4)
def test_messages_of_dhcpv4_are_what_their_octets_say(packet):
    assert packet.flaws == ()
    check_octets4(bytes(packet))
    assert as_python(packet) == packet


@given(PACKETS6)
def test_messages_of_dhcpv6_are_what_their_octets_say(packet):
    holds_none = packet.type in RELAYS
    assert [what for _, what in packet.flaws] == [
        "a relay message without the message it relays (option 9)"
    ] * holds_none
    check_octets6(bytes(packet))
    assert as_python(packet) == packet


def as_python(packet):
    """What a packet's `repr` makes."""
    return eval(repr(packet), {**vars(dhcpkit.wire), **vars(ipaddress), "UUID": uuid.UUID})


@given(st.sampled_from(MessageType), option_data(DHCP4))
def test_values_given_to_dhcpv4_are_read_back(kind, values):
    given_ = {option: value for option, value in values if code_of(option) != 53}
    packet = Packet4.parse(build_packet4(kind, given_, xid=1, chaddr=b"\2\0\0\0\0\1"))
    assert packet.type == kind
    assert list(packet.options)[1:] == [code_of(option) for option in given_]
    for option, value in given_.items():
        assert (packet[option] if isinstance(option, Option) else packet.options[option]) == value


@given(st.sampled_from(MessageType6), option_data(DHCP6))
def test_values_given_to_dhcpv6_are_read_back(kind, values):
    given_ = [(option, value) for option, value in values if option is not RELAY_MSG]
    packet = Packet6.parse(bytes(Packet6(kind, given_, xid=1)))
    assert packet.type == kind
    assert [code for code, _ in packet.options.items()] == [code_of(option) for option, _ in given_]
    for option, _ in given_:
        expected = tuple(value for other, value in given_ if other is option or other == option)
        if isinstance(option, Option):
            assert packet.all(option) == expected
            assert packet[option] == expected[0]
        else:
            assert tuple(packet.options.payloads(option)) == expected


def code_of(option):
    return option.code if isinstance(option, Option) else option


@given(packets6(), st.integers(1, 32), st.data())
def test_relays_change_nothing_of_the_message(packet, depth, data):
    through = data.draw(relayed(st.just(packet), depth))
    assert len(through.relays) == depth
    assert through.message() == packet.message()
    assert [relay.hops for relay in through.relays] == list(range(depth))[::-1]
    octets = bytes(through)
    for relay in through.relays:
        assert bytes(relay) == octets
        octets = relay[RELAY_MSG]
    assert octets == bytes(packet)


@given(relayed(packets6(), 32), st.integers(1, 3), st.data())
def test_relays_are_followed_as_deep_as_they_may_be(packet, more, data):
    octets = bytes(packet)
    for _ in range(more):
        octets = bytes(data.draw(relays6()).around(octets))
    deep = Packet6.parse(octets)
    assert len(packet.relays) == len(deep.relays) == 32
    assert deep.type in RELAYS
    assert [what for _, what in deep.flaws] == ["more than 32 relays: what lies in this one is not looked at"]
    check_octets6(octets)


@given(packets4(), st.integers(1, 16), st.data())
def test_relays_add_to_the_message(packet, depth, data):
    before = {code: payload for code, payload in packet.options.items() if code != DHCP_AGENT_OPTIONS.code}
    through = data.draw(relayed(st.just(packet), depth))
    assert through.hops == depth
    assert through.giaddr
    assert list(through.options)[-1] == DHCP_AGENT_OPTIONS.code
    assert {code: payload for code, payload in through.options.items() if code != DHCP_AGENT_OPTIONS.code} == before


@each_option
@few
@given(data=st.data())
def test_values_survive_octets_text_and_json(option, data):
    """So do values of octets and texts that are nearly valid, where they are not refused."""
    value = data.draw(option_values(option))
    check_value(option, value)
    check_build(option.kind.con, value)
    octets = bytearray(option.build(value))
    if octets and data.draw(st.booleans()):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    payload = bytes(octets[: data.draw(st.integers(0, len(octets)))]) + data.draw(st.binary(max_size=2))
    check_payload(option, payload)
    check_parse(option.kind.con, payload)
    text = option.kind.show_text(value)
    at = data.draw(st.integers(0, len(text)))
    check_text(option, text[:at] + data.draw(st.text(max_size=2)) + text[at + data.draw(st.integers(0, 2)) :])


@given(st.sampled_from(EVERY_OPTION), st.binary(max_size=80))
def test_any_payload_is_read_or_refused(option, octets):
    check_payload(option, octets)
    check_parse(option.kind.con, octets)


@given(
    st.sampled_from(EVERY_OPTION), st.one_of(st.text(max_size=40), st.text("0123456789abcdef.,:/\\ -\t", max_size=40))
)
def test_any_text_is_read_or_refused(option, text):
    check_text(option, text)


@given(st.sampled_from(EVERY_OPTION), JSON)
def test_any_json_is_read_or_refused(option, found):
    check_json(option, found)
    check_packet_json({"type": "SOLICIT", "options": [{"code": option.code, "value": found}]})
    check_packet_json({"type": "DISCOVER", "options": [{"code": option.code, "value": found}], "sname": found})
    check_packet_json(found)


@pytest.mark.parametrize("name", TARGETS)
@given(
    data=st.one_of(
        st.binary(max_size=100),
        st.integers(0, 2000).flatmap(lambda n: st.binary().map(lambda b: n.to_bytes(2, "big") + b)),
    )
)
def test_fuzz_targets_hold_for_any_octets(name, data):
    TARGETS[name](data)
