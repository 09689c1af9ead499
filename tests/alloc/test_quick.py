"""The quick way and the engine are one: whatever the quick way decides, the engine decides as well."""

from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import (
    Change,
    ClientClass,
    Host,
    Lease4,
    Lifetimes,
    Network,
    OptionValue,
    OptionValues,
    Overlay4,
    Pool4,
    Subnet4,
)
from dhcpkit.alloc.answer import answer4
from dhcpkit.alloc.engine4 import Event, Query4, open4, plan4
from dhcpkit.alloc.expressions import parse
from dhcpkit.alloc.naming import KEA_NAMING, NO_UPDATES
from dhcpkit.alloc.quick4 import quick4
from dhcpkit.testing.machine import Client, Lab4, message4
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.testing.scenarios import clients, conversations, networks
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.options import Option
from dhcpkit.wire.options4 import DHCP4, ROUTERS

LAB = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.12")], lifetimes=Lifetimes(100, 50, 200))
LAB = LAB.with_option(ROUTERS, "192.0.2.1")
LOCAL = LAB.first + 1
ANN = Client(b"\2\0\0\0\0\1", b"\1ann")


def same(quick, network, store, now):
    """Holds a quick decision to the engine's on the same store."""
    query = open4(quick.packet, network)
    assert isinstance(query, Query4), query
    decision = plan4(query, Overlay4(store), network.hosts, now, Random(0))
    assert quick.identity == query.identity
    assert (quick.event, quick.lease, quick.unit, quick.offered, quick.names) == (
        decision.event,
        decision.lease,
        decision.unit,
        decision.offered,
        decision.names,
    )
    assert quick.sent == answer4(decision)


@st.composite
def messages(draw, network):
    """Messages of every kind, near the network's pools and with options that matter to the engine."""
    low = network.subnets[0].first
    address = draw(st.integers(low, low + 20) | st.just(0)).to_bytes(4, "big")
    local = (low + 1).to_bytes(4, "big")
    options = {
        50: draw(st.sampled_from([address, address, b"\1"])),
        51: draw(st.binary(min_size=4, max_size=4)),
        54: draw(st.sampled_from([local, local, b"\1\2\3\4", b""])),
        12: draw(st.sampled_from([b"box", b"..", b""])),
        55: draw(st.binary(max_size=4)),
        60: b"vendor",
        81: draw(st.sampled_from([b"\0\0\0box", b"\x09\0\0x"])),
        82: draw(st.sampled_from([b"", b"\1\1x", b"\1\7x", b"\5\4" + local, b"\x13\0"])),
        118: local,
    }
    wanted = draw(st.sets(st.sampled_from(sorted(options)), max_size=4))
    kind = draw(st.sampled_from([MessageType.DISCOVER, MessageType.REQUEST, MessageType.REQUEST, MessageType.INFORM]))
    ciaddr = int.from_bytes(address, "big") if draw(st.booleans()) else 0
    data = message4(
        kind,
        draw(clients()),
        ciaddr=ciaddr,
        broadcast=draw(st.booleans()),
        options={code: options[code] for code in sorted(wanted)},
    )
    if draw(st.booleans()):
        data = data[:24] + (low + 2).to_bytes(4, "big") + data[28:]
    source = draw(st.sampled_from([0, low + 2]))
    return Packet4.parse(data, Arrival("lab0", 1, source, 68, low + 1, draw(st.booleans())))


@given(networks(), st.data())
def test_the_quick_way_decides_as_the_engine(network, data):
    lab = Lab4(network, ReferenceStore())
    for step in data.draw(conversations(network)):
        lab.take(step)
    packet = data.draw(messages(network))
    quick = quick4(packet, network, lab.store, network.hosts, lab.now)
    if quick is not None:
        same(quick, network, lab.store, lab.now)


@given(st.data())
def test_and_in_the_network_it_was_made_for(data):
    tests = ["option[12].exists", "option[60].text == 'vendor'", "member('UNKNOWN')", "option[77].exists"]
    classes = [
        ClientClass(f"c{number}", test=parse(data.draw(st.sampled_from(tests))))
        for number in range(data.draw(st.integers(0, 1)))
    ]
    guards = data.draw(st.sampled_from([(), ("c0",), ("VENDOR_CLASS_vendor",)]))
    others = OptionValue(ROUTERS, b"\1\2\3\4", client_classes=("VENDOR_CLASS_vendor",))
    said = OptionValues([*LAB.options, others]) if data.draw(st.booleans()) else LAB.options
    around = Subnet4("192.0.2.0/23", id=2, pools=[Pool4("192.0.3.10/31")], client_classes=guards)
    network = Network(
        [attrs.evolve(LAB, options=said), around][:: data.draw(st.sampled_from([1, -1]))], classes=classes
    )
    lab = Lab4(network, ReferenceStore())
    for step in data.draw(conversations(network)):
        lab.take(step)
    for packet in data.draw(st.lists(messages(network), max_size=5)):
        quick = quick4(packet, network, lab.store, network.hosts, lab.now)
        if quick is not None:
            same(quick, network, lab.store, lab.now)


def test_what_most_messages_are_goes_the_quick_way():
    network = Network([LAB])
    store = ReferenceStore()
    now = 1_000_000
    arrival = Arrival("lab0", 1, local=LOCAL, broadcast=True)
    four = (LAB.first + 10).to_bytes(4, "big")
    selecting = {50: four, 54: LOCAL.to_bytes(4, "big"), 55: b"\1\3\6"}
    seen = []
    for data, later in (
        (message4(MessageType.DISCOVER, ANN, options={12: b"ann"}), 0),
        (message4(MessageType.REQUEST, ANN, options=selecting), 0),
        (message4(MessageType.REQUEST, ANN, ciaddr=LAB.first + 10), 10),
        (message4(MessageType.REQUEST, ANN, ciaddr=LAB.first + 10), 60),
    ):
        quick = quick4(Packet4.parse(data, arrival), network, store, network.hosts, now + later)
        same(quick, network, store, now + later)
        assert all(store.append([quick.unit])) if quick.unit else True
        seen.append(quick.event)
    assert seen == [Event.OFFER, Event.ALLOC, Event.REUSE, Event.RENEW]


def test_other_clients_reservations_do_not_make_a_client_less_plain():
    hosts = [Host("hw-address", b"\2\0\0\0\0\7", 1, LAB.first + 10)]
    network = Network([LAB], hosts=hosts)
    arrival = Arrival("lab0", 1, local=LOCAL, broadcast=True)
    store = ReferenceStore()
    quick = quick4(Packet4.parse(message4(MessageType.DISCOVER, ANN), arrival), network, store, network.hosts, 1)
    assert quick.offered == LAB.first + 11, "what is reserved is not offered to others"
    same(quick, network, store, 1)
    own = Packet4.parse(message4(MessageType.DISCOVER, Client(hosts[0].identifier)), arrival)
    assert quick4(own, network, store, network.hosts, 1) is None


def test_classes_of_others_do_not_make_a_client_less_plain():
    mine = ClientClass("mine", test=parse("option[77].exists"))
    other = Subnet4("198.51.100.0/24", id=2, client_classes=("mine",))
    arrival = Arrival("lab0", 1, local=LOCAL, broadcast=True)
    seen = []
    for network, options in (
        (Network([LAB, other], classes=[mine]), {}),
        (Network([LAB, other], classes=[mine]), {77: b"x"}),
        (Network([LAB], classes=[ClientClass("late", test=parse("member('UNKNOWN')"))]), {}),
    ):
        packet = Packet4.parse(message4(MessageType.DISCOVER, ANN, options=options), arrival)
        quick = quick4(packet, network, ReferenceStore(), network.hosts, 1)
        if quick is not None:
            same(quick, network, ReferenceStore(), 1)
        seen.append(quick is not None)
    assert seen == [True, False, False]


def test_options_for_the_clients_of_a_vendor_are_theirs_alone():
    mine = OptionValue(ROUTERS, b"\1\2\3\4", client_classes=("VENDOR_CLASS_abc",))
    network = Network([attrs.evolve(LAB, options=OptionValues([OptionValue(ROUTERS, b"\4\3\2\1"), mine]))])
    said = []
    for more in ({}, {60: b"abc"}, {60: b"abd"}):
        data = message4(MessageType.DISCOVER, ANN, options={55: b"\3", **more})
        packet = Packet4.parse(data, Arrival("lab0", 1, local=LOCAL))
        quick = quick4(packet, network, ReferenceStore(), network.hosts, 1)
        same(quick, network, ReferenceStore(), 1)
        said.append(Packet4.parse(quick.sent.data).options[3])
    assert said == [b"\4\3\2\1", b"\1\2\3\4", b"\4\3\2\1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_classes": ("x",)},
        {"additional_classes": ("x",)},
        {"pools": [Pool4("192.0.2.10/32", additional_classes=["x"])]},
        {"reservations_global": True},
        {"match_client_id": False},
        {"store_extended_info": True},
        {"pools": [Pool4("192.0.2.10/32", client_classes=["x"])]},
        {"pools": [Pool4("192.0.2.10/32", naming=NO_UPDATES)]},
        {"offer_lifetime": 30},
        {"allocator": "random"},
        {"naming": KEA_NAMING},
        {"naming": attrs.evolve(NO_UPDATES, replace_client_name="always")},
        {"options": OptionValues([OptionValue(DHCP4.by_code(108), b"\0\0\0\1")])},
    ],
)
def test_a_subnet_where_the_client_matters_is_not_plain(changes):
    assert Network([LAB]).plain == {1}
    assert not Network([attrs.evolve(LAB, **changes)]).plain


@pytest.mark.parametrize("key", ["stash_agent_options", "early_global_reservations_lookup", "exclude_first_last_24"])
def test_a_network_where_it_does_has_no_plain_ones(key):
    assert not Network([LAB], **{key: True}).plain


def test_what_vendors_say_is_the_engine_s_where_vendors_are_answered():
    said = {125: b"\0\0\0\x09\0"}
    packet = Packet4.parse(message4(MessageType.DISCOVER, ANN, options=said), Arrival("lab0", 1, local=LOCAL))
    inside = OptionValue(Option("vendor-9", 1, "one", BINARY), b"x", always_send=True)
    for subnet, quick in ((LAB, True), (attrs.evolve(LAB, options=OptionValues([inside])), False)):
        network = Network([subnet])
        assert (quick4(packet, network, ReferenceStore(), network.hosts, 1) is not None) is quick


@pytest.mark.parametrize("flags", [{"fqdn_fwd": True}, {"fqdn_rev": True}, {}])
def test_a_lease_that_dns_was_told_of_is_the_engine_s(flags):
    network = Network([attrs.evolve(LAB, naming=attrs.evolve(NO_UPDATES, enabled=True))])
    assert network.plain == {1}
    store, now = ReferenceStore(), 1_000_000
    named = Lease4(LAB.first + 10, ANN.hwaddr, ANN.client_id, 100, now - 60, 1, hostname="ann.", **flags)
    assert store.append([(Change(None, named),)])[0]
    packet = Packet4.parse(message4(MessageType.REQUEST, ANN, ciaddr=named.address), Arrival("lab0", 1, local=LOCAL))
    quick = quick4(packet, network, store, network.hosts, now)
    assert (quick is None) == bool(flags)
    if quick is not None:
        same(quick, network, store, now)
    decision = plan4(open4(packet, network), Overlay4(store), network.hosts, now, Random(0))
    assert [each.remove for each in decision.names] == [True] * bool(flags)


def test_addresses_taken_earlier_in_the_batch_are_left_to_the_engine():
    network = Network([LAB])
    arrival = Arrival("lab0", 1, local=LOCAL, broadcast=True)
    asked = {50: (LAB.first + 10).to_bytes(4, "big"), 54: LOCAL.to_bytes(4, "big")}
    packet = Packet4.parse(message4(MessageType.REQUEST, ANN, options=asked), arrival)
    store = ReferenceStore()
    assert quick4(packet, network, store, network.hosts, 1) is not None
    assert quick4(packet, network, store, network.hosts, 1, {LAB.first + 10}) is None
    discover = Packet4.parse(message4(MessageType.DISCOVER, ANN), arrival)
    assert quick4(discover, network, store, network.hosts, 1, {LAB.first + 10}).offered == LAB.first + 11
