"""Leases that do not fit the configuration."""

from ipaddress import IPv4Address

import pytest

from dhcpkit.alloc import Lease4, Network, Subnet4
from dhcpkit.alloc.sanity import LeaseChecks, check_lease

NETWORK = Network([Subnet4("192.0.2.0/24", id=1), Subnet4("198.51.100.0/24", id=2)])
NONE, WARN, FIX, FIX_DEL, DEL = LeaseChecks
KEPT, MOVED, GONE = "kept", "moved", "gone"


def lease(address, subnet_id):
    return Lease4(int(IPv4Address(address)), b"\2\0\0\0\0\1", b"", 100, 5, subnet_id)


@pytest.mark.parametrize("checks", list(LeaseChecks))
def test_one_that_fits_is_left_alone(checks):
    held = lease("192.0.2.9", 1)
    checked = check_lease(held, NETWORK, checks)
    assert (checked.lease, checked.told) == (held, "")


@pytest.mark.parametrize(
    ("address", "subnet_id", "outcomes"),
    [
        ("198.51.100.9", 1, {NONE: KEPT, WARN: KEPT, FIX: MOVED, FIX_DEL: MOVED, DEL: GONE}),  # another holds it
        ("198.51.100.9", 7, {NONE: KEPT, WARN: KEPT, FIX: MOVED, FIX_DEL: MOVED, DEL: GONE}),  # its own is gone
        ("203.0.113.9", 1, {NONE: KEPT, WARN: KEPT, FIX: KEPT, FIX_DEL: GONE, DEL: GONE}),  # none holds it
    ],
)
def test_others_are_dealt_with_as_kea_does(address, subnet_id, outcomes):
    held = lease(address, subnet_id)
    for checks, outcome in outcomes.items():
        checked = check_lease(held, NETWORK, checks)
        expected = {KEPT: held, MOVED: held._replace(subnet_id=2), GONE: None}[outcome]
        assert checked.lease == expected, checks
        assert bool(checked.told) is (checks is not NONE), checks
