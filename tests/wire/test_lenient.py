"""How lenient the decoder is, against real Kea 2.2: the same odd octets into both (docs/why/lenient-parsing.md)."""

import json
import re
from pathlib import Path

import pytest

from dhcpkit.wire import Packet4, WireError
from dhcpkit.wire.kinds import TEXT
from dhcpkit.wire.options4 import DHCP4

VECTORS = Path(__file__).parent.parent / "vectors"


def lines(name):
    return [json.loads(line) for line in (VECTORS / name).read_text().splitlines()]


# Sent to Kea 2.2 one by one: whether it answered, and the options it said it had read.
ODD = lines("odd-options4.jsonl")

# Where Kea's verdict on the octets is not ours, on purpose. The page says so in its table.
ELSEWISE = {
    "53 two octets": "longer than its type",
    "lease time 5 octets": "longer than its type",
    "requested address 5 octets": "longer than its type",
    "ip-forwarding 2 octets": "longer than its type",
    "mtu 3 octets": "longer than its type",
    "client-ndi 4 octets": "longer than its type",
    "v4-lost trailing": "longer than its type",
    "requested address in two parts": "Kea reads the parts before it joins them",
    "requested address twice": "Kea joins them to an option without a type",
    "lease time twice": "Kea joins them to nothing",
    "routers empty": "a list has at least one value",
    "ip-forwarding 2": "neither true nor false: Kea reads on without the option",
    "125 bad": "Kea reads on without the option",
    "125 short": "Kea reads on without the option",
    "client-id 1": "well-formed, but too short for a server: not the decoder's matter",
}


def unreadable(data):
    """What is wrong with a message in whole or in any of its options; None where all can be read."""
    try:
        packet = Packet4.parse(data)
        for code in packet.options:
            option = DHCP4.by_code(code)
            if option is not None:
                packet[option]
    except WireError as error:
        return str(error)
    return None if packet.type else "no message type"


@pytest.mark.parametrize("vector", ODD, ids=lambda vector: vector["name"])
def test_odd_octets_are_read_where_kea_reads_them(vector):
    ours, kea = unreadable(bytes.fromhex(vector["sent"])), vector["answered"]
    if vector["name"] in ELSEWISE:
        assert (ours is None) != kea, "as Kea by now: take it off the list"
    else:
        assert (ours is None) == kea, ours or vector["reason"]


SHOWN = re.compile(r"type=0*(\d+), len=\d+: (.*)", re.DOTALL)  # an option in Kea's log
FIELD = re.compile(r'"(.*?)" \((?:string|fqdn)\)|([\d.]+) \((?:uint\d+|ipv4-address)\)')


def shown_by(option, value):
    """A value as Kea's log shows it: the fields' texts, octets of strings as ISO 8859-1."""
    if option.kind is TEXT:
        return [value.encode("utf-8", "surrogateescape").decode("latin-1")]
    return list(option.kind.show_fields(value))


@pytest.mark.parametrize(
    "vector", [v for v in ODD if v["answered"] and v["name"] not in ELSEWISE], ids=lambda vector: vector["name"]
)
def test_values_are_keas(vector):
    packet = Packet4.parse(bytes.fromhex(vector["sent"]))
    compared = []
    for line in vector["options"]:
        option = DHCP4.by_code(int(SHOWN.match(line)[1])) if SHOWN.match(line) else None
        fields = [text or number for text, number in FIELD.findall(SHOWN.match(line)[2])] if option else []
        if fields and option.encapsulates is None and option.code in packet.options and option.code not in (97, 125):
            assert shown_by(option, packet[option]) == fields
            compared.append(option.code)
    assert 53 in compared


RAW = lines("raw-v4.jsonl")
CLIENTS = lines("clients4.jsonl")


@pytest.mark.parametrize("vector", RAW, ids=lambda vector: vector["name"])
def test_hand_made_packets_are_written_as_they_came(vector):
    data = bytes.fromhex(vector["sent"])
    try:
        packet = Packet4.parse(data)
    except WireError:
        assert not vector["replies"]
    else:
        assert bytes(packet) == data


@pytest.mark.parametrize("vector", CLIENTS, ids=lambda vector: f"{vector['from']} {vector['type']}")
def test_what_real_clients_and_kea_say_is_read_whole(vector):
    data = bytes.fromhex(vector["payload"])
    packet = Packet4.parse(data)
    assert bytes(packet) == data
    assert packet.flaws == ()
    assert unreadable(data) is None
    assert str(packet).startswith(f"{vector['type']} xid=")


def test_all_recordings_are_read(shared):
    """Every message of every client recorded, not only those kept beside the tests."""
    count = 0
    for path in sorted((shared / "kea" / "captures" / "clients").glob("v4-*/messages.jsonl")):
        for line in path.read_text().splitlines():
            data = bytes.fromhex(json.loads(line)["payload"])
            assert unreadable(data) is None
            assert bytes(Packet4.parse(data)) == data
            count += 1
    assert count > 500
