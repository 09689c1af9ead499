"""The index of DHCPv6 leases: like a dict of leases after any changes, and as if they had never been taken back."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view6 import Change6, Sweep6
from dhcpkit.backends import MemoryStore6, identifiers
from dhcpkit.backends.memory6 import Leases6
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.testing.leases import leases6

# Addresses across a boundary of 64 bits, and prefixes of two lengths whose first addresses may be the same.
EDGE = 0x20010DB8000000010000000000000000
ADDRESSES = st.integers(EDGE - 8, EDGE + 8)
PREFIXES = st.integers(0, 12).map(lambda number: (0x20010DB880000000 << 64) + (number << 68))
SWEEPS = [
    Sweep6(EDGE - 8, EDGE + 8),
    Sweep6(EDGE - 3, EDGE - 1),
    Sweep6(EDGE, EDGE + (1 << 64) - 1),
    Sweep6(0x20010DB880000000 << 64, (0x20010DB880000000 << 64) + (12 << 68), 68),
    Sweep6(0x20010DB880000000 << 64, (0x20010DB880000000 << 64) + (12 << 68) + 5, 69),
    Sweep6((0x20010DB880000000 << 64) + (1 << 68), (0x20010DB880000000 << 64) + (10 << 68), 69),  # from an odd one on
]


def few(lease):
    """Few identifiers, so that leases share them; ends in the range of the clock; prefixes of two lengths."""
    prefix_len = 60 - lease.prefix_len % 2 if lease.type == LeaseType.IA_PD else 128
    valid = lease.valid_lifetime % 100 + 1 if lease.valid_lifetime < 100_000 else lease.valid_lifetime
    if lease.state == 3:
        valid = lease.valid_lifetime
    duid = lease.duid and lease.duid[:1] + b"\1"
    return lease._replace(duid=duid, cltt=lease.cltt % 100, prefix_len=prefix_len, valid_lifetime=valid)


SOME = leases6(st.one_of(ADDRESSES, PREFIXES)).map(few)


class LikeADictOfLeases(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.leases = Leases6()
        self.model = {}
        self.now = 0

    @rule(after=SOME)
    def put(self, after):
        kept, _, lines = self.leases.apply([(Change6(self.model.get(after.address), after),)])
        assert kept == [True]
        assert lines == [ROWS6.encode(after)]
        self.model[after.address] = after

    @rule(data=st.data())
    def renew(self, data):
        if self.model:
            before = data.draw(st.sampled_from([self.model[address] for address in sorted(self.model)]))
            after = before._replace(cltt=self.now % 100, state=0, valid_lifetime=50)
            if before.duid:
                assert self.leases.apply([(Change6(before, after),)])[0] == [True]
                self.model[after.address] = after

    @rule(address=st.one_of(ADDRESSES, PREFIXES))
    def delete(self, address):
        before = self.model.pop(address, None)
        if before is not None:
            assert self.leases.apply([(Change6(before, None),)])[0] == [True]

    @rule(lease=SOME, later=SOME)
    def mistaken(self, lease, later):
        """A unit whose second change does not fit leaves nothing of the first."""
        if self.model.get(later.address) != later and later.address != lease.address:
            fits = Change6(self.model.get(lease.address), lease)
            kept, undo, lines = self.leases.apply([(fits, Change6(later, None))])
            assert (kept, undo, lines) == ([False], [], [])

    @rule(changes=st.lists(SOME, max_size=6))
    def take_back(self, changes):
        units = []
        after = dict(self.model)
        for lease in changes:
            units.append((Change6(after.get(lease.address), lease),))
            after[lease.address] = lease
        kept, undo, _ = self.leases.apply(units)
        assert all(kept)
        self.leases.restore(undo)

    @rule(seconds=st.integers(-5, 200))
    def time(self, seconds):
        self.now += seconds

    @rule(busy=st.sets(ADDRESSES), order=st.sampled_from(SWEEPS), hand_out=st.booleans())
    def search(self, busy, order, hand_out):
        found = self.leases.first_free(order, self.now, busy)
        assert found is None or (found in order and found not in busy and self._free(found))
        if order.size < 100:
            free = [a for a in order if a not in busy and self._free(a)]
            assert (found is None) == (not free)
        else:
            assert found is not None
        if hand_out and found is not None:
            self.leases.handed_out(found)

    def _free(self, address):
        lease = self.model.get(address)
        return lease is None or lease.expired(self.now)

    @rule(limit=st.integers(1, 30))
    def expired(self, limit):
        found = self.leases.expired(self.now, limit)
        over = [lease for lease in self.model.values() if lease.state in (0, 1, 4) and lease.expired(self.now)]
        ends = sorted(lease.expire for lease in over)
        assert [lease.expire for lease in found] == ends[:limit]

    @rule()
    def read(self):
        for address in {*self.model, EDGE, EDGE + 1}:
            assert self.leases.by_address(address) == self.model.get(address)
        for lease in self.model.values():
            same = [other for other in self.model.values() if lease.duid and other.duid == lease.duid]
            assert sorted(self.leases.by_duid(lease.duid)) == sorted(same)
            assert self.leases.knows(lease.duid) or not lease.duid

    @invariant()
    def holds(self):
        self.leases.check()
        assert len(self.leases) == len(self.model)


LikeADictOfLeases.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLikeADictOfLeases = LikeADictOfLeases.TestCase


@given(st.lists(SOME, unique_by=lambda lease: lease.address))
def test_filling_is_like_adding_one_by_one(some):
    filled, added = Leases6(), Leases6()
    filled.fill({lease.address: ROWS6.encode(lease) for lease in some})
    added.apply([(Change6(None, lease),) for lease in some])
    filled.check()
    assert lists_of(filled) == lists_of(added)
    for now in (0, 50, 10_000_000):
        assert filled.expired(now, 100) == added.expired(now, 100)
        for order in SWEEPS:
            assert filled.first_free(order, now) == added.first_free(order, now)


def lists_of(leases):
    """What is held and what is not, by step: each address in the list of its length."""
    free = leases._addresses
    return [
        {shift: units.some_from(0, 100) for shift, units in lists.items() if units}
        for lists in (free._taken, free._idle)
    ]


def test_duids_with_the_same_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(identifiers, "hash", lambda _: 7, raising=False)
    leases = [Lease6(EDGE + i, b"%d" % (i // 2), 10, 0, 1, 5, 0, 1) for i in range(6)]
    store = MemoryStore6(leases)
    assert [store.view.by_duid(b"%d" % i) for i in range(3)] == [leases[:2], leases[2:4], leases[4:]]
    assert list(store.view.by_duid(b"9")) == []


@given(st.lists(leases6(), unique_by=lambda lease: lease.address, max_size=20))
def test_a_census_counts_what_is_there(some):
    store = MemoryStore6()
    store.append([(Change6(None, lease),) for lease in some])
    held = [lease for page in asyncio.run(all_pages(store)) for lease in page]
    assert held == sorted(some)
    census = store.census()
    assert census.counts == Counter((lease.subnet_id, lease.pool_id, lease.type, lease.state) for lease in held)
    assert sorted(census.reclaimed) == [lease.address for lease in held if lease.state in (2, 3)]


async def all_pages(store):
    return [page async for page in store.pages()]


def test_two_leases_for_an_address_are_a_mistake():
    lease = Lease6(1, b"aaa", 10, 0, 1, 5, 0, 1)
    with pytest.raises(ValueError, match="two leases"):
        MemoryStore6([lease, lease._replace(iaid=2)])


def test_what_a_row_cannot_tell_is_not_told_apart():
    """Host names are in lower case; an address has no length, and no hardware address no type."""
    store = MemoryStore6([Lease6(1, b"aaa", 10, 0, 1, 5, 0, 1, 64, hostname="Host", hwtype=1)])
    held = store.view.by_address(1)
    assert held == Lease6(1, b"aaa", 10, 0, 1, 5, 0, 1, hostname="host")
    assert list(store.append([(Change6(held._replace(hostname="HOST", prefix_len=9), None),)])) == [True]
