"""Callouts: take part in what the server does with one function and one decorator."""

from dhcpkit.alloc.points import (
    Lease4Decline,
    Lease4Expire,
    Lease4Release,
    Lease4Renew,
    Lease4Select,
    NextStep,
    Point,
    Subnet4Select,
)
from dhcpkit.hooks.points import Pkt4Receive, Pkt4Send
from dhcpkit.hooks.registry import Callout, Exchange, HookError, Hooks

__all__ = [
    "Callout",
    "Exchange",
    "HookError",
    "Hooks",
    "Lease4Decline",
    "Lease4Expire",
    "Lease4Release",
    "Lease4Renew",
    "Lease4Select",
    "NextStep",
    "Pkt4Receive",
    "Pkt4Send",
    "Point",
    "Subnet4Select",
]
