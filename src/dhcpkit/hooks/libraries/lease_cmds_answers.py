"""What each lease command answers, for either family. Texts are Kea's, since tools look at some of them.

This module does not know what commands are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.backends.protocols import Where
from dhcpkit.hooks.commands import Answer, Refused, Result
from dhcpkit.hooks.libraries import lease_cmds_args as args
from dhcpkit.hooks.libraries.lease_cmds_file import place_of, write_rows
from dhcpkit.hooks.libraries.lease_cmds_form import TYPE_NAMES, Family
from dhcpkit.hooks.libraries.lease_cmds_leases import Asked, LeasesOf, asked_for
from dhcpkit.hooks.libraries.lease_cmds_said import (
    LISTED,
    LOOKED_UP,
    PARSED,
    U32,
    address_of,
    client_id_of,
    duid_of,
    hwaddr_of,
    understood,
)
from dhcpkit.hooks.libraries.lease_cmds_walk import Found, listing, slices
from dhcpkit.hooks.operated import Operated

__all__ = ["LeaseAnswers"]

STATES: Final = {
    "default": LeaseState.DEFAULT,
    "assigned": LeaseState.DEFAULT,
    "declined": LeaseState.DECLINED,
    "expired-reclaimed": LeaseState.EXPIRED_RECLAIMED,
    "released": LeaseState.RELEASED,
    "registered": LeaseState.REGISTERED,
}
STATE_NAMES: Final = {state.value: name for name, state in STATES.items() if name != "assigned"}
IA_PD: Final = LeaseType.IA_PD.value
PAGE_SIZE: Final = 512  # leases of a state that are read at a time


class LeaseAnswers:
    """The answers of one family. Each method takes what was sent, a JSON value or None, and raises Refused."""

    def __init__(self, operated: Operated, family: Family) -> None:
        self._operated = operated
        self._family = family
        self._leases = LeasesOf(operated, family)

    def _found(self, count: int) -> str:
        return f"{count} {self._family.name} lease(s) found."

    # Looking.

    async def get(self, said: Any) -> Answer:
        """One lease."""
        family = self._family
        lease = await self._leases.one(asked_for(understood(family.one, LOOKED_UP, said), family))
        if lease is None:
            return Answer(Result.EMPTY, "Lease not found.")
        return Answer(text=f"{family.name} lease found.", arguments=family.shown(lease))

    async def get_all(self, said: Any) -> Answer:
        """All leases, or those of some subnets."""
        if said is None:
            return listing(self._leases.pages(), self._family.show, self._found)
        asked = understood(args.AllArguments, LISTED, said)
        if asked.subnets is None:
            raise Refused("'subnets' parameter not specified")
        subnets = frozenset(asked.subnets)
        found = self._leases.pages(lambda lease: lease.subnet_id in subnets)
        return listing(found, self._family.show, self._found)

    async def get_page(self, said: Any, name: str) -> Answer:
        """Some leases behind an address."""
        words = attrs.evolve(LISTED, absent=f"no parameters specified for the {name} command")
        asked = understood(args.PageArguments, words, said)
        after = 0 if asked.from_ == "start" else self._place(asked.from_)
        if not asked.limit:
            raise Refused("page size of retrieved leases must not be 0")
        if not 0 < asked.limit <= U32:
            raise Refused(f"page size of retrieved leases must not be greater than {U32}")
        return listing(self._leases.page(after, asked.limit), self._family.show, self._found, counted=True)

    def _place(self, text: str) -> int:
        what = f"IPv{self._family.number}"
        try:
            return address_of(text, self._family.number, asked="")
        except Refused as refused:
            wrong = f"'from' parameter value is neither 'start' keyword nor a valid {what} address"
            other = f"'from' parameter value {text} is not an {what} address"
            raise Refused(wrong if refused.answer.text else other) from None

    async def by_hw_address(self, said: Any) -> Answer:
        """Leases of a hardware address."""
        hwaddr = hwaddr_of(understood(args.ByHwAddress, LISTED, said).hw_address)
        if not hwaddr:
            raise Refused("'hw-address' parameter must not be empty")
        if self._family.number == 4:
            return self._listed(await self._leases.with_identifier("hw-address", hwaddr))
        octets = f",{hwaddr.hex(':')},".encode()
        found = self._leases.pages(lambda lease: lease.hwaddr == hwaddr, octets)
        return listing(found, self._family.show, self._found)

    async def by_client_id(self, said: Any) -> Answer:
        """Leases of a DHCPv4 client identifier."""
        client_id = client_id_of(understood(args.ByClientId, LISTED, said).client_id)
        return self._listed(await self._leases.with_identifier("client-id", client_id))

    async def by_duid(self, said: Any) -> Answer:
        """Leases of a DUID."""
        duid = duid_of(understood(args.ByDuid, LISTED, said).duid)
        return self._listed(await self._leases.with_identifier("duid", duid))

    def _listed(self, leases: Sequence[Any]) -> Answer:
        async def found() -> Found:
            yield sorted(leases, key=lambda lease: lease.address)

        return listing(found(), self._family.show, self._found)

    async def by_hostname(self, said: Any) -> Answer:
        """Leases of a name."""
        hostname = understood(args.ByHostname, LISTED, said).hostname
        if not hostname:
            raise Refused("'hostname' parameter is empty")
        name, octets = self._family.stored_name(hostname)
        found = self._leases.pages(lambda lease: lease.hostname == name, octets)
        return listing(found, self._family.show, self._found)

    async def by_state(self, said: Any) -> Answer:
        """Leases in a state."""
        asked = understood(args.ByState, LISTED, said)
        state = asked.state
        if isinstance(state, str):
            if not state:
                raise Refused("'state' parameter is empty")
            if state not in STATES:
                raise Refused(f"'state' parameter value ({state}) is not recognized")
            number = STATES[state].value
        elif isinstance(state, int) and not isinstance(state, bool):
            number = state
        else:
            raise Refused("'state' parameter must be a number or a string")
        name = f"{STATE_NAMES[number]} ({number})" if number in STATE_NAMES else str(number)
        where = f" in subnet {asked.subnet_id}" if asked.subnet_id else ""
        found = self._leases.store.pages(Where(subnet_id=asked.subnet_id or None, state=number), PAGE_SIZE)
        return listing(found, self._family.show, lambda count: f"{self._found(count)[:-1]} with state {name}{where}.")

    # Changing.

    async def add(self, said: Any) -> Answer:
        """A new lease."""
        family = self._family
        lease = family.read(understood(family.given, PARSED, said), self._leases.site())
        await self._leases.put(lease, add=True, replace=False)
        kind, what = "address", family.text(lease.address)
        if family.number == 6 and lease.type == IA_PD:
            kind, what = "prefix", f"{what}/{lease.prefix_len}"
        return Answer(text=f"Lease for {kind} {what}, subnet-id {lease.subnet_id} added.")

    async def update(self, said: Any, name: str) -> Answer:
        """A lease in the place of another."""
        family = self._family
        words = attrs.evolve(PARSED, absent=f"no parameters specified for {name} command")
        asked = understood(family.changed, words, said)
        lease = family.read(asked, self._leases.site())
        added = await self._leases.put(lease, add=asked.force_create, replace=True)
        return Answer(text=f"{family.name} lease {'added' if added else 'updated'}.")

    async def delete(self, said: Any, document: type[args.Delete4 | args.Delete6]) -> Answer:
        """No lease any more."""
        told = understood(document, LOOKED_UP, said)
        asked = asked_for(told, self._family, "Delete")
        lease = await self._leases.remove(lambda: self._leases.one(asked))
        if lease is None:
            return Answer(Result.EMPTY, f"{self._family.name} lease not found.")
        if told.update_ddns:
            self._leases.forget_name(lease)
        return Answer(text=f"{self._family.name} lease deleted.")

    async def wipe(self, said: Any) -> Answer:
        """No leases any more, of a subnet or of all that are configured."""
        number = understood(args.WipeArguments, PARSED, {} if said is None else said).subnet_id
        subnets = {number} if number else set(self._leases.by_id)
        wiped = await self._leases.wipe(subnets) if subnets else 0
        named = "".join(f" {each}" for each in sorted(subnets))
        text = f"Deleted {wiped} {self._family.name} lease(s) from subnet(s){named}"
        return Answer(Result.SUCCESS if wiped else Result.EMPTY, text)

    async def bulk_apply(self, said: Any) -> Answer:
        """Several leases deleted, added and changed. Nothing is where one of them makes no sense."""
        asked = understood(args.BulkArguments, BULK, said)
        if asked.deleted_leases is None and asked.leases is None:
            raise Refused("neither 'deleted-leases' nor 'leases' parameter specified")
        family = self._family
        try:
            deleted = [
                asked_for(understood(args.Delete6, LOOKED_UP, each), family, "Delete")
                for each in asked.deleted_leases or ()
            ]
            site = self._leases.site()
            leases = [family.read(understood(family.given, PARSED, each), site) for each in asked.leases or ()]
        except Refused as refused:
            raise Refused(refused.answer.text) from None  # a conflict here is a mistake of the whole command, too
        failed = await self._leases.apply(deleted, leases)
        done = len(deleted) + len(leases) - len(failed)
        arguments: dict[str, Any] = {}
        for key, steps, first in (("failed-deleted-leases", deleted, 0), ("failed-leases", leases, len(deleted))):
            told = [
                _failure(step, failed[number], family) for number, step in enumerate(steps, first) if number in failed
            ]
            if told:
                arguments[key] = told
        text = f"Bulk apply of {done} IPv6 leases completed."
        return Answer(Result.SUCCESS if done else Result.EMPTY, text, arguments or None)

    async def keep(self, leases: Sequence[Any], context_of: Callable[[Any], str]) -> Sequence[str]:
        """Stores leases with other user contexts, where they are others; addresses of those that have changed."""
        units, stored = [], []
        for lease in leases:
            context = context_of(lease)
            if context != lease.user_context:
                units.append(self._leases.change(lease, lease._replace(user_context=context)))
                stored.append(lease)
        kept = await self._operated.commit(units) if units else ()
        return [self._family.text(lease.address) for lease, ok in zip(stored, kept, strict=True) if not ok]

    # Elsewhere.

    async def resend_ddns(self, said: Any) -> Answer:
        """DNS hears of a lease's name once more."""
        text = understood(args.AddressArguments, RESENT, said).ip_address
        try:
            address = address_of(text, self._family.number)
        except Refused as refused:
            known = refused.answer.text.startswith("Invalid")
            raise Refused(refused.answer.text if known else f"'{text}' is not a valid IP address.") from None
        where = self._family.text(address)
        if not self._leases.own or not self._operated.network.naming.enabled:
            raise Refused("DDNS updating is not enabled", Result.CONFLICT)
        lease = await self._leases.one(Asked(address))
        if lease is None:
            raise Refused(f"No lease found for: {where}", Result.EMPTY)
        if not lease.hostname:
            raise Refused(f"Lease for: {where}, has no hostname, nothing to update", Result.CONFLICT)
        if not lease.fqdn_fwd and not lease.fqdn_rev:
            raise Refused(f"Neither forward nor reverse updates enabled for lease for: {where}", Result.CONFLICT)
        if not self._leases.tell_name(lease):
            raise Refused(f"Lease for: {where}, has a hostname that DNS cannot have", Result.CONFLICT)
        return Answer(text=f"NCR generated for: {where}, hostname: {lease.hostname}")

    async def write(self, said: Any) -> Answer:
        """All leases in a file."""
        words = attrs.evolve(LISTED, absent=PARSED.absent)
        name = understood(args.WriteArguments, words, said).filename
        kept: Path | None = getattr(self._operated.store, "path", None)
        target = place_of(name, self._operated.data_directory, kept)
        form = self._family.form
        await write_rows(target, form, slices(self._leases.store, form))
        return Answer(text=f"{self._family.name} lease database into '{target}'.")


BULK: Final = attrs.evolve(LISTED, wrong="the '{key}' parameter must be {kind}")
RESENT: Final = attrs.evolve(LOOKED_UP, absent="'ip-address' parameter is missing.")


def _failure(step: Any, refused: Refused, family: Family) -> Mapping[str, Any]:
    """What is told of a lease that could not be deleted or stored."""
    told: dict[str, Any] = {"error-message": refused.answer.text, "result": int(refused.answer.result)}
    if isinstance(step, Asked):
        told["type"] = TYPE_NAMES.get(step.kind, "V4")
        if step.address is None:
            return told | {"duid": step.identifier.hex(":")}
    else:
        told["type"] = TYPE_NAMES[step.type]
    return told | {"ip-address": family.text(step.address)}
