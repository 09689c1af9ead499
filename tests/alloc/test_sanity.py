"""Leases that do not fit the configuration."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Lease4, Network, Subnet4
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.alloc.sanity import Checked, LeaseChecks, Verdict, check_lease

NETWORK = Network([Subnet4("192.0.2.0/24", id=1), Subnet4("198.51.100.0/24", id=2)])
NESTED = Network([Subnet4("10.0.0.0/8", id=5), Subnet4("10.1.0.0/16", id=4), Subnet4("10.1.1.0/24", id=9)])
NONE, WARN, FIX, FIX_DEL, DEL = LeaseChecks
KEPT, MOVED, GONE = "kept", "moved", "gone"
VERDICTS = {KEPT: Verdict.KEPT, MOVED: Verdict.FIXED, GONE: Verdict.DROPPED}


def lease(address, subnet_id):
    return Lease4(int(IPv4Address(address)), b"\2\0\0\0\0\1", b"", 100, 5, subnet_id)


@pytest.mark.parametrize("checks", list(LeaseChecks))
def test_one_that_fits_is_left_alone(checks):
    held = lease("192.0.2.9", 1)
    assert check_lease(held, NETWORK, checks) == Checked(held)


@pytest.mark.parametrize(
    ("address", "subnet_id", "home", "outcomes"),
    [
        ("198.51.100.9", 1, 2, {WARN: KEPT, FIX: MOVED, FIX_DEL: MOVED, DEL: GONE}),  # another holds it
        ("198.51.100.9", 7, 2, {WARN: KEPT, FIX: MOVED, FIX_DEL: MOVED, DEL: GONE}),  # its own is gone
        ("198.51.100.9", 0, 2, {WARN: KEPT, FIX: MOVED, FIX_DEL: MOVED, DEL: GONE}),  # it never had one
        ("203.0.113.9", 1, 0, {WARN: KEPT, FIX: KEPT, FIX_DEL: GONE, DEL: GONE}),  # none holds it
    ],
)
def test_others_are_dealt_with_as_kea_does(address, subnet_id, home, outcomes):
    held = lease(address, subnet_id)
    assert check_lease(held, NETWORK, NONE) == Checked(held)
    for checks, outcome in outcomes.items():
        expected = {KEPT: held, MOVED: held._replace(subnet_id=2), GONE: None}[outcome]
        assert check_lease(held, NETWORK, checks) == Checked(expected, VERDICTS[outcome], home), checks


@pytest.mark.parametrize("checks", list(LeaseChecks))
def test_one_without_subnet_that_belongs_nowhere_is_left_alone(checks):
    held = lease("203.0.113.9", 0)
    assert check_lease(held, NETWORK, checks) == Checked(held)


@given(st.integers(0, 2**32 - 1), st.integers(0, 10), st.sampled_from(LeaseChecks))
def test_where_subnets_nest(address, subnet_id, checks):
    """A lease may be in any subnet that holds it; one that is in none of them comes to the lowest number."""
    held = Lease4(address, b"\2\0\0\0\0\1", b"", 100, 5, subnet_id)
    homes = {each.id for each in NESTED.subnets if each.first <= address <= each.last}
    checked = check_lease(held, NESTED, checks)
    if subnet_id in homes or checks is NONE or not (homes or subnet_id):
        assert checked == Checked(held)
        return
    assert checked.home == min(homes, default=0)
    assert checked.verdict is not Verdict.FITS
    if checked.lease is not None and checks in (FIX, FIX_DEL) and homes:
        assert checked.lease == held._replace(subnet_id=min(homes))
        assert check_lease(checked.lease, NESTED, checks) == Checked(checked.lease), "what was put right fits"


@pytest.mark.parametrize("kind", list(LeaseType))
def test_only_addresses_that_are_leased_for_long_are_checked(kind):
    network = Network6([Subnet6("2001:db8:1::/64", id=1)], server_id=b"\0\3\0\1\2\0\0\0\0\1")
    held = Lease6(int(IPv6Address("2001:db8:9::")), b"duid", 100, 5, 1, 50, kind, 1, 56)
    assert check_lease(held, network, DEL).lease == (None if kind == LeaseType.IA_NA else held)
