"""What a DHCPv6 server calls itself: made as asked, kept in Kea's form, and the same as long as it can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.config.dhcp6 import ServerIdDoc
from dhcpkit.server.interfaces import Interface
from dhcpkit.server.server_id import ServerIdError, read_server_id, server_id_of, write_server_id
from dhcpkit.wire.duid import Duid, DuidType

NOW = 1_700_000_000
ODD = Interface("dummy0", 7, b"\2\0\0\0\0\3", up=True, loopback=True, ethernet=True, hwtype=1)
LO = Interface("lo", 1, bytes(6), up=True, loopback=True, ethernet=False, hwtype=772)
TUNNEL = Interface("tun0", 2, b"\1\2\3\4\5\6\7\x08", up=True, loopback=False, ethernet=False, hwtype=32)
DOWN = Interface("eth9", 3, b"\2\0\0\0\0\x09", up=False, loopback=False, ethernet=True, hwtype=1)
ETH0 = Interface("eth0", 4, b"\2\0\0\0\0\1", up=True, loopback=False, ethernet=True, hwtype=1)
ETH1 = Interface("eth1", 5, b"\2\0\0\0\0\2", up=True, loopback=False, ethernet=True, hwtype=1)
ALL = (LO, ODD, TUNNEL, DOWN, ETH0, ETH1)


def made(before=None, interfaces=ALL, **keys):
    config = ServerIdDoc(**({"type": "LLT"} | keys))
    return server_id_of(config, before, interfaces, now=lambda: NOW, chance=lambda size: b"chance"[:size])


def test_by_default_it_is_of_hardware_and_time():
    found = made()
    assert (found.type, found.hwtype, found.link_layer, found.time) == (DuidType.LLT, 1, ETH0.mac, NOW - 946_684_800)


@pytest.mark.parametrize(
    ("interfaces", "mac", "hwtype"),
    [((LO, TUNNEL), TUNNEL.mac, 32), ((LO, DOWN, ETH1), ETH1.mac, 1), ((LO, DOWN), DOWN.mac, 1)],
)
def test_which_hardware(interfaces, mac, hwtype):
    found = made(interfaces=interfaces, type="LL")
    assert (found.link_layer, found.hwtype) == (mac, hwtype)


def test_without_hardware_it_cannot_be_made():
    with pytest.raises(ServerIdError, match="unable to find suitable interface for generating a DUID-LLT"):
        made(interfaces=(LO,))
    assert made(interfaces=(LO,), type="EN") == Duid(b"\0\2" + (2495).to_bytes(4, "big") + b"chance")


@pytest.mark.parametrize(
    ("keys", "octets"),
    [
        (
            {"type": "LLT", "htype": 8, "identifier": "A65DC7410F05", "time": 2_518_920_166},
            "000100089623ABE6A65DC7410F05",
        ),
        ({"type": "LL", "htype": 8, "identifier": "a6:5d:c7:41:0f:05"}, "00030008A65DC7410F05"),
        ({"type": "LL", "identifier": "A65DC7410F05"}, "00030001A65DC7410F05"),
        ({"type": "EN", "enterprise_id": 2495, "identifier": "87ABEF7A5BB545"}, "0002000009BF87ABEF7A5BB545"),
    ],
)
def test_what_is_given_is_used(keys, octets):
    """The examples of Kea's manual, but for the third."""
    assert made(**keys).octets == bytes.fromhex(octets)
    assert made(before=Duid(b"\0\1\0\1\0\0\0\7\2\0\0\0\0\x55"), **keys).octets == bytes.fromhex(octets)


@given(st.sampled_from(["LLT", "EN", "LL"]), st.permutations(ALL), st.integers(1, 10**9))
def test_what_is_left_open_stays_as_it_was(kind, interfaces, later):
    before = made(type=kind)
    config = ServerIdDoc(type=kind)
    after = server_id_of(config, before, interfaces[:1], now=lambda: NOW + later, chance=bytes)
    assert after == before


def test_another_type_is_made_anew():
    before = made(type="EN")
    assert made(before=before).type == DuidType.LLT
    assert made(before=before, type="LL").link_layer == ETH0.mac
    elsewhere = Duid.of_link_layer(b"\2\0\0\0\0\x55", time=7)
    assert made(before=elsewhere).link_layer == elsewhere.link_layer
    assert made(before=elsewhere, type="LL").link_layer == ETH0.mac
    assert made(before=elsewhere, type="EN").octets[6:] == b"chance"


@pytest.mark.parametrize("identifier", ["xyz", "123", "ab" * 200])
def test_an_identifier_that_makes_no_sense(identifier):
    with pytest.raises(ServerIdError):
        made(type="LL", identifier=identifier)


@given(st.binary(min_size=3, max_size=130))
def test_what_is_kept_is_read_again(tmp_path_factory, octets):
    path = tmp_path_factory.mktemp("id") / "kea-dhcp6-serverid"
    write_server_id(path, Duid(octets))
    assert path.read_text() == octets.hex(":")
    assert read_server_id(path) == Duid(octets)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "00:01", "00:01:zz:04", "00" * 5000, "\xff\xfe"])
def test_a_file_that_makes_no_sense_counts_as_none(tmp_path, text):
    path = tmp_path / "kea-dhcp6-serverid"
    path.write_text(text)
    assert read_server_id(path) is None


def test_white_space_does_not_matter(tmp_path):
    path = tmp_path / "kea-dhcp6-serverid"
    path.write_text(" 00:03:00:01:\n02:00:00:00:00:01 \n")
    assert read_server_id(path) == Duid.of_link_layer(b"\2\0\0\0\0\1")


def test_a_folder_that_cannot_be_written_leaves_what_was_there(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_server_id(tmp_path / "missing" / "kea-dhcp6-serverid", Duid(b"abc"))
    assert list(tmp_path.iterdir()) == []
