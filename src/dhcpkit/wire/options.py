"""Option spaces: where an option is declared, once, and found by code or by name.

`DHCP4.define(3, "routers", list_of(IPV4), rfc="RFC 2132 3.5")` is all it takes; codec, text form, documentation
and test strategy follow from the kind. This module does not know packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import attrs

from dhcpkit.wire.kinds import Kind

__all__ = ["Option", "Space"]

T = TypeVar("T")


@attrs.frozen(eq=False)
class Option(Generic[T]):
    """One declared option. `packet[option]` has the option's type, whatever the packet's family."""

    space: str
    code: int
    name: str
    kind: Kind[T]
    rfc: str = ""
    note: str = ""

    def parse(self, data: bytes) -> T:
        """The value of a whole payload; ValueError where its kind refuses it."""
        return self.kind.codec.parse(data)

    def build(self, value: T) -> bytes:
        """The payload of a value; ValueError where its kind has no form for it."""
        return self.kind.codec.build(value)

    def __repr__(self) -> str:
        return f"<{self.space}.{self.name} ({self.code}) {self.kind.name}{'[]' if self.kind.array else ''}>"


class Space:
    """A numbering of options: `dhcp4`, a relay's sub-options, a vendor's. `extends` is looked in when a code is unknown."""

    def __init__(self, name: str, extends: Space | None = None) -> None:
        self.name = name
        self.extends = extends
        self._by_code: dict[int, Option[Any]] = {}
        self._by_name: dict[str, Option[Any]] = {}

    def define(self, code: int, name: str, kind: Kind[T], *, rfc: str = "", note: str = "") -> Option[T]:
        """Declares an option here. ValueError where the code or the name is already taken in this space."""
        option = Option(self.name, code, name, kind, rfc, note)
        for taken in (self._by_code.get(code), self._by_name.get(name)):
            if taken is not None:
                raise ValueError(f"{option!r}: {taken!r} is already defined")
        self._by_code[code] = self._by_name[name] = option
        return option

    def by_code(self, code: int) -> Option[Any] | None:
        """The option with this code, here or in the space this one extends."""
        found = self._by_code.get(code)
        return found if found is not None or self.extends is None else self.extends.by_code(code)

    def by_name(self, name: str) -> Option[Any] | None:
        """The option with this name (Kea's), here or in the space this one extends."""
        found = self._by_name.get(name)
        return found if found is not None or self.extends is None else self.extends.by_name(name)

    def __iter__(self) -> Iterator[Option[Any]]:
        return iter(sorted(self._by_code.values(), key=lambda option: option.code))

    def __len__(self) -> int:
        return len(self._by_code)

    def __repr__(self) -> str:
        return f"<Space {self.name}: {len(self)} options>"
