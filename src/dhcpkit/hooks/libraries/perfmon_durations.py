"""How long steps of serving take: samples gathered in intervals, and alarms on their means. Pure: time is an argument.

A `Key` says which step: of which question and answer, between which events, in which subnet (0: in all of them). This
module does not know callouts, statistics or logs.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

import attrs

from dhcpkit.wire.dhcp4 import MessageType
from dhcpkit.wire.dhcp6 import MessageType6

__all__ = ["PAIRS", "Alarm", "Duration", "Durations", "Interval", "Key", "State", "type_of", "type_text"]

NO_TYPE: Final = 0
ANY: Final = "*"
_4, _6 = MessageType, MessageType6
PAIRS: Final[dict[int, dict[int, frozenset[int]]]] = {  # by family: which answers a question has (Kea)
    4: {
        NO_TYPE: frozenset((NO_TYPE, _4.OFFER, _4.ACK, _4.NAK)),
        _4.DISCOVER: frozenset((NO_TYPE, _4.OFFER, _4.NAK)),
        _4.REQUEST: frozenset((NO_TYPE, _4.ACK, _4.NAK)),
        _4.INFORM: frozenset((NO_TYPE, _4.ACK)),
    },
    6: {
        NO_TYPE: frozenset((NO_TYPE, _6.ADVERTISE, _6.REPLY)),
        _6.SOLICIT: frozenset((NO_TYPE, _6.ADVERTISE, _6.REPLY)),
        **dict.fromkeys((_6.REQUEST, _6.RENEW, _6.REBIND, _6.CONFIRM), frozenset((NO_TYPE, _6.REPLY))),
    },
}


class Key(NamedTuple):
    """Which step is timed. In this order they are told."""

    query: int
    response: int
    start: str
    stop: str
    subnet_id: int


def type_text(kind: int, family: int) -> str:
    """A message type as Kea names it here."""
    if kind == NO_TYPE:
        return ANY
    return f"DHCP{MessageType(kind).name}" if family == 4 else MessageType6(kind).name


def type_of(name: str, family: int) -> int:
    """The message type of such a name. KeyError for none."""
    if name in ("", ANY):
        return NO_TYPE
    if family == 6:
        return int(MessageType6[name])
    if not name.startswith("DHCP"):
        raise KeyError(name)
    return int(MessageType[name.removeprefix("DHCP")])


class Interval:
    """Samples of a time; `began` is by the wall clock, durations are whole microseconds."""

    __slots__ = ("began", "count", "longest", "shortest", "since", "total")

    def __init__(self, since: float, began: float) -> None:
        self.since, self.began = since, began
        self.count = self.total = self.longest = 0
        self.shortest = -1

    def add(self, sample: int) -> None:
        """One more."""
        self.count += 1
        self.total += sample
        self.longest = max(self.longest, sample)
        if sample < self.shortest or self.shortest < 0:
            self.shortest = sample

    @property
    def mean(self) -> int:
        """The mean, rounded down; 0 without samples."""
        return self.total // self.count if self.count else 0


class Duration:
    """One step's intervals: the one that lasts, and the one before, which is complete."""

    __slots__ = ("_current", "previous")

    def __init__(self) -> None:
        self._current: Interval | None = None
        self.previous: Interval | None = None

    def add(self, sample: int, now: float, wall: float, width: float) -> Interval | None:
        """One more sample (microseconds). The interval that this one ends, if it ends one."""
        current, ended = self._current, None
        if current is None or now - current.since > width:
            self.previous = ended = current
            current = self._current = Interval(now, wall)
        current.add(sample)
        return ended


class Durations:
    """All steps, by key. There are as many as kinds of messages, events and subnets make."""

    def __init__(self, width: float) -> None:
        self._width = width
        self._found: dict[Key, Duration] = {}

    def add(self, key: Key, sample: int, now: float, wall: float) -> Interval | None:
        """One more sample of a step. The interval that it ends, if it ends one."""
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = Duration()
        return found.add(sample, now, wall, self._width)

    def __iter__(self) -> Iterator[tuple[Key, Duration]]:
        return iter(sorted(self._found.items(), key=lambda item: item[0]))

    def __len__(self) -> int:
        return len(self._found)


class State(enum.Enum):
    """Whether an alarm goes."""

    CLEAR = "clear"
    TRIGGERED = "triggered"


@attrs.define(eq=False)
class Alarm:
    """Goes once a mean is above `high`, and until one is below `low` (microseconds). `since` is by the wall clock."""

    low: int
    high: int
    state: State = State.CLEAR
    since: float = 0.0
    told: float | None = None

    def is_told(self, mean: int, now: float, wall: float, again: float) -> bool:
        """Hears a mean: whether somebody must be told. While it goes, that is `again` seconds after the last time."""
        if mean < self.low:
            if self.state is State.CLEAR:
                return False
            self.state, self.since, self.told = State.CLEAR, wall, None
            return True
        if mean > self.high and self.state is State.CLEAR:
            self.state, self.since, self.told = State.TRIGGERED, wall, None
        if self.state is State.TRIGGERED and (self.told is None or now - self.told > again):
            self.told = now
            return True
        return False
