"""Tells Hypothesis how dhcpkit's types are drawn: `st.from_type(Packet4)` works once dhcpkit is installed.

Hypothesis calls `register` through the entry point in pyproject.toml while it is imported itself, perhaps by the very
module that holds the strategies: so each is looked up when it is drawn from, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hypothesis import strategies as st

from dhcpkit.alloc import Lease4, Network
from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options import Option
from dhcpkit.wire.routes import Route

__all__ = ["register"]


def register() -> None:
    """Registers a strategy for each type that a test may ask for by its type."""
    for kind, module, name in (
        (Arrival, "strategies", "arrivals"),
        (ClientFqdn, "strategies", "client_fqdns"),
        (ClientId, "strategies", "client_ids"),
        (Duid, "strategies", "duids"),
        (Lease4, "leases", "leases4"),
        (Network, "scenarios", "networks"),
        (Option, "strategies", "options"),
        (Packet4, "strategies", "packets4"),
        (Route, "strategies", "routes"),
        (SubOptions, "strategies", "sub_options"),
    ):
        st.register_type_strategy(kind, _late(module, name))


def _late(module: str, name: str) -> Callable[[Any], st.SearchStrategy[Any]]:
    def draw(_kind: Any) -> st.SearchStrategy[Any]:
        strategy: st.SearchStrategy[Any] = getattr(import_module(f"dhcpkit.testing.{module}"), name)()
        return strategy

    return draw
