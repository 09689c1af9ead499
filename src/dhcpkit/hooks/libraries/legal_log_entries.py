"""The sentences of the legal log: who had which address from when on, and what operators changed. Kea's words.

What clients send stands in them, so control characters are shown as their codes: an entry is one line, whatever they
send. This module writes no files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from dhcpkit.alloc.lease import INFINITE, Lease4
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6

__all__ = ["about_command", "about_lease4", "about_lease6", "duration", "only_of"]

NOBODY: Final = "00:00:00"  # how Kea writes the DUID of a lease that has none
RELAY: Final = 82
IDENTIFYING4: Final = ((1, "circuit-id"), (2, "remote-id"), (6, "subscriber-id"))
IDENTIFYING6: Final = ((37, "remote-id"), (38, "subscriber-id"))
INTERFACE_ID: Final = 18
IA_NA, IA_PD, IAADDR, IAPREFIX = 3, 25, 5, 26
IA_HEAD: Final = 12  # octets of an association before its options
SOURCES: Final = {
    0x1: "Raw Socket",
    0x2: "DUID",
    0x4: "IPv6 Link Local",
    0x8: "Client Address Relay Option",
    0x10: "Remote ID",
    0x20: "Subscriber ID",
    0x40: "DOCSIS CMTS",
    0x80: "DOCSIS MODEM",
}  # of a hardware address, by Kea's bits


def duration(seconds: int) -> str:
    """`1 hrs 6 mins 40 secs`, with days where there are any."""
    if seconds == INFINITE:
        return "infinite duration"
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{f'{days} days ' if days else ''}{hours} hrs {minutes} mins {left} secs"


def _shown(octets: bytes) -> str:
    """Octets in hexadecimal, and as text besides where they are text."""
    text = octets.decode("ascii", "replace")
    return f"{octets.hex(':')} ({text})" if octets and text.isascii() and text.isprintable() else octets.hex(":")


def _happened(what: str, seconds: int, *, given: bool) -> str:
    return f"{what} has been assigned for {duration(seconds)} to" if given else f"{what} has been released from"


def about_lease4(packet: Packet4, lease: Lease4, *, given: bool) -> str:
    """A lease that a client was given, or gave back."""
    text = _happened(f"Address: {IPv4Address(lease.address)}", lease.valid_lifetime, given=given)
    text += f" a device with hardware address: hwtype={packet.htype} {lease.hwaddr.hex(':')}"
    if lease.client_id:
        text += f", client-id: {_shown(lease.client_id)}"
    if packet.giaddr:
        text += f" connected via relay at address: {IPv4Address(packet.giaddr)}"
        inside = dict(_suboptions(packet.options.get(RELAY, b"")))
        known = [f"{name}: {_shown(inside[code])}" for code, name in IDENTIFYING4 if inside.get(code)]
        if known:
            text += f", identified by {' and '.join(known)}"
    return text + _context(lease.user_context)


def about_lease6(packet: Packet6, lease: Lease6, *, given: bool) -> str:
    """A lease that a client was given, or gave back."""
    address = IPv6Address(lease.address)
    what = f"Prefix: {address}/{lease.prefix_len}" if lease.type == LeaseType.IA_PD else f"Address: {address}"
    text = _happened(what, lease.valid_lifetime, given=given)
    text += f" a device with DUID: {lease.duid.hex(':') if lease.duid else NOBODY}"
    if lease.hwaddr:
        source = SOURCES.get(lease.hwaddr_source, "UNKNOWN")
        text += f" and hardware address: hwtype={lease.hwtype} {lease.hwaddr.hex(':')} (from {source})"
    if packet.relays:
        relay = packet.relays[0]  # the one nearest to the server
        peer, link = IPv6Address(relay.peer), IPv6Address(relay.link)
        text += f" connected via relay at address: {peer} for client on link address: {link}, hop count: {relay.hops}"
        first = relay.options.first
        known = [f"{name}: {_shown(first[code])}" for code, name in IDENTIFYING6 if first.get(code)]
        if known:
            text += f", identified by {' and '.join(known)}"
        if first.get(INTERFACE_ID):
            text += f", connected at location interface-id: {_shown(first[INTERFACE_ID])}"
    return text + _context(lease.user_context)


def _context(context: str) -> str:
    return f", context: {context}" if context else ""


def _suboptions(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 1 < len(octets):
        size = octets[at + 1]
        yield octets[at], octets[at + 2 : at + 2 + size]
        at += 2 + size


def only_of(packet: Packet6, lease: Lease6) -> Packet6:
    """A message with no other association than the one of a lease, and in it no other address: what formats read."""
    octets = b""
    for code, payload in packet.options.items():
        kept: bytes | None = payload
        if code in (IA_NA, IA_PD):
            kept = _association(code, payload, lease)
        if kept is not None:
            octets += code.to_bytes(2, "big") + len(kept).to_bytes(2, "big") + kept
    return Packet6(
        packet.type, type(packet.options)(octets), xid=packet.xid, relays=packet.relays, arrival=packet.arrival
    )


def _association(code: int, payload: bytes, lease: Lease6) -> bytes | None:
    if code != (IA_PD if lease.type == LeaseType.IA_PD else IA_NA):
        return None
    if int.from_bytes(payload[:4], "big") != lease.iaid or len(payload) < IA_HEAD:
        return None
    wanted = lease.address.to_bytes(16, "big")
    kept, found, at = payload[:IA_HEAD], False, IA_HEAD
    while at + 4 <= len(payload):
        kind = int.from_bytes(payload[at : at + 2], "big")
        end = at + 4 + int.from_bytes(payload[at + 2 : at + 4], "big")
        inner = payload[at + 4 : end]
        mine = (kind == IAADDR and inner[:16] == wanted) or (
            kind == IAPREFIX and inner[9:25] == wanted and inner[8] == lease.prefix_len
        )
        if mine or kind not in (IAADDR, IAPREFIX):
            kept += payload[at:end]
        found = found or mine
        at = end
    return kept if found else None


# Commands.


def about_command(name: str, told: Any, answered: Any) -> Iterator[tuple[str, str]]:
    """What an operator, or a partner in HA, changed: address and sentence, one for each lease."""
    if not isinstance(told, Mapping):
        return
    who = "HA partner" if told.get("origin") == "ha-partner" else "Administrator"
    family, _, verb = name.partition("-")
    if family not in ("lease4", "lease6"):
        return
    if verb in ("add", "update"):
        yield _address(told), f"{who} {_changed(family, verb, told)}"
    elif verb == "del":
        if "ip-address" in told:
            yield _address(told), f"{who} deleted the lease for address: {told['ip-address']}"
        else:
            by = f"{told.get('identifier-type', '')} of {told.get('identifier', '')}"
            yield "", f"{who} deleted a lease for a device identified by: {by}"
    elif verb == "bulk-apply":
        answered = answered if isinstance(answered, Mapping) else {}
        for key, failed, text in (
            ("deleted-leases", "failed-deleted-leases", None),
            ("leases", "failed-leases", "add"),
        ):
            lost = {each.get("ip-address") for each in _maps(answered.get(failed))}
            for each in _maps(told.get(key)):
                if each.get("ip-address") in lost:
                    continue
                if text is None:
                    yield _address(each), f"{who} deleted the lease for address: {each.get('ip-address', '')}"
                else:
                    yield _address(each), f"{who} {_changed(family, 'update', each)}"


def _maps(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else ()


def _address(told: Mapping[str, Any]) -> str:
    prefix = told.get("prefix-len")
    return f"{told.get('ip-address', '')}/{prefix}" if _is_prefix(told) else str(told.get("ip-address", ""))


def _is_prefix(told: Mapping[str, Any]) -> bool:
    return told.get("type") in ("IA_PD", "2", 2)


def _changed(family: str, verb: str, told: Mapping[str, Any]) -> str:
    text = "added a lease of" if verb == "add" else "updated information on the lease of"
    text += f" {'prefix' if _is_prefix(told) else 'address'}: {_address(told)}"
    if family == "lease4":
        text += f" to a device with hardware address: {told.get('hw-address', '')}"
        if told.get("client-id"):
            text += f", client-id: {told['client-id']}"
    else:
        text += f" to a device with DUID: {told.get('duid', '')}"
        if told.get("hw-address"):
            text += f", hardware address: {told['hw-address']}"
    lifetime = told.get("valid-lft")
    if isinstance(lifetime, int) and lifetime > 0:
        text += f" for {duration(lifetime)}"
    if isinstance(told.get("user-context"), Mapping):
        text += f", context: {json.dumps(told['user-context'])}"
    return text
