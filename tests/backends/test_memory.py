"""The index: like a dict of leases after any changes, and as if they had never been after taking them back."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dhcpkit.alloc import Change, Lease4, Sweep
from dhcpkit.backends import MemoryStore
from dhcpkit.backends.memory import Leases4
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.testing.leases import leases4

FIRST, LAST = 4090, 4110  # across the edge of a block
SOME = leases4(st.integers(FIRST, LAST)).map(
    lambda lease: lease._replace(client_id=lease.client_id[:2], hwaddr=lease.hwaddr[:1], cltt=lease.cltt % 100)
)  # few identifiers, so that leases share them; ends in the range of the clock


class LikeADictOfLeases(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.leases = Leases4()
        self.model = {}
        self.now = 0

    @rule(after=st.one_of(SOME, SOME.map(lambda lease: lease._replace(valid_lifetime=lease.valid_lifetime % 100 + 1))))
    def put(self, after):
        kept, _, lines = self.leases.apply([(Change(self.model.get(after.address), after),)])
        assert kept == [True]
        assert lines == [ROWS4.encode(after)]
        self.model[after.address] = after

    @rule(address=st.integers(FIRST, LAST))
    def delete(self, address):
        before = self.model.pop(address, None)
        if before is not None:
            assert self.leases.apply([(Change(before, None),)])[0] == [True]

    @rule(lease=SOME, later=SOME)
    def mistaken(self, lease, later):
        """A unit whose second change does not fit leaves nothing of the first."""
        if self.model.get(later.address) != later and later.address != lease.address:
            fits = Change(self.model.get(lease.address), lease)
            kept, undo, lines = self.leases.apply([(fits, Change(later, None))])
            assert (kept, undo, lines) == ([False], [], [])

    @rule(changes=st.lists(SOME, max_size=6))
    def take_back(self, changes):
        units = []
        after = dict(self.model)
        for lease in changes:
            units.append((Change(after.get(lease.address), lease),))
            after[lease.address] = lease
        kept, undo, _ = self.leases.apply(units)
        assert all(kept)
        self.leases.restore(undo)

    @rule(seconds=st.integers(-5, 200))
    def time(self, seconds):
        self.now += seconds

    @rule(busy=st.sets(st.integers(FIRST, LAST)), hand_out=st.booleans())
    def search(self, busy, hand_out):
        found = self.leases.first_free(Sweep(FIRST, LAST), self.now, busy)
        free = {a for a in range(FIRST, LAST + 1) if a not in busy and self._free(a)}
        assert found in free if free else found is None
        if hand_out and found is not None:
            self.leases.handed_out(found)

    def _free(self, address):
        lease = self.model.get(address)
        return lease is None or lease.expired(self.now)

    @rule(limit=st.integers(1, 30))
    def expired(self, limit):
        found = self.leases.expired(self.now, limit)
        over = [lease for lease in self.model.values() if lease.state in (0, 1) and lease.expired(self.now)]
        ends = sorted(lease.expire for lease in over)
        assert [lease.expire for lease in found] == ends[:limit]

    @rule()
    def read(self):
        for address in range(FIRST, LAST + 1):
            assert self.leases.by_address(address) == self.model.get(address)
        for lease in self.model.values():
            for find, name in ((self.leases.by_client_id, "client_id"), (self.leases.by_hwaddr, "hwaddr")):
                value = getattr(lease, name)
                same = [other for other in self.model.values() if value and getattr(other, name) == value]
                assert sorted(find(value)) == sorted(same)

    @invariant()
    def holds(self):
        self.leases.check()
        assert len(self.leases) == len(self.model)


LikeADictOfLeases.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestLikeADictOfLeases = LikeADictOfLeases.TestCase


@given(st.lists(SOME, unique_by=lambda lease: lease.address))
def test_filling_is_like_adding_one_by_one(some):
    filled, added = Leases4(), Leases4()
    filled.fill({lease.address: ROWS4.encode(lease) for lease in some})
    added.apply([(Change(None, lease),) for lease in some])
    filled.check()
    for now in (0, 50, 10_000_000):
        assert filled.expired(now, 100) == added.expired(now, 100)
        assert filled.first_free(Sweep(FIRST, LAST), now) == added.first_free(Sweep(FIRST, LAST), now)


@given(st.lists(leases4(), unique_by=lambda lease: lease.address, max_size=20))
def test_a_census_counts_what_is_there(some):
    store = MemoryStore()
    store.append([(Change(None, lease),) for lease in some])
    held = [lease for page in asyncio.run(all_pages(store)) for lease in page]
    census = store.census()
    assert census.counts == Counter((lease.subnet_id, lease.pool_id, lease.state) for lease in held)
    assert sorted(census.reclaimed) == [lease.address for lease in held if lease.state in (2, 3)]


async def all_pages(store):
    return [page async for page in store.pages()]


def test_an_error_in_a_unit_takes_everything_back():
    store = MemoryStore([Lease4(1, b"a", b"", 10, 0, 1)])
    impossible = Lease4(2, b"b", b"", 10, "when?", 1)
    with pytest.raises(TypeError):
        store.append([(Change(None, Lease4(3, b"c", b"", 10, 0, 1)),), (Change(None, impossible),)])
    store.view.check()
    assert len(store.view) == 1


def test_two_leases_for_an_address_are_a_mistake():
    with pytest.raises(ValueError, match="two leases"):
        MemoryStore([Lease4(1, b"a", b"", 10, 0, 1), Lease4(1, b"b", b"", 10, 0, 1)])


def test_host_names_are_stored_in_lower_case():
    store = MemoryStore([Lease4(1, b"a", b"", 10, 0, 1, hostname="Host")])
    assert store.view.by_address(1).hostname == "host"
    assert list(store.append([(Change(Lease4(1, b"a", b"", 10, 0, 1, hostname="HOST"), None),)])) == [True]


def test_a_million_ends_do_not_stop_a_search():
    """All leases of a range end at once: a search looks at a few hundred of them, and finds one."""
    store = MemoryStore([Lease4(i, b"", b"%d" % i, 10, 0, 1) for i in range(20_000)])
    looked = 0
    end_of = store.view._expiry._end_of

    def count(address):
        nonlocal looked
        looked += 1
        return end_of(address)

    store.view._expiry._end_of = count
    assert store.view.first_free(Sweep(0, 19_999), 11) is not None
    assert 0 < looked < 1000
    assert len(asyncio.run(store.expired(11, 30_000))) == 20_000
