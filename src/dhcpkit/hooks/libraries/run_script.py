"""Runs a script for what happens to leases: `libdhcp_run_script.so`.

The script gets the hook point's name as its only argument, and what happened in its environment, which has nothing
else. Nobody waits for it, unless `sync` is set: then answers wait for it where a hook point can wait. So many scripts
run at a time, and so many wait for their turn; beyond that they are not run, which is logged.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Final

from dhcpkit.alloc.points import Lease4Decline, Lease4Expire, Lease4Recover, Lease4Release, Lease4Renew
from dhcpkit.alloc.points6 import (
    Addr6Register,
    Lease6Decline,
    Lease6Expire,
    Lease6Rebind,
    Lease6Recover,
    Lease6Release,
    Lease6Renew,
)
from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.libraries import run_script_environment as env
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Leases4Committed, Leases6Committed

__all__ = ["RunScript", "RunScriptParameters", "ScriptError", "check_script", "run_program"]

RUNNING_MAX: Final = 16  # scripts at a time; a process each
WAITING_MAX: Final = 1024  # scripts that wait for their turn
RUN_MAX: Final = 60.0  # seconds until a script is killed that does not end

_log = Both("run-script-hooks")
RUN_SCRIPT_LOAD: Final = _log.info(
    "RUN_SCRIPT_LOAD",
    "Run Script hooks library has been loaded: {script}",
    "From now on this script is run for what happens to leases.",
)
RUN_SCRIPT_FAILED: Final = _log.warn(
    "RUN_SCRIPT_FAILED",
    "script {script} for {point}: {reason}",
    "dhcpkit's own. The script could not be run, ended with another status than 0, or was killed after a minute. "
    "Clients are served as before.",
)
RUN_SCRIPT_LOST: Final = _log.warn(
    "RUN_SCRIPT_LOST",
    "script {script} was not run {count} times: too many are waiting",
    "dhcpkit's own. Scripts cannot keep up with what happens. What happened meanwhile was not told to the script.",
)


class ScriptError(DhcpkitError):
    """The configuration names a script that cannot be run, or that others may write."""


@document("parameters")
class RunScriptParameters(Document):
    """What run_script is told."""

    name: str = param(doc="The script's absolute path.")
    sync: bool = param(default=False, doc="Whether answers wait for the script, where a hook point can wait.")


class RunScript(Library):
    """Runs a script for what happens to leases."""

    name = "run_script"
    parameters = RunScriptParameters
    paths = ("name",)
    deadline = RUN_MAX + 1

    async def load(self) -> None:
        """Raises ScriptError where the script cannot be run."""
        check_script(Path(self.told.name))
        self._queue: deque[tuple[str, dict[str, str], asyncio.Future[None]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost = 0
        self.unused = frozenset({"committed"} if self.told.sync else {"committed_waiting"})
        RUN_SCRIPT_LOAD.of(self.operated.family).log(script=self.told.name)

    async def unload(self) -> None:
        """Waits for scripts that run; what waits for its turn is not run."""
        self._queue.clear()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @on(Lease4Renew)
    def renewed(self, point: Lease4Renew) -> None:
        """A client's lease is extended."""
        self._start(
            point.kea_name,
            env.query4(point.packet),
            env.subnet4("SUBNET4", point.subnet),
            [("PKT4_CLIENT_ID", point.client_id.hex(":"))],
            [("PKT4_HWADDR", point.hwaddr.hex(":")), ("PKT4_HWADDR_TYPE", str(point.packet.htype))],
            env.lease4("LEASE4", point.lease),
        )

    @on(Lease4Release)
    @on(Lease4Decline)
    def given_back(self, point: Lease4Release | Lease4Decline) -> None:
        """A lease is released, or its address is in use."""
        self._start(point.kea_name, env.query4(point.packet), env.lease4("LEASE4", point.lease))

    @on(Lease4Expire)
    def expired(self, point: Lease4Expire) -> None:
        """A lease is taken back."""
        self._start(point.kea_name, env.lease4("LEASE4", point.lease), env.truth("REMOVE_LEASE", point.remove))

    @on(Lease4Recover)
    def recovered(self, point: Lease4Recover) -> None:
        """A declined address can be used again."""
        self._start(point.kea_name, env.lease4("LEASE4", point.lease))

    @on(Lease6Renew)
    @on(Lease6Rebind)
    def renewed6(self, point: Lease6Renew | Lease6Rebind) -> None:
        """A client's lease is extended."""
        packet, lease = env.query6(point.packet), env.lease6("LEASE6", point.lease)
        self._start(point.kea_name, packet, lease, env.association6(point.lease))

    @on(Lease6Release)
    @on(Lease6Decline)
    def given_back6(self, point: Lease6Release | Lease6Decline) -> None:
        """A lease is released, or its address is in use."""
        self._start(point.kea_name, env.query6(point.packet), env.lease6("LEASE6", point.lease))

    @on(Lease6Expire)
    def expired6(self, point: Lease6Expire) -> None:
        """A lease is taken back."""
        self._start(point.kea_name, env.lease6("LEASE6", point.lease), env.truth("REMOVE_LEASE", point.remove))

    @on(Lease6Recover)
    def recovered6(self, point: Lease6Recover) -> None:
        """A declined address can be used again."""
        self._start(point.kea_name, env.lease6("LEASE6", point.lease))

    @on(Addr6Register)
    def registered(self, point: Addr6Register) -> None:
        """A client registers an address of its own making."""
        self._start(
            point.kea_name,
            env.query6(point.packet),
            [("ADDRESS6", str(IPv6Address(point.address)))],
            env.lease6("OLD_LEASE6", point.before),
            env.lease6("NEW_LEASE6", point.lease),
        )

    @on(Leases4Committed)
    @on(Leases6Committed)
    def committed(self, point: Leases4Committed | Leases6Committed) -> None:
        """What became of a message is stored."""
        self._start(point.kea_name, *_stored(point))

    @on(Leases4Committed)
    @on(Leases6Committed)
    async def committed_waiting(self, point: Leases4Committed | Leases6Committed) -> None:
        """The same; the answer waits for the script."""
        await self._start(point.kea_name, *_stored(point))

    def _start(self, point: str, *variables: Iterable[tuple[str, str]]) -> asyncio.Future[None]:
        """Runs the script once it is its turn; the future is done when it has ended."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self._queue) >= WAITING_MAX:
            self._lost += 1
            done.set_result(None)
            return done
        told = {name: value.replace("\0", "") for part in variables for name, value in part}
        self._queue.append((point, told, done))
        if len(self._tasks) < RUNNING_MAX:
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return done

    async def _work(self) -> None:
        """Runs scripts one after the other, until none waits."""
        while self._queue:
            point, told, done = self._queue.popleft()
            if self._lost:
                lost, self._lost = self._lost, 0
                RUN_SCRIPT_LOST.of(self.operated.family).log(script=self.told.name, count=lost)
            try:
                reason = await run_program(self.told.name, point, told)
            except OSError as error:
                reason = error.strerror or str(error)
            if reason:
                RUN_SCRIPT_FAILED.of(self.operated.family).log(script=self.told.name, point=point, reason=reason)
            if not done.done():
                done.set_result(None)


def _stored(point: Leases4Committed | Leases6Committed) -> Iterable[Iterable[tuple[str, str]]]:
    family = 4 if isinstance(point, Leases4Committed) else 6
    query: Any = env.query4(point.query) if isinstance(point, Leases4Committed) else env.query6(point.query)
    yield query
    yield env.leases(f"LEASES{family}", point.leases)
    yield env.leases(f"DELETED_LEASES{family}", point.deleted)


async def run_program(script: str, point: str, told: dict[str, str]) -> str:
    """What went wrong with a script, "" where nothing did. Raises OSError where it cannot be started."""
    variables = {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in told.items()}
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(script, point, env=variables, stdin=nothing, start_new_session=True)
    try:
        status = await asyncio.wait_for(process.wait(), RUN_MAX)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return f"it was killed after {RUN_MAX:g} s"
    if status == 0:
        return ""
    return f"it ended with status {status}" if status > 0 else f"it was ended by signal {-status}"


def check_script(script: Path) -> None:
    """Raises ScriptError for what cannot be run, or could be changed by somebody else."""
    if not script.is_absolute():
        raise ScriptError(f"Invalid 'name' parameter: {script} is no absolute path")
    try:
        found = script.stat()
        folder = script.parent.stat()
    except OSError as error:
        raise ScriptError(f"Invalid 'name' parameter: File not found: {script}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode) or not os.access(script, os.X_OK):
        raise ScriptError(f"Invalid 'name' parameter: File not executable: {script}")
    for what, each in ((script, found), (script.parent, folder)):
        others = each.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not each.st_mode & stat.S_ISVTX
        if each.st_uid not in (0, os.geteuid()) or others:
            raise ScriptError(f"Invalid 'name' parameter: {what} can be written by others than root and the server")
