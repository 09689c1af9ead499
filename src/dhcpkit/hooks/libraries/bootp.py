"""BOOTP clients, served as if they had sent a DHCPREQUEST (RFC 951, with the vendor extensions of RFC 1497).

Kea's `bootp`. Such a client is in class BOOTP, whose leases never end; its answer has no options of DHCP's own, and 300
octets at least. Other messages cost one look at their type, and their answers one look into a dict.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.hooks.answers import Answer4
from dhcpkit.hooks.catalogue import Room
from dhcpkit.hooks.commands import DHCP4
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Buffer4Receive, Pkt4Send
from dhcpkit.wire.build4 import BOOTP_MIN
from dhcpkit.wire.dhcp4 import MessageType, Op, Packet4
from dhcpkit.wire.errors import WireError

__all__ = ["Bootp"]

_log = Room("bootp-hooks", 4)
TRACE: Final = 40  # Kea's debug level of what the library does with each message

BOOTP_BOOTP_QUERY = _log.debug(
    "BOOTP_BOOTP_QUERY", TRACE, "recognized a BOOTP query: {client}",
    "A message without a message type (53) is served as a DHCPREQUEST, in class BOOTP.",
)  # fmt: skip
BOOTP_LOAD = _log.info("BOOTP_LOAD", "Bootp hooks library has been loaded", "BOOTP clients are served from now on.")
BOOTP_PACKET_PACK = _log.debug(
    "BOOTP_PACKET_PACK", TRACE, "{client}: preparing on-wire format of the packet to be sent",
    "Options of DHCP's own are taken out of an answer to a BOOTP client, and it is filled up to 300 octets.",
)  # fmt: skip
BOOTP_UNLOAD = _log.info("BOOTP_UNLOAD", "Bootp hooks library has been unloaded", "BOOTP clients are not served now.")

REQUEST: Final = MessageType.REQUEST.value
BOOTREQUEST: Final = Op.REQUEST.value
TYPE: Final = 53
DHCP_ONLY: Final = frozenset((50, 51, 52, TYPE, 54, 55, 56, 57, 58, 59, 61))  # RFC 1533 9: DHCP's own options


class Bootp(Library):
    """Serves BOOTP clients (Kea: `libdhcp_bootp.so`)."""

    name = "bootp"
    servers = frozenset((DHCP4,))

    async def load(self) -> None:
        """Nothing is to be got ready."""
        BOOTP_LOAD.log()

    async def unload(self) -> None:
        """Nothing is left to do."""
        BOOTP_UNLOAD.log()

    @on(Buffer4Receive)
    def recognize(self, point: Buffer4Receive) -> None:
        """Reads the message, and makes it a DHCPREQUEST where it has no type."""
        packet = point.query
        if packet is None:
            try:
                packet = Packet4.parse(point.data, point.arrival)
            except WireError:
                return  # the server comes to the same, and counts it
            point.query = packet
        if packet.type == 0 and packet.op == BOOTREQUEST and TYPE not in packet.options:
            packet.type = REQUEST
            if BOOTP_BOOTP_QUERY.on:
                BOOTP_BOOTP_QUERY.log(client=packet)

    @on(Pkt4Send)
    def strip(self, point: Pkt4Send) -> None:
        """Makes the answer one of BOOTP."""
        packet = point.outcome.packet
        if packet.type != REQUEST or TYPE in packet.options:
            return
        if BOOTP_PACKET_PACK.on:
            BOOTP_PACKET_PACK.log(client=packet)
        answer = Answer4(point.data)
        for code in DHCP_ONLY.intersection(answer.packet.options):
            answer.remove(code)
        point.data = answer.octets().ljust(BOOTP_MIN, b"\0")
