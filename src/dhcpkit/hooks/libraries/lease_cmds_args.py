"""What the commands of `lease_cmds` take. Names and types are Kea's; a key here is a row of the reference.

This module does not know what becomes of it.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.hooks.libraries.lease_cmds_said import U32

__all__ = [
    "AddressArguments", "AllArguments", "BulkArguments", "ByClientId", "ByDuid", "ByHostname", "ByHwAddress",
    "ByState", "Delete4", "Delete6", "Lease4Arguments", "Lease6Arguments", "OneLease4", "OneLease6", "PageArguments",
    "PoolsBySubnet", "PoolsInRange", "Removing", "Update4", "Update6", "WipeArguments", "WriteArguments",
]  # fmt: skip

U8: Final = 0xFF
EXPIRE_MAX: Final = 99_999_999_999  # seconds since 1970: the year 5138, and eleven digits in a lease file


@document("arguments")
class Lease4Arguments(Document):
    """A DHCPv4 lease."""

    ip_address: str = param(doc="The address.")
    hw_address: str = param(doc="The client's hardware address, in hexadecimal with colons.")
    subnet_id: int = param(default=0, low=0, high=U32, doc="The subnet; 0 or absent: the one that holds the address.")
    pool_id: int = param(default=0, low=0, high=U32, doc="The pool.")
    client_id: str | None = param(default=None, doc="The client identifier, in hexadecimal.")
    valid_lft: int | None = param(
        default=None, low=0, high=U32, doc="Seconds the lease is valid; the subnet's if absent, 4294967295 for ever."
    )
    expire: int | None = param(
        default=None, doc="When it ends, in seconds since 1970; `valid-lft` seconds from now if absent."
    )
    fqdn_fwd: bool = param(default=False, doc="Whether DNS knows the address by the name.")
    fqdn_rev: bool = param(default=False, doc="Whether DNS knows the name by the address.")
    hostname: str = param(default="", doc="The client's name.")
    state: int = param(
        default=0, low=0, high=U8, doc="0 default, 1 declined, 2 expired-reclaimed, 3 released, 4 registered."
    )
    user_context: Json | None = param(default=None, doc="A map that is kept with the lease.")
    comment: object = param(default=None, doc="Kept as `comment` in the user context.")


@document("arguments")
class Update4(Lease4Arguments):
    """A DHCPv4 lease as it is to be."""

    force_create: bool = param(default=False, doc="Whether it is added where there is none.")


@document("arguments")
class Lease6Arguments(Document):
    """A DHCPv6 lease."""

    ip_address: str = param(doc="The address, or the first one of the prefix.")
    duid: str = param(doc="The client's DUID, in hexadecimal.")
    type: str = param(default="IA_NA", doc="`IA_NA` for an address, `IA_PD` for a prefix.")
    prefix_len: int | None = param(
        default=None, low=0, high=U8, doc="The length of a prefix; a prefix needs it, an address has none."
    )
    subnet_id: int = param(
        default=0, low=0, high=U32, doc="The subnet; 0 or absent: the one that holds the address. A prefix needs it."
    )
    pool_id: int = param(default=0, low=0, high=U32, doc="The pool.")
    iaid: int = param(low=0, high=U32, doc="The identity association.")
    hw_address: str | None = param(
        default=None, doc="The client's hardware address, in hexadecimal with colons, if it is known."
    )
    valid_lft: int | None = param(
        default=None, low=0, high=U32, doc="Seconds the lease is valid; the subnet's if absent, 4294967295 for ever."
    )
    preferred_lft: int | None = param(
        default=None, low=0, high=U32, doc="Seconds it is preferred; the subnet's valid lifetime if absent (Kea)."
    )
    expire: int | None = param(
        default=None, doc="When it ends, in seconds since 1970; `valid-lft` seconds from now if absent."
    )
    fqdn_fwd: bool = param(default=False, doc="Whether DNS knows the address by the name.")
    fqdn_rev: bool = param(default=False, doc="Whether DNS knows the name by the address.")
    hostname: str = param(default="", doc="The client's name.")
    state: int = param(
        default=0, low=0, high=U8, doc="0 default, 1 declined, 2 expired-reclaimed, 3 released, 4 registered."
    )
    user_context: Json | None = param(default=None, doc="A map that is kept with the lease.")
    comment: object = param(default=None, doc="Kept as `comment` in the user context.")


@document("arguments")
class Update6(Lease6Arguments):
    """A DHCPv6 lease as it is to be."""

    force_create: bool = param(default=False, doc="Whether it is added where there is none.")


@document("arguments")
class OneLease4(Document):
    """One DHCPv4 lease: by its address, or by a client's identifier and a subnet."""

    ip_address: str | None = param(default=None, doc="The address.")
    subnet_id: int | None = param(default=None, low=0, high=U32, doc="The subnet, where no address is given.")
    identifier_type: str | None = param(default=None, doc="`hw-address` or `client-id`.")
    identifier: str | None = param(default=None, doc="The identifier, in hexadecimal.")
    type: str | None = param(default=None, doc="Says nothing in DHCPv4.")


@document("arguments")
class OneLease6(Document):
    """One DHCPv6 lease: by its address, or by a client's DUID, an identity association and a subnet."""

    ip_address: str | None = param(default=None, doc="The address, or the first one of a prefix.")
    type: str | None = param(default=None, doc="`IA_NA` (the default) or `IA_PD`.")
    subnet_id: int | None = param(default=None, low=0, high=U32, doc="The subnet, where no address is given.")
    iaid: int = param(default=0, low=0, high=U32, doc="The identity association, where no address is given.")
    identifier_type: str | None = param(default=None, doc="`duid`.")
    identifier: str | None = param(default=None, doc="The DUID, in hexadecimal.")


@document("arguments")
class Removing(Document):
    """What becomes of the name of a lease that is deleted."""

    update_ddns: bool = param(default=False, doc="Whether DNS is told to forget the lease's name.")


@document("arguments")
class Delete4(OneLease4, Removing):
    """The DHCPv4 lease to delete."""


@document("arguments")
class Delete6(OneLease6, Removing):
    """The DHCPv6 lease to delete."""


@document("arguments")
class AllArguments(Document):
    """Which leases. Without any arguments: all of them."""

    subnets: tuple[int, ...] | None = param(
        default=None, doc="Identifiers of subnets; needed where there are arguments at all."
    )


@document("arguments")
class PageArguments(Document):
    """A page of leases, in order of their addresses."""

    from_: str = param(key="from", doc="`start`, or the last address of the page before.")
    limit: int = param(doc="How many leases at most, 1 to 4294967295.")


@document("arguments")
class ByHwAddress(Document):
    """A hardware address."""

    hw_address: str = param(doc="The hardware address, in hexadecimal with colons.")


@document("arguments")
class ByClientId(Document):
    """A DHCPv4 client identifier."""

    client_id: str = param(doc="The client identifier, in hexadecimal.")


@document("arguments")
class ByDuid(Document):
    """A DUID."""

    duid: str = param(doc="The DUID, in hexadecimal.")


@document("arguments")
class ByHostname(Document):
    """A name."""

    hostname: str = param(doc="The whole name, in any case of letters.")


@document("arguments")
class ByState(Document):
    """A state, and perhaps a subnet."""

    state: object = param(
        doc="A number, or `default`, `assigned`, `declined`, `expired-reclaimed`, `released`, `registered`."
    )
    subnet_id: int = param(default=0, low=0, high=U32, doc="The subnet; 0 or absent: all of them.")


@document("arguments")
class WipeArguments(Document):
    """Whose leases are deleted."""

    subnet_id: int = param(default=0, low=0, high=U32, doc="The subnet; 0 or absent: every subnet that is configured.")


@document("arguments")
class AddressArguments(Document):
    """An address."""

    ip_address: str = param(doc="The address.")


@document("arguments")
class WriteArguments(Document):
    """A file."""

    filename: str = param(doc="The name of a file in the data directory.")


@document("arguments")
class BulkArguments(Document):
    """Leases to delete, and leases to add or change. One of the two lists is needed."""

    deleted_leases: tuple[object, ...] | None = param(
        default=None, doc="Leases to delete, each as `lease6-del` takes it."
    )
    leases: tuple[object, ...] | None = param(
        default=None, doc="Leases to add or change, each as `lease6-add` takes it."
    )


@document("arguments")
class PoolsBySubnet(Document):
    """Shared queues of free leases of a subnet."""

    subnet_id: int = param(low=1, high=U32, doc="The subnet.")


@document("arguments")
class PoolsInRange(Document):
    """Shared queues of free leases in a range of addresses."""

    start_address: str = param(doc="The first address.")
    end_address: str = param(doc="The last address.")
