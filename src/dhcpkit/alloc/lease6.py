"""A DHCPv6 lease as a value: an address or a delegated prefix. Addresses are integers, times whole seconds.

This module does not know where leases are kept or how a file spells them.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from dhcpkit.alloc.lease import GIVEN_BACK, INFINITE

__all__ = ["Lease6", "LeaseType"]


class LeaseType(enum.IntEnum):
    """What is leased; the numbers are Kea's (`lease_type` column)."""

    IA_NA = 0
    IA_TA = 1
    IA_PD = 2


class Lease6(NamedTuple):
    """One lease, known by its address: the first one of a prefix, whose `prefix_len` is 128 for an address.

    `cltt` is the client's last transaction time, in seconds; the lease ends `valid_lifetime` seconds later. `duid` is
    empty where unknown (a declined lease has none). `hwaddr` is empty where nothing told it. `user_context` is JSON
    text, "" for none.
    """

    address: int
    duid: bytes
    valid_lifetime: int
    cltt: int
    subnet_id: int
    preferred_lifetime: int
    type: int
    iaid: int
    prefix_len: int = 128
    fqdn_fwd: bool = False
    fqdn_rev: bool = False
    hostname: str = ""
    hwaddr: bytes = b""
    state: int = 0
    user_context: str = ""
    hwtype: int = 0
    hwaddr_source: int = 0
    pool_id: int = 0

    @property
    def expire(self) -> int:
        """When it ends, in seconds: `cltt + valid_lifetime`, also for an infinite one (Kea's `expire` column)."""
        return self.cltt + self.valid_lifetime

    def expired(self, now: int) -> bool:
        """Whether it no longer binds the address to the client at `now`: its time is over, or it was given back."""
        if self.state in GIVEN_BACK:
            return True
        return self.cltt + self.valid_lifetime < now and self.valid_lifetime != INFINITE
