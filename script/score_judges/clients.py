"""Real DHCP clients against the running server, scenario by scenario. Root, namespaces and the clients are needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from verdict import Verdict, absent

__all__ = ["real_clients"]

PROGRAMS = ("ip", "tcpdump", "dhclient", "dhcpcd", "busybox", "perfdhcp", "dhcrelay")
LIMIT_S = 1200  # all scenarios together take a few minutes


def real_clients(shared: Path) -> Verdict:
    """dhclient, dhcpcd, udhcpc, perfdhcp and dhcrelay lease from the server; lease file and options are looked at."""
    tool = shared / "tools" / "clients.sh"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if not tool.exists():
        return absent("no scenarios")
    if os.geteuid() != 0:
        return absent("network namespaces need root")
    if missing:
        return absent(f"not installed: {', '.join(missing)}")
    programs = Path(__file__).resolve().parents[2] / ".venv" / "bin"
    server, server6 = (f"{programs}/dhcpkit-dhcp{family} -c {{config}}" for family in (4, 6))
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = ["sh", str(tool), "--server", server, "--server6", server6, "--json", str(results)]
        command += ["--prefix", "dks-"]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=LIMIT_S, env={**os.environ, "PATH": path}
        )
        if not results.exists():
            return absent(f"the scenarios broke off: {(done.stdout + done.stderr).strip()[-300:]}")
        scenarios = json.loads(results.read_text())
    failed = [f"{s['scenario']}: {'; '.join(s['failed'])}" for s in scenarios if not s["ok"]]
    return Verdict(len(scenarios) - len(failed), len(scenarios), details=tuple(failed))
