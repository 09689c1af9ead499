"""The documents of a DHCPv6 configuration: one line for each key of Kea's `Dhcp6`, 2.2 and 3.x alike.

What both servers know is in `documents`. This module does not know files.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.config.checks import address6, base6, duid_identifier, interface6, relay6
from dhcpkit.config.documents import (
    ALLOCATORS,
    ClassDoc,
    GuardedDoc,
    LenientDoc,
    ListeningDoc,
    NetworkDoc,
    OptionDataDoc,
    PoolDoc,
    ServerDoc,
)
from dhcpkit.config.forms import (
    address_texts,
    any_address_text,
    colons_text,
    digits_text,
    interfaces_text,
    mac_sources_text,
    prefix_text,
    prefix_texts,
    relay_supplied_text,
)
from dhcpkit.config.param import Document, Shown, document, param
from dhcpkit.config.surroundings import U16, U32, CommentedDoc, QueueControlDoc

__all__ = [
    "ClientClass6Doc",
    "Dhcp6Doc",
    "Interfaces6Doc",
    "Link6Doc",
    "Network6Doc",
    "PdPoolDoc",
    "QueueControl6Doc",
    "Relay6Doc",
    "Reservation6Doc",
    "ServerIdDoc",
    "SharedNetwork6Doc",
    "Subnet6Doc",
]

IDENTIFIERS: Final = ("hw-address", "duid")
MAC_SOURCES: Final = (
    "any",
    "raw",
    "duid",
    "ipv6-link-local",
    "client-link-addr-option",
    "rfc6939",
    "remote-id",
    "rfc4649",
    "subscriber-id",
    "rfc4580",
    "docsis-cmts",
    "docsis-modem",
)
SAME_SOURCES: Final = {
    "rfc6939": "client-link-addr-option",
    "rfc4649": "remote-id",
    "rfc4580": "subscriber-id",
}
BITS: Final = 128


@document("relay")
class Relay6Doc(Document):
    """Relay agents whose clients belong here."""

    ip_addresses: tuple[str, ...] = param(
        default=(), check=relay6, distinct={}, shown=Shown.ALWAYS, form=address_texts, doc="Addresses of relay agents."
    )
    ip_address: str = param(
        default="", check=relay6, shown=Shown.NEVER, doc="One address of a relay agent (old form of ip-addresses)."
    )


@document("pd-pools")
class PdPoolDoc(GuardedDoc, CommentedDoc):
    """A prefix whose parts are delegated to clients."""

    prefix: str = param(check=base6, form=any_address_text, doc="The prefix's address.")
    prefix_len: int = param(low=1, high=BITS, doc="The prefix's length in bits.")
    delegated_len: int = param(low=1, high=BITS, doc="The length of the prefixes that clients get.")
    excluded_prefix: str = param(
        default="",
        check=address6,
        shown=Shown.OTHER,
        form=any_address_text,
        doc="What a client's requesting router leaves out of its prefix (RFC 6603).",
    )
    excluded_prefix_len: int = param(
        default=0, low=0, high=BITS, shown=Shown.OTHER, doc="The length of what is left out."
    )
    pool_id: int = param(
        default=0,
        low=1,
        high=U32,
        since="3.0",
        shown=Shown.OTHER,
        doc="A number that statistics and leases know the pool by.",
    )
    option_data: tuple[OptionDataDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="Options for clients in this pool."
    )


@document("reservations")
class Reservation6Doc(CommentedDoc):
    """What is kept for one client."""

    duid: str = param(default="", form=colons_text, doc="The client by its DUID.")
    hw_address: str = param(default="", form=colons_text, doc="The client by its hardware address.")
    flex_id: str = param(
        default="", form=digits_text, doc="The client by what the flexible identifier library computes."
    )
    ip_addresses: tuple[str, ...] = param(
        default=(), shown=Shown.ALWAYS, form=address_texts, doc="The reserved addresses."
    )
    prefixes: tuple[str, ...] = param(default=(), shown=Shown.ALWAYS, form=prefix_texts, doc="The reserved prefixes.")
    excluded_prefixes: tuple[str, ...] = param(
        default=(),
        since="3.0",
        shown=Shown.OTHER,
        form=prefix_texts,
        doc="What is left out of each reserved prefix, in the order of prefixes; empty for nothing.",
    )
    hostname: str = param(default="", shown=Shown.ALWAYS, doc="The host name the client gets.")
    option_data: tuple[OptionDataDoc, ...] = param(default=(), shown=Shown.ALWAYS, doc="Options for this client.")
    client_classes: tuple[str, ...] = param(default=(), shown=Shown.ALWAYS, doc="Classes the client is put into.")


@document("network")
class Network6Doc(NetworkDoc):
    """What DHCPv6 has besides, for all subnets, a shared network, or one subnet."""

    preferred_lifetime: int | None = param(
        default=None,
        low=0,
        high=U32,
        handed=True,
        doc="Seconds a lease is preferred; five eighths of the valid lifetime if unset.",
    )
    min_preferred_lifetime: int | None = param(
        default=None,
        low=0,
        high=U32,
        handed=True,
        doc="The least a client may ask for; preferred-lifetime where unset.",
    )
    max_preferred_lifetime: int | None = param(
        default=None, low=0, high=U32, handed=True, doc="The most a client may ask for; preferred-lifetime where unset."
    )
    calculate_tee_times: bool | None = param(
        default=None,
        inherit=True,
        handed=True,
        doc="Whether T1 and T2 are computed from the preferred lifetime where unset.",
    )
    t2_percent: float | None = param(
        default=None, inherit=0.8, handed=True, doc="T2 as a part of the preferred lifetime."
    )
    pd_allocator: str | None = param(
        default=None,
        inherit="iterative",
        choices=ALLOCATORS,
        since="3.0",
        handed=True,
        doc="The order in which prefixes are tried.",
    )
    adaptive_lease_time_threshold: float | None = param(
        default=None,
        low=0,
        high=1,
        since="3.1",
        handed=True,
        doc="The part of a subnet's prefixes in use from which on their lifetimes get short (allocator flq).",
    )


@document("link")
class Link6Doc(GuardedDoc, Network6Doc):
    """What a subnet and a shared network have besides: whose clients belong there."""

    rapid_commit: bool | None = param(
        default=None,
        inherit=False,
        shown=Shown.ALWAYS,
        doc="Whether a client that asks for two messages instead of four gets them.",
    )
    interface: str = param(default="", shown=Shown.OTHER, doc="The server's interface whose clients belong here.")
    interface_id: str = param(
        default="", shown=Shown.OTHER, doc="What relay agents call the interface whose clients belong here."
    )
    relay: Relay6Doc = param(
        default=Relay6Doc(), filled=True, shown=Shown.ALWAYS, doc="Relay agents whose clients belong here."
    )


@document("subnet6")
class Subnet6Doc(Link6Doc):
    """A subnet."""

    subnet: str = param(form=prefix_text, doc="The prefix with its length: 2001:db8::/64.")
    id: int = param(default=0, doc="The number leases and reservations know the subnet by.")
    pools: tuple[PoolDoc, ...] = param(default=(), shown=Shown.ALWAYS, doc="The addresses for clients at large.")
    pd_pools: tuple[PdPoolDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="The prefixes that are delegated to clients at large."
    )
    reservations: tuple[Reservation6Doc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="What is kept for certain clients."
    )


@document("shared-networks")
class SharedNetwork6Doc(Link6Doc):
    """Subnets on one link."""

    name: str = param(doc="The shared network's name.")
    subnet6: tuple[Subnet6Doc, ...] = param(default=(), shown=Shown.ALWAYS, doc="Its subnets.")


@document("client-classes")
class ClientClass6Doc(ClassDoc):
    """A class of clients."""

    preferred_lifetime: int | None = param(default=None, low=0, high=U32, doc="Seconds a lease is preferred.")
    min_preferred_lifetime: int | None = param(default=None, low=0, high=U32, doc="The least a client may ask for.")
    max_preferred_lifetime: int | None = param(default=None, low=0, high=U32, doc="The most a client may ask for.")


@document("interfaces-config")
class Interfaces6Doc(ListeningDoc):
    """Where the server listens."""

    interfaces: tuple[str, ...] = param(
        default=(),
        check=interface6,
        distinct={},
        shown=Shown.ALWAYS,
        form=interfaces_text,
        doc="Interfaces (`eth0`, `eth0/2001:db8::1` for unicast too), `*` for all.",
    )


@document("server-id")
class ServerIdDoc(CommentedDoc):
    """The DUID the server calls itself by. What is 0 or empty is chosen by the server."""

    type: str = param(choices=("LLT", "EN", "LL"), doc="The DUID's type.")
    identifier: str = param(
        default="",
        check=duid_identifier,
        shown=Shown.ALWAYS,
        form=digits_text,
        doc="The link-layer address, or an enterprise's identifier, in hexadecimal.",
    )
    time: int = param(default=0, low=0, high=U32, shown=Shown.ALWAYS, doc="Seconds since 2000, of type LLT.")
    htype: int = param(
        default=0, low=0, high=U16, shown=Shown.ALWAYS, doc="The hardware type, of types LLT and LL; 1 is Ethernet."
    )
    enterprise_id: int = param(
        default=0, low=0, high=U32, shown=Shown.ALWAYS, doc="The enterprise number, of type EN; Kea's is 2495."
    )
    persist: bool = param(
        default=True, shown=Shown.ALWAYS, doc="Whether it is kept in a file and outlives a change of hardware."
    )


@document("dhcp-queue-control")
class QueueControl6Doc(QueueControlDoc):
    """Kea's queue between socket and server."""

    queue_type: str = param(default="kea-ring6", idle=True, shown=Shown.ALWAYS, doc="The kind of queue.")


@document("Dhcp6")
class Dhcp6Doc(Network6Doc, ServerDoc):
    """The whole configuration of a DHCPv6 server."""

    interfaces_config: Interfaces6Doc = param(
        default=Interfaces6Doc(), filled=True, shown=Shown.ALWAYS, doc="Where the server listens."
    )
    subnet6: tuple[Subnet6Doc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="The subnets that are in no shared network."
    )
    shared_networks: tuple[SharedNetwork6Doc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="Subnets that share a link."
    )
    client_classes: tuple[ClientClass6Doc, ...] = param(default=(), shown=Shown.OTHER, doc="Classes of clients.")
    reservations: tuple[Reservation6Doc, ...] = param(
        default=(), shown=Shown.OTHER, doc="Reservations that hold in every subnet."
    )
    host_reservation_identifiers: tuple[str, ...] = param(
        default=IDENTIFIERS,
        choices=(*IDENTIFIERS, "flex-id"),
        filled=True,
        distinct={},
        shown=Shown.ALWAYS,
        doc="By what, and in which order, reservations are searched.",
    )
    server_id: ServerIdDoc = param(
        default=ServerIdDoc(type="LLT"), filled=True, shown=Shown.ALWAYS, doc="The DUID the server calls itself by."
    )
    mac_sources: tuple[str, ...] = param(
        default=("any",),
        choices=MAC_SOURCES,
        filled=True,
        distinct=SAME_SOURCES,
        shown=Shown.ALWAYS,
        form=mac_sources_text,
        doc="From where, and in which order, hardware addresses are learnt.",
    )
    relay_supplied_options: tuple[str, ...] = param(
        default=("65",),
        shown=Shown.ALWAYS,
        form=relay_supplied_text,
        doc="Options, by code or name, that a relay agent may add to an answer (RFC 6422).",
    )
    allow_address_registration: bool = param(
        default=True, since="3.1", doc="Whether clients may register addresses of their own making (RFC 9686)."
    )
    compatibility: LenientDoc = param(
        default=LenientDoc(),
        filled=True,
        shown=Shown.OTHER,
        doc="Manners for clients and relay agents that do not keep to the RFCs.",
    )
    dhcp_queue_control: QueueControl6Doc = param(
        default=QueueControl6Doc(enable_queue=False),
        idle=True,
        shown=Shown.ALWAYS,
        doc="Kea's queue between socket and server.",
    )
