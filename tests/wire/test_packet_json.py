"""Messages as JSON: nothing is lost on the way there and back, and what people write by hand is read or refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.errors import DhcpkitError
from dhcpkit.testing.strategies import malformed, packets4, packets6
from dhcpkit.wire import DHCP4, DHCP6, JsonError, Packet4, Packet6, Space, SubOptions, WireError, from_json, to_json
from dhcpkit.wire.json_form import NESTING_MAX
from dhcpkit.wire.kinds import IPV4, TEXT, UINT16, list_of
from dhcpkit.wire.nested import VENDOR_SUB_OPTIONS
from dhcpkit.wire.packet_json import family_of

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
MAC = bytes.fromhex("020000000010")


def parse(family, data):
    return Packet4.parse(data) if family == 4 else Packet6.parse(data)


def goes_there_and_back(family, data):
    """What the JSON of a message is, if it is one and gives its octets back."""
    try:
        packet = parse(family, data)
    except WireError:
        return None
    shown = json.loads(json.dumps(to_json(packet)))
    again = from_json(shown)
    assert bytes(again) == data
    assert type(again) is type(packet)
    assert json.loads(json.dumps(to_json(again))) == shown
    return shown


@given(packets4())
def test_a_whole_message_of_dhcpv4(packet):
    goes_there_and_back(4, bytes(packet))


@given(packets6())
def test_a_whole_message_of_dhcpv6_needs_no_octets(packet):
    assert "octets" not in goes_there_and_back(6, bytes(packet))


@given(malformed(packets4()), malformed(packets6()))
def test_a_damaged_message(data4, data6):
    goes_there_and_back(4, data4)
    goes_there_and_back(6, data6)


@given(st.binary(max_size=400))
def test_any_octets(data):
    goes_there_and_back(6, data)
    goes_there_and_back(4, data[:236].ljust(236, b"\0") + b"\x63\x82\x53\x63" + data)


@pytest.mark.parametrize("name", ["clients4", "clients6"])
def test_what_real_clients_and_servers_say_needs_no_octets(name):
    for line in (VECTORS / f"{name}.jsonl").read_text().splitlines():
        vector = json.loads(line)
        data = bytes.fromhex(vector["payload"])
        assert family_of(data) == int(name[-1])
        shown = goes_there_and_back(int(name[-1]), data)
        # Kea splits long options otherwise than we do: not where the instance is full.
        assert ("octets" in shown) is (vector["from"] == "long-options" and shown["op"] == "REPLY")
        assert "flaws" not in shown


def test_every_recorded_message(recorded):
    held = [family for family, data, _ in recorded if goes_there_and_back(family, data)]
    assert {4, 6} == set(held)


def test_a_changed_packet_is_shown_as_it_is_now():
    packet = Packet4(1, {"host-name": "lab"}, chaddr=MAC)
    packet.xid = 7
    packet[DHCP4.by_name("host-name")] = "other"
    shown = to_json(packet)
    assert shown["xid"] == "0x00000007"
    assert shown["options"][1]["value"] == "other"
    assert "octets" not in shown
    packet.options[53] = b"\3"
    assert to_json(packet)["type"] == "REQUEST"


try:
    DHCP4.by_code(3).parse(b"abc")
except ValueError as error:
    REFUSED = str(error)

DISCOVER = {
    "family": 4,
    "type": "DISCOVER",
    "op": "REQUEST",
    "htype": 1,
    "hlen": 6,
    "hops": 0,
    "xid": "0xe75aed64",
    "secs": 0,
    "flags": "0x8000",
    "broadcast": True,
    "ciaddr": "10.0.0.5",
    "yiaddr": "0.0.0.0",
    "siaddr": "0.0.0.0",
    "giaddr": "0.0.0.0",
    "chaddr": "02:00:00:00:00:10",
    "sname": "",
    "file": "boot\udcff",
    "options": [
        {"code": 12, "name": "host-name", "value": "lab"},
        {"code": 53, "name": "dhcp-message-type", "says": "DISCOVER"},
        {"code": 55, "name": "dhcp-parameter-request-list", "value": [1, 200], "says": "subnet-mask, 200"},
        {"code": 121, "name": "classless-static-route",
         "value": [{"destination": "10.0.0.0/8", "router": "192.0.2.1"}]},
        {"code": 3, "name": "routers", "octets": "616263", "error": REFUSED},
        {"code": 224, "octets": "01"},
        {"code": 82, "name": "dhcp-agent-options", "octets": "0504c000020102097800",
         "value": [{"code": 5, "name": "link-selection", "value": "192.0.2.1"}],
         "flaws": [{"offset": 6, "what": "sub-option 2 runs past the end"}]},
        {"code": 124, "name": "vivco-suboptions", "value": [{"enterprise": 4491, "classes": ["docsis3.0"]}],
         "says": "enterprise 4491: 'docsis3.0'"},
        {"code": 125, "name": "vivso-suboptions",
         "value": [{"enterprise": 4491, "options": [{"code": 1, "name": "oro", "value": [2], "says": "tftp-servers"}]},
                   {"enterprise": 9, "options": [{"code": 1, "octets": "ff"}]}]},
    ],
    "pad_to": 400,
}  # fmt: skip

RELAYED = {
    "family": 6,
    "type": "REPLY",
    "xid": "0x123456",
    "options": [
        {"code": 3, "name": "ia-na", "value": {
            "iaid": 1, "t1": 1000, "t2": 2000, "options": [
                {"code": 5, "name": "iaaddr", "value": {
                    "address": "2001:db8::1", "preferred": 3000, "valid": 4000, "options": [
                        {"code": 13, "name": "status-code", "value": {"code": 2, "message": "none"},
                         "says": "NO-ADDRS-AVAIL: none"}]}},
                {"code": 7000, "octets": "01"}]}},
        {"code": 14, "name": "rapid-commit", "value": None},
    ],
    "relays": [
        {"type": "RELAY-REPL", "hops": 1, "link": "::", "peer": "fe80::1", "options": [
            {"code": 9, "name": "relay-msg"}, {"code": 18, "name": "interface-id", "value": "31", "says": "'1'"}]},
        {"type": "RELAY-REPL", "hops": 0, "link": "2001:db8::", "peer": "fe80::2", "options": [
            {"code": 9, "name": "relay-msg"}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("found", [DISCOVER, RELAYED], ids=["DISCOVER", "REPLY"])
def test_how_a_message_looks(found):
    packet = from_json(json.loads(json.dumps(found)))
    assert to_json(packet) == found


def test_the_octets_that_the_json_means():
    packet = from_json(DISCOVER)
    assert len(bytes(packet)) == 400
    assert packet.file == b"boot\xff"
    assert list(packet.options)[:2] == [12, 53]
    relayed = from_json(RELAYED)
    assert [relay.hops for relay in relayed.relays] == [1, 0]
    assert list(relayed.relays[0].options) == [9, 18]
    assert relayed.xid == 0x123456


SHORT = [
    ({"type": "DISCOVER"}, Packet4(1)),
    ({"type": "dhcpdiscover", "chaddr": "020000000010"}, Packet4(1, chaddr=MAC)),
    ({"type": "OFFER", "chaddr": "02 00 00 00 00 10", "xid": 7}, Packet4(2, chaddr=MAC, xid=7)),
    ({"type": 1, "family": 4}, Packet4(1)),
    ({"type": "BOOTP", "broadcast": True}, Packet4(None, broadcast=True)),
    ({"type": "REQUEST", "chaddr": ""}, Packet4(3)),
    ({"type": "DISCOVER", "htype": 0}, Packet4(1, htype=0)),
    (
        {"type": 8, "chaddr": ""}
        | {"options": [{"code": 12, "value": "a"}, {"code": 13, "value": 1}, {"code": 12, "value": "b"}]},
        Packet4(8, {12: b"ab", 13: b"\0\1"}),
    ),
    (
        {"type": "DISCOVER", "file": {"options": [{"code": 12, "value": "a"}, {"code": 12, "value": "b"}]}},
        Packet4(1, file=b"\x0c\2ab\xff"),
    ),
    ({"type": "REQUEST", "family": 6}, Packet6(3)),
    ({"type": "REQUEST", "relays": []}, Packet6(3)),
    ({"type": "SOLICIT", "xid": "0xABC"}, Packet6(1, xid=0xABC)),
    ({"type": "information-request", "options": []}, Packet6(11)),
    ({"type": "ADVERTISE", "relays": [{}]}, Packet6.parse(b"\x0d" + bytes(33) + b"\0\x09\0\4\2\0\0\0")),
    ({"type": "DISCOVER", "options": [{"code": 12, "octets": "0x6c61"}]}, Packet4(1, {12: b"la"})),
    ({"type": "DISCOVER", "options": [{"name": "routers", "text": "192.0.2.1, 192.0.2.2"}]},
     Packet4(1, {3: bytes.fromhex("c0000201c0000202")})),
    ({"type": "DISCOVER", "options": [{"name": "rapid-commit"}]}, Packet4(1, {80: b""})),
    ({"type": "DISCOVER", "options": [{"name": "fqdn", "value": {"name": "lab."}}]},
     Packet4(1, {81: b"\x04\0\0\3lab\0"})),
    ({"type": "SOLICIT", "options": [{"name": "ia-na", "value": {"iaid": 1}}]},
     Packet6(1, {3: b"\0\0\0\1" + bytes(8)})),
    ({"octets": "01:02:03:04"}, Packet6(1, xid=0x020304)),
    ({"octets": bytes(Packet4(1)).hex()}, Packet4(1)),
    ({"type": "DISCOVER", "file": {"options": [{"code": 12, "value": "a"}]}, "options": [{"code": 52, "value": 1}]},
     Packet4(1, {52: b"\1"}, file=b"\x0c\1a\xff")),
]  # fmt: skip


@pytest.mark.parametrize(("found", "packet"), SHORT)
def test_what_people_write_may_be_short(found, packet):
    assert bytes(from_json(found)) == bytes(packet)


def test_the_family_may_be_told_outside():
    assert isinstance(from_json({"type": "REQUEST"}, family=6), Packet6)
    with pytest.raises(JsonError, match="family"):
        from_json({"type": "REQUEST", "family": 4}, family=6)


def options(*found):
    return {"type": "DISCOVER", "options": list(found)}


def nested(depth):
    found = [{"code": 3, "value": {"iaid": 1}}]
    for _ in range(depth):
        found = [{"code": 3, "value": {"iaid": 1, "options": found}}]
    return {"type": "SOLICIT", "options": found}


MISTAKES = [
    ([], "", "an object that describes a message expected, not []"),
    ({}, "", "type missing"),
    ({"type": "REQUEST"}, "family", "4 or 6 expected, as both have a message type REQUEST"),
    ({"type": "REQUEST", "family": 5}, "family", "4 or 6 expected, not 5"),
    ({"type": "NONESUCH"}, "type", "the name or number of a message type expected, not 'NONESUCH'"),
    ({"type": "SOLICIT", "family": 4}, "type", "DHCPv4 message type expected, not 'SOLICIT'"),
    ({"type": "DISCOVER", "chadr": ""}, "chadr", "no such member here"),
    ({"type": "REQUEST", "chaddr": "", "optoins": []}, "optoins", "no such member here"),
    ({"type": "DISCOVER", "chaddr": "0g"}, "chaddr", "hexadecimal digits expected, not '0g'"),
    ({"type": "DISCOVER", "chaddr": "012"}, "chaddr", "pairs of hexadecimal digits"),
    ({"type": "DISCOVER", "chaddr": 1}, "chaddr", "hexadecimal digits expected, not 1"),
    ({"type": "DISCOVER", "chaddr": "01", "hlen": 6}, "chaddr", "1 octets contradict the hlen 6"),
    ({"type": "DISCOVER", "chaddr": "00" * 17}, "", "chaddr has 16 octets, not 17"),
    ({"type": "DISCOVER", "xid": -1}, "xid", "a number from 0 to 4294967295"),
    ({"type": "DISCOVER", "xid": True}, "xid", "a number from 0"),
    ({"type": "DISCOVER", "xid": "17"}, "xid", "a number from 0"),
    ({"type": "DISCOVER", "hops": 256}, "hops", "a number from 0 to 255"),
    ({"type": "DISCOVER", "ciaddr": "x"}, "ciaddr", "'x' is not an IPv4 address"),
    ({"type": "DISCOVER", "ciaddr": 1}, "ciaddr", "an IPv4 address expected, not 1"),
    ({"type": "DISCOVER", "op": "SAY"}, "op", "REQUEST, REPLY or a number expected"),
    ({"type": "DISCOVER", "broadcast": 1}, "broadcast", "true or false expected"),
    ({"type": "DISCOVER", "broadcast": True, "flags": 0}, "broadcast", "contradicts the flags"),
    ({"type": "DISCOVER", "sname": "a" * 65}, "sname", "64 octets at most, not 65"),
    ({"type": "DISCOVER", "sname": "\ud800"}, "sname", "is no character"),
    ({"type": "DISCOVER", "file": []}, "file", "text, or an object with options expected"),
    ({"type": "DISCOVER", "pad_to": 1 << 16}, "pad_to", "a number from 0 to 65535"),
    ({"type": "DISCOVER", "options": {}}, "options", "a list of options expected"),
    (options(7), "options[0]", "an object with code or name expected"),
    (options({}), "options[0]", "code or name expected"),
    (options({"code": 1}, {"code": 12}), "options[0]", "value, text or octets of option subnet-mask expected"),
    (options({"code": 224}), "options[0]", "option 224 is not declared here"),
    (options({"code": 256}), "options[0].code", "a number from 0 to 255 expected"),
    (options({"code": 255, "octets": ""}), "options[0]", "codes 0 and 255 are no options"),
    (options({"name": "nonesuch"}), "options[0].name", "no option has this name here"),
    (options({"code": 1, "name": "routers", "octets": ""}), "options[0].name", "routers is option 3, not 1"),
    (options({"code": 1, "vlaue": 1}), "options[0].vlaue", "no such member here"),
    (options({"code": 12, "octets": "0"}), "options[0].octets", "pairs of hexadecimal digits"),
    (options({"code": 12, "octets": "'lab'"}), "options[0].octets", "hexadecimal digits expected"),
    (options({"code": 3, "value": ["192.0.2.1", "x"]}), "options[0].value[1]", "'x' is not an IPv4 address"),
    (options({"code": 3, "text": 1}), "options[0].text", "expected in text, not 1"),
    (options({"code": 53, "value": 2}), "options[0]", "this is not what the message's own fields say"),
    (options({"code": 121, "value": [{"router": "10.0.0.1"}]}), "options[0].value[0]", "destination missing"),
    (options({"code": 82, "value": [{"code": 5, "value": "x"}]}), "options[0].value[0].value", "not an IPv4 address"),
    (options({"code": 125, "value": [{"enterprise": 4491, "options": [{"name": "oro", "value": [256]}]}]}),
     "options[0].value[0].options[0].value[0]", "from 0 to 255 expected"),
    (options({"code": 124, "value": [{"enterprise": 1, "classes": [""]}]}), "options[0].value[0].classes", "1 to 255"),
    ({"type": "SOLICIT", "link": "::"}, "link", "only a relay message has this field"),
    ({"type": "RELAY-FORW", "xid": 1}, "xid", "a relay message has none"),
    ({"type": "SOLICIT", "relays": [{}, {"type": "REPLY"}]}, "relays[1].type", "RELAY-FORW or RELAY-REPL expected"),
    ({"type": "SOLICIT", "relays": [{"peer": "10.0.0.1"}]}, "relays[0].peer", "not an IPv6 address"),
    ({"type": "SOLICIT", "relays": [{}] * 33}, "relays", "a list of at most 32"),
    ({"type": "SOLICIT", "options": [{"code": 3, "value": {"iaid": 1, "T1": 2}}]}, "options[0].value.T1", "no such"),
    ({"type": "SOLICIT", "octets": "01"}, "octets", "has 4 octets, not 1"),
    (nested(NESTING_MAX + 1), "options[0]" + ".value.options[0]" * NESTING_MAX + ".value.options", "deep in each"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "place", "told"), MISTAKES)
def test_mistakes_have_their_place(found, place, told):
    with pytest.raises(JsonError) as refused:
        from_json(found)
    assert str(refused.value).startswith(f"{place}: " if place else told)
    assert told in refused.value.what
    assert isinstance(refused.value, DhcpkitError)
    assert isinstance(refused.value, ValueError)


def test_as_deep_as_is_allowed():
    assert goes_there_and_back(6, bytes(from_json(nested(NESTING_MAX))))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = st.sampled_from(["family", "type", "xid", "chaddr", "file", "options", "relays", "octets", "flags", "link"])


@given(st.dictionaries(PLACES, JSON | st.sampled_from(["SOLICIT", "DISCOVER", "RELAY-FORW", "0x1", 4, 6])))
def test_any_json_is_read_or_refused(found):
    try:
        packet = from_json(found)
    except JsonError:
        return
    assert bytes(from_json(to_json(packet))) == bytes(packet)


@given(st.sampled_from([DISCOVER, RELAYED]), st.data())
def test_a_message_with_any_json_in_any_place_is_read_or_refused(found, data):
    changed = json.loads(json.dumps(found))
    place = changed
    while isinstance(place, dict | list) and place:
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[step], dict | list) or data.draw(st.booleans()):
            place[step] = data.draw(JSON)
            break
        place = place[step]
    try:
        packet = from_json(changed)
    except JsonError:
        return
    assert bytes(from_json(to_json(packet))) == bytes(packet)


def test_a_space_of_ones_own():
    vendor = Space("mine-43")
    vendor.define(1, "server", list_of(IPV4))
    mine = Space("mine", extends=DHCP4)
    mine.define(43, "vendor-encapsulated-options", VENDOR_SUB_OPTIONS, encapsulates=vendor)
    mine.define(224, "floor", UINT16)
    packet = Packet4(1, {43: b"\1\4\x0a\0\0\1\xff", 224: b"\0\7"})
    assert to_json(packet)["options"][1:] == [
        {"code": 43, "name": "vendor-encapsulated-options", "value": [], "octets": "01040a000001ff"}
        | {"value": [{"code": 1, "octets": "0a000001"}]},
        {"code": 224, "octets": "0007"},
    ]
    shown = to_json(packet, space=mine)
    assert shown["options"][1]["value"] == [{"code": 1, "name": "server", "value": ["10.0.0.1"]}]
    assert shown["options"][2] == {"code": 224, "name": "floor", "value": 7}
    assert bytes(from_json(shown, mine)) == bytes(packet)
    asked = Packet4(1, {55: b"\xe0"})
    assert to_json(asked, mine)["options"][1]["says"] == "floor"


def test_a_space_of_ones_own_counts_within_options_too():
    mine = Space("mine6", extends=DHCP6)
    mine.define(60000, "room", TEXT)
    packet = from_json({"type": "SOLICIT", "options": [
        {"name": "ia-na", "value": {"iaid": 1, "options": [{"name": "room", "value": "7"}]}}]}, mine)  # fmt: skip
    (inner,) = to_json(packet, mine)["options"][0]["value"]["options"]
    assert inner == {"code": 60000, "name": "room", "value": "7"}


@pytest.mark.parametrize(
    ("payload", "plain"),
    [(b"\1\1a\2\1b", True), (b"\1\1a\1\1b", False), (b"\1\1a\0", False), (b"\1\5a", False)],
)
def test_options_within_have_octets_only_where_they_need_them(payload, plain):
    assert SubOptions(payload).is_plain is plain
    option = to_json(Packet4(1, {82: payload}))["options"][1]
    assert ("octets" in option) is not plain


def test_a_peer_may_nest_as_deep_as_it_likes():
    payload = b""
    for _ in range(2000):
        payload = b"\0\3" + (12 + len(payload)).to_bytes(2, "big") + bytes(12) + payload
    data = b"\1\0\0\0" + payload
    shown = goes_there_and_back(6, data)
    depth = 0
    (option,) = shown["options"]
    while "value" in option:
        (option,) = option["value"]["options"]
        depth += 1
    assert depth == NESTING_MAX + 1
    assert option.keys() == {"code", "octets"}


def test_messages_in_messages_stay_bounded():
    data = b"\1\0\0\0"
    for _ in range(300):
        data = b"\x0c" + bytes(33) + b"\0\x09" + len(data).to_bytes(2, "big") + data
    shown = goes_there_and_back(6, data)
    assert len(shown["relays"]) == 32
    assert shown["type"] == "RELAY-FORW"


def test_a_relay_message_with_the_message_twice():
    inner = b"\0\x09\0\4\1\0\0\0"
    shown = goes_there_and_back(6, b"\x0c" + bytes(33) + inner * 2)
    assert "octets" not in shown
    first, second = shown["relays"][0]["options"]
    assert first == {"code": 9, "name": "relay-msg"}
    assert {"value", "octets"} & second.keys()


def test_flaws_within_an_option_are_placed_in_its_payload():
    (option,) = to_json(Packet6(1, {3: bytes(12) + b"\0\5\0\0" + b"\0\5\0\xff"}))["options"]
    assert [flaw["offset"] for flaw in option["flaws"]] == [16]


def test_padding_is_what_stands_behind_the_end():
    unended = bytes(Packet4(1, {12: b"a\0"}))[:-1]
    assert "pad_to" not in to_json(Packet4.parse(unended))
    assert to_json(Packet4.parse(unended + b"\xff\0"))["pad_to"] == len(unended) + 2


@pytest.mark.parametrize(("where", "names"), [(0, []), (1, ["file"]), (2, ["sname"]), (3, ["sname", "file"])])
def test_options_in_sname_and_file(where, names):
    fields = {name: b"\x0c\1a\xff" if name in names else b"b\0c" for name in ("sname", "file")}
    shown = goes_there_and_back(4, bytes(Packet4(1, {52: bytes((where,))}, **fields)))
    assert "octets" not in shown
    for name in fields:
        hidden = {"options": [{"code": 12, "name": "host-name", "value": "a"}]}
        assert shown[name] == (hidden if name in names else "b\0c")
