"""The control plane: what sends commands to a server, and how they come in."""

from dhcpkit.api.feed import Feed, Limits, NotJson
from dhcpkit.api.request import BadRequest, Caller, Request, read_request
from dhcpkit.api.unix import Ask, SocketInUse, UnixSocket

__all__ = [
    "Ask",
    "BadRequest",
    "Caller",
    "Feed",
    "Limits",
    "NotJson",
    "Request",
    "SocketInUse",
    "UnixSocket",
    "read_request",
]
