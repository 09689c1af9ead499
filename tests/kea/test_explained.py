"""Every difference from real Kea that the tests let pass is explained to people."""

import importlib.util
from pathlib import Path

import pytest


@pytest.mark.parametrize("family", [4, 6])
def test_the_page_has_every_known_difference(family, repo):
    path = Path(__file__).parent / f"test_same_answers{family}.py"
    spec = importlib.util.spec_from_file_location(f"kea_known{family}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (repo / "docs" / "why" / "differential.md").read_text()
    assert module.KNOWN
    for known in module.KNOWN:
        assert f"| v{family} | {known.name} | {known.reason} |" in page
