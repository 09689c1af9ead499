"""Reservations of a configuration: who they are for, what is reserved, and what two of them may not share.

This module does not know where reservations are looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from dhcpkit.alloc.host import GLOBAL, Host
from dhcpkit.alloc.network import Subnet4
from dhcpkit.config import codes
from dhcpkit.config.checks import Unfit, address4, identifier
from dhcpkit.config.dhcp4 import ReservationDoc
from dhcpkit.config.json_text import Steps
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.param import Document
from dhcpkit.config.report import Report

__all__ = ["already", "hosts_of", "identifiers"]

HWADDR_MAX: Final = 20  # octets of a hardware address that Kea holds (a 20-octet InfiniBand address)
CLIENT_ID_MAX: Final = 255  # octets of the option's payload; of a DUID 130 in RFC 8415, which identifiers do not exceed
IDENTIFIERS: Final = {
    "hw_address": "hw-address",
    "duid": "duid",
    "circuit_id": "circuit-id",
    "client_id": "client-id",
    "flex_id": "flex-id",
}
RESOURCES: Final = frozenset(("option_data", "client_classes", "next_server", "server_hostname", "boot_file_name"))


def hosts_of(  # noqa: PLR0913  # what they are checked against
    entries: Sequence[ReservationDoc],
    steps: Steps,
    subnet: Subnet4 | None,
    spaces: Spaces,
    report: Report,
    *,
    unique: bool,
) -> Iterable[Host]:
    """The reservations of one subnet, or the global ones. `unique`: no address may be reserved twice."""
    by_identifier: dict[tuple[str, bytes], Steps] = {}
    by_address: dict[int, Steps] = {}
    for index, entry in enumerate(entries):
        here = (*steps, index)
        host = _host(entry, here, subnet, spaces, report)
        if host is None:
            continue
        who = (host.identifier_type, host.identifier)
        first = by_identifier.setdefault(who, here)
        if first is not here:
            where = f"IPv4 subnet id '{host.subnet_id}'"
            already(host.identifier_type, host.identifier, where, here, first, report)
            continue
        if unique and host.address:
            first = by_address.setdefault(host.address, here)
            if first is not here:
                _address_twice(host, here, first, report)
                continue
        yield host


def _host(entry: ReservationDoc, steps: Steps, subnet: Subnet4 | None, spaces: Spaces, report: Report) -> Host | None:
    found = list(identifiers(entry, IDENTIFIERS, steps, report))
    address = _address(entry, steps, subnet, report)
    options = spaces.values(entry.option_data, steps)
    if len(found) != 1 or found[0][1] is None or address is None:
        return None
    kind, value = found[0]
    assert value is not None, "checked above"
    if not address and not entry.hostname and not RESOURCES & entry.written:
        message = f"specified reservation for {kind} {_shown(value)} reserves nothing: its client is KNOWN, no more"
        report.add(codes.NOTHING_RESERVED, steps, message)
    return Host(
        kind,
        value,
        subnet.id if subnet is not None else GLOBAL,
        address,
        entry.hostname,
        address4(entry.next_server),
        entry.server_hostname,
        entry.boot_file_name,
        entry.client_classes,
        options,
        report.place(steps),
    )


def identifiers(
    entry: Document, kinds: Mapping[str, str], steps: Steps, report: Report
) -> Iterator[tuple[str, bytes | None]]:
    """The identifiers given, of those there may be; None for one that means nothing, which is reported."""
    given = [(name, kind) for name, kind in kinds.items() if name in entry.written]
    if not given:
        supported = ", ".join(sorted(kinds.values()))
        message = f"one of the supported identifiers must be specified for host reservation: {supported}"
        report.add(codes.NO_IDENTIFIER, steps, message)
    for _, kind in given[1:]:
        message = f"the '{given[0][1]}' and '{kind}' are mutually exclusive"
        report.add(codes.NO_IDENTIFIER, (*steps, kind), message, key=True, related=[("first", (*steps, given[0][1]))])
    for name, kind in given:
        try:
            value = identifier(getattr(entry, name))
        except Unfit as unfit:
            report.add(unfit.code, (*steps, kind), unfit.message, expected=unfit.expected)
            yield kind, None
            continue
        octets_max = HWADDR_MAX if kind == "hw-address" else CLIENT_ID_MAX
        if len(value) > octets_max:
            message = f"{kind} has {len(value)} octets"
            report.add(codes.BAD_IDENTIFIER, (*steps, kind), message, expected=f"at most {octets_max} octets")
            yield kind, None
            continue
        yield kind, value


def _address(entry: ReservationDoc, steps: Steps, subnet: Subnet4 | None, report: Report) -> int | None:
    """The reserved address, 0 where none is; None where it cannot be, which is reported."""
    if "ip_address" not in entry.written:
        return 0
    here = (*steps, "ip-address")
    try:
        address = int(IPv4Address(entry.ip_address))
    except ValueError:
        message = f"address '{entry.ip_address}' is not a valid IPv4 address"
        report.add(codes.BAD_ADDRESS, here, message, expected="an IPv4 address such as 192.0.2.1")
        return None
    if address in (0, 0xFFFFFFFF):
        report.add(codes.BAD_ADDRESS, here, f"must not make reservation for the '{entry.ip_address}' address")
        return None
    if subnet is not None and address not in subnet:
        message = f"specified reservation '{entry.ip_address}' is not within the IPv4 subnet '{subnet.prefix}'"
        expected = f"an address in {subnet.prefix}"
        report.add(codes.ADDRESS_OUTSIDE, here, message, expected=expected)
        return None
    return address


def _shown(octets: bytes) -> str:
    return octets.hex(":")


def _named(kind: str, value: bytes) -> str:
    """Who a reservation is for, as Kea says it."""
    names = {"hw-address": "HW address", "duid": "DUID"}
    return f"{names.get(kind, kind)} '{_shown(value)}'"


def already(  # noqa: PLR0913, PLR0917  # who, where, and where before
    kind: str, value: bytes, where: str, steps: Steps, first: Steps, report: Report
) -> None:
    """Reports that a client has two reservations in one subnet."""
    message = (
        f"failed to add new host using the {_named(kind, value)} to the {where} as this host has already been added"
    )
    related = [("first reserved here", (*first, kind))]
    report.add(codes.DUPLICATE_RESERVATION, (*steps, kind), message, related=related)


def _address_twice(host: Host, steps: Steps, first: Steps, report: Report) -> None:
    who = _named(host.identifier_type, host.identifier)
    message = (
        f"failed to add new host using the {who} to the IPv4 subnet id '{host.subnet_id}'"
        f" for the address {IPv4Address(host.address)}: There's already a reservation for this address"
    )
    related = [("first reserved here", (*first, "ip-address"))]
    report.add(codes.DUPLICATE_ADDRESS, (*steps, "ip-address"), message, related=related)
