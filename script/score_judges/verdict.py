"""What a judge says: so many of so many, or a ratio beside real Kea, or why it could not run."""

from __future__ import annotations

import attrs

__all__ = ["Verdict", "absent"]


@attrs.frozen
class Verdict:
    """A judge's verdict. `absent` says why it did not run; then nothing else counts. `details` are lines for -v."""

    passed: int = 0
    total: int = 0
    ratio: float | None = None
    note: str = ""
    absent: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.absent:
            return f"did not run: {self.absent}"
        score = f"{self.ratio:.2f}" if self.ratio is not None else f"{self.passed}/{self.total}"
        return f"{score} ({self.note})" if self.note else score

    @property
    def number(self) -> float | None:
        """What changes are counted in; None where it did not run."""
        if self.absent:
            return None
        return self.ratio if self.ratio is not None else float(self.passed)


def absent(why: str) -> Verdict:
    """A judge that could not run."""
    return Verdict(absent=why)
