"""The program behind script/fuzz: properties with a large budget, or targets under atheris, for so many minutes."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

REPO: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = REPO / ".fuzz"
VECTORS: Final = REPO / "tests" / "vectors"
PROPERTIES: Final = "tests/wire/test_properties.py"
ROUND: Final = 1000  # examples of each property in one of the rounds that fill the minutes
SECONDS_MIN: Final = 10  # for a target: less would not leave its seeds behind
INPUT_MAX: Final = 4096  # octets of one input: a jumbo frame has no more than twice that, and it costs speed
INPUT_SECONDS_MAX: Final = 10  # for one input: what takes as long is a finding, too


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="with --atheris: only these")
    parser.add_argument("--examples", type=int, default=10000, help="of each property")
    parser.add_argument("--minutes", type=float, default=0, help="how long to go on")
    parser.add_argument("-k", dest="only", default="", help="only properties with this in their names")
    parser.add_argument("--atheris", action="store_true", help="octets guided by coverage")
    parser.add_argument("--reproduce", type=Path, metavar="FILE", help="run what was found")
    chosen = parser.parse_args()
    if chosen.reproduce is not None:
        return reproduce(chosen.reproduce)
    if chosen.atheris:
        return guided(chosen.targets, chosen.minutes or 5)
    return properties(chosen.examples, chosen.minutes, chosen.only)


def properties(examples: int, minutes: float, only: str) -> int:
    """Draws new examples of every property, in rounds where minutes are given, until one fails."""
    end = time.monotonic() + 60 * minutes
    while True:
        count = min(examples, ROUND) if minutes else examples
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "--hypothesis-profile=fuzz", "--timeout=0", "-n", "auto",
                PROPERTIES, *(["-k", only] if only else []),
            ],
            check=False, cwd=REPO, env={**os.environ, "DHCPKIT_FUZZ_EXAMPLES": str(count), "CI": ""},
        )  # fmt: skip
        if done.returncode:
            print(f"\nIt is remembered in .hypothesis, and found again by: script/test {PROPERTIES}")
            return done.returncode
        if time.monotonic() >= end:
            return 0


def guided(names: list[str], minutes: float) -> int:
    """Runs targets under atheris one after the other."""
    from dhcpkit.testing.fuzz_targets import TARGETS

    unknown = sorted(set(names) - set(TARGETS))
    if unknown:
        print(f"no target is named {', '.join(unknown)}; there are {', '.join(TARGETS)}")
        return 2
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: .venv/bin/pip install --require-hashes -r requirements/fuzz.txt")
        return 2
    names = names or list(TARGETS)
    seconds = max(SECONDS_MIN, int(60 * minutes / len(names)))
    failed = []
    for name in names:
        corpus, crashes = FOLDER / "corpus" / name, FOLDER / "crashes" / name
        for folder in (corpus, crashes):
            folder.mkdir(parents=True, exist_ok=True)
        for number, octets in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(octets)
        before = set(crashes.iterdir())
        print(f"== {name}: {seconds} s, {len(list(corpus.iterdir()))} inputs to start from", flush=True)
        done = subprocess.run(
            [
                sys.executable, str(REPO / "script" / "fuzz_target.py"), name, str(corpus),
                f"-artifact_prefix={crashes}/", f"-max_total_time={seconds}", f"-max_len={INPUT_MAX}",
                f"-timeout={INPUT_SECONDS_MAX}", "-print_final_stats=1", "-verbosity=0",
            ],
            check=False, cwd=REPO,
        )  # fmt: skip
        found = sorted(set(crashes.iterdir()) - before)
        if done.returncode and not found:
            print(f"{name} did not run: atheris ended with status {done.returncode}")
            return 2
        if found:
            failed.append(name)
            for path in found:
                print(f"found: script/fuzz --reproduce {path.relative_to(REPO)}")
    print(f"== found something in: {', '.join(failed)}" if failed else "== nothing found")
    return 1 if failed else 0


def reproduce(path: Path) -> int:
    """Runs a target on what was found, which lies in a folder of the target's name."""
    from dhcpkit.testing.fuzz_targets import TARGETS

    octets = path.read_bytes()
    print(f"{path.parent.name} of {octets.hex()}")
    TARGETS[path.parent.name](octets)
    print("it holds by now")
    return 0


def seeds(name: str) -> Iterator[bytes]:
    """Inputs to start from: what real clients and servers said, and the simplest value of each option."""
    if name in ("parse4", "parse6", "stream", "capture"):
        families = {"parse4": "4", "parse6": "6"}.get(name, "46")
        recorded = [octets for family in families for octets in messages(family)]
        if name.startswith("parse"):
            yield from recorded
        elif name == "stream":
            yield b"".join(len(octets).to_bytes(2, "big") + octets for octets in recorded[:20])
        else:
            yield captured(recorded[:20])
    elif name == "names":
        yield from (b"\7example\3org\0", b"\1a\3org\0\1b\xc0\2", b"\3eng\5apple\3com\0\11marketing\xc0\4")
    else:
        yield from of_options(name)


def messages(family: str) -> Iterator[bytes]:
    """The messages of a family that are recorded beside the tests."""
    for path in sorted(VECTORS.glob(f"*{family}.jsonl")):
        for line in path.read_text().splitlines():
            each: dict[str, Any] = json.loads(line)
            octets = each.get("payload") or each.get("sent")
            if isinstance(octets, str):
                yield bytes.fromhex(octets)


def captured(octets: list[bytes]) -> bytes:
    """A capture of these messages, from and to nowhere."""
    from ipaddress import IPv4Address

    from dhcpkit.wire.capture import Datagram, write_capture

    nowhere = IPv4Address(0)
    return write_capture(Datagram(0, nowhere, 68, nowhere, 67, each) for each in octets)


def of_options(name: str) -> Iterator[bytes]:
    """The simplest value of each option, in the form that a target reads."""
    from hypothesis import Phase, find, settings

    from dhcpkit.testing.fuzz_targets import every_option
    from dhcpkit.testing.strategies import option_values
    from dhcpkit.wire.json_form import Inside

    simplest = settings(phases=[Phase.generate], database=None)  # which comes first
    for number, option in enumerate(every_option()):
        value = find(option_values(option), lambda _: True, settings=simplest)
        if name == "option":
            octets = option.build(value)
        elif name == "text":
            octets = option.kind.show_text(value).encode("utf-8", "surrogateescape")
        else:
            octets = json.dumps(option.kind.to_json(value, Inside(option.encapsulates))).encode()
        yield number.to_bytes(2, "big") + octets


if __name__ == "__main__":
    sys.exit(main())
