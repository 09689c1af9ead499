"""Writes whole DHCPv4 messages: for clients, relays, testers, and servers of your own (RFC 2131 2, 3396).

`build_packet4` takes header fields and options by declaration, name or code; `Packet4(...)` is the same as a packet.
The server's hot path does not come through here: it joins `reply_header4` and blocks of options it keeps. This module
does not know what belongs into which message (`messages4` does).
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Final

from dhcpkit.wire.header4 import BROADCAST, COOKIE, FROM_SERVERS, OPTIONS_AT, MessageType, Op
from dhcpkit.wire.nested import HEAD, Values, options_octets
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4

__all__ = ["BOOTP_MIN", "MESSAGE_SIZE", "build_packet4", "overload_options"]

BOOTP_MIN: Final = 300  # octets, RFC 951 3: what old clients and relays want; Kea pads nothing
MESSAGE_SIZE: Final = 548  # octets any client takes, RFC 2131 2: an IP datagram of 576 less its IP and UDP headers
SNAME_SIZE: Final = 64
FILE_SIZE: Final = 128
CHADDR_SIZE: Final = 16
MESSAGE_TYPE: Final = 53
OVERLOAD: Final = 52
END: Final = b"\xff"
_pack: Final = struct.Struct(">BBBBIHHIIII16s64s128s4s").pack


def build_packet4(  # noqa: PLR0913  # the header's fields, by their names
    kind: MessageType | int | None,
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
) -> bytes:
    """The octets of a message: option 53 from `kind` (None for BOOTP), then `options` in the mapping's order, then END.

    Options are given by declaration or by name in `space`, with values of their kinds, or by code, with octets. `op` is
    what the message type says, if anything (OFFER is what a server says), else BOOTREQUEST; `broadcast` sets its bit in
    `flags`. `overload_beyond` moves options that would make the message longer than so many octets into `file` and
    `sname` (option 52); MESSAGE_SIZE is what any client takes. `pad_to` fills the end with zeros, BOOTP_MIN being the
    usual number. ValueError for what has no form, or no room.
    """
    first = options_octets({} if kind is None else {MESSAGE_TYPE: bytes((kind,))})
    field = options_octets(options or {}, space)
    if overload_beyond is not None and OPTIONS_AT + len(first) + len(field) + len(END) > overload_beyond:
        if sname or file:
            raise ValueError("options cannot move into sname and file, which hold names")
        field, file, sname = overload_options(field, overload_beyond - OPTIONS_AT - len(first))
    for name, octets, size in (
        ("sname", sname, SNAME_SIZE),
        ("file", file, FILE_SIZE),
        ("chaddr", chaddr, CHADDR_SIZE),
    ):
        if len(octets) > size:
            raise ValueError(f"{name} has {size} octets, not {len(octets)}")
    if op is None:
        op = Op.REPLY if kind in FROM_SERVERS else Op.REQUEST
    try:
        header = _pack(
            op,
            htype,
            len(chaddr) if hlen is None else hlen,
            hops,
            xid,
            secs,
            flags | BROADCAST if broadcast else flags,
            int(ciaddr),
            int(yiaddr),
            int(siaddr),
            int(giaddr),
            chaddr,
            sname,
            file,
            COOKIE,
        )
    except struct.error as error:
        raise ValueError(f"a field of the header is out of range: {error}") from None
    return (header + first + field + END).ljust(pad_to, b"\0")


def overload_options(field: bytes, room: int) -> tuple[bytes, bytes, bytes]:
    """An option field without END, spread over the option field of so many octets, `file` and `sname` (RFC 2132 9.3).

    Options keep their order; one is cut in two only where no field that is left could hold it whole (RFC 3396 5).
    Option 52 comes first; each part but the first has its END. ValueError where there is not room enough.
    """
    parts: list[bytes] = [b"", b"", b""]
    rooms = [room - len(END) - 3, FILE_SIZE - len(END), SNAME_SIZE - len(END)]  # three octets for option 52 itself
    part, at, full = 0, 0, rooms[0] < 0
    while at < len(field) and not full:
        code, payload = field[at], field[at + HEAD : at + HEAD + field[at + 1]]
        at += HEAD + len(payload)
        whole = False
        while not whole and not full:
            roomy = [number for number in range(part, len(parts)) if HEAD + len(payload) <= rooms[number]]
            whole = bool(roomy)
            part = roomy[0] if roomy else part
            piece = payload if whole else payload[: max(0, rooms[part] - HEAD)]
            if piece or whole:
                parts[part] += bytes((code, len(piece))) + piece
                rooms[part] -= HEAD + len(piece)
                payload = payload[len(piece) :]
            part += not whole
            full = part == len(parts)
    if full:
        raise ValueError(f"{len(field)} octets of options do not fit into {room} and the fields file and sname")
    first, in_file, in_sname = parts
    where = (1 if in_file else 0) | (2 if in_sname else 0)
    return (
        bytes((OVERLOAD, 1, where)) + first if where else first,
        in_file + END if in_file else b"",
        in_sname + END if in_sname else b"",
    )
