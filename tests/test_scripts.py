"""What the README tells a newcomer to run, run: the demo with a real client, and without root."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def demo(*arguments):
    done = subprocess.run(
        [REPO / "script" / "demo", *arguments],
        check=False, capture_output=True, text=True, timeout=110, env={**os.environ, "PATH": PATH},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shows_everything(shown):
    """The lease as the client, the packets, the log, the lease file and the reasons tell it."""
    assert "the client got 192.0.2.7, router 192.0.2.1, for 3600 s" in shown
    assert re.search(r"^#\d  ACK", shown, re.MULTILINE)
    assert "DHCP4_LEASE_ALLOC" in shown
    assert re.search(r"^192\.0\.2\.7,02:00:00:00:00:07,.*,printer-7,", shown, re.MULTILINE)
    assert "192.0.2.7: chosen, it is reserved for the client" in shown
    assert str(REPO) not in shown


@pytest.mark.privileged
@pytest.mark.needs("ip", "tcpdump", "udhcpc")
def test_demo_with_a_real_client():
    shown = demo()
    shows_everything(shown)
    name = re.search(r"(dk\d+)-server", shown)[1]
    left = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True, env={"PATH": PATH})
    assert name not in left.stdout


def test_demo_without_root():
    shows_everything(demo("--loopback"))
