"""What the engine costs, in one process and without sockets: nanoseconds for open4, plan4, answer4, by kind of message.

bench/engine.py [NAME=VALUE...]: subnets=1, clients=10000. Every client plays each kind of message once a round.
"""

from __future__ import annotations

import sys
import time
from ipaddress import IPv4Address
from random import Random
from statistics import median

from dhcpkit.alloc import Network, Overlay4, Pool4, Subnet4
from dhcpkit.alloc.answer import answer4
from dhcpkit.alloc.engine4 import Dropped, open4, plan4
from dhcpkit.backends import MemoryStore
from dhcpkit.testing.machine import Client, message4
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4
from dhcpkit.wire.options4 import DOMAIN_NAME, DOMAIN_NAME_SERVERS, ROUTERS

SERVER = int(IPv4Address("10.0.0.1"))
ASKED = {55: bytes((1, 3, 6, 12, 15, 28, 42, 51, 54, 58, 59))}
ROUNDS = 5


def network(subnets: int) -> Network:
    made = []
    for index in range(subnets):
        base = int(IPv4Address("10.0.0.0" if index == subnets // 2 else "100.64.0.0"))
        prefix = f"{IPv4Address(base)}/8" if index == subnets // 2 else f"{IPv4Address(base + index * 1024)}/22"
        first = base + (1 << 16) if index == subnets // 2 else base + index * 1024 + 10
        last = first + ((1 << 20) if index == subnets // 2 else 900)
        subnet = Subnet4(prefix, id=index + 1, pools=[Pool4(f"{IPv4Address(first)} - {IPv4Address(last)}")])
        subnet = subnet.with_option(ROUTERS, "10.0.0.1").with_option(DOMAIN_NAME_SERVERS, "10.0.0.1, 10.0.0.2")
        made.append(subnet.with_option(DOMAIN_NAME, "example.org"))
    return Network(made)


class Rounds:
    """Plays one kind of message for every client and keeps the time of each step."""

    def __init__(self, subnets: int, clients: int) -> None:
        self.network = network(subnets)
        self.store = MemoryStore()
        self.rng = Random(1)
        self.clients = [Client(b"\2\0" + number.to_bytes(4, "big")) for number in range(clients)]
        self.offers: dict[Client, tuple[int, bytes]] = {}
        self.now = 1_000_000_000

    def play(self, name: str, messages: list[bytes], arrival: Arrival) -> None:
        clock = time.perf_counter_ns
        spent: dict[str, list[float]] = {"parse": [], "open4": [], "plan4": [], "append": [], "answer4": []}
        for first in range(0, len(messages), 64):
            batch = messages[first : first + 64]
            t0 = clock()
            packets = [Packet4.parse(data, arrival) for data in batch]
            t1 = clock()
            queries = [open4(packet, self.network) for packet in packets]
            t2 = clock()
            overlay = Overlay4(self.store.view)
            decisions = []
            for query in queries:
                assert not isinstance(query, Dropped), query
                decision = plan4(query, overlay, self.network.hosts, self.now, self.rng)
                overlay.record(decision.unit, decision.offered)
                decisions.append(decision)
            t3 = clock()
            self.store.append([decision.unit for decision in decisions if decision.unit])
            t4 = clock()
            answers = [answer4(decision) for decision in decisions]
            t5 = clock()
            assert all(answers), name
            for step, took in zip(spent, (t1 - t0, t2 - t1, t3 - t2, t4 - t3, t5 - t4), strict=True):
                spent[step].append(took / len(batch))
            for decision in decisions:
                packet = decision.query.packet
                if decision.reply is not None and name == "discover":
                    self.offers[Client(packet.chaddr)] = (decision.reply.yiaddr, SERVER.to_bytes(4, "big"))
        steps = {step: median(values) for step, values in spent.items()}
        print(
            f"{name:10}"
            + "".join(f"{step} {value:8.0f}  " for step, value in steps.items())
            + f"sum {sum(steps.values()):8.0f} ns"
        )

    def run(self) -> None:
        broadcast = Arrival("lab0", 1, 0, 68, SERVER, broadcast=True)
        discover = [message4(MessageType.DISCOVER, c, options=ASKED) for c in self.clients]
        self.play("discover", discover, broadcast)
        request = [
            message4(
                MessageType.REQUEST,
                c,
                options={50: self.offers[c][0].to_bytes(4, "big"), 54: self.offers[c][1], **ASKED},
            )
            for c in self.clients
        ]
        self.play("request", request, broadcast)
        self.now += 4000
        renew = [message4(MessageType.REQUEST, c, ciaddr=self.offers[c][0], options=ASKED) for c in self.clients]
        self.play("renew", renew, Arrival("lab0", 1, SERVER + 1, 68, SERVER))
        self.now += 10
        self.play("reuse", renew, Arrival("lab0", 1, SERVER + 1, 68, SERVER))


if __name__ == "__main__":
    settings = {"subnets": 1, "clients": 10_000} | {
        k: int(v) for k, _, v in (word.partition("=") for word in sys.argv[1:])
    }
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}")
        Rounds(settings["subnets"], settings["clients"]).run()
