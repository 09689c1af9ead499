"""Configured options: what a level of the configuration (global, network, subnet, pool, class, host) offers.

This module does not know how they are written in a file, nor which of them a client gets (`answer.py`).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs

from dhcpkit.alloc.trace import Place
from dhcpkit.wire.options import Option

__all__ = ["NO_OPTIONS", "VENDOR", "OptionValue", "OptionValues"]

T = TypeVar("T")


VENDOR: Final = re.compile(r"vendor-([0-9]+)\Z")  # Kea's names of the spaces of enterprises
BY_ENTERPRISE: Final = {"dhcp4": (124, 125), "dhcp6": (16, 17)}  # options that may be there once for each enterprise


@attrs.frozen
class OptionValue:
    """One configured option: its payload as octets, and whether it is sent unasked or not at all (Kea's keys).

    One with `client_classes` is only for clients in any of them.
    """

    option: Option[Any]
    payload: bytes
    always_send: bool = False
    never_send: bool = False
    where: Place | None = None
    client_classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, option: Option[T], value: T, *, always_send: bool = False) -> OptionValue:
        """From a typed value. ValueError where the option's kind has no form for it."""
        return cls(option, option.kind.build(value), always_send)


class OptionValues:
    """The options of one level by code; the later of two values for a code and the same classes wins.

    Options in the space of an enterprise (`vendor-4491`) are apart from the others, in `vendors` by its number.
    """

    __slots__ = ("_all", "_by_code", "_several", "always", "never", "vendors")

    def __init__(self, values: Iterable[OptionValue] = ()) -> None:
        self._all = tuple(values)
        own: list[OptionValue] = []
        vendors: dict[int, list[OptionValue]] = {}
        for value in self._all:
            vendor = VENDOR.match(value.option.space)
            (own if vendor is None else vendors.setdefault(int(vendor[1]), [])).append(value)
        self.vendors: Mapping[int, OptionValues] = {
            number: OptionValues([_without_vendor(value) for value in inside]) for number, inside in vendors.items()
        }
        self._by_code = {value.option.code: value for value in own}
        self._several = _several(own)
        self.always = tuple(dict.fromkeys(value.option.code for value in own if value.always_send))
        self.never = tuple(dict.fromkeys(value.option.code for value in own if value.never_send))

    def get(self, code: int) -> OptionValue | None:
        """The value for a code, or None."""
        return self._by_code.get(code)

    def allowed(self, code: int, classes: Container[str]) -> OptionValue | None:
        """The value for a code that a client in these classes gets; one for its classes beats one for all (Kea)."""
        if code not in self._several:
            return self._by_code.get(code)
        return next(iter(self.every(code, classes)), None)

    def every(self, code: int, classes: Container[str]) -> Sequence[OptionValue]:
        """All values for a code that a client in these classes may get, those for its classes first."""
        several = self._several.get(code)
        if several is None:
            value = self._by_code.get(code)
            return () if value is None else (value,)
        mine = [value for value in several if any(name in classes for name in value.client_classes)]
        return [*mine, *(value for value in several if not value.client_classes)]

    def __iter__(self) -> Iterator[OptionValue]:
        return iter(self._all)

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"<OptionValues {', '.join(value.option.name for value in self)}>"


def _several(values: Sequence[OptionValue]) -> dict[int, list[OptionValue]]:
    """The values of codes that have more than one, or one for some classes only."""
    found: dict[tuple[int, tuple[str, ...], bytes], OptionValue] = {}
    for value in values:
        option = value.option
        enterprise = value.payload[:4] if option.code in BY_ENTERPRISE.get(option.space, ()) else b""
        key = (option.code, value.client_classes, enterprise)
        found.pop(key, None)
        found[key] = value
    by_code: dict[int, list[OptionValue]] = {}
    for value in found.values():
        by_code.setdefault(value.option.code, []).append(value)
    return {code: each for code, each in by_code.items() if len(each) > 1 or each[0].client_classes}


def _without_vendor(value: OptionValue) -> OptionValue:
    """The same value as one of a space that is nobody's, so that it is looked up by its code alone."""
    return attrs.evolve(value, option=attrs.evolve(value.option, space="vendor"))


NO_OPTIONS: Final = OptionValues()
