"""Why a client gets what it gets: one message through the engine with the trace on. Pure; changes nothing.

This module does not know files or terminals: whoever calls prints the notes.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from random import Random
from typing import Any

import attrs

from dhcpkit.alloc.answer import Outgoing4, answer4
from dhcpkit.alloc.engine4 import Decision4, Dropped, open4, plan4
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.trace import Note, Trace
from dhcpkit.alloc.view import LeaseView4
from dhcpkit.wire.dhcp4 import MessageType, Packet4

__all__ = ["Explanation", "explain4"]


@attrs.frozen
class Explanation:
    """What a message leads to, and the notes that say why. `sent` is None for silence."""

    packet: Packet4
    decision: Decision4 | Dropped
    sent: Outgoing4 | None
    notes: tuple[Note, ...]

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        decision = self.decision
        if isinstance(decision, Dropped):
            return f"dropped ({decision.reason}): {decision.because}"
        if self.sent is None:
            changed = "; a lease changes" if decision.unit else ""
            return f"no answer{changed}: {decision.because}"
        kind = MessageType(self.sent.type).name
        reply = decision.reply
        assert reply is not None, "what is sent was decided"
        parts = [f"DHCP{kind}"]
        if reply.yiaddr:
            parts.append(str(IPv4Address(reply.yiaddr)))
        if reply.lifetime is not None:
            parts.append(f"for {reply.lifetime} s")
        parts.append(f"to {IPv4Address(self.sent.address)}:{self.sent.port}")
        return " ".join(parts) + (f": {decision.because}" if decision.because else "")

    def to_json(self) -> dict[str, Any]:
        """The same for programs: verdict, event, address, subnet, options in hexadecimal, notes."""
        decision = self.decision
        result: dict[str, Any] = {"message": str(self.packet), "verdict": self.verdict}
        if isinstance(decision, Dropped):
            result["event"] = "dropped"
        else:
            result["event"] = decision.event.value
            subnet = decision.query.subnet
            result["subnet"] = str(subnet.prefix) if subnet is not None else None
            result["classes"] = list(decision.reply.classes if decision.reply is not None else decision.query.classes)
        if self.sent is not None:
            reply = Packet4.parse(self.sent.data)
            result["reply"] = {
                "type": MessageType(self.sent.type).name,
                "yiaddr": str(IPv4Address(reply.yiaddr)),
                "to": f"{IPv4Address(self.sent.address)}:{self.sent.port}",
                "options": {str(code): payload.hex() for code, payload in reply.options.items()},
            }
        result["notes"] = [attrs.asdict(note) for note in self.notes]
        return result


def explain4(packet: Packet4, network: Network, leases: LeaseView4, now: int, *, seed: int = 0) -> Explanation:
    """One message decided at `now` (seconds) on these leases. `seed` is the chance of allocators that use any."""
    trace = Trace()
    query = open4(packet, network, None, trace)
    if isinstance(query, Dropped):
        trace.note("message", packet, "dropped", query.because)
        return Explanation(packet, query, None, tuple(trace))
    decision = plan4(query, leases, network.hosts, now, Random(seed))
    return Explanation(packet, decision, answer4(decision), tuple(trace))
