"""DHCPv4 messages as the RFCs want them: what clients, servers and relay agents say to each other, ready to be sent.

Each function makes one message out of the one it follows: `request4(offer4(discover4(...), ...))`. Header fields are
those of RFC 2131 tables 3 and 5, mandatory options are put in, and `options` adds more: given by declaration, name or
code as to `Packet4`, they take the place of what would be put in else, and None leaves it out. Leasequery is in
`queries4`. Transaction ids are arguments, and nothing here checks whether a message may be sent: this module does not
know leases, time or sockets.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Final

from dhcpkit.wire.auth import Authentication
from dhcpkit.wire.build4 import BOOTP_MIN
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.header4 import BROADCAST, CHADDR_AT, SNAME_AT, MessageType, Op
from dhcpkit.wire.nested import SubOptions, Values
from dhcpkit.wire.options import Option, built
from dhcpkit.wire.options4 import (
    AUTHENTICATE,
    DHCP4,
    DHCP_AGENT_OPTIONS,
    DHCP_CLIENT_IDENTIFIER,
    DHCP_LEASE_TIME,
    DHCP_MESSAGE,
    DHCP_REQUESTED_ADDRESS,
    DHCP_SERVER_IDENTIFIER,
    RAPID_COMMIT,
    RELAY_AGENT,
)

__all__ = [
    "HOPS_MAX",
    "ack4",
    "ack_inform4",
    "bootp_reply4",
    "bootp_request4",
    "decline4",
    "discover4",
    "forcerenew4",
    "inform4",
    "nak4",
    "offer4",
    "rebind4",
    "reboot4",
    "relay4",
    "release4",
    "renew4",
    "request4",
    "unrelay4",
]

Address = IPv4Address | int

HOPS_MAX: Final = 16  # relay agents a message may have passed, RFC 1542 4.1.1
NOTHING: Final[Values] = {}


def discover4(  # noqa: PLR0913  # what a client may say, by name
    chaddr: bytes,
    options: Values = NOTHING,
    *,
    xid: int,
    client_id: bytes | None = None,
    address: Address | None = None,
    htype: int = 1,
    secs: int = 0,
    broadcast: bool = False,
) -> Packet4:
    """DHCPDISCOVER of a client in INIT (RFC 2131 4.4.1); `address` is one it would like to have."""
    own = {DHCP_REQUESTED_ADDRESS: address, DHCP_CLIENT_IDENTIFIER: client_id}
    return Packet4(
        MessageType.DISCOVER, merged4(own, options), xid=xid, chaddr=chaddr, htype=htype, secs=secs, broadcast=broadcast
    )


def offer4(  # noqa: PLR0913  # what a server may say, by name
    discover: Packet4,
    address: Address,
    options: Values = NOTHING,
    *,
    server_id: Address,
    lifetime: int,
    siaddr: Address = 0,
    sname: bytes = b"",
    file: bytes = b"",
) -> Packet4:
    """DHCPOFFER of an address for `lifetime` seconds (RFC 2131 4.3.1, table 3); `siaddr` is where to boot from next."""
    own = {DHCP_SERVER_IDENTIFIER: server_id, DHCP_LEASE_TIME: lifetime}
    return _answer(MessageType.OFFER, discover, own, options, yiaddr=address, siaddr=siaddr, sname=sname, file=file)


def request4(offer: Packet4, options: Values = NOTHING, *, client_id: bytes | None = None, secs: int = 0) -> Packet4:
    """DHCPREQUEST of a client that takes an offer: SELECTING (RFC 2131 4.3.2). `secs` are those of its DHCPDISCOVER.

    The client identifier is the offer's, as RFC 6842 has servers give it back, or the one given here.
    """
    own = {
        DHCP_SERVER_IDENTIFIER: _server_of(offer),
        DHCP_REQUESTED_ADDRESS: offer.yiaddr,
        DHCP_CLIENT_IDENTIFIER: _client_of(offer, client_id),
    }
    return _next(MessageType.REQUEST, offer, own, options, xid=offer.xid, secs=secs, flags=offer.flags)


def reboot4(  # noqa: PLR0913  # as discover4
    chaddr: bytes,
    address: Address,
    options: Values = NOTHING,
    *,
    xid: int,
    client_id: bytes | None = None,
    htype: int = 1,
    secs: int = 0,
    broadcast: bool = False,
) -> Packet4:
    """DHCPREQUEST of a client that remembers its address: INIT-REBOOT (RFC 2131 4.3.2)."""
    own = {DHCP_REQUESTED_ADDRESS: address, DHCP_CLIENT_IDENTIFIER: client_id}
    return Packet4(
        MessageType.REQUEST, merged4(own, options), xid=xid, chaddr=chaddr, htype=htype, secs=secs, broadcast=broadcast
    )


def renew4(
    ack: Packet4, options: Values = NOTHING, *, xid: int, client_id: bytes | None = None, secs: int = 0
) -> Packet4:
    """DHCPREQUEST of a client whose lease goes on, to the server that has given it: RENEWING (RFC 2131 4.3.2).

    It goes to that server alone, so that it names none.
    """
    own = {DHCP_CLIENT_IDENTIFIER: _client_of(ack, client_id)}
    return _next(MessageType.REQUEST, ack, own, options, xid=xid, secs=secs, ciaddr=_address_of(ack))


def rebind4(
    ack: Packet4, options: Values = NOTHING, *, xid: int, client_id: bytes | None = None, secs: int = 0
) -> Packet4:
    """DHCPREQUEST of a client whose server does not answer: REBINDING (RFC 2131 4.3.2).

    It says the same as in RENEWING, but to everybody: a broadcast.
    """
    return renew4(ack, options, xid=xid, client_id=client_id, secs=secs)


def ack4(  # noqa: PLR0913  # as offer4
    request: Packet4,
    address: Address,
    options: Values = NOTHING,
    *,
    server_id: Address,
    lifetime: int,
    siaddr: Address = 0,
    sname: bytes = b"",
    file: bytes = b"",
) -> Packet4:
    """DHCPACK of an address for `lifetime` seconds (RFC 2131 4.3.2, table 3).

    In answer to a DHCPDISCOVER it says that this is a rapid commit (RFC 4039 3.1).
    """
    own: dict[Any, Any] = {DHCP_SERVER_IDENTIFIER: server_id, DHCP_LEASE_TIME: lifetime}
    if request.type == MessageType.DISCOVER:
        own[RAPID_COMMIT] = b""
    return _answer(
        MessageType.ACK, request, own, options,
        ciaddr=request.ciaddr, yiaddr=address, siaddr=siaddr, sname=sname, file=file,
    )  # fmt: skip


def ack_inform4(  # noqa: PLR0913  # as offer4
    inform: Packet4,
    options: Values = NOTHING,
    *,
    server_id: Address,
    siaddr: Address = 0,
    sname: bytes = b"",
    file: bytes = b"",
) -> Packet4:
    """DHCPACK in answer to a DHCPINFORM: neither an address nor a lease time (RFC 2131 4.3.5)."""
    own = {DHCP_SERVER_IDENTIFIER: server_id}
    return _answer(MessageType.ACK, inform, own, options, ciaddr=inform.ciaddr, siaddr=siaddr, sname=sname, file=file)


def nak4(request: Packet4, options: Values = NOTHING, *, server_id: Address, message: str = "") -> Packet4:
    """DHCPNAK (RFC 2131 4.3.2, table 3): through a relay agent, which has to broadcast it."""
    own = {DHCP_SERVER_IDENTIFIER: server_id, DHCP_MESSAGE: message or None}
    flags = request.flags | BROADCAST if request.giaddr else request.flags
    return _answer(MessageType.NAK, request, own, options, flags=flags)


def decline4(
    ack: Packet4, options: Values = NOTHING, *, xid: int, client_id: bytes | None = None, message: str = ""
) -> Packet4:
    """DHCPDECLINE of a client that finds its new address in use (RFC 2131 4.4.1, table 5)."""
    own = {
        DHCP_SERVER_IDENTIFIER: _server_of(ack),
        DHCP_REQUESTED_ADDRESS: _address_of(ack),
        DHCP_CLIENT_IDENTIFIER: _client_of(ack, client_id),
        DHCP_MESSAGE: message or None,
    }
    return _next(MessageType.DECLINE, ack, own, options, xid=xid)


def release4(
    ack: Packet4, options: Values = NOTHING, *, xid: int, client_id: bytes | None = None, message: str = ""
) -> Packet4:
    """DHCPRELEASE of a client that gives its address back, to the server it has it from (RFC 2131 4.4.6, table 5)."""
    own = {
        DHCP_SERVER_IDENTIFIER: _server_of(ack),
        DHCP_CLIENT_IDENTIFIER: _client_of(ack, client_id),
        DHCP_MESSAGE: message or None,
    }
    return _next(MessageType.RELEASE, ack, own, options, xid=xid, ciaddr=_address_of(ack))


def inform4(  # noqa: PLR0913  # as discover4
    chaddr: bytes,
    address: Address,
    options: Values = NOTHING,
    *,
    xid: int,
    client_id: bytes | None = None,
    htype: int = 1,
    secs: int = 0,
    broadcast: bool = False,
) -> Packet4:
    """DHCPINFORM of a host that has an address and wants to know the rest (RFC 2131 4.4.3, table 5)."""
    own = {DHCP_CLIENT_IDENTIFIER: client_id}
    return Packet4(
        MessageType.INFORM, merged4(own, options), xid=xid, chaddr=chaddr, htype=htype, secs=secs, broadcast=broadcast,
        ciaddr=address,
    )  # fmt: skip


def forcerenew4(  # noqa: PLR0913  # as offer4
    chaddr: bytes,
    address: Address,
    authentication: Authentication,
    options: Values = NOTHING,
    *,
    xid: int,
    server_id: Address,
    htype: int = 1,
) -> Packet4:
    """DHCPFORCERENEW to a client, so that it renews its lease at once (RFC 3203 4).

    Clients pass over one that is not authenticated: by RFC 6704 with `Authentication.reconfigure(...)`, whose digest
    `auth.signed4` fills in.
    """
    own: dict[Any, Any] = {DHCP_SERVER_IDENTIFIER: server_id, AUTHENTICATE: authentication}
    return Packet4(MessageType.FORCERENEW, merged4(own, options), xid=xid, chaddr=chaddr, htype=htype, ciaddr=address)


def relay4(packet: Packet4, giaddr: Address, options: Values = NOTHING, *, trusted: bool = False) -> Packet4:
    """A client's message as a relay agent passes it on: RFC 1542 4.1.1, RFC 3046 2.1.

    The first relay agent puts in the address it has on the client's link, and `options` (of space RELAY_AGENT) into
    option 82, behind all others. Those it passes on from there count themselves and change nothing else. ValueError for
    a message that a relay agent has to discard: it has passed more than HOPS_MAX, or came with option 82 from a client
    (unless that is `trusted`: its option stays then as it is).
    """
    if packet.hops > HOPS_MAX:
        raise ValueError(f"the message has passed {packet.hops} relay agents, more than {HOPS_MAX}")
    relayed = Packet4.parse(bytes(packet), packet.arrival)
    relayed.hops += 1
    if not relayed.giaddr:
        if DHCP_AGENT_OPTIONS in relayed and not trusted:
            raise ValueError("the message has option 82 before it came to any relay agent")
        relayed.giaddr = int(giaddr)
        if options and DHCP_AGENT_OPTIONS not in relayed:
            relayed[DHCP_AGENT_OPTIONS] = SubOptions.of(options, RELAY_AGENT)
    return _written(relayed, packet)


def unrelay4(packet: Packet4) -> Packet4:
    """A server's answer as the relay agent gives it to the client: without option 82 (RFC 3046 2.1)."""
    answer = Packet4.parse(bytes(packet), packet.arrival)
    if DHCP_AGENT_OPTIONS in answer:
        del answer[DHCP_AGENT_OPTIONS]
    return _written(answer, packet)


def bootp_request4(  # noqa: PLR0913  # the header's fields, by their names
    chaddr: bytes,
    options: Values = NOTHING,
    *,
    xid: int,
    htype: int = 1,
    secs: int = 0,
    broadcast: bool = False,
    ciaddr: Address = 0,
    sname: bytes = b"",
    file: bytes = b"",
) -> Packet4:
    """BOOTREQUEST of a client that knows nothing of DHCP (RFC 951 7.1, RFC 1542 3). Options are vendor extensions.

    `sname` is the server that it wants an answer from, `file` what it wants to boot.
    """
    return Packet4(
        None, merged4({}, options), op=Op.REQUEST, xid=xid, chaddr=chaddr, htype=htype, secs=secs, broadcast=broadcast,
        ciaddr=ciaddr, sname=sname, file=file, pad_to=BOOTP_MIN,
    )  # fmt: skip


def bootp_reply4(  # noqa: PLR0913  # as bootp_request4
    request: Packet4,
    address: Address,
    options: Values = NOTHING,
    *,
    siaddr: Address = 0,
    sname: bytes = b"",
    file: bytes = b"",
) -> Packet4:
    """BOOTREPLY (RFC 951 7.3, RFC 1542 4.1.2); `siaddr` is where to boot from."""
    return _answer(
        None, request, {}, options,
        ciaddr=request.ciaddr, yiaddr=address, siaddr=siaddr, sname=sname, file=file, pad_to=BOOTP_MIN,
    )  # fmt: skip


def merged4(own: Mapping[Any, Any], options: Values) -> dict[int, bytes]:
    """What is put in, and what is given instead of it and besides, without what is None; relay information last."""
    given: dict[int, bytes] = {}
    for option, value in (*own.items(), *options.items()):
        if value is None:
            found = DHCP4.by_name(option) if isinstance(option, str) else option
            given.pop(found.code if isinstance(found, Option) else found, b"")  # type: ignore[arg-type]
        else:
            typed = IPv4Address(value) if option in _ADDRESSES else value
            code, payload = built(option, typed, DHCP4)
            given[code] = payload
    last = given.pop(DHCP_AGENT_OPTIONS.code, None)
    return given if last is None else given | {DHCP_AGENT_OPTIONS.code: last}


_ADDRESSES: Final = (DHCP_REQUESTED_ADDRESS, DHCP_SERVER_IDENTIFIER)  # may be given as integers


def _answer(
    kind: MessageType | None, query: Packet4, own: Mapping[Any, Any], options: Values, **fields: Any
) -> Packet4:
    """What a server says to `query`: fields copied as RFC 2131 table 3 says, and two of its options."""
    for option in (DHCP_CLIENT_IDENTIFIER, DHCP_AGENT_OPTIONS):  # RFC 6842 3, RFC 3046 2.2
        if option in query:
            own = {**own, option.code: query.options[option.code]}
    return Packet4(
        kind, merged4(own, options), op=Op.REPLY, htype=query.htype, hlen=query.hlen, chaddr=_chaddr(query),
        xid=query.xid, giaddr=query.giaddr, **{"flags": query.flags} | fields,
    )  # fmt: skip


def _chaddr(packet: Packet4) -> bytes:
    """The whole field, for there may be more in it than `hlen` says."""
    return bytes(packet)[CHADDR_AT:SNAME_AT]


def _next(kind: MessageType, answer: Packet4, own: Mapping[Any, Any], options: Values, **fields: Any) -> Packet4:
    """What the client of a server's answer says next."""
    return Packet4(
        kind,
        merged4(own, options),
        op=Op.REQUEST,
        htype=answer.htype,
        hlen=answer.hlen,
        chaddr=_chaddr(answer),
        **fields,
    )


def _written(packet: Packet4, before: Packet4) -> Packet4:
    """A changed packet, as long as BOOTP wants it where it was that before."""
    size = BOOTP_MIN if len(bytes(before)) >= BOOTP_MIN else 0
    return Packet4.parse(bytes(packet).ljust(size, b"\0"), packet.arrival)


def _server_of(answer: Packet4) -> IPv4Address:
    server = answer.get(DHCP_SERVER_IDENTIFIER)
    if server is None:
        raise ValueError("the server's answer has no server identifier (option 54)")
    return server


def _client_of(answer: Packet4, client_id: bytes | None) -> bytes | None:
    return answer.options.get(DHCP_CLIENT_IDENTIFIER.code) if client_id is None else client_id


def _address_of(ack: Packet4) -> int:
    """The client's address: a DHCPACK to a DHCPREQUEST says it, one to a DHCPINFORM does not need to."""
    return ack.yiaddr or ack.ciaddr
