"""Adding an option is one line: what is defined at run time is found by everything that knows options."""

import importlib.util
import json
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import attrs
import pytest
from hypothesis import Phase, given, settings
from hypothesis import find as find_smallest
from hypothesis import strategies as st

from dhcpkit.testing.codec_oracle import check_build, check_parse
from dhcpkit.testing.declared import kinds, spaces, value_classes
from dhcpkit.testing.strategies import option_data, option_values, options, packets4, packets6
from dhcpkit.testing.wire_checks import check_payload, check_value
from dhcpkit.wire import MessageType, MessageType6, Packet4, Packet6, WireError, from_json, to_json
from dhcpkit.wire.kinds import BINARY, BOOLEAN, IPV4, IPV6, TEXT, UINT8, UINT16, composed, list_of, record
from dhcpkit.wire.names import FQDN
from dhcpkit.wire.nested import SUB_OPTIONS, SubOptions
from dhcpkit.wire.nested6 import OPTIONS6, Options6
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6
from dhcpkit.wire.problems import problems
from dhcpkit.wire.tree import outline, plain

GENERATE = Path(__file__).resolve().parent.parent.parent / "docs" / "generate.py"
CODE, NAME = 222, "my-option"


@attrs.frozen
class Door:
    number: int
    open: bool
    label: str = ""


DOOR = composed(Door, number=UINT8, open=BOOLEAN, label=TEXT)
KINDS = [  # kind, a value, its payload, its text, its JSON
    (UINT16, 258, "0102", "258", 258),
    (BOOLEAN, True, "01", "true", True),
    (TEXT, "lab, 1", "6c61622c2031", "lab\\, 1", "lab, 1"),
    (BINARY, b"\x0a\xff", "0aff", "0AFF", "0aff"),
    (FQDN, "lab.", "036c616200", "lab.", "lab."),
    (list_of(IPV4), (IPv4Address("192.0.2.1"),), "c0000201", "192.0.2.1", ["192.0.2.1"]),
    (IPV6, IPv6Address("2001:db8::1"), "20010db8" + "00" * 11 + "01", "2001:db8::1", "2001:db8::1"),
    (record(UINT8, list_of(UINT16)), (1, (2, 3)), "0100020003", "1, 2, 3", [1, [2, 3]]),
    (DOOR, Door(7, open=True, label="lab"), "07016c6162", "7, true, lab", {"number": 7, "open": True, "label": "lab"}),
    (record(record(UINT8, UINT8), TEXT), ((1, 2), "a"), "010261", "1, 2, a", [[1, 2], "a"]),
    (list_of(record(UINT8, UINT8)), ((1, 2), (3, 4)), "01020304", "1, 2, 3, 4", [[1, 2], [3, 4]]),
]


def find(strategy, condition):
    """Something that the strategy draws, the first rather than the smallest."""
    return find_smallest(strategy, condition, settings=settings(phases=[Phase.generate], database=None))


@pytest.fixture(params=[4, 6])
def family(request):
    return request.param


@pytest.fixture
def space(family):
    return Space("mine", extends=DHCP4 if family == 4 else DHCP6)


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0].name} {kind[3]}")
def case(request):
    return request.param


@pytest.fixture
def option(space, case):
    return space.define(CODE, NAME, case[0], rfc="RFC 9999 1", note="mine")  # the one line


def packet_with(family, space, values):
    if family == 4:
        return Packet4(MessageType.DISCOVER, values, space=space)
    return Packet6(MessageType6.SOLICIT, values, space=space)


def parse(family, data):
    return Packet4.parse(data) if family == 4 else Packet6.parse(data)


def test_codec(family, space, option, case):
    _, value, octets, _, _ = case
    for key in (option, NAME):
        packet = parse(family, bytes(packet_with(family, space, {key: value})))
        assert packet[option] == packet.get(option) == value
        assert packet.all(option) == (value,)
        assert bytes.fromhex(octets) in bytes(packet)
    assert option.kind.codec.derived
    check_parse(option.kind.con, bytes.fromhex(octets))
    check_build(option.kind.con, value)


def test_errors_name_it(family, space, option, case):
    packet = parse(family, bytes(packet_with(family, space, {CODE: bytes.fromhex(case[2])[:-1]})))
    found = problems(packet, space)
    if found:
        with pytest.raises(WireError) as raised:
            packet[option]
        assert raised.value.path == (f"{NAME} ({CODE})",)
        assert [str(each) for each in found] == [str(raised.value)]
    else:
        assert packet[option] != case[1]


def test_text(option, case):
    _, value, octets, text, _ = case
    assert option.build_text(text).hex() == octets
    assert option.kind.show_text(value) == text


def test_json(family, space, option, case):
    _, value, octets, _, shown = case
    packet = packet_with(family, space, {option: value})
    found = json.loads(json.dumps(to_json(packet, space)))
    assert {"code": CODE, "name": NAME, "value": shown}.items() <= found["options"][-1].items()
    assert bytes(from_json(found, space)) == bytes(packet)
    short = from_json(
        {"type": "DISCOVER" if family == 4 else "SOLICIT", "options": [{"name": NAME, "value": shown}]}, space
    )
    assert short[option] == value
    assert bytes.fromhex(octets) in bytes(short)


def test_words(family, space, option, case):
    packet = packet_with(family, space, {option: case[1]})
    shown = "\n".join(plain(outline(to_json(packet, space))))
    assert f"{NAME} ({CODE})" in shown


def test_reference(space, option, case):
    page = reference().options([space])
    (row,) = [line for line in page.splitlines() if f"| `{NAME}` |" in line]
    assert row.startswith(f"| {CODE} |")
    assert case[0].name in row
    assert "RFC 9999 1; mine" in row


def reference():
    spec = importlib.util.spec_from_file_location("docs_generate", GENERATE)
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


def test_strategies(family, space, option):
    assert find(options(space), lambda found: found is option) is option

    @settings(max_examples=20, database=None)
    @given(st.data())
    def look(data):
        check_value(option, data.draw(option_values(option)))
        check_payload(option, data.draw(st.binary(max_size=40)))

    look()
    find(option_data(space), lambda values: any(key is option for key, _ in values))
    strategy = packets4(space) if family == 4 else packets6(space)
    assert option in find(strategy, lambda packet: option in packet)


def test_a_composed_kind_tells_its_class(space):
    space.define(CODE, NAME, DOOR)
    assert Door in {found for kind, _ in kinds(space) for found in value_classes(kind)}


@pytest.mark.parametrize("kind", [SUB_OPTIONS, OPTIONS6], ids=["SUB_OPTIONS", "OPTIONS6"])
def test_options_within(kind):
    """An option that holds options of a space of its own, in which an option is one line, too."""
    family = 4 if kind is SUB_OPTIONS else 6
    inside = Space("within", wide=family == 6)
    space = Space("mine", extends=DHCP4 if family == 4 else DHCP6)
    outer = space.define(CODE, NAME, kind, encapsulates=inside)
    inner = inside.define(1, "door", DOOR)
    made = (SubOptions if family == 4 else Options6).of({inner: Door(1, open=False)})
    packet = parse(family, bytes(packet_with(family, space, {outer: made})))
    assert packet[outer][inner] == Door(1, open=False)
    assert spaces(space)[:2] == [space, inside]
    shown = to_json(packet, space)["options"][-1]
    assert shown["value"] == [{"code": 1, "name": "door", "value": {"number": 1, "open": False, "label": ""}}]
    find(option_values(outer), lambda value: inner in value and value.get(inner) is not None)
    assert "`door`" in reference().options(spaces(space)[:2])
