"""The process as the machine sees it: its PID file, its name, what its manager is told, and who holds a port.

This module does not know DHCP.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from dhcpkit.errors import DhcpkitError

__all__ = ["AlreadyRunning", "PidFile", "holder_of_port", "set_name", "tell_service_manager"]

PID_DIR: Final = "/run/kea"
FILE_MODE: Final = 0o640


class AlreadyRunning(DhcpkitError):
    """A server with the same configuration file is alive."""

    def __init__(self, pid: int, file: Path) -> None:
        super().__init__(pid, file)
        self.pid = pid
        self.file = file

    def __str__(self) -> str:
        return f"already running as process {self.pid} ({self.file})"


class PidFile:
    """`CONF.kea-dhcp4.pid`: says which process serves a configuration file, and keeps a second one from starting."""

    def __init__(self, config: str, process: str) -> None:
        folder = os.environ.get("KEA_PIDFILE_DIR") or PID_DIR
        self.path = Path(folder) / f"{Path(config).stem}.{process}.pid"
        self._ours = False

    def __enter__(self) -> Self:
        """Takes it. Raises AlreadyRunning, and OSError where it cannot be written."""
        other = self.holder()
        if other is not None:
            raise AlreadyRunning(other, self.path)
        if "KEA_PIDFILE_DIR" not in os.environ:
            with suppress(OSError):  # if it cannot be made, opening the file says so
                self.path.parent.mkdir(mode=0o750)
        fresh = self.path.with_suffix(f".pid.{os.getpid()}")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            os.write(fd, f"{os.getpid()}\n".encode())
        finally:
            os.close(fd)
        fresh.replace(self.path)
        self._ours = True
        return self

    def __exit__(self, *_: object) -> None:
        """Removes it."""
        if self._ours:
            self.path.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """The process that is named in the file and alive; None where there is none, or it is this one."""
        try:
            pid = int(self.path.read_text().strip())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            raise OSError(errno.EINVAL, "the PID file does not hold a number", str(self.path)) from None
        return pid if pid != os.getpid() and pid > 0 and _alive(pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def set_name(name: str) -> None:
    """Gives the process the name `ps` and monitoring look for (15 octets at most)."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def tell_service_manager(*states: str, since_boot: bool = False) -> None:
    """Tells systemd how the service is (sd_notify(3)), where it wants that; `since_boot` adds the time."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    lines = [*states, f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"] if since_boot else states
    name = "\0" + address[1:] if address[0] == "@" else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.sendto("\n".join(lines).encode(), name)


def holder_of_port(port: int, table: str = "/proc/net/udp") -> str:
    """Name and process number of who has a UDP port, as far as this process may look; empty where it may not.

    `table` is where the kernel lists the sockets of a family.
    """
    inodes = set()
    with suppress(OSError):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError):
            for fd in (process / "fd").iterdir():
                if str(fd.readlink()) in inodes:
                    name = (process / "comm").read_text().strip()
                    return f"{name} (process {process.name})"
    return ""
