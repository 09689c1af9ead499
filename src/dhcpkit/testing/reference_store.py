"""The plainest store of DHCPv4 leases. The model other stores are compared with.

`PartialView` shows it through a keyhole: it knows only what was loaded, as a view over a remote store does. This module
knows how leases are looked up; `plain_store.py` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.view import Key, LiveView4, Sweep
from dhcpkit.testing.plain_store import Keyhole, PlainStore

__all__ = ["PartialView", "ReferenceStore"]


class ReferenceStore(PlainStore[Lease4, Sweep]):
    """Leases in a dict; its own live view."""

    def __init__(self, leases: Iterable[Lease4] = ()) -> None:
        super().__init__(leases, Sweep, lambda _: 1)

    @property
    def view(self) -> LiveView4:
        """The live index: the store itself."""
        return self

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

    def taken_of(self, order: Sweep) -> int:
        """As LeaseView4."""
        held = (self.leases[address] for address in self.leases if address in order)
        return sum(lease.state not in {LeaseState.EXPIRED_RECLAIMED, LeaseState.RELEASED} for lease in held)


class PartialView(Keyhole[Key]):
    """What was loaded of a ReferenceStore."""

    def __init__(self, store: ReferenceStore, keys: Iterable[Key] = ()) -> None:
        self.store = store
        by = {"client-id": store.by_client_id, "hw-address": store.by_hwaddr}
        super().__init__(store, lambda key: by[key[0]](key[1]), keys)  # type: ignore[arg-type]  # octets, by the name

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

    def taken_of(self, _order: Sweep) -> None:
        """As LeaseView4: nobody counts."""
