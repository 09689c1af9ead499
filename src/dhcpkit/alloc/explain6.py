"""Why a DHCPv6 client gets what it gets: one message through the engine with the trace on. Pure; changes nothing.

This module does not know files or terminals: whoever calls prints the notes.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from random import Random
from typing import Any

import attrs

from dhcpkit.alloc.answer6 import Outgoing6, answer6
from dhcpkit.alloc.decision6 import Answered6, Granted6
from dhcpkit.alloc.engine6 import Decision6, Dropped, open6, plan6
from dhcpkit.alloc.network6 import Network6
from dhcpkit.alloc.trace import Note, Trace
from dhcpkit.alloc.view6 import LeaseView6
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.identity6 import StatusCode, StatusCode6

__all__ = ["Explanation6", "explain6"]


@attrs.frozen
class Explanation6:
    """What a message leads to, and the notes that say why. `sent` is None for silence."""

    packet: Packet6
    decision: Decision6 | Dropped
    sent: Outgoing6 | None
    notes: tuple[Note, ...]

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        decision = self.decision
        if isinstance(decision, Dropped):
            reason = f" ({decision.reason})" if decision.reason else ""
            return f"dropped{reason}: {decision.because}"
        if self.sent is None:
            reason = f"dropped ({decision.reason})" if decision.reason else "no answer"
            return f"{reason}: {decision.because}"
        reply = decision.reply
        assert reply is not None, "what is sent was decided"
        parts = [MessageType6(self.sent.type).name]
        parts += [_told(each) for each in reply.answered]
        if reply.status is not None:
            parts.append(_status(reply.status))
        parts.append(f"to {IPv6Address(self.sent.address)} port {self.sent.port}")
        return ", ".join(parts) + (f": {decision.because}" if decision.because else "")

    def to_json(self) -> dict[str, Any]:
        """The same for programs: verdict, events, subnet, classes, options in hexadecimal, notes."""
        decision = self.decision
        result: dict[str, Any] = {"message": repr(self.packet), "verdict": self.verdict}
        if isinstance(decision, Dropped):
            result["events"] = ["dropped"]
        else:
            reply, query = decision.reply, decision.query
            subnet = reply.subnet if reply is not None else query.subnet
            result["events"] = [event.value for event in decision.events]
            result["subnet"] = str(subnet.prefix) if subnet is not None else None
            result["classes"] = list(reply.classes if reply is not None else query.classes)
        if self.sent is not None:
            answer = Packet6.parse(self.sent.data)
            result["reply"] = {
                "type": MessageType6(self.sent.type).name,
                "to": f"[{IPv6Address(self.sent.address)}]:{self.sent.port}",
                "options": [[code, payload.hex()] for code, payload in answer.options.items()],
            }
        result["notes"] = [attrs.asdict(note) for note in self.notes]
        return result


def _told(answered: Answered6) -> str:
    told = [_granted(each) for each in answered.granted]
    if answered.status is not None:
        told.append(_status(answered.status))
    return f"{answered.type.name} {answered.iaid}: {' and '.join(told) or 'nothing'}"


def _granted(granted: Granted6) -> str:
    text = str(IPv6Address(granted.address))
    if granted.prefix_len < 128:
        text += f"/{granted.prefix_len}"
    return f"{text} for {granted.valid} s" if granted.valid else f"{text} no more"


def _status(status: StatusCode6) -> str:
    try:
        return StatusCode(status.code).name
    except ValueError:
        return f"status {status.code}"


def explain6(packet: Packet6, network: Network6, leases: LeaseView6, now: int, *, seed: int = 0) -> Explanation6:
    """One message decided at `now` (seconds) on these leases. `seed` is the chance of allocators that use any."""
    trace = Trace()
    query = open6(packet, network, None, trace)
    if isinstance(query, Dropped):
        trace.note("message", query.reason or packet.type, "dropped", query.because)
        return Explanation6(packet, query, None, tuple(trace))
    decision = plan6(query, leases, network.hosts, now, Random(seed))
    return Explanation6(packet, decision, answer6(decision), tuple(trace))
