"""Everything that was recorded from real Kea, through our loader and engines: the judges of script/score find nothing.

What they may find stands in JUSTIFIED, with the reason.
"""

import importlib

import pytest

JUSTIFIED = {
    "raw-v4: hlen 20": "Kea forgets a hardware address longer than its field; we copy field and length as they came",
}
JUDGES = [
    ("exchanges", "by_hand", 74),
    ("exchanges", "by_clients", 454),
    ("exchanges6", "by_hand6", 62),
    ("exchanges6", "by_clients6", 227),
]


@pytest.mark.parametrize(("module", "judge", "total"), JUDGES, ids=str)
def test_answers_are_those_that_kea_gave(module, judge, total, repo, shared, monkeypatch):  # noqa: PLR0917
    monkeypatch.syspath_prepend(str(repo / "script" / "score_judges"))
    verdict = getattr(importlib.import_module(module), judge)(shared)
    assert not verdict.absent
    assert verdict.total >= total  # all of them, not a few
    unjustified = [line for line in verdict.details if ": ".join(line.split(": ")[:2]) not in JUSTIFIED]
    assert not unjustified, "\n".join(unjustified)
    assert len(verdict.details) == verdict.total - verdict.passed
