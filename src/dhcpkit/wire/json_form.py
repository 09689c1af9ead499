"""Options as JSON: what any kind's value looks like there, and how options within options are shown and read.

An option is an object: `{"code": 3, "name": "routers", "value": ["192.0.2.1"]}`. `octets` (hexadecimal digits) stands
beside it where the value alone would not give the same payload back, or where there is no value: an option nobody
declared, or one whose payload is refused (`error` says why). What is read needs `code` or `name`, and one of `octets`,
`value` and `text` (Kea's text form), which count in this order. This module does not know packets or which options
exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from dhcpkit.wire.options import Option, Space

__all__ = ["NESTING_MAX", "NOWHERE", "Inside", "Json", "JsonForm"]

T = TypeVar("T")
Json = Any  # what the module `json` reads and writes

NESTING_MAX: Final = 16  # options within options, and messages within them: RFCs need 6; Python's stack holds some 100


@attrs.frozen
class JsonForm(Generic[T]):
    """How a kind's values look in JSON, where that is not their text. Both get the options the value may hold."""

    show: Callable[[T, Inside], Json]
    read: Callable[[Json, Inside], T]


@attrs.frozen
class Inside:
    """Where the options that a value holds are declared, and how deep it lies itself."""

    space: Space | None = None
    depth: int = 0

    def vendor(self, enterprise: int) -> Inside:
        """The same for what an enterprise put there."""
        return Inside(None if self.space is None else self.space.vendors.get(enterprise), self.depth)

    def show(self, options: Iterable[tuple[int, bytes]]) -> list[dict[str, Json]]:
        """Options by code and payload. Never fails for octets that a peer chose."""
        if self.depth > NESTING_MAX:
            return [{"code": code, "octets": payload.hex()} for code, payload in options]
        return [self._show(code, payload) for code, payload in options]

    def read(self, found: Json) -> list[tuple[int, bytes]]:
        """The inverse of `show`: codes and payloads. ValueError that names the place where it is not of that form."""
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise ValueError(f"a list of options expected, not {type(found).__name__}")  # noqa: TRY004  # a value
        read = []
        for number, each in enumerate(found):
            try:
                read.append(self._read(each))
            except ValueError as error:
                told = f"{each['name']}: " if isinstance(each, dict) and isinstance(each.get("name"), str) else ""
                raise ValueError(f"options[{number}]: {told}{error}") from None
        return read

    def _show(self, code: int, payload: bytes) -> dict[str, Json]:
        option = None if self.space is None else self.space.by_code(code)
        if option is None:
            return {"code": code, "octets": payload.hex()}
        shown: dict[str, Json] = {"code": code, "name": option.name}
        try:
            value = option.parse(payload)
            again = option.build(value)
        except ValueError as error:
            return shown | {"octets": payload.hex(), "error": str(error)}
        shown["value"] = option.kind.to_json(value, self._within(option))
        if again != payload:
            shown["octets"] = payload.hex()
        return shown

    def _within(self, option: Option[Any]) -> Inside:
        return Inside(option.encapsulates, self.depth + 1)

    def _read(self, found: Json) -> tuple[int, bytes]:
        if not isinstance(found, dict):
            raise ValueError(f"an object with code or name expected, not {type(found).__name__}")  # noqa: TRY004
        code, option = self._find(found)
        if "octets" in found:
            return code, _octets(found["octets"])
        if option is None:
            raise ValueError(f"option {code} is not declared: its octets expected, in hexadecimal digits")
        if "value" in found:
            return code, option.build(option.kind.from_json(found["value"], self._within(option)))
        if isinstance(found.get("text"), str):
            return code, option.build_text(found["text"])
        raise ValueError(f"value, text or octets of option {option.name} expected")

    def _find(self, found: dict[str, Json]) -> tuple[int, Option[Any] | None]:
        code, name = found.get("code"), found.get("name")
        if isinstance(code, int):
            return code, None if self.space is None else self.space.by_code(code)
        option = self.space.by_name(name) if self.space is not None and isinstance(name, str) else None
        if option is None:
            raise ValueError(f"no option is named {name!r} here" if name is not None else "code or name expected")
        return option.code, option


NOWHERE: Final = Inside()


def _octets(found: Json) -> bytes:
    try:
        return bytes.fromhex(found)
    except (TypeError, ValueError):
        raise ValueError(f"octets: pairs of hexadecimal digits expected, not {found!r}") from None
