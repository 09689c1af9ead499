"""What holds for every DHCPv6 network and every conversation."""

from random import Random

import hypothesis.strategies as st
from hypothesis import given

from dhcpkit.alloc import NotLoaded
from dhcpkit.alloc.answer6 import answer6
from dhcpkit.alloc.engine6 import Dropped, open6, plan6, repeat6
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.view6 import Overlay6
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.testing.machine6 import (
    ALL_SERVERS,
    Binding6,
    Lab6,
    Rebind6,
    Renew6,
    Request6,
    Solicit,
    bindings_of,
    message6,
)
from dhcpkit.testing.reference_store6 import PartialView6, ReferenceStore6
from dhcpkit.testing.scenarios6 import LAB, OUTSIDE, clients6, conversations6, networks6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6

KINDS = [
    MessageType6.SOLICIT,
    MessageType6.REQUEST,
    MessageType6.RENEW,
    MessageType6.REBIND,
    MessageType6.CONFIRM,
    MessageType6.RELEASE,
    MessageType6.DECLINE,
]
TO_US = {MessageType6.REQUEST, MessageType6.RENEW, MessageType6.RELEASE, MessageType6.DECLINE}


def outcome(decision):
    """What of a decision others can see."""
    return decision.events, decision.unit, decision.offered, decision.because, answer6(decision)


@given(networks6(), st.data())
def test_no_address_is_validly_leased_to_two_clients(network, data):
    lab = Lab6(network, MemoryStore6())
    for step in data.draw(conversations6()):
        lab.take(step)
        lab.check()


def bindings(client):
    """What a client may name in a message: something near a pool, with any of its associations."""
    addresses = st.integers(LAB + 0xE, LAB + 0x1A) | st.integers(LAB + (1 << 64) + 0xE, LAB + (1 << 64) + 0x1A)
    prefixes = st.integers(0, 7).map(lambda n: LAB + (1 << 88) + (n << 65)) | st.just(OUTSIDE) | st.just(0)
    lifetimes = st.sampled_from([0, 10, 10_000])
    one = []
    if client.addresses:
        one.append(
            st.builds(
                Binding6,
                st.just(LeaseType.IA_NA),
                st.sampled_from(client.addresses),
                addresses,
                st.just(128),
                lifetimes,
                lifetimes,
            )
        )
    if client.prefixes:
        lengths = st.integers(60, 63)
        one.append(
            st.builds(
                Binding6,
                st.just(LeaseType.IA_PD),
                st.sampled_from(client.prefixes),
                prefixes,
                lengths,
                lifetimes,
                lifetimes,
            )
        )
    return st.lists(st.one_of(one), max_size=3)


@st.composite
def queries(draw, network):
    """A message that means something to a network, opened."""
    client, kind = draw(clients6()), draw(st.sampled_from(KINDS))
    server_id = network.server_id.octets if kind in TO_US else None
    data = message6(kind, client, draw(bindings(client)), server_id=server_id, options={6: b"\0\x17\0\x43"})
    packet = Packet6.parse(data, Arrival6("lab0", 1, client.source, 546, ALL_SERVERS, multicast=True))
    query = open6(packet, network)
    assert not isinstance(query, Dropped)
    return query


def store_of(data, network):
    """A store as some conversation has left it, and the time then."""
    lab = Lab6(network)
    for step in data.draw(conversations6()):
        lab.take(step)
    return lab.store, lab.now


@given(networks6(), st.data())
def test_a_partial_view_leads_to_the_same_plan_as_a_full_one(network, data):
    store, now = store_of(data, network)
    query = data.draw(queries(network))
    full = outcome(plan6(query, store.view, network.hosts, now, Random(1)))
    partial = PartialView6(store, query.wants())
    while True:
        try:
            decision = plan6(query, partial, network.hosts, now, Random(1))
        except NotLoaded as more:
            partial.load(more.keys)
        else:
            break
    assert outcome(decision) == full


@given(networks6(), st.data())
def test_planning_changes_nothing(network, data):
    store, now = store_of(data, network)
    query = data.draw(queries(network))
    before = dict(store.leases)
    first = outcome(plan6(query, store.view, network.hosts, now, Random(1)))
    assert store.leases == before
    assert outcome(plan6(query, store.view, network.hosts, now, Random(1))) == first


@given(networks6(), st.data())
def test_a_batch_decides_as_if_one_message_came_after_the_other(network, data):
    store, now = store_of(data, network)
    several = data.draw(st.lists(queries(network), min_size=2, max_size=5))
    other = ReferenceStore6(store.leases.values())
    other.turns = dict(store.turns)
    overlay = Overlay6(other.view)
    freed = False
    for query in several:
        together = plan6(query, overlay, network.hosts, now, Random(1))
        overlay.record(together.unit, together.offered)
        alone = plan6(query, store.view, network.hosts, now, Random(1))
        for address in alone.offered:
            store.view.handed_out(address)
        assert store.append([alone.unit]) == [True]
        freed = freed or any(change.after is None or change.after.expired(now) for change in alone.unit)
        if freed:  # a batch hands out what it frees itself only when nothing else is left
            return
        assert outcome(together) == outcome(alone)


@given(networks6(), st.data())
def test_while_nothing_can_be_written_only_what_is_promised_is_said(network, data):
    store, now = store_of(data, network)
    query = data.draw(queries(network))
    decision = repeat6(query, store.view, network.hosts, now, Random(1))
    assert decision.unit == ()
    sent = answer6(decision)
    if sent is None or (query.type == MessageType6.SOLICIT and not query.rapid_commit):
        return
    for each in bindings_of(Packet6.parse(sent.data)):
        if each.valid:
            lease = store.leases[each.address]
            assert lease.duid == query.duid
            assert each.valid <= lease.expire - now


@given(networks6(), st.data())
def test_what_is_offered_is_given_to_the_first_who_asks(network, data):
    lab = Lab6(network)
    for step in data.draw(conversations6()):
        lab.take(step)
    client = data.draw(clients6())
    offer = lab.take(Solicit(client))
    told = [each for each in bindings_of(Packet6.parse(offer.data)) if each.valid]
    request = message6(MessageType6.REQUEST, client, told, server_id=network.server_id.octets)
    arrival = Arrival6("lab0", 1, client.source, 546, ALL_SERVERS, multicast=True)
    _, sent = lab.send(request, arrival)
    given_then = {(each.type, each.iaid, each.address) for each in bindings_of(Packet6.parse(sent.data)) if each.valid}
    assert {(each.type, each.iaid, each.address) for each in told} <= given_then


@given(networks6(), clients6(), st.sampled_from([Renew6, Rebind6, Solicit]), st.integers(0, 40))
def test_who_holds_something_is_never_left_without_it(network, client, how, waited):
    """A client that asks in time for what it holds gets it again, whatever else is configured."""
    lab = Lab6(network)
    lab.take(Solicit(client))
    taken = lab.take(Request6(client))
    if taken is None:
        return
    held = {(each.type, each.iaid, each.address) for each in bindings_of(Packet6.parse(taken.data)) if each.valid}
    if not held:
        return
    shortest = min(each.valid for each in bindings_of(Packet6.parse(taken.data)) if each.valid)
    lab.now += min(waited, shortest)
    again = Packet6.parse(lab.take(how(client)).data)
    assert held <= {(each.type, each.iaid, each.address) for each in bindings_of(again) if each.valid}
    lab.check()


@given(networks6(), st.binary(max_size=80), st.sampled_from(KINDS), st.data())
def test_any_octets_are_answered_or_dropped(network, octets, kind, data):
    client = data.draw(clients6())
    whole = message6(kind, client, server_id=network.server_id.octets if kind in TO_US else None)
    at = data.draw(st.integers(4, len(whole)))
    lab = Lab6(network)
    arrival = Arrival6("lab0", 1, client.source, 546, ALL_SERVERS, multicast=True)
    decision, sent = lab.send(whole[:at] + octets, arrival)
    if sent is not None:
        assert not Packet6.parse(sent.data).flaws
    elif isinstance(decision, Dropped):
        assert decision.because
