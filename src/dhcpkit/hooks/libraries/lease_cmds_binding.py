"""Binding variables: what expressions say of a message or its answer, kept with the lease (`binding-variables`).

They are in the lease's user context, under `ISC`. A lease is stored once more only where a value has changed, so a
client that renews costs one evaluation of each. This module does not know when leases change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.extended4 import ISC, context_text
from dhcpkit.config import codes
from dhcpkit.config.checks import Unfit
from dhcpkit.config.param import Document, document, param
from dhcpkit.hooks.expressions import Language, Value

__all__ = ["BindingVariable", "Bindings", "LeaseCmdsParameters", "bound"]

VARIABLES_MAX: Final = 64  # of a library: all of them are evaluated for every lease
KEY: Final = "binding-variables"


def _not_empty(text: str) -> None:
    if not text:
        raise Unfit(codes.BAD_VALUE, "name and expression of a binding variable may not be empty")


@document("binding-variables")
class BindingVariable(Document):
    """A value that is kept with leases."""

    name: str = param(check=_not_empty, doc="What it is called in the lease.")
    expression: str = param(check=_not_empty, doc="An expression whose value is a string.")
    source: str = param(
        choices=("query", "response"), doc="Whether it speaks of the client's message or of the answer."
    )


@document("parameters")
class LeaseCmdsParameters(Document):
    """What is kept with leases."""

    binding_variables: tuple[BindingVariable, ...] = param(
        default=(), doc="Values that are kept in the user context of leases.", since="3.0"
    )


@attrs.frozen(eq=False)
class Bindings:
    """The variables, compiled: name, whether it is of the query, and what makes its value."""

    compiled: Sequence[tuple[str, bool, Value]]

    @classmethod
    def of(cls, told: Sequence[BindingVariable], doc: Any, family: int) -> Bindings:
        """Raises ExpressionError. Where two have one name, the first is meant (Kea)."""
        language = Language(doc, family)
        first: dict[str, tuple[str, bool, Value]] = {}
        for each in told:
            first.setdefault(each.name, (each.name, each.source == "query", language.text(each.expression)))
        return cls(tuple(first.values()))

    def values(self, query: Any, response: Callable[[], Any], classes: Any) -> Mapping[str, str]:
        """The values for an exchange. Raises `alloc.evaluate.Unfit` where one cannot be told."""
        made: dict[str, str] = {}
        answer: Any = None
        for name, of_query, value in self.compiled:
            if not of_query and answer is None:
                answer = response()
            made[name] = value(query if of_query else answer, classes).decode("latin-1")
        return made


def bound(context: str, values: Mapping[str, str]) -> str:
    """A lease's user context with these values in it; as it is where it has them."""
    known = _map_of(context)
    isc = known.get(ISC)
    isc = dict(isc) if isinstance(isc, dict) else {}
    if isc.get(KEY) == values:
        return context
    return context_text({**known, ISC: {**isc, KEY: dict(values)}})


def _map_of(context: str) -> Mapping[str, Any]:
    if not context:
        return {}
    known = json.loads(context)
    return known if isinstance(known, dict) else {}
