"""Short benchmarks beside real Kea, in turns. `bench/run` measures longer and more."""

from __future__ import annotations

import sys
from pathlib import Path

from verdict import Verdict, absent

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import compare
import harness

__all__ = ["four_way", "renewals"]

ROUNDS, SECS = 3, 2


def four_way(_shared: Path) -> Verdict:
    """Four-way exchanges a second, memfile, durability os: ratio to Kea's better mode."""
    return ratio("dora")


def renewals(_shared: Path) -> Verdict:
    """Renewals a second with cache-threshold 0.25 in both, durability os: ratio to Kea's better mode."""
    return ratio("renew")


def ratio(name: str) -> Verdict:
    if reason := harness.missing():
        return absent(reason)
    item = next(item for item in compare.items(ROUNDS, SECS) if item.name == name)
    row = compare.row(item, quiet=True)
    found, synced = row.ratio("os"), row.ratio("fsync")
    if found is None:
        return absent(f"no result: {row.rounds}")
    note = f"{synced:.2f} with fsync" if synced is not None else ""
    return Verdict(ratio=found, note=note, details=tuple(f"{label}: {values}" for label, values in row.rounds.items()))
