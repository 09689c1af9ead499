"""Clean-up: one row for each lease, whatever is committed meanwhile, and nothing lost wherever it ends."""

import asyncio
import errno
import shutil
import subprocess
from pathlib import Path

import pytest

from dhcpkit.backends import Memfile, Memfile6, StoreUnavailable
from dhcpkit.backends import lfc as lfc_module
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.testing.failing_disk import FailingDisk
from dhcpkit.testing.store_family import LEASES4, PREFIXES6

STEPS = [
    "rename the file",
    "write the leases",
    "wait for the disk",
    "complete the output",
    "remove the copy",
    "remove the old output",
    "put the output in its place",
    "done",
]


class Tried:
    """What the tests are about just now."""

    store, family, form = Memfile, LEASES4, ROWS4


@pytest.fixture(autouse=True, params=[(Memfile, LEASES4, ROWS4), (Memfile6, PREFIXES6, ROWS6)], ids=["v4", "v6"])
def tried(request, monkeypatch):
    for name, value in zip(("store", "family", "form"), request.param, strict=True):
        monkeypatch.setattr(Tried, name, value)


def lease(number, cltt=0):
    return Tried.family.lease_of(number, cltt=cltt)


def new(number):
    return (Tried.family.change(None, lease(number)),)


def encode(some):
    return Tried.form.encode(some)


def leases(store):
    family = Tried.family
    numbers = {(address - family.first) // family.step: address for address in store.view.rows}
    return {number: store.view.by_address(address).cltt for number, address in numbers.items()}


def loaded(folder, to):
    """What another process finds in a copy of the folder."""
    shutil.copytree(folder, to)
    store = Tried.store(to / "leases4.csv", "os")
    store.view.check()
    assert store.report.problem_count == 0
    return leases(store)


class Life:
    """A store that changes a little at every step of its clean-up, and remembers what it has acknowledged."""

    def __init__(self, folder, disk=None):
        self.folder = folder
        self.disk = disk or FailingDisk()
        self.store = Tried.store(folder / "leases4.csv", disk=self.disk)
        self.clock = 0
        self.steps = []
        self.expected = leases(self.store)

    async def change(self):
        """Renews, adds and deletes."""
        self.clock += 1
        units = []
        for number in (self.clock % 3, 100 + self.clock, 99 + self.clock):
            before = self.store.view.by_address(lease(number).address)
            after = None if number == 99 + self.clock else lease(number, self.clock)
            if before is not None or after is not None:
                units.append((Tried.family.change(before, after),))
        assert all(self.store.append(units))
        await self.store._journal.synced()
        self.expected = leases(self.store)

    async def run(self, look=None):
        """A clean-up, with a change at each step that is durable before the step is taken."""
        for _ in range(20):
            await self.change()

        def step(name):
            self.steps.append(name)
            self.clock += 1
            number = 200 + self.clock
            self.store.append([new(number), (Tried.family.change(lease(number), lease(number, 1)),)])
            self.store._journal.sync_now()
            self.expected = leases(self.store)
            if look is not None:
                look(name)

        return await self.store.clean_up(step)


def test_one_row_for_each_lease(tmp_path):
    async def test():
        life = Life(tmp_path)
        assert await life.run()
        assert life.steps == STEPS
        assert sorted(file.name for file in tmp_path.iterdir()) == ["leases4.csv", "leases4.csv.2"]
        compact = (tmp_path / "leases4.csv.2").read_bytes().splitlines()
        assert compact[0] == Tried.form.header
        addresses = [line.split(b",")[0] for line in compact[1:]]
        assert len(addresses) == len(set(addresses)) > 3
        assert len((tmp_path / "leases4.csv").read_bytes().splitlines()) == 1 + 2 * (len(STEPS) - 1)
        await life.change()
        assert loaded(tmp_path, tmp_path.with_suffix(".copy")) == life.expected
        assert await life.store.clean_up()
        assert loaded(tmp_path, tmp_path.with_suffix(".copy2")) == life.expected
        assert (tmp_path / "leases4.csv").read_bytes() == Tried.form.header + b"\n"
        assert not await life.store.clean_up(), "there is nothing to clean up"
        await life.store.close()

    asyncio.run(test())


@pytest.mark.parametrize("end", ["killed", "without power"])
def test_whichever_step_is_the_last_nothing_is_lost(end, tmp_path):
    """At every step: what another process finds, or one after a loss of power, is what was acknowledged."""
    folder = tmp_path / "live"
    folder.mkdir()
    found = {}

    async def test():
        life = Life(folder)
        assert await life.run()  # so that there is a `.2`

        def look(name):
            left = tmp_path / f"{len(found)}"
            if end == "killed":
                shutil.copytree(folder, left)
            else:
                life.disk.after_power_loss(folder, left)
            found[name] = left, life.expected

        assert await life.run(look)
        await life.store.close()

    asyncio.run(test())
    assert list(found) == STEPS
    for name, (left, expected) in found.items():
        again = Life(left)
        assert again.expected == expected, name
        assert asyncio.run(again.run()), name
        assert sorted(file.name for file in left.iterdir()) == ["leases4.csv", "leases4.csv.2"]
        asyncio.run(again.store.close())
        assert loaded(left, left.with_suffix(".copy")) == again.expected, name


@pytest.mark.parametrize("call", ["rename", "open", "write", "sync", "sync_folder", "remove"])
def test_whichever_step_fails_the_store_goes_on(call, tmp_path):
    async def test(number):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        life = Life(folder)
        assert await life.run()

        def look(name):
            if name == STEPS[number]:
                life.disk.broken[call] = errno.EIO
                life.disk.calls.clear()

        try:
            done = await life.run(look)
        except StoreUnavailable:
            done = False
        life.disk.broken.clear()
        await life.change()
        if not done and number == 0 and call.startswith("sync"):
            assert "sync_folder" in life.disk.calls, "the new name of the file was not durable yet"
        assert loaded(folder, folder.with_suffix(".copy")) == life.expected
        assert await life.run()
        assert loaded(folder, folder.with_suffix(".copy2")) == life.expected
        await life.store.close()
        return done

    outcomes = [asyncio.run(test(number)) for number in range(len(STEPS))]
    assert outcomes[-1], "after the last step nothing can fail"
    assert False in outcomes, "each of these calls is needed somewhere"


def test_what_is_taken_back_meanwhile_is_not_in_the_output(tmp_path):
    """A row may be in the output before it is durable: then the output counts only if it becomes durable."""

    async def test():
        life = Life(tmp_path)
        await life.change()

        def step(name):
            if name == "wait for the disk":
                life.store.append([new(999)])
                life.disk.broken["sync"] = errno.EIO

        with pytest.raises(StoreUnavailable):
            await life.store.clean_up(step)
        life.disk.broken.clear()
        assert loaded(tmp_path, tmp_path.with_suffix(".copy")) == life.expected
        assert not (tmp_path / "leases4.csv.completed").exists()
        assert await life.store.clean_up()
        assert loaded(tmp_path, tmp_path.with_suffix(".copy2")) == life.expected
        await life.store.close()

    asyncio.run(test())


def test_an_output_with_a_row_that_was_taken_back_is_thrown_away(tmp_path, monkeypatch):
    """The sync of a row fails while the output is written; when that is finished all seems well again."""
    disk = FailingDisk()
    life = Life(tmp_path, disk)
    write = life.store._clean_up._write

    async def meanwhile(output):
        life.store.append([new(999)])
        written = await write(output)
        assert encode(lease(999)) in output.read_bytes().splitlines()
        disk.broken["sync"] = errno.EIO
        errors = []
        life.store.when_synced(errors.append)
        life.store._journal.sync_now()
        assert isinstance(errors[0], StoreUnavailable)
        disk.broken.clear()
        return written

    monkeypatch.setattr(life.store._clean_up, "_write", meanwhile)
    monkeypatch.setattr(type(life.store._journal), "_begin", lambda *_: None)  # nothing is synced before that

    async def test():
        await life.store._journal.synced()
        for number in range(3):
            life.store.append([new(number)])
        life.store._journal.sync_now()
        life.expected = leases(life.store)
        assert not await life.store.clean_up()

    asyncio.run(test())
    assert not list(tmp_path.glob("*.output"))
    assert loaded(tmp_path, tmp_path.with_suffix(".copy")) == life.expected == leases(life.store)


def test_only_one_runs_and_closing_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(lfc_module, "_SLICE", 1)  # a slice for each block of addresses

    async def test():
        life = Life(tmp_path)
        await life.store.commit([new(number * 4096) for number in range(50)])
        first = asyncio.create_task(life.store.clean_up())
        await asyncio.sleep(0)
        assert not await life.store.clean_up()
        await life.store.close()
        assert not await first
        assert not await life.store.clean_up()
        assert loaded(tmp_path, tmp_path.with_suffix(".copy")) == leases(life.store)

    asyncio.run(test())


def test_a_cancelled_clean_up_does_not_close_a_file_that_is_being_written(tmp_path):
    async def test():
        life = Life(tmp_path)
        await life.change()
        closed = asyncio.Event()
        close = life.disk.close
        life.disk.close = lambda fd: (closed.set(), close(fd))
        writing = asyncio.Event()
        loop = asyncio.get_running_loop()
        sync = life.disk.sync

        def hold(fd):
            if Path(f"/proc/self/fd/{fd}").readlink().suffix == ".output":
                life.disk.answers.clear()
                loop.call_soon_threadsafe(writing.set)
            sync(fd)

        life.disk.sync = hold
        clean_up = asyncio.create_task(life.store.clean_up())
        await writing.wait()
        closed.clear()
        clean_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await clean_up
        assert not closed.is_set()
        life.disk.answers.set()
        await closed.wait()
        life.disk.sync = sync
        assert await life.store.clean_up()
        assert loaded(tmp_path, tmp_path.with_suffix(".copy")) == life.expected
        await life.store.close()

    asyncio.run(test())


@pytest.mark.parametrize("left", [(".1",), (".1", ".2"), (".completed", ".1", ".2"), (".completed",), (".output",)])
def test_what_a_clean_up_of_keas_has_left_is_finished(left, tmp_path):
    for number, suffix in enumerate(("", *left)):
        (tmp_path / f"leases4.csv{suffix}").write_bytes(Tried.form.header + b"\n" + encode(lease(number, 5)) + b"\n")
    current = {0: 5}
    beside = {number: 5 for number, suffix in enumerate(left, 1) if suffix in (".1", ".2")}
    expected = {**current, 1: 5} if ".completed" in left else {**current, **beside}
    store = Tried.store(tmp_path / "leases4.csv")
    assert leases(store) == expected
    assert store.wants_clean_up == (left != (".output",))

    async def test():
        assert await store.clean_up()
        assert not store.wants_clean_up
        await store.close()

    asyncio.run(test())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["leases4.csv", "leases4.csv.2"]
    assert loaded(tmp_path, tmp_path.with_suffix(".copy")) == expected


def test_what_is_in_completed_is_newer_than_what_is_beside_it(tmp_path):
    """Also where finishing that ends at any step: an older row must not be loaded after a newer one."""
    live = tmp_path / "live"
    live.mkdir()
    for suffix, cltt in ((".2", 1), (".1", 2), (".completed", 3)):
        (live / f"leases4.csv{suffix}").write_bytes(Tried.form.header + b"\n" + encode(lease(7, cltt)) + b"\n")
    disk = FailingDisk()
    store = Tried.store(live / "leases4.csv", disk=disk)
    seen = 0

    def look(_):
        nonlocal seen
        seen += 1
        assert loaded(live, tmp_path / f"{seen}") == {7: 3}

    remove, rename = disk.remove, disk.rename
    disk.remove = lambda path: (look(path), remove(path))
    disk.rename = lambda path, to: (look(path), rename(path, to))
    assert asyncio.run(store.clean_up(look))
    asyncio.run(store.close())
    assert seen == 4, "two are removed and one renamed"


def test_a_clean_up_of_keas_that_still_runs_is_left_alone(tmp_path):
    program = tmp_path / "kea-lfc"
    shutil.copy(shutil.which("sleep"), program)
    pid_file = tmp_path / "leases4.csv.pid"
    store = Tried.store(tmp_path / "leases4.csv", "os")
    store.append([new(1)])
    running = subprocess.Popen([program, "60"])
    try:
        pid_file.write_text(f"{running.pid}\n")
        while Path(f"/proc/{running.pid}/comm").read_text() != "kea-lfc\n":  # the kernel sets it a moment later
            pass
        assert not asyncio.run(store.clean_up())
    finally:
        running.kill()
        running.wait()
    for text in (pid_file.read_text(), "1", "garbage", ""):
        pid_file.write_text(text)
        store.append([(Tried.family.change(store.view.by_address(lease(1).address), lease(1, len(text))),)])
        assert asyncio.run(store.clean_up())
    asyncio.run(store.close())


def test_an_older_file_is_converted_at_once(tmp_path):
    path = tmp_path / "leases4.csv"
    path.write_bytes(Tried.form.header.removesuffix(b",pool_id") + b"\n" + encode(lease(1)).removesuffix(b",0") + b"\n")
    store = Tried.store(path)
    assert (leases(store), store.wants_clean_up, store.report.old_header) == ({1: 0}, True, True)
    assert path.read_bytes() == Tried.form.header + b"\n"

    async def test():
        await store.commit([new(2)])
        assert await store.clean_up()
        await store.close()

    asyncio.run(test())
    store = Tried.store(path)
    assert (leases(store), store.wants_clean_up) == ({1: 0, 2: 0}, False)


def test_packets_are_served_while_leases_are_written(tmp_path):
    """No turn of the event loop takes in more than a block of addresses."""

    async def test():
        store = Tried.store(tmp_path / "leases4.csv", "os")
        store.append([new(number) for number in range(20_000)])
        turns = 0
        task = asyncio.create_task(store.clean_up())
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 20_000 / 4096
        await store.close()

    asyncio.run(test())
