"""Which name a client gets: options 12 and 81 in, the lease's host name and the answer's options out (Kea's rules).

Option 81 (RFC 4702) wins over option 12; a reservation's host name wins over both. Without updates to send, the server
says so in option 81 (N), and that it overrode a client that asked for them (O). Pure; knows no DNS.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Final

import attrs

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.network import Subnet4
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["NO_NAME", "Name", "choose_name", "fqdn_flaw"]

S, O, E, N = 0x01, 0x02, 0x04, 0x08  # noqa: E741  # the flags of RFC 4702 2.1 by their own letters
UNWANTED: Final = re.compile(r"[^A-Za-z0-9.-]")  # Kea: the default of `hostname-char-set`
LABEL_MAX, NAME_MAX = 63, 255  # octets (RFC 1035 2.3.4)
GENERATED_PREFIX: Final = "myhost"  # Kea: the default of `ddns-generated-prefix`


@attrs.frozen
class Name:
    """A client's name: as the lease keeps it, and the payloads of options 12 and 81 in the answer (None: not sent)."""

    hostname: str = ""
    host_name: bytes | None = None
    fqdn: bytes | None = None


NO_NAME: Final = Name()


def choose_name(packet: Packet4, subnet: Subnet4, host: Host | None, address: int) -> Name:
    """The name for a client on its way to `address`."""
    reserved = host.hostname.lower() if host is not None else ""
    raw = packet.options.get(81)
    if raw is not None and fqdn_flaw(raw) is None:
        return _from_fqdn(raw, reserved, subnet.qualifying_suffix, address)
    asked = packet.options.get(12)
    if reserved:
        name = _qualified(reserved, subnet.qualifying_suffix)
    elif asked:
        name = _qualified(_clean(asked.rstrip(b"\0").decode("latin-1")), subnet.qualifying_suffix)
    else:
        return NO_NAME
    return Name(name, name.encode()) if name else NO_NAME


def fqdn_flaw(raw: bytes) -> str | None:
    """What is wrong with an option 81, None where nothing is (Kea drops a message with a bad one)."""
    if len(raw) < 3:
        return f"option 81 has at least 3 octets, not {len(raw)}"
    if raw[0] & N and raw[0] & S:
        return "both N and S of option 81 are set, which RFC 4702 forbids"
    if raw[0] & E and _labels(raw[3:]) is None:
        return "the domain name of option 81 is not in wire form"
    return None


def _labels(wire: bytes) -> tuple[list[str], bool] | None:
    """Labels of a name in wire form and whether it is fully qualified (ends in the root); None where malformed."""
    labels: list[str] = []
    at = 0
    if len(wire) > NAME_MAX:
        return None
    while at < len(wire):
        size = wire[at]
        if size == 0:
            return (labels, True) if at + 1 == len(wire) else None
        if size > LABEL_MAX or at + 1 + size > len(wire):
            return None
        labels.append(wire[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    return labels, False


def _from_fqdn(raw: bytes, reserved: str, suffix: str, address: int) -> Name:
    flags = raw[0]
    if flags & E:
        parsed = _labels(raw[3:])
        assert parsed is not None, "a malformed option 81 never gets here"
        labels, complete = parsed
        name = ".".join(labels)
    else:
        name = raw[3:].rstrip(b"\0").decode("latin-1")
        complete = "." in name.rstrip(".")
        name = name.rstrip(".")
    name = reserved or _clean(name)
    complete = complete or ("." in reserved)
    if not name:
        name, complete = f"{GENERATED_PREFIX}-{str(IPv4Address(address)).replace('.', '-')}", False
    if not complete:
        name = _qualified(name, suffix)
    answer = N | (flags & E) | (O if flags & S else 0)
    if flags & E:
        wire = b"".join(bytes((len(label),)) + label.encode("latin-1") for label in name.split(".")) + b"\0"
    else:
        wire = name.encode("latin-1") + b"."
    return Name(name + ".", None, bytes((answer, 0, 0)) + wire)


def _clean(name: str) -> str:
    """Lower case, unwanted characters gone; empty where a label is empty or too long (Kea then ignores the name)."""
    cleaned = UNWANTED.sub("", name).lower()
    stripped = cleaned.removesuffix(".")
    if len(stripped) > NAME_MAX - 2 or not all(0 < len(label) <= LABEL_MAX for label in stripped.split(".")):
        return ""
    return stripped


def _qualified(name: str, suffix: str) -> str:
    """A name of one label with the qualifying suffix behind it; others as they are."""
    if not name or not suffix or "." in name:
        return name
    return f"{name}.{suffix.strip('.')}"
