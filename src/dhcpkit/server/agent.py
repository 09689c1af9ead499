"""The control agent as a process, under Kea's name `kea-ctrl-agent`: switches, configuration file, signals, its socket.

What it does with commands is in `dhcpkit.api.agent`, and its own commands in `agent_commands`. This module does not
know DHCP.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from dhcpkit.api import Agent, HttpSocket
from dhcpkit.config import codes
from dhcpkit.config.agent import ROOT, AgentDoc, LoadedAgent, load_agent
from dhcpkit.config.errors import ConfigError
from dhcpkit.config.param import read
from dhcpkit.config.report import Report
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import AGENT, Room
from dhcpkit.hooks.commands import CommandClash, Commands, Refused
from dhcpkit.hooks.library import Library
from dhcpkit.hooks.loading import LibraryError, find_library
from dhcpkit.server.agent_commands import AgentCommands
from dhcpkit.server.control import http_socket, place_of
from dhcpkit.server.declared import declaring
from dhcpkit.server.jail import files_around, files_of_socket, stray
from dhcpkit.server.log import configure, from_environment, reopen, write_in_background
from dhcpkit.server.main import VERSION, UsageError, parse, show
from dhcpkit.server.process import AlreadyRunning, PidFile, set_name, tell_service_manager
from dhcpkit.server.programs import loggers_of

__all__ = ["AgentProcess", "check_file", "main"]

PROCESS: Final = "kea-ctrl-agent"
SERVICE: Final = "ca"  # what commands and libraries call it
USAGE: Final = f"""\
Control agent of dhcpkit, version {VERSION}

Usage: {PROCESS} -[v|V|W] [-d] [-X] [-{{c|t}} FILE]
  -v       show the version and exit
  -V       show the version and what it runs on, and exit
  -W       show how it was built, and exit
  -d       log everything
  -c FILE  run with this configuration file
  -t FILE  check this configuration file and exit
  -X       leave out the checks of where files and sockets lie
"""

_said = Room("ctrl-agent", AGENT)
_control = Room("dctl", AGENT)
CTRL_AGENT_STARTED: Final = _said.info(
    "CTRL_AGENT_STARTED", "control agent version {version} started", "The agent takes commands from now on."
)
CTRL_AGENT_HTTP_SERVICE_STARTED: Final = _said.info(
    "CTRL_AGENT_HTTP_SERVICE_STARTED",
    "HTTP service bound to address: {address} port: {port}",
    "The agent listens there, without TLS: whoever can listen in reads commands, answers and passwords.",
)
CTRL_AGENT_HTTPS_SERVICE_STARTED: Final = _said.info(
    "CTRL_AGENT_HTTPS_SERVICE_STARTED",
    "HTTPS service bound to address: {address} port: {port}",
    "The agent listens there, with TLS.",
)
CTRL_AGENT_CONFIG_FAIL: Final = _said.error(
    "CTRL_AGENT_CONFIG_FAIL",
    "control agent configuration failed: {reason}",
    "The configuration was not put in force. The one before it is, if there was one.",
)
CTRL_AGENT_CONFIG_SYNTAX_WARNING: Final = _said.warn(
    "CTRL_AGENT_CONFIG_SYNTAX_WARNING",
    "control agent configuration: {reason}",
    "The configuration is in force, and something in it may not be meant as it stands there.",
)
CTRL_AGENT_FAILED: Final = _said.error(
    "CTRL_AGENT_FAILED",
    "application experienced a fatal error: {reason}",
    "The agent could not start, and ended.",
)
CTRL_AGENT_RUN_EXIT: Final = _said.info(
    "CTRL_AGENT_RUN_EXIT", "application is exiting the event loop", "The agent ends as it was told to."
)
DCTL_CONFIG_COMPLETE: Final = _control.info(
    "DCTL_CONFIG_COMPLETE",
    "server has completed configuration: listening on {place}, control sockets: {services}, {libraries} lib(s)",
    "This configuration is in force.",
)


@attrs.frozen(eq=False)
class _Known:
    """What a hook library of an agent may use: the commands of all servers, whose declarations say what they do."""

    commands: Commands
    family: int = AGENT


class AgentProcess:
    """One run of the agent with one configuration file."""

    def __init__(self, config: str, *, verbose: bool = False) -> None:
        self.config = config
        self.started = self.reloaded = time.monotonic()
        self._verbose = verbose
        self._commands = Commands(SERVICE)
        self._commands.add(AgentCommands(self))
        self._agent = Agent(self._commands, {})
        self._loaded: LoadedAgent | None = None
        self._socket: HttpSocket | None = None
        self._libraries: list[Library] = []
        self._ended = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        self._status = 0

    @property
    def doc(self) -> AgentDoc:
        """The configuration in force."""
        assert self._loaded is not None, "an agent that runs has a configuration"
        return self._loaded.doc

    @property
    def names(self) -> list[str]:
        """The names of its own commands."""
        return [each.declaration.name for each in self._commands]

    def load(self, path: str, text: str | None = None) -> LoadedAgent:
        """Reads a configuration, from a file or a text, which includes no files. Raises ConfigError."""

        def read_text(name: str) -> str:
            if name != path:
                raise OSError(errno.EACCES, "a command's configuration includes no files")
            assert text is not None, "only a text is read so"
            return text

        loaded = load_agent(path) if text is None else load_agent(path, read_text)
        _choose(loaded)
        return loaded

    async def adopt(self, loaded: LoadedAgent, *, trusted: bool) -> None:
        """Puts a configuration in force, or raises and leaves the earlier one."""
        if not trusted:
            wrong = stray(_files(loaded.doc), _files(self.doc))
            if wrong:
                raise Refused(wrong)
        libraries = [cls(_Known(_known()), told) for cls, told in _choose(loaded)]  # type: ignore[arg-type]
        for library in libraries:
            await library.load()
        await self._listen(loaded.doc)
        for gone in self._libraries:
            self._commands.remove(gone)
            await gone.unload()
        for library in libraries:
            self._commands.add(library)
            await library.configured()
        self._libraries = libraries
        self._agent.services = loaded.doc.services
        self._loaded = loaded
        self.reloaded = time.monotonic()
        configure(loggers_of(loaded.doc), from_environment(AGENT), verbose=self._verbose, family=AGENT)
        for problem in loaded.warnings:
            CTRL_AGENT_CONFIG_SYNTAX_WARNING.log(reason=problem.message)
        DCTL_CONFIG_COMPLETE.log(
            place=place_of(loaded.doc.socket),
            services=" ".join(loaded.doc.services) or "none",
            libraries=len(libraries),
        )

    async def _listen(self, doc: AgentDoc) -> None:
        """Listens where a configuration says. Raises OSError, and then listens where it did before."""
        before = self._loaded.doc.socket if self._loaded is not None else None
        if doc.socket == before:
            return
        made = http_socket(doc.socket, self._agent.ask)
        present = self._socket
        same = before is not None and (before.socket_address, before.socket_port) == (doc.http_host, doc.http_port)
        if present is not None and same:
            await present.close()
        try:
            await made.start()
        except OSError:
            if present is not None and same:
                await present.start()
            raise
        if present is not None and not same:
            await present.close()
        self._socket = made
        told = CTRL_AGENT_HTTPS_SERVICE_STARTED if doc.trust_anchor else CTRL_AGENT_HTTP_SERVICE_STARTED
        told.log(address=doc.http_host, port=made.port)

    def stop(self, status: int) -> None:
        """Ends the process, once what was begun is answered."""
        self._status = status
        self._ended.set()

    def run(self) -> int:
        """Takes commands until a signal or a command ends it. The exit status."""
        configure([], from_environment(AGENT), verbose=self._verbose, family=AGENT)
        try:
            with PidFile(self.config, PROCESS):
                asyncio.run(self._run())
        except AlreadyRunning as error:
            sys.stderr.write(f"{PROCESS} already running? PID: {error.pid} exists, PID file: {error.file}\n")
            return 1
        except (DhcpkitError, OSError) as error:
            reason = f"configuration error using file '{self.config}': {_reason(error)}"
            CTRL_AGENT_FAILED.log(reason=reason)
            sys.stderr.write(f"Service failed: {reason}\n")
            return 1
        CTRL_AGENT_RUN_EXIT.log()
        return self._status

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, 0)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        loop.add_signal_handler(signal.SIGUSR1, reopen)
        try:
            await self.adopt(self.load(self.config), trusted=True)
            CTRL_AGENT_STARTED.log(version=VERSION)
            tell_service_manager("READY=1")
            await self._ended.wait()
        finally:
            tell_service_manager("STOPPING=1")
            if self._reloading is not None:
                self._reloading.cancel()
            if self._socket is not None:
                await self._socket.close()
            for library in self._libraries:
                await library.unload()

    def _hang_up(self) -> None:
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload())

    async def _reload(self) -> None:
        try:
            await self.adopt(await asyncio.to_thread(self.load, self.config), trusted=True)
        except (DhcpkitError, OSError) as error:
            CTRL_AGENT_CONFIG_FAIL.log(reason=_reason(error))


def _reason(error: BaseException) -> str:
    return error.like_kea() if isinstance(error, ConfigError) else str(error)


def _files(doc: AgentDoc) -> Iterator[tuple[str, str]]:
    """The files that a configuration names, by key."""
    yield from files_around(doc)
    yield from files_of_socket(doc.socket)
    yield from (("socket-name", path) for path in doc.services.values())


def check_file(path: str) -> None:
    """Raises ConfigError where an agent could not run with a configuration file."""
    _choose(load_agent(path))


def _choose(loaded: LoadedAgent) -> list[tuple[type[Library], Any]]:
    """The hook libraries of a configuration, with what they are told. Raises ConfigError."""
    report = Report(loaded.source)
    found = []
    for number, entry in enumerate(loaded.doc.hooks_libraries):
        steps = (ROOT, "hooks-libraries", number)
        try:
            cls = find_library(entry.library)
        except LibraryError as error:
            report.add(codes.NO_LIBRARY, (*steps, "library"), f"hooks library {entry.library}: {error}")
            continue
        if cls is None or SERVICE not in cls.servers:
            message = f"hooks library {entry.library} is none for the control agent"
            report.add(codes.NO_LIBRARY, (*steps, "library"), message)
            continue
        found.append((cls, read(cls.parameters, entry.parameters, (*steps, "parameters"), report)))
    if report.failed:
        raise report.error()
    return found


def _known() -> Commands:
    """The commands of all servers, of which none will be run: what they are declared as."""
    known = Commands(SERVICE)
    for each in declaring():
        try:
            known.add(each)
        except CommandClash:  # a command that several servers have, each with a class of its own
            continue
    return known


def main(arguments: Sequence[str] | None = None) -> None:
    """The program: exits 0 or 1 as Kea's does."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        switches = parse(words, PROCESS)
    except UsageError as error:
        sys.stderr.write(f"{error}\n{USAGE}")
        sys.exit(1)
    if switches.show:
        show(switches.show)
        sys.exit(0)
    if os.path.basename(sys.argv[0]) == PROCESS:  # noqa: PTH119  # as it was called
        set_name(PROCESS)
    if switches.check:
        try:
            check_file(switches.check)
        except ConfigError as error:
            sys.stderr.write(f"{error.like_kea()}\n")
            sys.exit(1)
        sys.exit(0)
    write_in_background()
    sys.exit(AgentProcess(switches.config, verbose=switches.verbose).run())
