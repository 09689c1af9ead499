"""The server's messages: what it tells its operator, one declaration for each (`dhcpkit.hooks.catalogue`)."""

from __future__ import annotations

from typing import Final

from dhcpkit.hooks.catalogue import Both, Message, Room, Twin

_dhcp = Both("dhcp#")
_dhcpsrv = Both("dhcpsrv")
_packets = Both("packets")
_engine = Both("alloc-engine")
_bad = Both("bad-packets")
_log = Both("log")
_dctl = Both("dctl")
_commands = Both("commands")
_hooks = Both("hooks")
_leases4, _leases6 = Room("leases", 4), Room("leases", 6)
_packets4, _packets6 = Room("packets", 4), Room("packets", 6)
_bad4, _bad6 = Room("bad-packets", 4), Room("bad-packets", 6)
_dhcp6 = Room("dhcp6", 6)
_dhcpsrv4, _dhcpsrv6 = Room("dhcpsrv", 4), Room("dhcpsrv", 6)

# The server's life

DHCP_STARTING: Final = _dhcp.info(
    "DHCP#_STARTING",
    "DHCPv# server version {version} starting",
    "The first message of every start; the version follows Kea's numbering, dhcpkit's own is in parentheses.",
)
DHCP_STARTED: Final = _dhcp.info(
    "DHCP#_STARTED",
    "DHCPv# server version {version} started",
    "The configuration is in force, the sockets are open, and clients are served from now on.",
)
DHCP_SHUTDOWN: Final = _dhcp.info(
    "DHCP#_SHUTDOWN",
    "server shutdown",
    "The server has ended in good order: what it had promised is stored, every answer due was sent.",
)
DHCP_ALREADY_RUNNING: Final = _dhcp.fatal(
    "DHCP#_ALREADY_RUNNING",
    "{program} already running? PID {pid} exists, PID file: {file}",
    "Another server was started with the same configuration file and is still alive, so this one ended. "
    "To run a second "
    "one beside it, give it a configuration file with another name, or another KEA_PIDFILE_DIR.",
)
DHCP_SERVER_FAILED: Final = _dhcp.fatal(
    "DHCP#_SERVER_FAILED",
    "server failed: {reason}",
    "The server met something it cannot work without, and ended. The reason says what it was.",
)
DHCP_INIT_FAIL: Final = _dhcp.error(
    "DHCP#_INIT_FAIL",
    "failed to initialize server: {reason}",
    "The server could not start; most often its configuration file is wrong, which the message before "
    "this one explains.",
)
DHCP_CONFIG_LOAD_FAIL: Final = _dhcp.error(
    "DHCP#_CONFIG_LOAD_FAIL",
    "configuration error using file: {file}, reason: {reason}",
    "The configuration file was refused. At a start the server ends, at a reload the earlier "
    "configuration stays in force. "
    "There is one such message for each problem.",
)
DHCP_CONFIG_SYNTAX_WARNING: Final = _dhcp.warn(
    "DHCP#_CONFIG_SYNTAX_WARNING",
    "configuration syntax warning: {reason}",
    "Something in the configuration file is accepted, but is probably not what was meant.",
)
DHCP_CONFIG_COMPLETE: Final = _dhcp.info(
    "DHCP#_CONFIG_COMPLETE",
    "DHCPv# server has completed configuration: {what}",
    "A configuration was read, found good, and is about to take effect. The text sums it up.",
)
DHCP_DYNAMIC_RECONFIGURATION: Final = _dhcp.info(
    "DHCP#_DYNAMIC_RECONFIGURATION",
    "initiate server reconfiguration using file: {file}, after receiving SIGHUP signal or config-reload command",
    "The server was asked to read its configuration file again. Clients are served meanwhile.",
)
DHCP_DYNAMIC_RECONFIGURATION_SUCCESS: Final = _dhcp.info(
    "DHCP#_DYNAMIC_RECONFIGURATION_SUCCESS",
    "dynamic server reconfiguration succeeded with file: {file}",
    "The new configuration is in force.",
)
DHCP_DYNAMIC_RECONFIGURATION_FAIL: Final = _dhcp.error(
    "DHCP#_DYNAMIC_RECONFIGURATION_FAIL",
    "dynamic server reconfiguration failed with file: {file}; the earlier configuration stays in force",
    "The new configuration could not take effect, and clients are served as before. The messages before "
    "this one say why.",
)
DHCP_CLOCK_STEP: Final = _dhcp.warn(
    "DHCP#_CLOCK_STEP",
    "the wall clock was set by {seconds} seconds; leases go on by the time that has really passed",
    "dhcpkit's own. The machine's clock jumped. No lease ends early or late by that and no address is "
    "given away, because "
    "the server counts seconds by itself; times in the lease file differ from the wall clock until the next start.",
)
DHCP_SECURITY_CHECKS_DISABLED: Final = _dhcp.warn(
    "DHCP#_SECURITY_CHECKS_DISABLED",
    "invoked with command line option -X, security checks have been disabled",
    "The restrictions on where files and sockets may lie are off.",
)
DHCP_NOT_SERVED_YET: Final = _dhcp.warn(
    "DHCP#_NOT_SERVED_YET",
    "{reason}",
    "dhcpkit's own. The key is understood and kept, yet nothing comes of it; whoever relies on it must know.",
)

# Commands

COMMAND_RECEIVED: Final = _commands.info(
    "COMMAND_RECEIVED",
    "received command '{command}' by {channel}",
    "Somebody sent a command over a control socket. What it was told is not logged: it may be a secret.",
)
COMMAND_FAILED: Final = _commands.error(
    "COMMAND_FAILED",
    "command '{command}' failed: {reason}",
    "dhcpkit's own. A command met a fault in dhcpkit, and its sender was told so; clients are served as before. Please "
    "report it.",
)
COMMAND_REFUSED: Final = _commands.warn(
    "COMMAND_REFUSED",
    "command '{command}' by {channel} is not allowed: {reason}",
    "dhcpkit's own. The roles of the hook library rbac do not let this caller run the command, which was not run.",
)
COMMAND_SOCKET_OPEN: Final = _commands.info(
    "COMMAND_SOCKET_OPEN",
    "commands are taken at {socket}",
    "dhcpkit's own. The control socket is there, and whoever belongs to its group may use it.",
)
COMMAND_SOCKET_FAILED: Final = _commands.error(
    "COMMAND_SOCKET_FAILED",
    "no commands are taken at {socket}: {reason}",
    "dhcpkit's own. The control socket cannot be opened; the server runs without it. Mostly the folder is missing or "
    "not the server's, or another server has the same socket-name.",
)

# Sockets

DHCPSRV_CFGMGR_ADD_IFACE: Final = _dhcpsrv.info(
    "DHCPSRV_CFGMGR_ADD_IFACE",
    "listening on interface {interface}",
    "The interface is served, on all its addresses.",
)
DHCPSRV_CFGMGR_ALL_IFACES_ACTIVE: Final = _dhcpsrv.info(
    "DHCPSRV_CFGMGR_ALL_IFACES_ACTIVE",
    "enabling listening on all interfaces",
    "The configuration names `*`: every interface with an address is served, but the loopback one.",
)
DHCPSRV_CFGMGR_USE_ADDRESS: Final = _dhcpsrv4.info(
    "DHCPSRV_CFGMGR_USE_ADDRESS",
    "listening on address {address}, on interface {interface}",
    "Only this address of the interface is served.",
)
DHCPSRV_CFGMGR_USE_UNICAST: Final = _dhcpsrv6.info(
    "DHCPSRV_CFGMGR_USE_UNICAST",
    "listening on unicast address {address}, on interface {interface}",
    "This address is served besides the interface's link-local one and the groups: relay agents send there.",
)
DHCP6_USING_SERVERID: Final = _dhcp6.info(
    "DHCP6_USING_SERVERID",
    "server is using server-id {duid} and stores in the file {file}",
    "The DUID the server calls itself by. Clients renew with the server of that name, so it must not change: it is "
    "kept in the file.",
)
DHCP6_SERVERID_NOT_KEPT: Final = _dhcp6.warn(
    "DHCP6_SERVERID_NOT_KEPT",
    "the server-id cannot be kept in the file {file}: {reason}",
    "dhcpkit's own. The server works, but may call itself otherwise after its next start; clients then have to look "
    "for a server anew. Make the folder writable, or give all parts of server-id.",
)
DHCPSRV_CFGMGR_SOCKET_TYPE_SELECT: Final = _dhcpsrv4.info(
    "DHCPSRV_CFGMGR_SOCKET_TYPE_SELECT",
    "using socket type {type}",
    "How clients are reached: `raw` answers those that have no address yet directly, `udp` only by broadcast.",
)
DHCPSRV_OPEN_SOCKET_FAIL: Final = _dhcpsrv.warn(
    "DHCPSRV_OPEN_SOCKET_FAIL",
    "failed to open socket: {reason}",
    "One interface or address cannot be served now. The server goes on with the others and tries again when the "
    "machine's interfaces change, and as often as service-sockets-max-retries says.",
)
DHCPSRV_NO_SOCKETS_OPEN: Final = _dhcpsrv.warn(
    "DHCPSRV_NO_SOCKETS_OPEN",
    "no interface configured to listen to DHCP traffic",
    "Nobody is served: no interface is configured, or none of them could be opened.",
)
DHCP_OPEN_SOCKETS_FAILED: Final = _dhcp.warn(
    "DHCP#_OPEN_SOCKETS_FAILED",
    "maximum number of open service sockets attempts: {attempts}, has been exhausted without success",
    "As often as service-sockets-max-retries allows, opening a socket has failed. It is tried again when the machine's "
    "interfaces or addresses change.",
)
DHCP_OPEN_SOCKET: Final = _dhcp.debug(
    "DHCP#_OPEN_SOCKET", 0, "opening {type} socket on {where}, port {port}", "A service socket is about to be opened."
)

# Leases at large

DHCPSRV_MEMFILE_DB: Final = _dhcpsrv.info(
    "DHCPSRV_MEMFILE_DB",
    "opening memory file lease database: {parameters}",
    "Leases are kept in memory and in a file, with these parameters.",
)
DHCPSRV_RESERVATION_IN_PART: Final = _dhcpsrv.warn(
    "DHCPSRV_RESERVATION_IN_PART",
    "a reservation means nothing to this configuration in part: {reason}",
    "It is in a store of reservations, and one of its options, say, is defined no longer. Its addresses are kept for"
    " its client all the same, without the options; the command reservation-update mends it.",
)
DHCPSRV_MEMFILE_LEASE_FILE_LOAD: Final = _dhcpsrv.info(
    "DHCPSRV_MEMFILE_LEASE_FILE_LOAD",
    "loading leases from file {file}",
    "The leases of earlier runs are read. Clients are served when that is done.",
)
DHCPSRV_MEMFILE_LEASES_RELOAD_END: Final = _dhcpsrv.info(
    "DHCPSRV_MEMFILE_LEASES_RELOAD_END",
    "{count} leases loaded from {file} in {seconds} seconds",
    "dhcpkit's own wording. How many leases of earlier runs are known.",
)
DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR: Final = _dhcpsrv.error(
    "DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR",
    "{reason}",
    "A row of a lease file is not a lease. It is left out, the others count; the row is not lost, the "
    "file keeps it until "
    "its next clean-up.",
)
DHCPSRV_LEASE_EXTENDED_INFO_SANITY_FAIL: Final = _dhcpsrv.error(
    "DHCPSRV_LEASE#_EXTENDED_INFO_SANITY_FAIL",
    "what lease {address} has kept of its relay agents is taken out: {because}",
    "The user context of a lease does not hold what extended-info-checks asks for. The lease itself, and whatever else "
    "is in its user context, stays.",
)
DHCPSRV_LEASE_SANITY_FAIL: Final = _dhcpsrv.warn(
    "DHCPSRV_LEASE_SANITY_FAIL",
    "lease {address} has subnet-id {id}, but its address is {where}: kept as it is",
    "A lease does not fit the configuration, and lease-checks leaves it (warn), or cannot put it right (fix). Its "
    "client keeps the address while it renews it in that subnet; nobody else gets it before the lease ends.",
)
DHCPSRV_LEASE_SANITY_FAIL_DISCARD: Final = _dhcpsrv.info(
    "DHCPSRV_LEASE_SANITY_FAIL_DISCARD",
    "lease {address} has subnet-id {id}, but its address is {where}: dropped",
    "A lease does not fit the configuration, and lease-checks drops such leases (del, or fix-del where its address is "
    "in no subnet). A lease file keeps the row until its next clean-up.",
)
DHCPSRV_LEASE_SANITY_FIXED: Final = _dhcpsrv.info(
    "DHCPSRV_LEASE_SANITY_FIXED",
    "lease {address} had subnet-id {id}, but its address is {where}: it is there now",
    "A lease had the number of another subnet, and lease-checks (fix, fix-del) has put it into the one that holds its "
    "address.",
)
DHCPSRV_MEMFILE_LFC_START: Final = _dhcpsrv.info(
    "DHCPSRV_MEMFILE_LFC_START",
    "starting Lease File Cleanup",
    "The lease file is about to be rewritten with one row for each lease (lfc-interval).",
)
DHCPSRV_MEMFILE_LFC_FAIL: Final = _dhcpsrv.error(
    "DHCPSRV_MEMFILE_LFC_FAIL",
    "Lease File Cleanup failed: {reason}",
    "dhcpkit's own. The lease file stays as it is, nothing is lost; it is tried again after lfc-interval.",
)
DHCPSRV_LEASE_STORE_UNAVAILABLE: Final = _dhcpsrv.error(
    "DHCPSRV_LEASE_STORE_UNAVAILABLE",
    "the lease store cannot be used: {reason}; clients keep what they have, nothing new is promised",
    "dhcpkit's own. The disk is full or the database is away. Holders of leases get the time that "
    "remains of them, others "
    "get no answer, and nobody a DHCPNAK, until the store works again.",
)
DHCPSRV_LEASE_STORE_AVAILABLE: Final = _dhcpsrv.info(
    "DHCPSRV_LEASE_STORE_AVAILABLE",
    "the lease store works again after {seconds} seconds",
    "dhcpkit's own. Leases are given and extended as usual.",
)
DHCPSRV_DHCP_DDNS_NCR_REJECTED: Final = _dhcpsrv.error(
    "DHCPSRV_DHCP_DDNS_NCR_REJECTED",
    "DNS will not hear of {name} ({address}){others}: {most} changes of names wait already",
    "Names change faster than whoever passes them on to DNS takes them, or nobody takes them. The leases are as they "
    "should be; what DNS holds of these names stays as it was until they change again.",
)
ALLOC_ENGINE_LEASES_RECLAMATION_COMPLETE: Final = _engine.debug(
    "ALLOC_ENGINE_V#_LEASES_RECLAMATION_COMPLETE",
    40,
    "reclaimed {count} leases in {milliseconds} ms",
    "Leases whose time was over were taken back.",
)
ALLOC_ENGINE_LEASES_RECLAMATION_SLOW: Final = _engine.warn(
    "ALLOC_ENGINE_V#_LEASES_RECLAMATION_SLOW",
    "expired leases still exist after {cycles} reclamations",
    "Leases run out faster than expired-leases-processing lets the server take them back. Clients are not affected, an "
    "address whose lease is over can be given anew; raise max-reclaim-leases or max-reclaim-time.",
)
ALLOC_ENGINE_LEASE_RECLAIM: Final = _engine.debug(
    "ALLOC_ENGINE_V#_LEASE_RECLAIM", 40, "reclaiming expired lease for address {address}", "One lease is taken back."
)

# One client's exchange

DHCP4_LEASE_OFFER: Final = _leases4.info(
    "DHCP4_LEASE_OFFER",
    "{client}: lease {address} will be offered",
    "A client asked who has an address for it, and is offered this one. Nothing is promised yet. Kea 2.2 "
    "calls it DHCP4_LEASE_ADVERT.",
)
DHCP4_LEASE_ALLOC: Final = _leases4.info(
    "DHCP4_LEASE_ALLOC",
    "{client}: lease {address} has been allocated for {lifetime} seconds",
    "The client has the address for so long: the lease is new, extended or repeated.",
)
DHCP4_LEASE_REUSE: Final = _leases4.info(
    "DHCP4_LEASE_REUSE",
    "{client}: lease {address} has been reused for {lifetime} seconds",
    "The lease is young enough to be repeated without being written again (cache-threshold); the client "
    "gets what remains.",
)
DHCP4_RELEASE: Final = _leases4.info(
    "DHCP4_RELEASE", "{client}: address {address} was released properly.", "The client gave its address back."
)
DHCP4_DECLINE_LEASE: Final = _leases4.info(
    "DHCP4_DECLINE_LEASE",
    "Received DHCPDECLINE for addr {address} from client {client}. The lease will be unavailable for "
    "{lifetime} seconds.",
    "The client found its address in use by somebody else. Nobody gets it until the probation is over; "
    "look who has it.",
)
DHCP4_INFORM_ANSWERED: Final = _packets4.debug(
    "DHCP4_INFORM_ANSWERED",
    40,
    "{client}: options are sent to a client with an address of its own",
    "dhcpkit's own. A DHCPINFORM was answered; no lease is involved.",
)
DHCP4_PACKET_NAK: Final = _packets4.info(
    "DHCP4_PACKET_NAK",
    "{client}: the request is refused with a DHCPNAK: {because}",
    "dhcpkit's own: one message where Kea has several. The client begins anew.",
)
DHCP_NO_ANSWER: Final = _packets.debug(
    "DHCP#_NO_ANSWER",
    40,
    "{client}: no answer is sent: {because}",
    "dhcpkit's own: one message where Kea has many. Silence is what the protocol asks for here.",
)
DHCP_PACKET_RECEIVED: Final = _packets.debug(
    "DHCP#_PACKET_RECEIVED",
    40,
    "{client}: {type} received from {source} on interface {interface}",
    "A message was received and understood.",
)
DHCP_PACKET_SEND: Final = _packets.debug(
    "DHCP#_PACKET_SEND",
    40,
    "{client}: packet {type} was sent to {destination} on interface {interface}",
    "An answer is on its way.",
)
DHCP_PACKET_SEND_FAIL: Final = _packets.error(
    "DHCP#_PACKET_SEND_FAIL",
    "{client}: failed to send an answer on interface {interface}: {reason}",
    "The machine refused to send an answer. The client will ask again.",
)
DHCP4_BUFFER_RECEIVE_FAIL: Final = _packets4.error(
    "DHCP4_BUFFER_RECEIVE_FAIL",
    "error on attempt to receive packet on interface {interface}: {reason}",
    "A socket could not be read. It is kept open; an interface that went away is noticed and closed.",
)
DHCP4_PACKET_DROP_0001: Final = _bad4.debug(
    "DHCP4_PACKET_DROP_0001",
    15,
    "failed to parse packet from {source}, received over interface {interface}, reason: {reason}",
    "What arrived is not a DHCP message. Counted as pkt4-parse-failed.",
)
DHCP4_PACKET_DROP_0003: Final = _bad4.debug(
    "DHCP4_PACKET_DROP_0003",
    45,
    "{client}, from interface {interface}: {reason}",
    "The message names another server, and is that one's business. Counted as pkt4-not-for-us.",
)
DHCP4_PACKET_DROP_0004: Final = _bad4.debug(
    "DHCP4_PACKET_DROP_0004",
    15,
    "{client}, from interface {interface}: {reason}",
    "The message breaks the protocol. Counted as pkt4-rfc-violation.",
)
DHCP4_PACKET_DROP_0010: Final = _bad4.debug(
    "DHCP4_PACKET_DROP_0010",
    45,
    "{client}, from interface {interface}: {reason}",
    "The configuration or a callout wants this client unanswered. Counted as pkt4-admin-filtered.",
)
DHCP_PACKET_DROP_LIMIT: Final = _bad.debug(
    "DHCP#_PACKET_DROP_LIMIT",
    45,
    "{client}, from interface {interface}: {reason}",
    "dhcpkit's own. The message gets no answer because a limit of the configuration's `protection` is reached. Counted "
    "as pkt#-limit-exceeded.",
)
DHCP_LIMIT_REACHED: Final = _bad.warn(
    "DHCP#_LIMIT_REACHED",
    "{client}, from interface {interface}: {reason}",
    "dhcpkit's own. A client got nothing because a limit of the configuration's `protection` is reached; clients that "
    "have a lease keep it. If the clients there are honest, raise the limit.",
)
DHCP_CLONED_CLIENT: Final = _bad.warn(
    "DHCP#_CLONED_CLIENT",
    "{client}, from interface {interface}: the client changed ports more than {count} times within a minute",
    "dhcpkit's own. Two machines with one identity, or somebody who plays another one (clone-alternations). All of "
    "them are given the one address that belongs to the identity. Counted as dhcpkit-cloned-clients.",
)
DHCP4_ANSWER_IN_PIECES: Final = _packets4.warn(
    "DHCP4_ANSWER_IN_PIECES",
    "an answer of {size} octets to {client}, at {address}, is longer than a frame of interface {interface} and was "
    "sent in pieces",
    "dhcpkit's own. There are more, or longer, options for the client than one frame has room for. Clients that have "
    "no address yet seldom put pieces together: most of them will not get this answer. Give them less.",
)
DHCP_ANSWER_TOO_LONG: Final = _bad.warn(
    "DHCP#_ANSWER_TOO_LONG",
    "{client}, from interface {interface}: an answer of {size} octets is not sent to {destination}, because the "
    "message had {asked}",
    "dhcpkit's own. Whoever writes a foreign address into a message would have the server send much to it for little. "
    "List the relay agent (`relay`, or `relays` in `protection`) to vouch for it, or raise `amplification`. Counted as "
    "dhcpkit-amplifications.",
)
DHCP4_PACKET_DROP_0011: Final = _bad4.debug(
    "DHCP4_PACKET_DROP_0011",
    45,
    "{client}: an earlier message of this client is still being worked on, this one is {verdict}",
    "A client that repeats itself while its lease is being written gets one answer. Counted as "
    "pkt4-duplicate when dropped.",
)
DHCP_PACKET_PROCESS_EXCEPTION: Final = _packets.error(
    "DHCP#_PACKET_PROCESS_EXCEPTION",
    "exception occurred while processing a packet from {client}: {reason}",
    "A fault of the server itself. The packet is given up (pkt#-processing-failed), the next one is "
    "served. Please report "
    "it with this text.",
)
ALLOC_ENGINE_ALLOC_FAIL_SUBNET: Final = _engine.warn(
    "ALLOC_ENGINE_V#_ALLOC_FAIL_SUBNET",
    "{client}: failed to allocate an IPv# lease in the subnet {subnet}, subnet-id {id}, shared network "
    "{network}: {because}",
    "A client asked for an address and none is left for it. Counted as v#-allocation-fail. Widen the "
    "pool or shorten the "
    "lifetime.",
)

# One client's exchange, DHCPv6

DHCP6_LEASE_ADVERT: Final = _leases6.info(
    "DHCP6_LEASE_ADVERT",
    "{client}: lease for address {address} and iaid={iaid} will be advertised",
    "A client looks for servers, and is offered this address for one of its identity associations. Nothing is promised "
    "yet.",
)
DHCP6_PD_LEASE_ADVERT: Final = _leases6.info(
    "DHCP6_PD_LEASE_ADVERT",
    "{client}: lease for prefix {address}/{length} and iaid={iaid} will be advertised",
    "As DHCP6_LEASE_ADVERT, for a prefix to be delegated.",
)
DHCP6_LEASE_ALLOC: Final = _leases6.info(
    "DHCP6_LEASE_ALLOC",
    "{client}: lease for address {address} and iaid={iaid} has been allocated for {lifetime} seconds",
    "The client has the address for so long: the lease is new.",
)
DHCP6_PD_LEASE_ALLOC: Final = _leases6.info(
    "DHCP6_PD_LEASE_ALLOC",
    "{client}: lease for prefix {address}/{length} and iaid={iaid} has been allocated for {lifetime} seconds",
    "As DHCP6_LEASE_ALLOC, for a delegated prefix.",
)
DHCP6_LEASE_RENEW: Final = _leases6.info(
    "DHCP6_LEASE_RENEW",
    "{client}: lease for address {address} and iaid={iaid} has been allocated",
    "The client has its address for longer.",
)
DHCP6_PD_LEASE_RENEW: Final = _leases6.info(
    "DHCP6_PD_LEASE_RENEW",
    "{client}: lease for prefix {address}/{length} and iaid={iaid} has been allocated",
    "The client has its prefix for longer.",
)
DHCP6_LEASE_REUSE: Final = _leases6.info(
    "DHCP6_LEASE_REUSE",
    "{client}: lease for address {address} and iaid={iaid} has been reused for {lifetime} seconds",
    "The lease is young enough to be repeated without being written again (cache-threshold); the client gets what "
    "remains.",
)
DHCP6_PD_LEASE_REUSE: Final = _leases6.info(
    "DHCP6_PD_LEASE_REUSE",
    "{client}: lease for prefix {address}/{length} and iaid={iaid} has been reused for {lifetime} seconds",
    "As DHCP6_LEASE_REUSE, for a delegated prefix.",
)
DHCP6_RELEASE_NA: Final = _leases6.info(
    "DHCP6_RELEASE_NA",
    "{client}: binding for address {address} and iaid={iaid} was released properly",
    "The client gave its address back.",
)
DHCP6_RELEASE_PD: Final = _leases6.info(
    "DHCP6_RELEASE_PD",
    "{client}: prefix {address}/{length} for iaid={iaid} was released properly",
    "The client gave its prefix back.",
)
DHCP6_DECLINE_LEASE: Final = _leases6.info(
    "DHCP6_DECLINE_LEASE",
    "Client {client} sent DECLINE for address {address} and the server marked it as declined. The lease will be "
    "recovered in {lifetime} seconds.",
    "The client found its address in use by somebody else. Nobody gets it until the probation is over; look who has "
    "it.",
)
DHCP6_REGISTERED: Final = _leases6.info(
    "DHCP6_REGISTERED",
    "{client}: address {address} of the client's own making is registered for {lifetime} seconds",
    "dhcpkit's own. A client told of an address it made itself (RFC 9686).",
)
DHCP6_NO_LEASE: Final = _leases6.debug(
    "DHCP6_NO_LEASE",
    40,
    "{client}: identity association iaid={iaid} gets nothing: {because}",
    "dhcpkit's own: one message where Kea has several. The answer carries a status code instead of a lease.",
)
DHCP6_ANSWERED: Final = _packets6.debug(
    "DHCP6_ANSWERED",
    40,
    "{client}: an answer about no lease is sent: {because}",
    "dhcpkit's own. An INFORMATION-REQUEST or a CONFIRM was answered; no lease is involved.",
)
DHCP6_PACKET_RECEIVE_FAIL: Final = _packets6.error(
    "DHCP6_PACKET_RECEIVE_FAIL",
    "error on attempt to receive packet on interface {interface}: {reason}",
    "A socket could not be read. It is kept open; an interface that went away is noticed and closed.",
)
DHCP6_PACKET_DROP_PARSE_FAIL: Final = _bad6.debug(
    "DHCP6_PACKET_DROP_PARSE_FAIL",
    15,
    "failed to parse packet from {source}, received over interface {interface}, reason: {reason}",
    "What arrived is not a DHCPv6 message, or an option in it that counts is damaged. Counted as pkt6-parse-failed.",
)
DHCP6_PACKET_DROP_SERVERID_MISMATCH: Final = _bad6.debug(
    "DHCP6_PACKET_DROP_SERVERID_MISMATCH",
    45,
    "{client}, from interface {interface}: {reason}",
    "The message names another server, and is that one's business. Counted as pkt6-not-for-us.",
)
DHCP6_REQUIRED_OPTIONS_CHECK_FAIL: Final = _bad6.debug(
    "DHCP6_REQUIRED_OPTIONS_CHECK_FAIL",
    15,
    "{client}, from interface {interface}: {reason}",
    "The message breaks the protocol. Counted as pkt6-rfc-violation.",
)
DHCP6_PACKET_DROP_DROP_CLASS: Final = _bad6.debug(
    "DHCP6_PACKET_DROP_DROP_CLASS",
    45,
    "{client}, from interface {interface}: {reason}",
    "The configuration or a callout wants this client unanswered. Counted as pkt6-admin-filtered.",
)
DHCP6_PACKET_DROP_DUPLICATE: Final = _bad6.debug(
    "DHCP6_PACKET_DROP_DUPLICATE",
    45,
    "{client}: an earlier message of this client is still being worked on, this one is {verdict}",
    "A client that repeats itself while its lease is being written gets one answer. Counted as pkt6-duplicate when "
    "dropped.",
)
DHCP6_UNKNOWN_MSG_RECEIVED: Final = _bad6.debug(
    "DHCP6_UNKNOWN_MSG_RECEIVED",
    15,
    "{client}, from interface {interface}: {reason}",
    "The message is of a type that clients do not send, or that is not served.",
)

# Hook libraries

HOOKS_LIBRARY_LOADED: Final = _hooks.info(
    "HOOKS_LIBRARY_LOADED",
    "hooks library {library} successfully loaded",
    "Its callouts are asked and its commands taken from now on.",
)
HOOKS_LIBRARY_UNLOADED: Final = _hooks.info(
    "HOOKS_LIBRARY_UNLOADED",
    "hooks library {library} successfully unloaded",
    "The configuration does not name it any more, or names it with other parameters.",
)
HOOKS_LIBRARY_FAULT: Final = _hooks.error(
    "HOOKS_LIBRARY_FAULT",
    "hooks library {library} failed at {what}: {reason}",
    "The library has a fault; the server goes on. Tell the library's author what stands here.",
)

# The log itself

LOG_BAD_SEVERITY: Final = _log.error(
    "LOG_BAD_SEVERITY",
    "unrecognized log severity: {severity}",
    "The configuration of a logger names no severity there is; INFO is used.",
)
LOG_BAD_DESTINATION: Final = _log.error(
    "LOG_BAD_DESTINATION",
    "unable to write log messages to {destination}: {reason}",
    "A log file cannot be opened, or the system log is not there. The other outputs go on.",
)
LOG_LINES_LOST: Final = _log.warn(
    "LOG_LINES_LOST",
    "{count} lines were lost on their way to {output}",
    "dhcpkit's own. An output of the log did not take them: the disk is full or slow, nobody reads the pipe, or the "
    "system log hangs. Clients are served meanwhile; the other outputs have the lines.",
)
DCTL_LOG_PATH_SECURITY_WARNING: Final = _dctl.warn(
    "DCTL_LOG_PATH_SECURITY_WARNING",
    "log file path does not follow the path policy: {file} is not in {folder}",
    "Kea 3.0 and later write logs only into /var/log/kea, or the folder in KEA_LOG_FILE_DIR, and do not start with "
    "another one unless they are told to (-X). dhcpkit goes by the file it is started with.",
)

__all__ = [name for name, value in globals().items() if isinstance(value, (Message, Twin))]
