"""Messages that real Kea 2.2 answered, or did not: the DHCPv6 engine must do the same.

`raw-v6.jsonl` was recorded with odd, hand-made messages sent in order to one server, `clients6.jsonl` with real clients
(dhclient, dhcpcd, perfdhcp, behind dhcrelay too) talking to one server each. All of them served 2001:db8:53::/64.
"""

import json
from ipaddress import IPv6Address
from itertools import groupby
from pathlib import Path

import attrs
import pytest

from dhcpkit.alloc import Lifetimes, OptionValue, OptionValues
from dhcpkit.alloc.engine6 import Dropped
from dhcpkit.alloc.host6 import Host6, ReservedPrefix
from dhcpkit.alloc.naming import Naming
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, Subnet6
from dhcpkit.config.load import load6
from dhcpkit.testing.machine6 import Lab6, bindings_of
from dhcpkit.wire import WireError
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options6 import DNS_SERVERS, DOMAIN_SEARCH

VECTORS = Path(__file__).parent.parent / "vectors"
SERVER = Duid.of_link_layer(bytes.fromhex("020000000001"))
CLIENT, RELAY, GROUP = (int(IPv6Address(text)) for text in ("fe80::ff:fe00:10", "fe80::99", "ff02::1:2"))
ANSWERS = {MessageType6.ADVERTISE, MessageType6.REPLY, MessageType6.RELAY_REPL}
STATUS_CODE, RELAY_MSG, IA_SIZE = 13, 9, 12

OPTIONS = OptionValues(
    [
        OptionValue.of(DNS_SERVERS, (IPv6Address("2001:db8:53::1"), IPv6Address("2001:db8:53::2"))),
        OptionValue.of(DOMAIN_SEARCH, ("example.org.", "sub.example.org.")),
    ]
)
SUBNET = Subnet6(
    "2001:db8:53::/64",
    interface="eth0",
    pools=[Pool6.of("2001:db8:53::1:0 - 2001:db8:53::1:ffff")],
    pd_pools=[PdPool("2001:db8:8000::/40", 56)],
    valid=Lifetimes.fixed(4000),
    preferred=Lifetimes.fixed(3000),
    renew_timer=1000,
    rebind_timer=2000,
    options=OPTIONS,
    naming=Naming(send_updates=False, qualifying_suffix="example.org"),
    cache_threshold=0.0,  # Kea 2.2 repeats no lease unless told to
)
HOST = Host6(
    "hw-address",
    bytes.fromhex("020000000010"),
    1,
    (int(IPv6Address("2001:db8:53::cafe")),),
    (ReservedPrefix(int(IPv6Address("2001:db8:9:100::")), 56),),
    "resv6.example.org",
    options=OptionValues([OptionValue.of(DNS_SERVERS, (IPv6Address("2001:db8:53::99"),))]),
)
# How the servers of the conversations were configured otherwise.
OTHERWISE = {
    "dhclient-renew": {
        "valid": Lifetimes.fixed(30),
        "preferred": Lifetimes.fixed(20),
        "renew_timer": 3,
        "rebind_timer": 15,
    },
    "dhclient-rebind-after-restart": {
        "valid": Lifetimes.fixed(50),
        "preferred": Lifetimes.fixed(40),
        "renew_timer": 3,
        "rebind_timer": 7,
    },
    "dhcpcd-rapid-commit": {"rapid_commit": True},
    "dhcrelay": {"interface": ""},
    "relay-extended-info": {"interface": "", "store_extended_info": True},
}


# What Kea 2.2 does, and newer ones do only if told to.
AS_2_2 = {"cache_threshold": 0.0, "naming": SUBNET.naming}


def compiled_lab_for(name, shared):
    """The laboratory of the very configuration that Kea had."""
    path = shared / "kea" / "captures" / "clients" / f"v6-{name}" / "config.json"
    network = load6(path, server_id=SERVER).network
    subnets = [attrs.evolve(subnet, **AS_2_2) for subnet in network.subnets]
    return Lab6(Network6(subnets, server_id=SERVER, hosts=network.hosts, keep_released=False))


def lab_for(name=""):
    subnet = attrs.evolve(SUBNET, **OTHERWISE.get(name, {}))
    hosts = [HOST] if name == "reservations" else []
    return Lab6(Network6([subnet], server_id=SERVER, hosts=hosts, keep_released=False))


def without_text(octets):
    """Options in which a status has a code and no sentence: the sentences are our own."""
    pairs = []
    for code, payload in Options6(octets).items():
        if code == STATUS_CODE:
            pairs.append((code, payload[:2]))
        elif code in (3, 25):
            pairs.append((code, payload[:IA_SIZE] + without_text(payload[IA_SIZE:])))
        else:
            pairs.append((code, payload))
    return options_octets6(pairs)


def visible(data):
    """What of an answer must agree: header, options, and those of each relay; sentences and their lengths are out."""
    packet = Packet6.parse(data)
    relays = [
        (relay.hops, relay.link, relay.peer, [item for item in relay.options.items() if item[0] != RELAY_MSG])
        for relay in packet.relays
    ]
    return packet.type, packet.xid, relays, without_text(packet.options.octets)


def conversations():
    lines = [json.loads(line) for line in (VECTORS / "clients6.jsonl").read_text().splitlines()]
    return {name: list(messages) for name, messages in groupby(lines, key=lambda line: line["from"])}


@pytest.mark.parametrize("name", conversations())
def test_clients_hear_what_kea_told_them(name):
    replay(lab_for(name), name)


@pytest.mark.parametrize("name", conversations())
def test_clients_hear_it_from_the_configuration_that_kea_had(name, shared):
    replay(compiled_lab_for(name, shared), name)


def replay(lab, name):
    """A conversation again: whoever said something hears the same answer."""
    said = []
    told = 0
    for line in conversations()[name]:
        payload = bytes.fromhex(line["payload"])
        if payload[0] not in ANSWERS:
            target = IPv6Address(line["dst"])
            source = int(IPv6Address(line["src"]))
            arrival = Arrival6("eth0", 2, source, line["sport"], int(target), target.is_multicast)
            _, sent = lab.send(payload, arrival)
            if sent is not None:
                said.append(sent)
            continue
        xid = Packet6.parse(payload).xid
        ours = next(sent for sent in said if Packet6.parse(sent.data).xid == xid)
        said.remove(ours)
        told += 1
        assert visible(ours.data) == visible(payload)
        assert (ours.address, ours.port) == (int(IPv6Address(line["dst"])), line["dport"])
    assert told


def placeless(data):
    """An answer with the addresses that the server chose left out: they depend on what it offered before."""
    packet = Packet6.parse(data)
    octets = data
    for binding in bindings_of(packet):
        if binding.valid:
            octets = octets.replace(binding.address.to_bytes(16, "big"), bytes(16))
    return visible(octets)


def raw_vectors():
    return [json.loads(line) for line in (VECTORS / "raw-v6.jsonl").read_text().splitlines()]


def test_odd_messages_are_answered_as_kea_answered_them_and_dropped_as_kea_dropped_them():
    lab = lab_for()
    wrong = []
    for vector in raw_vectors():
        name, replies = vector["name"], vector["replies"]
        sent = bytes.fromhex(vector["sent"])
        port = 547 if sent[0] == MessageType6.RELAY_FORW else 546
        try:
            decision, ours = lab.send(sent, Arrival6("eth0", 2, CLIENT, port, GROUP, multicast=True))
        except WireError as error:
            decision, ours = error, None
        if (ours is not None) != bool(replies):
            wrong.append(f"{name}: Kea {'answered' if replies else 'was silent'}, here {decision}")
        elif ours is not None:
            theirs = bytes.fromhex(replies[0]["payload"])
            if placeless(ours.data) != placeless(theirs):
                wrong.append(f"{name}:\n{ours.data.hex()}, Kea:\n{theirs.hex()}")
            if ours.port != replies[0]["to-port"]:
                wrong.append(f"{name}: to port {ours.port}, Kea to {replies[0]['to-port']}")
    assert not wrong, "\n".join(wrong)


def test_addresses_that_clients_ask_for_are_given_as_kea_gave_them():
    lab = lab_for()
    seen = 0
    for vector in raw_vectors():
        try:
            asked = Packet6.parse(
                bytes.fromhex(vector["sent"]), Arrival6("eth0", 2, CLIENT, 546, GROUP, multicast=True)
            )
            hints = {(each.type, each.address) for each in bindings_of(asked)}
        except WireError:
            continue
        for reply in vector["replies"]:
            theirs = {(each.type, each.address) for each in bindings_of(Packet6.parse(bytes.fromhex(reply["payload"])))}
            _, ours = lab.send(asked.data, asked.arrival)
            given = {(each.type, each.address) for each in bindings_of(Packet6.parse(ours.data))}
            assert hints & theirs == hints & given, vector["name"]
            seen += bool(hints & theirs)
    assert seen


def test_what_kea_counts_as_dropped_is_counted_so_here():
    """The recorded log names the check that failed; ours is the tail of the statistic that Kea counts it in."""
    reasons = {
        "DHCP6_REQUIRED_OPTIONS_CHECK_FAIL": "rfc-violation",
        "DHCP6_PACKET_DROP_PARSE_FAIL": "parse-failed",
        "DHCP6_PACKET_DROP_SERVERID_MISMATCH": "not-for-us",
        "DHCP6_UNKNOWN_MSG_RECEIVED": "",
    }
    lab = lab_for()
    for vector in raw_vectors():
        said = [reason for line in vector["log"] for name, reason in reasons.items() if line.startswith(name)]
        if not said:
            continue
        dropped, _ = lab.send(bytes.fromhex(vector["sent"]), Arrival6("eth0", 2, CLIENT, 546, GROUP, multicast=True))
        assert isinstance(dropped, Dropped), vector["name"]
        assert dropped.reason == said[0], vector["name"]
