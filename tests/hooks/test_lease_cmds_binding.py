"""Binding variables: what expressions say of messages and answers is kept with leases, and renewed with them."""

import importlib.util
import json
from pathlib import Path

import pytest

from dhcpkit.hooks.libraries.lease_cmds import LeaseCmds
from dhcpkit.hooks.libraries.lease_cmds_binding import bound
from dhcpkit.hooks.library import callouts_of
from dhcpkit.wire.dhcp4 import Packet4

spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(spec)
spec.loader.exec_module(x)

NAME = {"name": "name", "expression": "option[12].hex", "source": "query"}
YIADDR = {"name": "leased", "expression": "hexstring(pkt4.yiaddr, '')", "source": "response"}
SERVER6 = {"name": "server", "expression": "hexstring(option[2].hex, ':')", "source": "response"}
DUID = b"\0\3\0\1\2\0\0\0\0\1"


def config(family, *variables, **subnet):
    library = {"library": "libdhcp_lease_cmds.so", "parameters": {"binding-variables": list(variables)}}
    if family == 4:
        subnet |= {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.255"}]}
        return {"Dhcp4": {"subnet4": [subnet], "hooks-libraries": [library]}}
    subnet |= {
        "id": 1, "subnet": "2001:db8:53::/64", "pools": [{"pool": "2001:db8:53::/112"}], "interface": "eth0",
        "pd-pools": [{"prefix": "3000:53::", "prefix-len": 40, "delegated-len": 56}],
    }  # fmt: skip
    told = {"type": "LL", "identifier": "020000000001", "htype": 1, "persist": False}
    return {"Dhcp6": {"subnet6": [subnet], "server-id": told, "hooks-libraries": [library]}}


def message(kind, number, **options):
    named = {"name": 12, "requested": 50}
    server = {54: x.SERVER4.to_bytes(4, "big")} if kind == 3 else {}
    return bytes(
        Packet4(kind, {61: b"\1" + bytes((number,))} | server | {named[k]: v for k, v in options.items()}, xid=number,
                broadcast=True, chaddr=b"\2\0\0\0\0" + bytes((number,)))
    )  # fmt: skip


def kept(hooked):
    """What is kept with each lease."""
    return [
        json.loads(lease.user_context or "{}").get("ISC", {}).get("binding-variables") for lease in x.leases(hooked)
    ]


def test_values_of_message_and_answer_are_kept_and_renewed():
    with x.Hooked(config(4, NAME, YIADDR)) as hooked:
        address = bytes((10, 53, 1, 7))
        [ack] = hooked.take(message(3, 1, name=b"door", requested=address))
        assert Packet4.parse(ack).options[53] == b"\5"
        assert kept(hooked) == [{"name": "door", "leased": address.hex()}]
        shown = x.leases(hooked)[0].user_context
        assert shown.startswith('{ "ISC": { "binding-variables": { "leased": ')
        hooked.now_s += 3000
        hooked.take(message(3, 1, name=b'\xff"window', requested=address))
        assert kept(hooked)[0]["name"] == '\xff"window'
        assert x.leases(hooked)[0].cltt == hooked.now_s
        assert hooked.counted("assigned-addresses") == 1


def test_a_lease_whose_values_are_the_same_is_stored_once():
    with x.Hooked(config(4, NAME)) as hooked:
        units = []
        commit = hooked.served.server.commit

        async def count(several):
            units.extend(several)
            return await commit(several)

        hooked.served.server.commit = count
        for later in (0, 3000, 3000):
            hooked.now_s += later
            hooked.take(message(3, 1, name=b"door", requested=bytes((10, 53, 1, 7))))
        assert len(units) == 1
        assert kept(hooked) == [{"name": "door"}]


def test_an_offer_has_them_where_it_is_stored(caplog):
    for offer_lifetime, expected in ((0, []), (30, [{"name": "door"}])):
        with x.Hooked(config(4, NAME, **{"offer-lifetime": offer_lifetime})) as hooked:
            [offer] = hooked.take(message(1, 1, name=b"door"))
            assert Packet4.parse(offer).options[53] == b"\2"
            assert kept(hooked) == expected
    assert "FAILED" not in caplog.text, "nothing is tried where nothing is stored"


def test_a_value_that_cannot_be_told_keeps_nobody_from_a_lease(caplog):
    wrong = {"name": "number", "expression": "uint32totext(option[12].hex)", "source": "query"}
    with x.Hooked(config(4, NAME, wrong)) as hooked:
        [ack] = hooked.take(message(3, 1, name=b"door!", requested=bytes((10, 53, 1, 7))))
        assert Packet4.parse(ack).options[53] == b"\5"
        assert kept(hooked) == [None]
    assert "LEASE_CMDS_LEASES4_COMMITTED_FAILED" in caplog.text


def test_a_lease_that_changed_meanwhile_is_left_as_it_is(caplog):
    with x.Hooked(config(4, NAME)) as hooked:
        commit = hooked.served.server.commit

        async def late(units):
            if units[0][0].before is not None and units[0][0].before.hostname != "other":
                before = units[0][0].before
                await commit([(type(units[0][0])(before, before._replace(hostname="other")),)])
            return await commit(units)

        hooked.served.server.commit = late
        assert len(hooked.take(message(3, 1, name=b"door", requested=bytes((10, 53, 1, 7))))) == 1
        assert [lease.hostname for lease in x.leases(hooked)] == ["other"]
        assert kept(hooked) == [None]
    assert "has changed meanwhile" in caplog.text


def test_every_lease_of_a_dhcpv6_client_has_them():
    def association(code, number):
        return code.to_bytes(2, "big") + b"\0\x0c" + number.to_bytes(4, "big") + bytes(8)

    with x.Hooked(config(6, SERVER6)) as hooked:
        duid = b"\0\1" + len(DUID).to_bytes(2, "big") + DUID
        solicit = b"\1\0\0\1" + duid + association(3, 1) + association(25, 2)
        [advertise] = hooked.take(solicit)
        assert advertise[:1] == b"\2"
        assert x.leases(hooked) == []
        server = b"\0\2\0\x0a\0\3\0\1\2\0\0\0\0\1"
        [reply] = hooked.take(b"\3\0\0\2" + duid + server + association(3, 1) + association(25, 2))
        assert reply[:1] == b"\7"
        assert kept(hooked) == [{"server": "00:03:00:01:02:00:00:00:00:01"}] * 2


@pytest.mark.parametrize(
    "variables",
    [
        [{"name": "", "expression": "'x'", "source": "query"}],
        [{"name": "a", "expression": "", "source": "query"}],
        [{"name": "a", "expression": "option[12", "source": "query"}],
        [{"name": "a", "expression": "option[12].exists", "source": "query"}],
        [{"name": "a", "expression": "'x'", "source": "elsewhere"}],
        [{"name": "a", "expression": "'x'"}],
        [{"name": f"a{n}", "expression": "'x'", "source": "query"} for n in range(65)],
    ],
)
def test_what_is_no_variable_is_refused(variables):
    with pytest.raises(Exception, match=r"binding-variables|may not be empty|source|expression|syntax|expected"):
        x.Hooked(config(4, *variables)).close()


def test_of_two_with_one_name_the_first_is_meant_and_others_context_stays():
    with x.Hooked(config(4, NAME, NAME | {"expression": "'other'"})) as hooked:
        hooked.take(message(3, 1, name=b"door", requested=bytes((10, 53, 1, 7))))
        assert kept(hooked) == [{"name": "door"}]
    context = '{ "ISC": { "relay-agent-info": { "sub-options": "0x01" } }, "mine": 1 }'
    made = bound(context, {"a": "b"})
    assert json.loads(made) == {
        "ISC": {"relay-agent-info": {"sub-options": "0x01"}, "binding-variables": {"a": "b"}},
        "mine": 1,
    }
    assert bound(made, {"a": "b"}) is made


def test_without_variables_nobody_is_asked():
    with x.Hooked(config(4)) as hooked:
        assert list(callouts_of(hooked.libraries[0])) == []
        assert isinstance(hooked.libraries[0], LeaseCmds)
    with x.Hooked(config(4, NAME)) as hooked:
        names = [point.kea_name for point, _, _ in callouts_of(hooked.libraries[0])]
        assert names == ["lease4_offer", "leases4_committed", "leases6_committed"]
