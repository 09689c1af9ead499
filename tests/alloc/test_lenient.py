"""What `lenient-option-parsing` changes: with the key and without, held to what real Kea makes of the same octets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import ClientClass, Network, Pool4, Subnet4
from dhcpkit.alloc.expressions import parse
from dhcpkit.alloc.lenient import mend4, mend6
from dhcpkit.alloc.open6 import open6
from dhcpkit.alloc.query import Dropped, open4
from dhcpkit.alloc.quick4 import quick4
from dhcpkit.config import parse4, parse6
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.testing.strategies import option_values
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6
from dhcpkit.wire.lenient import mended
from dhcpkit.wire.named_kinds import kind_named
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

MAC = b"\2\0\0\0\0\1"
DUID = b"\0\3\0\1" + MAC
NAME = b"\x01a\x07example\x00"
CLASSES = {
    "tuple": "option[230].hex == 0x03616263",
    "name": "option[190].exists",
    "names": "option[119].exists",
    "number": "option[191].hex == 0x01020304",
    "fqdn": "option[81].exists or option[39].exists",
    "private": "option[231].exists",
}
DEFINED = [
    {"name": "own-tuple", "code": 230, "type": "tuple"},
    {"name": "own-private-name", "code": 231, "type": "fqdn"},
    {"name": "own-name", "code": 190, "type": "fqdn"},
    {"name": "own-number", "code": 191, "type": "uint32"},
]


def network(family, *, lenient):
    subnet = {4: "192.0.2.0/24", 6: "2001:db8::/64"}[family]
    keys = {
        "compatibility": {"lenient-option-parsing": lenient},
        "option-def": DEFINED,
        "client-classes": [{"name": name, "test": test} for name, test in CLASSES.items()],
        f"subnet{family}": [{"id": 1, "subnet": subnet, "interface": "eth0"}],
    }
    return (parse4 if family == 4 else parse6)(json.dumps({f"Dhcp{family}": keys})).network


NETWORKS = {(family, on): network(family, lenient=on) for family in (4, 6) for on in (False, True)}


def asked4(options, *, lenient):
    sent = Packet4(MessageType.DISCOVER, options, xid=1, chaddr=MAC)
    arrival = Arrival("eth0", 2, 0, 68, 0xC0000201, broadcast=True)
    return open4(Packet4.parse(sent.data, arrival), NETWORKS[4, lenient])


def asked6(options, *, lenient):
    sent = Packet6(1, [(1, DUID), (3, bytes(12)), *options], xid=1)
    arrival = Arrival6("eth0", 2, 0xFE80 << 112 | 1, 546, 0xFE80 << 112 | 2, True)
    return open6(Packet6.parse(sent.data, arrival), NETWORKS[6, lenient])


def outcome(query):
    """The classes of this file a client is in; None where it is not served."""
    return None if isinstance(query, Dropped) else [name for name in CLASSES if name in query.classes]


# Octets, and what becomes of the message without the key and with it. Where Kea 3.0.4 says something else, why.
CASES4 = [
    ("a name", {81: b"\5\0\0" + NAME}, ["fqdn"], ["fqdn"]),
    ("a label that runs past the end", {81: b"\5\0\0\x09abc"}, None, []),  # Kea 2.2 drops it with the key, too
    ("text with an empty label", {81: b"\1\0\0a..b"}, None, []),  # likewise
    ("N and S", {81: b"\x0d\0\0" + NAME}, None, ["fqdn"]),  # Kea from 3.1.9 on; earlier ones drop it
    ("half a head", {81: b"\5\0"}, None, None),
    ("a string that claims more than there is", {230: b"\x09abc"}, [], ["tuple"]),  # as Kea's manual says
    ("a name that is none", {190: b"\x09abc"}, ["name"], []),
    ("a private name that is none", {231: b"\x09abc"}, ["private"], ["private"]),
    ("a list of names that is none", {119: b"\x09abc"}, ["names"], []),  # Kea drops it without the key
    ("a number with more behind it", {191: b"\1\2\3\4\5"}, [], ["number"]),
    ("half a number", {191: b"\1\2"}, [], []),
]
CASES6 = [
    ("a name", [(39, b"\1" + NAME)], ["fqdn"], ["fqdn"]),
    ("a label that runs past the end", [(39, b"\1\x09abc")], None, []),
    ("N and S", [(39, b"\5" + NAME)], None, ["fqdn"]),
    ("no flags", [(39, b"")], None, None),
    ("a name that is none", [(190, b"\x09abc")], ["name"], []),
    ("a number with more behind it", [(191, b"\1\2\3\4\5")], [], ["number"]),
    ("no enterprise", [(16, b"\0\0")], None, None),
]


@pytest.mark.parametrize(("options", "off", "on"), [case[1:] for case in CASES4], ids=[case[0] for case in CASES4])
def test_dhcpv4(options, off, on):
    assert outcome(asked4(options, lenient=False)) == off
    assert outcome(asked4(options, lenient=True)) == on


@pytest.mark.parametrize(("options", "off", "on"), [case[1:] for case in CASES6], ids=[case[0] for case in CASES6])
def test_dhcpv6(options, off, on):
    assert outcome(asked6(options, lenient=False)) == off
    assert outcome(asked6(options, lenient=True)) == on


def test_of_two_flags_that_exclude_each_other_the_one_that_asks_for_dns_stays():
    assert asked4({81: b"\x0d\0\0" + NAME}, lenient=True).packet.options[81][0] == 0x05
    assert asked6([(39, b"\5" + NAME)], lenient=True).packet.options.first[39][0] == 0x01


def test_vendor_classes_have_what_there_is_of_them():
    made = asked4({124: b"\0\0\x11\x8b\x02\1a\0\0\0\x09\x20abc"}, lenient=True).packet.options[124]
    assert made == b"\0\0\x11\x8b\x02\1a\0\0\0\x09\x03abc"
    made = asked6([(16, b"\0\0\x11\x8b\0\1a\0\x20bcd")], lenient=True).packet.options.first[16]
    assert made == b"\0\0\x11\x8b\0\1a\0\3bcd"


def test_a_prefix_has_128_bits_at_most():
    ia_pd = bytes(12) + b"\0\x1a\0\x19" + bytes(8) + b"\xff" + b"\x20\1\x0d\xb8" + bytes(12)
    assert isinstance(asked6([(25, ia_pd)], lenient=False), Dropped)
    query = asked6([(25, ia_pd)], lenient=True)
    assert [hint.prefix_len for ia in query.asked for hint in ia.hints] == [128]


RECORD = kind_named("record", record_types=["uint8", "fqdn", "tuple"])


@pytest.mark.parametrize(
    ("kind", "octets", "made"),
    [
        (RECORD, b"\7" + NAME + b"\x20xy", b"\7" + NAME + b"\2xy"),
        (RECORD, b"\7\x20xy", None),
        (kind_named("tuple", array=True), b"\1a\x09bc", b"\1a\2bc"),
        (kind_named("fqdn"), NAME + b"x", NAME),
        (kind_named("fqdn"), b"\xc0\0", None),
        (kind_named("fqdn"), b"", None),
        (kind_named("string"), b"anything", b"anything"),
    ],
)
def test_mended(kind, octets, made):
    assert mended(kind, octets, wide=False) == made


@given(st.data())
def test_what_is_well_formed_stays_as_it_is(data):
    for space, wide in ((DHCP4, False), (DHCP6, True)):
        option = data.draw(st.sampled_from(sorted(space, key=lambda each: each.code)))
        payload = option.build(data.draw(option_values(option)))
        assert mended(option.kind, payload, wide=wide) == payload


@given(st.dictionaries(st.sampled_from([50, 51, 54, 81, 119, 120, 124, 137, 190, 230]), st.binary(max_size=30)))
def test_nothing_is_mended_twice_in_dhcpv4(options):
    packet = Packet4.parse(Packet4(MessageType.DISCOVER, options, xid=1, chaddr=MAC).data)
    mend4(packet, DHCP4)
    once = dict(packet.options)
    mend4(packet, DHCP4)
    assert packet.options == once
    assert set(once) <= {53, *options}


@given(st.lists(st.tuples(st.sampled_from([3, 8, 16, 24, 25, 39, 64, 65]), st.binary(max_size=60)), max_size=6))
def test_nothing_is_mended_twice_in_dhcpv6(options):
    packet = Packet6.parse(Packet6(1, options, xid=1).data)
    mend6(packet, DHCP6)
    once = packet.options.octets
    mend6(packet, DHCP6)
    assert packet.options.octets == once


@given(st.dictionaries(st.sampled_from([12, 50, 51, 54, 81, 119, 124]), st.binary(max_size=9)), st.booleans())
def test_the_quick_way_leaves_to_the_engine_what_has_to_be_mended(options, known):
    classes = [ClientClass("c", test=parse("option[119].exists or option[51].hex == 0x01020304"))] if known else []
    lab = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.19")])
    lenient = Network([lab], classes=classes, lenient_option_parsing=True)
    arrival = Arrival("eth0", 2, 0, 68, lab.first + 1, broadcast=True)
    packet = Packet4.parse(Packet4(MessageType.DISCOVER, options, xid=1, chaddr=MAC).data, arrival)
    quick = quick4(packet, lenient, ReferenceStore(), lenient.hosts, 1000)
    if quick is None:
        return
    query = open4(packet, lenient)
    assert not isinstance(query, Dropped)
    assert not known
    assert query.subnet == quick.subnet
