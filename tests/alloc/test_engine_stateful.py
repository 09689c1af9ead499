"""Random conversations against the engine with a store and a virtual clock, invariants after every step."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from dhcpkit.backends import MemoryStore
from dhcpkit.testing.machine import (
    Decline,
    Discover,
    Inform,
    Lab4,
    Rebind,
    Reboot,
    Reclaim,
    Release,
    Renew,
    Request,
    Snatch,
    Wait,
)
from dhcpkit.testing.scenarios import clients, networks


class Conversation(RuleBasedStateMachine):
    """Clients that were offered something take it, those that hold something keep it alive or give it up."""

    met = Bundle("met")

    @initialize(network=networks(), seed=st.integers(0, 9))
    def start(self, network, seed):
        self.lab = Lab4(network, MemoryStore(), seed=seed)

    @rule(target=met, client=clients())
    def discover(self, client):
        self.lab.take(Discover(client))
        return client

    @rule(client=met)
    def request(self, client):
        self.lab.take(Request(client))

    @rule(client=met, kind=st.sampled_from([Renew, Rebind, Reboot, Inform]))
    def ask_again(self, client, kind):
        self.lab.take(kind(client))

    @rule(client=consumes(met), kind=st.sampled_from([Release, Decline]))
    def give_up(self, client, kind):
        self.lab.take(kind(client))

    @rule(client=met, other=met)
    def snatch(self, client, other):
        self.lab.take(Snatch(client, other))

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds):
        self.lab.take(Wait(seconds))

    @rule(hold=st.booleans())
    def reclaim(self, hold):
        self.lab.take(Reclaim(hold))

    @invariant()
    def promises_are_kept(self):
        if hasattr(self, "lab"):
            self.lab.check()


TestConversation = Conversation.TestCase
TestConversation.settings = settings(stateful_step_count=40, max_examples=60, deadline=None)
