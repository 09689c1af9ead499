"""A message opened: is it for us, who asks, on which subnet. Pure: bytes were parsed, nothing is looked up yet.

`open4` holds everything that can be said without leases and reservations; what it refuses is a `Dropped` with the
reason Kea counts it under. This module does not know addresses' owners, stores or sockets.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from random import Random
from typing import Final

import attrs

from dhcpkit.alloc.classify import BOOTP, DROP, classify, once_early
from dhcpkit.alloc.host import Host, HostView
from dhcpkit.alloc.lenient import mend4
from dhcpkit.alloc.names import fqdn_flaw
from dhcpkit.alloc.network import Network, Subnet4
from dhcpkit.alloc.points import Consult, NextStep, Pkt4Receive, Subnet4Select
from dhcpkit.alloc.reserved import global_host
from dhcpkit.alloc.select import select_subnet4, suboption
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.alloc.view import Key
from dhcpkit.wire.dhcp4 import MessageType, Packet4

__all__ = ["Dropped", "Manner", "Query4", "open4", "query_of"]

DISCOVER: Final = MessageType.DISCOVER.value
REQUEST: Final = MessageType.REQUEST.value
DECLINE: Final = MessageType.DECLINE.value
RELEASE: Final = MessageType.RELEASE.value
INFORM: Final = MessageType.INFORM.value
SERVED: Final = frozenset((DISCOVER, REQUEST, DECLINE, RELEASE, INFORM))
NEEDS_SUBNET: Final = frozenset((DISCOVER, REQUEST, INFORM))
SEED_BITS: Final = 64
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

    `siblings` are the subnets of the selected one's shared network, from the selected one on and then around; empty
    without a subnet.
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
    early: Host | None = None
    """The global reservation, where it was looked up before the subnet was selected."""
    seed: int | None = None
    """The chance of this message, drawn when it is first planned: planned again, it comes to the same."""
    start: Subnet4 | None = None
    """The subnet of a shared network that the search for a free address began with when it was first planned."""

    def chance(self, rng: Random) -> Random:
        """The same numbers whenever it is planned; they come from `rng` the first time."""
        if self.seed is None:
            self.seed = rng.getrandbits(SEED_BITS)
        return Random(self.seed)  # a seed that came from the caller's source of chance

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


def open4(  # noqa: PLR0913, PLR0917  # a message's surroundings, each with a default
    packet: Packet4,
    network: Network,
    consult: Consult | None = None,
    trace: Trace = NO_TRACE,
    own_addresses: frozenset[int] = frozenset(),
    hosts: HostView | None = None,
) -> Query4 | Dropped:
    """What a message asks, or why nobody answers it.

    `own_addresses` are the server's other addresses: a server identifier naming one of them is ours too. `hosts` are
    the configuration's unless given; they are asked for a global reservation only, and only where it is wanted before
    a subnet is selected.
    """
    if network.lenient is not None:
        mend4(packet, network.lenient)
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

    # A request of BOOTP, which a library made out of a message without a type, has no option that says so.
    classes = classify(packet, network.classifier, trace, BOOTP if kind == REQUEST and 53 not in options else "")
    if consult is not None:
        point = Pkt4Receive(packet, classes)
        if consult(point) in (NextStep.SKIP, NextStep.DROP):
            return Dropped(point.reason, "a callout of pkt4_receive dropped it")
        packet, classes = point.query, point.classes
    if DROP in classes:
        return Dropped("admin-filtered", "the client is in class DROP")
    return query_of(packet, network, consult, trace, classes, hosts)


def query_of(  # noqa: PLR0913, PLR0917  # what was found out about a message
    packet: Packet4,
    network: Network,
    consult: Consult | None,
    trace: Trace,
    classes: tuple[str, ...],
    hosts: HostView | None = None,
) -> Query4 | Dropped:
    """A message that is for us and well-formed, from when it is first put into classes: on which subnet it is asked."""
    kind, options = packet.type, packet.options
    early = None
    if network.early_global_reservations_lookup:
        early = global_host(network, packet, hosts or network.hosts, consult)
        if early is not None:
            classes = once_early(packet, classes, early, network.classifier, trace)
            if DROP in classes:
                return Dropped("admin-filtered", "the client is in class DROP")
    subnet = None
    if kind in NEEDS_SUBNET:
        subnet = select_subnet4(packet, network, classes, trace)
        if consult is not None:
            point = Subnet4Select(packet, subnet, network.subnets)
            step = consult(point)
            if step is NextStep.DROP:
                return Dropped(point.reason, "a callout of subnet4_select dropped it")
            subnet = None if step is NextStep.SKIP else point.subnet
    client_id, hwaddr = options.get(61, b""), packet.chaddr
    return Query4(
        packet,
        network,
        kind,
        client_id,
        hwaddr,
        classes,
        subnet,
        network.siblings(subnet) if subnet is not None else (),
        int.from_bytes(options[50][:4], "big") if 50 in options else 0,
        options.get(54),
        int.from_bytes(options[51][:4], "big") if 51 in options else None,
        trace,
        client_id or hwaddr,
        early,
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
