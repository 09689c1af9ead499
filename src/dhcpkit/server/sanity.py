"""Leases of an earlier run or configuration are held against the one in force: Kea's `sanity-checks`, carried out.

What does not fit is told, put right or dropped as the operator asked, in memory only: a lease file keeps its rows until
its next clean-up, and what a wrong configuration has dropped is back with the right one. Kea checks its memfile so, and
no database. This module decides nothing (`alloc/sanity.py`).
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import attrs

from dhcpkit.alloc.extended_checks import ExtendedInfoChecks, check_context4, check_context6
from dhcpkit.alloc.sanity import Checked, LeaseChecks, Places, Verdict, check_lease
from dhcpkit.server import messages as m
from dhcpkit.server.family import Family
from dhcpkit.server.log import RateLimit
from dhcpkit.server.loop import AnyLocalStore, AnyStore
from dhcpkit.server.statistics import Statistics

__all__ = ["SanityChecks", "check_leases"]


@attrs.frozen
class SanityChecks:
    """How strict: Kea's keys and defaults."""

    lease_checks: LeaseChecks = LeaseChecks.WARN
    extended_info_checks: ExtendedInfoChecks = ExtendedInfoChecks.FIX


async def check_leases(
    family: Family[Any], store: AnyStore, network: Places, checks: SanityChecks, statistics: Statistics
) -> None:
    """Checks every lease of a store in memory. Others have turns in between; leases may change meanwhile."""
    subnets = network if checks.lease_checks is not LeaseChecks.NONE else None
    contexts = checks.extended_info_checks is not ExtendedInfoChecks.NONE
    if not store.local or (subnets is None and not contexts):
        return
    local = cast("AnyLocalStore", store)
    told = {verdict: RateLimit(message.of(family.number)) for verdict, message in _MESSAGES.items()}
    tally = family.tally()
    faults = RateLimit(m.DHCPSRV_LEASE_EXTENDED_INFO_SANITY_FAIL.of(family.number))
    check_context = check_context6 if family.number == 6 else check_context4
    for leases in local.suspects(subnets, contexts=contexts):
        units = []
        for lease in leases:
            checked = check_lease(lease, network, checks.lease_checks)
            _tell(family, lease, checked, told)
            kept = checked.lease
            if kept is not None and kept.user_context:
                found = check_context(kept.user_context, checks.extended_info_checks)
                kept = kept._replace(user_context=found.context)
                if found.fault:
                    faults.log(address=family.words.address(lease.address), because=found.fault)
            if kept != lease:
                units.append(((lease, kept),))
                tally.changed(lease, kept)
        if units:
            done = local.amend(units)
            assert all(done), "nobody changes a lease between a look at it and this"
            statistics.add_leases(tally)
        await asyncio.sleep(0)
    for limit in (*told.values(), faults):
        limit.flush()


_MESSAGES = {
    Verdict.KEPT: m.DHCPSRV_LEASE_SANITY_FAIL,
    Verdict.FIXED: m.DHCPSRV_LEASE_SANITY_FIXED,
    Verdict.DROPPED: m.DHCPSRV_LEASE_SANITY_FAIL_DISCARD,
}


def _tell(family: Family[Any], lease: Any, checked: Checked[Any], told: dict[Verdict, RateLimit]) -> None:
    if checked.verdict in told:
        where = f"in subnet-id {checked.home}" if checked.home else "in no subnet"
        address = family.words.address(lease.address)
        told[checked.verdict].log(address=address, id=lease.subnet_id, where=where)
