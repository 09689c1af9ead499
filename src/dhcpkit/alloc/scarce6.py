"""Whether so few prefixes are left that new leases get short (Kea's `adaptive-lease-time-threshold`). Pure.

DHCPv6 has it for prefixes alone, and only where Kea's allocator counts: `flq`. What counts are the pools of the subnet
that are open to the client and whose prefixes are not longer than the one it gets. This module does not know leases,
only how many there are; how short they get is in `times6`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dhcpkit.alloc.classify import allowed
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.alloc.pick6 import Queue6
from dhcpkit.alloc.view6 import Sweep6

__all__ = ["few_left"]

COUNTED_MAX: Final = (1 << 64) - 1  # from so many prefixes on Kea takes pools for empty


def few_left(
    taken_of: Callable[[Sweep6, int], int | None],
    subnet: Subnet6,
    classes: Sequence[str],
    address: int,
    prefix_len: int,
) -> bool:
    """Whether the subnet's threshold is reached once the prefix at `address` is held.

    `taken_of` says how many prefixes of a range are held then, None where nobody counts: never reached then.
    """
    threshold = subnet.adaptive_lease_time_threshold
    if threshold is None or threshold >= 1 or type(subnet.pd_allocator) is not Queue6:
        return False
    pools = [pool for pool in subnet.pd_pools if allowed(pool.client_classes, classes)]
    pools = [pool for pool in pools if pool.delegated_len <= prefix_len]
    total = sum(pool.size for pool in pools)
    if total >= COUNTED_MAX or not any(pool.first <= address <= pool.end for pool in pools):
        return False
    taken = [taken_of(pool.sweep, address) for pool in pools]
    return None not in taken and sum(each or 0 for each in taken) / total >= threshold
