"""Configured options: what a level of the configuration (global, network, subnet, pool, class, host) offers.

This module does not know how they are written in a file, nor which of them a client gets (`answer.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.alloc.trace import Place
from dhcpkit.wire.options import Option

__all__ = ["NO_OPTIONS", "OptionValue", "OptionValues"]

T = TypeVar("T")


@attrs.frozen
class OptionValue:
    """One configured option: its payload as octets, and whether it is sent unasked or not at all (Kea's keys)."""

    option: Option[Any]
    payload: bytes
    always_send: bool = False
    never_send: bool = False
    where: Place | None = None

    @classmethod
    def of(cls, option: Option[T], value: T, *, always_send: bool = False) -> OptionValue:
        """From a typed value. ValueError where the option's kind has no form for it."""
        return cls(option, option.kind.build(value), always_send)


class OptionValues:
    """The options of one level by code; the later of two values for a code wins."""

    __slots__ = ("_by_code", "always", "never")

    def __init__(self, values: Iterable[OptionValue] = ()) -> None:
        self._by_code = {value.option.code: value for value in values}
        self.always = tuple(code for code, value in self._by_code.items() if value.always_send)
        self.never = tuple(code for code, value in self._by_code.items() if value.never_send)

    def get(self, code: int) -> OptionValue | None:
        """The value for a code, or None."""
        return self._by_code.get(code)

    def __iter__(self) -> Iterator[OptionValue]:
        return iter(self._by_code.values())

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def __len__(self) -> int:
        return len(self._by_code)

    def __repr__(self) -> str:
        return f"<OptionValues {', '.join(value.option.name for value in self)}>"


NO_OPTIONS: Final = OptionValues()
