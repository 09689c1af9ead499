"""What is counted and told about exchanges: tallied here, and added to the statistics when somebody looks.

Messages cost nothing unless somebody wants them; those a client could cause without end are limited. This module
decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from typing import Final

from dhcpkit.alloc.answer import Outcome4, Outgoing4
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.query import Dropped
from dhcpkit.server import messages as m
from dhcpkit.server.log import RateLimit
from dhcpkit.server.statistics import RECEIVED, RECEIVED_UNKNOWN, SENT, LeaseTally, Statistics
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4
from dhcpkit.wire.errors import WireError

__all__ = ["Account"]

DROP_MESSAGES: Final = {
    "not-for-us": m.DHCP4_PACKET_DROP_0003,
    "rfc-violation": m.DHCP4_PACKET_DROP_0004,
    "admin-filtered": m.DHCP4_PACKET_DROP_0010,
}
EVENT_MESSAGES: Final = {
    Event.OFFER: m.DHCP4_LEASE_OFFER,
    Event.ALLOC: m.DHCP4_LEASE_ALLOC,
    Event.RENEW: m.DHCP4_LEASE_ALLOC,
    Event.REUSE: m.DHCP4_LEASE_REUSE,
    Event.RELEASE: m.DHCP4_RELEASE,
    Event.DECLINE: m.DHCP4_DECLINE_LEASE,
    Event.NAK: m.DHCP4_PACKET_NAK,
    Event.INFORM: m.DHCP4_INFORM_ANSWERED,
    Event.SILENT: m.DHCP4_NO_ANSWER,
    Event.FULL: m.DHCP4_NO_ANSWER,
    Event.NO_POOL: m.DHCP4_NO_ANSWER,
}
ALLOC, REUSE = Event.ALLOC, Event.REUSE  # looked up once: an enum's attribute costs a call
UNUSUAL: Final = frozenset((Event.REUSE, Event.FULL, Event.NO_POOL))
ALLOC_FAIL: Final = "v4-allocation-fail"


class Account:
    """The tally of what was not looked at yet, and the server's voice."""

    def __init__(self, statistics: Statistics) -> None:
        self.statistics = statistics
        statistics.gathers(self.close)
        self.tally: defaultdict[str, int] = defaultdict(int)
        self.reused: defaultdict[int, int] = defaultdict(int)  # leases repeated as they were, by subnet
        self._leases = LeaseTally()
        self._faults = RateLimit(m.DHCP4_PACKET_PROCESS_EXCEPTION)
        self._unsent = RateLimit(m.DHCP4_PACKET_SEND_FAIL)
        self._full = RateLimit(m.ALLOC_ENGINE_V4_ALLOC_FAIL_SUBNET)
        self._refused = RateLimit(m.DHCP4_PACKET_NAK)
        self._told: frozenset[Event] = frozenset()  # of which events somebody wants to hear
        self._look_again = 0.0

    def close(self) -> None:
        """Adds everything counted so far to the statistics."""
        for subnet_id, count in self.reused.items():
            self.tally["v4-lease-reuses"] += count
            self.tally[f"subnet[{subnet_id}].v4-lease-reuses"] += count
        self.reused.clear()
        if self.tally:
            self.statistics.add(self.tally)
            self.tally.clear()
        self.statistics.add_leases(self._leases)

    def received(self, count: int, packets: Sequence[Packet4]) -> None:
        """Datagrams arrived, and these packets are what could be read of them."""
        tally = self.tally
        tally["pkt4-received"] += count
        for packet in packets:
            tally[RECEIVED.get(packet.type, RECEIVED_UNKNOWN)] += 1

    def unreadable(self, arrival: Arrival, error: WireError) -> None:
        """A datagram was no message."""
        self._lost("parse-failed")
        if m.DHCP4_PACKET_DROP_0001.on:
            source = IPv4Address(arrival.source)
            m.DHCP4_PACKET_DROP_0001.log(source=source, interface=arrival.interface, reason=error)

    def disabled(self, count: int) -> None:
        """Messages came while the service is off."""
        self._lost("service-disabled", count)

    def dropped(self, packet: Packet4, dropped: Dropped) -> None:
        """A message is not answered, whoever sent it."""
        self._lost(dropped.reason)
        message = DROP_MESSAGES.get(dropped.reason, m.DHCP4_PACKET_DROP_0001)
        if message.on:
            arrival = packet.arrival
            message.log(
                client=_client_text(packet),
                source=IPv4Address(arrival.source),
                interface=arrival.interface,
                reason=dropped.because,
            )

    def opened(self, packets: Iterable[Packet4]) -> None:
        """Messages were understood and are about to be decided."""
        if m.DHCP4_PACKET_RECEIVED.on:
            for packet in packets:
                arrival = packet.arrival
                m.DHCP4_PACKET_RECEIVED.log(
                    client=_client_text(packet),
                    type=f"DHCP{MessageType(packet.type).name}",
                    source=IPv4Address(arrival.source),
                    interface=arrival.interface,
                )

    def held_back(self, packet: Packet4, *, again: bool, replaces: bool) -> None:
        """A client's earlier exchange is in progress: a repetition is dropped, something newer waits for it."""
        if again or replaces:
            self._lost("duplicate")
        if m.DHCP4_PACKET_DROP_0011.on:
            kept = "kept for later in place of the one before" if replaces else "kept for later"
            m.DHCP4_PACKET_DROP_0011.log(client=_client_text(packet), verdict="dropped" if again else kept)

    def fault(self, packet: Packet4, error: Exception) -> None:
        """The server failed at a message: its own fault."""
        self._lost("processing-failed")
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f" ({where.tb_frame.f_code.co_filename}:{where.tb_lineno})" if where is not None else ""
        self._faults.log(client=_client_text(packet), reason=f"{type(error).__name__}: {error}{place}")

    def sent(self, answers: Sequence[tuple[Outgoing4, Arrival]]) -> None:
        """Answers left."""
        tally = self.tally
        tally["pkt4-sent"] += len(answers)
        for outgoing, _ in answers:
            tally[SENT[outgoing.type]] += 1
        if m.DHCP4_PACKET_SEND.on:
            for outgoing, arrival in answers:
                m.DHCP4_PACKET_SEND.log(
                    client=outgoing.hwaddr.hex(":") or "relayed client",
                    type=f"DHCP{MessageType(outgoing.type).name}",
                    destination=f"{IPv4Address(outgoing.address)}:{outgoing.port}",
                    interface=arrival.interface,
                )

    def unsent(self, arrival: Arrival, outgoing: Outgoing4, error: OSError) -> None:
        """An answer could not leave."""
        where = f"{IPv4Address(outgoing.address)}:{outgoing.port}"
        self._unsent.log(client=where, interface=arrival.interface, reason=error.strerror or error)

    def settled(self, outcomes: Sequence[Outcome4]) -> None:
        """Decisions are final: what they changed is committed."""
        leases = self._leases
        told = {event for event in {outcome.event for outcome in outcomes} if EVENT_MESSAGES[event].on}
        for outcome in outcomes:
            event = outcome.event
            unit = outcome.unit
            if unit:
                fresh = event is ALLOC
                for before, after in unit:
                    if fresh and before is None and after is not None:
                        leases.fresh[after.subnet_id, after.pool_id] += 1
                    else:
                        leases.changed(before, after, fresh=fresh)
            elif event in UNUSUAL:
                self._unusual(outcome)
            if event in told:
                self._tell(outcome, EVENT_MESSAGES[event])

    def _unusual(self, outcome: Outcome4) -> None:
        if outcome.event is REUSE:
            self._reused(outcome)
        else:
            self._failed(outcome)

    def _tell(self, outcome: Outcome4, message: m.Message) -> None:
        lease = outcome.lease
        told: RateLimit | m.Message = self._refused if message is m.DHCP4_PACKET_NAK else message
        told.log(
            client=_client_text(outcome.packet),
            address=IPv4Address(lease.address) if lease is not None else "",
            lifetime=outcome.lifetime or (lease.valid_lifetime if lease is not None else 0),
            because=outcome.because,
        )

    def _lost(self, reason: str, count: int = 1) -> None:
        self.tally[f"pkt4-{reason}"] += count
        self.tally["pkt4-receive-drop"] += count

    def _reused(self, outcome: Outcome4) -> None:
        assert outcome.lease is not None, "what is used again is a lease"
        self.reused[outcome.lease.subnet_id] += 1

    def _failed(self, outcome: Outcome4) -> None:
        """Kea's counters of a client that got no address, and the message."""
        subnet = outcome.subnet
        assert subnet is not None, "pools are looked at only in a subnet"
        kinds = ["", "-shared-network" if subnet.shared_network else "-subnet", "-classes"]
        if outcome.event is Event.NO_POOL:
            kinds.append("-no-pools")
        for kind in kinds:
            self.tally[ALLOC_FAIL + kind] += 1
            self.tally[f"subnet[{subnet.id}].{ALLOC_FAIL}{kind}"] += 1
        self._full.log(
            client=_client_text(outcome.packet),
            subnet=subnet.prefix,
            id=subnet.id,
            network=subnet.shared_network or "(none)",
            because=outcome.because,
        )


def _client_text(packet: Packet4) -> str:
    """A client as Kea's log names it."""
    client_id = packet.options.get(61)
    shown = client_id.hex(":") if client_id else "no info"
    return f"[hwtype={packet.htype} {packet.chaddr.hex(':')}], cid=[{shown}], tid={packet.xid:#x}"
