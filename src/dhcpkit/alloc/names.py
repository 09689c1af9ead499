"""Which name a client gets: options 12 and 81 in, the lease's host name, DNS flags and the answer's options out.

Option 81 (RFC 4702) wins over option 12; a reservation's host name wins over both (Kea). Without updates to send, the
server says so in option 81 (N), and that it overrode a client that asked for them (O). Pure; knows no DNS.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

import attrs

from dhcpkit.alloc.host import Host
from dhcpkit.alloc.naming import Naming, qualified, scrubbed
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn
from dhcpkit.wire.dhcp4 import Packet4

__all__ = ["NO_NAME", "Name", "choose_name", "fqdn_flaw"]

LABEL_MAX, NAME_MAX = 63, 255  # octets (RFC 1035 2.3.4)


@attrs.frozen
class Name:
    """A client's name: as the lease keeps it, and the payloads of options 12 and 81 in the answer (None: not sent).

    `forward` and `reverse` are what DNS is to know of it.
    """

    hostname: str = ""
    host_name: bytes | None = None
    fqdn: bytes | None = None
    forward: bool = False
    reverse: bool = False


NO_NAME: Final = Name()


def choose_name(packet: Packet4, naming: Naming, host: Host | None, address: int) -> Name:
    """The name for a client on its way to `address`."""
    options = packet.options
    reserved = host.hostname.lower() if host is not None else ""
    raw = options.get(81)
    if raw is not None:
        return _from_fqdn(CLIENT_FQDN.parse(raw), reserved, naming, address)
    if reserved:
        return _answered(qualified(reserved, naming, complete=False), naming)
    asked = options.get(12)
    if asked is None:
        return _answered(_made(naming, address, complete=False), naming) if naming.makes_missing else NO_NAME
    name = asked.rstrip(b"\0").decode("latin-1").strip(" \t\n")
    if not name or (name != "." and not _is_name(name)):
        return NO_NAME
    if naming.makes_instead or name == ".":
        return _answered(_made(naming, address, complete=False), naming)
    name = _small(scrubbed(name, naming))
    if "." not in name.removesuffix("."):
        name = qualified(name, naming, complete=False)
    return _answered(name, naming, "latin-1")


def _answered(name: str, naming: Naming, encoding: str = "utf-8") -> Name:
    """A name in option 12; none where DNS has no such. What asks for no updates gets all there are (Kea).

    What a client said goes back in the octets in which it came: those are latin-1.
    """
    if not _is_name(name):
        return NO_NAME
    return Name(name, name.encode(encoding, "replace"), None, naming.send_updates, naming.send_updates)


def _small(name: str) -> str:
    """In small letters, where ASCII has them (Kea)."""
    if name.isascii():
        return name.lower()
    return "".join(each.lower() if each.isascii() else each for each in name)


def _made(naming: Naming, address: int, *, complete: bool) -> str:
    """The name made of an address (Kea: `ddns-generated-prefix`, and the address with dashes)."""
    text = str(IPv4Address(address)).replace(".", "-")
    return qualified(f"{naming.generated_prefix}-{text}", naming, complete=complete)


def fqdn_flaw(raw: bytes) -> str | None:
    """What is wrong with an option 81, None where nothing is (Kea drops a message with a bad one)."""
    try:
        CLIENT_FQDN.parse(raw)
    except ValueError as error:
        return f"option 81: {error}"
    return None


def _from_fqdn(asked: ClientFqdn, reserved: str, naming: Naming, address: int) -> Name:
    if reserved:
        name = qualified(reserved, naming, complete=True)
    elif naming.makes_instead or not asked.name.removesuffix("."):
        name = _made(naming, address, complete=True)
    else:
        bare = asked.name.removesuffix(".")
        name = ".".join(scrubbed(label, naming) for label in bare.lower().split(".")).lower()
        if name:
            name = f"{name}." if asked.name.endswith(".") else qualified(name, naming, complete=True)
    if not _is_name(name):
        return NO_NAME  # Kea: nothing is left of the client's name, so it is as if it had said none
    updates, none = naming.answer_to(updates=asked.server_updates, none=asked.no_updates)
    answer = ClientFqdn(
        name,
        server_updates=updates,
        no_updates=none,
        overridden=updates != asked.server_updates,
        ascii=asked.ascii,
    )
    return Name(name, None, CLIENT_FQDN.build(answer), updates, not none)


def _is_name(name: str) -> bool:
    """Whether it is a domain name: no label is empty or too long, nor is the whole."""
    labels = name.removesuffix(".").split(".")
    return len(name) <= NAME_MAX - 2 and all(0 < len(label) <= LABEL_MAX for label in labels)
