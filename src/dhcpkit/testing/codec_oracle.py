"""Holds derived codecs to construct: the same octets in, the same value or a refusal from both, and back.

For your own kinds: draw octets and values, and call `check_parse` and `check_build`. `declarations` draws construct
declarations of every shape that `derive` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import construct as c
from hypothesis import strategies as st

from dhcpkit.wire.derive import Mapped, Row, Sized, Whole, by_construct, derive
from dhcpkit.wire.kinds import Kind

__all__ = ["check_build", "check_parse", "declarations", "not_derived"]

T = TypeVar("T")


class _Refused:
    def __init__(self, error: ValueError) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"refused ({self.error})"


def check_parse(con: Any, octets: bytes) -> None:
    """AssertionError where the codec derived from a declaration and construct itself read octets differently."""
    derived, oracle = _outcome(derive(con).parse, octets), _outcome(by_construct(con).parse, octets)
    _compare(con, octets.hex(), derived, oracle)


def check_build(con: Any, value: Any) -> None:
    """AssertionError where the codec derived from a declaration and construct itself write a value differently."""
    derived, oracle = _outcome(derive(con).build, value), _outcome(by_construct(con).build, value)
    _compare(con, repr(value), derived, oracle)


def not_derived(kind: Kind[Any]) -> bool:
    """Whether construct itself runs for this kind, slowly, because `derive` does not know a shape in it."""
    return not kind.codec.derived


def _outcome(function: Callable[[T], Any], argument: T) -> Any:
    try:
        return function(argument)
    except ValueError as error:
        return _Refused(error)


def _compare(con: Any, given: str, derived: Any, oracle: Any) -> None:
    if isinstance(derived, _Refused) and isinstance(oracle, _Refused):
        return
    same = type(derived) is type(oracle) or isinstance(derived, dict | list)  # construct's own subclasses of these
    if not (same and derived == oracle):
        raise AssertionError(f"{con!r} of {given}: derived {derived!r}, construct {oracle!r}")


def declarations() -> st.SearchStrategy[Any]:
    """Construct declarations of the shapes that `derive` knows, nested a few levels deep."""
    numbers = st.sampled_from([c.Int8ub, c.Int16ub, c.Int32ub, c.Int64ub, c.Int8sb, c.Int16sb])
    leaves = st.one_of(
        numbers,
        st.integers(0, 4).map(c.Bytes),
        st.just(c.GreedyBytes),
        st.sampled_from([c.Const(b"\x01"), c.Const(7, c.Int8ub)]),
        numbers.map(lambda number: Sized(number, lambda found: found % 5 - 1)),
    )
    return st.recursive(leaves, _nested, max_leaves=6)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.lists(inner, max_size=3)
    filled = inner.filter(_takes_octets)
    return st.one_of(
        inner.map(lambda con: c.Prefixed(c.Int8ub, con)),
        inner.map(lambda con: c.Prefixed(c.Int8sb, con)),
        inner.map(Whole),
        filled.map(c.GreedyRange),
        filled.map(lambda con: c.RepeatUntil(lambda item, found, _: len(found) > 1 or item in (0, b""), con)),
        members.map(lambda cons: c.Struct(*(f"m{number}" / con for number, con in enumerate(cons)))),
        st.lists(inner, min_size=1, max_size=3).map(_row),
        inner.map(lambda con: Mapped(con, lambda found: ("seen", found), lambda pair: pair[1])),
        inner.map(lambda con: Mapped(con, _picky, lambda found: found)),
    )


def _row(cons: list[Any]) -> Any:
    return Row(c.Struct(*(f"m{number}" / con for number, con in enumerate(cons))), lambda *row: row, lambda row: row)


def _takes_octets(con: Any) -> bool:
    """Whether reading this takes at least an octet, so that repeating it ends."""
    try:
        derive(c.GreedyRange(con))
    except TypeError:
        return False
    return True


def _picky(found: Any) -> Any:
    if found in (0, 1, b"", b"\0"):
        raise ValueError("not this one")
    return found
