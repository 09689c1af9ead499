"""How lenient the decoder of DHCPv6 is, against real Kea: the same odd octets to both (docs/why/lenient-parsing.md)."""

import json
import re
from pathlib import Path

import pytest

from dhcpkit.wire import MessageType6, Packet6, WireError
from dhcpkit.wire.dhcp6 import RELAYS_MAX
from dhcpkit.wire.problems import problems

VECTORS = Path(__file__).parent.parent / "vectors"


def lines(name):
    return [json.loads(line) for line in (VECTORS / name).read_text().splitlines()]


# Sent to Kea 2.2 and to 3.0.4 one by one: whether it could read the message, which was the same for both, whether 2.2
# answered, and what it said where it did not.
ODD = lines("odd-options6.jsonl")

# Where Kea's verdict on the octets is not ours, on purpose. The page says so in its table.
LONGER = "longer than its type"
EMPTY = "a list has at least one value"
RELAY = "what a relay message holds is no message: a flaw, and the packet is the relay's"
UNREAD = "Kea reads on without looking into the option"
ELSEWISE = {
    "relay header only": RELAY,
    "relay without message": RELAY,
    "relay message empty": RELAY,
    "relay message 1 octet": RELAY,
    "relay message 3 octets": RELAY,
    "relay message cut": RELAY,
    "relayed, inner relay short": RELAY,
    "relayed, inner relay without message": RELAY,
    "client-id empty": "no DUID: Kea reads it, and finds out later",
    "client-id 1 octet": "no DUID: Kea reads it, and finds out later",
    "client-id 131 octets": "no DUID: Kea reads it, and finds out later",
    "relay-id empty": "no DUID: Kea reads it, and finds out later",
    "elapsed 3 octets": LONGER,
    "preference 2 octets": LONGER,
    "rapid-commit with octets": LONGER,
    "reconf-accept with octet": LONGER,
    "information-refresh-time 5 octets": LONGER,
    "nii 4 octets": LONGER,
    "aftr-name octets behind": LONGER,
    "dns-servers empty": EMPTY,
    "domain-search empty": EMPTY,
    "user-class empty": EMPTY,
    "bootfile-param empty": EMPTY,
    "4o6 server empty": EMPTY,
    "client-linklayer 1 octet": UNREAD,
    "vendor-opts 3 octets": UNREAD,
    "user-class cut": UNREAD,
    "auth 10 octets": UNREAD,
    "auth empty": UNREAD,
    "dhcpv4-msg empty": UNREAD,
}
FLAW = re.compile(
    r"option \d+ runs past the end|an option's code and length|a relay message|the header|more than \d+ r"
)


def unreadable(data):
    """What is wrong with a message in whole or in any of its options; None where all can be read."""
    try:
        packet = Packet6.parse(data)
    except WireError as error:
        return str(error)
    return next((str(error) for error in problems(packet) if not FLAW.match(error.what)), None)


@pytest.mark.parametrize("vector", ODD, ids=lambda vector: vector["name"])
def test_odd_octets_are_read_where_kea_reads_them(vector):
    ours, kea = unreadable(bytes.fromhex(vector["sent"])), vector["parsed"]
    if vector["name"] in ELSEWISE:
        assert (ours is None) != kea, "as Kea by now: take it off the list"
    else:
        assert (ours is None) == kea, ours or vector["reason"]


@pytest.mark.parametrize("vector", ODD, ids=lambda vector: vector["name"])
def test_whatever_has_a_header_can_be_held(vector):
    data = bytes.fromhex(vector["sent"])
    if len(data) < (34 if data[:1] in (b"\x0c", b"\x0d") else 4):
        with pytest.raises(WireError):
            Packet6.parse(data)
        return
    packet = Packet6.parse(data)
    assert bytes(packet) == data
    assert ELSEWISE.get(vector["name"]) != RELAY or (packet.type == MessageType6.RELAY_FORW and packet.flaws)


def test_every_exception_has_a_vector():
    assert set(ELSEWISE) <= {vector["name"] for vector in ODD}


def test_kea_takes_one_relay_more_than_it_says():
    """Its limit is 32 by its own words, and of 33 relay messages it still finds the client's."""
    named = {vector["name"]: vector for vector in (*ODD, *lines("raw-v6.jsonl"))}
    assert "more than 32 times" in " ".join(named["relayed 35 times"]["log"])
    for count in (31, 32, 33):
        vector = named[f"relayed {count} times"]
        packet = Packet6.parse(bytes.fromhex(vector["sent"]))
        assert vector["parsed"]
        assert len(packet.relays) == min(count, RELAYS_MAX)
        assert bool(packet.flaws) == (count > RELAYS_MAX)


@pytest.mark.parametrize("vector", lines("raw-v6.jsonl"), ids=lambda vector: vector["name"])
def test_what_kea_could_not_parse_is_what_we_cannot(vector):
    refused = any("PARSE_FAIL" in line for line in vector["log"])
    data = bytes.fromhex(vector["sent"])
    if vector["name"] in ("relayed without relay-msg", "relayed 35 times"):
        assert refused
        assert Packet6.parse(data).flaws
    elif vector["name"] in ("client-id two octets", "client-id 131 octets"):
        assert unreadable(data)
    else:
        assert (unreadable(data) is not None) == refused, unreadable(data) or vector["log"]


CLIENTS = lines("clients6.jsonl")


@pytest.mark.parametrize("vector", CLIENTS, ids=lambda vector: f"{vector['from']} {vector['type']}")
def test_what_real_clients_and_kea_say_is_read_whole(vector):
    packet = Packet6.parse(bytes.fromhex(vector["payload"]))
    assert packet.flaws == problems(packet) == ()


def test_all_recordings_are_read(shared):
    """Every message of every client recorded, not only those kept beside the tests."""
    count = 0
    for path in sorted((shared / "kea" / "captures" / "clients").glob("v6-*/messages.jsonl")):
        for line in path.read_text().splitlines():
            data = bytes.fromhex(json.loads(line)["payload"])
            packet = Packet6.parse(data)
            assert problems(packet) == ()
            assert bytes(packet) == data
            count += 1
    assert count > 300
