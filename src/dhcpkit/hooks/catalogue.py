"""How log messages are declared: one declaration gives the line, its level, and its paragraph in the reference.

Ids are Kea's where Kea has the message, because operators' tools look for them; texts and explanations are our own.
A message is logged with `DHCP4_RELEASE.log(client=...)`; where making its arguments costs something, ask `.on` first.
What the servers of both families say is declared once, as a `Twin`: `DHCP_STARTED.of(6).log(version=...)` is
DHCP6_STARTED. A hook library declares its own with `Both` or `Room`. This module knows no outputs.
"""

from __future__ import annotations

import enum
import logging
import os
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakSet

import attrs

__all__ = [
    "AGENT",
    "CATALOGUE",
    "DEBUG_STEPS",
    "DHCP_MESSAGES_SUPPRESSED",
    "ROOTS",
    "Both",
    "Message",
    "RateLimit",
    "Room",
    "Severity",
    "Twin",
    "catalogue_page",
    "level_of",
    "rate_limits",
    "safe",
]

AGENT: Final = 0  # in place of a family: the control agent, which is in front of servers of both
ROOTS: Final = {4: "kea-dhcp4", 6: "kea-dhcp6", AGENT: "kea-ctrl-agent"}  # Kea names its loggers after the process
FAMILIES: Final = (4, 6)


class Severity(enum.IntEnum):
    """Kea's severities as levels of `logging`. DEBUG has Kea's debug levels 0 to 99 at and below it."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50
    NONE = 60


DEBUG_STEPS: Final = (10, 15, 20, 40, 45, 50, 55, 70, 99)
"""Debug levels that messages have, besides 0. `logging` has ten levels for DEBUG, 10 down to 1: each has its own."""


def level_of(severity: str, debuglevel: int = 0) -> int:
    """The `logging` level for Kea's severity and debug level. KeyError where there is no such severity."""
    level = Severity[severity.upper()].value
    return level - bisect_right(DEBUG_STEPS, debuglevel) if level == Severity.DEBUG else level


# What would end a line, or reach the operator's terminal as a command, is shown as its code instead.
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
    **{code: f"\\u{code:04x}" for code in range(0x202A, 0x202F)},  # changes of writing direction hide what is written
    **{code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)},  # octets that were not UTF-8
}


def safe(text: str) -> str:
    """Text from outside without control characters: one line, and nothing a terminal would obey."""
    return text if text.isprintable() and text.isascii() else text.translate(_CONTROL)


class RateLimit:
    """At most `most` messages of one kind in `period` seconds; how many were left out is said after that.

    A message whose declaration has `most` has a limit of its own; one made by hand counts by itself, say for one
    socket of many.
    """

    def __init__(self, message: Message | None, most: int = 100, period: float = 60.0) -> None:
        self.message = message
        self.most = most
        self._period = period
        self._since = -period
        self._count = 0
        rate_limits.add(self)

    def log(self, **values: object) -> None:
        """Logs it, or counts it as suppressed."""
        message = self.message
        assert message is not None, "a limit is of a message"
        if self.admits():
            message.log(**values)

    def admits(self) -> bool:
        """Whether there is room for one more, which then counts."""
        now = time.monotonic()
        if now - self._since >= self._period:
            self.flush()
            self._since, self._count = now, 0
        self._count += 1
        return self._count <= self.most

    def end_period(self) -> None:
        """If the period is over, says how many messages were left out in it."""
        if self._count > self.most and time.monotonic() - self._since >= self._period:
            self.flush()

    def flush(self) -> None:
        """Says how many messages were left out."""
        suppressed, message = self._count - self.most, self.message
        if suppressed > 0 and message is not None:
            told = DHCP_MESSAGES_SUPPRESSED.of(message.family)
            told.log(count=suppressed, id=message.id, seconds=int(self._period))
            self._count = 0


rate_limits: Final[WeakSet[RateLimit]] = WeakSet()
"""Every limit there is."""


_new_record = logging.LogRecord.__new__
_main_thread: Final = threading.main_thread().ident


@attrs.frozen(eq=False)
class Message:
    """One message: its id, the logger it goes to, how grave it is, its template, and a paragraph for the operator.

    `family` says whose it is: 4, 6, or AGENT. `limit` bounds how often it is written, where a client can cause it
    without end.
    """

    id: str
    family: int
    logger: logging.Logger
    level: int
    template: str
    paragraph: str
    limit: RateLimit | None = None
    _fixed: Mapping[str, Any] = attrs.field(init=False, repr=False)

    @_fixed.default
    def _of_every_record(self) -> Mapping[str, Any]:
        """What each record of this message has: making a whole record anew costs more than all the rest."""
        fixed = dict(vars(logging.LogRecord(self.logger.name, self.level, __file__, 0, "", None, None)))
        if self.level <= Severity.DEBUG:
            fixed["levelname"] = Severity.DEBUG.name
        return fixed | {"message_id": self.id}

    @property
    def on(self) -> bool:
        """Whether anybody wants it; nearly free, `logging` remembers the answer."""
        return self.logger.isEnabledFor(self.level)

    def log(self, **values: object) -> None:
        """Writes it, if anybody wants it and its limit allows. Values are made safe, the template is trusted."""
        if self.logger.isEnabledFor(self.level) and (self.limit is None or self.limit.admits()):
            self._write(values)

    def _write(self, values: dict[str, object]) -> None:
        text = self.template.format_map({k: safe(str(v)) for k, v in values.items()}) if values else self.template
        self.emit(text, values)

    def emit(self, text: str, values: Mapping[str, object] | None = None) -> None:
        """Writes a text that was already put together from safe parts; `values` is what it tells, for JSON."""
        record = _new_record(logging.LogRecord)
        attributes = record.__dict__
        fixed = self._fixed
        attributes.update(fixed)
        now, thread = time.time(), threading.get_ident()
        attributes["msg"] = f"{self.id} {text}"
        attributes["values"] = values
        attributes["created"] = now
        attributes["msecs"] = float(int(now * 1000) % 1000)
        attributes["relativeCreated"] = fixed["relativeCreated"] + (now - fixed["created"]) * 1000
        attributes["process"] = os.getpid()
        attributes["thread"] = thread
        if thread != _main_thread:
            attributes["threadName"] = threading.current_thread().name
        self.logger.handle(record)


@attrs.frozen(eq=False)
class Twin:
    """A message that the servers of both families have."""

    v4: Message
    v6: Message

    def of(self, family: int) -> Message:
        """The message of one family, 4 or 6."""
        return self.v6 if family == 6 else self.v4


CATALOGUE: Final[dict[str, tuple[Message, ...]]] = {}
"""By id; two of them where both families' servers have it under one id, each with a logger of its own."""


class Room:
    """The messages of one logger, declared one after the other."""

    def __init__(self, name: str, family: int) -> None:
        self._family = family
        self._logger = logging.getLogger(f"{ROOTS[family]}.{name}")

    def declare(self, level: int, name: str, template: str, paragraph: str, most: int = 0) -> Message:
        """Declares a message of a level of `logging`; `most` bounds how often it is written a minute, 0 does not."""
        others = CATALOGUE.get(name, ())
        assert all(other.family != self._family for other in others), f"{name} is declared twice"
        limit = RateLimit(None, most) if most else None
        message = Message(name, self._family, self._logger, level, template, paragraph, limit)
        if limit is not None:
            limit.message = message
        CATALOGUE[name] = (*others, message)
        return message

    def debug(self, name: str, debuglevel: int, template: str, paragraph: str, most: int = 0) -> Message:
        """Declares a message for whoever looks for a fault; `debuglevel` is Kea's, 0 to 99."""
        return self.declare(level_of("DEBUG", debuglevel), name, template, paragraph, most)

    def info(self, name: str, template: str, paragraph: str, most: int = 0) -> Message:
        """Declares a message about what is as it should be."""
        return self.declare(Severity.INFO.value, name, template, paragraph, most)

    def warn(self, name: str, template: str, paragraph: str, most: int = 0) -> Message:
        """Declares a message about what an operator should look at."""
        return self.declare(Severity.WARN.value, name, template, paragraph, most)

    def error(self, name: str, template: str, paragraph: str, most: int = 0) -> Message:
        """Declares a message about what went wrong."""
        return self.declare(Severity.ERROR.value, name, template, paragraph, most)


class Both:
    """The messages of a logger that either server has; `#` stands for 4 and 6 in ids and texts."""

    def __init__(self, name: str) -> None:
        self._rooms = {family: Room(name.replace("#", str(family)), family) for family in FAMILIES}

    def _declare(self, level: int, name: str, template: str, paragraph: str, most: int) -> Twin:
        texts = (name, template, paragraph)
        made = []
        for family, room in self._rooms.items():
            own = [text.replace("#", str(family)) for text in texts]
            made.append(room.declare(level, own[0], own[1], own[2], most))
        v4, v6 = made
        return Twin(v4, v6)

    def debug(self, name: str, debuglevel: int, template: str, paragraph: str, most: int = 0) -> Twin:
        """Declares a message for whoever looks for a fault; `debuglevel` is Kea's, 0 to 99."""
        return self._declare(level_of("DEBUG", debuglevel), name, template, paragraph, most)

    def info(self, name: str, template: str, paragraph: str, most: int = 0) -> Twin:
        """Declares a message about what is as it should be."""
        return self._declare(Severity.INFO.value, name, template, paragraph, most)

    def warn(self, name: str, template: str, paragraph: str, most: int = 0) -> Twin:
        """Declares a message about what an operator should look at."""
        return self._declare(Severity.WARN.value, name, template, paragraph, most)

    def error(self, name: str, template: str, paragraph: str, most: int = 0) -> Twin:
        """Declares a message about what went wrong."""
        return self._declare(Severity.ERROR.value, name, template, paragraph, most)

    def fatal(self, name: str, template: str, paragraph: str, most: int = 0) -> Twin:
        """Declares a message about what ends the server."""
        return self._declare(Severity.FATAL.value, name, template, paragraph, most)


DHCP_MESSAGES_SUPPRESSED: Final = Both("packets").warn(
    "DHCP#_MESSAGES_SUPPRESSED",
    "{count} further messages {id} were suppressed in the last {seconds} seconds",
    "dhcpkit's own. A fault or a flood would have filled the log; only the first messages of each minute are written.",
)


def catalogue_page() -> str:
    """The reference page of all messages, in Markdown, by id."""
    lines = ["# Log messages", ""]
    for name, messages in sorted(CATALOGUE.items()):
        message = messages[0]
        level = next((s.name for s in Severity if s == message.level), "DEBUG")
        loggers = " and ".join(f"`{each.logger.name}`" for each in messages)
        bound = f"; at most {message.limit.most} a minute" if message.limit is not None else ""
        lines += [f"## {name}", "", f"{level}, logger {loggers}{bound}", "", f"    {message.template}", ""]
        lines += [line for paragraph in dict.fromkeys(each.paragraph for each in messages) for line in (paragraph, "")]
    return "\n".join(lines)
