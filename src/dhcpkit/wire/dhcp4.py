"""DHCPv4 messages: bytes with an index of their options, decoded on access (RFC 2131, 2132, 3396).

`Packet4.parse` reads the header and notes where each option lies; an option's value is decoded only when it is
asked for, typed by the option: `packet[ROUTERS]` is a tuple of addresses. This module does not know what a server
does with a message.

How lenient a decoder may be was decided by asking Kea (docs/why/lenient-parsing.md): a missing END, octets after
END, an option cut off at the end of the datagram are all accepted, what came before counts, and `flaws` says so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from ipaddress import IPv4Address
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.header4 import (
    BROADCAST,
    CHADDR_AT,
    COOKIE,
    FILE_AT,
    HEADER,
    HEADER_SIZE,
    OPTIONS_AT,
    SNAME_AT,
    MessageType,
    Op,
    pack_header,
    unpack_header,
)
from dhcpkit.wire.nested import HEAD, OPTION_MAX, SubOptions, Values, first_starts, options_octets, parts_of, starts
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.paste import call_text, octets_text, options_text
from dhcpkit.wire.places import Place, read_option

__all__ = [
    "ARRIVAL_UNKNOWN",
    "BROADCAST",
    "COOKIE",
    "HEADER",
    "Arrival",
    "MessageType",
    "Op",
    "Packet4",
    "join_options",
    "reply_header4",
]

T = TypeVar("T")

PAD: Final = 0
END: Final = 255
CODE_MAX: Final = 0xFF  # a code has one octet
END_OCTET: Final = b"\xff"
OVERLOAD: Final = 52  # codes this module must know; the table is options4.py
MESSAGE_TYPE: Final = 53


@attrs.frozen
class Arrival:
    """How a datagram came: addresses are integers, 0 where not known.

    `local` is the address of the interface (or of the socket) it came to, never a broadcast address; `broadcast` says
    that it was not sent to `local` itself. `source_mac` is the link-layer sender where the socket shows it.
    """

    interface: str = ""
    ifindex: int = 0
    source: int = 0
    port: int = 68
    local: int = 0
    broadcast: bool = False
    source_mac: bytes = b""


ARRIVAL_UNKNOWN: Final = Arrival()


class Packet4:
    """One DHCPv4 message. Addresses in the header are integers; `options` maps code to the joined payload (RFC 3396).

    `parse` raises WireError where there is no DHCP header; whatever is odd behind it is listed in `flaws` as
    (offset, what). A packet that was not changed re-encodes to the very bytes it was parsed from; fields of the header
    and `options` may be assigned to. `type` is what option 53 says, 0 for BOOTP.

    Two packets are equal where their octets are. `str` is a line for logs, `repr` is Python that makes the packet.
    """

    __slots__ = (
        "arrival",
        "chaddr",
        "ciaddr",
        "data",
        "flags",
        "flaws",
        "giaddr",
        "hlen",
        "hops",
        "htype",
        "op",
        "options",
        "secs",
        "siaddr",
        "type",
        "xid",
        "yiaddr",
    )

    head = HEAD
    place: Place | None = None  # a datagram lies nowhere
    data: bytes
    arrival: Arrival
    op: int
    htype: int
    hlen: int
    hops: int
    xid: int
    secs: int
    flags: int
    ciaddr: int
    yiaddr: int
    siaddr: int
    giaddr: int
    chaddr: bytes
    type: int
    options: dict[int, bytes]
    flaws: tuple[tuple[int, str], ...]

    def __init__(  # noqa: PLR0913  # the header's fields, by their names
        self,
        type: MessageType | int | None,  # noqa: A002  # the field's name
        options: Values | None = None,
        *,
        xid: int = 0,
        chaddr: bytes = b"",
        op: Op | int | None = None,
        htype: int = 1,
        hlen: int | None = None,
        hops: int = 0,
        secs: int = 0,
        flags: int = 0,
        broadcast: bool = False,
        ciaddr: IPv4Address | int = 0,
        yiaddr: IPv4Address | int = 0,
        siaddr: IPv4Address | int = 0,
        giaddr: IPv4Address | int = 0,
        sname: bytes = b"",
        file: bytes = b"",
        overload_beyond: int | None = None,
        pad_to: int = 0,
        space: Space = DHCP4,
        arrival: Arrival = ARRIVAL_UNKNOWN,
    ) -> None:
        """A message of your own, as `build_packet4` writes it; a `type` of None is BOOTP.

        Options are given by declaration or by name in `space`, with values of their kinds, or by code, with octets.
        ValueError for what has no form, or no room.
        """
        octets = build_packet4(
            type, options, xid=xid, chaddr=chaddr, op=op, htype=htype, hlen=hlen, hops=hops, secs=secs, flags=flags,
            broadcast=broadcast, ciaddr=ciaddr, yiaddr=yiaddr, siaddr=siaddr, giaddr=giaddr, sname=sname, file=file,
            overload_beyond=overload_beyond, pad_to=pad_to, space=space,
        )  # fmt: skip
        read = Packet4.parse(octets, arrival)
        for name in Packet4.__slots__:
            setattr(self, name, getattr(read, name))

    @classmethod
    def parse(cls, data: bytes, arrival: Arrival = ARRIVAL_UNKNOWN) -> Packet4:
        """Reads a datagram's payload. WireError where it is shorter than a header or has no magic cookie."""
        if type(data) is not bytes:  # slices of anything else could change behind our back
            data = bytes(data)
        size = len(data)
        if size < OPTIONS_AT or data[HEADER_SIZE:OPTIONS_AT] != COOKIE:
            raise WireError(min(size, HEADER_SIZE), _no_dhcp(size))
        self = cls.__new__(cls)
        (
            self.op,
            self.htype,
            hlen,
            self.hops,
            self.xid,
            self.secs,
            self.flags,
            self.ciaddr,
            self.yiaddr,
            self.siaddr,
            self.giaddr,
            chaddr,
        ) = unpack_header(data)
        self.hlen = hlen
        self.chaddr = chaddr if hlen >= 16 else chaddr[:hlen]
        self.data = data
        self.arrival = arrival
        self.flaws = ()
        options: dict[int, bytes] = {}
        self.options = options
        more: dict[int, list[bytes]] | None = None
        at = OPTIONS_AT
        try:
            while (code := data[at]) != END:
                if code == PAD:
                    at += 1
                    continue
                start = at + 2
                stop = start + data[at + 1]
                if stop > size:
                    self.flaws = ((at, f"option {code} runs past the end"),)
                    break
                if code not in options:
                    options[code] = data[start:stop]
                elif more is None:
                    more = {code: [data[start:stop]]}
                else:
                    more.setdefault(code, []).append(data[start:stop])
                at = stop
        except IndexError:
            self.flaws = ((at, "no END option" if at == size else f"option {data[at]} has no length"),)
        kind = options.get(MESSAGE_TYPE)
        self.type = kind[0] if kind else 0
        if more is not None:
            self._join(more)
        return self

    def _join(self, more: dict[int, list[bytes]]) -> None:
        """RFC 3396: instances of a code are one value in parts. `+=` on each of them would cost quadratic time."""
        for code, parts in more.items():
            self.options[code] = b"".join((self.options[code], *parts))
        if MESSAGE_TYPE in more:
            # A value of one octet has no parts: two of them contradict each other. Kea finds no type then, and drops.
            self.type = 0
            self.flaws = ((self.offset(MESSAGE_TYPE), "option 53 more than once"), *self.flaws)

    def __getitem__(self, option: Option[T]) -> T:
        """The option's value. KeyError where it is absent, WireError where its octets are not of its kind."""
        return read_option(self, option, self.options[option.code])

    def get(self, option: Option[T]) -> T | None:
        """The option's value, or None where it is absent. WireError where its octets are not of its kind."""
        return self[option] if option.code in self.options else None

    def all(self, option: Option[T]) -> tuple[T, ...]:
        """As for DHCPv6: the values of all instances, which are parts of one here (RFC 3396). WireError as above."""
        return (self[option],) if option.code in self.options else ()

    def __setitem__(self, option: Option[T], value: T) -> None:
        """Sets the option. ValueError where its kind has no form for the value, or its code is none of DHCPv4's."""
        if option.code > CODE_MAX:
            raise ValueError(f"a code in DHCPv4 is 1 to 254, not {option.code}: {option!r} is an option of DHCPv6")
        payload = self.options[option.code] = option.kind.codec.build(value)
        if option.code == MESSAGE_TYPE:
            self.type = payload[0] if payload else 0

    def __delitem__(self, option: Option[Any]) -> None:
        del self.options[option.code]
        if option.code == MESSAGE_TYPE:
            self.type = 0

    def __contains__(self, option: object) -> bool:
        return isinstance(option, Option) and option.code in self.options

    def __iter__(self) -> Iterator[int]:
        return iter(self.options)

    @property
    def broadcast_flag(self) -> bool:
        """RFC 2131 figure 2: the client cannot receive unicast before it has an address."""
        return self.flags & BROADCAST != 0

    @property
    def sname(self) -> bytes:
        """Field `sname` without its padding (64 octets at most)."""
        return self.data[SNAME_AT:FILE_AT].split(b"\0", 1)[0]

    @sname.setter
    def sname(self, octets: bytes) -> None:
        self.data = self.data[:SNAME_AT] + _padded("sname", octets, FILE_AT - SNAME_AT) + self.data[FILE_AT:]

    @property
    def file(self) -> bytes:
        """Field `file` without its padding (128 octets at most)."""
        return self.data[FILE_AT:HEADER_SIZE].split(b"\0", 1)[0]

    @file.setter
    def file(self, octets: bytes) -> None:
        self.data = self.data[:FILE_AT] + _padded("file", octets, HEADER_SIZE - FILE_AT) + self.data[HEADER_SIZE:]

    def offset(self, code: int, number: int = 0) -> int:
        """Where an instance of an option starts in `data`; the end of the data where there is none."""
        for at, found in starts(self.data, OPTIONS_AT, padded=True):
            if found == code:
                if not number:
                    return at
                number -= 1
        return len(self.data)

    def parts(self, code: int, at: int) -> Sequence[tuple[int, int]]:
        """Of an option that starts there: where its parts lie (RFC 3396), by offsets in its payload."""
        return parts_of(self.data, at, code, padded=True)

    def placed(self) -> Iterator[tuple[int, int, bytes]]:
        """Where each option's first instance starts in `data`, its code and joined payload."""
        first = first_starts(self.data, OPTIONS_AT, padded=True)
        return ((first.get(code, len(self.data)), code, payload) for code, payload in self.options.items())

    def without_overload(self) -> Packet4:
        """The same message with the options in `file` and `sname` among the others, where option 52 says there are any.

        RFC 2131 4.1: first come those of the option field, then of `file`, then of `sname`. Kea does not look there,
        and neither does `parse`; a client that talks to other servers has to.
        """
        where = self.options.get(OVERLOAD, b"")[:1]
        if where not in (b"\1", b"\2", b"\3"):
            return self
        in_file, in_sname = where[0] & 1, where[0] & 2
        file, sname = self.data[FILE_AT:HEADER_SIZE], self.data[SNAME_AT:FILE_AT]
        options = {code: payload for code, payload in self.options.items() if code != OVERLOAD}
        for region in ([file] if in_file else []) + ([sname] if in_sname else []):
            for code, payload in SubOptions(region, padded=True).options.items():
                options[code] = options.get(code, b"") + payload
        names = (bytes(64) if in_sname else sname) + (bytes(128) if in_file else file)
        return Packet4.parse(self._header() + names + COOKIE + join_options(options), self.arrival)

    def _header(self) -> bytes:
        """The octets before `sname`. Behind the hardware address stays what was there."""
        data, chaddr = self.data, self.chaddr
        return pack_header(
            self.op,
            self.htype,
            self.hlen,
            self.hops,
            self.xid,
            self.secs,
            self.flags,
            self.ciaddr,
            self.yiaddr,
            self.siaddr,
            self.giaddr,
            (chaddr + data[CHADDR_AT + len(chaddr) : SNAME_AT])[:16],
        )

    def __bytes__(self) -> bytes:
        """The datagram: the very octets parsed; where a field or an option was changed, header or options anew."""
        same = list(Packet4.parse(self.data).options.items()) == list(self.options.items())  # in this order, too
        return (
            self._header()
            + self.data[SNAME_AT:OPTIONS_AT]
            + (self.data[OPTIONS_AT:] if same else join_options(self.options))
        )

    def __eq__(self, other: object) -> bool:
        return self is other or bytes(self) == bytes(other) if isinstance(other, Packet4) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a packet can be changed

    def __str__(self) -> str:
        try:
            kind = MessageType(self.type).name if self.type else "BOOTP"
        except ValueError:
            kind = f"type {self.type}"
        who = f" {self.chaddr.hex(':')}" if self.chaddr else ""
        where = f" via {IPv4Address(self.giaddr)}" if self.giaddr else ""
        return f"{kind} xid={self.xid:#010x}{who}{where}, {len(self.options)} options"

    def __rich__(self) -> object:
        return import_module("dhcpkit.wire.tree").tree(self)  # only where rich is there to ask for it

    def __repr__(self) -> str:
        return _text(Packet4.parse(bytes(self)))


# Secs to cookie, with giaddr and chaddr as one slice of the query: 0.5 us a header.
_pack_reply: Final = struct.Struct(">2xHIII20s64s128s4s").pack


def reply_header4(  # noqa: PLR0913  # the header's fields, by their names
    query: Packet4,
    *,
    ciaddr: int,
    yiaddr: int,
    siaddr: int,
    flags: int | None = None,
    sname: bytes = b"",
    file: bytes = b"",
) -> bytes:
    """The first 240 octets of the answer to `query`: its header copied as RFC 2131 table 3 says, and the cookie.

    Copied are htype, hlen, hops (as Kea does, though the table says 0), xid, giaddr and chaddr, all as they came, and
    flags unless given; secs is 0. `sname` and `file` are cut where they are longer than their fields (64, 128 octets).
    """
    data = query.data
    return (
        b"\x02"
        + data[1:8]
        + _pack_reply(query.flags if flags is None else flags, ciaddr, yiaddr, siaddr, data[24:44], sname, file, COOKIE)
    )


_SHOWN: Final[dict[str, Callable[[Any], str]]] = {
    "op": lambda value: repr(Op(value)) if value in (1, 2) else str(value),
    "xid": lambda value: f"{value:#010x}",
    "flags": hex,
    "chaddr": octets_text,
    **dict.fromkeys(("ciaddr", "yiaddr", "siaddr", "giaddr"), lambda value: repr(IPv4Address(value))),
}


_TYPES: Final = frozenset(MessageType)


def _text(packet: Packet4) -> str:
    """A packet as the call that makes it; as its octets, where no call would."""
    data, options, kind = packet.data, dict(packet.options), None
    if packet.type and next(iter(options)) == MESSAGE_TYPE:
        kind = packet.type
        del options[MESSAGE_TYPE]
    chaddr = data[CHADDR_AT:SNAME_AT].rstrip(b"\0")
    if len(chaddr) < packet.hlen <= 16:
        chaddr = packet.chaddr
    names = ("xid", "op", "htype", "hlen", "hops", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr")
    fields: dict[str, Any] = {name: getattr(packet, name) for name in names} | {
        "chaddr": chaddr,
        "sname": data[SNAME_AT:FILE_AT].rstrip(b"\0"),
        "file": data[FILE_AT:HEADER_SIZE].rstrip(b"\0"),
        "pad_to": len(data) if data[-1:] == b"\0" else 0,
    }
    for name in list(fields):  # what goes without saying is not said
        less = {field: value for field, value in fields.items() if field != name}
        if build_packet4(kind, options, **less) == data:
            fields = less
    if build_packet4(kind, options, **fields) != data:
        return f"Packet4.parse({octets_text(data)})"
    told = "None" if kind is None else repr(MessageType(kind)) if kind in _TYPES else str(kind)
    shown = [told, options_text(packet, options.items(), DHCP4)] if options else [told]
    return call_text("Packet4", shown, fields, _SHOWN)


def _padded(name: str, octets: bytes, size: int) -> bytes:
    if len(octets) > size:
        raise ValueError(f"{name} has {size} octets, not {len(octets)}")
    return octets.ljust(size, b"\0")


def _no_dhcp(size: int) -> str:
    if size < HEADER_SIZE:
        return f"a DHCPv4 header has {HEADER_SIZE} octets, not {size}"
    return "no magic cookie (63 82 53 63) behind the header: BOOTP without vendor extensions, or not DHCP"


def join_options(options: Mapping[int, bytes]) -> bytes:
    """An option field: each option in the mapping's order, split where it is longer than 255 octets, then END."""
    parts = []
    for code, payload in options.items():
        size = len(payload)
        if size > OPTION_MAX:
            parts.append(options_octets({code: payload}))
        else:
            parts.append(bytes((code, size)))
            parts.append(payload)
    parts.append(END_OCTET)
    return b"".join(parts)
