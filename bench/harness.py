"""The load generator that lies beside the checkout, and what its results mean. Root and real Kea are needed."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

REPO = Path(__file__).resolve().parent.parent
TOOLS = REPO.parent / "shared" / "tools" / "bench"
PREFIX = "dkb-"  # of the namespaces
KEA = ("kea,mt=0", "kea,mt=1")  # the better of the two is 1.0
KEA3_ROOT = os.environ.get("DHCPKIT_KEA_ROOT", "")  # a root file system with Kea 3, measured beside the system's
KEA3 = (
    "isc3-mt0",
    "isc3-mt1",
)  # its labels; the load generator takes everything that begins with "kea" for the system's
PYPY = os.environ.get("DHCPKIT_BENCH_PYPY", "")  # script/pypy, or what else runs a program of dhcpkit on PyPy
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def missing() -> str:
    """Why nothing can be measured here; "" where it can."""
    if not (TOOLS / "bench.py").exists():
        return f"no load generator at {TOOLS}"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("kea-dhcp4", "kea-dhcp6", "perfdhcp", "ip", "cc"):
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not installed"
    return ""


def ours(durability: str, family: int = 4, settings: str = "") -> str:
    """The server specification of dhcpkit with a durability, and further settings (bench/with-settings)."""
    program = f"{REPO}/.venv/bin/dhcpkit-dhcp{family}"
    return f"dhcpkit-{durability}={_with(f'{durability},{settings}')} {program} -c {{conf}}"


def _with(settings: str) -> str:
    return f"{REPO}/bench/with-settings {settings} {{conf}}"


def on_pypy(family: int, settings: str = "") -> list[str]:
    """Server specifications of dhcpkit on PyPy; none where it is not to be measured."""
    if not PYPY:
        return []
    return [f"dhcpkit-pypy={_with(f'os,{settings}')} {PYPY} dhcpkit-dhcp{family} -c {{conf}}"]


def kea3(family: int, settings: str = "") -> list[str]:
    """Arguments that add the other Kea in both of its modes; none where there is none."""
    if not KEA3_ROOT:
        return []
    run = TOOLS.parent / "kea30" / "run.sh"
    arguments = []
    for mode, label in enumerate(KEA3):
        arguments += ["--server", f"{label}={_with(settings or '-')} {run} {KEA3_ROOT} kea-dhcp{family} -X -c {{conf}}"]
        arguments += ["--knob", f"{label}:mt={mode}"]
    return arguments


def measure(arguments: list[str], servers: list[str], *, quiet: bool = False) -> dict[str, list[dict[str, float]]]:
    """Runs the load generator over servers in turns; the results of every round by the server's label."""
    with tempfile.TemporaryDirectory(prefix="dhcpkit-bench-") as folder:
        results = Path(folder) / "results.jsonl"
        command = [
            sys.executable,
            str(TOOLS / "bench.py"),
            "--prefix",
            PREFIX,
            "--rundir",
            folder,
            "--json",
            str(results),
        ]
        for server in servers:
            command += ["--server", server]
        out = subprocess.DEVNULL if quiet else sys.stderr
        subprocess.run([*command, *arguments], check=False, stdout=out, stderr=out, env={**os.environ, "PATH": PATH})
        by_label: dict[str, list[dict[str, float]]] = {}
        for line in results.read_text().splitlines() if results.exists() else ():
            row = json.loads(line)
            by_label.setdefault(row["server"], []).append(row)
        clear()
    return by_label


def clear() -> None:
    """Takes the namespaces away."""
    for side in "sc":
        subprocess.run(
            ["ip", "netns", "del", PREFIX + side], check=False, capture_output=True, env={**os.environ, "PATH": PATH}
        )


def module() -> ModuleType:
    """The load generator as a module, for measurements of our own."""
    os.environ["PATH"] = PATH
    spec = importlib.util.spec_from_file_location("bench", TOOLS / "bench.py")
    assert spec is not None
    assert spec.loader is not None, "a file has a loader"
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["bench"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def conditions() -> str:
    """One line that says where numbers come from."""
    model = next(
        (x.split(":", 1)[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), ""
    )
    return (
        f"{' and '.join(versions())}, CPython {platform.python_version()}, {os.cpu_count()} cores of {model}, "
        f"Linux {platform.release().split('-')[0]}; rounds interleaved, medians"
    )


def versions() -> list[str]:
    """Which Kea is measured here, one or two."""
    found = []
    for where in ([], ["chroot", KEA3_ROOT]) if KEA3_ROOT else ([],):
        command = [*where, "kea-dhcp4", "-v"]
        said = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PATH": PATH})
        found.append(f"Kea {said.stdout.split()[0]}")
    return found
