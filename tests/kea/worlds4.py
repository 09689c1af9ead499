"""Configurations of DHCPv4 for real Kea and for us: a few worlds of rich settings, each with links of a few kinds.

A link is where one conversation takes place: subnets and reservations of its own, so that conversations do not disturb
each other. Clients have roles, and on every link the same roles have the same reservations.
"""

import os
from pathlib import Path

import attrs

FOREVER = 0xFFFFFFFF  # a lifetime that never ends
COPIES = 40  # links of each kind; when they are used up, both servers begin anew
ROLES = range(9)
NEVER = "99.0.0.0/24"  # no link has it: what needs a subnet and nothing else
SERVER4 = "192.0.2.1"
UNTIMED = {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0}  # nothing happens on its own


@attrs.frozen
class Link:
    """Where a conversation takes place: its number, and the kind of its subnets."""

    number: int
    kind: str = ""

    def net(self, index):
        """The first three octets of one of its four subnets."""
        at = self.number * 4 + index
        return f"10.{at >> 8}.{at & 255}"

    def id(self, index):
        return self.number * 4 + index + 1

    def hwaddr(self, role):
        return b"\2\0" + self.number.to_bytes(2, "big") + b"\0" + bytes((role,))

    def duid(self, role):
        return b"\0\3\0\1" + self.hwaddr(role)

    def client_id(self, role):
        """Empty for none."""
        return {
            1: b"\1" + self.hwaddr(role),
            3: b"\0client-%d" % self.number,
            4: b"\1" + self.hwaddr(role),
            5: b"\xff\0\0\0\5" + self.duid(role),
            6: b"\0" + b"six-%d" % self.number,
            8: b"\xff\0\0\0\5" + self.duid(5),  # another hardware address of client 5
        }.get(role, b"")

    def circuit(self, role):
        return b"circuit-%d-%d" % (self.number, role)


@attrs.frozen
class World:
    """Settings, classes, and kinds of links."""

    name: str
    settings: dict
    kinds: dict
    modern: bool = False  # whether it needs Kea 3.0

    def links(self):
        number = 0
        for _ in range(COPIES):
            for kind in self.kinds:
                number += 1
                yield Link(number, kind)

    def config(self, version, folder, *, debug=False, ours=False):
        """The whole configuration for a Kea of this version, or for us to be like it."""
        found = {"subnet4": [{"id": 1, "subnet": NEVER, "pools": []}], "shared-networks": [], "reservations": []}
        for link in self.links():
            for key, values in self.kinds[link.kind](link).items():
                found[key] += values
        severity = {"severity": "DEBUG", "debuglevel": 99} if debug else {"severity": "WARN"}
        # Kea 2.2 repeats no lease unless told to, and removes what is released.
        released = {} if version >= (3,) else {"hold-reclaimed-time": 0}
        return {
            "Dhcp4": {
                "interfaces-config": {"interfaces": [f"eth0/{SERVER4}"], "dhcp-socket-type": "udp"},
                "lease-database": {"type": "memfile", "persist": False, "name": str(folder / "leases4.csv")},
                "control-socket": {"socket-type": "unix", "socket-name": str(folder / "control")},
                "hooks-libraries": [{"library": lease_commands()}],
                "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], **severity}],
                "multi-threading": {"enable-multi-threading": False},
                "expired-leases-processing": {**UNTIMED, **released},
                **({"cache-threshold": 0.0} if ours or version >= (3,) else {}),
                **self.settings,
                **found,
            }
        }


def lease_commands():
    """Where that Kea's library of commands about leases is."""
    root = Path(os.environ.get("DHCPKIT_KEA_ROOT") or "/")
    return "/" + str(next(root.glob("usr/lib/*/kea/hooks/libdhcp_lease_cmds.so")).relative_to(root))


def lifetimes(least, usual, most):
    return {"valid-lifetime": usual, "min-valid-lifetime": least, "max-valid-lifetime": most}


def option(name, data, **more):
    return {"name": name, "data": data, **more}


def reserved(link, index=0):
    """What the roles of a link have reserved in one of its subnets."""
    net = link.net(index)
    return [
        {
            "hw-address": link.hwaddr(2).hex(":"),
            "ip-address": f"{net}.12",
            "hostname": "two",
            "option-data": [option("domain-name-servers", "192.0.2.22"), option("time-servers", "192.0.2.23")],
        },
        {
            "client-id": link.client_id(3).hex(":"),
            "ip-address": f"{net}.200",
            "client-classes": ["vip"],
            "next-server": "192.0.2.33",
            "server-hostname": "boot.three",
            "boot-file-name": "three.img",
        },
        {"circuit-id": link.circuit(4).hex(":"), "ip-address": f"{net}.14", "hostname": "four.example.net"},
        {"duid": link.duid(5).hex(":"), "ip-address": f"{net}.201", "hostname": "Five"},
        {
            "hw-address": link.hwaddr(6).hex(":"),
            "hostname": "six.example.com.",
            "option-data": [option("log-servers", "192.0.2.66", **{"always-send": True})],
        },
    ]


def everywhere(link):
    """Global reservations."""
    return [
        {"hw-address": link.hwaddr(7).hex(":"), "hostname": "seven", "client-classes": ["vip"]},
        {
            "hw-address": link.hwaddr(1).hex(":"),
            "ip-address": f"{link.net(0)}.210",
            "option-data": [option("nntp-server", "192.0.2.71")],
        },
    ]


def subnet(link, index=0, pools=((10, 29),), **more):
    net = link.net(index)
    return {
        "id": link.id(index),
        "subnet": f"{net}.0/24",
        "pools": [{"pool": f"{net}.{first} - {net}.{last}"} for first, last in pools],
        **more,
    }


CLASSES = [
    {"name": "vip", "option-data": [option("domain-name", "vip.example.org"), option("ntp-servers", "192.0.2.5")]},
    {
        "name": "phones",
        "test": "option[60].text == 'phone'",
        "valid-lifetime": 900,
        "min-valid-lifetime": 600,
        "max-valid-lifetime": 1800,
        "option-data": [option("tftp-server-name", "tftp.example.org"), option("domain-name-servers", "192.0.2.55")],
        "next-server": "192.0.2.50",
        "boot-file-name": "phone.img",
    },
    {"name": "others", "test": "not member('phones')"},
    {"name": "labs", "test": "substring(option[77].hex, 1, 3) == 'lab'"},
    {"name": "relayed", "test": "relay4[1].exists and not (pkt4.giaddr == 0.0.0.0)"},
    {
        "name": "known-phones",
        "test": "member('phones') and member('KNOWN')",
        "option-data": [option("domain-name", "known.example.org", **{"always-send": True})],
    },
    {"name": "asks", "test": "option[55].hex == 0x0103", "server-hostname": "asks.example.org"},
    {
        "name": "late",
        "test": "member('UNKNOWN')",
        "only-if-required": True,
        "option-data": [option("smtp-server", "192.0.2.77", **{"always-send": True})],
    },
]
DEFINITIONS = [
    {"name": "floor", "code": 224, "type": "uint8", "space": "dhcp4"},
    {"name": "place", "code": 225, "type": "record", "record-types": "uint16, string", "space": "dhcp4"},
    {"name": "inner", "code": 1, "type": "ipv4-address", "space": "vendor-encapsulated-options-space"},
    {"name": "tree", "code": 226, "type": "empty", "space": "dhcp4", "encapsulate": "branches"},
    {"name": "leaf", "code": 3, "type": "string", "space": "branches"},
]
GLOBAL_OPTIONS = [
    option("domain-name-servers", "192.0.2.2, 192.0.2.3"),
    option("domain-name", "example.org"),
    option("domain-search", "example.org, sub.example.org", **{"always-send": True}),
    option("floor", "7"),
    option("place", "5, here", **{"always-send": True}),
    option("inner", "192.0.2.4", space="vendor-encapsulated-options-space"),
    option("vendor-encapsulated-options", ""),
    option("leaf", "green", space="branches"),
    {"code": 226, "data": "", "csv-format": False},
    option("tftp-servers", "192.0.2.9", space="vendor-4491", **{"always-send": True}),
    {"code": 252, "data": "687474703a2f2f77", "csv-format": False},
    {"code": 121, "data": "10c0a8c0000201", "csv-format": False},
    option("uap-servers", "http://example.org"),
    option("time-offset", "-3600"),
    option("nis-domain", "a\\,b"),
]


def plain(link):
    net = link.net(0)
    return {
        "subnet4": [
            subnet(
                link,
                reservations=reserved(link),
                **{
                    "option-data": [option("routers", f"{net}.1"), option("domain-name", "plain.example.org")],
                    "next-server": "192.0.2.40",
                    "boot-file-name": "plain.img",
                },
            )
        ]
    }


def pools(link):
    """Two pools with options, one of them for phones only; no match by client identifier."""
    made = subnet(link, pools=((10, 12), (20, 29)), reservations=reserved(link), **{"match-client-id": False})
    made["pools"][0]["client-class"] = "phones"
    made["pools"][0]["option-data"] = [option("routers", "192.0.2.80")]
    made["pools"][1]["client-class"] = "others"  # one pool for each: with several, Kea takes turns
    made["pools"][1]["option-data"] = [option("log-servers", "192.0.2.81", **{"always-send": True})]
    made["require-client-classes"] = ["late"]
    return {"subnet4": [made]}


def small(link):
    """Two addresses: soon there are none; authoritative, and short T1 and T2."""
    more = {"authoritative": True, "renew-timer": 100, "rebind-timer": 200, **lifetimes(300, 300, 300)}
    return {"subnet4": [subnet(link, pools=((10, 11),), **more)]}


def shared(link):
    """A network of two subnets, the first for phones only."""
    first = subnet(link, 0, **{"client-class": "phones", "option-data": [option("routers", f"{link.net(0)}.1")]})
    second = subnet(link, 1, reservations=reserved(link, 1), **{"valid-lifetime": 5000, "renew-timer": 0})
    network = {
        "name": f"link-{link.number}",
        "subnet4": [first, second],
        "option-data": [option("domain-name", "shared.example.org"), option("routers", "192.0.2.90")],
        "relay": {"ip-addresses": [f"{link.net(0)}.1"]},
    }
    return {"shared-networks": [network]}


def siblings(link):
    """A network of two subnets for everybody, of three addresses each, with reservations in both."""
    first = subnet(link, 0, pools=((10, 12),), reservations=reserved(link, 0)[:1])
    second = subnet(link, 1, pools=((10, 12),), reservations=reserved(link, 1)[1:])
    return {"shared-networks": [{"name": f"link-{link.number}", "subnet4": [first, second]}]}


def globally(link):
    """Global reservations besides the subnet's."""
    flags = {"reservations-global": True, "reservations-in-subnet": True}
    return {"subnet4": [subnet(link, reservations=reserved(link), **flags)], "reservations": everywhere(link)}


def outside(link):
    """Only global reservations, and all in subnets said to be out of pools."""
    flags = {"reservations-global": True, "reservations-in-subnet": True, "reservations-out-of-pool": True}
    return {"subnet4": [subnet(link, reservations=reserved(link), **flags)], "reservations": everywhere(link)}


def naming(**keys):
    def made(link):
        written = {f"ddns-{key.replace('_', '-')}": value for key, value in keys.items()}
        return {"subnet4": [subnet(link, reservations=reserved(link), **written)]}

    return made


def recording(link):
    return {"subnet4": [subnet(link, **{"store-extended-info": True, "calculate-tee-times": True})]}


BASIC = {"option-def": DEFINITIONS, "option-data": GLOBAL_OPTIONS, "client-classes": CLASSES}
TRIPLET = lifetimes(1200, 3600, 7200)

PLAIN = World(
    "plain4",
    {**BASIC, **TRIPLET, "calculate-tee-times": True, "t1-percent": 0.4, "t2-percent": 0.8},
    {"plain": plain, "pools": pools, "small": small, "recording": recording},
)
SHARED = World(
    "shared4",
    {**BASIC, **TRIPLET, "cache-threshold": 0.25, "renew-timer": 900, "rebind-timer": 1800},
    {"shared": shared, "siblings": siblings, "globally": globally, "outside": outside},
)
NAMES = World(
    "names4",
    {
        **BASIC,
        "valid-lifetime": 3600,
        "dhcp-ddns": {"enable-updates": True},
        "ddns-send-updates": True,
        "ddns-qualifying-suffix": "dyn.example.org",
        "hostname-char-set": "[^A-Za-z0-9.-]",
        "hostname-char-replacement": "x",
    },
    {
        "usual": naming(),
        "always": naming(replace_client_name="always", generated_prefix="gen"),
        "present": naming(replace_client_name="when-present", override_client_update=True),
        "missing": naming(replace_client_name="when-not-present", override_no_update=True, qualifying_suffix="a.b."),
        "silent": naming(send_updates=False),
        "renewing": naming(update_on_renew=True, qualifying_suffix=""),
    },
)


def twice(link):
    """Two clients have the same address reserved, and one of them another's."""
    hosts = reserved(link)
    hosts[1] |= {"ip-address": hosts[0]["ip-address"]}
    hosts[3] |= {"ip-address": f"{link.net(0)}.11"}
    hosts.append({"hw-address": link.hwaddr(7).hex(":"), "ip-address": f"{link.net(0)}.11"})
    return {"subnet4": [subnet(link, pools=((10, 13),), reservations=hosts)]}


def forever(link):
    """Leases that never end, but for clients that ask for less."""
    more = {**lifetimes(600, FOREVER, FOREVER), "renew-timer": 900, "calculate-tee-times": True, "cache-max-age": 300}
    return {"subnet4": [subnet(link, **more)]}


def without(link):
    """A network of two subnets, one of which tells clients to do without IPv4."""
    first = subnet(link, 0, pools=((10, 11),), reservations=reserved(link, 0)[:2])
    second = subnet(link, 1, **{"option-data": [option("v6-only-preferred", "1800")]})
    return {"shared-networks": [{"name": f"link-{link.number}", "subnet4": [first, second]}]}


def mastered(link):
    """Where the server knows everybody, and clients by their hardware addresses."""
    flags = {"authoritative": True, "match-client-id": False, "cache-threshold": 0.25, "cache-max-age": 1000}
    return {"subnet4": [subnet(link, pools=((10, 16),), reservations=reserved(link), **flags)]}


def vips(link):
    """A network of two subnets, one for those that a global reservation says are important."""
    flags = {"reservations-global": True, "reservations-in-subnet": True}
    first = subnet(link, 0, pools=((10, 12),), **{"client-class": "vip", **flags})
    second = subnet(link, 1, reservations=reserved(link, 1), **flags)
    network = {"name": f"link-{link.number}", "subnet4": [first, second]}
    return {"shared-networks": [network], "reservations": everywhere(link)}


def known(link):
    """Two subnets that nobody shares, chosen by who has a global reservation, and a pool for them."""
    flags = {"reservations-global": True, "reservations-in-subnet": False}
    made = subnet(link, 0, pools=((10, 12), (20, 22)), **flags)
    made["pools"][0]["client-class"] = "KNOWN"
    made["pools"][1]["client-class"] = "UNKNOWN"
    made["require-client-classes"] = ["late"]
    return {"subnet4": [made], "reservations": everywhere(link)}


def all_reserved(allocator):
    """Four addresses, each reserved: whatever the order, there is no choice. (Kea takes no queue of one address.)"""

    def made(link):
        net = link.net(0)
        hosts = [{"hw-address": link.hwaddr(role).hex(":"), "ip-address": f"{net}.{role + 10}"} for role in range(4)]
        return {"subnet4": [subnet(link, pools=((10, 13),), reservations=hosts, allocator=allocator)]}

    return made


def kept(link):
    """Offers that are kept for their clients for a while."""
    more = {"offer-lifetime": 120, "reservations": reserved(link), "cache-threshold": 0.25}
    return {"subnet4": [subnet(link, pools=((10, 13),), **more)]}


def ends(link):
    """Pools with addresses that end in 0 and 255."""
    net = link.net(1)
    made = subnet(link, 0, pools=())
    made["subnet"] = f"{link.net(0)}.0/23"
    made["pools"] = [{"pool": f"{link.net(0)}.254 - {net}.1"}, {"pool": f"{net}.255/32"}]
    return {"subnet4": [made]}


def stashed(link):
    """What relay agents say is kept, and is said for clients that renew past them."""
    made = subnet(link, pools=((10, 16),), reservations=reserved(link), **{"store-extended-info": True})
    made["pools"][0]["client-class"] = "relayed"
    return {"subnet4": [made]}


RARE = World(
    "rare4",
    {**BASIC, **TRIPLET, "ip-reservations-unique": False, "calculate-tee-times": True},
    {"twice": twice, "forever": forever, "mastered": mastered},
)
EARLY = World(
    "early4",
    {**BASIC, **TRIPLET, "early-global-reservations-lookup": True},
    {"vips": vips, "known": known, "globally": globally},
)
MODERN = World(
    "modern4",
    {**BASIC, **TRIPLET, "stash-agent-options": True, "compatibility": {"exclude-first-last-24": True}},
    {
        "scattered": all_reserved("random"),
        "queued": all_reserved("flq"),
        "kept": kept,
        "without": without,
        "ends": ends,
        "stashed": stashed,
    },
    modern=True,
)
WORLDS = [PLAIN, SHARED, NAMES, RARE, EARLY, MODERN]
