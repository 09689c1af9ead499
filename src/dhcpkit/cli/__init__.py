"""The command line. `main` is the program `dhcpkit`; each command is a function in a module of its own.

Only the command that runs is imported: `dhcpkit --help` reads the others' docstrings from their source instead, so that
it stays quick and `dhcpkit decode` needs no server. This module does not know what a command does.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
import typer

from dhcpkit import __version__
from dhcpkit.cli.status import Status, status_of
from dhcpkit.errors import DhcpkitError

__all__ = ["COMMANDS", "Command", "Status", "application", "main"]


@attrs.frozen
class Command:
    """A command: its name, the module that holds it, and the function there, or the typer application for a group."""

    name: str
    module: str
    attribute: str
    group: bool = False

    def load(self) -> Any:
        """The function or application itself; imports the module."""
        return getattr(import_module(self.module), self.attribute)

    def help(self) -> str:
        """The first line of its docstring (of the module's for a group), read without importing it."""
        spec = find_spec(self.module)
        if spec is None or spec.origin is None:
            return ""
        tree = ast.parse(Path(spec.origin).read_text())
        named: list[Any] = [tree] if self.group else [n for n in tree.body if getattr(n, "name", "") == self.attribute]
        return (ast.get_docstring(named[0]) or "").split("\n\n")[0] if named else ""


COMMANDS: Final = (  # in the order `dhcpkit --help` shows them
    Command("serve", "dhcpkit.cli.serve", "serve"),
    Command("check", "dhcpkit.cli.check", "check"),
    Command("explain", "dhcpkit.cli.explain", "explain"),
    Command("decode", "dhcpkit.cli.decode", "decode"),
    Command("encode", "dhcpkit.cli.encode", "encode"),
    Command("init", "dhcpkit.cli.init", "init"),
    Command("replay", "dhcpkit.cli.replay", "replay"),
    Command("schema", "dhcpkit.cli.schema", "schema"),
    Command("shell", "dhcpkit.cli.shell", "shell"),
    Command("agent", "dhcpkit.cli.agent", "agent"),
    Command("doctor", "dhcpkit.cli.doctor", "doctor"),
    Command("leases", "dhcpkit.cli.leases", "leases"),
    Command("admin", "dhcpkit.cli.admin", "admin"),
    Command("lfc", "dhcpkit.cli.lfc", "lfc"),
    Command("kea-names", "dhcpkit.cli.kea_names", "app", group=True),
    Command("version", "dhcpkit.cli.version", "version"),
)


def application(words: Sequence[str] = ()) -> typer.Typer:
    """The typer application for a command line: what `words` names is real, of the other commands it has the help line.

    No words at all import every command.
    """
    app = typer.Typer(
        name="dhcpkit",
        help="DHCP: serve it, check and explain a configuration, read and write packets.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for command in COMMANDS:
        if words and command.name not in words:
            app.command(command.name, help=command.help())(_not_loaded)
        elif command.group:
            app.add_typer(command.load(), name=command.name, help=command.help())
        else:
            app.command(command.name)(command.load())
    return app


def _show_version(asked: bool) -> None:  # typer calls it with the option's value
    if asked:
        print(f"dhcpkit {__version__}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[  # its callback has answered
        bool, typer.Option("--version", "-V", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _not_loaded() -> None:
    raise AssertionError("a command that was not named cannot run")


def main(arguments: Sequence[str] | None = None) -> None:
    """The program `dhcpkit`: runs a command and exits with its `Status`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    completing = "_DHCPKIT_COMPLETE" in os.environ  # the shell asks: any command may be meant
    try:
        application(() if completing else words or ("--help",))(words, prog_name="dhcpkit")
    except DhcpkitError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(status_of(error))
    except OSError as error:  # a file that cannot be read, a port that is taken: the surroundings, in their own words
        sys.stderr.write(f"dhcpkit: {error}\n")
        sys.exit(status_of(error))
    except KeyboardInterrupt:
        sys.exit(Status.INTERRUPTED)
