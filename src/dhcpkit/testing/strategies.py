"""Hypothesis strategies for what is on the wire, all in one place: option values, options, packets, packets gone wrong.

Each is a function named after what it draws. They are built of one another, so that a failing example shrinks to a
small message of plain values; `st.from_type(Packet6)` finds them too. Where they are made:

- `identities`: `duids`, `client_ids`, `hwaddrs`;
- `values`: `option_values(option)`, `kind_values(kind)`, `options(space)`, `option_data(space)`, `options6`, ...;
- `packets`: `packets4`, `packets6`, `relayed(packets, depth)`, `arrivals`, `arrivals6`;
- `damage`: `malformed(packets)`.
"""

from dhcpkit.testing.damage import malformed
from dhcpkit.testing.identities import client_ids, duids, hwaddrs
from dhcpkit.testing.packets import arrivals, arrivals6, packets4, packets6, relayed, relays6
from dhcpkit.testing.values import (
    client_fqdns,
    declared_values,
    domain_names,
    kind_values,
    option_data,
    option_values,
    options,
    options6,
    routes,
    service_parameters,
    sub_options,
)

__all__ = [
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
    "service_parameters",
    "sub_options",
]
