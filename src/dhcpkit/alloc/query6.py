"""A DHCPv6 message opened: who asks, for which identity associations, on which subnet. Values only.

How a message is opened is `open6`'s business; this module does not know leases, stores or sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import attrs

from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.alloc.trace import Trace
from dhcpkit.alloc.view6 import Key6
from dhcpkit.wire.dhcp6 import Packet6

__all__ = ["Asked6", "Hint6", "Query6"]


class Hint6(NamedTuple):
    """An address or a prefix in an identity association: what the client has, or would like. 0 is no preference.

    Lifetimes are seconds; `prefix_len` is 128 for an address.
    """

    address: int
    prefix_len: int = 128
    preferred: int = 0
    valid: int = 0


class Asked6(NamedTuple):
    """One identity association of a message, in the order they came."""

    type: LeaseType
    iaid: int
    hints: tuple[Hint6, ...] = ()
    t1: int = 0
    t2: int = 0


@attrs.define(eq=False)
class Query6:
    """A message with what it asks for. Octet strings are empty for none.

    `siblings` are the subnets of the selected one's shared network, the selected one first; empty without a subnet.
    `hwaddr` is what `mac-sources` found, with its hardware type and Kea's number of the source.
    """

    packet: Packet6
    network: Network6
    type: int
    duid: bytes
    server_id: bytes | None
    asked: tuple[Asked6, ...]
    classes: tuple[str, ...]
    subnet: Subnet6 | None
    siblings: tuple[Subnet6, ...]
    hwaddr: bytes
    hwtype: int
    hwaddr_source: int
    requested: frozenset[int]
    """The codes of the option request option (6)."""
    rapid_commit: bool
    trace: Trace
    early: Host6 | None = None
    """The global reservation, where the configuration wants it looked up before a subnet is selected."""
    chance: int | None = None
    """What random orders of this message's plans are made from: drawn once, so that planning again tries the same."""
    starts: dict[tuple[object, ...], int] = attrs.field(factory=dict)
    """Where searches of subnets and pools began: remembered for the same reason."""

    @property
    def identity(self) -> bytes:
        """Who asks, for telling whether two messages come from one client: its address, where it gives no DUID."""
        if self.duid:
            return self.duid
        packet = self.packet
        address = packet.relays[-1].peer if packet.relays else packet.arrival.source
        return address.to_bytes(16, "big")

    def __str__(self) -> str:
        """The client as Kea's log names it."""
        duid = self.duid.hex(":") if self.duid else "no info"
        return f"duid=[{duid}], tid={self.packet.xid:#x}"

    def wants(self) -> Iterable[Key6]:
        """The leases worth loading before planning: the client's own, and those it names."""
        if self.duid:
            yield ("duid", self.duid)
        for asked in self.asked:
            for hint in asked.hints:
                if hint.address:
                    yield ("address", hint.address)
