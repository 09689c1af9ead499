"""What a control agent does with a command: runs it itself, or passes it on to the servers that `service` names.

Answers come back as the servers gave them, one for each service, in the order of the request; a server that does not
answer has one that says why. This module does not know sockets to listen at, or configurations.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from dhcpkit.api.client import Client, NotAnAnswer, Place, Unreachable, read_answer
from dhcpkit.api.request import Caller, Request
from dhcpkit.api.unix import socket_path
from dhcpkit.hooks.catalogue import AGENT, Room
from dhcpkit.hooks.commands import Answer, Commands, Forbidden, Result

__all__ = ["Agent"]

FORWARD_TIMEOUT: Final = 60.0  # seconds for a server's answer: the commands that go through all leases take their time
SERVICES_MAX: Final = 8  # services of one command: there are no more servers than three, and each may be named twice
AT_ONCE_MAX: Final = 32  # commands that wait for servers at the same time: the sockets of a server take 64 callers
SMALL: Final = 1 << 16  # octets of an answer that is looked at where it came; larger ones in a thread
NO_SERVICE: Final = (
    'You did not include "service" parameter in the command, which means that the control agent should run it itself '
    'rather than pass it on to a server. To reach a server, name it: "service": [ "dhcp4" ] for the DHCPv4 server, '
    'or several of them: "service": [ "dhcp4", "dhcp6", "d2" ].'
)

_said = Room("ctrl-agent", AGENT)
CTRL_AGENT_COMMAND_RECEIVED: Final = _said.info(
    "CTRL_AGENT_COMMAND_RECEIVED",
    "command {command} received from remote address {caller}",
    "Somebody sent the agent a command. What it was told is not logged: it may be a secret.",
)
CTRL_AGENT_COMMAND_FORWARDED: Final = _said.info(
    "CTRL_AGENT_COMMAND_FORWARDED",
    "command {command} successfully forwarded to the service {service} from remote address {caller}",
    "A server has the command, and its answer is on its way back.",
)
CTRL_AGENT_COMMAND_FORWARD_FAILED: Final = _said.warn(
    "CTRL_AGENT_COMMAND_FORWARD_FAILED",
    "failed forwarding command {command} to the service {service}: {reason}",
    "A server could not be reached, or did not answer. The caller is told so. Mostly the server does not run, or "
    "`control-sockets` of the agent names another socket than the server's own configuration.",
)
CTRL_AGENT_COMMAND_REFUSED: Final = _said.warn(
    "CTRL_AGENT_COMMAND_REFUSED",
    "command {command} from remote address {caller} is not allowed: {reason}",
    "dhcpkit's own. The roles of the hook library rbac do not let this caller run the command; no server saw it.",
)
CTRL_AGENT_COMMAND_FAILED: Final = _said.error(
    "CTRL_AGENT_COMMAND_FAILED",
    "command {command} failed: {reason}",
    "dhcpkit's own. A command met a fault in dhcpkit, and its sender was told so. Please report it.",
)


class Agent:
    """Commands of its own, and servers by the names of their services. `services` may be replaced at any time."""

    def __init__(self, commands: Commands, services: Mapping[str, str], *, timeout: float = FORWARD_TIMEOUT) -> None:
        self.services = services
        self._commands = commands
        self._timeout = timeout
        self._room = asyncio.Semaphore(AT_ONCE_MAX)

    async def ask(self, request: Request, caller: Caller) -> Sequence[Answer]:
        """The answers to a command. Raises Forbidden."""
        name = request.command
        CTRL_AGENT_COMMAND_RECEIVED.log(command=name, caller=caller.address)
        try:
            if request.misdirected:
                return [Answer(Result.ERROR, request.misdirected)]
            if not request.service:
                return [await self._own(request, caller)]
            if len(request.service) > SERVICES_MAX:
                return [Answer(Result.ERROR, f"at most {SERVICES_MAX} services may be named")]
            for guard in self._commands.guards:
                guard.admit(name, caller)
            return await asyncio.gather(*(self._forward(service, request, caller) for service in request.service))
        except Forbidden as error:
            CTRL_AGENT_COMMAND_REFUSED.log(command=name, caller=caller.address, reason=error)
            raise
        except Exception as error:  # noqa: BLE001  # a fault in one command must not end the service
            CTRL_AGENT_COMMAND_FAILED.log(command=name, reason=f"{type(error).__name__}: {error}")
            return [Answer(Result.ERROR, f"Error during command processing: internal error in {name}, see the log")]

    async def _own(self, request: Request, caller: Caller) -> Answer:
        answer = await self._commands.ask(request.command, request.arguments, caller)
        if answer.result is Result.UNSUPPORTED:
            return Answer(answer.result, f"{answer.text} {NO_SERVICE}")
        return answer

    async def _forward(self, service: str, request: Request, caller: Caller) -> Answer:
        path = self.services.get(service)
        if path is None:
            return Answer(Result.ERROR, f"forwarding socket is not configured for the server type {service}")
        client = Client(Place(unix=str(socket_path(path))), timeout=self._timeout)
        try:
            async with self._room:
                octets = await client.octets_async(request)
            answer = await _checked(octets)
        except Unreachable as error:
            said = f"{error.reason}. The server is likely to be offline"
        except NotAnAnswer as error:
            said = f"{error}"
        else:
            CTRL_AGENT_COMMAND_FORWARDED.log(command=request.command, service=service, caller=caller.address)
            for guard in self._commands.guards:
                answer = guard.show(request.command, caller, answer)
            return answer
        CTRL_AGENT_COMMAND_FORWARD_FAILED.log(command=request.command, service=service, reason=said)
        return Answer(Result.ERROR, f"unable to forward command to the {service} service: {said}")


async def _checked(octets: bytes) -> Answer:
    """A server's answer: a small one is read, a large one goes on as it came. Raises NotAnAnswer."""
    if len(octets) <= SMALL:
        return read_answer(octets)
    answer = await asyncio.to_thread(read_answer, octets)
    text = octets.decode("utf-8", "surrogateescape")

    async def pieces() -> AsyncIterator[str]:
        yield text

    return Answer(answer.result, answer.text, answer.arguments, pieces)
