"""A disk that fails on request: full, read-only, broken, slow, or without power.

`Memfile(path, disk=FailingDisk(write=errno.ENOSPC))` is a store on a full disk. Names and errors can be changed at
any time through `broken`. What is durable is remembered, so that a test can look at what a loss of power would leave.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from dhcpkit.backends.disk import Disk

__all__ = ["FailingDisk"]


class FailingDisk(Disk):
    """The operating system's files; a call whose name is in `broken` fails with that error number."""

    def __init__(self, **broken: int) -> None:
        self.broken = broken
        self.calls: list[str] = []
        self.partial = 0  # octets that a write which fails has written already
        self.answers = threading.Event()  # cleared, it holds up every sync until it is set
        self.answers.set()
        self._synced: dict[int, int] = {}  # length that is durable, by inode

    def _happens(self, call: str) -> None:
        self.calls.append(call)
        self._fail_if_broken(call)

    def _fail_if_broken(self, call: str) -> None:
        if call in self.broken:
            raise OSError(self.broken[call], os.strerror(self.broken[call]))

    def open(self, path: Path, flags: int) -> int:
        """As Disk."""
        self._happens("open")
        return super().open(path, flags)

    def write(self, fd: int, data: bytes) -> None:
        """As Disk; where it fails, `partial` octets of the data are in the file."""
        if "write" in self.broken and self.partial:
            super().write(fd, data[: self.partial])
        self._happens("write")
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        """As Disk."""
        length = self.size(fd)
        self.calls.append("sync")
        self.answers.wait()  # a disk that does not answer does not say either that it has failed
        self._fail_if_broken("sync")
        self._synced[os.fstat(fd).st_ino] = length

    def sync_folder(self, path: Path) -> None:
        """As Disk."""
        self._happens("sync_folder")

    def truncate(self, fd: int, length: int) -> None:
        """As Disk."""
        self._happens("truncate")
        super().truncate(fd, length)
        inode = os.fstat(fd).st_ino
        self._synced[inode] = min(length, self._synced.get(inode, 0))

    def rename(self, path: Path, to: Path) -> None:
        """As Disk."""
        self._happens("rename")
        super().rename(path, to)

    def remove(self, path: Path) -> None:
        """As Disk."""
        self._happens("remove")
        super().remove(path)

    def all_durable(self, folder: Path) -> None:
        """What is in `folder` now is durable: it was there before this disk was."""
        for path in folder.iterdir():
            status = path.stat()
            self._synced[status.st_ino] = status.st_size

    def after_power_loss(self, folder: Path, to: Path) -> None:
        """Copies to `to` what a loss of power would leave of `folder`: every file cut to what was durable of it."""
        to.mkdir(exist_ok=True)
        for path in folder.iterdir():
            (to / path.name).write_bytes(path.read_bytes()[: self._synced.get(path.stat().st_ino, 0)])
