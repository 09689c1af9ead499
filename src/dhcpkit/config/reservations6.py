"""Reservations of a DHCPv6 configuration: who they are for, what is reserved, and what two of them may not share.

This module does not know where reservations are looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from dhcpkit.alloc.host import GLOBAL
from dhcpkit.alloc.host6 import Host6, ReservedPrefix
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.config import codes
from dhcpkit.config.dhcp6 import Reservation6Doc
from dhcpkit.config.json_text import Steps
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.report import Report
from dhcpkit.config.reservations import already, identifiers

__all__ = ["hosts6_of"]

BITS: Final = 128  # of an address, and at most of a prefix
DUID_MAX: Final = 130  # octets (RFC 8415 11.1)
IDENTIFIERS: Final = {"hw_address": "hw-address", "duid": "duid", "flex_id": "flex-id"}
RESOURCES: Final = frozenset(("option_data", "client_classes"))


def hosts6_of(  # noqa: PLR0913  # what they are checked against
    entries: Sequence[Reservation6Doc],
    steps: Steps,
    subnet: Subnet6 | None,
    spaces: Spaces,
    report: Report,
    *,
    unique: bool,
) -> Iterable[Host6]:
    """The reservations of one subnet, or the global ones. `unique`: nothing may be reserved twice."""
    by_identifier: dict[tuple[str, bytes], Steps] = {}
    by_address: dict[int, Steps] = {}
    for index, entry in enumerate(entries):
        here = (*steps, index)
        host = _host(entry, here, subnet, spaces, report)
        if host is None:
            continue
        first = by_identifier.setdefault((host.identifier_type, host.identifier), here)
        if first is not here:
            already(host.identifier_type, host.identifier, f"IPv6 subnet id '{host.subnet_id}'", here, first, report)
            continue
        if unique and _taken(host, here, by_address, report):
            continue
        yield host


def _taken(host: Host6, steps: Steps, by_address: dict[int, Steps], report: Report) -> bool:
    """Whether something is another's already. Of prefixes the address counts, whatever their length, as in Kea."""
    reserved = [(address, "ip-addresses") for address in host.addresses]
    reserved += [(prefix.prefix, "prefixes") for prefix in host.prefixes]
    for address, key in reserved:
        first = by_address.setdefault(address, steps)
        if first is not steps:
            shown = IPv6Address(address)
            message = (
                f"failed to add address reservation for host using the {host.identifier_type}"
                f" '{host.identifier.hex(':')}' to the IPv6 subnet id '{host.subnet_id}' for address/prefix {shown}:"
                " There's already a reservation for this address/prefix"
            )
            related = [("first reserved here", (*first, key))]
            report.add(codes.DUPLICATE_ADDRESS, (*steps, key), message, related=related)
            return True
    return False


def _host(entry: Reservation6Doc, steps: Steps, subnet: Subnet6 | None, spaces: Spaces, report: Report) -> Host6 | None:
    found = list(identifiers(entry, IDENTIFIERS, steps, report))
    addresses = list(_addresses(entry, steps, subnet, report))
    prefixes = list(_prefixes(entry, steps, report))
    options = spaces.values(entry.option_data, steps)
    if len(found) != 1 or found[0][1] is None or None in addresses or None in prefixes:
        return None
    kind, value = found[0]
    assert value is not None, "checked above"
    if kind == "duid" and len(value) > DUID_MAX:
        message = f"too long client identifier type duid length {len(value)}"
        report.add(codes.BAD_IDENTIFIER, (*steps, kind), message, expected=f"at most {DUID_MAX} octets")
        return None
    if not addresses and not prefixes and not entry.hostname and not RESOURCES & entry.written:
        message = f"specified reservation for {kind} {value.hex(':')} reserves nothing: its client is KNOWN, no more"
        report.add(codes.NOTHING_RESERVED, steps, message)
    return Host6(
        kind,
        value,
        subnet.id if subnet is not None else GLOBAL,
        tuple(address for address in addresses if address is not None),
        tuple(prefix for prefix in prefixes if prefix is not None),
        entry.hostname,
        entry.client_classes,
        options,
        report.place(steps),
    )


def _addresses(entry: Reservation6Doc, steps: Steps, subnet: Subnet6 | None, report: Report) -> Iterator[int | None]:
    """The reserved addresses; None for one that cannot be, which is reported."""
    for index, text in enumerate(entry.ip_addresses):
        here = (*steps, "ip-addresses", index)
        try:
            address = int(IPv6Address(text))
        except ValueError:
            message = f"address '{text}' is not a valid IPv6 address"
            report.add(codes.BAD_ADDRESS, here, message, expected="an IPv6 address such as 2001:db8::1")
            yield None
            continue
        if text in entry.ip_addresses[:index]:
            report.add(
                codes.DUPLICATE_ADDRESS, here, f"failed on attempt to add a duplicated host reservation for {text}"
            )
            yield None
        elif not address or address >> 120 == 0xFF:
            report.add(codes.BAD_ADDRESS, here, f"must not make reservation for the '{text}' address")
            yield None
        elif subnet is not None and address not in subnet:
            message = f"specified reservation '{text}' is not within the IPv6 subnet '{subnet.prefix}'"
            report.add(codes.ADDRESS_OUTSIDE, here, message, expected=f"an address in {subnet.prefix}")
            yield None
        else:
            yield address


def _prefixes(entry: Reservation6Doc, steps: Steps, report: Report) -> Iterator[ReservedPrefix | None]:
    """The reserved prefixes with what is left out of each; None for one that cannot be, which is reported."""
    excluded = entry.excluded_prefixes
    if "excluded_prefixes" in entry.written and len(excluded) != len(entry.prefixes):
        message = (
            "'excluded-prefixes' parameter does not match the 'prefixes' parameter:"
            f" {len(excluded)} != {len(entry.prefixes)}"
        )
        expected = "as many as there are prefixes, empty texts for those that are whole"
        report.add(codes.BAD_VALUE, (*steps, "excluded-prefixes"), message, key=True, expected=expected)
        excluded = ()
    for index, text in enumerate(entry.prefixes):
        prefix = _prefix(text, (*steps, "prefixes", index), report)
        if text in entry.prefixes[:index]:
            message = f"failed on attempt to add a duplicated host reservation for {text}"
            report.add(codes.DUPLICATE_ADDRESS, (*steps, "prefixes", index), message)
            prefix = None
        left_out = None
        if excluded and excluded[index]:
            here = (*steps, "excluded-prefixes", index)
            left_out = _prefix(excluded[index], here, report)
            if prefix is not None and left_out is not None and not _inside(left_out, prefix):
                message = f"excluded prefix {left_out} must have the same common prefix part of {prefix.prefixlen} as"
                if left_out.prefixlen <= prefix.prefixlen:
                    message = f"length of the excluded prefix {left_out} must be greater than the length of"
                message = f"{message} the delegated prefix {prefix}"
                report.add(codes.BAD_VALUE, here, message, expected=f"a longer prefix in {prefix}")
                left_out = prefix = None
        if prefix is None or (left_out is None and excluded and excluded[index]):
            yield None
        else:
            leave = (int(left_out.network_address), left_out.prefixlen) if left_out is not None else (0, 0)
            yield ReservedPrefix(int(prefix.network_address), prefix.prefixlen, *leave)


def _inside(part: IPv6Network, whole: IPv6Network) -> bool:
    return part.prefixlen > whole.prefixlen and part.subnet_of(whole)


def _prefix(text: str, steps: Steps, report: Report) -> IPv6Network | None:
    """A prefix as it is reserved, None after reporting what it lacks."""
    address, slash, length = text.partition("/")
    message = ""
    if not slash:
        message = f"prefix reservation requires prefix length be specified in '{text}'"
    elif not (length.isascii() and length.isdecimal()):
        message = f"prefix length value '{length}' is invalid"
    elif not 1 <= int(length) <= BITS:
        message = "'prefix-len' value must be in range of [1..128]"
    else:
        try:
            base = IPv6Address(address)
            found = IPv6Network((base, int(length)), strict=False)
        except ValueError:
            message = f"invalid prefix '{address}' for new IPv6 reservation"
        else:
            if not base.is_multicast and found.network_address == base:
                return found
            message = f"invalid prefix '{address}' for new IPv6 reservation"
            if not base.is_multicast:
                message = f"Prefix address: {base} exceeds prefix/prefix-len pair: {found}"
    report.add(codes.BAD_ADDRESS, steps, message, expected="a prefix with its length, such as 2001:db8:1::/48")
    return None
