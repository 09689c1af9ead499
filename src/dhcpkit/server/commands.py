"""The commands every server has: what it is, how it fares, its statistics, whether it serves.

Names, arguments and results are Kea's; texts where a program may look at them. What a command needs of the process it
runs in is an `Operated`. This module does not know channels.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.config.normal import hash_of, pretty_text
from dhcpkit.config.param import Document, document, param
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command, read_arguments
from dhcpkit.hooks.operated import Operated
from dhcpkit.server.main import KEA_VERSION, VERSION
from dhcpkit.server.server import ServerOf
from dhcpkit.server.state import HA_REMOTE, USER, ServiceState
from dhcpkit.server.statistics import Statistics

__all__ = [
    "AgeArguments",
    "CountArguments",
    "DisableArguments",
    "NamedAgeArguments",
    "NamedArguments",
    "NamedCountArguments",
    "OwnProcess",
    "ReclaimArguments",
    "ServiceArguments",
    "ServiceCommands",
    "ShutdownArguments",
    "StatisticCommands",
    "WriteArguments",
    "config_hash",
    "shown_samples",
    "target_beside",
    "write_config",
]

CONFIG_MODE: Final = 0o640  # of a configuration that was written: it may hold passwords
ORIGINS: Final = {"user": USER, "ha-partner": HA_REMOTE}  # what older callers call them
S = TypeVar("S", bound="ServiceArguments")
EMPTY: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)


class OwnProcess(Operated, Protocol):
    """The process, as the commands see it that are the server's own."""

    state: ServiceState
    started: float
    """When it started, of `time.monotonic`."""
    reloaded: float
    """When the configuration came into force."""

    @property
    def server(self) -> ServerOf[Any]:
        """The server that runs."""
        ...

    def load(self, path: str, text: str | None = None) -> Any:
        """Reads a configuration, from a file or a text. Raises ConfigError. May be called in a thread."""
        ...

    async def adopt(self, loaded: Any) -> None:
        """Puts a configuration in force, or raises and leaves the earlier one."""
        ...

    def stop(self, status: int) -> None:
        """Ends the process, once what was begun is answered."""
        ...


# What commands take.


@document("arguments")
class NamedArguments(Document):
    """A statistic by its name."""

    name: str = param(doc="The name of a statistic, as `pkt4-received` or `subnet[1].assigned-addresses`.")


@document("arguments")
class CountArguments(Document):
    """How many samples are kept."""

    max_samples: int = param(low=0, high=1_000_000, doc="How many samples are kept, the newest ones.")


@document("arguments")
class NamedCountArguments(NamedArguments, CountArguments):
    """How many samples of one statistic are kept."""


@document("arguments")
class AgeArguments(Document):
    """How long samples are kept."""

    duration: int = param(low=0, high=1 << 31, doc="How many seconds a sample is kept.")


@document("arguments")
class NamedAgeArguments(NamedArguments, AgeArguments):
    """How long samples of one statistic are kept."""


@document("arguments")
class ServiceArguments(Document):
    """Who wants the service enabled or disabled."""

    origin_id: int | None = param(
        default=None, low=0, high=1 << 32, doc="Who: 1 is a user, from 1000 and 2000 on HA relationships count."
    )
    origin: object = param(default=None, doc="Old form of origin-id: `user`, `ha-partner`, or a number.")

    def who(self) -> int:
        """The origin's number. Raises Refused."""
        if self.origin_id is not None:
            return self.origin_id
        if self.origin is None:
            return USER
        if isinstance(self.origin, int) and not isinstance(self.origin, bool) and self.origin >= 0:
            return self.origin or USER
        known = ORIGINS.get(self.origin) if isinstance(self.origin, str) else None
        if known is None:
            raise Refused(f"invalid value used for 'origin' parameter: {self.origin}")
        return known


@document("arguments")
class DisableArguments(ServiceArguments):
    """Who disables the service, and for how long."""

    max_period: int | None = param(
        default=None, low=1, high=1 << 31, doc="Seconds after which it is enabled again by itself."
    )


@document("arguments")
class ReclaimArguments(Document):
    """What becomes of reclaimed leases."""

    remove: bool = param(doc="Whether they are removed; else they are kept as expired-reclaimed.")


@document("arguments")
class ShutdownArguments(Document):
    """How the process ends."""

    exit_value: int = param(default=0, low=0, high=255, doc="The exit status.")


@document("arguments")
class WriteArguments(Document):
    """Where the configuration is written."""

    filename: str = param(
        default="", doc="A file in the folder of the file that the server was started with; that file if absent."
    )


class ServiceCommands:
    """What the server is, whether it serves, and its end."""

    def __init__(self, operated: OwnProcess) -> None:
        self._operated = operated

    @command("list-commands", Access.READ, since="1.0.0")
    def list_commands(self) -> Answer:
        """Lists the names of all commands that this server has."""
        return Answer(arguments=[each.declaration.name for each in self._operated.commands])

    @command("version-get", Access.READ, since="1.2.0")
    def version_get(self) -> Answer:
        """Tells which version runs.

        The text begins with the version of Kea that dhcpkit stands for; `extended` has dhcpkit's own.
        """
        return Answer(text=KEA_VERSION, arguments={"extended": f"{VERSION}\nlease backends:\n- Memfile backend 3.0"})

    @command("build-report", Access.READ, since="1.2.0")
    def build_report(self) -> Answer:
        """Tells what the server was made from."""
        return Answer(text=f"dhcpkit {VERSION}\nA Python package; nothing was configured when it was built.")

    @command("server-tag-get", Access.READ, since="1.6.0")
    def server_tag_get(self) -> Answer:
        """Tells the tag under which configuration in a database is meant for this server."""
        return Answer(arguments={"server-tag": self._operated.doc.server_tag})

    @command("config-backend-pull", Access.WRITE, since="1.7.1", results=EMPTY)
    def config_backend_pull(self) -> Answer:
        """Fetches changes from the configuration database. There is none yet."""
        return Answer(Result.EMPTY, "No config backend.")

    @command("status-get", Access.READ, since="1.7.3")
    def status_get(self) -> Answer:
        """Tells how long the server has run, whether it serves, and which sockets could not be opened."""
        operated, now = self._operated, time.monotonic()
        troubles = operated.server.sockets.troubles
        sockets: dict[str, Any] = {"status": "failed", "errors": list(troubles)} if troubles else {"status": "ready"}
        told = {
            "dhcp-state": operated.state.as_json(),
            "multi-threading-enabled": False,
            "pid": os.getpid(),
            "reload": int(now - operated.reloaded),
            "sockets": sockets,
            "uptime": int(now - operated.started),
        }
        file = getattr(operated.store, "path", None)
        if file is not None:
            told["csv-lease-file"] = str(file)  # since Kea 3.1: where whoever watches leases finds them
        if operated.family == 6:
            told["extended-info-tables"] = False  # a relay agent's words are searched for in the leases themselves
        return Answer(arguments=told)

    @command("dhcp-disable", Access.WRITE, since="1.4.0", arguments=DisableArguments, raw=True)
    def dhcp_disable(self, sent: Any) -> Answer:
        """Stops serving clients, until whoever asked for it enables the service again.

        With `max-period` it is enabled again after so many seconds. Commands are served meanwhile.
        """
        arguments = _service(DisableArguments, sent)
        self._operated.state.disable(arguments.who(), arguments.max_period)
        span = "" if arguments.max_period is None else f" for {arguments.max_period} seconds"
        return Answer(text=f"DHCPv{self._operated.family} service disabled{span}")

    @command("dhcp-enable", Access.WRITE, since="1.4.0", arguments=ServiceArguments, raw=True)
    def dhcp_enable(self, sent: Any) -> Answer:
        """Takes an origin's objection back; clients are served again once nobody objects any more."""
        self._operated.state.enable(_service(ServiceArguments, sent).who())
        return Answer(text="DHCP service successfully enabled")

    @command("leases-reclaim", Access.WRITE, since="1.0.0", arguments=ReclaimArguments)
    async def leases_reclaim(self, arguments: ReclaimArguments) -> Answer:
        """Takes back every lease whose time is over, at once and without the limits of the timers."""
        try:
            await self._operated.server.reclaimer.reclaim_all(remove=arguments.remove)
        except StoreUnavailable as error:
            raise Refused(f"leases cannot be reclaimed: {error}") from None
        return Answer(text="Reclamation of expired leases is complete.")

    @command("shutdown", Access.WRITE, since="1.0.0", arguments=ShutdownArguments, raw=True)
    def shutdown(self, sent: Any) -> Answer:
        """Ends the server once what it has begun is answered."""
        if type(_member(sent, "exit-value", 0)) is not int:
            raise Refused("parameter 'exit-value' is not an integer")
        arguments = read_arguments(ShutdownArguments, sent)
        self._operated.stop(arguments.exit_value)
        return Answer(text="Shutting down.")


class StatisticCommands:
    """The server's counters."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    @command("statistic-get", Access.READ, since="1.0.0", arguments=NamedArguments)
    def statistic_get(self, arguments: NamedArguments) -> Answer:
        """Tells the samples of a statistic, the newest first; nothing where there is none of that name."""
        samples = self._statistics.samples(arguments.name)
        return Answer(arguments={arguments.name: shown_samples(samples)} if samples else {})

    @command("statistic-get-all", Access.READ, since="1.0.0")
    def statistic_get_all(self) -> Answer:
        """Tells the samples of every statistic."""
        statistics = self._statistics
        return Answer(arguments={name: shown_samples(statistics.samples(name)) for name in sorted(statistics.values())})

    @command("statistic-global-get-all", Access.READ, since="3.1.2")
    def statistic_global_get_all(self) -> Answer:
        """Tells the samples of every statistic that is not about one subnet."""
        statistics = self._statistics
        names = sorted(name for name in statistics.values() if not name.startswith("subnet["))
        return Answer(arguments={name: shown_samples(statistics.samples(name)) for name in names})

    @command("statistic-reset", Access.WRITE, since="1.0.0", arguments=NamedArguments)
    def statistic_reset(self, arguments: NamedArguments) -> Answer:
        """Sets a statistic to zero and forgets its samples."""
        if not self._statistics.reset(arguments.name):
            raise Refused(f"No '{arguments.name}' statistic found")
        return Answer(text=f"Statistic '{arguments.name}' reset.")

    @command("statistic-reset-all", Access.WRITE, since="1.0.0")
    def statistic_reset_all(self) -> Answer:
        """Sets every statistic to zero and forgets its samples."""
        for name in self._statistics.values():
            self._statistics.reset(name)
        return Answer(text="All statistics reset to neutral values.")

    @command("statistic-remove", Access.WRITE, since="1.0.0", arguments=NamedArguments)
    def statistic_remove(self, arguments: NamedArguments) -> Answer:
        """Forgets a statistic, until something is counted under its name again."""
        if not self._statistics.remove(arguments.name):
            raise Refused(f"No '{arguments.name}' statistic found")
        return Answer(text=f"Statistic '{arguments.name}' removed.")

    @command("statistic-remove-all", Access.WRITE, since="1.0.0")
    def statistic_remove_all(self) -> Answer:
        """Forgets every statistic, until something is counted under its name again. Deprecated."""
        for name in self._statistics.values():
            self._statistics.remove(name)
        return Answer(text="Warning: statistic-remove-all command is deprecated. All statistics removed.")

    @command("statistic-sample-count-set", Access.WRITE, since="1.6.0", arguments=NamedCountArguments)
    def statistic_sample_count_set(self, arguments: NamedCountArguments) -> Answer:
        """Says how many samples of a statistic are kept."""
        _check_count(arguments)
        if not self._statistics.keep(arguments.name, count=arguments.max_samples):
            raise Refused(f"No '{arguments.name}' statistic found")
        return Answer(text=f"Statistic '{arguments.name}' count limit is set.")

    @command("statistic-sample-count-set-all", Access.WRITE, since="1.6.0", arguments=CountArguments)
    def statistic_sample_count_set_all(self, arguments: CountArguments) -> Answer:
        """Says how many samples of every statistic are kept, of those to come as well."""
        _check_count(arguments)
        self._statistics.keep(count=arguments.max_samples)
        return Answer(text="All statistics count limit are set.")

    @command("statistic-sample-age-set", Access.WRITE, since="1.6.0", arguments=NamedAgeArguments)
    def statistic_sample_age_set(self, arguments: NamedAgeArguments) -> Answer:
        """Says how long samples of a statistic are kept, however many they are."""
        if not self._statistics.keep(arguments.name, age=arguments.duration):
            raise Refused(f"No '{arguments.name}' statistic found")
        return Answer(text=f"Statistic '{arguments.name}' duration limit is set.")

    @command("statistic-sample-age-set-all", Access.WRITE, since="1.6.0", arguments=AgeArguments)
    def statistic_sample_age_set_all(self, arguments: AgeArguments) -> Answer:
        """Says how long samples of every statistic are kept, of those to come as well."""
        self._statistics.keep(age=arguments.duration)
        return Answer(text="All statistics duration limit are set.")


def _check_count(arguments: CountArguments) -> None:
    """Whether any samples are kept. Raises Refused."""
    if not arguments.max_samples:
        raise Refused("'max-samples' parameter must not be zero")


def _member(sent: Any, key: str, otherwise: Any = None) -> Any:
    """An argument as it was sent."""
    return sent.get(key, otherwise) if isinstance(sent, dict) else otherwise


def _service(cls: type[S], sent: Any) -> S:
    """Who wants the service on or off, and for how long. Raises Refused in the words that Kea has for it."""
    for key in ("max-period", "origin-id"):
        if key in cls.by_key and type(_member(sent, key, 0)) is not int:
            raise Refused(f"'{key}' argument must be a number")
    if "max-period" in cls.by_key and _member(sent, "max-period", 1) <= 0:
        raise Refused("'max-period' must be positive integer")
    return read_arguments(cls, sent)


def shown_samples(samples: list[tuple[int, float]]) -> list[list[Any]]:
    """Samples as Kea writes them: value and local time."""
    return [[value, datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S.%f")] for value, at in samples]  # noqa: DTZ006  # Kea's is local time, too


def config_hash(config: Any) -> str:
    """Kea's hash of a configuration in its normal form."""
    return hash_of(config)


def target_beside(config: str, name: str) -> Path:
    """The file in the folder of a configuration that a name means. Raises Refused where it may not be written."""
    started = Path(config).absolute()
    if not name:
        return started
    path = Path(name)
    if path.name in ("", ".", "..") or (path.parent != Path() and path.parent != started.parent):
        where = f"file {name} must be in the same directory as the config file ({started})"
        raise Refused(f"not allowed to write config into {name}: {where}")
    return started.parent / path.name


def write_config(target: Path, config: Any) -> Answer:
    """Writes a configuration to a file, all of it or nothing. Raises Refused."""
    octets = pretty_text(config).encode("utf-8", "surrogateescape")
    try:
        _write(target, octets)
    except OSError as error:
        raise Refused(f"Error during config-write: {target}: {error.strerror}") from None
    told = {"filename": str(target), "size": len(octets)}
    return Answer(text=f"Configuration written to {target} successful", arguments=told)


def _write(target: Path, octets: bytes) -> None:
    """Replaces a file whole, with its data on the disk before its name is."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), CONFIG_MODE)
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
