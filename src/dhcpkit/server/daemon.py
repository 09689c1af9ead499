"""A server that lives as a process: configuration file, PID file, signals, reload, log outputs.

What a configuration says about the server itself is turned into the server's parts here; what it says about clients
is the network's business (`dhcpkit.config`). This module does not know packets.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from dhcpkit.backends import LeaseFileError, LeaseStore, Memfile, MemoryStore, StoreUnavailable
from dhcpkit.config import ConfigError, Loaded4, load4
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.documents import LeaseDatabaseDoc
from dhcpkit.errors import DhcpkitError
from dhcpkit.server import messages as m
from dhcpkit.server.expiry import Reclaiming
from dhcpkit.server.interfaces import EVERY, InterfaceSpec, absent, interfaces
from dhcpkit.server.log import LoggerSetting, OutputSetting, configure, from_environment, reopen
from dhcpkit.server.process import AlreadyRunning, PidFile, tell_service_manager
from dhcpkit.server.server4 import Listening, Server4
from dhcpkit.server.sockets import SERVER_PORT

__all__ = [
    "Daemon",
    "check",
    "listening_of",
    "loggers_of",
    "missing_interfaces",
    "open_memfile",
    "open_store",
    "reclaiming_of",
    "run_server",
]

# Collections look for cycles, of which serving makes none; the fewer there are, the fewer answers wait for one.
GC_THRESHOLD: Final = (20_000, 50, 100)
DATA_DIR: Final = "/var/lib/kea"
LEASE_FILE: Final = "kea-leases4.csv"


def check(path: str) -> int:
    """`-t FILE`: 0 where the file can be served; else 1, and Kea's words on stderr."""
    try:
        loaded = load4(path)
    except ConfigError as error:
        sys.stderr.write(f"{error.like_kea()}\n")
        return 1
    for number, lacking in _lacking(loaded.doc).items():
        steps = ("Dhcp4", "interfaces-config", "interfaces")
        source = loaded.source
        places = source.value((*steps, number)), source.span(*source.range(steps, key=True))
        shown = " ".join(f"({place})" for place in places)
        sys.stderr.write(f"Error encountered: Failed to select interface: {lacking} {shown}\n")
        return 1
    return 0


def missing_interfaces(doc: Dhcp4Doc) -> Sequence[str]:
    """What a configuration listens on that this machine does not have."""
    return list(_lacking(doc).values())


def _lacking(doc: Dhcp4Doc) -> dict[int, str]:
    present = interfaces()
    told = [absent(spec, present) for spec in listening_of(doc).interfaces]
    return {number: lacking for number, lacking in enumerate(told) if lacking}


def listening_of(doc: Dhcp4Doc, *, patient: bool = True) -> Listening:
    """Where and how to listen. `patient` as Kea: a server without sockets still runs, and an interface may come."""
    config = doc.interfaces_config
    return Listening(
        config.interfaces,
        raw=config.dhcp_socket_type == "raw",
        max_retries=config.service_sockets_max_retries,
        retry_wait=config.service_sockets_retry_wait_time / 1000,
        require_all=config.service_sockets_require_all,
        patient=patient,
    )


def reclaiming_of(doc: Dhcp4Doc) -> Reclaiming:
    """How expired leases are tidied away."""
    config = doc.expired_leases_processing
    return Reclaiming(
        config.reclaim_timer_wait_time,
        config.flush_reclaimed_timer_wait_time,
        config.hold_reclaimed_time,
        config.max_reclaim_leases,
        config.max_reclaim_time,
        config.unwarned_reclaim_cycles,
    )


def loggers_of(doc: Dhcp4Doc) -> list[LoggerSetting]:
    """What is logged where."""
    return [
        LoggerSetting(
            logger.name,
            logger.severity,
            logger.debuglevel,
            tuple(
                OutputSetting(output.output, output.pattern, output.maxsize, output.maxver, output.flush)
                for output in logger.output_options
            ),
        )
        for logger in doc.loggers
    ]


class Daemon:
    """One run of the program with one configuration file."""

    def __init__(  # noqa: PLR0913  # one argument for each switch
        self,
        config: str,
        *,
        process: str,
        version: str,
        port: int = 0,
        client_port: int = 0,
        verbose: bool = False,
        unchecked: bool = False,
        patient: bool = True,
    ) -> None:
        self.config = config
        self._process = process
        self._version = version
        self._port = port or SERVER_PORT
        self._client_port = client_port
        self._verbose = verbose
        self._unchecked = unchecked
        self._patient = patient
        self._server: Server4 | None = None
        self._loaded: Loaded4 | None = None
        self._store: LeaseStore | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._again = False

    def run(self) -> int:
        """Serves until a signal ends it. The exit status."""
        configure([], from_environment(), verbose=self._verbose)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))  # until the loop takes signals over
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        m.DHCP4_STARTING.log(version=self._version)
        if self._unchecked:
            m.DHCP4_SECURITY_CHECKS_DISABLED.log()
        try:
            with PidFile(self.config, self._process):
                return self._run()
        except AlreadyRunning as error:
            m.DHCP4_ALREADY_RUNNING.log(program=self._process, pid=error.pid, file=error.file)
            sys.stderr.write(f"{self._process} already running? PID: {error.pid} exists, PID file: {error.file}\n")
        except OSError as error:
            reason = f"PID file {error.filename}: {error.strerror}" if error.filename else str(error)
            m.DHCP4_SERVER_FAILED.log(reason=reason)
            sys.stderr.write(f"{self._process}: Fatal error during start up: {reason}\n")
        return 1

    def _run(self) -> int:
        loaded = self._load()
        if loaded is None:
            return 1
        try:
            self.serve(loaded)
        except DhcpkitError as error:
            m.DHCP4_INIT_FAIL.log(reason=error)
            return 1
        m.DHCP4_SHUTDOWN.log()
        return 0

    def _load(self) -> Loaded4 | None:
        """The configuration; None after telling what is wrong with it."""
        try:
            return load4(self.config)
        except ConfigError as error:
            self._refused(error)
            m.DHCP4_INIT_FAIL.log(reason=f"configuration error using file '{self.config}': {error.like_kea()}")
        return None

    def _refused(self, error: ConfigError) -> None:
        for problem in error.errors:
            where = f" ({problem.span})" if problem.span else ""
            m.DHCP4_CONFIG_LOAD_FAIL.log(file=self.config, reason=f"{problem.message}{where}")

    def _announce(self, loaded: Loaded4) -> None:
        doc = loaded.doc
        for problem in loaded.warnings:
            where = f" ({problem.span})" if problem.span else ""
            message = m.DHCP4_NOT_SERVED_YET if problem.severity == "notice" else m.DHCP4_CONFIG_SYNTAX_WARNING
            message.log(reason=f"{problem.message}{where}")
        m.DHCPSRV_CFGMGR_SOCKET_TYPE_SELECT.log(type=doc.interfaces_config.dhcp_socket_type)
        for spec in listening_of(doc).interfaces:
            _announce_interface(spec)
        subnets = len(loaded.network.subnets)
        m.DHCP4_CONFIG_COMPLETE.log(what=f"added IPv4 subnets: {subnets}; DDNS: disabled")

    def serve(self, loaded: Loaded4) -> None:
        """Serves a configuration until a signal ends it. Raises what keeps it from starting."""
        configure(loggers_of(loaded.doc), from_environment(), verbose=self._verbose)
        self._announce(loaded)
        asyncio.run(self._serve(loaded))

    async def _serve(self, loaded: Loaded4) -> None:
        doc = loaded.doc
        self._loaded = loaded
        self._store = open_store(doc.lease_database)
        self._server = Server4(
            loaded.network,
            self._store,
            interfaces=listening_of(doc, patient=self._patient),
            port=self._port,
            client_port=self._client_port,
            reclaiming=reclaiming_of(doc),
            lfc_interval=doc.lease_database.lfc_interval,
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        try:
            await run_server(self._server, self._version)
        finally:
            if self._reloading is not None:
                self._reloading.cancel()
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
            m.DHCP4_DYNAMIC_RECONFIGURATION.log(file=self.config)
            tell_service_manager("RELOADING=1", since_boot=True)
            try:
                # Reading takes a while; in a thread, so that clients are served meanwhile.
                loaded = await asyncio.to_thread(load4, self.config)
                await self._adopt(loaded)
            except ConfigError as error:
                self._refused(error)
            except (OSError, StoreUnavailable, LeaseFileError) as error:
                m.DHCP4_CONFIG_LOAD_FAIL.log(file=self.config, reason=error)
            else:
                m.DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS.log(file=self.config)
                tell_service_manager("READY=1")
                continue
            m.DHCP4_DYNAMIC_RECONFIGURATION_FAIL.log(file=self.config)
            tell_service_manager("READY=1", "STATUS=The last reload failed; the configuration before it is in force.")

    async def _adopt(self, loaded: Loaded4) -> None:
        """Puts a configuration in force, or raises and leaves the earlier one."""
        server, before = self._server, self._loaded
        assert server is not None, "only a server that runs is reloaded"
        assert before is not None, "a server that runs has a configuration"
        listening = listening_of(loaded.doc, patient=self._patient)
        if loaded.doc.lease_database != before.doc.lease_database:
            await self._change_store(server, before.doc.lease_database, loaded.doc.lease_database)
        configure(loggers_of(loaded.doc), from_environment(), verbose=self._verbose)
        self._announce(loaded)
        server.reconfigure(loaded.network, listening, reclaiming_of(loaded.doc), loaded.doc.lease_database.lfc_interval)
        self._loaded = loaded

    async def _change_store(self, server: Server4, before: LeaseDatabaseDoc, after: LeaseDatabaseDoc) -> None:
        """Leases move to another store's keeping: nobody is served for that moment, packets wait in the sockets."""
        assert self._store is not None, "a server that runs has a store"
        await server.suspend()
        try:
            await self._store.close()
            try:
                self._store = open_store(after)
            except BaseException:
                self._store = open_store(before)
                raise
        finally:
            await server.go_on(self._store)


def _announce_interface(spec: InterfaceSpec) -> None:
    if spec.name == EVERY:
        m.DHCPSRV_CFGMGR_ALL_IFACES_ACTIVE.log()
    elif spec.address:
        name, _, address = str(spec).partition("/")
        m.DHCPSRV_CFGMGR_USE_ADDRESS.log(address=address, interface=name)
    else:
        m.DHCPSRV_CFGMGR_ADD_IFACE.log(interface=spec.name)


def open_store(config: LeaseDatabaseDoc) -> LeaseStore:
    """The lease store a configuration asks for. Raises StoreUnavailable, LeaseFileError."""
    if not config.persist:
        return MemoryStore()
    path = config.name or str(Path(os.environ.get("KEA_DHCP_DATA_DIR") or DATA_DIR) / LEASE_FILE)
    told = {"durability": config.durability, "lfc-interval": config.lfc_interval, "name": path}
    m.DHCPSRV_MEMFILE_DB.log(parameters=" ".join(f"{key}={value}" for key, value in told.items()))
    return open_memfile(path, "os" if config.durability == "os" else "fsync", config.max_row_errors)


def open_memfile(path: str, durability: Literal["fsync", "os"] = "fsync", max_row_errors: int = 0) -> Memfile:
    """Opens a lease file and tells what was in it. Raises StoreUnavailable, LeaseFileError."""
    m.DHCPSRV_MEMFILE_LEASE_FILE_LOAD.log(file=path)
    began = time.monotonic()
    store = Memfile(path, durability, max_row_errors=max_row_errors)
    for problem in store.report.problems:
        m.DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR.log(reason=problem)
    seconds = f"{time.monotonic() - began:.1f}"
    m.DHCPSRV_MEMFILE_LEASES_RELOAD_END.log(count=store.report.leases, file=path, seconds=seconds)
    return store


async def run_server(server: Server4, version: str) -> None:
    """Serves until SIGTERM or SIGINT; SIGUSR1 opens log files anew."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGUSR1, reopen)
    try:
        await server.start()
        gc.collect()
        gc.freeze()  # leases and the network live as long as the process: no collection need look at them again
        gc.set_threshold(*GC_THRESHOLD)
        m.DHCP4_STARTED.log(version=version)
        tell_service_manager("READY=1")
        await server.ended()
    finally:
        tell_service_manager("STOPPING=1")
        await server.end()
