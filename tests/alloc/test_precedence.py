"""Every answer carries the value of the level that wins by Kea's rules, whatever is configured where."""

from ipaddress import IPv6Address
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import ClientClass, Host, Level, Network, OptionValue, OptionValues, Pool4, Subnet4
from dhcpkit.alloc.expressions import parse
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.network import SharedNetwork4
from dhcpkit.alloc.network6 import Network6, Pool6, SharedNetwork6, Subnet6
from dhcpkit.alloc.subjects import FAMILY6
from dhcpkit.testing.machine import Client, Lab4, message4
from dhcpkit.testing.machine6 import ALL_SERVERS, Client6, Lab6, message6
from dhcpkit.testing.precedence import LEVELS, Configured, options_due
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

CODES = {4: (42, 69, 70), 6: (22, 27, 31)}  # lists of addresses, which nothing but configuration sends
SPACES = {4: DHCP4, 6: DHCP6}
ANN = Client(b"\2\0\0\0\0\1")
ANN6 = Client6(b"\0\3\0\1\2\0\0\0\0\1")
MARKS = st.sampled_from([(False, False)] * 5 + [(True, False), (True, False), (False, True)])


@st.composite
def levels(draw, family):
    """What each level says, each value telling where it is from."""
    size = 4 if family == 4 else 16
    few = draw(st.sets(st.integers(0, len(LEVELS) - 1), min_size=2, max_size=3))  # so that distant ones win, too
    return [
        {
            code: Configured(bytes((*bytes(size - 2), code, at + 1)), *draw(MARKS))
            for code in (draw(st.lists(st.sampled_from(CODES[family]), unique=True)) if at in few else ())
        }
        for at in range(len(LEVELS))
    ]


def values(family, level):
    return OptionValues(
        OptionValue(SPACES[family].by_code(code), each.payload, each.always_send, each.never_send)
        for code, each in level.items()
    )


def answer4(said, asked):
    host, pool, subnet, shared, first, second, everywhere = (values(4, level) for level in said)
    everyone = parse("'a' == 'a'")
    lab = Subnet4(
        "192.0.2.0/24",
        pools=[Pool4("192.0.2.10 - 192.0.2.12", options=pool)],
        options=subnet,
        outer_levels=(Level("shared network", shared),),
        shared_network="link",
    )
    network = Network(
        shared_networks=[SharedNetwork4("link", (lab,))],
        hosts=[Host("hw-address", ANN.hwaddr, 1, options=host)],
        classes=[ClientClass("c0", test=everyone, options=first), ClientClass("c1", test=everyone, options=second)],
        options=everywhere,
    )
    options = {55: bytes(asked)} if asked else {}
    _, sent = Lab4(network).send(message4(MessageType.DISCOVER, ANN, options=options), BROADCAST)
    return Packet4.parse(sent.data).options


BROADCAST = Arrival("lab0", 1, local=0xC0000201, broadcast=True)


def answer6(said, asked):
    host, pool, subnet, shared, first, second, everywhere = (values(6, level) for level in said)
    everyone = parse("'a' == 'a'", FAMILY6)
    lab = Subnet6(
        "2001:db8::/64",
        pools=[Pool6(int(IPv6Address("2001:db8::10")), int(IPv6Address("2001:db8::12")), options=pool)],
        options=subnet,
        outer_levels=(Level("shared network", shared),),
        shared_network="link",
        interface="lab0",
    )
    network = Network6(
        server_id=Duid.of_link_layer(b"\2\0\0\0\0\xff"),
        shared_networks=[SharedNetwork6("link", (lab,))],
        hosts=[Host6("duid", ANN6.duid, 1, options=host)],
        classes=[ClientClass("c0", test=everyone, options=first), ClientClass("c1", test=everyone, options=second)],
        options=everywhere,
    )
    options = {6: b"".join(code.to_bytes(2, "big") for code in asked)} if asked else {}
    arrival = Arrival6("lab0", 1, ANN6.source, 546, ALL_SERVERS, multicast=True)
    _, sent = Lab6(network).send(message6(MessageType6.SOLICIT, ANN6, options=options), arrival)
    return Packet6.parse(sent.data).options.first


@pytest.mark.parametrize(("family", "answer"), [(4, answer4), (6, answer6)])
@given(data=st.data())
def test_the_level_that_wins_is_the_one_whose_value_is_sent(family, answer, data):
    said = data.draw(levels(family))
    asked = data.draw(st.lists(st.sampled_from(CODES[family]), unique=True))
    sent = answer(said, asked)
    assert {code: bytes(sent[code]) for code in CODES[family] if code in sent} == options_due(said, asked)


@pytest.mark.parametrize(("family", "answer"), [(4, answer4), (6, answer6)])
def test_of_any_two_levels_the_nearer_one_wins(family, answer):
    code, size = CODES[family][0], 4 if family == 4 else 16
    for near, far in combinations(range(len(LEVELS)), 2):
        said = [{code: Configured(bytes((*bytes(size - 1), at)))} if at in (near, far) else {} for at in range(7)]
        assert bytes(answer(said, [code])[code]) == said[near][code].payload, (LEVELS[near], LEVELS[far])
