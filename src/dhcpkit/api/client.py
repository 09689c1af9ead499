"""A client of control sockets, unix, HTTP and HTTPS: one command, its answers, and the connection ends.

    client = Client("https://192.0.2.1:8000/", ca="ca.pem", user="admin", password="...")
    (answer,) = client.ask("lease4-get", {"ip-address": "192.0.2.10"})
    (answer,) = await client.ask_async("status-get")

What is said and what is heard is the same for both ways of waiting; they differ in who reads the octets. It speaks to
dhcpkit and to Kea. This module does not know what commands do.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import attrs
import h11

from dhcpkit import __version__
from dhcpkit.api.request import Request
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Answer, Result

__all__ = ["Client", "Denied", "NotAnAnswer", "Place", "Unreachable", "read_answer", "read_answers"]

TIMEOUT: Final = 10.0  # seconds for a command with its answer (kea-shell)
ANSWER_MAX: Final = 1 << 30  # octets of an answer: the leases of some millions of clients
CHUNK: Final = 1 << 16
HEAD_MAX: Final = 65_536  # octets of the head of an HTTP answer
PORT: Final = 8000  # of Kea's HTTP sockets and of its agent
OVER: Final = "the connection ended within an answer"


class Unreachable(DhcpkitError):
    """Nobody answers: there is no such socket, nobody listens, the answer takes too long or breaks off."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Denied(DhcpkitError):
    """An HTTP status other than 200: a wrong password, a command that the caller may not run, a broken request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


class NotAnAnswer(DhcpkitError):
    """Somebody answers, but no server of DHCP."""


@attrs.frozen
class Place:
    """Where a control socket is: the path of a unix socket, or scheme, host, port and path of an HTTP one."""

    unix: str = ""
    scheme: str = ""
    host: str = ""
    port: int = PORT
    path: str = "/"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Of `http://host:port/path`, `https://...`, `unix:PATH`, or a path. Raises ValueError."""
        scheme, colon, rest = text.partition(":")
        if colon and scheme in ("http", "https"):
            url = urlsplit(text)
            if not url.hostname:
                raise ValueError(f"{text} names no host")
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            return cls(scheme=scheme, host=url.hostname, port=url.port or PORT, path=path)
        path = rest if colon and scheme == "unix" else text
        if not path:
            raise ValueError("expected http://HOST:PORT/, https://HOST:PORT/, or the path of a unix socket")
        return cls(unix=path)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.unix or f"{self.scheme}://{host}:{self.port}{self.path}"


class Client:
    """Sends commands to one control socket. Raises ValueError where the place makes no sense, OSError for files.

    `ca` is a file or folder of authorities for HTTPS (the system's, if not given), `cert` and `key` prove who the
    caller is. `timeout` is for a command with its answer, in seconds; `answer_max` in octets.
    """

    def __init__(  # noqa: PLR0913  # what a client may be told
        self,
        place: str | Place,
        *,
        user: str = "",
        password: str = "",
        ca: str = "",
        cert: str = "",
        key: str = "",
        timeout: float = TIMEOUT,
        answer_max: int = ANSWER_MAX,
    ) -> None:
        self.place = Place.parse(place) if isinstance(place, str) else place
        self.timeout = timeout
        self._answer_max = answer_max
        self._authorization = _basic(user, password) if user else ""
        self._tls = _tls(ca, cert, key) if self.place.scheme == "https" else None

    def ask(self, command: str, arguments: Any = None, *, service: Iterable[str] = ()) -> tuple[Answer, ...]:
        """The answers to a command, an agent's one for each service. Raises Unreachable, Denied, NotAnAnswer."""
        return read_answers(self.octets(Request(command, arguments, tuple(service))))

    async def ask_async(
        self, command: str, arguments: Any = None, *, service: Iterable[str] = ()
    ) -> tuple[Answer, ...]:
        """As `ask`, for a program with a loop."""
        return read_answers(await self.octets_async(Request(command, arguments, tuple(service))))

    def octets(self, request: Request) -> bytes:
        """What is answered to a request, as it came. Raises Unreachable, Denied."""
        talk, end = self._talk(request), time.monotonic() + self.timeout
        try:
            with self._connect() as peer:
                peer.sendall(talk.said)
                while True:
                    left = end - time.monotonic()
                    if left <= 0:
                        raise TimeoutError
                    peer.settimeout(left)
                    if talk.hear(peer.recv(CHUNK)):
                        return talk.heard
        except OSError as error:
            raise self._unreachable(error) from None

    async def octets_async(self, request: Request) -> bytes:
        """As `octets`, for a program with a loop."""
        talk = self._talk(request)
        try:
            async with asyncio.timeout(self.timeout):
                return await self._converse(talk)
        except OSError as error:
            raise self._unreachable(error) from None

    def _connect(self) -> socket.socket:
        place = self.place
        if place.unix:
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                peer.settimeout(self.timeout)
                peer.connect(place.unix)
            except BaseException:
                peer.close()
                raise
            return peer
        peer = socket.create_connection((place.host, place.port), self.timeout)
        if self._tls is None:
            return peer
        try:
            return self._tls.wrap_socket(peer, server_hostname=place.host)
        except BaseException:
            peer.close()
            raise

    async def _converse(self, talk: _Talk) -> bytes:
        place = self.place
        if place.unix:
            reader, writer = await asyncio.open_unix_connection(place.unix, limit=CHUNK)
        else:
            reader, writer = await asyncio.open_connection(place.host, place.port, ssl=self._tls, limit=CHUNK)
        try:
            writer.write(talk.said)
            await writer.drain()
            while not talk.hear(await reader.read(CHUNK)):
                pass
            return talk.heard
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _talk(self, request: Request) -> _Talk:
        body = json.dumps(request.as_json(), ensure_ascii=False).encode("utf-8", "surrogateescape")
        if self.place.unix:
            return _Plain(body, self._answer_max)
        return _Http(self.place, self._authorization, body, self._answer_max)

    def _unreachable(self, error: OSError) -> Unreachable:
        if isinstance(error, TimeoutError) and error.errno is None:
            return Unreachable(f"no answer within {self.timeout:g} seconds")
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable(f"certificate of {self.place}: {error.verify_message}")
        return Unreachable(error.strerror or str(error))


class _Talk(Protocol):
    """One command on its way, and its answer as it comes."""

    said: bytes
    heard: bytes

    def hear(self, octets: bytes) -> bool:
        """Takes octets, none at the end of the connection; whether the answer is whole. Raises Unreachable, Denied."""
        ...


class _Plain:
    """Over a unix socket: what comes until the connection ends is the answer."""

    def __init__(self, body: bytes, answer_max: int) -> None:
        self.said = body
        self.heard = b""
        self._came = bytearray()
        self._most = answer_max

    def hear(self, octets: bytes) -> bool:
        _fits(len(self._came) + len(octets), self._most)
        self._came += octets
        if octets:
            return False
        if not self._came:
            raise Unreachable("the connection ended without an answer")
        self.heard = bytes(self._came)
        return True


class _Http:
    """Over HTTP: a POST, and what its answer holds."""

    def __init__(self, place: Place, authorization: str, body: bytes, answer_max: int) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)
        headers = [
            ("Host", f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"),
            ("User-Agent", f"dhcpkit/{__version__}"),
            ("Accept", "*/*"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        if authorization:
            headers.append(("Authorization", authorization))
        request = h11.Request(method="POST", target=place.path, headers=headers)
        pieces = [self._http.send(each) for each in (request, h11.Data(body), h11.EndOfMessage())]
        self.said = b"".join(piece or b"" for piece in pieces)
        self.heard = b""
        self._came = bytearray()
        self._most = answer_max

    def hear(self, octets: bytes) -> bool:
        try:
            self._http.receive_data(octets)
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    return False
                if isinstance(event, h11.Response) and event.status_code != 200:
                    raise Denied(event.status_code, event.reason.decode("latin-1"))
                if isinstance(event, h11.Data):
                    _fits(len(self._came) + len(event.data), self._most)
                    self._came += event.data
                elif isinstance(event, h11.EndOfMessage):
                    self.heard = bytes(self._came)
                    return True
                elif isinstance(event, h11.ConnectionClosed):
                    raise Unreachable(OVER)
        except h11.RemoteProtocolError as error:
            raise Unreachable(OVER if not octets else f"no HTTP: {error}") from None


def _fits(size: int, most: int) -> None:
    if size > most:
        raise Unreachable(f"the answer has more than {most} octets")


def read_answers(octets: bytes) -> tuple[Answer, ...]:
    """The answers in what came: a map, or a list of maps. Raises NotAnAnswer."""
    value = _value(octets)
    return tuple(_answer(each) for each in (value if isinstance(value, list) else [value]))


def read_answer(octets: bytes) -> Answer:
    """The one answer in what came over a unix socket. Raises NotAnAnswer."""
    return _answer(_value(octets))


def _value(octets: bytes) -> Any:
    try:
        return json.loads(octets.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise NotAnAnswer(f"the answer is no JSON: {error}") from None


def _answer(value: Any) -> Answer:
    if not isinstance(value, dict) or not isinstance(value.get("text", ""), str):
        raise NotAnAnswer("an answer is a map with a result and a text")
    try:
        result = Result(value["result"])
    except (KeyError, ValueError):
        raise NotAnAnswer(f"{value.get('result')!r} is not the result of a command") from None
    return Answer(result, value.get("text", ""), value.get("arguments"))


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode()


def _tls(ca: str, cert: str, key: str) -> ssl.SSLContext:
    made = ssl.create_default_context()
    if ca:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the system's authorities do not count then
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.load_verify_locations(**({"capath": ca} if Path(ca).is_dir() else {"cafile": ca}))
    if cert:
        made.load_cert_chain(cert, key or None)
    return made
