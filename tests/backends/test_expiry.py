"""Ends of leases: whatever changes, what is due comes in order, and entries stay in proportion to leases."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dhcpkit.backends.expiry import Expiry

ADDRESSES = st.integers(0, 30)
SECONDS = st.integers(0, 60)


class LikeADict(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.ends = {}
        self.expiry = Expiry(self.ends.get)
        self.now = 0

    @rule(address=ADDRESSES, end=st.one_of(st.none(), SECONDS))
    def change(self, address, end):
        old = self.ends.pop(address, None)
        if end is not None:
            self.ends[address] = end
        self.expiry.changed(address, old, end)

    @rule(before=SECONDS, steps=st.integers(1, 5))
    def some(self, before, steps):
        moved = self.expiry.advance(before, steps)
        assert moved is None or all(self.ends[address] < before for address in moved)

    @rule(before=SECONDS)
    def all(self, before):
        while self.expiry.advance(before, 3) is not None:
            pass
        expected = sorted((end, address) for address, end in self.ends.items() if end < before)
        assert list(self.expiry.due(before)) == [address for _, address in expected]

    @invariant()
    def holds(self):
        self.expiry.check(self.ends)


TestLikeADict = LikeADict.TestCase


@pytest.mark.parametrize("seconds", [1, 400])
def test_a_client_that_comes_and_goes_leaves_nothing_behind(seconds):
    ends = {address: 5000 + address for address in range(1000)}
    expiry = Expiry(ends.get)
    for address, end in ends.items():
        expiry.changed(address, None, end)
    for turn in range(30_000):
        address = turn % 7
        expiry.changed(address, ends.pop(address), None)
        ends[address] = 6000 + turn % seconds
        expiry.changed(address, None, ends[address])
    expiry.check(ends)
    assert sum(map(len, expiry._waiting.values())) < 3 * 1000 + 4096
