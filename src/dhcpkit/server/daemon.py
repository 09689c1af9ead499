"""A server that lives as a process: configuration file, PID file, signals, reload, log outputs.

Which server that is, and what a configuration says about it, is a `Program`. This module does not know packets.
"""

from __future__ import annotations

import asyncio
import copy
import errno
import gc
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs

from dhcpkit.backends import LeaseFileError, StoreUnavailable
from dhcpkit.backends.hosts_in_force import HostsInForce
from dhcpkit.backends.hosts_sqlite import HostFileError
from dhcpkit.config import ConfigError
from dhcpkit.config.contacts import links_named
from dhcpkit.config.param import unparse
from dhcpkit.config.surroundings import LeaseDatabaseDoc
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks import Hooks
from dhcpkit.hooks.catalogue import Message, Twin
from dhcpkit.hooks.commands import Commands, Refused
from dhcpkit.hooks.loading import Choice, Chosen, LibraryError, choose
from dhcpkit.server import messages as m
from dhcpkit.server.commands import ServiceCommands, StatisticCommands
from dhcpkit.server.config_commands import ConfigCommands, in_one_line
from dhcpkit.server.control import Control, sockets_of
from dhcpkit.server.interfaces import interfaces
from dhcpkit.server.jail import outside
from dhcpkit.server.libraries import Libraries
from dhcpkit.server.log import configure, from_environment, reopen
from dhcpkit.server.loop import AnyStore
from dhcpkit.server.machine_commands import MachineCommands
from dhcpkit.server.name_changes import NameChanges
from dhcpkit.server.process import AlreadyRunning, PidFile, tell_service_manager
from dhcpkit.server.programs import (
    PROGRAM4,
    AnyDoc,
    AnyLoaded,
    Program,
    data_folder,
    lacking_interfaces,
    listening_of,
    loggers_of,
    reclaiming_of,
    samples_of,
    sanity_of,
)
from dhcpkit.server.select_commands import SelectCommands
from dhcpkit.server.server import ServerOf
from dhcpkit.server.server_id import ServerIdError
from dhcpkit.server.state import ServiceState
from dhcpkit.server.statistics import Statistics

__all__ = ["Daemon", "check", "run_server"]

# Collections look for cycles, of which serving makes none; the fewer there are, the fewer answers wait for one.
GC_THRESHOLD: Final = (20_000, 50, 100)


def check(path: str, program: Program = PROGRAM4) -> int:
    """`-t FILE`: 0 where the file can be served; else 1, and Kea's words on stderr."""
    try:
        loaded = program.load(path)
        _choose(loaded)
    except ConfigError as error:
        sys.stderr.write(f"{error.like_kea()}\n")
        return 1
    for number, lacking in lacking_interfaces(loaded.doc).items():
        steps = (program.top, "interfaces-config", "interfaces")
        source = loaded.source
        places = source.value((*steps, number)), source.span(*source.range(steps, key=True))
        shown = " ".join(f"({place})" for place in places)
        sys.stderr.write(f"Error encountered: Failed to select interface: {lacking} {shown}\n")
        return 1
    present = interfaces()
    for at, name, absent in links_named(loaded.doc):
        if name not in present:
            sys.stderr.write(f"Error encountered: {absent} ({loaded.source.value(at)})\n")
            return 1
    return 0


class Daemon:
    """One run of the program with one configuration file."""

    def __init__(  # noqa: PLR0913  # one argument for each switch
        self,
        config: str,
        *,
        program: Program,
        version: str,
        port: int = 0,
        client_port: int = 0,
        verbose: bool = False,
        unchecked: bool = False,
        patient: bool = True,
    ) -> None:
        self.config = config
        self._program = program
        self._process = program.process
        self._version = version
        self._port = port or program.port
        self._client_port = client_port
        self._verbose = verbose
        self._unchecked = unchecked
        self._patient = patient
        self._server: ServerOf[Any] | None = None
        self._loaded: AnyLoaded | None = None
        self._store: AnyStore | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._choices: WeakKeyDictionary[AnyLoaded, tuple[Choice, ...]] = WeakKeyDictionary()
        self._editing = asyncio.Lock()
        self._adopting = asyncio.Lock()
        self._again = False
        self._status = 0
        self.started = self.reloaded = time.monotonic()
        self.commands = Commands(f"dhcp{program.family}")
        self.state = ServiceState(
            self._serve_or_not, lambda wait, work: asyncio.get_running_loop().call_later(wait, work)
        )
        self.hooks = Hooks()
        self.hosts = HostsInForce(program.family, data_folder, self._misunderstood)
        self._libraries = Libraries(self)
        self._control = Control(self.commands, program.family, self.hooks)

    @property
    def family(self) -> int:
        """4 or 6."""
        return self._program.family

    @property
    def doc(self) -> Any:
        """The configuration in force."""
        assert self._loaded is not None, "a server that runs has a configuration"
        return self._loaded.doc

    @property
    def server(self) -> ServerOf[Any]:
        """The server that runs."""
        assert self._server is not None, "commands are taken once a server runs"
        return self._server

    @property
    def data_directory(self) -> Path:
        """Where commands may write data."""
        return data_folder(self.doc.data_directory)

    @property
    def network(self) -> Any:
        """What is served."""
        return self.server.network

    @property
    def store(self) -> AnyStore:
        """Where leases are."""
        return self.server.store

    @property
    def statistics(self) -> Statistics:
        """The counters."""
        return self.server.statistics

    @property
    def names(self) -> NameChanges:
        """Where changes of names go."""
        return self.server.batches.names

    def now(self) -> int:
        """The time by which leases end."""
        return self.server.clock.now()

    async def commit(self, units: Sequence[Sequence[Any]]) -> Sequence[bool]:
        """Changes leases, durably and counted. Raises StoreUnavailable."""
        return await self.server.commit(units)

    async def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Puts an edited configuration in force. Raises Refused."""
        async with self._editing:
            try:
                loaded = await asyncio.to_thread(self._edited, change)  # a large configuration takes a while
                await self.adopt(loaded)
            except Refused:
                raise
            except ConfigError as error:
                raise Refused(in_one_line(error, 1)) from None
            except (DhcpkitError, OSError) as error:
                raise Refused(str(error)) from None

    def _edited(self, change: Callable[[dict[str, Any]], None]) -> AnyLoaded:
        """The configuration in force with a change. Raises ConfigError, and what `change` raises."""
        before = self.doc
        edited = copy.deepcopy(unparse(before))
        change(edited)
        loaded = self.load("<wire>", json.dumps({self._program.top: edited}, ensure_ascii=False))
        wrong = outside(loaded.doc, before)
        if wrong:
            raise Refused(wrong)
        return loaded

    def load(self, path: str, text: str | None = None) -> AnyLoaded:
        """Reads a configuration, from a file or a text, which includes no files. Raises ConfigError."""
        loaded = self._read(path, text)
        chosen = _choose(loaded)
        if chosen.problems:
            loaded = attrs.evolve(loaded, warnings=(*loaded.warnings, *chosen.problems))
        self._choices[loaded] = chosen.choices
        return loaded

    def _read(self, path: str, text: str | None) -> AnyLoaded:
        if text is None:
            return self._program.load(path)

        def read_text(name: str) -> str:
            if name != path:
                raise OSError(errno.EACCES, "a command's configuration includes no files")
            return text

        return self._program.load(path, read_text)

    def stop(self, status: int) -> None:
        """Ends the process, once what was begun is answered."""
        self._status = status
        self.server.stop()

    def _serve_or_not(self, serves: bool) -> None:  # noqa: FBT001  # the one thing it can be told
        self.server.batches.serving = serves

    def run(self) -> int:
        """Serves until a signal ends it. The exit status."""
        family = self._program.family
        configure([], from_environment(family), verbose=self._verbose, family=family)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))  # until the loop takes signals over
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._say(m.DHCP_STARTING).log(version=self._version)
        if self._unchecked:
            self._say(m.DHCP_SECURITY_CHECKS_DISABLED).log()
        try:
            with PidFile(self.config, self._process):
                return self._run()
        except AlreadyRunning as error:
            self._say(m.DHCP_ALREADY_RUNNING).log(program=self._process, pid=error.pid, file=error.file)
            sys.stderr.write(f"{self._process} already running? PID: {error.pid} exists, PID file: {error.file}\n")
        except OSError as error:
            reason = f"PID file {error.filename}: {error.strerror}" if error.filename else str(error)
            self._say(m.DHCP_SERVER_FAILED).log(reason=reason)
            sys.stderr.write(f"{self._process}: Fatal error during start up: {reason}\n")
        return 1

    def _run(self) -> int:
        loaded = self._load()
        if loaded is None:
            return 1
        try:
            self.serve(loaded)
        except DhcpkitError as error:
            self._say(m.DHCP_INIT_FAIL).log(reason=error)
            return 1
        self._say(m.DHCP_SHUTDOWN).log()
        return self._status

    def _say(self, message: Twin) -> Message:
        return message.of(self._program.family)

    def _misunderstood(self, why: str) -> None:
        """A reservation of a store means nothing to the configuration in force."""
        self._say(m.DHCPSRV_RESERVATION_IN_PART).log(reason=why)

    def _load(self) -> AnyLoaded | None:
        """The configuration; None after telling what is wrong with it."""
        try:
            return self.load(self.config)
        except ConfigError as error:
            self._refused(error)
            reason = f"configuration error using file '{self.config}': {error.like_kea()}"
            self._say(m.DHCP_INIT_FAIL).log(reason=reason)
        return None

    def _refused(self, error: ConfigError) -> None:
        for problem in error.errors:
            where = f" ({problem.span})" if problem.span else ""
            self._say(m.DHCP_CONFIG_LOAD_FAIL).log(file=self.config, reason=f"{problem.message}{where}")

    def serve(self, loaded: AnyLoaded) -> None:
        """Serves a configuration until a signal ends it. Raises what keeps it from starting."""
        family = self._program.family
        configure(loggers_of(loaded.doc), from_environment(family), verbose=self._verbose, family=family)
        self._program.announce(loaded)
        asyncio.run(self._serve(loaded))

    async def _serve(self, loaded: AnyLoaded) -> None:
        doc = loaded.doc
        self._loaded = loaded
        self._program.settle(loaded)
        self._store = self._program.open_store(doc.lease_database, doc.data_directory)
        self._server = self._program.server(
            loaded.network,
            self._store,
            interfaces=listening_of(doc, patient=self._patient),
            port=self._port,
            client_port=self._client_port,
            reclaiming=reclaiming_of(doc),
            lfc_interval=doc.lease_database.lfc_interval,
            sanity=sanity_of(doc),
            hooks=self.hooks,
        )
        self._server.batches.callouts.limit = doc.parked_packet_limit
        self._keep_samples(doc)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        own = (ServiceCommands(self), ConfigCommands(self), MachineCommands(self), SelectCommands(self))
        for library in (*own, StatisticCommands(self._server.statistics)):
            self.commands.add(library)
        try:
            await self._libraries.adopt(self._choices[loaded])
            await self._approve(self._server, loaded)
            await self.hosts.adopt(doc, loaded.network)
            await self._libraries.configured()
            await self._control.listen(sockets_of(doc))
            await run_server(self._server, self._version)
        finally:
            await self._control.close()
            await self._libraries.close()
            if self._reloading is not None:
                self._reloading.cancel()
            await self.hosts.close()
            await self._store.close()

    # Reload.

    def _hang_up(self) -> None:
        """SIGHUP: reads the configuration again; another SIGHUP meanwhile is obeyed afterwards."""
        if self._reloading is not None and not self._reloading.done():
            self._again = True
            return
        self._reloading = asyncio.create_task(self._reload())

    async def _reload(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            self._say(m.DHCP_DYNAMIC_RECONFIGURATION).log(file=self.config)
            tell_service_manager("RELOADING=1", since_boot=True)
            try:
                # Reading takes a while; in a thread, so that clients are served meanwhile.
                loaded = await asyncio.to_thread(self.load, self.config)
                await self.adopt(loaded)
            except ConfigError as error:
                self._refused(error)
            except (OSError, StoreUnavailable, LeaseFileError, HostFileError, ServerIdError, LibraryError) as error:
                self._say(m.DHCP_CONFIG_LOAD_FAIL).log(file=self.config, reason=error)
            else:
                self._say(m.DHCP_DYNAMIC_RECONFIGURATION_SUCCESS).log(file=self.config)
                tell_service_manager("READY=1")
                continue
            self._say(m.DHCP_DYNAMIC_RECONFIGURATION_FAIL).log(file=self.config)
            tell_service_manager("READY=1", "STATUS=The last reload failed; the configuration before it is in force.")

    async def adopt(self, loaded: AnyLoaded) -> None:
        """Puts a configuration in force, or raises and leaves the earlier one; one after the other, whoever asks."""
        async with self._adopting:
            await self._adopt(loaded)

    async def _adopt(self, loaded: AnyLoaded) -> None:
        server, before = self._server, self._loaded
        assert server is not None, "only a server that runs is reloaded"
        assert before is not None, "a server that runs has a configuration"
        listening = listening_of(loaded.doc, patient=self._patient)
        self._program.settle(loaded)
        await self._libraries.adopt(self._choices[loaded])
        try:
            await self._approve(server, loaded)
            await self.hosts.adopt(loaded.doc, loaded.network)
            await self._control.change(sockets_of(loaded.doc))
            if _place_of(loaded.doc) != _place_of(before.doc):
                await self._change_store(server, before.doc, loaded)
        except BaseException:
            await self._libraries.adopt(self._choices[before])
            await self.hosts.adopt(before.doc, before.network)
            await self._control.listen(sockets_of(before.doc))
            raise
        family = self._program.family
        configure(loggers_of(loaded.doc), from_environment(family), verbose=self._verbose, family=family)
        self._program.announce(loaded)
        server.reconfigure(
            *(loaded.network, listening, reclaiming_of(loaded.doc)),
            lfc_interval=loaded.doc.lease_database.lfc_interval,
            sanity=sanity_of(loaded.doc),
        )
        server.batches.callouts.limit = loaded.doc.parked_packet_limit
        self._keep_samples(loaded.doc)
        self._loaded = loaded
        self.reloaded = time.monotonic()
        await self._libraries.configured()

    def _keep_samples(self, doc: AnyDoc) -> None:
        samples = samples_of(doc)
        self.statistics.keep(count=samples.count, age=samples.age)

    async def _approve(self, server: ServerOf[Any], loaded: AnyLoaded) -> None:
        """Asks the callouts of dhcp4_srv_configured, dhcp6_srv_configured. Raises LibraryError where one refuses."""
        kind = server.family.points.kind("configured")
        if not self.hooks.listens(kind):
            return
        point = server.family.points.configured(loaded.doc, loaded.network, unparse(loaded.doc))
        try:
            step = await self.hooks.wait(point, decides=True)
        except Exception as error:
            raise LibraryError(f"a callout of {kind.kea_name} failed: {type(error).__name__}: {error}") from error
        if point.error or step is not None:
            raise LibraryError(point.error or f"a callout of {kind.kea_name} refuses the configuration")

    async def _change_store(self, server: ServerOf[Any], before: AnyDoc, loaded: AnyLoaded) -> None:
        """Leases move to another store's keeping: nobody is served for that moment, packets wait in the sockets.

        What is found there is held against the network that it is for.
        """
        assert self._store is not None, "a server that runs has a store"
        await server.suspend()
        try:
            await self._store.close()
            try:
                self._store = self._program.open_store(loaded.doc.lease_database, loaded.doc.data_directory)
            except BaseException:
                self._store = self._program.open_store(before.lease_database, before.data_directory)
                raise
        except BaseException:
            await server.go_on(self._store)
            raise
        await server.go_on(self._store, loaded.network, sanity_of(loaded.doc))


async def run_server(server: ServerOf[Any], version: str) -> None:
    """Serves until SIGTERM or SIGINT; SIGUSR1 opens log files anew."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGUSR1, reopen)
    try:
        await server.start()
        gc.collect()
        if sys.implementation.name == "cpython":  # the collectors of others look at what is old less often anyway
            gc.freeze()  # leases and the network live as long as the process: no collection need look at them again
            gc.set_threshold(*GC_THRESHOLD)
        m.DHCP_STARTED.of(server.family.number).log(version=version)
        tell_service_manager("READY=1")
        await server.ended()
    finally:
        tell_service_manager("STOPPING=1")
        await server.end()


def _choose(loaded: AnyLoaded) -> Chosen:
    """The hook libraries that a configuration asks for. Raises ConfigError."""
    chosen = choose(loaded)
    if chosen.failed:
        raise ConfigError(chosen.problems)
    return chosen


def _place_of(doc: AnyDoc) -> tuple[LeaseDatabaseDoc, str]:
    """Where and how leases are kept."""
    return doc.lease_database, doc.data_directory
