"""Documents to the engine's network: inheritance resolved once, options to payloads, everything checked in one run.

The way is one-way; documents are Kea's, the network is ours. What both families do is in `levels`. This module does
not know files or the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Final

import attrs

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.network import ClientClass, Level, Network, Pool4, SharedNetwork4, Subnet4
from dhcpkit.alloc.options import OptionValues
from dhcpkit.alloc.subjects import FAMILY4
from dhcpkit.config import codes
from dhcpkit.config.checks import Unfit, address4, pool4, prefix4
from dhcpkit.config.contacts import check_contacts
from dhcpkit.config.dhcp4 import ClientClassDoc, Dhcp4Doc, Network4Doc, SharedNetworkDoc, Subnet4Doc
from dhcpkit.config.documents import OptionDataDoc, PoolDoc
from dhcpkit.config.inherit import OUTERMOST, Settings, names_within, settings_of
from dhcpkit.config.json_text import Source, Steps
from dhcpkit.config.levels import FAILED, Levels, with_old_names
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.protection import protection_of
from dhcpkit.config.report import Report
from dhcpkit.config.reservations import hosts_of

__all__ = ["compile4", "compile_into"]

SERVER_IDENTIFIER: Final = 54
SNAME_MAX, FILE_MAX = 63, 127  # octets of the header's fields with a final zero (RFC 2131 2)
ROOT: Final = ("Dhcp4",)


def compile4(doc: Dhcp4Doc, source: Source | None = None) -> Network:
    """The network a configuration describes. Raises ConfigError with every problem found, placed by `source`."""
    report = Report(source)
    network = compile_into(doc, report)
    if network is None:
        raise report.error()
    return network


def compile_into(doc: Dhcp4Doc, report: Report) -> Network | None:
    """As `compile4`, into a report that others write to as well; None where it holds an error in the end."""
    return _Compiler(doc, report).network()


class _Compiler:
    """One compilation: what all parts of it share, and what was seen so far."""

    def __init__(self, doc: Dhcp4Doc, report: Report) -> None:
        self.doc = doc
        self.report = report
        self.levels = Levels("Dhcp4", FAMILY4, report)
        self.hosts: list[Host] = []
        self.server_identifiers: set[int] = set()

    @property
    def enabled(self) -> bool:
        """Whether DNS is told anything at all."""
        return self.doc.dhcp_ddns.enable_updates

    @property
    def spaces(self) -> Spaces:
        """The option spaces, the configuration's own among them."""
        return self.levels.spaces

    def network(self) -> Network | None:
        """The whole."""
        doc, report = self.doc, self.report
        self.levels.define(doc.option_def)
        settings = with_old_names(settings_of(doc, OUTERMOST, ROOT, report), doc.dhcp_ddns)
        naming = self.levels.naming(doc, settings, ROOT, enabled=self.enabled)
        self._check_boot_fields(doc, ROOT)
        options = self._options(doc.option_data, ROOT)
        classes = list(self._classes(doc.client_classes))
        self.levels.check_database(doc.lease_database)
        check_contacts(doc, "Dhcp4", report)
        # Shared networks come first: in Kea their subnets get the first ids of the counter.
        networks = list(self._shared_networks(settings))
        subnets = list(self._subnets(doc.subnet4, settings, (*ROOT, "subnet4"), "", ()))
        reserved = (*ROOT, "reservations")
        unique = doc.ip_reservations_unique
        self.hosts.extend(hosts_of(doc.reservations, reserved, None, self.spaces, report, unique=unique))
        for host in self.hosts:
            self._note_identifier(host.options)
        if report.failed:
            return None
        expired = doc.expired_leases_processing
        return Network(
            subnets,
            shared_networks=networks,
            hosts=self.hosts,
            classes=classes,
            options=options,
            naming=naming,
            echo_client_id=doc.echo_client_id,
            authoritative=settings["authoritative"],
            decline_probation_period=doc.decline_probation_period,
            host_identifiers=doc.host_reservation_identifiers,
            ignore_rai_link_selection=doc.compatibility.ignore_rai_link_selection,
            ignore_dhcp_server_identifier=doc.compatibility.ignore_dhcp_server_identifier,
            server_identifiers=self.server_identifiers,
            early_global_reservations_lookup=doc.early_global_reservations_lookup,
            exclude_first_last_24=doc.compatibility.exclude_first_last_24,
            stash_agent_options=doc.stash_agent_options,
            lenient_option_parsing=doc.compatibility.lenient_option_parsing,
            space=self.spaces.get(FAMILY4.space.name) or FAMILY4.space,
            keep_released=bool(expired.flush_reclaimed_timer_wait_time and expired.hold_reclaimed_time),
            protection=protection_of(doc.protection),
        )

    def _options(self, entries: Sequence[OptionDataDoc], steps: Steps) -> OptionValues:
        values = self.levels.options(entries, steps)
        if values:
            self._note_identifier(values)
        return values

    def _note_identifier(self, values: OptionValues) -> None:
        """Every server identifier configured anywhere is one that clients may send us (RFC 2131 4.3.2)."""
        value = values.get(SERVER_IDENTIFIER)
        if value is not None and len(value.payload) == 4:
            self.server_identifiers.add(int.from_bytes(value.payload, "big"))

    # Shared networks and subnets.

    def _shared_networks(self, outer: Settings) -> Iterator[SharedNetwork4]:
        for index, doc in enumerate(self.doc.shared_networks):
            steps = (*ROOT, "shared-networks", index)
            settings = settings_of(doc, outer, steps, self.report)
            self.levels.naming(doc, settings, steps, enabled=self.enabled)
            self._check_boot_fields(doc, steps)
            self._check_authority(doc, steps)
            options = self._options(doc.option_data, steps)
            around = (Level(f"shared network {doc.name}", options),) if options else ()
            subnets = tuple(self._subnets(doc.subnet4, settings, (*steps, "subnet4"), doc.name, around))
            written = [(subnet.subnet, subnet.interface) for subnet in doc.subnet4]
            self.levels.check_network(doc, written, "subnet4", steps)
            yield SharedNetwork4(
                doc.name or "",
                subnets,
                doc.interface,
                self.levels.relays(doc.relay, address4, steps),
                self.levels.guards(doc, steps),
                self.report.place(steps),
                doc.evaluate_additional_classes,
            )

    def _check_authority(self, doc: SharedNetworkDoc, steps: Steps) -> None:
        """Who asks for an old address on a link is refused by all of its subnets or by none."""
        around = bool(doc.authoritative)
        for index, subnet in enumerate(doc.subnet4):
            own = subnet.authoritative
            if own is not None and own is not around:
                said, other = str(own).lower(), str(around).lower()
                message = (
                    f"Subnet {subnet.subnet} has different authoritative setting {said} than the shared-network"
                    f" itself: {other}"
                )
                related = [("the shared network", (*steps, "authoritative"))] if doc.authoritative is not None else ()
                self.report.add(
                    codes.CONTRADICTION, (*steps, "subnet4", index, "authoritative"), message, related=related
                )

    def _subnets(
        self, docs: Sequence[Subnet4Doc], outer: Settings, steps: Steps, network: str, around: tuple[Level, ...]
    ) -> Iterator[Subnet4]:
        for index, doc in enumerate(docs):
            subnet = self._subnet(doc, outer, (*steps, index), network, around)
            if subnet is not None:
                yield subnet

    def _subnet(
        self, doc: Subnet4Doc, outer: Settings, steps: Steps, network: str, around: tuple[Level, ...]
    ) -> Subnet4 | None:
        report = self.report
        settings = settings_of(doc, outer, steps, report, FAILED)
        self._check_boot_fields(doc, steps, FAILED)
        number = self.levels.subnet_id(doc.id, doc.subnet, steps)
        options = self._options(doc.option_data, steps)
        if "subnet" not in doc.written:  # its absence is reported already; the rest of it was still looked at
            return None
        try:
            prefix = prefix4(doc.subnet)
        except Unfit as unfit:
            report.add(unfit.code, (*steps, "subnet"), unfit.message, expected=unfit.expected)
            return None
        self.levels.check_prefix(doc.subnet, prefix, steps)
        subnet = Subnet4(
            prefix,
            id=number,
            pools=self.levels.pools(doc.pools, partial(self._pool, settings), _named, prefix, steps),
            lifetimes=settings.lifetimes,
            renew_timer=settings["renew_timer"],
            rebind_timer=settings["rebind_timer"],
            calculate_tee_times=settings["calculate_tee_times"],
            t1_percent=settings["t1_percent"],
            t2_percent=settings["t2_percent"],
            options=options,
            outer_levels=around,
            interface=doc.interface,
            relays=self.levels.relays(doc.relay, address4, steps),
            client_classes=self.levels.guards(doc, steps),
            additional_classes=doc.evaluate_additional_classes,
            authoritative=settings["authoritative"],
            match_client_id=settings["match_client_id"],
            reservations_global=settings["reservations_global"],
            reservations_in_subnet=settings["reservations_in_subnet"],
            reservations_out_of_pool=settings["reservations_out_of_pool"],
            next_server=address4(settings["next_server"]),
            server_hostname=settings["server_hostname"],
            boot_file_name=settings["boot_file_name"],
            cache_threshold=settings["cache_threshold"],
            cache_max_age=settings["cache_max_age"],
            store_extended_info=settings["store_extended_info"],
            offer_lifetime=settings["offer_lifetime"],
            adaptive_lease_time_threshold=settings["adaptive_lease_time_threshold"],
            naming=self.levels.naming(doc, settings, steps, enabled=self.enabled),
            allocator=settings["allocator"],
            shared_network=network,
            where=report.place(steps),
        )
        if doc.reservations:
            unique = self.doc.ip_reservations_unique
            reserved = (*steps, "reservations")
            self.hosts.extend(hosts_of(doc.reservations, reserved, subnet, self.spaces, report, unique=unique))
        return subnet

    # Pools.

    def _pool(self, settings: Settings, doc: PoolDoc, steps: Steps) -> Pool4 | None:
        options = self._options(doc.option_data, steps)
        if "pool" not in doc.written:  # its absence is reported already
            return None
        try:
            first, last = pool4(doc.pool)
        except Unfit as unfit:
            self.report.add(unfit.code, (*steps, "pool"), unfit.message, expected=unfit.expected)
            return None
        own = names_within(doc, settings)
        return Pool4(
            f"{IPv4Address(first)}-{IPv4Address(last)}",
            pool_id=doc.pool_id,
            client_classes=self.levels.guards(doc, steps),
            additional_classes=doc.evaluate_additional_classes,
            options=options,
            naming=self.levels.naming(doc, own, steps, enabled=self.enabled) if own is not settings else None,
            where=self.report.place(steps),
        )

    # Classes.

    def _classes(self, docs: Sequence[ClientClassDoc]) -> Iterator[ClientClass]:
        for made, doc, steps in self.levels.classes(docs, (*ROOT, "client-classes")):
            self._check_boot_fields(doc, steps)
            self._note_identifier(made.options)
            yield attrs.evolve(
                made,
                next_server=address4(doc.next_server),
                server_hostname=doc.server_hostname,
                boot_file_name=doc.boot_file_name,
                offer_lifetime=doc.offer_lifetime,
            )

    # Fields of the header.

    def _check_boot_fields(self, doc: Network4Doc | ClientClassDoc, steps: Steps, prefix: str = "") -> None:
        for name, key, octets_max in (
            ("server_hostname", "server-hostname", SNAME_MAX),
            ("boot_file_name", "boot-file-name", FILE_MAX),
        ):
            text = doc.__dict__.get(name)
            if text and len(text.encode("utf-8", "surrogateescape")) > octets_max:
                message = f"{prefix}{key} must be at most {octets_max} bytes long, it is {len(text.encode())}"
                self.report.add(codes.BAD_VALUE, (*steps, key), message)


def _named(pool: Pool4) -> str:
    return f"a pool of type V4, with the following address range: {pool}"
