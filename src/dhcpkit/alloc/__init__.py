"""Decisions about addresses. Pure: packet, network, lease view, time and chance are arguments."""

from dhcpkit.alloc.host import Host, Hosts, HostView
from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.network import ClientClass, Level, Lifetimes, Network, Pool4, SharedNetwork4, Subnet4
from dhcpkit.alloc.options import NO_OPTIONS, OptionValue, OptionValues
from dhcpkit.alloc.pick import Allocator, Iterative
from dhcpkit.alloc.trace import NO_TRACE, Note, Place, Trace
from dhcpkit.alloc.view import Change, Key, LeaseView4, NotLoaded, Overlay4, Sweep, Unit

__all__ = [
    "INFINITE",
    "NO_OPTIONS",
    "NO_TRACE",
    "Allocator",
    "Change",
    "ClientClass",
    "Host",
    "HostView",
    "Hosts",
    "Iterative",
    "Key",
    "Lease4",
    "LeaseState",
    "LeaseView4",
    "Level",
    "Lifetimes",
    "Network",
    "NotLoaded",
    "Note",
    "OptionValue",
    "OptionValues",
    "Overlay4",
    "Place",
    "Pool4",
    "SharedNetwork4",
    "Subnet4",
    "Sweep",
    "Trace",
    "Unit",
]
