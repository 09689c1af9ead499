"""Where a value lies: decodes an option so that every error names its octet in the datagram and the way there.

Options decoded out of other options remember where they came from; nothing is computed before an error needs it.
This module does not know how options are laid out: who holds them says where each starts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from dhcpkit.wire.errors import WireError
from dhcpkit.wire.options import Option, Space

__all__ = ["Holder", "Place", "lies", "located", "named", "read_option", "space_inside", "whereabouts", "whose"]

T = TypeVar("T")


class Holder(Protocol):
    """What holds options: a packet, or the options within an option.

    `place` is where it lies itself, None where nobody knows or it is the datagram. `offset` is where an instance of an
    option starts in the holder's octets, `placed` each option with its offset and code, `parts` where its payload is,
    and `head` the size of its code and length.
    """

    place: Place | None
    head: int

    def offset(self, code: int, number: int = 0) -> int:
        """Where an instance of an option starts in the octets."""
        ...

    def parts(self, code: int, at: int) -> Sequence[tuple[int, int]]:
        """Of an option that starts there: offsets in its payload, and where the octets from there on lie."""
        ...

    def placed(self) -> Iterator[tuple[int, int, bytes]]:
        """Offset, code and payload of each option, all of them in time that grows with the octets."""
        ...


class Place(NamedTuple):
    """Options lie `skip` octets into the payload of an option; where `holder` is None, into the datagram.

    `space` is where they are declared, None where nobody knows, and `enterprise` says whose they are, where they are a
    vendor's.
    """

    holder: Holder | None = None
    option: Option[Any] | None = None
    number: int = 0
    skip: int = 0
    space: Space | None = None
    enterprise: int | None = None


# What a named tuple's own constructor does, in half the time: one is made for every IA that is read.
new_place: Final[Callable[[tuple[Holder | None, Option[Any] | None, int, int, Space | None, int | None]], Place]] = (
    partial(tuple.__new__, Place)
)


def read_option(holder: Holder, option: Option[T], payload: bytes, number: int = 0) -> T:
    """The value of a payload that is instance `number` of an option in `holder`. WireError where it is refused."""
    kind = option.kind
    try:
        value = kind.codec.parse(payload)
    except ValueError as error:
        where, path = whereabouts(holder, holder.offset(option.code, number))
        raise WireError(where, str(error), (*path, named(option))) from error
    return value if kind.inner is None else located(holder, option, value, payload, number)


def located(holder: Holder, option: Option[T], value: T, payload: bytes, number: int = 0) -> T:
    """The value read from a payload, with the options in it told where they lie."""
    inner = option.kind.inner
    if inner is not None:
        for skip, options in inner(value, len(payload)):
            space = option.encapsulates if options.place is None else space_inside(option, options)
            options.place = new_place((holder, option, number, skip, space, None))
    return value


def space_inside(option: Option[Any], options: Holder, around: Space | None = None) -> Space | None:
    """Where the options are declared that lie in an option, which is itself looked up in the space `around` it.

    Where a space encapsulates itself, as DHCPv6's does in its IAs, one that extends it does so, too.
    """
    space, above = option.encapsulates, around
    while above is not None and above is not space:
        above = above.extends
    if above is not None:
        space = around
    enterprise = None if options.place is None else options.place.enterprise
    return space if space is None or enterprise is None else space.vendors.get(enterprise)


def whose(options: Holder, enterprise: int) -> None:
    """Tells options that they are an enterprise's, if nothing is known of them yet."""
    if options.place is None:
        options.place = Place(enterprise=enterprise)


def whereabouts(holder: Holder, at: int = 0) -> tuple[int, tuple[str, ...]]:
    """Where an octet of a holder's lies in the datagram, and the options that lead there, outermost first."""
    path = []
    place = holder.place
    while place is not None:
        at += place.skip
        above = place.holder
        if above is None or place.option is None:
            break
        path.append(named(place.option))
        at = lies(above.parts(place.option.code, above.offset(place.option.code, place.number)), at)
        place = above.place
    return at, tuple(reversed(path))


def lies(parts: Sequence[tuple[int, int]], at: int) -> int:
    """Where an octet of a payload lies that is there in parts (RFC 3396), which are pairs of `Holder.parts`."""
    start, where = parts[bisect_right(parts, at, key=itemgetter(0)) - 1]
    return where + at - start


def named(option: Option[Any]) -> str:
    """An option as a path names it."""
    return f"{option.name} ({option.code})"
