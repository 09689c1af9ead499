"""Random conversations with a whole server of either family, through batches, store, reclamation and reloads.

Whatever happens, in whatever order: what clients were promised is kept and nobody else is promised it; every counter is
what a plain recount says; and a reload, whatever it changes, loses no lease.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.sanity import LeaseChecks
from dhcpkit.backends import MemoryStore, MemoryStore6
from dhcpkit.server.sanity import SanityChecks
from dhcpkit.testing import machine, machine6
from dhcpkit.testing.scenarios import clients, networks
from dhcpkit.testing.scenarios6 import clients6, networks6
from dhcpkit.testing.served import ServedLab4, ServedLab6

HOUR = 3600
RECLAIMABLE = (LeaseState.DEFAULT, LeaseState.DECLINED)


def kind_of(lease):
    """What its counters are called, and its pools."""
    type_ = getattr(lease, "type", None)
    if type_ is None:
        return "addresses", "pool"
    return ("pds", "pd-pool") if type_ == LeaseType.IA_PD else ("nas", "pool")


def places_of(lease):
    subnet = f"subnet[{lease.subnet_id}]."
    return "", subnet, f"{subnet}{kind_of(lease)[1]}[{lease.pool_id}]."


def recounted(leases):
    """The counters of leases there are now, by a plain count."""
    counts = Counter()
    for lease in leases:
        if lease.state in RECLAIMABLE:
            for place in places_of(lease):
                counts[f"{place}assigned-{kind_of(lease)[0]}"] += 1
                counts[f"{place}declined-addresses"] += lease.state == LeaseState.DECLINED
    return +counts


class Whole(RuleBasedStateMachine):
    """A server and its clients; what is of one family is in the subclasses."""

    met = Bundle("met")

    def begin(self, lab):
        self.lab = lab
        self.ever = Counter()  # what only grows, everywhere
        self.sent = self.answered = 0

    @property
    def store(self):
        return self.lab.store

    def leases(self):
        view = self.store.view
        return {address: view.by_address(address) for address in view.rows}

    def say(self, step):
        """One step of a client, and what it changes in the book."""
        before, received = self.leases(), self.lab.served.statistics.value(f"{self.packets}-received")
        answer = self.lab.take(step)
        self.sent += self.lab.served.statistics.value(f"{self.packets}-received") - received
        self.answered += answer is not None
        for address, after in self.leases().items():
            was = before.get(address)
            if after.state == LeaseState.DEFAULT and (was is None or was.expired(self.lab.now)) and after != was:
                self.ever[f"cumulative-assigned-{kind_of(after)[0]}"] += 1
                if was is not None:
                    self.taken_back(was)

    def taken_back(self, lease):
        if lease.state in RECLAIMABLE:
            self.ever["reclaimed-leases"] += 1
            self.ever["reclaimed-declined-addresses"] += lease.state == LeaseState.DECLINED

    @rule(seconds=st.sampled_from([1, 7, 30, 60, 100_000]))
    def wait(self, seconds):
        self.lab.now += seconds

    @rule(hours=st.sampled_from([-2, 2]))
    def set_the_clock(self, hours):
        """Somebody sets the wall clock: nothing is over for that."""
        self.lab.served.wall += hours * HOUR

    @rule(hold=st.booleans())
    def reclaim(self, hold):
        before = self.leases()
        self.lab.served.reclaim(hold=hold)
        after = self.leases()
        for address, lease in before.items():
            now = after.get(address)
            if lease.state in RECLAIMABLE and (now is None or now.state == LeaseState.EXPIRED_RECLAIMED):
                assert lease.expired(self.lab.now), "only what is over is taken back"
                self.taken_back(lease)

    @rule()
    def restart(self):
        """Everything is counted anew, from the rows alone."""
        fresh = self.new_store(list(self.leases().values()))
        self.lab.store = fresh
        self.lab.served.restart(fresh)

    @rule(data=st.data(), checks=st.sampled_from([LeaseChecks.NONE, LeaseChecks.WARN, LeaseChecks.FIX]))
    def reload(self, data, checks):
        """Subnets, pools, reservations come and go, or get other numbers."""
        network = data.draw(self.networks())
        before = self.leases()
        self.lab.reload(network, SanityChecks(checks))
        after = self.leases()
        assert after.keys() == before.keys(), "a reload loses no lease"
        for address, lease in after.items():
            assert lease == before[address]._replace(subnet_id=lease.subnet_id), "and changes no more than its subnet"
            if lease != before[address]:
                assert checks is LeaseChecks.FIX
                assert address in self.lab.network.by_id[lease.subnet_id], "which is the one that holds it then"

    @precondition(lambda self: hasattr(self, "lab"))
    @invariant()
    def promises_are_kept(self):
        self.lab.check()

    @precondition(lambda self: hasattr(self, "lab"))
    @invariant()
    def counters_are_a_recount(self):
        values = self.lab.served.statistics.values()
        leases = recounted(self.leases().values())
        last = {"declined-addresses", *(f"assigned-{kind}" for kind in ("addresses", "nas", "pds"))}
        assert {name: n for name, n in values.items() if n and name.rpartition(".")[2] in last} == leases
        assert {name: values[name] for name in self.ever} == self.ever
        assert values[f"{self.packets}-received"] == self.sent
        assert values[f"{self.packets}-sent"] == self.answered
        self.totals(values)

    def totals(self, values):
        """Sizes of pools: of each number, and of each subnet."""
        network = self.lab.network
        expected = Counter()
        for subnet in network.subnets:
            place = f"subnet[{subnet.id}]."
            for kind, name, pools in self.pools(subnet):
                expected[f"{place}total-{kind}"] += 0
                for pool in pools:
                    expected[f"{place}total-{kind}"] += sum(1 for _ in pool.sweep)
                    expected[f"{place}{name}[{pool.pool_id}].total-{kind}"] += sum(1 for _ in pool.sweep)
        assert {name: n for name, n in values.items() if ".total-" in name} == expected

    def teardown(self):
        if hasattr(self, "lab"):
            self.lab.close()


class Whole4(Whole):
    """A DHCPv4 server."""

    packets = "pkt4"
    new_store = MemoryStore
    networks = staticmethod(networks)

    @initialize(network=networks(), seed=st.integers(0, 9))
    def start(self, network, seed):
        self.begin(ServedLab4(network, seed=seed))

    @rule(target=Whole.met, client=clients())
    def discover(self, client):
        self.say(machine.Discover(client))
        self.say(machine.Request(client))
        return client

    @rule(
        client=Whole.met,
        kind=st.sampled_from(
            [machine.Discover, machine.Request, machine.Renew, machine.Rebind, machine.Reboot, machine.Inform]
        ),
    )
    def ask_again(self, client, kind):
        self.say(kind(client))

    @rule(client=consumes(Whole.met), kind=st.sampled_from([machine.Release, machine.Decline]))
    def give_up(self, client, kind):
        self.say(kind(client))

    @rule(client=Whole.met, other=Whole.met)
    def snatch(self, client, other):
        self.say(machine.Snatch(client, other))

    def pools(self, subnet):
        return [("addresses", "pool", subnet.pools)]


class Whole6(Whole):
    """A DHCPv6 server."""

    packets = "pkt6"
    new_store = MemoryStore6
    networks = staticmethod(networks6)

    @initialize(network=networks6(), seed=st.integers(0, 9))
    def start(self, network, seed):
        self.begin(ServedLab6(network, seed=seed))

    @rule(target=Whole.met, client=clients6())
    def solicit(self, client):
        self.say(machine6.Solicit(client))
        self.say(machine6.Request6(client))
        return client

    @rule(
        client=Whole.met,
        kind=st.sampled_from(
            [
                *(machine6.Solicit, machine6.Request6, machine6.Renew6, machine6.Rebind6),
                *(machine6.Confirm6, machine6.Inform6),
            ]
        ),
    )
    def ask_again(self, client, kind):
        self.say(kind(client))

    @rule(client=consumes(Whole.met), kind=st.sampled_from([machine6.Release6, machine6.Decline6]))
    def give_up(self, client, kind):
        self.say(kind(client))

    @rule(client=Whole.met, other=Whole.met)
    def snatch(self, client, other):
        self.say(machine6.Snatch6(client, other))

    def pools(self, subnet):
        return [("nas", "pool", subnet.pools), ("pds", "pd-pool", subnet.pd_pools)]


TestWhole4 = Whole4.TestCase
TestWhole6 = Whole6.TestCase
TestWhole4.settings = TestWhole6.settings = settings(stateful_step_count=30, max_examples=60, deadline=None)
