"""A laboratory for engines: network, store, virtual clock and clients in one value, no sockets.

`Lab4(network)` plays conversations (`Discover`, `Request`, `Renew` ...) and `check()` holds every invariant dhcpkit
holds its own engine to. Use it for your allocator, your store or your configuration; see `networks()` and
`conversations()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from random import Random
from typing import Final, Protocol

import attrs

from dhcpkit.alloc.answer import Outgoing4, answer4
from dhcpkit.alloc.engine4 import Decision4, Dropped, open4, plan4, reclaim4
from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.alloc.view import LeaseView4, Overlay4, Unit
from dhcpkit.backends import MemoryStore
from dhcpkit.hooks import Exchange, Hooks
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4

__all__ = [
    "Client",
    "Decline",
    "Discover",
    "Inform",
    "Lab4",
    "LabStore",
    "Rebind",
    "Reboot",
    "Reclaim",
    "Release",
    "Renew",
    "Request",
    "Snatch",
    "Step",
    "Wait",
    "message4",
]

START: Final = 1_000_000_000  # the laboratory's clock begins here, in seconds
PLAN_AGAIN_MAX: Final = 5  # lost races before a client is left to retransmit, as in the server


class LabStore(Protocol):
    """What the laboratory needs of a store: a live view, and commits that take effect at once."""

    @property
    def view(self) -> LeaseView4:
        """The live index."""
        ...

    def append(self, units: Sequence[Unit], /) -> Sequence[bool]:
        """Applies each unit or refuses it, in order."""
        ...


@attrs.frozen
class Client:
    """A client: hardware address and client identifier (empty for none), and the interface it sits behind."""

    hwaddr: bytes
    client_id: bytes = b""
    interface: str = "lab0"
    local: int = 0


@attrs.frozen
class Step:
    """One thing that happens in a conversation."""


@attrs.frozen
class _ByClient(Step):
    client: Client


class Discover(_ByClient):
    """The client looks for servers; an offer is remembered for `Request`."""


class Request(_ByClient):
    """The client takes the offer it has, if any (SELECTING)."""


@attrs.frozen
class Snatch(_ByClient):
    """The client asks this server for what another client was offered or holds, if anything."""

    other: Client


class Renew(_ByClient):
    """The client asks its server to extend its lease (RENEWING)."""


class Rebind(_ByClient):
    """The client asks any server to extend its lease (REBINDING)."""


class Reboot(_ByClient):
    """The client remembers an address and asks whether it may go on (INIT-REBOOT)."""


class Release(_ByClient):
    """The client gives its lease back."""


class Decline(_ByClient):
    """The client found its address in use."""


class Inform(_ByClient):
    """The client only asks for options."""


@attrs.frozen
class Wait(Step):
    """Time passes, in seconds."""

    seconds: int


@attrs.frozen
class Reclaim(Step):
    """The server's expiry timer fires: everything that is over is reclaimed, kept or removed."""

    hold: bool = False


@attrs.define
class _State:
    offered: tuple[int, int] | None = None  # address, server identifier
    address: int = 0
    server: int = 0


def message4(  # noqa: PLR0913  # a message's fields, by their names
    kind: MessageType,
    client: Client,
    *,
    xid: int = 1,
    ciaddr: int = 0,
    broadcast: bool = False,
    options: dict[int, bytes] | None = None,
) -> bytes:
    """A client's message in bytes."""
    fields = {61: client.client_id} if client.client_id else {}
    return build_packet4(
        kind, fields | (options or {}), xid=xid, chaddr=client.hwaddr, ciaddr=ciaddr, broadcast=broadcast
    )


class Lab4:
    """Engine, store, virtual clock and clients. `take` plays a step, `check` holds the invariants.

    `store` is a MemoryStore unless you bring your own.
    """

    def __init__(
        self, network: Network, store: LabStore | None = None, *, hooks: Hooks | None = None, seed: int = 0
    ) -> None:
        self.network = network
        self.store: LabStore = store if store is not None else MemoryStore()
        self.hooks = hooks
        self.rng = Random(seed)
        self.now = START
        self.clients: dict[Client, _State] = {}
        self.promised: dict[int, tuple[Client, float]] = {}  # address -> who was told so, and until when
        self.log: list[tuple[int, Step, Decision4 | Dropped | None]] = []
        self._xid = 0

    def take(self, step: Step) -> Outgoing4 | None:
        """Plays one step and returns what the server sent."""
        if isinstance(step, Wait):
            self.now += step.seconds
        elif isinstance(step, Reclaim):
            self._reclaim(hold=step.hold)
        elif isinstance(step, _ByClient):
            return self._talk(step)
        self.log.append((self.now, step, None))
        return None

    def send(
        self, data: bytes, arrival: Arrival, trace: Trace | None = None
    ) -> tuple[Decision4 | Dropped | None, Outgoing4 | None]:
        """One datagram through the engine, its decision committed. Raises WireError for what is no DHCP message."""
        consult = Exchange(self.hooks) if self.hooks else None
        query = open4(Packet4.parse(data, arrival), self.network, consult, trace if trace is not None else NO_TRACE)
        if isinstance(query, Dropped):
            return query, None
        for _ in range(PLAN_AGAIN_MAX):
            overlay = Overlay4(self.store.view)
            decision = plan4(query, overlay, self.network.hosts, self.now, self.rng, consult)
            overlay.record(decision.unit, decision.offered)
            if not decision.unit or self.store.append([decision.unit])[0]:
                return decision, answer4(decision)
        raise AssertionError("a store with one writer refused a unit that was planned on its own view")

    def check(self) -> None:
        """Every invariant: nobody was told what the store does not hold, and nobody holds what another was told."""
        for address, (client, until) in self.promised.items():
            if until < self.now:
                continue
            lease = self.store.view.by_address(address)
            where = f"{IPv4Address(address)} promised to {client.hwaddr.hex(':')} until {until - self.now:+} s"
            assert lease is not None, f"{where}, and the store has no lease"
            assert lease.state == LeaseState.DEFAULT, f"{where}, and its lease is in state {lease.state}"
            assert lease.hwaddr == client.hwaddr or lease.client_id == client.client_id != b"", f"{where}, not {lease}"
            assert lease.valid_lifetime == INFINITE or lease.expire >= until, (
                f"{where}, and its lease ends {lease.expire}"
            )

    def _talk(self, step: _ByClient) -> Outgoing4 | None:
        client = step.client
        state = self.clients.setdefault(client, _State())
        made = self._message(step, state)
        if made is None:
            self.log.append((self.now, step, None))
            return None
        data, broadcast = made
        source = 0 if broadcast else state.address
        arrival = Arrival(client.interface, 1, source, 68, client.local or self._local(), broadcast, client.hwaddr)
        before = self.store.view.by_address(state.address)
        decision, outgoing = self.send(data, arrival)
        self.log.append((self.now, step, decision))
        self._heard(step, state, outgoing)
        if isinstance(step, (Release, Decline)) and self.store.view.by_address(state.address) != before:
            self.promised.pop(state.address, None)
            state.address = 0
        return outgoing

    def _local(self) -> int:
        return self.network.subnets[0].first + 1 if self.network.subnets else 0

    def _message(self, step: _ByClient, state: _State) -> tuple[bytes, bool] | None:
        """The datagram of a step and whether it is broadcast; None where the client has nothing to say."""
        self._xid += 1
        client, xid = step.client, self._xid
        four = (state.address or 0).to_bytes(4, "big")
        if isinstance(step, Discover):
            return message4(MessageType.DISCOVER, client, xid=xid), True
        if isinstance(step, Request):
            if state.offered is None:
                return None
            address, server = state.offered
            asked = {50: address.to_bytes(4, "big"), 54: server.to_bytes(4, "big")}
            return message4(MessageType.REQUEST, client, xid=xid, options=asked), True
        if isinstance(step, Snatch):
            theirs = self.clients.get(step.other, _State())
            wanted = theirs.address or (theirs.offered[0] if theirs.offered else 0)
            asked = {50: wanted.to_bytes(4, "big"), 54: (client.local or self._local()).to_bytes(4, "big")}
            return (message4(MessageType.REQUEST, client, xid=xid, options=asked), True) if wanted else None
        if not state.address:
            return None
        if isinstance(step, Inform):
            return message4(MessageType.INFORM, client, xid=xid, ciaddr=state.address), False
        if isinstance(step, (Renew, Rebind)):
            return message4(MessageType.REQUEST, client, xid=xid, ciaddr=state.address), isinstance(step, Rebind)
        if isinstance(step, Reboot):
            return message4(MessageType.REQUEST, client, xid=xid, options={50: four}), True
        named = {54: state.server.to_bytes(4, "big")}
        if isinstance(step, Release):
            return message4(MessageType.RELEASE, client, xid=xid, ciaddr=state.address, options=named), False
        return message4(MessageType.DECLINE, client, xid=xid, options={50: four, **named}), True

    def _heard(self, step: _ByClient, state: _State, outgoing: Outgoing4 | None) -> None:
        """What an answer means to a client, and to the laboratory's book of promises."""
        if outgoing is None:
            return
        reply = Packet4.parse(outgoing.data)
        server = int.from_bytes(reply.options[54], "big")
        if reply.type == MessageType.OFFER:
            state.offered = (reply.yiaddr, server)
            self._not_anothers(reply.yiaddr, step.client, "offered")
        elif reply.type == MessageType.NAK:
            holder, _ = self.promised.get(state.address, (None, 0))
            mine = (step.client, attrs.evolve(step.client, client_id=b""))
            if holder in mine and isinstance(step, (Renew, Rebind, Reboot)):
                self.promised.pop(state.address)
            state.offered, state.address = None, 0
        elif reply.type == MessageType.ACK and reply.yiaddr:
            self._not_anothers(reply.yiaddr, step.client, "acknowledged")
            lifetime = int.from_bytes(reply.options[51], "big")
            for address, (holder, _) in list(self.promised.items()):
                if self._same(address, holder, step.client):
                    del self.promised[address]  # a client uses one address: taking another gives the first up
            until = float("inf") if lifetime == INFINITE else self.now + lifetime
            self.promised[reply.yiaddr] = (self._known(step.client, reply.yiaddr), until)
            state.address, state.server, state.offered = reply.yiaddr, server, None

    def _not_anothers(self, address: int, client: Client, verb: str) -> None:
        holder, until = self.promised.get(address, (client, 0))
        assert self._same(address, holder, client) or until < self.now, (
            f"{IPv4Address(address)} {verb} to {client.hwaddr.hex(':')} while {holder.hwaddr.hex(':')} "
            f"holds it for {until - self.now} s"
        )

    def _same(self, address: int, one: Client, other: Client) -> bool:
        """Whether the server must take both for one client where this address is (Kea: `match-client-id`)."""
        subnets = self.network.holding(address)
        if subnets and subnets[0].match_client_id and one.client_id and other.client_id:
            return one.client_id == other.client_id
        return one.hwaddr == other.hwaddr

    def _known(self, client: Client, address: int) -> Client:
        """A client as the server knows it where this address is: without identifier where none is asked for (Kea)."""
        subnets = self.network.holding(address)
        kept = bool(subnets) and subnets[0].match_client_id
        return client if kept else attrs.evolve(client, client_id=b"")

    def _reclaim(self, *, hold: bool) -> None:
        over = [
            lease for lease in self._leases() if lease.state < LeaseState.EXPIRED_RECLAIMED and lease.expired(self.now)
        ]
        self.store.append([(reclaim4(lease, self.now, hold=hold),) for lease in over])

    def _leases(self) -> list[Lease4]:
        found = []
        for subnet in self.network.subnets:
            for address in range(subnet.first, subnet.last + 1):
                lease = self.store.view.by_address(address)
                if lease is not None:
                    found.append(lease)
        return found
