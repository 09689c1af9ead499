"""Option 81: the client's name, and who is to tell DNS (RFC 4702).

This module does not know what a server answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Row
from dhcpkit.wire.json_form import Inside, by_name
from dhcpkit.wire.kinds import BOOLEAN, TEXT, UINT8, Kind
from dhcpkit.wire.names import is_complete, join_labels, read_labels, split_name, wire_labels
from dhcpkit.wire.text import parse_number

__all__ = ["CLIENT_FQDN", "ClientFqdn"]

S: Final = 0x01  # RFC 4702 2.1
O: Final = 0x02  # noqa: E741  # the RFC's name
E: Final = 0x04
N: Final = 0x08


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
