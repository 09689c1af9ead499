"""The plain case of the engine in one piece, for speed: `open4`, `plan4` and `answer4` without what cannot apply.

Most of a network's messages come from clients without a reservation, on a link with one subnet whose pools are open to
all: a new client's DHCPDISCOVER and DHCPREQUEST, a known client's renewal. For these `quick4` comes to the very
decision the engine comes to, in half the time; for anything else it says None, and the engine decides. The engine is
the reference: a property test holds `quick4` to it, and whoever changes the engine changes here what that test shows
(docs/why/quick-way.md).

This module does not know what a message means beyond that; the rules and their sources stand in `assign4` and `answer`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import partial
from typing import Any, Final

from dhcpkit.alloc.answer import Outcome4, Outgoing4, option_field, shared_options, times_key, well_formed
from dhcpkit.alloc.classify import EVERYONE, STRANGER, classify, with_host
from dhcpkit.alloc.decision import Event, Reply4
from dhcpkit.alloc.host import HostView
from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.names import choose_name
from dhcpkit.alloc.network import REMEMBERED_MAX, Network, Pool4, Subnet4
from dhcpkit.alloc.reserved import Reserved, identifiers
from dhcpkit.alloc.select import select_subnet4, suboption
from dhcpkit.alloc.times import remaining_of_cached
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.alloc.view import Change, LiveView4, Unit
from dhcpkit.wire.dhcp4 import Packet4, reply_header4

__all__ = ["quick4"]

DISCOVER, REQUEST, OFFER, ACK = 1, 3, 2, 5
OFFERED, ALLOCATED, RENEWED, REUSED = Event.OFFER, Event.ALLOC, Event.RENEW, Event.REUSE
BROADCAST: Final = 0xFFFFFFFF
NOTHING: Final[frozenset[int]] = frozenset()
# What named tuples' own constructors do, in half the time.
_lease: Final[Callable[[tuple[Any, ...]], Lease4]] = partial(tuple.__new__, Lease4)
_change: Final[Callable[[tuple[Any, ...]], Change]] = partial(tuple.__new__, Change)
_outcome: Final[Callable[[tuple[Any, ...]], Outcome4]] = partial(tuple.__new__, Outcome4)
_UNSAID: Final[tuple[Any, ...]] = tuple(Outcome4._field_defaults.values())[:-1]  # what is not so of plain messages
_outgoing: Final[Callable[[tuple[Any, ...]], Outgoing4]] = partial(tuple.__new__, Outgoing4)


def quick4(  # noqa: PLR0913, PLR0917  # the engine's whole world
    packet: Packet4, network: Network, leases: LiveView4, hosts: HostView, now: int, taken: Container[int] = NOTHING
) -> Outcome4 | None:
    """The decision about a plain message; None where it is not plain, or where `taken` holds what it is about.

    `taken` are the addresses that earlier messages of the batch took, which `leases` does not show yet.
    """
    options = packet.options
    kind = packet.type
    hwaddr = packet.chaddr
    if not hwaddr or 118 in options or 81 in options or 51 in options or options.get(55) == b"":
        return None
    client_id = options.get(61, b"")
    if network.vendors and (124 in options or 125 in options):
        return None  # what enterprises have depends on what they sent
    if client_id:
        if not 2 <= len(client_id) <= 128:
            return None
    elif 61 in options:
        return None
    if kind == DISCOVER:
        if 54 in options or 50 in options or packet.ciaddr:
            return None
    elif kind != REQUEST:
        return None
    bare: tuple[str, ...] = EVERYONE
    classes: tuple[str, ...] = STRANGER
    if network.classes or (network.selective and 60 in options):
        told = _classes(packet, network)
        if told is None:
            return None
        bare, classes = told
    subnet = select_subnet4(packet, network, bare, NO_TRACE)
    if subnet is None or subnet.id not in network.plain:
        return None
    if subnet.reservations_in_subnet and hosts.any_in(subnet.id):
        for name, value in identifiers(network, packet):
            if hosts.by_identifier(subnet.id, name, value) is not None:
                return None
        if not subnet.reservations_out_of_pool:
            taken = _TakenOrReserved(taken, Reserved(hosts, subnet.id, ()))
    if kind == DISCOVER:
        return _discover(packet, network, subnet, classes, client_id, leases, now, taken)
    return _request(packet, network, subnet, classes, client_id, leases, now, taken)


def _classes(packet: Packet4, network: Network) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Its classes before and after reservations are looked up.

    None where a class that is configured is among them: what follows from that is the engine's business.
    """
    classifier = network.classifier
    bare = classify(packet, classifier)
    classes = with_host(packet, bare, (), classifier, known=False)
    return (bare, classes) if classifier.by_name.keys().isdisjoint(classes) else None


class _TakenOrReserved:
    """Membership in either: what the batch took, and what others have reserved."""

    __slots__ = ("reserved", "taken")

    def __init__(self, taken: Container[int], reserved: Reserved) -> None:
        self.taken, self.reserved = taken, reserved

    def __contains__(self, address: object) -> bool:
        return address in self.taken or address in self.reserved


def _discover(  # noqa: PLR0913, PLR0917  # as quick4
    packet: Packet4,
    network: Network,
    subnet: Subnet4,
    classes: tuple[str, ...],
    client_id: bytes,
    leases: LiveView4,
    now: int,
    taken: Container[int],
) -> Outcome4 | None:
    hwaddr = packet.chaddr
    if leases.knows(client_id, hwaddr):
        return None  # it has, or had, a lease somewhere
    for pool in subnet.pools:
        address = leases.first_free(pool.sweep, now, taken)
        if address is not None:
            break
    else:
        return None
    name, host_name = _name(packet, subnet, address)
    lifetime = subnet.lifetimes.default
    lease = _lease((address, hwaddr, client_id, lifetime, now, subnet.id, False, False, name, 0, "", pool.pool_id))
    sent = _answer(packet, network, OFFER, subnet, classes, pool, address, lifetime, host_name)
    return _outcome((
        packet, client_id or hwaddr, OFFERED, lease, (), address, lifetime, subnet, sent, *_UNSAID, classes,
    ))  # fmt: skip


def _request(  # noqa: PLR0913, PLR0917  # as quick4
    packet: Packet4,
    network: Network,
    subnet: Subnet4,
    classes: tuple[str, ...],
    client_id: bytes,
    leases: LiveView4,
    now: int,
    taken: Container[int],
) -> Outcome4 | None:
    options = packet.options
    ciaddr = packet.ciaddr
    server_id = options.get(54)
    if server_id is None:
        if 50 in options:
            return None  # INIT-REBOOT
        hint = ciaddr
    else:
        requested = options.get(50, b"")
        if len(requested) != 4 or int.from_bytes(server_id, "big") != packet.arrival.local or len(server_id) != 4:
            return None
        hint = int.from_bytes(requested, "big")
    pool = subnet.pool_at(hint)
    if pool is None or hint in taken:
        return None
    hwaddr = packet.chaddr
    before = leases.by_address(hint)
    if before is None:
        if leases.knows(client_id, hwaddr):
            return None
    elif (
        before.hwaddr != hwaddr
        or before.client_id != client_id
        or before.subnet_id != subnet.id
        or before.state
        or before.user_context
        or before.fqdn_fwd  # DNS was told of it, and may have to hear something else now
        or before.fqdn_rev
        or before.expired(now)
        or not leases.knows_one(client_id, hwaddr)
    ):
        return None
    name, host_name = _name(packet, subnet, hint)
    lifetime = subnet.lifetimes.default
    lease = _lease((hint, hwaddr, client_id, lifetime, now, subnet.id, False, False, name, 0, "", pool.pool_id))
    unit: Unit = (_change((before, lease)),)
    event = ALLOCATED
    if before is not None:
        event = RENEWED
        remaining = remaining_of_cached(subnet, before, lease, now)
        if remaining is not None:
            lifetime, lease, unit, event = remaining, before, (), REUSED
    sent = _answer(packet, network, ACK, subnet, classes, pool, hint, lifetime, host_name)
    return _outcome((
        packet, client_id or hwaddr, event, lease, unit, None, lifetime, subnet, sent, *_UNSAID, classes,
    ))  # fmt: skip


def _name(packet: Packet4, subnet: Subnet4, address: int) -> tuple[str, bytes | None]:
    if 12 not in packet.options:
        return "", None
    name = choose_name(packet, subnet.naming, None, address)
    return name.hostname, name.host_name


def _answer(  # noqa: PLR0913, PLR0917  # as quick4
    packet: Packet4,
    network: Network,
    kind: int,
    subnet: Subnet4,
    classes: tuple[str, ...],
    pool: Pool4,
    yiaddr: int,
    lifetime: int,
    host_name: bytes | None,
) -> Outgoing4:
    options = packet.options
    ciaddr = packet.ciaddr
    key = (kind, pool, classes, options.get(55), times_key(subnet, lifetime), packet.arrival.local)
    try:
        shared = network.blocks[key]
    except KeyError:
        reply = Reply4(kind, subnet, classes, pool, None, yiaddr, ciaddr, lifetime)
        shared = shared_options(reply, packet, network, NO_TRACE)
        if len(packet.data) <= REMEMBERED_MAX:
            network.blocks[key] = shared  # bounded by shared_options, which clears it
    data = reply_header4(
        packet, ciaddr=ciaddr, yiaddr=yiaddr, siaddr=shared.siaddr, sname=shared.sname, file=shared.file
    )
    data += shared.opening(host_name, lifetime)
    client_id = options.get(61)
    if client_id and network.echo_client_id:
        data += b"=%c%b" % (len(client_id), client_id)
    relay = options.get(82)
    if relay and well_formed(relay):
        data += shared.rest + option_field(82, relay) + b"\xff"
    else:
        data += shared.rest + b"\xff"
    if packet.giaddr:
        port = packet.arrival.port if relay and suboption(relay, 19) is not None else 67
        return _outgoing((data, kind, packet.giaddr, port, b""))
    if ciaddr:
        return _outgoing((data, kind, ciaddr, 68, packet.chaddr))
    return _outgoing((data, kind, BROADCAST if packet.flags & 0x8000 else yiaddr, 68, packet.chaddr))
