"""Hypothesis strategies for what options hold: values of any kind, of any option, and rows of options with values.

Values are derived from a kind: from its members, its element, its fields, or else its construct declaration, so that a
new option or kind needs nothing here; the few declarations from which most octets would be refused, and the kinds that
hold options, have a line of their own in `_OWN`. Every value drawn has a canonical payload:
`option.parse(option.build(value)) == value`. This module does not know packets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final, TypeVar

import construct as c
from hypothesis import reject
from hypothesis import strategies as st

from dhcpkit.testing.chance import mostly
from dhcpkit.testing.declared import spaces
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, CLIENT_FQDN6, ClientFqdn, ClientFqdn6
from dhcpkit.wire.derive import Mapped, Sized, Whole, by_construct
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp4o6 import PACKET4
from dhcpkit.wire.dnr import SERVICE_PARAMETERS, ServiceParameter
from dhcpkit.wire.header4 import COOKIE, HEADER_SIZE
from dhcpkit.wire.kinds import BOOLEAN, EMPTY, PSID, TEXT, Kind
from dhcpkit.wire.names import FQDN, join_labels, split_name
from dhcpkit.wire.nested import SUB_OPTIONS, VENDOR_SUB_OPTIONS, SubOptions
from dhcpkit.wire.nested6 import OPTIONS6, Options6
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import RELAY_AGENT
from dhcpkit.wire.options6 import DHCP6, IA_NA, IA_PD, IA_TA, IAADDR, IAPREFIX, STATUS_CODE
from dhcpkit.wire.routes import ROUTES, Route
from dhcpkit.wire.servers import NAME_OR_ADDRESS, NAMES_OR_ADDRESSES
from dhcpkit.wire.vendor import VENDOR_OPTIONS, VendorOptions

__all__ = [
    "NESTED_MAX",
    "client_fqdns",
    "declared_values",
    "domain_names",
    "kind_values",
    "option_data",
    "option_values",
    "options",
    "options6",
    "routes",
    "service_parameters",
    "sub_options",
]

T = TypeVar("T")

OptionData = Sequence[tuple[Any, Any]]  # an option with its value, or a code with octets

OCTETS_MAX: Final = 40  # octets of strings without a length of their own: longer ones only shrink slower
ITEMS_MAX: Final = 5  # values in a list, for the same reason
OPTIONS_MAX: Final = 8  # options in a packet, for the same reason
NESTED_MAX: Final = 3  # options within options: an address lies in an IA, and a status code in the address
AGAIN_MAX: Final = 2  # further instances of an option, where it may be repeated
SMALL_MAX: Final = 32  # numbers up to here are drawn half of the time: they are lengths of prefixes, types and keys
TRIES_MAX: Final = 20  # draws until a declaration takes one: of octets that are put together many are refused


def options(space: Space | None = None) -> st.SearchStrategy[Option[Any]]:
    """Options of a space, or of every space of both families."""
    declared = [option for each in (spaces() if space is None else [space]) for option in each]
    return st.sampled_from(declared) if declared else st.nothing()


def option_values(option: Option[T], *, depth: int = NESTED_MAX) -> st.SearchStrategy[T]:
    """Values of one option. Options within it are those of the space it encapsulates, so many levels deep."""
    return kind_values(option.kind, option.encapsulates, depth=depth)


def kind_values(kind: Kind[T], space: Space | None = None, *, depth: int = NESTED_MAX) -> st.SearchStrategy[T]:
    """Values of a kind. Options in them are those of the space, any octets where there is none, so many levels deep."""
    return _kind_values(kind, space, depth)


@lru_cache(maxsize=2048)
def _kind_values(kind: Kind[Any], space: Space | None, depth: int) -> st.SearchStrategy[Any]:
    own = _OWN.get(kind)
    if own is not None:
        return own(space, depth)
    if kind.element is not None:
        items = st.lists(_kind_values(kind.element, space, depth), max_size=ITEMS_MAX)
        return _accepted(items.map(tuple), kind)
    if kind.fields:
        return _accepted(st.tuples(*(_kind_values(field, space, depth) for field in kind.fields)), kind)
    if kind.made is not None:
        return _accepted(_composed(kind, kind.made, space, depth), kind)
    return declared_values(kind.con)


def declared_values(con: Any) -> st.SearchStrategy[Any]:
    """Values of a construct declaration. Of a node that nothing is known of they are what it makes of any octets."""
    while isinstance(con, c.Renamed):
        con = con.subcon
    if isinstance(con, Mapped):
        return _made(declared_values(con.subcon), con.decode)
    if isinstance(con, c.FormatField):
        bits = 8 * con.sizeof()
        signed = con.fmtstr[1].islower()
        any_number = st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)
        return st.one_of(any_number, st.integers(0, SMALL_MAX))
    if isinstance(con, c.Bytes) and isinstance(con.length, int):
        return st.binary(min_size=con.length, max_size=con.length)
    if isinstance(con, type(c.GreedyBytes)):
        return st.binary(max_size=OCTETS_MAX)
    if isinstance(con, c.Prefixed | Whole):
        return declared_values(con.subcon)
    if isinstance(con, c.GreedyRange):
        return st.lists(declared_values(con.subcon), max_size=ITEMS_MAX)
    if isinstance(con, c.Struct):
        return st.fixed_dictionaries({member.name: declared_values(member) for member in con.subcons if member.name})
    if isinstance(con, c.Const):
        return st.just(con.value)
    if isinstance(con, Sized):
        octets_of = con.octets_of
        return _made(declared_values(con.number), lambda n: (n, octets_of(n))).flatmap(
            lambda found: st.tuples(st.just(found[0]), st.binary(min_size=found[1], max_size=found[1]))
        )
    return _made(st.binary(max_size=OCTETS_MAX), by_construct(con).parse)


def domain_names(*, complete: bool | None = True) -> st.SearchStrategy[str]:
    """Names that DNS can hold, most of them ordinary. Without a dot at their ends where not `complete`."""
    plain = st.text("abcxyz019-_", min_size=1, max_size=12).map(str.encode)
    label = mostly(plain, st.binary(min_size=1, max_size=63))
    labels = st.lists(label, min_size=0 if complete else 1, max_size=4).filter(lambda found: sum(map(len, found)) < 240)
    whole = st.booleans() if complete is None else st.just(complete)
    return st.builds(lambda found, end: join_labels(found, complete=end or not found), labels, whole)


@st.composite
def client_fqdns(draw: st.DrawFn) -> ClientFqdn:
    """Values of option 81."""
    octet = st.integers(0, 255)
    name = draw(st.one_of(st.just(""), domain_names(complete=None)))
    as_text = not name or not any(b"." in label for label in split_name(name))  # what text cannot tell from two labels
    server_updates, no_updates = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    return ClientFqdn(
        name,
        server_updates=server_updates,
        overridden=draw(st.booleans()),
        no_updates=no_updates,
        ascii=as_text and draw(st.booleans()),
        rcode1=draw(octet),
        rcode2=draw(octet),
    )


def routes() -> st.SearchStrategy[Route]:
    """Entries of option 121."""
    addresses = st.integers(0, 2**32 - 1)
    networks = st.builds(lambda a, bits: IPv4Network((a, bits), strict=False), addresses, st.integers(0, 32))
    return st.builds(Route, networks, addresses.map(IPv4Address))


def service_parameters() -> st.SearchStrategy[tuple[ServiceParameter, ...]]:
    """Parameters of a designated resolver: those that RFCs know with values of their form, and others."""
    protocol = st.one_of(st.sampled_from([b"dot", b"doq", b"h2", b"h3"]), st.binary(min_size=1, max_size=8))
    protocols = st.lists(protocol, min_size=1, max_size=ITEMS_MAX)
    known = {  # alpn, no-default-alpn, port, dohpath: RFC 9460 14.3.2, RFC 9461 5
        1: protocols.map(lambda found: b"".join(bytes((len(each),)) + each for each in found)),
        2: st.just(b""),
        3: st.binary(min_size=2, max_size=2),
        7: st.one_of(st.just(b"/dns-query{?dns}"), st.binary(max_size=OCTETS_MAX)),
    }
    named = st.fixed_dictionaries({}, optional=known)
    unknown = st.integers(8, 0xFFFF)
    others = st.dictionaries(unknown, st.binary(max_size=OCTETS_MAX), max_size=2)
    return st.builds(
        lambda some, more: tuple(ServiceParameter(*each) for each in sorted({**some, **more}.items())), named, others
    )


def sub_options(
    space: Space | None = RELAY_AGENT, *, padded: bool = False, depth: int = NESTED_MAX
) -> st.SearchStrategy[SubOptions]:
    """Options inside an option of DHCPv4: well-formed ones of a space, and any octets at all."""
    any_octets = st.binary(max_size=OCTETS_MAX).map(lambda octets: SubOptions(octets, padded=padded))
    if space is None or not depth:
        return any_octets
    rows = option_data(space, depth=depth - 1)
    well_formed = rows.map(lambda found: SubOptions(SubOptions.of(dict(found)).octets, padded=padded))
    return st.one_of(well_formed, any_octets)


def options6(
    space: Space | None = DHCP6, *, well_formed: bool = False, depth: int = NESTED_MAX
) -> st.SearchStrategy[Options6]:
    """Options of DHCPv6 in a row, any of them repeated; or any octets at all, unless `well_formed`."""
    any_octets = st.binary(max_size=OCTETS_MAX).map(Options6)
    if space is None or not depth:
        return st.just(Options6()) if well_formed else any_octets
    rows = option_data(space, depth=depth - 1).map(Options6.of)
    return rows if well_formed else mostly(rows, any_octets)


@st.composite
def option_data(
    draw: st.DrawFn, space: Space, *, least: int = 0, most: int = OPTIONS_MAX, depth: int = NESTED_MAX
) -> OptionData:
    """Options of a space with values, as pairs; codes that the space does not declare with any octets.

    In a wide space (DHCPv6) an option may occur more than once. Elsewhere it may not: instances are parts of one value.
    `depth` levels of options may lie within these.
    """
    chosen = draw(_keys(space, len(space), least, most, depth))
    if chosen and space.wide:
        chosen = [*chosen, *draw(_again(tuple(chosen)))]
    return [
        (each, draw(st.binary(max_size=OCTETS_MAX) if isinstance(each, int) else option_values(each, depth=depth)))
        for each in chosen
    ]


@lru_cache(maxsize=256)
def _keys(space: Space, count: int, least: int, most: int, depth: int) -> st.SearchStrategy[list[Option[Any] | int]]:
    """Options of a space that declares so many, and codes that it does not declare."""
    unknown = st.integers(1, space.code_max - 1).filter(lambda code: space.by_code(code) is None)
    usual = _usual(space, depth)
    known = [*space, *usual * (count // (2 * len(usual) or 1))]  # a third of what is usual there
    pool = [*known, *[None] * (len(known) // 4 or 1)]
    either = st.sampled_from(pool).flatmap(lambda option: unknown if option is None else st.just(option))
    return st.lists(either, unique_by=_code, min_size=least, max_size=most)


def _usual(space: Space, depth: int) -> list[Option[Any]]:
    """What tests want to see often: associations, the addresses and prefixes in them, and what else holds options."""
    if space is DHCP6:
        return [IA_NA, IA_PD, IA_TA] if depth == NESTED_MAX else [IAADDR, IAPREFIX, STATUS_CODE]
    return [option for option in space if option.encapsulates is not None] if depth else []


@lru_cache(maxsize=256)
def _again(chosen: tuple[Option[Any] | int, ...]) -> st.SearchStrategy[list[Option[Any] | int]]:
    return st.lists(st.sampled_from(chosen), max_size=AGAIN_MAX)


def _code(option: Option[Any] | int) -> int:
    return option if isinstance(option, int) else option.code


@st.composite
def _made(draw: st.DrawFn, raw: st.SearchStrategy[Any], make: Callable[[Any], Any]) -> Any:
    """What `make` makes of what is drawn, drawn again where it refuses it."""
    for _ in range(TRIES_MAX):
        drawn = draw(raw)
        with contextlib.suppress(ValueError):
            return make(drawn)
    return reject()


def _accepted(values: st.SearchStrategy[T], kind: Kind[Any]) -> st.SearchStrategy[T]:
    """Values put together of values, where the kind has a form for the whole."""

    def built(value: T) -> T:
        kind.build(value)
        return value

    return _made(values, built)


@st.composite
def _composed(draw: st.DrawFn, kind: Kind[Any], made: Callable[..., Any], space: Space | None, depth: int) -> Any:
    """An object of a kind's members. Where vendors have spaces of their own, its enterprise is often one of them."""
    drawn: dict[str, Any] = {}
    if space is not None and space.vendors:
        vendor = draw(st.none() | st.sampled_from(list(space.vendors))) if "enterprise" in kind.members else None
        drawn = {} if vendor is None else {"enterprise": vendor}
        space = space.vendors.get(vendor) if vendor is not None else None
    for name, member in kind.members.items():
        if name not in drawn:
            drawn[name] = draw(_kind_values(member, space, depth))
    return made(**drawn)


def _texts() -> st.SearchStrategy[str]:
    letters = st.text(st.characters(codec="utf-8"), max_size=OCTETS_MAX).map(lambda text: text.rstrip("\0"))
    grammar = st.text("ab,\\ ", max_size=OCTETS_MAX)  # what has a meaning where texts stand in a row
    return st.one_of(letters, grammar, declared_values(TEXT.con))


def _servers() -> st.SearchStrategy[tuple[str, ...] | tuple[IPv4Address, ...]]:
    names = st.lists(domain_names(), min_size=1, max_size=ITEMS_MAX)
    addresses = st.lists(st.integers(0, 2**32 - 1).map(IPv4Address), min_size=1, max_size=ITEMS_MAX)
    return st.one_of(names.map(tuple), addresses.map(tuple))


def _client_fqdns6() -> st.SearchStrategy[ClientFqdn6]:
    names = st.one_of(st.just(""), domain_names(complete=None))
    updates = st.sampled_from([(False, False), (True, False), (False, True)])
    return st.builds(
        lambda name, flags, overridden: ClientFqdn6(
            name, server_updates=flags[0], overridden=overridden, no_updates=flags[1]
        ),
        names,
        updates,
        st.booleans(),
    )


def _messages4() -> st.SearchStrategy[Packet4]:
    """Messages of DHCPv4 as they lie in an option: any header, any octets as options."""
    header = st.binary(min_size=HEADER_SIZE, max_size=HEADER_SIZE)
    return st.builds(
        lambda fields, options: Packet4.parse(fields + COOKIE + options), header, st.binary(max_size=OCTETS_MAX)
    )


def _psids() -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(0, 16).flatmap(lambda bits: st.tuples(st.integers(0, (1 << bits) - 1), st.just(bits)))


def _vendor_options(space: Space | None, depth: int) -> st.SearchStrategy[tuple[VendorOptions, ...]]:
    vendors = {} if space is None else space.vendors

    def of(enterprise: int) -> st.SearchStrategy[VendorOptions]:
        inner = sub_options(vendors.get(enterprise), depth=depth)
        return st.builds(VendorOptions, st.just(enterprise), inner.filter(lambda found: len(found.octets) <= 0xFF))

    anyone = st.integers(0, 2**32 - 1)
    enterprises = st.one_of(st.sampled_from(list(vendors)), anyone) if vendors else anyone
    return st.lists(enterprises.flatmap(of), min_size=1, max_size=ITEMS_MAX).map(tuple)


_OWN: Final[dict[Kind[Any], Callable[[Space | None, int], st.SearchStrategy[Any]]]] = {
    BOOLEAN: lambda _space, _depth: st.booleans(),
    CLIENT_FQDN: lambda _space, _depth: client_fqdns(),
    CLIENT_FQDN6: lambda _space, _depth: _client_fqdns6(),
    EMPTY: lambda _space, _depth: st.just(b""),
    FQDN: lambda _space, _depth: domain_names(),
    NAMES_OR_ADDRESSES: lambda _space, _depth: _servers(),
    NAME_OR_ADDRESS: lambda _space, _depth: _servers().map(lambda found: found[0]),
    OPTIONS6: lambda space, depth: options6(space, depth=depth),
    PACKET4: lambda _space, _depth: _messages4(),
    PSID: lambda _space, _depth: _psids(),
    ROUTES: lambda _space, _depth: st.lists(routes(), min_size=1, max_size=ITEMS_MAX).map(tuple),
    SERVICE_PARAMETERS: lambda _space, _depth: service_parameters(),
    SUB_OPTIONS: lambda space, depth: sub_options(space, depth=depth),
    TEXT: lambda _space, _depth: _texts(),
    VENDOR_OPTIONS: _vendor_options,
    VENDOR_SUB_OPTIONS: lambda space, depth: sub_options(space, padded=True, depth=depth),
}
