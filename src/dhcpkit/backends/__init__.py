"""Where leases are kept: the protocols of a store, and the stores that come along."""

from dhcpkit.backends.memfile import LeaseFileError, Memfile
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.backends.protocols import EVERYTHING, LeaseStore, LocalLeaseStore, StoreUnavailable, Where
from dhcpkit.backends.reader import LoadReport, Problem

__all__ = [
    "EVERYTHING",
    "LeaseFileError",
    "LeaseStore",
    "LoadReport",
    "LocalLeaseStore",
    "Memfile",
    "MemoryStore",
    "Problem",
    "StoreUnavailable",
    "Where",
]
