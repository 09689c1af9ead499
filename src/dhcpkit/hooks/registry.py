"""Callouts: who listens to which point, in which order, what they answered, how long they took and whether they failed.

A callout may be plain or, where its point can wait, a coroutine. Each has a deadline: a coroutine that misses it is
cancelled, a plain one cannot be and is reported. One that fails or is late several times in a row is left out for a
while (`breaker`). This module does not know libraries, commands or servers.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.alloc.points import NextStep, Point
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.breaker import Breaker

__all__ = ["PLAIN_MAX", "WAIT_MAX", "Callout", "CalloutLate", "Exchange", "HookError", "Hooks", "Waits"]

PLAIN_MAX: Final = 0.25  # seconds a plain callout may take: nobody is served meanwhile
WAIT_MAX: Final = 10.0  # seconds a coroutine may take: clients ask again after 4, 8, 16 (RFC 2131 4.1)

P = TypeVar("P", bound=Point)
Callout = Callable[[P], Any]


class HookError(DhcpkitError):
    """A callout cannot be registered as asked: the author of the library is at fault."""


class CalloutLate(DhcpkitError):
    """A callout that waits did not answer in time, and was cancelled."""


class Waits(Exception):  # no error: as NotLoaded, it says what must happen before going on
    """A point inside the engine has callouts that wait: they are asked first, and then the engine again."""

    def __init__(self, point: Point) -> None:
        super().__init__(point.kea_name)
        self.point = point


@attrs.define(order=True)
class _Entry:
    order: int
    turn: int
    callout: Callable[[Any], Any] = attrs.field(eq=False, order=False)
    waits: bool = attrs.field(eq=False, order=False)
    breaker: Breaker = attrs.field(eq=False, order=False)
    library: object = attrs.field(eq=False, order=False, default=None)


class Hooks:
    """The callouts of one server. `@hooks.on(Pkt4Receive)` registers a function; lower `order` runs first.

    A callout returns None to go on, or SKIP or DROP; the first DROP ends the round, else the last answer counts (Kea).
    `clock` tells seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.active = False
        """Whether there is any callout."""
        self.guided = False
        """Whether somebody listens to a point that plain messages meet within the engine."""
        self.family = 4
        """Whose log hears of callouts that fail."""
        self.tally: defaultdict[str, int] = defaultdict(int)
        """What was counted and not yet fetched (`breaker.COUNTED`)."""
        self._clock = clock
        self._entries: dict[type[Point], list[_Entry]] = {}
        self._waiting: frozenset[type[Point]] = frozenset()
        self._turn = 0

    def on(self, point: type[P], *, order: int = 0, deadline: float = 0) -> Callable[[Callout[P]], Callout[P]]:
        """Registers the decorated function for a point. Raises HookError where it could wait and the point cannot.

        `deadline` is in seconds; 0: the usual one.
        """

        def register(callout: Callout[P]) -> Callout[P]:
            self._register(point, order, callout, None, deadline)
            return callout

        return register

    def add(
        self,
        library: object,
        callouts: Iterable[tuple[type[Point], int, Callable[..., Any]]],
        *,
        deadline: float = 0,
    ) -> None:
        """Registers a library's callouts, behind those of the libraries before it. Raises HookError, and then none."""
        found = list(callouts)
        for point, _, callout in found:
            _check(point, callout)
        for point, _order, callout in sorted(found, key=lambda one: one[1]):
            self._register(point, 0, callout, library, deadline)

    def remove(self, library: object) -> None:
        """Takes a library's callouts away."""
        left = {
            point: [entry for entry in entries if entry.library is not library]
            for point, entries in self._entries.items()
        }
        self._entries = {point: entries for point, entries in left.items() if entries}
        self._look()

    def _register(  # what there is to say of a callout
        self, point: type[Point], order: int, callout: Callable[..., Any], library: object, deadline: float
    ) -> None:
        _check(point, callout)
        waits = inspect.iscoroutinefunction(callout)
        name = f"{callout.__module__}.{callout.__qualname__}"
        limit = deadline or (WAIT_MAX if waits else PLAIN_MAX)
        breaker = Breaker(self, name, point.kea_name, limit, never_open=point.guards)
        insort(self._entries.setdefault(point, []), _Entry(order, self._turn, callout, waits, breaker, library))
        self._turn += 1
        self._look()

    def _look(self) -> None:
        self.active = bool(self._entries)
        self.guided = any(point.guides for point in self._entries)
        self._waiting = frozenset(
            point for point, entries in self._entries.items() if any(entry.waits for entry in entries)
        )

    def listens(self, point: type[Point]) -> bool:
        """Whether anybody registered for a point: callers skip making it otherwise."""
        return point in self._entries

    def waits(self, point: type[Point]) -> bool:
        """Whether a callout of a point is a coroutine, so that whoever meets it must wait."""
        return point in self._waiting

    def consult(self, point: Point) -> NextStep | None:
        """Asks every callout of the point's class. Raises what a callout raises: nothing is decided then.

        None of them may wait: who waits is asked by `wait`.
        """
        step = None
        steps, clock = point.steps, self._clock
        for entry in self._entries.get(type(point), ()):
            breaker = entry.breaker
            if breaker.tripped and breaker.left_out(clock()):
                continue
            started = clock()
            try:
                answer = entry.callout(point)
            except Exception as error:
                breaker.failed(error, clock())
                raise
            breaker.took(clock() - started, clock)
            if answer in steps:
                step = answer
                if answer is NextStep.DROP:
                    break
        return step

    def tell(self, point: Point) -> NextStep | None:
        """As `consult`, of what has happened already: a callout that fails is reported, and the others are asked.

        What a callout that failed had changed in the point is taken back.
        """
        step = None
        for entry in self._entries.get(type(point), ()):
            assert not entry.waits, "who waits is asked by `wait`"
            answer = self._try(entry, point)
            if answer in point.steps:
                step = answer
                if answer is NextStep.DROP:
                    break
        return step

    async def wait(self, point: Point, *, decides: bool = False) -> NextStep | None:
        """As `tell`, with callouts that wait. Where the point `decides`, it raises what a callout raises instead.

        Raises CalloutLate then, too, where one does not answer in time.
        """
        step = None
        for entry in tuple(self._entries.get(type(point), ())):
            if not entry.waits:
                answer = self._try(entry, point, decides=decides)
            else:
                answer = await self._await(entry, point, decides=decides)
            if answer in point.steps:
                step = answer
                if answer is NextStep.DROP:
                    break
        return step

    def _try(self, entry: _Entry, point: Point, *, decides: bool = False) -> Any:
        breaker, clock = entry.breaker, self._clock
        started = clock()
        if breaker.tripped and breaker.left_out(started):
            return None
        before = _values(point)
        try:
            answer = entry.callout(point)
        except Exception as error:
            breaker.failed(error, clock())
            if decides:
                raise
            _put_back(point, before)
            return None
        breaker.took(clock() - started, clock)
        return answer

    async def _await(self, entry: _Entry, point: Point, *, decides: bool) -> Any:
        breaker, clock = entry.breaker, self._clock
        if breaker.tripped and breaker.left_out(clock()):
            return None
        before = _values(point)
        task = asyncio.ensure_future(entry.callout(point))
        try:
            await asyncio.wait({task}, timeout=breaker.deadline)
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_forget)
        late = not task.done()
        error = CalloutLate(f"it did not answer within {breaker.deadline:g} s") if late else _error_of(task)
        if error is None:
            breaker.well()
            return task.result()
        if late:
            breaker.late(breaker.deadline, clock())
        else:
            breaker.failed(error, clock())
        if decides:
            raise error
        _put_back(point, before)
        return None

    def __bool__(self) -> bool:
        return bool(self._entries)


def _check(point: type[Point], callout: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(callout) and not point.may_wait:
        raise HookError(f"{point.kea_name}: {callout.__qualname__} is a coroutine, and this point cannot wait")


def _error_of(task: asyncio.Future[Any]) -> BaseException | None:
    return CalloutLate("it was cancelled") if task.cancelled() else task.exception()


def _forget(task: asyncio.Future[Any]) -> None:
    """Whatever a cancelled callout still says, nobody waits for it."""
    if not task.cancelled():
        task.exception()


class Exchange:
    """The callouts as one exchange sees them: a point met again while planning anew is not asked twice.

    What a callout changed in the point is changed again, from memory. `context` is what its callouts share.
    """

    __slots__ = ("_answers", "_hooks", "context")

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._answers: list[tuple[Point, Point, NextStep | None]] = []
        self.context: dict[str, Any] = {}

    def __call__(self, point: Point) -> NextStep | None:
        """Asks the callouts, or repeats what they said to an equal point before. Raises Waits where they must wait."""
        hooks = self._hooks
        if not hooks.listens(type(point)):
            return None
        for before, after, step in self._answers:
            if before == point:
                for name in _fields(point):
                    setattr(point, name, getattr(after, name))
                return step
        point.context = self.context
        if hooks.waits(type(point)):
            raise Waits(point)
        before = attrs.evolve(point)  # type: ignore[misc]  # every point is an attrs class
        step = hooks.consult(point)
        self._answers.append((before, point, step))
        return step

    async def wait(self, point: Point) -> None:
        """Asks callouts that wait about a point of the engine, and remembers what they say. Raises as they do."""
        before = attrs.evolve(point)  # type: ignore[misc]  # every point is an attrs class
        step = await self._hooks.wait(point, decides=True)
        self._answers.append((before, point, step))


_KNOWN: Final[dict[type[Point], tuple[str, ...]]] = {}  # the fields of points, which are asked for again and again


def _fields_of(kind: type[Point]) -> tuple[str, ...]:
    found = _KNOWN.get(kind)
    if found is None:
        declared = attrs.fields(kind)  # type: ignore[arg-type]  # points are attrs classes
        found = _KNOWN[kind] = tuple(field.name for field in declared)
    return found


def _fields(point: Point) -> tuple[str, ...]:
    return _fields_of(type(point))


def _values(point: Point) -> list[tuple[str, Any]]:
    return [(name, getattr(point, name)) for name in _fields_of(type(point))]


def _put_back(point: Point, values: list[tuple[str, Any]]) -> None:
    for name, value in values:
        setattr(point, name, value)
