"""DHCPv6 messages: bytes with an index of their options, decoded on access (RFC 8415, now RFC 9915).

`Packet6.parse` reads a datagram through all its relays: the packet is what the client or the server said, `relays` are
the relay messages around it. An option's value is decoded only when it is asked for, typed by the option:
`packet[IA_NA].options[IAADDR]`. This module does not know what a server does with a message.

How lenient a decoder may be was decided by asking Kea (docs/why/lenient-parsing.md); `flaws` says what was odd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from ipaddress import IPv6Address
from typing import Any, Final, TypeVar

import attrs
import construct as c

from dhcpkit.wire.derive import fixed_format
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.nested6 import HEAD, Options6, Values6
from dhcpkit.wire.numbered import Numbered
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options6 import CLIENT_ID, DHCP6, RELAY_MSG
from dhcpkit.wire.paste import call_text, octets_text, options_text
from dhcpkit.wire.places import Place, new_place

__all__ = [
    "ARRIVAL6_UNKNOWN",
    "RELAYS_MAX",
    "Arrival6",
    "MessageType6",
    "Packet6",
    "Relay6",
]

T = TypeVar("T")

HEADER: Final = c.Struct("type" / c.Int8ub, "xid" / c.Bytes(3))  # RFC 8415 8
RELAY_HEADER: Final = c.Struct(  # RFC 8415 9
    "type" / c.Int8ub, "hops" / c.Int8ub, "link" / c.Bytes(16), "peer" / c.Bytes(16)
)
HEADER_SIZE: Final = 4
RELAY_HEADER_SIZE: Final = 34
RELAYS_MAX: Final = 32  # relay messages around a message: RFC 3315's HOP_COUNT_LIMIT; RFC 8415 7.6 lowered it to 8
MESSAGE: Final = RELAY_MSG.code
IN_A_DATAGRAM: Final = Place(skip=HEADER_SIZE, space=DHCP6)  # where the options are of a message without relays
_unpack_relay: Final = fixed_format(RELAY_HEADER).unpack_from
_pack_relay: Final = fixed_format(RELAY_HEADER).pack


class MessageType6(Numbered):
    """Field `msg-type` (RFC 8415 7.3, RFC 5007, RFC 5460, RFC 7341, RFC 7653, RFC 8156, RFC 9686)."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11
    RELAY_FORW = 12
    RELAY_REPL = 13
    LEASEQUERY = 14
    LEASEQUERY_REPLY = 15
    LEASEQUERY_DONE = 16
    LEASEQUERY_DATA = 17
    RECONFIGURE_REQUEST = 18
    RECONFIGURE_REPLY = 19
    DHCPV4_QUERY = 20
    DHCPV4_RESPONSE = 21
    ACTIVELEASEQUERY = 22
    STARTTLS = 23
    BNDUPD = 24
    BNDREPLY = 25
    POOLREQ = 26
    POOLRESP = 27
    UPDREQ = 28
    UPDREQALL = 29
    UPDDONE = 30
    CONNECT = 31
    CONNECTREPLY = 32
    DISCONNECT = 33
    STATE = 34
    CONTACT = 35
    ADDR_REG_INFORM = 36
    ADDR_REG_REPLY = 37


RELAY_FORW: Final = int(MessageType6.RELAY_FORW)
RELAY_REPL: Final = int(MessageType6.RELAY_REPL)
RELAY_TYPES: Final = frozenset((RELAY_FORW, RELAY_REPL))


@attrs.frozen
class Arrival6:
    """How a datagram came: addresses are integers, 0 where not known.

    `local` is the address it was sent to, `multicast` says that this was a group (ff02::1:2, ff05::1:3).
    """

    interface: str = ""
    ifindex: int = 0
    source: int = 0
    port: int = 546
    local: int = 0
    multicast: bool = False
    source_mac: bytes = b""


ARRIVAL6_UNKNOWN: Final = Arrival6()


@attrs.frozen(init=False, repr=False)
class Relay6:
    """A relay's message around another message: its header and its options, the relayed message among them.

    `link` and `peer` are integers. Where a relay is given to a packet, the packet puts its message in. Of several
    options 9, which there must not be, the last counts, as in Kea.
    """

    type: int
    hops: int
    link: int
    peer: int
    options: Options6

    def __init__(  # noqa: PLR0913  # the header's fields, in their order
        self,
        type: MessageType6 | int,  # noqa: A002  # the field's name
        hops: int = 0,
        link: IPv6Address | int = 0,
        peer: IPv6Address | int = 0,
        options: Values6 | Options6 | None = None,
        *,
        space: Space = DHCP6,
    ) -> None:
        """A relay message of your own; options as of `Packet6`. ValueError for what has no form."""
        if type not in (RELAY_FORW, RELAY_REPL) or not 0 <= hops <= 0xFF:
            raise ValueError(f"a relay message is of type 12 or 13 and its hop count has 8 bits: {type}, {hops}")
        made = options if isinstance(options, Options6) else Options6.of(options or {}, space)
        self.__attrs_init__(int(type), hops, _address(link), _address(peer), made)

    def __getitem__(self, option: Option[T]) -> T:
        """The value of the option's first instance. KeyError where absent, WireError where it is not of its kind."""
        return self.options[option]

    def get(self, option: Option[T]) -> T | None:
        """The value of the option's first instance, or None. WireError where its octets are not of its kind."""
        return self.options.get(option)

    def __contains__(self, option: object) -> bool:
        return option in self.options

    @property
    def message(self) -> bytes | None:
        """The octets of the relayed message, None where there is none."""
        return self.options.last(RELAY_MSG.code)

    @property
    def message_at(self) -> int:
        """Where the relayed message starts in the octets of the options."""
        return _message_at(self.options) + HEAD

    def around(self, message: bytes) -> Relay6:
        """The same relay message with another message in it."""
        made = Relay6.__new__(Relay6)
        options = self.options.replacing_octets(RELAY_MSG.code, message)
        made.__attrs_init__(self.type, self.hops, self.link, self.peer, options)
        return made

    def __bytes__(self) -> bytes:
        link, peer = self.link.to_bytes(16, "big"), self.peer.to_bytes(16, "big")
        return _pack_relay(self.type, self.hops, link, peer) + self.options.octets

    def __repr__(self) -> str:
        return _relay_text(self, self.options.items() if self.options.is_plain else None)


class Packet6:
    """One DHCPv6 message with the relay messages around it, outermost first.

    `parse` raises WireError where there is no DHCPv6 header; whatever is odd behind it is listed in `flaws` as (offset,
    what). A relay message that holds no message is a packet itself: its type says so, and `hops`, `link` and `peer`,
    else 0, are its header's. A packet that was not changed re-encodes to the very bytes it was parsed from. `xid`
    has 24 bits; of DHCPV4-QUERY and DHCPV4-RESPONSE it holds the flags (RFC 7341 6.1).

    Two packets are equal where their octets are. `str` is a line for logs, `repr` is Python that makes the packet.
    """

    __slots__ = ("arrival", "data", "hops", "link", "options", "peer", "relays", "type", "xid")

    data: bytes
    arrival: Arrival6
    type: int
    xid: int
    hops: int
    link: int
    peer: int
    options: Options6
    relays: tuple[Relay6, ...]

    def __init__(  # noqa: PLR0913  # the header's fields, by their names
        self,
        type: MessageType6 | int,  # noqa: A002  # the field's name
        options: Values6 | Options6 | None = None,
        *,
        xid: int = 0,
        hops: int = 0,
        link: IPv6Address | int = 0,
        peer: IPv6Address | int = 0,
        relays: Sequence[Relay6] = (),
        space: Space = DHCP6,
        arrival: Arrival6 = ARRIVAL6_UNKNOWN,
    ) -> None:
        """A message of your own, within relay messages, outermost first, which it is put into.

        Options are given by declaration or by name in `space`, with values of their kinds, or by code, with octets: as
        a mapping, or as pairs where an option occurs more than once. ValueError for what has no form, and where there
        are too many relays.
        """
        if not 0 <= xid <= 0xFFFFFF or not 0 <= type <= 0xFF:
            raise ValueError(f"a message type has 8 bits and a transaction id 24: {type}, {xid}")
        if len(relays) > RELAYS_MAX:
            raise ValueError(f"at most {RELAYS_MAX} relays, not {len(relays)}")
        made = options if isinstance(options, Options6) else Options6.of(options or {}, space)
        if type in (RELAY_FORW, RELAY_REPL):
            octets = bytes(Relay6(type, hops, link, peer, made))
        else:
            octets = bytes((type,)) + xid.to_bytes(3, "big") + made.octets
        read = Packet6.parse(_within(relays, octets), arrival)
        for name in Packet6.__slots__:
            setattr(self, name, getattr(read, name))

    @classmethod
    def parse(cls, data: bytes, arrival: Arrival6 = ARRIVAL6_UNKNOWN) -> Packet6:
        """Reads a datagram's payload. WireError where it is shorter than its header."""
        if type(data) is not bytes:  # slices of anything else could change behind our back
            data = bytes(data)
        self = cls.__new__(cls)
        self.data = data
        self.arrival = arrival
        if len(data) >= HEADER_SIZE and (kind := data[0]) not in RELAY_TYPES:
            self.type = kind
            self.xid = int.from_bytes(data[1:HEADER_SIZE], "big")
            self.hops = self.link = self.peer = 0
            options = self.options = Options6(data[HEADER_SIZE:])
            options.place = IN_A_DATAGRAM
            self.relays = ()
            return self
        relays: list[Relay6] = []
        message, holder, option, number = data, None, None, 0
        if fault := _no_header(message):
            raise WireError(len(data), fault)
        while (kind := message[0]) in (RELAY_FORW, RELAY_REPL):
            _, hops, link, peer = _unpack_relay(message)
            options = Options6(message[RELAY_HEADER_SIZE:])
            options.place = new_place((holder, option, number, RELAY_HEADER_SIZE, DHCP6, None))
            inner = options.last(MESSAGE)
            if inner is None or len(relays) == RELAYS_MAX or _no_header(inner):
                self.xid, self.hops = 0, hops
                self.link, self.peer = int.from_bytes(link, "big"), int.from_bytes(peer, "big")
                break
            relay = Relay6.__new__(Relay6)
            relay.__attrs_init__(kind, hops, int.from_bytes(link, "big"), int.from_bytes(peer, "big"), options)
            relays.append(relay)
            message, holder, option = inner, options, RELAY_MSG
            number = 0 if inner is options.first[MESSAGE] else len(options.payloads(MESSAGE)) - 1
        else:
            self.xid = int.from_bytes(message[1:HEADER_SIZE], "big")
            self.hops = self.link = self.peer = 0
            options = Options6(message[HEADER_SIZE:])
            options.place = new_place((holder, option, number, HEADER_SIZE, DHCP6, None))
        self.type = kind
        self.options = options
        self.relays = tuple(relays)
        return self

    @property
    def flaws(self) -> tuple[tuple[int, str], ...]:
        """What is odd about the octets: (offset in the datagram, what)."""
        return tuple(_flaws(self))

    def __getitem__(self, option: Option[T]) -> T:
        """The value of the option's first instance. KeyError where absent, WireError where it is not of its kind."""
        return self.options[option]

    def get(self, option: Option[T]) -> T | None:
        """The value of the option's first instance, or None. WireError where its octets are not of its kind."""
        return self.options.get(option)

    def all(self, option: Option[T]) -> tuple[T, ...]:
        """The values of all instances of the option. WireError where one is not of its kind."""
        return self.options.all(option)

    def __setitem__(self, option: Option[T], value: T) -> None:
        """Sets the option, in place of all its instances. ValueError where its kind has no form for the value."""
        self.options = self.options.replacing(option, value)

    def add(self, option: Option[T], value: T) -> None:
        """Adds one more instance of the option. ValueError where its kind has no form for the value."""
        self.options = self.options.adding(option, value)

    def __delitem__(self, option: Option[Any]) -> None:
        if option not in self.options:
            raise KeyError(option)
        self.options = self.options.without(option)

    def __contains__(self, option: object) -> bool:
        return option in self.options

    def __iter__(self) -> Iterator[int]:
        return iter(self.options)

    @property
    def header_size(self) -> int:
        """How many octets come before the message's options: a relay's header is longer than a client's."""
        return RELAY_HEADER_SIZE if self.type in (RELAY_FORW, RELAY_REPL) else HEADER_SIZE

    def message(self) -> bytes:
        """The octets of the message without the relays around it."""
        if self.type in (RELAY_FORW, RELAY_REPL):
            return bytes(Relay6(self.type, self.hops, self.link, self.peer, self.options))
        return bytes((self.type,)) + self.xid.to_bytes(3, "big") + self.options.octets

    def __bytes__(self) -> bytes:
        """The datagram: the very octets parsed; where something was changed, that and what it lies in anew."""
        return _within(self.relays, self.message())

    def __eq__(self, other: object) -> bool:
        return self is other or bytes(self) == bytes(other) if isinstance(other, Packet6) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a packet can be changed

    def __str__(self) -> str:
        client = self.options.first.get(CLIENT_ID.code)
        who = "" if client is None else f" {client.hex(':')}"
        where = f" via {IPv6Address(self.relays[-1].link)}" if self.relays else ""
        count = sum(1 for _ in self.options.items())
        return f"{_type_name(self.type)} xid={self.xid:#08x}{who}{where}, {count} options"

    def __rich__(self) -> object:
        return import_module("dhcpkit.wire.tree").tree(self)  # only where rich is there to ask for it

    def __repr__(self) -> str:
        return _text(self)


def _address(given: IPv6Address | int) -> int:
    address = int(given)
    if not 0 <= address < 1 << 128:
        raise ValueError(f"an IPv6 address has 128 bits: {given}")
    return address


def _message_at(options: Options6) -> int:
    """Where the option starts that holds the relayed message."""
    return options.offset(RELAY_MSG.code, max(0, len(options.payloads(RELAY_MSG.code)) - 1))


def _within(relays: Sequence[Relay6], message: bytes) -> bytes:
    """A message in relay messages, each as it is where it holds that very message."""
    for relay in reversed(relays):
        message = bytes(relay if relay.message == message else relay.around(message))
    return message


_TYPES: Final = frozenset(MessageType6)
_SHOWN: Final[dict[str, Callable[[Any], str]]] = {
    "xid": lambda value: f"{value:#08x}",
    **dict.fromkeys(("link", "peer"), lambda value: repr(IPv6Address(value))),
    **dict.fromkeys(("options", "relays"), str),
}


def _type_name(number: int) -> str:
    return MessageType6(number).name if number in _TYPES else f"type {number}"


def _type_text(number: int) -> str:
    return repr(MessageType6(number)) if number in _TYPES else str(number)


def _relay_text(relay: Relay6, options: Iterable[tuple[int, bytes]] | None) -> str:
    """A relay message as the call that makes it, with these options; with its octets where there are none."""
    text = repr(relay.options) if options is None else options_text(relay.options, options, DHCP6)
    fields = {"hops": relay.hops, "link": relay.link, "peer": relay.peer, "options": text}
    return call_text(
        "Relay6", [_type_text(relay.type)], {k: v for k, v in fields.items() if v not in (0, "{}")}, _SHOWN
    )


def _relay_around_text(relay: Relay6) -> str:
    """The same without the message in it, which its packet puts there again: at the end, or where it finds one."""
    found = list(relay.options.items())
    codes = [code for code, _ in found]
    if not relay.options.is_plain or codes.count(RELAY_MSG.code) != 1:
        return _relay_text(relay, found if relay.options.is_plain else None)
    if codes[-1] == RELAY_MSG.code:
        return _relay_text(relay, found[:-1])
    return _relay_text(relay, [(code, b"" if code == RELAY_MSG.code else payload) for code, payload in found])


def _text(packet: Packet6) -> str:
    """A packet as the call that makes it."""
    packet = Packet6.parse(bytes(packet))  # what was changed lies at a place again
    options = packet.options
    shown = [_type_text(packet.type)]
    if options.octets:
        plain = options.is_plain
        shown.append(
            options_text(options, options.items(), DHCP6) if plain else f"Options6({octets_text(options.octets)})"
        )
    fields: dict[str, Any] = {name: getattr(packet, name) for name in ("xid", "hops", "link", "peer")}
    if packet.relays:
        fields["relays"] = f"[{', '.join(map(_relay_around_text, packet.relays))}]"
    return call_text("Packet6", shown, {name: value for name, value in fields.items() if value}, _SHOWN)


def _no_header(message: bytes) -> str:
    """What hinders octets from being a message; nothing where they can be one."""
    size = len(message)
    needed = RELAY_HEADER_SIZE if message[:1] in (b"\x0c", b"\x0d") else HEADER_SIZE
    return "" if size >= needed else f"the header of this DHCPv6 message has {needed} octets, not {size}"


def _flaws(packet: Packet6) -> Iterator[tuple[int, str]]:
    at = 0
    for relay in packet.relays:
        at += RELAY_HEADER_SIZE
        yield from ((at + offset, what) for offset, what in relay.options.flaws)
        at += relay.message_at
    relayed = packet.type in (RELAY_FORW, RELAY_REPL)
    at += packet.header_size
    yield from ((at + offset, what) for offset, what in packet.options.flaws)
    if relayed:
        inner = packet.options.last(RELAY_MSG.code)
        if inner is None:
            yield at, "a relay message without the message it relays (option 9)"
        else:
            yield (
                at + _message_at(packet.options),
                _no_header(inner) or f"more than {RELAYS_MAX} relays: what lies in this one is not looked at",
            )
