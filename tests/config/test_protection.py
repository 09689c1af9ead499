"""The map `protection`: dhcpkit's own limits, from the file to the network of either family."""

import pytest

from dhcpkit.alloc.guards import NO_PROTECTION, Protection
from dhcpkit.config import ConfigError, parse4, parse6

TOPS = ((parse4, "Dhcp4"), (parse6, "Dhcp6"))
WRITTEN = """"protection": {
    "leases-per-port": 16, "leases-per-relay": 4000, "leases-per-subnet": 60000, "declines-per-port": 5,
    "probation-share": 0.1, "same-relay-releases": true, "clone-alternations": 3, "only-known-relays": true,
    "relays": ["192.0.2.1", "2001:db8::1"], "relay-levels": 4, "amplification": 5
}"""
READ = Protection(
    leases_per_port=16,
    leases_per_relay=4000,
    leases_per_subnet=60000,
    declines_per_port=5,
    probation_share=0.1,
    same_relay_releases=True,
    clone_alternations=3,
    only_known_relays=True,
    relays=frozenset((0xC0000201, 0x20010DB8_00000000_00000000_00000001)),
    relay_levels=4,
    amplification=5,
)


def networks(text):
    for parse, top in TOPS:
        yield parse(f'{{"{top}": {{{text}}}}}').network


def test_every_key_reaches_the_network():
    for network in networks(WRITTEN):
        assert network.protection == READ
    unchanged = [name for name in Protection.__slots__ if getattr(READ, name, 0) == getattr(NO_PROTECTION, name, 0)]
    assert [name for name in unchanged if not name.startswith("_")] == []


def test_a_file_without_it_limits_nothing_that_is_honest():
    for network in networks(""):
        protection = network.protection
        assert protection == NO_PROTECTION
        assert not protection.judges
        assert not protection.screens
        assert not protection.counts_leases


@pytest.mark.parametrize(
    "text",
    ['"leases-per-port": -1', '"probation-share": 1.5', '"relays": ["here"]', '"relay-levels": 33', '"leases": 3'],
)
def test_what_means_nothing_is_refused(text):
    for parse, top in TOPS:
        with pytest.raises(ConfigError):
            parse(f'{{"{top}": {{"protection": {{{text}}}}}}}')
