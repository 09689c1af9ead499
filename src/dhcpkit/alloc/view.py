"""What the engine may ask about leases, and what it may change: reads are a view, writes are values.

A view over a live index answers at once. A view over a remote store holds what was loaded and raises `NotLoaded`
for the rest; the caller loads those keys and plans again (docs/why/batches.md). This module does not know stores.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import attrs

from dhcpkit.alloc.lease import GIVEN_BACK, Lease4

__all__ = [
    "ADDRESS",
    "CLIENT_ID",
    "HWADDR",
    "Change",
    "Held",
    "Key",
    "LeaseView4",
    "LiveView4",
    "NotLoaded",
    "Overlay4",
    "Sweep",
    "Taken",
    "Unit",
    "holds",
]

ADDRESS: Final = "address"
CLIENT_ID: Final = "client-id"
HWADDR: Final = "hw-address"

# What can be looked up: ("address", 3221225994), ("client-id", b"..."), ("hw-address", b"...").
Key = tuple[Literal["address"], int] | tuple[Literal["client-id", "hw-address"], bytes]


class Change(NamedTuple):
    """One lease before and after. The store must still hold `before` (None: nothing), else the unit fails."""

    before: Lease4 | None
    after: Lease4 | None

    @property
    def address(self) -> int:
        """The address it is about; a change with neither side has none and is a bug."""
        lease = self.after if self.after is not None else self.before
        assert lease is not None, "a change has a lease before or after it"
        return lease.address


Unit = tuple[Change, ...]  # all or nothing; one per query


class NotLoaded(Exception):  # a signal to load more, not an error
    """A partial view was asked for keys it has not read yet. Load them and plan again."""

    def __init__(self, *keys: Key) -> None:
        super().__init__(*keys)
        self.keys = keys


@attrs.frozen
class Sweep:
    """Every address from `first` to `last`, in order, from wherever the view's turn of this range stands, then around.

    It is the iterative allocator's order. A view that keeps free lists answers it without walking the range.
    """

    first: int
    last: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last


class LeaseView4(Protocol):
    """What the engine may ask. Reads only, but for `handed_out`, which moves the turn of a sweep."""

    def by_address(self, address: int, /) -> Lease4 | None:
        """The lease at this address, in any state, expired or not."""
        ...

    def by_client_id(self, client_id: bytes, /) -> Sequence[Lease4]:
        """Every lease with this client identifier, in any subnet."""
        ...

    def by_hwaddr(self, hwaddr: bytes, /) -> Sequence[Lease4]:
        """Every lease with this hardware address, in any subnet."""
        ...

    def first_free(self, order: Iterable[int], now: int, /, busy: Container[int] = ()) -> int | None:
        """The first address of `order` without a lease that binds it at `now`, not counting those in `busy`.

        `busy` is what the caller knows to be taken besides (reservations, the batch's earlier decisions). None where
        nothing is free.
        """
        ...

    def handed_out(self, address: int, /) -> None:
        """The engine chose this address: the next sweep over a range that holds it starts behind it."""
        ...

    def taken_of(self, order: Sweep, /) -> int | None:
        """How many addresses of a range are held, about: leases may have ended since. None where nobody counts."""
        ...


class LiveView4(LeaseView4, Protocol):
    """The view of a local store: the live index, which never raises NotLoaded."""

    def knows(self, client_id: bytes, hwaddr: bytes, /) -> bool:
        """Whether a lease may have the client identifier (empty: none) or the hardware address. False is certain."""
        ...

    def knows_one(self, client_id: bytes, hwaddr: bytes, /) -> bool:
        """Whether just one lease has the client identifier, or without one the hardware address. True is certain."""
        ...


class Overlay4:
    """A view with a batch's earlier decisions laid over it, so that the next query of the batch sees them.

    `record` takes what a decision changes and which address it took in turn. The leases below are not changed.
    """

    __slots__ = ("_by_client_id", "_by_hwaddr", "_changed", "view")

    def __init__(self, view: LeaseView4) -> None:
        self.view = view
        self._changed: dict[int, Lease4 | None] = {}
        self._by_client_id: dict[bytes, list[Lease4]] = {}
        self._by_hwaddr: dict[bytes, list[Lease4]] = {}

    def record(self, unit: Unit, offered: int | None = None) -> None:
        """Shows `unit` to later queries; `offered` is an address that was taken from a pool in its turn."""
        for before, after in unit:
            if after is None:
                assert before is not None, "a change has a lease before or after it"
                self._changed[before.address] = None
                continue
            self._changed[after.address] = after
            if after.client_id:
                self._by_client_id.setdefault(after.client_id, []).append(after)
            if after.hwaddr:
                self._by_hwaddr.setdefault(after.hwaddr, []).append(after)
        if offered is not None:
            self.view.handed_out(offered)

    def by_address(self, address: int) -> Lease4 | None:
        """As LeaseView4."""
        if address in self._changed:
            return self._changed[address]
        return self.view.by_address(address)

    def by_client_id(self, client_id: bytes) -> Sequence[Lease4]:
        """As LeaseView4."""
        below = self.view.by_client_id(client_id)
        return self._laid_over(below, self._by_client_id.get(client_id, ())) if self._changed else below

    def by_hwaddr(self, hwaddr: bytes) -> Sequence[Lease4]:
        """As LeaseView4."""
        below = self.view.by_hwaddr(hwaddr)
        return self._laid_over(below, self._by_hwaddr.get(hwaddr, ())) if self._changed else below

    def first_free(self, order: Iterable[int], now: int, busy: Container[int] = ()) -> int | None:
        """As LeaseView4."""
        if not self._changed:
            return self.view.first_free(order, now, busy)
        taken = Taken(self._changed, busy, now)
        found = self.view.first_free(order, now, taken)
        if found is None:  # what the batch itself has freed comes last, as it would after a commit
            freed = [address for address in self._changed if address not in taken]
            found = next((address for address in freed if address in order), None) if freed else None
        return found

    def handed_out(self, address: int) -> None:
        """As LeaseView4."""
        self.view.handed_out(address)

    def taken_of(self, order: Sweep) -> int | None:
        """As LeaseView4."""
        count = self.view.taken_of(order)
        if count is None or not self._changed:
            return count
        changed = self._changed.items()
        return count + sum(
            holds(lease) - holds(self.view.by_address(address)) for address, lease in changed if address in order
        )

    def _laid_over(self, below: Sequence[Lease4], above: Sequence[Lease4]) -> Sequence[Lease4]:
        """What is below and unchanged, and what the batch made of the rest; `above` may hold what it changed again."""
        changed = self._changed
        if not below and not above:
            return below
        kept = [lease for lease in below if lease.address not in changed]
        return kept + [lease for lease in above if changed[lease.address] is lease]


class Held(Protocol):
    """A lease of either family, as far as whether it binds its address."""

    @property
    def state(self) -> int:
        """Kea's number of its state."""
        ...

    def expired(self, now: int) -> bool:
        """Whether it no longer does at `now`."""
        ...


def holds(lease: Held | None) -> bool:
    """Whether an address counts as held: there is a lease, and nobody gave it back. Its end is not looked at."""
    return lease is not None and lease.state not in GIVEN_BACK


class Taken:
    """Membership in what an overlay knows to be taken: the batch's new leases, and the caller's own `busy`."""

    __slots__ = ("busy", "changed", "now")

    def __init__(self, changed: Mapping[int, Held | None], busy: Container[int], now: int) -> None:
        self.changed, self.busy, self.now = changed, busy, now

    def __contains__(self, address: object) -> bool:
        if address in self.busy:
            return True
        lease = self.changed.get(address)  # type: ignore[call-overload]
        return lease is not None and not lease.expired(self.now)
