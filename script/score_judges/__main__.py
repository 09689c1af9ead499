"""Runs every judge from outside that is present, one line each, beside what was written last."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import clients
import configurations
import exchanges
import exchanges6
import lease_files
import speed
from verdict import Verdict, absent

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"
PAGE = "docs/why/score.md"

Judge = Callable[[Path], Verdict]
JUDGES: dict[str, Judge] = {
    "example-configurations": configurations.examples,
    "bad-configurations": configurations.bad_files,
    "configuration-verdicts": configurations.mutations,
    "odd-packets": exchanges.by_hand,
    "recorded-clients": exchanges.by_clients,
    "odd-packets-6": exchanges6.by_hand6,
    "recorded-clients-6": exchanges6.by_clients6,
    "lease-files-read": lease_files.read_ours,
    "lease-files-written": lease_files.read_by_kea,
    "real-clients": clients.real_clients,
    "speed-four-way": speed.four_way,
    "speed-renew": speed.renewals,
}


def written() -> dict[str, float]:
    """The numbers of the last committed page, by judge."""
    shown = subprocess.run(["git", "show", f"HEAD:{PAGE}"], check=False, capture_output=True, text=True, cwd=REPO)
    found = re.findall(r"^\| ([a-z0-9-]+) \| \**([\d.]+)(?:/\d+)?\** ", shown.stdout, re.MULTILINE)
    return {name: float(number) for name, number in found}


def change(verdict: Verdict, before: float | None) -> str:
    """What changed since then: +3, -0.12, nothing, or that it is new."""
    if verdict.number is None:
        return ""
    if before is None:
        return "new"
    difference = verdict.number - before
    if abs(difference) < 0.005:
        return "="
    return f"{difference:+.2f}" if verdict.ratio is not None else f"{difference:+.0f}"


def page(verdicts: dict[str, Verdict]) -> str:
    rows = []
    for name, verdict in verdicts.items():
        score, _, note = str(verdict).partition(" (")
        score = score if verdict.absent else f"**{score}**"
        rows.append(f"| {name} | {score} | {note.rstrip(')')} | {(JUDGES[name].__doc__ or '').strip()} |")
    return f"""# How it compares with real Kea

What judges from outside say about dhcpkit: recordings of real Kea 2.2, real clients, Kea's own files, and Kea itself
beside it. Whole numbers are cases passed of cases tried; a number with a fraction is a ratio to Kea. A judge that could
not run counts as nothing. `script/score --write` replaces this page; `script/score -v` names every case that is not
passed.

| judge | score | besides | what it looks at |
| --- | ---: | --- | --- |
{chr(10).join(rows)}
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/score", description=__doc__)
    parser.add_argument("--only", help=f"judges, separated by commas: {', '.join(JUDGES)}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every case that is not passed")
    parser.add_argument("--write", action="store_true", help=f"replace {PAGE}; judges left out by --only did not run")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else list(JUDGES)
    if unknown := set(wanted) - set(JUDGES):
        parser.error(f"no such judge: {', '.join(sorted(unknown))}")
    before = written()
    verdicts = {}
    for name, judge in JUDGES.items():
        if name not in wanted:
            verdicts[name] = absent("left out")
            continue
        start = time.monotonic()
        verdicts[name] = judge(SHARED)
        took = time.monotonic() - start
        print(f"{name}: {verdicts[name]}  [{change(verdicts[name], before.get(name))}] {took:.0f} s", flush=True)
        if arguments.verbose:
            print("".join(f"    {line}\n" for line in verdicts[name].details), end="", flush=True)
    if arguments.write:
        (REPO / PAGE).write_text(page(verdicts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
