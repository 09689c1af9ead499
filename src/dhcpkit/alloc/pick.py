"""Allocators: in which order a pool's addresses are tried. They never look whether an address is free.

Passing your own to `Network.with_allocator` is all it takes to try another order.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from dhcpkit.alloc.network import Pool4

__all__ = ["Allocator", "Iterative"]


class Allocator(Protocol):
    """An order of preference over a pool."""

    def candidates(self, pool: Pool4, hwaddr: bytes, client_id: bytes, rng: Random, /) -> Iterable[int]:
        """The pool's addresses, most wanted first. Lazily: a pool may hold millions."""
        ...


@attrs.frozen
class Iterative:
    """Kea's `iterative`: the address behind the one handed out last, around the pool."""

    def candidates(self, pool: Pool4, _hwaddr: bytes, _client_id: bytes, _rng: Random) -> Iterable[int]:
        """The pool from the view's turn on."""
        return pool.sweep
