"""The page about expressions: every word of the language is there, and its examples have the values it says."""

import importlib
import re
import sys

import pytest

from dhcpkit.alloc.expressions import _parser
from dhcpkit.alloc.subjects import FIELDS
from dhcpkit.config.levels import BUILT_IN, PREFIXES


@pytest.fixture(scope="module")
def expressions(repo):
    sys.path.insert(0, str(repo / "docs"))
    try:
        yield importlib.import_module("expressions")
    finally:
        sys.path.pop(0)


def test_every_example_has_the_value_that_is_said(expressions):
    rows = [*expressions.TRUTHS, *expressions.TEXTS]
    assert {row[1]: expressions.value_of(row) for row in rows} == {row[1]: row[2] for row in rows}


def test_every_word_of_the_grammar_has_an_example(expressions):
    examples = " ".join(row[1] for row in (*expressions.TRUTHS, *expressions.TEXTS))
    words = {terminal.pattern.value for terminal in _parser().terminals if terminal.pattern.type == "str"}
    words = {word for word in words if word.isalpha() and len(word) > 2}
    assert len(words) > 15
    assert {word for word in words if word not in examples} == set()


def test_every_keyword_of_kea_s_language_is_on_the_page(shared, expressions):
    notes = (shared / "kea" / "expressions.md").read_text()
    keywords = re.search(r"^\| keywords \| `([^`]+)`", notes, re.MULTILINE)[1].split()
    assert len(keywords) > 50
    page = expressions.page()
    assert {word for word in keywords if not re.search(rf"(?<![a-z]){word}(?![a-z])", page)} == set()


def test_the_classes_that_are_there_are_those_of_the_configuration(expressions):
    told = " ".join(expressions.BUILT_IN_CLASSES)
    assert all(name in told for name in (*BUILT_IN, *PREFIXES))


def test_every_field_is_said(expressions):
    assert set(expressions.SAID) == set(FIELDS)
    assert all(f"`{name}`" in expressions.page() for name in FIELDS)
