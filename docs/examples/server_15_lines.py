"""A DHCPv4 server for one network that has nothing to say to printers."""

import asyncio

from dhcpkit.alloc import Network, Pool4, Subnet4
from dhcpkit.backends import MemoryStore
from dhcpkit.hooks import Hooks, NextStep, Pkt4Receive
from dhcpkit.server import Server4
from dhcpkit.wire.options4 import HOST_NAME, ROUTERS

hooks = Hooks()


@hooks.on(Pkt4Receive)
def no_printers(point: Pkt4Receive) -> NextStep | None:
    return NextStep.DROP if (point.query.get(HOST_NAME) or "").startswith("printer") else None


lab = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.99")]).with_option(ROUTERS, "192.0.2.1")
asyncio.run(Server4(Network([lab]), MemoryStore(), hooks=hooks, interfaces=["lab0"]).serve())
