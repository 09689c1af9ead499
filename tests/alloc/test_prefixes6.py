"""Nobody is delegated a prefix that contains, or lies in, one that somebody else holds: whatever lengths there were."""

from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.alloc.host6 import Host6, ReservedPrefix
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network import Lifetimes
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, SharedNetwork6, Subnet6
from dhcpkit.alloc.view6 import Change6, Overlay6, Sweep6, span_of
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.testing.machine6 import (
    Client6,
    Lab6,
    Rebind6,
    Reclaim6,
    Release6,
    Renew6,
    Request6,
    Solicit,
    Wait6,
)
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.testing.served import ServedLab6
from dhcpkit.wire.duid import Duid

SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
CLIENTS = [Client6(b"\0\3\0\1\2\0\0\0\0" + bytes((n,)), (), (1,)) for n in range(5)]
CLIENTS += [Client6(b"\0\3\0\1\2\0\0\0\0\x0a", (1,), (1, 2)), Client6(b"\0\3\0\1\2\0\0\0\0\x0b", (), (1,), rapid=True)]
PREFIX = IPv6Network("2001:db8:8::/124")
LENGTHS = st.integers(124, 128)


def cut(lengths, allocator="iterative", hosts=(), *, shared=False, keep=True):
    """Networks whose pools cut one and the same prefix into such lengths: of one subnet each."""
    subnets = [
        Subnet6(
            f"2001:db8:{index}::/64",
            id=index + 1,
            pools=[Pool6.of(f"2001:db8:{index}::10-2001:db8:{index}::12")],
            pd_pools=[PdPool(PREFIX, length)],
            valid=Lifetimes(40, 40, 40),
            interface=f"lab{index}",
            pd_allocator=allocator,
            rapid_commit=True,
        )
        for index, length in enumerate(lengths)
    ]
    where = {"shared_networks": [SharedNetwork6("lab", subnets)]} if shared else {"subnets": subnets}
    return Network6(server_id=SERVER, hosts=hosts, keep_released=keep, **where)


@st.composite
def cuts(draw):
    hosts = []
    lengths = draw(st.lists(LENGTHS, min_size=1, max_size=2))
    if len(lengths) == 1 and draw(st.booleans()):
        length = draw(LENGTHS)
        part = draw(st.integers(0, (1 << length - 124) - 1))
        at = int(PREFIX.network_address) + (part << 128 - length)
        hosts = [Host6("duid", CLIENTS[0].duid, 1, (), (ReservedPrefix(at, length),))]
    return cut(
        lengths,
        draw(st.sampled_from(["iterative", "random", "flq"])),
        hosts,
        shared=draw(st.booleans()),
        keep=draw(st.booleans()),
    )


STEPS = (
    st.tuples(st.sampled_from([Solicit, Request6, Renew6, Rebind6, Release6]), st.sampled_from(CLIENTS)).map(
        lambda pair: pair[0](pair[1])
    )
    | st.builds(Wait6, st.sampled_from([10, 30, 41]))
    | st.builds(Reclaim6, st.booleans())
)
TAKEN = st.lists(st.sampled_from(CLIENTS), max_size=4, unique=True).map(
    lambda few: [*map(Solicit, few), *map(Request6, few)]
)
CONVERSATIONS = st.tuples(TAKEN, st.lists(STEPS, max_size=8)).map(lambda pair: pair[0] + pair[1])


@pytest.mark.parametrize(
    "new",
    [
        lambda network: Lab6(network, ReferenceStore6()),
        lambda network: Lab6(network, MemoryStore6()),
        ServedLab6,
    ],
    ids=["plain store", "store", "server"],
)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_two_delegations_overlap_however_a_prefix_is_cut(new, data):
    lab = new(data.draw(cuts()))
    try:
        for _ in range(data.draw(st.integers(1, 4))):
            for step in data.draw(CONVERSATIONS):
                lab.take(step)
                lab.check()
                nothing_overlaps(lab)
            lab.reload(data.draw(cuts()))
    finally:
        if isinstance(lab, ServedLab6):
            lab.close()


def nothing_overlaps(lab):
    held = sorted(
        span_of(lease.address, lease.prefix_len)
        for lease in leases_of(lab)
        if lease.type == LeaseType.IA_PD and not lease.expired(lab.now)
    )
    for (_, last), (first, _) in pairwise(held):
        assert last < first, f"{IPv6Address(first)} lies in what ends at {IPv6Address(last)}"


def leases_of(lab):
    store = lab.store
    if isinstance(store, ReferenceStore6):
        return list(store.leases.values())
    return [store.view.by_address(address) for address in store.view.rows]


def prefix(place, length, end, client=CLIENTS[0], kind=LeaseType.IA_PD):
    """A lease of a part of the prefix that ends so many seconds after the start."""
    at = int(PREFIX.network_address) + (place >> 128 - length << 128 - length)
    return Lease6(at, client.duid, 40, end - 40, 1, 25, kind.value, 1, length)


LEASES = st.builds(prefix, st.integers(0, 15), st.integers(124, 128), st.sampled_from([10, 50, 90]))
SWEEPS = [PdPool(PREFIX, length).sweep for length in range(124, 129)]
CHANGES = st.lists(st.tuples(LEASES, st.sampled_from(["put", "put", "release", "delete"])), max_size=12)


@settings(deadline=None)
@given(st.data())
def test_a_store_and_an_overlay_know_which_prefixes_are_free(data):
    """As the plain store, which tries them one after the other; whether a change is stored or in the batch only."""
    plain, store = ReferenceStore6(), MemoryStore6()
    stored, batch = data.draw(CHANGES), data.draw(CHANGES)
    warm = data.draw(st.lists(st.sampled_from(SWEEPS), max_size=2))
    for sweep in warm:  # ranges that are known before anything happens there
        store.view.first_free(sweep, 0)
    for changes, commit, times in ((stored, True, (0, 20)), (batch, False, (20, 60, 100))):
        overlay = Overlay6(store.view)
        for lease, what in changes:
            before = plain.by_address(lease.address)
            after = (
                None if what == "delete" else lease._replace(state=3, valid_lifetime=0) if what == "release" else lease
            )
            if before is None and after is None:
                continue
            unit = (Change6(before, after),)
            plain.append([unit])
            if commit:
                assert store.append([unit]) == [True]
            else:
                overlay.record(unit)
        store.view.check()
        view = store.view if commit else overlay
        for now in times:
            for sweep in SWEEPS:
                found = view.first_free(sweep, now)
                if commit:  # an overlay takes what the batch has replaced for held: that is on the safe side
                    assert (found is None) == (plain.first_free(sweep, now) is None)
                assert found is None or (found in sweep and free(plain, sweep, found, now))
                length = 128 - sweep.shift
                for address in sweep:
                    ways = {lease.address for lease in view.overlapping(address, length) if not lease.expired(now)}
                    assert ways == {
                        lease.address for lease in plain.overlapping(address, length) if not lease.expired(now)
                    }
        store.view.check()


def free(plain, sweep, address, now):
    lease = plain.by_address(address)
    return (lease is None or lease.expired(now)) and not plain.in_the_way(sweep, address, now, ())


def test_addresses_are_in_nobody_s_way():
    """A pool of prefixes around a link's own addresses is as it was: only prefixes are compared."""
    store = MemoryStore6([prefix(3, 128, 90, kind=LeaseType.IA_NA)])
    assert store.view.first_free(SWEEPS[0], 0) == int(PREFIX.network_address)
    assert store.view.first_free(Sweep6(int(PREFIX.network_address), int(PREFIX.network_address) + 2), 0) is not None


def test_a_filled_store_knows_what_is_in_the_way():
    held = [prefix(3, 128, 90), prefix(8, 125, 90, CLIENTS[1])]
    store = MemoryStore6(held)
    filled = MemoryStore6()
    filled.view.fill(dict(store.view.rows))
    for sweep in SWEEPS:
        assert filled.view.first_free(sweep, 0) == store.view.first_free(sweep, 0)
    filled.view.check()


def test_a_search_among_many_small_ones_ends_and_goes_on(monkeypatch):
    monkeypatch.setattr("dhcpkit.backends.free6._TRIED_MAX", 2)
    store = MemoryStore6([prefix(place, 128, 90, CLIENTS[0]) for place in range(0, 12, 2)])
    assert [store.view.first_free(SWEEPS[3], 0) for _ in range(4)][-1] == int(PREFIX.network_address) + 12


@pytest.mark.parametrize("shared", [False, True])
def test_what_two_pools_cut_otherwise_is_not_plain(shared):
    assert not cut([126, 127], shared=shared).plain
    assert cut([126, 126]).plain == {1, 2}
