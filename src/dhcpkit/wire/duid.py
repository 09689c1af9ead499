"""Who a client says it is: the parts of a client identifier (option 61) and of a DUID.

RFC 2132 9.14, RFC 4361, RFC 8415 11, RFC 6355. Servers compare identifiers octet by octet; what lies in them is for
people and for reservations. This module does not know options.
"""

from __future__ import annotations

import enum
from typing import Final
from uuid import UUID

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.json_form import JsonForm, read_octets
from dhcpkit.wire.kinds import BINARY, Kind, scalar
from dhcpkit.wire.text import parse_digits, show_hex

__all__ = ["DUID", "ClientId", "Duid", "DuidType"]

TYPED: Final = 255  # RFC 4361 6.1: the type of an identifier made of an IAID and a DUID
IAID_SIZE: Final = 4
DUID_MAX: Final = 130  # octets, RFC 8415 11.1: a type of two and at most 128 of data
DUID_MIN: Final = 3


class DuidType(enum.IntEnum):
    """The first two octets of a DUID."""

    LLT = 1
    EN = 2
    LL = 3
    UUID = 4


@attrs.frozen
class Duid:
    """A DHCP unique identifier. ValueError where there are too few or too many octets for any."""

    octets: bytes

    def __attrs_post_init__(self) -> None:
        if not DUID_MIN <= len(self.octets) <= DUID_MAX:
            raise ValueError(f"a DUID has {DUID_MIN} to {DUID_MAX} octets, not {len(self.octets)}")

    @classmethod
    def of_link_layer(cls, address: bytes, hwtype: int = 1, time: int | None = None) -> Duid:
        """DUID-LL, or with a time (seconds since 2000, modulo 2**32) DUID-LLT."""
        if time is None:
            return cls(DuidType.LL.to_bytes(2, "big") + hwtype.to_bytes(2, "big") + address)
        return cls(DuidType.LLT.to_bytes(2, "big") + hwtype.to_bytes(2, "big") + time.to_bytes(4, "big") + address)

    @classmethod
    def of_uuid(cls, uuid: UUID) -> Duid:
        """DUID-UUID."""
        return cls(DuidType.UUID.to_bytes(2, "big") + uuid.bytes)

    @property
    def type(self) -> int:
        """The type, a `DuidType` where RFCs know it."""
        return int.from_bytes(self.octets[:2], "big")

    @property
    def hwtype(self) -> int | None:
        """The hardware type (1 is Ethernet) of the types made of a link-layer address."""
        return int.from_bytes(self.octets[2:4], "big") if self.link_layer is not None else None

    @property
    def time(self) -> int | None:
        """Seconds since 2000, of DUID-LLT."""
        return int.from_bytes(self.octets[4:8], "big") if self.type == DuidType.LLT and len(self.octets) > 8 else None

    @property
    def link_layer(self) -> bytes | None:
        """The link-layer address, of DUID-LLT and DUID-LL."""
        start = {int(DuidType.LLT): 8, int(DuidType.LL): 4}.get(self.type)
        return self.octets[start:] if start is not None and len(self.octets) > start else None

    @property
    def enterprise(self) -> int | None:
        """The enterprise number, of DUID-EN."""
        return int.from_bytes(self.octets[2:6], "big") if self.type == DuidType.EN and len(self.octets) > 6 else None

    @property
    def uuid(self) -> UUID | None:
        """The UUID, of DUID-UUID."""
        return UUID(bytes=self.octets[2:]) if self.type == DuidType.UUID and len(self.octets) == 18 else None

    def __str__(self) -> str:
        return self.octets.hex(":")


@attrs.frozen
class ClientId:
    """The value of option 61, taken apart. It may be empty or make no sense: its parts are None then."""

    octets: bytes

    @classmethod
    def of_hwaddr(cls, address: bytes, htype: int = 1) -> ClientId:
        """From a hardware address, as most clients do (RFC 2132 9.14)."""
        return cls(bytes((htype,)) + address)

    @classmethod
    def of_duid(cls, iaid: int, duid: Duid) -> ClientId:
        """From an interface's number and a DUID (RFC 4361 6.1)."""
        return cls(bytes((TYPED,)) + iaid.to_bytes(IAID_SIZE, "big") + duid.octets)

    @classmethod
    def of_text(cls, text: bytes) -> ClientId:
        """From octets of any other meaning, under type 0."""
        return cls(b"\0" + text)

    @property
    def type(self) -> int | None:
        """The first octet: a hardware type, 0 for anything else, 255 for an IAID and a DUID."""
        return self.octets[0] if self.octets else None

    @property
    def hwaddr(self) -> bytes | None:
        """The hardware address, where the type is a hardware type."""
        return self.octets[1:] if self.type not in (None, 0, TYPED) else None

    @property
    def iaid(self) -> int | None:
        """The number of the client's interface, where there is a DUID."""
        return None if self.duid is None else int.from_bytes(self.octets[1 : 1 + IAID_SIZE], "big")

    @property
    def duid(self) -> Duid | None:
        """The client's DUID, the same in DHCPv6."""
        octets = self.octets[1 + IAID_SIZE :]
        return Duid(octets) if self.type == TYPED and DUID_MIN <= len(octets) <= DUID_MAX else None

    def __str__(self) -> str:
        return self.octets.hex(":")


DUID: Final[Kind[Duid]] = attrs.evolve(
    scalar(
        "binary",
        Mapped(c.GreedyBytes, Duid, lambda duid: duid.octets),
        lambda field: Duid(parse_digits(field)),
        lambda duid: show_hex(duid.octets),
        "a DUID in hexadecimal digits",
        JsonForm(lambda duid, _: duid.octets.hex(), lambda found, _: Duid(read_octets(found))),
    ),
    plain=BINARY,  # Kea takes any octets in a configuration
)
