"""Cleaning up lease files that no server holds: two files become one with the newest row of each lease.

The files, their order and the rows are those of Kea's clean-up, so that either may finish what the other began:
previous and copy are read, the output is written and becomes the finish file, the two that were read go, and the
finish file takes the previous one's name. At every moment there is a set of files from which all leases load.

This module does not know switches, nor how a running server cleans up (`dhcpkit.backends.lfc`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from dhcpkit.backends.disk import DISK, Disk
from dhcpkit.backends.lfc import side_file
from dhcpkit.backends.reader import LoadReport, read_file
from dhcpkit.backends.rows import RowForm, escape, text_of, unescape
from dhcpkit.config.normal import kea_text
from dhcpkit.errors import DhcpkitError

__all__ = ["Busy", "Cleaned", "Files", "clean", "set_aside", "written_row"]

SLICE: Final = 4096  # rows between two writes: a quarter of a megabyte
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_NAME: Final = "kea-lfc"  # by which a server that starts knows that somebody is at its files


class Busy(DhcpkitError):
    """Another process is cleaning these files up, or keeps leases in them."""


@attrs.frozen
class Files:
    """The files of a clean-up, as Kea calls them; `pid` says who is at it."""

    previous: Path
    copy: Path
    output: Path
    finish: Path
    pid: Path

    @classmethod
    def of(cls, leases: Path) -> Files:
        """Those beside a lease file."""
        return cls(*(side_file(leases, suffix) for suffix in (".2", ".1", ".output", ".completed", ".pid")))


@attrs.frozen
class Cleaned:
    """What was done: what was found in which files, and how many leases were written; None: there was nothing to read.

    That is so where an earlier clean-up had finished its output and only the names were left to change.
    """

    report: LoadReport
    written: int | None


def clean(files: Files, form: RowForm[Any], *, disk: Disk = DISK, step: Callable[[str], None] | None = None) -> Cleaned:
    """Cleans up. `step` hears what is about to be done. Raises Busy, and OSError: the files then load as before."""
    say = step or (lambda _: None)
    with _alone(files.pid):
        _unheld(files.copy)
        report = LoadReport()
        written: int | None = None
        if not files.finish.exists():
            rows: dict[int, bytes] = {}
            for path in (files.previous, files.copy):
                say(f"read {path}")
                with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                    read_file(file, str(path), rows, report, form)
            say(f"write {files.output}")
            written = _write(files.output, rows, form, disk)
            say(f"complete {files.finish}")
            disk.rename(files.output, files.finish)
            disk.sync_folder(files.finish.absolute().parent)
        say(f"remove {files.copy}")
        disk.remove(files.copy)
        say(f"remove {files.previous}")
        disk.remove(files.previous)
        say(f"rename {files.finish} to {files.previous}")
        disk.rename(files.finish, files.previous)
        disk.sync_folder(files.previous.absolute().parent)
        say("done")
    return Cleaned(report, written)


def set_aside(leases: Path, *, disk: Disk = DISK) -> None:
    """Makes a lease file the copy that is cleaned up, unless one is waiting. Raises Busy, OSError.

    For files that no server uses: a server does so itself, and goes on with a new file.
    """
    files = Files.of(leases)
    if files.copy.exists() or files.finish.exists():
        return
    _unheld(files.copy)
    disk.rename(leases, files.copy)
    disk.sync_folder(leases.absolute().parent)


def written_row(row: bytes, form: RowForm[Any]) -> bytes | None:
    """A row as Kea's clean-up writes it, None where it drops the lease: one without a lifetime, released or not."""
    if not form.ends(row)[0]:
        return None
    context, expire = form.columns.index("user_context"), form.columns.index("expire")
    fields = row.split(b",")
    if fields[expire][:1] != b"-" and not fields[context]:
        return row
    if fields[expire][:1] == b"-":
        fields[expire] = b"%d" % (int(fields[expire]) + (1 << 64))
    if fields[context]:
        value = _octets(json.loads(unescape(fields[context]).decode("latin-1")))
        fields[context] = escape(kea_text(value).encode("ascii"))
    return b",".join(fields)


def _octets(value: Any) -> Any:
    """A context whose texts are octets: to Kea, a character that is written as a number is one as well."""
    if isinstance(value, dict):
        return {_octets(key): _octets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_octets(inner) for inner in value]
    return text_of(value).decode("ascii", "surrogateescape") if isinstance(value, str) else value


def _write(output: Path, rows: dict[int, bytes], form: RowForm[Any], disk: Disk) -> int:
    fd = disk.open(output, _FLAGS)
    try:
        count = 0
        pending = [form.header]
        for address in sorted(rows):
            row = written_row(rows[address], form)
            if row is not None:
                pending.append(row)
                count += 1
            if len(pending) >= SLICE:
                disk.write(fd, b"\n".join(pending) + b"\n")
                pending.clear()
        if pending:
            disk.write(fd, b"\n".join(pending) + b"\n")
        disk.sync(fd)
    finally:
        disk.close(fd)
    return count


@contextlib.contextmanager
def _alone(pid: Path) -> Iterator[None]:
    """Keeps a second clean-up away, by the PID file as Kea's and by a lock on it, which no reused number deceives."""
    fd = os.open(pid, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another clean-up is at it, as {pid} says") from None
        said = os.read(fd, 64).strip()
        if said and not said.isdigit():
            raise OSError(f"Unable to read PID from file '{pid}'")
        if said and int(said) != os.getpid() and _is_clean_up(int(said)):
            raise Busy(f"process {int(said)} is cleaning up, as {pid} says")
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                pid.unlink()
    finally:
        os.close(fd)


def _is_clean_up(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip() == _NAME
    return False


def _unheld(copy: Path) -> None:
    """Raises Busy where a server of dhcpkit keeps its leases beside: it locks its file, and cleans up by itself."""
    leases = copy.with_suffix("")
    if copy.suffix != ".1" or not leases.exists():
        return
    fd = os.open(leases, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(
            f"a running server keeps its leases in {leases} and cleans up by itself; send it kea-lfc-start"
        ) from None
    finally:
        os.close(fd)
