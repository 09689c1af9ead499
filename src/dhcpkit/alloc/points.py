"""Hook points inside the engine, and the protocol by which it consults whoever listens.

Names are Kea's hook points. A callout answers None (go on), SKIP or DROP. Points that happen outside the engine
(buffers, committed leases) are declared where they happen, with the same base class.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar, Protocol

import attrs

if TYPE_CHECKING:
    from dhcpkit.alloc.lease import Lease4
    from dhcpkit.alloc.naming import Naming
    from dhcpkit.alloc.network import Subnet4
    from dhcpkit.wire.dhcp4 import Packet4

__all__ = [
    "Consult",
    "Ddns4Update",
    "Host4Identifier",
    "Lease4Decline",
    "Lease4Expire",
    "Lease4Release",
    "Lease4Renew",
    "Lease4Select",
    "NextStep",
    "Point",
    "Subnet4Select",
]


class NextStep(enum.Enum):
    """What a callout wants to happen next (Kea's NEXT_STEP)."""

    CONTINUE = "continue"
    SKIP = "skip"
    DROP = "drop"


class Point:
    """Something that happens and that a callout may watch or change. `kea_name` is the hook point's name in Kea."""

    kea_name: ClassVar[str]
    may_wait: ClassVar[bool] = False  # whether callouts may be coroutines (Kea parks the packet)


class Consult(Protocol):
    """Asks every callout of a point, in order; the engine gets the last step that was not None."""

    def __call__(self, point: Point, /) -> NextStep | None:
        """The step to take, None to go on."""
        ...


@attrs.define
class Subnet4Select(Point):
    """A subnet was selected; a callout may put another in its place. SKIP: none. DROP: no answer."""

    kea_name = "subnet4_select"
    packet: Packet4
    subnet: Subnet4 | None


@attrs.define
class Host4Identifier(Point):
    """A client's identifier is wanted that no option holds (flex-id); a callout puts it into `identifier`."""

    kea_name = "host4_identifier"
    packet: Packet4
    kind: str
    identifier: bytes


@attrs.define
class Ddns4Update(Point):
    """A client's name was decided; a callout may change it, and which updates DNS gets."""

    kea_name = "ddns4_update"
    packet: Packet4
    subnet: Subnet4
    hostname: str
    forward: bool
    reverse: bool
    naming: Naming


@attrs.define
class Lease4Select(Point):
    """A lease is about to be offered or given. A callout may change it. SKIP: the client gets nothing."""

    kea_name = "lease4_select"
    packet: Packet4
    lease: Lease4
    offer: bool


@attrs.define
class Lease4Renew(Point):
    """A client's own lease is about to be extended. SKIP: the lease in the store stays as it is."""

    kea_name = "lease4_renew"
    packet: Packet4
    lease: Lease4


@attrs.define
class Lease4Release(Point):
    """A lease is about to be released. SKIP, DROP: it stays."""

    kea_name = "lease4_release"
    packet: Packet4
    lease: Lease4


@attrs.define
class Lease4Decline(Point):
    """An address is about to be put on probation. SKIP, DROP: it stays the client's."""

    kea_name = "lease4_decline"
    packet: Packet4
    lease: Lease4


@attrs.define
class Lease4Expire(Point):
    """An expired lease is about to be reclaimed. SKIP: it is left alone this time."""

    kea_name = "lease4_expire"
    lease: Lease4
