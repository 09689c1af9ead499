"""Recorded exchanges: what clients sent to real Kea goes through dhcpkit's engine, and the answers are compared.

The engine runs on the recording's own configuration, in the recording's order and time. `cache-threshold` is 0 where
the recording does not set it: that was Kea 2.2's default.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import attrs
from verdict import Verdict, absent

from dhcpkit.alloc.network import Network
from dhcpkit.config import load4
from dhcpkit.testing import Lab4
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.errors import WireError

__all__ = ["by_clients", "by_hand"]

SERVER = int(IPv4Address("10.53.0.1"))  # of every recording
FIELDS = (
    "op",
    "htype",
    "hlen",
    "hops",
    "xid",
    "secs",
    "flags",
    "ciaddr",
    "yiaddr",
    "siaddr",
    "giaddr",
    "chaddr",
    "sname",
    "file",
)
ANSWERED_BY = {"DISCOVER": ("OFFER",), "REQUEST": ("ACK", "NAK"), "INFORM": ("ACK",)}


@attrs.frozen
class Exchange:
    """One message to the server and what Kea answered: payload, destination, port."""

    name: str
    sent: bytes
    arrival: Arrival
    at: float
    answer: tuple[bytes, str, int] | None


def by_hand(shared: Path) -> Verdict:
    """Odd packets made by hand: answered as Kea did, or left unanswered as Kea did, option by option."""
    folder = shared / "kea" / "captures" / "raw-v4"
    if not folder.exists():
        return absent("no recorded packets")
    exchanges = []
    for number, line in enumerate((folder / "vectors.jsonl").read_text().splitlines()):
        vector = json.loads(line)
        source = re.search(r"received from ([\d.]+) to", " ".join(vector["log"]))
        arrival = Arrival("eth0", 1, int(IPv4Address(source[1] if source else 0)), 68, SERVER, broadcast=True)
        answers = [(bytes.fromhex(r["payload"]), r["dst"], r["dport"]) for r in vector["replies"]]
        answer = answers[0] if answers else None
        exchanges.append(Exchange(vector["name"], bytes.fromhex(vector["sent"]), arrival, number * 0.01, answer))
    return judge({"raw-v4": (network_of(folder / "config.json"), exchanges)})


def by_clients(shared: Path) -> Verdict:
    """Real dhclient, dhcpcd, udhcpc, perfdhcp and dhcrelay against Kea: every answer again, option by option."""
    folders = sorted((shared / "kea" / "captures" / "clients").glob("v4-*"))
    if not folders:
        return absent("no recorded exchanges")
    return judge({folder.name: (network_of(folder / "config.json"), list(recorded(folder))) for folder in folders})


def network_of(path: Path) -> Network:
    config = json.loads(path.read_text())
    config["Dhcp4"].setdefault("cache-threshold", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "config.json"
        changed.write_text(json.dumps(config))
        return load4(changed).network


def recorded(folder: Path) -> Iterator[Exchange]:
    """The messages of a recording that went to the server, each with its answer (same transaction)."""
    messages = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    for number, message in enumerate(messages):
        if not message["payload"].startswith("01"):
            continue
        answer = None
        for later in messages[number + 1 :]:
            same = later["payload"][8:16] == message["payload"][8:16]
            if same and later["payload"].startswith("01") and later["type"] == message["type"]:
                break
            if same and later["payload"].startswith("02") and later["type"] in ANSWERED_BY.get(message["type"], ()):
                answer = (bytes.fromhex(later["payload"]), later["dst"], later["dport"])
                break
        broadcast = message["dst"] == "255.255.255.255"
        source, port = int(IPv4Address(message["src"])), message["sport"]
        arrival = Arrival("eth0", 1, source, port, SERVER, broadcast=broadcast)
        yield Exchange(f"{message['type']} {number}", bytes.fromhex(message["payload"]), arrival, message["t"], answer)


def judge(recordings: dict[str, tuple[Network, list[Exchange]]]) -> Verdict:
    """Plays every recording through a laboratory of its own. The note counts answers that are equal byte for byte."""
    passed = total = equal = answered = 0
    details = []
    for title, (network, exchanges) in recordings.items():
        lab = Lab4(network)
        start = lab.now
        for exchange in exchanges:
            lab.now = start + int(exchange.at)
            total += 1
            ours = answer_of(lab, exchange)
            found = [] if exchange.answer is None and ours is None else list(differences(exchange.answer, ours))
            passed += not found
            if exchange.answer is not None:
                answered += 1
                equal += ours is not None and ours[0] == exchange.answer[0]
            if found:
                details.append(f"{title}: {exchange.name}: {'; '.join(found)}")
    return Verdict(passed, total, note=f"{equal} of {answered} answers byte for byte", details=tuple(details))


def answer_of(lab: Lab4, exchange: Exchange) -> tuple[bytes, str, int] | None:
    try:
        _, outgoing = lab.send(exchange.sent, exchange.arrival)
    except WireError:
        return None
    return outgoing and (outgoing.data, str(IPv4Address(outgoing.address)), outgoing.port)


def differences(kea: tuple[bytes, str, int] | None, ours: tuple[bytes, str, int] | None) -> Iterator[str]:
    """In what two answers differ: silence, destination, header fields, options."""
    if kea is None or ours is None:
        yield "Kea is silent, we answer" if kea is None else "Kea answers, we are silent"
        return
    if kea[1:] != ours[1:]:
        yield f"sent to {kea[1]}:{kea[2]}, ours to {ours[1]}:{ours[2]}"
    theirs, mine = Packet4.parse(kea[0]), Packet4.parse(ours[0])
    for field in FIELDS:
        left, right = getattr(theirs, field), getattr(mine, field)
        if left != right:
            yield f"{field} {plain(left)}, ours {plain(right)}"
    for code in sorted({*theirs.options, *mine.options}):
        left, right = theirs.options.get(code), mine.options.get(code)
        if left != right:
            yield f"option {code} {plain(left)}, ours {plain(right)}"
    if list(theirs.options) != list(mine.options) and sorted(theirs.options) == sorted(mine.options):
        yield f"order {list(theirs.options)}, ours {list(mine.options)}"


def plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else "absent" if value is None else str(value)
