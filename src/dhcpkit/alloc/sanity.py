"""Leases that do not fit the configuration: Kea's `sanity-checks`, for leases of an earlier run or configuration.

`lease-checks` looks at a lease's subnet, `extended-info-checks` at what its user context says of relay agents
(`sanity_context.py`). Both families are checked so. Pure: a lease and the subnets in, the lease to keep out. This
module does not know files, nor who is told.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6, LeaseType

__all__ = ["Checked", "LeaseChecks", "Place", "Places", "Verdict", "check_lease"]

L = TypeVar("L", Lease4, Lease6)


class LeaseChecks(enum.Enum):
    """What is done with a lease whose address is not in its subnet; the values are Kea's."""

    NONE = "none"
    WARN = "warn"
    FIX = "fix"
    FIX_DEL = "fix-del"
    DEL = "del"


class Verdict(enum.Enum):
    """What became of a lease."""

    FITS = "fits"
    KEPT = "kept"
    FIXED = "fixed"
    DROPPED = "dropped"


class Places(Protocol):
    """What a network of either family says about subnets."""

    @property
    def by_id(self) -> Mapping[int, Place]:
        """Subnets by their ids."""
        ...

    def holding(self, address: int, /) -> Sequence[Place]:
        """The subnets whose prefix holds an address."""
        ...


class Place(Protocol):
    """A subnet of either family."""

    @property
    def id(self) -> int:
        """The number leases know it by."""
        ...

    @property
    def first(self) -> int:
        """The first address of the prefix."""
        ...

    @property
    def last(self) -> int:
        """The last address of the prefix."""
        ...

    def __contains__(self, address: object, /) -> bool: ...


@attrs.frozen
class Checked(Generic[L]):
    """A lease after its check: what to keep (None: it is dropped), why, and the subnet that holds it, 0 for none."""

    lease: L | None
    verdict: Verdict = Verdict.FITS
    home: int = 0


def check_lease(lease: L, network: Places, checks: LeaseChecks) -> Checked[L]:
    """What becomes of a lease. Its subnet must be there and hold its address; where another does, that may be put.

    Kea (2.2 and 3.0 tried): of DHCPv6 only addresses of IA_NA are checked, for a delegated prefix need not lie in its
    subnet's; of several subnets the one with the lowest id is put; a lease without subnet (0) whose address is in none
    is left alone. Deviation: a subnet that only some classes of clients may use holds its addresses as well (Kea takes
    them for homeless, and `fix-del` drops them).
    """
    if checks is LeaseChecks.NONE or (isinstance(lease, Lease6) and lease.type != LeaseType.IA_NA):
        return Checked(lease)
    subnet = network.by_id.get(lease.subnet_id)
    if subnet is not None and lease.address in subnet:
        return Checked(lease)
    home = min((each.id for each in network.holding(lease.address)), default=0)
    if home == lease.subnet_id:
        return Checked(lease)
    if checks is LeaseChecks.DEL or (checks is LeaseChecks.FIX_DEL and not home):
        return Checked(None, Verdict.DROPPED, home)
    if checks is LeaseChecks.WARN or not home:
        return Checked(lease, Verdict.KEPT, home)
    return Checked(lease._replace(subnet_id=home), Verdict.FIXED, home)
