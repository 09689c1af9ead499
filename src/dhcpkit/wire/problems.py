"""Everything that is wrong with a message at once: its flaws, and each option whose octets are not of its kind.

A packet raises when somebody asks for a bad option; `problems` asks for all of them, in relays and in each other, and
one never hides the next. What that costs grows with the message's size, whatever a stranger put into it: every octet is
looked at once for each option it lies in. This module does not know what a server does with such a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import RELAY_HEADER_SIZE, Packet6
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.json_form import NESTING_MAX
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6, RELAY_MSG
from dhcpkit.wire.places import Holder, lies, named, space_inside

__all__ = ["PROBLEMS_MAX", "problems"]

PROBLEMS_MAX: Final = 1000  # an Ethernet frame has no room for as many options; whoever sends more makes no mistake


def problems(packet: Packet4 | Packet6, space: Space | None = None) -> tuple[WireError, ...]:
    """What is wrong with a packet, in the order of the octets; nothing where all of it can be read.

    Options are those of `space`, DHCP4 or DHCP6 where none is given; undeclared ones cannot be wrong. Offsets are those
    in `bytes(packet)`. Options that lie more than NESTING_MAX deep in each other are one problem; they are not read.
    """
    data = bytes(packet)
    if isinstance(packet, Packet4):
        found = _problems4(packet if data == packet.data else Packet4.parse(data), space or DHCP4)
    else:
        found = _problems6(packet if data == packet.data else Packet6.parse(data), space or DHCP6)
    return tuple(sorted(islice(found, PROBLEMS_MAX), key=lambda error: error.offset))


def _problems4(packet: Packet4, space: Space) -> Iterator[WireError]:
    for offset, what in packet.flaws:
        yield WireError(offset, what)
    yield from _inside(packet, int, (), space, 0)


def _problems6(packet: Packet6, space: Space) -> Iterator[WireError]:
    for offset, what in packet.flaws:
        yield WireError(offset, what)
    start = 0
    path: tuple[str, ...] = ()
    for relay in packet.relays:
        start += RELAY_HEADER_SIZE
        yield from _inside(relay.options, start.__add__, path, space, 0)
        start += relay.message_at
        path = (*path, named(RELAY_MSG))
    yield from _inside(packet.options, (start + packet.header_size).__add__, path, space, 0)


def _inside(
    holder: Holder, where: Callable[[int], int], path: tuple[str, ...], space: Space, depth: int
) -> Iterator[WireError]:
    """Of options and of those in them. `where` in the datagram an octet of the holder's lies."""
    for at, code, payload in holder.placed():
        option = space.by_code(code)
        if option is None:
            continue
        kind = option.kind
        try:
            value = kind.codec.parse(payload)
        except ValueError as error:
            yield WireError(where(at), str(error), (*path, named(option)))
            continue
        if kind.inner is None:
            continue
        deeper = (*path, named(option))
        parts = holder.parts(code, at)
        for skip, options in kind.inner(value, len(payload)):
            within = partial(_where, where, parts, skip)
            if depth == NESTING_MAX:
                yield WireError(within(0), f"options lie more than {NESTING_MAX} deep in each other here", deeper)
                continue
            for offset, what in options.flaws:
                yield WireError(within(offset), what, deeper)
            declared = space_inside(option, options, space)
            if declared is not None:
                yield from _inside(options, within, deeper, declared, depth + 1)


def _where(above: Callable[[int], int], parts: Sequence[tuple[int, int]], skip: int, at: int) -> int:
    return above(lies(parts, skip + at))
