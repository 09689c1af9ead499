"""The resolved DHCPv6 network: all that the engine sees of a configuration, as `network` is for DHCPv4.

Inheritance is already resolved here. Addresses are integers inside and text or `ipaddress` objects at the edges. This
module does not know files, JSON or Kea's spelling of keys.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Any, Final

import attrs

from dhcpkit.alloc.classes import Classifier
from dhcpkit.alloc.guards import NO_PROTECTION, Protection
from dhcpkit.alloc.host6 import NO_HOSTS6, Host6, Hosts6
from dhcpkit.alloc.links import Links, Ranges, range_of
from dhcpkit.alloc.naming import KEA_NAMING, Naming
from dhcpkit.alloc.network import ClientClass, Level, Lifetimes
from dhcpkit.alloc.options import NO_OPTIONS, OptionValues
from dhcpkit.alloc.pick6 import Allocator6, Iterative6, Match, Queue6, allocator6
from dhcpkit.alloc.trace import Place
from dhcpkit.alloc.view6 import Sweep6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.options import Space
from dhcpkit.wire.options6 import DHCP6

__all__ = ["IDENTIFIERS6", "MAC_SOURCES", "Network6", "PdPool", "Pool6", "SharedNetwork6", "Subnet6", "parse_range6"]

IDENTIFIERS6: Final = ("hw-address", "duid")  # Kea's default order of search
MAC_SOURCES: Final = ("any",)
ADDRESS_BITS: Final = 128


def parse_range6(text: str) -> tuple[int, int]:
    """`2001:db8::10 - 2001:db8::99` or `2001:db8::/64` to first and last address. ValueError says what is wrong."""
    return range_of(text, IPv6Network)


@attrs.frozen(eq=False)
class Pool6:
    """A range of addresses for clients at large: `Pool6.of("2001:db8::10 - 2001:db8::99")`."""

    first: int
    last: int
    pool_id: int = attrs.field(default=0, kw_only=True)
    client_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    additional_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    options: OptionValues = attrs.field(default=NO_OPTIONS, kw_only=True)
    naming: Naming | None = attrs.field(default=None, kw_only=True)
    where: Place | None = attrs.field(default=None, kw_only=True)
    sweep: Sweep6 = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "sweep", Sweep6(self.first, self.last))

    @classmethod
    def of(cls, pool: str, **keys: Any) -> Pool6:
        """From Kea's text form. ValueError where it is none."""
        return cls(*parse_range6(pool), **keys)

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{IPv6Address(self.first)}-{IPv6Address(self.last)}"


@attrs.frozen(eq=False)
class PdPool:
    """A prefix whose parts of one length are delegated to clients. `excluded_len` 0: nothing is excluded (RFC 6603).

    `last` is the first address of the last part, `end` the last address of all. ValueError where the delegated prefixes
    are shorter than the pool's.
    """

    prefix: IPv6Network = attrs.field(converter=IPv6Network)
    delegated_len: int
    excluded: int = attrs.field(default=0, kw_only=True)
    excluded_len: int = attrs.field(default=0, kw_only=True)
    pool_id: int = attrs.field(default=0, kw_only=True)
    client_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    additional_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    options: OptionValues = attrs.field(default=NO_OPTIONS, kw_only=True)
    where: Place | None = attrs.field(default=None, kw_only=True)
    first: int = attrs.field(init=False)
    last: int = attrs.field(init=False)
    end: int = attrs.field(init=False)
    sweep: Sweep6 = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.prefix.prefixlen <= self.delegated_len <= ADDRESS_BITS:
            raise ValueError(f"prefixes of length {self.delegated_len} do not fit into {self.prefix}")
        put = object.__setattr__
        shift = ADDRESS_BITS - self.delegated_len
        first = int(self.prefix.network_address)
        put(self, "first", first)
        put(self, "end", int(self.prefix.broadcast_address))
        put(self, "last", self.end >> shift << shift)
        put(self, "sweep", Sweep6(first, self.last, shift, prefixes=True))

    def __contains__(self, address: object) -> bool:
        return address in self.sweep

    def part_of(self, address: int) -> int:
        """The part that holds an address of the pool."""
        shift = ADDRESS_BITS - self.delegated_len
        return address >> shift << shift

    @property
    def size(self) -> int:
        """How many prefixes there are."""
        return self.sweep.size

    def __str__(self) -> str:
        return f"{self.prefix} in parts of /{self.delegated_len}"


@attrs.frozen(eq=False)
class Subnet6:
    """A subnet with everything that holds in it, inheritance resolved: `Subnet6("2001:db8::/64", pools=[...])`.

    Keys are Kea's. `preferred` None is "not set": five eighths of the valid lifetime then (Kea 3). `outer_levels` is
    the shared network's options, if it is in one; global options are the Network's own, because classes come between
    the two. `levels` is the subnet's and those.
    """

    prefix: IPv6Network = attrs.field(converter=IPv6Network)
    id: int = attrs.field(default=1, kw_only=True)
    pools: tuple[Pool6, ...] = attrs.field(default=(), converter=tuple[Pool6, ...], kw_only=True)
    pd_pools: tuple[PdPool, ...] = attrs.field(default=(), converter=tuple[PdPool, ...], kw_only=True)
    valid: Lifetimes = attrs.field(factory=Lifetimes, kw_only=True)
    preferred: Lifetimes | None = attrs.field(default=None, kw_only=True)
    renew_timer: int | None = attrs.field(default=None, kw_only=True)
    rebind_timer: int | None = attrs.field(default=None, kw_only=True)
    calculate_tee_times: bool = attrs.field(default=True, kw_only=True)
    t1_percent: float = attrs.field(default=0.5, kw_only=True)
    t2_percent: float = attrs.field(default=0.8, kw_only=True)
    options: OptionValues = attrs.field(default=NO_OPTIONS, kw_only=True)
    outer_levels: tuple[Level, ...] = attrs.field(default=(), kw_only=True)
    interface: str = attrs.field(default="", kw_only=True)
    interface_id: bytes = attrs.field(default=b"", kw_only=True)
    relays: frozenset[int] = attrs.field(default=frozenset(), kw_only=True)
    rapid_commit: bool = attrs.field(default=False, kw_only=True)
    client_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    additional_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    reservations_global: bool = attrs.field(default=False, kw_only=True)
    reservations_in_subnet: bool = attrs.field(default=True, kw_only=True)
    reservations_out_of_pool: bool = attrs.field(default=False, kw_only=True)
    cache_threshold: float = attrs.field(default=0.25, kw_only=True)
    cache_max_age: int | None = attrs.field(default=None, kw_only=True)
    store_extended_info: bool = attrs.field(default=False, kw_only=True)
    allocator: Allocator6 = attrs.field(factory=Iterative6, converter=allocator6, kw_only=True)
    pd_allocator: Allocator6 = attrs.field(factory=Iterative6, converter=allocator6, kw_only=True)
    adaptive_lease_time_threshold: float | None = attrs.field(default=None, kw_only=True)
    naming: Naming = attrs.field(default=KEA_NAMING, kw_only=True)
    shared_network: str = attrs.field(default="", kw_only=True)
    where: Place | None = attrs.field(default=None, kw_only=True)
    first: int = attrs.field(init=False)
    last: int = attrs.field(init=False)
    levels: tuple[Level, ...] = attrs.field(init=False)
    _starts: tuple[int, ...] = attrs.field(init=False, repr=False)
    _ordered: tuple[Pool6, ...] = attrs.field(init=False, repr=False)
    _pd_starts: tuple[int, ...] = attrs.field(init=False, repr=False)
    _pd_ordered: tuple[PdPool, ...] = attrs.field(init=False, repr=False)
    _matching: dict[tuple[Match, int], tuple[PdPool, ...]] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        put = object.__setattr__
        put(self, "first", int(self.prefix.network_address))
        put(self, "last", int(self.prefix.broadcast_address))
        put(self, "levels", (Level(f"subnet {self.prefix}", self.options), *self.outer_levels))
        ordered = sorted(self.pools, key=lambda pool: pool.first)
        put(self, "_ordered", tuple(ordered))
        put(self, "_starts", tuple(pool.first for pool in ordered))
        pd_ordered = sorted(self.pd_pools, key=lambda pool: pool.first)
        put(self, "_pd_ordered", tuple(pd_ordered))
        put(self, "_pd_starts", tuple(pool.first for pool in pd_ordered))
        put(self, "_matching", {})
        for pool in self.pools:
            if pool.first < self.first or pool.last > self.last:
                raise ValueError(f"pool {pool} is not inside subnet {self.prefix}")

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last

    def pool_at(self, address: int) -> Pool6 | None:
        """The pool of addresses that holds the address, whoever may use it."""
        index = bisect_right(self._starts, address) - 1
        return self._ordered[index] if index >= 0 and address <= self._ordered[index].last else None

    def pd_pool_at(self, address: int) -> PdPool | None:
        """The pool of prefixes whose range holds the address, whoever may use it."""
        index = bisect_right(self._pd_starts, address) - 1
        return self._pd_ordered[index] if index >= 0 and address <= self._pd_ordered[index].end else None

    def pd_pools_for(self, match: Match, length: int) -> Sequence[PdPool]:
        """The pools whose prefixes compare so with a length: the closest to it first (RFC 8168 3.2)."""
        key = (match, length)
        found = self._matching.get(key)
        if found is None:
            pools = [pool for pool in self.pd_pools if match.takes(pool.delegated_len, length)]
            if match in (Match.SHORTER, Match.LONGER):
                pools.sort(key=lambda pool: abs(pool.delegated_len - length))
            found = self._matching[key] = tuple(pools)
        return found


@attrs.frozen(eq=False)
class SharedNetwork6:
    """Subnets on one link: a client of one may be served from another (Kea's shared network)."""

    name: str
    subnets: tuple[Subnet6, ...] = attrs.field(converter=tuple[Subnet6, ...])
    interface: str = ""
    interface_id: bytes = b""
    relays: frozenset[int] = frozenset()
    client_classes: tuple[str, ...] = ()
    additional_classes: tuple[str, ...] = ()
    where: Place | None = None


class Network6:
    """Everything the engine looks at, with its look-up tables. Frozen; reconfiguration makes a new one.

    `server_id` is the server's own DUID; messages that name another one are not for it. `keep_released`: a released
    lease stays its client's until it is reclaimed (Kea does so where both `flush-reclaimed-timer-wait-time` and
    `hold-reclaimed-time` are set). `blocks`, `selected`, `times`, `recent` and `recent_pool` are memos,
    and nothing else ever changes.
    """

    def __init__(  # noqa: PLR0913  # one argument for each of Kea's global keys
        self,
        subnets: Iterable[Subnet6] = (),
        *,
        server_id: Duid,
        shared_networks: Iterable[SharedNetwork6] = (),
        hosts: Iterable[Host6] | Hosts6 = NO_HOSTS6,
        classes: Iterable[ClientClass] = (),
        space: Space = DHCP6,
        options: OptionValues = NO_OPTIONS,
        naming: Naming = KEA_NAMING,
        decline_probation_period: int = 86400,
        host_identifiers: Sequence[str] = IDENTIFIERS6,
        mac_sources: Sequence[str] = MAC_SOURCES,
        relay_supplied_options: Iterable[int] = (65,),
        early_global_reservations_lookup: bool = False,
        allow_address_registration: bool = True,
        lenient_option_parsing: bool = False,
        keep_released: bool = True,
        protection: Protection = NO_PROTECTION,
    ) -> None:
        self.shared_networks = tuple(shared_networks)
        self.subnets: tuple[Subnet6, ...] = (
            *subnets,
            *(subnet for network in self.shared_networks for subnet in network.subnets),
        )
        self.server_id = server_id
        self.hosts = hosts if isinstance(hosts, Hosts6) else Hosts6(hosts)
        self.classes = Classifier(classes, space)
        self.options = options
        self.naming = naming
        self.decline_probation_period = decline_probation_period
        self.host_identifiers = tuple(host_identifiers)
        self.mac_sources = tuple(mac_sources)
        self.relay_supplied_options = frozenset(relay_supplied_options)
        self.early_global_reservations_lookup = early_global_reservations_lookup
        self.allow_address_registration = allow_address_registration
        self.lenient = space if lenient_option_parsing else None  # by which malformed options are mended
        self.keep_released = keep_released
        self.protection = protection
        self.blocks: dict[tuple[object, ...], Any] = {}  # of `answer6`: options that answers have in common
        self.selected: dict[int, Subnet6 | None] = {}  # of `quick6`: by the address of a relay
        self.times: dict[tuple[object, ...], tuple[int, int, int, int]] = {}  # of `quick6`
        self.recent: dict[tuple[object, ...], int] = {}  # of `assign6`: the subnet that gave something last
        self.recent_pool: dict[tuple[object, ...], int] = {}  # of `assign6`: and its pool
        self._links = Links(self.subnets, self.shared_networks)
        self.by_id: Mapping[int, Subnet6] = self._links.by_id
        self._by_interface_id: dict[bytes, list[Subnet6]] = {}
        for subnet in self.subnets:
            around = self._links.network_of(subnet)
            interface_id = subnet.interface_id or (around.interface_id if around is not None else b"")
            if interface_id:
                self._by_interface_id.setdefault(interface_id, []).append(subnet)
        self._delegated = Ranges(
            (pool.first, pool.end, (subnet, pool)) for subnet in self.subnets for pool in subnet.pd_pools
        )
        self._cut_twice = _cut_twice(self.subnets)
        self.guarded = any(self._links.guards(subnet) for subnet in self.subnets)
        self.plain = frozenset(subnet.id for subnet in self.subnets if self._is_plain(subnet))
        """The numbers of the subnets that `quick6` serves."""

    def _is_plain(self, subnet: Subnet6) -> bool:
        """Whether nothing about a subnet depends on who the client is, classes and reservations aside."""
        return (
            not (self.lenient and self.classes)  # tests may look at what has to be mended first
            and not self.early_global_reservations_lookup
            and self._links.network_of(subnet) is None
            and not subnet.client_classes
            and not subnet.additional_classes
            and not subnet.store_extended_info
            and subnet.adaptive_lease_time_threshold is None
            and type(subnet.allocator) is Iterative6
            and type(subnet.pd_allocator) in (Iterative6, Queue6)
            and not (subnet.naming.send_updates and subnet.naming.makes_missing)
            and not any(pool.naming is not None for pool in subnet.pools)
            and not any(pool.client_classes or pool.additional_classes for pool in subnet.pools)
            and not any(pool.client_classes or pool.additional_classes for pool in subnet.pd_pools)
            and not any(pool.excluded_len for pool in subnet.pd_pools)
            and subnet.id not in self._cut_twice
        )

    def siblings(self, subnet: Subnet6) -> tuple[Subnet6, ...]:
        """The subnets of its shared network from this one on and then around (Kea's order of trying them)."""
        return self._links.siblings(subnet)

    def position(self, subnet: Subnet6) -> int:
        """Its place among the subnets of its shared network; 0 where it has none."""
        return self._links.position(subnet)

    def one_link(self, subnet: Subnet6, other: Subnet6) -> bool:
        """Whether two subnets are one, or of one shared network: a client of one may be served from the other."""
        return self._links.one_link(subnet, other)

    def guards(self, subnet: Subnet6) -> tuple[tuple[str, ...], ...]:
        """The classes that open a subnet: one of each group."""
        return self._links.guards(subnet)

    def open_to(self, subnet: Subnet6, classes: Container[str]) -> bool:
        """Whether a client in these classes may use the subnet: its own guards and its shared network's let it in."""
        return self._links.open_to(subnet, classes)

    def shared_network(self, subnet: Subnet6) -> SharedNetwork6 | None:
        """The shared network a subnet belongs to."""
        return self._links.network_of(subnet)

    def by_interface(self, interface: str) -> Sequence[Subnet6]:
        """The subnets bound to a server's interface, own or by their shared network."""
        return self._links.by_interface(interface)

    def by_interface_id(self, interface_id: bytes) -> Sequence[Subnet6]:
        """The subnets whose relays name their interface so (option 18)."""
        return self._by_interface_id.get(interface_id, ())

    def by_relay(self, relay: int) -> Sequence[Subnet6]:
        """The subnets that list this relay's address."""
        return self._links.by_relay(relay)

    def holding(self, address: int) -> Sequence[Subnet6]:
        """The subnets whose prefix holds the address, in the configuration's order."""
        return self._links.holding(address)

    def delegating(self, address: int) -> Sequence[tuple[Subnet6, PdPool]]:
        """The pools of prefixes whose range holds the address, each with its subnet."""
        return self._delegated.holding(address)


def _cut_twice(subnets: Iterable[Subnet6]) -> frozenset[int]:
    """The numbers of the subnets whose prefixes are cut into other lengths by another pool as well."""
    found: set[int] = set()
    together: list[tuple[int, int]] = []  # pools that overlap one another: the subnet, and the length of prefixes
    end = -1
    pools = sorted(
        (pool.first, pool.end, subnet.id, pool.delegated_len) for subnet in subnets for pool in subnet.pd_pools
    )
    for first, last, subnet_id, length in [*pools, (1 << ADDRESS_BITS, 0, 0, 0)]:
        if first > end:
            if len({each for _, each in together}) > 1:
                found.update(each for each, _ in together)
            together = []
        together.append((subnet_id, length))
        end = max(end, last)
    return frozenset(found)
