"""How DHCPv4 is told and counted: a client as Kea's log names it, and what became of leases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Final

from dhcpkit.alloc.answer import Outcome4, Outgoing4
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.query import Dropped
from dhcpkit.hooks.catalogue import Message
from dhcpkit.server import messages as m
from dhcpkit.server.account import Account, Words, count_failure
from dhcpkit.server.counted import NAMES4
from dhcpkit.server.log import RateLimit
from dhcpkit.server.statistics import LeaseTally
from dhcpkit.wire.dhcp4 import MessageType, Packet4

__all__ = ["WORDS4", "Settling4"]

EVENT_MESSAGES: Final = {
    Event.OFFER: m.DHCP4_LEASE_OFFER,
    Event.ALLOC: m.DHCP4_LEASE_ALLOC,
    Event.RENEW: m.DHCP4_LEASE_ALLOC,
    Event.REUSE: m.DHCP4_LEASE_REUSE,
    Event.RELEASE: m.DHCP4_RELEASE,
    Event.DECLINE: m.DHCP4_DECLINE_LEASE,
    Event.NAK: m.DHCP4_PACKET_NAK,
    Event.INFORM: m.DHCP4_INFORM_ANSWERED,
    Event.SILENT: m.DHCP_NO_ANSWER.v4,
    Event.FULL: m.DHCP_NO_ANSWER.v4,
    Event.NO_POOL: m.DHCP_NO_ANSWER.v4,
}
RENEW, REUSE = Event.RENEW, Event.REUSE  # looked up once: an enum's attribute costs a call
RELEASED: Final = LeaseState.RELEASED.value
UNUSUAL: Final = frozenset((Event.REUSE, Event.FULL, Event.NO_POOL))


class Settling4:
    """As Settling."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._leases = LeaseTally()
        self._reused: defaultdict[int, int] = defaultdict(int)  # leases repeated as they were, by subnet
        self._full = RateLimit(m.ALLOC_ENGINE_ALLOC_FAIL_SUBNET.v4)
        self._refused = RateLimit(m.DHCP4_PACKET_NAK)

    def close(self) -> None:
        """As Settling."""
        account = self._account
        for subnet_id, count in self._reused.items():
            account.tally["v4-lease-reuses"] += count
            account.tally[f"subnet[{subnet_id}].v4-lease-reuses"] += count
        self._reused.clear()
        account.statistics.add_leases(self._leases)

    def settle(self, outcomes: Sequence[Outcome4]) -> None:
        """As Settling."""
        leases = self._leases
        told = {event for event in {outcome.event for outcome in outcomes} if EVENT_MESSAGES[event].on}
        for outcome in outcomes:
            event = outcome.event
            unit = outcome.unit
            if unit:
                for before, after in unit:
                    if before is None and after is not None and not after.state:
                        leases.fresh[after.subnet_id, after.pool_id] += 1
                    elif event is RENEW:
                        leases.changed(before, after)
                    else:
                        self._changed(before, after)
            else:
                if event in UNUSUAL:
                    self._unusual(outcome)
                if outcome.conflict:
                    self._conflict(outcome.conflict)
            if outcome.reason:
                self._account.dropped(outcome.packet, Dropped(outcome.reason, outcome.because))
                continue
            if event in told:
                self._tell(outcome, EVENT_MESSAGES[event])

    def _changed(self, before: Lease4 | None, after: Lease4 | None) -> None:
        """Whatever else became of a lease; an address may be newly assigned although an old lease still stood there."""
        fresh = after is not None and not after.state and (before is None or before.expired(after.cltt))
        self._leases.changed(before, after, fresh=fresh)
        if after is not None and after.state == RELEASED:
            self._account.released((after.address,))

    def _conflict(self, subnet_id: int) -> None:
        """An address reserved for a client is held by another."""
        tally = self._account.tally
        tally["v4-reservation-conflicts"] += 1
        tally[f"subnet[{subnet_id}].v4-reservation-conflicts"] += 1

    def _unusual(self, outcome: Outcome4) -> None:
        if outcome.event is REUSE:
            assert outcome.lease is not None, "what is used again is a lease"
            self._reused[outcome.lease.subnet_id] += 1
            return
        subnet = outcome.subnet
        assert subnet is not None, "pools are looked at only in a subnet"
        count_failure(self._account, subnet, no_pools=outcome.event is Event.NO_POOL)
        self._full.log(
            client=_client_text(outcome.packet),
            subnet=subnet.prefix,
            id=subnet.id,
            network=subnet.shared_network or "(none)",
            because=outcome.because,
        )

    def _tell(self, outcome: Outcome4, message: Message) -> None:
        lease = outcome.lease
        told: RateLimit | Message = self._refused if message is m.DHCP4_PACKET_NAK else message
        told.log(
            client=_client_text(outcome.packet),
            address=IPv4Address(lease.address) if lease is not None else "",
            lifetime=outcome.lifetime or (lease.valid_lifetime if lease is not None else 0),
            because=outcome.because,
        )


def _client_text(packet: Packet4) -> str:
    """A client as Kea's log names it."""
    client_id = packet.options.get(61)
    shown = client_id.hex(":") if client_id else "no info"
    return f"[hwtype={packet.htype} {packet.chaddr.hex(':')}], cid=[{shown}], tid={packet.xid:#x}"


def _type_name(kind: int) -> str:
    return f"DHCP{MessageType(kind).name}"


def _destination(outgoing: Outgoing4) -> str:
    return f"{IPv4Address(outgoing.address)}:{outgoing.port}"


def _recipient(outgoing: Outgoing4) -> str:
    return outgoing.hwaddr.hex(":") or "relayed client"


WORDS4: Final = Words(
    NAMES4,
    IPv4Address,
    _client_text,
    _type_name,
    _destination,
    _recipient,
    {
        "not-for-us": m.DHCP4_PACKET_DROP_0003,
        "rfc-violation": m.DHCP4_PACKET_DROP_0004,
        "admin-filtered": m.DHCP4_PACKET_DROP_0010,
        "limit-exceeded": m.DHCP_PACKET_DROP_LIMIT.v4,
    },
    m.DHCP4_PACKET_DROP_0001,
    m.DHCP4_PACKET_DROP_0011,
    Settling4,
)
