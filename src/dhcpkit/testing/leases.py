"""Leases for tests: any that a store keeps, with octets that files have a use of their own for; and in Kea's words."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from socket import AF_INET6, inet_ntop
from typing import Any

from hypothesis import strategies as st

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType

__all__ = ["in_kea_words", "in_kea_words6", "leases4", "leases6"]

_U32 = st.integers(0, 2**32 - 1)
_U128 = st.integers(0, 2**128 - 1)
_STATES = st.sampled_from([0, 0, 0, 0, *LeaseState, 9])
_CONTEXTS = st.sampled_from(["", "", "", "{}", '{ "a": "1,2&3\\n" }', '{"x":{"y":[1,null,"\xe9"]}}'])
_OCTETS = st.characters(max_codepoint=255)
_TEXT = st.one_of(st.just(""), st.text("abcxyz0123-.", max_size=30), st.text(_OCTETS, max_size=9))


@st.composite
def leases4(draw: st.DrawFn, addresses: st.SearchStrategy[int] = _U32) -> Lease4:
    """A lease as a store gives it back: host names in lower case, with a lifetime unless it was released."""
    state = int(draw(_STATES))
    hwaddr = draw(st.binary(max_size=20))
    anonymous = hwaddr or state == LeaseState.DECLINED  # Kea: only a declined lease may be nobody's
    client_id = draw(st.binary(min_size=0 if anonymous else 2, max_size=255))
    valid = draw(st.one_of(st.integers(1, 100_000), st.sampled_from([INFINITE, INFINITE - 1])))
    return Lease4(
        draw(addresses),
        hwaddr,
        client_id,
        0 if state == LeaseState.RELEASED and draw(st.booleans()) else valid,
        draw(st.integers(-(2**32), 2**33)),
        draw(_U32),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(_TEXT).encode("latin-1").lower().decode("latin-1"),
        state,
        draw(_CONTEXTS),
        draw(st.one_of(st.just(0), _U32)),
    )


@st.composite
def leases6(draw: st.DrawFn, addresses: st.SearchStrategy[int] = _U128) -> Lease6:
    """A lease as a store gives it back: also no type of hardware address where there is none, no length of an address.

    A prefix need not be one: Kea keeps those with host bits set.
    """
    state = int(draw(_STATES))
    duids = st.binary(min_size=2, max_size=130).filter(any)  # of nothing but zeros is nobody's
    kind = int(draw(st.sampled_from([LeaseType.IA_NA, LeaseType.IA_NA, LeaseType.IA_PD, LeaseType.IA_TA, 9])))
    valid = draw(st.one_of(st.integers(1, 100_000), st.sampled_from([INFINITE, INFINITE - 1])))
    hwaddr = draw(st.one_of(st.just(b""), st.binary(min_size=1, max_size=20)))
    return Lease6(
        draw(addresses),
        draw(st.one_of(st.just(b""), duids) if state == LeaseState.DECLINED else duids),
        0 if state == LeaseState.RELEASED and draw(st.booleans()) else valid,
        draw(st.integers(-(2**32), 2**33)),
        draw(_U32),
        draw(st.one_of(st.integers(0, 100_000), st.just(INFINITE))),
        kind,
        draw(_U32),
        draw(st.one_of(st.sampled_from([56, 60, 64]), st.integers(0, 255))) if kind == LeaseType.IA_PD else 128,
        draw(st.booleans()),
        draw(st.booleans()),
        draw(_TEXT).encode("latin-1").lower().decode("latin-1"),
        hwaddr,
        state,
        draw(_CONTEXTS),
        draw(st.integers(0, 0xFFFF)) if hwaddr else 0,
        draw(st.one_of(st.integers(0, 9), _U32)) if hwaddr else 0,
        draw(st.one_of(st.just(0), _U32)),
    )


def in_kea_words(lease: Lease4) -> dict[str, Any]:
    """A lease as Kea's `lease4-get-all` shows it."""
    shown: dict[str, Any] = {
        "cltt": lease.cltt,
        "fqdn-fwd": lease.fqdn_fwd,
        "fqdn-rev": lease.fqdn_rev,
        "hostname": lease.hostname,
        "hw-address": lease.hwaddr.hex(":"),
        "ip-address": str(IPv4Address(lease.address)),
        "state": lease.state,
        "subnet-id": lease.subnet_id,
        "valid-lft": lease.valid_lifetime,
    }
    if lease.client_id:
        shown["client-id"] = lease.client_id.hex(":")
    if lease.user_context:
        shown["user-context"] = json.loads(lease.user_context)
    return shown


_TYPES = {kind.value: kind.name for kind in LeaseType}


def in_kea_words6(lease: Lease6) -> dict[str, Any]:
    """A lease as Kea's `lease6-get-all` shows it."""
    shown: dict[str, Any] = {
        "cltt": lease.cltt,
        "duid": lease.duid.hex(":") or "00:00:00",
        "fqdn-fwd": lease.fqdn_fwd,
        "fqdn-rev": lease.fqdn_rev,
        "hostname": lease.hostname,
        "iaid": lease.iaid,
        "ip-address": inet_ntop(AF_INET6, lease.address.to_bytes(16, "big")),
        "preferred-lft": lease.preferred_lifetime,
        "state": lease.state,
        "subnet-id": lease.subnet_id,
        "type": _TYPES.get(lease.type, f"unknown ({lease.type})"),
        "valid-lft": lease.valid_lifetime,
    }
    if lease.hwaddr:
        shown["hw-address"] = lease.hwaddr.hex(":")
    if lease.type == LeaseType.IA_PD:
        shown["prefix-len"] = lease.prefix_len
    if lease.user_context:
        shown["user-context"] = json.loads(lease.user_context)
    return shown
