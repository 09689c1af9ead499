"""Which subnets lie on one link, and how a client's link is found: by address, interface or relay agent.

Both families use it. Look-ups do not grow with the number of subnets. This module does not know addresses' families,
packets or leases; addresses are integers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import pairwise
from typing import Any, Final, Generic, Protocol, TypeVar

__all__ = ["Link", "Links", "OnLink", "Ranges", "range_of"]

T = TypeVar("T")

ROTATIONS_MAX: Final = 256  # remembered orders of subnets, each as long as its shared network


class OnLink(Protocol):
    """What is known of a subnet here."""

    @property
    def id(self) -> int:
        """Its number, as the configuration has it."""

    @property
    def prefix(self) -> IPv4Network | IPv6Network:
        """The network its addresses are from."""

    @property
    def first(self) -> int:
        """The first address of the prefix."""

    @property
    def last(self) -> int:
        """The last address of the prefix."""

    @property
    def interface(self) -> str:
        """The interface clients are reached by without a relay; empty where none is named."""

    @property
    def relays(self) -> frozenset[int]:
        """Addresses of relay agents in front of it."""

    @property
    def client_classes(self) -> tuple[str, ...]:
        """Classes of which a client needs one."""


S = TypeVar("S", bound=OnLink)
S_co = TypeVar("S_co", bound=OnLink, covariant=True)


class Link(Protocol[S_co]):
    """What is known of a shared network here."""

    @property
    def subnets(self) -> tuple[S_co, ...]:
        """Its subnets, in the order of the configuration."""

    @property
    def interface(self) -> str:
        """The interface clients are reached by without a relay; empty where none is named."""

    @property
    def relays(self) -> frozenset[int]:
        """Addresses of relay agents in front of it."""

    @property
    def client_classes(self) -> tuple[str, ...]:
        """Classes of which a client needs one."""


N = TypeVar("N", bound=Link[Any])


def range_of(text: str, network: type[IPv4Network | IPv6Network]) -> tuple[int, int]:
    """`first - last` or `prefix/length` to first and last address. ValueError says what is wrong."""
    address = IPv4Address if network is IPv4Network else IPv6Address
    try:
        if "/" in text:
            prefix = network(text.strip())
            return int(prefix.network_address), int(prefix.broadcast_address)
        low, _, high = text.partition("-")
        first, last = int(address(low.strip())), int(address(high.strip()))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a range of addresses (first - last, or prefix/length): {error}") from None
    if last < first:
        raise ValueError(f"the range {text!r} ends before it starts")
    return first, last


class Ranges(Generic[T]):
    """Ranges of addresses that either nest or are apart, and what lies behind each."""

    __slots__ = ("_nested", "_ordered", "_starts", "_widest")

    def __init__(self, ranges: Iterable[tuple[int, int, T]]) -> None:
        numbered = [(first, number, last, item) for number, (first, last, item) in enumerate(ranges)]
        self._ordered = sorted(numbered, key=lambda each: each[:2])
        self._starts = [first for first, *_ in self._ordered]
        # The widest of them bounds how far back one that holds an address can start.
        self._widest = max((last - first for first, _, last, _ in self._ordered), default=0)
        self._nested = any(after[0] <= before[2] for before, after in pairwise(self._ordered))

    def holding(self, address: int) -> Sequence[T]:
        """What lies behind the ranges that hold the address, in the order they were given."""
        index = bisect_right(self._starts, address) - 1
        if not self._nested:
            return (self._ordered[index][3],) if index >= 0 and self._ordered[index][2] >= address else ()
        found = []
        while index >= 0 and self._starts[index] >= address - self._widest:
            if self._ordered[index][2] >= address:
                found.append(self._ordered[index])
            index -= 1
        return [item for *_, item in sorted(found, key=lambda each: each[1])]


class Links(Generic[S, N]):
    """Subnets by what they are found by, with the shared networks they belong to. ValueError where two have one id."""

    def __init__(self, subnets: Sequence[S], networks: Sequence[N]) -> None:
        by_id: dict[int, S] = {}
        for subnet in subnets:
            if subnet.id in by_id:
                raise ValueError(f"subnet id {subnet.id} is used by {by_id[subnet.id].prefix} and by {subnet.prefix}")
            by_id[subnet.id] = subnet
        self.by_id: Mapping[int, S] = by_id
        self._networks: dict[int, N] = {subnet.id: each for each in networks for subnet in each.subnets}
        self._positions = {subnet.id: at for each in networks for at, subnet in enumerate(each.subnets)}
        self._rotations: dict[int, tuple[S, ...]] = {}
        self._guards: dict[int, tuple[tuple[str, ...], ...]] = {}
        self._by_interface: dict[str, list[S]] = {}
        self._by_relay: dict[int, list[S]] = {}
        for subnet in subnets:
            around = self._networks.get(subnet.id)
            guards = (subnet.client_classes, around.client_classes if around is not None else ())
            self._guards[subnet.id] = tuple(guard for guard in guards if guard)
            interface = subnet.interface or (around.interface if around is not None else "")
            if interface:
                self._by_interface.setdefault(interface, []).append(subnet)
            for relay in subnet.relays or (around.relays if around is not None else ()):
                self._by_relay.setdefault(relay, []).append(subnet)
        self._ranges = Ranges((subnet.first, subnet.last, subnet) for subnet in subnets)

    def siblings(self, subnet: S) -> tuple[S, ...]:
        """The subnets of its shared network from this one on and then around (Kea's order of trying them)."""
        network = self._networks.get(subnet.id)
        if network is None:
            return (subnet,)
        found = self._rotations.get(subnet.id)
        if found is None:
            if len(self._rotations) >= ROTATIONS_MAX:
                self._rotations.clear()
            at = self._positions[subnet.id]
            found = self._rotations[subnet.id] = network.subnets[at:] + network.subnets[:at]
        return found

    def position(self, subnet: S) -> int:
        """Its place among the subnets of its shared network; 0 where it has none."""
        return self._positions.get(subnet.id, 0)

    def network_of(self, subnet: S) -> N | None:
        """The shared network a subnet belongs to."""
        return self._networks.get(subnet.id)

    def one_link(self, subnet: S, other: S) -> bool:
        """Whether two subnets are one, or of one shared network: a client of one may be served from the other."""
        network = self._networks.get(subnet.id)
        return other is subnet or (network is not None and network is self._networks.get(other.id))

    def guards(self, subnet: S) -> tuple[tuple[str, ...], ...]:
        """The classes that open a subnet: one of each group."""
        return self._guards[subnet.id]

    def open_to(self, subnet: S, classes: Container[str]) -> bool:
        """Whether a client in these classes may use the subnet: its own guards and its shared network's let it in."""
        guards = self._guards[subnet.id]
        return not guards or all(any(name in classes for name in guard) for guard in guards)

    def by_interface(self, interface: str) -> Sequence[S]:
        """The subnets bound to a server's interface, own or by their shared network."""
        return self._by_interface.get(interface, ())

    def by_relay(self, relay: int) -> Sequence[S]:
        """The subnets that list this relay's address."""
        return self._by_relay.get(relay, ())

    def holding(self, address: int) -> Sequence[S]:
        """The subnets whose prefix holds the address, in the configuration's order."""
        return self._ranges.holding(address)
