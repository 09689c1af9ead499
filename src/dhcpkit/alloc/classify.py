"""Which classes a DHCPv4 client is in, at each stage of its way. Pure: a packet and the network in, names out.

Built-in classes are Kea's (`ALL`, `VENDOR_CLASS_...`, `KNOWN`, `UNKNOWN`); others come from tests (`classes`) and from
reservations. The order of the names is the order in which classes offer options and lifetimes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dhcpkit.alloc.classes import Classifier
from dhcpkit.alloc.host import Host
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.options import Space

__all__ = [
    "ALL", "BOOTP", "DROP", "KNOWN", "REJECT", "STASHED", "STRANGER", "UNKNOWN", "allowed", "classify", "once_early",
    "once_found", "with_additional", "with_host",
]  # fmt: skip

ALL: Final = "ALL"
KNOWN: Final = "KNOWN"
UNKNOWN: Final = "UNKNOWN"
DROP: Final = "DROP"
REJECT: Final = "REJECT"
BOOTP: Final = "BOOTP"  # of clients whose messages have no type; a library's callout puts them into it
STASHED: Final = "STASH_AGENT_OPTIONS"  # of clients whose relay's information was kept with their lease

EVERYONE: Final = (ALL,)
STRANGER: Final = (ALL, UNKNOWN)
NO_CLASSES: Final = Classifier((), Space("dhcp4"))


def classify(
    packet: Packet4, classifier: Classifier = NO_CLASSES, trace: Trace = NO_TRACE, also: str = ""
) -> tuple[str, ...]:
    """The classes that need no reservation: ALL, VENDOR_CLASS_<text> from option 60, and those whose tests hold.

    `also` is a class that something else has put the client into.
    """
    vendor = packet.options.get(60)
    if not vendor and not classifier and not also:
        return EVERYONE
    classes: dict[str, None] = {ALL: None}
    if also:
        classes[also] = None
    if vendor:
        name = "VENDOR_CLASS_" + vendor.decode("ascii", "replace")
        classes[name] = None
        if trace:
            trace.note("classes", name, "member", "the vendor class identifier (60) says so")
    classifier.first(packet, classes, trace)
    return tuple(classes)


def with_host(  # noqa: PLR0913  # who, what is reserved, and how to tell
    packet: Packet4,
    classes: tuple[str, ...],
    reserved: Sequence[str],
    classifier: Classifier,
    trace: Trace = NO_TRACE,
    *,
    known: bool,
) -> tuple[str, ...]:
    """The classes once reservations were looked up: KNOWN or UNKNOWN, and what follows from it.

    `reserved` are the classes of a reservation that count for the choice of pools, because it is global or its subnet
    cannot change any more: tests are told anew with them. Others are added once the address is chosen (`once_found`).
    """
    if not known and not classifier:
        return STRANGER if classes is EVERYONE else tuple(dict.fromkeys((*classes, UNKNOWN)))
    made = dict.fromkeys(classes)
    if reserved:
        classifier.reserved(packet, reserved, made, trace)
    made[KNOWN if known else UNKNOWN] = None
    classifier.once_known(packet, made, trace)
    return tuple(made)


def once_early(
    packet: Packet4, classes: tuple[str, ...], host: Host, classifier: Classifier, trace: Trace = NO_TRACE
) -> tuple[str, ...]:
    """The classes of a client whose global reservation was found before its subnet was selected (Kea)."""
    return with_host(packet, classes, host.client_classes, classifier, trace, known=True)


def once_found(classes: tuple[str, ...], host: Host) -> tuple[str, ...]:
    """The classes with those of a reservation in a shared network, which count from when the address is chosen."""
    return tuple(dict.fromkeys((*classes, *host.client_classes)))


def with_additional(
    packet: Packet4, classes: tuple[str, ...], names: Sequence[str], classifier: Classifier, trace: Trace = NO_TRACE
) -> tuple[str, ...]:
    """The classes with additional ones (Kea: `evaluate-additional-classes`) that have no test, or one that holds."""
    made = dict.fromkeys(classes)
    classifier.additional(packet, names, made, trace)
    return tuple(made)


def allowed(guards: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether a client may use what is guarded: no guard, or membership in any of them (Kea: `client-classes`)."""
    return not guards or any(guard in classes for guard in guards)
