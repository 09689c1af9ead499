"""Reading JSON with errors one can rely on, on every interpreter.

PyPy's own parser points beside what it refuses, and fails within itself where that is not ASCII. What it refuses is
therefore read once more by the parser in plain Python that the standard library has, too. This module does not
know what is read.
"""

from __future__ import annotations

import json
import json.decoder
import json.scanner
import re
import sys
from typing import Any, Final

__all__ = ["loads"]

_SPACE: Final = re.compile(r"[ \t\n\r]*")


def loads(text: str | bytes, **options: Any) -> Any:
    """As `json.loads`, whose options it takes. Raises JSONDecodeError, and UnicodeDecodeError for octets."""
    try:
        return json.loads(text, **options)
    except (json.JSONDecodeError, SystemError):
        if sys.implementation.name == "cpython":
            raise
    return _loads_plainly(text if isinstance(text, str) else text.decode(), **options)


def _loads_plainly(text: str, **options: Any) -> Any:
    """The same, by the parser in Python."""
    decoder = json.JSONDecoder(**options)
    decoder.parse_string = json.decoder.py_scanstring  # type: ignore[attr-defined]  # not in the stubs
    scan = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]  # nor this
    start = _SPACE.match(text).end()  # type: ignore[union-attr]  # nothing is blank enough
    try:
        value, end = scan(text, start)
    except StopIteration as error:
        raise json.JSONDecodeError("Expecting value", text, error.value) from None
    except json.JSONDecodeError as error:
        for said in ("Invalid control character at", "Invalid \\escape"):
            if error.msg.startswith(said.removesuffix(" at")):  # the parser in C shows the place, this one is behind it
                raise json.JSONDecodeError(said, text, error.pos - 1) from None
        raise
    end = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # as above
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value
