"""Counters under Kea's names. A batch is tallied first and added once; the newest samples of each counter are kept.

What a family counts is declared in its `Names`; which leases are counted how, in the `Counted` of their type. Leases in
use are counted by what commits change, never by looking: `recount` says what they must be at any moment. This module
does not know sockets, stores or commands.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.server.counted import (
    ADDRESSES,
    DECLINED,
    DROPS,
    NAMES4,
    NAS,
    OWN,
    PDS,
    RECLAIMED,
    RECLAIMED_DECLINED,
    REGISTERED,
    STORE_STATES,
    TYPES6,
    Counted,
    Names,
)

__all__ = [
    "AnyLease",
    "AnyNetwork",
    "LeaseTally",
    "Statistics",
    "Tally",
    "Tally6",
    "count_totals",
    "count_totals6",
    "lease_totals",
    "lease_totals6",
]

SAMPLES_MAX: Final = 20  # Kea's statistic-default-sample-count
NO_POOL: Final = -1
Place = tuple[str, str, int, int]  # a counter, what pools are called, a subnet and a pool in it, or NO_POOL


class AnyLease(Protocol):
    """What is counted of a lease."""

    @property
    def subnet_id(self) -> int:
        """Its subnet."""
        ...

    @property
    def pool_id(self) -> int:
        """Its pool."""
        ...

    @property
    def state(self) -> int:
        """Its state."""
        ...


class Tally(Protocol):
    """What a batch of committed changes does to the counters of leases, by subnet and pool."""

    def take(self) -> dict[Place, int]:
        """What was counted since the last call."""
        ...

    def changed(self, before: Any, after: Any, *, fresh: bool = False, reclaimed: bool = False) -> None:
        """As LeaseTally."""
        ...


class LeaseTally:
    """A tally of leases of one type."""

    __slots__ = ("_counted", "_counts", "fresh")

    def __init__(self, counted: Counted = ADDRESSES) -> None:
        self._counted = counted
        self._counts: defaultdict[tuple[str, int, int], int] = defaultdict(int)
        self.fresh: defaultdict[tuple[int, int], int] = defaultdict(int)
        """New leases where there was none, by subnet and pool: what most changes are."""

    def take(self) -> dict[Place, int]:
        """What was counted since the last call."""
        counted, counts = self._counted, self._counts
        for place, count in self.fresh.items():
            counts[counted.assigned, *place] += count
            counts[counted.cumulative, *place] += count
        taken = {(name, counted.pool, subnet, pool): count for (name, subnet, pool), count in counts.items()}
        self.fresh.clear()
        counts.clear()
        return taken

    def changed(
        self, before: AnyLease | None, after: AnyLease | None, *, fresh: bool = False, reclaimed: bool = False
    ) -> None:
        """One lease was replaced by another. `fresh`: newly assigned, not extended; `reclaimed`: its time was over.

        A fresh assignment of an address whose earlier lease still stood there has reclaimed that one on the way.
        """
        counts, counted = self._counts, self._counted
        if before is not None and before.state in STORE_STATES:
            place = (before.subnet_id, before.pool_id)
            counts[counted.assigned, *place] -= 1
            if before.state:
                counts[DECLINED, *place] -= 1
            if reclaimed or (fresh and after is not None):
                counts[RECLAIMED, *place] += 1
                if before.state:
                    counts[RECLAIMED_DECLINED, *place] += 1
        if after is not None and after.state in STORE_STATES:
            place = (after.subnet_id, after.pool_id)
            counts[counted.assigned, *place] += 1
            if after.state:
                counts[DECLINED, *place] += 1
            if fresh:
                counts[counted.cumulative, *place] += 1
        if counted.registered:
            self._registered(before, after)

    def _registered(self, before: AnyLease | None, after: AnyLease | None) -> None:
        """Addresses that clients made themselves (RFC 9686)."""
        current, ever = self._counted.registered
        was = before.subnet_id if before is not None and before.state == REGISTERED else None
        now = after.subnet_id if after is not None and after.state == REGISTERED else None
        if was == now:
            return
        if was is not None:
            self._counts[current, was, NO_POOL] -= 1
        if now is not None:
            self._counts[current, now, NO_POOL] += 1
            self._counts[ever, now, NO_POOL] += 1


class Tally6:
    """A tally of DHCPv6 leases, each counted by its type."""

    def __init__(self) -> None:
        self._tallies = {counted: LeaseTally(counted) for counted in (NAS, PDS)}
        self._by_type = {kind: self._tallies[counted] for kind, counted in TYPES6.items()}
        self.fresh = {kind: tally.fresh for kind, tally in self._by_type.items()}
        """By type: new leases where there was none, by subnet and pool."""

    def take(self) -> dict[Place, int]:
        """As Tally."""
        return {place: count for tally in self._tallies.values() for place, count in tally.take().items()}

    def changed(
        self, before: Lease6 | None, after: Lease6 | None, *, fresh: bool = False, reclaimed: bool = False
    ) -> None:
        """As Tally. Where an address was in a lease of another type, that one has ended."""
        if before is not None and after is not None and before.type != after.type:
            self._by_type[before.type].changed(before, None, reclaimed=fresh)
            before = None
        lease = after if after is not None else before
        assert lease is not None, "a change has a lease before or after it"
        self._by_type[lease.type].changed(before, after, fresh=fresh, reclaimed=reclaimed)


class AnyNetwork(Protocol):
    """What is counted of a network."""

    by_id: Mapping[int, Any]


class Statistics:
    """Values by name, each with its newest samples as (value, time in seconds).

    Who counts keeps its own tally and is asked for it (`gathers`) when somebody looks: counting costs little then.
    """

    def __init__(self, names: Names = NAMES4) -> None:
        self.names = names
        self._sources: list[Callable[[], None]] = []
        self._values: dict[str, int] = {}
        self._samples: dict[str, deque[tuple[int, float]]] = {}
        self._count: int | None = SAMPLES_MAX  # how many samples new names keep,
        self._age: int | None = None  # or for how many seconds
        self._ages: dict[str, int] = {}
        self._places: dict[Place, tuple[str, ...]] = {}
        self._current = frozenset(names.current)
        self._configured: frozenset[str] = frozenset()
        drops = (f"{names.prefix}-{drop}" for drop in ("received", "sent", "receive-drop", "unknown-received", *DROPS))
        known = (*drops, *OWN, *names.received.values(), *names.sent.values(), *names.engine, *names.leases)
        self.put(dict.fromkeys(known, 0))

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

    def add_leases(self, tally: Tally) -> None:
        """Adds what a batch's commits changed: everywhere, in the subnet, and in its pool.

        A subnet or pool that is no more is forgotten with its last lease.
        """
        sums: defaultdict[str, int] = defaultdict(int)
        for key, amount in tally.take().items():
            if amount:
                names = self._places.get(key) or self._name(key)
                for name in names:
                    sums[name] += amount
        self.add(sums)
        for name in sums:
            if not self._values[name] and self._lapsed(name):
                del self._values[name], self._samples[name]

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

    def reset(self, name: str) -> bool:
        """Sets a value to 0 and forgets its samples; False where there is none."""
        self._gather()
        if name not in self._values:
            return False
        self._samples[name].clear()
        self._set(name, 0, time.time())
        return True

    def remove(self, name: str) -> bool:
        """Forgets a value, until something is counted under its name again; False where there is none."""
        self._gather()
        if name not in self._values:
            return False
        del self._values[name], self._samples[name]
        self._ages.pop(name, None)
        return True

    def keep(self, name: str | None = None, *, count: int | None = None, age: int | None = None) -> bool:
        """Says how many samples are kept, or for how many seconds, under a name or under all of them.

        False where there is no such name. The newest sample is always kept.
        """
        self._gather()
        if name is None:
            self._count, self._age = count, age
        elif name not in self._values:
            return False
        for each in (name,) if name is not None else tuple(self._samples):
            self._samples[each] = deque(self._samples[each], maxlen=count)
            if age is None:
                self._ages.pop(each, None)
            else:
                self._ages[each] = age
                self._drop_old(each, age, time.time())
        return True

    def _drop_old(self, name: str, age: int, now: float) -> None:
        kept = self._samples[name]
        while len(kept) > 1 and kept[-1][1] < now - age:
            kept.pop()

    def network(self, network: AnyNetwork) -> None:
        """Follows a configuration: totals of its pools; what is counted by subnet and pool goes when these go.

        But leases stay where they are, and are counted there (as Kea's recount does).
        """
        self._gather()
        names = self.names
        values: dict[str, int] = {}
        for number, subnet in network.by_id.items():
            pools: defaultdict[tuple[Counted, int], int] = defaultdict(int)
            for counted, pool_id, size in names.pools(subnet):
                pools[counted, pool_id] += size
            for counted in names.counted:
                total = sum(size for (kind, _), size in pools.items() if kind is counted)
                values[f"subnet[{number}].{counted.total}"] = total
            for name in (*names.leases, *names.engine):
                key = f"subnet[{number}].{name}"
                values[key] = self._values.get(key, 0)
            for (counted, pool_id), size in pools.items():
                place = f"subnet[{number}].{counted.pool}[{pool_id}]"
                values[f"{place}.{counted.total}"] = size
                values.update({key: self._values.get(key, 0) for key in (f"{place}.{x}" for x in counted.leases)})
        self._configured = frozenset(values)
        for name in [name for name in self._values if self._lapsed(name)]:
            if not self._values[name] or name.rpartition(".")[2] not in self._current:
                del self._values[name], self._samples[name]
        self.put(values)

    def _lapsed(self, name: str) -> bool:
        """Whether a counter is of a subnet or pool that is not configured."""
        return name.startswith("subnet[") and name not in self._configured

    def no_leases(self) -> dict[str, int]:
        """Every counter of leases there are now at 0: what a recount starts from."""
        current = self.names.current
        ends = tuple(f".{name}" for name in current)
        return {name: 0 for name in self._values if name.endswith(ends)} | dict.fromkeys(current, 0)

    def _set(self, name: str, value: int, at: float) -> None:
        self._values[name] = value
        kept = self._samples.get(name)
        if kept is None:
            kept = self._samples[name] = deque(maxlen=self._count)
            if self._age is not None:
                self._ages[name] = self._age
        kept.appendleft((value, at))
        if name in self._ages:
            self._drop_old(name, self._ages[name], at)

    def _name(self, key: Place) -> tuple[str, ...]:
        name, kind, subnet, pool = key
        names: tuple[str, ...] = (name, f"subnet[{subnet}].{name}")
        if pool != NO_POOL:
            names = (*names, f"subnet[{subnet}].{kind}[{pool}].{name}")
        self._places[key] = names  # one entry for each counter of each pool: the configuration bounds it
        return names


def lease_totals(leases: Iterable[Lease4]) -> dict[str, int]:
    """What the counters of leases there are now must say for these: the oracle of `LeaseTally`."""
    return count_totals(Counter((lease.subnet_id, lease.pool_id, lease.state) for lease in leases), ADDRESSES)


def lease_totals6(leases: Iterable[Lease6]) -> dict[str, int]:
    """The same of DHCPv6, the oracle of `Tally6`."""
    return count_totals6(Counter((lease.subnet_id, lease.pool_id, lease.type, lease.state) for lease in leases))


def count_totals(places: Mapping[tuple[int, int, int], int], counted: Counted = ADDRESSES) -> dict[str, int]:
    """The same for leases that were counted already, by subnet, pool and state."""
    totals: defaultdict[str, int] = defaultdict(int)
    for (subnet, pool, state), count in places.items():
        if state in STORE_STATES:
            for name in (counted.assigned, DECLINED) if state else (counted.assigned,):
                totals[name] += count
                totals[f"subnet[{subnet}].{name}"] += count
                totals[f"subnet[{subnet}].{counted.pool}[{pool}].{name}"] += count
        elif state == REGISTERED and counted.registered:
            totals[counted.registered[0]] += count
            totals[f"subnet[{subnet}].{counted.registered[0]}"] += count
    return dict(totals)


def count_totals6(places: Mapping[tuple[int, int, int, int], int]) -> dict[str, int]:
    """The same for leases that were counted already, by subnet, pool, type and state."""
    totals: defaultdict[str, int] = defaultdict(int)
    for (subnet, pool, kind, state), count in places.items():
        for name, value in count_totals({(subnet, pool, state): count}, TYPES6[kind]).items():
            totals[name] += value
    return dict(totals)
