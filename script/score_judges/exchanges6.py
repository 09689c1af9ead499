"""Recorded DHCPv6 exchanges: what clients sent to real Kea goes through our engine, as `exchanges` does for DHCPv4.

The engine runs on the recording's own configuration, in the recording's order and time. `cache-threshold` is 0 where
the recording does not set it, and released leases are removed: that was Kea 2.2. Sentences in status codes are
everybody's own and left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

import attrs
from verdict import Verdict, absent

from dhcpkit.alloc.network6 import Network6
from dhcpkit.config import load6
from dhcpkit.testing.machine6 import Lab6, bindings_of
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.nested6 import Options6

__all__ = ["by_clients6", "by_hand6"]

SERVER_ID = Duid.of_link_layer(bytes.fromhex("020000000001"))
CLIENT, GROUP = (int(IPv6Address(text)) for text in ("fe80::ff:fe00:10", "ff02::1:2"))
FROM_CLIENTS = {MessageType6[name] for name in ("SOLICIT", "REQUEST", "CONFIRM", "RENEW", "REBIND", "RELEASE")}
FROM_CLIENTS |= {MessageType6[name] for name in ("DECLINE", "INFORMATION_REQUEST", "RELAY_FORW")}
DOWN = {("v6-dhclient-rebind-after-restart", "RENEW")}  # sent while the recording's server was stopped
IA_NA, RELAY_MSG, STATUS, IA_PD, IA_SIZE = 3, 9, 13, 25, 12


@attrs.frozen
class Exchange6:
    """One message to the server and what Kea answered: payload, destination, port."""

    name: str
    sent: bytes
    arrival: Arrival6
    at: float
    answer: tuple[bytes, int, int] | None
    any_address: bool = False  # which address is given depends on messages that the recording leaves out


def by_hand6(shared: Path) -> Verdict:
    """Odd DHCPv6 packets made by hand: answered as Kea did, or left unanswered as Kea did, option by option."""
    folder = shared / "kea" / "captures" / "raw-v6"
    if not folder.exists():
        return absent("no recorded packets")
    exchanges = []
    for number, line in enumerate((folder / "vectors.jsonl").read_text().splitlines()):
        vector = json.loads(line)
        sent = bytes.fromhex(vector["sent"])
        port = 547 if sent[:1] == bytes((MessageType6.RELAY_FORW,)) else 546
        arrival = Arrival6("eth0", 1, CLIENT, port, GROUP, multicast=True)
        answers = [(bytes.fromhex(reply["payload"]), CLIENT, reply["to-port"]) for reply in vector["replies"]]
        answer = answers[0] if answers else None
        exchanges.append(Exchange6(vector["name"], sent, arrival, number * 0.01, answer, any_address=True))
    return judge({"raw-v6": (network_of(folder / "config.json"), exchanges)})


def by_clients6(shared: Path) -> Verdict:
    """Real dhclient, dhcpcd, perfdhcp and dhcrelay against Kea's DHCPv6: every answer again, option by option."""
    folders = sorted((shared / "kea" / "captures" / "clients").glob("v6-*"))
    if not folders:
        return absent("no recorded exchanges")
    return judge({folder.name: (network_of(folder / "config.json"), list(recorded(folder))) for folder in folders})


def network_of(path: Path) -> Network6:
    config = json.loads(path.read_text())
    config["Dhcp6"].setdefault("cache-threshold", 0.0)
    config["Dhcp6"].setdefault("expired-leases-processing", {})["hold-reclaimed-time"] = 0
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "config.json"
        changed.write_text(json.dumps(config))
        return load6(changed, server_id=SERVER_ID).network


def recorded(folder: Path) -> Iterator[Exchange6]:
    """The messages of a recording that went to the server, each with its answer (same transaction)."""
    messages = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    packets = [Packet6.parse(bytes.fromhex(message["payload"])) for message in messages]
    for number, (message, packet) in enumerate(zip(messages, packets, strict=True)):
        if not asks(message, packet) or ((folder.name, message["type"]) in DOWN and not answered(number, packets)):
            continue
        answer = None
        for later, other in zip(messages[number + 1 :], packets[number + 1 :], strict=True):
            if other.xid != packet.xid or len(other.relays) != len(packet.relays):
                continue
            if not asks(later, other):
                answer = (bytes.fromhex(later["payload"]), int(IPv6Address(later["dst"])), later["dport"])
            break
        source, local = (IPv6Address(message[key]) for key in ("src", "dst"))
        arrival = Arrival6("eth0", 1, int(source), message["sport"], int(local), multicast=local.is_multicast)
        sent = bytes.fromhex(message["payload"])
        yield Exchange6(f"{message['type']} {number}", sent, arrival, message["t"], answer)


def asks(message: dict[str, str], packet: Packet6) -> bool:
    """Whether a message goes to a server, and not from one, nor only to a relay agent."""
    return int(message["payload"][:2], 16) in FROM_CLIENTS and packet.type in FROM_CLIENTS


def answered(number: int, packets: list[Packet6]) -> bool:
    return any(other.xid == packets[number].xid and other.type not in FROM_CLIENTS for other in packets[number + 1 :])


def judge(recordings: dict[str, tuple[Network6, list[Exchange6]]]) -> Verdict:
    """Plays every recording through a laboratory of its own. The note counts answers that are equal byte for byte."""
    passed = total = equal = replies = 0
    details = []
    for title, (network, exchanges) in recordings.items():
        lab = Lab6(network)
        start = lab.now
        for exchange in exchanges:
            lab.now = start + int(exchange.at)
            total += 1
            ours = answer_of(lab, exchange)
            found = list(differences(exchange, ours))
            passed += not found
            if exchange.answer is not None:
                replies += 1
                equal += ours is not None and ours[0] == exchange.answer[0]
            if found:
                details.append(f"{title}: {exchange.name}: {'; '.join(found)}")
    return Verdict(passed, total, note=f"{equal} of {replies} answers byte for byte", details=tuple(details))


def answer_of(lab: Lab6, exchange: Exchange6) -> tuple[bytes, int, int] | None:
    """What the engine answers: payload, destination, port."""
    try:
        _, outgoing = lab.send(exchange.sent, exchange.arrival)
    except WireError:
        return None
    return None if outgoing is None else (outgoing.data, outgoing.address, outgoing.port)


def differences(exchange: Exchange6, ours: tuple[bytes, int, int] | None) -> Iterator[str]:
    """In what two answers differ: silence, destination, header, relays, options."""
    kea = exchange.answer
    if kea is None or ours is None:
        if kea is not ours:
            yield "Kea is silent, we answer" if kea is None else "Kea answers, we are silent"
        return
    if kea[1:] != ours[1:]:
        yield f"sent to {IPv6Address(kea[1])}:{kea[2]}, ours to {IPv6Address(ours[1])}:{ours[2]}"
    theirs, mine = (flat(data, placeless=exchange.any_address) for data in (kea[0], ours[0]))
    if theirs != mine:
        left, right = ([part for part in one if part not in other] for one, other in ((theirs, mine), (mine, theirs)))
        yield f"{left}, ours {right}" if left or right else "another order of options"


def flat(data: bytes, *, placeless: bool) -> list[tuple[object, ...]]:
    """Everything in an answer that must agree; with `placeless` what it gives is left out."""
    if placeless:
        for binding in bindings_of(Packet6.parse(data)):
            if binding.valid:
                data = data.replace(binding.address.to_bytes(16, "big"), bytes(16))
    packet = Packet6.parse(data)
    found: list[tuple[object, ...]] = [("header", packet.type, packet.xid)]
    for relay in packet.relays:
        kept = [(code, payload.hex()) for code, payload in relay.options.items() if code != RELAY_MSG]
        found.append(("relay", relay.hops, relay.link, relay.peer, *kept))
    for code, payload in packet.options.items():
        if code in (IA_NA, IA_PD):
            inner = [(each, without_sentence(each, octets)) for each, octets in Options6(payload[IA_SIZE:]).items()]
            found.append((code, payload[:IA_SIZE].hex(), *inner))
        else:
            found.append((code, without_sentence(code, payload)))
    return found


def without_sentence(code: int, payload: bytes) -> str:
    return payload[:2].hex() if code == STATUS else payload.hex()
