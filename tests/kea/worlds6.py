"""Configurations of DHCPv6 for real Kea and for us, as worlds4.py has them for DHCPv4.

Every link has a prefix of its own for its subnets and another for its delegated prefixes; relay agents name it by
link-address, or by an interface-id where the subnet has one.
"""

import importlib.util
from pathlib import Path

import attrs

_spec = importlib.util.spec_from_file_location("kea_worlds4_of_6", Path(__file__).parent / "worlds4.py")
_four = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_four)
COPIES, FOREVER, UNTIMED = _four.COPIES, _four.FOREVER, _four.UNTIMED
lease_commands, option, lifetimes = _four.lease_commands, _four.option, _four.lifetimes

ROLES = range(8)
SERVER6 = "2001:db8:ffff::1"
SERVER_DUID = b"\0\3\0\1\2\0\0\0\0\1"


@attrs.frozen
class Link:
    """Where a conversation takes place: its number, and the kind of its subnets."""

    number: int
    kind: str = ""

    def net(self, index):
        """The first four groups of one of its four subnets."""
        return f"2001:db8:{self.number:x}:{index}"

    def delegated(self, index=0):
        """Five octets of the prefix that parts are delegated of."""
        return f"2001:db8:{0x8000 + self.number * 4 + index:x}"

    def id(self, index):
        return self.number * 4 + index + 1

    def hwaddr(self, role):
        return b"\2\0" + self.number.to_bytes(2, "big") + b"\0" + bytes((role,))

    def duid(self, role):
        """Of different types."""
        if role in (1, 4):
            return b"\0\1\0\1\x2a\2\3\4" + self.hwaddr(role)
        if role in (2, 5):
            return b"\0\2\0\0\0\x09" + self.number.to_bytes(4, "big") + bytes((role,))
        return b"\0\3\0\1" + self.hwaddr(role)

    def interface_id(self, index):
        return f"port-{self.number}-{index}"


@attrs.frozen
class World:
    """Settings, and kinds of links."""

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
        found = {"subnet6": [], "shared-networks": [], "reservations": []}
        for link in self.links():
            for key, values in self.kinds[link.kind](link).items():
                found[key] += values
        severity = {"severity": "DEBUG", "debuglevel": 99} if debug else {"severity": "WARN"}
        # Kea 2.2 repeats no lease unless told to, and removes what is released.
        released = {} if version >= (3,) else {"hold-reclaimed-time": 0}
        return {
            "Dhcp6": {
                "interfaces-config": {"interfaces": [f"eth0/{SERVER6}"]},
                "server-id": {"type": "LL", "htype": 1, "identifier": SERVER_DUID[4:].hex(), "persist": False},
                "lease-database": {"type": "memfile", "persist": False, "name": str(folder / "leases6.csv")},
                "control-socket": {"socket-type": "unix", "socket-name": str(folder / "control")},
                "hooks-libraries": [{"library": lease_commands()}],
                "loggers": [{"name": "kea-dhcp6", "output_options": [{"output": "stdout"}], **severity}],
                "multi-threading": {"enable-multi-threading": False},
                "expired-leases-processing": {**UNTIMED, **released},
                **({"cache-threshold": 0.0} if ours or version >= (3,) else {}),
                **self.settings,
                **found,
            }
        }


def preferred(least, usual, most):
    return {"preferred-lifetime": usual, "min-preferred-lifetime": least, "max-preferred-lifetime": most}


def reserved(link, index=0):
    """What the roles of a link have reserved in one of its subnets."""
    net = link.net(index)
    return [
        {
            "duid": link.duid(1).hex(":"),
            "ip-addresses": [f"{net}::12"],
            "hostname": "one",
            "option-data": [option("dns-servers", "2001:db8::22"), option("nis-servers", "2001:db8::23")],
        },
        {
            "duid": link.duid(2).hex(":"),
            "ip-addresses": [f"{net}:f::200", f"{net}:f::201"],
            "prefixes": [f"{link.delegated()}:ff00::/56"],
            "client-classes": ["vip"],
        },
        {"hw-address": link.hwaddr(3).hex(":"), "ip-addresses": [f"{net}::14"], "hostname": "three.example.net"},
        {"duid": link.duid(4).hex(":"), "prefixes": [f"{link.delegated()}:300::/56"], "hostname": "Four"},
        {
            "duid": link.duid(5).hex(":"),
            "option-data": [option("sntp-servers", "2001:db8::55", **{"always-send": True})],
        },
    ]


def everywhere(link):
    """Global reservations."""
    return [
        {"duid": link.duid(6).hex(":"), "hostname": "six", "client-classes": ["vip"]},
        {"duid": link.duid(7).hex(":"), "ip-addresses": [f"{link.net(0)}:f::210"]},
    ]


def subnet(link, index=0, pools=((0x10, 0x1F),), pd=((56, 0),), **more):
    net = link.net(index)
    pd_pools = []
    for number, (length, excluded) in enumerate(pd):
        where = f"{link.delegated(index)}:{number * 0x1000:x}::"
        left_out = {"excluded-prefix": where, "excluded-prefix-len": excluded} if excluded else {}
        pd_pools.append({"prefix": where, "prefix-len": 52, "delegated-len": length, **left_out})
    return {
        "id": link.id(index),
        "subnet": f"{net}::/64",
        "pools": [{"pool": f"{net}::{first:x} - {net}::{last:x}"} for first, last in pools],
        "pd-pools": pd_pools,
        **more,
    }


CLASSES = [
    {
        "name": "vip",
        "option-data": [option("domain-search", "vip.example.org"), option("sip-server-addr", "2001:db8::5")],
    },
    {
        "name": "phones",
        "test": "substring(option[16].hex, 6, 5) == 'phone'",
        "valid-lifetime": 900,
        "min-valid-lifetime": 600,
        "max-valid-lifetime": 1800,
        "preferred-lifetime": 800,
        "min-preferred-lifetime": 500,
        "max-preferred-lifetime": 1500,
        "option-data": [option("dns-servers", "2001:db8::55")],
    },
    {"name": "others", "test": "not member('phones')"},
    {"name": "labs", "test": "substring(option[15].hex, 2, 3) == 'lab'"},
    {
        "name": "known-phones",
        "test": "member('phones') and member('KNOWN')",
        "option-data": [option("domain-search", "known.example.org", **{"always-send": True})],
    },
    {"name": "relayed", "test": "relay6[0].option[37].exists", "option-data": [option("bootfile-url", "tftp://r")]},
    {
        "name": "late",
        "test": "member('UNKNOWN')",
        "only-if-required": True,
        "option-data": [option("nisp-servers", "2001:db8::77", **{"always-send": True})],
    },
]
DEFINITIONS = [
    {"name": "floor", "code": 1000, "type": "uint8", "space": "dhcp6"},
    {"name": "place", "code": 1001, "type": "record", "record-types": "uint16, string", "space": "dhcp6"},
    {"name": "colour", "code": 5, "type": "string", "space": "vendor-9"},
]
GLOBAL_OPTIONS = [
    option("dns-servers", "2001:db8::2, 2001:db8::3"),
    option("domain-search", "example.org, sub.example.org"),
    option("information-refresh-time", "5000"),
    option("floor", "7"),
    option("place", "5, here", **{"always-send": True}),
    option("vendor-opts", "9"),
    option("colour", "green", space="vendor-9", **{"always-send": True}),
    option("tftp-servers", "2001:db8::9", space="vendor-4491"),
    {"code": 1002, "space": "dhcp6", "data": "0a0b", "csv-format": False},
    option("preference", "7"),
    option("unicast", SERVER6),
    option("new-posix-timezone", "EST5EDT4\\,M3.2.0/02:00\\,M11.1.0/02:00"),
]


def plain(link):
    more = {"option-data": [option("dns-servers", "2001:db8::80"), option("sntp-servers", "2001:db8::81")]}
    return {"subnet6": [subnet(link, reservations=reserved(link), **more)]}


def pools(link):
    """Two pools, one for phones and one for others, and pools of prefixes: of another length, and with an exclusion."""
    made = subnet(link, pools=((0x10, 0x12), (0x20, 0x2F)), pd=((56, 60), (58, 0)), reservations=reserved(link))
    made["pools"][0] |= {"client-class": "phones", "option-data": [option("sntp-servers", "2001:db8::82")]}
    made["pools"][1] |= {
        "client-class": "others",
        "option-data": [option("nis-servers", "2001:db8::83", **{"always-send": True})],
    }
    made["pd-pools"][1]["option-data"] = [option("nisp-servers", "2001:db8::84", **{"always-send": True})]
    made["require-client-classes"] = ["late"]
    return {"subnet6": [made]}


def small(link):
    """Two addresses and one prefix: soon there are none."""
    more = {"renew-timer": 100, "rebind-timer": 200, **lifetimes(300, 300, 300), **preferred(250, 250, 250)}
    made = subnet(link, pools=((0x10, 0x11),), **more)
    made["pd-pools"][0] |= {"prefix-len": 56, "delegated-len": 56}
    return {"subnet6": [made]}


def named(link):
    """A subnet that relay agents name by interface-id, with rapid commit, which keeps what relays say."""
    more = {"interface-id": link.interface_id(0), "rapid-commit": True, "store-extended-info": True}
    return {"subnet6": [subnet(link, **more)]}


def shared(link):
    """A network of two subnets, the first for phones only."""
    first = subnet(link, 0, **{"client-class": "phones", "option-data": [option("sntp-servers", "2001:db8::85")]})
    second = subnet(link, 1, reservations=reserved(link, 1), **{"renew-timer": 700})
    network = {
        "name": f"link-{link.number}",
        "subnet6": [first, second],
        "option-data": [option("domain-search", "shared.example.org")],
        "relay": {"ip-addresses": [f"{link.net(0)}::1"]},
    }
    return {"shared-networks": [network]}


def siblings(link):
    """A network of two subnets for everybody, of three addresses and few prefixes each."""
    first = subnet(link, 0, pools=((0x10, 0x12),), reservations=reserved(link, 0)[:1])
    second = subnet(link, 1, pools=((0x10, 0x12),), reservations=reserved(link, 1)[2:])
    network = {"name": f"link-{link.number}", "subnet6": [first, second], "interface-id": link.interface_id(0)}
    return {"shared-networks": [network]}


def globally(link):
    """Global reservations besides the subnet's."""
    flags = {"reservations-global": True, "reservations-in-subnet": True}
    return {"subnet6": [subnet(link, reservations=reserved(link), **flags)], "reservations": everywhere(link)}


def outside(link):
    """Reservations said to be out of pools."""
    flags = {"reservations-global": True, "reservations-in-subnet": True, "reservations-out-of-pool": True}
    return {"subnet6": [subnet(link, reservations=reserved(link), **flags)], "reservations": everywhere(link)}


def naming(**keys):
    def made(link):
        written = {f"ddns-{key.replace('_', '-')}": value for key, value in keys.items()}
        return {"subnet6": [subnet(link, reservations=reserved(link), **written)]}

    return made


BASIC = {"option-def": DEFINITIONS, "option-data": GLOBAL_OPTIONS, "client-classes": CLASSES}
TRIPLETS = {**lifetimes(1200, 3600, 7200), **preferred(1000, 3000, 7000)}

PLAIN = World(
    "plain6",
    {**BASIC, **TRIPLETS, "relay-supplied-options": ["65", "110"]},
    {"plain": plain, "pools": pools, "small": small, "named": named},
)
SHARED = World(
    "shared6",
    {**BASIC, **TRIPLETS, "cache-threshold": 0.25, "renew-timer": 900, "rebind-timer": 1800},
    {"shared": shared, "siblings": siblings, "globally": globally, "outside": outside},
)
NAMES = World(
    "names6",
    {
        **BASIC,
        "valid-lifetime": 3600,
        "preferred-lifetime": 2400,
        "calculate-tee-times": True,
        "t1-percent": 0.4,
        "t2-percent": 0.7,
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
    """Two clients have the same address and prefix reserved, and one of them several."""
    net, hosts = link.net(0), reserved(link)
    hosts[0] |= {"ip-addresses": [f"{net}::12", f"{net}::13"], "prefixes": hosts[3]["prefixes"]}
    hosts[2] |= {"ip-addresses": [f"{net}::12"]}
    hosts.append({"duid": link.duid(7).hex(":"), "ip-addresses": hosts[1]["ip-addresses"]})
    return {"subnet6": [subnet(link, pools=((0x10, 0x14),), reservations=hosts)]}


def several(link):
    """A client with more addresses and prefixes reserved than it has associations, in pools and out of them."""
    net, delegated = link.net(0), link.delegated()
    host = {
        "duid": link.duid(0).hex(":"),
        "ip-addresses": [f"{net}::11", f"{net}:f::201", f"{net}::10"],
        "prefixes": [f"{delegated}:200::/56", f"{delegated}:ff00::/60", f"{delegated}:100::/56"],
    }
    return {"subnet6": [subnet(link, pools=((0x10, 0x12),), reservations=[host, *reserved(link)[2:]])]}


def forever(link):
    """Leases that never end, but for clients that ask for less."""
    more = {**lifetimes(600, FOREVER, FOREVER), **preferred(500, FOREVER, FOREVER), "calculate-tee-times": True}
    return {"subnet6": [subnet(link, **more)]}


def repeated(link):
    """Leases that are repeated for a while, and kept names."""
    more = {"cache-threshold": 0.5, "cache-max-age": 1000, "store-extended-info": True, "rapid-commit": True}
    return {"subnet6": [subnet(link, pools=((0x10, 0x13),), reservations=reserved(link), **more)]}


def vips(link):
    """A network of two subnets, one for those that a global reservation says are important."""
    flags = {"reservations-global": True, "reservations-in-subnet": True}
    first = subnet(link, 0, pools=((0x10, 0x12),), **{"client-class": "vip", **flags})
    second = subnet(link, 1, **flags)
    network = {"name": f"link-{link.number}", "subnet6": [first, second]}
    return {"shared-networks": [network], "reservations": everywhere(link)}


def known(link):
    """Pools for those who have a global reservation, and for those who have none."""
    flags = {"reservations-global": True, "reservations-in-subnet": False}
    made = subnet(link, 0, pools=((0x10, 0x12), (0x20, 0x22)), **flags)
    made["pools"][0]["client-class"] = "KNOWN"
    made["pools"][1]["client-class"] = "UNKNOWN"
    made["pd-pools"][0]["client-class"] = "KNOWN"
    made["require-client-classes"] = ["late"]
    return {"subnet6": [made], "reservations": everywhere(link)}


def all_reserved(allocator, pd_allocator):
    """Four addresses and prefixes, each reserved: whatever the order, there is no choice."""

    def made(link):
        net, delegated = link.net(0), link.delegated()
        hosts = [
            {
                "duid": link.duid(role).hex(":"),
                "ip-addresses": [f"{net}::{role + 0x10:x}"],
                "prefixes": [f"{delegated}:{role:x}00::/56"],
            }
            for role in range(4)
        ]
        more = {"allocator": allocator, "pd-allocator": pd_allocator, "reservations": hosts}
        made = subnet(link, pools=((0x10, 0x13),), **more)
        made["pd-pools"][0] |= {"prefix-len": 54, "delegated-len": 56}
        return {"subnet6": [made]}

    return made


def excluded(link):
    """Reserved prefixes, each with a part left out, and pools with one."""
    delegated = link.delegated()
    hosts = [
        {
            "duid": link.duid(role).hex(":"),
            "prefixes": [f"{delegated}:{where}::/56", f"{delegated}:{other}::/56"],
            "excluded-prefixes": [f"{delegated}:{where}::/64", ""],
        }
        for role, where, other in ((0, "ff00", "200"), (1, "100", "fe00"))
    ]
    return {"subnet6": [subnet(link, pd=((56, 60),), reservations=hosts)]}


RARE = World(
    "rare6",
    {**BASIC, **TRIPLETS, "ip-reservations-unique": False, "calculate-tee-times": True},
    {"twice": twice, "several": several, "forever": forever, "repeated": repeated},
)
EARLY = World(
    "early6",
    {**BASIC, **TRIPLETS, "early-global-reservations-lookup": True},
    {"vips": vips, "known": known, "globally": globally},
)
MODERN = World(
    "modern6",
    {**BASIC, **TRIPLETS},
    {
        "scattered": all_reserved("random", "random"),
        "queued": all_reserved("iterative", "flq"),
        "excluded": excluded,
    },
    modern=True,
)
WORLDS = [PLAIN, SHARED, NAMES, RARE, EARLY, MODERN]
