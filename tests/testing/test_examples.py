"""An example of every option's text: one that the option takes, and that says something where it can."""

import attrs
import pytest

from dhcpkit.testing.declared import spaces
from dhcpkit.testing.examples import example
from dhcpkit.wire import Space
from dhcpkit.wire.kinds import UINT8, composed, list_of


@attrs.frozen
class Pair:
    a: int
    b: int


WITHOUT = {"dhcpv4-message"}  # a whole message
OPTIONS = [(space, option) for space in spaces() for option in space]


@pytest.mark.parametrize(("space", "option"), OPTIONS, ids=[f"{s.name} {o.name}" for s, o in OPTIONS])
def test_every_option_has_one(space, option):
    if option.name in WITHOUT:
        with pytest.raises(LookupError):
            example(option)
        return
    text, payload = example(option)
    assert option.build_text(text) == payload
    value = option.parse(payload)
    assert option.build(value) == payload
    assert payload or option.kind.name == "empty"


def test_one_of_a_new_option_needs_nothing_else():
    space = Space("mine")
    assert example(space.define(1, "one", list_of(UINT8))) == ("1, 2", b"\1\2")
    assert example(space.define(2, "two", composed(Pair, a=UINT8, b=UINT8)))[0] == "1, 1"
