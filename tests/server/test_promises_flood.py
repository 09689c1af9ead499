"""More arrives than can be served: who is served first, and that nothing grows. Promises of docs/why/promises.md."""

import importlib.util
from collections import Counter, deque
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.server import messages as m
from dhcpkit.server import queueing
from dhcpkit.server.listening import DRAINED_MAX, Readers
from dhcpkit.server.loop import BATCH_MAX
from dhcpkit.server.queueing import KEPT, OCTETS_MAX, QUEUE_MAX, Queue
from dhcpkit.server.ranks import RANKS, RENEWING, REQUESTING, SEEKING, rank4, rank6

_spec = importlib.util.spec_from_file_location("server_relayed", Path(__file__).parent / "relayed.py")
r = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(r)

both = pytest.mark.parametrize("world", r.WORLDS.values(), ids=["v4", "v6"])
RANKED = {4: rank4, 6: rank6}
CAPACITY = 5000  # messages a second that the server of these tests serves, whatever this machine can
TURN_S = BATCH_MAX / CAPACITY


class Turns:
    """A queue whose turns the test takes."""

    def __init__(self, take, rank=lambda data, arrival: (data[0], arrival), **kwargs):
        self.shed = 0
        self.calls = deque()
        self.queue = Queue(take, rank, self._count, soon=self.calls.append, **kwargs)

    def _count(self, count):
        self.shed += count

    def turn(self):
        assert len(self.calls) <= 1
        if self.calls:
            self.calls.popleft()()


# Ranks.


@both
@pytest.mark.parametrize("relay", [0, 1])
@pytest.mark.parametrize(
    ("kind", "rank"),
    [("renew", RENEWING), ("release", RENEWING), ("decline", RENEWING), ("request", REQUESTING), ("discover", SEEKING)],
)
def test_renewals_before_requests_before_discovers(world, relay, kind, rank):
    data = world.datagram(None, kind, 1, "1/1", relay, address=0x0A001000)
    found, sender = RANKED[world.number](data, world.arrival(None, relay))
    assert found == rank
    assert (sender == "eth0") == (not relay)


def test_a_message_type_is_found_wherever_it_is():
    data = r.x4.message(3, 1, ciaddr=5)
    late = data[:240] + b"\0\0\x3d\x02ab" + data[240:]
    assert rank4(late, r.x4.ARRIVAL)[0] == RENEWING
    assert rank4(data[:240] + b"\xff", r.x4.ARRIVAL)[0] == SEEKING


@given(st.binary(max_size=300), st.integers(0, 40))
def test_any_octets_have_a_rank(data, cut):
    for rank, arrival in ((rank4, r.x4.ARRIVAL), (rank6, r.x6.arrival())):
        assert rank(data, arrival)[0] in RANKS
        assert rank(b"\x0c" + data[cut:], arrival)[0] in RANKS
    assert rank4(bytes(240) + data, r.x4.ARRIVAL)[0] in RANKS


def test_a_message_within_many_relays_has_its_rank():
    data = r.x6.message(r.x6.RENEW, 1)
    packet = r.Packet6.parse(data)
    relayed = r.attrs_of(packet, *[r.Relay6(12, n, r.LINK, r.LINK, [(18, b"if%d" % n)]) for n in range(8)])
    assert rank6(bytes(relayed), r.Arrival6("eth0", 2, 7))[0] == RENEWING


# The order.


def test_what_fits_a_batch_is_not_queued():
    taken = []
    turns = Turns(taken.append, rank=None)
    turns.queue.receive([(b"x", 1)] * BATCH_MAX)
    assert [len(batch) for batch in taken] == [BATCH_MAX]
    assert not turns.calls
    assert turns.queue.waiting == 0


arrivals = st.lists(st.lists(st.tuples(st.sampled_from(RANKS), st.integers(0, 3)), max_size=200), max_size=12)


@given(arrivals)
def test_everything_is_served_once_or_given_up_and_the_urgent_first(steps):
    served, sent = [], []
    turns = Turns(served.append)
    for number, step in enumerate(steps):
        datagrams = [(bytes((rank,)) + b"%d-%d" % (number, at), sender) for at, (rank, sender) in enumerate(step)]
        sent += datagrams
        turns.queue.receive(datagrams)
        turns.turn()
    while turns.calls:
        turns.turn()
    assert turns.queue.waiting == 0
    flat = [datagram for batch in served for datagram in batch]
    assert turns.shed == 0, "there was room for all of it"
    assert sorted(map(str, flat)) == sorted(map(str, sent))
    assert all(len(batch) <= BATCH_MAX for batch in served)
    for rank in RANKS:
        for sender in range(4):
            own = [data for data, who in sent if data[0] == rank and who == sender]
            assert [data for data, who in flat if data[0] == rank and who == sender] == own, "in the order they came"


def test_a_batch_has_the_urgent_first_and_a_little_of_the_rest():
    taken = []
    turns = Turns(taken.append)
    turns.queue.receive([(bytes((rank,)), sender) for sender in "ab" for rank in RANKS for _ in range(100)])
    turns.turn()
    [batch] = taken
    counts = Counter(data[0] for data, _ in batch)
    assert counts == {RENEWING: BATCH_MAX - 2 * KEPT, REQUESTING: KEPT, SEEKING: KEPT}
    assert [data[0] for data, _ in batch] == sorted(data[0] for data, _ in batch)
    assert Counter(who for _, who in batch) == {"a": BATCH_MAX // 2, "b": BATCH_MAX // 2}


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_at_three_times_the_capacity_renewals_are_answered_within_a_second(seed):
    """Virtual time: one turn serves a batch, meanwhile three batches arrive; a twentieth of it are renewals."""
    rng = Random(seed)
    waits, turn = {RENEWING: [], REQUESTING: [], SEEKING: []}, 0

    def take(batch):
        for data, _ in batch:
            waits[data[0]].append((turn - int.from_bytes(data[1:5], "big")) * TURN_S)

    turns = Turns(take)
    asked = Counter()
    for turn in range(200):  # take() reads it
        kinds = rng.choices(RANKS, (1, 1, 18), k=3 * BATCH_MAX)
        asked.update(kinds)
        turns.queue.receive([(bytes((kind,)) + turn.to_bytes(4, "big"), rng.randrange(5)) for kind in kinds])
        turns.turn()
        assert turns.queue.waiting <= QUEUE_MAX
    for kind in (RENEWING, REQUESTING):
        in_time = sum(wait <= 1.0 for wait in waits[kind])
        assert in_time >= 0.95 * asked[kind]
    assert turns.shed + sum(map(len, waits.values())) + turns.queue.waiting == sum(asked.values())
    assert turns.shed > 0
    assert max(waits[SEEKING]) <= 1.0, "whoever looks around is not answered after it gave up"


def test_honest_clients_behind_other_relays_are_served_in_a_flood():
    """One relay forges renewals without end; another one's renewals and discovers get their turns all the same."""
    served = Counter()
    turns = Turns(lambda batch: served.update((data[0], who) for data, who in batch))
    for _ in range(100):
        forged = [(bytes((RENEWING,)), "flood")] * (3 * BATCH_MAX)
        turns.queue.receive([*forged, (bytes((RENEWING,)), "quiet"), (bytes((SEEKING,)), "quiet")])
        turns.turn()
    assert served[RENEWING, "quiet"] == 100
    assert served[SEEKING, "quiet"] == 100


@both
def test_a_flood_of_discovers_does_not_keep_holders_from_renewing(world):
    """The whole server: what comes is 3 times what is served, and every renewal gets its answer."""
    here = world.made()
    held = {client: here.get(client, "1/1") for client in range(20)}
    batches = here.bench.batches
    calls = deque()
    queue = Queue(batches.take, RANKED[here.number], lambda n: batches.account.lost("queue-full", n), soon=calls.append)
    flood = [here.datagram("discover", 5000 + n, "1/9", 1) for n in range(3 * BATCH_MAX)]
    answered = set()
    here.bench.time.seconds += 3000
    for turn in range(20):
        renewal = here.datagram("renew", turn, "1/1", 1, address=held[turn], xid=77)
        queue.receive([(data, here.arrival(1)) for data in [*flood, renewal]])
        calls.popleft()()
        answered |= {address for kind, _, address in answers(here) if kind == here.ack}
    assert answered >= set(held.values())
    assert here.value("pkt#-queue-full") > 0
    assert here.value("pkt#-receive-drop") >= here.value("pkt#-queue-full")


SLOW_TURN_S = BATCH_MAX / 500  # of a server that serves 500 messages a second
ASKS_AGAIN = {4: (0, 4, 12), 6: (0, 1, 3)}  # seconds after the first time: RFC 2131 4.1, RFC 8415 15 and 7.6


class Newcomer:
    """A client without a lease. It asks again as its RFC says, in the time that turns take."""

    def __init__(self, here, client, relay, begin):
        self.here, self.client, self.relay = here, client, relay
        self.due = [begin + round(seconds / SLOW_TURN_S) for seconds in ASKS_AGAIN[here.number]]
        self.discovers = self.requests = self.offered = self.held = 0
        self.requesting = []

    def says(self, turn):
        """What it sends in a turn; nothing most of the time."""
        if not self.offered and turn in self.due:
            self.discovers += 1
            return self.here.datagram("discover", self.client, "1/1", self.relay, xid=self.client)
        if turn in self.requesting and not self.held:
            self.requests += 1
            return self.here.datagram(
                "request", self.client, "1/1", self.relay, address=self.offered, xid=self.client + 1
            )
        return None

    def hears(self, turn, kind, address):
        if kind == self.here.offer and not self.offered:
            self.offered = address
            self.requesting = [turn + 1 + round(seconds / SLOW_TURN_S) for seconds in ASKS_AGAIN[self.here.number]]
        elif kind == self.here.ack and self.offered:
            self.held = address


def flooded(here, newcomers, seed):
    """Serves newcomers amid three times as many discovers, through relay 1, as can be served, until they gave up."""
    rng, batches, calls = Random(seed), here.bench.batches, deque()
    queue = Queue(batches.take, RANKED[here.number], lambda n: batches.account.lost("queue-full", n), soon=calls.append)
    flood = [(here.datagram("discover", 5000 + n, "1/9", 1), here.arrival(1)) for n in range(3 * BATCH_MAX)]
    begun = here.bench.time.seconds
    for turn in range(max(each.due[-1] for each in newcomers) + round(ASKS_AGAIN[here.number][-1] / SLOW_TURN_S)):
        here.bench.time.seconds = begun + int(turn * SLOW_TURN_S)
        arriving = list(flood)
        for each in newcomers:
            said = each.says(turn)
            if said is not None:
                arriving.insert(rng.randrange(len(arriving) + 1), (said, here.arrival(each.relay)))
        queue.receive(arriving)
        calls.popleft()()
        for kind, client, address in answers(here):
            if client < 5000:
                newcomers[client - 1].hears(turn, kind, address)
    assert here.value("pkt#-queue-full") > 0, "this was a flood"


@both
@pytest.mark.parametrize("seed", range(2))
def test_newcomers_behind_other_relays_are_served_in_a_flood_as_if_there_were_none(world, seed):
    """The whole exchange, discover to acknowledgement: nobody has to say anything twice."""
    here = world.made()
    newcomers = [Newcomer(here, number, 2 + number % 3, begin=10 + number) for number in range(1, 21)]
    flooded(here, newcomers, seed)
    assert [(each.discovers, each.requests, bool(each.held)) for each in newcomers] == [(1, 1, True)] * 20
    assert len({each.held for each in newcomers}) == 20


@both
@pytest.mark.parametrize("seed", range(2))
def test_newcomers_amid_a_flood_get_their_share_while_it_lasts(world, seed):
    """Behind the very relay that floods: one discover of three is served, so most are who ask three times."""
    here = world.made()
    newcomers = [Newcomer(here, number, 1, begin=10 + number) for number in range(1, 61)]
    flooded(here, newcomers, seed)
    held = [each for each in newcomers if each.held]
    assert len(held) >= 30, "two thirds are to be expected"
    assert {each.requests for each in held} == {1}, "who was offered something is not kept waiting"
    assert all(each.held for each in newcomers if each.offered)


def answers(here):
    found = here.bench.wire.answers()
    return found if here.number == 4 else [(kind, client, (held or [0])[0]) for kind, client, held in found]


# Bounds.


def test_the_queue_is_bounded_in_number_and_in_octets():
    turns = Turns(len)
    turns.queue.receive([(bytes((SEEKING,)), number) for number in range(3 * QUEUE_MAX)])
    assert turns.queue.waiting == QUEUE_MAX
    assert turns.shed == 2 * QUEUE_MAX
    turns = Turns(len)
    turns.queue.receive([(bytes((SEEKING,)) * 60_000, 1)] * 200)
    assert turns.queue.waiting == OCTETS_MAX // 60_000
    turns.queue.forget()
    assert (turns.queue.waiting, turns.shed) == (0, 200)
    turns.turn()


@given(st.lists(st.tuples(st.sampled_from(RANKS), st.integers(0, 30)), max_size=150))
def test_who_gives_way_is_the_least_urgent_and_the_oldest(steps):
    turns, before = Turns(len), (queueing.QUEUE_MAX, queueing.ROOM)
    queueing.QUEUE_MAX, queueing.ROOM = 20, 3
    try:
        turns.queue.receive([(bytes((SEEKING,)), 0)] * (BATCH_MAX + 1))  # so that what follows is queued
        turns.queue.forget()
        turns.queue.receive([(bytes((rank,)) + b"%d" % at, who) for at, (rank, who) in enumerate(steps)])
    finally:
        queueing.QUEUE_MAX, queueing.ROOM = before
    if len(steps) > BATCH_MAX:
        kept = Counter(data[0] for lane in turns.queue._lanes for queue in lane.values() for data, _ in queue)
        asked = Counter(rank for rank, _ in steps)
        room = {rank: min(asked[rank], 3) for rank in RANKS}
        assert kept[RENEWING] == min(asked[RENEWING], 20 - room[REQUESTING] - room[SEEKING])
        assert kept[REQUESTING] == min(asked[REQUESTING], 20 - kept[RENEWING] - room[SEEKING])
        for rank in RANKS:
            waiting = [data for queue in turns.queue._lanes[rank].values() for data, _ in queue]
            assert len(waiting) == kept[rank] >= room[rank]


def test_nothing_is_begun_while_too_many_exchanges_wait():
    taken, may = [], [False]
    turns = Turns(taken.append, ready=lambda: may[0])
    turns.queue.receive([(bytes((SEEKING,)), 1)] * 100)
    turns.turn()
    assert not taken
    assert not turns.calls
    may[0] = True
    turns.queue.go_on()
    turns.queue.go_on()
    turns.turn()
    turns.turn()
    assert [len(batch) for batch in taken] == [BATCH_MAX, 100 - BATCH_MAX]


def test_more_than_a_batch_is_taken_over_from_the_kernel():
    class Port:
        hears = True
        drained = 0

        def drain(self):
            count = min(BATCH_MAX, self.left)
            self.left -= count
            self.drained += 1
            return [(b"x", 1)] * count

    got = []
    readers = Readers(got.append, m.DHCP4_BUFFER_RECEIVE_FAIL)
    for left, taken, drains in ((10, 10, 1), (64, 64, 2), (200, 200, 4), (5000, DRAINED_MAX, DRAINED_MAX // BATCH_MAX)):
        port = Port()
        port.left = left
        readers._readable(port)
        assert len(got.pop()) == taken
        assert port.drained == drains
