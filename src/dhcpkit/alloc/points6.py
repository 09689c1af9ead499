"""Hook points inside the DHCPv6 engine, under Kea's names; as `points` declares DHCPv4's.

A callout answers None (go on), SKIP or DROP, and may put another value into a point's fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dhcpkit.alloc.points import Point

if TYPE_CHECKING:
    from dhcpkit.alloc.lease6 import Lease6
    from dhcpkit.alloc.naming import Naming
    from dhcpkit.alloc.network6 import Subnet6
    from dhcpkit.wire.dhcp6 import Packet6

__all__ = [
    "Addr6Register",
    "Ddns6Update",
    "Host6Identifier",
    "Lease6Decline",
    "Lease6Expire",
    "Lease6Rebind",
    "Lease6Release",
    "Lease6Renew",
    "Lease6Select",
    "Subnet6Select",
]


@attrs.define
class Subnet6Select(Point):
    """A subnet was selected; a callout may put another in its place. SKIP: none. DROP: no answer."""

    kea_name = "subnet6_select"
    packet: Packet6
    subnet: Subnet6 | None


@attrs.define
class Host6Identifier(Point):
    """A client's identifier is wanted that no option holds (flex-id); a callout puts it into `identifier`."""

    kea_name = "host6_identifier"
    packet: Packet6
    kind: str
    identifier: bytes


@attrs.define
class Lease6Select(Point):
    """A lease is about to be offered or given. A callout may change it. SKIP: the client gets nothing."""

    kea_name = "lease6_select"
    packet: Packet6
    lease: Lease6
    offer: bool


@attrs.define
class Lease6Renew(Point):
    """A client's own lease is about to be extended (RENEW). SKIP: the lease in the store stays as it is."""

    kea_name = "lease6_renew"
    packet: Packet6
    lease: Lease6


@attrs.define
class Lease6Rebind(Point):
    """A client's own lease is about to be extended (REBIND). SKIP: the lease in the store stays as it is."""

    kea_name = "lease6_rebind"
    packet: Packet6
    lease: Lease6


@attrs.define
class Lease6Release(Point):
    """A lease is about to be released. SKIP, DROP: it stays."""

    kea_name = "lease6_release"
    packet: Packet6
    lease: Lease6


@attrs.define
class Lease6Decline(Point):
    """An address is about to be put on probation. SKIP: it stays the client's. DROP: no answer besides."""

    kea_name = "lease6_decline"
    packet: Packet6
    lease: Lease6


@attrs.define
class Addr6Register(Point):
    """An address of a client's own making is about to be registered. SKIP: it is not. DROP: no answer besides."""

    kea_name = "addr6_register"
    packet: Packet6
    lease: Lease6
    before: Lease6 | None


@attrs.define
class Ddns6Update(Point):
    """A client's name was decided; a callout may change it, and which updates DNS gets."""

    kea_name = "ddns6_update"
    packet: Packet6
    subnet: Subnet6 | None
    hostname: str
    forward: bool
    reverse: bool
    naming: Naming


@attrs.define
class Lease6Expire(Point):
    """An expired lease is about to be reclaimed. SKIP: it is left alone this time."""

    kea_name = "lease6_expire"
    lease: Lease6
