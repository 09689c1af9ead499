r"""Encrypted DNS resolvers a network designates: options 162 and, in DHCPv6, 144 (RFC 9463), with their SvcParams.

In text as in Kea: `10, dot.example.org., 192.0.2.3 192.0.2.4, alpn=dot\,doq port=8530`; several of DHCPv4 are parted by
`|`. This module does not know how DNS itself carries these parameters (RFC 9460), but they look the same there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped, Row, Whole, derive
from dhcpkit.wire.json_form import Inside, Json, JsonForm, at, by_name, quoted, read_octets
from dhcpkit.wire.kinds import IPV4, IPV6, UINT16, Kind, list_of
from dhcpkit.wire.names import FQDN
from dhcpkit.wire.text import parse_number

__all__ = ["RESOLVER6", "RESOLVERS4", "SERVICE_PARAMETERS", "Resolver", "ServiceParameter", "service_parameters"]

ALPN: Final = 1
PORT: Final = 3
DOHPATH: Final = 7
KEYS: Final = {  # RFC 9460 14.3.2, RFC 9461 5, RFC 9540 4
    "mandatory": 0,
    "alpn": ALPN,
    "no-default-alpn": 2,
    "port": PORT,
    "ech": 5,
    "dohpath": DOHPATH,
    "ohttp": 8,
}
NAMES: Final = {key: name for name, key in KEYS.items()}
HINTS: Final = {
    "ipv4hint": 4,
    "ipv6hint": 6,
}  # what an option may not hold, having addresses of its own: RFC 9463 3.1.8
KEY_MAX: Final = 0xFFFF  # a key has two octets
FIELDS_MAX: Final = 4  # priority, name, addresses, parameters
ID_MAX: Final = 255  # octets of a protocol's name, RFC 7301 3.1
PLAIN: Final = frozenset(octet for octet in range(0x21, 0x7F) if octet not in b"\\|")  # written as themselves
ESCAPED: Final = re.compile(r"\\([0-9]{3})|\\(.)", re.DOTALL)
BAR: Final = re.compile(r"(?<!\\)\|")
TEXT_FORM: Final = (
    "a priority, a domain name, addresses separated by blanks, and parameters (alpn, port, dohpath) separated by blanks"
)


@attrs.frozen
class ServiceParameter:
    """One SvcParam: its key and the octets of its value."""

    key: int
    value: bytes = b""

    @property
    def name(self) -> str:
        """The registered name, or `key9`."""
        return NAMES.get(self.key, f"key{self.key}")


@attrs.frozen
class Resolver:
    """One designated resolver. Without addresses clients look its name up (RFC 9463 3.1.6, "ADN-only mode").

    Of several the one with the smallest `priority` counts first. `parameters` are in the order of their keys.
    """

    priority: int
    name: str
    addresses: tuple[IPv4Address, ...] | tuple[IPv6Address, ...] = ()
    parameters: tuple[ServiceParameter, ...] = ()

    @property
    def alpn(self) -> tuple[str, ...]:
        """The protocols it speaks: `dot`, `doq`, `h2`, `h3`."""
        return tuple(_text(each) for each in _ids(self._value(ALPN) or b""))

    @property
    def port(self) -> int | None:
        """The port, where it is not the protocol's own."""
        value = self._value(PORT)
        return None if value is None else int.from_bytes(value, "big")

    @property
    def dohpath(self) -> str | None:
        """The path of DNS over HTTPS, as a template (RFC 9461 5)."""
        value = self._value(DOHPATH)
        return None if value is None else _text(value)

    def _value(self, key: int) -> bytes | None:
        return next((each.value for each in self.parameters if each.key == key), None)


def service_parameters(
    *, alpn: Sequence[str] = (), port: int | None = None, dohpath: str | None = None
) -> tuple[ServiceParameter, ...]:
    """The parameters DHCP has a use for. ValueError where there is no form for one."""
    found = []
    if alpn:
        found.append(ServiceParameter(ALPN, _ids_octets([each.encode() for each in alpn])))
    if port is not None:
        found.append(ServiceParameter(PORT, UINT16.build(port)))
    if dohpath is not None:
        found.append(ServiceParameter(DOHPATH, dohpath.encode()))
    return tuple(found)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _ids(octets: bytes) -> tuple[bytes, ...]:
    return tuple(_read_ids(octets))


_IDS: Final = derive(c.GreedyRange(c.Prefixed(c.Int8ub, c.GreedyBytes)))
_read_ids: Final[Callable[[bytes], Iterable[bytes]]] = _IDS.parse


def _ids_octets(ids: Sequence[bytes]) -> bytes:
    for each in ids:
        if not 0 < len(each) <= ID_MAX:
            raise ValueError(f"a protocol's name has 1 to {ID_MAX} octets, not {len(each)}")
    return _IDS.build(ids)


def _checked(parameters: Iterable[ServiceParameter]) -> tuple[ServiceParameter, ...]:
    found = tuple(parameters)
    last = -1
    for each in found:
        if each.key <= last:  # RFC 9460 2.2
            raise ValueError(f"{each.name} comes after {NAMES.get(last, last)}: keys only grow, and none occurs twice")
        last = each.key
        if each.key in HINTS.values():
            raise ValueError(f"hints of addresses (key {each.key}) have no place beside addresses")
        if each.key == ALPN and (not each.value or not all(_ids(each.value))):
            raise ValueError("alpn: at least one protocol expected, none of them without a name")
        if each.key == PORT and len(each.value) != UINT16.con.sizeof():
            raise ValueError(f"port: two octets expected, not {len(each.value)}")
    return found


# Parameters as text and in JSON.


def _show_parameter(parameter: ServiceParameter) -> str:
    value = parameter.value
    if parameter.key == ALPN:
        return f"alpn={','.join(_escaped(each, besides=b',') for each in _ids(value))}"
    if parameter.key == PORT:
        return f"port={int.from_bytes(value, 'big')}"
    return f"{parameter.name}={_escaped(value)}" if value else parameter.name


def _escaped(octets: bytes, *, besides: bytes = b"") -> str:
    return "".join(chr(each) if each in PLAIN and each not in besides else f"\\{each:03}" for each in octets)


def _unescaped(text: str) -> bytes:
    octets, at = b"", 0
    for found in ESCAPED.finditer(text):
        octets += text[at : found.start()].encode("utf-8", "surrogateescape")
        octets += bytes((int(found[1]),)) if found[1] else found[2].encode("utf-8", "surrogateescape")
        at = found.end()
    return octets + text[at:].encode("utf-8", "surrogateescape")


def _key(name: str) -> int:
    if name in HINTS:
        raise ValueError(f"{name} has no place beside addresses")
    if name in KEYS:
        return KEYS[name]
    number = name.removeprefix("key")
    if number == name or not number.isdecimal() or int(number) > KEY_MAX:
        raise ValueError(f"{name!r} is none of the parameters {', '.join(KEYS)}")
    return int(number)


def _parse_parameters(field: str) -> tuple[ServiceParameter, ...]:
    found = []
    for word in field.split():
        name, _, value = word.partition("=")
        key = _key(name)
        if key == ALPN:
            octets = _ids_octets([_unescaped(each) for each in value.split(",")])
        elif key == PORT:
            octets = UINT16.build(parse_number(value, 0, KEY_MAX))
        else:
            octets = _unescaped(value)
        found.append(ServiceParameter(key, octets))
    return _checked(sorted(found, key=lambda each: each.key))


def _show_json(parameters: Sequence[ServiceParameter], _: Inside) -> Json:
    return {each.name: _json_value(each) for each in parameters}


def _json_value(parameter: ServiceParameter) -> Json:
    if parameter.key == ALPN:
        return [_text(each) for each in _ids(parameter.value)]
    if parameter.key == PORT:
        return int.from_bytes(parameter.value, "big")
    return _text(parameter.value) if parameter.key == DOHPATH else parameter.value.hex()


def _read_json(found: Json, _: Inside) -> tuple[ServiceParameter, ...]:
    if not isinstance(found, dict):
        raise ValueError(f"an object of parameters expected, not {quoted(found)}")  # noqa: TRY004  # a value
    read = []
    for name, value in found.items():
        with at(name):
            key = _key(name)
            read.append(ServiceParameter(key, _json_octets(key, value)))
    return _checked(sorted(read, key=lambda each: each.key))


def _json_octets(key: int, value: Json) -> bytes:
    if key == PORT:
        return UINT16.build(UINT16.from_json(value))
    if key == ALPN:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValueError(f"a list of protocols expected, not {quoted(value)}")
        return _ids_octets([each.encode("utf-8", "surrogateescape") for each in value])
    if key == DOHPATH:
        if not isinstance(value, str):
            raise ValueError(f"a path expected, not {quoted(value)}")
        return value.encode("utf-8", "surrogateescape")
    return read_octets(value)


_PARAMETER: Final = Row(
    c.Struct("key" / c.Int16ub, "value" / c.Prefixed(c.Int16ub, c.GreedyBytes)), ServiceParameter, attrs.astuple
)
SERVICE_PARAMETERS: Final[Kind[tuple[ServiceParameter, ...]]] = Kind(
    "internal",
    Mapped(c.GreedyRange(_PARAMETER), _checked, lambda value: list(_checked(value))),
    lambda fields: _parse_parameters(" ".join(fields)),
    lambda value: (" ".join(map(_show_parameter, value)),) if value else (),
    "parameters separated by blanks: alpn, port, dohpath",
    json=JsonForm(_show_json, _read_json),
)


# Resolvers.


def _resolver(address: Kind[Any], length: Any, around: Callable[[Any], Any]) -> Kind[Resolver]:
    """The kind of one resolver whose parts have lengths of this size."""
    addresses: Kind[Any] = Kind(
        address.name,
        Mapped(c.GreedyRange(address.con), tuple, list),
        lambda fields: tuple(address.parse_fields([each]) for field in fields for each in field.split()),
        lambda found: (" ".join(map(str, found)),) if found else (),
        "addresses separated by blanks",
        json=JsonForm(
            lambda value, _: [str(each) for each in value],
            lambda found, inside: list_of(address).from_json(found, inside) if found else (),
        ),
    )
    more = derive(
        c.Struct("addresses" / c.Prefixed(length, Whole(addresses.con)), "parameters" / SERVICE_PARAMETERS.con)
    )

    def decode(priority: int, name: str, rest: bytes) -> Resolver:
        if not rest:
            return Resolver(priority, name)
        found = more.parse(rest)
        if not found["addresses"]:  # RFC 9463 3.1.8
            raise ValueError("at least one address expected where there is more than a name")
        return Resolver(priority, name, found["addresses"], found["parameters"])

    def encode(value: Resolver) -> tuple[int, str, bytes]:
        if not value.addresses:
            if value.parameters:
                raise ValueError("parameters without an address: a resolver has both, or a name alone")
            return value.priority, value.name, b""
        rest = more.build({"addresses": value.addresses, "parameters": value.parameters})
        return value.priority, value.name, rest

    def parse_fields(fields: Sequence[str]) -> Resolver:
        if not 2 <= len(fields) <= FIELDS_MAX:
            raise ValueError(f"2 to {FIELDS_MAX} values separated by commas expected, not {len(fields)}")
        priority, name = UINT16.parse_fields(fields[:1]), FQDN.parse_fields(fields[1:2])
        found = addresses.parse_fields(fields[2:3])
        if len(fields) > 2 and not found:
            raise ValueError(f"at least one {address.text_form} expected")
        return Resolver(priority, name, found, SERVICE_PARAMETERS.parse_fields(fields[3:]))

    def show_fields(value: Resolver) -> Sequence[str]:
        rest = (*addresses.show_fields(value.addresses), *SERVICE_PARAMETERS.show_fields(value.parameters))
        return (str(value.priority), value.name.replace("|", "\\124"), *rest)

    struct = c.Struct("priority" / c.Int16ub, "name" / c.Prefixed(length, Whole(FQDN.con)), "rest" / c.GreedyBytes)
    members: dict[str, Kind[Any]] = {
        "priority": UINT16,
        "name": FQDN,
        "addresses": addresses,
        "parameters": SERVICE_PARAMETERS,
    }
    return Kind(
        "internal",
        around(Row(struct, decode, encode)),
        parse_fields,
        show_fields,
        TEXT_FORM,
        json=by_name(Resolver, members),
        members=members,
        made=Resolver,
    )


def _parse_several(fields: Sequence[str]) -> tuple[Resolver, ...]:
    rows: list[list[str]] = [[]]
    for field in fields:
        first, *others = (part.strip() for part in BAR.split(field))
        rows[-1] += [first] if first or not others else []
        rows += ([part] if part else [] for part in others)
    return _several(tuple(_ONE4.parse_fields(row) for row in rows if row))


def _several(values: tuple[Resolver, ...]) -> tuple[Resolver, ...]:
    if not values:
        raise ValueError("at least one resolver expected")
    return values


def _show_several(values: Sequence[Resolver]) -> Sequence[str]:
    fields: list[str] = []
    for value in values:
        first, *others = _ONE4.show_fields(value)
        fields[-1:] = [f"{fields[-1]} | {first}"] if fields else [first]
        fields += others
    return fields


_ONE4: Final = _resolver(IPV4, c.Int8ub, lambda con: c.Prefixed(c.Int16ub, Whole(con)))
RESOLVERS4: Final[Kind[tuple[Resolver, ...]]] = attrs.evolve(
    list_of(_ONE4),
    parse_fields=_parse_several,
    show_fields=_show_several,
    nothing=None,  # Kea takes no empty text here, as it does of lists
    text_form=f"{TEXT_FORM}; several separated by |",
)
RESOLVER6: Final = _resolver(IPV6, c.Int16ub, lambda con: con)
