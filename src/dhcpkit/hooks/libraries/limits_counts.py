"""How often and how many: rates of messages, and leases held under a limit. Pure: the time is an argument.

This module does not know configurations, callouts or stores.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, Generic, TypeVar

import attrs

from dhcpkit.errors import DhcpkitError

__all__ = ["Holders", "LimitError", "Rate", "Rates", "Window", "rate_of"]

COUNT_MAX: Final = 2**32 - 1  # of leases and packets: Kea counts them in 32 bits
DAY: Final = 86_400  # seconds
UNITS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": DAY,
    "week": 7 * DAY,
    "month": 30 * DAY,
    "year": 365 * DAY,
}
RATE: Final = re.compile(r"\s*([+-]?[0-9]+) packets? per (.*)", re.DOTALL)
MOMENTS_MAX: Final = 4096  # moments of a window; where more packets are allowed, those close together count as one
WINDOWS_MAX: Final = 65_536  # windows of classes that clients' own words spawn; the one used longest ago is forgotten

K = TypeVar("K", bound=Hashable)


class LimitError(DhcpkitError):
    """A limit makes no sense: the operator is at fault."""


@attrs.frozen
class Rate:
    """So many packets in so many seconds; `text` is how it was written."""

    packets: int
    seconds: int
    text: str


def rate_of(text: str) -> Rate:
    """A rate as Kea writes it, `3 packets per minute`. Raises LimitError."""
    found = RATE.fullmatch(text)
    if found is None:
        raise LimitError(f"expected rate limit of format <n> packet[s] per <time-unit>, got: {text}")
    packets, unit = int(found[1]), found[2]
    if not 0 <= packets <= COUNT_MAX:
        raise LimitError(f"limit out of range, expected [0, {COUNT_MAX}], got limit {packets}")
    if unit not in UNITS:
        raise LimitError(f"invalid time period {unit}")
    return Rate(packets, UNITS[unit], text)


class Window:
    """When packets came, as far back as a rate's time goes."""

    __slots__ = ("_count", "_grain", "_moments", "_rate")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._grain = rate.seconds / MOMENTS_MAX if rate.packets > MOMENTS_MAX else 0.0
        self._moments: deque[tuple[float, int]] = deque()
        self._count = 0

    def is_full(self, now: float) -> bool:
        """Whether as many packets came as the rate allows."""
        moments, oldest = self._moments, now - self._rate.seconds
        while moments and moments[0][0] < oldest:
            self._count -= moments.popleft()[1]
        return self._count >= self._rate.packets

    def note(self, now: float) -> None:
        """A packet came."""
        moments = self._moments
        if moments and now - moments[-1][0] < self._grain:
            at, count = moments[-1]
            moments[-1] = at, count + 1
        else:
            moments.append((now, 1))
        self._count += 1


class Rates(Generic[K]):
    """The windows of many places, made when the first packet comes."""

    def __init__(self, most: int = WINDOWS_MAX) -> None:
        self._most = most
        self._windows: OrderedDict[K, tuple[Rate, Window]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def window(self, place: K, rate: Rate) -> Window:
        """The window of a place. One with another rate than before begins anew."""
        found = self._windows.get(place)
        if found is not None and found[0] == rate:
            self._windows.move_to_end(place)
            return found[1]
        window = Window(rate)
        self._windows[place] = rate, window
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return window


class Holders(Generic[K]):
    """Which addresses are held in which places, and by whom; an address is held by one client at most.

    `since` (seconds) says since when it is known to be held.
    """

    def __init__(self) -> None:
        self._held: dict[K, OrderedDict[int, float]] = {}
        self._clients: dict[int, tuple[Hashable, tuple[K, ...]]] = {}

    def count(self, place: K) -> int:
        """How many addresses are held there."""
        held = self._held.get(place)
        return len(held) if held is not None else 0

    def is_counted(self, place: K, address: int) -> bool:
        """Whether an address is held there, by whomever: then it is not one more."""
        held = self._held.get(place)
        return held is not None and address in held

    def put(self, address: int, client: Hashable, places: Iterable[K], since: float) -> None:
        """A client holds an address, in these places and no others."""
        self.forget(address)
        found = tuple(places)
        if found:
            self._clients[address] = client, found
            for place in found:
                self._held.setdefault(place, OrderedDict())[address] = since

    def forget(self, address: int) -> None:
        """Nobody holds an address any more."""
        known = self._clients.pop(address, None)
        if known is not None:
            for place in known[1]:
                del self._held[place][address]

    def leave(self, address: int, place: K) -> None:
        """An address counts no longer in one of its places."""
        known = self._clients.get(address)
        if known is not None and place in known[1]:
            self._clients[address] = known[0], tuple(each for each in known[1] if each != place)
            del self._held[place][address]

    def oldest(self, place: K, most: int, before: float) -> Iterator[int]:
        """Up to `most` addresses that are held there since before a moment, and were looked at longest ago.

        They count as looked at now.
        """
        held = self._held.get(place, OrderedDict())
        found = [address for address, since in _first(held, most) if since < before]
        for address in found:
            held.move_to_end(address)
        yield from found


def _first(held: OrderedDict[int, float], most: int) -> list[tuple[int, float]]:
    items = iter(held.items())
    return [item for item, _ in zip(items, range(most), strict=False)]
