"""Messages, a transport and stores for tests of the loop: everything but sockets."""

from collections.abc import Sequence

from dhcpkit.alloc import Network, Pool4, Subnet4
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.loop import Batches
from dhcpkit.testing.reference_store import PartialView, ReferenceStore
from dhcpkit.wire.dhcp4 import Arrival, Packet4

SERVER = 0xC0000201
ARRIVAL = Arrival("eth0", 2, 0, 68, SERVER, broadcast=True, source_mac=b"\2\0\0\0\0\1")
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)


def network(pool="192.0.2.10 - 192.0.2.19", **kwargs):
    return Network([Subnet4("192.0.2.0/24", id=1, pools=[Pool4(pool)])], **kwargs)


def mac(client):
    return b"\2\0\0\0" + client.to_bytes(2, "big")


def message(kind, client, xid=1, *, ciaddr=0, options=()):
    """A datagram of client number `client`."""
    header = b"\1\1\6\0" + xid.to_bytes(4, "big") + bytes(4) + ciaddr.to_bytes(4, "big") + bytes(12)
    header += mac(client) + bytes(10 + 64 + 128) + b"\x63\x82\x53\x63"
    body = bytes((53, 1, kind))
    for code, payload in options:
        body += bytes((code, len(payload))) + payload
    return header + body + b"\xff"


def request(client, address, xid=1, *, server=SERVER):
    chosen = ((50, address.to_bytes(4, "big")), (54, server.to_bytes(4, "big")))
    return message(REQUEST, client, xid, options=chosen)


def renewal(client, address, xid=2):
    return message(REQUEST, client, xid, ciaddr=address)


class Wire:
    """A transport that keeps what is sent."""

    def __init__(self):
        self.own_addresses = frozenset((SERVER,))
        self.sent: list[Packet4] = []
        self.paused = 0
        self.broken = False

    def send(self, answers):
        if self.broken:
            return [(index, OSError(101, "Network is unreachable")) for index in range(len(answers))]
        self.sent += [Packet4.parse(outgoing.data, arrival) for outgoing, arrival in answers]
        return []

    def pause(self):
        self.paused += 1

    def resume(self):
        self.paused -= 1

    def answers(self):
        """What was sent since the last call, as (type, client number, address)."""
        sent, self.sent = self.sent, []
        return [(packet.type, int.from_bytes(packet.chaddr[4:6], "big"), packet.yiaddr) for packet in sent]


class Time:
    def __init__(self, now=1_700_000_000):
        self.seconds = now

    def now(self):
        return self.seconds


class SlowStore(MemoryStore):
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


class FullDisk(MemoryStore):
    """A local store that can be told to refuse writes, as it is appended to or when it is synced."""

    full = False

    def append(self, units):
        if self.full:
            raise StoreUnavailable("leases.csv", "no space left on device")
        return super().append(units)


class FailingSync(MemoryStore):
    """A local store that finds out at the sync that nothing was written, and takes it back."""

    failing = False

    def __init__(self, leases=()):
        self._undo = []
        super().__init__(leases)

    def append(self, units):
        kept, undo, _ = self._leases.apply(units)
        self._undo += undo
        return kept

    def when_synced(self, callback):
        undo, self._undo = self._undo, []
        if self.failing:
            self._leases.restore(undo)
            callback(StoreUnavailable("leases.csv", "input/output error"))
        else:
            callback(None)


class RemoteStore:
    """A store that waits, and shows only what was loaded. `meddle` may change leases just before a commit."""

    local = False

    def __init__(self, leases=(), meddle=None):
        self.reference = ReferenceStore(leases)
        self.meddle = meddle
        self.loads = self.commits = 0
        self.down = False

    async def load(self, keys, view=None):
        self._reach()
        self.loads += 1
        if view is None:
            return PartialView(self.reference, keys)
        view.load(keys)
        return view

    async def commit(self, units):
        self._reach()
        self.commits += 1
        if self.meddle is not None:
            self.meddle(self.reference, units)
        return self.reference.append(units)

    def _reach(self):
        if self.down:
            raise StoreUnavailable("database", "connection refused")

    async def pages(self, _where=None, _size=1000):
        yield list(self.reference.leases.values())


class Bench:
    """Batches with a wire, a clock and a store."""

    def __init__(self, store=None, net=None, family=FAMILY4, **kwargs):
        self.wire = Wire()
        self.time = Time()
        self.store = store if store is not None else MemoryStore()
        served = net if net is not None else network()
        self.batches = Batches(family, served, self.store, self.wire, clock=self.time, **kwargs)

    @property
    def statistics(self):
        return self.batches.statistics

    def take(self, *datagrams):
        """Serves datagrams as one batch; what is answered at once."""
        self.batches.take([(datagram, ARRIVAL) for datagram in datagrams])
        return self.wire.answers()

    def lease(self, client, xid=1):
        """Takes a client through discover and request; its address."""
        [(kind, _, address)] = self.take(message(DISCOVER, client, xid))
        assert kind == OFFER
        [(kind, _, given)] = self.take(request(client, address, xid))
        assert (kind, given) == (ACK, address)
        return address


def leases_of(store) -> Sequence:
    """Everything a store in memory holds."""
    if isinstance(store, RemoteStore):
        return list(store.reference.leases.values())
    view = store.view
    return [view.by_address(address) for address in sorted(view.rows)]
