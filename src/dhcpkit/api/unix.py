"""The unix control socket: a command comes in, its answer goes out, the connection ends (Kea).

A caller that stops halfway is told so after a while; one that does not read its answer is cut off. This module does
not know what commands do.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dhcpkit.api.feed import Feed, Limits, NotJson
from dhcpkit.api.request import BadRequest, Caller, Request, read_request
from dhcpkit.api.sending import CHUNK, octets_of
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Answer, Result

__all__ = ["Ask", "SocketInUse", "UnixSocket", "socket_path"]

TIMEOUT: Final = (
    10.0  # seconds without a whole command, or without room for its answer (Kea: TIMEOUT_DHCP_SERVER_RECEIVE_COMMAND)
)
CALLERS_MAX: Final = 64  # connections at once: each may hold a command of the largest size
FOLDER: Final = "/run/kea"  # of control sockets (Kea)
MODE: Final = 0o660  # of the socket: its group may send commands

Ask = Callable[[Request, Caller], Awaitable[Answer]]


def socket_path(name: str | Path) -> Path:
    """Where the socket of a name is: one without a folder lies in Kea's, or in that of KEA_CONTROL_SOCKET_DIR."""
    path = Path(name)
    return path if path.is_absolute() else Path(os.environ.get("KEA_CONTROL_SOCKET_DIR") or FOLDER) / path


class SocketInUse(DhcpkitError):
    """Another server listens there, or a file that is no socket is in the way."""


class UnixSocket:
    """One control socket at a path. `ask` runs commands."""

    def __init__(self, path: str | Path, ask: Ask, *, limits: Limits | None = None, timeout: float = TIMEOUT) -> None:
        self.path = socket_path(path)
        self._ask = ask
        self._limits = limits
        self._timeout = timeout
        self._server: asyncio.AbstractServer | None = None
        self._callers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens. Raises SocketInUse, OSError."""
        made = _bind(self.path)
        self._server = await asyncio.start_unix_server(self._serve, sock=made, limit=CHUNK)

    async def close(self) -> None:
        """Stops listening; answers that are on their way are still given, for a moment.

        A command may close the socket that it came by: its own answer is not waited for, and goes out all the same.
        """
        if self._server is None:
            return
        self._server.close()
        others = {task for task in self._callers if task is not asyncio.current_task()}
        if others:
            _, late = await asyncio.wait(others, timeout=self._timeout)
            for task in late:
                task.cancel()
        self._server = None
        with suppress(FileNotFoundError):
            self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is a task"
        self._callers.add(task)
        try:
            answer = await self._answer(reader) if len(self._callers) <= CALLERS_MAX else _error("too many callers")
            if answer is not None:
                await _send(writer, answer, self._timeout)
        except (ConnectionError, TimeoutError):
            pass  # the caller went away
        except DhcpkitError:
            writer.transport.abort()  # what is being told cannot be read to its end: the caller sees that it breaks off
        finally:
            self._callers.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> Answer | None:
        """The answer to what comes; None where nothing does any more."""
        feed = Feed(self._limits)
        try:
            text = await asyncio.wait_for(_whole(feed, reader), self._timeout)
            if text is None:
                return None
            request = read_request(text)
        except TimeoutError:
            partial = f", discarded partial command of {len(feed)} bytes" if len(feed) else ""
            return _error(f"Connection over control channel timed out{partial}")
        except NotJson as error:
            return _error(str(error))
        except BadRequest as error:
            return _error(f"Error during command processing: {error}")
        return await self._ask(request, Caller("unix"))


def _error(text: str) -> Answer:
    return Answer(Result.ERROR, text)


async def _whole(feed: Feed, reader: asyncio.StreamReader) -> bytes | None:
    while octets := await reader.read(CHUNK):
        text = feed.push(octets)
        if text is not None:
            return text
    return None


async def _send(writer: asyncio.StreamWriter, answer: Answer, patience: float) -> None:
    """Sends an answer piece by piece. TimeoutError where the caller takes nothing for so many seconds."""
    async for octets in octets_of(answer):
        writer.write(octets)
        await asyncio.wait_for(writer.drain(), patience)


def _bind(path: Path) -> socket.socket:
    """A socket at a path; one that a server left behind is replaced."""
    try:
        before = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISSOCK(before.st_mode):
            raise SocketInUse(f"{path} is a file, not a socket: remove it, or name another one")
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise SocketInUse(f"another server listens at {path}")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    mask = os.umask(0o777 & ~MODE)
    try:
        made.bind(str(path))
    except BaseException:
        made.close()
        raise
    finally:
        os.umask(mask)
    made.settimeout(0)
    return made
