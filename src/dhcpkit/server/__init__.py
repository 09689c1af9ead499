"""The server: sockets, batches of exchanges, timers, statistics, log; and the program under Kea's name.

`await Server4(network, MemoryStore(), interfaces=["eth0"]).serve()` is a whole server.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dhcpkit.server.server4 import Listening, Server4
    from dhcpkit.server.sockets import ServiceUnavailable

__all__ = ["Listening", "Server4", "ServiceUnavailable"]

_HOMES = {
    "Listening": "dhcpkit.server.server4",
    "Server4": "dhcpkit.server.server4",
    "ServiceUnavailable": "dhcpkit.server.sockets",
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
