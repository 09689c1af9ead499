"""The command `dhcpkit decode`: shows DHCPv4 messages, from hexadecimal digits or capture files, as a tree or JSON."""

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

from dhcpkit.cli.status import Status
from dhcpkit.wire import Packet4, WireError
from dhcpkit.wire.capture import Datagram, is_capture, read_capture
from dhcpkit.wire.describe import describe4, printable

__all__ = ["decode"]

PORTS: Final = {67, 68}  # of which a datagram of DHCPv4 has at least one (RFC 8357 lets a relay choose its own)
STDIN: Final = "-"
SEPARATORS: Final = re.compile(r"0x|[\s:,.-]", re.IGNORECASE)  # what people write between octets
SHOWN_MAX: Final = 64  # octets of an option without a name on one line; JSON has them all
INDENT: Final = "  "


def decode(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HEX | FILE",
            help="Messages in hexadecimal, or files: pcap, pcapng, or hexadecimal text with blank lines between "
            "messages. Standard input where none is given, or for -.",
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per message and line.")] = False,
) -> None:
    """Shows DHCPv4 messages: every field and option by name, and what is wrong with them."""
    shown = wrong = 0
    for number, (data, datagram) in enumerate(_messages(sources or [STDIN]), 1):
        shown += 1
        try:
            described: dict[str, Any] = describe4(Packet4.parse(data))
        except WireError as error:
            wrong += 1
            described = {"error": error.what, "offset": error.offset, "octets": data.hex()}
        frame = {} if datagram is None else _frame(datagram)
        if as_json:
            print(json.dumps({"number": number, **frame, "size": len(data), **described}))
        else:
            print("\n".join(map(printable, _tree(number, frame, len(data), described))), end="\n\n")
    if shown == wrong:
        sys.stderr.write("no DHCPv4 message here\n" if not shown else "")
        raise typer.Exit(Status.NEGATIVE)


def _messages(sources: Iterable[str]) -> Iterator[tuple[bytes, Datagram | None]]:
    """The messages to show, each with the datagram it came in where that was captured."""
    for source in sources:
        octets = sys.stdin.buffer.read() if source == STDIN else _file(source)
        if octets is not None and is_capture(octets):
            for datagram in read_capture(octets):
                if PORTS & {datagram.port, datagram.dport}:
                    yield datagram.payload, datagram
        else:
            text = source if octets is None else octets.decode("ascii", "replace")
            for part in re.split(r"\n[ \t\r]*\n", text):
                if part.strip():
                    yield _octets(part), None


def _file(source: str) -> bytes | None:
    """What the file of this name holds; None where the words are digits and no name of a file."""
    if re.fullmatch(r"[0-9A-Fa-f]+", SEPARATORS.sub("", source)) and (len(source) > 255 or not Path(source).exists()):
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
    time = datetime.fromtimestamp(datagram.time, UTC)
    return frame | {
        "time": time.isoformat(timespec="microseconds"),
        "source": str(datagram.source),
        "destination": str(datagram.destination),
    }


def _tree(number: int, frame: dict[str, Any], size: int, described: dict[str, Any]) -> Iterator[str]:
    """The lines of one message."""
    head = [f"#{number}", described.get("type", "not DHCPv4")]
    if frame:
        head += [frame["time"], f"{frame['source']}:{frame['port']} > {frame['destination']}:{frame['dport']}"]
        head += [frame["source_mac"]] if frame["source_mac"] else []
    yield "  ".join([*head, f"{size} octets"])
    if frame.get("missing"):
        yield f"{INDENT}! the capture cut off {frame['missing']} octets of the payload"
    if "error" in described:
        yield f"{INDENT}! octet {described['offset']}: {described['error']}"
        yield f"{INDENT}{_hex(described['octets'])}"
        return
    yield (
        f"{INDENT}op {described['op']}  htype {described['htype']}  hlen {described['hlen']}  hops {described['hops']}"
        f"  xid {described['xid']}  secs {described['secs']}  flags {described['flags']}"
        + (" broadcast" if described["broadcast"] else "")
    )
    yield f"{INDENT}chaddr {described['chaddr'] or 'none'}"
    for name in ("ciaddr", "yiaddr", "siaddr", "giaddr"):
        if described[name] != "0.0.0.0":
            yield f"{INDENT}{name} {described[name]}"
    for name in ("sname", "file"):
        if described[name]:
            yield f"{INDENT}{name} {described[name]}"
    for name in ("options", "options in file", "options in sname"):
        if described.get(name):
            yield f"{INDENT}{name}"
            yield from _branches(described[name], 2)
    for flaw in described["flaws"]:
        yield f"{INDENT}! octet {flaw['offset']}: {flaw['what']}"


def _branches(options: list[dict[str, Any]], depth: int) -> Iterator[str]:
    """The lines of some options, those inside them one step deeper."""
    for option in options:
        if "flaw" in option:
            yield f"{INDENT * depth}! octet {option['offset']} of the payload: {option['flaw']}"
            continue
        name = f"{option['name']} ({option['code']})" if option["name"] else f"option {option['code']}"
        vendor = f"enterprise {option['enterprise']}: " if "enterprise" in option else ""
        inside = option.get("options", [])
        if inside:
            told = ""
        elif "error" in option:
            told = f" ! {option['error']}: {_hex(option['octets'])}"
        elif "says" in option:
            told = f" {option['says']}"
        else:
            told = f" {option['value'] if option.get('value') is not None else _hex(option['octets'])}"
        yield f"{INDENT * depth}{vendor}{name}{told}".rstrip()
        yield from _branches(inside, depth + 1)


def _hex(digits: str) -> str:
    octets = bytes.fromhex(digits)
    return octets[:SHOWN_MAX].hex(" ") + (f" ... {len(octets)} octets" if len(octets) > SHOWN_MAX else "")
