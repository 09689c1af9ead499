"""The library bootp: clients without message types, beside a recording of Kea 3.0.4."""

import importlib.util
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.lease import INFINITE
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.options4 import HOST_NAME

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)

DHCP_ONLY = {50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61}


def test_answers_are_kea_s_to_the_octet():
    hooked, exchanged = x.play("bootp-v4")
    with hooked:
        for step, recorded, ours in exchanged:
            assert ours == recorded, step
        lifetimes = {str(x.IPv4Address(lease.address)): lease.valid_lifetime for lease in x.leases(hooked)}
    assert lifetimes == {lease["ip-address"]: lease["valid-lft"] for lease in x.RECORDED["bootp-v4"]["leases"]}
    assert INFINITE in lifetimes.values()


def test_without_the_library_there_is_no_answer():
    config = x.RECORDED["bootp-v4"]["config"]["Dhcp4"] | {"hooks-libraries": []}
    with x.Hooked({"Dhcp4": config}) as hooked:
        assert hooked.take(bytes.fromhex(x.RECORDED["bootp-v4"]["trace"][0]["sent"])) == []
        assert hooked.counted("pkt4-rfc-violation") == 1


def test_answers_of_servers_and_a_type_told_twice_are_no_requests():
    with x.Hooked(x.RECORDED["bootp-v4"]["config"]) as hooked:
        request = Packet4(None, {HOST_NAME: "tube"}, xid=7, chaddr=b"\2\0\0\0\0\1", broadcast=True)
        assert len(hooked.take(bytes(request))) == 1
        request.op = 2
        assert hooked.take(bytes(request)) == []
        twice = bytes(Packet4(1, {}, xid=7, chaddr=b"\2\0\0\0\0\2"))[:-1] + b"\x35\1\3\xff"
        assert hooked.take(twice) == []


@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=40)), max_size=8), st.integers(1, 200))
def test_no_answer_has_options_of_dhcp_or_less_than_300_octets(options, client):
    with x.Hooked(x.RECORDED["bootp-v4"]["config"]) as hooked:
        octets = bytearray(
            bytes(Packet4(None, {}, xid=client, chaddr=b"\2\0\0\0\1" + bytes((client,)), broadcast=True))
        )
        told = b"".join(bytes((code, len(data))) + data for code, data in options if code != 53)
        for answer in hooked.take(bytes(octets[:240]) + told + b"\xff"):
            assert len(answer) >= 300
            assert not DHCP_ONLY & Packet4.parse(answer).options.keys()
        assert hooked.counted("pkt4-processing-failed") == 0


def test_a_client_identifier_is_not_echoed():
    with x.Hooked(x.RECORDED["bootp-v4"]["config"]) as hooked:
        request = bytes(Packet4(None, {61: b"\1\2\3"}, xid=7, chaddr=b"\2\0\0\0\0\1", broadcast=True))
        [answer] = hooked.take(request)
        assert 61 not in Packet4.parse(answer).options


def test_another_library_may_change_what_the_client_asked():
    entry = {"code": 60, "destination": "query", "add": "'tube'"}
    told = x.RECORDED["bootp-v4"]["config"]["Dhcp4"]
    more = {"library": "libdhcp_flex_option.so", "parameters": {"options": [entry]}}
    classes = [{"name": "VENDOR_CLASS_tube", "boot-file-name": "tube.img"}]
    config = told | {"hooks-libraries": [*told["hooks-libraries"], more], "client-classes": classes}
    with x.Hooked({"Dhcp4": config}) as hooked:
        request = bytes(Packet4(None, {HOST_NAME: "x"}, xid=7, chaddr=b"\2\0\0\0\0\1", broadcast=True))
        [answer] = map(Packet4.parse, hooked.take(request))
        assert (answer.type, answer.file) == (0, b"tube.img")
