"""Where leases are kept: the protocols of a store, and the stores that come along."""

from dhcpkit.backends.memory import MemoryStore
from dhcpkit.backends.protocols import EVERYTHING, LeaseStore, LocalLeaseStore, StoreUnavailable, Where

__all__ = ["EVERYTHING", "LeaseStore", "LocalLeaseStore", "MemoryStore", "StoreUnavailable", "Where"]
