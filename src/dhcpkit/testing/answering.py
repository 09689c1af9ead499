"""Control sockets that answer while a test, which has no loop of its own, waits for what they say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

__all__ = ["Answering", "answering"]

PATIENCE: Final = 20.0  # seconds to open and close


class Answering(Protocol):
    """A socket that can be opened and closed: a UnixSocket or an HttpSocket."""

    async def start(self) -> None:
        """Listens."""
        ...

    async def close(self) -> None:
        """Stops listening."""
        ...


@contextmanager
def answering(*sockets: Answering) -> Iterator[None]:
    """Opens sockets in a thread with a loop, and closes them at the end."""
    loop = asyncio.new_event_loop()

    async def start() -> None:
        for each in sockets:
            await each.start()

    async def close() -> None:
        for each in sockets:
            await each.close()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(close(), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
