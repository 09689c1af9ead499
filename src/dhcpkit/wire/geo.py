"""Coordinates as option 123 has them (RFC 6225 2.2.1): with numbers of significant bits instead of uncertainties.

Option 144 holds `location.Coordinates`, and is to be preferred. This module does not know maps.
"""

from __future__ import annotations

import math
from typing import Any, Final

import attrs
import construct as c

from dhcpkit.wire.derive import Mapped
from dhcpkit.wire.json_form import Inside, Json, JsonForm, at, quoted, refuse_others
from dhcpkit.wire.kinds import Kind, in_digits, scalar

__all__ = ["GEOCONF", "GeoConf"]

SIZE: Final = 16  # octets
ANGLE: Final = (34, 25)  # bits of an angle, and how many of them are behind the point, RFC 6225 2.3
HEIGHT: Final = (30, 8)


@attrs.frozen
class GeoConf:
    """Coordinates in degrees, north and east being positive, with an altitude in the unit that its type names.

    `altitude_type` is 1 for metres, 2 for floors; `datum` is 1 for WGS 84.
    """

    latitude: float
    longitude: float
    altitude: float = 0.0
    altitude_type: int = 0
    latitude_resolution: int = ANGLE[0]
    longitude_resolution: int = ANGLE[0]
    altitude_resolution: int = 0
    datum: int = 1


MEMBERS: Final = tuple(field.name for field in attrs.fields(GeoConf))
FRACTIONS: Final = MEMBERS[:3]


def _signed(word: int, bits: int, behind: int) -> float:
    word &= (1 << bits) - 1
    return (word - (word >> bits - 1 << bits)) / (1 << behind)


def _fixed(value: float, bits: int, behind: int) -> int:
    """A number in two's complement with so many bits behind the point, the nearest there is."""
    scaled = round(value * (1 << behind)) if math.isfinite(value) else 1 << bits
    if not -(1 << bits - 1) <= scaled < 1 << bits - 1:
        raise ValueError(f"{value} does not fit into {bits - behind} bits before the point")
    return scaled & (1 << bits) - 1


def _small(name: str, value: int, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} has {bits} bits: {value}")
    return value


def _decode(octets: bytes) -> GeoConf:
    north, east, up = (int.from_bytes(octets[start : start + 5], "big") for start in (0, 5, 10))
    return GeoConf(
        latitude=_signed(north, *ANGLE),
        longitude=_signed(east, *ANGLE),
        altitude=_signed(up, *HEIGHT),
        altitude_type=up >> 36,
        latitude_resolution=north >> ANGLE[0],
        longitude_resolution=east >> ANGLE[0],
        altitude_resolution=up >> HEIGHT[0] & 0x3F,
        datum=octets[15],
    )


def _encode(value: GeoConf) -> bytes:
    north = _small("latitude_resolution", value.latitude_resolution, 6) << ANGLE[0] | _fixed(value.latitude, *ANGLE)
    east = _small("longitude_resolution", value.longitude_resolution, 6) << ANGLE[0] | _fixed(value.longitude, *ANGLE)
    up = _small("altitude_type", value.altitude_type, 4) << 36 | _fixed(value.altitude, *HEIGHT)
    up |= _small("altitude_resolution", value.altitude_resolution, 6) << HEIGHT[0]
    words = b"".join(word.to_bytes(5, "big") for word in (north, east, up))
    return words + bytes((_small("datum", value.datum, 8),))


def _show(value: GeoConf, _: Inside) -> Json:
    return attrs.asdict(value)


def _read(found: Json, _: Inside) -> GeoConf:
    if not isinstance(found, dict) or not found.keys() >= set(MEMBERS[:2]):
        raise ValueError(f"an object with latitude and longitude expected, not {quoted(found)}")
    refuse_others(found, MEMBERS)
    values: dict[str, Any] = {}
    for name, value in found.items():
        with at(name):
            if type(value) is not int and (type(value) is not float or name not in FRACTIONS):
                raise ValueError(f"a number expected, not {quoted(value)}")
        values[name] = float(value) if name in FRACTIONS else value
    return GeoConf(**values)


def _say(value: GeoConf, _: Inside) -> str:
    return f"latitude {value.latitude:.6f}, longitude {value.longitude:.6f}"


_CON: Final = Mapped(c.Bytes(SIZE), _decode, _encode)
GEOCONF: Final[Kind[GeoConf]] = in_digits(
    scalar("binary", _CON, lambda _: _decode(bytes(SIZE)), str, "", JsonForm(_show, _read), _say)
)
