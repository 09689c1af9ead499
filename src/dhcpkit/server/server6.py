"""A DHCPv6 server: `await Server6(network, MemoryStore6(), interfaces=["eth0"]).serve()` is a whole one.

This module does not know configuration files, processes or signals.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from dhcpkit.alloc.network6 import Network6
from dhcpkit.backends.protocols import LeaseStore6
from dhcpkit.hooks import Hooks
from dhcpkit.server.clock import Clock
from dhcpkit.server.expiry import Reclaiming
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.listening import Receive
from dhcpkit.server.name_changes import NameChanges
from dhcpkit.server.sanity import SanityChecks
from dhcpkit.server.server import Listening, ServerOf
from dhcpkit.server.sockets6 import SERVER_PORT6, Sockets6

__all__ = ["Server6"]


class Server6(ServerOf[Network6]):
    """Serves one network from one store until `stop` is called or its task is cancelled.

    An interface is served on its link-local address and the groups of servers; `eth0/2001:db8::1` names an address of
    it to be served besides.
    """

    def __init__(  # noqa: PLR0913  # a server's parts, each with a default
        self,
        network: Network6,
        store: LeaseStore6,
        *,
        interfaces: Iterable[str] | Listening = (),
        hooks: Hooks | None = None,
        port: int = SERVER_PORT6,
        client_port: int = 0,
        reclaiming: Reclaiming | None = None,
        lfc_interval: int = 0,
        sanity: SanityChecks | None = None,
        clock: Clock | None = None,
        rng: Random | None = None,
        names: NameChanges | None = None,
    ) -> None:
        def open_sockets(listening: Listening, receive: Receive) -> Sockets6:
            return Sockets6(
                listening.interfaces, receive, redetect=listening.redetect, port=port, client_port=client_port
            )

        super().__init__(
            FAMILY6,
            network,
            store,
            open_sockets,
            interfaces=interfaces,
            hooks=hooks,
            reclaiming=reclaiming,
            lfc_interval=lfc_interval,
            sanity=sanity,
            clock=clock,
            rng=rng,
            names=names,
        )
