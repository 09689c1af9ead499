"""What the service sockets of both families have in common: who reads them, who follows interfaces, what went wrong.

This module does not know addresses, packets or what is done with them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import attrs

from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Message
from dhcpkit.server.interfaces import Interface, changes_socket, quiet
from dhcpkit.server.log import RateLimit
from dhcpkit.server.loop import BATCH_MAX
from dhcpkit.server.process import holder_of_port

__all__ = [
    "ARRIVALS_MAX",
    "DATAGRAM_MAX",
    "Port",
    "Readers",
    "Receive",
    "ServiceUnavailable",
    "Trouble",
    "Troubles",
    "Watch",
    "explained",
    "make_room",
]

DATAGRAM_MAX: Final = 65536  # octets; relayed messages may be longer than an Ethernet frame
DRAINED_MAX: Final = 1024  # datagrams read at once where more than a batch waits: 2 ms, then others have their turn
ARRIVALS_MAX: Final = 4096  # kept per socket, one for each sender; senders are clients, so it must not grow with them
RECEIVE_BUFFER: Final = 1 << 22  # octets the kernel may keep for us: 200 ms of a flood, should others have the core
SETTLE: Final = 0.2  # seconds to wait after an interface changed: changes come in crowds
SO_RCVBUFFORCE: Final = 33  # Linux, asm-generic/socket.h; the module `socket` has no name for it

Call = tuple[Callable[..., object], tuple[object, ...]]  # a system call to be made, and its arguments
Receive = Callable[[Sequence[tuple[bytes, Any]]], None]


class ServiceUnavailable(DhcpkitError):
    """No service socket could be opened: the surroundings, or who runs the program, are at fault.

    `errno` is the system's reason of the first failure; `problems` are sentences, one for each.
    """

    def __init__(self, problems: Sequence[str], code: int = 0) -> None:
        super().__init__(problems, code)
        self.problems = tuple(problems)
        self.errno = code

    def __str__(self) -> str:
        return "; ".join(self.problems)


class Port(Protocol):
    """A service socket. `hears` is False for one that only sends or only holds the port."""

    @property
    def interface(self) -> Interface:
        """Where it is."""
        ...

    @property
    def socket(self) -> socket.socket:
        """Itself."""
        ...

    @property
    def hears(self) -> bool:
        """Whether it is read."""
        ...

    def drain(self) -> list[tuple[bytes, Any]]:
        """What has arrived, one batch at most."""
        ...


class Readers:
    """Reads service sockets as they become readable, until told to pause."""

    def __init__(self, receive: Receive, failure: Message) -> None:
        self._receive = receive
        self._failure = RateLimit(failure)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ports: dict[int, Port] = {}  # by the port's `id`, which lives as long
        self._listening = True

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reads in this loop."""
        self._loop = loop

    def add(self, port: Port) -> None:
        """Reads this one too, if it hears anything."""
        if port.hears:
            self._ports[id(port)] = port
            self._listen(port)

    def close(self, port: Port) -> None:
        """Reads this one no more, and closes it."""
        if self._ports.pop(id(port), None) is not None and self._loop is not None:
            self._loop.remove_reader(port.socket)
        port.socket.close()

    def pause(self) -> None:
        """Leaves what arrives in the sockets."""
        self._listening = False
        if self._loop is not None:
            for port in self._ports.values():
                self._loop.remove_reader(port.socket)

    def resume(self) -> None:
        """Reads again."""
        self._listening = True
        for port in self._ports.values():
            self._listen(port)

    def _listen(self, port: Port) -> None:
        if self._loop is not None and self._listening:
            self._loop.add_reader(port.socket, self._readable, port)

    def _readable(self, port: Port) -> None:
        try:
            got = port.drain()
        except OSError as error:  # an interface that goes down says so once
            self._failure.log(interface=port.interface.name, reason=error.strerror)
            return
        if got:
            self._receive(got if len(got) < BATCH_MAX else self._and_more(port, got))

    def _and_more(self, port: Port, got: list[tuple[bytes, Any]]) -> list[tuple[bytes, Any]]:
        """More than a batch waits: what is in the kernel's hands cannot be sorted, so all of it is taken over."""
        with suppress(OSError):  # told at the next look
            while len(got) < DRAINED_MAX:
                more = port.drain()
                got += more
                if len(more) < BATCH_MAX:
                    break
        return got


class Watch:
    """Calls back when interfaces or addresses of a family have changed, once for a crowd of changes."""

    def __init__(self, family: int, changed: Callable[[], None]) -> None:
        self._family = family
        self._callback = changed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: socket.socket | None = None
        self._settling: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watches in this loop. Without netlink's news, retries and reconfiguration still look."""
        self._loop = loop
        with suppress(OSError):
            self._socket = changes_socket(self._family)
            loop.add_reader(self._socket, self._changed)

    def close(self) -> None:
        """Watches no more."""
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _changed(self) -> None:
        assert self._socket is not None, "only an open socket is readable"
        assert self._loop is not None, "a watch has a loop"
        quiet(self._socket)
        if self._settling is None:
            self._settling = self._loop.call_later(SETTLE, self._settled)

    def _settled(self) -> None:
        self._settling = None
        self._callback()


@attrs.frozen
class Trouble:
    """Why something could not be opened: a sentence, and the system's reason where it had one."""

    text: str
    code: int = 0


class Troubles:
    """What could not be opened at the last look; what is new is told."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self.texts: tuple[str, ...] = ()
        self.code = 0

    def found(self, troubles: Iterable[Trouble]) -> None:
        """These are all there are now."""
        now = tuple(troubles)
        texts = tuple(trouble.text for trouble in now)
        for text in texts:
            if text not in self.texts:
                self._message.log(reason=text)
        self.texts = texts
        self.code = next((trouble.code for trouble in now if trouble.code), 0)


def make_room(sock: socket.socket) -> None:
    """Asks for room for a burst; the kernel may give less."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def explained(what: str, error: OSError, port: int, *, capabilities: Sequence[str], table: str) -> Trouble:
    """A failure with the reason, and with what the operator can do about it.

    `capabilities` are what is needed to open such sockets, `table` is where the kernel lists who holds ports.
    """
    code = error.errno or 0
    if code == errno.EADDRINUSE:
        holder = holder_of_port(port, table)
        return Trouble(f"{what}: the port is in use{f' by {holder}' if holder else ''}", code)
    if code in (errno.EPERM, errno.EACCES):
        program = os.path.realpath(sys.executable)
        return Trouble(
            f"{what}: permission denied. Run it as root, or allow it: in a systemd unit "
            f"'AmbientCapabilities={' '.join(capabilities)}', or once and for all "
            f"'setcap {','.join(capabilities).lower()}+ep {program}'",
            code,
        )
    return Trouble(f"{what}, reason: {error.strerror}", code)
