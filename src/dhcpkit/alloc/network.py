"""The resolved network: all that the engine sees of a configuration. Immutable; built by hand or by `config.compile`.

Inheritance is already resolved here: a subnet holds its own values. Addresses are integers inside and text or
`ipaddress` objects at the edges. This module does not know files, JSON or Kea's spelling of keys.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from dhcpkit.alloc.classes import Classifier
from dhcpkit.alloc.guards import NO_PROTECTION, Protection
from dhcpkit.alloc.host import NO_HOSTS, Host, Hosts
from dhcpkit.alloc.links import Links, range_of
from dhcpkit.alloc.naming import NO_UPDATES, Naming
from dhcpkit.alloc.options import NO_OPTIONS, OptionValue, OptionValues
from dhcpkit.alloc.pick import Allocator, Iterative, allocator4
from dhcpkit.alloc.trace import Place
from dhcpkit.alloc.view import Sweep
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4

if TYPE_CHECKING:
    from dhcpkit.alloc.terms import Boolean, Text

__all__ = [
    "REMEMBERED_MAX",
    "ClientClass",
    "Level",
    "Lifetimes",
    "Network",
    "Pool4",
    "SharedNetwork4",
    "Subnet4",
    "parse_range",
]

T = TypeVar("T")


def parse_range(text: str) -> tuple[int, int]:
    """`192.0.2.10 - 192.0.2.99` or `192.0.2.64/26` to first and last address. ValueError says what is wrong."""
    return range_of(text, IPv4Network)


@attrs.frozen(eq=False)
class Lifetimes:
    """How long a lease is valid, in seconds: what a client gets by default, and the bounds of what it may ask for."""

    default: int = 7200
    minimum: int = 7200
    maximum: int = 7200

    @classmethod
    def fixed(cls, seconds: int) -> Lifetimes:
        """The same for every client, whatever it asks for."""
        return cls(seconds, seconds, seconds)

    def granted(self, asked: int | None) -> int:
        """The lifetime for a client that asked for so much; None or 0 is the default (Kea)."""
        return min(max(asked, self.minimum), self.maximum) if asked else self.default


@attrs.frozen(eq=False, init=False)
class Pool4:
    """A range of addresses for clients at large. `Pool4("192.0.2.10 - 192.0.2.99")`.

    `naming` is what holds for names of clients here, None where the subnet's does.
    """

    first: int
    last: int
    pool_id: int = 0
    client_classes: tuple[str, ...] = ()
    options: OptionValues = NO_OPTIONS
    where: Place | None = None
    additional_classes: tuple[str, ...] = ()
    naming: Naming | None = None
    sweep: Sweep = attrs.field(init=False, repr=False)

    def __init__(  # noqa: PLR0913  # one argument for each of Kea's keys
        self,
        pool: str,
        *,
        pool_id: int = 0,
        client_classes: Sequence[str] = (),
        additional_classes: Sequence[str] = (),
        options: OptionValues = NO_OPTIONS,
        naming: Naming | None = None,
        where: Place | None = None,
    ) -> None:
        first, last = parse_range(pool)
        self.__attrs_init__(
            first, last, pool_id, tuple(client_classes), options, where, tuple(additional_classes), naming
        )
        object.__setattr__(self, "sweep", Sweep(first, last))

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{IPv4Address(self.first)}-{IPv4Address(self.last)}"


@attrs.frozen(eq=False)
class Level:
    """One level that options are taken from, with the name an explanation gives it (`subnet 192.0.2.0/24`)."""

    name: str
    options: OptionValues


def _pools(pools: Iterable[Pool4]) -> tuple[Pool4, ...]:
    return tuple(pools)


@attrs.frozen(eq=False)
class Subnet4:
    """A subnet with everything that holds in it, inheritance resolved. `Subnet4("192.0.2.0/24", pools=[...])`.

    Keys are Kea's. `outer_levels` is the shared network's options, if it is in one; global options are the Network's
    own, because classes come between the two. `levels` is the subnet's and those.
    """

    prefix: IPv4Network = attrs.field(converter=IPv4Network)
    id: int = attrs.field(default=1, kw_only=True)
    pools: tuple[Pool4, ...] = attrs.field(default=(), converter=_pools, kw_only=True)
    lifetimes: Lifetimes = attrs.field(factory=Lifetimes, kw_only=True)
    renew_timer: int | None = attrs.field(default=None, kw_only=True)
    rebind_timer: int | None = attrs.field(default=None, kw_only=True)
    calculate_tee_times: bool = attrs.field(default=False, kw_only=True)
    t1_percent: float = attrs.field(default=0.5, kw_only=True)
    t2_percent: float = attrs.field(default=0.875, kw_only=True)
    options: OptionValues = attrs.field(default=NO_OPTIONS, kw_only=True)
    outer_levels: tuple[Level, ...] = attrs.field(default=(), kw_only=True)
    interface: str = attrs.field(default="", kw_only=True)
    relays: frozenset[int] = attrs.field(default=frozenset(), kw_only=True)
    client_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    authoritative: bool = attrs.field(default=False, kw_only=True)
    match_client_id: bool = attrs.field(default=True, kw_only=True)
    reservations_global: bool = attrs.field(default=False, kw_only=True)
    reservations_in_subnet: bool = attrs.field(default=True, kw_only=True)
    reservations_out_of_pool: bool = attrs.field(default=False, kw_only=True)
    next_server: int = attrs.field(default=0, kw_only=True)
    server_hostname: str = attrs.field(default="", kw_only=True)
    boot_file_name: str = attrs.field(default="", kw_only=True)
    cache_threshold: float = attrs.field(default=0.25, kw_only=True)
    cache_max_age: int | None = attrs.field(default=None, kw_only=True)
    store_extended_info: bool = attrs.field(default=False, kw_only=True)
    naming: Naming = attrs.field(default=NO_UPDATES, kw_only=True)
    additional_classes: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    offer_lifetime: int | None = attrs.field(default=None, kw_only=True)
    adaptive_lease_time_threshold: float | None = attrs.field(default=None, kw_only=True)
    allocator: Allocator = attrs.field(factory=Iterative, converter=allocator4, kw_only=True)
    shared_network: str = attrs.field(default="", kw_only=True)
    where: Place | None = attrs.field(default=None, kw_only=True)
    first: int = attrs.field(init=False)
    last: int = attrs.field(init=False)
    _pool_starts: tuple[int, ...] = attrs.field(init=False, repr=False)
    _pools_in_order: tuple[Pool4, ...] = attrs.field(init=False, repr=False)
    levels: tuple[Level, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        put = object.__setattr__
        put(self, "first", int(self.prefix.network_address))
        put(self, "last", int(self.prefix.broadcast_address))
        put(self, "levels", (Level(f"subnet {self.prefix}", self.options), *self.outer_levels))
        ordered = sorted(self.pools, key=lambda pool: pool.first)
        put(self, "_pools_in_order", tuple(ordered))
        put(self, "_pool_starts", tuple(pool.first for pool in ordered))
        for pool in self.pools:
            if pool.first < self.first or pool.last > self.last:
                raise ValueError(f"pool {pool} is not inside subnet {self.prefix}")

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last

    def pool_at(self, address: int) -> Pool4 | None:
        """The pool that holds the address, whoever may use it."""
        index = bisect_right(self._pool_starts, address) - 1
        if index < 0:
            return None
        pool = self._pools_in_order[index]
        return pool if address <= pool.last else None

    def with_option(self, option: Option[T], value: T, *, always_send: bool = False) -> Subnet4:
        """A copy that offers one option more. Text is the value of an option that holds text, else its text form."""
        try:
            added = OptionValue.of(option, value, always_send=always_send)
        except ValueError:
            if not isinstance(value, str):
                raise
            added = OptionValue.of(option, option.kind.parse_text(value), always_send=always_send)
        return attrs.evolve(self, options=OptionValues([*self.options, added]))


def _subnets(subnets: Iterable[Subnet4]) -> tuple[Subnet4, ...]:
    return tuple(subnets)


@attrs.frozen(eq=False)
class SharedNetwork4:
    """Subnets on one link: a client of one may be served from another (Kea's shared network)."""

    name: str
    subnets: tuple[Subnet4, ...] = attrs.field(converter=_subnets)
    interface: str = ""
    relays: frozenset[int] = frozenset()
    client_classes: tuple[str, ...] = ()
    where: Place | None = None
    additional_classes: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class ClientClass:
    """A client class: what its members get. A class without test has those members whom a reservation puts in it.

    `template` makes a class for each value of a string besides (Kea: `template-test`). `preferred` is DHCPv6's. One
    that is `only_additional` is not tried before somebody asks for it (Kea: `only-in-additional-list`). `space` has the
    options that the class defines for its members, None where there are none.
    """

    name: str
    options: OptionValues = NO_OPTIONS
    lifetimes: Lifetimes | None = None
    next_server: int = 0
    server_hostname: str = ""
    boot_file_name: str = ""
    where: Place | None = None
    test: Boolean | None = None
    template: Text | None = None
    only_additional: bool = False
    preferred: Lifetimes | None = None
    offer_lifetime: int | None = None
    space: Space | None = None


REMEMBERED_MAX: Final = 1500  # octets of a message that memos may hold parts of: with longer ones they would be huge
IDENTIFIERS4: Final = ("hw-address", "duid", "circuit-id", "client-id")  # Kea's default order of search
V6_ONLY_PREFERRED: Final = 108
DEFERRED: Final = frozenset((43, *range(224, 255)))  # what a class may define: vendor options and private ones (Kea)
SMALLEST_WITH_ENDS: Final = 24  # length of the longest prefix that `exclude-first-last-24` is about


class Network:
    """Everything the engine looks at, with its look-up tables. Frozen; reconfiguration makes a new one.

    `Network([Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.99")])])` is a whole network. With
    `keep_released` a released lease is kept for its client until it is reclaimed (Kea: unless
    `flush-reclaimed-timer-wait-time` or `hold-reclaimed-time` is 0). `blocks`, `selected` and `recent` are memos, and
    nothing else ever changes.
    """

    def __init__(  # noqa: PLR0913  # one argument for each of Kea's global keys
        self,
        subnets: Iterable[Subnet4] = (),
        *,
        shared_networks: Iterable[SharedNetwork4] = (),
        hosts: Iterable[Host] | Hosts = NO_HOSTS,
        classes: Iterable[ClientClass] = (),
        options: OptionValues = NO_OPTIONS,
        naming: Naming = NO_UPDATES,
        echo_client_id: bool = True,
        authoritative: bool = False,
        decline_probation_period: int = 86400,
        host_identifiers: Sequence[str] = IDENTIFIERS4,
        ignore_rai_link_selection: bool = False,
        ignore_dhcp_server_identifier: bool = False,
        server_identifiers: Iterable[int] = (),
        early_global_reservations_lookup: bool = False,
        exclude_first_last_24: bool = False,
        stash_agent_options: bool = False,
        lenient_option_parsing: bool = False,
        keep_released: bool = False,
        space: Space = DHCP4,
        protection: Protection = NO_PROTECTION,
    ) -> None:
        self.shared_networks = tuple(shared_networks)
        alone = tuple(subnets)
        self.subnets: tuple[Subnet4, ...] = alone + tuple(
            s for network in self.shared_networks for s in network.subnets
        )
        self.hosts = hosts if isinstance(hosts, Hosts) else Hosts(hosts)
        self.classifier = Classifier(classes, space, DEFERRED)
        self.classes: Mapping[str, ClientClass] = self.classifier.by_name
        self.options = options
        self.naming = naming
        self.echo_client_id = echo_client_id
        self.authoritative = authoritative
        self.decline_probation_period = decline_probation_period
        self.host_identifiers = tuple(host_identifiers)
        self.ignore_rai_link_selection = ignore_rai_link_selection
        self.ignore_dhcp_server_identifier = ignore_dhcp_server_identifier
        self.server_identifiers = frozenset(server_identifiers)
        self.early_global_reservations_lookup = early_global_reservations_lookup
        self.exclude_first_last_24 = exclude_first_last_24
        self.stash_agent_options = stash_agent_options
        self.lenient = space if lenient_option_parsing else None  # by which malformed options are mended
        self.keep_released = keep_released
        self.protection = protection
        self.blocks: dict[tuple[object, ...], Any] = {}  # of `answer`
        self.selected: dict[object, Subnet4 | None] = {}  # of `select`
        self.recent: dict[object, Subnet4] = {}  # of `assign4`: the subnet of a shared network that gave something last
        self.guarded = any(s.client_classes for s in self.subnets) or any(
            n.client_classes for n in self.shared_networks
        )
        self.plain: frozenset[int] = frozenset()  # ids of the subnets that `quick4` serves
        self._index()

    def _index(self) -> None:
        self._links = Links(self.subnets, self.shared_networks)
        self.by_id: Mapping[int, Subnet4] = self._links.by_id
        values = [self.options, *(each.options for each in self.classes.values())]
        values += [level.options for subnet in self.subnets for level in subnet.levels]
        values += [pool.options for subnet in self.subnets for pool in subnet.pools]
        self.vendors = any(each.vendors for each in values)  # whether anything is configured for an enterprise
        guarded = any(value.client_classes for each in values for value in each)
        self.selective = self.guarded or guarded  # whether something is for the clients of a class only
        self.plain = frozenset(subnet.id for subnet in self.subnets if self._is_plain(subnet))

    def _is_plain(self, subnet: Subnet4) -> bool:
        """Whether nothing about a subnet depends on who the client is, classes and reservations in the subnet aside."""
        return (
            not (self.lenient and self.classes)  # tests may look at what has to be mended first
            and not subnet.client_classes
            and not subnet.additional_classes
            and not self.stash_agent_options
            and not self.early_global_reservations_lookup
            and self._links.network_of(subnet) is None
            and not subnet.reservations_global
            and subnet.match_client_id
            and not subnet.store_extended_info
            and type(subnet.allocator) is Iterative
            and not (self.exclude_first_last_24 and subnet.prefix.prefixlen <= SMALLEST_WITH_ENDS)
            and not subnet.offer_lifetime
            and subnet.naming.answers_only
            and V6_ONLY_PREFERRED not in subnet.options
            and not any(pool.client_classes or pool.naming is not None for pool in subnet.pools)
            and not any(pool.additional_classes for pool in subnet.pools)
        )

    def siblings(self, subnet: Subnet4) -> tuple[Subnet4, ...]:
        """The subnets of its shared network from this one on and then around (Kea's order of trying them)."""
        return self._links.siblings(subnet)

    def open_to(self, subnet: Subnet4, classes: Container[str]) -> bool:
        """Whether a client in these classes may use the subnet: its own guards and its shared network's let it in."""
        return self._links.open_to(subnet, classes)

    def shared_network(self, subnet: Subnet4) -> SharedNetwork4 | None:
        """The shared network a subnet belongs to."""
        return self._links.network_of(subnet)

    def by_interface(self, interface: str) -> Sequence[Subnet4]:
        """The subnets bound to a server's interface, own or by their shared network."""
        return self._links.by_interface(interface)

    def by_relay(self, relay: int) -> Sequence[Subnet4]:
        """The subnets that list this relay's address."""
        return self._links.by_relay(relay)

    def holding(self, address: int) -> Sequence[Subnet4]:
        """The subnets whose prefix holds the address, in the configuration's order."""
        return self._links.holding(address)

    def with_allocator(self, allocator: Allocator) -> Network:
        """A copy in which every subnet uses another allocator."""
        shared = {s.id for network in self.shared_networks for s in network.subnets}
        changed = Network.__new__(Network)
        changed.__dict__.update(self.__dict__)
        changed.blocks, changed.selected, changed.recent = {}, {}, {}
        changed.shared_networks = tuple(
            attrs.evolve(n, subnets=tuple(attrs.evolve(s, allocator=allocator) for s in n.subnets))
            for n in self.shared_networks
        )
        alone = [attrs.evolve(s, allocator=allocator) for s in self.subnets if s.id not in shared]
        changed.subnets = (*alone, *(s for network in changed.shared_networks for s in network.subnets))
        changed._index()  # noqa: SLF001  # it is one of us
        return changed
