"""A decision as a value: what is answered, which leases change, and what happened.

This module does not know how decisions are made.
"""

from __future__ import annotations

import enum

import attrs

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.name_change import NameChange
from dhcpkit.alloc.network import Pool4, Subnet4
from dhcpkit.alloc.query import Query4
from dhcpkit.alloc.view import Unit

__all__ = ["Decision4", "Event", "Reply4", "silent"]


class Event(enum.Enum):
    """What a decision amounts to."""

    __hash__ = object.__hash__  # members are singletons; an enumeration's own hash runs in Python, for every packet

    OFFER = "offer"
    ALLOC = "alloc"
    RENEW = "renew"
    REUSE = "reuse"
    NAK = "nak"
    RELEASE = "release"
    DECLINE = "decline"
    INFORM = "inform"
    CONFIRM = "confirm"
    REGISTER = "register"
    SILENT = "silent"
    FULL = "full"  # silence, because every pool that is open to the client is full
    NO_POOL = "no pool"  # silence, because no pool is open to the client


@attrs.define(eq=False)
class Reply4:
    """What is answered, before it has bytes. `lifetime` (seconds) is None in answers that carry no lease.

    `host_name` and `fqdn` are the payloads of options 12 and 81 in the answer, None for none.
    """

    type: int
    subnet: Subnet4 | None
    classes: tuple[str, ...]
    pool: Pool4 | None = None
    host: Host | None = None
    yiaddr: int = 0
    ciaddr: int = 0
    lifetime: int | None = None
    host_name: bytes | None = None
    fqdn: bytes | None = None


@attrs.define(eq=False)
class Decision4:
    """The outcome for one message. `reply` is None for silence; `unit` is empty where no lease changes.

    `offered` is an address that was taken from a pool in its turn, so that the next client gets the one behind it.
    `names` is what DNS is to hear once the leases are stored. `reason` is the tail of Kea's statistic
    (`admin-filtered`) where a message was dropped that looked well when it was opened; empty where silence is the
    answer. `conflict` is the subnet where somebody else holds the address reserved for the client, 0 for none. `own` is
    the lease that the client has, or had, of an address it is offered.
    """

    query: Query4
    event: Event
    lease: Lease4 | None
    unit: Unit
    offered: int | None
    reply: Reply4 | None
    because: str = ""
    names: tuple[NameChange, ...] = ()
    reason: str = ""
    conflict: int = 0
    own: Lease4 | None = None


def silent(query: Query4, because: str, event: Event = Event.SILENT, reason: str = "") -> Decision4:
    """No answer, no change, and why."""
    if query.trace:
        query.trace.note("answer", "", "silence", because)
    return Decision4(query, event, None, (), None, None, because, (), reason)
