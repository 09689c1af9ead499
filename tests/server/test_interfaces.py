"""Interfaces as the machine has them, and which of them a configuration means."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.server.interfaces import Interface, InterfaceSpec, choose, interfaces

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


@pytest.mark.parametrize("text", ["", "/1.2.3.4", "eth0/", "eth0/x", "*/1.2.3.4", "eth0/1.2.3.4/5"])
def test_what_is_misspelt(text):
    with pytest.raises(ValueError, match="not an"):
        InterfaceSpec.parse(text)


names = st.text(st.characters(codec="ascii", exclude_characters="/*\0"), min_size=1, max_size=15)


@given(names, st.integers(0, 2**32 - 1))
def test_specs_survive_being_written(name, address):
    spec = InterfaceSpec(name, address)
    assert InterfaceSpec.parse(str(spec)) == spec


def test_this_machine_has_a_loopback_interface():
    present = interfaces()
    found = [interface for interface in present.values() if interface.loopback]
    assert found
    assert found[0].index == socket.if_nametoindex(found[0].name)
    assert not found[0].ethernet
    assert {name for _, name in socket.if_nameindex()} == set(present)
