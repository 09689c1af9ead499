"""The documents that the configurations of both servers are made of: one line for each key, Kea 2.2 and 3.x alike.

A line is all that is ever said about a key. `idle` marks keys that are accepted and kept but have no effect yet.
Texts are kept as they were written; the compilers give them their meaning. This module does not know files.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from dhcpkit.config.param import Document, Json, document, param

__all__ = [
    "AuthClientDoc",
    "AuthenticationDoc",
    "ClassDoc",
    "CommentedDoc",
    "ConfigControlDoc",
    "ControlSocketDoc",
    "DatabaseDoc",
    "DdnsDoc",
    "DhcpDdnsDoc",
    "ExpiredLeasesDoc",
    "GuardedDoc",
    "HooksLibraryDoc",
    "HttpHeaderDoc",
    "LeaseDatabaseDoc",
    "LenientDoc",
    "ListeningDoc",
    "LoggerDoc",
    "LoggerOutputDoc",
    "MultiThreadingDoc",
    "NetworkDoc",
    "OptionDataDoc",
    "OptionDefDoc",
    "PoolDoc",
    "QueueControlDoc",
    "SanityChecksDoc",
    "ServerDoc",
]

NOTHING: Final = MappingProxyType[str, Any]({})
U16: Final = 2**16 - 1
U32: Final = 2**32 - 1
REPLACE: Final = ("never", "always", "when-present", "when-not-present")
CONFLICTS: Final = (
    "check-with-dhcid",
    "no-check-with-dhcid",
    "check-exists-with-dhcid",
    "no-check-without-dhcid",
)
RESERVATION_MODES: Final = ("disabled", "out-of-pool", "global", "all")
DATABASES: Final = ("memfile", "mysql", "postgresql", "cql")
ALLOCATORS: Final = ("iterative", "random", "flq")


@document("comment")
class CommentedDoc(Document):
    """A map that may carry data of its author's."""

    user_context: Json = param(default=NOTHING, doc="Data of the operator's own; kept and shown, never looked at.")
    comment: str = param(default="", doc="A remark; becomes part of the user context.")


@document("option-data")
class OptionDataDoc(CommentedDoc):
    """One option with its value."""

    name: str = param(default="", doc="The option's name in its space.")
    code: int = param(default=0, doc="The option's code, where no name is given.")  # its range has a message of its own
    space: str = param(default="", doc="The option space the option belongs to; dhcp4 or dhcp6 where none is given.")
    data: str = param(default="", doc="The value: fields separated by commas, or hexadecimal digits.")
    csv_format: bool | None = param(
        default=None,
        doc="Whether data is fields (true) or hexadecimal digits (false); fields where the option is defined.",
    )
    always_send: bool = param(default=False, doc="Whether it is sent to clients that did not ask for it.")
    never_send: bool = param(default=False, doc="Whether it is never sent; this beats always-send.")
    client_classes: tuple[str, ...] = param(default=(), doc="Classes whose clients get it; all where empty.")


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
        doc="How other owners of a name are treated.",
    )
    ddns_use_conflict_resolution: bool | None = param(
        default=None, inherit=True, doc="Old form of ddns-conflict-resolution-mode."
    )
    ddns_ttl: int | None = param(default=None, low=0, high=U32, doc="Seconds DNS records live.")
    ddns_ttl_percent: float | None = param(
        default=None, low=0, high=1, doc="How long DNS records live, as a part of the lease's lifetime."
    )
    ddns_ttl_min: int | None = param(default=None, low=0, high=U32, doc="The least ddns-ttl-percent may give.")
    ddns_ttl_max: int | None = param(default=None, low=0, high=U32, doc="The most ddns-ttl-percent may give.")
    hostname_char_set: str | None = param(
        default=None, inherit="[^A-Za-z0-9.-]", doc="Characters that are replaced in names."
    )
    hostname_char_replacement: str | None = param(
        default=None, inherit="", doc="What replaces the characters of hostname-char-set."
    )


@document("guards")
class GuardedDoc(Document):
    """Who may use a pool, a subnet or a shared network."""

    client_class: str = param(default="", doc="The class clients must be in (old form of client-classes).")
    client_classes: tuple[str, ...] = param(default=(), doc="Classes of which clients must be in one.")
    evaluate_additional_classes: tuple[str, ...] = param(
        default=(),
        aliases=["require-client-classes"],
        doc="Classes that are evaluated once this is chosen.",
    )


@document("pools")
class PoolDoc(GuardedDoc, DdnsDoc):
    """A pool of addresses."""

    pool: str = param(doc="The addresses: `first - last`, or a prefix.")
    pool_id: int = param(default=0, low=0, high=U32, doc="A number that statistics and leases know the pool by.")
    option_data: tuple[OptionDataDoc, ...] = param(default=(), doc="Options for clients in this pool.")


@document("network")
class NetworkDoc(DdnsDoc):
    """What may be set for all subnets, for a shared network, or for one subnet: the nearest that is set holds."""

    valid_lifetime: int | None = param(default=None, inherit=7200, low=0, high=U32, doc="Seconds a lease is valid.")
    min_valid_lifetime: int | None = param(
        default=None, low=0, high=U32, doc="The least a client may ask for; valid-lifetime where unset."
    )
    max_valid_lifetime: int | None = param(
        default=None, low=0, high=U32, doc="The most a client may ask for; valid-lifetime where unset."
    )
    renew_timer: int | None = param(default=None, low=0, high=U32, doc="Seconds until a client renews (T1).")
    rebind_timer: int | None = param(default=None, low=0, high=U32, doc="Seconds until a client rebinds (T2).")
    calculate_tee_times: bool | None = param(
        default=None, inherit=False, doc="Whether T1 and T2 are computed from the lifetime where unset."
    )
    t1_percent: float | None = param(default=None, inherit=0.5, doc="T1 as a part of the lifetime.")
    t2_percent: float | None = param(default=None, inherit=0.875, doc="T2 as a part of the lifetime.")
    option_data: tuple[OptionDataDoc, ...] = param(default=(), doc="Options for all clients here.")
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
        default=None, choices=RESERVATION_MODES, doc="Old form of the three reservations- flags."
    )
    cache_threshold: float | None = param(
        default=None,
        inherit=0.25,
        doc="The part of a lifetime within which a renewal is answered from the lease at hand.",
    )
    cache_max_age: int | None = param(
        default=None, low=0, high=U32, doc="Seconds within which a renewal is answered from the lease at hand."
    )
    store_extended_info: bool | None = param(
        default=None, inherit=False, doc="Whether a lease keeps what the relay agent said."
    )
    allocator: str | None = param(
        default=None,
        inherit="iterative",
        choices=ALLOCATORS,
        doc="The order in which addresses are tried.",
    )
    adaptive_lease_time_threshold: float | None = param(
        default=None, low=0, high=1, doc="The part of a pool in use from which on lifetimes get short."
    )


@document("client-classes")
class ClassDoc(CommentedDoc):
    """A class of clients, as both servers know it."""

    name: str = param(doc="The class's name.")
    test: str = param(default="", doc="The expression whose truth puts a client into the class.")
    template_test: str = param(default="", doc="The expression whose value names a class of its own.")
    option_data: tuple[OptionDataDoc, ...] = param(default=(), doc="Options for clients in the class.")
    valid_lifetime: int | None = param(default=None, low=0, high=U32, doc="Seconds a lease is valid.")
    min_valid_lifetime: int | None = param(default=None, low=0, high=U32, doc="The least a client may ask for.")
    max_valid_lifetime: int | None = param(default=None, low=0, high=U32, doc="The most a client may ask for.")
    only_in_additional_list: bool = param(
        default=False,
        aliases=["only-if-required"],
        doc="Whether it is evaluated only where a subnet or pool asks for it.",
    )


@document("interfaces-config")
class ListeningDoc(CommentedDoc):
    """How a server keeps its sockets open."""

    re_detect: bool = param(default=True, idle=True, doc="Whether interfaces are detected again on reconfiguration.")
    service_sockets_max_retries: int = param(
        default=0, low=0, high=U32, doc="How often opening a socket is tried again."
    )
    service_sockets_retry_wait_time: int = param(
        default=5000, low=0, high=U32, doc="Milliseconds between two attempts to open a socket."
    )
    service_sockets_require_all: bool = param(
        default=False, doc="Whether the server stops where one socket cannot be opened."
    )


@document("lease-database")
class DatabaseDoc(CommentedDoc):
    """A database and how it is reached."""

    type: str = param(choices=DATABASES, doc="The kind of database.")
    name: str = param(default="", doc="The database's name; for memfile the lease file.")
    user: str = param(default="", idle=True, doc="The database user.")
    password: str = param(default="", idle=True, doc="The database user's password.")
    host: str = param(default="", idle=True, doc="The database server.")
    port: int = param(default=0, low=0, high=U16, idle=True, doc="The database server's port.")
    readonly: bool = param(default=False, idle=True, doc="Whether nothing is written to it.")
    connect_timeout: int = param(default=5, low=0, high=U32, idle=True, doc="Seconds until connecting is given up.")
    read_timeout: int = param(default=0, low=0, high=U32, idle=True, doc="Seconds until an answer is given up.")
    write_timeout: int = param(default=0, low=0, high=U32, idle=True, doc="Seconds until a write is given up.")
    tcp_user_timeout: int = param(default=0, low=0, high=U32, idle=True, doc="Seconds unanswered data may wait.")
    tcp_keepalive: int = param(default=0, low=0, high=U32, idle=True, doc="Seconds between signs of life.")
    request_timeout: int = param(default=0, low=0, high=U32, idle=True, doc="Seconds until a request is given up.")
    max_reconnect_tries: int = param(default=0, low=0, high=U32, idle=True, doc="How often to connect again.")
    reconnect_wait_time: int = param(
        default=0, low=0, high=U32, idle=True, doc="Milliseconds between two attempts to connect."
    )
    on_fail: str = param(
        default="stop-retry-exit",
        choices=("stop-retry-exit", "serve-retry-exit", "serve-retry-continue"),
        idle=True,
        doc="What a lost connection means for the service.",
    )
    retry_on_startup: bool = param(default=False, idle=True, doc="Whether the first connection is tried again too.")
    trust_anchor: str = param(default="", idle=True, doc="The certificate authority for TLS.")
    cert_file: str = param(default="", idle=True, doc="The client's certificate for TLS.")
    key_file: str = param(default="", idle=True, doc="The client's key for TLS.")
    ssl_mode: str = param(
        default="",
        choices=("", "disable", "prefer", "require", "verify-ca", "verify-full"),
        idle=True,
        doc="How strictly TLS is asked for (PostgreSQL).",
    )
    cipher_list: str = param(default="", idle=True, doc="The ciphers allowed for TLS.")
    contact_points: str = param(default="", idle=True, doc="Cassandra: nodes to connect to first.")
    keyspace: str = param(default="", idle=True, doc="Cassandra: the keyspace.")
    consistency: str = param(default="", idle=True, doc="Cassandra: the consistency level.")
    serial_consistency: str = param(default="", idle=True, doc="Cassandra: the serial consistency level.")


@document("lease-database")
class LeaseDatabaseDoc(DatabaseDoc):
    """Where leases are kept."""

    persist: bool = param(default=True, doc="Whether leases are written to the lease file at all.")
    lfc_interval: int = param(
        default=3600, low=0, high=U32, doc="Seconds between two clean-ups of the lease file; 0 for none."
    )
    max_row_errors: int = param(
        default=0, low=0, high=U32, doc="Broken rows after which loading the lease file is given up; 0 for never."
    )
    durability: str = param(
        default="fsync",
        choices=("fsync", "os"),
        doc="fsync: a lease is on the disk before the client hears of it. os: it is in the kernel's cache, as in Kea.",
    )


@document("expired-leases-processing")
class ExpiredLeasesDoc(Document):
    """How leases that have ended are cleared away."""

    reclaim_timer_wait_time: int = param(default=10, low=0, high=U16, doc="Seconds between two rounds; 0 for none.")
    flush_reclaimed_timer_wait_time: int = param(
        default=25, low=0, high=U16, doc="Seconds between two removals of reclaimed leases; 0 for none."
    )
    hold_reclaimed_time: int = param(default=3600, low=0, high=U32, doc="Seconds a reclaimed lease is kept.")
    max_reclaim_leases: int = param(default=100, low=0, high=U32, doc="The most leases of one round; 0 for no limit.")
    max_reclaim_time: int = param(default=250, low=0, high=U16, doc="The most milliseconds of a round; 0 for no limit.")
    unwarned_reclaim_cycles: int = param(
        default=5, low=0, high=U16, doc="Rounds that may leave leases over before a warning is logged."
    )


@document("sanity-checks")
class SanityChecksDoc(Document):
    """What is done with leases that do not fit the configuration."""

    lease_checks: str = param(
        default="warn",
        choices=("none", "warn", "fix", "fix-del", "del"),
        idle=True,
        doc="What is done with a lease whose subnet is another or gone.",
    )
    extended_info_checks: str = param(
        default="fix",
        choices=("none", "fix", "strict", "pedantic"),
        idle=True,
        doc="How strictly a lease's record of the relay agent is checked.",
    )


@document("http-headers")
class HttpHeaderDoc(CommentedDoc):
    """A header added to HTTP answers."""

    name: str = param(idle=True, doc="The header's name.")
    value: str = param(default="", idle=True, doc="The header's value.")


@document("clients")
class AuthClientDoc(CommentedDoc):
    """Who may use a control socket."""

    user: str = param(default="", idle=True, doc="The user's name.")
    password: str = param(default="", idle=True, doc="The user's password.")
    user_file: str = param(default="", idle=True, doc="The file that holds the user's name.")
    password_file: str = param(default="", idle=True, doc="The file that holds the password, or name and password.")


@document("authentication")
class AuthenticationDoc(CommentedDoc):
    """How users of a control socket show who they are."""

    type: str = param(default="basic", choices=("basic",), idle=True, doc="The method; HTTP basic is the only one.")
    realm: str = param(default="", idle=True, doc="The realm shown to the user.")
    directory: str = param(default="", idle=True, doc="The folder of user and password files.")
    clients: tuple[AuthClientDoc, ...] = param(default=(), idle=True, doc="The users.")


@document("control-socket")
class ControlSocketDoc(CommentedDoc):
    """A socket that takes commands."""

    socket_type: str = param(choices=("unix", "http", "https"), idle=True, doc="The kind of socket.")
    socket_name: str = param(default="", idle=True, doc="The path of a unix socket.")
    socket_address: str = param(default="127.0.0.1", idle=True, doc="The address an HTTP socket listens at.")
    socket_port: int = param(default=8000, low=0, high=U16, idle=True, doc="The port of an HTTP socket.")
    trust_anchor: str = param(default="", idle=True, doc="The certificate authority of clients, for TLS.")
    cert_file: str = param(default="", idle=True, doc="The server's certificate for TLS.")
    key_file: str = param(default="", idle=True, doc="The server's key for TLS.")
    cert_required: bool = param(default=True, idle=True, doc="Whether clients must show a certificate.")
    http_headers: tuple[HttpHeaderDoc, ...] = param(default=(), idle=True, doc="Headers added to answers.")
    authentication: AuthenticationDoc = param(
        default=AuthenticationDoc(), idle=True, doc="How users show who they are."
    )


@document("hooks-libraries")
class HooksLibraryDoc(CommentedDoc):
    """A hook library."""

    library: str = param(idle=True, doc="The library's name or path.")
    parameters: Json = param(default=NOTHING, idle=True, doc="What the library is told.")


@document("output-options")
class LoggerOutputDoc(Document):
    """Where a logger writes."""

    output: str = param(doc="`stdout`, `stderr`, `syslog`, `syslog:NAME`, or a file.")
    flush: bool = param(default=True, doc="Whether every line is written at once.")
    maxsize: int = param(default=10240000, low=0, high=U32, doc="Octets after which a file is rotated; 0 for never.")
    maxver: int = param(default=1, low=0, high=U32, doc="How many rotated files are kept.")
    pattern: str = param(default="", doc="The form of a line.")


@document("loggers")
class LoggerDoc(CommentedDoc):
    """What is logged, and where to."""

    name: str = param(doc="The logger: `kea-dhcp4` for all, `kea-dhcp4.leases` for a part.")
    severity: str = param(default="INFO", doc="The least severity that is logged.")
    debuglevel: int = param(default=0, low=0, high=99, doc="How much severity DEBUG says.")
    output_options: tuple[LoggerOutputDoc, ...] = param(
        default=(), aliases=["output_options"], doc="Where it is written."
    )


@document("multi-threading")
class MultiThreadingDoc(CommentedDoc):
    """Kea's threads; dhcpkit works in batches on one core instead."""

    enable_multi_threading: bool = param(default=True, idle=True, doc="Whether Kea uses threads.")
    thread_pool_size: int = param(default=0, low=0, high=U16, idle=True, doc="How many threads; 0 for one a core.")
    packet_queue_size: int = param(default=64, low=0, high=U32, idle=True, doc="How many packets wait for a thread.")


@document("dhcp-queue-control")
class QueueControlDoc(CommentedDoc):
    """Kea's queue between socket and server."""

    enable_queue: bool = param(default=False, idle=True, doc="Whether packets are queued.")
    queue_type: str = param(default="kea-ring4", idle=True, doc="The kind of queue.")
    capacity: int = param(default=64, low=0, high=U32, idle=True, doc="How many packets the queue holds.")


@document("dhcp-ddns")
class DhcpDdnsDoc(CommentedDoc):
    """The server for updates of DNS."""

    enable_updates: bool = param(default=False, doc="Whether name changes are sent at all.")
    server_ip: str = param(default="127.0.0.1", idle=True, doc="The address of the DDNS server.")
    server_port: int = param(default=53001, low=0, high=U16, idle=True, doc="The port of the DDNS server.")
    sender_ip: str = param(default="", idle=True, doc="The address name changes are sent from.")
    sender_port: int = param(default=0, low=0, high=U16, idle=True, doc="The port name changes are sent from.")
    max_queue_size: int = param(default=1024, low=0, high=U32, idle=True, doc="How many name changes may wait.")
    ncr_protocol: str = param(default="UDP", choices=("UDP",), idle=True, doc="The transport of name changes.")
    ncr_format: str = param(default="JSON", choices=("JSON",), idle=True, doc="The form of name changes.")
    override_no_update: bool = param(default=False, idle=True, doc="Old form of ddns-override-no-update.")
    override_client_update: bool = param(default=False, idle=True, doc="Old form of ddns-override-client-update.")
    replace_client_name: str = param(
        default="never", choices=REPLACE, idle=True, doc="Old form of ddns-replace-client-name."
    )
    generated_prefix: str = param(default="myhost", idle=True, doc="Old form of ddns-generated-prefix.")
    qualifying_suffix: str = param(default="", idle=True, doc="Old form of ddns-qualifying-suffix.")
    hostname_char_set: str = param(default="", idle=True, doc="Old form of hostname-char-set, one level up.")
    hostname_char_replacement: str = param(default="", idle=True, doc="Old form of hostname-char-replacement.")


@document("config-control")
class ConfigControlDoc(CommentedDoc):
    """Databases that hold more of the configuration."""

    config_databases: tuple[DatabaseDoc, ...] = param(default=(), idle=True, doc="The databases.")
    config_fetch_wait_time: int = param(
        default=30, low=0, high=U16, idle=True, doc="Seconds between two looks for changes."
    )


@document("compatibility")
class LenientDoc(Document):
    """Manners for clients that do not keep to the RFCs."""

    lenient_option_parsing: bool = param(
        default=False, idle=True, doc="Whether options with broken content are passed over."
    )


@document("server")
class ServerDoc(CommentedDoc):
    """What the configurations of both servers have at their top."""

    lease_database: LeaseDatabaseDoc = param(
        default=LeaseDatabaseDoc.of_written({"type": "memfile"}), doc="Where leases are kept."
    )
    expired_leases_processing: ExpiredLeasesDoc = param(
        default=ExpiredLeasesDoc(), doc="How leases that have ended are cleared away."
    )
    option_def: tuple[OptionDefDoc, ...] = param(default=(), doc="Definitions of options of one's own.")
    decline_probation_period: int = param(
        default=86400, low=0, high=U32, doc="Seconds a declined address is not given to anybody."
    )
    early_global_reservations_lookup: bool = param(
        default=False, doc="Whether global reservations are looked up before a subnet is chosen."
    )
    reservations_lookup_first: bool = param(
        default=False, idle=True, doc="Whether Kea looks up reservations before leases; who gets what is the same."
    )
    ip_reservations_unique: bool = param(default=True, doc="Whether an address may be reserved only once in a subnet.")
    loggers: tuple[LoggerDoc, ...] = param(default=(), doc="What is logged, and where to.")
    control_socket: ControlSocketDoc | None = param(
        default=None, idle=True, doc="The socket that takes commands (old form of control-sockets)."
    )
    control_sockets: tuple[ControlSocketDoc, ...] = param(default=(), idle=True, doc="The sockets that take commands.")
    hooks_libraries: tuple[HooksLibraryDoc, ...] = param(default=(), idle="grave", doc="The hook libraries, in order.")
    hosts_database: DatabaseDoc | None = param(default=None, idle="grave", doc="A database of reservations.")
    hosts_databases: tuple[DatabaseDoc, ...] = param(
        default=(), idle="grave", doc="Databases of reservations, in order."
    )
    config_control: ConfigControlDoc = param(
        default=ConfigControlDoc(), idle="grave", doc="Databases that hold more of the configuration."
    )
    server_tag: str = param(default="", idle=True, doc="The server's name in a configuration database.")
    dhcp_ddns: DhcpDdnsDoc = param(default=DhcpDdnsDoc(), idle=True, doc="The server for updates of DNS.")
    sanity_checks: SanityChecksDoc = param(
        default=SanityChecksDoc(), idle=True, doc="What is done with leases that do not fit the configuration."
    )
    multi_threading: MultiThreadingDoc = param(default=MultiThreadingDoc(), idle=True, doc="Kea's threads.")
    parked_packet_limit: int = param(default=256, low=0, high=U32, idle=True, doc="How many packets may be parked.")
    dhcp4o6_port: int = param(default=0, low=0, high=U16, idle=True, doc="The port of DHCPv4 over DHCPv6.")
    statistic_default_sample_count: int = param(
        default=20, low=0, high=U32, idle=True, doc="How many samples a statistic keeps."
    )
    statistic_default_sample_age: int = param(
        default=0, low=0, high=U32, idle=True, doc="How many seconds a statistic keeps samples."
    )
    data_directory: str = param(default="", idle=True, doc="The folder of lease files (old).")
