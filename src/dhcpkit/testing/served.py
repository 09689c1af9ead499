"""A whole server in a laboratory: batches, store, reclamation, reload and statistics, without sockets and real time.

`ServedLab4` and `ServedLab6` play the conversations of `Lab4` and `Lab6` through it, so that what holds of the engine
is seen to hold of the server around it. This module does not know what must hold; the laboratories do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from random import Random
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.alloc.answer import Outgoing4
from dhcpkit.alloc.answer6 import Outgoing6
from dhcpkit.alloc.decision import Decision4
from dhcpkit.alloc.decision6 import Decision6
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.network6 import Network6
from dhcpkit.alloc.query import Dropped
from dhcpkit.alloc.trace import Trace
from dhcpkit.backends import MemoryStore, MemoryStore6
from dhcpkit.server.clock import Clock
from dhcpkit.server.expiry import Reclaiming
from dhcpkit.server.family import Family
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.interfaces import InterfaceSpec
from dhcpkit.server.loop import AnyStore
from dhcpkit.server.sanity import SanityChecks
from dhcpkit.server.server import ServerOf
from dhcpkit.server.statistics import Statistics
from dhcpkit.testing.machine import Lab4
from dhcpkit.testing.machine6 import Lab6
from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import Arrival6

__all__ = ["NoSockets", "Served", "ServedLab4", "ServedLab6"]

T = TypeVar("T")

CHECK_STEPS: Final = 300  # turns of the loop after which whatever a reload has begun is done
NO_LIMITS: Final = Reclaiming(0, 0, max_reclaim_leases=0, max_reclaim_time=0)


class NoSockets:
    """Service sockets that keep what is sent."""

    troubles: tuple[str, ...] = ()
    trouble_code = 0
    open_count = 1

    def __init__(self, own: Iterable[int] = ()) -> None:
        self.own_addresses = frozenset(own)
        self.sent: list[tuple[Any, Any]] = []

    def send(self, answers: Sequence[tuple[Any, Any]], /) -> Sequence[tuple[int, OSError]]:
        """As Transport."""
        self.sent += answers
        return ()

    def pause(self) -> None:
        """As Transport."""

    def resume(self) -> None:
        """As Transport."""

    def start(self, _loop: asyncio.AbstractEventLoop, /) -> None:
        """As ServiceSockets."""

    def reconfigure(self, _specs: Iterable[InterfaceSpec], /, *, raw: bool, routed: bool, redetect: bool) -> None:
        """As ServiceSockets."""

    def refresh(self) -> None:
        """As ServiceSockets."""

    def close(self) -> None:
        """As ServiceSockets."""


class Served:
    """A server of either family whose messages, time and timers are the caller's. `close` it when done."""

    def __init__(  # noqa: PLR0913  # a server's parts
        self,
        family: Family[Any],
        network: Any,
        store: AnyStore,
        now: Callable[[], int],
        *,
        sanity: SanityChecks | None = None,
        rng: Random | None = None,
        own: Iterable[int] = (),
    ) -> None:
        self.wall = 0  # seconds by which somebody has set the wall clock
        self.sockets = NoSockets(own)
        self._loop = asyncio.new_event_loop()
        self.server: ServerOf[Any] = ServerOf(
            family,
            network,
            store,
            lambda _listening, _receive: self.sockets,
            reclaiming=NO_LIMITS,
            sanity=sanity,
            clock=Clock(lambda: now() + self.wall, now),
            rng=rng,
        )
        self._run(self.server.go_on(store))

    @property
    def statistics(self) -> Statistics:
        """What it counts."""
        return self.server.statistics

    def take(self, datagrams: Sequence[tuple[bytes, Any]]) -> list[Any]:
        """Serves datagrams as one batch; the answers, in order."""
        return self._run(self._take(datagrams))

    async def _take(self, datagrams: Sequence[tuple[bytes, Any]]) -> list[Any]:
        self.server.batches.take(datagrams)
        await self.server.batches.drained()
        sent, self.sockets.sent = self.sockets.sent, []
        return [outgoing for outgoing, _ in sent]

    def reclaim(self, *, hold: bool) -> None:
        """The timers fire: everything that is over is taken back, and what was kept long enough removed."""
        reclaimer = self.server.reclaimer
        reclaimer.settings = attrs.evolve(NO_LIMITS, hold_reclaimed_time=60 if hold else 0)
        self._run(reclaimer.reclaim())
        self._run(reclaimer.flush())

    def reload(self, network: Any, sanity: SanityChecks | None = None) -> None:
        """Another configuration comes in force."""
        self._run(self._reload(network, sanity))

    async def _reload(self, network: Any, sanity: SanityChecks | None) -> None:
        self.server.reconfigure(network, sanity=sanity)
        for _ in range(CHECK_STEPS):
            await asyncio.sleep(0)

    def restart(self, store: AnyStore) -> None:
        """Leases are served from another store, as after a restart or where a reload names another file."""
        self._run(self._restart(store))

    async def _restart(self, store: AnyStore) -> None:
        await self.server.suspend()
        await self.server.go_on(store)

    def close(self) -> None:
        """Ends it."""
        self._run(self.server.end())
        self._run(asyncio.sleep(0))
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


class ServedLab4(Lab4):
    """`Lab4` with a server instead of the bare engine. `close` it when done."""

    def __init__(self, network: Network, store: MemoryStore | None = None, *, seed: int = 0) -> None:
        kept = store if store is not None else MemoryStore()
        super().__init__(network, kept, seed=seed)
        self.served = Served(FAMILY4, network, kept, lambda: self.now, rng=self.rng)

    def send(
        self, data: bytes, arrival: Arrival, _trace: Trace | None = None
    ) -> tuple[Decision4 | Dropped | None, Outgoing4 | None]:
        """One datagram through the server. What it decided is its own business."""
        answers = self.served.take([(data, arrival)])
        return None, answers[0] if answers else None

    def _reclaim(self, *, hold: bool) -> None:
        self.served.reclaim(hold=hold)

    def reload(self, network: Network, sanity: SanityChecks | None = None) -> None:
        """Another configuration comes in force."""
        self.network = network
        self.served.reload(network, sanity)

    def close(self) -> None:
        """Ends the server."""
        self.served.close()


class ServedLab6(Lab6):
    """`Lab6` with a server instead of the bare engine. `close` it when done."""

    def __init__(self, network: Network6, store: MemoryStore6 | None = None, *, seed: int = 0) -> None:
        kept = store if store is not None else MemoryStore6()
        super().__init__(network, kept, seed=seed)
        self.served = Served(FAMILY6, network, kept, lambda: self.now, rng=self.rng)

    def send(
        self, data: bytes, arrival: Arrival6, _trace: Trace | None = None
    ) -> tuple[Decision6 | Dropped | None, Outgoing6 | None]:
        """One datagram through the server. What it decided is its own business."""
        answers = self.served.take([(data, arrival)])
        return None, answers[0] if answers else None

    def _check_counts(self) -> None:
        """The server's statistics are what counts."""

    def _reclaim(self, *, hold: bool) -> None:
        self.served.reclaim(hold=hold)

    def reload(self, network: Network6, sanity: SanityChecks | None = None) -> None:
        """As Lab6; the server looks at its leases as it is told to."""
        super().reload(network)
        self.served.reload(network, sanity)

    def close(self) -> None:
        """Ends the server."""
        self.served.close()
