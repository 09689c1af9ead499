"""Durable or taken back: what a store promises while its disk is full, read-only, broken, slow or without power."""

import asyncio
import errno
import shutil
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.backends import Memfile, Memfile6, StoreUnavailable
from dhcpkit.backends import journal as journal_module
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.testing.failing_disk import FailingDisk
from dhcpkit.testing.store_family import ADDRESSES6, LEASES4

FAULTS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}


class Tried:
    """What the tests are about just now."""

    store, family, form = Memfile, LEASES4, ROWS4


@pytest.fixture(autouse=True, scope="module", params=["v4", "v6"])
def tried(request):
    Tried.store, Tried.family, Tried.form = {
        "v4": (Memfile, LEASES4, ROWS4),
        "v6": (Memfile6, ADDRESSES6, ROWS6),
    }[request.param]


def lease(number, **changes):
    return Tried.family.lease_of(number, cltt=0)._replace(**changes)


def change(before, after):
    return Tried.family.change(before, after)


def new(*numbers):
    return [(change(None, lease(number)),) for number in numbers]


def numbers(store):
    store.view.check()
    return sorted((address - Tried.family.first) // Tried.family.step for address in store.view.rows)


@pytest.fixture
def disk():
    return FailingDisk()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "leases4.csv"


def opened(path, disk, durability="fsync"):
    store = Tried.store(path, durability, disk=disk)
    disk.calls.clear()
    return store


def after_restart(path):
    """What another process finds, now."""
    copy = path.parent / "restarted"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in path.parent.glob("leases4.csv*"):
        shutil.copyfile(file, copy / file.name)
    store = Tried.store(copy / path.name, "os")
    assert store.report.problem_count == 0
    return numbers(store)


async def until(condition):
    for _ in range(1_000_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("what was waited for did not happen")


async def outcome(store, units):
    try:
        return list(await store.commit(units))
    except StoreUnavailable as error:
        return str(error)


# What a commit waits for.


def test_a_commit_returns_when_its_rows_are_synced(path, disk):
    async def test():
        store = opened(path, disk)
        disk.answers.clear()
        commit = asyncio.create_task(store.commit(new(1)))
        await asyncio.sleep(0)
        assert disk.calls == ["write"]
        assert store.view.by_address(lease(1).address) == lease(1), "the view shows it already"
        assert not commit.done()
        disk.answers.set()
        assert await commit == [True]
        assert disk.calls == ["write", "sync"]
        await store.close()

    asyncio.run(test())


def test_what_is_appended_during_a_sync_is_synced_by_the_next_one(path, disk):
    async def test():
        store = opened(path, disk)
        disk.answers.clear()
        commits = []
        for number in range(40):
            commits.append(asyncio.create_task(store.commit(new(number, number + 100))))
            await until(lambda: "sync" in disk.calls)  # the thread has begun
            await asyncio.sleep(0)
        disk.answers.set()
        assert await asyncio.gather(*commits) == [[True, True]] * 40
        assert disk.calls.count("sync") == 2
        await store.close()

    asyncio.run(test())


@pytest.mark.parametrize("rows", [1, 100])
def test_few_rows_are_synced_on_the_spot_where_the_disk_is_quick(rows, path, disk, monkeypatch):
    monkeypatch.setattr(journal_module, "_QUICK_S", 10.0)

    async def test():
        store = opened(path, disk)
        for turn in range(30):
            await store.commit(new(*range(turn * 100, turn * 100 + rows)))
        assert (store._journal._thread is None) == (rows == 1)
        await store.close()

    asyncio.run(test())


def test_os_durability_does_not_sync(path, disk):
    async def test():
        store = opened(path, disk, "os")
        assert await store.commit(new(1)) == [True]
        assert disk.calls == ["write"]
        await store.close()

    asyncio.run(test())


def test_callbacks_come_in_order_and_one_that_raises_is_its_own_affair(path, disk):
    async def test():
        store = opened(path, disk)
        told, faults = [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))

        def tell(number, error):
            told.append((number, error))
            if number == 1:
                raise RuntimeError("mine")

        for number in range(4):
            store.append(new(number))
            store.when_synced(lambda error, number=number: tell(number, error))
        await store._journal.synced()
        assert told == [(number, None) for number in range(4)]
        assert [str(fault) for fault in faults] == ["mine"]
        store.when_synced(told.append)
        assert told[-1] is None, "at once where nothing waits"
        await store.close()

    asyncio.run(test())


def test_without_an_event_loop_the_disk_is_waited_for(path, disk):
    store = opened(path, disk)
    told = []
    store.append(new(1))
    assert disk.calls == ["write"]
    store.when_synced(told.append)
    assert (disk.calls, told) == (["write", "sync"], [None])
    store.append(new(2))
    asyncio.run(store.close())
    assert disk.calls[2:] == ["write", "sync"]


def test_an_event_loop_may_end_before_the_disk_answers(path, disk):
    store = opened(path, disk)

    async def leave():
        disk.answers.clear()
        store.append(new(*range(20)))

    async def come():
        asyncio.get_running_loop().run_in_executor(None, disk.answers.set)
        assert await store.commit(new(20)) == [True]

    for _ in range(3):
        asyncio.run(leave())
        asyncio.run(come())
        store.append([(change(lease(number), None),) for number in range(21)])
    asyncio.run(store.close())
    assert after_restart(path) == []


def test_a_disk_that_does_not_answer_is_not_waited_for_without_limit(path, disk, monkeypatch):
    monkeypatch.setattr(journal_module, "_UNSYNCED_MAX", 10)

    async def test():
        store = opened(path, disk)
        disk.answers.clear()
        for number in range(10):
            store.append(new(number))
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.append(new(10))
        assert numbers(store) == list(range(10))
        disk.answers.set()
        await store._journal.synced()
        assert store.append(new(10)) == [True]
        await store.close()

    asyncio.run(test())
    assert after_restart(path) == list(range(11))


# Failures.


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("partial", [0, 30, 75])
@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_a_write_that_fails_leaves_nothing(fault, partial, durability, path, disk):
    async def test():
        store = opened(path, disk, durability)
        await store.commit(new(1, 2))
        disk.broken["write"] = FAULTS[fault]
        disk.partial = partial
        for _ in range(3):
            units = [(change(lease(1), lease(1, cltt=5)), change(lease(2), None)), *new(3)]
            assert "leases4.csv: " in await outcome(store, units)
            assert numbers(store) == [1, 2]
            assert store.view.by_address(lease(1).address) == lease(1)
            assert after_restart(path) == [1, 2]
        disk.broken.clear()
        assert await outcome(store, units) == [True, True]
        assert numbers(store) == after_restart(path) == [1, 3]
        await store.close()

    asyncio.run(test())


@pytest.mark.parametrize("rows", [1, 20])
def test_a_sync_that_fails_takes_back_everything_that_is_not_durable(rows, path, disk):
    async def test():
        store = opened(path, disk)
        await store.commit(new(1))
        disk.broken["sync"] = errno.EIO
        disk.answers.clear()
        later = [lease(1, cltt=cltt) for cltt in range(6)]
        commits = []
        for before, after in pairwise(later):
            number = after.cltt * 100
            units = [(change(before, after),), *new(*range(number, number + rows))]
            commits.append(asyncio.create_task(outcome(store, units)))
            await asyncio.sleep(0)
        assert store.view.by_address(lease(1).address) == later[-1]
        disk.answers.set()
        results = await asyncio.gather(*commits)
        assert all("leases4.csv: " in result for result in results), results
        assert numbers(store) == after_restart(path) == [1]
        assert store.view.by_address(lease(1).address) == lease(1)
        disk.broken.clear()
        assert await outcome(store, new(2)) == [True]
        assert after_restart(path) == [1, 2]
        await store.close()

    asyncio.run(test())


def test_what_was_durable_before_a_sync_that_fails_stays(path, disk):
    """Rows appended during a sync are not part of it."""

    async def test():
        store = opened(path, disk)
        disk.answers.clear()
        first = asyncio.create_task(outcome(store, new(1)))
        await until(lambda: "sync" in disk.calls)
        store.when_synced(lambda _: disk.broken.update(sync=errno.EIO))  # from the next one on
        second = asyncio.create_task(outcome(store, new(2)))
        await asyncio.sleep(0)
        disk.answers.set()
        assert await first == [True]
        assert "leases4.csv: " in await second
        assert numbers(store) == after_restart(path) == [1]
        disk.broken.clear()
        await store.close()

    asyncio.run(test())


@pytest.mark.parametrize("call", ["write", "sync"])
def test_where_the_file_cannot_be_cut_either_later_rows_say_what_holds(call, path, disk):
    async def test():
        store = opened(path, disk)
        await store.commit(new(1, 2))
        disk.broken.update({call: errno.EIO, "truncate": errno.EIO})
        disk.partial = 1000
        units = [(change(lease(1), lease(1, cltt=5)), change(lease(2), None)), *new(3)]
        assert "leases4.csv: " in await outcome(store, units)
        assert numbers(store) == [1, 2]
        del disk.broken[call]
        assert await outcome(store, new(4)) == [True]
        assert numbers(store) == after_restart(path) == [1, 2, 4]
        await store.close()
        again = Tried.store(path, "os")
        assert again.view.by_address(lease(1).address) == lease(1)
        await again.close()

    asyncio.run(test())


def test_a_torn_file_that_cannot_be_mended_takes_no_more_rows(path, disk):
    async def test():
        store = opened(path, disk)
        disk.broken.update(write=errno.ENOSPC, truncate=errno.EROFS)
        disk.partial = 10
        for _ in range(3):
            assert "leases4.csv: " in await outcome(store, new(1))
        disk.broken = {"write": errno.ENOSPC}
        assert "leases4.csv: " in await outcome(store, new(1))
        disk.broken = {}
        assert await outcome(store, new(1)) == [True]
        assert path.read_bytes() == Tried.form.header + b"\n" + Tried.form.encode(lease(1)) + b"\n"
        await store.close()

    asyncio.run(test())


# Any sequence of faults, and a loss of power at any time.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.lists(st.integers(0, 9), min_size=1, max_size=12)),
        st.tuples(st.just("break"), st.sets(st.sampled_from(["write", "sync", "truncate"]))),
        st.tuples(st.just("wait"), st.none()),
        st.tuples(st.just("power"), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 200))
def test_nothing_acknowledged_is_lost(tmp_path_factory, steps, partial):
    """After any loss of power every lease is as it was acknowledged last, or as a later commit wanted it."""
    acknowledged, wanted = {}, {}

    async def commit(store, units):
        try:
            kept = await store.commit(units)
        except StoreUnavailable:
            return
        for (change,), done in zip(units, kept, strict=True):
            if done:  # or something was taken back since this was planned
                acknowledged[change.after.address] = change.after.cltt

    async def live(store, disk, todo, clock):
        running = []
        for kind, what in todo:
            if kind == "commit":
                units = []
                for number in dict.fromkeys(what):
                    before = store.view.by_address(lease(number).address)
                    after = lease(number, cltt=next(clock))
                    wanted.setdefault(after.address, []).append(after.cltt)
                    units.append((change(before, after),))
                running.append(asyncio.create_task(commit(store, units)))
                await asyncio.sleep(0)
            elif kind == "break":
                disk.broken = dict.fromkeys(what, errno.EIO)
            else:
                disk.broken = {} if kind == "wait" else disk.broken
                await asyncio.gather(*running)
        disk.broken = {}
        await asyncio.gather(*running)

    clock = iter(range(1, 10_000))
    lives = [[]]
    for step in steps:
        lives[-1].append(step)
        if step[0] == "power":
            lives.append([])
    path = tmp_path_factory.mktemp("power") / "leases4.csv"
    for todo in lives:
        disk = FailingDisk()
        disk.all_durable(path.parent)
        store = Tried.store(path, disk=disk)
        store.view.check()
        for address, cltt in acknowledged.items():
            found = store.view.by_address(address)
            assert found is not None
            assert found.cltt == cltt or found.cltt in wanted[address][wanted[address].index(cltt) :]
        for found in map(store.view.by_address, store.view.rows):
            acknowledged[found.address] = found.cltt  # whoever reads it now may rely on it
        disk.partial = partial
        asyncio.run(live(store, disk, todo, clock))
        for number in range(10):
            found = store.view.by_address(lease(number).address)
            assert (found.cltt if found else None) == acknowledged.get(lease(number).address)
        store._journal.close()
        left = tmp_path_factory.mktemp("power")
        disk.after_power_loss(path.parent, left)
        path = left / path.name


def test_a_full_disk_does_not_keep_a_store_from_opening(path):
    for partial in (0, 20):
        disk = FailingDisk(write=errno.ENOSPC)
        disk.partial = partial
        store = Tried.store(path, disk=disk)
        disk.broken = {}
        assert asyncio.run(outcome(store, new(1))) == [True]
        asyncio.run(store.close())
        assert path.read_bytes() == Tried.form.header + b"\n" + Tried.form.encode(lease(1)) + b"\n"
        path.unlink()


def test_one_process_at_a_time(path, disk):
    store = opened(path, disk)
    with pytest.raises(StoreUnavailable, match="another process is using it"):
        Tried.store(path)
    asyncio.run(store.close())
    asyncio.run(Tried.store(path).close())


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(StoreUnavailable, match="No such file"):
        Tried.store(tmp_path / "nowhere" / "leases4.csv")
    with pytest.raises(StoreUnavailable, match="Is a directory"):
        Tried.store(tmp_path)
    asyncio.run(Tried.store(tmp_path / "leases4.csv").close())
    assert (tmp_path / "leases4.csv").stat().st_mode & 0o777 == 0o640
