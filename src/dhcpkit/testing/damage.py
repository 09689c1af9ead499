"""Hypothesis strategies for messages gone wrong: cut, changed, doubled, and above all lied about in their lengths.

Where a message says how long something is, decoders go wrong: the length of an option, of one inside it, of what a
relay wrapped, of a label in a name. `lengths` finds those octets in a well-formed message, `malformed` writes others
there.
This module does not know which damage a decoder takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from dhcpkit.testing.packets import packets4
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6, RELAY_MSG

__all__ = ["Length", "lengths", "malformed"]

DAMAGES_MAX: Final = 3  # changes made to a malformed packet: more of them hide each other
POINTER: Final = 0xC0  # the bits of an octet that make a pointer of a label's length, RFC 1035 4.1.4
OPTIONS4_AT: Final = 240  # octets before the first option of DHCPv4
HEADER6: Final = 4  # octets before the first option of DHCPv6
HEAD6: Final = 4  # octets of an option's code and length in DHCPv6
PAD: Final = 0
END: Final = 255
RELAY_HEADER6: Final = 34  # octets of a relay's message before its first option


class Length(NamedTuple):
    """Where a length stands in a message, how many octets it has, and how many are left behind it."""

    offset: int
    size: int
    left: int


def lengths(packet: Packet4 | Packet6) -> list[Length]:
    """Every length in a message: of its options, of all that lies in them, and of what looks like one in a value.

    An octet in a value looks like one where as many octets follow in the value: labels of names are found so, strings
    with an octet before them, and a vendor's blocks.
    """
    if isinstance(packet, Packet4):
        return list(_lengths(packet.data[OPTIONS4_AT:], OPTIONS4_AT, wide=False, space=DHCP4))
    found: list[Length] = []
    at = 0
    for relay in packet.relays:
        found += _lengths(relay.options.octets, at + RELAY_HEADER6, wide=True, space=DHCP6)
        at += RELAY_HEADER6 + relay.options.offset(RELAY_MSG.code) + relay.options.head
    start = at + (RELAY_HEADER6 if packet.type in (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL) else HEADER6)
    found += _lengths(packet.options.octets, start, wide=True, space=DHCP6)
    return found


@st.composite
def malformed(draw: st.DrawFn, packets: st.SearchStrategy[Packet4] | st.SearchStrategy[Packet6] | None = None) -> bytes:
    """Octets that were a packet of DHCPv4 (or one of `packets`): a few were changed, cut off, doubled or put in.

    Half of the damage is done to lengths: `malformed(packets6())`, `malformed(relayed(packets6()))`.
    """
    drawn: st.SearchStrategy[Any] = packets4() if packets is None else packets
    packet: Packet4 | Packet6 = draw(drawn)
    data = bytearray(bytes(packet))
    spots = lengths(packet) or [Length(0, 1, len(data) - 1)]
    for _ in range(draw(st.integers(1, DAMAGES_MAX))):
        if draw(st.booleans()):
            spot = draw(st.sampled_from(spots))
            data[spot.offset : spot.offset + spot.size] = draw(_lies(spot, data))
        else:
            _damage(draw, data)
    return bytes(data)


def _lengths(octets: bytes, base: int, *, wide: bool, space: Space | None) -> Iterator[Length]:
    """Of options in a row that starts at `base`."""
    size = 2 if wide else 1
    at, end = 0, len(octets)
    while at + 2 * size <= end:
        code = int.from_bytes(octets[at : at + size], "big")
        if not wide and code in (PAD, END):
            at += 1
            continue
        start = at + 2 * size
        yield Length(base + at + size, size, end - start)
        at = start + int.from_bytes(octets[at + size : start], "big")
        option = None if space is None else space.by_code(code)
        if not (wide and code == RELAY_MSG.code):
            yield from _within(octets[start:at], base + start, option)


def _within(payload: bytes, base: int, option: Option[Any] | None) -> Iterator[Length]:
    """Of a payload: those of the options in it, and octets that look like lengths outside of them."""
    inside: list[tuple[int, Any]] = []
    if option is not None and option.kind.inner is not None:
        with contextlib.suppress(ValueError):  # not of its kind: an instance that is only a part of the value
            inside = list(option.kind.inner(option.parse(payload), len(payload)))
    covered: set[int] = set()
    for skip, options in inside:
        covered.update(range(skip, skip + len(options.octets)))
        wide = options.head == HEAD6
        yield from _lengths(options.octets, base + skip, wide=wide, space=option.encapsulates if option else None)
    for at, octet in enumerate(payload):
        if at not in covered and at + 1 + octet <= len(payload):
            yield Length(base + at, 1, len(payload) - at - 1)


def _lies(spot: Length, data: bytearray) -> st.SearchStrategy[bytes]:
    """Other octets for a length: by one too short or too long, nothing, all that is left or one more, far too much."""
    most = (1 << 8 * spot.size) - 1
    said = int.from_bytes(data[spot.offset : spot.offset + spot.size], "big")
    near = [said - 1, said + 1, 0, spot.left, spot.left + 1, spot.left - 1, most]
    numbers = st.one_of(
        st.sampled_from([number for number in near if 0 <= number <= most]),
        st.integers(0, most),
        st.integers(POINTER, 0xFF) if spot.size == 1 else st.nothing(),
    )
    return numbers.map(lambda number: number.to_bytes(spot.size, "big"))


def _damage(draw: st.DrawFn, data: bytearray) -> None:
    at = draw(st.integers(0, len(data)))
    damage = draw(st.sampled_from(["cut", "change", "insert", "drop", "double", "append"]))
    if damage == "cut":
        del data[at:]
    elif damage == "change" and at < len(data):
        data[at] = draw(st.integers(0, 255))
    elif damage == "insert":
        data[at:at] = draw(st.binary(min_size=1, max_size=4))
    elif damage == "drop":
        del data[at : at + draw(st.integers(1, 8))]
    elif damage == "double":
        data[at:at] = data[at : at + draw(st.integers(1, 32))]
    else:
        data += draw(st.binary(min_size=1, max_size=16))
