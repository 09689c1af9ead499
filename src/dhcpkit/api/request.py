"""What a caller sends: a command, its arguments, and which servers it is for. Kea's form and Kea's words.

This module does not know channels or commands.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from dhcpkit.api.feed import Limits, NotJson, parse_text
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Caller

__all__ = ["BadRequest", "Caller", "Limits", "NotJson", "Request", "read_request"]

KEYS: Final = frozenset(("command", "arguments", "service", "remote-address"))


class BadRequest(DhcpkitError):
    """JSON, but no command."""


@attrs.frozen
class Request:
    """One command. `arguments` is a JSON value, None where there is none; `service` names servers (agents only).

    `misdirected` says what is wrong with `service`: a server does not look at it, an agent answers with it.
    """

    command: str
    arguments: Any = None
    service: tuple[str, ...] = ()
    misdirected: str = ""

    def as_json(self) -> dict[str, Any]:
        """The map that is sent."""
        made: dict[str, Any] = {"command": self.command}
        if self.service:
            made["service"] = list(self.service)
        if self.arguments is not None:
            made["arguments"] = self.arguments
        return made


def read_request(text: bytes, name: str = "<wire>") -> Request:
    """The command in a text. Raises NotJson, BadRequest."""
    value = parse_text(text, name)
    if not isinstance(value, dict):
        raise BadRequest(f"invalid command: expected toplevel entry to be a map, got {_kind(value)} instead")
    if "command" not in value:
        raise BadRequest("invalid command: does not contain mandatory 'command'")
    command = value["command"]
    if not isinstance(command, str):
        raise BadRequest(f"invalid command: expected 'command' to be a string, got {_kind(command)} instead")
    for key in value:
        if key not in KEYS:
            raise BadRequest(f"invalid command: unsupported parameter '{key}'")
    service = value.get("service", [])
    if not isinstance(service, list):
        return Request(command, value.get("arguments"), misdirected="service value must be a list")
    wrong = [each for each in service if not isinstance(each, str)]
    misdirected = f"service names must be strings, got {_kind(wrong[0])} instead" if wrong else ""
    return Request(command, value.get("arguments"), () if wrong else tuple(service), misdirected)


def _kind(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", int: "integer", float: "real", list: "list", dict: "map"}
    return kinds.get(type(value), "null")
