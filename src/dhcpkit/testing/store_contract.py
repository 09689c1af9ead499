"""What every lease store promises, as tests: subclass `LeaseStoreContract`, return your store, and run pytest.

    class TestMine(LeaseStoreContract):
        persistent = True

        def make_store(self, tmp_path):
            return MyStore(tmp_path / "leases")

Each test opens a store of its own in an event loop of its own (`asyncio.run`); no plugin is needed. `make_store` is
called again with the same `tmp_path` to open the same store again. For the values of a failed comparison, call
`pytest.register_assert_rewrite("dhcpkit.testing.store_contract")` in your conftest before importing it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.view import ADDRESS, CLIENT_ID, HWADDR, Change, Key, LeaseView4, NotLoaded, Sweep, Unit
from dhcpkit.backends.protocols import LeaseStore, Where

__all__ = ["LeaseStoreContract", "asked"]

T = TypeVar("T")

NOW: Final = 1_795_430_813  # some second; stores have no clock of their own
FIRST: Final = 0x0A350100  # 10.53.1.0, in a range that crosses no boundary in particular
LAST: Final = FIRST + 99
LOADS_MAX: Final = 100  # rounds of loading for one question


def _lease_of(number: int, **changes: object) -> Lease4:
    """A lease for the client of that number, at an address of that number."""
    hwaddr = (0x020000000000 + number).to_bytes(6, "big")
    lease = Lease4(FIRST + number, hwaddr, b"\x01" + hwaddr, 3600, NOW, 1, hostname=f"host-{number}")
    return lease._replace(**changes)  # type: ignore[arg-type]


def _new(lease: Lease4) -> Unit:
    """A unit that adds a lease."""
    return (Change(None, lease),)


async def asked(store: LeaseStore, question: Callable[[LeaseView4], T], keys: Iterable[Key] = ()) -> T:
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


def _at(address: int) -> Callable[[LeaseView4], Lease4 | None]:
    """The question for the lease at an address."""
    return lambda view: view.by_address(address)


def _of_client_id(client_id: bytes) -> Callable[[LeaseView4], Sequence[Lease4]]:
    """The question for the leases of a client identifier."""
    return lambda view: view.by_client_id(client_id)


def _of_hwaddr(hwaddr: bytes) -> Callable[[LeaseView4], Sequence[Lease4]]:
    """The question for the leases of a hardware address."""
    return lambda view: view.by_hwaddr(hwaddr)


def _free_in(order: Iterable[int], now: int, busy: Sequence[int] = ()) -> Callable[[LeaseView4], int | None]:
    """The question for the first free address of an order."""
    return lambda view: view.first_free(order, now, busy)


async def _all_leases(store: LeaseStore, where: Where = Where(), size: int = 1000) -> list[Lease4]:  # noqa: B008
    """Every lease, through pages."""
    return [lease async for page in store.pages(where, size) for lease in page]


class LeaseStoreContract:
    """The promises of `LeaseStore`, one test each."""

    persistent = False
    """Whether what is committed is there when the store is opened again."""

    def make_store(self, tmp_path: Path) -> LeaseStore:
        """Your store, empty for a new `tmp_path`. It is closed at the end of each test."""
        raise NotImplementedError

    def run(self, tmp_path: Path, test: Callable[[LeaseStore], Awaitable[None]]) -> None:
        """Runs `test` on a store, in an event loop."""

        async def whole() -> None:
            store = self.make_store(tmp_path)
            try:
                await test(store)
            finally:
                await store.close()

        asyncio.run(whole())

    # Reading what was committed.

    def test_nothing_is_there_at_first(self, tmp_path: Path) -> None:
        """An empty store has no lease under any key."""

        async def test(store: LeaseStore) -> None:
            assert await asked(store, _at(FIRST)) is None
            assert list(await asked(store, _of_client_id(b"\x01nobody"))) == []
            assert list(await asked(store, _of_hwaddr(b"nobody"))) == []
            assert await _all_leases(store) == []
            assert list(await store.expired(NOW + INFINITE, 10)) == []
            assert list(await store.commit([])) == []
            assert list(await store.commit([()])) == [True], "a unit that changes nothing is kept"

        self.run(tmp_path, test)

    def test_committed_leases_are_found_by_every_key(self, tmp_path: Path) -> None:
        """By address, client identifier and hardware address; loaded ahead or when asked for."""

        async def test(store: LeaseStore) -> None:
            lease, other = _lease_of(1), _lease_of(2)
            assert list(await store.commit([_new(lease), _new(other)])) == [True, True]
            keys: list[Key] = [(ADDRESS, lease.address), (CLIENT_ID, lease.client_id), (HWADDR, lease.hwaddr)]
            for ahead in ([], keys):
                assert await asked(store, _at(lease.address), ahead) == lease
                assert list(await asked(store, _of_client_id(lease.client_id), ahead)) == [lease]
                assert list(await asked(store, _of_hwaddr(lease.hwaddr), ahead)) == [lease]

        self.run(tmp_path, test)

    def test_every_field_is_kept(self, tmp_path: Path) -> None:
        """Values at the ends of their ranges, and octets that files and queries have a use of their own for."""
        leases = [
            _lease_of(1, address=0, cltt=-3600, hostname="", client_id=b""),
            _lease_of(2, address=0xFFFFFFFF, hwaddr=b"", client_id=bytes(range(255)), valid_lifetime=INFINITE),
            _lease_of(3, hwaddr=bytes(20), client_id=b"\x00\x00", subnet_id=0xFFFFFFFE, pool_id=0xFFFFFFFF),
            _lease_of(4, fqdn_fwd=True, hostname="a,b&c;d'e\"f\\g%h?i\nj\rk\x00l m"),
            _lease_of(5, fqdn_rev=True, hostname="h\xf6st\xff", user_context='{ "a": "1,2&3", "b": [ 1, null ] }'),
            _lease_of(6, hwaddr=b"", client_id=b"", state=LeaseState.DECLINED.value, valid_lifetime=86400),
            _lease_of(7, state=LeaseState.RELEASED.value, valid_lifetime=0),
            _lease_of(8, state=LeaseState.EXPIRED_RECLAIMED.value, hostname="&#x2c"),
        ]

        async def test(store: LeaseStore) -> None:
            assert all(await store.commit([_new(lease) for lease in leases]))
            for lease in leases:
                assert await asked(store, _at(lease.address)) == lease
            assert await _all_leases(store) == sorted(leases, key=lambda lease: lease.address)

        self.run(tmp_path, test)

    def test_one_identifier_may_have_many_leases(self, tmp_path: Path) -> None:
        """In any subnet; each is found until it goes."""

        async def test(store: LeaseStore) -> None:
            leases = [_lease_of(i, hwaddr=b"shared", client_id=b"\x01shared", subnet_id=i % 3) for i in range(30)]
            await store.commit([_new(lease) for lease in leases])
            for left in (30, 9, 8, 2, 1, 0):
                gone, leases = leases[left:], leases[:left]
                await store.commit([(Change(lease, None),) for lease in gone])
                for found in (
                    await asked(store, _of_client_id(b"\x01shared")),
                    await asked(store, _of_hwaddr(b"shared")),
                ):
                    assert sorted(found, key=lambda lease: lease.address) == leases

        self.run(tmp_path, test)

    def test_identifiers_follow_changes(self, tmp_path: Path) -> None:
        """An address that passes to another client is no longer found under the former one."""

        async def test(store: LeaseStore) -> None:
            lease = _lease_of(1)
            after = lease._replace(client_id=b"\x01other", hwaddr=b"other")
            declined = after._replace(client_id=b"", hwaddr=b"", state=LeaseState.DECLINED.value)
            await store.commit([_new(lease), (Change(lease, after),)])
            assert list(await asked(store, _of_client_id(lease.client_id))) == []
            assert list(await asked(store, _of_hwaddr(lease.hwaddr))) == []
            assert list(await asked(store, _of_client_id(b"\x01other"))) == [after]
            assert list(await asked(store, _of_hwaddr(b"other"))) == [after]
            await store.commit([(Change(after, declined),)])
            assert list(await asked(store, _of_client_id(b"\x01other"))) == []
            assert list(await asked(store, _of_client_id(b""))) == []
            assert list(await asked(store, _of_hwaddr(b""))) == []

        self.run(tmp_path, test)

    # Committing.

    def test_before_must_be_what_is_stored(self, tmp_path: Path) -> None:
        """Anything else is refused and changes nothing: somebody else was first."""

        async def test(store: LeaseStore) -> None:
            lease = _lease_of(1)
            later = lease._replace(cltt=NOW + 10)
            assert list(await store.commit([(Change(lease, later),)])) == [False], "there is no lease yet"
            assert list(await store.commit([(Change(lease, None),)])) == [False], "nor one to delete"
            assert list(await store.commit([_new(lease), _new(later)])) == [True, False], "now there is one"
            for mistaken in (
                lease._replace(hostname="x"),
                lease._replace(cltt=7),
                lease._replace(state=7),
                lease._replace(subnet_id=7),
                lease._replace(user_context="{}"),
                lease._replace(client_id=b"xx"),
                lease._replace(fqdn_fwd=True),
            ):
                assert list(await store.commit([(Change(mistaken, later),)])) == [False], mistaken
            assert await asked(store, _at(lease.address)) == lease
            assert list(await store.commit([(Change(lease, later),)])) == [True]
            assert await asked(store, _at(lease.address)) == later
            assert list(await store.commit([(Change(later, None),)])) == [True]
            assert await asked(store, _at(lease.address)) is None

        self.run(tmp_path, test)

    def test_a_unit_is_all_or_nothing(self, tmp_path: Path) -> None:
        """Where one change is refused, those before it are taken back; other units are not touched."""

        async def test(store: LeaseStore) -> None:
            old, moved, other = _lease_of(1), _lease_of(2, client_id=_lease_of(1).client_id), _lease_of(3)
            await store.commit([_new(old)])
            move = (Change(old, None), Change(None, moved))
            bad = (*move, Change(other, None))
            assert list(await store.commit([_new(_lease_of(4)), bad, _new(_lease_of(5))])) == [True, False, True]
            assert await _all_leases(store) == [old, _lease_of(4), _lease_of(5)]
            assert list(await asked(store, _of_client_id(old.client_id))) == [old]
            assert list(await store.commit([move])) == [True]
            assert list(await asked(store, _of_client_id(old.client_id))) == [moved]

        self.run(tmp_path, test)

    def test_units_take_effect_in_order(self, tmp_path: Path) -> None:
        """A unit sees what the units before it in the same commit have changed."""

        async def test(store: LeaseStore) -> None:
            one, two, three = (_lease_of(1, cltt=NOW + i) for i in range(3))
            units: list[Unit] = [_new(one), (Change(one, two),), (Change(one, three),), (Change(two, three),)]
            assert list(await store.commit(units)) == [True, True, False, True]
            assert await asked(store, _at(one.address)) == three

        self.run(tmp_path, test)

    def test_commits_take_effect_in_the_order_of_the_calls(self, tmp_path: Path) -> None:
        """Also where one is called before the one before it has returned: of two for an address the first wins."""

        async def test(store: LeaseStore) -> None:
            for number in range(20):
                rivals = [_lease_of(number, cltt=NOW + i) for i in range(3)]
                results = await asyncio.gather(*(store.commit([_new(lease)]) for lease in rivals))
                assert [list(kept) for kept in results] == [[True], [False], [False]]
                assert await asked(store, _at(rivals[0].address)) == rivals[0]

        self.run(tmp_path, test)

    def test_no_lifetime_is_no_lease(self, tmp_path: Path) -> None:
        """A lease without a lifetime is a deletion, as in Kea's file; but a released one is kept for its client."""

        async def test(store: LeaseStore) -> None:
            lease = _lease_of(1)
            released = lease._replace(valid_lifetime=0, state=LeaseState.RELEASED.value)
            await store.commit([_new(lease), (Change(lease, released),)])
            assert await asked(store, _at(lease.address)) == released
            await store.commit([(Change(released, lease._replace(valid_lifetime=0)),)])
            assert await asked(store, _at(lease.address)) is None
            assert list(await store.commit([_new(lease)])) == [True]

        self.run(tmp_path, test)

    def test_what_was_committed_is_there_again(self, tmp_path: Path) -> None:
        """After closing and opening: leases, changes and deletions, and every index of them."""
        if not self.persistent:
            return
        rng = random.Random(7)  # chance, not secrets
        expected: dict[int, Lease4] = {}

        async def fill(store: LeaseStore) -> None:
            assert await _all_leases(store) == sorted(expected.values(), key=lambda lease: lease.address)
            for _ in range(10):
                await store.commit([_random_unit(rng, expected) for _ in range(10)])

        async def look(store: LeaseStore) -> None:
            assert await _all_leases(store) == sorted(expected.values(), key=lambda lease: lease.address)
            for lease in expected.values():
                assert lease in await asked(store, _of_client_id(lease.client_id))
                assert lease in await asked(store, _of_hwaddr(lease.hwaddr))
            due = sorted(x.expire for x in expected.values() if x.state in (0, 1) and x.expire < NOW + 3600)
            assert [lease.expire for lease in await store.expired(NOW + 3600, 1000)] == due

        for _ in range(3):
            self.run(tmp_path, fill)
            self.run(tmp_path, look)

    # Walking.

    def test_expired_leases_come_earliest_first(self, tmp_path: Path) -> None:
        """Those in state default or declined whose time was over before that second, and no more than asked for."""

        async def test(store: LeaseStore) -> None:
            ends = [50, 10, 40, 10, 30, 20]
            leases = [_lease_of(i, valid_lifetime=end) for i, end in enumerate(ends)]
            states = [
                _lease_of(10, valid_lifetime=5, state=LeaseState.DECLINED.value),
                _lease_of(11, valid_lifetime=5, state=LeaseState.EXPIRED_RECLAIMED.value),
                _lease_of(12, valid_lifetime=5, state=LeaseState.RELEASED.value),
                _lease_of(13, valid_lifetime=INFINITE),
            ]
            await store.commit([_new(lease) for lease in leases + states])
            assert list(await store.expired(NOW + 5, 100)) == [], "not before its last second is over"
            assert list(await store.expired(NOW + 6, 100)) == [states[0]]
            found = await store.expired(NOW + 41, 100)
            assert [lease.expire - NOW for lease in found] == [5, 10, 10, 20, 30, 40]
            assert [lease.expire - NOW for lease in await store.expired(NOW + 41, 3)] == [5, 10, 10]
            renewed = leases[1]._replace(cltt=NOW + 100)
            shortened = leases[0]._replace(valid_lifetime=1)
            await store.commit([(Change(leases[1], renewed),), (Change(leases[0], shortened),)])
            await store.commit([(Change(leases[3], None),), (Change(states[0], states[0]._replace(state=2)),)])
            assert [lease.expire - NOW for lease in await store.expired(NOW + 1000, 100)] == [1, 20, 30, 40, 110]
            await store.commit([_new(_lease_of(20, valid_lifetime=2))])
            assert [lease.expire - NOW for lease in await store.expired(NOW + 1000, 2)] == [1, 2], (
                "also one added later"
            )

        self.run(tmp_path, test)

    def test_pages_are_in_order_of_address(self, tmp_path: Path) -> None:
        """Of the size asked for, each lease once, and only those that were asked for."""

        async def test(store: LeaseStore) -> None:
            numbers = list(range(0, 5000, 97))
            leases = [_lease_of(i, subnet_id=i % 3, state=i % 2) for i in numbers]
            shuffled = random.Random(1).sample(leases, len(leases))
            await store.commit([_new(lease) for lease in shuffled])
            for size in (1, 7, 1000):
                pages = [list(page) async for page in store.pages(size=size)]
                assert all(0 < len(page) <= size for page in pages)
                assert [lease for page in pages for lease in page] == leases
            for subnet, state, after in (
                (1, None, -1),
                (None, 1, -1),
                (2, 0, FIRST + 970),
                (None, None, leases[5].address),
            ):
                chosen = [
                    lease
                    for lease in leases
                    if subnet in (None, lease.subnet_id) and state in (None, lease.state) and lease.address > after
                ]
                assert await _all_leases(store, Where(subnet, state, after), 10) == chosen

        self.run(tmp_path, test)

    def test_pages_hold_what_stays_while_others_come_and_go(self, tmp_path: Path) -> None:
        """Leases that are there all the time are in the pages once, whatever is committed meanwhile."""

        async def test(store: LeaseStore) -> None:
            stay = [_lease_of(i) for i in range(0, 60, 2)]
            come_and_go = [_lease_of(i) for i in range(1, 60, 2)]
            await store.commit([_new(lease) for lease in stay])
            seen: list[Lease4] = []
            there = False
            async for page in store.pages(size=4):
                seen += page
                units = [(Change(lease, None) if there else Change(None, lease),) for lease in come_and_go]
                await store.commit(units)
                there = not there
            assert [lease for lease in seen if lease in stay] == stay
            assert [lease.address for lease in seen] == sorted({lease.address for lease in seen})

        self.run(tmp_path, test)

    # Free addresses.

    def test_first_free_of_a_sweep(self, tmp_path: Path) -> None:
        """No lease binds it, it is not busy, and asking again gives the same: only `handed_out` moves the turn."""

        async def test(store: LeaseStore) -> None:
            order = Sweep(FIRST, LAST)

            async def free(now: int = NOW, busy: Sequence[int] = ()) -> int | None:
                return await asked(store, _free_in(order, now, busy))

            assert await free() == FIRST
            assert await free() == FIRST, "asking moves nothing"
            assert await free(busy=[FIRST, FIRST + 1]) == FIRST + 2
            (await store.load(())).handed_out(FIRST + 41)
            assert await free() == FIRST + 42
            (await store.load(())).handed_out(LAST)
            assert await free() == FIRST, "after the last comes the first"
            await store.commit([_new(_lease_of(i)) for i in range(100) if i != 70])
            assert await free() == FIRST + 70
            assert await free(busy=[FIRST + 70]) is None
            await store.commit([_new(_lease_of(70))])
            assert await free() is None
            assert await free(NOW + 3600) is None, "not before its last second is over"
            assert await free(NOW + 3601) is not None
            assert await free() is None, "also where a clock goes back"
            last = _lease_of(99)
            await store.commit([(Change(last, last._replace(state=LeaseState.RELEASED.value)),)])
            assert await free() == LAST

        self.run(tmp_path, test)

    def test_first_free_of_any_other_order(self, tmp_path: Path) -> None:
        """The order given is the order tried."""

        async def test(store: LeaseStore) -> None:
            await store.commit([_new(_lease_of(i)) for i in (5, 6, 7)])

            async def free(order: Sequence[int], now: int = NOW, busy: Sequence[int] = ()) -> int | None:
                return await asked(store, _free_in([FIRST + i for i in order], now, busy))

            assert await free([5, 9, 6, 2]) == FIRST + 9
            assert await free([5, 9, 6, 2], busy=[FIRST + 9]) == FIRST + 2
            assert await free([5, 6, 7]) is None
            assert await free([]) is None
            assert await free([7, 5], NOW + 3601) == FIRST + 7

        self.run(tmp_path, test)

    def test_first_free_finds_every_free_address(self, tmp_path: Path) -> None:
        """Handing out until there is none gives each address once, wherever leases, offers and ends are."""

        async def test(store: LeaseStore) -> None:
            rng = random.Random(5)
            held = {i: _lease_of(i, valid_lifetime=rng.choice([10, 3600])) for i in rng.sample(range(100), 60)}
            await store.commit([_new(lease) for lease in held.values()])
            (await store.load(())).handed_out(FIRST + rng.randrange(100))
            now = NOW + 11
            taken: list[int] = []
            while (found := await asked(store, _free_in(Sweep(FIRST, LAST), now))) is not None:
                number = found - FIRST
                before = held.get(number)
                after = _lease_of(number, cltt=now)
                assert list(await store.commit([(Change(before, after),)])) == [True]
                (await store.load(())).handed_out(found)
                taken.append(number)
            free = {i for i in range(100) if i not in held or held[i].expired(now)}
            assert sorted(taken) == sorted(free)

        self.run(tmp_path, test)

    # All together.

    def test_like_a_dict_of_leases(self, tmp_path: Path) -> None:
        """Random changes, right and wrong ones: whatever is asked in between, the answer is a dict's."""

        async def test(store: LeaseStore) -> None:
            for seed in range(5):
                await self._compare(store, random.Random(seed), seed * 1000)

        self.run(tmp_path, test)

    @staticmethod
    async def _compare(store: LeaseStore, rng: random.Random, offset: int) -> None:
        model: dict[int, Lease4] = {}
        for _ in range(60):
            units = [_random_unit(rng, model, offset) for _ in range(rng.randrange(1, 5))]
            wrong = [(Change(_lease_of(offset + rng.randrange(40), cltt=1), None),)]
            kept = await store.commit([*units, *wrong])
            assert list(kept) == [True] * len(units) + [False]
            now = NOW + rng.randrange(0, 4000)
            address = FIRST + offset + rng.randrange(40)
            lease = model.get(address)
            assert await asked(store, _at(address)) == lease
            if lease is not None:
                same = [x for x in model.values() if x.client_id == lease.client_id]
                found = await asked(store, _of_client_id(lease.client_id))
                assert {x.address for x in found if x.address >= FIRST + offset} == {x.address for x in same}
            order = Sweep(FIRST + offset, FIRST + offset + 39)
            free = await asked(store, _free_in(order, now))
            candidates = [a for a in order if a not in model or model[a].expired(now)]
            assert (free is None) == (not candidates)
            assert free is None or free in candidates
        where = Where(after=FIRST + offset - 1)
        assert await _all_leases(store, where) == sorted(model.values(), key=lambda lease: lease.address)
        await store.commit([(Change(lease, None),) for lease in model.values()])


def _random_unit(rng: random.Random, model: dict[int, Lease4], offset: int = 0) -> Unit:
    """One or two changes that fit `model`, which is changed as well."""
    changes = []
    for number in rng.sample(range(offset, offset + 40), rng.choice([1, 1, 2])):
        address = FIRST + number
        before = model.pop(address, None)
        after = None
        if before is None or rng.random() < 0.7:  # a chance
            after = _lease_of(
                number,
                client_id=rng.choice([b"\x01shared", b"\x01%d" % rng.randrange(50)]),
                valid_lifetime=rng.choice([10, 600, 3600]),
                cltt=NOW + rng.randrange(100),
                state=rng.choice([0, 0, 0, 1, 2]),
            )
            model[address] = after
        changes.append(Change(before, after))
    return tuple(changes)
