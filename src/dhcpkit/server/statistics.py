"""Counters under Kea's names. A batch is tallied first and added once; the newest samples of each counter are kept.

Addresses in use are counted by what commits change, never by looking: `recount` says what they must be at any moment.
This module does not know sockets, stores or commands.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.network import Network

__all__ = ["RECEIVED", "RECEIVED_UNKNOWN", "SENT", "LeaseTally", "Statistics", "count_totals", "lease_totals"]

SAMPLES_MAX: Final = 20  # Kea's statistic-default-sample-count

RECEIVED: Final[Mapping[int, str]] = {
    1: "pkt4-discover-received",
    2: "pkt4-offer-received",
    3: "pkt4-request-received",
    4: "pkt4-decline-received",
    5: "pkt4-ack-received",
    6: "pkt4-nak-received",
    7: "pkt4-release-received",
    8: "pkt4-inform-received",
    10: "pkt4-lease-query-received",
}
RECEIVED_UNKNOWN: Final = "pkt4-unknown-received"
SENT: Final[Mapping[int, str]] = {2: "pkt4-offer-sent", 5: "pkt4-ack-sent", 6: "pkt4-nak-sent"}
DROPS: Final = (
    "service-disabled",
    "parse-failed",
    "queue-full",
    "duplicate",
    "rfc-violation",
    "admin-filtered",
    "not-for-us",
    "processing-failed",
    "limit-exceeded",
)
ENGINE: Final = (
    "v4-allocation-fail",
    "v4-allocation-fail-shared-network",
    "v4-allocation-fail-subnet",
    "v4-allocation-fail-no-pools",
    "v4-allocation-fail-classes",
    "v4-reservation-conflicts",
    "v4-lease-reuses",
)
LEASES: Final = (
    "assigned-addresses",
    "cumulative-assigned-addresses",
    "declined-addresses",
    "reclaimed-declined-addresses",
    "reclaimed-leases",
)
ASSIGNED, CUMULATIVE, DECLINED, RECLAIMED_DECLINED, RECLAIMED = LEASES
TOTAL: Final = "total-addresses"
STORE_STATES: Final = (LeaseState.DEFAULT.value, LeaseState.DECLINED.value)  # what counts as assigned (Kea)


class LeaseTally:
    """What a batch of committed changes does to the counters of addresses, by subnet and pool."""

    __slots__ = ("_counts", "fresh")

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, int, int], int] = defaultdict(int)
        self.fresh: defaultdict[tuple[int, int], int] = defaultdict(int)
        """New leases where there was none, by subnet and pool: what most changes are."""

    def take(self) -> dict[tuple[str, int, int], int]:
        """What was counted since the last call, by counter, subnet and pool."""
        for place, count in self.fresh.items():
            self._counts[ASSIGNED, *place] += count
            self._counts[CUMULATIVE, *place] += count
        taken = dict(self._counts)
        self.fresh.clear()
        self._counts.clear()
        return taken

    def changed(
        self, before: Lease4 | None, after: Lease4 | None, *, fresh: bool = False, reclaimed: bool = False
    ) -> None:
        """One lease was replaced by another. `fresh`: newly assigned, not extended; `reclaimed`: its time was over.

        A fresh assignment of an address whose earlier lease still stood there has reclaimed that one on the way.
        """
        counts = self._counts
        if before is not None and before.state in STORE_STATES:
            place = (before.subnet_id, before.pool_id)
            counts[ASSIGNED, *place] -= 1
            if before.state:
                counts[DECLINED, *place] -= 1
            if reclaimed or (fresh and after is not None):
                counts[RECLAIMED, *place] += 1
                if before.state:
                    counts[RECLAIMED_DECLINED, *place] += 1
        if after is not None and after.state in STORE_STATES:
            place = (after.subnet_id, after.pool_id)
            counts[ASSIGNED, *place] += 1
            if after.state:
                counts[DECLINED, *place] += 1
            if fresh:
                counts[CUMULATIVE, *place] += 1


class Statistics:
    """Values by name, each with its newest samples as (value, time in seconds).

    Who counts keeps its own tally and is asked for it (`gathers`) when somebody looks: counting costs little then.
    """

    def __init__(self) -> None:
        self._sources: list[Callable[[], None]] = []
        self._values: dict[str, int] = {}
        self._samples: dict[str, deque[tuple[int, float]]] = {}
        self._names: dict[tuple[str, int, int], tuple[str, str, str]] = {}
        self._subnets: frozenset[int] = frozenset()
        names = ["pkt4-received", "pkt4-sent", "pkt4-receive-drop", RECEIVED_UNKNOWN]
        names += [*RECEIVED.values(), *SENT.values(), *(f"pkt4-{drop}" for drop in DROPS), *ENGINE, *LEASES]
        self.put(dict.fromkeys(names, 0))

    def gathers(self, source: Callable[[], None]) -> None:
        """Asks `source` to add what it has counted before anything is read or set."""
        self._sources.append(source)

    def _gather(self) -> None:
        for source in self._sources:
            source()

    def put(self, values: Mapping[str, int]) -> None:
        """Sets values."""
        self._gather()
        at = time.time()
        for name, value in values.items():
            self._set(name, value, at)

    def add(self, tally: Mapping[str, int]) -> None:
        """Adds what a batch counted."""
        at = time.time()
        values = self._values
        for name, amount in tally.items():
            if amount:
                self._set(name, values.get(name, 0) + amount, at)

    def add_leases(self, tally: LeaseTally) -> None:
        """Adds what a batch's commits changed: everywhere, in the subnet, and in its pool."""
        sums: defaultdict[str, int] = defaultdict(int)
        for key, amount in tally.take().items():
            if amount:
                names = self._names.get(key) or self._name(key)
                for name in names:
                    sums[name] += amount
        self.add(sums)

    def value(self, name: str) -> int:
        """The newest value; 0 where nothing was ever counted under this name."""
        self._gather()
        return self._values.get(name, 0)

    def values(self) -> dict[str, int]:
        """Every value, by name."""
        self._gather()
        return dict(self._values)

    def samples(self, name: str) -> list[tuple[int, float]]:
        """The kept samples of a name, newest first."""
        self._gather()
        return list(self._samples.get(name, ()))

    def network(self, network: Network) -> None:
        """Follows a configuration: totals of its pools; what is counted by subnet goes when the subnet goes."""
        self._gather()
        subnets = frozenset(network.by_id)
        for gone in self._subnets - subnets:
            for name in [name for name in self._values if name.startswith(f"subnet[{gone}].")]:
                del self._values[name], self._samples[name]
        self._subnets = subnets
        values: dict[str, int] = {}
        for subnet in network.subnets:
            pools: defaultdict[int, int] = defaultdict(int)
            for pool in subnet.pools:
                pools[pool.pool_id] += len(pool)
            values[f"subnet[{subnet.id}].{TOTAL}"] = sum(pools.values())
            for name in (*LEASES, *ENGINE):
                values.setdefault(f"subnet[{subnet.id}].{name}", self.value(f"subnet[{subnet.id}].{name}"))
            for pool_id, size in pools.items():
                values[f"subnet[{subnet.id}].pool[{pool_id}].{TOTAL}"] = size
                for name in LEASES:
                    key = f"subnet[{subnet.id}].pool[{pool_id}].{name}"
                    values[key] = self.value(key)
        self.put(values)

    def no_leases(self) -> dict[str, int]:
        """Every counter of assigned and declined addresses at 0: what a recount starts from."""
        return {name: 0 for name in self._values if name.endswith((f".{ASSIGNED}", f".{DECLINED}"))} | {
            ASSIGNED: 0,
            DECLINED: 0,
        }

    def _set(self, name: str, value: int, at: float) -> None:
        self._values[name] = value
        kept = self._samples.get(name)
        if kept is None:
            kept = self._samples[name] = deque(maxlen=SAMPLES_MAX)
        kept.appendleft((value, at))

    def _name(self, key: tuple[str, int, int]) -> tuple[str, str, str]:
        name, subnet, pool = key
        names = (name, f"subnet[{subnet}].{name}", f"subnet[{subnet}].pool[{pool}].{name}")
        self._names[key] = names  # one entry for each counter of each pool: the configuration bounds it
        return names


def lease_totals(leases: Iterable[Lease4]) -> dict[str, int]:
    """What the counters of assigned and declined addresses must say for these leases: the oracle of `LeaseTally`."""
    return count_totals(Counter((lease.subnet_id, lease.pool_id, lease.state) for lease in leases))


def count_totals(places: Mapping[tuple[int, int, int], int]) -> dict[str, int]:
    """The same for leases that were counted already, by subnet, pool and state."""
    totals: defaultdict[str, int] = defaultdict(int)
    for (subnet, pool, state), count in places.items():
        if state in STORE_STATES:
            for name in (ASSIGNED, DECLINED) if state else (ASSIGNED,):
                totals[name] += count
                totals[f"subnet[{subnet}].{name}"] += count
                totals[f"subnet[{subnet}].pool[{pool}].{name}"] += count
    return dict(totals)
