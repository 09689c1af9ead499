"""Times a DHCPv6 client is told: lifetimes, T1, T2, and whether a young lease is simply repeated. Seconds throughout.

This module does not know clocks; `now` is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dhcpkit.alloc.lease import INFINITE, LeaseState
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.network import ClientClass, Lifetimes
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.alloc.query6 import Hint6

__all__ = ["lifetimes6", "remaining6", "remaining_of_cached6", "tee_times6"]

DEFAULT: Final = LeaseState.DEFAULT.value
CLTT: Final = Lease6._fields.index("cltt")
BEHIND_CLTT: Final = CLTT + 1
T1_SLACK: Final = 1  # seconds: cltt and a client's timer both count whole seconds


def lifetimes6(
    subnet: Subnet6,
    classes: Iterable[str],
    known: Mapping[str, ClientClass],
    hint: Hint6 | None,
    left: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Preferred and valid lifetime for a client that asked for so much (Kea).

    Each comes from the first class that sets it, else from the subnet. A preferred lifetime that is not set, or longer
    than the valid one, is five eighths of it (RFC 8415 7.7 wants it no longer). `left` is given where prefixes are few:
    then both are the shortest that is allowed, but no shorter than what the client's lease has left anyway.
    """
    valid_of: Lifetimes | None = None
    preferred_of: Lifetimes | None = None
    if known:
        for name in classes:
            each = known.get(name)
            if each is not None:
                valid_of = valid_of or each.lifetimes
                preferred_of = preferred_of or each.preferred
    valid_of = valid_of or subnet.valid
    preferred_of = preferred_of or subnet.preferred
    if left is not None:
        preferred = max(preferred_of.minimum if preferred_of is not None else 0, left[0])
        valid = max(valid_of.minimum, left[1])
    else:
        valid = valid_of.granted(hint.valid if hint is not None else 0)
        preferred = preferred_of.granted(hint.preferred if hint is not None else 0) if preferred_of is not None else 0
    if not preferred or preferred > valid:
        preferred = INFINITE if valid == INFINITE else valid * 5 // 8
    return preferred, valid


def tee_times6(subnet: Subnet6, preferred: int) -> tuple[int, int]:
    """T1 and T2 for the shortest preferred lifetime of an identity association; 0 leaves it to the client.

    Kea: explicit timers beat calculated ones, and a T1 that is no shorter than T2 is not told. Deviation: T1 and T2 of
    a preferred lifetime without end have none either (RFC 8415 14.2), where Kea calculates with its number.
    """
    t1, t2 = subnet.renew_timer, subnet.rebind_timer
    if subnet.calculate_tee_times:
        if preferred == INFINITE and t1 is None and t2 is None:
            return INFINITE, INFINITE
        t1 = int(preferred * subnet.t1_percent + 0.5) if t1 is None else t1
        t2 = int(preferred * subnet.t2_percent + 0.5) if t2 is None else t2
    t1, t2 = t1 or 0, t2 or 0
    return (t1 if t1 < t2 else 0), t2


def remaining6(lease: Lease6, now: int) -> tuple[int, int]:
    """What is left of a lease's preferred and valid lifetime."""
    age = now - lease.cltt
    preferred, valid = lease.preferred_lifetime, lease.valid_lifetime
    if preferred != INFINITE:
        preferred = preferred - age if preferred > age else 0
    if valid != INFINITE:
        valid = valid - age if valid > age else 0
    return preferred, valid


def remaining_of_cached6(subnet: Subnet6, before: Lease6, fresh: Lease6, now: int) -> tuple[int, int] | None:
    """The lifetimes to repeat where `before` may stay as it is (Kea: `cache-threshold`, `cache-max-age`), else None.

    Nothing but the time may differ. Deviation: a client that asks at its T1 or later was told to, and is extended
    however young the lease is (docs/why/deviations.md).
    """
    age, threshold = now - before.cltt, subnet.cache_threshold
    if age < 0 or before.state != DEFAULT or before.expired(now):
        return None
    if subnet.cache_max_age is not None and (not subnet.cache_max_age or age > subnet.cache_max_age):
        return None
    if not 0 < threshold <= 1 or age > threshold * before.valid_lifetime:
        return None
    if before[:CLTT] != fresh[:CLTT] or before[BEHIND_CLTT:] != fresh[BEHIND_CLTT:]:
        return None
    t1, _ = tee_times6(subnet, before.preferred_lifetime)
    if t1 and t1 != INFINITE and age + T1_SLACK >= t1:
        return None
    preferred, valid = remaining6(before, now)
    if before.preferred_lifetime and not preferred:
        return None
    return (preferred, valid) if valid else None
