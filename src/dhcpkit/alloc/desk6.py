"""One DHCPv6 client's assignment in progress: what is known about it, and which leases change. Pure.

The rules that choose addresses are in `assign6`; this module makes leases, and knows which addresses are spoken for,
in the store as in this very decision. It does not know messages' bytes, sockets, databases or HA.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from ipaddress import IPv6Address
from random import Random
from typing import Final, NamedTuple

from dhcpkit.alloc.classify import allowed
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6
from dhcpkit.alloc.host import GLOBAL
from dhcpkit.alloc.host6 import Host6, Host6View
from dhcpkit.alloc.lease import GIVEN_BACK, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.name_change import NameChange, naming_at
from dhcpkit.alloc.name_change6 import changes6
from dhcpkit.alloc.names6 import Name6, choose_name6, named_after, reserved_name6
from dhcpkit.alloc.naming import Naming
from dhcpkit.alloc.network6 import PdPool, Pool6, Subnet6
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.points6 import Lease6Rebind, Lease6Renew, Lease6Select
from dhcpkit.alloc.query6 import Asked6, Query6
from dhcpkit.alloc.relayed6 import relay_info
from dhcpkit.alloc.reserved6 import Found6, Reserved6, host_in
from dhcpkit.alloc.scarce6 import few_left
from dhcpkit.alloc.times6 import lifetimes6, remaining6, remaining_of_cached6
from dhcpkit.alloc.view import holds
from dhcpkit.alloc.view6 import Change6, LeaseView6, Span6, Sweep6, Unit6, span_of

__all__ = ["Desk6", "Holding6"]

RENEW: Final = 5
DEFAULT: Final = LeaseState.DEFAULT.value
REGISTERED: Final = LeaseState.REGISTERED.value
IA_NA, IA_PD = LeaseType.IA_NA.value, LeaseType.IA_PD.value  # an enumeration's attribute costs
ADDRESS_LEN: Final = 128
CHANCE_BITS: Final = 64  # of what random orders are made from


class Holding6(NamedTuple):
    """A lease in an answer: as it is or will be stored, and the lifetimes the client is told."""

    lease: Lease6
    preferred: int
    valid: int


class Desk6:
    """The arguments of the engine, what was found out so far, and what was decided.

    `subnet` is where the client is served now: it moves within its shared network with the leases that are found.
    """

    __slots__ = (
        "_before",
        "_changed",
        "_named",
        "_reused",
        "_taken",
        "allocated",
        "classes",
        "consult",
        "events",
        "found",
        "host_subnet",
        "hosts",
        "leases",
        "name",
        "now",
        "offer",
        "offered",
        "query",
        "rng",
        "spans",
        "subnet",
    )

    def __init__(  # noqa: PLR0913, PLR0917  # the engine's whole world
        self,
        query: Query6,
        leases: LeaseView6,
        hosts: Host6View,
        now: int,
        rng: Random,
        consult: Consult | None,
        found: Found6,
        classes: tuple[str, ...],
        *,
        offer: bool,
    ) -> None:
        assert query.subnet is not None, "leases are assigned in a subnet"
        self.query = query
        self.leases = leases
        self.hosts = hosts
        self.now = now
        self.rng = rng
        self.consult = consult
        self.found = found
        self.classes = classes
        self.offer = offer
        self.subnet: Subnet6 = query.subnet
        self.host_subnet: Subnet6 | None = None
        self.name = choose_name6(query.packet, query.subnet, query.subnet.naming, self.host(), consult, classes)
        self.allocated: set[tuple[int, int]] = set()
        self.spans: list[Span6] = []  # of the prefixes that this decision gives
        self.events: list[Event] = []
        self.offered: list[int] = []
        self._before: dict[int, Lease6 | None] = {}  # as the store has them
        self._changed: dict[int, Lease6 | None] = {}  # as it will have them
        self._reused: dict[int, Lease6] = {}
        self._taken: set[int] = set()  # what an offer promises, which changes nothing
        self._named = 0  # the address that a name was made of

    # what is known

    def host(self) -> Host6 | None:
        """The reservation that holds where the client is served."""
        return host_in(self.host_subnet or self.subnet, self.found) if self.found else None

    def take_up(self, host: Host6, subnet: Subnet6) -> None:
        """The client is served by a reservation in a subnet; leases from now on have its name with the suffix (Kea)."""
        self.host_subnet = subnet
        if host.hostname:
            self.name = reserved_name6(self.name, host, subnet.naming, self.query.packet)

    def global_host(self) -> Host6 | None:
        """The global reservation, where it counts."""
        return self.found.get(GLOBAL) if self.subnet.reservations_global else None

    def lease_at(self, address: int) -> Lease6 | None:
        """The lease at an address, as this decision leaves it."""
        return self._changed[address] if address in self._changed else self.leases.by_address(address)

    def own(self, asked: Asked6) -> list[Lease6]:
        """The client's leases for an identity association in its network, whatever their state but registered ones."""
        query, iaid, kind = self.query, asked.iaid, asked.type
        below = self.leases.by_duid(query.duid)
        changed = self._changed
        if changed:
            below = [lease for lease in below if lease.address not in changed]
            below += [lease for lease in changed.values() if lease is not None and lease.duid == query.duid]
        found = [
            lease
            for lease in below
            if lease.iaid == iaid and lease.type == kind and lease.state != REGISTERED and self._here(lease)
        ]
        if len(found) > 1:
            found.sort(key=self._place)
        return found

    def _here(self, lease: Lease6) -> bool:
        assert self.query.subnet is not None, "leases are assigned in a subnet"
        if lease.subnet_id == self.query.subnet.id:
            return True
        where = self.query.network.by_id.get(lease.subnet_id)
        return where is not None and self.query.network.one_link(self.query.subnet, where)

    def _place(self, lease: Lease6) -> tuple[int, int]:
        network, siblings = self.query.network, self.query.siblings
        position = network.position(network.by_id[lease.subnet_id]) - network.position(siblings[0])
        return position % len(siblings), lease.address

    def is_reserved(self, lease: Lease6) -> bool:
        """Whether a lease is what the client has reserved."""
        if not self.found:
            return False
        everywhere = self.global_host()
        if everywhere is not None and everywhere.has(lease.address, lease.prefix_len):
            return True
        host = self.found.get(lease.subnet_id)
        return host is not None and host.has(lease.address, lease.prefix_len)

    def reserved_for_other(self, subnet: Subnet6, address: int, *, in_pool: bool) -> Host6 | None:
        """Who else has an address reserved; with reservations out of pool nobody asks for what is in one (Kea)."""
        if not subnet.reservations_in_subnet or (in_pool and subnet.reservations_out_of_pool):
            return None
        if not self.hosts.any_in(subnet.id):
            return None
        return Reserved6(self.hosts, subnet.id, self.found).by_whom(address)

    def pools_at(self, kind: LeaseType, address: int) -> Iterator[tuple[Subnet6, Pool6 | PdPool]]:
        """The pools of the client's network that hold an address, and are open to the client."""
        network, start = self.query.network, self.query.siblings[0]
        classes = self.classes
        if kind == IA_NA:
            for subnet in network.holding(address):
                pool = subnet.pool_at(address) if network.one_link(start, subnet) else None
                if pool is not None and network.open_to(subnet, classes) and allowed(pool.client_classes, classes):
                    yield subnet, pool
            return
        for subnet, pd_pool in network.delegating(address):
            if (
                network.one_link(start, subnet)
                and network.open_to(subnet, classes)
                and allowed(pd_pool.client_classes, classes)
            ):
                yield subnet, pd_pool

    def busy(self, subnet: Subnet6) -> Container[int]:
        """What is taken besides leases: for others, and in this decision."""
        reserved = subnet.reservations_in_subnet and not subnet.reservations_out_of_pool
        if not reserved or not self.hosts.any_in(subnet.id):
            return self._taken or self._changed
        return _Busy(self._taken, self._changed, Reserved6(self.hosts, subnet.id, self.found))

    def overlapped(self, address: int, prefix_len: int) -> bool:
        """Whether a prefix contains, or lies in, one that somebody holds or this decision gives."""
        first, last = span_of(address, prefix_len)
        for low, high in self.spans:
            if low <= last and first <= high:
                return True
        return any(not lease.expired(self.now) for lease in self.leases.overlapping(address, prefix_len))

    def chance(self) -> int:
        """What random orders are made from."""
        query = self.query
        if query.chance is None:
            query.chance = self.rng.getrandbits(CHANCE_BITS)
        return query.chance

    # what is decided

    def create(
        self, asked: Asked6, subnet: Subnet6, address: int, prefix_len: int, *, in_turn: bool = False
    ) -> Holding6 | None:
        """A new lease for the client, or None where a callout refuses it."""
        query = self.query
        preferred, valid = self._lifetimes(subnet, asked, address, prefix_len)
        pool = subnet.pool_at(address) if asked.type == IA_NA else subnet.pd_pool_at(address)
        lease = Lease6(
            address,
            query.duid,
            valid,
            self.now,
            subnet.id,
            preferred,
            asked.type.value,
            asked.iaid,
            prefix_len,
            self.name.forward,
            self.name.reverse,
            self._hostname(address, asked),
            query.hwaddr,
            DEFAULT,
            relay_info(query.packet) if subnet.store_extended_info else "",
            query.hwtype,
            query.hwaddr_source,
            pool.pool_id if pool is not None else 0,
        )
        if self.consult is not None:
            point = Lease6Select(query.packet, lease, self.offer, subnet, self.classes)
            if self.consult(point) in (NextStep.SKIP, NextStep.DROP):
                self.note(address, "refused", "a callout of lease6_select wants so")
                return None
            lease = point.lease
        self.subnet = subnet
        if in_turn:
            self.offered.append(address)
        self._record(lease, Event.ALLOC)
        return Holding6(lease, lease.preferred_lifetime, lease.valid_lifetime)

    def keep(self, asked: Asked6, lease: Lease6) -> Holding6:
        """The client's lease once more, in answer to SOLICIT and REQUEST: for as long as it was for (Kea)."""
        self.subnet = self.query.network.by_id[lease.subnet_id]
        preferred, valid = lease.preferred_lifetime, lease.valid_lifetime
        if not valid:  # it was released, and has none left
            preferred, valid = self._lifetimes(self.subnet, asked, lease.address, lease.prefix_len)
        fresh = lease._replace(
            valid_lifetime=valid,
            preferred_lifetime=preferred,
            cltt=self.now,
            fqdn_fwd=self.name.forward,
            fqdn_rev=self.name.reverse,
            hostname=self._hostname(lease.address, asked),
            state=DEFAULT,
        )
        # Kea: a prefix has no name in DNS, so that a new name is no reason to write it again.
        same = asked.type != IA_NA and _only_named_anew(lease, fresh)
        return self._renewed(lease, fresh, lease._replace(cltt=self.now) if same else fresh)

    def extend(self, asked: Asked6, lease: Lease6) -> Holding6 | None:
        """The client's lease for longer, in answer to RENEW and REBIND; None where it cannot have it any more."""
        query, network = self.query, self.query.network
        subnet = network.by_id[lease.subnet_id]
        outside = lease.type == IA_NA and lease.address not in subnet
        if (outside or not network.open_to(subnet, self.classes)) and not self.is_reserved_globally(lease):
            self.note(lease.address, "taken back", "its subnet does not hold it, or is not open to the client any more")
            return None
        self.subnet = subnet
        preferred, valid = self._lifetimes(subnet, asked, lease.address, lease.prefix_len, lease)
        pool = subnet.pool_at(lease.address) if lease.type == IA_NA else subnet.pd_pool_at(lease.address)
        fresh = lease._replace(
            valid_lifetime=valid,
            preferred_lifetime=preferred,
            cltt=self.now,
            fqdn_fwd=self.name.forward,
            fqdn_rev=self.name.reverse,
            hostname=self._hostname(lease.address, asked),
            hwaddr=query.hwaddr,
            hwtype=query.hwtype,
            hwaddr_source=query.hwaddr_source,
            state=DEFAULT,
            pool_id=pool.pool_id if pool is not None else lease.pool_id,
        )
        if subnet.store_extended_info and query.packet.relays:
            fresh = fresh._replace(user_context=relay_info(query.packet))
        if self.consult is not None:
            point = (Lease6Renew if query.type == RENEW else Lease6Rebind)(query.packet, fresh, asked, self.classes)
            if self.consult(point) is NextStep.SKIP:
                self.note(lease.address, "kept as it was", f"a callout of {point.kea_name} wants so")
                return Holding6(lease, lease.preferred_lifetime, lease.valid_lifetime)
            fresh = point.lease
        return self._renewed(lease, fresh, fresh)

    def remove(self, lease: Lease6) -> None:
        """The client loses a lease. An offer changes nothing."""
        if self.offer or self._changed.get(lease.address) is not None:
            return  # in its place this decision gives a prefix of another length
        self._before.setdefault(lease.address, lease)
        self._changed[lease.address] = None
        self.events.append(Event.RELEASE)

    def is_reserved_globally(self, lease: Lease6) -> bool:
        """Whether the client's global reservation has the lease."""
        host = self.global_host()
        return host is not None and host.has(lease.address, lease.prefix_len)

    def _renewed(self, lease: Lease6, fresh: Lease6, compared: Lease6) -> Holding6:
        over = lease.expired(self.now)
        if not over and not self.offer:
            cached = remaining_of_cached6(self.subnet, lease, compared, self.now)
            if cached is not None:
                self.note(lease.address, "repeated unchanged", "the lease is young enough")
                self.allocated.add((lease.address, lease.prefix_len))
                self.events.append(Event.REUSE)
                self._reused[lease.address] = fresh
                return Holding6(lease, *cached)
        self._record(fresh, Event.ALLOC if over or lease.state in GIVEN_BACK else Event.RENEW, lease)
        return Holding6(fresh, fresh.preferred_lifetime, fresh.valid_lifetime)

    def _record(self, lease: Lease6, event: Event, before: Lease6 | None = None) -> None:
        address = lease.address
        self.allocated.add((address, lease.prefix_len))
        if lease.type == IA_PD:
            self.spans.append(span_of(address, lease.prefix_len))
        if self.offer:
            self._taken.add(address)
            self.events.append(Event.OFFER)
            return
        if address not in self._before:
            self._before[address] = before if before is not None else self.leases.by_address(address)
        self._changed[address] = lease
        self.events.append(event)

    def _lifetimes(
        self, subnet: Subnet6, asked: Asked6, address: int, prefix_len: int, own: Lease6 | None = None
    ) -> tuple[int, int]:
        """Preferred and valid lifetime; `own` is the lease that is extended."""
        known = self.query.network.classes.by_name
        left = None
        if (
            asked.type == IA_PD
            and subnet.adaptive_lease_time_threshold is not None
            and few_left(self._taken_of, subnet, self.classes, address, prefix_len)
        ):
            going_on = own is not None and own.state == DEFAULT and own.cltt <= self.now and not own.expired(self.now)
            left = remaining6(own, self.now) if going_on and own is not None else (0, 0)
            self.note(address, "gets the shortest lifetimes", "few prefixes are left", subnet.where)
        return lifetimes6(subnet, self.classes, known, asked.hints[0] if asked.hints else None, left)

    def _taken_of(self, order: Sweep6, address: int) -> int | None:
        """How many of a range are held once the address is, as this decision leaves it."""
        count = self.leases.taken_of(order)
        if count is None:
            return None
        for each in {*self._changed, address}:
            if each in order:
                after = each == address or holds(self._changed[each])
                count += after - holds(self.leases.by_address(each))
        return count

    # names

    def _hostname(self, address: int, asked: Asked6) -> str:
        """The name that a lease keeps: one made of an address belongs to that address's lease alone (Kea).

        The address is the first association's: where that gets none, no name is made, and the client hears of none.
        """
        if not self.name.wanting or self.offer:
            return self.name.hostname
        first = next((each for each in self.query.asked if each.type == IA_NA), None)
        if asked is not first or self._named not in (0, address):
            return ""
        self._named = address
        return named_after(self.name, address, self._naming(address)).hostname

    def _naming(self, address: int) -> Naming:
        return naming_at(self.subnet, address) if address else self.subnet.naming

    def settle_name(self, first: int) -> Name6:
        """The client's name, once it is known where it is served and which its first address is (0: it has none).

        Where that says something else than the subnet it began in, the leases of this decision are renamed (Kea).
        """
        naming = self._naming(first)
        name = self.name
        if naming is not self.query.siblings[0].naming or self.host_subnet not in (None, self.query.subnet):
            name = choose_name6(self.query.packet, self.subnet, naming, self.host(), self.consult, self.classes)
        made = name.wanting
        if made and first and not self.offer:
            name = named_after(name, first, naming)
        if name != self.name and not self.offer:
            self._rename(name, first, made=made)
        return name

    def _rename(self, name: Name6, first: int, *, made: bool) -> None:
        """One `made` of an address belongs to that address's lease alone."""
        leases = [lease for lease in self._changed.values() if lease is not None]
        for lease in [*leases, *self._reused.values()]:
            hostname = name.hostname if not made or lease.address == first else ""
            renamed = lease._replace(hostname=hostname, fqdn_fwd=name.forward, fqdn_rev=name.reverse)
            if renamed != lease:
                self._before.setdefault(lease.address, self.leases.by_address(lease.address))
                self._changed[lease.address] = renamed

    def name_changes(self, answered: Iterable[Answered6], first: int) -> tuple[NameChange, ...]:
        """What DNS is to hear, once the name is settled; `first` as in `settle_name`."""
        naming = self._naming(first)
        if not naming.enabled or not self._changed:
            return ()
        return changes6(self._before, self._changed, answered, naming, self.query.network)

    # the outcome

    def unit(self) -> Unit6:
        """Which leases change."""
        return tuple(
            Change6(self._before[address], after)
            for address, after in self._changed.items()
            if self._before[address] != after
        )

    def note(self, subject: object, verdict: str, because: str, where: object = None) -> None:
        """One step of the decision, for whoever asks why."""
        trace = self.query.trace
        if trace:
            shown = IPv6Address(subject) if isinstance(subject, int) else subject
            trace.note("address", shown, verdict, because, where)


def _only_named_anew(lease: Lease6, fresh: Lease6) -> bool:
    """Whether nothing but the name and the time differs."""
    return fresh == lease._replace(
        cltt=fresh.cltt, hostname=fresh.hostname, fqdn_fwd=fresh.fqdn_fwd, fqdn_rev=fresh.fqdn_rev
    )


class _Busy:
    """Membership in what nobody may have now: this decision's addresses, and what is reserved for others."""

    __slots__ = ("changed", "reserved", "taken")

    def __init__(self, taken: set[int], changed: dict[int, Lease6 | None], reserved: Reserved6) -> None:
        self.taken, self.changed, self.reserved = taken, changed, reserved

    def __contains__(self, address: object) -> bool:
        return address in self.taken or address in self.changed or address in self.reserved
