"""A walk over all leases of a store, a slice at a time, and answers that are made on the way.

Between two slices whoever else waits has a turn: a hundred thousand leases must not keep clients waiting. A local
store's rows are looked at as they are, and decoded only where a lease is wanted. This module does not know commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from dhcpkit.backends.protocols import Where
from dhcpkit.backends.rows import RowForm
from dhcpkit.hooks.commands import Answer, Result

__all__ = ["Found", "Slice", "listing", "slices"]

SLICE: Final = 128  # leases between two turns of the loop: half a millisecond where each of them is shown
REMOTE_PAGE: Final = 512  # leases read at a time from a store that is not local

Slice = Sequence[tuple[int, bytes]]  # addresses in order, with the rows of their leases
Found = AsyncIterator[Sequence[Any]]  # leases, some at a time


async def slices(store: Any, form: RowForm[Any], after: int = -1) -> AsyncIterator[Slice]:
    """All leases from behind an address on, in order, some hundred rows at a time. Raises StoreUnavailable."""
    index = getattr(store, "view", None) if store.local else None
    if index is None or not hasattr(index, "block_from"):
        async for page in store.pages(Where(after=after), REMOTE_PAGE):
            yield [(lease.address, form.encode(lease)) for lease in page]
        return
    start = after + 1
    while (found := index.block_from(start)) is not None:
        addresses, start = found
        for first in range(0, len(addresses), SLICE):
            rows = index.rows  # what was there when the block was read may be gone
            some = addresses[first : first + SLICE]
            yield [(address, row) for address in some if (row := rows.get(address)) is not None]
            await asyncio.sleep(0)


def listing(found: Found, show: Callable[[Any], str], told: Callable[[int], str], *, counted: bool = False) -> Answer:
    """An answer with leases that are found while it is sent; `told` makes its text of how many there were.

    Its result is 3 where there were none. `counted`: their number is an argument, too.
    """

    async def pieces() -> AsyncIterator[str]:
        yield '{"arguments": {"leases": ['
        count = 0
        async for leases in found:
            if leases:
                yield (", " if count else "") + ", ".join(map(show, leases))
                count += len(leases)
        tail = Answer(Result.SUCCESS if count else Result.EMPTY, told(count)).as_json()
        number = f', "count": {count}' if counted else ""
        yield f']{number}}}, "result": {tail["result"]}, "text": "{tail["text"]}"}}'

    return Answer(pieces=pieces)
