"""Numbers in order: like a sorted set, across parts and across the boundaries of 64 bits."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dhcpkit.backends import ordered
from dhcpkit.backends.ordered import Ordered

BLOCK = 1 << 64
NUMBERS = st.one_of(st.integers(0, 40), st.integers(BLOCK - 20, BLOCK + 20), st.integers(5 * BLOCK, 5 * BLOCK + 20))


@pytest.fixture(autouse=True, scope="module")
def small_parts():
    full, ordered._FULL = ordered._FULL, 4
    yield
    ordered._FULL = full


class LikeASortedSet(RuleBasedStateMachine):
    @initialize(numbers=st.sets(NUMBERS))
    def begin(self, numbers):
        self.model = set(numbers)
        self.numbers = Ordered(sorted(numbers))

    @rule(number=NUMBERS)
    def add(self, number):
        if number not in self.model:
            self.numbers.add(number)
            self.model.add(number)

    @rule(number=NUMBERS)
    def discard(self, number):
        assert self.numbers.discard(number) == (number in self.model)
        self.model.discard(number)

    @rule(number=NUMBERS)
    def look(self, number):
        assert (number in self.numbers) == (number in self.model)

    @rule(number=NUMBERS, most=st.integers(1, 20))
    def walk(self, number, most):
        assert self.numbers.some_from(number, most) == sorted(n for n in self.model if n >= number)[:most]

    @rule(first=NUMBERS, length=st.integers(0, 60))
    def gaps(self, first, length):
        expected = [n for n in range(first, first + length) if n not in self.model]
        assert list(self.numbers.gaps(first, first + length - 1)) == expected

    @rule(first=NUMBERS)
    def gap_of_a_range_that_nobody_could_walk(self, first):
        number = first
        while number in self.model:
            number += 1
        assert next(self.numbers.gaps(first, first + 5 * BLOCK)) == number

    @invariant()
    def holds(self):
        if hasattr(self, "model"):
            self.numbers.check()
            assert len(self.numbers) == len(self.model)
            assert bool(self.numbers) == bool(self.model)


TestLikeASortedSet = LikeASortedSet.TestCase


@given(st.permutations(range(60)))
@example([0, 1, 2, 3, *range(59, 3, -1)])
def test_whatever_the_order_parts_are_half_full_at_least(numbers):
    found = Ordered()
    for number in numbers:
        found.add(number)
    found.check()
    assert len(found._parts) <= 60 / 2 + 1


def test_what_comes_in_order_leaves_full_parts_behind():
    found = Ordered()
    for number in range(60):
        found.add(number)
    assert len(found._parts) == 60 / 4
