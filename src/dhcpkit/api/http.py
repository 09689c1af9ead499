"""The HTTP control socket: a POST with a command in JSON, its answer in a list (Kea's manners).

Who calls is settled before what is called is read. Connections stay open between commands for a while. h11 reads and
writes HTTP; this module does not know what commands do.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

import attrs
import h11

from dhcpkit.api.access import Admission, Basic
from dhcpkit.api.feed import Feed, Limits, NotJson
from dhcpkit.api.request import BadRequest, Caller, Request, read_request
from dhcpkit.api.sending import CHUNK, octets_of
from dhcpkit.api.unix import CALLERS_MAX, Ask
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Answer, Forbidden, Result

__all__ = ["REASONS", "AskMany", "HttpSocket"]

REQUEST_TIMEOUT: Final = 10.0  # seconds for a whole request, or for its answer to be taken (Kea)
IDLE_TIMEOUT: Final = 30.0  # seconds between two requests of a connection (Kea)
HEAD_MAX: Final = 16_384  # octets of a request's head
REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    413: "Content Too Large",
    429: "Too Many Requests",
}
JSON: Final = b"application/json"
Headers = Sequence[tuple[str, str]]
AskMany = Callable[[Request, Caller], Awaitable[Sequence[Answer]]]  # an agent's: an answer of each server
Body = Sequence[bytes]


class _Refusal(Exception):
    """A request that is answered with an HTTP status of its own."""

    def __init__(self, status: int, headers: Headers = ()) -> None:
        super().__init__(REASONS[status])
        self.status = status
        self.headers = headers


class HttpSocket:
    """One HTTP control socket at an address and a port. `ask` runs commands; `tls` makes it HTTPS."""

    def __init__(  # noqa: PLR0913  # what a socket's configuration may say
        self,
        address: str,
        port: int,
        ask: Ask | AskMany,
        *,
        tls: ssl.SSLContext | None = None,
        basic: Basic | None = None,
        headers: Iterable[tuple[str, str]] = (),
        limits: Limits | None = None,
        timeout: float = REQUEST_TIMEOUT,
        idle: float = IDLE_TIMEOUT,
    ) -> None:
        self.address, self.port = address, port
        self._ask = ask
        self._tls = tls
        self._basic = basic
        self._headers = tuple(headers)
        self._limits = limits if limits is not None else Limits()
        self._timeout, self._idle = timeout, idle
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self.closing = False
        """Whether connections end with the answer that is on its way."""

    async def start(self) -> None:
        """Listens; port 0 becomes the one the system gives. Raises OSError."""
        self.closing = False
        patience = {} if self._tls is None else {"ssl_handshake_timeout": self._timeout}
        self._server = await asyncio.start_server(
            self._serve, self.address, self.port, ssl=self._tls, limit=CHUNK, reuse_address=True, **patience
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening; answers that are on their way are still given, for a moment.

        A command may close the socket that it came by: its own answer is not waited for, and goes out all the same.
        """
        if self._server is None:
            return
        self._server.close()
        self.closing = True
        others = {task for task in self._callers if task is not asyncio.current_task()}
        late = others & self._answering
        for task in others - late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=self._timeout)
        for task in late:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._server = None

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While a connection's command runs and is answered: then it does not end with the socket."""
        task = asyncio.current_task()
        assert task is not None, "a connection is a task"
        self._answering.add(task)
        try:
            yield
        finally:
            self._answering.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is a task"
        self._callers.add(task)
        try:
            if len(self._callers) <= CALLERS_MAX:
                await _Connection(self, reader, writer).serve()
        except (ConnectionError, TimeoutError, ssl.SSLError, asyncio.CancelledError):
            pass  # the caller went away, or is to
        finally:
            self._callers.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def answer(self, request: h11.Request, body: bytes, peer: Caller) -> Sequence[Answer]:
        """The answers to a request of somebody of whom only address and certificate are known. Raises _Refusal."""
        headers = dict(request.headers)
        user = self._admit(headers.get(b"authorization"), peer.address)
        if request.method != b"POST" or headers.get(b"content-type") != JSON:
            raise _Refusal(400)
        if not body:
            return [Answer(Result.ERROR, "Command processing failed: NULL command parameter")]
        try:
            text = Feed(self._limits).push(body)
            if text is None:
                raise _Refusal(400)
            asked: Request = read_request(text, "<string>")
        except NotJson:
            raise _Refusal(400) from None
        except BadRequest as error:
            return [Answer(Result.ERROR, f"Error during command processing: {error}")]
        try:
            answer = await self._ask(asked, attrs.evolve(peer, user=user))
        except Forbidden as error:
            raise _Refusal(error.status) from None
        return [answer] if isinstance(answer, Answer) else answer

    def _admit(self, authorization: bytes | None, address: str) -> str:
        if self._basic is None:
            return ""
        told = None if authorization is None else authorization.decode("latin-1")
        admission, user = self._basic.admit(told, address)
        if admission is Admission.UNAUTHORIZED:
            raise _Refusal(401, [("WWW-Authenticate", f'Basic realm="{self._basic.realm}"')])
        if admission is Admission.TOO_MANY:
            raise _Refusal(429)
        return user

    @property
    def limits(self) -> Limits:
        """What a request may have at most."""
        return self._limits

    @property
    def headers(self) -> Headers:
        """Headers added to answers."""
        return self._headers

    @property
    def times(self) -> tuple[float, float]:
        """Seconds for a request, and between two of them."""
        return self._timeout, self._idle


class _Connection:
    """A connection and the requests that come by it, one after the other."""

    def __init__(self, socket: HttpSocket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._socket, self._reader, self._writer = socket, reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX)
        peer = writer.get_extra_info("peername")
        channel = "http" if writer.get_extra_info("ssl_object") is None else "https"
        certificate = writer.get_extra_info("peercert") or {}
        self._peer = Caller(
            channel,
            str(peer[0]) if peer else "",
            subject=_common_name(certificate.get("subject", ())),
            issuer=_common_name(certificate.get("issuer", ())),
        )

    async def serve(self) -> None:
        """Answers requests until the caller leaves, is too slow, or breaks off within one."""
        http, (timeout, idle) = self._http, self._socket.times
        while True:
            if not http.trailing_data[0]:  # else the caller did not wait for the answer before
                octets = await asyncio.wait_for(self._reader.read(CHUNK), idle)
                if not octets:
                    return
                http.receive_data(octets)
            await self._exchange(timeout)
            if http.our_state is not h11.DONE or http.their_state is not h11.DONE or self._socket.closing:
                return
            http.start_next_cycle()

    async def _exchange(self, timeout: float) -> None:  # noqa: ASYNC109  # of a part of the work
        """One request and its answer. A command may take its time."""
        try:
            request, body = await asyncio.wait_for(self._request(), timeout)
        except _Refusal as refusal:
            await self._send(refusal.status, _refusing(refusal.status), refusal.headers, timeout)
            return
        except h11.RemoteProtocolError:
            await self._send(400, _refusing(400), (), timeout)
            return
        with self._socket.answering():
            try:
                answers = await self._socket.answer(request, body, self._peer)
            except _Refusal as refusal:
                await self._send(refusal.status, _refusing(refusal.status), refusal.headers, timeout)
            else:
                await self._send(200, await _listed(answers), (), timeout)

    async def _event(self) -> Any:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(CHUNK))

    async def _request(self) -> tuple[h11.Request, bytes]:
        head = await self._event()
        if not isinstance(head, h11.Request):
            raise ConnectionAbortedError("the caller left")
        if any(name == b"transfer-encoding" for name, _ in head.headers):
            raise _Refusal(400)
        body = bytearray()
        while True:
            event = await self._event()
            if isinstance(event, h11.EndOfMessage):
                return head, bytes(body)
            if not isinstance(event, h11.Data):
                raise ConnectionAbortedError("the caller left within a request")
            body += event.data
            if len(body) > self._socket.limits.octets:
                raise _Refusal(413)

    async def _send(self, status: int, body: Body, more: Headers, patience: float) -> None:
        """Sends an answer. TimeoutError where the caller takes nothing for so many seconds."""
        now = format_datetime(datetime.now(UTC), usegmt=True)
        headers = [
            ("Content-Length", str(sum(map(len, body)))),
            ("Content-Type", "application/json"),
            ("Date", now),
            *self._socket.headers,
            *more,
        ]
        http, writer = self._http, self._writer
        if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        writer.write(http.send(h11.Response(status_code=status, headers=headers, reason=REASONS[status])))
        for octets in body:
            writer.write(http.send(h11.Data(octets)))
            await asyncio.wait_for(writer.drain(), patience)
        writer.write(http.send(h11.EndOfMessage()))
        await asyncio.wait_for(writer.drain(), patience)


def _refusing(status: int) -> Body:
    return [json.dumps({"result": status, "text": REASONS[status]}).encode()]


async def _listed(answers: Sequence[Answer]) -> Body:
    """Answers in a list, as Kea has even a single one over HTTP.

    Callers want to know its length beforehand (Kea's own do not understand chunks), so it is put together first.
    """
    body = [b"["]
    for answer in answers:
        if len(body) > 1:
            body.append(b", ")
        try:
            body += [octets async for octets in octets_of(answer)]
        except DhcpkitError as error:
            body.append(json.dumps(Answer(Result.ERROR, str(error)).as_json()).encode())
    return [*body, b"]"]


def _common_name(name: Iterable[Iterable[tuple[str, str]]]) -> str:
    """The common name in a distinguished name, as `ssl` shows it; "" where it has none."""
    return next((value for part in name for key, value in part if key == "commonName"), "")
