"""What clients say that has to do with names, as tables: for real Kea to answer, and to compare with what it answered.

A link is a subnet, or a shared network of two, with its own say about names. A conversation is about one link and goes
step by step: the client it comes from, what it says, and what it says of its name. Waiting is a step, too; so is a
pause, in which Kea does not look for leases that have ended.
"""

from collections import Counter
from ipaddress import IPv4Address, IPv6Address

import attrs

from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.testing.machine import Client, message4
from dhcpkit.testing.machine6 import Binding6, Client6, message6
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn
from dhcpkit.wire.dhcp4 import MessageType
from dhcpkit.wire.dhcp6 import MessageType6
from dhcpkit.wire.names import split_name, wire_labels
from dhcpkit.wire.nested6 import options_octets6

SERVER_DUID = b"\0\3\0\1\2\0\0\0\0\xfe"
SUFFIX = "ddns-qualifying-suffix"
EMPTY = "00" * 192  # of a DHCPv4 message: the fields for names of hosts and files
WAIT = 3  # seconds, in which a lease of 1 ends
LINKS = {
    "plain": {},
    "always": {"ddns-replace-client-name": "always", "ddns-generated-prefix": "gen"},
    "present": {"ddns-replace-client-name": "when-present"},
    "missing": {"ddns-replace-client-name": "when-not-present", "ddns-override-no-update": True},
    "override": {"ddns-override-client-update": True, "ddns-override-no-update": True},
    "silent": {"ddns-send-updates": False},
    "renewing": {"ddns-update-on-renew": True},
    "ttl": {"ddns-ttl": 77},
    "half": {"ddns-ttl-percent": 0.5},
    "least": {"ddns-ttl-percent": 0.1, "ddns-ttl-min": 1000},
    "most": {"ddns-ttl-percent": 0.5, "ddns-ttl-max": 900},
    "short": {"valid-lifetime": 1000},
    "infinite": {"valid-lifetime": 0xFFFFFFFF},
    "unchecked": {"ddns-conflict-resolution-mode": "no-check-with-dhcid"},
    "anybody": {"ddns-conflict-resolution-mode": "no-check-without-dhcid"},
    "exists": {"ddns-conflict-resolution-mode": "check-exists-with-dhcid"},
    "old key": {"ddns-use-conflict-resolution": False},
    "characters": {"hostname-char-set": "[^a-z.-]", "hostname-char-replacement": "-"},
    "any characters": {"hostname-char-set": ""},
    "no suffix": {SUFFIX: ""},
    "dotted suffix": {SUFFIX: "dot.example.org."},
    "cached": {"cache-threshold": 0.5},
    "over soon": {"valid-lifetime": 1},
    "pools": {},  # see `_pools`
    "reserved": {},  # see `_reservations`
}
SHARED = {"one": {SUFFIX: "one.example.org"}, "two": {SUFFIX: "two.example.org", "ddns-ttl": 55}}
NAMES = (
    "box",
    "Box.",
    "a.B",
    "box.here.org.",
    "od_d!.x",
    "!!",
    "x" * 63,
    f"{'y' * 60}.{'z' * 63}",
    "dyn.example.org",
    "",
)


@attrs.frozen
class Step:
    """One message: `what` of `client` about its address number `at`; and how it calls itself.

    `name` and `flags` (S, N) are those of the option with a complete name, `plain` is DHCPv4's host name.
    """

    what: str
    client: int = 1
    at: int = 0
    name: str | None = None
    flags: tuple[bool, bool] = (True, False)
    plain: bytes | None = None
    more: tuple[int, ...] = ()  # numbers of more addresses, in associations of their own
    client_id: bytes = b""


@attrs.frozen
class Talk:
    """A conversation."""

    link: str
    about: str
    steps: tuple[Step, ...]


def life(link, **said):
    """New, extended as it is, renamed, nameless, named again, given back, and what becomes of that."""
    return Talk(
        link,
        "a life",
        (
            Step("request", **said),
            Step("renew", **said),
            Step("renew", name="other"),
            Step("renew"),
            Step("request", **said),
            Step("rebind", **said),
            Step("release"),
            Step("wait"),
        ),
    )


def talks(family):
    found = []
    for link in LINKS:
        found += [life(link, name="box"), life(link, name="box.whole.org.", flags=(False, False))]
        found.append(Talk(link, "none", (Step("request", name="box", flags=(False, True)), Step("renew", name="box"))))
        found.append(Talk(link, "unsaid", (Step("request"), Step("renew"), Step("decline"))))
        if family == 4:
            found.append(life(link, plain=b"box"))
    for name in NAMES:
        for link in ("plain", "characters", "any characters", "no suffix", "present"):
            found.append(Talk(link, f"called {name[:9]}", (Step("request", name=name), Step("decline"))))
            if family == 4:
                said = Step("request", plain=name.encode())
                found.append(Talk(link, f"host {name[:9]}", (said, Step("decline"))))
    box = {"name": "box"}
    for link in ("plain", "renewing", "always"):
        found += [
            Talk(link, "a new address", (Step("request", **box), Step("request", at=1, **box), Step("release", at=1))),
            Talk(
                link,
                "several addresses",
                (
                    Step("request", more=(1, 2), **box),
                    Step("renew", more=(1, 2), **box),
                    Step("renew", name="c", more=(1,)),
                ),
            ),
            Talk(
                link,
                "one more",
                (Step("request", **box), Step("request", more=(1,), **box), Step("release", more=(1,))),
            ),
        ]
    found.append(Talk("over soon", "ends", (Step("request", **box), Step("wait"), Step("request", 2, at=-2, **box))))
    found.append(Talk("over soon", "renewed late", (Step("request", **box), Step("pause"), Step("renew", **box))))
    found.append(
        Talk("over soon", "taken late", (Step("request", **box), Step("pause"), Step("request", 2, at=-2, name="c")))
    )
    found.append(
        Talk(
            "plain",
            "taken over",
            (Step("request", **box), Step("release"), Step("pause"), Step("request", 2, at=-2, name="new")),
        )
    )
    back = (Step("request", **box), Step("release"), Step("wait"), Step("request", **box))
    found += [Talk("plain", "back", back), Talk("plain", "back soon", (*back[:2], Step("pause"), back[3]))]
    for role in (1, 2, 3, 4):
        for said in ({}, box, {"name": "x.y."}, {"name": "box", "flags": (False, True)}):
            found.append(Talk("reserved", f"role {role}", (Step("request", role, **said), Step("renew", role, **said))))
    for at in (0, 1000, 2000):
        found.append(
            Talk("pools", "pool", (Step("request", at=at, **box), Step("renew", at=at), Step("release", at=at)))
        )
    found.append(Talk("pools", "moves", (Step("request", **box), Step("request", at=1000, **box))))
    for at in (0, 3000):
        found.append(Talk("shared", "subnet", (Step("request", at=at, **box), Step("renew", at=at, **box))))
        found.append(Talk("shared", "unsaid", (Step("request", at=at),)))
    found.append(Talk("shared", "moves", (Step("request", **box), Step("request", at=3000, **box))))
    if family == 4:
        for client_id in (b"\1abc", b"\xff\0\0\0\1\0\3\0\1abcdef"):
            found.append(Talk("plain", "its identifier", (Step("request", client_id=client_id, **box),)))
    return found


# Where things are. Every conversation has clients of its own, and addresses of its own unless they are reserved.

UNTIMED = {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 3000, "hold-reclaimed-time": 3600}
OTHER = 3000
RESERVED = 24  # conversations about the link with reservations, at most
NUMBERS = {link: number for number, link in enumerate((*LINKS, "shared", "next"), 1)}


def place(number, step, at):
    """The number of an address in its link's pools: each client of each conversation has a few."""
    return 8 * number + 2 * (step.client - 1) + at


def address4(link, number):
    """The address of that number: 1000 for each pool, and from 3000 on the other subnet of the shared network."""
    net = NUMBERS["next" if number >= OTHER else link]
    return int(IPv4Address(f"10.{net}.{number % OTHER // 200}.{number % 200 + 1}"))


def address6(link, number):
    net = NUMBERS["next" if number >= OTHER else link]
    return int(IPv6Address(f"2001:db8:{net}::")) + 0x1000 * (number % OTHER // 1000) + number % 1000 + 1


def relay4(link):
    return int(IPv4Address(f"10.{NUMBERS[link]}.99.1"))


def relay6(link):
    return int(IPv6Address(f"2001:db8:{NUMBERS[link]}::fe00"))


def hwaddr(link, number, client):
    return bytes((2, 0, NUMBERS[link], 0, number, client))


def message_of(family, talk, number, step, xid):
    return (_message4 if family == 4 else _message6)(talk, number, step, xid)


def _message4(talk, number, step, xid):
    mine = hwaddr(talk.link, number, step.client)
    client = Client(mine, step.client_id)
    options = {}
    address = address4(talk.link, place(number, step, step.at))
    if step.plain is not None:
        options[12] = step.plain
    if step.name is not None:
        options[81] = CLIENT_FQDN.build(ClientFqdn(step.name, server_updates=step.flags[0], no_updates=step.flags[1]))
    server = int(IPv4Address("192.0.2.1")).to_bytes(4, "big")
    kind = {"release": MessageType.RELEASE, "decline": MessageType.DECLINE}.get(step.what, MessageType.REQUEST)
    ciaddr = 0
    if step.what in {"request", "decline"}:
        options[50], options[54] = address.to_bytes(4, "big"), server
    else:
        ciaddr = address
    if step.what == "release":
        options[54] = server
    data = message4(kind, client, xid=xid, ciaddr=ciaddr, options=dict(sorted(options.items())))
    relay = relay4(talk.link)
    return data[:3] + b"\1" + data[4:24] + relay.to_bytes(4, "big") + data[28:]


def _message6(talk, number, step, xid):
    duid = b"\0\3\0\1" + hwaddr(talk.link, number, step.client)
    numbers = (step.at, *step.more)
    bindings = [
        Binding6(LeaseType.IA_NA, index + 1, address6(talk.link, place(number, step, at)))
        for index, at in enumerate(numbers)
    ]
    options = {}
    if step.name is not None:
        updates, none = step.flags
        wire = wire_labels(split_name(step.name)) if step.name else b""
        options[39] = bytes((updates | none << 2,)) + wire + (b"\0" if step.name.endswith(".") else b"")
    kind = MessageType6[step.what.upper()]
    client = Client6(duid, tuple(range(1, len(numbers) + 1)))
    server = None if step.what == "rebind" else SERVER_DUID
    data = message6(kind, client, bindings, xid=xid, server_id=server, options=options)
    link = relay6(talk.link)
    peer = int(IPv6Address("fe80::1"))
    head = bytes((MessageType6.RELAY_FORW, 0)) + link.to_bytes(16, "big") + peer.to_bytes(16, "big")
    return head + options_octets6([(9, data)])


def numbered(all_talks):
    """Every conversation with its number among those about its link."""
    seen = Counter()
    for talk in all_talks:
        yield talk, seen[talk.link]
        seen[talk.link] += 1


def addresses_of(family, talk, number):
    """Every address that a conversation is about, as text."""
    for step in talk.steps:
        for at in (step.at, *step.more):
            where = (address4 if family == 4 else address6)(talk.link, place(number, step, at))
            yield str(IPv4Address(where) if family == 4 else IPv6Address(where))


# Configurations.


def _reservations(family):
    names = {1: "Desk", 2: "whole.example.com.", 3: "a.b", 4: None}
    for number in range(RESERVED):
        for role, name in names.items():
            where = place(number, Step("", role), 0)
            mine = hwaddr("reserved", number, role)
            if family == 4:
                host = {"hw-address": mine.hex(":"), "ip-address": str(IPv4Address(address4("reserved", where)))}
            else:
                duid = b"\0\3\0\1" + mine
                host = {"duid": duid.hex(":"), "ip-addresses": [str(IPv6Address(address6("reserved", where)))]}
            yield host | ({"hostname": name} if name else {})


def _subnet(family, link, settings):
    number = NUMBERS[link]
    where = address4 if family == 4 else address6
    show = IPv4Address if family == 4 else IPv6Address
    start = OTHER if link == "next" else 0
    pools = [
        {"pool": f"{show(where(link, start + first))} - {show(where(link, start + first + 399))}", **more}
        for first, more in _pools(link)
    ]
    prefix = f"10.{number}.0.0/16" if family == 4 else f"2001:db8:{number}::/64"
    found = {"id": number, "subnet": prefix, "pools": pools, **settings}
    if link == "reserved":
        found["reservations"] = list(_reservations(family))
    return found


def _pools(link):
    yield 0, {}
    if link == "pools":
        own = {SUFFIX: "pool.example.org", "ddns-ttl": 66, "ddns-conflict-resolution-mode": "no-check-with-dhcid"}
        yield 1000, own
        yield 2000, {"ddns-send-updates": False}


MODERN = {"ddns-ttl", "ddns-ttl-percent", "ddns-ttl-min", "ddns-ttl-max", "ddns-conflict-resolution-mode"}


def config(family, version=(3,)):
    """The whole configuration, but for what only a process needs; for an older Kea without what that does not know."""
    key = f"subnet{family}"
    subnets = [_subnet(family, link, settings) for link, settings in LINKS.items()]
    shared = [
        _subnet(family, link, settings) for link, settings in zip(("shared", "next"), SHARED.values(), strict=True)
    ]
    relay = IPv4Address(relay4("shared")) if family == 4 else IPv6Address(relay6("shared"))
    untimed = UNTIMED
    if version < (3,):
        untimed = UNTIMED | {"hold-reclaimed-time": 0}  # what is released is gone
        for subnet in (*subnets, *shared):
            for old in MODERN & subnet.keys():
                del subnet[old]
            subnet["pools"] = [{"pool": pool["pool"]} for pool in subnet["pools"]]
    return {
        "valid-lifetime": 3600,
        "cache-threshold": 0.0,
        "dhcp-ddns": {"enable-updates": True},
        SUFFIX: "dyn.example.org",
        "hostname-char-set": "[^A-Za-z0-9.-]",
        "expired-leases-processing": untimed,
        key: subnets,
        "shared-networks": [{"name": "lab", key: shared, "relay": {"ip-addresses": [str(relay)]}}],
    }
