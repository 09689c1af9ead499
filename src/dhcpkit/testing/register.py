"""Tells Hypothesis how dhcpkit's types are drawn: `st.from_type(Packet4)` works once dhcpkit is installed.

Hypothesis calls `register` through the entry point in pyproject.toml while it is imported itself, perhaps by the very
module that holds the strategies: so each is looked up when it is drawn from, not before. The classes that are values of
kinds are found in the options declared: a new one needs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from dhcpkit.alloc import Lease4, Network
from dhcpkit.testing.declared import kinds, value_classes
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6, Relay6
from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.nested6 import Options6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.routes import Route

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["register"]

_TYPES: Final = (
    (Arrival, "packets", "arrivals"),
    (Arrival6, "packets", "arrivals6"),
    (ClientId, "identities", "client_ids"),
    (Duid, "identities", "duids"),
    (Lease4, "leases", "leases4"),
    (Network, "scenarios", "networks"),
    (Option, "values", "options"),
    (Options6, "values", "options6"),
    (Packet4, "packets", "packets4"),
    (Packet6, "packets", "packets6"),
    (Relay6, "packets", "relays6"),
    (Route, "values", "routes"),
    (SubOptions, "values", "sub_options"),
)


def register() -> None:
    """Registers a strategy for each type that a test may ask for by its type."""
    # At the top of this module it would be imported by what it imports, where a test imports this module first.
    from hypothesis import strategies as st  # noqa: PLC0415

    made: dict[type, dict[tuple[Kind[Any], Space | None], None]] = {}
    for kind, space in kinds():
        for found in value_classes(kind):
            made.setdefault(found, {})[kind, space] = None
    for found, declared in made.items():
        st.register_type_strategy(found, _of_kinds(declared))
    for named, module, name in _TYPES:
        st.register_type_strategy(named, _late(module, name))


def _of_kinds(declared: Iterable[tuple[Kind[Any], Space | None]]) -> Callable[[Any], SearchStrategy[Any]]:
    """Values of any of the kinds whose values are of one class."""

    def draw(_kind: Any) -> SearchStrategy[Any]:
        from hypothesis import strategies as st  # noqa: PLC0415  # as above

        kind_values = import_module("dhcpkit.testing.values").kind_values
        return st.one_of([kind_values(kind, space) for kind, space in declared])

    return draw


def _late(module: str, name: str) -> Callable[[Any], SearchStrategy[Any]]:
    def draw(_kind: Any) -> SearchStrategy[Any]:
        strategy: SearchStrategy[Any] = getattr(import_module(f"dhcpkit.testing.{module}"), name)()
        return strategy

    return draw
