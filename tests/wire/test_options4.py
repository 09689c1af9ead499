"""The table of DHCPv4's options against Kea's and IANA's, and every structure in them as its RFC draws it."""

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.declared import spaces
from dhcpkit.wire import (
    AllocatedSubnet,
    Authentication,
    BootMenuEntry,
    BootServers,
    CivicElement,
    CivicLocation,
    Coordinates,
    GeoConf,
    Packet4,
    RadiusAttribute,
    RelayAuthentication,
    Resolver,
    Route,
    SubnetAllocation,
    SubnetInformation,
    SubnetRequest,
    SubOptions,
    VendorOptions,
    VirtualSubnet,
)
from dhcpkit.wire import options4 as o
from dhcpkit.wire import vendors4 as v
from dhcpkit.wire.dnr import ServiceParameter, service_parameters
from dhcpkit.wire.json_form import Inside
from dhcpkit.wire.vendor import vendor_blocks, vendor_options

KEA = json.loads((Path(__file__).parent.parent / "vectors" / "kea-options4.json").read_text())
SPACES = {space.name: space for space in spaces(o.DHCP4)}

# What IANA has registered and Kea does not know, in its words; 128 to 135 have several meanings or none.
REGISTERED = {
    80: "Rapid Commit", 83: "iSNS", 95: "LDAP", 109: "DHCP4O6_S46_SADDR", 120: "SIP Servers", 123: "GeoConf",
    **{code: f"PXE {code}" for code in range(128, 136)},
    139: "IPv4_Address-MoS", 140: "IPv4_FQDN-MoS", 142: "IPv4_Address-ANDSF", 144: "GeoLoc",
    145: "FORCERENEW_NONCE_CAPABLE", 147: "V4_DOTS_RI", 148: "V4_DOTS_ADDRESS", 150: "TFTP server address",
    158: "V4_PCP_SERVER", 161: "MUD_URL_V4", 175: "Etherboot", 176: "IP Telephone", 177: "PacketCable",
    208: "PXELINUX Magic", 209: "PXELINUX Config File", 210: "PXELINUX Path Prefix", 211: "PXELINUX Reboot Time",
    220: "Subnet Allocation", 221: "Virtual Subnet Selection",
}  # fmt: skip
# Tags that are removed, unassigned, or for everybody's private use.
UNASSIGNED = {
    84, 96, *range(102, 108), 110, 111, 115, 126, 127, 149, 160, *range(163, 175), *range(178, 208), *range(214, 220),
    222, 223, *range(224, 255),
}  # fmt: skip

# Where a kind is another than Kea's, on purpose: (space, code).
RICHER = {
    ("dhcp-agent-options-space", 19): "RFC 8357 4.1 gives it no octets, Kea two",
}


@pytest.mark.parametrize("row", KEA, ids=lambda row: f"{row['space']}.{row['name']}")
def test_the_table_is_keas(row):
    option = SPACES[row["space"]].by_code(row["code"])
    assert option is not None
    kind = option.kind
    assert option.name == row["name"]
    if RICHER.get((row["space"], row["code"])):
        assert kind.name != row["type"], "no deviation any more: take it off the list"
        return
    assert kind.name == row["type"]
    fields = list(kind.fields)
    if row["type"] == "record" and fields:
        assert [field.name for field in fields] == row["record"]
    assert (fields[-1].array if row["type"] == "record" and fields else kind.array) == (
        row["array"] or row["type"] == "internal"
    )
    if row["encapsulates"]:
        assert option.encapsulates is not None
        assert option.encapsulates.name == row["encapsulates"]


def test_every_assigned_code_is_declared_and_no_other():
    assert {option.code for option in o.DHCP4} == set(range(1, 255)) - UNASSIGNED


def test_what_kea_does_not_know_has_its_registered_name():
    kea = {row["code"] for row in KEA if row["space"] == "dhcp4"}
    ours = {option.code: option.name for option in o.DHCP4 if option.code not in kea}
    assert ours == {code: name.lower().replace("_", "-").replace(" ", "-") for code, name in REGISTERED.items()}


def test_configurations_may_define_what_kea_22_does_not_know():
    known = {(row["space"], row["code"]) for row in KEA if row["since"] == "2.2"} - {("dhcp4", 43), ("docsis3-v4", 1)}
    ours = {(space.name, option.code) for space in SPACES.values() for option in space if not option.redefinable}
    assert ours - {("docsis3-v4", 1)} == known


def test_sections_are_cited():
    assert all(option.rfc.startswith("RFC ") for option in (*o.DHCP4, *o.RELAY_AGENT, *v.CABLELABS_CLIENT))


A, B = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
OCTETS_A, OCTETS_B = A.packed.hex(), B.packed.hex()

STRUCTURES = [  # an option, a value, its octets, and its JSON
    (o.SLP_DIRECTORY_AGENT, (True, (A, B)), "01" + OCTETS_A + OCTETS_B, [True, [str(A), str(B)]]),
    (
        o.ISNS,
        (1, 2, 3, 4, (A,)),
        "000100020003" + "00000004" + OCTETS_A,
        [1, 2, 3, 4, [str(A)]],
    ),
    (
        o.AUTHENTICATE,
        Authentication(1, 1, 0, 0x0102030405060708, b"\0\0\0\7" + bytes(16)),
        "010100" + "0102030405060708" + "00000007" + "00" * 16,
        {
            "protocol": 1, "algorithm": 1, "rdm": 0, "replay_detection": 0x0102030405060708,
            "information": "00000007" + "00" * 16,
        },
    ),
    (
        o.GEOCONF_CIVIC,
        CivicLocation(2, "DE", (CivicElement(3, "Berlin"), CivicElement(24, "10115"))),
        "02" + "4445" + "03064265726c696e" + "18053130313135",
        {"what": 2, "country": "DE", "elements": [{"type": 3, "value": "Berlin"}, {"type": 24, "value": "10115"}]},
    ),
    (o.SIP_SERVERS, ("a.example.", "b."), "00" + "0161076578616d706c6500" + "016200", ["a.example.", "b."]),
    (o.SIP_SERVERS, (A, B), "01" + OCTETS_A + OCTETS_B, [str(A), str(B)]),
    (
        o.CLASSLESS_STATIC_ROUTE,
        (Route(IPv4Network("10.0.0.0/8"), A), Route(IPv4Network("0.0.0.0/0"), B)),
        "080a" + OCTETS_A + "00" + OCTETS_B,
        [{"destination": "10.0.0.0/8", "router": str(A)}, {"destination": "0.0.0.0/0", "router": str(B)}],
    ),
    (
        # 52.5 is 0x069000000 in units of 2^-25 degrees, -13.25 the two's complement of 0x01a800000
        o.GEOCONF_OPTION,
        GeoConf(52.5, -13.25, 34.5, 1, 34, 18, 22, 1),
        "8869000000" + "4be5800000" + "1580002280" + "01",
        None,
    ),
    (
        o.GEOLOC,
        Coordinates(52.5, 13.25, 34.5, 18, 18, 9, 1, 1, 1),
        "4869000000" + "481a800000" + "1240002280" + "41",
        None,
    ),
    (
        o.VIVSO_SUBOPTIONS,
        (VendorOptions(4491, SubOptions.of({2: A.packed})), VendorOptions(9, SubOptions.of({1: b"x"}))),
        "0000118b" + "06" + "0204" + OCTETS_A + "00000009" + "03" + "010178",
        [
            {"enterprise": 4491, "options": [{"code": 2, "name": "tftp-servers", "value": [str(A)]}]},
            {"enterprise": 9, "options": [{"code": 1, "octets": "78"}]},
        ],
    ),
    (o.IPV4_ADDRESS_MOS, SubOptions.of({1: A.packed}), "0104" + OCTETS_A, None),
    (o.FORCERENEW_NONCE_CAPABLE, (1,), "01", [1]),
    (o.STATUS_CODE, (4, "no"), "046e6f", [4, "no"]),
    (o.V4_PCP_SERVER, ((A, B), (A,)), "08" + OCTETS_A + OCTETS_B + "04" + OCTETS_A, None),
    (
        o.V4_DNR,
        (
            Resolver(1, "a.example.", (A,), service_parameters(alpn=("dot",), port=853)),
            Resolver(2, "b."),
        ),
        "0021" + "0001" + "0b0161076578616d706c6500" + "04" + OCTETS_A + "0001000403646f74" + "000300020355"
        + "0006" + "0002" + "03016200",
        [
            {
                "priority": 1, "name": "a.example.", "addresses": [str(A)],
                "parameters": {"alpn": ["dot"], "port": 853},
            },
            {"priority": 2, "name": "b.", "addresses": [], "parameters": {}},
        ],
    ),
    (
        o.SUBNET_ALLOCATION_OPTION,
        SubnetAllocation(1, SubOptions.of({o.SUBNET_ALLOCATION_OPTIONS.by_code(1): SubnetRequest(0, 24)})),
        "01" + "01020018",
        {
            "flags": 1,
            "options": [{"code": 1, "name": "subnet-request", "value": {"flags": 0, "prefix_length": 24}}],
        },
    ),
    (
        o.SUBNET_ALLOCATION_OPTIONS.by_code(2),
        SubnetInformation(3, (AllocatedSubnet(A, 30, 1, (7, 8)),)),
        "03" + OCTETS_A + "1e" + "01" + "0400070008",
        None,
    ),
    (o.VIRTUAL_SUBNET_SELECTION, VirtualSubnet.named("lab"), "006c6162", {"type": 0, "information": "6c6162"}),
    (o.OPTION_6RD, None, "0d1020010db8000000000000000000000000" + OCTETS_A, [13, 16, "2001:db8::", [str(A)]]),
    (
        o.RELAY_RADIUS,
        (RadiusAttribute(1, b"bob"), RadiusAttribute(25, b"")),
        "0105626f62" + "1902",
        [{"type": 1, "value": "626f62"}, {"type": 25, "value": ""}],
    ),
    (
        o.RELAY_AUTH,
        RelayAuthentication(1, 1, 5, 0x0A000001, b"\0\0\0\1"),
        "01" + "01" + "0000000000000005" + "0a000001" + "00000001",
        None,
    ),
    (
        o.RELAY_VENDOR_INFO,
        (VendorOptions(9, SubOptions.of({1: b"x"})),),
        "00000009" + "03" + "010178",
        [{"enterprise": 9, "options": [{"code": 1, "octets": "78"}]}],
    ),
    (v.CABLELABS_CLIENT.by_code(3), "a.", "00016100", "a."),
    (v.CABLELABS_CLIENT.by_code(3), A, "01" + OCTETS_A, str(A)),
    (v.PXE_CLIENT.by_code(2), 1758, "de06", 1758),
    (v.PXE_CLIENT.by_code(8), (BootServers(1, (A,)), BootServers(2)), "000101" + OCTETS_A + "000200", None),
    (v.PXE_CLIENT.by_code(9), (BootMenuEntry(0, "local"),), "0000056c6f63616c", None),
    (v.PXE_CLIENT.by_code(10), (255, "F8"), "ff4638", [255, "F8"]),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "octets", "shown"), STRUCTURES, ids=lambda x: str(x)[:40])
def test_structures(option, value, octets, shown):
    wire = bytes.fromhex(octets)
    found = option.parse(wire)
    if value is not None:
        assert found == value
        assert option.build(value) == wire
    inside = Inside(option.encapsulates)
    if shown is not None:
        assert option.kind.to_json(found, inside) == shown
    assert option.kind.from_json(option.kind.to_json(found, inside), inside) == found
    assert option.build(option.kind.parse_text(option.kind.show_text(found))) == wire


REFUSED = [  # an option and octets that cannot be its value
    (o.AUTHENTICATE, "01010000000000000000"),
    (o.SIP_SERVERS, ""), (o.SIP_SERVERS, "00"), (o.SIP_SERVERS, "01c00002"), (o.SIP_SERVERS, "02c0000201"),
    (o.GEOLOC, "00" * 15), (o.GEOCONF_OPTION, "00" * 17),
    (o.V4_PCP_SERVER, "00"), (o.V4_PCP_SERVER, "03c00002"), (o.V4_PCP_SERVER, "08c0000201"),
    (o.V4_DNR, ""), (o.V4_DNR, "0002000100"), (o.V4_DNR, "00030001" + "00"),
    (o.V4_DNR, "0007" + "0001" + "03016100" + "00"),  # more than a name, without an address
    (o.V4_DNR, "000f" + "0001" + "03016100" + "04c0000201" + "00010000"),  # alpn without a protocol
    (o.V4_DNR, "0011" + "0001" + "03016100" + "04c0000201" + "000100020000"),  # protocols without a name
    (o.V4_DNR, "0012" + "0001" + "03016100" + "04c0000201" + "00030003020355"),  # a port of three octets
    (o.V4_DNR, "0015" + "0001" + "03016100" + "04c0000201" + "00070000" + "000300020355"),  # 7 before 3
    (o.V4_DNR, "0013" + "0001" + "03016100" + "04c0000201" + "00040004c0000201"),  # ipv4hint
    (o.RELAY_RADIUS, "0101"), (o.RELAY_RADIUS, "0105626f"), (o.VIRTUAL_SUBNET_SELECTION, ""),
    (v.CABLELABS_CLIENT.by_code(3), "01c0000201c0000202"), (v.PXE_CLIENT.by_code(8), "000102c0000201"),
    (o.DHCP4O6_S46_SADDR, "20010db8"), (o.PXELINUX_MAGIC, "f1"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "octets"), REFUSED, ids=str)
def test_octets_of_no_value(option, octets):
    with pytest.raises(ValueError):  # noqa: PT011  # what is said differs
        option.parse(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (o.SIP_SERVERS, ()),
        (o.SIP_SERVERS, ("a.", A)),
        (o.GEOLOC, Coordinates(300.0, 0.0)),
        (o.GEOCONF_OPTION, GeoConf(float("nan"), 0.0)),
        (o.GEOCONF_OPTION, GeoConf(0.0, 0.0, datum=256)),
        (o.V4_DNR, (Resolver(1, "a.", (), service_parameters(port=1)),)),
        (o.V4_DNR, (Resolver(1, "a.", (A,), (ServiceParameter(3, b"\0\1"), ServiceParameter(1, b"\3dot"))),)),
        (o.RELAY_RADIUS, (RadiusAttribute(1, b"x" * 254),)),
        (o.AUTHENTICATE, Authentication(1, 1, 0, 2**64)),
    ],
    ids=str,
)
def test_values_without_a_form(option, value):
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        option.build(value)


def test_a_resolver_tells_its_parameters():
    (found,) = o.V4_DNR.kind.parse_text("1, a., 192.0.2.1, dohpath=/q{?dns} alpn=h2\\,h3 port=8443 no-default-alpn")
    assert (found.alpn, found.port, found.dohpath) == (("h2", "h3"), 8443, "/q{?dns}")
    assert [each.name for each in found.parameters] == ["alpn", "no-default-alpn", "port", "dohpath"]
    assert (Resolver(1, "a.").alpn, Resolver(1, "a.").port, Resolver(1, "a.").dohpath) == ((), None, None)


def test_what_a_configuration_gives_of_binary_options_is_digits():
    """Kea knows these as binary, and takes any octets in a configuration; values are what octets have a meaning."""
    for option in (o.AUTHENTICATE, o.GEOCONF_CIVIC, o.RELAY_RADIUS, o.RELAY_AUTH, o.RELAY_VENDOR_INFO):
        assert option.build_text("0A 0B") == b"\x0a\x0b"
        with pytest.raises(ValueError):  # noqa: PT011  # as above
            option.build_text("x")
        with pytest.raises(ValueError):  # noqa: PT011  # as above
            option.kind.parse_text("0A0B")


class TestVendorClasses:
    def test_what_option_43_holds_depends_on_the_vendor_class(self):
        pxe = Packet4(1, {o.VENDOR_CLASS_IDENTIFIER: "PXEClient:Arch:00000", 43: bytes.fromhex("06010b0a03414638ff")})
        space = o.space_for_class(pxe[o.VENDOR_CLASS_IDENTIFIER])
        assert space is o.PXE4
        inside = pxe[space.by_code(43)]
        assert inside[v.PXE_CLIENT.by_name("discovery-control")] == 11
        assert inside[v.PXE_CLIENT.by_name("menu-prompt")] == (65, "F8")
        assert o.space_for_class("MSFT 5.0") is o.MICROSOFT4
        assert o.space_for_class("docsis3.0") is o.DHCP4

    def test_private_codes_are_nobodys_in_the_common_table(self):
        assert not [option for option in o.DHCP4 if option.code >= 224]
        assert o.MICROSOFT4.by_name("routers") is o.ROUTERS
        routes = o.MICROSOFT4.by_code(249)
        assert routes.kind is o.CLASSLESS_STATIC_ROUTE.kind


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        (o.SIP_SERVERS, ["a.", "192.0.2.1"]),
        (o.SIP_SERVERS, []),
        (o.SIP_SERVERS, [7]),
        (o.SIP_SERVERS, "a."),
        (o.GEOCONF_OPTION, {"latitude": 1.0}),
        (o.GEOCONF_OPTION, {"latitude": 1.0, "longitude": True}),
        (o.GEOCONF_OPTION, {"latitude": 1.0, "longitude": 1.0, "datum": 1.5}),
        (o.GEOCONF_OPTION, {"latitude": 1.0, "longitude": 1.0, "height": 1}),
        (o.V4_DNR, [{"priority": 1, "name": "a.", "addresses": ["192.0.2.1"], "parameters": {"ipv4hint": "00"}}]),
        (o.V4_DNR, [{"priority": 1, "name": "a.", "addresses": ["192.0.2.1"], "parameters": {"alpn": "dot"}}]),
        (o.V4_DNR, [{"priority": 1, "name": "a.", "addresses": ["192.0.2.1"], "parameters": {"port": 65536}}]),
        (o.V4_DNR, [{"priority": 1, "name": "a.", "addresses": ["192.0.2.1"], "parameters": []}]),
    ],
    ids=str,
)
def test_json_of_no_value(option, shown):
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        option.kind.from_json(shown)


def test_a_block_is_filled_to_its_last_octet():
    assert [len(block.options.octets) for block in vendor_blocks(9, SubOptions.of({1: b"x" * 250, 2: b"y"}))] == [255]
    assert [len(block.options.octets) for block in vendor_blocks(9, SubOptions.of({1: b"x" * 251, 2: b"y"}))] == [
        253,
        3,
    ]
    assert [len(block.options.octets) for block in vendor_blocks(9, SubOptions())] == [0]


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=700), max_size=5))
def test_many_vendor_options_are_put_into_blocks_and_found_again(options):
    blocks = vendor_blocks(4491, SubOptions.of(options))
    assert all(len(block.options.octets) <= 255 and not block.options.flaws for block in blocks)
    again = o.VIVSO_SUBOPTIONS.parse(o.VIVSO_SUBOPTIONS.build((*blocks, VendorOptions(1, SubOptions.of({1: b"x"})))))
    assert dict(vendor_options(again, 4491).items()) == options
    assert dict(vendor_options(again, 2).items()) == {}


# What Kea 3.0.4 sent of a sub-option of 600 octets: parts in instances of the option around it, which fit together.
LONG = [b"\x01\xfb" + b"x" * 251, b"\x01\xfb" + b"x" * 251, b"\x01\x62" + b"x" * 98, b"\x02\x01\x02"]


@pytest.mark.parametrize("code", [43, 82, 122])
def test_long_sub_options_are_read_as_kea_writes_them(code):
    parts = b"".join(bytes((code, len(part))) + part for part in LONG)
    head = bytes(Packet4(1, {}, xid=1, chaddr=b"\2\0\0\0\0\1"))
    packet = Packet4.parse(head.rstrip(b"\0").removesuffix(b"\xff") + parts + b"\xff")
    assert packet.flaws == ()
    value = packet[o.DHCP4.by_code(code)]
    assert dict(value.items()) == {1: b"x" * 600, 2: b"\2"}


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=900), max_size=4), st.sampled_from([43, 82, 122]))
def test_long_sub_options_survive(options, code):
    option = o.DHCP4.by_code(code)
    value = SubOptions.of(options)
    again = Packet4.parse(bytes(Packet4(1, {option: value}, xid=1)))
    assert dict(again[option].items()) == options
    assert again[option].octets == value.octets
