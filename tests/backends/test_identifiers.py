"""Identifiers lead to their addresses, like a set of pairs, hash collisions included."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from dhcpkit.backends import identifiers
from dhcpkit.backends.identifiers import Identifiers

NAMES = st.binary(min_size=1, max_size=2)
ADDRESSES = st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1))


class LikeASetOfPairs(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.index = Identifiers()
        self.pairs = set()

    @rule(name=NAMES, address=ADDRESSES)
    def add(self, name, address):
        if (name, address) not in self.pairs:
            self.index.add(name, address)
            self.pairs.add((name, address))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def remove(self, data):
        pair = data.draw(st.sampled_from(sorted(self.pairs)))
        self.index.remove(*pair)
        self.pairs.remove(pair)

    @rule(name=NAMES)
    def look(self, name):
        assert {address for other, address in self.pairs if other == name} <= set(self.index.get(name))

    @rule()
    def check(self):
        self.index.check(self.pairs)

    def teardown(self):
        self.index.check(self.pairs)


TestLikeASetOfPairs = LikeASetOfPairs.TestCase


def test_octets_of_one_entry_are_not_taken_for_another(monkeypatch):
    """With a hash that is the same everywhere, entries are told apart by their place alone."""
    hashes = {b"a": 0x01010101 << 16, b"b": 0x01010100 << 16, b"c": 0x00010101 << 16}
    monkeypatch.setattr(identifiers, "hash", hashes.__getitem__, raising=False)
    index = Identifiers()
    pairs = [(name, address) for name in hashes for address in (0x01010101, 0x01010100, 0, 0x00000101)]
    for name, address in pairs:
        index.add(name, address)
    index.check(pairs)
    for name in hashes:
        assert sorted(index.get(name)) == sorted(address for other, address in pairs if other == name)
    alone = Identifiers()
    alone.add(b"a", 0x00010101)
    assert not alone.get(b"c"), "these octets are an address"
    while pairs:
        index.remove(*pairs.pop(len(pairs) // 2))
        index.check(pairs)
