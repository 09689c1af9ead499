"""Service sockets of DHCPv4: one packet socket for each interface, one UDP socket for each of its addresses.

In `raw` mode the packet socket hears everything and answers clients that have no address yet, frame by frame; the UDP
socket only holds the port, so that nobody else takes it and the kernel refuses nobody, and sends what can be routed. In
`udp` mode, and on interfaces that are no Ethernet, the UDP socket does both. In `udp` mode an answer leaves by the
interface that its query came in by, or, to a relay agent and where that is wanted, by the one the kernel's routes say
(Kea's `outbound-interface`). This module does not know what it carries.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import Enum
from ipaddress import IPv4Address
from typing import Final

import attrs

from dhcpkit.alloc.answer import Outgoing4
from dhcpkit.server import messages as m
from dhcpkit.server.datagrams import SEVERAL, SLOT_OUT, Inbox, Outbox, addressed4, sockaddr4
from dhcpkit.server.frames import BROADCAST_MAC, DROP_ALL, FrameError, FrameMaker, dhcp_filter, parse_frame
from dhcpkit.server.interfaces import Detection, Interface, InterfaceSpec, choose
from dhcpkit.server.listening import (
    ARRIVALS_MAX,
    DATAGRAM_MAX,
    Call,
    Readers,
    Receive,
    ServiceUnavailable,
    Trouble,
    Troubles,
    Watch,
    explained,
    make_room,
)
from dhcpkit.server.log import RateLimit
from dhcpkit.server.loop import BATCH_MAX
from dhcpkit.server.reach import require_reachable4
from dhcpkit.wire.dhcp4 import Arrival

__all__ = ["CLIENT_PORT", "SERVER_PORT", "Outbound", "RawPort", "ServiceUnavailable", "Sockets", "UdpPort"]

SERVER_PORT, CLIENT_PORT = 67, 68  # RFC 2131 4.1
BROADCAST: Final = 0xFFFFFFFF
ETHERTYPE_IPV4: Final = 0x0800
SO_ATTACH_FILTER: Final = 26  # Linux, asm-generic/socket.h; the module `socket` has no name for these
IP_PKTINFO: Final = 8
IP_UNICAST_IF: Final = 50
GIADDR: Final = slice(24, 28)  # of a message: the relay agent's address
NOWHERE: Final = bytes(4)
IN_PIECES_MAX: Final = 10  # times a minute: where it happens, it happens to everybody
CAPABILITIES: Final = ("CAP_NET_BIND_SERVICE", "CAP_NET_RAW")
HOLDERS: Final = "/proc/net/udp"


class Outbound(Enum):
    """By which interface a UDP socket's answers leave: its own, or the one that the kernel's routes say."""

    INBOUND = "the socket's own"
    ROUTED = "routed"
    RELAYED_ROUTED = "routed to relay agents, else the socket's own"


class UdpPort:
    """A UDP socket on one address of an interface."""

    def __init__(  # noqa: PLR0913  # where it is, and how it is used
        self,
        interface: Interface,
        address: int,
        port: int,
        inbox: Inbox,
        *,
        hears: bool,
        outbound: Outbound = Outbound.ROUTED,
    ) -> None:
        self.interface = interface
        self.address = address
        self.hears = hears
        self.outbound = outbound
        self._asks = outbound is Outbound.RELAYED_ROUTED  # whose answer it is
        self._local = (str(IPv4Address(address)), port)
        self._arrivals: dict[object, Arrival] = {}  # by the sender's address, in either of the forms it comes in
        self._names: dict[tuple[int, int], tuple[str, int]] = {}  # where to send, as the module `socket` wants it
        self._sockaddrs: dict[tuple[int, int], bytes] = {}  # and as the kernel does
        self._inbox = inbox
        self._busy = False  # whether several datagrams came together the last time
        self._own: frozenset[int] = frozenset()
        self._info = struct.pack("=I4s4s", interface.index, address.to_bytes(4, "big"), b"\0\0\0\0")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if outbound is Outbound.INBOUND:  # said once; IP_PKTINFO would cost at each answer
                self.socket.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, struct.pack("!I", interface.index))
            if hears:
                make_room(self.socket)
            else:
                _attach(self.socket, DROP_ALL)
            self.socket.bind(self._local)
        except OSError:
            self.socket.close()
            raise

    def drain(self) -> list[tuple[bytes, Arrival]]:
        """What has arrived, one batch at most."""
        arrivals = self._arrivals
        if self._busy:
            some = self._inbox.receive(self.socket.fileno())
            got = [(data, arrivals.get(name) or self._arrival(name, *addressed4(name))) for data, name in some]
        else:
            got = []
            receive = self.socket.recvfrom
            with suppress(BlockingIOError):
                for _ in range(BATCH_MAX):
                    data, source = receive(DATAGRAM_MAX)
                    got.append((data, arrivals.get(source) or self._arrival(source, *_address(source))))
        self._busy = len(got) >= SEVERAL
        return got

    def _arrival(self, key: object, address: int, port: int) -> Arrival:
        if len(self._arrivals) >= ARRIVALS_MAX:
            self._arrivals.clear()
        there = self.interface
        arrival = self._arrivals[key] = Arrival(there.name, there.index, address, port, self.address)
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
            require_reachable4(address, self._own, loopback=self.interface.loopback)
            if len(self._sockaddrs) >= ARRIVALS_MAX:
                self._sockaddrs.clear()
            to = self._sockaddrs[address, port] = sockaddr4(address, port)
        return to

    def chooses(self, data: bytes) -> bool:
        """Whether an answer is told by which interface to leave, beside others of this socket that are not."""
        return self._asks and data[GIADDR] == NOWHERE

    def call(self, data: bytes, address: int, port: int) -> Call:
        """The call that sends a datagram; a broadcast leaves by this interface. OSError where nobody is answered."""
        if address == BROADCAST:
            where = [(socket.IPPROTO_IP, IP_PKTINFO, self._info)]
            return self.socket.sendmsg, ([data], where, 0, ("255.255.255.255", port))
        to = self._names.get((address, port))
        if to is None:
            require_reachable4(address, self._own, loopback=self.interface.loopback)
            if len(self._names) >= ARRIVALS_MAX:
                self._names.clear()
            to = self._names[address, port] = (socket.inet_ntoa(address.to_bytes(4, "big")), port)
        if self.chooses(data):
            return self.socket.sendmsg, ([data], [(socket.IPPROTO_IP, IP_PKTINFO, self._info)], 0, to)
        return self.socket.sendto, (data, to)


class RawPort:
    """A packet socket on one interface, for the addresses served there. The first one is who broadcasts come to."""

    hears: Final = True

    def __init__(self, interface: Interface, port: int) -> None:
        self.interface = interface
        self._port = port
        self._makers = {address: FrameMaker(interface.mac, address, port) for address in interface.addresses}
        self._local = {address.to_bytes(4, "big"): address for address in interface.addresses}
        self._arrivals: dict[bytes, Arrival] = {}
        self._own: frozenset[int] = frozenset()
        self._answered = {BROADCAST}  # addresses that may be
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self.socket = socket.socket(socket.AF_PACKET, kind, 0)  # protocol 0: deaf until the filter is in place
        try:
            _attach(self.socket, dhcp_filter(port, interface.index))
            make_room(self.socket)
            self.socket.bind((interface.name, ETHERTYPE_IPV4))
        except OSError:
            self.socket.close()
            raise

    def drain(self) -> list[tuple[bytes, Arrival]]:
        """What has arrived for us, one batch at most."""
        got: list[tuple[bytes, Arrival]] = []
        receive, arrivals = self.socket.recv, self._arrivals
        with suppress(BlockingIOError):
            for _ in range(BATCH_MAX):
                frame = receive(DATAGRAM_MAX)
                end = 34 + (frame[38] << 8 | frame[39]) if len(frame) > 41 else 0
                if frame[14] == 0x45 and 42 <= end <= len(frame):  # an IPv4 header without options
                    who = frame[6:12] + frame[26:36]  # MAC, source, destination, source port
                    arrival = arrivals.get(who) or self._arrival(frame, who)
                    if arrival.local:
                        got.append((frame[42:end], arrival))
                else:
                    self._unusual(frame, got)
        return got

    def _unusual(self, frame: bytes, got: list[tuple[bytes, Arrival]]) -> None:
        with suppress(FrameError):  # not for us, or broken: as if it had not come
            datagram = parse_frame(frame)
            who = datagram.source_mac + struct.pack(">IIH", datagram.source, datagram.destination, datagram.source_port)
            arrival = self._arrivals.get(who) or self._arrival(frame, who)
            if arrival.local:
                got.append((datagram.payload, arrival))

    def _arrival(self, frame: bytes, who: bytes) -> Arrival:
        """How datagrams of this sender come; `local` is 0 where they are for an address that is not served."""
        if len(self._arrivals) >= ARRIVALS_MAX:
            self._arrivals.clear()
        there = self.interface
        mac, source, destination, port = who[:6], int.from_bytes(who[6:10], "big"), who[10:14], who[14:]
        broadcast = destination == b"\xff\xff\xff\xff" or (frame[:6] == BROADCAST_MAC and destination in self._local)
        local = there.addresses[0] if broadcast else self._local.get(destination, 0)
        arrival = Arrival(there.name, there.index, source, int.from_bytes(port, "big"), local, broadcast, mac)
        self._arrivals[who] = arrival
        return arrival

    def know(self, own: frozenset[int]) -> None:
        """These addresses are the server's."""
        self._own = own
        self._answered = {BROADCAST}

    def call(self, data: bytes, arrival: Arrival, hwaddr: bytes, address: int, port: int) -> Call:
        """The call that sends a frame to the station a message came from: the client, or the router on the way.

        OSError where nobody is answered.
        """
        if address not in self._answered:
            require_reachable4(address, self._own, loopback=self.interface.loopback)
            if len(self._answered) >= ARRIVALS_MAX:
                self._answered = {BROADCAST}
            self._answered.add(address)
        mac = arrival.source_mac or (hwaddr if len(hwaddr) == 6 else BROADCAST_MAC)
        return self.socket.send, (self._makers[arrival.local].build(data, mac, address, port),)


class Sockets:
    """All service sockets of a server, following the machine's interfaces as they come and go."""

    def __init__(  # noqa: PLR0913  # Kea's keys
        self,
        specs: Iterable[InterfaceSpec],
        receive: Receive,
        *,
        raw: bool = True,
        routed: bool = False,
        redetect: bool = True,
        port: int = SERVER_PORT,
        client_port: int = 0,
    ) -> None:
        self.specs = tuple(specs)
        self.raw = raw
        self.routed = routed
        self._detection = Detection(again=redetect)
        self.own_addresses: frozenset[int] = frozenset()
        self._port = port
        self._client_port = client_port
        self._raw: dict[int, RawPort] = {}
        self._udp: dict[tuple[int, int], UdpPort] = {}
        self._inbox, self._outbox = Inbox(socket.AF_INET), Outbox(socket.AF_INET)
        self._troubles = Troubles(m.DHCPSRV_OPEN_SOCKET_FAIL.v4)
        self._in_pieces = RateLimit(m.DHCP4_ANSWER_IN_PIECES, IN_PIECES_MAX)
        self._readers = Readers(receive, m.DHCP4_BUFFER_RECEIVE_FAIL)
        self._watch = Watch(4, self.refresh)
        self.pause, self.resume = self._readers.pause, self._readers.resume

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be opened, and why."""
        return self._troubles.texts

    @property
    def trouble_code(self) -> int:
        """The system's reason of the first failure, 0 where it had none."""
        return self._troubles.code

    # Opening and closing.

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Opens what can be opened and listens; follows changes of interfaces from now on."""
        self._readers.start(loop)
        self._watch.start(loop)
        self.refresh()

    def reconfigure(
        self, specs: Iterable[InterfaceSpec], *, raw: bool, routed: bool = False, redetect: bool = True
    ) -> None:
        """Serves other interfaces, or in another way; sockets that are still wanted stay open."""
        self.specs, self.raw, self.routed = tuple(specs), raw, routed
        self._detection.again = redetect
        self.refresh()

    def refresh(self) -> None:
        """Closes what is no longer wanted and opens what is; `troubles` then says what could not be."""
        try:
            wanted = choose(self.specs, self._detection.present())
        except OSError as error:
            self._troubles.found([Trouble(f"the interfaces cannot be listed: {error.strerror}", error.errno or 0)])
            return
        troubles = [Trouble(text) for text in wanted.missing]
        keep_udp: dict[tuple[int, int], Interface] = {}
        keep_raw: dict[int, Interface] = {}
        for interface in wanted.served:
            keep_udp.update({(interface.index, address): interface for address in interface.addresses})
            if self.raw and interface.ethernet:
                keep_raw[interface.index] = interface
        self._close_others(keep_udp, keep_raw)
        for (index, address), interface in keep_udp.items():
            if (index, address) not in self._udp:
                self._open_udp(interface, address, troubles, hears=index not in keep_raw)
        for index, interface in keep_raw.items():
            opened = tuple(address for address in interface.addresses if (index, address) in self._udp)
            if opened and index not in self._raw:
                self._open_raw(attrs.evolve(interface, addresses=opened), troubles)
        self._raw = {index: self._raw[index] for index in keep_raw if index in self._raw}
        self.own_addresses = frozenset(address for _, address in self._udp)
        for udp_port in self._udp.values():
            udp_port.know(self.own_addresses)
        for raw_port in self._raw.values():
            raw_port.know(self.own_addresses)
        self._troubles.found(troubles)

    @property
    def open_count(self) -> int:
        """How many addresses are served."""
        return len(self._udp)

    def close(self) -> None:
        """Closes everything."""
        self._close_others({}, {})
        self._watch.close()

    def _close_others(self, udp: dict[tuple[int, int], Interface], raw: dict[int, Interface]) -> None:
        for index, raw_port in list(self._raw.items()):
            now = raw.get(index)
            if now is None or now != raw_port.interface:
                self._readers.close(raw_port)
                del self._raw[index]
        for key, udp_port in list(self._udp.items()):
            there = udp.get(key)
            as_wanted = (key[0] not in raw, self._outbound)
            is_now = (udp_port.hears, udp_port.outbound)
            if there is None or there.name != udp_port.interface.name or is_now != as_wanted:
                self._readers.close(udp_port)
                del self._udp[key]

    @property
    def _outbound(self) -> Outbound:
        if self.raw:  # what can be routed is; frames are for the others
            return Outbound.ROUTED
        return Outbound.RELAYED_ROUTED if self.routed else Outbound.INBOUND

    def _open_udp(self, interface: Interface, address: int, troubles: list[Trouble], *, hears: bool) -> None:
        where = f"{IPv4Address(address)}, on interface {interface.name}"
        m.DHCP_OPEN_SOCKET.v4.log(type="UDP", where=where, port=self._port)
        try:
            port = self._udp[interface.index, address] = UdpPort(
                interface, address, self._port, self._inbox, hears=hears, outbound=self._outbound
            )
        except OSError as error:
            reason = f"failed to bind socket to address {IPv4Address(address)}, port {self._port}"
            troubles.append(self._explained(f"Failed to open socket on interface {interface.name}: {reason}", error))
            return
        self._readers.add(port)

    def _open_raw(self, interface: Interface, troubles: list[Trouble]) -> None:
        m.DHCP_OPEN_SOCKET.v4.log(type="packet", where=interface.name, port=self._port)
        try:
            port = self._raw[interface.index] = RawPort(interface, self._port)
        except OSError as error:
            troubles.append(self._explained(f"Failed to open packet socket on interface {interface.name}", error))
            for address in interface.addresses:  # half a service is worse than a clear message: nobody would be heard
                self._udp.pop((interface.index, address)).socket.close()
            return
        self._readers.add(port)

    def _explained(self, what: str, error: OSError) -> Trouble:
        return explained(what, error, self._port, capabilities=CAPABILITIES, table=HOLDERS)

    # Sending.

    def send(self, answers: Sequence[tuple[Outgoing4, Arrival]]) -> Sequence[tuple[int, OSError]]:
        """As Transport: by frame to whom the kernel could not reach, else as the kernel routes."""
        failed: list[tuple[int, OSError]] = []
        ready = []  # everything is put together first: between two sends nothing happens but the next one
        together: dict[UdpPort, tuple[list[int], list[tuple[bytes, bytes]]]] = {}
        several = len(answers) >= SEVERAL
        for index, (outgoing, arrival) in enumerate(answers):
            try:
                port = self._plain(outgoing, arrival) if several else None
                if port is None:
                    ready.append((index, *self._ready(outgoing, arrival)))
                    continue
                to = self._client_port if self._client_port and outgoing.port in (SERVER_PORT, CLIENT_PORT) else 0
                numbers, datagrams = together.get(port) or together.setdefault(port, ([], []))
                datagrams.append((outgoing.data, port.sockaddr(outgoing.address, to or outgoing.port)))
                numbers.append(index)
            except OSError as error:
                failed.append((index, error))
        for index, call, arguments in ready:
            try:
                call(*arguments)
            except OSError as error:
                outgoing, arrival = answers[index]
                if error.errno == errno.EMSGSIZE and outgoing.hwaddr and arrival.ifindex in self._raw:
                    try:
                        self._send_in_pieces(outgoing, arrival)
                    except OSError as second:
                        failed.append((index, second))
                else:
                    failed.append((index, error))
        for each, (numbers, datagrams) in together.items():
            unsent = self._outbox.send(each.socket.fileno(), datagrams)
            failed += [(numbers[n], error) for n, error in unsent]
        return failed

    def _plain(self, outgoing: Outgoing4, arrival: Arrival) -> UdpPort | None:
        """The socket by which an answer leaves that needs nothing but its destination; None for any other."""
        if outgoing.hwaddr or outgoing.address == BROADCAST or len(outgoing.data) > SLOT_OUT:
            return None
        port = self._udp.get((arrival.ifindex, arrival.local))
        return None if port is None or port.chooses(outgoing.data) else port

    def _send_in_pieces(self, outgoing: Outgoing4, arrival: Arrival) -> None:
        """Sends what is longer than a frame: the kernel cuts it in pieces, to everybody where it cannot reach one."""
        call, arguments = self._ready(outgoing, arrival, framed=False)
        call(*arguments)
        self._in_pieces.log(
            client=outgoing.hwaddr.hex(":"),
            address=IPv4Address(outgoing.address),
            size=len(outgoing.data),
            interface=arrival.interface,
        )

    def _ready(self, outgoing: Outgoing4, arrival: Arrival, *, framed: bool = True) -> Call:
        """The system call that sends an answer."""
        data, _, address, port, hwaddr = outgoing
        if self._client_port and port in (SERVER_PORT, CLIENT_PORT):
            port = self._client_port
        if hwaddr:
            raw = self._raw.get(arrival.ifindex) if framed else None
            if raw is not None:
                return raw.call(data, arrival, hwaddr, address, port)
            # The kernel asks by ARP, which only a client that has its address already can answer.
            has_address = address in (arrival.source, int.from_bytes(data[12:16], "big"))
            address = address if has_address else BROADCAST
        udp = self._udp.get((arrival.ifindex, arrival.local))
        if udp is None:
            raise OSError(errno.ENODEV, f"interface {arrival.interface} is no longer served")
        return udp.call(data, address, port)


def _address(source: tuple[str, int]) -> tuple[int, int]:
    """Address and port of a sender as the module `socket` names it."""
    return int.from_bytes(socket.inet_aton(source[0]), "big"), source[1]


def _attach(sock: socket.socket, program: bytes) -> None:
    """Gives a socket a filter. The kernel takes the number of instructions and a pointer to them (`sock_fprog`)."""
    kept = array("B", program)  # keeps the instructions where they are during the call
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, kept.buffer_info()[0]))
