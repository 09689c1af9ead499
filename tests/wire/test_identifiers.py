"""Client identifiers, DUIDs, client names, vendors: values taken apart and put together."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import client_fqdns, client_ids, duids
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn
from dhcpkit.wire.duid import ClientId, Duid, DuidType
from dhcpkit.wire.kinds import IPV6_PREFIX, PSID, TEXT
from dhcpkit.wire.named_kinds import TYPES, kind_named
from dhcpkit.wire.nested import SubOptions
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import (
    CLASSLESS_STATIC_ROUTE,
    DHCP4,
    DOCSIS3_TFTP_SERVERS,
    VENDOR_SPACES,
    VIVCO_SUBOPTIONS,
    VIVSO_SUBOPTIONS,
)
from dhcpkit.wire.routes import Route
from dhcpkit.wire.vendor import VendorClass, VendorOptions, opaque_list

MAC = bytes.fromhex("020000000010")
WHO = UUID("12345678-1234-5678-1234-567812345678")


def test_client_id_of_a_hardware_address():
    client = ClientId.of_hwaddr(MAC)
    assert client.octets == b"\1" + MAC
    assert (client.type, client.hwaddr, client.duid, client.iaid) == (1, MAC, None, None)
    assert str(client) == "01:02:00:00:00:00:10"


def test_client_id_of_a_duid():
    client = ClientId(bytes.fromhex("ff000000070001000129a1b2c3020000000010"))
    assert (client.type, client.hwaddr, client.iaid) == (255, None, 7)
    assert client.duid is not None
    assert (client.duid.type, client.duid.hwtype, client.duid.time) == (DuidType.LLT, 1, 0x29A1B2C3)
    assert client.duid.link_layer == MAC
    assert ClientId.of_duid(7, client.duid) == client


@pytest.mark.parametrize("octets", [b"", b"\0", b"\xff", b"\xff\0\0\0\1\0\1", b"\xff" + bytes(200), b"\0text"])
def test_client_ids_that_say_nothing(octets):
    client = ClientId(octets)
    assert (client.hwaddr, client.duid, client.iaid) == (None, None, None)


@given(client_ids())
def test_client_ids_are_made_of_their_parts(client):
    parts = [client.hwaddr is not None, client.duid is not None, client.type == 0]
    assert parts.count(True) == 1
    if client.duid is not None:
        assert ClientId.of_duid(client.iaid, client.duid) == client
    elif client.hwaddr is not None:
        assert ClientId.of_hwaddr(client.hwaddr, client.type) == client


@given(duids())
def test_duids_are_made_of_their_parts(duid):
    if duid.uuid is not None:
        assert Duid.of_uuid(duid.uuid) == duid
    elif duid.link_layer is not None:
        assert Duid.of_link_layer(duid.link_layer, duid.hwtype, duid.time) == duid


def test_duid_types():
    enterprise = Duid(b"\0\2\0\0\x11\x8bid")
    assert (enterprise.enterprise, enterprise.link_layer, enterprise.hwtype, enterprise.uuid) == (
        4491,
        None,
        None,
        None,
    )
    assert Duid.of_uuid(WHO).uuid == WHO
    assert Duid.of_link_layer(MAC).time is None
    assert str(Duid(b"\0\3\0\1" + MAC)) == "00:03:00:01:02:00:00:00:00:10"
    for size in (0, 2, 131):
        with pytest.raises(ValueError, match="3 to 130 octets"):
            Duid(bytes(size))


FQDNS = [  # octets, value: as Kea's log shows them
    ("010000", ClientFqdn("", server_updates=True, ascii=True)),
    ("050000", ClientFqdn("", server_updates=True)),
    ("05000000", ClientFqdn(".", server_updates=True)),
    ("05000004686f7374", ClientFqdn("host", server_updates=True)),
    ("010000686f73742e6578616d706c652e6f7267", ClientFqdn("host.example.org", server_updates=True, ascii=True)),
    ("010000686f73742e6578616d706c652e6f72672e", ClientFqdn("host.example.org.", server_updates=True, ascii=True)),
    ("0effff04484f5354034f724700", ClientFqdn("HOST.OrG.", no_updates=True, overridden=True, rcode1=255, rcode2=255)),
]


@pytest.mark.parametrize(("octets", "value"), FQDNS, ids=str)
def test_client_fqdn(octets, value):
    assert CLIENT_FQDN.parse(bytes.fromhex(octets)) == value
    assert CLIENT_FQDN.build(value).hex() == octets


@pytest.mark.parametrize(
    "octets",
    [
        "", "0500", "0d0000", "05000004686f73", "0500003f", "050000c000", "010000612e2e62", "0100002e61",
        "050000" + "0161" * 127 + "0162",
    ],
)  # fmt: skip
def test_no_client_fqdn(octets):
    with pytest.raises(ValueError, match=r"\w"):
        CLIENT_FQDN.parse(bytes.fromhex(octets))


@given(client_fqdns())
def test_client_fqdns_are_read_back(value):
    assert CLIENT_FQDN.parse(CLIENT_FQDN.build(value)) == value


def test_client_fqdn_passes_over_what_it_must():
    assert CLIENT_FQDN.parse(bytes.fromhex("f50000026162")) == ClientFqdn("ab", server_updates=True)
    assert CLIENT_FQDN.parse(bytes.fromhex("04000002616200ff")) == ClientFqdn("ab.")
    with pytest.raises(ValueError, match="a dot in it"):
        CLIENT_FQDN.build(ClientFqdn("a\\.b.", ascii=True))
    with pytest.raises(ValueError, match="exclude"):
        CLIENT_FQDN.build(ClientFqdn("a.", server_updates=True, no_updates=True))


@pytest.mark.parametrize(
    ("octets", "parts"),
    [
        (b"\3abc\2de", (b"abc", b"de")),
        (b"iPXE", (b"iPXE",)),  # bare text, not a list
        (b"\2u1", (b"u1",)),
        (b"", ()),
        (b"\0\1a", (b"\0\1a",)),
    ],
)
def test_opaque_lists(octets, parts):
    assert opaque_list(octets) == parts


def test_vendors():
    octets = b"\0\0\x11\x8b\4\3abc\0\0\0\1\2xy"
    classes = (VendorClass(4491, b"\3abc"), VendorClass(1, b"xy"))
    assert VIVCO_SUBOPTIONS.parse(octets) == classes
    assert VIVCO_SUBOPTIONS.build(classes) == octets
    assert [found.classes for found in classes] == [(b"abc",), (b"xy",)]
    options = SubOptions.of({DOCSIS3_TFTP_SERVERS: (IPv4Address("192.0.2.1"),)})
    value = (VendorOptions(4491, options),)
    assert VIVSO_SUBOPTIONS.parse(VIVSO_SUBOPTIONS.build(value)) == value
    space = VENDOR_SPACES[4491]
    assert value[0].options[space.by_name("tftp-servers")] == (IPv4Address("192.0.2.1"),)
    with pytest.raises(ValueError, match="enterprise"):
        VIVCO_SUBOPTIONS.build(())


def test_routes_as_the_rfc_draws_them():
    # RFC 3442's table of destination descriptors
    rows = {
        "00": "0.0.0.0/0", "080a": "10.0.0.0/8", "180a0000": "10.0.0.0/24", "100a11": "10.17.0.0/16",
        "180a1b81": "10.27.129.0/24", "190a e5 00 80".replace(" ", ""): "10.229.0.128/25",
        "200ac67a2f": "10.198.122.47/32",
    }  # fmt: skip
    router = IPv4Address("10.0.0.1")
    for descriptor, network in rows.items():
        octets = bytes.fromhex(descriptor) + router.packed
        route = Route(IPv4Network(network), router)
        assert CLASSLESS_STATIC_ROUTE.parse(octets) == (route,)
        assert CLASSLESS_STATIC_ROUTE.build((route,)) == octets
    assert CLASSLESS_STATIC_ROUTE.parse(bytes.fromhex("010a0a000001"))[0].destination == IPv4Network("0.0.0.0/1")
    for wrong in ("", "210a0000000a000001", "080a0a0000"):
        with pytest.raises(ValueError, match=r"left over|at least one"):
            CLASSLESS_STATIC_ROUTE.parse(bytes.fromhex(wrong))
    for wrong in (
        "10.0.0.0/8",
        "10.0.0.0 - 10.0.0.1",
        "10.0.0.0/8 - x",
        "10.0.0.0/33 - 10.0.0.1",
        "10.0.0.0/ 8/ - 1.2.3.4",
    ):
        with pytest.raises(ValueError, match="is not a route"):
            CLASSLESS_STATIC_ROUTE.build_text(wrong)


def test_kinds_of_softwires():
    assert IPV6_PREFIX.parse(bytes.fromhex("2d20010db80000")) == IPv6Network("2001:db8::/45")
    assert PSID.parse(b"\4\x3f\xff") == (3, 4)  # what follows the PSID's bits counts for nothing
    for wrong in (b"\x11\0\0", b"\xff\xff\xff"):
        with pytest.raises(ValueError, match="0 to 16 bits"):
            PSID.parse(wrong)


class TestNamedKinds:
    def test_every_type_of_kea(self):
        assert set(TYPES) == {
            "binary", "boolean", "empty", "fqdn", "int8", "int16", "int32", "ipv4-address", "ipv6-address",
            "ipv6-prefix", "psid", "string", "tuple", "uint8", "uint16", "uint32",
        }  # fmt: skip

    def test_keas_record_example(self):
        kind = kind_named("record", record_types=["ipv4-address", "psid", "tuple", "fqdn", "string"])
        payload = kind.build_text("192.0.2.74, 3/4, 1, example.org, string")
        assert payload.hex() == "c000024a0430000131076578616d706c65036f726700" + b"string".hex()
        assert kind.show_text(kind.parse(payload)) == "192.0.2.74, 3/4, 1, example.org., string"

    def test_the_last_type_of_an_array_repeats(self):
        kind = kind_named("record", array=True, record_types=["uint8", "ipv4-address"])
        assert kind.build_text("1, 10.0.0.1, 10.0.0.2") == b"\1\x0a\0\0\1\x0a\0\0\2"

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            ({"name": "nosuch"}, "not supported"),
            ({"name": "string", "array": True}, "array of strings is not a valid option definition"),
            ({"name": "binary", "array": True}, "array of binary values"),
            ({"name": "empty", "array": True}, "array of empty value"),
            ({"name": "uint8", "array": True, "encapsulates": True}, "may not encapsulate"),
            ({"name": "record", "record_types": ["uint8"]}, "1 specified"),
            ({"name": "record"}, "0 specified"),
            ({"name": "uint8", "record_types": ["uint8"]}, "must be used instead"),
            ({"name": "record", "record_types": ["string", "uint8"]}, "string data field can't be laid"),
            ({"name": "record", "record_types": ["uint8", "empty"]}, "invalid data type 'empty'"),
            ({"name": "record", "record_types": ["uint8", "nosuch"]}, "invalid data type 'unknown'"),
            ({"name": "record", "record_types": ["uint8", "string"], "array": True}, "array of strings"),
        ],
    )  # fmt: skip
    def test_refusals_are_keas(self, arguments, why):
        with pytest.raises(ValueError, match=why):
            kind_named(**arguments)


class TestSpaces:
    def test_codes_and_names_are_taken_once(self):
        space = Space("mine", extends=DHCP4)
        mine = space.define(224, "mine", TEXT)
        assert space.by_code(224) is space.by_name("mine") is mine
        assert space.by_name("routers") is DHCP4.by_code(3)
        assert DHCP4.by_code(224) is None
        for code, name in ((224, "other"), (225, "mine")):
            with pytest.raises(ValueError, match="already defined"):
                space.define(code, name, TEXT)
        assert list(space) == [mine]
        assert repr(mine) == "<mine.mine (224) string>"

    def test_the_table_cites_what_it_declares(self):
        for option in DHCP4:
            assert option.rfc.startswith("RFC "), option
            assert 0 < option.code < 255


@given(
    st.from_type(ClientFqdn), st.from_type(Route), st.from_type(ClientId), st.from_type(Duid), st.from_type(SubOptions)
)
def test_types_are_registered_with_hypothesis(fqdn, route, client, duid, sub_options):
    assert isinstance(fqdn, ClientFqdn)
    assert isinstance(route.destination, IPv4Network)
    assert client.octets
    assert len(duid.octets) > 2
    assert SubOptions(sub_options.octets) == sub_options
