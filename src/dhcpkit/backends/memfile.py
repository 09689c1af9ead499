"""Kea's memfile: all leases in memory, every change appended to a CSV file that Kea reads and whose files it reads.

What is committed is durable (`durability: fsync`, the default) or with the operating system (`os`, as Kea does).
Files written by Kea 1.x to 3.x load; what is written is the form of Kea 3.0, which Kea 2.2 loads as well. `Memfile`
has leases of DHCPv4, `Memfile6` those of DHCPv6.

This module does not know rows (`rows.py`), damage (`reader.py`), the disk (`journal.py`) or cleaning up (`lfc.py`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, Literal, TypeVar

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.sanity import Places
from dhcpkit.backends.disk import DISK, Disk
from dhcpkit.backends.index import AnyLease, Index, Swap, pages_of
from dhcpkit.backends.journal import Journal
from dhcpkit.backends.lfc import CleanUp, Step, side_file
from dhcpkit.backends.memory import Leases4
from dhcpkit.backends.memory6 import Leases6
from dhcpkit.backends.protocols import EVERYTHING, Census, Census6, StoreUnavailable, Where
from dhcpkit.backends.reader import LoadReport, read_file
from dhcpkit.backends.rows import RowForm
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.backends.suspects import suspects
from dhcpkit.errors import DhcpkitError

__all__ = ["Durability", "LeaseFileError", "Memfile", "Memfile6", "MemfileOf", "read_leases", "read_leases6"]

L = TypeVar("L", bound=AnyLease)
C = TypeVar("C")
I = TypeVar("I", bound=Index[Any, Any])  # noqa: E741  # the index

Durability = Literal["fsync", "os"]

_SNAPSHOTS_MAX: Final = 100  # times the files are looked for again while another process is renaming them


class LeaseFileError(DhcpkitError):
    """More rows could not be read than the operator allows (`max-row-errors`); `report` says which."""

    def __init__(self, report: LoadReport, allowed: int) -> None:
        super().__init__(report, allowed)
        self.report = report
        self.allowed = allowed

    def __str__(self) -> str:
        first = f", first {self.report.problems[0]}" if self.report.problems else ""
        return f"{self.report.dropped} damaged rows where {self.allowed} are allowed{first}"


class MemfileOf(Generic[L, C, I]):
    """A lease store in a file, with the index of one family.

    `report` says what was found in the files; `wants_clean_up`, whether they should be rewritten soon. Raises
    StoreUnavailable where the file cannot be opened or another process has it, LeaseFileError as the operator asked.
    """

    local = True

    def __init__(
        self,
        path: Path | str,
        index: I,
        durability: Durability = "fsync",
        *,
        max_row_errors: int = 0,
        disk: Disk = DISK,
    ) -> None:
        self.path = Path(path)
        self.report = LoadReport()
        self.view: I = index
        self._leases: Index[L, C] = index
        self._journal = Journal(self.path, self._leases, disk, sync=durability == "fsync")
        try:
            self._load(max_row_errors)
        except BaseException:
            self._journal.close()
            raise
        self._clean_up = CleanUp(self._leases, self._journal)

    def _load(self, max_row_errors: int) -> None:
        rows: dict[int, bytes] = {}
        files = _generation(self.path)
        unfinished = 0
        old_header = False
        with contextlib.ExitStack() as stack:
            for name, file in files:
                stack.enter_context(file)
                self.report.old_header = False
                unfinished = read_file(file, name, rows, self.report, self._leases.form)
                old_header |= self.report.old_header
                if 0 < max_row_errors < self.report.dropped:
                    raise LeaseFileError(self.report, max_row_errors)
            current = files[-1][1]  # the file that will be appended to
            size = current.seek(0, os.SEEK_END)
            current.seek(max(size - 1, 0))
            fresh_line = current.read(1) not in (b"", b"\n")
        self.report.leases = len(rows)
        self._leases.fill(rows)
        convert = self.report.old_header and size > 0
        self._journal.begin(unfinished=unfinished, fresh_line=fresh_line)
        self.report.old_header = old_header and size > 0
        leftover = [suffix for suffix in (".1", ".completed") if side_file(self.path, suffix).exists()]
        self.wants_clean_up = self.report.old_header or bool(leftover)
        if convert and not leftover:
            # Kea does so as well: rows in today's columns belong under today's header.
            self._journal.rotate(side_file(self.path, ".1"))
            self._journal.sync_now()

    def census(self) -> C:
        """As LocalLeaseStore."""
        return self._leases.census()

    def suspects(self, network: Places | None, *, contexts: bool) -> Iterator[Sequence[L]]:
        """As LocalLeaseStore."""
        return suspects(self._leases, network, contexts=contexts)

    def amend(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """As LocalLeaseStore."""
        return self._leases.apply(units)[0]

    def append(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """As LocalLeaseStore."""
        kept, undo, lines = self._leases.apply(units)
        if lines:
            self._journal.append(lines, undo)
        return kept

    def when_synced(self, callback: Callable[[StoreUnavailable | None], None], /) -> None:
        """As LocalLeaseStore. Callbacks run in the event loop, outside of it at once after waiting for the disk."""
        self._journal.when_synced(callback)

    async def load(self, _keys: Iterable[object], _view: object = None) -> I:
        """As LeaseStore: the live view."""
        return self.view

    async def commit(self, units: Sequence[Sequence[Swap[L]]]) -> Sequence[bool]:
        """As LeaseStore."""
        kept = self.append(units)
        await self._journal.synced()
        return kept

    async def expired(self, before: int, limit: int) -> Sequence[L]:
        """As LeaseStore."""
        return self._leases.expired(before, limit)

    def pages(self, where: Where = EVERYTHING, size: int = 1000) -> AsyncIterator[Sequence[L]]:
        """As LeaseStore."""
        return pages_of(self._leases, where, size)

    async def clean_up(self, step: Step | None = None) -> bool:
        """Rewrites the files so that each lease has one row, while leases go on changing. True when that was done.

        False where another clean-up is running, there is nothing to clean up, or something that happened meanwhile
        makes it start over next time. Raises StoreUnavailable. `step` is told what is about to happen.
        """
        done = await self._clean_up.run(step)
        if done:
            self.wants_clean_up = False
        return done

    async def close(self) -> None:
        """As LeaseStore. Waits for the disk."""
        self._clean_up.stop()
        self._journal.close()


class Memfile(MemfileOf[Lease4, Census, Leases4]):
    """DHCPv4 leases in a file: `Memfile("/var/lib/kea/kea-leases4.csv")`. A million leases load in about 4 s."""

    def __init__(
        self,
        path: Path | str,
        durability: Durability = "fsync",
        *,
        max_row_errors: int = 0,
        disk: Disk = DISK,
    ) -> None:
        super().__init__(path, Leases4(), durability, max_row_errors=max_row_errors, disk=disk)


class Memfile6(MemfileOf[Lease6, Census6, Leases6]):
    """DHCPv6 leases in a file: `Memfile6("/var/lib/kea/kea-leases6.csv")`. A million leases load in about 5 s."""

    def __init__(
        self,
        path: Path | str,
        durability: Durability = "fsync",
        *,
        max_row_errors: int = 0,
        disk: Disk = DISK,
    ) -> None:
        super().__init__(path, Leases6(), durability, max_row_errors=max_row_errors, disk=disk)


def read_leases(path: Path | str) -> Iterator[Lease4]:
    """The leases in a file (and its side files) as a server would load them, without taking or changing anything.

    A file that is not there has none. Raises OSError.
    """
    return _read_leases(path, ROWS4)


def read_leases6(path: Path | str) -> Iterator[Lease6]:
    """As `read_leases`, of DHCPv6."""
    return _read_leases(path, ROWS6)


def _read_leases(path: Path | str, form: RowForm[L]) -> Iterator[L]:
    rows: dict[int, bytes] = {}
    report = LoadReport()
    with contextlib.ExitStack() as stack:
        for name, file in _generation(Path(path)):
            read_file(stack.enter_context(file), name, rows, report, form)
    return (form.decode(address, row) for address, row in sorted(rows.items()))


def _generation(path: Path) -> list[tuple[str, BinaryIO]]:
    """The files to load, oldest first, all open: `.completed`, or else `.2` and `.1`, then the file itself.

    A clean-up that an ended server has left running may rename them meanwhile (Kea's runs in a process of its own). So
    they count once two looks have found the same files; it is never waited for.
    """
    names = [side_file(path, suffix) for suffix in (".2", ".1", ".completed", "")]
    for _ in range(_SNAPSHOTS_MAX):
        with contextlib.ExitStack() as stack:
            opened: dict[Path, BinaryIO] = {}
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    opened[name] = stack.enter_context(name.open("rb"))
            if all(_identity(name) == _identity(opened.get(name)) for name in names):
                stack.pop_all()
                completed = opened.get(names[2])
                if completed is not None:
                    for name in names[:2]:
                        if name in opened:
                            opened.pop(name).close()
                order = (names[2], *names[:2], names[3])
                return [(str(name), opened[name]) for name in order if name in opened]
    raise StoreUnavailable(f"memfile {path}", "another process keeps renaming its files")


def _identity(file: Path | BinaryIO | None) -> tuple[int, int] | None:
    try:
        status = file.stat() if isinstance(file, Path) else os.fstat(file.fileno()) if file is not None else None
    except FileNotFoundError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)
