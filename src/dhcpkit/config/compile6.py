"""Documents of DHCPv6 to the engine's network, as `compile` does for DHCPv4.

What both families do is in `levels`. This module does not know files or the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import IPv6Address, IPv6Network
from typing import Final

import attrs

from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.naming import Naming
from dhcpkit.alloc.network import ClientClass, Level
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, SharedNetwork6, Subnet6
from dhcpkit.alloc.options import OptionValues
from dhcpkit.alloc.subjects import FAMILY6
from dhcpkit.config import codes
from dhcpkit.config.checks import Unfit, address6, pool6, prefix6
from dhcpkit.config.contacts import check_contacts
from dhcpkit.config.dhcp6 import ClientClass6Doc, Dhcp6Doc, PdPoolDoc, SharedNetwork6Doc, Subnet6Doc
from dhcpkit.config.documents import DdnsDoc, PoolDoc
from dhcpkit.config.inherit import OUTERMOST6, Settings, names_within, settings_of
from dhcpkit.config.json_text import Source, Steps
from dhcpkit.config.levels import FAILED, Levels, with_old_names
from dhcpkit.config.protection import protection_of
from dhcpkit.config.report import Report
from dhcpkit.config.reservations6 import hosts6_of
from dhcpkit.wire.duid import Duid

__all__ = ["UNNAMED", "compile6", "compile6_into"]

ROOT: Final = ("Dhcp6",)
UNNAMED: Final = Duid(b"\0\0\0")  # stands in the network until a server knows the DUID it calls itself by
ALWAYS_SUPPLIED: Final = 65  # ERP local domain name: relays may always supply it (Kea)


def compile6(doc: Dhcp6Doc, source: Source | None = None, server_id: Duid = UNNAMED) -> Network6:
    """The network a configuration describes. Raises ConfigError with every problem found, placed by `source`.

    `server_id` is the server's own DUID; it depends on interfaces and on what was kept, which is not known here.
    """
    report = Report(source)
    network = compile6_into(doc, report, server_id)
    if network is None:
        raise report.error()
    return network


def compile6_into(doc: Dhcp6Doc, report: Report, server_id: Duid = UNNAMED) -> Network6 | None:
    """As `compile6`, into a report that others write to as well; None where it holds an error in the end."""
    return _Compiler(doc, report, server_id).network()


class _Compiler:
    """One compilation: what all parts of it share, and what was seen so far."""

    def __init__(self, doc: Dhcp6Doc, report: Report, server_id: Duid) -> None:
        self.doc = doc
        self.report = report
        self.server_id = server_id
        self.levels = Levels("Dhcp6", FAMILY6, report)
        self.hosts: list[Host6] = []

    def network(self) -> Network6 | None:
        """The whole."""
        doc, report = self.doc, self.report
        self.levels.define(doc.option_def)
        settings = with_old_names(settings_of(doc, OUTERMOST6, ROOT, report), doc.dhcp_ddns)
        naming = self._naming(doc, settings, ROOT)
        options = self.levels.options(doc.option_data, ROOT)
        classes = list(self._classes(doc.client_classes))
        self.levels.check_database(doc.lease_database)
        check_contacts(doc, "Dhcp6", report)
        # Shared networks come first: in Kea their subnets get the first ids of the counter.
        networks = list(self._shared_networks(settings))
        subnets = list(self._subnets(doc.subnet6, settings, (*ROOT, "subnet6"), "", ()))
        self._reservations(None)
        supplied, expiry = self._relay_supplied(), doc.expired_leases_processing
        if report.failed:
            return None
        return Network6(
            subnets,
            server_id=self.server_id,
            shared_networks=networks,
            hosts=self.hosts,
            classes=classes,
            options=options,
            naming=naming,
            decline_probation_period=doc.decline_probation_period,
            host_identifiers=doc.host_reservation_identifiers,
            mac_sources=doc.mac_sources,
            relay_supplied_options=supplied,
            early_global_reservations_lookup=doc.early_global_reservations_lookup,
            allow_address_registration=doc.allow_address_registration,
            lenient_option_parsing=doc.compatibility.lenient_option_parsing,
            space=self.levels.spaces.get(FAMILY6.space.name) or FAMILY6.space,
            keep_released=bool(expiry.flush_reclaimed_timer_wait_time and expiry.hold_reclaimed_time),
            protection=protection_of(doc.protection),
        )

    def _naming(self, doc: DdnsDoc, settings: Settings, steps: Steps) -> Naming:
        return self.levels.naming(doc, settings, steps, enabled=self.doc.dhcp_ddns.enable_updates)

    def _relay_supplied(self) -> frozenset[int]:
        """`relay-supplied-options`: codes as text, or names."""
        found = {ALWAYS_SUPPLIED}
        for index, text in enumerate(self.doc.relay_supplied_options):
            option = None if text.isdecimal() else FAMILY6.space.by_name(text)
            code = int(text) if text.isdecimal() else option.code if option is not None else 0
            if not 0 < code <= FAMILY6.space.code_max:
                message = (
                    f"unable to find option code for the  specified option name '{text}' while parsing the list of"
                    " enabled relay-supplied-options"
                )
                expected = "an option's code as text, or its name"
                self.report.add(
                    codes.UNKNOWN_OPTION, (*ROOT, "relay-supplied-options", index), message, expected=expected
                )
            found.add(code)
        return frozenset(found)

    # Shared networks and subnets.

    def _shared_networks(self, outer: Settings) -> Iterator[SharedNetwork6]:
        for index, doc in enumerate(self.doc.shared_networks):
            steps = (*ROOT, "shared-networks", index)
            settings = settings_of(doc, outer, steps, self.report)
            self._naming(doc, settings, steps)
            options = self.levels.options(doc.option_data, steps)
            around = (Level(f"shared network {doc.name}", options),) if options else ()
            subnets = tuple(self._subnets(doc.subnet6, settings, (*steps, "subnet6"), doc.name, around))
            written = [(subnet.subnet, subnet.interface) for subnet in doc.subnet6]
            self.levels.check_network(doc, written, "subnet6", steps)
            self._check_rapid_commit(doc, steps)
            yield SharedNetwork6(
                doc.name or "",
                subnets,
                interface=doc.interface,
                interface_id=self._interface_id(doc, steps),
                relays=self.levels.relays(doc.relay, address6, steps),
                client_classes=self.levels.guards(doc, steps),
                additional_classes=doc.evaluate_additional_classes,
                where=self.report.place(steps),
            )

    def _check_rapid_commit(self, doc: SharedNetwork6Doc, steps: Steps) -> None:
        """A client may be served from any subnet of the network: rapid commit is for all of them or for none."""
        around = bool(doc.rapid_commit)
        told = [around if subnet.rapid_commit is None else subnet.rapid_commit for subnet in doc.subnet6]
        for index, each in enumerate(told):
            if each is not told[0]:
                other, own = str(told[0]).lower(), str(each).lower()
                message = (
                    "All subnets in a shared network must have the same rapid-commit value."
                    f" Subnet {doc.subnet6[index].subnet} has specified rapid-commit {own}, but earlier subnet in the"
                    f" same shared-network or the shared-network itself used rapid-commit {other}"
                )
                here = (*steps, "subnet6", index, "rapid-commit")
                related = [("the other subnet", (*steps, "subnet6", 0, "rapid-commit"))]
                self.report.add(codes.CONTRADICTION, here, message, related=related)
                return

    def _interface_id(self, doc: Subnet6Doc | SharedNetwork6Doc, steps: Steps) -> bytes:
        if doc.interface and doc.interface_id:
            message = (
                "parser error: interface (defined for locally reachable subnets) and interface-id (defined for subnets"
                " reachable via relays) cannot be defined at the same time"
            )
            self.report.add(codes.CONTRADICTION, (*steps, "interface-id"), message, key=True)
        return doc.interface_id.encode("utf-8", "surrogateescape")

    def _subnets(
        self, docs: Sequence[Subnet6Doc], outer: Settings, steps: Steps, network: str, around: tuple[Level, ...]
    ) -> Iterator[Subnet6]:
        for index, doc in enumerate(docs):
            subnet = self._subnet(doc, outer, (*steps, index), network, around)
            if subnet is not None:
                yield subnet

    def _subnet(
        self, doc: Subnet6Doc, outer: Settings, steps: Steps, network: str, around: tuple[Level, ...]
    ) -> Subnet6 | None:
        report = self.report
        settings = settings_of(doc, outer, steps, report, FAILED)
        number = self.levels.subnet_id(doc.id, doc.subnet, steps)
        options = self.levels.options(doc.option_data, steps)
        if "subnet" not in doc.written:  # its absence is reported already; the rest of it was still looked at
            return None
        try:
            prefix = prefix6(doc.subnet)
        except Unfit as unfit:
            report.add(unfit.code, (*steps, "subnet"), unfit.message, expected=unfit.expected)
            return None
        self.levels.check_prefix(doc.subnet, prefix, steps)
        subnet = Subnet6(
            prefix,
            id=number,
            pools=self.levels.pools(doc.pools, partial(self._pool, settings), _named, prefix, steps),
            pd_pools=self._pd_pools(doc.pd_pools, str(prefix), steps),
            valid=settings.lifetimes,
            preferred=settings.preferred,
            renew_timer=settings["renew_timer"],
            rebind_timer=settings["rebind_timer"],
            calculate_tee_times=settings["calculate_tee_times"],
            t1_percent=settings["t1_percent"],
            t2_percent=settings["t2_percent"],
            options=options,
            outer_levels=around,
            interface=doc.interface,
            interface_id=self._interface_id(doc, steps),
            relays=self.levels.relays(doc.relay, address6, steps),
            rapid_commit=settings["rapid_commit"],
            client_classes=self.levels.guards(doc, steps),
            additional_classes=doc.evaluate_additional_classes,
            reservations_global=settings["reservations_global"],
            reservations_in_subnet=settings["reservations_in_subnet"],
            reservations_out_of_pool=settings["reservations_out_of_pool"],
            cache_threshold=settings["cache_threshold"],
            cache_max_age=settings["cache_max_age"],
            store_extended_info=settings["store_extended_info"],
            allocator=settings["allocator"],
            pd_allocator=settings["pd_allocator"],
            adaptive_lease_time_threshold=settings["adaptive_lease_time_threshold"],
            naming=self._naming(doc, settings, steps),
            shared_network=network,
            where=report.place(steps),
        )
        self._check_settings(settings, steps)
        self._reservations(subnet, doc, steps)
        return subnet

    def _check_settings(self, settings: Settings, steps: Steps) -> None:
        """What is wrong only once it is in force in a subnet."""
        if settings["allocator"] == "flq":
            message = "Free Lease Queue allocator is not supported for IPv6 address pools"
            self.report.add(codes.BAD_VALUE, (*steps, "allocator"), message, expected="iterative or random")

    def _reservations(self, subnet: Subnet6 | None, doc: Subnet6Doc | None = None, steps: Steps = ROOT) -> None:
        entries = self.doc.reservations if doc is None else doc.reservations
        if entries:
            unique = self.doc.ip_reservations_unique
            here = (*steps, "reservations")
            self.hosts.extend(hosts6_of(entries, here, subnet, self.levels.spaces, self.report, unique=unique))

    # Pools.

    def _pool(self, settings: Settings, doc: PoolDoc, steps: Steps) -> Pool6 | None:
        options = self.levels.options(doc.option_data, steps)
        if "pool" not in doc.written:  # its absence is reported already
            return None
        try:
            first, last = pool6(doc.pool)
        except Unfit as unfit:
            self.report.add(unfit.code, (*steps, "pool"), unfit.message, expected=unfit.expected)
            return None
        own = names_within(doc, settings)
        return Pool6(
            first,
            last,
            pool_id=doc.pool_id,
            client_classes=self.levels.guards(doc, steps),
            additional_classes=doc.evaluate_additional_classes,
            options=options,
            naming=self._naming(doc, own, steps) if own is not settings else None,
            where=self.report.place(steps),
        )

    def _pd_pools(self, docs: Sequence[PdPoolDoc], prefix: str, steps: Steps) -> list[PdPool]:
        made: list[tuple[int, PdPool]] = []
        for index, doc in enumerate(docs):
            here = (*steps, "pd-pools", index)
            options = self.levels.options(doc.option_data, here)
            whole = {"prefix", "prefix_len", "delegated_len"} <= doc.written
            pool = self._pd_pool(doc, options, here) if whole else None
            if pool is not None:
                made.append((index, pool))
        ranges = [(index, Pool6(pool.first, pool.end)) for index, pool in made]
        self.levels.check_overlaps(ranges, _named_pd, prefix, steps, "pd-pools")
        return [pool for _, pool in made]

    def _pd_pool(self, doc: PdPoolDoc, options: OptionValues, steps: Steps) -> PdPool | None:
        base, length = address6(doc.prefix), doc.prefix_len
        whole = IPv6Network((base, length), strict=False)
        if int(whole.network_address) != base:
            message = (
                f"Invalid Pool6 address boundaries: {IPv6Address(base)} is not the first address in prefix: {whole}"
            )
            self.report.add(codes.BAD_POOL, (*steps, "prefix"), message, expected=str(whole.network_address))
            return None
        if doc.delegated_len < length:
            message = f"Delegated length ({doc.delegated_len}) must be longer than or equal to prefix length ({length})"
            self.report.add(codes.BAD_POOL, (*steps, "delegated-len"), message, expected=f"{length} to 128")
            return None
        excluded = address6(doc.excluded_prefix)
        if self._bad_exclusion(doc, IPv6Network((base, doc.delegated_len)), excluded, steps):
            return None
        if excluded:  # bits behind its length mean nothing, as in Kea
            excluded = int(IPv6Network((excluded, doc.excluded_prefix_len), strict=False).network_address)
        return PdPool(
            whole,
            doc.delegated_len,
            excluded=excluded,
            excluded_len=doc.excluded_prefix_len,
            pool_id=doc.pool_id,
            client_classes=self.levels.guards(doc, steps),
            additional_classes=doc.evaluate_additional_classes,
            options=options,
            where=self.report.place(steps),
        )

    def _bad_exclusion(self, doc: PdPoolDoc, first: IPv6Network, excluded: int, steps: Steps) -> bool:
        """What is left out is a part of each delegated prefix; it is written as a part of the first one (RFC 6603)."""
        length, key, message = doc.excluded_prefix_len, "excluded-prefix", ""
        written = f"{IPv6Address(excluded)}/{length}"
        if bool(length) != bool(excluded):
            message = "excluded-prefix and excluded-prefix-len go together"
        elif excluded and length <= first.prefixlen:
            key = "excluded-prefix-len"
            message = (
                f"Excluded prefix ({length}) must be longer than or equal to the delegated prefix length"
                f" ({first.prefixlen})"
            )
        elif excluded and IPv6Address(excluded) not in first:
            message = (
                f"excluded prefix {written} must have the same common prefix part of {first.prefixlen} as the"
                f" delegated prefix {first}"
            )
        if message:
            expected = f"a prefix in {first} that is longer than {first.prefixlen}"
            self.report.add(codes.BAD_POOL, (*steps, key), message, expected=expected)
        return bool(message)

    # Classes.

    def _classes(self, docs: Sequence[ClientClass6Doc]) -> Iterator[ClientClass]:
        for made, doc, steps in self.levels.classes(docs, (*ROOT, "client-classes")):
            preferred = self.levels.class_lifetimes(
                doc.preferred_lifetime, doc.min_preferred_lifetime, doc.max_preferred_lifetime, "preferred", steps
            )
            yield attrs.evolve(made, preferred=preferred)


def _named(pool: Pool6) -> str:
    return f"a pool of type IA_NA, with the following address range: {pool}"


def _named_pd(pool: Pool6) -> str:
    return f"a pool of type IA_PD, with the following address range: {pool}"
