"""What the levels of a configuration have in common in both families: options, classes, guards, ids, names, relays.

The compilers of DHCPv4 and DHCPv6 each hold one of these; what two places may not share is remembered here by value,
so that a problem names both. This module does not know subnets' addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import pairwise
from typing import Final, Protocol, TypeVar

import attrs

from dhcpkit.alloc.expressions import ExpressionError, parse, parse_text
from dhcpkit.alloc.naming import Naming, pattern_fault
from dhcpkit.alloc.network import ClientClass, Lifetimes
from dhcpkit.alloc.options import OptionValues
from dhcpkit.alloc.subjects import Family
from dhcpkit.config import codes
from dhcpkit.config.dhcp4 import RelayDoc, SharedNetworkDoc
from dhcpkit.config.dhcp6 import Relay6Doc, SharedNetwork6Doc
from dhcpkit.config.documents import ClassDoc, DdnsDoc, GuardedDoc, OptionDataDoc, OptionDefDoc, PoolDoc
from dhcpkit.config.inherit import Settings, lifetimes_of
from dhcpkit.config.json_text import Steps
from dhcpkit.config.nearest import nearest
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.report import Report
from dhcpkit.config.surroundings import DatabaseDoc, DhcpDdnsDoc

__all__ = ["BUILT_IN", "FAILED", "Levels", "Range", "naming_of", "with_old_names"]

SUBNET_ID_MAX: Final = 2**32 - 2  # Kea's SUBNET_ID_MAX; the number above it means "no subnet"
FAILED: Final = "subnet configuration failed: "
BUILT_IN: Final = frozenset(("ALL", "KNOWN", "UNKNOWN", "BOOTP"))  # of these a configuration may not say who is in them
OTHERS: Final = frozenset(("DROP", "REJECT", "SKIP_DDNS", "STASH_AGENT_OPTIONS"))  # these mean something besides
PREFIXES: Final = ("VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_", "SPAWN_")  # names of classes that others assign
# Old keys for conflicts (Kea before 2.5): whether the owner of a name is looked at.
CONFLICTS: Final = {True: "check-with-dhcid", False: "no-check-with-dhcid"}

# Keys of `dhcp-ddns` in older files, and what they are called today, one level up.
OLD_NAMES: Final = {
    "override_no_update": "ddns_override_no_update",
    "override_client_update": "ddns_override_client_update",
    "replace_client_name": "ddns_replace_client_name",
    "generated_prefix": "ddns_generated_prefix",
    "qualifying_suffix": "ddns_qualifying_suffix",
    "hostname_char_set": "hostname_char_set",
    "hostname_char_replacement": "hostname_char_replacement",
}

_OPEN: Final = re.compile(r"^(?:[^']|'[^']*')*('[^']*)\Z")  # a quote that nothing closes

T = TypeVar("T")
D = TypeVar("D", bound=ClassDoc)
R = TypeVar("R", bound="Range")


class Range(Protocol):
    """A pool: its addresses are `first` to `last`."""

    @property
    def first(self) -> int:
        """The first address."""
        ...

    @property
    def last(self) -> int:
        """The last address."""
        ...


class Levels:
    """What all levels of one configuration share, and what was seen so far."""

    def __init__(self, root: str, family: Family, report: Report) -> None:
        self.root = root
        self.family = family
        self.report = report
        self.spaces = Spaces(report, family.space)
        self._ids: dict[int, Steps] = {}
        self._prefixes: dict[tuple[int, int], Steps] = {}
        self._names: dict[str, Steps] = {}
        self._counter = 0

    def define(self, definitions: Sequence[OptionDefDoc]) -> None:
        """Adds the configuration's own options."""
        self.spaces.define_all(definitions, (self.root, "option-def"))

    def options(self, entries: Sequence[OptionDataDoc], steps: Steps, spaces: Spaces | None = None) -> OptionValues:
        """The options of a level."""
        return (spaces or self.spaces).values(entries, steps)

    def check_database(self, doc: DatabaseDoc) -> None:
        """Leases are kept in a file; other stores are named as not supported."""
        if doc.type not in (None, "memfile"):  # None: its absence is reported already
            message = f"The type of lease database backend: '{doc.type}' is not currently supported"
            self.report.add(codes.NO_BACKEND, (self.root, "lease-database", "type"), message, expected="memfile")

    # Names.

    def naming(self, doc: DdnsDoc, settings: Settings, steps: Steps, *, enabled: bool) -> Naming:
        """What holds for clients' names at a level; its pattern for characters is looked at where it is written."""
        pattern = settings["hostname_char_set"]
        if "hostname_char_set" in doc.written:
            fault = pattern_fault(pattern)
            if fault:
                message = f"hostname-char-set '{pattern}' is not a valid regular expression: {fault}"
                self.report.add(codes.BAD_PATTERN, (*steps, "hostname-char-set"), message)
        low, high = doc.ddns_ttl_min, doc.ddns_ttl_max
        if low is not None and high is not None and high < low:
            message = f"ddns-ttl-max: {high} must be greater than ddns-ttl-min: {low}"
            self.report.add(codes.BAD_LIFETIMES, (*steps, "ddns-ttl-max"), message, expected=f"{low} or more")
        return naming_of(settings, enabled=enabled)

    # Who may use a level.

    def guards(self, doc: GuardedDoc, steps: Steps) -> tuple[str, ...]:
        """Classes of which a client must be in one: `client-classes`, or the one `client-class` of older files."""
        if not doc.client_class:
            return doc.client_classes
        if doc.client_classes:
            message = "only one of client-class and client-classes may be given"
            self.report.add(codes.CONTRADICTION, (*steps, "client-class"), message, key=True)
        return (doc.client_class,)

    def relays(self, doc: RelayDoc | Relay6Doc, number: Callable[[str], int], steps: Steps) -> frozenset[int]:
        """The addresses of the relay agents whose clients belong to a level."""
        addresses = {number(text) for text in doc.ip_addresses}
        if "ip_address" in doc.written:
            addresses.add(number(doc.ip_address))
            if "ip_addresses" in doc.written:
                message = "only one of ip-address and ip-addresses may be given"
                self.report.add(codes.CONTRADICTION, (*steps, "relay", "ip-address"), message, key=True)
        return frozenset(addresses)

    # Shared networks.

    def check_network(
        self, doc: SharedNetworkDoc | SharedNetwork6Doc, subnets: Sequence[tuple[str, str]], key: str, steps: Steps
    ) -> None:
        """A shared network has a name of its own, and one link. `subnets` are prefixes and interfaces, as written."""
        if "name" in doc.written:
            if not doc.name:
                prefixes = " ".join(prefix for prefix, _ in subnets if prefix)
                message = f"Shared-network with subnets {prefixes} is missing mandatory 'name' parameter"
                self.report.add(codes.BAD_VALUE, (*steps, "name"), message)
            elif (first := self._names.setdefault(doc.name, steps)) is not steps:
                message = f"duplicate network '{doc.name}' found in the configuration"
                related = [("first declared here", (*first, "name"))]
                self.report.add(codes.DUPLICATE_NETWORK, (*steps, "name"), message, related=related)
        link = doc.interface
        for index, (prefix, interface) in enumerate(subnets):
            link = link or interface
            if interface not in ("", link):
                message = (
                    f"Subnet {prefix} has specified interface {interface}, but earlier subnet in the same"
                    f" shared-network or the shared-network itself used {link}"
                )
                self.report.add(codes.CONTRADICTION, (*steps, key, index, "interface"), message)

    # Subnets.

    def subnet_id(self, number: int, prefix: str, steps: Steps) -> int:
        """A subnet's number, one of its own; a counter gives it where the file does not."""
        if not 0 <= number <= SUBNET_ID_MAX:
            message = f"{FAILED}The 'id' value ({number}) is not within expected range: (0 - {SUBNET_ID_MAX})"
            self.report.add(codes.OUT_OF_RANGE, (*steps, "id"), message, expected=f"1 to {SUBNET_ID_MAX}")
            return 0
        if number == 0:
            self._counter += 1
            number = self._counter
            message = f"subnet {prefix} has no id; it gets {number} from a counter"
            self.report.add(codes.NO_SUBNET_ID, (*steps, "id"), message, hint=f'give it an id: "id": {number}')
        first = self._ids.setdefault(number, steps)
        if first is not steps:
            message = f"ID of the new IPv{self.family.version} subnet '{number}' is already in use"
            related = [("first used here", (*first, "id"))]
            self.report.add(codes.DUPLICATE_SUBNET_ID, (*steps, "id"), message, related=related)
        return number

    def check_prefix(self, written: str, prefix: IPv4Network | IPv6Network, steps: Steps) -> None:
        """A prefix is there once, and has no bits set behind its length."""
        first = self._prefixes.setdefault((int(prefix.network_address), prefix.prefixlen), steps)
        if first is not steps:
            message = f"subnet with the prefix of '{prefix}' already exists"
            related = [("first declared here", (*first, "subnet"))]
            self.report.add(codes.DUPLICATE_SUBNET, (*steps, "subnet"), message, related=related)
        if prefix.prefixlen < prefix.max_prefixlen and not _is_base(written, prefix):
            message = f"{written} has bits set behind its prefix length"
            self.report.add(codes.HOST_BITS, (*steps, "subnet"), message, suggestion=str(prefix))

    def pools(
        self,
        docs: Sequence[PoolDoc],
        make: Callable[[PoolDoc, Steps], R | None],
        named: Callable[[R], str],
        prefix: IPv4Network | IPv6Network,
        steps: Steps,
    ) -> list[R]:
        """A subnet's pools, as `make` makes them of their documents: inside the prefix, and apart from each other."""
        made: list[tuple[int, R]] = []
        low, high = int(prefix.network_address), int(prefix.broadcast_address)
        for index, doc in enumerate(docs):
            here = (*steps, "pools", index)
            pool = make(doc, here)
            if pool is None:
                continue
            if pool.first < low or pool.last > high:
                fault = f"does not match the prefix of a subnet: {prefix} to which it is being added"
                expected = f"addresses from {prefix.network_address} to {prefix.broadcast_address}"
                message = f"{FAILED}{named(pool)} {fault}"
                self.report.add(codes.POOL_OUTSIDE, (*here, "pool"), message, expected=expected)
                continue
            made.append((index, pool))
        self.check_overlaps(made, named, str(prefix), steps, "pools")
        return [pool for _, pool in made]

    def check_overlaps(
        self, made: Sequence[tuple[int, R]], named: Callable[[R], str], prefix: str, steps: Steps, key: str
    ) -> None:
        """Two pools of a subnet have no address in common. `made` are pools with their index in the file."""
        in_order = sorted(made, key=lambda pair: (pair[1].first, pair[0]))
        for before, after in pairwise(in_order):
            if after[1].first <= before[1].last:
                (one, _), (two, pool) = sorted((before, after), key=lambda pair: pair[0])
                fault = f"overlaps with an existing pool in the subnet: {prefix} to which it is being added"
                value = "pool" if key == "pools" else "prefix"
                related = [("the other pool", (*steps, key, one, value))]
                here = (*steps, key, two, value)
                self.report.add(codes.POOLS_OVERLAP, here, f"{FAILED}{named(pool)} {fault}", related=related)

    # Classes.

    def classes(self, docs: Sequence[D], steps: Steps) -> Iterator[tuple[ClientClass, D, Steps]]:
        """The classes with what each was made of, and where; a family adds what it alone has."""
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
            yield made, doc, here

    def _class(self, doc: ClassDoc, steps: Steps, known: Mapping[str, Steps]) -> ClientClass:
        for key in ("test", "template-test"):
            name = key.replace("-", "_")
            if name in doc.written and not getattr(doc, name):
                message = "expression: [] error: <string>:1.1: syntax error, unexpected end of file"
                self.report.add(
                    codes.BAD_EXPRESSION, (*steps, key), message, hint=f"a class without {key} leaves it out"
                )
        if doc.name in BUILT_IN and doc.test:
            message = f"built-in class '{doc.name}' test expression must be empty"
            self.report.add(codes.BUILT_IN_CLASS, (*steps, "test"), message)
        if doc.test and doc.template_test:
            message = "a class has a test or a template-test, not both"
            self.report.add(codes.CONTRADICTION, (*steps, "template-test"), message, key=True)
        spaces = self.spaces
        definitions: Sequence[OptionDefDoc] = getattr(doc, "option_def", ())
        if definitions:
            spaces = spaces.inner()
            spaces.define_all(definitions, (*steps, "option-def"), in_class=True)
        return ClientClass(
            doc.name or "",
            self.options(doc.option_data, steps, spaces),
            self.class_lifetimes(doc.valid_lifetime, doc.min_valid_lifetime, doc.max_valid_lifetime, "valid", steps),
            where=self.report.place(steps),
            test=self._expression(doc.test, parse, (*steps, "test"), known),
            template=self._expression(doc.template_test, parse_text, (*steps, "template-test"), known),
            only_additional=doc.only_in_additional_list,
            space=spaces.get(self.family.space.name) if definitions else None,
        )

    def _expression(
        self,
        text: str,
        read: Callable[[str, Family, Callable[[str], bool]], T],
        steps: Steps,
        known: Mapping[str, Steps],
    ) -> T | None:
        """What an expression means; None for an empty one, and for one that was reported."""
        if not text:
            return None
        family = attrs.evolve(self.family, space=self.spaces.get(self.family.space.name) or self.family.space)
        try:
            return read(text, family, lambda name: _is_class(name, known))
        except ExpressionError as error:
            self._bad_expression(text, error, steps, known)
            return None

    def _bad_expression(self, text: str, error: ExpressionError, steps: Steps, known: Mapping[str, Steps]) -> None:
        wanted = text[error.start : error.end]
        unknown = "is not defined here" in error.what
        near = nearest(wanted.strip("'"), (*known, *BUILT_IN)) if unknown else ""
        self.report.add(
            codes.UNKNOWN_CLASS if unknown else codes.BAD_EXPRESSION,
            steps,
            f"expression: [{text}] error: <string>:1.{error.start + 1}: {error.what}",
            within=(error.start, max(error.end, error.start + 1)) if error.start < len(text) else None,
            expected=", ".join(error.expected),
            suggestion=near,
            hint=error.hint,
        )
        quote = _OPEN.search(text)
        if quote is not None and quote.start(1) > error.start:  # a second mistake, which the first one hid
            message = f"expression: [{text}] error: <string>:1.{quote.start(1) + 1}: Invalid character: '"
            self.report.add(
                codes.BAD_EXPRESSION, steps, message, within=quote.span(1), hint="the text has no closing quote"
            )

    def class_lifetimes(
        self, default: int | None, low: int | None, high: int | None, kind: str, steps: Steps
    ) -> Lifetimes | None:
        """A class's lifetimes of one kind, None where it has none."""
        if default is not None:
            return lifetimes_of(default, low, high, steps, self.report, kind=kind)
        bounds = [
            key for key, value in ((f"min-{kind}-lifetime", low), (f"max-{kind}-lifetime", high)) if value is not None
        ]
        if bounds:
            message = f"have {' and '.join(bounds)} but no {kind}-lifetime (default)"
            self.report.add(codes.BAD_LIFETIMES, (*steps, bounds[0]), message)
        return None


def _is_class(name: str, known: Mapping[str, Steps]) -> bool:
    return name in known or name in BUILT_IN or name in OTHERS or name.startswith(PREFIXES)


def _is_base(written: str, prefix: IPv4Network | IPv6Network) -> bool:
    """Whether the address before the slash is the prefix's own, however it is spelt."""
    return ip_address(written.partition("/")[0].strip()) == prefix.network_address


def with_old_names(settings: Settings, doc: DhcpDdnsDoc) -> Settings:
    """The outermost settings with those that older files say under `dhcp-ddns`; what is said today holds (Kea)."""
    old = {today: getattr(doc, name) for name, today in OLD_NAMES.items() if name in doc.written}
    said = {name: value for name, value in old.items() if settings[name] == DdnsDoc.params[name].inherit}
    return attrs.evolve(settings, values=settings.values | said) if said else settings


def naming_of(settings: Settings, *, enabled: bool = True) -> Naming:
    """What holds for clients' names at a level. `enabled`: DNS is told anything at all (`enable-updates`)."""
    mode = settings["ddns_conflict_resolution_mode"]
    if settings["ddns_use_conflict_resolution"] is False:
        mode = CONFLICTS[False]
    return Naming(
        send_updates=enabled and settings["ddns_send_updates"],
        override_no_update=settings["ddns_override_no_update"],
        override_client_update=settings["ddns_override_client_update"],
        replace_client_name=settings["ddns_replace_client_name"],
        generated_prefix=settings["ddns_generated_prefix"],
        qualifying_suffix=settings["ddns_qualifying_suffix"],
        update_on_renew=settings["ddns_update_on_renew"],
        conflict_resolution_mode=mode,
        ttl=settings["ddns_ttl"] or 0,
        ttl_percent=settings["ddns_ttl_percent"] or 0.0,
        ttl_min=settings["ddns_ttl_min"] or 0,
        ttl_max=settings["ddns_ttl_max"] or 0,
        char_set=settings["hostname_char_set"],
        char_replacement=settings["hostname_char_replacement"],
        enabled=enabled,
    )
