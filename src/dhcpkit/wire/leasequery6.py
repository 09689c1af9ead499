"""What is asked and told of others' leases: leasequery (RFC 5007, RFC 5460, RFC 7653) and failover (RFC 8156).

Each is declared once, as the class of its value and the kinds of its fields. This module does not know option codes.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

import attrs

from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.kinds import BINARY, IPV6, UINT8, UINT16, UINT32, Kind, composed
from dhcpkit.wire.nested6 import OPTIONS6, Options6
from dhcpkit.wire.numbered import Numbered
from dhcpkit.wire.says import name_of

__all__ = [
    "LEASE_QUERY",
    "PROTOCOL_VERSION",
    "RECONFIGURE_DATA",
    "RELAY_DATA",
    "BindingStatus",
    "LeaseQuery6",
    "ProtocolVersion",
    "QueryType",
    "ReconfigureData",
    "RelayData",
    "ServerState",
]


class QueryType(Numbered):
    """Field `query-type` (RFC 5007 4.1.2.1, RFC 5460 5.1)."""

    QUERY_BY_ADDRESS = 1
    QUERY_BY_CLIENTID = 2
    QUERY_BY_RELAY_ID = 3
    QUERY_BY_LINK_ADDRESS = 4
    QUERY_BY_REMOTE_ID = 5


class BindingStatus(Numbered):
    """The value of F_BINDING_STATUS (RFC 8156 5.5.1)."""

    ACTIVE = 1
    EXPIRED = 2
    RELEASED = 3
    PENDING_FREE = 4
    FREE = 5
    FREE_BACKUP = 6
    ABANDONED = 7
    RESET = 8


class ServerState(Numbered):
    """The value of F_SERVER_STATE (RFC 8156 5.5.19)."""

    STARTUP = 1
    NORMAL = 2
    COMMUNICATIONS_INTERRUPTED = 3
    PARTNER_DOWN = 4
    POTENTIAL_CONFLICT = 5
    RECOVER = 6
    RECOVER_WAIT = 7
    RECOVER_DONE = 8
    RESOLUTION_INTERRUPTED = 9
    CONFLICT_DONE = 10


ANY_LINK: Final = IPv6Address(0)


@attrs.frozen
class LeaseQuery6:
    """LQ_QUERY (RFC 5007 4.1.2.1): a `QueryType` where RFCs know it; what is asked for is among the options."""

    type: int
    link: IPv6Address = ANY_LINK
    options: Options6 = attrs.field(factory=Options6)


@attrs.frozen
class RelayData:
    """LQ_RELAY_DATA (RFC 5007 4.1.2.4): the relays' messages around a client's last one, and who sent the outermost."""

    peer: IPv6Address
    message: bytes


@attrs.frozen
class ProtocolVersion:
    """F_PROTOCOL_VERSION (RFC 8156 5.5.14)."""

    major: int
    minor: int


@attrs.frozen
class ReconfigureData:
    """F_RECONFIGURE_DATA (RFC 8156 5.5.16): when a key was given to a client (seconds since 1970), and the key."""

    time: int
    key: bytes


def _say_query(value: LeaseQuery6, _: Inside) -> str:
    return name_of(QueryType, value.type) or f"query {value.type}"


LEASE_QUERY: Final[Kind[LeaseQuery6]] = attrs.evolve(
    composed(LeaseQuery6, type=UINT8, link=IPV6, options=OPTIONS6), says=_say_query
)
RELAY_DATA: Final[Kind[RelayData]] = composed(RelayData, peer=IPV6, message=BINARY)
PROTOCOL_VERSION: Final[Kind[ProtocolVersion]] = composed(ProtocolVersion, major=UINT16, minor=UINT16)
RECONFIGURE_DATA: Final[Kind[ReconfigureData]] = composed(ReconfigureData, time=UINT32, key=BINARY)
