"""Leases in memory: the live index that every local store answers from, for either family.

A lease at rest is its row (`rows.py`), in a dict by address; from an identifier to the address leads `identifiers.py`.
To the garbage collector a million leases are nothing it has to look at, and they take about 250 octets each of
DHCPv4, 320 of DHCPv6; a lease that is asked for is decoded then (docs/why/batches.md).

This module does not know files, nor what time it is, nor what identifies a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

import attrs

from dhcpkit.alloc.lease import INFINITE, LeaseState
from dhcpkit.backends.expiry import Bucket, Expiry
from dhcpkit.backends.identifiers import Identifiers
from dhcpkit.backends.protocols import Where
from dhcpkit.backends.rows import RowForm, is_deletion

__all__ = ["GIVEN_BACK", "AnyLease", "Free", "Index", "Leases", "Read", "Replaced", "Swap", "pages_of"]

_DECODED_MAX: Final = 1024  # leases kept decoded; a batch of 64 queries reads some 200
_DUE_STEPS: Final = 256  # entries a search for a free address looks at: about 0.3 ms
_DUE_STEPS_WANTED: Final = 8192  # the same where nothing else is free
_WALKED: Final = 512  # addresses looked at in one go by a walk over all leases: about 1 ms with decoding each
GIVEN_BACK: Final = (LeaseState.EXPIRED_RECLAIMED.value, LeaseState.RELEASED.value)

Replaced = tuple[int, bytes | None]  # an address and the row it had: what undoes a change


class AnyLease(Protocol):
    """What the index looks at in a lease of either family."""

    @property
    def address(self) -> int:
        """What it is known by."""
        ...

    @property
    def valid_lifetime(self) -> int:
        """Seconds it is valid."""
        ...

    @property
    def cltt(self) -> int:
        """When the client was last seen, in seconds."""
        ...

    @property
    def state(self) -> int:
        """Kea's number of its state."""
        ...

    @property
    def subnet_id(self) -> int:
        """The subnet it is of."""
        ...

    @property
    def expire(self) -> int:
        """When it ends, in seconds."""
        ...

    @property
    def user_context(self) -> str:
        """What is kept with it, as JSON text; empty for nothing."""
        ...

    def expired(self, now: int) -> bool:
        """Whether it no longer binds its address."""
        ...


L = TypeVar("L", bound=AnyLease)
C_co = TypeVar("C_co", covariant=True)
L_contra = TypeVar("L_contra", bound=AnyLease, contravariant=True)
S = TypeVar("S", bound=Iterable[int])
S_contra = TypeVar("S_contra", bound=Iterable[int], contravariant=True)

Swap = tuple[L | None, L | None]  # a lease before and after a change: Change of one family or the other


class Free(Protocol[L_contra, S_contra]):
    """Which addresses nobody holds: `free.py` and `free6.py`."""

    def take(self, address: int, lease: L_contra, /) -> None:
        """Somebody holds it who did not."""
        ...

    def give(self, address: int, lease: L_contra | None = None, /) -> None:
        """Nobody holds it, but a lease is there. `lease` is given where there may have been none."""
        ...

    def remove(self, address: int, /) -> None:
        """No lease is there any more."""
        ...

    def taken(self, address: int, /) -> bool:
        """Whether somebody holds it."""
        ...

    def first(self, order: S_contra, /) -> int | None:
        """The address a sweep most likely begins with; None where that is not known at once."""
        ...

    def sweep(self, order: S_contra, spans: Sequence[tuple[int, int]] = (), /) -> Iterator[int]:
        """The addresses of a range that nobody holds, outside of `spans`, from its turn on and then around."""
        ...

    def handed_out(self, address: int, /) -> None:
        """The next sweep over each range that holds the address starts behind it."""
        ...

    def block_from(self, address: int, rows: Container[int], most: int, /) -> tuple[list[int], int] | None:
        """Some addresses in `rows` in order, from `address` on, and where to go on. None at the end."""
        ...

    def check(self, leases: Mapping[int, bytes], /) -> None:
        """Raises AssertionError where an invariant does not hold."""
        ...


@attrs.frozen
class Read(Generic[C_co]):
    """What was found out while the rows of a file were taken over: it holds until the first change.

    `extents` are the first and the last address of each subnet's leases (but for those that need not lie in it), by its
    id; `contexts` says whether any lease may have a user context.
    """

    census: C_co
    extents: Mapping[int, tuple[int, int]]
    contexts: bool


class Index(Protocol[L, C_co]):
    """What stores, files and statistics want of an index, whatever its family."""

    form: RowForm[L]
    rows: dict[int, bytes]

    @property
    def read(self) -> Read[C_co] | None:
        """What is known without a walk over all leases: only while nothing has changed since `fill`."""
        ...

    def by_address(self, address: int, /) -> L | None:
        """As Leases."""
        ...

    def apply(self, units: Sequence[Sequence[Swap[L]]], /) -> tuple[list[bool], list[Replaced], list[bytes]]:
        """As Leases."""
        ...

    def restore(self, replaced: Sequence[Replaced], /) -> None:
        """As Leases."""
        ...

    def expired(self, before: int, limit: int, /) -> Sequence[L]:
        """As Leases."""
        ...

    def block_from(self, address: int, /) -> tuple[list[int], int] | None:
        """As Leases."""
        ...

    def fill(self, rows: dict[int, bytes], /) -> None:
        """Takes over the rows of a file that was just read. Only an empty index is filled."""
        ...

    def census(self) -> C_co:
        """Counts all leases."""
        ...


def _end_in(expires: tuple[int, ...]) -> Callable[[AnyLease | None], int | None]:
    """When a lease's time is over, None for one that has no end to wait for: those in other states."""

    def end(lease: AnyLease | None) -> int | None:
        if lease is None or lease.state not in expires or lease.valid_lifetime == INFINITE:
            return None
        return lease.cltt + lease.valid_lifetime

    return end


class Leases(Generic[L, S]):
    """All leases of a family, indexed: what is read is what is stored at that moment.

    Each lease has as many identifiers as `identify` gives, and each of them an index in `identifiers`. `sweep` is the
    order that `free` answers; a lease ends where its state is one of `expires`.
    """

    def __init__(  # noqa: PLR0913  # one for each thing in which families differ
        self,
        form: RowForm[L],
        *,
        identify: Callable[[L], tuple[bytes, ...]],
        identifiers: tuple[Identifiers, ...],
        free: Free[L, S],
        sweep: type[S],
        new_bucket: Callable[[], Bucket],
        expires: tuple[int, ...],
    ) -> None:
        self.form = form
        self.rows: dict[int, bytes] = {}
        self._encode = form.encode
        self._decode = form.decode
        self._ends = form.ends
        self._identify = identify
        self._identifiers = identifiers
        self._free = free
        self._sweep = sweep
        self._expires = expires
        self._end = _end_in(expires)
        self._expiry = Expiry(self._end_of, new_bucket)
        self._decoded: dict[int, tuple[bytes, L]] = {}
        self._read: Any = None

    def __len__(self) -> int:
        return len(self.rows)

    # The view.

    def by_address(self, address: int, /) -> L | None:
        """As LeaseView4 and LeaseView6."""
        row = self.rows.get(address)
        if row is None:
            return None
        known = self._decoded.get(address)
        if known is not None and known[0] is row:
            return known[1]
        if len(self._decoded) >= _DECODED_MAX:
            self._decoded.clear()
        lease = self._decode(address, row)
        self._decoded[address] = (row, lease)
        return lease

    def first_free(
        self, order: Iterable[int], now: int, /, busy: Container[int] = (), spans: Sequence[tuple[int, int]] = ()
    ) -> int | None:
        """As the view. A sweep is answered from what is free; any other order is walked.

        `spans` are first and last addresses: what lies between them is not free.
        """
        if type(order) is not self._sweep:
            return next((a for a in order if a not in busy and self._unbound(a, now)), None)
        if self._expiry.next_end < now:
            self.expire(now, _DUE_STEPS)
        first = self._free.first(order) if not spans else None
        if first is not None and first not in busy and first not in self.rows:
            return first
        while True:
            for address in self._free.sweep(order, spans):
                if address not in busy and self._unbound(address, now):
                    return address
            if not self.expire(now, _DUE_STEPS_WANTED):
                return None

    def handed_out(self, address: int, /) -> None:
        """As the view."""
        self._free.handed_out(address)

    def _unbound(self, address: int, now: int) -> bool:
        lease = self.by_address(address)
        return lease is None or lease.expired(now)

    # What ends, and the order of addresses.

    def expire(self, before: int, steps: int) -> bool:
        """Makes addresses of leases that ended before `before` candidates for others; False when all of them are."""
        moved = self._expiry.advance(before, steps)
        if moved is None:
            return False
        for address in moved:
            self._free.give(address)
        return True

    def _end_of(self, address: int) -> int | None:
        row = self.rows.get(address)
        if row is None:
            return None
        valid, end, state = self._ends(row)
        return end if state in self._expires and valid != INFINITE else None

    def expired(self, before: int, limit: int) -> Sequence[L]:
        """At most `limit` leases that ended before `before`, earliest first."""
        if limit <= 0:
            return []
        while True:
            found = [self._held(address) for address in islice(self._expiry.due(before), limit)]
            # An end that lies before those found may not have been looked at yet.
            if not self.expire(found[-1].expire if len(found) == limit else before, _DUE_STEPS_WANTED):
                return found

    def _held(self, address: int) -> L:
        lease = self.by_address(address)
        assert lease is not None, "what is due has a lease"
        return lease

    def block_from(self, address: int) -> tuple[list[int], int] | None:
        """Addresses of leases in order, from `address` on, a few hundred, and where to go on. None at the end.

        A walk over all leases lets others have a turn between two of these calls.
        """
        return self._free.block_from(address, self.rows, _WALKED)

    # Changes.

    def apply(self, units: Sequence[Sequence[Swap[L]]]) -> tuple[list[bool], list[Replaced], list[bytes]]:
        """Changes what each unit changes, if all its `before` are what is stored.

        Returns which units did, what undoes them all, and the rows that tell a file. Any error undoes them first.
        """
        kept: list[bool] = []
        undo: list[Replaced] = []
        lines: list[bytes] = []
        self._read = None
        try:
            for unit in units:
                if len(unit) == 1 and unit[0][0] is None and unit[0][1] is not None:
                    kept.append(self._add(unit[0][1], undo, lines))  # a new lease: what most units are
                    continue
                done = len(undo)
                for change in unit:
                    if not self._change(change, undo, lines):
                        self.restore(undo[done:])
                        del undo[done:], lines[done:]
                        kept.append(False)
                        break
                else:
                    kept.append(True)
        except BaseException:
            self.restore(undo)
            raise
        return kept, undo, lines

    def _add(self, lease: L, undo: list[Replaced], lines: list[bytes]) -> bool:
        """`_change` of nothing into a lease."""
        return self._change((None, lease), undo, lines)

    def _change(self, change: Swap[L], undo: list[Replaced], lines: list[bytes]) -> bool:
        before, after = change
        lease = after or before
        assert lease is not None, "a change has a lease before or after it"
        address = lease.address
        row = self.rows.get(address)
        if before is None:
            if row is not None:
                return False
        elif row is None or not self._is(before, row, address):
            return False
        if after is None or is_deletion(after.valid_lifetime, after.state):
            if before is not None and row is not None:
                undo.append((address, row))
                lines.append(self.form.deletion(row))
                self._remove(address, before)
            return True
        new = self._encode(after)
        undo.append((address, row))
        lines.append(new)
        self._put(address, before, after, new)
        return True

    def _is(self, before: L, row: bytes, address: int) -> bool:
        assert before.address == address, "a change is about one address"
        known = self._decoded.get(address)
        return (known is not None and known[0] is row and known[1] == before) or self._encode(before) == row

    def restore(self, replaced: Sequence[Replaced]) -> None:
        """Undoes changes, the last one first."""
        self._read = None
        for address, row in reversed(replaced):
            before = self.by_address(address)
            if row is not None:
                self._put(address, before, self._decode(address, row), row)
            elif before is not None:
                self._remove(address, before)

    def _put(self, address: int, before: L | None, after: L, row: bytes) -> None:
        self.rows[address] = row
        new = self._identify(after)
        if before is None:
            for number, identifier in enumerate(new):
                if identifier:
                    self._identifiers[number].add(identifier, address)
        elif (old := self._identify(before)) != new:
            self._move(old, new, address)
        due = self._expiry.changed(address, self._end(before), self._end(after))
        if after.state in GIVEN_BACK:
            self._free.give(address, after)
        elif due or before is None or before.state in GIVEN_BACK:
            self._free.take(address, after)

    def _move(self, old: tuple[bytes, ...], new: tuple[bytes, ...], address: int) -> None:
        """The address passes from one client's identifiers to another's."""
        for index, was, identifier in zip(self._identifiers, old, new, strict=True):
            if was != identifier:
                if was:
                    index.remove(was, address)
                if identifier:
                    index.add(identifier, address)

    def _remove(self, address: int, before: L) -> None:
        del self.rows[address]
        self._decoded.pop(address, None)
        for number, identifier in enumerate(self._identify(before)):
            if identifier:
                self._identifiers[number].remove(identifier, address)
        self._free.remove(address)
        self._expiry.changed(address, self._end(before), None)

    def check(self) -> None:
        """Raises AssertionError where an invariant does not hold."""
        self._free.check(self.rows)
        leases = {address: self._decode(address, row) for address, row in self.rows.items()}
        due = set(self._expiry.due(1 << 62))
        for address, lease in leases.items():
            assert lease.address == address, "a row is filed under its own address"
            assert self._encode(lease) == self.rows[address], "a row is in the one form there is"
            assert self._free.taken(address) == (lease.state not in GIVEN_BACK and address not in due), "taken or free"
        for number, index in enumerate(self._identifiers):
            index.check((self._identify(x)[number], a) for a, x in leases.items() if self._identify(x)[number])
        start = 0
        walked: list[int] = []
        while (found := self.block_from(start)) is not None:
            walked += found[0]
            start = found[1]
        assert walked == sorted(self.rows), "walking finds every lease, in order"
        self._expiry.check({a: end for a, lease in leases.items() if (end := self._end(lease)) is not None})


async def pages_of(leases: Index[L, object], where: Where, size: int) -> AsyncIterator[Sequence[L]]:
    """Leases in order of address. Between blocks of addresses whoever else is waiting gets a turn."""
    page: list[L] = []
    place, decode = leases.form.place, leases.form.decode
    subnet = None if where.subnet_id is None else b"%d" % where.subnet_id
    state = None if where.state is None else b"%d" % where.state
    start = where.after + 1
    while (found := leases.block_from(start)) is not None:
        addresses, start = found
        for address in addresses:
            row = leases.rows.get(address)  # it may be gone: a page may have been handed out since the block was read
            if row is None:
                continue
            if subnet is not None or state is not None:
                at_subnet, in_state = place(row)
                if (subnet is not None and at_subnet != subnet) or (state is not None and in_state != state):
                    continue
            page.append(decode(address, row))
            if len(page) >= size:
                yield page
                page = []
        await asyncio.sleep(0)
    if page:
        yield page
