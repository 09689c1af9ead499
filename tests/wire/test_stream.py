"""Messages over TCP: put together from any pieces, and refused where they cannot be messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import packets4, packets6, relayed
from dhcpkit.wire import Packet6, WireError
from dhcpkit.wire.stream import SIZE_MAX, framed, inflow4, inflow6

SOLICIT = Packet6(1, {8: b"\0\0"}, xid=7)
FRAME = b"\0\x0a" + bytes(SOLICIT)


@given(
    st.one_of(
        st.tuples(st.just(inflow4), st.lists(packets4(), max_size=4)),
        st.tuples(st.just(inflow6), st.lists(st.one_of(packets6(), relayed(packets6(), 2)), max_size=4)),
    ),
    st.data(),
)
def test_what_was_framed_comes_out_whatever_the_pieces(chosen, data):
    inflow, packets = chosen
    flow, octets, found = inflow(), framed(*packets), []
    while octets:
        size = data.draw(st.integers(0, len(octets)) | st.just(1))
        found += flow.feed(octets[:size])
        octets = octets[size:]
    assert found == packets
    assert flow.pending == 0
    flow.close()


def test_the_form():
    assert framed(SOLICIT) == FRAME
    assert framed() == b""
    assert framed(SOLICIT, SOLICIT) == FRAME * 2
    with pytest.raises(ValueError, match="at most 65535 octets"):
        framed(Packet6(1, [(1, bytes(40000)), (2, bytes(40000))]))
    most = Packet6(1, {1: bytes(SIZE_MAX - 8)})
    assert inflow6().feed(framed(most)) == [most]


def test_a_message_in_the_making():
    flow = inflow6()
    assert [flow.feed(FRAME[at : at + 1]) for at in range(len(FRAME) - 1)] == [[]] * (len(FRAME) - 1)
    assert flow.pending == len(FRAME) - 1
    assert flow.feed(FRAME[-1:] + b"\0") == [SOLICIT]
    assert flow.pending == 1
    with pytest.raises(WireError, match="octet 13: the connection ends in the midst of a message"):
        flow.close()


def test_what_is_too_long_is_refused_before_it_is_there():
    flow = inflow6(size_max=10)
    assert flow.feed(FRAME) == [SOLICIT]
    with pytest.raises(WireError, match="octet 12: a message of at most 10 octets expected, not 11"):
        flow.feed(b"\0\x0b")
    assert flow.pending == 0


@pytest.mark.parametrize(
    ("flow", "octets", "offset"),
    [
        (inflow6, b"\0\3abc", 5),
        (inflow6, b"\0\0", 2),
        (inflow4, b"\0\4abcd", 6),
        (inflow6, b"\0\x05\x0c" + bytes(4), 7),
    ],
)
def test_what_is_no_message_ends_it(flow, octets, offset):
    flow = flow()
    with pytest.raises(WireError, match="header") as caught:
        flow.feed(octets + FRAME)
    assert caught.value.offset == offset
    for again in (lambda: flow.feed(b""), lambda: flow.feed(FRAME), flow.close):
        with pytest.raises(WireError) as once_more:
            again()
        assert once_more.value == caught.value
    assert flow.pending == 0


def test_messages_before_a_fault_are_not_lost():
    flow = inflow6()
    assert flow.feed(FRAME * 2 + b"\0\1x" + FRAME) == [SOLICIT, SOLICIT]
    with pytest.raises(WireError) as caught:
        flow.feed(b"")
    assert caught.value.offset == 2 * len(FRAME) + 3


def test_offsets_are_counted_from_the_beginning():
    flow = inflow6()
    assert [flow.feed(FRAME), flow.feed(FRAME), flow.feed(FRAME[:5])] == [[SOLICIT], [SOLICIT], []]
    assert flow.feed(FRAME[5:] + b"\0\1x") == [SOLICIT]
    with pytest.raises(WireError) as caught:
        flow.feed(b"")
    assert caught.value.offset == 3 * len(FRAME) + 3


def test_waiting_costs_nothing_for_what_is_there_already():
    """A peer that sends octet by octet: what is there is not looked at again for each."""

    class Buffer(bytearray):
        taken = 0

        def __getitem__(self, key):
            found = super().__getitem__(key)
            Buffer.taken += len(found)
            return found

    octets = framed(Packet6(1, {1: bytes(60000)}))
    flow = inflow6()
    flow._buffer = Buffer()
    for at in range(0, len(octets), 7):
        flow.feed(octets[at : at + 7])
    assert Buffer.taken <= 2 * len(octets)
