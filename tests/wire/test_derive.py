"""Derived codecs read and write what construct itself does, refusals included."""

import construct as c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.testing.codec_oracle import check_build, check_parse, declarations, not_derived
from dhcpkit.testing.declared import kinds, spaces
from dhcpkit.testing.strategies import declared_values, option_values
from dhcpkit.wire.derive import Mapped, Row, Whole, by_construct, derive
from dhcpkit.wire.header4 import HEADER
from dhcpkit.wire.named_kinds import TYPES

EVERY_OPTION = [option for space in spaces() for option in space]
EVERY_KIND = list(dict.fromkeys([*(kind for kind, _ in kinds()), *TYPES.values()]))
RUN_BY_CONSTRUCT = ()  # names of kinds with a shape that `derive` does not know, and why

# Values of no option's type: what a caller may pass by mistake.
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
    | st.binary(max_size=5).map(bytearray),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def test_every_kind_is_derived():
    """Of every option of both families, of what lies in them, and of every type of a configuration's `option-def`."""
    assert tuple(kind.name for kind in EVERY_KIND if not_derived(kind)) == RUN_BY_CONSTRUCT
    assert len(EVERY_KIND) > 100


@settings(max_examples=20)
@given(st.binary(max_size=60), STRANGE)
def test_every_option_reads_any_octets_and_writes_strange_values_as_construct_does(octets, value):
    for option in EVERY_OPTION:
        check_parse(option.kind.con, octets)
        check_build(option.kind.con, value)


@pytest.mark.parametrize("option", EVERY_OPTION, ids=repr)
@settings(max_examples=5)
@given(data=st.data())
def test_an_option_reads_and_writes_its_values_as_construct_does(option, data):
    value = data.draw(option_values(option))
    check_build(option.kind.con, value)
    assert option.parse(option.build(value)) == value
    octets = bytearray(option.build(value))
    check_parse(option.kind.con, bytes(octets[: data.draw(st.integers(0, len(octets)))]))
    check_parse(option.kind.con, bytes(octets) + data.draw(st.binary(max_size=2)))
    if octets:
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        check_parse(option.kind.con, bytes(octets))


@given(declarations(), st.binary(max_size=24))
def test_any_declaration_reads_as_construct_does(con, octets):
    check_parse(con, octets)


@given(declarations(), STRANGE)
def test_any_declaration_writes_as_construct_does(con, value):
    check_build(con, value)


@given(declarations(), st.binary(max_size=24))
def test_any_declaration_writes_its_values_as_construct_does(con, octets):
    try:
        value = by_construct(con).parse(octets)
    except ValueError:
        return
    check_build(con, value)


@given(st.data())
def test_values_of_a_declaration_can_be_written(data):
    con = data.draw(
        st.sampled_from([c.Int16ub, c.Prefixed(c.Int8ub, c.GreedyBytes), c.GreedyRange(c.Bytes(3)), HEADER])
    )
    value = data.draw(declared_values(con))
    assert derive(con).parse(derive(con).build(value)) == value


def test_what_is_not_known_runs_through_construct():
    codec = derive(c.Int24ul)
    assert not codec.derived
    assert codec.parse(b"\1\0\0") == 1
    assert codec.build(1) == b"\1\0\0"
    with pytest.raises(ValueError, match="left over"):
        codec.parse(b"\1\0\0\0")
    with pytest.raises(ValueError, match="not a valid"):
        codec.parse(b"\1")


def test_octets_left_in_a_prefix_are_refused_by_whole():
    inner = c.GreedyRange(c.Int16ub)
    assert derive(c.Prefixed(c.Int8ub, inner)).parse(b"\3\0\1\2") == [1]  # construct's way: the third octet is lost
    with pytest.raises(ValueError, match="2 octets expected, 1 left"):
        derive(c.Prefixed(c.Int8ub, Whole(inner))).parse(b"\3\0\1\2")


def test_an_endless_declaration_is_refused_at_once():
    with pytest.raises(TypeError, match="never ends"):
        derive(c.GreedyRange(c.GreedyBytes))


@pytest.mark.parametrize("value", [b"", b"abc", b"abcd", b"abcde", bytearray(b"abcd"), 1, 2**32, "abcd"], ids=repr)
def test_octets_of_a_fixed_number_are_that_number(value):
    for con in (c.Bytes(4), c.Struct("a" / c.Int8ub, "b" / c.Bytes(4)), c.GreedyRange(c.Bytes(4))):
        check_build(con, value)
        check_build(con, {"a": 1, "b": value})
        check_build(con, [value, value])


def test_a_row_is_made_by_position():
    row = Row(c.Struct("a" / c.Int8ub, "b" / c.GreedyBytes), lambda a, b: (b, a), reversed)
    codec = derive(row)
    assert codec.derived
    assert codec.parse(b"\1xy") == (b"xy", 1)
    assert codec.build((b"xy", 1)) == b"\1xy"
    with pytest.raises(ValueError, match="2 values expected, not 3"):
        codec.build((b"xy", 1, 2))
    with pytest.raises(TypeError, match="has a name"):
        Row(c.Struct("a" / c.Int8ub, c.Int8ub), lambda a, b: (a, b), tuple)


@pytest.mark.parametrize("error", [KeyError, IndexError, ZeroDivisionError, RecursionError, TypeError])
def test_whatever_a_users_function_raises_leaves_as_value_error(error):
    def fail(_):
        raise error("mine")

    codec = derive(Mapped(c.GreedyBytes, fail, fail))
    with pytest.raises(ValueError, match="mine"):
        codec.parse(b"")
    with pytest.raises(ValueError, match="mine"):
        codec.build(b"")
