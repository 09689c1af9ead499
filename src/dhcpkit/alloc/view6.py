"""What the DHCPv6 engine may ask about leases, and what it may change; as `view` does for DHCPv4.

This module does not know stores.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import attrs

from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view import Taken, holds

__all__ = [
    "ADDRESS_BITS",
    "DUID",
    "Change6",
    "Key6",
    "LeaseView6",
    "LiveView6",
    "Overlay6",
    "Span6",
    "Sweep6",
    "Unit6",
    "span_of",
]

DUID: Final = "duid"
ADDRESS_BITS: Final = 128
IA_PD: Final = LeaseType.IA_PD.value  # an enumeration's attribute costs

# What can be looked up: ("address", 42540766411282592856903984951653826561), ("duid", b"..."), and what stands in the
# way of a prefix, given by its address and length.
Key6 = tuple[Literal["address"], int] | tuple[Literal["duid"], bytes] | tuple[Literal["overlap"], int, int]

Span6 = tuple[int, int]  # the first and the last address of a prefix


class Change6(NamedTuple):
    """One lease before and after. The store must still hold `before` (None: nothing), else the unit fails."""

    before: Lease6 | None
    after: Lease6 | None

    @property
    def address(self) -> int:
        """The address it is about; a change with neither side has none and is a bug."""
        lease = self.after if self.after is not None else self.before
        assert lease is not None, "a change has a lease before or after it"
        return lease.address


Unit6 = tuple[Change6, ...]  # all or nothing; one per query, however many addresses and prefixes it changes


def span_of(address: int, prefix_len: int) -> Span6:
    """The first and the last address of a prefix."""
    return address, address | (1 << ADDRESS_BITS - prefix_len) - 1


@attrs.frozen
class Sweep6:
    """Every address, or every prefix of one length, from `first` to `last`, from the view's turn on and then around.

    Steps are `1 << shift` wide: shift 0 for addresses, 128 - the delegated length for prefixes. A view that keeps free
    lists answers it without walking the range, which may be larger than anybody could walk. Of `prefixes`, a view
    passes over those that contain, or lie in, one of another length that is held.
    """

    first: int
    last: int
    shift: int = 0
    prefixes: bool = False

    def __iter__(self) -> Iterator[int]:
        address, step = self.first, 1 << self.shift
        while address <= self.last:
            yield address
            address += step

    def __contains__(self, address: object) -> bool:
        return (
            isinstance(address, int)
            and self.first <= address <= self.last
            and not (address - self.first) & (1 << self.shift) - 1
        )

    @property
    def size(self) -> int:
        """How many there are; `len` could not say it."""
        return (self.last - self.first >> self.shift) + 1


class LeaseView6(Protocol):
    """What the engine may ask. Reads only, but for `handed_out`, which moves the turn of a sweep.

    A partial view raises `view.NotLoaded` for what it does not know yet.
    """

    def by_address(self, address: int, /) -> Lease6 | None:
        """The lease at this address (the first one of a prefix), in any state, expired or not."""
        ...

    def by_duid(self, duid: bytes, /) -> Sequence[Lease6]:
        """Every lease of this client, of any type and IAID, in any subnet."""
        ...

    def overlapping(self, address: int, prefix_len: int, /) -> Iterable[Lease6]:
        """Prefixes of other lengths that contain this one, or lie in it; those not held any more may be left out.

        To be walked at once: what changes meanwhile is not seen.
        """
        ...

    def first_free(
        self, order: Iterable[int], now: int, /, busy: Container[int] = (), spans: Sequence[Span6] = ()
    ) -> int | None:
        """The first address of `order` without a lease that binds it at `now`, not counting those in `busy`.

        Of a sweep over prefixes, what overlaps one of another length or one of `spans` is not free either. None where
        nothing is free.
        """
        ...

    def handed_out(self, address: int, /) -> None:
        """The engine chose this address: the next sweep over a range that holds it starts behind it."""
        ...

    def taken_of(self, order: Sweep6, /) -> int | None:
        """How many of a range are held, about: leases may have ended since. None where nobody counts."""
        ...


class LiveView6(LeaseView6, Protocol):
    """The view of a local store: the live index, which never raises NotLoaded."""

    def knows(self, duid: bytes, /) -> bool:
        """Whether a lease may have the DUID. False is certain."""
        ...


class Overlay6:
    """A view with a batch's earlier decisions laid over it, so that the next query of the batch sees them.

    `record` takes what a decision changes and what it took in turn. The leases below are not changed.
    """

    __slots__ = ("_by_duid", "_changed", "_prefixes", "view")

    def __init__(self, view: LeaseView6) -> None:
        self.view = view
        self._changed: dict[int, Lease6 | None] = {}
        self._by_duid: dict[bytes, list[Lease6]] = {}
        self._prefixes: dict[int, list[Lease6]] = {}  # by their lengths

    def record(self, unit: Unit6, offered: Iterable[int] = ()) -> None:
        """Shows `unit` to later queries; `offered` are those that were taken from a pool in their turn."""
        for change in unit:
            after = change.after
            self._changed[change.address] = after
            if after is not None:
                if after.duid:
                    self._by_duid.setdefault(after.duid, []).append(after)
                if after.type == IA_PD:
                    self._prefixes.setdefault(after.prefix_len, []).append(after)
        for address in offered:
            self.view.handed_out(address)

    def by_address(self, address: int) -> Lease6 | None:
        """As LeaseView6."""
        if address in self._changed:
            return self._changed[address]
        return self.view.by_address(address)

    def by_duid(self, duid: bytes) -> Sequence[Lease6]:
        """As LeaseView6."""
        below = self.view.by_duid(duid)
        changed = self._changed
        if not changed:
            return below
        kept = [lease for lease in below if lease.address not in changed]
        return kept + [lease for lease in self._by_duid.get(duid, ()) if changed[lease.address] is lease]

    def overlapping(self, address: int, prefix_len: int) -> Iterator[Lease6]:
        """As LeaseView6."""
        changed = self._changed
        first, last = span_of(address, prefix_len)
        for length, leases in self._prefixes.items():
            if length != prefix_len:
                for lease in leases:
                    low, high = span_of(lease.address, length)
                    if low <= last and first <= high and changed[lease.address] is lease:
                        yield lease
        for lease in self.view.overlapping(address, prefix_len):
            if lease.address not in changed:
                yield lease

    def first_free(
        self, order: Iterable[int], now: int, busy: Container[int] = (), spans: Sequence[Span6] = ()
    ) -> int | None:
        """As LeaseView6."""
        if not self._changed:
            return self.view.first_free(order, now, busy, spans)
        if self._prefixes and type(order) is Sweep6 and order.prefixes:
            spans = [*spans, *self._spans(ADDRESS_BITS - order.shift, now)]
        taken = Taken(self._changed, busy, now)
        found = self.view.first_free(order, now, taken, spans)
        if found is None and isinstance(order, Container):  # what the batch itself has freed comes last
            freed = (address for address in self._changed if address not in taken and address in order)
            found = next((address for address in freed if not self._covered(order, address, now, spans)), None)
        return found

    def _spans(self, length: int, now: int) -> Iterator[Span6]:
        """What the batch made of prefixes of other lengths."""
        changed = self._changed
        for each, leases in self._prefixes.items():
            if each != length:
                for lease in leases:
                    if changed[lease.address] is lease and not lease.expired(now):
                        yield span_of(lease.address, each)

    def _covered(self, order: Container[int], address: int, now: int, spans: Sequence[Span6]) -> bool:
        if type(order) is not Sweep6 or not order.prefixes:
            return False
        length = ADDRESS_BITS - order.shift
        first, last = span_of(address, length)
        return any(low <= last and first <= high for low, high in spans) or any(
            not lease.expired(now) for lease in self.overlapping(address, length)
        )

    def handed_out(self, address: int) -> None:
        """As LeaseView6."""
        self.view.handed_out(address)

    def taken_of(self, order: Sweep6) -> int | None:
        """As LeaseView6."""
        count = self.view.taken_of(order)
        if count is None or not self._changed:
            return count
        changed = self._changed.items()
        return count + sum(
            holds(lease) - holds(self.view.by_address(address)) for address, lease in changed if address in order
        )
