"""Interfaces as the machine has them, and which of them a configuration means."""

import socket
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.server.interfaces import Interface, InterfaceSpec, choose, choose6, interfaces, is_link_local

ETH0 = Interface("eth0", 2, b"\2" * 6, up=True, loopback=False, ethernet=True, addresses=(1, 2))
DOWN = Interface("eth1", 3, b"\2" * 6, up=False, loopback=False, ethernet=True, addresses=(3,))
BARE = Interface("eth2", 4, b"\2" * 6, up=True, loopback=False, ethernet=True)
LO = Interface("lo", 1, b"\0" * 6, up=True, loopback=True, ethernet=False, addresses=(0x7F000001,))
PRESENT = {i.name: i for i in (ETH0, DOWN, BARE, LO)}


def chosen(*texts):
    wanted = choose([InterfaceSpec.parse(text) for text in texts], PRESENT)
    return {interface.name: interface.addresses for interface in wanted.served}, wanted.missing


@pytest.mark.parametrize(
    ("texts", "served", "missing"),
    [
        (["eth0"], {"eth0": (1, 2)}, ""),
        (["eth0/0.0.0.2"], {"eth0": (2,)}, ""),
        (["eth0/0.0.0.2", "eth0"], {"eth0": (2, 1)}, ""),
        (["*"], {"eth0": (1, 2)}, ""),
        (["*", "lo"], {"eth0": (1, 2), "lo": (0x7F000001,)}, ""),
        (["eth0/0.0.0.9"], {}, "interface 'eth0' doesn't have address '0.0.0.9' assigned"),
        (["eth9"], {}, "interface 'eth9' doesn't exist in the system"),
        (["eth1"], {}, "the interface eth1 is not running"),
        (["eth2"], {}, "the interface eth2 has no usable IPv4 addresses configured"),
        ([], {}, ""),
    ],
)
def test_what_is_meant(texts, served, missing):
    assert chosen(*texts) == (served, (missing,) if missing else ())


GLOBAL, LOCAL, TESTED = int(IPv6Address("2001:db8::1")), int(IPv6Address("fe80::1")), int(IPv6Address("fe80::2"))
PRESENT6 = {
    name: Interface(name, 9, b"", up=up, loopback=name == "lo", ethernet=True, addresses6=there, tentative6=tested)
    for name, up, there, tested in (
        ("eth0", True, (GLOBAL, LOCAL), ()),
        ("eth1", False, (LOCAL,), ()),
        ("eth2", True, (GLOBAL,), (TESTED,)),
        ("eth3", True, (), ()),
        ("lo", True, (1,), ()),
    )
}


@pytest.mark.parametrize(
    ("texts", "served", "missing"),
    [
        (["eth0"], {"eth0": ((LOCAL,), ())}, ""),
        (["eth0/2001:db8::1"], {"eth0": ((LOCAL,), (GLOBAL,))}, ""),
        (["eth0", "eth0/2001:db8::1", "eth0/fe80::1"], {"eth0": ((LOCAL,), (GLOBAL, LOCAL))}, ""),
        (["*"], {"eth0": ((LOCAL,), ())}, ""),
        (["*", "eth0/2001:db8::1"], {"eth0": ((LOCAL,), (GLOBAL,))}, ""),
        (["lo/::1"], {"lo": ((), (1,))}, ""),
        (["lo"], {}, "the interface lo has no usable link-local IPv6 address: it is not configured"),
        (["eth0/::9"], {}, "interface 'eth0' doesn't have address '::9' assigned"),
        (["eth9"], {}, "interface 'eth9' doesn't exist in the system"),
        (["eth1"], {}, "the interface eth1 is not running"),
        (["eth2"], {}, "the interface eth2 has no usable link-local IPv6 address: it is still tentative"),
        (["eth2/fe80::2"], {}, "the address fe80::2 of interface eth2 is still tentative"),
        (["eth3"], {}, "the interface eth3 has no usable link-local IPv6 address: it is not configured"),
        ([], {}, ""),
    ],
)
def test_what_is_meant_for_dhcpv6(texts, served, missing):
    wanted = choose6([InterfaceSpec.parse(text, 6) for text in texts], PRESENT6)
    assert {each.interface.name: (each.link_locals, each.unicast) for each in wanted.served} == served
    assert wanted.missing == ((missing,) if missing else ())


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**118 - 1).map(lambda low: (0xFE80 << 112) | low))
def test_which_addresses_are_link_local(address):
    assert is_link_local(address) == IPv6Address(address).is_link_local


@pytest.mark.parametrize(
    ("text", "family"),
    [
        *((text, 4) for text in ("", "/1.2.3.4", "eth0/", "eth0/x", "*/1.2.3.4", "eth0/1.2.3.4/5", "eth0/::1")),
        *((text, 6) for text in ("", "/::1", "eth0/", "eth0/x", "*/::1", "eth0/::1/64", "eth0/1.2.3.4")),
    ],
)
def test_what_is_misspelt(text, family):
    with pytest.raises(ValueError, match="not an"):
        InterfaceSpec.parse(text, family)


names = st.text(st.characters(codec="ascii", exclude_characters="/*\0"), min_size=1, max_size=15)


@given(names, st.integers(0, 2**32 - 1), st.integers(0, 2**128 - 1))
def test_specs_survive_being_written(name, address4, address6):
    for family, address in ((4, address4), (6, address6)):
        spec = InterfaceSpec(name, address, family)
        assert InterfaceSpec.parse(str(spec), family) == spec


def test_this_machine_has_a_loopback_interface():
    present = interfaces()
    found = [interface for interface in present.values() if interface.loopback]
    assert found
    assert found[0].index == socket.if_nametoindex(found[0].name)
    assert not found[0].ethernet
    assert {name for _, name in socket.if_nameindex()} == set(present)
