"""Service sockets of DHCPv6: for each interface one on its link-local address and one on each group of servers.

Clients send to the group ff02::1:2, relay agents to ff05::1:3, to a link-local address, or to one that the
configuration names besides (RFC 8415 7.1). Each of these has a socket of its own, so that the kernel tells by the
socket where a message was sent to, and refuses what nobody serves. An answer leaves by the socket that heard the
message; by that of a group the kernel chooses the source, for a client the link-local address of the interface. This
module does not know what it carries.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Final

from dhcpkit.alloc.answer6 import Outgoing6
from dhcpkit.server import messages as m
from dhcpkit.server.datagrams import SEVERAL, SLOT_OUT, Inbox, Outbox, addressed6, sockaddr6
from dhcpkit.server.interfaces import Detection, Interface, InterfaceSpec, Served6, choose6, is_link_local
from dhcpkit.server.listening import (
    ARRIVALS_MAX,
    DATAGRAM_MAX,
    Readers,
    Receive,
    Trouble,
    Troubles,
    Watch,
    explained,
    make_room,
)
from dhcpkit.server.loop import BATCH_MAX
from dhcpkit.server.reach import require_reachable6
from dhcpkit.wire.dhcp6 import Arrival6

__all__ = ["ALL_SERVERS", "CLIENT_PORT6", "GROUPS", "SERVER_PORT6", "Port6", "Sockets6"]

CLIENT_PORT6, SERVER_PORT6 = 546, 547  # RFC 8415 7.2
ALL_RELAYS_AND_SERVERS: Final = int(IPv6Address("ff02::1:2"))
ALL_SERVERS: Final = int(IPv6Address("ff05::1:3"))
GROUPS: Final = (ALL_RELAYS_AND_SERVERS, ALL_SERVERS)  # RFC 8415 7.1
SO_BINDTODEVICE: Final = 25  # Linux, asm-generic/socket.h; the module `socket` has no name for it before 3.13
CAPABILITIES: Final = ("CAP_NET_BIND_SERVICE", "CAP_NET_RAW")
HOLDERS: Final = "/proc/net/udp6"


def _is_group(address: int) -> bool:
    return address >> 120 == 0xFF


class Port6:
    """A UDP socket on one address of an interface, or on a group there."""

    hears: Final = True

    def __init__(self, interface: Interface, address: int, port: int, inbox: Inbox) -> None:
        self.interface = interface
        self.address = address
        self._multicast = _is_group(address)
        self._arrivals: dict[object, Arrival6] = {}  # by the sender's address, in either of the forms it comes in
        self._names: dict[tuple[int, int], tuple[str, int, int, int]] = {}  # where to send, as the module `socket`
        self._sockaddrs: dict[tuple[int, int], bytes] = {}  # and as the kernel wants it
        self._inbox = inbox
        self._busy = False  # whether several datagrams came together the last time
        self._own: frozenset[int] = frozenset()
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self.socket = socket.socket(socket.AF_INET6, kind)
        try:
            self._open(port)
        except OSError:
            self.socket.close()
            raise

    def _open(self, port: int) -> None:
        sock, index = self.socket, self.interface.index
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        scope = 0
        if self._multicast or is_link_local(self.address):
            # Other addresses are heard wherever their datagrams come in: a relay's may come another way.
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, self.interface.name.encode() + b"\0")
            scope = index
        make_room(sock)
        sock.bind((str(IPv6Address(self.address)), port, 0, scope))
        if self._multicast:
            membership = struct.pack("=16sI", self.address.to_bytes(16, "big"), index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)

    def drain(self) -> list[tuple[bytes, Arrival6]]:
        """What has arrived, one batch at most."""
        arrivals = self._arrivals
        if self._busy:
            some = self._inbox.receive(self.socket.fileno())
            got = [(data, arrivals.get(name) or self._arrival(name, *addressed6(name))) for data, name in some]
        else:
            got = []
            receive = self.socket.recvfrom
            with suppress(BlockingIOError):
                for _ in range(BATCH_MAX):
                    data, source = receive(DATAGRAM_MAX)
                    got.append((data, arrivals.get(source) or self._arrival(source, *_address(source))))
        self._busy = len(got) >= SEVERAL
        return got

    def _arrival(self, key: object, address: int, port: int) -> Arrival6:
        if len(self._arrivals) >= ARRIVALS_MAX:
            self._arrivals.clear()
        there = self.interface
        arrival = Arrival6(there.name, there.index, address, port, self.address, self._multicast)
        self._arrivals[key] = arrival
        return arrival

    def know(self, own: frozenset[int]) -> None:
        """These addresses are the server's."""
        self._own = own
        self._names.clear()
        self._sockaddrs.clear()

    def sockaddr(self, address: int, port: int) -> bytes:
        """Where to send, as the kernel wants it. OSError where nobody is answered."""
        to = self._sockaddrs.get((address, port))
        if to is None:
            if len(self._sockaddrs) >= ARRIVALS_MAX:
                self._sockaddrs.clear()
            to = self._sockaddrs[address, port] = sockaddr6(address, port, self._scope(address, port))
        return to

    def _scope(self, address: int, port: int) -> int:
        """The interface by which a destination on a link is reached. OSError where nobody is answered."""
        require_reachable6(address, self._own, loopback=self.interface.loopback, client=port == CLIENT_PORT6)
        return self.interface.index if is_link_local(address) else 0

    def send(self, data: bytes, address: int, port: int) -> None:
        """Sends a datagram; by this interface where its destination is on a link. Raises OSError."""
        to = self._names.get((address, port))
        if to is None:
            scope = self._scope(address, port)
            if len(self._names) >= ARRIVALS_MAX:
                self._names.clear()
            name = socket.inet_ntop(socket.AF_INET6, address.to_bytes(16, "big"))
            to = self._names[address, port] = (name, port, 0, scope)
        self.socket.sendto(data, to)


class Sockets6:
    """All service sockets of a server, following the machine's interfaces and addresses as they come and go."""

    own_addresses: frozenset[int] = frozenset()

    def __init__(
        self,
        specs: Iterable[InterfaceSpec],
        receive: Receive,
        *,
        redetect: bool = True,
        port: int = SERVER_PORT6,
        client_port: int = 0,
    ) -> None:
        self.specs = tuple(specs)
        self._detection = Detection(again=redetect)
        self._port = port
        self._client_port = client_port
        self._ports: dict[tuple[int, int], Port6] = {}  # by interface and address
        self._inbox, self._outbox = Inbox(socket.AF_INET6), Outbox(socket.AF_INET6)
        self._troubles = Troubles(m.DHCPSRV_OPEN_SOCKET_FAIL.v6)
        self._readers = Readers(receive, m.DHCP6_PACKET_RECEIVE_FAIL)
        self._watch = Watch(6, self.refresh)
        self.pause, self.resume = self._readers.pause, self._readers.resume

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be opened, and why."""
        return self._troubles.texts

    @property
    def trouble_code(self) -> int:
        """The system's reason of the first failure, 0 where it had none."""
        return self._troubles.code

    @property
    def open_count(self) -> int:
        """How many addresses are served, groups not counted."""
        return sum(not _is_group(address) for _, address in self._ports)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Opens what can be opened and listens; follows changes of interfaces and addresses from now on."""
        self._readers.start(loop)
        self._watch.start(loop)
        self.refresh()

    def reconfigure(
        self,
        specs: Iterable[InterfaceSpec],
        *,
        raw: bool = True,  # DHCPv4's
        routed: bool = False,  # DHCPv4's
        redetect: bool = True,
    ) -> None:
        """Serves other interfaces; sockets that are still wanted stay open."""
        self.specs = tuple(specs)
        self._detection.again = redetect
        self.refresh()

    def close(self) -> None:
        """Closes everything."""
        self._close_others({})
        self._watch.close()

    def refresh(self) -> None:
        """Closes what is no longer wanted and opens what is; `troubles` then says what could not be."""
        try:
            wanted = choose6(self.specs, self._detection.present())
        except OSError as error:
            self._troubles.found([Trouble(f"the interfaces cannot be listed: {error.strerror}", error.errno or 0)])
            return
        troubles = [Trouble(text) for text in wanted.missing]
        keep = {
            (served.interface.index, address): served.interface for served in wanted.served for address in _of(served)
        }
        self._close_others(keep)
        for (index, address), interface in keep.items():
            if (index, address) not in self._ports:
                self._open(interface, address, troubles)
        own = frozenset(address for _, address in self._ports if not _is_group(address))
        for port in self._ports.values():
            port.know(own)
        self._troubles.found(troubles)

    def _close_others(self, keep: dict[tuple[int, int], Interface]) -> None:
        for key, port in list(self._ports.items()):
            there = keep.get(key)
            if there is None or there.name != port.interface.name:
                self._readers.close(port)
                del self._ports[key]

    def _open(self, interface: Interface, address: int, troubles: list[Trouble]) -> None:
        shown = IPv6Address(address)
        m.DHCP_OPEN_SOCKET.v6.log(type="UDP", where=f"{shown}, on interface {interface.name}", port=self._port)
        try:
            port = self._ports[interface.index, address] = Port6(interface, address, self._port, self._inbox)
        except OSError as error:
            what = f"Failed to open socket on interface {interface.name}: failed to bind socket to {shown}"
            what += f", port {self._port}"
            troubles.append(explained(what, error, self._port, capabilities=CAPABILITIES, table=HOLDERS))
            return
        self._readers.add(port)

    def send(self, answers: Sequence[tuple[Outgoing6, Arrival6]]) -> Sequence[tuple[int, OSError]]:
        """As Transport: each answer leaves by the socket that heard its message."""
        failed: list[tuple[int, OSError]] = []
        together: dict[Port6, tuple[list[int], list[tuple[bytes, bytes]]]] = {}
        several = len(answers) >= SEVERAL
        port: Port6 | None = None
        last: Arrival6 | None = None
        for index, (outgoing, arrival) in enumerate(answers):
            if arrival is not last:  # what a relay sent came in one way
                port = self._ports.get((arrival.ifindex, arrival.local))
                last = arrival
            to = self._client_port if self._client_port and outgoing.port in (SERVER_PORT6, CLIENT_PORT6) else 0
            try:
                if port is None:
                    raise OSError(errno.ENODEV, f"interface {arrival.interface} is no longer served")  # noqa: TRY301
                if several and len(outgoing.data) <= SLOT_OUT:
                    numbers, datagrams = together.get(port) or together.setdefault(port, ([], []))
                    datagrams.append((outgoing.data, port.sockaddr(outgoing.address, to or outgoing.port)))
                    numbers.append(index)
                else:
                    port.send(outgoing.data, outgoing.address, to or outgoing.port)
            except OSError as error:
                failed.append((index, error))
        for each, (numbers, datagrams) in together.items():
            unsent = self._outbox.send(each.socket.fileno(), datagrams)
            failed += [(numbers[n], error) for n, error in unsent]
        return failed


def _address(source: tuple[str, int, int, int]) -> tuple[int, int]:
    """Address and port of a sender as the module `socket` names it."""
    return int.from_bytes(socket.inet_pton(socket.AF_INET6, source[0].partition("%")[0]), "big"), source[1]


def _of(served: Served6) -> Iterable[int]:
    """The addresses and groups to listen on, in the order to open them: groups are of no use without the first."""
    groups = GROUPS if served.link_locals else ()
    return dict.fromkeys((*served.link_locals, *groups, *served.unicast))
