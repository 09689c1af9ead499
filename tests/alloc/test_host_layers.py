"""Reservations of several places as one: the first place counts, and what any of them reserves is not given away."""

from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.host import Host, Hosts
from dhcpkit.alloc.host6 import Host6, Hosts6, ReservedPrefix
from dhcpkit.alloc.host_layers import LayeredHosts, LayeredHosts6

WHO = [("hw-address", bytes([number])) for number in range(3)] + [("duid", b"\0")]
SUBNETS = (0, 1, 2)
ADDRESSES = (1, 2, 3)

who = st.sampled_from(WHO)
hosts4 = st.builds(
    lambda who, subnet, address: Host(*who, subnet, address),
    who,
    st.sampled_from(SUBNETS),
    st.sampled_from((0, 1, 2, 3)),
)
hosts6 = st.builds(
    lambda who, subnet, addresses, prefixes: Host6(
        *who, subnet, tuple(addresses), tuple(ReservedPrefix(prefix, 64) for prefix in prefixes)
    ),
    who,
    st.sampled_from(SUBNETS),
    st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=2),
    st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=2),
)


def identity(host):
    return host.identifier_type, host.identifier


def key(host):
    return host.subnet_id, *identity(host)


def distinct(hosts):
    return list({key(host): host for host in hosts}.values())


def starts(host):
    return host.starts if isinstance(host, Host6) else (host.address,) if host.address else ()


def check(layered, layers):
    whole = [host for layer in layers for host in layer]
    for subnet in SUBNETS:
        assert layered.any_in(subnet) == any(host.subnet_id == subnet for host in whole)
        for one in WHO:
            there = [host for host in whole if key(host) == (subnet, *one)]
            assert layered.by_identifier(subnet, *one) is (there[0] if there else None)
        for address in ADDRESSES:
            there = [host for host in whole if host.subnet_id == subnet and address in starts(host)]
            found = list(layered.by_address(subnet, address))
            assert {identity(host) for host in found} == {identity(host) for host in there}
            assert all(next(each for each in there if identity(each) == identity(host)) is host for host in found)
    if isinstance(layered, LayeredHosts6):
        for one in WHO:
            there = [host for host in whole if identity(host) == one]
            firsts = [host for host in there if host is next(h for h in there if h.subnet_id == host.subnet_id)]
            assert sorted(layered.by_client(*one), key=id) == sorted(firsts, key=id)


@given(st.lists(st.lists(hosts4, max_size=6).map(distinct), max_size=3))
def test_layers4(layers):
    made = [Hosts(layer) for layer in layers]
    check(LayeredHosts(made), made)


@given(st.lists(st.lists(hosts6, max_size=6).map(distinct), max_size=3))
def test_layers6(layers):
    made = [Hosts6(layer) for layer in layers]
    check(LayeredHosts6(made), made)


@given(st.lists(hosts4 | hosts6, max_size=12), st.lists(st.tuples(st.sampled_from(SUBNETS), who), max_size=12))
def test_what_is_removed_is_as_if_it_had_never_been_there(hosts, gone):
    for cls, kind, layers in ((Hosts, Host, LayeredHosts), (Hosts6, Host6, LayeredHosts6)):
        there = distinct(host for host in hosts if isinstance(host, kind))
        made = cls(there)
        for subnet, one in gone:
            expected = next((host for host in there if key(host) == (subnet, *one)), None)
            assert made.remove(subnet, *one) is expected
            there = [host for host in there if host is not expected]
        assert list(made) == there
        assert len(made) == len(there)
        assert made.__dict__ == cls(there).__dict__
        check(layers([made]), [cls(there)])
