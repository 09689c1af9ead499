"""Callouts: order, answers, and the memory of an exchange."""

import pytest

from dhcpkit.alloc import Lease4
from dhcpkit.hooks import Exchange, HookError, Hooks, Lease4Select, NextStep, Pkt4Receive
from dhcpkit.wire import Packet4

PACKET = Packet4.parse(bytes.fromhex("01010600" + "00" * 232 + "63825363" + "350101ff"))
LEASE = Lease4(1, b"\1" * 6, b"", 60, 0, 1)


def test_order_then_registration_decides_who_is_asked_first():
    hooks, asked = Hooks(), []
    hooks.on(Pkt4Receive, order=5)(lambda _: asked.append("late"))
    hooks.on(Pkt4Receive)(lambda _: asked.append("first"))
    hooks.on(Pkt4Receive)(lambda _: asked.append("second"))
    assert hooks.consult(Pkt4Receive(PACKET)) is None
    assert asked == ["first", "second", "late"]


def test_the_last_answer_counts_and_drop_ends_the_round():
    hooks = Hooks()
    hooks.on(Pkt4Receive)(lambda _: NextStep.SKIP)
    hooks.on(Pkt4Receive)(lambda _: None)
    assert hooks.consult(Pkt4Receive(PACKET)) is NextStep.SKIP
    hooks.on(Pkt4Receive)(lambda _: NextStep.DROP)
    hooks.on(Pkt4Receive)(lambda _: pytest.fail("asked after DROP"))
    assert hooks.consult(Pkt4Receive(PACKET)) is NextStep.DROP


def test_an_exchange_asks_once_and_repeats_what_was_changed():
    hooks, asked = Hooks(), []

    @hooks.on(Lease4Select)
    def shorten(point):
        asked.append(point.lease)
        point.lease = point.lease._replace(valid_lifetime=30)

    exchange = Exchange(hooks)
    for _ in range(3):
        point = Lease4Select(PACKET, LEASE, offer=False)
        assert exchange(point) is None
        assert point.lease.valid_lifetime == 30
    assert asked == [LEASE]
    other = Lease4Select(PACKET, LEASE._replace(address=2), offer=False)
    exchange(other)
    assert len(asked) == 2


def test_a_coroutine_is_refused_where_the_point_cannot_wait():
    async def slow(point):
        return None

    with pytest.raises(HookError, match="cannot wait"):
        Hooks().on(Pkt4Receive)(slow)
