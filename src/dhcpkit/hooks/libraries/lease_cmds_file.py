"""All leases written to a file of Kea's form, in the data directory and nowhere else.

The file appears whole or not at all. One that is there is replaced only where it is a lease file that no server has
open. This module does not know stores of leases.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from dhcpkit.backends.rows import RowForm
from dhcpkit.hooks.commands import Refused
from dhcpkit.hooks.libraries.lease_cmds_walk import Slice

__all__ = ["place_of", "write_rows"]

MODE: Final = 0o640  # of the file: its group may read leases
WRITTEN_TOGETHER: Final = 1 << 20  # octets handed to the disk at a time
NAME_OCTETS_MAX: Final = 200  # of a file's name: room for what is put behind it meanwhile


def place_of(name: str, folder: Path, taken: Path | None) -> Path:
    """The file that a name means. Raises Refused where nothing may be written there.

    `taken` is the file where the server itself keeps leases: it and those beside it whose names begin with its own.
    """
    path = Path(name)
    if not name or name.endswith("/") or path.name in ("", ".", ".."):
        raise Refused(f"'filename' parameter is invalid: path: '{name}' has no filename")
    if "\0" in name or not name.isprintable() or len(os.fsencode(path.name)) > NAME_OCTETS_MAX:
        raise Refused("'filename' parameter is invalid: this is no name for a file")
    if path.parent != Path() and path.parent != folder:
        told = f"invalid path specified: '{path.parent}', supported path is '{folder}'"
        raise Refused(f"'filename' parameter is invalid: {told}")
    target = folder / path.name
    if taken is not None and target.name.startswith(taken.name) and target.parent.resolve() == taken.parent.resolve():
        raise Refused(f"'filename' parameter is invalid: the server keeps its leases in {taken}")
    return target


async def write_rows(target: Path, form: RowForm[Any], found: AsyncIterator[Slice]) -> None:
    """Writes leases, durably. Raises Refused where the file cannot be written."""
    try:
        _may_replace(target, form)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise Refused(f"unable to open '{target}': {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), MODE)
            pending = [form.header]
            size = 0
            async for rows in found:
                pending += [row for _, row in rows]
                size += sum(len(row) for _, row in rows)
                if size >= WRITTEN_TOGETHER:
                    await asyncio.to_thread(file.write, b"\n".join(pending) + b"\n")
                    pending, size = [], 0
            if pending:
                file.write(b"\n".join(pending) + b"\n")
            await asyncio.to_thread(_finish, file, Path(name), target)
    except OSError as error:
        raise Refused(f"unable to write '{target}': {error.strerror}") from None
    finally:
        _forget(name)


def _forget(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(name).unlink()


def _finish(file: Any, written: Path, target: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    written.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _may_replace(target: Path, form: RowForm[Any]) -> None:
    """Raises Refused where something is there that is not to be lost, OSError where it cannot be looked at."""
    try:
        there = os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    with os.fdopen(there, "rb") as file:
        head = file.readline(len(form.header) + 2).rstrip(b"\n")
        if head and head not in form.versions:
            raise Refused(f"unable to open '{target}': it is there, and is no file of such leases")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"unable to open '{target}': a server keeps its leases there") from None
