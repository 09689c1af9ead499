"""Option spaces: where an option is declared, once, and found by code or by name.

`DHCP4.define(3, "routers", list_of(IPV4), rfc="RFC 2132 3.5")` is all it takes; codec, text form, documentation
and test strategy follow from the kind. This module does not know packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import attrs

from dhcpkit.wire.json_form import Says
from dhcpkit.wire.kinds import Kind

__all__ = ["Option", "Space", "built", "space_of"]

T = TypeVar("T")


@attrs.frozen(eq=False)
class Option(Generic[T]):
    """One declared option. `packet[option]` has the option's type, whatever the packet's family.

    `space` is the name of the space it is `declared_in`, `encapsulates` the one its sub-options are declared in.
    `redefinable` options are those that Kea 2.2 leaves to a configuration's own `option-def`, which therefore may say
    anything of their codes and names. `says` tells people what a value means, where its kind does not.
    """

    space: str
    code: int
    name: str
    kind: Kind[T]
    rfc: str = ""
    note: str = ""
    encapsulates: Space | None = None
    redefinable: bool = False
    says: Says[T] | None = None
    declared_in: Space | None = None

    def parse(self, data: bytes) -> T:
        """The value of a whole payload; ValueError where its kind refuses it."""
        return self.kind.codec.parse(data)

    def build(self, value: T) -> bytes:
        """The payload of a value; ValueError where its kind has no form for it."""
        return self.kind.codec.build(value)

    def build_text(self, text: str) -> bytes:
        """The payload that Kea makes of a text, as `data` of `option-data` holds it; ValueError where it refuses it."""
        return self.kind.build_text(text)

    def __repr__(self) -> str:
        return f"<{self.space}.{self.name} ({self.code}) {self.kind.name}{'[]' if self.kind.array else ''}>"


class Space:
    """A numbering of options: `dhcp4`, a relay's sub-options, a vendor's.

    `extends` is looked in when a code or name is unknown here. In a `wide` space codes and lengths have two octets
    each, as in DHCPv6 (RFC 8415 21.1), else one. `vendors` are the spaces of enterprises by their numbers, where this
    space is what a vendor option (125, or 17 in DHCPv6) encapsulates. All options of a `redefinable` space are.
    """

    def __init__(
        self, name: str, extends: Space | None = None, *, wide: bool = False, redefinable: bool = False
    ) -> None:
        self.name = name
        self.redefinable = redefinable
        self.extends = extends
        self.wide: bool = wide if extends is None else extends.wide
        self.vendors: dict[int, Space] = {} if extends is None else extends.vendors
        self._by_code: dict[int, Option[Any]] = {}
        self._by_name: dict[str, Option[Any]] = {}

    def define(  # noqa: PLR0913  # what may be said of an option, by name
        self,
        code: int,
        name: str,
        kind: Kind[T],
        *,
        rfc: str = "",
        note: str = "",
        encapsulates: Space | None = None,
        redefinable: bool = False,
        says: Says[T] | None = None,
    ) -> Option[T]:
        """Declares an option here. ValueError where the code or the name is already taken, or the code out of range."""
        if not 0 <= code <= self.code_max:
            raise ValueError(f"{name}: a code in space {self.name} is 0 to {self.code_max}, not {code}")
        option = Option(
            self.name, code, name, kind, rfc, note, encapsulates, redefinable or self.redefinable, says, self
        )
        for taken in (self._by_code.get(code), self._by_name.get(name)):
            if taken is not None:
                raise ValueError(f"{option!r}: {taken!r} is already defined")
        self._by_code[code] = self._by_name[name] = option
        return option

    @property
    def code_max(self) -> int:
        """The highest code there can be."""
        return 0xFFFF if self.wide else 0xFF

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

    def __bool__(self) -> bool:
        return True  # one without options of its own may extend one with many

    def __repr__(self) -> str:
        return f"<Space {self.name}: {len(self)} options>"


def built(option: Option[Any] | int | str, value: Any, space: Space | None) -> tuple[int, bytes]:
    """The code and payload of an option that is given by declaration or name, or by code with octets.

    ValueError where it has no form for the value, or its name is not known in `space`.
    """
    if isinstance(option, int):
        if not isinstance(value, bytes | bytearray | memoryview):
            raise ValueError(f"option {option}: with a code go octets, not {type(value).__name__}")  # noqa: TRY004
        return option, bytes(value)
    if isinstance(option, str):
        found = None if space is None else space.by_name(option)
        if found is None:
            told = "names need a space" if space is None else f"there is no such option in space {space.name}"
            raise ValueError(f"option {option!r}: {told}")
        option = found
    try:
        return option.code, option.kind.codec.build(value)
    except ValueError as error:
        raise ValueError(f"option {option.name} ({option.code}): {error}") from error


def space_of(values: Iterable[Any]) -> Space | None:
    """Where the first of some options that are given by declaration is declared."""
    return next((option.declared_in for option in values if isinstance(option, Option)), None)
