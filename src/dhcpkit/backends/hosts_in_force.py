"""The reservations that a server obeys: of its configuration, of its cache, and of its stores, in this order (Kea).

`adopt` puts them in the place of the configuration's own ones in the network that is served, unless there are no
others; a change takes effect for the next message. This module does not know sockets or commands.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import entry_points
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs

from dhcpkit.alloc.host import GLOBAL, Hosts
from dhcpkit.alloc.host6 import Hosts6
from dhcpkit.alloc.host_layers import LayeredHosts, LayeredHosts6
from dhcpkit.backends.hosts import HostStore, LocalHostStore, Reservation, reservation_of
from dhcpkit.backends.hosts_cache import Cached, HostCache
from dhcpkit.backends.hosts_memory import HostIndex
from dhcpkit.backends.hosts_sqlite import SqliteHostStore, file_of
from dhcpkit.config import ConfigError
from dhcpkit.config.param import unparse
from dhcpkit.config.reserving import Reserving
from dhcpkit.errors import DhcpkitError

__all__ = ["GROUP", "HostsInForce", "Opener", "opener_of", "reservations_of"]

TOGETHER: Final = 500  # reservations that are compiled between two looks at messages: 10 ms
GROUP: Final = "dhcpkit.hosts"  # the group of entry points for stores of reservations
Opener = Callable[[Any, int, Path], Awaitable[HostStore]]
"""Opens a store, given its `hosts-database` document, the family, and the data directory."""
Place = tuple[str, str]  # of a store: its kind, and all that was written about it


def opener_of(kind: str) -> Opener | None:
    """What opens stores of a kind: `open_hosts` of the module `hosts_KIND` beside this one, or an entry point."""
    name = f"dhcpkit.backends.hosts_{kind}"
    if kind.isidentifier() and importlib.util.find_spec(name) is not None:
        return getattr(importlib.import_module(name), "open_hosts", None)
    for each in entry_points(group=GROUP, name=kind):
        found: Opener = each.load()
        return found
    return None


def reservations_of(doc: Any, network: Any, family: int) -> HostIndex:
    """The reservations of a configuration as those of a store; their ids are their places in it."""
    index = HostIndex()
    for subnet_id, entry in _entries(doc, network, family):
        index.add(reservation_of(family, subnet_id, unparse(entry), len(index) + 1))
    return index


def _entries(doc: Any, network: Any, family: int) -> Iterator[tuple[int, Any]]:
    yield from ((GLOBAL, entry) for entry in doc.reservations)
    by_prefix = {subnet.prefix: subnet.id for subnet in network.subnets}
    name = f"subnet{family}"
    for subnet in (*getattr(doc, name), *(each for link in doc.shared_networks for each in getattr(link, name))):
        if subnet.reservations:
            number = (
                subnet.id
                if "id" in subnet.written and subnet.id
                else by_prefix[ip_network(subnet.subnet, strict=False)]
            )
            yield from ((number, entry) for entry in subnet.reservations)


async def _local(store: HostStore) -> LocalHostStore:
    """The store, if its reservations are in memory. Raises DhcpkitError, and then it is closed."""
    if isinstance(store, LocalHostStore):
        return store
    await store.close()
    raise DhcpkitError(f"{store.name}: reservations that are not in memory are not served yet")


@attrs.define(eq=False)
class _Open:
    """A store that is open, and its reservations as the engine takes them."""

    place: Place
    store: LocalHostStore
    hosts: Any


class HostsInForce:
    """Where a server's reservations are. `told` hears what is wrong with one that cannot be obeyed as it is written."""

    def __init__(
        self, family: int, folder: Callable[[str], Path], told: Callable[[str], object] = lambda _why: None
    ) -> None:
        """`folder` makes the data directory of the one that a configuration names."""
        self.family = family
        self.reserving = Reserving(family)
        self.cache: HostCache | None = None
        self._folder = folder
        self._told = told
        self._open: list[_Open] = []
        self._definitions: Any = ()
        self._changing = asyncio.Lock()  # stores and what the engine takes change together
        self._wanting = 0
        self._last_id = 0
        self._network: Any = None
        self._doc: Any = None
        self._index: HostIndex | None = None
        self._own: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # the configuration's, of each network

    # What there is.

    @property
    def stores(self) -> Sequence[LocalHostStore]:
        """The stores, in order; new reservations go into the first one."""
        return [each.store for each in self._open]

    @property
    def configured(self) -> HostIndex:
        """The reservations of the configuration in force."""
        if self._index is None:
            self._index = reservations_of(self._doc, self._network, self.family)
        return self._index

    def next_id(self) -> int:
        """A number for a reservation that the configuration is about to get: Kea counts them on."""
        self._last_id = max(self._last_id, len(self.configured)) + 1
        return self._last_id

    def want_store(self, by: int = 1) -> None:
        """Somebody needs a store (1), or no longer does (-1): there is one then, whatever the configuration says.

        It is opened when a configuration is put in force next.
        """
        self._wanting += by

    def use_cache(self, cache: HostCache | None) -> None:
        """Puts a cache between configuration and stores, or takes it away."""
        self.cache = cache
        if self._network is not None:
            self._attach()

    # Configurations.

    async def adopt(self, doc: Any, network: Any) -> None:
        """Opens the stores that a configuration asks for, and gives its network their reservations.

        Raises StoreUnavailable, HostFileError or another DhcpkitError, and leaves everything as it was.
        """
        async with self._changing:
            await self._adopt(doc, network)

    async def _adopt(self, doc: Any, network: Any) -> None:
        opened, fresh = await self._opened(doc)
        gone = [each for each in self._open if each not in opened]
        before = self.reserving, self._definitions
        if doc.option_def != self._definitions:
            self.reserving, self._definitions = Reserving(self.family, doc), doc.option_def
        try:
            for each in opened if self.reserving is not before[0] else fresh:
                each.hosts = await self._hosts_of(each.store)
        except BaseException:
            self.reserving, self._definitions = before
            for each in fresh:
                await each.store.close()
            raise
        self._open = opened
        self._doc, self._network, self._index = doc, network, None
        self._attach()
        for each in gone:
            await each.store.close()

    async def _opened(self, doc: Any) -> tuple[list[_Open], list[_Open]]:
        """The stores of a configuration, in order, and which of them were opened for it."""
        folder = self._folder(doc.data_directory)
        opened: list[_Open] = []
        fresh: list[_Open] = []
        try:
            for place, opening in self._places(doc, folder):
                known = next((each for each in self._open if each.place == place), None)
                if known is None:
                    store = await opening()
                    known = _Open(place, await _local(store), None)
                    fresh.append(known)
                opened.append(known)
        except BaseException:
            for each in fresh:
                await each.store.close()
            raise
        return opened, fresh

    def _places(self, doc: Any, folder: Path) -> Iterator[tuple[Place, Callable[[], Awaitable[HostStore]]]]:
        named = [doc.hosts_database] if doc.hosts_database is not None else []
        some = False
        for each in (*named, *doc.hosts_databases):
            kind = each.type or "sqlite"
            opener = opener_of(kind)
            if opener is not None:
                some = True
                told = str(file_of(each.name, self.family, folder)) if kind == "sqlite" else f"{unparse(each)} {folder}"
                yield (kind, told), partial(opener, each, self.family, folder)
        if self._wanting and not some:
            path = file_of("", self.family, folder)
            yield ("sqlite", str(path)), partial(asyncio.to_thread, SqliteHostStore, path, self.family)

    async def _hosts_of(self, store: LocalHostStore) -> Any:
        hosts: Any = Hosts() if self.family == 4 else Hosts6()
        for number, each in enumerate(list(store), 1):
            if not number % TOGETHER:
                await asyncio.sleep(0)
            host = self._compiled(each)
            if host is not None:
                hosts.add(host)
        return hosts

    def _compiled(self, reservation: Reservation) -> Any:
        """What the engine takes; what is not understood any more is told and left out."""
        written, subnet_id = reservation.written, reservation.subnet_id
        try:
            return self.reserving.host(written, subnet_id)
        except ConfigError as error:
            who = f"the reservation of {reservation.identifier_type} {reservation.identifier.hex(':')}"
            self._told(f"{who} in subnet {subnet_id}: {error.errors[0].message}")
        try:
            return self.reserving.protecting(written, subnet_id)
        except ConfigError:
            return None

    def _attach(self) -> None:
        """Gives the network all there is; its own only, where there is nothing else."""
        network = self._network
        own = self._own.get(network)
        if own is None:
            own = self._own[network] = network.hosts
        layers = [*((self.cache,) if self.cache is not None else ()), *(each.hosts for each in self._open)]
        if len(own) or not layers:  # a network's own ones never change: none need not be asked
            layers.insert(0, own)
        if len(layers) == 1:
            network.hosts = layers[0]
        else:
            network.hosts = LayeredHosts(layers) if self.family == 4 else LayeredHosts6(layers)

    async def close(self) -> None:
        """Lets go of every store."""
        opened, self._open = self._open, []
        for each in opened:
            await each.store.close()

    # Changes.

    async def put(
        self, written: Mapping[str, Any], subnet_id: int, *, replace: bool, unique: bool, host_id: int = 0
    ) -> Reservation | None:
        """Keeps a reservation in the first store; with `replace`, in whichever has one for its client.

        None where there is none to replace. `host_id` is what the cache shows. Raises ConfigError, HostClash,
        StoreUnavailable.
        """
        async with self._changing:
            return await self._put(written, subnet_id, replace=replace, unique=unique, host_id=host_id)

    async def _put(
        self, written: Mapping[str, Any], subnet_id: int, *, replace: bool, unique: bool, host_id: int
    ) -> Reservation | None:
        host = self.reserving.host(written, subnet_id)
        wanted = reservation_of(self.family, subnet_id, written)
        for each in self._open if replace else self._open[:1]:
            made = await each.store.put(wanted, replace=replace, unique=unique)
            if made is not None:
                each.hosts.remove(*made.key)
                each.hosts.add(host)
                self.remember(made, host_id)
                return made
        return None

    async def remove(self, reservation: Reservation) -> bool:
        """Takes a reservation away from every store that has it; whether one did. Raises StoreUnavailable."""
        found = False
        async with self._changing:
            for each in self._open:
                if await each.store.remove(*reservation.key) is not None:
                    each.hosts.remove(*reservation.key)
                    found = True
        if self.cache is not None:
            found = self.cache.remove(*reservation.key) or found
        return found

    def remember(self, reservation: Reservation, host_id: int = 0) -> None:
        """Puts a reservation into the cache, if there is one."""
        if self.cache is not None:
            host = self.reserving.host(reservation.written, reservation.subnet_id)
            self.cache.insert(Cached(reservation, host, host_id))
