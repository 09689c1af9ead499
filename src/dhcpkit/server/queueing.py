"""Who is served first when more arrives than can be served: renewals, then requests, then clients that look around.

While a batch takes all that has arrived nothing is queued and nothing here costs anything. Once more was waiting, what
came is sorted by what it is and by the relay it came through, and served a batch at a time: within a rank each relay
in its turn, and something of every rank in each batch, so that nobody is starved by forged renewals. What there is no
room for is the oldest message of the least urgent rank, of whoever has most waiting; Kea's queue drops the oldest, too,
and counts it as `queue-full`. A client without a lease asks again; one whose renewal is lost may lose its address.

This module does not know sockets, messages or decisions; how urgent a datagram is, it asks.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import Any, Final

from dhcpkit.server.loop import BATCH_MAX
from dhcpkit.server.ranks import RANKS, Rank

__all__ = ["OCTETS_MAX", "QUEUE_MAX", "Queue"]

QUEUE_MAX: Final = 2048  # datagrams: what a server works off in half a second; older ones have been sent again
OCTETS_MAX: Final = 1 << 22  # of them together: datagrams may have 64 kB each
LOOK_AT: Final = 16  # relays compared when somebody must give way; with more of them all have about as much waiting
KEPT: Final = BATCH_MAX // 8  # of each batch, for each rank that would otherwise get nothing
ROOM: Final = BATCH_MAX  # of each rank that more urgent ones do not push out

Datagram = tuple[bytes, Any]


class Queue:
    """In front of `take`, which serves a batch. `shed` is told how many datagrams were given up.

    While `ready` says no, what came waits; whoever knows that it may go on calls `go_on`. `soon` has something called
    at the loop's next turn.
    """

    def __init__(
        self,
        take: Callable[[Sequence[Datagram]], None],
        rank: Rank,
        shed: Callable[[int], None],
        *,
        ready: Callable[[], bool] = lambda: True,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._take, self._rank, self._shed = take, rank, shed
        self._ready, self._soon = ready, soon
        self._lanes: tuple[OrderedDict[Hashable, deque[Datagram]], ...] = tuple(OrderedDict() for _ in RANKS)
        self._counts = [0] * len(RANKS)
        self._octets = 0
        self._scheduled = False
        self.waiting = 0

    def receive(self, datagrams: Sequence[Datagram]) -> None:
        """Serves what has arrived, or lets it take its turn."""
        if not self.waiting and len(datagrams) <= BATCH_MAX:
            self._take(datagrams)
            return
        rank_of, lanes, counts, given_up = self._rank, self._lanes, self._counts, 0
        for datagram in datagrams:
            rank, sender = rank_of(*datagram)
            lane = lanes[rank]
            if sender in lane:
                lane[sender].append(datagram)
            else:
                lane[sender] = deque((datagram,))
            counts[rank] += 1
            self._octets += len(datagram[0])
            self.waiting += 1
            while self.waiting > QUEUE_MAX or self._octets > OCTETS_MAX:
                self._give_up(sender)
                given_up += 1
        if given_up:
            self._shed(given_up)
        self.go_on()

    def go_on(self) -> None:
        """Serves what waits, a batch at each turn of the loop."""
        if self.waiting and not self._scheduled:
            self._scheduled = True
            soon = self._soon if self._soon is not None else asyncio.get_running_loop().call_soon
            soon(self._turn)

    def forget(self) -> None:
        """Gives up everything that waits: the server ends."""
        if self.waiting:
            self._shed(self.waiting)
        for lane in self._lanes:
            lane.clear()
        self._counts = [0] * len(RANKS)
        self._octets = self.waiting = 0

    def _turn(self) -> None:
        self._scheduled = False
        if self._ready():
            batch = self._next()
            if batch:
                self._take(batch)
            self.go_on()

    def _next(self) -> list[Datagram]:
        """The next batch: the most urgent, but for a little of each other rank."""
        batch: list[Datagram] = []
        for rank in RANKS:
            others = sum(min(KEPT, count) for count in self._counts[rank + 1 :])
            lane = self._lanes[rank]
            while lane and len(batch) < BATCH_MAX - others:
                batch.append(self._pop(rank, next(iter(lane))))
        return batch

    def _pop(self, rank: int, sender: Hashable) -> Datagram:
        """The oldest datagram of a sender, whose next turn is after everybody else's."""
        lane = self._lanes[rank]
        queue = lane[sender]
        datagram = queue.popleft()
        if queue:
            lane.move_to_end(sender)
        else:
            del lane[sender]
        self._counts[rank] -= 1
        self._octets -= len(datagram[0])
        self.waiting -= 1
        return datagram

    def _give_up(self, sender: Hashable) -> None:
        """Drops the oldest of the least urgent rank that has more than its room, of whoever has most waiting there."""
        counts = self._counts
        crowded = next((rank for rank in reversed(RANKS) if counts[rank] > ROOM), None)
        rank = crowded if crowded is not None else next(rank for rank in reversed(RANKS) if counts[rank])
        lane = self._lanes[rank]
        if len(lane) == 1:
            self._pop(rank, next(iter(lane)))
        else:
            among = [each for each in (sender, *islice(lane, LOOK_AT)) if each in lane]
            self._pop(rank, max(among, key=lambda each: len(lane[each])))
