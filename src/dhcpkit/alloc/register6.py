"""Addresses that clients made themselves and tell of: ADDR-REG-INFORM (RFC 9686). Pure; leases are arguments.

This module does not know packets' bytes, sockets or stores.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Decision6, Granted6, Reply6, silent6
from dhcpkit.alloc.host import GLOBAL
from dhcpkit.alloc.host6 import Host6View
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.name_change import naming_at
from dhcpkit.alloc.name_change6 import registered6
from dhcpkit.alloc.names6 import choose_name6, named_after
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.points6 import Addr6Register
from dhcpkit.alloc.query6 import Query6
from dhcpkit.alloc.view6 import Change6, LeaseView6
from dhcpkit.wire.dhcp6 import MessageType6

__all__ = ["register6"]

IA_TA, IAADDR = 4, 5
IAADDR_SIZE: Final = 24
IAID: Final = 0  # Kea: what a lease without identity association has


def register6(  # noqa: PLR0913, PLR0917  # the engine's whole world
    query: Query6, leases: LeaseView6, hosts: Host6View, now: int, consult: Consult | None, reply: Reply6
) -> Decision6:
    """Keeps an address in state registered, or says why not by silence (RFC 9686 4.2.1)."""
    network, subnet, packet = query.network, query.subnet, query.packet
    if not network.allow_address_registration:
        return silent6(query, "addresses are not registered here", reason="admin-filtered")
    if subnet is None:
        return silent6(query, "no subnet for this client")
    granted = _told(query)
    if isinstance(granted, str):
        return silent6(query, granted, reason="rfc-violation")
    address = granted.address
    before = leases.by_address(address)
    flaw = _taken(subnet, address, before, hosts)
    if flaw is not None:
        return silent6(query, flaw, reason="rfc-violation")
    name = choose_name6(packet, subnet, subnet.naming, reply.host, consult, reply.classes)
    if name.wanting and granted.valid:
        name = named_after(name, address, subnet.naming)
    lease = Lease6(
        address,
        query.duid,
        granted.valid,
        now,
        subnet.id,
        granted.preferred,
        LeaseType.IA_NA.value,
        IAID,
        fqdn_fwd=name.forward,
        fqdn_rev=name.reverse,
        hostname=name.hostname,
        hwaddr=query.hwaddr,
        state=LeaseState.REGISTERED.value,
        hwtype=query.hwtype,
        hwaddr_source=query.hwaddr_source,
    )
    reply.type = int(MessageType6.ADDR_REG_REPLY)
    reply.registered = packet.options.first[IAADDR]
    reply.fqdn = name.payload
    if consult is not None:
        point = Addr6Register(packet, lease, before)
        step = consult(point)
        if step is NextStep.DROP:
            return silent6(query, "a callout of addr6_register wants no answer")
        if step is NextStep.SKIP:
            return Decision6(query, (), (), (), reply, "a callout of addr6_register keeps it from being registered")
        lease = point.lease
    names = registered6(lease, before, naming_at(subnet, address), network)
    return Decision6(query, (Event.REGISTER,), (Change6(before, lease),), (), reply, "registered", names=names)


def _told(query: Query6) -> Granted6 | str:
    """The address and its lifetimes, or what is wrong with the message."""
    packet = query.packet
    if query.asked or packet.options.payloads(IA_TA):
        return "an ADDR-REG-INFORM has no identity associations"
    payloads = packet.options.payloads(IAADDR)
    if len(payloads) != 1 or len(payloads[0]) < IAADDR_SIZE:
        return f"an ADDR-REG-INFORM has one address (5), not {len(payloads)}"
    address, preferred, valid = (
        int.from_bytes(payloads[0][first:last], "big") for first, last in ((0, 16), (16, 20), (20, 24))
    )
    source = packet.relays[-1].peer if packet.relays else packet.arrival.source
    if address != source:
        return "an ADDR-REG-INFORM comes from the address it is about"  # RFC 9686 4.2.1
    return Granted6(address, 128, preferred, valid)


def _taken(subnet: Subnet6, address: int, before: Lease6 | None, hosts: Host6View) -> str | None:
    """Why an address cannot be registered; None where it can."""
    if address not in subnet:
        return "the address is not of the client's subnet"
    if before is not None and before.state != LeaseState.REGISTERED:
        return "the address is leased"
    if hosts.by_address(subnet.id, address) or hosts.by_address(GLOBAL, address):
        return "the address is reserved"
    return None
