"""What is installed: the wheel has every module, the typing marker and the licence, and pins are complete."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        check=True, capture_output=True, cwd=REPO,
    )  # fmt: skip
    (made,) = folder.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        yield archive


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(wheel.namelist())
    modules = {path.relative_to(REPO / "src").as_posix() for path in (REPO / "src").rglob("*.py")}
    assert modules <= names
    assert "dhcpkit/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"dhcpkit", next(top for top in tops if top.endswith(".dist-info"))}


def test_every_entry_point_leads_somewhere(wheel):
    (listed,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    targets = re.findall(r"= ([\w.]+):(\w+)", wheel.read(listed).decode())
    assert len(targets) >= 3
    for module, name in targets:
        assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_everything_declared_is_pinned_with_hashes():
    pinned = "\n".join((REPO / "requirements" / name).read_text() for name in ("dev.txt", "fuzz.txt"))
    groups = PROJECT["dependency-groups"]
    declared = [*PROJECT["project"]["dependencies"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        declared += extra
    for group in groups.values():
        declared += [entry for entry in group if isinstance(entry, str)]
    for requirement in declared:
        name = re.match(r"[\w.-]+", requirement)[0].lower()
        assert re.search(rf"^{name}==\S+ (?:; .*)?\\\n    --hash=sha256:", pinned, re.MULTILINE), (
            f"{requirement}: script/lock"
        )
    assert "://" not in pinned


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    imported = {
        (name, path.relative_to(REPO / "src" / "dhcpkit").parts[0])
        for path in (REPO / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name.partition(".")[0] for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module.partition(".")[0]]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name not in sys.stdlib_module_names and name != "dhcpkit"
    }
    bounds = "platform_python_implementation == 'PyPy'"  # versions of what others want, not dependencies of ours
    declared = {re.match(r"[\w.-]+", entry)[0] for entry in PROJECT["project"]["dependencies"] if bounds not in entry}
    extra = {re.match(r"[\w.-]+", entry)[0] for entry in PROJECT["project"]["optional-dependencies"]["testing"]}
    assert {name for name, room in imported if room != "testing"} == declared
    assert {name for name, room in imported if room == "testing"} <= declared | extra


def test_every_dependency_is_explained():
    page = (REPO / "docs" / "why" / "dependencies.md").read_text()
    for group in (PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()):
        for requirement in group:
            if isinstance(requirement, str):
                assert re.match(r"[\w.-]+", requirement)[0] in page


def test_every_ignored_rule_gives_its_reason():
    lines = (REPO / "pyproject.toml").read_text().splitlines()
    rules = [line for line in lines if re.match(r'    "[A-Z]+\d*",', line)]
    assert len(rules) > 10
    assert not [line for line in rules if "  # " not in line]
