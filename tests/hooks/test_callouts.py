"""Callouts as a server meets them: who waits and how long, who is left out, and when the quick way is taken."""

import asyncio
import functools
import importlib.util
import re
from pathlib import Path

import attrs
import pytest

from dhcpkit import hooks as hooks_room
from dhcpkit.alloc import LeaseState, Network, Pool4, Subnet4
from dhcpkit.alloc.points import Point
from dhcpkit.hooks import (
    Buffer4Receive,
    Buffer4Send,
    CalloutLate,
    Exchange,
    Hooks,
    HttpAuth,
    Lease4Expire,
    Lease4Offer,
    Lease4Renew,
    Lease4Select,
    Lease4ServerDecline,
    Leases4Committed,
    Leases6Committed,
    NextStep,
    Pkt4Receive,
    Pkt4Send,
    Subnet4Select,
)
from dhcpkit.hooks.breaker import COUNTED, FAILURES_MAX, REST
from dhcpkit.server.family4 import FAMILY4


def _module(name):
    path = Path(__file__).parent.parent / "server" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"server_{name}", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


x, x6 = _module("exchanges"), _module("exchanges6")
FAULTS, DELAYS, LEFT_OUT = COUNTED
FIRST = 0xC000020A


def gated(hooks, point, answer=None):
    """A callout that waits until the test says so."""
    gate, seen = asyncio.Event(), []

    @hooks.on(point, deadline=30)
    async def wait(met):
        seen.append(met)
        await gate.wait()
        return answer(met) if answer is not None else None

    return gate, seen


async def turns(count=10):
    for _ in range(count):
        await asyncio.sleep(0)


def asynchronous(test):
    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


# Exchanges that wait.


@asynchronous
async def test_an_answer_is_held_until_the_callout_is_done_and_others_go_on():
    hooks = Hooks()
    gate, seen = gated(hooks, Leases4Committed)
    bench = x.Bench(hooks=hooks)
    assert bench.take(x.request(1, FIRST)) == []
    await turns()
    assert (
        [lease.address for lease in seen[0].leases] == [FIRST] == [lease.address for lease in x.leases_of(bench.store)]
    )
    assert seen[0].deleted == ()
    assert seen[0].response.yiaddr == FIRST
    assert bench.statistics.value("assigned-addresses") == 1, "what is stored is counted at once"
    assert [kind for kind, _, _ in bench.take(x.message(x.DISCOVER, 2))] == [x.OFFER], "nothing waits at an offer"
    assert bench.take(x.request(1, FIRST)) == [], "the same again is dropped meanwhile"
    assert bench.statistics.value("pkt4-duplicate") == 1
    gate.set()
    await bench.batches.drained()
    assert bench.wire.answers() == [(x.ACK, 1, FIRST)]
    assert bench.batches.waiting == bench.batches.callouts.count == 0
    assert not bench.batches.callouts._known


@asynchronous
async def test_what_a_client_sends_meanwhile_is_served_afterwards():
    hooks = Hooks()
    gate, seen = gated(hooks, Leases4Committed)
    bench = x.Bench(hooks=hooks)
    bench.take(x.request(1, FIRST))
    assert bench.take(x.renewal(1, FIRST, xid=7)) == []
    gate.set()
    await bench.batches.drained()
    assert [kind for kind, _, _ in bench.wire.answers()] == [x.ACK, x.ACK]
    assert len(seen) == 2


@pytest.mark.parametrize("limit", [3, 0])
@asynchronous
async def test_so_many_wait_as_the_configuration_says(limit):
    hooks = Hooks()
    gate, seen = gated(hooks, Leases4Committed)
    bench = x.Bench(hooks=hooks)
    bench.batches.callouts.limit = limit
    for client in range(5):
        bench.take(x.request(client, FIRST + client))
    await turns()
    lost = 2 if limit else 0
    assert len(seen) == 5 - lost
    assert bench.statistics.value("pkt4-queue-full") == bench.statistics.value("pkt4-receive-drop") == lost
    assert len(x.leases_of(bench.store)) == 5, "what is stored stays"
    gate.set()
    await bench.batches.drained()
    assert [client for _, client, _ in bench.wire.answers()] == list(range(5 - lost))
    assert [kind for kind, _, _ in bench.take(x.request(4, FIRST + 4))] == []
    await bench.batches.drained()
    assert [kind for kind, _, _ in bench.wire.answers()] == [x.ACK], "there is room again"


@asynchronous
async def test_exchanges_that_wait_for_callouts_do_not_stop_the_sockets():
    hooks = Hooks()
    gate, _ = gated(hooks, Leases4Committed)
    bench = x.Bench(hooks=hooks)
    bench.batches.network = Network([Subnet4("10.0.0.0/16", id=1, pools=[Pool4("10.0.0.10 - 10.0.9.9")])])
    bench.batches.callouts.limit = 0
    for client in range(300):
        bench.take(x.message(x.REQUEST, client, options=((50, (0x0A00000A + client).to_bytes(4, "big")),
                                                         (54, x.SERVER.to_bytes(4, "big")))))  # fmt: skip
    await turns()
    assert bench.batches.callouts.count == 300
    assert bench.wire.paused == 0
    gate.set()
    await bench.batches.drained()
    assert len(bench.wire.answers()) == 300


@pytest.mark.parametrize("waits", [False, True])
@asynchronous
async def test_a_callout_may_keep_the_answer_back_when_all_is_stored(waits):
    hooks = Hooks()
    if waits:
        gate, _ = gated(hooks, Leases4Committed, lambda _: NextStep.DROP)
        gate.set()
    else:
        hooks.on(Leases4Committed)(lambda _: NextStep.DROP)
    bench = x.Bench(hooks=hooks)
    bench.take(x.request(1, FIRST))
    await bench.batches.drained()
    assert bench.wire.answers() == []
    assert len(x.leases_of(bench.store)) == 1
    assert bench.batches.waiting == 0


@asynchronous
async def test_who_is_told_of_what():
    """As recorded from Kea 3.0.4: released leases are told among the deleted, declined ones among the others."""
    hooks, told = Hooks(), []

    @hooks.on(Leases4Committed)
    def hear(point):
        told.append((point.query.type, *([lease.state for lease in each] for each in (point.leases, point.deleted))))

    bench = x.Bench(hooks=hooks, net=x.network(keep_released=True))
    declined, released = LeaseState.DECLINED.value, LeaseState.RELEASED.value
    bench.take(x.message(x.DISCOVER, 1))
    bench.take(x.request(1, FIRST))
    bench.take(x.message(x.RELEASE, 1, 3, ciaddr=FIRST, options=((54, x.SERVER.to_bytes(4, "big")),)))
    bench.take(x.message(x.RELEASE, 1, 3, ciaddr=FIRST, options=((54, x.SERVER.to_bytes(4, "big")),)))
    bench.take(x.request(2, FIRST + 1))
    bench.take(x.message(x.DECLINE, 2, 4, options=((50, (FIRST + 1).to_bytes(4, "big")),)))
    bench.take(x.request(3, 0x0A000001))
    bench.take(x.message(x.INFORM, 4, ciaddr=FIRST + 5))
    assert told == [
        (x.REQUEST, [0], []),
        (x.RELEASE, [], [released]),
        (x.RELEASE, [], []),
        (x.REQUEST, [0], []),
        (x.DECLINE, [declined], []),
    ]


@asynchronous
async def test_dhcpv6_waits_as_well():
    hooks = Hooks()
    gate, seen = gated(hooks, Leases6Committed)
    bench = x6.Bench(hooks=hooks)
    bench.batches.take([(x6.message(x6.REQUEST, 1, [x6.address(x6.FIRST)]), x6.arrival())])
    await turns()
    assert bench.wire.answers() == []
    [point] = seen
    assert len(point.leases) == 1
    assert point.deleted == ()
    gate.set()
    await bench.batches.drained()
    assert [kind for kind, _, _ in bench.wire.answers()] == [x6.REPLY]


# Offers of addresses that are in use.


@pytest.mark.parametrize("waits", [False, True])
@asynchronous
async def test_an_offered_address_that_is_in_use_is_declined_and_nothing_is_offered(waits):
    hooks, declined = Hooks(), []

    def look(point):
        assert point.old_lease is None
        point.context["asked"] = True
        point.offer_address_in_use = point.leases[0].address == FIRST

    async def look_waiting(point):
        await asyncio.sleep(0)
        look(point)

    hooks.on(Lease4Offer)(look_waiting if waits else look)

    @hooks.on(Lease4ServerDecline)
    def hear(point):
        declined.append((point.query.type, point.lease.address, point.context["asked"]))

    bench = x.Bench(hooks=hooks)
    bench.batches.callouts.commit = committing(bench)
    assert bench.take(x.message(x.DISCOVER, 1)) == []
    await bench.batches.drained()
    assert bench.wire.answers() == []
    assert declined == [(x.DISCOVER, FIRST, True)]
    [lease] = x.leases_of(bench.store)
    assert (lease.state, lease.hwaddr, lease.client_id) == (LeaseState.DECLINED.value, b"", b"")
    assert lease.valid_lifetime == 86400
    for name in ("declined-addresses", "assigned-addresses"):
        assert bench.statistics.value(name) == 1
    at_once = bench.take(x.message(x.DISCOVER, 1, 2))
    await bench.batches.drained()
    assert at_once + bench.wire.answers() == [(x.OFFER, 1, FIRST + 1)]


def committing(bench):
    """As a server commits for whoever is no client."""

    async def commit(units):
        kept = await bench.store.commit(units)
        tally = FAMILY4.tally()
        for change in (change for unit in units for change in unit):
            tally.changed(change.before, change.after)
        bench.statistics.add_leases(tally)
        return kept

    return commit


@asynchronous
async def test_an_address_that_somebody_took_meanwhile_is_not_declined():
    hooks = Hooks()
    gate, _ = gated(hooks, Lease4Offer, lambda point: setattr(point, "offer_address_in_use", True))
    bench = x.Bench(hooks=hooks)
    bench.batches.callouts.commit = committing(bench)
    bench.take(x.message(x.DISCOVER, 1))
    assert bench.take(x.request(2, FIRST)) == [(x.ACK, 2, FIRST)]
    gate.set()
    await bench.batches.drained()
    assert [lease.state for lease in x.leases_of(bench.store)] == [LeaseState.DEFAULT.value]


@asynchronous
async def test_a_client_is_told_of_its_own_lease_when_it_is_offered_again():
    hooks, met = Hooks(), []
    hooks.on(Lease4Offer)(met.append)
    bench = x.Bench(hooks=hooks)
    bench.lease(1)
    bench.take(x.message(x.DISCOVER, 1, 9))
    assert [point.old_lease and point.old_lease.address for point in met] == [None, FIRST]


# Points inside the engine that wait.


@asynchronous
async def test_a_subnet_may_be_waited_for():
    hooks, asked = Hooks(), []
    first, second = (Subnet4(f"192.0.{n}.0/24", id=n, pools=[Pool4(f"192.0.{n}.10 - 192.0.{n}.20")]) for n in (2, 3))

    @hooks.on(Pkt4Receive)
    def mark(point):
        point.context["mark"] = point.query.chaddr

    @hooks.on(Subnet4Select)
    async def choose(point):
        await asyncio.sleep(0)
        assert point.context["mark"] == point.packet.chaddr
        asked.append([subnet.id for subnet in point.subnets])
        point.subnet = second

    bench = x.Bench(hooks=hooks, net=Network([first, second]))
    assert bench.take(x.message(x.DISCOVER, 1)) == []
    await bench.batches.drained()
    assert bench.wire.answers() == [(x.OFFER, 1, 0xC000030A)]
    assert asked == [[2, 3]]
    assert not bench.batches.callouts._known


@asynchronous
async def test_a_subnet_that_is_waited_for_in_vain_is_a_fault_of_one_message():
    hooks = Hooks()

    @hooks.on(Subnet4Select, deadline=0.001)
    async def never(_):
        await asyncio.Event().wait()

    bench = x.Bench(hooks=hooks)
    bench.take(x.message(x.DISCOVER, 1))
    await bench.batches.drained()
    assert bench.wire.answers() == []
    assert bench.statistics.value("pkt4-processing-failed") == 1
    assert bench.statistics.value(DELAYS) == 1
    assert not bench.batches.callouts._known


# Deadlines and breakers.


@asynchronous
async def test_a_callout_that_does_not_answer_is_cancelled_and_the_client_is_answered():
    hooks, cancelled = Hooks(), []

    @hooks.on(Leases4Committed, deadline=0.001)
    async def never(_):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    bench = x.Bench(hooks=hooks)
    bench.take(x.request(1, FIRST))
    await bench.batches.drained()
    await turns()
    assert bench.wire.answers() == [(x.ACK, 1, FIRST)]
    assert cancelled == [True]
    assert bench.statistics.value(DELAYS) == 1


def test_a_plain_callout_that_is_slow_is_reported(caplog):
    time = x.Time(0)
    hooks = Hooks(time.now)

    @hooks.on(Pkt4Send, deadline=2)
    def slow(_):
        time.seconds += 3

    bench = x.Bench(hooks=hooks)
    with caplog.at_level("WARNING"):
        assert [kind for kind, _, _ in bench.take(x.message(x.DISCOVER, 1))] == [x.OFFER]
    assert "HOOKS_CALLOUT_LATE" in caplog.text
    assert "slow of pkt4_send took more than 3 s" in caplog.text
    assert bench.statistics.value(DELAYS) == 1


@pytest.mark.parametrize("point", [Pkt4Receive, Buffer4Receive, Lease4Select, Pkt4Send, Buffer4Send, Leases4Committed])
def test_a_callout_that_fails_again_and_again_is_left_out_for_a_while(point, caplog):
    time = x.Time(0)
    hooks, broken = Hooks(time.now), [True]

    @hooks.on(point)
    def fail(_):
        if broken[0]:
            raise ZeroDivisionError("a bug")

    bench = x.Bench(hooks=hooks, net=x.network("192.0.2.10 - 192.0.2.99"))
    decides = point is not Leases4Committed

    def ask(client):
        return [kind for kind, _, _ in bench.take(x.request(client, FIRST + client))]

    for client in range(FAILURES_MAX):
        assert ask(client) == ([] if decides else [x.ACK])
    faults = bench.statistics.value("pkt4-processing-failed")
    assert faults == (FAILURES_MAX if decides else 0), "no message is unanswered without a count"
    assert bench.statistics.value(FAULTS) == FAILURES_MAX
    assert ask(FAILURES_MAX) == [x.ACK], "served as if the callout were not there"
    assert bench.statistics.value(LEFT_OUT) == 1
    assert caplog.text.count("HOOKS_CALLOUT_LEFT_OUT") == 1
    assert caplog.text.count("HOOKS_CALLOUT_EXCEPTION") == 1, "told once in a while"
    time.seconds += REST + 1
    ask(20)
    assert ask(21) == [x.ACK], "tried once, and left out again"
    broken[0] = False
    time.seconds += REST + 1
    with caplog.at_level("INFO"):
        assert ask(22) == [x.ACK]
    assert "HOOKS_CALLOUT_BACK" in caplog.text
    assert bench.statistics.value(FAULTS) == FAILURES_MAX + 1


def test_what_guards_is_never_left_out():
    hooks, asked = Hooks(), []

    @hooks.on(HttpAuth)
    def fail(_):
        asked.append(True)
        raise ZeroDivisionError("a bug")

    point = HttpAuth("config-get", None, None)
    for _ in range(3 * FAILURES_MAX):
        with pytest.raises(ZeroDivisionError):
            asyncio.run(hooks.wait(point, decides=True))
    assert len(asked) == 3 * FAILURES_MAX


def test_one_success_makes_failures_begin_anew():
    hooks, count = Hooks(), [0]

    @hooks.on(Leases4Committed)
    def sometimes(_):
        count[0] += 1
        if count[0] % FAILURES_MAX:
            raise ZeroDivisionError("a bug")

    for _ in range(10 * FAILURES_MAX):
        hooks.tell(Leases4Committed(None, None, (), ()))
    assert count[0] == 10 * FAILURES_MAX
    assert hooks.tally[LEFT_OUT] == 0


def test_what_a_failing_callout_had_changed_is_taken_back_and_the_others_are_asked():
    hooks = Hooks()

    @hooks.on(Lease4Offer)
    def half(point):
        point.offer_address_in_use = True
        raise ZeroDivisionError("a bug")

    @hooks.on(Lease4Offer)
    def whole(point):
        assert not point.offer_address_in_use
        point.offer_lifetime = 5

    point = Lease4Offer(None, None, ())
    assert hooks.tell(point) is None
    assert (point.offer_address_in_use, point.offer_lifetime) == (False, 5)


@asynchronous
async def test_who_decides_hears_of_a_late_callout():
    hooks = Hooks()

    @hooks.on(Subnet4Select, deadline=0.001)
    async def never(_):
        await asyncio.Event().wait()

    with pytest.raises(CalloutLate):
        await Exchange(hooks).wait(Subnet4Select(None, None))


def test_a_step_that_means_nothing_at_a_point_means_nothing():
    """As Kea: a status that a point does not list is taken for CONTINUE."""
    hooks = Hooks()
    hooks.on(Lease4Renew)(lambda _: NextStep.DROP)
    hooks.on(Leases4Committed)(lambda _: NextStep.SKIP)
    assert hooks.consult(Lease4Renew(None, None)) is None
    assert hooks.tell(Leases4Committed(None, None, (), ())) is None
    assert asyncio.run(hooks.wait(Leases4Committed(None, None, (), ()))) is None
    bench = x.Bench(hooks=hooks)
    bench.lease(1)
    assert bench.take(x.renewal(1, FIRST)) == [(x.ACK, 1, FIRST)]


def test_a_lease_that_a_callout_does_not_let_renew_is_told_with_the_time_it_has_left():
    hooks = Hooks()
    hooks.on(Lease4Renew)(lambda _: NextStep.SKIP)
    bench = x.Bench(hooks=hooks)
    bench.lease(1)
    [before] = x.leases_of(bench.store)
    bench.time.seconds += 100
    bench.batches.take([(x.renewal(1, FIRST), x.ARRIVAL)])
    [ack] = bench.wire.sent
    assert (ack.type, int.from_bytes(ack.options[51], "big")) == (x.ACK, before.valid_lifetime - 100)
    assert x.leases_of(bench.store) == [before]


# The quick way.


@pytest.mark.parametrize(
    ("point", "quick"),
    [
        (Buffer4Receive, True), (Leases4Committed, True), (Lease4Offer, True), (Pkt4Send, True), (Buffer4Send, True),
        (Lease4Expire, True), (Lease4Select, False), (Lease4Renew, False), (Subnet4Select, False), (Pkt4Receive, False),
    ],
)  # fmt: skip
def test_the_quick_way_is_left_for_points_inside_the_engine_only(point, quick):
    hooks, asked, taken = Hooks(), [], []
    hooks.on(point)(asked.append)

    def take_quick(*world):
        taken.append(len(world[0]))
        return FAMILY4.quick(*world)

    bench = x.Bench(hooks=hooks, family=attrs.evolve(FAMILY4, quick=take_quick))
    bench.lease(1)
    bench.take(x.renewal(1, FIRST))
    assert bool(taken) is quick
    assert asked or point is Lease4Expire


def test_expired_leases_that_others_get_are_told_of_too():
    hooks, told = Hooks(), []
    hooks.on(Lease4Expire)(lambda point: told.append((point.lease.address, point.lease.hwaddr)))
    bench = x.Bench(hooks=hooks)
    bench.lease(1)
    bench.time.seconds += 100_000
    assert bench.take(x.request(2, FIRST)) == [(x.ACK, 2, FIRST)]
    assert told == [(FIRST, x.mac(1))]


# What Kea documents.

UNLIKE = {  # arguments that are not there, and why
    ("dhcp4_srv_configured", "io_context"), ("dhcp6_srv_configured", "io_context"),  # deprecated; there is one loop
    ("dhcp4_srv_configured", "network_state"), ("dhcp6_srv_configured", "network_state"),  # commands switch the service
    ("ddns4_update", "response4"), ("ddns6_update", "response6"),  # names are decided before the answer is made
    ("addr6_register", "response6"),  # as above
}  # fmt: skip


def documented(text):
    """Points of DHCP servers with their arguments, of the tables of what Kea documents."""
    part = text.split("## kea-dhcp-ddns")[0]
    v4, v6 = part.split("## kea-dhcp6")
    for family, table in (("4", v4), ("6", v6)):
        for row in re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE):
            names = [
                name for name in re.findall(r"[a-z0-9_]*[a-z0-9]_[a-z0-9_]+|pkt\d_\w+", row[0]) if name[0].islower()
            ]
            for name in names:
                yield name, re.sub(r"\([^)]*\)", "", row[1]), family


def test_every_point_that_kea_documents_is_there_with_its_arguments(shared):
    points = {}
    for name in hooks_room.__all__:
        value = getattr(hooks_room, name)
        if isinstance(value, type) and issubclass(value, Point) and value is not Point:
            points[value.kea_name] = value
    seen, missing = 0, set()
    for name, text, _family in documented((shared / "kea" / "hookpoints.md").read_text()):
        point = points[name]
        seen += 1
        if "as v4" in text or "same" in text or name.startswith("http_"):
            continue
        for argument in re.split(r"[,;/]| or ", text):
            word = argument.strip(" `")
            if word and re.fullmatch(r"[a-z0-9_-]+", word) and word != "error" and word not in point.arguments:
                missing.add((name, word))
        for attribute in point.arguments.values():
            assert attribute in {field.name for field in attrs.fields(point)} or hasattr(point, attribute)
    assert seen > 35
    assert missing <= UNLIKE
