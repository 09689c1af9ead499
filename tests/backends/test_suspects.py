"""Which leases do not fit a configuration, found in their rows."""

import asyncio
from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Lease4, Network, Subnet4
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.backends import Memfile, Memfile6, MemoryStore, MemoryStore6
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6

FOUR, SIX = 0x0A000000, 0x20010DB8 << 96
CONTEXTS = ["", "{ }", '{ "a": 1 }']
NAMES = ["", "a{b"]  # a brace in a host name is no user context


@st.composite
def networks4(draw):
    """Subnets that nest or are apart, in any order."""
    blocks = draw(st.lists(st.tuples(st.integers(0, 15), st.sampled_from([24, 28, 30])), max_size=6, unique=True))
    prefixes = [IPv4Network((FOUR + (at << 6), length), strict=False) for at, length in blocks]
    return Network([Subnet4(prefix, id=number + 1) for number, prefix in enumerate(dict.fromkeys(prefixes))])


@st.composite
def leases4(draw):
    offsets = draw(st.lists(st.integers(0, 1100), max_size=20, unique=True))
    return [
        Lease4(
            *(FOUR + at, b"\2\0\0\0" + at.to_bytes(2, "big"), b"", 100, 5, draw(st.integers(0, 7))),
            hostname=draw(st.sampled_from(NAMES)),
            state=draw(st.sampled_from([0, 0, 1, 2, 3])),
            user_context=draw(st.sampled_from(CONTEXTS)),
            pool_id=draw(st.integers(0, 2)),
        )
        for at in offsets
    ]


@st.composite
def networks6(draw):
    blocks = draw(st.lists(st.tuples(st.integers(0, 15), st.sampled_from([56, 60, 64])), max_size=6, unique=True))
    prefixes = [IPv6Network((SIX + (at << 64), length), strict=False) for at, length in blocks]
    subnets = [Subnet6(prefix, id=number + 1) for number, prefix in enumerate(dict.fromkeys(prefixes))]
    return Network6(subnets, server_id=b"\0\3\0\1\2\0\0\0\0\1")


@st.composite
def leases6(draw):
    places = draw(st.lists(st.tuples(st.integers(0, 17), st.integers(0, 3)), max_size=20, unique=True))
    return [
        Lease6(
            *(SIX + (net << 64) + host, b"\0\1" + bytes([net]), 100, 5, draw(st.integers(0, 7)), 50),
            *(draw(st.sampled_from([LeaseType.IA_NA, LeaseType.IA_PD])), 1, 128),
            hostname=draw(st.sampled_from(NAMES)),
            state=draw(st.sampled_from([0, 0, 1, 2, 3, 4])),
            user_context=draw(st.sampled_from(CONTEXTS)),
            pool_id=draw(st.integers(0, 2)),
        )
        for net, host in places
    ]


def plainly(store, network, *, contexts):
    """The same by looking at each lease."""
    found = []
    for address in sorted(store.view.rows):
        lease = store.view.by_address(address)
        subnet = network.by_id.get(lease.subnet_id)
        strange = subnet is None or not subnet.first <= address <= subnet.last
        delegated = isinstance(lease, Lease6) and lease.type == LeaseType.IA_PD
        if (strange and not delegated) or (contexts and lease.user_context):
            found.append(lease)
    return found


def found(store, network, *, contexts):
    return [lease for some in store.suspects(network, contexts=contexts) for lease in some]


@given(networks4(), leases4(), st.booleans())
def test_suspects_of_dhcpv4_are_those_that_a_look_at_each_finds(network, leases, contexts):
    store = MemoryStore(leases)
    assert found(store, network, contexts=contexts) == plainly(store, network, contexts=contexts)


@given(networks6(), leases6(), st.booleans())
def test_suspects_of_dhcpv6_are_those_that_a_look_at_each_finds(network, leases, contexts):
    store = MemoryStore6(leases)
    assert found(store, network, contexts=contexts) == plainly(store, network, contexts=contexts)


@pytest.mark.parametrize("leases", [[Lease4(FOUR, b"a", b"", 100, 5, 1, user_context='{ "a": 1 }')]])
def test_without_a_network_only_user_contexts_count(leases):
    store = MemoryStore([*leases, leases[0]._replace(address=FOUR + 1, user_context="", subnet_id=9)])
    assert found(store, None, contexts=True) == leases
    assert found(store, None, contexts=False) == []


@given(leases4().filter(bool))
def test_an_amendment_shows_unless_the_lease_is_another_by_now(leases):
    store = MemoryStore(leases)
    moved = [lease._replace(subnet_id=lease.subnet_id + 1) for lease in leases]
    assert all(store.amend([((old, new),) for old, new in zip(leases, moved, strict=True)]))
    assert not any(store.amend([((old, None),) for old in leases])), "a lease that is another by now stays"
    assert [store.view.by_address(lease.address) for lease in moved] == moved
    store.view.check()


@given(networks4(), leases4(), st.booleans())
def test_what_a_file_has_shown_while_it_was_read_is_what_a_walk_finds(tmp_path_factory, network, leases, contexts):
    """Right after a start nothing is walked over where that can be known; the answers are the same, and change."""
    path = tmp_path_factory.mktemp("leases") / "leases4.csv"
    path.write_bytes(b"\n".join([ROWS4.header, *map(ROWS4.encode, leases)]) + b"\n")
    store = Memfile(path, "os")
    try:
        plain = MemoryStore(leases)
        assert store.census().counts == plain.census().counts
        assert sorted(store.census().reclaimed) == sorted(plain.census().reclaimed)
        assert found(store, network, contexts=contexts) == plainly(plain, network, contexts=contexts)
        for lease in leases[:1]:
            moved = lease._replace(subnet_id=9, user_context='{ "b": 2 }')
            assert store.append([((lease, moved),)]) == plain.append([((lease, moved),)]) == [True]
            assert store.census().counts == plain.census().counts
            assert moved in found(store, network, contexts=contexts)
            store.view.check()
    finally:
        asyncio.run(store.close())


@given(networks6(), leases6(), st.booleans())
def test_the_same_of_dhcpv6(tmp_path_factory, network, leases, contexts):
    path = tmp_path_factory.mktemp("leases") / "leases6.csv"
    path.write_bytes(b"\n".join([ROWS6.header, *map(ROWS6.encode, leases)]) + b"\n")
    store = Memfile6(path, "os")
    try:
        plain = MemoryStore6([store.view.by_address(address) for address in store.view.rows])
        assert store.census().counts == plain.census().counts
        assert sorted(store.census().reclaimed) == sorted(plain.census().reclaimed)
        assert found(store, network, contexts=contexts) == plainly(plain, network, contexts=contexts)
        store.view.check()
    finally:
        asyncio.run(store.close())
