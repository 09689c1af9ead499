"""Stores of host reservations: what each promises, and what becomes of files that are not what they should be."""

import asyncio
import json
import sqlite3
import stat
import subprocess
import sys

import pytest

from dhcpkit.backends.hosts import LocalHostStore, reservation_of
from dhcpkit.backends.hosts_memory import MemoryHostStore
from dhcpkit.backends.hosts_sqlite import HostFileError, SqliteHostStore
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.testing import HostStoreContract, HostStoreContract6


class TestMemory(HostStoreContract):
    def make_store(self, tmp_path):
        return MemoryHostStore()


class TestMemory6(HostStoreContract6):
    def make_store(self, tmp_path):
        return MemoryHostStore()


class TestSqlite(HostStoreContract):
    persistent = True

    def make_store(self, tmp_path):
        return SqliteHostStore(tmp_path / "hosts", 4)


class TestSqlite6(HostStoreContract6):
    persistent = True

    def make_store(self, tmp_path):
        return SqliteHostStore(tmp_path / "hosts", 6)


def host(number, **more):
    address = {"ip-address": f"192.0.2.{number}"}
    return reservation_of(4, 1, {"hw-address": f"02:00:00:00:00:{number:02x}", **address, **more})


def filled(path, count=3):
    async def fill():
        store = SqliteHostStore(path, 4)
        for number in range(1, count + 1):
            await store.put(host(number))
        await store.close()

    asyncio.run(fill())
    return path


def test_local_stores_are_local_stores(tmp_path):
    store = SqliteHostStore(tmp_path / "hosts", 4)
    assert isinstance(store, LocalHostStore)
    assert isinstance(MemoryHostStore(), LocalHostStore)
    asyncio.run(store.close())


def test_a_file_is_for_its_owner_and_one_process(tmp_path):
    path = filled(tmp_path / "hosts")
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
    store = SqliteHostStore(path, 4)
    program = "import sys; from dhcpkit.backends.hosts_sqlite import SqliteHostStore; SqliteHostStore(sys.argv[1], 4)"
    other = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert "StoreUnavailable" in other.stderr
    assert "another process has it open" in other.stderr
    assert len(store) == 3
    asyncio.run(store.close())
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 0


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    path = filled(tmp_path / "hosts", 200)
    octets = bytearray(path.read_bytes())
    octets[4096:8192] = b"\xa5" * 4096
    path.write_bytes(octets)
    with pytest.raises(HostFileError) as caught:
        SqliteHostStore(path, 4)
    assert str(path) in str(caught.value)
    assert "damaged" in caught.value.why
    assert caught.value.fix
    path.write_text("this is no database, and it is long enough to be looked at" * 50)
    before = path.read_bytes()
    with pytest.raises(HostFileError, match="no SQLite file"):
        SqliteHostStore(path, 4)
    assert path.read_bytes() == before


def test_a_row_that_cannot_be_read_is_named(tmp_path):
    for text in (
        "no json",
        "[]",
        "{}",
        json.dumps({"hw-address": "zz"}),
        json.dumps({"hw-address": "02:00:00:00:00:77"}),
    ):
        path = filled(tmp_path / f"hosts{abs(hash(text))}")
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE reservations SET reservation = ? WHERE host_id = 2", (text,))
        connection.close()
        with pytest.raises(HostFileError, match="host_id 2"):
            SqliteHostStore(path, 4)


def test_a_file_of_another_program_family_or_time_is_left_alone(tmp_path):
    path = filled(tmp_path / "hosts")
    with pytest.raises(HostFileError, match="DHCPv4 server's"):
        SqliteHostStore(path, 6)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(HostFileError, match="version 99"):
        SqliteHostStore(path, 4)
    foreign = tmp_path / "foreign"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(HostFileError, match="something else"):
        SqliteHostStore(foreign, 4)
    assert foreign.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_the_surroundings_fault(tmp_path):
    with pytest.raises(StoreUnavailable, match="No such file"):
        SqliteHostStore(tmp_path / "nowhere" / "hosts", 4)
    with pytest.raises(StoreUnavailable):
        SqliteHostStore(tmp_path, 4)


def test_a_write_that_fails_changes_nothing(tmp_path):
    async def test():
        store = SqliteHostStore(tmp_path / "hosts", 4)
        await store.put(host(1))
        store._connection.execute("PRAGMA max_page_count = 1").fetchall()
        before = list(store)
        refused = ""
        for number in range(2, 200):
            try:
                await store.put(host(number, hostname="x" * 200))
            except StoreUnavailable as error:
                refused = str(error)
                break
            before = list(store)
        assert "full" in refused
        assert list(store) == before
        with pytest.raises(StoreUnavailable):
            await store.put(host(1, hostname="y" * 5000), replace=True)
        assert list(store) == before
        await store.close()
        again = SqliteHostStore(tmp_path / "hosts", 4)
        assert list(again) == before
        await again.close()

    asyncio.run(test())


def test_a_change_whose_caller_is_cancelled_is_whole(tmp_path):
    async def test():
        store = SqliteHostStore(tmp_path / "hosts", 4)
        task = asyncio.create_task(store.put(host(1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.close()
        kept = list(store)
        again = SqliteHostStore(tmp_path / "hosts", 4)
        assert list(again) == kept
        assert len(kept) == 1
        await again.close()

    asyncio.run(test())


def test_a_replacement_that_fails_halfway_leaves_the_file_as_it_was(tmp_path):
    async def test():
        store = SqliteHostStore(tmp_path / "hosts", 4)
        await store.put(host(1))
        store._connection.execute(
            "CREATE TEMP TRIGGER refusal BEFORE INSERT ON reservations WHEN NEW.reservation LIKE '%refused%'"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        with pytest.raises(StoreUnavailable, match="refused"):
            await store.put(host(1, hostname="refused"), replace=True)
        await store.put(host(2))
        await store.close()
        again = SqliteHostStore(tmp_path / "hosts", 4)
        assert [dict(one.written) for one in again] == [dict(host(1).written), dict(host(2).written)]
        await again.close()

    asyncio.run(test())
