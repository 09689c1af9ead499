"""What DNS hears of a DHCPv6 decision: several leases may change at once, and one address gets the name.

A client has one name for all its addresses, and a server of dynamic DNS that adds an address to a name puts it in place
of the one before. So the first association whose address has news for DNS gets the name, as in Kea; what was told of
others is taken away with them. This module does not know how names are chosen, nor how leases are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dhcpkit.alloc.decision6 import Answered6
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.name_change import NameChange, Names, addition, changes, forgotten, is_told, naming_of_lease, removal
from dhcpkit.alloc.naming import Naming

__all__ = ["changes6", "registered6"]


def changes6(
    before: Mapping[int, Lease6 | None],
    after: Mapping[int, Lease6 | None],
    answered: Iterable[Answered6],
    naming: Naming,
    network: Names,
) -> tuple[NameChange, ...]:
    """What follows from leases that change from `before` to `after`, by their addresses, in their order.

    `answered` is the answer to the client, `naming` what holds where it is served. Removals come first, so that a name
    that passes from one address to another is there in the end.
    """
    told = [
        change
        for address, lease in before.items()
        if lease is not None and not _as_before(lease, after[address])
        for change in forgotten(lease, network)
    ]
    if naming.send_updates:
        told += _named(before, after, answered, naming, network)
    return tuple(told)


def registered6(lease: Lease6, before: Lease6 | None, naming: Naming, network: Names) -> tuple[NameChange, ...]:
    """What follows from an address that its client registers, perhaps once more (RFC 9686)."""
    if before is None or before.duid != lease.duid:
        return (*forgotten(before, network), *addition(lease, naming))
    return tuple(changes(lease, before, naming, naming_of_lease(before, network)))


def _as_before(before: Lease6, after: Lease6 | None) -> bool:
    """Whether DNS knows it already: the same name for the same client."""
    return after is not None and _told(before) == _told(after)


def _told(lease: Lease6) -> tuple[bytes, str, bool, bool]:
    return lease.duid, lease.hostname, lease.fqdn_fwd, lease.fqdn_rev


def _named(
    before: Mapping[int, Lease6 | None],
    after: Mapping[int, Lease6 | None],
    answered: Iterable[Answered6],
    naming: Naming,
    network: Names,
) -> Iterator[NameChange]:
    """The name of the first association whose address has news for DNS."""
    for each in answered:
        if each.type != LeaseType.IA_NA or not each.granted:
            continue
        address = each.granted[0].address
        lease = after.get(address)
        if lease is None or not is_told(lease):
            continue
        was = before[address]
        if was is not None and _as_before(was, lease):
            if not naming.update_on_renew:
                continue
            yield from removal(was, naming_of_lease(was, network))
        yield from addition(lease, naming)
        return
