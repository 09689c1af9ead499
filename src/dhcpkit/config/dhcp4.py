"""The documents of a DHCPv4 configuration: one line for each key of Kea's `Dhcp4`, 2.2 and 3.x alike.

What both servers know is in `documents`. This module does not know files.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.config.checks import address4, boot_server, interface4, prefix_4o6, relay4
from dhcpkit.config.documents import (
    ClassDoc,
    GuardedDoc,
    LenientDoc,
    ListeningDoc,
    NetworkDoc,
    OptionDataDoc,
    OptionDefDoc,
    PoolDoc,
    ServerDoc,
)
from dhcpkit.config.forms import (
    address_texts,
    any_address_text,
    colons_text,
    digits_text,
    interfaces_text,
    prefix_text,
    server_text,
)
from dhcpkit.config.param import Document, Shown, document, param
from dhcpkit.config.surroundings import U32, CommentedDoc, QueueControlDoc

__all__ = [
    "ClientClassDoc",
    "CompatibilityDoc",
    "Dhcp4Doc",
    "InterfacesDoc",
    "Network4Doc",
    "RelayDoc",
    "ReservationDoc",
    "SharedNetworkDoc",
    "Subnet4Doc",
]

IDENTIFIERS: Final = ("hw-address", "duid", "circuit-id", "client-id")


@document("relay")
class RelayDoc(Document):
    """Relay agents whose clients belong here."""

    ip_addresses: tuple[str, ...] = param(
        default=(), check=relay4, distinct={}, shown=Shown.ALWAYS, form=address_texts, doc="Addresses of relay agents."
    )
    ip_address: str = param(
        default="", check=relay4, shown=Shown.NEVER, doc="One address of a relay agent (old form of ip-addresses)."
    )


@document("reservations")
class ReservationDoc(CommentedDoc):
    """What is kept for one client."""

    hw_address: str = param(default="", form=colons_text, doc="The client by its hardware address.")
    duid: str = param(default="", form=colons_text, doc="The client by the DUID in its client identifier.")
    circuit_id: str = param(default="", form=digits_text, doc="The client by the circuit its relay agent names.")
    client_id: str = param(default="", form=digits_text, doc="The client by its client identifier.")
    flex_id: str = param(
        default="", form=digits_text, doc="The client by what the flexible identifier library computes."
    )
    ip_address: str = param(default="", form=any_address_text, doc="The reserved address.")
    hostname: str = param(default="", shown=Shown.ALWAYS, doc="The host name the client gets.")
    option_data: tuple[OptionDataDoc, ...] = param(default=(), shown=Shown.ALWAYS, doc="Options for this client.")
    client_classes: tuple[str, ...] = param(default=(), shown=Shown.ALWAYS, doc="Classes the client is put into.")
    next_server: str = param(
        default="",
        check=boot_server,
        shown=Shown.ALWAYS,
        form=server_text,
        doc="The server of the boot file, for the field siaddr.",
    )
    server_hostname: str = param(
        default="", shown=Shown.ALWAYS, doc="The name of the boot server, for the field sname."
    )
    boot_file_name: str = param(default="", shown=Shown.ALWAYS, doc="The boot file, for the field file.")


@document("network")
class Network4Doc(NetworkDoc):
    """What DHCPv4 has besides, for all subnets, a shared network, or one subnet."""

    authoritative: bool | None = param(
        default=None, inherit=False, doc="Whether unknown clients that ask for an old address are refused."
    )
    match_client_id: bool | None = param(
        default=None, inherit=True, doc="Whether leases are found by client identifier before hardware address."
    )
    next_server: str | None = param(
        default=None,
        inherit="0.0.0.0",
        check=address4,
        form=server_text,
        doc="The server of the boot file, for the field siaddr.",
    )
    server_hostname: str | None = param(default=None, inherit="", doc="The boot server's name, for the field sname.")
    boot_file_name: str | None = param(default=None, inherit="", doc="The boot file, for the field file.")
    offer_lifetime: int | None = param(
        default=None,
        low=0,
        high=U32,
        since="3.0",
        handed=True,
        doc="Seconds an offered address is kept for the client.",
    )
    adaptive_lease_time_threshold: float | None = param(
        default=None,
        low=0,
        high=1,
        since="3.1",
        handed=True,
        doc="The part of a pool in use from which on lifetimes get short.",
    )


@document("subnet4")
class Subnet4Doc(GuardedDoc, Network4Doc):
    """A subnet."""

    subnet: str = param(form=prefix_text, doc="The prefix with its length: 192.0.2.0/24.")
    id: int = param(default=0, doc="The number leases and reservations know the subnet by.")
    pools: tuple[PoolDoc, ...] = param(default=(), shown=Shown.ALWAYS, doc="The addresses for clients at large.")
    interface: str = param(default="", shown=Shown.OTHER, doc="The server's interface whose clients belong here.")
    relay: RelayDoc = param(
        default=RelayDoc(), filled=True, shown=Shown.ALWAYS, doc="Relay agents whose clients belong here."
    )
    reservations: tuple[ReservationDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="What is kept for certain clients."
    )
    four_o6_interface: str = param(
        default="", key="4o6-interface", idle=True, shown=Shown.ALWAYS, doc="DHCPv4 over DHCPv6: the interface."
    )
    four_o6_interface_id: str = param(
        default="",
        key="4o6-interface-id",
        idle=True,
        shown=Shown.ALWAYS,
        doc="DHCPv4 over DHCPv6: the relay agent's interface-id.",
    )
    four_o6_subnet: str = param(
        default="",
        key="4o6-subnet",
        check=prefix_4o6,
        idle=True,
        shown=Shown.ALWAYS,
        form=prefix_text,
        doc="DHCPv4 over DHCPv6: the IPv6 prefix.",
    )


@document("shared-networks")
class SharedNetworkDoc(GuardedDoc, Network4Doc):
    """Subnets on one link."""

    name: str = param(doc="The shared network's name.")
    subnet4: tuple[Subnet4Doc, ...] = param(default=(), shown=Shown.ALWAYS, doc="Its subnets.")
    interface: str = param(default="", shown=Shown.OTHER, doc="The server's interface whose clients belong here.")
    relay: RelayDoc = param(
        default=RelayDoc(), filled=True, shown=Shown.ALWAYS, doc="Relay agents whose clients belong here."
    )


@document("client-classes")
class ClientClassDoc(ClassDoc):
    """A class of clients."""

    option_def: tuple[OptionDefDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="Definitions that hold in this class only."
    )
    next_server: str = param(
        default="",
        check=boot_server,
        shown=Shown.ALWAYS,
        form=server_text,
        doc="The server of the boot file, for the field siaddr.",
    )
    server_hostname: str = param(
        default="", shown=Shown.ALWAYS, doc="The name of the boot server, for the field sname."
    )
    boot_file_name: str = param(default="", shown=Shown.ALWAYS, doc="The boot file, for the field file.")
    offer_lifetime: int | None = param(
        default=None, low=0, high=U32, since="3.0", doc="Seconds an offered address is kept for the client."
    )


@document("interfaces-config")
class InterfacesDoc(ListeningDoc):
    """Where the server listens and how it sends."""

    interfaces: tuple[str, ...] = param(
        default=(),
        check=interface4,
        distinct={},
        shown=Shown.ALWAYS,
        form=interfaces_text,
        doc="Interfaces (`eth0`, `eth0/192.0.2.1`), `*` for all.",
    )
    dhcp_socket_type: str = param(
        default="raw",
        choices=("raw", "udp"),
        shown=Shown.OTHER,
        doc="raw reaches clients without an address; udp serves relay agents only.",
    )
    outbound_interface: str = param(
        default="same-as-inbound",
        choices=("same-as-inbound", "use-routing"),
        shown=Shown.OTHER,
        doc="Of udp sockets: whether an answer to a relay agent leaves where its query came in, or as the system's"
        " routes say.",
    )


@document("compatibility")
class CompatibilityDoc(LenientDoc):
    """Manners for clients and relay agents that do not keep to the RFCs."""

    ignore_dhcp_server_identifier: bool = param(
        default=False, since="3.0", shown=Shown.OTHER, doc="Whether queries meant for another server are answered."
    )
    ignore_rai_link_selection: bool = param(
        default=False, since="3.0", shown=Shown.OTHER, doc="Whether a relay agent's link selection is passed over."
    )
    exclude_first_last_24: bool = param(
        default=False, since="3.0", shown=Shown.OTHER, doc="Whether addresses that end in 0 or 255 are never given."
    )


@document("Dhcp4")
class Dhcp4Doc(Network4Doc, ServerDoc):
    """The whole configuration of a DHCPv4 server."""

    interfaces_config: InterfacesDoc = param(
        default=InterfacesDoc(), filled=True, shown=Shown.ALWAYS, doc="Where the server listens."
    )
    subnet4: tuple[Subnet4Doc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="The subnets that are in no shared network."
    )
    shared_networks: tuple[SharedNetworkDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="Subnets that share a link."
    )
    client_classes: tuple[ClientClassDoc, ...] = param(default=(), shown=Shown.OTHER, doc="Classes of clients.")
    reservations: tuple[ReservationDoc, ...] = param(
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
    echo_client_id: bool = param(
        default=True, shown=Shown.ALWAYS, doc="Whether the client identifier is sent back (RFC 6842)."
    )
    dhcp_queue_control: QueueControlDoc = param(
        default=QueueControlDoc(enable_queue=False),
        idle=True,
        shown=Shown.ALWAYS,
        doc="Kea's queue between socket and server.",
    )
    compatibility: CompatibilityDoc = param(
        default=CompatibilityDoc(),
        filled=True,
        shown=Shown.OTHER,
        doc="Manners for clients and relay agents that do not keep to the RFCs.",
    )
    stash_agent_options: bool = param(
        default=False,
        since="3.0",
        shown=Shown.ALWAYS,
        doc="Whether a renewal gets back what the relay agent said before.",
    )
