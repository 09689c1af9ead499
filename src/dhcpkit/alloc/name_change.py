"""What DNS is to be told about a lease's name, as a value: decided with the lease, sent once that is stored.

Both families decide so. This module does not know DNS, nor how a request for a change looks on the wire.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.naming import Naming

__all__ = ["IdentifierKind", "NameChange", "Named", "addition", "changes", "removal"]

ETHERNET: Final = b"\1"  # the hardware type before an address: a lease does not keep which it was, and in Kea's files
RFC4361: Final = 255  # first octet of a client identifier that is an IAID and a DUID (RFC 4361 6.1)
DUID_AT: Final = 5


class IdentifierKind(enum.IntEnum):
    """What a DHCID record is made of; the numbers are those of RFC 4701 3.3."""

    HWADDR = 0
    CLIENT_ID = 1
    DUID = 2


class Named(Protocol):
    """What a lease of either family says about its name."""

    @property
    def address(self) -> int:
        """The address the name is for."""
        ...

    @property
    def hostname(self) -> str:
        """The name; empty for none."""
        ...

    @property
    def fqdn_fwd(self) -> bool:
        """Whether DNS knows the address by the name."""
        ...

    @property
    def fqdn_rev(self) -> bool:
        """Whether DNS knows the name by the address."""
        ...


@attrs.frozen
class NameChange:
    """Records to add, or with `remove` to take away: by name (`forward`), by address (`reverse`).

    `lifetime` is the lease's and `ttl` the records', in seconds. A DHCID record is made of `identifier` and the name.
    """

    remove: bool
    forward: bool
    reverse: bool
    fqdn: str
    address: IPv4Address | IPv6Address
    identifier_kind: IdentifierKind
    identifier: bytes
    lifetime: int
    ttl: int
    conflict_resolution_mode: str


def removal(lease: Lease4 | Lease6 | None, naming: Naming) -> Iterator[NameChange]:
    """The end of a lease's name, if DNS was told one."""
    if lease is not None:
        yield from _change(lease, naming, remove=True)


def addition(lease: Lease4 | Lease6, naming: Naming) -> Iterator[NameChange]:
    """The beginning of a lease's name, if DNS is to be told."""
    yield from _change(lease, naming, remove=False)


def changes(lease: Lease4 | Lease6, before: Lease4 | Lease6 | None, naming: Naming) -> Iterator[NameChange]:
    """What follows from a client's new lease, or its lease extended; `before` is the one it had, None for none.

    Nothing where updates are off, or where nothing changed and `ddns-update-on-renew` does not ask for it.
    """
    if naming.send_updates and (before is None or naming.update_on_renew or _told(before) != _told(lease)):
        yield from removal(before, naming)
        yield from addition(lease, naming)


def _told(lease: Named) -> tuple[int, str, bool, bool]:
    return lease.address, lease.hostname, lease.fqdn_fwd, lease.fqdn_rev


def _change(lease: Lease4 | Lease6, naming: Naming, *, remove: bool) -> Iterator[NameChange]:
    if not lease.hostname or not (lease.fqdn_fwd or lease.fqdn_rev):
        return
    if isinstance(lease, Lease6) and lease.type == LeaseType.IA_PD:
        return  # a prefix is many addresses, and none of them
    kind, identifier = _identifier(lease)
    yield NameChange(
        remove,
        lease.fqdn_fwd,
        lease.fqdn_rev,
        lease.hostname,
        IPv4Address(lease.address) if isinstance(lease, Lease4) else IPv6Address(lease.address),
        kind,
        identifier,
        lease.valid_lifetime,
        naming.time_to_live(lease.valid_lifetime),
        naming.conflict_resolution_mode,
    )


def _identifier(lease: Lease4 | Lease6) -> tuple[IdentifierKind, bytes]:
    """RFC 4701 3.3, RFC 4361 6.3: the DUID where there is one, else client identifier, else hardware address."""
    if isinstance(lease, Lease6):
        return IdentifierKind.DUID, lease.duid
    client_id = lease.client_id
    if not client_id:
        return IdentifierKind.HWADDR, ETHERNET + lease.hwaddr
    if client_id[0] == RFC4361 and len(client_id) > DUID_AT:
        return IdentifierKind.DUID, client_id[DUID_AT:]
    return IdentifierKind.CLIENT_ID, client_id
