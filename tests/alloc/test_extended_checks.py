"""What user contexts say of relay agents, held to what Kea 3.0 made of the same."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.extended4 import remembered
from dhcpkit.alloc.extended_checks import CheckedContext, ExtendedInfoChecks, check_context4, check_context6

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "extended-info-checks.json").read_text())
CHECK = {"4": check_context4, "6": check_context6}
CASES = [
    (family, level, *case)
    for family in ("4", "6")
    for level, outcomes in VECTORS[family]["levels"].items()
    for case in zip(VECTORS[family]["contexts"], outcomes, strict=True)
]
JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(["", "0x01", "zz", "::1", "0102aabb"]),
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["relays", "relay-info", "relay-agent-info", "options", "sub-options", "link", "remote-id", "x"]
            ),
            inside,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(("family", "level", "context", "outcome"), CASES)
def test_as_kea(family, level, context, outcome):
    left, complained = outcome
    checked = CHECK[family](context, ExtendedInfoChecks[level.upper()])
    assert (json.loads(checked.context) if checked.context else None) == left
    assert bool(checked.fault) is complained


@given(st.sampled_from(sorted(CHECK)), st.sampled_from(ExtendedInfoChecks), st.dictionaries(st.just("ISC"), JSON))
def test_what_was_checked_passes_the_same_check(family, level, value):
    first = CHECK[family](json.dumps(value), level)
    assert CHECK[family](first.context, level) == CheckedContext(first.context)


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=4))
def test_what_this_server_writes_is_left_alone(relay, rest):
    """By the short way and by the long one."""
    context = remembered(relay + rest, "")
    for level in ExtendedInfoChecks:
        assert check_context4(context, level) == CheckedContext(context)
