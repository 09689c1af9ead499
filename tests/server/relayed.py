"""Clients behind relays that tell of ports, for tests of both families: one bench with one way to ask it."""

import importlib.util
from ipaddress import IPv4Address
from pathlib import Path

import attrs

from dhcpkit.alloc.guards import Protection
from dhcpkit.alloc.network import Network, Pool4, Subnet4
from dhcpkit.alloc.network6 import Network6, Pool6, Subnet6
from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import Arrival6, Packet6, Relay6
from dhcpkit.wire.options6 import INTERFACE_ID


def load(name):
    spec = importlib.util.spec_from_file_location(f"server_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


x4, x6 = load("exchanges"), load("exchanges6")

GIADDR, LINK = 0x0A000001, int.from_bytes(bytes.fromhex("20010db8000000000000000000000001"), "big")
MANY = 4096  # addresses of the pool


def sub(code, value):
    return bytes((code, len(value))) + value


@attrs.define
class World4:
    """DHCPv4 clients on ports of relay agents. A port is a text, a relay a number; port "" tells of none."""

    bench: object
    number = 4
    offer, ack = x4.OFFER, x4.ACK

    @classmethod
    def made(cls, store=None, size=MANY, hooks=None, more=(), **limits):
        pool = Pool4(f"10.0.16.0 - {IPv4Address(0x0A001000 + size - 1)}")
        subnet = Subnet4("10.0.0.0/16", id=7, pools=[pool], interface="eth0")
        net = Network([subnet, *more], protection=Protection(**limits))
        return cls(x4.Bench(store, net, hooks=hooks))

    def datagram(self, kind, client, port="", relay=0, *, address=0, xid=1, identity=b"", remote=b"sw"):
        """What a client's message looks like when its relay has sent it on; relay 0 is none."""
        code = {"discover": 1, "request": 3, "renew": 3, "release": 7, "decline": 4}[kind]
        options = [(61, identity)] if identity else []
        if kind in ("request", "decline"):
            options += [(50, address.to_bytes(4, "big"))]
        if kind in ("request", "release", "decline"):
            options += [(54, x4.SERVER.to_bytes(4, "big"))]
        ciaddr = address if kind in ("renew", "release") else 0
        if port:
            options.append((82, sub(1, port.encode()) + (sub(2, remote) if remote else b"")))
        data = bytearray(x4.message(code, client, xid, ciaddr=ciaddr, options=options))
        if relay:
            data[3], data[24:28] = 1, (GIADDR + relay).to_bytes(4, "big")
        return bytes(data)

    def arrival(self, relay, address=0):
        source = GIADDR + relay if relay else address
        return Arrival("eth0", 2, source, 67 if relay else 68, x4.SERVER, broadcast=not source)

    def ask(self, *datagrams, relay=1):
        """The answers to one batch, as (type, address)."""
        self.bench.batches.take([(data, self.arrival(relay)) for data in datagrams])
        return [(kind, address) for kind, _, address in self.bench.wire.answers()]

    def get(self, client, port="", relay=1, *, xid=1, **kwargs):
        """An address by discover and request; None where the client is not served."""
        offers = self.ask(self.datagram("discover", client, port, relay, xid=xid, **kwargs), relay=relay)
        if not offers:
            return None
        request = self.datagram("request", client, port, relay, address=offers[0][1], xid=xid + 1, **kwargs)
        return next((address for kind, address in self.ask(request, relay=relay) if kind == self.ack), None)

    def leases(self):
        return x4.leases_of(self.bench.store)

    def value(self, name):
        return self.bench.statistics.value(name.replace("#", "4"))


@attrs.define
class World6:
    """The same of DHCPv6."""

    bench: object
    number = 6
    offer, ack = x6.ADVERTISE, x6.REPLY

    @classmethod
    def made(cls, store=None, size=MANY, hooks=None, more=(), **limits):
        first = LINK - 1 + 0x1000
        subnet = Subnet6("2001:db8::/64", id=7, pools=[Pool6(first, first + size - 1)], interface="eth0")
        net = Network6([subnet, *more], server_id=x6.SERVER_ID, protection=Protection(**limits))
        return cls(x6.Bench(store, net, hooks=hooks))

    def datagram(self, kind, client, port="", relay=0, *, address=0, xid=1, identity=b"", remote=b"sw"):
        code = {
            "discover": x6.SOLICIT,
            "request": x6.REQUEST,
            "renew": x6.RENEW,
            "release": x6.RELEASE,
            "decline": x6.DECLINE,
        }[kind]
        named = int.from_bytes(identity, "big") if identity else client
        data = x6.message(code, named, [x6.address(address)] if address else [], xid=xid)
        if not relay:
            return data
        options = [(INTERFACE_ID, port.encode())] if port else []
        options += [(37, b"\0\0\0\1" + remote)] if remote and port else []
        around = Relay6(12, 0, LINK, x6.LINK_LOCAL + client, options)
        return bytes(attrs_of(Packet6.parse(data), around))

    def arrival(self, relay, _address=0):
        if not relay:
            return x6.arrival()
        return Arrival6("eth0", 2, LINK + relay, 547, LINK + 99)

    def ask(self, *datagrams, relay=1):
        self.bench.batches.take([(data, self.arrival(relay)) for data in datagrams])
        return [(kind, (held or [0])[0]) for kind, _, held in self.bench.wire.answers()]

    get = World4.get

    def leases(self):
        return x6.leases_of(self.bench.store)

    def value(self, name):
        return self.bench.statistics.value(name.replace("#", "6"))


def attrs_of(packet, *relays):
    """The packet with relays around it."""
    return Packet6(packet.type, list(packet.options.items()), xid=packet.xid, relays=relays)


WORLDS = {4: World4, 6: World6}
