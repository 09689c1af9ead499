"""What a fuzzer runs: a function of any octets for each surface of the codecs, by name.

`script/fuzz --atheris` drives them guided by coverage; anything else that makes octets can, too. This module does not
know a fuzzer, and needs none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from dhcpkit.testing.declared import spaces
from dhcpkit.testing.wire_checks import (
    check_capture,
    check_json,
    check_names,
    check_octets4,
    check_octets6,
    check_packet_json,
    check_payload,
    check_stream,
    check_text,
)
from dhcpkit.wire.options import Option

__all__ = ["TARGETS", "every_option"]


def every_option() -> list[Option[Any]]:
    """Every option of every space, in an order that adding one changes as little as can be."""
    return [option for space in spaces() for option in space]


_OPTIONS: Final = every_option()


def _chosen(data: bytes) -> tuple[Option[Any], bytes]:
    """The option that the first two octets choose, and the octets behind them."""
    return _OPTIONS[int.from_bytes(data[:2], "big") % len(_OPTIONS)], data[2:]


def _payload(data: bytes) -> None:
    check_payload(*_chosen(data))


def _text(data: bytes) -> None:
    option, octets = _chosen(data)
    check_text(option, octets.decode("utf-8", "surrogateescape"))


def _json(data: bytes) -> None:
    option, octets = _chosen(data)
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):  # whoever reads a text of JSON sees these, before it comes to us
        return
    check_json(option, found)
    check_packet_json(found)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "parse4": check_octets4,
    "parse6": check_octets6,
    "option": _payload,
    "stream": check_stream,
    "capture": check_capture,
    "names": check_names,
    "text": _text,
    "json": _json,
}
