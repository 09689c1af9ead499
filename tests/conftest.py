"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
STRICT = bool(os.environ.get("DHCPKIT_TEST_ALL"))  # the project's own CI: a missing part fails instead of skipping


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded facts about real Kea that lies beside the repository; skips where it is absent."""
    folder = REPO.parent / "shared"
    if not folder.is_dir():
        if STRICT:
            pytest.fail(f"{folder} is required here")
        pytest.skip(f"no recorded facts at {folder}")
    return folder
