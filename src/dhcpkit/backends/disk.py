"""The few calls by which a lease file reaches the disk, as one object: what fails in real life fails in tests here.

A test passes a disk of its own to `Memfile`, one that is full, read-only or loses power. Every call raises OSError.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

__all__ = ["DISK", "Disk"]

_MODE: Final = 0o640  # leases say who is where: nothing for others to read


class Disk:
    """The operating system's files."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor that no other process inherits."""
        return os.open(path, flags | os.O_CLOEXEC, _MODE)

    def lock(self, fd: int) -> None:
        """Takes the file for this process, until it ends; BlockingIOError where another process has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):  # a file system without locks
                raise

    def size(self, fd: int) -> int:
        """Octets in the file."""
        return os.fstat(fd).st_size

    def write(self, fd: int, data: bytes) -> None:
        """Appends all of `data`; where it fails, a part of it may have been written."""
        done = os.write(fd, data)
        while done < len(data):
            done += os.write(fd, memoryview(data)[done:])

    def sync(self, fd: int) -> None:
        """Returns when what was written survives a loss of power."""
        os.fdatasync(fd)

    def sync_folder(self, path: Path) -> None:
        """The same for names in a folder."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, length: int) -> None:
        """Cuts the file to `length` octets."""
        os.ftruncate(fd, length)

    def rename(self, path: Path, to: Path) -> None:
        """Gives a file another name; a file of that name is gone."""
        path.rename(to)

    def remove(self, path: Path) -> None:
        """Removes a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()

    def close(self, fd: int) -> None:
        """Lets go of a descriptor."""
        os.close(fd)


DISK: Final = Disk()
