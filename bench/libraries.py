"""What other Python libraries make of DHCP messages, as a table: every cell is something that was run just now.

    bench/libraries.py [--other PYTHON]

Libraries that are not installed are passed over (see `peers`). `--other` is a Python that has dhcpkit 1.0.7, a library
of our package's name. docs/why/libraries.md shows what came out, and what it means.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import Peer, peers

Work = dict[str, Any]  # messages to try, by what is tried; as JSON for other interpreters
VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors"
SEEDS = 3  # values tried of each option: of an empty or odd one nothing can be told

HEAD4 = bytes.fromhex("010106006c0ec575" + "00" * 20 + "020000000010" + "00" * 202 + "63825363" + "350101")
HEAD6 = bytes.fromhex("01123456" + "0001000a00030001020000000010")
CASES = {  # what is odd, and the octets behind a good beginning
    4: {
        "nothing odd": "0c03616263ff",
        "an option nobody knows": "e003616263ff",
        "an option in two parts": "0c0261620c026364ff",
        "routers of 3 octets": "0303c000020c03616263ff",
        "pads between options": "00000c0361626300ff",
        "no END": "0c03616263",
        "octets behind END": "0c03616263ff616263",
        "the last option cut off": "0c036162633204c000",
    },
    6: {
        "nothing odd": "0008000200000006000400170018",
        "an option nobody knows": "fde80003616263",
        "an option twice": "00080002000000080002000a",
        "elapsed time of 1 octet": "00080001000006000400170018",
        "the last option cut off": "00080002000000060008001700",
    },
}
WRONG = {4: (3, "routers of 3 octets"), 6: (8, "elapsed time of 1 octet")}


def work() -> Work:
    """Messages of every declared option, odd ones, and recorded ones."""
    from hypothesis import HealthCheck, Phase, given, settings

    from dhcpkit.testing.strategies import option_values
    from dhcpkit.wire.kinds import UINT8
    from dhcpkit.wire.options4 import DHCP4
    from dhcpkit.wire.options6 import DHCP6

    rows: list[tuple[int, int, bool, list[str]]] = []
    for family, space in ((4, DHCP4), (6, DHCP6)):
        for option in space:
            if option.kind.name in ("binary", "empty") or option.code in (53, 9):
                continue
            payloads: list[bytes] = []

            @settings(max_examples=SEEDS * 2, derandomize=True, database=None, phases=[Phase.generate], deadline=None,
                      suppress_health_check=list(HealthCheck))  # fmt: skip
            @given(option_values(option))
            def draw(value: Any) -> None:
                payloads.append(option.build(value))  # noqa: B023  # called at once

            draw()
            fit = [each.hex() for each in payloads if 0 < len(each) < 250][:SEEDS]
            of_octets = option.kind.element is UINT8
            if fit:
                rows.append((family, option.code, of_octets, fit))
    recorded = [
        (family, row["payload"])
        for family in (4, 6)
        if (path := VECTORS / f"clients{family}.jsonl").exists()
        for row in map(json.loads, path.read_text().splitlines())
    ]
    return {"options": rows, "recorded": recorded}


def message(family: int, code: int, payload: bytes) -> bytes:
    if family == 4:
        return HEAD4 + bytes((code, len(payload))) + payload + b"\xff"
    return HEAD6 + code.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload


def tried(function: Callable[[], Any]) -> tuple[Any, str]:
    """What a call gave, or the error it ended with."""
    try:
        return function(), ""
    except Exception as error:  # noqa: BLE001  # whatever a library raises is what this is about
        return None, type(error).__name__


def probe(peer: Peer, given: Work) -> dict[str, str]:
    """All that is told of one library."""
    known = total = 0
    for family, code, of_octets, payloads in given["options"]:
        if family == peer.family:
            total += 1
            known += any(gives_value(peer, code, bytes.fromhex(payload), of_octets) for payload in payloads)
    told = {"options with values": f"{known} of {total}"}
    counted = Counter(
        again(peer, bytes.fromhex(octets)) for family, octets in given["recorded"] if family == peer.family
    )
    told["recorded, written again"] = f"{counted['same'] + counted['same, padded']} of {counted.total()} the same"
    head = HEAD4 if peer.family == 4 else HEAD6
    for name, octets in CASES[peer.family].items():
        told[name] = again(peer, head + bytes.fromhex(octets))
    code, name = WRONG[peer.family]
    odd = head + bytes.fromhex(CASES[peer.family][name])
    value, error = tried(lambda: peer.value(peer.read(odd), code))
    told[f"the value of {name}"] = error or ("octets" if isinstance(value, bytes | bytearray) else repr(value)[:48])
    told["ships types"] = "yes" if peer.typed else "no"
    return told


def gives_value(peer: Peer, code: int, payload: bytes, of_octets: bool) -> bool:  # noqa: FBT001  # as JSON has it
    """Whether a library gives more than an option's octets, in whatever form it gives those."""
    found, _ = tried(lambda: peer.value(peer.read(message(peer.family, code, payload)), code))
    if found is None or isinstance(found, bytes | bytearray) or "Unknown" in type(found).__name__:
        return False
    if isinstance(found, str) and found.replace("0x", "").replace(" ", "").lower() == payload.hex():
        return False
    return of_octets or not (isinstance(found, list) and found == list(payload))


def again(peer: Peer, octets: bytes) -> str:
    """What comes out when a message is read and written."""
    read, error = tried(lambda: peer.read(octets))
    if error:
        return f"not read: {error}"
    written, error = tried(lambda: peer.write(read))
    if error:
        return f"not written: {error}"
    if written == octets:
        return "same"
    return "same, padded" if written.rstrip(b"\0") == octets.rstrip(b"\0") else "other octets"


def ours() -> list[Peer]:
    from dhcpkit.wire import Packet4, Packet6
    from dhcpkit.wire.options4 import DHCP4
    from dhcpkit.wire.options6 import DHCP6

    def value(space: Any) -> Callable[[Any, int], Any]:
        return lambda packet, code: packet[space.by_code(code)]

    return [
        Peer("dhcpkit-sdk", 4, Packet4.parse, list, bytes, value(DHCP4)),
        Peer("dhcpkit-sdk", 6, Packet6.parse, list, bytes, value(DHCP6)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", help="a Python interpreter that has the old dhcpkit")
    parser.add_argument("--peers-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peers_only:
        given = json.load(sys.stdin)
        print(json.dumps([(f"{peer.name} {peer.version}", peer.family, probe(peer, given)) for peer in peers()]))
        return
    given = work()
    found = [(peer.name, peer.family, probe(peer, given)) for peer in ours()]
    found += [(f"{peer.name} {peer.version}", peer.family, probe(peer, given)) for peer in peers()]
    if arguments.other:
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [arguments.other, __file__, "--peers-only"]
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, check=True, text=True, env=alone)
        found += json.loads(done.stdout)
    for family in (4, 6):
        table = [(name, told) for name, its, told in found if its == family]
        print(f"\n| DHCPv{family} | {' | '.join(name for name, _ in table)} |")
        print(f"|---|{'---|' * len(table)}")
        for row in table[0][1]:
            print(f"| {row} | {' | '.join(told[row] for _, told in table)} |")


if __name__ == "__main__":
    main()
