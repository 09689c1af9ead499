"""For your own tests: a laboratory for engines, contracts for stores, strategies for hypothesis, a simulated client.

Each name is imported when it is asked for: only what draws random values needs hypothesis (`dhcpkit-sdk[testing]`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dhcpkit.testing.client import Client4, NoAnswer, Refused
    from dhcpkit.testing.declared import kinds, spaces, value_classes
    from dhcpkit.testing.documents import configurations, json_texts
    from dhcpkit.testing.failing_disk import FailingDisk
    from dhcpkit.testing.leases import leases4
    from dhcpkit.testing.machine import (
        Client,
        Decline,
        Discover,
        Inform,
        Lab4,
        LabStore,
        Rebind,
        Reboot,
        Reclaim,
        Release,
        Renew,
        Request,
        Snatch,
        Step,
        Wait,
        message4,
    )
    from dhcpkit.testing.reference_store import PartialView, ReferenceStore
    from dhcpkit.testing.remote_store import Line, RemoteStore, Truth
    from dhcpkit.testing.scenarios import clients, conversations, networks, steps
    from dhcpkit.testing.store_contract import LeaseStoreContract
    from dhcpkit.testing.strategies import (
        arrivals,
        arrivals6,
        client_fqdns,
        client_ids,
        declared_values,
        domain_names,
        duids,
        hwaddrs,
        kind_values,
        malformed,
        option_data,
        option_values,
        options,
        options6,
        packets4,
        packets6,
        relayed,
        relays6,
        routes,
        sub_options,
    )

_WHERE: Final = {
    "client": (
        "Client4",
        "NoAnswer",
        "Refused",
    ),
    "declared": (
        "kinds",
        "spaces",
        "value_classes",
    ),
    "documents": (
        "configurations",
        "json_texts",
    ),
    "failing_disk": ("FailingDisk",),
    "leases": ("leases4",),
    "machine": (
        "Client",
        "Decline",
        "Discover",
        "Inform",
        "Lab4",
        "LabStore",
        "Rebind",
        "Reboot",
        "Reclaim",
        "Release",
        "Renew",
        "Request",
        "Snatch",
        "Step",
        "Wait",
        "message4",
    ),
    "scenarios": (
        "clients",
        "conversations",
        "networks",
        "steps",
    ),
    "reference_store": (
        "PartialView",
        "ReferenceStore",
    ),
    "remote_store": (
        "Line",
        "RemoteStore",
        "Truth",
    ),
    "store_contract": ("LeaseStoreContract",),
    "strategies": (
        "arrivals",
        "arrivals6",
        "client_fqdns",
        "client_ids",
        "declared_values",
        "domain_names",
        "duids",
        "hwaddrs",
        "kind_values",
        "malformed",
        "option_data",
        "option_values",
        "options",
        "options6",
        "packets4",
        "packets6",
        "relayed",
        "relays6",
        "routes",
        "sub_options",
    ),
}
_MODULES: Final = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "Client",
    "Client4",
    "Decline",
    "Discover",
    "FailingDisk",
    "Inform",
    "Lab4",
    "LabStore",
    "LeaseStoreContract",
    "Line",
    "NoAnswer",
    "PartialView",
    "Rebind",
    "Reboot",
    "Reclaim",
    "ReferenceStore",
    "Refused",
    "Release",
    "RemoteStore",
    "Renew",
    "Request",
    "Snatch",
    "Step",
    "Truth",
    "Wait",
    "arrivals",
    "arrivals6",
    "client_fqdns",
    "client_ids",
    "clients",
    "configurations",
    "conversations",
    "declared_values",
    "domain_names",
    "duids",
    "hwaddrs",
    "json_texts",
    "kind_values",
    "kinds",
    "leases4",
    "malformed",
    "message4",
    "networks",
    "option_data",
    "option_values",
    "options",
    "options6",
    "packets4",
    "packets6",
    "relayed",
    "relays6",
    "routes",
    "spaces",
    "steps",
    "sub_options",
    "value_classes",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
