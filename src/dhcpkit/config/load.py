"""The way in: a file, or a text, to documents and the network, with every problem of both found in one run.

This module does not know what is wrong with a configuration; it puts those who know one after the other.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from dhcpkit.alloc.network import Network
from dhcpkit.config import codes
from dhcpkit.config.compile import compile_into
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.errors import Problem
from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import FileName, Read, Source, read_file
from dhcpkit.config.nearest import nearest
from dhcpkit.config.param import DOCUMENTS, read
from dhcpkit.config.report import Report

__all__ = ["Loaded4", "load4", "parse4"]

KEYWORDS: Final = frozenset(key for cls in DOCUMENTS.values() for key in cls.by_key) | {"Dhcp4"}
ALIASES: Final = {
    declared.key: declared.aliases for cls in DOCUMENTS.values() for declared in cls.params.values() if declared.aliases
}


@attrs.frozen(eq=False)
class Loaded4:
    """A configuration that can be used: documents, the engine's network, the text with its places, and warnings."""

    doc: Dhcp4Doc
    network: Network
    source: Source
    warnings: tuple[Problem, ...]


def load4(path: FileName, read_text: Read = read_file) -> Loaded4:
    """Reads Kea's DHCPv4 configuration. Raises ConfigError with every problem found, wherever it is.

    `read_text` is how files are read, the configuration and what it includes.
    """
    source = Source(str(path), read_text, ALIASES)
    report = Report(source)
    data, wrongs = parse_json(source, KEYWORDS)
    for wrong in wrongs:
        report.add_wrong(wrong)
    doc = _document(data, report)
    if doc is None:
        raise report.error()
    network = compile_into(doc, report)
    report.notice_idle()
    if network is None:
        raise report.error()
    return Loaded4(doc, network, source, report.sorted())


def parse4(text: str, name: str = "<string>") -> Loaded4:
    """As `load4`, from a text that has no file of its own (a command's argument, a test)."""
    return load4(name, lambda file: text if file == name else read_file(file))


def _document(data: Any, report: Report) -> Dhcp4Doc | None:
    """The document under the one key the text may have at its top."""
    if not isinstance(data, dict):
        if not report.failed:
            found = {list: "[", str: "constant string", type(None): "null", bool: "boolean"}.get(type(data), "integer")
            report.add(codes.WRONG_TYPE, (), f"syntax error, unexpected {found}, expecting {{", expected="a map")
        return None
    for key in data:
        if key != "Dhcp4":
            near = nearest(key, ["Dhcp4"], 0.5)
            hint = (
                "this is the configuration of another server" if key in ("Dhcp6", "DhcpDdns", "Control-agent") else ""
            )
            message = "syntax error, unexpected constant string, expecting Dhcp4"
            suggestion = "" if hint else near
            report.add(codes.UNKNOWN_KEY, (key,), message, key=True, suggestion=suggestion, hint=hint)
    if "Dhcp4" not in data:
        if not data:
            report.add(codes.MISSING_KEY, (), "syntax error, unexpected }, expecting Dhcp4", expected="the key Dhcp4")
        return None
    inner = data["Dhcp4"]
    if not isinstance(inner, dict):
        found = {list: "[", str: "constant string", type(None): "null", bool: "boolean"}.get(type(inner), "integer")
        report.add(codes.WRONG_TYPE, ("Dhcp4",), f"syntax error, unexpected {found}, expecting {{", expected="a map")
        return None
    return read(Dhcp4Doc, inner, ("Dhcp4",), report)
