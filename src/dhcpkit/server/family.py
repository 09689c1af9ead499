"""What the servers of the two families do differently, as one value: `Family`. The loop and the timers know only this.

The families' own are `family4.FAMILY4` and `family6.FAMILY6`. This module does not know either.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from random import Random
from typing import Any, Generic, Protocol, TypeVar

import attrs

from dhcpkit.alloc.guards import Sight
from dhcpkit.alloc.name_change import NameChange
from dhcpkit.alloc.points import Consult, Point
from dhcpkit.alloc.query import Dropped
from dhcpkit.server.account import Words
from dhcpkit.server.ranks import Rank
from dhcpkit.server.statistics import Tally

__all__ = ["Decision", "Family", "Outcome", "Overlay", "Packet", "Points", "Query", "Quick"]

N = TypeVar("N")


class Packet(Protocol):
    """A message, as the loop sees it."""

    @property
    def type(self) -> int:
        """Its type."""
        ...

    @property
    def xid(self) -> int:
        """Its transaction."""
        ...

    @property
    def arrival(self) -> Any:
        """How it came."""
        ...


class Query(Protocol):
    """A message opened, as the loop sees it."""

    @property
    def packet(self) -> Any:
        """The message."""
        ...

    @property
    def network(self) -> Any:
        """Where it is served, with its `hosts`."""
        ...

    @property
    def identity(self) -> bytes:
        """Who asks, for telling whether two messages come from one client."""
        ...

    def wants(self) -> Iterable[Any]:
        """The leases worth loading before planning."""
        ...


class Decision(Protocol):
    """A decision, as the loop sees it."""

    @property
    def query(self) -> Any:
        """What was decided about."""
        ...

    @property
    def unit(self) -> Sequence[Any]:
        """Which leases change."""
        ...

    @property
    def offered(self) -> Any:
        """What was taken from pools in its turn."""
        ...


class Outcome(Protocol):
    """A decision with its answer in bytes, as the loop sees it."""

    @property
    def packet(self) -> Any:
        """The message."""
        ...

    @property
    def identity(self) -> bytes:
        """Whose it was."""
        ...

    @property
    def unit(self) -> Sequence[Any]:
        """Which leases change."""
        ...

    @property
    def sent(self) -> Any:
        """The datagram, None for silence."""
        ...

    @property
    def names(self) -> Sequence[NameChange]:
        """What DNS is to hear once the leases are stored."""
        ...


class Overlay(Protocol):
    """A view with a batch's earlier decisions laid over it."""

    def record(self, unit: Any, offered: Any = ..., /) -> None:
        """Shows a decision to later queries."""
        ...


class Quick(Protocol):
    """The quick way: decides about the plain messages of a batch into `done`, and returns the others."""

    def __call__(  # noqa: PLR0913, PLR0917  # a batch's whole world
        self,
        packets: Sequence[Any],
        network: Any,
        view: Any,
        now: int,
        busy: Container[bytes],
        done: list[Any],
        fault: Callable[[Any, Exception], None],
        /,
    ) -> list[Any]:
        """`busy` are clients with something going on; `fault` is told of what failed at a message."""
        ...


@attrs.frozen
class Points:
    """The hook points outside the engine, in the order they are met; `expire` and `recover` are the reclaimer's.

    `finals` are the points that are told of outcomes, `final` makes the one of an outcome, None where nobody listens.
    What the server itself put on probation is told at `server_declined`.
    """

    buffer_receive: Callable[[bytes, Any], Any]
    send: Callable[[Any, bytes], Any]
    buffer_send: Callable[[Any, bytes], Any]
    expire: Callable[..., Any]
    recover: Callable[[Any], Any]
    finals: tuple[type[Point], ...]
    final: Callable[[Any, Callable[[type[Point]], bool]], Point | None]
    configured: Callable[..., Any]
    server_declined: Callable[[Any, Any], Point] | None = None

    def kind(self, name: str) -> type[Point]:
        """The class of a point, for asking whether anybody listens."""
        found = getattr(self, name)
        assert isinstance(found, type), "a point is made by its class"
        assert issubclass(found, Point), "a point is a Point"
        return found


@attrs.frozen(eq=False)
class Family(Generic[N]):
    """One family's engine and words. `plan` may raise NotLoaded, `repeat` says what can be said without writing.

    `unanswered` is the outcome of a decision whose answer could not be made. `change` makes the change of one lease
    into another. `totals` counts leases, `count` a census. `decline` makes the unit that puts an offered address on
    probation; empty where somebody has it meanwhile.
    """

    number: int
    words: Words
    points: Points
    parse: Callable[[bytes, Any], Packet]
    open: Callable[[Any, N, Consult | None, frozenset[int]], Query | Dropped]
    plan: Callable[[Any, Any, Any, int, Random, Consult | None], Decision]
    repeat: Callable[[Any, Any, Any, int, Random], Decision]
    silent: Callable[[Any, str], Decision]
    outcome: Callable[[Any], Outcome]
    unanswered: Callable[[Any], Outcome]
    overlay: Callable[[Any], Overlay]
    reclaim: Callable[..., Any]
    change: Callable[[Any, Any], Any]
    tally: Callable[[], Tally]
    sight: Sight
    rank: Rank
    totals: Callable[[Iterable[Any]], dict[str, int]]
    count: Callable[[Any], dict[str, int]]
    quick: Quick | None = None
    decline: Callable[[Any, Any, Any, int], Sequence[Any]] | None = None
