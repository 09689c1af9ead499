"""The client's name, and who is to tell DNS: option 81 (RFC 4702), and DHCPv6's 39 (RFC 4704).

This module does not know what a server answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Row
from dhcpkit.wire.json_form import Inside, by_name
from dhcpkit.wire.kinds import BINARY, BOOLEAN, TEXT, UINT8, Kind, record
from dhcpkit.wire.names import is_complete, join_labels, read_labels, split_name, wire_labels
from dhcpkit.wire.text import parse_number

__all__ = ["CLIENT_FQDN", "CLIENT_FQDN6", "ClientFqdn", "ClientFqdn6"]

S: Final = 0x01  # RFC 4702 2.1
O: Final = 0x02  # noqa: E741  # the RFC's name
E: Final = 0x04
N: Final = 0x08
N6: Final = 0x04  # RFC 4704 4.1; S and O are as in DHCPv4
PARTIAL: Final = "partial"  # the third field of a text: the name before it is not complete


@attrs.frozen
class ClientFqdn:
    """The value of option 81. A `name` with a dot at its end is complete, without it a partial name, and may be empty.

    `server_updates` is flag S, `overridden` O, `no_updates` N, and `ascii` the absence of E: the name was sent as text
    (RFC 4702 2.3.1, deprecated, and what older Windows sends). Letters keep their case. Other bits are lost.
    """

    name: str
    server_updates: bool = attrs.field(default=False, kw_only=True)
    overridden: bool = attrs.field(default=False, kw_only=True)
    no_updates: bool = attrs.field(default=False, kw_only=True)
    ascii: bool = attrs.field(default=False, kw_only=True)
    rcode1: int = attrs.field(default=0, kw_only=True)
    rcode2: int = attrs.field(default=0, kw_only=True)

    @property
    def flags(self) -> int:
        """The octet of flags."""
        return (
            (S if self.server_updates else 0)
            | (O if self.overridden else 0)
            | (0 if self.ascii else E)
            | (N if self.no_updates else 0)
        )


def _value(flags: int, rcode1: int, rcode2: int, name: str) -> ClientFqdn:
    if flags & N and flags & S:
        # RFC 4702 2.1: "If the N bit is 1, then the S bit MUST be 0". Kea drops the message.
        raise ValueError("flags N and S exclude each other")
    return ClientFqdn(
        name,
        server_updates=bool(flags & S),
        overridden=bool(flags & O),
        no_updates=bool(flags & N),
        ascii=not flags & E,
        rcode1=rcode1,
        rcode2=rcode2,
    )


def _decode(flags: int, rcode1: int, rcode2: int, octets: bytes) -> ClientFqdn:
    if flags & E:
        labels, complete = read_labels(octets)
    elif octets == b".":
        labels, complete = [], True
    else:
        labels, complete = octets.removesuffix(b".").split(b".") if octets else [], octets[-1:] == b"."
        wire_labels(labels)
    return _value(flags, rcode1, rcode2, join_labels(labels, complete=complete))


def _encode(value: ClientFqdn) -> tuple[int, int, int, bytes]:
    complete = is_complete(value.name)
    labels = split_name(value.name) if value.name else []
    if value.ascii:
        if any(b"." in label for label in labels):
            raise ValueError(f"{value.name!r} cannot be sent as text: a label has a dot in it")
        octets = b".".join(labels) + (b"." if complete else b"")
    else:
        octets = wire_labels(labels) + (b"\0" if complete else b"")
    checked = _value(value.flags, value.rcode1, value.rcode2, value.name)
    return checked.flags, checked.rcode1, checked.rcode2, octets


def _parse_fields(fields: Sequence[str]) -> ClientFqdn:
    if len(fields) < 3:
        raise ValueError("flags, two result codes and a domain name expected")
    flags, rcode1, rcode2 = (parse_number(field, 0, 255) for field in fields[:3])
    name = fields[3] if len(fields) > 3 else ""
    if name:
        split_name(name)
    return _value(flags, rcode1, rcode2, name)


def _show_fields(value: ClientFqdn) -> Sequence[str]:
    return [str(value.flags), str(value.rcode1), str(value.rcode2), value.name]


def _says(value: ClientFqdn, _: Inside) -> str:
    flags = ((value.server_updates, "S"), (value.overridden, "O"), (not value.ascii, "E"), (value.no_updates, "N"))
    return f"{value.name!r} {''.join(letter for given, letter in flags if given)}".rstrip()


CLIENT_FQDN: Final[Kind[ClientFqdn]] = Kind(
    "record",
    Row(
        c.Struct("flags" / c.Int8ub, "rcode1" / c.Int8ub, "rcode2" / c.Int8ub, "name" / c.GreedyBytes), _decode, _encode
    ),
    _parse_fields,
    _show_fields,
    "flags, two result codes (0 or 255) and a domain name, complete with a dot at its end",
    json=by_name(
        ClientFqdn,
        {
            "name": TEXT,
            "server_updates": BOOLEAN,
            "overridden": BOOLEAN,
            "no_updates": BOOLEAN,
            "ascii": BOOLEAN,
            "rcode1": UINT8,
            "rcode2": UINT8,
        },
    ),
    says=_says,
)


@attrs.frozen
class ClientFqdn6:
    """The value of DHCPv6's option 39. A `name` with a dot at its end is complete, without it partial; it may be empty.

    `server_updates` is flag S, `overridden` O and `no_updates` N (RFC 4704 4.1). Other bits are lost.
    """

    name: str
    server_updates: bool = attrs.field(default=False, kw_only=True)
    overridden: bool = attrs.field(default=False, kw_only=True)
    no_updates: bool = attrs.field(default=False, kw_only=True)

    @property
    def flags(self) -> int:
        """The octet of flags."""
        return (S if self.server_updates else 0) | (O if self.overridden else 0) | (N6 if self.no_updates else 0)


def _value6(flags: int, name: str) -> ClientFqdn6:
    if flags & N6 and flags & S:
        # RFC 4704 4.1: "If the "N" bit is 1, the "S" bit MUST be 0". Kea passes over the option.
        raise ValueError("flags N and S exclude each other")
    return ClientFqdn6(name, server_updates=bool(flags & S), overridden=bool(flags & O), no_updates=bool(flags & N6))


def _decode6(flags: int, octets: bytes) -> ClientFqdn6:
    labels, complete = read_labels(octets)
    return _value6(flags, join_labels(labels, complete=complete))


def _encode6(value: ClientFqdn6) -> tuple[int, bytes]:
    labels = split_name(value.name) if value.name else []
    octets = wire_labels(labels) + (b"\0" if is_complete(value.name) else b"")
    return _value6(value.flags, value.name).flags, octets


def _text6(fields: Sequence[str]) -> tuple[int, str]:
    if len(fields) < 2:
        raise ValueError("flags and a domain name expected")
    # As in Kea a name is complete, whether or not there is a dot at its end; what is behind it Kea passes over.
    partial = fields[2:3] == [PARTIAL]
    name = fields[1]
    if name or not partial:
        name = join_labels(split_name(name), complete=not partial)
    return parse_number(fields[0], 0, 255), name


def _parse_fields6(fields: Sequence[str]) -> ClientFqdn6:
    return _value6(*_text6(fields))


def _parse_plain6(fields: Sequence[str]) -> tuple[int, bytes]:
    """As Kea, which in a configuration keeps bits that are reserved."""
    flags, name = _text6(fields)
    return flags, _encode6(_value6(flags, name))[1]


def _show_fields6(value: ClientFqdn6) -> Sequence[str]:
    partial = () if is_complete(value.name) else (PARTIAL,)
    return [str(value.flags), value.name, *partial]


def _says6(value: ClientFqdn6, _: Inside) -> str:
    flags = ((value.server_updates, "S"), (value.overridden, "O"), (value.no_updates, "N"))
    return f"{value.name!r} {''.join(letter for given, letter in flags if given)}".rstrip()


CLIENT_FQDN6: Final[Kind[ClientFqdn6]] = Kind(
    "record",
    Row(c.Struct("flags" / c.Int8ub, "name" / c.GreedyBytes), _decode6, _encode6),
    _parse_fields6,
    _show_fields6,
    "flags and a domain name; behind that, the word partial where the name is not complete",
    json=by_name(ClientFqdn6, {"name": TEXT, "server_updates": BOOLEAN, "overridden": BOOLEAN, "no_updates": BOOLEAN}),
    says=_says6,
    plain=attrs.evolve(record(UINT8, BINARY), parse_fields=_parse_plain6),
)
