"""Leases whose time is over are taken back within the limits, kept as long as asked, and counted."""

import asyncio
import importlib.util
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Lease4, LeaseState
from dhcpkit.alloc.view import Change
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.hooks import Hooks, Lease4Expire, NextStep
from dhcpkit.server.expiry import Reclaimer, Reclaiming
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.statistics import Statistics, lease_totals

_spec = importlib.util.spec_from_file_location("server_exchanges", Path(__file__).parent / "exchanges.py")
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)
NOW = 1_700_000_000
FIRST = 0xC000020A


def leases(count, *, end=NOW - 10, **kwargs):
    return [Lease4(FIRST + i, x.mac(i), b"", 100, end - 100, 1, **kwargs) for i in range(count)]


def reclaimer(store, time, hooks=None, **settings):
    statistics = Statistics()
    statistics.network(x.network())
    statistics.put(lease_totals(x.leases_of(store)))
    return Reclaimer(FAMILY4, store, time, statistics, Reclaiming(**settings), hooks), statistics


def states(store):
    return [lease.state for lease in x.leases_of(store)]


def test_expired_leases_are_kept_as_reclaimed_and_then_removed():
    store, time = MemoryStore(leases(3)), x.Time(NOW)
    tidy, statistics = reclaimer(store, time, hold_reclaimed_time=60)
    assert asyncio.run(tidy.reclaim()) == 3
    assert states(store) == [LeaseState.EXPIRED_RECLAIMED] * 3
    assert statistics.value("reclaimed-leases") == 3
    assert statistics.value("assigned-addresses") == 0
    assert asyncio.run(tidy.flush()) == 0
    time.seconds += 51
    assert asyncio.run(tidy.flush()) == 3
    assert states(store) == []


def test_without_holding_they_are_removed_at_once():
    store = MemoryStore(leases(3))
    tidy, _ = reclaimer(store, x.Time(NOW), hold_reclaimed_time=0)
    assert asyncio.run(tidy.reclaim()) == 3
    assert states(store) == []


def test_leases_in_use_are_left_alone():
    store = MemoryStore([*leases(3, end=NOW + 1), Lease4(FIRST + 9, x.mac(9), b"", 0xFFFFFFFF, 1, 1)])
    tidy, _ = reclaimer(store, x.Time(NOW))
    assert asyncio.run(tidy.reclaim()) == 0
    assert states(store) == [LeaseState.DEFAULT] * 4


def test_declined_leases_are_removed_and_counted_twice():
    store = MemoryStore(leases(2, state=LeaseState.DECLINED.value))
    tidy, statistics = reclaimer(store, x.Time(NOW))
    assert statistics.value("declined-addresses") == 2
    assert asyncio.run(tidy.reclaim()) == 2
    assert states(store) == []
    assert statistics.value("declined-addresses") == statistics.value("assigned-addresses") == 0
    assert statistics.value("reclaimed-declined-addresses") == statistics.value("reclaimed-leases") == 2


@given(st.integers(0, 120), st.integers(1, 120))
def test_a_round_has_its_limit(count, limit):
    store = MemoryStore(leases(count))
    tidy, _ = reclaimer(store, x.Time(NOW), max_reclaim_leases=limit)
    assert asyncio.run(tidy.reclaim()) == min(count, limit)


def test_a_limit_of_zero_is_none():
    store = MemoryStore(leases(150))
    tidy, _ = reclaimer(store, x.Time(NOW), max_reclaim_leases=0, max_reclaim_time=0)
    assert asyncio.run(tidy.reclaim()) == 150


def test_rounds_that_never_finish_are_told(caplog):
    store = MemoryStore(leases(100))
    tidy, _ = reclaimer(store, x.Time(NOW), max_reclaim_leases=10, unwarned_reclaim_cycles=3)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            asyncio.run(tidy.reclaim())
        assert "RECLAMATION_SLOW" not in caplog.text
        asyncio.run(tidy.reclaim())
    assert "expired leases still exist after 4 reclamations" in caplog.text


def test_a_callout_may_keep_a_lease_and_does_not_stop_the_others():
    hooks = Hooks()

    @hooks.on(Lease4Expire)
    def keep_two(point):
        return NextStep.SKIP if point.lease.address in (FIRST, FIRST + 40) else None

    store = MemoryStore(leases(60))
    tidy, _ = reclaimer(store, x.Time(NOW), hooks)
    assert asyncio.run(tidy.reclaim()) == 58
    assert [lease.address for lease in x.leases_of(store) if lease.state == 0] == [FIRST, FIRST + 40]


def test_a_lease_that_came_back_is_not_removed():
    store, time = MemoryStore(leases(1)), x.Time(NOW)
    tidy, _ = reclaimer(store, time, hold_reclaimed_time=5)
    asyncio.run(tidy.reclaim())
    bench = x.Bench(store)
    assert bench.take(x.request(0, FIRST)) == [(x.ACK, 0, FIRST)]
    time.seconds += 100
    assert asyncio.run(tidy.flush()) == 0
    assert states(store) == [LeaseState.DEFAULT]


def test_reclaimed_leases_of_an_earlier_run_are_removed_too():
    store = MemoryStore(leases(2, state=LeaseState.EXPIRED_RECLAIMED.value))
    tidy, _ = reclaimer(store, x.Time(NOW + 10_000))
    tidy.hold(store.census().reclaimed)
    assert asyncio.run(tidy.flush()) == 2


@pytest.mark.parametrize("wait", [0, 1])
def test_timers_run_only_where_they_are_asked_for(wait):
    store = MemoryStore(leases(1))
    tidy, _ = reclaimer(store, x.Time(NOW), reclaim_timer_wait_time=wait, flush_reclaimed_timer_wait_time=0)

    async def start():
        tidy.start()
        count = len(tidy._tasks)
        tidy.stop()
        await asyncio.sleep(0)
        return count

    assert asyncio.run(start()) == wait


def released(count, *, at=NOW - 10, **kwargs):
    """Leases that clients gave back: without a lifetime, as they are kept."""
    return [Lease4(FIRST + i, x.mac(i), b"", 0, at, 1, state=LeaseState.RELEASED.value, **kwargs) for i in range(count)]


NAMED = {"fqdn_fwd": True, "fqdn_rev": True, "hostname": "ann.example.org."}


def test_what_was_released_before_a_restart_tells_dns_in_the_next_round():
    """Kea takes released leases back as it does those that are over, whoever served when they were."""
    store, told = MemoryStore(released(3, **NAMED)), []
    tidy = Reclaimer(FAMILY4, store, x.Time(NOW), Statistics(), ended=told.extend)
    tidy.hold(store.census().reclaimed)
    asyncio.run(tidy.reclaim())
    assert [lease.hostname for lease in told] == ["ann.example.org."] * 3
    assert [(lease.state, lease.hostname, lease.fqdn_fwd) for lease in x.leases_of(store)] == [
        (LeaseState.RELEASED, "", False)
    ] * 3
    asyncio.run(tidy.reclaim())
    assert len(told) == 3, "once"


@pytest.mark.parametrize("how", ["hold", "release"])
def test_callouts_hear_of_released_leases_once_and_may_put_them_off(how):
    hooks, heard, kept = Hooks(), [], {FIRST}

    @hooks.on(Lease4Expire)
    def hear(point):
        heard.append(point.lease.address)
        return NextStep.SKIP if point.lease.address in kept else None

    store, told = MemoryStore(released(2, **NAMED)), []
    tidy = Reclaimer(FAMILY4, store, x.Time(NOW), Statistics(), hooks=hooks, ended=told.extend)
    getattr(tidy, how)(store.census().reclaimed)
    asyncio.run(tidy.reclaim())
    assert (heard, [lease.address for lease in told]) == ([FIRST, FIRST + 1], [FIRST + 1])
    asyncio.run(tidy.reclaim())
    assert heard == [FIRST, FIRST + 1, FIRST], "what was put off comes again"
    kept.clear()
    asyncio.run(tidy.reclaim())
    asyncio.run(tidy.reclaim())
    assert heard == [FIRST, FIRST + 1, FIRST, FIRST]
    assert [lease.address for lease in told] == [FIRST + 1, FIRST]


def test_what_a_callout_keeps_is_not_removed_before_it_was_taken_back():
    hooks = Hooks()
    hooks.on(Lease4Expire)(lambda point: NextStep.SKIP if point.lease.address == FIRST else None)
    store = MemoryStore(released(2))
    tidy = Reclaimer(FAMILY4, store, x.Time(NOW + 10_000), Statistics(), hooks=hooks)
    tidy.hold(store.census().reclaimed)
    assert asyncio.run(tidy.flush()) == 1
    assert [lease.address for lease in x.leases_of(store)] == [FIRST]


def test_released_leases_count_for_the_limit_of_a_round():
    store, told = MemoryStore(released(5, **NAMED)), []
    tidy = Reclaimer(FAMILY4, store, x.Time(NOW), Statistics(), Reclaiming(max_reclaim_leases=2), ended=told.extend)
    tidy.hold(store.census().reclaimed)
    for expected in (2, 4, 5):
        asyncio.run(tidy.reclaim())
        assert len(told) == expected


def test_one_that_ends_far_off_is_in_no_other_s_way():
    """A clock that once was years ahead leaves such leases behind; they lie at any address."""
    ahead = released(1, at=NOW + 1_000_000_000)
    store, time = MemoryStore([*ahead, *released(3)[1:]]), x.Time(NOW)
    tidy, _ = reclaimer(store, time, hold_reclaimed_time=60)
    tidy.hold(store.census().reclaimed)
    time.seconds += 100
    assert asyncio.run(tidy.flush()) == 2
    assert [lease.address for lease in x.leases_of(store)] == [FIRST]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100)), max_size=30))
def test_each_is_removed_when_it_was_kept_long_enough_however_often_it_was_given_back(steps):
    store, time = MemoryStore(released(6, at=NOW)), x.Time(NOW)
    tidy, _ = reclaimer(store, time, hold_reclaimed_time=60)
    tidy.hold(store.census().reclaimed)
    for number, wait in steps:
        time.seconds += wait
        asyncio.run(tidy.flush())
        left = {lease.address: lease for lease in x.leases_of(store)}
        assert all(lease.expire >= time.now() - 60 for lease in left.values())
        again = released(6, at=time.now())[number]
        assert store.append([(Change(left.get(again.address), again),)]) == [True]
        tidy.release((again.address,))
        assert len(tidy._ends) <= 2 * len(tidy._held) + 1024
    time.seconds += 61
    asyncio.run(tidy.flush())
    assert states(store) == []
    assert not tidy._held
