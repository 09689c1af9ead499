"""Which address a client gets. Pure: leases, hosts, time and chance are arguments.

Order of preference for an offer: reservation, own lease, requested address, pools (`pick.py`). A request is held to
what it asks for (RFC 2131 4.3.2, with Kea's rules of silence). Every choice and refusal is noted in the trace.
This module does not know packets' bytes, sockets, databases or HA.
"""

from __future__ import annotations

from collections.abc import Container
from ipaddress import IPv4Address
from random import Random
from typing import Final

from dhcpkit.alloc.classify import DROP, REJECT, allowed, once_found, with_additional, with_host
from dhcpkit.alloc.decision import Decision4, Event, Reply4, silent
from dhcpkit.alloc.host import GLOBAL, Host, HostView
from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.names import NO_NAME, choose_name
from dhcpkit.alloc.network import Lifetimes, Pool4, Subnet4
from dhcpkit.alloc.points import Consult, Lease4Renew, Lease4Select, NextStep
from dhcpkit.alloc.query import DISCOVER, Manner, Query4
from dhcpkit.alloc.reserved import Found, Reserved, current_host, decides_pools, find_hosts, reserved_for
from dhcpkit.alloc.times import remaining_of_cached
from dhcpkit.alloc.view import Change, LeaseView4, Unit
from dhcpkit.wire.dhcp4 import MessageType

__all__ = ["assign4", "final_classes"]

OFFER: Final = MessageType.OFFER.value
ACK: Final = MessageType.ACK.value
NAK: Final = MessageType.NAK.value
DEFAULT: Final = LeaseState.DEFAULT.value
DECLINED: Final = LeaseState.DECLINED.value
OFFERED, ALLOCATED, RENEWED, REUSED = Event.OFFER, Event.ALLOC, Event.RENEW, Event.REUSE  # an enum's attribute costs
NOBODY: Final[Container[int]] = frozenset()


def assign4(  # noqa: PLR0913, PLR0917  # the engine's whole world, each an argument
    query: Query4, leases: LeaseView4, hosts: HostView, now: int, rng: Random, consult: Consult | None
) -> Decision4:
    """Decides about a DHCPDISCOVER or DHCPREQUEST."""
    subnet = query.subnet
    if subnet is None:
        return _without_subnet(query)
    found = find_hosts(query, hosts)
    host = current_host(subnet, found) if found else None
    decides = host is None or decides_pools(query, host)
    classes = with_host(query.packet, query.classes, host, query.network.classifier, query.trace, decides=decides)
    if DROP in classes:
        return silent(query, "the client is in class DROP")
    if REJECT in classes:
        if query.type == DISCOVER:
            return silent(query, "the client is in class REJECT")
        return _refuse(query, classes, "the client is in class REJECT")
    desk = _Desk(query, leases, hosts, now, rng, consult, found, classes)
    return desk.offer() if query.type == DISCOVER else desk.request()


def _without_subnet(query: Query4) -> Decision4:
    """Kea: a rebinding client is left to others; INIT-REBOOT needs authority; anybody else asking is refused."""
    if query.type == DISCOVER:
        return silent(query, "no subnet for this client")
    manner = query.manner
    if manner is Manner.REBINDING:
        return silent(query, "no subnet for a rebinding client: another server may have one")
    if manner is Manner.INIT_REBOOT and not query.network.authoritative:
        return silent(query, "no subnet for an INIT-REBOOT client, and the server is not authoritative")
    return _refuse(query, query.classes, "no subnet for this client")


def _refuse(query: Query4, classes: tuple[str, ...], because: str) -> Decision4:
    """A DHCPNAK."""
    if query.trace:
        query.trace.note("answer", "", "DHCPNAK", because)
    return Decision4(query, Event.NAK, None, (), None, Reply4(NAK, query.subnet, classes), because)


def final_classes(
    query: Query4, classes: tuple[str, ...], subnet: Subnet4, pool: Pool4 | None, host: Host | None
) -> tuple[str, ...]:
    """The classes of an answer: a shared network's reservation adds its own now, and additional ones come last."""
    network = query.network
    shared = network.shared_network(subnet)
    if shared is not None and host is not None and host.subnet_id != GLOBAL and host.client_classes:
        classes = once_found(classes, host)
    wanted = (
        *(pool.additional_classes if pool is not None else ()),
        *subnet.additional_classes,
        *(shared.additional_classes if shared is not None else ()),
    )
    return with_additional(query.packet, classes, wanted, network.classifier, query.trace) if wanted else classes


class _Desk:
    """One client's assignment in progress: the arguments of the engine, and what was found out so far."""

    __slots__ = ("classes", "consult", "found", "hosts", "hwaddr", "leases", "now", "query", "rng", "trace")

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        query: Query4,
        leases: LeaseView4,
        hosts: HostView,
        now: int,
        rng: Random,
        consult: Consult | None,
        found: Found,
        classes: tuple[str, ...],
    ) -> None:
        self.query = query
        self.leases = leases
        self.hosts = hosts
        self.now = now
        self.rng = rng
        self.consult = consult
        self.found = found
        self.classes = classes
        self.trace = query.trace

    # DHCPDISCOVER

    def offer(self) -> Decision4:
        """The best address there is for the client, or silence."""
        for where, host in self.found:
            if host.address:
                subnet = where if where is not None else self._holding(host.address)
                if subnet is not None and self._can_have(host.address, "reserved address"):
                    return self._grant(subnet, host.address, self.leases.by_address(host.address))
        own = self.own_lease()
        if own is not None:
            subnet = self._subnet_of(own)
            if self._may_use(subnet, own.address, "own lease"):
                return self._grant(subnet, own.address, own)
        hint = self.query.requested or self.query.packet.ciaddr
        if hint:
            hinted = self._holding(hint)
            if hinted is None:
                self._note(hint, "skipped", "the requested address is not in this network")
            elif self._may_use(hinted, hint, "requested address") and self._can_have(hint, "requested address"):
                return self._grant(hinted, hint, self.leases.by_address(hint))
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
        if not hint:
            return self.offer()  # Kea is liberal: a request for nothing in particular is served like a discover
        subnet = self._holding(hint)
        reserved = self._reserved_address() if self.found else 0
        if reserved != hint:
            other = self._reserved_for_other(subnet, hint)
            if other is not None:
                return _refuse(query, self.classes, other)
        lease = self.leases.by_address(hint)
        if lease is not None and not lease.expired(self.now) and not self._owns(lease):
            return _refuse(query, self.classes, f"{IPv4Address(hint)} is leased to another client")
        if reserved and reserved != hint:
            taken = self.leases.by_address(reserved)
            if taken is None or taken.expired(self.now) or self._owns(taken):
                return _refuse(query, self.classes, f"the client has {IPv4Address(reserved)} reserved")
        if subnet is None or (reserved != hint and self._pool(subnet, hint) is None):
            return self._not_in_pools(subnet, hint)
        if own is not None and own.address != hint:
            return self._grant(subnet, hint, lease, replaces=own)
        return self._grant(subnet, hint, lease)

    def _init_reboot(self, own: Lease4 | None) -> Decision4 | None:
        """RFC 2131 4.3.2, INIT-REBOOT: without record of the client be silent; wrong network or address: DHCPNAK."""
        query = self.query
        subnet = query.subnet
        assert subnet is not None, "an assignment has a subnet"
        if own is None:
            if subnet.authoritative:  # Deviation, with Kea: "authoritative" answers where the RFC demands silence
                return _refuse(
                    query, self.classes, "no record of this INIT-REBOOT client, and the server is authoritative"
                )
            return silent(query, "no record of this INIT-REBOOT client")
        if own.address != query.requested:
            return _refuse(query, self.classes, f"the client's lease is {IPv4Address(own.address)}")
        return None

    def _not_in_pools(self, subnet: Subnet4 | None, hint: int) -> Decision4:
        """Kea: an address in no pool of the network is another server's; one the client may not use is refused."""
        known = subnet is not None and any(
            sibling.pool_at(hint) is not None for sibling in self.query.siblings if hint in sibling
        )
        if not known:
            return silent(self.query, f"{IPv4Address(hint)} is in no pool of this network")
        return _refuse(self.query, self.classes, f"the client's classes do not open a pool with {IPv4Address(hint)}")

    # what is known about addresses

    def own_lease(self) -> Lease4 | None:
        """The client's lease in this network: by client identifier first, then by hardware address (Kea)."""
        query = self.query
        client_id, hwaddr = query.client_id, query.hwaddr
        by_client = self.leases.by_client_id(client_id) if client_id else ()
        if by_client:
            for subnet in query.siblings:
                for lease in by_client:
                    if lease.subnet_id == subnet.id and subnet.match_client_id and lease.state != DECLINED:
                        return lease
        by_hwaddr = self.leases.by_hwaddr(hwaddr) if hwaddr else ()
        if by_hwaddr:
            for subnet in query.siblings:
                for lease in by_hwaddr:
                    mine = not subnet.match_client_id or lease.belongs_to(client_id, hwaddr)
                    if lease.subnet_id == subnet.id and mine:
                        return lease
        return None

    def _owns(self, lease: Lease4) -> bool:
        subnet = self.query.network.by_id.get(lease.subnet_id)
        client_id = self.query.client_id if subnet is None or subnet.match_client_id else b""
        return lease.state == DEFAULT and lease.belongs_to(client_id, self.query.hwaddr)

    def _subnet_of(self, lease: Lease4) -> Subnet4:
        return next(subnet for subnet in self.query.siblings if subnet.id == lease.subnet_id)

    def _holding(self, address: int) -> Subnet4 | None:
        for subnet in self.query.siblings:
            if address in subnet and (subnet is self.query.subnet or allowed(subnet.client_classes, self.classes)):
                return subnet
        return None

    def _pool(self, subnet: Subnet4, address: int) -> Pool4 | None:
        pool = subnet.pool_at(address)
        return pool if pool is not None and allowed(pool.client_classes, self.classes) else None

    def _reserved_address(self) -> int:
        """The address reserved for this client, 0 where there is none it could have here."""
        for where, host in self.found:
            if host.address and (where is not None or self._holding(host.address) is not None):
                return host.address
        return 0

    def _reserved_for_other(self, subnet: Subnet4 | None, address: int) -> str | None:
        if subnet is None or not subnet.reservations_in_subnet or not self.hosts.any_in(subnet.id):
            return None
        if subnet.reservations_out_of_pool and subnet.pool_at(address) is not None:
            return None  # Kea: with reservations out of pool, addresses in pools are not checked
        other = Reserved(self.hosts, subnet.id, self.found).by_whom(address)
        return reserved_for(other) if other is not None else None

    def _can_have(self, address: int, what: str) -> bool:
        """Whether nobody else holds the address now."""
        lease = self.leases.by_address(address)
        if lease is None or lease.expired(self.now) or self._owns(lease):
            return True
        self._note(address, f"{what} skipped", "it is declined" if lease.state else "it is leased to another client")
        return False

    def _may_use(self, subnet: Subnet4, address: int, what: str) -> bool:
        """Whether the address is reserved for this client, or in a pool open to it and reserved for nobody else."""
        if address == self._reserved_address():
            return True
        if self._pool(subnet, address) is None:
            self._note(address, f"{what} skipped", "it is in no pool open to the client")
            return False
        other = self._reserved_for_other(subnet, address)
        if other is not None:
            self._note(address, f"{what} skipped", other)
        return other is None

    def _from_pools(self, own: Lease4 | None) -> Decision4:
        query = self.query
        full, closed = 0, 0
        for subnet in query.siblings:
            if subnet is not query.subnet and not allowed(subnet.client_classes, self.classes):
                closed += 1
                self._note(
                    subnet.prefix, "skipped", f"the client is not in {' or '.join(subnet.client_classes)}", subnet.where
                )
                continue
            busy = self._busy(subnet)
            for pool in subnet.pools:
                if pool.client_classes and not allowed(pool.client_classes, self.classes):
                    closed += 1
                    self._note(
                        f"pool {pool}",
                        "skipped",
                        f"the client is not in {' or '.join(pool.client_classes)}",
                        pool.where,
                    )
                    continue
                order = subnet.allocator.candidates(pool, query.hwaddr, query.client_id, self.rng)
                address = self.leases.first_free(order, self.now, busy)
                if address is None:
                    full += 1
                    self._note(f"pool {pool}", "skipped", "it is full", pool.where)
                    continue
                return self._grant(subnet, address, self.leases.by_address(address), replaces=own, in_turn=True)
        if full:
            return silent(query, "every pool open to the client is full", Event.FULL)
        because = "no pool is open to the client" if closed else "the subnet has no pool"
        return silent(query, because, Event.NO_POOL)

    def _busy(self, subnet: Subnet4) -> Container[int]:
        if not subnet.reservations_in_subnet or subnet.reservations_out_of_pool or not self.hosts.any_in(subnet.id):
            return NOBODY
        return Reserved(self.hosts, subnet.id, self.found)

    # the lease

    def _grant(
        self,
        subnet: Subnet4,
        address: int,
        before: Lease4 | None,
        *,
        replaces: Lease4 | None = None,
        in_turn: bool = False,
    ) -> Decision4:
        query, now = self.query, self.now
        packet = query.packet
        pool = subnet.pool_at(address)
        host = current_host(subnet, self.found) if self.found else None
        lifetimes = self._lifetimes(subnet) if query.network.classes else subnet.lifetimes
        asked = query.asked_lifetime
        named = 12 in packet.options or 81 in packet.options or host is not None
        name = choose_name(packet, subnet, host, address) if named else NO_NAME
        mine = before is not None and not before.expired(now) and self._owns(before)
        lease = Lease4(
            address,
            query.hwaddr,
            query.client_id if subnet.match_client_id else b"",
            lifetimes.granted(asked) if asked else lifetimes.default,
            now,
            subnet.id,
            False,  # noqa: FBT003  # by position: names cost a third more, and this is made for every answer
            False,  # noqa: FBT003
            name.hostname,
            DEFAULT,
            _extended_info(query) if subnet.store_extended_info else "",
            pool.pool_id if pool is not None else 0,
        )
        remaining = remaining_of_cached(subnet, before, lease, now) if mine and before is not None else None
        offer = query.type == DISCOVER
        if self.consult is not None:
            point = Lease4Renew(packet, lease) if mine and not offer else Lease4Select(packet, lease, offer)
            if self.consult(point) in (NextStep.SKIP, NextStep.DROP):
                return silent(query, f"a callout of {point.kea_name} refused the lease")
            if point.lease is not lease:
                lease, remaining = point.lease, None
        classes = self.classes
        if host is not None or query.network.classes:
            classes = final_classes(query, classes, subnet, pool, host)
        reply = Reply4(
            OFFER if offer else ACK,
            subnet,
            classes,
            pool,
            host,
            lease.address,
            0 if offer else packet.ciaddr,
            remaining if remaining is not None else lease.valid_lifetime,
            name.host_name,
            name.fqdn,
        )
        if self.trace:
            self._explain(subnet, pool, lease, before, remaining)
        picked = address if in_turn else None
        if offer:
            return Decision4(query, OFFERED, lease, (), picked, reply)
        if remaining is not None:
            return Decision4(query, REUSED, before, (), None, reply)
        unit: Unit = (Change(before, lease),)
        if replaces is not None and replaces.address != address:
            unit = (*unit, Change(replaces, None))
        return Decision4(query, RENEWED if mine else ALLOCATED, lease, unit, picked, reply)

    def _lifetimes(self, subnet: Subnet4) -> Lifetimes:
        """The first class that sets lifetimes, else the subnet's (Kea)."""
        classes = self.query.network.classes
        if classes:
            for name in self.classes:
                found = classes.get(name)
                if found is not None and found.lifetimes is not None:
                    return found.lifetimes
        return subnet.lifetimes

    # explanations

    def _note(self, subject: object, verdict: str, because: str, where: object = None) -> None:
        if self.trace:
            shown = IPv4Address(subject) if isinstance(subject, int) else subject
            self.trace.note("address", shown, verdict, because, where)

    def _explain(
        self, subnet: Subnet4, pool: Pool4 | None, lease: Lease4, before: Lease4 | None, remaining: int | None
    ) -> None:
        address = IPv4Address(lease.address)
        if any(host.address == lease.address for _, host in self.found):
            because, where = (
                "it is reserved for the client",
                next(h.where for _, h in self.found if h.address == lease.address),
            )
        elif before is not None and self._owns(before):
            because, where = "it is the client's lease", None
        elif before is not None:
            because, where = "the earlier lease is over", pool.where if pool is not None else None
        elif lease.address == (self.query.requested or self.query.packet.ciaddr):
            because, where = "the client asked for it and it is free", pool.where if pool is not None else subnet.where
        else:
            because, where = f"the next free one of pool {pool}", pool.where if pool is not None else subnet.where
        self.trace.note("address", address, "chosen", because, where)
        if remaining is not None:
            self.trace.note(
                "lifetime", f"{remaining} s", "remaining", "the lease is young enough to be repeated unchanged"
            )
        else:
            length = "infinite" if lease.valid_lifetime == INFINITE else f"{lease.valid_lifetime} s"
            asked = self.query.asked_lifetime
            self.trace.note(
                "lifetime",
                length,
                "granted",
                f"the client asked for {asked} s" if asked else "the default",
                subnet.where,
            )


def _extended_info(query: Query4) -> str:
    """What `store-extended-info` keeps of option 82, as the JSON text of a lease's user context (Kea 3.0's form)."""
    relay = query.packet.options.get(82)
    if not relay:
        return ""
    return f'{{ "ISC": {{ "relay-agent-info": {{ "sub-options": "0x{relay.hex().upper()}" }} }} }}'
