"""The values inside a configuration's strings: addresses, prefixes, pools, identifiers.

Each function raises Unfit for a text that is none. This module does not know documents or places.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from dhcpkit.alloc.links import range_of
from dhcpkit.config import codes
from dhcpkit.config.codes import Code
from dhcpkit.wire.text import parse_hex

__all__ = [
    "Unfit",
    "address4",
    "address6",
    "any_address",
    "any_or_none",
    "base6",
    "boot_server",
    "class_name",
    "duid_identifier",
    "identifier",
    "interface4",
    "interface6",
    "pool4",
    "pool6",
    "prefix4",
    "prefix6",
    "prefix_4o6",
    "relay4",
    "relay6",
    "space_name",
    "threshold",
]


class Unfit(ValueError):
    """A text is not what it should be: which code, in Kea's words, and what was expected."""

    def __init__(self, code: Code, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.expected = code, message, expected


def address4(text: str) -> int:
    """An IPv4 address as a number; an empty text is 0, "not set", as in Kea."""
    return _address(text, IPv4Address, "an IPv4 address such as 192.0.2.1")


def boot_server(text: str) -> int:
    """The IPv4 address of one client's boot server, or of a class's: 0.0.0.0 for none, but some address."""
    if not text:
        raise Unfit(codes.BAD_ADDRESS, f"Invalid next-server value specified: '{text}'", "an IPv4 address, or 0.0.0.0")
    address = address4(text)
    if address == 0xFFFFFFFF:
        message = f"Invalid next-server value: '{text}', must not be a broadcast"
        raise Unfit(codes.BAD_ADDRESS, message, "an IPv4 address, or 0.0.0.0")
    return address


def any_address(text: str) -> str:
    """An address of either family."""
    try:
        ip_address(text)
    except ValueError:
        message = f"Failed to convert '{text}' to address: Failed to convert string to address '{text}'"
        raise Unfit(codes.BAD_ADDRESS, message, "an IPv4 or IPv6 address") from None
    return text


def any_or_none(text: str) -> str:
    """An address of either family, or nothing."""
    return text and any_address(text)


def _address(text: str, kind: type[IPv4Address | IPv6Address], expected: str) -> int:
    if not text:
        return 0
    try:
        return int(kind(text))
    except ValueError:
        message = f"Failed to convert string to address '{text}': Invalid argument"
        raise Unfit(codes.BAD_ADDRESS, message, expected) from None


def prefix4(text: str) -> IPv4Network:
    """An IPv4 prefix with its length; bits behind the length are dropped."""
    address, slash, length = text.partition("/")
    if not slash:
        raise _no_subnet(f"Invalid subnet syntax (prefix/len expected):{text}")
    if ":" in address:
        raise _no_subnet(f"Non IPv4 prefix {address} specified in subnet4")
    if not length.strip().isdecimal() or not length.isascii():
        raise _no_subnet(f"prefix length: '{length}' is not an integer")
    if int(length) > 32:
        raise _no_subnet(f"Invalid prefix length specified for subnet: {length}")
    try:
        return IPv4Network((address.strip(), int(length)), strict=False)
    except ValueError:
        raise _no_subnet(f"Failed to convert string to address '{address}': Invalid argument") from None


def address6(text: str) -> int:
    """An IPv6 address as a number; an empty text is 0, "not set"."""
    return _address(text, IPv6Address, "an IPv6 address such as 2001:db8::1")


def class_name(text: str) -> str:
    """The name of a class of clients, which is not empty."""
    if not text:
        raise Unfit(codes.BAD_VALUE, "invalid class name", "the name of a class")
    return text


def space_name(text: str) -> str:
    """The name of an option space: letters, digits, and hyphens or underscores between them."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?", text):
        message = f"invalid option space name '{text}'"
        raise Unfit(codes.BAD_VALUE, message, "letters, digits, and hyphens between them")
    return text


def relay4(text: str) -> int:
    """The IPv4 address of a relay agent."""
    return address4(text) if text else _no_relay(4)


def relay6(text: str) -> int:
    """The IPv6 address of a relay agent."""
    return address6(text) if text else _no_relay(6)


def _no_relay(family: int) -> int:
    example = "192.0.2.1" if family == 4 else "2001:db8::1"
    message = f"address  is not a valid: IPv{family}address"
    raise Unfit(codes.BAD_ADDRESS, message, f"an IPv{family} address such as {example}")


def base6(text: str) -> int:
    """The address of a prefix, which must be there."""
    if not text:
        message = "Failed to convert string to address '': Invalid argument"
        raise Unfit(codes.BAD_ADDRESS, message, "an IPv6 address such as 2001:db8::")
    return address6(text)


def prefix6(text: str) -> IPv6Network:
    """An IPv6 prefix with its length; bits behind the length are dropped."""
    example = "a prefix with its length, such as 2001:db8::/64"
    address, slash, length = text.partition("/")
    if not slash:
        raise _no_subnet(f"Invalid subnet syntax (prefix/len expected):{text}", example)
    if not length.strip().isdecimal() or not length.isascii():
        raise _no_subnet(f"prefix length: '{length}' is not an integer", example)
    if int(length) > 128:
        raise _no_subnet(f"Invalid prefix length specified for subnet: {length}", example)
    try:
        return IPv6Network((address.strip(), int(length)), strict=False)
    except ValueError:
        pass
    try:
        IPv4Address(address.strip())
    except ValueError:
        raise _no_subnet(f"Failed to convert string to address '{address}': Invalid argument", example) from None
    raise _no_subnet(f"Non IPv6 prefix {address} specified in subnet6", example)


def prefix_4o6(text: str) -> IPv6Network | None:
    """The IPv6 prefix of clients that ask over DHCPv6; None where nothing is said."""
    if not text:
        return None
    example = "a prefix with its length, such as 2001:db8::/64"
    address, slash, length = text.partition("/")
    if not slash:
        raise _no_subnet(f"Missing / in the 4o6-subnet parameter:{text}, expected format: prefix6/length", example)
    if not length.isdecimal() or not length.isascii() or int(length) > 128:
        what = f"Invalid prefix length specified in 4o6-subnet parameter: {text}, expected 0..128 value"
        raise _no_subnet(what, example)
    try:
        return IPv6Network((address, int(length)), strict=False)
    except ValueError:
        raise _no_subnet(f"Failed to convert string to address '{address}': Invalid argument", example) from None


def _no_subnet(what: str, expected: str = "a prefix with its length, such as 192.0.2.0/24") -> Unfit:
    return Unfit(codes.BAD_SUBNET, f"subnet configuration failed: {what}", expected)


def pool4(text: str) -> tuple[int, int]:
    """First and last address of a pool: `first - last`, or a prefix, whose host bits are dropped as Kea does."""
    return _pool(text, IPv4Network, "192.0.2.64/26")


def pool6(text: str) -> tuple[int, int]:
    """First and last address of a pool, as `pool4`."""
    return _pool(text, IPv6Network, "2001:db8::/80")


def _pool(text: str, network: type[IPv4Network | IPv6Network], example: str) -> tuple[int, int]:
    tight = re.sub(r"\s", "", text)
    try:
        if "/" in tight:
            prefix = network(tight, strict=False)
            return int(prefix.network_address), int(prefix.broadcast_address)
        return range_of(tight, network)
    except ValueError:
        expected = f"`first - last` with the first address first, or a prefix such as {example}"
        if "/" not in tight and _ends_before_start(tight, IPv4Address if network is IPv4Network else IPv6Address):
            raise Unfit(codes.BAD_POOL, f"Failed to create pool defined by: {tight}", expected) from None
        acceptable = "There are two acceptable formats <min address-max address> or <prefix/len>"
        raise Unfit(codes.BAD_POOL, f"invalid pool definition: {text}. {acceptable}", expected) from None


def _ends_before_start(text: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    first, _, last = text.partition("-")
    try:
        return int(kind(last)) < int(kind(first))
    except ValueError:
        return False


def duid_identifier(text: str) -> bytes:
    """The identifier of a DUID: hexadecimal digits in pairs and nothing else; empty where the server chooses."""
    try:
        return bytes.fromhex(text.strip() if text.strip().isalnum() or not text else "x")
    except ValueError:
        message = f"identifier specified in the DUID configuration '{text}' is not a valid string of hexadecimal digits"
        raise Unfit(codes.BAD_IDENTIFIER, message, "pairs of hexadecimal digits without colons") from None


def threshold(value: float) -> float:
    """A part of a lifetime, 0 for none of it."""
    if not 0 <= value < 1:
        message = f"cache-threshold: {value:g} is invalid, it must be greater than or equal to 0.0 and less than 1.0"
        raise Unfit(codes.OUT_OF_RANGE, message, "0.0 or more, and less than 1.0")
    return value


def identifier(text: str) -> bytes:
    """A reservation's identifier: `aa:bb:cc`, `aabbcc`, `0xaabbcc`, or `'text'` in single quotes."""
    if not text:
        raise Unfit(codes.BAD_IDENTIFIER, "empty host identifier used", "hexadecimal digits, or text in single quotes")
    try:
        return parse_hex(text)
    except ValueError:
        message = f"invalid host identifier value '{text}'"
        expected = "hexadecimal digits such as 01:23:ab, or text in single quotes"
        raise Unfit(codes.BAD_IDENTIFIER, message, expected) from None


def interface4(text: str) -> str:
    """Where a server listens: `eth0`, `eth0/192.0.2.1`, or `*`."""
    return _interface(text, IPv4Address, "192.0.2.1")


def interface6(text: str) -> str:
    """Where a server listens: `eth0`, `eth0/2001:db8::1` for an address of it besides multicast, or `*`."""
    return _interface(text, IPv6Address, "2001:db8::1")


def _interface(text: str, kind: type[IPv4Address | IPv6Address], example: str) -> str:
    name, slash, address = text.partition("/")
    expected = f"eth0, eth0/{example}, or *"
    if not name or (name == "*" and slash):
        raise Unfit(codes.NO_INTERFACE, f"Failed to select interface: empty interface name in '{text}'", expected)
    if slash:
        try:
            kind(address)
        except ValueError:
            family = "IPv4" if kind is IPv4Address else "IPv6"
            message = f"Failed to select interface: invalid {family} address '{address}' behind interface {name}"
            raise Unfit(codes.NO_INTERFACE, message, expected) from None
    return text
