"""What DNS is to hear goes on after the commit and never before, and of what ends as well."""

import asyncio
import importlib.util
import logging
import time
from ipaddress import IPv4Address
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Lease4, LeaseState, Network, Pool4, Subnet4
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.name_change import addition, forgotten
from dhcpkit.alloc.naming import KEA_NAMING
from dhcpkit.alloc.network6 import Network6, Pool6, Subnet6
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.server import Server4
from dhcpkit.server.expiry import Reclaimer, Reclaiming
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.name_changes import WAITING_NAMES_MAX, WaitingNames
from dhcpkit.server.statistics import Statistics
from dhcpkit.wire.duid import Duid

_spec = importlib.util.spec_from_file_location("server_exchanges", Path(__file__).parent / "exchanges.py")
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)
NOW = 1_700_000_000
FIRST = 0xC000020A
FIRST6 = 0x20010DB8 << 96 | 0x10
LAB = Subnet4("192.0.2.0/24", id=1, pools=[Pool4("192.0.2.10 - 192.0.2.19")], naming=KEA_NAMING)
NAMED = Lease4(FIRST, x.mac(1), b"", 100, NOW - 50, 1, hostname="box.", fqdn_fwd=True, fqdn_rev=True)


def named_request(client=1, address=FIRST, xid=1):
    options = ((12, b"box%d" % client), (50, address.to_bytes(4, "big")), (54, x.SERVER.to_bytes(4, "big")))
    return x.message(x.REQUEST, client, xid, options=options)


def told(names):
    return [(each.remove, each.fqdn, str(each.address)) for each in names.take()]


def bench(store):
    made = x.Bench(store, Network([LAB]))
    return made, made.batches.names


class TestServing:
    BOX = (False, "box1.", "192.0.2.10")

    def test_it_is_told_once_the_lease_is_stored(self):
        store = x.SlowStore()
        serving, names = bench(store)
        serving.take(named_request())
        assert told(names) == [], "nothing is durable yet"
        store.sync()
        assert told(names) == [self.BOX]

    def test_what_could_not_be_stored_is_not_told(self):
        store = x.FullDisk()
        store.full = True
        serving, names = bench(store)
        serving.take(named_request())
        assert told(names) == []

    def test_nor_what_turned_out_not_to_be_stored(self):
        store = x.FailingSync()
        store.failing = True
        serving, names = bench(store)
        serving.take(named_request())
        assert told(names) == []
        assert x.leases_of(store) == []

    def test_a_store_that_waits_is_waited_for(self):
        store = x.RemoteStore()
        serving, names = bench(store)

        async def run():
            serving.take(named_request())
            await serving.batches.drained()

        asyncio.run(run())
        assert told(names) == [self.BOX]

    def test_the_end_of_a_lease_given_back_is_told(self):
        serving, names = bench(MemoryStore([NAMED._replace(cltt=serving_now())]))
        serving.take(x.message(x.RELEASE, 1, ciaddr=FIRST, options=((54, x.SERVER.to_bytes(4, "big")),)))
        assert told(names) == [(True, "box.", "192.0.2.10")]


def serving_now():
    return x.Time().now()


class TestEnding:
    def reclaimer(self, store, time, ended, family=FAMILY4, **settings):
        return Reclaimer(
            family, store, time, Statistics(family.words.names), Reclaiming(**settings), None, ended.extend
        )

    @pytest.mark.parametrize("hold", [0, 3600])
    def test_leases_that_end_are_told_as_they_were(self, hold):
        ended, store = [], MemoryStore([NAMED])
        asyncio.run(self.reclaimer(store, x.Time(NOW + 100), ended, hold_reclaimed_time=hold).reclaim())
        assert ended == [NAMED]
        assert [lease.hostname for lease in x.leases_of(store)] == ([""] if hold else [])
        asyncio.run(self.reclaimer(store, x.Time(NOW + 100), ended, hold_reclaimed_time=hold).reclaim())
        assert ended == [NAMED], "once is enough"

    def test_released_leases_lose_their_names_in_the_next_round_and_stay(self):
        released = NAMED._replace(valid_lifetime=0, state=LeaseState.RELEASED.value)
        plain = released._replace(address=FIRST + 1, hostname="", fqdn_fwd=False, fqdn_rev=False)
        ended, store = [], MemoryStore([released, plain])
        tidy = self.reclaimer(store, x.Time(NOW), ended)
        tidy.release([FIRST, FIRST + 1, FIRST + 2])
        assert asyncio.run(tidy.reclaim()) == 0
        assert ended == [released]
        nameless = released._replace(hostname="", fqdn_fwd=False, fqdn_rev=False)
        assert x.leases_of(store) == [nameless, plain]
        asyncio.run(tidy.reclaim())
        assert ended == [released]

    def test_a_client_that_came_back_keeps_its_name(self):
        ended, store = [], MemoryStore([NAMED])
        tidy = self.reclaimer(store, x.Time(NOW), ended)
        tidy.release([FIRST])
        asyncio.run(tidy.reclaim())
        assert ended == []
        assert x.leases_of(store) == [NAMED]

    def test_what_was_released_before_the_start_is_told_when_it_is_removed(self):
        released = NAMED._replace(valid_lifetime=0, state=LeaseState.RELEASED.value)
        ended, store = [], MemoryStore([released])
        tidy = self.reclaimer(store, x.Time(NOW + 7200), ended)
        tidy.hold([FIRST])
        assert asyncio.run(tidy.flush()) == 1
        assert ended == [released]

    def test_so_are_dhcpv6_leases(self):
        lease = Lease6(FIRST6, b"\0\3\0\1a", 100, NOW - 50, 1, 50, 0, 1, hostname="box.", fqdn_fwd=True)
        ended, store = [], MemoryStore6([lease])
        tidy = self.reclaimer(store, x.Time(NOW + 100), ended, FAMILY6)
        asyncio.run(tidy.reclaim())
        assert ended == [lease]
        subnet = Subnet6("2001:db8::/64", id=1, pools=[Pool6(FIRST6, FIRST6)])
        network = Network6([subnet], server_id=Duid.of_link_layer(b"\2\0\0\0\0\1"))
        assert [(each.remove, each.fqdn) for each in forgotten(lease, network)] == [(True, "box.")]


def test_a_server_puts_both_together():
    names = WaitingNames()
    server = Server4(Network([LAB]), MemoryStore([NAMED._replace(cltt=1)]), names=names)
    assert server.batches.names is names
    asyncio.run(server.reclaimer.reclaim())
    assert told(names) == [(True, "box.", "192.0.2.10")]


def test_a_server_tells_of_a_lease_that_is_kept_for_its_client_in_the_next_round():
    names, store = WaitingNames(), MemoryStore([NAMED._replace(valid_lifetime=3600, cltt=int(time.time()))])
    server = Server4(Network([LAB], keep_released=True), store, names=names)
    release = x.message(x.RELEASE, 1, ciaddr=FIRST, options=((54, x.SERVER.to_bytes(4, "big")),))
    server.batches.take([(release, x.ARRIVAL)])
    assert [lease.state for lease in x.leases_of(store)] == [LeaseState.RELEASED]
    assert told(names) == []
    asyncio.run(server.reclaimer.reclaim())
    assert told(names) == [(True, "box.", "192.0.2.10")]


@given(st.lists(st.integers(0, 5), max_size=10), st.integers(0, 8))
def test_those_that_wait_are_the_earliest_and_the_others_are_counted(sizes, most):
    [change] = addition(NAMED, KEA_NAMING)
    waiting, put = WaitingNames(most), []
    for size in sizes:
        changes = [attrs.evolve(change, address=IPv4Address(len(put) + number)) for number in range(size)]
        waiting.put(changes)
        put += changes
        assert len(waiting) <= most
    assert waiting.dropped == max(len(put) - most, 0)
    assert waiting.take() == put[:most]
    assert len(waiting) == 0


def ncr_rejected(caplog):
    return [record for record in caplog.records if record.message_id == "DHCPSRV_DHCP_DDNS_NCR_REJECTED"]


def test_what_there_is_no_room_for_is_said_once_for_all_of_it(caplog):
    waiting = WaitingNames(2)
    put = [*addition(NAMED, KEA_NAMING)] * 2
    with caplog.at_level(logging.ERROR):
        waiting.put(put)
        assert ncr_rejected(caplog) == [], "there was room"
        waiting.put(put)
        waiting.put([*addition(NAMED._replace(hostname="late.", address=FIRST + 1), KEA_NAMING)])
        waiting.take()
        waiting.put(put)
    first, second = ncr_rejected(caplog)
    assert first.name == "kea-dhcp4.dhcpsrv"
    assert "DNS will not hear of box. (192.0.2.10) and 1 more: 2 changes of names wait already" in first.getMessage()
    assert "DNS will not hear of late. (192.0.2.11): 2" in second.getMessage()
    assert waiting.dropped == 3


@pytest.mark.parametrize("family", [4, 6])
def test_names_that_keep_being_lost_do_not_fill_the_log(caplog, family):
    lease6 = Lease6(FIRST6, b"\0\3\0\1a", 100, NOW - 50, 1, 50, 0, 1, hostname="box.", fqdn_fwd=True)
    waiting, lost = WaitingNames(0), [*addition(NAMED if family == 4 else lease6, KEA_NAMING)]
    with caplog.at_level(logging.ERROR):
        for _ in range(1000):
            waiting.put(lost)
    assert waiting.dropped == 1000
    told = ncr_rejected(caplog)
    assert 0 < len(told) <= 20, "the limit, and as much again where a minute ends in between"
    assert {record.name for record in told} == {f"kea-dhcp{family}.dhcpsrv"}


def test_a_server_without_anybody_to_tell_forgets_what_is_too_much():
    assert WaitingNames().most == WAITING_NAMES_MAX
