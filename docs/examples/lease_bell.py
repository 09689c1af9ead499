"""A hook library: tells a collector of every lease, before the client hears of it, and answers a command."""

import asyncio
import json
from ipaddress import ip_address
from typing import Any

from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks import Leases4Committed, Leases6Committed, Library, NextStep, Pkt4Receive, on
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.commands import Access, Answer, command

__all__ = ["LeaseBell", "LeaseBellParameters"]

_log = Both("lease-bell")
LEASE_BELL_OPEN = _log.info(
    "LEASE_BELL_OPEN",
    "leases are told to {host} port {port}",
    "The library lease_bell is loaded. From now on a collector hears of every lease.",
)


@document("parameters")
class LeaseBellParameters(Document):
    """What lease_bell is told."""

    host: str = param(default="127.0.0.1", doc="The collector's address.")
    port: int = param(low=1, high=65535, doc="The collector's UDP port.")
    ignored: tuple[str, ...] = param(default=(), doc="Hardware addresses of clients that are not served at all.")


class LeaseBell(Library):
    """Tells a collector of every lease."""

    name = "lease_bell"
    parameters = LeaseBellParameters
    deadline = 2.0  # seconds: a client waits no longer for the collector

    async def load(self) -> None:
        """Opens the socket. What is raised here keeps the configuration from coming into force."""
        try:
            self._ignored = {bytes.fromhex(each.replace(":", "")) for each in self.told.ignored}
        except ValueError as error:
            raise DhcpkitError(f"ignored: {error}") from error
        loop = asyncio.get_running_loop()
        where = self.told.host, self.told.port
        self._wire, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=where)
        self._count = 0
        LEASE_BELL_OPEN.of(self.operated.family).log(host=self.told.host, port=self.told.port)

    async def unload(self) -> None:
        """Closes the socket."""
        self._wire.close()

    @on(Pkt4Receive)
    def look(self, point: Pkt4Receive) -> NextStep | None:
        """A plain callout decides at once. What it leaves in `context` is there for later callouts of this exchange."""
        if point.query.chaddr in self._ignored:
            return NextStep.DROP
        point.context["lease_bell"] = point.query.arrival.interface
        return None

    @on(Leases4Committed)
    @on(Leases6Committed)
    async def tell(self, point: Leases4Committed | Leases6Committed) -> None:
        """A coroutine may wait: the answer to the client waits with it, and other clients are served meanwhile."""
        for lease in point.leases:
            told: dict[str, Any] = {
                "address": str(ip_address(lease.address)),
                "seconds": lease.valid_lifetime,
                "interface": point.context.get("lease_bell", ""),
            }
            self._wire.sendto(json.dumps(told).encode())
            self._count += 1
        await asyncio.sleep(0)  # here an answer of the collector could be waited for

    @command("lease-bell-count", Access.READ, since="0.1")
    def count(self) -> Answer:
        """Tells how many leases the collector was told of."""
        return Answer(text=f"{self._count} leases were told", arguments={"count": self._count})
