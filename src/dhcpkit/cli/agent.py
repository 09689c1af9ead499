"""`dhcpkit agent`: one HTTP socket in front of the control sockets of several servers, as Kea's control agent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dhcpkit.cli.status import Status

__all__ = ["agent"]


def agent(
    file: Annotated[Path, typer.Argument(help="A configuration file that begins with Control-agent.", dir_okay=False)],
    check: Annotated[bool, typer.Option("--check", "-t", help="Check the file and exit.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-d", help="Log everything.")] = False,
) -> None:
    """Passes commands that come over HTTP on to servers, and their answers back, as Kea's control agent does."""
    from dhcpkit.server.agent import AgentProcess, check_file

    check_file(str(file))  # raises ConfigError: a service manager must not start it again then
    if not check:
        status = AgentProcess(str(file), verbose=verbose).run()
        raise typer.Exit(Status.UNREACHABLE if status == 1 else status)
