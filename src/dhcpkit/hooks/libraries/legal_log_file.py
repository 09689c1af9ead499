"""Files that entries are added to, one for each day, month, year or number of seconds. Names are Kea's.

This module does not know what entries say. Time is an argument: seconds since 1970, told in the machine's zone.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["UNITS", "RotatingFile"]

UNITS: Final = ("second", "day", "month", "year")
MODE: Final = 0o640  # who had which address is not everybody's business


class RotatingFile:
    """Adds lines to the file of now. `count` units have one file; 0: there is only one.

    `turned` hears of the file that ended ("" for none) and of the one that begins.
    """

    def __init__(self, folder: Path, base: str, unit: str, count: int, turned: Callable[[str, str], None]) -> None:
        self._folder, self._base, self._unit, self._count, self._turned = folder, base, unit, count, turned
        self._file = -1
        self._began = 0.0
        self.name = ""

    def write(self, line: str, now: float) -> None:
        """Adds a line. Raises OSError; the file is opened anew with the next one then."""
        try:
            if self._file < 0:
                self._open(self._latest(now))
            elif self._count and now >= self._end():
                self._open(now)
            self._add(f"{line}\n".encode("utf-8", "surrogateescape"))
        except OSError:
            self.close()
            raise

    def _add(self, octets: bytes) -> None:
        done = os.write(self._file, octets)
        if done < len(octets):  # what is half written is no entry
            os.ftruncate(self._file, os.fstat(self._file).st_size - done)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Closes the file."""
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
            self._file = -1

    def _open(self, began: float) -> None:
        before, name = self.name, str(self._folder / f"{self._base}.{self._tag(began)}.txt")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(name, flags, MODE)
        self.close()
        self._file, self._began, self.name = file, began, name
        if name != before:
            self._turned(before, name)

    def _tag(self, began: float) -> str:
        return f"T{int(began):020d}" if self._unit == "second" else time.strftime("%Y%m%d", time.localtime(began))

    def _end(self, began: float | None = None) -> float:
        """When the period of a file that began then is over."""
        start = self._began if began is None else began
        if self._unit == "second":
            return start + self._count
        when = time.localtime(start)
        year, month, day = when.tm_year, when.tm_mon, when.tm_mday
        if self._unit == "day":
            day += self._count
        elif self._unit == "month":
            month += self._count
        else:
            year += self._count
        return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))

    def _latest(self, now: float) -> float:
        """When the newest file that is there began, if its period lasts; else now."""
        form = r"T(\d{20})" if self._unit == "second" else r"(\d{8})"
        pattern = re.compile(rf"{re.escape(self._base)}\.{form}\.txt")
        tags = sorted(found[1] for each in os.listdir(self._folder) if (found := pattern.fullmatch(each)))  # noqa: PTH208
        for tag in reversed(tags):
            with suppress(ValueError, OverflowError):
                began = float(int(tag)) if self._unit == "second" else time.mktime(time.strptime(tag, "%Y%m%d"))
                if began <= now and (not self._count or now < self._end(began)):
                    return began
                break
        return now
