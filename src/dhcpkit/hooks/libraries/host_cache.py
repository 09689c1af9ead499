"""Kea's library `host_cache`: a cache of reservations between the configuration and the stores, and its commands.

What is added or changed by command, what is inserted here and what a command finds in a store is in the cache; the
engine obeys it before the stores. dhcpkit's own stores are in memory and need none: there, the cache is what its
commands make of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dhcpkit.backends.hosts import reservation_of
from dhcpkit.backends.hosts_cache import Cached, HostCache
from dhcpkit.config import ConfigError
from dhcpkit.config.checks import Unfit, identifier
from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.config.reserving import UNUSED, cached_form, identifier_text, identifiers_of
from dhcpkit.config.surroundings import U32
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.hooks.libraries.host_cmds_args import SUBNET_MAX, address_of
from dhcpkit.hooks.library import Library

__all__ = [
    "CacheClient",
    "CacheCount",
    "CacheEntries",
    "CacheEntry",
    "CacheFile",
    "HostCacheCommands",
    "HostCacheParameters",
]

SEARCHED: Final = (Result.SUCCESS, Result.EMPTY)
EVERY: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)
MODE: Final = 0o640  # of a written file: host names and identifiers are nobody else's business
FILE_MAX: Final = 1 << 28  # octets of a file that is loaded: a million entries take half of it
KINDS: Final = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")
NO_SERVER: Final = "0.0.0.0"  # what Kea writes for "no boot server"; nothing is bound to it
SAME: Final = ("hostname", "server-hostname", "boot-file-name", "user-context", "excluded-prefixes")
KNOWN: Final = frozenset((
    *KINDS, *SAME, "ip-address", "ip-addresses", "prefixes", "next-server", "host-id", "subnet-id4", "subnet-id6",
    "client-classes4", "client-classes6", "option-data4", "option-data6",
))  # fmt: skip


@document("parameters")
class HostCacheParameters(Document):
    """How large the cache may get."""

    maximum: int = param(default=0, low=0, high=U32, doc="How many entries there are at most; 0 for no limit.")


@document("arguments")
class CacheFile(Document):
    """The name of a file, which is sent as the whole arguments."""

    file: str = param(default="", doc="A file in the data directory.")


@document("arguments")
class CacheCount(Document):
    """A number, which is sent as the whole arguments."""

    count: int = param(default=0, low=0, high=U32, doc="How many of the oldest entries; 0 is refused.")


@document("arguments")
class CacheEntries(Document):
    """An entry as `cache-get` shows it, or a list of them, which is sent as the whole arguments."""

    entries: tuple[Json, ...] = param(default=(), doc="The entries.")


@document("arguments")
class CacheClient(Document):
    """A client, by one of its identifiers."""

    hw_address: str = param(default="", doc="Its hardware address.")
    duid: str = param(default="", doc="Its DUID.")
    circuit_id: str = param(default="", doc="The circuit its relay agent names.")
    client_id: str = param(default="", doc="Its client identifier.")
    flex_id: str = param(default="", doc="What the flexible identifier library computes.")


@document("arguments")
class CacheEntry(CacheClient):
    """An entry, by its address or by its client."""

    ip_address: str = param(default="", doc="The reserved address, or what a reserved prefix begins with.")
    subnet_id: int = param(default=0, low=0, high=SUBNET_MAX, doc="The subnet of the address.")
    subnet_id4: int = param(default=0, key="subnet-id4", low=0, high=U32, doc="The DHCPv4 subnet of the client.")
    subnet_id6: int = param(default=0, key="subnet-id6", low=0, high=U32, doc="The DHCPv6 subnet of the client.")


class HostCacheCommands(Library):
    """Keeps reservations in memory in front of stores that are slow, and shows and changes what it keeps."""

    name = "host_cache"
    parameters = HostCacheParameters
    told: HostCacheParameters

    async def load(self) -> None:
        """Makes the cache; it is used once the configuration is in force."""
        self._cache = HostCache(self.operated.family, self.told.maximum)

    async def unload(self) -> None:
        """It is used no longer, unless another one has taken its place."""
        if self.operated.hosts.cache is self._cache:
            self.operated.hosts.use_cache(None)

    async def configured(self) -> None:
        """Uses the cache. Options may have changed: entries are read again, and go where they mean nothing."""
        if self.operated.hosts.cache is not self._cache:
            self.operated.hosts.use_cache(self._cache)
        for each in list(self._cache):
            reservation = each.reservation
            try:
                host = self.operated.hosts.reserving.host(reservation.written, reservation.subnet_id)
            except ConfigError:
                self._cache.remove(*reservation.key)
            else:
                self._cache.replace(Cached(reservation, host, each.host_id, each.other_subnet))

    # Looking.

    @command("cache-size", Access.READ, since="1.6.0", raw=True, results=(Result.SUCCESS,))
    def size(self, _arguments: Any) -> Answer:
        """Tells how many entries there are."""
        return Answer(text=f"{len(self._cache)} entries.", arguments={"size": len(self._cache)})

    @command("cache-get", Access.READ, since="1.4.0", raw=True, results=SEARCHED)
    def get(self, _arguments: Any) -> Answer:
        """Shows all entries, the oldest first."""
        return self._returned(list(self._cache))

    @command("cache-get-by-id", Access.READ, since="1.6.0", arguments=CacheClient, raw=True, results=EVERY)
    def get_by_id(self, arguments: Any) -> Answer:
        """Shows a client's entries in all subnets."""
        found = _map(arguments)
        for key in found:
            if key not in KINDS:
                raise Refused(f"unknown parameter '{key}'")
        if not found:
            raise Refused("an identifier is required")
        if len(found) > 1:
            raise Refused("only one identifier can be specified")
        return self._returned(list(self._cache.known_by(*_identifier(found))))

    def _returned(self, entries: Sequence[Cached]) -> Answer:
        result = Result.SUCCESS if entries else Result.EMPTY
        return Answer(result, f"{len(entries)} entries returned.", [self._shown(each) for each in entries])

    def _shown(self, entry: Cached) -> dict[str, Any]:
        reservation = entry.reservation
        shown = self.operated.hosts.reserving.shown(reservation.written, reservation.subnet_id)
        return cached_form(self.operated.family, shown, entry.host_id, entry.other_subnet)

    # Changing.

    @command("cache-insert", Access.WRITE, since="1.4.0", arguments=CacheEntries, raw=True)
    def insert(self, arguments: Any) -> Answer:
        """Adds entries. They are obeyed from the next message on, and are in no store.

        An entry gives way to a newer one for the same client, or of the same address, in its subnet.
        """
        if arguments is None:
            raise Refused("no parameters specified for the command")
        count, overwritten = self._insert(arguments)
        return Answer(text=f"{count} entries inserted ({overwritten} overwritten by more recent entries).")

    @command("cache-remove", Access.WRITE, since="1.4.0", arguments=CacheEntry, raw=True, results=EVERY)
    def remove(self, arguments: Any) -> Answer:
        """Removes one entry, of an address or of a client in a subnet."""
        found = _map(arguments)
        family = self.operated.family
        if "ip-address" in found:
            if "subnet-id" not in found:
                raise Refused("subnet-id is required")
            subnet_id = _integer(found["subnet-id"])
            text = found["ip-address"]
            if not isinstance(text, str):
                raise Refused("stringValue() called on non-string Element")
            entry = self._cache.at(subnet_id, address_of(text, family))
            removed = entry is not None and self._cache.remove(*entry.reservation.key)
        else:
            if not any(kind in found for kind in KINDS):
                raise Refused("either ip-address or an identifier is required")
            numbers = {key: _integer(found[key]) for key in ("subnet-id4", "subnet-id6") if key in found}
            if not numbers:
                raise Refused("either subnet-id4 or subnet-id6 is required")
            who = _identifier(found)
            own = numbers.get(f"subnet-id{family}")
            removed = own is not None and self._cache.remove(own, *who)
        if not removed:
            return Answer(Result.EMPTY, "Host not removed (not found).")
        return Answer(text="Host removed.")

    @command("cache-flush", Access.WRITE, since="1.4.0", arguments=CacheCount, raw=True)
    def flush(self, arguments: Any) -> Answer:
        """Removes so many of the oldest entries."""
        if arguments is None:
            raise Refused("no parameters specified for the command")
        count = _integer(arguments)
        if count < 0:
            raise Refused("invalid (<0) parameter")
        if not count:
            raise Refused("invalid (0) parameter: please use cache-clear command")
        return Answer(text=f"Cache flushed ({self._cache.flush(count)} entries removed).")

    @command("cache-clear", Access.WRITE, since="1.4.0", raw=True, results=(Result.SUCCESS,))
    def clear(self, _arguments: Any) -> Answer:
        """Removes all entries."""
        self._cache.clear()
        return Answer(text="Cache cleared.")

    def _insert(self, entries: Any) -> tuple[int, int]:
        """Inserts a map or a list of them, all or nothing: how many, and how many gave way. Raises Refused."""
        if isinstance(entries, dict):
            entries = [entries]
        if not isinstance(entries, list):
            raise Refused("listValue() called on non-list Element")
        made = [self._entry(each) for each in entries]
        return len(made), sum(self._cache.insert(each) for each in made)

    def _entry(self, given: Any) -> Cached:
        if not isinstance(given, dict):
            raise Refused("mapValue() called on non-map Element")
        for key in given:
            if key not in KNOWN:
                raise Refused(f"unknown parameter: {key}")
        family = self.operated.family
        kinds = [kind for kind in KINDS if kind in given]
        if not kinds:
            raise Refused("no identifier")
        if len(kinds) > 1:
            raise Refused("only one identifier can be specified")
        if kinds[0] not in identifiers_of(family):
            raise Refused(f"{kinds[0]} identifies no client of DHCPv{family}")
        own, other = f"subnet-id{family}", f"subnet-id{10 - family}"
        if own not in given:
            raise Refused(f"{own} is required")
        subnet_id, other_id = _integer(given[own]), _integer(given.get(other, UNUSED))
        if not 0 <= subnet_id <= SUBNET_MAX:
            raise Refused(f"{own} {subnet_id} is out of range: 0 to {SUBNET_MAX}")
        host_id = _integer(given.get("host-id", 0))
        kind, octets = _identifier({kinds[0]: given[kinds[0]]})
        written = {kind: identifier_text(kind, octets), **self._written(given)}
        try:
            host = self.operated.hosts.reserving.host(written, subnet_id)
        except ConfigError as error:
            raise Refused(error.errors[0].message) from None
        return Cached(reservation_of(family, subnet_id, written), host, host_id, other_id)

    def _written(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry as a configuration has it, without its client."""
        family = self.operated.family
        own = ("ip-address", "next-server") if family == 4 else ("ip-addresses", "prefixes")
        written = {key: given[key] for key in (*SAME, *own) if given.get(key)}
        if family == 6:
            written = {key: value for key, value in written.items() if key not in ("server-hostname", "boot-file-name")}
        if written.get("next-server") == NO_SERVER:
            del written["next-server"]
        for key in ("client-classes", "option-data"):
            if given.get(f"{key}{family}"):
                written[key] = given[f"{key}{family}"]
        return written

    # Files.

    @command("cache-write", Access.WRITE, since="1.4.0", arguments=CacheFile, raw=True)
    async def write(self, arguments: Any) -> Answer:
        """Writes all entries to a file in the data directory, from which `cache-load` reads them."""
        path = self._path(arguments)
        entries = [self._shown(each) for each in self._cache]
        try:
            await asyncio.to_thread(_write, path, json.dumps(entries, indent=1))
        except OSError:
            raise Refused(f"Unable to open file '{arguments}' for writing.") from None
        return Answer(text=f"{len(entries)} entries dumped to '{arguments}'.")

    @command("cache-load", Access.WRITE, since="1.4.0", arguments=CacheFile, raw=True)
    async def read(self, arguments: Any) -> Answer:
        """Inserts the entries of a file in the data directory that `cache-write` wrote."""
        path = self._path(arguments)
        try:
            entries = json.loads(await asyncio.to_thread(_read, path))
        except OSError as error:
            raise Refused(f"failed to read file '{arguments}': {error.strerror}") from None
        except (ValueError, RecursionError):
            raise Refused(f"'{arguments}' was not written by cache-write: it is no JSON") from None
        count, overwritten = self._insert(entries)
        told = f"({overwritten} overwritten by more recent entries)"
        return Answer(text=f"{count} entries loaded from '{arguments}' {told}.")

    def _path(self, name: Any) -> Path:
        """The file that a name means: nothing outside the data directory is read or written. Raises Refused."""
        if name is None:
            raise Refused("no parameters specified for the command")
        if not isinstance(name, str):
            raise Refused("invalid (not a string) parameter")
        folder = self.operated.data_directory
        path = Path(name)
        if not path.name or not name.isprintable() or path.name == ".." or name.endswith("/"):
            raise Refused(f"invalid path: '{name}' has no filename")
        if path.parent not in (Path(), folder):
            raise Refused(f"invalid path specified: '{path.parent}', supported path is '{folder}'")
        return folder / path.name


def _map(arguments: Any) -> Mapping[str, Any]:
    if arguments is None:
        raise Refused("no parameters specified for the command")
    if not isinstance(arguments, dict):
        raise Refused("mapValue() called on non-map Element")
    return arguments


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise Refused("intValue() called on non-integer Element")
    return value


def _identifier(given: Mapping[str, Any]) -> tuple[str, bytes]:
    kind = next(kind for kind in KINDS if kind in given)
    text = given[kind]
    if not isinstance(text, str):
        raise Refused("stringValue() called on non-string Element")
    try:
        return kind, identifier(text)
    except Unfit:
        raise Refused(f"invalid identifier '{text}'") from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        octets = file.read(FILE_MAX + 1)
    if len(octets) > FILE_MAX:
        raise ValueError("longer than any file of a cache")
    return octets


def _write(path: Path, text: str) -> None:
    """Writes a file, which appears whole or not at all, in the place of nothing but such a file. Raises OSError."""
    if path.exists():
        with path.open("rb") as file:
            if file.read(1) not in (b"", b"["):
                raise OSError("it is a file of something else")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
