"""Time goes on by what has really passed, whatever the wall clock is set to."""

from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.server.clock import STEP_MIN, Clock


class Times:
    def __init__(self):
        self.wall, self.passed = 1_700_000_000.0, 50.0

    def clock(self):
        return Clock(lambda: self.wall, lambda: self.passed)

    def go(self, seconds):
        self.wall += seconds
        self.passed += seconds


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(-1e6, 1e6))))
def test_steps_of_the_wall_clock_do_not_move_the_engine(events):
    times = Times()
    clock = times.clock()
    began, passed = times.wall, 0.0
    for seconds, step in events:
        times.go(seconds)
        passed += seconds
        times.wall += step
        clock.step()
        assert abs(clock.now() - (began + passed)) <= 1


@given(st.floats(STEP_MIN + 0.1, 1e6), st.booleans())
def test_a_step_is_told_once(size, backwards):
    times = Times()
    clock = times.clock()
    step = -size if backwards else size
    times.go(10)
    times.wall += step
    assert abs(clock.step() - step) < 0.01
    assert clock.step() == 0
    assert clock.steps == 1
    times.wall -= step
    assert abs(clock.step() + step) < 0.01
    assert clock.steps == 2


@given(st.lists(st.floats(-0.4, 0.4), max_size=10))
def test_drift_within_bounds_is_no_step(drifts):
    times = Times()
    clock = times.clock()
    for drift in drifts:
        times.go(60)
        times.wall += drift
        assert clock.step() == 0
    assert clock.steps == 0


def test_the_real_clock_is_now():
    import time

    assert abs(Clock().now() - time.time()) <= 2
