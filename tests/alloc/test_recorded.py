"""Messages that real Kea 2.2 answered, or did not: the engine must do the same.

`tests/vectors/raw-v4.jsonl` was recorded with odd, hand-made messages sent in order to one server (valid-lifetime 3600,
renew-timer 900, rebind-timer 1800, one pool 10.53.1.0 - 10.53.1.255, ddns-qualifying-suffix example.org).
"""

import json
from ipaddress import IPv4Address
from pathlib import Path

from dhcpkit.alloc import Lifetimes, Network, Pool4, Subnet4
from dhcpkit.alloc.naming import Naming
from dhcpkit.testing.machine import Lab4
from dhcpkit.wire import Arrival, Packet4, WireError
from dhcpkit.wire.options4 import DOMAIN_NAME, DOMAIN_NAME_SERVERS, ROUTERS

VECTORS = Path(__file__).parent.parent / "vectors" / "raw-v4.jsonl"
LOCAL = int(IPv4Address("10.53.0.1"))

# Where we differ, and why. `chaddr`: Kea clears the octets behind hlen, and forgets an address longer than the field.
CHADDR_DIFFERS = {"hlen 0 with client-id", "hlen 20"}

SUBNET = Subnet4(
    "10.53.0.0/16",
    pools=[Pool4("10.53.1.0 - 10.53.1.255")],
    lifetimes=Lifetimes.fixed(3600),
    renew_timer=900,
    rebind_timer=1800,
    naming=Naming(send_updates=False, qualifying_suffix="example.org"),
)


def network():
    subnet = SUBNET.with_option(ROUTERS, "10.53.0.1").with_option(DOMAIN_NAME, "example.org")
    return Network([subnet.with_option(DOMAIN_NAME_SERVERS, "10.53.0.1, 10.53.0.2")])


def visible(data, name):
    """What of an answer must agree: everything but the address, which depends on what was offered before."""
    packet = Packet4.parse(data)
    header = data[:16] + data[20:28] + (b"" if name in CHADDR_DIFFERS else data[28:44]) + data[44:240]
    return (b"" if name in CHADDR_DIFFERS else header), list(packet.options.items())


def test_the_engine_answers_what_kea_answered_and_drops_what_kea_dropped():
    lab = Lab4(network())
    wrong = []
    for line in VECTORS.read_text().splitlines():
        vector = json.loads(line)
        name, replies = vector["name"], vector["replies"]
        try:
            _, sent = lab.send(bytes.fromhex(vector["sent"]), Arrival("eth0", 2, local=LOCAL, broadcast=True))
        except WireError:
            sent = None
        if (sent is not None) != bool(replies):
            wrong.append(f"{name}: Kea {'answered' if replies else 'was silent'}")
        elif sent is not None:
            recorded = bytes.fromhex(replies[0]["payload"])
            if visible(sent.data, name) != visible(recorded, name):
                wrong.append(f"{name}: {Packet4.parse(recorded).options} is not {Packet4.parse(sent.data).options}")
            given = Packet4.parse(recorded).yiaddr == int(IPv4Address(replies[0]["dst"]))
            where = Packet4.parse(sent.data).yiaddr if given else int(IPv4Address(replies[0]["dst"]))
            if (sent.address, sent.port) != (where, replies[0]["dport"]):
                wrong.append(f"{name}: to {IPv4Address(sent.address)}:{sent.port}, Kea to {replies[0]['dst']}")
    assert not wrong, "\n".join(wrong)


def test_requested_addresses_are_given_as_kea_gave_them():
    lab = Lab4(network())
    for line in VECTORS.read_text().splitlines():
        vector = json.loads(line)
        try:
            sent = Packet4.parse(bytes.fromhex(vector["sent"]), Arrival("eth0", 2, local=LOCAL, broadcast=True))
        except WireError:
            continue
        asked = int.from_bytes(sent.options.get(50, b""), "big") or sent.ciaddr
        for reply in vector["replies"]:
            recorded = Packet4.parse(bytes.fromhex(reply["payload"]))
            if asked and recorded.yiaddr == asked:
                _, ours = lab.send(sent.data, sent.arrival)
                assert Packet4.parse(ours.data).yiaddr == asked, vector["name"]
