"""Hypothesis strategies for DHCPv6 networks and conversations: small on purpose, so that clients collide."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from hypothesis import strategies as st

from dhcpkit.alloc.host6 import Host6, ReservedPrefix
from dhcpkit.alloc.network import Lifetimes
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, SharedNetwork6, Subnet6
from dhcpkit.testing.machine6 import (
    Client6,
    Confirm6,
    Decline6,
    Inform6,
    Rebind6,
    Reclaim6,
    Release6,
    Renew6,
    Request6,
    Snatch6,
    Solicit,
    Step6,
    Wait6,
)
from dhcpkit.testing.scenarios import options_said
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.options6 import SNTP_SERVERS

__all__ = ["clients6", "conversations6", "networks6", "steps6"]

CLIENTS_MAX = 5  # clients in a conversation; fewer addresses than clients is the interesting case
STEPS_MAX = 40  # steps in a conversation
HWADDRS = [b"\2\0\0\0\0" + bytes((n,)) for n in range(1, 6)]
SERVER_ID = Duid.of_link_layer(b"\2\0\0\0\0\xff")
LAB = int(IPv6Address("2001:db8::"))
SUBNET_STEP, PD_STEP, OUTSIDE = 1 << 64, 1 << 72, LAB + (1 << 90)  # where subnets, pools and reserved prefixes begin
PREFIX_LEN = 60  # of the pools of prefixes: parts of /61 to /63 are few


@st.composite
def _pd_pools(draw: st.DrawFn, index: int) -> list[PdPool]:
    pools = []
    for number in range(draw(st.integers(0, 2))):
        start = LAB + (1 << 88) + index * PD_STEP + number * (1 << 128 - PREFIX_LEN)
        length = draw(st.integers(PREFIX_LEN, PREFIX_LEN + 3))
        excluded = start if length < PREFIX_LEN + 3 and draw(st.booleans()) else 0
        pools.append(
            PdPool(
                IPv6Network((start, PREFIX_LEN)),
                length,
                excluded=excluded,
                excluded_len=PREFIX_LEN + 4 if excluded else 0,
                pool_id=number,
            )
        )
    return pools


@st.composite
def _subnets(draw: st.DrawFn, index: int, options: bool) -> Subnet6:  # noqa: FBT001  # as of networks6
    prefix = IPv6Network((LAB + index * SUBNET_STEP, 64))
    at = int(prefix.network_address) + 0x10
    pools = []
    for number in range(draw(st.integers(1, 2))):
        size = draw(st.integers(1, 4))
        said = draw(options_said(SNTP_SERVERS, wanted=options))
        pools.append(Pool6(at, at + size - 1, pool_id=number, options=said))
        at += size + draw(st.integers(0, 2))
    shortest = draw(st.integers(1, 50))
    default = shortest + draw(st.integers(0, 50))
    timers = draw(st.booleans())
    return Subnet6(
        prefix,
        id=index + 1,
        pools=pools,
        pd_pools=draw(_pd_pools(index)),
        valid=Lifetimes(default, shortest, default + draw(st.integers(0, 50))),
        preferred=draw(st.none() | st.integers(1, 60).map(Lifetimes.fixed)),
        renew_timer=draw(st.integers(1, 20)) if timers else None,
        rebind_timer=draw(st.integers(1, 30)) if timers else None,
        interface=f"lab{index}",
        rapid_commit=draw(st.booleans()),
        cache_threshold=draw(st.sampled_from([0.0, 0.25, 0.9])),
        allocator=draw(st.sampled_from(["iterative", "random"])),
        pd_allocator=draw(st.sampled_from(["iterative", "random", "flq"])),
        reservations_global=draw(st.booleans()),
        reservations_out_of_pool=draw(st.booleans()),
        options=draw(options_said(SNTP_SERVERS, wanted=options)),
    )


@st.composite
def networks6(draw: st.DrawFn, *, options: bool = False) -> Network6:
    """A network of one to three small subnets, alone or shared, with reservations for some of `clients6()`.

    With `options` some levels say something of `sntp-servers`.
    """
    subnets = [draw(_subnets(index, options)) for index in range(draw(st.integers(1, 3)))]
    hosts: dict[tuple[int, bytes], Host6] = {}
    taken: set[int] = set()
    for number in range(draw(st.integers(0, 3))):
        subnet = draw(st.sampled_from(subnets))
        place = subnet.id if draw(st.booleans()) else 0
        duid = draw(clients6()).duid
        if (place, duid) in hosts:
            continue
        wanted = draw(st.lists(st.integers(subnet.first + 0xE, subnet.first + 0x1A), max_size=2, unique=True))
        addresses = [address for address in wanted if address not in taken]
        prefixes = [ReservedPrefix(OUTSIDE + number * PD_STEP, 56)] if draw(st.booleans()) else []
        delegated = draw(st.booleans())
        if delegated and subnet.pd_pools:
            pool = subnet.pd_pools[0]
            part: int = draw(st.sampled_from(list(pool.sweep)))
            prefixes += [ReservedPrefix(part, pool.delegated_len)] if part not in taken else []
        taken.update(addresses)
        taken.update(each.prefix for each in prefixes)
        hosts[place, duid] = Host6(
            "duid",
            duid,
            place,
            tuple(addresses),
            tuple(prefixes),
            options=draw(options_said(SNTP_SERVERS, wanted=options)),
        )
    shared = draw(st.booleans())
    return Network6(
        () if shared else subnets,
        server_id=SERVER_ID,
        shared_networks=[SharedNetwork6("lab", subnets)] if shared else (),
        hosts=hosts.values(),
        decline_probation_period=draw(st.integers(1, 100)),
        keep_released=draw(st.booleans()),
        options=draw(options_said(SNTP_SERVERS, wanted=options)),
    )


def clients6() -> st.SearchStrategy[Client6]:
    """A few clients on the first link: of one association, of several, of both kinds; two interfaces of one device."""
    ids = [Duid.of_link_layer(hwaddr).octets for hwaddr in HWADDRS]
    known = [
        Client6(ids[0]),
        Client6(ids[1], (1,), (1,)),
        Client6(ids[2], (1, 2), (1, 2)),
        Client6(ids[2], (3,), (), rapid=True),
        Client6(ids[3], (), (7,), rapid=True),
        Client6(ids[4], (1,), (), rapid=True),
    ]
    return st.sampled_from(known)


# What clients say; what most of a conversation hangs on stands twice.
TALK = (Solicit, Request6, Solicit, Request6, Renew6, Rebind6, Confirm6, Release6, Decline6, Inform6)


def steps6(who: st.SearchStrategy[Client6] | None = None) -> st.SearchStrategy[Step6]:
    """One step of a conversation between `who` (`clients6()` unless given) and the server."""
    anybody = who if who is not None else clients6()
    talk = st.tuples(st.sampled_from(TALK), anybody).map(lambda pair: pair[0](pair[1]))
    snatch = st.builds(Snatch6, anybody, anybody)
    return talk | talk | talk | snatch | st.builds(Wait6, st.integers(1, 60)) | st.builds(Reclaim6, st.booleans())


@st.composite
def conversations6(draw: st.DrawFn) -> list[Step6]:
    """What a few clients do one after the other: solicit, request, renew, confirm, release, decline, wait ...

    Most start with all of them soliciting and requesting, since what matters happens between clients with leases.
    """
    few = draw(st.lists(clients6(), min_size=1, max_size=CLIENTS_MAX, unique=True))
    opening: list[Step6] = []
    if draw(st.booleans()):
        opening = [*map(Solicit, few), *map(Request6, few)]
    return opening + draw(st.lists(steps6(st.sampled_from(few)), max_size=STEPS_MAX))
