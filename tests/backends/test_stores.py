"""Every bundled store, and the simulated remote one, keeps the promises of the contract."""

import random

import pytest

from dhcpkit.backends import Memfile, Memfile6, MemoryStore, MemoryStore6
from dhcpkit.testing.remote_store import Line, RemoteStore, RemoteStore6, Truth, Truth6
from dhcpkit.testing.store_contract import LeaseStoreContract
from dhcpkit.testing.store_contract6 import LeaseStoreContract6, PrefixStoreContract6


class TestMemoryStore(LeaseStoreContract):
    def make_store(self, tmp_path):
        return MemoryStore()


class TestMemfileFsync(LeaseStoreContract):
    persistent = True

    def make_store(self, tmp_path):
        return Memfile(tmp_path / "leases4.csv", "fsync")


class TestMemfileOs(LeaseStoreContract):
    persistent = True

    def make_store(self, tmp_path):
        return Memfile(tmp_path / "leases4.csv", "os")


class TestRemoteStore(LeaseStoreContract):
    """Without faults: with them a commit may fail, and the tests of the remote store itself say how."""

    persistent = True

    @pytest.fixture(autouse=True)
    def truth(self):
        self.database = Truth()

    def make_store(self, tmp_path):
        return RemoteStore(self.database, random.Random(1), Line(delay=0, jitter=0))


class TestMemoryStore6(LeaseStoreContract6):
    def make_store(self, tmp_path):
        return MemoryStore6()


class TestMemoryStoreOfPrefixes6(PrefixStoreContract6):
    def make_store(self, tmp_path):
        return MemoryStore6()


class TestMemfile6Fsync(LeaseStoreContract6):
    persistent = True

    def make_store(self, tmp_path):
        return Memfile6(tmp_path / "leases6.csv", "fsync")


class TestMemfileOfPrefixes6Os(PrefixStoreContract6):
    persistent = True

    def make_store(self, tmp_path):
        return Memfile6(tmp_path / "leases6.csv", "os")


class TestRemoteStore6(LeaseStoreContract6):
    persistent = True

    @pytest.fixture(autouse=True)
    def truth(self):
        self.database = Truth6()

    def make_store(self, tmp_path):
        return RemoteStore6(self.database, random.Random(1), Line(delay=0, jitter=0))


class TestRemoteStoreOfPrefixes6(PrefixStoreContract6):
    persistent = True

    @pytest.fixture(autouse=True)
    def truth(self):
        self.database = Truth6()

    def make_store(self, tmp_path):
        return RemoteStore6(self.database, random.Random(1), Line(delay=0, jitter=0))
