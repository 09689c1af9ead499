"""What each family counts, and under which names: Kea's, and a few of our own.

`statistics` keeps the values. This module does not know values, batches or stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.network import Subnet4
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.hooks.breaker import COUNTED as CALLOUTS

__all__ = [
    "ADDRESSES", "DECLINED", "DROPS", "NAMES4", "NAMES6", "NAS", "OWN", "PDS", "RECLAIMED", "RECLAIMED_DECLINED",
    "REGISTERED", "STORE_STATES", "TYPES6", "Counted", "Names",
]  # fmt: skip

DROPS: Final = (
    "service-disabled",
    "parse-failed",
    "queue-full",
    "duplicate",
    "rfc-violation",
    "admin-filtered",
    "not-for-us",
    "processing-failed",
    "limit-exceeded",
)
OWN: Final = ("dhcpkit-cloned-clients", "dhcpkit-amplifications", "dhcpkit-clock-steps", *CALLOUTS)  # not Kea's
FAILS: Final = ("", "-shared-network", "-subnet", "-no-pools", "-classes")  # of `v4-allocation-fail`
DECLINED, RECLAIMED_DECLINED, RECLAIMED = "declined-addresses", "reclaimed-declined-addresses", "reclaimed-leases"
STORE_STATES: Final = (LeaseState.DEFAULT.value, LeaseState.DECLINED.value)  # what counts as assigned (Kea)
REGISTERED: Final = LeaseState.REGISTERED.value


@attrs.frozen
class Counted:
    """How leases of one type are counted: the names of their counters, and what their pools are called there.

    `registered` are the counters of leases in that state, now and ever, where there are such; no pool counts them.
    """

    pool: str
    total: str
    assigned: str
    cumulative: str
    reuses: str
    declined: bool = True
    registered: tuple[str, ...] = ()

    @property
    def leases(self) -> tuple[str, ...]:
        """The counters of leases that subnets and pools have."""
        also = (DECLINED, RECLAIMED_DECLINED) if self.declined else ()
        return (self.assigned, self.cumulative, *also, RECLAIMED)

    @property
    def current(self) -> tuple[str, ...]:
        """Those that a recount makes anew."""
        return (self.assigned, *((DECLINED,) if self.declined else ()), *self.registered[:1])


@attrs.frozen(eq=False)
class Names:
    """What a family counts. `received` and `sent` are by message type; `pools` are a subnet's, with id and size."""

    family: int
    received: Mapping[int, str]
    sent: Mapping[int, str]
    counted: tuple[Counted, ...]
    pools: Callable[[Any], Iterator[tuple[Counted, int, int]]]

    @property
    def prefix(self) -> str:
        """What the names of packets' counters begin with."""
        return f"pkt{self.family}"

    @property
    def fail(self) -> str:
        """What the names of failures' counters begin with."""
        return f"v{self.family}-allocation-fail"

    @property
    def engine(self) -> tuple[str, ...]:
        """What the engine counts, everywhere and in each subnet."""
        conflicts = ("v4-reservation-conflicts",) if self.family == 4 else ()
        return (*(self.fail + kind for kind in FAILS), *conflicts, *(each.reuses for each in self.counted))

    @property
    def leases(self) -> tuple[str, ...]:
        """The counters of leases that there are everywhere and in each subnet."""
        names = [name for each in self.counted for name in (*each.leases, *each.registered)]
        return tuple(dict.fromkeys(names))

    @property
    def current(self) -> tuple[str, ...]:
        """Those of them that a recount makes anew."""
        return tuple(dict.fromkeys(name for each in self.counted for name in each.current))


ADDRESSES: Final = Counted(
    "pool", "total-addresses", "assigned-addresses", "cumulative-assigned-addresses", "v4-lease-reuses"
)
NAS: Final = Counted(
    *("pool", "total-nas", "assigned-nas", "cumulative-assigned-nas", "v6-ia-na-lease-reuses"),
    registered=("registered-nas", "cumulative-registered-nas"),
)
PDS: Final = Counted(
    *("pd-pool", "total-pds", "assigned-pds", "cumulative-assigned-pds", "v6-ia-pd-lease-reuses"), declined=False
)
TYPES6: Final = {LeaseType.IA_NA.value: NAS, LeaseType.IA_TA.value: NAS, LeaseType.IA_PD.value: PDS}


def _pools4(subnet: Subnet4) -> Iterator[tuple[Counted, int, int]]:
    for pool in subnet.pools:
        yield ADDRESSES, pool.pool_id, len(pool)


def _pools6(subnet: Subnet6) -> Iterator[tuple[Counted, int, int]]:
    for pool in subnet.pools:
        yield NAS, pool.pool_id, pool.size
    for pd_pool in subnet.pd_pools:
        yield PDS, pd_pool.pool_id, pd_pool.size


NAMES4: Final = Names(
    4,
    {
        1: "pkt4-discover-received",
        2: "pkt4-offer-received",
        3: "pkt4-request-received",
        4: "pkt4-decline-received",
        5: "pkt4-ack-received",
        6: "pkt4-nak-received",
        7: "pkt4-release-received",
        8: "pkt4-inform-received",
        10: "pkt4-lease-query-received",
    },
    {2: "pkt4-offer-sent", 5: "pkt4-ack-sent", 6: "pkt4-nak-sent"},
    (ADDRESSES,),
    _pools4,
)
NAMES6: Final = Names(
    6,
    {
        1: "pkt6-solicit-received",
        2: "pkt6-advertise-received",
        3: "pkt6-request-received",
        4: "pkt6-confirm-received",
        5: "pkt6-renew-received",
        6: "pkt6-rebind-received",
        7: "pkt6-reply-received",
        8: "pkt6-release-received",
        9: "pkt6-decline-received",
        11: "pkt6-infrequest-received",
        14: "pkt6-lease-query-received",
        20: "pkt6-dhcpv4-query-received",
        21: "pkt6-dhcpv4-response-received",
        36: "pkt6-addr-reg-inform-received",
        37: "pkt6-addr-reg-reply-received",
    },
    {
        2: "pkt6-advertise-sent",
        7: "pkt6-reply-sent",
        15: "pkt6-lease-query-reply-sent",
        21: "pkt6-dhcpv4-response-sent",
        37: "pkt6-addr-reg-reply-sent",
    },
    (NAS, PDS),
    _pools6,
)
