"""Where something is wrong: errors name the octet and the way there, and `problems` finds all at a fair cost."""

import contextlib
import struct
import sys

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import malformed, packets4, packets6, relayed
from dhcpkit.wire import Options6, Packet4, Packet6, Relay6, Space, SubOptions, WireError
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.json_form import NESTING_MAX
from dhcpkit.wire.kinds import IPV4
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS, RELAY_LINK_SELECTION, ROUTERS
from dhcpkit.wire.options6 import DHCP6, IA_NA, IAADDR
from dhcpkit.wire.places import whereabouts
from dhcpkit.wire.problems import PROBLEMS_MAX, problems

HEAD4 = build_packet4(1, xid=7, chaddr=b"\2\0\0\0\0\1")[:243]  # up to option 53
HEAD6 = b"\1\0\0\7"


def option6(code, payload):
    return struct.pack(">HH", code, len(payload)) + payload


def places(packet, space=None):
    return [(error.offset, error.path) for error in problems(packet, space)]


def test_all_that_is_wrong_is_told_at_once():
    octets = HEAD4 + b"\x03\3abc" + b"\x0c\1x" + b"\x33\1z" + b"\x52\4\x05\1q\xff" + b"\x06\x63"
    packet = Packet4.parse(octets)
    assert places(packet) == [
        (243, ("routers (3)",)),
        (251, ("dhcp-lease-time (51)",)),
        (256, ("dhcp-agent-options (82)", "link-selection (5)")),
        (259, ("dhcp-agent-options (82)",)),
        (260, ()),
    ]
    assert str(problems(packet)[2]) == (
        "octet 256: option dhcp-agent-options (82) > link-selection (5): 4 octets expected, 1 left"
    )
    assert problems(packet)[-1].what == "option 6 runs past the end"


def test_all_that_is_wrong_in_relays_and_in_each_other():
    address = option6(5, bytes(24) + option6(13, b"x") + b"\0\x0d\0\1")
    association = option6(3, bytes(12) + address + option6(7, b""))
    message = HEAD6 + option6(6, b"abc") + association + option6(65535, b"?") + option6(6, b"")
    inner = bytes(Relay6(12, options=Options6(option6(13, b"") + option6(9, message))))
    packet = Packet6.parse(bytes(Relay6(12, options=Options6(option6(9, inner) + option6(13, b"z")))))
    first = 34 + 4 + 34
    start = first + 4 + 4 + 4  # of the message's options: behind option 13, option 9's head and the header
    ways = ("relay-msg (9)", "relay-msg (9)")
    association_at = start + 7
    address_at = association_at + 4 + 12
    inside = (*ways, "ia-na (3)", "iaaddr (5)")
    assert places(packet) == [
        (first, (*ways[:1], "status-code (13)")),
        (start, (*ways, "oro (6)")),
        (address_at + 4 + 24, (*inside, "status-code (13)")),
        (address_at + 4 + 24 + 5, inside),
        (address_at + 4 + 24 + 5 + 4, (*ways, "ia-na (3)", "preference (7)")),
        (len(packet.data) - 5 - 4, (*ways, "oro (6)")),
        (len(packet.data) - 5, ("status-code (13)",)),
    ]


def test_what_was_changed_is_looked_at_as_it_is_now():
    packet = Packet4.parse(HEAD4 + b"\x03\3abc\xff")
    assert len(problems(packet)) == 1
    del packet[ROUTERS]
    assert problems(packet) == ()
    packet.options[51] = b"x"
    assert places(packet) == [(243, ("dhcp-lease-time (51)",))]


def test_options_of_your_own_can_be_wrong_too():
    mine = Space("mine", extends=DHCP6)
    mine.define(60001, "mine", IPV4)
    packet = Packet6(1, {60001: b"x", IA_NA.code: bytes(12) + option6(60001, b"y")})
    assert places(packet) == []
    assert places(packet, mine) == [(4, ("mine (60001)",)), (4 + 5 + 4 + 12, ("ia-na (3)", "mine (60001)"))]
    vendor = Packet4(1, {125: bytes.fromhex("0000118b 03 020161")})
    assert places(vendor) == [(250, ("vivso-suboptions (125)", "tftp-servers (2)"))]


def test_what_lies_too_deep_is_one_problem():
    octets = b"\0\3\0\1x"
    for _ in range(40):
        octets = option6(3, bytes(12) + octets)
    (error,) = problems(Packet6.parse(HEAD6 + octets))
    assert error.what == f"options lie more than {NESTING_MAX} deep in each other here"
    assert len(error.path) == NESTING_MAX + 1
    assert error.offset == 4 + 16 * len(error.path)


def test_more_than_a_frame_can_hold_is_not_told():
    packet = Packet6.parse(HEAD6 + option6(7, b"") * (PROBLEMS_MAX + 5))
    assert len(problems(packet)) == PROBLEMS_MAX


PACKETS = st.one_of(packets4(), packets6(), relayed(packets6(), 2))


@given(PACKETS)
@example(Packet4.parse(HEAD4 + b"\x3f\0\1\4\0\0\0\0\x3f\1\0\xff"))
def test_nothing_is_wrong_with_what_is_well_formed(packet):
    """No option is refused; within options there may lie any octets, here as in life."""
    holders = holders_of(packet)
    starts = {whereabouts(holder)[0] + at for holder in holders for at, _, _ in holder.placed()}
    for error in problems(packet):
        assert error.offset not in starts or (error.offset, error.what) in packet.flaws


def holders_of(packet):
    return [packet] if isinstance(packet, Packet4) else [*(relay.options for relay in packet.relays), packet.options]


def refused(holder, space):
    """Offset, path and words of every error that asking for an option raises; instances are asked for one by one."""
    for code in holder:
        option = space.by_code(code)
        if option is None:
            continue
        try:
            holder.all(option)
        except WireError as error:
            yield error.offset, error.path, error.what


OCTETS4 = malformed(packets4()).filter(lambda data: len(data) >= 240 and data[236:240] == b"c\x82Sc")
OCTETS6 = malformed(relayed(packets6(least=2), st.integers(0, 2)))


@given(OCTETS4 | OCTETS6)
@example(HEAD4 + b"\x06\3abc\x51\2abc\xff")
@example(HEAD6 + option6(6, b"ab") + option6(6, b"c"))
def test_problems_are_what_asking_for_each_option_raises(data):
    try:
        packet = (Packet4 if data[236:240] == b"c\x82Sc" else Packet6).parse(data)
    except WireError:
        assume(False)
    told = {(error.offset, error.path, error.what) for error in problems(packet)}
    assert {(offset, (), what) for offset, what in packet.flaws} <= told
    space = DHCP4 if isinstance(packet, Packet4) else DHCP6
    for holder in holders_of(packet):
        assert set(refused(holder, space)) <= told
    for offset, path, _ in told:
        assert 0 <= offset <= len(data)
        assert len(path) <= 2 + NESTING_MAX + 1


def test_places_in_options_in_parts_are_exact():
    """RFC 3396: sub-options 5 and 1, of which the first part of option 82 has but two octets."""
    packet = Packet4.parse(HEAD4 + b"\x52\2\x05\1" + b"\x0c\3xyz" + b"\x52\0" + b"\x52\4q\x01\x09z" + b"\xff")
    way = ("dhcp-agent-options (82)",)
    assert places(packet) == [(245, (*way, "link-selection (5)")), (243 + 4 + 5 + 2 + 2 + 1, way)]
    with pytest.raises(WireError, match=r"octet 245: .*link-selection"):
        packet[DHCP_AGENT_OPTIONS][RELAY_LINK_SELECTION]
    later = Packet4.parse(HEAD4 + b"\x52\2\x01\1" + b"\x0c\3xyz" + b"\x52\4q\x05\x01z" + b"\xff")
    with pytest.raises(WireError, match=r"octet 255: .*link-selection"):
        later[DHCP_AGENT_OPTIONS][RELAY_LINK_SELECTION]
    assert places(later) == [(255, (*way, "link-selection (5)"))]


def test_errors_within_options_name_the_way():
    packet = Packet6.parse(HEAD6 + option6(6, b"\0\1") + option6(3, bytes(12) + option6(5, b"abc")))
    with pytest.raises(WireError, match=r"octet 26: option ia-na \(3\) > iaaddr \(5\)"):
        packet[IA_NA].options[IAADDR]
    relayed4 = Packet4.parse(HEAD4 + b"\x52\3\x05\1q\xff")
    with pytest.raises(WireError, match=r"octet 245: option dhcp-agent-options \(82\) > link-selection \(5\)"):
        relayed4[DHCP_AGENT_OPTIONS][RELAY_LINK_SELECTION]


# What it costs. Calls and octets are counted, never time: of twice as much there are about twice as many.

FACTOR = 2.3
BAD = option6(6, b"x")


def nested(size):
    """As deep as is looked at, and as full at the bottom."""
    octets = BAD * (size // 5)
    for _ in range(NESTING_MAX):
        octets = option6(3, bytes(12) + octets)
    return HEAD6 + octets


def chain(size):
    packet = Packet6.parse(HEAD6 + BAD * (size // 320))
    relays = [Relay6(12, options=Options6(BAD * (size // 320)))] * 32
    return bytes(Packet6(1, packet.options, relays=relays))


def blocks(size):
    """Option 125 of many enterprises, in parts of 255 octets (RFC 3396)."""
    payload = bytes.fromhex("0000118b 03 020161") * (size // 8)
    return bytes(Packet4(1, {125: payload}))


BOMBS = {
    "one option over and over": lambda size: HEAD4 + b"\x03\3abc" * (size // 5),
    "instances without octets": lambda size: HEAD4 + b"\x0c\0" * (size // 2),
    "option 53 over and over": lambda size: HEAD4 + b"\x35\1\1" * (size // 3),
    "every code in turn": lambda size: HEAD4 + bytes(b for n in range(size // 3) for b in (1 + n % 254, 1, 0)),
    "enterprises": blocks,
    "sub-options": lambda size: bytes(Packet4(1, {82: b"\x05\1q" * (size // 3)})),
    "padding": lambda size: HEAD4 + b"\0" * size,
    "bad options": lambda size: HEAD6 + BAD * (size // 5),
    "codes nobody knows": lambda size: HEAD6 + b"".join(option6(60000 + n % 500, b"") for n in range(size // 4)),
    "wide associations": lambda size: HEAD6 + option6(3, bytes(12) + BAD) * (size // 21),
    "nested": nested,
    "relays": chain,
}


def calls(function, argument):
    """How many functions are called, of Python and of C, until this one returns."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function(argument)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("work", [problems, repr, str, bytes], ids=["problems", "repr", "str", "bytes"])
def test_twice_as_much_costs_twice_as_many_calls(name, work):
    size = 2400

    def whole(data):
        return work((Packet4 if data[236:240] == b"c\x82Sc" else Packet6).parse(data))

    once, twice = calls(whole, BOMBS[name](size)), calls(whole, BOMBS[name](2 * size))
    assert twice <= FACTOR * once + 300


class Counted(bytes):
    """Octets that count how many of them are copied out."""

    copied = 0

    def __getitem__(self, key):
        found = super().__getitem__(key)
        if isinstance(key, slice):
            Counted.copied += len(found)
            return Counted(found)
        return found


def copied(work, octets):
    Counted.copied = 0
    work(Counted(octets))
    return Counted.copied


def all_of6(octets):
    options = Options6(octets)
    for option in DHCP6:
        with contextlib.suppress(WireError):
            options.all(option)
    list(options.items())
    list(options.placed())


def all_of4(octets):
    options = SubOptions(octets)
    for code in options:
        options.offset(code)
    list(options.items())
    list(options.placed())


@pytest.mark.parametrize(
    ("work", "piece"),
    [
        (all_of6, option6(3, bytes(12) + option6(5, bytes(24)))),
        (all_of6, option6(6, b"\0\1")),
        (all_of6, BAD),
        (all_of6, option6(60001, b"xyz")),
        (all_of4, b"\1\5abcde"),
        (all_of4, b"\1\0"),
    ],
    ids=["associations", "lists", "bad", "unknown", "sub-options", "empty sub-options"],
)
def test_no_octet_is_copied_more_than_a_few_times(work, piece):
    size = 60000
    octets = piece * (size // len(piece))
    assert copied(work, octets) <= 6 * len(octets)
