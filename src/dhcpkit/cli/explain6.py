"""The DHCPv6 side of `dhcpkit explain`: the client's messages, made from the command line or read from a capture."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, IPv6Interface
from pathlib import Path
from typing import Any, Final

import attrs
import typer

from dhcpkit.alloc.explain6 import Explanation6, explain6
from dhcpkit.alloc.network6 import Network6
from dhcpkit.backends import MemoryStore6
from dhcpkit.backends.memfile import read_leases6
from dhcpkit.wire.capture import read_capture
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.identity6 import DelegatedPrefix, IdentityAssociation, LeasedAddress
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options6 import CLIENT_ID, IA_NA, IA_PD, IAADDR, IAPREFIX, SERVER_ID
from dhcpkit.wire.text import parse_hex

__all__ = ["Asked", "explanations6"]

REQUESTED: Final = (23, 24, 31, 39, 56, 59, 82)  # what clients usually ask for
ORO, RAPID_COMMIT = 6, 14
SERVER_PORT: Final = 547
CLIENT: Final = IPv6Address("fe80::1")  # whose address it is makes no difference
ALL_SERVERS: Final = int(IPv6Address("ff02::1:2"))
NAMED: Final = {kind.name.lower().replace("_", "-"): kind for kind in (
    MessageType6.SOLICIT, MessageType6.REQUEST, MessageType6.CONFIRM, MessageType6.RENEW, MessageType6.REBIND,
    MessageType6.RELEASE, MessageType6.DECLINE, MessageType6.INFORMATION_REQUEST,
)}  # fmt: skip
WITH_SERVER: Final = (MessageType6.REQUEST, MessageType6.RENEW, MessageType6.RELEASE, MessageType6.DECLINE)


@attrs.frozen
class Asked:
    """The command line: who asks for what, and how it comes. `ia_na` and `ia_pd` are texts such as 1=2001:db8::5."""

    duid: str = ""
    mac: str = ""
    message: str = ""
    ia_na: Sequence[str] = ()
    ia_pd: Sequence[str] = ()
    rapid_commit: bool = False
    packet: str = ""
    pcap: Path | None = None
    relay: str = ""
    interface: str = ""


def explanations6(network: Network6, asked: Asked, leases: Path | None) -> tuple[list[Explanation6], str]:
    """Each message explained, and what had to be assumed. Raises WireError for what is no DHCPv6 message."""
    store = MemoryStore6(read_leases6(leases)) if leases is not None else MemoryStore6()
    arrival, assumed = _arrival(network, asked)
    results = []
    for packet in _packets(network, asked, arrival):
        named = packet.options.first.get(SERVER_ID.code)
        if named is not None:
            network.server_id = Duid(named)  # what this server calls itself is not in the configuration
        results.append(explain6(packet, network, store.view, int(time.time())))
    return results, assumed


def _packets(network: Network6, asked: Asked, arrival: Arrival6) -> Iterator[Packet6]:
    if asked.pcap is not None:
        for datagram in read_capture(asked.pcap.read_bytes()):
            if datagram.dport == SERVER_PORT and isinstance(datagram.source, IPv6Address):
                yield Packet6.parse(datagram.payload, datagram.arrival6(arrival.interface))
        return
    if asked.packet:
        yield Packet6.parse(_hex(asked.packet, "--packet"), arrival)
        return
    kind = NAMED.get(asked.message or "solicit")
    if kind is None:
        raise typer.BadParameter(f"--message is one of {', '.join(NAMED)}, not {asked.message!r}")
    fields: list[tuple[Any, Any]] = [(CLIENT_ID.code, _duid(asked))]
    if kind in WITH_SERVER:
        fields.append((SERVER_ID.code, network.server_id.octets))
    wanted = asked.ia_na or (() if asked.ia_pd or kind is MessageType6.INFORMATION_REQUEST else ("1",))
    fields += [(IA_NA, _association(text, "--ia-na")) for text in wanted]
    fields += [(IA_PD, _association(text, "--ia-pd")) for text in asked.ia_pd]
    fields.append((ORO, b"".join(code.to_bytes(2, "big") for code in REQUESTED)))
    if asked.rapid_commit:
        fields.append((RAPID_COMMIT, b""))
    relays = [Relay6(MessageType6.RELAY_FORW, 0, _address(asked.relay, "--relay"), CLIENT)] if asked.relay else []
    yield Packet6(kind, fields, relays=relays, arrival=arrival)


def _duid(asked: Asked) -> bytes:
    if asked.duid:
        return _hex(asked.duid, "--duid")
    if not asked.mac:
        raise typer.BadParameter("one of --duid, --mac, --packet, --pcap says which message is to be explained")
    return Duid.of_link_layer(_hex(asked.mac.replace("-", ":"), "--mac")).octets


def _association(text: str, option: str) -> IdentityAssociation:
    """`1`, or with what the client has or would like `1=2001:db8::5`, `1=2001:db8:100::/56`, `1=::/56`."""
    number, _, wanted = text.partition("=")
    try:
        iaid = int(number, 0)
        if not wanted:
            return IdentityAssociation(iaid)
        hint = IPv6Interface(wanted)
        if option == "--ia-pd":
            prefix = DelegatedPrefix(0, 0, hint.network.prefixlen, hint.network.network_address)
            return IdentityAssociation(iaid, options=Options6.of({IAPREFIX: prefix}))
        return IdentityAssociation(iaid, options=Options6.of({IAADDR: LeasedAddress(hint.ip, 0, 0)}))
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error} (1, or with a wish 1=2001:db8::5)") from error


def _arrival(network: Network6, asked: Asked) -> tuple[Arrival6, str]:
    """How the message comes, and what had to be assumed about that."""
    if asked.relay:
        return Arrival6(asked.interface, source=_address(asked.relay, "--relay"), port=SERVER_PORT), ""
    heard = Arrival6(asked.interface, source=int(CLIENT), local=ALL_SERVERS, multicast=True)
    if asked.interface or not network.subnets:
        return heard, ""
    subnet = network.subnets[0]
    around = network.shared_network(subnet)
    interface = subnet.interface or (around.interface if around is not None else "")
    assumed = f"the client is on the link of the first subnet, {subnet.prefix} (--interface, --relay say otherwise)"
    if interface:
        return attrs.evolve(heard, interface=interface), assumed
    return attrs.evolve(heard, source=subnet.first + 1), assumed


def _address(text: str, option: str) -> int:
    try:
        return int(IPv6Address(text))
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error


def _hex(text: str, option: str) -> bytes:
    try:
        return parse_hex(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error
