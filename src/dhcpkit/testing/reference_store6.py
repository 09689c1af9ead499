"""The plainest store of DHCPv6 leases; as `reference_store` is for DHCPv4.

`PartialView6` shows it through a keyhole: it knows only what was loaded, as a view over a remote store does. This
module knows how leases are looked up; `plain_store.py` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view import holds
from dhcpkit.alloc.view6 import Key6, LiveView6, Span6, Sweep6, span_of
from dhcpkit.testing.plain_store import Keyhole, PlainStore

__all__ = ["PartialView6", "ReferenceStore6"]

ADDRESS_LEN: Final = 128


class ReferenceStore6(PlainStore[Lease6, Sweep6]):
    """Leases in a dict; its own live view."""

    def __init__(self, leases: Iterable[Lease6] = ()) -> None:
        super().__init__(leases, Sweep6, lambda order: 1 << order.shift)

    @property
    def view(self) -> LiveView6:
        """The live index: the store itself."""
        return self

    def by_duid(self, duid: bytes) -> Sequence[Lease6]:
        """As LeaseView6."""
        return [lease for lease in self.leases.values() if duid and lease.duid == duid]

    def knows(self, duid: bytes) -> bool:
        """As LiveView6."""
        return bool(self.by_duid(duid))

    def overlapping(self, address: int, prefix_len: int) -> Sequence[Lease6]:
        """As LeaseView6."""
        first, last = span_of(address, prefix_len)
        spans = [(lease, *span_of(lease.address, lease.prefix_len)) for lease in self.leases.values() if _held(lease)]
        return [lease for lease, low, high in spans if low <= last and first <= high and lease.prefix_len != prefix_len]

    def in_the_way(self, order: Iterable[int], address: int, now: int, spans: Sequence[Span6]) -> bool:
        """As PlainStore: prefixes of other lengths, whatever their length is."""
        if not isinstance(order, Sweep6) or not order.prefixes:
            return False
        first, last = span_of(address, ADDRESS_LEN - order.shift)
        if any(low <= last and first <= high for low, high in spans):
            return True
        return any(not lease.expired(now) for lease in self.overlapping(address, ADDRESS_LEN - order.shift))

    def taken_of(self, order: Sweep6) -> int:
        """As LeaseView6."""
        found = (lease for address, lease in self.leases.items() if address in order)
        length = ADDRESS_LEN - order.shift
        return sum(holds(lease) and (not order.shift or lease.prefix_len == length) for lease in found)


class PartialView6(Keyhole[Key6]):
    """What was loaded of a ReferenceStore6."""

    def __init__(self, store: ReferenceStore6, keys: Iterable[Key6] = ()) -> None:
        self.store = store
        super().__init__(store, self._named, keys)

    def _named(self, key: Key6) -> Sequence[Lease6]:
        if key[0] == "overlap":
            return self.store.overlapping(*key[1:])
        return self.store.by_duid(key[1]) if key[0] == "duid" else ()

    def by_address(self, address: int) -> Lease6 | None:
        """As LeaseView6."""
        self._need(("address", address))
        return self.store.by_address(address)

    def by_duid(self, duid: bytes) -> Sequence[Lease6]:
        """As LeaseView6."""
        self._need(("duid", duid))
        return self.store.by_duid(duid)

    def overlapping(self, address: int, prefix_len: int) -> Sequence[Lease6]:
        """As LeaseView6."""
        self._need(("overlap", address, prefix_len))
        return self.store.overlapping(address, prefix_len)

    def taken_of(self, _order: Sweep6) -> None:
        """As LeaseView6: nobody counts."""


def _held(lease: Lease6) -> bool:
    return lease.type == LeaseType.IA_PD and holds(lease)
