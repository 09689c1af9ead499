"""The simulated database: several servers on one truth, lost races, lost connections, and outcomes nobody knows."""

import asyncio
import random
from collections import Counter

import pytest

from dhcpkit.alloc import Change, Lease4, NotLoaded, Sweep
from dhcpkit.backends import StoreUnavailable
from dhcpkit.testing.remote_store import CHUNK_MAX, Line, RemoteStore, Truth

FIRST = 0x0A350000


def lease(number, client=0):
    return Lease4(FIRST + number, b"\2%d" % client, b"", 3600, 0, 1)


async def allocate(store, client, size, tries=200):
    """What an engine does: searches on a view, loads what is missing, commits, starts again where it lost."""
    for _ in range(tries):
        view = await store.load([("hw-address", lease(0, client).hwaddr)])
        while True:
            try:
                own = view.by_hwaddr(lease(0, client).hwaddr)
                if own:
                    return own[0].address
                found = view.first_free(Sweep(FIRST, FIRST + size - 1), 0)
                break
            except NotLoaded as more:
                missing = more.keys
            assert await store.load(missing, view) is view
        if found is None:
            return None
        view.handed_out(found)
        try:
            if (await store.commit([(Change(None, lease(found - FIRST, client)),)]))[0]:
                return found
        except StoreUnavailable:
            continue
    raise AssertionError("never answered")


@pytest.mark.parametrize("line", [Line(0, 0), Line(0, 0.0001), Line(0, 0.0001, down=0.2, lost=0.2)])
@pytest.mark.parametrize("seed", range(3))
def test_servers_on_one_database_never_give_an_address_twice(seed, line):
    async def retrying(store, client):
        while True:
            try:
                return await allocate(store, client, 30)
            except StoreUnavailable:
                continue

    async def test():
        truth = Truth()
        stores = [RemoteStore(truth, random.Random(seed * 10 + number), line) for number in range(3)]
        given = await asyncio.gather(*(retrying(stores[client % 3], client) for client in range(40)))
        truth.check()
        assert all(count == 1 for address, count in Counter(given).items() if address is not None)
        for client, address in enumerate(given):
            if address is not None:
                assert truth.by_address(address).hwaddr == lease(0, client).hwaddr
        assert len(truth) == 30
        assert given.count(None) == 10

    asyncio.run(test())


def test_the_same_seed_gives_the_same_run():
    async def run(seed):
        stores = [RemoteStore(Truth(), random.Random(seed), Line(0, 0, down=0.3, lost=0.3))]
        stores.append(RemoteStore(stores[0].truth, random.Random(seed + 1), Line(0, 0)))
        outcomes = []
        for number in range(50):
            try:
                outcomes.append(list(await stores[number % 2].commit([(Change(None, lease(number // 3)),)])))
            except StoreUnavailable as error:
                outcomes.append(str(error))
        return outcomes, sorted(stores[0].truth.rows)

    first, again, other = (asyncio.run(run(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_candidates_are_loaded_in_chunks_that_double():
    async def test():
        truth = Truth()
        truth.apply([(Change(None, lease(number)),) for number in range(300)])
        store = RemoteStore(truth, random.Random(1), Line(0, 0))
        view = await store.load(())
        chunks = []
        while True:
            try:
                found = view.first_free(Sweep(FIRST, FIRST + 399), 0)
                break
            except NotLoaded as more:
                chunks.append(len(more.keys))
                await store.load(more.keys, view)
        assert found == FIRST + 300
        assert chunks == [1, 2, 4, 8, 16, 32, *[CHUNK_MAX] * 4]
        assert store.round_trips == len(chunks)

    asyncio.run(test())


def test_a_view_shows_what_was_loaded_and_a_commit_what_is_there():
    async def test():
        truth = Truth()
        store = RemoteStore(truth, random.Random(1), Line(0, 0))
        view = await store.load([("address", FIRST)])
        truth.apply([(Change(None, lease(0, 7)),)])
        assert view.by_address(FIRST) is None, "as it was"
        assert list(await store.commit([(Change(None, lease(0, 8)),)])) == [False], "somebody else was first"
        await store.load([("address", FIRST)], view)
        assert view.by_address(FIRST) == lease(0, 7)

    asyncio.run(test())


def test_another_server_may_be_first():
    async def test():
        truth = Truth()

        def interfere(units):
            truth.apply([(Change(None, lease(units[0][0].address - FIRST, 99)),)])

        store = RemoteStore(truth, random.Random(1), Line(0, 0), interfere)
        assert list(await store.commit([(Change(None, lease(0)),), (Change(None, lease(1)),)])) == [False, True]
        assert truth.by_address(FIRST) == lease(0, 99)

    asyncio.run(test())


class Scripted:
    """Chances as a test wants them: for each call whether it fails and whether its answer is lost."""

    def __init__(self, *calls):
        self.numbers = [number for down, lost in calls for number in (0 if down else 1, 0 if lost else 1, 0, 0)]

    def random(self):
        return self.numbers.pop(0) if self.numbers else 1


LINE = Line(0, 0, down=0.5, lost=0.5)


def test_a_lost_answer_is_found_out_by_reading_again():
    async def test():
        truth = Truth()
        truth.apply([(Change(None, lease(1, 5)),)])
        store = RemoteStore(truth, Scripted((False, True), (False, True), (False, False)), LINE)
        units = [(Change(None, lease(0)),), (Change(None, lease(1)),)]
        assert list(await store.commit(units)) == [True, False]
        assert store.round_trips == 3

    asyncio.run(test())


@pytest.mark.parametrize("calls", [[(True, False)], [(False, True)] * 4, [(False, True), *[(True, False)] * 3]])
def test_what_cannot_be_known_is_not_acknowledged(calls):
    async def test():
        truth = Truth()
        store = RemoteStore(truth, Scripted(*calls), LINE)
        with pytest.raises(StoreUnavailable):
            await store.commit([(Change(None, lease(0)),)])
        assert (truth.by_address(FIRST) is None) == (calls[0] == (True, False))
        assert list(await store.commit([(Change(None, lease(1)),)])) == [True], "the next one is not affected"

    asyncio.run(test())


def test_reads_fail_where_the_line_does():
    async def test():
        for calls in ([(True, False)], [(False, True)]):
            for ask in (
                lambda store: store.load([("address", FIRST)]),
                lambda store: store.expired(0, 1),
                lambda store: anext(store.pages()),
            ):
                with pytest.raises(StoreUnavailable):
                    await ask(RemoteStore(Truth(), Scripted(*calls), LINE))

    asyncio.run(test())
