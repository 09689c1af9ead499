"""The control sockets of a server: they come and go with the configuration, and hand commands on.

A command that fails for a fault of ours is an answer and a log line, and the server goes on. This module does not know
what commands do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dhcpkit.api import Caller, Request, SocketInUse, UnixSocket
from dhcpkit.config.surroundings import ControlSocketDoc
from dhcpkit.hooks.commands import Answer, Commands, Result
from dhcpkit.server import messages as m

__all__ = ["Control", "sockets_of"]


def sockets_of(doc: Any) -> Sequence[ControlSocketDoc]:
    """The control sockets that a configuration asks for, in the old form or the new one."""
    return (doc.control_socket,) if doc.control_socket is not None else tuple(doc.control_sockets)


class Control:
    """Listens where the configuration says, and runs commands."""

    def __init__(self, commands: Commands, family: int) -> None:
        self._commands = commands
        self._family = family
        self._sockets: dict[str, UnixSocket] = {}

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """Runs a command for a caller."""
        name = request.command
        m.COMMAND_RECEIVED.of(self._family).log(command=name, channel=caller.channel)
        try:
            return await self._commands.run(name, request.arguments)
        except Exception as error:  # noqa: BLE001  # a fault in one command must not end the service
            m.COMMAND_FAILED.of(self._family).log(command=name, reason=f"{type(error).__name__}: {error}")
            return Answer(Result.ERROR, f"Error during command processing: internal error in {name}, see the log")

    async def listen(self, sockets: Iterable[ControlSocketDoc]) -> None:
        """Listens at these sockets and at no others. What cannot be opened is logged; the others are."""
        wanted = {each.socket_name: each for each in sockets if each.socket_type == "unix"}
        for path in [path for path in self._sockets if path not in wanted]:
            await self._sockets.pop(path).close()
        for path in wanted:
            if path not in self._sockets:
                await self._open(path)

    async def _open(self, path: str) -> None:
        made = UnixSocket(path, self.ask)
        try:
            await made.start()
        except (SocketInUse, OSError) as error:
            m.COMMAND_SOCKET_FAILED.of(self._family).log(socket=path, reason=error)
        else:
            self._sockets[path] = made
            m.COMMAND_SOCKET_OPEN.of(self._family).log(socket=path)

    async def close(self) -> None:
        """Stops listening."""
        await self.listen(())
