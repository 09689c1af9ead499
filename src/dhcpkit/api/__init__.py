"""The control plane: what sends commands to a server, and how they come in."""

from dhcpkit.api.access import Admission, Basic
from dhcpkit.api.feed import Feed, Limits, NotJson
from dhcpkit.api.http import HttpSocket
from dhcpkit.api.request import BadRequest, Caller, Request, read_request
from dhcpkit.api.unix import Ask, SocketInUse, UnixSocket

__all__ = [
    "Admission",
    "Ask",
    "BadRequest",
    "Basic",
    "Caller",
    "Feed",
    "HttpSocket",
    "Limits",
    "NotJson",
    "Request",
    "SocketInUse",
    "UnixSocket",
    "read_request",
]
