"""Where leases are kept: the protocols of a store, and the stores that come along."""

from dhcpkit.backends.memfile import LeaseFileError, Memfile, Memfile6
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.backends.protocols import (
    EVERYTHING,
    LeaseStore,
    LeaseStore4,
    LeaseStore6,
    LocalLeaseStore,
    LocalLeaseStore4,
    LocalLeaseStore6,
    StoreUnavailable,
    Where,
)
from dhcpkit.backends.reader import LoadReport, Problem

__all__ = [
    "EVERYTHING",
    "LeaseFileError",
    "LeaseStore",
    "LeaseStore4",
    "LeaseStore6",
    "LoadReport",
    "LocalLeaseStore",
    "LocalLeaseStore4",
    "LocalLeaseStore6",
    "Memfile",
    "Memfile6",
    "MemoryStore",
    "MemoryStore6",
    "Problem",
    "StoreUnavailable",
    "Where",
]
