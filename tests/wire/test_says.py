"""What values mean in words: said where they are declared, and never a reason to fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import option_values
from dhcpkit.wire import DHCP4, DHCP6, MessageType, MessageType6, Space
from dhcpkit.wire.json_form import NOWHERE, Inside
from dhcpkit.wire.kinds import BINARY, UINT8, list_of
from dhcpkit.wire.says import bits_named, name_of, number_named, say_client_id, say_codes, say_duid, say_texts

SAID = [
    (say_duid, "0003000102000000000a", "DUID-LL of 02:00:00:00:00:0a"),
    (say_duid, "00030006aabb", "DUID-LL of aa:bb, hardware type 6"),
    (say_duid, "0001000132955a2e020000000010", "DUID-LLT of 02:00:00:00:00:10"),
    (say_duid, "00020000118b6162", "DUID-EN 6162 of enterprise 4491"),
    (say_duid, "0004" + "11" * 16, "DUID-UUID 11111111-1111-1111-1111-111111111111"),
    (say_duid, "000901", "DUID of type 9"),
    (say_duid, "0009", "no DUID: 2 octets"),
    (say_client_id, "01020000000010", "hardware address 02:00:00:00:00:10 of type 1"),
    (say_client_id, "ff000000070003000102000000000a", "IAID 7, DUID-LL of 02:00:00:00:00:0a"),
    (say_client_id, "ff00", "'\\x00'"),
    (say_client_id, "006c6162", "'lab'"),
    (say_client_id, "", "nothing"),
    (BINARY.says, "6c6162", "'lab'"),
    (BINARY.says, "6c61ff", ""),
    (BINARY.says, "6c0a", ""),
    (BINARY.says, "", ""),
]


@pytest.mark.parametrize(("says", "octets", "said"), SAID)
def test_octets(says, octets, said):
    assert says(bytes.fromhex(octets), NOWHERE) == said


def test_numbers():
    assert name_of(MessageType6, 11) == "INFORMATION-REQUEST"
    assert name_of(MessageType6, 250) is None
    assert number_named(MessageType)(5, NOWHERE) == "ACK"
    assert number_named(MessageType)(250, NOWHERE) == ""
    assert number_named({1: "file"})(1, NOWHERE) == "file"
    assert number_named({1: "file"})(2, NOWHERE) == ""
    assert bits_named({1: "a", 2: "b", 4: "c"})(5, NOWHERE) == "a, c"
    assert say_texts([b"a", b"\xff"], NOWHERE) == "'a', '\\udcff'"


def test_codes_are_named_where_they_stand():
    mine = Space("mine", extends=DHCP4)
    mine.define(224, "floor", UINT8)
    asked = mine.define(225, "asked", list_of(UINT8), says=say_codes)
    assert Inside(mine).show([(225, b"\1\xe0\xdf")])[0]["says"] == "subnet-mask, floor, 223"
    assert asked.says is say_codes


@given(st.sampled_from([option for space in (DHCP4, DHCP6) for option in space]), st.data())
def test_whatever_a_value_means_can_be_said(option, data):
    says = option.says or option.kind.says
    space = DHCP6 if option.space == "dhcp6" else DHCP4
    if says is not None:
        assert isinstance(says(data.draw(option_values(option)), Inside(space)), str)


@given(st.binary(max_size=140))
def test_octets_of_any_kind_can_be_said(octets):
    for says in (say_duid, say_client_id, BINARY.says):
        assert isinstance(says(octets, NOWHERE), str)
