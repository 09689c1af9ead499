"""The server that commands and hook libraries work on, as they see it: an `Operated`.

What runs is one process with one configuration, one lease store and one network at a time; each may be another one
after a reload, so a library asks for them anew and keeps none. This module does not know processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dhcpkit.alloc.name_change import NameChange
from dhcpkit.backends.hosts_in_force import HostsInForce
from dhcpkit.backends.protocols import LeaseStoreOf
from dhcpkit.hooks.commands import Commands
from dhcpkit.hooks.registry import Hooks

__all__ = ["AnyStore", "Counters", "NameSink", "Operated"]

AnyStore = LeaseStoreOf[Any, Any, Any, Any]


class NameSink(Protocol):
    """What hears of changes of names, in the order in which they happened."""

    def put(self, changes: Sequence[NameChange], /) -> None:
        """The leases of these are stored. It neither waits nor fails: a client's lease does not depend on DNS."""
        ...


class Counters(Protocol):
    """The server's statistics, by Kea's names."""

    def value(self, name: str, /) -> int:
        """The newest value; 0 where nothing was ever counted under this name."""
        ...

    def values(self) -> dict[str, int]:
        """Every value, by name."""
        ...

    def put(self, values: Mapping[str, int], /) -> None:
        """Sets values."""
        ...

    def add(self, tally: Mapping[str, int], /) -> None:
        """Adds to values."""
        ...


class Operated(Protocol):
    """The process that commands are about, and what a hook library may use of it."""

    commands: Commands
    hooks: Hooks
    hosts: HostsInForce
    """Where reservations are: the configuration's, a cache's, those of stores. Changes are made through it."""
    config: str
    """The path of the configuration file it was started with."""

    @property
    def family(self) -> int:
        """4 or 6."""
        ...

    @property
    def doc(self) -> Any:
        """The configuration in force: a Dhcp4Doc or Dhcp6Doc."""
        ...

    @property
    def data_directory(self) -> Path:
        """The folder where commands may write data, and no other (Kea's `data-directory`)."""
        ...

    @property
    def network(self) -> Any:
        """What is served: a Network or Network6."""
        ...

    @property
    def store(self) -> AnyStore:
        """Where leases are. To change them, `commit` of this class counts what it changes."""
        ...

    @property
    def statistics(self) -> Counters:
        """The counters."""
        ...

    @property
    def names(self) -> NameSink:
        """Where changes of names go."""
        ...

    def now(self) -> int:
        """The time by which leases end, in seconds since 1970; no step of the wall clock moves it."""
        ...

    async def commit(self, units: Sequence[Sequence[Any]], /) -> Sequence[bool]:
        """Changes leases as the server itself would: durable on return, counted, and known to whoever reclaims them.

        Each unit all or nothing; False where what it expects is not what is stored. Raises StoreUnavailable.
        """
        ...

    async def edit(self, change: Callable[[dict[str, Any]], None], /) -> None:
        """Puts an edited configuration in force: `change` alters the map under `Dhcp4` or `Dhcp6`, as it was written.

        It is called in a thread, for a large configuration takes a while. Edits follow one another; everything is
        checked as for a whole configuration, and what is refused changes nothing. Raises Refused.
        """
        ...
