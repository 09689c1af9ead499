"""A configuration's client classes, made ready: which of them a packet is in, at each stage of its way.

Both families use it. The stages are Kea's: tests that need no reservation; those that ask for KNOWN or UNKNOWN, once
reservations were looked up; additional classes, once an address was found. The order in which names are added is the
order in which classes offer options and lifetimes. This module does not know packets' bytes, subnets or reservations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from dhcpkit.alloc.because import template_told, terms_told
from dhcpkit.alloc.compiled import ClassTest, CompiledTests, spawned_name
from dhcpkit.alloc.subjects import Packet
from dhcpkit.alloc.terms import members_of
from dhcpkit.alloc.trace import NO_TRACE, Trace
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.options import Space

if TYPE_CHECKING:
    from dhcpkit.alloc.network import ClientClass

__all__ = ["Classifier", "Memberships"]

Memberships = MutableMapping[str, None]  # names in the order they were added
STAGES_MAX: Final = 256  # compiled stages; as many as combinations of classes that define options
RESERVED_STATE: Final = frozenset(("KNOWN", "UNKNOWN"))  # what nobody knows before reservations were looked up


@attrs.frozen
class _Stage:
    """The tests of one stage, compiled, and as they stand in the configuration, in its order."""

    classes: Sequence[ClientClass]
    space: Space
    tests: CompiledTests

    def add_to(self, packet: Packet, classes: Memberships, trace: Trace) -> None:
        if trace:
            self._explain(packet, classes, trace)
        self.tests.add_to(packet, classes)

    def _explain(self, packet: Packet, classes: Memberships, trace: Trace) -> None:
        """Notes each test's terms with their values, as tests before it leave the classes."""
        now = dict(classes)
        for each in self.classes:
            if each.test is not None:
                member, because = terms_told(each.test, packet, now, self.space)
            else:
                assert each.template is not None, "a tested class has something to test"
                value, because = template_told(each.template, packet, now, self.space)
                member = bool(value)
                if member:
                    now[spawned_name(each.name, value)] = None
            if member:
                now[each.name] = None
            trace.note("classes", each.name, "member" if member else "not a member", because, each.where)


class Classifier:
    """The classes of a configuration by name, with their tests compiled once.

    `deferred` options are octets to the first stage, since what is in them may be defined by a class (Kea: 43 and the
    private ones of DHCPv4). Whatever is told after it reads them as the packet's classes define them.
    """

    def __init__(self, classes: Iterable[ClientClass], space: Space, deferred: Iterable[int] = ()) -> None:
        self.by_name: Mapping[str, ClientClass] = {each.name: each for each in classes}
        self._space = space
        self._deferred = frozenset(deferred)
        tested = [each for each in self.by_name.values() if each.test is not None or each.template is not None]
        self.tested: frozenset[str] = frozenset(each.name for each in tested)
        """Those a reservation's classes may overturn: they are taken away and told anew."""
        late = _late(tested)
        at_once = [each for each in tested if not each.only_additional]
        self._early = [each for each in at_once if each.name not in late]
        self._late = [each for each in at_once if each.name in late]
        self._defining = frozenset(each.name for each in self.by_name.values() if each.space is not None)
        self._first = self._made(self._early, self._unread()) if self._early else None
        self._stages: dict[tuple[str, tuple[str, ...]], _Stage] = {}  # the others, made when they are first asked for

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
        if self._late:
            self._read("KNOWN", self._late, classes).add_to(packet, classes, trace)

    def reserved(self, packet: Packet, names: Sequence[str], classes: Memberships, trace: Trace = NO_TRACE) -> None:
        """Puts a packet into a reservation's classes, and tells the first stage's anew, since they may depend on it."""
        for name in self.tested.intersection(classes):
            del classes[name]
        for name in names:
            classes[name] = None
            if trace:
                trace.note("classes", name, "member", "the reservation says so")
        if self._early:
            self._read("", self._early, classes).add_to(packet, classes, trace)

    def additional(self, packet: Packet, names: Iterable[str], classes: Memberships, trace: Trace = NO_TRACE) -> None:
        """Adds those of `names` (Kea: `evaluate-additional-classes`) that have no test, or one that holds."""
        for name in names:
            known = self.by_name.get(name)
            if known is None or name in classes:
                continue
            if name in self.tested:
                self._read(f"={name}", [known], classes).add_to(packet, classes, trace)
            else:
                classes[name] = None
                if trace:
                    trace.note("classes", name, "member", "it is an additional class without test", known.where)

    def _read(self, what: str, tested: Sequence[ClientClass], classes: Memberships) -> _Stage:
        """Tests for when all options are read, with the definitions that the packet's classes have."""
        defining = tuple(name for name in classes if name in self._defining) if self._defining else ()
        stage = self._stages.get((what, defining))
        if stage is None:
            if len(self._stages) >= STAGES_MAX:
                self._stages.clear()
            stage = self._stages[what, defining] = self._made(tested, self._defined(defining))
        return stage

    def _unread(self) -> Space:
        """The space in which deferred options are octets: what is in them nobody knows before there are classes."""
        if not self._deferred:
            return self._space
        unread = Space(self._space.name, self._space)
        for code in self._deferred:
            unread.define(code, f"unread-{code}", BINARY)
        return unread

    def _defined(self, defining: Sequence[str]) -> Space:
        """The space with the classes' own options, of which the first class's hold (Kea)."""
        if not defining:
            return self._space
        made = Space(self._space.name, self._space)
        codes: set[int] = set()
        for name in defining:
            for option in self.by_name[name].space or ():
                if option.code not in codes:
                    codes.add(option.code)
                    made.define(option.code, f"{option.name} of {name}", option.kind, encapsulates=option.encapsulates)
        return made

    @staticmethod
    def _made(classes: Sequence[ClientClass], space: Space) -> _Stage:
        tests = [ClassTest(each.name, each.test, each.template) for each in classes]
        return _Stage(classes, space, CompiledTests(tests, space))


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
