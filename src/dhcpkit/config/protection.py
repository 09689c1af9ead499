"""The document of what a server does against clients and relays that do harm: keys of dhcpkit's own, all in one map.

A file without the map is a file of Kea. What the limits mean is `alloc.guards`'s business; this module only reads them.
"""

from __future__ import annotations

from dhcpkit.alloc.guards import RELAY_LEVELS, Protection
from dhcpkit.config.checks import address4, address6
from dhcpkit.config.param import document, param
from dhcpkit.config.surroundings import U32, CommentedDoc
from dhcpkit.wire.dhcp6 import RELAYS_MAX

__all__ = ["ProtectionDoc", "protection_of", "relay_address"]

AMPLIFICATION_MAX = 1000  # times the length of what was asked: more than any two messages have between them


def relay_address(text: str) -> int:
    """A relay agent's address, of either family. Raises Unfit."""
    return address6(text) if ":" in text else address4(text)


@document("protection")
class ProtectionDoc(CommentedDoc):
    """Limits on what clients and relay agents may take. dhcpkit's own; 0 is no limit."""

    leases_per_port: int = param(
        default=0,
        low=0,
        high=U32,
        doc="The most leases of one port: of what a relay agent calls circuit and remote identifier (82.1, 82.2; DHCPv6"
        " 18, 37). Who has a lease keeps it.",
    )
    leases_per_relay: int = param(default=0, low=0, high=U32, doc="The most leases of clients behind one relay agent.")
    leases_per_subnet: int = param(default=0, low=0, high=U32, doc="The most leases of each subnet.")
    declines_per_port: int = param(
        default=0,
        low=0,
        high=U32,
        doc="The most addresses that may be declined from one port within a minute; 5 is plenty. Where no relay agent"
        " tells of ports, the server's interface counts as one.",
    )
    probation_share: float = param(
        default=0.0,
        low=0,
        high=1,
        doc="The part of a pool that may be on probation because clients of one port declined it, such as 0.1.",
    )
    same_relay_releases: bool = param(
        default=False,
        doc="Whether a release that comes through a relay agent must come through the one, and from the port, that the"
        " lease was given on.",
    )
    clone_alternations: int = param(
        default=0,
        low=0,
        high=U32,
        doc="How often a client may change ports within a minute before it is reported as being in several places at"
        " once; 3 is plenty.",
    )
    only_known_relays: bool = param(
        default=False,
        doc="Whether messages through relay agents are dropped that neither `relay` of a subnet or shared network nor"
        " `relays` lists: DHCPv4 looks at giaddr, DHCPv6 at the sender.",
    )
    relays: tuple[str, ...] = param(default=(), check=relay_address, doc="Relay agents known besides those of subnets.")
    relay_levels: int = param(
        default=RELAY_LEVELS,
        low=1,
        high=RELAYS_MAX,
        doc="DHCPv6: the most relay agents a message may have passed (RFC 8415 7.6).",
    )
    amplification: int = param(
        default=3,
        low=0,
        high=AMPLIFICATION_MAX,
        doc="How many times as long as the message an answer may be that goes to a sender nobody vouches for.",
    )


def protection_of(doc: ProtectionDoc) -> Protection:
    """The limits of a document."""
    return Protection(
        leases_per_port=doc.leases_per_port,
        leases_per_relay=doc.leases_per_relay,
        leases_per_subnet=doc.leases_per_subnet,
        declines_per_port=doc.declines_per_port,
        probation_share=doc.probation_share,
        same_relay_releases=doc.same_relay_releases,
        clone_alternations=doc.clone_alternations,
        only_known_relays=doc.only_known_relays,
        relays=frozenset(map(relay_address, doc.relays)),
        relay_levels=doc.relay_levels,
        amplification=doc.amplification,
    )
