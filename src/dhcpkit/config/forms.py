"""Values as the normal form of a configuration shows them: addresses, prefixes, pools, identifiers, lists of names.

Each function takes a value that was read and checked, and answers with Kea's spelling of it; what is no such value
stays as it was written. This module does not know documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any, Final

from dhcpkit.wire.options6 import DHCP6
from dhcpkit.wire.text import parse_hex

__all__ = [
    "address_texts",
    "any_address_text",
    "colons_text",
    "digits_text",
    "interfaces_text",
    "mac_sources_text",
    "pool_text",
    "prefix_text",
    "prefix_texts",
    "relay_supplied_text",
    "server_text",
]

NO_SERVER: Final = "0.0.0.0"  # what Kea writes for "no boot server"; nothing is bound to it
RSOO: Final = 65  # the one option of RFC 6422 that relay agents may always supply
# Where hardware addresses are learnt from: the names under which Kea shows those that have two.
SOURCES: Final = {
    "rfc6939": "client-link-addr-option",
    "rfc4649": "remote-id",
    "rfc4580": "subscriber-id",
}


def any_address_text(text: str) -> str:
    """An address in its shortest form."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def address_texts(texts: Iterable[str]) -> list[str]:
    """Addresses, each in its shortest form."""
    return [any_address_text(text) for text in texts]


def server_text(text: str) -> str:
    """The address of a boot server; 0.0.0.0 for none."""
    return any_address_text(text) if text else NO_SERVER


def prefix_text(text: str) -> str:
    """A prefix: its address in the shortest form, and its length. Bits behind the length are left as they are."""
    address, slash, length = text.partition("/")
    return f"{any_address_text(address.strip())}/{int(length)}" if slash and length.strip().isdecimal() else text


def prefix_texts(texts: Iterable[str]) -> list[str]:
    """Prefixes; an empty text stands for none."""
    return [prefix_text(text) for text in texts]


def pool_text(text: str) -> str:
    """A pool: a prefix where it is one, else first and last address."""
    tight = re.sub(r"\s", "", text)
    try:
        if "/" in tight:
            return str(ip_network(tight, strict=False))
        first, last = (ip_address(part) for part in tight.split("-"))
    except ValueError:
        return text
    host_bits = int(first) ^ int(last)
    if host_bits & (host_bits + 1) or int(first) & host_bits:
        return f"{first}-{last}"
    return f"{first}/{first.max_prefixlen - host_bits.bit_length()}"


def colons_text(text: str) -> str:
    """A hardware address or a DUID: `01:23:ab`."""
    octets = _octets(text)
    return text if octets is None else octets.hex(":")


def digits_text(text: str) -> str:
    """Another identifier: `0123AB`."""
    octets = _octets(text)
    return text if octets is None else octets.hex().upper()


def _octets(text: str) -> bytes | None:
    try:
        return parse_hex(text)
    except ValueError:
        return None


def interfaces_text(names: Iterable[str]) -> list[str]:
    """Where a server listens: all interfaces, those named alone, those with an address; the latter two in order."""
    given = list(names)
    alone = sorted(name for name in given if name != "*" and "/" not in name)
    with_address = sorted((name.partition("/")[0], ip_address(name.partition("/")[2])) for name in given if "/" in name)
    everywhere = ["*"] if "*" in given else []
    return [*everywhere, *alone, *(f"{name}/{address}" for name, address in with_address)]


def mac_sources_text(names: Iterable[str]) -> list[str]:
    """Where hardware addresses are learnt from, each under its first name."""
    return [SOURCES.get(name, name) for name in names]


def relay_supplied_text(names: Iterable[str]) -> list[str]:
    """Options that relay agents may supply, by their codes and in their order; RFC 6422's own is always among them."""
    return [str(code) for code in sorted({RSOO, *(_code(name) for name in names)})]


def _code(name: str) -> int:
    if name.isdecimal():
        return int(name)
    option: Any = DHCP6.by_name(name)
    return RSOO if option is None else int(option.code)
