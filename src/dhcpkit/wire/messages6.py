"""DHCPv6 messages as the RFCs want them: what clients, servers and relay agents say to each other, ready to be sent.

Each function makes one message out of the one it follows: `request6(advertise6(solicit6(...), ...), ...)`. Mandatory
options are put in, and `options` adds more: given by declaration, name or code as to `Packet6`, they take the place of
what would be put in else, and None leaves it out. What answers a relayed message goes back through the same relay
agents. Leasequery is in `queries6`. Transaction ids are arguments, and nothing here checks whether a message may be
sent: this module does not know leases, time or sockets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Address
from typing import Any, Final

import attrs

from dhcpkit.wire.auth import Authentication
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.identity6 import LeasedAddress, StatusCode6
from dhcpkit.wire.nested6 import Options6, Values6
from dhcpkit.wire.options import Option, built
from dhcpkit.wire.options6 import (
    AUTH,
    CLIENT_ID,
    DHCP6,
    DHCPV4_MESSAGE,
    ELAPSED_TIME,
    ERO,
    IA_NA,
    IA_PD,
    IA_TA,
    IAADDR,
    IAPREFIX,
    INF_MAX_RT,
    INFORMATION_REFRESH_TIME,
    INTERFACE_ID,
    ORO,
    PREFERENCE,
    RAPID_COMMIT,
    RECONF_MSG,
    RELAY_MSG,
    RELAY_SOURCE_PORT,
    SERVER_ID,
    SOLMAX_RT,
    STATUS_CODE,
)

__all__ = [
    "HOP_COUNT_LIMIT",
    "addr_reg_inform6",
    "addr_reg_reply6",
    "advertise6",
    "confirm6",
    "decline6",
    "dhcpv4_query6",
    "dhcpv4_response6",
    "information_request6",
    "rebind6",
    "reconfigure6",
    "relay_forward6",
    "relay_reply6",
    "release6",
    "renew6",
    "reply6",
    "request6",
    "solicit6",
    "unrelay6",
]

Address = IPv6Address | int
Identifier = Duid | bytes

HOP_COUNT_LIMIT: Final = 8  # relay agents a message may pass, RFC 8415 7.6
UNICAST: Final = 0x800000  # RFC 7341 6.1: the DHCPv4 message in it would not be broadcast
RELAYS: Final = (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL)
NOTHING: Final[Values6] = ()


def solicit6(  # noqa: PLR0913  # what a client may say, by name
    client_id: Identifier,
    options: Values6 = NOTHING,
    *,
    xid: int,
    asks: Sequence[int] = (),
    rapid_commit: bool = False,
    elapsed: int = 0,
) -> Packet6:
    """Solicit: who has what is in `options`, such as IA_NA (RFC 8415 18.2.1). `elapsed` are hundredths of a second."""
    own = _client(client_id, elapsed, (SOLMAX_RT.code, *asks))
    if rapid_commit:
        own.append((RAPID_COMMIT, b""))
    return Packet6(MessageType6.SOLICIT, merged6(own, options), xid=xid)


def advertise6(
    solicit: Packet6, options: Values6 = NOTHING, *, server_id: Identifier, preference: int | None = None
) -> Packet6:
    """Advertise: this server has that (RFC 8415 18.3.9). Without a `preference` it has that of 0."""
    own = [*_server(solicit, server_id), (PREFERENCE, preference)]
    return answer6(MessageType6.ADVERTISE, solicit, own, options)


def request6(
    advertise: Packet6, options: Values6 = NOTHING, *, xid: int, asks: Sequence[int] = (), elapsed: int = 0
) -> Packet6:
    """Request of what a server has advertised, from that server (RFC 8415 18.2.2)."""
    return _extend(MessageType6.REQUEST, advertise, options, xid=xid, asks=asks, elapsed=elapsed)


def renew6(
    reply: Packet6, options: Values6 = NOTHING, *, xid: int, asks: Sequence[int] = (), elapsed: int = 0
) -> Packet6:
    """Renew: asks the server that has given the leases to extend them (RFC 8415 18.2.4)."""
    return _extend(MessageType6.RENEW, reply, options, xid=xid, asks=asks, elapsed=elapsed)


def rebind6(
    reply: Packet6, options: Values6 = NOTHING, *, xid: int, asks: Sequence[int] = (), elapsed: int = 0
) -> Packet6:
    """Rebind: asks any server to extend the leases (RFC 8415 18.2.5)."""
    return _extend(MessageType6.REBIND, reply, options, xid=xid, asks=asks, elapsed=elapsed, server=False)


def confirm6(reply: Packet6, options: Values6 = NOTHING, *, xid: int, elapsed: int = 0) -> Packet6:
    """Confirm: are these addresses still right on this link (RFC 8415 18.2.3)? Prefixes are not asked for."""
    own = [*_client(_client_of(reply), elapsed), *_held(reply, (IA_NA, IA_TA))]
    return Packet6(MessageType6.CONFIRM, merged6(own, options), xid=xid)


def release6(reply: Packet6, options: Values6 = NOTHING, *, xid: int, elapsed: int = 0) -> Packet6:
    """Release: the client gives its leases back (RFC 8415 18.2.7)."""
    own = [*_client(_client_of(reply), elapsed), *_server_of(reply), *_held(reply, (IA_NA, IA_TA, IA_PD))]
    return Packet6(MessageType6.RELEASE, merged6(own, options), xid=xid)


def decline6(reply: Packet6, options: Values6 = NOTHING, *, xid: int, elapsed: int = 0) -> Packet6:
    """Decline: the client finds its new addresses in use (RFC 8415 18.2.8)."""
    own = [*_client(_client_of(reply), elapsed), *_server_of(reply), *_held(reply, (IA_NA, IA_TA))]
    return Packet6(MessageType6.DECLINE, merged6(own, options), xid=xid)


def information_request6(
    client_id: Identifier | None,
    options: Values6 = NOTHING,
    *,
    xid: int,
    asks: Sequence[int] = (),
    elapsed: int = 0,
) -> Packet6:
    """Information-request of a client that needs no leases, and may not want to be known (RFC 8415 18.2.6)."""
    own = _client(client_id, elapsed, (INFORMATION_REFRESH_TIME.code, INF_MAX_RT.code, *asks))
    return Packet6(MessageType6.INFORMATION_REQUEST, merged6(own, options), xid=xid)


def reply6(
    query: Packet6, options: Values6 = NOTHING, *, server_id: Identifier, status: StatusCode6 | None = None
) -> Packet6:
    """Reply to any message of a client (RFC 8415 18.3). In answer to a Solicit it is a rapid commit (18.3.1)."""
    own = [*_server(query, server_id), (STATUS_CODE, status)]
    if query.type == MessageType6.SOLICIT:
        own.append((RAPID_COMMIT, b""))
    return answer6(MessageType6.REPLY, query, own, options)


def reconfigure6(
    client_id: Identifier,
    server_id: Identifier,
    authentication: Authentication,
    options: Values6 = NOTHING,
    *,
    wanted: MessageType6 | int = MessageType6.RENEW,
) -> Packet6:
    """Reconfigure: a client is to send a Renew, Rebind or Information-request (RFC 8415 18.3.11).

    Clients pass over one that is not authenticated: by RFC 8415 20.4 with `Authentication.reconfigure(...)`, whose
    digest `auth.signed6` fills in.
    """
    own: list[tuple[Any, Any]] = [
        (CLIENT_ID.code, _octets(client_id)),
        (SERVER_ID.code, _octets(server_id)),
        (RECONF_MSG, int(wanted)),
        (AUTH, authentication),
    ]
    return Packet6(MessageType6.RECONFIGURE, merged6(own, options))


def relay_forward6(  # noqa: PLR0913  # what a relay agent may say, by name
    packet: Packet6,
    options: Values6 = NOTHING,
    *,
    link: Address,
    peer: Address,
    interface_id: bytes | None = None,
    hop_count_limit: int = HOP_COUNT_LIMIT,
) -> Packet6:
    """A message as a relay agent passes it on (RFC 8415 19.1).

    `link` is an address of the link it came from, `peer` whom it came from. `options` go before the message. ValueError
    for one that a relay agent has to discard: so many have passed it on already.
    """
    relayed = packet.relays[0].hops if packet.relays else packet.hops if packet.type in RELAYS else -1
    hops = relayed + 1
    if hops > hop_count_limit:
        raise ValueError(f"the message has passed {hops} relay agents: no more than {hop_count_limit} may pass it on")
    made = Options6.of(merged6([(INTERFACE_ID, interface_id)], options), DHCP6)
    relay = Relay6(MessageType6.RELAY_FORW, hops, link, peer, made)
    return Packet6(
        packet.type, packet.options, xid=packet.xid, hops=packet.hops, link=packet.link, peer=packet.peer,
        relays=(relay, *packet.relays), arrival=packet.arrival,
    )  # fmt: skip


def relay_reply6(answer: Packet6, query: Packet6) -> Packet6:
    """An answer within Relay-reply messages, which lead it back the way that `query` came (RFC 8415 19.3).

    Hop counts and addresses are copied, the interface-id and relay port (RFC 8357 5.2) of each relay agent with them,
    and what it wants to have echoed (RFC 4994 4).
    """
    relays = [
        Relay6(MessageType6.RELAY_REPL, relay.hops, relay.link, relay.peer, Options6.of(_echoed(relay)))
        for relay in query.relays
    ]
    return Packet6(answer.type, answer.options, xid=answer.xid, relays=relays, arrival=answer.arrival)


def unrelay6(packet: Packet6) -> Packet6:
    """What a relay agent takes out of a Relay-reply and passes on (RFC 8415 19.2). ValueError for other messages."""
    message = packet.relays[0].message if packet.relays else None
    if message is None:
        raise ValueError("no relay message: there is nothing to take out of it")
    return Packet6.parse(message, packet.arrival)


def dhcpv4_query6(message: Packet4, options: Values6 = NOTHING, *, unicast: bool = False) -> Packet6:
    """DHCPV4-QUERY: a DHCPv4 message on its way through a network that has only IPv6 (RFC 7341 6.1, 8)."""
    own = [(DHCPV4_MESSAGE.code, bytes(message))]
    return Packet6(MessageType6.DHCPV4_QUERY, merged6(own, options), xid=UNICAST if unicast else 0)


def dhcpv4_response6(query: Packet6, message: Packet4, options: Values6 = NOTHING) -> Packet6:
    """DHCPV4-RESPONSE: the answer to the DHCPv4 message in `query` (RFC 7341 6.1, 9)."""
    return answer6(MessageType6.DHCPV4_RESPONSE, query, [(DHCPV4_MESSAGE.code, bytes(message))], options, xid=0)


def addr_reg_inform6(  # noqa: PLR0913  # as solicit6
    client_id: Identifier,
    address: IPv6Address,
    options: Values6 = NOTHING,
    *,
    xid: int,
    preferred: int,
    valid: int,
) -> Packet6:
    """ADDR-REG-INFORM: the host has made itself this address, and sends the message from it (RFC 9686 4.2)."""
    own = [(CLIENT_ID.code, _octets(client_id)), (IAADDR, LeasedAddress(address, preferred, valid))]
    return Packet6(MessageType6.ADDR_REG_INFORM, merged6(own, options), xid=xid)


def addr_reg_reply6(inform: Packet6, options: Values6 = NOTHING, *, server_id: Identifier | None = None) -> Packet6:
    """ADDR-REG-REPLY: the address is registered; its option is the very same (RFC 9686 4.3)."""
    own = [*_server(inform, server_id), *((IAADDR.code, payload) for payload in inform.options.payloads(IAADDR.code))]
    return answer6(MessageType6.ADDR_REG_REPLY, inform, own, options)


def merged6(own: Iterable[tuple[Any, Any]], options: Values6) -> list[tuple[int, bytes]]:
    """What is put in, and what is given instead of it and besides, without what is None."""
    given = [(_code(option), option, value) for option, value in _pairs(options)]
    taken = {code for code, _, _ in given}
    kept = [(option, value) for option, value in own if _code(option) not in taken]
    more = [(option, value) for _, option, value in given]
    return [built(option, value, DHCP6) for option, value in (*kept, *more) if value is not None]


def answer6(
    kind: MessageType6, query: Packet6, own: Iterable[tuple[Any, Any]], options: Values6, *, xid: int | None = None
) -> Packet6:
    """What goes back to whoever sent `query`, through the relay agents that it came through."""
    answer = Packet6(kind, merged6(own, options), xid=query.xid if xid is None else xid)
    return relay_reply6(answer, query) if query.relays else answer


def _pairs(options: Values6) -> Iterable[tuple[Any, Any]]:
    return options.items() if isinstance(options, Mapping) else options


def _code(option: Option[Any] | int | str) -> int:
    found = DHCP6.by_name(option) if isinstance(option, str) else option
    return found.code if isinstance(found, Option) else -1 if found is None else found


def _octets(identifier: Identifier) -> bytes:
    return identifier.octets if isinstance(identifier, Duid) else identifier


def _client(client_id: Identifier | None, elapsed: int, asks: Sequence[int] = ()) -> list[tuple[Any, Any]]:
    """What all messages of clients have (RFC 8415 18.2): who they are, and since when they wait."""
    return [
        (CLIENT_ID.code, None if client_id is None else _octets(client_id)),
        (ORO, tuple(asks) or None),
        (ELAPSED_TIME, elapsed),
    ]


def _server(query: Packet6, server_id: Identifier | None) -> list[tuple[Any, Any]]:
    """What all messages of servers have (RFC 8415 18.3): who they are, and whom they answer, if that was said."""
    return [
        (CLIENT_ID.code, query.options.first.get(CLIENT_ID.code)),
        (SERVER_ID.code, None if server_id is None else _octets(server_id)),
    ]


def _client_of(answer: Packet6) -> bytes | None:
    return answer.options.first.get(CLIENT_ID.code)


def _server_of(answer: Packet6) -> list[tuple[Any, Any]]:
    server_id = answer.options.first.get(SERVER_ID.code)
    if server_id is None:
        raise ValueError("the server's answer has no server identifier (option 2)")
    return [(SERVER_ID.code, server_id)]


def _extend(  # noqa: PLR0913  # what Request, Renew and Rebind have in common
    kind: MessageType6,
    answer: Packet6,
    options: Values6,
    *,
    xid: int,
    asks: Sequence[int],
    elapsed: int,
    server: bool = True,
) -> Packet6:
    own = [
        *_client(_client_of(answer), elapsed, (SOLMAX_RT.code, *asks)),
        *(_server_of(answer) if server else ()),
        *_held(answer, (IA_NA, IA_TA, IA_PD)),
    ]
    return Packet6(kind, merged6(own, options), xid=xid)


def _held(answer: Packet6, kinds: Sequence[Option[Any]]) -> Iterator[tuple[Option[Any], Any]]:
    """The identity associations of an answer as a client sends them: what it has, without times (RFC 8415 21.4 ff.)."""
    for option in kinds:
        for association in answer.all(option):
            leases: list[tuple[Option[Any], Any]] = [
                (each, attrs.evolve(lease, preferred=0, valid=0, options=Options6()))
                for each in (IAADDR, IAPREFIX)
                for lease in association.options.all(each)
            ]
            untimed = {} if option is IA_TA else {"t1": 0, "t2": 0}
            yield option, attrs.evolve(association, options=Options6.of(leases), **untimed)


def _echoed(relay: Relay6) -> Iterator[tuple[int, bytes]]:
    """A relay agent's options that belong into the answer to it."""
    wanted = relay.options.first.get(ERO.code, b"")
    echoed = {int.from_bytes(wanted[at : at + 2], "big") for at in range(0, len(wanted) - 1, 2)}
    echoed |= {INTERFACE_ID.code, RELAY_SOURCE_PORT.code}
    return ((code, payload) for code, payload in relay.options.items() if code in echoed - {RELAY_MSG.code})
