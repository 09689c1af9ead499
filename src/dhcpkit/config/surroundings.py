"""The documents of what stands around a server: databases, sockets for commands, libraries, loggers, DNS, threads.

What clients are given is in `documents`. This module does not know files.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from dhcpkit.config.checks import any_address, any_or_none
from dhcpkit.config.forms import any_address_text
from dhcpkit.config.param import Document, Json, Shown, document, param

__all__ = [
    "NOTHING",
    "REPLACE",
    "U16",
    "U32",
    "AuthClientDoc",
    "AuthenticationDoc",
    "CommentedDoc",
    "ConfigControlDoc",
    "ControlSocketDoc",
    "DatabaseDoc",
    "DhcpDdnsDoc",
    "HooksLibraryDoc",
    "HostsDatabaseDoc",
    "HttpHeaderDoc",
    "LeaseDatabaseDoc",
    "LoggerDoc",
    "LoggerOutputDoc",
    "MultiThreadingDoc",
    "QueueControlDoc",
    "into_file",
    "over_http",
]

NOTHING: Final = MappingProxyType[str, Any]({})
U16: Final = 2**16 - 1
U32: Final = 2**32 - 1
REPLACE: Final = ("never", "always", "when-present", "when-not-present")
DATABASES: Final = ("memfile", "mysql", "postgresql", "cql")


def over_http(doc: Document) -> bool:
    """Whether a control socket speaks HTTP: only then does it have an address and a port."""
    return doc.__dict__.get("socket_type") != "unix"


def into_file(doc: Document) -> bool:
    """Whether a logger writes into a file: only files are rotated."""
    output = str(doc.__dict__.get("output"))
    return output not in ("stdout", "stderr", "syslog") and not output.startswith("syslog:")


@document("comment")
class CommentedDoc(Document):
    """A map that may carry data of its author's."""

    user_context: Json = param(default=NOTHING, doc="Data of the operator's own; kept and shown, never looked at.")
    comment: str = param(default="", shown=Shown.NEVER, doc="A remark; becomes part of the user context.")


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


@document("hosts-database")
class HostsDatabaseDoc(DatabaseDoc):
    """Where reservations are kept besides the configuration."""

    type: str = param(
        default=None,
        inherit="sqlite",
        choices=(*DATABASES, "sqlite"),
        idle="grave",
        doc="The kind of database; `sqlite`, dhcpkit's own, is a file that the server keeps itself.",
    )
    name: str = param(
        default="", doc="The database's name; for sqlite the file, in the data directory if it is no path."
    )


@document("http-headers")
class HttpHeaderDoc(CommentedDoc):
    """A header added to HTTP answers."""

    name: str = param(doc="The header's name.")
    value: str = param(default="", doc="The header's value.")


@document("clients")
class AuthClientDoc(CommentedDoc):
    """Who may use a control socket."""

    user: str = param(
        default="",
        shown=lambda doc: doc.user_file == "" and not (doc.password_file and not doc.user),
        doc="The user's name.",
    )
    password: str = param(default="", shown=lambda doc: not doc.password_file, doc="The user's password.")
    user_file: str = param(default="", doc="The file that holds the user's name.")
    password_file: str = param(default="", doc="The file that holds the password, or name and password.")


@document("authentication")
class AuthenticationDoc(CommentedDoc):
    """How users of a control socket show who they are."""

    type: str = param(choices=("basic",), doc="The method; HTTP basic is the only one.")
    realm: str = param(default="", shown=Shown.ALWAYS, doc="The realm shown to the user.")
    directory: str = param(default="", shown=Shown.OTHER, doc="The folder of user and password files.")
    clients: tuple[AuthClientDoc, ...] = param(default=(), shown=Shown.ALWAYS, doc="The users.")


@document("control-socket")
class ControlSocketDoc(CommentedDoc):
    """A socket that takes commands."""

    socket_type: str = param(choices=("unix", "http", "https"), doc="The kind of socket.")
    socket_name: str = param(default="", doc="The path of a unix socket.")
    socket_address: str = param(
        default="127.0.0.1", shown=over_http, form=any_address_text, doc="The address an HTTP socket listens at."
    )
    socket_port: int = param(default=8000, low=0, high=U16, shown=over_http, doc="The port of an HTTP socket.")
    trust_anchor: str = param(default="", doc="The certificate authority of clients, for TLS.")
    cert_file: str = param(default="", doc="The server's certificate for TLS.")
    key_file: str = param(default="", doc="The server's key for TLS.")
    cert_required: bool = param(
        default=True, shown=lambda doc: bool(doc.trust_anchor), doc="Whether clients must show a certificate."
    )
    http_headers: tuple[HttpHeaderDoc, ...] = param(default=(), shown=Shown.OTHER, doc="Headers added to answers.")
    authentication: AuthenticationDoc = param(
        default=AuthenticationDoc(type="basic"), filled=True, doc="How users show who they are."
    )


@document("hooks-libraries")
class HooksLibraryDoc(CommentedDoc):
    """A hook library."""

    library: str = param(doc="The library's name or path, as `libdhcp_lease_cmds.so`.")
    parameters: Json = param(default=NOTHING, doc="What the library is told.")
    callout_deadline: int = param(
        default=0,
        low=0,
        high=U32,
        doc="Milliseconds a callout of the library may take; one that waits is cancelled then, others are reported. "
        "0: as the library has it, else 10 s for those that wait and 250 ms for others. dhcpkit's own.",
    )


@document("output-options")
class LoggerOutputDoc(Document):
    """Where a logger writes."""

    output: str = param(doc="`stdout`, `stderr`, `syslog`, `syslog:NAME`, or a file.")
    flush: bool = param(default=True, shown=Shown.ALWAYS, doc="Whether every line is written at once.")
    maxsize: int = param(
        default=10240000, low=0, high=U32, shown=into_file, doc="Octets after which a file is rotated; 0 for never."
    )
    maxver: int = param(default=1, low=0, high=U32, shown=into_file, doc="How many rotated files are kept.")
    pattern: str = param(
        default="", shown=Shown.ALWAYS, doc="The form of a line; `%json` for JSON, else as log4cplus has it."
    )


@document("loggers")
class LoggerDoc(CommentedDoc):
    """What is logged, and where to."""

    name: str = param(doc="The logger: `kea-dhcp4` for all, `kea-dhcp4.leases` for a part.")
    severity: str = param(
        default="",
        shown=lambda doc: bool(doc.severity) or "." not in doc.name,
        form=lambda severity: severity.upper() or "INFO",
        doc="The least severity that is logged; INFO, or what the logger above says.",
    )
    debuglevel: int = param(default=0, low=0, high=99, shown=Shown.ALWAYS, doc="How much severity DEBUG says.")
    output_options: tuple[LoggerOutputDoc, ...] = param(
        default=(), aliases=["output_options"], filled=True, shown=Shown.OTHER, doc="Where it is written."
    )


@document("multi-threading")
class MultiThreadingDoc(CommentedDoc):
    """Kea's threads; dhcpkit works in batches on one core instead."""

    enable_multi_threading: bool = param(idle=True, doc="Whether Kea uses threads.")
    thread_pool_size: int = param(
        default=0, low=0, high=U16, idle=True, shown=Shown.ALWAYS, doc="How many threads; 0 for one a core."
    )
    packet_queue_size: int = param(
        default=64, low=0, high=U16, idle=True, shown=Shown.ALWAYS, doc="How many packets wait for a thread."
    )


@document("dhcp-queue-control")
class QueueControlDoc(CommentedDoc):
    """Kea's queue between socket and server."""

    enable_queue: bool = param(idle=True, doc="Whether packets are queued.")
    queue_type: str = param(default="kea-ring4", idle=True, shown=Shown.ALWAYS, doc="The kind of queue.")
    capacity: int = param(
        default=64, low=0, high=U32, idle=True, shown=Shown.ALWAYS, doc="How many packets the queue holds."
    )


@document("dhcp-ddns")
class DhcpDdnsDoc(CommentedDoc):
    """The server for updates of DNS."""

    enable_updates: bool = param(doc="Whether name changes are sent at all.")
    server_ip: str = param(
        default="127.0.0.1",
        check=any_address,
        idle=True,
        shown=Shown.ALWAYS,
        form=any_address_text,
        doc="The address of the DDNS server.",
    )
    server_port: int = param(
        default=53001, low=0, high=U16, idle=True, shown=Shown.ALWAYS, doc="The port of the DDNS server."
    )
    sender_ip: str = param(
        default="",
        check=any_or_none,
        idle=True,
        shown=Shown.ALWAYS,
        form=any_address_text,
        doc="The address name changes are sent from; any of the server's where empty.",
    )
    sender_port: int = param(
        default=0, low=0, high=U16, idle=True, shown=Shown.ALWAYS, doc="The port name changes are sent from."
    )
    max_queue_size: int = param(
        default=1024, low=0, high=U32, idle=True, shown=Shown.ALWAYS, doc="How many name changes may wait."
    )
    ncr_protocol: str = param(
        default="UDP", choices=("UDP",), idle=True, shown=Shown.ALWAYS, doc="The transport of name changes."
    )
    ncr_format: str = param(
        default="JSON", choices=("JSON",), idle=True, shown=Shown.ALWAYS, doc="The form of name changes."
    )
    override_no_update: bool = param(default=False, shown=Shown.NEVER, doc="Old form of ddns-override-no-update.")
    override_client_update: bool = param(
        default=False, shown=Shown.NEVER, doc="Old form of ddns-override-client-update."
    )
    replace_client_name: str = param(
        default="never", choices=REPLACE, shown=Shown.NEVER, doc="Old form of ddns-replace-client-name."
    )
    generated_prefix: str = param(default="myhost", shown=Shown.NEVER, doc="Old form of ddns-generated-prefix.")
    qualifying_suffix: str = param(default="", shown=Shown.NEVER, doc="Old form of ddns-qualifying-suffix.")
    hostname_char_set: str = param(default="", shown=Shown.NEVER, doc="Old form of hostname-char-set, one level up.")
    hostname_char_replacement: str = param(default="", shown=Shown.NEVER, doc="Old form of hostname-char-replacement.")


@document("config-control")
class ConfigControlDoc(CommentedDoc):
    """Databases that hold more of the configuration."""

    config_databases: tuple[DatabaseDoc, ...] = param(default=(), idle=True, shown=Shown.ALWAYS, doc="The databases.")
    config_fetch_wait_time: int = param(
        default=30, low=0, high=U16, idle=True, doc="Seconds between two looks for changes."
    )
