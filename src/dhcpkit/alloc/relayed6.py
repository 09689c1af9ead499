"""What a lease keeps of the relays its client is behind: `store-extended-info`, in the form of Kea 3.

JSON text for a lease's user context. This module does not know leases or decisions.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from dhcpkit.wire.dhcp6 import Packet6, Relay6
from dhcpkit.wire.nested6 import options_octets6

__all__ = ["relay_info"]

RELAY_MSG, REMOTE_ID, RELAY_ID = 9, 37, 53
SHOWN: Final = (("relay-id", RELAY_ID), ("remote-id", REMOTE_ID))


def relay_info(packet: Packet6) -> str:
    """The relays of a message, the server's neighbour first; "" for a client without relay."""
    if not packet.relays:
        return ""
    shown = ", ".join(map(_shown, packet.relays))
    return f'{{ "ISC": {{ "relay-info": [ {shown} ] }} }}'


def _shown(relay: Relay6) -> str:
    """One relay; members in the order of their names, octets in capitals (Kea)."""
    link, peer = IPv6Address(relay.link), IPv6Address(relay.peer)
    fields = [f'"hop": {relay.hops}', f'"link": "{link}"']
    kept = sorted((item for item in relay.options.items() if item[0] != RELAY_MSG), key=lambda item: item[0])
    if kept:
        fields.append(f'"options": "0x{options_octets6(kept).hex().upper()}"')
    fields.append(f'"peer": "{peer}"')
    for name, code in SHOWN:
        octets = relay.options.first.get(code)
        if octets:
            fields.append(f'"{name}": "{octets.hex().upper()}"')
    return f"{{ {', '.join(fields)} }}"
