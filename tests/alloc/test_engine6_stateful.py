"""Random DHCPv6 conversations against the engine with a store and a virtual clock, invariants after every step."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from dhcpkit.testing.machine6 import (
    Confirm6,
    Decline6,
    Inform6,
    Lab6,
    Rebind6,
    Reclaim6,
    Release6,
    Renew6,
    Request6,
    Snatch6,
    Solicit,
    Wait6,
)
from dhcpkit.testing.scenarios6 import clients6, networks6


class Conversation(RuleBasedStateMachine):
    """Clients that were offered something take it, those that hold something keep it alive or give it up."""

    met = Bundle("met")

    @initialize(network=networks6(), seed=st.integers(0, 9))
    def start(self, network, seed):
        self.lab = Lab6(network, seed=seed)

    @rule(target=met, client=clients6())
    def solicit(self, client):
        self.lab.take(Solicit(client))
        return client

    @rule(client=met)
    def request(self, client):
        self.lab.take(Request6(client))

    @rule(client=met, kind=st.sampled_from([Renew6, Rebind6, Confirm6, Inform6]))
    def ask_again(self, client, kind):
        self.lab.take(kind(client))

    @rule(client=consumes(met), kind=st.sampled_from([Release6, Decline6]))
    def give_up(self, client, kind):
        self.lab.take(kind(client))

    @rule(client=met, other=met)
    def snatch(self, client, other):
        self.lab.take(Snatch6(client, other))

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds):
        self.lab.take(Wait6(seconds))

    @rule(hold=st.booleans())
    def reclaim(self, hold):
        self.lab.take(Reclaim6(hold))

    @invariant()
    def promises_are_kept(self):
        if hasattr(self, "lab"):
            self.lab.check()


TestConversation = Conversation.TestCase
TestConversation.settings = settings(stateful_step_count=40, max_examples=60, deadline=None)
