"""One reservation that is not in the configuration file: from its JSON to what the engine takes, and to Kea's answers.

It is read by the same documents and checked by the same rules as those of the file, except that its subnet may be gone
by now. This module does not know where such reservations are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any, Final

import attrs

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.options import NO_OPTIONS
from dhcpkit.config.checks import identifier
from dhcpkit.config.dhcp4 import ReservationDoc
from dhcpkit.config.dhcp6 import Reservation6Doc
from dhcpkit.config.documents import OptionDataDoc
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.param import read
from dhcpkit.config.report import Report
from dhcpkit.config.reservations import hosts_of
from dhcpkit.config.reservations6 import hosts6_of
from dhcpkit.wire.definitions import Definitions
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

__all__ = ["UNUSED", "Reserving", "cached_form", "identifier_text", "identifiers_of"]

KINDS4: Final = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")
KINDS6: Final = ("hw-address", "duid", "flex-id")
COLONS: Final = frozenset(("hw-address", "duid"))  # identifiers that Kea shows with colons and in lower case
UNUSED: Final = 2**32 - 1  # the subnet of the other family, in the form of the cache

AnyHost = Host | Host6
AnyReservationDoc = ReservationDoc | Reservation6Doc


def identifiers_of(family: int) -> tuple[str, ...]:
    """The kinds of identifiers that a client of a family may be known by."""
    return KINDS4 if family == 4 else KINDS6


def identifier_text(kind: str, octets: bytes) -> str:
    """An identifier as Kea shows it."""
    return octets.hex(":") if kind in COLONS else octets.hex().upper()


class Reserving:
    """Reads reservations of one family, with the options that a configuration defines."""

    def __init__(self, family: int, doc: Any = None) -> None:
        """`doc` is a Dhcp4Doc or Dhcp6Doc; without one, there are the standard options only."""
        self.family = family
        self._top = DHCP4 if family == 4 else DHCP6
        self._definitions = Definitions(self._top)
        if doc is not None:
            self._spaces(Report()).define_all(doc.option_def, ("option-def",))

    def _spaces(self, report: Report) -> Spaces:
        return Spaces(report, self._top, self._definitions)

    def read(self, written: Mapping[str, Any], report: Report | None = None) -> AnyReservationDoc:
        """The document of a reservation without its subnet. What is wrong goes to the report."""
        cls: type[AnyReservationDoc] = ReservationDoc if self.family == 4 else Reservation6Doc
        return read(cls, written, (), report if report is not None else Report())

    def host(self, written: Mapping[str, Any], subnet_id: int) -> AnyHost:
        """The reservation for the engine. Raises ConfigError with everything that is wrong with it.

        Whether the subnet is there and holds the addresses is not looked at.
        """
        report = Report()
        doc = self.read(written, report)
        spaces = self._spaces(report)
        made: list[AnyHost]
        if isinstance(doc, ReservationDoc):
            made = list(hosts_of([doc], (), None, spaces, report, unique=False))
        else:
            made = list(hosts6_of([doc], (), None, spaces, report, unique=False))
        if report.failed or not made:
            raise report.error()
        return attrs.evolve(made[0], subnet_id=subnet_id, where=None)

    def protecting(self, written: Mapping[str, Any], subnet_id: int) -> AnyHost:
        """The same without its options: what still keeps its addresses where an option's definition is gone.

        Raises ConfigError.
        """
        return attrs.evolve(self.host({**written, "option-data": []}, subnet_id), options=NO_OPTIONS)

    def shown(self, written: Mapping[str, Any], subnet_id: int) -> dict[str, Any]:
        """A reservation as `reservation-get` shows it."""
        doc = self.read(written)
        shown: dict[str, Any] = {
            "client-classes": list(doc.client_classes),
            "hostname": doc.hostname,
            "option-data": list(self._options(doc)),
            "subnet-id": subnet_id,
        }
        for kind in identifiers_of(self.family):
            name = kind.replace("-", "_")
            if name in doc.written:
                shown[kind] = identifier_text(kind, identifier(getattr(doc, name)))
        if isinstance(doc, ReservationDoc):
            shown |= {
                "boot-file-name": doc.boot_file_name,
                "next-server": str(IPv4Address(doc.next_server or 0)),
                "server-hostname": doc.server_hostname,
            }
            if doc.ip_address:
                shown["ip-address"] = doc.ip_address
        else:
            shown |= {"ip-addresses": list(doc.ip_addresses), "prefixes": list(doc.prefixes)}
            if any(doc.excluded_prefixes):
                shown["excluded-prefixes"] = list(doc.excluded_prefixes)
        context = dict(doc.user_context)
        if "comment" in doc.written:
            context["comment"] = doc.comment
        if context:
            shown["user-context"] = context
        return shown

    def _options(self, doc: AnyReservationDoc) -> Iterator[dict[str, Any]]:
        for entry in doc.option_data:
            yield self._option(entry)

    def _option(self, entry: OptionDataDoc) -> dict[str, Any]:
        where = entry.space or self._top.name
        space = self._definitions.get(where)
        option = None
        if space is not None:
            option = space.by_code(entry.code) if "code" in entry.written else space.by_name(entry.name)
        shown: dict[str, Any] = {
            "always-send": entry.always_send,
            "code": option.code if option is not None else entry.code,
            "csv-format": entry.csv_format is not False and option is not None,
            "never-send": entry.never_send,
            "space": where,
        }
        name = option.name if option is not None else entry.name
        if name:
            shown["name"] = name
        if entry.data:
            shown["data"] = entry.data
        if entry.client_classes:
            shown["client-classes"] = list(entry.client_classes)
        if entry.user_context:
            shown["user-context"] = dict(entry.user_context)
        return shown


def cached_form(family: int, shown: Mapping[str, Any], host_id: int, other_subnet: int = UNUSED) -> dict[str, Any]:
    """A reservation as the commands of the cache show it: the keys of both families (Kea's cache holds both)."""
    other = 10 - family
    form: dict[str, Any] = {
        "boot-file-name": shown.get("boot-file-name", ""),
        f"client-classes{family}": shown["client-classes"],
        f"client-classes{other}": [],
        "host-id": host_id,
        "hostname": shown["hostname"],
        "next-server": shown.get("next-server", "0.0.0.0"),  # no server
        f"option-data{family}": shown["option-data"],
        f"option-data{other}": [],
        "server-hostname": shown.get("server-hostname", ""),
        f"subnet-id{family}": shown["subnet-id"],
        f"subnet-id{other}": other_subnet,
    }
    kept = (*KINDS4, "ip-address", "ip-addresses", "prefixes", "excluded-prefixes", "user-context")
    return form | {key: shown[key] for key in kept if shown.get(key)}
