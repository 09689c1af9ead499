"""What every store of DHCPv6 leases promises, as tests: subclass both, return your store, and run pytest.

    class TestMine(LeaseStoreContract6):
        def make_store(self, tmp_path):
            return MyStore6(tmp_path / "leases")

`store_contract` says more.
"""

from __future__ import annotations

from pathlib import Path

from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view6 import DUID, Sweep6
from dhcpkit.testing.store_contract import AnyStore, StoreContract, all_leases, asked, free_in
from dhcpkit.testing.store_family import ADDRESSES6, NOW, PREFIXES6

__all__ = ["LeaseStoreContract6", "PrefixStoreContract6"]


class PrefixStoreContract6(StoreContract):
    """The promises of a store of DHCPv6 leases (`LeaseStore6`), tried with delegated prefixes."""

    family = PREFIXES6


class LeaseStoreContract6(StoreContract):
    """The promises of a store of DHCPv6 leases (`LeaseStore6`), tried with addresses."""

    family = ADDRESSES6

    def test_one_client_has_addresses_and_prefixes(self, tmp_path: Path) -> None:
        """All are found by its DUID, and what is free of one is not what is free of the other."""

        async def test(store: AnyStore) -> None:
            duid = {"duid": b"\x00\x01shared"}
            both = [PREFIXES6.lease_of(1, **duid), ADDRESSES6.lease_of(1, **duid), ADDRESSES6.lease_of(2, **duid)]
            await store.commit([tuple(self.family.change(None, lease) for lease in both)])
            found = await asked(store, ADDRESSES6.identifiers[0].ask(duid["duid"]), [(DUID, duid["duid"])])
            assert sorted(found) == sorted(both)
            assert await asked(store, free_in(ADDRESSES6.order(1, 5), NOW)) == ADDRESSES6.address(3)
            assert await asked(store, free_in(PREFIXES6.order(1, 5), NOW)) == PREFIXES6.address(2)
            assert await all_leases(store) == sorted(both)

        self.run(tmp_path, test)

    def test_leases_of_another_length_hold_their_addresses_too(self, tmp_path: Path) -> None:
        """An address or a longer prefix where a pool's prefix begins: that one is not free, the others are."""

        async def test(store: AnyStore) -> None:
            odd = [
                PREFIXES6.lease_of(0, type=LeaseType.IA_NA.value, prefix_len=128),
                PREFIXES6.lease_of(1, prefix_len=64),
                PREFIXES6.lease_of(2, prefix_len=48),
                PREFIXES6.lease_of(4, address=PREFIXES6.address(4) + 1),
            ]
            await store.commit([self._new(lease) for lease in odd])
            assert await asked(store, free_in(PREFIXES6.order(0, 2), NOW)) is None
            assert await asked(store, free_in(PREFIXES6.order(0, 9), NOW)) == PREFIXES6.address(3)
            assert await asked(store, free_in(PREFIXES6.order(4, 4), NOW)) == PREFIXES6.address(4)
            await store.commit([(self.family.change(odd[1], None),)])
            assert await asked(store, free_in(PREFIXES6.order(0, 2), NOW)) == PREFIXES6.address(1)

        self.run(tmp_path, test)

    def test_a_range_that_nobody_could_walk(self, tmp_path: Path) -> None:
        """Of 2^64 addresses and of 2^60 prefixes: the turn goes on, and past what is held."""

        async def test(store: AnyStore) -> None:
            first = ADDRESSES6.first >> 64 << 64
            wide, prefixes = Sweep6(first, first + (1 << 64) - 1), Sweep6(1 << 124, (2 << 124) - 1, 64)
            for order, near in ((wide, first + (1 << 63)), (prefixes, (1 << 124) + (1 << 100))):
                step = 1 << order.shift
                length = 128 - order.shift
                kind = LeaseType.IA_PD.value if order.shift else LeaseType.IA_NA.value
                assert await asked(store, free_in(order, NOW)) == order.first
                (await store.load(())).handed_out(near)
                run = [self._at(near + step * i, kind, length) for i in range(1, 300)]
                await store.commit([self._new(lease) for lease in run])
                assert await asked(store, free_in(order, NOW)) == near + step * 300
                (await store.load(())).handed_out(order.last - step + 1)
                assert await asked(store, free_in(order, NOW)) == order.first

        self.run(tmp_path, test)

    def _at(self, address: int, kind: int, prefix_len: int) -> Lease6:
        """The lease of an address of any kind."""
        lease: Lease6 = ADDRESSES6.lease_of(1, address=address, type=kind, prefix_len=prefix_len)
        return lease
