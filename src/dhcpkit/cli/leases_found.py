"""Leases as `dhcpkit leases` finds them: in a file, or page by page from a server that answers commands.

A lease here is the map that Kea's lease commands tell. This module does not know how leases are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.errors import DhcpkitError

if TYPE_CHECKING:
    from dhcpkit.api import Client

__all__ = ["PAGE", "STATES", "BadTerm", "Refusal", "Wanted", "in_file", "of_server"]

PAGE: Final = 1000  # leases asked for at a time; an answer of that many has a third of a megabyte
STATES: Final = {state.name.lower().replace("_", "-"): state.value for state in LeaseState}

Lease = Mapping[str, Any]


class BadTerm(DhcpkitError):
    """What leases are looked for by makes no sense."""


class Refusal(DhcpkitError):
    """The server answers, but does not tell its leases."""


@attrs.frozen
class Wanted:
    """Which leases are wanted: those that have everything that is said."""

    address: str = ""
    subnet_id: int | None = None
    network: IPv4Network | IPv6Network | None = None
    hw_address: str = ""
    client_id: str = ""
    duid: str = ""
    hostname: str = ""
    state: int | None = None

    @classmethod
    def read(  # noqa: PLR0913  # what may be said
        cls,
        *,
        address: str = "",
        subnet: str = "",
        hw_address: str = "",
        client_id: str = "",
        duid: str = "",
        hostname: str = "",
        state: str = "",
    ) -> Wanted:
        """What words say: a subnet is its identifier or prefix, a state its name or number. Raises BadTerm."""
        try:
            number = int(subnet) if subnet.isdecimal() else None
            network = ip_network(subnet, strict=False) if subnet and number is None else None
            wanted_address = str(ip_address(address)) if address else ""
        except ValueError as error:
            raise BadTerm(str(error)) from None
        if state and state not in STATES and not state.isdecimal():
            raise BadTerm(f"{state} is no state of a lease; there are {', '.join(STATES)}")
        return cls(
            wanted_address,
            number,
            network,
            _octets(hw_address),
            _octets(client_id),
            _octets(duid),
            hostname.lower().rstrip("."),
            STATES.get(state, int(state) if state.isdecimal() else None),
        )

    def has(self, lease: Lease) -> bool:
        """Whether a lease is one of those."""
        return (
            (not self.address or lease["ip-address"] == self.address)
            and (self.subnet_id is None or lease["subnet-id"] == self.subnet_id)
            and (self.network is None or ip_address(lease["ip-address"]) in self.network)
            and (self.state is None or lease["state"] == self.state)
            and (not self.hw_address or _plain(lease.get("hw-address", "")) == self.hw_address)
            and (not self.client_id or _plain(lease.get("client-id", "")) == self.client_id)
            and (not self.duid or _plain(lease.get("duid", "")) == self.duid)
            and (not self.hostname or fnmatchcase(lease["hostname"].lower().rstrip("."), self.hostname))
        )


def _plain(text: str) -> str:
    return re.sub(r"[:. -]", "", text).lower()


def _octets(text: str) -> str:
    plain = _plain(text)
    try:
        bytes.fromhex(plain)
    except ValueError:
        raise BadTerm(f"{text} is not hexadecimal") from None
    return plain


def in_file(path: Path, wanted: Wanted) -> Iterator[Lease]:
    """The leases of a file and its side files, in order of their addresses, as a server would load them.

    Raises OSError, StoreUnavailable.
    """
    from dhcpkit.backends.memfile import read_leases, read_leases6
    from dhcpkit.hooks.libraries.lease_cmds_form import FAMILY4, FAMILY6

    beside = [path, *(path.with_name(path.name + suffix) for suffix in (".1", ".2", ".completed"))]
    there = [each for each in beside if each.exists()]
    if not there:
        raise FileNotFoundError(f"there is no lease file {path}")
    with there[0].open("rb") as file:
        six = b"duid" in file.readline(4096)
    if six:
        return (shown for lease in read_leases6(path) if wanted.has(shown := FAMILY6.shown(lease)))
    return (shown for lease in read_leases(path) if wanted.has(shown := FAMILY4.shown(lease)))


def of_server(client: Client, wanted: Wanted, family: int | None = None, page: int = PAGE) -> Iterator[Lease]:
    """The leases that a server tells, dhcpkit's or Kea's, a page at a time. Raises Refusal, and what `Client` does."""
    if family is None:
        family = _family_of(client)
    command, after = f"lease{family}-get-page", "start"
    if wanted.address:
        command = f"lease{family}-get"
        if ("6" if ":" in wanted.address else "4") != str(family):
            return
        for kind in ("IA_NA", "IA_PD") if family == 6 else ("",):
            (answer,) = client.ask(command, {"ip-address": wanted.address} | ({"type": kind} if kind else {}))
            if answer.result == 0 and wanted.has(answer.arguments):
                yield answer.arguments
            elif answer.result not in (0, 3):
                raise Refusal(f"{command}: {answer.text}")
        return
    while True:
        (answer,) = client.ask(command, {"from": after, "limit": page})
        if answer.result not in (0, 3):
            raise Refusal(f"{command}: {answer.text}")
        leases = answer.arguments["leases"] if answer.arguments else []
        yield from filter(wanted.has, leases)
        if len(leases) < page:
            return
        after = leases[-1]["ip-address"]


def _family_of(client: Client) -> int:
    (answer,) = client.ask("list-commands")
    told = answer.arguments or []
    families = [number for number in (4, 6) if f"lease{number}-get-page" in told]
    if len(families) > 1:  # the library declares the commands of both families
        (config,) = client.ask("config-get")
        families = [number for number in families if f"Dhcp{number}" in (config.arguments or {})]
    if not families:
        raise Refusal("the server does not tell leases: it needs libdhcp_lease_cmds.so among its hooks-libraries")
    return families[0]
