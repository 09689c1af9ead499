"""What an option's payload is: a construct declaration, its derived codec and its text form in one value.

A `Kind` is all that is ever said about a form of payload; options only name one. The text forms are Kea's
(`option-data` with `csv-format` true). This module does not know options or packets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import Any, Final, Generic, TypeVar

import attrs
import construct as c

from dhcpkit.wire.derive import Codec, Mapped, derive

__all__ = [
    "BINARY",
    "BOOLEAN",
    "EMPTY",
    "INT8",
    "INT16",
    "INT32",
    "IPV4",
    "TEXT",
    "UINT8",
    "UINT16",
    "UINT32",
    "Kind",
    "list_of",
    "show_hex",
    "split_text",
]

T = TypeVar("T")


@attrs.frozen(eq=False)
class Kind(Generic[T]):
    """A form of payload. `name` is Kea's type name where Kea has one (`ipv4-address`, `uint16`, `record` ...).

    `parse_text` raises ValueError with a sentence that says what was expected; `text_form` shows that form in one
    line, for the reference and for error messages. `array` and `element` describe lists to whoever derives from kinds.
    """

    name: str
    con: Any = attrs.field(repr=False)
    parse_text: Callable[[str], T] = attrs.field(repr=False)
    show_text: Callable[[T], str] = attrs.field(repr=False)
    text_form: str = attrs.field(repr=False)
    array: bool = False
    element: Kind[Any] | None = attrs.field(default=None, repr=False)
    codec: Codec[T] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "codec", derive(self.con))

    def parse(self, data: bytes) -> T:
        """Octets of a whole payload to its value; ValueError where the declaration refuses them."""
        return self.codec.parse(data)

    def build(self, value: T) -> bytes:
        """Value to octets; ValueError where the declaration has no form for it."""
        return self.codec.build(value)


def _number(name: str, con: Any, low: int, high: int) -> Kind[int]:
    def parse_text(text: str) -> int:
        word = text.strip()
        try:
            value = int(word, 16 if word.lower().startswith("0x") else 10)
        except ValueError:
            raise ValueError(f"{word!r} is not a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"{word} is out of range {low} to {high}")
        return value

    return Kind(name, con, parse_text, str, f"a whole number from {low} to {high}")


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text.strip())
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not an IPv4 address") from None


def _no_text(text: str) -> bytes:
    if text.strip():
        raise ValueError(f"no value expected, not {text.strip()!r}")
    return b""


def _no_octets(octets: bytes) -> bytes:
    if octets:
        raise ValueError(f"no octets expected, not {len(octets)}")
    return octets


def _truth(octet: int) -> bool:
    if octet > 1:
        raise ValueError(f"0 or 1 expected, not {octet}")
    return octet == 1


def _truth_text(text: str) -> bool:
    word = text.strip().lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise ValueError(f"true or false expected, not {text.strip()!r}")


HEX_FORM: Final = re.compile(r"\A(?:0[xX])?(?:[0-9A-Fa-f]{2}(?:[: ]?[0-9A-Fa-f]{2})*)?\Z")


def parse_hex(text: str) -> bytes:
    """Kea's hexadecimal forms: `0A0B`, `0x0a0b`, `0a:0b`, `0a 0b`, and `'text'` in single quotes (ASCII octets)."""
    word = text.strip()
    if len(word) > 1 and word[0] == word[-1] == "'":
        return word[1:-1].encode()
    if word[:2].lower() == "0x":
        word = word[2:]
    parts = re.split(r"[: ]+", word) if re.search(r"[: ]", word) else [word]
    if len(parts) > 1:
        digits = "".join(part.rjust(2, "0") for part in parts)
    else:
        digits = word if len(word) % 2 == 0 else "0" + word  # Kea pads an odd number of digits in front
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a string of hexadecimal digits") from None


def show_hex(octets: bytes) -> str:
    """Octets as upper-case hexadecimal digits without separators, as Kea shows binary options."""
    return octets.hex().upper()


def _text_decode(octets: bytes) -> str:
    # RFC 2132 2: options containing NVT ASCII data should not include a trailing NULL, but receivers must cope.
    return octets.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _text_encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


UINT8: Final = _number("uint8", c.Int8ub, 0, 255)
UINT16: Final = _number("uint16", c.Int16ub, 0, 65535)
UINT32: Final = _number("uint32", c.Int32ub, 0, 2**32 - 1)
INT8: Final = _number("int8", c.Int8sb, -128, 127)
INT16: Final = _number("int16", c.Int16sb, -32768, 32767)
INT32: Final = _number("int32", c.Int32sb, -(2**31), 2**31 - 1)
IPV4: Final[Kind[IPv4Address]] = Kind(
    "ipv4-address", Mapped(c.Bytes(4), IPv4Address, lambda a: a.packed), _address, str, "an IPv4 address"
)
BOOLEAN: Final[Kind[bool]] = Kind(
    "boolean", Mapped(c.Int8ub, _truth, int), _truth_text, lambda v: "true" if v else "false", "true or false"
)
TEXT: Final[Kind[str]] = Kind(
    "string", Mapped(c.GreedyBytes, _text_decode, _text_encode), lambda text: text, lambda text: text, "text"
)
BINARY: Final[Kind[bytes]] = Kind("binary", c.GreedyBytes, parse_hex, show_hex, "hexadecimal digits or 'text'")
EMPTY: Final[Kind[bytes]] = Kind("empty", Mapped(c.GreedyBytes, _no_octets, _no_octets), _no_text, lambda _: "", "nothing")


def split_text(text: str) -> list[str]:
    r"""The fields of a comma-separated value; `\,` is a comma inside a field. Blanks around fields are dropped."""
    fields = re.split(r"(?<!\\),", text)
    return [field.replace("\\,", ",").strip() for field in fields]


def list_of(element: Kind[T]) -> Kind[tuple[T, ...]]:
    """One or more values of `element`, one after the other; in text separated by commas."""

    def parse_text(text: str) -> tuple[T, ...]:
        return tuple(element.parse_text(field) for field in split_text(text))

    def show_text(values: tuple[T, ...]) -> str:
        return ", ".join(element.show_text(value).replace(",", "\\,") for value in values)

    con = Mapped(c.GreedyRange(element.con), _at_least_one, list)
    return Kind(element.name, con, parse_text, show_text, f"{element.text_form}, several separated by commas", True, element)


def _at_least_one(values: Sequence[Any]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("at least one value expected")
    return tuple(values)
