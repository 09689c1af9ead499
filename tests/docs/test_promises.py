"""The page of promises names a test for each, and each test there is."""

import ast
import re

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(repo):
    lines = (repo / "docs/why/promises.md").read_text().partition("\n## ")[0].splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| class"))]


def test_every_promise_names_a_test(repo):
    assert len(rows(repo)) > 15
    for row in rows(repo):
        assert row.count(" | ") == 3, row
        assert NAMED.search(row.rpartition(" | ")[2]), row


def test_every_test_named_there_exists(repo):
    named = {found for row in rows(repo) for found in NAMED.findall(row)}
    for file, name in named:
        path = repo / file
        assert path.exists(), file
        functions = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file} has no {name}"
