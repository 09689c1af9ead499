"""What a DHCPv6 server decides. Pure: leases, hosts, time and chance are arguments; a decision is a value.

`plan6` looks at one opened message and says what is answered and which leases change; nothing is changed here. It may
raise `NotLoaded` from a partial view and is then called again (docs/why/batches.md). Which addresses a client gets is
decided in `assign6`, what it gives back in `giveback6`; how the answer looks in bytes in `answer6`. This module does
not know sockets, stores or clocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address
from random import Random
from typing import Final

import attrs

from dhcpkit.alloc.assign6 import assign6, extend6, none_available
from dhcpkit.alloc.classify import DROP, KNOWN, UNKNOWN
from dhcpkit.alloc.decision import Event
from dhcpkit.alloc.decision6 import Answered6, Decision6, Granted6, Reply6, silent6
from dhcpkit.alloc.desk6 import Desk6
from dhcpkit.alloc.giveback6 import decline6, release6
from dhcpkit.alloc.host import GLOBAL
from dhcpkit.alloc.host6 import Host6View
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.names6 import choose_name6
from dhcpkit.alloc.naming import Naming
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.alloc.open6 import (
    ADDR_REG_INFORM,
    CONFIRM,
    DECLINE,
    INFORMATION_REQUEST,
    REBIND,
    RELEASE,
    RENEW,
    SOLICIT,
    open6,
)
from dhcpkit.alloc.points import Consult
from dhcpkit.alloc.query import Dropped
from dhcpkit.alloc.query6 import Query6
from dhcpkit.alloc.register6 import register6
from dhcpkit.alloc.reserved6 import Found6, find_hosts6, host_in
from dhcpkit.alloc.times6 import remaining6, tee_times6
from dhcpkit.alloc.view6 import Change6, LeaseView6
from dhcpkit.wire.dhcp6 import MessageType6
from dhcpkit.wire.identity6 import StatusCode, StatusCode6

__all__ = ["Decision6", "Dropped", "Event", "Query6", "Reply6", "open6", "plan6", "reclaim6", "repeat6"]

ADVERTISE: Final = int(MessageType6.ADVERTISE)
REPLY: Final = int(MessageType6.REPLY)
REJECT: Final = "REJECT"
NOWHERE: Final = Naming(send_updates=False, char_set="")  # what holds for clients' names where no subnet is (Kea)
HELD: Final = (LeaseState.DEFAULT.value, LeaseState.RELEASED.value)  # what may be kept for its client after its end


def plan6(  # noqa: PLR0913, PLR0917  # the engine's whole world, each an argument
    query: Query6, leases: LeaseView6, hosts: Host6View, now: int, rng: Random, consult: Consult | None = None
) -> Decision6:
    """Decides about one message at `now` (seconds). Raises NotLoaded where a partial view must learn more first."""
    found = find_hosts6(query, hosts, consult)
    classes = _classes(query, found)
    if DROP in classes:
        return silent6(query, "the client is in class DROP", reason="admin-filtered")
    kind = query.type
    if kind == INFORMATION_REQUEST:
        return _answer_alone(query, found, classes, Event.INFORM, None, "options only")
    if kind == CONFIRM:
        return _confirm(query, found, classes)
    if kind == RELEASE:
        return release6(query, leases, consult, _reply(query, found, classes))
    if kind == DECLINE:
        return decline6(query, leases, now, consult, _reply(query, found, classes))
    if kind == ADDR_REG_INFORM:
        return register6(query, leases, hosts, now, consult, _reply(query, found, classes))
    rapid = kind == SOLICIT and query.rapid_commit and query.subnet is not None and query.subnet.rapid_commit
    offer = kind == SOLICIT and not rapid
    reply = _reply(query, found, classes, ADVERTISE if offer else REPLY)
    reply.rapid_commit = rapid  # RFC 8415 18.3.1: what a REPLY to a SOLICIT says
    if query.subnet is None:
        return _without_subnet(query, reply)
    if REJECT in classes:
        reply.answered = tuple(none_available(asked, "the server refuses this client") for asked in query.asked)
        return Decision6(query, (Event.NAK,), (), (), reply, "the client is in class REJECT")
    desk = Desk6(query, leases, hosts, now, rng, consult, found, classes, offer=offer)
    decide = extend6 if kind in (RENEW, REBIND) else assign6
    reply.answered = tuple(decide(desk, asked) for asked in query.asked)
    return _decided(desk, reply)


def _decided(desk: Desk6, reply: Reply6) -> Decision6:
    """What became of a client's identity associations: the name, the classes and options of where it is served."""
    query = desk.query
    first = _first_address(reply.answered)
    name = desk.settle_name(first)
    reply.fqdn = name.payload
    reply.subnet, reply.host = desk.subnet, desk.host()
    reply.classes = _final_classes(query, desk.found, desk.classes, reply)
    names = desk.name_changes(reply.answered, first)
    return Decision6(query, tuple(desk.events), desk.unit(), tuple(desk.offered), reply, names=names)


def _first_address(answered: Iterable[Answered6]) -> int:
    for each in answered:
        if each.type == LeaseType.IA_NA:
            return each.granted[0].address if each.granted and each.granted[0].valid else 0
    return 0


def _reply(query: Query6, found: Found6, classes: tuple[str, ...], kind: int = REPLY) -> Reply6:
    reply = Reply6(kind, query.subnet, classes, host=host_in(query.subnet, found))
    reply.classes = _final_classes(query, found, classes, reply)
    return reply


def _classes(query: Query6, found: Found6) -> tuple[str, ...]:
    """The classes once reservations were looked up (Kea's order; see `classes`)."""
    network, subnet, packet = query.network, query.subnet, query.packet
    if not found and not network.classes:
        return (*query.classes, UNKNOWN)
    classes = dict.fromkeys(query.classes)
    host = host_in(subnet, found)
    if host is not None and host.client_classes:
        # It counts for the choice of pools where the subnet cannot change any more, or wherever it is global.
        alone = subnet is not None and network.shared_network(subnet) is None
        everywhere = host is found.get(GLOBAL) and query.early is None
        if alone or everywhere:
            network.classes.reserved(packet, host.client_classes, classes, query.trace)
    classes[KNOWN if found else UNKNOWN] = None
    network.classes.once_known(packet, classes, query.trace)
    return tuple(classes)


def _final_classes(query: Query6, found: Found6, classes: tuple[str, ...], reply: Reply6) -> tuple[str, ...]:
    """The classes of an answer: a shared network's reservation adds its own now, and additional ones come last."""
    network, subnet = query.network, reply.subnet
    if not network.classes and not found:
        return classes
    made = dict.fromkeys(classes)
    shared = network.shared_network(subnet) if subnet is not None else None
    if shared is not None and reply.host is not None and reply.host.subnet_id != GLOBAL:
        made.update(dict.fromkeys(reply.host.client_classes))
    if network.classes and subnet is not None:
        pools = [granted.pool for each in reply.answered for granted in each.granted if granted.pool is not None]
        wanted = [name for pool in pools for name in pool.additional_classes]
        wanted += [*subnet.additional_classes, *(shared.additional_classes if shared is not None else ())]
        network.classes.additional(query.packet, wanted, made, query.trace)
    return tuple(made)


def _without_subnet(query: Query6, reply: Reply6) -> Decision6:
    """Nothing to give: NoAddrsAvail, NoPrefixAvail; for what a client has already, NoBinding (Kea)."""
    because = "no subnet for this client"
    reply.fqdn = choose_name6(query.packet, None, NOWHERE, None).payload
    if query.type in (RENEW, REBIND):
        if query.type == REBIND and any(asked.type == LeaseType.IA_PD for asked in query.asked):
            # RFC 8415 18.3.5: a server without a binding for prefixes that it knows nothing of stays silent.
            return silent6(query, "no subnet for a client that rebinds prefixes: another server may have one")
        status = StatusCode6(int(StatusCode.NO_BINDING), because)
        reply.answered = tuple(Answered6(asked.type, asked.iaid, status=status) for asked in query.asked)
    else:
        reply.answered = tuple(none_available(asked, because) for asked in query.asked)
    if query.trace:
        query.trace.note("answer", "", "nothing available", because)
    return Decision6(query, (Event.NO_POOL,), (), (), reply, because)


def _answer_alone(  # noqa: PLR0913, PLR0917
    query: Query6,
    found: Found6,
    classes: tuple[str, ...],
    event: Event,
    status: StatusCode6 | None,
    because: str,
) -> Decision6:
    """An answer that is about no lease."""
    reply = _reply(query, found, classes)
    reply.status = status
    if query.trace:
        query.trace.note("answer", "", "options" if status is None else StatusCode(status.code).name, because)
    return Decision6(query, (event,), (), (), reply, because)


def _confirm(query: Query6, found: Found6, classes: tuple[str, ...]) -> Decision6:
    """RFC 8415 18.3.3: whether a client is still on the link that its addresses are of; prefixes are not asked about.

    Deviation: an address of any subnet of the client's shared network is on its link, where Kea asks the selected one.
    """
    addresses = [hint.address for asked in query.asked if asked.type == LeaseType.IA_NA for hint in asked.hints]
    if not addresses:
        return silent6(query, "a CONFIRM without addresses is not answered")
    if query.subnet is None:
        elsewhere, because = True, "no subnet for this client"
    else:
        off = [address for address in addresses if not _on_link(query, query.subnet, address)]
        elsewhere = bool(off)
        because = f"{IPv6Address(off[0])} is not on this link" if off else "all addresses are on this link"
    status = StatusCode6(int(StatusCode.NOT_ON_LINK if elsewhere else StatusCode.SUCCESS), because)
    return _answer_alone(query, found, classes, Event.CONFIRM, status, because)


def _on_link(query: Query6, subnet: Subnet6, address: int) -> bool:
    if address in subnet:
        return True
    return any(query.network.one_link(subnet, other) for other in query.network.holding(address))


def repeat6(query: Query6, leases: LeaseView6, hosts: Host6View, now: int, rng: Random) -> Decision6:
    """What can be said while nothing can be written: what is already promised, for the time that remains.

    A holder gets what is left of its leases' lifetimes; identity associations that would change anything else are left
    out, and a message about which nothing can be said gets silence (docs/why/durability.md).
    """
    decision = plan6(query, leases, hosts, now, rng)
    decision.names = ()  # nothing is stored, and what is not stored is not told
    reply = decision.reply
    if not decision.unit or reply is None:
        return decision
    subnet = reply.subnet
    if query.type in (RELEASE, DECLINE, ADDR_REG_INFORM) or subnet is None:
        return silent6(query, "the lease store cannot be written")
    answered = [again for each in reply.answered if (again := _promised(each, query, leases, subnet, now)) is not None]
    if not answered:
        return silent6(query, "the lease store cannot be written")
    kept = attrs.evolve(reply, answered=tuple(answered))
    return Decision6(
        query, (Event.REUSE,) * len(answered), (), (), kept, "the store cannot be written: what is promised stays"
    )


def _promised(answered: Answered6, query: Query6, leases: LeaseView6, subnet: Subnet6, now: int) -> Answered6 | None:
    """The part of an answer that needs no change; None where there is none."""
    granted: list[Granted6] = []
    for each in answered.granted:
        lease = leases.by_address(each.address)
        if (
            each.valid
            and lease is not None
            and lease.state == LeaseState.DEFAULT
            and (lease.duid, lease.type, lease.iaid, lease.prefix_len)
            == (query.duid, answered.type, answered.iaid, each.prefix_len)
        ):
            preferred, valid = remaining6(lease, now)
            if valid:
                granted.append(each._replace(preferred=preferred, valid=valid))
    if not granted:
        return None
    shortest = min((each.preferred for each in granted if each.preferred), default=granted[0].preferred)
    t1, t2 = tee_times6(subnet, shortest)
    return Answered6(answered.type, answered.iaid, t1, t2, tuple(granted))


def reclaim6(lease: Lease6, now: int, *, hold: bool) -> Change6:
    """What becomes of a lease whose time is over: with `hold` it is kept as expired-reclaimed, else it is removed.

    Declined and registered leases have nobody to come back and are always removed (Kea). One that was released stays
    so: it has no lifetime, by which a store tells a lease that is expired-reclaimed from one that is no more.
    """
    assert lease.expired(now), "only what has expired is reclaimed"
    if not hold or lease.state not in HELD:
        return Change6(lease, None)
    state = lease.state if lease.state == LeaseState.RELEASED else LeaseState.EXPIRED_RECLAIMED.value
    kept = lease._replace(state=state, hostname="", fqdn_fwd=False, fqdn_rev=False, user_context="")
    return Change6(lease, kept)
