"""The generated reference misses nothing that is declared. Declarations are found in the source, not by asking."""

import ast
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from dhcpkit.config.agent import AgentDoc
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc
from dhcpkit.config.param import walk

REPO = Path(__file__).resolve().parent.parent.parent
SOURCE = REPO / "src" / "dhcpkit"


@cache
def pages():
    spec = importlib.util.spec_from_file_location("docs_generate", REPO / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.pages()


def calls(name_pattern):
    """Every call of a function or method with such a name in the package, with the file."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                if re.fullmatch(name_pattern, name):
                    yield node, path


def texts(node):
    return [
        argument.value
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def test_every_option():
    names = [texts(node)[0] for node, _ in calls("define") if texts(node)]
    assert len(names) > 10
    missing = [name for name in names if f"`{name}`" not in pages()["options.md"]]
    assert not missing


def test_every_configuration_key():
    page = pages()["configuration.md"]
    seen = 0
    for path in (SOURCE / "config").glob("*.py"):
        for owner in ast.walk(ast.parse(path.read_text())):
            for line in owner.body if isinstance(owner, ast.ClassDef) else ():
                value = getattr(line, "value", None)
                if (
                    isinstance(line, ast.AnnAssign)
                    and isinstance(value, ast.Call)
                    and getattr(value.func, "id", "") == "param"
                ):
                    keys = [word.value.value for word in value.keywords if word.arg == "key"]
                    key = keys[0] if keys else line.target.id.replace("_", "-")
                    seen += 1
                    assert f"`{key}`" in page, f"{path.name}:{line.lineno}: {owner.name}.{key}"
    assert seen > 100


@pytest.mark.parametrize("root", [Dhcp4Doc, Dhcp6Doc, AgentDoc], ids=lambda root: root.__name__)
def test_a_row_says_what_its_key_is(root):
    """Every key of every map of a program has a row in a part of its own, with all that is declared of it."""
    page = pages()["configuration.md"]
    titles = sys.modules["docs_generate"].titles_of(*(list(walk(each)) for each in (Dhcp4Doc, Dhcp6Doc, AgentDoc)))
    assert len(set(titles.values())) == len(titles)
    for document in walk(root):
        title = titles[document]
        lines = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0].splitlines()
        rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
        assert set(rows) == {declared.key for declared in document.params.values()}, title
        for declared in document.params.values():
            row = rows[declared.key]
            assert f"| {'none yet' if declared.idle else 'yes'}" in row
            assert not declared.since or f"| {declared.since} |" in row
            assert declared.doc.replace("|", "\\|") in row
            assert not declared.required or "| required |" in row
    anchors = {
        "#" + sys.modules["docs_generate"].slug(title) for title in [*titles.values(), "Accepted, without effect"]
    }
    assert set(re.findall(r"\]\((#[^)]*)\)", page)) <= anchors


def test_what_is_inherited_is_said():
    page = pages()["configuration.md"]
    classes = page.partition("\n## client-classes (DHCPv4)\n")[2].partition("\n## ")[0]
    subnets = page.partition("\n## subnet4 (DHCPv4)\n")[2].partition("\n## ")[0]
    assert "| `valid-lifetime` | integer | `7200` | yes |" in subnets
    assert "| `valid-lifetime` | integer |  |  |" in classes  # a class's is nobody else's
    assert '| `lease-database` | [map](#lease-database) | `{"type": "memfile"}` |' in page


def test_every_problem_code():
    from dhcpkit.config.codes import CODES

    numbers = [node.args[0].value for node, path in calls("_code") if path.name == "codes.py"]
    assert len(numbers) == len(CODES) > 5
    for number in numbers:
        assert f"## DK{number}: " in pages()["problems.md"]


def test_every_log_message():
    ids = [
        texts(node)[0]
        for node, path in calls("debug|info|warn|error|fatal")
        if path.name == "messages.py" and texts(node) and re.fullmatch(r"[A-Z0-9_]+", texts(node)[0])
    ]
    assert len(ids) > 10
    missing = [name for name in ids if not re.search(rf"^## {name}$", pages()["messages.md"], re.MULTILINE)]
    assert not missing


def test_every_hook_point():
    points = [
        line.value.value
        for path in SOURCE.rglob("*.py")
        for owner in ast.walk(ast.parse(path.read_text()))
        if isinstance(owner, ast.ClassDef)
        for line in owner.body
        if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "kea_name"
    ]
    assert len(points) >= 8
    missing = [point for point in points if f"`{point}`" not in pages()["hook-points.md"]]
    assert not missing


def test_every_command():
    from dhcpkit.cli import COMMANDS

    for command in COMMANDS:
        assert f"`dhcpkit {command.name}`" in pages()["commands.md"]


@pytest.mark.parametrize("room", ["wire", "alloc", "config", "backends", "hooks", "server", "testing"])
def test_every_export_of_a_room(room):
    package = importlib.import_module(f"dhcpkit.{room}")
    page = pages()[f"api-{room}.md"]
    classes = [name for name in package.__all__ if isinstance(getattr(package, name), type)]
    assert classes
    missing = [name for name in classes if not re.search(rf"^### {name}$", page, re.MULTILINE)]
    assert not missing
