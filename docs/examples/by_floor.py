"""An allocator: clients of one floor (last octet of the hardware address, by fours) get neighbouring addresses."""

from collections.abc import Iterable
from random import Random

from dhcpkit.alloc import Pool4

FLOORS = 4


class ByFloor:
    """An order of preference over a pool: the floor's own part first, then the other floors'."""

    def candidates(self, pool: Pool4, hwaddr: bytes, _client_id: bytes, _rng: Random) -> Iterable[int]:
        """Every address of the pool, most wanted first."""
        floor = hwaddr[-1] % FLOORS if hwaddr else 0
        start = pool.first + len(pool) * floor // FLOORS
        yield from range(start, pool.last + 1)
        yield from range(pool.first, start)
