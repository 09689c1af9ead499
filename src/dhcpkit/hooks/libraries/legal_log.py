"""Writes down who had which address from when on, and what operators changed: `libdhcp_legal_log.so`.

An entry is written when its lease is stored, and before the client hears of it. Expressions may say what stands in
entries about messages. A subnet with `"legal-logging": false` in its `user-context` is not written about. What cannot
be written is logged and counted; clients are served as before.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from dhcpkit.alloc.evaluate import Unfit
from dhcpkit.alloc.expressions import ExpressionError
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Both, safe
from dhcpkit.hooks.commands import Result
from dhcpkit.hooks.expressions import Language, Value, contexts_of_subnets
from dhcpkit.hooks.libraries.legal_log_entries import about_command, about_lease4, about_lease6, only_of
from dhcpkit.hooks.libraries.legal_log_file import UNITS, RotatingFile
from dhcpkit.hooks.libraries.run_script import check_script, run_program
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import CommandProcessed, Leases4Committed, Leases6Committed

__all__ = ["LegalLog", "LegalLogError", "LegalLogParameters"]

FOLDER: Final = "/var/log/kea"
TIMESTAMP: Final = "%Y-%m-%d %H:%M:%S %Z"
TOLD_EVERY: Final = 10.0  # seconds between two messages about entries that could not be written
DECLINED: Final = LeaseState.DECLINED.value
U32 = 0xFFFFFFFF

_log = Both("legal-log-hooks")
LEGAL_LOG_STORE_OPENED: Final = _log.info(
    "LEGAL_LOG_STORE_OPENED",
    "Legal store opened: {file}",
    "Entries of the legal log are added to this file from now on.",
)
LEGAL_LOG_LEASE_WRITE_ERROR: Final = _log.error(
    "LEGAL_LOG_LEASE#_WRITE_ERROR",
    "Could not write to the legal store: {reason}; {count} entries are lost",
    "The disk is full, or the folder is gone. Clients are served as before, and what they got is not in the legal log: "
    "find the reason at once where the law asks for it. dhcpkit-legal-log-lost counts entries.",
)
LEGAL_LOG_EXPRESSION_FAILED: Final = _log.warn(
    "LEGAL_LOG_EXPRESSION_FAILED",
    "a format of the legal log cannot be told of a message: {reason}; the usual sentence is written",
    "dhcpkit's own. A function of the expression got something it has no use for.",
)
LEGAL_LOG_ROTATE_FAILED: Final = _log.warn(
    "LEGAL_LOG_ROTATE_FAILED",
    "{script} for {file}: {reason}",
    "dhcpkit's own. The script that is run before or after another file of the legal log begins did not do well.",
)


class LegalLogError(DhcpkitError):
    """The parameters of the legal log make no sense, or its folder cannot be written."""


@document("parameters")
class LegalLogParameters(Document):
    """What legal_log is told."""

    type: str = param(default="logfile", choices=("logfile",), doc="Where entries go; dhcpkit has files only.")
    path: str = param(default=FOLDER, doc="The folder of the files.")
    base_name: str = param(default="kea-legal", doc="What the files' names begin with.")
    time_unit: str = param(default="day", choices=UNITS, doc="The unit of time that `count` counts.")
    count: int = param(default=1, low=0, high=U32, doc="How many units of time one file is for; 0: for ever.")
    prerotate: str = param(default="", doc="A script that is run with the old file's name, before another begins.")
    postrotate: str = param(default="", doc="A script that is run with the new file's name.")
    timestamp_format: str = param(default=TIMESTAMP, doc="How the time is written, in the words of strftime.")
    request_parser_format: str = param(default="", doc="An expression about the client's message: the entry's text.")
    response_parser_format: str = param(default="", doc="An expression about the answer: it follows that.")


class LegalLog(Library):
    """Writes down who had which address."""

    name = "legal_log"
    parameters = LegalLogParameters
    paths = ("path/", "prerotate", "postrotate")

    async def load(self) -> None:
        """Raises LegalLogError."""
        told = self.told
        folder = Path(told.path)
        if not _is_writable(folder):
            raise LegalLogError(f"path '{told.path}' is no folder that can be written")
        if not told.base_name or "/" in told.base_name:
            raise LegalLogError(f"base-name '{told.base_name}' is no file's name")
        for script in filter(None, (told.prerotate, told.postrotate)):
            check_script(Path(script))
        self._file = RotatingFile(folder, told.base_name, told.time_unit, told.count, self._turned)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost, self._told_at = 0, float("-inf")
        self._silent: frozenset[int] = frozenset()
        self._compile()

    def _compile(self) -> None:
        language = Language(self.operated.doc, self.operated.family)
        try:
            self._formats: tuple[Value | None, ...] = tuple(
                language.text(text) if text else None
                for text in (self.told.request_parser_format, self.told.response_parser_format)
            )
        except ExpressionError as error:
            raise LegalLogError(f"a format is no expression: {error}") from error

    async def configured(self) -> None:
        """Subnets may want no log; options may be defined otherwise."""
        found = contexts_of_subnets(self.operated.doc, self.operated.network, self.operated.family)
        self._silent = frozenset(
            number for number, told in found if isinstance(told, Mapping) and told.get("legal-logging") is False
        )
        self._compile()

    async def unload(self) -> None:
        """Closes the file."""
        self._file.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @on(Leases4Committed)
    def committed4(self, point: Leases4Committed) -> None:
        """What a client got or gave back is stored."""
        given = [(lease, lease.state != DECLINED) for lease in point.leases]
        for lease, fresh in (*given, *((lease, False) for lease in point.deleted)):
            if lease.subnet_id in self._silent:
                continue
            change = next((each for each in point.outcome.unit if each.address == lease.address), None)
            before = change.before if change is not None and not fresh else None
            text = self._formatted(point.query, point.response)
            self._write(about_lease4(point.query, before or lease, given=fresh) if text is None else text)

    @on(Leases6Committed)
    def committed6(self, point: Leases6Committed) -> None:
        """What a client got or gave back is stored."""
        given = [(lease, lease.state != DECLINED) for lease in point.leases]
        response = point.response
        for lease, fresh in (*given, *((lease, False) for lease in point.deleted)):
            if lease.subnet_id in self._silent:
                continue
            change = next((each for each in point.outcome.unit if each.address == lease.address), None)
            shown = (change.before or lease) if change is not None and not fresh else lease
            text = None
            if any(self._formats):
                answer = only_of(response, shown) if response is not None else None
                text = self._formatted(only_of(point.query, shown), answer)
            self._write(about_lease6(point.query, shown, given=fresh) if text is None else text)

    @on(CommandProcessed)
    def commanded(self, point: CommandProcessed) -> None:
        """An operator changed leases."""
        if point.response.result == Result.SUCCESS:
            for _, text in about_command(point.name, point.told, point.response.arguments):
                self._write(text)

    def _formatted(self, query: Any, response: Any) -> str | None:
        """What the formats say of an exchange; None: there are none, or they cannot say it."""
        if not any(self._formats):
            return None
        try:
            parts = [
                form(packet, ())
                for form, packet in zip(self._formats, (query, response), strict=True)
                if form is not None and packet is not None
            ]
        except Unfit as error:
            LEGAL_LOG_EXPRESSION_FAILED.of(self.operated.family).log(reason=error)
            return None
        return b"".join(parts).decode("utf-8", "surrogateescape")

    def _write(self, text: str) -> None:
        if not text:
            return
        now = time.time()  # the wall clock: what is written is read by people and courts
        stamp = time.strftime(self.told.timestamp_format or TIMESTAMP, time.localtime(now))
        try:
            self._file.write(f"{stamp} {safe(text)}", now)
        except OSError as error:
            self._lost += 1
            self.operated.statistics.add({"dhcpkit-legal-log-lost": 1})
            if time.monotonic() - self._told_at >= TOLD_EVERY:
                self._told_at, lost = time.monotonic(), self._lost
                self._lost = 0
                reason = error.strerror or str(error)
                LEGAL_LOG_LEASE_WRITE_ERROR.of(self.operated.family).log(reason=reason, count=lost)

    def _turned(self, before: str, after: str) -> None:
        LEGAL_LOG_STORE_OPENED.of(self.operated.family).log(file=after)
        if before:
            steps = [(self.told.prerotate, before), (self.told.postrotate, after)]
            task = asyncio.get_running_loop().create_task(self._run(step for step in steps if step[0]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, steps: Iterable[tuple[str, str]]) -> None:
        for script, file in steps:
            try:
                reason = await run_program(script, file, {})
            except OSError as error:
                reason = error.strerror or str(error)
            if reason:
                LEGAL_LOG_ROTATE_FAILED.of(self.operated.family).log(script=script, file=file, reason=reason)


def _is_writable(folder: Path) -> bool:
    return folder.is_absolute() and folder.is_dir() and os.access(folder, os.W_OK)
