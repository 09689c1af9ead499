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
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["NO_NAME", "Name", "choose_name", "fqdn_flaw"]

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
    if raw is not None:
        return _from_fqdn(CLIENT_FQDN.parse(raw), reserved, subnet.naming.qualifying_suffix, address)
    asked = packet.options.get(12)
    if reserved:
        name = _qualified(reserved, subnet.naming.qualifying_suffix)
    elif asked:
        name = _qualified(_clean(asked.rstrip(b"\0").decode("latin-1")), subnet.naming.qualifying_suffix)
    else:
        return NO_NAME
    return Name(name, name.encode()) if name else NO_NAME


def fqdn_flaw(raw: bytes) -> str | None:
    """What is wrong with an option 81, None where nothing is (Kea drops a message with a bad one)."""
    try:
        CLIENT_FQDN.parse(raw)
    except ValueError as error:
        return f"option 81: {error}"
    return None


def _from_fqdn(asked: ClientFqdn, reserved: str, suffix: str, address: int) -> Name:
    name = asked.name.removesuffix(".")
    complete = asked.name.endswith(".") or (asked.ascii and "." in name)  # Kea takes text with a dot as complete
    name = reserved or _clean(name)
    complete = complete or "." in reserved
    if not name:
        name, complete = f"{GENERATED_PREFIX}-{str(IPv4Address(address)).replace('.', '-')}", False
    if not complete:
        name = _qualified(name, suffix)
    answer = ClientFqdn(f"{name}.", no_updates=True, overridden=asked.server_updates, ascii=asked.ascii)
    return Name(f"{name}.", None, CLIENT_FQDN.build(answer))


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
