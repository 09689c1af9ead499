"""Callouts: who listens to which point, in which order, and what they answered.

This module does not know libraries, commands or servers.
"""

from __future__ import annotations

import inspect
from bisect import insort
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import attrs

from dhcpkit.alloc.points import NextStep, Point
from dhcpkit.errors import DhcpkitError

__all__ = ["Callout", "Exchange", "HookError", "Hooks"]

P = TypeVar("P", bound=Point)
Callout = Callable[[P], NextStep | None]


class HookError(DhcpkitError):
    """A callout cannot be registered as asked: the author of the library is at fault."""


@attrs.frozen(order=True)
class _Entry:
    order: int
    turn: int
    callout: Callable[[Any], NextStep | None] = attrs.field(order=False)
    library: object = attrs.field(order=False, default=None)


class Hooks:
    """The callouts of one server. `@hooks.on(Pkt4Receive)` registers a function; lower `order` runs first.

    A callout returns None to go on, or SKIP or DROP; the first DROP ends the round, else the last answer counts (Kea).
    """

    def __init__(self) -> None:
        self._entries: dict[type[Point], list[_Entry]] = {}
        self._turn = 0

    def on(self, point: type[P], *, order: int = 0) -> Callable[[Callout[P]], Callout[P]]:
        """Registers the decorated function for a point. Raises HookError where it could wait and the point cannot."""

        def register(callout: Callout[P]) -> Callout[P]:
            self._register(point, order, callout, None)
            return callout

        return register

    def add(self, library: object, callouts: Iterable[tuple[type[Point], int, Callable[..., Any]]]) -> None:
        """Registers a library's callouts, behind those of the libraries before it. Raises HookError, and then none."""
        found = list(callouts)
        for point, _, callout in found:
            _check(point, callout)
        for point, _order, callout in sorted(found, key=lambda one: one[1]):
            self._register(point, 0, callout, library)

    def remove(self, library: object) -> None:
        """Takes a library's callouts away."""
        left = {
            point: [entry for entry in entries if entry.library is not library]
            for point, entries in self._entries.items()
        }
        self._entries = {point: entries for point, entries in left.items() if entries}

    def _register(self, point: type[Point], order: int, callout: Callable[..., Any], library: object) -> None:
        _check(point, callout)
        insort(self._entries.setdefault(point, []), _Entry(order, self._turn, callout, library))
        self._turn += 1

    def listens(self, point: type[Point]) -> bool:
        """Whether anybody registered for a point: callers skip making it otherwise."""
        return point in self._entries

    def consult(self, point: Point) -> NextStep | None:
        """Asks every callout of the point's class."""
        step = None
        for entry in self._entries.get(type(point), ()):
            answer = entry.callout(point)
            if answer is not None:
                step = answer
                if answer is NextStep.DROP:
                    break
        return step

    def __bool__(self) -> bool:
        return bool(self._entries)


def _check(point: type[Point], callout: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(callout) and not point.may_wait:
        raise HookError(f"{point.kea_name}: {callout.__qualname__} is a coroutine, and this point cannot wait")


class Exchange:
    """The callouts as one exchange sees them: a point met again while planning anew is not asked twice.

    What a callout changed in the point is changed again, from memory.
    """

    __slots__ = ("_answers", "_hooks")

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._answers: list[tuple[Point, Point, NextStep | None]] = []

    def __call__(self, point: Point) -> NextStep | None:
        """Asks the callouts, or repeats what they said to an equal point before."""
        if not self._hooks.listens(type(point)):
            return None
        for before, after, step in self._answers:
            if before == point:
                for name in _fields(point):
                    setattr(point, name, getattr(after, name))
                return step
        before = attrs.evolve(point)  # type: ignore[misc]  # every point is an attrs class
        step = self._hooks.consult(point)
        self._answers.append((before, point, step))
        return step


def _fields(point: Point) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(type(point)))  # type: ignore[arg-type]  # points are attrs classes
