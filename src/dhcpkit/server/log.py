"""Who logs what, and where to: Kea's loggers on top of `logging`.

`configure` is for programs; a library user leaves it alone and sees the same messages through `logging`'s own handlers
(loggers `kea-dhcp4.leases`, `kea-dhcp6.leases` and so on). How lines look is `log_patterns`'s, where they go
`log_outputs`'s business. This module does not know the messages.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

import attrs

from dhcpkit.hooks.catalogue import ROOTS, RateLimit, Twin, level_of, rate_limits
from dhcpkit.server.log_outputs import (
    OutputSetting,
    SyslogSink,
    Writer,
    drain,
    facility_of,
    is_file,
    losses,
    release,
    reopen_files,
    write_in_background,
    writer_for,
)
from dhcpkit.server.log_patterns import PATTERN, SYSLOG_PATTERN, formatter
from dhcpkit.server.messages import LOG_BAD_DESTINATION, LOG_BAD_SEVERITY, LOG_LINES_LOST

__all__ = [
    "PATTERN",
    "LoggerSetting",
    "OutputSetting",
    "RateLimit",
    "configure",
    "drain",
    "end_periods",
    "formatter",
    "from_environment",
    "reopen",
    "stray_files",
    "write_in_background",
]

LOG_FOLDER: Final = "/var/log/kea"  # Kea's, and the only one for the logs of Kea 3.0 and later
PRIORITIES: Final = ((50, 2), (40, 3), (30, 4), (20, 6), (0, 7))  # of the system log, by the level of `logging`
_limits: Final = rate_limits


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

    As in Kea, a logger without outputs writes where the root logger (`kea-dhcp4`) does, and one without a severity says
    as much as the logger above it. A name may leave out the root: `leases` is `kea-dhcp4.leases`. Files are opened
    anew. What cannot be opened or understood is reported through the log itself; the rest goes on.
    """
    root = ROOTS[family]
    fallback = default if default is not None else from_environment(family)
    wanted = {_full_name(setting.name, root): setting for setting in settings}
    wanted.setdefault(root, fallback)
    before = list(_forget(root))
    troubles: list[tuple[Twin, dict[str, object]]] = []
    common = wanted[root].outputs or fallback.outputs
    for name, setting in wanted.items():
        logger = logging.getLogger(name)
        logger.setLevel(_level(setting, troubles, verbose=verbose, is_root=name == root))
        for output in setting.outputs or common:
            try:
                logger.addHandler(_Handler(output, root, troubles))
            except OSError as error:
                troubles.append((LOG_BAD_DESTINATION, _trouble(output, error)))
        # A logger has outputs of its own, or those of the root, and then is heard there only.
        logger.propagate = False
    if not logging.getLogger(root).handlers:
        logging.getLogger(root).addHandler(_Handler(OutputSetting("stderr"), root, troubles))
    for handler in before:  # only now: what is used again stays open, and keeps what waits for it in order
        handler.close()
    reopen_files()
    for message, values in troubles:
        message.of(family).log(**values)


def _full_name(name: str, root: str) -> str:
    return name if name == root or name.startswith(f"{root}.") else f"{root}.{name}"


def _level(
    setting: LoggerSetting, troubles: list[tuple[Twin, dict[str, object]]], *, verbose: bool, is_root: bool
) -> int:
    if verbose:
        return level_of("DEBUG", 99)
    if not setting.severity:
        return logging.INFO if is_root else logging.NOTSET
    try:
        return level_of(setting.severity, setting.debuglevel)
    except KeyError:
        troubles.append((LOG_BAD_SEVERITY, {"severity": setting.severity}))
    return logging.INFO


def _trouble(output: OutputSetting, error: OSError) -> dict[str, object]:
    return {"destination": output.output, "reason": error.strerror or str(error)}


def _forget(root: str) -> Iterator[_Handler]:
    """Takes away what an earlier configuration set up, and tells what it was."""
    for name in list(logging.root.manager.loggerDict):
        if name != root and not name.startswith(f"{root}."):
            continue
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, _Handler):
                logger.removeHandler(handler)
                yield handler
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def reopen() -> None:
    """Opens every log file anew: somebody has moved it away (SIGUSR1)."""
    reopen_files()


def stray_files(settings: Iterable[LoggerSetting]) -> list[tuple[str, str]]:
    """Log files that lie elsewhere than Kea allows, each with the folder it allows.

    That is KEA_LOG_FILE_DIR, or /var/log/kea. Kea 3.0 does not start with such a configuration.
    """
    folder = os.environ.get("KEA_LOG_FILE_DIR") or LOG_FOLDER
    outputs = [output.output for setting in settings for output in setting.outputs]
    paths = [PurePosixPath(output) for output in dict.fromkeys(outputs) if is_file(output)]
    return [(str(path), folder) for path in paths if len(path.parts) > 1 and path.parent != PurePosixPath(folder)]


class _Handler(logging.Handler):
    """Makes lines of records and gives them to the output's writer."""

    def __init__(self, setting: OutputSetting, root: str, troubles: list[tuple[Twin, dict[str, object]]]) -> None:
        super().__init__()
        self._writer: Writer = writer_for(setting, root)
        self._syslog = setting.output.partition(":")[0] == "syslog"
        self._line = formatter(setting.pattern or (SYSLOG_PATTERN if self._syslog else PATTERN))
        if self._syslog:
            if facility_of(setting.output) is None:
                reason = "there is no such facility; the facility user is used"
                troubles.append((LOG_BAD_DESTINATION, {"destination": setting.output, "reason": reason}))
            try:
                SyslogSink(setting.output, root, waits=False).check()
            except OSError as error:  # it may come later
                troubles.append((LOG_BAD_DESTINATION, _trouble(setting, error)))

    def handle(self, record: logging.LogRecord) -> bool:
        """Without `logging`'s lock: the writer has its own."""
        if self.filters and not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Hands one line over; what is fatal is waited for, since the process ends."""
        line = self._line(record)
        if self._syslog:
            line = chr(next(code for level, code in PRIORITIES if record.levelno >= level)) + line
        self._writer.put(line.encode("utf-8", "backslashreplace"))
        if record.levelno >= logging.CRITICAL:
            drain()

    def close(self) -> None:
        """Gives the writer back."""
        release(self._writer)
        super().close()


def end_periods() -> None:
    """Says what was left out: by limits whose period is over, and by outputs that did not take it.

    Call it now and then.
    """
    for limit in list(rate_limits):
        limit.end_period()
    for name, count in losses():
        family = next((f for f, root in ROOTS.items() if logging.getLogger(root).handlers), 4)
        LOG_LINES_LOST.of(family).log(count=count, output=name)
