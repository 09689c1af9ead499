"""Conversations with real Kea on tape: what Kea said is recorded where it is, and played back where it is not.

    DHCPKIT_KEA_ROOT=/with/kea/3 python tests/kea/tape.py 6 modern6 40 > tests/vectors/conversations6-30.jsonl

A line is a conversation: its link, what clients say, and in order whatever Kea was asked and answered, with the time.
"""

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

import attrs
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

VERSION = (3, 0, 4)  # of the Kea on tape


def tests_of(family):
    """The module of the tests of a family."""
    path = Path(__file__).parent / f"test_same_answers{family}.py"
    spec = importlib.util.spec_from_file_location(f"kea_taped{family}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Recorder:
    """A real Kea with an ear: the same, and `heard` has what it answered."""

    def __init__(self, kea):
        self.kea, self.heard = kea, []

    def __getattr__(self, name):
        return getattr(self.kea, name)

    def now(self):
        self.heard.append(self.kea.now())
        return self.heard[-1]

    def exchange(self, *arguments, **more):
        found = self.kea.exchange(*arguments, **more)
        self.heard.append([[data.hex(), *where] for data, *where in found])
        return found

    def ask(self, *arguments, **more):
        self.heard.append(self.kea.ask(*arguments, **more))
        return json.loads(json.dumps(self.heard[-1]))  # whoever asked may change its answer


class Taped:
    """A Kea of which only the voice is left."""

    version = VERSION
    sockets = (None, None)

    def __init__(self, family):
        self.family, self.heard = family, []

    def play(self, heard):
        """What it says next, in order."""
        self.heard = list(heard)[::-1]

    def now(self):
        return self.heard.pop()

    def exchange(self, _send, _is_probe, *, patient):
        return [(bytes.fromhex(data), *where) for data, *where in self.heard.pop()]

    def ask(self, _command, **_arguments):
        return self.heard.pop()

    def told(self, _count, _probe):
        return []

    def forget(self):
        """There is nothing to forget."""

    restart = forget


def line_of(link, xid, conversation, heard):
    says = [attrs.asdict(say, recurse=False) for say in conversation]
    for say in says:
        say["options"] = [[code, payload.hex()] for code, payload in say["options"]]
    usual = {key: value for key, value in says[0].items() if all(say[key] == value for say in says)}
    says = [{key: value for key, value in say.items() if key not in usual} for say in says]
    return json.dumps({"link": [link.number, link.kind], "xid": xid, "all": usual, "says": says, "kea": heard})


def conversation_of(line, say):
    """What clients say in a line, as values of the class `say`."""
    found = []
    for each in line["says"]:
        said = {key: tuple(value) if isinstance(value, list) else value for key, value in (line["all"] | each).items()}
        said["options"] = tuple((code, bytes.fromhex(payload)) for code, payload in said["options"])
        found.append(say(**said))
    return found


def record(tests, pair, count):
    """The lines of so many conversations, in which both agree but for what is judged."""
    lines = {}

    @settings(**{**tests.bench.SEARCH, "max_examples": count, "derandomize": True, "phases": [Phase.generate]})
    @given(st.sampled_from(sorted(pair.world.kinds)), tests.talk.conversations(tests.worlds.ROLES).filter(bool))
    def run(kind, conversation):
        link, xid = pair.link(kind), pair.xid
        pair.free[kind].append(link)
        pair.kea.heard.clear()
        tests.converse(pair, kind, conversation)
        lines[repr((kind, conversation))] = line_of(link, xid, conversation, pair.kea.heard)

    run()
    return lines.values()


def main(family, name, count):
    tests = tests_of(family)
    tests.note = str
    real_kea = tests.real_kea
    world = next(world for world in tests.worlds.WORLDS if world.name == name)
    assert real_kea.version(family) == VERSION
    place = real_kea.Place(f"dhcpkit-tape-{os.getpid()}-")
    place.up()
    try:
        with tempfile.TemporaryDirectory() as folder:
            ours = Path(folder) / "ours.json"
            ours.write_text(json.dumps(world.config(VERSION, Path(folder), ours=True)))
            kea = Recorder(real_kea.Kea(place, family, world.config(VERSION, Path(folder)), folder))
            kea.start()
            try:
                for line in record(tests, tests.make_bench(kea, world, ours), count):
                    sys.stdout.write(f"{line}\n")
            finally:
                kea.close()
    finally:
        place.down()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
