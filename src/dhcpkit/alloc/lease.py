"""A DHCPv4 lease as a value. Addresses are integers, times are whole seconds on the engine's clock.

This module does not know where leases are kept or how a file spells them.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

__all__ = ["GIVEN_BACK", "INFINITE", "Lease4", "LeaseState"]

INFINITE: Final = 0xFFFFFFFF  # a lifetime that never ends (RFC 2131 3.3)


class LeaseState(enum.IntEnum):
    """What a lease's row means; the numbers are Kea's (`state` column, commands)."""

    DEFAULT = 0
    DECLINED = 1
    EXPIRED_RECLAIMED = 2
    RELEASED = 3
    REGISTERED = 4


GIVEN_BACK: Final = (LeaseState.EXPIRED_RECLAIMED.value, LeaseState.RELEASED.value)


class Lease4(NamedTuple):
    """One lease. `cltt` is the client's last transaction time, in seconds; it ends `valid_lifetime` seconds later.

    `hwaddr` and `client_id` are empty where unknown (a declined lease has neither). `user_context` is JSON text, ""
    for none. It is a named tuple because one is made for every answer: 0.3 µs, a frozen attrs class takes 0.9.
    """

    address: int
    hwaddr: bytes
    client_id: bytes
    valid_lifetime: int
    cltt: int
    subnet_id: int
    fqdn_fwd: bool = False
    fqdn_rev: bool = False
    hostname: str = ""
    state: int = 0
    user_context: str = ""
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

    def belongs_to(self, client_id: bytes, hwaddr: bytes) -> bool:
        """Kea's rule of ownership: equal client identifiers; where either side has none, equal hardware addresses."""
        if client_id and self.client_id:
            return client_id == self.client_id
        return bool(hwaddr) and hwaddr == self.hwaddr
