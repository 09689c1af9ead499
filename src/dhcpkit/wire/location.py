"""Where a client is: its civic address (RFC 4776) and its coordinates (RFC 6225), alike in both families.

This module does not know option codes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.errors import JsonError
from dhcpkit.wire.json_form import Inside, Json, JsonForm, at, quoted, refuse_others
from dhcpkit.wire.kinds import BINARY, TUPLE, UINT8, UINT16, Kind, composed, in_digits, list_of, record, scalar
from dhcpkit.wire.text import parse_digits, parse_number, show_hex

__all__ = ["CIVIC_LOCATION", "COORDINATES", "CivicElement", "CivicLocation", "Coordinates"]

SIZE: Final = 16  # octets of coordinates, RFC 6225 2.2.1
DEGREE: Final = 1 << 25  # degrees have 9 bits before the point and 25 behind it, RFC 6225 2.3
DEGREE_BITS: Final = 34
HEIGHT: Final = 1 << 8  # altitudes have 22 and 8, RFC 6225 2.4
HEIGHT_BITS: Final = 30
FRACTIONS: Final = ("latitude", "longitude", "altitude")


@attrs.frozen
class CivicElement:
    """A part of a civic address: its CAtype (RFC 4776 3.4) and what it says."""

    type: int
    value: str


@attrs.frozen
class CivicLocation:
    """A civic address (RFC 4776 3.1): `what` is 0 for the DHCP server's place, 1 a network element's, 2 the client's.

    `country` are two letters (ISO 3166).
    """

    what: int
    country: str
    elements: tuple[CivicElement, ...] = ()


@attrs.frozen
class Coordinates:
    """A place on the globe (RFC 6225): degrees, north and east positive.

    Uncertainties count bits, `altitude_type` 1 metres and 2 floors, and `datum` 1 is WGS 84; `version` says how
    uncertainties are meant. Reserved bits are lost.
    """

    latitude: float
    longitude: float
    altitude: float = 0.0
    latitude_uncertainty: int = 0
    longitude_uncertainty: int = 0
    altitude_uncertainty: int = 0
    altitude_type: int = 0
    version: int = 1
    datum: int = 1


def _read_country(field: str) -> str:
    return parse_number(field, 0, 0xFFFF).to_bytes(2, "big").decode("latin-1")


def _country_octets(letters: str) -> bytes:
    octets = letters.encode("latin-1")
    if len(octets) != 2:
        raise ValueError(f"two letters expected for a country, not {letters!r}")
    return octets


def _json_country(found: Json, _: Inside) -> str:
    if not isinstance(found, str):
        raise JsonError(f"two letters expected, not {quoted(found)}")
    return _country_octets(found).decode("latin-1")


_COUNTRY: Final[Kind[str]] = scalar(  # Kea: a number
    "uint16",
    Mapped(c.Bytes(2), lambda octets: octets.decode("latin-1"), _country_octets),
    _read_country,
    lambda letters: str(int.from_bytes(_country_octets(letters), "big")),
    UINT16.text_form,
    JsonForm(lambda letters, _: letters, _json_country),
)
_ELEMENTS: Final = in_digits(list_of(composed(CivicElement, type=UINT8, value=TUPLE), least=0))

CIVIC_LOCATION: Final[Kind[CivicLocation]] = attrs.evolve(
    composed(CivicLocation, what=UINT8, country=_COUNTRY, elements=_ELEMENTS),
    plain=record(UINT8, UINT16, BINARY),  # Kea takes any octets in a configuration
)


def _signed(number: int, bits: int) -> int:
    return number - (1 << bits) if number >> bits - 1 else number


def _decode(octets: bytes) -> Coordinates:
    number = int.from_bytes(octets, "big")

    def take(end: int, bits: int) -> int:
        return number >> 128 - end & (1 << bits) - 1

    return Coordinates(
        _signed(take(40, DEGREE_BITS), DEGREE_BITS) / DEGREE,
        _signed(take(80, DEGREE_BITS), DEGREE_BITS) / DEGREE,
        _signed(take(120, HEIGHT_BITS), HEIGHT_BITS) / HEIGHT,
        take(6, 6),
        take(46, 6),
        take(90, 6),
        take(84, 4),
        take(122, 2),
        take(128, 3),
    )


def _encode(value: Coordinates) -> bytes:
    fields = (
        (value.latitude_uncertainty, 6),
        (_fixed(value.latitude, DEGREE, DEGREE_BITS), DEGREE_BITS),
        (value.longitude_uncertainty, 6),
        (_fixed(value.longitude, DEGREE, DEGREE_BITS), DEGREE_BITS),
        (value.altitude_type, 4),
        (value.altitude_uncertainty, 6),
        (_fixed(value.altitude, HEIGHT, HEIGHT_BITS), HEIGHT_BITS),
        (value.version, 2),
        (0, 3),
        (value.datum, 3),
    )
    number = 0
    for field, bits in fields:
        if not 0 <= field < 1 << bits:
            raise ValueError(f"{field} does not fit into {bits} bits")
        number = number << bits | field
    return number.to_bytes(SIZE, "big")


def _fixed(value: float, unit: int, bits: int) -> int:
    number = round(value * unit)
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise ValueError(f"{value} does not fit into {bits} bits of which {unit} make one")
    return number & (1 << bits) - 1


def _read_float(found: Json) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise JsonError(f"a number expected, not {quoted(found)}")
    return float(found)


READERS: Final[dict[str, Callable[[Json], float]]] = {
    field.name: _read_float if field.name in FRACTIONS else UINT8.from_json for field in attrs.fields(Coordinates)
}


def _read_json(found: Json, _: Inside) -> Coordinates:
    if not isinstance(found, dict) or not {"latitude", "longitude"} <= found.keys():
        raise JsonError(f"an object with latitude and longitude expected, not {quoted(found)}")
    refuse_others(found, READERS)
    values = {}
    for name, each in found.items():
        with at(name):
            values[name] = READERS[name](each)
    return Coordinates(**values)  # type: ignore[arg-type]  # each reader gives its field's type


def _say(value: Coordinates, _: Inside) -> str:
    north, east = "NS"[value.latitude < 0], "EW"[value.longitude < 0]
    return f"{abs(value.latitude):.6f} {north}, {abs(value.longitude):.6f} {east}"


def _sixteen(octets: bytes) -> bytes:
    if len(octets) != SIZE:
        raise ValueError(f"{SIZE} octets expected, not {len(octets)}")
    return octets


COORDINATES: Final[Kind[Coordinates]] = attrs.evolve(
    scalar(
        "binary",
        Mapped(c.Bytes(SIZE), _decode, _encode),
        lambda field: _decode(_sixteen(parse_digits(field))),
        lambda value: show_hex(_encode(value)),
        BINARY.text_form,
        JsonForm(lambda value, _: attrs.asdict(value), _read_json),
        _say,
    ),
    plain=BINARY,
)
