"""Hook points inside the engine, and the protocol by which it consults whoever listens.

Names are Kea's hook points. A callout answers None (go on), SKIP or DROP. Points that happen outside the engine
(buffers, committed leases) are declared in `dhcpkit.hooks.points`, with the same base class. What Kea calls a point's
arguments stands in `arguments`, beside the attribute that holds each.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

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
    "Lease4Recover",
    "Lease4Release",
    "Lease4Renew",
    "Lease4Select",
    "NextStep",
    "Pkt4Receive",
    "Point",
    "Subnet4Select",
]


class NextStep(enum.Enum):
    """What a callout wants to happen next (Kea's NEXT_STEP)."""

    CONTINUE = "continue"
    SKIP = "skip"
    DROP = "drop"


SKIP, DROP = NextStep.SKIP, NextStep.DROP


class Point:
    """Something that happens and that a callout may watch or change. `kea_name` is the hook point's name in Kea.

    `arguments` maps Kea's names to attributes. A step that is not in `steps` means nothing there, as in Kea: the round
    goes on. Callouts may be coroutines where the point `may_wait` (Kea parks the packet). A point that `guides` is met
    within the engine by plain messages, so that the quick way is not taken while somebody listens. At one that `guards`
    a callout is never left out for failing, and what fails there is refused. Equality is of the declared fields.
    """

    kea_name: ClassVar[str]
    arguments: ClassVar[Mapping[str, str]] = {}
    steps: ClassVar[frozenset[NextStep]] = frozenset()
    may_wait: ClassVar[bool] = False
    guides: ClassVar[bool] = False
    guards: ClassVar[bool] = False
    shared: dict[str, Any] | None = None
    """The context, None where nobody has asked for it."""

    @property
    def context(self) -> dict[str, Any]:
        """What callouts of one exchange leave for each other, under keys of their own; it ends with the exchange."""
        if self.shared is None:
            self.shared = {}
        return self.shared

    @context.setter
    def context(self, shared: dict[str, Any]) -> None:
        self.shared = shared


class Consult(Protocol):
    """Asks every callout of a point, in order; the engine gets the last step that was not None."""

    def __call__(self, point: Point, /) -> NextStep | None:
        """The step to take, None to go on."""
        ...


@attrs.define
class Pkt4Receive(Point):
    """A message was parsed, found to be for us, and put into the classes that need no reservation.

    A callout may put another packet in its place, and change the classes. SKIP, DROP: no answer. `reason` is the tail
    of the statistic that counts it then.
    """

    kea_name = "pkt4_receive"
    arguments: ClassVar = {"query4": "query"}
    steps = frozenset((SKIP, DROP))
    guides = True
    query: Packet4
    classes: tuple[str, ...] = ()
    reason: str = "admin-filtered"


@attrs.define
class Subnet4Select(Point):
    """A subnet was selected; a callout may put another in its place. SKIP: none. DROP: no answer, for `reason`."""

    kea_name = "subnet4_select"
    arguments: ClassVar = {"query4": "packet", "subnet4": "subnet", "subnet4collection": "subnets"}
    steps = frozenset((SKIP, DROP))
    may_wait = True
    guides = True
    packet: Packet4
    subnet: Subnet4 | None
    subnets: Sequence[Subnet4] = attrs.field(default=(), eq=False)
    reason: str = "admin-filtered"


@attrs.define
class Host4Identifier(Point):
    """A client's identifier is wanted that no option holds (flex-id); a callout puts it into `identifier`."""

    kea_name = "host4_identifier"
    arguments: ClassVar = {"query4": "packet", "id_type": "kind", "id_value": "identifier"}
    steps = frozenset((SKIP, DROP))
    guides = True
    packet: Packet4
    kind: str
    identifier: bytes


@attrs.define
class Ddns4Update(Point):
    """A client's name was decided; a callout may change it, and which updates DNS gets."""

    kea_name = "ddns4_update"
    arguments: ClassVar = {
        "query4": "packet",
        "subnet4": "subnet",
        "hostname": "hostname",
        "fwd-update": "forward",
        "rev-update": "reverse",
        "ddns-params": "naming",
    }
    guides = True
    packet: Packet4
    subnet: Subnet4
    hostname: str
    forward: bool
    reverse: bool
    naming: Naming
    classes: tuple[str, ...] = ()


@attrs.define
class Lease4Select(Point):
    """A lease is about to be offered or given. A callout may change it. SKIP: the client gets nothing."""

    kea_name = "lease4_select"
    arguments: ClassVar = {
        "query4": "packet",
        "lease4": "lease",
        "fake_allocation": "offer",
        "subnet4": "subnet",
        "offer_lft": "offer_lifetime",
    }
    steps = frozenset((SKIP, DROP))
    guides = True
    packet: Packet4
    lease: Lease4
    offer: bool
    subnet: Subnet4 | None = None
    offer_lifetime: int = 0
    classes: tuple[str, ...] = ()


@attrs.define
class Lease4Renew(Point):
    """A client's own lease is about to be extended. SKIP: the lease in the store stays as it is."""

    kea_name = "lease4_renew"
    arguments: ClassVar = {
        "query4": "packet",
        "lease4": "lease",
        "subnet4": "subnet",
        "clientid": "client_id",
        "hwaddr": "hwaddr",
    }
    steps = frozenset((SKIP,))
    guides = True
    packet: Packet4
    lease: Lease4
    subnet: Subnet4 | None = None
    client_id: bytes = b""
    hwaddr: bytes = b""
    classes: tuple[str, ...] = ()


@attrs.define
class Lease4Release(Point):
    """A lease is about to be released. SKIP, DROP: it stays."""

    kea_name = "lease4_release"
    arguments: ClassVar = {"query4": "packet", "lease4": "lease"}
    steps = frozenset((SKIP, DROP))
    packet: Packet4
    lease: Lease4


@attrs.define
class Lease4Decline(Point):
    """An address is about to be put on probation. SKIP, DROP: it stays the client's."""

    kea_name = "lease4_decline"
    arguments: ClassVar = {"query4": "packet", "lease4": "lease"}
    steps = frozenset((SKIP, DROP))
    packet: Packet4
    lease: Lease4


@attrs.define
class Lease4Expire(Point):
    """An expired lease is about to be reclaimed; `remove`: it is not kept. SKIP: it is left alone this time.

    It is told, too, when another client gets the address first; the answer has no effect then.
    """

    kea_name = "lease4_expire"
    arguments: ClassVar = {"lease4": "lease", "remove_lease": "remove"}
    steps = frozenset((SKIP,))
    lease: Lease4
    remove: bool = False


@attrs.define
class Lease4Recover(Point):
    """The probation of a declined address is over. SKIP: it stays declined this time."""

    kea_name = "lease4_recover"
    arguments: ClassVar = {"lease4": "lease"}
    steps = frozenset((SKIP,))
    lease: Lease4
