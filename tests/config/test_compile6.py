"""DHCPv6 documents to the network: what is inherited, pools and prefixes, lifetimes, and what may not be."""

import json
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.config import ConfigError, Dhcp6Doc, compile6, parse6
from dhcpkit.config.dhcp6 import Link6Doc, PdPoolDoc, SharedNetwork6Doc, Subnet6Doc
from dhcpkit.config.documents import PoolDoc
from dhcpkit.config.inherit import INHERITED6, OUTERMOST6
from dhcpkit.testing.documents import param_values

LAN = {"subnet": "2001:db8:1::/64", "id": 1}
NAMING = {"hostname_char_set": "char_set", "hostname_char_replacement": "char_replacement"}
# Bound to one another (below), old forms of others, or refused with some values in every subnet.
EXCLUDED = {
    "t1_percent", "t2_percent", "ddns_use_conflict_resolution", "ddns_conflict_resolution_mode", "ddns_ttl_min",
    "ddns_ttl_max", "ddns_send_updates", "hostname_char_set", "allocator", "pd_allocator", "rapid_commit",
    "adaptive_lease_time_threshold",
}  # fmt: skip


def lan(**keys):
    return Subnet6Doc(**LAN, **keys)


def nested(name, everywhere, shared, own):
    """The one subnet of a configuration that says something at three levels, or None."""
    subnet = lan(**{name: own})
    network = SharedNetwork6Doc(name="n", subnet6=(subnet,), **{name: shared})
    (made,) = compile6(Dhcp6Doc(shared_networks=(network,), **{name: everywhere})).subnets
    return made


@pytest.mark.parametrize("name", sorted(set(INHERITED6) - EXCLUDED))
@given(data=st.data())
def test_the_nearest_level_that_says_something_holds(name, data):
    values = param_values(Link6Doc.params[name])
    everywhere, shared, own = (data.draw(st.none() | values) for _ in range(3))
    made = nested(name, everywhere, shared, own)
    named = name.startswith(("ddns_", "hostname_"))
    found = getattr(made.naming, NAMING.get(name, name.removeprefix("ddns_"))) if named else getattr(made, name)
    expected = next((value for value in (own, shared, everywhere) if value is not None), OUTERMOST6[name])
    assert found == (0 if named and expected is None else expected)


@given(st.lists(st.none() | st.integers(1, 100), min_size=9, max_size=9))
def test_each_of_the_preferred_lifetimes_is_inherited_by_itself(drawn):
    names = ("min_preferred_lifetime", "preferred_lifetime", "max_preferred_lifetime")
    levels = [
        {
            name: value + 100 * index
            for index, (name, value) in enumerate(zip(names, drawn[at : at + 3], strict=True))
            if value is not None
        }
        for at in (0, 3, 6)
    ]
    globals_, shared, own = levels
    doc = Dhcp6Doc(shared_networks=(SharedNetwork6Doc(name="n", subnet6=(lan(**own),), **shared),), **globals_)
    low, default, high = ((globals_ | shared | own).get(name) for name in names)
    told = [globals_, globals_ | shared, globals_ | shared | own]  # at each level it must be known what is meant
    if any({names[0], names[2]} <= level.keys() and names[1] not in level for level in told):
        with pytest.raises(ConfigError, match="but no preferred-lifetime"):
            compile6(doc)
        return
    found = compile6(doc).subnets[0].preferred
    default = next((value for value in (default, low, high) if value is not None), None)
    if default is None:
        assert found is None  # five eighths of the valid lifetime, whatever that is for a client
        return
    assert (found.minimum, found.default, found.maximum) == (
        default if low is None else low, default, default if high is None else high,
    )  # fmt: skip


@given(st.integers(1, 120), st.data())
def test_a_pool_of_prefixes_holds_what_its_lengths_say(length, data):
    delegated = data.draw(st.integers(length, min(128, length + 20)))
    shift = 128 - length
    base = IPv6Address((0x20010DB8 << 96 >> shift << shift) or 1 << 127)
    doc = lan(pd_pools=(PdPoolDoc(prefix=str(base), prefix_len=length, delegated_len=delegated),))
    (pool,) = compile6(Dhcp6Doc(subnet6=(doc,))).subnets[0].pd_pools
    assert pool.prefix == IPv6Network((base, length))
    assert pool.size == 2 ** (delegated - length)


@given(st.integers(49, 64), st.integers(0, 2**16 - 1), st.integers(48, 128))
def test_what_is_left_out_is_a_part_of_the_first_prefix(delegated, index, length):
    base = int(IPv6Address("2001:db8:8::"))
    excluded = IPv6Network((base + (index << 64), length), strict=False)
    first = IPv6Network((base, delegated))
    doc = lan(
        pd_pools=(
            PdPoolDoc(
                prefix="2001:db8:8::", prefix_len=48, delegated_len=delegated,
                excluded_prefix=str(excluded.network_address), excluded_prefix_len=length,
            ),
        )
    )  # fmt: skip
    good = length > delegated and excluded.subnet_of(first)
    if good:
        (pool,) = compile6(Dhcp6Doc(subnet6=(doc,))).subnets[0].pd_pools
        assert (pool.excluded, pool.excluded_len) == (int(excluded.network_address), length)
    else:
        with pytest.raises(ConfigError, match=r"xcluded prefix"):
            compile6(Dhcp6Doc(subnet6=(doc,)))


def test_pools_of_prefixes_may_not_overlap_even_in_the_last_part():
    pools = (
        PdPoolDoc(prefix="2001:db8:8::", prefix_len=48, delegated_len=48),
        PdPoolDoc(prefix="2001:db8:8:8000::", prefix_len=52, delegated_len=64),
    )
    with pytest.raises(ConfigError, match=r"2001:db8:8:8000::-2001:db8:8:8fff:ffff:ffff:ffff:ffff overlaps"):
        compile6(Dhcp6Doc(subnet6=(lan(pd_pools=pools),)))


@given(st.lists(st.none() | st.booleans(), min_size=1, max_size=4), st.none() | st.booleans())
def test_rapid_commit_is_for_all_subnets_of_a_network_or_for_none(told, around):
    subnets = tuple(
        Subnet6Doc(subnet=f"2001:db8:{number}::/64", id=number, rapid_commit=each)
        for number, each in enumerate(told, 1)
    )
    doc = Dhcp6Doc(shared_networks=(SharedNetwork6Doc(name="n", subnet6=subnets, rapid_commit=around),))
    in_force = {bool(around) if each is None else each for each in told}
    if len(in_force) == 1:
        assert {subnet.rapid_commit for subnet in compile6(doc).subnets} == in_force
    else:
        with pytest.raises(ConfigError, match="same rapid-commit value"):
            compile6(doc)


def test_names_of_a_pool_are_its_own():
    pools = (
        PoolDoc(pool="2001:db8:1::/80", ddns_qualifying_suffix="pool.example"),
        PoolDoc(pool="2001:db8:1:0:1::/80"),
    )
    (subnet,) = compile6(Dhcp6Doc(subnet6=(lan(pools=pools, ddns_qualifying_suffix="lan.example"),))).subnets
    assert subnet.naming.qualifying_suffix == "lan.example"
    assert [pool.naming and pool.naming.qualifying_suffix for pool in subnet.pools] == ["pool.example", None]


@pytest.mark.parametrize(("enabled", "sent"), [(True, True), (False, False)])
def test_no_updates_at_all_are_none_in_any_subnet(enabled, sent):
    doc = {"Dhcp6": {"subnet6": [LAN], "dhcp-ddns": {"enable-updates": enabled}}}
    assert parse6(json.dumps(doc)).network.subnets[0].naming.send_updates is sent


def test_late_renewal_and_a_reservation_of_nothing_are_warned_about():
    reserved = [{"duid": "00:03:00:01:02:00:00:00:00:01"}]
    keys = {"renew-timer": 2000, "rebind-timer": 1000, "subnet6": [LAN | {"reservations": reserved}]}
    loaded = parse6(json.dumps({"Dhcp6": keys}))
    assert sorted(warning.code.id for warning in loaded.warnings) == ["DK1213", "DK1406"]
    assert len(loaded.network.hosts) == 1
