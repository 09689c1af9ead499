"""Where a value lies: decodes an option so that every error names its octet in the datagram and the way there.

Options decoded out of other options remember where they came from; nothing is computed before an error needs it.
This module does not know how options are laid out: who holds them says where each starts.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeVar

from dhcpkit.wire.errors import WireError
from dhcpkit.wire.options import Option

__all__ = ["Holder", "Place", "read_option", "whereabouts"]

T = TypeVar("T")


class Holder(Protocol):
    """What holds options: a packet, or the options within an option.

    `place` is where it lies itself, None where nobody knows or it is the datagram. `offset` is where an instance of an
    option starts in the holder's octets, and `head` the size of its code and length.
    """

    place: Place | None
    head: int

    def offset(self, code: int, number: int = 0) -> int:
        """Where an instance of an option starts in the octets."""
        ...


class Place(NamedTuple):
    """Options lie `skip` octets into the payload of an option; where `holder` is None, into the datagram."""

    holder: Holder | None = None
    option: Option[Any] | None = None
    number: int = 0
    skip: int = 0


def read_option(holder: Holder, option: Option[T], payload: bytes, number: int = 0) -> T:
    """The value of a payload that is instance `number` of an option in `holder`. WireError where it is refused."""
    kind = option.kind
    try:
        value = kind.codec.parse(payload)
    except ValueError as error:
        start, path = whereabouts(holder)
        raise WireError(start + holder.offset(option.code, number), str(error), (*path, _named(option))) from error
    if kind.inner is not None:
        for skip, options in kind.inner(value, len(payload)):
            options.place = Place(holder, option, number, skip)
    return value


def whereabouts(holder: Holder) -> tuple[int, tuple[str, ...]]:
    """Where a holder's octets start in the datagram, and the options that lead there, outermost first."""
    start, path = 0, []
    place = holder.place
    while place is not None:
        start += place.skip
        above = place.holder
        if above is None or place.option is None:
            break
        path.append(_named(place.option))
        start += above.offset(place.option.code, place.number) + above.head
        place = above.place
    return start, tuple(reversed(path))


def _named(option: Option[Any]) -> str:
    return f"{option.name} ({option.code})"
