"""The two server programs as values: what a configuration says about the server itself, turned into the server's parts.

What it says about clients is the network's business (`dhcpkit.config`). This module does not know processes, signals
or packets.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from dhcpkit.alloc.extended_checks import ExtendedInfoChecks
from dhcpkit.alloc.sanity import LeaseChecks
from dhcpkit.backends import LeaseStore4, LeaseStore6, Memfile, Memfile6, MemoryStore, MemoryStore6
from dhcpkit.config import Dhcp4Doc, Dhcp6Doc, Loaded4, Loaded6, family_of, load4, load6
from dhcpkit.config.agent import AgentDoc
from dhcpkit.config.surroundings import LeaseDatabaseDoc
from dhcpkit.server import messages as m
from dhcpkit.server.expiry import Reclaiming
from dhcpkit.server.interfaces import EVERY, InterfaceSpec, absent, interfaces
from dhcpkit.server.log import LoggerSetting, OutputSetting, stray_files
from dhcpkit.server.loop import AnyStore
from dhcpkit.server.sanity import SanityChecks
from dhcpkit.server.server import Listening, ServerOf
from dhcpkit.server.server4 import Server4
from dhcpkit.server.server6 import Server6
from dhcpkit.server.server_id import FILE_NAME, read_server_id, server_id_of, write_server_id
from dhcpkit.server.sockets import SERVER_PORT
from dhcpkit.server.sockets6 import SERVER_PORT6

__all__ = [
    "PROGRAM4",
    "PROGRAM6",
    "AnyDoc",
    "AnyLoaded",
    "Program",
    "Samples",
    "data_folder",
    "lacking_interfaces",
    "listening_of",
    "loggers_of",
    "missing_interfaces",
    "open_memfile",
    "program_for",
    "reclaiming_of",
    "samples_of",
    "sanity_of",
]

DATA_DIR: Final = "/var/lib/kea"

AnyDoc = Dhcp4Doc | Dhcp6Doc
AnyLoaded = Loaded4 | Loaded6
Durability = Literal["fsync", "os"]


@attrs.frozen
class Samples:
    """What is kept of each statistic: its newest samples up to a number, or those that are not older, in seconds."""

    count: int | None
    age: int | None


@attrs.frozen(eq=False)
class Program:
    """A server program: its family, Kea's name for it, the key its configuration begins with, and its parts.

    `settle` completes a configuration that was read by what only this machine knows. `memfile` opens a lease file,
    `memory` a store without one.
    """

    family: int
    process: str
    top: str
    port: int
    lease_file: str
    load: Callable[..., AnyLoaded]
    settle: Callable[[Any], None]
    server: Callable[..., ServerOf[Any]]
    memfile: Callable[..., Any]
    memory: Callable[[], AnyStore]

    def open_store(self, config: LeaseDatabaseDoc, folder: str = "") -> AnyStore:
        """The lease store a configuration asks for; `folder` is its `data-directory`.

        Raises StoreUnavailable, LeaseFileError.
        """
        if not config.persist:
            return self.memory()
        path = config.name or str(data_folder(folder) / self.lease_file)
        told = {"durability": config.durability, "lfc-interval": config.lfc_interval, "name": path}
        parameters = " ".join(f"{key}={value}" for key, value in told.items())
        m.DHCPSRV_MEMFILE_DB.of(self.family).log(parameters=parameters)
        return open_memfile(self, path, "os" if config.durability == "os" else "fsync", config.max_row_errors)

    def announce(self, loaded: AnyLoaded) -> None:
        """Tells what a configuration amounts to."""
        doc = loaded.doc
        for problem in loaded.warnings:
            where = f" ({problem.span})" if problem.span else ""
            twin = m.DHCP_NOT_SERVED_YET if problem.severity == "notice" else m.DHCP_CONFIG_SYNTAX_WARNING
            twin.of(self.family).log(reason=f"{problem.message}{where}")
        for file, folder in stray_files(loggers_of(doc)):
            m.DCTL_LOG_PATH_SECURITY_WARNING.of(self.family).log(file=file, folder=folder)
        if isinstance(doc, Dhcp4Doc):
            m.DHCPSRV_CFGMGR_SOCKET_TYPE_SELECT.log(type=doc.interfaces_config.dhcp_socket_type)
        for spec in listening_of(doc).interfaces:
            _announce_interface(spec)
        subnets = len(loaded.network.subnets)
        counted = f"added IPv{self.family} subnets: {subnets}" if subnets else f"no IPv{self.family} subnets!"
        m.DHCP_CONFIG_COMPLETE.of(self.family).log(what=f"{counted}; DDNS: disabled")


def data_folder(configured: str) -> Path:
    """Where files are kept that the configuration names no place for: its `data-directory`, if it has one."""
    return Path(configured or os.environ.get("KEA_DHCP_DATA_DIR") or DATA_DIR)


def _announce_interface(spec: InterfaceSpec) -> None:
    if spec.name == EVERY:
        m.DHCPSRV_CFGMGR_ALL_IFACES_ACTIVE.of(spec.family).log()
    elif spec.address:
        told = m.DHCPSRV_CFGMGR_USE_UNICAST if spec.family == 6 else m.DHCPSRV_CFGMGR_USE_ADDRESS
        told.log(address=spec.shown, interface=spec.name)
    else:
        m.DHCPSRV_CFGMGR_ADD_IFACE.of(spec.family).log(interface=spec.name)


def missing_interfaces(doc: AnyDoc) -> Sequence[str]:
    """What a configuration listens on that this machine does not have."""
    return list(lacking_interfaces(doc).values())


def lacking_interfaces(doc: AnyDoc) -> dict[int, str]:
    """The same, by the place in the configuration's list."""
    present = interfaces()
    told = [absent(spec, present) for spec in listening_of(doc).interfaces]
    return {number: lacking for number, lacking in enumerate(told) if lacking}


def listening_of(doc: AnyDoc, *, patient: bool = True) -> Listening:
    """Where and how to listen. `patient` as Kea: a server without sockets still runs, and an interface may come."""
    config = doc.interfaces_config
    return Listening(
        config.interfaces,
        raw=isinstance(doc, Dhcp4Doc) and doc.interfaces_config.dhcp_socket_type == "raw",
        routed=isinstance(doc, Dhcp4Doc) and doc.interfaces_config.outbound_interface == "use-routing",
        redetect=config.re_detect,
        max_retries=config.service_sockets_max_retries,
        retry_wait=config.service_sockets_retry_wait_time / 1000,
        require_all=config.service_sockets_require_all,
        patient=patient,
        family=6 if isinstance(doc, Dhcp6Doc) else 4,
    )


def reclaiming_of(doc: AnyDoc) -> Reclaiming:
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


def sanity_of(doc: AnyDoc) -> SanityChecks:
    """What is done with leases that do not fit the configuration."""
    config = doc.sanity_checks
    return SanityChecks(LeaseChecks(config.lease_checks), ExtendedInfoChecks[config.extended_info_checks.upper()])


def samples_of(doc: AnyDoc) -> Samples:
    """How many samples statistics keep, or for how long: as in Kea, their age counts where their number is 0."""
    count = doc.statistic_default_sample_count
    return Samples(count or None, None if count else doc.statistic_default_sample_age)


def loggers_of(doc: AnyDoc | AgentDoc) -> list[LoggerSetting]:
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


def open_memfile(program: Program, path: str, durability: Durability = "fsync", max_row_errors: int = 0) -> AnyStore:
    """Opens a lease file and tells what was in it. Raises StoreUnavailable, LeaseFileError."""
    family = program.family
    m.DHCPSRV_MEMFILE_LEASE_FILE_LOAD.of(family).log(file=path)
    began = time.monotonic()
    store: Memfile | Memfile6 = program.memfile(path, durability, max_row_errors=max_row_errors)
    for problem in store.report.problems:
        m.DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR.of(family).log(reason=problem)
    seconds = f"{time.monotonic() - began:.1f}"
    m.DHCPSRV_MEMFILE_LEASES_RELOAD_END.of(family).log(count=store.report.leases, file=path, seconds=seconds)
    return store


def _settle4(_loaded: Loaded4) -> None:
    """Nothing is left open."""


def _settle6(loaded: Loaded6) -> None:
    """Gives the network the server's DUID. Raises ServerIdError."""
    config = loaded.doc.server_id
    path = data_folder(loaded.doc.data_directory) / FILE_NAME
    before = read_server_id(path) if config.persist else None
    duid = server_id_of(config, before, interfaces().values())
    if config.persist and duid != before:
        try:
            write_server_id(path, duid)
        except OSError as error:
            m.DHCP6_SERVERID_NOT_KEPT.log(file=path, reason=error.strerror or error)
    loaded.network.server_id = duid
    m.DHCP6_USING_SERVERID.log(duid=duid, file=path if config.persist else "(none)")


def _memory4() -> LeaseStore4:
    return MemoryStore()


def _memory6() -> LeaseStore6:
    return MemoryStore6()


PROGRAM4: Final = Program(
    *(4, "kea-dhcp4", "Dhcp4", SERVER_PORT, "kea-leases4.csv"), load4, _settle4, Server4, Memfile, _memory4
)
PROGRAM6: Final = Program(
    *(6, "kea-dhcp6", "Dhcp6", SERVER_PORT6, "kea-leases6.csv"), load6, _settle6, Server6, Memfile6, _memory6
)


def program_for(path: Path | str) -> Program:
    """The program that a configuration file is for."""
    return PROGRAM6 if family_of(path) == PROGRAM6.family else PROGRAM4
