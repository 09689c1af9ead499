"""Every command that is declared in dhcpkit: those of the servers themselves, of the agent, and of bundled libraries.

What a command may do, what it takes and what it answers is known from here without a server that runs. This module
does not know channels.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Final

from dhcpkit.hooks.commands import Declaration, declared_commands

__all__ = ["declarations", "declaring", "every_declaration"]

LIBRARIES: Final = "dhcpkit.hooks.libraries"
ROOMS: Final = (
    "dhcpkit.server.commands",
    "dhcpkit.server.config_commands",
    "dhcpkit.server.machine_commands",
    "dhcpkit.server.select_commands",
    "dhcpkit.server.agent_commands",
)


def declaring() -> Iterator[type]:
    """The classes that declare commands."""
    libraries = importlib.import_module(LIBRARIES)
    bundled = sorted(found.name for found in pkgutil.iter_modules(libraries.__path__, f"{LIBRARIES}."))
    for name in (*ROOMS, *bundled):
        module = importlib.import_module(name)
        for value in vars(module).values():
            if inspect.isclass(value) and value.__module__ == name and any(declared_commands(value)):
                yield value


def every_declaration() -> Iterator[Declaration]:
    """The declarations of all commands. A name that several servers take differently comes once for each."""
    for cls in declaring():
        for _, declaration in declared_commands(cls):
            yield declaration


def declarations(server: str = "") -> list[Declaration]:
    """The declarations of all commands, or of one server's, by name; each name once."""
    found: dict[str, Declaration] = {}
    for declaration in every_declaration():
        if not server or server in declaration.servers:
            found.setdefault(declaration.name, declaration)
    return [found[name] for name in sorted(found)]
