"""How often Hypothesis draws what: it gives every branch of `one_of` the same chance, however often it is named there.

This module does not know what is drawn.
"""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

__all__ = ["mostly"]

T = TypeVar("T")


def mostly(usual: st.SearchStrategy[T], rare: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The usual three times of four; it is what a failing example shrinks to."""
    return st.sampled_from([usual, usual, usual, rare]).flatmap(lambda chosen: chosen)
