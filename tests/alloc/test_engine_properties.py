"""What holds for every network and every conversation."""

from random import Random

import hypothesis.strategies as st
from hypothesis import given, settings

from dhcpkit.alloc import NotLoaded, Overlay4
from dhcpkit.alloc.answer import answer4
from dhcpkit.alloc.engine4 import Dropped, open4, plan4, repeat4
from dhcpkit.testing.machine import Discover, Lab4, Rebind, Reboot, Renew, Request, message4
from dhcpkit.testing.reference_store import PartialView, ReferenceStore
from dhcpkit.testing.scenarios import clients, conversations, networks
from dhcpkit.wire import Arrival, MessageType, Packet4


def outcome(decision):
    """What of a decision others can see."""
    sent = answer4(decision)
    return decision.event, decision.unit, decision.offered, decision.because, sent


@given(networks(), st.data())
def test_no_address_is_validly_leased_to_two_clients(network, data):
    lab = Lab4(network, ReferenceStore())
    for step in data.draw(conversations(network)):
        lab.take(step)
        lab.check()


class Messages:
    """Messages that mean something to a network: addresses near its pools, real server identifiers."""

    def __init__(self, network):
        self.network = network
        low = network.subnets[0].first
        self.addresses = st.integers(low, low + 20) | st.just(0)
        self.local = low + 1

    def queries(self):
        return st.builds(
            self.query, clients(), st.integers(0, 9), self.addresses, st.booleans(), st.none() | st.integers(1, 200)
        )

    def query(self, client, shape, address, broadcast, asked):
        four = address.to_bytes(4, "big")
        server = self.local.to_bytes(4, "big")
        options = {} if asked is None else {51: asked.to_bytes(4, "big")}
        kind, ciaddr = MessageType.REQUEST, 0
        if shape <= 2:
            kind, options = MessageType.DISCOVER, options | ({50: four} if shape == 2 else {})
        elif shape <= 4:
            options = options | {50: four, 54: server}
        elif shape == 5:
            options = options | {50: four}
        elif shape <= 7:
            ciaddr = address
        elif shape == 8:
            kind, ciaddr = MessageType.RELEASE, address
        else:
            kind, options = MessageType.DECLINE, options | {50: four, 54: server}
        data = message4(kind, client, ciaddr=ciaddr, options=options)
        arrival = Arrival("lab0", 1, 0 if broadcast else address, 68, self.local, broadcast)
        return open4(Packet4.parse(data, arrival), self.network)


def store_of(data, network):
    """A store as some conversation has left it, and the time then."""
    lab = Lab4(network, ReferenceStore())
    for step in data.draw(conversations(network)):
        lab.take(step)
    return lab.store, lab.now


@given(networks(), st.data())
def test_a_partial_view_leads_to_the_same_plan_as_a_full_one(network, data):
    store, now = store_of(data, network)
    query = data.draw(Messages(network).queries())
    if isinstance(query, Dropped):
        return
    full = outcome(plan4(query, store, network.hosts, now, Random(1)))
    view = PartialView(store, data.draw(st.sampled_from([[], list(query.wants())])))
    for _ in range(100):
        try:
            partial = outcome(plan4(query, view, network.hosts, now, Random(1)))
            break
        except NotLoaded as more:
            missing = set(more.keys) - view.known
        assert missing, "asked for nothing new"
        view.load(missing)
    assert partial == full


@given(networks(), st.data())
def test_a_batch_decides_as_the_same_queries_one_by_one(network, data):
    store, now = store_of(data, network)
    queries = [q for q in data.draw(st.lists(Messages(network).queries(), max_size=8)) if not isinstance(q, Dropped)]
    alone = ReferenceStore(store.leases.values())
    alone.turns = dict(store.turns)
    one_by_one = []
    for query in queries:
        overlay = Overlay4(alone)
        decision = plan4(query, overlay, network.hosts, now, Random(1))
        overlay.record(decision.unit, decision.offered)
        assert all(alone.append([decision.unit]))
        one_by_one.append(decision)
    batch = Overlay4(store)
    together = []
    for query in queries:
        decision = plan4(query, batch, network.hosts, now, Random(1))
        batch.record(decision.unit, decision.offered)
        together.append(decision)
    assert all(store.append([decision.unit for decision in together])), "a batch is consistent in itself"
    freed = any(change.after is None for decision in one_by_one for change in decision.unit)
    if not freed:  # a batch hands out what it frees itself only when nothing else is left
        assert list(map(outcome, together)) == list(map(outcome, one_by_one))
        assert store.leases == alone.leases


@given(networks(), st.data())
def test_a_decision_without_lease_changes_keeps_every_promise_and_writes_nothing(network, data):
    """`repeat4`: nothing is written, holders hear the truth, nobody new is promised anything."""
    lab = Lab4(network, ReferenceStore())
    for step in data.draw(conversations(network)):
        lab.take(step)
    query = data.draw(Messages(network).queries())
    if isinstance(query, Dropped):
        return
    decision = repeat4(query, lab.store, network.hosts, lab.now, Random(1))
    assert decision.unit == ()
    if decision.reply is not None and decision.reply.type == MessageType.ACK and decision.reply.yiaddr:
        lease = lab.store.by_address(decision.reply.yiaddr)
        assert lease.belongs_to(query.client_id, query.hwaddr) or not query.subnet.match_client_id
        assert not lease.expired(lab.now)
        assert lab.now + decision.reply.lifetime <= lease.expire


@given(networks(), clients(), st.sampled_from([Renew, Rebind, Reboot]), st.integers(0, 40))
def test_who_holds_a_lease_is_never_left_without_it(network, client, how, waited):
    """A client that asks in time for what it holds is acknowledged, whatever else is configured."""
    lab = Lab4(network, ReferenceStore())
    lab.take(Discover(client))
    taken = lab.take(Request(client))
    if taken is None:
        return
    held = Packet4.parse(taken.data)
    lifetime = int.from_bytes(held.options[51], "big")
    lab.now += min(waited, lifetime)
    again = lab.take(how(client))
    assert again is not None
    reply = Packet4.parse(again.data)
    assert (reply.type, reply.yiaddr) == (MessageType.ACK, held.yiaddr)
    lab.check()


@settings(max_examples=30)
@given(networks(), st.data())
def test_every_lease_is_where_the_configuration_allows_one(network, data):
    lab = Lab4(network, ReferenceStore())
    for step in data.draw(conversations(network)):
        lab.take(step)
    for lease in lab.store.leases.values():
        subnet = network.by_id[lease.subnet_id]
        reserved = network.hosts.by_address(subnet.id, lease.address)
        assert lease.address in subnet
        assert subnet.pool_at(lease.address) is not None or reserved
        if reserved and lease.state == 0 and lease.hwaddr:
            assert any(host.identifier == lease.hwaddr for host in reserved)
