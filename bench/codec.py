"""How fast messages are read and written, beside other Python libraries: one process, no network.

    bench/codec.py [--rounds 50] [--other PYTHON]

Two messages: a DHCPACK of 12 options, and a SOLICIT that a relay passed on, with IA_NA, IA_PD, ORO, client id, FQDN,
vendor class and elapsed time. `index` is what a server does with every datagram; `everything` decodes each option of
it too, those within options and the relay's included; `fresh` makes the octets of values, `write` those of what was
read. Rounds are taken in turns, and the fastest one counts. `--other` is a Python that has dhcpkit 1.0.7, a library of
our package's name.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import Peer, peers

SLICE = 0.003  # seconds of one round: short ones fall between what else the machine does
Case = tuple[str, str, str, Callable[[], object]]  # family, what, who, function

SOLICIT = bytes.fromhex(
    "0c0020010db8000000000000000000000001fe800000000000000000000000000001001200046574683000090084011234560001000e"
    "00010001000000000200000000100003000c00000001000000000000000000190029000000010000000000000000001a001900000000"
    "0000000038000000000000000000000000000000000006000800170018001f0020000800020000002700090006636c69656e74000010"
    "000e0000013700084d53465420352e30"
)
ACK = bytes.fromhex(
    "020106006c0ec5750000800000000000c0000211c000020100000000020000000010" + "00" * 202 + "63825363"
    "3501050104ffffff000304c00002010608c0000202c00002030c06636c69656e740f0b6578616d706c652e6f72671c04c00002ff"
    "330400000e103604c00002013a04000003843b04000007083d0701020000000010ff"
)


def ours4() -> Iterator[Case]:
    from dhcpkit.wire import Packet4, build_packet4
    from dhcpkit.wire.derive import by_construct
    from dhcpkit.wire.dhcp4 import join_options, reply_header4
    from dhcpkit.wire.header4 import HEADER
    from dhcpkit.wire.options4 import DHCP4

    packet = Packet4.parse(ACK)
    declared = [DHCP4.by_code(code) for code in packet.options]
    oracles = [(code, by_construct(DHCP4.by_code(code).kind.con).parse) for code in packet.options]
    values = {option: packet[option] for option in declared[1:]}
    header = {
        "op": packet.op, "xid": packet.xid, "chaddr": packet.chaddr, "broadcast": True,
        "yiaddr": IPv4Address(packet.yiaddr), "siaddr": IPv4Address(packet.siaddr),
    }  # fmt: skip
    assert build_packet4(5, values, **header) == ACK

    def everything() -> object:
        found = Packet4.parse(ACK)
        return [found[option] for option in declared]

    def construct() -> object:
        return HEADER.parse(ACK), [parse(packet.options[code]) for code, parse in oracles]

    def reply() -> object:
        return reply_header4(packet, ciaddr=0, yiaddr=packet.yiaddr, siaddr=0) + join_options(packet.options)

    yield "v4", "index", "dhcpkit", lambda: Packet4.parse(ACK)
    yield "v4", "everything", "dhcpkit", everything
    yield "v4", "everything", "(header and payloads run by construct itself)", construct
    yield "v4", "fresh", "dhcpkit: build_packet4", lambda: build_packet4(5, values, **header)
    yield "v4", "fresh", "dhcpkit: a server's way, options' octets kept", reply


def ours6() -> Iterator[Case]:
    from dhcpkit.wire import Options6, Packet6, Relay6
    from dhcpkit.wire.options6 import DHCP6

    packet = Packet6.parse(SOLICIT)
    (relay,) = packet.relays
    values = [(DHCP6.by_code(code), packet[DHCP6.by_code(code)]) for code in packet]
    around = [(DHCP6.by_code(code), relay[DHCP6.by_code(code)]) for code in relay.options if code != 9]
    link, peer = IPv6Address(relay.link), IPv6Address(relay.peer)
    own, outer = [option for option, _ in values], [option for option, _ in around]
    within = {3: DHCP6.by_code(5), 25: DHCP6.by_code(26)}  # the options that IAs hold

    def everything() -> object:
        found = Packet6.parse(SOLICIT)
        of_relay = [found.relays[0][option] for option in outer]
        read = {option.code: found[option] for option in own}
        return of_relay, read, [read[code].options.all(option) for code, option in within.items()]

    # The IA_PD holds a value too, so that its octets are made of it each time.
    at = next(n for n, (option, _) in enumerate(values) if option.code == 25)
    pd, prefix = values[at][1], DHCP6.by_code(26)
    delegated = pd.options[prefix]
    kind = type(pd)

    def fresh() -> bytes:
        values[at] = (values[at][0], kind(pd.iaid, pd.t1, pd.t2, Options6.of([(prefix, delegated)])))
        relays = (Relay6(12, 0, link, peer, around),)
        return Packet6(1, values, xid=0x123456, relays=relays).data

    assert fresh() == SOLICIT
    yield "v6", "index", "dhcpkit", lambda: Packet6.parse(SOLICIT).options.first
    yield "v6", "everything", "dhcpkit", everything
    yield "v6", "fresh", "dhcpkit: Packet6(...)", fresh


def of_peer(peer: Peer) -> Iterator[Case]:
    octets = ACK if peer.family == 4 else SOLICIT
    family, name = f"v{peer.family}", f"{peer.name} {peer.version}{'' if peer.decodes else ', octets only'}"
    message = peer.read(octets)
    yield family, "index", name, lambda: peer.read(octets)
    yield family, "everything", name, lambda: peer.everything(peer.read(octets))
    yield family, "write", name, lambda: peer.write(message)
    if peer.fresh is not None:
        yield family, "fresh", name, peer.fresh(message)


def microseconds(cases: list[Case], rounds: int) -> list[tuple[str, str, str, float]]:
    """The fastest round of each case."""
    best: dict[tuple[str, str, str], float] = {}
    for _ in range(rounds):
        for family, what, name, function in cases:
            timer = timeit.Timer(function)
            once = max(timer.timeit(1), 1e-7)
            number = max(1, int(SLICE / once))
            took = timer.timeit(number) / number * 1e6
            key = (family, what, name)
            best[key] = min(took, best.get(key, took))
    return [(*key, took) for key, took in best.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50, help="rounds taken in turns")
    parser.add_argument("--other", help="a Python interpreter that has the old dhcpkit")
    parser.add_argument("--peers-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cases = [] if arguments.peers_only else [*ours4(), *ours6()]
    for peer in peers():
        cases += of_peer(peer)
    rows = microseconds(cases, arguments.rounds)
    if arguments.peers_only:
        print(json.dumps(rows))
        return
    if arguments.other:
        command = [arguments.other, __file__, "--peers-only", "--rounds", str(arguments.rounds)]
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        found = subprocess.run(command, capture_output=True, check=True, env=alone).stdout
        rows += [tuple(row) for row in json.loads(found)]
    print(f"Python {sys.version.split()[0]}; a DHCPACK of {len(ACK)} octets, a relayed SOLICIT of {len(SOLICIT)}")
    print(f"{'':3} {'':11} {'':48} {'us':>8} {'per second':>11}")
    order = ("index", "everything", "fresh", "write")
    for family, what, name, took in sorted(rows, key=lambda row: (row[0], order.index(row[1]), row[3])):
        print(f"{family:3} {what:11} {name:48} {took:8.2f} {1e6 / took:11,.0f}")


if __name__ == "__main__":
    main()
