"""Hypothesis strategies for what is on the wire: option values, options, packets, and packets gone wrong.

Values are derived from a kind's construct declaration, so that a new option needs nothing here; the few declarations
from which most octets would be refused have a line of their own in `_OWN`. Every value drawn has a canonical payload:
`option.parse(option.build(value)) == value`.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final, TypeVar

import construct as c
from hypothesis import reject
from hypothesis import strategies as st

from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn
from dhcpkit.wire.derive import Mapped, Sized, Whole
from dhcpkit.wire.dhcp4 import ARRIVAL_UNKNOWN, Arrival, MessageType, Op, Packet4
from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.kinds import BOOLEAN, EMPTY, PSID, Kind
from dhcpkit.wire.names import FQDN, FQDNS, join_labels, split_name
from dhcpkit.wire.nested import SUB_OPTIONS, VENDOR_SUB_OPTIONS, SubOptions
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4, RELAY_AGENT
from dhcpkit.wire.routes import ROUTES, Route

__all__ = [
    "arrivals",
    "client_fqdns",
    "client_ids",
    "declared_values",
    "domain_names",
    "duids",
    "hwaddrs",
    "kind_values",
    "malformed",
    "option_values",
    "options",
    "packets4",
    "routes",
    "sub_options",
]

T = TypeVar("T")

OCTETS_MAX: Final = 40  # octets of strings without a length of their own: longer ones only shrink slower
ITEMS_MAX: Final = 5  # values in a list, for the same reason
OPTIONS_MAX: Final = 8  # options in a packet, for the same reason
DAMAGES_MAX: Final = 3  # changes made to a malformed packet: more of them hide each other


def option_values(option: Option[T]) -> st.SearchStrategy[T]:
    """Values of one option."""
    return kind_values(option.kind)


def kind_values(kind: Kind[T]) -> st.SearchStrategy[T]:
    """Values of a kind."""
    own = _OWN.get(kind)
    if own is not None:
        return own()
    if kind.element is not None:
        return st.lists(kind_values(kind.element), min_size=1, max_size=ITEMS_MAX).map(tuple)  # type: ignore[arg-type]
    if kind.fields:
        return st.tuples(*(kind_values(field) for field in kind.fields))  # type: ignore[return-value]
    return declared_values(kind.con)


def declared_values(con: Any) -> st.SearchStrategy[Any]:
    """Values of a construct declaration. TypeError for a node that nothing is known of."""
    while isinstance(con, c.Renamed):
        con = con.subcon
    if isinstance(con, Mapped):
        return _mapped(declared_values(con.subcon), con.decode)
    if isinstance(con, c.FormatField):
        bits = 8 * con.sizeof()
        signed = con.fmtstr[1].islower()
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)
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
        return declared_values(con.number).flatmap(
            lambda n: st.tuples(st.just(n), st.binary(min_size=octets_of(n), max_size=octets_of(n)))
        )
    raise TypeError(f"no values are known for {con!r}")


def options(space: Space = DHCP4) -> st.SearchStrategy[Option[Any]]:
    """Options of a space."""
    return st.sampled_from(list(space))


def domain_names(*, complete: bool | None = True) -> st.SearchStrategy[str]:
    """Names that DNS can hold, most of them ordinary. Without a dot at their ends where not `complete`."""
    plain = st.text("abcxyz019-_", min_size=1, max_size=12).map(str.encode)
    label = st.one_of(plain, plain, st.binary(min_size=1, max_size=63))
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


def sub_options(space: Space = RELAY_AGENT, *, padded: bool = False) -> st.SearchStrategy[SubOptions]:
    """Options inside an option: well-formed ones of a space, and any octets at all."""
    any_octets = st.binary(max_size=OCTETS_MAX).map(lambda octets: SubOptions(octets, padded=padded))
    return st.one_of(_values_of(space).map(SubOptions.of), any_octets) if len(space) else any_octets


def hwaddrs() -> st.SearchStrategy[bytes]:
    """Hardware addresses, most of them of Ethernet."""
    ethernet = st.binary(min_size=6, max_size=6)
    return st.one_of(ethernet, ethernet, st.binary(min_size=1, max_size=16))


def duids() -> st.SearchStrategy[Duid]:
    """DUIDs of the known types, and of unknown ones."""
    return st.one_of(
        st.builds(Duid.of_link_layer, hwaddrs()),
        st.builds(Duid.of_link_layer, hwaddrs(), st.just(1), st.integers(0, 2**32 - 1)),
        st.builds(Duid.of_uuid, st.uuids()),
        st.builds(Duid, st.binary(min_size=3, max_size=OCTETS_MAX)),
    )


def client_ids() -> st.SearchStrategy[ClientId]:
    """Client identifiers that a server accepts: made of hardware addresses, of DUIDs, or of anything."""
    return st.one_of(
        hwaddrs().map(ClientId.of_hwaddr),
        st.builds(ClientId.of_duid, st.integers(0, 2**32 - 1), duids()),
        st.binary(min_size=1, max_size=OCTETS_MAX).map(ClientId.of_text),
    )


def arrivals() -> st.SearchStrategy[Arrival]:
    """Ways a datagram came."""
    address = st.integers(0, 2**32 - 1)
    return st.builds(
        Arrival,
        interface=st.sampled_from(["", "eth0", "lab0"]),
        ifindex=st.integers(0, 5),
        source=address,
        port=st.sampled_from([67, 68, 1067]),
        local=address,
        broadcast=st.booleans(),
        source_mac=hwaddrs(),
    )


@st.composite
def packets4(draw: st.DrawFn, space: Space = DHCP4, types: st.SearchStrategy[int | None] | None = None) -> Packet4:
    """DHCPv4 messages of any type (or of `types`; None is BOOTP) with any options of a space, well-formed."""
    word = st.integers(0, 2**32 - 1)
    chaddr = draw(hwaddrs())
    values = draw(_values_of(space))
    data = build_packet4(
        draw(st.sampled_from(list(MessageType)) if types is None else types),
        {option: value for option, value in values.items() if option.code != 53},
        op=draw(st.sampled_from(list(Op))),
        xid=draw(word),
        chaddr=chaddr,
        hops=draw(st.integers(0, 16)),
        secs=draw(st.integers(0, 0xFFFF)),
        broadcast=draw(st.booleans()),
        ciaddr=draw(word),
        yiaddr=draw(word),
        siaddr=draw(word),
        giaddr=draw(word),
        sname=draw(st.binary(max_size=64)),
        file=draw(st.binary(max_size=128)),
        pad_to=draw(st.sampled_from([0, 300])),
    )
    return Packet4.parse(data, ARRIVAL_UNKNOWN)


@st.composite
def malformed(draw: st.DrawFn, packets: st.SearchStrategy[Packet4] | None = None) -> bytes:
    """Octets that were a packet, with a few of them changed, cut off, doubled or put in."""
    data = bytearray(bytes(draw(packets4() if packets is None else packets)))
    for _ in range(draw(st.integers(1, DAMAGES_MAX))):
        at = draw(st.integers(0, len(data)))
        damage = draw(st.sampled_from(["cut", "change", "insert", "drop", "double", "append"]))
        if damage == "cut":
            del data[at:]
        elif damage == "change" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif damage == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif damage == "drop":
            del data[at : at + draw(st.integers(1, 8))]
        elif damage == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 32))]
        else:
            data += draw(st.binary(min_size=1, max_size=16))
    return bytes(data)


@st.composite
def _values_of(draw: st.DrawFn, space: Space) -> dict[Option[Any], Any]:
    chosen = draw(st.lists(options(space), unique_by=lambda option: option.code, max_size=OPTIONS_MAX))
    return {option: draw(option_values(option)) for option in chosen}


@st.composite
def _mapped(draw: st.DrawFn, raw: st.SearchStrategy[Any], decode: Callable[[Any], Any]) -> Any:
    try:
        return decode(draw(raw))
    except ValueError:
        reject()


def _psids() -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(0, 16).flatmap(lambda bits: st.tuples(st.integers(0, (1 << bits) - 1), st.just(bits)))


_OWN: Final[dict[Kind[Any], Callable[[], st.SearchStrategy[Any]]]] = {
    BOOLEAN: st.booleans,
    CLIENT_FQDN: client_fqdns,
    EMPTY: lambda: st.just(b""),
    FQDN: domain_names,
    FQDNS: lambda: st.lists(domain_names(), min_size=1, max_size=ITEMS_MAX).map(tuple),
    PSID: _psids,
    ROUTES: lambda: st.lists(routes(), min_size=1, max_size=ITEMS_MAX).map(tuple),
    SUB_OPTIONS: sub_options,
    VENDOR_SUB_OPTIONS: lambda: sub_options(padded=True),
}
