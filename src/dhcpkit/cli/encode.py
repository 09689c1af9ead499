"""The command `dhcpkit encode`: makes DHCP messages of JSON, the inverse of `dhcpkit decode --json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dhcpkit.cli.definitions import OPTION_DEF, spaces_defined
from dhcpkit.wire import JsonError, Packet4, Packet6, Space
from dhcpkit.wire.capture import Datagram, write_capture
from dhcpkit.wire.dhcp4 import Op
from dhcpkit.wire.json_form import at, quoted, read_octets, refuse_others
from dhcpkit.wire.packet_json import family_told, from_json

__all__ = ["encode"]

STDIN: Final = Path("-")
# Between whom a message is on its way, where the JSON does not tell: a client and a server that have no addresses yet.
TO_SERVER4: Final = {"source": "0.0.0.0", "port": 68, "destination": "255.255.255.255", "dport": 67}
TO_CLIENT4: Final = {"source": "0.0.0.0", "port": 67, "destination": "255.255.255.255", "dport": 68}
TO_SERVER6: Final = {"source": "fe80::1", "port": 546, "destination": "ff02::1:2", "dport": 547}
DATAGRAM: Final = ("time", "source", "port", "destination", "dport", "source_mac", "destination_mac", "missing")


def encode(  # noqa: PLR0913  # the command's options
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="JSON: a message, a list of them, or one after the other. Standard input where none is given, or -.",
        ),
    ] = None,
    *,
    binary: Annotated[bool, typer.Option("--binary", help="The octets themselves, of one message.")] = False,
    pcap: Annotated[
        Path | None, typer.Option(help="Write a capture file with the messages; - is standard output.")
    ] = None,
    four: Annotated[bool, typer.Option("-4", help="Messages that do not tell their family are DHCPv4.")] = False,
    six: Annotated[bool, typer.Option("-6", help="Messages that do not tell their family are DHCPv6.")] = False,
    option_def: Annotated[Path | None, OPTION_DEF] = None,
) -> None:
    """Makes DHCP messages of JSON, as `decode --json` prints it or shorter, and prints them in hexadecimal."""
    if four and six:
        raise typer.BadParameter("-4 and -6 exclude each other")
    if binary and pcap is not None:
        raise typer.BadParameter("--binary and --pcap exclude each other")
    family = 4 if four else 6 if six else None
    spaces = spaces_defined(option_def, family)
    messages = [
        _message(found, family, spaces, steps) for source in sources or [STDIN] for steps, found in _objects(source)
    ]
    if pcap is not None:
        octets = write_capture(datagram for _, datagram in messages)
        _write(pcap, octets)
    elif binary:
        if len(messages) != 1:
            raise typer.BadParameter(f"--binary is for one message, not for {len(messages)}")
        _write(STDIN, messages[0][0])
    else:
        print("\n\n".join(octets.hex() for octets, _ in messages))  # decode wants a blank line between messages


def _write(path: Path, octets: bytes) -> None:
    if path == STDIN:
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
    else:
        path.write_bytes(octets)


def _objects(source: Path) -> Iterator[tuple[tuple[int, ...], Any]]:
    """What a file describes: messages, each with its number where there are several."""
    text = (sys.stdin.buffer.read() if source == STDIN else source.read_bytes()).decode("utf-8", "surrogateescape")
    read = json.JSONDecoder().raw_decode
    found, at_end = [], _behind_blanks(text, 0)
    while at_end < len(text):
        try:
            value, end = read(text, at_end)
        except json.JSONDecodeError as error:
            raise JsonError(f"{source}, line {error.lineno}, column {error.colno}: {error.msg}") from None
        except RecursionError:
            raise JsonError(f"{source}: JSON that is nested too deeply") from None
        found.append(value)
        at_end = _behind_blanks(text, end)
    if not found:
        raise JsonError(f"{source}: no JSON here")
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    elif len(found) == 1:
        yield (), found[0]
        return
    yield from (((number,), each) for number, each in enumerate(found))


def _behind_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start


def _message(
    found: Any, family: int | None, spaces: Mapping[int, Space], steps: tuple[int, ...]
) -> tuple[bytes, Datagram]:
    """The octets of one message, and the datagram that carries them."""
    with at(*steps):
        if isinstance(found, dict) and "error" in found and "octets" in found:  # what decode could make nothing of
            with at("octets"):
                octets = read_octets(found["octets"])
            ends = TO_SERVER6 if found.get("family") == 6 else TO_SERVER4
        else:
            if not isinstance(found, dict):
                raise JsonError(f"an object that describes a message expected, not {quoted(found)}")
            kind = family_told(found, None if "family" in found else family)
            packet = from_json(found, spaces.get(kind), family=kind)
            octets = bytes(packet)
            ends = _ends(packet)
        with at("datagram"):
            return octets, _datagram({**ends, **_told(found)}, octets)


def _ends(packet: Packet4 | Packet6) -> dict[str, Any]:
    if isinstance(packet, Packet4):
        return TO_CLIENT4 if packet.op == Op.REPLY else TO_SERVER4
    return TO_SERVER6


def _told(found: dict[str, Any]) -> dict[str, Any]:
    told = found.get("datagram", {})
    if not isinstance(told, dict):
        raise JsonError(f"an object expected, not {quoted(told)}")
    refuse_others(told, DATAGRAM)
    return told


def _datagram(told: Mapping[str, Any], octets: bytes) -> Datagram:
    addresses, ports, macs = {}, {}, {}
    for name in ("source", "destination"):
        with at(name):
            if not isinstance(told[name], str):
                raise JsonError(f"an address expected, not {quoted(told[name])}")
            addresses[name] = ip_address(told[name])
    for name in ("port", "dport"):
        ports[name] = told[name]
        if type(told[name]) is not int or not 0 <= told[name] <= 0xFFFF:
            raise JsonError(f"a number from 0 to 65535 expected, not {quoted(told[name])}", (name,))
    for name in ("source_mac", "destination_mac"):
        with at(name):
            macs[name] = read_octets(told[name]) if told.get(name) else b""
    return Datagram(
        _seconds(told.get("time", 0)),
        addresses["source"],
        ports["port"],
        addresses["destination"],
        ports["dport"],
        octets,
        macs["source_mac"],
        macs["destination_mac"],
    )


def _seconds(told: Any) -> float:
    """A time, as text or as seconds since 1970."""
    if type(told) in (int, float):
        return float(told)
    try:
        return datetime.fromisoformat(told).timestamp()
    except (TypeError, ValueError):
        raise JsonError(f"a time such as 2026-01-31T12:00:00+00:00 expected, not {quoted(told)}", ("time",)) from None
