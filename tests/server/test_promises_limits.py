"""What one port, one relay or one client may take of a server: promises of docs/why/promises.md, in both families."""

import asyncio
import importlib.util
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.alloc.guards import MINUTE, Guard, Holdings, Moments, Movements
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.sights import SIGHT4

_spec = importlib.util.spec_from_file_location("server_relayed", Path(__file__).parent / "relayed.py")
r = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(r)

both = pytest.mark.parametrize("world", r.WORLDS.values(), ids=["v4", "v6"])
ATTACKER, HONEST = 1000, 20


def of_port(leases):
    return [lease for lease in leases if lease.state == LeaseState.DEFAULT]


# Lease exhaustion.


@both
def test_an_attacker_on_one_port_takes_16_and_every_honest_client_is_served(world):
    here = world.made(size=64, leases_per_port=16)
    taken = [here.get(ATTACKER + number, "7/1/3") for number in range(100)]
    assert len([each for each in taken if each]) == 16
    honest = [here.get(number, f"7/1/{10 + number}") for number in range(HONEST)]
    assert None not in honest
    assert len({*honest, *filter(None, taken)}) == HONEST + 16
    assert here.value("pkt#-limit-exceeded") == 84
    assert here.value("pkt#-receive-drop") >= 84


@both
def test_a_batch_counts_its_own_earlier_decisions(world):
    """No hole between deciding and storing: every request of an attacker comes in one batch."""
    here = world.made(size=64, leases_per_port=16)
    first = (r.LINK - 1 if here.number == 6 else 0x0A000000) + 0x1000
    asked = [here.datagram("request", ATTACKER + n, "7/1/3", 1, address=first + n) for n in range(60)]
    acked = [address for kind, address in here.ask(*asked) if kind == here.ack and address]
    assert len(acked) == 16 == len(here.leases())


@both
@pytest.mark.parametrize("limit", ["leases_per_port", "leases_per_relay", "leases_per_subnet"])
def test_each_limit_counts_its_own(world, limit):
    here = world.made(**{limit: 3})
    places = [("1/1", 1), ("1/2", 1), ("1/1", 2), ("1/2", 2)]
    served = [
        here.get(10 * place + n, port, relay, remote=b"sw%d" % relay)
        for place, (port, relay) in enumerate(places)
        for n in range(5)
    ]
    got = sum(each is not None for each in served)
    relays = 2 if here.number == 4 else 1  # the relays of the DHCPv6 world are on one link
    assert got == {"leases_per_port": 12, "leases_per_relay": 3 * relays, "leases_per_subnet": 3}[limit]


@both
def test_a_holder_is_never_refused_what_it_has(world):
    here = world.made(leases_per_port=2)
    held = [here.get(client, "1/1") for client in (1, 2)]
    assert here.get(3, "1/1") is None
    for client, address in zip((1, 2), held, strict=True):
        assert here.get(client, "1/1", xid=9) == address
        renewed = here.ask(here.datagram("renew", client, "1/1", 1, address=address, xid=10))
        assert renewed == [(here.ack, address)]
    here.bench.time.seconds += 3000  # so late that leases are not repeated, but written again
    assert here.get(2, "1/9", xid=20) == held[1], "it moved to another port, with its lease"
    assert here.get(3, "1/1", xid=30) is not None, "and left room on this one"


@both
def test_a_lower_limit_takes_nothing_from_those_who_have_it(world):
    here, lower = world.made(leases_per_port=5), world.made(leases_per_port=2)
    held = {client: here.get(client, "1/1") for client in range(5)}
    here.bench.batches.network = lower.bench.batches.network
    here.bench.time.seconds += 3000
    assert here.get(9, "1/1") is None
    for client, address in held.items():
        assert here.get(client, "1/1", xid=9) == address
        assert here.ask(here.datagram("renew", client, "1/1", 1, address=address, xid=20)) == [(here.ack, address)]


@both
def test_what_is_given_back_or_has_ended_makes_room(world):
    here = world.made(leases_per_port=2)
    first, _ = here.get(1, "1/1"), here.get(2, "1/1")
    assert here.get(3, "1/1") is None
    here.ask(here.datagram("release", 1, "1/1", 1, address=first))
    assert here.get(3, "1/1", xid=5) is not None
    assert here.get(4, "1/1") is None
    here.bench.time.seconds += 100_000
    assert here.get(4, "1/1", xid=5) is not None, "nothing was tidied away, but it is over"


@both
def test_clients_without_a_relays_word_have_no_port(world):
    here = world.made(leases_per_port=1)
    assert None not in [here.get(client, "", 1) for client in range(5)]


@both
def test_an_offer_reserves_nothing_durable(world):
    here = world.made(size=8)
    before = [here.value(name) for name in ("assigned-addresses", "assigned-nas")]
    for client in range(200):
        here.ask(here.datagram("discover", ATTACKER + client, "1/1", 1))
    assert here.leases() == []
    assert [here.value(name) for name in ("assigned-addresses", "assigned-nas")] == before
    assert None not in [here.get(client, "1/2") for client in range(8)]


@both
def test_without_limits_nothing_is_counted(world):
    here = world.made()
    for client in range(10):
        here.get(client, "1/1")
    guard = here.bench.batches.guarding.guard
    assert not any(map(len, (guard.ports, guard.relays, guard.subnets, guard.probation, guard.declines)))


def test_what_could_not_be_stored_does_not_count():
    store = r.x4.FullDisk()
    here = r.World4.made(store, leases_per_port=1)
    offered = here.ask(here.datagram("discover", 1, "1/1", 1))[0][1]
    store.full = True
    assert here.ask(here.datagram("request", 1, "1/1", 1, address=offered)) == []
    store.full = False
    assert here.get(2, "1/1") is not None


def test_a_lost_race_does_not_count_twice():
    def meddle(reference, units):
        if not races:
            races.append(units)
            stranger = units[0][0].after._replace(hwaddr=b"stranger", client_id=b"")
            reference.leases[stranger.address] = stranger

    async def serve():
        here = r.World4.made(store, leases_per_port=1)
        request = here.datagram("request", 1, "1/1", 1, address=0x0A001000)
        here.bench.batches.take([(request, here.arrival(1))])
        await here.bench.batches.drained()
        request = here.datagram("request", 1, "1/1", 1, address=0x0A001001, xid=2)
        here.bench.batches.take([(request, here.arrival(1))])
        await here.bench.batches.drained()
        return [kind for kind, _, _ in here.bench.wire.answers()]

    races = []
    store = r.x4.RemoteStore(meddle=meddle)
    assert asyncio.run(serve()) == [r.x4.NAK, r.x4.ACK]


def test_what_a_limit_refuses_is_told_a_hundred_times_a_minute_at_most(caplog):
    here = r.World4.made(leases_per_port=1)
    with caplog.at_level(logging.WARNING):
        for client in range(300):
            here.get(client, "1/1")
    told = [record.msg for record in caplog.records if record.message_id == "DHCP4_LIMIT_REACHED"]
    assert len(told) == 100
    assert "leases-per-port" in told[0]


def test_leases_of_an_earlier_run_count_where_they_tell_of_their_port():
    from dhcpkit.alloc import Lease4
    from dhcpkit.alloc.extended4 import remembered

    context = remembered(r.sub(1, b"1/1") + r.sub(2, b"sw"), "")
    here = r.World4.made(leases_per_port=2, leases_per_subnet=4)
    guard = here.bench.batches.guarding.guard
    for number in range(3):
        now = here.bench.time.seconds
        guard.recall(Lease4(0x0A001100 + number, b"other%d" % number, b"", 3600, now, 7, user_context=context))
    assert here.get(1, "1/1") is None
    assert here.get(1, "1/2", xid=3) is not None
    assert here.get(2, "1/2", xid=3) is None, "the subnet is full"


# DECLINE poisoning.


def declined(leases):
    return [lease.address for lease in leases if lease.state == LeaseState.DECLINED]


@both
def test_only_the_holder_may_decline(world):
    here = world.made()
    address = here.get(1, "1/1")
    for kind in ("decline", "release"):
        here.ask(here.datagram(kind, 2, "1/1", 1, address=address))
        here.ask(here.datagram(kind, 2, "1/1", 1, address=address + 1))
    [lease] = here.leases()
    assert (lease.address, lease.state) == (address, LeaseState.DEFAULT)
    here.ask(here.datagram("decline", 1, "1/1", 1, address=address))
    assert declined(here.leases()) == [address]
    here.ask(here.datagram("decline", 1, "1/1", 1, address=address, xid=5))
    assert declined(here.leases()) == [address], "nobody holds it now"


@both
def test_five_declines_a_minute_from_one_port(world):
    here = world.made(declines_per_port=5)
    for client in range(9):
        address = here.get(client, "1/1")
        here.ask(here.datagram("decline", client, "1/1", 1, address=address, xid=3))
    assert len(declined(here.leases())) == 5
    address = here.get(50, "1/2")
    here.ask(here.datagram("decline", 50, "1/2", 1, address=address, xid=3))
    assert len(declined(here.leases())) == 6, "another port has its own five"
    here.bench.time.seconds += MINUTE
    address = here.get(60, "1/1")
    here.ask(here.datagram("decline", 60, "1/1", 1, address=address, xid=3))
    assert len(declined(here.leases())) == 7


@both
def test_a_tenth_of_a_pool_on_probation_from_one_port(world):
    here = world.made(size=50, probation_share=0.1)
    for client in range(20):
        address = here.get(client, "1/1")
        here.ask(here.datagram("decline", client, "1/1", 1, address=address, xid=3))
        here.bench.time.seconds += MINUTE
    assert len(declined(here.leases())) == 5
    address = here.get(99, "1/2")
    here.ask(here.datagram("decline", 99, "1/2", 1, address=address, xid=3))
    assert len(declined(here.leases())) == 6


@both
def test_without_ports_the_interface_counts(world):
    here = world.made(declines_per_port=2)
    for client in range(5):
        address = here.get(client, "", 0)
        here.ask(here.datagram("decline", client, "", 0, address=address, xid=3), relay=0)
    assert len(declined(here.leases())) == 2


# RELEASE by somebody else.


@both
def test_a_release_comes_the_way_the_lease_was_given(world):
    here = world.made(same_relay_releases=True)
    address = here.get(1, "1/1")
    here.ask(here.datagram("release", 1, "1/2", 1, address=address))
    assert [lease.address for lease in of_port(here.leases())] == [address]
    assert here.value("pkt#-limit-exceeded") == 1
    here.ask(here.datagram("release", 1, "1/1", 1, address=address, xid=2))
    assert of_port(here.leases()) == []


def test_a_release_straight_from_the_client_is_believed():
    here = r.World4.made(same_relay_releases=True)
    address = here.get(1, "1/1")
    here.bench.batches.take([(here.datagram("release", 1, address=address), here.arrival(0, address))])
    assert here.leases() == []


# Cloned identities.


@both
def test_a_cloned_client_is_told_of_and_counted_once_a_minute(world, caplog):
    here = world.made(clone_alternations=3)
    addresses = set()
    with caplog.at_level(logging.WARNING):
        for turn in range(12):
            addresses.add(here.get(1, f"1/{turn % 2}", xid=turn))
            here.get(2, "1/5", xid=turn)
    assert here.value("dhcpkit-cloned-clients") == 1
    [told] = [record.msg for record in caplog.records if "CLONED_CLIENT" in record.message_id]
    assert "more than 3 times" in told
    here.bench.time.seconds += MINUTE
    for turn in range(3):
        addresses.add(here.get(1, f"1/{turn % 2}", xid=40 + turn))
    assert here.value("dhcpkit-cloned-clients") == 1
    assert len(addresses) == 1, "one identity has one address, on whatever port"
    assert len({lease.address for lease in here.leases()}) == len(here.leases()) == 2


def test_clients_without_an_identity_are_nobodys_clones():
    here = r.World6.made(clone_alternations=1)
    for turn in range(10):
        asked = r.Packet6(r.x6.INFORM, [(6, b"\0\x17")], relays=[r.Relay6(12, 0, r.LINK, 1, [(18, b"%d" % turn)])])
        assert here.bench.batches.take([(bytes(asked), here.arrival(1))]) is None
    assert here.value("pkt6-infrequest-received") == 10
    assert here.value("dhcpkit-cloned-clients") == 0


def test_where_only_declines_are_limited_leases_are_not_counted():
    here = r.World4.made(declines_per_port=5)
    assert here.get(1, "1/1") is not None
    guard = here.bench.batches.guarding.guard
    assert not any(map(len, (guard.ports, guard.relays, guard.subnets)))


@both
def test_a_client_that_moves_now_and_then_is_no_clone(world):
    here = world.made(clone_alternations=3)
    for turn in range(20):
        here.get(1, f"1/{turn}", xid=turn)
        here.bench.time.seconds += MINUTE // 2
    assert here.value("dhcpkit-cloned-clients") == 0


# Relays that nobody knows.


@both
def test_only_known_relays_are_answered_where_the_configuration_says_so(world):
    known = (r.GIADDR if world is r.World4 else r.LINK) + 1
    here = world.made(only_known_relays=True, relays=frozenset((known,)))
    assert here.get(1, "1/1", 1) is not None
    assert here.get(2, "1/1", 2) is None
    assert here.value("pkt#-admin-filtered") == 1
    assert here.get(3, "", 0) is not None, "clients on the server's own link have no relay"


# The tables.


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(-5, 20)), max_size=60), st.integers(1, 6))
def test_holdings_are_what_a_list_of_them_says(steps, most):
    table, model, now = Holdings(most), {}, 0
    for address, holder, change in steps:
        now += max(change, 0) // 4
        if change < 0:
            table.forget(address)
            model.pop(address, None)
        else:
            if model.get(address, (None,))[0] != holder:
                model.pop(address, None)
                while len(model) >= most:
                    del model[next(iter(model))]
            kept = model.get(address)
            model[address] = (holder, now + change)
            assert kept is None or kept[0] == holder
            table.put(address, holder, now + change)
        for each in range(4):
            ended = [a for a, (h, end) in model.items() if h == each and end < now]
            expected = sum(h == each for h, _ in model.values()) - len(ended)
            assert table.count(each, now) == expected
            for a in ended:
                del model[a]
        assert len(table) == len(model) <= most


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60))
def test_moments_are_those_of_the_last_minute(steps):
    table, times, now = Moments(10), [], 0
    for place, passed in steps:
        now += passed
        table.note(place, now)
        times.append((place, now))
        for each in range(4):
            assert table.count(each, now) == sum(p == each and t > now - MINUTE for p, t in times)


@settings(max_examples=20)
@given(st.integers(1, 5))
def test_tables_forget_what_is_oldest(most):
    moments, movements = Moments(most), Movements(most)
    for number in range(most + 3):
        moments.note(number, 0)
        movements.seen(b"%d" % number, "a", 0)
    assert len(moments) == len(movements) == most
    assert movements.seen(b"0", "b", 0) == 0
    assert movements.seen(b"%d" % (most + 2), "b", 0) == (most > 1)
    assert Guard(SIGHT4).movements is not None


@both
@pytest.mark.parametrize("reload", [False, True], ids=["start", "reload"])
def test_a_server_knows_who_held_what_before(world, reload):
    """The store's leases count from the start on, and from a reload on that brings limits: by subnet, and by port."""
    from dhcpkit.alloc import Lease4
    from dhcpkit.alloc.extended4 import remembered
    from dhcpkit.alloc.lease6 import Lease6
    from dhcpkit.alloc.relayed6 import relay_info
    from dhcpkit.server.family4 import FAMILY4
    from dhcpkit.server.family6 import FAMILY6
    from dhcpkit.server.server import ServerOf

    async def serve():
        plain, limited = world.made(), world.made(leases_per_port=2, leases_per_subnet=4)
        number = plain.number
        now = plain.bench.time.seconds
        if number == 4:
            context = remembered(r.sub(1, b"1/1") + r.sub(2, b"sw"), "")
            leases = [Lease4(0x0A001100 + n, b"o%d" % n, b"", 3600, now, 7, user_context=context) for n in range(2)]
            store = r.x4.MemoryStore(leases)
        else:
            asked = r.Packet6.parse(plain.datagram("discover", 1, "1/1", 1))
            told = {"user_context": relay_info(asked)}
            first = r.LINK - 1 + 0x1100
            leases = [Lease6(first + n, b"other%d" % n, 3600, now, 7, 1800, 0, 1, **told) for n in range(2)]
            store = r.x6.MemoryStore6(leases)
        family = FAMILY6 if number == 6 else FAMILY4
        begun, network = (plain if reload else limited).bench, limited.bench.batches.network
        server = ServerOf(family, begun.batches.network, store, lambda *_: begun.wire, clock=begun.time)
        begun.batches = server.batches
        here = world(begun)
        await server.recount()
        if reload:
            assert here.get(1, "1/1") is not None
            server.reconfigure(network)
            await server._recalling
            assert here.get(2, "1/1", xid=5) is None
            assert here.get(1, "1/1", xid=7) is not None, "what was given before the reload counts, and is kept"
        else:
            assert here.get(1, "1/1") is None
            assert [here.get(client, "1/2", xid=9) is not None for client in (2, 3, 4)] == [True, True, False]

    asyncio.run(serve())
