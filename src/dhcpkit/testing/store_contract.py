"""What every lease store promises, as tests: subclass `LeaseStoreContract`, return your store, and run pytest.

    class TestMine(LeaseStoreContract):
        persistent = True

        def make_store(self, tmp_path):
            return MyStore(tmp_path / "leases")

`LeaseStoreContract` is for DHCPv4; `store_contract6` has those for DHCPv6.
Each test opens a store of its own in an event loop of its own (`asyncio.run`); no plugin is needed. `make_store` is
called again with the same `tmp_path` to open the same store again. For the values of a failed comparison, call
`pytest.register_assert_rewrite("dhcpkit.testing.store_contract")` in your conftest before importing it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from dhcpkit.alloc.lease import INFINITE, LeaseState
from dhcpkit.alloc.view import ADDRESS, NotLoaded
from dhcpkit.backends.protocols import LeaseStoreOf, Where
from dhcpkit.testing.store_family import LEASES4, NOW, Family

__all__ = ["AnyStore", "LeaseStoreContract", "StoreContract", "all_leases", "asked", "free_in"]

T = TypeVar("T")
V = TypeVar("V")

LOADS_MAX: Final = 100  # rounds of loading for one question

AnyStore = LeaseStoreOf[Any, Any, Any, Any]


async def asked(store: LeaseStoreOf[Any, Any, Any, V], question: Callable[[V], T], keys: Iterable[Any] = ()) -> T:
    """The answer of a view that learns whatever it is asked for, as the server does it."""
    view = await store.load(keys)
    for _ in range(LOADS_MAX):
        try:
            return question(view)
        except NotLoaded as more:
            missing = more.keys
        assert missing, "a view says what it needs"
        assert await store.load(missing, view) is view, "the same view learns more"
    raise AssertionError("a view knows what was loaded")


def _at(address: int) -> Callable[[Any], Any]:
    """The question for the lease at an address."""
    return lambda view: view.by_address(address)


def free_in(order: Iterable[int], now: int, busy: Sequence[int] = ()) -> Callable[[Any], int | None]:
    """The question for the first free address of an order."""
    return lambda view: view.first_free(order, now, busy)


async def all_leases(store: AnyStore, where: Where = Where(), size: int = 1000) -> list[Any]:  # noqa: B008
    """Every lease, through pages."""
    return [lease async for page in store.pages(where, size) for lease in page]


class StoreContract:
    """The promises of a lease store, one test each, for one family of leases."""

    family: Family
    """The leases that are tried."""

    persistent = False
    """Whether what is committed is there when the store is opened again."""

    def make_store(self, tmp_path: Path) -> AnyStore:
        """Your store, empty for a new `tmp_path`. It is closed at the end of each test."""
        raise NotImplementedError

    def run(self, tmp_path: Path, test: Callable[[AnyStore], Awaitable[None]]) -> None:
        """Runs `test` on a store, in an event loop."""

        async def whole() -> None:
            store = self.make_store(tmp_path)
            try:
                await test(store)
            finally:
                await store.close()

        asyncio.run(whole())

    def _new(self, lease: Any) -> Any:
        """A unit that adds a lease."""
        return (self.family.change(None, lease),)

    async def _owned_by(self, store: AnyStore, lease: Any, ahead: Iterable[Any] = ()) -> list[list[Any]]:
        """The leases of a lease's client, by each identifier it has."""
        identifiers = [each for each in self.family.identifiers if each.of(lease)]
        return [list(await asked(store, each.ask(each.of(lease)), ahead)) for each in identifiers]

    # Reading what was committed.

    def test_nothing_is_there_at_first(self, tmp_path: Path) -> None:
        """An empty store has no lease under any key."""

        async def test(store: AnyStore) -> None:
            assert await asked(store, _at(self.family.first)) is None
            for identifier in self.family.identifiers:
                assert list(await asked(store, identifier.ask(b"\x01nobody"))) == []
            assert await all_leases(store) == []
            assert list(await store.expired(NOW + INFINITE, 10)) == []
            assert list(await store.commit([])) == []
            assert list(await store.commit([()])) == [True], "a unit that changes nothing is kept"

        self.run(tmp_path, test)

    def test_committed_leases_are_found_by_every_key(self, tmp_path: Path) -> None:
        """By address and by what identifies the client; loaded ahead or when asked for."""

        async def test(store: AnyStore) -> None:
            lease, other = self.family.lease_of(1), self.family.lease_of(2)
            assert list(await store.commit([self._new(lease), self._new(other)])) == [True, True]
            keys: list[Any] = [(ADDRESS, lease.address)]
            keys += [(each.key, each.of(lease)) for each in self.family.identifiers]
            for ahead in ([], keys):
                assert await asked(store, _at(lease.address), ahead) == lease
                for found in await self._owned_by(store, lease, ahead):
                    assert found == [lease]

        self.run(tmp_path, test)

    def test_every_field_is_kept(self, tmp_path: Path) -> None:
        """Values at the ends of their ranges, and octets that files and queries have a use of their own for."""
        leases = self.family.strange

        async def test(store: AnyStore) -> None:
            assert all(await store.commit([self._new(lease) for lease in leases]))
            for lease in leases:
                assert await asked(store, _at(lease.address)) == lease
            assert await all_leases(store) == sorted(leases, key=lambda lease: lease.address)

        self.run(tmp_path, test)

    def test_one_identifier_may_have_many_leases(self, tmp_path: Path) -> None:
        """In any subnet; each is found until it goes."""

        async def test(store: AnyStore) -> None:
            shared = self.family.owned_by(b"\x01shared")
            leases = [self.family.lease_of(i, subnet_id=i % 3, **shared) for i in range(30)]
            await store.commit([self._new(lease) for lease in leases])
            for left in (30, 9, 8, 2, 1, 0):
                gone, leases = leases[left:], leases[:left]
                await store.commit([(self.family.change(lease, None),) for lease in gone])
                for found in await self._owned_by(store, self.family.lease_of(0, **shared)):
                    assert sorted(found, key=lambda lease: lease.address) == leases

        self.run(tmp_path, test)

    def test_identifiers_follow_changes(self, tmp_path: Path) -> None:
        """An address that passes to another client is no longer found under the former one."""

        async def test(store: AnyStore) -> None:
            lease = self.family.lease_of(1)
            after = lease._replace(**self.family.owned_by(b"\x01other"))
            declined = after._replace(**self.family.owned_by(b""), state=LeaseState.DECLINED.value)
            await store.commit([self._new(lease), (self.family.change(lease, after),)])
            assert not any(await self._owned_by(store, lease))
            for found in await self._owned_by(store, after):
                assert found == [after]
            await store.commit([(self.family.change(after, declined),)])
            assert not any(await self._owned_by(store, after))
            for identifier in self.family.identifiers:
                assert list(await asked(store, identifier.ask(b""))) == []

        self.run(tmp_path, test)

    # Committing.

    def test_before_must_be_what_is_stored(self, tmp_path: Path) -> None:
        """Anything else is refused and changes nothing: somebody else was first."""

        async def test(store: AnyStore) -> None:
            lease = self.family.lease_of(1)
            later = lease._replace(cltt=NOW + 10)
            assert list(await store.commit([(self.family.change(lease, later),)])) == [False], "there is no lease yet"
            assert list(await store.commit([(self.family.change(lease, None),)])) == [False], "nor one to delete"
            assert list(await store.commit([self._new(lease), self._new(later)])) == [True, False], "now there is one"
            for mistaken in (lease._replace(**other) for other in self.family.wrong):
                assert list(await store.commit([(self.family.change(mistaken, later),)])) == [False], mistaken
            assert await asked(store, _at(lease.address)) == lease
            assert list(await store.commit([(self.family.change(lease, later),)])) == [True]
            assert await asked(store, _at(lease.address)) == later
            assert list(await store.commit([(self.family.change(later, None),)])) == [True]
            assert await asked(store, _at(lease.address)) is None

        self.run(tmp_path, test)

    def test_a_unit_is_all_or_nothing(self, tmp_path: Path) -> None:
        """Where one change is refused, those before it are taken back; other units are not touched."""

        async def test(store: AnyStore) -> None:
            shared = self.family.owned_by(b"\x01shared")
            old, moved = (self.family.lease_of(number, **shared) for number in (1, 2))
            other = self.family.lease_of(3)
            await store.commit([self._new(old)])
            move = (self.family.change(old, None), self.family.change(None, moved))
            bad = (*move, self.family.change(other, None))
            assert list(
                await store.commit([self._new(self.family.lease_of(4)), bad, self._new(self.family.lease_of(5))])
            ) == [True, False, True]
            assert await all_leases(store) == [old, self.family.lease_of(4), self.family.lease_of(5)]
            for found in await self._owned_by(store, old):
                assert found == [old]
            assert list(await store.commit([move])) == [True]
            for found in await self._owned_by(store, old):
                assert found == [moved]

        self.run(tmp_path, test)

    def test_units_take_effect_in_order(self, tmp_path: Path) -> None:
        """A unit sees what the units before it in the same commit have changed."""

        async def test(store: AnyStore) -> None:
            one, two, three = (self.family.lease_of(1, cltt=NOW + i) for i in range(3))
            units: list[Any] = [
                self._new(one),
                (self.family.change(one, two),),
                (self.family.change(one, three),),
                (self.family.change(two, three),),
            ]
            assert list(await store.commit(units)) == [True, True, False, True]
            assert await asked(store, _at(one.address)) == three

        self.run(tmp_path, test)

    def test_commits_take_effect_in_the_order_of_the_calls(self, tmp_path: Path) -> None:
        """Also where one is called before the one before it has returned: of two for an address the first wins."""

        async def test(store: AnyStore) -> None:
            for number in range(20):
                rivals = [self.family.lease_of(number, cltt=NOW + i) for i in range(3)]
                results = await asyncio.gather(*(store.commit([self._new(lease)]) for lease in rivals))
                assert [list(kept) for kept in results] == [[True], [False], [False]]
                assert await asked(store, _at(rivals[0].address)) == rivals[0]

        self.run(tmp_path, test)

    def test_no_lifetime_is_no_lease(self, tmp_path: Path) -> None:
        """A lease without a lifetime is a deletion, as in Kea's file; but a released one is kept for its client."""

        async def test(store: AnyStore) -> None:
            lease = self.family.lease_of(1)
            released = lease._replace(valid_lifetime=0, state=LeaseState.RELEASED.value)
            await store.commit([self._new(lease), (self.family.change(lease, released),)])
            assert await asked(store, _at(lease.address)) == released
            await store.commit([(self.family.change(released, lease._replace(valid_lifetime=0)),)])
            assert await asked(store, _at(lease.address)) is None
            assert list(await store.commit([self._new(lease)])) == [True]

        self.run(tmp_path, test)

    def test_what_was_committed_is_there_again(self, tmp_path: Path) -> None:
        """After closing and opening: leases, changes and deletions, and every index of them."""
        if not self.persistent:
            return
        rng = random.Random(7)  # chance, not secrets
        expected: dict[int, Any] = {}

        async def fill(store: AnyStore) -> None:
            assert await all_leases(store) == sorted(expected.values(), key=lambda lease: lease.address)
            for _ in range(10):
                await store.commit([self._random_unit(rng, expected) for _ in range(10)])

        async def look(store: AnyStore) -> None:
            assert await all_leases(store) == sorted(expected.values(), key=lambda lease: lease.address)
            for lease in expected.values():
                assert all(lease in found for found in await self._owned_by(store, lease))
            ending = [x for x in expected.values() if x.state in self.family.ending]
            due = sorted(x.expire for x in ending if x.expire < NOW + 3600)
            assert [lease.expire for lease in await store.expired(NOW + 3600, 1000)] == due

        for _ in range(3):
            self.run(tmp_path, fill)
            self.run(tmp_path, look)

    # Walking.

    def test_expired_leases_come_earliest_first(self, tmp_path: Path) -> None:
        """Those that nobody has given back and whose time was over before that second, and no more than asked for."""

        async def test(store: AnyStore) -> None:
            ends = [50, 10, 40, 10, 30, 20]
            leases = [self.family.lease_of(i, valid_lifetime=end) for i, end in enumerate(ends)]
            states = [
                self.family.lease_of(10, valid_lifetime=5, state=LeaseState.DECLINED.value),
                self.family.lease_of(11, valid_lifetime=5, state=LeaseState.EXPIRED_RECLAIMED.value),
                self.family.lease_of(12, valid_lifetime=5, state=LeaseState.RELEASED.value),
                self.family.lease_of(13, valid_lifetime=INFINITE),
            ]
            await store.commit([self._new(lease) for lease in leases + states])
            assert list(await store.expired(NOW + 5, 100)) == [], "not before its last second is over"
            assert list(await store.expired(NOW + 6, 100)) == [states[0]]
            found = await store.expired(NOW + 41, 100)
            assert [lease.expire - NOW for lease in found] == [5, 10, 10, 20, 30, 40]
            assert [lease.expire - NOW for lease in await store.expired(NOW + 41, 3)] == [5, 10, 10]
            renewed = leases[1]._replace(cltt=NOW + 100)
            shortened = leases[0]._replace(valid_lifetime=1)
            await store.commit([(self.family.change(leases[1], renewed),), (self.family.change(leases[0], shortened),)])
            await store.commit(
                [(self.family.change(leases[3], None),), (self.family.change(states[0], states[0]._replace(state=2)),)]
            )
            assert [lease.expire - NOW for lease in await store.expired(NOW + 1000, 100)] == [1, 20, 30, 40, 110]
            later = [
                self.family.lease_of(20 + i, valid_lifetime=2 + i, state=s) for i, s in enumerate(self.family.ending)
            ]
            await store.commit([self._new(lease) for lease in later])
            ends = [lease.expire - NOW for lease in await store.expired(NOW + 1000, 1 + len(later))]
            assert ends == [1, *(lease.valid_lifetime for lease in later)], "also those added later"

        self.run(tmp_path, test)

    def test_pages_are_in_order_of_address(self, tmp_path: Path) -> None:
        """Of the size asked for, each lease once, and only those that were asked for."""

        async def test(store: AnyStore) -> None:
            numbers = list(range(0, 5000, 97))
            leases = [self.family.lease_of(i, subnet_id=i % 3, state=i % 2) for i in numbers]
            shuffled = random.Random(1).sample(leases, len(leases))
            await store.commit([self._new(lease) for lease in shuffled])
            for size in (1, 7, 1000):
                pages = [list(page) async for page in store.pages(size=size)]
                assert all(0 < len(page) <= size for page in pages)
                assert [lease for page in pages for lease in page] == leases
            for subnet, state, after in (
                (1, None, -1),
                (None, 1, -1),
                (2, 0, self.family.address(970)),
                (None, None, leases[5].address),
            ):
                chosen = [
                    lease
                    for lease in leases
                    if subnet in (None, lease.subnet_id) and state in (None, lease.state) and lease.address > after
                ]
                assert await all_leases(store, Where(subnet, state, after), 10) == chosen

        self.run(tmp_path, test)

    def test_pages_hold_what_stays_while_others_come_and_go(self, tmp_path: Path) -> None:
        """Leases that are there all the time are in the pages once, whatever is committed meanwhile."""

        async def test(store: AnyStore) -> None:
            stay = [self.family.lease_of(i) for i in range(0, 60, 2)]
            come_and_go = [self.family.lease_of(i) for i in range(1, 60, 2)]
            await store.commit([self._new(lease) for lease in stay])
            seen: list[Any] = []
            there = False
            async for page in store.pages(size=4):
                seen += page
                units = [
                    (self.family.change(lease, None) if there else self.family.change(None, lease),)
                    for lease in come_and_go
                ]
                await store.commit(units)
                there = not there
            assert [lease for lease in seen if lease in stay] == stay
            assert [lease.address for lease in seen] == sorted({lease.address for lease in seen})

        self.run(tmp_path, test)

    # Free addresses.

    def test_first_free_of_a_sweep(self, tmp_path: Path) -> None:
        """No lease binds it, it is not busy, and asking again gives the same: only `handed_out` moves the turn."""

        async def test(store: AnyStore) -> None:
            order, at = self.family.order(0, 99), self.family.address

            async def free(now: int = NOW, busy: Sequence[int] = ()) -> int | None:
                return await asked(store, free_in(order, now, busy))

            assert await free() == at(0)
            assert await free() == at(0), "asking moves nothing"
            assert await free(busy=[at(0), at(1)]) == at(2)
            (await store.load(())).handed_out(at(41))
            assert await free() == at(42)
            (await store.load(())).handed_out(at(99))
            assert await free() == at(0), "after the last comes the first"
            await store.commit([self._new(self.family.lease_of(i)) for i in range(100) if i != 70])
            assert await free() == at(70)
            assert await free(busy=[at(70)]) is None
            await store.commit([self._new(self.family.lease_of(70))])
            assert await free() is None
            gone = self.family.lease_of(50)
            await store.commit([(self.family.change(gone, None),)])
            assert await free() == at(50), "also where it was known to be full"
            await store.commit([self._new(gone)])
            assert await free() is None
            assert await free(NOW + 3600) is None, "not before its last second is over"
            assert await free(NOW + 3601) is not None
            assert await free() is None, "also where a clock goes back"
            last = self.family.lease_of(99)
            await store.commit([(self.family.change(last, last._replace(state=LeaseState.RELEASED.value)),)])
            assert await free() == at(99)

        self.run(tmp_path, test)

    def test_first_free_of_any_other_order(self, tmp_path: Path) -> None:
        """The order given is the order tried."""

        async def test(store: AnyStore) -> None:
            await store.commit([self._new(self.family.lease_of(i)) for i in (5, 6, 7)])

            async def free(order: Sequence[int], now: int = NOW, busy: Sequence[int] = ()) -> int | None:
                return await asked(store, free_in([self.family.address(i) for i in order], now, busy))

            assert await free([5, 9, 6, 2]) == self.family.address(9)
            assert await free([5, 9, 6, 2], busy=[self.family.address(9)]) == self.family.address(2)
            assert await free([5, 6, 7]) is None
            assert await free([]) is None
            assert await free([7, 5], NOW + 3601) == self.family.address(7)

        self.run(tmp_path, test)

    def test_first_free_finds_every_free_address(self, tmp_path: Path) -> None:
        """Handing out until there is none gives each address once, wherever leases, offers and ends are."""

        async def test(store: AnyStore) -> None:
            rng = random.Random(5)
            held = {
                i: self.family.lease_of(i, valid_lifetime=rng.choice([10, 3600])) for i in rng.sample(range(100), 60)
            }
            await store.commit([self._new(lease) for lease in held.values()])
            (await store.load(())).handed_out(self.family.address(rng.randrange(100)))
            now = NOW + 11
            taken: list[int] = []
            while (found := await asked(store, free_in(self.family.order(0, 99), now))) is not None:
                number = (found - self.family.first) // self.family.step
                before = held.get(number)
                after = self.family.lease_of(number, cltt=now)
                assert list(await store.commit([(self.family.change(before, after),)])) == [True]
                (await store.load(())).handed_out(found)
                taken.append(number)
            free = {i for i in range(100) if i not in held or held[i].expired(now)}
            assert sorted(taken) == sorted(free)

        self.run(tmp_path, test)

    # All together.

    def test_like_a_dict_of_leases(self, tmp_path: Path) -> None:
        """Random changes, right and wrong ones: whatever is asked in between, the answer is a dict's."""

        async def test(store: AnyStore) -> None:
            for seed in range(5):
                await self._compare(store, random.Random(seed), seed * 1000)

        self.run(tmp_path, test)

    async def _compare(self, store: AnyStore, rng: random.Random, offset: int) -> None:
        at = self.family.address
        model: dict[int, Any] = {}
        for _ in range(60):
            units = [self._random_unit(rng, model, offset) for _ in range(rng.randrange(1, 5))]
            wrong = [(self.family.change(self.family.lease_of(offset + rng.randrange(40), cltt=1), None),)]
            kept = await store.commit([*units, *wrong])
            assert list(kept) == [True] * len(units) + [False]
            now = NOW + rng.randrange(0, 4000)
            address = at(offset + rng.randrange(40))
            lease = model.get(address)
            assert await asked(store, _at(address)) == lease
            if lease is not None:
                for each in self.family.identifiers:
                    same = [x for x in model.values() if each.of(x) == each.of(lease)]
                    found = await asked(store, each.ask(each.of(lease)))
                    assert {x.address for x in found if x.address >= at(offset)} == {x.address for x in same}
            order = self.family.order(offset, offset + 39)
            free = await asked(store, free_in(order, now))
            candidates = [a for a in order if a not in model or model[a].expired(now)]
            assert (free is None) == (not candidates)
            assert free is None or free in candidates
        where = Where(after=at(offset) - 1)
        assert await all_leases(store, where) == sorted(model.values(), key=lambda lease: lease.address)
        await store.commit([(self.family.change(lease, None),) for lease in model.values()])

    def _random_unit(self, rng: random.Random, model: dict[int, Any], offset: int = 0) -> Any:
        """One or two changes that fit `model`, which is changed as well."""
        changes = []
        shared = self.family.identifiers[0].field
        for number in rng.sample(range(offset, offset + 40), rng.choice([1, 1, 2])):
            address = self.family.address(number)
            before = model.pop(address, None)
            after = None
            if before is None or rng.random() < 0.7:  # a chance
                after = self.family.lease_of(
                    number,
                    valid_lifetime=rng.choice([10, 600, 3600]),
                    cltt=NOW + rng.randrange(100),
                    state=rng.choice([0, 0, 0, 1, 2]),
                    **{shared: rng.choice([b"\x01shared", b"\x01%d" % rng.randrange(50)])},
                )
                model[address] = after
            changes.append(self.family.change(before, after))
        return tuple(changes)


class LeaseStoreContract(StoreContract):
    """The promises of a store of DHCPv4 leases (`LeaseStore4`)."""

    family = LEASES4
