"""Leases as JSON in Kea's form, and leases as callers give them.

Keys stand in Kea's order; hexadecimal has colons, a user context is there where there is one, a pool where it is not 0.
A declined lease has no DUID, and shows three octets of zero for it. This module does not know where leases are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

import attrs

from dhcpkit.alloc.extended4 import context_text
from dhcpkit.alloc.extended_checks import ExtendedInfoChecks, check_context4, check_context6
from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.backends.rows import RowForm, escape, text_of
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.hooks.commands import Refused, Result
from dhcpkit.hooks.libraries.lease_cmds_args import (
    EXPIRE_MAX,
    Lease4Arguments,
    Lease6Arguments,
    OneLease4,
    OneLease6,
    Update4,
    Update6,
)
from dhcpkit.hooks.libraries.lease_cmds_said import address_of, address_text, client_id_of, duid_of, hwaddr_of

__all__ = ["FAMILIES", "FAMILY4", "FAMILY6", "TYPE_NAMES", "Family", "Site"]

NOBODY: Final = b"\0\0\0"  # the DUID of a lease that is nobody's (Kea)
TYPE_NAMES: Final = {LeaseType.IA_NA.value: "IA_NA", LeaseType.IA_TA.value: "IA_TA", LeaseType.IA_PD.value: "IA_PD"}
HOSTNAME_OCTETS_MAX: Final = 255  # a name of DNS has no more (RFC 1035 2.3.4), nor has an option
CONTEXT_MAX: Final = 65_536  # characters: leases are in memory
ETHERNET: Final = 1
IA_NA: Final = LeaseType.IA_NA.value
IA_PD: Final = LeaseType.IA_PD.value
DECLINED: Final = LeaseState.DECLINED.value
RELEASED: Final = LeaseState.RELEASED.value
REGISTERED: Final = LeaseState.REGISTERED.value
STATES: Final = "0 (default), 1 (declined), 2 (expired-reclaimed), 3 (released) and 4 (registered)"


@attrs.frozen
class Site:
    """What a lease is added to: subnets by their identifiers and by addresses, the time, and what is checked."""

    by_id: Mapping[int, Any]
    holding: Callable[[int], Sequence[Any]]
    now: int
    checks: ExtendedInfoChecks


@attrs.frozen(eq=False)
class Family:
    """What is different in the two families: how leases are written, shown and given."""

    number: int
    form: RowForm[Any]
    one: type[OneLease4 | OneLease6]
    given: type[Lease4Arguments | Lease6Arguments]
    changed: type[Update4 | Update6]
    show: Callable[[Any], str]
    """A lease as JSON text."""
    read: Callable[[Any, Site], Any]
    """The lease that a caller gives. Raises Refused."""

    @property
    def name(self) -> str:
        """IPv4 or IPv6."""
        return f"IPv{self.number}"

    def text(self, address: int) -> str:
        """An address as text."""
        return address_text(address, self.number)

    def shown(self, lease: Any) -> Any:
        """A lease as a JSON value."""
        return json.loads(self.show(lease))

    def stored_name(self, hostname: str) -> tuple[str, bytes]:
        """A name as leases have it, and as it stands in their rows. Raises Refused."""
        octets = _name_octets(hostname)
        return octets.decode("latin-1"), escape(octets)


# Leases shown.


def _show4(lease: Lease4) -> str:
    address, hwaddr, client_id, valid, cltt, subnet, forward, reverse, hostname, state, context, pool = lease
    of_client = f'"client-id": "{client_id.hex(":")}", ' if client_id else ""
    of_pool = f'"pool-id": {pool}, ' if pool else ""
    kept = f'"user-context": {context}, ' if context else ""
    return (
        f'{{{of_client}"cltt": {cltt}, {_FLAGS[forward, reverse]}"hostname": {quoted(hostname)}, '
        f'"hw-address": "{hwaddr.hex(":")}", '
        f'"ip-address": "{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}", '
        f'{of_pool}"state": {state:d}, "subnet-id": {subnet}, {kept}"valid-lft": {valid}}}'
    )


def _show6(lease: Lease6) -> str:
    (
        address, duid, valid, cltt, subnet, preferred, kind, iaid, length, forward, reverse, hostname, hwaddr,
        state, context, _, _, pool,
    ) = lease  # fmt: skip
    of_client = f'"hw-address": "{hwaddr.hex(":")}", ' if hwaddr else ""
    of_pool = f'"pool-id": {pool}, ' if pool else ""
    of_prefix = f'"prefix-len": {length}, ' if kind == IA_PD else ""
    kept = f'"user-context": {context}, ' if context else ""
    return (
        f'{{"cltt": {cltt}, "duid": "{(duid or NOBODY).hex(":")}", {_FLAGS[forward, reverse]}'
        f'"hostname": {quoted(hostname)}, {of_client}"iaid": {iaid}, "ip-address": "{address_text(address, 6)}", '
        f'{of_pool}"preferred-lft": {preferred}, {of_prefix}"state": {state:d}, "subnet-id": {subnet}, '
        f'"type": "{TYPE_NAMES.get(kind, "IA_NA")}", {kept}"valid-lft": {valid}}}'
    )


_FLAGS: Final = {
    (forward, reverse): f'"fqdn-fwd": {json.dumps(forward)}, "fqdn-rev": {json.dumps(reverse)}, '
    for forward in (False, True)
    for reverse in (False, True)
}


# Leases given.


def _read4(said: Lease4Arguments, site: Site) -> Lease4:
    address = _address(said.ip_address, 4)
    hwaddr = hwaddr_of(said.hw_address)
    subnet = _subnet(said.subnet_id, address, site, 4)
    client_id = client_id_of(said.client_id) if said.client_id is not None else b""
    state = _state(said.state)
    if not hwaddr and not client_id and state != DECLINED:
        raise Refused("a lease needs a hardware address or a client identifier, unless it is declined")
    valid, cltt = _times(said, subnet.lifetimes.default, site.now, address_text(address, 4))
    context = check_context4(_context(said), site.checks).context
    hostname = _hostname(said)
    return Lease4(
        address, hwaddr, client_id, valid, cltt, subnet.id, said.fqdn_fwd, said.fqdn_rev, hostname, state, context,
        said.pool_id,
    )  # fmt: skip


def _read6(said: Lease6Arguments, site: Site) -> Lease6:
    address = _address(said.ip_address, 6)
    duid = duid_of(said.duid)
    kind, length = IA_NA, 128
    if said.type == "IA_PD":
        kind = IA_PD
        if said.prefix_len is None:
            raise Refused("missing parameter 'prefix-len'")
        length = said.prefix_len
    elif said.type != "IA_NA":
        raise Refused(f"Incorrect lease type: {said.type}, the only supported values are: IA_NA and IA_PD")
    if kind == IA_PD and not said.subnet_id:
        raise Refused("Subnet-id is 0 or not specified. This is allowed for address leases only, not prefix leases.")
    subnet = _subnet(said.subnet_id, address, site, 6, anywhere=kind == IA_PD)
    hwaddr = hwaddr_of(said.hw_address) if said.hw_address is not None else b""
    default = subnet.valid.default
    valid, cltt = _times(said, default, site.now, address_text(address, 6))
    preferred = default if said.preferred_lft is None else said.preferred_lft
    hostname = _hostname(said)
    state = _state(said.state)
    if state == DECLINED and kind == IA_PD:
        raise Refused("Invalid declined state for PD prefix.")
    if duid == NOBODY and state != DECLINED:
        raise Refused(f"the DUID {duid.hex(':')} is for declined leases")
    context = check_context6(_context(said), site.checks).context
    _prefix(address, length)
    return Lease6(
        address, b"" if duid == NOBODY else duid, valid, cltt, subnet.id, preferred, kind, said.iaid, length,
        said.fqdn_fwd, said.fqdn_rev, hostname, hwaddr, state, context, ETHERNET if hwaddr else 0, 0, said.pool_id,
    )  # fmt: skip


def _address(text: str, family: int) -> int:
    return address_of(text, family, asked="Non-{what} address specified: {text}")


def _subnet(number: int, address: int, site: Site, family: int, *, anywhere: bool = False) -> Any:
    """The subnet of a lease: the one that is said, or that holds the address. A prefix may lie `anywhere`."""
    if not number:
        found = site.holding(address)
        if not found:
            text = f"subnet-id not specified and failed to find a subnet for address {address_text(address, family)}"
            raise Refused(text, Result.CONFLICT)
        return found[0]
    subnet = site.by_id.get(number)
    if subnet is None:
        text = f"Invalid subnet-id: No IPv{family} subnet with subnet-id={number} currently configured."
        raise Refused(text, Result.CONFLICT)
    if not anywhere and address not in subnet:
        text = f"The address {address_text(address, family)} does not belong to subnet {subnet.prefix}"
        raise Refused(f"{text}, subnet-id={number}", Result.CONFLICT)
    return subnet


def _times(said: Lease4Arguments | Lease6Arguments, default: int, now: int, address: str) -> tuple[int, int]:
    """How long a lease is valid, and when the client was last heard of.

    Deviation: a lease that is valid for 0 seconds is over for Kea until it is restarted, and not there afterwards,
    since that is how its files tell that a lease is gone. Here it is valid for a second, which is over: it is there
    until it is reclaimed.
    """
    valid = default if said.valid_lft is None else said.valid_lft
    end = said.expire
    if end is not None:
        if end <= 0:
            raise Refused(f"expiration time must be positive for address {address}")
        if end < valid:
            raise Refused(f"expiration time must be greater than valid lifetime for address {address}")
        if end > EXPIRE_MAX + (INFINITE if valid == INFINITE else 0):
            raise Refused(f"expiration time must not be greater than {EXPIRE_MAX} for address {address}")
    if not valid and said.state != RELEASED:
        return 1, (now if end is None else end) - 1
    return valid, now if end is None else end - valid


def _hostname(said: Lease4Arguments | Lease6Arguments) -> str:
    """The name in lower case (Kea), as the octets it has in a file."""
    if not said.hostname:
        if said.fqdn_fwd or said.fqdn_rev:
            raise Refused("No hostname specified and either forward or reverse fqdn was set to true.")
        return ""
    octets = _name_octets(said.hostname)
    if len(octets) > HOSTNAME_OCTETS_MAX:
        raise Refused(f"'hostname' has {len(octets)} octets, at most {HOSTNAME_OCTETS_MAX} are allowed")
    return octets.decode("latin-1")


def _name_octets(hostname: str) -> bytes:
    """The octets of a name in lower case, as files have them. Raises Refused."""
    try:
        return text_of(hostname.lower()).lower()
    except UnicodeEncodeError:
        raise Refused("'hostname' is no text that can be written") from None


def _state(state: int) -> int:
    if state > REGISTERED:
        raise Refused(f"Invalid state value: {state}, supported values are: {STATES}")
    return state


def _context(said: Lease4Arguments | Lease6Arguments) -> str:
    """The user context as JSON text, a comment in it."""
    context = said.user_context
    if said.comment is not None:
        if context is not None and "comment" in context:
            told = json.dumps(said.comment), context_text(dict(context))
            raise Refused(f"Duplicated comment entry '{told[0]}' in user context '{told[1]}'")
        context = {**(context or {}), "comment": said.comment}
    if context is None:
        return ""
    text = context_text(dict(context))
    if len(text) > CONTEXT_MAX:
        raise Refused(f"the user context has {len(text)} characters, at most {CONTEXT_MAX} are allowed")
    return text


def _prefix(address: int, length: int) -> None:
    if not 0 < length <= 128:
        raise Refused(f"Invalid prefix length: {length}")
    first = address >> 128 - length << 128 - length
    if first != address:
        text = f"Prefix address: {IPv6Address(address)} exceeds prefix/prefix-len pair"
        raise Refused(f"{text}: {IPv6Address(first)}/{length}")


FAMILY4: Final = Family(4, ROWS4, OneLease4, Lease4Arguments, Update4, _show4, _read4)
FAMILY6: Final = Family(6, ROWS6, OneLease6, Lease6Arguments, Update6, _show6, _read6)
FAMILIES: Final = {4: FAMILY4, 6: FAMILY6}
