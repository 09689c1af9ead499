"""Conversations that were held with Kea 3.0.4, whose features Kea 2.2 does not have: from tape, wherever we are."""

import importlib.util
import json
from pathlib import Path

import pytest

VECTORS = Path(__file__).parent.parent / "vectors"

_spec = importlib.util.spec_from_file_location("kea_tape", Path(__file__).parent / "tape.py")
tape = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tape)


@pytest.mark.parametrize(("family", "name"), [(4, "modern4"), (6, "modern6")])
def test_clients_hear_the_same_from_us_as_from_the_tape(family, name, tmp_path, monkeypatch):
    tests = tape.tests_of(family)
    world = next(world for world in tests.worlds.WORLDS if world.name == name)
    four = tests.worlds if family == 4 else tests.worlds._four  # where both families look
    monkeypatch.setattr(four, "lease_commands", lambda: "libdhcp_lease_cmds.so")
    monkeypatch.setattr(tests.worlds, "lease_commands", lambda: "libdhcp_lease_cmds.so")
    monkeypatch.setattr(tests, "note", str)
    ours = tmp_path / "ours.json"
    ours.write_text(json.dumps(world.config(tape.VERSION, tmp_path, ours=True)))
    pair = tests.make_bench(tape.Taped(family), world, ours)
    lines = (VECTORS / f"conversations{family}-30.jsonl").read_text().splitlines()
    messages = 0
    for line in map(json.loads, lines):
        link = tests.worlds.Link(*line["link"])
        pair.link(link.kind)
        pair.free[link.kind].append(link)
        pair.xid = line["xid"]
        pair.kea.play(line["kea"])
        said = tape.conversation_of(line, getattr(tests.talk, f"Say{family}"))
        tests.converse(pair, link.kind, said)
        assert not pair.kea.heard, "Kea had more to say"
        messages += len(said)
    assert len(lines) >= 25
    assert messages >= 100
