"""The hook libraries of a running server: loaded, kept or let go as the configuration says, all of it or nothing.

A library whose entry is the same in the new configuration lives on; its callouts and commands are asked in the order of
the new one. What cannot be loaded leaves everything as it was. This module does not know what libraries do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Twin
from dhcpkit.hooks.library import Library, callouts_of
from dhcpkit.hooks.loading import Choice, LibraryError
from dhcpkit.hooks.operated import Operated
from dhcpkit.server import messages as m

__all__ = ["Libraries"]


class Libraries:
    """What is loaded, in order."""

    def __init__(self, operated: Operated) -> None:
        self._operated = operated
        self._loaded: list[tuple[Choice, Library]] = []

    def __iter__(self) -> Iterator[Library]:
        return (library for _, library in self._loaded)

    async def adopt(self, choices: Sequence[Choice]) -> None:
        """Loads what is new, in the place of what is no longer wanted. Raises LibraryError: nothing has changed."""
        kept = list(self._loaded)
        wanted: list[tuple[Choice, Library]] = []
        fresh: list[tuple[Choice, Library]] = []
        try:
            for choice in choices:
                same = next((one for one in kept if one[0].key == choice.key), None)
                if same is not None:
                    kept.remove(same)
                    wanted.append((choice, same[1]))
                    continue
                made = choice, await self._load(choice)
                fresh.append(made)
                wanted.append(made)
            self._connect(wanted)
        except LibraryError:
            await self._unload(fresh)
            raise
        self._loaded = wanted
        for choice, _ in fresh:
            self._say(m.HOOKS_LIBRARY_LOADED, choice)
        await self._unload(kept)

    async def configured(self) -> None:
        """Tells every library that another configuration is in force."""
        for choice, library in self._loaded:
            try:
                await library.configured()
            except Exception as error:  # noqa: BLE001  # a fault of a library must not end the service
                m.HOOKS_LIBRARY_FAULT.of(self._operated.family).log(
                    library=choice.library.name, what="configured", reason=f"{type(error).__name__}: {error}"
                )

    async def close(self) -> None:
        """Lets all go, the last one first."""
        loaded, self._loaded = self._loaded, []
        self._disconnect(library for _, library in loaded)
        await self._unload(reversed(loaded))

    async def _load(self, choice: Choice) -> Library:
        name = choice.library.name
        try:
            made = choice.library(self._operated, choice.parameters)
            await made.load()
        except DhcpkitError as error:
            raise LibraryError(f"hooks library {name}: {error}") from error
        except Exception as error:
            raise LibraryError(f"hooks library {name} failed to load: {type(error).__name__}: {error}") from error
        return made

    def _connect(self, wanted: Sequence[tuple[Choice, Library]]) -> None:
        """Puts these callouts and commands in the place of the present ones, between two batches."""
        present = self._loaded
        self._disconnect(library for _, library in present)
        added: list[Library] = []
        try:
            for choice, library in wanted:
                added.append(library)
                self._add(choice, library)
        except DhcpkitError as error:
            self._disconnect(added)
            for choice, library in present:
                self._add(choice, library)
            raise LibraryError(str(error)) from error

    def _add(self, choice: Choice, library: Library) -> None:
        self._operated.commands.add(library)
        deadline = choice.deadline or library.deadline
        self._operated.hooks.add(library, callouts_of(library), deadline=deadline)

    def _disconnect(self, libraries: Iterable[Library]) -> None:
        for library in libraries:
            self._operated.commands.remove(library)
            self._operated.hooks.remove(library)

    async def _unload(self, gone: Iterable[tuple[Choice, Library]]) -> None:
        for choice, library in gone:
            try:
                await library.unload()
            except Exception as error:  # noqa: BLE001  # as in configured
                m.HOOKS_LIBRARY_FAULT.of(self._operated.family).log(
                    library=choice.library.name, what="unload", reason=f"{type(error).__name__}: {error}"
                )
            self._say(m.HOOKS_LIBRARY_UNLOADED, choice)

    def _say(self, message: Twin, choice: Choice) -> None:
        message.of(self._operated.family).log(library=choice.library.name)
