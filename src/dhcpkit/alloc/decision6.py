"""A DHCPv6 decision as a value: what is answered for each identity association, and which leases change.

This module does not know how decisions are made.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs

from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.name_change import NameChange
from dhcpkit.alloc.network6 import PdPool, Pool6, Subnet6
from dhcpkit.alloc.query6 import Query6
from dhcpkit.alloc.view6 import Unit6
from dhcpkit.wire.identity6 import StatusCode6

__all__ = ["Answered6", "Decision6", "Granted6", "Reply6", "silent6"]


class Granted6(NamedTuple):
    """An address or prefix in an answer. Lifetimes in seconds; both 0 say that the client must not use it any more.

    `excluded` is what a client must leave out of a prefix (RFC 6603); length 0 for nothing.
    """

    address: int
    prefix_len: int
    preferred: int
    valid: int
    pool: Pool6 | PdPool | None = None
    excluded: int = 0
    excluded_len: int = 0


class Answered6(NamedTuple):
    """The answer for one identity association: what is granted, or a status that says why nothing is."""

    type: LeaseType
    iaid: int
    t1: int = 0
    t2: int = 0
    granted: tuple[Granted6, ...] = ()
    status: StatusCode6 | None = None


@attrs.define(eq=False)
class Reply6:
    """What is answered, before it has bytes. `fqdn` is the payload of option 39 in the answer, None for none.

    `options` False: nothing configured goes out with it. `registered` is the payload of an IAADDR that stands alone.
    """

    type: int
    subnet: Subnet6 | None
    classes: tuple[str, ...]
    answered: tuple[Answered6, ...] = ()
    status: StatusCode6 | None = None
    host: Host6 | None = None
    rapid_commit: bool = False
    fqdn: bytes | None = None
    options: bool = True
    registered: bytes | None = None


@attrs.define(eq=False)
class Decision6:
    """The outcome for one message. `reply` is None for silence; `unit` is empty where no lease changes.

    `offered` are addresses and prefixes that were taken from pools in their turn; `events` says what happened, once
    for each lease it happened to. `reason` is the tail of Kea's statistic (`admin-filtered`) where a message was
    dropped that looked well when it was opened, as `Dropped.reason` is; empty where silence is the answer. `names` is
    what DNS is to hear once the leases are stored.
    """

    query: Query6
    events: tuple[Event, ...]
    unit: Unit6
    offered: tuple[int, ...]
    reply: Reply6 | None
    because: str = ""
    reason: str = ""
    names: tuple[NameChange, ...] = ()


def silent6(query: Query6, because: str, event: Event = Event.SILENT, reason: str = "") -> Decision6:
    """No answer, no change, and why."""
    if query.trace:
        query.trace.note("answer", "", "silence", because)
    return Decision6(query, (event,), (), (), None, because, reason)
