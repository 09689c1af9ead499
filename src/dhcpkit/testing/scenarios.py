"""Hypothesis strategies for networks and conversations: small on purpose, so that clients collide."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from hypothesis import strategies as st

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.network import Lifetimes, Network, Pool4, SharedNetwork4, Subnet4
from dhcpkit.alloc.options import NO_OPTIONS, OptionValue, OptionValues
from dhcpkit.testing.machine import (
    Client,
    Decline,
    Discover,
    Inform,
    Rebind,
    Reboot,
    Reclaim,
    Release,
    Renew,
    Request,
    Snatch,
    Step,
    Wait,
)
from dhcpkit.wire.options import Option
from dhcpkit.wire.options4 import DHCP4, NTP_SERVERS

__all__ = ["clients", "conversations", "networks", "options_said", "steps"]

SUBNET_SIZE = 32  # addresses in a generated subnet: pools of a few among them
CLIENTS_MAX = 5  # clients in a conversation; fewer addresses than clients is the interesting case
HWADDRS = [b"\2\0\0\0\0" + bytes((n,)) for n in range(1, 5)]
STEPS_MAX = 40  # steps in a conversation


def options_said(option: Option[Any], *, wanted: bool) -> st.SearchStrategy[OptionValues]:
    """What a level says of an option of IPv4 or IPv6 addresses, mostly nothing; nothing at all unless `wanted`."""
    if not wanted:
        return st.just(NO_OPTIONS)
    size = 4 if option.space == DHCP4.name else 16
    payload = st.integers(1, 250).map(lambda number: bytes((*bytes(size - 1), number)))
    marks = st.sampled_from([(True, False)] * 4 + [(False, False), (False, True)])
    said = st.builds(lambda value, mark: OptionValues([OptionValue(option, value, *mark)]), payload, marks)
    return st.just(NO_OPTIONS) | said


@st.composite
def _subnets(draw: st.DrawFn, index: int, options: bool) -> Subnet4:  # noqa: FBT001  # as of networks
    prefix = IPv4Network((int(IPv4Address("192.0.2.0")) + index * SUBNET_SIZE, 27))
    base = int(prefix.network_address)
    pools = []
    at = base + 4
    for _ in range(draw(st.integers(1, 2))):
        size = draw(st.integers(1, 4))
        said = draw(options_said(NTP_SERVERS, wanted=options))
        pools.append(Pool4(f"{IPv4Address(at)} - {IPv4Address(at + size - 1)}", options=said))
        at += size + draw(st.integers(0, 2))
    shortest = draw(st.integers(1, 50))
    default = shortest + draw(st.integers(0, 50))
    return Subnet4(
        prefix,
        id=index + 1,
        pools=pools,
        lifetimes=Lifetimes(default, shortest, default + draw(st.integers(0, 50))),
        renew_timer=draw(st.none() | st.integers(1, 20)),
        authoritative=draw(st.booleans()),
        match_client_id=draw(st.booleans()),
        cache_threshold=draw(st.sampled_from([0.0, 0.25, 0.9])),
        reservations_out_of_pool=False,
        options=draw(options_said(NTP_SERVERS, wanted=options)),
    )


@st.composite
def networks(draw: st.DrawFn, *, options: bool = False) -> Network:
    """A network of one to three small subnets, alone or shared, with reservations for some of `clients()`.

    With `options` some levels say something of `ntp-servers`.
    """
    subnets = [draw(_subnets(index, options)) for index in range(draw(st.integers(1, 3)))]
    shared = draw(st.booleans())
    hosts: dict[tuple[int, bytes], Host] = {}
    taken = set()
    for _ in range(draw(st.integers(0, 3))):
        subnet = draw(st.sampled_from(subnets))
        client = draw(clients())
        address = draw(st.integers(subnet.first + 2, subnet.first + 16))
        if (subnet.id, client.hwaddr) not in hosts and address not in taken:
            taken.add(address)
            said = draw(options_said(NTP_SERVERS, wanted=options))
            hosts[subnet.id, client.hwaddr] = Host("hw-address", client.hwaddr, subnet.id, address, options=said)
    probation = draw(st.integers(1, 100))
    everywhere = draw(options_said(NTP_SERVERS, wanted=options))
    alone = () if shared else subnets
    together = [SharedNetwork4("lab", subnets)] if shared else ()
    return Network(
        alone,
        shared_networks=together,
        hosts=hosts.values(),
        decline_probation_period=probation,
        options=everywhere,
    )


def clients() -> st.SearchStrategy[Client]:
    """A few clients: two without client identifier, and two with that share a hardware address."""
    known = [
        Client(HWADDRS[0]),
        Client(HWADDRS[1]),
        Client(HWADDRS[2], b"\1" + HWADDRS[2]),
        Client(HWADDRS[2], b"\0lab"),
        Client(HWADDRS[3], b"\xff\0\0\0\1\0\3\0\1" + HWADDRS[3]),  # RFC 4361: IAID and DUID
    ]
    return st.sampled_from(known)


# What clients say; what most of a conversation hangs on stands twice.
TALK = (Discover, Request, Discover, Request, Renew, Rebind, Reboot, Release, Decline, Inform)


def steps(who: st.SearchStrategy[Client] | None = None) -> st.SearchStrategy[Step]:
    """One step of a conversation between `who` (`clients()` unless given) and the server."""
    talk = st.tuples(st.sampled_from(TALK), who if who is not None else clients()).map(lambda pair: pair[0](pair[1]))
    snatch = st.builds(Snatch, who if who is not None else clients(), who if who is not None else clients())
    return talk | talk | talk | snatch | st.builds(Wait, st.integers(1, 60)) | st.builds(Reclaim, st.booleans())


@st.composite
def conversations(draw: st.DrawFn, network: Network | None = None) -> list[Step]:
    """What a few clients do one after the other: discover, request, renew, reboot, release, decline, wait ...

    Most start with all of them discovering and requesting, since what matters happens between clients with leases.
    `network` is where it takes place; clients sit on its first subnet.
    """
    del network  # clients ask for what they are told, so the steps are the same everywhere
    few = draw(st.lists(clients(), min_size=1, max_size=CLIENTS_MAX, unique=True))
    opening: list[Step] = []
    if draw(st.booleans()):
        opening = [*map(Discover, few), *map(Request, few)]
    return opening + draw(st.lists(steps(st.sampled_from(few)), max_size=STEPS_MAX))
