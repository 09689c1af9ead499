"""What a shell is told when it completes `dhcpkit`: commands, options, and the names of a server's commands."""

import os
import subprocess
import sys

import pytest


def completed(*words):
    line = ["dhcpkit", *words]
    environment = {
        **os.environ,
        "_DHCPKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    program = "from dhcpkit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["lea"], ["leases"]),
        (["doc"], ["doctor"]),
        (["leases", "--hostn"], ["--hostname"]),
        (["shell", "lease4-get-by-host"], ["lease4-get-by-hostname"]),
        (["nonesuch"], []),
    ],
)
def test_what_is_offered(words, offered):
    assert completed(*words) == offered
