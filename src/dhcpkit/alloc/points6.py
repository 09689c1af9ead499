"""Hook points inside the DHCPv6 engine, under Kea's names; as `points` declares DHCPv4's.

A callout answers None (go on), SKIP or DROP, and may put another value into a point's fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import attrs

from dhcpkit.alloc.points import NextStep, Point

if TYPE_CHECKING:
    from dhcpkit.alloc.lease6 import Lease6
    from dhcpkit.alloc.naming import Naming
    from dhcpkit.alloc.network6 import Subnet6
    from dhcpkit.alloc.query6 import Asked6
    from dhcpkit.wire.dhcp6 import Packet6

__all__ = [
    "Addr6Register",
    "Ddns6Update",
    "Host6Identifier",
    "Lease6Decline",
    "Lease6Expire",
    "Lease6Rebind",
    "Lease6Recover",
    "Lease6Release",
    "Lease6Renew",
    "Lease6Select",
    "Pkt6Receive",
    "Subnet6Select",
]

SKIP, DROP = NextStep.SKIP, NextStep.DROP


@attrs.define
class Pkt6Receive(Point):
    """A message was parsed, found to be for us, and put into the classes that need no reservation.

    A callout may put another packet in its place, and change the classes. SKIP, DROP: no answer. `reason` is the tail
    of the statistic that counts it then.
    """

    kea_name = "pkt6_receive"
    arguments: ClassVar = {"query6": "query"}
    steps = frozenset((SKIP, DROP))
    guides = True
    query: Packet6
    classes: tuple[str, ...] = ()
    reason: str = "admin-filtered"


@attrs.define
class Subnet6Select(Point):
    """A subnet was selected; a callout may put another in its place. SKIP: none. DROP: no answer, for `reason`."""

    kea_name = "subnet6_select"
    arguments: ClassVar = {"query6": "packet", "subnet6": "subnet", "subnet6collection": "subnets"}
    steps = frozenset((SKIP, DROP))
    may_wait = True
    guides = True
    packet: Packet6
    subnet: Subnet6 | None
    subnets: Sequence[Subnet6] = attrs.field(default=(), eq=False)
    reason: str = "admin-filtered"


@attrs.define
class Host6Identifier(Point):
    """A client's identifier is wanted that no option holds (flex-id); a callout puts it into `identifier`."""

    kea_name = "host6_identifier"
    arguments: ClassVar = {"query6": "packet", "id_type": "kind", "id_value": "identifier"}
    steps = frozenset((SKIP, DROP))
    guides = True
    packet: Packet6
    kind: str
    identifier: bytes


@attrs.define
class Lease6Select(Point):
    """A lease is about to be offered or given. A callout may change it. SKIP: the client gets nothing."""

    kea_name = "lease6_select"
    arguments: ClassVar = {"query6": "packet", "lease6": "lease", "fake_allocation": "offer", "subnet6": "subnet"}
    steps = frozenset((SKIP, DROP))
    guides = True
    packet: Packet6
    lease: Lease6
    offer: bool
    subnet: Subnet6 | None = None
    classes: tuple[str, ...] = ()


@attrs.define
class Lease6Renew(Point):
    """A client's own lease is about to be extended (RENEW). SKIP: the lease in the store stays as it is."""

    kea_name = "lease6_renew"
    arguments: ClassVar = {"query6": "packet", "lease6": "lease", "ia_na": "association", "ia_pd": "association"}
    steps = frozenset((SKIP,))
    guides = True
    packet: Packet6
    lease: Lease6
    association: Asked6 | None = None
    classes: tuple[str, ...] = ()


@attrs.define
class Lease6Rebind(Point):
    """A client's own lease is about to be extended (REBIND). SKIP: the lease in the store stays as it is."""

    kea_name = "lease6_rebind"
    arguments: ClassVar = {"query6": "packet", "lease6": "lease", "ia_na": "association", "ia_pd": "association"}
    steps = frozenset((SKIP,))
    guides = True
    packet: Packet6
    lease: Lease6
    association: Asked6 | None = None
    classes: tuple[str, ...] = ()


@attrs.define
class Lease6Release(Point):
    """A lease is about to be released. SKIP, DROP: it stays."""

    kea_name = "lease6_release"
    arguments: ClassVar = {"query6": "packet", "lease6": "lease"}
    steps = frozenset((SKIP, DROP))
    packet: Packet6
    lease: Lease6


@attrs.define
class Lease6Decline(Point):
    """An address is about to be put on probation. SKIP: it stays the client's. DROP: no answer besides."""

    kea_name = "lease6_decline"
    arguments: ClassVar = {"query6": "packet", "lease6": "lease"}
    steps = frozenset((SKIP, DROP))
    packet: Packet6
    lease: Lease6


@attrs.define
class Addr6Register(Point):
    """An address of a client's own making is about to be registered. SKIP: it is not. DROP: no answer besides."""

    kea_name = "addr6_register"
    arguments: ClassVar = {"query6": "packet", "new_lease6": "lease", "old_lease6": "before", "address6": "address"}
    steps = frozenset((SKIP, DROP))
    packet: Packet6
    lease: Lease6
    before: Lease6 | None

    @property
    def address(self) -> int:
        """The address that is registered."""
        return self.lease.address


@attrs.define
class Ddns6Update(Point):
    """A client's name was decided; a callout may change it, and which updates DNS gets."""

    kea_name = "ddns6_update"
    arguments: ClassVar = {
        "query6": "packet",
        "subnet6": "subnet",
        "hostname": "hostname",
        "fwd-update": "forward",
        "rev-update": "reverse",
        "ddns-params": "naming",
    }
    guides = True
    packet: Packet6
    subnet: Subnet6 | None
    hostname: str
    forward: bool
    reverse: bool
    naming: Naming
    classes: tuple[str, ...] = ()


@attrs.define
class Lease6Expire(Point):
    """An expired lease is about to be reclaimed; `remove`: it is not kept. SKIP: it is left alone this time.

    It is told, too, when another client gets the address first; the answer has no effect then.
    """

    kea_name = "lease6_expire"
    arguments: ClassVar = {"lease6": "lease", "remove_lease": "remove"}
    steps = frozenset((SKIP,))
    lease: Lease6
    remove: bool = False


@attrs.define
class Lease6Recover(Point):
    """The probation of a declined address is over. SKIP: it stays declined this time."""

    kea_name = "lease6_recover"
    arguments: ClassVar = {"lease6": "lease"}
    steps = frozenset((SKIP,))
    lease: Lease6
