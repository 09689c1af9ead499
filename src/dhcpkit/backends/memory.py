"""Leases in memory: the live index that every local store answers from, and a store that is nothing but that.

A lease at rest is its row (`rows.py`), in a dict by address; from client identifier and hardware address to the
address leads `identifiers.py`. To the garbage collector a million leases are nothing it has to look at, and they take
about 250 octets each; a lease that is asked for is decoded then (docs/why/batches.md).

This module does not know files, nor what time it is.
"""

from __future__ import annotations

import asyncio
from array import array
from binascii import unhexlify
from collections.abc import AsyncIterator, Callable, Container, Iterable, Sequence
from itertools import islice
from typing import Final

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.view import Change, Key, LeaseView4, Sweep, Unit
from dhcpkit.backends.expiry import Expiry
from dhcpkit.backends.free import FreeAddresses
from dhcpkit.backends.identifiers import Identifiers
from dhcpkit.backends.protocols import EVERYTHING, Census, StoreUnavailable, Where
from dhcpkit.backends.rows import decode, deletion, encode, ends, is_deletion

__all__ = ["Leases4", "MemoryStore", "Replaced"]

_DECODED_MAX: Final = 1024  # leases kept decoded; a batch of 64 queries reads some 200
_DUE_STEPS: Final = 256  # entries a search for a free address looks at: about 0.3 ms
_DUE_STEPS_WANTED: Final = 8192  # the same where nothing else is free
_WALKED: Final = 512  # addresses looked at in one go by a walk over all leases: about 1 ms with decoding each
_RECLAIMED: Final = b"%d" % LeaseState.EXPIRED_RECLAIMED.value
_EXPIRES: Final = (LeaseState.DEFAULT.value, LeaseState.DECLINED.value)
_GIVEN_BACK: Final = (LeaseState.EXPIRED_RECLAIMED.value, LeaseState.RELEASED.value)

Replaced = tuple[int, bytes | None]  # an address and the row it had: what undoes a change


def _end(lease: Lease4 | None) -> int | None:
    """When a lease's time is over, None for one that has no end to wait for."""
    if lease is None or lease.state not in _EXPIRES or lease.valid_lifetime == INFINITE:
        return None
    return lease.cltt + lease.valid_lifetime


class Leases4:
    """All leases, indexed. It is its own live view: what the engine reads is what is stored at that moment."""

    def __init__(self) -> None:
        self.rows: dict[int, bytes] = {}
        self._by_client_id = Identifiers()
        self._by_hwaddr = Identifiers()
        self._free = FreeAddresses()
        self._expiry = Expiry(self._end_of)
        self._decoded: dict[int, tuple[bytes, Lease4]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    # The view.

    def by_address(self, address: int, /) -> Lease4 | None:
        """As LeaseView4."""
        row = self.rows.get(address)
        if row is None:
            return None
        known = self._decoded.get(address)
        if known is not None and known[0] is row:
            return known[1]
        if len(self._decoded) >= _DECODED_MAX:
            self._decoded.clear()
        lease = decode(address, row)
        self._decoded[address] = (row, lease)
        return lease

    def by_client_id(self, client_id: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        found = self._by_client_id.get(client_id)
        return [x for a in found if (x := self.by_address(a)) and x.client_id == client_id] if found else ()

    def knows(self, client_id: bytes, hwaddr: bytes, /) -> bool:
        """Whether a lease may have either identifier: False is certain, and found out faster than by reading leases."""
        return bool(client_id and client_id in self._by_client_id) or hwaddr in self._by_hwaddr

    def knows_one(self, client_id: bytes, hwaddr: bytes, /) -> bool:
        """As LiveView4."""
        return len(self._by_client_id.get(client_id) if client_id else self._by_hwaddr.get(hwaddr)) == 1

    def by_hwaddr(self, hwaddr: bytes, /) -> Sequence[Lease4]:
        """As LeaseView4."""
        found = self._by_hwaddr.get(hwaddr)
        return [x for a in found if (x := self.by_address(a)) and x.hwaddr == hwaddr] if found else ()

    def first_free(self, order: Iterable[int], now: int, /, busy: Container[int] = ()) -> int | None:
        """As LeaseView4. A `Sweep` is answered from the free addresses; any other order is walked."""
        if type(order) is not Sweep:
            return next((a for a in order if a not in busy and self._unbound(a, now)), None)
        if self._expiry.next_end < now:
            self.expire(now, _DUE_STEPS)
        first = self._free.first(order.first, order.last)
        if first is not None and first not in busy and first not in self.rows:
            return first
        while True:
            for address in self._free.sweep(order.first, order.last):
                if address not in busy and self._unbound(address, now):
                    return address
            if not self.expire(now, _DUE_STEPS_WANTED):
                return None

    def handed_out(self, address: int, /) -> None:
        """As LeaseView4."""
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
        valid, end, state = ends(row)
        return end if state in _EXPIRES and valid != INFINITE else None

    def expired(self, before: int, limit: int) -> Sequence[Lease4]:
        """At most `limit` leases that ended before `before`, earliest first."""
        if limit <= 0:
            return []
        while True:
            found = [self._held(address) for address in islice(self._expiry.due(before), limit)]
            # An end that lies before those found may not have been looked at yet.
            if not self.expire(found[-1].expire if len(found) == limit else before, _DUE_STEPS_WANTED):
                return found

    def _held(self, address: int) -> Lease4:
        lease = self.by_address(address)
        assert lease is not None, "what is due has a lease"
        return lease

    def block_from(self, address: int) -> tuple[list[int], int] | None:
        """Addresses of leases in order, from `address` on, a few hundred, and where to go on. None at the end.

        A walk over all leases lets others have a turn between two of these calls.
        """
        block = self._free.next_block(address)
        if block is None:
            return None
        rows = self.rows
        some = block[:_WALKED]
        return [a for a in some if a in rows], some.stop

    # Changes.

    def apply(self, units: Sequence[Unit]) -> tuple[list[bool], list[Replaced], list[bytes]]:
        """Changes what each unit changes, if all its `before` are what is stored.

        Returns which units did, what undoes them all, and the rows that tell a file. Any error undoes them first.
        """
        kept: list[bool] = []
        undo: list[Replaced] = []
        lines: list[bytes] = []
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

    def _add(self, lease: Lease4, undo: list[Replaced], lines: list[bytes]) -> bool:
        """`_change` of nothing into a lease."""
        address, hwaddr, client_id, valid, cltt, *_, state, _, _ = lease
        if address in self.rows:
            return False
        if state or valid in (0, INFINITE):
            return self._change(Change(None, lease), undo, lines)
        row = encode(lease)
        undo.append((address, None))
        lines.append(row)
        self.rows[address] = row
        if client_id:
            self._by_client_id.add(client_id, address)
        if hwaddr:
            self._by_hwaddr.add(hwaddr, address)
        self._free.take(address)
        self._expiry.changed(address, None, cltt + valid)
        return True

    def _change(self, change: Change, undo: list[Replaced], lines: list[bytes]) -> bool:
        before, after = change
        address = after.address if after is not None else change.address
        row = self.rows.get(address)
        if before is None:
            if row is not None:
                return False
        elif row is None or not self._is(before, row, address):
            return False
        if after is None or is_deletion(after.valid_lifetime, after.state):
            if before is not None and row is not None:
                undo.append((address, row))
                lines.append(deletion(row))
                self._remove(address, before)
            return True
        new = encode(after)
        undo.append((address, row))
        lines.append(new)
        self._put(address, before, after, new)
        return True

    def _is(self, before: Lease4, row: bytes, address: int) -> bool:
        assert before.address == address, "a change is about one address"
        known = self._decoded.get(address)
        return (known is not None and known[0] is row and known[1] == before) or encode(before) == row

    def restore(self, replaced: Sequence[Replaced]) -> None:
        """Undoes changes, the last one first."""
        for address, row in reversed(replaced):
            before = self.by_address(address)
            if row is not None:
                self._put(address, before, decode(address, row), row)
            elif before is not None:
                self._remove(address, before)

    def _put(self, address: int, before: Lease4 | None, after: Lease4, row: bytes) -> None:
        self.rows[address] = row
        if before is None:
            if after.client_id:
                self._by_client_id.add(after.client_id, address)
            if after.hwaddr:
                self._by_hwaddr.add(after.hwaddr, address)
        else:
            if before.client_id != after.client_id:
                _move(self._by_client_id, before.client_id, after.client_id, address)
            if before.hwaddr != after.hwaddr:
                _move(self._by_hwaddr, before.hwaddr, after.hwaddr, address)
        if after.state in _GIVEN_BACK:
            self._free.give(address)
        else:
            self._free.take(address)
        self._expiry.changed(address, _end(before), _end(after))

    def _remove(self, address: int, before: Lease4) -> None:
        del self.rows[address]
        self._decoded.pop(address, None)
        if before.client_id:
            self._by_client_id.remove(before.client_id, address)
        if before.hwaddr:
            self._by_hwaddr.remove(before.hwaddr, address)
        self._free.give(address)
        self._expiry.changed(address, _end(before), None)

    def fill(self, rows: dict[int, bytes]) -> None:
        """Takes over the rows of a file that was just read. Only an empty index is filled."""
        assert not self.rows, "only an empty index is filled"
        self.rows = rows
        by_client_id, by_hwaddr = self._by_client_id.add, self._by_hwaddr.add
        take, give = self._free.take, self._free.give
        ends: dict[bytes, array[int]] = {}
        infinite = b"%d" % INFINITE
        for address, row in rows.items():
            _, hwaddr, client_id, valid, end, _, _, _, _, state, _ = row.split(b",", 10)
            if client_id:
                by_client_id(unhexlify(client_id.replace(b":", b"")), address)
            if hwaddr:
                by_hwaddr(unhexlify(hwaddr.replace(b":", b"")), address)
            if state in (b"0", b"1"):
                take(address)
                if valid != infinite:
                    try:
                        ends[end].append(address)
                    except KeyError:
                        ends[end] = array("I", (address,))
            elif int(state) in _GIVEN_BACK:
                give(address)
            else:
                take(address)

        self._expiry.begin({int(end): addresses for end, addresses in ends.items()})

    def census(self) -> Census:
        """As LocalLeaseStore."""
        found: dict[tuple[bytes, bytes, bytes], int] = {}
        reclaimed: list[int] = []
        for address, row in self.rows.items():
            _, _, _, _, _, subnet, _, _, _, state, rest = row.split(b",", 10)
            pool = rest[1:] if rest[:1] == b"," else rest[rest.rindex(b",") + 1 :]
            key = (subnet, pool, state)
            found[key] = found.get(key, 0) + 1
            if state == _RECLAIMED:
                reclaimed.append(address)
        return Census({(int(s), int(p), int(t)): count for (s, p, t), count in found.items()}, reclaimed)

    def check(self) -> None:
        """Raises AssertionError where an invariant does not hold."""
        self._free.check()
        leases = {address: decode(address, row) for address, row in self.rows.items()}
        due = set(self._expiry.due(1 << 62))
        for address, lease in leases.items():
            assert lease.address == address, "a row is filed under its own address"
            assert encode(lease) == self.rows[address], "a row is in the one form there is"
            assert self._free.taken(address) == (lease.state not in _GIVEN_BACK and address not in due), "taken or free"
        self._by_client_id.check((x.client_id, a) for a, x in leases.items() if x.client_id)
        self._by_hwaddr.check((x.hwaddr, a) for a, x in leases.items() if x.hwaddr)
        start = 0
        walked: list[int] = []
        while (found := self.block_from(start)) is not None:
            walked += found[0]
            start = found[1]
        assert walked == sorted(self.rows), "walking finds every lease, in order"
        self._expiry.check({a: end for a, lease in leases.items() if (end := _end(lease)) is not None})


def _move(index: Identifiers, old: bytes, new: bytes, address: int) -> None:
    if old:
        index.remove(old, address)
    if new:
        index.add(new, address)


async def pages_of(leases: Leases4, where: Where, size: int) -> AsyncIterator[Sequence[Lease4]]:
    """Leases in order of address. Between blocks of addresses whoever else is waiting gets a turn."""
    page: list[Lease4] = []
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
                fields = row.split(b",", 10)
                if (subnet is not None and fields[5] != subnet) or (state is not None and fields[9] != state):
                    continue
            page.append(decode(address, row))
            if len(page) >= size:
                yield page
                page = []
        await asyncio.sleep(0)
    if page:
        yield page


class MemoryStore:
    """A lease store that forgets everything when the process ends (Kea's memfile with `persist: false`)."""

    local = True

    def __init__(self, leases: Iterable[Lease4] = ()) -> None:
        self._leases = Leases4()
        for lease in leases:
            kept = self.append([(Change(None, lease),)])
            if not kept[0]:
                raise ValueError(f"there are two leases for address {lease.address:#010x}")

    @property
    def view(self) -> Leases4:
        """The live view."""
        return self._leases

    def census(self) -> Census:
        """As LocalLeaseStore."""
        return self._leases.census()

    def append(self, units: Sequence[Unit]) -> Sequence[bool]:
        """As LocalLeaseStore."""
        return self._leases.apply(units)[0]

    def when_synced(self, callback: Callable[[StoreUnavailable | None], None]) -> None:
        """As LocalLeaseStore: at once."""
        callback(None)

    async def load(self, _keys: Iterable[Key], _view: LeaseView4 | None = None) -> LeaseView4:
        """As LeaseStore: the live view."""
        return self._leases

    async def commit(self, units: Sequence[Unit]) -> Sequence[bool]:
        """As LeaseStore."""
        return self._leases.apply(units)[0]

    async def expired(self, before: int, limit: int) -> Sequence[Lease4]:
        """As LeaseStore."""
        return self._leases.expired(before, limit)

    def pages(self, where: Where = EVERYTHING, size: int = 1000) -> AsyncIterator[Sequence[Lease4]]:
        """As LeaseStore."""
        return pages_of(self._leases, where, size)

    async def close(self) -> None:
        """As LeaseStore."""
