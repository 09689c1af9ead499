"""Recorded exchanges: what clients sent to real Kea goes through dhcpkit's engine, and the answers are compared.

The engine runs on the recording's own configuration, in the recording's order and time. `cache-threshold` is 0 where
the recording does not set it: that was Kea 2.2's default.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import attrs
from verdict import Verdict, absent

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.network import Network
from dhcpkit.backends import MemoryStore
from dhcpkit.config import load4
from dhcpkit.testing.machine import Lab4
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4
from dhcpkit.wire.errors import WireError

__all__ = ["by_clients", "by_hand"]

SERVER = "10.53.0.1"  # of the packets made by hand
RESTARTED = {  # before which message the recording's server was started again, with its lease file
    "v4-reboot-server-keeps-leases": 18,
    "v4-dhclient-rebind-after-restart": 5,
}
DOWN = {("v4-dhclient-rebind-after-restart", 4)}  # sent while the recording's server was stopped
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
    restarted: bool = False
    any_address: bool = False  # which address is offered depends on messages that the recording leaves out


def by_hand(shared: Path) -> Verdict:
    """Odd packets made by hand: answered as Kea did, or left unanswered as Kea did, option by option."""
    folder = shared / "kea" / "captures" / "raw-v4"
    if not folder.exists():
        return absent("no recorded packets")
    exchanges = []
    for number, line in enumerate((folder / "vectors.jsonl").read_text().splitlines()):
        vector = json.loads(line)
        source = re.search(r"received from ([\d.]+) to", " ".join(vector["log"]))
        here = int(IPv4Address(SERVER))
        arrival = Arrival("eth0", 1, int(IPv4Address(source[1] if source else 0)), 68, here, broadcast=True)
        answers = [(bytes.fromhex(r["payload"]), r["dst"], r["dport"]) for r in vector["replies"]]
        answer = answers[0] if answers else None
        exchanges.append(
            Exchange(vector["name"], bytes.fromhex(vector["sent"]), arrival, number * 0.01, answer, any_address=True)
        )
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
    server = next(message["src"] for message in messages if message["payload"].startswith("02"))
    for number, message in enumerate(messages):
        if not message["payload"].startswith("01") or (folder.name, number) in DOWN:
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
        source, local = (int(IPv4Address(text)) for text in (message["src"], server))
        arrival = Arrival("eth0", 1, source, message["sport"], local, broadcast=broadcast)
        restarted = RESTARTED.get(folder.name) == number
        name, sent = f"{message['type']} {number}", bytes.fromhex(message["payload"])
        yield Exchange(name, sent, arrival, message["t"], answer, restarted)


def judge(recordings: dict[str, tuple[Network, list[Exchange]]]) -> Verdict:
    """Plays every recording through a laboratory of its own. The note counts answers that are equal byte for byte."""
    passed = total = equal = answered = 0
    details = []
    for title, (network, exchanges) in recordings.items():
        lab = Lab4(network)
        start = lab.now
        for exchange in exchanges:
            lab.now = start + int(exchange.at)
            if exchange.restarted:
                lab.store = MemoryStore(asyncio.run(leases_of(lab.store)))
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


async def leases_of(store: Any) -> list[Lease4]:
    return [lease async for page in store.pages() for lease in page]


def answer_of(lab: Lab4, exchange: Exchange) -> tuple[bytes, str, int] | None:
    """What the engine answers: payload, destination, port."""
    try:
        _, outgoing = lab.send(exchange.sent, exchange.arrival)
    except WireError:
        return None
    if outgoing is None:
        return None
    data, address = outgoing.data, str(IPv4Address(outgoing.address))
    if exchange.any_address and exchange.answer is not None and outgoing.type == MessageType.OFFER:
        own, theirs = data[16:20], exchange.answer[0][16:20]
        if address == str(IPv4Address(own)):
            address = str(IPv4Address(theirs))
        data = data[:16] + theirs + data[20:]
    return data, address, outgoing.port


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
