"""The server: sockets, batches of exchanges, timers, statistics, log; and the program under Kea's name.

`await Server4(network, MemoryStore(), interfaces=["eth0"]).serve()` is a whole server; `Server6` is one of DHCPv6.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dhcpkit.server.listening import ServiceUnavailable
    from dhcpkit.server.server import Listening
    from dhcpkit.server.server4 import Server4
    from dhcpkit.server.server6 import Server6

__all__ = ["Listening", "Server4", "Server6", "ServiceUnavailable"]

_HOMES = {
    "Listening": "dhcpkit.server.server",
    "Server4": "dhcpkit.server.server4",
    "Server6": "dhcpkit.server.server6",
    "ServiceUnavailable": "dhcpkit.server.listening",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for then: `kea-dhcp4 -v` answers without loading a server."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # as above

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
