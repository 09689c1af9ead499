"""The library ddns_tuning: names by expressions, and names that DNS does not hear of, beside Kea 3.0.4."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.wire.client_fqdn import CLIENT_FQDN
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.names import split_name, wire_labels

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)

DDNS = {"ddns-qualifying-suffix": "example.org", "dhcp-ddns": {"enable-updates": True}}


def told(hooked):
    """What DNS hears."""
    return [
        {
            "change-type": int(change.remove),
            "forward-change": change.forward,
            "reverse-change": change.reverse,
            "fqdn": change.fqdn,
            "ip-address": str(change.address),
        }
        for change in hooked.served.server.batches.names.take()
    ]


def test_answers_and_what_dns_hears_are_kea_s():
    recorded = x.RECORDED["ddns-tuning-v4"]
    with x.Hooked(recorded["config"], server=int(x.IPv4Address(recorded["server"]))) as hooked:
        for step in recorded["trace"]:
            if step["step"] == "reserved, fqdn":
                hooked.now_s += 1  # it came a second after the one before, when it was recorded
            assert [answer.hex() for answer in hooked.take(bytes.fromhex(step["sent"]))] == step["replies"], step[
                "step"
            ]
            if "names" in step:
                assert told(hooked) == step["names"], step["step"]
        assert any(step.get("names") for step in recorded["trace"])


def config(family, expression="", **subnet):
    libraries = [{"library": "libdhcp_ddns_tuning.so", "parameters": {"hostname-expr": expression}}]
    if family == 4:
        pools = {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.255"}]}
    else:
        pools = {"id": 1, "subnet": "2001:db8:53::/64", "interface": "eth0", "pools": [{"pool": "2001:db8:53::/80"}]}
    return {f"Dhcp{family}": {f"subnet{family}": [pools | subnet], "hooks-libraries": libraries, **DDNS}}


def request6(hooked, *options):
    """A client's SOLICIT and REQUEST; the answer."""
    mine = [(1, b"\0\3\0\1\2\0\0\0\0\1"), (3, bytes(12)), *options]
    [advertise] = hooked.take(bytes(Packet6(1, mine, xid=1)))
    [reply] = hooked.take(bytes(Packet6(3, [*mine, (2, Packet6.parse(advertise).options.first[2])], xid=2)))
    assert hooked.counted("pkt6-processing-failed") == 0
    return Packet6.parse(reply)


def fqdn6(name, flags=1):
    return 39, bytes((flags,)) + wire_labels(split_name(name)) + b"\0"


def test_dhcpv6():
    expression = "'host-' + hexstring(substring(option[1].hex, 4, all), '-')"
    name = "host-02-00-00-00-00-01.example.org."
    with x.Hooked(config(6, expression)) as hooked:
        reply = request6(hooked, fqdn6("box.here.org."))
        assert reply.options.first[39][1:] == wire_labels(split_name(name)) + b"\0"
        assert [change["fqdn"] for change in told(hooked)] == [name]
    with x.Hooked(config(6, expression, **{"user-context": {"ddns-tuning": {"hostname-expr": ""}}})) as hooked:
        request6(hooked, fqdn6("box.here.org."))
        assert [change["fqdn"] for change in told(hooked)] == ["box.here.org."], "a subnet's empty one means none"
    skip = config(6, expression)
    skip["Dhcp6"]["client-classes"] = [{"name": "SKIP_DDNS", "test": "option[15].exists"}]
    with x.Hooked(skip) as hooked:
        request6(hooked, fqdn6("box.here.org."), (15, b"\0\1x"))
        assert told(hooked) == []


@pytest.mark.parametrize("family", [4, 6])
def test_expressions_that_are_none_are_refused(family):
    with pytest.raises(x.RefusedByLibrary):
        x.Hooked(config(family, "option["))
    with pytest.raises(x.RefusedByLibrary):
        x.Hooked(config(family, **{"user-context": {"ddns-tuning": {"hostname-expr": "option["}}}))
    with x.Hooked(config(family, **{"user-context": {"ddns-tuning": {"hostname-expr": 5}}})):
        pass  # Kea passes over what is no text
    with x.Hooked(config(family, **{"user-context": {"ddns-tuning": 5}})):
        pass


@given(st.text(st.characters(codec="ascii"), max_size=20) | st.text(max_size=70))
def test_whatever_a_client_makes_of_its_name_it_is_served_and_dns_hears_names_only(text):
    with x.Hooked(config(4, "option[77].hex")) as hooked:
        options = {12: b"box", 77: text.encode("utf-8", "replace")[:200]}
        chaddr = b"\2\0\0\0\0\1"
        [offer] = hooked.take(bytes(Packet4(1, options, xid=1, chaddr=chaddr, broadcast=True)))
        wanted = {50: Packet4.parse(offer).yiaddr.to_bytes(4, "big"), 54: x.SERVER4.to_bytes(4, "big")}
        [answer] = hooked.take(bytes(Packet4(3, options | wanted, xid=2, chaddr=chaddr, broadcast=True)))
        assert Packet4.parse(answer).type == 5
        assert hooked.counted("pkt4-processing-failed") == 0
        for change in told(hooked):
            assert change["fqdn"].endswith(".")
            assert all(0 < len(label) < 64 for label in change["fqdn"][:-1].split("."))
            assert wire_labels(split_name(change["fqdn"]))


def test_an_option_of_the_client_says_the_new_name_and_no_updates():
    """Kea: where a callout changed anything, option 81 tells the client that DNS is not told (S=0, N=1)."""
    with x.Hooked(config(4, "'other'")) as hooked:
        options = {81: b"\1\0\0box"}
        [offer] = hooked.take(bytes(Packet4(1, options, xid=1, chaddr=b"\2\0\0\0\0\1", broadcast=True)))
        value = CLIENT_FQDN.parse(Packet4.parse(offer).options[81])
        assert (value.name, value.server_updates, value.no_updates) == ("other.example.org.", False, True)
