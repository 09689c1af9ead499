"""What is counted and told about exchanges: tallied here, and added to the statistics when somebody looks.

How a family's packets are named is in its `Words`, what its leases are worth telling in its `Settling`. Messages cost
nothing unless somebody wants them; those a client could cause without end are limited. This module decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from dhcpkit.alloc.query import Dropped
from dhcpkit.hooks.catalogue import Message
from dhcpkit.server import messages as m
from dhcpkit.server.counted import Names
from dhcpkit.server.log import RateLimit
from dhcpkit.server.statistics import Statistics
from dhcpkit.wire.errors import WireError

__all__ = ["Account", "Settling", "Words", "count_failure"]


class Settling(Protocol):
    """Counts and tells what became of messages once that is final."""

    def settle(self, outcomes: Sequence[Any], /) -> None:
        """Decisions are final: what they changed is committed."""
        ...

    def close(self) -> None:
        """Adds everything counted so far to the statistics, but for what is in the account's own tally."""
        ...


@attrs.frozen(eq=False)
class Words:
    """How a family's log names what is in a message: an address, the client, a message type, an answer's destination.

    `drops` are the messages about what is not answered, by the tail of the statistic; `unreadable` tells of the rest.
    """

    names: Names
    address: Callable[[int], object]
    client: Callable[[Any], str]
    type_name: Callable[[int], str]
    destination: Callable[[Any], str]
    recipient: Callable[[Any], str]
    drops: Mapping[str, Message]
    unreadable: Message
    duplicate: Message
    settling: Callable[[Account], Settling]


class Account:
    """The tally of what was not looked at yet, and the server's voice."""

    def __init__(self, words: Words, statistics: Statistics) -> None:
        self.words = words
        self.statistics = statistics
        self.tally: defaultdict[str, int] = defaultdict(int)
        self.released: Callable[[Iterable[int]], None] = _forget
        """Told of addresses that clients gave back and that are kept for them."""
        family, prefix = words.names.family, words.names.prefix
        self._received, self._sent = words.names.received, words.names.sent
        self._count_received, self._count_sent = f"{prefix}-received", f"{prefix}-sent"
        self._unknown, self._drop = f"{prefix}-unknown-received", f"{prefix}-receive-drop"
        self._prefix = prefix
        self._tell_received, self._tell_sent = m.DHCP_PACKET_RECEIVED.of(family), m.DHCP_PACKET_SEND.of(family)
        self._faults = RateLimit(m.DHCP_PACKET_PROCESS_EXCEPTION.of(family))
        self._unsent = RateLimit(m.DHCP_PACKET_SEND_FAIL.of(family))
        self._settling = words.settling(self)
        self.settled = self._settling.settle
        statistics.gathers(self.close)

    def close(self) -> None:
        """Adds everything counted so far to the statistics."""
        self._settling.close()
        if self.tally:
            self.statistics.add(self.tally)
            self.tally.clear()

    def received(self, count: int, packets: Sequence[Any]) -> None:
        """Datagrams arrived, and these packets are what could be read of them."""
        tally, names, unknown = self.tally, self._received, self._unknown
        tally[self._count_received] += count
        for packet in packets:
            tally[names.get(packet.type, unknown)] += 1

    def unreadable(self, arrival: Any, error: WireError) -> None:
        """A datagram was no message."""
        self.lost("parse-failed")
        message = self.words.unreadable
        if message.on:
            message.log(source=self.words.address(arrival.source), interface=arrival.interface, reason=error)

    def disabled(self, count: int) -> None:
        """Messages came while the service is off."""
        self.lost("service-disabled", count)

    def dropped(self, packet: Any, dropped: Dropped) -> None:
        """A message is not answered, whoever sent it."""
        self.lost(dropped.reason)
        words = self.words
        message = words.drops.get(dropped.reason, words.unreadable)
        if message.on:
            arrival = packet.arrival
            source, client = words.address(arrival.source), words.client(packet)
            message.log(client=client, source=source, interface=arrival.interface, reason=dropped.because)

    def opened(self, packets: Iterable[Any]) -> None:
        """Messages were understood and are about to be decided."""
        message, words = self._tell_received, self.words
        if message.on:
            for packet in packets:
                arrival = packet.arrival
                message.log(
                    client=words.client(packet),
                    type=words.type_name(packet.type),
                    source=words.address(arrival.source),
                    interface=arrival.interface,
                )

    def held_back(self, packet: Any, *, again: bool, replaces: bool) -> None:
        """A client's earlier exchange is in progress: a repetition is dropped, something newer waits for it."""
        if again or replaces:
            self.lost("duplicate")
        message = self.words.duplicate
        if message.on:
            kept = "kept for later in place of the one before" if replaces else "kept for later"
            message.log(client=self.words.client(packet), verdict="dropped" if again else kept)

    def fault(self, packet: Any, error: Exception) -> None:
        """The server failed at a message: its own fault."""
        self.lost("processing-failed")
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f" ({where.tb_frame.f_code.co_filename}:{where.tb_lineno})" if where is not None else ""
        self._faults.log(client=self.words.client(packet), reason=f"{type(error).__name__}: {error}{place}")

    def broken(self, arrival: Any, error: Exception) -> None:
        """The server failed at a datagram before it was a message."""
        self.lost("processing-failed")
        source = f"[{self.words.address(arrival.source)}]"
        self._faults.log(client=source, reason=f"{type(error).__name__}: {error}")

    def sent(self, answers: Sequence[tuple[Any, Any]]) -> None:
        """Answers left."""
        tally, names = self.tally, self._sent
        tally[self._count_sent] += len(answers)
        for outgoing, _ in answers:
            tally[names[outgoing.type]] += 1
        message, words = self._tell_sent, self.words
        if message.on:
            for outgoing, arrival in answers:
                message.log(
                    client=words.recipient(outgoing),
                    type=words.type_name(outgoing.type),
                    destination=words.destination(outgoing),
                    interface=arrival.interface,
                )

    def unsent(self, arrival: Any, outgoing: Any, error: OSError) -> None:
        """An answer could not leave."""
        where = self.words.destination(outgoing)
        self._unsent.log(client=where, interface=arrival.interface, reason=error.strerror or error)

    def lost(self, reason: str, count: int = 1) -> None:
        """Messages are not answered; `reason` is the tail of a statistic, empty where only the drop is counted."""
        if reason:
            self.tally[f"{self._prefix}-{reason}"] += count
        self.tally[self._drop] += count


def _forget(_addresses: Iterable[int]) -> None:
    pass


def count_failure(account: Account, subnet: Any, *, no_pools: bool) -> None:
    """Kea's counters of a client that got nothing of a subnet."""
    # Kea's plain counter is of tries that found nothing free; where no pool is open, nothing was tried.
    kinds = ("-no-pools" if no_pools else "", "-shared-network" if subnet.shared_network else "-subnet", "-classes")
    fail = account.words.names.fail
    for kind in kinds:
        account.tally[fail + kind] += 1
        account.tally[f"subnet[{subnet.id}].{fail}{kind}"] += 1
