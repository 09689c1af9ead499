"""Every bundled store, and the simulated remote one, keeps the promises of the contract."""

import random

import pytest

from dhcpkit.backends import Memfile, MemoryStore
from dhcpkit.testing.remote_store import Line, RemoteStore, Truth
from dhcpkit.testing.store_contract import LeaseStoreContract


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
