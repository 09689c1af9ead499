"""A DHCPv4 server: `await Server4(network, MemoryStore(), interfaces=["eth0"]).serve()` is a whole one.

This module does not know configuration files, processes or signals.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from dhcpkit.alloc.network import Network
from dhcpkit.backends.protocols import LeaseStore4
from dhcpkit.hooks import Hooks
from dhcpkit.server.clock import Clock
from dhcpkit.server.expiry import Reclaiming
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.listening import Receive
from dhcpkit.server.name_changes import NameChanges
from dhcpkit.server.sanity import SanityChecks
from dhcpkit.server.server import Listening, ServerOf
from dhcpkit.server.sockets import SERVER_PORT, Sockets

__all__ = ["Server4"]


class Server4(ServerOf[Network]):
    """Serves one network from one store until `stop` is called or its task is cancelled."""

    def __init__(  # noqa: PLR0913  # a server's parts, each with a default
        self,
        network: Network,
        store: LeaseStore4,
        *,
        interfaces: Iterable[str] | Listening = (),
        hooks: Hooks | None = None,
        port: int = SERVER_PORT,
        client_port: int = 0,
        reclaiming: Reclaiming | None = None,
        lfc_interval: int = 0,
        sanity: SanityChecks | None = None,
        clock: Clock | None = None,
        rng: Random | None = None,
        names: NameChanges | None = None,
    ) -> None:
        def open_sockets(listening: Listening, receive: Receive) -> Sockets:
            return Sockets(
                *(listening.interfaces, receive),
                raw=listening.raw,
                routed=listening.routed,
                redetect=listening.redetect,
                port=port,
                client_port=client_port,
            )

        super().__init__(
            FAMILY4,
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
