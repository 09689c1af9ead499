"""The documents that the configurations of both servers are made of: one line for each key, Kea 2.2 and 3.x alike.

A line is all that is ever said about a key. `idle` marks keys that are accepted and kept but have no effect yet.
Texts are kept as they were written; the compilers give them their meaning. This module does not know files.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.config.checks import class_name, space_name, threshold
from dhcpkit.config.forms import pool_text
from dhcpkit.config.param import Document, Shown, document, param
from dhcpkit.config.protection import ProtectionDoc
from dhcpkit.config.surroundings import (
    REPLACE,
    U16,
    U32,
    CommentedDoc,
    ConfigControlDoc,
    ControlSocketDoc,
    DhcpDdnsDoc,
    HooksLibraryDoc,
    HostsDatabaseDoc,
    LeaseDatabaseDoc,
    LoggerDoc,
    MultiThreadingDoc,
)

__all__ = [
    "ClassDoc",
    "DdnsDoc",
    "ExpiredLeasesDoc",
    "GuardedDoc",
    "LenientDoc",
    "ListeningDoc",
    "NetworkDoc",
    "OptionDataDoc",
    "OptionDefDoc",
    "PoolDoc",
    "SanityChecksDoc",
    "ServerDoc",
]

CONFLICTS: Final = (
    "check-with-dhcid",
    "no-check-with-dhcid",
    "check-exists-with-dhcid",
    "no-check-without-dhcid",
)
RESERVATION_MODES: Final = ("disabled", "out-of-pool", "global", "all")
ALLOCATORS: Final = ("iterative", "random", "flq")


@document("option-data")
class OptionDataDoc(CommentedDoc):
    """One option with its value."""

    name: str = param(default="", doc="The option's name in its space.")
    code: int = param(default=0, doc="The option's code, where no name is given.")  # its range has a message of its own
    space: str = param(
        default="", check=space_name, doc="The option space the option belongs to; dhcp4 or dhcp6 where none is given."
    )
    data: str = param(default="", doc="The value: fields separated by commas, or hexadecimal digits.")
    csv_format: bool | None = param(
        default=None,
        doc="Whether data is fields (true) or hexadecimal digits (false); fields where the option is defined.",
    )
    always_send: bool = param(default=False, doc="Whether it is sent to clients that did not ask for it.")
    never_send: bool = param(default=False, since="3.0", doc="Whether it is never sent; this beats always-send.")
    client_classes: tuple[str, ...] = param(
        default=(), since="3.0", doc="Classes whose clients get it; all where empty."
    )


@document("option-def")
class OptionDefDoc(CommentedDoc):
    """The definition of an option of one's own."""

    name: str = param(doc="The option's name.")
    code: int = param(low=0, high=U16, doc="The option's code.")
    type: str = param(doc="The type of its value, `record` for several, `empty` for none.")
    array: bool = param(default=False, doc="Whether the value (a record's last field) may repeat.")
    record_types: str = param(default="", doc="The types of a record's fields, separated by commas.")
    space: str = param(default="", doc="The option space it belongs to; dhcp4 or dhcp6 where none is given.")
    encapsulate: str = param(default="", doc="The option space of its sub-options.")


@document("ddns")
class DdnsDoc(CommentedDoc):
    """What holds for the names of clients in DNS."""

    ddns_send_updates: bool | None = param(default=None, inherit=True, doc="Whether DNS is updated at all.")
    ddns_override_no_update: bool | None = param(
        default=None, inherit=False, doc="Whether DNS is updated although the client asked for none."
    )
    ddns_override_client_update: bool | None = param(
        default=None, inherit=False, doc="Whether the server updates although the client wants to."
    )
    ddns_replace_client_name: str | None = param(
        default=None, inherit="never", choices=REPLACE, doc="When the client's own name is replaced."
    )
    ddns_generated_prefix: str | None = param(default=None, inherit="myhost", doc="What a generated name starts with.")
    ddns_qualifying_suffix: str | None = param(default=None, inherit="", doc="The domain added to names of one label.")
    ddns_update_on_renew: bool | None = param(
        default=None, inherit=False, doc="Whether DNS is updated although nothing changed."
    )
    ddns_conflict_resolution_mode: str | None = param(
        default=None,
        inherit="check-with-dhcid",
        choices=CONFLICTS,
        since="3.0",
        doc="How other owners of a name are treated.",
    )
    ddns_use_conflict_resolution: bool | None = param(
        default=None, inherit=True, shown=Shown.NEVER, doc="Old form of ddns-conflict-resolution-mode."
    )
    ddns_ttl: int | None = param(default=None, low=0, high=U32, since="3.0", doc="Seconds DNS records live.")
    ddns_ttl_percent: float | None = param(
        default=None, low=0, high=1, since="3.0", doc="How long DNS records live, as a part of the lease's lifetime."
    )
    ddns_ttl_min: int | None = param(
        default=None, low=0, high=U32, since="3.0", doc="The least ddns-ttl-percent may give."
    )
    ddns_ttl_max: int | None = param(
        default=None, low=0, high=U32, since="3.0", doc="The most ddns-ttl-percent may give."
    )
    hostname_char_set: str | None = param(
        default=None, inherit="[^A-Za-z0-9.-]", doc="Characters that are replaced in names."
    )
    hostname_char_replacement: str | None = param(
        default=None, inherit="", doc="What replaces the characters of hostname-char-set."
    )


@document("guards")
class GuardedDoc(Document):
    """Who may use a pool, a subnet or a shared network."""

    client_class: str = param(
        default="", shown=Shown.NEVER, doc="The class clients must be in (old form of client-classes)."
    )
    client_classes: tuple[str, ...] = param(
        default=(), check=class_name, since="3.0", shown=Shown.OTHER, doc="Classes of which clients must be in one."
    )
    evaluate_additional_classes: tuple[str, ...] = param(
        default=(),
        aliases=["require-client-classes"],
        check=class_name,
        since="3.0",
        shown=Shown.OTHER,
        doc="Classes that are evaluated once this is chosen.",
    )


@document("pools")
class PoolDoc(GuardedDoc, DdnsDoc):
    """A pool of addresses."""

    pool: str = param(form=pool_text, doc="The addresses: `first - last`, or a prefix.")
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


@document("network")
class NetworkDoc(DdnsDoc):
    """What may be set for all subnets, for a shared network, or for one subnet: the nearest that is set holds."""

    valid_lifetime: int | None = param(
        default=None, inherit=7200, low=0, high=U32, handed=True, doc="Seconds a lease is valid."
    )
    min_valid_lifetime: int | None = param(
        default=None, low=0, high=U32, handed=True, doc="The least a client may ask for; valid-lifetime where unset."
    )
    max_valid_lifetime: int | None = param(
        default=None, low=0, high=U32, handed=True, doc="The most a client may ask for; valid-lifetime where unset."
    )
    renew_timer: int | None = param(
        default=None, low=0, high=U32, handed=True, doc="Seconds until a client renews (T1)."
    )
    rebind_timer: int | None = param(
        default=None, low=0, high=U32, handed=True, doc="Seconds until a client rebinds (T2)."
    )
    calculate_tee_times: bool | None = param(
        default=None, inherit=False, handed=True, doc="Whether T1 and T2 are computed from the lifetime where unset."
    )
    t1_percent: float | None = param(default=None, inherit=0.5, handed=True, doc="T1 as a part of the lifetime.")
    t2_percent: float | None = param(default=None, inherit=0.875, handed=True, doc="T2 as a part of the lifetime.")
    option_data: tuple[OptionDataDoc, ...] = param(default=(), shown=Shown.ALWAYS, doc="Options for all clients here.")
    reservations_global: bool | None = param(
        default=None, inherit=False, doc="Whether global reservations are looked up here."
    )
    reservations_in_subnet: bool | None = param(
        default=None, inherit=True, doc="Whether the subnet's reservations are looked up."
    )
    reservations_out_of_pool: bool | None = param(
        default=None, inherit=False, doc="Whether all reserved addresses lie outside the pools, which saves look-ups."
    )
    reservation_mode: str | None = param(
        default=None, choices=RESERVATION_MODES, shown=Shown.NEVER, doc="Old form of the three reservations- flags."
    )
    cache_threshold: float | None = param(
        default=None,
        inherit=0.25,
        check=threshold,
        handed=True,
        doc="The part of a lifetime within which a renewal is answered from the lease at hand.",
    )
    cache_max_age: int | None = param(
        default=None,
        low=0,
        high=U32,
        handed=True,
        doc="Seconds within which a renewal is answered from the lease at hand.",
    )
    store_extended_info: bool | None = param(
        default=None, inherit=False, handed=True, doc="Whether a lease keeps what the relay agent said."
    )
    allocator: str | None = param(
        default=None,
        inherit="iterative",
        choices=ALLOCATORS,
        since="3.0",
        handed=True,
        doc="The order in which addresses are tried.",
    )


@document("client-classes")
class ClassDoc(CommentedDoc):
    """A class of clients, as both servers know it."""

    name: str = param(check=class_name, doc="The class's name.")
    test: str = param(default="", shown=Shown.OTHER, doc="The expression whose truth puts a client into the class.")
    template_test: str = param(default="", since="3.0", doc="The expression whose value names a class of its own.")
    option_data: tuple[OptionDataDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="Options for clients in the class."
    )
    valid_lifetime: int | None = param(default=None, low=0, high=U32, doc="Seconds a lease is valid.")
    min_valid_lifetime: int | None = param(default=None, low=0, high=U32, doc="The least a client may ask for.")
    max_valid_lifetime: int | None = param(default=None, low=0, high=U32, doc="The most a client may ask for.")
    only_in_additional_list: bool = param(
        default=False,
        aliases=["only-if-required"],
        since="3.0",
        shown=Shown.OTHER,
        doc="Whether it is evaluated only where a subnet or pool asks for it.",
    )


@document("interfaces-config")
class ListeningDoc(CommentedDoc):
    """How a server keeps its sockets open."""

    re_detect: bool = param(
        default=True,
        shown=Shown.ALWAYS,
        doc="Whether interfaces and addresses that come later are used; or only those there at the start.",
    )
    service_sockets_max_retries: int = param(
        default=0, low=0, high=U32, shown=Shown.OTHER, doc="How often opening a socket is tried again."
    )
    service_sockets_retry_wait_time: int = param(
        default=5000,
        low=0,
        high=U32,
        shown=lambda doc: doc.service_sockets_max_retries > 0,
        doc="Milliseconds between two attempts to open a socket.",
    )
    service_sockets_require_all: bool = param(
        default=False, shown=Shown.OTHER, doc="Whether the server stops where one socket cannot be opened."
    )


@document("expired-leases-processing")
class ExpiredLeasesDoc(Document):
    """How leases that have ended are cleared away."""

    reclaim_timer_wait_time: int = param(
        default=10, low=0, high=U16, shown=Shown.ALWAYS, doc="Seconds between two rounds; 0 for none."
    )
    flush_reclaimed_timer_wait_time: int = param(
        default=25,
        low=0,
        high=U16,
        shown=Shown.ALWAYS,
        doc="Seconds between two removals of reclaimed leases; 0 for none.",
    )
    hold_reclaimed_time: int = param(
        default=3600, low=0, high=U32, shown=Shown.ALWAYS, doc="Seconds a reclaimed lease is kept."
    )
    max_reclaim_leases: int = param(
        default=100, low=0, high=U32, shown=Shown.ALWAYS, doc="The most leases of one round; 0 for no limit."
    )
    max_reclaim_time: int = param(
        default=250, low=0, high=U16, shown=Shown.ALWAYS, doc="The most milliseconds of a round; 0 for no limit."
    )
    unwarned_reclaim_cycles: int = param(
        default=5,
        low=0,
        high=U16,
        shown=Shown.ALWAYS,
        doc="Rounds that may leave leases over before a warning is logged.",
    )


@document("sanity-checks")
class SanityChecksDoc(Document):
    """What is done with leases that do not fit the configuration."""

    lease_checks: str = param(
        default="warn",
        choices=("none", "warn", "fix", "fix-del", "del"),
        shown=Shown.ALWAYS,
        doc="What is done with a lease whose subnet is another or gone.",
    )
    extended_info_checks: str = param(
        default="fix",
        choices=("none", "fix", "strict", "pedantic"),
        since="3.0",
        shown=Shown.ALWAYS,
        doc="How strictly a lease's record of the relay agent is checked.",
    )


@document("compatibility")
class LenientDoc(Document):
    """Manners for clients that do not keep to the RFCs."""

    lenient_option_parsing: bool = param(
        default=False,
        shown=Shown.OTHER,
        doc="Whether options with broken content are mended, or passed over where nothing can be told of them.",
    )


@document("server")
class ServerDoc(CommentedDoc):
    """What the configurations of both servers have at their top."""

    lease_database: LeaseDatabaseDoc = param(
        default=LeaseDatabaseDoc.of_written({"type": "memfile"}), shown=Shown.ALWAYS, doc="Where leases are kept."
    )
    expired_leases_processing: ExpiredLeasesDoc = param(
        default=ExpiredLeasesDoc(), filled=True, shown=Shown.ALWAYS, doc="How leases that have ended are cleared away."
    )
    option_def: tuple[OptionDefDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="Definitions of options of one's own."
    )
    decline_probation_period: int = param(
        default=86400, low=0, high=U32, shown=Shown.ALWAYS, doc="Seconds a declined address is not given to anybody."
    )
    early_global_reservations_lookup: bool = param(
        default=False, shown=Shown.ALWAYS, doc="Whether global reservations are looked up before a subnet is chosen."
    )
    reservations_lookup_first: bool = param(
        default=False,
        idle=True,
        shown=Shown.ALWAYS,
        doc="Whether Kea looks up reservations before leases; who gets what is the same.",
    )
    ip_reservations_unique: bool = param(
        default=True, shown=Shown.ALWAYS, doc="Whether an address may be reserved only once in a subnet."
    )
    loggers: tuple[LoggerDoc, ...] = param(
        default=(), filled=True, shown=Shown.OTHER, doc="What is logged, and where to."
    )
    control_socket: ControlSocketDoc | None = param(
        default=None, shown=Shown.NEVER, doc="The socket that takes commands (old form of control-sockets)."
    )
    control_sockets: tuple[ControlSocketDoc, ...] = param(
        default=(), shown=Shown.OTHER, doc="The sockets that take commands."
    )
    hooks_libraries: tuple[HooksLibraryDoc, ...] = param(
        default=(), shown=Shown.ALWAYS, doc="The hook libraries, in order."
    )
    hosts_database: HostsDatabaseDoc | None = param(default=None, shown=Shown.NEVER, doc="A database of reservations.")
    hosts_databases: tuple[HostsDatabaseDoc, ...] = param(
        default=(), shown=Shown.OTHER, doc="Databases of reservations, in order."
    )
    config_control: ConfigControlDoc = param(
        default=ConfigControlDoc(), idle="grave", doc="Databases that hold more of the configuration."
    )
    server_tag: str = param(
        default="", idle=True, shown=Shown.ALWAYS, doc="The server's name in a configuration database."
    )
    dhcp_ddns: DhcpDdnsDoc = param(
        default=DhcpDdnsDoc(enable_updates=False),
        filled=True,
        idle=True,
        shown=Shown.ALWAYS,
        doc="The server for updates of DNS.",
    )
    sanity_checks: SanityChecksDoc = param(
        default=SanityChecksDoc(),
        filled=True,
        shown=Shown.ALWAYS,
        doc="What is done with leases that do not fit the configuration.",
    )
    multi_threading: MultiThreadingDoc = param(
        default=MultiThreadingDoc(enable_multi_threading=True), idle=True, shown=Shown.ALWAYS, doc="Kea's threads."
    )
    parked_packet_limit: int = param(
        default=256,
        low=0,
        high=U32,
        shown=Shown.ALWAYS,
        doc="How many exchanges may wait for callouts at a hook point; 0 for no limit.",
    )
    dhcp4o6_port: int = param(
        default=0, low=0, high=U16, idle=True, shown=Shown.ALWAYS, doc="The port of DHCPv4 over DHCPv6."
    )
    statistic_default_sample_count: int = param(
        default=20,
        low=0,
        high=U32,
        shown=Shown.ALWAYS,
        doc="How many samples a statistic keeps; 0 to go by their age.",
    )
    statistic_default_sample_age: int = param(
        default=0,
        low=0,
        high=U32,
        shown=Shown.ALWAYS,
        doc="How many seconds a statistic keeps samples where their number is not limited.",
    )
    data_directory: str = param(
        default="", doc="The folder of files that no other key names: leases, a DHCPv6 server's identifier."
    )
    protection: ProtectionDoc = param(
        default=ProtectionDoc(), doc="Limits on what clients and relay agents may take; dhcpkit's own."
    )
