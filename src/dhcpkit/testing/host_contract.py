"""What every store of host reservations promises, as tests: subclass `HostStoreContract` and return your store.

    class TestMine(HostStoreContract):
        persistent = True

        def make_store(self, tmp_path):
            return MyHostStore(tmp_path / "hosts")

`HostStoreContract` is for DHCPv4, `HostStoreContract6` for DHCPv6. Each test opens a store of its own in an event loop
of its own; `make_store` is called again with the same `tmp_path` to open the same store again. For the values of a
failed comparison, call `pytest.register_assert_rewrite("dhcpkit.testing.host_contract")` in your conftest before
importing it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from dhcpkit.backends.hosts import (
    AddressReserved,
    ClientReserved,
    HostClash,
    HostFilter,
    HostStore,
    Reservation,
    address_key,
    client_key,
    identifier_key,
    reservation_of,
)

__all__ = ["HostStoreContract", "HostStoreContract6"]

E = TypeVar("E", bound=BaseException)


class _Caught(Generic[E]):
    """What a block raised, once it has."""

    value: E


@contextmanager
def _raises(kind: type[E]) -> Iterator[_Caught[E]]:
    """A block that must raise this."""
    caught = _Caught[E]()
    try:
        yield caught
    except kind as error:
        caught.value = error
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


STEPS: Final = 150  # random changes against the plain model
PLACES: Final = (1, 2, 0)  # subnets that the random changes are about; 0 is the global one


async def _everything(store: HostStore, where: HostFilter = HostFilter(), size: int = 1000) -> list[Reservation]:  # noqa: B008
    """All that a filter wants, through pages."""
    return [one async for page in store.pages(where, size) for one in page]


class HostStoreContract:
    """The promises of a host store, one test each."""

    family = 4
    persistent = False
    """Whether what was kept is there when the store is opened again."""

    def make_store(self, tmp_path: Path) -> HostStore:
        """Your store, empty for a new `tmp_path`. It is closed at the end of each test."""
        raise NotImplementedError

    def run(self, tmp_path: Path, test: Callable[[HostStore], Awaitable[None]]) -> None:
        """Runs `test` on a store, in an event loop."""

        async def whole() -> None:
            store = self.make_store(tmp_path)
            try:
                await test(store)
            finally:
                await store.close()

        asyncio.run(whole())

    def host(self, number: int, subnet_id: int = 1, *, at: int | None = None, **more: Any) -> Reservation:
        """The reservation of client `number`, at the address `at` (None: the same number; 0: none)."""
        place = number if at is None else at
        written: dict[str, Any] = {"hw-address": (0x020000000000 + number).to_bytes(6, "big").hex(":"), **more}
        if place and self.family == 4:
            written["ip-address"] = str(IPv4Address(0xC0000200 + place))
        elif place:
            written["ip-addresses"] = [str(IPv6Address((0x20010DB8 << 96) + place))]
        return reservation_of(self.family, subnet_id, written)

    @staticmethod
    def same(one: Reservation | None, other: Reservation | None) -> bool:
        """Whether two are the same, whatever their ids."""
        if one is None or other is None:
            return one is other
        return one.key == other.key and one.addresses == other.addresses and dict(one.written) == dict(other.written)

    # Looking up.

    def test_nothing_is_there_at_first(self, tmp_path: Path) -> None:
        """An empty store has no reservation under any key."""

        async def test(store: HostStore) -> None:
            host = self.host(1)
            keys = [identifier_key(*host.key), address_key(1, host.addresses[0]), client_key(*host.key[1:])]
            assert list(await store.load(keys)) == []
            assert await _everything(store) == []
            assert await store.remove(*host.key) is None
            assert await store.put(host, replace=True) is None
            assert await _everything(store) == []

        self.run(tmp_path, test)

    def test_what_was_put_is_found_under_every_key(self, tmp_path: Path) -> None:
        """By identifier, by address, by client, and through pages; and it has an id."""

        async def test(store: HostStore) -> None:
            here, there = self.host(1, hostname="Printer.example"), self.host(1, 2, at=9)
            made = await store.put(here)
            assert made is not None
            assert made.id > 0
            assert self.same(made, here)
            again = await store.put(there)
            assert again is not None
            assert again.id > made.id
            for key, wanted in (
                (identifier_key(*here.key), [made]),
                (identifier_key(*there.key), [again]),
                (address_key(1, here.addresses[0]), [made]),
                (address_key(2, here.addresses[0]), []),
                (client_key(*here.key[1:]), [made, again]),
            ):
                found = sorted(await store.load([key]), key=lambda one: one.id)
                assert found == wanted, key
            assert len(await store.load([identifier_key(*here.key), client_key(*here.key[1:])])) == 2
            assert await _everything(store) == [made, again]

        self.run(tmp_path, test)

    def test_a_filter_wants_what_fits_all_of_it(self, tmp_path: Path) -> None:
        """Host names are compared without case; what is not set is not looked at."""

        async def test(store: HostStore) -> None:
            hosts = [
                self.host(1, hostname="Printer.example"),
                self.host(2, hostname="scanner"),
                self.host(2, 2, hostname="PRINTER.EXAMPLE"),
                self.host(3, 0, at=0, hostname="everywhere"),
            ]
            for each in hosts:
                await store.put(each)
            filters = [
                HostFilter(),
                HostFilter(subnet_id=1),
                HostFilter(subnet_id=0),
                HostFilter(subnet_id=7),
                HostFilter(hostname="printer.example"),
                HostFilter(hostname="printer.example", subnet_id=2),
                HostFilter(identifier=hosts[1].key[1:]),
                HostFilter(identifier=hosts[1].key[1:], subnet_id=1),
                HostFilter(address=hosts[1].addresses[0]),
                HostFilter(address=hosts[1].addresses[0], subnet_id=2),
                HostFilter(address=hosts[1].addresses[0], subnet_id=0),
            ]
            for where in filters:
                found = await _everything(store, where)
                assert [one.key for one in found] == [each.key for each in hosts if where.fits(each)], where

        self.run(tmp_path, test)

    def test_pages_come_in_order_of_ids_from_where_the_last_one_ended(self, tmp_path: Path) -> None:
        """Whatever the size of a page, every reservation comes once."""

        async def test(store: HostStore) -> None:
            for number in range(1, 8):
                await store.put(self.host(number, 1 + number % 2))
            whole = await _everything(store)
            assert [one.id for one in whole] == sorted(one.id for one in whole)
            for size in (1, 2, 7, 100):
                assert [len(page) for page in [p async for p in store.pages(size=size)]][:-1] == [size] * (
                    (7 - 1) // size
                )
                assert await _everything(store, size=size) == whole
            assert [one async for page in store.pages(after=whole[2].id) for one in page] == whole[3:]

        self.run(tmp_path, test)

    # What may not be.

    def test_a_client_has_one_reservation_in_a_subnet(self, tmp_path: Path) -> None:
        """A second one is refused and changes nothing."""

        async def test(store: HostStore) -> None:
            made = await store.put(self.host(1))
            with _raises(ClientReserved) as caught:
                await store.put(self.host(1, at=5))
            assert isinstance(caught.value, HostClash)
            assert await _everything(store) == [made]
            await store.put(self.host(1, 2))

        self.run(tmp_path, test)

    def test_an_address_is_reserved_once_in_a_subnet(self, tmp_path: Path) -> None:
        """Unless the caller lets it be reserved for several."""

        async def test(store: HostStore) -> None:
            await store.put(self.host(1))
            with _raises(AddressReserved):
                await store.put(self.host(2, at=1))
            assert len(await _everything(store)) == 1
            await store.put(self.host(2, 2, at=1))
            await store.put(self.host(2, at=1), unique=False)
            assert len(await store.load([address_key(1, self.host(1).addresses[0])])) == 2

        self.run(tmp_path, test)

    # Changes.

    def test_a_replacement_takes_the_place_of_what_was_there(self, tmp_path: Path) -> None:
        """Only the new one is found, and it may keep its own address."""

        async def test(store: HostStore) -> None:
            await store.put(self.host(1))
            await store.put(self.host(2))
            changed = await store.put(self.host(1, hostname="new"), replace=True)
            assert changed is not None
            moved = await store.put(self.host(1, at=8), replace=True)
            assert moved is not None
            assert await store.load([identifier_key(*moved.key)]) == [moved]
            assert list(await store.load([address_key(1, self.host(1).addresses[0])])) == []
            assert len(await _everything(store)) == 2

        self.run(tmp_path, test)

    def test_a_replacement_that_clashes_leaves_what_was_there(self, tmp_path: Path) -> None:
        """Nothing is lost by asking for an address that somebody else has."""

        async def test(store: HostStore) -> None:
            await store.put(self.host(1))
            await store.put(self.host(2, hostname="kept"))
            before = await _everything(store)
            with _raises(AddressReserved):
                await store.put(self.host(2, at=1), replace=True)
            assert await _everything(store) == before

        self.run(tmp_path, test)

    def test_what_was_removed_is_gone_and_its_address_free(self, tmp_path: Path) -> None:
        """Removing it returns it; a second time there is nothing."""

        async def test(store: HostStore) -> None:
            made = await store.put(self.host(1))
            assert await store.remove(*self.host(1).key) == made
            assert await store.remove(*self.host(1).key) is None
            assert await _everything(store) == []
            later = await store.put(self.host(2, at=1))
            assert later is not None
            assert made is not None
            assert later.id > made.id

        self.run(tmp_path, test)

    def test_what_was_kept_is_there_when_the_store_is_opened_again(self, tmp_path: Path) -> None:
        """Where the store is persistent, with everything that was written in it."""
        options: Any = [{"name": "domain-search", "data": "lab.example.org"}]
        more: Any = {"option-data": options, "user-context": {"desk": 5, "name": "Zoë \ud83d"}}

        async def fill(store: HostStore) -> None:
            await store.put(self.host(1, hostname="a"))
            await store.put(self.host(2, **more))
            await store.put(self.host(3))
            await store.put(self.host(1, hostname="b"), replace=True)
            await store.remove(*self.host(3).key)
            kept.extend(await _everything(store))

        async def look(store: HostStore) -> None:
            if not self.persistent:
                assert await _everything(store) == []
                return
            assert await _everything(store) == kept
            made = await store.put(self.host(4))
            assert made is not None
            assert made.id > kept[-1].id

        kept: list[Reservation] = []
        self.run(tmp_path, fill)
        assert len(kept) == 2
        self.run(tmp_path, look)

    def test_it_agrees_with_a_plain_model(self, tmp_path: Path) -> None:
        """Random changes, and after each of them everything that can be asked."""

        async def test(store: HostStore) -> None:
            rng = random.Random(self.family)  # a sequence that can be repeated
            model: dict[tuple[int, str, bytes], Reservation] = {}
            for _ in range(STEPS):
                wanted = self.host(
                    rng.randint(1, 6), rng.choice(PLACES), at=rng.randint(0, 6), hostname=rng.choice("ab")
                )
                await self._step(store, model, wanted, rng)
                key = rng.choice([wanted, *model.values()]).key
                (found,) = await store.load([identifier_key(*key)]) or (None,)
                assert self.same(found, model.get(key))
                for where in (HostFilter(subnet_id=1), HostFilter(hostname="A"), HostFilter(identifier=key[1:])):
                    shown = [one.key for one in await _everything(store, where, 2)]
                    assert sorted(shown) == sorted(k for k, one in model.items() if where.fits(one))

        self.run(tmp_path, test)

    async def _step(
        self,
        store: HostStore,
        model: dict[tuple[int, str, bytes], Reservation],
        wanted: Reservation,
        rng: random.Random,
    ) -> None:
        unique, replace = rng.random() < 0.8, rng.random() < 0.4
        if rng.random() < 0.3:
            assert self.same(await store.remove(*wanted.key), model.pop(wanted.key, None))
            return
        others = [one for one in model.values() if one.subnet_id == wanted.subnet_id and one.key != wanted.key]
        taken = unique and any(set(one.addresses) & set(wanted.addresses) for one in others)
        if replace and wanted.key not in model:
            assert await store.put(wanted, replace=True, unique=unique) is None
        elif not replace and wanted.key in model:
            with _raises(ClientReserved):
                await store.put(wanted, unique=unique)
        elif taken:
            with _raises(AddressReserved):
                await store.put(wanted, replace=replace, unique=unique)
        else:
            assert self.same(await store.put(wanted, replace=replace, unique=unique), wanted)
            model[wanted.key] = wanted


class HostStoreContract6(HostStoreContract):
    """The same for DHCPv6, and prefixes."""

    family = 6

    def test_a_prefix_is_found_by_the_address_it_begins_with(self, tmp_path: Path) -> None:
        """As Kea looks it up, whatever its length."""

        async def test(store: HostStore) -> None:
            made = await store.put(self.host(1, prefixes=["3000:53:aa00::/56"]))
            start = int(IPv6Address("3000:53:aa00::"))
            assert await store.load([address_key(1, start)]) == [made]
            with _raises(AddressReserved):
                await store.put(self.host(2, prefixes=["3000:53:aa00::/48"]))

        self.run(tmp_path, test)
