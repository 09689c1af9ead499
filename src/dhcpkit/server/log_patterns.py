"""How a log line looks: log4cplus's patterns as Kea documents them, and lines of JSON.

A pattern becomes one function from a record to a line, made once. This module does not know where lines go.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dhcpkit.hooks.catalogue import safe

__all__ = ["JSON_PATTERN", "PATTERN", "SYSLOG_PATTERN", "Maker", "formatter", "json_line", "severity_name"]

PATTERN: Final = "%D{%Y-%m-%d %H:%M:%S.%q} %-5p [%c/%i.%t] %m\n"  # Kea's default
SYSLOG_PATTERN: Final = "%-5p [%c.%t] %m\n"  # Kea's for the system log, which adds the time itself
JSON_PATTERN: Final = "%json"  # dhcpkit's own; to Kea it is a pattern like any other
MOMENT: Final = "%Y-%m-%d %H:%M:%S"  # log4cplus's for %d and %D without braces
SEVERITIES: Final = ((50, "FATAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (-1, "DEBUG"))
DEPTH_MAX: Final = 4  # of lists and maps in a message's values: deeper ones are shown as text
_PIECE: Final = re.compile(r"%(-?)(\d*)(?:\.(\d+))?([A-Za-z%])(?:\{([^}]*)\})?")
_NAMES: dict[int, str] = {}

Maker = Callable[[logging.LogRecord], str]


def severity_name(level: int) -> str:
    """Kea's name of the severity that a level of `logging` belongs to."""
    name = _NAMES.get(level)
    if name is None:
        name = _NAMES[level] = next(name for least, name in SEVERITIES if level >= least or least < 0)
    return name


def formatter(pattern: str = "") -> Maker:
    """A function that makes a line by log4cplus's pattern. Unknown conversions stay as they are written.

    The pattern `%json` alone makes lines of JSON (`json_line`). The parts log4cplus knows are `c d D E F b h H i l L m
    M n p r t T x X %`; between percent sign and letter may stand `-`, a least width and, after a dot, the most
    characters, of which the last ones are kept.
    """
    text = pattern or PATTERN
    if text.strip() == JSON_PATTERN:
        return json_line
    pieces: list[str | Maker] = []
    at = 0
    for found in _PIECE.finditer(text):
        pieces.append(text[at : found.start()])
        at = found.end()
        left, least, most, letter, argument = found.groups()
        maker = _maker(letter, argument)
        if maker is None:
            pieces.append(found.group())
        else:
            pieces.append(_fitted(maker, int(least or 0), int(most or 0), left=bool(left)))
    pieces.append(text[at:])
    # One template and the parts that change: cheaper for each line than joining all of them.
    template = "".join(piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in pieces)
    makers = tuple(piece for piece in pieces if not isinstance(piece, str))

    def line(record: logging.LogRecord) -> str:
        return template % tuple([maker(record) for maker in makers])

    return line


def _fitted(maker: Maker, least: int, most: int, *, left: bool) -> Maker:
    if not least and not most:
        return maker

    def fitted(record: logging.LogRecord) -> str:
        text = maker(record)[-most:] if most else maker(record)
        return text.ljust(least) if left else text.rjust(least)

    return fitted


def _maker(letter: str, argument: str | None) -> Maker | None:
    if letter in "dD":
        return _Moment(argument or MOMENT, utc=letter == "d")
    if letter == "c" and argument and argument.isdecimal():
        kept = int(argument)
        return lambda record: ".".join(record.name.split(".")[-kept:])
    if letter == "E":
        value = safe(os.environ.get(argument or "", ""))
        return lambda _: value
    if letter in "hH":
        host = safe(socket.gethostname() if letter == "h" else socket.getfqdn())
        return lambda _: host
    return _MAKERS.get(letter)


def _text(record: logging.LogRecord) -> str:
    """The message: ours is safe already, what others logged below our names is made so."""
    return str(record.msg) if hasattr(record, "message_id") else safe(record.getMessage())


_MAKERS: Final[Mapping[str, Maker]] = {
    "p": lambda record: severity_name(record.levelno),
    "c": lambda record: record.name,
    "i": lambda record: str(record.process),
    "t": lambda record: str(record.thread or threading.get_ident()),
    "T": lambda record: safe(str(record.threadName)),
    "m": _text,
    "n": lambda _: "\n",
    "%": lambda _: "%",
    "r": lambda record: str(int(record.relativeCreated)),
    "b": lambda record: record.filename,
    "F": lambda record: record.pathname,
    "L": lambda record: str(record.lineno),
    "l": lambda record: f"{record.pathname}:{record.lineno}",
    "M": lambda record: record.funcName or "",
    "x": lambda _: "",  # contexts of threads, which neither Kea nor dhcpkit sets
    "X": lambda _: "",
}


class _Moment:
    """A point in time by strftime, with %q for milliseconds and %Q for these with microseconds.

    What changes once a second is made once a second.
    """

    def __init__(self, form: str, *, utc: bool) -> None:
        self._pieces = form.split("%Q")
        self._convert = time.gmtime if utc else time.localtime
        self._second = -1
        self._made: list[list[str]] = []

    def __call__(self, record: logging.LogRecord) -> str:
        created = record.created
        second = int(created)
        if second != self._second:
            moment = self._convert(second)
            self._made = [
                [time.strftime(part, moment) if part else "" for part in piece.split("%q")] for piece in self._pieces
            ]
            self._second = second
        micro = int((created - second) * 1_000_000)
        milli = f"{micro // 1000:03d}"
        made = self._made
        if len(made) == 1:
            return milli.join(made[0])
        return f"{milli}.{micro % 1000:03d}".join([milli.join(parts) for parts in made])


_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def json_line(record: logging.LogRecord) -> str:
    """A line with one JSON object: `timestamp` (ISO 8601, UTC, microseconds), `severity`, `logger`, `id`, `text`.

    `values` holds what is in the text as fields: numbers and truth values as such, all else as text; `pid` and `thread`
    say who logged it. Nothing in it is but ASCII: control characters are escaped.
    """
    identity = getattr(record, "message_id", "")
    text = str(record.msg)[len(identity) + 1 :] if identity else safe(record.getMessage())
    told: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
        "severity": severity_name(record.levelno),
        "logger": record.name,
        "id": identity,
        "text": text,
        "pid": record.process,
        "thread": record.thread,
    }
    values = getattr(record, "values", None)
    if values:
        told["values"] = {key: _typed(value, DEPTH_MAX) for key, value in values.items()}
    return _dumps(told) + "\n"


def _typed(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)  # an enum's number, too
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON knows neither infinity nor NaN
    if depth and isinstance(value, list | tuple):
        return [_typed(each, depth - 1) for each in value]
    if depth and isinstance(value, Mapping):
        return {str(key): _typed(each, depth - 1) for key, each in value.items()}
    return str(value)
