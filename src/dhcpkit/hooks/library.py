"""A hook library: callouts and commands in one class, with parameters of its own.

    class Greeter(Library):
        '''Greets whoever asks.'''

        name = "greeter"
        parameters = GreeterParameters        # a Document: the `parameters` of `hooks-libraries`

        @on(Pkt4Receive)
        def look(self, point: Pkt4Receive) -> NextStep | None: ...

        @command("greeting-get", Access.READ, since="0.1")
        def greet(self) -> Answer: ...

One module with one such class is a library (`dhcpkit.hooks.loading` finds it). This module does not know servers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final, TypeVar

from dhcpkit.alloc.points import Point
from dhcpkit.config.param import Document, document
from dhcpkit.hooks.commands import BOTH
from dhcpkit.hooks.operated import Operated

__all__ = ["Library", "NoParameters", "callouts_of", "on"]

_MARK: Final = "__dhcpkit_callout__"
C = TypeVar("C", bound=Callable[..., Any])


def on(point: type[Point], *, order: int = 0) -> Callable[[C], C]:
    """Marks a method of a library as a callout of a point: `(self, point) -> NextStep | None`.

    Libraries are asked in the order of the configuration; within one, lower `order` first. A method may be marked for
    several points. It may be a coroutine where the point can wait (`may_wait`).
    """

    def mark(function: C) -> C:
        marks: list[tuple[type[Point], int]] = getattr(function, _MARK, [])
        setattr(function, _MARK, [*marks, (point, order)])
        return function

    return mark


def callouts_of(library: object) -> Iterator[tuple[type[Point], int, Callable[..., Any]]]:
    """The callouts of a library: point, order, and the method bound to it; in the order of the points' names.

    Those that it does not want (`Library.wants`) are left out.
    """
    wants, unused = getattr(library, "wants", None), getattr(library, "unused", ())
    found = [
        (point, order, getattr(library, attribute))
        for attribute, function in inspect.getmembers(type(library), callable)
        for point, order in getattr(function, _MARK, ())
        if (wants is None or wants(point)) and attribute not in unused
    ]
    yield from sorted(found, key=lambda one: (one[0].kea_name, one[1], one[2].__name__))


@document("parameters")
class NoParameters(Document):
    """A library that is told nothing."""


class Library:
    """What a hook library derives from. One object is one entry of `hooks-libraries`, from its load to its unload.

    `name` is what the configuration calls it (`libdhcp_NAME.so` for Kea's), `parameters` the document of what it is
    told, `servers` where it may be loaded. A library whose entry is the same after a reload lives on. `deadline` is how
    many seconds its callouts may take unless the configuration says otherwise; 0: 10 for coroutines, 0.25 for others.
    `unused` are names of callouts that are not to be registered, settled by `load`. `paths` are the parameters that
    name a file (or a folder, with a `/` behind it): commands may not set them to any file of the machine.
    """

    name: ClassVar[str] = ""
    parameters: ClassVar[type[Document]] = NoParameters
    servers: ClassVar[Iterable[str]] = BOTH
    deadline: ClassVar[float] = 0
    paths: ClassVar[tuple[str, ...]] = ()
    unused: frozenset[str] = frozenset()

    def __init__(self, operated: Operated, parameters: Any) -> None:
        """`parameters` is an instance of the class's document. Raises DhcpkitError where they make no sense."""
        self.operated = operated
        self.told = parameters

    def wants(self, point: type[Point]) -> bool:  # a library that is always told of everything
        """Whether it wants to be told of a point that it has a callout for. Asked once it is loaded.

        A callout costs something even where it does nothing: what nobody wants is served as if it were not there.
        """
        return True

    async def load(self) -> None:
        """Gets ready, before the first callout or command. Raises DhcpkitError: then the configuration is refused."""

    async def configured(self) -> None:
        """A configuration came into force, at the start and after each reload: what was derived from it is stale."""

    async def unload(self) -> None:
        """Lets go of everything; no callout or command comes any more."""
