"""A message in words: every field and option by name, with its text and what it says, as plain dicts and lists.

Made for people's eyes and for JSON: `dhcpkit decode` prints it, a log or a test may show it. Nothing here raises for
octets that a peer chose; what cannot be read is said where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any, Final

from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.dhcp4 import MessageType, Op, Packet4
from dhcpkit.wire.duid import ClientId
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import (
    DHCP4,
    DHCP_CLIENT_IDENTIFIER,
    DHCP_MESSAGE_TYPE,
    DHCP_OPTION_OVERLOAD,
    DHCP_PARAMETER_REQUEST_LIST,
    FQDN_OPTION,
    USER_CLASS,
    VENDOR_SPACES,
    VIVCO_SUBOPTIONS,
    VIVSO_SUBOPTIONS,
)
from dhcpkit.wire.vendor import VendorClass, VendorOptions, opaque_list

__all__ = ["describe4", "describe_options", "printable"]

Described = dict[str, Any]


def describe4(packet: Packet4, space: Space = DHCP4) -> Described:
    """A DHCPv4 message: header fields, options in the order they came, and flaws."""
    described = {
        "type": _name(MessageType, packet.type) if packet.type else "BOOTP",
        "op": _name(Op, packet.op),
        "htype": packet.htype,
        "hlen": packet.hlen,
        "hops": packet.hops,
        "xid": f"{packet.xid:#010x}",
        "secs": packet.secs,
        "flags": f"{packet.flags:#06x}",
        "broadcast": packet.broadcast_flag,
        "ciaddr": str(IPv4Address(packet.ciaddr)),
        "yiaddr": str(IPv4Address(packet.yiaddr)),
        "siaddr": str(IPv4Address(packet.siaddr)),
        "giaddr": str(IPv4Address(packet.giaddr)),
        "chaddr": packet.chaddr.hex(":"),
        "sname": packet.sname.decode("utf-8", "surrogateescape"),
        "file": packet.file.decode("utf-8", "surrogateescape"),
        "options": describe_options(packet.options, space),
    }
    where = (packet.options.get(DHCP_OPTION_OVERLOAD.code) or b"\0")[0]
    for bit, name, field in ((1, "file", packet.data[108:236]), (2, "sname", packet.data[44:108])):
        if where & bit:
            described[name] = ""
            described[f"options in {name}"] = describe_options(SubOptions(field, padded=True).options, space)
    described["flaws"] = [{"offset": offset, "what": what} for offset, what in packet.flaws]
    return described


def describe_options(options: Mapping[int, bytes], space: Space | None) -> list[Described]:
    """Options by code: each with its name and text where the space declares it, and always with its octets."""
    return [_describe(code, octets, None if space is None else space.by_code(code)) for code, octets in options.items()]


def printable(text: str) -> str:
    r"""The text without what could move a terminal's cursor: `\x1b` for an escape, `\xff` for an octet that is none."""
    return "".join(letter if letter.isprintable() else _escaped(ord(letter)) for letter in text)


def _escaped(point: int) -> str:
    if 0xDC80 <= point <= 0xDCFF:  # what "surrogateescape" makes of an octet that is not UTF-8
        point -= 0xDC00
    return f"\\x{point:02x}" if point <= 0xFF else f"\\u{point:04x}"


def _describe(code: int, octets: bytes, option: Option[Any] | None) -> Described:
    described: Described = {"code": code, "name": option.name if option else None, "octets": octets.hex()}
    if option is None:
        return described
    try:
        value = option.parse(octets)
    except ValueError as error:
        return described | {"error": str(error)}
    described["value"] = option.kind.show_text(value)
    says = _SAYS.get(option)
    if says is not None:
        described["says"] = says(value)
    elif option.kind is BINARY and value.isascii() and value.decode("ascii").isprintable() and value:
        described["says"] = f"{described['value']} {value.decode('ascii')!r}"
    inside = _inside(option, value)
    if inside:
        described["options"] = inside
    return described


def _inside(option: Option[Any], value: Any) -> list[Described]:
    if isinstance(value, SubOptions):
        found = describe_options(value.options, option.encapsulates)
        return found + [{"flaw": what, "offset": offset} for offset, what in value.flaws]
    if option is VIVSO_SUBOPTIONS:
        vendors: Iterable[VendorOptions] = value
        return [
            inner | {"enterprise": vendor.enterprise}
            for vendor in vendors
            for inner in describe_options(vendor.options.options, VENDOR_SPACES.get(vendor.enterprise))
        ]
    return []


def _name(names: type[MessageType | Op], number: int) -> str:
    try:
        return names(number).name
    except ValueError:
        return f"{names.__name__} {number}"


def _asked(codes: Iterable[int]) -> str:
    found = ((code, DHCP4.by_code(code)) for code in codes)
    return ", ".join(option.name if option else str(code) for code, option in found)


def _client(octets: bytes) -> str:
    client = ClientId(octets)
    if client.duid is not None:
        return f"IAID {client.iaid} of DUID {client.duid}"
    if client.hwaddr is not None:
        return f"hardware address {client.hwaddr.hex(':')} of type {client.type}"
    return _strings([octets[1:]]) if octets else "nothing"


def _fqdn(value: ClientFqdn) -> str:
    flags = ((value.server_updates, "S"), (value.overridden, "O"), (not value.ascii, "E"), (value.no_updates, "N"))
    return f"{value.name!r} {''.join(letter for given, letter in flags if given)}".rstrip()


def _strings(parts: Iterable[bytes]) -> str:
    return ", ".join(repr(part.decode("utf-8", "surrogateescape")) for part in parts)


def _vendor_classes(vendors: Iterable[VendorClass]) -> str:
    return "; ".join(f"enterprise {vendor.enterprise}: {_strings(vendor.classes)}" for vendor in vendors)


_SAYS: Final[dict[Option[Any], Callable[[Any], str]]] = {  # what a value means, where its text alone does not tell
    DHCP_CLIENT_IDENTIFIER: _client,
    DHCP_MESSAGE_TYPE: lambda number: _name(MessageType, number),
    DHCP_OPTION_OVERLOAD: lambda where: {1: "file", 2: "sname", 3: "file and sname"}.get(where, "no field"),
    DHCP_PARAMETER_REQUEST_LIST: _asked,
    FQDN_OPTION: _fqdn,
    USER_CLASS: lambda octets: _strings(opaque_list(octets)),
    VIVCO_SUBOPTIONS: _vendor_classes,
}
