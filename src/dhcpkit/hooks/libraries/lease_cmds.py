"""Leases looked at and changed by command: `libdhcp_lease_cmds.so`.

A server has the commands of both families, as Kea's do; of the other family it has no leases. Each command says its
name here, and what it takes; what it answers is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Final, NoReturn

from dhcpkit.alloc.evaluate import Unfit
from dhcpkit.alloc.points import Point
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.hooks.catalogue import Message, Room
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.hooks.libraries import lease_cmds_args as args
from dhcpkit.hooks.libraries.lease_cmds_answers import LeaseAnswers
from dhcpkit.hooks.libraries.lease_cmds_binding import VARIABLES_MAX, Bindings, LeaseCmdsParameters, bound
from dhcpkit.hooks.libraries.lease_cmds_form import FAMILY4, FAMILY6
from dhcpkit.hooks.libraries.lease_cmds_told import (
    ADD,
    BULK_APPLY,
    DELETE,
    RESEND_DDNS,
    UPDATE,
    WIPE,
    Telling,
)
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.loading import LibraryError
from dhcpkit.hooks.operated import Operated
from dhcpkit.hooks.points import Lease4Offer, Leases4Committed, Leases6Committed

__all__ = ["LeaseCmds"]

_log4, _log6 = Room("lease-cmds-hooks", 4), Room("lease-cmds-hooks", 6)
_FAILED: Final = "reason: {reason}"
_TELLING: Final = (
    "An expression of `binding-variables` cannot be told of a message, the lease has changed meanwhile, or leases are"
    " out of reach. The client is answered; its lease is kept without the values, or with those of before."
)
LEASE_CMDS_LEASE4_OFFER_FAILED = _log4.error("LEASE_CMDS_LEASE4_OFFER_FAILED", _FAILED, _TELLING)
LEASE_CMDS_LEASES4_COMMITTED_FAILED = _log4.error("LEASE_CMDS_LEASES4_COMMITTED_FAILED", _FAILED, _TELLING)
LEASE_CMDS_LEASES6_COMMITTED_FAILED = _log6.error("LEASE_CMDS_LEASES6_COMMITTED_FAILED", _FAILED, _TELLING)

ACK: Final = 5  # RFC 2132 9.6
FOUND: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)
STORED: Final = (Result.SUCCESS, Result.ERROR, Result.CONFLICT)
TOLD: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY, Result.CONFLICT)
UNSUPPORTED: Final = (Result.ERROR, Result.UNSUPPORTED)


class LeaseCmds(Library):
    """Commands that look at leases, add, change and delete them."""

    name = "lease_cmds"
    parameters = LeaseCmdsParameters
    told: LeaseCmdsParameters

    def __init__(self, operated: Operated, parameters: LeaseCmdsParameters) -> None:
        super().__init__(operated, parameters)
        self._v4 = LeaseAnswers(operated, FAMILY4)
        self._v6 = LeaseAnswers(operated, FAMILY6)

    async def load(self) -> None:
        """Compiles the binding variables. Raises ExpressionError, LibraryError."""
        if len(self.told.binding_variables) > VARIABLES_MAX:
            raise LibraryError(f"there are more than {VARIABLES_MAX} binding-variables")
        self._compile()

    async def configured(self) -> None:
        """Compiles them once more: they may speak of options that are defined otherwise now."""
        self._compile()

    def _compile(self) -> None:
        operated = self.operated
        self._bindings = Bindings.of(self.told.binding_variables, operated.doc, operated.family)

    def wants(self, _point: type[Point]) -> bool:
        """Only where there are binding variables does it look at what clients get."""
        return bool(self.told.binding_variables)

    @on(Lease4Offer)
    async def offered(self, point: Lease4Offer) -> None:
        """Keeps the variables with an offered lease, where such are stored at all (`offer-lifetime`)."""
        if point.offer_lifetime:
            await self._bind(point, point.leases[:1], LEASE_CMDS_LEASE4_OFFER_FAILED)

    @on(Leases4Committed)
    async def committed4(self, point: Leases4Committed) -> None:
        """Keeps the variables with the lease that a client is given."""
        sent = point.outcome.sent
        if sent is not None and sent.type == ACK:
            await self._bind(point, point.leases[:1], LEASE_CMDS_LEASES4_COMMITTED_FAILED)

    @on(Leases6Committed)
    async def committed6(self, point: Leases6Committed) -> None:
        """Keeps the variables with every lease that a client is given."""
        if point.outcome.sent is not None:
            leases = [lease for lease in point.leases if lease.valid_lifetime]
            await self._bind(point, leases, LEASE_CMDS_LEASES6_COMMITTED_FAILED)

    async def _bind(
        self, point: Lease4Offer | Leases4Committed | Leases6Committed, leases: Sequence[Any], failed: Message
    ) -> None:
        """Keeps the variables with leases. What fails is logged, and the client is answered all the same (Kea)."""
        if not leases:
            return
        family = self._v4 if self.operated.family == 4 else self._v6
        try:
            values = self._bindings.values(point.query, lambda: point.response, point.outcome.classes)
            lost = await family.keep(leases, lambda lease: bound(lease.user_context, values))
        except (Unfit, StoreUnavailable) as error:
            failed.log(reason=error)
        else:
            for address in lost:
                failed.log(reason=f"the lease of {address} has changed meanwhile")

    async def _told(self, telling: Telling, family: int, said: Any, answering: Awaitable[Answer]) -> Answer:
        """An answer that the log hears of."""
        try:
            answer = await _done(answering)
        except Refused as refused:
            answer = refused.answer
        if family == self.operated.family:
            telling.tell(family, said, answer)
        return answer

    @command("lease4-add", Access.WRITE, since="1.3.0", arguments=args.Lease4Arguments, results=STORED, raw=True)
    async def lease4_add(self, said: Any) -> Answer:
        """Adds a DHCPv4 lease.

        4: there is no such subnet, the address is not in it, or there is a lease already.
        """
        return await self._told(ADD, 4, said, self._v4.add(said))

    @command("lease4-del", Access.WRITE, since="1.3.0", arguments=args.Delete4, results=FOUND, raw=True)
    async def lease4_del(self, said: Any) -> Answer:
        """Deletes a DHCPv4 lease: by its address, or by a client's identifier and a subnet."""
        return await self._told(DELETE, 4, said, self._v4.delete(said, args.Delete4))

    @command("lease4-get", Access.READ, since="1.3.0", arguments=args.OneLease4, results=FOUND, raw=True)
    async def lease4_get(self, said: Any) -> Answer:
        """Tells a DHCPv4 lease: by its address, or by a client's identifier and a subnet."""
        return await _done(self._v4.get(said))

    @command("lease4-get-all", Access.READ, since="1.4.0", arguments=args.AllArguments, results=FOUND, raw=True)
    async def lease4_get_all(self, said: Any) -> Answer:
        """Tells all DHCPv4 leases, or those of some subnets, in order of their addresses.

        Without arguments it tells all of them. Clients are served meanwhile, and what changes may show or not.
        """
        return await _done(self._v4.get_all(said))

    @command("lease4-get-by-client-id", Access.READ, since="1.7.1", arguments=args.ByClientId, results=FOUND, raw=True)
    async def lease4_get_by_client_id(self, said: Any) -> Answer:
        """Tells the DHCPv4 leases of a client identifier."""
        return await _done(self._v4.by_client_id(said))

    @command("lease4-get-by-hostname", Access.READ, since="1.7.1", arguments=args.ByHostname, results=FOUND, raw=True)
    async def lease4_get_by_hostname(self, said: Any) -> Answer:
        """Tells the DHCPv4 leases of a name, in any case of letters. It looks at all leases."""
        return await _done(self._v4.by_hostname(said))

    @command(
        "lease4-get-by-hw-address", Access.READ, since="1.7.1", arguments=args.ByHwAddress, results=FOUND, raw=True
    )
    async def lease4_get_by_hw_address(self, said: Any) -> Answer:
        """Tells the DHCPv4 leases of a hardware address."""
        return await _done(self._v4.by_hw_address(said))

    @command("lease4-get-by-state", Access.READ, since="3.1.5", arguments=args.ByState, results=FOUND, raw=True)
    async def lease4_get_by_state(self, said: Any) -> Answer:
        """Tells the DHCPv4 leases in a state, of all subnets or of one."""
        return await _done(self._v4.by_state(said))

    @command("lease4-get-page", Access.READ, since="1.5.0", arguments=args.PageArguments, results=FOUND, raw=True)
    async def lease4_get_page(self, said: Any) -> Answer:
        """Tells some DHCPv4 leases in order of their addresses, from behind the one that is said."""
        return await _done(self._v4.get_page(said, "lease4-get-page"))

    @command("lease4-resend-ddns", Access.WRITE, since="1.7.6", arguments=args.AddressArguments, results=TOLD, raw=True)
    async def lease4_resend_ddns(self, said: Any) -> Answer:
        """Tells DNS once more of the name of a DHCPv4 lease.

        4: DNS is told nothing at all, or not of this lease.
        """
        return await self._told(RESEND_DDNS, 4, said, self._v4.resend_ddns(said))

    @command("lease4-update", Access.WRITE, since="1.3.0", arguments=args.Update4, results=STORED, raw=True)
    async def lease4_update(self, said: Any) -> Answer:
        """Puts a DHCPv4 lease in the place of the one that has its address; what is not said is as in a new lease.

        4: there is no such lease and `force-create` is not set, or the address is not in the subnet.
        """
        return await self._told(UPDATE, 4, said, self._v4.update(said, "lease4-update"))

    @command("lease4-wipe", Access.WRITE, since="1.3.0", arguments=args.WipeArguments, results=FOUND, raw=True)
    async def lease4_wipe(self, said: Any) -> Answer:
        """Deletes the DHCPv4 leases of a subnet, or of every subnet that is configured. DNS is not told."""
        return await self._told(WIPE, 4, said, self._v4.wipe(said))

    @command("lease4-write", Access.WRITE, since="2.3.1", arguments=args.WriteArguments, raw=True)
    async def lease4_write(self, said: Any) -> Answer:
        """Writes all DHCPv4 leases to a lease file in the data directory, beside those of the server.

        A file that is there is replaced if it is one of DHCPv4 leases and no server keeps its leases there.
        """
        return await _done(self._v4.write(said))

    @command("sflq-pool4-get-all", Access.READ, since="3.1.9", results=UNSUPPORTED, raw=True)
    def sflq_pool4_get_all(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Tells the shared queues of free leases. Lease databases have them; there is none yet."""
        _no_queues()

    @command(
        "sflq-pool4-get-by-subnet",
        Access.READ,
        since="3.1.9",
        arguments=args.PoolsBySubnet,
        results=UNSUPPORTED,
        raw=True,
    )
    def sflq_pool4_get_by_subnet(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Tells the shared queues of free leases of a subnet. Lease databases have them; there is none yet."""
        _no_queues()

    @command(
        "sflq-pool4-get-by-range",
        Access.READ,
        since="3.1.9",
        arguments=args.PoolsInRange,
        results=UNSUPPORTED,
        raw=True,
    )
    def sflq_pool4_get_by_range(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Tells the shared queues of free leases in a range. Lease databases have them; there is none yet."""
        _no_queues()

    @command(
        "sflq-pool4-rebuild", Access.WRITE, since="3.1.9", arguments=args.PoolsInRange, results=UNSUPPORTED, raw=True
    )
    def sflq_pool4_rebuild(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Builds a shared queue of free leases anew. Lease databases have them; there is none yet."""
        _no_queues()

    @command("sflq-pool4-del", Access.WRITE, since="3.1.9", arguments=args.PoolsInRange, results=UNSUPPORTED, raw=True)
    def sflq_pool4_del(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Deletes a shared queue of free leases. Lease databases have them; there is none yet."""
        _no_queues()

    @command("lease6-add", Access.WRITE, since="1.3.0", arguments=args.Lease6Arguments, results=STORED, raw=True)
    async def lease6_add(self, said: Any) -> Answer:
        """Adds a DHCPv6 lease.

        4: there is no such subnet, the address is not in it, or it is in another lease already.
        """
        return await self._told(ADD, 6, said, self._v6.add(said))

    @command("lease6-bulk-apply", Access.WRITE, since="1.6.0", arguments=args.BulkArguments, results=FOUND, raw=True)
    async def lease6_bulk_apply(self, said: Any) -> Answer:
        """Deletes DHCPv6 leases, then adds or replaces others; none of it where one of them makes no sense.

        Those that could not be deleted or stored are told in `failed-deleted-leases` and `failed-leases`.
        """
        return await self._told(BULK_APPLY, 6, said, self._v6.bulk_apply(said))

    @command("lease6-del", Access.WRITE, since="1.3.0", arguments=args.Delete6, results=FOUND, raw=True)
    async def lease6_del(self, said: Any) -> Answer:
        """Deletes a DHCPv6 lease: by its address, or by a client's identifier and a subnet."""
        return await self._told(DELETE, 6, said, self._v6.delete(said, args.Delete6))

    @command("lease6-get", Access.READ, since="1.3.0", arguments=args.OneLease6, results=FOUND, raw=True)
    async def lease6_get(self, said: Any) -> Answer:
        """Tells a DHCPv6 lease: by its address, or by a client's identifier and a subnet."""
        return await _done(self._v6.get(said))

    @command("lease6-get-all", Access.READ, since="1.3.0", arguments=args.AllArguments, results=FOUND, raw=True)
    async def lease6_get_all(self, said: Any) -> Answer:
        """Tells all DHCPv6 leases, or those of some subnets, in order of their addresses.

        Without arguments it tells all of them. Clients are served meanwhile, and what changes may show or not.
        """
        return await _done(self._v6.get_all(said))

    @command("lease6-get-by-duid", Access.READ, since="1.7.1", arguments=args.ByDuid, results=FOUND, raw=True)
    async def lease6_get_by_duid(self, said: Any) -> Answer:
        """Tells the DHCPv6 leases of a DUID."""
        return await _done(self._v6.by_duid(said))

    @command("lease6-get-by-hostname", Access.READ, since="1.7.1", arguments=args.ByHostname, results=FOUND, raw=True)
    async def lease6_get_by_hostname(self, said: Any) -> Answer:
        """Tells the DHCPv6 leases of a name, in any case of letters. It looks at all leases."""
        return await _done(self._v6.by_hostname(said))

    @command(
        "lease6-get-by-hw-address", Access.READ, since="3.1.1", arguments=args.ByHwAddress, results=FOUND, raw=True
    )
    async def lease6_get_by_hw_address(self, said: Any) -> Answer:
        """Tells the DHCPv6 leases of a hardware address. It looks at all leases."""
        return await _done(self._v6.by_hw_address(said))

    @command("lease6-get-by-state", Access.READ, since="3.1.5", arguments=args.ByState, results=FOUND, raw=True)
    async def lease6_get_by_state(self, said: Any) -> Answer:
        """Tells the DHCPv6 leases in a state, of all subnets or of one."""
        return await _done(self._v6.by_state(said))

    @command("lease6-get-page", Access.READ, since="1.5.0", arguments=args.PageArguments, results=FOUND, raw=True)
    async def lease6_get_page(self, said: Any) -> Answer:
        """Tells some DHCPv6 leases in order of their addresses, from behind the one that is said."""
        return await _done(self._v6.get_page(said, "lease6-get-page"))

    @command("lease6-resend-ddns", Access.WRITE, since="1.7.6", arguments=args.AddressArguments, results=TOLD, raw=True)
    async def lease6_resend_ddns(self, said: Any) -> Answer:
        """Tells DNS once more of the name of a DHCPv6 lease.

        4: DNS is told nothing at all, or not of this lease.
        """
        return await self._told(RESEND_DDNS, 6, said, self._v6.resend_ddns(said))

    @command("lease6-update", Access.WRITE, since="1.3.0", arguments=args.Update6, results=STORED, raw=True)
    async def lease6_update(self, said: Any) -> Answer:
        """Puts a DHCPv6 lease in the place of the one that has its address; what is not said is as in a new lease.

        4: there is no such lease and `force-create` is not set, or the address is not in the subnet.
        """
        return await self._told(UPDATE, 6, said, self._v6.update(said, "lease6-update"))

    @command("lease6-wipe", Access.WRITE, since="1.3.0", arguments=args.WipeArguments, results=FOUND, raw=True)
    async def lease6_wipe(self, said: Any) -> Answer:
        """Deletes the DHCPv6 leases of a subnet, or of every subnet that is configured. DNS is not told."""
        return await self._told(WIPE, 6, said, self._v6.wipe(said))

    @command("lease6-write", Access.WRITE, since="2.3.1", arguments=args.WriteArguments, raw=True)
    async def lease6_write(self, said: Any) -> Answer:
        """Writes all DHCPv6 leases to a lease file in the data directory, beside those of the server.

        A file that is there is replaced if it is one of DHCPv6 leases and no server keeps its leases there.
        """
        return await _done(self._v6.write(said))

    @command("sflq-pool6-get-all", Access.READ, since="3.1.9", results=UNSUPPORTED, raw=True)
    def sflq_pool6_get_all(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Tells the shared queues of free leases. Lease databases have them; there is none yet."""
        _no_queues()

    @command(
        "sflq-pool6-get-by-subnet",
        Access.READ,
        since="3.1.9",
        arguments=args.PoolsBySubnet,
        results=UNSUPPORTED,
        raw=True,
    )
    def sflq_pool6_get_by_subnet(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Tells the shared queues of free leases of a subnet. Lease databases have them; there is none yet."""
        _no_queues()

    @command(
        "sflq-pool6-get-by-range",
        Access.READ,
        since="3.1.9",
        arguments=args.PoolsInRange,
        results=UNSUPPORTED,
        raw=True,
    )
    def sflq_pool6_get_by_range(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Tells the shared queues of free leases in a range. Lease databases have them; there is none yet."""
        _no_queues()

    @command(
        "sflq-pool6-rebuild", Access.WRITE, since="3.1.9", arguments=args.PoolsInRange, results=UNSUPPORTED, raw=True
    )
    def sflq_pool6_rebuild(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Builds a shared queue of free leases anew. Lease databases have them; there is none yet."""
        _no_queues()

    @command("sflq-pool6-del", Access.WRITE, since="3.1.9", arguments=args.PoolsInRange, results=UNSUPPORTED, raw=True)
    def sflq_pool6_del(self, said: Any) -> Answer:  # it is refused whatever is sent
        """Deletes a shared queue of free leases. Lease databases have them; there is none yet."""
        _no_queues()


async def _done(answering: Awaitable[Answer]) -> Answer:
    """An answer; that leases are out of reach is one, too."""
    try:
        return await answering
    except StoreUnavailable as error:
        raise Refused(f"leases are out of reach: {error}") from None


def _no_queues() -> NoReturn:
    raise Refused("Shared queues of free leases are of lease databases; there is none.", Result.UNSUPPORTED)
