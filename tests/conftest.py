"""Fixtures and markers every test may use, and the two ways to run: whatever is there, or all of it."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPO = Path(__file__).resolve().parent.parent
STRICT = bool(os.environ.get("DHCPKIT_TEST_ALL"))  # the project's own CI: a missing part fails instead of skipping
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])  # where Debian keeps servers

# Examples are judged by what they do, never by how long they take on a machine that others use too.
# A change is judged on the same examples every time; looking for new ones is what everybody else's runs are for.
settings.register_profile(
    "dhcpkit",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile(  # script/fuzz: new examples, and as many as it is told
    "fuzz",
    parent=settings.get_profile("dhcpkit"),
    derandomize=False,
    max_examples=int(os.environ.get("DHCPKIT_FUZZ_EXAMPLES", "10000")),
)
settings.load_profile("dhcpkit")


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded facts about real Kea that lies beside the repository; skips where it is absent."""
    folder = REPO.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no recorded facts at {folder}")
    return folder


def pytest_runtest_setup(item):
    """Skips what needs root or a program that is not here: @pytest.mark.privileged, @pytest.mark.needs("kea-dhcp4")."""
    if item.get_closest_marker("privileged") and os.geteuid() != 0:
        pytest.skip("needs root")
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program, path=SYSTEM_PATH) is None:
                pytest.skip(f"needs {program}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):  # pytest passes them by name
    """A skip is a failure where every part is required."""
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but every part is required here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A whole file that skips (importorskip) is a failure where every part is required."""
    report = yield
    if STRICT and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, but every part is required here: {report.longrepr}"
    return report
