"""What clients give back: RELEASE and DECLINE (RFC 8415 18.3.7, 18.3.8). Pure; leases and time are arguments.

Only the holder may: the lease must be in use, of this client and of this identity association. This module does not
know packets' bytes, sockets or stores.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

import attrs

from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6, Decision6, Reply6, silent6
from dhcpkit.alloc.lease import INFINITE, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.name_change import forgotten
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.points6 import Lease6Decline, Lease6Release
from dhcpkit.alloc.query6 import Asked6, Query6
from dhcpkit.alloc.view6 import Change6, LeaseView6
from dhcpkit.wire.identity6 import StatusCode, StatusCode6

__all__ = ["decline6", "release6"]

SUCCESS, UNSPEC_FAIL, NO_BINDING = (
    int(code) for code in (StatusCode.SUCCESS, StatusCode.UNSPEC_FAIL, StatusCode.NO_BINDING)
)
VETO: Final = (NextStep.SKIP, NextStep.DROP)


@attrs.define
class _Counter:
    """What was given back so far; an address that a message names twice counts once."""

    query: Query6
    leases: LeaseView6
    changes: dict[int, Change6] = attrs.field(factory=dict)

    def find(self, asked: Asked6, address: int) -> Lease6 | str:
        """The client's lease, or why it is none."""
        lease = None if address in self.changes else self.leases.by_address(address)
        if lease is None or lease.type != asked.type or lease.state != LeaseState.DEFAULT:
            return "it is not leased"
        if lease.duid != self.query.duid:
            return "it is another client's"
        if lease.iaid != asked.iaid:
            return "it is of another identity association of this client"
        return lease

    def note(self, step: str, address: int, verdict: str, because: str) -> None:
        """One step, for whoever asks why."""
        if self.query.trace:
            self.query.trace.note(step, IPv6Address(address), verdict, because)


def release6(query: Query6, leases: LeaseView6, consult: Consult | None, reply: Reply6) -> Decision6:
    """RFC 8415 18.3.7. Released leases are kept for their client where the network says so (Kea's lease affinity)."""
    counter = _Counter(query, leases)
    answered = []
    summary = StatusCode6(SUCCESS, "released")
    for asked in query.asked:
        status = _release(counter, asked, consult)
        answered.append(Answered6(asked.type, asked.iaid, status=status))
        if status.code != SUCCESS:
            summary = status
    reply.answered, reply.status = tuple(answered), summary
    reply.options = False  # RFC 8415 18.3.7: the answer has identifiers, associations and statuses
    unit = tuple(counter.changes.values())
    gone = (change.before for change in unit if change.after is None)  # DNS hears of others when they are reclaimed
    names = tuple(name for lease in gone for name in forgotten(lease, query.network))
    return Decision6(query, (Event.RELEASE,) * len(unit), unit, (), reply, summary.message, names=names)


def _release(counter: _Counter, asked: Asked6, consult: Consult | None) -> StatusCode6:
    query = counter.query
    status = StatusCode6(NO_BINDING, "the identity association names nothing to release")
    done = False
    for hint in asked.hints:
        lease = counter.find(asked, hint.address)
        if isinstance(lease, str):
            counter.note("release", hint.address, "refused", lease)
            status = status if done else StatusCode6(NO_BINDING, f"{IPv6Address(hint.address)}: {lease}")
            continue
        if consult is not None and consult(Lease6Release(query.packet, lease)) in VETO:
            counter.note("release", hint.address, "refused", "a callout of lease6_release keeps the lease")
            status = status if done else StatusCode6(UNSPEC_FAIL, "the server keeps the lease")
            continue
        after = None
        if query.network.keep_released and lease.valid_lifetime != INFINITE:
            after = lease._replace(valid_lifetime=0, preferred_lifetime=0, state=LeaseState.RELEASED.value)
        counter.changes[lease.address] = Change6(lease, after)
        counter.note("release", hint.address, "released", "kept for its client" if after is not None else "removed")
        status, done = StatusCode6(SUCCESS, "released"), True
    return status


def decline6(query: Query6, leases: LeaseView6, now: int, consult: Consult | None, reply: Reply6) -> Decision6:
    """RFC 8415 18.3.8. Addresses rest for the probation period without an owner; prefixes cannot be declined."""
    counter = _Counter(query, leases)
    answered = []
    for asked in query.asked:
        if asked.type != LeaseType.IA_NA:
            continue
        status = _decline(counter, asked, now, consult)
        if status is None:
            return silent6(query, "a callout of lease6_decline wants no answer")
        answered.append(Answered6(asked.type, asked.iaid, status=status))
    reply.answered = tuple(answered)
    reply.options = False
    unit = tuple(counter.changes.values())
    names = tuple(name for change in unit for name in forgotten(change.before, query.network))
    because = "declined" if unit else "nothing declined"
    return Decision6(query, (Event.DECLINE,) * len(unit), unit, (), reply, because, names=names)


def _decline(counter: _Counter, asked: Asked6, now: int, consult: Consult | None) -> StatusCode6 | None:
    query = counter.query
    status = StatusCode6(NO_BINDING, "the identity association names nothing to decline")
    done = False
    for hint in asked.hints:
        lease = counter.find(asked, hint.address)
        if not isinstance(lease, str) and lease.expired(now):
            lease = "its lease is over"
        if isinstance(lease, str):
            counter.note("decline", hint.address, "refused", lease)
            status = status if done else StatusCode6(NO_BINDING, f"{IPv6Address(hint.address)}: {lease}")
            continue
        step = consult(Lease6Decline(query.packet, lease)) if consult is not None else None
        if step is NextStep.DROP:
            return None
        if step is not NextStep.SKIP:
            resting = lease._replace(
                duid=b"",
                valid_lifetime=query.network.decline_probation_period,
                preferred_lifetime=0,
                cltt=now,
                fqdn_fwd=False,
                fqdn_rev=False,
                hostname="",
                hwaddr=b"",
                hwtype=0,
                hwaddr_source=0,
                state=LeaseState.DECLINED.value,
            )
            counter.changes[lease.address] = Change6(lease, resting)
            counter.note("decline", hint.address, "on probation", "its holder found it in use")
        status, done = StatusCode6(SUCCESS, "declined"), True
    return status
