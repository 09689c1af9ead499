"""Which commands an access list matches, and what a role makes of them: the rules of the hook library rbac, read.

A list is one of Kea's names (ALL, NONE, READ, WRITE), a name that was defined before, or a map with one entry: `not`,
`and`, `or`, `commands`, `access`, `hook`. This module does not know callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Access

__all__ = ["Facts", "Matches", "Role", "WrongRule", "named_lists", "read_list"]

DEPTH_MAX: Final = 32  # lists inside one another: more than anybody writes, and less than Python's stack


class WrongRule(DhcpkitError):
    """An access list means nothing: who wrote the configuration is at fault."""


@attrs.frozen
class Facts:
    """What rules look at of a command. `access` is None where nobody declared what the command may do."""

    name: str
    access: Access | None = None
    hook: str = ""


Matches = Callable[[Facts], bool]


@attrs.frozen
class Role:
    """What somebody in a role may do. Without lists, everything is as `others` says."""

    accept: Matches | None = None
    reject: Matches | None = None
    others: bool = False
    accept_first: bool = True
    filters: frozenset[str] = frozenset()

    def admits(self, facts: Facts) -> bool:
        """Whether a command may run."""
        lists = ((self.accept, True), (self.reject, False))
        for matches, verdict in lists if self.accept_first else reversed(lists):
            if matches is not None and matches(facts):
                return verdict
        return self.others


PREDEFINED: Final[Mapping[str, Matches]] = {
    "ALL": lambda _: True,
    "NONE": lambda _: False,
    "READ": lambda facts: facts.access is Access.READ,
    "WRITE": lambda facts: facts.access is Access.WRITE,
}


def named_lists(definitions: Iterable[Mapping[str, Any]]) -> dict[str, Matches]:
    """The lists that are defined by name, each of those before it. Raises WrongRule."""
    lists = dict(PREDEFINED)
    for definition in definitions:
        if len(definition) != 1:
            raise WrongRule("a definition in access-control-lists is a map with one entry: a name, and what it means")
        ((name, spec),) = definition.items()
        if name in lists:
            raise WrongRule(f"the access list {name} is defined twice")
        lists[name] = read_list(spec, lists)
    return lists


def read_list(spec: Any, lists: Mapping[str, Matches], depth: int = 0) -> Matches:
    """What an access list matches. Raises WrongRule."""
    if depth > DEPTH_MAX:
        raise WrongRule(f"access lists are nested more than {DEPTH_MAX} deep")
    if isinstance(spec, str):
        if spec not in lists:
            raise WrongRule(f"there is no access list of the name {spec}")
        return lists[spec]
    if not isinstance(spec, dict) or len(spec) != 1:
        raise WrongRule(f"an access list is a name or a map with one entry, not {spec!r}")
    ((kind, value),) = spec.items()
    if kind == "not":
        inner = read_list(value, lists, depth + 1)
        return lambda facts: not inner(facts)
    if kind in ("and", "or"):
        parts = [read_list(each, lists, depth + 1) for each in _list(kind, value)]
        together = all if kind == "and" else any
        return lambda facts: together(part(facts) for part in parts)
    if kind in ("commands", "command"):  # the manual has one in its text and the other in its examples
        names = frozenset(_text(kind, each) for each in _list(kind, value))
        return lambda facts: facts.name in names
    if kind == "access":
        if value not in ("read", "write"):
            raise WrongRule(f"access is read or write, not {value!r}")
        return PREDEFINED[value.upper()]
    if kind == "hook":
        hook = _text(kind, value)
        return lambda facts: facts.access is not None and facts.hook == hook
    raise WrongRule(f"{kind} is no kind of access list")


def _list(kind: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WrongRule(f"{kind} takes a list, not {value!r}")
    return value


def _text(kind: str, value: Any) -> str:
    if not isinstance(value, str):
        raise WrongRule(f"{kind} takes names, not {value!r}")
    return value
