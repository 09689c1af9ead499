"""The page of deviations: each entry names a test that is there."""

import ast
import re

import pytest


def named_in(path):
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.fixture
def rows(repo):
    """The rows of the page's tables, without their heads."""
    lines = (repo / "docs" / "why" / "deviations.md").read_text().splitlines()
    found = [line for line in lines if line.startswith("| ")]
    return [line for line in found if not line.startswith(("| What |", "| RFC |"))]


def test_every_entry_names_a_test_that_is_there(rows, repo):
    assert len(rows) > 25
    for row in rows:
        named = re.search(r"\| `([\w/]+\.py)::(\w+)` \|$", row)
        assert named, row
        assert named[2] in named_in(repo / "tests" / named[1]), row


def test_every_test_of_a_deviation_is_on_the_page(rows, repo):
    named = {name for row in rows for name in re.findall(r"::(\w+)`", row)}
    assert named_in(repo / "tests" / "alloc" / "test_deviations.py") <= named
