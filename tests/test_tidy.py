"""The house style as tests: import direction, purity, exports, sizes, names, and a reference that misses nothing."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import dhcpkit

REPO = Path(__file__).resolve().parent.parent
SOURCE = REPO / "src" / "dhcpkit"

# An arrow means "may be imported by", never the reverse: each room may import those before it.
ROOMS = ("wire", "alloc", "config", "backends", "hooks", "api", "server", "cli")
ANYTHING = ("testing",)  # may import every room, and is the only one to import hypothesis

PURE = ("wire", "alloc", "config")
IMPURE_MODULES = {
    "asyncio", "concurrent", "datetime", "fcntl", "io", "multiprocessing", "os", "pathlib", "select", "selectors",
    "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
}  # fmt: skip
# What a pure module may import all the same, and why.
ALLOWED_IMPURE = {
    "wire/derive.py": {"io"},  # construct's oracle wants a stream in memory
    "config/json_text.py": {"pathlib"},  # the one module of config that reads files (and those they include)
}

FUNCTION_LINES_MAX = 70  # a function fits a screen
MODULE_LINES_MAX = 520  # a module is one idea: about 500 lines
# Tables: one declaration a line, as long as the protocol is; everything in them is public.
TABLES = {"wire/options4.py", "wire/options6.py", "server/messages.py", "config/dhcp4.py"}

BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}

MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(path):
    return path.relative_to(SOURCE).as_posix()


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def tree_of(path):
    return ast.parse(path.read_text(), str(path))


def room_of(path):
    parts = path.relative_to(SOURCE).parts
    if parts == ("__main__.py",):
        return "cli"  # `python -m dhcpkit` is the command
    return parts[0] if len(parts) > 1 else ""


def imports_of(tree):
    """Every module imported anywhere in the file, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module, node.lineno
            if node.module == "dhcpkit":
                for alias in node.names:
                    yield f"dhcpkit.{alias.name}", node.lineno


def public_modules():
    yield dhcpkit.__name__
    for found in pkgutil.walk_packages(dhcpkit.__path__, "dhcpkit."):
        if not found.name.rpartition(".")[2].startswith("_"):
            yield found.name


@each_module
def test_imports_go_one_way(path):
    room = room_of(path)
    if room in ANYTHING:
        return
    allowed = {*ROOMS[: ROOMS.index(room) + 1]} if room else set()
    for module, line in imports_of(tree_of(path)):
        if module == "hypothesis" or module.startswith("hypothesis."):
            pytest.fail(f"{name_of(path)}:{line}: only testing imports hypothesis")
        first, _, rest = module.partition(".")
        target = rest.partition(".")[0]
        if first == "dhcpkit" and target in (*ROOMS, *ANYTHING):
            assert target in allowed, f"{name_of(path)}:{line}: {room or 'the root'} may not import {target}"


@each_module
def test_pure_rooms_do_not_reach_outside(path):
    if room_of(path) not in PURE:
        return
    for module, line in imports_of(tree_of(path)):
        first = module.partition(".")[0]
        reaches_out = first in IMPURE_MODULES and first not in ALLOWED_IMPURE.get(name_of(path), ())
        assert not reaches_out, f"{name_of(path)}:{line}: a pure room imports {first}"


def test_every_exception_to_purity_is_used():
    for name, modules in ALLOWED_IMPURE.items():
        path = SOURCE / name
        if path.exists():
            used = {module.partition(".")[0] for module, _ in imports_of(tree_of(path))}
            assert modules <= used, f"{name} no longer needs {modules - used}"


@pytest.mark.parametrize("name", sorted(public_modules()))
def test_exports_are_complete(name):
    module = importlib.import_module(name)
    path = Path(module.__file__)
    if name_of(path) in TABLES:
        return
    assert hasattr(module, "__all__"), f"{name} has no __all__"
    missing = [export for export in module.__all__ if not hasattr(module, export)]
    assert not missing, f"{name}.__all__ names what is not there: {missing}"
    assert len(set(module.__all__)) == len(module.__all__), f"{name}.__all__ names something twice"
    definitions = {
        node.name
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }
    forgotten = sorted(definitions - set(module.__all__) - used_by_siblings(path))
    assert not forgotten, f"{name}: neither in __all__, nor used by a neighbour, nor private: {forgotten}"


def used_by_siblings(path):
    """Names of a module that other modules of its room import: known in the room, and not part of what it offers."""
    module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    return {
        alias.name
        for other in path.parent.glob("*.py")
        for node in ast.walk(tree_of(other))
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


@each_module
def test_rooms_import_only_what_others_offer(path):
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("dhcpkit."):
            continue
        source = SOURCE.parent / Path(*node.module.split("."))
        source = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
        if name_of(source) in TABLES or room_of(source) == room_of(path):
            continue
        offered = importlib.import_module(node.module).__all__
        for alias in node.names:
            if not (source.parent / f"{alias.name}.py").exists():
                assert alias.name in offered, f"{name_of(path)}:{node.lineno}: {node.module} offers no {alias.name}"


@each_module
def test_module_says_what_it_is(path):
    text = ast.get_docstring(tree_of(path))
    assert text, f"{name_of(path)} has no docstring"
    assert text.strip().splitlines()[0].rstrip().endswith((".", "!", "?", ":", ",")) or "\n" in text, text


@each_module
def test_sizes(path):
    lines = path.read_text().count("\n")
    if name_of(path) not in TABLES:
        assert lines <= MODULE_LINES_MAX, f"{name_of(path)} has {lines} lines: more than one idea?"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = node.end_lineno - node.lineno + 1
            assert size <= FUNCTION_LINES_MAX, f"{name_of(path)}:{node.lineno}: {node.name} has {size} lines"


@each_module
def test_limits_give_their_reason(path):
    lines = path.read_text().splitlines()
    for node in tree_of(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and target.id.endswith("_MAX") and target.id.isupper():
                around = [
                    lines[node.lineno - 2].strip().startswith("#"),
                    *("#" in x for x in lines[node.lineno - 1 : node.end_lineno]),
                ]
                said = any(around)
                assert said, f"{name_of(path)}:{node.lineno}: why is {target.id} what it is?"


def project_files():
    """The text files that are the project: everything but what tools leave behind."""
    left_behind = {"_build", "_generated", "build", "dist", "node_modules"}
    for path in sorted(REPO.rglob("*")):
        parts = path.relative_to(REPO).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts)
        if hidden or left_behind & set(parts) or "__pycache__" in parts or not path.is_file():
            continue
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


def test_no_file_has_a_banned_name():
    found = [path for path, _ in project_files() if path.stem in BANNED_NAMES]
    assert not found, f"a name that says nothing: {found}"


def test_no_file_knows_this_machine_or_postpones():
    # Put together here, so that this file does not contain what it looks for.
    words = re.compile(
        "|".join(
            ["/" + "work/", "/" + "root/", "/" + "home/[a-z]", re.escape(f"{REPO.parent}/"), "TO" + "DO", "FIX" + "ME"]
        )
    )
    found = [
        f"{path.relative_to(REPO)}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}"
        for path, text in project_files()
        for hit in words.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_every_deviation_and_why_page_that_code_names_exists():
    pages = re.compile(r"docs/[a-z-]+/[a-z0-9_-]+\.(?:md|py)")
    missing = {
        f"{path.relative_to(REPO)}: {page}"
        for path, text in project_files()
        if path.suffix in (".py", ".md", ".toml")
        for page in pages.findall(text)
        if not (REPO / page).exists()
    }
    assert not missing, "\n".join(sorted(missing))
