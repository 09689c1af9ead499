"""Tells Hypothesis how dhcpkit's wire types are drawn: `st.from_type(Packet4)` works once dhcpkit is installed.

Hypothesis calls `register` through the entry point in pyproject.toml.
"""

from __future__ import annotations

from hypothesis import strategies as st

from dhcpkit.testing import strategies
from dhcpkit.wire.client_fqdn import ClientFqdn
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options import Option
from dhcpkit.wire.routes import Route

__all__ = ["register"]


def register() -> None:
    """Registers a strategy for each type of `dhcpkit.wire` that a test may ask for by its type."""
    st.register_type_strategy(Arrival, strategies.arrivals())
    st.register_type_strategy(ClientFqdn, strategies.client_fqdns())
    st.register_type_strategy(ClientId, strategies.client_ids())
    st.register_type_strategy(Duid, strategies.duids())
    st.register_type_strategy(Option, strategies.options())
    st.register_type_strategy(Packet4, strategies.packets4())
    st.register_type_strategy(Route, strategies.routes())
    st.register_type_strategy(SubOptions, strategies.sub_options())
