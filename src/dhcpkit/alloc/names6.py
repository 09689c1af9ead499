"""Which name a DHCPv6 client gets: option 39 in, the lease's host name, DNS flags and the answer's option out.

A reservation's host name beats what the client says (Kea). Flags are those of RFC 4704 4.1: the client's S and N ask,
the server's S, N and O answer. A name may have to wait for the address that it is made of. Pure; knows no DNS.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

import attrs

from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.name_change import complete_name
from dhcpkit.alloc.naming import Naming, scrubbed
from dhcpkit.alloc.network6 import Subnet6
from dhcpkit.alloc.points import Consult
from dhcpkit.alloc.points6 import Ddns6Update
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.names import is_complete, join_labels, read_labels, split_name, wire_labels

__all__ = ["NO_NAME6", "Name6", "choose_name6", "fqdn_flaw6", "named_after", "reserved_name6"]

CLIENT_FQDN: Final = 39
S, O, N = 0x01, 0x02, 0x04  # noqa: E741  # RFC 4704 4.1, the RFC's names
MADE_WITHOUT: Final = ("always", "when-not-present")  # `ddns-replace-client-name`: names for clients that say none
MADE_INSTEAD: Final = ("always", "when-present")  # names in place of what clients say


@attrs.frozen
class Name6:
    """A client's name: as leases keep it, and what the answer says in option 39 (`flags` None: nothing).

    One that is `wanting` is to be made of the client's first address.
    """

    hostname: str = ""
    forward: bool = False
    reverse: bool = False
    flags: int | None = None
    wanting: bool = False

    @property
    def payload(self) -> bytes | None:
        """Option 39 in the answer; None for none."""
        if self.flags is None:
            return None
        if not self.hostname:
            return bytes((self.flags,))
        return bytes((self.flags,)) + wire_labels(split_name(self.hostname.lower())) + b"\0"


NO_NAME6: Final = Name6()


def fqdn_flaw6(payload: bytes) -> str | None:
    """What is wrong with an option 39, None where nothing is (Kea drops a message with a bad one)."""
    if not payload:
        return "option 39 is empty"
    if payload[0] & S and payload[0] & N:
        return "option 39: flags N and S exclude each other"  # RFC 4704 4.1
    try:
        read_labels(payload[1:])
    except ValueError as error:
        return f"option 39: {error}"
    return None


def choose_name6(  # noqa: PLR0913, PLR0917  # who, where, and who else is asked
    packet: Packet6,
    subnet: Subnet6 | None,
    naming: Naming,
    host: Host6 | None,
    consult: Consult | None = None,
    classes: tuple[str, ...] = (),
) -> Name6:
    """The name for a client, before it has an address. `classes` are the client's, for callouts."""
    payload = packet.options.first.get(CLIENT_FQDN)
    reserved = host.hostname if host is not None else ""
    if payload is None:
        if not naming.send_updates or naming.replace_client_name not in MADE_WITHOUT:
            return Name6(reserved) if reserved else NO_NAME6  # as it is written (Kea)
        payload = bytes((S,))  # as if the client had asked for a name and all updates
    server_s, server_n = _answered(payload[0], naming)
    flags = (S if server_s else 0) | (N if server_n else 0)
    if bool(payload[0] & S) != server_s:
        flags |= O
    if reserved:
        name = Name6(_qualified(reserved.lower(), naming), server_s, not server_n, flags)
    else:
        labels, complete = read_labels(payload[1:])
        if not labels or naming.replace_client_name in MADE_INSTEAD:
            name = Name6("", server_s, not server_n, flags, wanting=True)
        else:
            cleaned = _cleaned(labels, naming)
            if not cleaned:
                return NO_NAME6  # Kea: nothing is left of the client's name, so it is as if it had said none
            name = Name6(f"{cleaned}." if complete else _qualified(cleaned, naming), server_s, not server_n, flags)
    if name.hostname and not complete_name(name.hostname):
        return NO_NAME6  # Deviation: Kea fails at the whole message where a name gets longer than DNS has any
    return _consulted(packet, subnet, naming, name, consult, classes) if consult is not None else name


def reserved_name6(name: Name6, host: Host6, naming: Naming, packet: Packet6) -> Name6:
    """The name for leases of a reservation: as written, with the suffix, complete if the client said one (Kea)."""
    hostname = _qualified(host.hostname, naming)
    if CLIENT_FQDN not in packet.options.first:
        hostname = hostname.removesuffix(".")
    return attrs.evolve(name, hostname=hostname)


def named_after(name: Name6, address: int, naming: Naming) -> Name6:
    """The name made of an address (Kea: `ddns-generated-prefix`, and the address with dashes)."""
    text = str(IPv6Address(address)).replace(":", "-")
    if text.endswith("-"):
        text += "0"
    return attrs.evolve(name, hostname=_qualified(f"{naming.generated_prefix}-{text}", naming), wanting=False)


def _answered(asked: int, naming: Naming) -> tuple[bool, bool]:
    """The server's flags S and N (RFC 4704 6.1, and Kea's `ddns-override-` keys)."""
    if not naming.send_updates:
        return False, True
    if asked & N:
        return naming.override_no_update, not naming.override_no_update
    return bool(asked & S) or naming.override_client_update, False


def _cleaned(labels: list[bytes], naming: Naming) -> str:
    """The client's name in lower case without unwanted characters; empty where a label has nothing left."""
    small = [label.lower() for label in labels]
    if naming.char_set:
        clean = [scrubbed(label.decode("latin-1"), naming) for label in small]
        if not all(clean):
            return ""
        small = ".".join(clean).encode("latin-1", "replace").split(b".")  # what replaces may be a dot (Kea)
    return join_labels(small, complete=False)


def _qualified(name: str, naming: Naming) -> str:
    """A name with the qualifying suffix, unless it ends in it or in a dot; complete in any case (Kea)."""
    if not is_complete(name):
        suffix = naming.qualifying_suffix.strip(".")
        if suffix and name != suffix and not name.endswith(f".{suffix}"):
            name = f"{name}.{suffix}"
        name += "."
    return name


def _consulted(  # noqa: PLR0913, PLR0917  # as choose_name6
    packet: Packet6, subnet: Subnet6 | None, naming: Naming, name: Name6, consult: Consult, classes: tuple[str, ...]
) -> Name6:
    """What callouts make of a name and its updates; without updates option 39 says so."""
    point = Ddns6Update(packet, subnet, name.hostname, name.forward, name.reverse, naming, classes)
    consult(point)
    if (point.hostname, point.forward, point.reverse) == (name.hostname, name.forward, name.reverse):
        return name
    flags = name.flags
    if flags is not None and not point.forward and not point.reverse:
        flags = flags & ~S | N
    return Name6(point.hostname, point.forward, point.reverse, flags, wanting=name.wanting and not point.hostname)
