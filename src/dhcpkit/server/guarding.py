"""The limits of a configuration's `protection` where the loop meets them: who is not served, and who is told of it.

What a limit means is `alloc.guards`'s business; here is what becomes of a message, a decision and an answer that go
beyond one. This module does not know sockets, and is asked only where a limit is configured or an answer is long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from dhcpkit.alloc.guards import Guard, Protection
from dhcpkit.alloc.query import Dropped
from dhcpkit.server import messages as m
from dhcpkit.server.account import Account
from dhcpkit.server.family import Decision, Family, Outcome, Packet
from dhcpkit.server.log import RateLimit

__all__ = ["Guarding"]

LONG: Final = 1 << 16  # octets: no datagram is longer

M = TypeVar("M", Decision, Outcome)


class Guarding:
    """One server's guard, with its voice."""

    def __init__(self, family: Family[Any], account: Account) -> None:
        self.guard = Guard(family.sight)
        self._sight = family.sight
        self._words = family.words
        self._account = account
        number = family.number
        self._reached = RateLimit(m.DHCP_LIMIT_REACHED.of(number))
        self._cloned = RateLimit(m.DHCP_CLONED_CLIENT.of(number))
        self._long = RateLimit(m.DHCP_ANSWER_TOO_LONG.of(number))

    def screened(self, packets: Sequence[Packet], network: Any, now: int) -> Sequence[Packet]:
        """The messages that may be served; clients in several places at once are told of."""
        protection = network.protection
        if protection.only_known_relays:
            packets = [packet for packet in packets if self._is_known(packet, network)]
        if protection.clone_alternations:
            for packet in packets:
                if self.guard.clones(packet, protection, now):
                    self._account.tally["dhcpkit-cloned-clients"] += 1
                    self._tell(self._cloned, packet, count=protection.clone_alternations)
        return packets

    def held(self, packet: Packet, made: M, find: Callable[[int], Any], network: Any, now: int) -> M:
        """A decision, or its outcome, as far as the limits allow it."""
        because = self.guard.refusal(packet, made, find, network, now)
        if not because:
            return made
        self._tell(self._reached, packet, reason=because)
        refused: M = self._sight.refused(made, because)
        return refused

    def undo(self, decided: Sequence[Decision | Outcome]) -> None:
        """What was decided did not come about."""
        for each in decided:
            self.guard.undo(each.unit)

    def ample(self, protection: Protection) -> int:
        """Octets of an answer that any message may have."""
        sight = self._sight
        return protection.amplification * sight.smallest - sight.headers if protection.amplification else LONG

    def without_long(self, outcomes: Sequence[Outcome], network: Any) -> list[tuple[Any, Any]]:
        """The answers with their arrivals, but for those that would flood somebody who did not ask."""
        answers = []
        for outcome in outcomes:
            if outcome.sent is not None:
                if self._floods(outcome, network):
                    self._account.tally["dhcpkit-amplifications"] += 1
                    sent, words = outcome.sent, self._words
                    asked, destination = len(outcome.packet.data), words.destination(sent)
                    self._tell(self._long, outcome.packet, size=len(sent.data), destination=destination, asked=asked)
                else:
                    answers.append((outcome.sent, outcome.packet.arrival))
        return answers

    def _floods(self, outcome: Any, network: Any) -> bool:
        protection, headers = network.protection, self._sight.headers
        asked, answered = len(outcome.packet.data) + headers, len(outcome.sent.data) + headers
        if answered <= protection.amplification * asked:
            return False
        aim = self._sight.aimed(outcome)
        return bool(aim) and aim not in protection.relays and not network.by_relay(aim)

    def _is_known(self, packet: Packet, network: Any) -> bool:
        relay = self._sight.answered(packet)
        if not relay or relay in network.protection.relays or network.by_relay(relay):
            return True
        because = f"its relay agent {self._words.address(relay)} is not known (only-known-relays)"
        self._account.dropped(packet, Dropped("admin-filtered", because))
        return False

    def _tell(self, message: RateLimit, packet: Packet, **values: object) -> None:
        message.log(client=self._words.client(packet), interface=packet.arrival.interface, **values)
