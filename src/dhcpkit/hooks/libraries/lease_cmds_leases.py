"""The leases of one family, as commands find and change them.

A server has the commands of both families; of the other one it has no leases, and no subnets to add any to. What
is changed is changed through the server, which counts it and makes it durable; where a client was first, it is tried
again. This module does not know what commands are called or how they are answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.extended_checks import ExtendedInfoChecks
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.name_change import addition, forgotten, naming_of_lease
from dhcpkit.alloc.view import ADDRESS, CLIENT_ID, HWADDR, Change
from dhcpkit.alloc.view6 import DUID, Change6
from dhcpkit.backends.memory import MemoryStore
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.backends.protocols import Where
from dhcpkit.hooks.commands import Refused, Result
from dhcpkit.hooks.libraries.lease_cmds_form import Family, Site
from dhcpkit.hooks.libraries.lease_cmds_said import address_of, client_id_of, duid_of, hwaddr_of
from dhcpkit.hooks.libraries.lease_cmds_walk import Found, slices
from dhcpkit.hooks.operated import AnyStore, Operated

__all__ = ["Asked", "LeasesOf", "asked_for"]

TRIES: Final = 5  # changes of a lease that clients change meanwhile, before the caller is told
TOGETHER: Final = 256  # leases changed in one go: a few milliseconds, and one sync of the disk
REGISTERED: Final = LeaseState.REGISTERED.value
OVERLAP: Final = "overlap"
TYPES: Final = {"IA_NA": 0, "0": 0, "IA_TA": 1, "1": 1, "IA_PD": 2, "2": 2, "V4": 3, "3": 3}  # no lease is a V4 here


@attrs.frozen
class Asked:
    """The lease that a caller means: by its address, or by an identifier and a subnet. `kind` is DHCPv6's type."""

    address: int | None = None
    kind: int = 0
    subnet_id: int = 0
    identifier_type: str = ""
    identifier: bytes = b""
    iaid: int = 0


def asked_for(said: Any, family: Family, verb: str = "Query") -> Asked:
    """What the arguments of a command about one lease mean. Raises Refused."""
    kind = 0
    if said.type is not None:
        kind = TYPES.get(said.type, -1)
        if kind < 0:
            known = "only supported values are: IA_NA, IA_TA, IA_PD and V4"
            raise Refused(f"Invalid lease type specified: {said.type}, {known}")
    if said.ip_address is not None:
        return Asked(address_of(said.ip_address, family.number), kind)
    if said.subnet_id is None:
        raise Refused("Mandatory 'subnet-id' parameter missing.")
    for value, name in ((said.identifier_type, "identifier-type"), (said.identifier, "identifier")):
        if value is None:
            raise Refused(f"No 'ip-address' provided and '{name}' is either missing or not a string.")
    readers = {"hw-address": hwaddr_of, "client-id": client_id_of, "duid": duid_of}
    name = said.identifier_type
    if name == "address":
        raise Refused("Identifier type address is not supported.")
    if name not in readers:
        raise Refused(f"Incorrect identifier type: {name}, the only supported values are: address, hw-address, duid")
    identifier = readers[name](said.identifier)
    if (name == "duid") != (family.number == 6):
        raise Refused(f"{verb} by {name} is not allowed in v{family.number}.")
    return Asked(None, kind, said.subnet_id, name, identifier, getattr(said, "iaid", 0))


class LeasesOf:
    """The leases of one family on a server."""

    def __init__(self, operated: Operated, family: Family) -> None:
        self.operated = operated
        self.family = family
        self._none: Any = MemoryStore() if family.number == 4 else MemoryStore6()

    @property
    def own(self) -> bool:
        """Whether it is the server's family."""
        return self.operated.family == self.family.number

    @property
    def store(self) -> AnyStore:
        """Where they are."""
        return self.operated.store if self.own else self._none

    @property
    def by_id(self) -> Mapping[int, Any]:
        """The subnets there are, by their identifiers."""
        return self.operated.network.by_id if self.own else {}

    def site(self) -> Site:
        """What a lease is added to."""
        holding = self.operated.network.holding if self.own else _nowhere
        checks = self.operated.doc.sanity_checks.extended_info_checks
        return Site(self.by_id, holding, self.operated.now(), ExtendedInfoChecks[checks.upper()])

    # What is found.

    async def at(self, address: int) -> Any | None:
        """The lease of an address."""
        view = await self.store.load([(ADDRESS, address)])
        return view.by_address(address)

    async def one(self, asked: Asked) -> Any | None:
        """The lease that a caller means."""
        if asked.address is not None:
            lease = await self.at(asked.address)
            return lease if lease is not None and self._is_kind(lease, asked.kind) else None
        for lease in await self.with_identifier(asked.identifier_type, asked.identifier):
            same = self.family.number == 4 or (lease.iaid == asked.iaid and self._is_kind(lease, asked.kind))
            if same and lease.subnet_id == asked.subnet_id:
                return lease
        return None

    def _is_kind(self, lease: Any, kind: int) -> bool:
        return self.family.number == 4 or lease.type == kind

    async def with_identifier(self, name: str, identifier: bytes) -> Sequence[Any]:
        """The leases with a hardware address, client identifier or DUID; DHCPv6's hardware addresses have no index."""
        view: Any = await self.store.load(
            [({"hw-address": HWADDR, "client-id": CLIENT_ID, "duid": DUID}[name], identifier)]
        )
        if name == "duid":
            return tuple(view.by_duid(identifier))
        return tuple(view.by_client_id(identifier) if name == "client-id" else view.by_hwaddr(identifier))

    async def pages(self, wanted: Callable[[Any], bool] | None = None, octets: bytes = b"", after: int = -1) -> Found:
        """Leases in order of their addresses: those whose row has some octets in it, and that are wanted."""
        decode = self.family.form.decode
        async for rows in slices(self.store, self.family.form, after):
            leases = [decode(address, row) for address, row in rows if octets in row]
            yield leases if wanted is None else [lease for lease in leases if wanted(lease)]

    async def page(self, after: int, limit: int) -> Found:
        """So many leases behind an address, or fewer at the end."""
        left = limit
        async for leases in self.pages(after=after):
            yield leases[:left]
            left -= len(leases)
            if left <= 0:
                return

    # What is changed.

    def change(self, before: Any | None, after: Any | None) -> Sequence[Any]:
        """A unit that changes one lease."""
        return ((Change if self.family.number == 4 else Change6)(before, after),)

    async def put(self, lease: Any, *, add: bool, replace: bool) -> bool:
        """Stores a lease; whether it is a new one. Raises Refused: a conflict, or what the state forbids."""
        for _ in range(TRIES):
            before = await self.at(lease.address)
            self.may_follow(before, lease, add=add, replace=replace)
            if before is None and add and not replace:
                await self._apart(lease)
            kept = await self.operated.commit([self.change(before, lease)])
            if kept[0]:
                return before is None
        raise self._lost(lease)

    def may_follow(self, before: Any | None, lease: Any, *, add: bool, replace: bool) -> None:
        """Raises Refused where a lease may not follow what is stored."""
        if before is None:
            if not add:
                raise self._lost(lease)
            return
        if not replace:
            raise Refused(f"{self.family.name} lease already exists.", Result.CONFLICT)
        if self.family.number == 4:
            return
        if before.type != lease.type:
            raise self._lost(lease)
        address = self.family.text(lease.address)
        if before.state == REGISTERED and lease.state != REGISTERED:
            raise Refused(f"illegal reuse of registered address {address}")
        if before.state != REGISTERED and lease.state == REGISTERED:
            raise Refused(f"address in use: {address} can't be registered")

    def _lost(self, lease: Any) -> Refused:
        where = f"failed to update the lease with address {self.family.text(lease.address)}"
        why = "either because the lease has been deleted or it has changed in the database"
        return Refused(f"{where} {why}, in both cases a retry might succeed", Result.CONFLICT)

    async def _apart(self, lease: Any) -> None:
        """Raises Refused where a new DHCPv6 lease would have addresses that another has (deviation: Kea adds it)."""
        if self.family.number == 4:
            return
        view: Any = await self.store.load([(OVERLAP, lease.address, lease.prefix_len)])
        now = self.operated.now()
        for other in view.overlapping(lease.address, lease.prefix_len):
            if not other.expired(now):
                what = f"{self.family.text(other.address)}/{other.prefix_len}"
                raise Refused(f"IPv6 lease already exists: {what} overlaps it.", Result.CONFLICT)

    async def remove(self, find: Callable[[], Awaitable[Any | None]]) -> Any | None:
        """Deletes the lease that is found; what it was, None where there was none."""
        for _ in range(TRIES):
            lease = await find()
            if lease is None:
                return None
            kept = await self.operated.commit([self.change(lease, None)])
            if kept[0]:
                return lease
        raise Refused(f"the lease changes all the time; it was tried {TRIES} times", Result.CONFLICT)

    async def wipe(self, subnets: Mapping[int, Any] | set[int]) -> int:
        """Deletes all leases of some subnets, a few hundred at a time; how many."""
        where = Where(subnet_id=next(iter(subnets))) if len(subnets) == 1 else Where()
        wiped = 0
        async for page in self.store.pages(where, TOGETHER):
            gone = [lease for lease in page if lease.subnet_id in subnets]
            for _ in range(TRIES):
                if not gone:
                    break
                kept = await self.operated.commit([self.change(lease, None) for lease in gone])
                wiped += sum(kept)
                late = [lease for lease, ok in zip(gone, kept, strict=True) if not ok]
                gone = [found for lease in late if (found := await self.at(lease.address)) is not None]
        return wiped

    async def apply(self, deleted: Sequence[Asked], leases: Sequence[Any]) -> Mapping[int, Refused]:
        """Deletes leases, then adds or replaces others; what could not be done, by its number among all of them."""
        steps: Sequence[Any] = (*deleted, *leases)
        failed: dict[int, Refused] = {}
        for first in range(0, len(steps), TOGETHER):
            waiting = list(range(first, min(first + TOGETHER, len(steps))))
            for _ in range(TRIES):
                if not waiting:
                    break
                waiting = await self._apply(steps, waiting, failed)
            for number in waiting:
                failed[number] = Refused("the lease changes all the time", Result.CONFLICT)
        return failed

    async def _apply(self, steps: Sequence[Any], numbers: Sequence[int], failed: dict[int, Refused]) -> list[int]:
        """Takes some steps together; those that a client came before."""
        changed: dict[int, Any] = {}  # what the steps before leave behind
        units, taken = [], []
        for number in numbers:
            step = steps[number]
            try:
                unit = await (self._deletion(step, changed) if isinstance(step, Asked) else self._put(step, changed))
            except Refused as refused:
                failed[number] = refused
            else:
                units.append(unit)
                taken.append(number)
        kept = await self.operated.commit(units) if units else ()
        return [number for number, ok in zip(taken, kept, strict=True) if not ok]

    async def _deletion(self, asked: Asked, changed: dict[int, Any]) -> Sequence[Any]:
        lease = await self.one(asked)
        if lease is not None:
            lease = changed.get(lease.address, lease)
        if lease is None:
            raise Refused("lease not found", Result.EMPTY)
        changed[lease.address] = None
        return self.change(lease, None)

    async def _put(self, lease: Any, changed: dict[int, Any]) -> Sequence[Any]:
        before = changed[lease.address] if lease.address in changed else await self.at(lease.address)
        self.may_follow(before, lease, add=True, replace=True)
        changed[lease.address] = lease
        return self.change(before, lease)

    # What DNS hears.

    def forget_name(self, lease: Any) -> None:
        """DNS is told that a lease is no more."""
        told = forgotten(lease, self.operated.network)
        if told:
            self.operated.names.put(told)

    def tell_name(self, lease: Any) -> bool:
        """DNS is told of a lease's name once more; False where DNS has no such name.

        Whether DNS is told of new leases there (`ddns-send-updates`) does not matter: it was told of this one (Kea).
        """
        naming = attrs.evolve(naming_of_lease(lease, self.operated.network), send_updates=True)
        told = tuple(addition(lease, naming))
        if told:
            self.operated.names.put(told)
        return bool(told)


def _nowhere(_address: int) -> Sequence[Any]:
    return ()
