"""The library flex_option: options as expressions say, beside recordings of Kea 3.0.4."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.hooks.loading import choose
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)

RECORDED = sorted(name for name, line in x.RECORDED.items() if name.startswith("flex-option") and "trace" in line)


NO_TEXT = "flex-option-v4-forms", "plain"


@pytest.mark.parametrize("name", RECORDED)
def test_answers_are_kea_s_to_the_octet(name):
    hooked, exchanged = x.play(name)
    with hooked:
        for step, recorded, ours in exchanged:
            if (name, step) != NO_TEXT:
                assert ours == recorded, step


def test_a_text_that_is_empty_is_no_field():
    """Kea sends a record whose last field is an empty text; here an option has no form for that."""
    hooked, exchanged = x.play(NO_TEXT[0])
    with hooked:
        [(recorded, ours)] = [(recorded, ours) for step, recorded, ours in exchanged if step == NO_TEXT[1]]
    kea, own = (Packet4.parse(bytes.fromhex(answer)).options for [answer] in (recorded, ours))
    assert kea[222] == b"\0\7\xc0\0\2\1"
    assert set(kea) - set(own) == {222, 43, 125}, "nor do entries behind it have their effect"


def test_what_kea_does_not_load_is_not_loaded():
    refused = x.RECORDED["flex-option-v4-not-loaded"]
    assert "unknown parameter 'container-add'" in refused["errors"][0]
    chosen = choose(x.Hooked.parse(x.Family(4), refused["config"]))
    assert chosen.failed
    assert "container-add" in chosen.problems[0].message


def config4(*options, **more):
    libraries = [{"library": "libdhcp_flex_option.so", "parameters": {"options": list(options)}}]
    subnet = {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.255"}]}
    return {"Dhcp4": {"subnet4": [subnet], "hooks-libraries": libraries, **more}}


def offered(hooked, **options):
    named = {"host_name": 12, "vendor": 60, "wanted": 55, "client_id": 61, "odd": 77}
    query = Packet4(
        1, {named[name]: octets for name, octets in options.items()}, chaddr=b"\2\0\0\0\0\1", broadcast=True
    )
    [answer] = hooked.take(bytes(query))
    assert hooked.counted("pkt4-processing-failed") == 0
    return Packet4.parse(answer).options


@pytest.mark.parametrize(
    "wrong",
    [
        {"add": "'x'"},
        {"code": 67},
        {"code": 67, "add": "'x'", "remove": "option[1].exists"},
        {"code": 67, "add": ""},
        {"code": 67, "add": "option["},
        {"code": 67, "remove": "'x'"},
        {"code": 67, "add": "option[1].exists"},
        {"code": 0, "add": "'x'"},
        {"code": 255, "add": "'x'"},
        {"code": 256, "add": "'x'"},
        {"code": 67, "name": "routers", "add": "'x'"},
        {"name": "no-such", "add": "'x'"},
        {"code": 250, "csv-format": True, "add": "'x'"},
        {"code": 43, "sub-options": [{"code": 1}]},
        {"code": 67, "sub-options": [{"code": 1, "add": "'x'"}]},
        {"code": 43, "add": "'x'", "sub-options": [{"code": 1, "add": "'x'"}]},
        {"code": 43, "sub-options": [{"code": 1, "add": "'x'"}, {"code": 1, "remove": "option[1].exists"}]},
        {"code": 67, "source": "response", "destination": "query", "add": "'x'"},
    ],
    ids=str,
)
def test_entries_that_make_no_sense(wrong):
    with pytest.raises(x.RefusedByLibrary):
        x.Hooked(config4(wrong))


def test_classes_guard_entries_and_may_be_asked_for():
    classes = [{"name": "phones", "test": "substring(option[60].hex, 0, 5) == 'phone'"}]
    options = [
        {"code": 66, "add": "'tftp'", "client-class": "phones"},
        {"code": 67, "add": "ifelse(member('phones'), 'p.boot', 'x.boot')"},
        {"code": 43, "client-class": "phones", "sub-options": [{"code": 1, "add": "'a'"}]},
        {"code": 17, "remove": "member('phones')"},
    ]
    with x.Hooked(config4(*options, **{"client-classes": classes})) as hooked:
        phone, other = offered(hooked, vendor=b"phone7"), offered(hooked, vendor=b"desk")
    assert (phone[66], phone[67], phone[43]) == (b"tftp", b"p.boot", b"\1\1a")
    assert (66 in other, other[67], 43 in other) == (False, b"x.boot", False)


def test_text_is_read_as_the_option_s_definition_says():
    definition = {"name": "place", "code": 222, "type": "record", "record-types": "uint16, ipv4-address, string"}
    options = [
        {"code": 119, "csv-format": True, "supersede": "'example.org, example.net'"},
        {"name": "place", "csv-format": True, "add": "'7, 192.0.2.1, ' + option[12].hex"},
        {"code": 6, "csv-format": True, "add": "'192.0.2.1, 192.0.2.2'"},
    ]
    with x.Hooked(config4(*options, **{"option-def": [definition]})) as hooked:
        answer = offered(hooked, host_name=b"attic")
    assert answer[222] == b"\0\7\xc0\0\2\1attic"
    assert answer[6] == bytes.fromhex("c0000201c0000202")
    assert answer[119].startswith(b"\7example\3org\0")


def test_an_entry_that_fails_leaves_those_before_it_their_effect():
    options = [
        {"code": 66, "add": "'tftp'"},
        {"code": 67, "csv-format": False, "add": "uint8totext(option[12].hex)"},
        {"code": 120, "add": "'never'"},
    ]
    with x.Hooked(config4(*options)) as hooked:
        answer = offered(hooked, host_name=b"too long")
    assert (answer[66], 67 in answer, 120 in answer) == (b"tftp", False, False)


def vendor4(*parts):
    return b"".join(number.to_bytes(4, "big") + bytes((len(octets),)) + octets for number, octets in parts)


def test_options_of_enterprises():
    data = [
        {"code": 125, "name": "vivso-suboptions", "data": "4491", "always-send": True},
        {"space": "vendor-4491", "code": 2, "csv-format": False, "data": "C0000201", "always-send": True},
    ]
    for sub, expected in (
        ({"code": 9, "add": "'x'"}, [(4491, b"\2\4\xc0\0\2\1\x09\1x")]),
        ({"code": 2, "add": "'x'"}, [(4491, b"\2\4\xc0\0\2\1")]),
        ({"code": 2, "supersede": "'x'"}, [(4491, b"\2\1x")]),
        ({"code": 2, "remove": "not option[99].exists"}, []),
        ({"code": 2, "remove": "not option[99].exists", "container-remove": False}, [(4491, b"")]),
        ({"code": 9, "remove": "not option[99].exists"}, [(4491, b"\2\4\xc0\0\2\1")]),
        ({"code": 1, "space": "vendor-9", "add": "'x'"}, [(4491, b"\2\4\xc0\0\2\1")]),
    ):
        entry = {"code": 125, "sub-options": [{"space": "vendor-4491", **sub}]}
        with x.Hooked(config4(entry, **{"option-data": data})) as hooked:
            answer = offered(hooked)
        assert answer.get(125, b"") == vendor4(*expected), sub


def test_an_option_around_is_made_unless_that_is_not_wanted():
    for wanted in (True, False):
        sub = {"code": 1, "space": "vendor-9", "add": "'x'", "container-add": wanted}
        with x.Hooked(config4({"code": 125, "sub-options": [sub]})) as hooked:
            assert offered(hooked).get(125) == (vendor4((9, b"\1\1x")) if wanted else None)


def test_an_answer_may_be_asked_for_and_a_query_changed():
    options = [
        {"code": 67, "source": "response", "add": "hexstring(option[1].hex, '')"},
        {"code": 77, "destination": "query", "supersede": "'lobby'"},
    ]
    classes = [{"name": "lobby", "test": "option[77].hex == 'lobby'", "boot-file-name": "l.img"}]
    with x.Hooked(config4(*options, **{"client-classes": classes})) as hooked:
        query = Packet4(1, {77: b"attic"}, chaddr=b"\2\0\0\0\0\1", broadcast=True)
        [answer] = map(Packet4.parse, hooked.take(bytes(query)))
    assert (answer.options[67], answer.file) == (b"ffff0000", b"l.img")


@given(
    st.lists(st.tuples(st.integers(1, 254), st.sampled_from(["add", "supersede", "remove"])), max_size=6),
    st.binary(min_size=1, max_size=300),
)
def test_what_entries_say_holds_of_the_answer_and_the_rest_stays(entries, value):
    """Removed options are absent, superseded ones have the value, added ones it or their own; others are untouched."""
    entries = [(code, action) for code, action in entries if code not in (53, 77)]
    written = [
        {"code": code, action: "not option[99].exists" if action == "remove" else "option[77].hex"}
        for code, action in entries
    ]
    with x.Hooked(config4()) as hooked:
        plain = offered(hooked, odd=value)
    with x.Hooked(config4(*written)) as hooked:
        changed = offered(hooked, odd=value)
    expected = dict(plain)
    for code, action in sorted(entries, key=lambda entry: entry[0]):
        if action == "remove":
            expected.pop(code, None)
        elif action == "supersede" or code not in expected:
            expected[code] = value
    assert changed == expected


def test_dhcpv6_through_relays_and_by_enterprise():
    entries = [
        {"code": 17, "sub-options": [{"space": "vendor-9", "code": 7, "add": "'x'"}]},
        {"code": 59, "add": "'http://' + hexstring(pkt6.transid, '')"},
    ]
    libraries = [{"library": "libdhcp_flex_option.so", "parameters": {"options": entries}}]
    config = x.RECORDED["flex-option-v6"]["config"]["Dhcp6"] | {"hooks-libraries": libraries}
    with x.Hooked({"Dhcp6": config}) as hooked:
        query = Packet6(1, [(1, b"\0\3\0\1\2\0\0\0\0\1"), (3, bytes(12))], xid=0xABCDEF)
        [answer] = map(Packet6.parse, hooked.take(bytes(query)))
    assert answer.options.first[17] == b"\0\0\0\x09\0\7\0\1x"
    assert answer.options.first[59] == b"http://00abcdef"
    assert [code for code, _ in answer.options.items()] == sorted(code for code, _ in answer.options.items())
