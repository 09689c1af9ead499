"""What a store of leases must do: five methods. One module with a `LeaseStore` is a backend.

A store that holds everything in memory is a `LocalLeaseStore` besides: the server then works without waiting.

Whatever waits is awaited; what is committed is durable. `dhcpkit.testing.LeaseStoreContract` holds any
implementation to the promises made here. This module does not know files, SQL or sockets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.sanity import Places
from dhcpkit.alloc.view import Key, LeaseView4, LiveView4, Unit
from dhcpkit.alloc.view6 import Key6, LeaseView6, LiveView6, Unit6
from dhcpkit.errors import DhcpkitError

__all__ = [
    "EVERYTHING",
    "Census",
    "Census6",
    "LeaseStore",
    "LeaseStore4",
    "LeaseStore6",
    "LeaseStoreOf",
    "LocalLeaseStore",
    "LocalLeaseStore4",
    "LocalLeaseStore6",
    "LocalLeaseStoreOf",
    "StoreUnavailable",
    "Where",
]

L_co = TypeVar("L_co", covariant=True)  # a lease
K_contra = TypeVar("K_contra", contravariant=True)  # what can be looked up
U_contra = TypeVar("U_contra", contravariant=True)  # changes, all or nothing
V = TypeVar("V")  # a view, partial or live
W_co = TypeVar("W_co", covariant=True)  # a live view
C_co = TypeVar("C_co", covariant=True)  # a census


class StoreUnavailable(DhcpkitError):
    """The surroundings failed (disk full, database gone): nothing of the call took effect, service goes on.

    `store` names it as the operator does, `why` is a sentence; `retry_at` is when it is worth trying again, in
    seconds on the monotonic clock, None where it is not known.
    """

    def __init__(self, store: str, why: str, retry_at: float | None = None) -> None:
        super().__init__(store, why, retry_at)
        self.store = store
        self.why = why
        self.retry_at = retry_at

    def __str__(self) -> str:
        return f"{self.store}: {self.why}"


@attrs.frozen
class Where:
    """Which leases `pages` walks over: all, or those of a subnet, in a state, from an address on."""

    subnet_id: int | None = None
    state: int | None = None
    after: int = -1


EVERYTHING = Where()


class LeaseStoreOf(Protocol[L_co, K_contra, U_contra, V]):
    """Leases of one family, `LeaseStore4` or `LeaseStore6`: what lease, key, unit and view are is its.

    All methods may be called concurrently; calls to `commit` take effect in call order.
    """

    local: bool
    """True where `load` never waits and a view is the live index: the server then needs no task for a batch."""

    async def load(self, keys: Iterable[K_contra], view: V | None = None) -> V:
        """A view that knows at least `keys`. With `view`, that same view learns them and is returned.

        Raises StoreUnavailable.
        """
        ...

    async def commit(self, units: Sequence[U_contra]) -> Sequence[bool]:
        """Makes each unit durable, all or nothing, in order; False: a `before` was not what is stored, nothing changed.

        A lease without a lifetime is a deletion, unless it was released (state 3): files cannot tell them apart.
        Durable on return. Raises StoreUnavailable: then no unit took effect and none will, or the line to a remote
        store broke and nobody can say; nothing of it may be acknowledged.
        """
        ...

    async def expired(self, before: int, limit: int) -> Sequence[L_co]:
        """At most `limit` leases whose time was over before `before`, earliest first.

        Those in state default, declined or registered: nobody waits for the end of others.
        """
        ...

    def pages(self, where: Where = EVERYTHING, size: int = 1000) -> AsyncIterator[Sequence[L_co]]:
        """Leases in order of address, at most `size` at a time."""
        ...

    async def close(self) -> None:
        """Lets go of everything; what was committed is safe already."""
        ...


@attrs.frozen
class Census:
    """How many leases there are by subnet, pool and state, and which were given back already."""

    counts: Mapping[tuple[int, int, int], int]
    reclaimed: Sequence[int]


@attrs.frozen
class Census6:
    """How many leases there are by subnet, pool, type and state, and which were given back already."""

    counts: Mapping[tuple[int, int, int, int], int]
    reclaimed: Sequence[int]


class LocalLeaseStoreOf(LeaseStoreOf[L_co, K_contra, U_contra, V], Protocol[L_co, K_contra, U_contra, V, W_co, C_co]):
    """A lease store whose reads never wait (`local` is True), with `commit` in two halves for a loop without tasks.

    `append(units)` then `when_synced(callback)` is what `await commit(units)` does.
    """

    @property
    def view(self) -> W_co:
        """The live view: shows what is stored at the moment of asking."""
        ...

    def census(self) -> C_co:
        """Counts all leases, without reading each: half a second for a million."""
        ...

    def suspects(self, network: Places | None, *, contexts: bool) -> Iterator[Sequence[L_co]]:
        """Leases whose subnet is not there or does not hold their address; with `contexts`, those with a user context.

        A step looks at some hundred leases, and most often finds none. Leases may change between two steps.
        """
        ...

    def amend(self, units: Sequence[U_contra]) -> Sequence[bool]:
        """As `append`, but only what the view shows is changed: what is on the disk stays until it is rewritten."""
        ...

    def append(self, units: Sequence[U_contra]) -> Sequence[bool]:
        """The first half: checks and changes what the view shows, hands the change to the disk, does not wait for it.

        Raises StoreUnavailable: then nothing has changed.
        """
        ...

    def when_synced(self, callback: Callable[[StoreUnavailable | None], None], /) -> None:
        """The second half: calls back once everything appended so far is durable, in order of the calls.

        At once, where it is already. With an error, none of it took effect and the view shows that: nothing of it may
        be acknowledged.
        """
        ...


LeaseStore4 = LeaseStoreOf[Lease4, Key, Unit, LeaseView4]
LeaseStore6 = LeaseStoreOf[Lease6, Key6, Unit6, LeaseView6]
LocalLeaseStore4 = LocalLeaseStoreOf[Lease4, Key, Unit, LeaseView4, LiveView4, Census]
LocalLeaseStore6 = LocalLeaseStoreOf[Lease6, Key6, Unit6, LeaseView6, LiveView6, Census6]

LeaseStore = LeaseStore4  # the family that is meant where none is named
LocalLeaseStore = LocalLeaseStore4
