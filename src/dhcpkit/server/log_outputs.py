"""Where log lines go: streams, files that rotate, the system log; each behind a writer that never holds up the server.

A writer writes at once, or, in the programs (`write_in_background`), hands its lines to a thread of its own: a slow
disk, a pipe nobody reads or a hung system log then costs lines, never an answer. How many were lost is counted. Loggers
with the same output share its writer. This module does not know loggers or what lines say.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import SysLogHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol
from weakref import WeakSet

import attrs

__all__ = [
    "HELD_MAX",
    "MAXSIZE",
    "MAXSIZE_MIN",
    "FileSink",
    "OutputSetting",
    "Sink",
    "StreamSink",
    "SyslogSink",
    "Writer",
    "drain",
    "facility_of",
    "is_file",
    "losses",
    "release",
    "reopen_files",
    "write_in_background",
    "writer_for",
]

MAXSIZE: Final = 10_240_000  # octets before a log file is rotated (Kea)
MAXSIZE_MIN: Final = 204_800  # Kea: a smaller maxsize switches rotation off
FILE_MODE: Final = 0o640  # log lines name clients; not everybody's business
HELD_MAX: Final = 4 << 20  # octets that wait for an output: some 30,000 lines, a second of the busiest server
BATCH_MAX: Final = 256 << 10  # octets in one write
UNFLUSHED_WAIT: Final = 1.0  # seconds that lines are gathered where `flush` is false
DRAIN_MAX: Final = 2.0  # seconds the end of a process, or a fatal message, waits for its last lines
TOLD_AGAIN: Final = 60.0  # seconds until it is told again of an output that stays stuck
SYSLOG_MAX: Final = 8192 - 64  # octets of a message: what the usual system logs take
LOCAL0, USER = SysLogHandler.LOG_LOCAL0, SysLogHandler.LOG_USER
DEV_LOG: Final = "/dev/log"


@attrs.frozen
class OutputSetting:
    """One output of a logger, with Kea's keys: `stdout`, `stderr`, `syslog`, `syslog:NAME` or a file."""

    output: str = "stdout"
    pattern: str = ""
    maxsize: int = MAXSIZE
    maxver: int = 1
    flush: bool = True


def is_file(output: str) -> bool:
    """Whether an output is a file."""
    return output not in ("stdout", "stderr") and output.partition(":")[0] != "syslog"


class Sink(Protocol):
    """What takes lines. It may block; OSError or ValueError say that lines are lost."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Writes lines."""
        ...

    def reopen(self) -> None:
        """Opens it anew under its name; where that fails, it goes on as it was."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


class StreamSink:
    """Standard output or standard error."""

    def __init__(self, name: str) -> None:
        self._stream = sys.stderr if name == "stderr" else sys.stdout

    def write(self, lines: Sequence[bytes]) -> None:
        """Past the stream's own buffer: a thread that is stuck must not hold its lock when the process ends."""
        data = b"".join(lines)
        try:
            fd = self._stream.fileno()
        except (AttributeError, OSError, ValueError):  # no file: a stream that somebody put in its place
            self._stream.write(data.decode("utf-8", "backslashreplace"))
            return
        self._stream.flush()
        _write(fd, data)

    def reopen(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """It is the process's."""


class FileSink:
    """A file that is rotated: FILE becomes FILE.1, FILE.1 becomes FILE.2, as many as `maxver` says.

    A file that something else cuts short (logrotate's `copytruncate`) is written on from its new end. Raises OSError
    where it cannot be opened.
    """

    def __init__(self, path: str, maxsize: int = 0, maxver: int = 1) -> None:
        self._path = path
        self._maxsize = maxsize if maxsize >= MAXSIZE_MIN else 0
        self._maxver = max(maxver, 1)
        self._torn = False
        self._fd = -1
        self._size = 0
        self._open()

    def write(self, lines: Sequence[bytes]) -> None:
        """Writes lines, in as few writes as rotation allows."""
        batch: list[bytes] = []
        size = 0
        for line in lines:
            if self._maxsize and self._size + size + len(line) > self._maxsize:
                self._append(batch, size)
                batch, size = [], 0
                self._rotate_if_full(len(line))
            batch.append(line)
            size += len(line)
        self._append(batch, size)

    def _append(self, lines: Sequence[bytes], size: int) -> None:
        if not lines:
            return
        # A line that a full disk cut short is ended first: the next one shall not be glued to it.
        data = b"".join((b"\n", *lines) if self._torn else lines)
        self._torn = True
        _write(self._fd, data)
        self._torn = False
        self._size += size

    def _rotate_if_full(self, coming: int) -> None:
        self._size = os.fstat(self._fd).st_size  # it may have been cut short
        if self._size and self._size + coming > self._maxsize:
            self._rotate()

    def _rotate(self) -> None:
        path = self._path
        for number in range(self._maxver - 1, 0, -1):
            with suppress(FileNotFoundError):
                Path(f"{path}.{number}").replace(f"{path}.{number + 1}")
        with suppress(FileNotFoundError):
            Path(path).replace(f"{path}.1")
        self._renew()

    def reopen(self) -> None:
        """Opens the file under its name again."""
        with suppress(OSError):
            self._renew()

    def _renew(self) -> None:
        old = self._fd
        self._open()
        os.close(old)

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = os.fstat(self._fd).st_size

    def close(self) -> None:
        """Closes the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def facility_of(output: str) -> int | None:
    """The number of the facility in `syslog:NAME`, LOCAL0 without a name; None where there is no such facility."""
    _, colon, name = output.partition(":")
    if not colon:
        return LOCAL0
    return SysLogHandler.facility_names.get(name.lower().removeprefix("log_"))


class SyslogSink:
    """The machine's system log, over its unix socket; connected to again whenever it was away.

    A line begins with its priority in angle brackets, but for the facility.
    """

    def __init__(self, output: str, ident: str, *, waits: bool, path: str = DEV_LOG) -> None:
        facility = facility_of(output)
        self._facility = (USER if facility is None else facility) << 3
        self._ident = ident
        self._waits = waits
        self._path = path
        self._socket: socket.socket | None = None

    def write(self, lines: Sequence[bytes]) -> None:
        """Sends each line as a message."""
        for line in lines:
            severity, text = line[0] & 7, line[1:].rstrip(b"\n")
            head = f"<{self._facility | severity}>{time.strftime('%b %e %H:%M:%S')} {self._ident}: "
            data = head.encode() + text[:SYSLOG_MAX]
            try:
                self._connected().send(data)
            except OSError:
                self.close()  # it was started anew, most likely
                self._connected().send(data)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.setblocking(self._waits)
            try:
                made.connect(self._path)
            except OSError:
                made.close()
                raise
            self._socket = made
        return self._socket

    def check(self) -> None:
        """Raises OSError where nobody listens."""
        self._connected()

    def reopen(self) -> None:
        """Connects anew with the next line."""
        self.close()

    def close(self) -> None:
        """Closes the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Writer:
    """Brings lines to a sink: at once, or by a thread with a bounded queue. What cannot be written is counted."""

    def __init__(self, sink: Sink, name: str, *, flush: bool = True, held_max: int = HELD_MAX) -> None:
        self.name = name
        self.users = 0
        self._sink = sink
        self._flush = flush
        self._held_max = held_max
        self._lock = threading.Lock()  # of whoever logs; the thread never takes it
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._reopen = False
        self._taken = self._done = 0  # octets: taken by put, dealt with by the thread
        self._refused = self._failed = self._told = 0  # lines
        self._told_at = 0.0
        _all.add(self)

    @property
    def lost(self) -> int:
        """Lines that came to nothing so far."""
        return self._refused + self._failed

    @property
    def held(self) -> int:
        """Octets that wait."""
        return self._taken - self._done

    def put(self, line: bytes) -> None:
        """Takes a line. It is lost where the output fails or too much waits for it."""
        with self._lock:
            if self._thread is None:
                self._bring((line,))
            elif self._taken - self._done + len(line) > self._held_max:
                self._refused += 1
            else:
                self._taken += len(line)
                self._queue.put(line)

    def start(self) -> None:
        """Hands lines to a thread from now on."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"log {self.name}", daemon=True)
                self._thread.start()

    def reopen(self) -> None:
        """Opens the output anew before the next line that is put."""
        with self._lock:
            if self._thread is None:
                self._sink.reopen()
            else:
                self._queue.put(b"")  # no line: what was put before it still goes to the old file

    def close(self) -> None:
        """Ends it once what waits is written; does not wait for that."""
        with self._lock:
            if self._thread is None:
                self._sink.close()
            else:
                self._ending.set()
                self._queue.put(None)

    def drain(self, until: float) -> None:
        """Waits until everything put so far is written, or until a moment of the monotonic clock."""
        self._ending.set()  # nothing is gathered meanwhile
        while self.held and time.monotonic() < until:
            time.sleep(0.002)
        if self._thread is not None and self.users:
            self._ending.clear()

    def untold(self) -> int:
        """How many lines were lost that nobody was told of; said once the output works again, or now and then."""
        lost, now = self.lost, time.monotonic()
        if lost == self._told or (self.held and now - self._told_at < TOLD_AGAIN):
            return 0
        count, self._told, self._told_at = lost - self._told, lost, now
        return count

    def _bring(self, lines: Sequence[bytes]) -> None:
        try:
            self._sink.write(lines)
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._failed += len(lines)

    def _run(self) -> None:
        queue = self._queue
        while True:
            line = queue.get()
            batch: list[bytes] = []
            size = 0
            while line:
                batch.append(line)
                size += len(line)
                if size >= BATCH_MAX:
                    break
                try:
                    line = queue.get_nowait()
                except Empty:
                    break
            if batch:
                self._bring(batch)
                self._done += size
            if line is None:
                self._sink.close()
                return
            if not line:
                self._sink.reopen()
            elif not self._flush:
                self._ending.wait(UNFLUSHED_WAIT)


_writers: Final[dict[tuple[Any, ...], Writer]] = {}
_all: Final[WeakSet[Writer]] = WeakSet()  # those that were given back and still write, too
_background = threading.Event()


def writer_for(setting: OutputSetting, ident: str) -> Writer:
    """The writer of an output, made if there is none; each user of it gives it back (`release`). Raises OSError."""
    output = setting.output
    rotation = (setting.maxsize, setting.maxver) if is_file(output) else ()
    key = (output, setting.flush, *rotation, ident if output.startswith("syslog") else "")
    writer = _writers.get(key)
    if writer is None:
        sink: Sink
        if output in ("stdout", "stderr"):
            sink = StreamSink(output)
        elif is_file(output):
            sink = FileSink(output, setting.maxsize, setting.maxver)
        else:
            sink = SyslogSink(output, ident, waits=_background.is_set())
        writer = _writers[key] = Writer(sink, output, flush=setting.flush)
        if _background.is_set():
            writer.start()
    writer.users += 1
    return writer


def release(writer: Writer) -> None:
    """Gives a writer back; the last user closes it."""
    writer.users -= 1
    if not writer.users:
        for key in [key for key, each in _writers.items() if each is writer]:
            del _writers[key]
        writer.close()


def reopen_files() -> None:
    """Opens every output anew."""
    for writer in list(_writers.values()):
        writer.reopen()


def write_in_background() -> None:
    """From now on threads write, and the process waits for its last lines, but not for long; for programs."""
    if not _background.is_set():
        _background.set()
        atexit.register(drain)
    for writer in list(_writers.values()):
        writer.start()


def drain(seconds: float = DRAIN_MAX) -> None:
    """Waits until what was logged is written, at most so long."""
    until = time.monotonic() + seconds
    for writer in list(_all):
        writer.drain(until)


def losses() -> list[tuple[str, int]]:
    """Outputs that have lost lines since they were told of, and how many."""
    told = [(writer.name, writer.untold()) for writer in list(_writers.values())]
    return [(name, count) for name, count in told if count]
