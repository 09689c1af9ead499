"""Free addresses: like a set, however ranges overlap, and with a turn for each of them."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dhcpkit.alloc import Sweep
from dhcpkit.backends.free import BLOCK, FreeAddresses

EDGE = 7 * BLOCK  # ranges lie across the edge of a block
NEAR = st.integers(EDGE - 20, EDGE + 20)


class LikeASet(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.free = FreeAddresses()
        self.taken = set()
        self.turns = {}
        self.touched = set()

    @initialize(ranges=st.lists(st.tuples(NEAR, NEAR).map(sorted), min_size=1, max_size=4))
    def learn(self, ranges):
        self.ranges = [tuple(pair) for pair in ranges] + [(0, 2**32 - 1)]

    @rule(address=NEAR)
    def take(self, address):
        self.free.take(address)
        self.taken.add(address)
        self.touched.add(address)

    @rule(data=st.data())
    def take_all(self, data):
        first, last = data.draw(st.sampled_from(self.ranges))
        for address in range(first, min(last, first + 100) + 1):
            self.take(address)

    @rule(address=NEAR)
    def give(self, address):
        self.free.give(address)
        self.taken.discard(address)
        self.touched.add(address)

    @rule(address=st.one_of(NEAR, st.integers(0, 2**32 - 1)))
    def hand_out(self, address):
        self.free.handed_out(address)
        for first, last in list(self.turns):
            if first <= address <= last:
                self.turns[first, last] = address + 1 if address < last else first

    @rule(data=st.data())
    def sweep(self, data):
        first, last = data.draw(st.sampled_from(self.ranges))
        turn = self.turns.setdefault((first, last), first)
        found = self.free.sweep(Sweep(first, last))
        quick = self.free.first(Sweep(first, last))  # from the turn's block alone
        assert quick is None or quick == next(self.free.sweep(Sweep(first, last)))
        if last - first > 100:
            expected = turn
            while expected in self.taken:
                expected += 1
            assert next(found) == expected
        else:
            around = [*range(turn, last + 1), *range(first, turn)]
            assert list(found) == [address for address in around if address not in self.taken]

    @rule(address=NEAR)
    def walk(self, address):
        found = self.free.block_from(address, self.touched, 10)
        following = [other for other in sorted(self.touched) if other >= address]
        if not any(other >> 12 >= address >> 12 for other in self.touched):
            assert found is None
            return
        some, stop = found
        assert stop > address
        assert some == [other for other in following if other < stop]

    @invariant()
    def holds(self):
        self.free.check(dict.fromkeys(self.touched, b""))
        assert all(self.free.taken(address) == (address in self.taken) for address in self.touched)


TestLikeASet = LikeASet.TestCase


def test_turns_that_are_too_many_start_again():
    free = FreeAddresses()
    for first in range(0, 70_000 * 4, 4):
        assert next(free.sweep(Sweep(first, first + 3))) == first
        free.handed_out(first)
    free.check({})
    assert next(free.sweep(Sweep(4 * 69_999, 4 * 69_999 + 3))) == 4 * 69_999 + 1
