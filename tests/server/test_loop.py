"""Batches: nothing is acknowledged before it is committed, one client has one exchange, and a fault stays its own."""

import asyncio
import importlib.util
import logging
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.alloc import Change, Lease4
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.hooks import Hooks, Lease4Select, NextStep, Pkt4Receive, Pkt4Send
from dhcpkit.server import family4
from dhcpkit.server import loop as loop_module
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.loop import WAITING_MAX
from dhcpkit.server.statistics import lease_totals

_spec = importlib.util.spec_from_file_location("server_exchanges", Path(__file__).parent / "exchanges.py")
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = (
    x.DISCOVER,
    x.OFFER,
    x.REQUEST,
    x.DECLINE,
    x.ACK,
    x.NAK,
    x.RELEASE,
)
FIRST = 0xC000020A


def run(coroutine):
    return asyncio.run(coroutine)


# What a batch does.


def test_a_client_gets_a_lease():
    bench = x.Bench()
    address = bench.lease(1)
    assert [lease.address for lease in x.leases_of(bench.store)] == [address] == [FIRST]


def test_clients_of_one_batch_get_different_addresses():
    bench = x.Bench()
    offers = bench.take(*(x.message(DISCOVER, client) for client in range(5)))
    assert [client for _, client, _ in offers] == list(range(5))
    assert len({address for _, _, address in offers}) == 5


def test_two_requests_for_one_address_in_one_batch_give_one_lease():
    bench = x.Bench()
    answers = bench.take(x.request(1, FIRST), x.request(2, FIRST))
    assert sorted(kind for kind, _, _ in answers) == [ACK, NAK]
    assert len(x.leases_of(bench.store)) == 1


def test_garbage_is_counted_and_the_others_are_served():
    bench = x.Bench()
    answers = bench.take(b"", b"x" * 300, x.message(DISCOVER, 1), x.message(DISCOVER, 2)[:250], bytes(240))
    assert [kind for kind, _, _ in answers][:1] == [OFFER]
    assert bench.statistics.value("pkt4-received") == 5
    assert bench.statistics.value("pkt4-parse-failed") == 3


def test_a_message_for_another_server_is_not_answered():
    bench = x.Bench()
    assert bench.take(x.request(1, FIRST, server=0x0A000001)) == []
    assert bench.statistics.value("pkt4-not-for-us") == bench.statistics.value("pkt4-receive-drop") == 1


def test_a_network_is_replaced_between_two_batches():
    bench = x.Bench()
    assert bench.take(x.message(DISCOVER, 1))[0][2] == FIRST
    bench.batches.network = x.network("192.0.2.200 - 192.0.2.210")
    assert bench.take(x.message(DISCOVER, 1, xid=2))[0][2] == 0xC00002C8


def test_service_off():
    bench = x.Bench()
    bench.batches.serving = False
    assert bench.take(x.message(DISCOVER, 1)) == []
    assert bench.statistics.value("pkt4-service-disabled") == 1


# Nothing is acknowledged before it is durable.


def test_an_ack_waits_for_the_sync_and_an_offer_does_not():
    store = x.SlowStore()
    bench = x.Bench(store)
    assert [kind for kind, _, _ in bench.take(x.request(1, FIRST), x.message(DISCOVER, 2))] == [OFFER]
    store.sync()
    assert bench.wire.answers() == [(ACK, 1, FIRST)]
    assert bench.batches.waiting == 0


def test_batches_overlap_with_syncs():
    store = x.SlowStore()
    bench = x.Bench(store)
    assert bench.take(x.request(1, FIRST)) == []
    assert bench.take(x.request(2, FIRST)) == [(NAK, 2, 0)], "the next batch sees what the one before decided"
    assert bench.take(x.request(3, FIRST + 1)) == []
    store.sync()
    assert bench.wire.answers() == [(ACK, 1, FIRST), (ACK, 3, FIRST + 1)]


def test_a_failed_append_leaves_clients_what_they_have():
    store = x.FullDisk()
    bench = x.Bench(store)
    address = bench.lease(1)
    bench.time.seconds += 5000
    store.full = True
    answers = bench.take(x.renewal(1, address), x.request(2, address + 1), x.request(3, address))
    assert (ACK, 1, address) in answers, "the holder keeps what it was promised"
    assert all(client != 2 for _, client, _ in answers), "a new client hears nothing"
    assert (NAK, 1, 0) not in answers
    assert bench.batches.unavailable_since is not None
    store.full = False
    assert bench.take(x.request(2, address + 1, xid=9)) == [(ACK, 2, address + 1)]
    assert bench.batches.unavailable_since is None
    assert bench.batches.waiting == 0


def test_the_remaining_time_is_promised_while_nothing_can_be_written():
    store = x.FullDisk()
    bench = x.Bench(store)
    address = bench.lease(1)
    bench.time.seconds += 5000
    store.full = True
    bench.batches.take([(x.renewal(1, address), x.ARRIVAL)])
    [ack] = bench.wire.sent
    assert int.from_bytes(ack.options[51], "big") == 7200 - 5000
    bench.wire.sent.clear()
    bench.time.seconds += 3000
    assert bench.take(x.renewal(1, address, xid=5)) == [], "nothing is left to promise"


def test_a_failed_sync_never_happened():
    store = x.FailingSync()
    bench = x.Bench(store)
    store.failing = True
    assert bench.take(x.request(1, FIRST)) == []
    assert x.leases_of(store) == []
    assert bench.statistics.value("assigned-addresses") == 0
    store.failing = False
    assert bench.take(x.request(1, FIRST, xid=2)) == [(ACK, 1, FIRST)]
    assert bench.statistics.value("assigned-addresses") == 1


# One client, one exchange.


def test_a_repetition_is_dropped_while_the_first_is_being_written():
    store = x.SlowStore()
    bench = x.Bench(store)
    bench.take(x.request(1, FIRST))
    bench.take(x.request(1, FIRST))
    store.sync()
    assert bench.wire.answers() == [(ACK, 1, FIRST)]
    assert bench.statistics.value("pkt4-duplicate") == 1


def test_a_repetition_in_one_batch_gets_one_answer():
    bench = x.Bench()
    assert len(bench.take(*[x.message(DISCOVER, 1)] * 3)) == 1


def test_the_newest_of_what_came_meanwhile_is_served_afterwards():
    store = x.SlowStore()
    bench = x.Bench(store)
    bench.take(x.request(1, FIRST))
    bench.take(x.message(DISCOVER, 1, xid=7))
    bench.take(x.message(RELEASE, 1, xid=8, ciaddr=FIRST))
    store.sync()
    assert bench.wire.answers() == [(ACK, 1, FIRST)]
    store.sync()
    assert x.leases_of(store) == [], "the release came last, and counts"
    assert bench.batches.waiting == 0


def test_too_many_waiting_exchanges_leave_the_sockets_unread():
    store = x.SlowStore()
    bench = x.Bench(store, x.network("192.0.2.1 - 192.0.2.254"))
    bench.batches.network = wide = x.Network([x.Subnet4("10.0.0.0/8", pools=[x.Pool4("10.0.0.1 - 10.0.9.255")])])
    assert wide
    arrival = x.Arrival("eth0", 2, 0x0A000002, 68, 0x0A000001)
    base = 0x0A000001
    datagrams = [(x.request(client, base + client, server=base), arrival) for client in range(WAITING_MAX)]
    for start in range(0, WAITING_MAX, 64):
        assert bench.wire.paused == 0
        bench.batches.take(datagrams[start : start + 64])
    assert bench.wire.paused == 1
    store.sync()
    assert bench.wire.paused == 0
    assert len(bench.wire.sent) == WAITING_MAX


# Stores that wait.


def remote(store, *batches, **kwargs):
    async def serve():
        bench = x.Bench(store, **kwargs)
        for batch in batches:
            bench.batches.take([(datagram, x.ARRIVAL) for datagram in batch])
        await bench.batches.drained()
        assert bench.batches.waiting == 0
        return bench

    return run(serve())


def test_a_remote_store_serves_too():
    store = x.RemoteStore()
    bench = remote(store, [x.message(DISCOVER, client) for client in range(4)])
    offers = bench.wire.answers()
    assert len({address for _, _, address in offers}) == 4
    bench = remote(store, [x.request(client, address) for _, client, address in offers])
    assert sorted(bench.wire.answers()) == [(ACK, client, address) for _, client, address in sorted(offers)]
    assert store.commits == 1


def test_a_lost_race_is_planned_again():
    races = []

    def meddle(reference, units):
        if not races:
            races.append(units)
            stranger = Lease4(FIRST, b"stranger", b"", 7200, 1_700_000_000, 1)
            reference.append([(Change(None, stranger),)])

    store = x.RemoteStore(meddle=meddle)
    bench = remote(store, [x.request(1, FIRST), x.request(2, FIRST + 1)])
    assert sorted(bench.wire.answers()) == [(ACK, 2, FIRST + 1), (NAK, 1, 0)]
    assert store.commits == 1


def test_races_end_one_day():
    def meddle(reference, units):
        reference.leases.pop(FIRST, None)
        reference.turns[0, 0] = 0
        for unit in units:
            for change in unit:
                if change.before is None:
                    taken = Lease4(change.address, x.mac(1), b"", 1, 1_600_000_000 + store.commits, 1)
                    reference.leases[change.address] = taken
                else:
                    reference.leases.pop(change.address, None)

    store = x.RemoteStore(meddle=meddle)
    bench = remote(store, [x.request(1, FIRST)])
    assert bench.wire.answers() == []
    assert store.commits == loop_module.PLAN_AGAIN_MAX + 1


def test_a_store_out_of_reach_means_silence_and_no_refusal():
    store = x.RemoteStore()
    store.down = True
    bench = remote(store, [x.request(1, FIRST), x.message(DISCOVER, 2)])
    assert bench.wire.answers() == []
    assert bench.batches.unavailable_since is not None


@given(st.data())
def test_a_store_that_waits_decides_as_one_that_does_not(data):
    """Served one by one, a partial view behind a waiting store comes to the same leases and answers as memory."""
    local, store = x.Bench(MemoryStore()), x.RemoteStore()
    for step in range(data.draw(st.integers(1, 12))):
        client = data.draw(st.integers(1, 4))
        address = FIRST + data.draw(st.integers(-1, 3))
        kind = data.draw(st.sampled_from(["discover", "request", "renew", "release", "decline"]))
        datagram = {
            "discover": x.message(DISCOVER, client, step),
            "request": x.request(client, address, step),
            "renew": x.renewal(client, address, step),
            "release": x.message(RELEASE, client, step, ciaddr=address),
            "decline": x.message(DECLINE, client, step, options=[(50, address.to_bytes(4, "big"))]),
        }[kind]
        assert local.take(datagram) == remote(store, [datagram]).wire.answers()
    assert {lease.address: lease for lease in x.leases_of(local.store)} == store.reference.leases


# Faults.


NOT_PLAIN = ((81, b"\0\0\0box"),)  # a client's name in this option is the engine's business


def test_a_fault_at_one_message_does_not_end_the_service(caplog):
    def plan(query, *rest):
        if query.hwaddr == x.mac(2):
            raise ZeroDivisionError("a bug")
        return FAMILY4.plan(query, *rest)

    bench = x.Bench(family=attrs.evolve(FAMILY4, plan=plan))
    with caplog.at_level(logging.ERROR):
        answers = bench.take(*(x.message(DISCOVER, client, options=NOT_PLAIN) for client in (1, 2, 3)))
    assert [client for _, client, _ in answers] == [1, 3]
    assert bench.statistics.value("pkt4-processing-failed") == 1
    assert bench.batches.waiting == 0
    assert "ZeroDivisionError: a bug" in caplog.text


@pytest.mark.parametrize(("where", "options"), [("quick4", ()), ("open", NOT_PLAIN), ("outcome", NOT_PLAIN)])
def test_faults_elsewhere_are_survived_too(monkeypatch, where, options):
    def fail(*_):
        raise ZeroDivisionError("a bug")

    bench = x.Bench()
    with monkeypatch.context() as patch:
        if where == "quick4":
            patch.setattr(family4, where, fail)
        else:
            bench.batches.family = attrs.evolve(FAMILY4, **{where: fail})
        assert bench.take(x.message(DISCOVER, 1, options=options)) == []
        bench.batches.family = FAMILY4
    assert bench.take(x.message(DISCOVER, 1, xid=2, options=options))[0][0] == OFFER


def test_a_fault_of_the_store_is_survived():
    class Broken(MemoryStore):
        broken = True

        def append(self, units):
            if self.broken:
                raise ZeroDivisionError("a bug")
            return super().append(units)

    store = Broken()
    bench = x.Bench(store)
    assert bench.take(x.request(1, FIRST)) == []
    store.broken = False
    assert bench.take(x.request(1, FIRST)) == [(ACK, 1, FIRST)]


def test_an_answer_that_cannot_be_sent_is_told(caplog):
    bench = x.Bench()
    bench.wire.broken = True
    with caplog.at_level(logging.ERROR):
        assert bench.take(x.message(DISCOVER, 1)) == []
    assert "Network is unreachable" in caplog.text
    bench.wire.broken = False
    assert bench.take(x.message(DISCOVER, 1))[0][0] == OFFER
    assert bench.statistics.value("pkt4-offer-sent") == 1


VALID = [
    x.message(
        DISCOVER, 1, options=[(50, b"\xc0\0\2\x0b"), (55, b"\1\3\6\x0f"), (12, b"host"), (61, b"\1\2\0\0\0\0\1")]
    ),
    x.request(2, FIRST + 1),
    x.renewal(3, FIRST + 2),
    x.message(REQUEST, 4, options=[(50, b"\xc0\0\2\x0c"), (81, b"\5\0\0\4name\7example\0"), (51, b"\0\0\1\0")]),
    x.message(RELEASE, 3, ciaddr=FIRST + 2),
    x.message(DECLINE, 2, options=[(50, b"\xc0\0\2\x0b"), (82, b"\1\4port\2\2id\5\4\xc0\0\2\0")]),
    x.message(
        x.INFORM,
        5,
        ciaddr=FIRST + 5,
        options=[(60, b"MSFT 5.0"), (77, b"\3abc"), (43, b"\1\1\1"), (118, b"\xc0\0\2\0")],
    ),
]


@given(st.data())
@settings(max_examples=100)
def test_no_datagram_makes_the_server_fail(data):
    """Damaged, cut and arbitrary messages: none is a fault of the server, and whoever comes after them is served."""
    bench = x.Bench(net=x.network("192.0.2.10 - 192.0.2.250"))
    batch = []
    for _ in range(data.draw(st.integers(1, 4))):
        octets = bytearray(data.draw(st.sampled_from(VALID)))
        for _ in range(data.draw(st.integers(0, 6))):
            at = data.draw(st.integers(0, len(octets) - 1) | st.integers(236, len(octets) - 1))
            octets[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(octets)) | st.just(len(octets)))
        batch.append(bytes(octets[:cut]) + data.draw(st.binary(max_size=40)))
    bench.take(*batch)
    assert bench.statistics.value("pkt4-processing-failed") == 0
    assert bench.take(x.message(DISCOVER, 0x7777))[0][:2] == (OFFER, 0x7777)
    assert bench.batches.waiting == 0


# Callouts.


def test_callouts_see_and_drop_what_is_received():
    hooks = Hooks()

    @hooks.on(Pkt4Receive)
    def only_odd(point):
        return NextStep.DROP if point.query.chaddr[5] % 2 == 0 else None

    bench = x.Bench(hooks=hooks)
    assert [client for _, client, _ in bench.take(*(x.message(DISCOVER, c) for c in (1, 2, 3)))] == [1, 3]
    assert bench.statistics.value("pkt4-admin-filtered") == 1


def test_callouts_may_change_or_keep_back_what_is_sent():
    hooks = Hooks()

    @hooks.on(Pkt4Send)
    def keep(point):
        if point.outcome.packet.chaddr == x.mac(2):
            return NextStep.DROP
        point.data = point.data[:-1] + b"\x2b\x01\x07\xff"
        return None

    bench = x.Bench(hooks=hooks)
    bench.batches.take([(x.message(DISCOVER, client), x.ARRIVAL) for client in (1, 2)])
    [offer] = bench.wire.sent
    assert offer.options[43] == b"\x07"


def test_a_callout_is_asked_once_although_the_store_makes_the_engine_plan_again():
    hooks, asked = Hooks(), []

    @hooks.on(Lease4Select)
    def ask(point):
        asked.append(point.lease.address)

    store = x.RemoteStore(Lease4(FIRST + i, x.mac(100 + i), b"", 7200, 1_700_000_000, 1) for i in range(7))
    bench = remote(store, [x.message(DISCOVER, 1)], hooks=hooks)
    assert bench.wire.answers() == [(OFFER, 1, FIRST + 7)]
    assert store.loads > 2
    assert asked == [FIRST + 7]
    assert not bench.batches.callouts._known


def test_a_callout_that_fails_is_a_fault_of_one_message():
    hooks = Hooks()

    @hooks.on(Pkt4Receive)
    def fail(point):
        raise ZeroDivisionError("a bug")

    bench = x.Bench(hooks=hooks)
    assert bench.take(x.message(DISCOVER, 1)) == []
    assert bench.statistics.value("pkt4-processing-failed") == 1


# Counting.


@given(st.data())
def test_counters_equal_a_recount(data):
    """Whatever clients do, and however batches fall, the counters of addresses are what the store holds."""
    bench = x.Bench(net=x.network("192.0.2.10 - 192.0.2.13"))
    given_out = 0
    for step in range(data.draw(st.integers(1, 12))):
        batch = []
        for client in data.draw(st.lists(st.integers(1, 6), max_size=4)):
            address = FIRST + data.draw(st.integers(0, 4))
            kind = data.draw(st.sampled_from(["request", "renew", "release", "decline", "discover"]))
            batch.append(
                {
                    "discover": x.message(DISCOVER, client, step),
                    "request": x.request(client, address, step),
                    "renew": x.renewal(client, address, step),
                    "release": x.message(RELEASE, client, step, ciaddr=address),
                    "decline": x.message(DECLINE, client, step, options=[(50, address.to_bytes(4, "big"))]),
                }[kind]
            )
        before = {lease.address: lease for lease in x.leases_of(bench.store)}
        bench.take(*batch)
        now = {lease.address: lease for lease in x.leases_of(bench.store)}
        given_out += sum(a not in before for a in now)
        bench.time.seconds += data.draw(st.sampled_from([0, 10, 100_000]))
        totals = lease_totals(now.values())
        counted = bench.statistics.values()
        for name, value in totals.items():
            assert counted[name] == value, name
        for name, value in counted.items():
            if name.endswith(("assigned-addresses", "declined-addresses")) and not name.split(".")[-1].startswith(
                ("cumulative", "reclaimed")
            ):
                assert value == totals.get(name, 0), name
    assert bench.statistics.value("cumulative-assigned-addresses") >= given_out
    received = sum(v for n, v in bench.statistics.values().items() if n.endswith("-received") and n != "pkt4-received")
    assert bench.statistics.value("pkt4-received") == received


def test_a_full_pool_is_counted_and_told_as_kea_does(caplog):
    bench = x.Bench(net=x.network("192.0.2.10 - 192.0.2.10"))
    bench.lease(1)
    with caplog.at_level(logging.WARNING):
        assert bench.take(x.message(DISCOVER, 2)) == []
    for name in ("v4-allocation-fail", "v4-allocation-fail-subnet", "v4-allocation-fail-classes"):
        assert bench.statistics.value(name) == bench.statistics.value(f"subnet[1].{name}") == 1
    assert bench.statistics.value("v4-allocation-fail-no-pools") == 0
    assert "ALLOC_ENGINE_V4_ALLOC_FAIL_SUBNET" in caplog.text


def test_an_expired_lease_that_another_client_takes_is_counted_as_reclaimed():
    bench = x.Bench(net=x.network("192.0.2.10 - 192.0.2.10"))
    bench.lease(1)
    bench.time.seconds += 100_000
    bench.lease(2)
    values = bench.statistics
    assert values.value("reclaimed-leases") == 1
    assert values.value("assigned-addresses") == 1
    assert values.value("cumulative-assigned-addresses") == 2
