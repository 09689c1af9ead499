"""The library flex_id: who clients are, beside recordings of Kea 3.0.4."""

import importlib.util
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6, Relay6

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)


@pytest.mark.parametrize("name", sorted(name for name in x.RECORDED if name.startswith("flex-id")))
def test_answers_are_kea_s_to_the_octet(name):
    hooked, exchanged = x.play(name)
    with hooked:
        for step, recorded, ours in exchanged:
            assert ours == recorded, step
        held = {(lease.address, _owner(lease)) for lease in x.leases(hooked)}
    assert held == {_recorded(lease) for lease in x.RECORDED[name].get("leases", ())}


def _owner(lease):
    return (lease.client_id or lease.hwaddr) if hasattr(lease, "client_id") else (lease.duid, lease.iaid)


def _recorded(lease):
    def octets(key):
        return bytes.fromhex(lease.get(key, "").replace(":", ""))

    address = int(ip_address(lease["ip-address"]))
    return address, (octets("duid"), lease["iaid"]) if "duid" in lease else octets("client-id") or octets("hw-address")


def config4(**parameters):
    libraries = [{"library": "libdhcp_flex_id.so", "parameters": parameters}]
    subnet = {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.255"}]}
    classes = [{"name": "sent-one", "test": "option[61].hex == 0x01AA"}]
    return {"Dhcp4": {"subnet4": [subnet], "client-classes": classes, "hooks-libraries": libraries}}


def discover(number, **options):
    named = {"client_id": 61, "host_name": 12, "vendor": 60}
    return bytes(
        Packet4(1, {named[name]: octets for name, octets in options.items()}, xid=number, broadcast=True,
                chaddr=b"\2\0\0\0\0" + bytes((number,)))
    )  # fmt: skip


def test_the_client_gets_its_own_identifier_back_whether_others_are_echoed_or_not():
    for echoes in (True, False):
        told = config4(**{"identifier-expression": "option[12].hex", "replace-client-id": True})
        told["Dhcp4"]["echo-client-id"] = echoes
        with x.Hooked(told) as hooked:
            own = b"\1\xaa"
            [answer] = hooked.take(discover(1, client_id=own, host_name=b"door"))
            assert Packet4.parse(answer).options[61] == own
            [answer] = hooked.take(discover(2, host_name=b"door"))
            assert 61 not in Packet4.parse(answer).options
            [answer] = hooked.take(discover(3, client_id=own))
            assert (61 in Packet4.parse(answer).options) is echoes, "without an identifier nothing is replaced"


def test_classes_are_told_by_what_the_client_sent():
    told = config4(**{"identifier-expression": "option[12].hex", "replace-client-id": True})
    told["Dhcp4"]["client-classes"][0]["boot-file-name"] = "x.img"
    with x.Hooked(told) as hooked:
        [answer] = hooked.take(discover(1, client_id=b"\1\xaa", host_name=b"door"))
        assert Packet4.parse(answer).file == b"x.img"


def test_the_expression_may_ask_for_classes():
    expression = "ifelse(member('sent-one'), 'one', '')"
    told = config4(**{"identifier-expression": expression, "replace-client-id": True, "cid-as-rfc4361-duid": True})
    with x.Hooked(told) as hooked:
        [offer] = hooked.take(discover(1, client_id=b"\1\xaa"))
        [other] = hooked.take(discover(2, client_id=b"\1\xab"))
        address = Packet4.parse(offer).yiaddr.to_bytes(4, "big")
        request = Packet4.parse(discover(1, client_id=b"\1\xaa"))
        request.options |= {53: b"\3", 50: address, 54: b"\n\x35\0\1"}
        hooked.take(bytes(request))
        assert [lease.client_id for lease in x.leases(hooked)] == [b"\xff\0\0\0\0one"]
        assert Packet4.parse(other).yiaddr != Packet4.parse(offer).yiaddr


def test_an_expression_that_cannot_be_told_leaves_the_message_alone():
    told = config4(**{"identifier-expression": "uint8totext(option[12].hex)", "replace-client-id": True})
    with x.Hooked(told) as hooked:
        [answer] = hooked.take(discover(1, client_id=b"\1\xaa", host_name=b"much too long"))
        assert Packet4.parse(answer).options[61] == b"\1\xaa"
        assert hooked.counted("pkt4-processing-failed") == 0


@pytest.mark.parametrize("parameters", [{"identifier-expression": "option[12"}, {"identifier-expression": 5}])
def test_what_is_no_expression_is_refused(parameters):
    with pytest.raises((AssertionError, x.RefusedByLibrary)):
        x.Hooked(config4(**parameters))


def config6(**parameters):
    libraries = [{"library": "libdhcp_flex_id.so", "parameters": parameters}]
    subnet = {"id": 1, "subnet": "2001:db8:53::/64", "interface": "eth0", "pools": [{"pool": "2001:db8:53::/80"}]}
    subnet["pd-pools"] = [{"prefix": "3000:53::", "prefix-len": 40, "delegated-len": 56}]
    return {"Dhcp6": {"subnet6": [subnet], "hooks-libraries": libraries}}


@given(
    st.lists(st.tuples(st.sampled_from([3, 25]), st.integers(1, 2**32 - 1)), max_size=4, unique_by=lambda ia: ia),
    st.binary(max_size=20),
    st.integers(0, 2),
)
def test_whatever_the_server_sees_the_client_sees_its_own(associations, name, relays):
    """IAIDs and DUID come back as they were sent, through relays too, although the server stores others."""
    told = config6(**{"identifier-expression": "option[15].hex", "replace-client-id": True, "ignore-iaid": True})
    duid = b"\0\3\0\1\2\0\0\0\0\1"
    options = [(1, duid), (15, name), *((code, iaid.to_bytes(4, "big") + bytes(8)) for code, iaid in associations)]
    around = [Relay6(12, hops, peer=x.CLIENT6) for hops in range(relays)]
    data = bytes(Packet6(1, options, xid=5, relays=around))
    with x.Hooked(told) as hooked:
        answers = [Packet6.parse(answer) for answer in hooked.take(data)]
        assert hooked.counted("pkt6-processing-failed") == 0
    for answer in answers:
        assert len(answer.relays) == relays
        assert answer.options.payloads(1) == (duid,)
        got = [
            (code, int.from_bytes(payload[:4], "big")) for code, payload in answer.options.items() if code in (3, 25)
        ]
        assert sorted(got) == sorted(associations)


def test_associations_that_their_numbers_tell_apart_keep_them():
    with x.Hooked(config6(**{"ignore-iaid": True})) as hooked:
        one, two = (number.to_bytes(4, "big") + bytes(8) for number in (7, 8))
        options = [(1, b"\0\3\0\1\2\0\0\0\0\1"), (14, b""), (3, one), (3, two), (25, one)]
        [answer] = hooked.take(bytes(Packet6(1, options, xid=5)))
        assert [code for code, _ in Packet6.parse(answer).options.items()].count(3) == 2
        request = [(1, options[0][1]), (2, Packet6.parse(answer).options.first[2]), *options[2:]]
        hooked.take(bytes(Packet6(3, request, xid=6)))
        assert sorted((lease.type, lease.iaid) for lease in x.leases(hooked)) == [(0, 7), (0, 8), (2, 0)]


def test_reservations_are_searched_by_what_the_message_said():
    """Not by what it says once its identifier is replaced."""
    told = config4(**{"identifier-expression": "option[61].hex", "replace-client-id": True})
    [subnet] = told["Dhcp4"]["subnet4"]
    subnet["reservations"] = [{"flex-id": "01AA", "ip-address": "10.53.200.7"}]
    told["Dhcp4"]["host-reservation-identifiers"] = ["flex-id"]
    with x.Hooked(told) as hooked:
        [answer] = hooked.take(discover(1, client_id=b"\1\xaa"))
        assert str(ip_address(Packet4.parse(answer).yiaddr)) == "10.53.200.7"
