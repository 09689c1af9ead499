"""Every strategy draws what it promises: all of it, nested and repeated where it says so, and it shrinks."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import find as find_smallest
from hypothesis import strategies as st

from dhcpkit.testing import strategies
from dhcpkit.testing.damage import lengths
from dhcpkit.testing.declared import kinds, spaces, value_classes
from dhcpkit.testing.fuzz_targets import TARGETS, every_option
from dhcpkit.testing.strategies import (
    arrivals,
    arrivals6,
    client_ids,
    duids,
    malformed,
    option_data,
    option_values,
    options,
    options6,
    packets4,
    packets6,
    relayed,
    relays6,
    sub_options,
)
from dhcpkit.testing.wire_checks import text_holds
from dhcpkit.wire import (
    Arrival,
    Arrival6,
    ClientId,
    Duid,
    DuidType,
    LeasedAddress,
    MessageType,
    MessageType6,
    Option,
    Options6,
    Packet4,
    Packet6,
    Relay6,
    Space,
    SubOptions,
    WireError,
    build_packet4,
)
from dhcpkit.wire.kinds import TEXT
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS, RELAY_AGENT, RELAY_CIRCUIT_ID, VIVSO_SUBOPTIONS
from dhcpkit.wire.options6 import (
    DHCP6,
    DOMAIN_SEARCH,
    IA_NA,
    IA_PD,
    IAADDR,
    IAPREFIX,
    RELAY_MSG,
    STATUS_CODE,
    VENDOR_OPTS,
)

REPO = Path(__file__).resolve().parent.parent.parent
EVERY_SPACE = [space for space in spaces() if len(space)]


def drawn(strategy, count=200):
    """What a strategy draws, the same every time."""
    found = []

    @settings(
        max_examples=count, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


@cache
def messages6():
    """Messages of DHCPv6 for all tests that only look at them."""
    return drawn(packets6(), 400)


def find(strategy, condition):
    """The smallest value for which the condition holds."""
    chosen = settings(max_examples=2000, database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
    return find_smallest(strategy, condition, settings=chosen)


def program(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


# Spaces and their options


def test_every_declared_space_is_found():
    reference = program(REPO / "docs" / "generate.py")
    assert {space.name for space in reference.declared_spaces()} == {space.name for space in EVERY_SPACE}


@pytest.mark.parametrize("space", EVERY_SPACE, ids=repr)
def test_every_option_of_a_space_is_drawn(space):
    assert set(drawn(options(space), 40 + 15 * len(space))) == set(space)
    seen = {key for values in drawn(option_data(space, depth=0), 40) for key, _ in values}
    assert any(isinstance(key, int) for key in seen), "options that nobody declared"
    declared = {key for key in seen if not isinstance(key, int)}
    assert declared <= set(space)
    assert len(declared) > min(len(space) // 2, 15)


def test_options_are_of_one_space_or_of_all():
    assert {option.declared_in for option in drawn(options(RELAY_AGENT))} == {RELAY_AGENT}
    assert {option.declared_in for option in drawn(options(), 1000)} >= {DHCP4, DHCP6, RELAY_AGENT}


def test_an_option_is_repeated_only_where_it_may_be():
    def repeated(values):
        codes = [key if isinstance(key, int) else key.code for key, _ in values]
        return len(codes) > len(set(codes))

    assert any(map(repeated, drawn(option_data(DHCP6), 40)))
    assert not any(map(repeated, drawn(option_data(DHCP4), 40)))


def test_a_space_without_options_has_data_all_the_same():
    assert any(drawn(option_data(Space("none"))))
    assert not drawn(options(Space("none")).map(str) | st.just("")).count("x")


@pytest.mark.parametrize(("least", "most"), [(0, 0), (1, 1), (2, 3)])
def test_as_many_options_as_asked_for(least, most):
    counts = {len(values) for values in drawn(option_data(DHCP4, least=least, most=most))}
    assert counts == set(range(least, most + 1))


# Options within options


def depth_of(options, space=DHCP6):
    """How many levels of options lie in options."""
    inner = [
        depth_of(found, option.encapsulates)
        for option in filter(None, map(space.by_code, options)) if option.encapsulates and option.kind.inner
        for value in values_of(options, option)
        for _, found in option.kind.inner(value, 0)
    ]  # fmt: skip
    return 1 + max(inner, default=0) if len(options) else 0


def values_of(options, option):
    try:
        return options.all(option)
    except WireError:
        return ()


@pytest.mark.parametrize(("association", "within"), [(IA_NA, IAADDR), (IA_PD, IAPREFIX)])
def test_associations_hold_addresses_and_prefixes(association, within):
    assert any(within in value.options for value in drawn(option_values(association), 60))
    assert any(STATUS_CODE in value.options for value in drawn(option_values(within), 60))


def test_options_lie_in_each_other_as_deep_as_asked_for():
    def depths(depth):
        return {depth_of(found) for found in drawn(options6(well_formed=True, depth=depth), 60)}

    assert depths(3) >= {0, 1, 2, 3}
    assert max(depths(1)) <= 2  # any octets may be an option
    assert set(drawn(options6(well_formed=True, depth=0))) == {Options6()}


def test_options_within_are_well_formed_or_anything():
    assert any(found.flaws for found in drawn(options6(), 40))
    assert not any(found.flaws for found in drawn(options6(well_formed=True), 40))
    relays = drawn(sub_options(), 100)
    assert any(found.flaws for found in relays)
    assert any(RELAY_CIRCUIT_ID in found for found in relays)


@pytest.mark.parametrize("option", [VIVSO_SUBOPTIONS, VENDOR_OPTS], ids=repr)
def test_vendors_have_their_own_options(option):
    values = drawn(option_values(option), 300)
    vendors = [vendor for value in values for vendor in (value if isinstance(value, tuple) else [value])]
    known = option.encapsulates.vendors
    assert any(vendor.enterprise not in known for vendor in vendors)
    for number, space in known.items():
        codes = {declared.code for declared in space}
        assert any(vendor.enterprise == number and codes & set(vendor.options) for vendor in vendors)


# Messages


def test_messages_of_dhcpv4_are_of_every_type():
    seen = {packet.type for packet in drawn(packets4(), 150)}
    assert seen <= set(MessageType)
    assert len(seen) > len(MessageType) / 2  # the rest would only take longer
    assert {packet.type for packet in drawn(packets4(types=st.none()))} == {0}


def test_messages_of_dhcpv6_are_of_every_type():
    seen = {packet.type for packet in messages6()}
    assert seen <= set(MessageType6)
    assert len(seen) > len(MessageType6) / 2  # the rest would only take longer
    assert {packet.type for packet in drawn(packets6(types=st.just(1)))} == {1}


def test_messages_of_dhcpv4_have_values_in_parts():
    packets = drawn(packets4(), 100)
    assert any(len(payload) > 255 for packet in packets for payload in packet.options.values())
    assert any(instances(packet) > len(packet.options) and len(packet.data) < 500 for packet in packets)


def instances(packet):
    count, at = 0, 240
    while packet.data[at] != 255:
        count += 1
        at += 2 + packet.data[at + 1]
    return count


def test_overloaded_messages_have_options_in_each_field():
    for fields in (None, b"\1", b"\3"):
        assert find(packets4(overloaded=True), lambda packet, fields=fields: packet.options.get(52) == fields)
    for packet in drawn(packets4(overloaded=True), 200):
        assert set(packet.without_overload().options) >= set(packet.options) - {52}


def test_messages_of_dhcpv6_hold_addresses():
    assert any(isinstance(value, LeasedAddress) for p in messages6() for ia in values_of(p.options, IA_NA)
               for value in values_of(ia.options, IAADDR))  # fmt: skip


def test_relayed_messages_came_through_one_to_all_relays():
    depths = [len(packet.relays) for packet in drawn(relayed(packets6()), 80)]
    assert min(depths) == 1
    assert max(depths) > 16
    assert {len(packet.relays) for packet in drawn(relayed(packets6(), 5), 30)} == {5}
    assert {len(packet.relays) for packet in drawn(relayed(relayed(packets6(), 30)), 30)} == {31, 32}
    assert {len(packet.relays) for packet in drawn(relayed(packets6(), st.sampled_from([1, 3])), 30)} == {1, 3}
    packets = drawn(relayed(packets4(), 2))
    assert {packet.hops for packet in packets} == {2}
    assert all(packet.giaddr and len(packet[DHCP_AGENT_OPTIONS]) for packet in packets)


def test_relays_hold_a_message_anywhere_among_their_options():
    codes = [list(relay.options) for relay in drawn(relays6())]
    assert all(9 in found for found in codes)
    assert any(found[0] != 9 for found in codes)
    assert any(found[-1] != 9 for found in codes)


@pytest.mark.parametrize(("strategy", "kind"), [(arrivals(), Arrival), (arrivals6(), Arrival6)])
def test_arrivals(strategy, kind):
    found = drawn(strategy)
    assert {type(each) for each in found} == {kind}
    assert len({each.source for each in found}) > 10


# Identities


def test_duids_are_of_every_type():
    found = drawn(duids(), 400)
    assert {each.type for each in found} > set(DuidType)
    for duid in found:
        known = [duid.link_layer, duid.enterprise, duid.uuid]
        assert (duid.type in set(DuidType)) == any(part is not None for part in known)


def test_client_identifiers_are_of_every_sort():
    found = drawn(client_ids())
    assert any(each.duid is not None for each in found)
    assert any(each.hwaddr is not None for each in found)
    assert any(each.type == 0 for each in found)


# Damage


def test_lengths_of_dhcpv4_are_found():
    data = build_packet4(1, {12: b"ab", RELAY_AGENT_CODE: b"\1\3xyz"}, xid=1, chaddr=b"\2")
    found = {(each.offset - 240, each.size) for each in lengths(Packet4.parse(data))}
    assert found >= {(1, 1), (4, 1), (8, 1), (10, 1)}
    assert all(data[240 + at] in (1, 2, 3, 5) for at, _ in {(1, 1), (4, 1), (8, 1), (10, 1)})


RELAY_AGENT_CODE = 82


def test_lengths_of_dhcpv6_are_found_through_relays():
    packet = Packet6(
        1, {IA_NA: find(option_values(IA_NA), lambda value: IAADDR in value.options), DOMAIN_SEARCH: ("lab.",)}
    )
    (relay,) = [find(relays6(message=bytes(packet)), lambda relay: len(relay.options) == 1)]
    through = Packet6.parse(bytes(relay))
    found = {each.offset: each for each in lengths(through) if each.size == 2}
    data = bytes(through)
    at_message = 34 + 2  # the length of option 9, behind the relay's header and the option's code
    at_first = at_message + 2 + 4 + 2  # of the first option in the message
    at_address = at_first + 2 + 12 + 2  # of the first option in the association
    assert {at_message, at_first, at_address} <= set(found)
    assert int.from_bytes(data[at_message : at_message + 2], "big") == len(bytes(packet))
    at_label = data.index(b"\3lab")
    assert at_label in {each.offset for each in lengths(through) if each.size == 1}


@pytest.mark.parametrize("packets", [packets4(), packets6(least=3), relayed(packets6(least=1), 2)], ids=str)
def test_many_lengths_are_lies(packets):
    packet = find(packets, lambda _: True)
    octets = bytes(packet)
    aims = {at for each in lengths(packet) for at in range(each.offset, each.offset + each.size)}

    def lies(data):
        changed = {at for at in range(len(octets)) if data[at] != octets[at]} if len(data) == len(octets) else set()
        return bool(changed) and changed <= aims

    found = drawn(malformed(st.just(packet)), 100)
    assert sum(map(lies, found)) > 5
    assert len({data for data in found if lies(data)}) > 2


@pytest.mark.parametrize("packets", [packets4(), packets6(least=1), relayed(packets6(), 3)], ids=str)
def test_most_of_what_is_malformed_is_refused_or_odd(packets):
    parse = Packet4.parse if "packets4" in str(packets) else Packet6.parse

    def odd(data):
        try:
            packet = parse(data)
        except WireError:
            return True
        return bool(packet.flaws) or any(unreadable(options) for options in holders(packet))

    found = drawn(malformed(packets), 100)
    assert sum(map(odd, found)) > 35
    assert len(set(found)) > 40


def holders(packet):
    return [packet] if isinstance(packet, Packet4) else [packet.options, *(relay.options for relay in packet.relays)]


def unreadable(options):
    space = DHCP4 if isinstance(options, Packet4) else DHCP6
    declared = [space.by_code(code) for code in options]
    return any(option is not None and option is not RELAY_MSG and not values_of(options, option) for option in declared)


# Types


VALUE_CLASSES = sorted({found for kind, _ in kinds() for found in value_classes(kind)}, key=lambda each: each.__name__)
OTHERS = [Arrival, Arrival6, ClientId, Duid, Option, Options6, Packet4, Packet6, Relay6, SubOptions]


@pytest.mark.parametrize("named", [*VALUE_CLASSES, *OTHERS], ids=lambda named: named.__name__)
def test_types_are_drawn_by_their_names(named):
    found = drawn(st.from_type(named), 30)
    assert {type(each) for each in found} == {named}
    assert len(set(map(repr, found))) > 1


@pytest.mark.parametrize("named", VALUE_CLASSES, ids=lambda named: named.__name__)
def test_values_drawn_by_their_type_have_octets(named):
    made = {kind for kind, _ in kinds() if named in value_classes(kind)}
    read = dict.fromkeys(made, 0)
    for value in drawn(st.from_type(named), 12 * len(made)):
        for kind in made:
            try:
                octets = kind.build(value)
            except ValueError:
                continue  # resolvers of the other family
            read[kind] += kind.parse(octets) == value
    assert all(read.values())


def test_value_classes_are_found():
    names = {found.__name__ for found in VALUE_CLASSES}
    assert names >= {"ClientFqdn", "IdentityAssociation", "LeasedAddress", "DelegatedPrefix", "Route", "StatusCode6"}


# Shrinking


def test_failing_examples_are_small():
    assert find(option_values(IA_NA), lambda value: IAADDR in value.options).options.octets == (
        b"\0\5\0\x18" + bytes(24)
    )
    assert len(bytes(find(relayed(packets6()), lambda packet: len(packet.relays) > 2)).hex()) < 2 * 150
    assert find(packets4(), lambda packet: len(packet.options) == 2).options[53] == b"\1"
    assert len(find(malformed(), lambda data: len(data) < 200)) == 0


def test_the_facade_names_every_strategy():
    assert set(strategies.__all__) == {name for name in vars(strategies) if not name.startswith("_")}


# What starts the fuzzer


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_fuzzer_starts_from_holds(name):
    fuzzing = program(REPO / "script" / "fuzzing.py")
    seeds = list(fuzzing.seeds(name))
    assert seeds
    for octets in seeds:
        TARGETS[name](octets)


def test_what_a_fuzzer_found_is_run_again(tmp_path, monkeypatch, capsys):
    fuzzing = program(REPO / "script" / "fuzzing.py")
    path = tmp_path / "names" / "crash-1"
    path.parent.mkdir()
    path.write_bytes(b"\1a\0")
    monkeypatch.setattr(sys, "argv", ["fuzz", "--reproduce", str(path)])
    assert fuzzing.main() == 0
    assert "names of 016100" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["fuzz", "--atheris", "nobody"])
    assert fuzzing.main() == 2


def test_some_value_of_each_option_has_a_text():
    """The law that texts are read back passes over values that a text cannot hold; it never passes over an option."""
    for option in every_option():
        assert any(text_holds(option.kind, value) for value in drawn(option_values(option), 6)), option


def test_texts_are_words_and_anything():
    texts = drawn(option_values(Option("mine", 1, "text", TEXT)))
    assert any(text.isascii() and text for text in texts)
    assert any("\udc80" <= letter <= "\udcff" for text in texts for letter in text)
