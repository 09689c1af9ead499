"""What a server allows one port, one relay, one subnet and one client: limits on what a decision may take.

`Protection` says the limits, `Guard` counts and judges. A decision that is judged was made already; it is carried out,
or its client gets no answer. Time is an argument, every table has a named bound, and what a table forgets is
forgotten in favour of the clients. What a port or a relay is in a family's messages is said by a `Sight` (`sights`).
This module does not know packets' octets, stores or sockets.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.lease import LeaseState

__all__ = ["NO_PROTECTION", "RELAY_LEVELS", "Guard", "Holdings", "Moments", "Movements", "Protection", "Sight"]

HOLDINGS_MAX: Final = 1 << 20  # addresses that a table knows the holder of: more than one server leases
PORTS_MAX: Final = 16_384  # ports whose declines of the last minute are remembered
CLIENTS_MAX: Final = 16_384  # clients whose last port is remembered: 4 MB
MINUTE: Final = 60  # seconds
RELAY_LEVELS: Final = 8  # RFC 8415 7.6: HOP_COUNT_LIMIT
IN_USE: Final = (LeaseState.DEFAULT.value, LeaseState.REGISTERED.value)
DECLINED: Final = LeaseState.DECLINED.value


@attrs.frozen
class Protection:
    """The limits. 0 is no limit; `probation_share` is a part of a pool, `relays` are addresses besides the subnets'.

    `judges` and `screens` say whether decisions and messages must be looked at at all.
    """

    leases_per_port: int = 0
    leases_per_relay: int = 0
    leases_per_subnet: int = 0
    declines_per_port: int = 0
    probation_share: float = 0.0
    same_relay_releases: bool = False
    clone_alternations: int = 0
    only_known_relays: bool = False
    relays: frozenset[int] = frozenset()
    relay_levels: int = RELAY_LEVELS
    amplification: int = 3

    @property
    def counts_leases(self) -> bool:
        """Whether it must be known who holds which lease."""
        most = self.leases_per_port or self.leases_per_relay or self.leases_per_subnet
        return bool(most) or self.same_relay_releases

    @property
    def judges(self) -> bool:
        """Whether decisions are judged."""
        return self.counts_leases or bool(self.declines_per_port or self.probation_share)

    @property
    def screens(self) -> bool:
        """Whether messages are looked at before anything is decided."""
        return self.only_known_relays or bool(self.clone_alternations)


NO_PROTECTION: Final = Protection()


@attrs.frozen(eq=False)
class Sight:
    """What a guard sees of a family's messages, leases and decisions.

    `port` is empty and `relay` is 0 where nobody tells; `answered` is whom an answer through a relay goes to, 0 for a
    client on the server's own link. `client` is who asks. `offered` are the leases an offer promises: addresses with
    their subnets. `same` says whether a lease is the client's; `recalled` is the port that a stored lease tells of.
    `refused` is what a decision, or its outcome, becomes that is not carried out. `headers` are the octets of a
    datagram around a message, `smallest` those of the whole of the least message that is answered; `aimed` is who gets
    an answer although it may not have asked, 0 where nobody outside the link can.
    """

    decline: int
    release: int
    port: Callable[[Any], bytes]
    relay: Callable[[Any], int]
    answered: Callable[[Any], int]
    client: Callable[[Any], bytes]
    offered: Callable[[Any], Sequence[tuple[int, int]]]
    same: Callable[[Any, Any], bool]
    pool: Callable[[Any, Any], tuple[Hashable, int]]
    recalled: Callable[[Any], bytes]
    refused: Callable[[Any, str], Any]
    aimed: Callable[[Any], int]
    headers: int
    smallest: int


class Holdings:
    """Who holds which addresses until when, for at most `most` addresses; the one noted first is forgotten first."""

    def __init__(self, most: int = HOLDINGS_MAX) -> None:
        self._most = most
        self._ends: dict[Hashable, dict[int, int]] = {}  # by holder: addresses, and when each is free again
        self._holders: OrderedDict[int, Hashable] = OrderedDict()  # a dict would search for its oldest entry
        self._soonest: dict[Hashable, int] = {}  # no address of a holder is free before

    def __len__(self) -> int:
        return len(self._holders)

    def holder(self, address: int) -> Hashable | None:
        """Who holds an address, None where that is not known."""
        return self._holders.get(address)

    def count(self, holder: Hashable, now: int) -> int:
        """How many addresses somebody holds at `now`."""
        ends = self._ends.get(holder)
        if ends is None:
            return 0
        if self._soonest[holder] < now:  # a look at all of them, once for the moment the first one ends
            for address in [address for address, end in ends.items() if end < now]:
                self.forget(address)
            if ends:
                self._soonest[holder] = min(ends.values())
        return len(ends)

    def put(self, address: int, holder: Hashable, end: int) -> None:
        """Somebody holds an address until `end` (seconds)."""
        if self._holders.get(address) != holder:
            self.forget(address)
            if len(self._holders) >= self._most:
                self.forget(next(iter(self._holders)))
            self._holders[address] = holder
        ends = self._ends.setdefault(holder, {})
        ends[address] = end
        self._soonest[holder] = min(end, self._soonest.get(holder, end))

    def extend(self, address: int, end: int) -> None:
        """Whoever holds an address holds it longer."""
        holder = self._holders.get(address)
        if holder is not None:
            self._ends[holder][address] = end

    def forget(self, address: int) -> None:
        """Nobody holds an address any more."""
        holder = self._holders.pop(address, None)
        if holder is not None:
            ends = self._ends[holder]
            del ends[address]
            if not ends:
                del self._ends[holder], self._soonest[holder]


class Moments:
    """When something happened at each of many places, as far back as a minute."""

    def __init__(self, most: int = PORTS_MAX) -> None:
        self._most = most
        self._times: OrderedDict[Hashable, deque[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def count(self, place: Hashable, now: int) -> int:
        """How often it happened there in the minute before `now`."""
        times = self._times.get(place)
        if times is None:
            return 0
        while times and times[0] <= now - MINUTE:
            times.popleft()
        return len(times)

    def note(self, place: Hashable, now: int) -> None:
        """It happened there."""
        times = self._times.pop(place, None)
        if times is None:
            times = deque()
            if len(self._times) >= self._most:
                self._times.popitem(last=False)
        times.append(now)
        self._times[place] = times  # the place it happened last comes last


class Movements:
    """On which port each client was seen last, and how often it changed ports in the last minute."""

    def __init__(self, most: int = CLIENTS_MAX) -> None:
        self._most = most
        # Port, beginning of the minute, changes in it.
        self._seen: OrderedDict[bytes, tuple[Hashable, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def seen(self, client: bytes, port: Hashable, now: int) -> int:
        """A client is on a port: how many changes that makes within this minute, 0 where it stayed."""
        before = self._seen.pop(client, None)
        if before is None:
            if len(self._seen) >= self._most:
                self._seen.popitem(last=False)
            self._seen[client] = (port, now, 0)
            return 0
        last, since, changes = before
        if now - since >= MINUTE:
            since, changes = now, 0
        moved = port != last
        self._seen[client] = (port, since, changes + moved)
        return changes + 1 if moved else 0


class Guard:
    """Holds decisions to a protection's limits. What is allowed is counted at once; `undo` takes it back."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self.ports, self.relays, self.subnets = Holdings(), Holdings(), Holdings()
        self.probation = Holdings()
        self.declines = Moments()
        self.movements = Movements()

    def refusal(self, packet: Any, decision: Any, find: Callable[[int], Any], network: Any, now: int) -> str:
        """Why a decision must not be carried out, "" where it may be. `find` looks an address's lease up."""
        protection: Protection = network.protection
        kind, sight = packet.type, self._sight
        if kind == sight.decline:
            because = self._decline(packet, decision.unit, network, now)
        elif kind == sight.release:
            because = self._release(packet, decision.unit) if protection.same_relay_releases else ""
        else:
            because = self._lease(packet, decision, find, protection, now) if protection.counts_leases else ""
        if not because and decision.unit and protection.counts_leases:
            self._note(packet, decision.unit)
        return because

    def undo(self, unit: Iterable[Any]) -> None:
        """What was allowed did not come about."""
        for before, after in unit:
            if before is None and after is not None:
                for table in (self.ports, self.relays, self.subnets):
                    table.forget(after.address)
            if after is not None and after.state == DECLINED:
                self.probation.forget(after.address)

    def recall(self, lease: Any) -> None:
        """A lease of an earlier run: it counts for its subnet, and for its port where it tells of one."""
        if lease.state in IN_USE:
            self.subnets.put(lease.address, lease.subnet_id, lease.expire)
            port = self._sight.recalled(lease)
            if port:
                self.ports.put(lease.address, port, lease.expire)

    def clones(self, packet: Any, protection: Protection, now: int) -> bool:
        """Whether this message makes its client one that is in several places at once: told once a minute."""
        sight = self._sight
        client = sight.client(packet)
        if not client:
            return False
        port = sight.port(packet) or packet.arrival.interface
        return self.movements.seen(client, port, now) == protection.clone_alternations + 1

    def _lease(self, packet: Any, decision: Any, find: Callable[[int], Any], protection: Protection, now: int) -> str:
        sight = self._sight
        fresh: list[tuple[int, int]] = []
        for before, after in decision.unit:
            if after is not None and after.state in IN_USE and not self._has(before, packet, now):
                fresh.append((after.address, after.subnet_id))
        for address, subnet_id in sight.offered(decision) if not decision.unit else ():
            if not self._has(find(address), packet, now):
                fresh.append((address, subnet_id))
        if not fresh:
            return ""  # a holder is never refused what it has
        places: list[tuple[str, int, Holdings, Hashable, int]] = []
        if protection.leases_per_port and (port := sight.port(packet)):
            places.append(("port", protection.leases_per_port, self.ports, port, len(fresh)))
        if protection.leases_per_relay and (relay := sight.relay(packet)):
            places.append(("relay", protection.leases_per_relay, self.relays, relay, len(fresh)))
        if protection.leases_per_subnet:
            ids = [subnet_id for _, subnet_id in fresh]
            most = protection.leases_per_subnet
            places += [("subnet", most, self.subnets, each, ids.count(each)) for each in set(ids)]
        for name, most, table, holder, more in places:
            if table.count(holder, now) + more > most:
                return f"its {name} has the {most} leases that leases-per-{name} allows"
        return ""

    def _has(self, lease: Any, packet: Any, now: int) -> bool:
        return lease is not None and not lease.expired(now) and self._sight.same(lease, packet)

    def _release(self, packet: Any, unit: Iterable[Any]) -> str:
        sight = self._sight
        port, relay = sight.port(packet), sight.relay(packet)
        if not relay and not port:
            return ""  # straight from the client, as RFC 2131 4.4.6 wants it
        for before, _ in unit:
            was_port, was_relay = self.ports.holder(before.address), self.relays.holder(before.address)
            if (was_port is not None and was_port != port) or (was_relay is not None and was_relay != relay):
                return "the lease was given on another port or through another relay (same-relay-releases)"
        return ""

    def _decline(self, packet: Any, unit: Sequence[Any], network: Any, now: int) -> str:
        protection: Protection = network.protection
        port = self._sight.port(packet) or packet.arrival.interface
        resting = [after for _, after in unit if after is not None and after.state == DECLINED]
        most = protection.declines_per_port
        if most and self.declines.count(port, now) + len(resting) > most:
            return f"its port declined {most} addresses within a minute already (declines-per-port)"
        if protection.probation_share:
            more: dict[Hashable, int] = {}
            for lease in resting:
                pool, size = self._sight.pool(network, lease)
                place = (port, pool)
                more[place] = more.get(place, 0) + 1
                allowed = max(1, int(size * protection.probation_share))
                if self.probation.count(place, now) + more[place] > allowed:
                    return f"{allowed} addresses of the pool are on probation because of its port (probation-share)"
            for lease in resting:
                self.probation.put(lease.address, (port, self._sight.pool(network, lease)[0]), lease.expire)
        if most:
            for _ in resting:
                self.declines.note(port, now)
        return ""

    def _note(self, packet: Any, unit: Iterable[Any]) -> None:
        """Counts what is taken and what is given back; an extension without a relay's word leaves its port as it is."""
        port, relay = self._sight.port(packet), self._sight.relay(packet)
        for before, after in unit:
            if after is None or after.state not in IN_USE:
                for table in (self.ports, self.relays, self.subnets):
                    table.forget((after if after is not None else before).address)
                continue
            address, end = after.address, after.expire
            self.subnets.put(address, after.subnet_id, end)
            extends = before is not None and self._sight.same(before, packet)
            for table, holder in ((self.ports, port), (self.relays, relay)):
                if holder:
                    table.put(address, holder, end)
                elif extends:
                    table.extend(address, end)
                else:
                    table.forget(address)
