"""Kea's program names, where you want them: scripts such as `kea-dhcp4` that run dhcpkit's programs.

Nothing is installed under Kea's names unless asked for, so that a distribution's Kea is never hidden by accident.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from dhcpkit.cli.status import Status

__all__ = ["PROGRAMS", "app", "install", "remove", "script"]

# By name: the module and the function it runs.
PROGRAMS: Final = {
    "kea-dhcp4": ("dhcpkit.server.main", "main"),
    "kea-dhcp6": ("dhcpkit.server.main", "main6"),
    "kea-ctrl-agent": ("dhcpkit.server.agent", "main"),
    "kea-shell": ("dhcpkit.cli.shell", "main"),
    "kea-lfc": ("dhcpkit.cli.lfc", "main"),
}
MARK: Final = "# Written by `dhcpkit kea-names install`, taken away by `dhcpkit kea-names remove`."
SHEBANG_MAX: Final = 127  # octets the kernel reads of a script's first line (before Linux 5.1)

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--dir", help="The folder of the scripts, for instance /usr/local/sbin.")]


def script(module: str, function: str) -> str:
    """The text of a program. Monitoring looks for the process by name, so the first line has the interpreter alone."""
    first = f"#!{sys.executable}"
    if len(first) > SHEBANG_MAX or " " in sys.executable:
        raise typer.BadParameter(
            f"the kernel cannot start a script through {sys.executable}: its path is too long or has a blank; "
            "use a Python at a shorter path"
        )
    return f"{first}\n{MARK}\nfrom {module} import {function}\n\n{function}()\n"


def _ours(path: Path) -> bool:
    with path.open(errors="replace") as file:
        return MARK in (file.readline(), file.readline().rstrip("\n"))


@app.command()
def install(folder: Folder) -> None:
    """Writes a script for each of Kea's programs that dhcpkit replaces. Overwrites only what it wrote itself."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder")
    paths = {folder / name: what for name, what in PROGRAMS.items()}
    foreign = [path for path in paths if path.is_symlink() or (path.exists() and not _ours(path))]
    for path in foreign:
        typer.echo(f"{path} is there already and is not dhcpkit's: it stays as it is", err=True)
    if foreign:
        raise typer.Exit(Status.NEGATIVE)
    for path, what in paths.items():
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(script(*what))
        fresh.chmod(0o755)
        fresh.replace(path)
        typer.echo(f"{path}")


@app.command()
def remove(folder: Folder) -> None:
    """Takes away the scripts that `install` wrote there."""
    found = False
    for name in PROGRAMS:
        path = folder / name
        if path.exists() and not path.is_symlink() and _ours(path):
            path.unlink()
            typer.echo(f"{path} is gone")
            found = True
        elif path.exists() or path.is_symlink():
            typer.echo(f"{path} is not dhcpkit's: it stays", err=True)
    if not found:
        raise typer.Exit(Status.NEGATIVE)
