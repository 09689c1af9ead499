"""Leases for tests: any that a store keeps, with octets that files have a use of their own for; and in Kea's words."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any

from hypothesis import strategies as st

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState

__all__ = ["in_kea_words", "leases4"]

_U32 = st.integers(0, 2**32 - 1)
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
