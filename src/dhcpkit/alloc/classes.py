"""A configuration's client classes, made ready: which of them a packet is in, at each stage of its way.

Both families use it. The stages are Kea's: tests that need no reservation; those that ask for KNOWN or UNKNOWN, once
reservations were looked up; additional classes, once an address was found. The order in which names are added is the
order in which classes offer options and lifetimes. This module does not know packets' bytes, subnets or reservations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from dhcpkit.alloc.compiled import ClassTest, CompiledTests
from dhcpkit.alloc.expressions import members_of
from dhcpkit.alloc.subjects import Packet
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.wire.options import Space

if TYPE_CHECKING:
    from dhcpkit.alloc.network import ClientClass

__all__ = ["Classifier", "Memberships"]

Memberships = MutableMapping[str, None]  # names in the order they were added
RESERVED_STATE: Final = frozenset(("KNOWN", "UNKNOWN"))  # what nobody knows before reservations were looked up


@attrs.frozen
class _Stage:
    """The tests of one stage, compiled; `names` are their classes, in the configuration's order."""

    names: tuple[str, ...]
    tests: CompiledTests

    def add_to(self, packet: Packet, classes: Memberships, trace: Trace) -> None:
        before = frozenset(classes) if trace else frozenset()
        failed = self.tests.add_to(packet, classes)
        if trace:
            for name in classes:
                if name not in before:
                    trace.note("classes", name, "member", "its test holds")
            for name, error in failed:
                trace.note("classes", name, "not a member", f"its test cannot be told: {error}")


class Classifier:
    """The classes of a configuration by name, with their tests compiled once."""

    def __init__(self, classes: Iterable[ClientClass], space: Space) -> None:
        self.by_name: Mapping[str, ClientClass] = {each.name: each for each in classes}
        self._space = space
        tested = [each for each in self.by_name.values() if each.test is not None or each.template is not None]
        self.tested: frozenset[str] = frozenset(each.name for each in tested)
        """Those a reservation's classes may overturn: they are taken away and told anew."""
        late = _late(tested)
        at_once = [each for each in tested if not each.only_additional]
        self._first = self._stage([each for each in at_once if each.name not in late])
        self._known = self._stage([each for each in at_once if each.name in late])
        self._alone: dict[str, _Stage] = {}  # tests of additional classes, made when they are first asked for

    def __bool__(self) -> bool:
        return bool(self.by_name)

    def __iter__(self) -> Iterator[ClientClass]:
        return iter(self.by_name.values())

    def first(self, packet: Packet, classes: Memberships, trace: Trace = NO_TRACE) -> None:
        """Adds the classes whose tests need no reservation."""
        if self._first is not None:
            self._first.add_to(packet, classes, trace)

    def once_known(self, packet: Packet, classes: Memberships, trace: Trace = NO_TRACE) -> None:
        """Adds the classes whose tests ask for KNOWN or UNKNOWN, which is among `classes` by now."""
        if self._known is not None:
            self._known.add_to(packet, classes, trace)

    def reserved(self, packet: Packet, names: Sequence[str], classes: Memberships, trace: Trace = NO_TRACE) -> None:
        """Puts a packet into a reservation's classes, and tells the first stage's anew, since they may depend on it."""
        for name in self.tested.intersection(classes):
            del classes[name]
        for name in names:
            classes[name] = None
            if trace:
                trace.note("classes", name, "member", "the reservation says so")
        self.first(packet, classes, trace)

    def additional(self, packet: Packet, names: Iterable[str], classes: Memberships, trace: Trace = NO_TRACE) -> None:
        """Adds those of `names` (Kea: `evaluate-additional-classes`) that have no test, or one that holds."""
        for name in names:
            known = self.by_name.get(name)
            if known is None or name in classes:
                continue
            if name in self.tested:
                stage = self._alone.get(name)
                if stage is None:
                    stage = self._alone[name] = self._made([known])
                stage.add_to(packet, classes, trace)
            else:
                classes[name] = None
                if trace:
                    trace.note("classes", name, "member", "it is an additional class without test", known.where)

    def _stage(self, classes: Sequence[ClientClass]) -> _Stage | None:
        return self._made(classes) if classes else None

    def _made(self, classes: Sequence[ClientClass]) -> _Stage:
        tests = [ClassTest(each.name, each.test, each.template) for each in classes]
        return _Stage(tuple(each.name for each in classes), CompiledTests(tests, self._space))


def _late(tested: Sequence[ClientClass]) -> frozenset[str]:
    """The classes that ask for KNOWN or UNKNOWN, themselves or by way of others. Classes name only earlier ones."""
    late: set[str] = set()
    for each in tested:
        expression = each.test if each.test is not None else each.template
        assert expression is not None, "a tested class has something to test"
        asked = members_of(expression)
        if not RESERVED_STATE.isdisjoint(asked) or not late.isdisjoint(asked):
            late.add(each.name)
    return frozenset(late)
