"""Times a client is told: T1, T2, and whether a young lease is simply repeated. Seconds throughout.

This module does not know clocks; `now` is an argument.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.network import Subnet4

__all__ = ["remaining_of_cached", "tee_times"]

T1_SLACK: Final = 1  # seconds: cltt and a client's timer both count whole seconds


def tee_times(subnet: Subnet4, lifetime: int) -> tuple[int | None, int | None]:
    """T1 (option 58) and T2 (option 59) for a lifetime, None where it is not sent.

    Kea: explicit timers beat calculated ones; T2 is sent if it is shorter than the lifetime, T1 if it is shorter than
    T2 where that is sent, else than the lifetime.
    """
    t1, t2 = subnet.renew_timer, subnet.rebind_timer
    if subnet.calculate_tee_times and lifetime != INFINITE:
        t1 = t1 if t1 is not None else int(lifetime * subnet.t1_percent)
        t2 = t2 if t2 is not None else int(lifetime * subnet.t2_percent)
    if t2 is not None and not 0 < t2 < lifetime:
        t2 = None
    if t1 is not None and not 0 < t1 < (t2 if t2 is not None else lifetime):
        t1 = None
    return t1, t2


def remaining_of_cached(subnet: Subnet4, before: Lease4, fresh: Lease4, now: int) -> int | None:
    """The lifetime to repeat where `before` may stay as it is (Kea: `cache-threshold`, `cache-max-age`), else None.

    Nothing but the time may differ. Deviation: a client that asks at its T1 or later was told to, and is extended
    however young the lease is (docs/why/deviations.md).
    """
    if (
        before.hwaddr != fresh.hwaddr
        or before.client_id != fresh.client_id
        or before.valid_lifetime != fresh.valid_lifetime
        or before.hostname != fresh.hostname
        or before.user_context != fresh.user_context
        or before.fqdn_fwd != fresh.fqdn_fwd
        or before.fqdn_rev != fresh.fqdn_rev
        or before.state != LeaseState.DEFAULT
    ):
        return None
    lifetime = before.valid_lifetime
    if lifetime == INFINITE:
        return INFINITE
    threshold = subnet.cache_threshold
    age = now - before.cltt
    if not 0 < threshold < 1 or age < 0 or age > threshold * lifetime:
        return None
    if subnet.cache_max_age is not None and age > subnet.cache_max_age:
        return None
    t1, _ = tee_times(subnet, lifetime)
    if t1 is not None and age + T1_SLACK >= t1:
        return None
    return lifetime - age
