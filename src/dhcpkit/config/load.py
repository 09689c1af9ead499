"""The way in: a file, or a text, to documents and the network, with every problem of both found in one run.

This module does not know what is wrong with a configuration; it puts those who know one after the other.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import attrs

from dhcpkit.alloc.network import Network
from dhcpkit.alloc.network6 import Network6
from dhcpkit.config import codes
from dhcpkit.config.compile import compile_into
from dhcpkit.config.compile6 import UNNAMED, compile6_into
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc
from dhcpkit.config.errors import ConfigError, Problem
from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import FileName, Read, Source, Steps, read_file
from dhcpkit.config.nearest import nearest
from dhcpkit.config.param import DOCUMENTS, Document, read, walk
from dhcpkit.config.report import Report
from dhcpkit.wire.duid import Duid

__all__ = ["Loaded4", "Loaded6", "family_of", "load4", "load6", "parse4", "parse6"]

KEYWORDS: Final = frozenset(key for cls in DOCUMENTS.values() for key in cls.by_key) | {"Dhcp4", "Dhcp6"}
ALIASES: Final = {
    declared.key: declared.aliases for cls in DOCUMENTS.values() for declared in cls.params.values() if declared.aliases
}
OTHERS: Final = ("Dhcp4", "Dhcp6", "DhcpDdns", "Control-agent")  # what configurations of Kea's servers begin with
D = TypeVar("D", bound=Document)


@attrs.frozen(eq=False)
class Loaded4:
    """A configuration that can be used: documents, the engine's network, the text with its places, and warnings."""

    doc: Dhcp4Doc
    network: Network
    source: Source
    warnings: tuple[Problem, ...]


@attrs.frozen(eq=False)
class Loaded6:
    """As Loaded4. The network's server identifier is still `compile6.UNNAMED`, unless one was given."""

    doc: Dhcp6Doc
    network: Network6
    source: Source
    warnings: tuple[Problem, ...]


def family_of(path: FileName, read_text: Read = read_file) -> int:
    """Whose configuration a file is, by the key at its top: 6, or 4 for everything else, which `load4` judges."""
    try:
        data, _ = parse_json(Source(str(path), read_text, ALIASES), KEYWORDS)
    except (OSError, ConfigError):
        return 4
    return 6 if isinstance(data, dict) and "Dhcp6" in data and "Dhcp4" not in data else 4


def load4(path: FileName, read_text: Read = read_file) -> Loaded4:
    """Reads Kea's DHCPv4 configuration. Raises ConfigError with every problem found, wherever it is.

    `read_text` is how files are read, the configuration and what it includes.
    """
    source, report, doc = read_document(path, "Dhcp4", Dhcp4Doc, read_text)
    network = compile_into(doc, report)
    report.notice_idle()
    if network is None:
        raise report.error()
    return Loaded4(doc, network, source, report.sorted())


def load6(path: FileName, read_text: Read = read_file, server_id: Duid = UNNAMED) -> Loaded6:
    """Reads Kea's DHCPv6 configuration, as `load4` does."""
    source, report, doc = read_document(path, "Dhcp6", Dhcp6Doc, read_text)
    network = compile6_into(doc, report, server_id)
    report.notice_idle()
    if network is None:
        raise report.error()
    return Loaded6(doc, network, source, report.sorted())


def parse4(text: str, name: str = "<string>") -> Loaded4:
    """As `load4`, from a text that has no file of its own (a command's argument, a test)."""
    return load4(name, lambda file: text if file == name else read_file(file))


def parse6(text: str, name: str = "<string>", server_id: Duid = UNNAMED) -> Loaded6:
    """As `load6`, from a text that has no file of its own."""
    return load6(name, lambda file: text if file == name else read_file(file), server_id)


def read_document(path: FileName, root: str, cls: type[D], read_text: Read) -> tuple[Source, Report, D]:
    """The document of a file under the one key its text may have at its top."""
    source = Source(str(path), read_text, ALIASES)
    report = Report(source)
    report.documents = tuple(walk(cls))
    data, wrongs = parse_json(source, KEYWORDS)
    for wrong in wrongs:
        report.add_wrong(wrong)
    doc = _document(data, root, cls, report)
    if doc is None:
        raise report.error()
    return source, report, doc


def _document(data: Any, root: str, cls: type[D], report: Report) -> D | None:
    if not isinstance(data, dict):
        if not report.failed:
            _no_map(data, (), report)
        return None
    for key in data:
        if key != root:
            near = nearest(key, [root], 0.5)
            hint = "this is the configuration of another server" if key in OTHERS else ""
            message = f"syntax error, unexpected constant string, expecting {root}"
            suggestion = "" if hint else near
            report.add(codes.UNKNOWN_KEY, (key,), message, key=True, suggestion=suggestion, hint=hint)
    if root not in data:
        if not data:
            message = f"syntax error, unexpected }}, expecting {root}"
            report.add(codes.MISSING_KEY, (), message, expected=f"the key {root}")
        return None
    inner = data[root]
    if not isinstance(inner, dict):
        _no_map(inner, (root,), report)
        return None
    return read(cls, inner, (root,), report)


def _no_map(found: Any, steps: Steps, report: Report) -> None:
    word = {list: "[", str: "constant string", type(None): "null", bool: "boolean"}.get(type(found), "integer")
    report.add(codes.WRONG_TYPE, steps, f"syntax error, unexpected {word}, expecting {{", expected="a map")
