"""A message in words, as a tree: what `dhcpkit decode` prints, and what `rich` shows of a packet.

The words are those of `packet_json.to_json`, laid out for people: one line for each thing, with what belongs to it
below. Nothing here fails for octets that a peer chose, and nothing that is printed moves a terminal's cursor. `rich` is
imported only where its tree is asked for. This module does not know where messages come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.json_form import Json
from dhcpkit.wire.options import Space
from dhcpkit.wire.packet_json import to_json

if TYPE_CHECKING:
    from rich.tree import Tree

__all__ = ["Line", "outline", "plain", "printable", "tree"]

SHOWN_MAX: Final = 64  # octets of an option on one line, and of hexadecimal values; JSON has them all
INDENT: Final = "  "
DIGITS: Final = "0123456789abcdef"  # of which the texts of octets consist
HEADER4: Final = ("op", "htype", "hlen", "hops", "xid", "secs", "flags")
ADDRESSES4: Final = ("ciaddr", "yiaddr", "siaddr", "giaddr")
HEADER6: Final = ("xid", "hops", "link", "peer")


@attrs.frozen
class Line:
    """One line of a message in words: what it is about, what it says, what is wrong there, and the lines below it."""

    label: str
    text: str = ""
    flaw: str = ""
    below: tuple[Line, ...] = ()

    def __str__(self) -> str:
        return printable(" ".join(part for part in (self.label, self.text, self.flaw and f"! {self.flaw}") if part))


def outline(shown: Mapping[str, Json]) -> tuple[Line, ...]:
    """The lines of a message that `to_json` has shown."""
    return tuple(_message4(shown) if shown["family"] == 4 else _message6(shown))


def plain(lines: Iterable[Line], depth: int = 0) -> Iterator[str]:
    """Lines as text, those below others one step to the right."""
    for line in lines:
        yield f"{INDENT * depth}{line}"
        yield from plain(line.below, depth + 1)


def tree(packet: Packet4 | Packet6, space: Space | None = None) -> Tree:
    """A message as a tree for `rich.print`. Its options are declared in `space`, or in DHCP4 or DHCP6."""
    from rich.text import Text  # noqa: PLC0415  # the library works without rich
    from rich.tree import Tree  # noqa: PLC0415

    def grow(parent: Tree, lines: Iterable[Line]) -> Tree:
        for line in lines:
            parts = ((line.label, "cyan"), (line.text, ""), (line.flaw and f"! {line.flaw}", "red"))
            words = [(printable(part), style) for part, style in parts if part]
            grow(parent.add(Text(" ").join(Text(word, style) for word, style in words)), line.below)
        return parent

    shown = to_json(packet, space)
    return grow(Tree(Text(f"DHCPv{shown['family']} {shown['type']}", "bold")), outline(shown))


def printable(text: str) -> str:
    r"""The text without what could move a terminal's cursor: `\x1b` for an escape, `\xff` for an octet that is none."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def _escaped(point: int) -> str:
    if 0xDC80 <= point <= 0xDCFF:  # what "surrogateescape" makes of an octet that is not UTF-8
        point -= 0xDC00
    return f"\\x{point:02x}" if point <= 0xFF else f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def _message4(shown: Mapping[str, Json]) -> Iterator[Line]:
    yield Line(_row(shown, HEADER4) + (" broadcast" if shown["broadcast"] else ""))
    yield Line("chaddr", shown["chaddr"] or "none")
    for name in ADDRESSES4:
        if shown[name] != "0.0.0.0":
            yield Line(name, shown[name])
    for name in ("sname", "file"):
        if isinstance(shown[name], str) and shown[name]:
            yield Line(name, shown[name])
    yield from _options_under("options", shown["options"])
    for name in ("file", "sname"):
        if isinstance(shown[name], dict):
            yield from _options_under(f"options in {name}", shown[name]["options"])
    yield from _flaws(shown, "")


def _message6(shown: Mapping[str, Json]) -> Iterator[Line]:
    for relay in shown.get("relays", ()):
        yield Line(f"relay {relay['type']}  {_row(relay, HEADER6)}", below=tuple(map(_option, relay["options"])))
    yield Line(_row(shown, HEADER6))
    yield from _options_under("options", shown["options"])
    yield from _flaws(shown, "")


def _row(shown: Mapping[str, Json], names: Iterable[str]) -> str:
    return "  ".join(f"{name} {shown[name]}" for name in names if name in shown)


def _options_under(label: str, options: list[Json]) -> Iterator[Line]:
    if options:
        yield Line(label, below=tuple(map(_option, options)))


def _option(shown: Mapping[str, Json]) -> Line:
    label = f"{shown['name']} ({shown['code']})" if "name" in shown else f"option {shown['code']}"
    flaws = tuple(_flaws(shown, " of the payload"))
    if "error" in shown:
        return Line(label, flaw=f"{shown['error']}: {_spaced(shown['octets'])}".removesuffix(": "))
    if "value" not in shown:
        return Line(label, shown.get("says") or _spaced(shown.get("octets", "")), below=flaws)
    text, below = _words(shown["value"])
    if "says" in shown:
        text = f"{text} {shown['says']}" if isinstance(shown["value"], str) else shown["says"]
    return Line(label, text, below=(*below, *flaws))


def _flaws(shown: Mapping[str, Json], where: str) -> Iterator[Line]:
    for flaw in shown.get("flaws", ()):
        yield Line("", flaw=f"octet {flaw['offset']}{where}: {flaw['what']}")


def _words(value: Json) -> tuple[str, tuple[Line, ...]]:
    """What a value says on its own line, and the lines below that."""
    if isinstance(value, dict):
        return _members(value)
    if not isinstance(value, list):
        return _scalar(value), ()
    if value and all(map(_is_option, value)):
        return "", tuple(map(_option, value))
    found = [_words(each) for each in value]
    if len(found) > 1 and any(isinstance(each, dict) for each in value):
        return "", tuple(Line(text, below=below) for text, below in found)
    return ", ".join(text for text, _ in found if text), tuple(line for _, below in found for line in below)


def _members(value: Mapping[str, Json]) -> tuple[str, tuple[Line, ...]]:
    if "family" in value and "options" in value:  # a message within the message
        return str(value["type"]), outline(value)
    texts, lines = [], list[Line]()
    for name, member in value.items():
        text, below = _words(member)
        if isinstance(member, dict):
            lines.append(Line(name, text, below=below))
        elif text or not isinstance(member, list):
            texts.append(f"{name} {text}".rstrip())
            lines += below
        else:
            lines += below
    return "  ".join(texts), tuple(lines)


def _scalar(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    if len(text) <= 2 * SHOWN_MAX or text.strip(DIGITS):
        return text
    return f"{text[: 2 * SHOWN_MAX]} ... {len(text) // 2} octets"


def _is_option(value: Any) -> bool:
    return isinstance(value, dict) and "code" in value and ("octets" in value or "name" in value)


def _spaced(digits: str) -> str:
    octets = bytes.fromhex(digits)
    return octets[:SHOWN_MAX].hex(" ") + (f" ... {len(octets)} octets" if len(octets) > SHOWN_MAX else "")
