"""The command `dhcpkit decode`: shows DHCP messages, from hexadecimal digits or capture files, as a tree or JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
import typer

from dhcpkit.cli.definitions import OPTION_DEF, spaces_defined
from dhcpkit.cli.status import Status
from dhcpkit.wire import Packet4, Packet6, WireError
from dhcpkit.wire.capture import Datagram, is_capture, read_capture
from dhcpkit.wire.packet_json import family_of, to_json
from dhcpkit.wire.tree import Line, outline, plain, printable

__all__ = ["decode"]

# A datagram of DHCP has at least one of these ports; RFC 8357 lets a relay choose its own.
PORTS: Final = {67: 4, 68: 4, 546: 6, 547: 6}
STDIN: Final = "-"
SEPARATORS: Final = re.compile(r"0x|[\s:,.-]", re.IGNORECASE)  # what people write between octets
SHOWN_MAX: Final = 64  # octets of what is no message, on one line; JSON has them all
NAME_MAX: Final = 255  # characters of a file's name: what is longer can only be digits


def decode(  # the command's options
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HEX | FILE",
            help="Messages in hexadecimal, or files: pcap, pcapng (compressed with gzip or not), or hexadecimal text "
            "with blank lines between messages. Standard input where none is given, or for -.",
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per message and line.")] = False,
    four: Annotated[bool, typer.Option("-4", help="Only DHCPv4; what is in hexadecimal is that.")] = False,
    six: Annotated[bool, typer.Option("-6", help="Only DHCPv6; what is in hexadecimal is that.")] = False,
    option_def: Annotated[Path | None, OPTION_DEF] = None,
) -> None:
    """Shows DHCP messages of both families: every field and option by name, and what is wrong with them."""
    if four and six:
        raise typer.BadParameter("-4 and -6 exclude each other")
    family = 4 if four else 6 if six else None
    spaces = spaces_defined(option_def, family)
    shown = wrong = 0
    for number, (kind, data, datagram) in enumerate(_messages(sources or [STDIN], family), 1):
        shown += 1
        try:
            packet = Packet4.parse(data) if kind == 4 else Packet6.parse(data)
            described = to_json(packet, spaces.get(kind))
        except WireError as error:
            wrong += 1
            described = {"family": kind, "error": error.what, "offset": error.offset, "octets": data.hex()}
        told: dict[str, Any] = {"number": number, "size": len(data)}
        if datagram is not None:
            told["datagram"] = _frame(datagram)
        if as_json:
            print(json.dumps(told | described))
        else:
            print("\n".join(_tree(told, described)), end="\n\n")
    if shown == wrong:
        sys.stderr.write("no DHCP message here\n" if not shown else "")
        raise typer.Exit(Status.NEGATIVE)


def _messages(sources: Iterable[str], family: int | None) -> Iterator[tuple[int, bytes, Datagram | None]]:
    """The messages to show: their family, their octets, and the datagrams they came in where those were captured."""
    for source in sources:
        octets = sys.stdin.buffer.read() if source == STDIN else _file(source)
        if octets is not None and is_capture(octets):
            for datagram in read_capture(octets):
                kind = PORTS.get(datagram.dport) or PORTS.get(datagram.port)
                if kind is not None and family in (None, kind):
                    yield kind, datagram.payload, datagram
        else:
            text = source if octets is None else octets.decode("ascii", "replace")
            for part in re.split(r"\n[ \t\r]*\n", text):
                if part.strip():
                    message = _octets(part)
                    yield family or family_of(message), message, None


def _file(source: str) -> bytes | None:
    """What the file of this name holds; None where the words are digits and no name of a file."""
    if re.fullmatch(r"[0-9A-Fa-f]+", SEPARATORS.sub("", source)) and (
        len(source) > NAME_MAX or not Path(source).exists()
    ):
        return None
    return Path(source).read_bytes()


def _octets(text: str) -> bytes:
    digits = SEPARATORS.sub("", text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise typer.BadParameter(
            f"{printable(text.strip()[:60])} is neither hexadecimal digits nor a capture"
        ) from None


def _frame(datagram: Datagram) -> dict[str, Any]:
    """How it came: everything of a datagram but its payload."""
    frame = attrs.asdict(datagram, filter=lambda field, _: field.name != "payload")
    for name in ("source_mac", "destination_mac"):
        frame[name] = frame[name].hex(":")
    return frame | {
        "time": _time(datagram.time),
        "source": str(datagram.source),
        "destination": str(datagram.destination),
    }


def _time(seconds: float) -> str:
    """A time as people read it; seconds since 1970 where no calendar goes that far, which a damaged file may say."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.6f}"


def _tree(told: dict[str, Any], described: dict[str, Any]) -> Iterator[str]:
    """The lines of one message."""
    frame = told.get("datagram", {})
    head = [f"#{told['number']}", str(described.get("type", f"not DHCPv{described['family']}"))]
    if frame:
        ends = [f"[{frame[end]}]" if ":" in frame[end] else frame[end] for end in ("source", "destination")]
        head += [frame["time"], f"{ends[0]}:{frame['port']} > {ends[1]}:{frame['dport']}"]
        head += [frame["source_mac"]] if frame["source_mac"] else []
    yield "  ".join([*head, f"{told['size']} octets"])
    lines = []
    if frame.get("missing"):
        lines.append(Line("", flaw=f"the capture cut off {frame['missing']} octets of the payload"))
    if "error" in described:
        lines.append(Line("", flaw=f"octet {described['offset']}: {described['error']}"))
        lines.append(Line(_hex(described["octets"])))
    else:
        lines += outline(described)
    yield from plain(lines, 1)


def _hex(digits: str) -> str:
    octets = bytes.fromhex(digits)
    return octets[:SHOWN_MAX].hex(" ") + (f" ... {len(octets)} octets" if len(octets) > SHOWN_MAX else "")
