"""Documents to the engine's network: inheritance resolved once, options to payloads, everything checked in one run.

The way is one-way; documents are Kea's, the network is ours. What two places of the configuration may not share is
remembered by value, so that a problem names both. This module does not know files or the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Final

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.network import ClientClass, Level, Lifetimes, Network, Pool4, SharedNetwork4, Subnet4
from dhcpkit.alloc.options import OptionValues
from dhcpkit.config import codes
from dhcpkit.config.checks import Unfit, address4, pool4, prefix4
from dhcpkit.config.dhcp4 import (
    ClientClassDoc,
    Dhcp4Doc,
    NetworkDoc,
    OptionDataDoc,
    PoolDoc,
    RelayDoc,
    SharedNetworkDoc,
    Subnet4Doc,
)
from dhcpkit.config.expression_text import BUILT_IN, flaws
from dhcpkit.config.inherit import OUTERMOST, Settings, lifetimes_of, settings_of
from dhcpkit.config.json_text import Source, Steps
from dhcpkit.config.nearest import nearest
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.report import Report
from dhcpkit.config.reservations import hosts_of

__all__ = ["compile4", "compile_into"]

SUBNET_ID_MAX: Final = 2**32 - 2  # Kea's SUBNET_ID_MAX; the number above it means "no subnet"
SERVER_IDENTIFIER: Final = 54
SNAME_MAX, FILE_MAX = 63, 127  # octets of the header's fields with a final zero (RFC 2131 2)
FAILED: Final = "subnet configuration failed: "
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
        self.spaces = Spaces(report)
        self.hosts: list[Host] = []
        self.server_identifiers: set[int] = set()
        self._ids: dict[int, Steps] = {}
        self._prefixes: dict[tuple[int, int], Steps] = {}
        self._counter = 0

    def network(self) -> Network | None:
        """The whole."""
        doc, report = self.doc, self.report
        self.spaces.define_all(doc.option_def, (*ROOT, "option-def"))
        settings = settings_of(doc, OUTERMOST, ROOT, report)
        self._check_boot_fields(doc, ROOT)
        options = self._options(doc.option_data, ROOT)
        classes = list(self._classes(doc.client_classes, (*ROOT, "client-classes")))
        self._check_database()
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
        return Network(
            subnets,
            shared_networks=networks,
            hosts=self.hosts,
            classes=classes,
            options=options,
            echo_client_id=doc.echo_client_id,
            authoritative=settings["authoritative"],
            decline_probation_period=doc.decline_probation_period,
            host_identifiers=doc.host_reservation_identifiers,
            ignore_rai_link_selection=doc.compatibility.ignore_rai_link_selection,
            ignore_dhcp_server_identifier=doc.compatibility.ignore_dhcp_server_identifier,
            server_identifiers=self.server_identifiers,
            early_global_reservations_lookup=doc.early_global_reservations_lookup,
        )

    def _check_database(self) -> None:
        kind = self.doc.lease_database.type
        if kind not in (None, "memfile"):  # None: its absence is reported already
            message = f"The type of lease database backend: '{kind}' is not currently supported"
            self.report.add(codes.NO_BACKEND, (*ROOT, "lease-database", "type"), message, expected="memfile")

    def _options(self, entries: Sequence[OptionDataDoc], steps: Steps, spaces: Spaces | None = None) -> OptionValues:
        values = (spaces or self.spaces).values(entries, steps)
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
        names: dict[str, Steps] = {}
        for index, doc in enumerate(self.doc.shared_networks):
            steps = (*ROOT, "shared-networks", index)
            settings = settings_of(doc, outer, steps, self.report)
            self._check_boot_fields(doc, steps)
            self._check_network_name(doc, steps, names)
            options = self._options(doc.option_data, steps)
            levels = (Level(f"shared network {doc.name}", options),) if options else ()
            subnets = tuple(self._subnets(doc.subnet4, settings, (*steps, "subnet4"), doc.name, levels))
            self._check_interfaces(doc, steps)
            yield SharedNetwork4(
                doc.name or "",
                subnets,
                doc.interface,
                self._relays(doc.relay, steps),
                self._guards(doc, steps),
                self.report.place(steps),
            )

    def _check_network_name(self, doc: SharedNetworkDoc, steps: Steps, names: dict[str, Steps]) -> None:
        if "name" not in doc.written:
            return
        if not doc.name:
            prefixes = " ".join(subnet.subnet for subnet in doc.subnet4 if subnet.subnet)
            message = f"Shared-network with subnets {prefixes} is missing mandatory 'name' parameter"
            self.report.add(codes.BAD_VALUE, (*steps, "name"), message)
        elif (first := names.setdefault(doc.name, steps)) is not steps:
            message = f"duplicate network '{doc.name}' found in the configuration"
            related = [("first declared here", (*first, "name"))]
            self.report.add(codes.DUPLICATE_NETWORK, (*steps, "name"), message, related=related)

    def _check_interfaces(self, doc: SharedNetworkDoc, steps: Steps) -> None:
        """One link is one interface: the network's, or the first that a subnet of it names."""
        link = doc.interface
        for index, subnet in enumerate(doc.subnet4):
            link = link or subnet.interface
            if subnet.interface not in ("", link):
                message = (
                    f"Subnet {subnet.subnet} has specified interface {subnet.interface}, but earlier subnet in the same"
                    f" shared-network or the shared-network itself used {link}"
                )
                self.report.add(codes.CONTRADICTION, (*steps, "subnet4", index, "interface"), message)

    def _subnets(
        self, docs: Sequence[Subnet4Doc], outer: Settings, steps: Steps, network: str, levels: tuple[Level, ...]
    ) -> Iterator[Subnet4]:
        for index, doc in enumerate(docs):
            subnet = self._subnet(doc, outer, (*steps, index), network, levels)
            if subnet is not None:
                yield subnet

    def _subnet(
        self, doc: Subnet4Doc, outer: Settings, steps: Steps, network: str, levels: tuple[Level, ...]
    ) -> Subnet4 | None:
        report = self.report
        settings = settings_of(doc, outer, steps, report, FAILED)
        self._check_boot_fields(doc, steps, FAILED)
        number = self._subnet_id(doc, steps)
        options = self._options(doc.option_data, steps)
        if "subnet" not in doc.written:  # its absence is reported already; the rest of it was still looked at
            return None
        try:
            prefix = prefix4(doc.subnet)
        except Unfit as unfit:
            report.add(unfit.code, (*steps, "subnet"), unfit.message, expected=unfit.expected)
            return None
        base = int(prefix.network_address)
        first = self._prefixes.setdefault((base, prefix.prefixlen), steps)
        if first is not steps:
            message = f"subnet with the prefix of '{prefix}' already exists"
            related = [("first declared here", (*first, "subnet"))]
            report.add(codes.DUPLICATE_SUBNET, (*steps, "subnet"), message, related=related)
        if prefix.prefixlen < 32 and not doc.subnet.startswith(f"{prefix.network_address}/"):
            self._check_host_bits(doc.subnet, str(prefix), steps)
        subnet = Subnet4(
            prefix,
            id=number,
            pools=self._pools(doc.pools, base, int(prefix.broadcast_address), str(prefix), steps) if doc.pools else (),
            lifetimes=settings.lifetimes,
            renew_timer=settings["renew_timer"],
            rebind_timer=settings["rebind_timer"],
            calculate_tee_times=settings["calculate_tee_times"],
            t1_percent=settings["t1_percent"],
            t2_percent=settings["t2_percent"],
            options=options,
            outer_levels=levels,
            interface=doc.interface,
            relays=self._relays(doc.relay, steps),
            client_classes=self._guards(doc, steps),
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
            qualifying_suffix=settings["ddns_qualifying_suffix"],
            shared_network=network,
            where=report.place(steps),
        )
        if doc.reservations:
            unique = self.doc.ip_reservations_unique
            reserved = (*steps, "reservations")
            self.hosts.extend(hosts_of(doc.reservations, reserved, subnet, self.spaces, report, unique=unique))
        return subnet

    def _check_host_bits(self, text: str, prefix: str, steps: Steps) -> None:
        if text.replace(" ", "") != prefix:
            message = f"{text} has bits set behind its prefix length"
            self.report.add(codes.HOST_BITS, (*steps, "subnet"), message, suggestion=prefix)

    def _subnet_id(self, doc: Subnet4Doc, steps: Steps) -> int:
        number = doc.id
        if not 0 <= number <= SUBNET_ID_MAX:
            message = f"{FAILED}The 'id' value ({number}) is not within expected range: (0 - {SUBNET_ID_MAX})"
            self.report.add(codes.OUT_OF_RANGE, (*steps, "id"), message, expected=f"1 to {SUBNET_ID_MAX}")
            return 0
        if number == 0:
            self._counter += 1
            number = self._counter
            message = f"subnet {doc.subnet} has no id; it gets {number} from a counter"
            self.report.add(codes.NO_SUBNET_ID, (*steps, "id"), message, hint=f'give it an id: "id": {number}')
        first = self._ids.setdefault(number, steps)
        if first is not steps:
            message = f"ID of the new IPv4 subnet '{number}' is already in use"
            related = [("first used here", (*first, "id"))]
            self.report.add(codes.DUPLICATE_SUBNET_ID, (*steps, "id"), message, related=related)
        return number

    def _relays(self, doc: RelayDoc, steps: Steps) -> frozenset[int]:
        addresses = {address4(text) for text in doc.ip_addresses}
        if "ip_address" in doc.written:
            addresses.add(address4(doc.ip_address))
            if "ip_addresses" in doc.written:
                message = "only one of ip-address and ip-addresses may be given"
                self.report.add(codes.CONTRADICTION, (*steps, "relay", "ip-address"), message, key=True)
        return frozenset(addresses)

    def _guards(self, doc: Subnet4Doc | SharedNetworkDoc | PoolDoc, steps: Steps) -> tuple[str, ...]:
        """Classes of which a client must be in one: `client-classes`, or the one `client-class` of older files."""
        if not doc.client_class:
            return doc.client_classes
        if doc.client_classes:
            message = "only one of client-class and client-classes may be given"
            self.report.add(codes.CONTRADICTION, (*steps, "client-class"), message, key=True)
        return (doc.client_class,)

    # Pools.

    def _pools(self, docs: Sequence[PoolDoc], low: int, high: int, prefix: str, steps: Steps) -> list[Pool4]:
        made: list[tuple[int, Pool4]] = []
        for index, doc in enumerate(docs):
            here = (*steps, "pools", index)
            options = self._options(doc.option_data, here)
            pool = self._pool(doc, options, here) if "pool" in doc.written else None
            if pool is None:
                continue
            if pool.first < low or pool.last > high:
                fault = f"does not match the prefix of a subnet: {prefix} to which it is being added"
                expected = f"addresses from {IPv4Address(low)} to {IPv4Address(high)}"
                message = f"{FAILED}{_named(pool)} {fault}"
                self.report.add(codes.POOL_OUTSIDE, (*here, "pool"), message, expected=expected)
                continue
            made.append((index, pool))
        self._check_overlaps(made, prefix, steps)
        return [pool for _, pool in made]

    def _pool(self, doc: PoolDoc, options: OptionValues, steps: Steps) -> Pool4 | None:
        guards, place = self._guards(doc, steps), self.report.place(steps)
        try:
            return Pool4(doc.pool, pool_id=doc.pool_id, client_classes=guards, options=options, where=place)
        except ValueError:  # also forms that only Kea takes
            try:
                first, last = pool4(doc.pool)
            except Unfit as unfit:
                self.report.add(unfit.code, (*steps, "pool"), unfit.message, expected=unfit.expected)
                return None
        text = f"{IPv4Address(first)}-{IPv4Address(last)}"
        return Pool4(text, pool_id=doc.pool_id, client_classes=guards, options=options, where=place)

    def _check_overlaps(self, made: list[tuple[int, Pool4]], prefix: str, steps: Steps) -> None:
        in_order = sorted(made, key=lambda pair: (pair[1].first, pair[0]))
        for before, after in pairwise(in_order):
            if after[1].first <= before[1].last:
                (one, _), (two, pool) = sorted((before, after), key=lambda pair: pair[0])
                fault = f"overlaps with an existing pool in the subnet: {prefix} to which it is being added"
                related = [("the other pool", (*steps, "pools", one, "pool"))]
                here = (*steps, "pools", two, "pool")
                self.report.add(codes.POOLS_OVERLAP, here, f"{FAILED}{_named(pool)} {fault}", related=related)

    # Classes.

    def _classes(self, docs: Sequence[ClientClassDoc], steps: Steps) -> Iterator[ClientClass]:
        known: dict[str, Steps] = {}
        for index, doc in enumerate(docs):
            here = (*steps, index)
            made = self._class(doc, here, known)
            if "name" not in doc.written:
                continue
            first = known.setdefault(doc.name, here)
            if first is not here:
                message = f"Can't add class: Client Class: {doc.name} has already been defined"
                related = [("first defined here", (*first, "name"))]
                self.report.add(codes.DUPLICATE_CLASS, (*here, "name"), message, related=related)
                continue
            yield made

    def _class(self, doc: ClientClassDoc, steps: Steps, known: dict[str, Steps]) -> ClientClass:
        name = doc.name or ""
        if doc.name in BUILT_IN and doc.test:
            message = f"built-in class '{doc.name}' test expression must be empty"
            self.report.add(codes.BUILT_IN_CLASS, (*steps, "test"), message)
        for key in ("test", "template-test"):
            self._expression(getattr(doc, key.replace("-", "_")), (*steps, key), known)
        self._check_boot_fields(doc, steps)
        spaces = self.spaces
        if doc.option_def:
            spaces = spaces.inner()
            spaces.define_all(doc.option_def, (*steps, "option-def"), in_class=True)
        return ClientClass(
            name,
            self._options(doc.option_data, steps, spaces),
            self._class_lifetimes(doc, steps),
            address4(doc.next_server),
            doc.server_hostname,
            doc.boot_file_name,
            self.report.place(steps),
        )

    def _expression(self, text: str, steps: Steps, known: dict[str, Steps]) -> None:
        if not text:
            return
        message = "the expression is not evaluated yet: it puts nobody into the class"
        self.report.add(codes.UNTESTED, steps, message)
        for flaw in flaws(text, known):
            wanted = text[flaw.start : flaw.end]
            near = nearest(wanted, (*known, *BUILT_IN)) if flaw.code is codes.UNKNOWN_CLASS else ""
            self.report.add(
                flaw.code,
                steps,
                flaw.message,
                within=(flaw.start, flaw.end),
                hint=flaw.hint,
                suggestion=near,
            )

    def _class_lifetimes(self, doc: ClientClassDoc, steps: Steps) -> Lifetimes | None:
        valid, low, high = doc.valid_lifetime, doc.min_valid_lifetime, doc.max_valid_lifetime
        if valid is not None:
            return lifetimes_of(valid, low, high, steps, self.report)
        bounds = [
            key for key, value in (("min-valid-lifetime", low), ("max-valid-lifetime", high)) if value is not None
        ]
        if bounds:
            message = f"have {' and '.join(bounds)} but no valid-lifetime (default)"
            self.report.add(codes.BAD_LIFETIMES, (*steps, bounds[0]), message)
        return None

    # Fields of the header.

    def _check_boot_fields(self, doc: NetworkDoc | ClientClassDoc, steps: Steps, prefix: str = "") -> None:
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
