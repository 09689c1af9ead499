"""An answer as octets, piece by piece: a large one neither lies in memory as a whole nor keeps others waiting.

This module does not know channels or commands.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Final

from dhcpkit.hooks.commands import Answer

__all__ = ["CHUNK", "octets_of"]

CHUNK: Final = 1 << 16  # octets, about, of a piece
_HALF: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # what `surrogateescape` does not write
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)


async def octets_of(answer: Answer) -> AsyncIterator[bytes]:
    """The JSON text of an answer in UTF-8. Raises what making the answer raises, perhaps halfway."""
    pieces: list[str] = []
    size = 0
    async for piece in answer.pieces() if answer.pieces is not None else _encoded(answer):
        pieces.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield _utf8("".join(pieces))
            pieces, size = [], 0
    yield _utf8("".join(pieces))


def _utf8(text: str) -> bytes:
    """Octets that were no UTF-8 when they came leave as they were; halves of surrogate pairs, as JSON writes them."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        whole = _HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        return whole.encode("utf-8", "surrogateescape")


async def _encoded(answer: Answer) -> AsyncIterator[str]:
    for piece in _ENCODER.iterencode(answer.as_json()):
        yield piece
