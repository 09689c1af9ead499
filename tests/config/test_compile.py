"""Documents to the network: what is inherited, what options become, and where explanations find their places."""

import json
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.pick import Queue4
from dhcpkit.alloc.terms import Member
from dhcpkit.config import ConfigError, Dhcp4Doc, compile4, parse4
from dhcpkit.config.dhcp4 import ClientClassDoc, RelayDoc, ReservationDoc, SharedNetworkDoc, Subnet4Doc
from dhcpkit.config.dhcp4 import Network4Doc as NetworkDoc
from dhcpkit.config.documents import DhcpDdnsDoc, OptionDataDoc, PoolDoc
from dhcpkit.config.inherit import INHERITED4, OUTERMOST
from dhcpkit.testing.documents import param_values
from dhcpkit.wire.options4 import DHCP4

LAN = {"subnet": "192.0.2.0/24", "id": 1}


def lan(**keys):
    return Subnet4Doc(**LAN, **keys)


def one(doc):
    (subnet,) = compile4(doc).subnets
    return subnet


def options_of(entries, **keys):
    doc = Dhcp4Doc(subnet4=(lan(option_data=tuple(OptionDataDoc(**entry) for entry in entries)),), **keys)
    return one(doc).options


# Inheritance.

NAMING = {  # keys of names whose attribute in Naming is not their own without "ddns_"
    "hostname_char_set": "char_set",
    "hostname_char_replacement": "char_replacement",
    "ddns_use_conflict_resolution": "conflict_resolution_mode",
}
BOUND = {"t1_percent", "t2_percent", "renew_timer", "rebind_timer"}  # to one another: below
EXCLUDED = {*BOUND, "ddns_use_conflict_resolution", "ddns_conflict_resolution_mode", "allocator"}


@pytest.mark.parametrize("name", sorted(set(INHERITED4) - EXCLUDED))
@given(data=st.data())
def test_the_nearest_level_that_says_something_holds(name, data):
    values = param_values(NetworkDoc.params[name])
    everywhere, shared, own = (data.draw(st.none() | values) for _ in range(3))
    if name == "authoritative":  # all subnets of a shared network are as the network says
        own = data.draw(st.sampled_from([None, bool(shared)]))
    subnet = lan(**{name: own})
    doc = Dhcp4Doc(
        shared_networks=(SharedNetworkDoc(name="n", subnet4=(subnet,), **{name: shared}),),
        dhcp_ddns=DhcpDdnsDoc(enable_updates=True),
        **{name: everywhere},
    )
    subnet = one(doc)
    named = name.startswith(("ddns_", "hostname_"))
    found = getattr(subnet.naming, NAMING.get(name, name.removeprefix("ddns_"))) if named else getattr(subnet, name)
    nothing = (None, "") if name in {"server_hostname", "boot_file_name"} else (None,)  # empty is none
    expected = next((value for value in (own, shared, everywhere) if value not in nothing), OUTERMOST[name])
    if named and expected is None:
        expected = 0  # "not set" of the lifetimes of records
    if name == "next_server":
        expected = int(IPv4Address(expected or "0.0.0.0"))
    assert found == expected


def network_of(**more):
    return parse4(json.dumps({"Dhcp4": more})).network


SUBNET = {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.20"}]}


class TestNames:
    def test_nothing_is_told_unless_updates_are_enabled(self):
        assert not one_of(network_of(subnet4=[SUBNET], **{"ddns-send-updates": True})).naming.send_updates
        assert one_of(network_of(subnet4=[SUBNET], **{"dhcp-ddns": {"enable-updates": True}})).naming.send_updates
        off = {"ddns-send-updates": False, "dhcp-ddns": {"enable-updates": True}}
        assert not one_of(network_of(subnet4=[SUBNET], **off)).naming.send_updates

    def test_a_pool_has_its_own_and_inherits_the_rest(self):
        pools = [
            {"pool": "192.0.2.10 - 192.0.2.20", "ddns-generated-prefix": "box"},
            {"pool": "192.0.2.30 - 192.0.2.40"},
        ]
        network = network_of(subnet4=[SUBNET | {"pools": pools, "ddns-qualifying-suffix": "lab.example"}])
        own, plain = one_of(network).pools
        assert (own.naming.generated_prefix, own.naming.qualifying_suffix) == ("box", "lab.example")
        assert plain.naming is None

    def test_keys_of_older_files_hold_where_today_s_are_not_said(self):
        old = {
            "enable-updates": True,
            "qualifying-suffix": "old.example",
            "replace-client-name": "always",
            "generated-prefix": "old",
        }
        network = network_of(subnet4=[SUBNET], **{"dhcp-ddns": old, "ddns-generated-prefix": "new"})
        naming = one_of(network).naming
        assert (naming.qualifying_suffix, naming.replace_client_name) == ("old.example", "always")
        assert naming.generated_prefix == "new"

    def test_a_pattern_that_is_none_is_told(self):
        loaded = parse4(json.dumps({"Dhcp4": {"subnet4": [SUBNET | {"hostname-char-set": "[a"}]}}))
        assert [problem.code.id for problem in loaded.warnings] == ["DK1108"]


def one_of(network):
    [subnet] = network.subnets
    return subnet


def test_how_addresses_are_given_and_kept():
    network = network_of(
        subnet4=[SUBNET | {"allocator": "flq", "adaptive-lease-time-threshold": 0.5, "offer-lifetime": 60}],
        **{
            "client-classes": [{"name": "c", "offer-lifetime": 7}],
            "compatibility": {"exclude-first-last-24": True},
            "stash-agent-options": True,
        },
    )
    subnet = one_of(network)
    assert (type(subnet.allocator), subnet.adaptive_lease_time_threshold) == (Queue4, 0.5)
    assert (subnet.offer_lifetime, network.classes["c"].offer_lifetime) == (60, 7)
    assert (network.exclude_first_last_24, network.stash_agent_options) == (True, True)


@pytest.mark.parametrize(
    ("expired", "keep"),
    [
        ({"reclaim-timer-wait-time": 10}, True),
        ({"hold-reclaimed-time": 0}, False),
        ({"flush-reclaimed-timer-wait-time": 0}, False),
    ],
)
def test_released_leases_are_kept_where_reclaimed_ones_are(expired, keep):
    assert network_of(subnet4=[SUBNET], **{"expired-leases-processing": expired}).keep_released is keep


@given(st.lists(st.none() | st.integers(1, 100), min_size=9, max_size=9))
def test_each_of_the_three_lifetimes_is_inherited_by_itself(drawn):
    names = ("min_valid_lifetime", "valid_lifetime", "max_valid_lifetime")
    # Bounds below and above every default, so that no combination is refused.
    shift = {"min_valid_lifetime": 0, "valid_lifetime": 100, "max_valid_lifetime": 7200}
    levels = [
        {name: value + shift[name] for name, value in zip(names, drawn[at : at + 3], strict=True) if value is not None}
        for at in (0, 3, 6)
    ]
    globals_, shared, own = levels
    doc = Dhcp4Doc(
        shared_networks=(SharedNetworkDoc(name="n", subnet4=(lan(**own),), **shared),),
        **globals_,
    )
    merged = globals_ | shared | own
    default = merged.get("valid_lifetime", 7200)
    found = one(doc).lifetimes
    assert found.default == default
    assert found.minimum == merged.get("min_valid_lifetime", default)
    assert found.maximum == merged.get("max_valid_lifetime", default)


MODES = {
    "disabled": (False, False, False),
    "out-of-pool": (False, True, True),
    "global": (True, False, False),
    "all": (False, True, False),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_reservation_mode_is_three_flags(mode):
    subnet = one(Dhcp4Doc(subnet4=(lan(reservation_mode=mode),), reservations_global=True))
    flags = (subnet.reservations_global, subnet.reservations_in_subnet, subnet.reservations_out_of_pool)
    assert flags == MODES[mode]


def test_a_mistake_in_the_globals_is_told_once():
    subnets = tuple(Subnet4Doc(subnet=f"192.0.{n}.0/24", id=n) for n in range(1, 9))
    with pytest.raises(ConfigError) as caught:
        compile4(Dhcp4Doc(subnet4=subnets, min_valid_lifetime=9000, calculate_tee_times=True, t1_percent=0.9))
    assert sorted(problem.code.id for problem in caught.value.errors) == ["DK1207", "DK1208"]


# Subnets and what they hold.


def test_subnets_without_id_are_counted_shared_networks_first():
    prefixes = [f"10.0.{n}.0/24" for n in range(3)]
    doc = Dhcp4Doc(
        subnet4=tuple(Subnet4Doc(subnet=prefix) for prefix in prefixes[:2]),
        shared_networks=(SharedNetworkDoc(name="n", subnet4=(Subnet4Doc(subnet=prefixes[2]),)),),
    )
    assert {str(subnet.prefix): subnet.id for subnet in compile4(doc).subnets} == dict(
        zip(prefixes, (2, 3, 1), strict=True)
    )


def test_relays_and_guards_and_interfaces():
    doc = Dhcp4Doc(
        shared_networks=(
            SharedNetworkDoc(
                name="n",
                interface="eth0",
                relay=RelayDoc(ip_address="10.9.9.9"),
                client_class="old",
                subnet4=(
                    lan(
                        relay=RelayDoc(ip_addresses=("10.0.0.1", "10.0.0.2")),
                        client_classes=("a", "b"),
                        pools=(PoolDoc(pool="192.0.2.64/28", client_class="c", pool_id=7),),
                    ),
                ),
            ),
        )
    )
    network = compile4(doc)
    (shared,), (subnet,) = network.shared_networks, network.subnets
    assert {str(IPv4Address(relay)) for relay in subnet.relays} == {"10.0.0.1", "10.0.0.2"}
    assert [str(IPv4Address(relay)) for relay in shared.relays] == ["10.9.9.9"]
    assert (shared.client_classes, subnet.client_classes) == (("old",), ("a", "b"))
    assert network.by_interface("eth0") == [subnet]
    (pool,) = subnet.pools
    assert (str(pool), pool.client_classes, pool.pool_id) == ("192.0.2.64-192.0.2.79", ("c",), 7)


CONTRADICTIONS = [
    {"subnet4": [LAN | {"client-class": "a", "client-classes": ["b"]}]},
    {"subnet4": [LAN | {"relay": {"ip-address": "10.0.0.1", "ip-addresses": ["10.0.0.2"]}}]},
    {
        "shared-networks": [
            {"name": "n", "interface": "eth0", "subnet4": [LAN | {"interface": "eth1"}]},
        ]
    },
    {"loggers": [{"name": "x", "output_options": [{"output": "stdout"}], "output-options": [{"output": "stdout"}]}]},
]


@pytest.mark.parametrize("keys", CONTRADICTIONS, ids=lambda keys: json.dumps(keys)[:40])
def test_what_is_said_twice_is_refused(keys):
    with pytest.raises(ConfigError) as caught:
        parse4(json.dumps({"Dhcp4": keys}))
    assert [problem.code.id for problem in caught.value.errors] == ["DK1106"]


def test_global_values_reach_the_network():
    network = compile4(
        Dhcp4Doc(
            authoritative=True,
            echo_client_id=False,
            decline_probation_period=7,
            host_reservation_identifiers=("duid",),
            early_global_reservations_lookup=True,
            option_data=(OptionDataDoc(name="routers", data="192.0.2.1"),),
        )
    )
    assert network.authoritative
    assert not network.echo_client_id
    assert network.decline_probation_period == 7
    assert network.host_identifiers == ("duid",)
    assert network.early_global_reservations_lookup
    assert network.options.get(3).payload == bytes((192, 0, 2, 1))


def test_server_identifiers_are_gathered_from_everywhere():
    def named(address):
        return (OptionDataDoc(name="dhcp-server-identifier", data=address),)

    reserved = ReservationDoc(hw_address="01:02", option_data=named("10.0.0.6"))
    doc = Dhcp4Doc(
        option_data=named("10.0.0.1"),
        client_classes=(ClientClassDoc(name="c", option_data=named("10.0.0.2")),),
        shared_networks=(
            SharedNetworkDoc(
                name="n",
                option_data=named("10.0.0.3"),
                subnet4=(
                    lan(
                        option_data=named("10.0.0.4"),
                        pools=(PoolDoc(pool="192.0.2.9-192.0.2.9", option_data=named("10.0.0.5")),),
                        reservations=(reserved,),
                    ),
                ),
            ),
        ),
    )
    found = {str(IPv4Address(address)) for address in compile4(doc).server_identifiers}
    assert found == {f"10.0.0.{n}" for n in range(1, 7)}


# Options.

PAYLOADS = [  # entry, code, payload in hexadecimal
    ({"name": "routers", "data": "192.0.2.1, 192.0.2.2"}, 3, "c0000201c0000202"),
    ({"code": 6, "data": "192.0.2.53"}, 6, "c0000235"),
    ({"name": "host-name", "data": r"a\,b"}, 12, "612c62"),
    ({"name": "domain-name", "data": "example.org"}, 15, "6578616d706c652e6f7267"),
    ({"code": 3, "data": "0xC0000201", "csv_format": False}, 3, "c0000201"),
    ({"code": 3, "data": "c0:00:02:01", "csv_format": False}, 3, "c0000201"),
    ({"code": 231, "data": "'hi'", "csv_format": False}, 231, "6869"),
    ({"name": "ip-forwarding", "data": "true"}, 19, "01"),
    ({"name": "interface-mtu", "data": "1500"}, 26, "05dc"),
    ({"name": "routers"}, 3, ""),
]


@pytest.mark.parametrize(("entry", "code", "payload"), PAYLOADS, ids=[str(entry) for entry, _, _ in PAYLOADS])
def test_an_option_s_payload(entry, code, payload):
    value = options_of([entry]).get(code)
    assert value.payload.hex() == payload
    assert not value.always_send
    assert not value.never_send


def test_always_and_never():
    values = options_of(
        [{"name": "routers", "always_send": True}, {"name": "domain-name", "data": "x", "never_send": True}]
    )
    assert (values.always, values.never) == ((3,), (15,))


def test_the_later_of_two_entries_for_one_option_wins():
    entries = [{"name": "routers", "data": f"192.0.2.{n}"} for n in (1, 2)]
    assert options_of(entries).get(3).payload == bytes((192, 0, 2, 2))


def defined(*definitions, **keys):
    entries = [{"space": "dhcp4", "type": "uint8"} | definition for definition in definitions]
    return {"option-def": entries, "subnet4": [LAN | keys]}


def compiled(keys):
    (subnet,) = parse4(json.dumps({"Dhcp4": keys})).network.subnets
    return subnet


def test_an_option_of_one_s_own():
    record = {"name": "who", "code": 230, "type": "record", "record-types": "uint16, ipv4-address, string"}
    subnet = compiled(defined(record, **{"option-data": [{"name": "who", "data": "513, 192.0.2.1, two words"}]}))
    value = subnet.options.get(230)
    assert value.payload == b"\2\1\xc0\0\2\1two words"
    assert value.option.parse(value.payload) == (513, IPv4Address("192.0.2.1"), "two words")
    assert DHCP4.by_code(230) is None  # the standard space stays as it is


def test_options_in_an_option_of_the_same_level():
    definitions = [
        {"name": "one", "code": 1, "space": "vendor-encapsulated-options-space"},
        {
            "name": "two",
            "code": 2,
            "space": "vendor-encapsulated-options-space",
            "type": "empty",
            "encapsulate": "deep",
        },
        {"name": "leaf", "code": 9, "space": "deep", "type": "string"},
    ]
    data = [
        {"name": "vendor-encapsulated-options"},
        {"name": "one", "space": "vendor-encapsulated-options-space", "data": "7"},
        {"name": "two", "space": "vendor-encapsulated-options-space"},
        {"name": "leaf", "space": "deep", "data": "ab"},
    ]
    subnet = compiled(defined(*definitions, **{"option-data": data}))
    assert subnet.options.get(43).payload.hex(" ") == "01 01 07 02 04 09 02 61 62"
    assert len(subnet.options) == 1


def test_spaces_that_encapsulate_each_other_come_to_an_end():
    definitions = [
        {"name": "top", "code": 230, "type": "empty", "encapsulate": "a"},
        {"name": "to-b", "code": 1, "space": "a", "type": "empty", "encapsulate": "b"},
        {"name": "to-a", "code": 2, "space": "b", "type": "empty", "encapsulate": "a"},
    ]
    data = [{"name": "top"}, {"name": "to-b", "space": "a"}, {"name": "to-a", "space": "b"}]
    assert compiled(defined(*definitions, **{"option-data": data})).options.get(230).payload.hex() == "01020200"


def test_an_option_that_nobody_carries_is_told():
    keys = {"subnet4": [LAN | {"option-data": [{"code": 1, "space": "foo", "data": "01", "csv-format": False}]}]}
    loaded = parse4(json.dumps({"Dhcp4": keys}))
    assert [problem.code.id for problem in loaded.warnings] == ["DK1308"]


def test_a_class_defines_options_for_itself():
    definition = {"name": "mine", "code": 230, "type": "uint16"}
    classes = [
        {"name": "a", "option-def": [definition], "option-data": [{"name": "mine", "data": "513"}]},
        {"name": "b", "option-data": [{"name": "mine", "data": "513"}]},
    ]
    with pytest.raises(ConfigError) as caught:
        parse4(json.dumps({"Dhcp4": {"client-classes": classes}}))
    assert [problem.path for problem in caught.value.errors] == ["Dhcp4.client-classes[1].option-data[0].name"]
    network = parse4(json.dumps({"Dhcp4": {"client-classes": classes[:1]}})).network
    assert network.classes["a"].options.get(230).payload == b"\2\1"


# Reservations and classes.

IDENTIFIERS = [
    ("hw_address", "hw-address", "01:02:03:04:05:06", "010203040506"),
    ("hw_address", "hw-address", "1:2:3:4:5:6", "010203040506"),
    ("duid", "duid", "0x0A0B0C", "0a0b0c"),
    ("client_id", "client-id", "01112233445566", "01112233445566"),
    ("circuit_id", "circuit-id", "'port 7'", "706f72742037"),
    ("flex_id", "flex-id", "abc", "0abc"),
]


@pytest.mark.parametrize(("name", "kind", "text", "octets"), IDENTIFIERS, ids=[text for _, _, text, _ in IDENTIFIERS])
def test_a_reservation_s_identifier(name, kind, text, octets):
    entry = ReservationDoc(**{name: text}, ip_address="192.0.2.5", hostname="h", next_server="192.0.2.9")
    (host,) = compile4(Dhcp4Doc(subnet4=(lan(reservations=(entry,)),))).hosts
    assert (host.identifier_type, host.identifier.hex()) == (kind, octets)
    assert (host.subnet_id, host.address, host.next_server) == (1, 0xC0000205, 0xC0000209)


def test_global_reservations_are_of_no_subnet():
    network = compile4(Dhcp4Doc(reservations=(ReservationDoc(duid="01", hostname="h"),)))
    assert network.hosts.by_identifier(0, "duid", b"\1").hostname == "h"


def test_a_class_s_values():
    doc = ClientClassDoc(
        name="c", valid_lifetime=50, min_valid_lifetime=10, next_server="192.0.2.9", boot_file_name="f"
    )
    made = compile4(Dhcp4Doc(client_classes=(doc,))).classes["c"]
    assert (made.lifetimes.minimum, made.lifetimes.default, made.lifetimes.maximum) == (10, 50, 50)
    assert (made.next_server, made.boot_file_name) == (0xC0000209, "f")


def test_a_class_s_test_is_compiled():
    loaded = parse4(json.dumps({"Dhcp4": {"client-classes": [{"name": "a", "test": "member('ALL')"}]}}))
    assert loaded.network.classes["a"].test == Member("ALL")
    assert not loaded.warnings


# Places.


def test_what_an_explanation_names_stands_in_the_file():
    text = json.dumps(
        {
            "Dhcp4": {
                "subnet4": [
                    LAN
                    | {
                        "pools": [{"pool": "192.0.2.1-192.0.2.9"}],
                        "option-data": [{"name": "routers", "data": "192.0.2.1"}],
                        "reservations": [{"hw-address": "01:02", "hostname": "h"}],
                    }
                ]
            }
        },
        indent=1,
    )
    loaded = parse4(text, "kea.conf")
    (subnet,) = loaded.network.subnets
    (host,) = loaded.network.hosts
    lines = text.split("\n")
    for where, path in (
        (subnet.where, "Dhcp4.subnet4[0]"),
        (subnet.pools[0].where, "Dhcp4.subnet4[0].pools[0]"),
        (subnet.options.get(3).where, "Dhcp4.subnet4[0].option-data[0]"),
        (host.where, "Dhcp4.subnet4[0].reservations[0]"),
    ):
        assert where.path == path
        assert lines[where.line - 1][where.column - 1] == "{"
        assert str(where) == f"kea.conf:{where.line}:{where.column}"
        assert where == loaded.source.place(path)


def test_without_a_text_places_are_paths():
    assert str(one(Dhcp4Doc(subnet4=(lan(),))).where) == "Dhcp4.subnet4[0]"
