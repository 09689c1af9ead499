"""Where messages go and how lines look: Kea's loggers, outputs and patterns, on top of `logging`.

`configure` is for programs; a library user leaves it alone and sees the same messages through `logging`'s own handlers
(loggers `kea-dhcp4.leases`, `kea-dhcp6.leases` and so on). This module does not know the messages.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Final
from weakref import WeakSet

import attrs

from dhcpkit.hooks.catalogue import ROOTS, Message, Twin, level_of, safe
from dhcpkit.server.messages import DHCP_MESSAGES_SUPPRESSED, LOG_BAD_DESTINATION, LOG_BAD_SEVERITY

__all__ = [
    "PATTERN",
    "LoggerSetting",
    "OutputSetting",
    "RateLimit",
    "configure",
    "formatter",
    "from_environment",
    "reopen",
]

PATTERN: Final = "%D{%Y-%m-%d %H:%M:%S.%q} %-5p [%c/%i.%t] %m\n"  # Kea's default
MAXSIZE: Final = 10_240_000  # octets before a log file is rotated (Kea)
MAXSIZE_MIN: Final = 204_800  # Kea: a smaller maxsize switches rotation off
FILE_MODE: Final = 0o640  # log lines name clients; not everybody's business
NAMES: Final = ((50, "FATAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (0, "DEBUG"))
_PIECE: Final = re.compile(r"%(-?)(\d*)([A-Za-z%])(?:\{([^}]*)\})?")

Maker = Callable[[logging.LogRecord], str]


@attrs.frozen
class OutputSetting:
    """One output of a logger, with Kea's keys: `stdout`, `stderr`, `syslog`, `syslog:NAME` or a file."""

    output: str = "stdout"
    pattern: str = ""
    maxsize: int = MAXSIZE
    maxver: int = 1
    flush: bool = True


@attrs.frozen
class LoggerSetting:
    """One logger: its name (`kea-dhcp4`, `kea-dhcp6.leases`), how much it says, and where."""

    name: str = ROOTS[4]
    severity: str = "INFO"
    debuglevel: int = 0
    outputs: tuple[OutputSetting, ...] = ()


def from_environment(family: int = 4) -> LoggerSetting:
    """The logger in force until a configuration says otherwise (KEA_LOGGER_DESTINATION and its relatives)."""
    environ = os.environ
    debuglevel = environ.get("KEA_LOGGER_DBGLEVEL", "0")
    return LoggerSetting(
        ROOTS[family],
        environ.get("KEA_LOGGER_SEVERITY", "INFO"),
        int(debuglevel) if debuglevel.isdecimal() else 0,
        (OutputSetting(environ.get("KEA_LOGGER_DESTINATION") or "stdout"),),
    )


def configure(
    settings: Iterable[LoggerSetting],
    default: LoggerSetting | None = None,
    *,
    verbose: bool = False,
    family: int = 4,
) -> None:
    """Puts the loggers of a family's server in place of the earlier ones. `verbose` makes everything debug (`-d`).

    What cannot be opened or understood is reported through the log itself; the rest goes on.
    """
    root = ROOTS[family]
    fallback = default if default is not None else from_environment(family)
    wanted = {setting.name: setting for setting in settings}
    wanted.setdefault(root, fallback)
    _forget(wanted, root)
    troubles: list[tuple[Twin, dict[str, object]]] = []
    for setting in wanted.values():
        logger = logging.getLogger(setting.name)
        try:
            level = level_of("DEBUG", 99) if verbose else level_of(setting.severity or "INFO", setting.debuglevel)
        except KeyError:
            troubles.append((LOG_BAD_SEVERITY, {"severity": setting.severity}))
            level = logging.INFO
        logger.setLevel(level)
        outputs = setting.outputs or (fallback.outputs if setting.name == root else ())
        for output in outputs:
            try:
                logger.addHandler(_handler(output, root))
            except OSError as error:
                reason = error.strerror or str(error)
                troubles.append((LOG_BAD_DESTINATION, {"destination": output.output, "reason": reason}))
        # As in Kea, a logger with outputs of its own writes there instead.
        logger.propagate = not outputs and setting.name != root
    if not logging.getLogger(root).handlers:
        logging.getLogger(root).addHandler(_handler(OutputSetting("stderr"), root))
    for message, values in troubles:
        message.of(family).log(**values)


def _forget(wanted: Iterable[str], root: str) -> None:
    """Takes away what an earlier configuration set up."""
    known = [name for name in logging.root.manager.loggerDict if name == root or name.startswith(f"{root}.")]
    for name in {*known, *wanted}:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, _LineHandler | _SyslogOutput):
                logger.removeHandler(handler)
                handler.close()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def reopen() -> None:
    """Opens every log file anew: somebody has moved it away (SIGUSR1)."""
    for name in list(logging.root.manager.loggerDict):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, _LineHandler):
                handler.reopen()


def formatter(pattern: str = "") -> Maker:
    """A function that makes a line by log4cplus's pattern. Unknown conversions stay as they are written."""
    text = pattern or PATTERN
    pieces: list[str | Maker] = []
    at = 0
    for found in _PIECE.finditer(text):
        pieces.append(text[at : found.start()])
        at = found.end()
        left, width, letter, argument = found.groups()
        maker = _maker(letter, argument)
        pieces.append(found.group() if maker is None else _padded(maker, int(width or 0), left=bool(left)))
    pieces.append(text[at:])
    parts = [piece for piece in pieces if piece != ""]

    def line(record: logging.LogRecord) -> str:
        return "".join([part if isinstance(part, str) else part(record) for part in parts])

    return line


def _padded(maker: Maker, width: int, *, left: bool) -> Maker:
    if not width:
        return maker
    if left:
        return lambda record: maker(record).ljust(width)
    return lambda record: maker(record).rjust(width)


def _maker(letter: str, argument: str | None) -> Maker | None:
    if letter in "dD":
        return _Moment(argument or "%Y-%m-%d %H:%M:%S", utc=letter == "d")
    pid = str(os.getpid())
    makers: dict[str, Maker] = {
        "p": lambda record: next(name for level, name in NAMES if record.levelno >= level),
        "c": lambda record: record.name,
        "i": lambda _: pid,
        "t": lambda record: str(record.thread or threading.get_ident()),
        "m": _text,
        "n": lambda _: "\n",
        "%": lambda _: "%",
        "h": lambda _: socket.gethostname(),
    }
    return makers.get(letter)


def _text(record: logging.LogRecord) -> str:
    """The message: ours is safe already, what others logged below our names is made so."""
    return str(record.msg) if hasattr(record, "message_id") else safe(record.getMessage())


class _Moment:
    """A point in time by strftime, with %q for milliseconds; what changes once a second is made once a second."""

    def __init__(self, form: str, *, utc: bool) -> None:
        self._form = form.replace("%Q", "%q")
        self._convert = time.gmtime if utc else time.localtime
        self._second = -1
        self._halves: tuple[str, ...] = ()

    def __call__(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            moment = self._convert(second)
            self._halves = tuple(time.strftime(half, moment) if half else "" for half in self._form.split("%q"))
            self._second = second
        return f"{int(record.created * 1000) % 1000:03d}".join(self._halves)


class _LineHandler(logging.Handler):
    """Lines to a stream or a file. A write that fails loses the line, never the server."""

    def __init__(self, setting: OutputSetting) -> None:
        super().__init__()
        self._line = formatter(setting.pattern)
        self._file = setting.output if setting.output not in ("stdout", "stderr") else ""
        self._stream = sys.stderr if setting.output == "stderr" else sys.stdout
        self._maxsize = setting.maxsize if setting.maxsize >= MAXSIZE_MIN else 0
        self._maxver = max(setting.maxver, 1)
        self._fd = -1
        self._size = 0
        self.lost = 0
        if self._file:
            self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        line = self._line(record).encode("utf-8", "backslashreplace")
        try:
            if not self._file:
                self._stream.buffer.write(line)
                self._stream.flush()
                return
            if self._maxsize and self._size + len(line) > self._maxsize and self._size:
                self._rotate()
            self._size += os.write(self._fd, line)
        except (OSError, ValueError):  # ValueError: the stream was closed
            self.lost += 1

    def close(self) -> None:
        """Closes the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()

    def reopen(self) -> None:
        """Opens the file under its name again."""
        if self._file:
            with self.lock or threading.RLock(), suppress(OSError):
                old = self._fd
                self._open()
                os.close(old)

    def _open(self) -> None:
        self._fd = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        """FILE becomes FILE.1, FILE.1 becomes FILE.2, as many as `maxver` says."""
        for number in range(self._maxver - 1, 0, -1):
            with suppress(FileNotFoundError):
                Path(f"{self._file}.{number}").replace(f"{self._file}.{number + 1}")
        Path(self._file).replace(f"{self._file}.1")
        old = self._fd
        self._open()
        os.close(old)


class _SyslogOutput(SysLogHandler):
    """The machine's system log, over its unix socket."""

    def __init__(self, setting: OutputSetting, root: str) -> None:
        _, _, facility = setting.output.partition(":")
        code = SysLogHandler.facility_names.get(facility.lower(), SysLogHandler.LOG_LOCAL0)
        super().__init__("/dev/log", code)
        self.ident = f"{root}: "
        self._line = formatter(setting.pattern or "%-5p [%c.%t] %m")

    def format(self, record: logging.LogRecord) -> str:
        """A line without time, which the system log adds."""
        return self._line(record).rstrip("\n")


def _handler(setting: OutputSetting, root: str) -> logging.Handler:
    return _SyslogOutput(setting, root) if setting.output.split(":")[0] == "syslog" else _LineHandler(setting)


class RateLimit:
    """At most `most` messages of one kind in `period` seconds; how many were left out is said after that."""

    def __init__(self, message: Message, most: int = 100, period: float = 60.0) -> None:
        self.message = message
        self._most = most
        self._period = period
        self._since = -period
        self._count = 0
        _limits.add(self)

    def log(self, **values: object) -> None:
        """Logs it, or counts it as suppressed."""
        now = time.monotonic()
        if now - self._since >= self._period:
            self.flush()
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= self._most:
            self.message.log(**values)

    def end_period(self) -> None:
        """If the period is over, says how many messages were left out in it."""
        if self._count > self._most and time.monotonic() - self._since >= self._period:
            self.flush()

    def flush(self) -> None:
        """Says how many messages were left out."""
        suppressed = self._count - self._most
        if suppressed > 0:
            message = DHCP_MESSAGES_SUPPRESSED.of(self.message.family)
            message.log(count=suppressed, id=self.message.id, seconds=int(self._period))
            self._count = 0


_limits: Final[WeakSet[RateLimit]] = WeakSet()


def end_periods() -> None:
    """Says of every limit whose period is over how many messages were left out; call it now and then."""
    for limit in list(_limits):
        limit.end_period()
