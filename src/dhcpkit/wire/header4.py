"""The fixed part of a DHCPv4 message: what stands where before the options, and the names of its numbers (RFC 2131 2).

This module does not know options; it is what reading (`dhcp4`) and writing (`build4`) share.
"""

from __future__ import annotations

from typing import Final

import construct as c

from dhcpkit.wire.derive import fixed_format
from dhcpkit.wire.numbered import Numbered

__all__ = [
    "BROADCAST",
    "CHADDR_AT",
    "COOKIE",
    "FILE_AT",
    "FROM_SERVERS",
    "HEADER",
    "HEADER_SIZE",
    "OPTIONS_AT",
    "SNAME_AT",
    "MessageType",
    "Op",
    "pack_header",
    "unpack_header",
]

COOKIE: Final = b"\x63\x82\x53\x63"  # RFC 2131 3
OPTIONS_AT: Final = 240  # octets before the first option: 236 of BOOTP header and the cookie
HEADER_SIZE: Final = 236
CHADDR_AT: Final = 28
SNAME_AT: Final = 44
FILE_AT: Final = 108
BROADCAST: Final = 0x8000  # RFC 2131 figure 2, the only bit of `flags`

HEADER: Final = c.Struct(  # RFC 2131 figure 1, as far as `sname`
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
_format: Final = fixed_format(HEADER)
unpack_header: Final = _format.unpack_from
pack_header: Final = _format.pack


class Op(Numbered):
    """Field `op`: who speaks (RFC 2131 2)."""

    REQUEST = 1
    REPLY = 2


class MessageType(Numbered):
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


FROM_SERVERS: Final = frozenset(  # what only servers say, so that `op` is BOOTREPLY
    (
        MessageType.OFFER,
        MessageType.ACK,
        MessageType.NAK,
        MessageType.FORCERENEW,
        MessageType.LEASEUNASSIGNED,
        MessageType.LEASEUNKNOWN,
        MessageType.LEASEACTIVE,
        MessageType.LEASEQUERYDONE,
        MessageType.LEASEQUERYSTATUS,
    )
)
