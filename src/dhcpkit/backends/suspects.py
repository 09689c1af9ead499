"""Which stored leases may not fit a configuration: found in their rows, without decoding those that do.

A million leases are looked through in half a second, a few hundred at a time, so that whoever serves clients meanwhile
gets turns in between. This module does not judge (`alloc/sanity.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from dhcpkit.alloc.sanity import Places
from dhcpkit.backends.index import AnyLease, Index

__all__ = ["suspects"]

L = TypeVar("L", bound=AnyLease)


def suspects(leases: Index[L, Any], network: Places | None, *, contexts: bool) -> Iterator[Sequence[L]]:
    """Leases whose subnet is not there or does not hold their address; with `contexts`, those that have a user context.

    In order of address, those of some hundred addresses at a time, most often none. Without `network` subnets do not
    count. Leases may change between two steps.
    """
    read = leases.read
    if read is not None and not (contexts and read.contexts) and (network is None or _all_fit(read.extents, network)):
        return
    rows, form = leases.rows, leases.form
    decode, column = form.decode, form.subnet_at
    first, last, mine = 0, -1, b""  # the subnet of the lease before, and its id as rows have it
    start = 0
    while (found := leases.block_from(start)) is not None:
        addresses, start = found
        suspected = []
        for address in addresses:
            row = rows[address]
            if network is not None:
                subnet_id = row.split(b",", column + 1)[column]
                if not first <= address <= last or subnet_id != mine:
                    subnet = network.by_id.get(int(subnet_id))
                    if subnet is not None and address in subnet:
                        first, last, mine = subnet.first, subnet.last, subnet_id
                    elif not form.roams(row):
                        suspected.append(decode(address, row))
                        continue
            if contexts and b"{" in row:
                lease = decode(address, row)
                if lease.user_context:
                    suspected.append(lease)
        yield suspected


def _all_fit(extents: Mapping[int, tuple[int, int]], network: Places) -> bool:
    """Whether each subnet holds its leases: it does where it holds the first and the last of them."""
    for subnet_id, (first, last) in extents.items():
        subnet = network.by_id.get(subnet_id)
        if subnet is None or first not in subnet or last not in subnet:
            return False
    return True
