"""The tables of other verdicts than Kea's: every difference that the tests of configurations know, and no other."""

import ast
import re

TABLES = {  # the tests, and what they call their tables
    "test_kea_configs.py": ("DEVIATIONS", "DEVIATIONS6"),
    "test_every_key.py": ("STRICTER", "LENIENT"),
    "test_contacts.py": ("STRICTER",),
    "test_like_kea6.py": ("STRICTER", "NEWER"),
}


def reasons_of(tree, names):
    """The texts of a module's tables, constants among them looked up."""
    known = {}
    for node in tree.body:
        target = node.targets[0].id if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else ""
        if isinstance(getattr(node, "value", None), ast.Constant):
            known[target] = node.value.value
        if target in names:
            yield from (known[each.id] if isinstance(each, ast.Name) else each.value for each in node.value.values)


def test_the_tables_have_every_reason_and_no_other(repo):
    found = {
        reason
        for file, names in TABLES.items()
        for reason in reasons_of(ast.parse((repo / "tests" / "config" / file).read_text()), names)
    }
    part = (repo / "docs" / "why" / "config-errors.md").read_text().partition("## Where our verdict is another")[2]
    told = set(re.findall(r"^\| .* \| ([^|]+) \|$", part, re.MULTILINE)) - {"Why"}
    assert found - told == set()
    assert told - found == set()
    assert len(found) > 15
