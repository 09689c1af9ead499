"""Servers told by their names or by their addresses (options 120 and 122.3), and in groups of addresses (option 158).

RFC 3361, RFC 3495, RFC 7291. In text a number comes first, as on the wire: `0, sip.example.org.`, `1, 192.0.2.1`. This
module does not know what the servers are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any, Final

import attrs
import construct as c

from dhcpkit.wire.derive import Row, Whole
from dhcpkit.wire.json_form import Inside, Json, JsonForm, at, quoted
from dhcpkit.wire.kinds import IPV4, Kind, list_of
from dhcpkit.wire.names import FQDN, FQDNS
from dhcpkit.wire.text import parse_number

__all__ = ["ADDRESS_GROUPS", "NAMES_OR_ADDRESSES", "NAME_OR_ADDRESS", "Servers"]

Servers = tuple[str, ...] | tuple[IPv4Address, ...]  # never some of either

NAMES: Final = 0  # RFC 3361 3, RFC 3495 5.2
ADDRESSES: Final = 1
_ADDRESSES: Final = list_of(IPV4)
_FORMS: Final[dict[int, Kind[Any]]] = {NAMES: FQDNS, ADDRESSES: _ADDRESSES}


def _form(encoding: int) -> Kind[Any]:
    kind = _FORMS.get(encoding)
    if kind is None:
        raise ValueError(f"0 (names) or 1 (addresses) expected, not {encoding}")
    return kind


def _encoding(servers: Servers) -> int:
    return NAMES if servers and isinstance(servers[0], str) else ADDRESSES


def _decode(encoding: int, octets: bytes) -> Servers:
    found: Servers = _form(encoding).parse(octets)
    return found


def _encode(servers: Servers) -> tuple[int, bytes]:
    encoding = _encoding(servers)
    return encoding, _form(encoding).build(servers)


def _parse_fields(fields: Sequence[str]) -> Servers:
    if not fields:
        raise ValueError("0 and names, or 1 and addresses expected")
    found: Servers = _form(parse_number(fields[0], NAMES, ADDRESSES)).parse_fields(fields[1:])
    return found


def _show_fields(servers: Servers) -> Sequence[str]:
    encoding = _encoding(servers)
    return [str(encoding), *_form(encoding).show_fields(servers)]


def _show_json(servers: Servers, _: Inside) -> Json:
    return [str(each) for each in servers]


def _read_json(found: Json, _: Inside) -> Servers:
    if not isinstance(found, list) or not found:
        raise ValueError(f"a list of names or of addresses expected, not {quoted(found)}")
    read = []
    for number, each in enumerate(found):
        with at(number):
            read.append(_read_one(each))
    if len({type(each) for each in read}) > 1:
        raise ValueError("either names or addresses expected, not some of both")
    return tuple(read)


def _read_one(found: Json) -> Any:
    if not isinstance(found, str):
        raise ValueError(f"a name or an address expected, not {quoted(found)}")  # noqa: TRY004  # a value, not a type
    try:
        return IPv4Address(found)
    except ValueError:
        return FQDN.parse_fields([found])


_STRUCT: Final = c.Struct("encoding" / c.Int8ub, "servers" / c.GreedyBytes)
NAMES_OR_ADDRESSES: Final[Kind[Servers]] = Kind(
    "record",
    Row(_STRUCT, _decode, _encode),
    _parse_fields,
    _show_fields,
    "0 and domain names, or 1 and IPv4 addresses",
    json=JsonForm(_show_json, _read_json),
)


def _only(servers: Servers) -> str | IPv4Address:
    if len(servers) != 1:
        raise ValueError(f"one name or address expected, not {len(servers)}")
    return servers[0]


def _alone(server: str | IPv4Address) -> Servers:
    if isinstance(server, str):
        return (server,)
    return (server,)


NAME_OR_ADDRESS: Final[Kind[str | IPv4Address]] = Kind(
    "record",
    Row(_STRUCT, lambda encoding, octets: _only(_decode(encoding, octets)), lambda value: _encode(_alone(value))),
    lambda fields: _only(_parse_fields(fields)),
    lambda value: _show_fields(_alone(value)),
    "0 and a domain name, or 1 and an IPv4 address",
    json=JsonForm(lambda value, _: str(value), lambda found, _: _read_one(found)),
)

_ONE_GROUP: Final[Kind[tuple[IPv4Address, ...]]] = attrs.evolve(
    _ADDRESSES,
    con=c.Prefixed(c.Int8ub, Whole(_ADDRESSES.con)),
    parse_fields=lambda fields: _ADDRESSES.parse_fields([word for field in fields for word in field.split()]),
    show_fields=lambda value: (" ".join(map(str, value)),),
    text_form="addresses of one server separated by blanks",
    array=False,
)
ADDRESS_GROUPS: Final[Kind[tuple[tuple[IPv4Address, ...], ...]]] = list_of(_ONE_GROUP)  # RFC 7291 4
