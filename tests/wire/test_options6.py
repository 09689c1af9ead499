"""The table of DHCPv6's options against Kea's and IANA's, and every structure in them as its RFC draws it."""

import json
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.declared import spaces
from dhcpkit.wire import (
    AddressPolicy,
    AddressSelection,
    Authentication,
    CivicElement,
    CivicLocation,
    ClientFqdn6,
    Coordinates,
    DelegatedPrefix,
    DistributionManager,
    Duid,
    ExcludedPrefix,
    HomePrefix,
    IdentityAssociation,
    KerberosServer,
    LeasedAddress,
    LeaseQuery6,
    LinkLayerAddress,
    LinkLayerBlock,
    MappingRule,
    MappingRule4rd,
    MulticastParameters,
    MulticastPrefixes,
    NetworkInterface,
    Options6,
    Packet4,
    Packet6,
    PortParameters,
    ProtocolVersion,
    QuadrantPreference,
    RadiusAttribute,
    ReconfigureData,
    RelayData,
    RemoteId,
    ResolverSelection,
    SoftwireBinding,
    StatusCode6,
    TemporaryAssociation,
    Tunnel4rd,
    VendorClass6,
    VendorOptions6,
    VirtualSubnet,
    WireError,
    options6,
)
from dhcpkit.wire import options6 as o
from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.nested6 import OPTIONS6

KEA = json.loads((Path(__file__).parent.parent / "vectors" / "kea-options6.json").read_text())
SPACES = {space.name: space for space in spaces(o.DHCP6)}

# What IANA has registered and Kea does not know, without the OPTION_ before each.
REGISTERED = {
    49: "MIP6_HNIDF", 50: "MIP6_VDINF", 54: "IPv6_Address-MoS", 55: "IPv6_FQDN-MoS", 63: "GEOLOCATION", 68: "VSS",
    69: "MIP6_IDINF", 70: "MIP6_UDINF", 71: "MIP6_HNP", 72: "MIP6_HAA", 73: "MIP6_HAF", 75: "KRB_PRINCIPAL_NAME",
    76: "KRB_REALM_NAME", 77: "KRB_DEFAULT_REALM_NAME", 78: "KRB_KDC", 81: "RADIUS", 84: "ADDRSEL",
    85: "ADDRSEL_TABLE", 86: "V6_PCP_SERVER", 89: "S46_RULE", 90: "S46_BR", 91: "S46_DMR", 92: "S46_V4V6BIND",
    93: "S46_PORTPARAMS", 97: "4RD", 98: "4RD_MAP_RULE", 99: "4RD_NON_MAP_RULE", 100: "LQ_BASE_TIME",
    101: "LQ_START_TIME", 102: "LQ_END_TIME", 104: "MPL_PARAMETERS", 105: "ANI_ATT", 106: "ANI_NETWORK_NAME",
    107: "ANI_AP_NAME", 108: "ANI_AP_BSSID", 109: "ANI_OPERATOR_ID", 110: "ANI_OPERATOR_REALM", 111: "S46_PRIORITY",
    112: "MUD_URL_V6", 113: "V6_PREFIX64", 114: "F_BINDING_STATUS", 115: "F_CONNECT_FLAGS",
    116: "F_DNS_REMOVAL_INFO", 117: "F_DNS_HOST_NAME", 118: "F_DNS_ZONE_NAME", 119: "F_DNS_FLAGS",
    120: "F_EXPIRATION_TIME", 121: "F_MAX_UNACKED_BNDUPD", 122: "F_MCLT", 123: "F_PARTNER_LIFETIME",
    124: "F_PARTNER_LIFETIME_SENT", 125: "F_PARTNER_DOWN_TIME", 126: "F_PARTNER_RAW_CLT_TIME",
    127: "F_PROTOCOL_VERSION", 128: "F_KEEPALIVE_TIME", 129: "F_RECONFIGURE_DATA", 130: "F_RELATIONSHIP_NAME",
    131: "F_SERVER_FLAGS", 132: "F_SERVER_STATE", 133: "F_START_TIME_OF_STATE", 134: "F_STATE_EXPIRATION_TIME",
    137: "S46_BIND_IPV6_PREFIX", 138: "IA_LL", 139: "LLADDR", 140: "SLAP_QUAD", 141: "V6_DOTS_RI",
    142: "V6_DOTS_ADDRESS", 145: "REGISTERED_DOMAIN", 146: "FORWARD_DIST_MANAGER", 147: "REVERSE_DIST_MANAGER",
    149: "IA_SRV6_LOCATOR", 150: "IALOCATOR",
}  # fmt: skip
NEVER_ASSIGNED = {10, 35}
CONSTANTS = {"clientid": "CLIENT_ID", "serverid": "SERVER_ID"}  # where a constant is not its option's name


@pytest.mark.parametrize("row", KEA, ids=lambda row: f"{row['space']}.{row['name']}")
def test_the_table_is_keas(row):
    option = SPACES[row["space"]].by_code(row["code"])
    assert option is not None
    kind = option.kind
    assert (option.name, kind.name) == (row["name"], row["type"])
    fields = [member for member in kind.members.values() if member is not OPTIONS6] or list(kind.fields)
    if row["type"] == "record" and fields:
        assert [field.name for field in fields] == row["record"]
    assert (fields[-1].array if row["type"] == "record" and fields else kind.array) == row["array"]
    if row["encapsulates"]:
        assert option.encapsulates is not None
        assert option.encapsulates.name == row["encapsulates"]


def test_every_assigned_code_is_declared():
    assert {option.code for option in o.DHCP6} == set(range(1, 151)) - NEVER_ASSIGNED


def test_what_kea_does_not_know_has_its_registered_name():
    kea = {row["code"] for row in KEA if row["space"] == "dhcp6"}
    ours = {option.code: option.name for option in o.DHCP6 if option.code not in kea}
    assert ours == {code: name.lower().replace("_", "-") for code, name in REGISTERED.items()}


def test_configurations_may_define_what_kea_22_does_not_know():
    known = {row["code"] for row in KEA if row["space"] == "dhcp6" and row["since"] == "2.2"}
    assert {option.code for option in o.DHCP6 if not option.redefinable} == known


def test_constants_are_called_as_the_options_are():
    for option in o.DHCP6:
        name = option.name.upper().replace("-", "_")
        name = CONSTANTS.get(option.name, f"OPTION_{name}" if name[0].isdigit() else name)
        assert vars(options6)[name] is option


def test_sections_are_cited():
    assert all(option.rfc.startswith(("RFC ", "draft-")) for option in o.DHCP6)


def six(text):
    return IPv6Address(text)


A, B = six("2001:db8::1"), six("2001:db8::2")
OCTETS_A, OCTETS_B = A.packed.hex(), B.packed.hex()
NET = IPv6Network("2001:db8::/32")
NONE = Options6()
DISCOVER = Packet4(1, {"host-name": "lab"}, xid=7, chaddr=b"\2\0\0\0\0\1")

STRUCTURES = [  # an option, a value, its octets, and its JSON
    (o.CLIENT_ID, Duid(bytes.fromhex("00030001020000000001")), "00030001020000000001", "00030001020000000001"),
    (o.RELAY_ID, Duid(b"\0\4" + b"u" * 16), "0004" + "75" * 16, "0004" + "75" * 16),
    (
        o.IA_NA,
        IdentityAssociation(1, 2, 3, Options6.of({o.STATUS_CODE: StatusCode6(2, "no")})),
        "000000010000000200000003000d000400026e6f",
        {
            "iaid": 1, "t1": 2, "t2": 3,
            "options": [{
                "code": 13, "name": "status-code", "value": {"code": 2, "message": "no"}, "says": "NO-ADDRS-AVAIL: no"
            }],
        },
    ),
    (o.IA_TA, TemporaryAssociation(5, NONE), "00000005", {"iaid": 5, "options": []}),
    (
        o.IAADDR, LeasedAddress(A, 1, 2, NONE), OCTETS_A + "0000000100000002",
        {"address": "2001:db8::1", "preferred": 1, "valid": 2, "options": []},
    ),
    (
        o.IAPREFIX, DelegatedPrefix(1, 2, 56, six("2001:db8::"), NONE), "000000010000000238" + "20010db8" + "00" * 12,
        {"preferred": 1, "valid": 2, "length": 56, "prefix": "2001:db8::", "options": []},
    ),
    (
        o.AUTH, Authentication(3, 1, 0, 5, b"\1" + b"k" * 16), "030100000000000000000501" + "6b" * 16,
        {
            "protocol": 3, "algorithm": 1, "rdm": 0, "replay_detection": 5, "information": "01" + "6b" * 16,
        },
    ),
    (o.STATUS_CODE, StatusCode6(0), "0000", {"code": 0, "message": ""}),
    (o.USER_CLASS, (b"lab", b"\xff"), "00036c61620001ff", ["lab", "\udcff"]),
    (
        o.VENDOR_CLASS, VendorClass6(4491, (b"docsis3.0",)), "0000118b0009" + b"docsis3.0".hex(),
        {"enterprise": 4491, "classes": ["docsis3.0"]},
    ),
    (o.VENDOR_CLASS, VendorClass6(9), "00000009", {"enterprise": 9, "classes": []}),
    (
        o.VENDOR_OPTS,
        VendorOptions6(4491, Options6.of({o.DOCSIS3_V6_CONFIG_FILE: "cm.cfg"})),
        "0000118b00210006" + b"cm.cfg".hex(),
        {"enterprise": 4491, "options": [{"code": 33, "name": "config-file", "value": "cm.cfg"}]},
    ),
    (
        o.VENDOR_OPTS, VendorOptions6(9, Options6.of({1: b"\1"})), "000000090001000101",
        {"enterprise": 9, "options": [{"code": 1, "octets": "01"}]},
    ),
    (
        o.GEOCONF_CIVIC,
        CivicLocation(2, "DE", (CivicElement(0, "de"), CivicElement(3, "München"))),
        "024445000264650308" + "München".encode().hex(),
        {"what": 2, "country": "DE", "elements": [{"type": 0, "value": "de"}, {"type": 3, "value": "München"}]},
    ),
    (o.GEOCONF_CIVIC, CivicLocation(0, "CH"), "004348", {"what": 0, "country": "CH", "elements": []}),
    (o.REMOTE_ID, RemoteId(9, b"\1\2"), "000000090102", {"enterprise": 9, "identifier": "0102"}),
    (
        o.CLIENT_FQDN, ClientFqdn6("lab.example.org.", server_updates=True),
        "01036c6162076578616d706c65036f726700",
        {"name": "lab.example.org.", "server_updates": True, "overridden": False, "no_updates": False},
    ),
    (
        o.CLIENT_FQDN, ClientFqdn6("lab", no_updates=True), "04036c6162",
        {"name": "lab", "server_updates": False, "overridden": False, "no_updates": True},
    ),
    (
        o.CLIENT_FQDN, ClientFqdn6("", overridden=True), "02",
        {"name": "", "server_updates": False, "overridden": True, "no_updates": False},
    ),
    (
        o.LQ_QUERY,
        LeaseQuery6(2, A, Options6.of({o.CLIENT_ID: Duid(b"\0\3\0\1ab")})),
        "02" + OCTETS_A + "00010006000300016162",
        {
            "type": 2, "link": "2001:db8::1",
            "options": [{
                "code": 1, "name": "clientid", "value": "000300016162", "says": "DUID-LL of 61:62",
            }],
        },
    ),
    (o.LQ_RELAY_DATA, RelayData(A, b"\x0c"), OCTETS_A + "0c", {"peer": "2001:db8::1", "message": "0c"}),
    (o.NII, NetworkInterface(1, 3, 16), "010310", {"type": 1, "major": 3, "minor": 16}),
    (o.BOOTFILE_PARAM, ("root=/dev/sda", "quiet"), "000d" + b"root=/dev/sda".hex() + "0005" + b"quiet".hex(),
     ["root=/dev/sda", "quiet"]),
    (o.VSS, VirtualSubnet.named("red"), "00726564", {"type": 0, "information": "726564"}),
    (o.MIP6_HNP, HomePrefix(64, A), "40" + OCTETS_A, {"length": 64, "prefix": "2001:db8::1"}),
    (
        o.RDNSS_SELECTION, ResolverSelection(A, 3, ("example.org.", ".")), OCTETS_A + "03076578616d706c65036f72670000",
        {"resolver": "2001:db8::1", "preference": 3, "domains": ["example.org.", "."]},
    ),
    (
        o.KRB_KDC, KerberosServer(1, 2, 2, 88, A, "EXAMPLE.ORG"),
        "00010002020058" + OCTETS_A + b"EXAMPLE.ORG".hex(),
        {
            "priority": 1, "weight": 2, "transport": 2, "port": 88, "address": "2001:db8::1", "realm": "EXAMPLE.ORG"
        },
    ),
    (
        o.CLIENT_LINKLAYER_ADDR, LinkLayerAddress(1, b"\2\0\0\0\0\1"), "0001020000000001",
        {"hwtype": 1, "address": "020000000001"},
    ),
    (
        o.RADIUS, (RadiusAttribute(1, b"bob"), RadiusAttribute(24, b"")), "0105626f621802",
        [{"type": 1, "value": "626f62"}, {"type": 24, "value": ""}],
    ),
    (
        o.ADDRSEL,
        AddressSelection(3, Options6.of({o.ADDRSEL_TABLE: AddressPolicy(1, 40, IPv6Network("2001:db8::/60"))})),
        "030055000b01283c20010db800000000",  # the example of RFC 7078 2
        {
            "flags": 3,
            "options": [{
                "code": 85, "name": "addrsel-table",
                "value": {"label": 1, "precedence": 40, "prefix": "2001:db8::/60"},
            }],
        },
    ),
    (
        o.MAPE_RULE,
        MappingRule(1, 8, 24, IPv4Address("192.0.2.0"), IPv6Network("2001:db8::/40"),
                    Options6.of({o.RULE_PORTPARAMS: PortParameters(6, (0x34, 8))})),
        "010818c00002002820010db800005d000406083400",
        {
            "flags": 1, "ea_length": 8, "prefix4_length": 24, "prefix4": "192.0.2.0", "prefix6": "2001:db8::/40",
            "options": [{"code": 93, "name": "s46-portparams", "value": {"offset": 6, "psid": "52/8"}}],
        },
    ),
    (
        o.LW_V4V6BIND, SoftwireBinding(IPv4Address("192.0.2.1"), NET, NONE), "c00002012020010db8",
        {"address": "192.0.2.1", "prefix": "2001:db8::/32", "options": []},
    ),
    (o.MAPT_DMR, IPv6Network("64:ff9b::/96"), "600064ff9b" + "00" * 8, "64:ff9b::/96"),
    (
        o.OPTION_4RD_MAP_RULE,
        MappingRule4rd(24, 32, 8, 0x80, IPv4Address("192.0.2.0"), six("2001:db8::")),
        "18200880c000020020010db8" + "00" * 8,
        {
            "prefix4_length": 24, "prefix6_length": 32, "ea_length": 8, "flags": 128, "prefix4": "192.0.2.0",
            "prefix6": "2001:db8::",
        },
    ),
    (
        o.OPTION_4RD_NON_MAP_RULE, Tunnel4rd(0x81, 4, 1280), "81040500",
        {"flags": 129, "traffic_class": 4, "domain_pmtu": 1280},
    ),
    (
        o.V6_PREFIX64,
        MulticastPrefixes(IPv6Network("ff0e::/96"), IPv6Network("ff3e::/96"), IPv6Network("2001:db8::/32")),
        "60ff0e" + "00" * 10 + "60ff3e" + "00" * 10 + "2020010db8",
        {"any_source": "ff0e::/96", "source_specific": "ff3e::/96", "unicast": "2001:db8::/32"},
    ),
    (
        o.MPL_PARAMETERS,
        MulticastParameters(0x80, 10, 6000, 3, 200, 4, 3000, 4, 50, 8, 300),
        "800a17700300c8040bb804003208012c",
        {
            "flags": 128, "time_unit": 10, "seed_set_lifetime": 6000, "data_k": 3, "data_minimum": 200,
            "data_maximum": 4, "data_expirations": 3000, "control_k": 4, "control_minimum": 50, "control_maximum": 8,
            "control_expirations": 300, "domain": None,
        },
    ),
    (o.F_PROTOCOL_VERSION, ProtocolVersion(1, 0), "00010000", {"major": 1, "minor": 0}),
    (o.F_RECONFIGURE_DATA, ReconfigureData(1, b"k" * 16), "00000001" + "6b" * 16, {"time": 1, "key": "6b" * 16}),
    (
        o.LLADDR, LinkLayerBlock(1, b"\2\0\0\0\0\1", 15, 3600, NONE), "000100060200000000010000000f00000e10",
        {"hwtype": 1, "address": "020000000001", "extra": 15, "valid": 3600, "options": []},
    ),
    (
        o.SLAP_QUAD, (QuadrantPreference(0, 9), QuadrantPreference(3, 1)), "00090301",
        [{"quadrant": 0, "preference": 9}, {"quadrant": 3, "preference": 1}],
    ),
    (
        o.FORWARD_DIST_MANAGER, DistributionManager(1, "dm.example.org."), "000102646d076578616d706c65036f726700",
        {"transports": 1, "name": "dm.example.org."},
    ),
    (o.PD_EXCLUDE, ExcludedPrefix(64, b"\x78"), "4078", {"length": 64, "subnet": "78"}),
    (o.V6_SZTP_REDIRECT, ("https://a",), "0009" + b"https://a".hex(), ["https://a"]),
    (o.MOS_ADDRESS_CS, (), "", []),
    (o.MOS_FQDN_IS, ("example.com.", "example.net."), "076578616d706c6503636f6d00076578616d706c65036e657400",
     ["example.com.", "example.net."]),  # the example of RFC 5678 3
]  # fmt: skip


@pytest.mark.parametrize(
    ("option", "value", "octets", "shown"), STRUCTURES, ids=[f"{each[0].name}-{n}" for n, each in enumerate(STRUCTURES)]
)
def test_structures_are_laid_out_as_rfcs_draw_them(option, value, octets, shown):
    assert option.build(value).hex() == octets
    assert option.parse(bytes.fromhex(octets)) == value
    inside = Inside(option.encapsulates)
    assert json.loads(json.dumps(option.kind.to_json(value, inside))) == shown
    assert option.kind.from_json(shown, inside) == value


# Octets that are no value of an option: cut off, contradictory, or of no form.
REFUSED = [
    (o.CLIENT_ID, "0003"),
    (o.CLIENT_ID, "00" * 131),
    (o.IA_NA, "0000000100000002000000"),
    (o.USER_CLASS, "0003ab"),
    (o.USER_CLASS, ""),
    (o.VENDOR_CLASS, "0000118b0002aa"),
    (o.VENDOR_OPTS, "00118b"),
    (o.GEOCONF_CIVIC, "00444502"),
    (o.CLIENT_FQDN, ""),
    (o.CLIENT_FQDN, "05"),  # S and N
    (o.CLIENT_FQDN, "0004ab"),
    (o.DOMAIN_SEARCH, "0161"),  # no end
    (o.DOMAIN_SEARCH, "016100c000"),  # RFC 8415 10: no pointers
    (o.GEOLOCATION, "00" * 15),
    (o.PD_EXCLUDE, "40"),
    (o.PD_EXCLUDE, "0001"),
    (o.PD_EXCLUDE, "8101"),
    (o.PD_EXCLUDE, "080102"),
    (o.RADIUS, "0101"),
    (o.RADIUS, "010400"),
    (o.S46_DMR, "81" + "00" * 17),
    (o.S46_DMR, "2020010d"),
    (o.MPL_PARAMETERS, "00" * 15),
    (o.MPL_PARAMETERS, "00" * 48),
    (o.DHCPV4_MESSAGE, "00" * 240),  # no cookie
    (o.LLADDR, "00010007020000000001"),
    (o.OPTION_4RD_MAP_RULE, "00" * 24),
]


@pytest.mark.parametrize(("option", "octets"), REFUSED, ids=str)
def test_other_octets_are_refused(option, octets):
    with pytest.raises(ValueError, match=r"[^.]$"):
        option.parse(bytes.fromhex(octets))


UNWRITABLE = [
    (o.CLIENT_FQDN, ClientFqdn6("a.", server_updates=True, no_updates=True)),
    (o.GEOCONF_CIVIC, CivicLocation(0, "DEU")),
    (o.GEOLOCATION, Coordinates(256.0, 0.0)),
    (o.GEOLOCATION, Coordinates(float("nan"), 0.0)),
    (o.GEOLOCATION, Coordinates(0.0, 0.0, latitude_uncertainty=64)),
    (o.RADIUS, (RadiusAttribute(1, b"x" * 254),)),
    (o.RADIUS, ()),
    (o.OPTION_4RD_MAP_RULE, MappingRule4rd(0, 128, 0, 0, IPv4Address(0), A)),
    (o.RULE_PORTPARAMS, PortParameters(0, (16, 4))),
]


@pytest.mark.parametrize(("option", "value"), UNWRITABLE, ids=str)
def test_values_without_a_form_are_refused(option, value):
    with pytest.raises(ValueError, match=r"[^.]$"):
        option.build(value)


def test_a_radius_attribute_that_is_too_long_is_told_its_limit():
    with pytest.raises(ValueError, match="at most 255 octets, not 256"):
        o.RADIUS.build((RadiusAttribute(1, b"x" * 254),))


def test_bits_behind_a_prefix_count_for_nothing():
    assert o.S46_DMR.parse(bytes.fromhex("2120010db8ff")) == IPv6Network("2001:db8:8000::/33")
    assert o.RULE_PORTPARAMS.parse(bytes.fromhex("06043fff")) == PortParameters(6, (3, 4))


def test_flags_by_name():
    rule = MappingRule(1, 0, 24, IPv4Address("192.0.2.0"), NET)
    assert rule.forwards
    assert rule.network4 == IPv4Network("192.0.2.0/24")
    assert not MappingRule(2, 0, 24, IPv4Address(0), NET).forwards
    assert MappingRule4rd(0, 0, 0, 0x80, IPv4Address(0), A).well_known_ports
    assert Tunnel4rd(0x80, 0, 0).hub_and_spoke
    assert Tunnel4rd(0x01, 0, 0).has_traffic_class
    assert not Tunnel4rd(0x7E, 0, 0).hub_and_spoke
    assert not Tunnel4rd(0x7E, 0, 0).has_traffic_class
    assert (AddressSelection(2).automatic_rows, AddressSelection(2).prefers_temporary) == (True, False)
    assert (AddressSelection(1).automatic_rows, AddressSelection(1).prefers_temporary) == (False, True)
    assert MulticastParameters(0x80, *[1] * 10).forwards_proactively
    assert not MulticastParameters(0x7F, *[1] * 10).forwards_proactively
    assert DistributionManager(1, ".").over_tls
    assert not DistributionManager(2, ".").over_tls


def test_an_excluded_prefix_is_a_part_of_the_delegated_one():
    # RFC 6603 4.2: 2001:db8:dead:beef::/64 of 2001:db8:dead:bee0::/59 is the octet 0x78
    delegated, excluded = IPv6Network("2001:db8:dead:bee0::/59"), IPv6Network("2001:db8:dead:beef::/64")
    assert ExcludedPrefix.of(delegated, excluded) == ExcludedPrefix(64, b"\x78")
    assert ExcludedPrefix(64, b"\x78").within(delegated) == excluded
    for wrong in (IPv6Network("2001:db8:dead:be00::/64"), delegated, IPv6Network("2001:db8::/32")):
        with pytest.raises(ValueError, match="not a part"):
            ExcludedPrefix.of(delegated, wrong)
    for wrong in (
        ExcludedPrefix(59, b""),
        ExcludedPrefix(59, b"\0"),
        ExcludedPrefix(72, b"\0"),
        ExcludedPrefix(64, b"\0\0"),
    ):
        with pytest.raises(ValueError, match="no part"):
            wrong.within(delegated)


@given(st.integers(0, 2**128 - 1), st.integers(0, 127), st.data())
def test_any_part_of_a_prefix_can_be_excluded(number, length, data):
    excluded = IPv6Network((number, data.draw(st.integers(length + 1, 128))), strict=False)
    delegated = excluded.supernet(new_prefix=length)
    value = ExcludedPrefix.of(delegated, excluded)
    assert value.within(delegated) == excluded
    assert o.PD_EXCLUDE.parse(o.PD_EXCLUDE.build(value)) == value


def test_coordinates_are_numbers_of_fixed_point():
    # RFC 6225 2.3: degrees times 2**25, in two's complement, behind six bits of uncertainty
    value = Coordinates(38.89868, -77.03723, 15.0, 18, 17, 9, 1, 1, 1)
    octets = o.GEOLOCATION.build(value)
    word = int.from_bytes(octets, "big")
    assert octets[0] >> 2 == 18
    assert word >> 88 & (1 << 34) - 1 == round(38.89868 * 2**25)
    assert (1 << 34) - (word >> 48 & (1 << 34) - 1) == round(77.03723 * 2**25)
    assert word >> 8 & (1 << 30) - 1 == 15 << 8
    assert octets[-1] == 1 << 6 | 1
    read = o.GEOLOCATION.parse(octets)
    assert read.latitude == pytest.approx(38.89868, abs=2**-26)
    assert read.longitude == pytest.approx(-77.03723, abs=2**-26)
    assert (read.latitude_uncertainty, read.longitude_uncertainty, read.altitude_uncertainty) == (18, 17, 9)
    assert (read.altitude, read.altitude_type, read.version, read.datum) == (15.0, 1, 1, 1)


def test_names_are_never_compressed():
    names = tuple(f"host{number}.a-long-domain.example.org." for number in range(40))
    octets = o.DOMAIN_SEARCH.build(names)
    assert octets.count(b"\7example") == 40
    assert o.DOMAIN_SEARCH.parse(octets) == names


def test_a_dhcpv4_message_is_one():
    octets = o.DHCPV4_MESSAGE.build(DISCOVER)
    assert octets == bytes(DISCOVER)
    again = o.DHCPV4_MESSAGE.parse(octets)
    assert (again, again.xid) == (DISCOVER, 7)
    shown = json.loads(json.dumps(o.DHCPV4_MESSAGE.kind.to_json(again)))
    assert (shown["type"], shown["xid"]) == ("DISCOVER", "0x00000007")
    assert o.DHCPV4_MESSAGE.kind.from_json(shown) == DISCOVER
    assert bytes(o.DHCPV4_MESSAGE.kind.from_json({"type": "DISCOVER", "xid": 7}))[4:8] == b"\0\0\0\7"
    with pytest.raises(ValueError, match="family"):
        o.DHCPV4_MESSAGE.kind.from_json({"family": 6, "type": "SOLICIT"})


def test_containers_are_read_by_their_spaces():
    binding = SoftwireBinding(
        IPv4Address("192.0.2.1"), NET, Options6.of({o.V4V6BIND_PORTPARAMS: PortParameters(0, (3, 4))})
    )
    packet = Packet6(
        7,
        {
            o.S46_CONT_LW: Options6.of([(o.LW_BR, A), (o.LW_BR, B), (o.LW_V4V6BIND, binding)]),
            o.NTP_SERVER: Options6.of({o.NTP_SERVER_ADDRESS: A, o.NTP_SERVER_FQDN: "ntp.example.org."}),
            o.RSOO: Options6.of({o.AFTR_NAME: "aftr.example.org."}),
            o.VENDOR_OPTS: VendorOptions6(4491, Options6.of({o.DOCSIS3_V6_TIME_OFFSET: -3600})),
        },
    )
    read = Packet6.parse(bytes(packet))
    assert read[o.S46_CONT_LW].all(o.LW_BR) == (A, B)
    assert read[o.S46_CONT_LW][o.LW_V4V6BIND].options[o.V4V6BIND_PORTPARAMS] == PortParameters(0, (3, 4))
    assert read[o.NTP_SERVER][o.NTP_SERVER_FQDN] == "ntp.example.org."
    assert read[o.RSOO][o.AFTR_NAME] == "aftr.example.org."
    assert read[o.VENDOR_OPTS].options[o.DOCSIS3_V6_TIME_OFFSET] == -3600
    assert "'time-offset': -3600" in repr(packet)
    assert o.RSOO_OPTIONS.by_name("aftr-name") is o.AFTR_NAME
    shown = json.dumps(Inside(o.DHCP6).show(read.options.items()))
    for name in ("s46-v4v6bind", "s46-portparams", "ntp-server-fqdn", "aftr-name", "time-offset"):
        assert f'"{name}"' in shown


def test_what_is_wrong_deep_inside_is_named():
    inner = Options6.of({93: b"\6\x11\0\0"})  # a PSID of 17 bits
    rule = MappingRule(0, 0, 0, IPv4Address(0), IPv6Network("::/0"), inner)
    packet = Packet6(7, {o.S46_CONT_MAPE: Options6.of({o.MAPE_RULE: rule})})
    with pytest.raises(WireError, match="17") as caught:
        Packet6.parse(bytes(packet))[o.S46_CONT_MAPE][o.MAPE_RULE].options[o.RULE_PORTPARAMS]
    assert caught.value.path == ("s46-cont-mape (94)", "s46-rule (89)", "s46-portparams (93)")
    assert caught.value.offset == bytes(packet).index(b"\0\x5d\0\4")
