"""Ports and relays as messages tell of them, for `guards`: options 82.1 and 82.2, options 18 and 37.

What a relay says about where a client is attached is all a server can know of a port. Where a relay names itself
(remote identifier), that and the circuit are the port; else the relay's address belongs to it, since circuits of two
relays may be named alike. Pure; this module does not know limits.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from typing import Any, Final

from dhcpkit.alloc.answer import Outcome4
from dhcpkit.alloc.answer6 import Outcome6
from dhcpkit.alloc.decision import Decision4, Event, silent
from dhcpkit.alloc.decision6 import Decision6, silent6
from dhcpkit.alloc.extended4 import recalled
from dhcpkit.alloc.guards import Sight
from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.network6 import Network6
from dhcpkit.alloc.select import suboption
from dhcpkit.wire.dhcp4 import MessageType, Packet4
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.nested6 import Options6

__all__ = ["SIGHT4", "SIGHT6", "port4", "port6", "relay6"]

CLIENT_ID4, RELAY_INFORMATION, CIRCUIT_ID, REMOTE_ID4 = 61, 82, 1, 2
CLIENT_ID6, INTERFACE_ID, REMOTE_ID6 = 1, 18, 37
NAMED, UNNAMED = b"\1", b"\0"  # whether the relay names itself
LIMIT: Final = "limit-exceeded"  # Kea's statistic
LINK_LOCAL, LINK_LOCAL_SHIFT = 0xFE80 >> 6, 118  # RFC 4291 2.5.6


def _port(circuit: bytes, remote: bytes, relay: bytes) -> bytes:
    """Octets that two ports do not share; empty where a relay tells of no port."""
    if not circuit and not remote:
        return b""
    named = len(circuit).to_bytes(2, "big") + circuit
    return NAMED + named + remote if remote else UNNAMED + named + relay


def port4(packet: Packet4) -> bytes:
    """The port a client is on, as its relay says (RFC 3046 3.1, 3.2); empty where it does not."""
    said = packet.options.get(RELAY_INFORMATION)
    return _port_of(said, packet.giaddr) if said else b""


def _port_of(said: bytes, giaddr: int) -> bytes:
    circuit, remote = suboption(said, CIRCUIT_ID) or b"", suboption(said, REMOTE_ID4) or b""
    return _port(circuit, remote, giaddr.to_bytes(4, "big"))


def _relay4(packet: Packet4) -> int:
    return packet.giaddr


def _client4(packet: Packet4) -> bytes:
    return packet.options.get(CLIENT_ID4) or packet.chaddr


def _offered4(decision: Any) -> Sequence[tuple[int, int]]:
    lease = decision.lease
    return ((lease.address, lease.subnet_id),) if decision.event is Event.OFFER and lease is not None else ()


def _same4(lease: Lease4, packet: Packet4) -> bool:
    return lease.belongs_to(packet.options.get(CLIENT_ID4, b""), packet.chaddr)


def _pool4(network: Network, lease: Lease4) -> tuple[Hashable, int]:
    """The pool of a lease with its size; a lease outside of all pools is alone in its own."""
    subnet = network.by_id.get(lease.subnet_id)
    pool = subnet.pool_at(lease.address) if subnet is not None else None
    return ((lease.subnet_id, pool.first), len(pool)) if pool is not None else ((lease.subnet_id, lease.address), 1)


def _recalled4(lease: Lease4) -> bytes:
    """The port that `store-extended-info` kept, where the relay named itself: its address was not kept."""
    said = recalled(lease.user_context)
    port = _port_of(said, 0) if said else b""
    return port if port[:1] == NAMED else b""


def relay6(packet: Packet6) -> int:
    """The relay next to the client by its link-address, else by where it sent from; 0 where there is none."""
    for relay in reversed(packet.relays):
        if relay.link:
            return relay.link
    return packet.arrival.source if packet.relays else 0


def port6(packet: Packet6) -> bytes:
    """The port a client is on, by the relay next to it that says so (RFC 8415 21.18, RFC 4649)."""
    for relay in reversed(packet.relays):
        first = relay.options.first
        if INTERFACE_ID in first or REMOTE_ID6 in first:
            named = relay6(packet).to_bytes(16, "big")
            return _port(first.get(INTERFACE_ID, b""), first.get(REMOTE_ID6, b""), named)
    return b""


def _answered6(packet: Packet6) -> int:
    return packet.arrival.source if packet.relays else 0


def _client6(packet: Packet6) -> bytes:
    return packet.options.first.get(CLIENT_ID6, b"")


def _offered6(decision: Any) -> Sequence[tuple[int, int]]:
    """Of a decision or of its outcome: what an ADVERTISE promises, and a REPLY that repeats what is there."""
    reply = getattr(decision, "reply", decision)
    subnet = reply.subnet if reply is not None else None
    if subnet is None:
        return ()
    return [(granted.address, subnet.id) for each in reply.answered for granted in each.granted if granted.valid]


def _same6(lease: Lease6, packet: Packet6) -> bool:
    return bool(lease.duid) and lease.duid == packet.options.first.get(CLIENT_ID6)


def _pool6(network: Network6, lease: Lease6) -> tuple[Hashable, int]:
    subnet = network.by_id.get(lease.subnet_id)
    for pool in subnet.pools if subnet is not None else ():
        if lease.address in pool:
            return (lease.subnet_id, pool.first), pool.size
    return (lease.subnet_id, lease.address), 1


def _recalled6(lease: Lease6) -> bytes:
    """The port that `store-extended-info` kept: relays are listed from the server's neighbour on."""
    try:
        relays = json.loads(lease.user_context)["ISC"]["relay-info"] if lease.user_context else ()
        for relay in reversed(relays):
            first = Options6(bytes.fromhex(relay.get("options", "").removeprefix("0x"))).first
            port = _port(first.get(INTERFACE_ID, b""), first.get(REMOTE_ID6, b""), b"")
            if port:
                return port if port[:1] == NAMED else b""
    except (ValueError, KeyError, TypeError, AttributeError):  # a lease file may hold anything
        pass
    return b""


def _refused4(made: Decision4 | Outcome4, because: str) -> Decision4 | Outcome4:
    if isinstance(made, Decision4):
        return silent(made.query, because, reason=LIMIT)
    nothing = made._replace(event=Event.SILENT, lease=None, unit=(), offered=None, lifetime=0, sent=None, names=())
    return nothing._replace(because=because, reason=LIMIT)


def _refused6(made: Decision6 | Outcome6, because: str) -> Decision6 | Outcome6:
    if isinstance(made, Decision6):
        return silent6(made.query, because, reason=LIMIT)
    nothing = made._replace(events=(), unit=(), offered=(), answered=(), sent=None, names=())
    return nothing._replace(because=because, reason=LIMIT)


def _aimed4(outcome: Outcome4) -> int:
    """Where a message wants its answer: at a relay or at a client, which may be anybody; else it stays on the link."""
    return outcome.packet.giaddr or outcome.packet.ciaddr


def _aimed6(outcome: Outcome6) -> int:
    source = outcome.packet.arrival.source
    return 0 if source >> LINK_LOCAL_SHIFT == LINK_LOCAL else source


SIGHT4: Final = Sight(
    MessageType.DECLINE.value,
    MessageType.RELEASE.value,
    port4,
    _relay4,
    _relay4,
    _client4,
    _offered4,
    _same4,
    _pool4,
    _recalled4,
    _refused4,
    _aimed4,
    headers=28,  # IPv4 and UDP
    smallest=28 + 240,  # RFC 2131 2: the header with its magic cookie
)
SIGHT6: Final = Sight(
    int(MessageType6.DECLINE),
    int(MessageType6.RELEASE),
    port6,
    relay6,
    _answered6,
    _client6,
    _offered6,
    _same6,
    _pool6,
    _recalled6,
    _refused6,
    _aimed6,
    headers=48,  # IPv6 and UDP
    smallest=48 + 4,  # RFC 8415 8
)
