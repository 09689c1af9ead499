"""What callers of lease and lease statistics commands say: arguments read, and told what is wrong in Kea's words.

Kea words the same fault differently from command to command, and tools look at some of these texts; `Words` has one
command's. Only the first fault is told, as Kea does. This module does not know leases.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.config import codes
from dhcpkit.config.errors import Problem
from dhcpkit.config.param import Document, read
from dhcpkit.config.report import Report
from dhcpkit.hooks.commands import Refused

__all__ = [
    "LISTED", "LOOKED_UP", "PARSED", "U32", "Words", "address_of", "address_text", "client_id_of", "duid_of",
    "hwaddr_of", "understood",
]  # fmt: skip

U32: Final = 0xFFFFFFFF
CLIENT_ID_OCTETS: Final = (2, 255)  # RFC 2132 9.14, and Kea
DUID_OCTETS: Final = (3, 130)  # RFC 8415 11.1: two of the type, and one of something; Kea
HWADDR_OCTETS_MAX: Final = 20  # InfiniBand's, the longest there is (Kea)

D = TypeVar("D", bound=Document)
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_KINDS: Final = {
    "constant string": "a string",
    "boolean": "a boolean",
    "integer": "a number",
    "[": "a list",
    "{": "a map",
}
_COLONS: Final = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2})*")
_GROUPS: Final = re.compile(r"[0-9a-fA-F]{1,2}(?:(?P<by>[: ])[0-9a-fA-F]{1,2}(?:(?P=by)[0-9a-fA-F]{1,2})*)?")


@attrs.frozen
class Words:
    """How a command tells what is wrong with its arguments; `{key}`, `{kind}` and `{value}` are filled in.

    `absent`: none were sent; `shape`: they are no map. `by_kind` has other words for what should be one of these kinds.
    """

    absent: str
    shape: str
    missing: str
    wrong: str
    out_of_range: str
    by_kind: Mapping[str, str] = {}


PARSED: Final = Words(  # commands that take a whole lease
    absent="no parameters specified for the command",
    shape="the arguments must be a map",
    missing="missing parameter '{key}'",
    wrong="invalid type specified for parameter '{key}'",
    out_of_range="out of range value ({value}) specified for parameter '{key}'",
)
LOOKED_UP: Final = Words(  # commands about one lease
    absent="Parameters missing or are not a map.",
    shape="Parameters missing or are not a map.",
    missing="'{key}' parameter is missing.",
    wrong="'{key}' is not {kind}",
    out_of_range="'{key}' parameter is not a 32 bit unsigned integer.",
    by_kind={"a string": "'{key}' is not a string.", "a number": "'{key}' parameter is not integer."},
)
LISTED: Final = Words(  # commands about all leases that have something in common
    absent="Command arguments missing or a not a map.",
    shape="Command arguments missing or a not a map.",
    missing="'{key}' parameter not specified",
    wrong="'{key}' parameter must be {kind}",
    out_of_range="'{key}' parameter must be a 32 bit unsigned integer",
)


def understood(document: type[D], words: Words, said: Any) -> D:
    """The arguments of a command. Raises Refused. What the document does not know is passed over, as in Kea."""
    if said is None:
        raise Refused(words.absent)
    if not isinstance(said, dict):
        raise Refused(words.shape)
    report = Report()
    made = read(document, {key: value for key, value in said.items() if key in document.by_key}, (), report)
    if report.failed:
        order = {key: number for number, key in enumerate(document.by_key)}
        faults = [(key, problem) for problem in report.sorted() if (key := _key_of(problem))]
        raise Refused(_told(*min(faults, key=lambda one: order.get(one[0], 0)), words, said))
    return made


def _key_of(problem: Problem) -> str:
    """The argument that a problem is about."""
    if problem.code is codes.MISSING_KEY and not problem.path:
        return problem.message.split("'")[1]
    return re.split(r"[.\[]", problem.path, maxsplit=1)[0]


def _told(key: str, problem: Problem, words: Words, said: Mapping[str, Any]) -> str:
    kind = _KINDS.get(problem.expected, problem.expected)
    text = words.by_kind.get(kind, words.wrong)
    if problem.code is codes.MISSING_KEY:
        text = words.missing
    elif problem.code is codes.OUT_OF_RANGE:
        text = words.out_of_range
    return text.format(key=key, kind=kind, value=said.get(key, ""))


# Addresses and identifiers.


def address_of(text: str, family: int, *, asked: str = "Invalid {what} address specified: {text}") -> int:
    """An address as an integer. Raises Refused; `asked` says so of an address of the other family."""
    octets = _octets_of(text, family)
    if octets is not None:
        return int.from_bytes(octets, "big")
    if _octets_of(text, 10 - family) is not None:
        raise Refused(asked.format(what=f"IPv{family}", text=text))
    raise Refused(f"Failed to convert string to address '{text}': Invalid argument")


def _octets_of(text: str, family: int) -> bytes | None:
    try:
        return socket.inet_pton(_FAMILIES[family], text)
    except (OSError, ValueError):  # ValueError: a NUL or a surrogate in it
        return None


def address_text(address: int, family: int) -> str:
    """An address as text."""
    return socket.inet_ntop(_FAMILIES[family], address.to_bytes(4 if family == 4 else 16, "big"))


def hwaddr_of(text: str) -> bytes:
    """A hardware address: hexadecimal with colons, or nothing. Raises Refused."""
    strange = next((each for each in text if each not in "0123456789abcdefABCDEF: "), "")
    if strange:
        raise Refused(f"'{strange}' is not a valid hexadecimal digit in decoded string '{text}'")
    if text and not _COLONS.fullmatch(text):
        raise Refused(f"invalid format of the decoded string '{text}'")
    found = bytes(int(part, 16) for part in text.split(":") if part)
    if len(found) > HWADDR_OCTETS_MAX:
        raise Refused(f"hardware address is too long ({len(found)}), at most {HWADDR_OCTETS_MAX} is allowed")
    return found


def client_id_of(text: str) -> bytes:
    """A DHCPv4 client identifier. Raises Refused."""
    return _identifier(text, *CLIENT_ID_OCTETS)


def duid_of(text: str) -> bytes:
    """A DUID. Raises Refused."""
    return _identifier(text, *DUID_OCTETS)


def _identifier(text: str, least: int, most: int) -> bytes:
    found = _hex_of(text)
    if found is None:
        raise Refused(f"'{text}' is not a valid string of hexadecimal digits")
    if len(found) < least:
        raise Refused(f"identifier is too short ({len(found)}), at least {least} is required")
    if len(found) > most:
        raise Refused(f"identifier is too large ({len(found)}), at most {most} is required")
    return found


def _hex_of(text: str) -> bytes | None:
    """Octets in hexadecimal: with colons or blanks between them, or as one number, perhaps after `0x`; else None."""
    if not text.isascii():
        return None
    if _GROUPS.fullmatch(text) and len(text) != 2:
        return bytes(int(part, 16) for part in re.split("[: ]", text))
    digits = text.removeprefix("0x")
    if not digits:
        return b""
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        return None
    return bytes.fromhex(digits if len(digits) % 2 == 0 else f"0{digits}")
