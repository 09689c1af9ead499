"""Hook points outside the engine: what happens to packets before a decision and to answers after it.

Those inside the engine are declared in `dhcpkit.alloc.points` and `dhcpkit.alloc.points6`. Names are Kea's.
"""

from __future__ import annotations

import attrs

from dhcpkit.alloc.answer import Outcome4
from dhcpkit.alloc.answer6 import Outcome6
from dhcpkit.alloc.points import Pkt4Receive, Point
from dhcpkit.alloc.points6 import Pkt6Receive
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6

__all__ = [
    "Buffer4Receive",
    "Buffer4Send",
    "Buffer6Receive",
    "Buffer6Send",
    "Pkt4Receive",
    "Pkt4Send",
    "Pkt6Receive",
    "Pkt6Send",
]


@attrs.define
class Buffer4Receive(Point):
    """A datagram arrived; `data` is not looked at yet and may be replaced. DROP: as if it had not come.

    A callout that reads it itself puts the message into `query`.
    """

    kea_name = "buffer4_receive"
    data: bytes
    arrival: Arrival
    query: Packet4 | None = None


@attrs.define
class Pkt4Send(Point):
    """An answer is about to leave; `data` is its payload and may be replaced. SKIP, DROP: it is not sent."""

    kea_name = "pkt4_send"
    outcome: Outcome4
    data: bytes


@attrs.define
class Buffer4Send(Point):
    """As Pkt4Send, when its callouts have had their say. SKIP, DROP: it is not sent."""

    kea_name = "buffer4_send"
    outcome: Outcome4
    data: bytes


@attrs.define
class Buffer6Receive(Point):
    """A datagram arrived; `data` is not looked at yet and may be replaced. DROP: as if it had not come.

    A callout that reads it itself puts the message into `query`.
    """

    kea_name = "buffer6_receive"
    data: bytes
    arrival: Arrival6
    query: Packet6 | None = None


@attrs.define
class Pkt6Send(Point):
    """An answer is about to leave; `data` is its payload and may be replaced. SKIP, DROP: it is not sent."""

    kea_name = "pkt6_send"
    outcome: Outcome6
    data: bytes


@attrs.define
class Buffer6Send(Point):
    """As Pkt6Send, when its callouts have had their say. SKIP, DROP: it is not sent."""

    kea_name = "buffer6_send"
    outcome: Outcome6
    data: bytes
