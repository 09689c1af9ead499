"""Why a class test holds or does not: its terms, as far as they were looked at, each with its value.

For people who ask (`explain`); what tests mean stands in `evaluate`. This module does not know classes' stages.
"""

from __future__ import annotations

from collections.abc import Container

import attrs

from dhcpkit.alloc.evaluate import Unfit, evaluate, evaluate_text
from dhcpkit.alloc.subjects import Packet
from dhcpkit.alloc.terms import Boolean, Const, Equal, Logic, LogicKind, Matches, Not, Text
from dhcpkit.alloc.written import written, written_octets
from dhcpkit.wire.options import Space

__all__ = ["template_told", "terms_told"]


def terms_told(test: Boolean, packet: Packet, classes: Container[str], space: Space) -> tuple[bool, str]:
    """Whether a test holds, and its terms with their values, in the order they are looked at; the last one decides."""
    told = _Told(packet, classes, space)
    try:
        holds = told.holds(test)
    except Unfit as error:
        holds = False
        told.terms.append(f"cannot be told: {error}")
    return holds, "; ".join(told.terms)


def template_told(template: Text, packet: Packet, classes: Container[str], space: Space) -> tuple[bytes, str]:
    """The value that a template class gives, and how it is written; empty where it gives none."""
    try:
        value = evaluate_text(template, packet, classes, space)
    except Unfit as error:
        return b"", f"{written(template)} cannot be told: {error}"
    return value, f"{written(template)} is {written_octets(value)}"


@attrs.define
class _Told:
    packet: Packet
    classes: Container[str]
    space: Space
    terms: list[str] = attrs.Factory(list)

    def holds(self, test: Boolean) -> bool:
        """Whether it holds; its terms are added to `terms`. Unfit where it cannot be told."""
        match test:
            case Not(of):
                return not self.holds(of)
            case Logic(kind, operands):
                decides = kind in (LogicKind.OR, LogicKind.SOR)  # the truth of an operand that ends the search
                strict = kind in (LogicKind.SAND, LogicKind.SOR)
                truths = []
                for each in operands:
                    truths.append(self.holds(each))
                    if truths[-1] is decides and not strict:
                        break
                return decides if decides in truths else not decides
            case _:
                truth = evaluate(test, self.packet, self.classes, self.space)
                self.terms.append(self._term(test, truth=truth))
                return truth

    def _term(self, test: Boolean, *, truth: bool) -> str:
        match test:
            case Equal(left, Const() as right):
                return f"{self._value(left)}{'' if truth else f', not {written(right)}'}"
            case Equal(Const() as left, right):
                return f"{self._value(right)}{'' if truth else f', not {written(left)}'}"
            case Equal(left, right):
                return f"{self._value(left)}, {self._value(right)}"
            case Matches(pattern, of):
                return f"{self._value(of)}, which {'matches' if truth else 'does not match'} '{pattern}'"
        return f"{written(test)}: {'yes' if truth else 'no'}"

    def _value(self, text: Text) -> str:
        octets = evaluate_text(text, self.packet, self.classes, self.space)
        return f"{written(text)} is {written_octets(octets)}"
