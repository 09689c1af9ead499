"""A server in a laboratory with the hook libraries of a configuration, and recordings of Kea 3.0.4 to play."""

import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import attrs

from dhcpkit.backends import MemoryStore, MemoryStore6
from dhcpkit.config.load import parse4, parse6
from dhcpkit.hooks import NextStep, points
from dhcpkit.hooks.commands import Commands
from dhcpkit.hooks.library import callouts_of
from dhcpkit.hooks.loading import choose
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.testing.served import Served
from dhcpkit.wire.dhcp4 import Arrival
from dhcpkit.wire.dhcp6 import Arrival6
from dhcpkit.wire.duid import Duid

VECTORS = Path(__file__).parents[1] / "vectors" / "hooks-packets-30.jsonl"
RECORDED = {line["name"]: line for line in map(json.loads, VECTORS.read_text().splitlines())}
SERVER4, CLIENT4 = int(IPv4Address("10.53.0.1")), int(IPv4Address("10.53.0.9"))
CLIENT6 = int(IPv6Address("fe80::9"))


@attrs.frozen
class Family:
    """Of which family a configuration is that is only read."""

    family: int


class RefusedByLibrary(Exception):
    """A library would not have a configuration."""


class Hooked:
    """Serves a configuration (`{"Dhcp4": ...}`) with its libraries; it is what they operate on, too."""

    def __init__(self, config, store=None, server=SERVER4):
        self.family = 4 if "Dhcp4" in config else 6
        four = self.family == 4
        self.now_s = 1_795_339_900
        self.server = server
        self.loaded = self.parse(config)
        self.chosen = choose(self.loaded)
        assert not self.chosen.problems, self.chosen.problems
        store = store or (MemoryStore() if four else MemoryStore6())
        self.served = Served(FAMILY4 if four else FAMILY6, self.loaded.network, store, self.now)
        self.hooks, self.commands = self.served.server.hooks, Commands(f"dhcp{self.family}")
        self.libraries = []
        try:
            for choice in self.chosen.choices:
                library = choice.library(self, choice.parameters)
                self.run(library.load())
                self.hooks.add(library, callouts_of(library))
                self.commands.add(library)
                self.libraries.append(library)
            self.settle()
        except BaseException:
            self.served.close()
            raise

    def settle(self):
        """A configuration comes into force: libraries may refuse it, and then hear of it."""
        kind = points.Dhcp4SrvConfigured if self.family == 4 else points.Dhcp6SrvConfigured
        point = kind(self.loaded.doc, self.loaded.network, {})
        step = self.run(self.hooks.wait(point, decides=True))
        if step is NextStep.DROP or point.error:
            raise RefusedByLibrary(point.error)
        for library in self.libraries:
            self.run(library.configured())

    def parse(self, config):
        text = json.dumps(config)
        if self.family == 4:
            return parse4(text)
        told = config["Dhcp6"].get("server-id", {})
        return parse6(text, server_id=Duid(b"\0\3\0\1" + bytes.fromhex(told.get("identifier", "020000000001"))))

    def reload(self, config):
        self.loaded = self.parse(config)
        self.served.reload(self.loaded.network)
        self.settle()

    def close(self):
        for library in reversed(self.libraries):
            self.run(library.unload())
        self.served.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, work):
        return self.served._run(work)

    # As Operated.

    def now(self):
        return self.now_s

    @property
    def doc(self):
        return self.loaded.doc

    @property
    def network(self):
        return self.loaded.network

    @property
    def store(self):
        return self.served.server.store

    @property
    def statistics(self):
        return self.served.statistics

    async def commit(self, units):
        return await self.served.server.commit(units)

    # What tests do.

    def arrival(self, data):
        if self.family == 6:
            return Arrival6("eth0", 2, CLIENT6, 546, 0, multicast=True)
        relayed = any(data[24:28])
        source = CLIENT4 if relayed else 0
        return Arrival("eth0", 2, source, 67 if relayed else 68, self.server, broadcast=not relayed)

    def take(self, *datagrams):
        """The payloads of the answers to datagrams that came together."""
        return [sent.data for sent in self.served.take([(each, self.arrival(each)) for each in datagrams])]

    def ask(self, command, arguments=None):
        return self.run(self.commands.run(command, arguments)).as_json()

    def counted(self, name):
        return self.statistics.value(name)


def play(name):
    """A recording through a server of ours: the server, and for each step what Kea answered and what we answer."""
    recorded = RECORDED[name]
    hooked = Hooked(recorded["config"], server=int(IPv4Address(recorded.get("server", "10.53.0.1"))))
    exchanged = []
    for step in recorded["trace"]:
        answers = hooked.take(bytes.fromhex(step["sent"]))
        exchanged.append((step["step"], step["replies"], [answer.hex() for answer in answers]))
    return hooked, exchanged


def leases(hooked):
    """The leases as rows for comparing: address, who has it, and for how long."""

    async def rows():
        return [lease async for page in hooked.store.pages() for lease in page]

    return hooked.run(rows())
