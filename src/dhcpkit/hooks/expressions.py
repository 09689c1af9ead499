"""Expressions that hook libraries are told: compiled once, with the option definitions of the configuration.

This module does not know libraries; what an expression means is `dhcpkit.alloc.expressions`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from dhcpkit.alloc.compiled import compile_test, compile_text
from dhcpkit.alloc.expressions import parse, parse_text
from dhcpkit.alloc.subjects import FAMILY4, FAMILY6, Packet
from dhcpkit.config.option_data import Spaces
from dhcpkit.config.report import Report

__all__ = ["Holds", "Language", "Value", "contexts_of_classes", "contexts_of_subnets"]

Value = Callable[[Packet, Any], bytes]  # of a packet and its classes; raises Unfit
Holds = Callable[[Packet, Any], bool]
FAMILIES: Final = {4: FAMILY4, 6: FAMILY6}


class Language:
    """What expressions of one configuration may speak of. `doc` is the whole of it, `family` 4 or 6."""

    def __init__(self, doc: Any, family: int) -> None:
        told = FAMILIES[family]
        self.spaces = Spaces(Report(), told.space)
        self.spaces.define_all(doc.option_def, ())  # what is wrong with one was reported when it was read
        self._family = attrs.evolve(told, space=self.spaces.get(told.space.name) or told.space)

    def text(self, expression: str) -> Value:
        """An expression whose value is a string. Raises ExpressionError."""
        return compile_text(parse_text(expression, self._family), self._family.space)

    def test(self, expression: str) -> Holds:
        """An expression that is true or false. Raises ExpressionError."""
        return compile_test(parse(expression, self._family), self._family.space)


def contexts_of_subnets(doc: Any, network: Any, family: int) -> Iterator[tuple[int, Any]]:
    """The ids of the subnets that have a `user-context`, and what is in it."""
    key = f"subnet{family}"
    documents = [*getattr(doc, key), *(each for one in doc.shared_networks for each in getattr(one, key))]
    ids = {str(subnet.prefix): subnet.id for subnet in network.subnets}
    for document in documents:
        if document.user_context:
            yield document.id if "id" in document.written else ids[str(document.subnet)], document.user_context


def contexts_of_classes(doc: Any) -> Iterator[tuple[str, Any]]:
    """The names of the classes that have a `user-context`, and what is in it."""
    for document in doc.client_classes:
        if document.user_context:
            yield document.name, document.user_context
