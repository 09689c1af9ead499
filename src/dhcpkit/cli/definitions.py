"""Option definitions from a file: what `--option-def` of `decode` and `encode` reads, as the spaces of both families.

The file holds Kea's `option-def` list, an object with it, or a whole configuration of a server. This module does not
know messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import typer

from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import Source
from dhcpkit.config.report import Report
from dhcpkit.wire import DHCP4, DHCP6, Space
from dhcpkit.wire.definitions import Definition, DefinitionError, Definitions
from dhcpkit.wire.errors import JsonError
from dhcpkit.wire.json_form import Json, at, quoted, refuse_others

__all__ = ["OPTION_DEF", "spaces_defined"]

OPTION_DEF: Final = typer.Option(
    metavar="FILE",
    help="Definitions of options of your own: Kea's option-def list, or a server's whole configuration.",
)
SERVERS: Final = {"Dhcp4": 4, "Dhcp6": 6}
TOPS: Final = {4: DHCP4, 6: DHCP6}
MEMBERS: Final = (
    "name", "code", "type", "space", "array", "record-types", "encapsulate", "user-context", "comment",
)  # fmt: skip


def spaces_defined(path: Path | None, family: int | None) -> dict[int, Space]:
    """The spaces of both families with a file's definitions; none where there is no file.

    A definition that does not tell its space is one of DHCPv4, or of the `family` that was told. ConfigError where the
    file is no JSON as Kea takes it, JsonError where it holds no definitions, DefinitionError where one cannot be.
    """
    if path is None:
        return {}
    source = Source(str(path))
    found, wrongs = parse_json(source, frozenset())
    report = Report(source)
    for wrong in wrongs:
        report.add_wrong(wrong)
    if report.failed:
        raise report.error()
    definitions = {each: Definitions(top) for each, top in TOPS.items()}
    for steps, each_family, listed in _lists(found):
        with at(str(path), *steps):
            if not isinstance(listed, list):
                raise JsonError(f"a list of definitions expected, not {quoted(listed)}")
            for number, each in enumerate(listed):
                with at(number):
                    definition = _definition(each)
                    for chosen in _families(definition, each_family, family):
                        _add(definitions[chosen], definition)
    return {each: made.space for each, made in definitions.items()}


def _lists(found: Json) -> Iterable[tuple[tuple[str, ...], int | None, Json]]:
    """The lists of definitions in a file, each with its place and, where a server's, with its family."""
    if not isinstance(found, dict):
        return [((), None, found)]
    lists: list[tuple[tuple[str, ...], int | None, Json]] = [
        ((server, "option-def"), family, found[server]["option-def"])
        for server, family in SERVERS.items()
        if isinstance(found.get(server), dict) and "option-def" in found[server]
    ]
    if "option-def" in found:
        lists.append((("option-def",), None, found["option-def"]))
    if not lists:
        raise JsonError("option-def expected")
    return lists


def _families(definition: Definition, server: int | None, family: int | None) -> Iterable[int]:
    """Whose a definition is: the server's, its space's, or of both where it lies within options."""
    if server is not None:
        return (server,)
    own = {TOPS[4].name: 4, TOPS[6].name: 6, "": family or 4}
    if definition.space in own:
        return (own[definition.space],)
    return [each for each, top in TOPS.items() if definition.code <= top.code_max]


def _add(definitions: Definitions, definition: Definition) -> None:
    try:
        definitions.add(definition)
    except DefinitionError as error:
        raise JsonError(error.what, (error.part,) if error.part else ()) from None


def _definition(found: Json) -> Definition:
    if not isinstance(found, dict):
        raise JsonError(f"a definition expected, not {quoted(found)}")
    refuse_others(found, MEMBERS)
    code = found.get("code")
    if type(code) is not int:
        raise JsonError(f"a number expected, not {quoted(code)}", ("code",))
    array = found.get("array", False)
    if not isinstance(array, bool):
        raise JsonError(f"true or false expected, not {quoted(array)}", ("array",))
    records = [word.strip() for word in _text(found, "record-types").split(",") if word.strip()]
    name, kind = _text(found, "name", needed=True), _text(found, "type", needed=True)
    return Definition(name, code, kind, _text(found, "space"), array, tuple(records), _text(found, "encapsulate"))


def _text(found: dict[str, Any], member: str, *, needed: bool = False) -> str:
    told = found.get(member, None if needed else "")
    if not isinstance(told, str):
        raise JsonError(f"text expected, not {quoted(told)}", (member,))
    return told
