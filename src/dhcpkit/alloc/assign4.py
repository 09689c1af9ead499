"""Which address a client gets. Pure: leases, hosts, time and chance are arguments.

Order of preference for an offer: reservation, own lease, requested address, pools (`pick.py`). A request is held to
what it asks for (RFC 2131 4.3.2, with Kea's rules of silence). Every choice and refusal is noted in the trace. What the
lease looks like is decided in `grant4`. This module does not know packets' bytes, sockets, databases or HA.
"""

from __future__ import annotations

from collections.abc import Container
from ipaddress import IPv4Address
from random import Random
from typing import Final

from dhcpkit.alloc.answer import levels_of
from dhcpkit.alloc.classify import DROP, REJECT, allowed, with_host
from dhcpkit.alloc.decision import Decision4, Event, Reply4, silent
from dhcpkit.alloc.grant4 import Desk4, final_classes, grant
from dhcpkit.alloc.host import GLOBAL, HostView
from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.network import SMALLEST_WITH_ENDS, V6_ONLY_PREFERRED, Pool4, Subnet4
from dhcpkit.alloc.pick import Iterative, Shuffle
from dhcpkit.alloc.points import Consult
from dhcpkit.alloc.query import DISCOVER, Manner, Query4
from dhcpkit.alloc.reserved import (
    NOTHING_FOUND,
    Found,
    Reserved,
    find_hosts,
    host_in,
    reserved_address,
    reserved_for,
)
from dhcpkit.alloc.tried import tried
from dhcpkit.alloc.view import LeaseView4
from dhcpkit.wire.dhcp4 import MessageType

__all__ = ["assign4", "with_reservations"]

OFFER: Final = MessageType.OFFER.value
ACK: Final = MessageType.ACK.value
NAK: Final = MessageType.NAK.value
DEFAULT: Final = LeaseState.DEFAULT.value
DECLINED: Final = LeaseState.DECLINED.value
REQUESTED_OPTIONS: Final = 55
NOBODY: Final[Container[int]] = frozenset()


def with_reservations(query: Query4, hosts: HostView, consult: Consult | None) -> tuple[Found, tuple[str, ...]]:
    """A client's reservations, and its classes with theirs where they count for the choice of a pool (Kea).

    They do where one is global, and where the subnet cannot change any more; global ones that were looked up early
    have counted already.
    """
    network, subnet, packet = query.network, query.subnet, query.packet
    found = NOTHING_FOUND
    reserved: tuple[str, ...] = ()
    if subnet is not None and (len(query.siblings) > 1 or query.early is not None or _may_have_host(subnet, hosts)):
        found = find_hosts(network, packet, query.siblings, query.classes, query.early, hosts, consult, query.trace)
        host = host_in(subnet, found) if found else None
        if host is not None:
            early = network.early_global_reservations_lookup
            settled = network.shared_network(subnet) is None
            everywhere = found.hosts.get(GLOBAL) if subnet.reservations_global and not early else None
            if settled or (everywhere is not None and everywhere.client_classes):
                reserved = host.client_classes
    known = query.early is not None or (found is not NOTHING_FOUND and bool(found.hosts))
    classes = with_host(packet, query.classes, reserved, network.classifier, query.trace, known=known)
    return found, classes


def _may_have_host(subnet: Subnet4, hosts: HostView) -> bool:
    return (subnet.reservations_in_subnet and hosts.any_in(subnet.id)) or (
        subnet.reservations_global and hosts.any_in(GLOBAL)
    )


def assign4(  # noqa: PLR0913, PLR0917  # the engine's whole world, each an argument
    query: Query4, leases: LeaseView4, hosts: HostView, now: int, rng: Random, consult: Consult | None
) -> Decision4:
    """Decides about a DHCPDISCOVER or DHCPREQUEST."""
    found, classes = with_reservations(query, hosts, consult)
    if DROP in classes:
        return silent(query, "the client is in class DROP", reason="admin-filtered")
    if REJECT in classes:
        if query.type == DISCOVER:
            return silent(query, "the client is in class REJECT")
        return _refuse(query, classes, "the client is in class REJECT")
    if query.subnet is None:
        return _without_subnet(query, classes)
    if V6_ONLY_PREFERRED in query.packet.options.get(REQUESTED_OPTIONS, b""):
        without = _v6_only(query, found, classes)
        if without is not None:
            return without
    network = query.network
    link = query.siblings
    if network.guarded:
        link = tuple(subnet for subnet in link if network.open_to(subnet, classes))
        if not link:
            because = "no subnet here is open to the client"
            return silent(query, because) if query.type == DISCOVER else _refuse(query, classes, because)
    choice = _Choice(Desk4(query, leases, hosts, now, rng, consult, found, classes), link)
    return choice.offer() if query.type == DISCOVER else choice.request()


def _without_subnet(query: Query4, classes: tuple[str, ...]) -> Decision4:
    """Kea: a rebinding client is left to others; INIT-REBOOT needs authority; anybody else asking is refused."""
    if query.type == DISCOVER:
        return silent(query, "no subnet for this client")
    manner = query.manner
    if manner is Manner.REBINDING:
        return silent(query, "no subnet for a rebinding client: another server may have one")
    if manner is Manner.INIT_REBOOT and not query.network.authoritative:
        return silent(query, "no subnet for an INIT-REBOOT client, and the server is not authoritative")
    return _refuse(query, classes, "no subnet for this client")


def _v6_only(query: Query4, found: Found, classes: tuple[str, ...]) -> Decision4 | None:
    """RFC 8925 3.3: a client that can do without IPv4 is told so, and gets no address. None where nobody says it."""
    network = query.network
    for subnet in query.siblings:
        if network.open_to(subnet, classes) and any(
            level.options.allowed(V6_ONLY_PREFERRED, classes) for level in subnet.levels
        ):
            break
    else:
        return None
    host = host_in(subnet, found)
    classes = final_classes(query, classes, subnet, None, host)
    discover = query.type == DISCOVER
    ciaddr = 0 if discover else query.packet.ciaddr
    reply = Reply4(OFFER if discover else ACK, subnet, classes, None, host, 0, ciaddr)
    if any(V6_ONLY_PREFERRED in level.options.never for level in levels_of(reply, network)):
        return silent(query, "the client is to do without IPv4, and option 108 must not be sent to tell it")
    because = "the client can do without IPv4, and is to"
    if query.trace:
        query.trace.note("address", "", "none", because, subnet.where)
    return Decision4(query, Event.INFORM, None, (), None, reply, because)


def _refuse(query: Query4, classes: tuple[str, ...], because: str) -> Decision4:
    """A DHCPNAK."""
    if query.trace:
        query.trace.note("answer", "", "DHCPNAK", because)
    return Decision4(query, Event.NAK, None, (), None, Reply4(NAK, query.subnet, classes), because)


class _Choice:
    """The choice of an address in progress. `link` are the subnets open to the client.

    It begins with the one selected, and is turned when something shows which one the client belongs to: its lease, a
    reservation (Kea).
    """

    __slots__ = ("classes", "desk", "leases", "link", "now", "query")

    def __init__(self, desk: Desk4, link: tuple[Subnet4, ...]) -> None:
        self.desk = desk
        self.query = desk.query
        self.leases = desk.leases
        self.now = desk.now
        self.classes = desk.classes
        self.link = link

    # DHCPDISCOVER

    def offer(self) -> Decision4:
        """The best address there is for the client, or silence. Kea counts where its reservation is of no use."""
        own = self.own_lease()
        reserved = self._reserved()
        if not reserved:
            return self._offer(own, 0)
        if self._can_have(reserved, "reserved address"):
            return self._grant(self.link[0], reserved)
        taken = self.leases.by_address(reserved)
        decision = self._offer(own, reserved)
        decision.conflict = taken.subnet_id if taken is not None else 0
        return decision

    def _offer(self, own: Lease4 | None, reserved: int) -> Decision4:
        """An address that is not reserved for the client."""
        if own is not None and own.address != reserved:
            subnet = self._open_pool(own.address)
            if subnet is not None and self._not_others(subnet, own.address, "own lease"):
                return self._grant(subnet, own.address)
        hint = self.query.requested or self.query.packet.ciaddr
        if hint and hint != reserved:
            subnet = self._open_pool(hint)
            if subnet is None:
                self._note(hint, "skipped", "the requested address is in no pool open to the client")
            else:
                self._turn_to(subnet)  # the client asks to be there (Kea)
                if self._not_others(subnet, hint, "requested address") and self._can_have(hint, "requested address"):
                    return self._grant(subnet, hint)
        return self._from_pools(own)

    # DHCPREQUEST

    def request(self) -> Decision4:
        """What was asked for, or DHCPNAK, or silence (Kea's order of checks)."""
        query = self.query
        hint = query.requested or query.packet.ciaddr
        own = self.own_lease()
        if query.server_id is None and query.requested:
            refused = self._init_reboot(own)
            if refused is not None:
                return refused
        reserved = self._reserved()
        hint = hint or reserved
        if not hint:  # Kea is liberal: who requests nothing in particular keeps its lease, or gets one
            subnet = self._open_pool(own.address) if own is not None else None
            if own is not None and subnet is not None:
                return self._grant(subnet, own.address)
            served = self._from_pools(own)
            return served if served.reply is not None else self._refuse(served.because)
        if reserved != hint:
            other = self._reserved_for_other(self._holding(hint), hint)
            if other is not None:
                return self._refuse(other)
        lease = self.leases.by_address(hint)
        if lease is not None and not lease.expired(self.now) and not self._owns(lease):
            return self._refuse(f"{IPv4Address(hint)} is leased to another client")
        if reserved and reserved != hint:
            taken = self.leases.by_address(reserved)
            if taken is None or taken.expired(self.now):  # Kea: not where it is in use, be it by this client
                return self._refuse(f"the client has {IPv4Address(reserved)} reserved")
        subnet = self.link[0] if reserved == hint else self._open_pool(hint)
        if subnet is None:
            return self._not_in_pools(hint)
        if own is not None and own.address != hint:
            return self._grant(subnet, hint, replaces=own)
        return self._grant(subnet, hint)

    def _refuse(self, because: str) -> Decision4:
        return _refuse(self.query, self.classes, because)

    def _init_reboot(self, own: Lease4 | None) -> Decision4 | None:
        """RFC 2131 4.3.2, INIT-REBOOT: without record of the client be silent; wrong network or address: DHCPNAK."""
        query = self.query
        subnet = query.subnet
        assert subnet is not None, "an assignment has a subnet"
        if own is None:
            if subnet.authoritative:  # Deviation, with Kea: "authoritative" answers where the RFC demands silence
                return self._refuse("no record of this INIT-REBOOT client, and the server is authoritative")
            return silent(query, "no record of this INIT-REBOOT client")
        if own.address != query.requested:
            return self._refuse(f"the client's lease is {IPv4Address(own.address)}")
        return None

    def _not_in_pools(self, hint: int) -> Decision4:
        """Kea: an address in no pool of the network is another server's; one the client may not use is refused."""
        if not any(sibling.pool_at(hint) is not None for sibling in self.query.siblings):
            return silent(self.query, f"{IPv4Address(hint)} is in no pool of this network")
        return self._refuse(f"the client's classes do not open a pool with {IPv4Address(hint)}")

    # what is known about addresses

    def own_lease(self) -> Lease4 | None:
        """The client's lease in this network: by client identifier first, then by hardware address (Kea)."""
        query = self.query
        client_id, hwaddr = query.client_id, query.hwaddr
        by_client = self.leases.by_client_id(client_id) if client_id else ()
        if by_client:
            for subnet in self.link:
                for lease in by_client:
                    if lease.subnet_id == subnet.id and subnet.match_client_id and lease.state != DECLINED:
                        self._turn_to(subnet)
                        return lease
        by_hwaddr = self.leases.by_hwaddr(hwaddr) if hwaddr else ()
        if by_hwaddr:
            for subnet in self.link:
                for lease in by_hwaddr:
                    mine = not subnet.match_client_id or lease.belongs_to(client_id, hwaddr)
                    if lease.subnet_id == subnet.id and mine:
                        self._turn_to(subnet)
                        return lease
        return None

    def _turn_to(self, subnet: Subnet4) -> None:
        link = self.link
        if link[0] is not subnet:
            at = next(index for index, each in enumerate(link) if each is subnet)
            self.link = link[at:] + link[:at]

    def _reserved(self) -> int:
        """The address reserved for this client, 0 where there is none it could have here."""
        found = self.desk.found
        if found is NOTHING_FOUND:
            return 0
        subnet, address = reserved_address(self.link, found)
        if subnet is not None:
            self._turn_to(subnet)
        return address

    def _owns(self, lease: Lease4) -> bool:
        subnet = self.query.network.by_id.get(lease.subnet_id)
        client_id = self.query.client_id if subnet is None or subnet.match_client_id else b""
        return lease.state == DEFAULT and lease.belongs_to(client_id, self.query.hwaddr)

    def _holding(self, address: int) -> Subnet4 | None:
        for subnet in self.link:
            if address in subnet:
                return subnet
        return None

    def _open_pool(self, address: int) -> Subnet4 | None:
        """The subnet with a pool that holds the address and is open to the client."""
        for subnet in self.link:
            pool = subnet.pool_at(address)
            if pool is not None and (not pool.client_classes or allowed(pool.client_classes, self.classes)):
                return subnet
        return None

    def _reserved_for_other(self, subnet: Subnet4 | None, address: int) -> str | None:
        hosts = self.desk.hosts
        if subnet is None or not subnet.reservations_in_subnet or not hosts.any_in(subnet.id):
            return None
        if subnet.reservations_out_of_pool and subnet.pool_at(address) is not None:
            return None  # Kea: with reservations out of pool, addresses in pools are not checked
        other = Reserved(hosts, subnet.id, self.desk.found.identities).by_whom(address)
        return reserved_for(other) if other is not None else None

    def _can_have(self, address: int, what: str) -> bool:
        """Whether nobody else holds the address now."""
        lease = self.leases.by_address(address)
        if lease is None or lease.expired(self.now) or self._owns(lease):
            return True
        self._note(address, f"{what} skipped", "it is declined" if lease.state else "it is leased to another client")
        return False

    def _not_others(self, subnet: Subnet4, address: int, what: str) -> bool:
        """Whether the address is reserved for nobody else."""
        other = self._reserved_for_other(subnet, address)
        if other is not None:
            self._note(address, f"{what} skipped", other)
        return other is None

    # pools

    def _from_pools(self, own: Lease4 | None) -> Decision4:
        query = self.query
        full, closed = 0, len(query.siblings) - len(self.link)
        for subnet in self._by_preference():
            busy = self._busy(subnet)
            for pool in subnet.pools:
                if pool.client_classes and not allowed(pool.client_classes, self.classes):
                    closed += 1
                    because = f"the client is not in {' or '.join(pool.client_classes)}"
                    self._note(f"pool {pool}", "skipped", because, pool.where)
                    continue
                address = self._free(subnet, pool, busy)
                if address is None:
                    full += 1
                    self._note(f"pool {pool}", "skipped", "it is full", pool.where)
                    continue
                self._remember(subnet)
                return self._grant(subnet, address, replaces=own, in_turn=True)
        if full:
            return silent(query, "every pool open to the client is full", Event.FULL)
        because = "no pool is open to the client" if closed else "the subnet has no pool"
        return silent(query, because, Event.NO_POOL)

    def _free(self, subnet: Subnet4, pool: Pool4, busy: Container[int]) -> int | None:
        """The first free address in the order of the subnet's allocator."""
        query, allocator = self.query, subnet.allocator
        rng = self.desk.rng if type(allocator) is Iterative else query.chance(self.desk.rng)
        order = allocator.candidates(pool, query.hwaddr, query.client_id, rng)
        address = self.leases.first_free(order, self.now, busy)
        if query.trace:
            for passed, because in tried(order, address, lambda each: self._why_not(subnet, each, busy)):
                self._note(passed, "passed over", because)
        if address is None and type(order) is Shuffle and order.most < len(pool):
            return self.leases.first_free(pool.sweep, self.now, busy)
        return address

    def _why_not(self, subnet: Subnet4, address: int, busy: Container[int]) -> str:
        """Why an address of a pool is not given to anybody; "" where it is free."""
        lease = self.leases.by_address(address)
        if lease is not None and not lease.expired(self.now):
            return "it is declined" if lease.state else f"it is leased to {lease.hwaddr.hex(':')}"
        if address in busy:
            return self._reserved_for_other(subnet, address) or "it ends in 0 or 255"
        return ""

    def _by_preference(self) -> tuple[Subnet4, ...]:
        """The subnets from the one on that gave something last, of those with the same guards (Kea's preferred subnet).

        Without it a shared network full of full subnets would cost a look at each of them, for every client. Planned
        again, a message begins with the same.
        """
        link = self.link
        if len(link) == 1:
            return link
        query, network = self.query, self.query.network
        if query.start is None:
            recent = network.recent.get((link[0].shared_network, link[0].client_classes), link[0])
            query.start = recent if any(each is recent for each in link) else link[0]
        at = next((index for index, each in enumerate(link) if each is query.start), 0)
        return link[at:] + link[:at]

    def _remember(self, subnet: Subnet4) -> None:
        if len(self.query.siblings) > 1:
            self.query.network.recent[subnet.shared_network, subnet.client_classes] = subnet

    def _busy(self, subnet: Subnet4) -> Container[int]:
        """What is not given although nobody holds it."""
        desk = self.desk
        busy: Container[int] = NOBODY
        if subnet.reservations_in_subnet and not subnet.reservations_out_of_pool and desk.hosts.any_in(subnet.id):
            busy = Reserved(desk.hosts, subnet.id, desk.found.identities)
        if desk.query.network.exclude_first_last_24 and subnet.prefix.prefixlen <= SMALLEST_WITH_ENDS:
            return _EndsOr(busy)
        return busy

    # the lease

    def _grant(
        self, subnet: Subnet4, address: int, *, replaces: Lease4 | None = None, in_turn: bool = False
    ) -> Decision4:
        before = self.leases.by_address(address)
        mine = before is not None and not before.expired(self.now) and self._owns(before)
        return grant(self.desk, subnet, address, before, replaces=replaces, mine=mine, in_turn=in_turn)

    def _note(self, subject: object, verdict: str, because: str, where: object = None) -> None:
        trace = self.query.trace
        if trace:
            trace.note(
                "address", IPv4Address(subject) if isinstance(subject, int) else subject, verdict, because, where
            )


class _EndsOr:
    """Membership: addresses that end in 0 or 255, and those that are busy for another reason."""

    __slots__ = ("busy",)

    def __init__(self, busy: Container[int]) -> None:
        self.busy = busy

    def __contains__(self, address: object) -> bool:
        return (isinstance(address, int) and address & 0xFF in (0, 0xFF)) or address in self.busy
