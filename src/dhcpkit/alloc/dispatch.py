"""Which class tests can be answered together by one look-up, however many they are.

Tests for options that lie in one place are found by the options that are there, tests that begin with an equality by
the value of what they compare. `compiled` makes code of both. This module does not know packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from dhcpkit.alloc.terms import Boolean, Const, Equal, Exists, Logic, LogicKind, Path, Root, Text

__all__ = ["ClassTest", "Place", "places", "tables"]

TABLE_MIN: Final = 3  # equalities of one thing from which on a dict is faster than comparing one after the other


@attrs.frozen
class ClassTest:
    """A class with what puts a packet into it: a `test`, or a template whose value names a class of its own."""

    name: str
    test: Boolean | None = None
    template: Text | None = None


@attrs.frozen
class Place:
    """Where options lie that paths end at: all that such paths share. `example` is any of them."""

    root: Root
    around: tuple[int, ...]
    level: int
    enterprise: int
    example: Path = attrs.field(eq=False)

    @classmethod
    def of(cls, path: Path) -> Place:
        """The place where a path ends."""
        return cls(path.root, path.codes[:-1], path.level, path.enterprise, path)


def places(
    tests: Sequence[tuple[int, ClassTest]],
) -> tuple[dict[Place, dict[int, list[int]]], list[tuple[int, ClassTest]]]:
    """Tests that are for the presence of options alone, by place and code; and all other tests."""
    asked: dict[Place, dict[int, list[int]]] = {}
    for index, test in tests:
        for path in _wanted(test.test):
            asked.setdefault(Place.of(path), {}).setdefault(path.codes[-1], []).append(index)
    asked = {place: codes for place, codes in asked.items() if sum(map(len, codes.values())) >= TABLE_MIN}
    taken = {
        index for index, test in tests if (paths := _wanted(test.test)) and asked.keys() >= set(map(Place.of, paths))
    }
    return asked, [(index, test) for index, test in tests if index not in taken]


def _wanted(test: Boolean | None) -> Sequence[Path]:
    """The options of which a test wants any, if that is all it asks; none where it asks for something else."""
    match test:
        case Exists(path):
            return [path]
        case Logic(LogicKind.OR, operands):
            paths = [_wanted(each) for each in operands]
            return [path for each in paths for path in each] if all(paths) else []
    return []


def tables(
    tests: Sequence[tuple[int, ClassTest]],
) -> tuple[list[tuple[Text, dict[bytes, list[tuple[int, Boolean | None]]]]], list[tuple[int, ClassTest]]]:
    """CompiledTests that begin with an equality, by what they compare, and all others."""
    begun: dict[Text, list[tuple[int, ClassTest, list[bytes], Boolean | None]]] = {}
    for index, test in tests:
        start = _start(test.test)
        if start is not None:
            subject, keys, rest = start
            begun.setdefault(subject, []).append((index, test, keys, rest))
    made = []
    taken: set[int] = set()
    for subject, entries in begun.items():
        if len(entries) < TABLE_MIN:
            continue
        table: dict[bytes, list[tuple[int, Boolean | None]]] = {}
        for index, _, keys, rest in entries:
            taken.add(index)
            for key in dict.fromkeys(keys):
                table.setdefault(key, []).append((index, rest))
        made.append((subject, table))
    return made, [(index, test) for index, test in tests if index not in taken]


def _start(test: Boolean | None) -> tuple[Text, list[bytes], Boolean | None] | None:
    """What a test compares first, with which octets, and what it asks besides; None where it does not begin so."""
    match test:
        case Equal(Const(value), subject) | Equal(subject, Const(value)) if not isinstance(subject, Const):
            return subject, [value], None
        case Logic(LogicKind.OR, operands):
            starts = [_start(each) for each in operands]
            subjects = {start[0] for start in starts if start is not None and start[2] is None}
            if len(subjects) == 1 and all(start is not None and start[2] is None for start in starts):
                return subjects.pop(), [key for start in starts if start is not None for key in start[1]], None
        case Logic(LogicKind.AND, (first, *others)):
            start = _start(first)
            if start is not None and start[2] is None:
                rest = others[0] if len(others) == 1 else Logic(LogicKind.AND, tuple(others))
                return start[0], start[1], rest
    return None
