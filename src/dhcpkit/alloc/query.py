"""A message opened: is it for us, who asks, on which subnet. Pure: bytes were parsed, nothing is looked up yet.

`open4` holds everything that can be said without leases and reservations; what it refuses is a `Dropped` with the
reason Kea counts it under. This module does not know addresses' owners, stores or sockets.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from dhcpkit.alloc.classify import DROP, classify
from dhcpkit.alloc.names import fqdn_flaw
from dhcpkit.alloc.network import Network, Subnet4
from dhcpkit.alloc.points import Consult, NextStep, Subnet4Select
from dhcpkit.alloc.select import select_subnet4, suboption
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.alloc.view import Key
from dhcpkit.wire.dhcp4 import MessageType, Packet4

__all__ = ["Dropped", "Manner", "Query4", "open4"]

DISCOVER: Final = MessageType.DISCOVER.value
REQUEST: Final = MessageType.REQUEST.value
DECLINE: Final = MessageType.DECLINE.value
RELEASE: Final = MessageType.RELEASE.value
INFORM: Final = MessageType.INFORM.value
SERVED: Final = frozenset((DISCOVER, REQUEST, DECLINE, RELEASE, INFORM))
NEEDS_SUBNET: Final = frozenset((DISCOVER, REQUEST, INFORM))
CLIENT_ID_MIN, CLIENT_ID_MAX = 2, 128  # octets; Kea refuses others (RFC 2132 9.14: at least 2)


class Manner(enum.Enum):
    """In which state of RFC 2131 4.3.2 a client sends its DHCPREQUEST."""

    SELECTING = "selecting"
    INIT_REBOOT = "init-reboot"
    RENEWING = "renewing"
    REBINDING = "rebinding"


@attrs.frozen
class Dropped:
    """A message that gets no answer and no further thought. `reason` is the tail of Kea's statistic (`not-for-us`)."""

    reason: str
    because: str


@attrs.define(eq=False)
class Query4:
    """A message with what it asks for. Integers are addresses, 0 for none; octet strings are empty for none.

    `siblings` are the subnets of the selected one's shared network, the selected one first; empty without a subnet.
    """

    packet: Packet4
    network: Network
    type: int
    client_id: bytes
    hwaddr: bytes
    classes: tuple[str, ...]
    subnet: Subnet4 | None
    siblings: tuple[Subnet4, ...]
    requested: int
    server_id: bytes | None
    asked_lifetime: int | None
    trace: Trace
    identity: bytes
    """Who asks, for telling whether two messages come from one client."""

    @property
    def manner(self) -> Manner:
        """The client's state, for a DHCPREQUEST (RFC 2131 4.3.2, table 4)."""
        if self.server_id is not None:
            return Manner.SELECTING
        if 50 in self.packet.options:
            return Manner.INIT_REBOOT
        return Manner.REBINDING if self.packet.arrival.broadcast else Manner.RENEWING

    def wants(self) -> Iterable[Key]:
        """The leases worth loading before planning: the client's own, and the one it asks for."""
        if self.client_id:
            yield ("client-id", self.client_id)
        if self.hwaddr:
            yield ("hw-address", self.hwaddr)
        for address in (self.requested, self.packet.ciaddr):
            if address:
                yield ("address", address)

    def __str__(self) -> str:
        """The client as Kea's log names it."""
        packet = self.packet
        client = self.client_id.hex(":") if self.client_id else "no info"
        return f"[hwtype={packet.htype} {self.hwaddr.hex(':')}], cid=[{client}], tid={packet.xid:#x}"


def open4(
    packet: Packet4,
    network: Network,
    consult: Consult | None = None,
    trace: Trace = NO_TRACE,
    own_addresses: frozenset[int] = frozenset(),
) -> Query4 | Dropped:
    """What a message asks, or why nobody answers it.

    `own_addresses` are the server's other addresses: a server identifier naming one of them is ours too.
    """
    kind = packet.type
    options = packet.options
    if kind not in SERVED:
        return Dropped("rfc-violation", _not_served(kind))
    client_id = options.get(61)
    server_id = options.get(54)
    if client_id is not None and not CLIENT_ID_MIN <= len(client_id) <= CLIENT_ID_MAX:
        return Dropped("parse-failed", f"a client identifier (61) has 2 to 128 octets, not {len(client_id)}")
    if server_id is not None and not _is_ours(packet, server_id, network, own_addresses):
        return Dropped("not-for-us", "it contains a foreign server identifier")
    hwaddr = packet.chaddr
    if not hwaddr and not client_id:
        return Dropped("rfc-violation", "neither a hardware address nor a client identifier")
    flaw = _flaw(options)
    if flaw is not None:
        return Dropped("parse-failed", flaw)
    if kind == DISCOVER and server_id is not None:
        return Dropped("rfc-violation", "a DHCPDISCOVER must not name a server (54)")
    if kind == INFORM and not packet.giaddr and not packet.ciaddr and not packet.arrival.source:
        return Dropped("rfc-violation", "a DHCPINFORM without ciaddr and source address cannot be answered")

    classes = classify(packet, network.classifier, trace)
    if DROP in classes:
        return Dropped("receive-drop", "it is in class DROP")
    subnet = None
    siblings: tuple[Subnet4, ...] = ()
    if kind in NEEDS_SUBNET:
        subnet = select_subnet4(packet, network, classes, trace)
        if consult is not None:
            point = Subnet4Select(packet, subnet)
            step = consult(point)
            if step is NextStep.DROP:
                return Dropped("admin-filtered", "a callout of subnet4_select dropped it")
            subnet = None if step is NextStep.SKIP else point.subnet
        if subnet is not None:
            siblings = network.siblings(subnet)
            if siblings[0] is not subnet:
                siblings = (subnet, *(s for s in siblings if s is not subnet))
    return Query4(
        packet,
        network,
        kind,
        client_id or b"",
        hwaddr,
        classes,
        subnet,
        siblings,
        int.from_bytes(options[50][:4], "big") if 50 in options else 0,
        server_id,
        int.from_bytes(options[51][:4], "big") if 51 in options else None,
        trace,
        client_id or hwaddr,
    )


def _flaw(options: Mapping[int, bytes]) -> str | None:
    """What is wrong with an option that the engine reads; None where nothing is."""
    if 50 in options and len(options[50]) < 4:
        return f"a requested address (50) has 4 octets, not {len(options[50])}"
    if 51 in options and len(options[51]) < 4:
        return f"a lease time (51) has 4 octets, not {len(options[51])}"
    if options.get(55) == b"":
        return "the parameter request list (55) is empty"
    return fqdn_flaw(options[81]) if 81 in options else None


def _is_ours(packet: Packet4, server_id: bytes, network: Network, own_addresses: frozenset[int]) -> bool:
    """Whether a server identifier names this server: where it came to, what is configured, what the relay said."""
    address = int.from_bytes(server_id, "big") if len(server_id) == 4 else -1
    if address == packet.arrival.local or address in own_addresses or address in network.server_identifiers:
        return True
    if network.ignore_dhcp_server_identifier:
        return True
    relay = packet.options.get(82)
    return relay is not None and suboption(relay, 11) == server_id  # RFC 5107: server identifier override


def _not_served(kind: int) -> str:
    if kind == 0:
        return "Option 53 missing (no DHCP message type), is this a BOOTP packet?"
    try:
        return f"unsupported DHCPv4 message type {kind} ({MessageType(kind).name})"
    except ValueError:
        return f"unrecognized type {kind} in option 53"
