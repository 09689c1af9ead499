"""The control sockets of a server: they come and go with the configuration, and hand commands on.

A command that fails for a fault of ours is an answer and a log line, and the server goes on. This module does not know
what commands do.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from dhcpkit.api import Ask, AskMany, Basic, Caller, HttpSocket, Request, SocketInUse, UnixSocket
from dhcpkit.config.surroundings import AuthClientDoc, AuthenticationDoc, ControlSocketDoc
from dhcpkit.hooks import CommandProcessed, Hooks, HttpAuth, HttpResponse
from dhcpkit.hooks.commands import Answer, Commands, Forbidden, Result
from dhcpkit.server import messages as m

__all__ = ["Control", "sockets_of"]

SECRET_MAX: Final = 4096  # octets of a file with a user's name or password


def sockets_of(doc: Any) -> Sequence[ControlSocketDoc]:
    """The control sockets that a configuration asks for, in the old form or the new one."""
    return (doc.control_socket,) if doc.control_socket is not None else tuple(doc.control_sockets)


class Control:
    """Listens where the configuration says, and runs commands."""

    def __init__(self, commands: Commands, family: int, hooks: Hooks | None = None) -> None:
        self._commands = commands
        self._hooks = hooks if hooks is not None else Hooks()
        self._family = family
        self._sockets: dict[str, tuple[ControlSocketDoc, UnixSocket | HttpSocket]] = {}
        self._faulty: dict[str, ControlSocketDoc] = {}

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """Runs a command for a caller. Raises Forbidden where a library does not let it."""
        name = request.command
        who = " ".join(filter(None, (caller.channel, caller.address, caller.user)))
        m.COMMAND_RECEIVED.of(self._family).log(command=name, channel=who)
        try:
            return await self._answered(request, caller)
        except Forbidden as error:
            m.COMMAND_REFUSED.of(self._family).log(command=name, channel=who, reason=error)
            raise
        except Exception as error:  # noqa: BLE001  # a fault in one command must not end the service
            m.COMMAND_FAILED.of(self._family).log(command=name, reason=f"{type(error).__name__}: {error}")
            return Answer(Result.ERROR, f"Error during command processing: internal error in {name}, see the log")

    async def _answered(self, request: Request, caller: Caller) -> Answer:
        """What a command comes to, with the callouts of http_auth, command_processed and http_response around it."""
        name, told, hooks = request.command, request.arguments, self._hooks
        by_http = caller.channel.startswith("http")
        context: dict[str, Any] = {}
        answer = None
        if by_http and hooks.listens(HttpAuth):
            asked = HttpAuth(name, told, caller)
            asked.context = context
            await hooks.wait(asked, decides=True)
            answer = asked.response
        if answer is None:
            answer = await self._commands.ask(name, told, caller)
            if hooks.listens(CommandProcessed):
                done = CommandProcessed(name, told, answer)
                done.context = context
                await hooks.wait(done)
                answer = done.response
        if by_http and hooks.listens(HttpResponse):
            leaving = HttpResponse(name, told, caller, answer)
            leaving.context = context
            await hooks.wait(leaving)
            answer = leaving.response
        return answer

    async def listen(self, sockets: Iterable[ControlSocketDoc]) -> None:
        """Listens at these sockets and at no others. What cannot be opened is logged; the others are."""
        wanted = {place_of(each): each for each in sockets}
        self._faulty = {}
        for place, (doc, _) in list(self._sockets.items()):
            if wanted.get(place) != doc:
                await self._sockets.pop(place)[1].close()
        for place, doc in wanted.items():
            if place not in self._sockets:
                await self._open(place, doc)

    async def change(self, sockets: Sequence[ControlSocketDoc]) -> None:
        """As `listen`, but all or nothing: raises OSError where one cannot be opened, and keeps those before.

        Whoever names a wrong socket by a command could not take it back. One that could not be opened before, either,
        is no reason.
        """
        before, faulty = [doc for doc, _ in self._sockets.values()], self._faulty
        await self.listen(sockets)
        failed = [place for place, doc in self._faulty.items() if faulty.get(place) != doc]
        if failed:
            reason = f"no commands could be taken at {', '.join(failed)}: see the log"
            await self.listen(before)
            self._faulty = faulty
            raise OSError(reason)

    async def _open(self, place: str, doc: ControlSocketDoc) -> None:
        try:
            made = UnixSocket(doc.socket_name, self.ask) if doc.socket_type == "unix" else http_socket(doc, self.ask)
            await made.start()
        except (SocketInUse, OSError) as error:  # ssl.SSLError is an OSError
            m.COMMAND_SOCKET_FAILED.of(self._family).log(socket=place, reason=error)
            self._faulty[place] = doc
        else:
            self._sockets[place] = doc, made
            m.COMMAND_SOCKET_OPEN.of(self._family).log(socket=place)

    async def close(self) -> None:
        """Stops listening."""
        await self.listen(())


def place_of(doc: ControlSocketDoc) -> str:
    """Where a socket is, for people."""
    if doc.socket_type == "unix":
        return doc.socket_name
    address = f"[{doc.socket_address}]" if ":" in doc.socket_address else doc.socket_address
    return f"{'https' if doc.trust_anchor else 'http'}://{address}:{doc.socket_port}"


def http_socket(doc: ControlSocketDoc, ask: Ask | AskMany) -> HttpSocket:
    """The HTTP socket that a configuration asks for, not yet open. Raises OSError for its files."""
    basic = None
    if doc.authentication.clients:
        basic = Basic(dict(_users(doc.authentication)), time.monotonic, realm=doc.authentication.realm)
    headers = [(header.name, header.value) for header in doc.http_headers]
    return HttpSocket(doc.socket_address, doc.socket_port, ask, tls=_tls(doc), basic=basic, headers=headers)


def _tls(doc: ControlSocketDoc) -> ssl.SSLContext | None:
    """TLS as the configuration wants it; None where it wants none. Raises OSError."""
    if not doc.trust_anchor:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(doc.cert_file, doc.key_file)
    anchor = Path(doc.trust_anchor)
    made.load_verify_locations(**({"capath": str(anchor)} if anchor.is_dir() else {"cafile": str(anchor)}))
    made.verify_mode = ssl.CERT_REQUIRED if doc.cert_required else ssl.CERT_OPTIONAL
    return made


def _users(doc: AuthenticationDoc) -> Iterable[tuple[str, str]]:
    """Users with their passwords. Raises OSError where a file with one cannot be read."""
    for client in doc.clients:
        yield _user(client, Path(doc.directory))


def _user(client: AuthClientDoc, folder: Path) -> tuple[str, str]:
    """A file of its own may hold the name, the password, or both with a colon between them (Kea)."""
    user, password = client.user, client.password
    if client.user_file:
        user = _secret(folder / client.user_file)
    if client.password_file:
        password = _secret(folder / client.password_file)
        if not (client.user or client.user_file):
            user, _, password = password.partition(":")
    return user, password


def _secret(path: Path) -> str:
    """The first line of a file."""
    with path.open("rb") as file:
        return file.read(SECRET_MAX).partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "surrogateescape")
