"""Conversations with Kea 3.0.4, replayed on the engine.

`choices4` is about classes, vendors, reservations, names and kept leases, `deferred4` about options that are read once
there are classes. The messages came through a relay at 10.7.0.2; the configurations are those Kea had, but for what
only a process needs.
"""

import json
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpkit.config import parse4
from dhcpkit.testing.machine import Lab4
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.wire import Arrival, Packet4

VECTORS = Path(__file__).parent.parent / "vectors"
SERVER, RELAY = (int(IPv4Address(text)) for text in ("10.7.0.1", "10.7.0.2"))


@pytest.mark.parametrize(("recorded", "least"), [("choices4", 60), ("deferred4", 6)])
def test_answers_are_kea_s(recorded, least):
    recording = json.loads((VECTORS / f"{recorded}-30.json").read_text())
    lab = Lab4(parse4(json.dumps(recording["config"])).network, ReferenceStore())
    compared, wrong = 0, []
    for exchange in recording["exchanges"]:
        data = bytes.fromhex(exchange["sent"])
        packet = Packet4.parse(data)
        source = RELAY if packet.giaddr else packet.ciaddr
        _, sent = lab.send(data, Arrival("eth0", 2, source, 67, SERVER, broadcast=False))
        if "why" in exchange:  # it is not Kea's, and this is why
            continue
        compared += 1
        ours, theirs = sent and Packet4.parse(sent.data), exchange["answer"]
        theirs = theirs and Packet4.parse(bytes.fromhex(theirs))
        if (ours and fields(ours)) != (theirs and fields(theirs)):
            wrong.append(f"{exchange['name']}: Kea {theirs!r}, and not {ours!r}")
    assert not wrong, "\n".join(wrong)
    assert compared >= least


def fields(packet):
    return packet.type, packet.yiaddr, packet.ciaddr, packet.siaddr, packet.giaddr, packet.flags, packet.options
