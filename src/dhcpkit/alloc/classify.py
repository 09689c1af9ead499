"""Which classes a client belongs to. Pure: a packet and the network's classes in, names out.

Built-in classes are Kea's (`ALL`, `VENDOR_CLASS_...`, `KNOWN`, `UNKNOWN`); others come from a reservation. The order
of the names is the order in which classes offer options and lifetimes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["ALL", "DROP", "KNOWN", "STRANGER", "UNKNOWN", "allowed", "classify", "with_host"]

ALL: Final = "ALL"
KNOWN: Final = "KNOWN"
UNKNOWN: Final = "UNKNOWN"
DROP: Final = "DROP"

EVERYONE: Final = (ALL,)
STRANGER: Final = (ALL, UNKNOWN)


def classify(packet: Packet4, trace: Trace = NO_TRACE) -> tuple[str, ...]:
    """The classes that need no reservation: ALL, and VENDOR_CLASS_<text> from option 60 (RFC 2132 9.13)."""
    vendor = packet.options.get(60)
    if not vendor:
        return EVERYONE
    name = "VENDOR_CLASS_" + vendor.decode("ascii", "replace")
    if trace:
        trace.note("classes", name, "member", "the vendor class identifier (60) says so")
    return (ALL, name)


def with_host(classes: tuple[str, ...], host: Host | None, trace: Trace = NO_TRACE) -> tuple[str, ...]:
    """The classes once reservations were looked up: KNOWN and the reservation's own, or UNKNOWN."""
    if host is None:
        return STRANGER if classes is EVERYONE else (*classes, UNKNOWN)
    if trace:
        for name in host.client_classes:
            trace.note("classes", name, "member", "the reservation says so", host.where)
    return (*classes, KNOWN, *host.client_classes)


def allowed(guards: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether a client may use what is guarded: no guard, or membership in any of them (Kea: `client-classes`)."""
    return not guards or any(guard in classes for guard in guards)
