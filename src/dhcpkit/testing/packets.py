"""Hypothesis strategies for whole messages of both families, and for how they came: directly, or through relays.

Messages are well-formed; `damage.py` breaks them. This module does not know what a server would answer.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any, Final, TypeVar

import attrs
from hypothesis import assume
from hypothesis import strategies as st

from dhcpkit.testing.identities import hwaddrs
from dhcpkit.testing.values import OptionData, option_data
from dhcpkit.wire.build4 import MESSAGE_SIZE, build_packet4
from dhcpkit.wire.dhcp4 import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4
from dhcpkit.wire.dhcp6 import RELAYS_MAX, Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.nested import SubOptions, options_octets
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS, DHCP_MESSAGE_TYPE, DHCP_OPTION_OVERLOAD, RELAY_AGENT
from dhcpkit.wire.options6 import DHCP6, RELAY_MSG

__all__ = ["arrivals", "arrivals6", "packets4", "packets6", "relayed", "relays6"]

P = TypeVar("P", Packet4, Packet6)

LONG_MAX: Final = 600  # octets of a value that DHCPv4 must split: three instances
OPTION_MAX: Final = 255  # octets of one instance of an option of DHCPv4
PAYLOAD_MAX: Final = 0xFFFF  # octets of a message that a relay can wrap: what an option's length can say
RELAYS: Final = (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL)
OVERLOAD_LEAST: Final = 250  # octets of a message with a type and option 52, and room for a little more
HOPS4_MAX: Final = 16  # relays a message of DHCPv4 may pass, RFC 1542 4.1.1
PATTERN_MAX: Final = 3  # different relays in a chain, repeated as long as it is: more of them only shrink slower
RELAY_OPTIONS_MAX: Final = 3  # options of a relay, for the same reason


def arrivals() -> st.SearchStrategy[Arrival]:
    """Ways a datagram of DHCPv4 came."""
    address = st.integers(0, 2**32 - 1)
    return st.builds(
        Arrival,
        interface=st.sampled_from(["", "eth0", "lab0"]),
        ifindex=st.integers(0, 5),
        source=address,
        port=st.sampled_from([67, 68, 1067]),
        local=address,
        broadcast=st.booleans(),
        source_mac=hwaddrs(),
    )


def arrivals6() -> st.SearchStrategy[Arrival6]:
    """Ways a datagram of DHCPv6 came."""
    return st.builds(
        Arrival6,
        interface=st.sampled_from(["", "eth0", "lab0"]),
        ifindex=st.integers(0, 5),
        source=_addresses6(),
        port=st.sampled_from([546, 547, 1547]),
        local=_addresses6(),
        multicast=st.booleans(),
        source_mac=hwaddrs(),
    )


@st.composite
def packets4(
    draw: st.DrawFn,
    space: Space = DHCP4,
    types: st.SearchStrategy[int | None] | None = None,
    *,
    overloaded: bool = False,
) -> Packet4:
    """DHCPv4 messages of any type (or of `types`; None is BOOTP) with any options of a space, well-formed.

    Values longer than 255 octets occur, and values in two parts (RFC 3396). Of `overloaded` messages the options
    that do not fit into a size drawn are in the fields `file` and `sname` (option 52).
    """
    word = st.integers(0, 2**32 - 1)
    kind = draw(st.sampled_from(list(MessageType)) if types is None else types)
    values = _without(draw(option_data(space)), DHCP_MESSAGE_TYPE, *([DHCP_OPTION_OVERLOAD] if overloaded else []))
    if draw(st.booleans()) and draw(st.booleans()):
        values = [*_without(values, 224), (224, draw(st.binary(min_size=OPTION_MAX + 1, max_size=LONG_MAX)))]
    header: dict[str, Any] = {
        "op": draw(st.sampled_from(list(Op))),
        "xid": draw(word),
        "chaddr": draw(hwaddrs()),
        "hops": draw(st.integers(0, HOPS4_MAX)),
        "secs": draw(st.integers(0, 0xFFFF)),
        "broadcast": draw(st.booleans()),
        **{name: draw(word) for name in ("ciaddr", "yiaddr", "siaddr", "giaddr")},
    }
    if overloaded:
        data = _overloaded(kind, values, header, draw(st.integers(OVERLOAD_LEAST, MESSAGE_SIZE)))
    else:
        header["sname"], header["file"] = draw(st.binary(max_size=64)), draw(st.binary(max_size=128))
        data = _in_parts(draw, build_packet4(kind, None, **header)[:-1], values)
        data = data.ljust(draw(st.sampled_from([0, 300])), b"\0")
    return Packet4.parse(data, ARRIVAL_UNKNOWN)


@st.composite
def packets6(
    draw: st.DrawFn, space: Space = DHCP6, types: st.SearchStrategy[int] | None = None, *, least: int = 0
) -> Packet6:
    """DHCPv6 messages of any type (or of `types`) with `least` or more options of a space, well-formed, not relayed.

    Options may be repeated. A relay's message (RELAY-FORW, RELAY-REPL) holds no message here; see `relayed`.
    """
    kind = draw(st.sampled_from(list(MessageType6)) if types is None else types)
    values = draw(option_data(space, least=least))
    if kind in RELAYS:
        return Packet6.parse(bytes(_relay(draw, kind, _without(values, RELAY_MSG))))
    return Packet6.parse(bytes(Packet6(kind, values, xid=draw(st.integers(0, 0xFFFFFF)))))


@st.composite
def relays6(draw: st.DrawFn, types: st.SearchStrategy[int] | None = None, message: bytes = b"\1\0\0\0") -> Relay6:
    """Relay messages around a message that fits into an option."""
    assume(len(message) <= PAYLOAD_MAX)
    kind = draw(st.sampled_from(RELAYS) if types is None else types)
    values = list(_without(draw(option_data(DHCP6, most=RELAY_OPTIONS_MAX, depth=1)), RELAY_MSG))
    values.insert(draw(st.integers(0, len(values))), (RELAY_MSG, message))
    return _relay(draw, kind, values)


@st.composite
def relayed(draw: st.DrawFn, packets: st.SearchStrategy[P], depth: int | st.SearchStrategy[int] | None = None) -> P:
    """The same messages as they come through `depth` relays, any number of them by default.

    In DHCPv6 a relay wraps the message into its own (at most 32 times). In DHCPv4 the first relay puts its address into
    `giaddr` and adds option 82, and each adds one to `hops` (at most 16).
    """
    packet = draw(packets)
    if isinstance(packet, Packet6):
        most = RELAYS_MAX - len(packet.relays)
        count = draw(_depths(depth, most))
        kind = st.just(draw(st.sampled_from(RELAYS)))
        pattern = draw(st.lists(relays6(kind), min_size=1, max_size=PATTERN_MAX))
        octets = bytes(packet)
        for hops, relay in enumerate(islice(cycle(pattern), count), len(packet.relays)):
            assume(len(octets) <= PAYLOAD_MAX)
            octets = bytes(attrs.evolve(relay, hops=hops).around(octets))
        return Packet6.parse(octets, packet.arrival)
    packet.hops = draw(_depths(depth, HOPS4_MAX))
    packet.giaddr = draw(st.integers(1, 2**32 - 1))
    relay = SubOptions.of(dict(draw(option_data(RELAY_AGENT, least=1))))
    if DHCP_AGENT_OPTIONS in packet:
        del packet[DHCP_AGENT_OPTIONS]
    packet[DHCP_AGENT_OPTIONS] = relay  # RFC 3046 2.1: behind all other options
    return Packet4.parse(bytes(packet), packet.arrival)


def _depths(depth: int | st.SearchStrategy[int] | None, most: int) -> st.SearchStrategy[int]:
    if depth is None:
        return st.integers(1, most) if most else st.just(0)
    return st.just(depth) if isinstance(depth, int) else depth


def _relay(draw: st.DrawFn, kind: int, values: OptionData) -> Relay6:
    return Relay6(kind, draw(st.integers(0, RELAYS_MAX)), draw(_addresses6()), draw(_addresses6()), Options6.of(values))


def _addresses6() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1).map(lambda host: 0xFE80 << 112 | host))


def _in_parts(draw: st.DrawFn, head: bytes, values: OptionData) -> bytes:
    """An option field behind a header, END at its end; perhaps the last option's value in two instances."""
    parts = [options_octets({option: value}) for option, value in values]
    in_two: bool = draw(st.booleans())
    if parts and in_two:
        option, value = values[-1]
        code, payload = (option, value) if isinstance(option, int) else (option.code, option.build(value))
        at = draw(st.integers(0, len(payload)))
        parts = [options_octets({code: payload[:at]}), *parts[:-1], options_octets({code: payload[at:]})]
    return head + b"".join(parts) + b"\xff"


def _overloaded(kind: int | None, values: OptionData, header: dict[str, Any], beyond: int) -> bytes:
    """A message no longer than that, with as many of the options as there is room for in all three fields."""
    try:
        return build_packet4(kind, dict(values), **header, overload_beyond=beyond)
    except ValueError:
        if not values:
            raise
        return _overloaded(kind, values[:-1], header, beyond)


def _without(values: OptionData, *unwanted: Option[Any] | int) -> OptionData:
    return [(option, value) for option, value in values if _code(option) not in map(_code, unwanted)]


def _code(option: Option[Any] | int) -> int:
    return option if isinstance(option, int) else option.code
