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
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, Final, TypeVar

import attrs
import construct as c

from dhcpkit.wire.derive import fixed_format
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.options import Option

__all__ = [
    "ARRIVAL_UNKNOWN",
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
OPTION_MAX: Final = 255  # octets one instance of an option can hold; longer values are split (RFC 3396)
PAD: Final = 0
END: Final = 255
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

    `local` is the address of the interface (or of the socket) it came to, never a broadcast address; `broadcast` says that
    it was not sent to `local` itself. `source_mac` is the link-layer sender where the socket shows it.
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
    (offset, what). A packet that was not changed re-encodes to the very bytes it was parsed from.
    """

    __slots__ = (
        "_changed",
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
    _changed: bool

    @classmethod
    def parse(cls, data: bytes, arrival: Arrival = ARRIVAL_UNKNOWN) -> Packet4:
        """Reads a datagram's payload. WireError where it is shorter than a header or has no magic cookie."""
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
        self._changed = False
        options: dict[int, bytes] = {}
        self.options = options
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
                if code in options:
                    options[code] += data[start:stop]  # RFC 3396: instances are one value in parts
                else:
                    options[code] = data[start:stop]
                at = stop
        except IndexError:
            self.flaws = ((at, "no END option" if at == size else f"option {data[at]} has no length"),)
        kind = options.get(53)
        self.type = kind[0] if kind else 0
        return self

    def __getitem__(self, option: Option[T]) -> T:
        """The option's value. KeyError where it is absent, WireError where its octets are not of its kind."""
        try:
            return option.kind.codec.parse(self.options[option.code])
        except ValueError as error:
            raise WireError(self.offset(option.code), f"option {option.name} ({option.code}): {error}") from error

    def get(self, option: Option[T]) -> T | None:
        """The option's value, or None where it is absent. WireError where its octets are not of its kind."""
        return self[option] if option.code in self.options else None

    def __setitem__(self, option: Option[T], value: T) -> None:
        """Sets the option. ValueError where its kind has no form for the value."""
        self.options[option.code] = option.kind.codec.build(value)
        self._changed = True

    def __delitem__(self, option: Option[Any]) -> None:
        del self.options[option.code]
        self._changed = True

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
        return self.data[44:108].split(b"\0", 1)[0]

    @property
    def file(self) -> bytes:
        """Field `file` without its padding (128 octets at most)."""
        return self.data[108:236].split(b"\0", 1)[0]

    def offset(self, code: int) -> int:
        """Where the first instance of an option starts in `data`; the end of the data where there is none."""
        at = OPTIONS_AT
        while at + 1 < len(self.data) and self.data[at] != END:
            if self.data[at] == code:
                return at
            at += 1 if self.data[at] == PAD else 2 + self.data[at + 1]
        return min(at, len(self.data))

    def __bytes__(self) -> bytes:
        """The datagram: the octets parsed, or where an option was changed the header and all options anew."""
        return self.data[:OPTIONS_AT] + join_options(self.options) if self._changed else self.data

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

    Copied are htype, hlen, hops (as Kea does, though the table says 0), xid, giaddr, chaddr, and flags unless given; secs is 0.
    `sname` and `file` are cut where they are longer than their fields (64, 128 octets).
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


def join_options(options: dict[int, bytes]) -> bytes:
    """An option field: each option in the mapping's order, split where it is longer than 255 octets, then END."""
    parts = []
    for code, payload in options.items():
        size = len(payload)
        if size <= OPTION_MAX:
            parts.append(bytes((code, size)) + payload)
        else:
            for start in range(0, size, OPTION_MAX):
                piece = payload[start : start + OPTION_MAX]
                parts.append(bytes((code, len(piece))) + piece)
    parts.append(b"\xff")
    return b"".join(parts)
