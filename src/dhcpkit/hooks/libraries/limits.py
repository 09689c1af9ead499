"""Limits on how many messages are served in a time, and how many leases are given, by class and by subnet.

Kea's `limits`. They stand in the `user-context` of a class or subnet, under `limits`: `rate-limit`, `address-limit`,
`prefix-limit`. A message costs a look-up of each of its classes and of its subnet; a lease besides, as in Kea, the list
of its client's classes in its user context, which is put together once for each combination of classes.

Leases are counted as they are given, and read from the store when a limit is new. What is deleted by other ways than
clients' is found out when a limit is reached: then some of those counted are looked up, every time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import attrs

from dhcpkit.alloc.extended4 import ISC, context_text
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.points import (
    Lease4Decline,
    Lease4Expire,
    Lease4Release,
    Lease4Renew,
    Lease4Select,
    NextStep,
    Pkt4Receive,
    Subnet4Select,
)
from dhcpkit.alloc.points6 import (
    Lease6Decline,
    Lease6Expire,
    Lease6Rebind,
    Lease6Release,
    Lease6Renew,
    Lease6Select,
    Pkt6Receive,
    Subnet6Select,
)
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.hooks.catalogue import Both, Twin
from dhcpkit.hooks.expressions import contexts_of_classes, contexts_of_subnets
from dhcpkit.hooks.libraries.limits_counts import COUNT_MAX, Holders, LimitError, Rate, Rates, rate_of
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Dhcp4SrvConfigured, Dhcp6SrvConfigured

__all__ = ["Limits", "Place"]

_log = Both("limits-hooks")
TRACE: Final = 40  # Kea's debug level of what is out of the ordinary
TRACE_DATA: Final = 55  # and of what happens to every message

LIMITS_CONFIGURED_ADDRESS_LIMIT_BY_CLIENT_CLASS = _log.debug(
    "LIMITS_CONFIGURED_ADDRESS_LIMIT_BY_CLIENT_CLASS", TRACE,
    "New lease limit of {limit} addresses for client class {place} has been configured.",
    "A class has an `address-limit`.",
)  # fmt: skip
LIMITS_CONFIGURED_ADDRESS_LIMIT_BY_SUBNET = _log.debug(
    "LIMITS_CONFIGURED_ADDRESS_LIMIT_BY_SUBNET", TRACE,
    "New lease limit of {limit} addresses for subnet with ID {place} has been configured.",
    "A subnet has an `address-limit`.",
)  # fmt: skip
LIMITS_CONFIGURED_PREFIX_LIMIT_BY_CLIENT_CLASS = _log.debug(
    "LIMITS_CONFIGURED_PREFIX_LIMIT_BY_CLIENT_CLASS", TRACE,
    "New lease limit of {limit} prefixes for client class {place} has been configured.",
    "A class has a `prefix-limit`.",
)  # fmt: skip
LIMITS_CONFIGURED_PREFIX_LIMIT_BY_SUBNET = _log.debug(
    "LIMITS_CONFIGURED_PREFIX_LIMIT_BY_SUBNET", TRACE,
    "New lease limit of {limit} prefixes for subnet with ID {place} has been configured.",
    "A subnet has a `prefix-limit`.",
)  # fmt: skip
LIMITS_CONFIGURED_RATE_LIMIT_BY_CLIENT_CLASS = _log.debug(
    "LIMITS_CONFIGURED_RATE_LIMIT_BY_CLIENT_CLASS", TRACE,
    "New rate limit of {limit} for client class {place} has been configured.",
    "A class has a `rate-limit`.",
)  # fmt: skip
LIMITS_CONFIGURED_RATE_LIMIT_BY_SUBNET = _log.debug(
    "LIMITS_CONFIGURED_RATE_LIMIT_BY_SUBNET", TRACE,
    "New rate limit of {limit} for subnet with ID {place} has been configured.",
    "A subnet has a `rate-limit`.",
)  # fmt: skip
LIMITS_LEASE_LIMIT_EXCEEDED = _log.debug(
    "LIMITS_LEASE_LIMIT_EXCEEDED", TRACE, "Lease was not allocated due to exceeding {limit}.",
    "As many leases as a class or a subnet may have are given.",
)  # fmt: skip
LIMITS_LEASE_WITHIN_LIMITS = _log.debug(
    "LIMITS_LEASE_WITHIN_LIMITS", TRACE, "Lease with address {address} is within limits.",
    "There are limits for the lease, and none is reached.",
)  # fmt: skip
LIMITS_PACKET_WIIH_SUBNET_ID_RATE_NO_SUBNET = _log.debug(
    "LIMITS_PACKET_WIIH_SUBNET_ID_RATE_NO_SUBNET", TRACE_DATA,
    "Packet is not being rate limited due to no subnet specified.",
    "No subnet was selected for the message. (The id is spelt as Kea spells it.)",
)  # fmt: skip
LIMITS_PACKET_WITH_CLIENT_CLASSES_RATE_LIMIT_DROPPED = _log.debug(
    "LIMITS_PACKET_WITH_CLIENT_CLASSES_RATE_LIMIT_DROPPED", TRACE,
    "Packet assigned to client classes {classes} is being dropped for exceeding the rate limit of {limit} for client"
    " class {place}.",
    "As many messages as a class may have served in the time were served.",
)  # fmt: skip
LIMITS_PACKET_WITH_CLIENT_CLASSES_RATE_LIMIT_HONORED = _log.debug(
    "LIMITS_PACKET_WITH_CLIENT_CLASSES_RATE_LIMIT_HONORED", TRACE_DATA,
    "Packet assigned to client classes {classes} is being honored.",
    "There are rate limits for the message's classes, and none is reached.",
)  # fmt: skip
LIMITS_PACKET_WITH_SUBNET_ID_RATE_LIMIT_DROPPED = _log.debug(
    "LIMITS_PACKET_WITH_SUBNET_ID_RATE_LIMIT_DROPPED", TRACE,
    "Packet assigned to subnet with ID {place} is being dropped for exceeding the rate limit of {limit}.",
    "As many messages as a subnet may have served in the time were served.",
)  # fmt: skip
LIMITS_PACKET_WITH_SUBNET_ID_RATE_LIMIT_HONORED = _log.debug(
    "LIMITS_PACKET_WITH_SUBNET_ID_RATE_LIMIT_HONORED", TRACE_DATA,
    "Packet under subnet with ID {place} and limit {limit} is being honored.",
    "There is a rate limit for the message's subnet, and it is not reached.",
)  # fmt: skip

KEY: Final = "limits"  # in a user context
CLASSES: Final = "client-classes"  # in a lease's, under ISC
EXCEEDED: Final = "limit-exceeded"  # the tail of the statistic
CLASS, SUBNET = "client class", "subnet"
RATE, ADDRESSES, PREFIXES = "rate-limit", "address-limit", "prefix-limit"
SAID: Final = {
    CLASS: {
        ADDRESSES: LIMITS_CONFIGURED_ADDRESS_LIMIT_BY_CLIENT_CLASS,
        PREFIXES: LIMITS_CONFIGURED_PREFIX_LIMIT_BY_CLIENT_CLASS,
        RATE: LIMITS_CONFIGURED_RATE_LIMIT_BY_CLIENT_CLASS,
    },
    SUBNET: {
        ADDRESSES: LIMITS_CONFIGURED_ADDRESS_LIMIT_BY_SUBNET,
        PREFIXES: LIMITS_CONFIGURED_PREFIX_LIMIT_BY_SUBNET,
        RATE: LIMITS_CONFIGURED_RATE_LIMIT_BY_SUBNET,
    },
}
IN_USE: Final = LeaseState.DEFAULT.value
TAKEN: Final = frozenset((IN_USE, LeaseState.DECLINED.value))
PREFIX: Final = LeaseType.IA_PD.value
LOOKED_AT: Final = 64  # leases looked up each time a limit is reached: all, where a limit is that small
UNSURE: Final = 5.0  # seconds after which a lease that was given is in the store, or never will be
SPAWNED: Final = "SPAWN_"  # what names of classes begin with that a template puts clients into


class Place(NamedTuple):
    """What a limit is of: leases of a kind, of a class or of a subnet."""

    of: str
    name: str | int
    prefixes: bool

    def __str__(self) -> str:
        kind = "prefix" if self.prefixes else "address"
        named = f'client class "{self.name}"' if self.of == CLASS else f"subnet ID {self.name}"
        return f"{kind} limit for {named}"


@attrs.frozen(eq=False)
class _Told:
    """The limits of a configuration. A limit of a template is of each class that it spawns, and not of itself.

    `templates` are beginnings of such classes' names with the template's.
    """

    class_rates: dict[str, Rate]
    subnet_rates: dict[int, Rate]
    most: dict[Place, int]
    templates: tuple[tuple[str, str], ...]
    said: tuple[tuple[Twin, object, str | int], ...]


class Limits(Library):
    """Messages and leases are limited, by class and by subnet (Kea: `libdhcp_limits.so`)."""

    name = "limits"

    async def load(self) -> None:
        """Gets ready. Limits are read once the configuration that they stand in is known."""
        self.clock: Callable[[], float] = time.monotonic
        self._rates: Rates[str | int] = Rates()
        self._held: Holders[Place] = Holders()
        self._counted: frozenset[Place] = frozenset()
        self._looking: set[asyncio.Task[None]] = set()
        self._told = _Told({}, {}, {}, (), ())

    @on(Dhcp4SrvConfigured)
    @on(Dhcp6SrvConfigured)
    def check(self, point: Dhcp4SrvConfigured | Dhcp6SrvConfigured) -> NextStep | None:
        """Refuses a configuration whose limits make no sense."""
        try:
            self._read(point.server_config, point.network)
        except LimitError as error:
            point.error = str(error)
            return NextStep.DROP
        return None

    async def configured(self) -> None:
        """Reads the limits anew, tells of them, and counts the leases there are where a limit is new."""
        family = self.operated.family
        self._told = self._read(self.operated.doc, self.operated.network)
        self._rates = Rates()
        for message, limit, place in self._told.said:
            message.of(family).log(limit=limit, place=place)
        if self._told.most.keys() != self._counted:
            await self._count()

    async def unload(self) -> None:
        """Lets go of what is being looked up."""
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    def _read(self, doc: Any, network: Any) -> _Told:
        """The limits of a configuration. Raises LimitError."""
        classes = list(_limits(contexts_of_classes(doc)))
        subnets = list(_limits(contexts_of_subnets(doc, network, self.operated.family)))
        said: list[tuple[Twin, object, str | int]] = []
        most: dict[Place, int] = {}
        rates: tuple[dict[Any, Rate], dict[Any, Rate]] = {}, {}
        for of, found, kept in ((CLASS, classes, rates[0]), (SUBNET, subnets, rates[1])):
            for name, limits in found:
                for key, message in SAID[of].items():
                    if key in limits:
                        said.append((message, limits[key], name))
                        if key == RATE:
                            kept[name] = rate_of(limits[key])
                        else:
                            most[Place(of, name, key == PREFIXES)] = limits[key]
        limited = {name for name, _ in classes}
        names = [each.name for each in doc.client_classes if each.template_test and each.name in limited]
        return _Told(*rates, most, tuple((f"{SPAWNED}{name}_", name) for name in names), tuple(said))

    # Rates.

    @on(Pkt4Receive)
    @on(Pkt6Receive)
    def limit_classes(self, point: Pkt4Receive | Pkt6Receive) -> NextStep | None:
        """Drops a message that is one too many of a class."""
        rates = self._told.class_rates
        if not rates:
            return None
        family, now = self.operated.family, self.clock()
        windows = []
        for name in point.classes:
            known = self._defined(name)
            rate = rates.get(known) if known is not None else None
            if rate is None:
                continue
            window = self._rates.window(name, rate)
            if window.is_full(now):
                told = LIMITS_PACKET_WITH_CLIENT_CLASSES_RATE_LIMIT_DROPPED.of(family)
                told.log(classes=", ".join(point.classes), limit=rate.text, place=name)
                point.reason = EXCEEDED
                return NextStep.DROP
            windows.append(window)
        for window in windows:
            window.note(now)
        if windows:
            told = LIMITS_PACKET_WITH_CLIENT_CLASSES_RATE_LIMIT_HONORED.of(family)
            told.log(classes=", ".join(point.classes))
        return None

    @on(Subnet4Select)
    @on(Subnet6Select)
    def limit_subnets(self, point: Subnet4Select | Subnet6Select) -> NextStep | None:
        """Drops a message that is one too many of the subnet that was selected for it."""
        family = self.operated.family
        if point.subnet is None:
            LIMITS_PACKET_WIIH_SUBNET_ID_RATE_NO_SUBNET.of(family).log()
            return None
        rate = self._told.subnet_rates.get(point.subnet.id)
        if rate is None:
            return None
        now = self.clock()
        window = self._rates.window(point.subnet.id, rate)
        if window.is_full(now):
            told = LIMITS_PACKET_WITH_SUBNET_ID_RATE_LIMIT_DROPPED.of(family)
            told.log(place=point.subnet.id, limit=rate.text)
            point.reason = EXCEEDED
            return NextStep.DROP
        window.note(now)
        LIMITS_PACKET_WITH_SUBNET_ID_RATE_LIMIT_HONORED.of(family).log(place=point.subnet.id, limit=rate.text)
        return None

    def _defined(self, name: str) -> str | None:
        """Which class of the configuration one is that a client is in; None for a template itself."""
        for prefix, template in self._told.templates:
            if name == template:
                return None
            if name.startswith(prefix):
                return template
        return name

    # Leases.

    @on(Lease4Select)
    @on(Lease6Select)
    def limit_leases(self, point: Lease4Select | Lease6Select) -> NextStep | None:
        """Refuses a lease that is one too many; else it tells its client's classes."""
        lease: Any = point.lease
        places = self._places(lease, point.classes)
        for place in places:
            if self._is_full(place, lease):
                LIMITS_LEASE_LIMIT_EXCEEDED.of(self.operated.family).log(limit=place)
                return NextStep.SKIP
        if places:
            LIMITS_LEASE_WITHIN_LIMITS.of(self.operated.family).log(address=lease.address)
            if not point.offer:
                self._held.put(lease.address, _client(lease), places, self.clock())
        if not point.offer:
            point.lease = _of_classes(lease, point.classes)
        return None

    @on(Lease4Renew)
    @on(Lease6Renew)
    @on(Lease6Rebind)
    def tell_classes(self, point: Lease4Renew | Lease6Renew | Lease6Rebind) -> None:
        """A lease that is extended tells its client's classes; no limit takes it away."""
        lease: Any = point.lease
        if self._told.most:
            self._held.put(lease.address, _client(lease), self._places(lease, point.classes), self.clock())
        point.lease = _of_classes(lease, point.classes)

    @on(Lease4Release)
    @on(Lease4Expire)
    @on(Lease6Release)
    @on(Lease6Expire)
    def forget(self, point: Lease4Release | Lease4Expire | Lease6Release | Lease6Expire) -> None:
        """A lease is given back, or over."""
        self._held.forget(point.lease.address)

    @on(Lease4Decline)
    @on(Lease6Decline)
    def decline(self, point: Lease4Decline | Lease6Decline) -> None:
        """An address rests: it is no longer its client's, but still one of its subnet."""
        lease: Any = point.lease
        self._held.put(lease.address, b"", self._places(lease, ()), self.clock())

    def _places(self, lease: Any, classes: Iterable[str]) -> list[Place]:
        """Of what the lease counts as one, where that is limited."""
        if not self._told.most:
            return []
        prefixes = getattr(lease, "type", None) == PREFIX
        places = [Place(CLASS, name, prefixes) for name in classes]
        places.append(Place(SUBNET, lease.subnet_id, prefixes))
        return [place for place in places if self._limit(place) is not None]

    def _limit(self, place: Place) -> int | None:
        if place.of == CLASS:
            known = self._defined(str(place.name))
            if known is None:
                return None
            place = place._replace(name=known)
        return self._told.most.get(place)

    def _is_full(self, place: Place, lease: Any) -> bool:
        held, most = self._held, self._limit(place)
        assert most is not None, "only what is limited is full"
        if held.count(place) < most or held.is_counted(place, lease.address):
            return False
        self._look_up(list(held.oldest(place, LOOKED_AT, self.clock() - UNSURE)))
        return held.count(place) >= most

    def _look_up(self, addresses: list[int]) -> None:
        """Forgets those that the store has no leases at any more: at once, or in a moment where the store waits."""
        store: Any = self.operated.store
        if store.local:
            self._compare(addresses, store.view)
        elif addresses and not self._looking:
            task = asyncio.get_running_loop().create_task(self._ask(addresses))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _ask(self, addresses: list[int]) -> None:
        try:
            view = await self.operated.store.load([("address", address) for address in addresses])
        except StoreUnavailable:
            return  # they are counted as they were
        self._compare(addresses, view)

    def _compare(self, addresses: list[int], view: Any) -> None:
        for address in addresses:
            lease = view.by_address(address)
            if lease is None or lease.state not in TAKEN:
                self._held.forget(address)

    async def _count(self) -> None:
        """Counts the leases in the store."""
        self._held = Holders()
        self._counted = frozenset(self._told.most)
        if not self._counted:
            return
        try:
            async for page in self.operated.store.pages():
                for lease in page:
                    if lease.state in TAKEN:
                        classes = _classes_of(lease.user_context) if lease.state == IN_USE else ()
                        self._held.put(lease.address, _client(lease), self._places(lease, classes), 0.0)
                await asyncio.sleep(0)
        except StoreUnavailable:
            return  # they are counted as they are renewed, then


def _limits(contexts: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The limits in user contexts: of what, and which. Raises LimitError where one is none."""
    for name, context in contexts:
        found = context.get(KEY)
        if not isinstance(found, Mapping):
            continue
        for key in (ADDRESSES, PREFIXES):
            limit = found.get(key)
            if limit is not None and (type(limit) is not int or not 0 <= limit <= COUNT_MAX):
                raise LimitError(f"{name}: {key} is out of range, expected [0, {COUNT_MAX}], got limit {limit}")
        rate = found.get(RATE)
        if rate is not None and not isinstance(rate, str):
            raise LimitError(f"{name}: {RATE} is a text, not {rate}")
        yield name, dict(found)


def _client(lease: Any) -> bytes:
    """Whose a lease is."""
    if hasattr(lease, "duid"):
        return bytes(lease.duid) + int(lease.iaid).to_bytes(4, "big")
    return bytes(lease.client_id or lease.hwaddr)


def _of_classes(lease: Any, classes: tuple[str, ...]) -> Any:
    """The lease with its client's classes in its user context; the very lease where they are in it."""
    context = _with_classes(lease.user_context, classes)
    return lease if context == lease.user_context else lease._replace(user_context=context)


@lru_cache(maxsize=1024)  # clients of a kind have the same
def _with_classes(context: str, classes: tuple[str, ...]) -> str:
    known = _read_context(context)
    isc = known.get(ISC)
    inside = isc if isinstance(isc, dict) else {}
    return context_text(known | {ISC: inside | {CLASSES: list(classes)}})


def _classes_of(context: str) -> tuple[str, ...]:
    """The classes that a user context tells of."""
    isc = _read_context(context).get(ISC) if CLASSES in context else None
    found = isc.get(CLASSES) if isinstance(isc, dict) else None
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()


def _read_context(context: str) -> dict[str, Any]:
    try:
        known = json.loads(context) if context else {}
    except ValueError:  # a lease file may hold anything
        return {}
    return known if isinstance(known, dict) else {}
