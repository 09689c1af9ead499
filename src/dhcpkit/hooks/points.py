"""Hook points outside the engine: what happens to packets before a decision and to answers after it.

Those inside the engine are declared in `dhcpkit.alloc.points`. Names are Kea's.
"""

from __future__ import annotations

import attrs

from dhcpkit.alloc.answer import Outcome4
from dhcpkit.alloc.points import Point
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["Pkt4Receive", "Pkt4Send"]


@attrs.define
class Pkt4Receive(Point):
    """A message was parsed and nothing decided yet. A callout may put another packet in its place. DROP: no answer."""

    kea_name = "pkt4_receive"
    query: Packet4


@attrs.define
class Pkt4Send(Point):
    """An answer is about to leave; `data` is its payload and may be replaced. SKIP, DROP: it is not sent."""

    kea_name = "pkt4_send"
    outcome: Outcome4
    data: bytes
