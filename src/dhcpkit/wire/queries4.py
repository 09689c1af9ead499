"""DHCPv4 leasequery messages: what somebody asks a server about its leases, and what it answers.

One lease over UDP (RFC 4388), many over TCP (RFC 6926, bulk) and all that changes from then on (RFC 7724, active); over
TCP each message goes behind its size (`stream`). Functions and their `options` are like those in `messages4`. This
module does not know leases.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any, Final

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.header4 import MessageType, Op
from dhcpkit.wire.messages4 import merged4
from dhcpkit.wire.nested import SubOptions, Values
from dhcpkit.wire.options4 import (
    ASSOCIATED_IP,
    BASE_TIME,
    CLIENT_LAST_TRANSACTION_TIME,
    DHCP_AGENT_OPTIONS,
    DHCP_CLIENT_IDENTIFIER,
    DHCP_LEASE_TIME,
    DHCP_PARAMETER_REQUEST_LIST,
    DHCP_SERVER_IDENTIFIER,
    QUERY_END_TIME,
    QUERY_START_TIME,
    RELAY_ID,
    RELAY_REMOTE_ID,
    STATUS_CODE,
)

__all__ = [
    "active_leasequery4",
    "bulk_leasequery4",
    "lease_active4",
    "lease_unassigned4",
    "lease_unknown4",
    "leasequery4",
    "leasequery_done4",
    "leasequery_status4",
    "tls4",
    "tls_reply4",
]

Address = IPv4Address | int

NOTHING: Final[Values] = {}


def leasequery4(  # noqa: PLR0913  # three ways to ask, by name
    giaddr: Address,
    options: Values = NOTHING,
    *,
    xid: int,
    address: Address | None = None,
    chaddr: bytes | None = None,
    client_id: bytes | None = None,
    htype: int = 1,
    asks: Sequence[int] = (),
) -> Packet4:
    """DHCPLEASEQUERY by an address, a MAC address or a client identifier, exactly one of them (RFC 4388 6.2).

    `giaddr` is whom the server answers, `asks` the options that it is asked for.
    """
    if [address, chaddr, client_id].count(None) != 2:
        raise ValueError("a leasequery asks for an address, a MAC address or a client identifier")
    own = {DHCP_CLIENT_IDENTIFIER: client_id, DHCP_PARAMETER_REQUEST_LIST: tuple(asks) or None}
    return Packet4(
        MessageType.LEASEQUERY, merged4(own, options), xid=xid, ciaddr=address or 0, giaddr=giaddr,
        **_hardware(chaddr, htype),
    )  # fmt: skip


def lease_active4(  # noqa: PLR0913  # what is known of a lease, by name
    query: Packet4,
    address: Address,
    options: Values = NOTHING,
    *,
    server_id: Address | None = None,
    chaddr: bytes | None = None,
    htype: int = 1,
    client_id: bytes | None = None,
    lifetime: int | None = None,
    last_transaction: int | None = None,
    associated: Sequence[IPv4Address] = (),
    relay_information: SubOptions | None = None,
) -> Packet4:
    """DHCPLEASEACTIVE: who has the address (RFC 4388 6.4.2).

    `lifetime` are the seconds that the lease still has, `last_transaction` those since the client was last heard of,
    `associated` its other addresses, and `relay_information` is the last option 82 that came with its messages.
    """
    own = {
        DHCP_SERVER_IDENTIFIER: server_id,
        DHCP_CLIENT_IDENTIFIER: client_id,
        DHCP_LEASE_TIME: lifetime,
        CLIENT_LAST_TRANSACTION_TIME: last_transaction,
        ASSOCIATED_IP: tuple(associated) or None,
        DHCP_AGENT_OPTIONS: relay_information,
    }
    return _answer(MessageType.LEASEACTIVE, query, own, options, ciaddr=address, **_hardware(chaddr, htype))


def lease_unassigned4(query: Packet4, options: Values = NOTHING, *, server_id: Address | None = None) -> Packet4:
    """DHCPLEASEUNASSIGNED: the server has this address, and nobody uses it; no options (RFC 4388 6.4.1, 6.4.2)."""
    return _answer(
        MessageType.LEASEUNASSIGNED, query, {DHCP_SERVER_IDENTIFIER: server_id}, options, ciaddr=query.ciaddr
    )


def lease_unknown4(query: Packet4, options: Values = NOTHING, *, server_id: Address | None = None) -> Packet4:
    """DHCPLEASEUNKNOWN: the server knows nothing of the address or client it was asked for (RFC 4388 6.4).

    No options, says the RFC; the fields of the header are those of the query, as Kea has them.
    """
    hardware = _hardware(query.chaddr or None, query.htype)
    own = {DHCP_SERVER_IDENTIFIER: server_id}
    return _answer(MessageType.LEASEUNKNOWN, query, own, options, ciaddr=query.ciaddr, **hardware)


def bulk_leasequery4(  # noqa: PLR0913  # the ways to ask, by name
    options: Values = NOTHING,
    *,
    xid: int,
    chaddr: bytes | None = None,
    client_id: bytes | None = None,
    relay_id: bytes | None = None,
    remote_id: bytes | None = None,
    htype: int = 1,
    start_time: int | None = None,
    end_time: int | None = None,
    asks: Sequence[int] = (),
) -> Packet4:
    """DHCPBULKLEASEQUERY over TCP: by one of four things, or for all there is (RFC 6926 7.2).

    Times are seconds since 1970: only leases that changed in between are wanted.
    """
    if [chaddr, client_id, relay_id, remote_id].count(None) < 3:
        raise ValueError("a bulk leasequery asks for one thing: MAC address, client, relay or remote identifier")
    relay = {option: octets for option, octets in ((RELAY_ID, relay_id), (RELAY_REMOTE_ID, remote_id)) if octets}
    own: dict[Any, Any] = {
        DHCP_CLIENT_IDENTIFIER: client_id,
        DHCP_PARAMETER_REQUEST_LIST: tuple(asks) or None,
        QUERY_START_TIME: start_time,
        QUERY_END_TIME: end_time,
        DHCP_AGENT_OPTIONS: SubOptions.of(relay) if relay else None,
    }
    return Packet4(MessageType.BULKLEASEQUERY, merged4(own, options), xid=xid, **_hardware(chaddr, htype))


def active_leasequery4(
    options: Values = NOTHING, *, xid: int, start_time: int | None = None, asks: Sequence[int] = ()
) -> Packet4:
    """DHCPACTIVELEASEQUERY over TCP: all that changes from now on, or has changed since `start_time` (RFC 7724 7.3)."""
    own = {DHCP_PARAMETER_REQUEST_LIST: tuple(asks) or None, QUERY_START_TIME: start_time}
    return Packet4(MessageType.ACTIVELEASEQUERY, merged4(own, options), xid=xid, htype=0)


def leasequery_done4(
    query: Packet4, options: Values = NOTHING, *, status: int | None = None, message: str = ""
) -> Packet4:
    """DHCPLEASEQUERYDONE over TCP: that was all, or the query has failed for this reason (RFC 6926 8.2)."""
    return _answer(MessageType.LEASEQUERYDONE, query, {STATUS_CODE: _status(status, message)}, options)


def leasequery_status4(
    query: Packet4, options: Values = NOTHING, *, status: int, message: str = "", base_time: int | None = None
) -> Packet4:
    """DHCPLEASEQUERYSTATUS over TCP: how an active leasequery goes (RFC 7724 7.4).

    ConnectionActive (6) says that the connection is alive, CatchUpComplete (7) that all missed changes were told.
    `base_time` is the server's, in seconds since 1970.
    """
    own = {STATUS_CODE: _status(status, message), BASE_TIME: base_time}
    return _answer(MessageType.LEASEQUERYSTATUS, query, own, options)


def tls4(*, xid: int) -> Packet4:
    """DHCPTLS over TCP: asks for TLS (RFC 7724 7.2)."""
    return Packet4(MessageType.TLS, xid=xid, htype=0)


def tls_reply4(query: Packet4, options: Values = NOTHING, *, status: int | None = None, message: str = "") -> Packet4:
    """DHCPTLS over TCP, the server's: TLS may begin, or with a status: it may not (RFC 7724 7.2)."""
    return _answer(MessageType.TLS, query, {STATUS_CODE: _status(status, message)}, options, op=Op.REPLY)


def _answer(kind: MessageType, query: Packet4, own: dict[Any, Any], options: Values, **fields: Any) -> Packet4:
    """Whom the answer goes to is copied; the rest is the lease's (RFC 4388 6.4)."""
    return Packet4(kind, merged4(own, options), xid=query.xid, giaddr=query.giaddr, **{"htype": 0} | fields)


def _hardware(chaddr: bytes | None, htype: int) -> dict[str, Any]:
    return {"htype": 0} if chaddr is None else {"htype": htype, "chaddr": chaddr}


def _status(status: int | None, message: str) -> tuple[int, str] | None:
    return None if status is None else (status, message)
