"""Hypothesis strategies for who somebody is: hardware addresses, DUIDs, client identifiers.

This module does not know options or packets.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from dhcpkit.testing.chance import mostly
from dhcpkit.wire.duid import ClientId, Duid, DuidType

__all__ = ["client_ids", "duids", "hwaddrs"]

OCTETS_MAX: Final = 40  # octets without a length of their own: longer ones only shrink slower
HWTYPES: Final = (1, 6, 27, 32)  # Ethernet, IEEE 802, EUI-64, InfiniBand


def hwaddrs() -> st.SearchStrategy[bytes]:
    """Hardware addresses, most of them of Ethernet."""
    return mostly(st.binary(min_size=6, max_size=6), st.binary(min_size=1, max_size=16))


def duids() -> st.SearchStrategy[Duid]:
    """DUIDs of the known types (LLT, EN, LL, UUID), and of unknown ones."""
    hwtypes = st.one_of(st.sampled_from(HWTYPES), st.integers(0, 0xFFFF))
    number = st.integers(0, 2**32 - 1)
    unknown = st.integers(0, 0xFFFF).filter(lambda found: found not in set(DuidType))
    return st.one_of(
        st.builds(Duid.of_link_layer, hwaddrs(), hwtypes),
        st.builds(Duid.of_link_layer, hwaddrs(), hwtypes, number),
        st.builds(_typed, st.just(DuidType.EN), number.map(_word), st.binary(min_size=1, max_size=OCTETS_MAX)),
        st.builds(Duid.of_uuid, st.uuids()),
        st.builds(_typed, unknown, st.binary(min_size=1, max_size=OCTETS_MAX)),
    )


def client_ids() -> st.SearchStrategy[ClientId]:
    """Client identifiers that a server accepts: made of hardware addresses, of DUIDs, or of anything."""
    return st.one_of(
        hwaddrs().map(ClientId.of_hwaddr),
        st.builds(ClientId.of_duid, st.integers(0, 2**32 - 1), duids()),
        st.binary(min_size=1, max_size=OCTETS_MAX).map(ClientId.of_text),
    )


def _typed(type_: int, *parts: bytes) -> Duid:
    return Duid(type_.to_bytes(2, "big") + b"".join(parts))


def _word(number: int) -> bytes:
    return number.to_bytes(4, "big")
