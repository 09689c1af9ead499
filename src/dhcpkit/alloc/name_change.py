"""What DNS is to be told about a lease's name, as a value: decided with the lease, told once that is stored.

Both families decide so. What Kea calls a name change request is such a value in JSON. This module does not know DNS,
nor how a request gets to whoever changes it.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

import attrs

from dhcpkit.alloc.lease import Lease4
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.naming import KEA_NAMING, NO_UPDATES, Naming
from dhcpkit.wire.names import join_labels, split_name, wire_labels

__all__ = [
    "IdentifierKind",
    "NameChange",
    "Named",
    "Names",
    "addition",
    "changes",
    "complete_name",
    "forgotten",
    "is_told",
    "naming_at",
    "naming_of_lease",
    "removal",
]

ETHERNET: Final = b"\1"  # the hardware type before an address: a lease does not keep which it was, and in Kea's files
RFC4361: Final = 255  # first octet of a client identifier that is an IAID and a DUID (RFC 4361 6.1)
DUID_AT: Final = 5
SHA256: Final = b"\1"  # the digest type of RFC 4701 3.4
DAY: Final = 86400  # seconds
MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
UNCHECKED: Final = ("no-check-with-dhcid", "no-check-without-dhcid")


class IdentifierKind(enum.IntEnum):
    """What a DHCID record is made of; the numbers are those of RFC 4701 3.3."""

    HWADDR = 0
    CLIENT_ID = 1
    DUID = 2


class Named(Protocol):
    """What a lease of either family says about its name."""

    @property
    def address(self) -> int:
        """The address the name is for."""
        ...

    @property
    def hostname(self) -> str:
        """The name; empty for none."""
        ...

    @property
    def fqdn_fwd(self) -> bool:
        """Whether DNS knows the address by the name."""
        ...

    @property
    def fqdn_rev(self) -> bool:
        """Whether DNS knows the name by the address."""
        ...


class _Pool(Protocol):
    @property
    def naming(self) -> Naming | None:
        """What holds for names in the pool; None where the subnet's does."""
        ...


class _Subnet(Protocol):
    @property
    def naming(self) -> Naming:
        """What holds for names in the subnet."""
        ...

    def pool_at(self, address: int, /) -> _Pool | None:
        """The pool that holds an address."""
        ...


class Names(Protocol):
    """What a network of either family says about names."""

    @property
    def naming(self) -> Naming:
        """What holds where nothing else is said."""
        ...

    @property
    def by_id(self) -> Mapping[int, _Subnet]:
        """The subnets by their identifiers."""
        ...


@attrs.frozen
class NameChange:
    """Records to add, or with `remove` to take away: by name (`forward`), by address (`reverse`).

    `fqdn` is in lower case and ends with a dot. `lifetime` is the lease's, `ttl` the records', in seconds; `since` is
    when the client was last heard of (the lease's `cltt`). A DHCID record is made of `identifier` and the name.
    """

    remove: bool
    forward: bool
    reverse: bool
    fqdn: str
    address: IPv4Address | IPv6Address
    identifier_kind: IdentifierKind
    identifier: bytes
    lifetime: int
    ttl: int
    conflict_resolution_mode: str
    since: int

    @property
    def dhcid(self) -> bytes:
        """The data of the DHCID record that tells whose name it is (RFC 4701 3)."""
        name = wire_labels(split_name(self.fqdn)) + b"\0"
        digest = hashlib.sha256(self.identifier + name).digest()
        return self.identifier_kind.to_bytes(2, "big") + SHA256 + digest

    def to_json(self, *, before_3_0: bool = False) -> dict[str, object]:
        """As Kea's servers tell it to kea-dhcp-ddns, in the order of its keys; `before_3_0` as those of 2.2 do.

        Kea's `lease-length` is the records' lifetime, not the lease's, and `lease-expires-on` is when that is over;
        Kea before 3.1 has the beginning of 1970 there for additions of DHCPv6.
        """
        mode: dict[str, object] = (
            {"use-conflict-resolution": self.conflict_resolution_mode not in UNCHECKED}
            if before_3_0
            else {"conflict-resolution-mode": self.conflict_resolution_mode}
        )
        return {
            "change-type": int(self.remove),
            "forward-change": self.forward,
            "reverse-change": self.reverse,
            "fqdn": self.fqdn,
            "ip-address": str(self.address),
            "dhcid": self.dhcid.hex().upper(),
            "lease-expires-on": _stamp(self.since + self.ttl),
            "lease-length": self.ttl,
            **mode,
        }


def _stamp(seconds: int) -> str:
    """Seconds since 1970 as `YYYYMMDDhhmmss` (UTC). This room has no clock, and so no calendar but this one."""
    days, rest = divmod(seconds, DAY)
    year, month = 1970, 1
    while days >= (length := 366 if _is_leap(year) else 365):
        days -= length
        year += 1
    while days >= (length := MONTHS[month - 1] + (month == 2 and _is_leap(year))):
        days -= length
        month += 1
    return f"{year:04}{month:02}{days + 1:02}{rest // 3600:02}{rest // 60 % 60:02}{rest % 60:02}"


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


# What holds for names where a lease is.


def naming_at(subnet: _Subnet, address: int) -> Naming:
    """What holds for names at an address: its pool's, else its subnet's."""
    pool = subnet.pool_at(address)
    return pool.naming if pool is not None and pool.naming is not None else subnet.naming


def naming_of_lease(lease: Lease4 | Lease6, network: Names) -> Naming:
    """What holds for a lease's name; where its subnet is no more, what Kea has for want of anything said."""
    subnet = network.by_id.get(lease.subnet_id)
    if subnet is None:
        return KEA_NAMING if network.naming.enabled else NO_UPDATES
    return naming_at(subnet, lease.address)


# What follows from what becomes of a lease.


def is_told(lease: Lease4 | Lease6) -> bool:
    """Whether DNS has heard of a lease's name: it has one, and not of its own accord (its client's, a reservation's).

    A prefix has no name in DNS: it is many addresses, and none of them.
    """
    if not lease.hostname or not (lease.fqdn_fwd or lease.fqdn_rev):
        return False
    return not isinstance(lease, Lease6) or lease.type != LeaseType.IA_PD


def removal(lease: Lease4 | Lease6 | None, naming: Naming) -> Iterator[NameChange]:
    """The end of a lease's name, if DNS was told one. `naming` is what holds where the lease is."""
    if lease is not None and naming.enabled:
        yield from _change(lease, naming, remove=True)


def addition(lease: Lease4 | Lease6, naming: Naming) -> Iterator[NameChange]:
    """The beginning of a lease's name, if DNS is to be told."""
    if naming.send_updates:
        yield from _change(lease, naming, remove=False)


def changes(
    lease: Lease4 | Lease6, before: Lease4 | Lease6 | None, naming: Naming, was: Naming | None = None
) -> Iterator[NameChange]:
    """What follows from a client's new lease, or its lease extended; `before` is the one it had, None for none.

    Nothing where nothing changed and `ddns-update-on-renew` does not ask for it. `was` is what held where the client's
    lease was, None where that is the same. Deviation: Kea leaves a name in DNS when its client moves to a subnet
    without updates.
    """
    if before is None or naming.update_on_renew or _told(before) != _told(lease):
        yield from removal(before, naming if was is None else was)
        yield from addition(lease, naming)


def forgotten(lease: Lease4 | Lease6 | None, network: Names) -> tuple[NameChange, ...]:
    """What DNS is to hear of a lease that is no more."""
    if lease is None or not lease.hostname:
        return ()
    return tuple(removal(lease, naming_of_lease(lease, network)))


def _told(lease: Named) -> tuple[int, str, bool, bool]:
    return lease.address, lease.hostname, lease.fqdn_fwd, lease.fqdn_rev


def _change(lease: Lease4 | Lease6, naming: Naming, *, remove: bool) -> Iterator[NameChange]:
    if not is_told(lease):
        return
    kind, identifier = _identifier(lease)
    fqdn = complete_name(lease.hostname)
    if not identifier or not fqdn:
        return
    yield NameChange(
        remove,
        lease.fqdn_fwd,
        lease.fqdn_rev,
        fqdn,
        IPv4Address(lease.address) if isinstance(lease, Lease4) else IPv6Address(lease.address),
        kind,
        identifier,
        lease.valid_lifetime,
        naming.time_to_live(lease.valid_lifetime),
        naming.conflict_resolution_mode,
        lease.cltt,
    )


def complete_name(hostname: str) -> str:
    r"""A lease's name as DNS has it, in lower case and with a dot at its end; empty where DNS has no such name.

    Octets that are no visible ASCII are written as numbers: `\195`.
    """
    try:
        labels = split_name(hostname)
    except ValueError:
        labels = _octets(hostname).removesuffix(b".").split(b".")
        try:
            wire_labels(labels)
        except ValueError:
            return ""
    return join_labels([label.lower() for label in labels]) if labels else ""


def _octets(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _identifier(lease: Lease4 | Lease6) -> tuple[IdentifierKind, bytes]:
    """RFC 4701 3.3, RFC 4361 6.3: the DUID where there is one, else client identifier, else hardware address."""
    if isinstance(lease, Lease6):
        return IdentifierKind.DUID, lease.duid
    client_id = lease.client_id
    if not client_id:
        return IdentifierKind.HWADDR, ETHERNET + lease.hwaddr if lease.hwaddr else b""
    if client_id[0] == RFC4361 and len(client_id) > DUID_AT:
        return IdentifierKind.DUID, client_id[DUID_AT:]
    return IdentifierKind.CLIENT_ID, client_id
