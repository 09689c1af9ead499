"""Reservations in an SQLite file: what commands add, kept by the server itself without a database beside it.

Everything is in memory, too, so that look-ups never wait; a change is durable in the file before it is in memory, and
before anybody hears of it. The file is locked while it is open. This module does not know what reservations mean.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.backends.hosts import ANYWHERE, PAGE, HostFilter, HostKey, Reservation, reservation_of
from dhcpkit.backends.hosts_memory import HostIndex, pages_of
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.errors import DhcpkitError

__all__ = ["HostFileError", "SqliteHostStore", "file_of", "open_hosts"]

T = TypeVar("T")
VERSION: Final = 1  # of the tables, in SQLite's user_version; a newer one is not opened, an older one would be changed
MARKS: Final = {4: 0x64686B34, 6: 0x64686B36}  # SQLite's application_id: "dhk4", "dhk6"
MODE: Final = 0o640  # of a new file: host names and identifiers are nobody else's business
TABLE: Final = """
CREATE TABLE reservations (
    host_id INTEGER PRIMARY KEY AUTOINCREMENT,
    subnet_id INTEGER NOT NULL,
    identifier_type TEXT NOT NULL,
    identifier BLOB NOT NULL,
    reservation TEXT NOT NULL,
    UNIQUE (subnet_id, identifier_type, identifier)
)
"""
MENDING: Final = (
    "move it away, or put a copy of it in its place that is whole; `sqlite3 FILE .recover` saves what can be"
)


class HostFileError(DhcpkitError):
    """A file of reservations cannot be used: which, why, and what the operator can do."""

    def __init__(self, file: str, why: str, fix: str) -> None:
        super().__init__(file, why, fix)
        self.file, self.why, self.fix = file, why, fix

    def __str__(self) -> str:
        return f"{self.file}: {self.why}; {self.fix}"


class SqliteHostStore:
    """Reservations of one family in a file, which is made where there is none. As LocalHostStore.

    Opening raises HostFileError for a file that is damaged or something else, StoreUnavailable where it cannot be
    opened or another process has it.
    """

    local = True

    def __init__(self, path: Path | str, family: int) -> None:
        self.path = Path(path)
        self.name = str(path)
        self._family = family
        self._index = HostIndex()
        self._changing = asyncio.Lock()
        self._using = threading.Lock()  # a connection is used by one thread at a time
        self._tasks: set[asyncio.Task[Any]] = set()
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE))
            self._connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise StoreUnavailable(self.name, f"it cannot be opened: {why}") from error
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    # Opening.

    def _open(self) -> None:
        try:
            self._lock()
            self._check()
            self._read()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreUnavailable(self.name, "another process has it open") from error
            raise StoreUnavailable(self.name, str(error)) from error
        except sqlite3.DatabaseError as error:
            raise HostFileError(self.name, f"it is damaged, or no SQLite file ({error})", MENDING) from error

    def _lock(self) -> None:
        """Takes the file for this process, and makes every commit wait until it is on the disk."""
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE", "synchronous = EXTRA"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.execute("BEGIN EXCLUSIVE")
        self._connection.execute("COMMIT")

    def _check(self) -> None:
        """Makes the tables in an empty file; else sees that they are whole, and ours."""
        ask = self._connection.execute
        mark, version = ask("PRAGMA application_id").fetchone()[0], ask("PRAGMA user_version").fetchone()[0]
        if not mark and not version and not ask("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            ask("BEGIN")
            ask(TABLE)
            ask(f"PRAGMA application_id = {MARKS[self._family]}")
            ask(f"PRAGMA user_version = {VERSION}")
            ask("COMMIT")
            return
        if mark != MARKS[self._family]:
            other = next(
                (f"the DHCPv{family} server's" for family, it in MARKS.items() if it == mark), "something else"
            )
            why = (
                f"its reservations are {other}" if mark in MARKS.values() else "it is an SQLite file of something else"
            )
            raise HostFileError(self.name, why, f"name another file for the DHCPv{self._family} server's reservations")
        if version > VERSION:
            why = f"its tables have version {version}, and this dhcpkit knows {VERSION}"
            raise HostFileError(self.name, why, "start the dhcpkit that wrote it, or a newer one")
        flaws = [row[0] for row in ask("PRAGMA quick_check(1)")]
        if flaws != ["ok"]:
            raise HostFileError(self.name, f"it is damaged ({flaws[0]})", MENDING)

    def _read(self) -> None:
        rows = self._connection.execute(
            "SELECT host_id, subnet_id, identifier_type, identifier, reservation FROM reservations ORDER BY host_id"
        )
        for number, subnet_id, kind, octets, text in rows:
            try:
                made = self._row(number, subnet_id, json.loads(text), (subnet_id, kind, octets))
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                why = f"the reservation with host_id {number} cannot be read ({error})"
                raise HostFileError(self.name, why, "mend or delete this row with the program sqlite3") from error
            self._index.add(made)

    def _row(self, number: int, subnet_id: int, written: Any, key: tuple[int, str, bytes]) -> Reservation:
        """A row's reservation. ValueError and others where it is none, or not for whom the row says."""
        made = reservation_of(self._family, subnet_id, written, number)
        if made.key != key:
            raise ValueError(f"it says that it is for {made.identifier_type} {made.identifier.hex(':')}")
        return made

    # Use.

    async def load(self, keys: Iterable[HostKey]) -> Sequence[Reservation]:
        """As HostStore."""
        return self._index.under(keys)

    async def put(self, reservation: Reservation, *, replace: bool = False, unique: bool = True) -> Reservation | None:
        """As HostStore."""
        return await self._whole(self._put(reservation, replace=replace, unique=unique))

    async def _put(self, reservation: Reservation, *, replace: bool, unique: bool) -> Reservation | None:
        async with self._changing:
            before = self._index.get(reservation.key) if replace else None
            if replace and before is None:
                return None
            self._index.check(reservation, before, unique=unique)
            number = await asyncio.to_thread(self._write, before, reservation)
            made = attrs.evolve(reservation, id=number)
            if before is not None:
                self._index.remove(before)
            self._index.add(made)
            return made

    async def remove(self, subnet_id: int, kind: str, octets: bytes) -> Reservation | None:
        """As HostStore."""
        return await self._whole(self._remove((subnet_id, kind, octets)))

    async def _remove(self, key: tuple[int, str, bytes]) -> Reservation | None:
        async with self._changing:
            found = self._index.get(key)
            if found is not None:
                await asyncio.to_thread(self._write, found, None)
                self._index.remove(found)
            return found

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Does all of a change, even if whoever asked for it is cancelled: file and memory agree."""
        task = asyncio.create_task(change)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    def _write(self, before: Reservation | None, after: Reservation | None) -> int:
        """Changes the file, all or nothing, and returns the new id. Raises StoreUnavailable."""
        with self._using:
            ask = self._connection.execute
            number = 0
            try:
                ask("BEGIN")
                if before is not None:
                    ask("DELETE FROM reservations WHERE host_id = ?", (before.id,))
                if after is not None:
                    text = json.dumps(after.written, sort_keys=True)
                    row = (after.subnet_id, after.identifier_type, after.identifier, text)
                    made = ask(
                        "INSERT INTO reservations (subnet_id, identifier_type, identifier, reservation)"
                        " VALUES (?, ?, ?, ?)",
                        row,
                    )
                    number = made.lastrowid or 0
                ask("COMMIT")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise StoreUnavailable(self.name, str(error)) from error
            return number

    async def pages(
        self, where: HostFilter = ANYWHERE, size: int = PAGE, after: int = 0
    ) -> AsyncIterator[Sequence[Reservation]]:
        """As HostStore."""
        async for page in pages_of(self._index, where, size, after):
            yield page

    async def close(self) -> None:
        """As HostStore."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        with self._using:
            self._connection.close()

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def file_of(name: str, family: int, folder: Path) -> Path:
    """The file of a name; one that is no path is in the data directory, and there is one that nobody named."""
    return folder / (name or f"dhcpkit-hosts{family}.sqlite")


async def open_hosts(config: Any, family: int, folder: Path) -> SqliteHostStore:
    """The store that a `hosts-database` of type `sqlite` asks for. Raises what SqliteHostStore does."""
    return await asyncio.to_thread(SqliteHostStore, file_of(config.name, family, folder), family)
