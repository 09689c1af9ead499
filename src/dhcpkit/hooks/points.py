"""Hook points outside the engine: what happens to packets before a decision, after it, and to the server itself.

Those inside the engine are declared in `dhcpkit.alloc.points` and `dhcpkit.alloc.points6`. Names are Kea's. Points
that are told what has happened already may wait: a coroutine there is Kea's parking, and the answer waits with it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from dhcpkit.alloc.answer import Outcome4
from dhcpkit.alloc.answer6 import Outcome6
from dhcpkit.alloc.host import Host
from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.network import Subnet4
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.alloc.points import NextStep, Pkt4Receive, Point
from dhcpkit.alloc.points6 import Pkt6Receive
from dhcpkit.hooks.commands import Answer, Caller
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6

__all__ = [
    "Buffer4Receive",
    "Buffer4Send",
    "Buffer6Receive",
    "Buffer6Send",
    "Cb4Updated",
    "Cb6Updated",
    "CommandProcessed",
    "Dhcp4SrvConfigured",
    "Dhcp6SrvConfigured",
    "HttpAuth",
    "HttpResponse",
    "Lease4Offer",
    "Lease4ServerDecline",
    "Leases4Committed",
    "Leases6Committed",
    "Pkt4Receive",
    "Pkt4Send",
    "Pkt6Receive",
    "Pkt6Send",
]

SKIP, DROP = NextStep.SKIP, NextStep.DROP


@attrs.define
class Buffer4Receive(Point):
    """A datagram arrived; `data` is not looked at yet and may be replaced. DROP: as if it had not come.

    A callout that reads it itself puts the message into `query` (where Kea wants SKIP besides).
    """

    kea_name = "buffer4_receive"
    arguments: ClassVar = {"query4": "query"}
    steps = frozenset((SKIP, DROP))
    data: bytes
    arrival: Arrival
    query: Packet4 | None = None


@attrs.define
class Lease4Offer(Point):
    """An address is about to be offered. DROP: it is not.

    `leases` holds the lease that would be, `offer_lifetime` is how long it is kept before the client accepts it (0: it
    is not), `old_lease` is the client's own at that address, `host` its reservation. A callout that finds the address
    in use sets `offer_address_in_use`: then it is declined for the server itself, and nothing is offered.
    """

    kea_name = "lease4_offer"
    arguments: ClassVar = {
        "query4": "query",
        "response4": "response",
        "leases4": "leases",
        "offer_lifetime": "offer_lifetime",
        "old_lease": "old_lease",
        "host": "host",
        "offer_address_in_use": "offer_address_in_use",
    }
    steps = frozenset((DROP,))
    may_wait = True
    query: Packet4
    outcome: Outcome4
    leases: tuple[Lease4, ...]
    offer_lifetime: int = 0
    old_lease: Lease4 | None = None
    host: Host | None = None
    offer_address_in_use: bool = False

    @property
    def response(self) -> Packet4 | None:
        """The answer, None where there is none. A copy: what is sent is changed at pkt4_send."""
        sent = self.outcome.sent
        return Packet4.parse(sent.data) if sent is not None else None


@attrs.define
class Lease4ServerDecline(Point):
    """An address that a callout of lease4_offer found in use was put on probation."""

    kea_name = "lease4_server_decline"
    arguments: ClassVar = {"query4": "query", "lease4": "lease"}
    may_wait = True
    query: Packet4
    lease: Lease4


@attrs.define
class Leases4Committed(Point):
    """What became of a REQUEST, RELEASE or DECLINE is stored. DROP: it is not answered.

    `leases` are those it gave or changed, but for those repeated as they were; `deleted` those the client gave up or
    back. Both may be empty.
    """

    kea_name = "leases4_committed"
    arguments: ClassVar = {
        "query4": "query",
        "response4": "response",
        "leases4": "leases",
        "deleted_leases4": "deleted",
    }
    steps = frozenset((DROP,))
    may_wait = True
    query: Packet4
    outcome: Outcome4
    leases: tuple[Lease4, ...]
    deleted: tuple[Lease4, ...]

    @property
    def response(self) -> Packet4 | None:
        """The answer, None where there is none. A copy: what is sent is changed at pkt4_send."""
        sent = self.outcome.sent
        return Packet4.parse(sent.data) if sent is not None else None


@attrs.define
class Pkt4Send(Point):
    """An answer is about to leave; `data` is its payload and may be replaced, as may `response`. DROP: it is not sent.

    SKIP keeps Kea from packing what the callout has packed itself; here it is packed already, and SKIP means nothing.
    """

    kea_name = "pkt4_send"
    arguments: ClassVar = {"query4": "query", "response4": "response", "subnet4": "subnet"}
    steps = frozenset((DROP,))
    outcome: Outcome4
    data: bytes

    @property
    def query(self) -> Packet4:
        """What is answered."""
        return self.outcome.packet

    @property
    def subnet(self) -> Subnet4 | None:
        """The client's subnet."""
        return self.outcome.subnet

    @property
    def response(self) -> Packet4:
        """The answer, read from `data`; assigned, it becomes `data`."""
        return Packet4.parse(self.data)

    @response.setter
    def response(self, packet: Packet4) -> None:
        self.data = bytes(packet)


@attrs.define
class Buffer4Send(Point):
    """As Pkt4Send, when its callouts have had their say. SKIP, DROP: it is not sent."""

    kea_name = "buffer4_send"
    arguments: ClassVar = {"response4": "data"}
    steps = frozenset((SKIP, DROP))
    outcome: Outcome4
    data: bytes


@attrs.define
class Dhcp4SrvConfigured(Point):
    """A configuration was found good and is about to come into force. DROP, or an `error`: it is refused with that.

    `server_config` is the document (Dhcp4Doc), `network` what would be served. At a start, a refusal ends the server.
    """

    kea_name = "dhcp4_srv_configured"
    arguments: ClassVar = {"json_config": "json_config", "server_config": "server_config", "error": "error"}
    steps = frozenset((DROP,))
    may_wait = True
    server_config: Any
    network: Any
    json_config: dict[str, Any]
    error: str = ""


@attrs.define
class Cb4Updated(Point):
    """Changes of the configuration came from a database and are in force; `audit_entries` says which, at least one."""

    kea_name = "cb4_updated"
    arguments: ClassVar = {"audit_entries": "audit_entries"}
    may_wait = True
    audit_entries: tuple[Any, ...]


@attrs.define
class Buffer6Receive(Point):
    """A datagram arrived; `data` is not looked at yet and may be replaced. DROP: as if it had not come.

    A callout that reads it itself puts the message into `query` (where Kea wants SKIP besides).
    """

    kea_name = "buffer6_receive"
    arguments: ClassVar = {"query6": "query"}
    steps = frozenset((SKIP, DROP))
    data: bytes
    arrival: Arrival6
    query: Packet6 | None = None


@attrs.define
class Leases6Committed(Point):
    """What became of a message is stored. DROP: it is not answered.

    Not told of SOLICIT (but for rapid commit), CONFIRM and INFORMATION-REQUEST, which store nothing.
    `leases` are those it gave or changed, but for those repeated as they were; `deleted` those the client gave up or
    back. Both may be empty.
    """

    kea_name = "leases6_committed"
    arguments: ClassVar = {
        "query6": "query",
        "response6": "response",
        "leases6": "leases",
        "deleted_leases6": "deleted",
    }
    steps = frozenset((DROP,))
    may_wait = True
    query: Packet6
    outcome: Outcome6
    leases: tuple[Lease6, ...]
    deleted: tuple[Lease6, ...]

    @property
    def response(self) -> Packet6 | None:
        """The answer, None where there is none. A copy: what is sent is changed at pkt6_send."""
        sent = self.outcome.sent
        return Packet6.parse(sent.data) if sent is not None else None


@attrs.define
class Pkt6Send(Point):
    """An answer is about to leave; `data` is its payload and may be replaced, as may `response`. DROP: it is not sent.

    SKIP keeps Kea from packing what the callout has packed itself; here it is packed already, and SKIP means nothing.
    """

    kea_name = "pkt6_send"
    arguments: ClassVar = {"query6": "query", "response6": "response", "subnet6": "subnet"}
    steps = frozenset((DROP,))
    outcome: Outcome6
    data: bytes

    @property
    def query(self) -> Packet6:
        """What is answered."""
        return self.outcome.packet

    @property
    def subnet(self) -> Subnet6 | None:
        """The client's subnet."""
        return self.outcome.subnet

    @property
    def response(self) -> Packet6:
        """The answer, read from `data`; assigned, it becomes `data`."""
        return Packet6.parse(self.data)

    @response.setter
    def response(self, packet: Packet6) -> None:
        self.data = bytes(packet)


@attrs.define
class Buffer6Send(Point):
    """As Pkt6Send, when its callouts have had their say. SKIP, DROP: it is not sent."""

    kea_name = "buffer6_send"
    arguments: ClassVar = {"response6": "data"}
    steps = frozenset((SKIP, DROP))
    outcome: Outcome6
    data: bytes


@attrs.define
class Dhcp6SrvConfigured(Point):
    """A configuration was found good and is about to come into force. DROP, or an `error`: it is refused with that.

    `server_config` is the document (Dhcp6Doc), `network` what would be served. At a start, a refusal ends the server.
    """

    kea_name = "dhcp6_srv_configured"
    arguments: ClassVar = {"json_config": "json_config", "server_config": "server_config", "error": "error"}
    steps = frozenset((DROP,))
    may_wait = True
    server_config: Any
    network: Any
    json_config: dict[str, Any]
    error: str = ""


@attrs.define
class Cb6Updated(Point):
    """Changes of the configuration came from a database and are in force; `audit_entries` says which, at least one."""

    kea_name = "cb6_updated"
    arguments: ClassVar = {"audit_entries": "audit_entries"}
    may_wait = True
    audit_entries: tuple[Any, ...]


@attrs.define
class CommandProcessed(Point):
    """A command was run, from whatever channel; a callout may put another answer into `response`."""

    kea_name = "command_processed"
    arguments: ClassVar = {"name": "name", "arguments": "told", "response": "response"}
    may_wait = True
    name: str
    told: Any
    response: Answer


@attrs.define
class HttpAuth(Point):
    """A command came over HTTP, from somebody who may use the socket. A `response` put in is the answer: it is not run.

    Where a callout fails, the command is not run either.
    """

    kea_name = "http_auth"
    arguments: ClassVar = {"request": "command", "response": "response"}
    may_wait = True
    guards = True
    command: str
    told: Any
    caller: Caller
    response: Answer | None = None


@attrs.define
class HttpResponse(Point):
    """A command that came over HTTP is about to be answered; a callout may put another answer into `response`."""

    kea_name = "http_response"
    arguments: ClassVar = {"request": "command", "response": "response"}
    may_wait = True
    command: str
    told: Any
    caller: Caller
    response: Answer
