"""A DHCPv6 message opened: what it asks, or why nobody answers it (RFC 8415 16, with Kea's leniency).

It is judged by what it says and by the configuration alone, but for the global reservation where that is wanted early.
This module does not know leases, stores or sockets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from dhcpkit.alloc.classify import ALL, DROP, KNOWN
from dhcpkit.alloc.host6 import Host6, Host6View
from dhcpkit.alloc.hwaddr6 import HwAddr6, find_hwaddr
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.lenient import mend6
from dhcpkit.alloc.names6 import fqdn_flaw6
from dhcpkit.alloc.network import REMEMBERED_MAX
from dhcpkit.alloc.network6 import Network6, Subnet6
from dhcpkit.alloc.points import Consult, NextStep
from dhcpkit.alloc.points6 import Pkt6Receive, Subnet6Select
from dhcpkit.alloc.query import Dropped
from dhcpkit.alloc.query6 import Asked6, Hint6, Query6
from dhcpkit.alloc.reserved6 import global_host6
from dhcpkit.alloc.select6 import select_subnet6
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.nested6 import Options6

__all__ = ["open6", "vendor_classes"]

SOLICIT, REQUEST, CONFIRM = (int(MessageType6[name]) for name in ("SOLICIT", "REQUEST", "CONFIRM"))
RENEW, REBIND, RELEASE = (int(MessageType6[name]) for name in ("RENEW", "REBIND", "RELEASE"))
DECLINE, INFORMATION_REQUEST = int(MessageType6.DECLINE), int(MessageType6.INFORMATION_REQUEST)
ADDR_REG_INFORM, RELAY_FORW, RELAY_REPL = 36, 12, 13
FOR_ANYBODY: Final = frozenset((SOLICIT, REBIND, CONFIRM, ADDR_REG_INFORM))  # a client identifier, no server's
FOR_US: Final = frozenset((REQUEST, RENEW, RELEASE, DECLINE))  # one of either
MULTICAST_ONLY: Final = frozenset((SOLICIT, CONFIRM, REBIND, INFORMATION_REQUEST))
SERVED: Final = FOR_ANYBODY | FOR_US | {INFORMATION_REQUEST}

CLIENT_ID, SERVER_ID, IA_NA, IAADDR, ORO, ELAPSED_TIME, RAPID_COMMIT = 1, 2, 3, 5, 6, 8, 14
VENDOR_CLASS, VENDOR_OPTIONS, IA_PD, IAPREFIX, CLIENT_FQDN = 16, 17, 25, 26, 39
IA_SIZE, IAADDR_SIZE, IAPREFIX_SIZE = 12, 24, 25  # octets of what is there besides options
ADDRESS_BITS: Final = 128
DUID_MIN, DUID_MAX = 3, 130  # octets (RFC 8415 11.1): a type of two, and at most 128 behind it
EMPTY_DUID: Final = bytes(DUID_MIN)  # Kea's mark for a lease without client
ASKED_MAX: Final = 64  # associations of a message and addresses in them: each is held against all, and clients have few
DOCSIS_CLASSES: Final = (b"docsis3.0", b"eRouter1.0")  # Kea: a vendor class among others that counts before the first


def open6(
    packet: Packet6,
    network: Network6,
    consult: Consult | None = None,
    trace: Trace = NO_TRACE,
    hosts: Host6View | None = None,
) -> Query6 | Dropped:
    """What a message asks, or why nobody answers it.

    `hosts` are the configuration's unless given; they are asked for a global reservation only, and only where it is
    wanted before a subnet is selected. Raises NotLoaded where a partial view of them must learn more first.
    """
    if network.lenient is not None:
        mend6(packet, network.lenient)
    refused = _refused(packet, network)
    if refused is not None:
        return refused
    flaw = _flaw(packet.options)
    if flaw is not None:
        return Dropped("parse-failed", flaw)
    try:
        asked = _asked(packet.options)
    except ValueError as malformed:
        return Dropped("parse-failed", str(malformed))
    classes = _classified(packet, network, trace)
    if consult is not None:
        received = Pkt6Receive(packet, tuple(classes))
        if consult(received) in (NextStep.SKIP, NextStep.DROP):
            return Dropped(received.reason, "a callout of pkt6_receive dropped it")
        classes = dict.fromkeys(received.classes)
        if received.query is not packet:
            packet = received.query
            asked = _asked(packet.options)
    duid = packet.options.first.get(CLIENT_ID, b"")
    hwaddr = find_hwaddr(packet, network.mac_sources)
    if DROP in classes:
        return Dropped("admin-filtered", "the client is in class DROP")
    early = None
    if network.early_global_reservations_lookup:
        early = _early(packet, duid, hwaddr, network, hosts or network.hosts, consult, classes, trace)
        if DROP in classes:
            return Dropped("admin-filtered", "the client is in class DROP")
    subnet = select_subnet6(packet, network, classes, trace)
    if consult is not None:
        point = Subnet6Select(packet, subnet, network.subnets)
        step = consult(point)
        if step is NextStep.DROP:
            return Dropped(point.reason, "a callout of subnet6_select dropped it")
        subnet = None if step is NextStep.SKIP else point.subnet
    return _query(packet, network, duid, hwaddr, asked, tuple(classes), subnet, early, trace)


def _classified(packet: Packet6, network: Network6, trace: Trace) -> dict[str, None]:
    """The classes that need no reservation."""
    classes: dict[str, None] = {ALL: None}
    if VENDOR_CLASS in packet.options.first:
        for name in vendor_classes(packet.options):
            classes[name] = None
            if trace:
                trace.note("classes", name, "member", "the vendor class (16) says so")
    network.classes.first(packet, classes, trace)
    return classes


def _query(  # noqa: PLR0913, PLR0917  # what was found out about a message
    packet: Packet6,
    network: Network6,
    duid: bytes,
    hwaddr: HwAddr6,
    asked: tuple[Asked6, ...],
    classes: tuple[str, ...],
    subnet: Subnet6 | None,
    early: Host6 | None,
    trace: Trace,
) -> Query6:
    first = packet.options.first
    return Query6(
        packet,
        network,
        packet.type,
        duid,
        first.get(SERVER_ID),
        asked,
        classes,
        subnet,
        network.siblings(subnet) if subnet is not None else (),
        *hwaddr,
        (_codes if len(packet.data) <= REMEMBERED_MAX else _codes.__wrapped__)(first.get(ORO, b"")),
        RAPID_COMMIT in first,
        trace,
        early,
    )


def _refused(packet: Packet6, network: Network6) -> Dropped | None:
    """RFC 8415 16.2 to 16.13: which identifiers a message must have, and must not."""
    kind, options = packet.type, packet.options
    if kind in (RELAY_FORW, RELAY_REPL):
        return Dropped("parse-failed", "a relay message without the message it relays, or too many of them")
    if packet.relays and any(relay.type != RELAY_FORW for relay in packet.relays):
        return Dropped("rfc-violation", "a RELAY-REPL is for relays")  # RFC 8415 16.14: servers discard it
    server_id = options.first.get(SERVER_ID)
    if server_id is not None and server_id != network.server_id.octets:
        return Dropped("not-for-us", "it names another server")
    if kind not in SERVED:
        # Kea counts these by their type and as dropped, under no reason.
        return Dropped("", f"a server does not serve {_name(kind)} messages")
    arrival = packet.arrival
    if kind in MULTICAST_ONLY and arrival.local and not arrival.multicast and not packet.relays:
        # RFC 8415 16: discarded where sent to a unicast address. Deviation, with Kea before 3.2: other messages to one
        # are served, although RFC 8415 18.4 asks for UseMulticast, and RFC 9915 16 for discarding them.
        return Dropped("rfc-violation", f"{_name(kind)} messages are sent to a multicast address")
    clients, servers = options.payloads(CLIENT_ID), options.payloads(SERVER_ID)
    if len(clients) != 1 and (clients or kind != INFORMATION_REQUEST):
        return Dropped("rfc-violation", f"{_name(kind)} messages have one client identifier (1), not {len(clients)}")
    if kind in FOR_ANYBODY and servers:
        return Dropped("rfc-violation", f"{_name(kind)} messages have no server identifier (2)")
    if len(servers) != 1 and (servers or kind in FOR_US):
        return Dropped("rfc-violation", f"{_name(kind)} messages have one server identifier (2), not {len(servers)}")
    if clients and (not DUID_MIN <= len(clients[0]) <= DUID_MAX or clients[0] == EMPTY_DUID):
        return Dropped("rfc-violation", f"a DUID has {DUID_MIN} to {DUID_MAX} octets, not {clients[0].hex(':')}")
    return None


def _flaw(options: Options6) -> str | None:
    """What is wrong with an option that the engine reads, identity associations aside; None where nothing is."""
    first = options.first
    oro = first.get(ORO)
    if oro is not None and (not oro or len(oro) % 2):
        return f"the option request (6) is a list of codes of two octets, not {len(oro)} octets"
    if ELAPSED_TIME in first and len(first[ELAPSED_TIME]) < 2:
        return f"the elapsed time (8) has two octets, not {len(first[ELAPSED_TIME])}"
    for code in (VENDOR_CLASS, VENDOR_OPTIONS):
        if code in first and any(len(payload) < 4 for payload in options.payloads(code)):
            return f"option {code} begins with an enterprise number of four octets"
    return fqdn_flaw6(first[CLIENT_FQDN]) if CLIENT_FQDN in first else None


def _asked(options: Options6) -> tuple[Asked6, ...]:
    """The identity associations: addresses before prefixes, else as they came; none for IA_TA (Kea).

    ValueError where one is malformed, or there are more than ASKED_MAX.
    """
    first = options.first
    found: list[Asked6] = []
    count = 0
    for code, read in ((IA_NA, _address), (IA_PD, _prefix)):
        if code not in first:
            continue
        kind, inner = (LeaseType.IA_NA, IAADDR) if code == IA_NA else (LeaseType.IA_PD, IAPREFIX)
        for payload in options.payloads(code):
            size = len(payload)
            if size < IA_SIZE:
                raise ValueError(
                    f"an identity association ({code}) has {IA_SIZE} octets before its options, not {size}"
                )
            iaid = int.from_bytes(payload[:4], "big")
            inside = () if size == IA_SIZE else Options6(payload[IA_SIZE:]).payloads(inner)
            count += 1 + len(inside)
            if count > ASKED_MAX:
                raise ValueError(f"more than {ASKED_MAX} identity associations and addresses in them")
            hints = tuple(map(read, inside))
            found.append(Asked6(kind, iaid, hints))
    return tuple(found)


def _address(payload: bytes) -> Hint6:
    """RFC 8415 21.6."""
    if len(payload) < IAADDR_SIZE:
        raise ValueError(f"an address (5) has {IAADDR_SIZE} octets before its options, not {len(payload)}")
    high, low, preferred, valid = _unpack_address(payload)
    return Hint6(high << 64 | low, ADDRESS_BITS, preferred, valid)


def _prefix(payload: bytes) -> Hint6:
    """RFC 8415 21.22; bits behind the prefix are cleared, as Kea does."""
    if len(payload) < IAPREFIX_SIZE:
        raise ValueError(f"a prefix (26) has {IAPREFIX_SIZE} octets before its options, not {len(payload)}")
    preferred, valid, length, high, low = _unpack_prefix(payload)
    if length > ADDRESS_BITS:
        raise ValueError(f"a prefix (26) has at most {ADDRESS_BITS} bits, not {length}")
    behind = ADDRESS_BITS - length
    return Hint6((high << 64 | low) >> behind << behind, length, preferred, valid)


_unpack_address: Final = struct.Struct(">QQII").unpack_from
_unpack_prefix: Final = struct.Struct(">IIBQQ").unpack_from


@lru_cache(maxsize=1024)  # clients of one kind ask for the same
def _codes(oro: bytes) -> frozenset[int]:
    return frozenset(int.from_bytes(oro[at : at + 2], "big") for at in range(0, len(oro), 2))


def vendor_classes(options: Options6) -> Iterator[str]:
    """VENDOR_CLASS_<text> of the first string in each vendor class (RFC 8415 21.16), whatever the enterprise (Kea)."""
    for payload in options.payloads(VENDOR_CLASS):
        strings, at = [], 4
        while at + 2 <= len(payload):
            size = int.from_bytes(payload[at : at + 2], "big")
            strings.append(payload[at + 2 : at + 2 + size])
            at += 2 + size
        if strings:
            chosen = next((each for each in DOCSIS_CLASSES if each in strings), strings[0])
            yield "VENDOR_CLASS_" + chosen.decode("ascii", "replace")


def _early(  # noqa: PLR0913, PLR0917
    packet: Packet6,
    duid: bytes,
    hwaddr: HwAddr6,
    network: Network6,
    hosts: Host6View,
    consult: Consult | None,
    classes: dict[str, None],
    trace: Trace,
) -> Host6 | None:
    """The global reservation before a subnet is selected, so that its classes may open one (Kea)."""
    host = global_host6(packet, duid, hwaddr.octets, network, hosts, consult)
    if host is None:
        return None
    if trace:
        trace.note("reservation", host, "found", "global, before a subnet is selected", host.where)
    if host.client_classes:
        network.classes.reserved(packet, host.client_classes, classes, trace)
    classes[KNOWN] = None
    network.classes.once_known(packet, classes, trace)
    return host


def _name(kind: int) -> str:
    try:
        return MessageType6(kind).name
    except ValueError:
        return f"type {kind}"
