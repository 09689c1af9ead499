"""Lease file clean-up: rewrites what has been appended as one row for each lease, without stopping anything.

The names are Kea's, so that either server can take over at any point: the file becomes `.1`, the leases are written
to `.output`, which becomes `.completed` and, when `.1` and the older `.2` are gone, the new `.2`. Loading takes
`.completed` if it is there, or else `.2` and `.1`, and then the file itself.

Kea's clean-up reads the files again in another process. Here the leases are in memory already, so they are written
from there, a block at a time between packets. What changes meanwhile is in the new file, which is loaded after `.2`:
it does not matter whether a row in `.2` is from before or after the change. See docs/why/durability.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dhcpkit.backends.disk import Disk
from dhcpkit.backends.index import Index
from dhcpkit.backends.journal import Journal
from dhcpkit.backends.protocols import StoreUnavailable

__all__ = ["CleanUp", "Step", "side_file"]

Step = Callable[[str], None]

_SLICE: Final = 256 * 1024  # octets written and synced at a time: what is synced behind a lease row stays short
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND


def side_file(path: Path, suffix: str) -> Path:
    """The file beside the lease file that has this suffix; the lease file itself for an empty one."""
    return path.with_name(path.name + suffix)


class CleanUp:
    """The clean-up of one store's files; at most one runs."""

    def __init__(self, leases: Index[Any, Any], journal: Journal) -> None:
        self._leases = leases
        self._journal = journal
        self._running = False
        self._stopped = False

    def stop(self) -> None:
        """Ends a clean-up at its next step: the store is being closed."""
        self._stopped = True

    async def run(self, step: Step | None = None) -> bool:
        """As Memfile.clean_up."""
        if self._running or self._stopped or _kea_is_at_it(side_file(self._journal.path, ".pid")):
            return False
        self._running = True
        try:
            return await self._run(step or (lambda _: None))
        except OSError as error:
            raise StoreUnavailable(f"memfile {self._journal.path}", error.strerror or str(error)) from error
        finally:
            self._running = False

    async def _run(self, step: Step) -> bool:
        journal, disk = self._journal, self._journal.disk
        ex, copy, output, completed = (side_file(journal.path, s) for s in (".2", ".1", ".output", ".completed"))
        in_thread = asyncio.get_running_loop().run_in_executor
        finished = completed.exists()
        if finished:
            # A clean-up ended here. What `.completed` holds was loaded in place of `.1` and `.2`.
            step("finish what was begun")
            disk.remove(copy)
            disk.remove(ex)
            disk.rename(completed, ex)
        if not copy.exists():
            if journal.length <= len(self._leases.form.header) + 1:
                return finished
            step("rename the file")
            journal.rotate(copy)
        step("write the leases")
        failures = journal.failures
        if not await self._write(output):
            return False
        step("wait for the disk")
        # A row in the output may not have been durable in the file yet. Now it is, or it has been taken back.
        await journal.synced()
        if journal.failures != failures or self._stopped:
            disk.remove(output)
            return False
        step("complete the output")
        disk.rename(output, completed)
        await in_thread(None, disk.sync_folder, journal.path.parent)
        step("remove the copy")
        disk.remove(copy)
        step("remove the old output")
        disk.remove(ex)
        step("put the output in its place")
        disk.rename(completed, ex)
        await in_thread(None, disk.sync_folder, journal.path.parent)
        step("done")
        return True

    async def _write(self, output: Path) -> bool:
        """Writes every lease to `output`, durable; False where the store was closed meanwhile."""
        disk = self._journal.disk
        disk.remove(output)
        file = _Output(disk, disk.open(output, _FLAGS))
        try:
            pending = [self._leases.form.header]
            size = 0
            start = 0
            rows = self._leases.rows
            while (found := self._leases.block_from(start)) is not None:
                addresses, start = found
                block = [rows[address] for address in addresses]
                pending += block
                size += sum(map(len, block))
                if size >= _SLICE:
                    await file.put(b"\n".join(pending) + b"\n")
                    pending.clear()
                    size = 0
                else:
                    await asyncio.sleep(0)
                if self._stopped:
                    return False
            if pending:
                await file.put(b"\n".join(pending) + b"\n")
        finally:
            file.close()
        return True


class _Output:
    """The file that is being written, by a thread: a sync of it must not hold up the event loop."""

    def __init__(self, disk: Disk, fd: int) -> None:
        self._disk = disk
        self._fd = fd
        self._writing: asyncio.Future[None] | None = None

    async def put(self, data: bytes) -> None:
        """Appends `data`, durable. Where the caller is cancelled, the thread finishes nonetheless."""
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._put, data)
        await asyncio.shield(self._writing)

    def _put(self, data: bytes) -> None:
        self._disk.write(self._fd, data)
        self._disk.sync(self._fd)

    def close(self) -> None:
        """Lets go of the file, once the thread has: its descriptor must not become another file's meanwhile."""
        if self._writing is None or self._writing.done():
            self._disk.close(self._fd)
        else:
            self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        if not writing.cancelled():
            writing.exception()  # nobody waits for it any more
        self._disk.close(self._fd)


def _kea_is_at_it(pid_file: Path) -> bool:
    """Whether a clean-up of Kea's own, left behind by a server that ended, is still working on these files."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text().strip())
        return Path(f"/proc/{pid}/comm").read_text().strip() == "kea-lfc"
    return False
