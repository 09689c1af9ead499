"""Free addresses and prefixes: like a set, however ranges overlap, and with a turn for each of them."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dhcpkit.alloc.view6 import Sweep6
from dhcpkit.backends.free6 import FreeAddresses6, shift_of
from dhcpkit.backends.ordered import Ordered
from dhcpkit.testing.store_family import ADDRESSES6, PREFIXES6

SHIFT = PREFIXES6.step.bit_length() - 1
FIRST, PREFIX = ADDRESSES6.first, PREFIXES6.first
NUMBERS = st.integers(0, 20)
KINDS = st.sampled_from([ADDRESSES6, PREFIXES6])
RANGES = [
    Sweep6(FIRST, FIRST + 20),
    Sweep6(FIRST + 3, FIRST + 7),
    Sweep6(FIRST + 15, FIRST + 17),  # across a boundary of 32 bits
    Sweep6(FIRST >> 64 << 64, (FIRST >> 64 << 64) + (1 << 64) - 1),
    Sweep6(PREFIX, PREFIX + (20 << SHIFT), SHIFT),
    Sweep6(PREFIX + (2 << SHIFT), PREFIX + (9 << SHIFT) - 1, SHIFT),
    Sweep6(PREFIX, PREFIX + (20 << SHIFT), SHIFT + 1),  # every second one: leases are of another length
    Sweep6(PREFIX + 5, PREFIX + 5 + (3 << SHIFT), SHIFT),  # from where no prefix begins
]


class LikeASet(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.free = FreeAddresses6()
        self.held = {}  # leases by address
        self.idle = set()  # addresses of those that hold it no more
        self.turns = {}

    @rule(kind=KINDS, number=NUMBERS)
    def take(self, kind, number):
        lease = kind.lease_of(number)
        if lease.address not in self.held or lease.address in self.idle:
            self.free.take(lease.address, lease)
            self.held[lease.address] = lease
            self.idle.discard(lease.address)

    @rule(order=st.sampled_from([order for order in RANGES if order.size < 30]))
    def take_all(self, order):
        for number in range(21):
            for kind in (ADDRESSES6, PREFIXES6):
                if kind.address(number) in order:
                    self.take(kind, number)

    @rule(kind=KINDS, number=NUMBERS, known=st.booleans())
    def give(self, kind, number, known):
        lease = kind.lease_of(number)
        known = known or lease.address not in self.held or lease.address in self.idle
        self.free.give(lease.address, lease if known else None)
        self.held[lease.address] = lease
        self.idle.add(lease.address)

    @rule(kind=KINDS, number=NUMBERS)
    def remove(self, kind, number):
        address = kind.address(number)
        self.free.remove(address)
        self.held.pop(address, None)
        self.idle.discard(address)

    @rule(kind=KINDS, number=NUMBERS)
    def hand_out(self, kind, number):
        address = kind.address(number)
        self.free.handed_out(address)
        for order in self.turns:
            if address in order:
                step = 1 << order.shift
                self.turns[order] = address + step if address + step <= order.last else order.first

    @rule(order=st.sampled_from(RANGES))
    def sweep(self, order):
        turn = self.turns.setdefault(order, order.first)
        at_once = self.free.first(order)
        found = self.free.sweep(order)
        if order.size > 100:
            expected = turn
            while self._held_in(order, expected):
                expected += 1
            assert next(found) == expected
            return
        addresses = list(order)
        at = addresses.index(turn)
        around = [a for a in addresses[at:] + addresses[:at] if not self._held_in(order, a)]
        assert list(found) == around
        assert at_once == turn or (at_once is None and not around)
        assert self.free.first(order) == (turn if around else None), "what is full is known from then on"

    def _held_in(self, order, address):
        """Whether a lease in steps of this range holds the address."""
        lease = self.held.get(address)
        return lease is not None and address not in self.idle and 128 - lease.prefix_len == order.shift

    @rule(kind=KINDS, number=NUMBERS, beyond=st.integers(0, 1), most=st.integers(1, 30))
    def walk(self, kind, number, beyond, most):
        start = kind.address(number) + beyond
        following = sorted(address for address in self.held if address >= start)[:most]
        expected = (following, following[-1] + 1) if following else None
        assert self.free.block_from(start, self.held, most) == expected

    @rule()
    def begin_again(self):
        """As after a restart: only the turns are forgotten."""
        taken, idle = {}, {}
        for address, lease in reversed(self.held.items()):
            into = idle if address in self.idle else taken
            into.setdefault(128 - lease.prefix_len, []).append(address)
        self.free = FreeAddresses6()
        self.free.begin(taken, idle)
        self.turns = {}

    @invariant()
    def holds(self):
        self.free.check(dict.fromkeys(self.held, b""))
        assert all(self.free.taken(address) == (address not in self.idle) for address in self.held)


TestLikeASet = LikeASet.TestCase


def test_a_full_range_is_not_searched_again(monkeypatch):
    free = FreeAddresses6()
    order = ADDRESSES6.order(0, 9)
    for number in range(10):
        free.take(ADDRESSES6.address(number), ADDRESSES6.lease_of(number))
    assert list(free.sweep(order)) == []
    with monkeypatch.context() as patched:
        patched.setattr(Ordered, "gaps", None)
        assert free.first(order) is None
        assert list(free.sweep(order)) == []
    free.remove(ADDRESSES6.address(7))
    assert list(free.sweep(order)) == [ADDRESSES6.address(7)]


def test_turns_that_are_too_many_start_again():
    free = FreeAddresses6()
    for first in range(0, 70_000 * 4, 4):
        assert free.first(Sweep6(first, first + 3)) == first
        free.handed_out(first)
    free.check({})
    assert free.first(Sweep6(4 * 69_999, 4 * 69_999 + 3)) == 4 * 69_999 + 1


@pytest.mark.parametrize(
    ("address", "kind", "prefix_len", "shift"),
    [
        (PREFIX, 2, 60, 68),
        (PREFIX, 2, 64, 64),
        (PREFIX, 0, 60, 0),  # an address
        (PREFIX + 1, 2, 60, 0),  # host bits set
        (PREFIX, 2, 128, 0),
        (PREFIX, 2, 200, 0),
        (0, 2, 0, 0),
    ],
)
def test_the_step_of_a_lease(address, kind, prefix_len, shift):
    assert shift_of(address, kind, prefix_len) == shift
