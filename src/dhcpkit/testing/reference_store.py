"""The plainest store that keeps every promise: dicts and loops. The model other stores are compared with.

`PartialView` shows it through a keyhole: it knows only what was loaded, as a view over a remote store does.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.view import Key, LiveView4, NotLoaded, Sweep, Unit

__all__ = ["PartialView", "ReferenceStore"]


class ReferenceStore:
    """Leases in a dict; its own live view."""

    def __init__(self, leases: Iterable[Lease4] = ()) -> None:
        self.leases = {lease.address: lease for lease in leases}
        self.turns: dict[tuple[int, int], int] = {}

    @property
    def view(self) -> LiveView4:
        """The live index: the store itself."""
        return self

    def append(self, units: Sequence[Unit]) -> list[bool]:
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

    def by_address(self, address: int) -> Lease4 | None:
        """As LeaseView4."""
        return self.leases.get(address)

    def by_client_id(self, client_id: bytes) -> Sequence[Lease4]:
        """As LeaseView4."""
        return [lease for lease in self.leases.values() if client_id and lease.client_id == client_id]

    def by_hwaddr(self, hwaddr: bytes) -> Sequence[Lease4]:
        """As LeaseView4."""
        return [lease for lease in self.leases.values() if hwaddr and lease.hwaddr == hwaddr]

    def knows(self, client_id: bytes, hwaddr: bytes) -> bool:
        """As LiveView4."""
        return bool(self.by_client_id(client_id) or self.by_hwaddr(hwaddr))

    def knows_one(self, client_id: bytes, hwaddr: bytes) -> bool:
        """As LiveView4."""
        return len(self.by_client_id(client_id) if client_id else self.by_hwaddr(hwaddr)) == 1

    def in_turn(self, order: Iterable[int]) -> Iterator[int]:
        """A sweep's addresses from where its turn stands, then around; any other order as it is."""
        if isinstance(order, Sweep):
            turn = self.turns.get((order.first, order.last), order.first)
            yield from range(turn, order.last + 1)
            yield from range(order.first, turn)
        else:
            yield from order

    def first_free(self, order: Iterable[int], now: int, busy: Container[int] = ()) -> int | None:
        """As LeaseView4."""
        if isinstance(order, Sweep):
            self.turns.setdefault((order.first, order.last), order.first)
        for address in self.in_turn(order):
            lease = self.leases.get(address)
            if address not in busy and (lease is None or lease.expired(now)):
                return address
        return None

    def handed_out(self, address: int) -> None:
        """As LeaseView4."""
        for first, last in self.turns:
            if first <= address <= last:
                self.turns[first, last] = address + 1 if address < last else first

    def taken_of(self, order: Sweep) -> int:
        """As LeaseView4."""
        held = (self.leases[address] for address in self.leases if address in order)
        return sum(lease.state not in {LeaseState.EXPIRED_RECLAIMED, LeaseState.RELEASED} for lease in held)


class PartialView:
    """What was loaded of a ReferenceStore: asking for anything else raises NotLoaded with the keys to load."""

    CHUNK_MAX = 64  # candidates loaded at once, at most: chunks double up to this

    def __init__(self, store: ReferenceStore, keys: Iterable[Key] = ()) -> None:
        self.store = store
        self.known: set[Key] = set()
        self._chunk = 1
        self.load(keys)

    def load(self, keys: Iterable[Key]) -> None:
        """Learns keys, and with them the addresses of the leases found."""
        for key in keys:
            self.known.add(key)
            if key[0] == "client-id":
                found = self.store.by_client_id(key[1])
            elif key[0] == "hw-address":
                found = self.store.by_hwaddr(key[1])
            else:
                continue
            self.known.update(("address", lease.address) for lease in found)

    def by_address(self, address: int) -> Lease4 | None:
        """As LeaseView4."""
        self._need(("address", address))
        return self.store.by_address(address)

    def by_client_id(self, client_id: bytes) -> Sequence[Lease4]:
        """As LeaseView4."""
        self._need(("client-id", client_id))
        return self.store.by_client_id(client_id)

    def by_hwaddr(self, hwaddr: bytes) -> Sequence[Lease4]:
        """As LeaseView4."""
        self._need(("hw-address", hwaddr))
        return self.store.by_hwaddr(hwaddr)

    def first_free(self, order: Iterable[int], now: int, busy: Container[int] = ()) -> int | None:
        """As LeaseView4; candidates are loaded in chunks that double."""
        if isinstance(order, Sweep):
            self.store.turns.setdefault((order.first, order.last), order.first)
        missing: list[Key] = []
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
            raise NotLoaded(*missing)
        return None

    def handed_out(self, address: int) -> None:
        """As LeaseView4."""
        self.store.handed_out(address)

    def taken_of(self, _order: Sweep) -> None:
        """As LeaseView4: nobody counts."""

    def _need(self, key: Key) -> None:
        if key not in self.known:
            raise NotLoaded(key)
