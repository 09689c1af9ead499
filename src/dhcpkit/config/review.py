"""A review of a configuration that can be used: what its author may not have meant. `dhcpkit check --review` runs it.

Each checker is a function with a docstring for the operator; it looks at documents and the compiled network and reports
where. None of what is found hinders a server. This module does not know files.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.network import Network, SharedNetwork4
from dhcpkit.alloc.network6 import Network6, SharedNetwork6
from dhcpkit.alloc.terms import members_of
from dhcpkit.config import codes
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc
from dhcpkit.config.errors import Problem
from dhcpkit.config.json_text import Steps
from dhcpkit.config.load import Loaded4, Loaded6
from dhcpkit.config.report import Report

__all__ = ["CHECKERS", "Checker", "Subject", "review"]

Loaded = Loaded4 | Loaded6
Finding = tuple[Steps, str, str]  # where, what, and what may help
Check = Callable[["Subject"], Iterator[Finding]]
DECLINE_DAY: Final = 86400  # seconds; Kea's default of decline-probation-period
MEANT: Final = frozenset(("DROP", "REJECT", "SKIP_DDNS"))  # classes that mean something by their name
AGENT_PORT: Final = 8000  # of the control agent, where the configuration does not say another
RESERVED_SHARE: Final = 1.0  # of a pool: from here on nothing is left for others


@attrs.frozen(eq=False)
class Subject:
    """What a checker looks at. `subnets` are documents with their places, those of shared networks first.

    `compiled` has the subnets by these places, `hosts` the reservations by the numbers of subnets.
    """

    doc: Dhcp4Doc | Dhcp6Doc
    network: Network | Network6
    root: str
    subnets: Sequence[tuple[Any, Steps]]
    compiled: Mapping[Steps, Any]
    hosts: Mapping[int, Sequence[Host | Host6]]

    @property
    def libraries(self) -> str:
        """The names of the hook libraries, one behind the other."""
        return " ".join(library.library or "" for library in self.doc.hooks_libraries)

    @property
    def relationships(self) -> Iterator[tuple[dict[str, Any], Steps]]:
        """What the library for high availability is told, with the place of the library."""
        for number, library in enumerate(self.doc.hooks_libraries):
            found = library.parameters.get("high-availability", ())
            if "libdhcp_ha" in (library.library or "") and isinstance(found, list):
                steps = (self.root, "hooks-libraries", number)
                yield from ((each, steps) for each in found if isinstance(each, dict))


@attrs.frozen
class Checker:
    """One thing that is looked for. `name` switches it off; `what` is for the operator."""

    name: str
    what: str
    check: Check


CHECKERS: Final[dict[str, Checker]] = {}


def _checker(check: Check) -> Check:
    name = check.__name__.strip("_").replace("_", "-")
    CHECKERS[name] = Checker(name, inspect.getdoc(check) or "", check)
    return check


def review(loaded: Loaded, without: Sequence[str] = ()) -> tuple[Problem, ...]:
    """Everything the checkers find, but those named in `without`, in the order of the text."""
    report = Report(loaded.source)
    subject = _subject(loaded)
    for checker in CHECKERS.values():
        if checker.name not in without:
            for steps, message, hint in checker.check(subject):
                report.add(codes.REVIEW, steps, f"{message} [{checker.name}]", hint=hint)
    return report.sorted()


def _subject(loaded: Loaded) -> Subject:
    four = isinstance(loaded, Loaded4)
    root, key = ("Dhcp4", "subnet4") if four else ("Dhcp6", "subnet6")
    found: list[tuple[Any, Steps]] = []
    for number, shared in enumerate(loaded.doc.shared_networks):
        docs = getattr(shared, key)
        found += [(doc, (root, "shared-networks", number, key, index)) for index, doc in enumerate(docs)]
    found += [(doc, (root, key, index)) for index, doc in enumerate(getattr(loaded.doc, key))]
    network = loaded.network
    # Both keep the configuration's order: the network those of shared networks last, the documents first.
    shared_ones = [subnet for each in network.shared_networks for subnet in each.subnets]
    alone = network.subnets[: len(network.subnets) - len(shared_ones)]
    compiled = dict(zip((steps for _, steps in found), [*shared_ones, *alone], strict=True))
    hosts: dict[int, list[Host | Host6]] = {}
    for host in network.hosts:
        hosts.setdefault(host.subnet_id, []).append(host)
    return Subject(loaded.doc, network, root, found, compiled, hosts)


def _map_of(around: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A map inside another; an empty one where there is none, or something else."""
    found = around.get(key)
    return found if isinstance(found, dict) else {}


def _port_of(url: object) -> int:
    """The port of an address for HTTP; 0 where it is none."""
    try:
        return urlsplit(str(url)).port or 0
    except ValueError:
        return 0


def _length(subject: Subject, steps: Steps) -> int:
    """The addresses in a subnet's pools, by the subnet's place."""
    subnet = _compiled(subject, steps)
    return sum(pool.last - pool.first + 1 for pool in subnet.pools) if subnet is not None else 0


def _compiled(subject: Subject, steps: Steps) -> Any:
    """The compiled subnet of a document."""
    return subject.compiled[steps]


def _reserved(subject: Subject, subnet_id: int) -> Iterator[tuple[Host | Host6, int]]:
    for host in subject.hosts.get(subnet_id, ()):
        addresses = (host.address,) if isinstance(host, Host) else host.addresses
        yield from ((host, address) for address in addresses if address)


@_checker
def _lease_cmds_presence(subject: Subject) -> Iterator[Finding]:
    """Without lease_cmds nobody can look at leases, or take one away, while the server runs."""
    if "lease_cmds" not in subject.libraries:
        yield (subject.root,), "leases cannot be looked at or changed by commands", "load libdhcp_lease_cmds.so"


@_checker
def _host_cmds_presence(subject: Subject) -> Iterator[Finding]:
    """With reservations in a database but without host_cmds, they can be changed only in the database itself."""
    stored = subject.doc.hosts_database is not None or subject.doc.hosts_databases
    if stored and "host_cmds" not in subject.libraries:
        message = "reservations in a database cannot be changed by commands"
        yield (subject.root, "hosts-databases"), message, "load libdhcp_host_cmds.so"


@_checker
def _subnet_cmds_and_cb_mutual_exclusion(subject: Subject) -> Iterator[Finding]:
    """What subnet_cmds changes in memory, the next look into the configuration database changes back."""
    if "subnet_cmds" in subject.libraries and "cb_cmds" in subject.libraries:
        message = "subnet_cmds and cb_cmds both change subnets, and one does not know of the other"
        yield (subject.root, "hooks-libraries"), message, "load libdhcp_cb_cmds.so only"


@_checker
def _ha_mt_presence(subject: Subject) -> Iterator[Finding]:
    """High availability that works by one thread through the control agent keeps a server of many threads waiting."""
    if not subject.doc.multi_threading.enable_multi_threading:
        return
    for relationship, steps in subject.relationships:
        if not _map_of(relationship, "multi-threading").get("enable-multi-threading", True):
            message = "high availability speaks through the control agent, by one thread"
            yield steps, message, '"multi-threading": { "enable-multi-threading": true } lets it listen for itself'


@_checker
def _ha_dedicated_ports(subject: Subject) -> Iterator[Finding]:
    """A server that listens for its partner needs a port which no control socket has, here or in an agent."""
    taken = {socket.socket_port for socket in subject.doc.control_sockets if socket.socket_type != "unix"}
    taken = taken or {AGENT_PORT}
    for relationship, steps in subject.relationships:
        threads = _map_of(relationship, "multi-threading")
        if not threads.get("enable-multi-threading", True) or not threads.get("http-dedicated-listener", True):
            continue
        for peer in relationship.get("peers", ()):
            name = peer.get("name") if isinstance(peer, dict) else None
            if name == relationship.get("this-server-name") and _port_of(peer.get("url")) in taken:
                message = f"{name} listens for its partner at {peer['url']}, where control commands come in"
                yield steps, message, "give the peers a port of their own"


@_checker
def _dispensable_shared_network(subject: Subject) -> Iterator[Finding]:
    """A shared network of one subnet, or of none, does nothing that a subnet alone would not do."""
    networks: Sequence[SharedNetwork4 | SharedNetwork6] = subject.network.shared_networks
    for index, shared in enumerate(networks):
        if len(shared.subnets) < 2:
            message = f"shared network {shared.name} has {'one subnet' if shared.subnets else 'no subnets'}"
            yield (subject.root, "shared-networks", index), message, "a subnet alone is enough"


@_checker
def _dispensable_subnet(subject: Subject) -> Iterator[Finding]:
    """A subnet without pools and reservations gives nobody an address."""
    for doc, steps in subject.subnets:
        pools = doc.pools or getattr(doc, "pd_pools", ())
        if not pools and not doc.reservations and not subject.doc.reservations:
            yield steps, f"subnet {doc.subnet} has neither pools nor reservations", "nobody gets an address from it"


@_checker
def _out_of_pool_reservation(subject: Subject) -> Iterator[Finding]:
    """Where all reserved addresses lie outside the pools, reservations-out-of-pool saves a look-up for each address."""
    for doc, steps in subject.subnets:
        subnet = _compiled(subject, steps)
        reserved = list(_reserved(subject, subnet.id))
        if not reserved or subnet.reservations_out_of_pool or not subnet.reservations_in_subnet:
            continue
        if all(subnet.pool_at(address) is None for _, address in reserved):
            message = f"all reserved addresses of subnet {doc.subnet} lie outside its pools"
            yield steps, message, "reservations-out-of-pool: true saves look-ups"


@_checker
def _reserved_in_pool(subject: Subject) -> Iterator[Finding]:
    """With reservations-out-of-pool, an address that is reserved inside a pool is given to others."""
    for _, steps in subject.subnets:
        subnet = _compiled(subject, steps)
        if not subnet.reservations_out_of_pool:
            continue
        for host, address in _reserved(subject, subnet.id):
            if subnet.pool_at(address) is not None:
                message = f"{ip_address(address)} is reserved for {host.identifier.hex(':')}, and in a pool"
                hint = "reservations-out-of-pool says there is no such one: the pool may give it to others"
                yield (*steps, "reservations"), message, hint


@_checker
def _overlapping_subnet(subject: Subject) -> Iterator[Finding]:
    """Of two subnets with the same addresses, a client's relay or interface decides; often that is not meant."""
    found = sorted((_compiled(subject, steps).prefix, steps) for _, steps in subject.subnets)
    for (before, _), (after, steps) in pairwise(found):
        if after.overlaps(before):
            yield (*steps, "subnet"), f"subnet {after} overlaps with {before}", "which one a client gets is hard to see"


@_checker
def _pools_exhausted_by_reservations(subject: Subject) -> Iterator[Finding]:
    """Where every address of the pools is reserved, clients without a reservation get none."""
    for doc, steps in subject.subnets:
        subnet = _compiled(subject, steps)
        size = _length(subject, steps)
        inside = sum(subnet.pool_at(address) is not None for _, address in _reserved(subject, subnet.id))
        if size and inside >= size * RESERVED_SHARE:
            message = f"all {size} addresses in the pools of subnet {doc.subnet} are reserved"
            yield (*steps, "pools"), message, "clients without a reservation get no address"


@_checker
def _pd_pools_exhausted_by_reservations(subject: Subject) -> Iterator[Finding]:
    """Where every prefix of the pools is reserved, clients without a reservation get none to delegate."""
    for doc, steps in subject.subnets:
        pools = getattr(_compiled(subject, steps), "pd_pools", ())
        size = sum(pool.size for pool in pools)
        reserved = [
            prefix
            for host in subject.hosts.get(_compiled(subject, steps).id, ())
            for prefix in getattr(host, "prefixes", ())
            if any(pool.delegated_len == prefix.length and prefix.prefix in pool for pool in pools)
        ]
        if size and len(reserved) >= size * RESERVED_SHARE:
            message = f"all {size} prefixes in the pools of subnet {doc.subnet} are reserved"
            yield (*steps, "pd-pools"), message, "clients without a reservation get no prefix"


@_checker
def _canonical_prefix(subject: Subject) -> Iterator[Finding]:
    """A prefix written with bits behind its length is another one than it seems; commands show it without them."""
    for doc, steps in subject.subnets:
        try:
            ip_network(doc.subnet.replace(" ", ""))
        except ValueError:
            proper = ip_network(doc.subnet.replace(" ", ""), strict=False)
            yield (*steps, "subnet"), f"{doc.subnet} is the prefix {proper}", f"write {proper}"


@_checker
def _decline_quarantine(subject: Subject) -> Iterator[Finding]:
    """An address that a client declined rests for a day by default; one that declines on and on empties a pool."""
    small = [steps for _, steps in subject.subnets if 0 < _length(subject, steps) <= 256]
    if small and "decline_probation_period" not in subject.doc.written:
        message = f"declined addresses rest for a day (decline-probation-period {DECLINE_DAY}), and pools are small"
        yield (subject.root,), message, "an hour is enough to find an address conflict"


@_checker
def _udp_and_direct_clients(subject: Subject) -> Iterator[Finding]:
    """With dhcp-socket-type udp, clients without an address cannot be reached but through relays."""
    if not isinstance(subject.doc, Dhcp4Doc):
        return
    if subject.doc.interfaces_config.dhcp_socket_type == "udp":
        served = [doc for doc, _ in subject.subnets if not doc.relay.ip_addresses and not doc.relay.ip_address]
        if served:
            steps = (subject.root, "interfaces-config", "dhcp-socket-type")
            message = "udp sockets reach clients through relay agents only"
            yield steps, message, "raw sockets also reach clients on the server's own links"


@_checker
def _router_outside_subnet(subject: Subject) -> Iterator[Finding]:
    """A router that is not in the client's subnet is one the client cannot reach."""
    if not isinstance(subject.network, Network):
        return
    for doc, steps in subject.subnets:
        subnet = _compiled(subject, steps)
        value = subnet.options.get(3)
        if value is None or len(value.payload) % 4:
            continue
        for at in range(0, len(value.payload), 4):
            router = int.from_bytes(value.payload[at : at + 4], "big")
            if router not in subnet:
                message = f"router {ip_address(router)} is not in subnet {doc.subnet}"
                yield (*steps, "option-data"), message, f"clients of {subnet.prefix} cannot reach it"


@_checker
def _unused_class(subject: Subject) -> Iterator[Finding]:
    """A class that opens nothing, offers nothing and is asked for nowhere has no effect."""
    doc = subject.doc
    used: set[str] = set()
    for level in _levels(doc):
        used |= {*level.client_classes, level.client_class, *level.evaluate_additional_classes}
    for host in subject.network.hosts:
        used |= set(host.client_classes)
    for made in _classes(subject.network):
        for expression in (made.test, made.template):
            if expression is not None:
                used |= members_of(expression)
    for index, made in enumerate(_classes(subject.network)):
        fields = made.next_server or made.server_hostname or made.boot_file_name
        gives = made.options or made.lifetimes is not None or made.preferred is not None or fields
        if not gives and made.name not in used and made.name not in MEANT:
            message = f"class {made.name} opens nothing, and its members get nothing by it"
            yield (subject.root, "client-classes", index), message, "is its name misspelt where it is meant?"


@_checker
def _class_not_defined(subject: Subject) -> Iterator[Finding]:
    """What only clients of a class may use, nobody uses where no class of that name is defined or assigned."""
    defined = {made.name for made in _classes(subject.network)} | {"ALL", "KNOWN", "UNKNOWN", "BOOTP"}
    for host in subject.network.hosts:
        defined |= set(host.client_classes)
    for doc, steps in subject.subnets:
        for name in (*doc.client_classes, *([doc.client_class] if doc.client_class else ())):
            if name not in defined and not name.startswith(("VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_", "SPAWN_")):
                message = f"subnet {doc.subnet} is for clients of class {name}, which is defined nowhere"
                yield (*steps, "client-classes"), message, "only a hook library could put clients into it"


@_checker
def _agent_credentials_over_plain_http(subject: Subject) -> Iterator[Finding]:
    """A password that is sent over HTTP without TLS can be read on the way."""
    for index, socket in enumerate(subject.doc.control_sockets):
        if socket.socket_type == "http" and socket.authentication.clients:
            message = "passwords go over HTTP without TLS"
            yield (subject.root, "control-sockets", index), message, "socket-type https with a certificate"


@_checker
def _statistics_overflow(subject: Subject) -> Iterator[Finding]:
    """Totals of 2**63 addresses and more do not fit into what many monitoring programs count with."""
    if isinstance(subject.network, Network):
        return
    for doc, steps in subject.subnets:
        size = _length(subject, steps)
        if size >= 1 << 63:
            message = f"subnet {doc.subnet} has {size} addresses in its pools"
            yield (*steps, "pools"), message, "programs that count with 64 bits show wrong totals"


def _classes(network: Network | Network6) -> list[Any]:
    return list(network.classifier if isinstance(network, Network) else network.classes)


def _levels(doc: Dhcp4Doc | Dhcp6Doc) -> Iterator[Any]:
    """Everything that may be guarded by classes."""
    key = "subnet4" if isinstance(doc, Dhcp4Doc) else "subnet6"
    yield from doc.shared_networks
    for subnet in (*(s for shared in doc.shared_networks for s in getattr(shared, key)), *getattr(doc, key)):
        yield subnet
        yield from (*subnet.pools, *getattr(subnet, "pd_pools", ()))
