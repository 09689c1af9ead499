"""What the DHCPv6 engine may ask about leases, and what it may change; as `view` does for DHCPv4.

This module does not know stores.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import attrs

from dhcpkit.alloc.lease6 import Lease6

__all__ = ["DUID", "Change6", "Key6", "LeaseView6", "LiveView6", "Sweep6", "Unit6"]

DUID: Final = "duid"

# What can be looked up: ("address", 42540766411282592856903984951653826561), ("duid", b"...").
Key6 = tuple[Literal["address"], int] | tuple[Literal["duid"], bytes]


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


@attrs.frozen
class Sweep6:
    """Every address, or every prefix of one length, from `first` to `last`, from the view's turn on and then around.

    Steps are `1 << shift` wide: shift 0 for addresses, 128 - the delegated length for prefixes. A view that keeps free
    lists answers it without walking the range, which may be larger than anybody could walk.
    """

    first: int
    last: int
    shift: int = 0

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

    def first_free(self, order: Iterable[int], now: int, /, busy: Container[int] = ()) -> int | None:
        """The first address of `order` without a lease that binds it at `now`, not counting those in `busy`.

        None where nothing is free.
        """
        ...

    def handed_out(self, address: int, /) -> None:
        """The engine chose this address: the next sweep over a range that holds it starts behind it."""
        ...


class LiveView6(LeaseView6, Protocol):
    """The view of a local store: the live index, which never raises NotLoaded."""

    def knows(self, duid: bytes, /) -> bool:
        """Whether a lease may have the DUID. False is certain."""
        ...
