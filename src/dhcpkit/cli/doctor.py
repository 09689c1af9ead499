"""`dhcpkit doctor`: looks for what is usually wrong with a server that does not answer, and says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
import typer

from dhcpkit.cli.status import Status

if TYPE_CHECKING:
    from dhcpkit.cli.doctor_checks import Finding

__all__ = ["doctor", "findings"]

PATIENCE: Final = 5.0  # seconds for the server to answer, and for the firewall's rules


def doctor(
    config: Annotated[Path, typer.Argument(help="The server's configuration file (Dhcp4 or Dhcp6).")],
    port: Annotated[int, typer.Option(help="The server's port, where it is not the usual one.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON map, for programs.")] = False,
) -> None:
    """Looks for what keeps a server from answering: each finding is a sentence, and what to do.

    The exit status is 1 where there is a problem, 0 where there are warnings at most.
    """
    found = list(findings(config, port))
    if as_json:
        print(json.dumps({"findings": [attrs.asdict(each) for each in found]}))
    else:
        from dhcpkit.hooks.catalogue import safe

        for each in found:
            print(f"{each.severity}, {each.check}: {safe(each.said)} {safe(each.todo)}")
        if not found:
            print("Nothing is wrong that can be seen from here.")
    if any(each.severity == "problem" for each in found):
        raise typer.Exit(Status.NEGATIVE)


def findings(config: Path, number: int = 0) -> Iterator[Finding]:
    """All that is found. Raises OSError where the configuration cannot be read."""
    from dhcpkit.cli import doctor_checks as checks
    from dhcpkit.config import ConfigError, family_of, load4, load6
    from dhcpkit.config.review import review
    from dhcpkit.server.interfaces import interfaces
    from dhcpkit.server.process import PidFile, holder_of_port
    from dhcpkit.server.programs import data_folder, listening_of, program_for

    try:
        loaded = load6(config) if family_of(config) == 6 else load4(config)
    except ConfigError as error:
        for problem in error.problems:
            if problem.severity == "error":
                todo = problem.hint or (problem.expected and f"Expected: {problem.expected}.") or "Correct it."
                yield checks.Finding("configuration", f"{problem.span or config}: {problem.message}.", todo)
        return
    for problem in (*loaded.warnings, *review(loaded)):
        said = f"{problem.span or config}: {problem.message.rstrip('.')}."
        yield checks.Finding("configuration", said, problem.hint or "See whether it is meant.", "warning")
    doc, program = loaded.doc, program_for(config)
    number = number or program.port
    listening = listening_of(doc)
    yield from checks.links(tuple(listening.interfaces), interfaces(), program.family)
    try:
        ours = PidFile(str(config), program.process).holder()
    except OSError:
        ours = None
    table = "/proc/net/udp6" if program.family == 6 else "/proc/net/udp"
    yield from checks.port(number, holder_of_port(number, table), ours)
    yield from checks.privileges(number, _effective(), _free_from(), raw=listening.raw)
    if doc.lease_database.persist:
        leases = Path(doc.lease_database.name or data_folder(doc.data_directory) / program.lease_file)
        yield from checks.writable(leases)
        yield from checks.clock(time.time(), leases)
        if leases.absolute().parent.is_dir():
            room = os.statvfs(leases.absolute().parent)
            yield from checks.space(leases.parent, room.f_bavail * room.f_frsize, room.f_favail if room.f_files else 1)
    yield from checks.firewall(_ruleset(), number, raw=listening.raw)
    yield from _server(doc)


def _server(doc: Any) -> Iterator[Finding]:
    from dhcpkit.api import Client
    from dhcpkit.cli.doctor_checks import server
    from dhcpkit.errors import DhcpkitError
    from dhcpkit.server.control import sockets_of

    for each in sockets_of(doc):
        if each.socket_type != "unix":
            continue  # whoever asks over HTTP has to know a password
        try:
            (answer,) = Client(f"unix:{each.socket_name}", timeout=PATIENCE).ask("status-get")
        except (DhcpkitError, OSError) as error:
            yield from server(str(error), each.socket_name)
        else:
            yield from server(answer.arguments or {}, each.socket_name)
        return


def _effective() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _free_from() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except OSError:
        return 1024


def _ruleset() -> str | None:
    nft = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if nft is None:
        return None
    try:
        done = subprocess.run([nft, "list", "ruleset"], capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
