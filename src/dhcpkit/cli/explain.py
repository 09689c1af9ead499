"""The command `dhcpkit explain`: why a client gets this subnet, address and options, or silence."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dhcpkit.alloc.explain import Explanation, explain4
from dhcpkit.alloc.explain6 import Explanation6
from dhcpkit.alloc.network import Network
from dhcpkit.alloc.trace import Note
from dhcpkit.backends import MemoryStore
from dhcpkit.backends.memfile import read_leases
from dhcpkit.cli.status import Status
from dhcpkit.config import Loaded4, Loaded6, family_of, load4, load6
from dhcpkit.wire import Arrival, MessageType, Packet4, WireError
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.capture import read_capture
from dhcpkit.wire.kinds import parse_hex

__all__ = ["explain"]

ASKED: Final = bytes(
    (1, 3, 6, 12, 15, 26, 28, 33, 42, 51, 54, 58, 59, 66, 67, 119, 121)
)  # what clients usually ask for
SERVER_PORT: Final = 67


def explain(  # noqa: PLR0913, PLR0917  # the command's options
    config: Annotated[Path, typer.Argument(help="Kea configuration file (Dhcp4 or Dhcp6).")],
    mac: Annotated[str, typer.Option(help="Hardware address of the client, as 02:00:00:00:00:10.")] = "",
    client_id: Annotated[str, typer.Option(help="Client identifier (option 61) in hexadecimal.")] = "",
    duid: Annotated[str, typer.Option(help="DUID of a DHCPv6 client in hexadecimal.")] = "",
    message: Annotated[
        str,
        typer.Option(
            "--message",
            "--type",
            help="What the client sends: discover, request, inform; of DHCPv6 solicit, request, confirm, renew, "
            "rebind, release, decline, information-request.",
        ),
    ] = "",
    requested: Annotated[str, typer.Option(help="Address the client asks for.")] = "",
    ia_na: Annotated[
        list[str] | None, typer.Option(help="DHCPv6: an association for an address, 1, or with a wish 1=2001:db8::5.")
    ] = None,
    ia_pd: Annotated[
        list[str] | None, typer.Option(help="DHCPv6: an association for a prefix, 1, or with a wish 1=::/56.")
    ] = None,
    rapid_commit: Annotated[bool, typer.Option(help="DHCPv6: the client wants two messages instead of four.")] = False,
    packet: Annotated[str, typer.Option(help="A whole message in hexadecimal instead of --mac or --duid.")] = "",
    pcap: Annotated[Path | None, typer.Option(help="Explain every client's message of a capture file.")] = None,
    leases: Annotated[Path | None, typer.Option(help="Lease file to decide on; none: no leases.")] = None,
    relay: Annotated[str, typer.Option(help="The message comes through the relay with this address.")] = "",
    interface: Annotated[str, typer.Option(help="The message comes in on this interface of the server.")] = "",
    local: Annotated[str, typer.Option(help="The server's own address on that interface (DHCPv4).")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Shows why a client gets this subnet, address and options, or silence; each step names its place in the file."""
    family = family_of(config)
    loaded: Loaded4 | Loaded6
    results: list[Explanation] | list[Explanation6]
    try:
        if family == 6:
            from dhcpkit.cli.explain6 import Asked, explanations6

            loaded = load6(config)
            asked = Asked(duid, mac, message, ia_na or (), ia_pd or (), rapid_commit, packet, pcap, relay, interface)
            results, assumed = explanations6(loaded.network, asked, leases)
        else:
            loaded = load4(config)
            arrival, assumed = _arrival(loaded.network, relay, interface, local)
            messages = _messages(mac, client_id, message or "discover", requested, packet, pcap, relay, arrival)
            results = list(_explained4(messages, loaded.network, leases))
    except WireError as error:
        sys.stderr.write(f"not a DHCPv{family} message: {error}\n")
        raise typer.Exit(Status.NEGATIVE) from error
    if as_json:
        documents = [_placed(result.to_json(), loaded) for result in results]
        print(json.dumps(documents if pcap is not None else documents[0], indent=2))
    else:
        if assumed:
            print(f"assumed: {assumed}")
        for result in results:
            _show(result, loaded)
    if not results:
        sys.stderr.write(f"no DHCPv{family} message from a client in the capture\n")
    if not any(result.sent is not None for result in results):
        raise typer.Exit(Status.NEGATIVE)


def _explained4(
    messages: Iterable[tuple[bytes, Arrival]], network: Network, leases: Path | None
) -> Iterator[Explanation]:
    store = MemoryStore(read_leases(leases)) if leases is not None else MemoryStore()
    for data, how in messages:
        yield explain4(Packet4.parse(data, how), network, store.view, int(time.time()))


def _messages(  # noqa: PLR0913, PLR0917  # the command's options
    mac: str, client_id: str, message: str, requested: str, packet: str, pcap: Path | None, relay: str, arrival: Arrival
) -> Iterator[tuple[bytes, Arrival]]:
    """The messages to explain with how they came."""
    if pcap is not None:
        for datagram in read_capture(pcap.read_bytes()):
            if datagram.dport == SERVER_PORT and isinstance(datagram.source, IPv4Address):
                seen = datagram.arrival(arrival.interface)
                broadcast = seen.broadcast or not seen.local
                yield (
                    datagram.payload,
                    Arrival(arrival.interface, 0, seen.source, seen.port, seen.local or arrival.local, broadcast),
                )
        return
    if packet:
        yield _hex(packet, "--packet"), arrival
        return
    if not mac:
        raise typer.BadParameter("one of --mac, --packet, --pcap says which message is to be explained")
    hwaddr = _hex(mac.replace("-", ":"), "--mac")
    kinds = {"discover": MessageType.DISCOVER, "request": MessageType.REQUEST, "inform": MessageType.INFORM}
    if message not in kinds:
        raise typer.BadParameter(f"--message is one of {', '.join(kinds)}, not {message!r}")
    options = {55: ASKED}
    if client_id:
        options[61] = _hex(client_id, "--client-id")
    asked = _address(requested, "--requested")
    if requested and message != "inform":
        options[50] = asked.to_bytes(4, "big")
    if message == "request":
        options[54] = arrival.local.to_bytes(4, "big")
    data = build_packet4(
        kinds[message],
        options,
        xid=0,
        chaddr=hwaddr,
        hops=1 if relay else 0,
        ciaddr=asked if message == "inform" else 0,
        giaddr=_address(relay, "--relay"),
    )
    yield data, arrival


def _hex(text: str, option: str) -> bytes:
    try:
        return parse_hex(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error


def _address(text: str, option: str) -> int:
    try:
        return int(IPv4Address(text)) if text else 0
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error


def _arrival(network: Network, relay: str, interface: str, local: str) -> tuple[Arrival, str]:
    """How the message comes, and what had to be assumed about that."""
    giaddr = _address(relay, "--relay")
    own = _address(local, "--local")
    if giaddr:
        return Arrival(interface, source=giaddr, port=SERVER_PORT, local=own), ""
    if own or network.by_interface(interface):
        first = network.by_interface(interface)
        return Arrival(interface, local=own or first[0].first + 1, broadcast=True), ""
    if not network.subnets:
        return Arrival(interface, broadcast=True), ""
    subnet = network.subnets[0]
    assumed = (
        f"the client is on the link of the first subnet, {subnet.prefix} (--interface, --local, --relay say otherwise)"
    )
    return Arrival(interface, local=subnet.first + 1, broadcast=True), assumed


def _placed(document: dict[str, Any], loaded: Loaded4 | Loaded6) -> dict[str, Any]:
    for note in document["notes"]:
        note["where"] = _place(note["where"], loaded)
    return document


def _place(where: str, loaded: Loaded4 | Loaded6) -> str:
    return str(loaded.source.place(where)) if where else ""


def _show(result: Explanation | Explanation6, loaded: Loaded4 | Loaded6) -> None:
    print(result.packet)
    width = max((len(note.step) for note in result.notes), default=0)
    for note in result.notes:
        print("  " + _line(note, width, _place(note.where, loaded)))
    print(f"=> {result.verdict}")


def _line(note: Note, width: int, where: str) -> str:
    text = f"{note.step:{width}}  " + (f"{note.subject}: " if note.subject else "") + note.verdict
    if note.because:
        text += f", {note.because}"
    return f"{text}  ({where})" if where else text
