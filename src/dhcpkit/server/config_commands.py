"""The configuration over a control socket: looked at, tried, replaced, read again, written.

Names, arguments and results are Kea's; texts where a program may look at them. A configuration is in force whole or not
at all. What is told is its normal form (`dhcpkit.config.normal`). This module does not know channels.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from dhcpkit.config import codes
from dhcpkit.config.errors import ConfigError, Problem
from dhcpkit.config.normal import hash_of, normal
from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Access, Answer, Refused, command, read_arguments
from dhcpkit.server.commands import OwnProcess, WriteArguments, target_beside, write_config
from dhcpkit.server.jail import outside
from dhcpkit.server.programs import lacking_interfaces

__all__ = ["ConfigArguments", "ConfigCommands", "in_one_line"]

PROBLEMS_MAX: Final = 10  # of a configuration that is refused; an answer is one line for people
SANE: Final = (
    "Configuration seems sane. Control-socket, hook-libraries, and D2 configuration were sanity checked, but not"
    " applied."
)
SAID_BY_CHECK: Final = ("Syntax check failed with: ", "Error encountered: ")  # by `-t`, but not by a command
KINDS: Final = {"integer": "an integer", "boolean": "a boolean", "constant string": "a string", "[": "a list"}


@document("arguments")
class ConfigArguments(Document):
    """A whole configuration."""

    dhcp4: Json | None = param(default=None, key="Dhcp4", doc="The configuration of a DHCPv4 server.")
    dhcp6: Json | None = param(default=None, key="Dhcp6", doc="The configuration of a DHCPv6 server.")


class ConfigCommands:
    """The configuration: looked at, tried, replaced, written."""

    def __init__(self, operated: OwnProcess) -> None:
        self._operated = operated
        self._hashed: tuple[Any, str] = None, ""

    @property
    def _root(self) -> str:
        return f"Dhcp{self._operated.family}"

    async def _in_force(self) -> dict[str, Any]:
        """The configuration in force, in its normal form: made in a thread, since a large one takes a second."""
        return {self._root: await asyncio.to_thread(normal, self._operated.doc)}

    async def _hash(self) -> str:
        """The hash of the configuration in force; computed once for each."""
        doc = self._operated.doc
        if self._hashed[0] is not doc:
            self._hashed = doc, await asyncio.to_thread(hash_of, await self._in_force())
        return self._hashed[1]

    @command("config-get", Access.READ, since="1.2.0")
    async def config_get(self) -> Answer:
        """Tells the configuration in force with its hash: defaults and inherited values included, passwords too."""
        told = await self._in_force()
        return Answer(arguments={**told, "hash": await self._hash()})

    @command("config-hash-get", Access.READ, since="2.4.0")
    async def config_hash_get(self) -> Answer:
        """Tells the hash of the configuration in force: another one where anything means something else."""
        return Answer(arguments={"hash": await self._hash()})

    @command("config-test", Access.WRITE, since="1.2.0", arguments=ConfigArguments, raw=True)
    async def config_test(self, sent: Any) -> Answer:
        """Says whether a configuration could be put in force, and what is wrong with it otherwise."""
        await self._read(sent)
        return Answer(text=SANE)

    @command("config-set", Access.WRITE, since="1.2.0", arguments=ConfigArguments, raw=True)
    async def config_set(self, sent: Any) -> Answer:
        """Puts a configuration in force in the place of the present one, which stays if anything is wrong with it."""
        loaded = await self._read(sent)
        wrong = outside(loaded.doc, self._operated.doc)
        if wrong:
            raise Refused(wrong)
        return await self._adopt(loaded)

    @command("config-reload", Access.WRITE, since="1.2.0")
    async def config_reload(self) -> Answer:
        """Reads the file again that the server was started with, and puts it in force."""
        path = self._operated.config
        try:
            loaded = await asyncio.to_thread(self._operated.load, path)
        except ConfigError as error:
            told = error.like_kea()
            for said in SAID_BY_CHECK:
                told = told.removeprefix(said)
            told = f"configuration error using file '{path}': {told}"
            raise Refused(f"Config reload failed: {told}") from None
        return await self._adopt(loaded)

    @command("config-write", Access.WRITE, since="1.2.0", arguments=WriteArguments, raw=True)
    async def config_write(self, sent: Any) -> Answer:
        """Writes the configuration in force to a file, all of it or nothing.

        It must lie in the folder of the file that the server was started with.
        """
        if isinstance(sent, dict) and not isinstance(sent.get("filename", ""), str):
            raise Refused("passed parameter 'filename' is not a string")
        arguments = read_arguments(WriteArguments, sent)
        target = target_beside(self._operated.config, arguments.filename)
        return await asyncio.to_thread(write_config, target, await self._in_force())

    async def _read(self, sent: Any) -> Any:
        """The configuration of a command. Raises Refused."""
        if sent is None:
            raise Refused("Missing mandatory 'arguments' parameter.")
        if not isinstance(sent, dict) or self._root not in sent:
            raise Refused(f"Missing mandatory '{self._root}' parameter.")
        value = sent[self._root]
        if not isinstance(value, dict):
            raise Refused(f"'{self._root}' parameter expected to be a map.")
        others = [key for key in sent if key != self._root]
        if others:
            raise Refused(" ".join(f"Unsupported '{key}' parameter." for key in others))
        text = json.dumps({self._root: value}, ensure_ascii=False)
        try:
            loaded = await asyncio.to_thread(self._operated.load, "<wire>", text)
        except ConfigError as error:
            raise Refused(in_one_line(error)) from None
        known = lacking_interfaces(self._operated.doc).values()
        for number, lacking in lacking_interfaces(loaded.doc).items():
            if lacking not in known:
                place = loaded.source.value((self._root, "interfaces-config", "interfaces", number))
                raise Refused(f"Failed to select interface: {lacking} ({place})")
        return loaded

    async def _adopt(self, loaded: Any) -> Answer:
        try:
            await self._operated.adopt(loaded)
        except (DhcpkitError, OSError) as error:
            raise Refused(str(error)) from None
        return Answer(text="Configuration successful.", arguments={"hash": await self._hash()})


def in_one_line(error: ConfigError, most: int = PROBLEMS_MAX) -> str:
    """What is wrong with a configuration that came by a command, in Kea's words for those: unknown keys first."""
    in_order = sorted(error.errors, key=lambda problem: problem.code is not codes.UNKNOWN_KEY)
    return "; ".join(_told(problem) for problem in in_order[:most])


def _told(problem: Problem) -> str:
    where = f" ({problem.span})" if problem.span else ""
    map_path, _, key = problem.path.rpartition(".")
    if problem.code is codes.UNKNOWN_KEY and map_path.startswith("Dhcp"):
        if "." not in map_path:
            return f"unsupported global configuration parameter: {key}{where}"
        if map_path.split(".")[1].startswith("client-classes["):
            return f"unsupported client class parameter '{key}'{where}"
        return f"spurious '{key}' parameter{where}"
    if problem.code is codes.WRONG_TYPE and problem.expected in KINDS:
        return f"'{key}' parameter is not {KINDS[problem.expected]}{where}"
    return f"{problem.message}{where}"
