"""Messages, a transport and stores for tests of the loop with DHCPv6: everything but sockets."""

import importlib.util
from ipaddress import IPv6Address
from pathlib import Path

from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, Subnet6
from dhcpkit.backends import MemoryStore6
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.loop import Batches
from dhcpkit.testing.machine6 import ALL_SERVERS, Binding6, Client6, bindings_of, message6
from dhcpkit.testing.reference_store6 import PartialView6, ReferenceStore6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid

_spec = importlib.util.spec_from_file_location("server_exchanges", Path(__file__).parent / "exchanges.py")
x4 = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x4)
Time = x4.Time
NA, PD = LeaseType.IA_NA, LeaseType.IA_PD
SERVER_ID = Duid.of_link_layer(b"\2\0\0\0\0\1")
FIRST = int(IPv6Address("2001:db8::10"))
PREFIX = int(IPv6Address("2001:db8:8000::"))
LINK_LOCAL = int(IPv6Address("fe80::1"))
SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = (
    MessageType6.SOLICIT,
    MessageType6.ADVERTISE,
    MessageType6.REQUEST,
    MessageType6.CONFIRM,
    MessageType6.RENEW,
    MessageType6.REBIND,
    MessageType6.REPLY,
    MessageType6.RELEASE,
    MessageType6.DECLINE,
)
INFORM, REGISTER = MessageType6.INFORMATION_REQUEST, MessageType6.ADDR_REG_INFORM


def network(pool="2001:db8::10 - 2001:db8::19", **kwargs):
    subnet = Subnet6(
        "2001:db8::/64",
        id=1,
        pools=[Pool6.of(pool)],
        pd_pools=[PdPool("2001:db8:8000::/52", 56, pool_id=3)],
        interface="eth0",
    )
    return Network6([subnet], server_id=SERVER_ID, **kwargs)


def arrival(client=0):
    return Arrival6("eth0", 2, LINK_LOCAL + client, 546, ALL_SERVERS, multicast=True)


def client(number, *, prefixes=()):
    return Client6(SERVER_ID.octets[:4] + b"\2\0\0\0" + number.to_bytes(2, "big"), prefixes=prefixes)


def number_of(packet):
    return int.from_bytes(packet.options.first[1][-2:], "big")


def message(kind, number, bindings=(), xid=1, *, prefixes=(), **kwargs):
    """A datagram of client number `number`, with the server's identifier where it belongs."""
    server = SERVER_ID.octets if kind in (REQUEST, RENEW, RELEASE, DECLINE) else None
    kwargs.setdefault("server_id", server)
    return message6(kind, client(number, prefixes=prefixes), bindings, xid=xid, **kwargs)


def address(value, iaid=1):
    return Binding6(NA, iaid, value)


class Wire:
    """A transport that keeps what is sent."""

    own_addresses = frozenset()

    def __init__(self):
        self.sent: list[Packet6] = []
        self.paused = 0

    def send(self, answers):
        self.sent += [Packet6.parse(outgoing.data, came) for outgoing, came in answers]
        return []

    def pause(self):
        self.paused += 1

    def resume(self):
        self.paused -= 1

    def answers(self):
        """What was sent since the last call, as (type, client number, addresses and prefixes)."""
        sent, self.sent = self.sent, []
        return [
            (packet.type, number_of(packet), [each.address for each in bindings_of(packet) if each.valid])
            for packet in sent
        ]


class SlowStore(MemoryStore6):
    """A local store whose syncs end when the test says so."""

    def __init__(self, leases=()):
        self.waiting = []
        super().__init__(leases)

    def when_synced(self, callback):
        self.waiting.append(callback)

    def sync(self):
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback(None)


class FullDisk(MemoryStore6):
    """A local store that can be told to refuse writes."""

    full = False

    def append(self, units):
        if self.full:
            raise StoreUnavailable("leases.csv", "no space left on device")
        return super().append(units)


class RemoteStore:
    """A store that waits, and shows only what was loaded."""

    local = False

    def __init__(self, leases=()):
        self.reference = ReferenceStore6(leases)
        self.down = False

    async def load(self, keys, view=None):
        if self.down:
            raise StoreUnavailable("database", "connection refused")
        if view is None:
            return PartialView6(self.reference, keys)
        view.load(keys)
        return view

    async def commit(self, units):
        return self.reference.append(units)


class Bench:
    """Batches with a wire, a clock and a store."""

    def __init__(self, store=None, net=None, family=FAMILY6, **kwargs):
        self.wire, self.time = Wire(), Time()
        self.store = store if store is not None else MemoryStore6()
        served = net if net is not None else network()
        self.batches = Batches(family, served, self.store, self.wire, clock=self.time, **kwargs)

    @property
    def statistics(self):
        return self.batches.statistics

    def take(self, *datagrams):
        """Serves datagrams as one batch; what is answered at once."""
        self.batches.take([(datagram, arrival(index)) for index, datagram in enumerate(datagrams)])
        return self.wire.answers()

    def lease(self, number, *, prefixes=()):
        """Takes a client through solicit and request; what it has then."""
        self.take_one(message(SOLICIT, number, prefixes=prefixes))
        [advertise] = self.seen
        self.take_one(message(REQUEST, number, list(bindings_of(advertise)), prefixes=prefixes))
        [reply] = self.seen
        assert (advertise.type, reply.type) == (ADVERTISE, REPLY)
        return list(bindings_of(reply))

    def take_one(self, datagram):
        self.batches.take([(datagram, arrival())])
        self.seen, self.wire.sent = self.wire.sent, []


def leases_of(store):
    """Everything a store in memory holds."""
    if isinstance(store, RemoteStore):
        return list(store.reference.leases.values())
    return [store.view.by_address(at) for at in sorted(store.view.rows)]
