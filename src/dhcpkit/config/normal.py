"""The normal form of a configuration: every key with its value, defaults and inherited ones too, as Kea tells it.

`config-get` and `config-write` tell this form, and `hash_of` is Kea's hash of it: equal for configurations that mean
the same, and equal to Kea's for the same configuration. When a key is there and how its value looks is said where the
key is declared (`param`); what concerns more than one key is here. Reading the form gives the same network and the
same form again. This module does not know files.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final

from dhcpkit.alloc.subjects import FAMILY4, FAMILY6
from dhcpkit.config.dhcp4 import ClientClassDoc, Dhcp4Doc, RelayDoc, SharedNetworkDoc, Subnet4Doc
from dhcpkit.config.dhcp6 import ClientClass6Doc, Dhcp6Doc, Relay6Doc, SharedNetwork6Doc, Subnet6Doc
from dhcpkit.config.documents import DdnsDoc, GuardedDoc, NetworkDoc, OptionDataDoc, OptionDefDoc
from dhcpkit.config.inherit import FLAGS, MODES, OUTERMOST, OUTERMOST6, Settings, settings_of
from dhcpkit.config.levels import CONFLICTS, with_old_names
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.param import Document, Param, Shown, unparse
from dhcpkit.config.report import Report
from dhcpkit.config.surroundings import AuthenticationDoc, DhcpDdnsDoc
from dhcpkit.wire.kinds import EMPTY
from dhcpkit.wire.options import Option
from dhcpkit.wire.text import parse_hex

__all__ = ["class_form", "hash_of", "kea_text", "network_form", "normal", "pretty_text", "subnet_form"]

Made = dict[str, Any]
_VENDOR: Final = re.compile(r"vendor-([0-9]+)")
_ABSENT: Final = object()
Mend = Callable[["_Form", Any, Made], None]


def normal(doc: Dhcp4Doc | Dhcp6Doc) -> Made:
    """The normal form of what stands under `Dhcp4` or `Dhcp6`."""
    return _Form(doc).whole()


def subnet_form(doc: Dhcp4Doc | Dhcp6Doc, number: int) -> Made | None:
    """The normal form of the subnet with an id, with its `shared-network-name`; None where there is none."""
    form = _Form(doc)
    key = f"subnet{form.family.version}"
    for network in doc.shared_networks:
        if any(form.number(each) == number for each in getattr(network, key)):
            made: Made = next(each for each in form.network(network)[key] if each["id"] == number)
            return made | {"shared-network-name": network.name}
    for subnet in getattr(doc, key):
        if form.number(subnet) == number:
            return form.subnet(subnet, form.settings) | {"shared-network-name": None}
    return None


def network_form(doc: Dhcp4Doc | Dhcp6Doc, name: str) -> Made | None:
    """The normal form of the shared network with a name; None where there is none."""
    form = _Form(doc)
    return next((form.network(each) for each in doc.shared_networks if each.name == name), None)


def class_form(doc: Dhcp4Doc | Dhcp6Doc, name: str) -> Made | None:
    """The normal form of the class with a name; None where there is none."""
    form = _Form(doc)
    return next((form.map(each) for each in doc.client_classes if each.name == name), None)


class _Form:
    """Makes the forms of one configuration's documents."""

    def __init__(self, doc: Dhcp4Doc | Dhcp6Doc) -> None:
        six = isinstance(doc, Dhcp6Doc)
        self.doc = doc
        self.family = FAMILY6 if six else FAMILY4
        report = Report()  # what is wrong was told when the configuration was read
        outermost = OUTERMOST6 if six else OUTERMOST
        self.settings = with_old_names(settings_of(doc, outermost, (), report), doc.dhcp_ddns)
        self.spaces = Spaces(report, self.family.space)
        self.spaces.define_all(doc.option_def, ())
        self._numbers = _numbers(doc, self.family.version)

    def number(self, subnet: Subnet4Doc | Subnet6Doc) -> int:
        """A subnet's number, one from the counter where none was written."""
        return subnet.id or self._numbers[id(subnet)]

    def whole(self) -> Made:
        """All of it."""
        doc = self.doc
        made = self.map(doc)
        for name, declared in type(doc).params.items():
            if declared.inherit is not None and declared.shown is not Shown.NEVER and name in self.settings.values:
                made[declared.key] = self._shown(self.settings[name], declared)
        if self.settings["ddns_use_conflict_resolution"] is False:
            made["ddns-conflict-resolution-mode"] = CONFLICTS[False]
        made["valid-lifetime"] = doc.valid_lifetime if doc.valid_lifetime is not None else _inherit("valid_lifetime")
        if doc.control_socket is not None:
            made["control-sockets"] = [*made.get("control-sockets", ()), self.map(doc.control_socket)]
        if doc.hosts_database is not None:
            made["hosts-databases"] = [self.map(doc.hosts_database), *made.get("hosts-databases", ())]
        if not made.get("compatibility", True):
            del made["compatibility"]
        if "interfaces_config" not in doc.written:  # nothing is listened to, and nothing looked for
            made["interfaces-config"]["re-detect"] = False
        key = f"subnet{self.family.version}"
        plain: Sequence[Any] = getattr(doc, key)
        made[key] = self._by_number(self.subnet(each, self.settings) for each in plain)
        made["shared-networks"] = [self.network(each) for each in doc.shared_networks]
        return dict(sorted(made.items()))

    def network(self, doc: SharedNetworkDoc | SharedNetwork6Doc) -> Made:
        """A shared network, with its subnets."""
        settings = settings_of(doc, self.settings, (), Report())
        made = self._level(doc, settings)
        key = f"subnet{self.family.version}"
        subnets: Sequence[Any] = getattr(doc, key)
        made[key] = self._by_number(self.subnet(each, settings, doc) for each in subnets)
        return dict(sorted(made.items()))

    def subnet(
        self,
        doc: Subnet4Doc | Subnet6Doc,
        outer: Settings,
        network: SharedNetworkDoc | SharedNetwork6Doc | None = None,
    ) -> Made:
        """A subnet."""
        made = self._level(doc, settings_of(doc, outer, (), Report()))
        made["id"] = self.number(doc)
        made["pools"].sort(key=_first)
        if "pd-pools" in made:
            made["pd-pools"].sort(key=_first)
        if network is not None:  # what Kea hands on besides, and what it leaves to the network
            if "relay" not in doc.written:
                made["relay"] = self.map(network.relay)
            if "rapid_commit" not in doc.written:
                made.pop("rapid-commit", None)
        return dict(sorted(made.items()))

    def _by_number(self, made: Any) -> list[Made]:
        return sorted(made, key=lambda each: int(each["id"]))

    def _level(self, doc: NetworkDoc, settings: Settings) -> Made:
        """What a subnet or shared network says, and what is handed on to it."""
        made = self.map(doc)
        values = settings.values
        for name, declared in _handed(type(doc)):  # type: ignore[arg-type]  # classes can be hashed, if not their instances
            if values.get(name) is not None:
                made[declared.key] = self._shown(values[name], declared)
        for key in ("server-hostname", "boot-file-name"):  # empty ones are none of their own
            if made.get(key) == "":
                del made[key]
        if "rapid_commit" in type(doc).params:
            made["rapid-commit"] = bool(getattr(doc, "rapid_commit", None))
        if "reservation_mode" in doc.written and doc.reservation_mode is not None:
            flags = zip(FLAGS, MODES[doc.reservation_mode], strict=True)
            made |= {type(doc).params[name].key: value for name, value in flags}
        for kind, lifetimes in (("valid", settings.lifetimes), ("preferred", settings.preferred)):
            if lifetimes is not None:
                made[f"{kind}-lifetime"] = lifetimes.default
                made[f"min-{kind}-lifetime"] = lifetimes.minimum
                made[f"max-{kind}-lifetime"] = lifetimes.maximum
        return made

    # One map.

    def map(self, doc: Document) -> Made:
        """The form of a document: what its lines say, then what its class says besides."""
        cls = type(doc)
        written, params = doc.__dict__, cls.params
        made: Made = {}
        for name, declared in _shown_anyway(cls):  # type: ignore[arg-type]  # as above
            value = _value(doc, name, declared)
            if value is not _ABSENT:
                made[declared.key] = self._shown(value, declared)
        for name, value in written.items():
            declared = params[name]
            if declared.shown is Shown.WRITTEN or (declared.shown is Shown.OTHER and value != declared.default):
                made[declared.key] = self._shown(value, declared)
        if "comment" in written and doc.__dict__["comment"]:
            made["user-context"] = {**written.get("user_context", {}), "comment": written["comment"]}
        for mend in _mends_of(cls):  # type: ignore[arg-type]  # as above
            mend(self, doc, made)
        return dict(sorted(made.items()))

    def _shown(self, value: Any, declared: Param) -> Any:
        if isinstance(value, Document):
            return self.map(value)
        if isinstance(value, tuple):
            if value and isinstance(value[0], Document):
                return self._maps(value)
            return declared.form(value) if declared.form is not None else list(value)
        return declared.form(value) if declared.form is not None else unparse(value)

    def _maps(self, docs: Sequence[Any]) -> list[Any]:
        if isinstance(docs[0], OptionDataDoc):
            return self._options(docs, self.spaces)
        if isinstance(docs[0], OptionDefDoc):
            return self._definitions(docs)
        made = [self.map(each) for each in docs]
        if "hostname" in made[0] and ("ip-address" in type(docs[0]).by_key or "ip-addresses" in type(docs[0]).by_key):
            made.sort(key=_who)
        return made

    # What a class of documents says besides.

    def _mend_guards(self, doc: Any, made: Made) -> None:
        if doc.client_class:
            made["client-classes"] = [doc.client_class]

    def _mend_relay(self, doc: Any, made: Made) -> None:
        if doc.ip_address:
            made["ip-addresses"] = [str(ip_address(doc.ip_address))]

    def _mend_ddns(self, doc: Any, made: Made) -> None:
        old = doc.ddns_use_conflict_resolution
        if old is not None and "ddns-conflict-resolution-mode" not in made:
            made["ddns-conflict-resolution-mode"] = CONFLICTS[old]

    def _mend_names(self, doc: Any, made: Made) -> None:
        if not made["sender-ip"]:
            made["sender-ip"] = "::" if ":" in doc.server_ip else "0.0.0.0"

    def _mend_authentication(self, doc: Any, made: Made) -> None:
        if not doc.realm:
            made["realm"] = f"kea-dhcpv{self.family.version}-server"

    def _mend_class(self, doc: Any, made: Made) -> None:
        definitions: Sequence[OptionDefDoc] = getattr(doc, "option_def", ())
        if definitions:
            spaces = self.spaces.inner()
            spaces.define_all(definitions, (), in_class=True)
            made["option-data"] = self._options(doc.option_data, spaces)
        if "test" in made and "template_test" in doc.written:
            del made["test"]
        for kind in ("valid", "preferred"):
            default = made.get(f"{kind}-lifetime")
            for bound in (f"min-{kind}-lifetime", f"max-{kind}-lifetime"):
                if default is None or made.get(bound) == default:
                    made.pop(bound, None)

    mends: Final[Mapping[type[Document], Mend]] = {
        GuardedDoc: _mend_guards,
        RelayDoc: _mend_relay,
        Relay6Doc: _mend_relay,
        DdnsDoc: _mend_ddns,
        DhcpDdnsDoc: _mend_names,
        AuthenticationDoc: _mend_authentication,
        ClientClassDoc: _mend_class,
        ClientClass6Doc: _mend_class,
    }

    # Options.

    def _options(self, docs: Sequence[OptionDataDoc], spaces: Spaces) -> list[Made]:
        """Options by the names of their spaces, those of enterprises behind them by their numbers (Kea)."""
        made = [self._option(each, spaces) for each in docs]
        return sorted(made, key=lambda each: _place(each["space"]))

    def _option(self, doc: OptionDataDoc, spaces: Spaces) -> Made:
        space = doc.space or self.family.space.name
        option = _definition(doc, space, spaces)
        made: Made = {} if not doc.user_context and not doc.comment else {"user-context": dict(doc.user_context)}
        if doc.comment:
            made["user-context"]["comment"] = doc.comment
        made |= {"space": space, "code": option.code if option is not None else doc.code}
        if option is not None:
            made["name"] = option.name
        nothing = option is not None and option.kind is EMPTY
        if doc.data and option is not None and doc.csv_format is not False:
            made |= {"csv-format": True, "data": "" if nothing else doc.data}
        elif doc.data or not doc.never_send:
            made |= {"csv-format": False, "data": "" if nothing else _digits(doc.data)}
        made |= {"always-send": doc.always_send, "never-send": doc.never_send}
        if doc.client_classes:
            made["client-classes"] = list(doc.client_classes)
        return dict(sorted(made.items()))

    def _definitions(self, docs: Sequence[OptionDefDoc]) -> list[Made]:
        made = [
            {
                **({"user-context": unparse(each.user_context)} if each.user_context else {}),
                "array": each.array,
                "code": each.code,
                "encapsulate": each.encapsulate,
                "name": each.name,
                "record-types": ", ".join(word.strip() for word in each.record_types.split(",") if word.strip()),
                "space": each.space or self.family.space.name,
                "type": each.type,
            }
            for each in docs
        ]
        return sorted(made, key=lambda each: str(each["space"]))


def _inherit(name: str) -> Any:
    return NetworkDoc.params[name].inherit


@functools.lru_cache(1024)  # about as many as there are kinds of documents
def _shown_anyway(cls: type[Document]) -> tuple[tuple[str, Param], ...]:
    """The keys of a document that may be shown although they were not written."""
    return tuple(
        (name, each) for name, each in cls.params.items() if each.shown is Shown.ALWAYS or callable(each.shown)
    )


@functools.lru_cache(1024)  # about as many as there are kinds of documents
def _handed(cls: type[Document]) -> tuple[tuple[str, Param], ...]:
    """What a subnet shows although it only inherits it."""
    return tuple((name, each) for name, each in cls.params.items() if each.handed)


@functools.lru_cache(1024)  # about as many as there are kinds of documents
def _mends_of(cls: type[Document]) -> tuple[Mend, ...]:
    return tuple(mend for kind, mend in _Form.mends.items() if issubclass(cls, kind))


def _value(doc: Document, name: str, declared: Param) -> Any:
    """What is shown of a key that may be shown although it was not written, _ABSENT for nothing."""
    shown = declared.shown
    value = doc.__dict__.get(name, declared.default)
    if isinstance(shown, Shown):
        return declared.inherit if value is None else value
    return value if shown(doc) else _ABSENT


def _numbers(doc: Dhcp4Doc | Dhcp6Doc, version: int) -> dict[int, int]:
    """The numbers that a counter gives to subnets without one, by the documents' identities: as the compilers do."""
    key, numbers = f"subnet{version}", dict[int, int]()
    groups: Sequence[Any] = (*doc.shared_networks, doc)
    for group in groups:
        for subnet in getattr(group, key):
            if not subnet.id:
                numbers[id(subnet)] = len(numbers) + 1
    return numbers


def _definition(doc: OptionDataDoc, space: str, spaces: Spaces) -> Option[Any] | None:
    known = spaces.get(space)
    if known is None:
        return None
    return known.by_code(doc.code) if "code" in doc.written else known.by_name(doc.name)


def _digits(data: str) -> str:
    try:
        return parse_hex(data).hex().upper()
    except ValueError:
        return data


def _place(space: str) -> tuple[bool, int, str]:
    vendor = _VENDOR.fullmatch(space)
    return (vendor is not None, int(vendor[1]) if vendor is not None else 0, space)


def _first(pool: Made) -> int:
    """The first address of a pool."""
    text = str(pool.get("pool") or f"{pool['prefix']}/{pool['prefix-len']}")
    return int(ip_network(text).network_address if "/" in text else ip_address(text.partition("-")[0]))


IDENTIFIERS: Final = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")  # in the order of Kea's numbers


def _who(made: Made) -> tuple[bytes, int]:
    """The order of reservations: by the octets of their identifiers."""
    rank, kind = next((rank, kind) for rank, kind in enumerate(IDENTIFIERS) if kind in made)
    return bytes.fromhex(made[kind].replace(":", "")), rank


# Kea's text.


def kea_text(value: Any) -> str:
    """A JSON value in one line as Kea writes it: keys in order, six digits of a number with a fraction."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_quoted(str(key))}: {kea_text(inner)}' for key, inner in sorted(value.items()))} }}"
    if isinstance(value, list | tuple):
        return f"[ {', '.join(kea_text(inner) for inner in value)} ]"
    if isinstance(value, float):
        text = f"{value:g}"
        return text if "." in text or "e" in text else f"{text}.0"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """A text in quotes. Kea escapes each octet of UTF-8 that is not ASCII by itself, where it makes a hash."""
    octets = json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape")
    if octets.isascii() and b"\x7f" not in octets:
        return octets.decode()
    return "".join(chr(octet) if octet < 0x7F else f"\\u{octet:04x}" for octet in octets)


def pretty_text(value: Any) -> str:
    """A configuration as it is written to a file."""
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n"


def hash_of(told: Mapping[str, Any]) -> str:
    """Kea's hash of a configuration in its normal form, under its key `Dhcp4` or `Dhcp6`."""
    return hashlib.sha256(kea_text(told).encode("utf-8", "surrogateescape")).hexdigest().upper()
