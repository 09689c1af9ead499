"""DHCPv4 messages: bytes with an index of their options, decoded on access (RFC 2131, 2132, 3396).

`Packet4.parse` reads the header and notes where each option lies; an option's value is decoded only when it is
asked for, typed by the option: `packet[ROUTERS]` is a tuple of addresses. This module does not know what a server
does with a message.

How lenient a decoder may be was decided by asking Kea (docs/why/lenient-parsing.md): a missing END, octets after
END, an option cut off at the end of the datagram are all accepted, what came before counts, and `flaws` says so.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any, Final, TypeVar

import attrs
import construct as c

from dhcpkit.wire.derive import fixed_format
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.nested import HEAD, OPTION_MAX, SubOptions, options_octets
from dhcpkit.wire.options import Option
from dhcpkit.wire.places import Place, read_option

__all__ = [
    "ARRIVAL_UNKNOWN",
    "BROADCAST",
    "COOKIE",
    "Arrival",
    "MessageType",
    "Op",
    "Packet4",
    "join_options",
    "reply_header4",
]

T = TypeVar("T")

COOKIE: Final = b"\x63\x82\x53\x63"  # RFC 2131 3
OPTIONS_AT: Final = 240  # octets before the first option: 236 of BOOTP header and the cookie
HEADER_SIZE: Final = 236
CHADDR_AT: Final = 28
SNAME_AT: Final = 44
FILE_AT: Final = 108
PAD: Final = 0
END: Final = 255
END_OCTET: Final = b"\xff"
OVERLOAD: Final = 52  # codes this module must know; the table is options4.py
MESSAGE_TYPE: Final = 53
BROADCAST: Final = 0x8000  # RFC 2131 figure 2, the only bit of `flags`

HEADER: Final = c.Struct(  # RFC 2131 figure 1
    "op" / c.Int8ub,
    "htype" / c.Int8ub,
    "hlen" / c.Int8ub,
    "hops" / c.Int8ub,
    "xid" / c.Int32ub,
    "secs" / c.Int16ub,
    "flags" / c.Int16ub,
    "ciaddr" / c.Int32ub,
    "yiaddr" / c.Int32ub,
    "siaddr" / c.Int32ub,
    "giaddr" / c.Int32ub,
    "chaddr" / c.Bytes(16),
)
_unpack_header: Final = fixed_format(HEADER).unpack_from
_pack_header: Final = fixed_format(HEADER).pack


class Op(enum.IntEnum):
    """Field `op`: who speaks (RFC 2131 2)."""

    REQUEST = 1
    REPLY = 2


class MessageType(enum.IntEnum):
    """Option 53 (RFC 2132 9.6, RFC 3203, RFC 4388, RFC 6926, RFC 7724)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCERENEW = 9
    LEASEQUERY = 10
    LEASEUNASSIGNED = 11
    LEASEUNKNOWN = 12
    LEASEACTIVE = 13
    BULKLEASEQUERY = 14
    LEASEQUERYDONE = 15
    ACTIVELEASEQUERY = 16
    LEASEQUERYSTATUS = 17
    TLS = 18


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
    and `options` may be assigned to.
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
        ) = _unpack_header(data)
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
        """Sets the option. ValueError where its kind has no form for the value."""
        self.options[option.code] = option.kind.codec.build(value)

    def __delitem__(self, option: Option[Any]) -> None:
        del self.options[option.code]

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

    @property
    def file(self) -> bytes:
        """Field `file` without its padding (128 octets at most)."""
        return self.data[FILE_AT:HEADER_SIZE].split(b"\0", 1)[0]

    def offset(self, code: int, number: int = 0) -> int:
        """Where an instance of an option starts in `data`; the end of the data where there is none."""
        data, at = self.data, OPTIONS_AT
        while at + 1 < len(data) and data[at] != END:
            if data[at] == code:
                if not number:
                    return at
                number -= 1
            at += 1 if data[at] == PAD else HEAD + data[at + 1]
        return min(at, len(data))

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
        return _pack_header(
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
        same = Packet4.parse(self.data).options == self.options
        return (
            self._header()
            + self.data[SNAME_AT:OPTIONS_AT]
            + (self.data[OPTIONS_AT:] if same else join_options(self.options))
        )

    def __repr__(self) -> str:
        try:
            kind = MessageType(self.type).name
        except ValueError:
            kind = f"type {self.type}"
        where = "" if not self.giaddr else f" via {IPv4Address(self.giaddr)}"
        return f"<Packet4 {kind} xid={self.xid:#010x} {self.chaddr.hex(':')}{where}, {len(self.options)} options>"


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
