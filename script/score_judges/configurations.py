"""Configurations: those that Kea's project ships, and those that real Kea was seen to refuse."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from verdict import Verdict, absent

from dhcpkit.config import ConfigError, load4, load6

__all__ = ["bad_files", "examples", "mutations"]

# Where a reader would look for the mistake, when that is another line than Kea's (the whole subnet, or none).
BETTER_LINE = {"k3": 7, "k7": 7, "k11": 9}
SERVERS = {"dhcp4": "4", "dhcp6": "6"}  # whose recorded verdicts count; the other servers are not here yet

# What Kea 3.0.4 accepts (True) or refuses where Kea 2.2 did otherwise: we stand for 3.0, and take what 2.2 took.
KEA3 = {
    "renew above rebind": True,
    "reservation identifier only": True,
    "reservation hostname empty": True,
    "subnet id 0": False,
    "control socket type": False,
    "control socket no name": False,
    "pd prefix host bits": False,
    "interface and relay": False,
}


def refusal(path: Path, family: str = "4") -> ConfigError | None:
    """What is wrong with a file; None where it is accepted."""
    try:
        if family == "6":
            load6(path)
        else:
            load4(path)
    except ConfigError as error:
        return error
    return None


def examples(shared: Path) -> Verdict:
    """Configurations that Kea's project ships as examples: dhcpkit can load them."""
    files = sorted((shared / "kea" / "configs").glob("kea[46]/*.json"))
    if not files:
        return absent("no example configurations")
    found = ((path, refusal(path, path.parent.name[-1])) for path in files)
    refused = {f"{path.parent.name}/{path.name}": error for path, error in found if error is not None}
    details = [f"{name}: {error.errors[0]}" for name, error in refused.items()]
    return Verdict(len(files) - len(refused), len(files), details=tuple(details))


def bad_files(shared: Path) -> Verdict:
    """Mistakes that people make: refused at the line that Kea names or a better one; and a good file."""
    folder = shared / "kea" / "bad-configs"
    results = folder / "results.txt"
    if not results.exists():
        return absent("no bad configurations")
    kea_lines = {
        f"k{number}": int(line) for number, line in re.findall(r"\bk(\d+)-[a-z-]+\.json:(\d+)", results.read_text())
    }
    passed, details = 0, []
    files = sorted(folder.glob("k*.json"))
    for path in files:
        name = path.name.partition("-")[0]
        error = refusal(path)
        if name == "k0":
            good, why = error is None, f"refused: {error}"
        elif error is None:
            good, why = False, "accepted"
        else:
            wanted = {kea_lines.get(name), BETTER_LINE.get(name)}
            found = error.errors[0].line
            good, why = found in wanted, f"line {found}, not {' or '.join(str(line) for line in wanted if line)}"
        passed += good
        if not good:
            details.append(f"{path.name}: {why}")
    return Verdict(passed, len(files), details=tuple(details))


def mutations(shared: Path) -> Verdict:
    """Configurations with one thing changed: judged as by -t of Kea 2.2, or 3.0 if that differs; besides: messages."""
    recorded = shared / "kea" / "captures" / "config-errors.jsonl"
    if not recorded.exists():
        return absent("no recorded verdicts")
    cases = [case for case in map(json.loads, recorded.read_text().splitlines()) if case["server"] in SERVERS]
    passed = refused = same = 0
    details = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.json"
        for case in cases:
            config = case["config"]
            path.write_text(config if isinstance(config, str) else json.dumps(config, indent=2))
            error = refusal(path, SERVERS[case["server"]])
            accepted = case["exit"] == 0
            agrees = (error is None) in (accepted, KEA3.get(case["name"], accepted))
            passed += agrees
            if not agrees:
                what = "accepted" if error is None else f"refused: {error.errors[0]}"
                details.append(f"{case['name']}: Kea's status {case['exit']}, {what}")
            elif error is not None and not accepted:
                refused += 1
                kea = message_of(case["stderr"])
                same += kea == message_of(error.like_kea())
                if kea != message_of(error.like_kea()):
                    details.append(f"{case['name']}: Kea says {kea!r}, we {message_of(error.like_kea())!r}")
    return Verdict(passed, len(cases), note=f"{same} of {refused} refusals in Kea's words", details=tuple(details))


def message_of(text: str) -> str:
    """Kea's sentence without places, which depend on how the file was laid out."""
    lines = [line for line in text.splitlines() if line.startswith(("Syntax check failed", "Error encountered"))]
    sentence = (lines or text.splitlines() or [""])[0]
    return re.sub(r"\s*\([^()]*:\d+:\d+\)|[^ ]*\.json:[\d.:-]+:? ?|\[\S+ map between .*\]", "", sentence).strip()
