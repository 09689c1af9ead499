"""The plainest store of DHCPv6 leases that keeps every promise: dicts and loops; as `reference_store` is for DHCPv4.

`PartialView6` shows it through a keyhole: it knows only what was loaded, as a view over a remote store does.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import chain

from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.view import NotLoaded
from dhcpkit.alloc.view6 import Key6, LiveView6, Sweep6, Unit6

__all__ = ["PartialView6", "ReferenceStore6"]

Range = tuple[int, int, int]  # first, last, and how wide a step is


class ReferenceStore6:
    """Leases in a dict; its own live view."""

    def __init__(self, leases: Iterable[Lease6] = ()) -> None:
        self.leases = {lease.address: lease for lease in leases}
        self.turns: dict[Range, int] = {}

    @property
    def view(self) -> LiveView6:
        """The live index: the store itself."""
        return self

    def append(self, units: Sequence[Unit6]) -> list[bool]:
        """Applies each unit whose every `before` is what is held."""
        kept = []
        for unit in units:
            fits = all(self.leases.get(change.address) == change.before for change in unit)
            kept.append(fits)
            for change in unit if fits else ():
                if change.after is None:
                    self.leases.pop(change.address, None)
                else:
                    self.leases[change.address] = change.after
        return kept

    def by_address(self, address: int) -> Lease6 | None:
        """As LeaseView6."""
        return self.leases.get(address)

    def by_duid(self, duid: bytes) -> Sequence[Lease6]:
        """As LeaseView6."""
        return [lease for lease in self.leases.values() if duid and lease.duid == duid]

    def knows(self, duid: bytes) -> bool:
        """As LiveView6."""
        return bool(self.by_duid(duid))

    def in_turn(self, order: Iterable[int]) -> Iterator[int]:
        """A sweep's members from where its turn stands, then around; any other order as it is."""
        if not isinstance(order, Sweep6):
            return iter(order)
        turn = self.turns.setdefault((order.first, order.last, order.shift), order.first)
        before = Sweep6(order.first, turn - 1, order.shift) if turn > order.first else ()
        return chain(Sweep6(turn, order.last, order.shift), before)

    def first_free(self, order: Iterable[int], now: int, busy: Container[int] = ()) -> int | None:
        """As LeaseView6."""
        for address in self.in_turn(order):
            lease = self.leases.get(address)
            if address not in busy and (lease is None or lease.expired(now)):
                return address
        return None

    def handed_out(self, address: int) -> None:
        """As LeaseView6."""
        for first, last, shift in self.turns:
            if address in Sweep6(first, last, shift):
                self.turns[first, last, shift] = address + (1 << shift) if address < last else first


class PartialView6:
    """What was loaded of a ReferenceStore6: asking for anything else raises NotLoaded with the keys to load."""

    CHUNK_MAX = 64  # candidates loaded at once, at most: chunks double up to this

    def __init__(self, store: ReferenceStore6, keys: Iterable[Key6] = ()) -> None:
        self.store = store
        self.known: set[Key6] = set()
        self._chunk = 1
        self.load(keys)

    def load(self, keys: Iterable[Key6]) -> None:
        """Learns keys, and with them the addresses of the leases found."""
        for key in keys:
            self.known.add(key)
            if key[0] == "duid":
                self.known.update(("address", lease.address) for lease in self.store.by_duid(key[1]))

    def by_address(self, address: int) -> Lease6 | None:
        """As LeaseView6."""
        self._need(("address", address))
        return self.store.by_address(address)

    def by_duid(self, duid: bytes) -> Sequence[Lease6]:
        """As LeaseView6."""
        self._need(("duid", duid))
        return self.store.by_duid(duid)

    def first_free(self, order: Iterable[int], now: int, busy: Container[int] = ()) -> int | None:
        """As LeaseView6; candidates are loaded in chunks that double."""
        missing: list[Key6] = []
        for address in self.store.in_turn(order):
            if address in busy:
                continue
            if ("address", address) not in self.known:
                missing.append(("address", address))
                if len(missing) >= self._chunk:
                    break
                continue
            lease = self.store.by_address(address)
            if not missing and (lease is None or lease.expired(now)):
                return address
        if missing:
            self._chunk = min(self._chunk * 2, self.CHUNK_MAX)
            raise NotLoaded(*missing)  # type: ignore[arg-type]  # keys of the other family
        return None

    def handed_out(self, address: int) -> None:
        """As LeaseView6."""
        self.store.handed_out(address)

    def _need(self, key: Key6) -> None:
        if key not in self.known:
            raise NotLoaded(key)  # type: ignore[arg-type]  # a key of the other family
