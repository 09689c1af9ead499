"""Derived codecs read and write what construct itself does, refusals included."""

import construct as c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.codec_oracle import check_build, check_parse, declarations, not_derived
from dhcpkit.testing.strategies import declared_values, option_values, options
from dhcpkit.wire.derive import Mapped, Whole, by_construct, derive
from dhcpkit.wire.dhcp4 import HEADER
from dhcpkit.wire.named_kinds import TYPES
from dhcpkit.wire.options4 import DHCP4, DOCSIS3, RELAY_AGENT

SPACES = (DHCP4, RELAY_AGENT, DOCSIS3)
EVERY_OPTION = [option for space in SPACES for option in space]

# Values of no option's type: what a caller may pass by mistake.
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
    | st.binary(max_size=5).map(bytearray),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("kind", [*{o.kind: 0 for o in EVERY_OPTION}, *TYPES.values()], ids=lambda kind: kind.name)
def test_every_kind_is_derived(kind):
    assert not not_derived(kind), f"{kind} runs through construct"


@given(options(DHCP4) | options(RELAY_AGENT), st.binary(max_size=60))
def test_options_read_any_octets_as_construct_does(option, octets):
    check_parse(option.kind.con, octets)


@given(st.data())
def test_options_read_nearly_valid_octets_as_construct_does(data):
    option = data.draw(st.sampled_from(EVERY_OPTION))
    octets = bytearray(option.build(data.draw(option_values(option))))
    if octets and data.draw(st.booleans()):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    check_parse(option.kind.con, bytes(octets[: data.draw(st.integers(0, len(octets)))]))
    check_parse(option.kind.con, bytes(octets) + data.draw(st.binary(max_size=2)))


@given(st.data())
def test_options_write_values_as_construct_does(data):
    option = data.draw(st.sampled_from(EVERY_OPTION))
    value = data.draw(option_values(option))
    check_build(option.kind.con, value)
    assert option.parse(option.build(value)) == value


@given(options(), STRANGE)
def test_options_refuse_strange_values_as_construct_does(option, value):
    check_build(option.kind.con, value)


@given(declarations(), st.binary(max_size=24))
def test_any_declaration_reads_as_construct_does(con, octets):
    check_parse(con, octets)


@given(declarations(), STRANGE)
def test_any_declaration_writes_as_construct_does(con, value):
    check_build(con, value)


@given(st.data())
def test_any_declaration_writes_its_values_as_construct_does(data):
    con = data.draw(declarations())
    octets = data.draw(st.binary(max_size=24))
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


@pytest.mark.parametrize("error", [KeyError, IndexError, ZeroDivisionError, RecursionError, TypeError])
def test_whatever_a_users_function_raises_leaves_as_value_error(error):
    def fail(_):
        raise error("mine")

    codec = derive(Mapped(c.GreedyBytes, fail, fail))
    with pytest.raises(ValueError, match="mine"):
        codec.parse(b"")
    with pytest.raises(ValueError, match="mine"):
        codec.build(b"")
