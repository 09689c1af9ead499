"""DHCPv6 leasequery messages: what somebody asks a server about its leases, and what it answers.

One client's leases over UDP (RFC 5007), many over TCP (RFC 5460, bulk) and all that changes from then on (RFC 7653,
active); over TCP each message goes behind its size (`stream`). Functions and their `options` are like those in
`messages6`. This module does not know leases.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Any, Final

from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.identity6 import DelegatedPrefix, LeasedAddress, StatusCode6
from dhcpkit.wire.leasequery6 import LeaseQuery6, QueryType
from dhcpkit.wire.messages6 import answer6, merged6
from dhcpkit.wire.nested6 import Options6, Values6
from dhcpkit.wire.options6 import (
    CLIENT_DATA,
    CLIENT_ID,
    CLT_TIME,
    DHCP6,
    IAADDR,
    IAPREFIX,
    LQ_CLIENT_LINK,
    LQ_QUERY,
    LQ_START_TIME,
    ORO,
    RELAY_ID,
    REMOTE_ID,
    SERVER_ID,
    STATUS_CODE,
)

__all__ = [
    "active_leasequery6",
    "client_data6",
    "leasequery6",
    "leasequery_data6",
    "leasequery_done6",
    "leasequery_reply6",
    "start_tls6",
]

Identifier = Duid | bytes

NOTHING: Final[Values6] = ()


def leasequery6(  # noqa: PLR0913  # the ways to ask, by name
    client_id: Identifier,
    options: Values6 = NOTHING,
    *,
    xid: int,
    address: IPv6Address | None = None,
    duid: Identifier | None = None,
    relay_id: Identifier | None = None,
    remote_id: bytes | None = None,
    link: IPv6Address | None = None,
    asks: Sequence[int] = (),
) -> Packet6:
    """LEASEQUERY: of an address or a client (RFC 5007 4.1.2, 4.2.1), or of what a relay or a link has (RFC 5460 5.1).

    `client_id` says who asks. One of `address`, `duid`, `relay_id` and `remote_id` says what for, on any link or on
    `link` only; `link` alone asks for all there. The last three are for bulk leasequery over TCP. `asks` are the
    options that the server is asked for.
    """
    ways: dict[QueryType, tuple[Any, Any]] = {
        QueryType.QUERY_BY_ADDRESS: (IAADDR, None if address is None else LeasedAddress(address)),
        QueryType.QUERY_BY_CLIENTID: (CLIENT_ID.code, _octets(duid)),
        QueryType.QUERY_BY_RELAY_ID: (RELAY_ID.code, _octets(relay_id)),
        QueryType.QUERY_BY_REMOTE_ID: (REMOTE_ID.code, remote_id),
    }
    chosen = [kind for kind, (_, value) in ways.items() if value is not None]
    if len(chosen) > 1 or (not chosen and link is None):
        raise ValueError(
            "a leasequery asks for one thing: an address, a client, a relay, a remote identifier or a link"
        )
    kind = chosen[0] if chosen else QueryType.QUERY_BY_LINK_ADDRESS
    inside = merged6([ways[kind]] if chosen else [], {ORO: tuple(asks) or None})
    query = LeaseQuery6(kind, IPv6Address(0) if link is None else link, Options6.of(inside, DHCP6))
    own = [(CLIENT_ID.code, _octets(client_id)), (LQ_QUERY, query)]
    return Packet6(MessageType6.LEASEQUERY, merged6(own, options), xid=xid)


def client_data6(
    client_id: Identifier,
    leases: Sequence[LeasedAddress | DelegatedPrefix],
    options: Values6 = NOTHING,
    *,
    last_transaction: int,
) -> Options6:
    """What a server knows of one client: its leases, and how many seconds ago it was heard of (RFC 5007 4.1.2.2)."""
    own = [
        (CLIENT_ID.code, _octets(client_id)),
        *((IAADDR if isinstance(lease, LeasedAddress) else IAPREFIX, lease) for lease in leases),
        (CLT_TIME, last_transaction),
    ]
    return Options6.of(merged6(own, options), DHCP6)


def leasequery_reply6(  # noqa: PLR0913  # what a server may say, by name
    query: Packet6,
    options: Values6 = NOTHING,
    *,
    server_id: Identifier,
    data: Options6 | None = None,
    links: Sequence[IPv6Address] = (),
    status: StatusCode6 | None = None,
) -> Packet6:
    """LEASEQUERY-REPLY with what `client_data6` makes, or why there is nothing (RFC 5007 4.3.3, RFC 5460 5.3.1).

    `links` are those on which the client has leases, where more than one has and none was asked for.
    """
    own = [
        (CLIENT_ID.code, query.options.first.get(CLIENT_ID.code)),
        (SERVER_ID.code, _octets(server_id)),
        (STATUS_CODE, status),
        (CLIENT_DATA, data),
        (LQ_CLIENT_LINK, tuple(links) or None),
    ]
    return answer6(MessageType6.LEASEQUERY_REPLY, query, own, options)


def leasequery_data6(query: Packet6, data: Options6, options: Values6 = NOTHING) -> Packet6:
    """LEASEQUERY-DATA over TCP: one more client (RFC 5460 5.3.2)."""
    return answer6(MessageType6.LEASEQUERY_DATA, query, [(CLIENT_DATA, data)], options)


def leasequery_done6(query: Packet6, options: Values6 = NOTHING, *, status: StatusCode6 | None = None) -> Packet6:
    """LEASEQUERY-DONE over TCP: that was all, or the rest has failed for this reason (RFC 5460 5.3.3)."""
    return answer6(MessageType6.LEASEQUERY_DONE, query, [(STATUS_CODE, status)], options)


def active_leasequery6(
    client_id: Identifier, options: Values6 = NOTHING, *, xid: int, start_time: int | None = None
) -> Packet6:
    """ACTIVELEASEQUERY over TCP: all that changes from now on, or has changed since `start_time` (RFC 7653 6.2.1).

    That is a time of the server's, in seconds since 2000.
    """
    own = [
        (CLIENT_ID.code, _octets(client_id)),
        (LQ_START_TIME, start_time),
    ]
    return Packet6(MessageType6.ACTIVELEASEQUERY, merged6(own, options), xid=xid)


def start_tls6(options: Values6 = NOTHING, *, xid: int) -> Packet6:
    """STARTTLS over TCP: asks for TLS (RFC 7653 6.2.2). The server answers it with a LEASEQUERY-REPLY."""
    return Packet6(MessageType6.STARTTLS, merged6([], options), xid=xid)


def _octets(identifier: Identifier | None) -> bytes | None:
    return identifier.octets if isinstance(identifier, Duid) else identifier
