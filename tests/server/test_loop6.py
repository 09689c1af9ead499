"""Batches of DHCPv6: the same promises as for DHCPv4, for messages about many leases, and how they are counted."""

import asyncio
import importlib.util
import json
import logging
import re
from ipaddress import IPv6Address
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.alloc import LeaseState
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.quick6 import quick6
from dhcpkit.backends import MemoryStore6
from dhcpkit.hooks import (
    Buffer6Receive,
    Buffer6Send,
    Hooks,
    Lease6Select,
    NextStep,
    Pkt6Receive,
    Pkt6Send,
)
from dhcpkit.server.counted import NAMES6
from dhcpkit.server.expiry import Reclaimer, Reclaiming
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.statistics import Statistics, Tally6, lease_totals6
from dhcpkit.testing.machine6 import Binding6, bindings_of
from dhcpkit.wire.dhcp6 import Arrival6, Packet6, Relay6
from dhcpkit.wire.options6 import IA_NA, STATUS_CODE

_spec = importlib.util.spec_from_file_location("server_exchanges6", Path(__file__).parent / "exchanges6.py")
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)
SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELEASE, DECLINE, CONFIRM = (
    x.SOLICIT,
    x.ADVERTISE,
    x.REQUEST,
    x.RENEW,
    x.REBIND,
    x.REPLY,
    x.RELEASE,
    x.DECLINE,
    x.CONFIRM,
)
FIRST = x.FIRST


def test_a_client_gets_an_address_and_a_prefix_in_one_unit():
    bench = x.Bench()
    given_out = bench.lease(1, prefixes=(7,))
    assert [(each.type, each.iaid, each.address) for each in given_out] == [(x.NA, 1, FIRST), (x.PD, 7, x.PREFIX)]
    assert [lease.address for lease in x.leases_of(bench.store)] == [FIRST, x.PREFIX]


def test_clients_of_one_batch_get_different_addresses():
    bench = x.Bench()
    offers = bench.take(*(x.message(SOLICIT, number) for number in range(5)))
    assert [number for _, number, _ in offers] == list(range(5))
    assert len({addresses[0] for _, _, addresses in offers}) == 5


def test_garbage_is_counted_and_the_others_are_served():
    bench = x.Bench()
    answers = bench.take(b"", b"\1\2\3", x.message(SOLICIT, 1), b"\x0c" + bytes(20), x.message(SOLICIT, 2)[:9])
    assert [kind for kind, _, _ in answers] == [ADVERTISE]
    assert bench.statistics.value("pkt6-received") == 5
    assert bench.statistics.value("pkt6-parse-failed") == 3
    assert bench.statistics.value("pkt6-rfc-violation") == 1


def test_a_message_for_another_server_is_not_answered():
    bench = x.Bench()
    assert bench.take(x.message(REQUEST, 1, [x.address(FIRST)], server_id=b"\0\3\0\1\2\0\0\0\0\x99")) == []
    assert bench.statistics.value("pkt6-not-for-us") == bench.statistics.value("pkt6-receive-drop") == 1


def test_a_message_a_server_does_not_serve_is_only_dropped(caplog):
    bench = x.Bench()
    caplog.set_level(1, logger="kea-dhcp6")
    assert bench.take(x.message(x.MessageType6.ADVERTISE, 1)) == []
    assert bench.statistics.value("pkt6-advertise-received") == bench.statistics.value("pkt6-receive-drop") == 1
    assert "DHCP6_UNKNOWN_MSG_RECEIVED" in caplog.text
    assert "pkt6-" not in bench.statistics.values(), "a drop without a name is no statistic of its own"


def test_a_reply_waits_for_the_sync_and_an_advertisement_does_not():
    store = x.SlowStore()
    bench = x.Bench(store)
    assert bench.take(x.message(REQUEST, 1, [x.address(FIRST)]), x.message(SOLICIT, 2)) == [(ADVERTISE, 2, [FIRST + 1])]
    store.sync()
    assert bench.wire.answers() == [(REPLY, 1, [FIRST])]
    assert bench.batches.waiting == 0


def test_a_failed_append_leaves_clients_what_they_have():
    store = x.FullDisk()
    bench = x.Bench(store)
    held = bench.lease(1, prefixes=(7,))
    bench.time.seconds += 3000
    store.full = True
    answers = bench.take(x.message(RENEW, 1, held, prefixes=(7,)), x.message(REQUEST, 2, [x.address(FIRST + 1)], 5))
    assert answers == [(REPLY, 1, [FIRST, x.PREFIX])], (
        "the holder keeps what it was promised, a new client hears nothing"
    )
    assert bench.batches.unavailable_since is not None
    store.full = False
    assert bench.take(x.message(REQUEST, 2, [x.address(FIRST + 1)], 9)) == [(REPLY, 2, [FIRST + 1])]
    assert bench.batches.unavailable_since is None


def test_one_client_has_one_exchange():
    store = x.SlowStore()
    bench = x.Bench(store)
    bench.take(x.message(REQUEST, 1, [x.address(FIRST)]))
    bench.take(x.message(REQUEST, 1, [x.address(FIRST)]))
    bench.take(x.message(SOLICIT, 1, xid=7))
    bench.take(x.message(RELEASE, 1, [x.address(FIRST)], 8, empty=False))
    store.sync()
    assert bench.wire.answers() == [(REPLY, 1, [FIRST])]
    store.sync()
    assert [lease.state for lease in x.leases_of(store)] == [LeaseState.RELEASED], "the newest came last, and counts"
    assert bench.statistics.value("pkt6-duplicate") == 2
    assert bench.batches.waiting == 0


def inform(peer=None):
    """An INFORMATION-REQUEST without a client identifier, directly or from behind a relay."""
    relays = [Relay6(12, 0, IPv6Address("2001:db8::1"), IPv6Address(peer))] if peer else []
    return bytes(Packet6(x.INFORM, {6: b"\0\x17"}, xid=1, relays=relays))


def test_clients_without_an_identifier_do_not_stand_in_each_others_way():
    bench = x.Bench()
    bench.batches.take([(inform(), x.arrival(number)) for number in range(3)])
    assert len(bench.wire.sent) == 3
    bench.wire.sent.clear()
    relay = Arrival6("eth0", 2, x.LINK_LOCAL + 9, 547, x.ALL_SERVERS, multicast=True)
    bench.batches.take([(inform(f"fe80::{number}"), relay) for number in range(1, 4)])
    assert len(bench.wire.sent) == 3
    assert bench.statistics.value("pkt6-duplicate") == 0
    assert bench.statistics.value("pkt6-infrequest-received") == bench.statistics.value("pkt6-reply-sent") == 6


def remote(store, *batches, **kwargs):
    async def serve():
        bench = x.Bench(store, **kwargs)
        for batch in batches:
            bench.batches.take([(datagram, x.arrival()) for datagram in batch])
        await bench.batches.drained()
        assert bench.batches.waiting == 0
        return bench

    return asyncio.run(serve())


@st.composite
def datagrams(draw, step):
    """A message of one of four clients about addresses and prefixes near each other."""
    number = draw(st.integers(1, 4))
    kind = draw(st.sampled_from([SOLICIT, REQUEST, RENEW, REBIND, RELEASE, DECLINE, CONFIRM, x.INFORM]))
    bindings = [x.address(FIRST + draw(st.integers(-1, 3)), draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        bindings.append(Binding6(x.PD, 7, x.PREFIX + (draw(st.integers(0, 2)) << 72), 56))
    options = {14: b""} if draw(st.booleans()) else {}
    return x.message(kind, number, bindings, step, prefixes=(7,), empty=draw(st.booleans()), options=options)


@given(st.data())
def test_a_store_that_waits_decides_as_one_that_does_not(data):
    """Served one by one, a partial view behind a waiting store comes to the same leases and answers as memory."""
    local, store = x.Bench(), x.RemoteStore()
    for step in range(data.draw(st.integers(1, 10))):
        datagram = data.draw(datagrams(step))
        assert local.take(datagram) == remote(store, [datagram]).wire.answers()
    assert {lease.address: lease for lease in x.leases_of(local.store)} == store.reference.leases


def test_a_store_out_of_reach_means_silence():
    store = x.RemoteStore()
    store.down = True
    assert remote(store, [x.message(REQUEST, 1, [x.address(FIRST)]), x.message(SOLICIT, 2)]).wire.answers() == []


@pytest.mark.parametrize("where", ["plan", "quick"])
def test_a_fault_at_one_message_does_not_end_the_service(caplog, monkeypatch, where):
    def plan(query, *rest):
        if query.duid[-1] == 2:
            raise ZeroDivisionError("a bug")
        return FAMILY6.plan(query, *rest)

    def quick(packet, *rest):
        if packet.options.first[1][-1] == 2:
            raise ZeroDivisionError("a bug")
        return quick6(packet, *rest)

    monkeypatch.setattr("dhcpkit.server.family6.quick6", quick)
    bench = x.Bench(family=attrs.evolve(FAMILY6, plan=plan, quick=None) if where == "plan" else FAMILY6)
    with caplog.at_level(logging.ERROR):
        answers = bench.take(*(x.message(SOLICIT, number) for number in (1, 2, 3)))
    assert [number for _, number, _ in answers] == [1, 3]
    assert bench.statistics.value("pkt6-processing-failed") == 1
    assert "DHCP6_PACKET_PROCESS_EXCEPTION" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text


VALID = [
    x.message(SOLICIT, 1, [x.address(FIRST)], prefixes=(7,), options={14: b"", 6: b"\0\x17\0\x18", 39: b"\1\3box\0"}),
    x.message(REQUEST, 2, [x.address(FIRST + 1), Binding6(x.PD, 7, x.PREFIX, 56)], prefixes=(7,)),
    x.message(
        RENEW, 3, [x.address(FIRST + 2)], options={16: b"\0\0\x11\x8b\0\x03abc", 17: b"\0\0\x11\x8b\0\1\0\2\0\x20"}
    ),
    x.message(DECLINE, 2, [x.address(FIRST + 1)], empty=False),
    x.message(RELEASE, 3, [x.address(FIRST + 2)], empty=False),
    inform("fe80::5"),
    bytes(
        Packet6(SOLICIT, {1: b"\0\3\0\1abcdef", 3: bytes(12)}, relays=[Relay6(12, 1), Relay6(12, 0, 1, 2, {18: b"p"})])
    ),
]


@given(st.data())
@settings(max_examples=100)
def test_no_datagram_makes_the_server_fail(data):
    """Damaged, cut and arbitrary messages: none is a fault of the server, and whoever comes after them is served."""
    bench = x.Bench(net=x.network("2001:db8::10 - 2001:db8::ff"))
    batch = []
    for _ in range(data.draw(st.integers(1, 4))):
        octets = bytearray(data.draw(st.sampled_from(VALID)))
        for _ in range(data.draw(st.integers(0, 6))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(octets)) | st.just(len(octets)))
        batch.append(bytes(octets[:cut]) + data.draw(st.binary(max_size=40)))
    bench.batches.take([(datagram, x.arrival()) for datagram in batch])
    bench.wire.sent.clear()
    assert bench.statistics.value("pkt6-processing-failed") == 0
    [(kind, number, _)] = bench.take(x.message(SOLICIT, 0x7777))
    assert (kind, number) == (ADVERTISE, 0x7777)
    assert bench.batches.waiting == 0


# Callouts.


def test_callouts_see_change_and_drop_messages():
    hooks, heard = Hooks(), []

    @hooks.on(Buffer6Receive)
    def listen(point):
        heard.append((point.data[:1], point.arrival.interface))
        if point.data[:1] == b"\xff":
            return NextStep.DROP
        point.data = point.data[:1] + b"\0\0\x63" + point.data[4:]
        return None

    @hooks.on(Pkt6Receive)
    def only_odd(point):
        return NextStep.DROP if x.number_of(point.query) % 2 == 0 else None

    @hooks.on(Pkt6Send)
    def add(point):
        point.data += b"\0\x17\0\0"

    @hooks.on(Buffer6Send)
    def keep(point):
        assert point.data.endswith(b"\0\x17\0\0"), "the callouts of pkt6_send come first"
        return NextStep.DROP if x.number_of(point.outcome.packet) == 3 else None

    bench = x.Bench(hooks=hooks)
    bench.batches.take([(each, x.arrival()) for each in (b"\xffxxx", *(x.message(SOLICIT, n) for n in (1, 2, 3)))])
    [advertise] = bench.wire.sent
    assert (x.number_of(advertise), advertise.xid, advertise.options.first[23]) == (1, 0x63, b"")
    assert heard == [(b"\xff", "eth0"), *[(b"\1", "eth0")] * 3]
    assert bench.statistics.value("pkt6-admin-filtered") == 1
    assert bench.statistics.value("pkt6-received") == 3, "what buffer6_receive drops has not come"


@pytest.mark.parametrize("point", [Buffer6Receive, Pkt6Receive, Pkt6Send, Buffer6Send, Lease6Select])
def test_a_callout_that_fails_is_a_fault_of_one_message(point):
    hooks = Hooks()

    @hooks.on(point)
    def fail(point):
        raise ZeroDivisionError("a bug")

    bench = x.Bench(hooks=hooks)
    assert bench.take(x.message(SOLICIT, 1)) == []
    assert bench.statistics.value("pkt6-processing-failed") == 1
    assert bench.batches.waiting == 0


# Counting.


@given(st.data())
def test_counters_equal_a_recount(data):
    """Whatever clients do, and however batches fall, the counters of leases are what the store holds."""
    bench = x.Bench(net=x.network("2001:db8::10 - 2001:db8::13"))
    for step in range(data.draw(st.integers(1, 12))):
        batch = data.draw(st.lists(datagrams(step) | st.just(registration(step)), max_size=4))
        bench.batches.take([(each, x.arrival()) for each in batch])
        bench.time.seconds += data.draw(st.sampled_from([0, 10, 100_000]))
    totals, counted = lease_totals6(x.leases_of(bench.store)), bench.statistics.values()
    for name, value in totals.items():
        assert counted[name] == value, name
    for name, value in counted.items():
        if name.split(".")[-1] in ("assigned-nas", "assigned-pds", "declined-addresses", "registered-nas"):
            assert value == totals.get(name, 0), name
    received = sum(v for n, v in counted.items() if n.endswith("-received") and n != "pkt6-received")
    assert counted["pkt6-received"] == received


def registration(step=1, valid=600):
    payload = x.LINK_LOCAL.to_bytes(16, "big") + (300).to_bytes(4, "big") + valid.to_bytes(4, "big")
    return x.message(x.REGISTER, 9, xid=step, options={5: payload}, empty=False)


def test_what_is_counted_of_addresses_and_prefixes():
    bench = x.Bench()
    bench.statistics.network(x.network())
    held = bench.lease(1, prefixes=(7,))
    value = bench.statistics.value
    for scope in ("", "subnet[1]."):
        assert value(f"{scope}assigned-nas") == value(f"{scope}cumulative-assigned-nas") == 1
        assert value(f"{scope}assigned-pds") == value(f"{scope}cumulative-assigned-pds") == 1
    assert value("subnet[1].pool[0].assigned-nas") == value("subnet[1].pd-pool[3].assigned-pds") == 1
    assert (value("subnet[1].total-nas"), value("subnet[1].total-pds")) == (10, 16)
    bench.time.seconds += 10
    bench.take(x.message(RENEW, 1, held, 2, prefixes=(7,)))
    assert value("v6-ia-na-lease-reuses") == value("subnet[1].v6-ia-na-lease-reuses") == 1
    assert value("v6-ia-pd-lease-reuses") == value("subnet[1].v6-ia-pd-lease-reuses") == 1
    bench.take(x.message(DECLINE, 1, held[:1], 3, empty=False))
    assert value("declined-addresses") == value("subnet[1].pool[0].declined-addresses") == 1
    assert value("assigned-nas") == 1, "a declined address counts as assigned (Kea)"
    bench.take(x.message(RELEASE, 1, held[1:], 4, prefixes=(7,), empty=False))
    assert value("assigned-pds") == value("subnet[1].pd-pool[3].assigned-pds") == 0
    assert value("cumulative-assigned-pds") == 1


def test_the_counters_are_those_of_kea(shared):
    """The names, but for those that appear in Kea only once something was counted."""
    recorded = json.loads((shared / "kea/captures-3.0/stats-3.0.json").read_text())["dhcp6"]["fresh"]["arguments"]
    statistics = Statistics(NAMES6)
    statistics.network(x.network())
    kea = {name.replace("pd-pool[0]", "pd-pool[3]") for name in recorded if "[" not in name or "subnet[1]" in name}
    ours = statistics.values().keys()
    strange = {name for name in kea - ours if "pool[7]" not in name and "pd-pool[9]" not in name}
    assert strange == set()
    per_pool = {name for name in ours if "pool[" in name}
    assert per_pool <= kea | {name for name in per_pool if "pool[0].rec" in name or "pool[0].dec" in name}


def test_registered_addresses_are_counted_and_told(caplog):
    bench = x.Bench()
    caplog.set_level(logging.INFO, logger="kea-dhcp6")
    there = int(IPv6Address("2001:db8::abcd"))
    payload = there.to_bytes(16, "big") + (300).to_bytes(4, "big") + (600).to_bytes(4, "big")
    datagram = x.message(x.REGISTER, 9, options={5: payload}, empty=False)
    came = Arrival6("eth0", 2, there, 546, x.ALL_SERVERS, multicast=True)
    for _ in range(2):
        bench.batches.take([(datagram, came)])
    assert [packet.type for packet in bench.wire.sent] == [x.MessageType6.ADDR_REG_REPLY] * 2
    value = bench.statistics.value
    assert value("registered-nas") == value("subnet[1].registered-nas") == value("cumulative-registered-nas") == 1
    assert value("assigned-nas") == 0
    assert "2001:db8::abcd of the client's own making is registered for 600 seconds" in caplog.text


def test_what_is_dropped_only_when_it_is_planned_counts_as_dropped(caplog):
    """A registration of an address that is not its sender's looks well when it is opened."""
    bench = x.Bench()
    caplog.set_level(1, logger="kea-dhcp6")
    assert bench.take(registration()) == []
    value = bench.statistics.value
    assert value("pkt6-rfc-violation") == value("pkt6-receive-drop") == 1
    assert "DHCP6_REQUIRED_OPTIONS_CHECK_FAIL" in caplog.text
    assert bench.batches.waiting == 0


def test_an_address_that_becomes_a_prefix_is_counted_as_both():
    address = Lease6(x.PREFIX, b"duid", 100, 1_000, 1, 50, x.NA, 1)
    prefix = Lease6(x.PREFIX, b"duid", 100, 2_000, 1, 50, x.PD, 1, 56, pool_id=3)
    tally = Tally6()
    tally.changed(address, prefix, fresh=True)
    found = {name: count for (name, _, _, _), count in tally.take().items()}
    assert found == {"assigned-nas": -1, "reclaimed-leases": 1, "assigned-pds": 1, "cumulative-assigned-pds": 1}


def test_a_full_pool_is_counted_and_told_as_kea_does(caplog):
    bench = x.Bench(net=x.network("2001:db8::10 - 2001:db8::10"))
    bench.lease(1)
    with caplog.at_level(logging.WARNING):
        bench.take_one(x.message(SOLICIT, 2))
    assert not list(bindings_of(bench.seen[0]))
    for name in ("v6-allocation-fail", "v6-allocation-fail-subnet", "v6-allocation-fail-classes"):
        assert bench.statistics.value(name) == bench.statistics.value(f"subnet[1].{name}") == 1
    assert bench.statistics.value("v6-allocation-fail-no-pools") == 0
    assert "ALLOC_ENGINE_V6_ALLOC_FAIL_SUBNET" in caplog.text


def test_lease_messages_read_as_kea_wrote_them(shared, caplog):
    """The very lines of recorded logs, for the same clients, addresses and lifetimes."""
    caplog.set_level(logging.INFO, logger="kea-dhcp6")
    bench = x.Bench()
    held = bench.lease(1, prefixes=(7,))
    bench.time.seconds += 3000
    bench.take(x.message(RENEW, 1, held, 2, prefixes=(7,)))
    bench.take(x.message(RELEASE, 1, held, 3, prefixes=(7,), empty=False))
    held = bench.lease(2)
    bench.take(x.message(DECLINE, 2, held, 3, empty=False))
    said = {record.message_id: record.getMessage() for record in caplog.records}
    captures = (shared / "kea/captures/clients").glob("v6-*/server.log")
    kea = [line.split("] ", 1)[1] for path in captures for line in path.read_text().splitlines() if "] " in line]
    ids = "LEASE_ADVERT PD_LEASE_ADVERT LEASE_ALLOC PD_LEASE_ALLOC LEASE_RENEW RELEASE_NA RELEASE_PD DECLINE_LEASE"
    for name in (f"DHCP6_{each}" for each in ids.split()):
        example = next(line for line in kea if line.startswith(f"{name} "))
        assert shape(said[name]).startswith(shape(example)), said[name]


def shape(line):
    """A line without what differs between clients."""
    line = re.sub(r"duid=\[[0-9a-f:]+\]", "duid=[]", line)
    line = re.sub(r"2001:db8:[0-9a-f:]*", "ADDRESS", line)
    line = re.sub(r"tid=0x[0-9a-f]+", "tid=", line)
    return re.sub(r"\b\d+\b", "N", line)


# What was given back.


def test_released_leases_are_kept_a_while_and_removed_then():
    store = MemoryStore6()
    bench = x.Bench(store)
    tidy = Reclaimer(FAMILY6, store, bench.time, bench.statistics, Reclaiming(hold_reclaimed_time=60))
    bench.batches.account.released = tidy.hold
    held = bench.lease(1, prefixes=(7,))
    [(_, _, nothing)] = bench.take(x.message(RELEASE, 1, held, 2, prefixes=(7,), empty=False))
    assert nothing == []
    assert [lease.state for lease in x.leases_of(store)] == [LeaseState.RELEASED] * 2
    assert asyncio.run(tidy.reclaim()) == asyncio.run(tidy.flush()) == 0
    bench.time.seconds += 61
    assert asyncio.run(tidy.flush()) == 2
    assert x.leases_of(store) == []
    assert bench.statistics.value("assigned-nas") == bench.statistics.value("assigned-pds") == 0


def test_expired_leases_are_taken_back_and_counted_by_type():
    store = MemoryStore6()
    bench = x.Bench(store)
    tidy = Reclaimer(FAMILY6, store, bench.time, bench.statistics, Reclaiming(hold_reclaimed_time=60))
    bench.lease(1, prefixes=(7,))
    bench.time.seconds += 100_000
    assert asyncio.run(tidy.reclaim()) == 2
    assert [lease.state for lease in x.leases_of(store)] == [LeaseState.EXPIRED_RECLAIMED] * 2
    value = bench.statistics.value
    assert (value("reclaimed-leases"), value("subnet[1].pool[0].reclaimed-leases")) == (2, 1)
    assert value("subnet[1].pd-pool[3].reclaimed-leases") == 1
    assert value("assigned-nas") == value("assigned-pds") == 0


def test_a_refusal_names_its_reason():
    bench = x.Bench(net=x.network("2001:db8::10 - 2001:db8::10"))
    bench.lease(1)
    bench.take_one(x.message(REQUEST, 2, [x.address(FIRST)]))
    [ia] = bench.seen[0].all(IA_NA)
    assert ia.options[STATUS_CODE].code == 2
