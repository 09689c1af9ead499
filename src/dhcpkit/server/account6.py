"""How DHCPv6 is told and counted: a client as Kea's log names it, and what became of leases, each by itself.

One message may change many leases. What happened to each is seen by the lease before and after, not by the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final

import attrs

from dhcpkit.alloc.answer6 import Outcome6, Outgoing6
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6, Granted6
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.query import Dropped
from dhcpkit.alloc.view6 import Change6
from dhcpkit.hooks.catalogue import Message
from dhcpkit.server import messages as m
from dhcpkit.server.account import Account, Words, count_failure
from dhcpkit.server.counted import NAMES6, NAS, PDS
from dhcpkit.server.log import RateLimit
from dhcpkit.server.statistics import Tally6
from dhcpkit.wire.dhcp6 import MessageType6, Packet6

__all__ = ["WORDS6", "Settling6", "is_fresh6"]

ADVERTISE: Final = int(MessageType6.ADVERTISE)
DEFAULT: Final = LeaseState.DEFAULT.value
REGISTERED: Final = LeaseState.REGISTERED.value
RELEASED_STATE: Final = LeaseState.RELEASED.value
IA_PD: Final = LeaseType.IA_PD.value


@attrs.frozen
class _Pair:
    """What is told of an address, and of a prefix."""

    address: Message
    prefix: Message

    def of(self, kind: int) -> Message:
        return self.prefix if kind == IA_PD else self.address


OFFERED: Final = _Pair(m.DHCP6_LEASE_ADVERT, m.DHCP6_PD_LEASE_ADVERT)
ALLOCATED: Final = _Pair(m.DHCP6_LEASE_ALLOC, m.DHCP6_PD_LEASE_ALLOC)
RENEWED: Final = _Pair(m.DHCP6_LEASE_RENEW, m.DHCP6_PD_LEASE_RENEW)
REUSED: Final = _Pair(m.DHCP6_LEASE_REUSE, m.DHCP6_PD_LEASE_REUSE)
RELEASED: Final = _Pair(m.DHCP6_RELEASE_NA, m.DHCP6_RELEASE_PD)


def is_fresh6(change: Change6) -> bool:
    """Whether a change gives somebody what nobody held: it is newly assigned, not extended."""
    before, after = change
    return after is not None and after.state == DEFAULT and (before is None or before.expired(after.cltt))


class Settling6:
    """As Settling."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._leases = Tally6()
        self._full = RateLimit(m.ALLOC_ENGINE_ALLOC_FAIL_SUBNET.v6)

    def close(self) -> None:
        """As Settling."""
        self._account.statistics.add_leases(self._leases)

    def settle(self, outcomes: Sequence[Outcome6]) -> None:
        """As Settling."""
        leases = self._leases
        fresh = leases.fresh
        telling = m.DHCP6_LEASE_ALLOC.on
        released: list[int] = []
        for outcome in outcomes:
            for change in outcome.unit:
                before, after = change
                if before is None and after is not None and not after.state:
                    fresh[after.type][after.subnet_id, after.pool_id] += 1
                    continue
                leases.changed(before, after, fresh=is_fresh6(change))
                if after is not None and after.state == RELEASED_STATE:
                    released.append(change.address)
            if outcome.reason:
                self._account.dropped(outcome.packet, Dropped(outcome.reason, outcome.because))
                continue
            for event in outcome.events:
                if event is Event.FULL or event is Event.NO_POOL:
                    self._failed(outcome, no_pools=event is Event.NO_POOL)
            self._granted(outcome, telling=telling)
            if outcome.sent is None and m.DHCP_NO_ANSWER.v6.on:
                m.DHCP_NO_ANSWER.v6.log(client=_client_text(outcome.packet), because=outcome.because)
            elif not outcome.answered and m.DHCP6_ANSWERED.on:
                m.DHCP6_ANSWERED.log(client=_client_text(outcome.packet), because=outcome.because)
        if released:
            self._account.released(released)

    def _granted(self, outcome: Outcome6, *, telling: bool) -> None:
        """What an answer gives to its client, and what the client gave back."""
        offered = outcome.sent is not None and outcome.sent.type == ADVERTISE
        quiet = not telling and not m.DHCP6_NO_LEASE.on
        if offered and quiet:
            return  # an offer changes no counter
        changes = {change.address: change for change in outcome.unit}
        shown = 0
        for answered in outcome.answered:
            for granted in answered.granted:
                if not granted.valid:
                    continue
                shown += 1
                change = changes.get(granted.address)
                if change is None and not offered:
                    self._reused(outcome, answered)
                if telling:
                    pair = OFFERED if offered else REUSED if change is None else _what(change)
                    _tell_granted(outcome.packet, answered, granted, pair)
            if answered.status is not None and answered.status.code and m.DHCP6_NO_LEASE.on:
                because = answered.status.message
                m.DHCP6_NO_LEASE.log(client=_client_text(outcome.packet), iaid=answered.iaid, because=because)
        if telling and shown < len(changes):
            for change in changes.values():
                _tell_change(outcome.packet, change)

    def _reused(self, outcome: Outcome6, answered: Answered6) -> None:
        name = (PDS if answered.type == IA_PD else NAS).reuses
        self._account.tally[name] += 1
        if outcome.subnet is not None:
            self._account.tally[f"subnet[{outcome.subnet.id}].{name}"] += 1

    def _failed(self, outcome: Outcome6, *, no_pools: bool) -> None:
        subnet = outcome.subnet
        if subnet is None:
            return
        count_failure(self._account, subnet, no_pools=no_pools)
        self._full.log(
            client=_client_text(outcome.packet),
            subnet=subnet.prefix,
            id=subnet.id,
            network=subnet.shared_network or "(none)",
            because=outcome.because or next((a.status.message for a in outcome.answered if a.status), ""),
        )


def _what(change: Change6) -> _Pair:
    return ALLOCATED if is_fresh6(change) else RENEWED


def _tell_granted(packet: Packet6, answered: Answered6, granted: Granted6, pair: _Pair) -> None:
    pair.of(answered.type).log(
        client=_client_text(packet),
        address=IPv6Address(granted.address),
        length=granted.prefix_len,
        iaid=answered.iaid,
        lifetime=granted.valid,
    )


def _tell_change(packet: Packet6, change: Change6) -> None:
    """Tells what a change means that gives nothing: released, declined, registered."""
    before, after = change
    lease: Lease6 | None = after if after is not None else before
    assert lease is not None, "a change has a lease before or after it"
    if after is not None and after.state == LeaseState.DECLINED:
        message = m.DHCP6_DECLINE_LEASE
    elif after is not None and after.state == REGISTERED:
        message = m.DHCP6_REGISTERED
    elif after is None or after.state == RELEASED_STATE:
        assert before is not None, "what is given back was there"
        message, lease = RELEASED.of(before.type), before
    else:
        return
    message.log(
        client=_client_text(packet),
        address=IPv6Address(lease.address),
        length=lease.prefix_len,
        iaid=lease.iaid,
        lifetime=lease.valid_lifetime,
    )


def _client_text(packet: Packet6) -> str:
    """A client as Kea's log names it."""
    duid = packet.options.first.get(1)
    return f"duid=[{duid.hex(':') if duid else 'no info'}], tid={packet.xid:#x}"


def _type_name(kind: int) -> str:
    try:
        return MessageType6(kind).name
    except ValueError:
        return f"type {kind}"


def _destination(outgoing: Outgoing6) -> str:
    return f"[{IPv6Address(outgoing.address)}]:{outgoing.port}"


def _recipient(outgoing: Outgoing6) -> str:
    return str(IPv6Address(outgoing.address))


WORDS6: Final = Words(
    NAMES6,
    IPv6Address,
    _client_text,
    _type_name,
    _destination,
    _recipient,
    {
        "": m.DHCP6_UNKNOWN_MSG_RECEIVED,
        "not-for-us": m.DHCP6_PACKET_DROP_SERVERID_MISMATCH,
        "rfc-violation": m.DHCP6_REQUIRED_OPTIONS_CHECK_FAIL,
        "admin-filtered": m.DHCP6_PACKET_DROP_DROP_CLASS,
        "limit-exceeded": m.DHCP_PACKET_DROP_LIMIT.v6,
    },
    m.DHCP6_PACKET_DROP_PARSE_FAIL,
    m.DHCP6_PACKET_DROP_DUPLICATE,
    Settling6,
)
