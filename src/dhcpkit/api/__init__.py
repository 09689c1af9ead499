"""The control plane: what sends commands to a server, and how they come in."""

from dhcpkit.api.access import Admission, Basic
from dhcpkit.api.agent import Agent
from dhcpkit.api.client import Client, Denied, NotAnAnswer, Place, Unreachable, read_answers
from dhcpkit.api.feed import Feed, Limits, NotJson, parse_text
from dhcpkit.api.http import AskMany, HttpSocket
from dhcpkit.api.request import BadRequest, Caller, Request, read_request
from dhcpkit.api.unix import Ask, SocketInUse, UnixSocket

__all__ = [
    "Admission",
    "Agent",
    "Ask",
    "AskMany",
    "BadRequest",
    "Basic",
    "Caller",
    "Client",
    "Denied",
    "Feed",
    "HttpSocket",
    "Limits",
    "NotAnAnswer",
    "NotJson",
    "Place",
    "Request",
    "SocketInUse",
    "UnixSocket",
    "Unreachable",
    "parse_text",
    "read_answers",
    "read_request",
]
