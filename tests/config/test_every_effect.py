"""Every key that is not marked as without effect changes what is compiled: one key at a time, wherever it may stand.

A configuration of each family has each of its maps once. In each map each key is set, or set to something else, and
what the engine and the server are given must not be the same as before. Keys whose effect cannot be seen that way are
named below with the test that shows it.
"""

import copy
import json
from types import FunctionType, MappingProxyType

from dhcpkit.alloc.trace import Place
from dhcpkit.config import ConfigError, parse4, parse6
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc, ServerIdDoc
from dhcpkit.config.param import DocumentShape, ListShape, walk
from dhcpkit.config.surroundings import AuthClientDoc, AuthenticationDoc, ControlSocketDoc, HttpHeaderDoc
from dhcpkit.server.programs import listening_of, loggers_of, reclaiming_of, samples_of, sanity_of
from dhcpkit.wire.options import Option, Space

DEFINED = [
    {"name": "x", "code": 230, "type": "uint8"},
    {"name": "x", "code": 230, "type": "uint8", "space": "other"},
    {"name": "z", "code": 232, "type": "uint8"},
    {"name": "y", "code": 231, "type": "record", "record-types": "uint8, uint8", "encapsulate": "inner"},
    {"name": "a", "code": 1, "type": "uint8", "space": "inner"},
]
COMMON = {
    "interfaces-config": {"interfaces": ["eth0"]},
    "dhcp-ddns": {"enable-updates": True},
    "expired-leases-processing": {"hold-reclaimed-time": 100},
    "sanity-checks": {"lease-checks": "warn"},
    "compatibility": {"lenient-option-parsing": False},
    "option-def": DEFINED,
    "option-data": [
        {"name": "x", "data": "1"},
        {"name": "y", "data": "1, 2"},
        {"space": "inner", "code": 1, "data": "5"},
    ],
    "loggers": [{"name": "kea", "severity": "INFO", "output-options": [{"output": "stdout"}]}],
    "protection": {"leases-per-port": 3},
}
PRIVATE = 224  # codes of options from here on are not declared by anybody
ONE = {"option-data": [{"name": "x", "data": "3"}]}
BASES = {
    4: COMMON
    | {
        "client-classes": [{"name": "c", "test": "member('ALL')"} | ONE, {"name": "d"}],
        "subnet4": [{"id": 2, "subnet": "198.51.100.0/24"}],
        "shared-networks": [
            {
                "name": "n",
                "relay": {"ip-addresses": ["192.0.2.1"]},
                "subnet4": [
                    {
                        "id": 1,
                        "subnet": "192.0.2.0/24",
                        "relay": {"ip-addresses": ["192.0.2.2"]},
                        "pools": [{"pool": "192.0.2.10-192.0.2.20"} | ONE],
                        "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.5"} | ONE],
                    }
                    | ONE
                ],
            }
            | ONE
        ],
    },
    6: COMMON
    | {
        "subnet6": [{"id": 2, "subnet": "2001:db8:1::/64"}],
        "server-id": {"type": "EN", "enterprise-id": 5, "identifier": "0102"},
        "client-classes": [{"name": "c", "test": "member('ALL')"} | ONE, {"name": "d"}],
        "shared-networks": [
            {
                "name": "n",
                "relay": {"ip-addresses": ["2001:db8::1"]},
                "subnet6": [
                    {
                        "id": 1,
                        "subnet": "2001:db8::/64",
                        "relay": {"ip-addresses": ["2001:db8::2"]},
                        "pools": [{"pool": "2001:db8::10-2001:db8::20"} | ONE],
                        "pd-pools": [{"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 56} | ONE],
                        "reservations": [
                            {"duid": "00:03:00:01:02:00:00:00:00:01", "ip-addresses": ["2001:db8::5"]} | ONE
                        ],
                    }
                    | ONE
                ],
            }
            | ONE
        ],
    },
}

# Another value for keys of which the type does not tell one. A pair is a value and what has to stand beside it.
ADDRESSES = {4: ["192.0.2.7"], 6: ["2001:db8::7"]}
OTHERWISE = {
    "interfaces": lambda _: ["lo"],
    "hostname-char-set": lambda _: "[x]",
    "ddns-ttl-percent": lambda _: 0.7,
    "t1-percent": lambda _: 0.3,
    "t2-percent": lambda _: 0.7,
    "min-valid-lifetime": lambda _: 10,
    "max-valid-lifetime": lambda _: 9000,
    "valid-lifetime": lambda _: 7000,
    "min-preferred-lifetime": lambda _: 10,
    "max-preferred-lifetime": lambda _: 90,
    "adaptive-lease-time-threshold": lambda _: 0.5,
    "next-server": lambda _: "192.0.2.9",
    "subnet": lambda f: {4: "192.0.0.0/16", 6: "2001:db8::/48"}[f],
    "pool": lambda f: {4: "192.0.2.10-192.0.2.21", 6: "2001:db8::10-2001:db8::21"}[f],
    "ip-addresses": ADDRESSES.get,
    "ip-address": lambda f: ADDRESSES[f][0],
    "client-classes": lambda _: ["c"],
    "evaluate-additional-classes": lambda _: ["c"],
    "host-reservation-identifiers": lambda _: ["hw-address"],
    "mac-sources": lambda _: ["raw"],
    "relay-supplied-options": lambda _: ["66"],
    "prefix": lambda _: "2001:db8:9::",
    "prefix-len": lambda _: 45,
    "delegated-len": lambda _: 60,
    "prefixes": lambda _: ["2001:db8:9::/60"],
    "test": lambda _: "option[60].exists",
    "identifier": lambda _: "0304",
    "data": lambda _: "2",
    "output": lambda _: "stderr",
    "code": lambda _: 232,
    "space": lambda _: "other",
    "severity": lambda _: "ERROR",
    "lfc-interval": lambda _: 5,
    "threshold": lambda _: 0.5,
    "cache-threshold": lambda _: 0.5,
    "trusted-relays": ADDRESSES.get,
    "type": lambda _: "uint16",
    "record-types": lambda _: "uint8, uint8, uint8",
    "encapsulate": lambda _: "elsewhere",
    "csv-format": lambda _: False,
    "name": lambda _: "z",
    "id": lambda _: 7,
    "probation-share": lambda _: 0.5,
    "relays": ADDRESSES.get,
    "excluded-prefix": lambda _: "2001:db8:8:1::",
    "excluded-prefix-len": lambda _: 72,
    "excluded-prefixes": lambda _: ["2001:db8:9:1::/64"],
    "template-test": lambda _: "option[12].hex",
}
# What stands with a key, without which the key means nothing (or is refused).
BESIDE = {
    "hw-address": {"duid": None}, "duid": {"hw-address": None}, "circuit-id": {"hw-address": None},
    "client-id": {"hw-address": None}, "flex-id": {"hw-address": None, "duid": None}, "template-test": {"test": None},
    "csv-format": {"data": "11"}, "code": {"name": None},
    "record-types": {"type": "record", "record-types": "uint8, uint8"},
    "min-valid-lifetime": {"valid-lifetime": 100}, "max-valid-lifetime": {"valid-lifetime": 100},
    "min-preferred-lifetime": {"preferred-lifetime": 50}, "max-preferred-lifetime": {"preferred-lifetime": 50},
    "excluded-prefix": {"excluded-prefix": "2001:db8:8:2::", "excluded-prefix-len": 64},
    "excluded-prefix-len": {"excluded-prefix": "2001:db8:8:1::", "excluded-prefix-len": 64},
    "excluded-prefixes": {"prefixes": ["2001:db8:9::/56"]}, "ip-addresses": {"ip-address": None},
    "ip-address": {"ip-addresses": None},     "t1-percent": {"calculate-tee-times": True},
    "statistic-default-sample-age": {"statistic-default-sample-count": 0},
}  # fmt: skip

# Keys whose effect lies elsewhere, and the test that shows it.
CONTROL = (ControlSocketDoc, AuthenticationDoc, AuthClientDoc, HttpHeaderDoc)
ELSEWHERE = {
    **dict.fromkeys(("user-context", "comment"), "test_documents.py: kept, shown, and meant to have no effect"),
    "lease-database.type": "test_compile.py",
    "lease-database.name": "../server/test_end_to_end.py",
    "lease-database.persist": "../server/test_end_to_end6.py",
    "lease-database.lfc-interval": "../server/test_end_to_end.py",
    "lease-database.max-row-errors": "../backends/test_reader.py",
    "lease-database.durability": "../server/test_end_to_end.py",
    **dict.fromkeys(("hosts-database", "hosts-databases"), "../server/test_host_cmds.py: stores of reservations"),
    "hosts-database.name": "../server/test_host_cmds.py: stores of reservations",
    **{f"server-id.{key}": "../server/test_server_id.py: the DUID" for key in ServerIdDoc.by_key},
    "data-directory": "../server/test_data_directory.py",
    "ip-reservations-unique": "test_like_kea.py: same address for two",
    "shared-networks/0/subnet4/0/authoritative": "test_contacts.py: subnets of a link agree",
    "hooks-libraries": "../server/test_libraries.py",
    "hooks-libraries.library": "../server/test_libraries.py",
    "hooks-libraries.parameters": "../server/test_libraries.py",
    "hooks-libraries.callout-deadline": "../hooks/test_hooked_server.py",
    "parked-packet-limit": "../hooks/test_hooked_server.py",
    "dhcp-socket-type": "../server/test_sockets.py: raw or not",
    "outbound-interface": "../server/test_outbound.py",
    "re-detect": "../server/test_outbound.py",
    **{
        f"{cls.map_name}.{key}": "../server/test_control_http.py"
        for cls in CONTROL
        for key in cls.by_key
        if key not in ("user-context", "comment")
    },
    "control-socket.socket-name": "../server/test_control.py",
    "control-socket": "../server/test_control.py",
    "control-sockets": "../server/test_control_http.py",
}


def show(value, seen=()):
    """All that a compiled thing is made of, as a text; where it stands in the file does not count."""
    if id(value) in seen:
        return "..."
    seen = (*seen, id(value))
    if isinstance(value, str | bytes | int | float | bool | None):
        return repr(value)
    if isinstance(value, Place):
        return ""
    if isinstance(value, Option):
        inner = value.encapsulates.name if value.encapsulates is not None else ""
        kind = f"{value.kind.name} {len(value.kind.fields)} {value.kind.array}"
        return f"{value.space}.{value.code}:{value.name}:{kind}:{inner}"
    if isinstance(value, Space):
        own = [show(option) for option in value if option.space not in ("dhcp4", "dhcp6") or option.code >= PRIVATE]
        return f"{value.name}({', '.join(own)})"
    if isinstance(value, dict | MappingProxyType):
        return "{" + ", ".join(sorted(f"{show(k, seen)}: {show(v, seen)}" for k, v in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(show(each, seen) for each in value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(each, seen) for each in value) + "]"
    if isinstance(value, FunctionType):
        return value.__qualname__ + show([cell.cell_contents for cell in value.__closure__ or ()], seen)
    if isinstance(value, type):
        return value.__qualname__
    names = {name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())} | {
        *getattr(value, "__dict__", {})
    }
    inner = {name: getattr(value, name) for name in names if not name.startswith("__") and hasattr(value, name)}
    return type(value).__name__ + (show(inner, seen) if inner else str(value))


def made_of(family, keys):
    """What the engine and the server are given of a configuration."""
    loaded = (parse4 if family == 4 else parse6)(json.dumps({f"Dhcp{family}": keys}))
    doc = loaded.doc
    parts = [loaded.network, listening_of(doc), reclaiming_of(doc), loggers_of(doc), sanity_of(doc), samples_of(doc)]
    return "\n".join(map(show, parts))


def places(cls, keys, way=()):
    """Every map of a configuration with the class of its document; the first of each list."""
    yield cls, way
    for declared in cls.params.values():
        shape = declared.shape
        if declared.key not in keys or not isinstance(getattr(shape, "item", None) or shape, DocumentShape):
            continue
        if isinstance(shape, ListShape):
            yield from places(shape.item.document, keys[declared.key][0], (*way, declared.key, 0))
        else:
            yield from places(shape.document, keys[declared.key], (*way, declared.key))


def another(declared, family, now):
    """A value for a key that is not the one it has."""
    if declared.key in OTHERWISE:
        return OTHERWISE[declared.key](family)
    shape = declared.shape
    default = declared.inherit if declared.default is None else declared.default
    held = default if now is None else now
    if declared.choices and not isinstance(shape, ListShape):
        return next(choice for choice in declared.choices if choice != held)
    if shape.python is bool:
        return not held
    if shape.python is int:
        return (held or 0) + 1
    return "a1"


def changes(family):
    """Each key that has an effect, where it stands, and the configuration with it and with it otherwise."""
    root = Dhcp4Doc if family == 4 else Dhcp6Doc
    for cls, way in places(root, BASES[family]):
        for declared in cls.params.values():
            inner = getattr(declared.shape, "item", None) or declared.shape
            if declared.idle or isinstance(inner, DocumentShape):
                continue  # a map has an effect by what is in it, and its keys are all tried
            name = "/".join(map(str, (*way, declared.key)))
            if ELSEWHERE.keys().isdisjoint((declared.key, f"{cls.map_name}.{declared.key}", name)):
                yield name, way, declared


def test_every_key_has_an_effect():
    nothing, refused, tried = [], [], 0
    for family, base in BASES.items():
        for name, way, declared in changes(family):
            tried += 1
            keys = copy.deepcopy(base)
            inner = keys
            for step in way:
                inner = inner[step]
            for key, value in BESIDE.get(declared.key, {}).items():
                inner.pop(key, None)
                if value is not None:
                    inner[key] = value
            value = another(declared, family, inner.get(declared.key))
            before = copy.deepcopy(keys)
            inner[declared.key] = value
            try:
                after = made_of(family, keys)
            except ConfigError as error:
                if way[:1] == ("option-def",):  # what uses the definition cannot be without it: an effect, too
                    continue
                refused.append(f"{family}: {name} = {value}: {error.problems[0].message}")
                continue
            try:
                if after == made_of(family, before):
                    nothing.append(f"{family}: {name} = {value}")
            except ConfigError:
                pass  # without the key there is something that cannot be: an effect, too
    assert (nothing, refused) == ([], [])
    assert tried > 400


def test_every_map_is_tried():
    """But those which only keys without effect, or other tests, look into."""
    for family, root in ((4, Dhcp4Doc), (6, Dhcp6Doc)):
        there = {cls for cls, _ in places(root, BASES[family])}
        lacking = {
            f"{cls.map_name}.{each.key}"
            for cls in {*walk(root)} - there
            for each in cls.params.values()
            if not each.idle
        }
        assert {name for name in lacking if ELSEWHERE.keys().isdisjoint((name, name.partition(".")[2]))} == set()


def test_each_named_test_is_there(repo):
    for key, where in ELSEWHERE.items():
        file, described, _ = where.partition(":")
        text = (repo / "tests" / "config" / file).read_text()
        word = key.rpartition(".")[2]
        assert described or word in text or word.replace("-", "_") in text, (key, where)
