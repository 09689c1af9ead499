"""What octets cost grows with their number, whatever they say: calls are counted, never time."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.testing.fuzz_targets import every_option
from dhcpkit.testing.strategies import option_values
from dhcpkit.wire.capture import read_capture
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.names import read_labels, read_names, write_names
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options6 import DHCP6, IA_NA
from dhcpkit.wire.text import parse_hex, split_text

# Of an input twice as long: a little more than twice the calls, and some for what is done once.
FACTOR = 2.3
ONCE = 300
CHEAP = 16  # calls for an octet, whatever half of them costs: an input may be refused at once, and twice of it be read
SIZE = 1500  # octets: twice that fills any packet


def calls(function, *arguments):
    """How many functions are called, of Python and of C, until this one returns or refuses."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function(*arguments)
    except (ValueError, WireError):
        pass
    finally:
        sys.setprofile(before)
    return count


def check_linear(function, grown):
    """Costs of a function of what `grown` makes for a size, against those for twice the size."""
    once, twice = calls(function, grown(SIZE)), calls(function, grown(2 * SIZE))
    assert twice <= max(FACTOR * once + ONCE, CHEAP * 2 * SIZE), (
        f"{once} calls for {SIZE} octets, {twice} for twice as many"
    )


def repeated(piece):
    return lambda size: piece * (size // len(piece))


@pytest.mark.parametrize("option", every_option(), ids=repr)
@settings(max_examples=2)
@given(data=st.data())
def test_payloads_of_options(option, data):
    """Values one after the other, as many as there is room for: read, or refused, at a cost by their number."""
    piece = option.build(data.draw(option_values(option))) or b"\0"
    check_linear(option.parse, repeated(piece))
    check_linear(lambda octets: show_all(option, octets), repeated(piece))


def show_all(option, octets):
    value = option.parse(octets)
    option.build(value)
    option.kind.show_text(value)
    option.kind.to_json(value, Inside(option.encapsulates))


def options6(octets):
    return Options6(octets).first, Options6(octets).flaws, list(Options6(octets).items())


@pytest.mark.parametrize("function", [read_names, read_labels, SubOptions, options6, split_text, parse_hex])
@given(piece=st.binary(min_size=1, max_size=12))
def test_any_octets_over_and_over(function, piece):
    if function in (split_text, parse_hex):
        piece = piece.decode("latin-1")
    check_linear(function, repeated(piece))


POINTERS = [
    b"\1a\0" + b"\xc0\0" * 4000,  # each a name of its own
    b"\1a\0" + b"".join(b"\1b" + (0xC000 | at).to_bytes(2, "big") for at in range(0, 4000, 4)),
    b"\x3f" + b"x" * 63 + b"\0" + b"\xc0\0" * 4000,
    b"\1a" * 120 + b"\0" + b"\1a\xc0\2" * 2000,
    b"\xc0\0" * 4000,
]


@pytest.mark.parametrize("octets", POINTERS, ids=[1, 2, 3, 4, 5])
def test_pointers(octets):
    check_linear(read_names, lambda size: octets[:size])


def test_lists_of_names_that_share_their_ends():
    def grown(size):
        return [f"host{number}.example.org." for number in range(size // 5)]

    check_linear(lambda names: write_names(names, compress=False), grown)
    check_linear(lambda names: write_names(names, compress=True), grown)


@pytest.mark.parametrize("shape", ["wide", "deep"])
def test_options_within_options(shape):
    def grown(size):
        octets = b""
        if shape == "wide":
            return bytes(Options6.of([(IA_NA.code, b"\0" * 12)] * (size // 16)))
        while len(octets) < size:
            octets = Options6.of([(IA_NA.code, b"\0" * 12 + octets)]).octets
        return octets

    check_linear(lambda octets: Inside(DHCP6).show(Options6(octets).items()), grown)


def test_captures():
    head = bytes.fromhex("a1b2c3d400020004000000000000000000040000") + b"\0\0\0\1"
    check_linear(
        lambda data: list(read_capture(data)),
        lambda size: head + (b"\0" * 8 + b"\0\0\0\4" * 2 + b"abcd") * (size // 20),
    )


def test_a_cost_that_grows_faster_is_found():
    def squared(octets):
        for _ in octets:
            list(map(abs, octets))
            for at in range(0, len(octets), 100):
                octets.find(b"z", at)

    with pytest.raises(AssertionError, match="twice as many"):
        check_linear(squared, repeated(b"x"))
