"""The prompt of `dhcpkit shell`: commands one after the other, with names completed as the server has them."""

from __future__ import annotations

import cmd
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dhcpkit.api import Denied, NotAnAnswer, Unreachable
from dhcpkit.cli.shell import BadArguments, shown, words_as_arguments

if TYPE_CHECKING:
    from dhcpkit.api import Client

__all__ = ["Prompt"]


class Prompt(cmd.Cmd):
    """Asks for commands until `quit` or the end of input. `services` are the servers behind an agent, if it is one."""

    def __init__(self, client: Client, services: Sequence[str] = ()) -> None:
        super().__init__()
        self.prompt = f"{client.place}> "
        self.intro = "Commands are completed with Tab; list-commands shows them, quit ends."
        self._client = client
        self._services = tuple(services)
        self._names: list[str] | None = None

    def names(self) -> list[str]:
        """The names of the server's commands; none where it does not tell."""
        if self._names is None:
            try:
                answers = self._client.ask("list-commands", service=self._services)
                self._names = sorted({str(name) for answer in answers for name in answer.arguments or ()})
            except (Unreachable, Denied, NotAnAnswer):
                return []
        return self._names

    def completenames(self, text: str, *_: object) -> list[str]:
        """The commands that begin so."""
        return [name for name in (*self.names(), "quit") if name.startswith(text)]

    def onecmd(self, line: str) -> bool:
        """Runs a line; whether it was the last."""
        if line in ("quit", "exit", "EOF"):
            return True
        command, _, rest = line.strip().partition(" ")
        if not command:
            return False
        try:
            words = [rest.strip()] if rest.lstrip().startswith("{") else shlex.split(rest)
            answers = self._client.ask(command, words_as_arguments(words), service=self._services)
        except (Unreachable, Denied, NotAnAnswer, BadArguments, ValueError, typer.BadParameter) as error:
            print(error)
        else:
            print(shown(answers, self._services))
        return False
