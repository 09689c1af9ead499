"""How log messages are declared: one declaration gives the line, its level, and its paragraph in the reference.

Ids are Kea's where Kea has the message, because operators' tools look for them; texts and explanations are our own.
A message is logged with `DHCP4_RELEASE.log(client=...)`; where making its arguments costs something, ask `.on` first.
What the servers of both families say is declared once, as a `Twin`: `DHCP_STARTED.of(6).log(version=...)` is
DHCP6_STARTED. A hook library declares its own with `Both` or `Room`. This module knows no outputs.
"""

from __future__ import annotations

import enum
import logging
from typing import Final

import attrs

__all__ = [
    "AGENT",
    "CATALOGUE",
    "ROOTS",
    "Both",
    "Message",
    "Room",
    "Severity",
    "Twin",
    "catalogue_page",
    "level_of",
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


DEBUG_STEP: Final = 11  # debug levels that share one level of `logging`: 0-99 on 10 down to 1


def level_of(severity: str, debuglevel: int = 0) -> int:
    """The `logging` level for Kea's severity and debug level. KeyError where there is no such severity."""
    level = Severity[severity.upper()].value
    return level - min(max(debuglevel, 0), 99) // DEBUG_STEP if level == Severity.DEBUG else level


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


@attrs.frozen(eq=False)
class Message:
    """One message: its id, the logger it goes to, how grave it is, its template, and a paragraph for the operator.

    `family` says whose it is: 4, 6, or AGENT.
    """

    id: str
    family: int
    logger: logging.Logger
    level: int
    template: str
    paragraph: str

    @property
    def on(self) -> bool:
        """Whether anybody wants it; nearly free, `logging` remembers the answer."""
        return self.logger.isEnabledFor(self.level)

    def log(self, **values: object) -> None:
        """Writes it, if anybody wants it. Values are made safe, the template is trusted."""
        if self.logger.isEnabledFor(self.level):
            text = self.template.format_map({k: safe(str(v)) for k, v in values.items()}) if values else self.template
            self.emit(text)

    def emit(self, text: str) -> None:
        """Writes a text that was already put together from safe parts."""
        record = logging.LogRecord(self.logger.name, self.level, __file__, 0, f"{self.id} {text}", None, None)
        record.message_id = self.id
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

    def declare(self, level: int, name: str, template: str, paragraph: str) -> Message:
        """Declares a message of a level of `logging`."""
        others = CATALOGUE.get(name, ())
        assert all(other.family != self._family for other in others), f"{name} is declared twice"
        message = Message(name, self._family, self._logger, level, template, paragraph)
        CATALOGUE[name] = (*others, message)
        return message

    def debug(self, name: str, debuglevel: int, template: str, paragraph: str) -> Message:
        """Declares a message for whoever looks for a fault; `debuglevel` is Kea's, 0 to 99."""
        return self.declare(level_of("DEBUG", debuglevel), name, template, paragraph)

    def info(self, name: str, template: str, paragraph: str) -> Message:
        """Declares a message about what is as it should be."""
        return self.declare(Severity.INFO.value, name, template, paragraph)

    def warn(self, name: str, template: str, paragraph: str) -> Message:
        """Declares a message about what an operator should look at."""
        return self.declare(Severity.WARN.value, name, template, paragraph)

    def error(self, name: str, template: str, paragraph: str) -> Message:
        """Declares a message about what went wrong."""
        return self.declare(Severity.ERROR.value, name, template, paragraph)


class Both:
    """The messages of a logger that either server has; `#` stands for 4 and 6 in ids and texts."""

    def __init__(self, name: str) -> None:
        self._rooms = {family: Room(name.replace("#", str(family)), family) for family in FAMILIES}

    def _declare(self, level: int, *texts: str) -> Twin:
        v4, v6 = (
            room.declare(level, *(text.replace("#", str(family)) for text in texts))
            for family, room in self._rooms.items()
        )
        return Twin(v4, v6)

    def debug(self, name: str, debuglevel: int, template: str, paragraph: str) -> Twin:
        """Declares a message for whoever looks for a fault; `debuglevel` is Kea's, 0 to 99."""
        return self._declare(level_of("DEBUG", debuglevel), name, template, paragraph)

    def info(self, name: str, template: str, paragraph: str) -> Twin:
        """Declares a message about what is as it should be."""
        return self._declare(Severity.INFO.value, name, template, paragraph)

    def warn(self, name: str, template: str, paragraph: str) -> Twin:
        """Declares a message about what an operator should look at."""
        return self._declare(Severity.WARN.value, name, template, paragraph)

    def error(self, name: str, template: str, paragraph: str) -> Twin:
        """Declares a message about what went wrong."""
        return self._declare(Severity.ERROR.value, name, template, paragraph)

    def fatal(self, name: str, template: str, paragraph: str) -> Twin:
        """Declares a message about what ends the server."""
        return self._declare(Severity.FATAL.value, name, template, paragraph)


def catalogue_page() -> str:
    """The reference page of all messages, in Markdown, by id."""
    lines = ["# Log messages", ""]
    for name, messages in sorted(CATALOGUE.items()):
        message = messages[0]
        level = next((s.name for s in Severity if s == message.level), "DEBUG")
        loggers = " and ".join(f"`{each.logger.name}`" for each in messages)
        lines += [f"## {name}", "", f"{level}, logger {loggers}", "", f"    {message.template}", ""]
        lines += [message.paragraph, ""]
    return "\n".join(lines)
