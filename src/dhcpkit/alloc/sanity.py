"""Leases that do not fit the configuration: Kea's `lease-checks`, when leases of an earlier run are read.

Both families are checked so. Pure: a lease and the subnets in, the lease to keep out. This module does not know files,
nor who is told.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6, LeaseType

__all__ = ["Checked", "LeaseChecks", "Place", "Places", "check_lease"]

L = TypeVar("L", Lease4, Lease6)


class LeaseChecks(enum.Enum):
    """What is done with a lease whose address is not in its subnet; the values are Kea's."""

    NONE = "none"
    WARN = "warn"
    FIX = "fix"
    FIX_DEL = "fix-del"
    DEL = "del"


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

    def __contains__(self, address: object, /) -> bool: ...


@attrs.frozen
class Checked:
    """A lease after its check: what to keep (None: it is dropped), and what there is to say, empty for nothing."""

    lease: Lease4 | Lease6 | None
    told: str = ""


def check_lease(lease: L, network: Places, checks: LeaseChecks) -> Checked:
    """What becomes of a lease. Its subnet must be there and hold its address; where another does, that may be put."""
    if checks is LeaseChecks.NONE or (isinstance(lease, Lease6) and lease.type == LeaseType.IA_PD):
        return Checked(lease)  # a delegated prefix need not lie in its subnet's
    subnet = network.by_id.get(lease.subnet_id)
    if subnet is not None and lease.address in subnet:
        return Checked(lease)
    found = network.holding(lease.address)
    fault = f"its subnet-id is {lease.subnet_id}"
    fault += f", and its address is in subnet-id {found[0].id}" if found else ", and its address is in no subnet"
    if checks is LeaseChecks.DEL:
        return Checked(None, f"{fault}: dropped")
    if checks is LeaseChecks.WARN:
        return Checked(lease, f"{fault}: kept as it is")
    if found:
        return Checked(lease._replace(subnet_id=found[0].id), f"{fault}: put there")
    if checks is LeaseChecks.FIX_DEL:
        return Checked(None, f"{fault}: dropped")
    return Checked(lease, f"{fault}: kept as it is")
