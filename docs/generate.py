"""Writes the reference from the declarations: options, configuration, problems, messages, hook points, commands, API.

What is declared once in the code appears here without a second edit. `pages()` is what the docs build and the tests
call. This module does not know Sphinx.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dhcpkit

if TYPE_CHECKING:
    from dhcpkit.wire.options import Option, Space

HERE = Path(__file__).resolve().parent
GENERATED = HERE / "reference" / "_generated"
EFFECTS = {False: "yes", True: "none yet", "grave": "none yet; clients notice"}  # of a key, by what it is declared as
CLASS_WIDE = frozenset(("arguments",))  # of a point: what is no attribute of one that is met
OCTETS_SHOWN = 24  # of an example's payload: longer ones make the table too wide
ROOMS = ("wire", "alloc", "config", "backends", "hooks", "api", "server", "testing")


def pages() -> dict[str, str]:
    """Every generated page: file name to Markdown."""
    return {
        "options.md": options(),
        "configuration.md": configuration(),
        "expressions.md": expression_page(),
        "problems.md": problems(),
        "messages.md": messages(),
        "hook-points.md": hook_points(),
        "commands.md": commands(),
        "control-commands.md": control_commands(),
        **{f"api-{room}.md": api(room) for room in ROOMS},
    }


def modules(package: str) -> Iterator[ModuleType]:
    """A package and every module in it."""
    top = importlib.import_module(package)
    yield top
    for found in pkgutil.walk_packages(top.__path__, f"{package}."):
        yield importlib.import_module(found.name)


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A Markdown table; a bar or line break in a cell is made harmless."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    return re.sub(r"\s*\n\s*", " ", str(value)).replace("|", "\\|")


def code(value: object) -> str:
    return f"`{value}`" if str(value) else ""


def options(spaces: Iterable[Space] | None = None) -> str:
    """A table for each space; of every space there is, unless some are given."""
    parts = [
        "# Options\n",
        (
            "Every option with a name and a form of its own, by option space. The text form is what `data` in"
            " `option-data` holds, and `text` in a [message as JSON](../../how-to/read-and-write-messages.md). The"
            " example is such a text and the payload, in hexadecimal digits, that it becomes.\n"
        ),
    ]
    for space in declared_spaces() if spaces is None else spaces:
        rows = (
            (
                option.code,
                code(option.name),
                option.kind.name + (" (array)" if option.kind.array else ""),
                option.kind.text_form,
                example_of(option),
                option.rfc + (f"; {option.note}" if option.note else ""),
            )
            for option in space
        )
        head = ("code", "name", "type", "text form", "example", "declared in")
        parts += [f"## {space.name}\n", table(head, rows)]
    return "\n".join(parts)


def example_of(option: Option[Any]) -> str:
    from dhcpkit.testing.examples import example

    try:
        text, payload = example(option)
    except LookupError:  # what only makes sense as a whole, as a message within a message does
        return ""
    octets = payload.hex() if len(payload) <= OCTETS_SHOWN else f"{payload[:OCTETS_SHOWN].hex()}..."
    return " ".join(filter(None, (code(text), f"→ {octets}" if octets else "→ no octets")))


def declared_spaces() -> Iterable[Space]:
    """Every space that a module of the package declares, and that has options."""
    from dhcpkit.wire.options import Space

    found: dict[str, Space] = {}
    for module in modules("dhcpkit.wire"):
        for value in vars(module).values():
            if isinstance(value, Space) and len(value):
                found.setdefault(value.name, value)
    return found.values()


def configuration() -> str:
    from dhcpkit.config.agent import AgentDoc
    from dhcpkit.config.dhcp4 import Dhcp4Doc
    from dhcpkit.config.dhcp6 import Dhcp6Doc
    from dhcpkit.config.param import walk

    parts = [
        "# Configuration of the servers\n",
        (
            "Kea's keys, by the map they stand in: first those of `Dhcp4`, then the maps that `Dhcp6` has otherwise,"
            " then those of the control agent."
            " The keys of a map include those of the levels it inherits from. *Default* is what holds where no level of"
            " the configuration sets a key. An *inherited* key holds for what is inside, unless that says otherwise:"
            " for all subnets, a shared network, a subnet, a pool. *Since* is the series of Kea that brought a key,"
            " where 2.2 did not know it. *Effect* is what it does here: a key that has none yet is accepted and kept,"
            " and changes nothing; those are listed together [at the end](#accepted-without-effect), and whoever uses"
            " one is told.\n"
        ),
    ]
    four, six, agent = list(walk(Dhcp4Doc)), list(walk(Dhcp6Doc)), list(walk(AgentDoc))
    titles = titles_of(four, six, agent)
    for document, title in titles.items():
        parts += map_of(document, title, titles)
    return "\n".join([*parts, *without_effect(titles)])


def titles_of(four: Sequence[Any], six: Sequence[Any], agent: Sequence[Any]) -> dict[Any, str]:
    """The maps of all programs, each once, with a heading: the keys it stands at, and the family it is of alone."""
    titles: dict[Any, str] = {}
    for document in (*four, *(each for each in six if each not in four)):
        at = [declared.key for around in (*four, *six) for declared in around.params.values()
              if document_of(declared) is document]  # fmt: skip
        family = "" if document in four and document in six else " (DHCPv4)" if document in four else " (DHCPv6)"
        titles[document] = ", ".join(dict.fromkeys(at) or [document.map_name]) + family
    for document in agent:
        at = [declared.key for around in agent for declared in around.params.values()
              if document_of(declared) is document]  # fmt: skip
        titles.setdefault(document, ", ".join(dict.fromkeys(at) or [document.map_name]) + " (agent)")
    return titles


def document_of(declared: Any) -> Any:
    """The document a key holds one of, or a list of; None for a plain value."""
    shape = getattr(declared.shape, "item", None) or declared.shape
    return getattr(shape, "document", None)


def slug(title: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^a-z0-9-]", "", title.lower().replace(" ", "-"))


def type_of(declared: Any, titles: Mapping[Any, str]) -> str:
    """The type of a key's value; a map leads to its part of the page."""
    document = document_of(declared)
    if document is None:
        return str(declared.shape)
    told = "list of maps" if getattr(declared.shape, "item", None) else "map"
    return f"[{told}](#{slug(titles[document])})"


def without_effect(documents: Iterable[Any]) -> list[str]:
    """The table of keys that are accepted and change nothing yet; `dhcpkit check` reports those a file has."""
    rows = {
        (
            code(document.map_name),
            code(declared.key),
            "clients notice" if declared.idle == "grave" else "",
            declared.doc,
        )
        for document in documents
        for declared in document.params.values()
        if declared.idle
    }
    return [
        "## Accepted, without effect\n",
        (
            "`dhcpkit check` says which of these a file has, once for each: as a notice ([DK1901](problems.md#dk1901)),"
            " or as a warning where clients notice ([DK1902](problems.md#dk1902)).\n"
        ),
        table(("map", "key", "", "what it is for"), sorted(rows)),
    ]


def map_of(document: Any, title: str, titles: Mapping[Any, str]) -> list[str]:
    """The part about one map of a configuration."""
    rows = (
        (
            code(declared.key) + "".join(f", {code(alias)}" for alias in declared.aliases),
            type_of(declared, titles),
            default_of(declared),
            "yes" if is_inherited(document, declared) else "",
            declared.since,
            EFFECTS[declared.idle],
            declared.doc + bounds_of(declared),
        )
        for declared in document.params.values()
    )
    head = ("key", "type", "default", "inherited", "since", "effect", "meaning")
    return [f"## {title}\n", f"{inspect.getdoc(document)}\n", table(head, rows)]


def is_inherited(document: Any, declared: Any) -> bool:
    """Whether a key holds for the levels inside the one it is written at: those of levels only, not of classes."""
    from dhcpkit.config.documents import DdnsDoc

    return issubclass(document, DdnsDoc) and declared.name in inherited()


def inherited() -> frozenset[str]:
    """The names of the keys that hold for what is inside as well."""
    from dhcpkit.config.inherit import INHERITED4, INHERITED6

    lifetimes = (f"{bound}{kind}_lifetime" for bound in ("", "min_", "max_") for kind in ("valid", "preferred"))
    return frozenset((*INHERITED4, *INHERITED6, *lifetimes, "option_data", "reservation_mode"))


def default_of(declared: Any) -> str:
    from dhcpkit.config import unparse

    if declared.required:
        return "required"
    value = declared.inherit if declared.default is None else declared.default
    if value is None or value in ((), {}, ""):
        return ""
    if document_of(declared) is not None:
        written = unparse(value)
        return code(json.dumps(written)) if written else "empty"
    if isinstance(value, tuple):
        return ", ".join(map(code, value))
    return code({True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value)


def bounds_of(declared: Any) -> str:
    if declared.choices:
        return f" One of {', '.join(map(code, declared.choices))}."
    if declared.low is not None and declared.high is not None:
        return f" From {declared.low} to {declared.high}."
    return ""


def expression_page() -> str:
    sys.path.insert(0, str(HERE))
    try:
        return str(importlib.import_module("expressions").page())
    finally:
        sys.path.pop(0)


def problems() -> str:
    from dhcpkit.config.codes import CODES

    parts = ["# Problems of a configuration\n", "What `dhcpkit check` can find, by its stable code.\n"]
    for found in CODES.values():
        parts += [
            f"({found.id.lower()})=\n## {found.id}: {found.title}\n",
            f"*{found.severity}*\n",
            f"{found.explanation}\n",
        ]
    return "\n".join(parts)


def messages() -> str:
    from dhcpkit.hooks.catalogue import catalogue_page

    for _ in (*modules("dhcpkit.hooks"), *modules("dhcpkit.api"), *modules("dhcpkit.server")):
        pass  # each declares its own
    return catalogue_page()


def hook_points() -> str:
    from dhcpkit.alloc.points import Point

    for _ in modules("dhcpkit.hooks"):
        pass
    points = {
        point.kea_name: point for point in subclasses(Point)
    }  # attrs makes some classes anew: the last one counts
    rows = []
    for _, point in sorted(points.items()):
        names = {attribute: kea for kea, attribute in point.arguments.items()}
        fields = [name for name in inspect.get_annotations(point) if name not in CLASS_WIDE]
        shown = ", ".join(f"{code(name)} ({names[name]})" if name in names else code(name) for name in fields)
        steps = ", ".join(sorted(step.name for step in point.steps))
        kinds = ", ".join(kind for kind, so in (("waits", point.may_wait), ("engine", point.guides)) if so)
        where = code(f"{point.__module__}.{point.__name__}")
        rows.append((code(point.kea_name), where, shown, steps, kinds, inspect.getdoc(point)))
    head = ("point", "class", "attributes (Kea's arguments)", "steps", "", "meaning")
    told = "`waits`: callouts may be coroutines. `engine`: while somebody listens, the quick way is not taken."
    return f"# Hook points\n\n{told}\n\n" + table(head, rows)


def subclasses(kind: type) -> Iterator[Any]:
    for found in kind.__subclasses__():
        if "kea_name" in vars(found):
            yield found
        yield from subclasses(found)


def commands() -> str:
    import typer.main
    from typer.cli import get_docs_for_click

    from dhcpkit.cli import application

    command = typer.main.get_command(application())
    with command.make_context("dhcpkit", ["version"]) as context:
        text = get_docs_for_click(obj=command, ctx=context, name="dhcpkit")
    return text.replace("# `dhcpkit`", "# Commands", 1)


def control_commands() -> str:
    """The page of commands that servers take over their control sockets."""
    from dhcpkit.hooks.commands import declared_commands

    libraries = {
        value
        for module in (*modules("dhcpkit.hooks"), *modules("dhcpkit.server"))
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__ and any(declared_commands(value))
    }
    declared = sorted((found for each in libraries for _, found in declared_commands(each)), key=lambda one: one.name)
    parts = [
        "# Commands over a control socket\n",
        (
            "Names, arguments and results are Kea's. The results 0 (done) and 1 (refused, `text` says why) are every "
            "command's; others are named. Arguments that a command does not know are passed over, but where it is said "
            "that they are refused.\n"
        ),
    ]
    for found in declared:
        results = ", ".join(f"{int(each)} ({each.name.lower()})" for each in found.results if each > 1)
        facts = [
            f"Changes something: {'yes' if found.access.value == 'write' else 'no'}.",
            f"Servers: {', '.join(sorted(found.servers))}.",
            f"Since {found.since}.",
            *([f"Further results: {results}."] if results else ()),
            *(["Other arguments are refused."] if found.strict else ()),
        ]
        title = f"{found.name} (agent)" if found.servers == {"ca"} else found.name
        parts.append(f"## {title}\n\n{found.doc}\n\n{' '.join(facts)}\n")
        if found.arguments is not None:
            rows = [
                (code(each.key), each.shape, "required" if each.required else default_of(each), each.doc)
                for each in found.arguments.params.values()
            ]
            parts.append(table(("argument", "type", "default", "meaning"), rows))
    return "\n".join(parts)


def api(room: str) -> str:
    package = importlib.import_module(f"dhcpkit.{room}")
    parts = [f"# dhcpkit.{room}\n", f"{inspect.getdoc(package) or ''}\n"]
    shown: set[int] = set()
    for module in modules(package.__name__):
        names = [name for name in getattr(module, "__all__", ()) if id(getattr(module, name)) not in shown]
        entries = [entry(name, getattr(module, name)) for name in names]
        shown |= {id(getattr(module, name)) for name in names if is_documented(getattr(module, name))}
        if any(entries):
            parts += [
                f"## {module.__name__}\n",
                *([] if module is package else [f"{inspect.getdoc(module)}\n"]),
                *filter(None, entries),
            ]
    return "\n".join(parts)


def is_documented(value: object) -> bool:
    return inspect.isclass(value) or inspect.isroutine(value)


def entry(name: str, value: Any) -> str:
    """One export: signature, docstring, and its public methods; nothing for plain constants."""
    if not is_documented(value) or not str(getattr(value, "__module__", "")).startswith(dhcpkit.__name__):
        return ""
    kind = "class" if inspect.isclass(value) else "async def" if inspect.iscoroutinefunction(value) else "def"
    text = f"### {name}\n\n```python\n{kind} {name}{signature(value)}\n```\n\n{prose(value)}\n"
    if inspect.isclass(value) and issubclass(value, Enum):
        text += "".join(f"\n- `{member.name}` = {code(member.value)}" for member in value) + "\n"
    if inspect.isclass(value):
        for inner, method in vars(value).items():
            function = method.__func__ if isinstance(method, classmethod | staticmethod) else method
            function = function.fget if isinstance(function, property) else function
            if not inner.startswith("_") and inspect.isfunction(function) and inspect.getdoc(function):
                shown = "" if isinstance(method, property) else signature(function)
                text += f"\n- `{inner}{shown}`: {cell(prose(function))}\n"
    return text


def prose(value: Any) -> str:
    """A docstring as Markdown: indented blocks are code already, headings would break the page's outline."""
    return re.sub(r"^#", r"\\#", inspect.getdoc(value) or "", flags=re.MULTILINE)


def signature(value: Any) -> str:
    """Parameters with their annotations as written; nothing for a class that is not made by calling it."""
    made = inspect.isclass(value)
    if made and ("__init__" not in vars(value) or issubclass(value, Enum)):
        return ""
    found = inspect.signature(value)
    parts, star = [], False
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        parts.append(parameter_text(parameter))
        if parameter.kind is parameter.POSITIONAL_ONLY:
            parts = [*(part for part in parts if part != "/"), "/"]
    returned = "" if made or found.return_annotation is found.empty else f" -> {annotation(found.return_annotation)}"
    return f"({', '.join(parts)}){returned}"


def parameter_text(parameter: inspect.Parameter) -> str:
    text = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "") + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        plain = parameter.default is None or isinstance(parameter.default, bool | int | float | str | bytes)
        text += f" = {parameter.default!r}" if plain and not isinstance(parameter.default, Enum) else " = ..."
    return text


def annotation(value: Any) -> str:
    return value if isinstance(value, str) else inspect.formatannotation(value).replace("collections.abc.", "")


def write() -> None:
    """Writes the pages that changed, so that an unchanged page is not built again."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    made = pages()
    for path in GENERATED.iterdir():
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        path = GENERATED / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    write()
