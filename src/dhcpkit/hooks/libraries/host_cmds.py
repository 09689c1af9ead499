"""Kea's library `host_cmds`: commands that look at reservations, add, change and remove them.

`database` is the stores of `hosts-databases`; where the configuration names none, a file in the data directory.
`memory` is the configuration itself: what is changed there is in `config-get` and `config-write`, and gone at the next
reload of a file that does not have it. This module does not know how reservations are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any, Final

from dhcpkit.backends.hosts import (
    HostClash,
    HostFilter,
    Reservation,
    address_key,
    identifier_key,
    reservation_of,
)
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.config import ConfigError, codes
from dhcpkit.config.checks import identifier
from dhcpkit.config.reserving import identifier_text
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.hooks.libraries.host_cmds_args import (
    SUBNET_MAX,
    U64,
    ByAddress,
    ByHostname,
    ById,
    InSubnet,
    One,
    Page,
    Target,
    Written,
    address_of,
    identifier_of,
    integer_of,
    map_of,
    subnet_of,
    target_of,
    text_of,
)
from dhcpkit.hooks.library import Library
from dhcpkit.hooks.operated import Operated

__all__ = ["HostCommands"]

TOGETHER: Final = 500  # reservations that are shown between two looks at messages: 10 ms
LIMIT_MAX: Final = 2**32 - 1  # Kea's numbers of this kind have 32 bits
SEARCHED: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)


class HostCommands(Library):
    """Looks at reservations and changes them while the server runs."""

    name = "host_cmds"

    def __init__(self, operated: Operated, parameters: Any) -> None:
        super().__init__(operated, parameters)
        self.hosts = operated.hosts
        self.family = operated.family

    async def load(self) -> None:
        """There has to be a place for what `reservation-add` adds."""
        self.hosts.want_store()

    async def unload(self) -> None:
        """The place is not needed any more, unless the configuration names it."""
        self.hosts.want_store(-1)

    # Changing.

    @command("reservation-add", Access.WRITE, since="1.2.0", arguments=Written, raw=True)
    async def add(self, arguments: Any) -> Answer:
        """Adds a reservation, which holds from the next message of its client on.

        It is safe on the disk before the answer. Leases that exist stay: a client whose address is now reserved for
        another one keeps it until it renews.
        """
        if arguments is None:
            raise Refused("no parameters specified for the command")
        arguments = map_of(arguments)
        if "reservation" not in arguments:
            raise Refused("reservation must be specified")
        target = target_of(arguments)
        wanted = self._wanted(arguments["reservation"])
        host_id = 0
        if target.has_memory(default=False):
            host_id = await self._remember(wanted, before=None)
        if target.has_database():
            await self._keep(wanted, host_id)
        return Answer(text="Host added.")

    @command("reservation-update", Access.WRITE, since="2.3.7", arguments=Written, raw=True)
    async def update(self, arguments: Any) -> Answer:
        """Puts a reservation in the place of the one for its client in its subnet.

        Where that cannot be, because another client has its address reserved, the earlier one stays as it was.
        """
        if arguments is None:
            raise Refused("invalid command: does not contain mandatory 'arguments'")
        arguments = map_of(arguments)
        if "reservation" not in arguments:
            raise Refused(
                "invalid command: expected 'reservation' as the sole parameter inside the 'arguments' map, didn't get"
                " it instead"
            )
        target = target_of(arguments)
        wanted = self._wanted(arguments["reservation"])
        host_id = 0
        if target.has_memory(default=False):
            before = self.hosts.configured.get(wanted.key)
            if before is not None:
                host_id = await self._remember(wanted, before=before)
        found = bool(host_id)
        if target.has_database():
            found = await self._keep(wanted, host_id, replace=True) or found
        if not found:
            raise Refused("Host not updated (not found).")
        return Answer(text="Host updated.")

    @command("reservation-del", Access.WRITE, since="1.2.0", arguments=One, raw=True, results=SEARCHED)
    async def delete(self, arguments: Any) -> Answer:
        """Removes a reservation, from the next message of its client on. Its lease, if it has one, stays."""
        arguments = map_of(arguments)
        target = target_of(arguments)
        subnet_id, where = self._one(arguments, "del")
        found = False
        if target.has_memory(default=False):
            for each in list(self.hosts.configured.wanted(where)):
                await self.operated.edit(partial(self._edited, before=each, after=None))
                self._forget(each)
                found = True
        if target.has_database():
            for each in await self._stored(where):
                found = await self._safely(self.hosts.remove(each)) or found
        if not found:
            return Answer(Result.EMPTY, "Host not deleted (not found).")
        assert subnet_id is not None, "it was asked for"
        return Answer(text="Host deleted.")

    async def _keep(self, wanted: Reservation, host_id: int, *, replace: bool = False) -> bool:
        """Keeps a reservation in a store; False where there is none to replace. Raises Refused."""
        assert self.hosts.stores, "there is one where this library is loaded"
        cached = self.hosts.cache is not None and self.hosts.cache.clashes(wanted)
        unique = self.operated.doc.ip_reservations_unique
        try:
            kept = await self.hosts.put(
                wanted.written, wanted.subnet_id, replace=replace, unique=unique, host_id=host_id
            )
        except HostClash:
            raise Refused(f"{'Host cache' if cached and not replace else 'Database'} duplicate entry error") from None
        except StoreUnavailable as error:
            raise Refused(f"the reservation cannot be stored: {error}") from None
        return kept is not None

    async def _safely(self, change: Any) -> bool:
        try:
            return bool(await change)
        except StoreUnavailable as error:
            raise Refused(f"the reservation cannot be removed: {error}") from None

    # The configuration.

    async def _remember(self, wanted: Reservation, before: Reservation | None) -> int:
        """Puts a reservation into the configuration, in the place of another one: its number there. Raises Refused."""
        self._check_configured(wanted, before)
        host_id = self.hosts.next_id()
        await self.operated.edit(partial(self._edited, before=before, after=wanted))
        self.hosts.remember(wanted, host_id)
        return host_id

    def _forget(self, gone: Reservation) -> None:
        if self.hosts.cache is not None:
            self.hosts.cache.remove(*gone.key)

    def _check_configured(self, wanted: Reservation, before: Reservation | None) -> None:
        names = {"hw-address": "HW address", "duid": "DUID"}
        octets = identifier_text(wanted.identifier_type, wanted.identifier)
        who = f"{names.get(wanted.identifier_type, wanted.identifier_type)} '{octets}'"
        failed = f"failed to add new host using the {who} to the IPv{self.family} subnet id '{wanted.subnet_id}'"
        try:
            self.hosts.configured.check(wanted, before, unique=self.operated.doc.ip_reservations_unique)
        except HostClash as clash:
            if clash.other is not None and clash.other.key == wanted.key:
                raise Refused(f"{failed} as this host has already been added") from None
            kind = IPv4Address if self.family == 4 else IPv6Address
            taken = " ".join(str(kind(each)) for each in wanted.addresses)
            raise Refused(f"{failed} for the address {taken}: There's already a reservation for this address") from None

    def _edited(self, config: dict[str, Any], before: Reservation | None, after: Reservation | None) -> None:
        """Changes the list of reservations that one is in."""
        about = before or after
        assert about is not None, "something is changed"
        place = self._place(config, about.subnet_id)
        entries = place.setdefault("reservations", [])
        if before is not None:
            name = before.identifier_type
            entries[:] = [each for each in entries if name not in each or identifier(each[name]) != before.identifier]
        if after is not None:
            entries.append(dict(after.written))
        if not entries:
            del place["reservations"]

    def _place(self, config: dict[str, Any], subnet_id: int) -> dict[str, Any]:
        if not subnet_id:
            return config
        name = f"subnet{self.family}"
        prefix = self.operated.network.by_id[subnet_id].prefix
        links = (config, *config.get("shared-networks", ()))
        subnets = [subnet for link in links for subnet in link.get(name, ())]
        for subnet in subnets:
            if subnet.get("id") == subnet_id or (
                not subnet.get("id") and ip_network(subnet["subnet"], strict=False) == prefix
            ):
                found: dict[str, Any] = subnet
                return found
        raise Refused(f"IPv{self.family} subnet with ID of '{subnet_id}' is not configured")

    # What was written.

    def _wanted(self, written: Any) -> Reservation:
        """The reservation of a command's arguments, checked as one of the configuration. Raises Refused."""
        if not isinstance(written, dict):
            raise Refused("mapValue() called on non-map Element")
        inner = {key: value for key, value in written.items() if key != "subnet-id"}
        number = written.get("subnet-id", 0)
        if type(number) is not int:
            raise Refused("'subnet-id' parameter is not integer.")
        if not 0 <= number <= SUBNET_MAX:
            raise Refused(f"The 'subnet-id' value ({number}) is not within expected range: (0 - {SUBNET_MAX})")
        network = self.operated.network
        if number and number not in network.by_id:
            raise Refused(f"IPv{self.family} subnet with ID of '{number}' is not configured")
        try:
            self.hosts.reserving.host(inner, number)
            made = reservation_of(self.family, number, inner)
        except ConfigError as error:
            problem = error.errors[0]
            if problem.code is codes.UNKNOWN_KEY:
                raise Refused(f"unsupported configuration parameter '{problem.path}'") from None
            raise Refused(problem.message) from None
        if "subnet-id" not in written:
            self._needs_subnet(made)
        elif number:
            self._check_inside(made)
        return made

    def _needs_subnet(self, made: Reservation) -> None:
        """Only what reserves no address can be for all subnets without saying so. Raises Refused."""
        needed = "Mandatory 'subnet-id' parameter missing."
        for address in made.addresses:
            for subnet in self.operated.network.holding(address):
                what = (
                    f"The address '{IPv4Address(address)}' belongs"
                    if self.family == 4
                    else ("Reserved IPv6 addresses belong")
                )
                raise Refused(f"{needed} {what} to subnet '{subnet.prefix}' id {subnet.id}.")
        if made.addresses:
            raise Refused(needed)

    def _check_inside(self, made: Reservation) -> None:
        subnet = self.operated.network.by_id[made.subnet_id]
        texts = [made.written["ip-address"]] if made.written.get("ip-address") else made.written.get("ip-addresses", ())
        for text in texts:
            if int(IPv4Address(text) if self.family == 4 else IPv6Address(text)) not in subnet:
                expected = f"the IPv{self.family} subnet prefix '{subnet.prefix}'"
                raise Refused(f"specified reservation '{text}' is not matching {expected}")

    # Looking.

    @command("reservation-get", Access.READ, since="1.2.0", arguments=One, raw=True, results=SEARCHED)
    async def get(self, arguments: Any) -> Answer:
        """Shows the reservation of a client or of an address in one subnet."""
        arguments = map_of(arguments)
        target = target_of(arguments)
        _, where = self._one(arguments, "get")
        found: Reservation | None = None
        if target.has_memory(default=True):
            found = next(self.hosts.configured.wanted(where), None)
        if found is None and target.has_database():
            found = self._cached(where)
            if found is None:
                found = next(iter(await self._stored(where)), None)
                if found is not None:
                    self.hosts.remember(found, found.id)
        if found is None:
            return Answer(Result.EMPTY, "Host not found.")
        return Answer(text="Host found.", arguments=self._shown(found))

    @command("reservation-get-all", Access.READ, since="1.6.0", arguments=InSubnet, raw=True, results=SEARCHED)
    async def get_all(self, arguments: Any) -> Answer:
        """Shows all reservations of one subnet, or the global ones."""
        arguments = map_of(arguments)
        target = target_of(arguments)
        where = HostFilter(subnet_id=subnet_of(arguments, self.operated.network, self.family, needed=True))
        return await self._found(await self._all(where, target))

    @command("reservation-get-page", Access.READ, since="1.6.0", arguments=Page, raw=True, results=SEARCHED)
    async def get_page(self, arguments: Any) -> Answer:
        """Shows some reservations, of one subnet or of all; `next` of the answer says how to ask for those behind them.

        Sources are the configuration, the cache if there is one, and the stores, in this order. One that ends in the
        middle is followed by the next one at the next question; an answer without reservations is the end.
        """
        arguments = map_of(arguments)
        limit = integer_of(arguments, "limit", LIMIT_MAX)
        if not limit:
            raise Refused("page size of retrieved hosts must not be 0")
        where = HostFilter(subnet_id=subnet_of(arguments, self.operated.network, self.family))
        source = integer_of(arguments, "source-index", LIMIT_MAX, 0)
        after = integer_of(arguments, "from", U64, 0)
        page: Sequence[Reservation] = ()
        sources = self._sources()
        while not page and source < len(sources):
            page = await self._page(sources[source], where, limit, after)
            if not page:
                source, after = source + 1, 0
        answer = await self._found(page)
        answer.arguments["count"] = len(page)
        if page:
            answer.arguments["next"] = {"from": page[-1].id, "source-index": source}
        return answer

    @command(
        "reservation-get-by-hostname", Access.READ, since="1.7.1", arguments=ByHostname, raw=True, results=SEARCHED
    )
    async def get_by_hostname(self, arguments: Any) -> Answer:
        """Shows the reservations of a host name."""
        arguments = map_of(arguments)
        hostname = text_of(arguments, "hostname")
        if not hostname:
            raise Refused("Empty hostname")
        subnet_id = subnet_of(arguments, self.operated.network, self.family)
        return await self._found(await self._all(HostFilter(subnet_id, hostname), target_of(arguments)))

    @command("reservation-get-by-id", Access.READ, since="1.9.0", arguments=ById, raw=True, results=SEARCHED)
    async def get_by_id(self, arguments: Any) -> Answer:
        """Shows the reservations of a client in all subnets."""
        arguments = map_of(arguments)
        if "subnet-id" in arguments:
            raise Refused("'subnet-id' is not taken here: a client's reservations of all subnets are shown")
        target = target_of(arguments)
        return await self._found(await self._all(HostFilter(identifier=identifier_of(arguments)), target))

    @command("reservation-get-by-address", Access.READ, since="2.4.0", arguments=ByAddress, raw=True, results=SEARCHED)
    async def get_by_address(self, arguments: Any) -> Answer:
        """Shows who has an address, or a prefix that begins with it, reserved."""
        arguments = map_of(arguments)
        text = text_of(arguments, "ip-address")
        try:
            address = address_of(text, self.family)
        except Refused as refused:
            if refused.answer.text.startswith("Failed"):
                raise Refused(f"Failed to convert '{text}' to address: {refused.answer.text}") from None
            raise
        subnet_id = subnet_of(arguments, self.operated.network, self.family)
        return await self._found(await self._all(HostFilter(subnet_id, address=address), target_of(arguments)))

    def _one(self, arguments: Mapping[str, Any], verb: str) -> tuple[int, HostFilter]:
        """The one reservation that is meant. Raises Refused."""
        text = arguments.get("ip-address")
        if "subnet-id" not in arguments and isinstance(text, str) and verb == "get":
            raise Refused(
                "missing parameter 'subnet-id', use 'reservation-get-by-address' with 'ip-address' set to"
                f' "{text}" to get the list of reservations with this address'
            )
        subnet_id = integer_of(arguments, "subnet-id", SUBNET_MAX)
        if "ip-address" in arguments:
            address = address_of(text_of(arguments, "ip-address"), self.family)
            return subnet_id, HostFilter(subnet_id, address=address)
        return subnet_id, HostFilter(subnet_id, identifier=identifier_of(arguments, "No 'ip-address' provided and "))

    def _cached(self, where: HostFilter) -> Reservation | None:
        cache = self.hosts.cache
        if cache is None or where.subnet_id is None:
            return None
        if where.identifier is not None:
            entry = cache.get(where.subnet_id, *where.identifier)
        else:
            assert where.address is not None, "one reservation is meant by its address or by its client"
            entry = cache.at(where.subnet_id, where.address)
        return entry.reservation if entry is not None else None

    async def _stored(self, where: HostFilter) -> Sequence[Reservation]:
        """The reservations of one subnet's client or address, in the stores' order. Raises Refused."""
        assert where.subnet_id is not None, "one reservation is meant"
        if where.identifier is not None:
            key = identifier_key(where.subnet_id, *where.identifier)
        else:
            assert where.address is not None, "as in _cached"
            key = address_key(where.subnet_id, where.address)
        try:
            return [each for store in self.hosts.stores for each in await store.load([key])]
        except StoreUnavailable as error:
            raise Refused(str(error)) from None

    async def _all(self, where: HostFilter, target: Target) -> Sequence[Reservation]:
        found: list[Reservation] = []
        if target.has_memory(default=True):
            found += self.hosts.configured.wanted(where)
        if target.has_database():
            try:
                for store in self.hosts.stores:
                    async for page in store.pages(where):
                        found += page
            except StoreUnavailable as error:
                raise Refused(str(error)) from None
        return found

    def _sources(self) -> Sequence[Any]:
        """The sources of pages by their index; None has none."""
        return [self.hosts.configured, *((None,) if self.hosts.cache is not None else ()), *self.hosts.stores]

    async def _page(self, source: Any, where: HostFilter, limit: int, after: int) -> Sequence[Reservation]:
        if source is None:
            return ()
        if source is self.hosts.configured:
            return [one for one, _ in zip(source.wanted(where, after), range(limit), strict=False)]
        try:
            return await _first(source.pages(where, limit, after))
        except StoreUnavailable as error:
            raise Refused(str(error)) from None

    def _shown(self, found: Reservation) -> dict[str, Any]:
        return self.hosts.reserving.shown(found.written, found.subnet_id)

    async def _found(self, found: Sequence[Reservation]) -> Answer:
        result = Result.SUCCESS if found else Result.EMPTY
        shown: list[dict[str, Any]] = []
        for each in found:
            shown.append(self._shown(each))
            if not len(shown) % TOGETHER:
                await asyncio.sleep(0)
        return Answer(result, f"{len(found)} IPv{self.family} host(s) found.", {"hosts": shown})


async def _first(pages: AsyncIterator[Sequence[Reservation]]) -> Sequence[Reservation]:
    async for page in pages:
        return page
    return ()
