"""Did you mean: the word that was probably meant, of those that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

__all__ = ["nearest"]

REMEMBERED_MAX: Final = 64  # a generated file has its one mistake in every subnet, and a search takes 300 µs


def nearest(word: str, words: Iterable[str], likeness: float = 0.6) -> str:
    """The most alike of `words` that is at least so much alike (0 to 1), "" where there is none."""
    return _nearest(word, tuple(words), likeness)


@lru_cache(REMEMBERED_MAX)
def _nearest(word: str, words: tuple[str, ...], likeness: float) -> str:
    return next(iter(difflib.get_close_matches(word, words, 1, likeness)), "")
