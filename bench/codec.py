"""How fast messages are read and written, beside other Python libraries that are installed: one process, no network.

    bench/codec.py [--rounds 7]

The message is a DHCPACK of 12 options. `header and index` is what a server does with every datagram; `all options`
decodes each of them too, as the other libraries always do. Rounds are taken in turns, and the fastest one counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import timeit
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

from dhcpkit.wire import MessageType, Packet4
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.derive import by_construct
from dhcpkit.wire.dhcp4 import HEADER, Op, join_options, reply_header4
from dhcpkit.wire.options4 import (
    BROADCAST_ADDRESS,
    DHCP4,
    DHCP_CLIENT_IDENTIFIER,
    DHCP_LEASE_TIME,
    DHCP_REBINDING_TIME,
    DHCP_RENEWAL_TIME,
    DHCP_SERVER_IDENTIFIER,
    DOMAIN_NAME,
    DOMAIN_NAME_SERVERS,
    HOST_NAME,
    ROUTERS,
    SUBNET_MASK,
)

HEADER_FIELDS = {
    "op": Op.REPLY, "xid": 0x6C0EC575, "chaddr": bytes.fromhex("020000000010"), "broadcast": True,
    "yiaddr": IPv4Address("192.0.2.17"), "siaddr": IPv4Address("192.0.2.1"),
}  # fmt: skip
OPTIONS = {
    SUBNET_MASK: IPv4Address("255.255.255.0"),
    ROUTERS: (IPv4Address("192.0.2.1"),),
    DOMAIN_NAME_SERVERS: (IPv4Address("192.0.2.2"), IPv4Address("192.0.2.3")),
    HOST_NAME: "client",
    DOMAIN_NAME: "example.org",
    BROADCAST_ADDRESS: IPv4Address("192.0.2.255"),
    DHCP_LEASE_TIME: 3600,
    DHCP_SERVER_IDENTIFIER: IPv4Address("192.0.2.1"),
    DHCP_RENEWAL_TIME: 900,
    DHCP_REBINDING_TIME: 1800,
    DHCP_CLIENT_IDENTIFIER: bytes.fromhex("01020000000010"),
}
DATA = build_packet4(MessageType.ACK, OPTIONS, **HEADER_FIELDS)
Case = tuple[str, str, Callable[[], object]]


def dhcpkit_cases() -> Iterator[Case]:
    packet = Packet4.parse(DATA)
    declared = [DHCP4.by_code(code) for code in packet.options]
    oracles = [(code, by_construct(DHCP4.by_code(code).kind.con).parse) for code in packet.options]

    def read_all() -> object:
        found = Packet4.parse(DATA)
        return [found[option] for option in declared]

    def construct() -> object:
        return HEADER.parse(DATA), [parse(packet.options[code]) for code, parse in oracles]

    def reply() -> object:
        return reply_header4(packet, ciaddr=0, yiaddr=packet.yiaddr, siaddr=0) + join_options(packet.options)

    yield "read", "dhcpkit: header and index", lambda: Packet4.parse(DATA)
    yield "read", "dhcpkit: all options", read_all
    yield "read", "header and payloads run by construct", construct
    yield "write", "dhcpkit: reply_header4 and options' octets", reply
    yield "write", "dhcpkit: build_packet4 from typed values", lambda: build_packet4(5, OPTIONS, **HEADER_FIELDS)


def scapy_cases() -> Iterator[Case]:
    from scapy.layers.dhcp import BOOTP, DHCP

    found = BOOTP(DATA)
    fields = {name: getattr(found, name) for name in ("op", "xid", "flags", "yiaddr", "siaddr", "chaddr")}
    options = found[DHCP].options
    yield "read", "scapy", lambda: BOOTP(DATA)
    yield "write", "scapy", lambda: bytes(BOOTP(**fields, options=found.options) / DHCP(options=options))


def dhcppython_cases() -> Iterator[Case]:
    from dhcppython.packet import DHCPPacket

    packet = DHCPPacket.from_bytes(DATA)
    yield "read", "dhcppython", lambda: DHCPPacket.from_bytes(DATA)
    yield "write", "dhcppython", lambda: packet.asbytes


def pydhcp_cases() -> Iterator[Case]:
    from pydhcp import DHCPMessage

    message = DHCPMessage.decode(DATA)
    yield "read", "pydhcp", lambda: DHCPMessage.decode(DATA)
    yield "write", "pydhcp", message.encode


PEERS = {"scapy": scapy_cases, "dhcppython": dhcppython_cases, "pydhcp": pydhcp_cases}


def microseconds(cases: list[Case], rounds: int) -> dict[tuple[str, str], float]:
    """The fastest round of each case."""
    best: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for direction, name, function in cases:
            timer = timeit.Timer(function)
            once = max(timer.timeit(1), 1e-7)
            number = max(1, int(0.02 / once))
            took = timer.timeit(number) / number * 1e6
            best[direction, name] = min(took, best.get((direction, name), took))
    return best


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=7, help="rounds taken in turns")
    rounds = arguments.parse_args().rounds
    cases = list(dhcpkit_cases())
    for name, peer in PEERS.items():
        if importlib.util.find_spec(name):
            cases += peer()
        else:
            print(f"{name} is not installed", file=sys.stderr)
    print(f"A DHCPACK of {len(OPTIONS) + 1} options, {len(DATA)} octets; Python {sys.version.split()[0]}")
    print(f"{'':6} {'':44} {'us':>8} {'per second':>11}")
    for (direction, name), took in sorted(microseconds(cases, rounds).items()):
        print(f"{direction:6} {name:44} {took:8.2f} {1e6 / took:11,.0f}")


if __name__ == "__main__":
    main()
