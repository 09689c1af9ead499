"""A laboratory for DHCPv6 engines: network, store, virtual clock and clients in one value, no sockets.

`Lab6(network)` plays conversations (`Solicit`, `Request6`, `Renew6` ...) and `check()` holds every invariant dhcpkit
holds its own engine to. Use it for your allocator, your store or your configuration; see `networks6()` and
`conversations6()`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Address
from itertools import pairwise
from random import Random
from typing import Any, Final, Protocol

import attrs

from dhcpkit.alloc.answer6 import Outgoing6, answer6
from dhcpkit.alloc.engine6 import Decision6, Dropped, open6, plan6, reclaim6
from dhcpkit.alloc.lease import INFINITE, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network6 import Network6
from dhcpkit.alloc.points import Consult
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.alloc.view6 import LeaseView6, Overlay6, Unit6
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.identity6 import DelegatedPrefix, IdentityAssociation, LeasedAddress, StatusCode
from dhcpkit.wire.nested6 import Options6, Values6
from dhcpkit.wire.options6 import (
    CLIENT_ID,
    IA_NA,
    IA_PD,
    IAADDR,
    IAPREFIX,
    RAPID_COMMIT,
    SERVER_ID,
    STATUS_CODE,
)

__all__ = [
    "ALL_SERVERS",
    "Binding6",
    "Client6",
    "Confirm6",
    "Decline6",
    "Inform6",
    "Lab6",
    "LabStore6",
    "Rebind6",
    "Reclaim6",
    "Release6",
    "Renew6",
    "Request6",
    "Snatch6",
    "Solicit",
    "Step6",
    "Wait6",
    "bindings_of",
    "message6",
]

START: Final = 1_000_000_000  # the laboratory's clock begins here, in seconds
PLAN_AGAIN_MAX: Final = 5  # lost races before a client is left to retransmit, as in the server
ALL_SERVERS: Final = int(IPv6Address("ff02::1:2"))  # RFC 8415 7.1
ADDRESS_LEN: Final = 128


class LabStore6(Protocol):
    """What the laboratory needs of a store: a live view, and commits that take effect at once."""

    @property
    def view(self) -> LeaseView6:
        """The live index."""
        ...

    def append(self, units: Sequence[Unit6], /) -> Sequence[bool]:
        """Applies each unit or refuses it, in order."""
        ...


@attrs.frozen
class Client6:
    """A client: its DUID, the interface it sits behind, and the numbers of its identity associations."""

    duid: bytes
    addresses: tuple[int, ...] = (1,)
    prefixes: tuple[int, ...] = ()
    interface: str = "lab0"
    rapid: bool = False

    @property
    def source(self) -> int:
        """Its link-local address."""
        return int(IPv6Address("fe80::")) | int.from_bytes(self.duid[-6:], "big")


@attrs.frozen
class Binding6:
    """An address (length 128) or prefix with its identity association, and the lifetimes a message gives it."""

    type: LeaseType
    iaid: int
    address: int
    prefix_len: int = ADDRESS_LEN
    preferred: int = 0
    valid: int = 0

    @property
    def last(self) -> int:
        """The last address it covers."""
        return self.address | (1 << ADDRESS_LEN - self.prefix_len) - 1

    def __str__(self) -> str:
        return f"{IPv6Address(self.address)}/{self.prefix_len}"


@attrs.frozen
class Step6:
    """One thing that happens in a conversation."""


@attrs.frozen
class _ByClient(Step6):
    client: Client6


class Solicit(_ByClient):
    """The client looks for servers; what is offered is remembered for `Request6`."""


class Request6(_ByClient):
    """The client takes the offer it has, if any."""


@attrs.frozen
class Snatch6(_ByClient):
    """The client asks this server for what another client was offered or holds, if anything."""

    other: Client6


class Renew6(_ByClient):
    """The client asks its server to extend its leases, and for those it has none of."""


class Rebind6(_ByClient):
    """The client asks any server to extend its leases."""


class Confirm6(_ByClient):
    """The client asks whether it is still where its addresses are of."""


class Release6(_ByClient):
    """The client gives everything back."""


class Decline6(_ByClient):
    """The client found its addresses in use."""


class Inform6(_ByClient):
    """The client only asks for options."""


@attrs.frozen
class Wait6(Step6):
    """Time passes, in seconds."""

    seconds: int


@attrs.frozen
class Reclaim6(Step6):
    """The server's expiry timer fires: everything that is over is reclaimed, kept or removed."""

    hold: bool = False


@attrs.define
class _State:
    offered: list[Binding6] = attrs.field(factory=list)
    held: list[Binding6] = attrs.field(factory=list)


def message6(  # noqa: PLR0913  # a message's fields, by their names
    kind: MessageType6,
    client: Client6,
    bindings: Iterable[Binding6] = (),
    *,
    xid: int = 1,
    server_id: bytes | None = None,
    options: Values6 = (),
    empty: bool = True,
) -> bytes:
    """A client's message in bytes. With `empty` it names all its identity associations, those without binding too."""
    fields: list[tuple[Any, Any]] = [(CLIENT_ID.code, client.duid)]
    if server_id is not None:
        fields.append((SERVER_ID.code, server_id))
    named = list(bindings)
    for option, type_, iaids in (
        (IA_NA, LeaseType.IA_NA, client.addresses),
        (IA_PD, LeaseType.IA_PD, client.prefixes),
    ):
        for iaid in iaids:
            mine = [each for each in named if each.type == type_ and each.iaid == iaid]
            if mine or empty:
                fields.append((option, IdentityAssociation(iaid, options=Options6.of(map(_inside, mine)))))
    pairs: Iterable[tuple[Any, Any]] = options.items() if isinstance(options, Mapping) else options
    return bytes(Packet6(kind, [*fields, *pairs], xid=xid))


def _inside(binding: Binding6) -> tuple[Any, Any]:
    address = IPv6Address(binding.address)
    if binding.type == LeaseType.IA_NA:
        return IAADDR, LeasedAddress(address, binding.preferred, binding.valid)
    return IAPREFIX, DelegatedPrefix(binding.preferred, binding.valid, binding.prefix_len, address)


def bindings_of(packet: Packet6) -> Iterator[Binding6]:
    """Every address and prefix in a message's identity associations."""
    for ia in packet.all(IA_NA):
        for each in ia.options.all(IAADDR):
            yield Binding6(LeaseType.IA_NA, ia.iaid, int(each.address), ADDRESS_LEN, each.preferred, each.valid)
    for ia in packet.all(IA_PD):
        for prefix in ia.options.all(IAPREFIX):
            yield Binding6(LeaseType.IA_PD, ia.iaid, int(prefix.prefix), prefix.length, prefix.preferred, prefix.valid)


class Lab6:
    """Engine, store, virtual clock and clients. `take` plays a step, `check` holds the invariants.

    `store` is a plain one unless you bring your own.
    """

    def __init__(
        self, network: Network6, store: LabStore6 | None = None, *, consult: Consult | None = None, seed: int = 0
    ) -> None:
        self.network = network
        self.store: LabStore6 = store if store is not None else ReferenceStore6()
        self.consult = consult
        self.rng = Random(seed)
        self.now = START
        self.clients: dict[Client6, _State] = {}
        self.promised: dict[Binding6, tuple[Client6, float]] = {}  # who was told so, and until when
        self.counted: Counter[tuple[int, int, int]] = Counter()  # leases by subnet, type and state
        self.given: set[tuple[Client6, int]] = set()  # who was ever given what
        self.earlier: set[tuple[Client6, int]] = set()  # who was given what by a configuration before this one
        self.log: list[tuple[int, Step6, Decision6 | Dropped | None]] = []
        self._xid = 0
        self._changed: set[int] = set()  # where there was ever a lease

    def take(self, step: Step6) -> Outgoing6 | None:
        """Plays one step and returns what the server sent."""
        if isinstance(step, Wait6):
            self.now += step.seconds
        elif isinstance(step, Reclaim6):
            self._reclaim(hold=step.hold)
        elif isinstance(step, _ByClient):
            return self._talk(step)
        self.log.append((self.now, step, None))
        return None

    def send(
        self, data: bytes, arrival: Arrival6, trace: Trace | None = None
    ) -> tuple[Decision6 | Dropped | None, Outgoing6 | None]:
        """One datagram through the engine, its decision committed. Raises WireError for what is no DHCP message."""
        packet = Packet6.parse(data, arrival)
        query = open6(packet, self.network, self.consult, trace if trace is not None else NO_TRACE)
        if isinstance(query, Dropped):
            return query, None
        for _ in range(PLAN_AGAIN_MAX):
            overlay = Overlay6(self.store.view)
            decision = plan6(query, overlay, self.network.hosts, self.now, self.rng, self.consult)
            overlay.record(decision.unit, decision.offered)
            if not decision.unit or self._commit(decision.unit):
                return decision, answer6(decision)
        raise AssertionError("a store with one writer refused a unit that was planned on its own view")

    def reload(self, network: Network6) -> None:
        """Another configuration comes in force. Clients may keep what another one gave them."""
        self.earlier.update(self.given)
        self.network = network

    def check(self) -> None:
        """Every invariant: nobody was told what the store does not hold, and nobody holds what another was told."""
        alive = [(binding, *told) for binding, told in self.promised.items() if told[1] >= self.now]
        for binding, client, until in alive:
            lease = self.store.view.by_address(binding.address)
            where = f"{binding} promised to {client.duid.hex(':')} until {until - self.now:+} s"
            assert lease is not None, f"{where}, and the store has no lease"
            assert lease.state == LeaseState.DEFAULT, f"{where}, and its lease is in state {lease.state}"
            assert (lease.duid, lease.type, lease.iaid, lease.prefix_len) == (
                client.duid,
                binding.type,
                binding.iaid,
                binding.prefix_len,
            ), f"{where}, not {lease}"
            assert lease.valid_lifetime == INFINITE or lease.expire >= until, f"{where}, its lease ends {lease.expire}"
        ordered = sorted((binding.address, binding.last) for binding, _, _ in alive)
        for (_, last), (first, _) in pairwise(ordered):
            assert last < first, f"what begins at {IPv6Address(first)} lies in what ends at {IPv6Address(last)}"
        self._check_counts()

    def _check_counts(self) -> None:
        recount = Counter((lease.subnet_id, lease.type, lease.state) for lease in self._leases())
        assert recount == +self.counted, f"the store has {recount}, and what was decided adds up to {+self.counted}"

    def _commit(self, unit: Unit6) -> bool:
        assert len({change.address for change in unit}) == len(unit), "a unit changes each lease once"
        if not self.store.append([unit])[0]:
            return False
        for change in unit:
            self._changed.add(change.address)
            if change.before is not None:
                self.counted[_kind(change.before)] -= 1
            if change.after is not None:
                self.counted[_kind(change.after)] += 1
        return True

    def _talk(self, step: _ByClient) -> Outgoing6 | None:
        client = step.client
        state = self.clients.setdefault(client, _State())
        data = self._message(step, state)
        if data is None:
            self.log.append((self.now, step, None))
            return None
        arrival = Arrival6(client.interface, 1, client.source, 546, ALL_SERVERS, multicast=True)
        decision, outgoing = self.send(data, arrival)
        self.log.append((self.now, step, decision))
        assert not isinstance(decision, Dropped), f"{step} was dropped: {decision.because}"
        if outgoing is not None:
            self._heard(step, state, data, outgoing)
        return outgoing

    def _message(self, step: _ByClient, state: _State) -> bytes | None:
        """The datagram of a step; None where the client has nothing to say."""
        self._xid += 1
        client, xid = step.client, self._xid
        server = self.network.server_id.octets
        if isinstance(step, Solicit):
            options = {RAPID_COMMIT.code: b""} if client.rapid else {}
            return message6(MessageType6.SOLICIT, client, state.held, xid=xid, options=options)
        if isinstance(step, Inform6):
            return message6(MessageType6.INFORMATION_REQUEST, client, xid=xid, empty=False)
        if isinstance(step, Snatch6):
            theirs = self.clients.get(step.other, _State())
            wanted = theirs.held or theirs.offered
            return message6(MessageType6.REQUEST, client, wanted, xid=xid, server_id=server) if wanted else None
        if isinstance(step, Request6):
            if not state.offered:
                return None
            return message6(MessageType6.REQUEST, client, state.offered, xid=xid, server_id=server)
        if not state.held:
            return None
        if isinstance(step, Renew6):
            return message6(MessageType6.RENEW, client, state.held, xid=xid, server_id=server)
        if isinstance(step, Rebind6):
            return message6(MessageType6.REBIND, client, state.held, xid=xid)
        if isinstance(step, Confirm6):
            return message6(MessageType6.CONFIRM, client, state.held, xid=xid, empty=False)
        if isinstance(step, Release6):
            return message6(MessageType6.RELEASE, client, state.held, xid=xid, server_id=server, empty=False)
        bindings = [each for each in state.held if each.type == LeaseType.IA_NA]
        if not bindings:
            return None
        return message6(MessageType6.DECLINE, client, bindings, xid=xid, server_id=server, empty=False)

    def _heard(self, step: _ByClient, state: _State, sent: bytes, outgoing: Outgoing6) -> None:
        """What an answer means to a client, and to the laboratory's book of promises."""
        client = step.client
        reply = Packet6.parse(outgoing.data)
        self._well_formed(reply, client, sent)
        told = list(bindings_of(reply))
        alive = [each for each in told if each.valid]
        if reply.type == MessageType6.ADVERTISE:
            state.offered = alive
            for each in alive:
                self._may_have(each, client, "offered")
            return
        if isinstance(step, (Release6, Decline6)):
            self._given_up(step, state, reply)
            return
        if isinstance(step, (Confirm6, Inform6)):
            assert not told, "an answer about no lease has none"
            return
        answered = {(LeaseType.IA_NA, ia.iaid) for ia in reply.all(IA_NA)}
        answered |= {(LeaseType.IA_PD, ia.iaid) for ia in reply.all(IA_PD)}
        for each in list(state.held):  # a client uses what the answer says, and nothing else
            if (each.type, each.iaid) in answered:
                state.held.remove(each)
                self._forget(each, client)
        for each in alive:
            self._may_have(each, client, "given")
            self.given.add((client, each.address))
            until = float("inf") if each.valid == INFINITE else self.now + each.valid
            self.promised[attrs.evolve(each, preferred=0, valid=0)] = (client, until)
        state.held += [attrs.evolve(each, preferred=0, valid=0) for each in alive]
        state.offered = []

    def _given_up(self, step: _ByClient, state: _State, reply: Packet6) -> None:
        done = {
            (type_, ia.iaid)
            for option, type_ in ((IA_NA, LeaseType.IA_NA), (IA_PD, LeaseType.IA_PD))
            for ia in reply.all(option)
            if (status := ia.options.get(STATUS_CODE)) is not None and status.code == StatusCode.SUCCESS
        }
        for each in list(state.held):
            if (each.type, each.iaid) in done:
                state.held.remove(each)
                self._forget(each, step.client)

    def _forget(self, binding: Binding6, client: Client6) -> None:
        known = self.promised.get(binding)
        if known is not None and known[0] == client:
            del self.promised[binding]

    def _well_formed(self, reply: Packet6, client: Client6, sent: bytes) -> None:
        assert not reply.flaws, f"an answer without flaws, not {reply.flaws}"
        assert reply.xid == Packet6.parse(sent).xid, "an answer has its question's transaction id"
        assert reply.options.first[CLIENT_ID.code] == client.duid, "an answer names its client"
        assert reply.options.first[SERVER_ID.code] == self.network.server_id.octets, "an answer names the server"
        for ia in (*reply.all(IA_NA), *reply.all(IA_PD)):
            assert ia.t1 <= ia.t2, f"T1 {ia.t1} is no later than T2 {ia.t2}"  # RFC 8415 21.4
        for each in bindings_of(reply):
            assert each.preferred <= each.valid, f"{each} is preferred for longer than it is valid"  # RFC 8415 21.6
            start = each.address & -1 << ADDRESS_LEN - each.prefix_len
            assert each.address == start, f"{each} has bits behind the prefix"

    def _may_have(self, binding: Binding6, client: Client6, verb: str) -> None:
        """Nobody else holds it, or has it reserved; and it is of a pool, or reserved for this client."""
        for other, (holder, until) in self.promised.items():
            if until >= self.now and (holder != client or other.iaid != binding.iaid or other.type != binding.type):
                apart = other.last < binding.address or binding.last < other.address
                assert apart, f"{binding} {verb} to {client.duid.hex(':')}, {holder.duid.hex(':')} holds {other}"
        hosts = [host for host in self.network.hosts if host.has(binding.address, binding.prefix_len)]
        mine = [host for host in hosts if host.identifier == client.duid]
        if mine:
            return
        in_pool = False
        for subnet in self.network.subnets:
            if binding.type == LeaseType.IA_NA:
                holds = subnet.pool_at(binding.address) is not None
            else:
                pool = subnet.pd_pool_at(binding.address)
                holds = pool is not None and pool.delegated_len == binding.prefix_len
            if holds:
                in_pool = True
                theirs = [host for host in hosts if host.subnet_id == subnet.id]
                checked = subnet.reservations_in_subnet and not subnet.reservations_out_of_pool
                assert not theirs or not checked, f"{binding} {verb}, reserved for {theirs[0]}"
        assert in_pool or (client, binding.address) in self.earlier, f"{binding} {verb}, of no pool and not reserved"

    def _reclaim(self, *, hold: bool) -> None:
        for lease in list(self._leases()):
            kept = lease.state not in (LeaseState.EXPIRED_RECLAIMED, LeaseState.RELEASED)
            if kept and lease.expired(self.now):
                assert self._commit((reclaim6(lease, self.now, hold=hold),)), "it was there a moment ago"

    def _leases(self) -> Iterator[Lease6]:
        """Every lease there can be: at an address of a pool, or reserved, or where one was made."""
        store = self.store
        if isinstance(store, ReferenceStore6):
            yield from store.leases.values()
            return
        places = self._changed | {address for host in self.network.hosts for address in host.addresses}
        places |= {each.prefix for host in self.network.hosts for each in host.prefixes}
        for subnet in self.network.subnets:
            for sweep in [*(pool.sweep for pool in subnet.pools), *(pool.sweep for pool in subnet.pd_pools)]:
                places.update(sweep)
        for address in places:
            lease = store.view.by_address(address)
            if lease is not None:
                yield lease


def _kind(lease: Lease6) -> tuple[int, int, int]:
    return lease.subnet_id, lease.type, lease.state
