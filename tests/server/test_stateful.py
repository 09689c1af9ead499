"""Random conversations with a whole server of either family, through batches, store, reclamation and reloads.

Whatever happens, in whatever order: what clients were promised is kept and nobody else is promised it; every counter is
what a plain recount says; an answer carries the option of the level that wins; and a reload, whatever it changes, loses
no lease.
"""

from collections import Counter
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.sanity import LeaseChecks
from dhcpkit.backends import MemoryStore, MemoryStore6
from dhcpkit.server.sanity import SanityChecks
from dhcpkit.testing import machine, machine6
from dhcpkit.testing.precedence import Configured, options_due
from dhcpkit.testing.scenarios import clients, networks
from dhcpkit.testing.scenarios6 import clients6, networks6
from dhcpkit.testing.served import ServedLab4, ServedLab6
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.options4 import NTP_SERVERS
from dhcpkit.wire.options6 import SNTP_SERVERS

HOUR = 3600
CODES = (NTP_SERVERS.code, SNTP_SERVERS.code)
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


def levels_of(host, pool, subnet, network):
    """What the levels say that hold for a client, the nearest first."""
    said = [level.options for level in (host, pool, subnet, *subnet.outer_levels, network) if level is not None]
    return [
        {
            code: Configured(value.payload, value.always_send, value.never_send)
            for code in CODES
            if (value := each.get(code))
        }
        for each in said
    ]


def pool_of(subnet, address):
    return next((pool for pool in subnet.pools if pool.first <= address <= pool.last), None)


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
        if answer is not None:
            self.options_are_due(step, answer)
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
    networks = staticmethod(partial(networks, options=True))

    @initialize(network=networks(options=True), seed=st.integers(0, 9))
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

    def options_are_due(self, step, answer):
        reply, network = Packet4.parse(answer.data), self.lab.network
        if not reply.yiaddr:
            return
        [subnet] = network.holding(reply.yiaddr)
        host = network.hosts.by_identifier(subnet.id, "hw-address", step.client.hwaddr)
        levels = levels_of(host, pool_of(subnet, reply.yiaddr), subnet, network)
        sent = {NTP_SERVERS.code: reply.options[NTP_SERVERS.code]} if NTP_SERVERS.code in reply.options else {}
        assert {code: bytes(payload) for code, payload in sent.items()} == options_due(levels, ())


class Whole6(Whole):
    """A DHCPv6 server."""

    packets = "pkt6"
    new_store = MemoryStore6
    networks = staticmethod(partial(networks6, options=True))

    @initialize(network=networks6(options=True), seed=st.integers(0, 9))
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

    def options_are_due(self, step, answer):
        reply, network = Packet6.parse(answer.data), self.lab.network
        bindings = list(machine6.bindings_of(reply))
        if [each.type for each in bindings] != [LeaseType.IA_NA] or not bindings[0].valid or len(network.subnets) > 1:
            return  # several addresses, of several pools, or a subnet that cannot be told from the answer
        [subnet] = network.subnets
        host = network.hosts.by_identifier(subnet.id, "duid", step.client.duid)
        if network.hosts.by_identifier(0, "duid", step.client.duid) is not None:
            return  # which of two reservations holds is told elsewhere
        levels = levels_of(host, pool_of(subnet, bindings[0].address), subnet, network)
        sent = reply.options.first.get(SNTP_SERVERS.code)
        assert ({SNTP_SERVERS.code: bytes(sent)} if sent is not None else {}) == options_due(levels, ())


TestWhole4 = Whole4.TestCase
TestWhole6 = Whole6.TestCase
TestWhole4.settings = TestWhole6.settings = settings(stateful_step_count=30, max_examples=60, deadline=None)
