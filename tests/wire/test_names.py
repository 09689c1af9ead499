"""Domain names: the grammar, compression, limits, and cost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import domain_names
from dhcpkit.wire.names import (
    FQDN,
    JUMPS_MAX,
    is_complete,
    join_labels,
    read_labels,
    read_names,
    split_name,
    write_names,
)

NAMES = st.lists(domain_names(), min_size=1, max_size=6)

VECTORS = [
    (("example.org.",), b"\7example\3org\0", b"\7example\3org\0"),
    (("a.org.", "b.org."), b"\1a\3org\0\1b\3org\0", b"\1a\3org\0\1b\xc0\2"),
    (("a.org.", "A.ORG."), b"\1a\3org\0\1A\3ORG\0", b"\1a\3org\0\xc0\0"),
    (("eng.apple.com.", "marketing.apple.com."), None, b"\3eng\5apple\3com\0\11marketing\xc0\4"),  # RFC 3397 2
    ((".",), b"\0", b"\0"),
    (("a\\.b.c\\032d.",), b"\3a.b\3c d\0", b"\3a.b\3c d\0"),
]


@pytest.mark.parametrize(("names", "plain", "compressed"), VECTORS, ids=str)
def test_vector(names, plain, compressed):
    if plain is not None:
        assert write_names(names, compress=False) == plain
        assert read_names(plain) == names
    assert write_names(names, compress=True) == compressed
    assert [name.lower() for name in read_names(compressed)] == [name.lower() for name in names]


@given(NAMES)
def test_names_are_read_back(names):
    assert read_names(write_names(names, compress=False)) == tuple(names)
    compressed = read_names(write_names(names, compress=True))
    assert [name.lower() for name in compressed] == [name.lower() for name in names]  # DNS knows no other equality


@given(NAMES)
def test_compression_only_saves(names):
    plain, compressed = (write_names(names, compress=wanted) for wanted in (False, True))
    assert len(compressed) <= len(plain)
    assert write_names(names) == (plain if len(plain) <= 255 else compressed)


@given(domain_names(complete=None))
@example("\\.")  # a label that is a dot
@example("a\\\\.")  # a label that ends in a backslash, and the root
def test_labels_are_read_back(name):
    assert join_labels(split_name(name), complete=is_complete(name)) == name


@given(domain_names(complete=True), domain_names(complete=False))
def test_complete_names_are_told_from_partial_ones(complete, partial):
    assert is_complete(complete)
    assert not is_complete(partial)


@given(domain_names())
def test_one_name_is_a_list_of_one(name):
    assert FQDN.build(name) == write_names([name], compress=False)
    assert read_labels(FQDN.build(name)) == (split_name(name), True)


@pytest.mark.parametrize(
    "text", ["", "..", ".a", "a..b", "a b", "é", "a" * 64, "a\\", "\\300.", "a\\1.", ".".join("a" * 64)]
)
def test_no_name(text):
    if text == ".".join("a" * 64):
        text = ".".join(["a" * 50] * 5 + ["b" * 5])
    with pytest.raises(ValueError, match=r"label|domain name|octet|longer"):
        split_name(text)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "at least one"),
        (b"\1a", "without its end"),
        (b"\5ab", "runs past"),
        (b"\xc0\0", "no name began"),
        (b"\1a\xc0\4\1b\0", "no name began"),
        (b"\1a\xc0\0", "no name began"),  # to itself
        (b"\3abc\0\xc0\2", "no name began"),  # into the middle of a label
        (b"\1a\0\xc0", "cut off"),
        (b"\x40a\0", "neither"),
        (b"\1a" * 127 + b"\0\1b\xc0\0", "longer than 255"),
    ],
)
def test_no_list_of_names(octets, why):
    with pytest.raises(ValueError, match=why):
        read_names(octets)


def test_as_many_pointers_as_allowed_and_not_one_more():
    chain = b"\1a\0"
    for number in range(JUMPS_MAX):
        chain += b"\xc0" + bytes((len(chain) - 2 if number else 0,))
    assert read_names(chain) == ("a.",) * (JUMPS_MAX + 1)
    with pytest.raises(ValueError, match="pointers"):
        read_names(chain + b"\xc0" + bytes((len(chain) - 2,)))


class Counting(bytes):
    """Octets that count how often they are looked at: cost without a clock."""

    looks = 0

    def __getitem__(self, at):
        type(self).looks += 1
        return bytes.__getitem__(self, at)


BOMBS = [
    b"\1a" * 127 + b"\0" + b"\xc0\0" * 22,
    b"\0" * 300,
    b"\xc0\0" * 150,
    b"\1a" * 150,
    b"\0" + b"\1a\xc0\0" * 75,
    b"\0" + b"".join(b"\1a" + (0xC000 | max(0, 1 + 4 * (n - 1))).to_bytes(2, "big") for n in range(74)),
]


@given(
    st.one_of(st.binary(max_size=300), st.lists(st.sampled_from([b"\1a", b"\0", b"\xc0\0", b"\xc0\2"])).map(b"".join))
)
@example(BOMBS[0])
@example(BOMBS[1])
@example(BOMBS[2])
@example(BOMBS[3])
@example(BOMBS[4])
@example(BOMBS[5])
def test_reading_costs_linear_time_and_gives_names_of_lawful_size(octets):
    Counting.looks = 0
    try:
        names = read_names(Counting(octets))
    except ValueError:
        names = ()
    assert Counting.looks <= 4 * len(octets) + 4
    assert all(len(name) <= 4 * 255 for name in names)
    assert len(names) <= len(octets)
