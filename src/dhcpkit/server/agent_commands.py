"""The commands of the control agent itself: what it is, how it fares, its configuration, its end.

Those of servers go through it untouched (`dhcpkit.api.agent`). Names, arguments, results and texts are Kea's. This
module does not know sockets.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any, Final, Protocol

from dhcpkit.config.agent import ROOT, AgentDoc, LoadedAgent
from dhcpkit.config.errors import ConfigError
from dhcpkit.config.param import Document, Json, document, param, unparse
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.server.commands import ShutdownArguments, WriteArguments, config_hash, target_beside, write_config
from dhcpkit.server.main import KEA_VERSION, VERSION

__all__ = ["AgentArguments", "AgentCommands", "OwnAgent"]

AGENTS: Final = ("ca",)


class OwnAgent(Protocol):
    """The agent's process, as its commands see it."""

    config: str
    """The path of the configuration file it was started with."""
    started: float
    """When it started, of `time.monotonic`."""
    reloaded: float
    """When the configuration came into force."""

    @property
    def doc(self) -> AgentDoc:
        """The configuration in force."""
        ...

    @property
    def names(self) -> list[str]:
        """The names of its own commands."""
        ...

    def load(self, path: str, text: str | None = None) -> LoadedAgent:
        """Reads a configuration, from a file or a text. Raises ConfigError."""
        ...

    async def adopt(self, loaded: LoadedAgent, *, trusted: bool) -> None:
        """Puts a configuration in force, or raises and leaves the earlier one.

        One that is not `trusted` names no files but where files of the kind are already.
        """
        ...

    def stop(self, status: int) -> None:
        """Ends the process, once its answer is given."""
        ...


@document("arguments")
class AgentArguments(Document):
    """A whole configuration of an agent."""

    control_agent: Json = param(key=ROOT, doc="The configuration.")


class AgentCommands:
    """What an agent does itself: everything that names no `service`."""

    def __init__(self, agent: OwnAgent) -> None:
        self._agent = agent

    @command("list-commands", Access.READ, since="1.2.0", servers=AGENTS)
    def list_commands(self) -> Answer:
        """Lists the names of the agent's own commands; with `service`, a server lists its."""
        return Answer(arguments=self._agent.names)

    @command("version-get", Access.READ, since="1.2.0", servers=AGENTS)
    def version_get(self) -> Answer:
        """Tells which version of the agent runs."""
        return Answer(text=KEA_VERSION, arguments={"extended": VERSION})

    @command("build-report", Access.READ, since="1.2.0", servers=AGENTS)
    def build_report(self) -> Answer:
        """Tells what the agent was made from."""
        return Answer(text=f"dhcpkit {VERSION}\nA Python package; nothing was configured when it was built.")

    @command("status-get", Access.READ, since="1.7.3", servers=AGENTS)
    def status_get(self) -> Answer:
        """Tells the agent's process number, and for how long it and its configuration have been there."""
        agent, now = self._agent, time.monotonic()
        told = {"pid": os.getpid(), "reload": int(now - agent.reloaded), "uptime": int(now - agent.started)}
        return Answer(arguments=told)

    def _in_force(self) -> dict[str, Any]:
        return {ROOT: unparse(self._agent.doc)}

    @command("config-get", Access.READ, since="1.2.0", servers=AGENTS)
    def config_get(self) -> Answer:
        """Tells the agent's configuration, as it was written, with its hash."""
        told = self._in_force()
        return Answer(arguments={**told, "hash": config_hash(told)})

    @command("config-hash-get", Access.READ, since="2.4.0", servers=AGENTS)
    def config_hash_get(self) -> Answer:
        """Tells the hash of the agent's configuration: another one where anything has changed."""
        return Answer(arguments={"hash": config_hash(self._in_force())})

    @command("config-test", Access.WRITE, since="1.2.0", servers=AGENTS, arguments=AgentArguments, strict=True)
    async def config_test(self, arguments: AgentArguments) -> Answer:
        """Says whether a configuration could be put in force, and what is wrong with it otherwise."""
        await self._read(arguments)
        return Answer(text="Configuration check successful")

    @command("config-set", Access.WRITE, since="1.2.0", servers=AGENTS, arguments=AgentArguments, strict=True)
    async def config_set(self, arguments: AgentArguments) -> Answer:
        """Puts a configuration of the agent in force; the present one stays if anything is wrong with it."""
        loaded = await self._read(arguments)
        await self._adopt(loaded, trusted=False)
        return Answer(text="Configuration applied successfully.")

    @command("config-reload", Access.WRITE, since="1.2.0", servers=AGENTS)
    async def config_reload(self) -> Answer:
        """Reads the file again that the agent was started with, and puts it in force."""
        path = self._agent.config
        try:
            loaded = await asyncio.to_thread(self._agent.load, path)
        except ConfigError as error:
            raise Refused(f"Configuration parsing failed: {error.like_kea()}") from None
        await self._adopt(loaded, trusted=True)
        return Answer(text="Configuration applied successfully.")

    @command("config-write", Access.WRITE, since="1.2.0", servers=AGENTS, arguments=WriteArguments)
    def config_write(self, arguments: WriteArguments) -> Answer:
        """Writes the agent's configuration to a file in the folder of the one that it was started with."""
        return write_config(target_beside(self._agent.config, arguments.filename), self._in_force())

    @command("shutdown", Access.WRITE, since="1.2.0", servers=AGENTS, arguments=ShutdownArguments)
    def shutdown(self, arguments: ShutdownArguments) -> Answer:
        """Ends the agent; the servers behind it go on."""
        self._agent.stop(arguments.exit_value)
        return Answer(Result.SUCCESS, "Control Agent is shutting down")

    async def _read(self, arguments: AgentArguments) -> LoadedAgent:
        text = json.dumps({ROOT: arguments.control_agent}, ensure_ascii=False)
        try:
            return await asyncio.to_thread(self._agent.load, "<wire>", text)
        except ConfigError as error:
            told = (f"{one.message} ({one.span})" if one.span else one.message for one in error.errors[:10])
            raise Refused("; ".join(told)) from None

    async def _adopt(self, loaded: LoadedAgent, *, trusted: bool) -> None:
        try:
            await self._agent.adopt(loaded, trusted=trusted)
        except (DhcpkitError, OSError) as error:
            raise error if isinstance(error, Refused) else Refused(str(error)) from None
