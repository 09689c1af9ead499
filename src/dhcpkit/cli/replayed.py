"""A capture through the engine again, in the capture's own time: what a configuration makes of each message.

`Engine4` and `Engine6` are a server without sockets: leases evolve in memory from one message to the next. This module
does not know the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Any, Final, Protocol

import attrs

from dhcpkit.alloc.answer import answer4
from dhcpkit.alloc.answer6 import answer6
from dhcpkit.alloc.engine4 import Dropped, open4, plan4
from dhcpkit.alloc.engine6 import Dropped as Dropped6
from dhcpkit.alloc.engine6 import open6, plan6
from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view import Overlay4
from dhcpkit.alloc.view6 import Overlay6
from dhcpkit.backends import MemoryStore, MemoryStore6
from dhcpkit.config import Loaded4, Loaded6
from dhcpkit.wire import Packet4, WireError
from dhcpkit.wire.capture import Datagram
from dhcpkit.wire.dhcp4 import Arrival, MessageType
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.header4 import Op
from dhcpkit.wire.identity6 import IdentityAssociation, StatusCode
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import CLIENT_ID, DHCP6, IA_NA, IA_PD, IAADDR, IAPREFIX, SERVER_ID, STATUS_CODE
from dhcpkit.wire.says import name_of

__all__ = ["Engine", "Engine4", "Engine6", "Heard", "Outcome", "messages4", "messages6", "outcome4", "outcome6"]

SERVER_PORTS: Final = {4: 67, 6: 547}
SILENCE: Final = "silence"
MESSAGE_TYPE, SERVER_IDENTIFIER, CLIENT_IDENTIFIER = 53, 54, 61
ADDRESS_LEN: Final = 128
ANSWERS6: Final = frozenset((MessageType6.ADVERTISE, MessageType6.REPLY, MessageType6.RECONFIGURE))


@attrs.frozen
class Outcome:
    """What a message leads to: the kind of answer, what it gives, and its options as texts, by name."""

    kind: str
    given: tuple[str, ...] = ()
    options: Mapping[str, str] = attrs.field(factory=dict)
    because: str = attrs.field(default="", eq=False)

    def __str__(self) -> str:
        return " ".join((self.kind, *self.given)) + (f" ({self.because})" if self.because else "")

    def like(self, other: Outcome) -> bool:
        """Whether both give the same, whatever options say besides."""
        return (self.kind, self.given) == (other.kind, other.given)

    def changes(self, other: Outcome) -> Iterator[str]:
        """What differs in `other`, as lines for people."""
        if not self.like(other):
            yield f"{self} -> {other}"
        if SILENCE in (self.kind, other.kind):
            return
        for name in dict.fromkeys((*self.options, *other.options)):
            before, after = self.options.get(name), other.options.get(name)
            if before != after:
                yield f"{name}: {'none' if before is None else before} -> {'none' if after is None else after}"

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return attrs.asdict(self)


@attrs.frozen
class Heard:
    """A message of the capture that a server is to answer, and what answered it there, if anything did."""

    number: int
    time: float
    client: str
    said: str
    datagram: Datagram
    recorded: Outcome | None = None


class Engine(Protocol):
    """A server without sockets, of either family."""

    def take(self, heard: Heard) -> Outcome:
        """Decides one message at the time it was captured; what it changes holds for the next."""
        ...


class Engine4:
    """A DHCPv4 server without sockets. `local` is its own address where a message was broadcast."""

    def __init__(self, loaded: Loaded4, leases: Iterable[Lease4], interface: str, local: int) -> None:
        self.network = loaded.network
        self.store = MemoryStore(leases)
        self.interface, self.local = interface, local
        self.rng = Random(0)

    def take(self, heard: Heard) -> Outcome:
        """As Engine."""
        seen = heard.datagram.arrival(self.interface)
        arrival = Arrival(
            seen.interface, 0, seen.source, seen.port, seen.local or self.local, seen.broadcast, seen.source_mac
        )
        try:
            query = open4(Packet4.parse(heard.datagram.payload, arrival), self.network, None, NO_TRACE)
        except WireError as error:
            return Outcome(SILENCE, because=str(error))
        if isinstance(query, Dropped):
            return Outcome(SILENCE, because=query.because)
        overlay = Overlay4(self.store.view)
        decision = plan4(query, overlay, self.network.hosts, int(heard.time), self.rng)
        overlay.record(decision.unit, decision.offered)
        if decision.unit:
            kept = self.store.append([decision.unit])
            assert kept[0], "the only writer planned on what is stored"
        sent = answer4(decision)
        return Outcome(SILENCE, because=decision.because) if sent is None else outcome4(sent.data)


class Engine6:
    """A DHCPv6 server without sockets, which calls itself by the DUID that the capture's server had."""

    def __init__(self, loaded: Loaded6, leases: Iterable[Lease6], interface: str, server_id: Duid) -> None:
        self.network = loaded.network
        self.network.server_id = server_id
        self.store = MemoryStore6(leases)
        self.interface = interface
        self.rng = Random(0)

    def take(self, heard: Heard) -> Outcome:
        """As Engine."""
        try:
            packet = Packet6.parse(heard.datagram.payload, heard.datagram.arrival6(self.interface))
        except WireError as error:
            return Outcome(SILENCE, because=str(error))
        query = open6(packet, self.network, None, NO_TRACE)
        if isinstance(query, Dropped6):
            return Outcome(SILENCE, because=query.because)
        overlay = Overlay6(self.store.view)
        decision = plan6(query, overlay, self.network.hosts, int(heard.time), self.rng)
        overlay.record(decision.unit, decision.offered)
        if decision.unit:
            kept = self.store.append([decision.unit])
            assert kept[0], "the only writer planned on what is stored"
        sent = answer6(decision)
        return Outcome(SILENCE, because=decision.because) if sent is None else outcome6(sent.data)


# Answers as outcomes: those that were decided, and those that were recorded.


def outcome4(data: bytes) -> Outcome:
    """What an answer says. Raises WireError for what is none."""
    packet = Packet4.parse(data)
    kind = (name_of(MessageType, packet.type) or str(packet.type)) if packet.type else "BOOTP"
    options = {_name(DHCP4, code): _text(DHCP4, code, octets) for code, octets in packet.options.items()}
    options.pop(_name(DHCP4, MESSAGE_TYPE), None)
    for name, octets in (("server-hostname", packet.sname), ("boot-file-name", packet.file)):
        if octets:
            options[name] = octets.decode("utf-8", "backslashreplace")
    return Outcome(kind, (str(IPv4Address(packet.yiaddr)),) if packet.yiaddr else (), options)


def outcome6(data: bytes) -> Outcome:
    """As `outcome4`; what is given is in the order of the identity associations."""
    packet = Packet6.parse(data)
    given: list[str] = []
    options: dict[str, str] = {}
    for code, octets in packet.options.items():
        if code in (IA_NA.code, IA_PD.code):
            option = IA_NA if code == IA_NA.code else IA_PD
            try:
                association = option.parse(octets)
            except ValueError:
                continue
            things, told = _association(association)
            given += things
            options[f"{option.name} {association.iaid}"] = told
        elif code == STATUS_CODE.code:
            given.append(_status(packet.options))
        elif code not in (CLIENT_ID.code, SERVER_ID.code):
            options[_name(DHCP6, code)] = _text(DHCP6, code, octets)
    kind = name_of(MessageType6, packet.type) or str(packet.type)
    return Outcome(kind, tuple(given), options)


def _association(association: IdentityAssociation) -> tuple[list[str], str]:
    """What an association gives, and the times it tells."""
    given, told = [], [f"T1 {association.t1} T2 {association.t2}"]
    for address in association.options.all(IAADDR):
        given.append(str(address.address) if address.valid else f"{address.address} no more")
        told.append(f"{address.address} preferred {address.preferred} valid {address.valid}")
    for prefix in association.options.all(IAPREFIX):
        text = f"{prefix.prefix}/{prefix.length}"
        given.append(text if prefix.valid else f"{text} no more")
        told.append(f"{text} preferred {prefix.preferred} valid {prefix.valid}")
        told += [_name(DHCP6, code) for code in prefix.options.first if code != STATUS_CODE.code]
    if STATUS_CODE in association.options:
        given.append(_status(association.options))
    return given, ", ".join(told)


def _status(options: Options6) -> str:
    try:
        code = options[STATUS_CODE].code
    except ValueError:
        return "status unreadable"
    return name_of(StatusCode, code) or f"status {code}"


def _name(space: Space, code: int) -> str:
    option = space.by_code(code)
    return option.name if option is not None else f"option {code}"


def _text(space: Space, code: int, octets: bytes) -> str:
    option = space.by_code(code)
    if option is not None:
        try:
            return option.kind.show_text(option.parse(octets))
        except ValueError:
            pass
    return octets.hex(":")


# Messages of a capture.


def messages4(datagrams: Iterable[Datagram]) -> tuple[list[Heard], int]:
    """What clients and their relay agents said to a DHCPv4 server; and the server's address, 0 where nothing tells."""
    local, named = 0, 0

    def read(datagram: Datagram) -> tuple[bool, object, str, str, Callable[[], Outcome]] | None:
        nonlocal local, named
        if not isinstance(datagram.source, IPv4Address) or not isinstance(datagram.destination, IPv4Address):
            return None
        try:
            packet = Packet4.parse(datagram.payload)
        except WireError:
            return None
        answers = packet.op == Op.REPLY
        named = named or int.from_bytes(packet.options.get(SERVER_IDENTIFIER, b""), "big")
        if answers:
            local = local or int.from_bytes(packet.options.get(SERVER_IDENTIFIER, b""), "big") or int(datagram.source)
        client = packet.chaddr.hex(":") or packet.options.get(CLIENT_IDENTIFIER, b"").hex(":")
        said = (name_of(MessageType, packet.type) or str(packet.type)) if packet.type else "BOOTP"
        return answers, (packet.xid, packet.chaddr), client, said, lambda: outcome4(datagram.payload)

    found = list(_paired(datagrams, SERVER_PORTS[4], read))
    return found, local or named


def messages6(datagrams: Iterable[Datagram]) -> tuple[list[Heard], Duid | None]:
    """As `messages4`, with the DUID that the server calls itself by, None where nothing tells."""
    server: bytes | None = None
    named: bytes | None = None

    def read(datagram: Datagram) -> tuple[bool, object, str, str, Callable[[], Outcome]] | None:
        nonlocal server, named
        if not isinstance(datagram.source, IPv6Address) or not isinstance(datagram.destination, IPv6Address):
            return None
        try:
            packet = Packet6.parse(datagram.payload)
        except WireError:
            return None
        answers = packet.type in ANSWERS6
        found = packet.options.first.get(SERVER_ID.code)
        named = named or found
        server = server or (found if answers else None)
        client = packet.options.first.get(CLIENT_ID.code, b"")
        said = name_of(MessageType6, packet.type) or str(packet.type)
        name = client.hex(":") or str(datagram.source)
        return answers, (packet.xid, client), name, said, lambda: outcome6(datagram.payload)

    found = list(_paired(datagrams, SERVER_PORTS[6], read))
    chosen = server or named
    return found, Duid(chosen) if chosen else None


Read = Callable[[Datagram], tuple[bool, object, str, str, Callable[[], Outcome]] | None]


def _paired(datagrams: Iterable[Datagram], port: int, read: Read) -> Iterator[Heard]:
    """Messages to a server with the first answer to each: who answers says the transaction's number again."""
    found: list[Heard] = []
    waiting: dict[object, int] = {}
    for number, datagram in enumerate(datagrams, 1):
        made = read(datagram)
        if made is None:
            continue
        answers, key, client, said, outcome = made
        if answers:
            at = waiting.pop(key, None)
            if at is not None:
                found[at] = attrs.evolve(found[at], recorded=outcome())
        elif datagram.dport == port:
            waiting[key] = len(found)
            found.append(Heard(number, datagram.time, client, said, datagram))
    yield from found
