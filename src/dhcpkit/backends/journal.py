"""The lease file as something to append to: what was appended becomes durable, or is taken back as if it never was.

Rows are written at once and synced in groups. A large group is synced in a thread of its own: what is appended
meanwhile waits for the next one, so the more there is to do, the less each row costs. A small group means that there
is little to do: where the disk is quick it is synced on the spot, which takes less than waking a thread would
(docs/why/durability.md has the measurements). Where a write or a sync fails, the index goes back to the last state
that is durable, the file is cut to it, and the next append tries again.

This module does not know what is in a row, nor how files are loaded and cleaned up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any, Final

from dhcpkit.backends.disk import Disk
from dhcpkit.backends.index import Index, Replaced
from dhcpkit.backends.protocols import StoreUnavailable

__all__ = ["Journal", "WhenSynced"]

WhenSynced = Callable[[StoreUnavailable | None], None]

_UNSYNCED_MAX: Final = 65_536  # appends waiting for a disk that does not answer; a server lets far fewer packets wait
_LARGE: Final = 8  # rows; syncing more than that on the spot costs more throughput than a thread does
_QUICK_S: Final = 0.0005  # a sync of that length is no longer than a few packets; a slower disk is left to the thread
_STILL: Final = 0.8  # how much of the expected length of a sync is from before the last one
_SWITCH_S: Final = 0.0002  # the thread wants the interpreter for microseconds at a time: not after 5 ms, the default
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT


class _Tail:
    """An open file: its length, and how much of that is durable."""

    __slots__ = ("fd", "length", "synced")

    def __init__(self, fd: int, length: int) -> None:
        self.fd = fd
        self.length = length
        self.synced = length


class Journal:
    """The file that rows are appended to, on behalf of an index."""

    def __init__(self, path: Path, leases: Index[Any, Any], disk: Disk, *, sync: bool) -> None:
        self.path = path
        self.disk = disk
        self.failures = 0  # how often something was taken back
        self._leases = leases
        self._header: bytes = leases.form.header
        self._sync = sync
        self._tails: list[_Tail] = []  # the file appended to is the last; before it, one that was renamed a moment ago
        self._prefix = b""  # what has to come before the next row: the end of a line, or a header
        self._torn: set[int] | None = None  # addresses with rows in the file that should not be there
        self._unsynced: deque[Sequence[Replaced]] = deque()
        self._appended = 0
        self._durable = 0
        self._in_flight = 0  # `_appended` when the sync that runs began; 0 while none does
        self._lengths: list[int] = []  # of the tails at that time
        self._folder_changed = False
        self._loop: asyncio.AbstractEventLoop | None = None  # told when the sync that runs is over
        self._planned: asyncio.AbstractEventLoop | None = None  # in which a sync is about to begin
        self._group = 0  # rows appended since the last sync began
        self._expected_s = 1.0  # how long a sync takes, from experience
        self._waiting: deque[tuple[int, WhenSynced]] = deque()
        self._thread: Thread | None = None
        self._jobs: SimpleQueue[tuple[list[int], bool, asyncio.AbstractEventLoop] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[OSError | None, float]] = SimpleQueue()
        self._open()

    def _open(self) -> None:
        fd = -1
        try:
            fd = self.disk.open(self.path, _FLAGS)
            self.disk.lock(fd)
            self._tails.append(_Tail(fd, self.disk.size(fd)))
        except OSError as error:
            if fd >= 0:
                self.disk.close(fd)
            in_use = isinstance(error, BlockingIOError)
            raise self._unavailable("another process is using it" if in_use else _reason(error)) from error

    def begin(self, *, unfinished: int, fresh_line: bool) -> None:
        """Makes the file ready after loading: the last line may lack its end, or hold nothing (`unfinished` octets)."""
        tail = self._tails[-1]
        self._prefix = b"\n" if fresh_line else b""
        if unfinished:
            with contextlib.suppress(OSError):
                self.disk.truncate(tail.fd, tail.length - unfinished)
                tail.length = tail.synced = tail.length - unfinished
                self._prefix = b""
        if not tail.length:
            self._prefix = self._header + b"\n"  # on a full disk with the first row, otherwise now
            try:
                self._put(tail, b"")
                if self._sync:
                    self.disk.sync(tail.fd)
                    self.disk.sync_folder(self.path.parent)
            except OSError:
                self._prefix = self._header + b"\n"
                self._cut(tail, 0, ())
            tail.synced = tail.length

    @property
    def length(self) -> int:
        """Octets in the file that is appended to."""
        return self._tails[-1].length

    def append(self, lines: Sequence[bytes], undo: Sequence[Replaced]) -> None:
        """Writes rows; `undo` takes their effect on the index back. Raises StoreUnavailable: then it has been."""
        tail = self._tails[-1]
        if len(self._unsynced) >= _UNSYNCED_MAX:
            if _running_loop() is not None:
                self._leases.restore(undo)
                raise self._unavailable("the disk does not answer")
            self.sync_now()
        try:
            if self._torn is not None:
                self._mend(tail)
            self._put(tail, b"\n".join(lines) + b"\n")
        except OSError as error:
            self._leases.restore(undo)
            self._cut(tail, tail.length, [undo])
            raise self._unavailable(_reason(error)) from error
        if self._sync:
            self._await_sync(undo, len(lines))

    def _put(self, tail: _Tail, data: bytes) -> None:
        if self._prefix:
            data = self._prefix + data
        self.disk.write(tail.fd, data)
        tail.length += len(data)
        self._prefix = b""

    def _await_sync(self, undo: Sequence[Replaced], rows: int) -> None:
        self._unsynced.append(undo)
        self._appended += 1
        self._group += rows
        loop = _running_loop()
        if loop is not None:
            self._keep_syncing(loop)

    def _keep_syncing(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._in_flight and self._loop is not loop:  # the loop that was to be told has ended
            self._finish(*self._results.get())
        if not self._unsynced or self._in_flight:
            return
        if self._group >= _LARGE:
            self._start(loop)
        elif self._planned is not loop:
            self._planned = loop
            loop.call_soon(self._begin, loop)

    def when_synced(self, callback: WhenSynced) -> None:
        """Calls back when everything appended so far is durable, or has been taken back."""
        if not self._unsynced:
            callback(None)
            return
        self._waiting.append((self._appended, callback))
        loop = _running_loop()
        if loop is None:
            self.sync_now()
        else:
            self._keep_syncing(loop)

    async def synced(self) -> None:
        """Returns when everything appended so far is durable. Raises StoreUnavailable where it has been taken back."""
        if not self._unsynced:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(error: StoreUnavailable | None) -> None:
            if future.done():  # whoever waited has been cancelled
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self.when_synced(tell)
        await future

    def sync_now(self) -> None:
        """Waits, with everything else, until all is durable or has been taken back."""
        while self._unsynced:
            if self._in_flight:
                self._finish(*self._results.get())
            else:
                self._sync_here()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """What this turn of the event loop has appended is one group: syncs it here, or has it synced."""
        self._planned = None
        if self._in_flight or not self._unsynced:
            return
        if self._group < _LARGE and self._expected_s < _QUICK_S:
            self._sync_here()
        else:
            self._start(loop)

    def _sync_here(self) -> None:
        self._note()
        folder, self._folder_changed = self._folder_changed, False
        self._finish(*self._timed([tail.fd for tail in self._tails], folder=folder))

    def _note(self) -> None:
        self._in_flight = self._appended
        self._lengths = [tail.length for tail in self._tails]
        self._group = 0

    def _timed(self, fds: Sequence[int], *, folder: bool) -> tuple[OSError | None, float]:
        began = perf_counter()
        try:
            for fd in fds:
                self.disk.sync(fd)
            if folder:
                self.disk.sync_folder(self.path.parent)
        except OSError as error:
            return error, perf_counter() - began
        return None, perf_counter() - began

    # The thread: it is given descriptors and gives results, and touches nothing else.

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
            self._thread = Thread(target=self._run, name=f"sync {self.path.name}", daemon=True)
            self._thread.start()
        self._note()
        self._loop = loop
        self._jobs.put(([tail.fd for tail in self._tails], self._folder_changed, loop))
        self._folder_changed = False

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            fds, folder, loop = job
            self._results.put(self._timed(fds, folder=folder))
            with contextlib.suppress(RuntimeError):  # the loop has ended: the next to need the result waits for it
                loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        try:
            result = self._results.get_nowait()
        except Empty:  # somebody waited for it
            return
        self._finish(*result)

    def _finish(self, error: OSError | None, took_s: float) -> None:
        self._expected_s = _STILL * self._expected_s + (1 - _STILL) * took_s
        if error is not None:
            self._in_flight = 0
            self._fail(error)
            return
        for tail, length in zip(self._tails, self._lengths, strict=False):
            tail.synced = length
        while len(self._tails) > 1 and self._tails[0].synced == self._tails[0].length and len(self._lengths) > 1:
            self.disk.close(self._tails.pop(0).fd)
            del self._lengths[0]
        for _ in range(self._in_flight - self._durable):
            self._unsynced.popleft()
        self._durable = self._in_flight
        self._in_flight = 0
        loop = _running_loop()
        if loop is not None:
            self._keep_syncing(loop)
        if self._waiting:
            told: deque[WhenSynced] = deque()
            while self._waiting and self._waiting[0][0] <= self._durable:
                told.append(self._waiting.popleft()[1])
            self._tell(told, None)

    def _fail(self, error: OSError) -> None:
        """Takes back everything that is not durable, the last first, and tells everybody who waits for it."""
        taken_back = list(self._unsynced)
        self._unsynced.clear()
        self._durable = self._appended
        self._folder_changed = True
        self.failures += 1
        for undo in reversed(taken_back):
            self._leases.restore(undo)
        for tail in self._tails:
            self._cut(tail, tail.synced, taken_back)
        told = deque(callback for _, callback in self._waiting)
        self._waiting.clear()
        self._tell(told, self._unavailable(_reason(error)))

    def _tell(self, callbacks: deque[WhenSynced], error: StoreUnavailable | None) -> None:
        try:
            while callbacks:
                callbacks.popleft()(error)
        finally:
            if callbacks:  # one of them raised: that is its own affair, the others are told nonetheless
                loop = _running_loop()
                if loop is None:
                    self._tell(callbacks, error)
                else:
                    loop.call_soon(self._tell, callbacks, error)

    # After a failure.

    def _cut(self, tail: _Tail, length: int, taken_back: Sequence[Sequence[Replaced]]) -> None:
        tail.length = length
        try:
            self.disk.truncate(tail.fd, length)
        except OSError:
            torn = set() if self._torn is None else self._torn
            self._torn = torn.union(address for undo in taken_back for address, _ in undo)

    def _mend(self, tail: _Tail) -> None:
        """Gets rid of rows that should not be in the file: cuts it, or where that fails says what holds instead."""
        assert self._torn is not None, "there is something to mend"
        try:
            for each in self._tails:
                self.disk.truncate(each.fd, each.length)
        except OSError:
            rows = [
                self._leases.rows.get(address) or self._leases.form.nothing_at(address)
                for address in sorted(self._torn)
            ]
            self.disk.write(tail.fd, b"\n" + b"".join(row + b"\n" for row in rows))
            tail.length = self.disk.size(tail.fd)
        self._torn = None

    def _unavailable(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(f"memfile {self.path}", why)

    # Another file in place of this one.

    def rotate(self, to: Path) -> None:
        """Renames the file and goes on with an empty one. What is not durable yet in either is synced together.

        Raises StoreUnavailable: then the file has its name again.
        """
        fd = -1
        renamed = False
        try:
            if self._torn is not None:
                self._mend(self._tails[-1])
            self.disk.rename(self.path, to)
            renamed = True
            fd = self.disk.open(self.path, _FLAGS | os.O_EXCL)
            self.disk.lock(fd)
            self.disk.write(fd, self._header + b"\n")
        except OSError as error:
            if fd >= 0:
                self.disk.close(fd)
            if renamed:
                with contextlib.suppress(OSError):  # then rows go on into the renamed file, which is loaded as well
                    self.disk.rename(to, self.path)
            raise self._unavailable(_reason(error)) from error
        self._prefix = b""
        self._folder_changed = True
        old = self._tails[-1]
        self._tails.append(_Tail(fd, len(self._header) + 1))
        if self._sync:
            self._await_sync((), 0)
        else:
            self._tails.remove(old)
            self.disk.close(old.fd)

    def close(self) -> None:
        """Waits for the disk and lets go of the file."""
        self.sync_now()
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        for tail in self._tails:
            self.disk.close(tail.fd)
        self._tails.clear()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
