"""Hypothesis strategies for configurations: documents of any keys, documents that can be served, Kea's JSON as text.

Documents are drawn from the `param()` lines themselves, so that a new key needs nothing here. A check that refuses most
values has a line of its own in `_CHECKED`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from dhcpkit.config.checks import (
    address4,
    address6,
    any_address,
    any_or_none,
    base6,
    boot_server,
    class_name,
    duid_identifier,
    interface4,
    interface6,
    prefix_4o6,
    relay4,
    relay6,
    space_name,
    threshold,
)
from dhcpkit.config.dhcp4 import Dhcp4Doc, ReservationDoc, SharedNetworkDoc, Subnet4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc, PdPoolDoc, Reservation6Doc, SharedNetwork6Doc, Subnet6Doc
from dhcpkit.config.documents import OptionDataDoc, PoolDoc
from dhcpkit.config.param import Document, DocumentShape, ListShape, Param, Shape
from dhcpkit.config.protection import relay_address

__all__ = ["configurations", "configurations6", "documents", "json_texts", "json_values", "param_values"]

D = TypeVar("D", bound=Document)

KEYS_MAX: Final = 5  # keys of a drawn document besides the required ones: each pair of keys meets often enough
ITEMS_MAX: Final = 2  # items of a drawn list
DEPTH_MAX: Final = 3  # maps inside one another: Dhcp4, shared network, subnet, and what is in it
SUBNET_SIZE: Final = 32  # addresses of a subnet that can be served

_ADDRESSES: Final = st.integers(0, 2**32 - 1).map(IPv4Address).map(str)
_ADDRESSES6: Final = st.integers(0, 2**128 - 1).map(IPv6Address).map(str)
_CHECKED: Final[dict[Callable[[Any], object], st.SearchStrategy[Any]]] = {
    address4: _ADDRESSES | st.just(""),
    address6: _ADDRESSES6 | st.just(""),
    relay_address: _ADDRESSES | _ADDRESSES6,
    any_address: _ADDRESSES | _ADDRESSES6,
    any_or_none: _ADDRESSES | _ADDRESSES6 | st.just(""),
    base6: _ADDRESSES6,
    boot_server: st.integers(0, 2**32 - 2).map(IPv4Address).map(str),
    prefix_4o6: st.sampled_from(["", "2001:db8::/64", "2001:db8::1/128"]),
    duid_identifier: st.binary(max_size=8).map(bytes.hex),
    interface4: st.sampled_from(["eth0", "*", "eth0/192.0.2.1"]),
    interface6: st.sampled_from(["eth0", "*", "eth0/2001:db8::1"]),
    relay4: _ADDRESSES,
    relay6: _ADDRESSES6,
    class_name: st.text(min_size=1, max_size=8),
    space_name: st.sampled_from(["dhcp4", "dhcp6", "floor", "vendor-4491"]),
    threshold: st.floats(0, 1, exclude_max=True),
}


def json_values() -> st.SearchStrategy[Any]:
    """What a map that is kept as it is may hold: JSON without numbers that lose digits."""
    plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )


def param_values(declared: Param, depth: int = DEPTH_MAX) -> st.SearchStrategy[Any]:
    """Values of one parameter, whatever its shape."""
    return _shaped(declared, declared.shape, depth)


def _shaped(declared: Param, shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    if isinstance(shape, ListShape):
        most = ITEMS_MAX if depth > 0 or not isinstance(shape.item, DocumentShape) else 0
        meant = declared.distinct
        unique = None if meant is None else (lambda value: meant.get(value, value))
        least = 1 if declared.filled else 0
        return st.lists(_shaped(declared, shape.item, depth), min_size=least, max_size=most, unique_by=unique).map(
            tuple
        )
    if isinstance(shape, DocumentShape):
        inner = documents(shape.document, depth - 1)
        return inner.filter(lambda doc: bool(doc.written)) if declared.filled else inner
    if declared.check in _CHECKED:
        return _CHECKED[declared.check]
    if declared.choices:
        return st.sampled_from(declared.choices)
    if shape.python is bool:
        return st.booleans()
    if shape.python is int:
        return st.integers(_bound(declared.low, -(2**63)), _bound(declared.high, 2**63 - 1))
    if shape.python is float:
        return st.floats(declared.low or 0, declared.high or 1)
    if shape.python is dict:
        return st.dictionaries(st.text(max_size=5), json_values(), max_size=2)
    return st.text(max_size=8)


def _bound(bound: float | None, otherwise: int) -> int:
    return otherwise if bound is None else int(bound)


@st.composite
def documents(draw: st.DrawFn, cls: type[D] = Dhcp4Doc, depth: int = DEPTH_MAX) -> D:  # type: ignore[assignment]
    """Documents of a class with any of its keys. Each can be written and read; hardly any can be served."""
    optional = [declared for declared in cls.params.values() if not declared.required]
    chosen = draw(st.lists(st.sampled_from(optional), max_size=KEYS_MAX, unique=True)) if optional else []
    return cls(**{declared.name: draw(param_values(declared, depth)) for declared in (*cls.required, *chosen)})


@st.composite
def configurations(draw: st.DrawFn) -> Dhcp4Doc:
    """Configurations that can be served: subnets apart from one another, some in a shared network, and reservations."""
    subnets = [draw(_subnets(index)) for index in range(draw(st.integers(1, 4)))]
    shared = draw(st.integers(0, len(subnets)))
    networks = (SharedNetworkDoc(name="net", subnet4=tuple(subnets[:shared])),) if shared else ()
    return Dhcp4Doc(
        subnet4=tuple(subnets[shared:]),
        shared_networks=networks,
        valid_lifetime=draw(st.integers(600, 86400)),
        option_data=draw(_options()),
        authoritative=draw(st.booleans()),
    )


@st.composite
def _subnets(draw: st.DrawFn, index: int) -> Subnet4Doc:
    base = int(IPv4Address("192.0.2.0")) + index * SUBNET_SIZE
    first = draw(st.integers(4, SUBNET_SIZE - 2))
    last = draw(st.integers(first, SUBNET_SIZE - 2))
    reserved = [
        ReservationDoc(hw_address=f"02:00:00:00:00:{number:02x}", ip_address=str(IPv4Address(base + 1 + number)))
        for number in range(draw(st.integers(0, 3)))
    ]
    return Subnet4Doc(
        subnet=str(IPv4Network((base, 27))),
        id=index + 1,
        pools=(PoolDoc(pool=f"{IPv4Address(base + first)} - {IPv4Address(base + last)}"),),
        reservations=tuple(reserved),
        option_data=draw(_options()),
    )


def _options() -> st.SearchStrategy[tuple[OptionDataDoc, ...]]:
    one = st.builds(
        lambda name, data, always: OptionDataDoc(name=name, data=data, always_send=always),
        st.sampled_from(["routers", "domain-name-servers", "ntp-servers"]),
        _ADDRESSES,
        st.booleans(),
    )
    return st.lists(one, max_size=2).map(tuple)


@st.composite
def configurations6(draw: st.DrawFn) -> Dhcp6Doc:
    """DHCPv6 configurations that can be served: as `configurations`, with prefixes to delegate besides."""
    subnets = [draw(_subnets6(index)) for index in range(draw(st.integers(1, 4)))]
    shared = draw(st.integers(0, len(subnets)))
    networks = (SharedNetwork6Doc(name="net", subnet6=tuple(subnets[:shared])),) if shared else ()
    return Dhcp6Doc(
        subnet6=tuple(subnets[shared:]),
        shared_networks=networks,
        valid_lifetime=draw(st.integers(600, 86400)),
        preferred_lifetime=draw(st.none() | st.integers(300, 600)),
        option_data=draw(_options6()),
    )


@st.composite
def _subnets6(draw: st.DrawFn, index: int) -> Subnet6Doc:
    link = IPv6Network(f"2001:db8:{index}::/64")
    base = int(link.network_address)
    first = draw(st.integers(0x100, 0x1FF))
    last = draw(st.integers(first, 0x1FF))
    delegated = draw(st.integers(48, 64))
    reserved = [
        Reservation6Doc(
            duid=f"00:03:00:01:02:00:00:00:00:{number:02x}",
            ip_addresses=(str(IPv6Address(base + 1 + number)),),
            prefixes=draw(st.sampled_from([(), (f"2001:db8:{index + 0x8000:x}:{number}::/64",)])),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    return Subnet6Doc(
        subnet=str(link),
        id=index + 1,
        pools=(PoolDoc(pool=f"{IPv6Address(base + first)} - {IPv6Address(base + last)}"),),
        pd_pools=draw(
            st.sampled_from(
                [(), (PdPoolDoc(prefix=f"2001:db8:{index + 0x100:x}::", prefix_len=48, delegated_len=delegated),)]
            )
        ),
        reservations=tuple(reserved),
        option_data=draw(_options6()),
    )


def _options6() -> st.SearchStrategy[tuple[OptionDataDoc, ...]]:
    one = st.builds(
        lambda name, data, always: OptionDataDoc(name=name, data=data, always_send=always),
        st.sampled_from(["dns-servers", "sntp-servers", "nis-servers"]),
        _ADDRESSES6,
        st.booleans(),
    )
    return st.lists(one, max_size=2).map(tuple)


@st.composite
def json_texts(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[Any, str]:
    """A value and a text of it in Kea's JSON: with comments, blanks and extra commas wherever they are allowed."""
    value = draw(values)
    return value, _noise(draw) + _written(draw, value) + _noise(draw)


_NOISES: Final = ("", "", " ", "\n", "\t", '# a "comment", {\n', "// it's\n", "/* [1,\n2 */", " /* # // */ ")


def _noise(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(_NOISES))


def _written(draw: st.DrawFn, value: Any) -> str:
    members: list[str]
    if isinstance(value, dict):
        members = [f"{json.dumps(key)}{_noise(draw)}:{_noise(draw)}{_written(draw, v)}" for key, v in value.items()]
    elif isinstance(value, (list, tuple)):
        members = [_written(draw, inner) for inner in value]
    else:
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    text = ",".join(_noise(draw) + member + _noise(draw) for member in members)
    extra_comma: bool = draw(st.booleans())
    if members and extra_comma:
        text += "," + _noise(draw)
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return opening + text + closing
